"""The same code on PostgreSQL and Redis, with real worker processes, killed where it hurts."""

from pathlib import Path

import psycopg
import pytest

from tests.services.conftest import ROOT, Installation, chart_line

pytestmark = pytest.mark.services

DEMO = ROOT / "data" / "demo" / "charts.jsonl"
SHORT = "ASSESSMENT AND PLAN:\n1. CKD stage 3b. eGFR 38, creatinine 1.6. Continue losartan, recheck BMP in 3 months.\n"
SENTINEL = "Quixotefield"


def slow_note() -> str:
    """Some seconds of reading: many sentences, no two alike, each naming conditions."""
    return "ASSESSMENT AND PLAN:\n" + "\n".join(
        f"{n}. COPD, CKD stage 3b and atrial fibrillation at visit {n}; {SENTINEL} denies heart failure {n} times."
        for n in range(2_500)
    )


def imported(installation: Installation, notes: dict[str, str]) -> None:
    path = installation.var / "charts.jsonl"
    path.write_text(chart_line(notes) + "\n", encoding="utf-8")
    installation.manage("import_charts", str(path))


def test_demo_charts_are_read_by_a_worker_and_every_span_quotes_its_note(installation: Installation) -> None:
    installation.manage("import_charts", str(DEMO))
    installation.worker("one")
    installation.wait(lambda: set(installation.run_counts()) == {"done"})

    assert installation.rows("SELECT count(*) FROM coding_chart WHERE status <> 'ready'") == [(0,)]
    spans = installation.rows(
        'SELECT n.text, e.start, e."end", e.quote FROM coding_evidencespan e JOIN coding_note n ON n.id = e.note_id'
    )
    assert len(spans) > 100
    assert all(text[start:end] == quote for text, start, end, quote in spans)


def test_importing_twice_and_reading_again_changes_nothing(installation: Installation) -> None:
    imported(installation, {"N1": SHORT})
    installation.manage("analyse_charts", "--now")
    tables = ("chart", "encounter", "note", "nlprun", "suggestion", "evidencespan")
    before = [installation.rows(f"SELECT * FROM coding_{table} ORDER BY id") for table in tables]
    imported(installation, {"N1": SHORT})
    installation.manage("analyse_charts", "--now")
    assert [installation.rows(f"SELECT * FROM coding_{table} ORDER BY id") for table in tables] == before


def test_a_worker_killed_in_the_middle_of_a_note_loses_nothing(installation: Installation) -> None:
    installation.extra = {"ANALYSIS_SECONDS": "60", "SWEEP_SECONDS": "2"}
    imported(installation, {"N1": slow_note(), "N2": SHORT, "N3": SHORT + "\nSeen again."})
    first = installation.worker("first")
    installation.wait(
        lambda: bool(
            installation.rows(
                "SELECT 1 FROM coding_nlprun r JOIN coding_note n ON n.id = r.note_id "
                "WHERE n.note_id = 'N1' AND r.status = 'running'"
            )
        )
    )
    installation.kill(first)
    assert installation.run_counts()["running"] == 1
    assert installation.rows("SELECT count(*) FROM coding_chart WHERE status = 'ready'") == [(0,)]

    # The dead worker's lease must run out before another may take the note: move the clock, not the code.
    installation.rows(
        "UPDATE coding_nlprun SET started_at = started_at - interval '10 minutes' WHERE status = 'running' RETURNING 1"
    )
    installation.worker("second", "--beat")
    installation.wait(lambda: installation.run_counts() == {"done": 3})
    assert installation.rows("SELECT attempts FROM coding_nlprun ORDER BY attempts DESC LIMIT 1") == [(2,)]
    assert installation.rows("SELECT status FROM coding_chart") == [("ready",)]


def test_a_note_that_kills_its_worker_every_time_is_given_up_with_a_reason(installation: Installation) -> None:
    installation.extra = {"SWEEP_SECONDS": "2"}
    imported(installation, {"N1": SHORT})
    installation.rows("UPDATE coding_nlprun SET attempts = 3 RETURNING 1")
    installation.worker("one", "--beat")
    installation.wait(lambda: installation.run_counts() == {"failed": 1})
    assert installation.rows("SELECT error FROM coding_nlprun") == [("stopped its worker 3 times",)]
    assert installation.rows("SELECT status FROM coding_chart") == [("ready",)]  # it can still be coded by hand


def test_no_word_of_a_note_reaches_the_output_of_a_worker_that_says_everything(installation: Installation) -> None:
    text = f"{SENTINEL} reports no chest pain.\n{SHORT}{SENTINEL} has COPD, stable on tiotropium."
    imported(installation, {"N1": text})
    installation.worker("one")
    installation.wait(lambda: installation.run_counts() == {"done": 1})
    said = "".join(path.read_text(errors="replace") for path in installation.var.glob("*.log"))
    assert "analysed note=" in said
    assert SENTINEL not in said
    assert "tiotropium" not in said


def test_the_database_itself_refuses_to_change_a_note_a_decision_or_the_trail(installation: Installation) -> None:
    imported(installation, {"N1": SHORT})
    for change in (
        "UPDATE coding_note SET text = 'other' RETURNING 1",
        "UPDATE coding_trailevent SET action = 'other' RETURNING 1",
    ):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
            installation.rows(change)


def test_two_coders_who_ask_at_once_get_different_charts(installation: Installation, tmp_path: Path) -> None:
    lines = [chart_line({f"N{n}": SHORT}, member=f"M{n}") for n in range(8)]
    path = tmp_path / "eight.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    installation.manage("import_charts", str(path))
    installation.manage("analyse_charts", "--now")
    script = """
import threading
from django.db import connection
from coding.actions import queues
from coding.models import Membership, Project, User
project = Project.objects.get(name="services")
coders = [User.objects.create_user(f"coder{n}") for n in range(8)]
for coder in coders:
    Membership.objects.create(project=project, user=coder, role="coder")
claimed, barrier = [], threading.Barrier(8)
def work(coder):
    barrier.wait()
    chart = queues.claim_next(by=coder)
    claimed.append(chart.pk if chart else None)
    connection.close()
threads = [threading.Thread(target=work, args=(coder,)) for coder in coders]
[t.start() for t in threads]
[t.join() for t in threads]
print("CLAIMED", sorted(claimed))
"""
    output = installation.manage("shell", "-c", script).stdout
    ids = [pk for (pk,) in installation.rows("SELECT id FROM coding_chart ORDER BY id")]
    assert f"CLAIMED {ids}" in output
    assert len(installation.rows("SELECT 1 FROM coding_assignment WHERE released_at IS NULL")) == 8
