from typing import Any

from coding.comparison import questions
from coding.workflow import SuggestionKind


def found(code: str, start: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "icd10": code, "start": start, "end": start + 3, "status": "supported", "confidence": "strong",
        "rule": "ckd/stage", "section": "assessment_plan", "why": f"{code} is documented.",
        "mentions": [[start, start + 3]], "meat": {"treat": [[start + 5, start + 9]]}, "replaces": [], **more,
    }  # fmt: skip


def answer(*suggestions: dict[str, Any], first_pass: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"suggestions": list(suggestions), "suppressed": [], "first_pass": first_pass or []}


def said(code: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {"icd10": code, "verdict": verdict, "evidence": [], "against": [], "why": f"{code}: {verdict}", **more}


def test_a_supported_code_that_was_not_reported_is_an_addition_with_its_spans() -> None:
    [add] = questions([], {11: answer(found("N18.32", 4))})
    assert (add.kind, add.icd10, add.verdict) == (SuggestionKind.ADD, "N18.32", "")
    assert add.spans == {(11, "mention", 4, 7), (11, "treat", 9, 13)}


def test_a_reported_code_is_a_check_and_never_an_addition() -> None:
    [check] = questions(["N18.32"], {11: answer(found("N18.32"), first_pass=[said("N18.32", "supported")])})
    assert (check.kind, check.verdict) == (SuggestionKind.CHECK, "supported")
    assert (11, "treat", 5, 9) in check.spans


def test_every_reported_code_is_checked_even_when_no_note_was_read() -> None:
    [check] = questions(["I10"], {})
    assert (check.kind, check.verdict) == (SuggestionKind.CHECK, "pending")


def test_one_supporting_note_of_the_encounter_outweighs_another_that_is_silent() -> None:
    silent = answer(first_pass=[said("I10", "not-found")])
    supporting = answer(first_pass=[said("I10", "supported")])
    for order in ({1: silent, 2: supporting}, {1: supporting, 2: silent}):
        [check] = questions(["I10"], order)
        assert check.verdict == "supported"


def test_a_negated_mention_outweighs_silence_and_shows_where() -> None:
    [check] = questions(
        ["I50.9"],
        {
            1: answer(first_pass=[said("I50.9", "not-found")]),
            2: answer(first_pass=[said("I50.9", "unsupported", against=[[3, 9]])]),
        },
    )
    assert check.verdict == "unsupported"
    assert check.spans == {(2, "against", 3, 9)}


def test_a_more_specific_code_is_proposed_by_the_check_and_not_asked_twice() -> None:
    specific = answer(
        found("E11.22", replaces=["E11.9"]),
        found("N18.32", 40),
        first_pass=[said("E11.9", "more-specific", suggested=["E11.22"])],
    )
    check, add = questions(["E11.9"], {1: specific})
    assert (check.verdict, check.proposed) == ("more-specific", ["E11.22"])
    assert (add.kind, add.icd10) == (SuggestionKind.ADD, "N18.32")


def test_codes_that_do_not_risk_adjust_are_not_offered_as_additions() -> None:
    [add] = questions([], {1: answer(found("N18.32"), found("E78.5", 30))}, wanted={"N18.32"})
    assert add.icd10 == "N18.32"


def test_the_evidence_of_several_notes_comes_together_and_the_strongest_explains() -> None:
    [add] = questions(
        [],
        {
            1: answer(found("N18.32", confidence="weak", why="Listed only.")),
            2: answer(found("N18.32", 20, confidence="strong", why="Assessed.")),
        },
    )
    assert (add.confidence, add.why) == ("strong", "Assessed.")
    assert {note for note, *_ in add.spans} == {1, 2}


def test_an_unsupported_suggestion_is_not_an_addition() -> None:
    assert questions([], {1: answer(found("N18.32", status="unsupported"))}) == []
