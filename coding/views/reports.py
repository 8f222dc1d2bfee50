"""The capture report and its downloads, the list of charts with its assignments, and the project's policy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Case, Count, Prefetch, Q, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from coding import exports, release, reports
from coding.actions import projects as project_actions
from coding.actions import queues, trail
from coding.actions.projects import Policy
from coding.models import Assignment, Chart, Escalation, Note, Project, Role, TrailEvent, User
from coding.money import Rates
from coding.permissions import NotAllowed, Permission, can, check_can
from coding.refusals import Refused
from coding.templatetags.report_numbers import family_label
from coding.views import as_id, chosen_project
from coding.views.reading import is_blind
from coding.workflow import ChartStatus, QueueKey, SuggestionStatus

ROWS = 25
ORDER_PLACES = 4  # so many keys order a queue; more would never be looked at
DONE = (ChartStatus.CODED, ChartStatus.IN_QA, ChartStatus.CLOSED)  # listed after what coders still work on


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    current: bool


def tabs(user: User, project: Project, current: str) -> list[Tab]:
    """The pages of this room that the person may open."""
    found = (
        ("Capture report", "reports", Permission.SEE_REPORTS),
        ("Documentation gaps", "gaps", Permission.SEE_REPORTS),
        ("Charts", "chart_list", Permission.ASSIGN),
        ("Policy", "policy", Permission.CHANGE_POLICY),
        ("Base rates", "rates", Permission.SEE_MONEY),
    )
    return tabs_of(user, project, current, found)


def tabs_of(user: User, project: Project, current: str, found: Iterable[tuple[str, str, Permission]]) -> list[Tab]:
    """Those of a room's pages (label, URL name, permission) that the person may open."""
    return [
        Tab(label, f"{reverse(name)}?project={project.name}", name == current)
        for label, name, permission in found
        if can(user, permission, project)
    ]


# --- The capture report --------------------------------------------------------------------------------------------


def plots(report: reports.Capture) -> dict[str, Any]:
    """What the plots draw: the numbers of the tables beside them, in their order."""

    def number(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    audited = [row for row in report.coders if row.charts_per_hour is not None]
    return {
        "weeks": {
            "labels": [week.week.isoformat() for week in report.weeks],
            "additions": [week.additions for week in report.weeks],
            "deletions": [week.deletions for week in report.weeks],
        },
        "conditions": {
            "labels": [family_label(row.family) for row in report.conditions[:12]],
            "taken": [row.taken for row in report.conditions[:12]],
            "rejected": [row.rejected for row in report.conditions[:12]],
            "queried": [row.queried for row in report.conditions[:12]],
        },
        "coders": [
            {
                "name": row.coder,
                "pace": number(row.charts_per_hour),
                "accuracy": number(row.accuracy),
                "low": number(row.low),
                "high": number(row.high),
                "n": row.audited,
            }
            for row in audited
        ],
    }


@require_safe
@login_required
def capture(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_REPORTS, request.GET.get("project", ""))
    problem = ""
    try:
        period = reports.Period.read(request.GET.get("from", ""), request.GET.get("to", ""))
    except ValueError as error:
        problem, period = str(error), reports.Period.read("", "")
    sees_money = can(user, Permission.SEE_MONEY, project)
    report = reports.capture(project, period, Rates(project) if sees_money else None)
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "reports"),
        "problem": problem,
        "report": report,
        "sees_money": sees_money,
        "plots": plots(report),
        "alerts": [alert for alert in release.one_way(project) if alert.coder],
        "add_only_after": reports.ADD_ONLY_AFTER,
        "idle_minutes": reports.IDLE_AFTER.seconds // 60,
        "downloads": [
            (name, export.NAME) for name, export in exports.exports().items() if can(user, export.PERMISSION, project)
        ],
    }
    return render(request, "reports/capture.html", context, status=400 if problem else 200)


@require_safe
@login_required
def export(request: HttpRequest, name: str) -> HttpResponseBase:
    """An export as CSV, row by row: nothing of it is kept on the server. What left, for whom, is in the trail."""
    user: User = request.user  # type: ignore[assignment]
    found = exports.exports().get(name)
    if found is None:
        raise Http404
    project, _ = chosen_project(user, found.PERMISSION, request.GET.get("project", ""))
    try:
        period = reports.Period.read(request.GET.get("from", ""), request.GET.get("to", ""))
    except ValueError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    days = {"first": period.first.isoformat(), "last": period.last.isoformat()}
    trail.record("export.made", by=user, project=project, subject=project, export=name, **days)
    file = f"{project.name}-{name}-{days['first']}-{days['last']}.csv"
    return StreamingHttpResponse(
        exports.as_csv(found.COLUMNS, found.rows(project, period)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


# --- Charts and who holds them -------------------------------------------------------------------------------------


def coders_of(project: Project) -> list[User]:
    members = User.objects.filter(is_active=True, memberships__project=project, memberships__role=Role.CODER)
    return list(members.order_by("last_name", "first_name", "username"))


@require_safe
@login_required
def chart_list(request: HttpRequest) -> HttpResponse:
    """Every chart of a project with its status and holder; no clinical fact, for a manager sees none."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.ASSIGN, request.GET.get("project", ""))
    status, coder = request.GET.get("status", ""), request.GET.get("coder", "")
    charts = Chart.objects.listed_for(user).filter(member__project=project)
    counts = dict(charts.values_list("status").annotate(n=Count("pk")))
    if status in ChartStatus.values:
        charts = charts.filter(status=status)
    if coder:
        charts = charts.filter(assignments__coder=as_id(coder), assignments__released_at=None)
    charts = (
        charts.select_related("member__project")
        .annotate(open=Count("suggestions", filter=Q(suggestions__status=SuggestionStatus.OPEN), distinct=True))
        .prefetch_related(Prefetch("assignments", Assignment.objects.select_related("coder").order_by("pk")))
        .in_queue_order(project, timezone.localdate())
    )
    done = Case(*(When(status=status, then=n) for n, status in enumerate(DONE, 1)), default=0)
    charts = charts.annotate(done=done).order_by("done", *charts.query.order_by)
    query = request.GET.copy()
    query.pop("page", None)
    page = Paginator(charts, ROWS).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "chart_list"),
        "page": page,
        "rows": [(chart, next(reversed(chart.assignments.all()), None)) for chart in page.object_list],
        "query": query.urlencode(),
        "statuses": [(value, label, counts.get(value, 0)) for value, label in ChartStatus.choices],
        "status": status,
        "coder": coder,
        "coders": coders_of(project),
        "may_open": can(user, Permission.READ_CHARTS, project),
        "escalations": waiting_for_a_lead(user, project),
        "pages_unread": pages_unread(page.object_list),
        "without_scores": [chart.pk for chart in page.object_list if is_blind(user, chart)],
    }
    return render(request, "reports/charts.html", context)


def pages_unread(charts: Iterable[Chart]) -> dict[int, int]:
    """By chart: how many of its pages hold no text, so that nobody but a person can have read them."""
    found: dict[int, int] = {}
    notes = Note.objects.filter(encounter__chart__in=[chart.pk for chart in charts]).exclude(unread_pages=[])
    for chart, pages in notes.values_list("encounter__chart", "unread_pages"):
        found[chart] = found.get(chart, 0) + len(pages)
    return found


def waiting_for_a_lead(user: User, project: Project) -> list[Escalation]:
    """The coders' open questions, oldest first, for whoever may answer them: they may quote the record."""
    if not can(user, Permission.ANSWER_CODERS, project):
        return []
    waiting = Escalation.objects.filter(chart__member__project=project, ended_at=None)
    return list(waiting.select_related("chart", "asked_by").order_by("pk"))


def ticked(request: HttpRequest, project: Project) -> list[Chart]:
    """The charts that the form names; one that the person may not list is a 404."""
    user: User = request.user  # type: ignore[assignment]
    ids = {as_id(pk) for pk in request.POST.getlist("chart")}
    charts = list(
        Chart.objects.listed_for(user)
        .filter(member__project=project, pk__in=ids)
        .select_related("member__project")
        .order_by("pk")
    )
    if len(charts) != len(ids):
        raise Http404
    return charts


def on_each(request: HttpRequest, charts: list[Chart], change: Callable[[Chart], None], said: str) -> None:
    """Change each ticked chart that can be; say which could not, and why."""
    changed = 0
    for chart in charts:
        try:
            with transaction.atomic():
                change(chart)
        except (NotAllowed, Refused) as error:
            messages.error(request, str(error))
        else:
            changed += 1
    if changed:
        messages.success(request, f"{changed} {'chart' if changed == 1 else 'charts'} {said}.")
    elif not charts:
        messages.error(request, "Tick the charts first.")


def back_to_list(request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse('chart_list')}?{request.GET.urlencode()}")


@require_POST
@login_required
def assign(request: HttpRequest) -> HttpResponse:
    """Give the ticked charts to a coder of the project."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.ASSIGN, request.GET.get("project", ""))
    charts = ticked(request, project)
    coder = next((one for one in coders_of(project) if str(one.pk) == request.POST.get("coder")), None)
    if coder is None:
        messages.error(request, "Choose the coder who gets the charts.")
    else:
        to = coder
        on_each(
            request, charts, lambda chart: queues.assign(chart=chart, to=to, by=user), f"given to {to.display_name}"
        )
    return back_to_list(request)


@require_POST
@login_required
def prioritise(request: HttpRequest) -> HttpResponse:
    """Set where the ticked charts stand in the queue."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.ASSIGN, request.GET.get("project", ""))
    charts = ticked(request, project)
    try:
        priority = int(request.POST.get("priority", ""))
        on_each(
            request,
            charts,
            lambda chart: queues.prioritise(chart=chart, priority=priority, by=user),
            "moved in the queue",
        )
    except ValueError:
        messages.error(request, "A priority is a whole number from -99 to 99.")
    return back_to_list(request)


# --- Policy --------------------------------------------------------------------------------------------------------


class PolicyForm(forms.Form):
    meat_elements_required = forms.IntegerField(min_value=0, max_value=4)
    coders_see_scores = forms.BooleanField(required=False)
    evidence_override_role = forms.ChoiceField(
        required=False, choices=[("", "Nobody"), (Role.COMPLIANCE, "Compliance"), (Role.QA_LEAD, "QA lead")]
    )
    deletion_alert_after = forms.IntegerField(min_value=1, max_value=1000, required=False)
    mute_below = forms.IntegerField(min_value=0, max_value=100, required=False)
    mute_after = forms.IntegerField(min_value=1, max_value=10_000, required=False)
    mute_automatically = forms.BooleanField(required=False)
    queue_order = forms.TypedMultipleChoiceField(required=False, choices=[("", "–"), *QueueKey.choices])

    def clean_queue_order(self) -> list[str]:
        return [key for key in self.cleaned_data["queue_order"] if key]

    def answers(self) -> Policy:
        """What was sent and is not empty. An empty box is not sent: its neighbour tells whether it was on the page."""
        boxes = {"coders_see_scores": "meat_elements_required", "mute_automatically": "mute_below"}
        sent = [name for name in self.fields if boxes.get(name, name) in self.data]
        return cast(Policy, {name: self.cleaned_data[name] for name in sent if self.cleaned_data[name] is not None})


def order_places(chosen: list[str]) -> list[tuple[str, str]]:
    """(words, chosen key or "") for each place of the queue's order."""
    keys = [key for key in chosen if key]
    words = ["First by", *["then by"] * (ORDER_PLACES - 1)]
    return list(zip(words, keys + [""] * ORDER_PLACES, strict=False))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def policy(request: HttpRequest) -> HttpResponse:
    """What the project asks of its coders, and what it shows to them."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.CHANGE_POLICY, request.GET.get("project", ""))
    check_can(user, Permission.CHANGE_POLICY, project)
    form = PolicyForm(request.POST or None, initial={name: getattr(project, name) for name in PolicyForm.base_fields})
    if request.method == "POST" and form.is_valid():
        project_actions.change_policy(project=project, by=user, **form.answers())
        messages.success(request, "The policy is stored. It holds for answers from now on.")
        return redirect(f"{reverse('policy')}?project={project.name}")
    changes = TrailEvent.objects.filter(project=project, action="project.policy_changed").select_related("actor")
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "policy"),
        "form": form,
        "numbers": range(5),
        "places": order_places(form["queue_order"].value()),
        "queue_keys": QueueKey,
        "muted": project.mutes.active().order_by("family"),
        "changes": changes.order_by("-number")[:5],
    }
    return render(request, "reports/policy.html", context, status=422 if form.is_bound else 200)


urlpatterns = [
    path("reports/", capture, name="reports"),
    path("reports/charts/", chart_list, name="chart_list"),
    path("reports/charts/assign/", assign, name="assign"),
    path("reports/charts/prioritise/", prioritise, name="prioritise"),
    path("reports/policy/", policy, name="policy"),
    path("reports/<slug:name>.csv", export, name="export"),
]
