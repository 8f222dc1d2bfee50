"""Import a folder of notes that come without members."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import DjangoHelpFormatter
from django.utils.text import slugify

from coding.intake import IntakeErrors, note_folder
from coding.management.commands._importing import store, tell_problems


class _Help(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """The rule for what is invented is a list, and stays one."""


class Command(BaseCommand):
    help = "Import a folder of *.txt and *.pdf notes as charts of a project of the folder's name.\n\n" + (
        note_folder.__doc__ or ""
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=_Help, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--first-pass", type=Path, metavar="FILE", help="JSON Lines: note_id and first_pass codes")
        parser.add_argument("--project", help="another project than that of the folder's name")
        parser.add_argument("--apply", action="store_true", help="add what is new to charts that are here already")

    def handle(
        self, *args: Any, folder: Path, first_pass: Path | None, project: str | None, apply: bool, **options: Any
    ) -> None:
        name = slugify(project or folder.resolve().name)
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        if not name:
            raise CommandError("The folder's name gives no project name; give --project.")
        try:
            codes = {}
            if first_pass:
                with first_pass.open("rb") as lines:
                    codes = note_folder.read_first_pass(lines)
            charts = note_folder.read_folder(folder, codes)
        except OSError as error:
            raise CommandError(f"Cannot read {error.filename}: {error.strerror}.") from None
        except IntakeErrors as errors:
            raise tell_problems(self, errors) from None
        store(self, (replace(chart, project=name) for chart in charts), apply=apply, verbosity=options["verbosity"])
