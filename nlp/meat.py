"""Stage 4: MEAT. What the note monitors, evaluates, assesses and treats, bound to a condition.

Words bind by closeness: the mention's sentence, then its problem block in the assessment, then (only for what belongs
to the family alone: its own drugs, its labs) the rest of the note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from nlp.assertion import SILENT, Asserted, Sentences
from nlp.catalog import Catalog, Family, Words
from nlp.findings import Evidence, Meat
from nlp.sections import Page

LIMIT = 12
"""Most spans of one letter that a finding carries: the decisive ones come first, a screen shows no more."""


class Witness:
    """Evidence of one family in one note."""

    def __init__(self, page: Page, sentences: Sentences, catalog: Catalog, family: Family) -> None:
        self.page, self.sentences, self.catalog, self.family = page, sentences, catalog, family
        self.by_sentence: dict[int, tuple[Evidence, ...]] = {}
        self.by_block: dict[tuple[int, int], bool] = {}

    @cached_property
    def own_drugs(self) -> tuple[Evidence, ...]:
        """Current treatment with what fits only this family, anywhere in the note."""
        if not self.family.drugs:
            return ()
        found = []
        for m in self.family.drugs.finditer(self.page.low):
            number = self.page.sentence_at(m.start())
            if self.page.section_at(m.start()).kind in SILENT or self.is_off(number, m.start(), m.end()):
                continue
            found.append(Evidence(Meat.TREAT, m.start(), m.end(), f"{self.family.name}/meat.drugs"))
            if len(found) == LIMIT:
                break
        return tuple(found)

    def is_off(self, number: int, start: int, end: int) -> bool:
        """Whether a drug is denied, stopped, a cause of allergy, or only considered."""
        if self.sentences.denied(number, start, end):
            return True
        a, b = self.page.sentences[number]
        near = self.page.low[max(a, start - 40) : min(b, end + 30)]
        return bool(self.catalog.general["stopped"].search(near))

    def near(self, asserted: Sequence[Asserted]) -> Iterator[Evidence]:
        """Evidence in the sentences of some mentions and, in an assessment, in their blocks; each sentence once."""
        numbers: dict[int, None] = dict.fromkeys(a.mention.sentence for a in asserted)
        blocks = dict.fromkeys(b for a in asserted if (b := self.page.block_at(a.mention.start)))
        for block in blocks:
            numbers |= dict.fromkeys(self.page.sentences_in(block))
        for number in numbers:
            yield from self.in_sentence(number)

    def is_near(self, a: Asserted) -> bool:
        """Whether evidence of the family itself (not only general words) stands in a mention's sentence or block."""
        if any(e.rule.startswith(self.family.name + "/") for e in self.in_sentence(a.mention.sentence)):
            return True
        block = self.page.block_at(a.mention.start)
        if block and block not in self.by_block:
            self.by_block[block] = any(
                e.rule.startswith(self.family.name + "/")
                for n in self.page.sentences_in(block)
                for e in self.in_sentence(n)
            )
        return bool(block and self.by_block[block])

    def in_sentence(self, number: int) -> tuple[Evidence, ...]:
        if number not in self.by_sentence:
            self.by_sentence[number] = tuple(self.scan(number, *self.page.sentences[number]))
        return self.by_sentence[number]

    def scan(self, number: int, start: int, end: int) -> Iterator[Evidence]:
        low, name = self.page.low, self.family.name
        for field, pattern in (("drugs", self.family.drugs), ("shared_drugs", self.family.shared_drugs)):
            for m in each(pattern, low, start, end):
                if not self.is_off(number, m.start(), m.end()):
                    yield Evidence(Meat.TREAT, m.start(), m.end(), f"{name}/meat.{field}")
        for m in each(self.family.labs, low, start, end):
            letter = Meat.MONITOR if self.is_ordered(start, end, m) else Meat.EVALUATE
            yield Evidence(letter, m.start(), m.end(), f"{name}/meat.labs")
        for letter_name, pattern in self.family.cues:
            for m in each(pattern, low, start, end):
                yield Evidence(Meat(letter_name), m.start(), m.end(), f"{name}/meat.{letter_name}")
        for letter in Meat:
            for m in each(self.catalog.general.get(letter), low, start, end):
                yield Evidence(letter, m.start(), m.end(), f"context/general.{letter}")

    def is_ordered(self, start: int, end: int, m: re.Match[str]) -> bool:
        """A lab that is to be done monitors; a lab with a result evaluates."""
        near = self.page.low[max(start, m.start() - 50) : min(end, m.end() + 40)]
        return bool(self.catalog.general["order"].search(near)) and not re.search(
            r"\d", self.page.low[m.end() : min(end, m.end() + 15)]
        )

    def elsewhere(self) -> Iterator[Evidence]:
        """Results and findings of the family in the rest of the note: its labs and its own words."""
        for section in self.page.sections:
            if section.kind in ("results", "exam", "vitals", "hpi", "", "hospital_course", "assessment_plan"):
                for m in each(self.family.labs, self.page.low, section.body, section.end):
                    number = self.page.sentence_at(m.start())
                    letter = Meat.MONITOR if self.is_ordered(*self.page.sentences[number], m) else Meat.EVALUATE
                    yield Evidence(letter, m.start(), m.end(), f"{self.family.name}/meat.labs")
                for letter_name, pattern in self.family.cues:
                    for m in each(pattern, self.page.low, section.body, section.end):
                        yield Evidence(Meat(letter_name), m.start(), m.end(), f"{self.family.name}/meat.{letter_name}")


def each(pattern: Words | None, text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return pattern.finditer(text, start, end) if pattern else iter(())


def chosen(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first LIMIT spans of each letter without repeats or overlaps, in text order."""
    spans: dict[Meat, list[Evidence]] = {letter: [] for letter in Meat}
    for e in evidence:
        have = spans[e.letter]
        if len(have) < LIMIT and all(e.end <= x.start or e.start >= x.end for x in have):
            have.append(e)
    return tuple(sorted((e for have in spans.values() for e in have), key=lambda e: (e.start, e.end, str(e.letter))))
