"""V04, the date of service, and V12, each date of service on its own."""

import re
from datetime import date

from coding.acceptability.answers import MET, NOT_MET, Check, Evidence
from coding.acceptability.case import DATE, Case, read_date, span
from coding.acceptability.rulebook import ProgramRow, View
from coding.intake.values import NoteValues

LABELS = (
    "dos",
    "date of service",
    "date of visit",
    "date of encounter",
    "service date",
    "visit date",
    "encounter date",
)
LABELLED_SERVICE = re.compile(
    r"\b(?:DOS|date of (?:service|visit|encounter)|(?:service|visit|encounter) date)\b"
    rf"[ ]*[:#-]?[ ]*(?P<date>{DATE})",
    re.I,
)
LEADING = tuple(f"{word}{s} for" for word in ("note", "visit", "encounter") for s in ("", "s"))
# 'Next visit date' and 'last DOS' are dates of other visits, and no second date of this record.
OTHER_VISIT = re.compile(
    r"\b(?:next|last|prior|previous|earlier|return|follow[- ]?up|upcoming|scheduled|future|first|initial|most recent)"
    r"[ ]+(?:office[ ]+|clinic[ ]+)?$",
    re.I,
)
ELSEWHERE = re.compile(
    r"\b(?:see|refer to) (?:my |the )?(?:previous|prior|last|earlier) (?:progress )?(?:note|visit|encounter)s? "
    r"for (?:the )?(?:assessment|plan|diagnos|history|details)",
    re.I,
)


def collection_year(view: View, program: str, payment_year: int) -> int | None:
    """The year of service that pays for the payment year; None where the program's timing is not known."""
    for row in view.all(ProgramRow):
        if row.program == program:
            return payment_year - 1 if row.timing == "prospective" else payment_year
    return None


def date_of_service(case: Case) -> Check:
    """V04. The through date decides; a record that names other dates of service only is not this encounter's."""
    encounter = case.encounter
    year = collection_year(case.view, case.program, case.payment_year)
    if year is not None and encounter.date_through.year != year:
        return case.answer(
            "V04",
            NOT_MET,
            f"The through date lies in {encounter.date_through.year}; the collection year is {year}.",
            Evidence("through"),
        )
    said = service_dates(case)
    inside = [evidence for day, evidence in said if encounter.date_from <= day <= encounter.date_through]
    if said and not inside:
        return case.answer(
            "V04", NOT_MET, "The record bears another date of service than the encounter.", *(e for _, e in said)
        )
    why = (
        "Admission and discharge lie in order, "
        if encounter.setting == "inpatient"
        else "The date of service is given, "
    )
    return case.answer(
        "V04",
        MET,
        f"{why}and the through date is in the collection year.",
        Evidence("from"),
        Evidence("through"),
        *inside,
    )


def alone(case: Case) -> Check:
    """V12: no document holds several visits, and none leaves its assessment to another note."""
    encounter = case.encounter
    said = service_dates(case)
    inside = [day for day, _ in said if encounter.date_from <= day <= encounter.date_through]
    outside = [evidence for day, evidence in said if not encounter.date_from <= day <= encounter.date_through]
    if inside and outside:
        return case.answer("V12", NOT_MET, "A document holds another date of service as well: split it.", *outside)
    for note in encounter.notes:
        found = ELSEWHERE.search(note.text) if case.mentions(note, LEADING) else None
        if found:
            return case.answer("V12", NOT_MET, "A document leaves its content to an earlier note.", span(note, found))
    span_limit = case.view.threshold("days of an outpatient record")
    days = (encounter.date_through - encounter.date_from).days
    if span_limit and encounter.setting != "inpatient" and days > span_limit[0]:
        why = f"An outpatient record of {days + 1} days is more than one date of service."
        return case.answer("V12", NOT_MET, why, Evidence("from"), Evidence("through"), also="V12.span")
    return case.answer("V12", MET, "The documents hold this date of service alone.")


def service_dates(case: Case) -> list[tuple[date, Evidence]]:
    """Dates that the documents themselves call the date of service, in order."""
    return case.once("service dates", lambda: [hit for note in case.encounter.notes for hit in _labelled(case, note)])


def _labelled(case: Case, note: NoteValues) -> list[tuple[date, Evidence]]:
    hits = (
        (read_date(found["date"]), span(note, found, "date"))
        for found in case.labelled(note, LABELS, LABELLED_SERVICE)
        if not OTHER_VISIT.search(note.text, max(0, found.start() - 30), found.start())
    )
    return [(day, evidence) for day, evidence in hits if day]
