"""My work: a coder's own pace beside accuracy, and what QA said. Nobody else's, and nobody else sees it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from coding import own_work, reports
from coding.models import User
from coding.permissions import Permission
from coding.views import chosen_project

PERIODS = {"week": "This week", "month": "This month", "quarter": "This quarter", "days": "Days of my choice"}


@require_safe
@login_required
def my_work(request: HttpRequest) -> HttpResponse:
    """?period=week, month, quarter, or days with from and to. The page is always of the person who asks."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.CODE, request.GET.get("project", ""))
    asked, problem = request.GET.get("period", "month"), ""
    if asked not in PERIODS:
        asked, problem = "month", "There is no such period."
    try:
        if asked == "days":
            period = reports.Period.read(request.GET.get("from", ""), request.GET.get("to", ""))
        else:
            period = reports.Period.current(asked)
    except ValueError as error:
        problem, period = str(error), reports.Period.read("", "")
    context = {
        "project": project,
        "projects": projects,
        "periods": PERIODS,
        "asked": asked,
        "problem": problem,
        "own": own_work.own(user, project, period),
        "idle_minutes": reports.IDLE_AFTER.seconds // 60,
    }
    return render(request, "mine/work.html", context, status=400 if problem else 200)


urlpatterns = [path("my-work/", my_work, name="my_work")]
