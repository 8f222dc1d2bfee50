"""The capture report's numbers as rows of (section, name, measure, value)."""

from collections.abc import Iterator
from dataclasses import asdict

from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period, capture

NAME = "Capture report"
PERMISSION = Permission.SEE_REPORTS
COLUMNS = ("section", "name", "measure", "value")


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    report = capture(project, period)
    for measure, value in asdict(report.totals).items():
        yield "totals", "", measure, value
    for score in report.scores:
        name = f"{score.program} {score.payment_year}"
        for measure in ("model", "charts", "not_scored", "before", "after", "change"):
            yield "scores", name, measure, getattr(score, measure)
    for paid in report.paid:
        for measure in ("charts", "not_known", "before", "after", "change"):
            yield "as paid", f"{paid.program} {paid.payment_year}", measure, getattr(paid, measure)
    for row in report.conditions:
        for measure in ("offered", "accepted", "changed", "rejected", "queried"):
            yield "conditions", row.family, measure, getattr(row, measure)
        yield "conditions", row.family, "acceptance", row.rate
    for coder in report.coders:
        for measure in (
            "charts", "decisions", "additions", "deletions", "charts_per_hour", "accuracy", "audited", "low", "high",
        ):  # fmt: skip
            yield "coders", coder.coder, measure, getattr(coder, measure)
        yield "coders", coder.coder, "active_minutes", round(coder.active.total_seconds() / 60)
    for week in report.weeks:
        for measure in ("additions", "deletions", "keeps"):
            yield "weeks", week.week.isoformat(), measure, getattr(week, measure)
