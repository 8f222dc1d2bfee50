"""In which order *get next* gives charts, who decides on it, and who is told."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coding.actions import projects, queues, suggestions
from coding.models import Chart, Project, Role, TrailEvent
from coding.workflow import Outcome, QueueKey
from tests import make, pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.project()


def ordered_by(project: Project, *keys: str) -> Project:
    Project.objects.filter(pk=project.pk).update(queue_order=list(keys))
    project.refresh_from_db()
    return project


def in_order(project: Project, coder) -> list[int]:
    return [chart.pk for chart in queues.ready_for(coder, project)]


def ready(project: Project, text: str = pages.TEXT, **fields) -> Chart:
    return pages.read_chart(project, pages.missed_ckd(text=text), **fields)


# --- The keys


def test_a_project_orders_its_queue_by_size_either_way(project, coder) -> None:
    long, short = ready(project, pages.TEXT + " Seen again." * 9), ready(project)
    assert in_order(ordered_by(project, QueueKey.SHORTEST), coder) == [short.pk, long.pk]
    assert in_order(ordered_by(project, QueueKey.LONGEST), coder) == [long.pk, short.pk]
    long.refresh_from_db()
    assert long.size == len(pages.TEXT + " Seen again." * 9)


def test_a_project_orders_its_queue_by_age(project, coder) -> None:
    first, second = ready(project), ready(project)
    Chart.objects.filter(pk=second.pk).update(imported_at=timezone.now() - timedelta(days=9))
    assert in_order(ordered_by(project, QueueKey.OLDEST), coder) == [second.pk, first.pk]


def test_a_project_orders_its_queue_by_what_an_audit_would_look_at(project, coder) -> None:
    plain = ready(project)
    doubtful = pages.read_chart(project, pages.day(checks={"E11.22": ("unsupported", "")}))
    stroke = pages.read_chart(project, pages.day(checks={"I63.9": ("unsupported", "")}))  # unsupported, and high-risk
    assert in_order(ordered_by(project, QueueKey.FLAGS), coder) == [stroke.pk, doubtful.pk, plain.pk]


def test_the_second_key_decides_where_the_first_says_the_same(project, coder) -> None:
    long, short = ready(project, pages.TEXT + " Seen again."), ready(project)
    doubtful = pages.read_chart(project, pages.day(checks={"E11.22": ("unsupported", "")}))
    keys = ordered_by(project, QueueKey.FLAGS, QueueKey.SHORTEST)
    assert in_order(keys, coder) == [doubtful.pk, short.pk, long.pk]


def test_a_leads_priority_stands_before_the_projects_order(project, coder) -> None:
    long, short = ready(project, pages.TEXT + " Seen again."), ready(project)
    queues.prioritise(chart=long, priority=1, by=make.person(Role.QA_LEAD, project))
    assert in_order(ordered_by(project, QueueKey.SHORTEST), coder) == [long.pk, short.pk]


def test_expected_value_counts_what_an_answer_takes_off_like_what_it_adds(project, coder) -> None:
    nothing = pages.read_chart(project, pages.day(checks={"I10": ("supported", "")}))
    missed = pages.read_chart(project, pages.day(adds={"N18.32": pages.CKD}))
    wrong = pages.read_chart(project, pages.day(checks={"I50.32": ("unsupported", "")}))
    stakes = dict(Chart.objects.values_list("pk", "at_stake"))
    assert stakes[nothing.pk] == 0
    assert stakes[wrong.pk] > stakes[missed.pk] > Decimal(0)
    assert in_order(ordered_by(project, QueueKey.STAKE), coder) == [wrong.pk, missed.pk, nothing.pk]


def test_a_chart_that_cannot_be_scored_comes_after_those_that_can(project, coder) -> None:
    unknown = ready(project, enrollments=[])
    known = ready(project)
    unknown.refresh_from_db()
    assert unknown.at_stake is None
    assert in_order(ordered_by(project, QueueKey.STAKE), coder) == [known.pk, unknown.pk]


def test_a_supported_code_is_nothing_that_is_at_stake(project) -> None:
    chart = pages.read_chart(project, pages.day(checks={"I50.32": ("supported", "")}))
    chart.refresh_from_db()
    assert chart.at_stake == 0


def test_the_sweep_weighs_what_nobody_has_weighed_once(project) -> None:
    chart = ready(project)
    Chart.objects.filter(pk=chart.pk).update(size=None, at_stake=None)
    assert (queues.weigh_new(), queues.weigh_new()) == (1, 0)
    chart.refresh_from_db()
    assert (chart.size, chart.at_stake is not None) == (len(pages.TEXT), True)


# --- Get next


def test_what_a_coder_gave_back_comes_to_them_last(project, coder) -> None:
    first, second = ready(project), ready(project)
    queues.release(chart=queues.claim_next(by=coder, project=project), by=coder)
    assert queues.claim_next(by=coder, project=project) == second
    assert queues.claim_next(by=make.person(Role.CODER, project), project=project) == first


def test_nobody_gets_their_own_first_pass_chart(project, coder) -> None:
    own = [make.code("E11.9", coder=coder.username)]
    pages_of_own = pages.read_chart(project, pages.day(fields={"first_pass_codes": own}))
    assert queues.claim_next(by=coder, project=project) is None
    assert queues.claim_next(by=make.person(Role.CODER, project), project=project) == pages_of_own


def test_without_a_project_the_nearest_deadline_of_all_comes_first(coder, project, time_machine) -> None:
    time_machine.move_to("2026-11-28")
    other = make.project()
    projects.give_role(project=other, to=coder, role=Role.CODER, by=None)
    pages.read_chart(project, pages.missed_ckd("2023-03-02"), service_year=2023)  # closed: deletions only
    current = ready(other)
    assert queues.claim_next(by=coder) == current
    low = ready(other)
    queues.prioritise(chart=low, priority=-1, by=make.person(Role.QA_LEAD, other))
    assert queues.claim_next(by=coder).member.project == project


def test_get_next_costs_as_much_with_thirty_charts_as_with_three(project, coder) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as counted:
            queues.claim_next(by=coder, project=project)
        return len(counted)

    for _ in range(4):
        ready(project)
    cost()  # the first one asks what the coder may do
    few = cost()
    for _ in range(27):
        ready(project)
    assert cost() == few


# --- Who decides, and who is told


def policy(**given) -> dict[str, object]:
    return {
        "meat_elements_required": "1",
        "deletion_alert_after": "20",
        "evidence_override_role": "compliance",
        **given,
    }


def test_a_manager_chooses_several_keys_and_the_trail_keeps_both_orders(client, project) -> None:
    client.force_login(make.person(Role.MANAGER, project))
    given = policy(queue_order=["flags", "", "shortest", "flags"])
    assert client.post(f"{reverse('policy')}?project={project.name}", given).status_code == 302
    project.refresh_from_db()
    assert project.queue_order == ["flags", "shortest"]
    event = TrailEvent.objects.get(action="project.policy_changed")
    assert event.details["queue_order"] == [["deadline"], ["flags", "shortest"]]
    words = pages.Page(client.get(f"{reverse('policy')}?project={project.name}")).words
    assert "queue ordered by deadline → flags, shortest" in words


def test_a_key_that_does_not_exist_is_refused(client, project) -> None:
    manager = make.person(Role.MANAGER, project)
    client.force_login(manager)
    assert client.post(f"{reverse('policy')}?project={project.name}", policy(queue_order=["pay"])).status_code == 422
    with pytest.raises(ValueError, match="ordered by"):
        projects.change_policy(
            project=project, meat_elements_required=1, coders_see_scores=True, queue_order=["pay"], by=manager
        )


def test_a_form_that_does_not_ask_for_the_order_leaves_it(client, project) -> None:
    ordered_by(project, QueueKey.FLAGS)
    client.force_login(make.person(Role.MANAGER, project))
    client.post(f"{reverse('policy')}?project={project.name}", policy())
    project.refresh_from_db()
    assert project.queue_order == ["flags"]


def test_a_queue_by_expected_value_tells_every_coder_and_the_trail_of_each_chart(client, project, coder) -> None:
    chart = ready(project)
    client.force_login(coder)
    queue = f"{reverse('queue')}?project={project.name}"
    words = pages.Page(client.get(queue)).words
    assert "expected value" not in words
    assert "Next comes: a lead's priority, then nearest submission deadline, then as they came." in words
    ordered_by(project, QueueKey.DEADLINE, QueueKey.STAKE)
    assert "This queue is ordered by expected value." in pages.Page(client.get(queue)).words
    client.post(reverse("next_chart"), {"project": project.name})
    event = TrailEvent.objects.get(action="chart.claimed")
    assert (event.subject_id, event.details) == (chart.pk, {"order": "deadline, stake"})


def test_an_answer_does_not_move_a_chart_in_a_queue(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    before = Chart.objects.values_list("size", "risk_flags", "at_stake").get(pk=chart.pk)
    suggestions.decide(suggestion=chart.suggestions.get(kind="check"), outcome=Outcome.KEEP, by=coder)
    assert Chart.objects.values_list("size", "risk_flags", "at_stake").get(pk=chart.pk) == before
