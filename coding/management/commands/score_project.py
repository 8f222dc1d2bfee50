"""Score every chart of a project at once."""

import os
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from django.core.management import BaseCommand, CommandError
from django.db.models import QuerySet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from coding import exports
from coding.actions import trail
from coding.exports.scores import COLUMNS, cells
from coding.models import Chart, Project, User
from coding.permissions import NotAllowed, check_can
from coding.population import Row, paid_in, scored
from scoring.rounding import decimal, half_up


@dataclass
class Total:
    """Of one program and payment year. not_scored: why, and how often."""

    charts: int = 0
    changed: int = 0
    baseline: Decimal = Decimal("0.000")
    now: Decimal = Decimal("0.000")
    not_scored: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        if row.baseline is None or row.now is None:
            self.not_scored[row.problem] += 1
            return
        self.charts += 1
        self.changed += row.baseline != row.now
        self.baseline += row.baseline[2]
        self.now += row.now[2]

    def lines(self, name: str) -> Iterator[str]:
        yield f"{name}: {self.charts} charts scored, {sum(self.not_scored.values())} not"
        if self.charts:
            for words, total in (("first pass", self.baseline), ("now", self.now)):
                yield f"  {words:<12}{total:>14,}  average {mean(total, self.charts)}"
            change = self.now - self.baseline
            yield f"  {'change':<12}{change:>+14,}  average {mean(change, self.charts):+}, on {self.changed} charts"
        for why, count in self.not_scored.most_common():
            yield f"  not scored, {count}: {why}"


class Command(BaseCommand):
    help = (
        "Score every chart of a project as documented: with the first-pass codes, and with what is decided now. Prints "
        "totals; with -o it also writes one line a chart, which is an export and leaves an event in the trail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's name")
        parser.add_argument("--program", help="one program; without it, every program of the project")
        parser.add_argument("--payment-year", type=int, help="one payment year (benefit year of hhs-hcc and cdps)")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a CSV file: member numbers and scores")
        parser.add_argument("--by", metavar="USER", help="who takes the file: may export, and stands in the trail")

    def handle(self, *args: Any, project: str, output: Path | None, **options: Any) -> None:
        found = Project.objects.filter(name=project).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        programs = [options["program"]] if options["program"] else list(found.programs)
        if unknown := [name for name in programs if name not in found.programs]:
            known = ", ".join(found.programs) or "none"
            raise CommandError(f"{project} does not score {unknown[0]}; its programs: {known}.")
        if not programs:
            raise CommandError(f"{project} names no program to score.")
        by = exporter(options["by"], found) if options["by"] else None
        totals: dict[tuple[str, int], Total] = {}
        rows = self.rows(found, programs, options["payment_year"], totals)
        if output is None:
            for _ in rows:
                pass
        else:
            year = options["payment_year"]
            details = {"programs": programs, **({"payment_year": year} if year else {})}
            with replaced(output) as file:
                trail.record("export.made", by=by, project=found, subject=found, export="scores", **details)
                file.writelines(exports.as_csv(COLUMNS, map(cells, rows)))
        self.tell(totals)

    def rows(
        self, project: Project, programs: list[str], year: int | None, totals: dict[tuple[str, int], Total]
    ) -> Iterator[Row]:
        """Every row, counted on the way, with a bar on a terminal."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            for program in programs:
                charts: QuerySet[Chart] = Chart.objects.filter(member__project=project)
                if year is not None:
                    charts = paid_in(charts, program, year)
                task = progress.add_task(f"Scoring {program}", total=charts.count())
                for row in scored(charts, program):
                    totals.setdefault((program, row.payment_year), Total()).add(row)
                    progress.advance(task)
                    yield row

    def tell(self, totals: dict[tuple[str, int], Total]) -> None:
        for (program, year), total in sorted(totals.items()):
            for line in total.lines(f"{program} {year}"):
                self.stdout.write(line)
        if not totals:
            self.stdout.write("No chart to score.")


def exporter(username: str, project: Project) -> User:
    """Without a name it is the command line, which whoever may read the database may use anyway."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"Nobody has the user name {username}.")
    try:
        check_can(user, exports.exports()["scores"].PERMISSION, project)
    except NotAllowed as error:
        raise CommandError(str(error)) from None
    return user


def mean(total: Decimal, count: int) -> Decimal:
    """Three decimals, halves away from zero."""
    return decimal(half_up(int(total.scaleb(3)), count))


@contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """A new file for its owner alone, in the place of the old one once it is whole."""
    part = path.with_name(path.name + ".part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
