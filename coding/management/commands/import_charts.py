"""Import a file of charts."""

import sys
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.core.validators import validate_slug

from coding.intake import ChartValues, IntakeErrors, chart_file, formats
from coding.management.commands._importing import missing_projects, store, tell_problems


class Command(BaseCommand):
    help = (
        "Import charts from a file (docs/chart-format.md). A file with a problem stores nothing and lists every "
        "problem; the same file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--project", help="import all charts into this project, whatever the file names")
        parser.add_argument("--apply", action="store_true", help="add what is new to charts that are here already")
        parser.add_argument("--format", choices=sorted(formats()), default=chart_file.NAME)

    def handle(self, *args: Any, file: str, project: str | None, apply: bool, **options: Any) -> None:
        try:
            charts = self.read(file, options["format"])
            if project:
                charts = tuple(replace(chart, project=project_name(project)) for chart in charts)
            if problems := missing_projects(charts):
                raise IntakeErrors(problems)
        except IntakeErrors as errors:
            raise tell_problems(self, errors) from None
        store(self, charts, apply=apply, verbosity=options["verbosity"])

    def read(self, file: str, name: str) -> tuple[ChartValues, ...]:
        chart_format = formats()[name]
        if file == "-":
            return chart_format.read(sys.stdin.buffer)
        try:
            with Path(file).open("rb") as lines:
                return chart_format.read(lines)
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from None


def project_name(name: str) -> str:
    try:
        validate_slug(name)
    except ValidationError:
        raise CommandError("A project's name has letters, digits, hyphens and underscores only.") from None
    return name
