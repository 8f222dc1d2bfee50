"""Codes that the member's sex or age contradicts. Whether a code exists and can be billed, `coding.icd10` knows."""

from dataclasses import dataclass
from datetime import date

from coding.acceptability.rulebook import Book, CodeEdit, book
from coding.intake.values import MemberValues


@dataclass(frozen=True, slots=True)
class CodeConflict:
    """An edit that a code fails. An unverified one is a warning."""

    icd10: str
    edit: str
    why: str
    rule_id: str
    verified: bool


def age_on(birth_date: date, day: date) -> int:
    """Whole years. Someone born on 29 February has the birthday on 1 March in other years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def code_edits(
    member: MemberValues, icd10: str, date_through: date, program: str, payment_year: int, rules: Book | None = None
) -> tuple[CodeConflict, ...]:
    """The edits that the code fails for this member on the date of service; empty where none applies.

    icd10: upper case, with its dot, as in the chart file.
    """
    view = (rules or book()).in_force(program, payment_year, date_through)
    age = age_on(member.birth_date, date_through)
    found = []
    for row in view.all(CodeEdit):
        if not icd10.startswith(row.codes):
            continue
        wrong = []
        if row.sex and member.sex != row.sex:
            wrong.append("for the other sex")
        if row.age_min is not None and age < row.age_min:
            wrong.append(f"from age {row.age_min} on")
        if row.age_max is not None and age > row.age_max:
            wrong.append(f"up to age {row.age_max}")
        if wrong:
            rule = view.book.by_id[row.rule_id]
            found.append(
                CodeConflict(
                    icd10, row.edit, f"The code is {' and '.join(wrong)}.", row.rule_id, rule.verified_for(program)
                )
            )
    return tuple(found)
