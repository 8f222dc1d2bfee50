"""Codes beside each other: Excludes1, code first, the "with" convention, acute codes in an office, conflicts between
dates of service, and codes that did not exist on the day. Every answer is a warning: a person decides.

The tabular list is loaded on first use; the checks V01 to V13 do not need it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from coding import icd10
from coding.acceptability.high_risk import kind_of_record
from coding.acceptability.rulebook import AcuteCode, Book, CodeSince, WithConvention, book
from coding.intake.values import EncounterValues


@dataclass(frozen=True, slots=True)
class Conflict:
    """What speaks against a code on an encounter, in words. other: the code that it does not go with."""

    encounter_id: str
    icd10: str
    kind: str
    why: str
    rule_id: str
    verified: bool
    other: str = ""


def conflicts(
    encounters: Iterable[EncounterValues],
    carried: Mapping[str, Collection[str]],
    program: str,
    payment_year: int,
    rules: Book | None = None,
    hccs: Callable[[str], Collection[str]] = lambda code: (code,),
) -> tuple[Conflict, ...]:
    """What the codes of a chart contradict, by encounter and code.

    carried: by encounter_id its codes, with dots. hccs: the payment HCCs of a code: between dates only what changes one
    is a conflict.
    """
    rules = rules or book()
    dates = list(encounters)
    found: list[Conflict] = []
    every = sorted({code for codes in carried.values() for code in codes})
    one_way = {(code, other) for code in every for other in every if code != other and icd10.excludes(code, other)}
    apart = {pair for code, other in one_way for pair in ((code, other), (other, code))}
    for encounter in dates:
        view = rules.in_force(program, payment_year, encounter.date_through)
        codes = sorted(carried.get(encounter.encounter_id, ()))

        def say(
            code: str, kind: str, why: str, rule_id: str, other: str = "", encounter: EncounterValues = encounter
        ) -> None:
            rule = rules.by_id[rule_id]
            found.append(
                Conflict(encounter.encounter_id, code, kind, why, rule_id, rule.verified_for(program), other)
            )  # fmt: skip

        for code in codes:
            others = [other for other in codes if other != code]
            for other in others:
                if (code, other) in apart:
                    say(code, "excludes1", f"{other} and {code} exclude each other (Excludes1).", "E.excludes1", other)
            needed = icd10.underlying(code)
            if needed and not any(icd10.fits(other, needed.named) for other in others):
                missing = "Its underlying condition" if needed.complete else "No underlying condition like those listed"
                verb = "is not" if needed.complete else "is"
                say(code, "code first", f"{missing} {verb} on this date of service (code first).", "E.code-first")
            for row in view.all(WithConvention):
                beside = next((other for other in others if other.startswith(row.beside)), "")
                if code.startswith(row.codes) and beside:
                    say(code, "with", f"Beside {beside} the classification has {row.instead}.", row.rule_id, beside)
            for acute in view.all(AcuteCode):
                if code.startswith(acute.codes) and kind_of_record(encounter) == "physician":
                    say(code, "acute", "An acute event on an office record: history or sequelae?", acute.rule_id)
            for since in view.all(CodeSince):
                if code.startswith(since.codes) and encounter.date_through < since.since:
                    say(code, "not valid", f"The code is valid from {since.since} on.", since.rule_id)
        for code, other in sorted(apart) if "E.between-dates" in view.ids else ():
            if code not in codes or other in codes or set(hccs(code)) == set(hccs(other)):
                continue
            for other_date in dates:
                if other in carried.get(other_date.encounter_id, ()):
                    why = f"{other} on {other_date.date_from} excludes it, and pays another HCC."
                    say(code, "between dates", why, "E.between-dates", other)
    return tuple(dict.fromkeys(found))
