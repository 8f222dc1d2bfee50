"""python -m scoring IN [-o OUT] [--explain]: JSON Lines in (a file, or - for standard input), JSON Lines out, in order.

A line that cannot be answered is reported with its number on standard error and left out; the others are answered and
the exit status is 1 at the end. Messages never repeat a birth date or any other fact of a person.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from scoring.contract import answer, explained
from scoring.errors import ScoringError


def run(lines: Iterable[str], out: TextIO, errors: TextIO, *, in_words: bool = False) -> int:
    """Answer every line, as JSON or as worked scores in plain text; returns the number of bad ones."""
    bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = json.loads(line, parse_float=Decimal)
            text = explained(request) if in_words else json.dumps(answer(request), ensure_ascii=False)
        except json.JSONDecodeError as error:
            bad += 1
            errors.write(f"line {number}: not JSON ({error.msg} at column {error.colno})\n")
        except ScoringError as error:
            bad += 1
            errors.write(f"line {number}: {error}\n")
        except Exception as error:  # a defect here: the other lines are still answered, and no value is repeated
            bad += 1
            errors.write(f"line {number}: internal error ({type(error).__name__})\n")
        else:
            out.write(text + "\n")
    return bad


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scoring", description="Risk scores with their reasons.")
    parser.add_argument("input", metavar="IN", help="JSON Lines, one person a line; - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help="a file instead of standard output")
    parser.add_argument("--explain", action="store_true", help="worked scores to read, instead of JSON")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        try:
            source = (
                sys.stdin
                if options.input == "-"
                else stack.enter_context(Path(options.input).open(encoding="utf-8-sig"))
            )
            target = (
                stack.enter_context(Path(options.output).open("w", encoding="utf-8")) if options.output else sys.stdout
            )
        except OSError as error:
            parser.exit(2, f"{parser.prog}: {error.strerror}: {error.filename}\n")
        return 1 if run(source, target, sys.stderr, in_words=options.explain) else 0


if __name__ == "__main__":
    sys.exit(main())
