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
from nlp.findings import Evidence, Meat, Span
from nlp.sections import Page

LIMIT = 5
"""Most spans of one letter that a finding carries: the decisive ones come first, a screen shows no more."""
SHARED = 2
"""Most drugs of several uses that are shown for a condition whose own treatment the note does not name."""
SENTENCE = 320
"""Characters of a sentence that is quoted whole; from a longer one a clause is quoted."""
NO_LAB = re.compile(r"[ -](?:deficien|rich|diet|food|supplement|replacement|chloride \d+ ?meq|sparing|binder)")
CLAUSE = re.compile(r";|, | and (?=\w)|\n(?=[ ]*[-*•])|: |\. ")
"""Where a clause of a long sentence may begin or end."""


class Witness:
    """Evidence of one family in one note."""

    def __init__(self, page: Page, sentences: Sentences, catalog: Catalog, family: Family) -> None:
        self.page, self.sentences, self.catalog, self.family = page, sentences, catalog, family
        self.by_sentence: dict[int, tuple[Evidence, ...]] = {}
        self.by_block: dict[tuple[int, int], bool] = {}

    @cached_property
    def own_drugs(self) -> tuple[Evidence, ...]:
        """Current treatment with what fits only this family, anywhere in the note: each drug once, the plan first."""
        if not self.family.drugs:
            return ()
        found: dict[str, tuple[int, Evidence]] = {}
        for m in self.family.drugs.finditer(self.page.low):
            section = self.page.section_at(m.start()).kind
            rank = 0 if section in self.sentences.assessment else 2 if section == "medications" else 1
            if section in SILENT or (m.group() in found and found[m.group()][0] <= rank):
                continue
            if not self.is_off(self.page.sentence_at(m.start()), m.start(), m.end()):
                found[m.group()] = rank, Evidence(Meat.TREAT, m.start(), m.end(), f"{self.family.name}/meat.drugs")
                if len(found) == 2 * LIMIT:
                    break
        return tuple(e for _, e in sorted(found.values(), key=lambda x: (x[0], x[1].start)))

    @cached_property
    def shared_drugs_elsewhere(self) -> tuple[Evidence, ...]:
        """Drugs that are given for this among other things, for a condition that is supported without them."""
        found: dict[str, Evidence] = {}
        for m in each(self.family.shared_drugs, self.page.low, 0, len(self.page.low)):
            if m.group() in found or self.page.section_at(m.start()).kind in SILENT:
                continue
            if not self.is_off(self.page.sentence_at(m.start()), m.start(), m.end()):
                found[m.group()] = Evidence(Meat.TREAT, m.start(), m.end(), f"{self.family.name}/meat.shared_drugs")
                if len(found) == SHARED:
                    break
        return tuple(found.values())

    def is_off(self, number: int, start: int, end: int) -> bool:
        """Whether a drug is denied, stopped, a cause of allergy, or only considered."""
        if self.sentences.denied(number, start, end):
            return True
        a, b = self.page.sentences[number]
        near = self.page.low[max(a, start - 40) : min(b, end + 30)]
        return bool(self.catalog.general["stopped"].search(near))

    def near(self, asserted: Sequence[Asserted]) -> Iterator[Evidence]:
        """Evidence in the sentences of some mentions and, in an assessment, in their blocks; each sentence once.

        In the sentence of a mention every word of evidence speaks of it. In the rest of its block the general words
        count beside evidence of the family itself, or where they speak of the whole regimen or of the next visit.
        """
        own = dict.fromkeys(a.mention.sentence for a in asserted)
        for number in own:
            yield from self.in_sentence(number)
        for block in dict.fromkeys(b for a in asserted if (b := self.page.block_at(a.mention.start))):
            for number in self.page.sentences_in(block):
                if number in own:
                    continue
                found = self.in_sentence(number)
                if any(e.rule.startswith(self.family.name + "/") for e in found):
                    yield from found
                else:
                    yield from self.of_the_block(number)

    def of_the_block(self, number: int) -> Iterator[Evidence]:
        for letter in (Meat.MONITOR, Meat.ASSESS, Meat.TREAT):
            for m in each(self.catalog.general.get(f"block_{letter}"), self.page.low, *self.page.sentences[number]):
                yield Evidence(letter, m.start(), m.end(), f"context/general.block_{letter}")

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
        for m in self.lab_values(start, end):
            letter = Meat.MONITOR if self.is_ordered(start, end, m) else Meat.EVALUATE
            yield Evidence(letter, m.start(), m.end(), f"{name}/meat.labs")
        for letter_name, pattern in self.family.cues:
            for m in each(pattern, low, start, end):
                yield Evidence(Meat(letter_name), m.start(), m.end(), f"{name}/meat.{letter_name}")
        for letter in Meat:
            for m in each(self.catalog.general.get(letter), low, start, end):
                yield Evidence(letter, m.start(), m.end(), f"context/general.{letter}")

    def lab_values(self, start: int, end: int) -> Iterator[re.Match[str]]:
        """The family's labs, where the word is no food, drug or lack of the substance."""
        for m in each(self.family.labs, self.page.low, start, end):
            if not NO_LAB.match(self.page.low, m.end()) and not self.page.low.startswith("high", m.start() - 5):
                yield m

    def is_result(self, e: Evidence) -> bool:
        """Whether a span is a lab of the family with its value."""
        after = self.page.low[e.end : e.end + 25]
        return e.letter is Meat.EVALUATE and e.rule.endswith("/meat.labs") and bool(re.search(r"\d", after))

    def is_ordered(self, start: int, end: int, m: re.Match[str]) -> bool:
        """A lab that is to be done monitors; a lab with a result evaluates."""
        near = self.page.low[max(start, m.start() - 50) : min(end, m.end() + 40)]
        return bool(self.catalog.general["order"].search(near)) and not re.search(
            r"\d", self.page.low[m.end() : min(end, m.end() + 15)]
        )

    def elsewhere(self) -> Iterator[Evidence]:
        """Results and findings of the family in the rest of the note: its labs and what examinations showed."""
        evaluations = [pattern for letter, pattern in self.family.cues if letter == Meat.EVALUATE]
        for section in self.page.sections:
            if section.kind in ("results", "exam", "vitals", "hpi", "", "hospital_course", "assessment_plan"):
                for m in self.lab_values(section.body, section.end):
                    number = self.page.sentence_at(m.start())
                    letter = Meat.MONITOR if self.is_ordered(*self.page.sentences[number], m) else Meat.EVALUATE
                    yield Evidence(letter, m.start(), m.end(), f"{self.family.name}/meat.labs")
                for pattern in evaluations:
                    for m in each(pattern, self.page.low, section.body, section.end):
                        yield Evidence(Meat.EVALUATE, m.start(), m.end(), f"{self.family.name}/meat.evaluate")


def each(pattern: Words | None, text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return pattern.finditer(text, start, end) if pattern else iter(())


def chosen(page: Page, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first LIMIT phrases of each letter, in text order.

    The words of one letter in a sentence are shown as one phrase, the sentence or its clause: a coder quotes "continue
    furosemide 40 mg daily", not three words of it.
    """
    groups: dict[tuple[Meat, Span], list[Evidence]] = {}
    for e in evidence:
        groups.setdefault((e.letter, phrase(page, e)), []).append(e)
    kept: dict[Meat, list[Evidence]] = {letter: [] for letter in Meat}
    # A bare heading says less than the words on its state below it.
    states = {page.block_at(k[1][0]) for k, v in groups.items() if k[0] is Meat.ASSESS and not is_heading(v)}
    groups = {k: v for k, v in groups.items() if not (is_heading(v) and page.block_at(k[1][0]) in states - {None})}
    for (letter, (start, end)), words in groups.items():
        if len(kept[letter]) < LIMIT:
            rule = min(words, key=lambda e: e.rule.startswith("context/")).rule
            kept[letter].append(Evidence(letter, start, end, rule))
    return tuple(sorted((e for have in kept.values() for e in have), key=lambda e: (e.start, e.end, str(e.letter))))


def is_heading(words: Sequence[Evidence]) -> bool:
    return len(words) == 1 and words[0].rule.endswith("/listed")


def phrase(page: Page, e: Evidence) -> Span:
    """The sentence around a word of evidence or, in a long one, its clause."""
    start, end = page.sentences[page.sentence_at(e.start)]
    end = max(end, e.end)
    if end - start > SENTENCE:
        cuts = [m.span() for m in CLAUSE.finditer(page.low, start, end)]
        end = min((a for a, _ in cuts if a >= e.end), default=end)
        start = max((b for _, b in cuts if b <= e.start), default=start)
    return start, end
