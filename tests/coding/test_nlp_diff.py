"""nlp_diff as a rule owner types it: files, folders, notes of their own, a project's charts."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from coding.management.commands.nlp_diff import read_all
from coding.models import TrailEvent
from nlp.catalog import HERE
from nlp.diff import RulesError
from tests import make, pages

SENTINEL = "Zanzibarine"


def edited(folder: Path, family: str, old: str, new: str) -> Path:
    text = (HERE / "conditions" / f"{family}.toml").read_text(encoding="utf-8")
    assert old in text
    path = folder / f"{family}.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("nlp_diff", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), int(end.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_the_same_rules_differ_in_nothing() -> None:
    assert run(str(HERE), str(HERE)) == ("The two rule sets are the same.\n", "", 0)


def test_an_added_term_is_shown_with_its_sentence_and_the_exit_status_of_diff(tmp_path: Path) -> None:
    notes = tmp_path / "notes.jsonl"
    notes.write_text(json.dumps({"note_id": "n1", "text": f"ASSESSMENT:\n1. {SENTINEL} syndrome, stable.\n"}) + "\n")
    edit = edited(tmp_path, "gout", 'terms = ["', f'terms = ["{SENTINEL.lower()} syndrome", "')
    out, _, status = run(str(HERE), str(edit), "--notes", str(notes))
    assert status == 1
    assert "conditions/gout.toml changed" in out
    assert "  + M10.9    gout" in out
    assert f'"1. [{SENTINEL} syndrome], stable."' in out
    assert "1 notes read, 1 read otherwise." in out
    out, _, status = run(str(HERE), str(edit), "--notes", str(notes), "--summary")
    assert SENTINEL not in out
    assert status == 1


@pytest.mark.django_db
def test_a_projects_charts_are_quoted_only_when_asked_and_leave_an_event(tmp_path: Path) -> None:
    project = make.project("alpha")
    pages.read_chart(project, pages.missed_ckd())
    edit = edited(tmp_path, "ckd", '  "ckd",\n', "")
    out, err, status = run(str(HERE), str(edit), "--project", "alpha")
    assert status == 1
    assert "- N18.32" in out
    assert '"' not in out
    assert err == ""
    event = TrailEvent.objects.get(action="rules.compared")
    assert event.details == {"notes": 1, "quoted": False}
    assert event.project == project
    out, err, _ = run(str(HERE), str(edit), "--project", "alpha", "--quote")
    assert '"' in out
    assert "patients' charts" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-revision"], "no revision of git"),
        ([str(HERE), str(HERE / "conditions"), "--project", "a", "--notes", "b"], "not both"),
    ],
)
def test_trouble_has_a_status_of_its_own(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as error:
        call_command("nlp_diff", *arguments)
    assert error.value.returncode == 2


def test_a_line_that_is_no_note_is_named_by_its_number_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"note_id": "n1", "text": "Seen."}\n{"note_id": "n2", "txt": "' + SENTINEL + '"}\n')
    with pytest.raises(RulesError, match="line 2 is neither") as error:
        list(read_all([path]))
    assert SENTINEL not in str(error.value)


def test_charts_and_annotated_folders_are_read_whole(tmp_path: Path) -> None:
    chart = make.chart_line(project="alpha")
    (tmp_path / "charts.jsonl").write_text(json.dumps(chart) + "\n")
    encounter = chart["encounters"][0]
    [note] = read_all([tmp_path / "charts.jsonl"])
    assert note.text == encounter["notes"][0]["text"]
    assert note.date_of_service == encounter["from"]
    gold = list(read_all([HERE.parent / "data" / "gold"]))
    assert any(note.annotated.get("E11.9") is False and note.annotated.get("E66.01") for note in gold)
