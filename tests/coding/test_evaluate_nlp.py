"""The evaluation counts codes, quotes and confusions; the command prints them."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from nlp.evaluate import evaluate

TEXT = "ASSESSMENT AND PLAN:\n1. COPD, stable. Continue Spiriva.\n2. Chronic kidney disease, stage 3b.\n"


def span(words: str) -> dict[str, int]:
    return {"start": TEXT.index(words), "end": TEXT.index(words) + len(words)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conditions = [
        {
            "icd10": "J44.9",
            "status": "supported",
            "meat": {"treat": [span("Continue Spiriva")], "monitor": [span("stage 3b")]},
        },
        {"icd10": "N18.4", "status": "supported"},
        {"icd10": "I50.9", "status": "unsupported", "reason": "negated"},
    ]
    (tmp_path / "one.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "one.json").write_text(json.dumps({"conditions": conditions}), encoding="utf-8")
    return tmp_path


def test_codes_quotes_and_confusions_are_counted(folder: Path) -> None:
    result = evaluate(folder)
    assert (result.total.found, result.total.missed, result.total.hit) == (1, 1, 0)
    assert result.confusions == {("N18.4", "N18.32"): 1}
    treat, monitor = result.quotes["copd", "treat"], result.quotes["copd", "monitor"]
    assert (treat.recall, treat.precision) == (1.0, 1.0)
    assert (monitor.recall, monitor.precision) == (0.0, None)
    assert result.quotes["copd", "any"].gold == 2


def test_the_command_prints_families_letters_and_verdicts(folder: Path) -> None:
    reported = folder / "reported.jsonl"
    line = {"note_id": "one", "first_pass": [{"icd10": "I50.9", "verdict": "not-found"}]}
    reported.write_text(json.dumps(line) + "\n", encoding="utf-8")
    out = StringIO()
    call_command("evaluate_nlp", str(folder), "--first-pass", str(reported), "--letters", stdout=out)
    text = out.getvalue()
    assert "confused: N18.4 wanted, N18.32 given, in 1" in text
    assert "first-pass codes that are not-found: 1 of 1 said so" in text
    assert any(line.split()[:2] == ["copd", "treat"] for line in text.splitlines())


def test_a_folder_without_annotation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no annotation"):
        call_command("evaluate_nlp", str(tmp_path))
