"""ICD-10-CM codes: how they are written, what they are called, which can be billed.

The tabular list comes with the package `simple-icd-10-cm` (its release is named in `RELEASE`). It takes seconds and
memory to load, so it is loaded on first use, or once before the web server forks (`load`).
"""

import re
import tomllib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from heapq import nsmallest
from pathlib import Path

RELEASE = "ICD-10-CM FY2026, April 2026 update (simple-icd-10-cm 1.5)"
IN_FORCE = (date(2025, 10, 1), date(2026, 9, 30))  # the release's fiscal year; of other dates it says nothing
SHAPE = re.compile(r"(?:[A-Z][0-9]|Q[A-Z])[0-9A-Z](?:\.[0-9A-Z]{1,4})?")  # QA0 since fiscal year 2026


def normalise(code: str) -> str:
    """'e1122' and 'E11.22' both become 'E11.22'. Whether the code exists is another question."""
    bare = re.sub(r"[\s.]", "", code).upper()
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


def is_code_shaped(code: str) -> bool:
    return SHAPE.fullmatch(code) is not None


@cache
def titles() -> dict[str, str]:
    """Title by dotted code, for every billable code of the release."""
    import simple_icd_10_cm as tabular

    return {
        code: tabular.get_description(code)
        for code in tabular.get_all_codes()
        if is_code_shaped(code) and tabular.is_leaf(code)
    }


def load() -> None:
    _index()


def title(code: str) -> str:
    """The official title, or "" for a code that the release does not have."""
    return titles().get(code, "")


def is_billable(code: str) -> bool:
    return code in titles()


def is_code(text: str) -> bool:
    """Whether the tabular list has it: a billable code, or a category of some. Written with its dot."""
    import simple_icd_10_cm as tabular

    return is_code_shaped(text) and tabular.is_valid_item(text)


# --- What the notes of the tabular list name ------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """Codes that a note of the tabular list names: from `low` to `high`, both with all that is below them.

    Where the note adds a condition ("E08-E13 with .42", "S02.- with 7th character B"), `place` is the position in the
    code without its dot (-1: its end), and the code has one of `values` there.
    """

    low: str
    high: str
    place: int | None = None
    values: tuple[str, ...] = ()

    def has(self, code: str) -> bool:
        if not (code.startswith((self.low, self.high)) or self.low <= code <= self.high):
            return False
        if self.place is None:
            return True
        bare = code.replace(".", "")
        return bare.endswith(self.values) if self.place < 0 else bare.startswith(self.values, self.place)


IN_BRACKETS = re.compile(r"\(([^()]*[A-Z][0-9][^()]*)\)")
A_CODE = r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{0,4})?"
# A code, the beginning of some (E08.-) or a range (I69.81- I69.91-, M05.00 to M05.8A), and what is asked besides.
ONE = re.compile(rf"({A_CODE})[-.]*(?:\s*(?:-|to|\s)\s*({A_CODE})[-.]*)?(?:,?\s*(with\b.*))?")
AT_THE_END = re.compile(rf"[ (]({A_CODE}(?:\.?-)?)$")  # a few notes have no brackets
DECIMALS = re.compile(r"with \.(\d+)(?:-\.(\d+)|-)?")
CHARACTERS = re.compile(
    r"with (final|[a-z]+|\d)(?:th)?(?:[- ](?:to|or) [a-z]+)?[- ]characters? [-.]?([0-9A-Z]+)(?:-(\d))?"
)
PLACES = {"fifth": 4, "5": 4, "sixth": 5, "6": 5, "seventh": 6, "7": 6, "final": -1}


@cache
def excluded_by(code: str) -> tuple[Named, ...]:
    """What the Excludes1 notes of the code, and of all that it stands below, name."""
    import simple_icd_10_cm as tabular

    if not tabular.is_valid_item(code):
        return ()
    items = (code, *tabular.get_ancestors(code))
    return tuple(
        dict.fromkeys(named for item in items for note in tabular.get_excludes1(item) for named in _named(note))
    )


@dataclass(frozen=True)
class Underlying:
    """What "Code first" asks for. complete: the note names every condition, and not only examples ("such as")."""

    named: tuple[Named, ...]
    complete: bool


@cache
def underlying(code: str) -> Underlying | None:
    """What has to be coded before the code; None where nothing has to be, or the note names no code.

    "If applicable", "if known", "any associated" and complications that come first only where they exist ask for
    nothing. The note may stand at the category above.
    """
    import simple_icd_10_cm as tabular

    if not tabular.is_valid_item(code):
        return None
    note = tabular.get_code_first(code, search_in_ancestors=True)
    first, *more = [line.strip().lower() for line in note.split("\n")]
    if re.match(r",|\(|(any )?associated|any ", first) or re.search(r"\bif\b|complicating|poisoning|toxic", first):
        return None
    examples = "such as" in first
    if (more or examples) and "underlying" not in first:  # a list of what may come first, and need not
        return None
    named = _named(note)
    return Underlying(named, not examples) if named else None


@cache
def _named(note: str) -> tuple[Named, ...]:
    """The codes of a note, of each of its lines. What is asked besides and cannot be read takes its code out."""
    found: list[Named] = []
    for line in note.split("\n"):
        groups = IN_BRACKETS.findall(line) or AT_THE_END.findall(line.strip())
        for part in (part for group in groups for part in re.split(r",(?! with)| and | or ", group)):
            one = ONE.fullmatch(part.strip())
            if one is None:
                continue
            low, high, asked = one[1].rstrip("."), (one[2] or one[1]).rstrip("."), one[3]
            if ord(high[0]) - ord(low[0]) > 1:  # "A00-R94": the whole book, to say that this code is none of it
                continue
            if asked is None:
                found.append(Named(low, high))
            elif there := _asked(asked):
                found.append(Named(low, high, *there))
    return tuple(found)


def _asked(words: str) -> tuple[int, tuple[str, ...]] | None:
    """Where in the code, and which characters: 'with .51-.52', 'with 7th character B', 'with final characters -23'."""
    if decimals := DECIMALS.fullmatch(words):
        return 3, _from_to(decimals[1], decimals[2])
    if (characters := CHARACTERS.fullmatch(words)) and characters[1] in PLACES and " or " not in words:
        return PLACES[characters[1]], _from_to(characters[2], characters[3])
    return None


def _from_to(low: str, high: str | None) -> tuple[str, ...]:
    return tuple(str(number) for number in range(int(low), int(high) + 1)) if high and low.isdecimal() else (low,)


def fits(code: str, named: Iterable[Named]) -> bool:
    """Whether the code is one of those named."""
    return any(one.has(code) for one in named)


@lru_cache(maxsize=200_000)
def excludes(code: str, other: str) -> bool:
    """Whether an Excludes1 note of the first code, or of an ancestor, names the other."""
    return fits(other, excluded_by(code))


# --- Search --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A code that search offers. more: how many billable codes are under one that is not billable itself.

    because: the inclusion term that has the words, where the title has not all of them.
    """

    code: str
    title: str
    more: int = 0
    because: str = ""


@dataclass(frozen=True)
class _Index:
    """words: every word of titles and inclusion terms, sorted. codes_of: where in `codes` those are that have the word
    in a name of their own or of a category above. named: a title's words between spaces. weight: `_weight`. bare: every
    code without its dot, categories too, sorted."""

    codes: list[str]
    titles: list[str]
    named: list[str]
    weight: list[int]
    terms: list[tuple[str, ...]]
    words: list[str]
    codes_of: dict[str, set[int]]
    bare: list[tuple[str, str]]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def category(code: str) -> str:
    """E11.22 stands under E11.2, that under E11, and that under nothing."""
    return code[:-1].rstrip(".") if len(code) > 3 else ""


@cache
def _index() -> _Index:
    import simple_icd_10_cm as tabular

    codes = list(titles())
    names = list(titles().values())
    terms: list[tuple[str, ...]] = []

    @cache
    def terms_of(code: str) -> tuple[str, ...]:
        """The inclusion terms of a code and of the categories above it, whose name it shares."""
        above = terms_of(category(code)) if category(code) else ()
        return (*(tabular.get_inclusion_term(code) if tabular.is_valid_item(code) else ()), *above)

    codes_of: dict[str, set[int]] = defaultdict(set)
    for place, code in enumerate(codes):
        terms.append(terms_of(code))
        for word in _words(" ".join((names[place], *terms[place]))):
            codes_of[word].add(place)
    every = [code for code in tabular.get_all_codes() if is_code_shaped(code)]
    return _Index(
        codes,
        names,
        [f" {' '.join(_words(name))} " for name in names],
        [_weight(code, name) for code, name in zip(codes, names, strict=True)],
        terms,
        sorted(codes_of),
        dict(codes_of),
        sorted((code.replace(".", ""), code) for code in every),
    )


def _weight(code: str, name: str) -> int:
    """Lighter comes first: the plain condition before its special and residual forms, and before a history of it."""
    return len(name.lower().replace("unspecified", "")) + 25 * name.startswith("Other") + 40 * code.startswith("Z")


@cache
def abbreviations() -> dict[str, list[list[str]]]:
    """What is typed -> the words that each of its meanings stands for."""
    read = tomllib.loads((Path(__file__).parent / "abbreviations.toml").read_text())
    return {short: [_words(meaning) for meaning in meanings] for short, meanings in read.items()}


def _having(word: str) -> set[int]:
    """The codes with a word that begins so; from four letters on also with one that has them inside: nephr, gastr."""
    index = _index()
    at, found = bisect_left(index.words, word), set()
    while at < len(index.words) and index.words[at].startswith(word):
        found |= index.codes_of[index.words[at]]
        at += 1
    if len(word) >= 4:
        for one in index.words:
            if word in one:
                found |= index.codes_of[one]
    return _having(word[:-1]) if not found and len(word) > 4 and word.endswith("s") else found


def _having_all(words: Iterable[str]) -> set[int]:
    found: set[int] | None = None
    for word in words:
        found = _having(word) if found is None else found & _having(word)
        if not found:
            return set()
    return found or set()


@lru_cache(maxsize=1024)
def search(typed: str, limit: int = 20) -> tuple[Found, ...]:
    """Codes for a fragment of one (e112), or for words, parts of words and abbreviations (ckd 3b, copd exac).

    Words may stand in the title or in an inclusion term of the code or its category. First come codes whose title has
    the words whole, then the plain condition before its rare forms.
    """
    words = _words(typed)
    if not words:
        return ()
    start = "".join(words).upper()
    if len(words) <= 2 and re.fullmatch(r"[A-Z][0-9][0-9A-Z]{0,5}", start):
        of_code = _with_start(start, limit)
        if of_code:
            return of_code
    meanings = [[[word], *abbreviations().get(word, ())] for word in words]
    found: set[int] | None = None
    for options in meanings:
        having = set().union(*(_having_all(option) for option in options))
        found = having if found is None else found & having
    index = _index()

    def is_whole(option: list[str], name: str) -> bool:
        return all(f" {word} " in name for word in option)

    def order(place: int) -> tuple[int, int, str]:
        name = index.named[place]
        missing = sum(not any(is_whole(option, name) for option in options) for options in meanings)
        return missing, index.weight[place], index.codes[place]

    return tuple(
        Found(index.codes[place], index.titles[place], because=_because(place, words))
        for place in nsmallest(limit, found or (), key=order)
    )


def _because(place: int, words: list[str]) -> str:
    index = _index()
    if all(word in index.named[place] for word in words):
        return ""
    return next((term for term in index.terms[place] if all(word in term.lower() for word in words)), "")


def _with_start(start: str, limit: int) -> tuple[Found, ...]:
    import simple_icd_10_cm as tabular

    bare = _index().bare
    found: list[Found] = []
    at = bisect_left(bare, (start, ""))
    while at < len(bare) and bare[at][0].startswith(start) and len(found) < limit:
        code = bare[at][1]
        found.append(Found(code, tabular.get_description(code), 0 if is_billable(code) else len(children(code))))
        at += 1
    return tuple(found)


def children(code: str) -> list[str]:
    """The billable codes under a category."""
    import simple_icd_10_cm as tabular

    return [one for one in tabular.get_descendants(code) if is_billable(one)] if tabular.is_valid_item(code) else []


NOTES = {
    "inclusion_term": "Inclusion terms",
    "includes": "Includes",
    "excludes1": "Excludes1: not coded together",
    "excludes2": "Excludes2: not included here, may be coded too",
    "code_first": "Code first",
    "use_additional_code": "Use additional code",
    "code_also": "Code also",
}


def notes(code: str) -> list[tuple[str, str, list[str]]]:
    """(what it is, the code that it stands at, its lines): the tabular list's instructions at a code and above it."""
    import simple_icd_10_cm as tabular

    if not tabular.is_valid_item(code):
        return []
    found = []
    at = code
    while at:
        for name, words in NOTES.items():
            if not tabular.is_valid_item(at) or (name == "inclusion_term" and at != code):
                continue
            said = getattr(tabular, f"get_{name}")(at)
            lines = [said] if isinstance(said, str) else list(said)
            if lines := [part.strip() for line in lines for part in line.split("\n") if part.strip()]:
                found.append((words, at, lines))
        at = category(at)
    return found


def billable_on(code: str, day: date) -> bool | None:
    """Whether the code could be billed on the day; None where the release is of another fiscal year."""
    return is_billable(code) if IN_FORCE[0] <= day <= IN_FORCE[1] else None
