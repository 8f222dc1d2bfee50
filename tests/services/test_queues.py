"""Many coders at once, on the database that many coders use."""

import ast

import pytest

from tests.services.conftest import Installation

pytestmark = pytest.mark.services


def test_writes_that_meet_on_a_chart_wait_for_each_other_and_never_both(installation: Installation) -> None:
    said = installation.manage("shell", "-c", "from tests.services.rivals import main; main()").stdout
    met = [line.removeprefix("MET ").split(" ", 1) for line in said.splitlines() if line.startswith("MET")]
    assert len(met) == 5
    for meeting, outcomes in met:
        # The one that came second may find that there is nothing left to do; no session was ended for a deadlock.
        assert "done" in ast.literal_eval(outcomes), f"{meeting}: {outcomes}"
        assert {"done", "refused"} >= set(ast.literal_eval(outcomes)), f"{meeting}: {outcomes}"
    assert {line for line in said.splitlines() if line.startswith("BROKEN")} == {"BROKEN []"}
