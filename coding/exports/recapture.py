"""What to look for this year: HCCs that stood on a record of the year before and are on none of this year yet.

Drawn each January, and whenever charts come in. Nothing carries over: a row is a reason to look, and supports nothing.
"""

from collections.abc import Iterator

from django.utils import timezone

from coding.documentation import project_recapture
from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Recapture list"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "member_id", "service_year", "program", "payment_year", "hcc", "codes_before", "last_date", "provider", "npi",
    "chart_before",
)  # fmt: skip


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    """Of the service year in which the period ends."""
    year = period.last.year
    for one in project_recapture(project, year, timezone.localdate()):
        yield (
            one.member_id, year, one.program, one.payment_year, one.hcc, " ".join(one.codes), one.day.isoformat(),
            one.provider, one.npi, one.chart,
        )  # fmt: skip
