"""The review page: what it shows, what its forms do, what it hides, what it costs."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coding.actions import qa, queues, suggestions
from coding.models import Chart, Decision, EvidenceSpan, Note, Project, QAReview, Role, Suggestion, TrailEvent
from coding.permissions import NotAllowed
from coding.workflow import ChartStatus, Outcome, SpanLabel, SuggestionStatus
from tests import audits, make, pages

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def chart(project, coder) -> Chart:
    return pages.held_chart(project, coder)


def open_page(client: Client, chart: Chart) -> pages.Page:
    response = client.get(reverse("chart", args=[chart.pk]))
    assert response.status_code == 200
    return pages.Page(response)


def answer(client: Client, chart: Chart, *asked: Suggestion, htmx: bool = True, **fields: str):
    data: dict[str, Any] = {"s": [one.pk for one in asked], **fields}
    return client.post(reverse("answer", args=[chart.pk]), data, headers=HTMX if htmx else {})


def said(response) -> dict[str, Any]:
    return json.loads(response["HX-Trigger-After-Settle"])["answered"]


# --- What it shows


def test_a_card_leads_to_the_file_of_its_rule(desk, chart) -> None:
    chart.suggestions.update(rule="ckd/stage")
    page = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    card = reverse("condition", args=["ckd"])
    assert f'<a href="{card}"><code>ckd/stage</code></a>' in page
    assert desk.get(card).status_code == 200


def test_a_card_says_on_which_dates_nobody_asks_about_its_code(desk, project, coder) -> None:
    silent = pages.day("2026-06-01", "Seen for a cough.")
    text = " ".join(open_page(desk, pages.held_chart(project, coder, pages.missed_ckd(), silent)).text.split())
    assert text.count("Neither reported nor suggested on 2026-06-01.") == 2
    assert "suggested on 2026-03-02" not in text


@pytest.mark.parametrize(
    "text",
    [
        "CKD stage 3b, stable on losartan.",
        "\n\n  CKD stage 3b,\tstable\r\non losartan.\r\n\r\n",
        "a\rCKD stage 3b <b>&amp; 'stable'</b> on losartan",
        "Élodie 🫀 CKD stage 3b — stable 👩🏽‍⚕️ on losartan ﬁn\u00a0\u2028.",
    ],
)
def test_the_pieces_of_a_note_join_to_its_text_exactly(desk, project, coder, text) -> None:
    chart = pages.held_chart(project, coder, pages.day(text=text, adds={"N18.32": pages.CKD}))
    note = Note.objects.get(encounter__chart=chart)
    assert note.text == text
    assert open_page(desk, chart).notes == {note.pk: text}


def test_existing_codes_come_before_additions(desk, chart) -> None:
    words = open_page(desk, chart).words
    assert words.index("Existing codes") < words.index("E11.22 Type 2") < words.index("Suggested additions")
    assert words.index("Suggested additions") < words.index("N18.32 Chronic kidney disease, stage 3b")


def test_a_card_shows_its_evidence_before_its_number(desk, chart) -> None:
    body = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    card = body[body.index("Suggested additions") :]
    assert card.index("losartan") < card.index("if accepted")
    assert card.index("if accepted") < card.index('value="accept"')


def test_the_same_code_on_two_dates_is_one_card_that_lists_both(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    page = open_page(desk, chart)
    assert len([one for one in page.ids if re.fullmatch(r"card-\d+", one)]) == 2
    card = page.words[page.words.index("N18.32 Chronic") :]
    assert "2026-03-02" in card
    assert "2026-06-09" in card


def test_every_evidence_link_leads_to_a_place_in_a_note(desk, chart) -> None:
    body = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    page = open_page(desk, chart)
    targets = re.findall(r'class="quote" href="#([^"]+)"', body)
    assert len(targets) == 3
    assert set(targets) <= set(page.ids)


def test_no_id_is_used_twice(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    body = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    visible = re.sub(r"<template.*?</template>", "", body, flags=re.S)
    ids = re.findall(r'\sid="([^"]+)"', visible)
    assert len(ids) == len(set(ids))


def test_what_the_file_did_not_say_reads_unknown(desk, chart) -> None:
    words = open_page(desk, chart).words
    assert "Signature unknown" in words
    assert "Claim unknown" in words


def test_passed_over_mentions_are_in_the_note_with_their_reason(desk, project, coder) -> None:
    chart = pages.held_chart(
        project, coder, pages.day(suppressed={"stroke": "family"}, checks={"E11.9": ("not-found", "")})
    )
    body = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    assert re.search(r'class="seg suppressed"[^>]*data-reason="family">stroke</span>', body)


def test_a_chart_without_questions_says_so(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.day())
    assert "The rules ask nothing about this chart" in open_page(desk, chart).words


def test_a_note_that_could_not_be_read_is_named_with_its_reason(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.day(checks={"E11.9": ("", "")}, fails=True))
    words = open_page(desk, chart).words
    assert "1 note could not be read by the rules" in words
    assert "took longer than the time limit" in words


def test_a_note_that_waits_for_the_rules_is_announced(client, project, lead) -> None:
    chart = pages.read_chart(project, pages.day(unread=True))
    client.force_login(lead)
    assert "1 note still waits for the rules" in open_page(client, chart).words


def test_opening_a_chart_leaves_a_trail(desk, chart, coder) -> None:
    open_page(desk, chart)
    event = TrailEvent.objects.filter(action="chart.opened").get()
    assert (event.actor, event.subject_id) == (coder, chart.pk)


def test_the_title_names_no_patient(desk, project, coder) -> None:
    person = make.member(name={"family": "Sentinel", "given": "Ada"})
    chart = pages.held_chart(project, coder, member=person)
    body = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    assert "Sentinel" in body
    assert "Sentinel" not in body[: body.index("</title>")]


# --- Scores


def test_the_page_shows_the_score_now_and_what_each_answer_would_do(desk, chart) -> None:
    words = open_page(desk, chart).words
    assert re.search(r"First pass \d\.\d{3} Now \d\.\d{3} If followed \d\.\d{3}", words)
    assert re.search(r"\+0\.\d{3} if accepted", words)
    assert re.search(r"-0\.\d{3} if deleted", words)


def test_a_delta_says_what_is_documented_and_where_it_differs_what_is_paid(desk, project, coder) -> None:
    linked = pages.visit("2026-02-03", "CKD stage 3b, stable on losartan.", adds={"N18.32": pages.CKD})
    alone = pages.visit("2026-06-09", checks={"I50.32": ("unsupported", "losartan")}, fields={"claim": None})
    chart = pages.held_chart(
        project,
        coder,
        linked,
        alone,
        member=make.member(**pages.ADA),
        enrollments=[make.enrollment(switched_ma_organization=False)],
    )
    words = open_page(desk, chart).words
    assert re.search(r"\+0\.\d{3} if accepted, as documented HCC 328 \+0\.127 · HF_KIDNEY_V28 \+0\.176", words)
    assert re.search(r"\+0\.\d{3} as it would be paid HCC 328 \+0\.127 ", words)
    assert "I50.32: not paid (2026-06-09: not linked to an accepted encounter)" in words
    assert re.search(r"As it would be paid First pass \d\.\d{3} Now \d\.\d{3} If followed \d\.\d{3}", words)
    told = said(answer(desk, chart, chart.suggestions.get(kind="add"), outcome="accept"))
    assert re.search(r"Score now \d\.\d{3}, as paid \d\.\d{3}\.$", told["say"])
    assert re.search(r"Accepted \+0\.\d{3} paid \+0\.\d{3} 2026-02-03", open_page(desk, chart).words)


def test_a_payment_that_is_not_known_reads_so(desk, project, coder) -> None:
    unsaid = {"claim": {"icn": "ICN9", "lines": [{"procedure": "99214"}]}}  # whether it was accepted
    chart = pages.held_chart(project, coder, pages.visit(adds={"N18.32": pages.CKD}, fields=unsaid))
    words = open_page(desk, chart).words
    assert re.search(r"Payment not known: \+0\.000 or \+0\.\d{3} N18\.32: not known whether it is paid", words)
    assert re.search(r"If followed not known: \d\.\d{3} or \d\.\d{3}", words)


def test_a_policy_hides_scores_from_coders_everywhere(client) -> None:
    project = make.project("blind", coders_see_scores=False)
    coder = make.person(Role.CODER, project)
    chart = pages.held_chart(project, coder)
    client.force_login(coder)
    assert "If followed" not in open_page(client, chart).words
    response = answer(client, chart, chart.suggestions.get(kind="add"), outcome="accept")
    assert "Score now" not in said(response)["say"]
    assert not re.search(r"[+-]\d\.\d{3}", response.content.decode())
    assert Decision.objects.get().delta is not None


def test_a_chart_that_cannot_be_scored_says_why(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, enrollments=[])
    assert "No enrollment for cms-hcc in payment year 2027" in open_page(desk, chart).words


# --- Answers


def test_an_answer_comes_back_as_the_cards_and_says_what_is_left(desk, chart) -> None:
    add, check = chart.suggestions.get(kind="add"), chart.suggestions.get(kind="check")
    response = answer(desk, chart, add, outcome="accept")
    assert response.status_code == 200
    assert response.content.decode().lstrip().startswith('<div id="work"')
    told = said(response)
    assert re.fullmatch(r"Accepted N18\.32\. 1 left\. Score now \d\.\d{3}, as paid \d\.\d{3}\.", told["say"])
    assert told["focus"] == f"card-{check.pk}"
    add.refresh_from_db()
    assert add.status == SuggestionStatus.ACCEPTED


def test_the_last_answer_leads_to_finish(desk, chart) -> None:
    answer(desk, chart, chart.suggestions.get(kind="add"), outcome="accept")
    told = said(answer(desk, chart, chart.suggestions.get(kind="check"), outcome="keep"))
    assert told["focus"] == "finish-button"
    assert "Nothing is left: finish the chart." in told["say"]


def test_without_htmx_an_answer_redirects_to_the_next_card(desk, chart) -> None:
    add, check = chart.suggestions.get(kind="add"), chart.suggestions.get(kind="check")
    response = answer(desk, chart, add, htmx=False, outcome="accept")
    assert response["Location"] == f"{reverse('chart', args=[chart.pk])}#card-{check.pk}"


def test_one_answer_holds_for_all_dates_of_a_card(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    adds = chart.suggestions.filter(kind="add")
    answer(desk, chart, *adds, outcome="accept")
    assert {one.status for one in adds.all()} == {SuggestionStatus.ACCEPTED}


def test_the_counts_of_the_dates_follow_an_answer(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    march = chart.encounters.order_by("date_from").first()
    body = answer(desk, chart, *chart.suggestions.filter(kind="add"), outcome="accept").content.decode()
    assert f'<span id="waiting-{march.pk}" hx-swap-oob="true"><span class="count" aria-hidden="true">1</span>' in body


def test_the_same_answer_on_several_dates_reads_as_one(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    page = pages.Page(answer(desk, chart, *chart.suggestions.filter(kind="add"), outcome="accept"))
    assert re.search(r"Accepted \+0\.\d{3} paid \+0\.000 2026-03-02, 2026-06-09 by", page.words)


def test_one_date_can_be_answered_by_itself(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    first, second = chart.suggestions.filter(kind="add").order_by("encounter__date_from")
    response = answer(desk, chart, first, outcome="accept")
    second.refresh_from_db()
    assert second.status == SuggestionStatus.OPEN
    assert "Accepted" in response.content.decode()
    assert f'name="s" value="{second.pk}"' in response.content.decode()


def test_answers_to_several_dates_stand_or_fall_together(desk, project, coder) -> None:
    with_meat = pages.missed_ckd()
    without = pages.day("2026-06-09", adds={"N18.32": {"mention": "CKD stage 3b"}})
    chart = pages.held_chart(project, coder, with_meat, without)
    response = answer(desk, chart, *chart.suggestions.filter(kind="add"), outcome="accept")
    assert response.status_code == 422
    assert "asks for 1 MEAT element" in pages.Page(response).words
    assert not Decision.objects.exists()


def test_rejecting_without_scripts_asks_for_the_reason_first(desk, chart) -> None:
    add = chart.suggestions.get(kind="add")
    response = answer(desk, chart, add, htmx=False, outcome="reject")
    assert response.status_code == 422
    words = pages.Page(response).words
    assert "Reject: why?" in words
    assert "Mention only, no MEAT" in words
    answer(desk, chart, add, htmx=False, outcome="reject", panel="1", reason="mention-only")
    assert Decision.objects.get().reason == "mention-only"


def test_a_refused_answer_keeps_what_was_typed(desk, chart) -> None:
    check = chart.suggestions.get(kind="check")
    response = answer(
        desk, chart, check, outcome="change", panel="1", icd10="E11.2", reason="specificity", comment="stage in plan"
    )
    body = response.content.decode()
    assert response.status_code == 422
    assert "E11.2 is not a billable ICD-10-CM code." in pages.Page(response).words
    assert 'value="E11.2"' in body
    assert 'value="stage in plan"' in body
    assert 'value="specificity" checked' in body


def test_a_change_puts_the_other_code(desk, chart) -> None:
    check = chart.suggestions.get(kind="check")
    answer(desk, chart, check, outcome="change", panel="1", icd10="e1121", reason="wrong-code")
    assert Decision.objects.get().icd10 == "E11.21"


def test_undo_opens_the_card_again_and_keeps_the_answer_on_record(desk, chart) -> None:
    add = chart.suggestions.get(kind="add")
    answer(desk, chart, add, outcome="accept")
    response = desk.post(reverse("undo", args=[chart.pk]), {"s": add.pk}, headers=HTMX)
    assert said(response)["focus"] == f"card-{add.pk}"
    add.refresh_from_db()
    assert add.status == SuggestionStatus.OPEN
    assert list(add.decisions.values_list("outcome", flat=True)) == [Outcome.ACCEPT, Outcome.REOPEN]


def test_undo_without_a_card_takes_the_newest_answer_back(desk, chart) -> None:
    add, check = chart.suggestions.get(kind="add"), chart.suggestions.get(kind="check")
    answer(desk, chart, check, outcome="keep")
    answer(desk, chart, add, outcome="accept")
    desk.post(reverse("undo", args=[chart.pk]), headers=HTMX)
    assert {one.kind: one.status for one in chart.suggestions.all()} == {"add": "open", "check": "kept"}


def test_there_is_no_way_to_accept_everything_at_once(desk, project, coder) -> None:
    two = pages.day(adds={"N18.32": pages.CKD, "I50.32": {"mention": "stable", "assess": "stable"}})
    chart = pages.held_chart(project, coder, two)
    answer(desk, chart, *chart.suggestions.all(), outcome="accept")
    assert {one.status for one in chart.suggestions.all()} == {SuggestionStatus.OPEN}


def test_a_suggestion_of_another_chart_is_not_answered(desk, project, coder, chart) -> None:
    other = pages.held_chart(project, coder)
    answer(desk, chart, other.suggestions.get(kind="add"), outcome="accept")
    assert not Decision.objects.exists()


# --- The whole chart


def test_finish_is_refused_while_a_question_is_open(desk, chart) -> None:
    response = desk.post(reverse("finish", args=[chart.pk]), follow=True)
    assert "2 suggestions are undecided" in pages.Page(response).words
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW


def test_finish_and_next_opens_the_next_chart(desk, project, coder, chart) -> None:
    following = pages.read_chart(project, pages.missed_ckd())
    answer(desk, chart, chart.suggestions.get(kind="add"), outcome="accept")
    answer(desk, chart, chart.suggestions.get(kind="check"), outcome="keep")
    response = desk.post(reverse("finish", args=[chart.pk]), {"then": "next"})
    assert response["Location"] == reverse("chart", args=[following.pk])


def test_hold_needs_a_reason_and_resume_takes_the_chart_up_again(desk, chart) -> None:
    desk.post(reverse("hold", args=[chart.pk]), {"reason": " "})
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW
    desk.post(reverse("hold", args=[chart.pk]), {"reason": "Missing page"})
    assert "On hold: Missing page" in open_page(desk, chart).words
    desk.post(reverse("resume", args=[chart.pk]))
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW


def test_release_gives_the_chart_back(desk, chart) -> None:
    desk.post(reverse("release", args=[chart.pk]))
    chart.refresh_from_db()
    assert chart.status == ChartStatus.READY


# --- A code by hand


def add_code(client: Client, chart: Chart, **fields: str):
    encounter = chart.encounters.first()
    data = {"encounter": encounter.pk, "icd10": "E78.5", "label": "assess", **fields}
    return client.post(reverse("add_code", args=[chart.pk]), data)


def test_a_selection_becomes_the_evidence_of_a_code_added_by_hand(desk, project, coder) -> None:
    text = "👩🏽‍⚕️ Élodie: hyperlipidemia, on statin."
    chart = pages.held_chart(project, coder, pages.day(text=text))
    note = Note.objects.get(encounter__chart=chart)
    start = text.index("hyperlipidemia")
    add_code(desk, chart, note=note.pk, start=start, end=start + 14)
    added = chart.suggestions.get()
    span = added.evidence.get()
    assert (span.quote, span.label) == ("hyperlipidemia", "assess")
    assert (added.status, added.decisions.get().icd10) == (SuggestionStatus.ACCEPTED, "E78.5")


def test_a_code_by_hand_waits_where_the_project_asks_for_more_evidence(client) -> None:
    project = make.project(meat_elements_required=2)
    coder = make.person(Role.CODER, project)
    client.force_login(coder)
    chart = pages.held_chart(project, coder)
    add_code(client, chart, quote="stable on losartan")
    assert chart.suggestions.get(icd10="E78.5").status == SuggestionStatus.OPEN
    assert "not yet accepted. This project asks for 2 MEAT elements" in open_page(client, chart).words


def test_words_that_were_copied_are_found_in_the_note(desk, chart) -> None:
    add_code(desk, chart, quote="stable on losartan")
    span = chart.suggestions.get(icd10="E78.5").evidence.get()
    assert chart.encounters.first().notes.get().text[span.start : span.end] == "stable on losartan"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"quote": "not there"}, "These words are not in a note of this date of service"),
        ({"quote": "st"}, "These words occur 4 times"),
        ({"quote": ""}, "Select the text that shows the diagnosis"),
        ({"quote": "stable", "icd10": "XYZ"}, "is not a billable ICD-10-CM code"),
        ({"quote": "stable", "label": "hunch"}, "Say what the text shows"),
        ({"note": "999999", "start": "0", "end": "4"}, "on another date of service"),
    ],
)
def test_a_code_by_hand_says_what_is_missing_and_keeps_what_was_typed(desk, chart, fields, problem) -> None:
    response = add_code(desk, chart, **fields)
    assert response.status_code == 422
    assert problem in pages.Page(response).words
    assert not chart.suggestions.filter(kind="add").exclude(icd10="N18.32").exists()
    if fields.get("quote"):
        assert f">{fields['quote']}</textarea>" in response.content.decode()


def test_code_search_answers_words_and_codes(desk, chart) -> None:
    query = {"q": "kidney stage 3b", "chart": chart.pk, "on": "2026-03-02"}
    assert desk.get(reverse("codes"), query).json()["results"] == [
        {
            "code": "N18.32",
            "title": "Chronic kidney disease, stage 3b",
            "more": 0,
            "because": "",
            "billable": True,
            "hccs": "CMS-HCC 2027 V28: HCC 328",
            "favourite": False,
            "recent": False,
        }
    ]
    [elsewhen] = desk.get(reverse("codes"), {"q": "kidney stage 3b", "on": "2026-11-02"}).json()["results"]
    assert (elsewhen["billable"], elsewhen["hccs"]) == (None, "")


def own_codes(client) -> list[tuple[str, bool, bool]]:
    results = client.get(reverse("codes"), {"q": ""}).json()["results"]
    return [(one["code"], one["favourite"], one["recent"]) for one in results]


def test_an_empty_search_offers_favourites_and_the_codes_given_lately(desk, coder, chart) -> None:
    assert own_codes(desk) == []
    add_code(desk, chart, icd10="E78.5", quote="CKD stage 3b")
    check = chart.suggestions.get(icd10="E11.22")
    suggestions.decide(suggestion=check, outcome=Outcome.CHANGE, by=coder, icd10_code="E11.21", reason="specificity")
    assert own_codes(desk) == [("E11.21", False, True), ("E78.5", False, True)]
    for code in ("J44.9", "E78.5"):
        assert desk.post(reverse("favourite", args=[code])).json() == {"favourite": True}
    assert own_codes(desk) == [("E78.5", True, True), ("J44.9", True, False), ("E11.21", False, True)]
    [found] = desk.get(reverse("codes"), {"q": "J44.9"}).json()["results"]
    assert found["favourite"]
    assert desk.post(reverse("favourite", args=["E78.5"])).json() == {"favourite": False}
    assert own_codes(desk) == [("J44.9", True, False), ("E11.21", False, True), ("E78.5", False, True)]
    assert desk.post(reverse("favourite", args=["J44"])).status_code == 404


def test_an_accepted_suggestion_is_no_code_that_the_person_gave(desk, coder, chart) -> None:
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder)
    assert own_codes(desk) == []


def test_no_hcc_is_said_to_who_may_not_see_scores(desk, chart) -> None:
    Project.objects.update(coders_see_scores=False)
    [found] = desk.get(reverse("codes"), {"q": "kidney stage 3b", "chart": chart.pk}).json()["results"]
    assert found["hccs"] == ""


def test_the_notes_of_a_code_are_those_of_the_tabular_list(desk) -> None:
    said = " ".join(pages.Page(desk.get(reverse("code_notes", args=["E11.22"]))).words.split())
    assert "Use additional code code to identify stage of chronic kidney disease (N18.1-N18.6)" in said
    assert "Excludes1: not coded together at E11" in said
    assert "E11.21 Type 2 diabetes mellitus with diabetic nephropathy" in said
    assert desk.get(reverse("code_notes", args=["Q99.99"])).status_code == 404


# --- Who sees what


def test_another_coder_gets_a_404(client, project, chart) -> None:
    client.force_login(make.person(Role.CODER, project))
    for name in ("chart", "add_code"):
        assert client.get(reverse(name, args=[chart.pk])).status_code == 404
    for name in ("answer", "undo", "finish", "hold", "release", "resume"):
        assert client.post(reverse(name, args=[chart.pk])).status_code == 404


def test_a_manager_sees_no_chart(client, project, chart) -> None:
    client.force_login(make.person(Role.MANAGER, project))
    assert client.get(reverse("chart", args=[chart.pk])).status_code == 404


def test_a_lead_reads_and_cannot_answer(client, lead, chart) -> None:
    client.force_login(lead)
    body = client.get(reverse("chart", args=[chart.pk])).content.decode()
    assert 'name="outcome"' not in body
    response = answer(client, chart, chart.suggestions.get(kind="add"), outcome="accept")
    assert response.status_code == 403
    assert "may not code charts" in response.content.decode()


def coded_chart(project, coder) -> Chart:
    chart = pages.held_chart(project, coder, pages.day(adds={"N18.32": pages.CKD}))
    suggestions.decide(
        suggestion=chart.suggestions.get(),
        outcome=Outcome.REJECT,
        reason="copied-forward",
        comment="see March",
        by=coder,
    )
    queues.finish(chart=chart, by=coder)
    chart.refresh_from_db()
    return chart


def test_an_auditor_sees_no_answer_before_giving_their_own(client, project, coder, lead) -> None:
    chart = coded_chart(project, coder)
    client.force_login(lead)
    before = open_page(client, chart).words
    qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    drawn = open_page(client, chart).words
    for words in (before, drawn):
        assert "N18.32" in words
        assert "Copied forward" not in words
        assert "see March" not in words
        assert "Rejected" not in words
        assert "If followed" not in words
    qa.answer_blind(review=QAReview.objects.get(), outcome=Outcome.ACCEPT, by=lead)
    assert "Copied forward" in open_page(client, chart).words


def test_a_coder_reads_the_auditors_words_and_rebuts(desk, project, coder, lead) -> None:
    chart = coded_chart(project, coder)
    qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    review = QAReview.objects.get()
    qa.answer_blind(review=review, outcome=Outcome.ACCEPT, by=lead)
    qa.settle(review=review, verdict=QAReview.Verdict.OVERTURN, comment="The plan names the stage.", by=lead)
    qa.conclude(chart=chart, by=lead)
    words = open_page(desk, chart).words
    assert "QA returned this chart" in words
    assert "The plan names the stage." in words
    assert words.index("Returned by QA") < words.index("losartan", words.index("Returned by QA"))
    url = reverse("respond", args=[review.pk])
    desk.post(url, {"response": "rebutted", "comment": ""})
    review.refresh_from_db()
    assert review.coder_response == ""
    desk.post(url, {"response": "rebutted", "comment": "I.A.15, page 2"})
    review.refresh_from_db()
    assert (review.coder_response, review.coder_comment) == ("rebutted", "I.A.15, page 2")


def test_somebody_elses_review_is_not_answered(client, project, coder, lead) -> None:
    chart = coded_chart(project, coder)
    qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    other = make.person(Role.CODER, project)
    client.force_login(other)
    assert client.post(reverse("respond", args=[QAReview.objects.get().pk])).status_code == 404
    assert chart.status == ChartStatus.CODED


def test_a_lapsed_session_is_told_and_nothing_is_swapped(client, chart) -> None:
    response = answer(client, chart, chart.suggestions.get(kind="add"), outcome="accept")
    assert response.status_code == 401
    assert b"logged out" in response.content


def test_shortcuts_can_be_switched_off(desk, coder, chart) -> None:
    assert 'data-shortcuts="on"' in desk.get(reverse("chart", args=[chart.pk])).content.decode()
    desk.post(reverse("shortcuts"), {})
    coder.refresh_from_db()
    assert not coder.shortcuts_enabled
    assert 'data-shortcuts="off"' in desk.get(reverse("chart", args=[chart.pk])).content.decode()


def test_the_theme_is_remembered(desk, chart) -> None:
    desk.post(reverse("theme"), {"theme": "dark", "next": "/queue/"})
    assert 'data-theme="dark"' in desk.get(reverse("chart", args=[chart.pk])).content.decode()


def test_a_redirect_to_another_site_is_not_followed(desk) -> None:
    response = desk.post(reverse("theme"), {"theme": "dark", "next": "https://elsewhere.example/"})
    assert response["Location"] == reverse("home")


# --- What it costs

DAYS = [f"2026-{month:02}-{day:02}" for month in range(1, 11) for day in (3, 13, 23)]
TEXTS = "Assessment: {code} is CKD stage 3b, stable on losartan. No stroke."


def big_chart(project, coder, days: int) -> Chart:
    codes = ["N18.32", "E11.22", "I50.32", "J44.9", "F33.1", "I48.20", "G20.A1", "C61"]
    return pages.held_chart(
        project,
        coder,
        *(
            pages.day(
                one,
                TEXTS.format(code=codes[n % 8]),
                adds={codes[n % 8]: pages.CKD},
                checks={codes[(n + 3) % 8]: ("supported", "CKD")},
                suppressed={"stroke": "negated"},
            )
            for n, one in enumerate(DAYS[:days])
        ),
    )


def queries(call: Any) -> int:
    call()
    with CaptureQueriesContext(connection) as counted:
        call()
    return len(counted)


def test_the_review_page_costs_the_same_queries_for_three_notes_and_for_thirty(desk, project, coder) -> None:
    small, large = (big_chart(project, coder, days) for days in (3, 30))
    assert large.suggestions.count() == 60
    costs = [queries(lambda c=c: desk.get(reverse("chart", args=[c.pk]))) for c in (small, large)]
    assert costs[0] == costs[1]


def test_an_answer_costs_the_same_queries_on_a_small_chart_and_on_a_large_one(desk, project, coder) -> None:
    def cost(chart: Chart) -> int:
        one = chart.suggestions.filter(kind="add").first()
        with CaptureQueriesContext(connection) as counted:
            assert answer(desk, chart, one, outcome="accept").status_code == 200
        return len(counted)

    assert cost(big_chart(project, coder, 3)) == cost(big_chart(project, coder, 30))


def test_a_refusal_of_the_action_reaches_the_page(desk, chart, coder) -> None:
    queues.hold(chart=chart, reason="Missing page", by=coder)
    with pytest.raises(NotAllowed):
        suggestions.undo(suggestion=chart.suggestions.get(kind="add"), by=coder)
    response = answer(desk, chart, chart.suggestions.get(kind="add"), outcome="accept")
    assert response.status_code == 403
    assert "it is on hold" in response.content.decode()


# --- Text that a coder marks


def tag(client: Client, chart: Chart, *asked: Suggestion, htmx: bool = True, **fields: Any):
    data = {"s": [one.pk for one in asked], "label": "monitor", **fields}
    return client.post(reverse("tag", args=[chart.pk]), data, headers=HTMX if htmx else {})


def test_selected_text_becomes_evidence_of_the_question_of_its_date(desk, project, coder) -> None:
    text = "👩🏽‍⚕️ Élodie: CKD stage 3b, stable on losartan. Creatinine 1.9."
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09", text))
    march, june = chart.suggestions.filter(icd10="N18.32").order_by("encounter__date_from")
    note, start = june.encounter.notes.get(), text.index("Creatinine")
    response = tag(desk, chart, march, june, note=note.pk, start=start, end=start + 14, label="evaluate")
    span = june.evidence.get(label="evaluate")
    assert (span.quote, span.tagged_by) == ("Creatinine 1.9", coder)
    assert not march.evidence.filter(label="evaluate").exists()
    assert said(response)["focus"] == f"card-{march.pk}"
    assert said(response)["say"].startswith("Marked as Evaluate for N18.32.")
    body = response.content.decode()
    assert f'id="text-{note.pk}"' in body  # the note comes again, with the new mark
    assert pages.Page(response).notes == {note.pk: text}
    assert 'data-letters="E">Creatinine 1.9</span>' in body


def test_text_can_be_marked_by_its_words_without_scripts(desk, chart) -> None:
    asked = chart.suggestions.get(kind="check")
    response = tag(desk, chart, asked, htmx=False, quote="Family history", label="treat")
    assert response["Location"] == f"{reverse('chart', args=[chart.pk])}#card-{asked.pk}"
    assert asked.evidence.get(label="treat").quote == "Family history"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"quote": "not there"}, "These words are not in a note of this date of service"),
        ({"quote": "stable", "label": ""}, "Say what the text shows"),
        ({"note": "999999", "start": "0", "end": "4"}, "on another date of service"),
        ({"quote": "x", "start": "5", "end": "5000", "note": "own"}, "lies outside the note"),
    ],
)
def test_a_mark_that_is_refused_says_why_and_keeps_what_was_typed(desk, chart, fields, problem) -> None:
    asked = chart.suggestions.get(kind="add")
    if fields.get("note") == "own":
        fields = {**fields, "note": asked.encounter.notes.get().pk}
    before = asked.evidence.count()
    response = tag(desk, chart, asked, **fields)
    assert response.status_code == 422
    body = response.content.decode()
    assert problem in body
    if not fields.get("note"):
        assert f'value="{fields["quote"]}"' in body
    assert asked.evidence.count() == before


def test_an_answered_question_takes_no_more_evidence(desk, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    answer(desk, chart, asked, outcome="accept")
    response = tag(desk, chart, asked, quote="Family history")
    assert response.status_code == 422
    assert "answered already" in response.content.decode()
    assert not asked.evidence.filter(label="monitor").exists()


def change(client: Client, chart: Chart, span: EvidenceSpan, **fields: str):
    return client.post(reverse("change_evidence", args=[chart.pk, span.pk]), fields, headers=HTMX)


def test_a_longer_mark_of_the_same_letter_takes_the_place_of_the_shorter(desk, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    tag(desk, chart, asked, quote="stable on", label="assess")
    assert [span.quote for span in asked.evidence.filter(label="assess")] == ["stable on"]
    tag(desk, chart, asked, quote="stable on losartan", label="treat")  # another letter stands beside it
    assert asked.evidence.get(label="assess").quote == "stable on"
    tag(desk, chart, asked, quote="stable", label="assess")  # and back
    assert [span.quote for span in asked.evidence.filter(label="assess")] == ["stable"]


def test_evidence_is_marked_differently(desk, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    response = change(desk, chart, asked.evidence.get(label="assess"), label="monitor")
    assert said(response)["say"].startswith("Marked as Monitor for N18.32.")
    assert asked.evidence.get(label="monitor").quote == "stable"
    assert not asked.evidence.filter(label="assess").exists()


def test_evidence_that_was_taken_away_does_not_count_and_does_not_come_back(desk, project, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    for label in ("assess", "treat"):
        change(desk, chart, asked.evidence.get(label=label), remove="yes")
    assert TrailEvent.objects.filter(action="evidence.removed").count() == 2
    assert "shows 0" in answer(desk, chart, asked, outcome="accept").content.decode()
    encounter = asked.encounter
    suggestions.ask(encounter, chart=chart, ruleset="another")  # the rules read again
    assert set(asked.evidence.values_list("label", flat=True)) == {"mention"}


def test_a_stored_answer_keeps_its_evidence(desk, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    answer(desk, chart, asked, outcome="accept")
    response = change(desk, chart, asked.evidence.get(label="treat"), remove="yes")
    assert response.status_code == 422
    assert asked.evidence.filter(label="treat").exists()


# --- Two tabs, two people, a lost acknowledgement


def newest(chart: Chart) -> str:
    return str(
        Decision.objects.filter(suggestion__chart=chart).order_by("-pk").values_list("pk", flat=True).first() or 0
    )


def test_an_answer_sends_back_only_what_it_changes(desk, project, coder) -> None:
    days = pages.day(adds={"N18.32": pages.CKD, "E11.22": {"mention": "CKD"}}, checks={"I10": ("supported", "")})
    chart = pages.held_chart(project, coder, days)
    asked = chart.suggestions.get(icd10="N18.32")
    response = answer(desk, chart, asked, outcome="accept", seen=newest(chart))
    body = response.content.decode()
    assert response["HX-Retarget"] == "#work-head"
    assert re.findall(r'<article class="card[^"]*" id="(card-\d+)"', body) == [f"card-{asked.pk}"]
    assert 'hx-swap-oob="afterbegin:#done-cards"' in body
    others = chart.suggestions.exclude(pk=asked.pk).values_list("pk", flat=True)
    assert all(f'id="deltas-{pk}" hx-swap-oob="true"' in body for pk in others)


def test_an_answer_from_an_older_page_gets_all_the_work(desk, chart) -> None:
    check, add = chart.suggestions.get(kind="check"), chart.suggestions.get(kind="add")
    seen = newest(chart)
    answer(desk, chart, check, outcome="keep", seen=seen)  # in another tab
    body = answer(desk, chart, add, outcome="accept", seen=seen).content.decode()
    assert f'id="card-{check.pk}"' in body
    assert f'id="card-{add.pk}"' in body


def test_an_answer_that_arrives_twice_is_stored_once(desk, chart) -> None:
    asked = chart.suggestions.get(kind="add")
    for _ in range(2):
        response = answer(desk, chart, asked, outcome="reject", panel="1", reason="negated", comment=" No. ")
        assert said(response)["say"].startswith("Rejected N18.32.")
    assert asked.decisions.count() == 1


def test_another_answer_from_a_second_tab_is_refused_and_says_what_stands(desk, chart, coder) -> None:
    asked = chart.suggestions.get(kind="add")
    answer(desk, chart, asked, outcome="accept")
    response = answer(desk, chart, asked, outcome="reject", panel="1", reason="negated")
    assert response.status_code == 422
    assert "N18.32 was answered meanwhile: accepted by you." in response.content.decode()
    assert asked.decisions.get().outcome == Outcome.ACCEPT


def test_a_card_that_was_answered_on_one_date_meanwhile_is_answered_on_none(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    march, june = chart.suggestions.filter(kind="add").order_by("encounter__date_from")
    answer(desk, chart, march, outcome="accept")
    assert answer(desk, chart, march, june, outcome="reject", panel="1", reason="negated").status_code == 422
    assert not june.decisions.exists()


# --- What counts

CLAIM = {"icn": "ICN1", "type": "P", "accepted": True}
IN_THE_OFFICE = {
    "provider": {"npi": "1000000129", "specialty": "11", "name": "Ada Byron", "credential": "MD"},
    "claim": {**CLAIM, "place_of_service": "11", "lines": [{"procedure": "99213", "modifiers": []}]},
}
BY_PHONE = {
    **IN_THE_OFFICE,
    "claim": {**CLAIM, "place_of_service": "10", "lines": [{"procedure": "99213", "modifiers": ["93"]}]},
}


def test_each_date_says_whether_it_counts_and_why(desk, project, coder) -> None:
    chart = pages.held_chart(project, coder, pages.day(adds={"N18.32": pages.CKD}, fields=BY_PHONE))
    words = open_page(desk, chart).words
    assert "CMS-HCC 2027: audio-only, payment no" in words
    assert "V05 Face to face not met: The visit was held by sound alone." in words
    assert "V03 Member unknown" in words  # what the file does not say


def test_a_code_none_of_whose_dates_counts_says_so_on_its_card(desk, project, coder) -> None:
    by_phone = pages.day("2026-06-09", adds={"N18.32": pages.CKD}, fields=BY_PHONE)
    chart = pages.held_chart(project, coder, by_phone)
    said_so = "No date of service of this code counts: 2026-06-09: The visit was held by sound alone."
    assert said_so in open_page(desk, chart).words
    other = pages.day("2026-03-02", adds={"E11.22": {"mention": "CKD stage 3b"}})
    chart = pages.held_chart(project, coder, by_phone, other)
    response = answer(desk, chart, chart.suggestions.get(icd10="E11.22"), outcome="query", panel="1")
    assert said_so in pages.Page(response).words  # also on the cards that come back after an answer


def test_a_code_with_a_date_that_may_count_marks_the_others(desk, project, coder) -> None:
    by_phone = pages.day("2026-06-09", adds={"N18.32": pages.CKD}, fields=BY_PHONE)
    in_office = pages.day("2026-03-02", adds={"N18.32": pages.CKD}, fields=IN_THE_OFFICE)
    chart = pages.held_chart(project, coder, in_office, by_phone)
    words = open_page(desk, chart).words
    assert "No date of service of this code counts" not in words
    assert "2026-06-09 Does not count" in words


def test_an_auditor_does_not_see_what_the_coder_marked_before_answering(client, project, coder, lead) -> None:
    chart = pages.held_chart(project, coder)
    asked = chart.suggestions.get(kind="add")
    start = pages.TEXT.index("Family history")
    note = asked.encounter.notes.get()
    suggestions.tag_evidence(
        suggestion=asked, note=note, label=SpanLabel.MONITOR, start=start, end=start + 14, by=coder
    )
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    client.force_login(lead)
    body = client.get(reverse("chart", args=[chart.pk])).content.decode()
    assert "losartan</a>" in body
    assert "Family history</a>" not in body
    assert 'data-letters="M">Family history' not in body
