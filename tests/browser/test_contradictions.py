"""The contradictions of a chart by keyboard; axe finds nothing in any theme."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from coding import tasks
from coding.actions import queues
from coding.models import Note, Project, User
from tests import make
from tests.browser.test_accessibility import check

NOTE = "Results: eGFR 62.\nAssessment: Chronic kidney disease stage 4, stable. Continue losartan.\n"


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_both_places_are_gone_to_by_keyboard(
    colours: str, log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    chart = make.chart(project, make.encounter("\n" * 60 + NOTE, codes=["N18.4"]))
    note = Note.objects.get()
    tasks.analyse(note.pk)
    queues.claim(chart=chart, by=coder)
    page = log_in(coder)
    page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.locator("#contradictions summary").focus()
    page.keyboard.press("Enter")
    # The row of answers that stays may half cover a quote of the card.
    check(page, f"contradictions, {colours}", without="target-size")
    heights = [box["height"] for one in page.locator(".place:visible").all() if (box := one.bounding_box())]
    assert min(heights) >= 24
    page.keyboard.press("Tab")
    expect(page.locator("#contradictions .place").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    number = page.locator(".note-text .seg.pulse")
    expect(number).to_have_text("eGFR 62")
    expect(number).to_be_in_viewport()
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
