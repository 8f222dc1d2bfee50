"""CMS's Python model packages (payment year 2026 on): the CSVs of `software/<MODEL>/data/input/internal`.

Traps of these files: some start with a byte order mark; categories are float strings ("92.0"); values have blanks at
the end; a code has several rows; a sex edit is "1.0" or "2.0" and not an expression; columns were renamed in 2027.
"""

import csv
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from scoring.importing.conditions import bounds, merged
from scoring.importing.draft import Draft, sha256, sorted_mapping
from scoring.tables import category_order

SEGMENTS = {
    "COMMUNITY_NA": "CNA", "COMMUNITY_ND": "CND", "COMMUNITY_PBA": "CPA", "COMMUNITY_PBD": "CPD",
    "COMMUNITY_FBA": "CFA", "COMMUNITY_FBD": "CFD", "INSTITUTIONAL": "INS",
    "NE": "NE", "NEW_ENROLLEE": "NE", "NE_SNP": "SNPNE", "SNP_NEW_ENROLLEE": "SNPNE",
    "DIAL": "DIAL", "DIAL_NE": "NE_DIAL", "GRAFT_NE": "NE_GRAFT",
    "GRAFT_COMM": "GRAFT_COMM", "GRAFT_INST": "GRAFT_INST",
    **{f"{old}_{tail}": f"GRAFT_COMM_{tail}" for old in ("G_COMM", "GRAFT_COMM")
       for tail in ("ND_PBD_GE65", "ND_PBD_LT65", "FBD_GE65", "FBD_LT65")},
    "CE_NonLow_Aged": "CE_NonLowAged", "CE_NonLow_NonAged": "CE_NonLowNonAged",
    "CE_Low_Aged": "CE_LowAged", "CE_Low_NonAged": "CE_LowNonAged", "CE_LTI": "CE_LTI",
    "NE_NonLow_Community": "NE_NonLowCommunity", "NE_Low_Community": "NE_LowCommunity", "NE_LTI": "NE_LTI",
}  # fmt: skip
SEXES = {"": "", "1": "M", "2": "F"}
COUNT = re.compile(r"(?:D|RXHCC_COUNT)(\d+)(P?)$")


def read_cms_package(folder: Path, meta: dict[str, Any], factors_in: Path | None = None) -> Draft:
    """The tables of one package.

    folder: the `internal` folder; factors_in: where the relative factors lie when not in it (RxHCC has a folder for
    each coefficient set). meta: program, model, payment_year, family, status, package, prefix, hierarchy, flags,
    requires, options. What cannot be read is in the draft's problems.
    """
    draft = Draft(meta)
    prefix = meta["prefix"]
    files = {path.name: path for place in (folder, factors_in) if place for path in sorted(place.glob("*.csv"))}

    def the(pattern: str) -> list[dict[str, str]]:
        found = [path for name, path in files.items() if re.search(pattern, name)]
        if len(found) != 1:
            draft.problems.append(f"expected one file like {pattern}, found {len(found)}")
            return []
        draft.sources[found[0].name] = sha256(found[0])
        return table(found[0])

    draft.rows["variables.csv"] = variables = []
    draft.rows["mapping.csv"] = mapping_rows(the(r"^ICD10_CC_mappings"), draft.problems)
    draft.rows["hierarchy.csv"] = [
        (first.removeprefix(prefix), other.removeprefix(prefix))
        for first, *others in (list(row.values()) for row in the(r"HCC_Hierarchies"))
        for other in others
        if first and other
    ]
    linear = not prefix.startswith("RX")
    draft.rows["groups.csv"] = [
        (group, hcc.removeprefix(prefix))
        for group, *hccs in (list(row.values()) for row in (the(r"Diagnosis_Categories") if linear else []))
        for hcc in hccs
        if hcc
    ]
    interactions: list[tuple[str, ...]] = [
        (row["interaction"], row["var_1"], row["var_2"]) for row in (the(r"Interactions") if linear else [])
    ]
    draft.rows["interactions.csv"] = interactions
    factor_files = [path for name, path in files.items() if re.search(r"Relative_Factors|Scores", name)]
    draft.rows["factors.csv"], labels = factor_rows(factor_files, draft)

    hccs = {row[1] for row in draft.rows["mapping.csv"]}
    interaction_names = {row[0] for row in interactions}
    for variable, label in labels.items():
        if not linear and re.fullmatch(rf"NONAGED_{prefix}\d+", variable):
            interactions.append((variable, "NONAGED", variable.removeprefix("NONAGED_")))
            interaction_names.add(variable)
        variables.append((variable, kind_of(variable, prefix, interaction_names), label))
    variables += [(prefix + hcc, "hcc", "") for hcc in sorted(hccs, key=category_order) if prefix + hcc not in labels]
    draft.rows["counts.csv"] = [
        (variable, found[1], "" if found[2] else found[1])
        for variable, kind, _ in variables
        if kind == "count" and (found := COUNT.match(variable))
    ]
    return draft


def table(path: Path) -> list[dict[str, str]]:
    """Rows with the blanks around values taken off; empty rows left out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            {(key or "").strip(): (value or "").strip() for key, value in row.items() if key is not None}
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if any(row.values())]


def mapping_rows(rows: list[dict[str, str]], problems: list[str]) -> list[tuple[str, ...]]:
    found: dict[tuple[str, str], list[tuple[tuple[int, int], tuple[int, int], str]]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        try:
            hcc = float(row["CC"])
            if hcc != int(hcc) or hcc <= 0:
                raise ValueError(f"category {row['CC']!r}")
            condition = (
                bounds(row.get("MCE_AGE_CONDITION", "")),
                bounds(row.get("AGE_EDIT_CONDITION", "")),
                SEXES[row.get("SEX_EDIT_CONDITION", "").removesuffix(".0")],
            )
        except (KeyError, ValueError) as error:
            problems.append(f"mapping row {number}: {error}")
            continue
        found[row["ICD10"].upper(), str(int(hcc))].append(condition)
    return sorted_mapping(
        (code, hcc, *condition) for (code, hcc), conditions in found.items() for condition in merged(conditions)
    )


def factor_rows(paths: list[Path], draft: Draft) -> tuple[list[tuple[str, ...]], dict[str, str]]:
    """Wide factor tables to (segment, variable, value), and the label of each variable."""
    result: list[tuple[str, ...]] = []
    labels: dict[str, str] = {}
    for path in paths:
        draft.sources[path.name] = sha256(path)
        for row in table(path):
            variable, label, *values = row.values()
            if not variable:
                continue
            labels.setdefault(variable, " ".join(label.split()))
            for column, value in zip(list(row)[2:], values, strict=True):
                if not value or not column:
                    continue
                segment = segment_of(path.name, column, variable)
                if segment is None:
                    draft.problems.append(f"{path.name}: column {column!r} is no known segment")
                    continue
                result.append((segment, variable, value))
    return result, labels


def segment_of(file: str, column: str, variable: str) -> str | None:
    if "Transplant_Scores" in file:
        return "TRANSPLANT_" + variable.rsplit("_", 1)[1]
    if "Institutional_Graft_Scores" in file:
        return "GRAFT_INST_DURATION"
    if "Graft_Duration_Scores" in file:
        return "GRAFT_DURATION"
    return SEGMENTS.get(column)


def kind_of(variable: str, prefix: str, interactions: set[str]) -> str:
    if re.fullmatch(rf"{prefix}\d+", variable):
        return "hcc"
    if COUNT.fullmatch(variable):
        return "count"
    return "interaction" if variable in interactions else "demographic"
