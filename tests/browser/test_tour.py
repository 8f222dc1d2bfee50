"""The tour of the review page, by keyboard alone: it is over the real page, and its keys do what they say."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from coding.models import Chart, Decision, Project, Role, User
from coding.models.projects import DEMO
from tests import make, pages
from tests.browser.test_accessibility import THEMES, check

FOCUS_IS_INSIDE = "document.getElementById('tour').contains(document.activeElement)"


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make.project(DEMO)


def heading(page: Page) -> str:
    return page.locator("#tour h2").inner_text()


def lit(page: Page) -> dict[str, float]:
    """Where the light stands, once it has followed."""
    page.wait_for_timeout(100)
    return page.locator(".tour-spot").bounding_box() or {}


def is_over(page: Page, place: str) -> bool:
    light, box = lit(page), page.locator(place).bounding_box() or {}
    return abs(light["x"] - max(box["x"], 4)) < 5 and abs(light["y"] - max(box["y"], 4)) < 5


def test_a_newcomer_takes_the_tour_on_the_demo(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    keys = page.keyboard
    tour = page.get_by_role("dialog", name="Tour of this page, step 1 of 5")
    expect(tour).to_be_visible()
    expect(page.locator("[data-tour=next]")).to_be_focused()
    assert heading(page) == "One question at a time"
    assert is_over(page, ".card.current")
    first = page.locator(".card.current").get_attribute("id")
    keys.press("j")
    assert page.locator(".card.current").get_attribute("id") != first
    expect(page.locator("[data-tour-tried]")).to_be_visible()
    keys.press("k")

    keys.press("Enter")
    assert heading(page) == "The note says it, or it is not so"
    assert is_over(page, "#record")
    keys.press("n")
    expect(page.locator("[data-tour-tried]")).to_be_visible()
    assert page.locator(".quote.now").count() == 1

    keys.press("Enter")
    assert heading(page) == "One key answers"
    keys.press("x")  # the reasons open behind the tour, and a digit chooses one
    keys.press("2")
    expect(page.locator("#announce")).to_contain_text("Deleted")
    expect(page.locator("[data-tour-tried]")).to_be_visible()
    assert page.evaluate(FOCUS_IS_INSIDE)
    assert Decision.objects.get().outcome == "delete"

    keys.press("Enter")
    assert heading(page) == "Nothing is final, nothing is lost"
    keys.press("u")
    expect(page.locator("#announce")).to_contain_text("Taken back")
    expect(page.locator("[data-tour-tried]")).to_be_visible()

    keys.press("Enter")
    assert heading(page) == "Finish, and where help is"
    keys.press("s")  # no key of the tour
    expect(page.locator("#problem-box")).to_have_count(0)
    with page.expect_response("**/settings/tour/"):
        keys.press("Enter")
    expect(page.locator("#tour")).to_be_hidden()
    assert page.evaluate("document.activeElement.classList.contains('card')")
    coder.refresh_from_db()
    assert coder.tour_seen

    page.reload()
    expect(page.locator("#tour")).to_be_hidden()


def test_the_focus_stays_in_the_tour_and_escape_leaves_it(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator("#tour")).to_be_visible()
    seen = set()
    for key in ["Tab"] * 7 + ["Shift+Tab"] * 7:
        page.keyboard.press(key)
        assert page.evaluate(FOCUS_IS_INSIDE), key
        seen.add(page.evaluate("document.activeElement.dataset.tour"))
    assert seen == {"next", "leave"}  # there is nothing to go back to yet
    with page.expect_response("**/settings/tour/"):
        page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator(".tour-spot")).to_have_count(0)
    page.keyboard.press("v")  # the page is the page again
    expect(page.locator("#announce")).to_contain_text("Kept")


def test_the_tour_begins_again_from_the_list_of_keys_and_from_the_settings(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    User.objects.update(tour_seen=True)
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator("#tour")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Take the tour").press("Enter")
    expect(page.locator("#tour")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(f"{live_server.url}/settings/")
    page.get_by_role("button", name="Begin the tour again").press("Enter")
    expect(page.get_by_role("status").filter(has_text="The tour begins")).to_be_visible()
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator("#tour")).to_be_visible()


def test_where_answers_count_the_tour_starts_when_asked_and_answers_nothing(
    log_in: Callable[[User], Page], live_server, coder: User
) -> None:
    project = make.project("alpha")
    make.give_role(project=project, to=coder, role=Role.CODER, by=None)
    chart = pages.held_chart(project, coder)
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator("#tour")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Take the tour").press("Enter")
    page.keyboard.press("v")
    page.keyboard.press("x")
    expect(page.locator(".answer-panel")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    assert not Decision.objects.exists()


def test_axe_finds_nothing_on_any_step_in_any_theme(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    page.emulate_media(reduced_motion="reduce")
    for number in range(5):
        expect(page.locator("[data-tour-at]")).to_have_text(str(number + 1))
        for name, media in THEMES.items():
            page.emulate_media(color_scheme="light", contrast="no-preference")
            page.emulate_media(**media)
            check(page, f"step {number + 1} in {name}")
        for width, height in ((400, 860), (683, 384), (1366, 768)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            box = page.locator("#tour").bounding_box() or {}
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] <= height
        if number < 4:
            page.keyboard.press("Enter")
