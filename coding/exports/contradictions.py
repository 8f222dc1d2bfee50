"""Every two statements of a chart that cannot both hold, with where they stand: for a query, or a look at a template.

No word and no value of a note: the page of the chart quotes both. Nothing here is an answer, a verdict or a code.
"""

from collections.abc import Iterator

from coding import contradictions
from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Contradictions"
PERMISSION = Permission.EXPORT
COLUMNS = (
    "chart", "chart_status", "member_id", "service_year", "condition", "codes", "kind", "rule",
    "encounter_id", "date_of_service", "provider", "note_id",
    "other_encounter_id", "other_date_of_service", "other_provider", "other_note_id", "copied_from",
)  # fmt: skip
BLANK = ("", "", "", "")  # beside a reported code, which stands in no note


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    """Those with a place on a day of the period, on all charts that were read, finished or not."""
    first, last = period.first.isoformat(), period.last.isoformat()
    for chart, found in contradictions.of_project(project):
        stands = {
            note.pk: (encounter.encounter_id, encounter.date_from.isoformat(), encounter.provider_name, note.note_id)
            for encounter in chart.encounters.all()
            for note in encounter.notes.all()
        }
        for one in found:
            if not any(first <= place.day <= last for place in one.places):
                continue
            here, other = [*(stands[place.note] for place in one.places), BLANK][:2]
            copied = sorted({place.copied_from.isoformat() for place in one.places if place.copied_from})
            yield (
                chart.pk, chart.status, chart.member.member_id, chart.service_year, one.family, " ".join(one.codes),
                one.kind, one.rule, *here, *other, " ".join(copied),
            )  # fmt: skip
