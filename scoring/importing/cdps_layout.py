"""This project's own layout for licensed Medicaid tables: CDPS, CDPS+Rx and MRX.

UCSD licenses the code maps and weights; none are shipped. A state or plan writes them into a folder:

    header.toml      model (CDPS, CDPS+Rx, MRX, or as the state names it), payment_year, timing (prospective or
                     concurrent), normalization, coding_adjustment ("0" for none), source
    categories.csv   category,major_group,rank,label      within a major group the lowest rank drops the others
    diagnoses.csv    icd10,category
    drugs.csv        ndc,category                         CDPS+Rx and MRX; may be left out
    age_sex.csv      variable,sex,age_min,age_max,label   sex F, M or empty; bounds included, empty for none
    weights.csv      aid_group,variable,weight            variable: a category or a variable of age_sex.csv

payment_year is the year that is paid. Weights are of one timing: prospective ones take the diagnoses of the year
before, concurrent ones those of the year itself, and whoever asks for a score gives the codes of that year. A program
year may have several models, each in a folder of its own; the first one imported counts, the others are asked for by
name.
"""

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from scoring.beneficiary import code_of
from scoring.errors import InvalidInput
from scoring.importing.cms_package import table
from scoring.importing.draft import Draft, sha256, sorted_mapping

COLUMNS = {
    "categories.csv": ("category", "major_group", "rank", "label"),
    "diagnoses.csv": ("icd10", "category"),
    "drugs.csv": ("ndc", "category"),
    "age_sex.csv": ("variable", "sex", "age_min", "age_max", "label"),
    "weights.csv": ("aid_group", "variable", "weight"),
}
OPTIONAL = {"drugs.csv"}
HEADER = ("model", "payment_year", "timing", "normalization", "coding_adjustment", "source")
TIMINGS = ("prospective", "concurrent")


def read_cdps_layout(folder: Path) -> tuple[Draft, dict[str, Any]]:
    """The draft of a licensed release, and its header (for year.toml). Problems are in the draft."""
    header = tomllib.loads((folder / "header.toml").read_text(encoding="utf-8"))
    missing = [name for name in HEADER if name not in header]
    draft = Draft(
        {
            "program": "cdps",
            "model": header.get("model", ""),
            "payment_year": header.get("payment_year", 0),
            "family": "cdps",
            "status": "user",
            "package": header.get("source", ""),
            "prefix": "",
            "hierarchy": "at once",
            "flags": [],
            "options": {"timing": header.get("timing", "")},
        }
    )
    draft.problems += [f"header.toml: {name} is missing" for name in missing]
    if "timing" in header and header["timing"] not in TIMINGS:
        draft.problems.append(f"header.toml: timing {header['timing']!r} is neither of {' and '.join(TIMINGS)}")
    files: dict[str, list[dict[str, str]]] = {}
    for name, columns in COLUMNS.items():
        path = folder / name
        if not path.exists():
            if name not in OPTIONAL:
                draft.problems.append(f"{name} is missing")
            files[name] = []
            continue
        draft.sources[name] = sha256(path)
        files[name] = table(path)
        for number, row in enumerate(files[name], start=2):
            lacking = [column for column in columns if column not in row]
            if lacking:
                draft.problems.append(f"{name} row {number}: no {', '.join(lacking)}")
    if draft.problems:
        draft.rows = {name: [] for name in ("variables.csv", "mapping.csv", "hierarchy.csv", "groups.csv")}
        draft.rows |= {name: [] for name in ("interactions.csv", "counts.csv", "factors.csv")}
        return draft, header

    draft.rows["variables.csv"] = [(row["category"], "hcc", row["label"]) for row in files["categories.csv"]]
    draft.rows["variables.csv"] += [(row["variable"], "demographic", row["label"]) for row in files["age_sex.csv"]]
    draft.rows["mapping.csv"] = diagnoses(files["diagnoses.csv"], draft.problems)
    draft.rows["hierarchy.csv"] = ranked(files["categories.csv"], draft.problems)
    draft.rows["groups.csv"] = []
    draft.rows["interactions.csv"] = []
    draft.rows["counts.csv"] = []
    draft.rows["factors.csv"] = [(row["aid_group"], row["variable"], row["weight"]) for row in files["weights.csv"]]
    draft.rows["drugs.csv"] = sorted(
        {("ndc", row["ndc"].replace("-", ""), row["category"]) for row in files["drugs.csv"]}
    )
    draft.rows["cells.csv"] = [
        (row["variable"], row["sex"], row["age_min"], row["age_max"]) for row in files["age_sex.csv"]
    ]
    return draft, header


def diagnoses(rows: list[dict[str, str]], problems: list[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for number, row in enumerate(rows, start=2):
        try:
            found.append((code_of(row["icd10"]), row["category"], "", "", "", ""))
        except InvalidInput as error:
            problems.append(f"diagnoses.csv row {number}: {error}")
    return sorted_mapping(found)


def ranked(rows: list[dict[str, str]], problems: list[str]) -> list[tuple[str, ...]]:
    """Ranks to edges: in a major group every category drops those of a higher rank number."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        if not row["rank"].isdigit():
            problems.append(f"categories.csv row {number}: rank {row['rank']!r} is not a number")
            continue
        groups[row["major_group"]].append((int(row["rank"]), row["category"]))
    for name, members in groups.items():
        ranks = [rank for rank, _ in members]
        problems += [
            f"categories.csv: two categories of {name} have rank {rank}"
            for rank in sorted({rank for rank in ranks if ranks.count(rank) > 1})
        ]
    return [
        (category, other)
        for members in groups.values()
        for rank, category in sorted(members)
        for other_rank, other in sorted(members)
        if rank < other_rank
    ]
