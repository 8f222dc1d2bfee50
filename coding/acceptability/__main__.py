"""python -m coding.acceptability IN [-o OUT] [--today YYYY-MM-DD]: a chart file in, one line for each encounter and
enrollment out, in input order.

A bad line is reported on standard error with its number and left out; the exit status is then 1. Messages never repeat
what a chart says of a person. Needs no settings and no database.
"""

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from coding.acceptability import assess, stale
from coding.intake.chart_file import read_line
from coding.intake.values import ChartValues, IntakeErrors

THROUGH = re.compile(r"encounters\[\d+\]\.through")


def run(lines: Iterable[bytes], today: date, out: TextIO, errors: TextIO) -> int:
    """Answer every line; returns the number of bad ones."""
    bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            chart = read(line, number)
        except IntakeErrors as found:
            bad += 1
            for problem in found.problems:
                errors.write(f"{problem}\n")
            continue
        if not chart.enrollments:
            errors.write(f"line {number}: no enrollment, so no program and payment year to answer for\n")
        for assessment in assess(chart, today):
            out.write(json.dumps(assessment.as_dict(), ensure_ascii=False) + "\n")
    return bad


def read(line: bytes, number: int) -> ChartValues:
    """The chart of a line. The import keeps a chart to one service year; here an encounter of another year is an answer
    (V04), so each year's encounters are read for themselves. Raises IntakeErrors with every problem of the line."""
    try:
        return read_line(line, number)
    except IntakeErrors as whole:
        if not all(THROUGH.fullmatch(problem.field) for problem in whole.problems):
            raise
        try:
            parts = [read_line(json.dumps(part), number) for part in _by_year(json.loads(line))]
        except (IntakeErrors, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise whole from None
        if not parts:
            raise
        order = [item.get("encounter_id") for item in json.loads(line)["encounters"]]
        encounters = sorted(
            (item for part in parts for item in part.encounters),
            key=lambda item: order.index(item.encounter_id) if item.encounter_id in order else len(order),
        )
        if len({item.encounter_id for item in encounters}) != len(encounters):
            raise
        return replace(parts[0], encounters=tuple(encounters))


def _by_year(chart: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The chart once for each year of its encounters' through dates; nothing where they share one year already."""
    years: dict[str, list[Any]] = {}
    for encounter in chart["encounters"]:
        years.setdefault(str(encounter["through"])[:4], []).append(encounter)
    for year, encounters in years.items():
        yield {**chart, "service_year": int(year), "encounters": encounters}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m coding.acceptability", description="May these encounters count?")
    parser.add_argument("input", metavar="IN", help="a chart file (JSON Lines); - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help="a file instead of standard output")
    parser.add_argument(
        "--today",
        type=a_day,
        metavar="YYYY-MM-DD",
        help="the day on which deadlines are judged (default: the system's)",
    )
    options = parser.parse_args(arguments)
    source_is_target = options.output and Path(options.output).exists() and Path(options.input).exists()
    if source_is_target and Path(options.output).samefile(options.input):
        parser.exit(2, f"{parser.prog}: IN and OUT are the same file: {options.input}\n")
    today = options.today or date.today()
    for sentence in stale(today):
        sys.stderr.write(f"warning: {sentence}\n")
    with contextlib.ExitStack() as stack:
        try:
            source: Iterable[bytes] = (
                sys.stdin.buffer if options.input == "-" else stack.enter_context(Path(options.input).open("rb"))
            )
            target = stack.enter_context(out_of(options.output))
        except OSError as error:
            parser.exit(2, f"{parser.prog}: {error.strerror}: {error.filename}\n")
        try:
            bad = run(source, today, target, sys.stderr)
            target.flush()
        except BrokenPipeError:  # whoever reads the answers has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return 1 if bad else 0


def out_of(name: str | None) -> TextIO:
    """UTF-8 whatever the terminal speaks."""
    if name and name != "-":
        return Path(name).open("w", encoding="utf-8", newline="\n")
    return open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n", closefd=False)


def a_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not a day of the calendar; give it as 2026-03-31") from None


if __name__ == "__main__":
    sys.exit(main())
