"""The review page, and what is done with a whole chart: finish, hold, release, resume, upload."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from coding.actions import queues, trail
from coding.models import Chart, User
from coding.models.charts import ChartQuerySet
from coding.views.reading import Reading, read_chart
from coding.workflow import CHANGE_REASONS, REASONS

HOLD_REASONS = ("Missing page", "Illegible", "Wrong member", "Question for the lead", "Provider query sent")


def open_to(request: HttpRequest) -> ChartQuerySet:
    """The charts that the person may open; everything else is a 404."""
    user: User = request.user  # type: ignore[assignment]
    return Chart.objects.visible_to(user).select_related("member__project").distinct()


def review_context(reading: Reading) -> dict[str, object]:
    return {
        "chart": reading.chart,
        "member": reading.chart.member,
        "project": reading.chart.project,
        "reading": reading,
        "reasons": REASONS,
        "change_reasons": CHANGE_REASONS,
        "hold_reasons": HOLD_REASONS,
    }


@require_safe
@login_required
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    trail.record("chart.opened", by=user, project=chart.project, subject=chart)
    return render(request, "charts/chart.html", review_context(read_chart(chart, user)))


@require_POST
@login_required
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    try:
        queues.finish(chart=chart, by=user)
    except (queues.StillOpen, queues.WrongStatus) as error:
        messages.error(request, str(error))
        return redirect("chart", chart.pk)
    messages.success(request, f"Chart {chart.pk} is finished.")
    if request.POST.get("then") == "next":
        following = queues.claim_next(by=user, project=chart.project)
        if following:
            return redirect("chart", following.pk)
    return redirect("queue")


@require_POST
@login_required
def release(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    try:
        queues.release(chart=chart, by=user)
    except queues.WrongStatus as error:
        messages.error(request, str(error))
        return redirect("chart", chart.pk)
    messages.success(request, f"Chart {chart.pk} is back in the queue. Your answers on it stay.")
    return redirect("queue")


@require_POST
@login_required
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, "Say why the chart goes on hold.")
        return redirect("chart", chart.pk)
    try:
        queues.hold(chart=chart, reason=reason, by=user)
    except queues.WrongStatus as error:
        messages.error(request, str(error))
        return redirect("chart", chart.pk)
    messages.success(request, f"Chart {chart.pk} is on hold. It stays yours.")
    return redirect("queue")


@require_POST
@login_required
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    try:
        queues.resume(chart=chart, by=user)
    except queues.WrongStatus as error:
        messages.error(request, str(error))
    return redirect("chart", chart.pk)


urlpatterns = [
    path("charts/<int:pk>/", chart, name="chart"),
    path("charts/<int:pk>/finish/", finish, name="finish"),
    path("charts/<int:pk>/release/", release, name="release"),
    path("charts/<int:pk>/hold/", hold, name="hold"),
    path("charts/<int:pk>/resume/", resume, name="resume"),
]
