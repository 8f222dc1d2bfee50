"""Parts of a whole, and how sure they are: what reports, audits and rule cards say of counts."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from math import sqrt


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole, from 0 to 1, three decimals; None of nothing."""
    return (Decimal(part) / whole).quantize(Decimal("0.001"), ROUND_HALF_UP) if whole else None


def wilson(successes: int, n: int) -> tuple[Decimal, Decimal] | None:
    """95 % interval of a proportion (Wilson 1927), three decimals; None without an observation."""
    if not n:
        return None
    z = 1.959964
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = (Decimal(max(0.0, min(1.0, x))).quantize(Decimal("0.001")) for x in (middle - half, middle + half))
    return low, high


def cohens_kappa(pairs: list[tuple[str, str]]) -> Decimal | None:
    """Agreement of two raters beyond chance (Cohen 1960), three decimals.

    None without a pair, and where both raters gave one and the same answer throughout: chance then explains all.
    """
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[answer] * second[answer] for answer in first)  # times n squared
    if not n or by_chance == n * n:
        return None
    observed = sum(a == b for a, b in pairs)  # times n
    return (Decimal(observed * n - by_chance) / (n * n - by_chance)).quantize(Decimal("0.001"))
