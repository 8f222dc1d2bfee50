"""From queued runs to findings to suggestions to decisions."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone

import nlp
from coding import comparison, icd10, scores
from coding.actions import provider_queries, trail
from coding.actions.conditions import remember_rules
from coding.actions.locks import lock_chart, locked
from coding.actions.queues import move, weigh
from coding.models import (
    Chart,
    Decision,
    Encounter,
    EvidenceSpan,
    FirstPassCode,
    Mute,
    NlpRun,
    Note,
    Override,
    Suggestion,
    User,
)
from coding.permissions import check_can_code_chart
from coding.provider_queries import OTHER, practice
from coding.refusals import NotAnAnswer
from coding.validity import Validity
from coding.workflow import (
    ANSWERS,
    REASONS_FOR,
    RUN_MOVES,
    STATUS_OWNERS,
    SUGGESTION_MOVES,
    ChartStatus,
    Outcome,
    Owner,
    RunStatus,
    SpanLabel,
    SuggestionKind,
    SuggestionStatus,
    Verdict,
)
from nlp.copied import copied_from, same, sentence_of

MAX_ATTEMPTS = 3


# --- Runs ----------------------------------------------------------------------------------------------------------


def queue_runs(notes: Iterable[Note]) -> int:
    """One queued run of the current rule set for each note that has none, and a message to the worker for each."""
    remember_rules()
    ruleset = str(nlp.RULESET)
    notes = list(notes)
    have = set(NlpRun.objects.filter(note__in=notes, ruleset=ruleset).values_list("note_id", flat=True))
    new = [note.pk for note in notes if note.pk not in have]
    NlpRun.objects.bulk_create([NlpRun(note_id=pk, ruleset=ruleset) for pk in new], batch_size=500)
    send(new)
    return len(new)


def send(note_ids: Iterable[int]) -> None:
    """Tell the workers, once the rows are there for them to find. Only the id travels."""
    ids = list(note_ids)

    def publish() -> None:
        with current_app.producer_pool.acquire(block=True) as producer:
            for note_id in ids:
                current_app.send_task("coding.tasks.analyse_note", [note_id], producer=producer)

    if ids:
        transaction.on_commit(publish)


def sweep(*, everything: bool = False) -> int:
    """Send again what a lost message or a killed worker left behind. Returns how many runs were sent.

    A run that is still `running` after the lease has lost its worker. everything: also younger ones (only
    where no other worker can be at work).
    """
    now = timezone.now()
    lease = timedelta(seconds=0 if everything else settings.LEASE_SECONDS)
    lost = NlpRun.objects.filter(status=RunStatus.RUNNING, started_at__lte=now - lease)
    lost.filter(attempts__lt=MAX_ATTEMPTS).update(status=RunStatus.QUEUED, queued_at=now - lease)
    for run in lost.filter(attempts__gte=MAX_ATTEMPTS):
        fail_run(run, f"stopped its worker {MAX_ATTEMPTS} times")
    waiting = NlpRun.objects.filter(
        status=RunStatus.QUEUED, queued_at__lte=now - timedelta(seconds=0 if everything else 60)
    )
    ids = list(waiting.values_list("note_id", flat=True))
    waiting.update(queued_at=now)
    send(ids)
    return len(ids)


def begin_run(note_id: int, *, take_over: bool = False) -> NlpRun | None:
    """Take the note's queued run, or None when another worker has it or it is done.

    take_over: the broker delivered the message again because its worker was lost, so a running run is free as well.
    The attempt is counted before the work: a note that kills its worker is given up after three. A run that was queued
    under another rule set, as happens while a new release is rolled out, is read with this worker's.
    """
    ruleset = str(nlp.RULESET)
    of_note = NlpRun.objects.filter(note_id=note_id, ruleset=ruleset)
    others = NlpRun.objects.filter(note_id=note_id, status=RunStatus.QUEUED).exclude(ruleset=ruleset)
    if not of_note.exists() and (newest := others.order_by("-pk").first()):
        remember_rules()
        NlpRun.objects.filter(pk=newest.pk).update(ruleset=ruleset)
    others.delete()
    if take_over:
        of_note.filter(status=RunStatus.RUNNING).update(status=RunStatus.QUEUED)
    run = of_note.first()
    if run is None or run.status != RunStatus.QUEUED:
        return None
    if run.attempts >= MAX_ATTEMPTS:
        fail_run(run, f"stopped its worker {MAX_ATTEMPTS} times")
        return None
    taken = NlpRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED, attempts=run.attempts).update(
        status=RunStatus.RUNNING, attempts=run.attempts + 1, started_at=timezone.now(), error=""
    )
    if not taken:
        return None
    run.refresh_from_db()
    return run


@transaction.atomic
def record_findings(*, run: NlpRun, answer: dict[str, Any]) -> None:
    """Store the run's answer; with an encounter's last run, ask its questions; with the chart's last, make it ready."""
    chart = chart_of(run)
    if end_run(run, RunStatus.DONE, result=answer):
        settle(chart, run)


@transaction.atomic
def fail_run(run: NlpRun, error: str) -> None:
    """Give the run up, with a reason that a person sees; the chart can still be coded by hand."""
    chart = chart_of(run)
    if end_run(run, RunStatus.FAILED, error=error):
        settle(chart, run)


def chart_of(run: NlpRun) -> Chart:
    """The run's chart, locked."""
    return locked(Chart.objects.all()).get(encounters__notes=run.note_id)


@transaction.atomic
def retry_run(run: NlpRun) -> None:
    """A person's second try for a failed run."""
    NlpRun.objects.filter(pk=run.pk, status=RunStatus.FAILED).update(
        status=RunStatus.QUEUED, attempts=0, queued_at=timezone.now(), error=""
    )
    send([run.note_id])


def end_run(run: NlpRun, to: RunStatus, *, result: dict[str, Any] | None = None, error: str = "") -> bool:
    """Write how the run ended. False where its row has moved or gone meanwhile: then the work was for nothing."""
    ended = NlpRun.objects.filter(pk=run.pk, status__in=[old for old, moves in RUN_MOVES.items() if to in moves])
    return bool(ended.update(status=to, result=result, error=error[:200], finished_at=timezone.now()))


def settle(chart: Chart, run: NlpRun) -> None:
    """What follows from the end of a run: questions with an encounter's last one, a ready chart with the chart's."""
    pending = NlpRun.objects.filter(
        note__encounter__chart=chart, status__in=[RunStatus.QUEUED, RunStatus.RUNNING]
    ).values_list("note__encounter_id", flat=True)
    pending_encounters = set(pending)
    encounter = Encounter.objects.get(notes=run.note_id)
    is_finished = STATUS_OWNERS[ChartStatus(chart.status)] in (Owner.QA, Owner.NOBODY)
    if encounter.pk not in pending_encounters and not is_finished:  # nobody could answer
        ask(encounter, chart=chart, ruleset=run.ruleset)
    if not pending_encounters and not is_finished:
        weigh(chart)
    if not pending_encounters and chart.status == ChartStatus.IMPORTED:
        move(chart, ChartStatus.READY)
        trail.record(
            "chart.analysed",
            by=None,
            project=chart.project,
            subject=chart,
            ruleset=run.ruleset,
            suggestions=chart.suggestions.live().count(),
        )


# --- Suggestions ---------------------------------------------------------------------------------------------------


def open_checks(encounters: Collection[Encounter]) -> None:
    """A check for each first-pass code, from the moment of import: the gate holds before a note is read."""
    chart_of = {encounter.pk: encounter.chart_id for encounter in encounters}
    reported = set(FirstPassCode.objects.filter(encounter__in=chart_of).values_list("encounter_id", "icd10"))
    asked = Suggestion.objects.live().filter(encounter__in=chart_of, kind=SuggestionKind.CHECK)
    Suggestion.objects.bulk_create(
        (
            Suggestion(
                chart_id=chart_of[encounter],
                encounter_id=encounter,
                kind=SuggestionKind.CHECK,
                icd10=code,
                verdict=Verdict.PENDING,
            )
            for encounter, code in sorted(reported - set(asked.values_list("encounter_id", "icd10")))
        ),
        batch_size=500,
    )


def ask(encounter: Encounter, *, chart: Chart, ruleset: str) -> None:
    """Write the questions that the encounter's notes raise. Only undecided suggestions are replaced."""
    notes = {note.pk: note for note in encounter.notes.order_by("pk")}
    runs = NlpRun.objects.filter(note__in=notes, status=RunStatus.DONE).order_by("pk")
    results = {run.note_id: run.result for run in runs if run.result}  # the newest of each note
    answers = {pk: results[pk] for pk in notes if pk in results}
    first_pass = encounter.first_pass_codes.values_list("icd10", flat=True)
    found = {item["icd10"] for answer in answers.values() for item in answer["suggestions"]}
    unread = sum(len(note.unread_pages) for note in notes.values())
    asked = comparison.questions(first_pass, answers, wanted=scores.risk_adjusting(chart, found), unread=unread)

    # A lone failed note must not read as "nothing found": without an answer a check stays as it was.
    hidden = encounter.suggestions.filter(status=SuggestionStatus.MUTED)
    live = {(s.kind, s.icd10): s for s in (*hidden, *encounter.suggestions.live())}
    muted = set(Mute.objects.active().filter(project=chart.project).values_list("family", flat=True))
    earlier = earlier_records(encounter)
    keep: set[int] = set()
    spans: list[EvidenceSpan] = []
    for question in asked:
        old = live.get((question.kind, question.icd10))
        if old is not None and old.status not in (SuggestionStatus.OPEN, SuggestionStatus.MUTED):
            keep.add(old.pk)
            continue
        suggestion = old or Suggestion(chart=chart, encounter=encounter, kind=question.kind, icd10=question.icd10)
        suggestion.verdict, suggestion.proposed = question.verdict, question.proposed
        suggestion.confidence, suggestion.rule = question.confidence, question.rule
        suggestion.section, suggestion.why, suggestion.ruleset = question.section, question.why, ruleset
        is_muted = question.kind == SuggestionKind.ADD and suggestion.family in muted and not suggestion.added_by_id
        suggestion.status = SuggestionStatus.MUTED if is_muted else SuggestionStatus.OPEN
        suggestion.save()
        suggestion.evidence.filter(tagged_by=None).delete()  # what a person marked, or took away, stays so
        keep.add(suggestion.pk)
        spans += [
            EvidenceSpan(
                suggestion=suggestion,
                note_id=note,
                label=label,
                start=start,
                end=end,
                quote=notes[note].text[start:end],
                copied_from=copied_from(sentence_of(notes[note].text, start, end), earlier),
            )
            for note, label, start, end in sorted(question.spans)
        ]
    EvidenceSpan.objects.bulk_create(spans, batch_size=500, ignore_conflicts=True)
    unanswered = encounter.suggestions.filter(status__in=[SuggestionStatus.OPEN, SuggestionStatus.MUTED])
    unanswered.filter(kind=SuggestionKind.ADD, added_by=None).exclude(pk__in=keep).update(
        status=SuggestionStatus.SUPERSEDED
    )


def earlier_records(encounter: Encounter) -> list[tuple[date, str]]:
    """Day and text, for `copied_from`, of the member's notes of earlier dates of service, oldest first."""
    member_notes = Note.objects.filter(encounter__chart__member__charts=encounter.chart_id)
    before = member_notes.filter(encounter__date_from__lt=encounter.date_from).order_by("encounter__date_from", "pk")
    return [(day, same(text)) for day, text in before.values_list("encounter__date_from", "text")]


@transaction.atomic
def add_manually(
    *, encounter: Encounter, code: str, spans: Iterable[tuple[Note, str, int, int]], by: User
) -> Suggestion:
    """A code that the coder found and the rules did not. The coder's own spans are its evidence.

    spans: (note, label, start, end). Raises NotAnAnswer for an unknown or unbillable code, or spans of another
    encounter: each date of service stands alone.
    """
    chart = lock_chart(encounter.chart)
    check_can_code_chart(by, chart)
    code = icd10.normalise(code)
    if not icd10.is_billable(code):
        raise NotAnAnswer(f"{code} is not a billable ICD-10-CM code.")
    if encounter.suggestions.live().filter(icd10=code).exists():
        raise NotAnAnswer(f"{code} is already asked about on this date of service.")
    suggestion = Suggestion.objects.create(
        chart=chart,
        encounter=encounter,
        kind=SuggestionKind.ADD,
        icd10=code,
        added_by=by,
        why="Added by hand.",
        rule="manual",
        ruleset=str(nlp.RULESET),
    )
    earlier = earlier_records(encounter)
    for note, label, start, end in spans:
        check_span(encounter, note, start, end)
        EvidenceSpan.objects.create(
            suggestion=suggestion,
            note=note,
            label=SpanLabel(label),
            start=start,
            end=end,
            quote=note.text[start:end],
            copied_from=copied_from(sentence_of(note.text, start, end), earlier),
            tagged_by=by,
        )
    trail.record("suggestion.added", by=by, project=chart.project, subject=suggestion, icd10=code)
    return suggestion


@transaction.atomic
def tag_evidence(
    *, suggestion: Suggestion, note: Note, label: SpanLabel, start: int, end: int, by: User
) -> EvidenceSpan:
    """Text that a person marked as evidence for an open question. Marking the same place twice changes nothing.

    A mark takes the place of those of the same letter that it overlaps: so evidence is extended, or cut shorter.
    Raises NotAnAnswer for a note of another date of service, or a place outside the note.
    """
    check_evidence_may_change(suggestion, by)
    check_span(suggestion.encounter, note, start, end)
    of_place: dict[str, Any] = {"suggestion": suggestion, "note": note, "label": label, "start": start, "end": end}
    span = EvidenceSpan.objects.filter(**of_place).first()
    if span:
        return span
    overlapped = suggestion.evidence.filter(note=note, label=label, start__lt=end, end__gt=start)
    replaced = list(overlapped.values_list("start", "end"))
    overlapped.update(removed_by=by)
    copied = copied_from(sentence_of(note.text, start, end), earlier_records(suggestion.encounter))
    facts = {"quote": note.text[start:end], "tagged_by": by, "removed_by": None, "copied_from": copied}
    span, _ = EvidenceSpan.with_removed.update_or_create(**of_place, defaults=facts)
    trail.record(
        "evidence.tagged",
        by=by,
        project=suggestion.chart.project,
        subject=suggestion,
        note=note.pk,
        label=SpanLabel(label).value,
        start=start,
        end=end,
        **({"replaced": replaced} if replaced else {}),
    )
    return span


@transaction.atomic
def retag_evidence(*, span: EvidenceSpan, label: SpanLabel, by: User) -> EvidenceSpan:
    """The same text under another letter."""
    if label == span.label:
        return span
    remove_evidence(span=span, by=by)
    return tag_evidence(suggestion=span.suggestion, note=span.note, label=label, start=span.start, end=span.end, by=by)


@transaction.atomic
def remove_evidence(*, span: EvidenceSpan, by: User) -> None:
    """What a person takes for no evidence, whoever marked it. Removing it twice changes nothing."""
    check_evidence_may_change(span.suggestion, by)
    if EvidenceSpan.objects.filter(pk=span.pk).update(removed_by=by):
        trail.record(
            "evidence.removed",
            by=by,
            project=span.suggestion.chart.project,
            subject=span.suggestion,
            note=span.note_id,
            label=span.label,
            start=span.start,
            end=span.end,
        )


def check_evidence_may_change(suggestion: Suggestion, by: User) -> None:
    """A stored answer keeps the evidence that it was given on. Locks the chart, so that no answer comes between."""
    check_can_code_chart(by, lock_chart(suggestion.chart))
    if Suggestion.objects.get(pk=suggestion.pk).status != SuggestionStatus.OPEN:
        raise NotAnAnswer("This is answered already. Undo the answer first.")


def check_span(encounter: Encounter, note: Note, start: int, end: int) -> None:
    if note.encounter_id != encounter.pk:
        raise NotAnAnswer(
            f"The text is of {note.encounter.date_from}, the question of {encounter.date_from}; each date stands alone."
        )
    if not 0 <= start < end <= len(note.text):
        raise NotAnAnswer("The selected text lies outside the note.")


# --- Decisions -----------------------------------------------------------------------------------------------------


@transaction.atomic
def decide(
    *,
    suggestion: Suggestion,
    outcome: Outcome,
    by: User,
    icd10_code: str = "",
    reason: str = "",
    comment: str = "",
    read: Collection[int] | None = None,
    found: Mapping[int, Validity] | None = None,
) -> Decision:
    """The coder's answer to one question.

    icd10_code: the code to put instead, for `change`. reason: one of REASONS_FOR[outcome], where there are any; for
    `query` what is unclear, one of `provider_queries.practice().subjects`. read: for `delete`, the ids of the notes
    that were read; all of the date of service where it is not given. found: what the rules say of the chart's dates of
    service, where the caller has asked them already.
    Raises NotAllowed (not the holder, not in review), NotAnAnswer (what is missing or does not fit).
    """
    chart = lock_chart(suggestion.chart)
    check_can_code_chart(by, chart)
    suggestion = Suggestion.objects.get(pk=suggestion.pk)
    if outcome == Outcome.REOPEN:
        raise NotAnAnswer("An answer is taken back with undo.")
    status = ANSWERS[SuggestionKind(suggestion.kind)].get(outcome)
    if status is None:
        raise NotAnAnswer(f"“{outcome.label}” does not answer this question.")
    if suggestion.status != SuggestionStatus.OPEN:
        raise NotAnAnswer("This is answered already. Undo the answer first.")
    code = answer_code(suggestion, outcome, icd10_code)
    reason = reason_of(outcome, reason)
    if reason == "other" and not comment.strip():
        raise NotAnAnswer("Say what the other reason is.")
    if outcome == Outcome.ACCEPT:
        check_evidence(suggestion, chart)
    notes = notes_read(suggestion, read, comment) if outcome == Outcome.DELETE else []

    delta = scores.delta_of_answer(chart, suggestion, outcome, code, found)
    decision = Decision.objects.create(
        suggestion=suggestion,
        outcome=outcome,
        icd10=code,
        reason=reason,
        comment=comment.strip(),
        read=notes,
        decided_by=by,
        ruleset=suggestion.ruleset,
        delta_raw=delta.raw if delta else None,
        delta=delta.payment if delta else None,
        delta_paid=delta.paid.amount if delta else None,
        paid_why=". ".join(delta.paid_reasons) if delta else "",
        score_model=delta.model if delta else "",
    )
    move_suggestion(suggestion, status)
    if outcome == Outcome.QUERY:
        provider_queries.draft(decision)
    trail.record(
        "suggestion.decided",
        by=by,
        project=chart.project,
        subject=suggestion,
        decision=decision.pk,
        outcome=outcome.value,
        icd10=code,
        reason=decision.reason,
        **({"read": notes} if outcome == Outcome.DELETE else {}),
    )
    return decision


@transaction.atomic
def undo(*, suggestion: Suggestion, by: User) -> Decision:
    """Take the newest answer back. The answer stays in the record; the suggestion is open again."""
    chart = lock_chart(suggestion.chart)
    check_can_code_chart(by, chart)
    suggestion = Suggestion.objects.get(pk=suggestion.pk)
    if suggestion.status in (SuggestionStatus.OPEN, SuggestionStatus.SUPERSEDED):
        raise NotAnAnswer("There is no answer to take back.")
    provider_queries.withdraw_of(suggestion.decisions.latest("pk"), by)
    decision = Decision.objects.create(
        suggestion=suggestion, outcome=Outcome.REOPEN, decided_by=by, ruleset=suggestion.ruleset
    )
    move_suggestion(suggestion, SuggestionStatus.OPEN)
    trail.record("suggestion.reopened", by=by, project=chart.project, subject=suggestion, decision=decision.pk)
    return decision


def move_suggestion(suggestion: Suggestion, to: SuggestionStatus) -> None:
    """The one writer of an answered suggestion's status."""
    if to not in SUGGESTION_MOVES[SuggestionKind(suggestion.kind)][SuggestionStatus(suggestion.status)]:
        raise NotAnAnswer(f"A suggestion that is {suggestion.status} cannot become {to.value}.")
    Suggestion.objects.filter(pk=suggestion.pk).update(status=to)
    suggestion.status = to


def reason_of(outcome: Outcome, reason: str) -> str:
    """The coded reason that is stored: one of those that the answer has, and none where it has none."""
    if outcome == Outcome.QUERY:
        reason = reason or OTHER
        if reason not in practice().subjects:
            raise NotAnAnswer("Choose what is unclear.")
        return reason
    if outcome not in REASONS_FOR:
        return ""
    if reason not in REASONS_FOR[outcome]:
        raise NotAnAnswer("Choose a reason.")
    return reason


def answer_code(suggestion: Suggestion, outcome: Outcome, icd10_code: str) -> str:
    """The code that stands after the answer, or "" where none does."""
    if outcome in (Outcome.ACCEPT, Outcome.KEEP):
        return suggestion.icd10
    if outcome != Outcome.CHANGE:
        return ""
    code = icd10.normalise(icd10_code)
    if not code:
        raise NotAnAnswer("Give the code to put instead.")
    if code == suggestion.icd10:
        raise NotAnAnswer(f"{code} is the code already. Keep or accept it instead.")
    if not icd10.is_billable(code):
        raise NotAnAnswer(f"{code} is not a billable ICD-10-CM code.")
    return code


def notes_read(suggestion: Suggestion, read: Collection[int] | None, comment: str) -> list[int]:
    """The notes on which a deletion rests. That nothing was found is no reason to delete: somebody has to have read
    the record, and where there is none, to say what was read instead."""
    of_date = list(suggestion.encounter.notes.values_list("pk", flat=True))
    if not of_date:
        if not comment.strip():
            raise NotAnAnswer("There is no note of this date of service: say in the comment what was read instead.")
        return []
    chosen = of_date if read is None else [pk for pk in of_date if pk in set(read)]
    if not chosen:
        raise NotAnAnswer("A deletion names what was read: choose at least one note of this date of service.")
    return chosen


def check_evidence(suggestion: Suggestion, chart: Chart) -> None:
    """A code is accepted with as many MEAT elements as the project asks for, all from its own date of service, unless
    the role that the policy names has answered for less."""
    if Override.objects.active().filter(suggestion=suggestion).exists():
        return
    needed = chart.project.meat_elements_required
    meat = {SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT}
    same_date = suggestion.evidence.filter(note__encounter=suggestion.encounter_id)
    shown = set(same_date.filter(label__in=meat).values_list("label", flat=True))
    if len(shown) < needed:
        elements = "element" if needed == 1 else "elements"
        raise NotAnAnswer(
            f"This project asks for {needed} MEAT {elements}; the evidence shows {len(shown)}. "
            "Tag the text that shows one, or reject."
        )
