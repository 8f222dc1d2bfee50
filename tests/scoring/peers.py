"""Three public libraries, asked in our words: random people in, their scores of every segment out.

Which of them is right where was found by comparing them with CMS's own software; `test_differential.py` uses each only
there. They are development dependencies: nothing that scores a person imports them.
"""

import importlib.util
import random
import sys
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType

import hccinfhir
import risk_compose
from hccinfhir.defaults import dx_to_cc_default

if importlib.util.find_spec("pkg_resources") is None:  # hccpy finds its files with it; setuptools has none since 82
    stand_in = ModuleType("pkg_resources")
    stand_in.resource_filename = lambda module, name: str(Path(sys.modules[module].__file__).parent / name)
    sys.modules["pkg_resources"] = stand_in

import hccpy.hcc

SEED = 20261128
SEGMENTS = {  # ours -> risk-compose's
    "CNA": "community_na", "CND": "community_nd", "CPA": "community_pba", "CPD": "community_pbd",
    "CFA": "community_fba", "CFD": "community_fbd", "INS": "institutional", "NE": "ne", "SNPNE": "ne_snp",
    "DIAL": "dial", "NE_DIAL": "dial_ne", "TRANSPLANT_1M": "transplant_kidney_only_1m",
    "TRANSPLANT_2M": "transplant_kidney_only_2m", "TRANSPLANT_3M": "transplant_kidney_only_3m",
    "CE_NonLowAged": "ce_nonlow_aged", "CE_NonLowNonAged": "ce_nonlow_nonaged", "CE_LowAged": "ce_low_aged",
    "CE_LowNonAged": "ce_low_nonaged", "CE_LTI": "ce_lti", "NE_NonLowCommunity": "ne_nonlow_community",
    "NE_LowCommunity": "ne_low_community", "NE_LTI": "ne_lti",
}  # fmt: skip
AGES = (0, 1, 2, 17, 20, 21, 34, 35, 44, 45, 54, 55, 59, 60, 63, 64, 65, 66, 69, 70, 74, 75, 84, 85, 94, 95)


def birth_date(draw: random.Random, payment_year: int) -> date:
    """Of every age, the edges of the age bands first, and often on the day before, on and after 1 February."""
    age = draw.choice((*AGES, *(draw.randint(0, 102) for _ in AGES)))
    year = payment_year - age
    return draw.choice(
        [date(year, 2, 1), date(year - 1, 2, 2), date(year, 1, 31), date(year - 1, 12, 31), date(year - 1, 6, 15)]
    )


def age_on_1_february(birth: date, payment_year: int) -> int:
    return payment_year - birth.year - ((birth.month, birth.day) > (2, 1))


def facts(draw: random.Random, program: str, payment_year: int, model: str) -> dict:
    """A random beneficiary in the words of our contract."""
    flag = [True, False]
    birth = birth_date(draw, payment_year)
    person = {"birth_date": birth.isoformat(), "sex": draw.choice("FM"), "orec": draw.choice("0123")}
    person |= {"institutional": draw.choice(flag), "new_enrollee": draw.choice(flag)}
    if program == "rxhcc":
        person |= {"low_income": draw.choice(flag)}
        return person | ({"esrd": {"status": "dialysis"}} if draw.random() < 0.3 else {})
    person |= {"dual": draw.choice(["none", "partial", "full"])}
    person |= {"lti_medicaid": draw.choice(flag), "new_enrollee_medicaid": draw.choice(flag)}
    if program == "esrd":
        person |= {"esrd": {"status": "graft", "graft_months": draw.choice([4, 9, 10, 36])}}
        if model == "V24":
            del person["lti_medicaid"], person["new_enrollee_medicaid"]
    return person


def risk_compose_scores(version: str, people: dict[str, tuple[dict, list[str]]]) -> dict[str, dict[str, Decimal]]:
    """id -> segment -> raw score. people: id -> (beneficiary, codes without dots)."""
    subjects, diagnoses = [], []
    for name, (person, codes) in people.items():
        medicaid = int(person.get("lti_medicaid", False))
        subjects.append(
            risk_compose.SubjectRecord(
                subject_id=name,
                date_of_birth=date.fromisoformat(person["birth_date"]),
                sex=1 if person["sex"] == "M" else 2,
                original_reason_entitlement_code=int(person["orec"]),
                limited_income_medicaid_flag=medicaid,
                medicaid_flag=medicaid,
                new_enrollee_medicaid_flag=int(person.get("new_enrollee_medicaid", False)),
                concurrent_esrd_flag=int("esrd" in person),
                full_benefit_dual_flag=int(person.get("dual") == "full"),
                partial_benefit_dual_flag=int(person.get("dual") == "partial"),
                long_term_institutional_flag=int(person["institutional"]),
            )
        )
        diagnoses += [risk_compose.DiagnosisRecord(name, code) for code in codes]
    options = risk_compose.ScoringOptions(
        model_version=version, include_diagnosis_mappings=False, include_score_contributions=False
    )
    result = risk_compose.score_subjects(risk_compose.ScoringRequest(tuple(subjects), tuple(diagnoses), options))
    return {row["subject_id"]: ours(row, *people[row["subject_id"]]) for row in result.scores.subject_scores.rows}


def ours(row: dict, person: dict, codes: list[str]) -> dict[str, Decimal]:
    """A row of risk-compose under our names of the segments; of the many graft columns, the person's own."""
    scores = {mine: row[f"score_{theirs}"] for mine, theirs in SEGMENTS.items() if f"score_{theirs}" in row}
    if "graft_months" in person.get("esrd", {}):
        age = age_on_1_february(date.fromisoformat(person["birth_date"]), int(row["model_version"][-4:]))
        years = "ge65" if age >= 65 else "lt65"
        new_years = "ge65" if age == 64 and person["orec"] == "0" else years
        duration = "dur4_9" if person["esrd"]["graft_months"] <= 9 else "dur10pl"
        tier = "fbd" if person["dual"] == "full" else "nd_pbd"
        if row["model_version"].startswith("esrd_v24"):
            scores["GRAFT_COMM"] = row[f"score_g_comm_{tier}_{years}_{duration}"]
            scores["GRAFT_INST"] = row[f"score_graft_inst_{tier}_{years}_{duration}"]
            scores["NE_GRAFT"] = row[f"score_graft_ne_{new_years}_{duration}_{tier}"]
        else:
            scores["GRAFT_COMM"] = row[f"score_graft_comm_{duration}_{years}"]
            scores["GRAFT_INST"] = row[f"score_graft_inst_{duration}_{years}"]
            scores["NE_GRAFT"] = row[f"score_graft_ne_{duration}_{new_years}"]
    return {segment: three(value) for segment, value in scores.items()}


@cache
def hccpy_engine(model: str) -> hccpy.hcc.HCCEngine:
    return hccpy.hcc.HCCEngine(version=model.removeprefix("V"))


def hccpy_raw(model: str, segment: str, person: dict, age: int, codes: list[str]) -> Decimal:
    """One raw score. Medicaid is the institutional's or the new enrollee's, whichever the segment asks for."""
    medicaid = person["new_enrollee_medicaid" if "NE" in segment else "lti_medicaid"]
    profile = hccpy_engine(model).profile(
        codes, age=age, sex=person["sex"], elig=segment, orec=person["orec"], medicaid=medicaid
    )
    return three(profile["risk_score"])


def hccpy_categories(model: str, code: str) -> set[str]:
    return {name.removeprefix("HCC") for name in hccpy_engine(model).dx2cc.get(code, ())}


@cache
def hccinfhir_engine(model: str) -> hccinfhir.HCCInFHIR:
    return hccinfhir.HCCInFHIR(model_name=f"CMS-HCC Model {model}")


def hccinfhir_raw(model: str, codes: list[str], age: int, person: dict) -> Decimal:
    """The raw score of an adult in the community."""
    dual = {"none": "NA", "partial": "01", "full": "02"}[person["dual"]]
    demographics = hccinfhir.Demographics(
        age=age, sex=person["sex"], dual_elgbl_cd=dual, orec=person["orec"], new_enrollee=False
    )
    return three(hccinfhir_engine(model).calculate_from_diagnosis(codes, demographics).risk_score)


def hccinfhir_categories(model: str, code: str) -> set[str]:
    return dx_to_cc_default.get((code, f"CMS-HCC Model {model}"), set())


def three(value: float) -> Decimal:
    return Decimal(str(round(value, 6))).quantize(Decimal("0.001"))
