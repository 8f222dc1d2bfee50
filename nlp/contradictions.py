"""What a note, or two notes of one person, say that cannot both hold: two statements, and the rule by which one of them
must be wrong or out of date. A finding for a person, never a code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from nlp.findings import Contradiction, Statement
from nlp.sections import SECTION_NAMES
from nlp.words import Words, union

FILE = Path(__file__).with_name("contradictions.toml")

PRESENT, STATED, DENIED, PAST, MEASURED = "present", "stated", "denied", "past", "measured"
REPORTED = "reported"
"""What no place of a note says, but a first-pass code of its date."""
TREATED = "treated"
"""A drug that is taken for a condition, and for nothing else that the note names."""
NUMBER, DIFFERS = "number", "differs"
"""Kinds of contradictions, beside DENIED, PAST and TREATED."""


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
        f"{rule.by} {'put' if ' and ' in rule.by else 'puts'} {words} at {span_of(rule.values[value], measure)}"
        f"{'' if rule.verified_on else ' (unverified)'}."
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
    """A family's words against a measure. attribute "" stands for the family itself. source: who sets the ranges.
    verified_on: when somebody looked them up there (ISO date), "" for never."""

    rule: str
    family: str
    attribute: str
    measure: str
    margin: float
    elsewhere: int
    by: str
    source: str
    verified_on: str
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
        row["by"], row["source"], row["verified_on"], values,
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


def reported(icd10: str) -> Statement | None:
    """What a first-pass code says of a stage, class or type, as a statement without a place; None if it says none."""
    for rule in rules().numbers:
        for value, within in rule.values.items():
            if icd10.startswith(within.codes):
                said = f"{rule.attribute}={value}" if rule.attribute else ""
                return Statement(REPORTED, rule.family, said, icd10, 0, 0, "")
    return None


def bounds(value: str) -> tuple[float, float]:
    """The least and the greatest number that "62", "30-35", ">60" or "<15" can mean."""
    amounts = [float(x) for x in value.lstrip("<>").split("-")]
    low, high = min(amounts), max(amounts)
    return (low, float("inf")) if value[0] == ">" else (float("-inf"), high) if value[0] == "<" else (low, high)
