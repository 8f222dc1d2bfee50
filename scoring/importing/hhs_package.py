"""CMS's Python package of the HHS-HCC models (benefit year 2025 on): `software/HHS_HCC/data/input/internal/*.csv`.

    ICD10_HHS_CC_mappings_<fiscal year>.csv        ICD10, CC ("35.1"), conditions, valid_ICD10_<fiscal year>
    HCC_hierarchy.csv, RXC_hierarchy.csv           what each category drops
    adult_, child_group_mappings.csv               categories that pay as one
    severe_list.csv, transplant_list.csv           a category, and "y" for the models that it counts in
    infant_maturity_, infant_severity_mappings.csv
    RXC_interactions.csv                           a drug category, and the categories of which one is needed
    rxc_, acf_NDC_mappings.csv, …HCPCS_…           drugs and services; the older packages have no rxc_ before the name
    adult_, child_, infant_model_factors.csv       Variable, and a column for each metal level
    CSR_table.csv                                  RA_CSR_Indicator, RA_Factor

Labels, and one interaction that is program code there, are taken over from the newest release of the same model here.
The age of every edit is that on the last day of enrollment, as that software has it. Which half of the benefit year a
code is valid in is not kept: one that is valid in either counts.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from scoring.hhs import MATURITIES
from scoring.importing.cms_package import SEXES, table
from scoring.importing.conditions import bounds, merged
from scoring.importing.draft import Draft, sha256, sorted_mapping
from scoring.importing.hhs_layout import COUNT, METALS, category
from scoring.tables import Rows

SEGMENTS = ("Adult", "Child", "Infant")
PLAIN = re.compile(r"HHS_HCC\d{3}(_\d)?|RXC_\d\d|ACF_PrEP(_Child)?|G\d\d[A-Z]?")
IN_CODE = "RXC_09_x_HCC056_057_and_048_041"
# When a cost factor counts is a rule of `scoring.hhs`; another one than this would not be followed.
COST_FACTORS = {"ACF_PrEP": ("Age > 20", "1", ""), "ACF_PrEP_Child": ("11 < Age < 21", "", "HHS_HCC001")}
Table = list[dict[str, str]]


def read_hhs_package(folder: Path, meta: dict[str, Any], like: Rows) -> tuple[Draft, dict[str, str]]:
    """The draft of one benefit year, and its cost-sharing reductions (indicator -> factor).

    like: the rows of a release of the same model.
    """
    draft = Draft(meta)

    def the(name: str) -> Table:
        path = folder / name
        draft.sources[name] = sha256(path)
        return table(path)

    (mapping,) = folder.glob("ICD10_HHS_CC_mappings_*.csv")
    draft.rows["mapping.csv"] = mapping_rows(the(mapping.name), draft.problems)
    draft.rows["hierarchy.csv"] = [
        (row["HHS_HCC"], other) for row in the("HCC_hierarchy.csv") for other in listed(row, "SecondaryHCC_")
    ]
    draft.rows["hierarchy.csv"] += [
        (drug(row["RXC"]), drug(row["Secondary_RXC"])) for row in the("RXC_hierarchy.csv") if row["Secondary_RXC"]
    ]
    draft.rows["bundles.csv"] = [
        (segment, row["Group"], hcc)
        for segment in ("Adult", "Child")
        for row in the(f"{segment.lower()}_group_mappings.csv")
        for hcc in listed(row, "HCC_list_")
    ]
    maturities = {f"IHCC_{name}".upper(): name for name in MATURITIES}
    draft.rows["groups.csv"] = [
        (maturities[row["maturity_category"]], row["HCC_list"]) for row in the("infant_maturity_mappings.csv")
    ]
    draft.rows["groups.csv"] += [
        ("Severity" + row["severity_category"][-1], row["HCC_list"]) for row in the("infant_severity_mappings.csv")
    ]
    for kind in ("severe", "transplant"):
        draft.rows["groups.csv"] += counted(kind, the(f"{kind}_list.csv"), draft.rows["bundles.csv"])
    interactions: list[tuple[str, ...]] = []
    draft.rows["interactions.csv"] = interactions
    names = spelled(like)
    for row in the("RXC_interactions.csv"):
        name, hccs = row["RXC_interaction"], listed(row, "HCC_list_")
        name = names.get(name.upper(), name)
        if len(hccs) > 1:
            draft.rows["groups.csv"] += [(f"{name}:any", hcc) for hcc in hccs]
        interactions.append((name, row["RXC"], f"{name}:any" if len(hccs) > 1 else hccs[0]))
    if IN_CODE not in {row[0] for row in interactions}:
        interactions += [row for row in like["interactions.csv"] if row[0] == IN_CODE]
        draft.rows["groups.csv"] += [row for row in like["groups.csv"] if row[0] in interactions[-1][1:]]
    draft.rows["drugs.csv"] = drugs(folder, draft)

    factors = [
        (segment, row["Variable"], metal, row[f"{metal} Level"])
        for segment in SEGMENTS
        for row in the(f"{segment.lower()}_model_factors.csv")
        for metal in METALS
    ]
    completed(draft, factors, like)
    return draft, {row["RA_CSR_Indicator"]: row["RA_Factor"] for row in the("CSR_table.csv")}


def spelled(like: Rows) -> dict[str, str]:
    """How a variable is spelled here, by its capitals: that software has AGE0_MALE and RXC_01_X_HCC001."""
    return {name.upper(): name for name, _, _ in like["variables.csv"]}


def completed(draft: Draft, factors: list[tuple[str, str, str, str]], like: Rows) -> None:
    """Factors, variables and counts from (segment, variable, metal level, factor); labels and kinds from `like`."""
    labels = {name: label for name, _, label in like["variables.csv"]}
    kinds = {name: kind for name, kind, _ in like["variables.csv"]}
    names = spelled(like)
    draft.rows["factors.csv"] = [
        (f"{segment}_{metal}", names.get(variable.upper(), variable), value)
        for segment, variable, metal, value in factors
    ]
    paid = dict.fromkeys(variable for _, variable, _ in draft.rows["factors.csv"])
    used = dict.fromkeys(row[1] for row in draft.rows["mapping.csv"])
    used |= dict.fromkeys(parent for parent, _ in draft.rows["hierarchy.csv"])
    unknown = [name for name in paid if name not in kinds and not PLAIN.fullmatch(name)]
    draft.problems += [f"factors of {name!r}, for which there is no rule" for name in unknown]
    draft.rows["variables.csv"] = [
        (name, kinds.get(name, "interaction" if name.startswith("G") else "hcc"), labels.get(name, ""))
        for name in {**paid, **used}
    ]
    draft.rows["counts.csv"] = [
        (name, found[1], "" if found[3] else found[2] or found[1]) for name in paid if (found := COUNT.match(name))
    ]


def listed(row: dict[str, str], prefix: str) -> list[str]:
    """The values of columns that are numbered: HCC_list_1, HCC_list_2, …"""
    return [value for column, value in row.items() if column.startswith(prefix) and value]


def drug(number: str) -> str:
    return f"RXC_{int(float(number)):02d}"


def mapping_rows(rows: Table, problems: list[str]) -> list[tuple[str, ...]]:
    valid = [column for column in rows[0] if column.startswith("valid_ICD10_")]
    found: dict[tuple[str, str], list[tuple[tuple[int, int], tuple[int, int], str]]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        if not row["CC"] or (valid and not any(row[column].upper() == "TRUE" for column in valid)):
            continue
        try:
            ages = bounds(row["MCE_AGE_CONDITION"]), bounds(row["AGE_EDIT_CONDITION"])
            found[row["ICD10"].upper(), category(row["CC"].removesuffix(".0"))].append(
                (*ages, SEXES[row["SEX_EDIT_CONDITION"].removesuffix(".0")])
            )
        except (KeyError, ValueError) as error:
            problems.append(f"mapping row {number}: {error}")
    return sorted_mapping(
        (code, hcc, *condition) for (code, hcc), conditions in found.items() for condition in merged(conditions)
    )


def counted(kind: str, rows: Table, bundles: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The categories of severe illness or transplants, a bundle as its members; the children's where they differ."""
    own: dict[str, set[str]] = {}
    for segment in ("Adult", "Child"):
        names = {row[f"{kind}_list"] for row in rows if row[segment.lower()].lower() == "y"}
        members = {hcc for place, bundle, hcc in bundles if place == segment and bundle in names}
        own[segment] = members | {name for name in names if name.startswith("HHS_HCC")}
    result: list[tuple[str, ...]] = [(kind, hcc) for hcc in sorted(own["Adult"])]
    if own["Child"] != own["Adult"]:
        result += [(f"{kind}:Child", hcc) for hcc in sorted(own["Child"])]
    return result


def drugs(folder: Path, draft: Draft) -> list[tuple[str, ...]]:
    rows: set[tuple[str, ...]] = set()
    for column in ("NDC", "HCPCS"):
        for prefix in ("rxc_", "", "acf_"):
            path = folder / f"{prefix}{column}_mappings.csv"
            if not path.exists():
                continue
            draft.sources[path.name] = sha256(path)
            for row in table(path):
                code = row[column].zfill(11) if column == "NDC" else row[column]
                name = row.get("ACF") or drug(row["RXC"])
                if row.get("ACF") and COST_FACTORS.get(name) != (row["ACF_Age"], row["ACF_RXC"], row["ACF_HCC"]):
                    draft.problems.append(f"{path.name}: {name} under a condition for which there is no rule")
                    return []
                rows.add((column.lower(), code, name))
    return sorted(rows)
