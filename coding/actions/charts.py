"""Charts come in. What was imported is never edited: a later file may add to a chart, and nothing else."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Prefetch, prefetch_related_objects

from coding.actions import trail
from coding.actions.locks import locked
from coding.actions.queues import move
from coding.actions.suggestions import open_checks, queue_runs
from coding.intake import (
    UNKNOWN,
    ChartValues,
    ClaimLineValues,
    ClaimValues,
    DocumentValues,
    EncounterValues,
    FirstPassCodeValues,
    MemberValues,
    NoteValues,
)
from coding.models import (
    Chart,
    Claim,
    Document,
    DocumentPage,
    DocumentPart,
    Encounter,
    Enrollment,
    FirstPassCode,
    Member,
    NlpRun,
    Note,
    Project,
    User,
)
from coding.permissions import Permission, check_can
from coding.refusals import Refused
from coding.workflow import STATUS_OWNERS, ChartStatus, Owner

BATCH = 200  # charts that are read and written together: bounds the queries, and the parameters of each

PARTS = 40  # of documents, written together: ten megabytes

T = TypeVar("T", bound=models.Model)


SHOWN = 5  # paths of one kind in a message


def _first_of(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


@dataclass(frozen=True)
class Difference:
    """What a chart of the file says that the stored one does not, as paths into the file's line; no values.

    added: encounters, claims, notes, first-pass codes and enrollments that are new. filled: facts that were unknown.
    updated: facts of an enrollment that changed. edited: what is stored otherwise; it is never overwritten.
    missing: how many notes, first-pass codes and encounters are stored and not in the file; they stay.
    """

    line: int
    chart_id: int | None
    added: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    finished: str = ""  # the status of a chart to which no more is added that would need reading

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        chart = f"chart {self.chart_id}" if self.chart_id else "the member of this chart"
        parts = [
            f"{what} {_first_of(paths)}"
            for what, paths in (
                ("adds", self.added),
                ("fills in", self.filled),
                ("updates", self.updated),
                ("does not have", self.missing),
                ("differs, and is never overwritten, in", self.edited),
            )
            if paths
        ]
        end = f" The chart is {self.finished}: no more is added to it." if self.finished else ""
        return f"{where}{chart} is here already; the file {'; '.join(parts)}.{end}"

    @property
    def can_be_applied(self) -> bool:
        return not self.edited and not self.finished


class ImportRefused(Refused):
    """Charts that are here already would change. `differences` says how; nothing was stored."""

    def __init__(self, differences: Sequence[Difference]):
        self.differences = tuple(differences)
        self.can_be_applied = all(difference.can_be_applied for difference in differences)
        count = len(self.differences)
        noun = "chart that is" if count == 1 else "charts that are"
        how = "It only adds to them." if self.can_be_applied else "Not all of it can be added."
        super().__init__(f"The file says something else about {count} {noun} here already. {how} Nothing was stored.")


class OtherProject(Refused):
    """The file names another project than the one that it is imported into: a slip that would show one client's
    members to another's people."""

    def __init__(self, line: int, project: Project):
        where = f"Line {line}" if line else "A chart"
        super().__init__(f"{where} names another project than {project.name}. Nothing was stored.")


@dataclass(frozen=True)
class ImportSummary:
    """charts: primary keys in the order of the file. notes: how many were queued for reading."""

    created: int
    changed: int
    unchanged: int
    notes: int
    charts: tuple[int, ...]
    differences: tuple[Difference, ...] = ()


def import_chart(values: ChartValues, *, project: Project, by: User | None, apply: bool = False) -> Chart:
    """One chart; see `import_charts`."""
    summary = import_charts([values], project=project, by=by, apply=apply)
    return Chart.objects.get(pk=summary.charts[0])


def add_document(*, encounter: Encounter, values: NoteValues, note_type: str, by: User) -> bool:
    """A document as one more note of an encounter, named by its bytes: the same one again changes nothing.

    Returns whether it is new. Raises NotAllowed, and ImportRefused where the chart is finished.
    """
    assert values.document is not None
    if Document.objects.filter(note__encounter=encounter, sha256=values.document.sha256).exists():
        return False
    member = encounter.chart.member
    note = replace(values, note_id=f"document {values.document.sha256[:12]}", note_type=note_type.strip()[:60])
    chart = ChartValues(
        service_year=encounter.chart.service_year,
        member=MemberValues(member.member_id, member.birth_date, member.sex),
        encounters=(
            EncounterValues(encounter.encounter_id, encounter.date_from, encounter.date_through, notes=(note,)),
        ),
    )
    return bool(import_charts([chart], project=encounter.chart.project, by=by, apply=True).notes)


@transaction.atomic
def import_charts(
    values: Iterable[ChartValues], *, project: Project, by: User | None, apply: bool = False
) -> ImportSummary:
    """Store every chart of a file, or none. The same file again changes nothing.

    by: None for the command line. apply: add to charts that are here already what the file has more of.
    Raises NotAllowed, OtherProject, and ImportRefused when a chart that is here already would change: without `apply`
    in any way, and with it where what is stored would be overwritten, or the chart is coded already.
    """
    if by is not None:
        check_can(by, Permission.IMPORT_CHARTS, project)
    locked(Project.objects.all()).get(pk=project.pk)  # one import of a project at a time
    new_members: set[str] = set()
    events: list[dict[str, Any]] = []
    batches = [_import_batch(batch, project, new_members, events) for batch in _batches(values)]
    differences = tuple(difference for batch in batches for difference in batch.differences)
    if any(not apply or not difference.can_be_applied for difference in differences):
        raise ImportRefused(differences)
    for event in events:  # last: the trail is locked from its first event on
        trail.record(by=by, project=project, **event)
    return ImportSummary(
        created=sum(batch.created for batch in batches),
        changed=sum(batch.changed for batch in batches),
        unchanged=sum(batch.unchanged for batch in batches),
        notes=sum(batch.notes for batch in batches),
        charts=tuple(pk for batch in batches for pk in batch.charts),
        differences=differences,
    )


def _batches(values: Iterable[ChartValues]) -> Iterator[list[ChartValues]]:
    remaining = iter(values)
    while batch := list(islice(remaining, BATCH)):
        yield batch


# --- One batch -----------------------------------------------------------------------------------------------------


def _import_batch(
    batch: Sequence[ChartValues], project: Project, new_members: set[str], events: list[dict[str, Any]]
) -> ImportSummary:
    """Compare a batch with what is stored and write what it adds. `new_members`: those that this file brought in.
    `events`: what the trail will say of it."""
    for values in batch:
        if values.project not in ("", project.name):
            raise OtherProject(values.line, project)
    members, charts = _stored(batch, project)
    enrollments = {
        (member.member_id, enrollment.payment_year, enrollment.program): enrollment
        for member in members.values()
        for enrollment in member.enrollments.all()
    }
    rows = _Rows()
    comparisons: list[_Comparison] = []
    for values in batch:
        member_id = values.member.member_id
        stored = charts.get((member_id, values.service_year))
        if stored and stored.content_hash == values.content_hash:
            comparisons.append(_Comparison(values, stored, rows))
            continue
        member = members.get(member_id)
        if member is None:
            member = members[member_id] = rows.add(Member(project=project, **_fields(values.member)))
            new_members.add(member_id)
        chart = stored or rows.add(
            Chart(member=member, service_year=values.service_year, content_hash=values.content_hash)
        )
        comparison = _Comparison(values, chart, rows, member_is_new=member_id in new_members)
        comparison.compare(member, enrollments)
        comparisons.append(comparison)
    rows.save()
    _queue(rows, comparisons)
    events.extend(comparison.event() for comparison in comparisons if comparison.is_told)
    return ImportSummary(
        created=sum(comparison.is_new for comparison in comparisons),
        changed=sum(comparison.is_changed for comparison in comparisons),
        unchanged=sum(not comparison.is_new and not comparison.is_changed for comparison in comparisons),
        notes=len(rows.new[Note]),
        charts=tuple(comparison.chart.pk for comparison in comparisons),
        differences=tuple(c.difference() for c in comparisons if c.is_changed or c.changes_member),
    )


def _stored(batch: Sequence[ChartValues], project: Project) -> tuple[dict[str, Member], dict[tuple[str, int], Chart]]:
    """The batch's members that are here already, and their charts; those that differ are locked and come with what
    they hold."""
    numbers = {values.member.member_id for values in batch}
    stored_members = Member.objects.filter(project=project, member_id__in=numbers).prefetch_related("enrollments")
    members = {member.member_id: member for member in stored_members}
    stored_charts = Chart.objects.filter(member__in=members.values()).select_related("member")
    charts = {(chart.member.member_id, chart.service_year): chart for chart in stored_charts}
    differ = [
        chart.pk
        for values in batch
        if (chart := charts.get((values.member.member_id, values.service_year)))
        and chart.content_hash != values.content_hash
    ]
    differing = list(locked(stored_charts.filter(pk__in=differ).order_by("pk"))) if differ else []
    charts |= {(chart.member.member_id, chart.service_year): chart for chart in differing}
    prefetch_related_objects(
        differing,
        "encounters__claim",
        Prefetch("encounters__notes", Note.objects.defer("text").select_related("document")),
        "encounters__first_pass_codes",
    )
    return members, charts


def _queue(rows: "_Rows", comparisons: "Iterable[_Comparison]") -> None:
    """A check for each new first-pass code, a run for each new note; a chart with nothing to read is ready."""
    asked = dict.fromkeys(code.encounter for code in rows.new[FirstPassCode])
    open_checks(asked)
    # An encounter that was read already is read again with its new codes: the answer was to another question.
    new = set(rows.new[Encounter])
    old = [encounter for encounter in asked if encounter not in new]
    NlpRun.objects.filter(note__encounter__in=old).delete()
    reread = Note.objects.filter(encounter__in=old).defer("text")
    queue_runs(dict.fromkeys([*rows.new[Note], *reread]))
    for comparison in comparisons:
        if comparison.is_new and not comparison.counts["notes"]:
            move(comparison.chart, ChartStatus.READY)


class _Rows:
    """What a batch will write: new rows in the order of their foreign keys, and facts of rows that are here."""

    def __init__(self) -> None:
        tables = (
            Member, Enrollment, Chart, Encounter, Claim, Note, Document, DocumentPage, DocumentPart, FirstPassCode,
        )  # fmt: skip
        self.new: dict[type[models.Model], list[Any]] = {table: [] for table in tables}
        self.facts: dict[models.Model, set[str]] = {}

    def add(self, row: T) -> T:
        self.new[type(row)].append(row)
        return row

    def change(self, row: models.Model, name: str, value: Any) -> None:
        setattr(row, name, value)
        if row.pk is not None:
            self.facts.setdefault(row, set()).add(name)

    def save(self) -> None:
        for table, rows in self.new.items():
            table._default_manager.bulk_create(rows, batch_size=PARTS if table is DocumentPart else 500)
        for row, names in self.facts.items():
            row.save(update_fields=sorted(names))


class _Comparison:
    """One chart of the file beside the stored one. What the file has more of goes to `rows` as it is found."""

    def __init__(self, values: ChartValues, chart: Chart, rows: _Rows, *, member_is_new: bool = False):
        self.values, self.chart, self.rows, self.member_is_new = values, chart, rows, member_is_new
        self.is_new = chart.pk is None
        self.changes_member = False
        self.added: list[str] = []
        self.filled: list[str] = []
        self.updated: list[str] = []
        self.edited: list[str] = []
        self.missing: list[str] = []
        self.counts: Counter[str] = Counter()

    @property
    def is_changed(self) -> bool:
        return not self.is_new and any((self.added, self.filled, self.updated, self.edited, self.missing))

    def difference(self) -> Difference:
        finished = STATUS_OWNERS[ChartStatus(self.chart.status)] in (Owner.QA, Owner.NOBODY)
        return Difference(
            line=self.values.line,
            chart_id=None if self.is_new else self.chart.pk,
            added=tuple(self.added),
            filled=tuple(self.filled),
            updated=tuple(self.updated),
            edited=tuple(self.edited),
            missing=tuple(self.missing),
            finished=self.chart.get_status_display().lower() if finished and self.counts else "",
        )

    @property
    def is_told(self) -> bool:
        return self.is_new or self.is_changed or self.changes_member

    def event(self) -> dict[str, Any]:
        """What the trail says of the chart: ids and counts alone, so that nothing of the file is kept for it."""
        return {
            "action": "chart.imported" if self.is_new else "chart.extended",
            "subject": Chart(pk=self.chart.pk),
            **{name: self.counts[name] for name in ("encounters", "notes", "first_pass_codes")},
            "filled": len(self.filled),
            "updated": len(self.updated),
            **({"pages_unread": self.counts["pages_unread"]} if self.counts["pages_unread"] else {}),
        }

    # --- What is compared

    def compare(self, member: Member, enrollments: dict[tuple[str, int, str], Enrollment]) -> None:
        self._facts("member", member, self.values.member)
        for index, said in enumerate(self.values.enrollments):
            key = (member.member_id, said.payment_year, said.program)
            if key in enrollments:
                self._facts(f"enrollments[{index}]", enrollments[key], said, changes=self.updated)
            else:
                enrollments[key] = self.rows.add(Enrollment(member=member, **_fields(said)))
                self._add(f"enrollments[{index}]")
        if self.member_is_new:  # what two lines of one file say of a new member is put together
            self.filled.clear()
        self.changes_member = bool(self.filled or self.updated or self.edited)
        if self.is_new:
            for encounter in self.values.encounters:
                self._encounter(encounter, "")
        else:
            self._encounters()
            if self.is_changed:
                self.rows.change(self.chart, "content_hash", self.values.content_hash)

    def _encounters(self) -> None:
        stored = {encounter.encounter_id: encounter for encounter in self.chart.encounters.all()}
        for index, said in enumerate(self.values.encounters):
            path = f"encounters[{index}]"
            encounter = stored.pop(said.encounter_id, None)
            if encounter is None:
                self._encounter(said, path)
                continue
            self._facts(path, encounter, said)
            claim = getattr(encounter, "claim", None)
            if said.claim and claim:
                self._facts(f"{path}.claim", claim, said.claim)
            elif said.claim:
                self._claim(encounter, said.claim, f"{path}.claim")
            self._notes(encounter, said, path)
            self._codes(encounter, said, path)
        self._missing("encounter", len(stored))

    def _notes(self, encounter: Encounter, values: EncounterValues, path: str) -> None:
        stored = {note.note_id: note for note in encounter.notes.all()}
        for index, said in enumerate(values.notes):
            note_path = f"{path}.notes[{index}]"
            note = stored.pop(said.note_id, None)
            if note is None:
                self._note(encounter, said, note_path)
            elif _source(note) != _source(said):
                self.edited.append(f"{note_path}.{'pdf' if said.document else 'text'}")
            elif said.document:  # the same file, of which a newer reader may take another text
                self._facts(note_path, note, replace(said, text="", page_offsets=(), unread_pages=()))
            else:
                self._facts(note_path, note, said)
        self._missing("note", len(stored))

    def _codes(self, encounter: Encounter, values: EncounterValues, path: str) -> None:
        stored = {(code.icd10, code.source): code for code in encounter.first_pass_codes.all()}
        for index, said in enumerate(values.first_pass_codes):
            code_path = f"{path}.first_pass_codes[{index}]"
            code = stored.pop((said.icd10, said.source), None)
            if code is None:
                self._code(encounter, said, code_path)
            else:
                self._facts(code_path, code, said)
        self._missing("first-pass code", len(stored))

    def _facts(self, path: str, stored: models.Model, said: Any, changes: list[str] | None = None) -> None:
        """An unknown in the file says nothing; an unknown here is filled in; any other difference goes to `changes`
        and is written, or without one it is an edit."""
        for name, value in _fields(said).items():
            old = getattr(stored, name)
            if isinstance(value, dict):
                value = {**old, **value}
            if value in UNKNOWN or value == old:
                continue
            if old in UNKNOWN:
                self.filled.append(f"{path}.{name}")
            elif changes is not None:
                changes.append(f"{path}.{name}")
            else:
                self.edited.append(f"{path}.{name}")
                continue
            self.rows.change(stored, name, value)

    # --- What is added

    def _encounter(self, said: EncounterValues, path: str) -> None:
        encounter = self.rows.add(Encounter(chart=self.chart, **_fields(said)))
        self._add(path, "encounters")
        if said.claim:
            self._claim(encounter, said.claim, "")
        for note in said.notes:
            self._note(encounter, note, "")
        for code in said.first_pass_codes:
            self._code(encounter, code, "")

    def _claim(self, encounter: Encounter, said: ClaimValues, path: str) -> None:
        self.rows.add(Claim(encounter=encounter, **_fields(said)))
        self._add(path)

    def _note(self, encounter: Encounter, said: NoteValues, path: str) -> None:
        note = self.rows.add(Note(encounter=encounter, text_sha256=sha256(said.text), **_fields(said)))
        self._add(path, "notes")
        if said.document:
            self._document(note, said.document)
            self.counts["pages_unread"] += len(said.unread_pages)

    def _document(self, note: Note, said: DocumentValues) -> None:
        document = self.rows.add(
            Document(note=note, sha256=said.sha256, size=len(said.data), page_count=len(said.pages))
        )
        for number, page in enumerate(said.pages, start=1):
            self.rows.add(DocumentPage(document=document, number=number, **_fields(page)))
        for number, start in enumerate(range(0, len(said.data), DocumentPart.PART)):
            part = said.data[start : start + DocumentPart.PART]
            self.rows.add(DocumentPart(document=document, number=number, data=part))

    def _code(self, encounter: Encounter, said: FirstPassCodeValues, path: str) -> None:
        self.rows.add(FirstPassCode(encounter=encounter, **_fields(said)))
        self._add(path, "first_pass_codes")

    def _add(self, path: str, counted_as: str = "") -> None:
        """path: "" where a larger thing that is named already has it."""
        if path:
            self.added.append(path)
        if counted_as:
            self.counts[counted_as] += 1

    def _missing(self, noun: str, count: int) -> None:
        if count:
            self.missing.append(f"{count} {noun}{'s' if count > 1 else ''}")


def _fields(values: Any) -> dict[str, Any]:
    """The values that a table has under the same names; what hangs on them has tables of its own."""
    return {
        name: _plain(value)
        for name, value in vars(values).items()
        if name not in ("claim", "notes", "first_pass_codes", "document")
    }


def _plain(value: Any) -> Any:
    """As the database gives it back: JSON has lists and objects."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, ClaimLineValues):
        return {"procedure": value.procedure, "modifiers": list(value.modifiers)}
    return dict(value) if isinstance(value, Mapping) else value


def _source(note: Note | NoteValues) -> tuple[str, str]:
    """What a note is the same by: its document where it has one, else its text."""
    document = getattr(note, "document", None)
    if document:
        return "pdf", document.sha256
    return "text", note.text_sha256 if isinstance(note, Note) else sha256(note.text)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
