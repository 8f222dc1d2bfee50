"""What the sentences of a note are about, and what they say in general words, whatever the condition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from nlp.assertion import Asserted
from nlp.catalog import Catalog
from nlp.findings import Evidence, Meat, Span
from nlp.sections import NUMBERED, PLAN, Page

NEAR = 90
"""Characters before the name of a condition in which words still speak of it."""
AGE = 3
"""So many sentences of a history behind the name of a condition still speak of it."""
TITLE = 3
"""From so many conditions on, the opening sentence of a block is a summary and no title of a problem."""
VALUE = re.compile(r"(?<!in )(?<!every )(?<!\d)\d")
WITH = re.compile(r"[ ,]*(?::[ ]*\w|with (?!contrast|and\b|or\b|gadolinium|dr\b)[a-z])")
"""Behind a test: what it found."""
UNSURE = re.compile(r"\b(?:ensure|whether|to see|make sure|if)\b")
LABEL = re.compile(r"[ ]*(?:[-*•][ ]*)?(?P<name>[a-z][a-z /&-]{3,40}):")
"""The words before the colon that open a line of a plan: "- medical treatment:"."""

LINE_OPENING = re.compile(r"[ \-*•]*")


class Outline:
    """What the sentences of an assessment are about: their families, the problem of their block, their line's label."""

    def __init__(self, page: Page, asserted: Iterable[Asserted], catalog: Catalog) -> None:
        self.page, self.catalog = page, catalog
        self.families: dict[int, set[str]] = {}
        assessed: set[str] = set()
        reasons: set[str] = set()
        for a in asserted:
            if a.reason in ("", "historical", "uncertain"):
                self.families.setdefault(a.mention.sentence, set()).add(a.mention.family)
                if a.mention.section == "assessment_plan":
                    assessed.add(a.mention.family)
                elif a.mention.section in ("hpi", "chief_complaint", "") and self.is_reason(a):
                    reasons.add(a.mention.family)
        first = next((s.body for s in page.sections if s.kind == "assessment_plan"), 0)
        opening = self.page.block_at(first) if page.sentences else None
        opens = opening and any(assessed & self.families.get(n, set()) for n in page.sentences_in(opening))
        self.sole = assessed if len(assessed) == 1 and opens else set() if assessed else reasons
        """The family that an assessment begins with and names no other; if it names none, what the visit is for."""
        ends: dict[int, int] = {}
        for first, last in page.blocks:
            if any(x.isalpha() for x in page.low[first:last]):
                ends.setdefault(page.section_at(first).start, last)
        self.first_ends = ends
        """Of each section of an assessment, where its first problem ends."""
        self.themes: dict[int, frozenset[str]] = {}
        self.labels: dict[int, str] = {}
        self.judging: set[int] = set()
        self.general: dict[tuple[int, str], tuple[Evidence, ...]] = {}

    @cached_property
    def telling_drugs(self) -> tuple[Span, ...]:
        """Where drugs stand that speak of one disease if nothing else in the note takes them."""
        return tuple(self.page.spans(self.catalog.general.get("telling")))

    def is_led_by(self, mates: Sequence[Asserted]) -> bool:
        """Whether a condition of the assessment stands in the first problem of a section."""
        return any(
            a.mention.section == "assessment_plan"
            and a.mention.start < self.first_ends.get(self.page.section_at(a.mention.start).start, 0)
            for a in mates
        )

    @cached_property
    def named(self) -> frozenset[str]:
        """All families that the note speaks of."""
        return frozenset().union(*self.families.values())

    @cached_property
    def topics(self) -> dict[int, str]:
        """The family that a sentence of the history goes on to speak of: the only one named last in its paragraph."""
        found: dict[int, str] = {}
        for section in self.page.sections:
            if section.kind not in ("hpi", "chief_complaint", ""):
                continue
            topic, age, last = "", 0, section.body
            for n in self.page.sentences_in((section.body, section.end)):
                start, end = self.page.sentences[n]
                named = self.families.get(n, ())
                if "\n" in self.page.low[last:start]:
                    topic = ""
                if named:
                    topic, age = next(iter(named)) if len(named) == 1 else "", 0
                elif topic and age < AGE:
                    found[n] = topic
                    age += 1
                last = end
        return found

    def is_reason(self, a: Asserted) -> bool:
        start = self.page.sentences[a.mention.sentence][0]
        words = self.catalog.general["reason"]
        return bool(words.search(self.page.low, max(start, a.mention.start - NEAR), a.mention.start))

    def theme(self, number: int) -> frozenset[str]:
        """The families that a sentence of a block is about: those of the block's title, or those that it names itself.

        An assessment that names one condition only is about it, but for the other problems of a numbered list.
        """
        if number not in self.themes:
            self.read_block(number)
        return self.themes.get(number, frozenset())

    def label(self, number: int) -> str:
        """What the label of a sentence's line makes of it, "" without one."""
        if number not in self.labels:
            self.read_block(number)
        return self.labels.get(number, "")

    def judges(self, number: int) -> bool:
        """Whether a sentence behind a label like "assessment:" judges, by its words or as the first one."""
        return self.label(number) == "assess" and number in self.judging

    def directs(self, number: int) -> bool:
        """Whether a sentence asks the person for something; its label does not count."""
        start, end = self.page.sentences[number]
        label = LABEL.match(self.page.low, start, end)
        return bool(self.catalog.general["directive"].search(self.page.low, label.end() if label else start, end))

    def read_block(self, number: int) -> None:
        block = self.page.block_at(self.page.sentences[number][0])
        if block is None:
            return
        numbers = self.page.sentences_in(block)
        title = self.families.get(numbers[0], set())
        titled = 0 < len(title) < TITLE
        named = set().union(*(self.families.get(n, ()) for n in numbers))
        early = set().union(*(self.families.get(n, ()) for n in numbers[:3]))
        listed = NUMBERED.match(self.page.plain, block[0]) and not self.is_plan(block[0])
        alone = named if len(named) == 1 and (early or self.is_plan(block[0])) else () if named or listed else self.sole
        label = ""
        for n in numbers:
            start, end = self.page.sentences[n]
            self.themes[n] = frozenset(title if titled else self.families.get(n) or alone)
            if self.opens_line(start):
                m = LABEL.match(self.page.low, start, end)
                label = self.kind_of(m["name"]) if m else ""
                if label == "assess":
                    self.judging |= self.judged(n, numbers)
            self.labels[n] = label

    def is_in_item(self, number: int) -> bool:
        """Whether a sentence goes on with a numbered problem that another sentence opens."""
        block = self.page.block_at(self.page.sentences[number][0])
        opens = block and self.page.sentences_in(block)[0] == number
        return bool(block and not opens and NUMBERED.match(self.page.plain, block[0]))

    @cached_property
    def plan(self) -> dict[Span, None]:
        """The blocks of a plan that is apart from the assessment."""
        return dict.fromkeys(b for b in self.page.blocks if self.is_plan(b[0]))

    def is_plan(self, position: int) -> bool:
        """Whether a position stands in a plan that is apart from the assessment."""
        section = self.page.section_at(position)
        return bool(PLAN.match(self.page.plain, section.start)) and section.kind == "assessment_plan"

    def judged(self, first: int, numbers: range) -> set[int]:
        """The sentences of the line that begins with a sentence in which words of judgement stand; or the first."""
        found = set()
        for n in range(first, numbers.stop):
            start, end = self.page.sentences[n]
            if n > first and self.opens_line(start):
                break
            if self.catalog.general["judged"].search(self.page.low, start, end):
                found.add(n)
        return found or {first}

    def opens_line(self, start: int) -> bool:
        opening = LINE_OPENING.match(self.page.low, self.page.line_at(start), start)
        return bool(opening and opening.end() == start)

    def kind_of(self, name: str) -> str:
        for kind in ("told", "assess", "treat", "monitor"):
            if self.catalog.general[f"label_{kind}"].search(name):
                return kind
        return ""

    # ---------------------------------------------------------------------------------------- words of no condition

    def said(self, number: int, prefix: str = "") -> tuple[Evidence, ...]:
        """What a sentence says in the general words of a letter: those of a plan or, with "told_", of a history."""
        if (number, prefix) not in self.general:
            self.general[number, prefix] = tuple(
                Evidence(letter, start, end, f"context/general.{prefix}{letter}")
                for letter in (Meat.MONITOR, Meat.ASSESS, Meat.TREAT)
                for start, end in self.page.spans_in(self.catalog.general.get(prefix + letter), number)
                if self.counts(letter, number, start, end)
            )
        return self.general[number, prefix]

    def counts(self, letter: Meat, number: int, first: int, last: int) -> bool:
        """Whether a general word speaks of the condition: not of the vital signs, and not of what may be."""
        start, end = self.page.sentences[number]
        if letter is Meat.MONITOR and self.catalog.general["other_aim"].search(self.page.low, last, end):
            return False
        if letter is Meat.ASSESS:
            return not self.catalog.general["not_assess"].search(
                self.page.low, max(start, first - 50), min(end, last + 30)
            )
        return not self.is_open(start, end, first)

    def is_open(self, start: int, end: int, first: int) -> bool:
        """Whether what stands at `first` is only considered, denied or made to depend on something."""
        return bool(self.catalog.general["open"].search(self.page.low, max(start, first - 60), first))

    def is_ordered(self, start: int, end: int, first: int, last: int) -> bool:
        """Whether a test is to be done: words of ordering stand around it and no value or result behind it."""
        low = self.page.low
        if VALUE.search(low[last : min(end, last + 15)]):
            return False
        before = low[max(start, first - 100) : first]
        result = self.catalog.general["result"].search(low, last, min(end, last + 30))
        if result and not UNSURE.search(before):
            return False
        return bool(self.catalog.general["order"].search(before + " " + low[first : min(end, last + 40)]))

    def has_result(self, start: int, end: int, e: Evidence) -> bool:
        near = self.page.low[e.end : min(end, e.end + 60)]
        return bool(
            VALUE.search(near[:45])
            or WITH.match(near)
            or self.catalog.general["result"].search(self.page.low, start, end)
        )
