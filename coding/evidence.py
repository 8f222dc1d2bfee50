"""A note's text and the spans in it, cut into segments for highlighting. Pure.

Spans may overlap, nest and cross paragraphs; a page can only nest. So the text is cut at every border: each segment
carries every span that covers it, and the segments joined are the text again. Offsets are Unicode code points and are
cut here, on the server: JavaScript counts other units.
"""

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
