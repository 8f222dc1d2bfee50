"""Capture and productivity: frozen rows from querysets. Every number names what it counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from coding import release, scores
from coding.acceptance import Answers
from coding.models import Assignment, Chart, Decision, Enrollment, Project, QAReview, Suggestion, User
from coding.money import WITH_RATES, Cost, Estimate, Rates
from coding.proportions import share, wilson
from coding.validity import rules_of
from coding.workflow import ChartStatus, Outcome, SuggestionKind, family_of

IDLE_AFTER = timedelta(minutes=5)
DAYS_SHOWN = 30
# So many charts without a single deletion look like a review that only adds: the pattern that enforcement names.
ADD_ONLY_AFTER = 20
SCORED_AT_ONCE = 500


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, both ends included."""

    first: date
    last: date

    @classmethod
    def read(cls, first: str, last: str, *, today: date | None = None) -> "Period":
        """The period between two dates as text; blank is today, and 30 days up to the last day.

        Raises ValueError with a sentence for a person.
        """
        try:
            end = date.fromisoformat(last) if last else today or datetime.now(UTC).date()
            begin = date.fromisoformat(first) if first else end - timedelta(days=DAYS_SHOWN - 1)
        except (ValueError, OverflowError):
            raise ValueError("Give the dates as 2026-03-31.") from None
        if begin > end:
            raise ValueError("The first day comes after the last.")
        if begin.year < 2000 or end.year > 2100:
            raise ValueError("Give dates from 2000 to 2100.")
        return cls(begin, end)

    @classmethod
    def current(cls, name: str, *, today: date | None = None) -> "Period":
        """This week (from its Monday), month or quarter up to today.

        Raises KeyError for another name.
        """
        day = today or datetime.now(UTC).date()
        begins = {
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        }
        return cls(begins[name], day)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return (
            datetime.combine(self.first, time.min, UTC),
            datetime.combine(self.last + timedelta(days=1), time.min, UTC),
        )


# --- Capture -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Totals:
    """charts: finished in the period. The rest: suggestions of those charts, by the answer that stands now.

    undecided: open again, because the chart was returned and taken up; 0 on every chart that is finished now.
    """

    charts: int
    additions: int
    rejections: int
    keeps: int
    deletions: int
    changes: int
    queries: int
    undecided: int

    @property
    def adds_only(self) -> bool:
        """Additions over many charts, and not one deletion."""
        return self.charts >= ADD_ONLY_AFTER and self.additions > 0 and self.deletions == 0


@dataclass(frozen=True)
class ConditionRow(Answers):
    """Suggested additions of one condition family: how many were offered, and what became of them."""

    offered: int = 0


@dataclass(frozen=True)
class CoderRow:
    """One coder's pace beside accuracy, never one without the other.

    active: time between a chart's events (claim, decisions, finish), where gaps over five minutes count as five.
    agreed, audited: QA reviews of this coder's decisions settled in the period. low, high: 95 % Wilson interval.
    """

    coder: str
    charts: int
    decisions: int
    additions: int
    deletions: int
    active: timedelta
    agreed: int
    audited: int
    low: Decimal | None
    high: Decimal | None

    @property
    def hours(self) -> Decimal:
        """Active hours, one decimal."""
        return (Decimal(self.active.total_seconds()) / 3600).quantize(Decimal("0.1"))

    @property
    def charts_per_hour(self) -> Decimal | None:
        """None before any audit: a pace without an accuracy beside it rewards the wrong thing."""
        hours = Decimal(self.active.total_seconds()) / 3600
        return (self.charts / hours).quantize(Decimal("0.1")) if self.audited and hours and self.charts else None

    @property
    def accuracy(self) -> Decimal | None:
        return share(self.agreed, self.audited)


@dataclass(frozen=True)
class ScoreRow:
    """Scores of the finished charts in one program and payment year: sums of payment scores, three decimals.

    estimate: what the change comes to in dollars, for those who may see money; None for everybody else.
    """

    program: str
    payment_year: int
    model: str
    charts: int
    not_scored: int
    before: Decimal
    after: Decimal
    estimate: Estimate | None = None

    @property
    def change(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True)
class PaidRow:
    """The closed charts among them as they would be paid: sums of payment scores, three decimals.

    charts: those that are in the sums. not_known: those of which it is not known whether a record counts, left out.
    """

    program: str
    payment_year: int
    charts: int
    not_known: int
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True)
class WeekRow:
    """Answers that stand, by the week (its Monday) in which they were given."""

    week: date
    additions: int
    deletions: int
    keeps: int


@dataclass(frozen=True)
class Capture:
    period: Period
    totals: Totals
    scores: tuple[ScoreRow, ...]
    paid: tuple[PaidRow, ...]
    conditions: tuple[ConditionRow, ...]
    coders: tuple[CoderRow, ...]
    weeks: tuple[WeekRow, ...]
    cost: Cost | None = None


class Answer(NamedTuple):
    """A decision that stands, as the report counts it."""

    kind: str
    rule: str
    outcome: str
    coder: int
    at: datetime


def capture(project: Project, period: Period, rates: Rates | None = None) -> Capture:
    """The capture report of one project. Queries grow by the hundreds of charts, never by the chart.

    rates: for an estimate in dollars beside the scores, and the cost of the coding; given only where the reader may
    see money.
    """
    finished = finished_in(project, period)
    assignments = list(finished.select_related("coder"))
    answers = answers_on(finished)
    total = totals(finished, answers)
    coders = tuple(coder_rows(project, period, assignments, answers))
    return Capture(
        period,
        total,
        tuple(score_rows(finished, rates)),
        tuple(paid_rows(project, finished)),
        tuple(condition_rows(answers)),
        coders,
        tuple(week_rows(answers)),
        rates.cost(sum((row.active for row in coders), timedelta()), total.charts) if rates else None,
    )


def finished_in(project: Project, period: Period) -> QuerySet[Assignment]:
    """The coders' finished turns; a chart that QA returned may have been finished twice."""
    start, end = period.bounds
    return Assignment.objects.filter(
        chart__member__project=project, ended_by="finished", released_at__gte=start, released_at__lt=end
    )


def answers_on(finished: QuerySet[Assignment]) -> list[Answer]:
    rows = (
        Decision.objects.standing()
        .filter(suggestion__chart__in=finished.values("chart"))
        .order_by("decided_at", "pk")
        .values_list("suggestion__kind", "suggestion__rule", "outcome", "decided_by", "decided_at")
    )
    return [Answer(*row) for row in rows]


def totals(finished: QuerySet[Assignment], answers: Iterable[Answer]) -> Totals:
    counts = Counter((answer.kind, answer.outcome) for answer in answers)
    add, check = SuggestionKind.ADD, SuggestionKind.CHECK
    return Totals(
        charts=finished.values("chart").distinct().count(),
        additions=counts[add, Outcome.ACCEPT] + counts[add, Outcome.CHANGE],
        rejections=counts[add, Outcome.REJECT],
        keeps=counts[check, Outcome.KEEP],
        deletions=counts[check, Outcome.DELETE],
        changes=counts[check, Outcome.CHANGE],
        queries=counts[add, Outcome.QUERY] + counts[check, Outcome.QUERY],
        undecided=Suggestion.objects.open().filter(chart__in=finished.values("chart")).count(),
    )


def condition_rows(answers: Iterable[Answer]) -> list[ConditionRow]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        if answer.kind == SuggestionKind.ADD:
            counts[family_of(answer.rule or "other")][answer.outcome] += 1
    rows = [
        ConditionRow(
            family,
            offered=c.total(),
            accepted=c[Outcome.ACCEPT],
            changed=c[Outcome.CHANGE],
            rejected=c[Outcome.REJECT],
            queried=c[Outcome.QUERY],
        )
        for family, c in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row.offered, row.family))


def coder_rows(project: Project, period: Period, finished: list[Assignment], answers: list[Answer]) -> list[CoderRow]:
    start, end = period.bounds
    coders: dict[int, User] = {a.coder_id: a.coder for a in finished}
    charts: dict[int, set[int]] = defaultdict(set)
    events: dict[tuple[int, int], list[datetime]] = defaultdict(list)
    for assignment in finished:
        charts[assignment.coder_id].add(assignment.chart_id)
        if assignment.released_at is not None:
            events[assignment.coder_id, assignment.chart_id] += [assignment.claimed_at, assignment.released_at]
    decided = Decision.objects.filter(
        suggestion__chart__in=finished_in(project, period).values("chart"), decided_by__in=coders
    )
    for coder, chart, at in decided.values_list("decided_by", "suggestion__chart", "decided_at"):
        events[coder, chart].append(at)
    active: dict[int, timedelta] = defaultdict(timedelta)
    for (coder, _), moments in events.items():
        active[coder] += active_time(moments)
    reviews = QAReview.objects.filter(
        sample__project=project, settled_at__gte=start, settled_at__lt=end, decision__decided_by__in=coders
    ).values_list("decision__decided_by", "verdict")
    agreed, audited = Counter[int](), Counter[int]()
    for coder, verdict in reviews:
        audited[coder] += 1
        agreed[coder] += verdict == QAReview.Verdict.AGREE
    outcomes = Counter((answer.coder, answer.kind, answer.outcome) for answer in answers)
    add, check = SuggestionKind.ADD, SuggestionKind.CHECK
    rows = []
    for pk, user in coders.items():
        low, high = wilson(agreed[pk], audited[pk]) or (None, None)
        rows.append(
            CoderRow(
                coder=user.display_name,
                charts=len(charts[pk]),
                decisions=sum(n for (who, _, _), n in outcomes.items() if who == pk),
                additions=outcomes[pk, add, Outcome.ACCEPT] + outcomes[pk, add, Outcome.CHANGE],
                deletions=outcomes[pk, check, Outcome.DELETE],
                active=active[pk],
                agreed=agreed[pk],
                audited=audited[pk],
                low=low,
                high=high,
            )
        )
    return sorted(rows, key=lambda row: row.coder)


def active_time(moments: Iterable[datetime]) -> timedelta:
    """Time between consecutive moments, where a longer gap than IDLE_AFTER counts as IDLE_AFTER."""
    ordered = sorted(moments)
    gaps = (later - earlier for earlier, later in pairwise(ordered))
    return sum((min(gap, IDLE_AFTER) for gap in gaps), timedelta())


def week_rows(answers: Iterable[Answer]) -> list[WeekRow]:
    """Every week from the first answer's to the last one's, those without an answer too."""
    counts: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
    for answer in answers:
        day = answer.at.astimezone(UTC).date()
        counts[day - timedelta(days=day.weekday())][answer.kind, answer.outcome] += 1
    if not counts:
        return []
    first, last = min(counts), max(counts)
    weeks = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    add, check = SuggestionKind.ADD, SuggestionKind.CHECK
    return [
        WeekRow(
            week,
            additions=counts[week][add, Outcome.ACCEPT] + counts[week][add, Outcome.CHANGE],
            deletions=counts[week][check, Outcome.DELETE],
            keeps=counts[week][check, Outcome.KEEP],
        )
        for week in weeks
    ]


def score_rows(finished: QuerySet[Assignment], rates: Rates | None = None) -> list[ScoreRow]:
    grouped: dict[tuple[str, int], list[scores.Panel]] = defaultdict(list)
    changes: dict[tuple[str, int], list[tuple[Enrollment | None, Decimal]]] = defaultdict(list)
    for charts in _chunks(Chart.objects.filter(pk__in=finished.values("chart"))):
        found = scores.scores_of(charts)
        for chart in charts:
            for panel in found[chart.pk]:
                of = panel.program, panel.payment_year
                grouped[of].append(panel)
                if panel.baseline and panel.now:
                    changes[of].append((scores.enrollment_of(chart, *of), panel.now.payment - panel.baseline.payment))
    rows = []
    for (program, year), panels in sorted(grouped.items()):
        scored = [
            (panel.model, panel.baseline.payment, panel.now.payment) for panel in panels if panel.baseline and panel.now
        ]
        rows.append(
            ScoreRow(
                program,
                year,
                model=", ".join(sorted({model for model, _, _ in scored})),
                charts=len(scored),
                not_scored=len(panels) - len(scored),
                before=sum((before for _, before, _ in scored), Decimal("0.000")),
                after=sum((after for _, _, after in scored), Decimal("0.000")),
                estimate=rates.estimate(changes[program, year]) if rates and program in WITH_RATES else None,
            )
        )
    return rows


def paid_rows(project: Project, finished: QuerySet[Assignment]) -> list[PaidRow]:
    """From what is kept with each closed chart (`release.payments_of`): before QA closes it, nothing is submitted."""
    closed = Chart.objects.filter(pk__in=finished.values("chart"), status=ChartStatus.CLOSED)
    payments = release.payments_of(release.past_the_gate(closed), timezone.localdate(), rules_of(project))
    grouped: dict[tuple[str, int], list[release.Payment]] = defaultdict(list)
    for of_chart in payments.values():
        for payment in of_chart:
            if payment.scored:
                grouped[payment.program, payment.payment_year].append(payment)
    rows = []
    for (program, year), found in sorted(grouped.items()):
        known = [payment for payment in found if payment.known]
        before = sum((payment.before for payment in known), Decimal("0.000"))
        after = sum((payment.after for payment in known), Decimal("0.000"))
        rows.append(PaidRow(program, year, len(known), len(found) - len(known), before, after))
    return rows


def _chunks(charts: QuerySet[Chart]) -> Iterator[list[Chart]]:
    """Charts with what a score needs, a bounded number at once."""
    found = charts.select_related("member__project").prefetch_related("member__enrollments").order_by("pk")
    last = 0
    while batch := list(found.filter(pk__gt=last)[:SCORED_AT_ONCE]):
        yield batch
        last = batch[-1].pk
