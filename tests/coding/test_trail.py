"""The trail: an unbroken chain, what breaks it, and the page that searches and verifies it."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coding.actions import trail
from coding.models import Role, TrailEvent, TrailHead, User
from coding.models.trail import GENESIS
from tests import audits, make, pages

pytestmark = pytest.mark.django_db

SENTINEL = "Quarringtonian"


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project, first_name="Casey", last_name="Coder")


@pytest.fixture
def compliance(project) -> User:
    return make.person(Role.COMPLIANCE, project)


def without_guard(statement: str, *values: object) -> None:
    """Change a row as somebody would who owns the database: the trigger is taken off first."""
    with connection.cursor() as cursor:
        on = " ON coding_trailevent" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS coding_trailevent_is_append_only{on}")
        cursor.execute(statement, values)


# --- The chain -----------------------------------------------------------------------------------------------------


def test_each_event_carries_the_hash_of_the_one_before(project) -> None:
    for n in range(3):
        trail.record("test.happened", by=None, project=project, n=n)
    events = list(TrailEvent.objects.filter(project=project).order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert events[0].previous_hash == GENESIS
    assert [event.previous_hash for event in events[1:]] == [event.hash for event in events[:-1]]
    assert list(trail.verify(trail.chain_of(project))) == []


def test_each_project_has_its_own_chain(project) -> None:
    other = make.project("beta")
    trail.record("test.happened", by=None, project=project)
    trail.record("test.happened", by=None, project=other)
    assert TrailHead.objects.get(chain=trail.chain_of(project)).number == 2  # its making, and this
    assert TrailHead.objects.get(chain=trail.chain_of(other)).number == 2


def test_the_database_refuses_to_change_an_event(project) -> None:
    event = trail.record("test.happened", by=None, project=project)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrailEvent.objects.filter(pk=event.pk).update(action="test.never")


@pytest.mark.parametrize(
    ("change", "number", "what"),
    [
        ("UPDATE coding_trailevent SET action = 'x' WHERE number = 3", 3, "was changed"),
        ("UPDATE coding_trailevent SET details = '{\"n\": 9}' WHERE number = 3", 3, "was changed"),
        ("UPDATE coding_trailevent SET hash = 'x' || substr(hash, 2) WHERE number = 3", 3, "was changed"),
        ("DELETE FROM coding_trailevent WHERE number = 3", 3, "are missing"),
        ("DELETE FROM coding_trailevent WHERE number >= 4", 4, "newest events are missing"),
    ],
)
def test_what_was_changed_behind_our_back_is_found_where_it_is(project, change, number, what) -> None:
    for n in range(4):
        trail.record("test.happened", by=None, project=project, n=n)
    without_guard(change)
    found = list(trail.verify(trail.chain_of(project)))
    assert found
    assert found[0].number == number
    assert any(what in one.what for one in found)


def test_an_event_slipped_in_is_found(project) -> None:
    head = TrailHead.objects.get(chain=trail.chain_of(project))
    forged = TrailEvent(
        chain=head.chain,
        number=head.number + 1,
        project=project,
        at=TrailEvent.objects.filter(chain=head.chain).latest("number").at,
        action="test.forged",
        previous_hash=head.hash,
    )
    forged.hash = forged.expected_hash()
    forged.save(force_insert=True)
    assert [found.what for found in trail.verify(head.chain)] == ["the newest events are missing"]


# --- The page ------------------------------------------------------------------------------------------------------


def page(client: Client, user: User, **query: str) -> pages.Page:
    client.force_login(user)
    response = client.get(reverse("trail"), query)
    assert response.status_code == 200
    return pages.Page(response)


def test_the_page_shows_the_newest_first(client, project, compliance) -> None:
    trail.record("test.first", by=None, project=project)
    trail.record("test.second", by=None, project=project)
    words = page(client, compliance).words
    assert words.index("Test second") < words.index("Test first")


def test_a_search_for_an_action_a_person_or_a_chart(client, project, coder, compliance) -> None:
    chart, other = audits.coded_chart(project, coder), pages.read_chart(project, pages.missed_ckd())
    by_action = page(client, compliance, action="chart.finished").words
    assert "Chart finished" in by_action
    assert "Suggestion decided" not in by_action
    by_person = page(client, compliance, person=str(coder.pk)).words
    assert "Chart imported" not in by_person
    assert "Chart claimed" in by_person
    by_chart = page(client, compliance, chart=str(chart.pk)).words
    assert f"Trail of chart {chart.pk}" in by_chart
    assert "Suggestion decided" in by_chart
    assert f"chart {other.pk}" not in by_chart


def test_the_trail_of_a_chart_has_its_audit_too(client, project, coder, lead, compliance) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    words = page(client, compliance, chart=str(chart.pk)).words
    for said in ("QA sample drawn", "QA answered", "QA settled", "QA concluded", "verdict overturn"):
        assert said in words


def test_another_projects_events_are_not_found(client, project, compliance) -> None:
    other = make.project("beta")
    chart = pages.read_chart(other, pages.missed_ckd())
    assert "No event fits" in page(client, compliance, chart=str(chart.pk)).words


def test_a_search_leaves_an_event_and_opening_the_page_does_not(client, project, compliance) -> None:
    page(client, compliance)
    assert not TrailEvent.objects.filter(action="trail.searched").exists()
    page(client, compliance, action="project.created", chart=SENTINEL)
    (event,) = TrailEvent.objects.filter(action="trail.searched")
    assert event.actor == compliance
    assert event.details == {"for_action": "project.created", "found": 0}


@pytest.mark.parametrize(
    "query", [{"person": "9" * 40}, {"chart": "9" * 40}, {"chart": "²"}, {"page": "x"}, {"action": "'"}]
)
def test_a_search_that_names_nothing_is_no_error(client, project, compliance, query) -> None:
    page(client, compliance, **query)


def test_many_events_come_in_pages(client, project, compliance) -> None:
    for n in range(120):
        trail.record("test.happened", by=None, project=project, n=n)
    assert "Page 1 of 3" in page(client, compliance).words
    last = page(client, compliance, page="3").words
    assert "Project created" in last
    assert "Newer" in last


def test_the_page_costs_no_more_for_fifty_events_than_for_a_few(client, project, coder, compliance) -> None:
    client.force_login(compliance)
    costs = []
    for charts in (1, 9):
        for _ in range(charts):
            audits.coded_chart(project, coder)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("trail")).status_code == 200
        costs.append(len(queries))
    assert costs[1] <= costs[0]


def test_a_possible_auditor_does_not_read_the_coders_answer_in_the_trail(
    client, project, coder, lead, compliance
) -> None:
    chart = audits.coded_chart(project, coder)
    withheld = "hidden until your own answer is stored"
    seen = page(client, lead, chart=str(chart.pk)).words
    assert seen.count(withheld) == 3  # two decisions and the counts at the finish
    assert "outcome accept" not in seen
    assert withheld not in page(client, compliance, chart=str(chart.pk)).words
    audits.drawn(chart, by=lead)
    audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    assert page(client, lead, chart=str(chart.pk)).words.count(withheld) == 2
    audits.same_answer(audits.review_of(chart, "E11.22"), by=lead)
    assert withheld not in page(client, lead, chart=str(chart.pk)).words


def test_the_trail_holds_no_text_and_no_name(client, project, lead) -> None:
    coder = make.person(Role.CODER, project)
    chart = pages.held_chart(
        project, coder, pages.missed_ckd("2026-03-02", f"{SENTINEL} has CKD stage 3b, stable on losartan."),
        member=make.member(member_id=SENTINEL, name={"family": SENTINEL, "given": SENTINEL}),
    )  # fmt: skip
    audits.answer_all(chart, coder, {"E11.22": {"comment": SENTINEL}})
    assert not [event for event in TrailEvent.objects.all() if SENTINEL in str(vars(event))]
    assert SENTINEL not in page(client, lead, chart=str(chart.pk)).text


# --- Verifying -----------------------------------------------------------------------------------------------------


def verified(client: Client, user: User, name: str) -> str:
    client.force_login(user)
    response = client.post(reverse("trail_verify"), {"project": name})
    assert response.status_code == 200
    return pages.Page(response).words


def test_a_whole_chain_is_said_to_be_whole(client, project, compliance) -> None:
    head = TrailHead.objects.get(chain=trail.chain_of(project))
    words = verified(client, compliance, project.name)
    assert "The chain is whole." in words
    assert head.hash in words
    (event,) = TrailEvent.objects.filter(action="trail.verified")
    assert (event.actor, event.details) == (compliance, {"breaks": 0})


def test_a_broken_chain_is_shown_with_the_place(client, project, compliance) -> None:
    for n in range(3):
        trail.record("test.happened", by=None, project=project, n=n)
    without_guard("UPDATE coding_trailevent SET action = 'x' WHERE number = 2")
    words = verified(client, compliance, project.name)
    assert "The chain is broken." in words
    assert "Event 2 was changed after it was written." in words
