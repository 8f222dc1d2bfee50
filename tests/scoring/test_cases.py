"""Every row of cases/<payment year>.csv: scores that were obtained elsewhere, each with its source."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from scoring import score

FOLDER = Path(__file__).parent / "cases"


def cases():
    for path in sorted(FOLDER.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield pytest.param(int(path.stem), row, id=f"{path.stem} {row['program']} {row['model']} {row['case']}")


@pytest.mark.parametrize(("year", "row"), list(cases()))
def test_a_published_or_independently_computed_score_comes_out(year, row):
    result = score(row["program"], year, json.loads(row["beneficiary"]), row["codes"].split(), model=row["model"])
    assert result.segment == row["segment"]
    assert result.raw == Decimal(row["raw"])
    if row["normalized"]:
        assert result.normalized == Decimal(row["normalized"])
    if row["payment"]:
        assert result.payment == Decimal(row["payment"])
