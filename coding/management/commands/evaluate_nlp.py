"""manage.py evaluate_nlp FOLDER: how well annotated notes are read, by family and letter, and what is confused."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

import nlp
from nlp.cards import FIGURES, stored_figures
from nlp.evaluate import Evaluation, add_arguments, as_figures, evaluate, first_pass_of, report


class Command(BaseCommand):
    help = "Precision and recall of the reading over a folder of annotated notes. Nothing is stored without --store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)
        parser.add_argument(
            "--store",
            metavar="NAME",
            help="put the counts by family on the rule cards, under this name for the notes; no text, only counts",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder, reported = options["folder"], options["first_pass"]
        if not any(folder.glob("*.json")):
            raise CommandError(f"{folder} holds no annotation (*.json).")
        try:
            result = evaluate(folder, first_pass_of(reported) if reported else None)
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"An annotation cannot be read: {type(error).__name__}: {error}") from None
        for line in report(result, letters=options["letters"], errors=options["errors"]):
            self.stdout.write(line)
        if options["store"]:
            store(options["store"], result, notes=len(list(folder.glob("*.json"))))
            self.stderr.write(f"The rule cards show these counts as {options['store']}.")


def store(name: str, result: Evaluation, *, notes: int) -> None:
    """Put the counts into the file that comes with the rules, in the place of those of the same name."""
    measured = {
        "measured_on": timezone.localdate().isoformat(),
        "ruleset": str(nlp.RULESET),
        "notes": notes,
        "families": as_figures(result),
    }
    figures = stored_figures(FIGURES) | {name: measured}
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
