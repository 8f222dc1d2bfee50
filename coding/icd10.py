"""ICD-10-CM codes: how they are written, what they are called, which can be billed.

The tabular list comes with the package `simple-icd-10-cm` (its release is named in `RELEASE`). It takes seconds and
memory to load, so it is loaded on first use, or once before the web server forks (`load`).
"""

import re
from functools import cache, lru_cache

RELEASE = "ICD-10-CM FY2026, April 2026 update (simple-icd-10-cm 1.5)"
SHAPE = re.compile(r"(?:[A-Z][0-9]|Q[A-Z])[0-9A-Z](?:\.[0-9A-Z]{1,4})?")  # QA0 since fiscal year 2026


def normalise(code: str) -> str:
    """'e1122' and 'E11.22' both become 'E11.22'. Whether the code exists is another question."""
    bare = re.sub(r"[\s.]", "", code).upper()
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


def is_code_shaped(code: str) -> bool:
    return SHAPE.fullmatch(code) is not None


@cache
def titles() -> dict[str, str]:
    """Title by dotted code, for every billable code of the release."""
    import simple_icd_10_cm as tabular

    return {
        code: tabular.get_description(code)
        for code in tabular.get_all_codes()
        if is_code_shaped(code) and tabular.is_leaf(code)
    }


def load() -> None:
    searchable()


@cache
def searchable() -> list[tuple[str, str, str]]:
    return [(code, title, f"{code} {code.replace('.', '')} {title}".lower()) for code, title in titles().items()]


def title(code: str) -> str:
    """The official title, or "" for a code that the release does not have."""
    return titles().get(code, "")


def is_billable(code: str) -> bool:
    return code in titles()


@lru_cache(maxsize=256)
def search(words: str, limit: int = 20) -> list[tuple[str, str]]:
    """(code, title) for codes that have every word in their title, or start with it. The best matches come first:
    codes that start with the first word, then short titles."""
    wanted = words.lower().split()
    if not wanted:
        return []
    found = [(code, name) for code, name, text in searchable() if all(word in text for word in wanted)]
    start = wanted[0].replace(".", "").upper()
    found.sort(key=lambda hit: (not hit[0].replace(".", "").startswith(start), len(hit[1]), hit[0]))
    return found[:limit]
