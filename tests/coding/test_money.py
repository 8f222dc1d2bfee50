"""Money: exact, an estimate, from rates that a manager supplied, and seen by nobody else."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coding import exports
from coding.actions import queues
from coding.actions.projects import remove_base_rate, set_base_rate, set_hour_cost
from coding.models import BaseRate, Chart, Project, Role, TrailEvent, User
from coding.money import Rates
from coding.permissions import NotAllowed
from coding.reports import Period, capture
from coding.templatetags.report_numbers import dollars
from tests import audits, make, pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(project: Project) -> User:
    return make.person(Role.MANAGER, project, first_name="Morgan", last_name="Manager")


def rate(project: Project, by: User, amount: str = "1000.01", **whose: Any) -> BaseRate:
    whose = {"program": "cms-hcc", "payment_year": 2027, "contract": "H1234"} | whose
    return set_base_rate(project=project, by=by, amount=Decimal(amount), source="Bid of 2027", **whose)


def finished(project: Project, coder: User, *, enrolled: dict[str, Any] | None = None) -> Chart:
    """A chart to which the second pass added CKD stage 3b."""
    enrollments = [make.enrollment(**({"contract": "H1234", "county": "06037"} | (enrolled or {})))]
    return audits.coded_chart(project, coder, pages.missed_ckd(), enrollments=enrollments)


def this_month() -> Period:
    today = timezone.now().date()
    return Period(today - timedelta(days=2), today + timedelta(days=1))


# --- Which rate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "amount"),
    [
        ({}, None),
        ({"H1234/": "100.00"}, "100.00"),
        ({"/06037": "90.00"}, "90.00"),
        ({"H1234/": "100.00", "/06037": "90.00"}, "100.00"),
        ({"H1234/": "100.00", "/06037": "90.00", "H1234/06037": "80.00"}, "80.00"),
        ({"H9999/": "100.00", "/01001": "90.00", "H1234/01001": "80.00"}, None),
    ],
)
def test_the_rate_of_contract_and_county_comes_before_either_alone(
    project: Project, coder: User, manager: User, rates: dict[str, str], amount: str | None
) -> None:
    enrollment = finished(project, coder).member.enrollments.get()
    for whose, dollars_of in rates.items():
        contract, county = whose.split("/")
        rate(project, manager, dollars_of, contract=contract, county=county)
    found = Rates(project).of(enrollment)
    assert found == (amount and Decimal(amount))


def test_a_rate_is_of_one_program_and_year_and_of_one_project(project: Project, coder: User, manager: User) -> None:
    enrollment = finished(project, coder).member.enrollments.get()
    rate(project, manager, program="rxhcc")
    rate(project, manager, payment_year=2026)
    elsewhere = make.project("beta")
    rate(elsewhere, make.person(Role.MANAGER, elsewhere))
    assert Rates(project).of(enrollment) is None
    assert Rates(project).of(None) is None


def test_there_is_no_rate_for_everybody(project: Project, coder: User, manager: User) -> None:
    nowhere = finished(project, coder, enrolled={"contract": "", "county": ""}).member.enrollments.get()
    rate(project, manager)
    assert Rates(project).of(nowhere) is None
    with pytest.raises(ValueError, match="contract or a county"):
        rate(project, manager, contract="")
    with pytest.raises(IntegrityError, match="a_base_rate_is_of_a_contract_or_county"), transaction.atomic():
        BaseRate.objects.create(
            project=project, program="cms-hcc", payment_year=2027, amount=1, set_by=manager, set_at=timezone.now()
        )


def test_an_estimate_is_exact_and_counts_whom_it_leaves_out(project: Project, coder: User, manager: User) -> None:
    with_rate = finished(project, coder).member.enrollments.get()
    without = finished(project, coder, enrolled={"contract": "H9"}).member.enrollments.get()
    rate(project, manager, "1000.01")
    estimate = Rates(project).estimate(
        [(with_rate, Decimal("0.267")), (with_rate, Decimal("-0.003")), (without, Decimal("0.5")), (None, Decimal("1"))]
    )
    assert (estimate.monthly, estimate.yearly) == (Decimal("264.00264"), Decimal("3168.03168"))
    assert (estimate.members, estimate.without_rate) == (2, 2)


@pytest.mark.parametrize(
    ("value", "words"),
    [("264.00264", "+$264.00"), ("-0.005", "−$0.01"), ("0.004", "$0.00"), ("1234567.895", "+$1,234,567.90")],
)
def test_dollars_are_rounded_once_where_they_are_shown(value: str, words: str) -> None:
    assert dollars(Decimal(value)) == words


# --- In the report -------------------------------------------------------------------------------------------------


def test_the_report_adds_up_each_members_difference_at_its_rate(project: Project, coder: User, manager: User) -> None:
    for contract in ("H1234", "H1234", "H5678", ""):
        finished(project, coder, enrolled={"contract": contract})
    rate(project, manager, "1000.01")
    rate(project, manager, "900.00", contract="H5678")
    (row,) = capture(project, this_month(), Rates(project)).scores
    each = row.change / 4
    assert row.estimate is not None
    assert row.estimate.monthly == each * (Decimal("1000.01") * 2 + Decimal("900.00"))
    assert (row.estimate.members, row.estimate.without_rate) == (3, 1)
    assert each > 0


def test_a_manager_reads_an_estimate_and_nobody_else_reads_money(
    client: Client, project: Project, coder: User, manager: User
) -> None:
    finished(project, coder)
    rate(project, manager)
    (row,) = capture(project, this_month(), Rates(project)).scores
    assert row.estimate is not None
    monthly, yearly = dollars(row.estimate.monthly), dollars(row.estimate.yearly)

    def words(person: User) -> str:
        client.force_login(person)
        return pages.Page(client.get(reverse("reports"), {"project": project.name})).words

    seen = words(manager)
    assert monthly in seen
    assert yearly in seen
    assert "Estimate" in seen
    for role in (Role.QA_LEAD, Role.COMPLIANCE):
        hidden = words(make.person(role, project))
        assert "$" not in hidden
        assert "Estimate" not in hidden
        assert "Base rates" not in hidden
    # The report's file and its API are read by those roles too.
    file = list(exports.exports()["capture"].rows(project, this_month()))
    assert not [line for line in file if str(row.estimate.monthly) in map(str, line) or "estimate" in map(str, line)]


def test_without_a_rate_the_report_says_so(client: Client, project: Project, coder: User, manager: User) -> None:
    finished(project, coder)
    client.force_login(manager)
    page = pages.Page(client.get(reverse("reports"), {"project": project.name})).words
    assert "no base rate" in page
    assert "$" not in page


def test_money_costs_one_query_however_many_charts(
    client: Client, project: Project, coder: User, manager: User
) -> None:
    rate(project, manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            capture(project, this_month(), Rates(project))
        return len(captured)

    finished(project, coder)
    few = queries()
    for _ in range(3):
        finished(project, coder)
    assert queries() == few


def test_the_report_says_what_a_chart_cost(client: Client, project: Project, coder: User, manager: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        chart = pages.held_chart(project, coder, pages.missed_ckd())
        clock.shift(timedelta(minutes=4))
        audits.answer_all(chart, coder)
        clock.shift(timedelta(seconds=50))
        queues.finish(chart=chart, by=coder)
    assert capture(project, this_month(), Rates(project)).cost is None
    project = set_hour_cost(project=project, amount=Decimal("48.00"), by=manager)
    cost = capture(project, this_month(), Rates(project)).cost
    assert cost is not None
    assert (cost.active, cost.charts, str(cost.hours)) == (timedelta(seconds=290), 1, "0.1")
    assert cost.total == cost.per_chart == Decimal(290) * 48 / 3600
    client.force_login(manager)
    assert "$3.87 a finished chart" in pages.Page(client.get(reverse("reports"), {"project": project.name})).words
    client.force_login(make.person(Role.QA_LEAD, project))
    assert "$" not in pages.Page(client.get(reverse("reports"), {"project": project.name})).words


def test_the_cost_of_an_hour_is_the_managers_to_set_and_to_take_back(
    client: Client, project: Project, manager: User
) -> None:
    client.force_login(manager)
    url = f"{reverse('hour_cost')}?project={project.name}"
    for typed in ("48.00", "48.00", "52.50", ""):
        assert client.post(url, {"hour_cost": typed}).status_code == 302
    project.refresh_from_db()
    assert project.hour_cost is None
    events = TrailEvent.objects.filter(action="project.hour_cost_set").order_by("number")
    assert [event.details["amount"] for event in events] == [["", "48.00"], ["48.00", "52.50"], ["52.50", ""]]
    refused = client.post(url, {"hour_cost": "-1"})
    assert (refused.status_code, 'value="-1"' in refused.content.decode()) == (422, True)
    for role in (Role.CODER, Role.QA_LEAD, Role.COMPLIANCE):
        with pytest.raises(NotAllowed):
            set_hour_cost(project=project, amount=Decimal("1"), by=make.person(role, project))


# --- The page ------------------------------------------------------------------------------------------------------


def test_a_manager_sets_and_removes_rates_and_the_trail_keeps_them(
    client: Client, project: Project, manager: User
) -> None:
    client.force_login(manager)
    url = f"{reverse('rates')}?project={project.name}"
    typed = {"program": "cms-hcc", "payment_year": "2027", "contract": "H1234", "county": "", "amount": "1000.01"}
    assert "No base rate yet" in pages.Page(client.get(url)).words
    assert client.post(url, typed | {"source": "Bid"}).status_code == 302
    assert client.post(url, typed | {"source": "Bid"}).status_code == 302  # twice changes nothing
    assert client.post(url, typed | {"source": "Bid", "amount": "1010.00"}).status_code == 302
    page = pages.Page(client.get(url)).words
    assert "$1010.00" in page
    assert "Morgan Manager" in page
    one = project.base_rates.get()
    assert client.post(f"{reverse('remove_rate', args=[one.pk])}?project={project.name}").status_code == 302
    assert not project.base_rates.exists()
    events = TrailEvent.objects.filter(action__startswith="project.rate").order_by("number")
    assert [(event.action, event.details["amount"]) for event in events] == [
        ("project.rate_set", ["", "1000.01"]),
        ("project.rate_set", ["1000.01", "1010.00"]),
        ("project.rate_removed", "1010.00"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contract": ""}, "Name a contract, a county or both"),
        ({"amount": "0"}, "greater than or equal to 0.01"),
        ({"amount": "1.005"}, "2 decimal places"),
        ({"program": "hhs-hcc"}, "not one of the available choices"),
        ({"source": ""}, "required"),
        ({"payment_year": "27"}, "2000"),
    ],
)
def test_a_rate_that_says_too_little_is_refused_and_stays_typed(
    client: Client, project: Project, manager: User, change: dict[str, str], words: str
) -> None:
    client.force_login(manager)
    typed = {"program": "cms-hcc", "payment_year": "2027", "contract": "H1234", "amount": "1000.01", "source": "Bid X"}
    response = client.post(f"{reverse('rates')}?project={project.name}", typed | change)
    assert response.status_code == 422
    text = response.content.decode()
    assert words in text
    assert "source" in change or 'value="Bid X"' in text
    assert not BaseRate.objects.exists()


@pytest.mark.parametrize("role", [Role.CODER, Role.QA_LEAD, Role.COMPLIANCE, Role.ADMINISTRATOR])
def test_only_managers_set_and_remove_rates(project: Project, manager: User, role: Role) -> None:
    other = make.person(role, project)
    with pytest.raises(NotAllowed):
        rate(project, other)
    one = rate(project, manager)
    with pytest.raises(NotAllowed):
        remove_base_rate(rate=one, by=other)
    assert BaseRate.objects.get() == one


def test_a_failing_trail_leaves_no_rate(project: Project, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **details: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("coding.actions.trail.record", fail)
    with pytest.raises(RuntimeError):
        rate(project, manager)
    assert not BaseRate.objects.exists()


def test_another_projects_rate_is_not_there(client: Client, project: Project, manager: User) -> None:
    elsewhere = make.project("beta")
    theirs = rate(elsewhere, make.person(Role.MANAGER, elsewhere))
    client.force_login(manager)
    response = client.post(f"{reverse('remove_rate', args=[theirs.pk])}?project={project.name}")
    assert response.status_code == 404
    assert BaseRate.objects.filter(pk=theirs.pk).exists()
