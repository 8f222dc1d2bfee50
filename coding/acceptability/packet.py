"""V13, the number of records for each audited HCC, and which records are the best for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from coding.acceptability.answers import MET, NO, NOT_MET, UNKNOWN, YES, Check, Evidence
from coding.acceptability.case import Case

LIMIT = "records for each HCC"


def within_limit(case: Case) -> Check:
    """V13 for one encounter of a chart: the limit binds what is sent to an audit, so a visit as such meets it."""
    limit = case.view.threshold(LIMIT)
    if limit is None:
        if case.view.rule("V13.none"):
            return case.answer("V13.none", MET, "The program sets no limit of records.")
        return case.answer("V13", UNKNOWN, "No limit is in force.")
    most = max((count for _, count in case.same_code), default=0)
    if most > limit[0]:
        why = f"Up to {most} encounters of the chart report the same code: an audit takes the best {limit[0]}."
        return case.answer("V13", MET, why, Evidence("first_pass_codes"))
    return case.answer("V13", MET, f"No more than {limit[0]} encounters of the chart report the same code.")


def packet_limit(case: Case, sent: Sequence[str]) -> Check:
    """V13 for an audit packet. sent: the encounters chosen for one HCC; `case` gives program, year and rules."""
    limit = case.view.threshold(LIMIT)
    if limit is None:
        return within_limit(case)
    if len(set(sent)) > limit[0]:
        return case.answer(
            "V13", NOT_MET, f"{len(set(sent))} records are chosen for one HCC; an audit takes {limit[0]}."
        )
    return case.answer("V13", MET, f"{len(set(sent))} of at most {limit[0]} records are chosen.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that could support an HCC. radv: yes, unknown or no. letters: how many of M, E, A, T are shown."""

    encounter_id: str
    date_through: date
    radv: str
    letters: int
    inpatient: bool = False
    open_checks: int = 0


def best_records(candidates: Iterable[Candidate], limit: int = 2) -> tuple[Candidate, ...]:
    """The records to send for one member and HCC, best first: valid before unknown, then fewer open checks, more MEAT
    letters, an inpatient stay, the later date. Records that are not valid are never among them."""
    order = {YES: 0, UNKNOWN: 1}
    usable = [item for item in candidates if item.radv != NO]
    usable.sort(
        key=lambda item: (
            order[item.radv],
            item.open_checks,
            -item.letters,
            not item.inpatient,
            -item.date_through.toordinal(),
            item.encounter_id,
        )
    )
    return tuple(usable[:limit])
