"""A person's settings: colours, the tour; and where a log-in leads after a form was sent too late."""

import pytest
from django.test import Client
from django.urls import reverse

from coding.models import Role, User
from tests import make, pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def coder():
    return make.person(Role.CODER, make.project("demo"), "coder")


@pytest.mark.parametrize("name", ["queue", "conditions", "settings"])
def test_the_colours_look_the_same_at_the_head_of_every_page(desk, name) -> None:
    page = desk.get(reverse(name)).content.decode()
    assert '<select class="theme-select" id="theme"' in page
    assert ('<select class="input" id="settings-theme"' in page) == (name == "settings")


@pytest.mark.parametrize(("theme", "media"), [("contrast", "all"), ("dark", "(prefers-contrast: more)")])
def test_high_contrast_is_for_who_chose_it_or_whose_system_asks(desk, theme, media) -> None:
    desk.post(reverse("theme"), {"theme": theme})
    page = desk.get(reverse("settings")).content.decode()
    assert f'id="contrast" media="{media}"' in page
    assert f'data-theme="{theme}"' in page


def test_the_tour_begins_by_itself_until_it_was_seen_and_on_the_demo_alone(desk, coder) -> None:
    def begins(chart) -> bool:
        return 'data-start="yes"' in desk.get(reverse("chart", args=[chart.pk])).content.decode()

    chart = pages.held_chart(coder.memberships.get().project, coder)
    elsewhere = make.project("alpha")
    make.give_role(project=elsewhere, to=coder, role=Role.CODER, by=None)
    other = pages.held_chart(elsewhere, User.objects.get(pk=coder.pk))  # roles are remembered on the person
    assert begins(chart)
    assert not begins(other)
    assert desk.post(reverse("tour"), {"seen": "yes"}).status_code == 204
    assert not begins(chart)
    desk.post(reverse("tour"), {"seen": "no"})
    assert begins(chart)


@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("http://testserver/charts/7/", "/charts/7/"),
        ("http://testserver/queue/?project=demo", "/queue/%3Fproject%3Ddemo"),
        ("http://elsewhere.example/charts/7/", "/"),
        ("", "/"),
    ],
)
def test_a_log_in_after_a_form_leads_to_the_page_that_it_stood_on(referer, leads_to) -> None:
    response = Client().post(reverse("hold", args=[7]), {"reason": "Missing page"}, headers={"Referer": referer})
    assert response["Location"] == f"{reverse('login')}?next={leads_to}"


def test_a_page_that_is_asked_for_without_a_log_in_comes_after_it() -> None:
    assert Client().get(reverse("queue"))["Location"] == f"{reverse('login')}?next=/queue/"
