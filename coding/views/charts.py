"""The review page, and what is done with a whole chart: finish, hold, release, resume, upload."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from coding.actions import queues, trail
from coding.actions.charts import ImportRefused, OtherProject, import_charts
from coding.intake import IntakeErrors, Problem, formats
from coding.models import Chart, Escalation, ProviderQuery, User
from coding.models.charts import ChartQuerySet
from coding.permissions import Permission, can, can_code_chart
from coding.provider_queries import practice
from coding.templatetags.secondpass import SPAN_LETTERS
from coding.views import chosen_project, saying
from coding.views.reading import Reading, answers_to, read_chart
from coding.workflow import CHANGE_REASONS, REASONS, ChartStatus, QueryStatus, SpanLabel, SuggestionKind

MEAT = [
    (label.value, label.label, SPAN_LETTERS[label])
    for label in (SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT)
]
HOLD_REASONS = ("Missing page", "Illegible", "Wrong member", "Provider query sent")


def open_to(request: HttpRequest) -> ChartQuerySet:
    """The charts that the person may open; everything else is a 404."""
    user: User = request.user  # type: ignore[assignment]
    return Chart.objects.visible_to(user).select_related("member__project").distinct()


def review_context(reading: Reading, user: User) -> dict[str, object]:
    return {
        "chart": reading.chart,
        "member": reading.chart.member,
        "project": reading.chart.project,
        "encounters": [page.encounter for page in reading.encounters],
        "reading": reading,
        "reasons": REASONS,
        "change_reasons": CHANGE_REASONS,
        "query_subjects": {key: subject.label for key, subject in practice().subjects.items()},
        "hold_reasons": HOLD_REASONS,
        "meat": MEAT,
        "may_add_document": can(user, Permission.IMPORT_CHARTS, reading.chart.project),
        # Reversed once: each card has forms.
        "answer_url": reverse("answer", args=[reading.chart.pk]),
        "conditions_url": reverse("conditions"),
        "undo_url": reverse("undo", args=[reading.chart.pk]),
        "evidence_url": reverse("evidence", args=[reading.chart.pk]),
        "answer_rows": answer_rows(user) if reading.may_answer else {},
    }


def answer_rows(user: User) -> dict[str, str]:
    """The buttons of a card, by kind of question: the same on all its cards."""
    return {
        kind.value: render_to_string("charts/card.html#answer_row", {"answers": answers_to(kind), "user": user})
        for kind in SuggestionKind
    }


@require_safe
@login_required
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    trail.record("chart.opened", by=user, project=chart.project, subject=chart)
    queues.seen(chart=chart, by=user)
    asked = chart.escalations.exclude(ended_at__isnull=False, answer="").select_related("asked_by", "answered_by")
    page = read_chart(chart, user)
    context = review_context(page, user) | {
        "escalations": asked,
        "only_opened": chart.status == ChartStatus.RETURNED  # and no auditor's words stand
        and not any(card.is_returned for card in page.cards)
        and chart.reopenings.exists(),
        "asks_lead": any(one.ended_at is None for one in asked),  # which is then why it is on hold
        "may_take_up": chart.status in (ChartStatus.ON_HOLD, ChartStatus.RETURNED) and queues.holds(chart, user),
        "answers_coders": can(user, Permission.ANSWER_CODERS, chart.project),
    }
    return render(request, "charts/chart.html", context)


@require_POST
@login_required
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        queues.finish(chart=chart, by=user)
        say_finished(request, chart)
        following = queues.claim_next(by=user, project=chart.project) if request.POST.get("then") == "next" else None
        return redirect("chart", following.pk) if following else redirect("queue")
    return redirect("chart", chart.pk)


def say_finished(request: HttpRequest, chart: Chart) -> None:
    """That the chart is finished, and what of it was not: pages that nobody could read, queries that nobody sent."""
    unread = chart.finished_reviews.order_by("-pk").values_list("pages_unread", flat=True)[0]
    beside = f" {unread} page{'s' * (unread > 1)} held no text and went unread by the rules." if unread else ""
    messages.success(request, f"Chart {chart.pk} is finished.{beside}")
    drafts = ProviderQuery.objects.filter(decision__suggestion__chart=chart, status=QueryStatus.DRAFT).count()
    if drafts:
        words = "1 query of it is" if drafts == 1 else f"{drafts} queries of it are"
        messages.warning(request, f"{words} written and not sent: see Queries.")


@require_POST
@login_required
def release(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        queues.release(chart=chart, by=user)
        messages.success(request, f"Chart {chart.pk} is back in the queue. Your answers on it stay.")
        return redirect("queue")
    return redirect("chart", chart.pk)


@require_POST
@login_required
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        queues.hold(chart=chart, reason=request.POST.get("reason", ""), by=user)
        messages.success(request, f"Chart {chart.pk} is on hold. It stays yours.")
        return redirect("queue")
    return redirect("chart", chart.pk)


@require_POST
@login_required
def escalate(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the lead; the chart is on hold until there is an answer."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        queues.escalate(chart=chart, question=request.POST.get("question", ""), by=user)
        messages.success(
            request, f"Your question on chart {chart.pk} is with the leads. It stays yours; go on with another."
        )
        return redirect("queue")
    return redirect("chart", chart.pk)


@require_POST
@login_required
def answer_escalation(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead's answer to a coder's question."""
    user: User = request.user  # type: ignore[assignment]
    asked = get_object_or_404(Escalation.objects.select_related("chart__member__project"), pk=pk)
    chart = get_object_or_404(open_to(request), pk=asked.chart_id)
    with saying(request):
        queues.answer_escalation(escalation=asked, answer=request.POST.get("answer", ""), by=user)
        messages.success(request, f"Chart {chart.pk} is with its coder again, with your answer.")
        return redirect(f"{reverse('chart_list')}?project={chart.project.name}")
    return redirect("chart", chart.pk)


@require_POST
@login_required
def here(request: HttpRequest, pk: int) -> HttpResponse:
    """The page says that its coder is at work on the chart. 409: it is not theirs any more."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    queues.seen(chart=chart, by=user)
    return HttpResponse(status=204 if can_code_chart(user, chart) else 409)


@require_POST
@login_required
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        queues.resume(chart=chart, by=user)
    return redirect("chart", chart.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """Import a chart file into a project. A bad file lists every problem with its line and field; nothing is stored."""
    user: User = request.user  # type: ignore[assignment]
    named = request.POST.get("project") or request.GET.get("project", "")
    project, projects = chosen_project(user, Permission.IMPORT_CHARTS, named)
    context: dict[str, object] = {"project": project, "projects": projects, "formats": formats()}
    if request.method == "POST":
        file, reader = request.FILES.get("file"), formats().get(request.POST.get("format", ""))
        apply = request.POST.get("apply") == "on"
        try:
            if file is None or reader is None:
                raise IntakeErrors([Problem(0, "", "Choose a file and its format.")])
            context["summary"] = import_charts(reader.read(file), project=project, by=user, apply=apply)
        except IntakeErrors as errors:
            context["problem"], context["problems"] = str(errors), errors.problems
        except ImportRefused as refused:
            context["problem"], context["differences"] = str(refused), refused.differences
        except OtherProject as error:
            context["problem"] = str(error)
        except OperationalError:
            # Raised after the commit, when the messages go out: the rows are the truth, and they say "queued".
            context["problem"] = "The charts are stored, but the worker does not answer: they are read when it does."
    return render(request, "charts/upload.html", context, status=422 if "problem" in context else 200)


urlpatterns = [
    path("charts/upload/", upload, name="upload"),
    path("charts/<int:pk>/", chart, name="chart"),
    path("charts/<int:pk>/finish/", finish, name="finish"),
    path("charts/<int:pk>/release/", release, name="release"),
    path("charts/<int:pk>/hold/", hold, name="hold"),
    path("charts/<int:pk>/escalate/", escalate, name="escalate"),
    path("escalations/<int:pk>/", answer_escalation, name="answer_escalation"),
    path("charts/<int:pk>/here/", here, name="here"),
    path("charts/<int:pk>/resume/", resume, name="resume"),
]
