"""What can be submitted today: additions and deletions that nothing holds, each linked to the claim that it corrects.

Only charts past the gate that QA has closed. An addition and a deletion are never one record: a changed code is two.
"""

from collections.abc import Iterator

from django.utils import timezone

from coding import release
from coding.models import Chart, Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Submission: additions and deletions"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "member_id", "service_year", "encounter_id", "from", "through", "action", "code", "icn", "claim_type",
    "links", "state", "why", "overrides", "high_risk", "second_reviewer", "coder", "decided_at", "earlier_export",
)  # fmt: skip


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    """The period is that of the decisions."""
    return of_state(project, period, (release.READY,))


def of_state(project: Project, period: Period, states: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    start, end = period.bounds
    for chart, lines in release.project_lines(project, timezone.localdate()):
        for line in lines:
            if line.action != release.KEEP and line.state in states and start <= line.decision.decided_at < end:
                yield row(chart, line)


def row(chart: Chart, line: release.Line) -> tuple[object, ...]:
    encounter, claim = line.encounter, getattr(line.encounter, "claim", None)
    links = [(one.assessment.program, one.assessment.payment_year, one.assessment.link) for one in line.links]
    return (
        chart.pk,
        chart.member.member_id,
        chart.service_year,
        encounter.encounter_id,
        encounter.date_from.isoformat(),
        encounter.date_through.isoformat(),
        line.action,
        line.code,
        line.icn,
        claim.claim_type if claim else "",
        "; ".join(f"{program} {year} {link}" for program, year, link in links),
        line.state,
        " ".join([*line.holds, *line.bars]),
        "; ".join(f"{one.check_name} by {one.by.username}" for one in line.validity.overrides),
        "; ".join(flag.group for flag in line.flags),
        line.second if line.flags else "",
        line.decision.decided_by.username,
        line.decision.decided_at.isoformat(timespec="seconds"),
        line.earlier_export,
    )
