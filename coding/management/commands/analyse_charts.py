"""Have every note read that the current rule set has not read."""

import logging
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from django.db.models import QuerySet
from kombu.exceptions import OperationalError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import nlp
from coding import tasks
from coding.actions.suggestions import queue_runs, retry_run, send
from coding.models import NlpRun, Note, Project
from coding.workflow import RunStatus

CHUNK = 500  # notes in one query


class Command(BaseCommand):
    help = "Enqueue every note that the current rule set has not read, or failed to read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="this project's charts only")
        parser.add_argument("--now", action="store_true", help="read the notes in this process, without a worker")

    def handle(self, *args: Any, project: str | None, now: bool, **options: Any) -> None:
        notes = Note.objects.all()
        if project:
            if not Project.objects.filter(name=project).exists():
                raise CommandError(f"There is no project {project}.")
            notes = notes.filter(encounter__chart__member__project__name=project)
        try:
            note_ids = enqueue(notes)
        except OperationalError:
            if not now:
                raise CommandError("The message broker does not answer; start it, or give --now.") from None
            note_ids = waiting(notes)
        if now:
            self.analyse(note_ids, options["verbosity"])
        elif options["verbosity"]:
            self.stdout.write(f"{len(note_ids)} notes are queued for reading.")

    def analyse(self, note_ids: list[int], verbosity: int) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("Reading notes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        read = 0
        with quiet(verbosity), Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            for note_id in progress.track(note_ids):
                read += tasks.analyse(note_id)
        failed = NlpRun.objects.filter(note__in=note_ids, ruleset=str(nlp.RULESET), status=RunStatus.FAILED)
        for run in failed:
            self.stderr.write(f"note {run.note_id}: {run.error}")
        if verbosity:
            self.stdout.write(f"{read} notes read, {len(failed)} failed, {len(note_ids) - read - len(failed)} skipped.")
        if failed:
            raise CommandError(
                "Some notes could not be read. Their charts can be coded by hand; run this to try again."
            )


def enqueue(notes: QuerySet[Note]) -> list[int]:
    """Queue what is missing and what failed, and send again what is queued. The ids of the notes, oldest first."""
    ruleset = str(nlp.RULESET)
    with transaction.atomic():
        again = waiting(notes)
        for run in NlpRun.objects.filter(note__in=notes, ruleset=ruleset, status=RunStatus.FAILED):
            retry_run(run)
        missing = notes.exclude(runs__ruleset=ruleset).defer("text").order_by("pk")
        for chunk in chunks(missing):
            queue_runs(chunk)
        send(again)
    return waiting(notes)


def waiting(notes: QuerySet[Note]) -> list[int]:
    queued = NlpRun.objects.filter(note__in=notes, ruleset=str(nlp.RULESET), status=RunStatus.QUEUED)
    return list(queued.order_by("note").values_list("note_id", flat=True))


def chunks(notes: QuerySet[Note]) -> Iterator[list[Note]]:
    all_notes = list(notes)
    for start in range(0, len(all_notes), CHUNK):
        yield all_notes[start : start + CHUNK]


@contextmanager
def quiet(verbosity: int) -> Iterator[None]:
    """One line for each note is for a worker's log; here there is a progress bar, unless more is asked for."""
    logger = logging.getLogger("coding.tasks")
    level = logger.level
    if verbosity < 2:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
