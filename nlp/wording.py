"""What the words of a code's own description say in a note: for reported codes that no condition file can answer.

`wording.tsv` has every code of the tabular list but external causes, with its title and inclusion terms in plain words;
`python -m nlp.wording > nlp/wording.tsv` writes it anew for a release. `wording.toml` says how words are compared.
"""

from __future__ import annotations

import re
import sys
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from nlp.assertion import SILENT, Sentences
from nlp.candidates import Mention
from nlp.catalog import Catalog
from nlp.families import CodeLine, Family, Term
from nlp.findings import Span
from nlp.longtail import STUBS, kind_of, plainly
from nlp.sections import Page
from nlp.surfaces import key_of

HERE = Path(__file__).parent
ENDINGS = (
    "ations", "ation", "ated", "ating", "ically", "eal", "ial", "ious", "ous", "ical", "ian", "ies", "ine", "ia", "ic",
    "ae", "al", "ar", "us", "um", "is", "ix", "es", "ed", "ing", "ive", "s", "y", "e", "a", "i",
)  # fmt: skip
"""Endings that nouns and their adjectives differ in, the longest first."""
SHORTEST = 4
"""Letters that a word keeps at least."""
WORD = re.compile(r"non[ -]?(?=[a-z]{4})[a-z]+|[a-z]+|[0-9]+")
WITHOUT = re.compile(r",? ?\b(?:without|not|unspecified whether)\b[^,]*")
FEW = 2
"""Categories that are so few that a family's mention may mean any of them."""
CLOSE = 30
"""Characters around a mention in which its side and place are looked for."""
PAST = re.compile(r"\b(?:last (?:year|winter|spring|summer|fall|month|week|time)|ago|history of|hx of|h/o)\b")
"""In a sentence that is not of the condition itself: it tells of something that is over."""
TESTED = re.compile(
    r"\W{1,2}(?:pcr|cultures?|toxins?|titers?|antibod(?:y|ies)|antigens?|tests?|testing|swabs?|screen(?:ing)?|vaccin)"
)
"""Behind a disease: it is looked for or prevented."""
BREADTH = 120
"""Most characters from the first to the last word of a diagnosis."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to say what a code means.

    needed: the words without which it is not said. narrowing: the words that only narrow it.
    """

    needed: frozenset[str]
    narrowing: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        return self.needed | self.narrowing


@dataclass(frozen=True)
class Language:
    """The lists of wording.toml, each word by its meaning. stubs: words that alone say too little."""

    stubs: frozenset[str]
    idle: frozenset[str]
    vague: frozenset[str]
    sides: frozenset[str]
    narrowing: frozenset[str]
    places: frozenset[str]
    one_of: tuple[frozenset[str], ...]
    instead: tuple[tuple[str, str], ...]


@cache
def canon() -> dict[str, str]:
    """The first of each row of words with one meaning, by stem."""
    data = tomllib.loads((HERE / "wording.toml").read_text(encoding="utf-8"))
    return {stem(w): stem(row[0]) for row in (*data["places"], *data["same"]) for w in row}


@cache
def language() -> Language:
    data = tomllib.loads((HERE / "wording.toml").read_text(encoding="utf-8"))
    return Language(
        frozenset(map(meaning, STUBS)),
        frozenset(map(meaning, data["idle"])),
        frozenset(map(meaning, data["vague"])),
        frozenset(map(meaning, data["sides"])),
        frozenset(map(meaning, (*data["sides"], *data["narrowing"]))),
        frozenset(meaning(row[0]) for row in data["places"]),
        tuple(frozenset(map(meaning, row)) for row in data["one_of"]),
        tuple((one, another) for one, another in data["instead"]),
    )


def stem(word: str) -> str:
    """A word without its ending."""
    if word.endswith("sses"):
        word = word[:-2]
    if word.endswith("ss"):
        return word
    if len(word) == SHORTEST and word.endswith("s"):
        return word[:-1]  # ribs, toes
    ending = next((e for e in ENDINGS if word.endswith(e) and len(word) - len(e) >= SHORTEST), "")
    return word[: len(word) - len(ending)]


@lru_cache(maxsize=20_000)
def meaning(word: str) -> str:
    """What stands for a word and all that mean the same."""
    bare = stem(word.replace("-", "").replace(" ", ""))
    return canon().get(bare, bare)


@cache
def listed() -> dict[str, str]:
    """The lines of wording.tsv by code."""
    lines = (HERE / "wording.tsv").read_text(encoding="utf-8").splitlines()
    return {code: said for code, _, said in (line.partition("\t") for line in lines)}


@cache
def codes() -> tuple[str, ...]:
    return tuple(sorted(listed()))


def phrases(icd10: str) -> tuple[str, ...]:
    """The ways to say a code, its title first; none where it only names what is left over ("other ...")."""
    said = listed().get(icd10) or listed().get(icd10[:7].rstrip("X").rstrip("."), "")
    return tuple(filter(None, said.split("\t")))


@lru_cache(maxsize=8000)
def wordings(icd10: str) -> tuple[Wording, ...]:
    """The ways to say a code that name a diagnosis, in the words of the tabular list and in those of notes."""
    said = list(phrases(icd10))
    for one, another in language().instead:
        said += [p.replace(one, another) for p in said if one in p]
    return tuple(filter(None, map(wording, said)))


def wording(phrase: str) -> Wording | None:
    """A phrase of the tabular list as words; None where it names no diagnosis."""
    said = language()
    words = frozenset(map(meaning, WORD.findall(phrase))) - said.idle
    narrowing = {w for w in words if w in said.narrowing or len(w) < 3 or w.isdigit()}
    needed = words - narrowing
    if len(needed - said.vague) > 1:
        needed -= said.vague
    special = needed - said.places - said.vague
    if special - said.stubs or (special and len(needed) > 1):
        return Wording(needed, frozenset(narrowing))
    return None


class Reader:
    """A note by the meanings of its words."""

    def __init__(self, page: Page, catalog: Catalog, setting: str) -> None:
        self.page, self.setting = page, setting
        self.sentences = Sentences(page, setting, catalog.roles["assessment"])

    @cached_property
    def at(self) -> dict[str, list[Span]]:
        """Where words of one meaning stand."""
        found: dict[str, list[Span]] = {}
        for m in WORD.finditer(self.page.low):
            found.setdefault(meaning(m[0]), []).append(m.span())
        return found

    def places(self, words: Iterable[str]) -> Iterator[tuple[int, int, int]]:
        """(sentence, start, end) where all of some words stand in one sentence, close together.

        Where one of them is denied ("no ulcers or tumors of the stomach") it is that one alone.
        """
        rare, *others = sorted(words, key=lambda w: (len(self.at.get(w, ())), w))
        for start, end in self.at.get(rare, ()):
            number = self.page.sentence_at(start)
            nearest = [self.near(w, start, self.page.sentences[number]) for w in others]
            if None in nearest:
                continue
            spans = [(start, end), *(s for s in nearest if s)]
            first, last = min(s[0] for s in spans), max(s[1] for s in spans)
            if last - first <= BREADTH:
                denied = (s for s in spans if self.sentences.denied(number, *s))
                yield number, *next(denied, (first, last))

    def near(self, word: str, position: int, within: Span) -> Span | None:
        """Where a word stands nearest to a position, between two offsets."""
        spans = self.at.get(word, [])
        i = bisect_left(spans, (position, 0))
        inside = [s for s in spans[max(0, i - 1) : i + 1] if within[0] <= s[0] and s[1] <= within[1]]
        return min(inside, key=lambda s: abs(s[0] - position), default=None)

    def around(self, start: int, end: int) -> frozenset[str]:
        """The words of a mention and those that stand close to it in its sentence."""
        first, last = self.page.sentences[self.page.sentence_at(start)]
        low = self.page.low[max(first, start - CLOSE) : min(max(last, end), end + CLOSE)]
        return frozenset(map(meaning, WORD.findall(low)))

    def shown(self, word: str, said: Wording, sentences: set[int]) -> Span | None:
        """Where a word of a wording stands undenied and of the same thing, which some sentences speak of.

        It does in those sentences. A place or side does beside another word of the wording, what narrows it otherwise
        beside one that is no place, and any other word wherever it stands.
        """
        lists = language()
        company = said.needed - {word}
        if word in said.narrowing - lists.sides:
            company -= lists.places
        for start, end in self.at.get(word, ()):
            number = self.page.sentence_at(start)
            if self.page.section_at(start).kind in SILENT or self.sentences.denied(number, start, end):
                continue
            if number in sentences:
                return start, end
            if PAST.search(self.page.low, *self.page.sentences[number]):
                continue
            if word not in said.narrowing | lists.places:
                return start, end
            if any(self.near(w, start, self.page.sentences[number]) for w in company):
                return start, end
        return None


def mentions(reader: Reader, icd10: str, family: Family, *, benign: bool = False) -> tuple[Mention, ...]:
    """Where a note says what a code means; what only narrows it is not asked for, but must not be another there.

    benign: where it says "tumor" for the cancer that the code means.
    """
    found: dict[Span, Mention] = {}
    for w in wordings(icd10):
        needed = w.needed
        if benign:
            if meaning("cancer") not in needed:
                continue
            needed = needed - {meaning("cancer")} | {meaning("tumor")}
        for number, first, last in reader.places(needed):
            if is_other(w.words, reader.around(first, last)):
                continue
            text = reader.page.low[first:last]
            term = Term(family.name, text, key_of(text), family.kind)
            found[first, last] = Mention(term, first, last, number, reader.page.section_at(first).kind)
    return tuple(found[span] for span in sorted(found))


def is_other(wanted: frozenset[str], said: frozenset[str]) -> bool:
    """Whether words name another side, stage or form than is wanted, and not the wanted one."""
    return any(wanted & s and said & s and not wanted & said & s for s in language().one_of)


def family_for(icd10: str) -> Family | None:
    """A family for one reported code, which is never suggested; None where its description names no diagnosis."""
    if not wordings(icd10):
        return None
    label = phrases(icd10)[0].capitalize()
    return Family(
        name=f"reported {icd10}",
        label=label,
        kind=kind_of(icd10, label.lower()),
        prefixes=(icd10,),
        terms=(),
        codes=(CodeLine(codes=(icd10,), offer=False),),
    )


def title_words(icd10: str) -> frozenset[str]:
    """The words of a code's title; none where it only names what is left over."""
    return next((w.words for w in wordings(icd10)), frozenset())


def beyond(reader: Reader, icd10: str, found: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Where a note says what a reported code says beyond the one that was found; empty where it does not say all of it.

    spans: where the note speaks of what was found.
    """
    had = title_words(found)
    near = {reader.page.sentence_at(s[0]) for s in spans}
    for w in wordings(icd10):
        more = w.words - had
        if not more or any(s & (had - w.words) and s & more for s in exclusive(had | w.words)):
            continue
        shown = [reader.shown(word, w, near) for word in sorted(more)]
        if None not in shown:
            return tuple(sorted({s for s in shown if s}))
    return ()


def beyond_denied(reader: Reader, icd10: str, found: str) -> tuple[Span, ...]:
    """Where a note denies what a reported code says beyond the one that was found, and never says it otherwise."""
    had, lists = title_words(found), language()
    for said in wordings(icd10):
        more = said.words - had
        strong = more - lists.narrowing - lists.places - lists.vague
        for words in [more, *({w} for w in sorted(strong))] if strong or len(more) > 1 else ():
            spans = list(reader.places(words))
            if spans and all(reader.sentences.denied(*place) for place in spans):
                return tuple((start, end) for _, start, end in spans)
    return ()


def suits(reader: Reader, icd10: str, prefixes: Sequence[str], spans: Iterable[Span]) -> bool:
    """Whether some mention of a family's conditions is as like a code as like any other code that begins so.

    "Knee pain" is not like "pain in right elbow"; "arthritis" is like the arthritis of every joint. A mention like none
    of them, an abbreviation, may be any code of a family of few categories.
    """
    if not wordings(icd10) or icd10 in prefixes:
        return True
    near = [reader.around(*span) for span in spans]
    others = [c for p in prefixes for c in codes()[bisect_left(codes(), p) : bisect_left(codes(), p + "~")]]
    least = len(prefixes) > FEW
    return any(likeness(here, icd10) >= max(least, *(likeness(here, c) for c in others)) for here in near)


def likeness(here: frozenset[str], icd10: str) -> int:
    """How many words of a code's description are among some."""
    return max((len(w.words & here) for w in wordings(icd10)), default=0)


def exclusive(words: frozenset[str]) -> tuple[frozenset[str], ...]:
    return (*language().one_of, frozenset(w for w in words if w.isdigit()))


def lines() -> Iterator[str]:
    """wording.tsv: a code without the letter of its encounter, then its title and inclusion terms in plain words."""
    import simple_icd_10_cm as icd

    done: set[str] = set()
    for leaf in icd.get_all_codes():
        if not icd.is_leaf(leaf) or leaf[0] in EXTERNAL or not CODE.fullmatch(leaf):
            continue
        short = leaf[:7].rstrip("X").rstrip(".") if len(leaf) == 8 else leaf
        code = short if icd.is_valid_item(short) else leaf
        if code in done:
            continue
        done.add(code)
        said = dict.fromkeys(p for t in (icd.get_description(code), *terms_of(code)) for p in plain(t))
        if said:
            yield "\t".join((code, *said))


def terms_of(code: str) -> Iterator[str]:
    """The inclusion terms of a code, and those of the one above it that differs from it in the side alone."""
    import simple_icd_10_cm as icd

    yield from icd.get_inclusion_term(code)
    above = icd.get_parent(code)
    if above and len(above) > 3:
        words = [set(WORD.findall(icd.get_description(c).lower())) for c in (code, above)]
        more = words[0] - words[1]
        if words[1] <= words[0] and more and more <= SIDED:
            side = " ".join(sorted(more & {"left", "right", "bilateral"}))
            yield from (f"{term}, {side}".rstrip(", ") for term in icd.get_inclusion_term(above))


SIDED = frozenset({"left", "right", "bilateral", "unspecified", "side", "ear", "eye", "limb", "hand", "foot"})
EXTERNAL = "VWXY"
CODE = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?")
LEFT_OVER = re.compile(
    r"\bother\b|specified|classified|\bany\b|\bvarious\b|\bsequela|underdosing|\bdisorders? of\b|\bdiseases of\b"
)


NEOPLASMS = (
    ("secondary malignant neoplasm", "metastasis"), ("malignant neoplasm", "cancer"),
    ("benign neoplasm", "benign tumor"),
)  # fmt: skip
"""What the tabular list calls tumors, and notes."""
SIGNS = frozenset("+%<>=")
LEFT_OPEN = "site|trimester|organism|species"
UNKNOWN = re.compile(rf"\bunspecified (?:{LEFT_OPEN})\b|\b(?:{LEFT_OPEN}) (?:not specified|unspecified)\b")


def plain(title: str) -> Iterator[str]:
    """A title or inclusion term in plain words, and with the first only of two places ("liver and bile duct")."""
    text = UNKNOWN.sub("unspecified", title.lower().replace("’", "'"))
    for long, short in NEOPLASMS:
        text = text.replace(long, short)
    for said in (re.sub(r"\[.*?\]", "", text), *re.findall(r"\[([^\]]* [^\]]*)\]", text)):
        said = re.sub(r" in (?:other )?diseases classified elsewhere", "", said)
        said = re.sub(r", (?:including .*|cause$)", "", plainly(WITHOUT.sub("", said)))
        if said and not LEFT_OVER.search(said) and not set(said) & SIGNS:
            yield said
            half = re.fullmatch(r"((?:cancer|metastasis|tumor) of [^,]*?) (?:and|or) (?!.* of )[^,]*", said)
            if half:
                yield half[1]


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
