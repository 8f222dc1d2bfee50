"""Documentation gaps: why payment HCCs are lost, for a project, for a coder's own answers, and for a provider."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from coding import documentation, validity
from coding.acceptability import Check
from coding.actions import qa, trail
from coding.documentation import Loss
from coding.evidence import Span, segments
from coding.models import Chart, Note, Project, User
from coding.permissions import Permission, can, check_can
from coding.validity import NAMES, Validity
from coding.views import chosen_project
from coding.views.charts import open_to
from coding.views.compliance import tabs as compliance_tabs
from coding.views.reports import tabs
from coding.workflow import SpanLabel

ROWS = 50

# What a provider is told: what was seen, and what a record would have that leaves no question. No diagnosis is asked
# for, and nothing is said of payment (AHIMA/ACDIS, compliant query practice).
FOR_PROVIDERS = {
    documentation.REJECTED: (
        "The claim of the visit was not accepted.",
        "The practice's billing sees to the claim; the record itself is not in question.",
    ),
    documentation.INVALID_ENCOUNTER: (
        "The record of the visit lacks something that every record needs.",
        "Name and birth date of the patient, the date of the visit, the signature of who gave the care with the "
        "credential, and that the visit was held face to face.",
    ),
    documentation.NOT_LINKED: (
        "No claim was found for the visit.",
        "The practice's billing sees to the claim; the record itself is not in question.",
    ),
    documentation.NOT_CODED: (
        "The note describes the condition, and the claim does not list it.",
        "The conditions that were looked after at the visit are carried from the note to the claim.",
    ),
    documentation.NOT_SPECIFIC: (
        "The note says more about the condition than the code on the claim.",
        "Stage, type, side, cause and complications stand in the assessment, as far as they are known.",
    ),
    documentation.DELETED: (
        "The claim lists the condition, and a second reader did not find it in the note as present that day.",
        "A condition that is over is written as history; one that is present is assessed in the note of the day.",
    ),
    documentation.NOT_SUPPORTED: (
        "The note names the condition, and says nothing of how it was looked after that day.",
        "What was monitored, evaluated, assessed or treated stands beside the condition.",
    ),
    documentation.NOT_DOCUMENTED: (
        "The note of the visit does not show the condition as present.",
        "Each visit's note stands for itself: what was looked after that day is written that day.",
    ),
}


@dataclass(frozen=True)
class GapRow:
    """Lost HCCs of a provider, a coder or an HCC; counts: by reason, in the order of documentation.REASONS. npi: of a
    provider who has a page."""

    name: str
    counts: list[int]
    recovered: int
    total: int
    npi: str = ""


def gap_rows(losses: Iterable[Loss], name: Callable[[Loss], tuple[str, str]]) -> list[GapRow]:
    """name: (name, npi or "") of the row that a loss counts in."""
    of_name: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        of_name.setdefault(name(loss), []).append(loss)
    rows = [
        GapRow(
            key,
            [sum(loss.reason == reason for loss in found) for reason in documentation.REASONS],
            sum(loss.recovered for loss in found),
            len(found),
            npi,
        )
        for (key, npi), found in of_name.items()
    ]
    return sorted(rows, key=lambda row: (-row.total, row.name))


@dataclass(frozen=True)
class Chosen:
    """What the address asks for: a service year, or all; one program of the project, the first without a choice."""

    year: int | None
    program: str

    @classmethod
    def read(cls, request: HttpRequest, project: Project) -> "Chosen":
        year, program = request.GET.get("year", ""), request.GET.get("program", "")
        return cls(
            int(year) if year.isdecimal() and len(year) == 4 else None,
            program if program in project.programs else next(iter(project.programs), ""),
        )

    def context(self, project: Project) -> dict[str, Any]:
        years = Chart.objects.filter(member__project=project).order_by("service_year")
        return {
            "chosen": self,
            "years": years.values_list("service_year", flat=True).distinct(),
            "reasons": documentation.REASONS,
        }


@require_safe
@login_required
def gaps(request: HttpRequest) -> HttpResponse:
    """Why payment HCCs are lost: by provider, by coder and by HCC. Counts, no member."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_REPORTS, request.GET.get("project", ""))
    chosen = Chosen.read(request, project)
    losses = list(documentation.project_losses(project, timezone.localdate(), chosen.year, chosen.program))
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(user, project, "gaps"),
        "total": len(losses),
        "recovered": sum(loss.recovered for loss in losses),
        "tables": [
            ("Provider", gap_rows(losses, lambda loss: (loss.provider, loss.npi))),
            ("Coder", gap_rows(losses, lambda loss: (loss.coder, ""))),
            ("HCC", gap_rows(losses, lambda loss: (f"HCC {loss.hcc}", ""))),
        ],
        **chosen.context(project),
    }
    return render(request, "documentation/gaps.html", context)


@require_safe
@login_required
def my_gaps(request: HttpRequest) -> HttpResponse:
    """The HCCs that were lost by a coder's own answers, with the charts: nobody else's."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.CODE, request.GET.get("project", ""))
    chosen = Chosen.read(request, project)
    today = timezone.localdate()
    losses = list(documentation.project_losses(project, today, chosen.year, chosen.program, coder=user))
    losses.sort(key=lambda loss: (loss.day, loss.chart), reverse=True)
    page = Paginator(losses, ROWS).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    opened(user, project, page.object_list, "own")
    context = {
        "project": project,
        "projects": projects,
        "tabs": compliance_tabs(user, project, "my_gaps"),
        "page": page,
        "query": query.urlencode(),
        "total": len(losses),
        "counts": Counter(loss.reason for loss in losses),
        "recovered": sum(loss.recovered for loss in losses),
        **chosen.context(project),
    }
    return render(request, "documentation/mine.html", context)


@dataclass(frozen=True)
class Seen:
    """A kind of finding in a provider's records, in words for the provider."""

    seen: str
    helps: str
    number: int
    checks: tuple[str, ...]  # names of what a record lacked, for an invalid encounter


@require_safe
@login_required
def provider_gaps(request: HttpRequest) -> HttpResponse:
    """What was seen in a rendering provider's records, in neutral words, to be printed. Which visits, for those who may
    read charts."""
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.SEE_REPORTS, request.GET.get("project", ""))
    npi = request.GET.get("npi", "")
    chosen = Chosen.read(request, project)
    if not (npi.isdecimal() and len(npi) == 10):
        raise Http404
    losses = list(documentation.project_losses(project, timezone.localdate(), chosen.year, chosen.program, npi=npi))
    shown: list[Loss] = []
    if can(user, Permission.READ_CHARTS, project):
        blind = set(qa.undisclosed_to(user).filter(chart__member__project=project).values_list("chart", flat=True))
        shown = sorted((loss for loss in losses if loss.chart not in blind), key=lambda loss: (loss.day, loss.chart))
        opened(user, project, shown, "provider")
    context = {
        "project": project,
        "tabs": tabs(user, project, "gaps"),
        "provider": losses[-1].provider if losses else "",
        "npi": npi,
        "today": timezone.localdate(),
        "visits": len({(loss.chart, loss.encounter_id) for loss in losses}),
        "found": [
            Seen(
                *FOR_PROVIDERS[reason],
                len(some),
                tuple(dict.fromkeys(NAMES[check].lower() for loss in some for check in loss.failed)),
            )
            for reason in documentation.REASONS
            if (some := [loss for loss in losses if loss.reason == reason])
        ],
        "rows": [(loss, FOR_PROVIDERS[loss.reason][0]) for loss in shown],
        **chosen.context(project),
    }
    return render(request, "documentation/provider.html", context)


@dataclass(frozen=True)
class Document:
    """A note of a record as it is printed: pieces of its text, each with what it shows: "" or letters."""

    note: Note
    pieces: list[tuple[str, str]]


@dataclass(frozen=True)
class Sent:
    """A record of a packet. asked: the checks that are not met or open, with their names."""

    best: documentation.BestRecord
    asked: list[tuple[str, Check]]
    documents: list[Document]


LETTERS = {
    SpanLabel.MENTION: "",
    SpanLabel.MONITOR: "M",
    SpanLabel.EVALUATE: "E",
    SpanLabel.ASSESS: "A",
    SpanLabel.TREAT: "T",
}


@require_safe
@login_required
def packet(request: HttpRequest, pk: int) -> HttpResponse:
    """The best records of a member for one HCC, as an audit asks for them: a cover sheet, and each record with what
    supports the HCC marked. To be printed; opening it leaves a trail of its own."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    check_can(user, Permission.PACKET, chart.project)
    program, hcc = request.GET.get("program", ""), request.GET.get("hcc", "")
    encounters = list(validity.encounters_of(chart))
    found = validity.chart_validity(chart, encounters, timezone.localdate())
    every = documentation.best_of_chart(chart, encounters, found)
    best = [one for one in every if (one.program, one.hcc) == (program, hcc)]
    if not best:
        raise Http404
    records = [Sent(one, asked_of(found[one.encounter.pk], program), documents(chart, one)) for one in best]
    sent = [one.encounter for one in best]
    trail.record(
        "packet.opened",
        by=user,
        project=chart.project,
        subject=chart,
        program=program,
        hcc=hcc,
        records=[encounter.pk for encounter in sent],
    )
    context = {
        "chart": chart,
        "project": chart.project,
        "member": chart.member,
        "first": best[0],
        "codes": sorted({code for one in best for code in one.codes}),
        "records": records,
        "limit": validity.packet_check(chart, encounters, sent, program),
        "today": timezone.localdate(),
    }
    return render(request, "documentation/packet.html", context)


def asked_of(found: Validity, program: str) -> list[tuple[str, Check]]:
    return next(one.asked for one in found.standings if one.assessment.program == program)


def documents(chart: Chart, best: documentation.BestRecord) -> list[Document]:
    spans: dict[int, list[Span]] = {}
    for one in documentation.evidence_of(chart, best.encounter, best.codes):
        spans.setdefault(one.note_id, []).append(Span(one.start, one.end, one.label, one.suggestion_id))
    return [
        Document(
            note,
            [
                (piece.text, "".join(LETTERS[SpanLabel(one.label)] for one in piece.begins) or "·" * bool(piece.spans))
                for piece in segments(note.text, spans.get(note.pk, []))
            ],
        )
        for note in best.encounter.notes.all()
    ]


def opened(user: User, project: Project, losses: Iterable[Loss], through: str) -> None:
    """A list that says what was found in charts is an opening of each."""
    charts = sorted({loss.chart for loss in losses})
    if charts:
        trail.record("gaps.opened", by=user, project=project, subject=project, charts=charts, through=through)


urlpatterns = [
    path("reports/gaps/", gaps, name="gaps"),
    path("reports/gaps/provider/", provider_gaps, name="provider_gaps"),
    path("compliance/my-gaps/", my_gaps, name="my_gaps"),
    path("charts/<int:pk>/packet/", packet, name="packet"),
]
