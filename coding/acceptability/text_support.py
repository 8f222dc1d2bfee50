"""Which words of a record support a diagnosis: the situation of a mention, in the setting of the record.

The situations are names for what a reader of the note has found (an assertion, a section); nothing is read here.
"""

from dataclasses import dataclass
from datetime import date

from coding.acceptability.rulebook import Book, Lifelong, TextSupport, book


@dataclass(frozen=True, slots=True)
class Support:
    """answer: accept, reject, hold or gap; unknown where no rule is in force. instead: what to code or do."""

    answer: str
    instead: str
    why: str
    rule_id: str
    verified: bool


def text_support(
    situation: str,
    setting: str,
    icd10: str,
    program: str,
    payment_year: int,
    date_through: date,
    rules: Book | None = None,
) -> Support:
    """What a mention in the situation does for the code.

    situation: one of `situations()`. setting: inpatient (a stay, at discharge) or outpatient (everything else).
    """
    view = (rules or book()).in_force(program, payment_year, date_through)
    for row in view.all(TextSupport):
        if row.situation == situation:
            rule = view.book.by_id[row.rule_id]
            answer = row.inpatient if setting == "inpatient" else row.outpatient
            if setting == "inpatient" and icd10.startswith(row.not_codes):
                answer = row.outpatient
            return Support(answer, row.instead, rule.text, rule.rule_id, rule.verified_for(program))
    return Support("unknown", "", "No rule is in force for this situation.", "", False)


def situations(rules: Book | None = None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.situation for row in (rules or book()).all(TextSupport)))


def is_lifelong(icd10: str, rules: Book | None = None) -> bool:
    """Whether the code is of a condition that does not end, such as an amputation or a transplant."""
    return any(icd10.startswith(row.codes) for row in (rules or book()).all(Lifelong))
