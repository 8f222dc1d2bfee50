"""What a condition file says, as plain frozen values: the family with its surfaces, attributes, codes and evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nlp.words import Words

KINDS = ("chronic", "event", "cancer", "status")

When = tuple[tuple[str, tuple[str, ...]], ...]
"""Conditions on attribute values: by attribute the values of which one must be known."""


def holds(when: When, values: Mapping[str, Sequence[str]]) -> bool:
    """Whether every condition holds: "" asks for nothing known, "*" for anything known."""
    for name, wanted in when:
        have = values.get(name, ())
        if any(have):
            if "*" not in wanted and not any(map(have.__contains__, wanted)):
                return False
        elif "" not in wanted:
            return False
    return True


def expand(code: str, values: Mapping[str, str]) -> str:
    """A code of a file with the values of attributes in it: "M05.{site}9"."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], ""), code)


@dataclass(frozen=True, slots=True)
class Term:
    """One surface of a family with its options. `key`: the surface without blanks and hyphens."""

    family: str
    text: str
    key: str
    kind: str
    sets: tuple[tuple[str, str], ...] = ()
    weak: bool = False
    case: bool = False
    inner: bool = False
    alone: bool = True
    lapses: bool = False
    organ: Words | None = None
    """Where a pathologist must have found it for the surface to name the family's condition."""
    part_of: Words | None = None
    """What must follow it for that."""

    @property
    def rule(self) -> str:
        return f"{self.family}/{self.text}"


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    scope: str
    before: int
    after: int
    default: str
    many: bool
    overrides: tuple[str, ...]
    stated: bool
    beats: Mapping[str, tuple[str, ...]]
    values: tuple[tuple[str, Words], ...]
    any_value: Words | None


@dataclass(frozen=True, slots=True)
class CodeLine:
    when: When = ()
    codes: tuple[str, ...] = ()
    suppress: str = ""
    why: str = ""
    offer: bool = True
    """False: the code is not suggested, but a reported one is judged by it."""

    def fits(self, values: Mapping[str, Sequence[str]]) -> bool:
        return holds(self.when, values)


@dataclass(frozen=True, slots=True)
class Link:
    families: tuple[str, ...]
    when: When
    sets: tuple[tuple[str, str], ...]
    unless: Words | None
    why: str


@dataclass(frozen=True, slots=True)
class Example:
    number: int
    text: str
    expect: tuple[str, ...]
    reject: str
    meat: tuple[str, ...]
    section: str
    setting: str
    reported: str = ""
    """A first-pass code, "" for none, and the verdict that it gets."""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    label: str
    kind: str
    prefixes: tuple[str, ...]
    terms: tuple[Term, ...]
    codes: tuple[CodeLine, ...]
    policy: str = ""
    decoys: tuple[str, ...] = ()
    not_with: Words | None = None
    yields_to: tuple[str, ...] = ()
    lends_to: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    also: tuple[CodeLine, ...] = ()
    history: tuple[CodeLine, ...] = ()
    links: tuple[Link, ...] = ()
    drugs: Words | None = None
    shared_drugs: Words | None = None
    labs: Words | None = None
    signs: Words | None = None
    """What an examination or a result shows only where the condition is."""
    cues: tuple[tuple[str, Words], ...] = ()
    examples: tuple[Example, ...] = ()
    many: Attribute | None = None
    vague: tuple[str, ...] = ()
    """Codes beside the plain one that say no more than that there is one of the family's conditions."""
    related: Words | None = None
    """Words that speak of the condition without naming it."""
    tail: bool = False
    """Whether it comes from the long tail (rare.toml, longtail.tsv) and not from a file of its own."""

    def patterns(self) -> Iterator[Words]:
        """Every pattern that may be looked for in a note."""
        yield from filter(None, (self.not_with, self.drugs, self.shared_drugs, self.labs, self.signs, self.related))
        yield from (words for _, words in self.cues)
        yield from (a.any_value for a in self.attributes if a.any_value)
        yield from (words for a in self.attributes for _, words in a.values)
        yield from (link.unless for link in self.links if link.unless)
        yield from {words for term in self.terms for words in (term.organ, term.part_of) if words}

    @property
    def plain_code(self) -> str:
        """The code of the family when nothing more is known; its first prefix where the list always asks for more."""
        defaults = {a.name: a.default for a in self.attributes}
        values = {k: (v,) for k, v in defaults.items()}
        fitting = [line.codes[0] for line in self.codes if line.codes and line.fits(values)]
        plain = [line.codes[0] for line in self.codes if line.codes and "{" not in line.codes[0]]
        found = expand(fitting[0], defaults) if fitting else ""
        return found or (plain[-1] if plain else self.prefixes[0])


def tail_name(category: str, kind: str) -> str:
    """The name of the family for a category of ICD-10-CM that no condition file has."""
    return f"tail_{category.lower()}" + ("" if kind == KINDS[0] else f"_{kind}")
