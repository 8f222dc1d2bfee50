"""Numbers: integers in thousandths inside, Decimals with three places at the door.

Every published step (raw, normalized, payment, blend) is rounded to three decimals, halves away from zero. Floats are
never used: 0.500 x 0.941 = 0.4705 has to give 0.471, and binary floating point gives 0.470.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from math import floor

from scoring.errors import InvalidInput


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, halves away from zero. denominator > 0."""
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


@lru_cache(maxsize=16384)
def thousandths(text: str | int | Decimal, what: str = "number") -> int:
    """ "1.033" -> 1033. Refuses more than three decimals rather than rounding what somebody else published.

    Raises InvalidInput for anything that is not such a number, naming `what`.
    """
    try:
        value = Decimal(str(text).strip())
        scaled = value.scaleb(3)
        if scaled != scaled.to_integral_value():
            raise InvalidInput(f"{what}: at most three decimals, got {text}")
        return int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{what}: not a number: {str(text)[:20]!r}") from None


@lru_cache(maxsize=65536)
def decimal(points: int) -> Decimal:
    """1033 -> Decimal("1.033")."""
    return Decimal(points).scaleb(-3)


def signed(points: int) -> str:
    """127 -> "+0.127". Zero has a sign too, so that a delta always reads as one."""
    sign = "-" if points < 0 else "+"
    whole, rest = divmod(abs(points), 1000)
    return f"{sign}{whole}.{rest:03d}"


def apportion(parts: Sequence[Fraction], total: int) -> list[int]:
    """Exact parts to integers that sum to `total` exactly (largest remainder; ties go to the earlier part).

    The parts have to sum to `total`; each result differs from its part by less than one.
    """
    floors = [floor(part) for part in parts]
    missing = total - sum(floors)
    order = sorted(range(len(parts)), key=lambda index: (floors[index] - parts[index], index))
    for index in order[:missing]:
        floors[index] += 1
    return floors
