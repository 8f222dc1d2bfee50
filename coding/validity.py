"""The bridge to `acceptability`: rows of a chart -> what the dated rules say of each date of service."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from django.db.models import Model, Prefetch, QuerySet, prefetch_related_objects

from coding.acceptability import (
    AUDIO_ONLY,
    INVALID,
    LINKED,
    MET,
    NO,
    UNKNOWN,
    UNLINKED,
    YES,
    Assessment,
    Book,
    Check,
    Flag,
    assess_encounter,
    book,
    case_of,
    code_edits,
    conflicts,
    high_risk,
    packet_limit,
    payment_years,
)
from coding.intake.values import (
    ChartValues,
    ClaimLineValues,
    ClaimValues,
    EncounterValues,
    EnrollmentValues,
    FirstPassCodeValues,
    MemberValues,
    NoteValues,
)
from coding.models import Chart, Encounter, Note, Override, Project, RuleVerification
from coding.workflow import SuggestionKind

OK = "OK"
CHECK = "Check"
BLOCKED = "Blocked"

NAMES = {
    "V01": "Source",
    "V02": "Document",
    "V03": "Member",
    "V04": "Date of service",
    "V05": "Face to face",
    "V06": "Specialty",
    "V07": "Signature",
    "V08": "Credential",
    "V09": "Attestation",
    "V10": "Legible",
    "V11": "Amendments",
    "V12": "One date",
    "V13": "Records sent",
}


# Why a date of service pays nothing, and what is not known where it may, in a phrase: by its link.
NOT_PAID = {
    LINKED: "its claim does not pass the encounter filter",
    UNLINKED: "not linked to an accepted encounter",
    AUDIO_ONLY: "audio-only visit",
}
NOT_KNOWN = {
    LINKED: "whether its claim passes the encounter filter is not known",
    UNLINKED: "whether it is linked to an accepted encounter is not known",
    AUDIO_ONLY: "audio-only visit, by a rule that is not verified",
}


@dataclass(frozen=True)
class Standing:
    """What the rules say of a date of service in one program and payment year."""

    assessment: Assessment

    @property
    def state(self) -> str:
        """BLOCKED: an audit would refuse the record, or an addition would not be paid. CHECK: one of both is open."""
        answers = (self.assessment.radv, self.assessment.payment)
        return BLOCKED if NO in answers else CHECK if UNKNOWN in answers else OK

    @property
    def asked(self) -> list[tuple[str, Check]]:
        """The checks that are not met or unknown, with their names."""
        return [(NAMES[name], check) for name, check in self.assessment.checks.items() if check.answer != MET]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it pays or not: `Assessment.why` after its lines for the checks that fail or are open."""
        checks = self.assessment.checks.values()
        return self.assessment.why[sum(check.fails or check.open or check.overridden for check in checks) :]

    def pays(self, *, added: bool) -> tuple[str, str]:
        """YES, NO or UNKNOWN, and the reason in a phrase: for a code that the second pass adds today, or for one that
        was submitted already, which is past the calendar."""
        one = self.assessment
        answer = one.payment if added else one.counts
        if answer == YES:
            return answer, ""
        if answer == UNKNOWN:
            if one.counts != UNKNOWN:
                return answer, "whether the payment year still takes additions is not known"
            return answer, NOT_KNOWN.get(one.link, "whether its record counts is not known")
        if one.counts != NO:
            return answer, "the payment year is closed for additions"
        fails = [NAMES[name].lower() for name, check in one.checks.items() if check.fails]
        if one.link == INVALID:
            return answer, f"the encounter is not valid: {', '.join(fails)}"
        return answer, NOT_PAID.get(one.link, "its record does not count")

    @property
    def refusal(self) -> str:
        """The checks that fail, or else why nothing is paid."""
        fails = [check.why for check in self.assessment.checks.values() if check.fails]
        return " ".join(fails or self.reasons)


@dataclass(frozen=True)
class Validity:
    """A date of service in the programs of its project, in their order. overrides: those in force."""

    standings: tuple[Standing, ...]
    overrides: tuple[Override, ...] = ()

    @cached_property
    def state(self) -> str:
        """The state that all programs share; where they differ somebody has to look."""
        states = {standing.state for standing in self.standings}
        return states.pop() if len(states) == 1 else CHECK

    def refusal(self, kind: SuggestionKind) -> str:
        """Why a code of this date counts in no program, or "" where it counts, or may. An addition needs payment as of
        today; a code that was submitted already is past the calendar."""
        answers = [
            one.assessment.payment if kind == SuggestionKind.ADD else one.assessment.counts for one in self.standings
        ]
        if not answers or set(answers) != {NO}:
            return ""
        return " ".join(dict.fromkeys(one.refusal for one in self.standings))


def encounters_of(chart: Chart) -> QuerySet[Encounter]:
    """What `chart_validity` reads, in four queries."""
    return with_record(chart.encounters.all())


def with_record(encounters: QuerySet[Encounter], *, texts: bool = True) -> QuerySet[Encounter]:
    notes = Note.objects.select_related("document") if texts else Note.objects.defer("text")
    overrides = Override.objects.select_related("by", "withdrawn_by")
    return encounters.select_related("claim").prefetch_related(
        Prefetch("notes", notes), "first_pass_codes", Prefetch("overrides", overrides)
    )


def charts_with_record(charts: QuerySet[Chart], *, texts: bool = True) -> QuerySet[Chart]:
    """The charts with what the rules are asked about, their encounters as `with_record` fetches them."""
    encounters = with_record(Encounter.objects.all(), texts=texts)
    return charts.select_related("member__project").prefetch_related(
        "member__enrollments", Prefetch("encounters", encounters)
    )


def rules_of(project: Project) -> Book:
    """The rule book with what the project's compliance officers found at the rules' sources."""
    newest: dict[tuple[str, str], RuleVerification] = {}  # by rule and program, "" for those that it is written for
    for one in RuleVerification.objects.filter(project=project).select_related("by").order_by("pk"):
        if one.rule_id in book().by_id and one.fingerprint == book().fingerprint(one.rule_id):
            newest |= {(one.rule_id, program): one for program in one.programs or [""]}
    verified = RuleVerification.Answer.VERIFIED
    own: list[tuple[str, date | None, str]] = []
    carried: list[tuple[str, str]] = []
    for (rule_id, program), one in newest.items():
        stands = one.answer == verified
        if program and stands:
            carried.append((rule_id, program))
        elif not program:
            own.append((rule_id, one.at.date() if stands else None, one.by.display_name if stands else ""))
    return _checked(tuple(own), tuple(carried)) if newest else book()


@lru_cache(maxsize=64)
def _checked(own: tuple[tuple[str, date | None, str], ...], carried: tuple[tuple[str, str], ...]) -> Book:
    too: dict[str, list[str]] = defaultdict(list)
    for rule_id, program in carried:
        too[rule_id].append(program)
    return book().checked({rule_id: (day, by) for rule_id, day, by in own}, too)


def chart_validity(
    chart: Chart, encounters: Iterable[Encounter], today: date, rules: Book | None = None
) -> dict[int, Validity]:
    """By encounter. encounters: all of the chart, as `encounters_of` fetches them.

    today: decides what is still submittable. rules: those of the chart's project, where they are at hand already. A
    program without an enrollment is judged too: its facts are unknown.
    """
    rules = rules or rules_of(chart.project)
    encounters = list(encounters)
    overrides = {encounter.pk: in_force(encounter) for encounter in encounters}
    values = {encounter.pk: encounter_values(encounter) for encounter in encounters}
    member = _values(MemberValues, chart.member)
    counts = Counter(
        code for encounter in values.values() for code in {code.icd10 for code in encounter.first_pass_codes}
    )
    enrollments = enrollments_of(chart)
    return {
        pk: Validity(
            tuple(
                Standing(
                    assess_encounter(
                        member,
                        encounter,
                        enrollment,
                        today,
                        rules,
                        counts,
                        [one.check_name for one in overrides[pk]],
                    )
                )
                for enrollment in enrollments
            ),
            overrides[pk],
        )
        for pk, encounter in values.items()
    }


def in_force(encounter: Encounter) -> tuple[Override, ...]:
    """The overrides of its checks, the withdrawn ones left out."""
    return tuple(one for one in encounter.overrides.all() if one.withdrawn_at is None and one.suggestion_id is None)


def packet_check(chart: Chart, encounters: Iterable[Encounter], sent: Iterable[Encounter], program: str) -> Check:
    """V13 of an audit packet: whether no more records are sent for one HCC than the program's audit takes."""
    enrollment = next(one for one in enrollments_of(chart) if one.program == program)
    first = encounter_values(next(iter(encounters)))
    case = case_of(_values(MemberValues, chart.member), first, enrollment, rules_of(chart.project))
    return packet_limit(case, [encounter.encounter_id for encounter in sent])


def refusals(validity: Mapping[int, Validity], encounters: Collection[int], kind: SuggestionKind) -> dict[int, str]:
    """Of the encounters of a code those on which it does not count, with the reason."""
    found = {pk: validity[pk].refusal(kind) for pk in encounters if pk in validity}
    return {pk: reason for pk, reason in found.items() if reason}


def chart_flags(
    chart: Chart, encounters: Iterable[Encounter], codes: Mapping[int, Collection[str]], rules: Book | None = None
) -> dict[tuple[int, str], list[Flag]]:
    """The high-risk groups of codes, by encounter and code, in the project's first program.

    codes: by encounter, those that are on it or may be put there; a code's company decides what corroborates it.
    """
    enrollments = enrollments_of(chart)
    if not enrollments:
        return {}
    rows = {encounter.encounter_id: encounter for encounter in encounters}
    values = ChartValues(
        chart.service_year,
        _values(MemberValues, chart.member),
        tuple(encounter_values(encounter) for encounter in rows.values()),
    )
    carried = {encounter_id: codes.get(row.pk, ()) for encounter_id, row in rows.items()}
    first = enrollments[0]
    found: dict[tuple[int, str], list[Flag]] = defaultdict(list)
    for flag in high_risk(values, first.program, first.payment_year, carried, rules or rules_of(chart.project)):
        found[rows[flag.encounter_id].pk, flag.icd10].append(flag)
    return dict(found)


@dataclass(frozen=True)
class Warned:
    """What speaks against a code on a date, or asks for more: for a card. verified: whether its rule is."""

    why: str
    rule_id: str
    verified: bool


def chart_warnings(
    chart: Chart,
    encounters: Iterable[Encounter],
    codes: Mapping[int, Collection[str]],
    hccs: Callable[[str, int, str], Collection[str]],
    rules: Book | None = None,
) -> dict[tuple[int, str], list[Warned]]:
    """Codes that the member's sex or age contradicts, and that do not go with their neighbours, the day or the place:
    by encounter and code, in the project's first program. hccs: of a program, payment year and code."""
    enrollments = enrollments_of(chart)
    if not enrollments:
        return {}
    member, first = _values(MemberValues, chart.member), enrollments[0]
    program, year = first.program, first.payment_year
    rules = rules or rules_of(chart.project)
    rows = {encounter.encounter_id: encounter for encounter in encounters}
    values = [encounter_values(encounter) for encounter in rows.values()]
    carried = {encounter_id: set(codes.get(row.pk, ())) for encounter_id, row in rows.items()}
    found: dict[tuple[int, str], list[Warned]] = defaultdict(list)
    for one in conflicts(values, carried, program, year, rules, lambda code: hccs(program, year, code)):
        found[rows[one.encounter_id].pk, one.icd10].append(Warned(one.why, one.rule_id, one.verified))
    for row in rows.values():
        for code in codes.get(row.pk, ()):
            for edit in code_edits(member, code, row.date_through, program, year, rules):
                found[row.pk, code].append(Warned(edit.why, edit.rule_id, edit.verified))
    return dict(found)


def enrollments_of(chart: Chart) -> list[EnrollmentValues]:
    """One for each program of the project, for the payment year of the chart's service year."""
    prefetch_related_objects([chart.member], "enrollments")  # a page asks several times
    stored = {(one.program, one.payment_year): one for one in chart.member.enrollments.all()}
    years = payment_years(book(), chart.service_year)
    found = []
    for program in chart.project.programs:
        year = years.get(program, chart.service_year + 1)
        row = stored.get((program, year))
        found.append(_values(EnrollmentValues, row) if row else EnrollmentValues(year, program))
    return found


def encounter_values(encounter: Encounter) -> EncounterValues:
    claim = getattr(encounter, "claim", None)
    lines = tuple(
        ClaimLineValues(line.get("procedure", ""), tuple(line.get("modifiers", ())))
        for line in (claim.lines if claim else ())
    )
    return _values(
        EncounterValues,
        encounter,
        claim=_values(ClaimValues, claim, lines=lines) if claim else None,
        notes=tuple(
            _values(
                NoteValues,
                note,
                page_offsets=tuple(note.page_offsets),
                unread_pages=tuple(note.unread_pages),
                document=None,  # the checks read text
            )
            for note in encounter.notes.all()
        ),
        first_pass_codes=tuple(_values(FirstPassCodeValues, code) for code in encounter.first_pass_codes.all()),
    )


T = TypeVar("T")


def _values(of: type[T], row: Model, **other: Any) -> T:
    """The row as intake's value: the fields have the names of the columns."""
    names = [one.name for one in fields(of) if one.name not in other]  # type: ignore[arg-type]
    return of(**{name: getattr(row, name) for name in names}, **other)
