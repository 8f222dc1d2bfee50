"""May this encounter count? Pure, dated, sourced rules over the values of a chart. The door:

    assess(chart, today)             every encounter of a chart for every enrollment: V01 to V13, radv, payment, link
    assess_encounter(...)            one of them
    rules()                          every rule with its source, its dates and who verified it
    stale(today)                     a sentence for each rule file that is past its date of review
    payment_years(), submittable(), deadlines(), open_on()      the submission calendar
    high_risk(chart)                 codes that need a second reviewer, with the corroboration that is missing
    code_edits(...)                  codes that the member's sex or age contradicts
    conflicts(...)                   codes that exclude each other, lack what they need, or fit neither day nor place
    text_support(), is_lifelong()    what a mention in a situation and setting does for a code
    best_records(), packet_limit()   the records that a RADV audit would take
    load(folder)                     another rule book

Knows no Django, no database and no clock. docs/acceptability.md describes the rules for people.
"""

from datetime import date

from coding.acceptability.answers import BLOCK, HOLD, MET, NO, NOT_MET, UNKNOWN, WARN, YES, Check, Evidence, Verdict
from coding.acceptability.assess import CHECKS, Assessment, assess, assess_encounter, case_of
from coding.acceptability.calendar import (
    Deadline,
    Submittable,
    deadlines,
    open_on,
    payment_years,
    queue_place,
    submittable,
)
from coding.acceptability.codes import CodeConflict, code_edits
from coding.acceptability.conflicts import Conflict, conflicts
from coding.acceptability.high_risk import Flag, high_risk
from coding.acceptability.links import AUDIO_ONLY, CLOSED_YEAR, INVALID, LINKED, SWITCHER, UNLINKED
from coding.acceptability.packet import Candidate, best_records, packet_limit
from coding.acceptability.rulebook import Book, Rule, RulesBroken, book, load
from coding.acceptability.text_support import Support, is_lifelong, situations, text_support

__all__ = [
    "AUDIO_ONLY", "BLOCK", "CHECKS", "CLOSED_YEAR", "HOLD", "INVALID", "LINKED", "MET", "NO", "NOT_MET", "SWITCHER",
    "UNKNOWN", "UNLINKED", "WARN", "YES", "Assessment", "Book", "Candidate", "Check", "CodeConflict", "Conflict",
    "Deadline", "Evidence", "Flag", "Rule", "RulesBroken", "Submittable", "Support", "Verdict", "assess",
    "assess_encounter", "best_records", "book", "case_of", "code_edits", "conflicts", "deadlines", "high_risk",
    "is_lifelong", "load", "open_on", "packet_limit", "payment_years", "queue_place", "rules", "situations", "stale",
    "submittable", "text_support",
]  # fmt: skip


def rules() -> tuple[Rule, ...]:
    """Every rule of the book that ships, in the order of their ids: for the page that lists them."""
    return tuple(sorted(book().rules, key=lambda rule: rule.rule_id))


def stale(today: date) -> tuple[str, ...]:
    """A sentence for each rule file whose date of review has passed."""
    return book().stale(today)
