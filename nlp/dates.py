"""Which ICD-10-CM code stood for a condition on a date of service: the changes of code_dates.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("code_dates.toml")


@dataclass(frozen=True, slots=True)
class Changes:
    """new: code -> (first day, the code before). ended: code -> first day on which it cannot be billed."""

    new: dict[str, tuple[str, str]]
    ended: dict[str, str]


@cache
def changes() -> Changes:
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["change"]
    new = {code: (row["from"], before) for row in rows for code, before in row["new"].items()}
    return Changes(new, {code: row["from"] for row in rows for code in row["ended"]})


def code_on(icd10: str, day: str | None) -> str:
    """Today's code as it stood on a day (ISO date): G35.D before October 2025 is G35. No day: the code itself."""
    since = changes().new.get(icd10)
    while day and since and day < since[0]:
        icd10 = since[1]
        since = changes().new.get(icd10)
    return icd10


def fault_on(icd10: str, day: str | None) -> str:
    """Why a code cannot be billed on a day, as half a sentence; "" if nothing here says so."""
    if not day:
        return ""
    since = changes().new.get(icd10)
    if since and day < since[0]:
        return f"{icd10} is valid from {since[0]} only, not on the date of service {day}; {code_on(icd10, day)} was"
    ended = changes().ended.get(icd10)
    if ended and day >= ended:
        return f"{icd10} is not valid since {ended}, so not on the date of service {day}"
    return ""
