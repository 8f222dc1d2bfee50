"""docs/states.md is drawn from the tables, and says what they say."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from coding.management.commands import draw_states
from coding.workflow import CHART_MOVES, RUN_MOVES, ChartStatus, Outcome, SuggestionStatus, Verdict

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"


def test_the_page_of_states_is_what_the_command_draws() -> None:
    drawn = StringIO()
    call_command("draw_states", stdout=drawn)
    assert PAGE.read_text(encoding="utf-8") == drawn.getvalue(), "Run: python manage.py draw_states > docs/states.md"


def test_every_status_answer_and_verdict_is_on_the_page() -> None:
    page = draw_states.draw()
    for value in {*ChartStatus, *SuggestionStatus, *Verdict} | {*Outcome} - {Outcome.REOPEN}:
        assert value.value in page


def test_a_move_is_drawn_exactly_when_the_table_allows_it() -> None:
    charts, _, rest = draw_states.draw().partition("## Suggestion")
    runs = rest.partition("## NLP run")[2]
    for page, moves in ((charts, CHART_MOVES), (runs, RUN_MOVES)):
        for old, allowed in moves.items():
            for new in moves:
                assert (f"    {old.value} --> {new.value}\n" in page) is (new in allowed)


def test_a_new_move_changes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    before = draw_states.draw()
    monkeypatch.setitem(CHART_MOVES, ChartStatus.CLOSED, {ChartStatus.IN_QA})  # type: ignore[arg-type]
    assert draw_states.draw() != before
    assert "closed --> in_qa" in draw_states.draw()
