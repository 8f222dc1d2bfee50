"""My work: a coder's own pace beside accuracy, what QA overturned, and which answers stood."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coding import own_work, reports
from coding.actions import qa, queues, suggestions
from coding.models import Assignment, Decision, QAReview, Role
from coding.workflow import Outcome
from tests import audits, make, pages

pytestmark = pytest.mark.django_db

TODAY = datetime.now(UTC).date()
PERIOD = reports.Period(TODAY - timedelta(days=29), TODAY)
REJECTED = {"N18.32": {"outcome": Outcome.REJECT, "reason": "negated"}}


@pytest.fixture
def coder(project):
    return make.person(Role.CODER, project, "coder", first_name="Casey", last_name="Coder")


@pytest.fixture
def lead(project):
    return make.person(Role.QA_LEAD, project, "lead")


@pytest.fixture
def desk(coder):
    client = Client()
    client.force_login(coder)
    return client


def show(client: Client, **query: str) -> pages.Page:
    return pages.Page(client.get(reverse("my_work"), query))


def row_of(own: own_work.Own, family: str) -> tuple[int, int, int, int]:
    return next((one.yes, one.yes_stood, one.no, one.no_stood) for one in own.stood if one.family == family)


def test_pace_stands_beside_accuracy_and_not_before_it(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    Assignment.objects.update(claimed_at=datetime.now(UTC) - timedelta(minutes=4))
    before = own_work.own(coder, project, PERIOD).row
    assert (before.charts, before.decisions, before.audited, before.charts_per_hour) == (1, 2, 0, None)
    audits.drawn(chart, by=lead)
    audits.settled(chart, by=lead)
    assert own_work.own(coder, project, PERIOD).row.audited == 0  # not concluded: the coder does not know yet
    qa.conclude(chart=chart, by=lead)
    row = own_work.own(coder, project, PERIOD).row
    assert (row.agreed, row.audited, row.accuracy) == (2, 2, Decimal("1.000"))
    assert row.charts_per_hour == Decimal("15.0")


def test_answers_are_compared_with_what_stood(project, coder, lead) -> None:
    audits.audited_chart(project, coder, lead)
    chart = audits.coded_chart(project, coder, answers=REJECTED)
    audits.drawn(chart, by=lead)
    for review in qa.reviews_of(chart):
        if review.decision.suggestion.icd10 == "N18.32":
            qa.answer_blind(review=review, outcome=Outcome.ACCEPT, by=lead)
            qa.settle(review=review, verdict=QAReview.Verdict.OVERTURN, by=lead, comment="It is in the plan.")
        else:
            audits.same_answer(review, by=lead)
            qa.settle(review=review, verdict=QAReview.Verdict.AGREE, by=lead)
    qa.conclude(chart=chart, by=lead)
    own = own_work.own(coder, project, PERIOD)
    assert row_of(own, "") == (2, 2, 0, 0)
    assert row_of(own, "test") == (1, 1, 1, 0)
    test = next(one for one in own.stood if one.family == "test")
    assert (test.acceptance, test.final_acceptance) == (Decimal("0.500"), Decimal("1.000"))
    assert [review.comment for review in own.returned] == ["It is in the plan."]

    # Rebutted, the coder's answer is the one that stands; changed after the return, it stands no more.
    review = own.returned[0]
    qa.respond(review=review, response=QAReview.CoderResponse.REBUTTED, by=coder, comment="Guideline I.A.19.")
    assert row_of(own_work.own(coder, project, PERIOD), "test") == (1, 1, 1, 1)
    chart.refresh_from_db()
    queues.resume(chart=chart, by=coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.undo(suggestion=suggestion, by=coder)
    suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder)
    assert row_of(own_work.own(coder, project, PERIOD), "test") == (1, 1, 1, 0)


def test_an_answer_that_was_taken_back_before_qa_is_no_answer(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.decide(suggestion=suggestion, outcome=Outcome.REJECT, by=coder, reason="negated")
    suggestions.undo(suggestion=suggestion, by=coder)
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    own = own_work.own(coder, project, PERIOD)
    assert row_of(own, "test") == (1, 1, 0, 0)
    assert own.row.decisions == 2


def test_nobody_elses_work_is_counted_or_named(desk, project, coder, lead) -> None:
    other = make.person(Role.CODER, project, "other", first_name="Otto", last_name="Other")
    chart = audits.coded_chart(project, other)
    audits.drawn(chart, by=lead)
    audits.settled(chart, by=lead, overturn=("N18.32",), words="Look at the labs.")
    qa.conclude(chart=chart, by=lead)
    own = own_work.own(coder, project, PERIOD)
    assert (own.row.charts, own.row.audited, own.stood, own.returned) == (0, 0, (), ())
    words = show(desk).words
    assert "Otto" not in words
    assert "Look at the labs." not in words


def test_the_page_has_the_auditors_words_and_leads_to_the_card(desk, project, coder, lead) -> None:
    march, june = pages.missed_ckd(), pages.missed_ckd("2026-06-09")
    words = "<The plan names it.>"
    chart = audits.coded_chart(project, coder, march, june)
    audits.drawn(chart, by=lead)
    audits.settled(chart, by=lead, overturn=("N18.32",), words=words)
    qa.conclude(chart=chart, by=lead)
    response = desk.get(reverse("my_work"))
    page = pages.Page(response)
    assert page.words.count(words) == 2
    assert "Not answered yet" in page.words
    card = min(one.pk for one in chart.suggestions.filter(icd10="N18.32"))
    assert response.content.decode().count(f'href="{reverse("chart", args=[chart.pk])}#card-{card}"') == 1
    assert f"card-{card}" in pages.Page(desk.get(reverse("chart", args=[chart.pk]))).ids


@pytest.mark.parametrize(
    ("name", "first"),
    [("week", date(2026, 11, 23)), ("month", date(2026, 11, 1)), ("quarter", date(2026, 10, 1))],
)
def test_a_period_ends_today(name, first) -> None:
    today = date(2026, 11, 28)
    assert reports.Period.current(name, today=today) == reports.Period(first, today)


def test_the_period_is_in_the_address(desk, project, coder) -> None:
    audits.coded_chart(project, coder)
    assert "Charts finished 1" in show(desk, period="week").words
    past = {"period": "days", "from": "2026-01-01", "to": "2026-01-31"}
    assert "Charts finished 0" in show(desk, **past).words
    assert desk.get(reverse("my_work"), past | {"to": "yesterday"}).status_code == 400
    assert desk.get(reverse("my_work"), {"period": "decade"}).status_code == 400


def test_the_queries_do_not_grow_with_the_work(desk, project, coder, lead) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            desk.get(reverse("my_work"))
        return len(captured)

    audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    few = queries()
    for _ in range(4):
        audits.audited_chart(
            project, coder, lead, pages.missed_ckd(), pages.missed_ckd("2026-06-09"), overturn=("N18.32",)
        )
    assert Decision.objects.count() > 10
    assert queries() == few
