"""Condition rules: the list, a rule card, muting; what the rules see in a note, or in text that is tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

import nlp
from coding import acceptance, icd10
from coding.acceptance import Acceptance
from coding.actions import conditions as condition_actions
from coding.actions import trail
from coding.models import Chart, Mute, Note, Project, RuleSet, User
from coding.permissions import Permission, can
from coding.templatetags.report_numbers import family_label
from coding.views import chosen_project, saying
from coding.views.charts import open_to
from coding.views.reports import Tab, tabs_of
from coding.views.seen import REASON_WORDS, page_of
from coding.workflow import RunStatus, SuggestionStatus
from nlp.cards import Card, Figure, cards, figures, stored_figures
from nlp.explain import explain

CHARTS_SHOWN = 20


def tabs(user: User, project: Project, current: str) -> list[Tab]:
    may = Permission.SEE_RULES
    return tabs_of(user, project, current, (("Conditions", "conditions", may), ("Try the rules", "try_rules", may)))


# --- The list ------------------------------------------------------------------------------------------------------


SHOWN = {
    "": "With a file, or met here",
    "suggested": "Suggested in this project",
    "flagged": "Below the threshold, or muted",
    "rare": "Rare conditions",
    "all": "All",
}


@dataclass(frozen=True)
class Row:
    """A family in the list. figure: the measurement on the most notes; acceptance: in the chosen project."""

    card: Card
    figure: Figure | None
    acceptance: Acceptance
    mute: Mute | None
    flagged: bool

    @property
    def counting(self) -> int:
        return sum(example.counts for example in self.card.examples)

    @property
    def near_misses(self) -> int:
        return len(self.card.examples) - self.counting


def best(found: list[Figure]) -> Figure | None:
    return max(found, key=lambda one: one.found + one.missed, default=None)


def rows_of(project: Project) -> list[Row]:
    """Every family of the rules, and those that suggested something here before and are in the rules no more."""
    stored, ruleset = stored_figures(), str(nlp.RULESET)
    accepted = acceptance.by_family(project)
    muted = {one.family: one for one in Mute.objects.active().filter(project=project).select_related("by")}
    gone = {name: gone_card(name) for name in sorted((accepted.keys() | muted.keys()) - cards().keys())}
    return [
        Row(
            card,
            best(figures(name, stored, ruleset)),
            counted := accepted.get(name, Acceptance(name)),
            muted.get(name),
            counted.falls_below(project),
        )
        for name, card in (cards() | gone).items()
    ]


def sort_key(by: str) -> Callable[[Row], Any]:
    """Unknown comes last: nothing measured and nothing answered is neither good nor bad."""

    def last(value: Decimal | None) -> tuple[bool, float]:
        return value is None, float(value or 0)

    return {
        "precision": lambda r: last(r.figure and r.figure.precision),
        "recall": lambda r: last(r.figure and r.figure.recall),
        "accepted": lambda r: last(r.acceptance.rate),
        "answers": lambda r: -r.acceptance.judged,
        "open": lambda r: -r.acceptance.open,
    }.get(by, lambda r: r.card.label.lower())


SORTS = {
    "name": "Name",
    "precision": "Precision, lowest first",
    "recall": "Recall, lowest first",
    "accepted": "Accepted, lowest first",
    "answers": "Most answers",
    "open": "Most open",
}


def matches(row: Row, words: str) -> bool:
    """Whether every word stands in the label, a name, a title or the beginning of a code."""
    card = row.card
    names = (text for names in card.names for text in names.texts)
    texts = " ".join((card.label, card.name, *names, *(title.text for title in card.titles))).lower()
    return all(
        word in texts or any(p.lower().startswith(word) or word.startswith(p.lower()) for p in card.prefixes)
        for word in words.lower().split()
    )


def shows(row: Row, which: str) -> bool:
    seen = row.acceptance != Acceptance(row.card.name)
    return {
        "suggested": seen,
        "flagged": row.flagged or row.mute is not None,
        "rare": row.card.is_rare,
        "all": True,
    }.get(which, not row.card.is_rare or seen or row.mute is not None)


@require_safe
@login_required
def conditions(request: HttpRequest) -> HttpResponse:
    """Every condition that the rules look for, how well it was measured, and what coders make of it."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    rows = rows_of(project)
    words, which, sort = request.GET.get("q", ""), request.GET.get("show", ""), request.GET.get("sort", "name")
    if words and not which:
        which = "all"  # who looks for a name does not care where it is kept
    shown = sorted((r for r in rows if shows(r, which) and matches(r, words)), key=sort_key("name"))
    shown.sort(key=sort_key(sort))
    ruleset = str(nlp.RULESET)
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "conditions"),
        "rows": shown,
        "own": sum(not r.card.is_rare for r in rows),
        "rare": sum(r.card.is_rare for r in rows),
        "muted": [r for r in rows if r.mute],
        "flagged": [r for r in rows if r.flagged and not r.mute],
        "ruleset": ruleset,
        "in_use": RuleSet.objects.filter(name=ruleset).first(),
        "q": request.GET.get("q", ""),
        "show": which,
        "shown": SHOWN,
        "sort": sort,
        "sorts": SORTS,
        "may_mute": can(user, Permission.MUTE_CONDITIONS, project),
    }
    return render(request, "conditions/conditions.html", context)


# --- A card --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """A version of the family's file that read notes here, from the first rule set that had it."""

    digest: str
    since: Any
    ruleset: str


def versions(family: str) -> list[Version]:
    """The versions of a family's file in this installation, newest first. A release brings no history of its own."""
    found: list[Version] = []
    key = family if family in cards() and not cards()[family].is_rare else "longtail.tsv"
    for one in RuleSet.objects.order_by("first_used_at", "pk"):
        digest = one.files.get(key, "")
        if digest and (not found or found[-1].digest != digest):
            found.append(Version(digest, one.first_used_at, one.name))
    return found[::-1]


@dataclass(frozen=True)
class InProject:
    project: Project
    acceptance: Acceptance
    mute: Mute | None
    flagged: bool


def card_or_404(name: str, project: Project) -> Card:
    """The card of a family, or what is left of one that the rules have no more: it may be muted, and has answers."""
    if name in cards():
        return cards()[name]
    if Mute.objects.filter(project=project, family=name).exists() or acceptance.counted_in([project], name):
        return gone_card(name)
    raise Http404(f"The rules have no condition {name}.")


def gone_card(name: str) -> Card:
    return Card(name, family_label(name), "in the rules no more", "", "", "", "", (), ())


@require_safe
@login_required
def condition(request: HttpRequest, name: str) -> HttpResponse:
    """The rule card of one family."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    card = card_or_404(name, project)
    mutes = list(Mute.objects.filter(project__in=projects, family=name).select_related("project", "by", "lifted_by"))
    standing = {one.project_id: one for one in mutes if one.lifted_at is None}
    in_projects = []
    accepted = acceptance.counted_in(projects, name)
    for one in projects:
        counted = accepted.get((one.pk, name), Acceptance(name))
        in_projects.append(InProject(one, counted, standing.get(one.pk), counted.falls_below(one)))
    here = next(one for one in in_projects if one.project == project)
    affected = Chart.objects.filter(
        member__project=project, suggestions__status=SuggestionStatus.MUTED, suggestions__rule__startswith=f"{name}/"
    )
    visible = Chart.objects.visible_to(user).filter(pk__in=affected.values("pk"))
    reasons = acceptance.rejection_reasons(projects, name)
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "conditions"),
        "card": card,
        "counting": [e for e in card.examples if e.counts],
        "near_misses": [e for e in card.examples if not e.counts],
        "figures": figures(name, stored_figures(), str(nlp.RULESET)),
        "in_projects": in_projects,
        "here": here,
        "mutes": [one for one in mutes if one.project_id == project.pk][::-1],
        "affected": affected.distinct().count(),
        "visible": visible.order_by("pk").values_list("pk", flat=True).distinct()[:CHARTS_SHOWN],
        "reasons": reasons,
        "most": reasons[0][1] if reasons else 0,
        "versions": versions(name),
        "ruleset": str(nlp.RULESET),
        "may_mute": can(user, Permission.MUTE_CONDITIONS, project),
        "reason_words": REASON_WORDS,
        "labels": {family: other.label for family, other in cards().items()},
    }
    return render(request, "conditions/condition.html", context)


@require_POST
@login_required
def mute_condition(request: HttpRequest, name: str) -> HttpResponse:
    return change_mute(request, name, condition_actions.mute, "is muted. Nobody is asked about its suggestions")


@require_POST
@login_required
def unmute_condition(request: HttpRequest, name: str) -> HttpResponse:
    return change_mute(
        request, name, condition_actions.unmute, "is not muted any more. Its suggestions are asked again"
    )


def change_mute(request: HttpRequest, name: str, action: Callable[..., Mute], done: str) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.MUTE_CONDITIONS, request.GET.get("project", ""))
    card = card_or_404(name, project)
    with saying(request):
        action(project=project, family=name, reason=request.POST.get("reason", ""), by=user)
        messages.success(request, f"{card.label} {done} in {project}.")
    return redirect(f"{reverse('condition', args=[name])}?project={project.name}")


# --- What the rules see -----------------------------------------------------------------------------------------------

LONGEST = 50_000


@require_safe
@login_required
def note_reading(request: HttpRequest, pk: int, note: int) -> HttpResponse:
    """A note of a chart with everything that the rules see in it. It opens the chart, and leaves an event."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    found = get_object_or_404(
        Note.objects.select_related("encounter").prefetch_related("encounter__first_pass_codes"),
        pk=note,
        encounter__chart=chart,
    )
    trail.record("note.explained", by=user, project=chart.project, subject=chart, note=found.pk)
    encounter = found.encounter
    explanation = explain(
        found.text,
        setting=encounter.setting or None,
        date_of_service=encounter.date_from.isoformat(),
        first_pass=sorted({code.icd10 for code in encounter.first_pass_codes.all()}),
    )
    run = found.runs.filter(status=RunStatus.DONE).order_by("-pk").first()
    others = list(
        chart.encounters.order_by("date_from", "pk").values_list("notes__pk", "date_from", "notes__note_type")
    )
    context = {
        "chart": chart,
        "project": chart.project,
        "note": found,
        "encounter": encounter,
        "page": page_of(found.text, explanation, muted_in(chart.project)),
        "run": run,
        "differs": run is not None and run.ruleset != explanation.result.ruleset,
        "others": [one for one in others if one[0]],
        "may_see_cards": can(user, Permission.SEE_RULES, chart.project),
    }
    return render(request, "conditions/reading.html", context)


def muted_in(project: Project) -> set[str]:
    return set(Mute.objects.active().filter(project=project).values_list("family", flat=True))


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@login_required
def try_rules(request: HttpRequest) -> HttpResponse:
    """Text that somebody pastes, read by the rules and forgotten: neither stored nor logged, nor in the address."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    said = {name: request.POST.get(name, "") for name in ("text", "setting", "date_of_service", "first_pass")}
    context: dict[str, Any] = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "try_rules"),
        "said": said,
        "longest": LONGEST,
        "may_see_cards": True,
    }
    # A browser sends line feeds as CR LF; the text that is read here is the one that was typed.
    text = said["text"].replace("\r\n", "\n")
    if request.method == "POST":
        problem = fault_of(text, said)
        if problem:
            context["problem"] = problem
            return render(request, "conditions/try.html", context, status=422)
        day = date.fromisoformat(said["date_of_service"]) if said["date_of_service"] else None
        codes = codes_in(said["first_pass"])
        explanation = explain(
            text,
            setting=said["setting"] or None,
            date_of_service=said["date_of_service"] or None,
            first_pass=codes,
        )
        billable = {code: icd10.billable_on(code, day) if day else icd10.is_billable(code) for code in codes}
        context["not_billable"] = [code for code, known in billable.items() if known is False]
        context["page"] = page_of(text, explanation, muted_in(project))
    return render(request, "conditions/try.html", context)


def codes_in(words: str) -> list[str]:
    return [icd10.normalise(code) for code in words.replace(",", " ").split()]


def fault_of(text: str, said: Mapping[str, str]) -> str:
    if not text.strip():
        return "Write or paste some text first."
    if len(text) > LONGEST:
        return f"The text has {len(text)} characters; {LONGEST} can be tried at once."
    if said["setting"] and said["setting"] not in nlp.SETTINGS:
        return "A setting is outpatient or inpatient."
    try:
        if said["date_of_service"]:
            date.fromisoformat(said["date_of_service"])
    except ValueError:
        return "The date of service is no date."
    if any(len(code) > 8 for code in codes_in(said["first_pass"])):
        return "First-pass codes are ICD-10-CM codes, with blanks or commas between them."
    return ""


urlpatterns = [
    path("charts/<int:pk>/notes/<int:note>/", note_reading, name="note_reading"),
    path("conditions/", conditions, name="conditions"),
    path("conditions/try/", try_rules, name="try_rules"),
    path("conditions/<slug:name>/", condition, name="condition"),
    path("conditions/<slug:name>/mute/", mute_condition, name="mute_condition"),
    path("conditions/<slug:name>/unmute/", unmute_condition, name="unmute_condition"),
]
