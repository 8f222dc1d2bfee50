"""From a person to a segment, and what the person alone brings to it.

One small class of functions per family of models: which segment a month belongs to, and for a segment the demographic
variables, the flags that interactions ask for, and the population whose normalization factor applies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from scoring.beneficiary import Beneficiary
from scoring.errors import InvalidInput
from scoring.rounding import thousandths
from scoring.tables import Release

UNDER_65 = ((0, 34), (35, 44), (45, 54), (55, 59), (60, 64))
FROM_70 = ((70, 74), (75, 79), (80, 84), (85, 89), (90, 94))
CONTINUING = (*UNDER_65, (65, 69), *FROM_70)
NEW = (*UNDER_65, (65, 65), (66, 66), (67, 67), (68, 68), (69, 69), *FROM_70)
NEW_DIALYSIS = (*UNDER_65, (65, 69), *FROM_70[:3])
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

    def __hash__(self) -> int:
        return hash(self.variables)  # tells nearly all apart, and is asked for with every person


@dataclass(frozen=True, slots=True)
class Family:
    """segments: as CMS's software prints them, none where the tables name them. segment_of: a month's own segment.
    base: what it starts from."""

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
    if segment.startswith("C"):  # whose dual status is in the segment
        return cms_hcc_cell(segment, age, person.sex, person.orec, False)
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


def esrd_segment(person: Beneficiary, age: int) -> str:
    """By the month's ESRD status; a kidney transplant code does not decide it."""
    if person.esrd is None:
        raise InvalidInput("beneficiary: esrd (status dialysis, transplant or graft) is missing")
    if person.esrd.status == "transplant":
        if person.esrd.transplant_month is None:
            raise InvalidInput("beneficiary: esrd transplant_month (1 to 3) is needed for a transplant month")
        return f"TRANSPLANT_{person.esrd.transplant_month}M"
    if person.esrd.status == "dialysis":
        return "NE_DIAL" if person.new_enrollee else "DIAL"
    return "NE_GRAFT" if person.new_enrollee else "GRAFT_INST" if person.institutional else "GRAFT_COMM"


def graft_duration(person: Beneficiary) -> str:
    """The two published durations; a graft of up to three months is paid by transplant month instead."""
    if person.esrd is None or person.esrd.graft_months is None:
        raise InvalidInput("beneficiary: esrd graft_months (4 or more) is needed for a functioning graft")
    return "DUR4_9" if person.esrd.graft_months <= 9 else "DUR10PL"


def esrd_base(release: Release, person: Beneficiary, age: int, segment: str) -> Base:
    """ESRD V21 and V24. A new enrollee on dialysis is "originally disabled" at any age, with a graft from 65 on."""
    if segment.startswith("TRANSPLANT_"):
        return Base(segment, "", ((segment, f"TRANSPLANT_KIDNEY_ONLY_{segment[-2:]}"),), population="dialysis")
    if segment.startswith("NE_"):
        return esrd_new_enrollee(release, person, age, segment)
    sex, aged = SEXES[person.sex], age >= 65
    variables = [person.sex + band(age, CONTINUING)]
    if aged and person.orec == "1":
        variables.append(f"OriginallyDisabled_{sex}")
    if aged and person.orec in ("2", "3"):
        variables.append(f"Originally_ESRD_{sex}")
    disabled = not aged and person.orec != "0"
    population = "dialysis" if segment == "DIAL" else "graft"
    table, bonus = segment, []
    if release.family == "esrd-v24":
        group = "Aged" if aged else "NonAged"
        variables += [f"LTI_{group}"] if person.institutional else []
        if person.dual in ("full", "partial"):
            variables.append(f"{'FB' if person.dual == 'full' else 'PB'}Dual_{sex}_{group}")
        flags = frozenset() if aged else frozenset({"NonAged"})
        if segment != "DIAL":
            tier, years = ("FBD" if person.dual == "full" else "ND_PBD"), ("GE65" if aged else "LT65")
            name = f"{years}_{graft_duration(person)}_{tier}"
            if segment == "GRAFT_COMM":
                table = f"GRAFT_COMM_{tier}_{years}"
                bonus = [("GRAFT_DURATION", name)]
                bonus += [("GRAFT_DURATION", f"PBD_{years}_flag")] if person.dual == "partial" else []
            else:
                bonus = [("GRAFT_INST_DURATION", f"FGI_{name}")]
                bonus += [("GRAFT_INST_DURATION", f"LTI_{years}")] if person.institutional else []
                bonus += [("GRAFT_INST_DURATION", f"FGI_PBD_{years}_flag")] if person.dual == "partial" else []
    else:
        if person.has_medicaid(person.lti_medicaid):  # the flag of those who are not new
            variables += ["MCAID", f"MCAID_{sex}_{'NonAged' if disabled else 'Aged'}"]  # by disability, not by age
        flags = frozenset({"DISABL"}) if disabled else frozenset()
        if segment != "DIAL":
            bonus = [("GRAFT_DURATION", f"{graft_duration(person)}_{'GE65' if aged else 'LT65'}")]
    return Base(segment, table, (*((table, name) for name in variables), *bonus), flags, population)


def esrd_new_enrollee(release: Release, person: Beneficiary, age: int, segment: str) -> Base:
    """Age, sex, Medicaid or dual status and entitlement alone; a graft adds its duration, and V24 divides the sum."""
    newest = release.family == "esrd-v24"
    as_aged = 65 if age == 64 and person.orec == "0" else age
    if newest:
        tier = "FBD" if person.dual == "full" else "ND_PBD"
    else:
        tier = "MCAID" if person.has_medicaid(person.new_enrollee_medicaid) else "NMCAID"
    if segment == "NE_DIAL":
        cell = band(as_aged, NEW_DIALYSIS)
        entitlement = "ORIGDIS" if person.orec == "1" else "NORIGDIS"
        variable = f"{tier}_{entitlement}_NE{person.sex}{cell}"
        return Base(segment, "", ((segment, variable),), population="dialysis")
    entitlement = "ORIGDIS" if person.orec == "1" and age >= 65 else "NORIGDIS"
    duration, years = graft_duration(person), ("GE65" if as_aged >= 65 else "LT65")
    bonus = f"{years}_{duration}_{tier}" if newest else f"{duration}_{years}"
    variables = (
        (segment, f"{tier}_{entitlement}_G_NE{person.sex}{band(as_aged, NEW)}"),
        ("GRAFT_DURATION", bonus),
    )
    divisors = release.options.get("new_enrollee_graft_divisor", {})
    divisor = thousandths(divisors.get(duration, "1.000"), "actuarial adjustment")
    return Base(segment, "", variables, population="graft", divisor=divisor)


def rxhcc_segment(person: Beneficiary, age: int) -> str:
    """New enrollees first, then institutional, then low income; continuing enrollees also by age 65."""
    income = "Low" if person.low_income else "NonLow"
    if person.new_enrollee:
        return "NE_LTI" if person.institutional else f"NE_{income}Community"
    return "CE_LTI" if person.institutional else f"CE_{income}{'Aged' if age >= 65 else 'NonAged'}"


def rxhcc_base(release: Release, person: Beneficiary, age: int, segment: str) -> Base:
    """RxHCC V08. ESRD changes a new enrollee's cell only."""
    population = person.plan or "ma-pd"
    originally_disabled = age >= 65 and person.orec == "1"
    if segment.startswith("NE_"):
        esrd = "ESRD" if person.esrd else "NESRD"
        entitlement = "ORIGDIS" if originally_disabled else "NORIGDIS"
        cell = band(65 if age == 64 and person.orec == "0" else age, NEW)
        variable = f"{esrd}_{entitlement}_X_{person.sex}{cell}"
        return Base(segment, "", ((segment, variable),), population=population)
    variables = [person.sex + band(age, CONTINUING)]
    if originally_disabled:
        variables += [f"{person.sex}65OD", "OD65"]
    flags = frozenset({"NONAGED"}) if age < 65 else frozenset()
    return Base(segment, segment, tuple((segment, name) for name in variables), flags, population)


def cdps_segment(person: Beneficiary, age: int) -> str:
    """The aid group is the segment."""
    if person.aid_group is None:
        raise InvalidInput("beneficiary: aid_group is missing")
    return person.aid_group


def cdps_base(release: Release, person: Beneficiary, age: int, segment: str) -> Base:
    """CDPS, CDPS+Rx, MRX: the cells of the licensed tables that the person is in."""
    if segment not in release.factors:
        raise InvalidInput(
            f"beneficiary: no aid_group {segment!r} in {release.id}; it has {', '.join(release.factors)}"
        )
    cells = [name for name, sex, low, high in release.cells if sex in ("", person.sex) and low <= age <= high]
    return Base(segment, segment, tuple((segment, name) for name in cells))


ESRD_SEGMENTS = (
    "DIAL", "NE_DIAL", "GRAFT_COMM", "GRAFT_INST", "NE_GRAFT", "TRANSPLANT_1M", "TRANSPLANT_2M", "TRANSPLANT_3M",
)  # fmt: skip
FAMILIES: dict[str, Family] = {
    "cms-hcc": Family(
        ("CNA", "CND", "CPA", "CPD", "CFA", "CFD", "INS", "NE", "SNPNE"), cms_hcc_segment, cms_hcc_base
    ),
    "esrd-v21": Family(ESRD_SEGMENTS, esrd_segment, esrd_base),
    "esrd-v24": Family(ESRD_SEGMENTS, esrd_segment, esrd_base),
    "cdps": Family((), cdps_segment, cdps_base),
    "rxhcc": Family(
        (
            "CE_NonLowAged", "CE_NonLowNonAged", "CE_LowAged", "CE_LowNonAged", "CE_LTI",
            "NE_NonLowCommunity", "NE_LowCommunity", "NE_LTI",
        ),
        rxhcc_segment,
        rxhcc_base,
    ),
}  # fmt: skip
