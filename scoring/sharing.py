"""The fair share of each change in what all of them do: codes added, codes removed, one code put for another.

`Worksheet.attribute` shares out additions by the categories that they bring. Here a change may take away as well, and
the payment score has shares of its own, so that they are right where raw points and rounding pull apart.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import factorial

from scoring.beneficiary import codes_of
from scoring.rounding import apportion, decimal
from scoring.worksheet import SAMPLES, SEED, Worksheet, joined

EXACT_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Shares:
    """One share for each change, in order; they sum exactly to what all of them do together. exact: False where more
    than ten changes do something, and random orders from a fixed seed stand for all."""

    raw: tuple[Decimal, ...]
    payment: tuple[Decimal, ...]
    exact: bool


def shares(
    sheet: Worksheet, diagnoses: Iterable[str], changes: Sequence[tuple[Iterable[str], Iterable[str]]]
) -> Shares:
    """The Shapley value of each change (codes added, codes removed) in the raw and in the payment score.

    diagnoses: the baseline, one entry for each source, as in `Worksheet.what_if`. Raises InvalidInput, MalformedCode.
    """
    moves = [(Counter(codes_of(added, "added")), Counter(codes_of(gone, "removed"))) for added, gone in changes]
    nothing = sheet.masks(())
    active = [
        index for index, (added, gone) in enumerate(moves) if sheet.masks([*added, *gone]) != nothing
    ]  # a code outside every map changes nothing
    score = _scores(sheet, Counter(codes_of(diagnoses)), [moves[index] for index in active])
    exact = len(active) <= EXACT_CHANGES
    whole = score((1 << len(active)) - 1)
    found = []
    for step in (0, 2):
        values = _exact(score, step, len(active)) if exact else _sampled(score, step, len(active))
        parts = [Fraction(0)] * len(moves)
        for index, value in zip(active, values, strict=True):
            parts[index] = value
        found.append(tuple(map(decimal, apportion(parts, whole[step] - score(0)[step]))))
    return Shares(found[0], found[1], exact)


def _scores(
    sheet: Worksheet, carried: Counter[str], moves: Sequence[tuple[Counter[str], Counter[str]]]
) -> Callable[[int], tuple[int, int, int]]:
    """The points after the changes of a set, which is a number: one bit for each."""
    touched = sorted({code for move in moves for codes in move for code in codes})
    own = {code: sheet.masks((code,)) for code in touched}
    rest = sheet.masks([code for code in carried if code not in own])
    known: dict[int, tuple[int, int, int]] = {}

    def score(which: int) -> tuple[int, int, int]:
        if which not in known:
            chosen = [move for index, move in enumerate(moves) if which >> index & 1]
            there = [
                own[code]
                for code in touched
                if any(added[code] for added, _ in chosen) or carried[code] > sum(gone[code] for _, gone in chosen)
            ]
            known[which] = sheet.points(joined([rest, *there]))
        return known[which]

    return score


def _exact(score: Callable[[int], tuple[int, int, int]], step: int, size: int) -> list[Fraction]:
    """The mean of what each change adds over all orders."""
    weights = [factorial(before) * factorial(size - before - 1) for before in range(size)]
    sums = [0] * size
    for which in range(1 << size):
        held = score(which)[step]
        for index in range(size):
            if not which >> index & 1:
                sums[index] += weights[which.bit_count()] * (score(which | 1 << index)[step] - held)
    return [Fraction(total, factorial(size)) for total in sums]


def _sampled(score: Callable[[int], tuple[int, int, int]], step: int, size: int) -> list[Fraction]:
    """The same over seeded random orders; each order's parts sum to the whole, so their means do too."""
    draw = random.Random(SEED)  # noqa: S311 - a reproducible sample, not a secret
    order, sums = list(range(size)), [0] * size
    for _ in range(SAMPLES):
        draw.shuffle(order)
        which, held = 0, score(0)[step]
        for index in order:
            which |= 1 << index
            sums[index] += score(which)[step] - held
            held = score(which)[step]
    return [Fraction(total, SAMPLES) for total in sums]
