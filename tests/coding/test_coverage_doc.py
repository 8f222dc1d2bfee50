"""docs/coverage.md is true: every row of the sources is there, and every test that it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = {"S0": 24, "S1": 13, "S2": 40}


def test_every_row_of_the_three_sources_is_on_the_page_once() -> None:
    rows = re.findall(r"^\| (S\d-\d\d) \|", PAGE, re.M)
    assert rows == [f"{source}-{number:02}" for source, last in ROWS.items() for number in range(1, last + 1)]


def test_every_test_that_the_page_names_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", tests, re.M))
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= there


def test_every_row_says_what_shows_it_or_that_it_is_not_done() -> None:
    for row in re.findall(r"^\| S\d-\d\d \|.*$", PAGE, re.M):
        assert row.split("|")[3].strip(), row
