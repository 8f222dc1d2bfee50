"""Every page that the table of addresses knows, so that none is forgotten: nothing scrolls sideways, nothing is cut,
and axe finds nothing in any theme."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.urls import reverse
from django.utils.http import urlencode
from playwright.sync_api import Page, TimeoutError

from coding.models import User
from tests.browser.test_accessibility import THEMES, check
from tests.coding.test_permissions import ROWS, Row, make_world

# 200 % and 400 % zoom of 1366 and 1280 pixels, and a phone.
SIZES = ((683, 384), (320, 640), (400, 860))
WHO = ("coder", "lead", "manager", "compliance")
# Answers to a script or another program, and files.
NO_PAGES = ("healthz", "document", "codes", "code_notes", "export", "api-")

# What ends beyond the window, and in no box that scrolls: cut off on a page that clips.
CUT = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (one) => {
    for (let box = one.parentElement; box && box !== document.body; box = box.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    return false;
  };
  return [...document.querySelectorAll("a, button, input, select, textarea, h1, h2, h3, dt, dd, kbd, th, td, p")]
    .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden, .note-text"))
    .filter((one) => one.getBoundingClientRect().right > width + 0.5 && !scrolls(one))
    .map((one) => one.outerHTML.slice(0, 120));
}"""


def settled(page: Page, width: int) -> list[str]:
    """What is too wide, once plots have followed the window."""
    with suppress(TimeoutError):
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=3000)
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"the page is {wide} wide"] * (wide > width) + page.evaluate(CUT)


def first_who_may(row: Row) -> str:
    return next((who for who in WHO if row.expected[who] == 200), "")


def pages_of(who: str) -> Iterator[Row]:
    """The pages that this person is the first of WHO to see."""
    for row in ROWS:
        if row.method == "GET" and not row.name.startswith(NO_PAGES) and first_who_may(row) == who:
            yield row


@pytest.mark.parametrize("who", [who for who in WHO if any(pages_of(who))])
def test_every_page_reflows_and_has_no_violation_in_any_theme(
    who: str, live_server: Any, page: Page, log_in: Callable[[User], Page], transactional_db: None
) -> None:
    world = make_world()
    user = world.people[who]
    assert user
    log_in(user)
    page.emulate_media(reduced_motion="reduce")
    for row in pages_of(who):
        args, query, _ = world.arguments(row)
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(f"{live_server.url}{reverse(row.url_name, args=args)}?{urlencode(query)}")
        for name, media in THEMES.items():
            page.emulate_media(color_scheme="light", contrast="no-preference")
            page.emulate_media(**media)
            check(page, f"{row.name} in {name}")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            cut = settled(page, width)
            assert cut == [], f"{row.name} at {width}"
