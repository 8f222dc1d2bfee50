"""manage.py evaluate_nlp FOLDER: how well annotated notes are read, by family and letter, and what is confused."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from nlp.evaluate import add_arguments, evaluate, first_pass_of, report


class Command(BaseCommand):
    help = "Precision and recall of the reading over a folder of annotated notes. Nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

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
