"""What `import_charts` and `import_corpus` share: from values to rows, and what is said about it."""

from collections.abc import Iterable

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from kombu.exceptions import OperationalError

from coding.actions.charts import ImportRefused, ImportSummary, import_charts
from coding.actions.projects import create_project
from coding.intake import ChartValues, IntakeErrors, Problem
from coding.models import Project


def tell_problems(command: BaseCommand, errors: IntakeErrors) -> CommandError:
    for problem in errors.problems:
        command.stderr.write(str(problem))
    return CommandError(str(errors))


def store(command: BaseCommand, charts: Iterable[ChartValues], *, apply: bool, verbosity: int) -> None:
    """Import the charts into the projects that they name, all or none. A project that is not there is created."""
    by_project: dict[str, list[ChartValues]] = {}
    for chart in charts:
        by_project.setdefault(chart.project, []).append(chart)
    lines: list[str] = []
    try:
        with transaction.atomic():
            for name, its_charts in by_project.items():
                lines += _store(name, its_charts, apply, verbosity)
    except ImportRefused as refused:
        for difference in refused.differences:
            command.stderr.write(str(difference))
        how = " Give --apply to add it." if refused.can_be_applied else ""
        raise CommandError(f"{refused}{how}") from None
    except OperationalError:
        # Raised after the commit, when the messages go out: the rows are the truth, and they say "queued".
        raise CommandError(
            "The charts are stored, but the message broker does not answer: run analyse_charts when it does."
        ) from None
    if verbosity:
        for line in lines:
            command.stdout.write(line)


def _store(name: str, charts: list[ChartValues], apply: bool, verbosity: int) -> list[str]:
    lines = []
    project = Project.objects.filter(name=name).first()
    if project is None:
        programs = sorted({enrollment.program for chart in charts for enrollment in chart.enrollments})
        project = create_project(name=name, programs=programs or ["cms-hcc"], by=None)
        lines.append(f"Project {name}: created; it has no people yet (manage.py give_role {name} USER ROLE).")
    summary = import_charts(charts, project=project, by=None, apply=apply)
    if verbosity > 1:
        lines += map(str, summary.differences)
    return [*lines, _said(name, summary)]


def _said(name: str, summary: ImportSummary) -> str:
    return (
        f"Project {name}: {summary.created} charts created, {summary.changed} added to, {summary.unchanged} unchanged; "
        f"{summary.notes} notes queued for reading."
    )


def missing_projects(charts: Iterable[ChartValues]) -> list[Problem]:
    return [
        Problem(chart.line, "project", "Missing; expected the project's name here or as --project.")
        for chart in charts
        if not chart.project
    ]
