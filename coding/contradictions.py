"""The bridge to `nlp.contradictions`: what the notes of a chart say that cannot both hold, each note by itself too."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from coding.models import Chart, Encounter, NlpRun, Note, Project
from coding.workflow import RunStatus
from nlp.contradictions import MEASURED, Said, between, reported
from nlp.copied import copied_from, same, sentence_of
from nlp.findings import Statement

AT_ONCE = 200
"""Charts whose notes are in memory together."""


@dataclass(frozen=True)
class Place:
    """One side of a contradiction: `note.text[start:end] == quote`.

    copied_from: the earlier date of service of the chart whose record has the same sentence.
    """

    note: int
    encounter: int
    day: str
    start: int
    end: int
    quote: str
    copied_from: date | None = None


@dataclass(frozen=True)
class Contradiction:
    """Two places of the record that do not go together, for a person to judge: no verdict, and nothing about payment.

    codes: those that the places are about, the more concerned one first; none where no mention gave one. places: one
    alone where a reported code stands against a number.
    """

    kind: str
    family: str
    codes: tuple[str, ...]
    rule: str
    why: str
    places: tuple[Place, ...]

    def concerns(self, icd10: str, *, nearly: bool = False) -> bool:
        """Whether a code is one of those; nearly: or of their category, such as N18."""
        return icd10[:3] in {code[:3] for code in self.codes} if nearly else icd10 in self.codes


def of_chart(chart: Chart, encounters: Iterable[Encounter]) -> list[Contradiction]:
    """Of a chart, by date; one query. encounters: all of it, with their notes and first-pass codes."""
    return _compared(encounters, statements([chart.pk]))


def of_project(project: Project) -> Iterator[tuple[Chart, list[Contradiction]]]:
    """The charts in which something cannot both hold, by their ids; five queries for AT_ONCE charts."""
    charts = Chart.objects.filter(member__project=project)
    ids = list(charts.order_by("pk").values_list("pk", flat=True))
    with_record = charts.select_related("member").prefetch_related("encounters__notes", "encounters__first_pass_codes")
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        said = statements(some)
        for chart in with_record.filter(pk__in=some).order_by("pk"):
            if found := _compared(chart.encounters.all(), said):
                yield chart, found


def statements(charts: Collection[int]) -> dict[int, list[Statement]]:
    """By note what its newest finished run heard."""
    runs = NlpRun.objects.filter(note__encounter__chart__in=charts, status=RunStatus.DONE).order_by("pk")
    stored = dict(runs.values_list("note_id", "result__statements"))
    return {note: [Statement(**one) for one in heard or ()] for note, heard in stored.items()}


def _compared(encounters: Iterable[Encounter], heard: Mapping[int, list[Statement]]) -> list[Contradiction]:
    """What was heard in the notes, and what the reported codes say, against each other."""
    notes = {
        note.pk: (note, encounter)
        for encounter in sorted(encounters, key=lambda e: (e.date_from, e.pk))
        for note in sorted(encounter.notes.all(), key=lambda n: n.pk)
    }
    said = {pk: list(heard.get(pk, ())) for pk in notes}
    for encounter in {encounter.pk: encounter for _, encounter in notes.values()}.values():
        of_date = [pk for pk, (_, other) in notes.items() if other.pk == encounter.pk]
        numbers = [pk for pk in of_date if any(one.says == MEASURED for one in said[pk])]
        codes = sorted({code.icd10 for code in encounter.first_pass_codes.all()})
        said[(numbers or of_date)[0]] += [one for code in codes if (one := reported(code))]
    pairs = between((pk, encounter.date_from.isoformat(), said[pk]) for pk, (_, encounter) in notes.items())
    earlier = cache(lambda day: [(e.date_from, same(n.text)) for n, e in notes.values() if e.date_from < day])
    return [
        Contradiction(
            pair.kind,
            pair.one.statement.subject,
            tuple(dict.fromkeys(code for code in (pair.one.statement.icd10, pair.other.statement.icd10) if code)),
            pair.rule,
            pair.why,
            tuple(place(side, *notes[side.note], earlier) for side in (pair.one, pair.other) if side.statement.end),
        )
        for pair in pairs
    ]


def place(said: Said, note: Note, encounter: Encounter, earlier: Callable[[date], list[tuple[date, str]]]) -> Place:
    start, end = said.statement.start, said.statement.end
    copied = copied_from(sentence_of(note.text, start, end), earlier(encounter.date_from))
    return Place(note.pk, encounter.pk, said.day, start, end, note.text[start:end], copied)


def concerning(found: Iterable[Contradiction], codes: Iterable[str]) -> dict[str, list[Contradiction]]:
    """By code the contradictions that stand on its card: those of the code itself, else those of its category."""
    asked = set(codes)
    by_code: dict[str, list[Contradiction]] = {}
    for one in found:
        exactly = {code for code in asked if one.concerns(code)}
        for code in exactly or {code for code in asked if one.concerns(code, nearly=True)}:
            by_code.setdefault(code, []).append(one)
    return by_code
