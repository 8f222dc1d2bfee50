"""Every payment HCC that no valid claim carried, with its one reason and whether the second pass recovered it."""

from collections.abc import Iterator

from django.utils import timezone

from coding.documentation import project_losses
from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Documentation gaps by date of service"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "hcc", "code", "reason", "recovered", "provider", "npi", "coder", "encounter_id", "date_of_service",
    "program", "payment_year", "failed_checks",
)  # fmt: skip


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    """Of dates of service on the days of the period, on finished charts."""
    for loss in project_losses(project, timezone.localdate()):
        if period.first <= loss.day <= period.last:
            yield (
                loss.chart, loss.hcc, loss.code, loss.reason, "yes" if loss.recovered else "no", loss.provider,
                loss.npi, loss.coder, loss.encounter_id, loss.day.isoformat(), loss.program, loss.payment_year,
                " ".join(loss.failed),
            )  # fmt: skip
