"""A chart from the queue to finished with the keyboard alone, and what must not happen on the way."""

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from coding.actions import qa, queues, suggestions
from coding.models import Chart, Decision, Project, Role, User
from coding.workflow import ChartStatus, Outcome, SuggestionKind
from tests import make, pages


def current(page: Page) -> str:
    return page.locator(".card.current h3 .code").inner_text()


def go_to(page: Page, code: str) -> None:
    for key in ("k", "j"):  # to the top, then down
        for _ in page.locator(".card").all():
            if current(page) == code:
                return
            page.keyboard.press(key)
    assert current(page) == code


def answered(page: Page, words: str) -> None:
    expect(page.locator("#announce")).to_contain_text(words)


def test_the_keyboard_alone_reviews_a_chart(log_in: Callable[[User], Page], project: Project, coder: User) -> None:
    day = pages.day(
        text="Type 2 diabetes. CKD stage 3b, stable on losartan. Angina? BMI 41.",
        adds={
            "N18.32": pages.CKD,
            "E66.01": {"mention": "BMI 41", "evaluate": "BMI 41"},
            "E11.22": {"mention": "Type 2 diabetes"},
        },
        checks={
            "E11.9": ("more-specific", "Type 2 diabetes"),
            "I20.9": ("unsupported", "Angina"),
            "I10": ("not-found", ""),
        },
        proposed={"E11.9": "E11.22"},
    )
    chart = pages.read_chart(project, day)
    page = log_in(coder)
    page.keyboard.press("n")  # get the next chart
    page.wait_for_url("**/charts/*/")
    keys = page.keyboard

    keys.press("j")  # from the first question to the second, and back
    keys.press("k")
    assert current(page) == "I20.9"
    keys.press("x")
    keys.press("6")  # rule-out
    answered(page, "Deleted I20.9.")
    assert current(page) == "I10"
    keys.press("v")
    answered(page, "Kept I10.")
    assert current(page) == "E11.9"
    keys.press("m")  # the better code is filled in: Enter sends it
    keys.press("Enter")
    answered(page, "Changed E11.9.")
    assert current(page) == "N18.32"
    keys.press("n")
    answered(page, "Mention, 1 of 3: CKD stage 3b")
    keys.press("a")
    answered(page, "Accepted N18.32. 1 left. Score now 0.")
    keys.press("u")
    answered(page, "Taken back: N18.32 is open again.")
    assert page.evaluate("document.activeElement.classList.contains('card')")
    keys.press("a")
    answered(page, "Accepted N18.32.")
    keys.press("x")
    keys.press("2")
    answered(page, "Nothing is left: finish the chart.")
    assert page.evaluate("document.activeElement.id") == "finish-button"
    keys.press("s")
    page.wait_for_url("**/queue/")
    expect(page.get_by_role("status").filter(has_text="is finished")).to_be_visible()

    chart.refresh_from_db()
    assert chart.status == ChartStatus.CODED
    standing = {d.suggestion.icd10: (d.outcome, d.icd10, d.reason) for d in Decision.objects.order_by("pk")}
    assert standing == {
        "E11.9": ("change", "E11.22", "specificity"),
        "I20.9": ("delete", "", "uncertain"),
        "I10": ("keep", "I10", ""),
        "N18.32": ("accept", "N18.32", ""),
        "E66.01": ("reject", "", "mention-only"),
    }


def test_a_deletion_names_the_notes_that_were_read(
    log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    notes = {"notes": [make.note(note_id="one"), make.note("Chest wall pain, resolved.", note_id="two")]}
    first = pages.day(checks={"I20.9": ("unsupported", "")}, adds={}, fields=notes)
    second = pages.day("2026-04-07", checks={"I20.9": ("unsupported", "")}, adds={})
    chart = pages.held_chart(project, coder, first, second)
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("x")
    boxes = page.locator(".answer-panel [name=read]")
    assert [box.is_checked() for box in boxes.all()] == [True, True, True]
    expect(page.locator(".answer-panel .read")).to_contain_text("2026-03-02")
    assert page.evaluate("document.activeElement.name") == "reason"
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the second note of the first day was not read
    page.keyboard.press("1")
    answered(page, "Nothing is left: finish the chart.")
    read = {d.suggestion.encounter.encounter_id: d.read for d in Decision.objects.all()}
    days = {e.encounter_id: [n.pk for n in e.notes.order_by("pk")] for e in chart.encounters.all()}
    (early, late) = sorted(days)
    assert read == {early: days[early][:1], late: days[late]}


def test_finish_with_open_questions_leads_back_to_them(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("s")
    expect(page.get_by_role("alert")).to_contain_text("3 questions are undecided")
    assert page.evaluate("document.activeElement.classList.contains('card')")


def test_concluding_an_audit_with_open_questions_leads_back_to_them(
    log_in: Callable[[User], Page], project: Project, chart: Chart, coder: User
) -> None:
    for suggestion in chart.suggestions.all():
        outcome = Outcome.KEEP if suggestion.kind == SuggestionKind.CHECK else Outcome.ACCEPT
        suggestions.decide(suggestion=suggestion, outcome=outcome, by=coder)
    queues.finish(chart=chart, by=coder)
    lead = make.person(Role.QA_LEAD, project)
    qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    page = log_in(lead)
    page.goto(page.url.replace("/qa/", f"/qa/charts/{chart.pk}/"))
    page.keyboard.press("s")
    expect(page.get_by_role("alert")).to_contain_text("undecided")
    assert page.evaluate("document.activeElement.classList.contains('card')")


def test_the_current_questions_evidence_is_lit_and_in_sight(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    go_to(page, "N18.32")
    lit = page.locator("#record .seg.on")
    assert set(lit.all_inner_texts()) == {"CKD stage 3b", "stable", "losartan"}
    expect(lit.first).to_be_in_viewport()
    for _ in range(4):  # on to the second date's note
        page.keyboard.press("n")
    expect(page.locator(".note-text").nth(1)).to_be_in_viewport()


def test_text_is_marked_as_what_it_is_for_the_current_question(
    log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    day = pages.day(
        text="CKD stage 3b with hypertension, on losartan.",
        adds={
            "N18.32": {"mention": "CKD stage 3b", "treat": "losartan"},
            "I50.32": {"mention": "CKD stage 3b with hypertension", "assess": "CKD stage 3b"},
        },
    )
    chart = pages.held_chart(project, coder, day)
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    shared = page.locator("#record .seg", has_text="CKD stage 3b")
    go_to(page, "I50.32")
    expect(shared).to_have_class("seg on mention assess")
    expect(shared).to_have_attribute("data-letters", "A")
    go_to(page, "N18.32")
    expect(shared).to_have_class("seg on mention")
    assert shared.get_attribute("data-letters") is None


def test_selected_text_becomes_evidence_at_the_right_code_points(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.evaluate(
        """() => {
          const pieces = [...document.querySelectorAll(".seg")];
          const piece = pieces.find((one) => one.textContent.includes("hyperlipidemia"));
          const at = piece.firstChild.data.indexOf("hyperlipidemia");
          const range = new Range();
          range.setStart(piece.firstChild, at);
          range.setEnd(piece.firstChild, at + "hyperlipidemia, ".length);
          getSelection().addRange(range);
        }"""
    )
    page.keyboard.press("c")
    expect(page.locator("#add-quote")).to_have_value("hyperlipidemia,")
    page.keyboard.type("hyperlipidemia unsp")
    expect(page.get_by_role("option").filter(has_text="E78.5")).to_be_visible()
    page.keyboard.press("Enter")  # the first that was found
    page.keyboard.press("4")  # it shows the treatment
    page.keyboard.press("Enter")
    answered(page, "Added and accepted E78.5.")
    expect(page.locator("#work-dialog")).to_be_hidden()
    expect(page.locator(".card.current h3 .code")).to_have_text("E78.5")
    span = chart.suggestions.get(icd10="E78.5").evidence.get()
    assert (span.quote, span.label) == ("hyperlipidemia,", "treat")


def test_keys_do_nothing_while_somebody_types(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("/")
    page.keyboard.type("vaxuq losartan")
    expect(page.locator("#find")).to_have_value("vaxuq losartan")
    assert not Decision.objects.exists()


def test_find_counts_matches_over_the_borders_of_marks(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("/")
    page.keyboard.type("3b, STABLE on")
    expect(page.locator("#find-count")).to_have_text("2 found")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#find-count")).to_have_text("2 of 2")
    expect(page.locator(".note-text").nth(1)).to_be_in_viewport()


def test_switched_off_keys_stay_off(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("?")
    with page.expect_response("**/settings/shortcuts/"):
        page.get_by_label("Single-key shortcuts are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    page.reload()
    page.keyboard.press("v")
    coder.refresh_from_db()
    assert not coder.shortcuts_enabled
    assert not Decision.objects.exists()
    page.get_by_role("button", name="Keep").first.press("Enter")  # every button still works
    answered(page, "Kept")


def test_a_refused_answer_stays_on_the_card_with_what_was_typed(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("m")
    page.keyboard.type("E11.2")
    page.keyboard.press("Enter")
    answered(page, "E11.2 is not a billable ICD-10-CM code.")
    expect(page.locator("#change-code")).to_have_value("E11.2")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    answered(page, "Choose a reason.")
    expect(page.locator("#change-code")).to_have_value("E11.21")
    page.keyboard.press("Escape")
    expect(page.locator(".answer-panel")).to_have_count(0)
    page.keyboard.press("v")
    answered(page, "Kept")


def test_a_lapsed_session_loses_nothing(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("q")
    page.keyboard.press("Space")  # the first of what may be unclear
    page.keyboard.press("Tab")
    page.keyboard.type("Please state the stage")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("You were logged out")
    expect(page.locator(".answer-panel [name=comment]")).to_have_value("Please state the stage")
    page.context.add_cookies(cookies)
    page.get_by_role("button", name="Close").click()
    page.locator(".answer-panel [name=comment]").press("Enter")
    answered(page, "Query noted")
    assert Decision.objects.get().comment == "Please state the stage"


def test_the_page_works_without_scripts(live_server, browser, chart: Chart, coder: User) -> None:
    from tests import make
    from tests.browser.conftest import DESK

    context = browser.new_context(java_script_enabled=False, viewport=DESK)
    page = context.new_page()
    page.goto(f"{live_server.url}/log-in/")
    page.get_by_label("User name").fill(coder.username)
    page.get_by_label("Password").fill(make.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=f"Chart {chart.pk}", exact=True).click()
    card = page.locator("article.card").filter(has_text="I63.9")
    card.get_by_role("button", name="Delete").first.click()
    card.locator("[value=not-documented]").check()
    card.get_by_role("button", name="Delete").first.click()
    assert Decision.objects.get().reason == "not-documented"
    expect(page.locator(".card.answered")).to_contain_text("Deleted")
    context.close()


def select(page: Page, words: str) -> None:
    page.evaluate(
        """(words) => {
          const pieces = [...document.querySelectorAll("#record .seg")];
          const piece = pieces.find((one) => one.textContent.includes(words));
          const at = piece.firstChild.data.indexOf(words);
          const range = new Range();
          range.setStart(piece.firstChild, at);
          range.setEnd(piece.firstChild, at + words.length);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        words,
    )


def test_a_digit_marks_the_selected_text_for_the_question_in_focus(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    go_to(page, "N18.32")
    bar = page.locator("#mark-bar")
    expect(bar).to_be_hidden()
    select(page, "A1c 7.2")
    expect(bar).to_contain_text("Mark for N18.32")
    page.keyboard.press("2")
    answered(page, "Marked as Evaluate for N18.32.")
    expect(page.locator("#record .seg.on.evaluate")).to_have_text("A1c 7.2")
    expect(page.locator(".card.current .quote", has_text="A1c 7.2")).to_be_visible()
    assert page.evaluate("document.activeElement.classList.contains('card')")
    select(page, "hyperlipidemia")
    bar.get_by_role("button", name="Treat").click()
    answered(page, "Marked as Treat for N18.32.")
    page.keyboard.press("3")  # nothing is selected: by its words
    page.keyboard.type("atorvastatin")
    page.keyboard.press("Enter")
    answered(page, "Marked as Assess/Address for N18.32.")
    marked = chart.suggestions.filter(icd10="N18.32", evidence__tagged_by=coder)
    found = marked.order_by("evidence__pk").values_list("evidence__label", "evidence__quote", "encounter__date_from")
    assert [(label, quote, str(day)) for label, quote, day in found] == [
        ("evaluate", "A1c 7.2", "2026-03-02"),
        ("treat", "hyperlipidemia", "2026-03-02"),
        ("assess", "atorvastatin", "2026-03-02"),
    ]
    page.keyboard.press("a")
    answered(page, "Accepted N18.32.")
    select(page, "A1c 7.2")
    go_to(page, "E11.22")
    select(page, "Élodie")
    expect(bar).to_contain_text("Mark for E11.22")


def test_the_answers_and_the_evidence_of_a_long_question_are_in_sight(
    log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    filler = "\nNothing else to note." * 40
    words = {letter: f"{letter} CKD stage 3b " * 30 for letter in ("monitor", "evaluate", "assess", "treat")}
    text = filler + "CKD stage 3b, on losartan. " + "\n".join(words.values()) + filler
    days = [
        pages.day(
            f"2026-0{month}-02",
            text,
            adds={
                "N18.32": {"mention": "CKD stage 3b, on", **words},
                "I50.32": {"mention": "Nothing else", "treat": "losartan"},
            },
        )
        for month in range(1, 8)
    ]
    chart = pages.held_chart(project, coder, *days)
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    go_to(page, "I50.32")
    go_to(page, "N18.32")
    assert page.locator(".card.current").bounding_box()["height"] > 500
    for name in ("Accept", "Reject", "Change", "Query"):
        button = page.locator(".card.current > .answer-form").get_by_role("button", name=name)
        expect(button).to_be_in_viewport(ratio=1)
    expect(page.locator("#record .seg.on.mention").first).to_be_in_viewport()
    assert page.evaluate("document.activeElement.id") == page.locator(".card.current").get_attribute("id")
    later = page.locator(".card.current .later-date")
    expect(later).to_have_count(6)
    expect(later.first.locator(".quote").first).to_be_hidden()
    for _ in range(6):  # the evidence of the second date opens it
        page.keyboard.press("n")
    expect(later.first.locator(".quote").first).to_be_in_viewport()
    expect(page.locator(".note-text").nth(1).locator(".seg.on.mention")).to_be_in_viewport()


EXISTING = "I10 E78.5 I20.9 F32.A I25.10 M81.0 K21.9 E03.9 N40.0 D64.9 E55.9 M17.0"
MISSED = "N18.32 I50.32 J44.9 F33.1 E11.42 G20.A1 K70.30 M05.79 I48.20 E66.01 F31.9 I42.0 B20 C61"


def busy_chart(project: Project, coder: User) -> Chart:
    """Twelve codes on the claim, fourteen to add."""
    existing, missed = EXISTING.split(), MISSED.split()
    text = "ASSESSMENT\n" + "\n".join(f"{code}: condition {code}, stable on drug-{code}." for code in existing + missed)
    day = pages.day(
        text=text + "\nGout, on allopurinol.\n",
        adds={code: {"mention": f"condition {code}", "treat": f"drug-{code}"} for code in missed},
        checks={code: ("supported", f"condition {code}") for code in existing},
    )
    return pages.held_chart(project, coder, day)


def test_a_full_chart_takes_three_key_presses_for_an_answer_at_most(
    log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    chart = busy_chart(project, coder)
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    presses: list[int] = []
    for number in range(26):
        kind = page.locator(".card.current").get_attribute("data-kind")
        keys = ("v" if kind == "check" else "a") if number % 3 else "x6"  # every third: deleted or rejected, ruled out
        for key in keys:
            page.keyboard.press(key)
        presses.append(len(keys))
        answered(page, f"{25 - number} left." if number < 25 else "Nothing is left")
    page.keyboard.press("s")
    page.wait_for_url("**/queue/")
    chart.refresh_from_db()
    assert chart.status == ChartStatus.CODED
    assert max(presses) <= 3
    assert Decision.objects.count() == 26


def test_a_code_by_hand_takes_twelve_key_presses_at_most(
    log_in: Callable[[User], Page], project: Project, coder: User
) -> None:
    chart = busy_chart(project, coder)
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    keys = ["/", *"gout", "Enter", "Escape", "c", "Enter", "4", "Enter"]
    assert len(keys) <= 12
    for key in keys:
        page.keyboard.press(key)
        if key == "c":
            expect(page.locator(".codesearch-results li").first).to_contain_text("M10.9")
    answered(page, "Added and accepted M10.9.")
    added = chart.suggestions.get(icd10="M10.9")
    assert added.status == "accepted"
    assert [(span.quote, span.label) for span in added.evidence.all()] == [("Gout", "treat")]


def test_a_favourite_code_is_offered_before_anything_is_typed(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("c")
    found = page.locator(".codesearch-results li")
    expect(page.locator("#add-code")).to_be_focused()
    page.keyboard.type("gout")
    expect(found.first).to_contain_text("M10.9")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("*")
    answered(page, "M10.9 is a favourite.")
    expect(page.locator("#add-code")).to_have_value("gout")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#work-dialog")).to_be_hidden()
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )  # the focus is back
    page.keyboard.press("m")  # another field of codes
    expect(page.locator("#change-code")).to_be_focused()
    expect(found).to_have_count(1)
    expect(found.locator(".favourite")).to_have_attribute("aria-label", "favourite")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#change-code")).to_have_value("M10.9")
    coder.refresh_from_db()
    assert coder.favourite_codes == ["M10.9"]


def state(page: Page) -> list[str]:
    """All that the questions and the record say, once nothing moves any more."""
    page.wait_for_function("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
    return page.evaluate(
        """() => ["#work", "#record"].map((part) => {
          const copy = document.querySelector(part).cloneNode(true);
          copy.querySelector("#seen")?.remove();  // the history grows
          for (const one of copy.querySelectorAll(".current")) one.classList.remove("current");
          const marks = [...copy.querySelectorAll("[data-marks]")].map((one) => one.dataset.marks);
          return copy.innerText.replace(/\\s+/g, " ") + marks;
        })"""
    )


def test_undo_restores_the_state_exactly(log_in: Callable[[User], Page], chart: Chart, coder: User) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.keyboard.press("v")
    answered(page, "Kept E11.22.")
    suggestions = list(chart.suggestions.order_by("pk").values())
    for code, keys, said in (
        ("I63.9", "x1", "Deleted I63.9."),
        ("I63.9", "v", "Kept I63.9."),
        ("I63.9", "q1", "Query noted I63.9."),
        ("N18.32", "a", "Accepted N18.32."),
        ("N18.32", "x2", "Rejected N18.32."),
    ):
        go_to(page, code)
        before = state(page)
        for key in keys:
            page.keyboard.press(key)
        answered(page, said)
        assert state(page) != before
        page.keyboard.press("u")
        answered(page, f"Taken back: {code} is open again.")
        assert state(page) == before, said
        assert list(chart.suggestions.order_by("pk").values()) == suggestions, said
    page.get_by_role("link", name="History").click()
    expect(page.locator("#history tbody tr").first).to_contain_text("Taken back")


def test_the_border_between_the_panes_moves_by_keyboard_and_stays(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    border = page.get_by_role("separator", name="Width of the record")
    before = (page.locator("#record").bounding_box() or {})["width"]
    border.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(border).to_have_attribute("aria-valuenow", "52")
    narrower = (page.locator("#record").bounding_box() or {})["width"]
    assert narrower < before - 40
    page.reload()
    expect(border).to_have_attribute("aria-valuenow", "52")
    assert (page.locator("#record").bounding_box() or {})["width"] == narrower
    border.press("End")
    expect(border).to_have_attribute("aria-valuenow", "75")


def test_words_that_were_typed_are_there_after_a_log_in_in_the_same_tab(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    address = page.url.replace("/queue/", f"/charts/{chart.pk}/")
    page.goto(address)
    page.keyboard.press("q")
    page.keyboard.press("Space")  # the first of what may be unclear
    page.keyboard.press("Tab")
    page.keyboard.type("Please state the stage")
    page.context.clear_cookies(name="sessionid")
    page.goto(address)
    expect(page.get_by_label("User name")).to_be_visible()
    log_in(coder)
    page.goto(address)
    expect(page.locator(".answer-panel [name=comment]")).to_have_value("Please state the stage")
    page.locator(".answer-panel [name=comment]").press("Enter")
    answered(page, "Query noted")
    assert Decision.objects.get().comment == "Please state the stage"
    page.reload()
    expect(page.locator(".answer-panel")).to_have_count(0)


def test_an_answer_that_finds_no_server_is_sent_when_it_is_back(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))
    page.route("**/answer/", lambda route: route.abort())
    page.keyboard.press("v")
    expect(page.get_by_role("alert")).to_contain_text("Your answer waits here")
    page.unroute("**/answer/")
    answered(page, "Kept E11.22.")
    expect(page.locator("#problem-box")).to_have_count(0)
    assert Decision.objects.get().outcome == "keep"


def test_an_acknowledgement_that_is_lost_does_not_make_two_answers(
    log_in: Callable[[User], Page], chart: Chart, coder: User
) -> None:
    page = log_in(coder)
    page.goto(page.url.replace("/queue/", f"/charts/{chart.pk}/"))

    def lose(route: Route) -> None:
        route.fetch()  # the server does it
        route.abort()  # and the person never hears

    page.route("**/answer/", lose, times=1)
    page.keyboard.press("v")
    expect(page.get_by_role("alert")).to_contain_text("Your answer waits here")
    answered(page, "Kept E11.22.")
    assert Decision.objects.count() == 1
