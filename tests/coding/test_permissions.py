"""Every address against everybody: what each role may open and do, and that no address is forgotten here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import DjangoDbBlocker

from coding.actions import charts, compliance, queues, suggestions
from coding.actions.projects import set_base_rate
from coding.intake import pdf
from coding.models import (
    Chart,
    Document,
    Escalation,
    OverpaymentCase,
    Override,
    Project,
    ProviderQuery,
    QASample,
    Role,
    User,
)
from coding.permissions import ROLE_PERMISSIONS, NotAllowed, Permission, can, check_can, check_can_audit
from coding.workflow import Outcome
from tests import audits, make, pages, pdfs

RATE: dict[str, Any] = {"program": "cms-hcc", "payment_year": 2027, "contract": "H1234", "county": ""}

pytestmark = pytest.mark.django_db

# coder holds the chart in review and coded the one in audit; other is a coder of the project without a chart;
# elsewhere leads, manages and codes other projects, none of them this one; nobody is a member of no project.
PEOPLE = ("coder", "other", "lead", "manager", "compliance", "admin", "elsewhere", "nobody", "visitor")

# 200 shown, 201 made, 204 done, 302 done (or, for a visitor, sent to log in), 400/422 refused for what was sent,
# 401 log in, 403 not your right, 404 not there for you, 409 the state of things.
#
# The API's document and tokens are for anybody: the one holds no data, the other asks for a password.
# A queue's, a report's or QA's address names the project; a chart's names the chart, which is not there for strangers.
TABLE = """
                          coder other lead manager compl admin elsew nobody visitor
GET  healthz               200   200   200   200   200   200   200   200   200
GET  home                  302   302   302   302   302   302   302   200   302
GET  login                 302   302   302   302   302   302   302   302   200
POST logout                302   302   302   302   302   302   302   302   302
POST theme                 302   302   302   302   302   302   302   302   302
POST stay                  204   204   204   204   204   204   204   204   302
POST shortcuts             302   302   302   302   302   302   302   302   302
GET  settings              200   200   200   200   200   200   200   200   302
POST set_keys              302   302   302   302   302   302   302   302   302
POST tour                  302   302   302   302   302   302   302   302   302
GET  codes                 200   200   200   200   200   200   200   200   302
POST favourite             200   200   200   200   200   200   200   200   302
GET  code_notes            200   200   200   200   200   200   200   200   302

GET  queue                 200   200   403   403   403   403   403   403   302
GET  my_work               200   200   403   403   403   403   403   403   302
POST next_chart            302   302   403   403   403   403   403   403   302
GET  upload                403   403   200   200   403   403   403   403   302
POST upload                403   403   422   422   403   403   403   403   302
GET  change_password       200   200   200   200   200   200   200   200   302
POST change_password       200   200   200   200   200   200   200   200   302

GET  chart                 200   404   200   404   200   404   404   404   302
GET  score_steps           200   404   200   404   200   404   404   404   302
GET  member_scores         200   404   200   404   200   404   404   404   302
POST finish                302   404   403   404   403   404   404   404   302
POST release               302   404   403   404   403   404   404   404   302
POST hold                  302   404   403   404   403   404   404   404   302
POST escalate              302   404   403   404   403   404   404   404   302
POST answer_escalation     403   404   302   404   403   404   404   404   302
POST here                  204   404   409   404   409   404   404   404   302
POST resume                302   404   403   404   403   404   404   404   302
POST answer                302   404   403   404   403   404   404   404   302
POST undo                  302   404   403   404   403   404   404   404   302
GET  add_code              200   404   403   404   403   404   404   404   302
POST add_code              422   404   403   404   403   404   404   404   302
POST tag                   302   404   403   404   403   404   404   404   302
GET  history               200   404   200   404   200   404   404   404   302
GET  document              200   404   200   404   200   404   404   404   302
GET  document_page         200   404   200   404   200   404   404   404   302
GET  add_document          403   404   200   404   403   404   404   404   302
POST add_document          403   404   422   404   403   404   404   404   302
GET  evidence              200   404   403   404   403   404   404   404   302
POST change_evidence       302   404   403   404   403   404   404   404   302
POST respond               302   404   403   404   403   404   404   404   302

GET  provider_queries      200   200   200   403   200   403   403   403   302
GET  provider_query        200   404   200   404   200   404   404   404   302
POST provider_query        302   404   302   404   403   404   404   404   302
GET  provider_query_letter 302   404   302   404   302   404   404   404   302

GET  qa                    403   403   200   403   403   403   403   403   302
POST qa_draw               403   403   302   403   403   403   403   403   302
POST qa_close              403   403   302   403   403   403   403   403   302
GET  qa_sample             403   403   200   403   403   403   404   404   302
GET  qa_audit              403   404   200   404   403   404   404   404   302
POST qa_answer             403   404   302   404   403   404   404   404   302
POST qa_settle             403   404   422   404   403   404   404   404   302
POST qa_conclude           403   404   302   404   403   404   404   404   302

GET  reports               403   403   200   200   200   403   403   403   302
GET  export:capture        403   403   200   200   200   403   403   403   302
GET  export:coded_results  403   403   403   200   403   403   403   403   302
GET  gaps                  403   403   200   200   200   403   403   403   302
GET  provider_gaps         403   403   200   200   200   403   403   403   302
GET  my_gaps               200   200   403   403   403   403   403   403   302
GET  export:gaps           403   403   403   200   403   403   403   403   302
GET  export:scores         403   403   403   200   403   403   403   403   302
GET  export:submission     403   403   403   200   403   403   403   403   302
GET  export:not_submitted  403   403   403   200   403   403   403   403   302
GET  export:recapture      403   403   403   200   403   403   403   403   302
GET  export:best_records   403   403   403   200   403   403   403   403   302
GET  chart_list            403   403   200   200   403   403   403   403   302
POST assign                403   403   302   302   403   403   403   403   302
POST prioritise            403   403   302   302   403   403   403   403   302
GET  rates                 403   403   403   200   403   403   403   403   302
POST rates                 403   403   403   302   403   403   403   403   302
POST remove_rate           403   403   403   302   403   403   403   403   302
POST hour_cost             403   403   403   302   403   403   403   403   302
GET  policy                403   403   403   200   403   403   403   403   302
POST policy                403   403   403   302   403   403   403   403   302

GET  calculator            200   200   200   200   200   200   200   403   302
POST calculator            200   200   200   200   200   200   200   403   302
GET  model_releases        200   200   200   200   200   200   200   403   302

GET  rules                 200   200   200   200   200   403   403   403   302
POST verify_rule           403   403   403   403   302   403   403   403   302
GET  calendar              200   200   200   200   200   403   403   403   302
GET  release_page          403   403   200   403   200   403   403   403   302
POST second_review         403   404   302   404   302   404   404   404   302
GET  overpayments          403   403   403   200   200   403   403   403   302
POST overpayment           403   403   403   403   302   403   404   404   302
GET  chart_validity        200   404   200   404   200   404   404   404   302
POST override              403   404   403   404   302   404   404   404   302
GET  packet                403   404   403   404   200   404   404   404   302
POST reopen                403   404   302   404   302   404   404   404   302
POST withdraw_override     403   404   403   404   302   404   404   404   302

GET  conditions            200   200   200   200   200   403   403   403   302
GET  condition             200   200   200   200   200   403   403   403   302
POST mute_condition        403   403   302   302   403   403   403   403   302
POST unmute_condition      403   403   302   302   403   403   403   403   302
GET  try_rules             200   200   200   200   200   403   403   403   302
POST try_rules             200   200   200   200   200   403   403   403   302
GET  note_reading          200   404   200   404   200   404   404   404   302

GET  trail                 403   403   200   403   200   403   403   403   302
POST trail_verify          403   403   200   403   200   403   403   403   302

GET  api                   200   200   200   200   200   200   200   200   302
GET  api-chart-list        200   200   200   200   200   200   200   200   401
POST api-chart-list        403   403   201   201   403   403   404   404   401
POST api-chart-claim       200   200   204   204   204   204   200   204   401
GET  api-chart-detail      200   404   200   404   200   404   404   404   401
POST api-chart-finish      409   404   403   404   403   404   404   404   401
GET  api-chart-release     403   404   409   409   409   404   404   404   401
GET  api-chart-score       200   404   200   404   200   404   404   404   401
GET  api-suggestion-list   200   200   200   200   200   200   200   200   401
GET  api-suggestion-detail 200   404   200   404   200   404   404   404   401
GET  api-decision-list     200   200   200   200   200   200   200   200   401
POST api-decision-list     201   404   403   404   403   404   404   404   401
GET  api-decision-detail   200   404   404   404   200   404   404   404   401
GET  api-capture           403   403   200   200   200   403   404   404   401
POST api-score             200   200   200   200   200   200   200   403   401
GET  api-schema            200   200   200   200   200   200   200   200   200
POST api-token             200   200   200   200   200   200   200   200   200
"""


@dataclass(frozen=True)
class Row:
    method: str
    name: str
    expected: dict[str, int]

    @property
    def url_name(self) -> str:
        return self.name.partition(":")[0]


def rows() -> Iterator[Row]:
    for line in TABLE.splitlines()[2:]:
        if line.strip():
            method, name, *statuses = line.split()
            yield Row(method, name, dict(zip(PEOPLE, map(int, statuses), strict=True)))


ROWS = list(rows())
OF_A_CHART = (
    "chart", "finish", "release", "hold", "escalate", "resume", "answer", "undo", "tag", "add_code", "api-chart-detail",
    "api-chart-finish", "api-chart-score", "api-chart-release", "chart_validity", "override", "reopen", "packet",
    "add_document",
)  # fmt: skip


@dataclass
class World:
    project: Project
    people: dict[str, User | None]
    held: Chart
    document: int  # a note of it
    in_audit: Chart
    returned: Chart
    ready: Chart
    sample: QASample
    case: OverpaymentCase
    override: Override
    query: ProviderQuery
    escalation: Escalation

    def request(self, row: Row, client: Client) -> HttpResponseBase:
        args, query, data = self.arguments(row)
        url = reverse(row.url_name, args=args)
        if row.method == "GET":
            return client.get(url, query)
        json = row.name in ("api-chart-list", "api-decision-list", "api-score", "api-token")
        return client.post(url, data, content_type="application/json") if json else client.post(
            url, data, query_params=query
        )  # fmt: skip

    def arguments(self, row: Row) -> tuple[list[Any], dict[str, str], dict[str, Any]]:
        """(of the address, of the query, of the form)"""
        suggestion = self.held.suggestions.get(icd10="N18.32")
        review = audits.review_of(self.in_audit, "N18.32")
        overturned = audits.review_of(self.returned, "N18.32")
        name, project = row.url_name, self.project.name
        args: dict[str, list[Any]] = {
            **{one: [self.held.pk] for one in OF_A_CHART},
            **{one: [self.in_audit.pk] for one in ("qa_audit", "qa_answer", "qa_settle", "qa_conclude")},
            "qa_sample": [self.sample.pk],
            "second_review": [review.decision_id],
            "overpayment": [self.case.pk],
            "withdraw_override": [self.override.pk],
            "answer_escalation": [self.escalation.pk],
            "remove_rate": [project_rate.pk if (project_rate := self.project.base_rates.first()) else 0],
            "provider_query": [self.query.pk],
            "provider_query_letter": [self.query.pk],
            "score_steps": [self.held.pk, "cms-hcc"],
            "member_scores": [self.held.member_id],
            "respond": [overturned.pk],
            "code_notes": ["E11.22"],
            "favourite": ["E11.22"],
            "history": [self.held.pk],
            "here": [self.held.pk],
            "document": [self.document],
            "document_page": [self.document, 1],
            "evidence": [self.held.pk],
            **{one: ["ckd"] for one in ("condition", "mute_condition", "unmute_condition")},
            "note_reading": [self.held.pk, self.held.encounters.get().notes.first().pk],
            "change_evidence": [self.held.pk, suggestion.evidence.all()[0].pk],
            "export": [row.name.partition(":")[2]],
            "api-suggestion-detail": [suggestion.pk],
            "api-decision-detail": [review.decision_id],
        }
        forms: dict[str, dict[str, Any]] = {
            "theme": {"theme": "dark"},
            "verify_rule": {"rule": "V01", "answer": "verified", "source": "Guidance, page 4"},
            "second_review": {"agrees": "yes", "comment": "Seen."},
            "reopen": {"reason": "A page was missing."},
            "overpayment": {"owner": self.people["compliance"].pk},
            "override": {"encounter": self.held.encounters.get().pk, "check": "V07", "reason": "Seen."},
            "shortcuts": {"enabled": "on"},
            "next_chart": {"project": project},
            "upload": {"project": project},
            "hold": {"reason": "Missing page"},
            "escalate": {"question": "Which?"},
            "answer_escalation": {"answer": "That."},
            "answer": {"s": suggestion.pk, "outcome": "accept"},
            "provider_query": {"do": "store", "question": "What was its stage?"},
            "tag": {"s": suggestion.pk, "quote": "Assessment", "label": "monitor"},
            "change_evidence": {"remove": "yes"},
            "add_code": {"encounter": self.held.encounters.get().pk},
            "respond": {"response": "accepted"},
            "qa_draw": {"project": project, "percentage": "10", "seed": "1"},
            "qa_close": {"project": project},
            "qa_answer": {"r": review.pk, "outcome": "accept"},
            "qa_settle": {"r": review.pk, "verdict": "agree"},
            "assign": {"chart": self.ready.pk, "coder": self.people["other"].pk},
            "prioritise": {"chart": self.ready.pk, "priority": "1"},
            "policy": {"meat_elements_required": "1"},
            "rates": {**RATE, "amount": "1000.00", "source": "Bid of 2027"},
            "hour_cost": {"hour_cost": "48.00"},
            "calculator": {"program": "cms-hcc 2026", "age": "72", "sex": "F", "diagnoses": "E11.22"},
            "mute_condition": {"reason": "Seldom right."},
            "unmute_condition": {"reason": "Right again."},
            "try_rules": {"text": "Assessment: CKD stage 3b."},
            "trail_verify": {"project": project},
            "api-chart-list": make.chart_line(project=project),
            "api-decision-list": {"suggestion": suggestion.pk, "outcome": "accept"},
            "api-score": {"program": "cms-hcc", "payment_year": 2026, "raw": "1.033"},
            "api-token": {"username": "coder", "password": make.PASSWORD},
        }
        return (
            args.get(name, []),
            {"project": project, "s": str(suggestion.pk), "npi": "1234567893", "program": "cms-hcc", "hcc": "328"},
            forms.get(name, {}),
        )


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Made once: what a test changes is rolled back after each request."""
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
            made = make_world()
        yield made
        transaction.set_rollback(True)


def make_world() -> World:
    project, elsewhere, third = make.project("alpha"), make.project("beta"), make.project("gamma")
    people: dict[str, User | None] = {
        "coder": make.person(Role.CODER, project, "coder"),
        "other": make.person(Role.CODER, project, "other"),
        "lead": make.person(Role.QA_LEAD, project, "lead"),
        "manager": make.person(Role.MANAGER, project, "manager"),
        "compliance": make.person(Role.COMPLIANCE, project, "compliance"),
        "admin": make.person(Role.ADMINISTRATOR, project, "admin"),
        "elsewhere": make.person(Role.QA_LEAD, elsewhere, "elsewhere"),
        "nobody": make.person(username="nobody"),
        "visitor": None,
    }
    make.give_role(project=make.project("delta"), to=people["elsewhere"], role=Role.MANAGER, by=None)
    make.give_role(project=third, to=people["elsewhere"], role=Role.CODER, by=None)
    pages.read_chart(third, pages.missed_ckd())
    coder, lead = people["coder"], people["lead"]
    set_base_rate(project=project, **RATE, amount=Decimal("900.00"), source="Bid", by=people["manager"])
    returned = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    in_audit = audits.coded_chart(project, coder)
    sample = audits.drawn(in_audit, by=lead)
    held = pages.held_chart(project, coder)
    other = pages.held_chart(project, coder)
    charts.add_document(
        encounter=held.encounters.get(), values=pdf.read(pdfs.pdf("Stable.")), note_type="progress", by=lead
    )
    case = OverpaymentCase.objects.create(
        chart=in_audit, decision=audits.review_of(in_audit, "N18.32").decision, program="cms-hcc", payment_year=2025,
        why="Closed.", opened_on=date(2026, 11, 1), due_on=date(2026, 12, 31),
    )  # fmt: skip
    override = compliance.override(
        encounter=other.encounters.get(), check="V07", reason="Seen.", by=people["compliance"]
    )
    asked = suggestions.decide(suggestion=other.suggestions.get(icd10="N18.32"), outcome=Outcome.QUERY, by=coder)
    return World(
        project=project,
        people=people,
        held=held,
        document=Document.objects.get().note_id,
        case=case,
        override=override,
        query=ProviderQuery.objects.get(decision=asked),
        escalation=queues.escalate(chart=pages.held_chart(project, coder), question="Which?", by=coder),
        in_audit=in_audit,
        returned=returned,
        ready=pages.read_chart(project, pages.missed_ckd()),
        sample=sample,
    )


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.name}")
def test_what_everybody_gets(world, row) -> None:
    found = {}
    for name, user in world.people.items():
        with rolled_back():
            found[name] = world.request(row, client_of(user)).status_code
    assert found == row.expected


def addresses() -> Iterator[str]:
    """The name of every address of the project's URLconf; Django's own administration has a test of its own."""

    def walk(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                yield pattern.name or f"an address without a name: {pattern.pattern}"
            elif pattern.app_name != "admin":
                yield from walk(pattern.url_patterns)

    return walk(get_resolver().url_patterns)


def test_no_address_is_missing_from_the_table() -> None:
    assert set(addresses()) == {row.url_name for row in ROWS}


def test_an_address_answers_only_to_the_methods_of_the_table(world) -> None:
    listed: dict[str, set[str]] = {}
    for row in ROWS:
        listed.setdefault(row.url_name, set()).add(row.method)
    client = client_of(world.people["lead"])
    for row in ROWS:
        args, _, _ = world.arguments(row)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - listed[row.url_name]:
            if row.name == "login":
                continue  # Django's own: it redirects whoever is logged in, whatever the method
            with rolled_back():
                response = client.generic(method, reverse(row.url_name, args=args))
                assert response.status_code == 405, (method, row.name)


def test_a_page_of_somebody_logged_in_is_kept_by_no_browser(world) -> None:
    client = client_of(world.people["lead"])
    for row in ROWS:
        if row.expected["lead"] == 200:
            with rolled_back():
                kept = world.request(row, client).headers.get("Cache-Control", "")
                assert "no-store" in kept, row.name


def test_the_administration_is_for_staff_only(world) -> None:
    pages_of_admin = [
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry
    ]
    for name in ("admin:index", *pages_of_admin):
        for user in world.people.values():
            assert client_of(user).get(reverse(name)).status_code == 302, name
    superuser = User.objects.create_superuser("root", password=make.PASSWORD)
    assert client_of(superuser).get(reverse("admin:index")).status_code == 200


def test_the_administration_shows_no_chart() -> None:
    assert not {model.__name__ for model in admin.site._registry} & {
        "Chart", "Note", "Member", "Encounter", "Suggestion", "Decision", "EvidenceSpan", "TrailEvent", "NlpRun",
    }  # fmt: skip


# --- The table of roles --------------------------------------------------------------------------------------------


def test_each_role_has_what_the_design_gives_it() -> None:
    may = ROLE_PERMISSIONS
    assert may[Role.CODER] == {Permission.CODE, Permission.SEE_RULES, Permission.SEE_QUERIES}
    assert may[Role.ADMINISTRATOR] == set()
    assert [role for role in Role if Permission.AUDIT in may[role]] == [Role.QA_LEAD]
    assert [role for role in Role if Permission.EXPORT in may[role]] == [Role.MANAGER]
    assert [role for role in Role if Permission.CHANGE_POLICY in may[role]] == [Role.MANAGER]
    assert [role for role in Role if Permission.SEE_MONEY in may[role]] == [Role.MANAGER]
    assert {role for role in Role if Permission.SEE_TRAIL in may[role]} == {Role.QA_LEAD, Role.COMPLIANCE}
    assert [role for role in Role if Permission.OVERRIDE in may[role]] == [Role.COMPLIANCE]
    assert [role for role in Role if Permission.VERIFY_RULES in may[role]] == [Role.COMPLIANCE]
    assert {role for role in Role if Permission.SECOND_REVIEW in may[role]} == {Role.QA_LEAD, Role.COMPLIANCE}
    assert {role for role in Role if Permission.READ_CHARTS in may[role]} == {Role.QA_LEAD, Role.COMPLIANCE}


def test_a_role_counts_in_its_project_alone(world) -> None:
    elsewhere = world.people["elsewhere"]
    assert not any(can(elsewhere, permission, world.project) for permission in Permission)
    with pytest.raises(NotAllowed, match="not a member"):
        check_can(elsewhere, Permission.AUDIT, world.project)


def test_somebody_who_left_may_nothing(world) -> None:
    with rolled_back():
        User.objects.filter(username="lead").update(is_active=False)
        lead = User.objects.get(username="lead")
        assert not any(can(lead, permission, world.project) for permission in Permission)
        assert not Chart.objects.visible_to(lead).exists()
        assert not Project.objects.of(lead).exists()


def test_the_auditor_of_a_decision_is_never_its_coder(world) -> None:
    review = audits.review_of(world.in_audit, "N18.32")
    check_can_audit(world.people["lead"], review)
    with pytest.raises(NotAllowed):
        check_can_audit(world.people["coder"], review)
