"""The rules as a person reads them: each condition file as it is written, and how well it was measured.

The catalog has the same rules compiled; a card quotes the file, so that what is read here is what a rule owner edits.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from nlp.catalog import HERE, load
from nlp.check import example_text
from nlp.findings import Meat
from nlp.titles import Title

FIGURES = HERE / "figures.json"
SHARED = ("rare.toml", "longtail.tsv", "titles.tsv")
"""Files that hold many rare conditions; a change of one is a change of each."""


@dataclass(frozen=True)
class Example:
    """number: in the file, from 1. text: as it is written; whole: the note that is read, with its heading."""

    number: int
    text: str
    whole: str
    section: str
    expect: tuple[str, ...]
    reject: str
    meat: tuple[str, ...]
    setting: str
    reported: str = ""
    verdict: str = ""

    @property
    def counts(self) -> bool:
        """Whether it shows the condition, and not its near twin."""
        return bool(self.expect)


@dataclass(frozen=True)
class Names:
    """Surfaces that share their options. sets: attribute values that they state by themselves."""

    texts: tuple[str, ...]
    sets: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribute:
    name: str
    scope: str
    default: str
    values: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Line:
    """A line of a code list in words. when: (attribute, "3a or 3b"); gives: the code; passed_over: else the reason."""

    when: tuple[tuple[str, str], ...]
    gives: str
    passed_over: str
    why: str
    offered: bool = True


@dataclass(frozen=True)
class Link:
    families: tuple[str, ...]
    when: tuple[tuple[str, str], ...]
    sets: tuple[tuple[str, str], ...]
    why: str


@dataclass(frozen=True)
class Card:
    """One condition family. file, digest: where its rules stand, and the first 12 digits of the file's SHA-256.

    titles: those of the tabular list that a list of problems may have instead of a name. cues: (what, patterns) for
    drugs, tests and words of each MEAT letter. A rare condition has names, titles and codes alone.
    """

    name: str
    label: str
    kind: str
    policy: str
    source: str
    file: str
    digest: str
    prefixes: tuple[str, ...]
    names: tuple[Names, ...]
    titles: tuple[Title, ...] = ()
    not_when: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    codes: tuple[Line, ...] = ()
    also: tuple[Line, ...] = ()
    history: tuple[Line, ...] = ()
    links: tuple[Link, ...] = ()
    cues: tuple[tuple[str, tuple[str, ...]], ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def name_count(self) -> int:
        return sum(len(names.texts) for names in self.names)

    @property
    def is_rare(self) -> bool:
        return self.file in SHARED


CUES = {
    "drugs": "Drugs of its own",
    "shared_drugs": "Drugs that it shares",
    "labs": "Tests",
    "signs": "Signs of its own",
    "monitor": "Monitor",
    "evaluate": "Evaluate",
    "assess": "Assess",
    "treat": "Treat",
}
OPTIONS = {
    "weak": "only beside a second sign",
    "case": "written exactly so",
    "inner": "other conditions inside it are read too",
}
PLACES = {"part_of": "of a part of", "organ": "as a pathologist's finding in"}


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@cache
def file_hashes() -> dict[str, str]:
    """The digest of each condition file by family, and of the files of rare conditions by their name."""
    hashes = {path.stem: file_digest(path) for path in sorted((HERE / "conditions").glob("*.toml"))}
    return hashes | {name: file_digest(HERE / name) for name in SHARED}


@cache
def cards() -> dict[str, Card]:
    """Every family by name, those with a file of their own first. Read once: a process never sees other rules."""
    catalog = load()
    own = {path.stem: path for path in sorted((HERE / "conditions").glob("*.toml"))}
    found = {name: of_file(path) for name, path in own.items() if name in catalog.families}
    found |= {name: of_tail(name) for name in catalog.families if name not in found}
    titles: dict[str, list[Title]] = {}
    for title in catalog.titles.values():
        titles.setdefault(catalog.family_of_title(title), []).append(title)
    return {name: replace(card, titles=tuple(titles.get(name, ()))) for name, card in found.items()}


def of_file(path: Path) -> Card:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    meat = data.get("meat", {})
    plain = [Names(tuple(data["terms"]))] if data.get("terms") else []
    return Card(
        name=path.stem,
        label=data["label"],
        kind=data["kind"],
        policy=data.get("policy", ""),
        source=data.get("source", ""),
        file=f"conditions/{path.name}",
        digest=file_hashes()[path.stem],
        prefixes=tuple(data["prefixes"]),
        names=(*plain, *(names(block) for block in data.get("term", ()))),
        not_when=tuple(data.get("not_when", ())),
        not_with=tuple(data.get("not_with", ())),
        related=tuple(data.get("related", ())),
        yields_to=tuple(data.get("yields_to", ())),
        attributes=tuple(attribute(name, said) for name, said in data.get("attributes", {}).items()),
        codes=lines(data, "codes"),
        also=lines(data, "also"),
        history=lines(data, "history"),
        links=tuple(link(said) for said in data.get("links", ())),
        cues=tuple((words, tuple(meat[key])) for key, words in CUES.items() if meat.get(key)),
        examples=tuple(example(number, load().families[path.stem]) for number in range(len(data.get("examples", ())))),
    )


def of_tail(name: str) -> Card:
    """A rare condition: its names and codes, from whichever shared file has them."""
    family = load().families[name]
    texts: dict[str, list[str]] = {}
    for term in family.terms:
        number = dict(term.sets).get("code", "")
        codes = [x.codes[0] for x in family.codes if ("code", (number,)) in x.when and x.codes]
        texts.setdefault(" or ".join(sorted(codes)), []).append(term.text)
    return Card(
        name=name,
        label=family.label,
        kind=family.kind,
        policy=family.policy,
        source="Title and inclusion terms of the tabular list",
        file=SHARED[1],
        digest=file_hashes()[SHARED[1]],
        prefixes=tuple(sorted({x.codes[0][:3] for x in family.codes if x.codes})),
        names=tuple(Names(tuple(found), (("code", code),)) for code, found in sorted(texts.items())),
        yields_to=family.yields_to,
    )


def names(block: Mapping[str, Any]) -> Names:
    texts = block["text"]
    options = [words for key, words in OPTIONS.items() if block.get(key)]
    if block.get("alone") is False:
        options.append("never makes the condition by itself")
    if block.get("kind"):
        options.append(f"read as {block['kind']}")
    places = [f"{words} {', '.join(block[key])}" for key, words in PLACES.items() if block.get(key)]
    if places:
        options.append(f"only {' or '.join(places)}")
    sets = tuple((name, str(value)) for name, value in block.get("set", {}).items())
    return Names((texts,) if isinstance(texts, str) else tuple(texts), sets, tuple(options))


def attribute(name: str, said: Mapping[str, Any]) -> Attribute:
    values = tuple((value, tuple(sources)) for value, sources in said.get("values", {}).items())
    return Attribute(name, said.get("scope", "near"), str(said.get("default", "")), values)


def lines(data: Mapping[str, Any], name: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            in_words(said.get("when", {})),
            ", ".join(said.get("codes", ())) or said.get("code", ""),
            said.get("suppress", "").removeprefix("other: "),
            said.get("why", ""),
            said.get("offer", True),
        )
        for said in data.get(name, ())
    )


def in_words(when: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """{stage = ["3a", ""]} is (("stage", "3a or not said"),)."""
    special = {"": "not said", "*": "anything"}
    return tuple(
        (name, " or ".join(special.get(v, v) for v in ([wanted] if isinstance(wanted, str) else wanted)))
        for name, wanted in when.items()
    )


def link(said: Mapping[str, Any]) -> Link:
    families = said["family"]
    return Link(
        (families,) if isinstance(families, str) else tuple(families),
        in_words(said.get("when", {})),
        tuple((name, str(value)) for name, value in said.get("set", {}).items()),
        said.get("why", ""),
    )


def example(index: int, family: Any) -> Example:
    one = family.examples[index]
    said = (one.section, one.expect, one.reject, one.meat, one.setting, one.reported, one.verdict.replace("-", " "))
    return Example(one.number, one.text, example_text(one), *said)


# ------------------------------------------------------------------------------------------------------------ figures


@dataclass(frozen=True)
class Figure:
    """How well a family was read on one set of annotated notes. Counts as in `nlp.evaluate`; letters: letter -> counts.

    unchanged: "all" where these very rules were measured, "file" where the family's own file was, "" otherwise.
    """

    corpus: str
    notes: int
    measured_on: str
    ruleset: str
    unchanged: str
    found: int
    false: int
    missed: int
    traps: int
    hit: int
    letters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def given(self) -> int:
        return self.found + self.false

    @property
    def annotated(self) -> int:
        return self.found + self.missed

    @property
    def precision(self) -> Decimal | None:
        return share(self.found, self.given)

    @property
    def recall(self) -> Decimal | None:
        return share(self.found, self.annotated)

    @property
    def by_letter(self) -> list[tuple[str, Decimal | None, Decimal | None, int]]:
        """(letter, precision, recall, annotated quotes) of the evidence, "any" last; a precision is a lower bound."""
        return [
            (letter, share(q["right"], q["quoted"]), share(q["found"], q["gold"]), q["gold"])
            for letter in (*map(str, Meat), "any")
            if (q := self.letters.get(letter))
        ]


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole, from 0 to 1, three decimals; None of nothing."""
    return (Decimal(part) / whole).quantize(Decimal("0.001"), ROUND_HALF_UP) if whole else None


def stored_figures(path: Path = FIGURES) -> dict[str, Any]:
    """What `evaluate_nlp --store` wrote, by the name of the notes; nothing where nobody measured."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def figures(family: str, stored: Mapping[str, Any], ruleset: str) -> list[Figure]:
    """The measurements that have something to say of a family; none is "not measured"."""
    out = []
    for corpus, said in stored.items():
        counts = said["families"].get(family)
        if not counts or not (counts["found"] + counts["false"] + counts["missed"] + counts["traps"]):
            continue
        same = "all" if said["ruleset"] == ruleset else "file" if counts["file"] == file_of(family) else ""
        out.append(
            Figure(
                corpus=corpus,
                notes=said["notes"],
                measured_on=said["measured_on"],
                ruleset=said["ruleset"],
                unchanged=same,
                letters=counts.get("letters", {}),
                **{key: counts[key] for key in ("found", "false", "missed", "traps", "hit")},
            )
        )
    return out


def file_of(family: str) -> str:
    """The digest of the file that has a family's rules."""
    hashes = file_hashes()
    return hashes.get(family, hashes[SHARED[1]])
