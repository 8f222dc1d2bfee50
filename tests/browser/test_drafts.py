"""Words that were typed outlive an accidental Escape, a reload, an expired session; in every dialog of a chart."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from coding.models import Chart, Decision, User

WORDS = "The page is missing"


@pytest.fixture
def page_of_chart(log_in: Callable[[User], Page], live_server, chart: Chart, coder: User) -> Page:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    return page


def expire(page: Page) -> None:
    page.context.clear_cookies(name="sessionid")


def stored(page: Page) -> str:
    return page.evaluate("JSON.stringify(sessionStorage)")


def open_reject(page: Page) -> None:
    page.keyboard.press("x")


def open_hold(page: Page) -> None:
    page.keyboard.press("h")


def open_add(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator("#add-code")).to_be_focused()


def open_words(page: Page) -> None:
    page.keyboard.press("1")  # nothing is selected: the words are asked for


FIELDS = {
    "reject": (open_reject, ".answer-panel [name=comment]"),
    "hold": (open_hold, "#hold-reason"),
    "add": (open_add, "#add-quote"),
    "words": (open_words, "#work-dialog [name=quote]"),
}


@pytest.mark.parametrize("what", FIELDS)
def test_an_accidental_escape_loses_no_word(what: str, page_of_chart: Page) -> None:
    page = page_of_chart
    opens, field = FIELDS[what]
    opens(page)
    page.locator(field).fill(WORDS)
    page.keyboard.press("Escape")
    expect(page.locator(field)).to_be_hidden()
    expect(page.locator("#announce")).to_contain_text("What you typed is kept")
    opens(page)
    expect(page.locator(field)).to_have_value(WORDS)


@pytest.mark.parametrize("what", ["reject", "hold", "add"])
def test_a_reload_opens_it_again_with_its_words(what: str, page_of_chart: Page) -> None:
    page = page_of_chart
    opens, field = FIELDS[what]
    opens(page)
    page.locator(field).fill(WORDS)
    page.reload()
    expect(page.locator(field)).to_be_visible()
    expect(page.locator(field)).to_have_value(WORDS)


@pytest.mark.parametrize("what", ["reject", "add", "words"])
def test_cancel_gives_the_words_up(what: str, page_of_chart: Page) -> None:
    page = page_of_chart
    opens, field = FIELDS[what]
    opens(page)
    page.locator(field).fill(WORDS)
    page.locator("[data-cancel], [data-close]").first.click()
    expect(page.locator(field)).to_be_hidden()
    assert WORDS not in stored(page)


def test_a_code_by_hand_outlives_an_expired_session(
    page_of_chart: Page, log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = page_of_chart
    address = page.url
    open_add(page)
    page.keyboard.type("E78.5")
    page.locator("#add-quote").fill("hyperlipidemia")
    page.get_by_label("Treat").check()
    expire(page)
    page.get_by_role("button", name="Add and accept").click()
    expect(page.get_by_role("alert")).to_contain_text("You were logged out")
    log_in(coder)
    page.goto(address)
    expect(page.locator("#add-code")).to_have_value("E78.5")
    expect(page.locator("#add-quote")).to_have_value("hyperlipidemia")
    expect(page.get_by_label("Treat")).to_be_checked()
    page.get_by_role("button", name="Add and accept").click()
    expect(page.locator("#announce")).to_contain_text("Added and accepted E78.5.")
    assert "hyperlipidemia" not in stored(page)
    page.reload()
    expect(page.locator("#work-dialog")).to_be_hidden()


def test_the_reason_of_a_hold_outlives_an_expired_session(page_of_chart: Page, chart: Chart, coder: User) -> None:
    from tests import make

    page = page_of_chart
    address = page.url
    open_hold(page)
    page.keyboard.type(WORDS)
    expire(page)
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_visible()
    page.get_by_label("User name").fill(coder.username)
    page.get_by_label("Password").fill(make.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(address)  # the page with the form, not the form's address
    expect(page.locator("#hold-reason")).to_be_visible()
    expect(page.locator("#hold-reason")).to_have_value(WORDS)
    page.locator("#hold-reason").press("Enter")
    page.wait_for_url("**/queue/")
    chart.refresh_from_db()
    assert chart.hold_reason == WORDS
    assert WORDS not in stored(page)


def test_words_are_their_own_persons(page_of_chart: Page, log_in: Callable[[User], Page], chart: Chart) -> None:
    from tests import make

    page = page_of_chart
    address = page.url
    open_reject(page)
    page.locator(FIELDS["reject"][1]).fill(WORDS)
    expire(page)
    log_in(make.person("qa_lead", chart.project))
    page.goto(address)
    assert WORDS not in page.content()
    expect(page.locator(".answer-panel")).to_have_count(0)


def test_what_is_stored_is_no_draft_any_more(page_of_chart: Page) -> None:
    page = page_of_chart
    open_reject(page)
    page.locator(FIELDS["reject"][1]).fill(WORDS)
    page.locator(".answer-panel [value=not-documented]").check()
    page.locator(".answer-panel [data-send]").click()
    expect(page.locator("#announce")).to_contain_text("Deleted")
    assert Decision.objects.get().comment == WORDS
    assert WORDS not in stored(page)
