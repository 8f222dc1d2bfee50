"""The link of an encounter (linked, unlinked, switcher, audio-only, closed-year, invalid-encounter), what it pays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from coding.acceptability.answers import MET, NO, NOT_MET, UNKNOWN, YES, Check, Verdict
from coding.acceptability.calendar import submittable
from coding.acceptability.case import Case
from coding.acceptability.encounter_filter import AUDIO, audio_only_by_modifier, passes
from coding.acceptability.face_to_face import mode_of_visit
from coding.acceptability.rulebook import LinkRule

LINKED = "linked"
UNLINKED = "unlinked"
SWITCHER = "switcher"
AUDIO_ONLY = "audio-only"
CLOSED_YEAR = "closed-year"
INVALID = "invalid-encounter"


@dataclass(frozen=True, slots=True)
class Outcome:
    """passes_filter: the payer's filter alone. payment: whether an addition from this encounter would be paid, if it
    went out today. counts: the same without the calendar, for codes that are there already."""

    radv: str
    payment: str
    link: str
    passes_filter: str
    counts: str
    why: tuple[str, ...]


def outcome(case: Case, checks: Mapping[str, Check], switched: bool | None, today: date) -> Outcome:
    """Everything together for one encounter and enrollment.

    radv and payment are answered apart: the filter reads claims, an audit reads records. An open check leaves radv
    unknown and payment as it is. A record that no audit would accept pays nothing here, though, even where the filter
    would let it pass: a payment that an audit takes back is none.
    """
    radv, reasons = verdict(checks)
    filtered = passes(case)
    audio = _audio(case, checks)
    fails = [check for check in checks.values() if check.fails and not (audio and check.check == "V05")]
    if fails:
        if filtered.answer == YES:
            reasons.append("The encounter filter alone would let it pass: it does not read what failed.")
        return Outcome(radv, NO, INVALID, filtered.answer, NO, tuple(reasons))
    link, paid = _link(case, switched, audio)
    reasons.append(_said(paid))
    counts = _trusted(paid.answer, paid.verified)
    if link in (LINKED, AUDIO_ONLY):
        reasons.append(_said(filtered))
        counts = _both(counts, _trusted(filtered.answer, filtered.verified))
    calendar = submittable(case.view.book, case.program, case.payment_year, today)
    if calendar.additions != YES:
        reasons.append(calendar.why)
    payment = _both(counts, _trusted(calendar.additions, calendar.verified))
    link = CLOSED_YEAR if calendar.additions == NO else link
    return Outcome(radv, payment, link, filtered.answer, counts, tuple(reasons))


def verdict(checks: Mapping[str, Check]) -> tuple[str, list[str]]:
    """radv from the checks: no where a verified blocking rule is not met, unknown where any other is open."""
    reasons = [
        f"{name} {check.answer}: {check.why}{'' if check.verified else ' (unverified rule)'}"
        for name, check in checks.items()
        if check.fails or check.open
    ]
    answer = NO if any(check.fails for check in checks.values()) else UNKNOWN if reasons else YES
    reasons += [f"{name} {check.answer}, overridden: {check.why}" for name, check in checks.items() if check.overridden]
    return answer, reasons


def _audio(case: Case, checks: Mapping[str, Check]) -> bool:
    """Given by sound alone, by the claim's modifiers or by what the record says, where V05 does not accept that."""
    if checks["V05"].answer == MET or checks["V05"].overridden:
        return False
    if audio_only_by_modifier(case):
        return checks["V05"].answer == NOT_MET
    mode = mode_of_visit(case)
    return mode is not None and mode[0] == AUDIO and checks["V05"].answer == NOT_MET


def _link(case: Case, switched: bool | None, audio: bool) -> tuple[str, Verdict]:
    claim = case.encounter.claim
    if audio:
        return AUDIO_ONLY, _pays(case, AUDIO_ONLY, "Every line that would count was given by sound alone")
    if claim and claim.accepted and claim.icn:
        return LINKED, _pays(case, LINKED, "Linked to an accepted encounter by its ICN")
    what = "There is no claim for the date of service"
    if claim:
        what = "The claim was rejected" if claim.accepted is False else "The claim has no ICN to link to"
        if claim.accepted is None:
            return UNLINKED, Verdict(UNKNOWN, "Whether the claim was accepted is not known: no link can be shown.")
        if claim.accepted:
            return UNLINKED, Verdict(UNKNOWN, f"{what}, although it was accepted.")
    plain = _pays(case, UNLINKED, what)
    if plain.answer != YES:
        exception = _pays(case, SWITCHER, f"{what}; the member switched from another MA organization")
        if switched and exception.answer == YES:
            return SWITCHER, exception
        if switched is None and exception.answer == YES:
            return UNLINKED, Verdict(
                plain.answer,
                f"{plain.why} The exception for a switched organization has to be stated to hold.",
                plain.rule_id,
                plain.verified,
            )
    return UNLINKED, plain


def _pays(case: Case, link: str, what: str) -> Verdict:
    for row in case.view.all(LinkRule):
        if row.link == link:
            rule = case.view.book.by_id[row.rule_id]
            pays = "counts" if row.pays == YES else "does not count"
            return Verdict(
                row.pays,
                f"{what}: {pays} in payment year {case.payment_year}.",
                row.rule_id,
                rule.verified_for(case.program),
            )
    return Verdict(UNKNOWN, f"{what}; no rule says what that pays in this program and year.")


def _said(verdict: Verdict) -> str:
    return verdict.why if verdict.verified else f"{verdict.why} (unverified rule)"


def _trusted(answer: str, verified: bool) -> str:
    """An unverified rule leaves a no open: it warns, and never blocks silently. Its yes stands, marked unverified."""
    return UNKNOWN if answer == NO and not verified else answer


def _both(one: str, other: str) -> str:
    return NO if NO in (one, other) else UNKNOWN if UNKNOWN in (one, other) else YES
