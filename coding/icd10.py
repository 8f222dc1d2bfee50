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


# A code, the beginning of some (E08.-), or a range, inside the brackets of a note.
IN_BRACKETS = re.compile(r"\(([^()]*[A-Z][0-9][^()]*)\)")


@cache
def excluded_by(code: str) -> tuple[str, ...]:
    """What the Excludes1 notes of the code and of its ancestors name: codes, beginnings and ranges."""
    import simple_icd_10_cm as tabular

    if not tabular.is_valid_item(code):
        return ()
    items = [code, *(item for item in tabular.get_ancestors(code) if SHAPE.match(item))]
    return tuple(
        dict.fromkeys(named for item in items for note in tabular.get_excludes1(item) for named in _named(note))
    )


@cache
def underlying(code: str) -> tuple[str, ...]:
    """For a manifestation the underlying conditions that its note "Code first" names; empty for any other code, and
    where the note names none."""
    import simple_icd_10_cm as tabular

    if not tabular.is_valid_item(code):
        return ()
    note = tabular.get_code_first(code, search_in_ancestors=True)
    first = note.partition("\n")[0].lower()
    if "underlying" not in first or "if applicable" in note.lower():
        return ()
    if "such as" in first or "\n" not in note:
        return _named(note) if "such as" not in first else ()
    return _named(note)


def _named(note: str) -> tuple[str, ...]:
    return tuple(
        part.strip().removesuffix("-").removesuffix(".")
        for group in IN_BRACKETS.findall(note)
        for part in group.split(",")
        if part.strip()
    )


def fits(code: str, named: tuple[str, ...]) -> bool:
    """Whether the code is one of those named: the code itself, below a beginning, or inside a range."""
    for item in named:
        low, _, high = item.partition("-")
        if code.startswith(low) or (high and low <= code and (code <= high or code.startswith(high))):
            return True
    return False


def excludes(code: str, other: str) -> bool:
    """Whether an Excludes1 note of the code or of its ancestors names the other code."""
    return fits(other, excluded_by(code))


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
