"""What the notes of a chart say that cannot both hold, as a coder sees it: both places, and no verdict."""

import re
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coding import contradictions, exports, tasks
from coding.actions import qa, queues, suggestions
from coding.models import Chart, Decision, NlpRun, Note, Project, Role, Suggestion, User
from coding.reports import Period
from coding.validity import encounters_of
from coding.workflow import Outcome
from tests import make, pages

pytestmark = pytest.mark.django_db
STAGE = "Results: eGFR 62.\nAssessment: Chronic kidney disease stage 4, stable. Continue losartan."
DENIED = "Past medical history: No history of CHF.\nAssessment: Hypertension, at goal on amlodipine."
HAS = "Assessment: CHF stable, continue furosemide."


def held(project: Project, coder: User, *texts: str, codes: tuple[str, ...] = ()) -> Chart:
    """A chart with one note a month, read by the rules themselves."""
    chart = make.chart(
        project, *(make.encounter(text, f"2026-{n:02}-10", codes=codes) for n, text in enumerate(texts, 1))
    )
    for pk in Note.objects.filter(encounter__chart=chart).values_list("pk", flat=True):
        assert tasks.analyse(pk)
    chart.refresh_from_db()
    queues.claim(chart=chart, by=coder)
    return chart


def found(chart: Chart) -> list[contradictions.Contradiction]:
    return contradictions.of_chart(chart, encounters_of(chart))


def body_of(desk: Client, chart: Chart) -> str:
    return desk.get(reverse("chart", args=[chart.pk])).content.decode()


def test_a_number_against_a_stage_stands_on_the_card_of_the_code(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE, codes=("N18.4", "I10"))
    body = body_of(desk, chart)
    why = (
        "CKD stage 4 in the assessment, eGFR 62 in the results; "
        "KDIGO puts CKD stage 4 at 15 to less than 30 (unverified)."
    )
    assert body.count(why) == 2  # once among all of the chart, once on the one card that it concerns
    assert "1 contradiction</strong>" in body
    card = next(part for part in body.split("<article") if '<span class="code">N18.4</span> Chronic' in part)
    assert why in card


def test_both_places_can_be_gone_to(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE, codes=("N18.4",))
    page = pages.Page(desk.get(reverse("chart", args=[chart.pk])))
    note = Note.objects.get()
    links = set(re.findall(r'class="place" href="#(n\d+-\d+)"', body_of(desk, chart)))
    assert links == {f"n{note.pk}-{STAGE.index(quote)}" for quote in ("Chronic", "eGFR")}
    assert links <= set(page.ids)
    assert page.notes[note.pk] == STAGE


def test_a_reported_code_is_compared_with_the_numbers_where_no_words_say_it(
    desk: Client, project: Project, coder: User
) -> None:
    chart = held(project, coder, "Vitals: BMI 33.1.\nAssessment: Obesity. Diet advised.", codes=("E66.01", "I10"))
    (one,) = found(chart)
    assert one.codes == ("E66.01",)
    assert (
        one.why
        == "E66.01 is reported, BMI 33.1 in the vital signs; CDC and NIH put morbid obesity at 35 or more (unverified)."
    )
    assert [place.quote for place in one.places] == ["BMI 33.1"]
    assert body_of(desk, chart).count(one.why) == 2


def test_a_reported_stage_is_compared_with_the_numbers_of_two_other_dates(project: Project, coder: User) -> None:
    number = "Labs: eGFR 38.\nAssessment: Kidney disease, recheck BMP."
    chart = make.chart(
        project,
        make.encounter(number, "2026-01-10"),
        make.encounter("Assessment: CKD, followed by nephrology.", "2026-03-10", codes=["N18.31"]),
        make.encounter(number, "2026-05-10"),
    )
    for pk in Note.objects.values_list("pk", flat=True):
        tasks.analyse(pk)
    (one,) = found(chart)
    assert one.why.startswith("N18.31 is reported on 2026-03-10, eGFR 38 in the results of 2026-05-10;")


def test_it_changes_neither_questions_nor_verdicts(project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE, codes=("N18.4",))
    assert [(one.kind, one.icd10, one.verdict) for one in chart.suggestions.all()] == [("check", "N18.4", "supported")]


def test_two_notes_of_the_chart_are_compared(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, DENIED, HAS)
    (one,) = found(chart)
    assert (one.kind, one.codes) == ("denied", ("I50.9",))
    assert [(place.day, place.quote) for place in one.places] == [
        ("2026-02-10", "CHF"),
        ("2026-01-10", "No history of CHF"),
    ]
    assert body_of(desk, chart).count(one.why) == 2


def test_notes_of_another_member_and_of_another_year_are_not(project: Project, coder: User) -> None:
    first, second = held(project, coder, DENIED), held(project, make.person(Role.CODER, project), HAS)
    assert found(first) == found(second) == []


def test_what_is_not_read_yet_or_was_read_before_there_were_statements_contradicts_nothing(
    project: Project, coder: User
) -> None:
    chart = held(project, coder, STAGE)
    (run,) = NlpRun.objects.all()
    run.result.pop("statements")
    run.save(update_fields=["result"])
    assert found(chart) == []
    NlpRun.objects.all().delete()
    assert found(chart) == []


def test_the_newest_reading_of_a_note_counts(project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE)
    (run,) = NlpRun.objects.all()
    NlpRun.objects.create(note=run.note, ruleset="newer", status="done", result={**run.result, "statements": []})
    assert found(chart) == []


def test_three_notes_and_thirty_cost_the_same_queries(desk: Client, project: Project, coder: User) -> None:
    def queries(chart: Chart) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as opened:
            desk.get(reverse("chart", args=[chart.pk]))
        with CaptureQueriesContext(connection) as answered:
            one = chart.suggestions.filter(kind="check").first()
            desk.post(
                reverse("answer", args=[chart.pk]), {"s": [one.pk], "outcome": "keep"}, headers={"HX-Request": "true"}
            )
        return len(opened), len(answered)

    few = held(project, coder, STAGE, DENIED, HAS, codes=("N18.4",))
    costs = queries(few)
    many = held(project, coder, *[STAGE, DENIED, HAS] * 4, codes=("N18.4",))
    assert len(found(many)) > len(found(few))
    assert queries(many) == costs


def test_after_an_answer_the_card_still_says_so(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE, codes=("N18.4",))
    one = chart.suggestions.get()
    response = desk.post(
        reverse("answer", args=[chart.pk]), {"s": [one.pk], "outcome": "keep"}, headers={"HX-Request": "true"}
    )
    assert "eGFR 62 in the results" in response.content.decode()


def test_a_query_about_it_quotes_both_places_of_its_date(project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE, HAS, codes=("N18.4",))
    one = chart.suggestions.get(icd10="N18.4", encounter__date_from="2026-01-10")
    one.evidence.all().delete()
    decision: Decision = suggestions.decide(
        suggestion=Suggestion.objects.get(pk=one.pk), outcome=Outcome.QUERY, reason="clarify-conflict", by=coder
    )
    quotes = [STAGE[start:end] for _, start, end in decision.provider_query.indicators]  # type: ignore[attr-defined]
    assert quotes == ["eGFR 62", "Chronic kidney disease stage 4"]


def test_what_the_rules_saw_lists_them(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, STAGE)
    body = desk.get(reverse("note_reading", args=[chart.pk, Note.objects.get().pk])).content.decode()
    assert "eGFR 62 in the results" in body
    assert "<q>eGFR 62</q>" in body


def test_a_place_that_was_copied_says_from_when(project: Project, coder: User) -> None:
    denied = DENIED.replace("No history of CHF.", "He says that there is no history of CHF in his life.")
    chart = held(project, coder, denied, denied, HAS)
    (one,) = found(chart)
    assert [str(place.copied_from or "") for place in one.places] == ["", "2026-01-10"]


def test_an_auditor_sees_them_as_the_coder_did(client: Client, project: Project, coder: User) -> None:
    auditor = make.person(Role.QA_LEAD, project)
    chart = held(project, coder, STAGE, codes=("N18.4",))
    for one in chart.suggestions.all():
        suggestions.decide(suggestion=one, outcome=Outcome.KEEP, by=coder)
    queues.finish(chart=chart, by=coder)
    qa.draw_sample(project=project, percentage=100, seed=1, by=auditor)
    client.force_login(auditor)
    page = pages.Page(client.get(reverse("qa_audit", args=[chart.pk])))
    assert "eGFR 62 in the results" in page.text
    assert f"n{Note.objects.get().pk}-{STAGE.index('eGFR')}" in page.ids


def test_the_api_gives_them_with_both_places(desk: Client, project: Project, coder: User) -> None:
    chart = held(project, coder, DENIED, HAS)
    [one] = desk.get(f"/api/charts/{chart.pk}/").json()["contradictions"]
    notes = {note.pk: note.text for note in Note.objects.all()}
    assert [notes[place["note"]][place["start"] : place["end"]] for place in one["places"]] == [
        place["quote"] for place in one["places"]
    ]
    assert {place["date_of_service"] for place in one["places"]} == {"2026-01-10", "2026-02-10"}
    assert one["family"] == "heart_failure"
    assert "deni" in one["why"]


def exported(project: Project, first: str = "2026-01-01", last: str = "2026-12-31") -> list[dict[str, object]]:
    export = exports.exports()["contradictions"]
    period = Period(date.fromisoformat(first), date.fromisoformat(last))
    return [dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, period)]


def test_the_export_lists_both_places_of_each_chart_and_no_word_of_a_note(project: Project, coder: User) -> None:
    chart = held(project, coder, HAS, DENIED)
    quiet = held(project, coder, "Assessment: Hypertension, at goal on amlodipine.")
    (row,) = exported(project)
    assert (row["chart"], row["condition"], row["kind"]) == (chart.pk, "heart_failure", "denied")
    assert row["member_id"] == chart.member.member_id != quiet.member.member_id
    assert {row["date_of_service"], row["other_date_of_service"]} == {"2026-01-10", "2026-02-10"}
    assert not any("CHF" in str(cell) for cell in row.values())
    assert exported(project, "2026-02-01", "2026-02-28") == [row]
    assert exported(project, "2026-03-01") == []
    assert exported(make.project("beta")) == []


def test_a_reported_code_against_a_number_has_one_place_in_the_export(project: Project, coder: User) -> None:
    held(project, coder, "Vitals: BMI 33.1.\nAssessment: Obesity. Diet advised.", codes=("E66.01", "I10"))
    (row,) = exported(project)
    assert (row["codes"], row["date_of_service"], row["other_date_of_service"]) == ("E66.01", "2026-01-10", "")


def test_three_charts_and_thirty_cost_the_export_the_same_queries(project: Project, coder: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert exported(project)
        return len(captured)

    held(project, coder, STAGE, codes=("N18.4",))
    few = queries()
    for _ in range(4):
        held(project, coder, HAS, DENIED)
    assert queries() == few
    assert len(exported(project)) == 5
