"""Many coders at once, on the database that many coders use."""

import ast
import re
import subprocess
import sys

import pytest

from tests.services.conftest import ROOT, Installation

pytestmark = pytest.mark.services


def test_writes_that_meet_on_a_chart_wait_for_each_other_and_never_both(installation: Installation) -> None:
    said = installation.manage("shell", "-c", "from tests.services.rivals import main; main()").stdout
    met = [line.removeprefix("MET ").split(" ", 1) for line in said.splitlines() if line.startswith("MET")]
    assert len(met) == 6
    for meeting, outcomes in met:
        # The one that came second may find that there is nothing left to do; no session was ended for a deadlock.
        assert "done" in ast.literal_eval(outcomes), f"{meeting}: {outcomes}"
        assert {"done", "refused"} >= set(ast.literal_eval(outcomes)), f"{meeting}: {outcomes}"
    assert {line for line in said.splitlines() if line.startswith("BROKEN")} == {"BROKEN []"}


def coders(installation: Installation, *options: str) -> str:
    """What `benchmarks/coders.py` says of coders who work over HTTP on this database."""
    done = subprocess.run(
        [sys.executable, "benchmarks/coders.py", *options],
        cwd=ROOT, env=installation.environment, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_coders_who_work_at_once_lose_no_answer_and_never_share_a_chart(installation: Installation) -> None:
    said = coders(installation, "--coders", "8", "--charts", "60", "--seconds", "15")
    assert "every answer is there" in said
    assert int(re.search(r"(\d+) answers acknowledged", said)[1]) > 20


def test_a_web_server_killed_in_the_middle_of_answers_loses_none_that_it_acknowledged(
    installation: Installation,
) -> None:
    said = coders(installation, "--coders", "6", "--charts", "60", "--seconds", "30", "--kill", "5")
    assert "every answer is there" in said
    kills, again = re.search(r"(\d+) kills, (\d+) requests sent again", said).groups()
    assert int(kills) > 0
    assert int(again) > 0
