"""Stage 4: MEAT. What the note monitors, evaluates, assesses and treats, bound to a condition.

Words bind by what a sentence is about: the mention's own sentence, then the problem of the assessment that the mention
opens, then (only for what belongs to the family alone: its drugs, its labs, what an examination shows of it) the rest
of the note.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

from nlp.assertion import AT_ADMISSION, SILENT, Asserted, Sentences
from nlp.catalog import Catalog
from nlp.families import Family
from nlp.findings import Evidence, Meat, Span
from nlp.outline import NEAR, TITLE, VALUE, Outline
from nlp.sections import Page

DRUGS = ("drugs", "shared_drugs")
LIMITS = {Meat.MONITOR: 4, Meat.EVALUATE: 5, Meat.ASSESS: 3, Meat.TREAT: 7}
"""Most spans of a letter that a finding carries: the decisive ones come first."""
LIMIT = max(LIMITS.values())
PARTNER = {Meat.MONITOR: 2, Meat.EVALUATE: 2, Meat.ASSESS: 1, Meat.TREAT: 2}
"""As many of each letter does a second condition give to the code of a combination."""
SENTENCE = 320
"""Characters of a sentence that is quoted whole; from a longer one a clause is quoted."""
PLACES = ("exam", "vitals", "results", "", "hospital_course", "assessment_plan")
"""Sections where findings and results of a condition are looked for, whether or not it is named beside them."""
SHOWN = ("exam", "vitals", "results")
"""Sections that tell what was found."""
HISTORY = ("hpi", "chief_complaint")
"""Sections that tell why the person comes."""
TOLD = (*HISTORY, "procedure")
"""Sections that tell what came before."""
COURSE = ("hospital_course", "instructions", "follow_up")
"""Sections that tell what was done during a stay and what is to be done after it."""
PLANNED = ("assessment_plan", "instructions", "follow_up")
"""Sections that tell what is done now."""
OPENING = 20
"""Characters before the name of a condition with which a sentence still begins: a number, a side, "Chronic"."""
HEADING = 60
"""Most characters of a bare heading."""
NO_LAB = re.compile(r"[ -](?:deficien|rich|diet|food|supplement|replacement|chloride \d+ ?meq|sparing|binder)")
RICH_IN = re.compile(r"(?:\bhigh|(?:high|higher|rich|low|lower) in )[ -]?$")
CLAUSE = re.compile(r";|, | and (?=\w)|\n(?=[ ]*[-*•])|: |\. ")
"""Where a clause of a long sentence may begin or end."""
NORMAL = re.compile(r"\b(?:no|not|without|negative|normal|clear|denies|none|absent|intact|unremarkable)\b")
"""Beside a finding: it is a normal one, which says less than an abnormal one."""
LEVEL = re.compile(r"[ -](?:levels?|toxicity)\b")
"""Behind a drug: what is measured of it, or its harm."""
DOSE = re.compile(r"[a-z ,(-]{0,12}\d")
"""Behind a drug: how much of it."""
SPECIALIST = re.compile(r"olog(?:y|ist)|surgeon|clinic|psychiatr|therapist|counsel")
OPERATION = re.compile(
    r"(?:title of |name of |operative )?(?:procedures?|operations?|surgery)(?: and procedures?)?(?: performed)?[ :]*$"
)
"""The heading above what was done."""
OPERATIONS = 400
"""Most characters of a list of operations; what is longer tells how they were done."""
BETWEEN = re.compile(r"[ ;,.:]*")
"""What may stand between two quotes that are one passage: no word and no new line."""


class Witness:
    """Evidence of one family in one note."""

    def __init__(
        self,
        page: Page,
        sentences: Sentences,
        catalog: Catalog,
        family: Family,
        outline: Outline,
        named: Sequence[Family] = (),
    ) -> None:
        """named: the families that the note names as present, past or possible."""
        self.page, self.sentences, self.catalog, self.family = page, sentences, catalog, family
        self.outline, self.named = outline, named
        self.seen = False
        """Whether the examination or a result names the condition; for whoever weighs its mentions to say."""
        cues = dict(family.cues)
        self.patterns = {"drugs": family.drugs, "shared_drugs": family.shared_drugs, "labs": family.labs, **cues}
        """By the field of the condition file, in this order."""
        self.spans: dict[int, list[Span]] = {}
        """By sentence the mentions of the condition whose evidence is gathered: its name says nothing more of it."""
        self.evidence_in: dict[int, tuple[Evidence, ...]] = {}
        self.by_block: dict[tuple[int, int], bool] = {}
        self.words: dict[str, Sequence[Span]] = {}
        """By field where its words stand in the note."""

    # ------------------------------------------------------------------------------------- words, whatever they mean

    def places(self, field: str, start: int = 0, end: int = sys.maxsize) -> Sequence[Span]:
        """Where the words of a field stand between two borders of sentences.

        Labs where the word is no food, drug or lack of the substance, cues where it is not the heading of an organ.
        """
        found = self.words.get(field)
        if found is None:
            is_other = self.is_substance if field == "labs" else self.is_organ
            spans = self.page.spans(self.patterns.get(field))
            found = self.words[field] = [span for span in spans if not is_other(span)]
        if not found or (start == 0 and end == sys.maxsize):
            return found
        return found[bisect_left(found, (start,)) : bisect_left(found, (end,))]

    def is_substance(self, span: Span) -> bool:
        """Whether the name of a lab is that of a food, a drug or the lack of a substance."""
        low = self.page.low
        return bool(NO_LAB.match(low, span[1]) or RICH_IN.search(low, span[0] - 12, span[0]))

    def is_organ(self, span: Span) -> bool:
        """Whether a word of evaluation is only the heading of an organ in an examination: "Heart:"."""
        return self.page.low.startswith(":", span[1] - 1)

    @cached_property
    def by_sentence(self) -> dict[int, list[tuple[str, Span]]]:
        """The words of the family in each sentence, with their fields."""
        found: dict[int, list[tuple[str, Span]]] = {}
        for field in self.patterns:
            for span in self.places(field):
                found.setdefault(self.page.sentence_at(span[0]), []).append((field, span))
        return found

    def rule(self, field: str) -> str:
        return f"{self.family.name}/meat.{field}"

    @cached_property
    def drugs(self) -> dict[int, list[Evidence]]:
        """Where a current drug that fits only this family stands, by sentence."""
        found: dict[int, list[Evidence]] = {}
        for e in self.given("drugs"):
            found.setdefault(self.page.sentence_at(e.start), []).append(e)
        return found

    def given(self, field: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Evidence]:
        """The drugs of a field between two borders of sentences that are current."""
        for span in self.places(field, start, end):
            if not self.is_off(self.page.sentence_at(span[0]), *span):
                yield Evidence(Meat.TREAT, *span, self.rule(field))

    @cached_property
    def own_drugs(self) -> tuple[Evidence, ...]:
        """Current treatment with what fits only this family, anywhere in the note."""
        return self.each_drug(e for found_here in self.drugs.values() for e in found_here)

    @cached_property
    def shared_drugs(self) -> tuple[Evidence, ...]:
        """Current drugs of several uses, anywhere in the note."""
        return self.each_drug(self.given("shared_drugs"))

    def each_drug(self, given: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """Each drug once, the plan first. One that is named without a dose is shown where its dose stands as well."""
        found: dict[tuple[str, bool], tuple[int, Evidence]] = {}
        for e in given:
            section = self.page.section_at(e.start).kind
            rank = 0 if section in self.sentences.assessment else 2 if section == "medications" else 1
            key = self.page.low[e.start : e.end], bool(DOSE.match(self.page.low, e.end))
            if section not in SILENT and (key not in found or found[key][0] > rank):
                found[key] = rank, e
        for drug, dosed in list(found):
            if not dosed and (drug, True) in found and found[drug, True][0] <= found[drug, False][0]:
                del found[drug, False]
        return tuple(e for _, e in sorted(found.values(), key=lambda x: (x[0], x[1].start)))

    @cached_property
    def telling_drugs(self) -> tuple[Evidence, ...]:
        """Drugs of several uses that nothing else in the note takes: digoxin beside atrial fibrillation alone."""
        mine = self.family.shared_drugs
        return tuple(
            Evidence(Meat.TREAT, start, end, self.rule("shared_drugs"))
            for start, end in self.outline.telling_drugs
            if mine
            and mine.search(word := self.page.low[start:end])
            and not self.taken(word)
            and self.page.section_at(start).kind not in SILENT
            and not self.is_off(self.page.sentence_at(start), start, end)
        )

    @cached_property
    def has_sign(self) -> bool:
        """Whether the note tells of what only the condition makes: an irregularly irregular rhythm."""
        return any(
            self.page.section_at(start).kind not in SILENT
            and not self.sentences.denied(self.page.sentence_at(start), start, end)
            for start, end in self.page.spans(self.family.signs)
        )

    def taken(self, drug: str) -> bool:
        """Whether a drug is one for another condition that the note names, but for one that yields or lends to this."""
        mine = self.family.name
        others = (f for f in self.named if f.name != mine and mine not in (*f.yields_to, *f.lends_to))
        return any(p and p.search(drug) for f in others for p in (f.drugs, f.shared_drugs))

    def is_off(self, number: int, start: int, end: int) -> bool:
        """Whether a drug is denied, stopped, a cause of allergy or harm, only measured, or only considered."""
        if LEVEL.match(self.page.low, end) or self.sentences.denied(number, start, end):
            return True
        a, b = self.page.sentences[number]
        return bool(self.catalog.general["stopped"].search(self.page.low, max(a, start - 40), min(b, end + 30)))

    def is_near(self, a: Asserted) -> bool:
        """Whether evidence of the family itself (not only general words) stands in a mention's sentence or block."""
        if any(self.is_own(e) for e in self.in_sentence(a.mention.sentence)):
            return True
        block = self.page.block_at(a.mention.start)
        if block and block not in self.by_block:
            self.by_block[block] = any(
                self.is_own(e) for n in self.page.sentences_in(block) for e in self.in_sentence(n)
            )
        return bool(block and self.by_block[block])

    def is_treated_in(self, number: int) -> bool:
        """Whether a sentence names a treatment, of the family or in general words."""
        if any(e.letter is Meat.TREAT for e in self.in_sentence(number)):
            return True
        return bool(self.catalog.general["treat"].search(self.page.low, *self.page.sentences[number]))

    def is_own(self, e: Evidence) -> bool:
        return e.rule.startswith(self.family.name + "/")

    def in_sentence(self, number: int) -> tuple[Evidence, ...]:
        """What the words of the family say in a sentence, whatever stands around it."""
        if number not in self.evidence_in:
            self.evidence_in[number] = tuple(self.read(number)) if number in self.by_sentence else ()
        return self.evidence_in[number]

    def read(self, number: int) -> Iterator[Evidence]:
        start, end = self.page.sentences[number]
        for field, span in self.by_sentence[number]:
            if field in DRUGS:
                if self.is_off(number, *span):
                    continue
                letter = Meat.TREAT
            elif field == "labs":
                letter = Meat.MONITOR if self.outline.is_ordered(start, end, *span) else Meat.EVALUATE
            else:
                letter = Meat(field)
            yield Evidence(letter, *span, self.rule(field))

    def is_result(self, e: Evidence) -> bool:
        """Whether a span is a lab of the family with its value."""
        after = self.page.low[e.end : e.end + 25]
        return e.letter is Meat.EVALUATE and e.rule.endswith("/meat.labs") and bool(re.search(r"\d", after))

    # ------------------------------------------------------------------------------------------ what binds, in order

    def evidence(self, mates: Sequence[Asserted], others: Sequence[Asserted]) -> Iterator[Evidence]:
        """Evidence for the condition of some mentions, the decisive first.

        Its problem in the assessment, the sentences that name it, its own treatment, examinations and results; then
        what the note says of all its conditions.
        """
        self.spans = {}
        for a in (*mates, *others):
            self.spans.setdefault(a.mention.sentence, []).append((a.mention.start, a.mention.end))
        given: set[Meat] = set()
        planned: set[Meat] = set()  # of these, what the plan has something for: as treatment, a drug

        def noted(source: Iterable[Evidence]) -> Iterator[Evidence]:
            for e in source:
                given.add(e.letter)
                if self.is_planned(e) and (e.letter is not Meat.TREAT or e.rule.endswith("drugs")):
                    planned.add(e.letter)
                yield e

        yield from noted(self.near(mates, others))
        yield from noted(self.operations(self.outline.is_led_by([a for a in mates if not self.is_crowded(a)])))
        yield from noted(self.treatment(Meat.TREAT in planned))
        yield from noted(self.told_next())
        yield from noted(self.course())
        yield from noted(self.elsewhere())
        yield from noted(self.of_all(planned))
        yield from self.told_results(Meat.EVALUATE in given)
        if Meat.MONITOR not in planned:
            yield from self.coming_back(PLANNED if self.outline.is_led_by(mates) else COURSE)
        if Meat.MONITOR not in given:
            yield from self.followed()
        if Meat.TREAT not in given:
            yield from self.told_treatment()
        if Meat.ASSESS not in given:
            yield from self.called((*mates, *others))
        if not given and mates[0].mention.term.kind == "status":
            m = mates[0].mention
            yield Evidence(Meat.ASSESS, m.start, m.end, f"{self.family.name}/status")

    def is_planned(self, e: Evidence) -> bool:
        return self.page.section_at(e.start).kind in PLANNED

    def near(self, mates: Sequence[Asserted], others: Sequence[Asserted]) -> Iterator[Evidence]:
        listed = [a for a in mates if a.mention.section in self.sentences.assessment]
        titles = [a for a in listed if self.is_title(a)]
        stated = sorted(listed, key=lambda a: (not self.opens_sentence(a), self.is_at_admission(a)))
        for a in titles or stated[:1]:
            yield Evidence(Meat.ASSESS, a.mention.start, a.mention.end, f"{self.family.name}/listed")
        theirs = self.blocks_of(listed)
        own = self.blocks_of(titles) or theirs
        if self.family.name in self.outline.sole:
            own = own | dict.fromkeys(b for b in self.page.blocks if b not in theirs)
        plan = self.outline.plan if listed else {}
        mine = own | plan
        named = dict.fromkeys(a.mention.sentence for a in listed)
        for number in named:
            yield from self.bound(number, self.page.block_at(self.page.sentences[number][0]) in mine)
        for block in own | theirs | plan:
            for number in self.page.sentences_in(block):
                about = self.outline.theme(number)
                if number not in named and (block not in plan or not about or self.family.name in about):
                    yield from self.bound(number, block in mine)
        for number, families in self.outline.families.items():
            start, end = self.page.sentences[number]
            if self.family.name in families and (self.page.section_at(start).kind in SHOWN or self.is_found(number)):
                yield Evidence(Meat.EVALUATE, start, end, f"{self.family.name}/shown")
        told = [a for a in (*mates, *others) if a.mention.section not in self.sentences.assessment]
        for number in dict.fromkeys(a.mention.sentence for a in told if a.mention.section not in SILENT):
            for e in self.of_narrative(number):
                if not (listed and e.letter is Meat.ASSESS):
                    yield e

    def blocks_of(self, mentions: Sequence[Asserted]) -> dict[Span, None]:
        return dict.fromkeys(b for a in mentions if (b := self.page.block_at(a.mention.start)))

    def is_found(self, number: int) -> bool:
        """Whether a sentence tells of a test or a finding that shows the condition."""
        if len(self.outline.families.get(number, ())) >= TITLE:
            return False
        start, found = self.page.sentences[number][0], self.catalog.general["found"]
        return any(found.search(self.page.low, max(start, at - NEAR), at) for at, _ in self.spans.get(number, ()))

    def told_next(self) -> Iterator[Evidence]:
        """What the history goes on to tell of the condition behind its name, in words of its own."""
        for number, topic in self.outline.topics.items():
            if topic == self.family.name:
                for e in self.of_narrative(number):
                    if self.is_own(e) and e.letter is Meat.MONITOR:
                        yield e

    def opens_sentence(self, a: Asserted) -> bool:
        """Whether a sentence of the assessment begins with the condition, as a diagnosis does."""
        return a.mention.start - self.page.sentences[a.mention.sentence][0] < OPENING

    def is_at_admission(self, a: Asserted) -> bool:
        """Whether a diagnosis is that of the beginning, before the stay or the operation showed what it is."""
        section = self.page.section_at(a.mention.start)
        return bool(AT_ADMISSION.search(self.page.low, section.start, section.body))

    def is_title(self, a: Asserted) -> bool:
        """Whether a mention opens a problem of the assessment."""
        block = self.page.block_at(a.mention.start)
        return bool(block and self.page.sentence_at(block[0]) == a.mention.sentence and not self.is_crowded(a))

    def is_crowded(self, a: Asserted) -> bool:
        """Whether the sentence of a mention names so many conditions that it sums the patient up."""
        return len(self.outline.families.get(a.mention.sentence, ())) >= TITLE

    def bound(self, number: int, is_own: bool) -> Iterator[Evidence]:
        """The evidence of a sentence in the condition's own block of the assessment."""
        label = self.outline.label(number)
        start, end = self.page.sentences[number]
        for e in self.in_sentence(number):
            letter = self.letter_of(e, number, label)
            if letter:
                yield Evidence(letter, e.start, e.end, e.rule)
        theme = self.outline.theme(number)
        if not is_own or (self.family.name not in theme and (theme or not self.in_sentence(number))):
            return
        if self.outline.judges(number):
            yield Evidence(Meat.ASSESS, start, end, "context/general.label_assess")
        if label == "told" and not self.outline.directs(number):
            return
        yield from (e for e in self.outline.said(number) if label != "told" or e.letter is not Meat.ASSESS)

    def letter_of(self, e: Evidence, number: int, label: str) -> Meat | None:
        """The letter of a word of the family in its sentence: a test to come monitors, one without result neither."""
        start, end = self.page.sentences[number]
        if label == "told" and not self.outline.directs(number):
            return None
        if e.letter in (Meat.MONITOR, Meat.EVALUATE) and self.is_name(e, number):
            return None
        if e.letter is Meat.EVALUATE and self.catalog.general["undone"].search(
            self.page.low, e.end, min(end, e.end + 40)
        ):
            return None
        if e.letter is Meat.EVALUATE or e.rule.endswith("/meat.labs"):
            shown = self.page.section_at(e.start).kind in SHOWN
            if not shown and self.outline.is_ordered(start, end, e.start, e.end):
                return None if self.catalog.general["other_aim"].search(self.page.low, e.end, end) else Meat.MONITOR
            if label == "told":
                return None
            if e.rule.endswith("/meat.labs") or self.catalog.general["test"].search(self.page.low, e.start, e.end):
                if self.outline.has_result(start, end, e):
                    return Meat.EVALUATE
                return Meat.MONITOR if e.rule.endswith("/meat.labs") and self.outline.is_plan(start) else None
            return Meat.EVALUATE
        if e.letter is Meat.ASSESS and not self.outline.counts(Meat.ASSESS, number, e.start, e.end):
            return None
        words = "open" if e.letter is Meat.TREAT and "drugs" not in e.rule else "maybe"
        if self.catalog.general[words].search(self.page.low, max(start, e.start - 60), e.start):
            return None
        return e.letter

    def is_name(self, e: Evidence, number: int) -> bool:
        return any(a <= e.start and e.end <= b for a, b in self.spans.get(number, ()))

    def of_narrative(self, number: int) -> Iterator[Evidence]:
        """The evidence of a sentence outside the assessment that names the condition.

        What a history tells of past treatment is for `told_treatment`, where nothing else treats.
        """
        start = self.page.sentences[number][0]
        crowded = len(self.outline.families.get(number, ())) >= TITLE
        is_history = self.page.section_at(start).kind in HISTORY
        for e in self.in_sentence(number):
            letter = self.letter_of(e, number, "")
            if crowded and not e.rule.endswith("/meat.drugs"):
                continue
            if e.rule.endswith("/meat.treat") and (
                is_history or not self.catalog.general["given"].search(self.page.low, max(start, e.start - 30), e.start)
            ):
                continue
            if letter:
                yield Evidence(letter, e.start, e.end, e.rule)
        if not crowded:
            yield from self.outline.said(number, "told_")

    def treatment(self, is_treated: bool) -> Iterator[Evidence]:
        """Its own drugs and, of those of several uses, the ones that no other condition of the note accounts for.

        Without a drug of its own, also the ones that others share. Where the plan treats it, only the plan is asked.
        """
        yield from self.own_drugs
        claims = [(self.claim(e), e) for e in self.shared_drugs if not is_treated or self.is_planned(e)]
        least = 0 if self.own_drugs else min((c for c, _ in claims), default=2)
        yield from (e for c, e in claims if c == least < 2)

    def course(self) -> Iterator[Evidence]:
        """What was done for the condition during a stay, and what the person is sent home with."""
        for e in self.found(Meat.TREAT, COURSE):
            number = self.page.sentence_at(e.start)
            if self.letter_of(e, number, self.outline.label(number)):
                yield e
        for start, end in self.page.bodies(COURSE):
            shared = (e for e in self.given("shared_drugs", start, end) if self.claim(e) < 2)
            for e in (*self.given("drugs", start, end), *shared):
                number = self.page.sentence_at(e.start)
                if self.letter_of(e, number, self.outline.label(number)):
                    yield e

    def found(self, letter: Meat, kinds: Collection[str]) -> Iterator[Evidence]:
        """The family's cues of a letter in sections of some kinds."""
        for start, end in self.page.bodies(kinds):
            for span in self.places(letter, start, end):
                yield Evidence(letter, *span, self.rule(letter))

    def claim(self, e: Evidence) -> int:
        """How another condition that the note names accounts for a drug: 2 as its own, 1 as one of several, 0 not."""
        claims = [0]
        for name in self.outline.named - {self.family.name}:
            family = self.catalog.families[name]
            if family.drugs and family.drugs.search(self.page.low, e.start, e.end):
                return 2
            claims.append(bool(family.shared_drugs and family.shared_drugs.search(self.page.low, e.start, e.end)))
        return max(claims)

    def elsewhere(self) -> Iterator[Evidence]:
        """What examinations and results show of the family in the rest of the note, each measure once."""
        seen: set[tuple[Meat, str, bool]] = set()

        def is_new(e: Evidence, is_normal: bool) -> bool:
            known = len(seen)
            seen.add((e.letter, self.page.low[e.start : e.end], is_normal))
            return len(seen) > known

        normal: list[Evidence] = []
        organs: list[Evidence] = []
        is_shown = False
        for start, end in self.page.bodies(PLACES):
            for span in self.page.spans(self.patterns.get(Meat.EVALUATE), start, end):
                e, is_normal = self.measure(Meat.EVALUATE, span)
                if e and is_new(e, is_normal):
                    if self.is_organ(span):
                        organs.append(e)
                    elif is_normal:
                        normal.append(e)
                    else:
                        is_shown = True
                        yield e
            for span in self.places("labs", start, end):
                e, is_normal = self.measure("labs", span)
                if e and is_new(e, is_normal):
                    is_shown = True
                    yield e
        yield from normal
        if not (is_shown or normal):
            yield from organs

    def measure(self, field: str, span: Span) -> tuple[Evidence | None, bool]:
        """What a test or finding says of the condition, and whether it is a normal one. A plan tells results only."""
        number = self.page.sentence_at(span[0])
        start, end = self.page.sentences[number]
        e = Evidence(Meat.EVALUATE, *span, self.rule(field))
        letter = self.letter_of(e, number, self.outline.label(number))
        is_normal = bool(NORMAL.search(self.page.low, max(start, span[0] - 60), span[1]))
        is_problem = letter is Meat.EVALUATE is field and self.is_planned(e)
        if not letter or (is_problem and not self.catalog.general["result"].search(self.page.low, start, end)):
            return None, is_normal
        return replace(e, letter=letter), is_normal

    def told_results(self, is_evaluated: bool) -> Iterator[Evidence]:
        """What the history tells of labs with their values and of tests; of findings only if nothing else evaluates."""
        for start, end in self.page.bodies(TOLD):
            for span in self.places("labs", start, end):
                if VALUE.search(self.page.low[span[1] : span[1] + 30]):
                    yield Evidence(Meat.EVALUATE, *span, self.rule("labs"))
        for e in self.found(Meat.EVALUATE, TOLD):
            is_test = self.catalog.general["test"].search(self.page.low, e.start, e.end)
            is_told = not is_evaluated and self.page.section_at(e.start).kind != "procedure"
            if (is_test or is_told) and self.letter_of(e, self.page.sentence_at(e.start), "") is Meat.EVALUATE:
                yield e

    def told_treatment(self) -> Iterator[Evidence]:
        """The first treatment of the family in the history, for a condition that nothing else treats."""
        told = self.found(Meat.TREAT, ("hpi", "chief_complaint", "procedure", ""))
        yield from islice((e for e in told if self.letter_of(e, self.page.sentence_at(e.start), "")), 1)

    def operations(self, is_first: bool) -> Iterator[Evidence]:
        """What was done, as listed below the heading of an operation, for what the note is about first.

        For another condition what its own words name as a treatment.
        """
        for section in self.page.sections:
            if section.kind != "procedure" or not OPERATION.match(self.page.low, section.start, section.body):
                continue
            gap = self.page.low.find("\n\n", section.body, section.end)
            end = section.end if gap < 0 else gap
            for number in self.page.sentences_in((section.body, end)) if end - section.body < OPERATIONS else ():
                if is_first or self.is_treated_in(number):
                    yield Evidence(Meat.TREAT, *self.page.sentences[number], "context/operation")

    def called(self, mentions: Sequence[Asserted]) -> Iterator[Evidence]:
        """Where the history calls the condition present, for one that nothing else assesses: no list of many does."""
        for a in mentions:
            places = (*HISTORY, "", "ros", "problem_list", "hospital_course")
            if a.mention.section in places and not self.is_crowded(a):
                yield Evidence(Meat.ASSESS, a.mention.start, a.mention.end, f"{self.family.name}/named")
                return

    def coming_back(self, places: Sequence[str]) -> Iterator[Evidence]:
        """When the person is to be seen again, where nothing says that it is for another problem."""
        for start, end in self.page.bodies(places):
            for span in self.page.spans(self.catalog.general["return"], start, end):
                number = self.page.sentence_at(span[0])
                about = self.outline.families.get(number) or self.outline.theme(number)
                if self.family.name in about or not (about or self.outline.is_in_item(number)):
                    yield Evidence(Meat.MONITOR, *span, "context/general.return")

    def followed(self) -> Iterator[Evidence]:
        """For a condition watched nowhere else: its first symptoms in the history, or its specialist who follows."""
        told = self.found(Meat.MONITOR, ("hpi",))
        symptoms = list(islice((e for e in told if not self.is_name(e, self.page.sentence_at(e.start))), 2))
        yield from symptoms or islice(self.specialists(), 1)

    def specialists(self) -> Iterator[Evidence]:
        """Where a specialist of the family is named as one who follows."""
        for e in self.found(Meat.TREAT, {s.kind for s in self.page.sections} - {"family", "allergies"}):
            start, end = self.page.sentences[self.page.sentence_at(e.start)]
            followed, first, last = self.catalog.general["followed"], max(start, e.start - 60), min(end, e.end + 60)
            if SPECIALIST.search(self.page.low, e.start, e.end) and followed.search(self.page.low, first, last):
                yield replace(e, letter=Meat.MONITOR)

    def of_all(self, given: set[Meat]) -> Iterator[Evidence]:
        """What the note says of its conditions as a whole, where it says nothing of this one."""
        for letter in (Meat.ASSESS, Meat.TREAT):
            for span in () if letter in given else self.page.spans(self.catalog.general[f"all_{letter}"])[:1]:
                if self.page.section_at(span[0]).kind not in SILENT:
                    yield Evidence(letter, *span, f"context/general.all_{letter}")


def chosen(page: Page, *sources: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first phrases of each letter, up to its limit, in text order; of several sources (the conditions of a
    combination code) each gives its share.

    The words of one letter in a sentence are shown as one phrase, the sentence or its clause: a coder quotes "continue
    furosemide 40 mg daily", not three words of it. Phrases of a letter that follow one another on a line are one quote.
    """
    kept: dict[tuple[Meat, Span], Evidence] = {}
    for rank, source in enumerate(sources):
        counts = dict.fromkeys(Meat, 0)
        for (letter, span), words in phrases(page, source).items():
            if (letter, span) not in kept and counts[letter] < (PARTNER[letter] if rank else LIMITS[letter]):
                counts[letter] += 1
                rule = min(words, key=lambda e: e.rule.startswith("context/")).rule
                kept[letter, span] = Evidence(letter, *span, rule)
    return tuple(sorted(passages(page, kept.values()), key=lambda e: (e.start, e.end, str(e.letter))))


def passages(page: Page, evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    """Evidence with the overlapping and adjoining spans of a letter joined, under the rule of the first of them."""
    last: Evidence | None = None
    for e in sorted(evidence, key=lambda e: (str(e.letter), e.start, e.end)):
        if last and last.letter is e.letter and is_one_passage(page, last, e):
            last = replace(last, end=max(last.end, e.end))
            continue
        if last:
            yield last
        last = e
    if last:
        yield last


def is_one_passage(page: Page, first: Evidence, second: Evidence) -> bool:
    return second.start < first.end or bool(BETWEEN.fullmatch(page.low, first.end, second.start))


def phrases(page: Page, evidence: Iterable[Evidence]) -> dict[tuple[Meat, Span], list[Evidence]]:
    """Evidence by letter and phrase. A bare heading is left out where the words on its state stand below it."""
    groups: dict[tuple[Meat, Span], list[Evidence]] = {}
    for e in evidence:
        groups.setdefault((e.letter, phrase(page, e)), []).append(e)
    states = {page.block_at(k[1][0]) for k, v in groups.items() if k[0] is Meat.ASSESS and not is_heading(v, k[1])} - {
        None
    }
    return {k: v for k, v in groups.items() if not (is_heading(v, k[1]) and page.block_at(k[1][0]) in states)}


def is_heading(words: Sequence[Evidence], span: Span) -> bool:
    """Whether a phrase only names the condition."""
    return len(words) == 1 and words[0].rule.endswith("/listed") and span[1] - span[0] <= HEADING


def phrase(page: Page, e: Evidence) -> Span:
    """The sentence around a word of evidence or, in a long one, its clause."""
    start, end = page.sentences[page.sentence_at(e.start)]
    end = max(end, e.end)
    if end - start > SENTENCE:
        cuts = [m.span() for m in CLAUSE.finditer(page.low, start, end)]
        end = min((a for a, _ in cuts if a >= e.end), default=end)
        start = max((b for _, b in cuts if b <= e.start), default=start)
        start += len(page.low[start:end]) - len(page.low[start:end].lstrip())
    return start, end
