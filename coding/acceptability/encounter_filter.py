"""Would the payer's filter let the diagnoses of this claim count? Asked of the claim alone, never of the specialty.

Sources: the rules P.* of the rule book (docs/acceptability.md).
"""

from coding.acceptability.answers import NO, UNKNOWN, YES, Verdict
from coding.acceptability.case import Case
from coding.acceptability.rulebook import BillType, ProcedureList, View, VisitMode, in_ranges
from coding.intake.values import ClaimLineValues, ClaimValues

AUDIO = "audio only"


def bare_type_of_bill(claim: ClaimValues) -> str:
    """Three characters: '0131' and '131' are the same type of bill."""
    code = claim.type_of_bill
    return code[1:] if len(code) == 4 and code.startswith("0") else code


def passes(case: Case) -> Verdict:
    """yes, no or unknown for the encounter's claim; whether the claim was accepted is the link's business."""
    claim = case.encounter.claim
    if claim is None:
        return Verdict(UNKNOWN, "No claim: the encounter filter cannot be applied.")
    bill = bare_type_of_bill(claim)
    if bill:
        return _institutional(case, claim, bill)
    if claim.claim_type == "I" and case.encounter.setting == "inpatient":
        return _verdict(case, "P.inpatient", UNKNOWN, "An institutional claim without its type of bill.")
    if claim.claim_type in ("I", "O", "D"):
        answer = NO if claim.claim_type == "D" else UNKNOWN
        why = (
            "Claims for equipment do not count." if answer == NO else "An institutional claim without its type of bill."
        )
        return _verdict(case, "P.outpatient", answer, why)
    if claim.claim_type == "P" or claim.place_of_service or claim.lines:
        return _by_procedure(case, claim, "P.professional", "professional claim")
    return Verdict(UNKNOWN, "The claim has neither type nor lines.")


def _institutional(case: Case, claim: ClaimValues, bill: str) -> Verdict:
    rows = case.view.all(BillType)
    if not rows:
        return Verdict(UNKNOWN, "No rule on types of bill is in force for this program.")
    for row in rows:
        if bill.startswith(row.prefixes):
            if row.needs_procedure:
                return _by_procedure(case, claim, row.rule_id, f"{row.kind} claim")
            return _verdict(case, row.rule_id, YES, f"The type of bill is {row.kind}.")
    verified = any(_rule_verified(case, row.rule_id) for row in rows)
    return Verdict(NO, f"Type of bill {bill[:2]}X does not count.", rows[0].rule_id, verified)


def _by_procedure(case: Case, claim: ClaimValues, rule_id: str, kind: str) -> Verdict:
    if not claim.lines:
        return _verdict(case, rule_id, UNKNOWN, f"The {kind} has no lines.")
    listed = eligible_lines(case)
    if listed is None:
        year = case.encounter.date_through.year
        return _verdict(
            case, rule_id, UNKNOWN, f"No list of eligible procedures for {year} is loaded for this program."
        )
    if not listed:
        return _verdict(case, rule_id, NO, f"No line of the {kind} has a procedure on the year's list.")
    return _verdict(case, rule_id, YES, f"A line of the {kind} has a procedure on the year's list.")


def eligible_lines(case: Case) -> tuple[ClaimLineValues, ...] | None:
    """The claim's lines with a procedure on the list of the service year; None where there is no list."""
    claim, year = case.encounter.claim, case.encounter.date_through.year
    procedures = procedures_of(case.view, year)
    if claim is None or procedures is None:
        return None
    return tuple(line for line in claim.lines if line.procedure in procedures)


def procedures_of(view: View, service_year: int) -> frozenset[str] | None:
    """The list of the year itself; last year's is never used in its place."""
    years = view.memo.get("procedure years")
    if years is None:
        years = view.memo["procedure years"] = {row.service_year for row in view.all(ProcedureList)}
    return view.book.procedures[service_year] if service_year in years else None


def audio_only_by_modifier(case: Case) -> bool:
    """Every line that would otherwise count carries an audio-only modifier."""
    lines = counting_lines(case)
    modifiers = tuple(item for row in case.view.all(VisitMode) if row.mode == AUDIO for item in row.modifiers)
    return bool(lines) and all(has_modifier(line, modifiers) for line in lines)


def counting_lines(case: Case) -> tuple[ClaimLineValues, ...]:
    """The lines that decide how the service was given: those with an eligible procedure; without a list or without one,
    the lines that are visits; without those, all."""
    return case.once("counting lines", lambda: eligible_lines(case) or visit_lines(case) or _all_lines(case))


def visit_lines(case: Case) -> tuple[ClaimLineValues, ...]:
    """The lines whose procedure is a visit, in person or by telehealth."""
    ranges = case.view.memo.get("visit procedures")
    if ranges is None:
        ranges = tuple(item for row in case.view.all(VisitMode) for item in row.procedures)
        case.view.memo["visit procedures"] = ranges
    return tuple(line for line in _all_lines(case) if in_ranges(line.procedure, ranges))


def _all_lines(case: Case) -> tuple[ClaimLineValues, ...]:
    return case.encounter.claim.lines if case.encounter.claim else ()


def has_modifier(line: ClaimLineValues, modifiers: tuple[str, ...]) -> bool:
    return any(modifier in modifiers for modifier in line.modifiers)


def _rule_verified(case: Case, rule_id: str) -> bool:
    rule = case.view.rule(rule_id)
    return rule is not None and rule.verified_for(case.program)


def _verdict(case: Case, rule_id: str, answer: str, why: str) -> Verdict:
    if case.view.rule(rule_id) is None:
        return Verdict(UNKNOWN, "No rule of the encounter filter is in force for this program and year.")
    return Verdict(answer, why, rule_id, _rule_verified(case, rule_id))
