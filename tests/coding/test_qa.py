"""Sampling, blind audit, settling, returning: the actions and their pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from coding.actions import qa, queues, suggestions
from coding.actions.queues import WrongStatus
from coding.models import Chart, QAReview, Role, TrailEvent, User
from coding.permissions import NotAllowed
from coding.refusals import NotAnAnswer
from coding.workflow import ChartStatus, Outcome, SpanLabel
from tests import audits, make, pages

pytestmark = pytest.mark.django_db

AGREE, OVERTURN = QAReview.Verdict.AGREE, QAReview.Verdict.OVERTURN


@pytest.fixture
def coder(project) -> User:
    return make.person(
        Role.CODER, project, "quilby.zanthor", first_name="Quilby", last_name="Zanthor", credential="CRC-Q"
    )


def events(action: str) -> list[TrailEvent]:
    return list(TrailEvent.objects.filter(action=action).order_by("number"))


# --- Drawing -------------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 10**6), min_size=1), st.integers(1, 100), st.integers(0, 2**31 - 1))
def test_the_same_charts_percentage_and_seed_draw_the_same_sample(candidates, percentage, seed) -> None:
    first = qa.draw(candidates, percentage=percentage, seed=seed)
    assert first == qa.draw(sorted(candidates, reverse=True), percentage=percentage, seed=seed)
    assert set(first) <= candidates
    assert len(first) == -(-len(candidates) * percentage // 100)


def test_every_chart_is_drawn_about_equally_often() -> None:
    drawn = [pk for seed in range(2000) for pk in qa.draw(range(20), percentage=25, seed=seed)]
    counts = [drawn.count(pk) for pk in range(20)]
    # 500 expected of each; five standard deviations of a binomial(2000, 0.25) are 97.
    assert min(counts) > 400
    assert max(counts) < 600


def test_a_drawn_sample_stores_its_seed_and_one_review_for_each_standing_decision(project, coder, lead) -> None:
    chart = pages.held_chart(project, coder)
    first = chart.suggestions.order_by("pk").first()
    suggestions.decide(suggestion=first, outcome=Outcome.DELETE, reason="negated", by=coder)
    suggestions.undo(suggestion=first, by=coder)
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    other = make.project("beta")
    audits.coded_chart(other, make.person(Role.CODER, other))

    sample = qa.draw_sample(project=project, percentage=10, seed=4711, by=lead)

    assert (sample.seed, sample.percentage, sample.candidates) == (4711, 10, 1)
    assert list(sample.charts.all()) == [chart]
    assert sorted(r.decision.outcome for r in sample.reviews.all()) == ["accept", "keep"]
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_QA
    (event,) = events("qa.sample_drawn")
    assert event.details == {"percentage": 10, "seed": 4711, "candidates": 1, "charts": [chart.pk]}
    assert event.actor == lead


def test_nothing_is_drawn_from_nothing(project, lead) -> None:
    with pytest.raises(qa.NothingToSample):
        qa.draw_sample(project=project, percentage=10, seed=1, by=lead)


@pytest.mark.parametrize("percentage", [0, 101, -1])
def test_a_percentage_is_from_1_to_100(project, coder, lead, percentage) -> None:
    audits.coded_chart(project, coder)
    with pytest.raises(NotAnAnswer):
        qa.draw_sample(project=project, percentage=percentage, seed=1, by=lead)


@pytest.mark.parametrize("role", [Role.CODER, Role.MANAGER, Role.COMPLIANCE, Role.ADMINISTRATOR])
def test_only_a_lead_draws(project, coder, role) -> None:
    audits.coded_chart(project, coder)
    with pytest.raises(NotAllowed):
        qa.draw_sample(project=project, percentage=10, seed=1, by=make.person(role, project))


# --- Answering blind and settling ----------------------------------------------------------------------------------


def test_an_own_answer_is_stored_once(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    review = audits.review_of(chart, "N18.32")
    answered = qa.answer_blind(review=review, outcome=Outcome.REJECT, reason="mention-only", by=lead)
    assert (answered.own_outcome, answered.own_reason, answered.auditor) == ("reject", "mention-only", lead)
    with pytest.raises(NotAnAnswer, match="does not change"):
        qa.answer_blind(review=review, outcome=Outcome.ACCEPT, by=lead)
    (event,) = events("qa.answered")
    assert event.details["outcome"] == "reject"


@pytest.mark.parametrize(
    "answer",
    [
        {"outcome": Outcome.KEEP},
        {"outcome": Outcome.REOPEN},
        {"outcome": Outcome.REJECT},
        {"outcome": Outcome.REJECT, "reason": "laterality"},
        {"outcome": Outcome.CHANGE, "reason": "specificity"},
        {"outcome": Outcome.CHANGE, "reason": "specificity", "icd10_code": "N18"},
    ],
)
def test_an_own_answer_that_does_not_fit_the_question_is_refused(project, coder, lead, answer) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    with pytest.raises(NotAnAnswer):
        qa.answer_blind(review=audits.review_of(chart, "N18.32"), by=lead, **answer)
    assert audits.review_of(chart, "N18.32").own_outcome == ""


def test_nobody_audits_their_own_decision(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    make.give_role(project=project, to=coder, role=Role.QA_LEAD, by=None)
    promoted = User.objects.get(pk=coder.pk)
    review = audits.review_of(chart, "N18.32")
    with pytest.raises(NotAllowed, match="own decision"):
        qa.answer_blind(review=review, outcome=Outcome.ACCEPT, by=promoted)


def test_a_verdict_comes_after_the_own_answer(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    review = audits.review_of(chart, "N18.32")
    with pytest.raises(NotAnAnswer, match="own answer first"):
        qa.settle(review=review, verdict=AGREE, by=lead)
    with pytest.raises(IntegrityError, match="a_qa_verdict_comes_after_the_own_answer"), transaction.atomic():
        QAReview.objects.filter(pk=review.pk).update(verdict=AGREE)


def test_an_overturned_decision_needs_words_for_the_coder(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    review = audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    with pytest.raises(NotAnAnswer, match="Tell the coder why"):
        qa.settle(review=review, verdict=OVERTURN, by=lead, comment="  ")
    assert not events("qa.settled")


def test_a_settled_decision_stays_settled(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    review = audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    qa.settle(review=review, verdict=AGREE, by=lead)
    with pytest.raises(NotAnAnswer, match="settled already"):
        qa.settle(review=review, verdict=OVERTURN, by=lead, comment="On second thoughts.")


def test_a_failing_trail_undoes_the_verdict(project, coder, lead, monkeypatch) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    review = audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(qa.trail, "record", fail)
    with pytest.raises(RuntimeError):
        qa.settle(review=review, verdict=AGREE, by=lead)
    review.refresh_from_db()
    assert (review.verdict, review.settled_at) == ("", None)


# --- Concluding ----------------------------------------------------------------------------------------------------


def test_a_chart_whose_decisions_stand_is_closed(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead)
    assert chart.status == ChartStatus.CLOSED
    assert events("qa.concluded")[0].details == {"overturned": 0}


def test_a_chart_with_an_overturned_decision_goes_back_to_its_coder(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    assert chart.status == ChartStatus.RETURNED
    held = chart.assignments.get(released_at=None)
    assert held.coder == coder


def test_an_audit_does_not_conclude_while_a_decision_is_open(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    with pytest.raises(qa.NotSettled, match="2 decisions"):
        qa.conclude(chart=chart, by=lead)
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_QA


def test_a_returned_chart_is_finished_again_and_audited_anew(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    queues.resume(chart=chart, by=coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.undo(suggestion=suggestion, by=coder)
    suggestions.decide(suggestion=suggestion, outcome=Outcome.REJECT, reason="mention-only", by=coder)
    queues.finish(chart=chart, by=coder)
    second = audits.drawn(chart, by=lead)
    assert second.reviews.get(decision__suggestion=suggestion).decision.outcome == "reject"
    audits.settled(chart, by=lead)
    assert qa.conclude(chart=chart, by=lead) == ChartStatus.CLOSED


def test_the_coder_accepts_or_rebuts_once_and_a_rebuttal_has_words(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    review = audits.review_of(chart, "N18.32")
    with pytest.raises(NotAllowed):
        qa.respond(review=review, response=QAReview.CoderResponse.ACCEPTED, by=lead)
    with pytest.raises(NotAnAnswer, match="guideline"):
        qa.respond(review=review, response=QAReview.CoderResponse.REBUTTED, by=coder)
    qa.respond(review=review, response=QAReview.CoderResponse.REBUTTED, by=coder, comment="Guideline I.C.14.a")
    with pytest.raises(NotAnAnswer, match="already"):
        qa.respond(review=review, response=QAReview.CoderResponse.ACCEPTED, by=coder)
    stood = audits.review_of(chart, "E11.22")
    with pytest.raises(NotAnAnswer, match="overturned"):
        qa.respond(review=stood, response=QAReview.CoderResponse.ACCEPTED, by=coder)


def test_a_coded_chart_is_closed_without_audit_and_one_in_audit_is_not(project, coder, lead) -> None:
    first, second = audits.coded_chart(project, coder), audits.coded_chart(project, coder)
    qa.close(chart=first, by=lead)
    first.refresh_from_db()
    assert first.status == ChartStatus.CLOSED
    audits.drawn(second, by=lead)
    with pytest.raises(WrongStatus, match="only a coded chart"):
        qa.close(chart=second, by=lead)


# --- The page of an audit is blind ---------------------------------------------------------------------------------


TWO_DAYS = (
    pages.missed_ckd("2026-03-02"),
    pages.missed_ckd("2026-05-04", "Assessment: CKD stage 3b, stable on losartan, eGFR 38."),
)
ANSWERS: list[dict[str, dict[str, Any]]] = [
    {},
    {"N18.32": {"outcome": Outcome.REJECT, "reason": "copied-forward", "comment": "Xanthelmar said so."}},
    {"N18.32": {"outcome": Outcome.CHANGE, "reason": "wrong-code", "icd10_code": "N18.9"}},
    {"N18.32": {"outcome": Outcome.QUERY, "comment": "Ask Dr Xanthelmar."}},
    {"E11.22": {"outcome": Outcome.DELETE, "reason": "historical", "comment": "Xanthelmar again."}},
]


def without_numbers(html: str) -> str:
    """A page but for ids and the token: what is left must not depend on the coder."""
    return re.sub(r"\d+", "#", re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html))


def audit_page(client: Client, user: User, chart: Chart) -> str:
    client.force_login(user)
    response = client.get(reverse("qa_audit", args=[chart.pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_before_the_own_answer_is_the_same_whatever_the_coder_answered(client, project, coder, lead) -> None:
    seen = set()
    for answers in ANSWERS:
        chart = audits.coded_chart(project, coder, *TWO_DAYS, answers=answers)
        audits.drawn(chart, by=lead)
        html = audit_page(client, lead, chart)
        for trace in ("Xanthelmar", "Quilby", "Zanthor", coder.username, "CRC-Q"):
            assert trace not in html
        seen.add(without_numbers(html))
    assert len(seen) == 1


def test_a_code_that_the_coder_added_by_hand_looks_like_any_other_addition(client, project, coder, lead) -> None:
    text = "Assessment: CKD stage 3b, stable on losartan. Obesity, BMI 41, on a diet."
    by_rule = audits.coded_chart(
        project,
        coder,
        pages.day("2026-03-02", text, adds={"E66.01": {"mention": "Obesity", "treat": "on a diet"}}),
    )
    by_hand = pages.held_chart(project, coder, pages.day("2026-03-02", text))
    note = by_hand.encounters.get().notes.get()
    spans = [(note, "mention", text.index("Obesity"), text.index("Obesity") + 7)]
    spans += [(note, "treat", text.index("on a diet"), text.index("on a diet") + 9)]
    suggestions.add_manually(encounter=by_hand.encounters.get(), code="E66.01", spans=spans, by=coder)
    audits.answer_all(by_hand, coder)
    queues.finish(chart=by_hand, by=coder)
    audits.drawn(by_rule, by=lead)
    first, second = (without_numbers(audit_page(client, lead, chart)) for chart in (by_rule, by_hand))
    assert first == second


def marked_chart(project: Any, coder: User) -> Chart:
    """The coder marked one more piece of text as evidence before accepting."""
    chart = pages.held_chart(project, coder)
    suggestion, text = chart.suggestions.get(icd10="N18.32"), pages.TEXT
    note, at = chart.encounters.get().notes.get(), text.index("Assessment")
    suggestions.tag_evidence(
        suggestion=suggestion, note=note, label=SpanLabel.MONITOR, start=at, end=at + len("Assessment"), by=coder
    )
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    return chart


def test_what_the_coder_marked_shows_after_the_own_answer_only(client, project, coder, lead) -> None:
    plain, marked = audits.coded_chart(project, coder), marked_chart(project, coder)
    audits.drawn(plain, by=lead)
    before = without_numbers(audit_page(client, lead, marked))
    assert before == without_numbers(audit_page(client, lead, plain))
    for review in qa.reviews_of(marked):
        audits.same_answer(review, by=lead)
    assert "monitor" in audit_page(client, lead, marked).partition('id="work"')[2].partition("<template")[0]


def answer(client: Client, chart: Chart, reviews: list[QAReview], **said: str):
    ids = [str(review.pk) for review in reviews]
    return client.post(reverse("qa_answer", args=[chart.pk]), {"r": ids, **said})


def settle(client: Client, chart: Chart, reviews: list[QAReview], **said: str):
    ids = [str(review.pk) for review in reviews]
    return client.post(reverse("qa_settle", args=[chart.pk]), {"r": ids, **said})


def test_the_coders_answer_stands_beside_the_own_one_once_it_is_stored(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, answers=ANSWERS[1])
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    review = audits.review_of(chart, "N18.32")
    response = answer(client, chart, [review], outcome="accept")
    assert response.status_code == 302
    words = pages.Page(client.get(reverse("qa_audit", args=[chart.pk]))).words
    assert "Xanthelmar said so." in words
    assert "Reject, copied forward" in words
    assert "Quilby Zanthor" in words
    assert "differs" in words


def test_one_answered_date_does_not_give_away_the_coders_answer_on_the_other(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, *TWO_DAYS, answers=ANSWERS[1])
    audits.drawn(chart, by=lead)
    first, second = qa.reviews_of(chart).filter(decision__suggestion__icd10="N18.32")
    client.force_login(lead)
    answer(client, chart, [first], outcome="accept")
    html = audit_page(client, lead, chart)
    assert "Xanthelmar" not in html
    answer(client, chart, [second], outcome="accept")
    assert "Xanthelmar" in audit_page(client, lead, chart)


def test_an_audit_from_the_first_answer_to_the_return_by_forms_alone(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, answers=ANSWERS[1])
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    ckd, diabetes = audits.review_of(chart, "N18.32"), audits.review_of(chart, "E11.22")

    asked = answer(client, chart, [ckd], outcome="reject")
    assert asked.status_code == 422
    assert 'name="reason"' in asked.content.decode()
    assert answer(client, chart, [ckd], outcome="reject", reason="historical").status_code == 302
    assert answer(client, chart, [diabetes], outcome="keep").status_code == 302
    refused = settle(client, chart, [ckd], verdict="overturn")
    assert refused.status_code == 422
    assert "Tell the coder why" in refused.content.decode()
    settle(client, chart, [ckd], verdict="overturn", comment="Stage 3b is assessed: the plan says losartan.")
    early = client.post(reverse("qa_conclude", args=[chart.pk]), follow=True)
    assert "not settled yet" in early.content.decode()
    settle(client, chart, [diabetes], verdict="agree")
    ready = audit_page(client, lead, chart)
    assert "Return to the coder" in ready
    assert "Stage 3b is assessed: the plan says losartan." in ready
    done = client.post(reverse("qa_conclude", args=[chart.pk]))
    assert done.status_code == 302
    chart.refresh_from_db()
    assert chart.status == ChartStatus.RETURNED

    client.force_login(coder)
    words = pages.Page(client.get(reverse("chart", args=[chart.pk]))).words
    assert "Stage 3b is assessed: the plan says losartan." in words


def test_htmx_gets_the_questions_alone_and_where_to_go_on(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    review = audits.review_of(chart, "N18.32")
    response = client.post(
        reverse("qa_answer", args=[chart.pk]), {"r": review.pk, "outcome": "accept"}, headers={"HX-Request": "true"}
    )
    assert response.content.decode().strip().startswith('<div id="work"')
    assert "note-text" not in response.content.decode()
    assert f"card-{review.decision.suggestion_id}" in response["HX-Trigger-After-Settle"]


def test_where_both_say_the_same_one_button_agrees(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, answers=ANSWERS[1])
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    answer(client, chart, [audits.review_of(chart, "N18.32")], outcome="accept")
    answer(client, chart, [audits.review_of(chart, "E11.22")], outcome="keep")
    html = audit_page(client, lead, chart)
    form = html[html.index("Agree where both") - 900 : html.index("Agree where both")]
    assert f'value="{audits.review_of(chart, "E11.22").pk}"' in form
    assert f'value="{audits.review_of(chart, "N18.32").pk}"' not in form


def test_a_question_of_another_chart_is_not_answered_through_this_one(client, project, coder, lead) -> None:
    chart, other = audits.coded_chart(project, coder), audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    answer(client, chart, [audits.review_of(other, "N18.32")], outcome="accept")
    assert audits.review_of(other, "N18.32").own_outcome == ""


def test_opening_an_audit_leaves_a_trail_event(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    audits.drawn(chart, by=lead)
    audit_page(client, lead, chart)
    (event,) = events("chart.opened")
    assert (event.actor, event.subject_id, event.details) == (lead, chart.pk, {"through": "audit"})


def test_a_chart_that_was_never_drawn_has_no_audit(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    client.force_login(lead)
    assert client.get(reverse("qa_audit", args=[chart.pk])).status_code == 404


# --- What a possible auditor may not see elsewhere -----------------------------------------------------------------


def test_the_answers_of_a_coded_chart_are_undisclosed_to_leads_until_their_own_answer(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder)
    codes = lambda who: sorted(qa.undisclosed_to(who).values_list("icd10", flat=True))  # noqa: E731
    assert codes(lead) == ["E11.22", "N18.32"]
    assert codes(coder) == []
    assert codes(make.person(Role.COMPLIANCE, project)) == []
    other = make.project()
    assert codes(make.person(Role.QA_LEAD, other)) == []
    audits.drawn(chart, by=lead)
    audits.same_answer(audits.review_of(chart, "N18.32"), by=lead)
    assert codes(lead) == ["E11.22"]


def test_a_new_answer_after_a_return_is_undisclosed_again(project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    queues.resume(chart=chart, by=coder)
    suggestion = chart.suggestions.get(icd10="N18.32")
    suggestions.undo(suggestion=suggestion, by=coder)
    suggestions.decide(suggestion=suggestion, outcome=Outcome.REJECT, reason="mention-only", by=coder)
    queues.finish(chart=chart, by=coder)
    assert list(qa.undisclosed_to(lead)) == [suggestion]


# --- The room ------------------------------------------------------------------------------------------------------


def test_the_room_counts_waiting_charts_by_coder_and_shows_a_seed(client, project, coder, lead) -> None:
    second = make.person(Role.CODER, project, first_name="Robin", last_name="Reyes")
    for who in (coder, coder, second):
        audits.coded_chart(project, who)
    client.force_login(lead)
    page = pages.Page(client.get(reverse("qa")))
    assert "Coded charts that wait 3" in page.words
    assert re.search(r"Quilby Zanthor 2 \d{4}", page.words)
    assert re.search(r"Robin Reyes 1 \d{4}", page.words)
    assert re.search(r'name="seed"[^>]*value="\d+"', client.get(reverse("qa")).content.decode())


def test_a_sample_is_drawn_with_the_seed_that_was_typed(client, project, coder, lead) -> None:
    audits.coded_chart(project, coder)
    client.force_login(lead)
    response = client.post(reverse("qa_draw"), {"project": project.name, "percentage": "50", "seed": "31415"})
    assert response.status_code == 302
    page = pages.Page(client.get(response["Location"]))
    assert "50 % of 1 coded charts, seed 31415" in page.words


@pytest.mark.parametrize(("percentage", "seed"), [("0", "1"), ("101", "1"), ("", "1"), ("10", "-1"), ("10", "x")])
def test_a_draw_that_makes_no_sense_keeps_what_was_typed(client, project, coder, lead, percentage, seed) -> None:
    audits.coded_chart(project, coder)
    client.force_login(lead)
    response = client.post(reverse("qa_draw"), {"project": project.name, "percentage": percentage, "seed": seed})
    assert response.status_code == 422
    assert "Give a whole number" in response.content.decode()
    assert project.qa_samples.count() == 0


def test_ticked_charts_are_closed_together_or_not_at_all(client, project, coder, lead) -> None:
    first, second, third = (audits.coded_chart(project, coder) for _ in range(3))
    client.force_login(lead)
    client.post(reverse("qa_close"), {"project": project.name, "chart": [first.pk, second.pk]})
    statuses = dict(Chart.objects.values_list("pk", "status"))
    assert (statuses[first.pk], statuses[second.pk], statuses[third.pk]) == ("closed", "closed", "coded")
    client.post(reverse("qa_close"), {"project": project.name, "chart": [third.pk, first.pk]})
    third.refresh_from_db()
    assert third.status == ChartStatus.CODED


def test_the_room_shows_what_the_coder_answered_to_a_return(client, project, coder, lead) -> None:
    chart = audits.audited_chart(project, coder, lead, overturn=("N18.32",))
    qa.respond(
        review=audits.review_of(chart, "N18.32"),
        response=QAReview.CoderResponse.REBUTTED,
        by=coder,
        comment="Guideline I.C.14.a, page 2",
    )
    client.force_login(lead)
    words = pages.Page(client.get(reverse("qa"))).words
    assert "Guideline I.C.14.a, page 2" in words


def grows_with(client: Client, url: str, make_rows: Callable[[int], None], few: int = 3, many: int = 30) -> list[int]:
    """Queries that a page costs with few rows, and with many."""
    costs = []
    for rows in (few, many - few):
        make_rows(rows)
        client.get(url)  # fills what is kept for the process
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        costs.append(len(queries))
    return costs


def test_the_room_costs_the_same_for_three_charts_and_thirty(client, project, coder, lead) -> None:
    client.force_login(lead)

    def more(n: int) -> None:
        for _ in range(n):
            audits.audited_chart(project, coder, lead, overturn=("N18.32",))
            audits.coded_chart(project, coder)

    few, many = grows_with(client, reverse("qa"), more, few=2, many=8)
    assert few == many


def test_a_sample_costs_the_same_for_three_charts_and_thirty(client, project, coder, lead) -> None:
    costs = []
    client.force_login(lead)
    for n in (3, 30):
        for _ in range(n):
            chart = audits.coded_chart(project, coder)
        sample = audits.drawn(chart, by=lead)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("qa_sample", args=[sample.pk])).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_an_audit_costs_the_same_for_three_decisions_and_thirty(client, project, coder, lead) -> None:
    client.force_login(lead)
    costs = []
    for n in (3, 30):
        codes = [f"I{10 + i}" for i in range(n)]  # any first-pass codes will do; they need not be billable to be kept
        chart = audits.coded_chart(project, coder, pages.day(checks=dict.fromkeys(codes, ("supported", "CKD"))))
        audits.drawn(chart, by=lead)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("qa_audit", args=[chart.pk])).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_where_dates_differ_the_buttons_settle_the_differing_ones_first(client, project, coder, lead) -> None:
    chart = pages.held_chart(project, coder, *TWO_DAYS)
    first, _ = chart.suggestions.filter(icd10="N18.32").order_by("encounter__date_from")
    suggestions.decide(suggestion=first, outcome=Outcome.REJECT, reason="negated", by=coder)
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    audits.drawn(chart, by=lead)
    client.force_login(lead)
    reviews = list(qa.reviews_of(chart).filter(decision__suggestion__icd10="N18.32"))
    answer(client, chart, reviews, outcome="accept")
    words = pages.Page(client.get(reverse("qa_audit", args=[chart.pk]))).words
    assert "First where the answers differ: 2026-03-02" in words
    differing = next(review for review in reviews if review.decision.suggestion_id == first.pk)
    settle(client, chart, [differing], verdict="overturn", comment="Stage 3b is assessed.")
    assert "First where" not in pages.Page(client.get(reverse("qa_audit", args=[chart.pk]))).words


def test_the_same_words_on_two_dates_are_said_once(client, project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, *TWO_DAYS)
    audits.drawn(chart, by=lead)
    audits.settled(chart, by=lead, overturn=("N18.32",), words="Only a history.")
    work = audit_page(client, lead, chart).partition('class="work-head"')[2].partition('id="settled-title"')[0]
    assert work.count("Only a history.") == 1
    assert "2026-03-02, 2026-05-04" in work
