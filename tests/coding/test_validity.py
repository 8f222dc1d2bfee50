"""The bridge from rows to the acceptability rules: nothing is lost on the way, and a code knows where it counts."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coding import validity
from coding.acceptability import assess
from coding.actions import charts as chart_actions
from coding.intake import formats
from coding.models import Chart, Project
from coding.workflow import SuggestionKind
from tests import make

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
SIGNED = {"status": "signed", "name": "Ada Byron", "credential": "MD", "date": "2026-03-02"}
PROVIDER = {"npi": "1000000129", "specialty": "11", "name": "Ada Byron", "credential": "MD"}


def visit(day: str = "2026-03-02", **fields: Any) -> dict[str, Any]:
    """An office visit for which nothing is missing."""
    claim = {"icn": f"ICN{day}", "type": "P", "place_of_service": "11", "accepted": True, "lines": [line()]}
    text = f"Patient: Ada Lovelace  DOB: 04/01/1953\nDate of service: {day}\nOffice visit. Exam: well. Angina, stable."
    facts = {"provider": PROVIDER, "signature": {**SIGNED, "date": day}, "claim": claim}
    return make.encounter("", day, **{**facts, "notes": [make.note(text, type="progress")], **fields})


def line(procedure: str = "99214", *modifiers: str) -> dict[str, Any]:
    return {"procedure": procedure, "modifiers": list(modifiers)}


def imported(project: Project, *visits: dict[str, Any], **fields: Any) -> Chart:
    person = make.member(name={"family": "Lovelace", "given": "Ada"})
    return make.chart(project, *visits, **{"member": person, **fields})


def of(chart: Chart, today: date = TODAY) -> list[validity.Validity]:
    return list(validity.chart_validity(chart, validity.encounters_of(chart), today).values())


def test_rows_are_judged_as_the_file_that_they_came_from(project) -> None:
    with (settings.BASE_DIR / "data" / "demo" / "charts.jsonl").open("rb") as file:
        read = list(formats()["chart-file"].read(file))
    planted = [values for values in read if values.member.member_id in ("M003", "M012", "M016", "M019", "M024")]
    links = set()
    for values in planted:
        stored = chart_actions.import_chart(replace(values, project=""), project=project, by=None)
        expected = {one.encounter_id: one for one in assess(values, TODAY)}
        found = [standing.assessment for one in of(stored) for standing in one.standings]
        assert {one.encounter_id: one for one in found} == expected
        links |= {one.link for one in found}
    assert links == {"linked", "unlinked", "switcher", "audio-only", "invalid-encounter"}


def test_a_visit_without_a_flaw_is_ok(project) -> None:
    [only] = of(imported(project, visit()))
    assert only.state == validity.OK, only.standings[0].assessment.why
    assert only.refusal(SuggestionKind.ADD) == ""


def test_what_fails_blocks_with_its_reason(project) -> None:
    [only] = of(imported(project, visit(claim={"type": "P", "place_of_service": "10", "lines": [line("99213", "93")]})))
    assert only.state == validity.BLOCKED
    assert "sound alone" in only.refusal(SuggestionKind.ADD)
    assert [check.check for _, check in only.standings[0].asked] == ["V05"]


def test_what_nobody_said_is_to_be_checked(project) -> None:
    [only] = of(imported(project, visit(signature=None)))
    assert only.state == validity.CHECK
    assert ("Signature", "unknown") in [(name, check.answer) for name, check in only.standings[0].asked]


def test_a_chart_without_enrollment_is_judged_for_the_projects_program(project) -> None:
    [only] = of(imported(project, visit(), enrollments=[]))
    [standing] = only.standings
    assert (standing.assessment.program, standing.assessment.payment_year) == ("cms-hcc", 2027)


def test_programs_that_differ_have_to_be_looked_at() -> None:
    project = make.project("two", programs=["cms-hcc", "hhs-hcc"])
    [only] = of(imported(project, visit()))
    years = [(one.assessment.program, one.assessment.payment_year) for one in only.standings]
    assert years == [("cms-hcc", 2027), ("hhs-hcc", 2026)]
    assert {one.state for one in only.standings} == {validity.OK, validity.CHECK}
    assert only.state == validity.CHECK


def test_after_the_final_deadline_an_addition_is_refused_and_a_submitted_code_stands(project) -> None:
    [only] = of(imported(project, visit()), date(2040, 1, 1))
    assert only.standings[0].assessment.link == "closed-year"
    assert only.refusal(SuggestionKind.ADD) != ""
    assert only.refusal(SuggestionKind.CHECK) == ""


def test_a_code_knows_on_which_of_its_dates_it_does_not_count(project) -> None:
    chart = imported(project, visit(), visit("2026-06-09", claim=None))
    found = validity.chart_validity(chart, validity.encounters_of(chart), TODAY)
    first, second = chart.encounters.order_by("date_from")
    refused = validity.refusals(found, [first.pk, second.pk], SuggestionKind.ADD)
    assert list(refused) == [second.pk]
    assert "There is no claim for the date of service" in refused[second.pk]


def test_three_dates_and_twenty_eight_cost_the_same_queries(project) -> None:
    costs = []
    for days in (3, 28):
        chart = imported(project, *(visit(f"2026-02-{day:02}") for day in range(1, days + 1)))
        chart = Chart.objects.select_related("member__project").get(pk=chart.pk)
        with CaptureQueriesContext(connection) as counted:
            assert len(of(chart)) == days
        costs.append(len(counted))
    assert costs == [6, 6]
