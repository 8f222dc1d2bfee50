"""The bridge to `scoring`: a chart's codes and its member's facts -> scores, and a delta for each suggestion."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Delta:
    """What an answer does to the score: the model's difference, never the coefficient alone.

    raw, payment: three decimals, unitless, negative for a loss. reasons: one line for each thing that changed, or why
    nothing did. model: program, payment year and model, for the record.
    """

    raw: Decimal
    payment: Decimal
    reasons: tuple[str, ...]
    model: str


@dataclass(frozen=True)
class Panel:
    """A chart's scores in one program and payment year.

    baseline: with the first-pass codes. now: with what is decided. projected: with every open suggestion followed
    (additions accepted, more specific codes changed, unsupported codes deleted). deltas: by suggestion, against now.
    problem: why it could not be scored, in a sentence; then there are no scores.
    """

    program: str
    payment_year: int
    model: str = ""
    baseline: Any = None
    now: Any = None
    projected: Any = None
    deltas: dict[int, Delta] = field(default_factory=dict)
    problem: str = ""
