"""Scores step by step: of a chart, for the review page."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

import scoring
from coding import scores
from coding.actions import trail
from coding.models import Chart, User
from coding.permissions import NotAllowed, check_can_see_scores
from coding.views.charts import open_to
from coding.views.reading import is_blind

STAGES = {"baseline": "First pass", "now": "Now", "projected": "If followed"}
DOCUMENTED, PAID, PAID_AT_MOST = "documented", "paid", "most"


@dataclass(frozen=True)
class Reading:
    """One of a panel's scores. stage: of STAGES; how: documented, paid, or paid at most, where not all is known."""

    stage: str
    how: str
    score: scoring.Score

    @property
    def words(self) -> str:
        hows = {
            DOCUMENTED: "as documented",
            PAID: "as it would be paid",
            PAID_AT_MOST: "paid, if all counts that may",
        }
        return f"{STAGES[self.stage]}, {hows[self.how]}"


def readings(panel: scores.Panel) -> list[Reading]:
    """The panel's scores: the three as documented, and as paid where that is another one or not known."""
    found = []
    for stage in STAGES:
        score = getattr(panel, stage)
        found.append(Reading(stage, DOCUMENTED, score))
        paid: scores.PaidScore = getattr(panel.paid, stage)
        if paid.sure.payment != score.payment:
            found.append(Reading(stage, PAID, paid.sure))
        if paid.payment.amount is None:
            found.append(Reading(stage, PAID_AT_MOST, paid.most))
    return found


def check_can_see_scores_of(user: User, chart: Chart) -> None:
    check_can_see_scores(user, chart.project)
    if is_blind(user, chart):
        raise NotAllowed(f"Chart {chart.pk} is in audit: its scores show once your own answers are given.")


@require_safe
@login_required
def steps(request: HttpRequest, pk: int, program: str) -> HttpResponse:
    """How one of a chart's scores comes about, line by line: swapped into the review page, or a page of its own."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    check_can_see_scores_of(user, chart)
    panel = next((panel for panel in scores.chart_scores(chart) if panel.program == program), None)
    if panel is None:
        raise Http404
    trail.record("score.opened", by=user, project=chart.project, subject=chart, program=program)
    context: dict[str, object] = {"chart": chart, "panel": panel}
    if not panel.problem:
        offered = readings(panel)
        asked = (request.GET.get("of", "now"), request.GET.get("as", DOCUMENTED))
        chosen = next((one for one in offered if (one.stage, one.how) == asked), offered[1])
        context |= {"readings": offered, "chosen": chosen}
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "scoring/steps.html", context)
    response = render(request, "scoring/steps.html#steps", context)
    said = f"{chosen.words}: {chosen.score.payment:.3f}, step by step." if not panel.problem else panel.problem
    return trigger_client_event(response, "said", {"say": said}, after="settle")


urlpatterns = [
    path("charts/<int:pk>/score/<slug:program>/", steps, name="score_steps"),
]
