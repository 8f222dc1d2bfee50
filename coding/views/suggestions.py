"""Answers to the questions of a chart, and codes that a coder adds by hand."""

from collections.abc import Iterable, Mapping
from datetime import date

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from coding import icd10, scores
from coding.actions import qa, queues, suggestions
from coding.models import Chart, Decision, Encounter, EvidenceSpan, Note, QAReview, Suggestion, User
from coding.permissions import NotAllowed, can_see_scores, check_can_code_chart
from coding.refusals import NotAnAnswer
from coding.validity import Validity
from coding.views import as_id, saying
from coding.views.charts import MEAT, open_to, review_context
from coding.views.reading import Reading, is_blind, marked_note, read_chart
from coding.workflow import REASONS_FOR, Outcome, SpanLabel, SuggestionStatus

SPOKEN = {
    Outcome.ACCEPT: "Accepted",
    Outcome.REJECT: "Rejected",
    Outcome.KEEP: "Kept",
    Outcome.DELETE: "Deleted",
    Outcome.CHANGE: "Changed",
    Outcome.QUERY: "Query noted",
}
SHOWN_BESIDE = 12
FAVOURITES, RECENT, LOOKED_BACK = 20, 8, 60
NEEDS_PANEL = (Outcome.REJECT, Outcome.DELETE, Outcome.CHANGE, Outcome.QUERY)


def chart_in_review(request: HttpRequest, pk: int) -> Chart:
    """The chart, for the coder who holds it; a chart that the person may not see is a 404."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    check_can_code_chart(user, chart)
    return chart


def chosen(request: HttpRequest, chart: Chart) -> list[Suggestion]:
    """The suggestions that the form, or the address, names: one code of the chart, on one or more dates of service."""
    named = (request.POST if request.method == "POST" else request.GET).getlist("s")
    ids = [int(pk) for pk in named if pk.isdecimal()]
    live = chart.suggestions.live().select_related("encounter")
    found = list(live.filter(pk__in=ids).order_by("encounter__date_from", "pk"))
    if not found:
        raise NotAnAnswer("This question is not asked any more. Load the page again.")
    if len({(one.kind, one.icd10) for one in found}) > 1:
        raise NotAnAnswer("Each code is answered by itself.")
    return found


def score_now(reading: Reading) -> str:
    """The first program's score in a few spoken words, where the person may see it."""
    panel = next((panel for panel in reading.panels if panel.now is not None), None)
    if panel is None or panel.now is None:
        return ""
    paid = panel.paid.now.payment.amount if panel.paid else None
    if paid == panel.now.payment:
        return f" Score now {paid:.3f}."
    return f" Score now {panel.now.payment:.3f}, as paid {'not known' if paid is None else f'{paid:.3f}'}."


def work(
    request: HttpRequest,
    chart: Chart,
    said: str,
    *,
    key: int,
    stay: bool = False,
    note: Note | None = None,
    alone: bool = False,
    found: Mapping[int, Validity] | None = None,
) -> HttpResponse:
    """The cards, the progress and the scores after a change: swapped in place by htmx, or a redirect to the card.

    key: the card that was answered. stay: focus it again, instead of the next open one. note: its marks have changed,
    and are swapped too. alone: the page knew all else, so only what this answer changes is sent. found: as for
    `read_chart`.
    """
    user: User = request.user  # type: ignore[assignment]
    queues.seen(chart=chart, by=user)
    if not request.htmx:  # type: ignore[attr-defined]
        following = None if stay else read_chart(chart, user, with_record=False, found=found).after(key)
        messages.success(request, said)
        return redirect(f"{reverse('chart', args=[chart.pk])}#card-{following.key if following else key}")
    reading = read_chart(chart, user, with_record=False, found=found)
    following = None if stay else reading.after(key)
    focus = f"card-{key}" if stay else f"card-{following.key}" if following else "finish-button"
    left = f"{reading.open_cards} left." if reading.open_cards else "Nothing is left: finish the chart."
    context = review_context(reading, user) | {"swapped": True, "marked_note": note and marked_note(note, reading)}
    if alone:
        context["card"] = next(card for card in reading.cards if card.key == key)
        response = retarget(render(request, "charts/chart.html#answered", context), "#work-head")
    else:
        response = render(request, "charts/chart.html#work", context)
    return trigger_client_event(
        response, "answered", {"focus": focus, "say": f"{said} {left}{score_now(reading)}"}, after="settle"
    )


def refused(
    request: HttpRequest,
    chart: Chart,
    error: Exception,
    *,
    key: int,
    panel: str = "",
    typed: dict[str, str] | None = None,
) -> HttpResponse:
    """The card again with what is missing and all that was typed; without htmx, as a page of its own."""
    user: User = request.user  # type: ignore[assignment]
    htmx = request.htmx  # type: ignore[attr-defined]
    reading = read_chart(chart, user, with_record=not htmx)
    context = review_context(reading, user) | {
        "asked": key,
        "panel": panel,
        "problem": str(error),
        "typed": typed or {},
    }
    response = render(request, "charts/chart.html#work" if htmx else "charts/chart.html", context, status=422)
    if htmx:
        trigger_client_event(
            response, "answered", {"focus": f"card-{key}", "panel": bool(panel), "say": str(error)}, after="settle"
        )
    return response


def card_key(chart: Chart, answered: Iterable[Suggestion]) -> int:
    """The key of the card on which the suggestions stand: the smallest id of its code and kind."""
    one = next(iter(answered))
    return (
        chart.suggestions.live().filter(kind=one.kind, icd10=one.icd10).order_by("pk").values_list("pk", flat=True)[0]
    )


def read_of(request: HttpRequest) -> set[int]:
    """The notes that a deletion's form says were read."""
    return {as_id(pk) for pk in request.POST.getlist("read")}


@require_POST
@login_required
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """One answer for all dates that the form names, or for one of them; together or not at all."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_review(request, pk)
    typed = {name: request.POST.get(name, "") for name in ("icd10", "reason", "comment")}
    asked: list[Suggestion] = []
    with saying(request, otherwise="Choose an answer."):
        outcome = Outcome(request.POST.get("outcome", ""))
        asked = chosen(request, chart)
    if not asked:
        return redirect("chart", chart.pk)
    key = card_key(chart, asked)
    panel = outcome.value if outcome in NEEDS_PANEL else ""
    unsaid = outcome == Outcome.DELETE and "reads" not in request.POST  # what was read
    if panel and ("panel" not in request.POST or unsaid):
        words = "Choose a reason." if outcome in REASONS_FOR else "Choose what is unclear."
        return refused(request, chart, NotAnAnswer(words), key=key, panel=panel, typed=typed)
    seen = newest_decision(chart)
    found = scores.validity_of(chart)  # no answer changes it: asked once for all dates, and for the page that follows
    try:
        with transaction.atomic():
            for suggestion in asked:
                if not already_so(suggestion, outcome, typed, by=user):
                    suggestions.decide(
                        suggestion=suggestion,
                        outcome=outcome,
                        by=user,
                        icd10_code=typed["icd10"],
                        reason=typed["reason"],
                        comment=typed["comment"],
                        read=read_of(request),
                        found=found,
                    )
    except NotAnAnswer as error:
        return refused(request, chart, error, key=key, panel=panel, typed=typed)
    alone = request.POST.get("seen") == str(seen)
    return work(request, chart, f"{SPOKEN[outcome]} {asked[0].icd10}.", key=key, alone=alone, found=found)


def newest_decision(chart: Chart) -> int:
    return Decision.objects.filter(suggestion__chart=chart).order_by("-pk").values_list("pk", flat=True).first() or 0


def already_so(suggestion: Suggestion, outcome: Outcome, typed: dict[str, str], *, by: User) -> bool:
    """Whether this answer is stored already: it was sent again, because its acknowledgement was lost on the way.

    Raises NotAnAnswer where another answer was given meanwhile, in another tab or by somebody else.
    """
    if suggestion.status == SuggestionStatus.OPEN:
        return False
    stored = suggestion.decisions.order_by("-pk").select_related("decided_by")[0]
    code = icd10.normalise(typed["icd10"]) if outcome == Outcome.CHANGE else stored.icd10
    reason = suggestions.reason_of(outcome, typed["reason"])
    sent = (by.pk, outcome, code, reason, typed["comment"].strip())
    if sent == (stored.decided_by_id, stored.outcome, stored.icd10, stored.reason, stored.comment):
        return True
    who = "you" if stored.decided_by_id == by.pk else stored.decided_by.display_name
    raise NotAnAnswer(
        f"{suggestion.icd10} was answered meanwhile: {suggestion.get_status_display().lower()} by {who}. "
        "That answer stands; undo it to give another."
    )


@require_POST
@login_required
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the answers to the named suggestions, or the newest answer of the person on this chart."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_review(request, pk)
    answered = chart.suggestions.live().exclude(status=SuggestionStatus.OPEN)
    if "s" not in request.POST:
        newest = answered.filter(decisions__decided_by=user).order_by("-decisions__pk").first()
        same = answered.filter(kind=newest.kind, icd10=newest.icd10) if newest else answered.none()
        asked = list(same.filter(status=newest.status)) if newest else []
    else:
        asked = list(answered.filter(pk__in=[int(one) for one in request.POST.getlist("s") if one.isdecimal()]))
    if not asked:
        messages.info(request, "There is no answer to take back.")
        return redirect("chart", chart.pk)
    with transaction.atomic():
        for suggestion in asked:
            suggestions.undo(suggestion=suggestion, by=user)
    return work(request, chart, f"Taken back: {asked[0].icd10} is open again.", key=card_key(chart, asked), stay=True)


@require_safe
@login_required
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """Every answer that was given on the chart and taken back, newest first."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    if is_blind(user, chart):
        raise NotAllowed("The coder's answers stay hidden until your own are stored in QA.")
    decisions = Decision.objects.filter(suggestion__chart=chart)
    context = {
        "chart": chart,
        "decisions": decisions.select_related("suggestion__encounter", "decided_by").order_by("-pk"),
    }
    template = "charts/history.html#table" if request.htmx else "charts/history.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_safe
@login_required
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """The evidence of a card's open questions, to be corrected: a form in the page's dialog, or a page of its own."""
    chart = chart_in_review(request, pk)
    with saying(request):
        return evidence_form(request, chart, chosen(request, chart))
    return redirect("chart", chart.pk)


def evidence_form(
    request: HttpRequest, chart: Chart, asked: list[Suggestion], problem: str = "", **typed: str
) -> HttpResponse:
    context = {"chart": chart, "questions": asked, "meat": MEAT, "problem": problem, "typed": typed}
    template = "charts/evidence.html#form" if request.htmx else "charts/evidence.html"  # type: ignore[attr-defined]
    response = render(request, template, context, status=422 if problem else 200)
    return retarget(response, "#evidence-form") if problem else response


@require_POST
@login_required
def change_evidence(request: HttpRequest, pk: int, span: int) -> HttpResponse:
    """A piece of evidence under another letter, or taken away."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_review(request, pk)
    of_chart = EvidenceSpan.objects.filter(suggestion__chart=chart).select_related("suggestion__encounter", "note")
    changed = get_object_or_404(of_chart, pk=span)
    key = card_key(chart, [changed.suggestion])
    try:
        if "remove" in request.POST:
            suggestions.remove_evidence(span=changed, by=user)
            said = f"Taken away from {changed.suggestion.icd10}."
        else:
            label = label_of(request, "")
            suggestions.retag_evidence(span=changed, label=label, by=user)
            said = f"Marked as {label.label} for {changed.suggestion.icd10}."
    except NotAnAnswer as error:
        return refused(request, chart, error, key=key)
    return work(request, chart, said, key=key, stay=True, note=changed.note)


@require_POST
@login_required
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Text that a person marks as evidence of a card's question, on the date of service that the text is of."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_review(request, pk)
    asked: list[Suggestion] = []
    with saying(request):
        asked = chosen(request, chart)
    if not asked:
        return redirect("chart", chart.pk)
    key = card_key(chart, asked)
    try:
        label = label_of(request, "")
        note, start, end = place_of(request, Note.objects.filter(encounter__suggestions__in=asked).order_by("pk"))
        suggestion = next(one for one in asked if one.encounter_id == note.encounter_id)
        suggestions.tag_evidence(suggestion=suggestion, note=note, label=label, start=start, end=end, by=user)
    except NotAnAnswer as error:
        if request.POST.get("note"):  # a selection: there is no form to correct
            return refused(request, chart, error, key=key)
        typed = {name: request.POST.get(name, "") for name in ("quote", "label")}
        return evidence_form(request, chart, asked, str(error), **typed)
    return work(request, chart, f"Marked as {label.label} for {suggestion.icd10}.", key=key, stay=True, note=note)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """A code that the rules did not find, with the text that shows it."""
    user: User = request.user  # type: ignore[assignment]
    chart = chart_in_review(request, pk)
    problem = ""
    if request.method == "POST":
        try:
            encounter = get_object_or_404(chart.encounters, pk=as_id(request.POST.get("encounter", "")))
            spans = spans_of(request, encounter)
            suggestion = suggestions.add_manually(
                encounter=encounter, code=request.POST.get("icd10", ""), spans=spans, by=user
            )
        except NotAnAnswer as error:
            problem = str(error)
        else:
            said = accept_added(suggestion, user)
            response = work(request, chart, said, key=card_key(chart, [suggestion]), stay=True, note=spans[0][0])
            return retarget(reswap(response, "outerHTML"), "#work") if request.htmx else response  # type: ignore[attr-defined]
    context = {
        "chart": chart,
        "encounters": chart.encounters.prefetch_related("notes"),
        "typed": request.POST,
        "problem": problem,
    }
    template = "charts/add.html#form" if request.htmx else "charts/add.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=422 if problem else 200)


def accept_added(suggestion: Suggestion, user: User) -> str:
    """Whoever adds a code means it: it is accepted at once, unless the project asks for more evidence first."""
    try:
        suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=user)
    except NotAnAnswer as error:
        return f"{suggestion.icd10} is added to the questions, not yet accepted. {error}"
    return f"Added and accepted {suggestion.icd10}."


def spans_of(request: HttpRequest, encounter: Encounter) -> list[tuple[Note, str, int, int]]:
    """The evidence of the form on one date of service."""
    label = label_of(request, SpanLabel.MENTION)
    note, start, end = place_of(request, encounter.notes.all())
    return [(note, label, start, end)]


def label_of(request: HttpRequest, otherwise: str) -> SpanLabel:
    label = request.POST.get("label", otherwise)
    if label not in SpanLabel.values:
        raise NotAnAnswer("Say what the text shows.")
    return SpanLabel(label)


def place_of(request: HttpRequest, among: Iterable[Note]) -> tuple[Note, int, int]:
    """Where the form's text stands: a selection (note, start, end in code points), or words that occur only once."""
    notes = list(among)
    note_pk, start, end = (as_id(request.POST.get(name, "")) for name in ("note", "start", "end"))
    if note_pk and end:
        note = next((note for note in notes if note.pk == note_pk), None)
        if note is None:
            raise NotAnAnswer("The selected text is on another date of service; each date stands alone.")
        return note, start, end
    quote = request.POST.get("quote", "").strip()
    if not quote:
        raise NotAnAnswer("Select the text that shows the diagnosis, or copy it into the field.")
    found = [(note, at) for note in notes for at in occurrences(note.text, quote)]
    if not found:
        raise NotAnAnswer(
            "These words are not in a note of this date of service. Copy them exactly as they stand there."
        )
    if len(found) > 1:
        raise NotAnAnswer(f"These words occur {len(found)} times on this date of service. Add the words around them.")
    note, at = found[0]
    return note, at, at + len(quote)


def occurrences(text: str, quote: str) -> list[int]:
    found, at = [], text.find(quote)
    while at >= 0:
        found.append(at)
        at = text.find(quote, at + 1)
    return found


@require_POST
@login_required
def respond(request: HttpRequest, pk: int) -> HttpResponse:
    """The coder's word on a decision that QA overturned: agreed, or rebutted with the guideline it rests on."""
    user: User = request.user  # type: ignore[assignment]
    review = get_object_or_404(
        QAReview.objects.filter(decision__suggestion__chart__in=Chart.objects.visible_to(user)).select_related(
            "decision__suggestion"
        ),
        pk=pk,
    )
    chart_pk = review.decision.suggestion.chart_id
    comment = request.POST.get("comment", "")
    response = QAReview.CoderResponse.REBUTTED if comment.strip() else QAReview.CoderResponse.ACCEPTED
    if request.POST.get("response") == QAReview.CoderResponse.REBUTTED:
        response = QAReview.CoderResponse.REBUTTED
    try:
        qa.respond(review=review, response=response, by=user, comment=comment)
    except NotAnAnswer as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your response to QA is stored.")
    return redirect(f"{reverse('chart', args=[chart_pk])}#card-{card_key_of(review)}")


def card_key_of(review: QAReview) -> int:
    suggestion = review.decision.suggestion
    return card_key(suggestion.chart, [suggestion])


@require_safe
@login_required
def codes(request: HttpRequest) -> JsonResponse:
    """ICD-10-CM codes for what is typed: {"results": [{"code", "title", "more", "because", "billable", "hccs",
    "favourite", "recent"}, ...]}; where nothing is typed, the person's favourite codes and those that they last gave.

    more: how many billable codes stand under one that is not. because: the inclusion term that has the words. billable:
    on the date `on`, null where the code list is of another fiscal year. hccs: in the models of the chart `chart`, for
    those who see its scores.
    """
    user: User = request.user  # type: ignore[assignment]
    typed = request.GET.get("q", "")[:80].strip().lower()
    recent = [] if typed else codes_given(user)
    own = dict.fromkeys([*user.favourite_codes, *recent])
    found = icd10.search(typed) or [icd10.Found(code, icd10.title(code)) for code in own if not typed]
    hccs = categories_of(request, [one.code for one in found])
    try:
        day = date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        day = None
    results = [
        {
            "code": one.code,
            "title": one.title,
            "more": one.more,
            "because": one.because,
            "billable": icd10.billable_on(one.code, day) if day else icd10.is_billable(one.code),
            "hccs": hccs.get(one.code, ""),
            "favourite": one.code in user.favourite_codes,
            "recent": one.code in recent,
        }
        for one in found
    ]
    return JsonResponse({"results": results})


def codes_given(user: User) -> list[str]:
    """The codes that the person last put by hand or instead of another one, newest first, each once."""
    by_hand = Q(outcome=Outcome.CHANGE) | Q(outcome=Outcome.ACCEPT, suggestion__added_by=user)
    given = Decision.objects.filter(by_hand, decided_by=user).exclude(icd10="").order_by("-pk")
    return list(dict.fromkeys(given.values_list("icd10", flat=True)[:LOOKED_BACK]))[:RECENT]


@require_POST
@login_required
def favourite(request: HttpRequest, code: str) -> JsonResponse:
    """Make a code a favourite of the person, the first of them, or no more: {"favourite": true or false}."""
    user: User = request.user  # type: ignore[assignment]
    code = icd10.normalise(code)
    if not icd10.is_billable(code):
        raise Http404
    kept = code not in user.favourite_codes
    others = [one for one in user.favourite_codes if one != code]
    user.favourite_codes = [code, *others][:FAVOURITES] if kept else others
    user.save(update_fields=["favourite_codes"])
    return JsonResponse({"favourite": kept})


def categories_of(request: HttpRequest, codes: list[str]) -> dict[str, str]:
    """The payment HCCs of the codes in words, where a chart is named whose scores the person sees."""
    user: User = request.user  # type: ignore[assignment]
    chart = open_to(request).filter(pk=as_id(request.GET.get("chart", ""))).first()
    if chart is None or not can_see_scores(user, chart.project):
        return {}
    return {
        code: " · ".join(
            f"{model}: {'HCC ' + ', '.join(hccs) if hccs else 'no payment HCC'}" for model, hccs in models.items()
        )
        for code, models in scores.categories(chart, codes).items()
    }


@require_safe
@login_required
def code_notes(request: HttpRequest, code: str) -> HttpResponse:
    """What the tabular list says about a code, and the billable codes that stand beside it."""
    code = icd10.normalise(code)
    if not icd10.notes(code) and not icd10.children(code) and not icd10.is_billable(code):
        raise Http404
    beside = [one for one in icd10.children(icd10.category(code)) if one != code] if icd10.is_billable(code) else []
    context = {"code": code, "notes": icd10.notes(code), "under": icd10.children(code), "beside": beside[:SHOWN_BESIDE]}
    return render(request, "components/code_notes.html", context)


urlpatterns = [
    path("charts/<int:pk>/answer/", answer, name="answer"),
    path("charts/<int:pk>/undo/", undo, name="undo"),
    path("charts/<int:pk>/history/", history, name="history"),
    path("charts/<int:pk>/tag/", tag, name="tag"),
    path("charts/<int:pk>/evidence/", evidence, name="evidence"),
    path("charts/<int:pk>/evidence/<int:span>/", change_evidence, name="change_evidence"),
    path("charts/<int:pk>/add/", add, name="add_code"),
    path("qa-reviews/<int:pk>/respond/", respond, name="respond"),
    path("codes/", codes, name="codes"),
    path("codes/<str:code>/", code_notes, name="code_notes"),
    path("codes/<str:code>/favourite/", favourite, name="favourite"),
]
