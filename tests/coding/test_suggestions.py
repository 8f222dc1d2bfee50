"""From queued runs to findings to suggestions to decisions, and what each action refuses."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

import nlp
from coding import tasks
from coding.actions import queues, suggestions, trail
from coding.models import Chart, Decision, EvidenceSpan, NlpRun, Note, Project, Role, Suggestion, TrailEvent, User
from coding.permissions import NotAllowed
from coding.refusals import NotAnAnswer
from coding.workflow import ChartStatus, Outcome, RunStatus, SpanLabel, SuggestionStatus, Verdict
from tests import make

pytestmark = pytest.mark.django_db

CKD = "ASSESSMENT AND PLAN:\n1. CKD stage 3b. eGFR 38, creatinine 1.6. Continue losartan, recheck BMP in 3 months.\n"
NOTHING = "Seen for a sore throat. Exam normal. Fluids and rest.\n"


def read_all(chart: Chart) -> Chart:
    for note in Note.objects.filter(encounter__chart=chart).order_by("pk"):
        tasks.analyse(note.pk)
    chart.refresh_from_db()
    return chart


@pytest.fixture
def project() -> Project:
    return make.project()


def in_review(project: Project, coder: User, *encounters: dict[str, Any], **fields: Any) -> Chart:
    chart = read_all(make.chart(project, *encounters, **fields))
    queues.claim(chart=chart, by=coder)
    chart.refresh_from_db()
    return chart


def the(chart: Chart, icd10: str, **more: Any) -> Suggestion:
    return chart.suggestions.live().get(icd10=icd10, **more)


# --- Runs ----------------------------------------------------------------------------------------------------------


def test_a_chart_is_ready_when_its_last_note_is_read(project: Project) -> None:
    chart = make.chart(project, make.encounter(CKD, "2026-03-02"), make.encounter(NOTHING, "2026-03-09"))
    first, last = Note.objects.filter(encounter__chart=chart).order_by("pk")
    tasks.analyse(first.pk)
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IMPORTED
    tasks.analyse(last.pk)
    chart.refresh_from_db()
    assert chart.status == ChartStatus.READY


def test_every_evidence_span_quotes_its_note(project: Project) -> None:
    read_all(make.chart(project, make.encounter("Feels well 😀.\n" + CKD, "2026-03-02")))
    spans = list(EvidenceSpan.objects.select_related("note"))
    assert {span.label for span in spans} >= {"mention", "treat"}
    assert all(span.note.text[span.start : span.end] == span.quote for span in spans)


def test_reading_a_note_twice_gives_the_same_rows(project: Project) -> None:
    chart = read_all(make.chart(project, make.encounter(CKD, "2026-03-02", ["E11.9"])))
    before = (list(Suggestion.objects.values()), list(EvidenceSpan.objects.values()), list(NlpRun.objects.values()))
    assert tasks.analyse(Note.objects.get().pk) is False
    read_all(chart)
    assert before == (
        list(Suggestion.objects.values()), list(EvidenceSpan.objects.values()), list(NlpRun.objects.values()),
    )  # fmt: skip


def test_a_note_that_fails_is_failed_with_the_class_of_the_error_and_no_word_of_the_note(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chart = make.chart(project, make.encounter(CKD, "2026-03-02", ["E11.9"]))

    def explode(text: str, **_: Any) -> None:
        raise RuntimeError(f"cannot read {text}")

    monkeypatch.setattr(nlp, "read", explode)
    read_all(chart)
    run = NlpRun.objects.get()
    assert (run.status, run.error) == (RunStatus.FAILED, "failed with RuntimeError")
    assert "losartan" not in caplog.text
    assert chart.status == ChartStatus.READY  # it can still be coded by hand
    assert the(chart, "E11.9").verdict == Verdict.PENDING  # not "not found": nobody has read


def test_a_failed_run_can_be_tried_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = make.chart(project, make.encounter(CKD, "2026-03-02"))
    with monkeypatch.context() as broken:
        broken.setattr(nlp, "read", lambda *_, **__: 1 / 0)
        read_all(chart)
    suggestions.retry_run(NlpRun.objects.get())
    read_all(chart)
    assert NlpRun.objects.get().status == RunStatus.DONE
    assert the(chart, "N18.32")


def test_a_note_is_given_up_after_three_attempts(project: Project) -> None:
    make.chart(project, make.encounter(CKD, "2026-03-02"))
    NlpRun.objects.update(attempts=suggestions.MAX_ATTEMPTS)
    assert tasks.analyse(Note.objects.get().pk) is False
    assert NlpRun.objects.get().error == "stopped its worker 3 times"


def test_a_sweep_sends_again_what_a_dead_worker_held_and_leaves_what_a_live_one_holds(project: Project) -> None:
    make.chart(project, make.encounter(CKD, "2026-03-02"), make.encounter(NOTHING, "2026-03-03"))
    dead, alive = NlpRun.objects.order_by("pk")
    suggestions.begin_run(dead.note_id)
    suggestions.begin_run(alive.note_id)
    NlpRun.objects.filter(pk=dead.pk).update(started_at=timezone.now() - timezone.timedelta(hours=1))
    assert suggestions.sweep() == 1
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.status, alive.status) == (RunStatus.QUEUED, RunStatus.RUNNING)


def test_a_second_delivery_takes_over_only_when_the_broker_says_that_the_first_was_lost(project: Project) -> None:
    make.chart(project, make.encounter(CKD, "2026-03-02"))
    note = Note.objects.get()
    assert suggestions.begin_run(note.pk) is not None
    assert suggestions.begin_run(note.pk) is None
    assert suggestions.begin_run(note.pk, take_over=True) is not None


def test_a_run_that_vanished_while_it_was_read_changes_nothing(project: Project) -> None:
    make.chart(project, make.encounter(CKD, "2026-03-02"))
    run = suggestions.begin_run(Note.objects.get().pk)
    assert run is not None
    NlpRun.objects.all().delete()
    suggestions.record_findings(run=run, answer=nlp.read(CKD).as_dict())
    assert not Suggestion.objects.exists()


def test_a_new_rule_set_replaces_only_what_is_undecided(
    project: Project, coder: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = CKD + "2. COPD, stable on tiotropium.\n"
    chart = in_review(project, coder, make.encounter(both, "2026-03-02"))
    suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    NlpRun.objects.update(ruleset="an older one")
    notes = Note.objects.all()
    suggestions.queue_runs(notes)
    monkeypatch.setattr(nlp, "read", lambda *_, **__: nlp.find.__globals__["Result"]("new", (), (), ()))
    read_all(chart)
    assert the(chart, "N18.32").status == SuggestionStatus.ACCEPTED
    assert Suggestion.objects.get(icd10="J44.9").status == SuggestionStatus.SUPERSEDED


def test_a_finished_chart_is_not_asked_anything_new(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    Suggestion.objects.exclude(icd10="N18.32").delete()
    queues.finish(chart=chart, by=coder)
    before = list(Suggestion.objects.values())
    NlpRun.objects.update(ruleset="an older one")
    suggestions.queue_runs(Note.objects.all())
    read_all(chart)
    assert NlpRun.objects.filter(status=RunStatus.DONE).count() == 2
    assert list(Suggestion.objects.values()) == before


# --- Decisions -----------------------------------------------------------------------------------------------------


def test_accepting_stores_the_code_the_delta_and_one_trail_event(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    before = TrailEvent.objects.count()
    decision = suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    assert (decision.icd10, decision.delta_raw) == ("N18.32", Decimal("0.127"))
    assert decision.score_model == "cms-hcc 2027 V28"
    assert the(chart, "N18.32").status == SuggestionStatus.ACCEPTED
    event = TrailEvent.objects.latest("pk")
    assert TrailEvent.objects.count() == before + 1
    assert (event.action, event.actor, event.details["icd10"]) == ("suggestion.decided", coder, "N18.32")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"outcome": Outcome.KEEP}, "does not answer"),
        ({"outcome": Outcome.REJECT}, "Choose a reason"),
        ({"outcome": Outcome.REJECT, "reason": "because"}, "Choose a reason"),
        ({"outcome": Outcome.REJECT, "reason": "other"}, "Say what"),
        ({"outcome": Outcome.CHANGE, "reason": "specificity"}, "Give the code"),
        ({"outcome": Outcome.CHANGE, "reason": "specificity", "icd10_code": "N18.3"}, "not a billable"),
        ({"outcome": Outcome.CHANGE, "reason": "specificity", "icd10_code": "n1832"}, "the code already"),
        ({"outcome": Outcome.REOPEN}, "undo"),
    ],
)
def test_an_answer_that_lacks_something_is_refused_and_changes_nothing(
    project: Project, coder: User, answer: dict[str, Any], words: str
) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    events = TrailEvent.objects.count()
    with pytest.raises(NotAnAnswer, match=words):
        suggestions.decide(suggestion=the(chart, "N18.32"), by=coder, **answer)
    assert the(chart, "N18.32").status == SuggestionStatus.OPEN
    assert not Decision.objects.exists()
    assert TrailEvent.objects.count() == events


def test_a_code_cannot_be_accepted_with_fewer_meat_elements_than_the_project_asks_for(
    project: Project, coder: User
) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    Project.objects.update(meat_elements_required=4)
    EvidenceSpan.objects.filter(label="monitor").delete()
    with pytest.raises(NotAnAnswer, match="asks for 4 MEAT elements"):
        suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)


def test_only_the_holder_answers_and_only_in_review(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    other = make.person(Role.CODER, project)
    lead = make.person(Role.QA_LEAD, project)
    for person in (other, lead):
        with pytest.raises(NotAllowed):
            suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=person)
    queues.release(chart=chart, by=coder)
    with pytest.raises(NotAllowed, match="not in review"):
        suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)


def test_undo_keeps_the_answer_in_the_record_and_opens_the_question_again(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    suggestion = the(chart, "N18.32")
    suggestions.decide(suggestion=suggestion, outcome=Outcome.REJECT, reason="mention-only", by=coder)
    suggestions.undo(suggestion=suggestion, by=coder)
    assert the(chart, "N18.32").status == SuggestionStatus.OPEN
    assert list(Decision.objects.values_list("outcome", flat=True)) == ["reject", "reopen"]
    assert not Decision.objects.standing().exists()
    with pytest.raises(NotAnAnswer, match="no answer to take back"):
        suggestions.undo(suggestion=suggestion, by=coder)


def test_a_chart_cannot_finish_while_a_first_pass_code_is_undecided(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02", ["E11.9"]))
    suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    with pytest.raises(queues.StillOpen, match="1 suggestion is undecided"):
        queues.finish(chart=chart, by=coder)
    suggestions.decide(suggestion=the(chart, "E11.9"), outcome=Outcome.DELETE, reason="not-documented", by=coder)
    queues.finish(chart=chart, by=coder)
    assert chart.status == ChartStatus.CODED
    assert TrailEvent.objects.latest("pk").details == {
        "counts": {"add.accepted": 1, "check.deleted": 1},
        "undecided": 0,
    }


def test_a_failing_trail_rolls_the_answer_back(project: Project, coder: User, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(trail, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    assert the(chart, "N18.32").status == SuggestionStatus.OPEN
    assert not Decision.objects.exists()


def test_a_code_added_by_hand_stands_on_the_selected_text(project: Project, coder: User) -> None:
    in_review(project, coder, make.encounter(NOTHING + "Sugar disease, A1c 7.1.", "2026-03-02"))
    note = Note.objects.get()
    start = note.text.index("A1c")
    suggestion = suggestions.add_manually(
        encounter=note.encounter, code="e119", spans=[(note, "evaluate", start, start + 7)], by=coder
    )
    assert suggestion.evidence.get().quote == "A1c 7.1"
    with pytest.raises(NotAnAnswer, match="already asked"):
        suggestions.add_manually(encounter=note.encounter, code="E11.9", spans=[], by=coder)


def test_evidence_from_another_date_of_service_is_refused(project: Project, coder: User) -> None:
    chart = in_review(
        project, coder, make.encounter(NOTHING, "2026-03-02"), make.encounter("Type 2 diabetes, stable.", "2026-03-09")
    )
    first, second = Note.objects.order_by("pk")
    with pytest.raises(NotAnAnswer, match="2026-03-09, the question of 2026-03-02"):
        suggestions.add_manually(encounter=first.encounter, code="E11.9", spans=[(second, "assess", 0, 4)], by=coder)
    assert not chart.suggestions.filter(icd10="E11.9", encounter=first.encounter).exists()


def test_marked_text_counts_as_evidence_for_an_open_question(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    suggestion, note = the(chart, "N18.32"), Note.objects.get()
    EvidenceSpan.objects.filter(label="monitor").delete()
    Project.objects.update(meat_elements_required=4)
    start = note.text.index("recheck")
    for _ in range(2):
        span = suggestions.tag_evidence(
            suggestion=suggestion, note=note, label=SpanLabel.MONITOR, start=start, end=start + 11, by=coder
        )
    assert span.quote == "recheck BMP"
    assert TrailEvent.objects.filter(action="evidence.tagged").count() == 1
    suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder)
    with pytest.raises(NotAnAnswer, match="answered already"):
        suggestions.tag_evidence(
            suggestion=the(chart, "N18.32"), note=note, label=SpanLabel.TREAT, start=0, end=4, by=coder
        )


def test_a_new_reading_keeps_what_a_person_marked(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    note = Note.objects.get()
    suggestions.tag_evidence(
        suggestion=the(chart, "N18.32"), note=note, label=SpanLabel.ASSESS, start=0, end=10, by=coder
    )
    found = EvidenceSpan.objects.count()
    NlpRun.objects.update(ruleset="an older one")
    suggestions.queue_runs([note])
    read_all(chart)
    assert EvidenceSpan.objects.get(tagged_by=coder).quote == note.text[:10]
    assert EvidenceSpan.objects.count() == found


# --- What always holds: going round the actions is refused by the database -----------------------------------------


@pytest.mark.parametrize(
    ("constraint", "break_it"),
    [
        (
            "one_live_suggestion_per_encounter_kind_and_code",
            lambda s: Suggestion.objects.create(chart=s.chart, encounter=s.encounter, kind="add", icd10=s.icd10),
        ),
        ("suggestion_status_fits_its_kind", lambda s: Suggestion.objects.filter(pk=s.pk).update(status="kept")),
        ("only_a_check_has_a_verdict", lambda s: Suggestion.objects.filter(pk=s.pk).update(verdict="supported")),
        ("evidence_span_is_not_empty", lambda s: EvidenceSpan.objects.filter(suggestion=s).update(end=0)),
        ("a_done_run_has_a_result", lambda s: NlpRun.objects.update(result=None)),
        (
            "one_active_assignment_per_chart",
            lambda s: s.chart.assignments.create(coder_id=s.chart.assignments.get().coder_id),
        ),
        ("append-only", lambda s: Decision.objects.update(comment="other")),
        ("append-only", lambda s: Note.objects.update(text="other")),
        ("append-only", lambda s: TrailEvent.objects.update(action="other")),
    ],
)
def test_the_database_refuses(
    project: Project, coder: User, constraint: str, break_it: Callable[[Suggestion], object]
) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    suggestion = the(chart, "N18.32")
    suggestions.decide(suggestion=suggestion, outcome=Outcome.QUERY, by=coder)
    with pytest.raises(IntegrityError), transaction.atomic():
        break_it(suggestion)


def test_what_was_decided_cannot_be_deleted(project: Project, coder: User) -> None:
    chart = in_review(project, coder, make.encounter(CKD, "2026-03-02"))
    suggestions.decide(suggestion=the(chart, "N18.32"), outcome=Outcome.ACCEPT, by=coder)
    with pytest.raises(ProtectedError):
        chart.delete()
