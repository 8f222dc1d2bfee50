"""Drawing samples, auditing blind, settling, returning, closing."""

import math
import random
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from coding import documentation, icd10, release
from coding.actions import compliance, trail
from coding.actions.locks import lock_chart, locked
from coding.actions.queues import WrongStatus, move
from coding.models import Assignment, Chart, Decision, Project, QAReview, QASample, Reopening, Suggestion, User
from coding.permissions import ROLE_PERMISSIONS, NotAllowed, Permission, check_can, check_can_audit
from coding.refusals import NotAnAnswer, Refused
from coding.workflow import ANSWERS, REASONS_FOR, ChartStatus, Outcome, SuggestionKind


class NothingToSample(Refused):
    """No coded chart waits for QA in the project."""


class NotSettled(Refused):
    """The chart still has decisions that were not audited."""


def draw(candidates: Iterable[int], *, percentage: int, seed: int) -> list[int]:
    """The sampled ids: at least one, rounded up; the same arguments always draw the same. Pure."""
    ordered = sorted(candidates)
    return sorted(random.Random(seed).sample(ordered, math.ceil(len(ordered) * percentage / 100)))  # noqa: S311


@transaction.atomic
def draw_sample(*, project: Project, percentage: int, seed: int, by: User) -> QASample:
    """Draw a percentage of the project's coded charts; their decisions wait for an auditor."""
    check_can(by, Permission.AUDIT, project)
    if not 1 <= percentage <= 100:
        raise NotAnAnswer("The percentage is a whole number from 1 to 100.")
    locked(Project.objects.all()).get(pk=project.pk)
    coded = locked(Chart.objects.filter(member__project=project, status=ChartStatus.CODED).order_by("pk"))
    charts = {chart.pk: chart for chart in coded}
    if not charts:
        raise NothingToSample("No coded chart waits for QA. Charts appear here when coders finish them.")
    sample = QASample.objects.create(
        project=project, percentage=percentage, seed=seed, candidates=len(charts), drawn_by=by
    )
    drawn = draw(charts, percentage=percentage, seed=seed)
    sample.charts.set(drawn)
    for pk in drawn:
        move(charts[pk], ChartStatus.IN_QA)
    decisions = Decision.objects.standing().filter(suggestion__chart__in=drawn)
    QAReview.objects.bulk_create(QAReview(sample=sample, decision=decision) for decision in decisions)
    trail.record(
        "qa.sample_drawn",
        by=by,
        project=project,
        subject=sample,
        percentage=percentage,
        seed=seed,
        candidates=len(charts),
        charts=drawn,
    )
    return sample


@transaction.atomic
def answer_blind(*, review: QAReview, outcome: Outcome, by: User, icd10_code: str = "", reason: str = "") -> QAReview:
    """The auditor's own answer, given before the coder's is shown. It is never changed afterwards."""
    review = _locked(review)
    check_can_audit(by, review)
    if review.own_outcome:
        raise NotAnAnswer("Your own answer is stored already; it does not change once the coder's is shown.")
    kind = SuggestionKind(review.decision.suggestion.kind)
    if outcome not in ANSWERS[kind]:
        raise NotAnAnswer(f"“{outcome.label}” does not answer this question.")
    if outcome in REASONS_FOR and reason not in REASONS_FOR[outcome]:
        raise NotAnAnswer("Choose a reason.")
    code = ""
    if outcome == Outcome.CHANGE:
        code = icd10.normalise(icd10_code)
        if not icd10.is_billable(code):
            raise NotAnAnswer("Give a billable ICD-10-CM code to put instead.")
    review.auditor, review.answered_at = by, timezone.now()
    review.own_outcome, review.own_icd10, review.own_reason = outcome, code, reason if outcome in REASONS_FOR else ""
    review.save(update_fields=["auditor", "answered_at", "own_outcome", "own_icd10", "own_reason"])
    trail.record("qa.answered", by=by, project=review.sample.project, subject=review, outcome=outcome.value, icd10=code)
    return review


@transaction.atomic
def settle(*, review: QAReview, verdict: QAReview.Verdict, by: User, comment: str = "") -> QAReview:
    """With both answers in sight: agree with the coder, or overturn, saying why."""
    review = _locked(review)
    check_can_audit(by, review)
    if not review.own_outcome:
        raise NotAnAnswer("Give your own answer first.")
    if review.settled_at:
        raise NotAnAnswer("This decision is settled already.")
    if verdict == QAReview.Verdict.OVERTURN and not comment.strip():
        raise NotAnAnswer("Tell the coder why: an overturned decision needs a comment.")
    review.verdict, review.comment, review.settled_at = verdict, comment.strip(), timezone.now()
    review.save(update_fields=["verdict", "comment", "settled_at"])
    trail.record("qa.settled", by=by, project=review.sample.project, subject=review, verdict=verdict.value)
    return review


@transaction.atomic
def conclude(*, chart: Chart, by: User) -> ChartStatus:
    """The chart's audit is done: closed if every decision stood, otherwise returned to its coder."""
    check_can(by, Permission.AUDIT, chart.project)
    lock_chart(chart)
    reviews = QAReview.objects.filter(sample=_newest_sample(chart), decision__suggestion__chart=chart)
    waiting = reviews.filter(settled_at=None).count()
    if waiting:
        raise NotSettled(f"Chart {chart.pk} has {waiting} decisions that are not settled yet.")
    overturned = reviews.filter(verdict=QAReview.Verdict.OVERTURN).count()
    if overturned:
        move(chart, ChartStatus.RETURNED)
        last = chart.assignments.order_by("-pk").first()
        if last is not None:
            Assignment.objects.create(chart=chart, coder=last.coder)
    else:
        move(chart, ChartStatus.CLOSED)
        compliance.open_cases(chart, by=by)
        documentation.keep(chart, timezone.localdate())
    trail.record("qa.concluded", by=by, project=chart.project, subject=chart, overturned=overturned)
    return ChartStatus(chart.status)


@transaction.atomic
def respond(*, review: QAReview, response: QAReview.CoderResponse, by: User, comment: str = "") -> QAReview:
    """The coder's word on an overturned decision: accepted, or rebutted with a reason."""
    review = _locked(review)
    if review.decision.decided_by_id != by.pk:
        raise NotAllowed("Only the coder who decided responds.")
    if review.verdict != QAReview.Verdict.OVERTURN:
        raise NotAnAnswer("Only an overturned decision is answered.")
    if review.coder_response:
        raise NotAnAnswer("You have answered this already.")
    if response == QAReview.CoderResponse.REBUTTED and not comment.strip():
        raise NotAnAnswer("Say what the rebuttal rests on: the guideline and the place in the record.")
    review.coder_response, review.coder_comment, review.responded_at = response, comment.strip(), timezone.now()
    review.save(update_fields=["coder_response", "coder_comment", "responded_at"])
    trail.record("qa.responded", by=by, project=review.sample.project, subject=review, response=response.value)
    return review


@transaction.atomic
def close(*, chart: Chart, by: User) -> None:
    """Close a coded chart that needs no (further) audit. One that is in audit is closed by `conclude` alone."""
    check_can(by, Permission.AUDIT, chart.project)
    if chart.status != ChartStatus.CODED:
        raise WrongStatus(
            f"Chart {chart.pk} is {chart.get_status_display().lower()}; only a coded chart is closed without audit."
        )
    move(chart, ChartStatus.CLOSED)
    compliance.open_cases(chart, by=by)
    documentation.keep(chart, timezone.localdate())
    trail.record("chart.closed", by=by, project=chart.project, subject=chart)


@transaction.atomic
def reopen(*, chart: Chart, reason: str, by: User) -> Reopening:
    """Open a closed chart again: it goes back to the coder who finished it, and nothing of it leaves until
    it is closed once more. What an export of the submission held by then is kept, so that what does not stand any more
    goes out as a correction. Raises NotAllowed, NotAnAnswer, WrongStatus."""
    check_can(by, Permission.REOPEN, chart.project)
    lock_chart(chart)
    if chart.status != ChartStatus.CLOSED:
        raise WrongStatus(f"Chart {chart.pk} is {chart.get_status_display().lower()}; only a closed chart is reopened.")
    if not reason.strip():
        raise NotAnAnswer("Say why the chart is opened again: what was found, and where.")
    sent, exports = release.sent_of(chart)
    row = Reopening.objects.create(chart=chart, reason=reason.strip(), sent=sent, exports=exports, by=by)
    move(chart, ChartStatus.RETURNED)
    last = chart.assignments.order_by("-pk").first()
    if last is not None:
        Assignment.objects.create(chart=chart, coder=last.coder)
    trail.record(
        "chart.reopened", by=by, project=chart.project, subject=chart, reopening=row.pk, sent=len(sent), exports=exports
    )
    return row


def undisclosed_to(user: User) -> QuerySet[Suggestion]:
    """Suggestions whose answer the person may not see yet, on no page: they may be its auditor.

    A finished chart's answers, until the auditor's own answer to the decision that stands is stored.
    """
    audits = [role for role, permissions in ROLE_PERMISSIONS.items() if Permission.AUDIT in permissions]
    newest = Decision.objects.filter(suggestion=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    own_answers = QAReview.objects.exclude(own_outcome="").filter(decision=OuterRef("newest"))
    return Suggestion.objects.annotate(newest=Subquery(newest)).filter(
        ~Exists(own_answers),
        chart__status__in=[ChartStatus.CODED, ChartStatus.IN_QA],
        chart__member__project__in=Project.objects.where_role(user, *audits).values("pk"),
    )


def reviews_of(chart: Chart) -> QuerySet[QAReview]:
    """The reviews of the chart's newest sample, in reading order."""
    return (
        QAReview.objects.filter(sample=_newest_sample(chart), decision__suggestion__chart=chart)
        .select_related("decision__suggestion__encounter", "decision__decided_by", "auditor", "sample")
        .order_by("decision__suggestion__encounter__date_from", "pk")
    )


def _newest_sample(chart: Chart) -> QASample | None:
    return chart.qa_samples.order_by("-pk").first()


def _locked(review: QAReview) -> QAReview:
    return locked(QAReview.objects.select_related("sample__project", "decision__suggestion")).get(pk=review.pk)
