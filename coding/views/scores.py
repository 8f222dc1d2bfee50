"""Scores step by step, of a chart for the review page; and the page of a member's scores."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

import scoring
from coding import scores
from coding.actions import trail
from coding.member_scores import MemberScores, member_scores
from coding.models import Chart, User
from coding.permissions import NotAllowed, check_can_see_scores
from coding.views import as_id
from coding.views.charts import open_to
from coding.views.reading import is_blind

STAGES = {"baseline": "First pass", "now": "Now", "projected": "If followed", "ticked": "With what is ticked"}
DOCUMENTED, PAID, PAID_AT_MOST = "documented", "paid", "most"


@dataclass(frozen=True)
class Reading:
    """One of several scores. stage: of STAGES; how: documented, paid, or paid at most, where not all is known."""

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
    for stage in ("baseline", "now", "projected"):
        score = getattr(panel, stage)
        found.append(Reading(stage, DOCUMENTED, score))
        found += different(stage, score, getattr(panel.paid, stage))
    return found


def different(stage: str, documented: scoring.Score, paid: scores.PaidScore) -> list[Reading]:
    """What is paid, where it is another score; and both, where it is not known which."""
    found = []
    if paid.sure.payment != documented.payment:
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
    if "of" not in request.GET:  # unfolded, by hand or again after an answer, whose own words must not be spoken over
        return response
    said = f"{chosen.words}: {chosen.score.payment:.3f}, step by step." if not panel.problem else panel.problem
    return trigger_client_event(response, "said", {"say": said}, after="settle")


# --- A member ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A program and payment year to choose. own: the chosen chart's dates of service pay for it."""

    program: str
    year: int
    model: str
    own: bool


def choices(chart: Chart) -> list[Choice]:
    """Every year on file of the project's programs, in their order."""
    found = []
    for program in scores.programs(chart):
        own = scores.payment_year(chart, program)
        for one in scoring.programs():
            if one.program == program:
                blend = " + ".join(f"{name} {share} %" if share < 100 else name for name, share in one.models if share)
                found.append(Choice(program, one.payment_year, blend, one.payment_year == own))
    return found


def member_readings(found: MemberScores) -> list[Reading]:
    offered = []
    for stage, score in found.documented.items():
        offered.append(Reading(stage, DOCUMENTED, score))
        if stage in found.paid:
            offered += different(stage, score, found.paid[stage])
    return offered


@require_safe
@login_required
def member(request: HttpRequest, pk: int) -> HttpResponse:
    """A member's categories by year, the score of a chart in any payment year, and what any open answers would do."""
    user: User = request.user  # type: ignore[assignment]
    visible = open_to(request).filter(member=pk).prefetch_related("member__enrollments").order_by("service_year")
    charts = list(visible)
    if not charts:
        raise Http404
    project = charts[0].project
    check_can_see_scores(user, project)
    shown = [one for one in charts if not is_blind(user, one)]
    if not shown:
        raise NotAllowed("This member's charts are in audit: scores show once your own answers are given.")
    asked = as_id(request.GET.get("chart", ""))
    chart = next((one for one in shown if one.pk == asked), shown[-1])
    years = choices(chart)
    wanted = (request.GET.get("program", ""), as_id(request.GET.get("year", "")))
    choice = next((one for one in years if (one.program, one.year) == wanted), None) or next(
        (one for one in years if one.own), None
    )
    for one in shown:
        trail.record("scores.opened", by=user, project=project, subject=one, member=pk)
    context: dict[str, object] = {
        "member": chart.member,
        "project": project,
        "charts": shown,
        "hidden": len(charts) - len(shown),
        "chart": chart,
        "years": years,
        "choice": choice,
    }
    said = "No program of the project is on file."
    if choice:
        ticked = {as_id(one) for one in request.GET.getlist("s")}
        found = member_scores(chart, shown, choice.program, choice.year, ticked)
        offered = member_readings(found)
        of = (request.GET.get("of", ""), request.GET.get("as", DOCUMENTED))
        plain = [one for one in offered if one.how == DOCUMENTED][-1:]
        chosen = next((one for one in offered if (one.stage, one.how) == of), plain[0] if plain else None)
        kept = [("s", offer.key) for offer in found.offers if offer.ticked]
        context |= {"scores": found, "readings": offered, "chosen": chosen, "ticked": urlencode(kept)}
        said = spoken(found)
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "scoring/member.html", context)
    response = render(request, "scoring/member.html#scores", context)
    return trigger_client_event(response, "said", {"say": said}, after="settle")


def spoken(found: MemberScores) -> str:
    """What changed, in a sentence for those who do not see it."""
    if found.problem:
        return found.problem
    if found.together is None:
        return f"Score now {found.documented['now'].payment:.3f}. Nothing is ticked."
    delta = found.together.delta
    words = f"{len(found.together.parts)} ticked: {delta.payment:+.3f}"
    if found.own_year and delta.paid_differs:
        words += ", as paid " + (f"{delta.paid.amount:+.3f}" if delta.paid.amount is not None else "not known")
    return f"{words}. Score {found.documented['ticked'].payment:.3f}."


urlpatterns = [
    path("members/<int:pk>/scores/", member, name="member_scores"),
    path("charts/<int:pk>/score/<slug:program>/", steps, name="score_steps"),
]
