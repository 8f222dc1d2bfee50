"""Overrides, second reviews, verified rules and overpayment cases."""

from collections.abc import Collection
from datetime import date, timedelta

from celery import current_app
from django.db import IntegrityError, transaction
from django.utils import timezone

import scoring
from coding import release, scores
from coding.acceptability import CHECKS, NO, book, submittable
from coding.actions import trail
from coding.actions.locks import locked
from coding.models import (
    Chart,
    Decision,
    Encounter,
    OverpaymentCase,
    Override,
    Project,
    RuleVerification,
    SecondReview,
    Suggestion,
    User,
)
from coding.models.compliance import EVIDENCE
from coding.permissions import (
    NotAllowed,
    Permission,
    check_can,
    check_can_override_evidence,
    check_can_review_second,
    role_in,
)
from coding.refusals import NotAnAnswer
from coding.workflow import ChartStatus, SuggestionKind

# 42 CFR 422.326(d): an overpayment is reported and returned within 60 days of being identified.
DAYS_TO_RETURN = 60


# --- Overrides -----------------------------------------------------------------------------------------------------


@transaction.atomic
def override(*, encounter: Encounter, check: str, reason: str, by: User) -> Override:
    """Answer for a check of a date of service: it stops nothing any more, and stays visible with the reason.

    check: V01 to V13. Raises NotAllowed, and NotAnAnswer without a reason or where the check is overridden already.
    """
    project = encounter.chart.project
    check_can(by, Permission.OVERRIDE, project)
    if check not in CHECKS:
        raise NotAnAnswer("Choose one of the checks V01 to V13.")
    return _override(Override(encounter=encounter, check_name=check), reason, project, by)


@transaction.atomic
def override_evidence(*, suggestion: Suggestion, reason: str, by: User) -> Override:
    """Let a code be accepted with fewer MEAT elements than the project asks for. The policy names the role."""
    project = suggestion.chart.project
    check_can_override_evidence(by, project)
    if suggestion.kind != SuggestionKind.ADD:
        raise NotAnAnswer("The evidence standard is asked of additions only.")
    return _override(
        Override(encounter=suggestion.encounter, check_name=EVIDENCE, suggestion=suggestion), reason, project, by
    )


def _override(row: Override, reason: str, project: Project, by: User) -> Override:
    row.reason = reason.strip()
    if not row.reason:
        raise NotAnAnswer("An override needs a reason: say what in the record answers for it.")
    row.by, row.role = by, role_in(by, project) or ""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise NotAnAnswer("This is overridden already. Withdraw that override first.") from error
    subject = row.suggestion or row.encounter
    trail.record("override.made", by=by, project=project, subject=subject, override=row.pk, check=row.check_name)
    return row


@transaction.atomic
def withdraw(*, override: Override, by: User) -> Override:
    """Take an override back. The row stays, with who withdrew it and when. Withdrawing twice changes nothing."""
    row = locked(Override.objects.select_related("encounter__chart__member__project")).get(pk=override.pk)
    project = row.encounter.chart.project
    if row.check_name == EVIDENCE:
        check_can_override_evidence(by, project)
    else:
        check_can(by, Permission.OVERRIDE, project)
    if row.withdrawn_at is None:
        row.withdrawn_at, row.withdrawn_by = timezone.now(), by
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
        subject = row.encounter
        trail.record(
            "override.withdrawn", by=by, project=project, subject=subject, override=row.pk, check=row.check_name
        )
    return row


# --- Second reviews ------------------------------------------------------------------------------------------------


@transaction.atomic
def review_second(*, decision: Decision, agrees: bool, comment: str, by: User) -> SecondReview:
    """A second credentialed person's word on a code of a high-risk group. It is given once.

    Raises NotAllowed (the coder, no credential), NotAnAnswer (not past the gate, not flagged, no words).
    """
    decision = locked(Decision.objects.select_related("suggestion__chart")).get(pk=decision.pk)
    chart = decision.suggestion.chart
    check_can_review_second(by, decision)
    if chart.status != ChartStatus.CLOSED:
        raise NotAnAnswer("QA has not closed the chart yet: its audit comes first, and may be the second review.")
    try:
        lines = release.chart_lines(chart, timezone.localdate())
    except release.GateClosed as error:
        raise NotAnAnswer(str(error)) from error
    if not any(line.decision.pk == decision.pk and line.flags for line in lines):
        raise NotAnAnswer("The code is of no high-risk group, or its answer does not stand any more.")
    if not comment.strip():
        raise NotAnAnswer("Say what you read, and why the code stands or does not.")
    if SecondReview.objects.filter(decision=decision).exists():
        raise NotAnAnswer("This code has its second review already.")
    review = SecondReview.objects.create(
        decision=decision, coder_id=decision.decided_by_id, reviewer=by, agrees=agrees, comment=comment.strip()
    )
    trail.record(
        "code.reviewed_second",
        by=by,
        project=chart.project,
        subject=decision.suggestion,
        decision=decision.pk,
        agrees=agrees,
    )
    return review


# --- Rules ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def verify_rule(
    *,
    project: Project,
    rule_id: str,
    answer: RuleVerification.Answer,
    source: str,
    by: User,
    programs: Collection[str] = (),
    source_date: date | None = None,
    note: str = "",
) -> RuleVerification:
    """Record what was found at a rule's source: it says so, or it does not. It holds in this project, at once.

    A rule that is verified blocks where it said "would block once verified"; one found wrong is unverified again.
    programs: those that the rule is carried over to and was read for; none for the programs that it is written for.
    """
    check_can(by, Permission.VERIFY_RULES, project)
    rule = book().by_id.get(rule_id)
    if rule is None:
        raise NotAnAnswer("There is no such rule any more. Load the page again.")
    if answer not in RuleVerification.Answer:
        raise NotAnAnswer("Say whether the rule is as its source says.")
    if not source.strip():
        raise NotAnAnswer("Name what you read: the document, and the page.")
    if strange := [program for program in programs if program not in rule.carried_over_to]:
        raise NotAnAnswer(f"The rule is not carried over to {', '.join(strange)}.")
    if source_date and source_date > timezone.localdate():
        raise NotAnAnswer("The document's date lies in the future.")
    found = RuleVerification.objects.create(
        project=project,
        rule_id=rule_id,
        fingerprint=book().fingerprint(rule_id),
        answer=answer,
        programs=sorted(set(programs)),
        source=source.strip(),
        source_date=source_date,
        note=note.strip(),
        by=by,
    )
    trail.record(
        "rule.verified",
        by=by,
        project=project,
        subject=found,
        rule=rule_id,
        answer=str(answer),
        **({"programs": found.programs} if found.programs else {}),
    )
    # What is kept with finished charts is out of date. A page asks for itself what the worker has not reached yet.
    transaction.on_commit(lambda: current_app.send_task("coding.tasks.keep_assessments"), robust=True)
    return found


# --- Overpayments --------------------------------------------------------------------------------------------------


def paid_or_closed(program: str, payment_year: int, today: date) -> str:
    """Why a payment year counts as paid or closed, or "". Prospective programs pay through the payment year; a
    concurrent one is settled after its final deadline."""
    calendar = submittable(book(), program, payment_year, today)
    if calendar.additions == NO:
        return f"Payment year {payment_year} is closed: {calendar.why}"
    if scoring.prospective(program, payment_year) and today.year >= payment_year:
        return f"Payment year {payment_year} is being paid since January {payment_year}."
    return ""


def open_cases(chart: Chart, *, by: User, today: date | None = None) -> list[OverpaymentCase]:
    """A case for each confirmed deletion that lowers a paid or closed year, in the caller's transaction.

    For codes that were submitted, or of which nobody said that they were not. Where the amount is not known the case is
    opened all the same. Running twice opens nothing twice.
    """
    today = today or timezone.localdate()
    rows = {encounter.pk: encounter for encounter in chart.encounters.prefetch_related("first_pass_codes")}
    deletions: dict[tuple[int, str], Decision] = {}
    decisions = Decision.objects.past_the_gate().filter(suggestion__chart=chart).select_related("suggestion")
    for decision in decisions.order_by("pk"):
        for action, code in release.actions_of(decision):
            encounter = rows[decision.suggestion.encounter_id]
            if action == release.DELETE and release.was_submitted(encounter, code):
                deletions[encounter.pk, code] = decision
    opened: list[OverpaymentCase] = []
    if not deletions:
        return opened
    closed = {
        program: submittable(book(), program, scores.payment_year(chart, program), today).additions == NO
        for program in scores.programs(chart)
    }
    effects = [
        effect
        for with_additions in (True, False)
        for effect in scores.deletion_effects(chart, list(deletions), with_additions=with_additions)
        if closed[effect.program] != with_additions
    ]
    for effect in effects:
        why = paid_or_closed(effect.program, effect.payment_year, today)
        if not why or (effect.payment is not None and effect.payment >= 0):
            continue
        case, is_new = OverpaymentCase.objects.get_or_create(
            decision=deletions[effect.encounter, effect.code],
            program=effect.program,
            payment_year=effect.payment_year,
            defaults={
                "chart": chart,
                "why": why[:200],
                "delta": effect.payment,
                "opened_on": today,
                "due_on": today + timedelta(days=DAYS_TO_RETURN),
            },
        )
        if is_new:
            opened.append(case)
            trail.record(
                "overpayment.opened",
                by=by,
                project=chart.project,
                subject=case,
                decision=case.decision_id,
                program=case.program,
                payment_year=case.payment_year,
                due=case.due_on.isoformat(),
            )
    return opened


@transaction.atomic
def own_case(*, case: OverpaymentCase, owner: User, by: User) -> OverpaymentCase:
    """Name the person who sees to the case: one who may work on it."""
    case = _case(case, by)
    try:
        check_can(owner, Permission.WORK_OVERPAYMENTS, case.chart.project)
    except NotAllowed as error:
        raise NotAnAnswer("The owner of a case is a compliance officer of the project.") from error
    if case.owner_id != owner.pk:
        case.owner = owner
        case.save(update_fields=["owner"])
        trail.record("overpayment.owned", by=by, project=case.chart.project, subject=case, to=owner.pk)
    return case


@transaction.atomic
def settle_case(
    *, case: OverpaymentCase, state: OverpaymentCase.State, on: date | None, evidence: str, by: User
) -> OverpaymentCase:
    """The deletion and the money went out on a day (sent), or there was no overpayment (none). With what shows it."""
    case = _case(case, by)
    if case.state != OverpaymentCase.State.OPEN:
        raise NotAnAnswer("This case is settled already.")
    if state not in (OverpaymentCase.State.SENT, OverpaymentCase.State.NONE):
        raise NotAnAnswer("Say whether it was sent, or why there is no overpayment.")
    if on is None or on > timezone.localdate():
        raise NotAnAnswer("Give the day on which it was sent or found, today or earlier.")
    if not evidence.strip():
        raise NotAnAnswer("Name what shows it: the reference of the submission, or the finding.")
    case.state, case.settled_on, case.evidence = state, on, evidence.strip()
    case.save(update_fields=["state", "settled_on", "evidence"])
    trail.record("overpayment.settled", by=by, project=case.chart.project, subject=case, state=str(state))
    return case


def _case(case: OverpaymentCase, by: User) -> OverpaymentCase:
    case = locked(OverpaymentCase.objects.select_related("chart__member__project")).get(pk=case.pk)
    check_can(by, Permission.WORK_OVERPAYMENTS, case.chart.project)
    return case
