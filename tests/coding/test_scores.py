"""From a chart's rows to scores: which facts are asked for, which codes count, and what each answer would do."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coding import scores, tasks
from coding.actions import queues, suggestions
from coding.models import Chart, Note, Role, User
from coding.workflow import Outcome
from tests import make, pages

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


# --- As documented, and as it would be paid

LINKED: dict[str, Any] = {}
UNLINKED: dict[str, Any] = {"claim": None}
AUDIO_ONLY = {
    "claim": {
        "icn": "ICN9", "type": "P", "place_of_service": "10", "accepted": True,
        "lines": [{"procedure": "99214", "modifiers": ["93"]}],
    }
}  # fmt: skip
NOT_SAID: dict[str, Any] = {"claim": {"icn": "ICN9", "type": "P", "lines": [{"procedure": "99214"}]}}
SWITCHED = make.enrollment(switched_ma_organization=True)
STAYED = make.enrollment(switched_ma_organization=False)


@pytest.fixture(autouse=True)
def _while_additions_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: date(2026, 11, 22))


def diabetes_and_heart_failure(**fields: Any) -> pages.Day:
    return pages.visit(
        "2026-02-03",
        "Diabetes with CKD. Chronic diastolic heart failure.",
        checks={"E11.22": ("supported", "Diabetes"), "I50.32": ("supported", "heart failure")},
        fields=fields,
    )


def kidney(day: str = "2026-03-02", **fields: Any) -> pages.Day:
    return pages.visit(day, adds={"N18.32": pages.CKD}, fields=fields)


def held(*days: pages.Day, enrollment: dict[str, Any] = STAYED, **facts: Any) -> tuple[Chart, User]:
    project = make.project()
    coder = make.person(Role.CODER, project)
    facts = {"member": make.member(**pages.ADA), "enrollments": [enrollment], **facts}
    return pages.held_chart(project, coder, *days, **facts), coder


@pytest.mark.parametrize(
    ("fields", "enrollment", "paid", "why"),
    [
        (LINKED, STAYED, "0.264", ()),
        (UNLINKED, STAYED, "0.000", ("N18.32: not paid (2026-03-02: not linked to an accepted encounter)",)),
        (UNLINKED, SWITCHED, "0.264", ()),
        (AUDIO_ONLY, STAYED, "0.000", ("N18.32: not paid (2026-03-02: audio-only visit)",)),
    ],
)
def test_payment_year_2027_pays_an_addition_by_its_link(fields, enrollment, paid, why) -> None:
    """The worked example: a woman in CNA with E11.22 and I50.32 on a linked claim, and N18.32 found in another record.

    Its +0.267 is of payment year 2026's normalization (1.067); with 1.079 of 2027 the same +0.303 raw is +0.264.
    """
    chart, coder = held(diabetes_and_heart_failure(), kidney(**fields), enrollment=enrollment)
    addition = chart.suggestions.get(kind="add")
    [panel] = scores.chart_scores(chart)
    delta = panel.deltas[addition.pk]
    assert (delta.raw, delta.payment) == (Decimal("0.303"), Decimal("0.264"))
    assert delta.reasons == ("HCC 328 +0.127", "HF_KIDNEY_V28 +0.176")
    assert (str(delta.paid.amount), delta.paid_reasons) == (paid, why)
    assert panel.cards["add", "N18.32"] == delta

    decision = suggestions.decide(suggestion=addition, outcome=Outcome.ACCEPT, by=coder)
    assert (decision.delta, str(decision.delta_paid)) == (delta.payment, paid)
    assert decision.paid_why == ". ".join(why)
    [panel] = scores.chart_scores(chart)
    assert panel.now.payment - panel.baseline.payment == delta.payment
    assert panel.paid.now.payment.amount - panel.paid.baseline.payment.amount == delta.paid.amount


def test_an_addition_that_meets_what_is_not_paid_is_paid_without_it() -> None:
    chart, _ = held(diabetes_and_heart_failure(**UNLINKED), kidney())
    [panel] = scores.chart_scores(chart)
    delta = panel.cards["add", "N18.32"]
    assert (delta.payment, delta.paid.amount) == (Decimal("0.264"), Decimal("0.111"))
    assert delta.paid_reasons == ("HCC 328 +0.127",)
    assert panel.paid_differs


def test_on_two_dates_one_that_pays_is_enough() -> None:
    chart, _ = held(diabetes_and_heart_failure(), kidney(**AUDIO_ONLY), kidney("2026-06-09"))
    [panel] = scores.chart_scores(chart)
    assert [delta.paid.amount for delta in panel.deltas.values() if delta.outcome == Outcome.ACCEPT] == [
        Decimal("0.000"), Decimal("0.264"),
    ]  # fmt: skip
    assert not panel.cards["add", "N18.32"].paid_differs


def test_what_is_not_known_is_neither_paid_nor_unpaid() -> None:
    chart, coder = held(diabetes_and_heart_failure(), kidney(**NOT_SAID))
    [panel] = scores.chart_scores(chart)
    delta = panel.cards["add", "N18.32"]
    assert (delta.paid.amount, delta.paid.sure, delta.paid.most) == (None, Decimal("0.000"), Decimal("0.264"))
    assert delta.paid_reasons == (
        "N18.32: not known whether it is paid "
        "(2026-03-02: whether it is linked to an accepted encounter is not known)",
    )  # fmt: skip
    assert panel.paid.now.payment.amount is not None
    assert panel.paid.projected.payment.amount is None
    decision = suggestions.decide(suggestion=chart.suggestions.get(kind="add"), outcome=Outcome.ACCEPT, by=coder)
    assert (decision.delta_paid, decision.paid_why) == (None, delta.paid_reasons[0])


def test_an_answer_that_meets_what_is_not_known_names_it() -> None:
    chart, _ = held(diabetes_and_heart_failure(**NOT_SAID), kidney())
    [panel] = scores.chart_scores(chart)
    delta = panel.cards["add", "N18.32"]
    assert (delta.paid.sure, delta.paid.most) == (Decimal("0.111"), Decimal("0.264"))
    assert delta.paid_reasons == ("depends on E11.22, I50.32, of which it is not known whether they are paid",)


def test_a_deletion_counts_only_where_no_other_accepted_source_carries_the_hcc() -> None:
    unsupported = {"I50.32": ("unsupported", "heart failure")}
    words = "No evidence of heart failure."

    def deleted(**fields: Any) -> scores.Delta:
        first = pages.visit("2026-02-03", words, checks=unsupported)
        other = pages.visit(
            "2026-05-05", "Heart failure, stable.", checks={"I50.22": ("supported", "Heart")}, fields=fields
        )
        [panel] = scores.chart_scores(held(first, other)[0])
        return panel.cards["check", "I50.32"]

    still = deleted()
    assert (still.payment, still.paid.amount) == (Decimal("0.000"), Decimal("0.000"))
    assert still.reasons == ("HCC 226 is still carried by I50.22",)
    lost = deleted(**UNLINKED)  # documented by another record, which is not paid
    assert lost.payment == Decimal("0.000")
    assert (lost.paid.amount, lost.paid_reasons) == (Decimal("-0.315"), ("HCC 226 -0.360",))


def test_striking_what_was_not_paid_costs_nothing() -> None:
    day = pages.visit(checks={"I50.32": ("unsupported", "losartan")}, fields=UNLINKED)
    [panel] = scores.chart_scores(held(day)[0])
    delta = panel.cards["check", "I50.32"]
    assert (delta.payment, delta.paid.amount) == (Decimal("-0.315"), Decimal("0.000"))


def test_a_closed_year_takes_deletions_and_no_additions(monkeypatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: date(2028, 6, 1))
    day = pages.visit(adds={"N18.32": pages.CKD}, checks={"I50.32": ("unsupported", "losartan")})
    [panel] = scores.chart_scores(held(day)[0])
    added, struck = panel.cards["add", "N18.32"], panel.cards["check", "I50.32"]
    assert (added.payment, added.paid.amount) == (Decimal("0.264"), Decimal("0.000"))
    assert added.paid_reasons == ("N18.32: not paid (2026-03-02: the payment year is closed for additions)",)
    assert struck.paid.amount == struck.payment < 0


def test_an_encounter_that_no_audit_accepts_pays_nothing_and_says_why() -> None:
    unsigned = {"signature": {"status": "unsigned"}}
    day = replace(kidney(**unsigned), text="Assessment: CKD stage 3b, stable on losartan. Not signed: unsigned draft.")
    [panel] = scores.chart_scores(held(day)[0])
    delta = panel.cards["add", "N18.32"]
    assert (delta.payment, delta.paid.amount) == (Decimal("0.111"), Decimal("0.000"))
    assert "the encounter is not valid: " in delta.paid_reasons[0]
    assert "signature" in delta.paid_reasons[0]


def test_the_same_terms_may_round_to_another_payment_and_it_says_so() -> None:
    lung = pages.visit("2026-02-03", checks={"J44.9": ("supported", "CKD")}, fields=UNLINKED)
    [panel] = scores.chart_scores(held(lung, kidney())[0])
    delta = panel.cards["add", "N18.32"]
    assert (delta.payment, delta.paid.amount) == (Decimal("0.110"), Decimal("0.111"))
    assert delta.paid_reasons == ("HCC 328 +0.127", "the same terms, rounded from another score")


def test_an_answer_that_changes_no_code_reads_no_note() -> None:
    chart, _ = held(diabetes_and_heart_failure(), kidney())
    check = chart.suggestions.get(icd10="I50.32")
    with CaptureQueriesContext(connection) as queries:
        kept = scores.delta_of_answer(chart, check, Outcome.KEEP, "I50.32")
    assert (kept.payment, kept.paid.amount, kept.paid_reasons) == (Decimal("0.000"), Decimal("0.000"), ())
    assert not [query for query in queries if "coding_note" in query["sql"]]
