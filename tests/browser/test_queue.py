"""The queue, what is held, and the lead's questions, by keyboard; axe finds nothing in any of its states."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from coding.actions import queues
from coding.models import Chart, Escalation, Project, Role, User
from coding.workflow import QueueKey
from tests import audits, make, pages
from tests.browser.test_accessibility import check, colours  # noqa: F401  (a fixture)

NARROW = {"width": 320, "height": 640}


def test_a_coder_asks_the_lead_by_keyboard_and_finds_the_answer(
    log_in: Callable[[User], Page], project: Project, chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("h")
    expect(page.get_by_label("Hold it: why?")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Or ask the lead")).to_be_focused()
    page.keyboard.type("Is June's letter part of March?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Question for the lead: Is June's letter part of March?")).to_be_visible()
    lead = make.person(Role.QA_LEAD, project, first_name="Quinn")
    queues.answer_escalation(escalation=Escalation.objects.get(), answer="No, each date stands alone.", by=lead)
    page.reload()
    expect(page.get_by_text("Quinn answered your question")).to_be_visible()
    page.get_by_role("link", name=f"chart {chart.pk}", exact=True).press("Enter")
    expect(page.locator(".escalation")).to_contain_text("No, each date stands alone.")
    expect(page.locator("#hold-menu")).to_be_visible()  # in review again


def test_a_lead_finds_the_question_answers_it_and_gives_a_chart_to_another_by_keyboard(
    log_in: Callable[[User], Page], project: Project, chart: Chart, coder: User
) -> None:
    queues.escalate(chart=chart, question="Which?", by=coder)
    held = pages.held_chart(project, coder)
    other = make.person(Role.CODER, project, first_name="Robin")
    page = log_in(make.person(Role.QA_LEAD, project))
    page.goto(page.url.partition("/quer")[0].partition("/qa")[0] + f"/qa/?project={project.name}")
    page.get_by_role("link", name="Charts and their coders").press("Enter")
    page.get_by_label("Your answer").focus()
    page.keyboard.type("That one.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is with its coder again")).to_be_visible()
    page.get_by_label(f"Chart {held.pk}", exact=True).focus()
    page.keyboard.press("Space")
    page.get_by_label("Give the ticked charts to").focus()
    page.keyboard.type("Robin")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 chart given to Robin")).to_be_visible()
    assert queues.holds(held, other)


def test_axe_finds_nothing_on_the_queue_in_its_states(
    colours: str,  # noqa: F811
    live_server,
    log_in: Callable[[User], Page],
    project: Project,
    chart: Chart,
    coder: User,
) -> None:
    lead = make.person(Role.QA_LEAD, project)
    audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    queues.escalate(chart=chart, question="Which?", by=coder)
    answered = queues.escalate(chart=pages.held_chart(project, coder), question="Which?", by=coder)
    queues.answer_escalation(escalation=answered, answer="That one.", by=lead)
    queues.hold(chart=pages.held_chart(project, coder), reason="Missing page", by=coder)
    Project.objects.filter(pk=project.pk).update(queue_order=[QueueKey.DEADLINE, QueueKey.STAKE])

    page = log_in(coder)
    check(page, "returned, answered, on hold, asked, by expected value")
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    check(page, "the same, narrow")
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    check(page, "a chart that waits for the lead")
    page.goto(f"{live_server.url}/queue/?status=in_review")
    check(page, "filtered")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{live_server.url}/log-in/")
    page = log_in(lead)
    for path in ("/reports/charts/", f"/charts/{chart.pk}/"):
        page.goto(live_server.url + path)
        check(page, f"lead, {path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
    page.get_by_role("button", name="Log out").click()
    page = log_in(make.person(Role.MANAGER, project))
    page.goto(f"{live_server.url}/reports/policy/")
    check(page, "the order in the policy")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
