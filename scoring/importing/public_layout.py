"""The table layout of pfehlinger/risk_adjustment_model (MIT): `diag_to_category_map.txt`, `weights.csv`, JSON files.

It holds CMS's figures for years whose packages this project could not read itself. Two things are not in it and are
given by the caller: the edits (a Draft of the same clinical version whose conditions are taken over, code by code and
category by category), and the new-enrollee column of C-SNPs. An empty cell and a zero are not told apart in it; both
add nothing and neither becomes a row.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoring.importing.cms_package import COUNT, kind_of
from scoring.importing.draft import Draft, sha256, sorted_mapping

NEW_ENROLLEE_COLUMN = re.compile(r"NE_(?:(DIAL|GRAFT)_)?((?:N?MCAID|FBD|ND_PBD)_N?ORIGDIS)$")
RX_SEGMENTS = {
    "CE_NONLOW_AGED": "CE_NonLowAged", "CE_NONLOW_NONAGED": "CE_NonLowNonAged", "CE_LOW_AGED": "CE_LowAged",
    "CE_LOW_NONAGED": "CE_LowNonAged", "CE_LTI": "CE_LTI", "NE_NONLOW_COMMUNITY": "NE_NonLowCommunity",
    "NE_LOW_COMMUNITY": "NE_LowCommunity", "NE_LTI": "NE_LTI",
}  # fmt: skip


def read_public_layout(
    folder: Path,
    meta: dict[str, Any],
    edits: Draft,
    snp: Mapping[str, str] | None = None,
    groups: list[tuple[str, ...]] | None = None,
    interactions: list[tuple[str, ...]] | None = None,
) -> Draft:
    """One model year of that layout.

    edits: the release whose groups, interactions and conditions hold here too, unless groups and interactions are
    given. snp: variable -> factor of the C-SNP new-enrollee column.
    """
    draft = Draft(meta)
    prefix = meta["prefix"]
    for path in sorted(folder.iterdir()):
        draft.sources[f"{folder.parent.name}/{folder.name}/{path.name}"] = sha256(path)
    draft.rows["variables.csv"] = variables = []
    draft.rows["mapping.csv"] = mapping(folder / "diag_to_category_map.txt", edits, draft.problems)
    hierarchy = json.loads((folder / "hierarchy_definition.json").read_text(encoding="utf-8"))
    draft.rows["hierarchy.csv"] = [
        (first.removeprefix(prefix), other.removeprefix(prefix))
        for first, entry in hierarchy.items()
        for other in entry["remove_code"]
    ]
    draft.rows["groups.csv"] = edits.rows["groups.csv"] if groups is None else groups
    draft.rows["interactions.csv"] = edits.rows["interactions.csv"] if interactions is None else interactions
    draft.rows["factors.csv"] = factor_rows(folder / "weights.csv")
    draft.rows["factors.csv"] += [("SNPNE", variable, value) for variable, value in (snp or {}).items()]

    definitions = json.loads((folder / "category_definition.json").read_text(encoding="utf-8"))
    labels = {name: " ".join(entry["descr"].split()) for name, entry in definitions.items()}
    named = {variable: "" for _, variable, _ in draft.rows["factors.csv"]}
    names = {row[0] for row in draft.rows["interactions.csv"]}
    kept = {name: label for name, label in labels.items() if kind_of(name, prefix, names) != "demographic"}
    for variable, label in {**named, **kept}.items():
        variables.append((variable, kind_of(variable, prefix, names), label or labels.get(variable, "")))
    draft.rows["counts.csv"] = [
        (variable, found[1], "" if found[2] else found[1])
        for variable, kind, _ in variables
        if kind == "count" and (found := COUNT.match(variable))
    ]
    return draft


def mapping(path: Path, edits: Draft, problems: list[str]) -> list[tuple[str, ...]]:
    """The map, with the conditions of `edits`; also the rows that only an edit reaches (a category for men only)."""
    conditions: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for code, hcc, *condition in edits.rows["mapping.csv"]:
        conditions[code, hcc].append(tuple(condition))
    rows: list[tuple[str, ...]] = []
    codes: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        parts = line.split()
        if not 2 <= len(parts) <= 3 or parts[2:] not in ([], ["D"]) or not parts[1].isdigit():  # D: a second category
            problems.append(f"{path.name} row {number} not understood")
            continue
        codes.add(parts[0])
        pair = (parts[0], str(int(parts[1])))
        rows += [(*pair, *condition) for condition in conditions.get(pair, [("", "", "", "")])]
    rows += [
        (code, hcc, *condition)
        for (code, hcc), found in conditions.items()
        if code in codes
        for condition in found
        if condition[-1]
    ]
    return sorted_mapping(rows)


def factor_rows(path: Path) -> list[tuple[str, ...]]:
    result: list[tuple[str, ...]] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for column, value in row.items():
                if column == "category" or float(value or 0) == 0:
                    continue
                if found := NEW_ENROLLEE_COLUMN.match(column):
                    segment = f"NE_{found[1]}" if found[1] else "NE"
                    graft = "_G" if found[1] == "GRAFT" else ""
                    result.append((segment, f"{found[2]}{graft}_{row['category']}", value))
                else:
                    result.append((RX_SEGMENTS.get(column, column), row["category"], value))
    return result
