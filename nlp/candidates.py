"""Stage 2: mentions. One walk over the words of the folded note finds every surface of every family."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nlp.catalog import Catalog
from nlp.families import Term
from nlp.sections import LIST_ITEM, Page
from nlp.surfaces import key_of
from nlp.titles import BEFORE, TITLE, Title
from nlp.titles import find as find_titles
from nlp.words import TOKEN, Text, Words


@dataclass(frozen=True, slots=True)
class Mention:
    """A surface of a family in the note: where it stands and in which section."""

    term: Term
    start: int
    end: int
    sentence: int
    section: str
    aside: bool = False
    """Named only as a thing to prevent, to screen for or to teach about ("DVT prophylaxis"): never a condition."""

    @property
    def family(self) -> str:
        return self.term.family


def find_mentions(page: Page, catalog: Catalog) -> tuple[Mention, ...]:
    """Every mention in text order. The longest surface wins where two overlap, unless its term says `inner`; a title
    of the tabular list, or a name that an index has turned, wins over all that its words would mean."""
    titles = [titled(page, catalog, *found) for found in find_titles(page, catalog.titles)]
    taken = {m.start for m in titles}
    names = [m for m in turned(page, catalog) if m.start not in taken]
    owned = {(m.start, m.family) for m in names}
    items = sorted([*titles, *names], key=lambda m: (m.start, m.end))
    starts = [m.start for m in items]
    surfaces = scan(page, catalog, page.low, 0, None)
    if items:
        surfaces = (
            m
            for m in surfaces
            if (i := bisect_right(starts, m.start)) == 0
            or items[i - 1].end <= m.start
            or (
                m.term.sets and (items[i - 1].start, m.family) in owned
            )  # says more of the same: "cardiac amyloid, ATTR"
        )
    return tuple(sorted([*items, *surfaces], key=lambda m: (m.start, -m.end, m.family)))


def titled(page: Page, catalog: Catalog, start: int, end: int, title: Title) -> Mention:
    """The mention of a title: of the family that owns its code."""
    name = catalog.family_of_title(title)
    term = Term(name, title.text, title.text, catalog.families[name].kind, ((TITLE, title.code),))
    return Mention(term, start, end, page.sentence_at(start), page.section_at(start).kind)


TURNED = re.compile(
    r"(?P<noun>[a-z]+(?: [a-z]+)?)(?:,| -) (?P<kind>[a-z]+(?:[ \-][a-z]+){0,2}?)"
    r"(?= *(?:[,.;:()\n]|$|- |(?:with|due|on(?! chronic)|from|secondary|involving|stage|grade|class|type)\b"
    r"|(?:left|right|bilateral)\b))"
)


def turned(page: Page, catalog: Catalog) -> Iterator[Mention]:
    """Names that begin an item as an index turns them: "Leukemia, chronic lymphocytic", "Hypertension, pulmonary".

    Not where the second half is a condition by itself: "depression, anxiety" are two.
    """
    for start, end in page.sentences:
        item = BEFORE.match(page.low, start, end)
        name = TURNED.match(page.low, item.end() if item else start, end)
        if not name:
            continue
        noun, kind = (catalog.surfaces.get(key_of(name[half]), ()) for half in ("noun", "kind"))
        terms = catalog.surfaces.get(key_of(f"{name['kind']} {name['noun']}"), ())
        own = {term.family for term in terms}
        if not kind or own.issuperset(term.family for term in (*noun, *kind)):
            yield from (m for term in terms if (m := accept(page, catalog, term, *name.span())))


def scan(page: Page, catalog: Catalog, text: Text, offset: int, outer: str | None) -> Iterator[Mention]:
    """The mentions in a part of the page, which begins at an offset."""
    for start, end in catalog.matcher.find(text):
        first, last = offset + start, offset + end
        key = key_of(page.low[first:last])
        if key in catalog.decoys:
            yield from asides(page, catalog, key, first, last)
            continue
        terms = (term for term in catalog.surfaces.get(key, ()) if term.family != outer)
        mentions = [m for term in terms if (m := accept(page, catalog, term, first, last))]
        placed = [m for m in mentions if m.term.part_of or m.term.organ]
        for mention in placed or mentions:
            yield mention
            if mention.term.inner:
                inside = second_word(page, first)
                yield from scan(page, catalog, Text(page.low[inside:last]), inside, mention.family)


def second_word(page: Page, start: int) -> int:
    """Where the first word of a surface ends."""
    word = TOKEN.match(page.low, start)
    return word.end() if word else start + 1


def accept(page: Page, catalog: Catalog, term: Term, start: int, end: int) -> Mention | None:
    if term.case and key_of(page.text[start:end]) not in (key_of(term.text), key_of(term.text) + "s"):
        return None
    if len(term.key) <= 3 and page.low[start - 1 : start].isdigit():
        return None
    number = page.sentence_at(start)
    if end > page.sentences[number][1]:
        # A surface may run over one wrapped line, but not into the next item of a list.
        gap = page.plain[page.sentences[number][1] : end]
        if "\n\n" in gap or (
            number + 1 < len(page.sentences) and LIST_ITEM.match(page.plain, page.sentences[number + 1][0])
        ):
            return None
    if (term.organ or term.part_of) and not is_placed(page, term, start):
        return None
    not_with = catalog.families[term.family].not_with
    found = not_with.search(page.low, *page.sentences[number]) if not_with else None
    if found:
        if not ASIDE.search(found.group()) or is_abbreviation(term):
            return None
        return Mention(term, start, end, number, page.section_at(start).kind, aside=True)
    return Mention(term, start, end, number, page.section_at(start).kind)


def is_placed(page: Page, term: Term, start: int) -> bool:
    """Whether a tumor is in the organ of the family: by the words behind it, or as a pathologist's finding."""
    if term.part_of and term.part_of.compiled.match(page.low, start):
        return True
    return term.organ is not None and is_found_in(page, term.organ, start)


def is_found_in(page: Page, organ: Words, start: int) -> bool:
    """Whether a tumor is a pathologist's finding in an organ: its line says so, or what was sent to the pathologist."""
    line = page.line_at(start)
    if page.low[max(0, line - 3) : line].rstrip().endswith(":"):
        line = page.line_at(line - 1)
    if organ.search(page.low, line, start):
        return True
    sent, diagnosed = page.pathology
    return diagnosed <= start and bool(organ.search(page.low, *sent))


def is_abbreviation(term: Term) -> bool:
    """Whether a surface is ambiguous as it is short: in a phrase about something else it says nothing."""
    return term.weak and len(term.key) <= 4


ASIDE = re.compile(
    r"prophyla|prevent|risk|screen|educat|clinic|score|protocol|counsel|handout|orientation|class|teaching|precaution"
    r"|evaluat|includ|discuss|consent|complication|work ?up|exclu|rule|vaccin|support group|awareness"
    r"|\btest(?:s|ed|ing)?\b|\btiters?\b|antibod|\bpanel\b"
)
"""Words that make a phrase speak of a condition that the person need not have."""


def asides(page: Page, catalog: Catalog, key: str, start: int, end: int) -> Iterator[Mention]:
    """The mentions inside a phrase that is not the condition of some families.

    Of those where the phrase still speaks of it; of all others as they stand: "lung metastases" is no lung cancer.
    """
    kept = catalog.decoys[key]
    if ASIDE.search(page.low, start, end):
        for m in scan(page, catalog, Text(page.low[start : end - 1]), start, None):
            if m.family in kept and not is_abbreviation(m.term):
                yield replace(m, aside=True)
    inside = second_word(page, start)
    for m in scan(page, catalog, Text(page.low[inside:end]), inside, None):
        if m.family not in kept:
            yield m
