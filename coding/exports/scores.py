"""One row for each finished chart and program: the scores as documented, with the first-pass codes and with the answers
that stand. `manage.py score_project -o` writes the same rows for every chart."""

from collections.abc import Iterator

from coding import population
from coding.models import Chart, Project
from coding.permissions import Permission
from coding.reports import Period, finished_in

NAME = "Scores"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "member_id", "service_year", "program", "payment_year", "baseline_raw", "baseline_normalized",
    "baseline_payment", "now_raw", "now_normalized", "now_payment", "change", "problem",
)  # fmt: skip


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    finished = Chart.objects.filter(pk__in=finished_in(project, period).values("chart"))
    for program in project.programs:
        yield from map(cells, population.scored(finished, program))


def cells(row: population.Row) -> tuple[object, ...]:
    none = ("", "", "")
    return (
        row.chart, row.member_id, row.service_year, row.program, row.payment_year, *(row.baseline or none),
        *(row.now or none), "" if row.change is None else row.change, row.problem,
    )  # fmt: skip
