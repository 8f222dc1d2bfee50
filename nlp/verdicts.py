"""The first-pass codes against the note: a verdict on each, with what speaks for it, what against, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from nlp.assertion import SILENT, Asserted, assert_mentions
from nlp.catalog import Catalog
from nlp.dates import code_on, fault_on
from nlp.families import CodeLine, Family
from nlp.findings import Finding, FirstPass, Span, Suppressed, Verdict
from nlp.resolve import Outcome, on_date, resolve
from nlp.sections import SECTION_NAMES, Page
from nlp.wording import (
    TESTED,
    Reader,
    beyond,
    beyond_denied,
    exclusive,
    family_for,
    language,
    mentions,
    phrases,
    suits,
    title_words,
)
from nlp.words import Words


def judge(
    codes: Iterable[str],
    outcome: Outcome,
    catalog: Catalog,
    page: Page,
    setting: str,
    common: Outcome | None = None,
    day: str | None = None,
    heard: Callable[[bool], Sequence[Asserted]] = lambda is_common: (),
) -> tuple[FirstPass, ...]:
    """The note's verdict on each first-pass code, in the order given.

    common: the same note read for the families of common.toml; needed where one of their codes is among the codes.
    heard: the mentions behind `outcome`, or with True behind `common`; asked for where something is only listed.
    """
    reader = Reader(page, catalog, setting)

    @cache
    def again(is_common: bool) -> Outcome:
        told = restated(heard(is_common), page, catalog, is_common)
        return on_date(resolve(page, told, catalog.side(is_common), setting), day)

    answers = []
    for c in codes:
        then = code_on(c, day)
        if common and catalog.common and catalog.is_common(then):
            answer = common_verdict(then, common, catalog.common, reader)
            if answer.verdict is Verdict.UNSUPPORTED:
                answer = stated(common_verdict(then, again(True), catalog.common, reader)) or answer
        else:
            answer = verdict(then, outcome, catalog, reader)
            if answer.verdict is Verdict.UNSUPPORTED:
                answer = stated(verdict(then, again(False), catalog, reader)) or answer
        if answer.verdict is Verdict.NOT_FOUND:
            answer = by_description(then, reader, catalog) or answer
        answers.append(dated(replace(answer, icd10=c), day))
    return tuple(answers)


def common_verdict(icd10: str, outcome: Outcome, catalog: Catalog, reader: Reader) -> FirstPass:
    """The verdict on a code of common.toml: not found where the note rather names another code of its family."""
    family = catalog.family_of(icd10)
    assert family is not None
    answer = worded(icd10, outcome, family)
    named = [s for f in outcome.unoffered if f.family == family.name for s in f.mentions]
    named += [(s.start, s.end) for s in outcome.suppressed if s.family == family.name]
    if not named or suits(reader, icd10, family.prefixes, named):
        return answer
    why = f"The note names {family.label.lower()}, but not what this code means: {phrases(icd10)[0]}."
    return FirstPass(icd10, Verdict.NOT_FOUND, why)


def stated(answer: FirstPass) -> FirstPass | None:
    """The verdict of the second reading, where it found the code or another of its family."""
    if answer.verdict is Verdict.UNSUPPORTED or not answer.suggested:
        return None
    return replace(answer, why=answer.why.replace(f"named in {SECTION_NAMES['assessment_plan']}", STATED))


STATED = "stated as present, though not in an assessment"


def restated(asserted: Iterable[Asserted], page: Page, catalog: Catalog, is_common: bool) -> list[Asserted]:
    """The mentions for the second reading: what a note states as present is then as good as assessed.

    A suggestion asks for more than a reported code does. A condition with a payment category is stated so where it
    opens a sentence of a note that has no assessment at all, is a sentence of its own, or is told as found; any other
    one wherever it is told as present. What is written to a patient states nothing of one.
    """
    if TAUGHT.search(page.low):
        return list(asserted)
    assessed = is_assessed(page, catalog)
    return [
        replace(a, mention=replace(a.mention, section="assessment_plan"))
        if is_stated(a, page, catalog, assessed, is_common)
        else a
        for a in asserted
    ]


def is_stated(a: Asserted, page: Page, catalog: Catalog, assessed: bool, is_common: bool) -> bool:
    """Whether the note, which has an assessment or not, states a mention as present outside of it."""
    m, story = a.mention, catalog.story
    if a.reason or m.section not in TOLD or (m.section == "results" and assessed):
        return False
    start, end = page.sentences[m.sentence]
    before = page.low[max(start, m.start - REACH) : m.start]
    if story["told_over_before"].search(before):
        return False
    if story["told_over_behind"].search(page.low, m.end, min(end, m.end + REACH)):
        return False
    if m.term.kind == "event" and story["narrated"].search(before):
        return False
    if is_common or (m.term.kind != "event" and story["told_found"].search(before)):
        return True
    return m.section in PLAIN and m.start - start <= (0 if assessed else OPENING)


def is_assessed(page: Page, catalog: Catalog) -> bool:
    """Whether a note has a section that names the diagnoses, and not only one that plans."""
    mine = (page.low[s.start : s.body] for s in page.sections if s.kind in catalog.roles["assessment"])
    return any(not PLANNED.fullmatch(heading) for heading in mine)


TAUGHT = re.compile(r"\byours?\b")
"""Words to a reader who is the patient."""
PLANNED = re.compile(r"[^a-z]*(?:plan|recommendations?|plan of (?:care|treatment))[^a-z]*")
PLAIN = frozenset({"", "other"})
"""Sections without a heading that says what they are."""
TOLD = PLAIN | {"hpi", "chief_complaint", "exam", "vitals", "results", "follow_up", "procedure"}
"""Sections that tell how a person is now."""
OPENING = 40
"""Most characters of a sentence before what it is about."""
REACH = 200
"""Characters around a mention in which its sentence may say that it is over."""


def by_description(icd10: str, reader: Reader, catalog: Catalog) -> FirstPass | None:
    """The verdict by the words of the code's own description; None where the note does not have them."""
    family = family_for(icd10)
    if not family:
        return None
    found, refusal = mentions(reader, icd10, family), ""
    if not found:
        found, refusal = mentions(reader, icd10, family, benign=True), "other: a tumor that is not called malignant"
    if not found:
        return None
    alone = replace(catalog, families={family.name: family})
    asserted = []
    for a in assert_mentions(reader.page, found, alone, reader.setting):
        tested = "other: a test for it, or its prevention" if TESTED.match(reader.page.low, a.mention.end) else ""
        reason = a.reason or refusal or tested or (ELSE if is_read(a, icd10, catalog) else "")
        asserted.append(replace(a, reason=reason))
    answer = worded(icd10, resolve(reader.page, asserted, alone, reader.setting), family)
    if answer.verdict is Verdict.UNSUPPORTED:
        again = restated(asserted, reader.page, catalog, not is_given(icd10, catalog))
        return stated(worded(icd10, resolve(reader.page, again, alone, reader.setting), family)) or answer
    return answer


def is_given(icd10: str, catalog: Catalog) -> bool:
    """Whether a condition file can give a code, or the long tail does."""
    family = catalog.family_of(icd10)
    return family is not None and (not family.tail or any(icd10 in line.codes for line in family.codes))


def dated(answer: FirstPass, day: str | None) -> FirstPass:
    """The answer with what the date of service says: a supported code that was not valid that day is in conflict."""
    fault = fault_on(answer.icd10, day)
    if not fault:
        return answer
    return replace(
        answer,
        verdict=Verdict.CONFLICT if answer.verdict is Verdict.SUPPORTED else answer.verdict,
        why=f"{fault}. {answer.why}",
    )


@dataclass(frozen=True)
class Case:
    """A reported code that was not found as such, with what the note says of its family.

    here: the family's findings. against: its mentions that do not count.
    """

    icd10: str
    family: Family
    here: tuple[Finding, ...]
    against: tuple[Suppressed, ...]
    findings: tuple[Finding, ...]
    reader: Reader
    catalog: Catalog

    @property
    def label(self) -> str:
        return self.family.label.lower()

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(f.icd10 for f in self.here)

    @property
    def names(self) -> str:
        return ", ".join(self.codes)

    @property
    def is_less_said(self) -> bool:
        """Whether what was found says more. A status says no more than its disease: Z21 is no closer word for B20."""
        alike = any(c.startswith("Z") == self.icd10.startswith("Z") for c in self.codes)
        return alike and is_less_specific(self.icd10, self.family, self.codes)

    def answer(
        self,
        verdict: Verdict,
        why: str,
        evidence: Iterable[Span] = (),
        against: Iterable[Span] = (),
        suggested: tuple[str, ...] = (),
    ) -> FirstPass:
        return FirstPass(self.icd10, verdict, why, tuple(sorted({*evidence})), tuple(sorted({*against})), suggested)


def verdict(icd10: str, outcome: Outcome, catalog: Catalog, reader: Reader) -> FirstPass:
    """What the note says about one reported code: the same code found, a more exact one, another one, or why none."""
    same = [f for f in (*outcome.findings, *outcome.unoffered) if f.icd10 == icd10]
    if same:
        return FirstPass(icd10, Verdict.SUPPORTED, same[0].why, spans_of(same), (), (icd10,))
    family = catalog.family_of(icd10)
    if family is None:
        title = next(iter(phrases(icd10)), "")
        why = "The rules do not cover this code" + (f", and the note does not say {title!r}." if title else ".")
        return FirstPass(icd10, Verdict.NOT_FOUND, why)
    if line := next((x for x in family.also if fits_line(icd10, x)), None):
        return beside_condition(icd10, line, family, outcome, reader.page)
    against = tuple(s for s in outcome.suppressed if family.name in (s.family, owner(catalog, s.icd10)))
    here = tuple(f for f in outcome.findings if family.name in (f.family, owner(catalog, f.icd10)))
    here = tuple(f for f in here if not any(fits_line(f.icd10, line) for line in family.also))
    if not here and any(s.reason.startswith("other: part of") for s in against):
        here = tuple(f for f in outcome.findings if f.family in family.yields_to)
    case = Case(icd10, family, here, against, outcome.findings, reader, catalog)
    steps = BESIDE_FINDINGS if here else WITHOUT_FINDINGS
    return next(answer for step in steps if (answer := step(case)))


def beside_condition(icd10: str, line: CodeLine, family: Family, outcome: Outcome, page: Page) -> FirstPass:
    """The verdict on a code beside a condition that was not found: another of its kind is there, or its words are."""
    others = [f for f in (*outcome.findings, *outcome.unoffered) if fits_line(f.icd10, line)]
    if others:
        codes = tuple(f.icd10 for f in others)
        why = f"The note supports {', '.join(codes)}, not {icd10}."
        return FirstPass(icd10, Verdict.CONFLICT, why, spans_of(others), (), codes)
    asked = dict(line.when)
    wanted = [w for a in family.attributes if not a.default for v, w in a.values if v in asked.get(a.name, ())]
    spoken = spoken_of(page, wanted)
    if spoken:
        why = f"The note says {quoted(page, spoken)}, but not so that it makes this code beside {family.label.lower()}."
        return FirstPass(icd10, Verdict.UNSUPPORTED, why, (), spoken)
    why = f"Nothing in the note says what this code beside {family.label.lower()} needs."
    return FirstPass(icd10, Verdict.NOT_FOUND, why)


def spoken_of(page: Page, patterns: Iterable[Words | None]) -> tuple[Span, ...]:
    """The first few places where a note has words of some patterns, its titles of sections aside."""
    spans = (s for words in patterns for s in page.spans(words) if page.section_at(s[0]).kind not in SILENT)
    return tuple(sorted(spans))[:FEW]


def quoted(page: Page, spans: Iterable[Span]) -> str:
    return ", ".join(dict.fromkeys(f'"{page.text[a:b]}"' for a, b in spans))


def denied_here(case: Case) -> FirstPass | None:
    """The note supports a sister, and denies or doubts what the code says: itself, or all of its category."""
    mine = [s for s in case.against if s.icd10[:3] == case.icd10[:3] and s.reason in DENIED]
    if any(c[:3] == case.icd10[:3] for c in case.codes):
        mine = [s for s in mine if s.icd10 == case.icd10]
    if not mine or case.is_less_said:
        return None
    why = f"{not_current(case.family, mine)} The note supports {case.names} instead."
    return case.answer(Verdict.UNSUPPORTED, why, (), spans_against(mine), case.codes)


def only_past(case: Case) -> FirstPass | None:
    if case.icd10.startswith(PAST) or not all(c.startswith(PAST) for c in case.codes):
        return None
    why = f"{case.family.label} is mentioned as past ({case.names}), not as a current condition."
    return case.answer(Verdict.UNSUPPORTED, why, (), spans_of(case.here) + spans_against(case.against), case.codes)


def said_more_exactly(case: Case) -> FirstPass | None:
    if not case.is_less_said:
        return None
    why = f"The note supports {case.names}, which says more than {case.icd10}."
    return case.answer(Verdict.MORE_SPECIFIC, why, spans_of(case.here), (), case.codes)


def said_beyond(case: Case) -> FirstPass | None:
    """The code says more than the one that was found, and the note says that too."""
    for f in case.here:
        if shown := beyond(case.reader, case.icd10, f.icd10, f.mentions):
            words = quoted(case.reader.page, shown)
            why = f"The note supports {f.icd10}, and what {case.icd10} says beyond that stands in it too: {words}."
            return case.answer(Verdict.SUPPORTED, why, (*spans_of([f]), *shown), (), (case.icd10,))
    return None


def said_in_other_words(case: Case) -> FirstPass | None:
    """The code's title says the same as that of what was found, or less."""
    mine = title_words(case.icd10)
    for f in case.here:
        theirs = title_words(f.icd10)
        if mine and f.icd10[:3] == case.icd10[:3] and f.icd10[7:] == case.icd10[7:] and mine <= theirs:
            if mine < theirs:
                if "9" not in case.icd10[3:] and not UNSPECIFIED.search(case.icd10):
                    continue  # it is not left open, but said by "without"
                why = f"The note supports {f.icd10}, which says more than {case.icd10}."
                return case.answer(Verdict.MORE_SPECIFIC, why, spans_of([f]), (), (f.icd10,))
            why = f"The note supports {f.icd10}, and {case.icd10} says the same of it."
            return case.answer(Verdict.SUPPORTED, why, spans_of([f]), (), (case.icd10,))
    return None


def denied_beyond(case: Case) -> FirstPass | None:
    """What the code says beyond the one that was found, the note denies or doubts."""
    for f in case.here:
        if shown := beyond_denied(case.reader, case.icd10, f.icd10):
            why = f"The note supports {f.icd10}, and denies or doubts what {case.icd10} says beyond that: "
            why += f"{quoted(case.reader.page, shown)}."
            return case.answer(Verdict.UNSUPPORTED, why, (), shown, case.codes)
    return None


def said_otherwise(case: Case) -> FirstPass:
    why = f"The note supports {case.names} for {case.label}, not {case.icd10}."
    if any(is_stem(c, case.icd10) for c in case.codes):
        why = f"The note supports {case.names} for {case.label}; it does not say what {case.icd10} says beyond that."
    return case.answer(Verdict.CONFLICT, why, spans_of(case.here), spans_against(case.against), case.codes)


def said_elsewhere(case: Case) -> FirstPass | None:
    """A finding of another family says what the code says, and more."""
    closer = [f for f in case.findings if is_stem(case.icd10, f.icd10)]
    if not closer and is_vague(case.icd10, case.family):
        closer = [f for f in case.findings if says_too(case.catalog, f, case.family, case.against)]
    if not closer:
        return None
    codes = tuple(f.icd10 for f in closer)
    why = f"The note supports {', '.join(codes)}, which says more than {case.icd10}."
    return case.answer(Verdict.MORE_SPECIFIC, why, spans_of(closer), (), codes)


def listed_with_drugs(case: Case) -> FirstPass | None:
    """A lasting condition is only listed, beside two of its drugs: enough for a reported code, not for a new one."""
    is_so = any(s.icd10 == case.icd10 for s in case.against) and all(s.reason == LISTED for s in case.against)
    if case.family.kind != "chronic" or not is_so:
        return None
    given = given_for(case.reader.page, case.family, [case.catalog.families[f.family] for f in case.findings])
    if len(given) < ENOUGH:
        return None
    why = f"{case.family.label} is only listed, but the note names {' and '.join(given)}, which are given for it."
    return case.answer(Verdict.SUPPORTED, why, (*spans_against(case.against), *given.values()), (), (case.icd10,))


def mentioned(case: Case) -> FirstPass | None:
    if not case.against:
        return None
    return case.answer(Verdict.UNSUPPORTED, not_current(case.family, case.against), (), spans_against(case.against))


def only_related(case: Case) -> FirstPass | None:
    """The note speaks of the matter without naming the condition: a mastectomy, "no infarction"."""
    spoken = spoken_of(case.reader.page, [case.family.related])
    if not spoken:
        return None
    why = f"The note says {quoted(case.reader.page, spoken)}, but does not name {case.label} as a present condition."
    return case.answer(Verdict.UNSUPPORTED, why, (), spoken)


def only_drug(case: Case) -> FirstPass | None:
    drugs = drug_spans(case.reader.page, case.family)
    taken = [w for f in case.findings for w in drug_words(case.catalog.families[f.family])]
    drugs = tuple(s for s in drugs if not any(w.search(case.reader.page.low, *s) for w in taken))
    if not drugs:
        return None
    why = f"The note names a drug for {case.label}, but not the condition, and a drug makes no diagnosis."
    return case.answer(Verdict.UNSUPPORTED, why, (), drugs)


def absent(case: Case) -> FirstPass:
    why = f"No mention of {case.label} in the note."
    if case.family.tail:
        title = next(iter(phrases(case.icd10)), case.label)
        why = f"The note has none of the few words and titles that the rules know for this code ({title})."
    return case.answer(Verdict.NOT_FOUND, why)


BESIDE_FINDINGS: tuple[Callable[[Case], FirstPass | None], ...] = (
    denied_here, only_past, said_more_exactly, said_beyond, said_in_other_words, denied_beyond,
    said_otherwise,
)  # fmt: skip
WITHOUT_FINDINGS: tuple[Callable[[Case], FirstPass | None], ...] = (
    said_elsewhere, listed_with_drugs, mentioned, only_related, only_drug, absent,
)  # fmt: skip
"""What may be said of a case, the first that fits; the last always does."""
ENOUGH = 2
"""Drugs of a condition that make up for an assessment."""
FEW = 3
"""Drugs that are quoted."""


def drug_spans(page: Page, family: Family) -> tuple[Span, ...]:
    """Where a note names drugs that are given for one condition only, whatever it says of the condition."""
    spans = (m.span() for m in family.drugs.finditer(page.low)) if family.drugs else ()
    return tuple(s for s in spans if page.section_at(s[0]).kind not in SILENT)[:FEW]


def drug_words(family: Family) -> Sequence[Words]:
    return [words for words in (family.drugs, family.shared_drugs) if words]


def given_for(page: Page, family: Family, others: Sequence[Family]) -> dict[str, Span]:
    """The first few drugs in a note that are given for a condition, and where they stand.

    None where each of them is also given for another condition that was found.
    """
    given: dict[str, Span] = {}
    for words in drug_words(family):
        for m in words.finditer(page.low):
            if page.section_at(m.start()).kind not in SILENT:
                given.setdefault(m.group(), m.span())
    taken = [words for f in others for words in drug_words(f)]
    if all(any(w.search(name) for w in taken) for name in given):
        return {}
    return dict(list(given.items())[:FEW])


def is_read(a: Asserted, icd10: str, catalog: Catalog) -> bool:
    """Whether the code's own family knows the words, and yet did not count them here: "subcutaneous emphysema"."""
    return any(t.family == owner(catalog, icd10) for t in catalog.surfaces.get(a.mention.term.key, ()))


def worded(icd10: str, outcome: Outcome, family: Family) -> FirstPass:
    """The verdict on a code of common.toml or of the tabular list, whose last digits nobody judges."""
    found = [f for f in outcome.unoffered if f.family == family.name]
    against = [s for s in outcome.suppressed if s.family == family.name]
    if found:
        why = f"{found[0].why} Side, site and type in {icd10} are not judged."
        return FirstPass(icd10, Verdict.SUPPORTED, why, spans_of(found), (), (icd10,))
    if against:
        return FirstPass(icd10, Verdict.UNSUPPORTED, not_current(family, against), (), spans_against(against))
    return FirstPass(icd10, Verdict.NOT_FOUND, f"No mention of {family.label.lower()} in the note.")


def not_current(family: Family, against: Sequence[Suppressed]) -> str:
    """Why no mention counts: each reason with the sections where it holds."""
    where: dict[str, list[str]] = {}
    for s in against:
        reason = REASON_WORDS.get(s.reason, s.reason.removeprefix("other: "))
        place = "" if s.reason == "family" else SECTION_NAMES.get(s.section, "")
        where.setdefault(reason, []).append(place)
    parts = []
    for reason, places in where.items():
        named = [p for p in dict.fromkeys(places) if p]
        parts.append(f"{reason} in {' and '.join(named)}" if named else reason)
    return f"{family.label} is mentioned, but not as a current supported condition: {'; '.join(parts)}."


def spans_against(against: Sequence[Suppressed]) -> tuple[Span, ...]:
    """The mentions that do not count, each with the words that decide where they stand beside it."""
    return tuple(sorted({beside(s) for s in against}))


def beside(s: Suppressed) -> Span:
    if s.cue is None or max(s.start - s.cue[1], s.cue[0] - s.end) > CUE_GAP:
        return s.start, s.end
    return min(s.start, s.cue[0]), max(s.end, s.cue[1])


ELSE = "other: part of another expression"
CUE_GAP = 80
"""Most characters between a mention and its cue that are quoted together."""
PAST = ("Z85", "Z86", "Z87", "I25.2")
"""Codes that say that something is over."""
LISTED = "mention-only-no-MEAT"
REASON_WORDS = {
    LISTED: "only listed, without assessment or treatment,",
    "medication-list-only": "only in the medication list",
    "family": "of a relative",
    "historical": "told as past",
    "ruled-out": "ruled out",
    "uncertain": "uncertain (suspected, possible, probable)",
    "hypothetical": "only as a risk, a plan or advice",
}
DENIED = frozenset({"negated", "ruled-out", "uncertain", "hypothetical", "family"})
"""Reasons for which a mention is no condition of the person at all."""
UNSPECIFIED = re.compile(r"\.(?:9|90|909|10|30|A|20|40|50|00|09|0)$|9$|G20\.C$|G35\.D$")
"""How codes end that leave the type, stage, site or side open."""


def owner(catalog: Catalog, icd10: str) -> str:
    family = catalog.family_of(icd10)
    return family.name if family else ""


def fits_line(icd10: str, line: CodeLine) -> bool:
    """Whether a line of a code list can give a code, whatever its attributes are."""
    shapes = (re.sub(r"\\\{\w+\\\}", "[A-Z0-9.]*", re.escape(code)) for code in line.codes)
    return any(re.fullmatch(shape, icd10) for shape in shapes)


def is_less_specific(icd10: str, family: Family, found: Sequence[str]) -> bool:
    """Whether a code is the family's plain one, a stem of a found one, or the unspecified sister of one."""
    if any(f.startswith(icd10) for f in found):
        return True
    if icd10 == family.plain_code and not any(is_another(icd10, f) for f in found):
        return True
    if icd10 in family.vague and family.plain_code not in found:
        return True
    return any(is_stem(icd10, f) for f in found)


def is_another(icd10: str, found: str) -> bool:
    """Whether a title says another than that of what was found where a diagnosis has one: type 1 and type 2."""
    mine, theirs = title_words(icd10), title_words(found)
    return any(s & (mine - theirs) and s & (theirs - mine) for s in exclusive(mine | theirs))


def is_vague(icd10: str, family: Family) -> bool:
    """Whether a code says no more than that there is a condition of the family."""
    return icd10 == family.plain_code or icd10 in family.vague


def says_too(catalog: Catalog, f: Finding, family: Family, against: Sequence[Suppressed]) -> bool:
    """Whether a combination code of another family says that there is a condition of this one: E11.51 for I73.9.

    Its link to the family gave the code, or it took the mention; or the family says nothing beside it.
    """
    other = catalog.families[f.family]
    taken = [s for s in against if s.reason.startswith("other: coded with") and not s.icd10.startswith(PAST)]
    if any((s.start, s.end) in f.mentions or other.label.lower() in s.reason for s in taken):
        return True
    if f.family in family.yields_to:
        return True
    given = {x for link in other.links if family.name in link.families for x in link.sets}
    lines = [x for x in other.codes if fits_line(f.icd10, x) and not x.suppress]
    return any((n, v) in given for x in lines for n, wanted in x.when for v in wanted)


def is_stem(icd10: str, other: str) -> bool:
    """Whether one code only leaves open what the other one says: I50.30 beside I50.32, C34.90 beside C34.11."""
    if icd10[:3] != other[:3] or not UNSPECIFIED.search(icd10):
        return False
    open_part = re.sub(r"[09ACD]+$", "", icd10).rstrip(".")
    if icd10.endswith("0") and title_words(icd10) - title_words(other) - language().narrowing - language().places:
        return False  # "alcohol-induced" is no chronic pancreatitis left open
    as_open = UNSPECIFIED.search(other) and len(other) <= len(icd10) and not (icd10[-1] == "9" and other[-1] == "0")
    return other.startswith(open_part) and not as_open


def spans_of(findings: Sequence[Finding]) -> tuple[Span, ...]:
    return tuple(
        sorted({s for f in findings for s in f.mentions} | {(e.start, e.end) for f in findings for e in f.meat})
    )
