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
from scoring.calculate import Points
from scoring.rounding import apportion, decimal
from scoring.worksheet import SAMPLES, SEED, Masks, Worksheet, joined

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
    rest, codes = _moving(sheet, Counter(codes_of(diagnoses)), moves)
    active = sorted({index for code in codes for index in (*code.added, *code.removed)})
    score = _scores(sheet, rest, codes, active)
    exact = len(active) <= EXACT_CHANGES
    nothing, whole = score(0), score((1 << len(active)) - 1)
    found = []
    for step in (0, 2):
        values = _exact(score, step, len(active)) if exact else _sampled(score, step, len(active))
        parts = [Fraction(0)] * len(moves)
        for index, value in zip(active, values, strict=True):
            parts[index] = value
        found.append(tuple(map(decimal, apportion(parts, whole[step] - nothing[step]))))
    return Shares(found[0], found[1], exact)


@dataclass(frozen=True, slots=True)
class _Moving:
    """A code that the changes bring or take away: its categories, how many sources carry it before them, the changes
    that add it, and how many sources each change takes."""

    masks: Masks
    carried: int
    added: tuple[int, ...]
    removed: dict[int, int]


def _moving(
    sheet: Worksheet, carried: Counter[str], moves: Sequence[tuple[Counter[str], Counter[str]]]
) -> tuple[Masks, list[_Moving]]:
    """The categories that are there whatever is changed, and the codes on which something depends.

    A code whose categories are there anyway changes nothing, and neither does a change of such codes alone. On a chart
    most codes are on several dates: this is what keeps the exact shares within reach.
    """
    touched = {code for move in moves for codes in move for code in codes}
    taken = {code: sum(gone[code] for _, gone in moves) for code in touched}
    rest = sheet.masks([code for code in carried if carried[code] > taken.get(code, 0)])
    moving = []
    for code in sorted(touched):
        masks = sheet.masks((code,))
        if joined([rest, masks]) != rest:
            added = tuple(index for index, (new, _) in enumerate(moves) if new[code])
            removed = {index: gone[code] for index, (_, gone) in enumerate(moves) if gone[code] and carried[code]}
            moving.append(_Moving(masks, carried[code], added, removed))
    return rest, moving


def _scores(sheet: Worksheet, rest: Masks, codes: Sequence[_Moving], active: Sequence[int]) -> Callable[[int], Points]:
    """The points after the changes of a set, which is a number: one bit for each active change."""
    bits = {index: 1 << place for place, index in enumerate(active)}
    compiled = [
        (
            code.masks,
            sum(bits[index] for index in code.added),
            code.carried,
            [(bits[index], count) for index, count in code.removed.items()],
        )
        for code in codes
    ]
    known: dict[int, Points] = {}

    def score(which: int) -> Points:
        found = known.get(which)
        if found is None:
            there = [
                masks
                for masks, added, carried, removed in compiled
                if which & added or carried > sum([count for bit, count in removed if which & bit])
            ]
            found = known[which] = sheet.points(joined([rest, *there]))
        return found

    return score


def _exact(score: Callable[[int], Points], step: int, size: int) -> list[Fraction]:
    """The mean of what each change adds over all orders."""
    weights = [factorial(before) * factorial(size - before - 1) for before in range(size)]
    sums = [0] * size
    for which in range(1 << size):
        held = score(which)[step]
        for index in range(size):
            if not which >> index & 1:
                sums[index] += weights[which.bit_count()] * (score(which | 1 << index)[step] - held)
    return [Fraction(total, factorial(size)) for total in sums]


def _sampled(score: Callable[[int], Points], step: int, size: int) -> list[Fraction]:
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
