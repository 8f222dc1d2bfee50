"""From a person to a segment, and what the person alone brings to it.

One small class of functions per family of models: which segment a month belongs to, and for a segment the demographic
variables, the flags that interactions ask for, and the population whose normalization factor applies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from scoring.beneficiary import Beneficiary
from scoring.errors import InvalidInput
from scoring.tables import Release

CONTINUING = (
    (0, 34),
    (35, 44),
    (45, 54),
    (55, 59),
    (60, 64),
    (65, 69),
    (70, 74),
    (75, 79),
    (80, 84),
    (85, 89),
    (90, 94),
)
NEW = (*CONTINUING[:5], (65, 65), (66, 66), (67, 67), (68, 68), (69, 69), *CONTINUING[6:])
SEXES = {"F": "Female", "M": "Male"}


@dataclass(frozen=True)
class Base:
    """What a person brings to one segment before any diagnosis. Equal ones are shared.

    table: the segment of factors.csv that categories are paid from, "" where diagnoses do not count.
    variables: (segment of factors.csv, variable); a variable in `expected` that has no row there is said so.
    divisor: actuarial adjustment in thousandths that the sum is divided by (ESRD V24 new-enrollee grafts).
    """

    segment: str
    table: str
    variables: tuple[tuple[str, str], ...]
    flags: frozenset[str] = frozenset()
    population: str = "all"
    divisor: int = 1000


@dataclass(frozen=True, slots=True)
class Family:
    """segments: as CMS's software prints them. segment_of: a month's own segment. base: what it starts from."""

    segments: tuple[str, ...]
    segment_of: Callable[[Beneficiary, int], str]
    base: Callable[[Release, Beneficiary, int, str], Base]


def band(age: int, bands: tuple[tuple[int, int], ...]) -> str:
    """The name of an age's band: "70_74", "66", "95_GT"."""
    for low, high in bands:
        if low <= age <= high:
            return str(low) if low == high else f"{low}_{high}"
    return f"{bands[-1][1] + 1}_GT"


def cms_hcc_segment(person: Beneficiary, age: int) -> str:
    """NE and SNPNE before INS, INS before the community; the community by dual status and by age 65."""
    if person.new_enrollee:
        return "SNPNE" if person.c_snp else "NE"
    if person.institutional:
        return "INS"
    if person.dual is None and person.medicaid:
        raise InvalidInput("beneficiary: a community segment needs dual (none, partial or full), not medicaid alone")
    return "C" + {"none": "N", "partial": "P", "full": "F"}[person.dual or "none"] + ("A" if age >= 65 else "D")


def cms_hcc_base(release: Release, person: Beneficiary, age: int, segment: str) -> Base:
    """CMS-HCC V22, V24, V28."""
    own = person.lti_medicaid if segment == "INS" else person.new_enrollee_medicaid
    return cms_hcc_cell(segment, age, person.sex, person.orec, person.has_medicaid(own))


@lru_cache(maxsize=32768)
def cms_hcc_cell(segment: str, age: int, sex: str, orec: str, medicaid: bool) -> Base:
    """Entitlement reason 3 (disability and ESRD) is not "originally disabled" in these models."""
    originally_disabled = age >= 65 and orec == "1"
    if segment in ("NE", "SNPNE"):
        entitlement = f"{'MCAID' if medicaid else 'NMCAID'}_{'ORIGDIS' if originally_disabled else 'NORIGDIS'}"
        cell = band(65 if age == 64 and orec == "0" else age, NEW)  # ageing in during the payment year
        return Base(segment, "", ((segment, f"{entitlement}_NE{sex}{cell}"),))
    variables = [(segment, sex + band(age, CONTINUING))]
    if originally_disabled:
        variables.append((segment, f"OriginallyDisabled_{SEXES[sex]}"))
    if segment == "INS" and medicaid:
        variables.append((segment, "LTIMCAID"))
    disabled = age < 65 and orec != "0"
    return Base(segment, segment, tuple(variables), frozenset({"DISABL"} if disabled else ()))


FAMILIES: dict[str, Family] = {
    "cms-hcc": Family(("CNA", "CND", "CPA", "CPD", "CFA", "CFD", "INS", "NE", "SNPNE"), cms_hcc_segment, cms_hcc_base),
}
