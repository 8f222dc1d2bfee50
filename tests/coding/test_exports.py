"""Exports: complete rows, safe cells, and a trail of what left."""

import csv
import io
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from coding import exports
from coding.actions import queues, suggestions
from coding.exports import as_csv
from coding.models import Chart, Project, Role, TrailEvent, User
from coding.permissions import Permission
from coding.reports import Period
from coding.workflow import ChartStatus, Outcome
from tests import audits, make, pages

EVER = Period(date(2000, 1, 1), date(2100, 12, 31))


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project, "casey", credential="CRC")


def results(project: Project) -> list[dict[str, object]]:
    export = exports.exports()["coded_results"]
    return [dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, EVER)]


def test_an_export_is_found_by_being_there() -> None:
    found = exports.exports()
    assert set(found) == {
        "best_records", "capture", "coded_results", "contradictions", "gaps", "not_submitted", "recapture", "scores",
        "submission",
    }  # fmt: skip
    for export in found.values():
        assert export.NAME
        assert isinstance(export.PERMISSION, Permission)
        assert len(set(export.COLUMNS)) == len(export.COLUMNS)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-cmd", "@x", "\tx", "\rx"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell) -> None:
    [_, row] = csv.reader(io.StringIO("".join(as_csv(["a"], [[cell]])), newline=""))
    assert row == [f"'{cell}"]


def test_numbers_stay_numbers() -> None:
    assert list(as_csv(["a", "b"], [[-1, None]])) == ["a,b\r\n", "-1,\r\n"]


@given(st.lists(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=2, max_size=2), max_size=8))
def test_a_csv_reads_back_as_it_was_written(rows) -> None:
    text = "".join(as_csv(["first", "second"], rows))
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


@pytest.mark.django_db
def test_additions_deletions_and_keeps_leave_side_by_side(project, coder) -> None:
    day = pages.day(
        "2026-03-02",
        adds={"N18.32": pages.CKD},
        checks={"E11.22": ("supported", ""), "I50.9": ("unsupported", "")},
        fields={"claim": {"icn": "ICN7"}},
    )
    chart = audits.coded_chart(
        project, coder, day, answers={"I50.9": {"outcome": Outcome.DELETE, "reason": "not-documented"}}
    )
    rows = {row["code"]: row for row in results(project)}
    assert {code: (row["kind"], row["outcome"], row["resulting_code"]) for code, row in rows.items()} == {
        "N18.32": ("add", "accept", "N18.32"),
        "E11.22": ("check", "keep", "E11.22"),
        "I50.9": ("check", "delete", ""),
    }
    added = rows["N18.32"]
    assert (added["chart"], added["icn"], added["meat"], added["coder"], added["credential"]) == (
        chart.pk, "ICN7", "AT", "casey", "CRC",
    )  # fmt: skip
    assert (added["from"], added["service_year"]) == ("2026-03-02", 2026)
    assert added["delta"] is not None
    assert added["model"] == "cms-hcc 2027 V28"
    assert rows["I50.9"]["reason"] == "not-documented"


@pytest.mark.django_db
def test_nothing_of_an_unfinished_chart_leaves(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    suggestions.decide(suggestion=chart.suggestions.get(icd10="N18.32"), outcome=Outcome.ACCEPT, by=coder)
    assert results(project) == []


@pytest.mark.django_db
def test_a_returned_chart_waits_until_it_is_finished_again(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    assert chart.status == ChartStatus.RETURNED
    assert results(project) == []
    queues.resume(chart=chart, by=coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.undo(suggestion=suggestion, by=coder)
    suggestions.decide(suggestion=suggestion, outcome=Outcome.REJECT, reason="mention-only", by=coder)
    assert results(project) == []
    queues.finish(chart=chart, by=coder)
    assert {row["code"]: row["outcome"] for row in results(project)} == {"N18.32": "reject", "E11.22": "keep"}


@pytest.mark.django_db
def test_another_projects_rows_stay_there(project, coder) -> None:
    other = make.project("beta")
    audits.coded_chart(other, make.person(Role.CODER, other))
    assert results(project) == []


@pytest.mark.django_db
def test_answers_outside_the_days_stay_out(project, coder) -> None:
    audits.coded_chart(project, coder)
    export = exports.exports()["coded_results"]
    assert not list(export.rows(project, Period(date(2000, 1, 1), date(2000, 12, 31))))


@pytest.mark.django_db
def test_the_export_costs_the_same_for_three_charts_and_thirty(project, coder) -> None:
    costs = []
    for more in (3, 27):
        for _ in range(more):
            audits.coded_chart(project, coder)
        with CaptureQueriesContext(connection) as queries:
            results(project)
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert Chart.objects.count() == 30


# --- The download --------------------------------------------------------------------------------------------------


def test_a_download_streams_and_leaves_an_event(db, client: Client, project, coder) -> None:
    audits.coded_chart(project, coder)
    manager = make.person(Role.MANAGER, project)
    client.force_login(manager)
    response = client.get(reverse("export", args=["coded_results"]), {"from": "2026-01-01", "to": "2099-12-31"})
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="alpha-coded_results-2026-01-01-2099-12-31.csv"'
    assert response["Cache-Control"] == "no-store"
    rows = list(csv.reader(io.StringIO(response.getvalue().decode())))
    assert len(rows) == 1 + 2
    (event,) = TrailEvent.objects.filter(action="export.made")
    assert (event.actor, event.project) == (manager, project)
    assert event.details == {"export": "coded_results", "first": "2026-01-01", "last": "2099-12-31"}


def test_an_unknown_export_is_not_found(db, client: Client, project) -> None:
    client.force_login(make.person(Role.MANAGER, project))
    assert client.get("/reports/everything.csv").status_code == 404


def test_a_download_with_wrong_dates_is_refused_and_leaves_no_event(db, client: Client, project) -> None:
    client.force_login(make.person(Role.MANAGER, project))
    assert client.get(reverse("export", args=["capture"]), {"from": "soon"}).status_code == 400
    assert not TrailEvent.objects.filter(action="export.made").exists()


def test_who_may_not_export_leaves_no_event(db, client: Client, project, lead) -> None:
    client.force_login(lead)
    assert client.get(reverse("export", args=["coded_results"])).status_code == 403
    assert not TrailEvent.objects.filter(action="export.made").exists()
