"""Import risk model tables: a thin shell around `scoring.importing`."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from scoring.errors import ScoringError
from scoring.importing import Found, find, store
from scoring.tables import STATUSES


class Command(BaseCommand):
    help = (
        "Import risk model tables from published packages (zip files or folders; docs/scoring.md). Says what differs "
        "from the release in use. Files with a problem store nothing and list every problem; the same file again "
        "changes nothing. Restart web and workers afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="a zip file, a folder or a workbook")
        parser.add_argument("--program", default="", help="of SAS tables, whose names do not say it")
        parser.add_argument("--payment-year", type=int, help="of SAS tables, or where a file name does not say it")
        parser.add_argument(
            "--status", default="", choices=sorted(STATUSES - {"user"}), help="where the package does not say it"
        )
        parser.add_argument("--source", default="", help="where the files come from, for SOURCE.md")
        parser.add_argument(
            "--fewer", action="store_true", help="take tables much shorter than those before as they are"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what differs, and store nothing")

    def handle(self, *args: Any, files: list[Path], source: str, dry_run: bool, **options: Any) -> None:
        found = self.read(files, options)
        for release in found:
            self.stdout.write(f"{release.draft.name} ({release.draft.meta['status']})")
            for line in release.difference():
                self.stdout.write(f"  {line}")
        if dry_run:
            self.stdout.write("Dry run: nothing stored.")
            return
        names = ", ".join(path.name for path in files)
        try:
            written = store(found, settings.VAR_DIR / "tables", source or f"Imported from {names} on {date.today()}.")
        except (ScoringError, OSError) as error:
            raise CommandError(str(error)) from None
        if not written:
            self.stdout.write("Nothing new: these tables are here already.")
            return
        for folder in written:
            self.stdout.write(f"Stored {folder.relative_to(settings.VAR_DIR)}.")
        self.stdout.write("Restart web and workers to score with them.")

    def read(self, files: list[Path], options: dict[str, Any]) -> list[Found]:
        """Every release of every file, all of them sound."""
        found: list[Found] = []
        problems: list[str] = []
        for path in files:
            if not path.exists():
                problems.append(f"{path}: no such file or folder")
                continue
            try:
                asked = (options["status"], options["payment_year"], options["program"], options["fewer"])
                releases = find(path, *asked)
            except (ScoringError, OSError) as error:
                problems.append(str(error))
                continue
            found += releases
            problems += [f"{path.name}: {it.draft.name}: {problem}" for it in releases for problem in it.problems]
        if problems:
            for problem in problems:
                self.stderr.write(problem)
            raise CommandError(f"{len(problems)} problems; nothing was stored.")
        return found
