"""What cannot both hold, in a note and between notes: the examples of the file, and what holds for all of them."""

import json
from typing import Any

import pytest

import nlp
from nlp.catalog import load
from nlp.check import check_contradictions, contradiction_examples
from nlp.contradictions import between, bounds, rules
from nlp.findings import Statement

EXAMPLES = contradiction_examples()
CKD = "RESULTS: eGFR 62.\nASSESSMENT: Chronic kidney disease stage 4, stable. Continue losartan."


@pytest.mark.parametrize("example", EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_an_example_comes_out_as_the_file_says(example: dict[str, Any]) -> None:
    assert check_contradictions(example) == ""


def test_every_rule_has_an_example_with_and_the_file_has_more_without() -> None:
    shown = {rule for e in EXAMPLES for rule in e["expect"]}
    named = {f"number {r.rule}" for r in rules().numbers} | {f"differs {r.rule}" for r in rules().differs}
    assert shown == named | {"denied denied", "past past", "treated treated"}
    assert len([e for e in EXAMPLES if not e["expect"]]) > len([e for e in EXAMPLES if e["expect"]])


def test_the_file_names_families_attributes_values_and_sections_that_there_are() -> None:
    families = load().families
    assert rules().past | rules().treated | rules().treated_else | rules().denied_not <= families.keys()
    for rule in (*rules().numbers, *rules().differs):
        known = {a.name: {v for v, _ in a.values} for a in families[rule.family].attributes}
        stated = {v for t in families[rule.family].terms for _, v in t.sets}
        values = set(rule.values if hasattr(rule, "values") else rule.ranks)
        assert rule.attribute == "" or values <= known[rule.attribute] | stated
    for rule in rules().differs:
        assert rule.ranks.keys() == rule.words.keys()
    for rule in rules().numbers:
        assert rule.measure in {m.name for m in rules().measures}
        assert rule.source


def test_a_contradiction_quotes_both_places_and_names_the_code_without_making_one() -> None:
    result = nlp.read(CKD, first_pass=["N18.4"])
    (one,) = result.contradictions
    assert [CKD[a:b] for a, b in one.as_dict()["sides"]] == ["Chronic kidney disease stage 4", "eGFR 62"]  # type: ignore[attr-defined]
    assert (one.kind, one.family, one.icd10) == ("number", "ckd", "N18.4")
    assert one.why == (
        "CKD stage 4 in the assessment, eGFR 62 in the results; "
        "KDIGO puts CKD stage 4 at 15 to less than 30 (unverified)."
    )
    assert [f.icd10 for f in result.findings] == ["N18.4"]
    assert [str(v.verdict) for v in result.first_pass] == ["supported"]


def test_a_pair_of_notes_is_named_with_its_days() -> None:
    example = next(e for e in EXAMPLES if "notes" in e)
    notes = [(n, day, nlp.read(text).statements) for n, (day, text) in enumerate(example["notes"], 7)]
    (pair,) = between(notes)
    assert (pair.one.note, pair.other.note) == (8, 7)
    assert pair.why == (
        "Heart failure is documented in the assessment of 2026-06-02 "
        "and denied in the past medical history of 2026-02-10."
    )


def test_statements_outlive_a_journey_through_json() -> None:
    result = nlp.read(CKD)
    stored = json.loads(json.dumps(result.as_dict()))
    assert tuple(Statement(**s) for s in stored["statements"]) == result.statements
    assert [c["kind"] for c in stored["contradictions"]] == ["number"]


def test_the_code_of_a_statement_is_the_one_of_its_day() -> None:
    note = "VITALS: BMI 33.\nASSESSMENT: Class 3 obesity. Diet advised."
    before = nlp.read(note, date_of_service="2024-03-01").contradictions
    after = nlp.read(note, date_of_service="2026-03-01").contradictions
    assert [c.icd10 for c in before] == ["E66.9"]
    assert [c.icd10 for c in after] == ["E66.813"]


@pytest.mark.parametrize(
    ("value", "low", "high"), [("62", 62, 62), ("30-35", 30, 35), (">60", 60, float("inf")), ("<15", float("-inf"), 15)]
)
def test_a_number_is_what_it_can_mean(value: str, low: float, high: float) -> None:
    assert bounds(value) == (low, high)


def test_what_a_note_repeats_is_one_statement_so_that_pairs_stay_few() -> None:
    note = CKD + "\nCKD stage 4, stable. eGFR 62." * 500
    assert len(nlp.read(note).statements) == len(nlp.read(CKD).statements)
    assert len(nlp.read(note).contradictions) == 1
