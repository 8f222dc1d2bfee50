"""manage.py nlp_diff [OLD] [NEW]: what a change of rules adds and removes over notes, with the sentences."""

import io
import json
import subprocess
import sys
import tarfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from coding.actions import trail
from coding.models import Note as StoredNote
from coding.models import Project
from nlp.catalog import HERE
from nlp.diff import SIGNS, Note, RulesError, Summary, assemble, changed_files, differences, lines_of

GOLD, DEMO = settings.BASE_DIR / "data" / "gold", settings.BASE_DIR / "data" / "demo" / "charts.jsonl"
TROUBLE = 2
ALWAYS = {"added", "removed", "verdict", "contradicts"}


class Command(BaseCommand):
    help = """\
What a change of rules adds and removes over notes, with the sentences.

  nlp_diff                          the last commit against the rules as they are now
  nlp_diff HEAD~3                   a revision of git against the rules as they are now
  nlp_diff v1.0 v1.1                two revisions
  nlp_diff HEAD my/gout.toml        one edited condition file, the rest as it is
  nlp_diff nlp ../copy/nlp          two rule folders

The notes are data/gold and the demo's, --notes PATH, or the charts of --project NAME.
Exit status: 0 nothing differs, 1 something does, 2 trouble."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("old", nargs="?", default="HEAD", help="rule file, rule folder or git revision (HEAD)")
        parser.add_argument("new", nargs="?", help="the same; left out, the rules as they are now")
        parser.add_argument(
            "--notes", type=Path, action="append", default=[], metavar="PATH",
            help="a folder of <note>.txt (with <note>.json if annotated), a JSON Lines file of notes, or a chart file",
        )  # fmt: skip
        parser.add_argument("--project", help="read the charts of this project instead; leaves an event in its trail")
        parser.add_argument(
            "--quote", action="store_true", help="with --project: print the sentences, which are patients' data"
        )
        parser.add_argument("--evidence", action="store_true", help="list changed evidence too, not only count it")
        parser.add_argument(
            "--passed-over", action="store_true", help="list mentions that are newly passed over or not"
        )
        parser.add_argument("--summary", action="store_true", help="the summary alone")

    def handle(self, *args: Any, old: str, new: str | None, project: str | None, **options: Any) -> None:
        if project and options["notes"]:
            raise CommandError("Give --notes or --project, not both.", returncode=TROUBLE)
        listed = ALWAYS | {kind for kind in ("evidence", "passed over") if options[kind.replace(" ", "_")]}
        quote = options["quote"] or not project
        summary = Summary()
        with TemporaryDirectory(prefix="nlp-diff-") as folder:
            try:
                before = assemble(located(old, Path(folder) / "old-revision"), Path(folder) / "old")
                after = assemble(located(new, Path(folder) / "new-revision") if new else HERE, Path(folder) / "new")
                changed = changed_files(before, after)
                if not changed:
                    self.stdout.write("The two rule sets are the same.")
                    return
                for line in changed:
                    self.stdout.write(line)
                notes = stored(project, options["quote"]) if project else read_all(options["notes"] or [GOLD, DEMO])
                if project and quote:
                    self.stderr.write(
                        "The sentences below are of patients' charts: keep this output as you keep those."
                    )
                for note, found in differences(before, after, notes):
                    summary.add(found)
                    shown = [] if options["summary"] else [c for c in found if c.kind in listed]
                    if shown:
                        self.stdout.write(f"\n{note.name}")
                    for line in lines_of(shown, quote=quote):
                        self.stdout.write(self.coloured(line))
            except RulesError as error:
                raise CommandError(str(error), returncode=TROUBLE) from None
        self.stdout.write("")
        for line in summary.lines():
            self.stdout.write(line)
        if summary.differing:
            sys.exit(1)

    def coloured(self, line: str) -> str:
        sign = line[2:3]
        paint = {SIGNS["added"]: self.style.SUCCESS, SIGNS["removed"]: self.style.ERROR}.get(sign)
        return paint(line) if paint else line


def located(which: str, into: Path) -> Path:
    """A rule file or folder by its path, or a revision's rules by its name in git, unpacked."""
    path = Path(which)
    if path.exists():
        return path
    command = ["git", "-C", str(settings.BASE_DIR), "archive", "--format=tar", which, "nlp"]
    try:
        packed = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise RulesError(f"{which} is no file and no folder, and there is no git to ask for a revision.") from None
    if packed.returncode:
        raise RulesError(f"{which} is no file, no folder, and no revision of git that holds nlp/.")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(into, filter="data")
    return into


# --- Notes ---------------------------------------------------------------------------------------------------------


def read_all(paths: list[Path]) -> Iterator[Note]:
    for path in paths:
        if path.is_dir():
            found = list(of_folder(path))
        else:
            try:
                with path.open(encoding="utf-8") as lines:
                    found = [
                        note for number, line in enumerate(lines, 1) if line.strip() for note in of_line(number, line)
                    ]
            except (OSError, UnicodeDecodeError) as error:
                raise RulesError(f"{path} cannot be read: {type(error).__name__}.") from None
        if not found:
            raise RulesError(f"{path} holds no note.")
        yield from found


def of_folder(folder: Path) -> Iterator[Note]:
    """The notes of a folder; an annotation gives setting, date, first-pass codes and what a coder supports."""
    for path in sorted(folder.glob("*.txt")):
        with path.open(encoding="utf-8", newline="") as handle:
            text = handle.read()
        beside = path.with_suffix(".json")
        said = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
        annotated: dict[str, bool] = {}
        for c in said.get("conditions", ()):
            for code in (c["icd10"], *(c.get("acceptable") or ())):
                annotated[code] = annotated.get(code, False) or c["status"] == "supported"
        yield Note(
            path.stem,
            text,
            said.get("setting"),
            said.get("date_of_service"),
            tuple(said.get("first_pass", ())),
            annotated,
        )


def of_line(number: int, line: str) -> Iterator[Note]:
    """The note, or the notes of the chart, of a line of JSON. A fault names the line, never what it says."""
    try:
        said = json.loads(line)
        chart = f"{said.get('member', {}).get('member_id', number)} {said.get('service_year', '')}"
        for encounter in said.get("encounters", ()):
            codes = tuple(code["icd10"] for code in encounter.get("first_pass_codes", ()))
            for note in encounter["notes"]:
                name = f"{encounter['encounter_id']} {note.get('note_id', '')}".strip()
                yield Note(name, note["text"], encounter.get("setting"), encounter["from"], codes, chart=chart)
        if "encounters" not in said:
            codes = tuple(said.get("first_pass") or ())
            name = str(said.get("note_id", f"line {number}"))
            member = str(said.get("member_id") or "")
            yield Note(name, said["text"], said.get("setting"), said.get("date_of_service"), codes, chart=member)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RulesError(f"line {number} is neither a note nor a chart") from None


def stored(name: str, quoted: bool) -> Iterator[Note]:
    """The notes of a project's charts, by their ids. Reading them leaves an event, as opening a chart does."""
    project = Project.objects.filter(name=name).first()
    if project is None:
        raise RulesError(f"No project has the name {name}.")
    notes = StoredNote.objects.filter(encounter__chart__member__project=project)
    notes = notes.order_by("encounter__chart", "encounter__date_from", "pk")
    trail.record(
        "rules.compared", by=None, project=project, subject=project, notes=notes.count(), quoted=quoted
    )  # before the first sentence is out
    for note in notes.select_related("encounter").prefetch_related("encounter__first_pass_codes").iterator(500):
        encounter = note.encounter
        yield Note(
            f"chart {encounter.chart_id} note {note.pk}",
            note.text,
            encounter.setting or None,
            encounter.date_from.isoformat(),
            tuple(sorted({code.icd10 for code in encounter.first_pass_codes.all()})),
            chart=str(encounter.chart_id),
        )
