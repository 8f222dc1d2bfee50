"""How evidence binds to a condition: the cases of meat.toml."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

import nlp
from nlp.findings import Meat

CASES = tomllib.loads(Path(__file__).with_name("meat.toml").read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['code']} {c['rule'][:50]}")
def test_evidence_binds_as_its_rule_says(case: dict[str, Any]) -> None:
    text = case["text"].strip()
    found = {f.icd10: f for f in nlp.find(text)}
    assert case["code"] in found
    quotes = {m: [text[a:b] for a, b in found[case["code"]].spans(m)] for m in Meat}
    for letter, words in case.get("has", {}).items():
        assert any(words in q for q in quotes[Meat(letter)]), quotes
    for letter, words in case.get("lacks", {}).items():
        assert not any(words in q for q in quotes[Meat(letter)]), quotes


def test_every_rule_has_cases_that_count_and_cases_that_do_not() -> None:
    assert any("has" in c for c in CASES)
    assert any("lacks" in c for c in CASES)
