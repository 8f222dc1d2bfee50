"""Scores on pages: the steps of a chart's score. Who sees them, what they say, what they cost."""

import json

import pytest
from django.urls import reverse

from coding.models import Project, Role, TrailEvent, User
from tests import audits, make, pages

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def project() -> Project:
    return make.project("alpha")


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project)


@pytest.fixture
def desk(client, coder):
    client.force_login(coder)
    return client


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
    assert json.loads(part["HX-Trigger-After-Settle"])["said"]["say"] == "Now, as documented: 0.659, step by step."
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
