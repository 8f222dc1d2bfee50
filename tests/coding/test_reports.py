"""The capture report: every number against a recomputation, the pages around it, and their cost."""

import csv
import io
import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

import scoring
from coding import agreement, proportions, reports
from coding.actions import projects as project_actions
from coding.actions import qa, queues, suggestions
from coding.models import Chart, Project, QAReview, Role, TrailEvent, User
from coding.permissions import NotAllowed
from coding.proportions import cohens_kappa, wilson
from coding.reports import Period, Totals, active_time, capture
from coding.workflow import ChartStatus, Outcome
from tests import audits, make, pages

JULY = Period(date(2026, 7, 1), date(2026, 7, 31))


def at(day: int, hour: int = 9, minute: int = 0, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project, "casey", first_name="Casey", last_name="Coder")


def sql(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


# --- Periods -------------------------------------------------------------------------------------------------------


def test_a_period_is_thirty_days_up_to_today_unless_said_otherwise() -> None:
    today = date(2026, 3, 31)
    assert Period.read("", "", today=today) == Period(date(2026, 3, 2), today)
    assert Period.read("", "2026-02-10", today=today) == Period(date(2026, 1, 12), date(2026, 2, 10))
    assert Period.read("2026-01-01", "", today=today) == Period(date(2026, 1, 1), today)


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-03-02", "2026-03-01"), ("yesterday", ""), ("", "31.12.2026"), ("0001-01-01", ""), ("", "9999-12-31"),
     ("", "0001-01-01")],
)  # fmt: skip
def test_a_period_that_is_none_is_refused_in_words(first, last) -> None:
    with pytest.raises(ValueError, match=r"^(Give|The first day)"):
        Period.read(first, last, today=date(2026, 3, 31))


def test_both_ends_of_a_period_belong_to_it() -> None:
    start, end = JULY.bounds
    assert (start, end) == (at(1, 0), at(1, 0, month=8))


# --- Small measures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(5, 10, "0.237", "0.763"), (0, 10, "0.000", "0.278"), (10, 10, "0.722", "1.000"), (1, 1, "0.207", "1.000")],
)
def test_the_interval_is_wilsons(successes, n, low, high) -> None:
    assert wilson(successes, n) == (Decimal(low), Decimal(high))


@given(st.integers(1, 400), st.data())
def test_the_interval_inverts_the_score_test(n, data) -> None:
    successes = data.draw(st.integers(0, n))
    interval = wilson(successes, n)
    assert interval is not None
    for bound in map(float, interval):
        if 0.001 < bound < 0.999:
            distance = abs(bound - successes / n)
            assert distance == pytest.approx(1.959964 * (bound * (1 - bound) / n) ** 0.5, abs=0.002)


def test_nothing_observed_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert proportions.share(0, 0) is None


def test_kappa_of_the_textbook_example() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == Decimal("0.400")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=60))
def test_kappa_is_symmetric_and_one_only_for_equal_raters(pairs) -> None:
    kappa = cohens_kappa(pairs)
    assert kappa == cohens_kappa([(b, a) for a, b in pairs])
    if kappa is not None:
        assert Decimal(-1) <= kappa <= Decimal(1)
        assert (kappa == 1) == all(a == b for a, b in pairs)


def test_kappa_of_one_answer_throughout_is_undefined() -> None:
    assert cohens_kappa([("stands", "stands")] * 5) is None
    assert cohens_kappa([]) is None


def test_a_long_pause_counts_as_five_minutes() -> None:
    moments = [at(1, 9, 0), at(1, 9, 1), at(1, 9, 3), at(1, 11, 0)]
    assert active_time(moments) == timedelta(minutes=1 + 2 + 5)
    assert active_time(reversed(moments)) == active_time(moments)
    assert active_time([]) == timedelta()


def test_additions_without_deletions_alarm_only_over_many_charts() -> None:
    none = Totals(charts=0, additions=0, rejections=0, keeps=0, deletions=0, changes=0, queries=0, undecided=0)

    def alarm(**numbers: int) -> bool:
        return Totals(**{**vars(none), **numbers}).adds_only

    assert alarm(charts=20, additions=1)
    assert not alarm(charts=19, additions=9)
    assert not alarm(charts=50, additions=9, deletions=1)
    assert not alarm(charts=50)


# --- The whole report against SQL ----------------------------------------------------------------------------------

MIXED: list[dict[str, dict[str, Any]]] = [
    {},
    {"N18.32": {"outcome": Outcome.REJECT, "reason": "mention-only"}},
    {"E11.22": {"outcome": Outcome.DELETE, "reason": "historical"}},
    {"N18.32": {"outcome": Outcome.CHANGE, "reason": "specificity", "icd10_code": "N18.4"}},
    {"E11.22": {"outcome": Outcome.CHANGE, "reason": "wrong-code", "icd10_code": "E11.9"}},
    {"N18.32": {"outcome": Outcome.QUERY}, "E11.22": {"outcome": Outcome.QUERY}},
]


def season(project: Project, coder: User, lead: User) -> None:
    """A summer of work: two coders, every outcome, charts before, in and after July, one of them unscored, an undone
    answer, audits with and without agreement, and another project that must not count."""
    second = make.person(Role.CODER, project, "robin", first_name="Robin", last_name="Reyes")
    elsewhere = make.project("elsewhere")
    stranger = make.person(Role.CODER, elsewhere)
    for number, (month, day) in enumerate([(6, 30), *((7, d) for d in (1, 2, 9, 17, 23, 31)), (8, 1)]):
        who = (coder, second)[number % 2]
        with time_machine.travel(at(day, 22, month=month), tick=False) as clock:
            fields = {"enrollments": []} if number == 3 else {}
            chart = pages.held_chart(project, who, **fields)
            for suggestion in chart.suggestions.order_by("pk"):
                clock.shift(timedelta(minutes=2))
                suggestions.decide(suggestion=suggestion, outcome=Outcome.QUERY, by=who)
                clock.shift(timedelta(minutes=7))
                suggestions.undo(suggestion=suggestion, by=who)
            audits.answer_all(chart, who, MIXED[number % len(MIXED)])
            clock.shift(timedelta(minutes=1))
            queues.finish(chart=chart, by=who)
            audits.coded_chart(elsewhere, stranger)
    with time_machine.travel(at(20), tick=False):
        sample = qa.draw_sample(project=project, percentage=60, seed=5, by=lead)
        for n, pk in enumerate(sample.charts.order_by("pk").values_list("pk", flat=True)):
            chart = Chart.objects.get(pk=pk)
            audits.settled(chart, by=lead, overturn=("N18.32",) if n % 2 else ())
            qa.conclude(chart=chart, by=lead)
    returned = Chart.objects.filter(status=ChartStatus.RETURNED).first()
    assert returned is not None
    holder = returned.assignments.get(released_at=None).coder
    queues.resume(chart=returned, by=holder)
    suggestions.undo(suggestion=returned.suggestions.get(icd10="N18.32"), by=holder)


FINISHED = """
    select distinct a.chart_id from coding_assignment a
    join coding_chart c on c.id = a.chart_id join coding_member m on m.id = c.member_id
    where m.project_id = %s and a.ended_by = 'finished' and a.released_at >= %s and a.released_at < %s
"""
STANDING = f"""
    select s.chart_id, s.kind, s.rule, d.outcome, d.icd10, s.icd10, d.decided_by_id, d.decided_at
    from coding_suggestion s join coding_decision d on d.suggestion_id = s.id
    where s.status not in ('open', 'superseded') and s.chart_id in ({FINISHED})
      and d.id = (select max(e.id) from coding_decision e where e.suggestion_id = s.id)
"""


@pytest.mark.django_db
def test_every_number_equals_its_recomputation_by_sql(project, coder, lead) -> None:
    season(project, coder, lead)
    report = capture(project, JULY)
    span = (project.pk, at(1, 0), at(1, 0, month=8))

    standing = sql(STANDING, *span)
    counted = Counter((kind, outcome) for _, kind, _, outcome, *_ in standing)
    open_now = sql(f"select count(*) from coding_suggestion where status = 'open' and chart_id in ({FINISHED})", *span)
    assert report.totals == Totals(
        charts=len(sql(FINISHED, *span)),
        additions=counted["add", "accept"] + counted["add", "change"],
        rejections=counted["add", "reject"],
        keeps=counted["check", "keep"],
        deletions=counted["check", "delete"],
        changes=counted["check", "change"],
        queries=counted["add", "query"] + counted["check", "query"],
        undecided=open_now[0][0],
    )
    assert all(vars(report.totals).values()), "a season has every kind of answer"

    by_rule = Counter((rule.split("/")[0], outcome) for _, kind, rule, outcome, *_ in standing if kind == "add")
    for row in report.conditions:
        of = {outcome: n for (family, outcome), n in by_rule.items() if family == row.family}
        assert (row.offered, row.accepted, row.changed, row.rejected, row.queried) == (
            sum(of.values()), of.get("accept", 0), of.get("change", 0), of.get("reject", 0), of.get("query", 0),
        )  # fmt: skip
    assert sum(row.offered for row in report.conditions) == sum(by_rule.values())

    for week in report.weeks:
        inside = [
            (kind, outcome)
            for _, kind, _, outcome, _, _, _, when in standing
            if week.week <= _utc(when).date() < week.week + timedelta(days=7)
        ]
        assert week.week.weekday() == 0
        assert week.additions == inside.count(("add", "accept")) + inside.count(("add", "change"))
        assert (week.deletions, week.keeps) == (inside.count(("check", "delete")), inside.count(("check", "keep")))
    assert sum(week.additions for week in report.weeks) == report.totals.additions
    assert all(later.week - week.week == timedelta(days=7) for week, later in pairwise(report.weeks))

    for row in report.coders:
        [(pk,)] = sql("select id from coding_user where first_name || ' ' || last_name = %s", row.coder)
        audited = sql(
            "select r.verdict from coding_qareview r join coding_decision d on d.id = r.decision_id "
            "join coding_qasample s on s.id = r.sample_id "
            "where s.project_id = %s and r.settled_at >= %s and r.settled_at < %s and d.decided_by_id = %s",
            *span, pk,
        )  # fmt: skip
        assert (row.audited, row.agreed) == (len(audited), audited.count(("agree",)))
        charts = sql(f"{FINISHED} and a.coder_id = %s", *span, pk)
        own = [(kind, outcome) for _, kind, _, outcome, _, _, who, _ in standing if who == pk]
        assert (row.charts, row.decisions) == (len(charts), len(own))
        assert row.deletions == own.count(("check", "delete"))
        # Each chart: two rounds of 2 and 7 (counted as 5) minutes, then 1 minute to the finish. The answer that was
        # taken back weeks later counts as one long pause.
        reworked = sql(
            "select 1 from coding_decision where decided_by_id = %s and decided_at >= %s", pk, at(9, month=8)
        )
        assert row.active == len(charts) * timedelta(minutes=2 * (2 + 5) + 1) + len(reworked) * timedelta(minutes=5)
    assert {row.coder for row in report.coders} == {"Casey Coder", "Robin Reyes"}


def _utc(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.django_db
def test_scores_before_and_after_are_those_of_the_codes_in_the_tables(project, coder, lead) -> None:
    season(project, coder, lead)
    (row,) = capture(project, JULY).scores
    span = (project.pk, at(1, 0), at(1, 0, month=8))
    charts = [pk for (pk,) in sql(FINISHED, *span)]
    before = after = Decimal(0)
    not_scored = 0
    for pk in charts:
        enrolled = sql(
            "select count(*) from coding_enrollment e join coding_chart c on c.member_id = e.member_id where c.id = %s",
            pk,
        )
        if not enrolled[0][0]:
            not_scored += 1
            continue
        first = {
            code
            for (code,) in sql(
                "select f.icd10 from coding_firstpasscode f join coding_encounter e on e.id = f.encounter_id "
                "where e.chart_id = %s",
                pk,
            )
        }
        now = set(first)
        for chart, kind, _, outcome, put, asked, *_ in sql(STANDING, *span):
            if chart != pk:
                continue
            if kind == "check" and outcome in ("delete", "change"):
                now.discard(asked)
            if outcome in ("accept", "change"):
                now.add(put)
        woman = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
        before += scoring.score("cms-hcc", 2027, woman, sorted(first)).payment
        after += scoring.score("cms-hcc", 2027, woman, sorted(now)).payment
    assert (row.program, row.payment_year, row.model) == ("cms-hcc", 2027, "cms-hcc 2027 V28")
    assert (row.charts, row.not_scored) == (len(charts) - not_scored, not_scored)
    assert (row.before, row.after) == (before, after)
    assert row.change == after - before
    assert not_scored
    assert before != after


@pytest.mark.django_db
def test_a_pace_is_shown_only_beside_an_accuracy(project, coder, lead) -> None:
    with time_machine.travel(at(2), tick=False) as clock:
        chart = pages.held_chart(project, coder)
        clock.shift(timedelta(minutes=4))
        audits.answer_all(chart, coder)
        clock.shift(timedelta(minutes=30))
        queues.finish(chart=chart, by=coder)
    (row,) = capture(project, JULY).coders
    assert (row.charts_per_hour, row.accuracy, row.low) == (None, None, None)
    with time_machine.travel(at(3), tick=False):
        audits.drawn(chart, by=lead)
        audits.settled(chart, by=lead, overturn=("N18.32",))
    (row,) = capture(project, JULY).coders
    assert row.active == timedelta(minutes=4 + 5)
    assert row.charts_per_hour == Decimal("6.7")
    assert (row.accuracy, row.agreed, row.audited) == (Decimal("0.500"), 1, 2)
    assert (row.low, row.high) == wilson(1, 2)


@pytest.mark.django_db
def test_agreement_of_a_sample_tells_blind_answers_from_verdicts(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    sample = audits.drawn(chart, by=lead)
    assert agreement.agreements([sample])[sample.pk] == agreement.Agreement(reviews=2)
    ckd = qa.answer_blind(review=audits.review_of(chart, "N18.32"), outcome=Outcome.REJECT, reason="negated", by=lead)
    audits.same_answer(audits.review_of(chart, "E11.22"), by=lead)
    qa.settle(review=ckd, verdict=QAReview.Verdict.AGREE, by=lead)
    found = agreement.agreements([sample])[sample.pk]
    assert (found.answered, found.same, found.settled, found.agreed) == (2, 1, 1, 1)
    assert found.kappa == Decimal("0.000")  # one rater never says "goes": no agreement beyond chance


# --- Pages ---------------------------------------------------------------------------------------------------------

JULY_QUERY = {"from": "2026-07-01", "to": "2026-07-31"}


def page(client: Client, user: User, url: str, **query: str) -> pages.Page:
    client.force_login(user)
    response = client.get(reverse(url), query)
    assert response.status_code == 200
    return pages.Page(response)


@pytest.mark.django_db
def test_the_page_shows_the_numbers_of_the_report(client, project, coder, lead, manager) -> None:
    season(project, coder, lead)
    report = capture(project, JULY)
    words = page(client, manager, "reports", **JULY_QUERY).words
    totals = report.totals
    for name, value in (
        ("Additions", totals.additions), ("Deletions", totals.deletions), ("Charts finished", totals.charts),
        ("Existing codes kept", totals.keeps), ("Existing codes changed", totals.changes),
        ("Suggestions rejected", totals.rejections), ("Queries", totals.queries), ("Undecided", totals.undecided),
    ):  # fmt: skip
        assert f"{name} {value} " in words
    (score,) = report.scores
    assert f"{score.before:.3f} {score.after:.3f} {score.change:+.3f}" in words
    for row in report.coders:
        assert f"{row.coder} {row.accuracy * 100:.1f}".removesuffix(".0") in words


@pytest.mark.django_db
def test_additions_and_deletions_are_marked_up_alike(client, project, coder, lead, manager) -> None:
    season(project, coder, lead)
    client.force_login(manager)
    html = client.get(reverse("reports"), JULY_QUERY).content.decode()
    balance = html[html.index('<dl class="balance">') : html.index("</dl>")]
    figures = re.findall(r'<div class="([^"]*)"><dt>(\w+)</dt>', balance)
    assert figures == [("figure weighty", "Additions"), ("figure weighty", "Deletions")]


@pytest.mark.django_db
def test_the_plots_draw_the_numbers_of_the_tables(client, project, coder, lead, manager) -> None:
    season(project, coder, lead)
    report = capture(project, JULY)
    client.force_login(manager)
    html = client.get(reverse("reports"), JULY_QUERY).content.decode()
    found = re.search(r'<script id="plots" type="application/json">(.*?)</script>', html, re.S)
    assert found
    plots = json.loads(found[1])
    assert plots["weeks"]["additions"] == [week.additions for week in report.weeks]
    assert plots["weeks"]["deletions"] == [week.deletions for week in report.weeks]
    assert plots["conditions"]["taken"] == [row.taken for row in report.conditions]
    assert [coder["pace"] for coder in plots["coders"]] == [float(row.charts_per_hour) for row in report.coders]


@pytest.mark.django_db
def test_many_charts_without_a_deletion_are_an_alert(client, project, coder, manager, monkeypatch) -> None:
    monkeypatch.setattr(reports, "ADD_ONLY_AFTER", 2)
    audits.coded_chart(project, coder)
    assert "No deletion on" not in page(client, manager, "reports").words
    audits.coded_chart(project, coder)
    assert "No deletion on 2 charts." in page(client, manager, "reports").words
    audits.coded_chart(project, coder, answers=MIXED[2])
    assert "No deletion on" not in page(client, manager, "reports").words


@pytest.mark.django_db
def test_dates_that_make_no_sense_are_named_and_the_last_days_shown(client, project, manager) -> None:
    client.force_login(manager)
    response = client.get(reverse("reports"), {"from": "2026-07-31", "to": "2026-07-01"})
    assert response.status_code == 400
    assert "The first day comes after the last." in response.content.decode()


@pytest.mark.django_db
def test_an_empty_period_says_so(client, project, manager) -> None:
    assert "No chart was finished in these days" in page(client, manager, "reports").words


@pytest.mark.django_db
def test_the_report_costs_the_same_for_three_charts_and_thirty(client, project, coder, lead, manager) -> None:
    client.force_login(manager)
    costs = []
    for more in (3, 27):
        for _ in range(more):
            audits.coded_chart(project, coder)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("reports")).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.django_db
def test_scores_are_read_in_batches_that_leave_no_chart_out(project, coder, monkeypatch) -> None:
    for _ in range(5):
        audits.coded_chart(project, coder)
    today = Period.read("", "")
    whole = capture(project, today).scores
    monkeypatch.setattr(reports, "SCORED_AT_ONCE", 2)
    assert capture(project, today).scores == whole
    assert whole[0].charts == 5


# --- Downloads from the page ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_csv_has_the_numbers_of_the_page(client, project, coder, lead, manager) -> None:
    season(project, coder, lead)
    report = capture(project, JULY)
    client.force_login(manager)
    response = client.get(reverse("export", args=["capture"]), JULY_QUERY)
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    said = {(row["section"], row["name"], row["measure"]): row["value"] for row in rows}
    for name, value in vars(report.totals).items():
        assert said["totals", "", name] == str(value)
    assert said["scores", "cms-hcc 2027", "after"] == str(report.scores[0].after)
    assert said["coders", "Casey Coder", "audited"] == str(report.coders[0].audited)


# --- Charts and assignments ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_list_shows_status_and_holder_and_no_clinical_fact(client, project, coder, manager) -> None:
    chart = pages.held_chart(project, coder)
    words = page(client, manager, "chart_list").words
    assert f"Chart {chart.pk} 2026 In review" in words
    assert "Casey Coder" in words
    assert "N18.32" not in words


@pytest.mark.django_db
def test_a_manager_gives_ticked_charts_to_a_coder(client, project, coder, manager) -> None:
    ready, held = pages.read_chart(project, pages.missed_ckd()), pages.held_chart(project, coder)
    second = make.person(Role.CODER, project)
    client.force_login(manager)
    url = f"{reverse('assign')}?project={project.name}"
    client.post(url, {"chart": [ready.pk, held.pk], "coder": second.pk})
    for chart in (ready, held):
        chart.refresh_from_db()
        assert chart.assignments.get(released_at=None).coder == second
        assert chart.status == ChartStatus.IN_REVIEW
    assert TrailEvent.objects.filter(action="chart.assigned", actor=manager).count() == 2


@pytest.mark.django_db
def test_a_chart_that_cannot_be_assigned_is_named_and_the_others_go(client, project, coder, manager) -> None:
    done, ready = audits.coded_chart(project, coder), pages.read_chart(project, pages.missed_ckd())
    client.force_login(manager)
    url = f"{reverse('assign')}?project={project.name}"
    words = pages.Page(client.post(url, {"chart": [done.pk, ready.pk], "coder": coder.pk}, follow=True)).words
    assert f"Chart {done.pk} is coded; it cannot be assigned." in words
    assert "1 chart given to Casey Coder." in words


@pytest.mark.django_db
def test_only_coders_of_the_project_get_charts(client, project, coder, lead, manager) -> None:
    ready = pages.read_chart(project, pages.missed_ckd())
    client.force_login(manager)
    client.post(f"{reverse('assign')}?project={project.name}", {"chart": [ready.pk], "coder": lead.pk})
    assert not ready.assignments.exists()


@pytest.mark.django_db
def test_a_priority_puts_a_chart_first_in_the_queue(client, project, coder, manager) -> None:
    _, second = (pages.read_chart(project, pages.missed_ckd()) for _ in range(2))
    client.force_login(manager)
    client.post(f"{reverse('prioritise')}?project={project.name}", {"chart": [second.pk], "priority": "5"})
    assert queues.claim_next(by=coder) == second
    (event,) = TrailEvent.objects.filter(action="chart.prioritised")
    assert (event.actor, event.details) == (manager, {"old": 0, "new": 5})


@pytest.mark.django_db
@pytest.mark.parametrize("priority", ["", "high", "100", "-100", "1.5"])
def test_a_priority_is_a_small_whole_number(client, project, manager, priority) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    client.force_login(manager)
    url = f"{reverse('prioritise')}?project={project.name}"
    words = pages.Page(client.post(url, {"chart": [chart.pk], "priority": priority}, follow=True)).words
    assert "whole number from -99 to 99" in words
    chart.refresh_from_db()
    assert chart.priority == 0


@pytest.mark.django_db
def test_who_may_not_assign_does_not_set_a_priority(project, coder) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    with pytest.raises(NotAllowed):
        queues.prioritise(chart=chart, priority=1, by=coder)


@pytest.mark.django_db
def test_the_list_of_charts_costs_the_same_for_three_charts_and_twenty(client, project, coder, manager) -> None:
    client.force_login(manager)
    costs = []
    for more in (3, 17):
        for _ in range(more):
            pages.held_chart(project, coder)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("chart_list")).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.django_db
@pytest.mark.parametrize("query", [{"coder": "9" * 30}, {"page": "9" * 30}, {"status": "x"}, {"coder": "²"}])
def test_a_filter_that_names_nothing_is_no_error(client, project, manager, query) -> None:
    client.force_login(manager)
    assert client.get(reverse("chart_list"), query).status_code == 200


# --- Policy --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_manager_changes_the_policy_and_the_trail_keeps_both_values(client, project, manager) -> None:
    client.force_login(manager)
    url = f"{reverse('policy')}?project={project.name}"
    client.post(url, {"meat_elements_required": "2"})
    project.refresh_from_db()
    assert (project.meat_elements_required, project.coders_see_scores) == (2, False)
    (event,) = TrailEvent.objects.filter(action="project.policy_changed")
    assert event.details == {"meat_elements_required": [1, 2], "coders_see_scores": [True, False]}
    assert "MEAT elements 1 → 2; coders do not see scores" in pages.Page(client.get(url)).words


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["5", "-1", "", "two"])
def test_meat_has_four_elements(client, project, manager, number) -> None:
    client.force_login(manager)
    url = f"{reverse('policy')}?project={project.name}"
    response = client.post(url, {"meat_elements_required": number, "coders_see_scores": "on"})
    assert response.status_code == 422
    project.refresh_from_db()
    assert project.meat_elements_required == 1


@pytest.mark.django_db
def test_the_same_policy_again_is_no_event(project, manager) -> None:
    project_actions.change_policy(project=project, meat_elements_required=1, coders_see_scores=True, by=manager)
    assert not TrailEvent.objects.filter(action="project.policy_changed").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.CODER, Role.QA_LEAD, Role.COMPLIANCE, Role.ADMINISTRATOR])
def test_only_managers_change_the_policy(project, role) -> None:
    with pytest.raises(NotAllowed):
        project_actions.change_policy(
            project=project, meat_elements_required=0, coders_see_scores=False, by=make.person(role, project)
        )
