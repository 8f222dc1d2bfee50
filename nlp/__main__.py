"""python -m nlp IN [-o OUT] [--jobs N]: notes as JSON Lines in, readings as JSON Lines out, in input order.

A bad line is reported on standard error with its number and left out; the exit status is then 1. Notes with a
`member_id` are also compared with the earlier ones of that member in the file: see `nlp.members`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from typing import IO

import nlp
from nlp.findings import Statement
from nlp.members import Member

Numbered = tuple[int, bytes]
Answer = tuple[int, str, str]
"""Line number, the answer, the fault: one of the two is empty."""


def answer(numbered: Numbered) -> Answer:
    """One input line read. A fault names the field that is wrong, never what the note says."""
    number, line = numbered
    try:
        note = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = (
            error.msg
            if isinstance(error, json.JSONDecodeError)
            else "not UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else "no JSON"
        )
        return number, "", f"not JSON: {what}"
    fault = check(note)
    if fault:
        return number, "", fault
    result = nlp.read(
        note["text"],
        setting=note.get("setting") or None,
        date_of_service=note.get("date_of_service"),
        first_pass=note.get("first_pass") or (),
    )
    return number, json.dumps({"note_id": note["note_id"], **result.as_dict()}, ensure_ascii=False), ""


def check(note: object) -> str:
    if not isinstance(note, dict):
        return "not an object"
    if not isinstance(note.get("note_id"), str | int):
        return "note_id is missing"
    if not isinstance(note.get("text"), str):
        return "text is missing or no string"
    if (note.get("setting") or "outpatient") not in nlp.SETTINGS:
        return "setting is neither outpatient nor inpatient"
    codes = note.get("first_pass") or []
    if not isinstance(codes, list) or not all(isinstance(c, str) for c in codes):
        return "first_pass is no list of codes"
    if not isinstance(note.get("member_id", ""), str | int | None):
        return "member_id is neither text nor a number"
    day = note.get("date_of_service")
    if day is not None:
        try:
            date.fromisoformat(day)
        except (TypeError, ValueError):
            return "date_of_service is no ISO date"
    return ""


def compared(lines: Iterable[Numbered], jobs: int) -> Iterator[Answer]:
    """The answers, those of a member's notes with what they have from each other."""
    waiting: deque[bytes] = deque()
    members: dict[str | int, Member] = {}

    def seen() -> Iterator[Numbered]:
        for number, line in lines:
            waiting.append(line if b'"member_id"' in line else b"")
            yield number, line

    for number, text, fault in answers(seen(), jobs):
        line = waiting.popleft()
        note = json.loads(line) if line and not fault else {}
        if note.get("member_id") not in (None, ""):
            read = json.loads(text)
            said = [Statement(**one) for one in read["statements"]]
            member = members.setdefault(note["member_id"], Member())
            beside = member.add(note["note_id"], note["text"], note.get("date_of_service") or "", said)
            text = json.dumps({**read, **beside}, ensure_ascii=False)
        yield number, text, fault


def answers(lines: Iterable[Numbered], jobs: int) -> Iterator[Answer]:
    if jobs <= 1:
        yield from map(answer, lines)
        return
    nlp.warm()
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(answer, lines, chunksize=8)


def numbered_lines(stream: IO[bytes]) -> Iterator[Numbered]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlp", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("notes", metavar="IN", help="JSON Lines file, or - for standard input")
    parser.add_argument(
        "-o", "--output", metavar="OUT", default="-", help="file for the answers; standard output if left out"
    )
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="processes (default 1)")
    options = parser.parse_args(arguments)
    bad = 0
    with ExitStack() as stack:
        try:
            source = sys.stdin.buffer if options.notes == "-" else stack.enter_context(open(options.notes, "rb"))  # noqa: PTH123
            if options.output == "-":
                sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
                target: IO[str] = sys.stdout
            else:
                target = stack.enter_context(open(options.output, "w", encoding="utf-8", newline="\n"))  # noqa: PTH123
        except OSError as error:
            print(f"{error.filename}: {error.strerror}", file=sys.stderr)
            return 2
        for number, text, fault in compared(numbered_lines(source), options.jobs):
            if fault:
                bad += 1
                print(f"line {number}: {fault}", file=sys.stderr)
            else:
                target.write(text + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
