"""Scores on pages: the steps of a chart's score, a member's scores. Who sees them, what they say, what they cost."""

import json
import re
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import scoring
from coding import scores
from coding.actions import queues, suggestions
from coding.models import Decision, Project, Role, TrailEvent
from coding.workflow import Outcome
from tests import audits, make, pages

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _while_additions_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: date(2026, 11, 22))


def ada(project, coder, *days: pages.Day, **fields):
    fields = {
        "member": make.member(**pages.ADA),
        "enrollments": [make.enrollment(switched_ma_organization=False)],
        **fields,
    }
    return pages.held_chart(project, coder, *days, **fields)


def test_the_steps_of_a_score_are_fetched_when_they_are_asked_for(desk, project, coder) -> None:
    chart = ada(project, coder, pages.visit(adds={"N18.32": pages.CKD}, checks={"I50.32": ("supported", "losartan")}))
    address = reverse("score_steps", args=[chart.pk, "cms-hcc"])
    review = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    assert f'hx-get="{address}"' in review
    assert f'<a href="{address}">Step by step</a>' in review
    assert "F70_74" not in review

    part = desk.get(address, headers=HTMX)
    assert part.content.decode().lstrip().startswith('<div class="score-steps">')
    assert (
        "HX-Trigger-After-Settle" not in part
    )  # it may be unfolded again after an answer, whose words are spoken then
    other = desk.get(address, {"of": "projected"}, headers=HTMX)
    told = json.loads(other["HX-Trigger-After-Settle"])["said"]["say"]
    assert told == "If followed, as documented: 0.923, step by step."
    whole = pages.Page(desk.get(address, {"of": "projected"})).words
    assert "If followed, as documented 0.923" in whole
    assert "HCC328" in whole
    assert "HF_KIDNEY_V28" in whole


def test_the_steps_show_what_is_paid_where_it_is_another_score(desk, project, coder) -> None:
    unlinked = pages.visit(adds={"N18.32": pages.CKD}, fields={"claim": None})
    chart = ada(project, coder, unlinked)
    address = reverse("score_steps", args=[chart.pk, "cms-hcc"])
    offered = pages.Page(desk.get(address)).words
    assert "If followed, as it would be paid 0.344" in offered
    assert "Now, as it would be paid" not in offered
    assert "paid, if all counts that may" not in offered
    assert "HCC328" not in pages.Page(desk.get(address, {"of": "projected", "as": "paid"})).words
    assert "HCC328" in pages.Page(desk.get(address, {"of": "projected"})).words


def test_a_payment_that_is_not_known_has_both_its_scores(desk, project, coder) -> None:
    unsaid = {"claim": {"icn": "ICN9", "lines": [{"procedure": "99214"}]}}
    chart = ada(project, coder, pages.visit(adds={"N18.32": pages.CKD}, fields=unsaid))
    address = reverse("score_steps", args=[chart.pk, "cms-hcc"])
    words = pages.Page(desk.get(address, {"of": "projected", "as": "most"})).words
    assert "If followed, as it would be paid 0.344 If followed, paid, if all counts that may 0.455" in words
    assert "HCC328" in words


def test_a_chart_that_cannot_be_scored_says_so_step_by_step_too(desk, project, coder) -> None:
    chart = ada(project, coder, enrollments=[])
    address = reverse("score_steps", args=[chart.pk, "cms-hcc"])
    assert "No enrollment for cms-hcc in payment year 2027" in pages.Page(desk.get(address)).words
    assert desk.get(address, headers=HTMX).status_code == 200
    assert desk.get(reverse("score_steps", args=[chart.pk, "rxhcc"])).status_code == 404


def test_opening_the_steps_leaves_a_trail(desk, project, coder) -> None:
    chart = ada(project, coder)
    desk.get(reverse("score_steps", args=[chart.pk, "cms-hcc"]))
    event = TrailEvent.objects.get(action="score.opened")
    assert (event.actor, event.subject_id, event.details) == (coder, chart.pk, {"program": "cms-hcc"})


def test_a_policy_hides_the_steps_too(client) -> None:
    project = make.project("hidden", coders_see_scores=False)
    coder = make.person(Role.CODER, project)
    chart = ada(project, coder)
    client.force_login(coder)
    response = client.get(reverse("score_steps", args=[chart.pk, "cms-hcc"]))
    assert (response.status_code, "hides scores" in response.content.decode()) == (403, True)


def test_an_auditor_sees_no_score_before_the_own_answers(client, project, coder) -> None:
    lead = make.person(Role.QA_LEAD, project)
    chart = audits.coded_chart(project, coder)
    client.force_login(lead)
    assert client.get(reverse("score_steps", args=[chart.pk, "cms-hcc"])).status_code == 403


# --- A member's scores

LINKED_TWO = {"E11.22": ("supported", "Diabetes"), "I50.32": ("supported", "heart failure")}


def first_visit(**facts) -> pages.Day:
    return pages.visit("2026-02-03", "Diabetes with CKD. Chronic diastolic heart failure.", checks=LINKED_TWO, **facts)


def kidney(day: str = "2026-03-02", **fields) -> pages.Day:
    return pages.visit(day, adds={"N18.32": pages.CKD}, fields=fields)


def page_of(client, shown, **query) -> pages.Page:
    response = client.get(reverse("member_scores", args=[shown.member_id]), query)
    assert response.status_code == 200
    return pages.Page(response)


def values(client, shown, **query):
    return client.get(reverse("member_scores", args=[shown.member_id]), query).context["scores"]


def sums(bars) -> None:
    """Every step is the sum of its parts, and leads from the score above it to its own."""
    before = Decimal(0)
    for bar in bars:
        if bar.amount is not None:
            assert bar.amount == sum(part.amount for part in bar.parts)
            assert before + bar.amount == bar.after
        elif before:
            assert bar.after == before
        before = bar.after


def test_the_waterfall_leads_from_the_first_pass_to_what_is_payable(desk, project, coder) -> None:
    chart = ada(project, coder, first_visit(), kidney(claim=None), pages.visit("2026-06-09", adds={"J44.9": pages.CKD}))
    for suggestion in chart.suggestions.filter(kind="add"):
        suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder)
    heart = chart.suggestions.get(kind="check", icd10="I50.32")
    suggestions.decide(suggestion=heart, outcome=Outcome.DELETE, reason="negated", by=coder)
    found = values(desk, chart)
    assert [(bar.label, bar.amount is None) for bar in found.waterfall] == [
        ("First pass", True), ("Additions", False), ("Deletions", False), ("As documented", True),
        ("Not paid", False), ("Payable", True),
    ]  # fmt: skip
    sums(found.waterfall)
    assert found.waterfall[-1].after == found.paid["now"].payment.amount
    assert found.waterfall[3].after == found.documented["now"].payment
    [unpaid] = found.waterfall[4].parts
    assert (unpaid.label, unpaid.why) == ("N18.32", "2026-03-02: not linked to an accepted encounter")
    words = page_of(desk, chart).words
    assert "Additions" in words
    assert "N18.32 2026-03-02: not linked to an accepted encounter" in words


def test_what_is_not_known_is_a_step_of_its_own(desk, project, coder) -> None:
    unsaid = {"icn": "ICN9", "type": "P", "lines": [{"procedure": "99214"}]}
    chart = ada(project, coder, first_visit(), kidney(claim=unsaid))
    suggestions.decide(suggestion=chart.suggestions.get(kind="add"), outcome=Outcome.ACCEPT, by=coder)
    found = values(desk, chart)
    assert [bar.label for bar in found.waterfall[-3:]] == [
        "Payable, if all counts that may", "Payment not known", "Payable for certain",
    ]  # fmt: skip
    sums(found.waterfall)
    assert "Now, as it would be paid not known 0.901 or 1.165" in page_of(desk, chart).words


def test_any_open_questions_can_be_seen_together(desk, project, coder) -> None:
    checks = {"E11.9": ("more-specific", "Diabetes"), "I20.9": ("unsupported", "Angina")}
    specific = pages.visit("2026-05-05", "Diabetes. Angina?", checks=checks, proposed={"E11.9": "E11.22"})
    heart = pages.visit("2026-02-03", "Heart failure.", checks={"I50.32": ("supported", "Heart")})
    chart = ada(project, coder, heart, kidney(claim=None), specific)
    keys = {one.icd10: one.pk for one in chart.suggestions.open()}
    ticked = [keys["N18.32"], keys["E11.9"]]
    found = values(desk, chart, s=ticked)
    assert [offer.icd10 for offer in found.offers if offer.ticked] == ["E11.9", "N18.32"]
    together = found.together
    assert [part.label for part in together.parts] == ["E11.9 changed to E11.22", "N18.32 added"]
    assert sum(part.amount for part in together.parts) == together.delta.payment == Decimal("0.264")
    assert together.delta.paid.amount == Decimal("0.000")
    assert found.documented["ticked"].payment - found.documented["now"].payment == together.delta.payment
    sums(found.waterfall)
    words = page_of(desk, chart, s=ticked).words
    assert "together +0.264, as documented" in words
    assert "+0.000 as it would be paid" in words
    assert "With what is ticked, as documented" in words

    part = desk.get(reverse("member_scores", args=[chart.member_id]), {"s": ticked}, headers=HTMX)
    assert part.content.decode().lstrip().startswith('<div id="member-scores"')
    told = json.loads(part["HX-Trigger-After-Settle"])["said"]["say"]
    assert told == "2 ticked: +0.264, as paid +0.000. Score 1.165."
    nothing = desk.get(reverse("member_scores", args=[chart.member_id]), headers=HTMX)
    assert "Nothing is ticked." in json.loads(nothing["HX-Trigger-After-Settle"])["said"]["say"]
    assert not Decision.objects.exists()


def test_ticks_that_are_nobodys_are_left_out(desk, project, coder) -> None:
    chart = ada(project, coder, first_visit())
    assert values(desk, chart, s=["x", "99999", str(10**30)]).together is None


def test_the_same_chart_under_every_payment_year(desk, project, coder) -> None:
    chart = ada(project, coder, first_visit(), kidney())
    own = page_of(desk, chart).words
    assert "V28 37 Diabetes with Chronic Complications" in own
    blend = page_of(desk, chart, program="cms-hcc", year=2024).words
    assert "As if: there is no enrollment for payment year 2024. The facts of 2027 are taken for it" in blend
    assert "Service year 2026 does not pay for 2024" in blend
    assert "V24 18 Diabetes with Chronic Complications" in blend
    assert "V28 37 Diabetes with Chronic Complications" in blend
    assert "as it would be paid" not in blend
    assert "not known" not in blend
    assert "V24 33% + V28 67%" in page_of(desk, chart, program="cms-hcc", year=2025).words
    assert values(desk, chart, program="cms-hcc", year=2026).documented["now"].payment == Decimal("0.911")
    assert values(desk, chart, program="nothing", year=1).year == 2027


def test_a_year_that_cannot_be_scored_says_why(desk, project, coder) -> None:
    chart = ada(project, coder, pages.visit(checks={"E66.813": ("supported", "losartan")}))
    refused = page_of(desk, chart, program="cms-hcc", year=2025).words
    assert "CMS-HCC 2025 is not scored. cms-hcc/2025/V28 final: whether E66.813 is in CMS's map is not known" in refused
    assert "Categories by year" not in refused


def test_each_program_of_the_project_is_there(desk, project, coder) -> None:
    project.programs = ["cms-hcc", "rxhcc"]
    project.save()
    facts = [make.enrollment(), make.enrollment(program="rxhcc", dual=None)]
    chart = ada(project, coder, pages.visit(checks={"I10": ("supported", "losartan")}), enrollments=facts)
    assert "No payment category: I10" in page_of(desk, chart).words
    found = values(desk, chart, program="rxhcc", year=2026)
    assert (found.as_if, found.model, [row.hcc for row in found.rows]) == (2027, "X", ["187"])


def test_a_program_without_an_enrollment_says_what_to_import(desk, project, coder) -> None:
    chart = ada(project, coder, enrollments=[])
    assert "No enrollment for cms-hcc: import one to see scores." in page_of(desk, chart).words


def test_the_grid_names_each_source_with_its_state(desk, project, coder) -> None:
    struck = {"I50.32": ("unsupported", "losartan"), "E11.9": ("supported", "stable")}
    day = pages.visit("2026-06-09", checks=struck, fields={"claim": None})
    chart = ada(project, coder, first_visit(), kidney(), day)
    answer = {
        ("add", "N18.32", "2026-03-02"): {"outcome": Outcome.ACCEPT},
        ("check", "I50.32", "2026-06-09"): {"outcome": Outcome.DELETE, "reason": "negated"},
        ("check", "E11.22", "2026-02-03"): {"outcome": Outcome.KEEP},
    }
    for one in chart.suggestions.select_related("encounter"):
        if said := answer.get((one.kind, one.icd10, one.encounter.date_from.isoformat())):
            suggestions.decide(suggestion=one, by=coder, **said)
    rows = {row.hcc: row for row in values(desk, chart).rows}
    assert {hcc: row.stands for hcc, row in rows.items()} == {
        "37": "counts", "38": "is trumped by HCC 37", "226": "counts", "328": "counts",
    }  # fmt: skip
    lines = {
        hcc: [
            (one.code, one.dates[0][0].isoformat(), one.origin, one.state, one.unpaid) for one in row.cells[0].entries
        ]
        for hcc, row in rows.items()
    }
    not_linked = "not paid: not linked to an accepted encounter"
    assert lines == {
        "37": [("E11.22", "2026-02-03", "first pass", "kept", "")],
        "38": [("E11.9", "2026-06-09", "first pass", "open", not_linked)],
        "226": [
            ("I50.32", "2026-02-03", "first pass", "open", ""),
            ("I50.32", "2026-06-09", "first pass", "deleted", not_linked),
        ],
        "328": [("N18.32", "2026-03-02", "second pass", "added", "")],
    }


def two_years(project, coder):
    """The charts of one member for two service years; the coder holds the later one only."""
    person = make.member(**pages.ADA)
    earlier = pages.read_chart(
        project,
        pages.visit("2025-03-02", checks={"J44.9": ("supported", "CKD")}),
        member=person,
        service_year=2025,
        enrollments=[],
    )
    return earlier, ada(project, coder, first_visit(), member=person)


def test_the_years_of_a_member_stand_side_by_side(client, project, coder) -> None:
    earlier, later = two_years(project, coder)
    client.force_login(make.person(Role.COMPLIANCE, project))
    found = values(client, later)
    cells = {row.hcc: [[one.code for one in cell.entries] for cell in row.cells] for row in found.rows}
    assert cells == {"37": [[], ["E11.22"]], "226": [[], ["I50.32"]], "280": [["J44.9"], []]}
    assert {row.hcc: row.stands for row in found.rows}["280"] == ""
    assert values(client, earlier, chart=earlier.pk).year == 2026
    assert (
        TrailEvent.objects.filter(action="scores.opened").values_list("subject_id", flat=True).distinct().count() == 2
    )


def test_a_coder_sees_the_charts_of_a_member_that_are_the_coders(desk, project, coder) -> None:
    earlier, later = two_years(project, coder)
    assert [row.hcc for row in values(desk, later, chart=earlier.pk).rows] == ["37", "226"]
    assert "2025" not in page_of(desk, later, chart=earlier.pk).words.split("Categories by year")[1]
    opened = TrailEvent.objects.filter(action="scores.opened")
    assert {(one.subject_id, one.details["member"]) for one in opened} == {(later.pk, later.member_id)}


def test_an_auditor_sees_a_members_charts_but_those_in_audit(client, project, coder) -> None:
    lead = make.person(Role.QA_LEAD, project)
    client.force_login(lead)
    chart = audits.coded_chart(project, coder)
    address = reverse("member_scores", args=[chart.member_id])
    response = client.get(address)
    assert (response.status_code, "are in audit" in response.content.decode()) == (403, True)
    assert not TrailEvent.objects.filter(action="scores.opened").exists()


def test_a_policy_hides_a_members_scores_and_every_way_to_them(client) -> None:
    project = make.project("hidden", coders_see_scores=False)
    coder = make.person(Role.CODER, project)
    chart = ada(project, coder)
    client.force_login(coder)
    address = reverse("member_scores", args=[chart.member_id])
    assert client.get(address).status_code == 403
    assert address not in client.get(reverse("chart", args=[chart.pk])).content.decode()


def test_the_chart_leads_to_its_members_scores(desk, project, coder) -> None:
    chart = ada(project, coder)
    address = reverse("member_scores", args=[chart.member_id])
    assert f'href="{address}?chart={chart.pk}"' in desk.get(reverse("chart", args=[chart.pk])).content.decode()


def test_the_page_names_nobody_and_styles_nothing_in_line(desk, project, coder) -> None:
    chart = ada(project, coder, first_visit(), kidney())
    body = desk.get(reverse("member_scores", args=[chart.member_id])).content.decode()
    assert "Winterbourne" not in body
    assert "style=" not in body
    assert "<rect" in body


def test_more_questions_and_dates_cost_no_more_queries(desk, project, coder) -> None:
    def cost(*days: pages.Day) -> int:
        chart = ada(project, coder, *days)
        address = reverse("member_scores", args=[chart.member_id])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert desk.get(address, {"s": [one.pk for one in chart.suggestions.open()]}).status_code == 200
        return len(queries)

    few = cost(first_visit())
    assert cost(first_visit(), *(kidney(f"2026-0{month}-02") for month in range(3, 9))) == few


def test_the_queue_and_the_charts_of_a_project_lead_there_where_a_person_may_see_it(client, project, coder) -> None:
    held, coded = ada(project, coder), audits.coded_chart(project, coder)
    to_held, to_coded = (
        f'href="{reverse("member_scores", args=[one.member_id])}?chart={one.pk}"' for one in (held, coded)
    )

    def leads(role: Role | None, page: str) -> tuple[bool, bool]:
        client.force_login(make.person(role, project) if role else coder)
        body = client.get(reverse(page)).content.decode()
        return to_held in body, to_coded in body

    assert leads(None, "queue") == (True, True)
    assert leads(Role.QA_LEAD, "chart_list") == (True, False)  # the coded one is theirs to audit
    assert leads(Role.MANAGER, "chart_list") == (False, False)
    Project.objects.filter(pk=project.pk).update(coders_see_scores=False)
    assert leads(None, "queue") == (False, False)


FACTS = {
    "cms-hcc": {},
    "rxhcc": {"dual": None, "low_income": True},
    "esrd": {"esrd": {"status": "dialysis"}},
    "pace": {"frailty": "0.041"},
    "hhs-hcc": {"payment_year": 2026, "dual": None, "orec": None, "metal": "S", "csr": "1"},
}


@pytest.mark.parametrize("program", FACTS)
def test_every_program_and_year_on_file_is_worked_or_refused_with_its_reason(desk, project, coder, program) -> None:
    project.programs = [program]
    project.save()
    enrollment = make.enrollment(program=program, **FACTS[program])
    chart = ada(project, coder, first_visit(), kidney(), enrollments=[enrollment])
    own = scores.payment_year(chart, program)
    years = [one.payment_year for one in scoring.programs() if one.program == program]
    assert own in years
    for year in years:
        found = values(desk, chart, program=program, year=year, s=[one.pk for one in chart.suggestions.open()])
        if found.problem:
            assert year != own, found.problem
            continue
        assert found.own_year == (year == own)
        assert found.as_if == (None if year == own else own)
        assert found.rows, (program, year)
        sums(found.waterfall)
        assert sum(part.amount for part in found.together.parts) == found.together.delta.payment


def test_a_decision_shows_what_it_pays_and_why_to_its_coder_and_its_auditor(client, desk, project, coder) -> None:
    unlinked = {"claim": None}
    days = (pages.visit(day, adds={"N18.32": pages.CKD}, fields=unlinked) for day in ("2026-03-02", "2026-06-09"))
    chart = ada(project, coder, *days)
    audits.answer_all(chart, coder)
    words = page_words(desk, "chart", chart)
    assert re.search(r"Accepted \+0\.111 paid \+0\.000 2026-03-02, 2026-06-09 by", words)
    assert "N18.32: not paid (2026-03-02: not linked to an accepted encounter)" in words
    lead = make.person(Role.QA_LEAD, project)
    queues.finish(chart=chart, by=coder)
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    assert "not paid" not in page_words(client, "qa_audit", chart)
    audits.settled(chart, by=lead)
    assert "+0.111, paid +0.000: N18.32: not paid (2026-03-02" in page_words(client, "qa_audit", chart)


def page_words(client, name: str, chart) -> str:
    return pages.Page(client.get(reverse(name, args=[chart.pk]))).words
