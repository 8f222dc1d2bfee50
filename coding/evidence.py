"""A note's text and the spans in it, cut into segments for highlighting. Pure.

Spans may overlap, nest and cross paragraphs; a page can only nest. So the text is cut at every border: each segment
carries every span that covers it, and the segments joined are the text again. Offsets are Unicode code points and are
cut here, on the server: JavaScript counts other units.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, order=True)
class Span:
    """`text[start:end]`; `label` is what it shows, `owner` the suggestion that it belongs to."""

    start: int
    end: int
    label: str
    owner: int


@dataclass(frozen=True)
class Segment:
    """A piece of the text, with the spans that cover it and those that begin here."""

    text: str
    start: int
    spans: tuple[Span, ...]
    begins: tuple[Span, ...]

    @property
    def labels(self) -> list[str]:
        """The distinct labels, in the order of their spans."""
        return list(dict.fromkeys(span.label for span in self.spans))

    @property
    def owners(self) -> list[int]:
        return list(dict.fromkeys(span.owner for span in self.spans))


def segments(text: str, spans: Iterable[Span]) -> list[Segment]:
    """Cut the text at every border of a span.

    Raises ValueError for a span outside the text: it would point at nothing.
    """
    ordered = sorted(set(spans))
    for span in ordered:
        if not 0 <= span.start < span.end <= len(text):
            raise ValueError(f"span {span.start}-{span.end} lies outside a text of {len(text)} characters")
    borders = sorted({0, len(text), *(s.start for s in ordered), *(s.end for s in ordered)})
    found: list[Segment] = []
    active: list[Span] = []
    following = 0
    for start, end in pairwise(borders):
        active = [span for span in active if span.end > start]
        begins = []
        while following < len(ordered) and ordered[following].start == start:
            begins.append(ordered[following])
            following += 1
        active += begins
        found.append(Segment(text[start:end], start, tuple(active), tuple(begins)))
    return found


# A line of capitals, or what a line of capitals begins with before its colon; or a few words alone with a colon.
HEADING = re.compile(
    r"^[ \t]*(?:([A-Z][A-Z0-9 /&,'()-]{3,58}?)[ \t]*(?::|\r?$)|([A-Z][A-Za-z /&-]{3,40}):[ \t]*\r?$)", re.M
)


def headings(text: str) -> list[tuple[int, int, str]]:
    """Where the text's headings stand: (start, end, words), for an outline to go by. How the rules read a section is
    another matter (`nlp.sections`)."""
    found = []
    for match in HEADING.finditer(text):
        group = 1 if match[1] else 2
        if sum(character.isalpha() for character in match[group]) >= 4:
            found.append((match.start(group), match.end(group), match[group]))
    return found
