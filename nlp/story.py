"""What the words of a story make of a mention: whether they tell of what is, of what was, or of what somebody came for.

The words themselves are data about language: context.toml, [story].
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Mapping

from nlp.assertion import Asserted
from nlp.findings import Evidence, Meat
from nlp.meat import Witness
from nlp.sections import Page

NARRATIVE = frozenset({"hpi", "chief_complaint", "", "other", "follow_up", "problem_list", "procedure", "social"})
"""Sections where a condition counts with evidence in its own sentence, outside the assessment."""
OPENING = frozenset({"chief_complaint", "hpi", ""})
"""Sections whose first sentence may say what somebody lies in a hospital for."""
REASON_LENGTH = 300
"""Characters that a reason for a visit has at most; what follows in its section is a narrative."""
AROUND = 30
"""So many characters behind an event may still say that it is over, or only looked for: "stroke, for evaluation"."""
DATED = re.compile(
    r"[ ,(:]{0,3}(?:of the |in the |of |in |on |from )?(?:(?:left|right|bilateral|lower|upper|leg|calf|lung) ?){0,3}"
    r"[ ,(:]{0,3}(?:in |on |of |from )?(?:[a-z]{3,9}\.? ?)?(?:\d{1,2}/){0,2}(?:19|20)\d\d(?!\d)"
)
"""A bare date behind an event: "DVT of the left leg, 04/2018"."""


def says(w: Witness, words: str, start: int, end: int) -> re.Match[str] | None:
    """Words of a story between two offsets of the note."""
    return w.catalog.story[words].compiled.search(w.page.low, start, end)


def leads_up(w: Witness, words: str, a: Asserted, most: int = sys.maxsize) -> re.Match[str] | None:
    """Words of a story in a mention's sentence before it, in so many characters."""
    m = a.mention
    return says(w, words, max(w.page.sentences[m.sentence][0], m.start - most), m.start)


def heading_of(page: Page, a: Asserted) -> str:
    section = page.section_at(a.mention.start)
    return page.low[section.start : section.body]


# --------------------------------------------------------------------------------------------- what somebody came for


def is_reason(w: Witness, a: Asserted) -> bool:
    """Whether a mention near the beginning of a reason for a visit is the reason, and not the person's background."""
    start = w.page.section_at(a.mention.start).body
    return a.mention.start - start < REASON_LENGTH and not leads_up(w, "background", a)


def is_newly_found(w: Witness, a: Asserted) -> bool:
    """Whether a story tells which test has found it, and not long ago: "found to have atrial flutter on telemetry"."""
    start, end = w.page.sentences[a.mention.sentence]
    if not leads_up(w, "found_to_have", a) or says(w, "long_since", start, end):
        return False
    return bool(w.catalog.story["on_test"].compiled.match(w.page.low, a.mention.end + 1, end))


def is_opening(a: Asserted) -> bool:
    """Whether a mention only says what somebody was called or admitted for."""
    return a.mention.section == "chief_complaint" or (a.mention.term.kind == "event" and a.mention.section in OPENING)


def is_reason_for_stay(w: Witness, a: Asserted) -> bool:
    """Whether an event is what somebody was called or admitted for.

    It is named under such a heading, or as acute, or the story opens with the stay for it.
    """
    m, section = a.mention, w.page.section_at(a.mention.start)
    start, end = w.page.sentences[m.sentence]
    if m.section not in OPENING:
        return False
    if leads_up(w, "being_admitted", a):
        return True
    if m.start - section.body >= REASON_LENGTH or says(w, "looking_back", start, min(end, m.end + AROUND)):
        return False
    if m.section != "chief_complaint":
        return is_admitted_for(w, a)
    if m.start - section.body >= REASON_LENGTH // 2:
        return False
    return bool(
        says(w, "reason_heading", section.start, section.body)
        or leads_up(w, "new", a)
        or m.term.text.startswith("acute ")
    )


def is_admitted_for(w: Witness, a: Asserted) -> bool:
    """Whether the sentence says that the person lies in a hospital for what is mentioned, and no earlier stay."""
    return bool(leads_up(w, "admitted", a)) and not says(w, "long_since", *w.page.sentences[a.mention.sentence])


def is_at_bedside(w: Witness, a: Asserted) -> bool:
    """Whether an event is noted as it stands, with its own treatment: "in respiratory failure, on ventilator"."""
    if a.mention.section not in NARRATIVE or not w.page.is_bedside:
        return False
    start, end = w.page.sentences[a.mention.sentence]
    has = leads_up(w, "has", a)
    if has and not says(w, "narrated", start, has.start()):
        return bool(w.page.spans(w.patterns.get(Meat.TREAT)))
    if says(w, "narrated", start, end):
        return False
    return any(e.letter is Meat.TREAT and w.is_own(e) for e in w.in_sentence(a.mention.sentence))


# ------------------------------------------------------------------------------------------------ what is done about it


def is_listed_for(w: Witness, a: Asserted) -> bool:
    """Whether an item of a medication list has the condition as its purpose: "an oral drug for DM"."""
    return (
        a.mention.section == "medications"
        and bool(leads_up(w, "listed_for", a, 120))
        and not leads_up(w, "not_listed_for", a, 120)
    )


def is_same_item(w: Witness, a: Asserted, e: Evidence) -> bool:
    """Whether a word of a past history stands with the condition, and not as an item of its own further on in the list.

    What names the condition itself is no state of it.
    """
    if e.start < a.mention.end and a.mention.start < e.end:
        return False
    if e.rule.split("/")[1].startswith("meat.drug") or e.rule.startswith("general"):
        return True
    if says(w, "done", max(0, e.start - 16), e.start):
        return False
    first, last = (a.mention.end, e.start) if e.start >= a.mention.end else (e.end, a.mention.start)
    return w.page.low.count(",", first, max(first, last)) <= 1


def lives_with(w: Witness, a: Asserted) -> bool:
    """Whether the report of an operation says how the patient lives, and not what is done: "she is on dialysis"."""
    if a.mention.term.weak or leads_up(w, "done_today", a, 90):
        return False
    return bool(leads_up(w, "lives_with", a, 90))


def is_operated_for(w: Witness, a: Asserted) -> bool:
    """Whether a mention is the diagnosis that an operation is done for, which is there until then."""
    section, span = w.page.section_at(a.mention.start), w.page.sentences[a.mention.sentence]
    heading = says(w, "operated_for", section.start, section.body)
    return bool(heading) and not says(w, "long_ago", max(span[0], section.body), span[1])


def is_pathology(w: Witness, a: Asserted) -> bool:
    """Whether a mention stands in a report of the pathologist: under such a heading or at such a line's beginning."""
    section, line = w.page.section_at(a.mention.start), w.page.line_at(a.mention.start)
    return bool(says(w, "pathology", section.start, section.body) or says(w, "pathology", line, line + 30))


# --------------------------------------------------------------------------------------------------------- what is over


def ends_status(w: Witness, a: Asserted) -> bool:
    """Whether what calls a mention past ends even a status: "colostomy reversed"."""
    return bool(w.catalog.story["ends_status"].compiled.search(a.by_cue))


def is_dated(w: Witness, a: Asserted) -> bool:
    """An event with a bare date behind it ("DVT 2019", "MI, 04/2018") that nothing treats is one of the past.

    Where the sentence calls it acute or new, or admits for it, the date is today's.
    """
    start, end = w.page.sentences[a.mention.sentence]
    if not DATED.match(w.page.low, a.mention.end, end):
        return bool(leads_up(w, "dated_operation", a))
    if says(w, "of_today", start, end):
        return False
    return bool(says(w, "no_treatment", a.mention.end, end)) or not w.is_treated_in(a.mention.sentence)


def is_named_after_doubt(w: Witness, a: Asserted, doubts: Mapping[str, list[int]]) -> bool:
    """A cancer or event only spoken of in the assessment, after the same section called it suspected.

    "Findings suspicious for cholangiocarcinoma. We discussed the difficulty of managing cholangiocarcinoma."
    """
    m, page = a.mention, w.page
    if m.term.kind not in ("cancer", "event") or m.section not in w.sentences.assessment:
        return False
    if m.start - page.line_at(m.start) < 40 or m.start - page.sentences[m.sentence][0] < 12:
        return False
    starts = doubts.get(m.term.key, [])
    first = bisect_left(starts, page.section_at(m.start).start)
    return first < len(starts) and starts[first] < m.start


def is_to_rule_out(w: Witness, a: Asserted) -> bool:
    """Whether the assessment would rule a doubtful mention out: "Rule out bipolar disorder" on axis I."""
    if not a.cue or a.mention.section not in w.sentences.assessment:
        return False
    cue, between = w.page.low[slice(*a.cue)], w.page.low[a.cue[1] : a.mention.start]
    return bool(w.catalog.story["rule_out"].compiled.fullmatch(cue)) and between.strip() in ("", "a", "an", "any")


# -------------------------------------------------------------------------------------------------------------- cancers


def is_treated_cancer(w: Witness, a: Asserted) -> bool:
    """Guidelines I.C.2: a primary stays current while treatment is directed at it."""
    page, general = w.page, w.catalog.general
    start, end = page.sentences[a.mention.sentence]
    if w.own_drugs and not general["off_treatment"].search(page.low):
        return True
    if is_on_treatment(w, a) or is_given_its_drug(w, start, end):
        return True
    plainly = general["plainly_active"]
    words = plainly if says(w, "dated_treatment", start, end) else general["active_cancer"]
    is_gone = says(w, "disease_free", start, end_of_next(w, a))
    given_now, given_next = w.catalog.story["given_now"].compiled, w.catalog.story["given_next"].compiled
    given_before, given_once = w.catalog.story["given_before"].compiled, w.catalog.story["given_once"].compiled
    for m in words.finditer(page.low, start, end):
        if (a.cue and m.start() < a.cue[1] and a.cue[0] < m.end()) or given_once.match(page.low, m.end() + 1):
            continue
        if m.group().startswith("stage") and (
            is_gone or ";" in page.low[a.mention.end : m.start()] + page.low[m.end() : a.mention.start]
        ):
            continue  # "Hx of stage IIB melanoma, NED"; "sacral ulcer stage III; hx of breast cancer"
        near = max(start, m.start() - 45)
        # Of a disease that is gone, the whole list behind "status post" was given before, however long it is.
        since = start if is_gone and not plainly.search(page.low, m.start(), m.end()) else near
        if (
            given_now.search(page.low[near : m.start()])
            or given_next.match(page.low, m.end() + 1, end)
            or not given_before.search(page.low[since : m.start()])
        ):
            return True
    return False


def end_of_next(w: Witness, a: Asserted) -> int:
    """Where the sentence behind a mention's own ends."""
    return w.page.sentences[min(a.mention.sentence + 1, len(w.page.sentences) - 1)][1]


def is_given_its_drug(w: Witness, start: int, end: int) -> bool:
    """Whether a sentence about the one cancer of a note says that a drug against cancers is being given."""
    if any(f.kind == "cancer" and f.name not in (w.family.name, "metastasis") for f in w.named):
        return False
    low, given_now = w.page.low, w.catalog.story["given_now"].compiled
    drugs = w.catalog.general["cancer_drugs"].finditer(low, start, end)
    return any(given_now.search(low[max(start, m.start() - 45) : m.start()]) for m in drugs)


def is_on_treatment(w: Witness, a: Asserted) -> bool:
    """Whether the next sentence says how the cancer is being treated: "He is in his third cycle of chemotherapy"."""
    return bool(says(w, "on_treatment", w.page.sentences[a.mention.sentence][1], end_of_next(w, a)))


def is_plainly_active(w: Witness, a: Asserted) -> bool:
    start, end = w.page.sentences[a.mention.sentence]
    first, last = max(start, a.mention.start - 60), min(end, a.mention.end + 60)
    return bool(w.catalog.general["plainly_active"].search(w.page.low, first, last))


def is_borne(w: Witness, a: Asserted) -> bool:
    """Whether a person is said to have a cancer now, or a biopsy to have shown it."""
    sentence = w.page.sentences[a.mention.sentence]
    if says(w, "long_since", *sentence):
        return False
    return bool(leads_up(w, "bears", a) or (leads_up(w, "shown", a) and says(w, "biopsy", *sentence)))


def is_past_cancer(w: Witness, a: Asserted) -> bool:
    """Treated and gone: past words in its sentence and nothing active.

    The operation that a diagnosis at discharge names is that of the stay; one of a few weeks ago is not over.
    """
    past, low = w.catalog.general["past_cancer"], w.page.low
    start, end = w.page.sentences[a.mention.sentence]
    words = [m.group() for m in past.finditer(low, start, end)]
    if not words:
        return False
    if all(map(w.catalog.story["operated"].compiled.fullmatch, words)) and (
        w.sentences.is_of_stay(a.mention.start) or says(w, "at_hand", start, end)
    ):
        return False
    section = w.page.section_at(a.mention.start)
    if says(w, "operated_for", section.start, section.body) and set(words) <= {"previous", "prior"}:
        return past.search(low, start, a.mention.start) is not None
    return not is_treated_cancer(w, a)
