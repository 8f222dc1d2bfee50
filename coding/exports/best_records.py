"""The best records of each member and HCC, as many as an audit takes, best first."""

from collections.abc import Iterator

from django.utils import timezone

from coding.documentation import project_best
from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Best records by HCC"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "member_id", "service_year", "hcc", "rank", "encounter_id", "from", "through", "codes", "radv",
    "meat_elements", "open_checks", "program", "payment_year", "reviewed",
)  # fmt: skip


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    """Of every finished chart, whenever it was coded: a record stays the best one."""
    for chart, records in project_best(project, timezone.localdate()):
        for one in records:
            yield (
                chart.pk, chart.member.member_id, chart.service_year, one.hcc, one.rank, one.encounter.encounter_id,
                one.encounter.date_from.isoformat(), one.encounter.date_through.isoformat(), " ".join(one.codes),
                one.radv, one.letters, one.open_checks, one.program, one.payment_year,
                "yes" if one.reviewed else "no",
            )  # fmt: skip
