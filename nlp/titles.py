"""Titles of the ICD-10-CM tabular list, as electronic records print them in lists of problems and diagnoses.

    python -m nlp.titles MAPPING.csv ... > nlp/titles.tsv

"Secondary malignant neoplasm of left kidney and renal pelvis" means C79.02, whatever the words in it would mean in a
sentence. An item of a list that is a title, or begins with one before a colon, a dash or a bracket, is therefore one
mention of its code; prose is read by the condition files. MAPPING.csv: any table with a column `icd10`; its codes
(without dots) say which titles are wanted. One that the condition files read as its own code, or name, is left out. One
line: code, kind where no condition file owns the code, title, title of the category.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlp.catalog import Catalog
    from nlp.sections import Page

TITLE = "title"
"""The attribute under which a mention carries the code that its title states."""
SHORTEST, LONGEST = 8, 260
"""Characters of an item that may be a title, with what stands around it; no title's key is shorter."""
BEFORE = re.compile(
    r"\s*(?:[-•*o>#]\s+|\(?\d{1,2}[.)]\s*|[a-z][.)]\s+|\[[ x]?\]\s+)?"
    r"(?:assessment:?\s+)?(?:[a-z]\d[a-z0-9](?:\.[a-z0-9]{1,4})?(?:\s*[-–:]\s*|\s+))?"
)
"""The sign or number of an item, and a code written before its title."""
SIGNS = re.compile(r"[^a-z0-9]+")
AFTER = re.compile(r"\s*(?:[.;:\[(]|\s[-–]+\s|$)")
"""Where a title may be over: before a code or "(HCC)" in brackets, and before what is said of the problem."""
NOT_WANTED = ("Z68", "R40.2", "Z3A")
"""Measurements: an index of body mass needs a diagnosis beside it, and a scale of coma is no condition."""


@dataclass(frozen=True, slots=True)
class Title:
    """kind: as of a condition file (conditions/README.md); "" where the family that owns the code knows it."""

    code: str
    kind: str
    text: str
    category: str


class Titles(dict[str, Title]):
    """Titles by their keys."""

    @cached_property
    def openings(self) -> frozenset[str]:
        """The first letters of the keys: hardly an item that is no title has any of them."""
        return frozenset(key[:SHORTEST] for key in self)


def key_of(text: str) -> str:
    """A title in any of its prints: letters and digits alone, since records change commas, brackets and hyphens."""
    return SIGNS.sub("", text)


def load(path: Path) -> Titles:
    """The titles of a file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    found = (Title(*line.split("\t")) for line in lines)
    return Titles((key_of(title.text), title) for title in found)


def find(page: Page, titles: Titles) -> Iterator[tuple[int, int, Title]]:
    """Where the note has a title as an item of its own: start, end and the title, in text order."""
    for start, end in page.sentences:
        if not SHORTEST <= end - start <= LONGEST:
            continue
        item = BEFORE.match(page.low, start, end)
        first = item.end() if item else start
        if key_of(page.low[first : first + 2 * SHORTEST])[:SHORTEST] not in titles.openings:
            continue
        ends = [m.start() for m in AFTER.finditer(page.low, first, end) if m.start() > first]
        for last in reversed(ends or [end]):
            said = page.low[first:last].rstrip(" .;:")
            title = titles.get(key_of(said))
            if title:
                yield first, first + len(said), title
                break


def rows(codes: Collection[str], catalog: Catalog) -> Iterator[Title]:
    """The titles of codes that are not read as these codes without this file."""
    import simple_icd_10_cm as icd

    from nlp import understood
    from nlp.longtail import kind_of, label
    from nlp.surfaces import key_of as surface_key

    bare = replace(catalog, titles=Titles())
    seen: set[str] = set()
    for code in sorted(codes):
        if not icd.is_valid_item(code) or not icd.is_leaf(code) or code.startswith(NOT_WANTED):
            continue
        text = " ".join(icd.get_description(code).lower().replace("’", "'").split())
        read, _ = understood(f"DISCHARGE DIAGNOSES:\n1. {text}.", "inpatient", bare, False)
        if len(key_of(text)) < SHORTEST or key_of(text) in seen or code in {f.icd10 for f in read.findings}:
            continue
        seen.add(key_of(text))
        if any(not catalog.families[term.family].tail for term in catalog.surfaces.get(surface_key(text), ())):
            continue  # a condition file has the very words
        family = catalog.family_of(code)
        is_later = len(code) == 8 and code[-1] != "A"  # a later encounter for an injury, or what it left behind
        kind = "" if family and not family.tail else "chronic" if is_later else kind_of(code, text)
        yield Title(code, kind, text, label(code))


def main(arguments: list[str]) -> int:
    from nlp import catalog
    from nlp.longtail import codes_in

    for title in rows(codes_in(arguments), catalog.load()):
        sys.stdout.write("\t".join((title.code, title.kind, title.text, title.category)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
