"""Queries to providers: what is to be sent, what waits, and what was answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from coding.actions import provider_queries, qa, trail
from coding.actions.provider_queries import NotAQuery, NotSendable, Place, faults_of
from coding.models import Note, Project, ProviderQuery, User
from coding.models.provider_queries import ProviderQuerySet
from coding.permissions import Permission, can_work_on_query, check_can_work_on_query
from coding.provider_queries import practice
from coding.refusals import NotAnAnswer
from coding.views import as_id, chosen_project
from coding.views.suggestions import place_of
from coding.workflow import FINISHED, QueryStatus

ROWS = 25
OVERDUE = "overdue"
# What wants doing first.
SHELVES = (
    (QueryStatus.DRAFT, "To be sent"),
    (OVERDUE, "Overdue"),
    (QueryStatus.SENT, "Waiting"),
    (QueryStatus.ANSWERED, "Answered"),
    (QueryStatus.WITHDRAWN, "Withdrawn"),
)


@dataclass(frozen=True)
class Indicator:
    """A quoted place of the record. value: how the form names it."""

    note: Note
    start: int
    end: int
    chosen: bool

    @property
    def value(self) -> str:
        return f"{self.note.pk}:{self.start}:{self.end}"

    @property
    def quote(self) -> str:
        return self.note.text[self.start : self.end]

    @property
    def page(self) -> int | None:
        return self.note.page_at(self.start)


def open_to(user: User) -> ProviderQuerySet:
    """The queries that the person may see now: an auditor sees none of a chart that they may still audit blind."""
    return ProviderQuery.objects.visible_to(user).exclude(decision__suggestion__in=qa.undisclosed_to(user).values("pk"))


def of_project(user: User, project: Project) -> ProviderQuerySet:
    return open_to(user).filter(decision__suggestion__chart__member__project=project)


def on_shelf(queries: ProviderQuerySet, shelf: str, today: date) -> ProviderQuerySet:
    if shelf == OVERDUE:
        return queries.overdue(today)
    found = queries.filter(status=shelf)
    return found.filter(due_on__gte=today) if shelf == QueryStatus.SENT else found


@require_safe
@login_required
def provider_query_list(request: HttpRequest) -> HttpResponse:
    """The queries of a project that the person sees, by what is to be done with them."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_QUERIES, request.GET.get("project", ""))
    today = timezone.localdate()
    queries = of_project(user, project)
    late = Q(status=QueryStatus.SENT, due_on__lt=today)
    counts = queries.aggregate(
        **{str(status): Count("pk", filter=Q(status=status) & ~late) for status in QueryStatus},
        overdue=Count("pk", filter=late),
    )
    shelves = [(name, title, counts[str(name)]) for name, title in SHELVES]
    names = [str(name) for name, _ in SHELVES]
    first = next((str(name) for name, _, count in shelves if count), names[0])
    shelf = request.GET.get("status", "")
    shelf = shelf if shelf in names else first
    rows = on_shelf(queries, shelf, today).with_record().order_by("due_on", "pk")
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "projects": projects,
        "shelves": shelves,
        "shelf": shelf,
        "title": {str(name): title for name, title in SHELVES}[shelf],
        "rows": [(query, (query.due_on - today).days if query.due_on else None) for query in page],
        "page": page,
        "query": f"project={project.name}&status={shelf}",
    }
    return render(request, "provider_queries/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def provider_query(request: HttpRequest, pk: int) -> HttpResponse:
    """One query: to be written and sent while it is a draft, then to wait for, then with its answer."""
    user: User = request.user  # type: ignore[assignment]
    query = get_object_or_404(open_to(user).with_record(), pk=pk)
    if request.method != "POST":
        trail.record("query.opened", by=user, project=query.chart.project, subject=query, chart=query.chart.pk)
        return page_of(request, query)
    check_can_work_on_query(user, query)
    try:
        said = act(request, query, user)
    except (NotAQuery, NotAnAnswer) as error:
        query.refresh_from_db()
        return page_of(request, query, problem=str(error))
    except NotSendable:  # the page lists what is to be changed
        query.refresh_from_db()
        return page_of(request, query, problem="The query is stored. It cannot be sent yet.")
    messages.success(request, said)
    return redirect("provider_query", pk)


def act(request: HttpRequest, query: ProviderQuery, user: User) -> str:
    """What the pressed button asks for. Returns what was done, in words."""
    form, today = request.POST, timezone.localdate()
    match form.get("do"):
        case "store" | "send" | "quote":
            provider_queries.change(
                query=query,
                question=form.get("question", ""),
                options=form.get("options", "").splitlines(),
                indicators=[*places_of(form.getlist("indicator")), *quoted(request, query)],
                by=user,
            )
            if form["do"] == "send":
                provider_queries.send(
                    query=query, to=form.get("to", ""), on=today, due_on=day_of(form.get("due", "")), by=user
                )
                return "The query is recorded as sent. Print it, or copy it into the way that your organization uses."
            return "The place is quoted." if form["do"] == "quote" else "The query is stored."
        case "answer":
            provider_queries.record_answer(
                query=query,
                answer=form.get("answer", ""),
                words=form.get("words", ""),
                provider=form.get("provider", ""),
                on=day_of(form.get("on", "")),
                today=today,
                by=user,
            )
            return "The answer is recorded. It changes no code by itself."
        case "withdraw":
            provider_queries.withdraw(query=query, by=user)
            return "The query is withdrawn."
    raise NotAQuery("Say what to do with the query.")


def quoted(request: HttpRequest, query: ProviderQuery) -> list[Place]:
    """The words that were copied into the form, where they stand in the notes."""
    if not request.POST.get("quote", "").strip():
        if request.POST.get("do") == "quote":
            raise NotAQuery("Copy the words that are to be quoted.")
        return []
    note, start, end = place_of(request, query.encounter.notes.all())
    return [(note.pk, start, end)]


def places_of(values: Iterable[str]) -> list[Place]:
    found = []
    for value in values:
        note, start, end = (as_id(part) for part in [*value.split(":"), "", ""][:3])
        found.append((note, start, end))
    return found


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotAQuery("Give the day as 2026-03-31.") from None


def indicators_of(query: ProviderQuery) -> list[Indicator]:
    """What the query quotes, and while it is a draft also the evidence that it could quote, in the record's order."""
    notes = {note.pk: note for note in query.encounter.notes.all()}
    chosen: set[Place] = {(note, start, end) for note, start, end in query.indicators}
    offered: set[Place] = set()
    if query.status == QueryStatus.DRAFT:
        offered = set(query.decision.suggestion.evidence.values_list("note_id", "start", "end"))
    return [
        Indicator(notes[note], start, end, (note, start, end) in chosen)
        for note, start, end in sorted({*chosen, *provider_queries.outermost(chosen | offered)})
        if note in notes
    ]


def page_of(request: HttpRequest, query: ProviderQuery, problem: str = "") -> HttpResponse:
    """The page of a query; with a problem, what was typed stands in the form again."""
    user: User = request.user  # type: ignore[assignment]
    today = timezone.localdate()
    is_draft = query.status == QueryStatus.DRAFT
    typed = request.POST if problem else {}
    context = {
        "query": query,
        "chart": query.chart,
        "project": query.chart.project,
        "suggestion": query.decision.suggestion,
        "encounter": query.encounter,
        "practice": practice(),
        "indicators": indicators_of(query),
        "faults": faults_of(query) if is_draft else [],
        "may_work": can_work_on_query(user, query),
        "is_draft": is_draft,
        "is_finished": query.chart.status in FINISHED,
        "is_overdue": query.is_overdue(today),
        "today": today.isoformat(),
        "question": typed.get("question", query.question),
        "options": typed.get("options", "\n".join(query.options)),
        "to": typed.get("to") or query.encounter.provider_name,
        "due": typed.get("due") or (today + timedelta(days=practice().days_to_answer)).isoformat(),
        "typed": typed,
        "problem": problem,
    }
    return render(request, "provider_queries/query.html", context, status=422 if problem else 200)


@require_safe
@login_required
def provider_query_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The query as it goes to the provider, to be printed. A draft that must not be sent has no letter."""
    user: User = request.user  # type: ignore[assignment]
    query = get_object_or_404(open_to(user).with_record(), pk=pk)
    if query.status == QueryStatus.DRAFT and faults_of(query):
        messages.error(request, "This query cannot be sent yet, so there is nothing to print.")
        return redirect(reverse("provider_query", args=[pk]))
    trail.record("query.printed", by=user, project=query.chart.project, subject=query, chart=query.chart.pk)
    context = {
        "query": query,
        "member": query.chart.member,
        "encounter": query.encounter,
        "project": query.chart.project,
        "practice": practice(),
        "indicators": [one for one in indicators_of(query) if one.chosen],
    }
    return render(request, "provider_queries/letter.html", context)


urlpatterns = [
    path("queries/", provider_query_list, name="provider_queries"),
    path("queries/<int:pk>/", provider_query, name="provider_query"),
    path("queries/<int:pk>/letter/", provider_query_letter, name="provider_query_letter"),
]
