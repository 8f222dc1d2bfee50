"""What was worked out about finished charts, kept beside them: a page over a thousand charts reads no note.

What is kept is asked again when anything changed that it rests on. That is no event to be remembered in every place
that writes: each reading compares a hash of the facts themselves (the record, its claims and enrollments, overrides,
answers, audits), of the rules with their verifications, of the model tables, and of what is open today.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.db.models import Count, F, Max, Model, Q, QuerySet

import scoring
from coding import acceptability, validity
from coding.acceptability import MET, Assessment, Book, Check, Flag, payment_years, submittable
from coding.models import (
    Chart,
    Claim,
    Decision,
    Encounter,
    Enrollment,
    EvidenceSpan,
    FirstPassCode,
    Member,
    Note,
    Override,
    QAReview,
    Reopening,
    SecondReview,
    StoredAssessment,
    Suggestion,
    User,
)
from coding.validity import Standing, Validity
from scoring.tables import load_year

AT_ONCE = 100  # charts whose notes are in memory together
MANY = 2000  # charts that a query may name
RECORD = "record"

Keys = Mapping[int, str]  # by chart
Codes = Mapping[int, Collection[str]]  # by encounter


def remembered(part: str, keys: Keys, ask: Callable[[list[int]], Mapping[int, Any]]) -> dict[int, Any]:
    """What is kept of the charts under a name, as JSON values. What is not there, or rests on other facts, is asked
    anew, some charts at a time, and kept: the only writing, and it changes no answer."""
    found: dict[int, Any] = {}
    for some in _some(keys, MANY):
        stored = StoredAssessment.objects.filter(chart__in=some, part=part).values_list("chart", "key", "answers")
        found |= {chart: answers for chart, key, answers in stored.iterator() if key == keys[chart]}
    for some in _some(keys.keys() - found.keys(), AT_ONCE):
        asked = dict(ask(some))
        StoredAssessment.objects.bulk_create(
            (StoredAssessment(chart_id=pk, part=part, key=keys[pk], answers=answers) for pk, answers in asked.items()),
            update_conflicts=True,
            unique_fields=["chart", "part"],
            update_fields=["key", "answers"],
        )
        found |= asked
    return found


@dataclass(frozen=True)
class Assessed:
    """validity: by encounter, with the checks that are not met or overridden and without their evidence. flags: the
    high-risk groups, by encounter and code."""

    validity: dict[int, Validity]
    flags: dict[tuple[int, str], list[Flag]]


def assessed(charts: Sequence[Chart], codes: Mapping[int, Codes], today: date, rules: Book) -> dict[int, Assessed]:
    """By chart. charts: of one project, finished, with `encounters` as `with_record` fetches them, the notes' texts or
    not. codes: by chart and encounter, those that stand after the answers. rules: the project's."""

    def ask(some: list[int]) -> dict[int, Any]:
        loaded = validity.charts_with_record(Chart.objects.filter(pk__in=some))
        return {chart.pk: _ask(chart, codes[chart.pk], today, rules) for chart in loaded}

    kept = remembered(RECORD, keys_of([chart.pk for chart in charts], today, rules), ask)
    return {chart.pk: _read(chart, kept[chart.pk]) for chart in charts}


# --- What it rests on ----------------------------------------------------------------------------------------------


def keys_of(charts: Collection[int], today: date, rules: Book) -> dict[int, str]:
    """A hash of all that the answers about each chart rest on, without reading a note. rules: the project's."""
    known = hashlib.sha256(_engine() + rules.digest.encode())
    people = User.objects.exclude(credential="").order_by("pk")
    known.update(repr(list(people.values_list("pk", "credential", "first_name", "last_name"))).encode())
    said = {}
    of_project = ("pk", "service_year", "status", "member__project__programs")
    for some in _some(charts, MANY):
        for pk, service_year, status, programs in Chart.objects.filter(pk__in=some).values_list(*of_project):
            calendar = _calendar(rules, service_year, tuple(programs), today)
            said[pk] = known.copy()
            said[pk].update(repr((service_year, status, calendar)).encode())
        for chart, *row in (*_facts(some), *_answers(some)):
            said[chart].update(repr(row).encode())
    return {pk: one.hexdigest() for pk, one in said.items()}


def _some(charts: Collection[int], number: int) -> Iterator[list[int]]:
    every = sorted(charts)
    for start in range(0, len(every), number):
        yield every[start : start + number]


@cache
def _engine() -> bytes:
    """The code that answers: another release may answer otherwise."""
    said = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(acceptability.__file__).parent, Path(scoring.__file__).parent):
        for path in sorted(folder.glob("*.py")):
            said.update(path.read_bytes())
    return said.digest()


@lru_cache(maxsize=200)
def _calendar(rules: Book, service_year: int, programs: tuple[str, ...], today: date) -> str:
    """What is open today, and the model tables, of each program's payment year."""
    years = payment_years(rules, service_year)
    found: list[object] = []
    for program in programs:
        year = years.get(program, service_year + 1)
        calendar = submittable(rules, program, year, today)
        found.append((program, year, calendar.additions, calendar.why))
        try:
            tables = load_year(program, year)
        except scoring.ScoringError:
            continue
        folders = [use.folder for use in tables.models if use.folder]
        found.append((repr(tables), [(folder / "model.toml").read_bytes() for folder in folders]))
    return repr(found)


def _facts(charts: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """Every fact of the record that the rules read, row by row, its chart first. A note is known by its hash."""

    def rows(found: QuerySet[Any], chart: str, but: Collection[str] = ()) -> Iterable[tuple[Any, ...]]:
        model: type[Model] = found.model
        names = [field.attname for field in model._meta.concrete_fields if field.attname not in but]
        of_charts = found.annotate(of=F(chart)).filter(of__in=charts).order_by("pk", "of")
        return of_charts.values_list("of", *names).iterator()

    yield from rows(Member.objects.all(), "charts")
    yield from rows(Enrollment.objects.all(), "member__charts")
    yield from rows(Encounter.objects.all(), "chart")
    yield from rows(Claim.objects.all(), "encounter__chart")
    yield from rows(Note.objects.all(), "encounter__chart", but=("text", "page_offsets"))
    yield from rows(FirstPassCode.objects.all(), "encounter__chart")
    yield from rows(Override.objects.active().filter(suggestion=None), "encounter__chart", but=("reason",))


def _answers(charts: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """What people said: rows that are only added, so that the newest and their number tell whether one is new; and the
    few columns that change."""

    def newest(found: QuerySet[Any], chart: str, **more: Any) -> Iterable[tuple[Any, ...]]:
        grouped = found.filter(**{f"{chart}__in": charts}).order_by(chart).values(chart)
        return grouped.annotate(n=Count("pk"), last=Max("pk"), **more).values_list(chart, "n", "last", *more)

    def number(**which: Any) -> Count:
        return Count("pk", filter=Q(**which))

    yield from newest(Decision.objects.all(), "suggestion__chart")
    yield from newest(Suggestion.objects.all(), "chart", open=number(status="open"), gone=number(status="superseded"))
    taken = number(removed_by__isnull=False)
    yield from newest(EvidenceSpan.with_removed.all(), "suggestion__chart", taken=taken)
    yield from newest(SecondReview.objects.all(), "decision__suggestion__chart")
    yield from newest(Reopening.objects.all(), "chart")
    yield from newest(QAReview.objects.all(), "decision__suggestion__chart", settled=Max("settled_at"))


# --- Asking, and the form in which the answers are kept ------------------------------------------------------------


def _ask(chart: Chart, codes: Codes, today: date, rules: Book) -> dict[str, Any]:
    encounters = list(chart.encounters.all())
    found = validity.chart_validity(chart, encounters, today, rules)
    flags = validity.chart_flags(chart, encounters, codes, rules)
    return {
        "dates": {str(pk): [_kept(standing.assessment) for standing in one.standings] for pk, one in found.items()},
        "flags": [[pk, code, [_without(flag, "found") for flag in some]] for (pk, code), some in flags.items()],
    }


def _kept(one: Assessment) -> dict[str, Any]:
    told = [check for check in one.checks.values() if check.answer != MET or check.overridden]
    facts = ("program", "payment_year", "radv", "payment", "link", "passes_filter", "counts", "why")
    return {name: getattr(one, name) for name in facts} | {"checks": [_without(check, "evidence") for check in told]}


def _without(value: Check | Flag, name: str) -> dict[str, Any]:
    return {key: said for key, said in asdict(value).items() if key != name}


def _read(chart: Chart, answers: Mapping[str, Any]) -> Assessed:
    found: dict[int, Validity] = {}
    for encounter in chart.encounters.all():
        standings = []
        for one in answers["dates"][str(encounter.pk)]:
            checks = {check["check"]: Check(**check) for check in one["checks"]}
            facts = one | {"checks": checks, "why": tuple(one["why"])}
            standings.append(Standing(Assessment(chart.member.member_id, encounter.encounter_id, **facts)))
        found[encounter.pk] = Validity(tuple(standings), validity.in_force(encounter))
    flags: dict[tuple[int, str], list[Flag]] = defaultdict(list)
    for pk, code, some in answers["flags"]:
        flags[pk, code] = [Flag(**{**flag, "missing": tuple(flag["missing"])}) for flag in some]
    return Assessed(found, dict(flags))
