"""The record as pages show it: dates of service with their facts, notes cut where something is marked. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby, pairwise
from typing import Any

from django.db.models import Prefetch

from coding import validity
from coding.contradictions import Contradiction, Place
from coding.evidence import Segment, Span, headings, segments
from coding.models import Chart, Document, DocumentPage, Encounter, EvidenceSpan, NlpRun, Note
from coding.templatetags.secondpass import SPAN_LETTERS
from coding.workflow import RunStatus, SpanLabel, SuggestionStatus

SUPPRESSED = "suppressed"
CONTRADICTION = "contradiction"
PAGE = "page"
HEADING = "heading"
# One mark on a piece of text that several labels cover: the element that a coder has to find comes first.
MARK_ORDER = (SpanLabel.AGAINST, SpanLabel.ASSESS, SpanLabel.TREAT, SpanLabel.EVALUATE, SpanLabel.MONITOR)


@dataclass(frozen=True)
class Piece:
    """A segment of a note as the page shows it: how it is marked, and the letters of the elements that begin here."""

    segment: Segment
    mark: str
    letters: str
    reason: str
    page: int = 0  # the page of the document that begins here, from 1
    unread: bool = False  # and whether it holds no text

    @property
    def marks(self) -> str:
        """Whose evidence it is, for the page's script: "12:treat 14+:assess" (+ where that evidence begins)."""
        begins = set(self.segment.begins)
        return " ".join(f"{s.owner}{'+' * (s in begins)}:{s.label}" for s in self.segment.spans if s.owner > 0)


@dataclass(frozen=True)
class NotePage:
    note: Note
    run: NlpRun | None
    pieces: list[Piece]
    outline: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.run.status if self.run else RunStatus.QUEUED

    @property
    def document(self) -> Document | None:
        return getattr(self.note, "document", None)

    @property
    def sizes(self) -> str:
        """The widths and heights of the document's pages in points, with how many are alike: "612x792x3 792x612x1"."""
        sizes = ((page.width, page.height) for page in self.document.pages.all()) if self.document else ()
        return " ".join(f"{width}x{height}x{len(list(alike))}" for (width, height), alike in groupby(sizes))


@dataclass(frozen=True)
class Fact:
    """What is known about an encounter. `value` is blank where the file did not say: unknown, never met."""

    name: str
    value: str
    tone: str = ""


@dataclass
class EncounterPage:
    encounter: Encounter
    facts: list[Fact]
    notes: list[NotePage]
    validity: validity.Validity
    open_count: int = 0

    @property
    def unread_pages(self) -> list[tuple[Note, int]]:
        return unread_pages_of(self.encounter)

    @property
    def codes(self) -> list[str]:
        """The first-pass codes, each once: several sources may report the same."""
        return sorted({code.icd10 for code in self.encounter.first_pass_codes.all()})


def unread_pages_of(encounter: Encounter) -> list[tuple[Note, int]]:
    """The pages of the encounter's notes that hold no text: (note, page from 1)."""
    return [(note, page) for note in encounter.notes.all() for page in note.unread_pages]


def pieces(
    note: Note,
    spans: Iterable[EvidenceSpan],
    suppressed: Iterable[dict[str, Any]] = (),
    outline: Iterable[tuple[int, int, str]] = (),
    places: Iterable[Place] = (),
) -> list[Piece]:
    """The note cut for highlighting, and where a page begins; the texts of the pieces joined are the note.

    suppressed: mentions of nlp's answer that were not taken, with their reason. places: where links lead besides.
    """
    marks = {Span(span.start, span.end, span.label, span.suggestion_id) for span in spans}
    marks |= {Span(start, end, HEADING, 0) for start, end, _ in outline}
    marks |= {Span(one.start, one.end, CONTRADICTION, 0) for one in places}
    pages = dict(zip(note.page_offsets, range(1, len(note.page_offsets) + 1), strict=True))
    marks |= {Span(start, end, PAGE, 0) for start, end in pairwise([*pages, len(note.text)]) if start < end}
    reasons: dict[int, str] = {}
    for number, mention in enumerate(suppressed, start=1):
        if 0 <= mention["start"] < mention["end"] <= len(note.text):
            marks.add(Span(mention["start"], mention["end"], SUPPRESSED, -number))
            reasons[-number] = mention.get("reason", "")
    found = [piece(segment, reasons) for segment in segments(note.text, marks)]
    if not pages:
        return found
    begins = {start: {"page": page, "unread": page in note.unread_pages} for start, page in pages.items()}
    return [replace(one, **begins[one.segment.start]) if one.segment.start in begins else one for one in found]


def piece(segment: Segment, reasons: dict[int, str]) -> Piece:
    labels = segment.labels
    classes = ["mention"] if SpanLabel.MENTION in labels else []
    classes += [label.value for label in MARK_ORDER if label in labels][:1]
    if not classes and SUPPRESSED in labels:
        classes = [SUPPRESSED]
    if HEADING in labels:
        classes.append(HEADING)
    begins = dict.fromkeys(SPAN_LETTERS[SpanLabel(s.label)] for s in segment.begins if s.label in SPAN_LETTERS)
    reason = next((reasons[s.owner] for s in segment.begins if s.owner in reasons), "")
    return Piece(segment, " ".join(classes), "".join(begins), reason.replace("_", " "))


def facts(encounter: Encounter) -> list[Fact]:
    """Provider, signature and claim, in the order in which a coder checks whether the encounter can count."""
    claim = getattr(encounter, "claim", None)
    provider = ", ".join(filter(None, [encounter.provider_name, encounter.provider_credential]))
    signed = encounter.signature_status
    signature = ", ".join(
        filter(
            None,
            [signed, encounter.signature_name, encounter.signature_credential, _day(encounter.signature_date)],
        )
    )
    found = [
        Fact("Provider", provider),
        Fact("Specialty", encounter.provider_specialty),
        Fact("Signature", signature, "" if signed in ("signed", "") else "bad"),
    ]
    if claim is None:
        return [*found, Fact("Claim", "")]
    procedures = " ".join("-".join([line.get("procedure", ""), *line.get("modifiers", [])]) for line in claim.lines)
    accepted = {True: "accepted", False: "not accepted", None: "acceptance unknown"}[claim.accepted]
    icn = f"ICN {claim.icn}, {accepted}" if claim.icn else accepted if claim.accepted is not None else ""
    return [
        *found,
        Fact("Claim", icn, "bad" if claim.accepted is False else ""),
        Fact("Place of service", claim.place_of_service),
        *([Fact("Type of bill", claim.type_of_bill)] if claim.type_of_bill else []),
        Fact("Procedures", procedures),
    ]


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def encounters_of(chart: Chart) -> list[Encounter]:
    """The record with what the page shows of it: the runs of its notes and the pages of its documents besides."""
    return list(
        validity.encounters_of(chart).prefetch_related(
            Prefetch("notes__runs", NlpRun.objects.order_by("pk")),
            Prefetch("notes__document__pages", DocumentPage.objects.defer("words")),
        )
    )


def places_of(differing: Iterable[Contradiction]) -> dict[int, list[Place]]:
    """By note the places that contradict something."""
    found: dict[int, list[Place]] = {}
    for one in differing:
        for place in one.places:
            found.setdefault(place.note, []).append(place)
    return found


def muted_mentions(chart: Chart) -> dict[int, list[dict[str, Any]]]:
    """By note the mentions about which the project has muted the question, in the form of nlp's suppressed ones."""
    found: dict[int, list[dict[str, Any]]] = {}
    spans = EvidenceSpan.objects.filter(
        suggestion__chart=chart, suggestion__status=SuggestionStatus.MUTED, label=SpanLabel.MENTION
    )
    for note, start, end, code in spans.values_list("note_id", "start", "end", "suggestion__icd10"):
        found.setdefault(note, []).append({"start": start, "end": end, "reason": f"muted {code}"})
    return found


def note_page(
    note: Note,
    spans: list[EvidenceSpan],
    muted: Iterable[dict[str, Any]] = (),
    places: Iterable[Place] = (),
) -> NotePage:
    run = next(reversed(note.runs.all()), None)
    suppressed = (run.result or {}).get("suppressed", ()) if run else ()
    outline = headings(note.text)
    return NotePage(note, run, pieces(note, spans, [*suppressed, *muted], outline, places), outline)
