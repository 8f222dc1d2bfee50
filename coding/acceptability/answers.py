"""What a rule answers: the answer, why, what it rests on, and whether the rule itself has been verified."""

from dataclasses import dataclass

MET = "met"
NOT_MET = "not met"
UNKNOWN = "unknown"
YES = "yes"
NO = "no"

BLOCK = "block"  # fails what it is not met for
HOLD = "hold"  # needs a person's signature
WARN = "warn"  # never changes a status


@dataclass(frozen=True, slots=True)
class Evidence:
    """A field of the chart file, or a span of a note (code points, end exclusive). Never the words themselves."""

    field: str
    note_id: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One of V01 to V13 for one encounter.

    why: plain words that never repeat what the chart says of a person.
    overridden: a person answered for it, with a reason: the answer stays what it is, and stops nothing.
    rule_id: the row of the rule book that decided; `verified` is true only where that row has a date of verification.
    """

    check: str
    answer: str
    why: str
    rule_id: str
    severity: str
    verified: bool
    evidence: tuple[Evidence, ...] = ()
    overridden: bool = False

    @property
    def fails(self) -> bool:
        """A verified blocking rule is not met. An unverified rule warns and leaves the question open instead."""
        return self.answer == NOT_MET and self.severity == BLOCK and self.verified and not self.overridden

    @property
    def open(self) -> bool:
        """The check keeps the encounter from being called valid, without failing it."""
        return self.answer != MET and self.severity != WARN and not self.fails and not self.overridden


@dataclass(frozen=True, slots=True)
class Verdict:
    """yes, no or unknown, with its reason."""

    answer: str
    why: str
    rule_id: str = ""
    verified: bool = True
