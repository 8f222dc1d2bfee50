"""QA: draw a sample, audit its charts blind, settle, return. An auditor's own answer comes before the coder's."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Min, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from coding import agreement, contradictions, validity
from coding.actions import qa, trail
from coding.models import Assignment, Chart, Escalation, Project, QAReview, QASample, User
from coding.permissions import Permission, can, check_can
from coding.refusals import NotAnAnswer, Refused
from coding.views import as_id, chosen_project, saying
from coding.views import reading as chart_reading
from coding.views.charts import open_to
from coding.views.reading import COMMANDS, Answer, Reading
from coding.views.record import encounters_of
from coding.workflow import ANSWERS, CHANGE_REASONS, REASONS, REASONS_FOR, ChartStatus, Outcome

ROWS = 25
PERCENTAGE = 10  # random QA is 10 to 15 per cent of the charts by the field's habit, not by a regulation
AFTER_RETURN = (ChartStatus.RETURNED, ChartStatus.IN_REVIEW, ChartStatus.ON_HOLD, ChartStatus.CODED)


# --- The room ------------------------------------------------------------------------------------------------------


class DrawForm(forms.Form):
    percentage = forms.IntegerField(min_value=1, max_value=100)
    seed = forms.IntegerField(min_value=0, max_value=2_147_483_647)


@dataclass
class Returned:
    """A chart that QA returned, with the words on it and the coder's to them."""

    chart: Chart
    reviews: list[QAReview] = field(default_factory=list)

    @property
    def unanswered(self) -> int:
        return sum(not review.coder_response for review in self.reviews)

    @property
    def rebuttals(self) -> list[QAReview]:
        return [r for r in self.reviews if r.coder_response == QAReview.CoderResponse.REBUTTED]


def waiting_charts(project: Project) -> QuerySet[Any]:
    """Coded charts, the longest waiting first, each with the coder who finished it as `finisher`."""
    finished = Assignment.objects.filter(chart=OuterRef("pk"), ended_by="finished").order_by("-pk")
    return (
        Chart.objects.filter(member__project=project, status=ChartStatus.CODED)
        .annotate(finisher=Subquery(finished.values("coder")[:1]))
        .order_by("status_since", "pk")
    )


def returned_charts(project: Project) -> list[Returned]:
    """Charts that came back from QA and are not closed yet, the newest words of each."""
    reviews = (
        QAReview.objects.filter(
            sample__project=project,
            verdict=QAReview.Verdict.OVERTURN,
            decision__suggestion__chart__status__in=AFTER_RETURN,
        )
        .select_related("decision__suggestion__chart", "decision__decided_by")
        .order_by("decision__suggestion__chart__status_since", "decision__suggestion__chart", "pk")
    )
    newest: dict[int, int] = {}
    for review in reviews:
        pk = review.decision.suggestion.chart_id
        newest[pk] = max(newest.get(pk, 0), review.sample_id)
    found: dict[int, Returned] = {}
    for review in reviews:
        chart = review.decision.suggestion.chart
        if review.sample_id == newest[chart.pk]:
            found.setdefault(chart.pk, Returned(chart)).reviews.append(review)
    return list(found.values())


@require_safe
@login_required
def room(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.AUDIT, request.GET.get("project", ""))
    return render(request, "qa/room.html", room_context(request, project, projects))


def room_context(
    request: HttpRequest, project: Project, projects: list[Project], form: DrawForm | None = None
) -> dict[str, object]:
    user: User = request.user  # type: ignore[assignment]
    waiting = waiting_charts(project)
    by_coder = waiting.order_by().values("finisher").annotate(n=Count("pk"), oldest=Min("status_since"))
    people = User.objects.in_bulk([row["finisher"] for row in by_coder if row["finisher"]])
    samples = Paginator(project.qa_samples.select_related("drawn_by").annotate(n=Count("charts")).order_by("-pk"), ROWS)
    page = samples.get_page(request.GET.get("page"))
    agreements = agreement.agreements(page.object_list)
    return {
        "project": project,
        "projects": projects,
        "waiting": waiting[:ROWS],
        "waiting_count": sum(row["n"] for row in by_coder),
        "by_coder": [(people.get(row["finisher"]), row["n"], row["oldest"]) for row in by_coder],
        "people": {pk: person.display_name for pk, person in people.items()},
        "in_qa": Chart.objects.filter(member__project=project, status=ChartStatus.IN_QA).count(),
        "returned": returned_charts(project),
        "samples": [(sample, agreements.get(sample.pk, agreement.Agreement())) for sample in page.object_list],
        "page": page,
        "query": f"project={project.name}",
        "form": form or DrawForm(initial={"percentage": PERCENTAGE, "seed": secrets.randbelow(1_000_000)}),
        "may_assign": can(user, Permission.ASSIGN, project),
        "asked": Escalation.objects.filter(chart__member__project=project, ended_at=None).count(),
    }


@require_POST
@login_required
def draw(request: HttpRequest) -> HttpResponse:
    """Draw a sample. The seed is stored with it: the same charts, percentage and seed draw the same again."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.AUDIT, request.POST.get("project", ""))
    form = DrawForm(request.POST)
    if not form.is_valid():
        return render(request, "qa/room.html", room_context(request, project, projects, form), status=422)
    with saying(request):
        sample = qa.draw_sample(project=project, by=user, **form.cleaned_data)
        messages.success(request, f"Sample {sample.pk} is drawn.")
        return redirect("qa_sample", sample.pk)
    return redirect(f"{reverse('qa')}?project={project.name}")


@require_POST
@login_required
def close(request: HttpRequest) -> HttpResponse:
    """Close the ticked coded charts without audit: all of them or none."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.AUDIT, request.POST.get("project", ""))
    ids = {as_id(pk) for pk in request.POST.getlist("chart")}
    charts = Chart.objects.filter(member__project=project, pk__in=ids).select_related("member__project")
    if len(charts) != len(ids):
        raise Http404
    try:
        with transaction.atomic():
            for chart in charts:
                qa.close(chart=chart, by=user)
    except Refused as error:
        messages.error(request, f"{error} Nothing was closed.")
    else:
        said = f"{len(charts)} closed without audit." if charts else "Tick the charts to close first."
        (messages.success if charts else messages.error)(request, said)
    return redirect(f"{reverse('qa')}?project={project.name}")


@dataclass
class SampledChart:
    """A chart of a sample: how many decisions are drawn, answered blind, settled and overturned."""

    chart: Chart
    reviews: int = 0
    answered: int = 0
    settled: int = 0
    overturned: int = 0


@require_safe
@login_required
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    sample = get_object_or_404(
        QASample.objects.filter(project__in=Project.objects.of(user)).select_related("project", "drawn_by"), pk=pk
    )
    check_can(user, Permission.AUDIT, sample.project)
    charts = {chart.pk: SampledChart(chart) for chart in sample.charts.order_by("pk")}
    for chart, own, verdict in sample.reviews.values_list("decision__suggestion__chart", "own_outcome", "verdict"):
        row = charts[chart]
        row.reviews += 1
        row.answered += bool(own)
        row.settled += bool(verdict)
        row.overturned += verdict == QAReview.Verdict.OVERTURN
    context = {
        "sample": sample,
        "project": sample.project,
        "rows": list(charts.values()),
        "agreement": agreement.agreements([sample]).get(sample.pk, agreement.Agreement()),
        "following": next((r.chart for r in charts.values() if r.chart.status == ChartStatus.IN_QA), None),
    }
    return render(request, "qa/sample.html", context)


# --- The audit of one chart ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """One sampled decision: the question as the coder saw it, and its review."""

    question: chart_reading.Question
    review: QAReview

    @property
    def is_same(self) -> bool:
        theirs = self.review.decision
        audited = agreement.Audited(
            self.review.own_outcome, self.review.own_icd10, theirs.outcome, theirs.icd10, self.review.verdict
        )
        return audited.is_same


@dataclass(frozen=True)
class Card:
    """One code and kind over its dates of service. The coder's answers show when every date has an own answer: the
    same code on two dates mostly has the same answer, and one would give the other away."""

    shown: chart_reading.Card
    items: list[Item]

    @property
    def key(self) -> int:
        return self.shown.key

    @property
    def waiting(self) -> list[Item]:
        return [item for item in self.items if not item.review.own_outcome]

    @property
    def unsettled(self) -> list[Item]:
        return [] if self.waiting else [item for item in self.items if not item.review.settled_at]

    @property
    def asked(self) -> list[Item]:
        """What the card's buttons settle: first the dates on which the answers differ, then those where they do not."""
        return [item for item in self.unsettled if not item.is_same] or self.unsettled

    @property
    def is_open(self) -> bool:
        return bool(self.waiting or self.unsettled)

    @property
    def answers(self) -> list[Answer]:
        """An own answer needs a panel for its reason or its code only; words for the coder come with the verdict."""
        return [
            Answer(outcome, COMMANDS[outcome], outcome in REASONS_FOR)
            for outcome in (Outcome.ACCEPT, Outcome.KEEP, Outcome.REJECT, Outcome.DELETE, Outcome.CHANGE, Outcome.QUERY)
            if outcome in ANSWERS[self.shown.kind]
        ]


@dataclass(frozen=True)
class Audit:
    chart: Chart
    sample: QASample
    reading: Reading
    cards: list[Card]

    @property
    def may_answer(self) -> bool:
        return self.chart.status == ChartStatus.IN_QA

    @property
    def open_cards(self) -> int:
        return sum(card.is_open for card in self.cards)

    @property
    def unsettled_cards(self) -> list[Card]:
        return [card for card in self.cards if card.is_open]

    @property
    def settled_cards(self) -> list[Card]:
        return [card for card in self.cards if not card.is_open]

    @property
    def same(self) -> list[Item]:
        """Revealed decisions to which auditor and coder gave the same answer: agreed with at once."""
        return [item for card in self.cards for item in card.unsettled if item.is_same]

    @property
    def overturned(self) -> list[Item]:
        items = (item for card in self.cards for item in card.items)
        return [item for item in items if item.review.verdict == QAReview.Verdict.OVERTURN]

    @property
    def words(self) -> list[tuple[str, str, list[str]]]:
        """What the coder is told: (code, words, dates of service), the same words on several dates once."""
        dates: dict[tuple[str, str], list[str]] = {}
        for item in self.overturned:
            said = (item.question.suggestion.icd10, item.review.comment)
            dates.setdefault(said, []).append(item.question.encounter.date_from.isoformat())
        return [(code, words, on) for (code, words), on in dates.items()]

    def after(self, key: int) -> Card | None:
        keys = [card.key for card in self.cards]
        at = keys.index(key) if key in keys else -1
        return next((card for card in [*self.cards[at + 1 :], *self.cards[: at + 1]] if card.is_open), None)


def kind_and_code(question: chart_reading.Question) -> tuple[str, str]:
    return question.suggestion.kind, question.suggestion.icd10


def without_marks(question: chart_reading.Question) -> chart_reading.Question:
    """The question without what the coder marked in the notes. A code that the coder found keeps its evidence: it has
    no other, and looks like any that the rules found."""
    if question.suggestion.added_by_id:
        return question
    spans = ((group.label, [span for span in group.spans if span.tagged_by_id is None]) for group in question.groups)
    return replace(question, groups=[chart_reading.Group(label, kept) for label, kept in spans if kept])


def read_audit(chart: Chart, *, with_record: bool = True) -> Audit:
    """The newest sample's reviews of the chart, in the order of the record. A chart that no sample drew is a 404."""
    drawn = chart.qa_samples.order_by("-pk").first()
    if drawn is None:
        raise Http404
    reviews = {review.decision.suggestion_id: review for review in qa.reviews_of(chart)}
    questions = chart_reading.questions_of(chart, blind=True)
    answered = {kind_and_code(q) for q in questions} - {
        kind_and_code(q)
        for q in questions
        if q.suggestion.pk not in reviews or not reviews[q.suggestion.pk].own_outcome
    }
    questions = [q if kind_and_code(q) in answered else without_marks(q) for q in questions]
    encounters = encounters_of(chart) if with_record else list(validity.encounters_of(chart))
    differing = contradictions.of_chart(chart, encounters)
    record = chart_reading.record_of(chart, questions, None, encounters, differing) if with_record else []
    shown = chart_reading.cards_of(chart, questions, [])
    chart_reading.contradict(shown, differing)
    cards = []
    for card in shown:
        items = [Item(q, reviews[q.suggestion.pk]) for q in card.questions if q.suggestion.pk in reviews]
        if items:
            cards.append(Card(card, items))
    reading = Reading(chart, record, shown, [], may_answer=False, blind=True)
    return Audit(chart, drawn, reading, cards)


def chart_in_audit(request: HttpRequest, pk: int) -> Chart:
    """The chart, for somebody who may audit; a chart that they may not see is a 404."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    check_can(user, Permission.AUDIT, chart.project)
    return chart


def audit_context(audit: Audit) -> dict[str, object]:
    return {
        "chart": audit.chart,
        "member": audit.chart.member,
        "audit": audit,
        "reading": audit.reading,
        "reasons": REASONS,
        "change_reasons": CHANGE_REASONS,
    }


@require_safe
@login_required
def audit(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_audit(request, pk)
    audited = read_audit(chart)
    trail.record("chart.opened", by=user, project=chart.project, subject=chart, through="audit")
    return render(request, "qa/audit.html", audit_context(audited))


def chosen_reviews(request: HttpRequest, chart: Chart) -> list[QAReview]:
    ids = {as_id(pk) for pk in request.POST.getlist("r")}
    found = [review for review in qa.reviews_of(chart) if review.pk in ids]
    if not found:
        raise NotAnAnswer("This question is not asked any more. Load the page again.")
    return found


def card_key(audit: Audit, reviews: Iterable[QAReview]) -> int:
    wanted = {review.pk for review in reviews}
    return next((card.key for card in audit.cards if any(i.review.pk in wanted for i in card.items)), 0)


def work(request: HttpRequest, chart: Chart, said: str, *, reviews: list[QAReview]) -> HttpResponse:
    """The questions after an answer: swapped in place by htmx, or the page at the right card.

    An own answer stays on its card, where the coder's now stands beside it; a settled one moves on.
    """
    htmx = request.htmx  # type: ignore[attr-defined]
    audited = read_audit(chart, with_record=False)
    key = card_key(audited, reviews)
    same_card = next((card for card in audited.cards if card.key == key and card.is_open), None)
    following = same_card or audited.after(key)
    focus = f"card-{following.key}" if following else "finish-button"
    if not htmx:
        messages.success(request, said)
        return redirect(f"{reverse('qa_audit', args=[chart.pk])}#{focus}")
    left = f"{audited.open_cards} left." if audited.open_cards else "All are settled: conclude the audit."
    response = render(request, "qa/audit.html#work", audit_context(audited))
    return trigger_client_event(response, "answered", {"focus": focus, "say": f"{said} {left}"}, after="settle")


def refused(
    request: HttpRequest, chart: Chart, error: Exception, *, reviews: list[QAReview], panel: str = ""
) -> HttpResponse:
    """The card again with what is missing and what was typed."""
    htmx = request.htmx  # type: ignore[attr-defined]
    audited = read_audit(chart, with_record=not htmx)
    key = card_key(audited, reviews)
    context = audit_context(audited) | {
        "asked": key,
        "asked_reviews": [review.pk for review in reviews],
        "panel": panel,
        "problem": str(error),
        "typed": {name: request.POST.get(name, "") for name in ("icd10", "reason", "comment")},
    }
    response = render(request, "qa/audit.html#work" if htmx else "qa/audit.html", context, status=422)
    if htmx:
        said = {"focus": f"card-{key}", "panel": bool(panel), "say": str(error)}
        trigger_client_event(response, "answered", said, after="settle")
    return response


@require_POST
@login_required
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """The auditor's own answer to one question, on all the dates that the form names."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_audit(request, pk)
    reviews: list[QAReview] = []
    with saying(request, otherwise="Choose an answer."):
        outcome = Outcome(request.POST.get("outcome", ""))
        reviews = chosen_reviews(request, chart)
    if not reviews:
        return redirect("qa_audit", chart.pk)
    panel = outcome.value if outcome in REASONS_FOR else ""
    try:
        with transaction.atomic():
            for review in reviews:
                if not review.own_outcome:
                    qa.answer_blind(
                        review=review,
                        outcome=outcome,
                        by=user,
                        icd10_code=request.POST.get("icd10", ""),
                        reason=request.POST.get("reason", ""),
                    )
    except NotAnAnswer as error:
        return refused(request, chart, error, reviews=reviews, panel=panel)
    return work(request, chart, f"Your answer to {reviews[0].decision.suggestion.icd10} is stored.", reviews=reviews)


@require_POST
@login_required
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Agree with the coder on the named decisions, or overturn them with a word to the coder."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_audit(request, pk)
    reviews: list[QAReview] = []
    with saying(request, otherwise="Agree or overturn."):
        verdict = QAReview.Verdict(request.POST.get("verdict", ""))
        reviews = chosen_reviews(request, chart)
    if not reviews:
        return redirect("qa_audit", chart.pk)
    try:
        with transaction.atomic():
            for review in reviews:
                if not review.settled_at:
                    qa.settle(review=review, verdict=verdict, by=user, comment=request.POST.get("comment", ""))
    except NotAnAnswer as error:
        panel = verdict.value if verdict == QAReview.Verdict.OVERTURN else ""
        return refused(request, chart, error, reviews=reviews, panel=panel)
    done = {QAReview.Verdict.AGREE: "Agreed", QAReview.Verdict.OVERTURN: "Overturned"}[verdict]
    codes = ", ".join(dict.fromkeys(review.decision.suggestion.icd10 for review in reviews))
    return work(request, chart, f"{done}: {codes}.", reviews=reviews)


@require_POST
@login_required
def conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the chart when every decision stood, otherwise return it to its coder with the auditor's words."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_audit(request, pk)
    with saying(request):
        status = qa.conclude(chart=chart, by=user)
        ended = "goes back to its coder" if status == ChartStatus.RETURNED else "is closed"
        messages.success(request, f"The audit is concluded: chart {chart.pk} {ended}.")
        drawn = chart.qa_samples.order_by("-pk").first()
        return redirect("qa_sample", drawn.pk) if drawn else redirect("qa")
    return redirect("qa_audit", chart.pk)


urlpatterns = [
    path("qa/", room, name="qa"),
    path("qa/draw/", draw, name="qa_draw"),
    path("qa/close/", close, name="qa_close"),
    path("qa/samples/<int:pk>/", sample, name="qa_sample"),
    path("qa/charts/<int:pk>/", audit, name="qa_audit"),
    path("qa/charts/<int:pk>/answer/", answer, name="qa_answer"),
    path("qa/charts/<int:pk>/settle/", settle, name="qa_settle"),
    path("qa/charts/<int:pk>/conclude/", conclude, name="qa_conclude"),
]
