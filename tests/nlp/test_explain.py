"""What is said of a reading is what the reading did: every finding and every mention that was passed over is there."""

from pathlib import Path

import pytest

import nlp
from nlp.explain import Seen, explain

GOLD = sorted((Path(__file__).parents[2] / "data" / "gold").glob("*.txt"))


def of(text: str, words: str, **more: str) -> Seen:
    """The mention that stands at these words."""
    start = text.index(words)
    return next(s for s in explain(text, **more).seen if s.start == start)


@pytest.mark.parametrize("path", GOLD, ids=lambda path: path.stem)
def test_nothing_that_was_read_is_left_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    said = explain(text)
    assert said.result == nlp.read(text)
    places = {(s.start, s.end, s.family) for s in said.seen}
    for finding in said.result.findings:
        assert any(finding.icd10 in s.codes for s in said.seen), finding.icd10
    for suppressed in said.result.suppressed:
        assert (suppressed.start, suppressed.end, suppressed.family) in places
    for cue in said.cues:
        assert 0 <= cue.start < cue.end <= len(text)
        assert cue.reach[0] < cue.reach[1]
    assert list(said.seen) == sorted(said.seen, key=lambda s: (s.start, -s.end, s.family))


def test_a_value_is_shown_with_the_words_that_gave_it() -> None:
    text = "ASSESSMENT:\n1. Chronic kidney disease, stable, stage 3b.\n"
    one = of(text, "Chronic kidney disease")
    (stage,) = (v for v in one.values if v.name == "stage")
    assert stage.value == "32"
    assert stage.words is not None
    assert text[slice(*stage.words)] == "stage 3b"
    assert one.codes == ("N18.32",)


def test_a_name_that_states_its_value_gave_it_itself() -> None:
    text = "ASSESSMENT:\n1. ESRD on dialysis.\n"
    one = of(text, "ESRD")
    assert ("stage", "6") in {(v.name, v.value) for v in one.values}
    assert next(v.words for v in one.values if v.name == "stage") == (one.start, one.end)


def test_a_mention_that_is_passed_over_has_its_reason_its_words_and_the_code_it_would_have() -> None:
    text = "ASSESSMENT:\n1. No evidence of heart failure.\n"
    ((reason, cue, code),) = of(text, "heart failure").reasons
    assert (reason, code) == ("negated", "I50.9")
    assert cue is not None
    assert text[slice(*cue)].lower().startswith("no")


def test_the_setting_is_the_one_that_was_read_by() -> None:
    assert explain("Gout.").setting == "outpatient"
    assert explain("Gout.", setting="inpatient").setting == "inpatient"


@pytest.mark.parametrize("text", ["", " \n", "\x00", "é" * 50])
def test_any_text_is_explained(text: str) -> None:
    assert explain(text).seen == ()
