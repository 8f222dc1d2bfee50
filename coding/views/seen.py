"""What the rules see in a text, as a page shows it: the text with marks, each mention with its reasons. Pure."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import nlp
from coding.evidence import Segment, Span, segments
from coding.workflow import Verdict
from nlp.cards import cards
from nlp.explain import Explanation, Seen

REASON_WORDS = {
    "negated": "negated",
    "family": "family: somebody else's",
    "historical": "told as past",
    "ruled-out": "ruled out",
    "uncertain": "uncertain",
    "hypothetical": "only a risk, a plan or advice",
    "mention-only-no-MEAT": "only named: no assessment, no MEAT element",
    "medication-list-only": "only in the medication list",
}
MENTION, PASSED, SILENT, CUE = "mention", "passed", "silent", "cue"


@dataclass(frozen=True)
class Piece:
    """A piece of the text. anchor: the number of the mention that begins here; goes_to: of the one that covers it."""

    text: str
    classes: str
    anchor: int | None
    goes_to: int | None
    tag: str
    section: str


@dataclass(frozen=True)
class Item:
    """A mention as the page lists it. number: its place in the text, from 1."""

    number: int
    seen: Seen
    words: str
    values: list[tuple[str, str, str]]
    reasons: list[tuple[str, str, str]]
    muted: bool

    @property
    def state(self) -> str:
        return MENTION if self.seen.codes else PASSED if self.seen.reasons else SILENT


@dataclass(frozen=True)
class Found:
    """A finding with its mentions and its evidence by letter as quotes."""

    finding: nlp.Finding
    label: str
    items: list[Item]
    evidence: list[tuple[str, list[str]]]
    muted: bool


@dataclass(frozen=True)
class Page:
    """All that the page shows of a text."""

    explanation: Explanation
    pieces: list[Piece]
    found: list[Found]
    passed: list[Item]
    silent: list[Item]
    verdicts: list[tuple[nlp.FirstPass, str, list[str]]]
    contradictions: list[tuple[nlp.Contradiction, list[str]]]


def page_of(text: str, explanation: Explanation, muted: Container[str]) -> Page:
    items = [item(text, number, one, muted) for number, one in enumerate(explanation.seen, 1)]
    found = [
        Found(
            finding,
            cards()[finding.family].label if finding.family in cards() else finding.family,
            [i for i in items if i.seen.family == finding.family and finding.icd10 in i.seen.codes],
            [(str(letter), [text[a:b] for a, b in spans]) for letter in nlp.Meat if (spans := finding.spans(letter))],
            finding.family in muted,
        )
        for finding in explanation.result.findings
    ]
    verdicts = [
        (v, str(Verdict(v.verdict.value).label), [text[a:b] for a, b in (v.evidence or v.against)][:6])
        for v in explanation.result.first_pass
    ]
    return Page(
        explanation,
        pieces_of(text, explanation, items),
        found,
        [i for i in items if i.state == PASSED],
        [i for i in items if i.state == SILENT],
        verdicts,
        [(c, [text[s.start : s.end] for s in (c.one, c.other)]) for c in explanation.result.contradictions],
    )


def item(text: str, number: int, seen: Seen, muted: Container[str]) -> Item:
    values = [(v.name, v.value, text[slice(*v.words)] if v.words else "") for v in seen.values]
    reasons = [
        (REASON_WORDS.get(reason, reason.removeprefix("other: ")), text[slice(*cue)] if cue else "", code)
        for reason, cue, code in seen.reasons
    ]
    return Item(number, seen, text[seen.start : seen.end], values, reasons, seen.family in muted)


def pieces_of(text: str, explanation: Explanation, items: Sequence[Item]) -> list[Piece]:
    """The text cut at every mention, quote and deciding word; the pieces joined are the text."""
    spans = {Span(i.seen.start, i.seen.end, i.state, i.number) for i in items}
    spans |= {Span(e.start, e.end, str(e.letter), 0) for f in explanation.result.findings for e in f.meat}
    spans |= {Span(c.start, c.end, CUE, 0) for c in explanation.cues}
    sections = {s.start: s.kind for s in explanation.result.sections if s.kind and s.start < s.end}
    spans |= {Span(start, start + 1, "section", 0) for start in sections if start < len(text)}
    by_number = {i.number: i for i in items}
    return [piece(segment, by_number, sections.get(segment.start, "")) for segment in segments(text, spans)]


def piece(segment: Segment, items: Mapping[int, Item], section: str) -> Piece:
    over = [items[n] for n in segment.owners if n]
    begins = [items[s.owner] for s in segment.begins if s.owner]
    first = next((i for i in over if i.state == MENTION), over[0] if over else None)
    starting = next((i for i in begins if i is first), begins[0] if begins else None)
    letters = [x for x in segment.labels if x in set(nlp.Meat)]
    classes = [first.state] if first else []
    classes += [CUE] if CUE in segment.labels else []
    classes += letters[:1]
    tag = ""
    if starting:
        tag = ", ".join(starting.seen.codes) or (starting.reasons[0][0].partition(":")[0] if starting.reasons else "")
    return Piece(
        segment.text,
        " ".join(classes),
        starting.number if starting else None,
        first.number if first else None,
        tag,
        section,
    )
