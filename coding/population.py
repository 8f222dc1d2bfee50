"""The scores of every chart of a project at once: the review page's numbers, by `scoring.batch`.

Charts whose members bring the same kinds of facts are scored together; one whose facts the batch does not take (a
segment from the payer's report) or refuses is scored by itself, and says why where it cannot be.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

import scoring
from coding import scores
from coding.models import Chart
from scoring.batch import score_population
from scoring.beneficiary import Beneficiary
from scoring.rounding import decimal

CHARTS_AT_ONCE = 2000

Points = tuple[Decimal, Decimal, Decimal]  # raw, normalized, payment


@dataclass(frozen=True)
class Row:
    """A chart's scores in one program and payment year, with the first-pass codes and with what is decided now; as
    documented. problem: why there are none."""

    chart: int
    member_id: str
    service_year: int
    program: str
    payment_year: int
    baseline: Points | None = None
    now: Points | None = None
    problem: str = ""

    @property
    def change(self) -> Decimal | None:
        """Of the payment score."""
        return self.now[2] - self.baseline[2] if self.now and self.baseline else None


@dataclass(frozen=True)
class Question:
    """What a chart asks of `scoring`: a person, options of a worksheet, and codes."""

    chart: Chart
    program: str
    payment_year: int
    facts: dict[str, Any]
    options: dict[str, Any]
    baseline: list[str]
    now: list[str]

    def age(self) -> int:
        """The age that the program asks for. Raises ScoringError."""
        person = Beneficiary.of(self.facts, self.program)
        return (person.age_last_in if self.program == "hhs-hcc" else person.age_in)(self.payment_year)


def paid_in(charts: QuerySet[Chart], program: str, payment_year: int) -> QuerySet[Chart]:
    """Those of the charts that the program pays in that year."""
    return charts.filter(service_year=payment_year - scoring.prospective(program, payment_year))


def scored(charts: QuerySet[Chart], program: str) -> Iterator[Row]:
    """One row for each chart, in the order of their ids. A fixed number of queries for CHARTS_AT_ONCE of them."""
    loaded = charts.select_related("member__project").prefetch_related("member__enrollments").order_by("pk")
    last = 0
    while batch := list(loaded.filter(pk__gt=last)[:CHARTS_AT_ONCE]):
        yield from score_charts(batch, program)
        last = batch[-1].pk


def score_charts(charts: Sequence[Chart], program: str) -> list[Row]:
    codes = scores.codes_of(charts)
    rows: dict[int, Row] = {}
    groups: dict[tuple[Any, ...], list[Question]] = defaultdict(list)  # what one call answers
    for chart in charts:
        year = scores.payment_year(chart, program)
        rows[chart.pk] = Row(chart.pk, chart.member.member_id, chart.service_year, program, year)
        try:
            facts, options, _ = scores.person_of(chart, scores.enrollment_of(chart, program, year))
        except scores.Unscorable as error:
            rows[chart.pk] = replace(rows[chart.pk], problem=str(error))
            continue
        baseline, now = scores.names(codes[chart.pk].baseline), scores.names(codes[chart.pk].now)
        question = Question(chart, program, year, facts, options, baseline, now)
        groups[year, tuple(sorted(options.items())), tuple(sorted(facts))].append(question)
    for group in groups.values():
        for question, answer in zip(group, answers(group), strict=True):
            row = rows[question.chart.pk]
            if isinstance(answer, str):
                rows[row.chart] = replace(row, problem=answer)
            else:
                rows[row.chart] = replace(row, baseline=answer[0], now=answer[1])
    return list(rows.values())


def answers(group: Sequence[Question]) -> list[tuple[Points, Points] | str]:
    """(baseline, now) for each, or why it cannot be scored."""
    if "segment" not in group[0].options:
        try:
            people = columns(group)
            baseline = together(group, people, [question.baseline for question in group])
            now = together(group, people, [question.now for question in group])
            return list(zip(baseline, now, strict=True))
        except scoring.ScoringError:
            pass  # somebody's facts: who it is comes out one by one
    return [alone(question) for question in group]


def columns(group: Sequence[Question]) -> dict[str, list[Any]]:
    """The facts as the batch takes them: columns, and ages instead of birth dates."""
    people: dict[str, list[Any]] = {name: [question.facts[name] for question in group] for name in group[0].facts}
    if "birth_date" in people:
        del people["birth_date"]
        people["age"] = [question.age() for question in group]
    return people


def together(group: Sequence[Question], people: dict[str, list[Any]], codes: Sequence[Sequence[str]]) -> list[Points]:
    first = group[0]
    found = score_population(
        first.program,
        first.payment_year,
        people,
        [number for number, own in enumerate(codes) for _ in own],
        [code for own in codes for code in own],
        frailty=first.options.get("frailty"),
    )
    by_person = zip(found.raw.tolist(), found.normalized.tolist(), found.payment.tolist(), strict=True)
    return [(decimal(raw), decimal(normalized), decimal(payment)) for raw, normalized, payment in by_person]


def alone(question: Question) -> tuple[Points, Points] | str:
    try:
        sheet = scoring.worksheet(question.program, question.payment_year, question.facts, **question.options)
        baseline, now = sheet.score(question.baseline), sheet.score(question.now)
    except scoring.ScoringError as error:
        return str(error)
    return (baseline.raw, baseline.normalized, baseline.payment), (now.raw, now.normalized, now.payment)
