"""The person: the facts that scoring asks for, and nothing that names anybody.

Facts are yearly (birth date or age, sex, original entitlement) or monthly (dual status, institutional, new enrollee,
C-SNP, low income, ESRD status); one value for a monthly fact is short for twelve equal months.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from scoring.errors import InvalidInput, MalformedCode

CODE = re.compile(r"(?:[A-Z][0-9]|Q[A-Z])[0-9A-Z](?:\.?[0-9A-Z]{1,4})?")  # QA0 since fiscal year 2026
DUAL = ("none", "partial", "full")
ESRD_STATUSES = ("dialysis", "transplant", "graft")
OLDEST = 130

YEARLY = ("birth_date", "age", "sex", "orec")
MEDICAID = ("medicaid", "lti_medicaid", "new_enrollee_medicaid")
USED: dict[str, frozenset[str]] = {
    "cms-hcc": frozenset({*YEARLY, "dual", *MEDICAID, "institutional", "new_enrollee", "c_snp", "months"}),
    "pace": frozenset({*YEARLY, "dual", *MEDICAID, "institutional", "new_enrollee", "months"}),
    "esrd": frozenset({*YEARLY, "dual", *MEDICAID, "institutional", "new_enrollee", "esrd", "months"}),
    "cdps": frozenset({"age", "sex", "aid_group", "ndc", "months"}),
    "hhs-hcc": frozenset({"birth_date", "age", "age_last", "sex", "metal", "csr", "enrollment_months", "ndc", "hcpcs"}),
    "rxhcc": frozenset({*YEARLY, "institutional", "new_enrollee", "low_income", "esrd", "plan", "months"}),
}
MONTHLY = ("dual", *MEDICAID, "institutional", "new_enrollee", "c_snp", "low_income", "esrd", "aid_group")


@dataclass(frozen=True, slots=True)
class Esrd:
    """status: dialysis, transplant or graft. transplant_month 1 to 3; graft_months since the transplant, 4 or more: the
    ESRD models need the one of the status, Part D neither."""

    status: str
    transplant_month: int | None = None
    graft_months: int | None = None


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """One person's facts for one payment year.

    birth_date, or age in whole years on 1 February of the payment year. sex: F or M. orec: original reason for
    entitlement, "0" age, "1" disability, "2" ESRD, "3" both. dual: none, partial or full Medicaid. medicaid is short
    for lti_medicaid and new_enrollee_medicaid; where none of the three is given, dual status says it. months: twelve
    mappings that override the monthly facts, None for a month without enrollment. plan (Part D): ma-pd, which it is
    where nothing is said, or pdp.

    HHS: age_last, on the last day of enrollment in the benefit year, which `age` also means there (a birth date will
    do for a whole year, and may be given besides); metal P, G, S, B or C; csr, the cost-sharing reduction indicator,
    "1" for none; enrollment_months, twelve where nothing is said; ndc and hcpcs, the codes of drugs and services (an
    NDC with or without hyphens or leading zeros). CDPS: aid_group, as the licensed tables name it.
    """

    birth_date: date | None = field(default=None, repr=False)
    age: int | None = field(default=None, repr=False)
    sex: str = ""
    orec: str = "0"
    dual: str | None = None
    medicaid: bool | None = None
    lti_medicaid: bool | None = None
    new_enrollee_medicaid: bool | None = None
    institutional: bool = False
    new_enrollee: bool = False
    c_snp: bool = False
    low_income: bool = False
    esrd: Esrd | None = None
    plan: str | None = None
    age_last: int | None = field(default=None, repr=False)
    metal: str | None = None
    csr: str | None = None
    enrollment_months: int | None = None
    ndc: tuple[str, ...] = ()
    hcpcs: tuple[str, ...] = ()
    aid_group: str | None = None
    months: tuple[Mapping[str, Any] | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.sex:
            raise InvalidInput("beneficiary: sex is missing (F or M)")
        for name, value, default in zip(self.__slots__, ALL(self), DEFAULTS, strict=True):
            if value is not default:
                object.__setattr__(self, name, CHECKS[name](name, value))
        given = [name for name in ("birth_date", "age", "age_last") if getattr(self, name) is not None]
        if len(given) != 1 and given != ["birth_date", "age_last"]:
            raise InvalidInput("beneficiary: birth_date or age is needed, one of the two")

    @classmethod
    def of(cls, facts: "Mapping[str, Any] | Beneficiary", program: str) -> "Beneficiary":
        """The person of a mapping (the JSON contract), or a Beneficiary as it is.

        Raises InvalidInput naming the field: unknown, malformed, missing, or not used by the program.
        """
        if isinstance(facts, Beneficiary):
            unread, defaults = UNUSED[program]
            if unread(facts) != defaults:
                given = {item.name for item in fields(cls) if getattr(facts, item.name) != item.default}
                raise InvalidInput(f"beneficiary: {program} does not use {', '.join(sorted(given - USED[program]))}")
            return facts
        if not isinstance(facts, Mapping):
            raise InvalidInput("beneficiary: an object of facts is needed")
        if not facts.keys() <= USED[program]:
            unused = ", ".join(sorted(str(name) for name in facts.keys() - USED[program]))
            raise InvalidInput(f"beneficiary: {program} does not use {unused}")
        if None in facts.values() or "" in facts.values():
            empty = ", ".join(sorted(name for name, value in facts.items() if value is None or value == ""))
            raise InvalidInput(f"beneficiary: {empty} is empty; leave it out where it is not known")
        return cls(**facts)

    def age_in(self, payment_year: int) -> int:
        """Whole years on 1 February of the payment year; somebody born on a 1 February has that birthday already."""
        if self.age is not None:
            return self.age
        if self.birth_date is None:
            raise InvalidInput("beneficiary: birth_date or age is needed, one of the two")
        years = payment_year - self.birth_date.year - ((self.birth_date.month, self.birth_date.day) > (2, 1))
        if not 0 <= years <= OLDEST:
            raise InvalidInput(f"beneficiary: birth_date does not fit payment year {payment_year}")
        return years

    def age_last_in(self, benefit_year: int) -> int:
        """HHS: whole years on the last day of enrollment."""
        if self.age_last is not None:
            if self.birth_date and self.age_last - (benefit_year - self.birth_date.year) not in (-1, 0):
                raise InvalidInput(f"beneficiary: birth_date and age_last do not go together in {benefit_year}")
            return self.age_last
        if self.age is not None:
            return self.age
        if self.birth_date is None or self.enrollment_months not in (None, 12):
            raise InvalidInput("beneficiary: age_last is needed where enrollment ended before 31 December")
        years = benefit_year - self.birth_date.year
        if not 0 <= years <= OLDEST:
            raise InvalidInput(f"beneficiary: birth_date does not fit benefit year {benefit_year}")
        return years

    def spans(self) -> tuple[tuple[int, "Beneficiary"], ...]:
        """The distinct months, each with how often it occurs; one span of twelve without `months`."""
        if not self.months:
            return ((12, self),)
        whole = replace(self, months=())
        counted: dict[Beneficiary, int] = {}
        for month in self.months:
            if month is not None:
                person = replace(whole, **month)
                counted[person] = counted.get(person, 0) + 1
        return tuple((count, person) for person, count in counted.items())

    def has_medicaid(self, own: bool | None) -> bool:
        """A particular Medicaid flag, else the general one, else what dual status says."""
        if own is not None:
            return own
        if self.medicaid is not None:
            return self.medicaid
        return (self.dual or "none") != "none"


@lru_cache(maxsize=65536)
def code_of(text: object) -> str:
    """ "e11.22" -> "E1122". Raises MalformedCode for what does not have the shape of an ICD-10-CM code."""
    code = str(text).strip().upper()
    if not isinstance(text, str) or not CODE.fullmatch(code):
        raise MalformedCode(f"{str(text)[:12]!r} does not have the shape of an ICD-10-CM code")
    return code.replace(".", "")


def dotted(code: str) -> str:
    """ "E1122" -> "E11.22", as people write it."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


def codes_of(texts: Iterable[object], what: str = "diagnoses") -> list[str]:
    """Every code normalized, in order, repetitions kept. Raises InvalidInput for anything but a list of codes."""
    try:
        return [code_of(text) for text in listed(texts, what)]
    except TypeError:
        raise InvalidInput(f"{what}: a list of codes is needed") from None


def listed(texts: Iterable[Any], what: str = "diagnoses") -> tuple[Any, ...]:
    """The codes as they are given. Raises InvalidInput for text or a mapping, which are no lists of codes."""
    if isinstance(texts, (str, dict)):
        raise InvalidInput(f"{what}: a list of codes is needed")
    try:
        return tuple(texts)
    except TypeError:
        raise InvalidInput(f"{what}: a list of codes is needed") from None


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"beneficiary: {name} is true or false")
    return value


def _birth_date(name: str, value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise InvalidInput(f"beneficiary: {name} is a date like 1953-04-01")  # never quotes the value


def _age(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= OLDEST:
        raise InvalidInput(f"beneficiary: {name} is a whole number of years from 0 to {OLDEST}")
    return value


def _one_of(*choices: str) -> Any:
    def checked(name: str, value: object) -> str:
        if str(value) not in choices or isinstance(value, bool):
            raise InvalidInput(f"beneficiary: {name} is one of {', '.join(choices)}")
        return str(value)

    return checked


def _esrd(name: str, value: object) -> Esrd:
    if isinstance(value, Esrd):
        value = {
            item.name: getattr(value, item.name) for item in fields(value) if getattr(value, item.name) is not None
        }
    if not isinstance(value, Mapping) or value.get("status") not in ESRD_STATUSES:
        raise InvalidInput(f"beneficiary: {name} is an object with status {', '.join(ESRD_STATUSES)}")
    needed = {"dialysis": None, "transplant": "transplant_month", "graft": "graft_months"}[value["status"]]
    others = set(value) - {"status", needed}
    if others:
        raise InvalidInput(f"beneficiary: esrd status {value['status']} does not use {', '.join(sorted(others))}")
    if needed is None or needed not in value:  # Part D asks for the status alone; the ESRD models ask for the month
        return Esrd(value["status"])
    number, (low, high) = value[needed], (1, 3) if needed == "transplant_month" else (4, 999)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise InvalidInput(f"beneficiary: esrd {needed} is a whole number from {low}{f' to {high}' * (high < 999)}")
    return Esrd(value["status"], **{needed: number})


def _month_count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 12:
        raise InvalidInput(f"beneficiary: {name} is a whole number from 1 to 12")
    return value


def _name(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"beneficiary: {name} is a name")
    return value.strip()


def _code_list(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise InvalidInput(f"beneficiary: {name} is a list of codes")
    return tuple(ndc_of(item) if name == "ndc" else item.strip().upper() for item in value)


def ndc_of(text: str) -> str:
    """A drug code in the eleven digits of the tables: "0002-8215-01", "2821501" and "00002821501" are one code."""
    parts = text.strip().split("-")
    if len(parts) == 3:  # labeler, product, package: five, four and two digits, leading zeros often left out
        return "".join(part.zfill(width) for part, width in zip(parts, (5, 4, 2), strict=True))
    return "".join(parts).zfill(11)


def _months(name: str, value: object) -> tuple[Mapping[str, Any] | None, ...]:
    if not isinstance(value, list | tuple) or len(value) != 12:
        raise InvalidInput("beneficiary: months is a list of twelve objects (null for a month without enrollment)")
    result: list[Mapping[str, Any] | None] = []
    for number, month in enumerate(value, start=1):
        if month is None:
            result.append(None)
            continue
        if not isinstance(month, Mapping) or set(month) - set(MONTHLY):
            raise InvalidInput(f"beneficiary: month {number} may hold {', '.join(MONTHLY)}")
        result.append({key: CHECKS[key](key, item) for key, item in month.items()})
    if not any(month is not None for month in result):
        raise InvalidInput("beneficiary: no month of enrollment")
    return tuple(result)


CHECKS: dict[str, Any] = {
    "birth_date": _birth_date,
    "age": _age,
    "sex": _one_of("F", "M"),
    "orec": _one_of("0", "1", "2", "3"),
    "dual": _one_of(*DUAL),
    **dict.fromkeys((*MEDICAID, "institutional", "new_enrollee", "c_snp", "low_income"), _flag),
    "esrd": _esrd,
    "plan": _one_of("ma-pd", "pdp"),
    "age_last": _age,
    "metal": _one_of("P", "G", "S", "B", "C"),
    "csr": _one_of(*map(str, range(1, 13))),
    "enrollment_months": _month_count,
    **dict.fromkeys(("ndc", "hcpcs"), _code_list),
    "aid_group": _name,
    "months": _months,
}
DEFAULTS = tuple(item.default for item in fields(Beneficiary))
ALL = attrgetter(*Beneficiary.__slots__)  # every fact at once, in the order of DEFAULTS
UNUSED = {  # program -> (reads what the program does not use, all at once; what that is where nothing was given)
    program: (attrgetter(*unread), tuple(defaults))
    for program, used in USED.items()
    for unread, defaults in [
        zip(*((f.name, f.default) for f in fields(Beneficiary) if f.name not in used), strict=True)
    ]
}
