"""One row for each answer that stands on a finished chart: additions, deletions, changes and keeps, side by side.

Only charts past the gate: finished, and with no existing code undecided, so additions never leave without the deletions
found by the same reading. A chart that QA returned waits until its coder has finished it again.
"""

from collections.abc import Iterator

from django.utils import timezone

from coding import release
from coding.models import Decision, Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Coded results"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "chart_status", "member_id", "service_year", "encounter_id", "from", "through", "icn", "kind", "code",
    "outcome", "resulting_code", "reason", "meat", "coder", "credential", "decided_at", "delta_raw", "delta",
    "delta_paid", "paid_why", "model", "ruleset", "links", "release",
    "why_held", "read",
)  # fmt: skip

WORST_FIRST = (release.HELD, release.NOT_SUBMITTABLE, release.READY)
LETTERS = ("monitor", "evaluate", "assess", "treat")


def of_decision(found: list[release.Line]) -> dict[int, list[release.Line]]:
    lines: dict[int, list[release.Line]] = {}
    for line in found:
        lines.setdefault(line.decision.pk, []).append(line)
    return lines


def standing(lines: list[release.Line]) -> tuple[str, str, str, str]:
    """(links, state, why, notes read) of what an answer does; blank for a rejection and a query, which do nothing."""
    if not lines:
        return "", "", "", ""
    links = [f"{one.assessment.program} {one.assessment.payment_year} {one.assessment.link}" for one in lines[0].links]
    state = next((name for name in WORST_FIRST if any(line.state == name for line in lines)), "")
    why = " ".join(dict.fromkeys(words for line in lines for words in (*line.holds, *line.bars)))
    read = [note.note_id for note in lines[0].encounter.notes.all() if note.pk in lines[0].decision.read]
    return "; ".join(links), state, why, "; ".join(read)


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    start, end = period.bounds
    decisions = (
        Decision.objects.past_the_gate()
        .filter(
            suggestion__chart__member__project=project,
            decided_at__gte=start,
            decided_at__lt=end,
        )
        .select_related("suggestion__chart__member", "suggestion__encounter__claim", "decided_by")
        .prefetch_related("suggestion__evidence")
        .order_by("suggestion__chart", "suggestion__encounter__date_from", "pk")
    )
    released = release.project_lines(project, timezone.localdate())
    here = 0
    lines: dict[int, list[release.Line]] = {}
    for decision in decisions.iterator(chunk_size=500):
        suggestion = decision.suggestion
        encounter, chart = suggestion.encounter, suggestion.chart
        while here < chart.pk:  # both go through the charts in the order of their ids
            reached, found = next(released, (chart, []))
            here, lines = reached.pk, of_decision(found)
        claim = getattr(encounter, "claim", None)
        shown = {span.label for span in suggestion.evidence.all()}
        yield (
            chart.pk,
            chart.status,
            chart.member.member_id,
            chart.service_year,
            encounter.encounter_id,
            encounter.date_from.isoformat(),
            encounter.date_through.isoformat(),
            claim.icn if claim else "",
            suggestion.kind,
            suggestion.icd10,
            decision.outcome,
            decision.icd10,
            decision.reason,
            "".join(letter[0].upper() for letter in LETTERS if letter in shown),
            decision.decided_by.username,
            decision.decided_by.credential,
            decision.decided_at.isoformat(timespec="seconds"),
            decision.delta_raw,
            decision.delta,
            decision.delta_paid,
            decision.paid_why,
            decision.score_model,
            decision.ruleset,
            *standing(lines.get(decision.pk, [])),
        )
