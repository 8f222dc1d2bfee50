"""Which payment years a service year pays for, and what can still be submitted on a given day.

The day is always an argument. A deadline holds through its whole day: its hour and zone are shown, not computed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from coding.acceptability.answers import NO, UNKNOWN, YES
from coding.acceptability.rulebook import Book, ProgramRow, Rule, Sweep

FINAL = "final"
NOT_KNOWN = 10_000  # days: after every deadline that is known
CLOSED = 20_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """One sweep as it concerns a program."""

    program: str
    payment_year: int
    run: str
    dos_from: date
    dos_to: date
    deadline: date
    time: str
    verified: bool
    rule_id: str

    def days_left(self, today: date) -> int:
        """0 on the day itself, negative after it."""
        return (self.deadline - today).days

    def takes(self, date_through: date) -> bool:
        return self.dos_from <= date_through <= self.dos_to


@dataclass(frozen=True, slots=True)
class Submittable:
    """What can go out for a program and payment year. additions: yes, no, or unknown where no deadline is known.

    Deletions are always open: after the final deadline they are corrections that lower payment.
    """

    additions: str
    deletions: str
    next: Deadline | None
    final: Deadline | None
    verified: bool
    why: str


def payment_years(book: Book, service_year: int) -> dict[str, int]:
    """The payment year of the service year, by program."""
    return {
        row.program: service_year + 1 if row.timing == "prospective" else service_year for row in book.all(ProgramRow)
    }


def deadlines(book: Book, program: str, payment_year: int) -> tuple[Deadline, ...]:
    """The sweeps of a program and payment year, by date."""
    return tuple(item for item in _all(book, program) if item.payment_year == payment_year)


def _all(book: Book, program: str) -> list[Deadline]:
    known = book.memo.get(program)
    if known is not None:
        return known
    found: list[Deadline] = []
    for row in book.all(Sweep):
        rule: Rule = book.by_id[row.rule_id]
        if program in rule.program or program in rule.carried_over_to:
            found.append(
                Deadline(
                    program, row.payment_year, row.run, row.dos_from, row.dos_to, row.deadline, row.time,
                    rule.verified_for(program), rule.rule_id,
                )
            )  # fmt: skip
    book.memo[program] = sorted(found, key=lambda item: (item.deadline, item.payment_year, item.run))
    return book.memo[program]


def submittable(
    book: Book, program: str, payment_year: int, today: date, date_through: date | None = None
) -> Submittable:
    """What can still be submitted on the day.

    date_through: of an encounter, so that `next` is the next sweep that takes its date of service.
    A payment year without a final deadline in the tables is closed where a later one is, and unknown otherwise.
    """
    every = _all(book, program)
    own = [item for item in every if item.payment_year == payment_year]
    final = next((item for item in own if item.run == FINAL), None)
    if final is None:
        later = [
            item for item in every if item.run == FINAL and item.payment_year > payment_year and item.deadline < today
        ]
        if later:
            why = f"The final deadline of payment year {later[0].payment_year} has passed already; deletions stay open."
            return Submittable(NO, YES, None, None, later[0].verified, why)
        return Submittable(
            UNKNOWN,
            YES,
            None,
            None,
            False,
            f"No final deadline is known for payment year {payment_year}; deletions stay open.",
        )
    if today > final.deadline:
        why = f"Additions closed on {final.deadline}; deletions stay open."
        # A projected deadline that has passed is beyond doubt once a published one of a later year has.
        beyond_doubt = any(
            item.verified and item.run == FINAL and item.payment_year > payment_year and item.deadline < today
            for item in every
        )
        return Submittable(NO, YES, None, final, final.verified or beyond_doubt, why)
    coming = (item for item in own if item.deadline >= today and (date_through is None or item.takes(date_through)))
    soonest = next(coming, final)
    why = (
        f"Additions are open: the {soonest.run} deadline is {' '.join((str(soonest.deadline), soonest.time)).strip()}."
    )
    return Submittable(YES, YES, soonest, final, final.verified, why)


def queue_place(book: Book, programs: Iterable[str], service_year: int, today: date) -> int:
    """Where charts of the service year stand in the queue: days to the next deadline of an open program, the nearest
    first; then years of which no deadline is known; last those that are closed for additions everywhere."""
    years = payment_years(book, service_year)
    found = [submittable(book, program, years[program], today) for program in programs if program in years]
    days = [one.next.days_left(today) for one in found if one.additions == YES and one.next]
    return min(days) if days else CLOSED if found and all(one.additions == NO for one in found) else NOT_KNOWN


def open_on(book: Book, today: date, programs: Iterable[str] = ("cms-hcc",)) -> tuple[Deadline, ...]:
    """Every sweep that has not passed, soonest first: the countdown, and the order of the queue."""
    return tuple(
        sorted(
            (item for program in programs for item in _all(book, program) if item.deadline >= today),
            key=lambda item: (item.deadline, item.program, item.payment_year),
        )
    )
