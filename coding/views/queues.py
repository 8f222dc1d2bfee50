"""My queue: what I hold, what is next, what I finished."""

from collections import Counter

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Exists, Max, Min, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from coding.acceptability import Submittable, book, payment_years, submittable
from coding.actions import queues
from coding.models import Assignment, Chart, Escalation, Project, ProviderQuery, QAReview, User
from coding.models.charts import ChartQuerySet
from coding.permissions import Permission, can_see_scores, check_can
from coding.views import chosen_project
from coding.workflow import ChartStatus, QueueKey, SuggestionKind, SuggestionStatus

HELD = (ChartStatus.RETURNED, ChartStatus.IN_REVIEW, ChartStatus.ON_HOLD)  # in the order in which they want attention
UNCODED = (ChartStatus.IMPORTED, ChartStatus.READY, *HELD)
FINISHED_SHOWN = 10


def with_counts(charts: ChartQuerySet) -> ChartQuerySet:
    """Each chart with the dates and counts of its row; as many queries for thirty charts as for three."""
    open_of = Q(suggestions__status=SuggestionStatus.OPEN)
    return charts.select_related("member__project").annotate(
        first_date=Min("encounters__date_from"),
        last_date=Max("encounters__date_through"),
        notes=Count("encounters__notes", distinct=True),
        checks=Count(
            "suggestions",
            filter=Q(suggestions__kind=SuggestionKind.CHECK) & ~Q(suggestions__status=SuggestionStatus.SUPERSEDED),
            distinct=True,
        ),
        open_checks=Count("suggestions", filter=open_of & Q(suggestions__kind=SuggestionKind.CHECK), distinct=True),
        open_adds=Count("suggestions", filter=open_of & Q(suggestions__kind=SuggestionKind.ADD), distinct=True),
    )


def overturned(charts: list[Chart]) -> dict[int, list[QAReview]]:
    """The auditor's unanswered words, by chart."""
    reviews = (
        QAReview.objects.filter(
            decision__suggestion__chart__in=charts, verdict=QAReview.Verdict.OVERTURN, coder_response=""
        )
        .select_related("decision__suggestion")
        .order_by("pk")
    )
    found: dict[int, list[QAReview]] = {}
    for review in reviews:
        found.setdefault(review.decision.suggestion.chart_id, []).append(review)
    return found


def escalations_of(charts: list[Chart], user: User) -> dict[int, Escalation]:
    """By chart: the question that waits for the lead, or the answer on a chart that was not opened since."""
    asked = Escalation.objects.filter(chart__in=charts, asked_by=user).select_related("answered_by")
    # Not what was answered before the chart was finished and came back.
    unopened = Exists(
        Assignment.objects.filter(
            chart=OuterRef("chart"), claimed_at__lte=OuterRef("ended_at"), released_at=None, seen_at=None
        )
    )
    return {one.chart_id: one for one in asked.filter(Q(ended_at=None) | ~Q(answer="") & unopened)}


def deadlines_of(project: Project) -> list[tuple[int, int, Submittable, int | None]]:
    """(service year, charts that are not coded yet, what is open, days left) in the project's first program, next one
    first."""
    uncoded = Chart.objects.filter(member__project=project, status__in=UNCODED).order_by()
    today, found = timezone.localdate(), []
    for year, charts in uncoded.values_list("service_year").annotate(Count("pk")):
        for program in project.programs[:1]:
            standing = submittable(book(), program, payment_years(book(), year).get(program, year + 1), today)
            left = standing.next.days_left(today) if standing.next else None
            found.append((year, charts, standing, left))
    return sorted(found, key=lambda row: (row[3] is None, row[3] or 0, row[0]))


@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.CODE, request.GET.get("project", ""))
    mine = Chart.objects.visible_to(user).filter(member__project=project)
    held = list(with_counts(mine.filter(status__in=HELD, assignments__coder=user, assignments__released_at=None)))
    counts = Counter(chart.status for chart in held)
    status = request.GET.get("status", "")
    if status in HELD:
        held = [chart for chart in held if chart.status == status]
    held.sort(key=lambda chart: (HELD.index(ChartStatus(chart.status)), chart.status_since))
    finished = with_counts(mine.filter(status__in=[ChartStatus.CODED, ChartStatus.IN_QA, ChartStatus.CLOSED]))
    waiting = Chart.objects.claimable_by(user).filter(member__project=project)
    deadlines = deadlines_of(project)
    order = [QueueKey(key) for key in project.queue_order]
    context = {
        "project": project,
        "order": [key.label for key in order],
        "by_value": QueueKey.STAKE in order,
        "projects": projects,
        "held": held,
        "holds": sum(counts.values()),
        "statuses": [(one, counts[one]) for one in HELD if counts[one]],
        "status": status,
        "overturned": overturned([chart for chart in held if chart.status == ChartStatus.RETURNED]),
        "shows_scores": can_see_scores(user, project),
        "muted": project.mutes.active().order_by("family"),
        "waiting": waiting.count(),
        "deadlines": deadlines,
        "due": {year: left for year, _, _, left in deadlines},
        "escalations": escalations_of(held, user),
        "answers": ProviderQuery.objects.to_read(user).filter(decision__suggestion__chart__in=mine).with_record(),
        "being_read": Chart.objects.filter(member__project=project, status=ChartStatus.IMPORTED).count(),
        "has_charts": Chart.objects.filter(member__project=project).exists(),
        "finished": finished.order_by("-status_since")[:FINISHED_SHOWN],
    }
    return render(request, "queues/queue.html", context)


@require_POST
@login_required
def next_chart(request: HttpRequest) -> HttpResponse:
    """Claim the next chart of the project and open it. There is no picking: the queue's order is the project's."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.CODE, request.POST.get("project", ""))
    check_can(user, Permission.CODE, project)
    chart = queues.claim_next(by=user, project=project)
    if chart is None:
        messages.info(request, "Nothing is ready just now. New charts appear as soon as they have been read.")
        return redirect("queue")
    return redirect("chart", chart.pk)


urlpatterns = [
    path("queue/", queue, name="queue"),
    path("queue/next/", next_chart, name="next_chart"),
]
