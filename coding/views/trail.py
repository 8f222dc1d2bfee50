"""The trail of a project: who did and saw what, searched and verified. Searching and verifying leave an event too."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from coding.actions import qa, trail
from coding.models import (
    Chart,
    Encounter,
    OverpaymentCase,
    Project,
    QAReview,
    Suggestion,
    TrailEvent,
    TrailHead,
    User,
)
from coding.permissions import Permission, can
from coding.views import as_id, chosen_project

ROWS = 50
BREAKS_SHOWN = 20
PEOPLE = ("to", "silent")  # the details that are a person
ANSWERING = (
    "suggestion.decided", "suggestion.reopened", "suggestion.added", "evidence.tagged", "chart.finished",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """An event as the page shows it. details: None while they would give a coder's answer to its auditor."""

    event: TrailEvent
    chart: int | None
    details: list[tuple[str, str]] | None

    @property
    def words(self) -> str:
        """chart.opened reads "Chart opened"."""
        said = self.event.action.replace(".", " ").replace("_", " ")
        return said[:1].upper() + said[1:] if not said.startswith("qa ") else "QA" + said[2:]


def events_of_chart(events: QuerySet[TrailEvent], pk: int) -> QuerySet[TrailEvent]:
    """Events about a chart, its suggestions, encounters, reviews and overpayments, and the samples that drew it."""
    return events.filter(
        Q(subject_type="chart", subject_id=pk)
        | Q(subject_type="suggestion", subject_id__in=Suggestion.objects.filter(chart=pk).values("pk"))
        | Q(subject_type="encounter", subject_id__in=Encounter.objects.filter(chart=pk).values("pk"))
        | Q(subject_type="overpaymentcase", subject_id__in=OverpaymentCase.objects.filter(chart=pk).values("pk"))
        | Q(
            subject_type="qareview", subject_id__in=QAReview.objects.filter(decision__suggestion__chart=pk).values("pk")
        )
        | Q(
            subject_type="qasample", subject_id__in=Chart.qa_samples.through.objects.filter(chart=pk).values("qasample")
        )
    )


def lines(events: Iterable[TrailEvent], user: User, project: Project) -> list[Line]:
    """The events with the chart that each is about; as many queries for fifty as for one."""
    page = list(events)
    of_type: dict[str, set[int]] = {}
    for event in page:
        if event.subject_id is not None:
            of_type.setdefault(event.subject_type, set()).add(event.subject_id)
    suggestions = Suggestion.objects.filter(pk__in=of_type.get("suggestion", ()))
    chart_of = {("suggestion", pk): chart for pk, chart in suggestions.values_list("pk", "chart")}
    reviews = QAReview.objects.filter(pk__in=of_type.get("qareview", ()))
    chart_of |= {("qareview", pk): chart for pk, chart in reviews.values_list("pk", "decision__suggestion__chart")}
    for name, model in (("encounter", Encounter), ("overpaymentcase", OverpaymentCase)):
        subjects = model._default_manager.filter(pk__in=of_type.get(name, ())).values_list("pk", "chart")
        chart_of |= {(name, pk): chart for pk, chart in subjects}
    chart_of |= {("chart", pk): pk for pk in of_type.get("chart", ())}
    hidden = set()
    if can(user, Permission.AUDIT, project):
        undisclosed = qa.undisclosed_to(user).filter(chart__in=set(chart_of.values()))
        for pk, chart in undisclosed.values_list("pk", "chart"):
            hidden |= {("suggestion", pk), ("chart", chart)}
    people = {event.details[name] for event in page for name in PEOPLE if isinstance(event.details.get(name), int)}
    names = {pk: person.display_name for pk, person in User.objects.in_bulk(people).items()}
    found = []
    for event in page:
        subject = (event.subject_type, event.subject_id or 0)
        withheld = event.action in ANSWERING and subject in hidden
        found.append(Line(event, chart_of.get(subject), None if withheld else details(event, names)))
    return found


def details(event: TrailEvent, names: dict[int, str]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), names.get(value, f"person {value}") if name in PEOPLE else said(value))
        for name, value in event.details.items()
    ]


def said(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(str(one) for one in value[:12])
        return f"{shown} and {len(value) - 12} more" if len(value) > 12 else shown
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def trail_context(request: HttpRequest, project: Project, projects: list[Project]) -> dict[str, Any]:
    user: User = request.user  # type: ignore[assignment]
    everything = TrailEvent.objects.filter(chain=trail.chain_of(project))
    action, who, chart = (request.GET.get(name, "").strip() for name in ("action", "person", "chart"))
    events = everything
    if action:
        events = events.filter(action=action)
    if who:
        events = events.filter(actor=as_id(who))
    if chart:
        events = events_of_chart(events, as_id(chart))
    page = Paginator(events.select_related("actor").order_by("-number"), ROWS).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    actors = everything.order_by().values("actor").distinct()
    return {
        "project": project,
        "projects": projects,
        "actions": list(everything.order_by("action").values_list("action", flat=True).distinct()),
        "people": User.objects.filter(pk__in=actors).order_by("last_name", "first_name", "username"),
        "action": action,
        "person": who,
        "chart": chart,
        "page": page,
        "lines": lines(page.object_list, user, project),
        "query": query.urlencode(),
        "filters": {name: value for name, value in (("action", action), ("person", who), ("chart", chart)) if value},
        "may_open": can(user, Permission.READ_CHARTS, project),
    }


@require_safe
@login_required
def events(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_TRAIL, request.GET.get("project", ""))
    context = trail_context(request, project, projects)
    response = render(request, "trail/trail.html", context)
    if context["filters"]:
        found = {"found": context["page"].paginator.count}
        # What was typed may be anything; only what names something of ours goes into the trail for good.
        asked = {f"for_{name}": value for name, value in context["filters"].items() if known(name, value, context)}
        trail.record("trail.searched", by=user, project=project, subject=project, **asked, **found)
    return response


def known(name: str, value: str, context: dict[str, Any]) -> bool:
    return value in context["actions"] if name == "action" else as_id(value) > 0


@require_POST
@login_required
def verify(request: HttpRequest) -> HttpResponse:
    """Compute the chain of the project anew: whole, or where it breaks."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_TRAIL, request.POST.get("project", ""))
    chain = trail.chain_of(project)
    breaks = list(islice(trail.verify(chain), BREAKS_SHOWN))
    head = TrailHead.objects.filter(chain=chain).first()
    trail.record("trail.verified", by=user, project=project, subject=project, breaks=len(breaks))
    context = trail_context(request, project, projects)
    context |= {"verified": True, "breaks": breaks, "head": head, "breaks_shown": BREAKS_SHOWN}
    return render(request, "trail/trail.html", context)


urlpatterns = [
    path("trail/", events, name="trail"),
    path("trail/verify/", verify, name="trail_verify"),
]
