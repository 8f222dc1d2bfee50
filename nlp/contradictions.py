"""What a note, or two notes of one person, say that cannot both hold: statements first, then pairs of them.

A statement is one thing that one place of a note says, as far as a rule of contradictions.toml asks for it. It is kept
with the reading, so that notes can be compared without reading them again. A contradiction is two statements and the
rule by which one of them must be wrong or out of date: a finding for a person, never a code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp.assertion import SILENT
from nlp.findings import Contradiction, Meat, Statement
from nlp.sections import Page
from nlp.words import Words, union

if TYPE_CHECKING:
    from nlp.assertion import Asserted
    from nlp.catalog import Catalog
    from nlp.resolve import Outcome

FILE = Path(__file__).with_name("contradictions.toml")

PRESENT, STATED, DENIED, PAST, MEASURED = "present", "stated", "denied", "past", "measured"
REPORTED = "reported"
"""What no place of a note says, but a first-pass code of its date."""
TREATED = "treated"
"""A drug that is taken for a condition, and for nothing else that the note names."""
NUMBER, DIFFERS = "number", "differs"
"""Kinds of contradictions, beside DENIED and PAST."""
NEAR = 60
"""Characters before a measure in which words may say that its number is of another time, or none of this person."""


# --------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True)
class Measure:
    """What a number may be measured of. least, most: the values that it can have; unless: words that void them; limits:
    ranges by which a class is defined, which nobody measures."""

    name: str
    label: str
    unit: str
    names: Words
    least: float
    most: float
    unless: Words
    limits: frozenset[str]
    thousands: bool


@dataclass(frozen=True)
class Range:
    """low inclusive, high exclusive. codes: how the codes begin that say the same as the words."""

    words: str
    codes: tuple[str, ...]
    low: float
    high: float


@dataclass(frozen=True)
class NumberRule:
    """A family's words against a measure. attribute "" stands for the family itself. source: who sets the ranges."""

    rule: str
    family: str
    attribute: str
    measure: str
    margin: float
    elsewhere: int
    by: str
    source: str
    values: Mapping[str, Range]

    def value_of(self, one: Statement) -> str | None:
        """The rule's value that a statement gives; None where it gives one of another attribute."""
        if one.says == PRESENT or (one.says == REPORTED and not self.attribute):
            return ""
        name, _, value = one.value.partition("=")
        return value if name == self.attribute else None

    def is_outside(self, value: str, measured: Statement) -> bool:
        """Whether all that the number can mean lies outside of the value's range by more than the margin."""
        low, high = bounds(measured.value)
        within = self.values[value]
        return low >= within.high + self.margin or high < within.low - self.margin


@dataclass(frozen=True)
class DiffersRule:
    """Values of an attribute that exclude each other: in one note from `within` ranks apart, in two from `apart`."""

    rule: str
    family: str
    attribute: str
    within: int
    apart: int
    source: str
    ranks: Mapping[str, tuple[int, ...]]
    words: Mapping[str, str]

    def distance(self, one: str, other: str) -> int:
        return min(abs(a - b) for a in self.ranks[one] for b in self.ranks[other])


@dataclass(frozen=True)
class Rules:
    measures: tuple[Measure, ...]
    any_measure: Words
    numbers: tuple[NumberRule, ...]
    differs: tuple[DiffersRule, ...]
    attributes: Mapping[str, tuple[str, ...]]
    """By family, the attributes whose words are kept as statements."""
    past: frozenset[str]
    treated: frozenset[str]
    treated_else: frozenset[str]
    denied_kinds: frozenset[str]
    denied_not: frozenset[str]
    silent: frozenset[str]
    plain_in: frozenset[str]
    words: Mapping[str, re.Pattern[str]]
    """Patterns for short windows, in which they need no index of the note's words."""


@cache
def rules() -> Rules:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    numbers = tuple(number_rule(row) for row in data["number"])
    differs = tuple(differs_rule(row) for row in data["differs"])
    attributes: dict[str, dict[str, None]] = {}
    asked = [*((x.family, x.attribute) for x in numbers if x.attribute), *((x.family, x.attribute) for x in differs)]
    for family, attribute in asked:
        attributes.setdefault(family, {})[attribute] = None
    denied = data["denied"]
    words = {name: denied[name] for name in ("cues", "plain", "before", "after", "new", "established")}
    words |= {"unsettled": data["stated"]["unsettled"]} | {
        name: data["past"][name] for name in ("still", "goes_on", "done")
    }
    words |= {"not_treated": data["treated"]["unless"], "not_now": data["treated"]["not_now"]}
    words |= {"other_before": [*data["other_time"]["before"], *data["not_measured"]["before"]]}
    words |= {"other_after": [*data["other_time"]["after"], *data["not_measured"]["after"]]}
    return Rules(
        measures=tuple(measure(name, row) for name, row in data["measures"].items()),
        any_measure=compiled([name for row in data["measures"].values() for name in row["names"]]),
        numbers=numbers,
        differs=differs,
        attributes={family: tuple(names) for family, names in attributes.items()},
        past=frozenset(data["past"]["families"]),
        treated=frozenset(data["treated"]["families"]),
        treated_else=frozenset(data["treated"]["unless_families"]),
        denied_kinds=frozenset(denied["kinds"]),
        denied_not=frozenset(denied["unless_families"]),
        silent=frozenset(denied["silent"]),
        plain_in=frozenset(denied["sections_of_plain"]),
        words={name: compiled(sources).compiled for name, sources in words.items()},
    )


def prepare() -> None:
    """Compile now what the first note would."""
    for words in (rules().any_measure, *(w for m in rules().measures for w in (m.names, m.unless))):
        words.prepare()


def measure(name: str, row: Mapping[str, Any]) -> Measure:
    return Measure(
        name, row["label"], row["unit"], compiled(row["names"]), row["least"], row["most"], compiled(row["unless"]),
        frozenset(row.get("limits", ())),
        row.get("thousands", False),
    )  # fmt: skip


def number_rule(row: Mapping[str, Any]) -> NumberRule:
    values = {
        value: Range(x["words"], tuple(x.get("codes", ())), x.get("from", float("-inf")), x.get("below", float("inf")))
        for value, x in row["values"].items()
    }
    return NumberRule(
        row["rule"], row["family"], row.get("attribute", ""), row["measure"], row["margin"], row["elsewhere"],
        row["by"], row["source"], values,
    )  # fmt: skip


def differs_rule(row: Mapping[str, Any]) -> DiffersRule:
    ranks = {value: tuple(x) for value, x in row["ranks"].items()}
    return DiffersRule(
        row["rule"], row["family"], row["attribute"], row["within"], row["apart"], row["source"], ranks, row["words"]
    )


def compiled(sources: Sequence[str]) -> Words:
    words = union(sources)
    assert words is not None
    return words


# ---------------------------------------------------------------------------------------------------------- statements


def statements(page: Page, asserted: Sequence[Asserted], outcome: Outcome, catalog: Catalog) -> tuple[Statement, ...]:
    """What a note says that a rule may compare, in text order; of what it repeats, the first place."""
    said = [*present(outcome, asserted), *measured(page)]
    for a in asserted:
        if not a.reason:
            said += stated(page, a, catalog)
        elif a.reason == "negated" and is_denial(page, a, catalog):
            said.append(of_mention(DENIED, a, catalog))
        elif a.reason == "historical" and is_told_as_past(page, a):
            said.append(of_mention(PAST, a, catalog))
    has = {s.subject: s for s in reversed(said) if s.says == PRESENT}
    doubtful = {(s.says, s.subject) for s in said if s.says in (DENIED, PAST) and s.subject in has}
    explained = {x for x in doubtful if is_explained(page, x[0], has[x[1]], outcome)}
    assessment = catalog.roles["assessment"]
    found: dict[tuple[str, str, str], Statement] = {}
    for one in sorted(said, key=lambda s: (s.section not in assessment, s.start, s.end)):
        doubt = (one.says, one.subject)
        if doubt in doubtful and (doubt in explained or in_one_sentence(page, one, has[one.subject])):
            continue
        key = (one.says, one.subject, one.icd10 if one.says == PRESENT else one.value)
        found.setdefault(key, one)
    for family in rules().treated & {subject for says, subject, _ in found if says == PAST}:
        if (PRESENT, family) not in {(says, subject) for says, subject, _ in found}:
            found |= {(s.says, s.subject, s.value): s for s in still_taken(page, family, asserted, catalog)}
    return tuple(sorted(found.values(), key=lambda s: (s.start, s.end, s.says, s.subject, s.value)))


def in_one_sentence(page: Page, one: Statement, other: Statement) -> bool:
    return page.sentence_at(one.start) == page.sentence_at(other.start)


def is_explained(page: Page, says: str, has: Statement, outcome: Outcome) -> bool:
    """Whether a note that has a condition says beside it why it denies it elsewhere, or calls it past.

    "No history of it" begins the story of a new diagnosis; a history of it goes with a new event, or with the treatment
    that makes it current (Guidelines I.C.2).
    """
    words = rules().words
    sentence = page.sentences[page.sentence_at(has.start)]
    around = page.block_at(has.start) or sentence
    if says == DENIED:
        return bool(words["new"].search(page.low, *around)) or not words["established"].search(page.low, *around)
    section = page.section_at(has.start)
    if words["goes_on"].search(page.low, section.start, section.body) or words["goes_on"].search(page.low, *sentence):
        return True
    evidence = (e for f in outcome.findings if f.family == has.subject and f.icd10 < "D" for e in f.meat)
    return any(
        e.letter is Meat.TREAT
        and e.rule.startswith(f"{has.subject}/")
        and not words["done"].search(page.low, *page.sentences[page.sentence_at(e.start)])
        for e in evidence
    )


OVER = "Z8"
"""How the codes begin for what is over."""


def of_mention(says: str, a: Asserted, catalog: Catalog) -> Statement:
    """The mention with the words that deny it or put it into the past, and the code that it would have without them."""
    start, end = a.mention.start, a.mention.end
    if a.cue:
        start, end = min(start, a.cue[0]), max(end, a.cue[1])
    return Statement(says, a.mention.family, "", code_of(a, catalog), start, end, a.mention.section)


def present(outcome: Outcome, asserted: Sequence[Asserted]) -> Iterator[Statement]:
    """What the note supports, where it says so itself: not by a mention that calls it past, nor by a code for that."""
    past = {(a.mention.start, a.mention.end) for a in asserted if a.reason == "historical"}
    for f in outcome.findings:
        places = [s for s in ((f.start, f.end), *f.mentions) if s not in past]
        if places and not f.icd10.startswith(OVER):
            yield Statement(PRESENT, f.family, "", f.icd10, *places[0], f.section)


def stated(page: Page, a: Asserted, catalog: Catalog) -> Iterator[Statement]:
    """The stage, class or type that the mention's own sentence gives it, with the code that its words make."""
    m = a.mention
    if m.family not in rules().attributes or not m.term.alone or m.section in rules().silent:
        return
    surface = dict(m.term.sets)
    patterns = {x.name: dict(x.values) for x in catalog.families[m.family].attributes}
    for attribute in rules().attributes[m.family]:
        value = (a.values.get(attribute) or ("",))[0]
        if not value:
            continue
        span = (m.start, m.end)
        if surface.get(attribute) != value:
            words = patterns.get(attribute, {}).get(value)
            places = [x.span() for x in words.finditer(page.low, *page.sentences[m.sentence])] if words else []
            if not places:
                continue
            nearest = min(places, key=lambda x: max(x[0] - m.end, m.start - x[1]))
            span = (min(m.start, nearest[0]), max(m.end, nearest[1]))
            if max(nearest[0] - m.end, m.start - nearest[1]) > CLOSE:
                continue
        sentence = page.sentences[m.sentence]
        if OR_OTHER.match(page.low, span[1]) or rules().words["unsettled"].search(page.low, *sentence):
            continue
        yield Statement(STATED, m.family, f"{attribute}={value}", code_of(a, catalog), *span, m.section)


CLOSE = 15
"""Characters between a mention and the words of its stage, type or class."""
OR_OTHER = re.compile(r"[ ]?(?:-|/|to|or|versus|vs)[ ]?(?:stage )?(?:[1-5]|i{1,3}\b|iv\b)")
"""After a stage: it is one end of a range ("stage 3-4")."""


def code_of(a: Asserted, catalog: Catalog) -> str:
    """The code that a mention's own words would have, whatever speaks against it."""
    from nlp.resolve import suppress

    return suppress(a, a.reason, catalog).icd10


def is_denial(page: Page, a: Asserted, catalog: Catalog) -> bool:
    """Whether a mention denies the condition itself, and not a bout, a sign, a kind or a treatment of it."""
    m, words = a.mention, rules().words
    if not a.cue or a.cue[1] > m.start or m.section in rules().silent:
        return False
    if m.term.weak or not m.term.alone or m.term.kind not in rules().denied_kinds:
        return False
    cue = page.low[slice(*a.cue)]
    for_good = words["cues"].search(page.low, a.cue[0], m.start)
    plain = m.section in rules().plain_in and words["plain"].fullmatch(cue)
    if not (for_good or plain):
        return False
    if words["before"].search(page.low, a.cue[1], m.start):
        return False
    if page.low.startswith("-", m.end) or words["after"].match(page.low, after(page.low, m.end)):
        return False
    family = catalog.families[m.family]
    return not family.tail and family.name not in rules().denied_not and code_of(a, catalog) == family.plain_code


GAP = re.compile(r"[ ,(-]*")


def after(low: str, position: int) -> int:
    """Where the next word begins, over blanks, a comma or a bracket."""
    gap = GAP.match(low, position)
    return gap.end() if gap else position


def is_told_as_past(page: Page, a: Asserted) -> bool:
    """Whether a mention calls a condition past of which past and present are coded apart, and not one that goes on."""
    m = a.mention
    if not a.cue or m.family not in rules().past or not m.term.alone:
        return False
    return not rules().words["still"].search(page.low, *page.sentences[m.sentence])


def still_taken(page: Page, family: str, asserted: Sequence[Asserted], catalog: Catalog) -> Iterator[Statement]:
    """The first drug that is taken now, in a note in which only this condition takes it."""
    drugs, words = catalog.families[family].shared_drugs, rules().words
    if not drugs or page.is_stay or page.is_bedside or words["not_treated"].search(page.low):
        return
    if any(a.mention.family in rules().treated_else for a in asserted):
        return
    for m in drugs.finditer(page.low):
        section = page.section_at(m.start()).kind
        sentence = page.sentences[page.sentence_at(m.start())]
        if section not in SILENT and not words["not_now"].search(page.low, *sentence):
            yield Statement(TREATED, family, m.group(), "", *m.span(), section)
            return


def measured(page: Page) -> Iterator[Statement]:
    """The numbers of this visit, of measures whose numbers tell something in this note."""
    found: dict[str, list[Statement]] = {}
    for m in rules().any_measure.finditer(page.low):
        one = next(x for x in rules().measures if x.names.compiled.fullmatch(m.group()))
        if number := value_of(page, one, m):
            found.setdefault(one.name, []).append(number)
    for one in rules().measures:
        if one.name in found and not one.unless.search(page.low):
            yield from found[one.name]


LINKS = (
    "is", "was", "of", "at", "now", "today", "about", "approximately", "approx", "around", "estimated", "calculated",
    "currently", "current", "stable", "remains", "non", "african", "american", "black", "level", "value", "result",
    "to", "be", "in", "the", "range", "nearing", "normal", "preserved", "reduced", "decreased", "depressed", "improved",
    "up", "down",
    "between", "count", "measured", "best", "most", "recent", "visually", "mildly", "moderately", "severely", "low",
)  # fmt: skip
AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
VALUE = re.compile(
    rf"(?:[ ]?\([^()\n]{{0,40}}\))?(?:[ ]?(?:[:=,~-]|\b(?:{'|'.join(LINKS)})\b)){{0,8}}[ ]?"
    r"(?P<sign>>=?|<=?|≥|≤|greater than|more than|over|above|at least|less than|under|below)?(?:[ ]or equal to)?[ ]?"
    rf"(?P<one>{AMOUNT})(?:[ ]?k\b)?(?:%|[ ]?percent)?"
    rf"(?:[ ]?(?:-|to|and|->|→)[ ]?(?P<other>{AMOUNT})(?:%|[ ]?percent)?)?(?![\d])"
)
"""A measure's number, behind its name: "eGFR (CKD-EPI): 38", "ejection fraction is 55 to 60%", "GFR > 60"."""
MORE, LESS = (">", "≥", "greater", "more", "over", "above", "at least"), ("<", "≤", "less", "under", "below")


def value_of(page: Page, one: Measure, name: re.Match[str]) -> Statement | None:
    """The number behind a measure's name; none where it is of another time, a limit, or something else."""
    low = page.low
    section = page.section_at(name.start()).kind
    number = VALUE.match(low, name.end(), name.end() + 120)
    if number is None or section in ("family", "instructions", "allergies"):
        return None
    start = page.sentences[page.sentence_at(name.start())][0]
    words = rules().words
    if words["other_before"].search(low, max(start, name.start() - NEAR), number.start("one")):
        return None
    if words["other_after"].match(low, after(low, number.end())):
        return None
    amounts = [float(x.replace(",", "")) for x in (number["one"], number["other"]) if x]
    if one.thousands:
        amounts = [x * 1000 if x < 1000 else x for x in amounts]
    if not all(one.least <= x <= one.most for x in amounts):
        return None
    sign = number["sign"] or ""
    text = "-".join(f"{x:g}" if x < 1e5 else f"{x:.0f}" for x in sorted(amounts))
    sign = ">" if sign.startswith(MORE) else "<" if sign.startswith(LESS) else ""
    if sign + text in one.limits:
        return None
    stop = number.end("other") if number["other"] else number.end("one")
    stop += low.startswith("%", stop)
    return Statement(MEASURED, one.name, sign + text, "", name.start(), stop, section)


def bounds(value: str) -> tuple[float, float]:
    """The least and the greatest number that "62", "30-35", ">60" or "<15" can mean."""
    amounts = [float(x) for x in value.lstrip("<>").split("-")]
    low, high = min(amounts), max(amounts)
    return (low, float("inf")) if value[0] == ">" else (float("-inf"), high) if value[0] == "<" else (low, high)


# ------------------------------------------------------------------------------------------------------ contradictions


@dataclass(frozen=True, slots=True)
class Said:
    """A statement with its note: a number that tells notes apart, and the date of service."""

    statement: Statement
    note: int = 0
    day: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements that cannot both hold: a contradiction of one note, or of two where `one.note != other.note`."""

    kind: str
    rule: str
    one: Said
    other: Said
    why: str

    @property
    def icd10(self) -> str:
        """The code that is concerned; "" where no mention gave one."""
        return self.one.statement.icd10 or self.other.statement.icd10


def within(said: Sequence[Statement]) -> tuple[Contradiction, ...]:
    """What one note says against itself, in text order."""
    found = [
        Contradiction(p.kind, p.one.statement.subject, p.icd10, p.rule, p.one.statement, p.other.statement, p.why)
        for p in pairs([Said(one) for one in said])
    ]
    return tuple(sorted(found, key=lambda c: (c.one.start, c.one.end, c.kind, c.rule)))


def between(notes: Iterable[tuple[int, str, Sequence[Statement]]]) -> tuple[Pair, ...]:
    """What notes of one person and year say against each other, and each of them against itself, in their order.

    notes: a number, the date of service (ISO) and the statements of each, by date.
    """
    return tuple(pairs([Said(one, note, day) for note, day, said in notes for one in said]))


def pairs(said: Sequence[Said]) -> Iterator[Pair]:
    """Each contradiction once: of several places or notes that say the same, one stands for all."""
    by: dict[tuple[str, str], list[Said]] = {}
    for one in said:
        by.setdefault((one.statement.says, one.statement.subject), []).append(one)
    seen: set[tuple[str, str, int, int]] = set()
    for pair in (*numbers(by), *differing(by), *denied(by), *over(by), *treated(by)):
        key = (pair.kind, pair.one.statement.subject, pair.one.note, pair.other.note)
        if key not in seen:
            seen.add(key)
            yield pair


Index = Mapping[tuple[str, str], list[Said]]
"""Statements by what they say and of what."""


def numbers(by: Index) -> Iterator[Pair]:
    """Words whose range no number reaches: none of the note, or of at least a few of other dates if it has none."""
    for rule in rules().numbers:
        by_note: dict[int, list[Said]] = {}
        for number in by.get((MEASURED, rule.measure), ()):
            by_note.setdefault(number.note, []).append(number)
        everywhere = [x for found in by_note.values() for x in found]
        if not everywhere:
            continue
        in_words = by.get((STATED if rule.attribute else PRESENT, rule.family), [])
        said = {(one.note, rule.value_of(one.statement)) for one in in_words}
        in_code = [
            one for one in by.get((REPORTED, rule.family), ()) if (one.note, rule.value_of(one.statement)) not in said
        ]
        for one in (*in_words, *in_code):
            value = rule.value_of(one.statement)
            asked = by_note.get(one.note) or (everywhere if 0 < rule.elsewhere <= len(everywhere) else [])
            if value is None or value not in rule.values or not asked:
                continue
            if all(rule.is_outside(value, x.statement) for x in asked):
                yield Pair(NUMBER, rule.rule, one, asked[-1], why_number(rule, value, one, asked))


def differing(by: Index) -> Iterator[Pair]:
    """Values that exclude each other: in one note, or the last ones of two notes."""
    for rule in rules().differs:
        newest: dict[str, Said] = {}
        by_note: dict[int, dict[str, Said]] = {}
        for one in by.get((STATED, rule.family), ()):
            value = one.statement.value.removeprefix(f"{rule.attribute}=")
            if value in rule.ranks:
                newest[value] = by_note.setdefault(one.note, {})[value] = one
        shown = set()
        for found in by_note.values():
            for a, b in combinations(found, 2):
                if rule.distance(a, b) >= rule.within:
                    shown.add(frozenset((a, b)))
                    yield Pair(DIFFERS, rule.rule, found[a], found[b], why_differs(rule, a, b, found[a], found[b]))
        for a, b in combinations(newest, 2):
            one, other = sorted((newest[a], newest[b]), key=lambda x: (x.day, x.note))
            if one.note != other.note and rule.distance(a, b) >= rule.apart and frozenset((a, b)) not in shown:
                a, b = (x.statement.value.removeprefix(f"{rule.attribute}=") for x in (one, other))
                yield Pair(DIFFERS, rule.rule, one, other, why_differs(rule, a, b, one, other))


def denied(by: Index) -> Iterator[Pair]:
    """A condition that one place has and another denies; across notes the last denial and the last that has it."""
    for (says, family), denials in by.items():
        has = by.get((PRESENT, family), ()) if says == DENIED else ()
        if not has:
            continue
        of_note = {one.note: one for one in reversed(has)}
        both = [(of_note[no.note], no) for no in denials if no.note in of_note]
        for one, no in both or [(has[-1], denials[-1])]:
            here, there = places(one, no)
            why = f"{label(family)} is documented in {here} and denied in {there}."
            yield Pair(DENIED, "denied", one, no, why)


def over(by: Index) -> Iterator[Pair]:
    """A condition that one place calls past and another treats as present.

    Between notes a cancer only: an event that was present in March is rightly past in June.
    """
    for (says, family), past in by.items():
        has = by.get((PRESENT, family), ()) if says == PAST else ()
        if not has:
            continue
        of_note = {one.note: one for one in reversed(has)}
        both = [(of_note[old.note], old) for old in past if old.note in of_note]
        if not both and has[-1].statement.icd10 < "D":
            both = [(has[-1], past[-1])]
        for one, old in both:
            here, there = places(one, old)
            why = f"{label(family)} is documented as present in {here} and as past in {there}."
            yield Pair(PAST, "past", one, old, why)


def treated(by: Index) -> Iterator[Pair]:
    """A condition that a note calls past, and its drug in the same note."""
    for (says, family), drugs in by.items():
        past = by.get((PAST, family), ()) if says == TREATED else ()
        for one, drug in ((one, drug) for drug in drugs for one in past if one.note == drug.note):
            here, there = places(one, drug)
            why = f"{label(family)} is told as past in {here}, and {there} names {drug.statement.value}."
            yield Pair(TREATED, "treated", one, drug, why)


# --------------------------------------------------------------------------------------------------------------- words


def reported(icd10: str) -> Statement | None:
    """What a first-pass code says of a stage, class or type, as a statement without a place; None if it says none."""
    for rule in rules().numbers:
        for value, within in rule.values.items():
            if icd10.startswith(within.codes):
                said = f"{rule.attribute}={value}" if rule.attribute else ""
                return Statement(REPORTED, rule.family, said, icd10, 0, 0, "")
    return None


def why_number(rule: NumberRule, value: str, one: Said, numbers: Sequence[Said]) -> str:
    measure = next(m for m in rules().measures if m.name == rule.measure)
    words, last = rule.values[value].words, numbers[-1]
    *values, newest = dict.fromkeys(spoken(x.statement.value, measure) for x in numbers if x.note == last.note)
    read = f"{', '.join(values)} and {newest}" if values else newest
    here, there = places(one, last)
    claim = f"{capital(words)} in {here}"
    if one.statement.says == REPORTED:
        claim = f"{one.statement.icd10} is reported{'' if one.note == last.note else f' on {one.day}'}"
    return (
        f"{claim}, {measure.label} {read}{measure.unit} in {there}; "
        f"{rule.by} {'put' if ' and ' in rule.by else 'puts'} {words} at {span_of(rule.values[value], measure)}."
    )


def why_differs(rule: DiffersRule, a: str, b: str, one: Said, other: Said) -> str:
    here, there = places(one, other)
    return f"{capital(rule.words[a])} in {here}, {rule.words[b]} in {there}."


def spoken(value: str, measure: Measure) -> str:
    sign = {">": "over ", "<": "under "}.get(value[0], "")
    amounts = [float(x) / (1000 if measure.thousands else 1) for x in value.lstrip("<>").split("-")]
    return sign + " to ".join(f"{x:g}" for x in amounts)


def span_of(within: Range, measure: Measure) -> str:
    low, high = (f"{x / (1000 if measure.thousands else 1):g}" for x in (within.low, within.high))
    if within.high == float("inf"):
        return f"{low}{measure.unit} or more"
    if within.low == float("-inf"):
        return f"less than {high}{measure.unit}"
    return f"{low} to less than {high}{measure.unit}"


def places(one: Said, other: Said) -> tuple[str, str]:
    """Where two statements stand: the section of each, and the date of service where these are two notes."""
    from nlp.resolve import SECTION_NAMES

    sections = (SECTION_NAMES.get(x.statement.section, SECTION_NAMES[""]) for x in (one, other))
    days = ("", "") if one.note == other.note else (f" of {one.day}", f" of {other.day}")
    here, there = (f"{section}{day}" for section, day in zip(sections, days, strict=True))
    return here, there


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@cache
def label(family: str) -> str:
    """The name of a family, from its file alone: a web process need not compile all rules to say it."""
    path = FILE.parent / "conditions" / f"{family}.toml"
    return (
        tomllib.loads(path.read_text(encoding="utf-8"))["label"] if path.exists() else capital(family.replace("_", " "))
    )


# ------------------------------------------------------------------------------------------------------------ examples


def examples() -> list[dict[str, Any]]:
    """Those of the file: a `text` or dated `notes`, and the kinds and rules to `expect`."""
    found: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["examples"]
    return found


def check_example(example: Mapping[str, Any]) -> str:
    """What differs between an example and what is found in it; "" if nothing does."""
    from nlp import read

    if "text" in example:
        found = [f"{c.kind} {c.rule}" for c in read(example["text"]).contradictions]
    else:
        codes = [one for code in example.get("reported", ()) if (one := reported(code))]
        notes = [
            (n, day, [*read(text, date_of_service=day).statements, *codes])
            for n, (day, text) in enumerate(example["notes"])
        ]
        found = [f"{pair.kind} {pair.rule}" for pair in between(notes)]
    return "" if found == example["expect"] else f"expected {example['expect']}, got {found}"
