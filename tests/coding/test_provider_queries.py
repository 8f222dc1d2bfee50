"""Queries to providers: the text that a coder starts from, what must not be sent, and what an answer does not do."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coding import provider_queries
from coding.actions import provider_queries as actions
from coding.actions import queues, suggestions
from coding.actions.provider_queries import NotAQuery, NotSendable
from coding.models import Chart, ProviderQuery, Role, Suggestion, TrailEvent, User
from coding.permissions import NotAllowed
from coding.provider_queries import draft, faults, practice
from coding.refusals import NotAnAnswer
from coding.workflow import ChartStatus, Outcome, QueryStatus, SuggestionStatus
from tests import make, pages

SUBJECT = "clarify-specificity"
GOOD = "The record of 2026-03-02 names “chronic kidney disease”. What was its stage on that date?"
STAGES = ("Stage 3a", "Stage 3b")


# --- The text


def found(
    question: str = GOOD, options: tuple[str, ...] = STAGES, indicators: int = 1, named: Any = ("ckd",)
) -> list[str]:
    return [fault.rule for fault in faults(question, options, indicators=indicators, named=named)]


def test_every_subject_and_every_option_of_the_data_passes_its_own_rules() -> None:
    for key, subject in practice().subjects.items():
        text = draft(key, day="2026-03-02", mention="chronic kidney disease")
        assert found(text.question or "Which?", text.options or STAGES) == [], (key, subject)
    for family, options in practice().specificity.items():
        assert (family, found(options=options)) == (family, [])


def test_conditions_of_the_options_are_condition_files() -> None:
    from nlp.catalog import load

    assert set(practice().specificity) <= set(load().families)


def test_what_the_provider_wrote_stands_in_the_question_as_it_was_written() -> None:
    text = draft(SUBJECT, day="2026-03-02", mention="chronic\nkidney  disease", family="ckd")
    assert "“chronic kidney disease”" in text.question
    assert "2026-03-02" in text.question
    assert "Stage 3b" in text.options


def test_without_a_mention_no_condition_is_named() -> None:
    assert provider_queries.FINDING in draft(SUBJECT, day="2026-03-02").question


def test_the_coders_own_words_come_before_the_template() -> None:
    assert draft(SUBJECT, day="2026-03-02", words=" What was the stage? ").question == "What was the stage?"


def test_a_neutral_query_has_no_fault() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("This would add an HCC.", "payment"),
        ("It may increase reimbursement.", "payment"),
        ("It changes the risk\nscore.", "payment"),
        ("It is worth $300.", "payment"),
        ("The auditors ask for it.", "payment"),
        ("Should this be N18.32?", "code"),
        ("Is it N18?", "code"),
        ("Which ICD-10 describes it?", "coding"),
        ("Please document CKD.", "leading"),
        ("Wouldn’t you say that it is stage 3b?", "leading"),
        ("It is clearly stage 3b.", "leading"),
        ("Would you agree?", "leading"),
        ("Could it be due to diabetes?", "not-in-record"),
        ("Does the patient have heart failure?", "not-in-record"),
    ],
)
def test_leading_text_codes_payment_and_new_diagnoses_are_refused(words, rule) -> None:
    assert found(f"{GOOD} {words}") == [rule]


@pytest.mark.parametrize(
    "words",
    [
        "Vitamin B12 was given, T4 was normal.",
        "The A1c was 7.1 and the AUDIT-C was 2.",
        "Two doses were missed.",
        "An L4-L5 fusion is mentioned.",
        "The premature beats were seen.",
    ],
)
def test_what_only_looks_like_a_fault_passes(words) -> None:
    assert found(f"{GOOD} {words}") == []


def test_options_are_read_too() -> None:
    assert found(options=("Stage 3a (N18.31)", "Stage 3b, as billed")) == ["code"]
    assert found(options=("Stage 3a", "Stage 3b, higher HCC")) == ["payment"]


def test_a_query_needs_a_question_answers_and_a_place_of_the_record() -> None:
    assert found("", (), 0) == ["question", "options", "indicators"]
    assert found(options=("Stage 3b",)) == ["options"]
    assert found(options=("Yes", "no")) == ["options"]
    assert found(options=("Stage 3b", "stage 3b ", "Stage 4")) == ["options"]


def test_every_fault_is_said_at_once_with_its_words() -> None:
    said = faults(f"{GOOD} Please document N18.32 for payment.", (), indicators=0, named=("ckd",))
    assert [fault.words for fault in said] == ["N18.32", "payment", "Please document", "", ""]
    assert str(said[0]) == "“N18.32”: A query names no code."


def test_of_a_record_that_was_not_read_nothing_is_said() -> None:
    assert found(f"{GOOD} Could it be due to diabetes?", named=None) == []


# --- From an answer to a query


@pytest.fixture
def coder(project) -> User:
    return make.person(Role.CODER, project, "coder")


@pytest.fixture
def lead(project) -> User:
    return make.person(Role.QA_LEAD, project, "lead")


@pytest.fixture
def chart(project, coder) -> Chart:
    return pages.held_chart(project, coder)


@pytest.fixture
def asked(chart) -> Suggestion:
    return chart.suggestions.get(icd10="N18.32")


@pytest.fixture
def query(asked, coder) -> ProviderQuery:
    return ask(asked, coder)


def ask(suggestion: Suggestion, by: User, reason: str = SUBJECT, comment: str = "") -> ProviderQuery:
    decision = suggestions.decide(suggestion=suggestion, outcome=Outcome.QUERY, by=by, reason=reason, comment=comment)
    return ProviderQuery.objects.get(decision=decision)


def make_sendable(query: ProviderQuery, by: User) -> ProviderQuery:
    places = [tuple(place) for place in query.indicators]
    return actions.change(query=query, question="What was the stage?", options=STAGES, indicators=places, by=by)


def send(query: ProviderQuery, by: User, **said: Any) -> ProviderQuery:
    today = timezone.localdate()
    facts: dict[str, Any] = {"to": "Dr. Rivera", "on": today, "due_on": today + timedelta(days=14), **said}
    return actions.send(query=query, by=by, **facts)


def record(query: ProviderQuery, by: User, **said: Any) -> ProviderQuery:
    today = timezone.localdate()
    facts: dict[str, Any] = {"answer": "Stage 3b", "words": "", "provider": "Dr. Rivera", "on": today, "today": today}
    return actions.record_answer(query=query, by=by, **{**facts, **said})


def test_a_query_is_written_from_the_evidence(query, asked) -> None:
    assert query.status == QueryStatus.DRAFT
    assert "“CKD stage 3b”" in query.question
    quotes = [query.encounter.notes.get().text[start:end] for _, start, end in query.indicators]
    assert sorted(quotes) == ["CKD stage 3b", "losartan", "stable"]
    asked.refresh_from_db()
    assert asked.status == SuggestionStatus.QUERIED


def test_nothing_is_quoted_twice() -> None:
    places = [(2, 0, 9), (1, 4, 8), (1, 0, 20), (1, 10, 30), (1, 0, 20)]
    assert actions.outermost(places) == [(1, 0, 20), (1, 10, 30), (2, 0, 9)]


def test_finishing_says_what_is_not_sent(client, query, chart, coder) -> None:
    for other in chart.suggestions.open():
        suggestions.decide(suggestion=other, outcome=Outcome.KEEP, by=coder)
    client.force_login(coder)
    response = client.post(reverse("finish", args=[chart.pk]), follow=True)
    assert "1 query of it is written and not sent" in response.content.decode()


def test_a_query_without_a_subject_is_the_coders_to_write(asked, coder) -> None:
    query = ask(asked, coder, reason="")
    assert (query.decision.reason, query.question) == (provider_queries.OTHER, "")


def test_an_unknown_subject_is_refused(asked, coder) -> None:
    with pytest.raises(NotAnAnswer, match="what is unclear"):
        suggestions.decide(suggestion=asked, outcome=Outcome.QUERY, by=coder, reason="money")
    assert not ProviderQuery.objects.exists()


def test_each_date_of_service_has_a_query_of_its_own(project, coder, client) -> None:
    days = [pages.day(day, adds={"N18.32": pages.CKD}) for day in ("2026-03-02", "2026-06-01")]
    chart = pages.held_chart(project, coder, *days)
    client.force_login(coder)
    both = list(chart.suggestions.values_list("pk", flat=True))
    form = {"s": both, "outcome": "query", "panel": "1", "reason": SUBJECT}
    client.post(reverse("answer", args=[chart.pk]), form)
    assert sorted(query.encounter.date_from.isoformat() for query in ProviderQuery.objects.all()) == [
        "2026-03-02",
        "2026-06-01",
    ]
    page = pages.Page(client.get(reverse("chart", args=[chart.pk])))
    assert page.text.count("Write the query and send it") == 2


def test_the_same_answer_sent_twice_asks_once(client, chart, asked, coder) -> None:
    client.force_login(coder)
    form = {"s": asked.pk, "outcome": "query", "panel": "1", "reason": SUBJECT}
    for _ in range(2):
        assert client.post(reverse("answer", args=[chart.pk]), form).status_code == 302
    assert ProviderQuery.objects.count() == 1


def test_a_query_with_a_fault_cannot_be_sent(query, coder) -> None:
    places = [tuple(place) for place in query.indicators]
    actions.change(
        query=query, question="Please document CKD for the HCC.", options=STAGES, indicators=places, by=coder
    )
    with pytest.raises(NotSendable) as refused:
        send(query, coder)
    assert [fault.rule for fault in refused.value.faults] == ["payment", "leading"]
    query.refresh_from_db()
    assert query.status == QueryStatus.DRAFT


def test_a_diagnosis_that_the_record_does_not_name_is_refused(query, coder) -> None:
    places = [tuple(place) for place in query.indicators]
    text = "Is the kidney disease due to heart failure?"
    actions.change(query=query, question=text, options=STAGES, indicators=places, by=coder)
    with pytest.raises(NotSendable) as refused:
        send(query, coder)
    assert {fault.rule for fault in refused.value.faults} == {"not-in-record"}


def test_a_place_of_another_date_cannot_be_quoted(project, coder) -> None:
    days = [pages.day(day, adds={"N18.32": pages.CKD}) for day in ("2026-03-02", "2026-06-01")]
    chart = pages.held_chart(project, coder, *days)
    first, second = chart.suggestions.order_by("encounter__date_from")
    query = ask(first, coder)
    note = second.encounter.notes.get()
    for place in ((note.pk, 0, 5), (query.indicators[0][0], 0, 10_000), (0, 0, 1)):
        with pytest.raises(NotAQuery, match="each date stands alone"):
            actions.change(query=query, question="What?", options=STAGES, indicators=[place], by=coder)


def test_what_is_sent_does_not_change(query, coder) -> None:
    send(make_sendable(query, coder), coder)
    with pytest.raises(NotAQuery, match="does not change"):
        make_sendable(query, coder)
    with pytest.raises(NotAQuery, match="cannot become"):
        send(query, coder)


def test_dates_that_cannot_be_are_refused(query, coder) -> None:
    make_sendable(query, coder)
    today = timezone.localdate()
    with pytest.raises(NotAQuery, match="after the day"):
        send(query, coder, due_on=today)
    with pytest.raises(NotAQuery, match="to whom"):
        send(query, coder, to=" ")
    sent = send(query, coder)
    for day in (today - timedelta(days=1), today + timedelta(days=1)):
        with pytest.raises(NotAQuery, match="came between"):
            record(sent, coder, on=day)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"answer": "Stage 5"}, "Choose the answer"),
        ({"answer": practice().always[0]}, "other answer"),
        ({"provider": ""}, "who answered"),
    ],
)
def test_an_answer_is_one_of_the_options_with_who_gave_it(query, coder, said, words) -> None:
    sent = send(make_sendable(query, coder), coder)
    with pytest.raises(NotAQuery, match=words):
        record(sent, coder, **said)


def test_an_answer_changes_no_code_and_no_date_of_service(query, asked, coder) -> None:
    before = (asked.encounter.date_from, asked.decisions.count())
    record(send(make_sendable(query, coder), coder), coder)
    asked.refresh_from_db()
    assert asked.status == SuggestionStatus.QUERIED
    assert (asked.encounter.date_from, asked.decisions.count()) == before
    assert asked.encounter.notes.count() == 1
    with pytest.raises(NotAQuery, match="cannot become"):
        record(query, coder)


def test_taking_the_answer_back_withdraws_what_waits_and_keeps_what_was_answered(query, asked, coder) -> None:
    suggestions.undo(suggestion=asked, by=coder)
    query.refresh_from_db()
    assert query.status == QueryStatus.WITHDRAWN
    again = record(send(make_sendable(ask(asked, coder), coder), coder), coder)
    suggestions.undo(suggestion=asked, by=coder)
    again.refresh_from_db()
    assert again.status == QueryStatus.ANSWERED


def test_the_trail_has_no_word_of_the_record(query, coder) -> None:
    record(send(make_sendable(query, coder), coder), coder, words="It was stage 3b.")
    events = TrailEvent.objects.filter(action__startswith="query.")
    assert [event.action for event in events.order_by("number")] == ["query.sent", "query.answered"]
    said = str([event.details for event in events])
    assert "stage" not in said.lower()
    assert "Rivera" not in said


# --- Who may


def test_a_colleague_sees_no_query_of_a_chart_that_is_not_theirs(query, project) -> None:
    colleague = make.person(Role.CODER, project)
    assert not ProviderQuery.objects.visible_to(colleague).exists()
    with pytest.raises(NotAllowed):
        make_sendable(query, colleague)


def test_whoever_holds_the_chart_now_may_go_on_with_the_query(query, chart, project, lead) -> None:
    heir = make.person(Role.CODER, project)
    queues.assign(chart=chart, to=heir, by=lead)
    assert make_sendable(query, heir).question == "What was the stage?"


def test_a_lead_records_answers_and_compliance_only_reads(query, lead, project) -> None:
    send(make_sendable(query, lead), lead)
    officer = make.person(Role.COMPLIANCE, project)
    assert ProviderQuery.objects.visible_to(officer).exists()
    with pytest.raises(NotAllowed):
        record(query, officer)


def test_an_auditor_sees_no_query_before_their_own_answer(client, query, chart, asked, coder, lead) -> None:
    for other in chart.suggestions.exclude(pk=asked.pk):
        suggestions.decide(suggestion=other, outcome=Outcome.KEEP, by=coder)
    queues.finish(chart=chart, by=coder)
    client.force_login(lead)
    assert client.get(reverse("provider_query", args=[query.pk])).status_code == 404
    assert "Chart" not in listed(client, lead, "draft")


# --- The pages


def listed(client: Client, user: User, status: str = "") -> str:
    client.force_login(user)
    response = client.get(reverse("provider_queries"), {"status": status})
    assert response.status_code == 200
    return response.content.decode().partition("<table")[2]


def post(client: Client, query: ProviderQuery, do: str, **form: Any):
    return client.post(reverse("provider_query", args=[query.pk]), {"do": do, **form})


def form_of(query: ProviderQuery, **changed: Any) -> dict[str, Any]:
    return {
        "question": "What was the stage?",
        "options": "Stage 3a\nStage 3b",
        "indicator": [":".join(map(str, place)) for place in query.indicators],
        "to": "Dr. Rivera",
        "due": (timezone.localdate() + timedelta(days=14)).isoformat(),
        **changed,
    }


def test_from_the_draft_to_the_answer_by_forms(client, query, coder) -> None:
    client.force_login(coder)
    response = post(client, query, "send", **form_of(query, question="Please document the HCC."))
    assert response.status_code == 422
    assert "cannot be sent yet" in response.content.decode()
    assert "Please document</mark>" in response.content.decode()
    assert "Please document the HCC." in listed_form(response)
    assert post(client, query, "send", **form_of(query)).status_code == 302
    assert "Dr. Rivera" in listed(client, coder, "sent")
    letter = client.get(reverse("provider_query_letter", args=[query.pk])).content.decode()
    assert all(words in letter for words in ("What was the stage?", "stable", "Unable to determine"))
    assert post(client, query, "answer", answer="Stage 3b", provider="Dr. Rivera", on="someday").status_code == 422
    done = {"answer": "Stage 3b", "provider": "Dr. Rivera", "on": timezone.localdate().isoformat()}
    assert post(client, query, "answer", **done).status_code == 302
    assert "Stage 3b" in listed(client, coder, "answered")
    page = pages.Page(client.get(reverse("chart", args=[query.chart.pk])))
    assert "The provider answered: Stage 3b" in page.text
    address = reverse("provider_query", args=[query.pk])
    assert "Then decide the question again" in pages.Page(client.get(address)).words
    Chart.objects.filter(pk=query.chart.pk).update(status=ChartStatus.CODED)
    words = pages.Page(client.get(address)).words
    assert "decide the question again" not in words
    assert "The chart is finished (Coded)" in words


def listed_form(response) -> str:
    return response.content.decode().partition('name="question"')[2].partition("</textarea>")[0]


def test_words_of_the_note_are_quoted_where_they_stand(client, query, coder) -> None:
    client.force_login(coder)
    assert post(client, query, "quote", **form_of(query, quote="Family history of stroke")).status_code == 302
    query.refresh_from_db()
    text = query.encounter.notes.get().text
    assert "Family history of stroke" in [text[start:end] for _, start, end in query.indicators]
    refused = post(client, query, "quote", **form_of(query, quote="no such words"))
    assert refused.status_code == 422
    assert "no such words" in refused.content.decode()


def test_the_queue_shows_an_answer_until_the_question_is_decided_again(client, query, asked, coder) -> None:
    def shown() -> bool:
        return "answered</a> your query" in client.get(reverse("queue")).content.decode()

    client.force_login(coder)
    send(make_sendable(query, coder), coder)
    assert not shown()
    record(query, coder)
    assert shown()
    suggestions.undo(suggestion=asked, by=coder)
    assert not shown()


def test_a_draft_that_must_not_be_sent_has_no_letter(client, query, coder) -> None:
    client.force_login(coder)
    places = [tuple(place) for place in query.indicators]
    actions.change(query=query, question="", options=(), indicators=places, by=coder)
    response = client.get(reverse("provider_query_letter", args=[query.pk]))
    assert response.status_code == 302
    assert not TrailEvent.objects.filter(action="query.printed").exists()


def test_opening_and_printing_leave_a_trail(client, query, coder) -> None:
    make_sendable(query, coder)
    client.force_login(coder)
    client.get(reverse("provider_query", args=[query.pk]))
    client.get(reverse("provider_query_letter", args=[query.pk]))
    actions_of = TrailEvent.objects.filter(action__startswith="query.").values_list("action", flat=True)
    assert list(actions_of.order_by("number")) == ["query.opened", "query.printed"]


def test_overdue_queries_stand_by_themselves_until_they_are_answered(client, query, coder) -> None:
    send(make_sendable(query, coder), coder)
    ProviderQuery.objects.update(sent_on=date(2026, 1, 5), due_on=date(2026, 1, 19))
    assert "late" in listed(client, coder)  # nothing else to do: it is the first
    assert "Chart" not in listed(client, coder, "sent")
    record(query, coder)
    assert "Chart" not in listed(client, coder, "overdue")


def test_nonsense_in_the_form_is_refused_and_changes_nothing(client, query, coder) -> None:
    client.force_login(coder)
    before = ProviderQuery.objects.values().get()
    assert post(client, query, "launch").status_code == 422
    assert post(client, query, "store", **form_of(query, indicator=["a:b", "1"])).status_code == 422
    assert post(client, query, "send", **form_of(query, due="soon")).status_code == 422
    assert post(client, query, "quote", **form_of(query)).status_code == 422
    after = ProviderQuery.objects.values().get()
    assert (after["status"], after["sent_on"]) == (before["status"], None)


def test_the_list_costs_the_same_for_many_queries(client, project, coder) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("provider_queries"))
        return len(queries)

    client.force_login(coder)
    ask(pages.held_chart(project, coder).suggestions.get(icd10="N18.32"), coder)
    few = cost()
    for _ in range(4):
        ask(pages.held_chart(project, coder).suggestions.get(icd10="N18.32"), coder)
    assert cost() == few
