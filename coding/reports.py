"""Capture, productivity and agreement: frozen rows from querysets. Every number names what it counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from math import sqrt

from coding import scores
from coding.models import Assignment, Chart, Decision, Project, QAReview, User
from coding.workflow import Outcome, SuggestionKind

IDLE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, both ends included."""

    first: date
    last: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return (
            datetime.combine(self.first, time.min, UTC),
            datetime.combine(self.last + timedelta(days=1), time.min, UTC),
        )


@dataclass(frozen=True)
class Totals:
    """charts: finished in the period. The rest: suggestions of those charts, by the answer that stands now."""

    charts: int
    additions: int
    rejections: int
    keeps: int
    deletions: int
    changes: int
    queries: int


@dataclass(frozen=True)
class ConditionRow:
    """Suggested additions of one condition family: how many were offered, and what became of them."""

    family: str
    offered: int
    accepted: int
    changed: int
    rejected: int
    queried: int

    @property
    def acceptance(self) -> Decimal | None:
        """Accepted or changed, of those accepted, changed or rejected; 3 decimals, None without one."""
        return share(self.accepted + self.changed, self.accepted + self.changed + self.rejected)


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
    def charts_per_hour(self) -> Decimal | None:
        hours = Decimal(self.active.total_seconds()) / 3600
        return (self.charts / hours).quantize(Decimal("0.1")) if hours and self.charts else None

    @property
    def accuracy(self) -> Decimal | None:
        return share(self.agreed, self.audited)


@dataclass(frozen=True)
class ScoreRow:
    """Scores of the finished charts in one program and payment year: sums of payment scores, three decimals."""

    program: str
    payment_year: int
    model: str
    charts: int
    not_scored: int
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
    conditions: tuple[ConditionRow, ...]
    coders: tuple[CoderRow, ...]
    weeks: tuple[WeekRow, ...]


def share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.001")) if whole else None


def wilson(successes: int, n: int) -> tuple[Decimal, Decimal] | None:
    """95 % interval of a proportion (Wilson 1927), three decimals; None without an observation."""
    if not n:
        return None
    z = 1.959964
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return tuple(Decimal(max(0.0, min(1.0, x))).quantize(Decimal("0.001")) for x in (middle - half, middle + half))  # type: ignore[return-value]


def capture(project: Project, period: Period) -> Capture:
    """The capture report of one project. A fixed number of queries, however many charts there are."""
    start, end = period.bounds
    finished = list(
        Assignment.objects.filter(
            chart__member__project=project, ended_by="finished", released_at__gte=start, released_at__lt=end
        ).select_related("coder")
    )
    charts = {assignment.chart_id for assignment in finished}
    decisions = list(
        Decision.objects.standing()
        .filter(suggestion__chart__in=charts)
        .select_related("suggestion", "decided_by")
        .order_by("decided_at", "pk")
    )
    return Capture(
        period,
        totals(charts, decisions),
        tuple(score_rows(charts)),
        tuple(condition_rows(decisions)),
        tuple(coder_rows(project, period, finished, decisions)),
        tuple(week_rows(decisions)),
    )


def totals(charts: set[int], decisions: list[Decision]) -> Totals:
    counts = Counter((d.suggestion.kind, d.outcome) for d in decisions)
    add, check = SuggestionKind.ADD, SuggestionKind.CHECK
    return Totals(
        charts=len(charts),
        additions=counts[add, Outcome.ACCEPT] + counts[add, Outcome.CHANGE],
        rejections=counts[add, Outcome.REJECT],
        keeps=counts[check, Outcome.KEEP],
        deletions=counts[check, Outcome.DELETE],
        changes=counts[check, Outcome.CHANGE],
        queries=counts[add, Outcome.QUERY] + counts[check, Outcome.QUERY],
    )


def condition_rows(decisions: list[Decision]) -> list[ConditionRow]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for decision in decisions:
        if decision.suggestion.kind == SuggestionKind.ADD:
            family = (decision.suggestion.rule or "other").split("/")[0]
            counts[family][decision.outcome] += 1
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


def coder_rows(
    project: Project, period: Period, finished: list[Assignment], decisions: list[Decision]
) -> list[CoderRow]:
    start, end = period.bounds
    coders: dict[int, User] = {a.coder_id: a.coder for a in finished}
    events: dict[tuple[int, int], list[datetime]] = defaultdict(list)
    for assignment in finished:
        if assignment.released_at is not None:
            events[assignment.coder_id, assignment.chart_id] += [assignment.claimed_at, assignment.released_at]
    for coder, chart, at in Decision.objects.filter(
        suggestion__chart__in={a.chart_id for a in finished}, decided_by__in=coders
    ).values_list("decided_by", "suggestion__chart", "decided_at"):
        events[coder, chart].append(at)
    reviews = QAReview.objects.filter(
        sample__project=project, settled_at__gte=start, settled_at__lt=end, decision__decided_by__in=coders
    ).values_list("decision__decided_by", "verdict")
    agreed, audited = Counter[int](), Counter[int]()
    for coder, verdict in reviews:
        audited[coder] += 1
        agreed[coder] += verdict == QAReview.Verdict.AGREE
    rows = []
    for pk, user in coders.items():
        own = [d for d in decisions if d.decided_by_id == pk]
        interval = wilson(agreed[pk], audited[pk])
        outcomes = Counter((d.suggestion.kind, d.outcome) for d in own)
        rows.append(
            CoderRow(
                coder=user.display_name,
                charts=len({a.chart_id for a in finished if a.coder_id == pk}),
                decisions=len(own),
                additions=outcomes[SuggestionKind.ADD, Outcome.ACCEPT] + outcomes[SuggestionKind.ADD, Outcome.CHANGE],
                deletions=outcomes[SuggestionKind.CHECK, Outcome.DELETE],
                active=sum((active_time(at) for (who, _), at in events.items() if who == pk), timedelta()),
                agreed=agreed[pk],
                audited=audited[pk],
                low=interval[0] if interval else None,
                high=interval[1] if interval else None,
            )
        )
    return sorted(rows, key=lambda row: row.coder)


def active_time(moments: Iterable[datetime]) -> timedelta:
    """Time between consecutive moments, where a longer gap than IDLE_AFTER counts as IDLE_AFTER."""
    ordered = sorted(moments)
    gaps = (later - earlier for earlier, later in pairwise(ordered))
    return sum((min(gap, IDLE_AFTER) for gap in gaps), timedelta())


def week_rows(decisions: list[Decision]) -> list[WeekRow]:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for decision in decisions:
        day = decision.decided_at.astimezone(UTC).date()
        week = day - timedelta(days=day.weekday())
        counts[week][f"{decision.suggestion.kind} {decision.outcome}"] += 1
    return [
        WeekRow(
            week,
            additions=c[f"{SuggestionKind.ADD} {Outcome.ACCEPT}"] + c[f"{SuggestionKind.ADD} {Outcome.CHANGE}"],
            deletions=c[f"{SuggestionKind.CHECK} {Outcome.DELETE}"],
            keeps=c[f"{SuggestionKind.CHECK} {Outcome.KEEP}"],
        )
        for week, c in sorted(counts.items())
    ]


def score_rows(charts: set[int]) -> list[ScoreRow]:
    grouped: dict[tuple[str, int], list[scores.Panel]] = defaultdict(list)
    for panels in scores.scores_of(Chart.objects.filter(pk__in=charts)).values():
        for panel in panels:
            grouped[panel.program, panel.payment_year].append(panel)
    rows = []
    for (program, year), panels in sorted(grouped.items()):
        scored = [panel for panel in panels if not panel.problem]
        rows.append(
            ScoreRow(
                program,
                year,
                model=", ".join(sorted({panel.model for panel in scored})),
                charts=len(scored),
                not_scored=len(panels) - len(scored),
                before=sum((panel.baseline.payment for panel in scored), Decimal("0.000")),
                after=sum((panel.now.payment for panel in scored), Decimal("0.000")),
            )
        )
    return rows
