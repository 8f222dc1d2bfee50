from pathlib import Path

import pytest

import coding
from coding.workflow import (
    ANSWERS,
    CHART_MOVES,
    REASONS_FOR,
    STATUS_OWNERS,
    SUGGESTION_MOVES,
    ChartStatus,
    Outcome,
    SuggestionKind,
    SuggestionStatus,
)

ALLOWED = {
    ("imported", "ready"),
    ("ready", "in_review"),
    ("in_review", "coded"),
    ("in_review", "on_hold"),
    ("in_review", "ready"),
    ("on_hold", "in_review"),
    ("on_hold", "ready"),
    ("coded", "in_qa"),
    ("coded", "closed"),
    ("in_qa", "returned"),
    ("in_qa", "closed"),
    ("returned", "in_review"),
    ("closed", "returned"),
}


@pytest.mark.parametrize("old", ChartStatus)
@pytest.mark.parametrize("new", ChartStatus)
def test_a_chart_moves_only_as_the_design_says(old: ChartStatus, new: ChartStatus) -> None:
    assert (new in CHART_MOVES[old]) is ((old.value, new.value) in ALLOWED)


def test_every_status_has_an_owner() -> None:
    assert set(STATUS_OWNERS) == set(ChartStatus)


@pytest.mark.parametrize("kind", SuggestionKind)
def test_every_answer_can_be_taken_back_and_only_open_questions_are_superseded(kind: SuggestionKind) -> None:
    moves = SUGGESTION_MOVES[kind]
    for status in ANSWERS[kind].values():
        assert moves[status] == {SuggestionStatus.OPEN}
    assert SuggestionStatus.SUPERSEDED in moves[SuggestionStatus.OPEN]
    assert moves[SuggestionStatus.SUPERSEDED] == set()


def test_an_answer_that_takes_a_code_off_needs_a_reason_and_one_that_supports_it_does_not() -> None:
    assert set(REASONS_FOR) == {Outcome.REJECT, Outcome.DELETE, Outcome.CHANGE}


def test_rows_are_locked_in_one_place_alone() -> None:
    """The order of locks holds only while nobody locks by themselves."""
    files = Path(coding.__file__).parent.rglob("*.py")
    assert [path.name for path in files if "select_for_update" in path.read_text()] == ["locks.py"]
