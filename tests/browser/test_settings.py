"""A person's settings in a real browser: keys that follow, and colours."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from coding.models import Chart, Decision, User


def test_a_person_puts_a_command_on_another_key_by_pressing_it(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/settings/")
    page.get_by_label("Keep an existing code").focus()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("A is taken twice")
    expect(page.get_by_label("Keep an existing code")).to_have_value("A")
    page.get_by_label("Keep an existing code").focus()
    page.keyboard.press("F9")
    page.keyboard.press("Space")
    page.keyboard.press("+")
    expect(page.get_by_label("Keep an existing code")).to_have_value("F9 +")
    page.get_by_role("button", name="Store the keys").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Your keys are stored")).to_be_visible()

    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator(".card.current [data-command=keep] .hint")).to_have_text("F9")
    page.keyboard.press("v")
    page.keyboard.press("?")
    expect(page.locator("#legend")).to_contain_text("F9 + keep an existing code")
    page.keyboard.press("Escape")
    assert not Decision.objects.exists()
    page.keyboard.press("+")
    expect(page.locator("#announce")).to_contain_text("Kept")
    assert Decision.objects.count() == 1


def test_hints_go_with_the_keys_that_are_switched_off(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator("#add-button .hint")).to_be_visible()
    page.keyboard.press("?")
    with page.expect_response("**/settings/shortcuts/"):
        page.get_by_label("Single-key shortcuts are on").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#add-button .hint")).to_be_hidden()
    page.reload()
    expect(page.locator("#add-button .hint")).to_be_hidden()


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.querySelector('.chart-bar')).backgroundColor")


def test_high_contrast_is_a_theme_like_the_others(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/settings/")
    page.locator("#settings-theme").select_option("contrast")
    expect(page.locator("#theme")).to_have_value("contrast")
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    assert background(page) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert background(page) == "rgb(0, 0, 0)"
    page.locator("#theme").select_option("light")
    assert background(page) == "rgb(255, 255, 255)"


def test_every_letter_has_a_pattern_of_its_own_in_every_theme(
    log_in: Callable[[User], Page], live_server, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    for media in ({"contrast": "no-preference"}, {"contrast": "more"}, {"forced_colors": "active"}):
        page.emulate_media(**media)
        styles = page.evaluate(
            """() => ["monitor", "evaluate", "assess", "treat", "against"].map((label) => {
              const seg = document.createElement("span");
              seg.className = `seg on ${label}`;
              seg.dataset.letters = label[0];
              document.querySelector(".note-text").append(seg);
              const style = getComputedStyle(seg);
              const letter = getComputedStyle(seg, "::before").content;
              const found = [style.textDecorationLine, style.textDecorationStyle, letter];
              seg.remove();
              return found;
            })"""
        )
        assert {line for line, _, _ in styles} == {"underline"}
        assert len({pattern for _, pattern, _ in styles}) == 5, media
        assert all(re.fullmatch(r'"[a-z]"', letter) for _, _, letter in styles)
        page.keyboard.press("k")
        page.keyboard.press("j")
        mention = page.locator(".seg.on.mention").first
        assert mention.evaluate("(seg) => getComputedStyle(seg).outlineStyle") == "solid", media
