"""How the surfaces of a family are spelled by people, and one walk over a note that finds them all."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from nlp.words import TOKEN, Text

PREPOSITIONS = frozenset({"of", "in"})
ARTICLES = frozenset({"the", "his", "her", "their", "this"})
"""Words that may stand behind a preposition inside a surface, and change nothing: "cancer of (the) breast"."""
ARTICLE = re.compile(rf"\b({'|'.join(sorted(PREPOSITIONS))})[\s\-]+(?:{'|'.join(sorted(ARTICLES))})(?=[\s\-])")


def key_of(text: str) -> str:
    """A surface or a match without articles, blanks and hyphens, so that all its spellings meet."""
    return "".join(ARTICLE.sub(r"\1", text).replace("-", " ").split())


NUMBERED = re.compile(r"\b(type|stage|grade|class|group) (\d|[iv]{1,3})\b")
ROMAN = {"1": "i", "2": "ii", "3": "iii", "4": "iv", "5": "v"}
ARABIC = {v: k for k, v in ROMAN.items()}
BRITISH = (
    (re.compile(r"emia\b"), "aemia"),
    (re.compile(r"emic\b"), "aemic"),
    (re.compile(r"\bhem(?=[ao])"), "haem"),
    (re.compile(r"tumor"), "tumour"),
    (re.compile(r"edema"), "oedema"),
    (re.compile(r"\besoph"), "oesoph"),
)


NON, NON_APART = re.compile(r"\bnon(?=[a-z]{4})"), re.compile(r"\bnon (?=[a-z]{4})")
"""A denying prefix, which is written together, with a hyphen, or apart."""
TUMOR_OF = re.compile(
    r"(adenocarcinoma|(?:squamous cell |(?:non )?small cell |transitional cell )?carcinoma|ca)"
    r" of the (?:(left|right) )?(.+)"
)
TUMOR_SHORT = (
    ("adenocarcinoma", "adenoca"),
    ("squamous cell carcinoma", "scc"),
    ("transitional cell carcinoma", "tcc"),
)
SEEDED = re.compile(r"liver|lungs?$|brain|bone|pleura|peritoneum|skin")
"""Sites that a name of a tumor right before them may call the seat of a metastasis."""


def sited(form: str) -> Iterator[str]:
    """A tumor with its side, and its site as a list writes it: "carcinoma, left breast", "ca sigmoid colon"."""
    m = TUMOR_OF.fullmatch(form)
    if m:
        tumor, side, site = m.groups()
        for which in (f"{side} ",) if side else ("", "left ", "right "):
            yield f"{tumor} of {which}{site}"
            yield f"{tumor}, {which}{site}"
            if which or not SEEDED.match(site):
                yield f"{tumor} {which}{site}"


SHORT = tuple(
    (word, re.compile(rf"\b{word}\b"), short)
    for word, short in (
        ("disorder", "d/o"),
        ("disease", "dz"),
        ("alcohol", "etoh"),
        ("respiratory", "resp"),
        ("seizure", "sz"),
    )
)
"""Words that notes abbreviate within a longer name."""


@cache
def variants(surface: str) -> tuple[str, ...]:
    """The spellings of a surface that people write, hyphens and blanks apart. See conditions/README.md."""
    forms = {surface}
    for form in list(forms):
        m = NUMBERED.search(form)
        if m:
            other = ROMAN.get(m[2]) or ARABIC.get(m[2])
            if other:
                forms.add(form[: m.start(2)] + other + form[m.end(2) :])
    for form in sorted(forms):
        forms.update(sited(form))
    forms = {ARTICLE.sub(r"\1", form) for form in forms}
    for form in sorted(forms):
        for name, short in TUMOR_SHORT:
            if name in form:
                forms.add(form.replace(name, short))
    for form in sorted(forms):
        if "end stage" in form:
            forms.add(form.replace("end stage", "endstage"))
    for form in sorted(forms):
        if "non" in form:
            forms |= {NON.sub("non ", form), NON_APART.sub("non", form)}
    for word, whole_word, short in SHORT:
        forms |= {whole_word.sub(short, form) for form in forms if word in form and " " in form}
    for form in sorted(forms):
        if "'s" in form:
            forms |= {form.replace("'s", "s"), form.replace("'s", "")}
    for form in sorted(forms):
        if any(x in form for x in ("em", "edema", "tumor", "esoph")):
            british = form
            for american, spelling in BRITISH:
                british = american.sub(spelling, british)
            forms.add(british)
    for form in sorted(forms):
        if "w/" in form:
            forms.add(re.sub(r"\bw/ ?", "with ", form))
        if " with " in form:
            forms |= {form.replace(" with ", " w/ "), form.replace(" with ", " w ")}
        if " and " in form:
            forms.add(form.replace(" and ", " & "))
        if " & " in form:
            forms.add(form.replace(" & ", " and "))
    for form in sorted(forms):
        last = form.rsplit(" ", 1)[-1]
        if len(last) >= 3 and last[-1].isalpha() and last[-1] != "s":
            forms.add(form[:-1] + "ies" if last[-1] == "y" and last[-2] not in "aeiou" else form + "s")
    return tuple(sorted(forms))


NEEDED, LOOSE = " ", "~"
"""Borders inside a surface: a run of blanks or hyphens that must be there, and one that may."""


BORDER = re.compile(rf"([{NEEDED}{LOOSE}])")
BETWEEN_LETTERS = re.compile(rf"(?<=[a-z]){LOOSE}(?=[a-z])|(?<=[0-9]){LOOSE}(?=[0-9])")
NUMBER_AT_WORD = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")


def marked(form: str) -> str:
    """A spelling with its inner borders marked: NEEDED between words, LOOSE where people leave the blank out."""
    words = form.replace("-", " ").split()
    out = words[0]
    for left, right in itertools.pairwise(words):
        loose = len(left) == 1 or left[-1].isdigit() or right[0].isdigit() or not right[0].isalnum() or left[-1] == "/"
        out += (LOOSE if loose else NEEDED) + right
    return NUMBER_AT_WORD.sub(LOOSE, out)


class Surfaces:
    """All surfaces as a trie of words: one walk over a note finds them, in a time that does not grow with their number.

    A step is a word, with a blank before it where the text has blanks or hyphens there. Articles behind a
    preposition are passed over, since no surface has one (`variants`).
    """

    MAX_GAP = 12
    END = ""

    def __init__(self, forms: Iterable[str]) -> None:
        self.root: dict[str, Any] = {}
        for form in forms:
            words = form.replace("-", " ").split()
            if form.isascii() and all(len(word) > 1 and word.isalpha() for word in words):
                # Most names are plain words with needed borders between them: the same as below, with less work.
                node = self.root.setdefault(words[0], {})
                for word in words[1:]:
                    node = node.setdefault(" " + word, {})
                node[self.END] = {}
                continue
            for spelling in self.joined(marked(form)):
                nodes = [self.root]
                for border, word in self.steps(spelling):
                    keys = {NEEDED: [" " + word], LOOSE: [word, " " + word], "": [word]}[border]
                    nodes = [node.setdefault(key, {}) for node in nodes for key in keys]
                for node in nodes:
                    node[self.END] = {}

    @staticmethod
    def joined(form: str) -> Iterator[str]:
        """A spelling and those in which a loose border between letters is closed: "a~fib" and "afib"."""
        yield form
        for m in BETWEEN_LETTERS.finditer(form):
            yield form[: m.start()] + form[m.end() :]

    @classmethod
    def steps(cls, form: str) -> Iterator[tuple[str, str]]:
        border = ""
        for part in BORDER.split(form):
            if part in (NEEDED, LOOSE):
                border = part
                continue
            for m in TOKEN.finditer(part):
                yield border, m.group()
                border = ""

    def find(self, text: Text) -> Iterator[tuple[int, int]]:
        """Where surfaces stand, from left to right without overlaps, the longest at each place."""
        words, starts = text.words, text.starts
        free = 0
        openings = self.root.keys() & set(words)
        for number in [n for n, word in enumerate(words) if word in openings]:
            if number < free:
                continue
            node = self.root.get(words[number])
            found, ahead = 0, number
            while node is not None:
                if self.END in node:
                    found = ahead + 1
                last = starts[ahead] + len(words[ahead])
                ahead += 1
                if ahead == len(words):
                    break
                if words[ahead] in ARTICLES and words[ahead - 1] in PREPOSITIONS and ahead + 1 < len(words):
                    last = starts[ahead] + len(words[ahead])
                    ahead += 1
                gap, word = starts[ahead] - last, words[ahead]
                node = node.get(word) if gap == 0 else node.get(" " + word) if gap <= self.MAX_GAP else None
            if found:
                free = found
                yield starts[number], starts[found - 1] + len(words[found - 1])
