"""The checks of an encounter, and the outcome for each enrollment of its chart."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from coding.acceptability import dates, face_to_face, identity, legible, links, packet, provider, record_type, signature
from coding.acceptability.answers import Check
from coding.acceptability.case import Case
from coding.acceptability.rulebook import Book, book
from coding.intake.values import ChartValues, EncounterValues, EnrollmentValues, MemberValues

CHECKS: dict[str, Callable[[Case], Check]] = {
    "V01": record_type.source,
    "V02": record_type.stands_alone,
    "V03": identity.check,
    "V04": dates.date_of_service,
    "V05": face_to_face.check,
    "V06": provider.specialty,
    "V07": signature.signed,
    "V08": provider.credential,
    "V09": signature.attestation,
    "V10": legible.check,
    "V11": signature.amended,
    "V12": dates.alone,
    "V13": packet.within_limit,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """One encounter for one program and payment year: a line of `python -m coding.acceptability`.

    payment: would an addition from it be paid, if it went out today? counts: the same without the calendar, for codes
    that were submitted already. passes_filter: the payer's filter alone.
    """

    member_id: str
    encounter_id: str
    program: str
    payment_year: int
    checks: dict[str, Check]
    radv: str
    payment: str
    link: str
    passes_filter: str
    counts: str
    why: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The contract's line, ready for JSON."""
        return {
            "member_id": self.member_id,
            "encounter_id": self.encounter_id,
            "program": self.program,
            "payment_year": self.payment_year,
            "checks": {
                name: {"answer": check.answer, "why": check.why, "verified": check.verified}
                for name, check in self.checks.items()
            },
            "radv": self.radv,
            "payment": self.payment,
            "link": self.link,
            "why": list(self.why),
        }


def assess(chart: ChartValues, today: date, rules: Book | None = None) -> Iterator[Assessment]:
    """One assessment for each encounter and enrollment of the chart, encounters first, both in the chart's order.

    today: decides what is still submittable, nothing else. Raises nothing: what is absent is unknown.
    """
    counts = Counter(
        code.icd10
        for encounter in chart.encounters
        for code in {c.icd10: c for c in encounter.first_pass_codes}.values()
    )
    for encounter in chart.encounters:
        for enrollment in chart.enrollments:
            yield assess_encounter(chart.member, encounter, enrollment, today, rules, counts)


def assess_encounter(
    member: MemberValues,
    encounter: EncounterValues,
    enrollment: EnrollmentValues,
    today: date,
    rules: Book | None = None,
    counts: Counter[str] | None = None,
    overridden: Collection[str] = (),
) -> Assessment:
    """One encounter for one enrollment.

    counts: by code, how many of the chart's encounters report it (V13). overridden: the checks for which a person
    answered; they stop nothing.
    """
    case = case_of(member, encounter, enrollment, rules, counts)
    checks = {name: check(case) for name, check in CHECKS.items()}
    for name in overridden:
        checks[name] = replace(checks[name], overridden=True)
    result = links.outcome(case, checks, enrollment.switched_ma_organization, today)
    return Assessment(
        member.member_id, encounter.encounter_id, enrollment.program, enrollment.payment_year, checks,
        result.radv, result.payment, result.link, result.passes_filter, result.counts, result.why,
    )  # fmt: skip


def case_of(
    member: MemberValues,
    encounter: EncounterValues,
    enrollment: EnrollmentValues,
    rules: Book | None = None,
    counts: Counter[str] | None = None,
) -> Case:
    view = (rules or book()).in_force(enrollment.program, enrollment.payment_year, encounter.date_through)
    same = tuple((code.icd10, counts[code.icd10]) for code in encounter.first_pass_codes) if counts else ()
    return Case(member, encounter, enrollment.program, enrollment.payment_year, view, same)
