"""CMS's written conditions ("age >= 15", "0 <= age <= 17", "age = 0") to inclusive bounds, and split rows put together.

CMS's mappings split one code into rows by age ("age < 21" and "age >= 21") even where both rows carry the same
category. Rows that together cover every age are one row without a condition here.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

OLDEST = 999
_ONE_SIDED = re.compile(r"age\s*(<=|>=|<|>|=)\s*(\d+)$")
_RANGE = re.compile(r"(\d+)\s*<=\s*age\s*<=\s*(\d+)$")


def bounds(text: str) -> tuple[int, int]:
    """A condition to (youngest, oldest), both included. Empty is everybody. Raises ValueError for anything else."""
    text = text.strip().lower()
    if not text:
        return 0, OLDEST
    if found := _RANGE.match(text):
        return int(found[1]), int(found[2])
    if found := _ONE_SIDED.match(text):
        age = int(found[2])
        return {"<": (0, age - 1), "<=": (0, age), ">": (age + 1, OLDEST), ">=": (age, OLDEST), "=": (age, age)}[
            found[1]
        ]
    raise ValueError(f"condition {text!r} not understood")


def merged(
    conditions: Iterable[tuple[tuple[int, int], tuple[int, int], str]],
) -> list[tuple[str, str, str, str]]:
    """The rows of one code and category, each (MCE bounds, age edit bounds, sex), to the fewest equal rows.

    Returns (age_min, age_max, sex, edit) as text, "" for no bound; edit names what the condition is: mce, age, sex.
    """
    spans: dict[tuple[str, bool], list[tuple[int, int]]] = defaultdict(list)
    for mce, age, sex in conditions:
        low, high = max(mce[0], age[0]), min(mce[1], age[1])
        if low <= high:
            spans[sex, mce != (0, OLDEST)].append((low, high))
    if any(span == (0, OLDEST) for span in spans.get(("", False), ())):
        return [("", "", "", "")]
    result = []
    for (sex, is_mce), ranges in sorted(spans.items()):
        for low, high in joined(ranges):
            edits = [
                name
                for name, there in (
                    ("mce", is_mce),
                    ("age", (low, high) != (0, OLDEST) and not is_mce),
                    ("sex", bool(sex)),
                )
                if there
            ]
            bounds_text = (str(low) if low else "", str(high) if high != OLDEST else "")
            result.append((*bounds_text, sex, "+".join(edits)))
    return result


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Touching or overlapping spans as one."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result
