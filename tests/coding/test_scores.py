"""From a chart's rows to scores: which facts are asked for, which codes count, and what each answer would do."""

from decimal import Decimal
from typing import Any

import pytest

from coding import scores, tasks
from coding.actions import queues, suggestions
from coding.models import Chart, Note, Role
from coding.workflow import Outcome
from tests import make

pytestmark = pytest.mark.django_db

DIABETES = "ASSESSMENT AND PLAN:\n1. Type 2 diabetes with diabetic polyneuropathy. Continue metformin and gabapentin.\n"


def chart_with(*encounters: dict[str, Any], programs: tuple[str, ...] = ("cms-hcc",), **fields: Any) -> Chart:
    chart = make.chart(make.project(programs=list(programs)), *encounters, **fields)
    for note in Note.objects.all():
        tasks.analyse(note.pk)
    return Chart.objects.get(pk=chart.pk)


def test_without_an_enrollment_the_panel_says_what_to_import() -> None:
    [panel] = scores.chart_scores(chart_with(enrollments=[]))
    assert panel.problem == "No enrollment for cms-hcc in payment year 2027: import it to see scores."
    assert (panel.baseline, panel.deltas) == (None, {})


@pytest.mark.parametrize(
    ("unknown", "words"), [({"dual": None}, "dual status"), ({"orec": None}, "original entitlement")]
)
def test_a_fact_that_chooses_the_segment_is_asked_for_and_never_assumed(unknown: dict[str, Any], words: str) -> None:
    [panel] = scores.chart_scores(chart_with(enrollments=[make.enrollment(**unknown)]))
    assert panel.problem == f"The enrollment for payment year 2027 lacks the {words}."


def test_what_is_taken_for_granted_is_said() -> None:
    enrollment = make.enrollment(institutional=None, new_enrollee=None)
    [panel] = scores.chart_scores(chart_with(enrollments=[enrollment]))
    assert panel.assumed == ("not institutional", "not a new enrollee")
    assert panel.baseline is not None


def test_each_program_of_the_project_has_its_panel_and_its_own_facts() -> None:
    chart = chart_with(
        make.encounter(DIABETES, codes=["E11.42"]),
        programs=("cms-hcc", "rxhcc", "pace"),
        enrollments=[make.enrollment(), make.enrollment(program="rxhcc"), make.enrollment(program="pace")],
    )
    cms, rx, pace = scores.chart_scores(chart)
    assert (cms.model, cms.problem) == ("cms-hcc 2027 V28", "")
    assert rx.baseline is not None
    assert rx.baseline.payment != cms.baseline.payment
    assert "frailty" in pace.problem


def test_a_code_on_two_dates_is_only_lost_when_both_are_deleted() -> None:
    chart = chart_with(
        make.encounter(DIABETES, "2026-03-02", ["E11.42"]), make.encounter(DIABETES, "2026-06-02", ["E11.42"])
    )
    coder = make.person(Role.CODER, chart.project)
    queues.claim(chart=chart, by=coder)
    first, second = chart.suggestions.filter(icd10="E11.42", kind="check").order_by("encounter__date_from")
    [panel] = scores.chart_scores(chart)
    assert panel.deltas[first.pk].payment == Decimal("0.000")
    assert panel.deltas[first.pk].reasons == ("E11.42: still carried by another source",)
    lost = panel.cards["check", "E11.42"]
    assert lost.payment < 0

    decision = suggestions.decide(suggestion=first, outcome=Outcome.DELETE, reason="negated", by=coder)
    assert decision.delta == Decimal("0.000")
    decision = suggestions.decide(suggestion=second, outcome=Outcome.DELETE, reason="negated", by=coder)
    assert decision.delta == lost.payment
    [panel] = scores.chart_scores(chart)
    assert panel.now.payment - panel.baseline.payment == lost.payment


def test_the_projection_follows_what_is_documented_and_never_deletes_for_silence() -> None:
    silent = "Seen for a sore throat. Exam normal. Fluids and rest.\n"
    chart = chart_with(
        make.encounter(DIABETES, "2026-03-02", ["E11.9"]), make.encounter(silent, "2026-06-02", ["I50.32"])
    )
    [panel] = scores.chart_scores(chart)
    assert [score.models[0].hccs for score in (panel.baseline, panel.projected)] == [("38", "226"), ("37", "226")]


def test_only_codes_with_a_payment_hcc_are_worth_adding() -> None:
    chart = chart_with()
    assert scores.risk_adjusting(chart, {"E11.42", "I10", "E78.5"}) == {"E11.42"}
    chart.member.project.programs = ["rxhcc"]
    assert scores.risk_adjusting(chart, {"E11.42", "I10", "Z00.00"}) == {"E11.42", "I10"}
    chart.member.project.programs = ["pace"]
    assert scores.risk_adjusting(chart, {"E11.42", "Z00.00"}) == {"E11.42"}


def test_where_no_tables_are_on_file_the_question_is_the_coders() -> None:
    chart = chart_with()
    chart.service_year = 2030
    assert scores.risk_adjusting(chart, {"E11.42", "Z00.00"}) == {"E11.42", "Z00.00"}
