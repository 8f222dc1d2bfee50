"""axe finds nothing on any page, in each theme; pages reflow; what is pressed is large enough."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from coding.actions import compliance, qa, suggestions
from coding.models import Chart, OverpaymentCase, Project, Role, User
from coding.workflow import Outcome
from tests import audits, make, pages

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def check(page: Page, what: str, *, without: str = "") -> None:
    """without: a rule that cannot be asked where the page stands; another test asks it."""
    rules = {**RULES, "rules": {without: {"enabled": False}}} if without else RULES
    found = Axe().run(page, options=rules)
    problems = [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
    assert problems == [], what


THEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "high contrast": {"color_scheme": "light", "contrast": "more"},
    "high contrast, dark": {"color_scheme": "dark", "contrast": "more"},
}


@pytest.fixture(params=["light", "dark", "high contrast"])
def colours(request: pytest.FixtureRequest, page: Page) -> str:
    page.emulate_media(reduced_motion="reduce", **THEMES[request.param])
    return request.param


def test_axe_finds_nothing_on_the_queries(
    colours: str, log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    asked = chart.suggestions.filter(kind="add")[0]
    decision = suggestions.decide(suggestion=asked, outcome=Outcome.QUERY, by=coder, reason="clarify-status")
    query = decision.provider_query
    page = log_in(coder)
    for path in ("/queries/", f"/queries/{query.pk}/", f"/queries/{query.pk}/letter/"):
        page.goto(page.url.partition("/queue")[0].partition("/queries")[0] + path)
        check(page, path)
    page.goto(page.url.replace("letter/", ""))
    page.get_by_label("Question").fill("Please document the HCC.")
    page.get_by_role("button", name="Record as sent").click()
    check(page, "a query that cannot be sent")
    page.get_by_label("Question").fill("What was its status on that date?")
    page.get_by_role("button", name="Record as sent").click()
    check(page, "a query that waits")


def test_axe_finds_nothing_on_the_review_page(
    colours: str, log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    check(page, "queue")
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    check(page, "review")
    page.keyboard.press("x")
    check(page, "reasons")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.type("kidney")
    expect(page.locator(".codesearch-results li").first).to_be_visible()
    # Scrolled to the panel, the head that stays may half cover a link of the card.
    check(page, "code search", without="target-size")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    expect(page.locator("#announce")).to_contain_text("Kept")
    page.locator(".validity summary").first.click()
    page.locator("#record .seg.suppressed").first.dblclick()
    expect(page.locator("#mark-bar")).to_be_visible()
    page.locator("#suppressed-button").click()
    page.locator(".score summary").click()
    expect(page.locator(".score-steps .worked")).to_be_visible()
    page.locator(".score-steps .pick a").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#announce")).to_contain_text("step by step")
    expect(page.locator(".score-steps .pick a").last).to_be_focused()
    page.locator("#hold-menu summary").click()
    check(page, "everything opened")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check(page, "legend")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.locator("#work-dialog")).to_be_visible()
    check(page, "add a code")
    page.keyboard.press("Escape")
    page.locator(".evidence-link").last.click()
    expect(page.locator(".evidence-row").first).to_be_visible()
    check(page, "evidence")


def test_axe_finds_nothing_on_a_members_scores(
    colours: str, log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/members/{chart.member_id}/scores/"))
    check(page, "scores")
    tick = page.get_by_role("checkbox", name="N18.32")
    tick.focus()
    page.keyboard.press("Space")  # swapped in place, and the keyboard stays where it was
    expect(page.locator("#announce")).to_contain_text("1 ticked: +0.")
    expect(page.get_by_role("checkbox", name="N18.32")).to_be_checked()
    expect(page.get_by_role("checkbox", name="N18.32")).to_be_focused()
    check(page, "ticked")
    for year in ("2024", "2025"):
        page.get_by_role("link", name=year).click()
        check(page, year)


@pytest.mark.parametrize("role", [Role.CODER, Role.QA_LEAD, Role.MANAGER, Role.COMPLIANCE])
def test_axe_finds_nothing_on_any_page_of_the_menu(
    colours: str, role: Role, log_in: Callable[[User], Page], project: Project, chart: Chart
) -> None:
    page = log_in(make.person(role, project))
    for address in page.locator(".top nav a").evaluate_all("links => links.map((link) => link.href)"):
        page.goto(address)
        check(page, address)


def test_axe_finds_nothing_on_the_pages_of_compliance(
    colours: str, live_server, page: Page, log_in: Callable[[User], Page], project: Project, chart: Chart
) -> None:
    coder, lead = make.person(Role.CODER, project), make.person(Role.QA_LEAD, project)
    stroke = {"I63.9": {"mention": "Acute stroke", "assess": "Acute stroke"}}
    flagged = audits.coded_chart(project, coder, pages.day(text="Acute stroke today.", adds=stroke))
    qa.close(chart=flagged, by=lead)
    decision = flagged.suggestions.get().decisions.get()
    OverpaymentCase.objects.create(
        chart=flagged, decision=decision, program="cms-hcc", payment_year=2025, why="Closed.",
        opened_on=date(2026, 11, 1), due_on=date(2026, 12, 31),
    )  # fmt: skip
    officer = make.person(Role.COMPLIANCE, project, credential="CPC")
    compliance.override(encounter=chart.encounters.first(), check="V07", reason="Seen on page 3.", by=officer)
    log_in(officer)
    for address in (
        "/compliance/rules/?check=V06",
        "/compliance/calendar/",
        "/compliance/release/",
        "/compliance/overpayments/",
        f"/charts/{chart.pk}/validity/",
        f"/charts/{flagged.pk}/validity/",
        f"/charts/{flagged.pk}/packet/?program=cms-hcc&hcc=249",
        "/reports/gaps/",
        "/reports/gaps/provider/?npi=1234567893",
    ):
        page.goto(live_server.url + address)
        check(page, address)
    page.context.clear_cookies()
    log_in(coder)
    page.goto(f"{live_server.url}/compliance/my-gaps/")
    check(page, "my gaps")


def test_axe_finds_nothing_on_the_other_pages(
    colours: str, live_server, page: Page, log_in: Callable[[User], Page], project: Project, chart: Chart
) -> None:
    page.goto(f"{live_server.url}/log-in/")
    check(page, "log-in")
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "failed log-in")
    lead = make.person(Role.QA_LEAD, project)
    log_in(lead)
    for address in (f"/charts/{chart.pk}/", "/nowhere/", "/queue/", "/settings/password/"):
        page.goto(live_server.url + address)
        check(page, address)
    page.goto(f"{live_server.url}/charts/upload/")
    page.locator("#upload-file").set_input_files(
        {"name": "charts.jsonl", "mimeType": "application/json", "buffer": b"not json"}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "upload with problems")


def test_axe_finds_nothing_on_the_calculator(
    colours: str, live_server, log_in: Callable[[User], Page], coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/calculator/")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#c-age")).to_be_focused()
    check(page, "refused")
    page.get_by_label("Program and year").select_option("pace 2026")
    page.get_by_label("Frailty factor").fill("0.134")
    page.get_by_label("Age on 1 February").fill("72")
    page.get_by_label("Female").check()
    page.get_by_label("Diagnosis codes").fill("E11.22 I50.32 E11.9 Z00.00")
    page.get_by_label("in addition").fill("N18.32")
    for summary in page.locator(".calculator form summary").all():
        summary.click()
    check(page, "everything opened")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#announce")).to_contain_text("Score", timeout=30_000)  # the first one loads the code titles
    expect(page.locator("#c-score")).to_be_focused()
    check(page, "scored")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    check(page, "scored, narrow")


def test_axe_finds_nothing_on_the_model_releases(
    colours: str, live_server, log_in: Callable[[User], Page], coder: User
) -> None:
    page = log_in(coder)
    page.goto(f"{live_server.url}/model-releases/")
    for summary in page.locator(".releases summary").all()[:3]:
        summary.click()
    check(page, "releases")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    check(page, "releases, narrow")


def test_axe_finds_nothing_on_the_base_rates(
    colours: str, live_server, log_in: Callable[[User], Page], project: Project
) -> None:
    page = log_in(make.person(Role.MANAGER, project))
    page.goto(f"{live_server.url}/reports/rates/")
    check(page, "no rate")
    for label, value in (("Payment year", "2027"), ("Dollars a month", "1034.56"), ("Where it is from", "Bid")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Store the rate").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "refused")
    page.get_by_label("Contract").fill("H1234")
    page.get_by_role("button", name="Store the rate").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    check(page, "a rate")


def test_pages_reflow_at_320_pixels(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.set_viewport_size({"width": 320, "height": 640})
    for address in (
        "/queue/",
        f"/charts/{chart.pk}/",
        f"/charts/{chart.pk}/score/cms-hcc/",
        f"/members/{chart.member_id}/scores/",
        f"/charts/{chart.pk}/add/",
        "/settings/password/",
    ):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address


def test_every_target_is_at_least_24_pixels(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")]
          .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden") && !one.classList.contains("skip"))
          .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
          .filter(([, box]) => box.height < 24 || box.width < 24)
          .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    )
    assert small == []
