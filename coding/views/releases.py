"""Which risk model releases score here, where each is from, and what of it nobody has checked. Nothing is changed here:
`import_model_tables` brings releases in."""

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from coding.models import User
from coding.permissions import check_can_calculate
from coding.views.calculator import TITLES
from scoring.releases import releases


@require_safe
@login_required
def model_releases(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    check_can_calculate(user)
    programs = [
        (TITLES.get(program, program), list(group))
        for program, group in groupby(releases(), key=lambda one: one.program)
    ]
    return render(request, "scoring/releases.html", {"programs": programs})


urlpatterns = [path("model-releases/", model_releases, name="model_releases")]
