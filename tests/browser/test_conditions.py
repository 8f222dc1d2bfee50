"""Rule cards and what the rules saw, for everybody and by keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from coding.actions import conditions
from coding.models import Chart, Project, Role, User
from tests import make, pages
from tests.browser.test_accessibility import check, colours

__all__ = ["colours"]

NOTE = "FAMILY HISTORY:\nFather had COPD.\n\nASSESSMENT:\n1. CKD stage 3b, stable. Continue losartan.\n2. No gout.\n"


@pytest.fixture
def lead(project: Project) -> User:
    return make.person(Role.QA_LEAD, project)


def test_axe_finds_nothing_on_list_and_cards(
    colours: str, live_server, log_in: Callable[[User], Page], project: Project, chart: Chart, lead: User
) -> None:
    conditions.mute(project=project, family="ckd", reason="Stages of old notes.", by=lead)
    page = log_in(lead)
    for address in ("/conditions/", "/conditions/?q=N18&show=all", "/conditions/ckd/", "/conditions/diabetes/"):
        page.goto(live_server.url + address)
        check(page, address)
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
        check(page, f"{address}, narrow")
        page.set_viewport_size({"width": 1366, "height": 768})


def test_axe_finds_nothing_on_what_the_rules_saw(
    colours: str, live_server, log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    chart = pages.held_chart(project, coder, pages.day(text=NOTE))
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/notes/{chart.encounters.get().notes.get().pk}/")
    expect(page.get_by_role("heading", name="N18.32")).to_be_visible()
    check(page, "a note")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    check(page, "a note, narrow")


def test_text_is_tried_and_followed_by_keyboard_alone(live_server, log_in: Callable[[User], Page], coder: User) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/conditions/try/")
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.insert_text(NOTE)
    for _ in range(3):
        page.keyboard.press("Tab")
    page.get_by_role("button", name="Read it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="N18.32")).to_be_visible(timeout=60_000)  # the first one loads the rules
    check(page, "read")
    page.get_by_role("link", name="gout", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".seen-item.passed:target")).to_contain_text("Negated")
    page.locator(".seen-item.passed:target a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".see:target")).to_have_text("gout")
    assert "gout" not in page.url
