"""Claiming, releasing, holding and finishing charts."""

from collections import Counter, defaultdict
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from coding import scores, validity
from coding.acceptability import book, queue_place
from coding.actions import trail
from coding.actions.locks import lock_chart, locked
from coding.models import Assignment, Chart, Escalation, FinishedReview, Note, Project, User
from coding.models.charts import ChartQuerySet
from coding.permissions import NotAllowed, Permission, check_can, check_can_code_chart, projects_with
from coding.refusals import NotAnAnswer, Refused
from coding.workflow import CHART_MOVES, ChartStatus, SuggestionKind, Verdict

HEADS = 20
ESCALATED = "Question for the lead"  # the reason of such a hold


class AlreadyClaimed(Refused):
    """Somebody else claimed the chart a moment earlier."""


class StillOpen(Refused):
    """The chart cannot finish: suggestions on it are undecided. `open_count` says how many."""

    def __init__(self, chart: Chart, open_count: int):
        self.open_count = open_count
        noun = "suggestion is" if open_count == 1 else "suggestions are"
        super().__init__(f"Chart {chart.pk} cannot finish: {open_count} {noun} undecided. Answer, then finish.")


class WrongStatus(Refused):
    """The chart's status does not allow this move."""


def move(chart: Chart, to: ChartStatus) -> None:
    """The one writer of a chart's status. A row that moved meanwhile is refused, so two people cannot both move it."""
    if to not in CHART_MOVES[ChartStatus(chart.status)]:
        raise WrongStatus(
            f"Chart {chart.pk} is {chart.get_status_display().lower()}; it cannot become {to.label.lower()}."
        )
    now = timezone.now()
    moved = Chart.objects.filter(pk=chart.pk, status=chart.status).update(status=to, status_since=now)
    if not moved:
        raise WrongStatus(f"Chart {chart.pk} was moved by somebody else. Load it again.")
    chart.status, chart.status_since = to, now


def weigh(chart: Chart) -> None:
    """Store by what the queue may be ordered. It is worked out when the chart's notes are read, never while a coder
    waits, and says how the chart stood then."""
    encounters = list(validity.encounters_of(chart))
    codes: defaultdict[int, set[str]] = defaultdict(set)
    unsupported = 0
    for one in chart.suggestions.live():
        codes[one.encounter_id].add(one.icd10)
        unsupported += one.kind == SuggestionKind.CHECK and one.verdict in (Verdict.UNSUPPORTED, Verdict.CONFLICT)
    Chart.objects.filter(pk=chart.pk).update(
        size=sum(len(note.text) for encounter in encounters for note in encounter.notes.all()),
        risk_flags=unsupported + len(validity.chart_flags(chart, encounters, codes)),
        at_stake=scores.at_stake(chart),
    )


def weigh_new(limit: int = 100) -> int:
    """Weigh charts that nobody has weighed: those without a note, and those of an older release. Returns how many."""
    unweighed = Chart.objects.filter(size=None, status=ChartStatus.READY).select_related("member__project")
    charts = list(unweighed.order_by("pk")[:limit])
    for chart in charts:
        weigh(chart)
    return len(charts)


@transaction.atomic
def claim(*, chart: Chart, by: User, order: str = "") -> Assignment:
    """Give a ready chart to the coder. order: by which it came, for the trail. Raises AlreadyClaimed, NotAllowed."""
    check_can(by, Permission.CODE, chart.project)
    lock_chart(chart)
    if not Chart.objects.claimable_by(by).filter(pk=chart.pk).exists():
        if chart.assignments.filter(released_at=None).exists():
            raise AlreadyClaimed(f"Chart {chart.pk} was claimed by somebody else. Get the next one.")
        raise NotAllowed(f"Chart {chart.pk} is not ready, or its first pass was yours.")
    try:
        with transaction.atomic():
            assignment = Assignment.objects.create(chart=chart, coder=by, seen_at=timezone.now())
            move(chart, ChartStatus.IN_REVIEW)
    except (IntegrityError, WrongStatus) as error:
        raise AlreadyClaimed(f"Chart {chart.pk} was claimed by somebody else. Get the next one.") from error
    said = {"order": order} if order else {}
    trail.record("chart.claimed", by=by, project=chart.project, subject=chart, **said)
    return assignment


def claim_next(*, by: User, project: Project | None = None) -> Chart | None:
    """The next chart of the coder's queue, claimed; None when nothing is ready. Safe under many coders at once.

    Without a project that one of the coder's projects comes first whose next chart has the highest priority, then the
    nearest deadline. What a coder gave back comes to them last.
    """
    release_silent()
    for one in [project] if project else projects_by_next_chart(by):
        # Several at a look and without a lock, since each look sorts the queue, and others take from its head. What
        # somebody has locked is passed over; an import may have for long.
        tried: list[int] = []
        while heads := list(ready_for(by, one).exclude(pk__in=tried).values_list("pk", flat=True)[:HEADS]):
            tried += heads
            for pk in heads:
                with transaction.atomic():
                    free = Chart.objects.filter(pk=pk, status=ChartStatus.READY).select_related("member__project")
                    chart = locked(free, skip_taken=True).first()
                    if chart is not None:
                        claim(chart=chart, by=by, order=", ".join(one.queue_order))
                        return chart
    return None


def ready_for(user: User, project: Project) -> ChartQuerySet:
    """What the coder may get next in the project, in its order."""
    given_back = Assignment.objects.filter(chart=OuterRef("pk"), coder=user, ended_by="released")
    charts = Chart.objects.claimable_by(user).in_queue_order(project, timezone.localdate())
    charts = charts.select_related("member__project").annotate(given_back=Exists(given_back))
    return charts.order_by("given_back", *charts.query.order_by)


def projects_by_next_chart(user: User) -> list[Project]:
    today, heads = timezone.localdate(), []
    for project in projects_with(user, Permission.CODE):
        if chart := ready_for(user, project).first():
            place = queue_place(book(), project.programs, chart.service_year, today)
            heads.append((-chart.priority, place, chart.pk, project))
    return [project for *_, project in sorted(heads, key=lambda head: head[:3])]


def seen(*, chart: Chart, by: User) -> None:
    """The coder is at work on the chart: it stays theirs. No event of the trail, for it says nothing that opening the
    chart and answering do not say."""
    chart.assignments.filter(coder=by, released_at=None).update(seen_at=timezone.now())


def release_silent() -> int:
    """Give back to the queue the charts in review on which nothing was done for `SILENCE_SECONDS`. Returns how many.

    What is on hold or returned waits for its coder, and so does what a lead assigned until it is opened. Answers that
    were given stay, as with any release.
    """
    since = timezone.now() - timedelta(seconds=settings.SILENCE_SECONDS)
    silent = Assignment.objects.filter(released_at=None, seen_at__lt=since, chart__status=ChartStatus.IN_REVIEW)
    released = 0
    for assignment in silent.select_related("chart__member__project"):
        with transaction.atomic():
            chart = lock_chart(assignment.chart)
            still = Assignment.objects.filter(pk=assignment.pk, released_at=None, seen_at__lt=since)
            if chart.status == ChartStatus.IN_REVIEW and still.update(released_at=timezone.now(), ended_by="silence"):
                move(chart, ChartStatus.READY)
                trail.record(
                    "chart.released", by=None, project=chart.project, subject=chart, silent=assignment.coder_id
                )
                released += 1
    return released


def holds(chart: Chart, user: User) -> bool:
    return chart.assignments.filter(coder=user, released_at=None).exists()


def fell_silent(chart: Chart, user: User) -> bool:
    """The chart went back to the queue because this coder was silent, and nobody has held it since."""
    return chart.status == ChartStatus.READY and how_it_ended(chart, user) == "silence"


def how_it_ended(chart: Chart, user: User) -> str:
    """How the person's turn at the chart ended, while nobody has had it since; else "". What is asked a second time,
    because the first acknowledgement was lost on its way, is found done by it."""
    last = chart.assignments.order_by("-pk").first()
    return last.ended_by if last is not None and last.coder_id == user.pk else ""


def end_assignment(chart: Chart, ended_by: str) -> None:
    chart.assignments.filter(released_at=None).update(released_at=timezone.now(), ended_by=ended_by)


@transaction.atomic
def release(*, chart: Chart, by: User) -> None:
    """Give the chart back to the queue, from review or from hold; answers that were given stay. Giving it back twice
    changes nothing."""
    lock_chart(chart)
    if how_it_ended(chart, by) == "released":
        return
    check_can(by, Permission.CODE, chart.project)
    if chart.status != ChartStatus.ON_HOLD or not holds(chart, by):
        check_can_code_chart(by, chart)
    end_assignment(chart, "released")
    end_hold(chart)
    move(chart, ChartStatus.READY)
    trail.record("chart.released", by=by, project=chart.project, subject=chart)


@transaction.atomic
def hold(*, chart: Chart, reason: str, by: User) -> None:
    """Set the chart aside, still held by the coder. `reason` is for people; the trail keeps that there was one. The
    same again changes nothing."""
    lock_chart(chart)
    if chart.status == ChartStatus.ON_HOLD and holds(chart, by) and chart.hold_reason == reason.strip():
        return
    check_can_code_chart(by, chart)
    if not reason.strip():
        raise NotAnAnswer("Say why the chart goes on hold.")
    move(chart, ChartStatus.ON_HOLD)
    Chart.objects.filter(pk=chart.pk).update(hold_reason=reason.strip())
    trail.record("chart.held", by=by, project=chart.project, subject=chart)


@transaction.atomic
def resume(*, chart: Chart, by: User) -> None:
    """Take a chart up again: on hold, returned to the coder who coded it, or given back while this coder was silent."""
    lock_chart(chart)
    check_can(by, Permission.CODE, chart.project)
    if fell_silent(chart, by):
        claim(chart=chart, by=by)
        return
    if not holds(chart, by):
        raise NotAllowed(f"Chart {chart.pk} is held by somebody else.")
    if chart.status == ChartStatus.IN_REVIEW:
        return
    move(chart, ChartStatus.IN_REVIEW)
    seen(chart=chart, by=by)
    end_hold(chart)
    trail.record("chart.resumed", by=by, project=chart.project, subject=chart)


def end_hold(chart: Chart) -> None:
    """The reason is over, and a question that nobody has answered yet is taken back."""
    chart.escalations.filter(ended_at=None).update(ended_at=timezone.now())
    Chart.objects.filter(pk=chart.pk).update(hold_reason="")
    chart.hold_reason = ""


@transaction.atomic
def escalate(*, chart: Chart, question: str, by: User) -> Escalation:
    """Ask the lead about the chart. It is on hold, still the coder's, until it is answered or taken up again. The same
    question again changes nothing."""
    lock_chart(chart)
    asked = chart.escalations.filter(ended_at=None, asked_by=by, question=question.strip()).first()
    if asked:
        return asked
    check_can_code_chart(by, chart)
    if not question.strip():
        raise NotAnAnswer("Write the question for the lead.")
    move(chart, ChartStatus.ON_HOLD)
    Chart.objects.filter(pk=chart.pk).update(hold_reason=ESCALATED)
    asked = Escalation.objects.create(chart=chart, asked_by=by, question=question.strip())
    trail.record("chart.escalated", by=by, project=chart.project, subject=chart, escalation=asked.pk)
    return asked


@transaction.atomic
def answer_escalation(*, escalation: Escalation, answer: str, by: User) -> Escalation:
    """The lead's answer: the chart is in review again with its coder, and waits until it is opened."""
    chart = lock_chart(escalation.chart)
    escalation.refresh_from_db(fields=["ended_at", "answer"])
    check_can(by, Permission.ANSWER_CODERS, chart.project)
    if not answer.strip():
        raise NotAnAnswer("Write an answer.")
    if escalation.ended_at:
        raise WrongStatus(f"The question on chart {chart.pk} was answered, or taken back, meanwhile.")
    escalation.answered_by, escalation.answer, escalation.ended_at = by, answer.strip(), timezone.now()
    escalation.save(update_fields=["answered_by", "answer", "ended_at"])
    end_hold(chart)
    move(chart, ChartStatus.IN_REVIEW)
    chart.assignments.filter(released_at=None).update(seen_at=None)
    trail.record("chart.escalation_answered", by=by, project=chart.project, subject=chart, escalation=escalation.pk)
    return escalation


@transaction.atomic
def finish(*, chart: Chart, by: User) -> None:
    """The coder is done. Refused while one suggestion is open: every first-pass code is one, so none is passed over.
    Finishing twice changes nothing."""
    lock_chart(chart)
    if how_it_ended(chart, by) == "finished":
        return
    check_can_code_chart(by, chart)
    live = list(chart.suggestions.live().values_list("kind", "status"))
    open_count = sum(status == "open" for _, status in live)
    if open_count:
        raise StillOpen(chart, open_count)
    counts = Counter(f"{kind}.{status}" for kind, status in live)
    unread = Note.objects.filter(encounter__chart=chart).values_list("unread_pages", flat=True)
    fact = FinishedReview.objects.create(
        chart=chart,
        coder=by,
        additions=counts["add.accepted"] + counts["add.changed"],
        rejections=counts["add.rejected"],
        kept=counts["check.kept"],
        deletions=counts["check.deleted"],
        changes=counts["check.changed"],
        queries=counts["add.queried"] + counts["check.queried"],
        undecided=open_count,
        pages_unread=sum(map(len, unread)),
    )
    end_assignment(chart, "finished")
    move(chart, ChartStatus.CODED)
    trail.record(
        "chart.finished",
        by=by,
        project=chart.project,
        subject=chart,
        counts=dict(counts),
        undecided=fact.undecided,
        **({"pages_unread": fact.pages_unread} if fact.pages_unread else {}),
    )


@transaction.atomic
def assign(*, chart: Chart, to: User, by: User) -> None:
    """A lead or manager gives a ready chart, or one that somebody else holds, to a coder of the project."""
    lock_chart(chart)
    check_can(by, Permission.ASSIGN, chart.project)
    check_can(to, Permission.CODE, chart.project)
    if chart.encounters.filter(first_pass_codes__coder=to.username).exists():
        raise NotAllowed("The second-pass coder of a chart is never its first-pass coder.")
    status = ChartStatus(chart.status)
    if status == ChartStatus.READY:
        move(chart, ChartStatus.IN_REVIEW)
    elif status not in (ChartStatus.IN_REVIEW, ChartStatus.ON_HOLD, ChartStatus.RETURNED):
        raise WrongStatus(f"Chart {chart.pk} is {chart.get_status_display().lower()}; it cannot be assigned.")
    end_assignment(chart, "reassigned")
    Assignment.objects.create(chart=chart, coder=to)
    trail.record("chart.assigned", by=by, project=chart.project, subject=chart, to=to.pk)


@transaction.atomic
def prioritise(*, chart: Chart, priority: int, by: User) -> None:
    """Where the chart stands in the queue: higher comes first, 0 is the ordinary place."""
    check_can(by, Permission.ASSIGN, chart.project)
    if not -99 <= priority <= 99:
        raise ValueError("A priority is a whole number from -99 to 99.")
    old = lock_chart(chart).priority
    if priority != old:
        Chart.objects.filter(pk=chart.pk).update(priority=priority)
        trail.record("chart.prioritised", by=by, project=chart.project, subject=chart, old=old, new=priority)
    chart.priority = priority
