"""A real browser before a real server. Skipped, with that reason, where Debian's Chromium is absent."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from coding.models import Chart, Project, Role, User
from tests import make, pages

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1366, "height": 768}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if not CHROMIUM.exists() and not os.environ.get("TEST_REQUIRE_ALL"):
            item.add_marker(pytest.mark.skip(reason=f"{CHROMIUM} is absent: apt-get install chromium"))


@pytest.fixture(scope="session", autouse=True)
def _the_orm_beside_an_event_loop() -> None:
    # Playwright's sync API runs a loop in this thread; Django then refuses the ORM, which is safe here all the same.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": str(CHROMIUM), "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": DESK}


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make.project("alpha")


@pytest.fixture
def coder(project: Project) -> User:
    return make.person(Role.CODER, project, first_name="Casey", last_name="Coder", credential="CRC")


@pytest.fixture
def log_in(live_server: Any, page: Page) -> Iterator[Callable[[User], Page]]:
    """Through the log-in page, by keyboard. A page with a script error or a refusal of the policy fails the test."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    asked: set[Any] = set()
    page.on("request", lambda request: asked.add(request))
    page.on("requestfinished", lambda request: asked.discard(request))
    page.on("requestfailed", lambda request: asked.discard(request))

    def log_in(user: User) -> Page:
        page.goto(f"{live_server.url}/log-in/")
        expect(page.get_by_label("User name")).to_be_focused()
        page.keyboard.type(user.username)
        page.keyboard.press("Tab")
        page.keyboard.type(make.PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/log-in/" not in url)
        return page

    yield log_in
    # What the page still asks for would be written while the database is emptied for the next test.
    for _ in range(50):
        if not asked:
            break
        page.wait_for_timeout(100)
    page.goto("about:blank")
    assert problems == []


@pytest.fixture
def chart(project: Project, coder: User) -> Chart:
    """Diabetes and an unsupported code on the claim, CKD stage 3b missed on two dates."""
    march = pages.day(
        "2026-03-02",
        "HISTORY\n👩🏽‍⚕️ Élodie writes: hyperlipidemia, on atorvastatin. Family history of stroke.\n\n"
        "ASSESSMENT\nCKD stage 3b, stable on losartan. Type 2 diabetes, A1c 7.2.\n" + "\nNothing else to note." * 30,
        adds={"N18.32": pages.CKD},
        checks={"E11.22": ("supported", "Type 2 diabetes"), "I63.9": ("not-found", "")},
        suppressed={"stroke": "family"},
    )
    june = pages.day("2026-06-09", "CKD stage 3b, stable on losartan.", adds={"N18.32": pages.CKD})
    return pages.held_chart(project, coder, march, june)
