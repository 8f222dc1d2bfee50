"""Write an export of a project as CSV, from the command line. What the gate refuses is refused here too."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from coding import exports, release
from coding.actions import trail
from coding.models import Chart, Project
from coding.reports import Period


class Command(BaseCommand):
    help = "Write an export of a project as CSV. Charts on which an existing code is undecided are never in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("export", choices=sorted(exports.exports()))
        parser.add_argument("project", help="its name, as in URLs")
        parser.add_argument("-o", "--output", metavar="FILE", help="a file instead of standard output")
        parser.add_argument("--from", dest="first", default="2000-01-01", metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="last", default="2100-12-31", metavar="YYYY-MM-DD")
        parser.add_argument(
            "--chart", type=int, action="append", default=[], help="refuse unless this chart is past the gate"
        )

    def handle(self, *args: Any, export: str, project: str, output: str, first: str, last: str, **options: Any) -> None:
        found = Project.objects.filter(name=project).first()
        if found is None:
            raise CommandError(f"No project has the name {project}.")
        try:
            period = Period.read(first, last)
        except ValueError as error:
            raise CommandError(str(error)) from error
        problems = [problem for pk in options["chart"] if (problem := refusal(found, pk))]
        if problems:
            raise CommandError("\n".join(problems))
        if count := release.held_back(found):
            self.stderr.write(f"{count} finished charts are left out: an existing code on each is undecided.")
        chosen = exports.exports()[export]
        days = {"first": period.first.isoformat(), "last": period.last.isoformat()}
        trail.record("export.made", by=None, project=found, subject=found, export=export, **days)
        lines = exports.as_csv(chosen.COLUMNS, chosen.rows(found, period))
        if output:
            with Path(output).open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        else:
            for line in lines:
                self.stdout.write(line, ending="")


def refusal(project: Project, pk: int) -> str:
    chart = Chart.objects.filter(member__project=project, pk=pk).select_related("member__project").first()
    if chart is None:
        return f"{project.name} has no chart {pk}."
    try:
        release.check_gate(chart)
    except release.GateClosed as error:
        return str(error)
    return ""
