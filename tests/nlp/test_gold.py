"""The synthetic notes of data/gold are read as well as they were: floors that a change of rules must not fall below."""

import json
from pathlib import Path

import pytest

from nlp.evaluate import Evaluation, evaluate

GOLD = Path(__file__).parents[2] / "data" / "gold"


@pytest.fixture(scope="module")
def read_gold() -> Evaluation:
    return evaluate(GOLD)


def test_the_gold_notes_keep_their_precision_and_recall(read_gold: Evaluation) -> None:
    total = read_gold.total
    assert total.found + total.missed >= 60
    assert total.traps >= 30
    assert (total.precision or 0) >= 0.97, read_gold.errors
    assert (total.recall or 0) >= 0.96, read_gold.errors
    assert total.hit <= 1, read_gold.errors


@pytest.mark.parametrize(
    ("verdict", "floor"),
    [("supported", 0.95), ("unsupported", 0.92), ("not-found", 0.97), ("more-specific", 0.9), ("conflict", 0.8)],
)
def test_reported_codes_of_the_gold_notes_keep_their_verdicts(
    read_gold: Evaluation, verdict: str, floor: float
) -> None:
    right, count = read_gold.verdicts[verdict]
    assert count >= 5
    assert right / count >= floor, read_gold.errors


def test_every_gold_note_has_an_annotation_that_can_be_read() -> None:
    names = {p.stem for p in GOLD.glob("*.txt")}
    assert names == {p.stem for p in GOLD.glob("*.json")}
    for name in names:
        note = json.loads((GOLD / f"{name}.json").read_text(encoding="utf-8"))
        assert {c["status"] for c in note["conditions"]} <= {"supported", "unsupported"}
