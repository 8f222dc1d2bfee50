"""How values read on a page."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

import scoring
from coding import icd10, validity
from coding import worked as on_paper
from coding.provider_queries import practice
from coding.workflow import CHANGE_REASONS, REASONS, ChartStatus, Outcome, SpanLabel

if TYPE_CHECKING:
    from coding.models import EvidenceSpan
    from coding.scores import Paid
    from coding.views.reading import Group
    from coding.views.record import Piece

register = template.Library()

STATUS_TONES = {
    ChartStatus.IMPORTED: "quiet",
    ChartStatus.READY: "info",
    ChartStatus.IN_REVIEW: "info",
    ChartStatus.ON_HOLD: "warn",
    ChartStatus.CODED: "good",
    ChartStatus.IN_QA: "info",
    ChartStatus.RETURNED: "bad",
    ChartStatus.CLOSED: "quiet",
}
SPAN_LETTERS = {
    SpanLabel.MONITOR: "M",
    SpanLabel.EVALUATE: "E",
    SpanLabel.ASSESS: "A",
    SpanLabel.TREAT: "T",
    SpanLabel.AGAINST: "✕",
}


@register.filter
def three(value: Decimal | str | None) -> str:
    """A score as the method publishes it, three decimals: 0.911. Never rounded here: scores arrive with three."""
    return "" if value is None else f"{Decimal(value):.3f}"


@register.filter
def signed(value: Decimal | str | None) -> str:
    """A difference of scores with its sign: +0.267, -0.302, +0.000."""
    return "" if value is None else f"{Decimal(value):+.3f}"


@register.filter
def as_paid(paid: "Paid") -> str:
    """A score as it would be paid: 0.911, or "not known: 0.911 or 1.178" without and with what may not count."""
    return f"not known: {paid.sure:.3f} or {paid.most:.3f}" if paid.amount is None else f"{paid.amount:.3f}"


@register.filter
def thousandths(value: int | None) -> str:
    """A factor as `scoring` keeps it: 1067 reads 1.067; nothing for one that is missing."""
    return "" if value is None else f"{Decimal(value).scaleb(-3):.3f}"


@register.filter
def code_title(code: str) -> str:
    """The official title of an ICD-10-CM code, or a word that it has none in the release."""
    return icd10.title(code) or "not in the code list of this release"


@register.filter
def status_tone(status: str) -> str:
    return STATUS_TONES.get(ChartStatus(status), "quiet") if status else "quiet"


@register.filter
def validity_tone(state: str) -> str:
    return {validity.OK: "good", validity.CHECK: "warn", validity.BLOCKED: "bad"}[state]


@register.filter
def reason_label(reason: str) -> str:
    subject = practice().subjects.get(reason)
    return subject.label if subject else REASONS.get(reason) or CHANGE_REASONS.get(reason) or reason


@register.filter
def outcome_label(outcome: str) -> str:
    return str(Outcome(outcome).label) if outcome else ""


SECTIONS = {
    "assessment_plan": "Assessment and plan", "pmh": "Past medical history", "hpi": "History of present illness",
    "ros": "Review of systems",
}  # fmt: skip


@register.filter
def section_label(section: str) -> str:
    """The rules' name of a note's section as words: hospital_course reads "Hospital course"."""
    return SECTIONS.get(section) or section.replace("_", " ").capitalize()


@register.filter
def span_letter(label: str) -> str:
    """M, E, A, T; ✕ for what speaks against; nothing for the mention itself."""
    return SPAN_LETTERS.get(SpanLabel(label), "")


@register.filter
def days(dates: Sequence[date], most: int = 0) -> SafeString:
    """Days in a row; of more than `most`, so many and how many are left. Written here, because every card has some."""
    shown = dates[:most] if most else dates
    row = ", ".join(f'<span class="number">{day:%Y-%m-%d}</span>' for day in shown)
    left = len(dates) - len(shown)
    return mark_safe(row + (f" and {left} more" if left else ""))  # noqa: S308


@register.filter
def words(text: str) -> list[str]:
    """The words of a text, for a loop over a few fixed ones."""
    return text.split()


@register.filter
def get(values: Mapping[Any, Any], key: Any) -> Any:
    return values.get(key)


@register.inclusion_tag("components/worked.html")
def worked(score: scoring.Score) -> dict[str, Any]:
    """A score step by step, as on paper: templates/components/worked.html says what it shows."""
    return {"score": score, "worked": on_paper.worked(score)}


@register.filter
def marked(piece: "Piece", note: int) -> SafeString:
    """A piece of a note as one element: where it begins, what it shows, whose evidence it is.

    Written here and not in a template, because a chart has thousands of them. The text arrives in the page character
    by character: a parser would make a line feed of a carriage return, and offsets would drift.
    """
    attributes = {
        "id": f"n{note}-{piece.segment.start}" if piece.segment.begins else "",
        "class": f"seg {piece.mark}".strip(),
        "data-start": str(piece.segment.start),
        "data-marks": piece.marks,
        "data-letters": piece.letters,
        "data-reason": piece.reason,
    }
    said = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items() if value)
    text = str(escape(piece.segment.text)).replace("\r", "&#13;")
    page = ""
    if piece.page:  # an element without text, so that the note's text stays what it is
        words = f"Page {piece.page}{': no text, not read by the rules' if piece.unread else ''}"
        tone = " unread" if piece.unread else ""
        page = (
            f'<span class="page-mark{tone}" id="note-{note}-page-{piece.page}" role="separator" aria-label="{words}" '
            f'data-page="{words}"></span>'
        )
    return mark_safe(f"{page}<span {said}>{text}</span>")  # noqa: S308


def copied(span: "EvidenceSpan") -> str:
    return f'<span class="copied">copied from {span.copied_from:%Y-%m-%d}</span>' if span.copied_from else ""


@register.filter
def quotes(group: "Group") -> SafeString:
    """The evidence under one letter, folded from the third quote on. Written here for the same reason as `marked`."""
    label = SpanLabel(group.label)
    letter = (
        f'<span class="letter {label.value}" title="{label.label}">{group.letter or "·"}'
        f'<span class="visually-hidden"> {label.label}</span></span>'
    )
    said = [
        f'<a class="quote" href="#n{span.note_id}-{span.start}" data-span="{span.pk}" data-jump="{span.note_id}" '
        f'data-start="{span.start}" data-end="{span.end}">{escape(span.quote)}</a>{copied(span)}'
        for span in group.spans
    ]
    more = (
        f'<details class="more"><summary>{len(said) - 2} more</summary>{"".join(said[2:])}</details>'
        if said[2:]
        else ""
    )
    return mark_safe(  # noqa: S308
        f'<li class="evidence-group">{letter}<div class="quotes">{"".join(said[:2])}{more}</div></li>'
    )
