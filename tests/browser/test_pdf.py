"""The pages of PDF notes: evidence on its words, selecting, finding, what was not read, and a long document."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from coding.intake import pdf
from coding.models import Chart, EvidenceSpan, Note, Project, User
from tests import pages, pdfs

RECORD = (
    "HISTORY\n\nÉlodie writes: hyperlipidemia, on atorvastatin. Family history of stroke.",
    "ASSESSMENT\n\nCKD stage 3b, stable on losartan. Type 2 diabetes, A1c 7.2, foot\nexamination normal.",
    pdfs.scan("CANNOT BE READ BY A RULE"),
)


def pdf_day(*its_pages: Any, day: str = "2026-03-02", **facts: Any) -> pages.Day:
    data = pdfs.pdf(*its_pages)
    return pages.Day(
        day, pdf.read(data).text, fields={"notes": [{"pdf": pdfs.encoded(data), "type": "progress"}]}, **facts
    )


@pytest.fixture
def chart(project: Project, coder: User) -> Chart:
    read = pdf_day(
        *RECORD,
        adds={"N18.32": pages.CKD},
        checks={"E11.22": ("supported", "Type 2 diabetes"), "I63.9": ("not-found", "")},
    )
    return pages.held_chart(project, coder, read)


@pytest.fixture
def opened(log_in: Any, live_server: Any, coder: User, chart: Chart) -> Page:
    page: Page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page.locator(".pdf-page.painted").first).to_be_visible()
    return page


def page_of(page: Page, number: int) -> Locator:
    return page.locator(f".pdf-page[data-page='{number}']")


def to_card(page: Page, code: str) -> None:
    page.locator(".card", has=page.locator("h3 .code", has_text=code)).evaluate("card => card.focus()")


def dark_in(page: Page, words: Locator) -> float:
    """The share of dark pixels of the painted page under an element: where no letter stands there are none."""
    return float(
        words.evaluate(
            """word => {
              const canvas = word.closest(".pdf-page").querySelector("canvas");
              const [box, of] = [word.getBoundingClientRect(), canvas.getBoundingClientRect()];
              const scale = canvas.width / of.width;
              const place = [box.x - of.x, box.y - of.y, box.width, box.height].map((n) => Math.round(n * scale));
              const { data } = canvas.getContext("2d").getImageData(...place);
              let dark = 0;
              for (let i = 0; i < data.length; i += 4) dark += data[i] < 128;
              return dark / (data.length / 4);
            }"""
        )
    )


def test_evidence_is_marked_on_the_words_of_its_page(opened: Page) -> None:
    to_card(opened, "N18.32")
    lit = page_of(opened, 2).locator(".seg.on")
    expect(lit).to_have_count(3)
    assert [seg.text_content() for seg in lit.all()] == ["CKD stage 3b", "stable", "losartan"]
    assert "mention" in str(lit.nth(0).get_attribute("class"))
    assert lit.nth(2).get_attribute("data-letters") == "T"
    expect(page_of(opened, 2)).to_have_class("pdf-page painted")
    for word in lit.locator(".w").all():
        assert dark_in(opened, word) > 0.04
    below = page_of(opened, 2).locator(".w").last
    assert dark_in(opened, below) > 0.04


def test_n_goes_to_the_evidence_on_its_page(opened: Page) -> None:
    to_card(opened, "N18.32")
    opened.keyboard.press("n")
    opened.keyboard.press("n")
    expect(page_of(opened, 2).locator(".w.pulse", has_text="stable")).to_have_count(1)
    expect(page_of(opened, 2).locator(".w", has_text="stable").first).to_be_in_viewport()


def test_words_selected_on_a_page_become_evidence_at_their_place_in_the_text(opened: Page, chart: Chart) -> None:
    to_card(opened, "E11.22")
    word = page_of(opened, 2).locator(".w", has_text="A1c")
    word.scroll_into_view_if_needed()
    start, end = word.bounding_box(), page_of(opened, 2).locator(".w", has_text="7.2,").bounding_box()
    assert start
    assert end
    opened.mouse.move(start["x"] + 1, start["y"] + start["height"] / 2)
    opened.mouse.down()
    opened.mouse.move(end["x"] + end["width"] * 0.7, end["y"] + end["height"] / 2, steps=8)
    opened.mouse.up()
    expect(opened.locator("#mark-bar")).to_be_visible()
    opened.keyboard.press("2")
    # Its mark is on the page at once, and the text stays out of sight.
    expect(page_of(opened, 2).locator(".seg.on.evaluate")).to_contain_text("A1c")
    expect(opened.locator(".note-text")).to_be_hidden()
    span = EvidenceSpan.objects.get(label="evaluate")
    assert span.quote.startswith("A1c 7.2")
    assert span.note.text[span.start : span.end] == span.quote


def test_what_is_found_is_gone_to_on_its_page_and_selected(opened: Page) -> None:
    opened.keyboard.press("/")
    opened.keyboard.type("foot")
    opened.keyboard.press("Enter")
    expect(opened.locator("#find-count")).to_have_text("1 of 1")
    expect(page_of(opened, 2).locator(".w", has_text="foot")).to_be_in_viewport()
    opened.keyboard.press("Escape")
    assert opened.evaluate("getSelection().toString()") == "foot"
    opened.keyboard.press("c")
    expect(opened.locator("#add-form [name=quote]")).to_have_value("foot")
    note = Note.objects.get()
    start = opened.locator("#add-form [name=start]").input_value()
    assert note.text[int(start) :].startswith("foot")


def test_a_page_without_text_is_called_not_read_and_led_to(opened: Page) -> None:
    banner = opened.locator(".banners .unread-pages")
    expect(banner).to_contain_text("1 page holds no text, and was not read by the rules")
    expect(opened.locator(".card", has_text="I63.9").locator(".chip")).to_have_text("Not read yet")
    banner.get_by_role("link", name="page 3").click()
    expect(page_of(opened, 3)).to_be_in_viewport()
    expect(opened.locator(".pdf-unread")).to_contain_text("Page 3: no text, not read by the rules")
    expect(opened.locator("[name=page]")).to_have_value("3")


def test_the_text_can_be_shown_instead_and_that_is_remembered(opened: Page) -> None:
    opened.get_by_role("button", name="Text", exact=True).click()
    expect(opened.locator(".note-text")).to_be_visible()
    expect(opened.locator(".pdf-pages")).to_be_hidden()
    opened.reload()
    expect(opened.locator(".note-text")).to_be_visible()
    to_card(opened, "N18.32")
    opened.keyboard.press("n")
    expect(opened.locator(".note-text .seg.pulse")).to_have_text("CKD stage 3b")
    opened.get_by_role("button", name="Pages", exact=True).click()
    expect(page_of(opened, 1)).to_be_visible()


def test_the_pages_grow_and_the_words_with_them(opened: Page) -> None:
    before = page_of(opened, 1).locator(".w").first.bounding_box()
    opened.get_by_role("button", name="Larger").click()
    expect(opened.locator("[data-zoom-now]")).to_have_text("125 %")
    after = page_of(opened, 1).locator(".w").first.bounding_box()
    assert before
    assert after
    assert after["width"] / before["width"] == pytest.approx(1.25, abs=0.03)
    opened.get_by_role("button", name="Overview").click()
    expect(opened.locator(".pdf-thumbs button")).to_have_count(3)
    expect(opened.locator(".pdf-thumbs button").nth(1)).to_contain_text("marked")
    opened.locator(".pdf-thumbs button").nth(2).click()
    expect(opened.locator(".pdf-thumbs button").nth(2)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 400])
def test_nothing_is_in_the_way_of_assistive_technology(opened: Page, scheme: Any, width: int) -> None:
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 768})
    opened.get_by_role("button", name="Overview").click()
    expect(opened.locator(".pdf-thumbs button")).to_have_count(3)
    found = Axe().run(opened, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_a_document_of_500_pages_paints_those_in_sight(
    log_in: Any, live_server: Any, project: Project, coder: User
) -> None:
    its_pages = [f"Page {number} of a long record. CKD stage 3b, stable." for number in range(1, 501)]
    chart = pages.held_chart(project, coder, pdf_day(*its_pages, checks={"E11.22": ("not-found", "")}))
    page = log_in(coder)
    page.goto(f"{live_server.url}/charts/{chart.pk}/")
    expect(page_of(page, 1)).to_have_class("pdf-page painted")
    expect(page.locator(".pdf-page")).to_have_count(500)
    page.locator("[name=page]").fill("400")
    page.locator("[name=page]").press("Enter")
    expect(page_of(page, 400)).to_have_class("pdf-page painted")
    expect(page_of(page, 400).locator(".pdf-text")).to_contain_text("Page 400 of a long record.")
    expect(page_of(page, 1)).to_have_class("pdf-page")
    assert page.locator(".pdf-page canvas").count() < 10
