"""A coder's question to the lead: the chart waits, the lead answers, the chart comes back."""

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coding.actions import queues
from coding.models import Assignment, Chart, Escalation, Role, TrailEvent
from coding.permissions import NotAllowed
from coding.workflow import ChartStatus
from tests import make, pages

pytestmark = pytest.mark.django_db

QUESTION = "Is the CKD stage of the letter the one of this visit?"
ANSWER = "No: each date stands alone."


@pytest.fixture
def project():
    return make.project()


@pytest.fixture
def asked(project, coder) -> Escalation:
    return queues.escalate(chart=pages.held_chart(project, coder), question=f" {QUESTION} ", by=coder)


def words(client, user, url: str) -> str:
    client.force_login(user)
    return pages.Page(client.get(url)).words


def test_a_question_sets_the_chart_on_hold_and_stays_with_its_coder(asked, coder) -> None:
    chart = Chart.objects.get(pk=asked.chart_id)
    assert (chart.status, chart.hold_reason, asked.question) == (ChartStatus.ON_HOLD, queues.ESCALATED, QUESTION)
    assert queues.holds(chart, coder)
    event = TrailEvent.objects.get(action="chart.escalated")
    assert (event.actor, event.subject_id, event.details) == (coder, chart.pk, {"escalation": asked.pk})


def test_the_answer_brings_it_back_and_it_waits_until_it_is_opened(asked, coder, lead, settings) -> None:
    queues.answer_escalation(escalation=asked, answer=ANSWER, by=lead)
    chart = Chart.objects.get(pk=asked.chart_id)
    assert (chart.status, chart.hold_reason) == (ChartStatus.IN_REVIEW, "")
    assert Assignment.objects.get(chart=chart, released_at=None).seen_at is None
    assert queues.release_silent() == 0
    assert TrailEvent.objects.filter(action="chart.escalation_answered", actor=lead).count() == 1


def test_the_words_stand_where_each_of_them_looks(client, asked, coder, lead, project) -> None:
    chart, queue = reverse("chart", args=[asked.chart_id]), f"{reverse('queue')}?project={project.name}"
    charts = f"{reverse('chart_list')}?project={project.name}"
    assert QUESTION in words(client, coder, queue)
    assert QUESTION in words(client, lead, charts)
    assert "Your answer" in words(client, lead, chart)
    assert "On hold:" not in words(client, coder, chart)  # the question says so
    manager = make.person(Role.MANAGER, project)
    assert QUESTION not in words(client, manager, charts)  # it may quote the record
    client.force_login(lead)
    client.post(reverse("answer_escalation", args=[asked.pk]), {"answer": ANSWER})
    assert QUESTION not in words(client, lead, charts)
    assert ANSWER in words(client, coder, queue)
    page = words(client, coder, chart)
    assert QUESTION in page
    assert ANSWER in page
    assert ANSWER not in words(client, coder, queue)  # read: the chart was opened


def test_an_answer_is_not_news_again_when_the_chart_comes_back(client, asked, coder, lead, project) -> None:
    queue = f"{reverse('queue')}?project={project.name}"
    queues.answer_escalation(escalation=asked, answer=ANSWER, by=lead)
    assert ANSWER in words(client, coder, queue)
    Assignment.objects.filter(chart=asked.chart_id).update(released_at=timezone.now(), ended_by="finished")
    Assignment.objects.create(chart=Chart.objects.get(pk=asked.chart_id), coder=coder)
    assert ANSWER not in words(client, coder, queue)


@pytest.mark.parametrize("give_up", [queues.resume, queues.release])
def test_a_coder_may_go_on_without_an_answer(client, asked, coder, lead, give_up) -> None:
    chart = Chart.objects.get(pk=asked.chart_id)
    give_up(chart=chart, by=coder)
    with pytest.raises(queues.WrongStatus, match="meanwhile"):
        queues.answer_escalation(escalation=asked, answer=ANSWER, by=lead)
    chart.refresh_from_db()
    assert chart.status == (ChartStatus.IN_REVIEW if give_up is queues.resume else ChartStatus.READY)
    assert QUESTION not in words(client, lead, reverse("chart", args=[chart.pk]))


def test_the_question_goes_with_a_chart_that_is_given_to_another_coder(asked, lead, project) -> None:
    other = make.person(Role.CODER, project)
    queues.assign(chart=Chart.objects.get(pk=asked.chart_id), to=other, by=lead)
    queues.answer_escalation(escalation=asked, answer=ANSWER, by=lead)
    assert queues.holds(Chart.objects.get(pk=asked.chart_id), other)


def test_the_same_question_again_is_found_asked(client, asked, coder) -> None:
    client.force_login(coder)
    response = client.post(reverse("escalate", args=[asked.chart_id]), {"question": QUESTION})
    assert response.status_code == 302
    assert Escalation.objects.count() == 1


@pytest.mark.parametrize("words", ["", "  "])
def test_without_words_nothing_is_asked_or_answered(client, project, coder, lead, asked, words) -> None:
    chart = pages.held_chart(project, coder)
    client.force_login(coder)
    client.post(reverse("escalate", args=[chart.pk]), {"question": words})
    client.force_login(lead)
    client.post(reverse("answer_escalation", args=[asked.pk]), {"answer": words})
    chart.refresh_from_db()
    asked.refresh_from_db()
    assert (chart.status, asked.ended_at) == (ChartStatus.IN_REVIEW, None)


def test_only_its_holder_asks_and_only_a_lead_answers(project, coder, lead, asked) -> None:
    chart = pages.held_chart(project, coder)
    with pytest.raises(NotAllowed):
        queues.escalate(chart=chart, question=QUESTION, by=make.person(Role.CODER, project))
    for somebody in (coder, make.person(Role.MANAGER, project), make.person(Role.QA_LEAD, make.project())):
        with pytest.raises(NotAllowed):
            queues.answer_escalation(escalation=asked, answer=ANSWER, by=somebody)


def test_the_database_holds_one_open_question_a_chart(asked, coder) -> None:
    with pytest.raises(IntegrityError, match=r"one_open_escalation_per_chart|chart_id"):
        Escalation.objects.create(chart=asked.chart, asked_by=coder, question="Another")


def test_a_failing_event_rolls_the_question_back(project, coder, monkeypatch) -> None:
    chart = pages.held_chart(project, coder)

    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(queues.trail, "record", fails)
    with pytest.raises(RuntimeError):
        queues.escalate(chart=chart, question=QUESTION, by=coder)
    chart.refresh_from_db()
    assert (chart.status, Escalation.objects.count()) == (ChartStatus.IN_REVIEW, 0)


def test_the_lists_cost_as_much_with_many_questions_as_with_one(client, project, coder, lead) -> None:
    def cost(user, url: str) -> int:
        client.force_login(user)
        client.get(url)
        with CaptureQueriesContext(connection) as counted:
            client.get(url)
        return len(counted)

    def ask() -> None:
        queues.escalate(chart=pages.held_chart(project, coder), question=QUESTION, by=coder)

    urls = [(coder, f"{reverse('queue')}?project={project.name}"), (lead, reverse("chart_list"))]
    ask()
    one = [cost(*url) for url in urls]
    for _ in range(5):
        ask()
    assert [cost(*url) for url in urls] == one


# --- What is on hold may be given back


def test_a_chart_on_hold_goes_back_to_the_queue_without_its_reason(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    queues.hold(chart=chart, reason="Missing page", by=coder)
    queues.release(chart=chart, by=coder)
    chart.refresh_from_db()
    assert (chart.status, chart.hold_reason) == (ChartStatus.READY, "")
    assert not queues.holds(chart, coder)


def test_nobody_gives_back_what_somebody_else_has_on_hold(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    queues.hold(chart=chart, reason="Missing page", by=coder)
    with pytest.raises(NotAllowed):
        queues.release(chart=chart, by=make.person(Role.CODER, project))


def test_the_queue_says_reason_date_and_days_and_acts_in_place(client, project, coder, time_machine) -> None:
    time_machine.move_to("2026-11-28T10:20:00Z")
    chart = pages.held_chart(project, coder)
    queues.hold(chart=chart, reason="Missing page", by=coder)
    url = f"{reverse('queue')}?project={project.name}"
    page = words(client, coder, url)
    assert "97 days On hold 2026-11-28 10:20 Missing page" in page
    assert "Take up" in page
    client.post(reverse("resume", args=[chart.pk]))
    assert "Release" in words(client, coder, url)


def test_only_its_holder_is_offered_to_take_a_chart_up_again(client, asked, coder, lead) -> None:
    url = reverse("chart", args=[asked.chart_id])
    assert "Take it up again" in words(client, coder, url)
    assert "Take it up again" not in words(client, lead, url)
