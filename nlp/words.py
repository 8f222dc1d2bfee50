"""Words looked for in a note: rule patterns as regular expressions, tried only where one of them can begin."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import accumulate, chain, groupby

LETTERS = 3
"""Letters by which the beginning of a word is known: enough to tell most words apart."""
TOKEN = re.compile(r"[a-z]+|[0-9]+|[^\sa-z0-9\-]")
PARTS = re.compile(f"({TOKEN.pattern})")


class Text(str):
    """A folded note that knows its words: cut once, however many surfaces and patterns are looked for in it."""

    @cached_property
    def parts(self) -> list[str]:
        """What stands between its words and, at every odd place, its words, numbers and signs."""
        return PARTS.split(self)

    @cached_property
    def words(self) -> list[str]:
        """Its words, numbers and signs."""
        return self.parts[1::2]

    @cached_property
    def starts(self) -> list[int]:
        """Where its words start."""
        return list(accumulate(map(len, self.parts)))[:-1:2]

    @cached_property
    def beginnings(self) -> dict[str, list[int]]:
        """Where words start, by their first letters."""
        found: dict[str, list[int]] = defaultdict(list)
        for word, start in zip(self.words, self.starts, strict=True):
            found[word[:LETTERS]].append(start)
        return found

    @cached_property
    def first_letters(self) -> frozenset[str]:
        """The beginnings of its words."""
        return frozenset(self.beginnings)

    @cached_property
    def places(self) -> dict[Words, Sequence[int]]:
        """Where the patterns that were looked for can begin."""
        return {}

    def begins_with(self, openings: frozenset[str] | None) -> Sequence[int]:
        """Where words with such first letters start, in text order; None: any word."""
        if openings is None:
            return self.starts
        here = [self.beginnings[letters] for letters in openings & self.first_letters]
        return here[0] if len(here) == 1 else sorted(chain.from_iterable(here)) if here else ()


class Words:
    """Patterns of which any may match, the earlier one first; whole words, unless one ends in a look-ahead.

    They are compiled when first met in a text, or all together before a worker forks (`nlp.warm`): a shell that reads
    one note needs few of the thousand patterns of all families.
    """

    def __init__(self, sources: tuple[str, ...]) -> None:
        self.sources = tuple(map(spelled, sources))

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        parts = []
        for is_open, sources in groupby(map(pattern, self.sources), ends_in_look_ahead):
            joined = "|".join(sources)
            parts.append(joined if is_open else f"(?:{joined})(?![a-z0-9])")
        return re.compile(r"(?<![a-z0-9])(?:" + "|".join(parts) + ")")

    @cached_property
    def openings(self) -> frozenset[str] | None:
        """The first letters of all words with which a match can begin; None where any word may."""
        found = [openings(s) for s in self.sources]
        return None if None in found else frozenset().union(*(f for f in found if f))

    def prepare(self) -> None:
        """Do now what the first search would do."""
        assert self.compiled
        assert self.openings is None or self.openings

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        if not isinstance(text, Text):
            return self.compiled.search(text, start, end)
        for at in self.places(text, start, end):
            if m := self.compiled.match(text, at, end):
                return m
        return None

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        """As of a regular expression: from left to right, without overlaps."""
        if not isinstance(text, Text):
            return self.compiled.finditer(text, start, end)
        places = self.places(text, start, end)
        return self.matches(text, places, end) if places else NOTHING

    def places(self, text: Text, start: int = 0, end: int = sys.maxsize) -> Sequence[int]:
        """Where a match can begin between two offsets; quick, and more often than there is one."""
        found = text.places.get(self)
        if found is None:
            found = text.places[self] = text.begins_with(self.openings)
        if not found or (start == 0 and end >= len(text)):
            return found
        return found[bisect_left(found, start) : bisect_left(found, end)]

    def matches(self, text: str, places: Iterable[int], end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        match, free = self.compiled.match, 0
        for at in places:
            if at >= free and (m := match(text, at, end)):
                yield m
                free = m.end()


NOTHING: Iterator[re.Match[str]] = iter(())


def union(sources: Iterable[str]) -> Words | None:
    """One pattern for many, the same one for the same many; None for none."""
    distinct = tuple(dict.fromkeys(sources))
    return words_of(distinct) if distinct else None


@cache
def words_of(sources: tuple[str, ...]) -> Words:
    return Words(sources)


ABBREVIATED = (
    (re.compile(r"\bdue to\b"), "(?:due to|d/t|2/2)"),
    (re.compile(r"\bwith\b(?= )"), "(?:with|w/?)"),
    (re.compile(r"\bdisorder\b"), "(?:disorder|d/o)"),
    (re.compile(r"\bmoderate\b"), "mod(?:erate)?"),
    (re.compile(r"\balcohol\b"), "(?:alcohol|etoh)"),
)
"""Words of rule patterns, with the short forms that hurried notes have for them."""


@cache
def spelled(source: str) -> str:
    """A rule pattern that finds its words abbreviated as well; not one that looks behind, which is of a fixed width."""
    if "(?<" not in source:
        for word, either in ABBREVIATED:
            source = word.sub(either, source)
    return source


@cache
def pattern(source: str) -> str:
    """A rule pattern as a regular expression: a blank takes any short run of blanks, hyphens and line ends.

    Inside a look-behind, which must have a fixed width, it takes exactly one.
    """
    out: list[str] = []
    i, depth, behind, in_class = 0, 0, [], False
    while i < len(source):
        c = source[i]
        if c == "\\":
            out.append(source[i : i + 2])
            i += 2
            continue
        if in_class:
            in_class = c != "]"
        elif c == "[":
            in_class = True
        elif c == "(":
            depth += 1
            if source.startswith(("(?<!", "(?<="), i):
                behind.append(depth)
        elif c == ")":
            if behind and behind[-1] == depth:
                behind.pop()
            depth -= 1
        elif c == " ":
            if behind:
                out.append(r"[\s\-]")
            elif source[i + 1 : i + 2] == "?":
                out.append(r"[\s\-]{0,12}")
                i += 1
            else:
                out.append(r"[\s\-]{1,12}")
            i += 1
            continue
        out.append(c)
        i += 1
    return "".join(out)


def ends_in_look_ahead(source: str) -> bool:
    """Whether a pattern's last group is a look-ahead, behind which a word border would be a second condition."""
    depth = 0
    for i in range(len(source) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(source[i], 0) if source[i - 1 : i] != "\\" else 0
        if depth == 0:
            return source.startswith(("(?!", "(?="), i)
    return False


# -------------------------------------------------------------------------------------------- where a match can begin

EDGE, ANY = " ", "?"
"""In first letters: the word is over, and anything may follow."""
DIGITS = "0123456789"
LETTER = frozenset("abcdefghijklmnopqrstuvwxyz" + DIGITS)
LOOK = re.compile(r"\(\?<?[=!]")
GROUP = re.compile(r"\((?:\?:)?")
CLASS = re.compile(
    r"\[(?:(?P<letters>(?:[a-z]|[0-9]-[0-9]|[0-9])+)|(?P<signs>[^\^\\\]a-z0-9]+))\]|\[\^?\]?(?:[^\]\\]|\\.)*\]"
)
TIMES = re.compile(r"(?P<maybe>\?)\??|(?P<any>\*|\{0[^}]*\})\??|(?:\+|\{[^}]*\})\??")
BEGUN = re.compile(rf"[a-z]{{{LETTERS}}}|[0-9]{{{LETTERS}}}|[a-z]+[0-9{EDGE}]|[0-9]+[a-z{EDGE}]|[a-z0-9]*\{ANY}|{EDGE}")
"""First letters that are enough: so many of a word, or all of a shorter one and what ends it."""


@cache
def openings(source: str) -> frozenset[str] | None:
    """The first letters of the words with which a match of a rule pattern can begin: "(?:lymph )?node" gives lym, nod.

    Of a shorter word all its letters. None if a match may begin with other words too; with a blank none may begin.
    """
    found, _ = first_letters(source, 0)
    if not ends_in_look_ahead(source):
        found = {letters + EDGE for letters in found}
    heads = [TOKEN.match(letters) for letters in map(begun, found) if ANY not in letters]
    return frozenset(m.group() for m in heads if m) if len(heads) == len(found) and all(heads) else None


@cache
def begun(letters: str) -> str:
    """The part that tells the beginning of a word; "" where more letters must follow for that."""
    m = BEGUN.match(letters)
    return m.group() if m else ""


def listed(letters: str) -> str:
    """The letters and digits of a class: "1-3x" is "123x"."""
    return re.sub("([0-9])-([0-9])", lambda m: DIGITS[int(m[1]) : int(m[2]) + 1], letters)


def first_letters(source: str, at: int, wanted: bool = True) -> tuple[set[str], int]:
    """What the alternatives of a pattern begin with, from an offset to the end of its group, and where that is.

    wanted: False where only the end is asked for.
    """
    done: set[str] = set()
    fresh = {""} if wanted else set()
    heads = fresh  # those of the present alternative for which more letters must follow
    while at < len(source) and source[at] != ")":
        c = source[at]
        if c == "|":
            done |= heads
            heads, at = fresh, at + 1
            continue
        if look := LOOK.match(source, at):
            _, at = first_letters(source, look.end(), wanted=False)
            at += 1
            continue
        if group := GROUP.match(source, at):
            more, at = first_letters(source, group.end(), wanted=bool(heads))
            at += 1
        elif in_class := CLASS.match(source, at):
            more, at = set(listed(in_class["letters"] or (EDGE if in_class["signs"] else ANY))), in_class.end()
        elif source.startswith(r"\d", at):
            more, at = set(DIGITS), at + 2
        elif c == "\\":
            escaped = source[at + 1]
            more, at = {"" if escaped == "b" else ANY if escaped.isalnum() else EDGE}, at + 2
        else:
            more, at = {c if c in LETTER else ANY if c in ".^$" else EDGE}, at + 1
        if times := TIMES.match(source, at):
            more = {letters if times["maybe"] else letters + ANY for letters in more}
            more |= {""} if times["maybe"] or times["any"] else set()
            at = times.end()
        if heads:
            longer = {h + letters for h in heads for letters in more}
            done |= {enough for h in longer if (enough := begun(h))}
            heads = {h for h in longer if not begun(h)}
    return done | heads, at
