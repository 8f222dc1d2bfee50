"""The calculator: the page, the API and `python -m scoring` give one answer; a refusal stands at its field."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

import scoring
from coding.forms import CalculatorForm
from coding.models import Role, TrailEvent
from scoring import tables
from scoring.__main__ import run
from scoring.beneficiary import MONTHLY, USED
from scoring.importing import find, store
from tests import make
from tests.scoring.test_importing import cdps

pytestmark = pytest.mark.django_db

WOMAN = {"program": "cms-hcc 2026", "age": "72", "sex": "F", "dual": "none", "orec": "0"}
ASKED = WOMAN | {"diagnoses": "e1122, I50.32\nE11.9 Z00.00", "candidates": "N18.32"}


@pytest.fixture
def project() -> Any:
    return make.project()


@pytest.fixture
def coder(project: Any, client: Client) -> Client:
    client.force_login(make.person(Role.CODER, project))
    return client


def ask(client: Client, typed: dict[str, str], **headers: str) -> HttpResponse:
    return client.post(reverse("calculator"), typed, headers=headers or None)


def year_of(program: str, year: int) -> scoring.ProgramYear:
    return next(one for one in scoring.programs() if (one.program, one.payment_year) == (program, year))


def errors(page: HttpResponse) -> dict[str, list[str]]:
    return {name: list(map(str, of)) for name, of in page.context["form"].errors.items()}


# --- The page ------------------------------------------------------------------------------------------------------


def test_a_score_is_shown_step_by_step_with_what_each_candidate_adds(coder: Client) -> None:
    page = ask(coder, ASKED)
    text = page.content.decode()
    assert page.status_code == 200
    for shown in ("0.395", "DIABETES_HF_V28", "1.033 ÷ 1.067", "0.968 × (1 − 0.059)", "0.911", "1.178", "+0.267"):
        assert shown in text, shown
    assert "HCC 38 is trumped by HCC 37" in text
    assert "no payment HCC in V28" in text
    assert "HF_KIDNEY_V28 +0.176" in text


def test_page_api_and_command_line_give_the_same_answer(coder: Client) -> None:
    request = json.loads(ask(coder, ASKED).context["answer"].request)
    out, problems = io.StringIO(), io.StringIO()
    assert run([json.dumps(request)], out, problems) == 0
    api = coder.post(reverse("api-score"), request, content_type="application/json")
    assert api.status_code == 200
    assert api.json() == json.loads(out.getvalue())
    assert api.json()["payment"] == str(ask(coder, ASKED).context["answer"].score.payment)


@pytest.mark.parametrize("year", scoring.programs(), ids=lambda one: f"{one.program} {one.payment_year}")
def test_every_program_asks_for_the_facts_that_it_uses_and_for_no_other(year: scoring.ProgramYear) -> None:
    form = CalculatorForm(year)
    facts = set(USED[year.program]) - {"age_last", "months"}  # age is age_last in HHS; months are a table
    assert facts <= set(form.fields)
    others = {name for used in USED.values() for name in used} - set(USED[year.program])
    assert not others & set(form.fields)
    by_month = {name.split("_", 2)[2] for name in form.fields if name.startswith("month_")}
    if "months" in USED[year.program]:
        assert by_month - {"enrolled", "esrd_graft_months"} == facts & set(MONTHLY) - {
            "medicaid", "lti_medicaid", "new_enrollee_medicaid"
        }  # fmt: skip
    else:
        assert not by_month


@pytest.mark.parametrize(
    ("typed", "payment"),
    [
        ({"program": "cms-hcc 2024", "age": "76", "dual": "partial", "orec": "1",
          "diagnoses": "E08.3293 E13.9"}, "0.747"),
        ({"program": "rxhcc 2026", "age": "72", "low_income": "on", "orec": "1", "plan": "ma-pd",
          "diagnoses": "C78.00 C50.911 E11.22 I50.32"}, "5.188"),
        ({"program": "esrd 2026", "age": "60", "esrd": "transplant-1", "diagnoses": "E11.22"}, "5.303"),
        ({"program": "pace 2026", "age": "72", "dual": "none", "frailty": "0.134", "diagnoses": "E11.22"}, None),
        ({"program": "hhs-hcc 2026", "age": "45", "metal": "S", "csr": "4", "enrollment_months": "4",
          "diagnoses": "E10.22 I50.9"}, None),
    ],
)  # fmt: skip
def test_every_program_on_file_can_be_scored(coder: Client, typed: dict[str, str], payment: str | None) -> None:
    page = ask(coder, {"sex": "F", **typed})
    assert page.status_code == 200, errors(page)
    score = page.context["answer"].score
    request = json.loads(page.context["answer"].request)
    assert str(score.payment) == payment or payment is None
    assert score.payment == scoring.score(
        request["program"], request["payment_year"], request["beneficiary"], request["diagnoses"],
        frailty=request.get("frailty"),
    ).payment  # fmt: skip


def test_licensed_medicaid_tables_are_asked_for_what_they_use(
    coder: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cdps" not in {one.program for one in scoring.programs()}
    store(find(cdps(tmp_path / "in")), tmp_path / "own", "")
    monkeypatch.setattr(tables, "_folders", tables._folders)
    tables.use_tables(tmp_path / "own")
    try:
        typed = {"program": "cdps 2026", "age": "40", "sex": "F", "aid_group": "DA", "ndc": "00002-1471-80"}
        page = ask(coder, typed | {"diagnoses": "I10 I11.0 E11.9", "candidates": "I27.0", "month_2_aid_group": "AA"})
        assert page.status_code == 200, errors(page)
        text = page.content.decode()
        assert "CAREL" in text
        assert "segment <strong>DA</strong>, 11 months" in text
        assert "Dual status" not in text
        refused = ask(coder, typed | {"aid_group": "XX", "diagnoses": "I10"})
        assert "No aid_group" in errors(refused)["aid_group"][0]
    finally:
        monkeypatch.undo()
        tables.forget()


def test_months_that_differ_are_scored_by_month(coder: Client) -> None:
    typed = ASKED | {"month_1_dual": "full", "month_2_dual": "full", "month_12_enrolled": "no"}
    page = ask(coder, typed)
    request = json.loads(page.context["answer"].request)
    assert request["beneficiary"]["months"] == [{"dual": "full"}] * 2 + [{}] * 9 + [None]
    assert [(part.segment, part.months) for part in page.context["answer"].score.models[0].parts] == [
        ("CFA", 2), ("CNA", 9)
    ]  # fmt: skip
    assert "÷ 11" in page.content.decode()


def test_own_factors_are_asked_for_where_nobody_checked_those_on_file(coder: Client) -> None:
    form = CalculatorForm(year_of("cms-hcc", 2026))
    assert "normalization_V22" in form.fields
    assert "normalization_V28" not in form.fields  # checked against the announcement
    own = ask(coder, ASKED | {"model": "V22", "normalization_V22": "1.000", "coding_adjustment_V22": "0"})
    score = own.context["answer"].score
    assert score.model == "V22"
    assert score.payment == score.raw
    assert "supplied by the user" in own.content.decode()


def test_the_same_person_is_scored_in_every_year_of_the_program(coder: Client) -> None:
    page = ask(coder, ASKED | {"age": "", "birth_date": "1953-04-01"})
    years = {one.year: one for one in page.context["answer"].years}
    assert sorted(years) == [one.payment_year for one in scoring.programs() if one.program == "cms-hcc"]
    codes = ["E11.22", "I50.32", "E11.9", "Z00.00"]
    person = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
    for year in (2024, 2025, 2026):
        assert years[year].score.payment == scoring.score("cms-hcc", year, person, codes).payment
        assert years[year].added.payment == scoring.score("cms-hcc", year, person, [*codes, "N18.32"]).payment
    text = page.content.decode()
    assert "V24 67% + V28 33%" in text
    assert str(years[2024].score.payment) in text


def test_what_would_not_be_paid_is_said_beside_what_is_documented(coder: Client) -> None:
    page = ask(coder, ASKED | {"not_payable": "n1832"})
    answer = page.context["answer"]
    assert (str(answer.score.payment), str(answer.deltas.payment), answer.paid) == ("0.911", "1.178", "0.911")
    assert "As it would be paid <strong>+0.000</strong>" in page.content.decode()
    api = coder.post(reverse("api-score"), json.loads(answer.request), content_type="application/json")
    assert api.json()["as_paid"]["payment"] == answer.paid
    unpaid = ask(coder, ASKED | {"not_payable": "I50.32"}).context["answer"]
    expected = scoring.score("cms-hcc", 2026, {"age": 72, "sex": "F"}, ["E11.22", "E11.9", "N18.32"]).payment
    assert unpaid.paid == str(expected)
    refused = ask(coder, ASKED | {"not_payable": "C50.911"})
    assert errors(refused) == {"not_payable": ["C50.911 is not among the codes above."]}


# --- What is wrong with what was typed -----------------------------------------------------------------------------


def test_every_refusal_stands_at_its_field_and_what_was_typed_stays(coder: Client) -> None:
    wrong = {"diagnoses": "E11.22 WRONG 12", "candidates": "X", "month_2_dual": "full"}
    page = ask(coder, {"program": "cms-hcc 2026"} | wrong)
    assert page.status_code == 422
    found = errors(page)
    assert set(found) == {"age", "sex", "diagnoses", "candidates"}
    assert found["diagnoses"] == [
        "'WRONG' does not have the shape of an ICD-10-CM code.",
        "'12' does not have the shape of an ICD-10-CM code.",
    ]
    text = page.content.decode()
    assert "E11.22 WRONG 12</textarea>" in text
    assert '<option value="full" selected>' in text
    assert 'id="c-diagnoses_error"' in text
    assert page.context["answer"] is None


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"program": "pace 2026"}, "frailty", "frailty factor"),
        ({"program": "rxhcc 2025"}, "model", "not on file"),
        ({"birth_date": "1953-04-01"}, "age", "one of the two"),
        ({"age": "", "birth_date": "2027-04-01"}, "birth_date", "does not fit"),
        ({"age": "200"}, "age", "130"),
        ({"program": "esrd 2026", "esrd": "graft"}, "esrd", "graft_months"),
        ({"program": "esrd 2026", "esrd": "graft", "month_3_esrd": "graft"}, "esrd", "graft_months"),
        ({"program": "esrd 2026"}, "esrd", "status"),
        ({"program": "hhs-hcc 2026"}, "metal", "missing"),
        ({"model": "V22", "normalization_V22": "0"}, "normalization_V22", "0.001"),
        ({"candidates": " ".join(f"E11.{number}" for number in range(1000, 1201))}, "candidates", "At most 200"),
        ({"dual": "sideways"}, "dual", "not one of the available choices"),
    ],
)
def test_what_scoring_refuses_is_told_at_the_field(
    coder: Client, typed: dict[str, str], field: str, words: str
) -> None:
    page = ask(coder, WOMAN | {"diagnoses": "E11.22"} | typed)
    assert page.status_code == 422
    assert words in " ".join(errors(page).get(field, [])), errors(page)
    assert escape(errors(page)[field][0]) in page.content.decode()


def test_another_program_brings_its_fields_and_loses_nothing(coder: Client) -> None:
    page = ask(coder, ASKED | {"program": "hhs-hcc 2026", "show": "yes", "dual": "full"}, **{"HX-Request": "true"})
    text = page.content.decode()
    assert page.status_code == 200
    assert errors(page) == {}
    assert "Metal level" in text
    assert "Dual status" not in text
    assert '<input type="hidden" name="dual" value="full">' in text
    assert "Age on the last day of enrollment" in text
    assert "<html" not in text


def test_a_code_found_by_its_title_is_put_to_the_list_that_was_named(coder: Client) -> None:
    page = ask(coder, ASKED | {"find": "n1832", "add": "diagnoses"})
    assert page.context["form"]["diagnoses"].value() == "e1122, I50.32\nE11.9 Z00.00 N18.32"
    assert page.context["answer"] is None
    entered = ask(coder, WOMAN | {"find": "N18.32"})
    assert json.loads(entered.context["answer"].request)["diagnoses"] == ["N18.32"]


# --- Who may, and what stays behind --------------------------------------------------------------------------------


def test_a_project_that_hides_scores_from_coders_hides_the_calculator_too(client: Client) -> None:
    hidden = make.project(coders_see_scores=False)
    coder = make.person(Role.CODER, hidden)
    client.force_login(coder)
    assert client.get(reverse("calculator")).status_code == 403
    assert "Calculator" not in client.get(reverse("queue")).content.decode()
    question = {"program": "cms-hcc", "payment_year": 2026, "raw": "1.033"}
    answer = client.post(reverse("api-score"), question, content_type="application/json")
    assert (answer.status_code, "hides scores" in answer.json()["detail"]) == (403, True)
    client.force_login(make.person(Role.MANAGER, hidden))
    assert client.get(reverse("calculator")).status_code == 200


def test_a_sum_leaves_nothing_behind(coder: Client) -> None:
    coder.get(reverse("calculator"))
    events, session = TrailEvent.objects.count(), dict(coder.session)
    assert ask(coder, ASKED).status_code == 200
    assert TrailEvent.objects.count() == events
    assert dict(coder.session) == session
    # No code and no age in an address: the form is sent by POST, and a GET reads nothing of its query.
    page = coder.get(reverse("calculator"), ASKED)
    assert page.context["answer"] is None
    assert "e1122" not in page.content.decode()


def test_as_many_queries_whatever_is_asked(coder: Client) -> None:
    def queries(method: str, typed: dict[str, str]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert getattr(coder, method)(reverse("calculator"), typed).status_code == 200
        return len(captured)

    queries("get", {})
    empty = queries("get", {})
    assert queries("post", ASKED) == empty
    many = " ".join(f"E11.{number}" for number in range(10, 70))
    assert queries("post", ASKED | {"diagnoses": many, "month_2_dual": "full"}) == empty


# --- The API -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ([], "a request is an object"),
        ({}, "program is missing"),
        ({"program": "cms-hcc", "payment_year": 2026, "diagnoses": ["E11.22"]}, "beneficiary is missing"),
        ({"program": "cms-hcc", "payment_year": 1999, "diagnoses": [], "beneficiary": {"age": 1, "sex": "F"}}, "1999"),
        ({"program": "cms-hcc", "payment_year": 2026, "diagnoses": ["E11.22"] * 2001}, "at most 2000"),
        ({"program": "cms-hcc", "payment_year": 2026, "diagnoses": [], "candidates": ["E11.22"] * 201}, "at most 200"),
        ({"program": "pace", "payment_year": 2026, "raw": "1"}, "name the one"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_reason(coder: Client, question: Any, words: str) -> None:
    answer = coder.post(reverse("api-score"), json.dumps(question), content_type="application/json")
    assert answer.status_code == 400
    assert words in str(answer.json())


def test_the_document_describes_the_calculator(coder: Client) -> None:
    document = coder.get(reverse("api-schema"), headers={"accept": "application/json"}).json()
    operation = document["paths"]["/api/score/"]["post"]
    properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert set(properties) == scoring.contract.KEYS
