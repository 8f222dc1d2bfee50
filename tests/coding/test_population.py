"""A project scored at once: the review page's numbers, chart by chart, and a file that is an export."""

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coding import exports, population, scores
from coding.models import Chart, Project, Role, TrailEvent, User
from coding.reports import Period
from coding.workflow import Outcome
from tests import audits, make, pages

pytestmark = pytest.mark.django_db

PROGRAMS = ["cms-hcc", "rxhcc", "esrd", "pace", "hhs-hcc"]
CASES: list[dict[str, Any]] = [
    {},
    {"dual": "full"},
    {"dual": "partial", "institutional": True},
    {"new_enrollee": True},
    {"orec": "1", "institutional": None},
    {"dual": None},  # not known: not scored
    {"months": [{"dual": "full"}] * 4 + [{}] * 8},
    {"segment": "INS"},
    {"segment": "NOWHERE"},  # refused
    {"program": "rxhcc"},
    {"program": "rxhcc", "low_income": True, "plan": "pdp"},
    {"program": "esrd", "esrd": {"status": "dialysis"}},
    {"program": "esrd", "esrd": {"status": "graft", "graft_months": 5}},
    {"program": "pace", "frailty": "0.134"},
    {"program": "pace", "frailty": "0.020"},
    {"program": "pace"},  # no frailty factor: refused
    {"program": "hhs-hcc", "payment_year": 2026, "metal": "S", "csr": "4"},
    {"program": "hhs-hcc", "payment_year": 2026, "metal": "G", "ndc": ["00002-7510-01"]},
    {"program": "hhs-hcc", "payment_year": 2026, "metal": "B", "enrollment_months": 4, "age_last": 72},
    {"program": "hhs-hcc", "payment_year": 2026},  # no metal level: refused
]


def of(project: Project) -> QuerySet[Chart]:
    return Chart.objects.filter(member__project=project)


def enrollment(facts: dict[str, Any]) -> dict[str, Any]:
    return make.enrollment(**facts)


@pytest.fixture
def project() -> Project:
    return make.project("alpha", programs=PROGRAMS)


@pytest.fixture
def charts(project: Project, coder: User) -> list[Chart]:
    """Every kind of member; some charts reviewed, one with a code struck, one still open."""
    found = [audits.coded_chart(project, coder, pages.missed_ckd(), enrollments=[enrollment(facts)]) for facts in CASES]
    struck = {"E11.22": {"outcome": Outcome.DELETE, "reason": "not-documented"}}
    days = (pages.missed_ckd(), pages.missed_ckd("2026-06-09"))
    found.append(audits.coded_chart(project, coder, *days, answers=struck, enrollments=[enrollment({})]))
    found.append(pages.read_chart(project, pages.missed_ckd()))
    man = make.member(sex="M", birth_date="1990-02-01")
    found.append(pages.read_chart(project, pages.missed_ckd(), member=man))
    return found


def numbers(score: Any) -> tuple[Decimal, Decimal, Decimal]:
    return score.raw, score.normalized, score.payment


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_number_is_the_review_pages(project: Project, charts: list[Chart], program: str) -> None:
    rows = {row.chart: row for row in population.scored(of(project), program)}
    assert set(rows) == {chart.pk for chart in charts}
    scored = 0
    for chart in Chart.objects.filter(pk__in=rows):
        row = rows[chart.pk]
        (panel,) = (panel for panel in scores.chart_scores(chart) if panel.program == program)
        assert row.payment_year == panel.payment_year
        assert row.problem == panel.problem
        if not panel.problem:
            scored += 1
            assert (row.baseline, row.now) == (numbers(panel.baseline), numbers(panel.now))
    assert scored


def test_a_segment_of_the_payers_report_is_used_and_an_unknown_one_refused(
    project: Project, charts: list[Chart]
) -> None:
    rows = {row.chart: row for row in population.scored(of(project), "cms-hcc")}
    given, wrong = charts[CASES.index({"segment": "INS"})], charts[CASES.index({"segment": "NOWHERE"})]
    assert scores.chart_scores(given)[0].now.segment == "INS"
    assert rows[given.pk].now is not None
    assert "no segment" in rows[wrong.pk].problem


def test_one_members_bad_fact_does_not_take_the_others_along(project: Project, coder: User) -> None:
    good = audits.coded_chart(project, coder, pages.missed_ckd(), enrollments=[enrollment({})])
    bad = audits.coded_chart(project, coder, pages.missed_ckd(), enrollments=[enrollment({})])
    bad.member.enrollments.update(dual="sideways")
    rows = {row.chart: row for row in population.scored(of(project), "cms-hcc")}
    assert "dual" in rows[bad.pk].problem
    assert rows[good.pk].now is not None


def test_batches_leave_nobody_out_and_cost_the_same_queries(
    project: Project, charts: list[Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(connection) as captured:
        whole = list(population.scored(of(project), "cms-hcc"))
    few = len(captured)
    pages.read_chart(project, pages.missed_ckd())
    with CaptureQueriesContext(connection) as captured:
        assert len(list(population.scored(of(project), "cms-hcc"))) == len(whole) + 1
    assert len(captured) == few
    monkeypatch.setattr(population, "CHARTS_AT_ONCE", 3)
    assert list(population.scored(of(project), "cms-hcc"))[: len(whole)] == whole


# --- The command ---------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("score_project", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_writes_what_it_prints_and_the_trail_knows(
    project: Project, charts: list[Chart], tmp_path: Path
) -> None:
    file = tmp_path / "scores.csv"
    said = run("alpha", "--program", "cms-hcc", "--payment-year", "2027", "-o", str(file))
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["chart"]) for row in rows] == [chart.pk for chart in charts]
    done = [row for row in rows if not row["problem"]]
    before, after = (sum(Decimal(row[name]) for row in done) for name in ("baseline_payment", "now_payment"))
    assert f"cms-hcc 2027: {len(done)} charts scored, {len(rows) - len(done)} not" in said
    assert f"{before}" in said
    assert f"{after - before:+}" in said
    assert all(Decimal(row["change"]) == Decimal(row["now_payment"]) - Decimal(row["baseline_payment"]) for row in done)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]
    (event,) = TrailEvent.objects.filter(action="export.made")
    assert event.details == {"export": "scores", "programs": ["cms-hcc"], "payment_year": 2027}
    assert event.actor is None


def test_who_takes_the_file_has_to_be_somebody_who_may(project: Project, charts: list[Chart], tmp_path: Path) -> None:
    manager, lead = make.person(Role.MANAGER, project, "morgan"), make.person(Role.QA_LEAD, project, "quinn")
    file = tmp_path / "scores.csv"
    for name, words in ((lead.username, "may not export"), ("nobody", "user name nobody")):
        with pytest.raises(CommandError, match=words):
            run("alpha", "-o", str(file), "--by", name)
    assert not file.exists()
    run("alpha", "--program", "cms-hcc", "-o", str(file), "--by", manager.username)
    assert TrailEvent.objects.get(action="export.made").actor == manager


def test_totals_alone_are_no_export_and_name_nobody(project: Project, charts: list[Chart]) -> None:
    said = run("alpha")
    assert {line.split(" ")[0] for line in said.splitlines() if not line.startswith(" ")} == set(PROGRAMS)
    assert "lacks the dual status" in said
    assert "frailty factor" in said
    assert not TrailEvent.objects.filter(action="export.made").exists()
    assert not [chart for chart in charts if chart.member.member_id in said]


def test_another_year_has_no_charts(project: Project, charts: list[Chart]) -> None:
    assert run("alpha", "--program", "cms-hcc", "--payment-year", "2026") == "No chart to score.\n"
    assert "hhs-hcc 2026" in run("alpha", "--program", "hhs-hcc", "--payment-year", "2026")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no project nowhere"),
        (["alpha", "--program", "cdps"], "does not score cdps"),
        (["alpha", "-o", "/nowhere/scores.csv"], "Cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(project: Project, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)
    assert not TrailEvent.objects.filter(action="export.made").exists()


def test_a_failure_on_the_way_leaves_the_old_file(
    project: Project, charts: list[Chart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("old")

    def fail(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(population, "score_charts", fail)
    with pytest.raises(RuntimeError):
        run("alpha", "-o", str(file))
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_the_export_has_the_finished_charts_of_its_days(project: Project, charts: list[Chart]) -> None:
    export = exports.exports()["scores"]
    today = timezone.now().date()
    rows = [dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, Period(today, today))]
    finished = {chart.pk for chart in charts[:-2]}
    assert {(row["chart"], row["program"]) for row in rows} == {(pk, name) for pk in finished for name in PROGRAMS}
    for row in rows[: len(finished)]:
        (panel, *_) = scores.chart_scores(Chart.objects.get(pk=row["chart"]))
        assert row["now_payment"] == (panel.now.payment if panel.now else "")
    assert not list(export.rows(project, Period(date(2000, 1, 1), date(2000, 1, 2))))
