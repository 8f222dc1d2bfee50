"""Copied-forward evidence: what is the same as in an earlier record, and that a coder sees it."""

from datetime import date

import pytest
from django.urls import reverse

from coding.models import EvidenceSpan
from nlp.copied import LONGEST, copied_from, same, sentence_of
from tests import make, pages

FIRST, SECOND = date(2026, 3, 2), date(2026, 6, 1)
SENTENCE = "CKD stage 3b, stable on losartan, repeat labs in three months."
EARLIER = [(FIRST, same(f"Assessment:\n1. {SENTENCE}\n2. Gout."))]


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("One. Two three. Four.", "three", "Two three."),
        ("One\nTwo three\nFour", "three", "Two three"),
        ("Two three", "Two", "Two three"),
        ("A1c 7.1 today. Done.", "7.1", "A1c 7.1 today."),
        ("One. Two. Three.", "One. Two", "One. Two."),
        ("Ends here.", "here.", "Ends here."),
    ],
)
def test_a_sentence_is_what_stands_around_a_place(text, place, sentence) -> None:
    start = text.index(place)
    assert sentence_of(text, start, start + len(place)) == sentence


def test_a_text_without_an_end_is_looked_at_nearby_only() -> None:
    text = "word " * 10_000
    assert len(sentence_of(text, 30_000, 30_004)) <= len(text) - 30_000 + LONGEST


@pytest.mark.parametrize(
    "sentence",
    [SENTENCE, SENTENCE.upper(), SENTENCE.replace(" ", "\n  ", 3)],
)
def test_capitals_and_space_make_no_other_sentence(sentence) -> None:
    assert copied_from(sentence, EARLIER) == FIRST


@pytest.mark.parametrize(
    "sentence",
    [
        "CKD stage 3b, stable on losartan, repeat labs in two months.",
        "2. Gout.",  # too short to tell
        "",
    ],
)
def test_another_or_a_short_sentence_is_not_copied(sentence) -> None:
    assert copied_from(sentence, EARLIER) is None


def test_of_several_records_the_newest_is_named() -> None:
    assert copied_from(SENTENCE, [*EARLIER, (SECOND, same(SENTENCE))]) == SECOND


# --- In the chart

CKD = {"mention": "CKD stage 3b", "assess": "stable", "treat": "losartan"}


def chart_of(project, coder, *texts: str):
    days = ("2026-03-02", "2026-06-01", "2026-09-01")
    found = [pages.day(day, text, adds={"N18.32": CKD}) for day, text in zip(days, texts, strict=False)]
    return pages.held_chart(project, coder, *found)


def card_text(client, chart, coder) -> str:
    client.force_login(coder)
    return " ".join(pages.Page(client.get(reverse("chart", args=[chart.pk]))).text.split())


def test_evidence_knows_the_earlier_record_that_has_its_sentence(project, coder) -> None:
    chart = chart_of(project, coder, SENTENCE, SENTENCE)
    spans = EvidenceSpan.objects.filter(suggestion__chart=chart)
    assert {(s.suggestion.encounter.date_from, s.copied_from) for s in spans} == {(FIRST, None), (SECOND, FIRST)}


def test_a_card_says_that_all_evidence_of_a_date_is_copied(client, project, coder) -> None:
    text = card_text(client, chart_of(project, coder, SENTENCE, SENTENCE), coder)
    assert "Copied forward." in text
    assert "All evidence of 2026-06-01 stands word for word in earlier records." in text
    assert "copied from 2026-03-02" in text


def test_one_new_sentence_is_enough_that_it_does_not(client, project, coder) -> None:
    second = (
        "CKD stage 3b, stable since the last visit by her labs of today.\nShe goes on with losartan as before this."
    )
    text = card_text(client, chart_of(project, coder, SENTENCE, second), coder)
    assert "Copied forward." not in text


def test_an_earlier_year_of_the_same_member_counts_and_another_member_does_not(project, coder) -> None:
    member = make.member(member_id="M-COPY")
    last_year = pages.day("2025-05-05", SENTENCE, adds={"N18.32": CKD})
    pages.read_chart(project, last_year, member=member, service_year=2025)
    pages.read_chart(project, pages.day("2026-01-05", SENTENCE, adds={"N18.32": CKD}))
    chart = pages.held_chart(project, coder, pages.day("2026-03-02", SENTENCE, adds={"N18.32": CKD}), member=member)
    spans = EvidenceSpan.objects.filter(suggestion__chart=chart)
    assert {span.copied_from for span in spans} == {date(2025, 5, 5)}


def test_what_a_coder_marks_is_looked_up_too(client, project, coder) -> None:
    chart = chart_of(project, coder, SENTENCE, SENTENCE)
    second = chart.suggestions.get(encounter__date_from=SECOND)
    client.force_login(coder)
    client.post(reverse("tag", args=[chart.pk]), {"s": second.pk, "quote": "repeat labs", "label": "monitor"})
    assert second.evidence.get(label="monitor").copied_from == FIRST


# --- Earlier years


def test_a_card_names_the_codes_of_the_same_hcc_in_earlier_years(client, project, coder) -> None:
    member = make.member(member_id="M-PRIOR")
    before = make.encounter(day="2025-05-05", codes=["N18.32", "I50.9"])
    make.chart(project, before, member=member, service_year=2025)
    day = pages.day("2026-03-02", SENTENCE, adds={"N18.32": CKD})
    chart = pages.held_chart(project, coder, day, member=member)
    text = card_text(client, chart, coder)
    assert "Same HCC in earlier years: 2025 N18.32. Each year needs its own record." in text
    assert "I50.9" not in text


def test_another_members_codes_are_nobodys_earlier_years(client, project, coder) -> None:
    make.chart(project, make.encounter(day="2025-05-05", codes=["N18.32"]), service_year=2025)
    chart = pages.held_chart(project, coder, pages.day("2026-03-02", SENTENCE, adds={"N18.32": CKD}))
    assert "in earlier years" not in card_text(client, chart, coder)
