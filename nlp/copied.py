"""Sentences that stand word for word in an earlier record of the same person. Pure.

A copied sentence is no fault by itself, and its evidence counts: the coder has to see that nobody may have looked
again on this date. What counts as "the same" is our own choice; no source defines it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date

LEAST_WORDS = 6  # shorter sentences ("Continue metformin.") are written again as they are, without copying
# Where a sentence ends: at a line's end too, since lists and tables have no full stops.
LONGEST = 2000  # characters looked back, so that a note without full stops costs no more than another
ENDS = re.compile(r"(?<=[.;!?])\s+|[\r\n]+")


def same(text: str) -> str:
    """What two copies have in common: words and signs, without capitals and the kind of space."""
    return " ".join(text.split()).casefold()


def sentence_of(text: str, start: int, end: int) -> str:
    """The sentences around a place of the text, whole."""
    before = [match.end() for match in ENDS.finditer(text, max(start - LONGEST, 0), start)]
    after = ENDS.search(text, max(end - 1, 0))
    return text[before[-1] if before else max(start - LONGEST, 0) : after.start() if after else len(text)]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text stand that are long enough to tell a copy."""
    start = 0
    for end, following in ((m.start(), m.end()) for m in ENDS.finditer(text)):
        yield from long_enough(text, start, end)
        start = following
    yield from long_enough(text, start, len(text))


def long_enough(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    sentence = text[start:end]
    if len(sentence.split()) >= LEAST_WORDS:
        yield end - len(sentence.lstrip()), start + len(sentence.rstrip())


def copied_from(sentence: str, earlier: Iterable[tuple[date, str]]) -> date | None:
    """The day of the newest of the earlier records that has the sentence. earlier: days and `same(text)`, in order."""
    wanted = same(sentence)
    if len(wanted.split()) < LEAST_WORDS:
        return None
    return max((day for day, text in earlier if wanted in text), default=None)
