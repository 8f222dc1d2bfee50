"""The bridge to `nlp.contradictions`: what the notes of a chart say that cannot both hold, each note by itself too."""

from collections.abc import Iterable
from dataclasses import dataclass

from coding.models import Chart, Encounter, NlpRun, Note
from coding.workflow import RunStatus
from nlp.contradictions import Said, between
from nlp.findings import Statement


@dataclass(frozen=True)
class Place:
    """One side of a contradiction: `note.text[start:end] == quote`."""

    note: int
    encounter: int
    day: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Contradiction:
    """Two places of the record that do not go together, for a person to judge: no verdict, and nothing about payment.

    codes: those that the places are about, the more concerned one first; none where no mention gave one.
    """

    kind: str
    family: str
    codes: tuple[str, ...]
    rule: str
    why: str
    places: tuple[Place, Place]

    def concerns(self, icd10: str, *, nearly: bool = False) -> bool:
        """Whether a code is one of those; nearly: or of their category, such as N18."""
        return icd10[:3] in {code[:3] for code in self.codes} if nearly else icd10 in self.codes


def of_chart(chart: Chart, encounters: Iterable[Encounter]) -> list[Contradiction]:
    """From the newest finished run of each note, by date; one query. encounters: all of the chart, with their notes."""
    notes = {
        note.pk: (note, encounter)
        for encounter in sorted(encounters, key=lambda e: (e.date_from, e.pk))
        for note in sorted(encounter.notes.all(), key=lambda n: n.pk)
    }
    runs = NlpRun.objects.filter(note__encounter__chart=chart, status=RunStatus.DONE).order_by("pk")
    said = dict(runs.values_list("note_id", "result__statements"))
    read = [
        (pk, encounter.date_from.isoformat(), [Statement(**one) for one in said.get(pk) or ()])
        for pk, (_, encounter) in notes.items()
    ]
    return [
        Contradiction(
            pair.kind,
            pair.one.statement.subject,
            tuple(dict.fromkeys(code for code in (pair.one.statement.icd10, pair.other.statement.icd10) if code)),
            pair.rule,
            pair.why,
            (place(pair.one, *notes[pair.one.note]), place(pair.other, *notes[pair.other.note])),
        )
        for pair in between(read)
    ]


def place(said: Said, note: Note, encounter: Encounter) -> Place:
    start, end = said.statement.start, said.statement.end
    return Place(note.pk, encounter.pk, said.day, start, end, note.text[start:end])


def concerning(found: Iterable[Contradiction], codes: Iterable[str]) -> dict[str, list[Contradiction]]:
    """By code the contradictions that stand on its card: those of the code itself, else those of its category."""
    asked = set(codes)
    by_code: dict[str, list[Contradiction]] = {}
    for one in found:
        exactly = {code for code in asked if one.concerns(code)}
        for code in exactly or {code for code in asked if one.concerns(code, nearly=True)}:
            by_code.setdefault(code, []).append(one)
    return by_code
