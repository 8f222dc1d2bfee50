"""The pages around the review: log-in, start page, my queue, get next chart, upload, refusals."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coding import nav
from coding.actions import qa, queues, suggestions
from coding.models import Assignment, Chart, QAReview, Role, TrailEvent, User
from coding.permissions import NotAllowed
from coding.workflow import ChartStatus, Outcome
from tests import make, pages

pytestmark = pytest.mark.django_db


def page(client: Client, user: User, url: str, **query: str) -> pages.Page:
    client.force_login(user)
    response = client.get(url, query)
    assert response.status_code == 200, response.status_code
    return pages.Page(response)


# --- Log-in and start page


def test_a_visitor_is_asked_to_log_in(client) -> None:
    response = client.get(reverse("queue"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


def test_a_wrong_password_says_so_without_telling_which_half_is_wrong(client, coder) -> None:
    response = client.post(reverse("login"), {"username": coder.username, "password": "no"})
    assert "do not belong together" in pages.Page(response).words


@pytest.mark.parametrize("role", [Role.CODER, Role.MANAGER, Role.QA_LEAD])
def test_home_leads_to_the_first_page_of_ones_menu(client, project, role) -> None:
    client.force_login(make.person(role, project))
    response = client.get(reverse("home"), follow=True)
    assert response.status_code == 200
    assert b'aria-current="page"' in response.content


def test_somebody_without_a_role_is_told_what_to_do(client) -> None:
    assert "no role in a project yet" in page(client, make.person(), reverse("home")).words


def test_every_private_page_forbids_storing(client, coder) -> None:
    client.force_login(coder)
    assert client.get(reverse("queue"))["Cache-Control"] == "no-store"


def test_no_page_allows_inline_code(client, coder) -> None:
    client.force_login(coder)
    response = client.get(reverse("queue"))
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    body = response.content.decode()
    assert "<style" not in body
    assert " style=" not in body
    assert " onclick=" not in body


# --- My queue


def test_get_next_chart_claims_it_and_opens_it(client, project, coder) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    client.force_login(coder)
    response = client.post(reverse("next_chart"), {"project": project.name})
    assert response["Location"] == reverse("chart", args=[chart.pk])
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW


def test_get_next_chart_says_when_nothing_is_ready(client, project, coder) -> None:
    client.force_login(coder)
    response = client.post(reverse("next_chart"), {"project": project.name}, follow=True)
    assert "Nothing is ready just now" in pages.Page(response).words


def test_a_project_without_charts_is_not_called_coded(client, project, coder) -> None:
    assert "No chart yet" in page(client, coder, reverse("queue")).words
    pages.held_chart(project, make.person(Role.CODER, project))
    words = page(client, coder, reverse("queue")).words
    assert "The queue is empty" in words
    assert "No chart yet" not in words


def test_a_row_shows_initials_dates_and_counts_and_never_a_name(client, project, coder) -> None:
    person = make.member(name={"family": "Sentinel", "given": "Ada"})
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"), member=person)
    words = page(client, coder, reverse("queue")).words
    assert f"Chart {chart.pk}" in words
    assert "A.S." in words
    assert "2026-03-02 to 2026-06-09" in words
    assert "2 checks, 2 adds" in words
    assert "Sentinel" not in words


def test_the_queue_lists_only_ones_own_charts(client, project, coder) -> None:
    theirs = pages.held_chart(project, make.person(Role.CODER, project))
    assert f"Chart {theirs.pk}" not in page(client, coder, reverse("queue")).words


def test_a_chart_on_hold_shows_why(client, project, coder) -> None:
    chart = pages.held_chart(project, coder)
    queues.hold(chart=chart, reason="Missing page 3", by=coder)
    assert "Missing page 3" in page(client, coder, reverse("queue")).words


def test_a_returned_chart_comes_first_with_the_auditors_words(client, project, coder) -> None:
    pages.held_chart(project, coder)
    returned = returned_chart(project, coder)
    words = page(client, coder, reverse("queue")).words
    assert "The plan names the stage." in words
    assert words.index(f"QA returned chart {returned.pk}") < words.index("In review")


def returned_chart(project, coder) -> Chart:
    chart = pages.held_chart(project, coder, pages.day(adds={"N18.32": pages.CKD}))
    lead = make.person(Role.QA_LEAD, project)
    suggestions.decide(suggestion=chart.suggestions.get(), outcome=Outcome.REJECT, reason="mention-only", by=coder)
    queues.finish(chart=chart, by=coder)
    qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    review = QAReview.objects.get(decision__suggestion__chart=chart)
    qa.answer_blind(review=review, outcome=Outcome.ACCEPT, by=lead)
    qa.settle(review=review, verdict=QAReview.Verdict.OVERTURN, comment="The plan names the stage.", by=lead)
    chart.refresh_from_db()
    qa.conclude(chart=chart, by=lead)
    chart.refresh_from_db()
    return chart


def test_the_project_switcher_appears_for_people_with_several_projects(client, project, coder) -> None:
    assert '<select id="project"' not in client_body(client, coder)
    make.give_role(project=make.project("beta"), to=coder, role=Role.CODER, by=None)
    assert '<select id="project"' in client_body(client, coder)


def client_body(client: Client, user: User) -> str:
    client.force_login(user)
    return client.get(reverse("queue")).content.decode()


def test_the_queue_costs_the_same_queries_for_three_charts_and_for_thirty(client, project, coder) -> None:
    def cost(charts: int) -> int:
        while Chart.objects.count() < charts:
            pages.held_chart(project, coder)
        client.force_login(coder)
        client.get(reverse("queue"))
        with CaptureQueriesContext(connection) as counted:
            client.get(reverse("queue"))
        return len(counted)

    assert cost(3) == cost(30)


# --- Refusals


def test_a_refusal_names_the_reason(client, project) -> None:
    client.force_login(make.person(Role.MANAGER, project))
    response = client.get(reverse("queue"))
    assert response.status_code == 403
    assert "You may not code charts in any project" in pages.Page(response).words


def test_an_unknown_address_is_a_friendly_404(client, coder) -> None:
    client.force_login(coder)
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing here" in pages.Page(response).words


# --- Upload


def upload(client: Client, user: User, text: str, **fields: str):
    client.force_login(user)
    file = SimpleUploadedFile("charts.jsonl", text.encode())
    return client.post(reverse("upload"), {"file": file, "format": "chart-file", **fields})


def test_a_good_file_is_stored_and_summed_up(client, project) -> None:
    lead = make.person(Role.QA_LEAD, project)
    text = make.chart_file_text(make.chart_line(), make.chart_line())
    response = upload(client, lead, text, project=project.name)
    assert "2 charts created" in pages.Page(response).words
    assert Chart.objects.count() == 2
    again = upload(client, lead, text, project=project.name)
    assert "2 unchanged" in pages.Page(again).words


def test_a_bad_file_lists_every_problem_with_its_line_and_field_and_stores_nothing(client, project) -> None:
    lead = make.person(Role.QA_LEAD, project)
    bad = make.chart_line(member=make.member(birth_date="1953-13-01", sex="Q"))
    response = upload(client, lead, make.chart_file_text(make.chart_line(), bad) + "\nnot json", project=project.name)
    assert response.status_code == 422
    words = pages.Page(response).words
    assert "3 problems; nothing was stored." in words
    assert "2 member.birth_date" in words
    assert "2 member.sex" in words
    assert "3 whole line" in words
    assert Chart.objects.count() == 0


def test_a_file_that_says_something_else_about_a_chart_shows_what_would_change(client, project) -> None:
    lead = make.person(Role.QA_LEAD, project)
    line = make.chart_line()
    upload(client, lead, make.chart_file_text(line), project=project.name)
    more = {**line, "encounters": [*line["encounters"], make.encounter(day="2026-07-01")]}
    words = pages.Page(upload(client, lead, make.chart_file_text(more), project=project.name)).words
    assert "is here already" in words
    added = upload(client, lead, make.chart_file_text(more), project=project.name, apply="on")
    assert "1 added to" in pages.Page(added).words


def test_a_coder_cannot_upload(client, project, coder) -> None:
    assert upload(client, coder, make.chart_file_text(make.chart_line())).status_code == 403
    assert Chart.objects.count() == 0


# --- One's own account


def test_a_person_changes_their_own_password(client, project) -> None:
    person = make.person(Role.CODER, project)
    client.force_login(person)
    address = reverse("change_password")
    assert f'href="{reverse("settings")}"' in client.get(reverse("queue")).content.decode()
    assert f'href="{address}"' in client.get(reverse("settings")).content.decode()
    typed = {"old_password": make.PASSWORD, "new_password1": "seven green lanterns", "new_password2": "seven lanterns"}
    refused = client.post(address, typed)
    assert "didn’t match" in refused.content.decode()
    assert "seven green lanterns" not in refused.content.decode()
    response = client.post(address, {**typed, "new_password2": "seven green lanterns"}, follow=True)
    assert "Your password is changed." in response.content.decode()  # and still logged in
    person.refresh_from_db()
    assert person.check_password("seven green lanterns")


def test_a_wrong_old_password_changes_nothing(client, project) -> None:
    person = make.person(Role.CODER, project)
    client.force_login(person)
    typed = {"old_password": "guess", "new_password1": "seven green lanterns", "new_password2": "seven green lanterns"}
    assert "Your password is not changed yet" in client.post(reverse("change_password"), typed).content.decode()
    person.refresh_from_db()
    assert person.check_password(make.PASSWORD)


def test_a_session_ends_at_its_limit_however_busy_it_is(client, project, settings) -> None:
    settings.SESSION_ABSOLUTE_SECONDS = 3600
    client.force_login(make.person(Role.CODER, project))
    began = client.session[nav.STARTED]
    response = client.get(reverse("queue"))
    assert response.status_code == 200
    assert 3500 < response.context["session_left"] <= 3600
    assert client.session[nav.STARTED] == began  # work does not move it
    session = client.session
    session[nav.STARTED] = began - 3601
    session.save()
    assert client.post(reverse("stay"), headers={"HX-Request": "true"}).status_code == 401
    assert client.get(reverse("queue")).status_code == 302


def test_logging_in_again_begins_a_new_session(client, project, settings) -> None:
    person = make.person(Role.CODER, project)
    client.force_login(person)
    session = client.session
    session[nav.STARTED] -= 3600
    session.save()
    client.force_login(person)
    assert client.get(reverse("queue")).context["session_left"] > settings.SESSION_ABSOLUTE_SECONDS - 60


# --- What is left, and what I look at


def test_the_days_to_the_next_deadline_and_the_charts_it_waits_for_are_said(
    client, project, coder, time_machine
) -> None:
    time_machine.move_to("2026-11-28")
    pages.read_chart(project, pages.missed_ckd())
    pages.held_chart(project, coder)
    words = page(client, coder, reverse("queue")).words
    assert "97 days to 2027-03-05, mid-year 2 charts to code" in words


def test_a_status_in_the_address_shows_those_charts_alone(client, project, coder) -> None:
    held, other = pages.held_chart(project, coder), pages.held_chart(project, coder)
    queues.hold(chart=held, reason="Missing page", by=coder)
    words = page(client, coder, reverse("queue"), project=project.name, status="on_hold").words
    assert f"Chart {held.pk}" in words
    assert f"Chart {other.pk}" not in words
    assert f"Chart {other.pk}" in page(client, coder, reverse("queue"), project=project.name, status="nonsense").words


# --- A chart on which nothing is done


def fall_silent(chart: Chart, seconds: int) -> None:
    Assignment.objects.filter(chart=chart).update(seen_at=timezone.now() - timedelta(seconds=seconds))


def test_a_chart_on_which_nothing_was_done_goes_back_to_the_queue(project, coder, settings) -> None:
    quiet, busy, held = (pages.held_chart(project, coder) for _ in range(3))
    queues.hold(chart=held, reason="Missing page", by=coder)
    for one, seconds in ((quiet, 10), (busy, -10), (held, 10)):
        fall_silent(one, settings.SILENCE_SECONDS + seconds)
    queues.seen(chart=busy, by=coder)
    assert queues.release_silent() == 1
    assert queues.release_silent() == 0
    states = [Chart.objects.get(pk=one.pk).status for one in (quiet, busy, held)]
    assert states == [ChartStatus.READY, ChartStatus.IN_REVIEW, ChartStatus.ON_HOLD]
    event = TrailEvent.objects.get(action="chart.released")
    assert (event.subject_id, event.actor, event.details) == (quiet.pk, None, {"silent": coder.pk})


def test_another_coder_gets_it_with_the_answers_that_were_given(project, coder, settings) -> None:
    chart = pages.held_chart(project, coder)
    suggestions.decide(suggestion=chart.suggestions.get(kind="check"), outcome=Outcome.KEEP, by=coder)
    fall_silent(chart, settings.SILENCE_SECONDS + 1)
    other = make.person(Role.CODER, project)
    assert queues.claim_next(by=other, project=project) == chart
    assert chart.suggestions.get(kind="check").status == "kept"


def test_who_comes_back_may_take_it_up_again_while_nobody_has(client, project, coder, settings) -> None:
    chart = pages.held_chart(project, coder)
    fall_silent(chart, settings.SILENCE_SECONDS + 1)
    queues.release_silent()
    client.force_login(coder)
    assert client.post(reverse("here", args=[chart.pk])).status_code == 409
    assert "went back to the queue" in page(client, coder, reverse("chart", args=[chart.pk])).words
    client.post(reverse("resume", args=[chart.pk]))
    assert client.post(reverse("here", args=[chart.pk])).status_code == 204
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW


def test_who_comes_back_too_late_is_told_so(client, project, coder, settings) -> None:
    chart = pages.held_chart(project, coder)
    fall_silent(chart, settings.SILENCE_SECONDS + 1)
    queues.claim_next(by=make.person(Role.CODER, project), project=project)
    client.force_login(coder)
    assert "Take it up again" not in page(client, coder, reverse("chart", args=[chart.pk])).words
    assert client.post(reverse("resume", args=[chart.pk])).status_code == 403
    assert not chart.assignments.filter(coder=coder, released_at=None).exists()


def test_what_a_lead_assigned_waits_until_it_is_opened(client, project, coder, settings) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    queues.assign(chart=chart, to=coder, by=make.person(Role.QA_LEAD, project))
    assert Assignment.objects.get(chart=chart).seen_at is None
    assert queues.release_silent() == 0
    page(client, coder, reverse("chart", args=[chart.pk]))
    fall_silent(chart, settings.SILENCE_SECONDS + 1)
    assert queues.release_silent() == 1


def test_what_was_on_hold_for_long_is_not_given_back_when_it_is_taken_up(project, coder, settings) -> None:
    chart = pages.held_chart(project, coder)
    queues.hold(chart=chart, reason="Missing page", by=coder)
    fall_silent(chart, settings.SILENCE_SECONDS + 1)
    chart.refresh_from_db()
    queues.resume(chart=chart, by=coder)
    assert queues.release_silent() == 0


def test_a_chart_released_by_its_coder_is_for_the_next_one(client, project, coder) -> None:
    chart = pages.held_chart(project, coder)
    queues.release(chart=chart, by=coder)
    assert "Take it up again" not in page(client, coder, reverse("chart", args=[chart.pk])).words
    assert client.post(reverse("resume", args=[chart.pk])).status_code == 403


# --- What arrives twice, because its first acknowledgement was lost on the way


@pytest.mark.parametrize("what", ["finish", "release", "hold", "resume"])
def test_what_is_sent_again_is_found_done(client, project, coder, what) -> None:
    chart = pages.held_chart(project, coder)
    client.force_login(coder)
    if what == "finish":
        for suggestion in chart.suggestions.live():
            outcome = Outcome.KEEP if suggestion.kind == "check" else Outcome.ACCEPT
            suggestions.decide(suggestion=suggestion, outcome=outcome, by=coder)
    if what == "resume":
        queues.hold(chart=chart, reason="Missing page", by=coder)
    sent = [client.post(reverse(what, args=[chart.pk]), {"reason": "Missing page"}, follow=True) for _ in range(2)]
    assert [response.status_code for response in sent] == [200, 200]
    said = [[str(one) for one in response.context["messages"]] for response in sent]
    assert said[0] == said[1]
    names = {"finish": "chart.finished", "release": "chart.released", "hold": "chart.held", "resume": "chart.resumed"}
    assert TrailEvent.objects.filter(action=names[what]).count() == 1


def test_somebody_elses_finished_chart_is_not_found_done(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    queues.release(chart=chart, by=coder)
    other = make.person(Role.CODER, project)
    with pytest.raises(NotAllowed):
        queues.release(chart=chart, by=other)
