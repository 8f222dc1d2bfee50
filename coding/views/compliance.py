"""Compliance: rules and their sources, the calendar, what is released, overpayment cases, a chart's validity."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from coding import documentation, release, validity
from coding.acceptability import (
    Check,
    Deadline,
    Evidence,
    Rule,
    Submittable,
    book,
    deadlines,
    payment_years,
    submittable,
)
from coding.actions import compliance, qa, trail
from coding.models import Chart, Decision, Encounter, OverpaymentCase, Override, Project, Role, RuleVerification, User
from coding.models.compliance import EVIDENCE
from coding.permissions import NotAllowed, Permission, can, can_override_evidence, check_can
from coding.refusals import NotAnAnswer
from coding.views import as_id, chosen_project, saying
from coding.views.charts import open_to
from coding.views.reports import Tab, tabs_of
from coding.workflow import ChartStatus, SpanLabel, SuggestionKind

CHARTS = 20


def tabs(user: User, project: Project, current: str) -> list[Tab]:
    found = (
        ("Rules", "rules", Permission.SEE_RULES),
        ("Calendar", "calendar", Permission.SEE_RULES),
        ("My gaps", "my_gaps", Permission.CODE),
        ("Release", "release_page", Permission.SEE_RELEASE),
        ("Overpayments", "overpayments", Permission.SEE_OVERPAYMENTS),
    )
    return tabs_of(user, project, current, found)


def a_day(text: str, *, needed: bool = True) -> date | None:
    """Raises NotAnAnswer for what is no day of the calendar."""
    if not text and not needed:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotAnAnswer("Give the day as 2026-03-31.") from None


# --- Rules ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleRow:
    """A rule as the project's compliance officers left it. answers: theirs, newest first; `outdated`: given to an older
    text of the rule. by_analogy: the project's programs that it is carried over to, and whether verified there."""

    rule: Rule
    answers: list[tuple[RuleVerification, bool]]
    by_analogy: list[tuple[str, bool]]
    review_by: date
    stale: bool

    @property
    def statuses(self) -> set[str]:
        """Those by which the page is filtered: a rule can be verified, and wait for it by analogy."""
        waits = any(not verified for _, verified in self.by_analogy)
        return {self.rule.status, *([BY_ANALOGY] if waits else [])}


BY_ANALOGY = "by analogy"


def rule_rows(project: Project, today: date) -> list[RuleRow]:
    rules = validity.rules_of(project)
    answers: dict[str, list[tuple[RuleVerification, bool]]] = {}
    for one in RuleVerification.objects.filter(project=project).select_related("by").order_by("-pk"):
        if one.rule_id in rules.by_id:
            outdated = one.fingerprint != book().fingerprint(one.rule_id)
            answers.setdefault(one.rule_id, []).append((one, outdated))
    return [
        RuleRow(
            rule,
            answers.get(rule.rule_id, []),
            [(one, rule.verified_for(one)) for one in rule.carried_over_to if one in project.programs],
            rules.review_by[rule.file],
            rules.review_by[rule.file] < today,
        )
        for rule in sorted(rules.rules, key=lambda rule: (rule.check, rule.rule_id))
    ]


@require_safe
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule with its source, its dates, its status and who verified it."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    today = timezone.localdate()
    every = rule_rows(project, today)
    status, check = request.GET.get("status", ""), request.GET.get("check", "")
    shown = [
        row
        for row in every
        if (not status or status in row.statuses) and (not check or row.rule.check == check)
    ]  # fmt: skip
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "rules"),
        "rows": shown,
        "total": len(every),
        "verified": sum(row.rule.verified for row in every),
        "waiting": sum(BY_ANALOGY in row.statuses for row in every),
        "statuses": ("verified", "unverified", BY_ANALOGY),
        "stale": validity.rules_of(project).stale(today),
        "checks": list(dict.fromkeys(row.rule.check for row in every)),
        "check": check,
        "status": status,
        "may_verify": can(user, Permission.VERIFY_RULES, project),
        "query": request.GET.urlencode(),
    }
    return render(request, "compliance/rules.html", context)


@require_POST
@login_required
def verify_rule(request: HttpRequest) -> HttpResponse:
    """What a compliance officer found at a rule's source."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    rule_id = request.POST.get("rule", "")
    with saying(request, otherwise="Say whether the rule is as its source says."):
        answer = RuleVerification.Answer(request.POST.get("answer", ""))
        compliance.verify_rule(
            project=project,
            rule_id=rule_id,
            answer=answer,
            source=request.POST.get("source", ""),
            programs=[program for program in request.POST.getlist("program") if program],
            source_date=a_day(request.POST.get("source_date", ""), needed=False),
            note=request.POST.get("note", ""),
            by=user,
        )
        messages.success(request, f"{rule_id} is recorded: {answer.label.lower()}. It holds in {project} from now on.")
    return redirect(f"{reverse('rules')}?{request.GET.urlencode()}#rule-{rule_id}")


# --- Calendar ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class YearRow:
    """What is submittable today of one service year in one program; waiting: charts that are not closed."""

    service_year: int
    program: str
    payment_year: int
    standing: Submittable
    days_left: int | None
    charts: int
    waiting: int


def year_rows(project: Project, today: date) -> list[YearRow]:
    """The years of the project's charts, those first whose next deadline comes first; closed years last."""
    counts: dict[int, list[int]] = {}
    for year, status in Chart.objects.filter(member__project=project).values_list("service_year", "status"):
        of_year = counts.setdefault(year, [0, 0])
        of_year[0] += 1
        of_year[1] += status != "closed"
    rows = []
    for service_year, (charts, waiting) in counts.items():
        for program, payment_year in payment_years(book(), service_year).items():
            if program in project.programs:
                standing = submittable(book(), program, payment_year, today)
                left = standing.next.days_left(today) if standing.next else None
                rows.append(YearRow(service_year, program, payment_year, standing, left, charts, waiting))
    order = {"yes": 0, "unknown": 1, "no": 2}
    return sorted(rows, key=lambda r: (order[r.standing.additions], r.days_left or 0, r.service_year, r.program))


@require_safe
@login_required
def calendar(request: HttpRequest) -> HttpResponse:
    """What can still be submitted today, and every sweep with its deadline."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RULES, request.GET.get("project", ""))
    today = timezone.localdate()
    sweeps: list[tuple[Deadline, int]] = [
        (one, one.days_left(today))
        for program in project.programs
        for year in range(today.year - 2, today.year + 4)
        for one in deadlines(book(), program, year)
    ]
    sweeps.sort(key=lambda item: (item[1] < 0, abs(item[1]), item[0].program))
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "calendar"),
        "today": today,
        "years": year_rows(project, today),
        "sweeps": sweeps,
    }
    return render(request, "compliance/calendar.html", context)


# --- Release -------------------------------------------------------------------------------------------------------


@require_safe
@login_required
def released(request: HttpRequest) -> HttpResponse:
    """Closed charts with what is ready, what is held and by what, and what cannot be submitted."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_RELEASE, request.GET.get("project", ""))
    state = request.GET.get("state", release.HELD)
    today, rules = timezone.localdate(), validity.rules_of(project)
    blind = set(qa.undisclosed_to(user).filter(chart__member__project=project).values_list("chart", flat=True))
    shown = release.past_the_gate(Chart.objects.filter(member__project=project).exclude(pk__in=blind))
    states = release.states_of(shown, today, rules)
    counts = Counter(one for found in states.values() for one in found)
    query = request.GET.copy()
    query.pop("page", None)
    page = Paginator(sorted(pk for pk, found in states.items() if state in found), CHARTS).get_page(
        request.GET.get("page")
    )
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "release_page"),
        "page": page,
        "charts": [
            (chart, [line for line in lines if line.is_sent and line.state == state])
            for chart, lines in release.lines_of(list(page.object_list), today, rules)
        ],
        "query": query.urlencode(),
        "state": state,
        "counts": [(name, counts[name]) for name in (release.READY, release.HELD, release.NOT_SUBMITTABLE)],
        "alerts": release.one_way(project),
        "held_back": release.held_back(project),
        "blind": len(blind),
        "may_review": can(user, Permission.SECOND_REVIEW, project) and bool(user.credential),
        "may_override": can(user, Permission.OVERRIDE, project),
    }
    return render(request, "compliance/release.html", context)


@require_POST
@login_required
def second_review(request: HttpRequest, pk: int) -> HttpResponse:
    """A second credentialed person's word on a code of a high-risk group."""
    user: User = request.user  # type: ignore[assignment]
    decision = get_object_or_404(
        Decision.objects.filter(suggestion__chart__in=Chart.objects.visible_to(user)).select_related(
            "suggestion__chart__member__project"
        ),
        pk=pk,
    )
    project = decision.suggestion.chart.project
    check_can(user, Permission.SECOND_REVIEW, project)
    with saying(request, NotAllowed):
        if request.POST.get("agrees") not in ("yes", "no"):
            raise NotAnAnswer("Say whether the code stands.")
        compliance.review_second(
            decision=decision,
            agrees=request.POST["agrees"] == "yes",
            comment=request.POST.get("comment", ""),
            by=user,
        )
        messages.success(request, f"Your second review of {decision.icd10} is stored.")
    return redirect(f"{reverse('release_page')}?project={project.name}")


# --- Overpayments --------------------------------------------------------------------------------------------------


@require_safe
@login_required
def overpayments(request: HttpRequest) -> HttpResponse:
    """Cases, those that are due first on top, with their owner and what shows that they were sent."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_OVERPAYMENTS, request.GET.get("project", ""))
    today = timezone.localdate()
    cases = (
        OverpaymentCase.objects.filter(chart__member__project=project)
        .select_related("owner", "decision__suggestion", "decision__decided_by", "chart")
        .order_by("-state", "due_on", "pk")
    )
    rows = sorted(cases, key=lambda case: (case.state != OverpaymentCase.State.OPEN, case.due_on, case.pk))
    page = Paginator(rows, CHARTS).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "overpayments"),
        "page": page,
        "query": f"project={project.name}",
        "rows": [(case, (case.due_on - today).days) for case in page.object_list],
        "open": sum(case.state == OverpaymentCase.State.OPEN for case in rows),
        "owners": User.objects.filter(
            is_active=True, memberships__project=project, memberships__role=Role.COMPLIANCE
        ).order_by("username"),
        "today": today.isoformat(),
        "may_work": can(user, Permission.WORK_OVERPAYMENTS, project),
        "days": compliance.DAYS_TO_RETURN,
    }
    return render(request, "compliance/overpayments.html", context)


@require_POST
@login_required
def overpayment(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a case an owner, or settle it."""
    user: User = request.user  # type: ignore[assignment]
    projects = Project.objects.of(user)
    case = get_object_or_404(OverpaymentCase.objects.filter(chart__member__project__in=projects), pk=pk)
    project = case.chart.project
    check_can(user, Permission.WORK_OVERPAYMENTS, project)
    with saying(request, otherwise="Say whether it was sent, or why there is no overpayment."):
        if "owner" in request.POST:
            owner = User.objects.filter(pk=as_id(request.POST["owner"])).first()
            if owner is None:
                raise NotAnAnswer("Choose the owner of the case.")
            compliance.own_case(case=case, owner=owner, by=user)
            said = f"{owner.display_name} owns the case."
        else:
            on = a_day(request.POST.get("on", ""))
            state = OverpaymentCase.State(request.POST.get("state", ""))
            compliance.settle_case(case=case, state=state, on=on, evidence=request.POST.get("evidence", ""), by=user)
            said = f"The case is settled: {state.label.lower()}."
        messages.success(request, said)
    return redirect(f"{reverse('overpayments')}?project={project.name}#case-{pk}")


# --- A chart's validity --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckRow:
    """One check of one date of service, with what it rests on: fields of the claim, or words of a note."""

    name: str
    check: Check
    evidence: list[tuple[str, str]]
    override: Override | None
    asked_in: tuple[str, ...]  # the programs that answer so, where they differ


def check_rows(encounter: Encounter, found: validity.Validity) -> list[CheckRow]:
    overrides = {one.check_name: one for one in found.overrides}
    rows: list[CheckRow] = []
    for name, words in validity.NAMES.items():
        answers: dict[tuple[str, str], tuple[Check, list[str]]] = {}
        for one in found.standings:
            check = one.assessment.checks[name]
            answers.setdefault((check.answer, check.why), (check, []))[1].append(one.assessment.program)
        for check, programs in answers.values():
            asked_in = tuple(programs) if len(answers) > 1 else ()
            rows.append(CheckRow(words, check, shown(encounter, check.evidence), overrides.get(name), asked_in))
    return rows


def shown(encounter: Encounter, evidence: tuple[Evidence, ...]) -> list[tuple[str, str]]:
    """(field, words of the note), each once: what a person would look at to see that the answer is right."""
    texts = {note.note_id: note.text for note in encounter.notes.all()}
    found = [
        (one.field, " ".join(texts.get(one.note_id, "")[one.start : one.end].split())[:120] if one.end else "")
        for one in evidence
    ]
    return list(dict.fromkeys(found))


@require_safe
@login_required
def chart_validity(request: HttpRequest, pk: int) -> HttpResponse:
    """The checklist of each date of service, its overrides, the evidence standard, and the best records by HCC."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    trail.record("chart.opened", by=user, project=chart.project, subject=chart, through="validity")
    encounters = list(validity.encounters_of(chart))
    found = validity.chart_validity(chart, encounters, timezone.localdate())
    blind = qa.undisclosed_to(user).filter(chart=chart).exists()
    may_reopen = chart.status == ChartStatus.CLOSED and can(user, Permission.REOPEN, chart.project)
    context = {
        "chart": chart,
        "member": chart.member,
        "project": chart.project,
        "dates": [(one, found[one.pk], check_rows(one, found[one.pk])) for one in encounters],
        "history": [one for e in encounters for one in e.overrides.all() if one.withdrawn_at or one.suggestion_id],
        "thin": thin_evidence(chart),
        "needed": chart.project.meat_elements_required,
        "best": [] if blind else documentation.best_of_chart(chart, encounters, found),
        "blind": blind,
        "reopenings": chart.reopenings.select_related("by"),
        "may_reopen": may_reopen,
        "may_compile": can(user, Permission.PACKET, chart.project),
        "gone_out": release.sent_of(chart) if may_reopen else ([], []),
        "may_override": can(user, Permission.OVERRIDE, chart.project),
        "may_override_evidence": can_override_evidence(user, chart.project),
        "checks": list(validity.NAMES.items()),
    }
    return render(request, "compliance/chart.html", context)


def thin_evidence(chart: Chart) -> list[tuple[Any, str, Override | None]]:
    """Open additions with fewer MEAT elements than the project asks for: (suggestion, letters, override)."""
    letters = {SpanLabel.MONITOR: "M", SpanLabel.EVALUATE: "E", SpanLabel.ASSESS: "A", SpanLabel.TREAT: "T"}
    rows = []
    asked = chart.suggestions.open().filter(kind=SuggestionKind.ADD).select_related("encounter")
    for suggestion in asked.prefetch_related("evidence", "overrides__by").order_by("encounter__date_from", "icd10"):
        labels = {span.label for span in suggestion.evidence.all()}
        shown = "".join(letter for label, letter in letters.items() if label in labels)
        active = next((one for one in suggestion.overrides.all() if one.withdrawn_at is None), None)
        if len(shown) < chart.project.meat_elements_required or active:
            rows.append((suggestion, shown, active))
    return rows


@require_POST
@login_required
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a closed chart again: back to its coder, with the reason."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    with saying(request):
        row = qa.reopen(chart=chart, reason=request.POST.get("reason", ""), by=user)
        sent = (
            f" {len(row.sent)} of its codes have gone out already: changes go out as corrections." if row.sent else ""
        )
        messages.success(request, f"Chart {chart.pk} is open again and goes back to its coder.{sent}")
    return redirect("chart_validity", chart.pk)


@require_POST
@login_required
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer for a check of a date of service, or for the evidence of a code."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    reason = request.POST.get("reason", "")
    check = request.POST.get("check", "")
    if check != EVIDENCE:
        check_can(user, Permission.OVERRIDE, chart.project)
    with saying(request):
        if check == EVIDENCE:
            suggestion = get_object_or_404(chart.suggestions.live(), pk=as_id(request.POST.get("s", "")))
            compliance.override_evidence(suggestion=suggestion, reason=reason, by=user)
        else:
            encounter = get_object_or_404(chart.encounters, pk=as_id(request.POST.get("encounter", "")))
            compliance.override(encounter=encounter, check=check, reason=reason, by=user)
        messages.success(request, f"{check} is overridden. The override stays visible with your reason.")
    return redirect("chart_validity", chart.pk)


@require_POST
@login_required
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    row = get_object_or_404(Override.objects.filter(encounter__chart__in=Chart.objects.visible_to(user)), pk=pk)
    compliance.withdraw(override=row, by=user)
    messages.success(request, f"The override of {row.check_name} is withdrawn.")
    return redirect("chart_validity", row.encounter.chart_id)


urlpatterns = [
    path("compliance/rules/", rules, name="rules"),
    path("compliance/rules/verify/", verify_rule, name="verify_rule"),
    path("compliance/calendar/", calendar, name="calendar"),
    path("compliance/release/", released, name="release_page"),
    path("compliance/release/<int:pk>/second-review/", second_review, name="second_review"),
    path("compliance/overpayments/", overpayments, name="overpayments"),
    path("compliance/overpayments/<int:pk>/", overpayment, name="overpayment"),
    path("charts/<int:pk>/validity/", chart_validity, name="chart_validity"),
    path("charts/<int:pk>/override/", override, name="override"),
    path("charts/<int:pk>/reopen/", reopen, name="reopen"),
    path("overrides/<int:pk>/withdraw/", withdraw, name="withdraw_override"),
]
