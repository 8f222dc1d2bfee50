"""All rules, indexed for the stages, and read once per process.

`python -m nlp.catalog` says what is wrong with the files, and with their examples: see `nlp.check`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from nlp.families import Family, Term, tail_name
from nlp.rulefiles import CatalogError, RuleFiles
from nlp.surfaces import Surfaces, key_of, variants
from nlp.titles import Title, Titles
from nlp.titles import load as load_titles
from nlp.words import Words

HERE = Path(__file__).parent
VERSION = "2026.11"


@dataclass(frozen=True, slots=True)
class CueRule:
    """One row of context.toml: literals with the category, direction and limits of their scope."""

    category: str
    direction: str
    text: str
    max_targets: int | None = None
    max_scope: int | None = None
    kinds: tuple[str, ...] = ()
    ends: bool = False


@dataclass(frozen=True, eq=False)
class Catalog:
    families: Mapping[str, Family]
    surfaces: Mapping[str, tuple[Term, ...]]
    decoys: Mapping[str, frozenset[str]]
    matcher: Surfaces
    headings: Mapping[str, str]
    subheadings: frozenset[str]
    heading_words: tuple[tuple[str, str], ...]
    roles: Mapping[str, frozenset[str]]
    cues: tuple[CueRule, ...]
    general: Mapping[str, Words]
    story: Mapping[str, Words]
    ruleset: str
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """The name of the family that owns the codes which begin so."""
    titles: Titles = field(default_factory=Titles)
    """What an item of a list means that is a title of the tabular list (titles.py)."""
    common: Catalog | None = None
    """The same rules with the families of common.toml, which are read only where one of their codes is reported."""

    def family_of(self, code: str) -> Family | None:
        """The family that owns a code: the longest prefix wins. None where no file knows the code."""
        prefix = self.prefix_of(code)
        return self.families[self.prefixes[prefix]] if prefix else None

    def prefix_of(self, code: str) -> str:
        """The longest prefix of a code that a family owns; "" where none does."""
        return next((code[:n] for n in range(len(code), 0, -1) if code[:n] in self.prefixes), "")

    def family_of_title(self, title: Title) -> str:
        """The name of the family that a title's code belongs to."""
        return tail_name(title.code[:3], title.kind) if title.kind else self.prefixes[self.prefix_of(title.code)]

    def side(self, is_common: bool) -> Catalog:
        """These rules, or those of common.toml where there are any."""
        return self.common if is_common and self.common else self

    def is_common(self, code: str) -> bool:
        """Whether common.toml knows a code better than conditions/ does."""
        return self.common is not None and len(self.common.prefix_of(code)) > len(self.prefix_of(code))


def read(files: RuleFiles, without_bad: bool = False, tail: bool = True) -> Catalog:
    """The catalog of some files. Raises CatalogError with every problem at once.

    without_bad: leave out families with problems (for writing one while others are half done). tail: with the long
    tail, which is left out while its own file is written.
    """
    families = {f.name: f for f in files.families(without_bad)}
    common = {f.name: f for f in files.common()}
    titles = load_titles(files.folder / "titles.tsv") if tail else Titles()
    if tail:
        judged = {p for f in common.values() for p in f.prefixes}
        families |= {f.name: f for f in files.tail(families, titles.values(), judged)}
    files.check_links(families)
    sections = files.toml(files.folder / "sections.toml")
    context = files.toml(files.folder / "context.toml")
    headings: dict[str, str] = {}
    for kind, names in sections.get("headings", {}).items():
        for heading in names:
            headings.setdefault(heading, kind)
    general, story = (
        {
            name: words
            for name, sources in context.get(table, {}).items()
            if (words := files.compiled(f"context.toml: {table}.{name}", sources))
        }
        for table in ("general", "story")
    )
    if files.problems and not without_bad:
        raise CatalogError(files.faults())
    rules = Catalog(
        families={},
        surfaces={},
        decoys={},
        matcher=Surfaces(()),
        headings=headings,
        subheadings=frozenset(sections.get("subheadings", {}).get("names", [])),
        heading_words=tuple((w["word"], w["kind"]) for w in sections.get("words", [])),
        roles={k: frozenset(v) for k, v in sections.get("roles", {}).items()},
        cues=tuple(cue_rules(context)),
        general=general,
        story=story,
        ruleset=f"{VERSION}+{digest(files.folder)}",
    )
    return replace(with_families(rules, families), titles=titles, common=with_families(rules, common))


def with_families(rules: Catalog, families: Mapping[str, Family]) -> Catalog:
    """The shared rules with some families and what finds them."""
    surfaces: dict[str, list[Term]] = {}
    forms: set[str] = set()
    for f in families.values():
        for term in f.terms:
            for form in variants(term.text.lower()):
                forms.add(form)
                key = key_of(form)
                terms = surfaces.setdefault(key, [])
                if all(t.family != term.family for t in terms):
                    terms.append(term)
                elif term.key == key:
                    # The surface as written beats a generated variant of another surface of the family.
                    terms[:] = [term if t.family == term.family and t.key != term.key else t for t in terms]
    decoys: dict[str, frozenset[str]] = {}
    for f in families.values():
        for form in (form for d in f.decoys for form in variants(d.lower())):
            forms.add(form)
            key = key_of(form)
            if key not in surfaces:
                decoys[key] = decoys.get(key, frozenset()) | {f.name}
    return replace(
        rules,
        families=families,
        surfaces={k: tuple(sorted(v, key=lambda t: t.family)) for k, v in surfaces.items()},
        decoys=decoys,
        matcher=Surfaces(forms),
        prefixes={p: f.name for f in families.values() for p in f.prefixes},
    )


def cue_rules(context: Mapping[str, Any]) -> Iterator[CueRule]:
    for row in context.get("cue", []):
        for text in dict.fromkeys(row["text"]):
            yield CueRule(
                category=row["category"],
                direction=row["direction"],
                text=text,
                max_targets=row.get("max_targets"),
                max_scope=row.get("max_scope"),
                kinds=tuple(row.get("kinds", ())),
                ends=bool(row.get("ends")),
            )


def digest(folder: Path) -> str:
    """Twelve hexadecimal digits over every rule file (name and bytes) and the code that reads them."""
    h = hashlib.sha256()
    for path in sorted(
        [*folder.glob("*.toml"), *folder.glob("*.tsv"), *folder.glob("conditions/*.toml"), *folder.glob("*.py")]
    ):
        h.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()[:12]


@cache
def load(folder: Path = HERE) -> Catalog:
    """The catalog of a folder, read once per process. Raises CatalogError with every problem at once."""
    return read(RuleFiles(folder, thorough=False))


if __name__ == "__main__":
    from nlp.check import main

    sys.exit(main(sys.argv[1:]))
