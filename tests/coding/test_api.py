"""The API through real requests: who gets in, what goes in and out, and what stays hidden."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from coding.actions import queues, suggestions
from coding.models import Chart, Decision, Project, Role, TrailEvent, User
from coding.workflow import ChartStatus, Outcome, SpanLabel
from tests import audits, make, pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project, "casey")


def api(user: User | None = None) -> APIClient:
    """A script with the person's token."""
    client = APIClient()
    if user:
        token, _ = Token.objects.get_or_create(user=user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


def ids(response: Any) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


# --- Getting in ----------------------------------------------------------------------------------------------------


def test_a_password_gives_a_token_and_the_token_opens_the_api(client, project, coder) -> None:
    answer = client.post(reverse("api-token"), {"username": "casey", "password": make.PASSWORD})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    token = answer.json()["token"]
    assert client.get("/api/charts/").status_code == 401
    assert client.get("/api/charts/", headers={"Authorization": f"Token {token}"}).status_code == 200
    again = client.post(reverse("api-token"), {"username": "casey", "password": make.PASSWORD})
    assert again.json()["token"] == token


def test_a_session_opens_the_api_and_a_change_through_it_needs_the_csrf_token(project, coder) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(coder)
    assert client.get("/api/charts/").status_code == 200
    refused = client.post("/api/charts/claim/")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


@pytest.mark.parametrize("said", [{}, {"username": "casey"}, {"username": "casey", "password": "wrong"}])
def test_no_token_without_the_right_password(client, project, coder, said) -> None:
    assert client.post(reverse("api-token"), said).status_code == 400
    assert not Token.objects.exists()


def test_somebody_who_left_gets_no_token_and_an_old_one_is_void(client, project, coder) -> None:
    script = api(coder)
    User.objects.filter(pk=coder.pk).update(is_active=False)
    assert script.get("/api/charts/").status_code == 401
    assert client.post(reverse("api-token"), {"username": "casey", "password": make.PASSWORD}).status_code == 400


def test_five_wrong_passwords_lock_the_token_address_and_the_log_in_page(client, settings, project, coder) -> None:
    settings.AXES_ENABLED = True
    wrong = {"username": "casey", "password": "wrong"}
    statuses = [client.post(reverse("api-token"), wrong).status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert set(statuses[:-1]) == {400}
    right = {"username": "casey", "password": make.PASSWORD}
    locked = client.post(reverse("api-token"), right)
    assert locked.status_code == 429
    assert "Too many failed tries" in locked.json()["detail"]
    assert client.post(reverse("login"), right).status_code == 429
    assert not Token.objects.exists()


def test_a_right_password_forgets_the_wrong_ones_before(client, settings, project, coder) -> None:
    settings.AXES_ENABLED = True
    wrong, right = {"username": "casey", "password": "wrong"}, {"username": "casey", "password": make.PASSWORD}
    for _ in range(2):
        for _ in range(settings.AXES_FAILURE_LIMIT - 1):
            client.post(reverse("api-token"), wrong)
        assert client.post(reverse("api-token"), right).status_code == 200


# --- Charts in and out ---------------------------------------------------------------------------------------------


def test_a_chart_file_goes_in_and_the_same_again_changes_nothing(project, lead) -> None:
    text = make.chart_file_text(make.chart_line(project="alpha"), make.chart_line(project="alpha"))
    script = api(lead)
    first = script.post("/api/charts/", text, content_type="application/x-ndjson")
    assert (first.status_code, first.json()) == (201, {"created": 2, "unchanged": 0, "notes": 2})
    second = script.post("/api/charts/", text, content_type="application/x-ndjson")
    assert (second.status_code, second.json()["unchanged"]) == (200, 2)
    assert Chart.objects.count() == 2


def test_one_chart_goes_in_as_json(project, lead) -> None:
    answer = api(lead).post("/api/charts/", make.chart_line(project="alpha"), format="json")
    assert answer.status_code == 201


def test_a_bad_file_names_every_line_and_stores_nothing(project, lead) -> None:
    good, bad = make.chart_line(project="alpha"), make.chart_line(project="alpha", service_year="soon")
    text = "\n".join([json.dumps(good), "{", json.dumps(bad)])
    answer = api(lead).post("/api/charts/", text, content_type="application/x-ndjson")
    assert answer.status_code == 400
    assert {int(problem["line"]) for problem in answer.json()["problems"]} == {2, 3}
    assert not Chart.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"\xff\xfe", "application/x-ndjson", 400), (b"{", "application/json", 400), (b"", "application/x-ndjson", 400),
     (b"a", "text/plain", 415), (b"[1]", "application/json", 400)],
)  # fmt: skip
def test_what_is_no_chart_file_is_refused_in_words(project, lead, body, kind, status) -> None:
    assert api(lead).post("/api/charts/", body, content_type=kind).status_code == status


def test_charts_of_a_project_that_is_not_ones_own_are_not_taken(project, lead) -> None:
    make.project("beta")
    answer = api(lead).post("/api/charts/", make.chart_line(project="beta"), format="json")
    assert answer.status_code == 404


def test_the_list_has_what_the_person_may_list(project, coder, lead, manager) -> None:
    held, ready = pages.held_chart(project, coder), pages.read_chart(project, pages.missed_ckd())
    other = make.project("beta")
    pages.read_chart(other, pages.missed_ckd())
    assert ids(api(coder).get("/api/charts/")) == [held.pk]
    assert ids(api(lead).get("/api/charts/")) == [held.pk, ready.pk]
    assert ids(api(manager).get("/api/charts/")) == [held.pk, ready.pk]
    assert ids(api(manager).get("/api/charts/?status=ready")) == [ready.pk]
    assert ids(api(lead).get("/api/charts/?project=beta")) == []


def test_a_chart_comes_with_its_record_and_leaves_an_event(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    body = api(coder).get(f"/api/charts/{chart.pk}/").json()
    assert body["status"] == "in_review"
    assert body["open_suggestions"] == 2
    [encounter] = body["encounters"]
    assert encounter["notes"][0]["text"] == pages.TEXT
    assert encounter["first_pass_codes"] == [{"icd10": "E11.22", "source": "claim", "submitted": None}]
    (event,) = TrailEvent.objects.filter(action="chart.opened")
    assert (event.actor, event.details) == (coder, {"through": "api"})


@pytest.mark.parametrize("pk", ["0", "99999", "x", "9" * 40])
def test_a_chart_that_is_not_there(project, lead, pk) -> None:
    assert api(lead).get(f"/api/charts/{pk}/").status_code == 404


@pytest.mark.parametrize("query", ["chart=x", f"chart={'9' * 40}", "chart=²", "status=nothing"])
def test_a_filter_that_names_nothing_finds_nothing(project, coder, query) -> None:
    pages.held_chart(project, coder)
    answer = api(coder).get(f"/api/suggestions/?{query}")
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


# --- The coder's loop ----------------------------------------------------------------------------------------------


def test_a_chart_from_claim_to_finish(project, coder) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    script = api(coder)
    assert script.post("/api/charts/claim/").json()["id"] == chart.pk
    assert script.post("/api/charts/claim/").status_code == 204
    [check, add] = sorted(
        script.get(f"/api/suggestions/?chart={chart.pk}").json()["results"], key=lambda one: one["kind"], reverse=True
    )
    assert (check["icd10"], add["icd10"], add["title"]) == ("E11.22", "N18.32", "Chronic kidney disease, stage 3b")
    assert {span["quote"] for span in add["evidence"]} == {"CKD stage 3b", "stable", "losartan"}
    early = script.post(f"/api/charts/{chart.pk}/finish/")
    assert early.status_code == 409
    assert "2 suggestions are undecided" in early.json()["detail"]

    [panel] = script.get(f"/api/charts/{chart.pk}/score/").json()
    delta = panel["deltas"][str(add["id"])]["delta"]
    taken = script.post("/api/decisions/", {"suggestion": add["id"], "outcome": "accept"}, format="json")
    assert taken.status_code == 201
    assert taken.json()["delta"] == delta
    assert taken.json()["score_model"] == "cms-hcc 2027 V28"
    [after] = script.get(f"/api/charts/{chart.pk}/score/").json()
    assert float(after["now"]) - float(panel["now"]) == pytest.approx(float(delta))

    refused = script.post("/api/decisions/", {"suggestion": check["id"], "outcome": "delete"}, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (409, "Choose a reason.")
    script.post("/api/decisions/", {"suggestion": check["id"], "outcome": "keep"}, format="json")
    assert script.post(f"/api/charts/{chart.pk}/finish/").json()["status"] == "coded"


def test_an_answer_is_taken_back_by_another_decision(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    script = api(coder)
    script.post("/api/decisions/", {"suggestion": suggestion.pk, "outcome": "accept"}, format="json")
    back = script.post("/api/decisions/", {"suggestion": suggestion.pk, "outcome": "reopen"}, format="json")
    assert back.status_code == 201
    listed = script.get("/api/decisions/").json()["results"]
    assert [decision["outcome"] for decision in listed] == ["accept", "reopen"]


def test_decisions_are_neither_changed_nor_deleted(project, coder) -> None:
    chart = pages.held_chart(project, coder)
    audits.answer_all(chart, coder)
    decision = Decision.objects.first()
    for method in ("put", "patch", "delete"):
        answer = getattr(api(coder), method)(f"/api/decisions/{decision.pk}/", {"outcome": "keep"}, format="json")
        assert answer.status_code == 405


def test_only_the_holder_answers(project, coder, lead) -> None:
    chart = pages.held_chart(project, coder)
    said = {"suggestion": chart.suggestions.get(icd10="N18.32").pk, "outcome": "accept"}
    assert api(lead).post("/api/decisions/", said, format="json").status_code == 403
    assert api(make.person(Role.CODER, project)).post("/api/decisions/", said, format="json").status_code == 404
    assert not Decision.objects.exists()


# --- What stays hidden ---------------------------------------------------------------------------------------------


def test_scores_hidden_by_policy_leak_through_no_field(project, coder, manager) -> None:
    chart = pages.held_chart(project, coder)
    Project.objects.filter(pk=project.pk).update(coders_see_scores=False)
    script = api(coder)
    answer = script.get(f"/api/charts/{chart.pk}/score/")
    assert (answer.status_code, "hides scores" in answer.json()["detail"]) == (403, True)
    said = {"suggestion": chart.suggestions.get(icd10="N18.32").pk, "outcome": "accept"}
    made = script.post("/api/decisions/", said, format="json").json()
    [listed] = script.get("/api/decisions/").json()["results"]
    one = script.get(f"/api/decisions/{made['id']}/").json()
    for body in (made, listed, one):
        assert (body["delta"], body["delta_raw"], body["score_model"]) == (None, None, "")
    stored = Decision.objects.get()
    assert stored.delta is not None
    everything = json.dumps([made, listed, one, script.get("/api/suggestions/").json()])
    assert str(abs(stored.delta)) not in everything


def test_scores_show_where_the_policy_shows_them_and_always_to_leads(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead)
    assert chart.status == ChartStatus.CLOSED
    Project.objects.filter(pk=project.pk).update(coders_see_scores=False)
    shown = [decision["delta"] for decision in api(lead).get("/api/decisions/").json()["results"]]
    assert None not in shown
    assert len(shown) == 2


def test_a_coders_answers_are_hidden_from_a_lead_who_may_audit_them(project, coder, lead) -> None:
    chart = audits.coded_chart(
        project, coder, answers={"N18.32": {"outcome": Outcome.REJECT, "reason": "negated", "comment": "Xanthelmar"}}
    )
    script = api(lead)

    def seen() -> dict[str, Any]:
        return {
            "statuses": {s["icd10"]: s["status"] for s in script.get("/api/suggestions/").json()["results"]},
            "decided": {d["outcome"] for d in script.get("/api/decisions/").json()["results"]},
            "rejected": ids(script.get("/api/suggestions/?status=rejected")),
            "score": script.get(f"/api/charts/{chart.pk}/score/").status_code,
        }

    blind = {"statuses": {"N18.32": None, "E11.22": None}, "decided": set(), "rejected": [], "score": 403}
    assert seen() == blind
    audits.drawn(chart, by=lead)
    assert seen() == blind
    audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    rejected = chart.suggestions.get(icd10="N18.32")
    assert seen() == {
        "statuses": {"N18.32": "rejected", "E11.22": None},
        "decided": {"reject"},
        "rejected": [rejected.pk],
        "score": 403,
    }
    audits.same_answer(audits.review_of(chart, "E11.22"), by=lead)
    assert seen()["score"] == 200


def test_what_the_coder_marked_is_hidden_from_a_lead_who_may_audit_it(project, coder, lead) -> None:
    chart = pages.held_chart(project, coder)
    suggestion, note = chart.suggestions.get(icd10="N18.32"), chart.encounters.get().notes.get()
    suggestions.tag_evidence(suggestion=suggestion, note=note, label=SpanLabel.MONITOR, start=0, end=10, by=coder)
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)

    def labels(user: User) -> set[str]:
        body = api(user).get(f"/api/suggestions/{suggestion.pk}/").json()
        return {span["label"] for span in body["evidence"]}

    assert labels(lead) == {"mention", "assess", "treat"}
    assert labels(coder) == {"mention", "monitor", "assess", "treat"}
    audits.drawn(chart, by=lead)
    audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    assert labels(lead) == {"mention", "monitor", "assess", "treat"}


def test_compliance_reads_what_a_lead_does_not_yet(project, coder) -> None:
    audits.coded_chart(project, coder)
    script = api(make.person(Role.COMPLIANCE, project))
    assert len(script.get("/api/decisions/").json()["results"]) == 2


# --- Reports -------------------------------------------------------------------------------------------------------


def test_the_report_has_the_rows_of_its_csv(client, project, coder, lead, manager) -> None:
    audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    client.force_login(manager)
    text = client.get(reverse("export", args=["capture"])).getvalue().decode()
    from_csv = [tuple(row.values()) for row in csv.DictReader(io.StringIO(text))]
    rows = api(manager).get("/api/reports/capture/?project=alpha").json()["rows"]
    assert [tuple("" if value is None else value for value in row.values()) for row in rows] == from_csv
    assert ("totals", "", "additions", "1") in from_csv


def test_a_report_with_wrong_dates_is_refused_in_words(project, manager) -> None:
    answer = api(manager).get("/api/reports/capture/?project=alpha&from=2026-02-30")
    assert (answer.status_code, answer.json()["detail"]) == (400, "Give the dates as 2026-03-31.")


# --- The document, and the cost ------------------------------------------------------------------------------------


def test_the_openapi_document_is_valid_without_a_warning(capsys) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    document = capsys.readouterr().out
    for path in ("/api/charts/", "/api/decisions/", "/api/reports/capture/", "/api/token/"):
        assert f"  {path}:\n" in document


def test_the_page_about_the_api_has_every_operation_of_the_document(client, coder) -> None:
    client.force_login(coder)
    words = pages.Page(client.get("/api/")).words
    for operation in ("GET /api/charts/", "POST /api/charts/", "POST /api/token/", "GET /api/reports/capture/"):
        assert operation in words


@pytest.mark.parametrize("path", ["/api/charts/", "/api/suggestions/", "/api/decisions/"])
def test_a_list_costs_the_same_for_three_charts_and_thirty(project, coder, path) -> None:
    script = api(coder)
    costs = []
    for more in (3, 27):
        for _ in range(more):
            audits.coded_chart(project, coder)
        with CaptureQueriesContext(connection) as queries:
            assert script.get(path).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
