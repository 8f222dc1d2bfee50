"""CMS's SAS packages (payment year 2025 and before, and issued still): text tables of the CMS-HCC models.

    F28….TXT      the map: code, category, and D where it is a second category of the code
    C28….csv      factors: one wide row of names (CNA_HCC17) and one of values, or rows of Name,Coeff,Label; in a .TXT
                  rows of name, label and value
    V28…H1.TXT    the hierarchy, a macro of %SET0(CC=17, HIER=%STR(18, 19))
    V28…L1.TXT    labels

Interactions, groups of categories and age and sex edits are program code in SAS. They are taken over from a release of
the same model that is here already, edits code by code. Files that are not there (factors, hierarchy, labels) too. A
file name does not say its payment year reliably, so the caller does.
"""

import csv
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from scoring.importing.cms_package import kind_of
from scoring.importing.draft import Draft, sha256, sorted_mapping
from scoring.tables import Rows, category_order

FORMAT = re.compile(r"F(22|24|28)\d\d\w*\.TXT$", re.I)
FACTORS = re.compile(r"(?:C(22|24|28)\w*\.(?:csv|txt)|V(22|24|28)\w*\.csv)$", re.I)
HIERARCHY = re.compile(r"V(22|24|28)\w*H\d\.TXT$", re.I)
LABELS = re.compile(r"V(22|24|28)\w*L\d\.TXT$", re.I)
SEGMENTS = ("CNA", "CND", "CPA", "CPD", "CFA", "CFD", "INS", "NE", "SNPNE")
SET0 = re.compile(r"%SET0\(\s*CC\s*=\s*(\d+)\s*,\s*HIER\s*=\s*%STR\(([^)]*)\)", re.I)
LABEL = re.compile(r"^\s*(HCC\d+)\s*=\s*\"([^\"]*)\"", re.M)


def read_sas_package(folder: Path, version: str, meta: dict[str, Any], like: Rows) -> Draft:
    """One model's tables. version: "28". like: the rows of a release of the same model. meta: as everywhere."""
    draft = Draft(meta)
    prefix = meta["prefix"]
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]

    def the(pattern: re.Pattern[str]) -> Path | None:
        found = [path for path in paths if (match := pattern.match(path.name)) and version in match.groups()]
        if len({path.stem.lower() for path in found}) == 1:
            found = found[:1]  # the same as .csv and .TXT
        if len(found) > 1:
            draft.problems.append(f"several files could be {pattern.pattern}: {', '.join(path.name for path in found)}")
            return None
        if found:
            draft.sources[found[0].name] = sha256(found[0])
        return found[0] if found else None

    path = the(FORMAT)
    draft.rows = {name: list(rows) for name, rows in like.items()}
    if path is None:
        draft.problems.append(f"there is no map (F{version}….TXT)")
        return draft
    draft.rows["mapping.csv"] = mapping(path, like["mapping.csv"], draft.problems)
    if path := the(HIERARCHY):
        draft.rows["hierarchy.csv"] = hierarchy(path, draft.problems)
    labels = {variable: label for variable, _, label in like["variables.csv"]}
    if path := the(LABELS):
        labels |= {name: " ".join(label.split()) for name, label in LABEL.findall(text_of(path))}
    if path := the(FACTORS):
        draft.rows["factors.csv"] = factors(path, draft.problems)
        named = {variable for _, variable, _ in draft.rows["factors.csv"]}
        paid = {variable for _, variable, _ in like["factors.csv"]}
        draft.problems += [
            f"{path.name}: no factor for {name}"
            for name, kind, _ in like["variables.csv"]
            if kind != "hcc" and name in paid - named
        ]
    interactions = {row[0] for row in draft.rows["interactions.csv"]}
    hccs = {f"{prefix}{row[1]}" for row in draft.rows["mapping.csv"]}
    names = dict.fromkeys(
        (*(variable for _, variable, _ in draft.rows["factors.csv"]), *sorted(hccs, key=category_order))
    )
    draft.rows["variables.csv"] = [(name, kind_of(name, prefix, interactions), labels.get(name, "")) for name in names]
    return draft


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig", errors="replace")


def mapping(path: Path, like: list[tuple[str, ...]], problems: list[str]) -> list[tuple[str, ...]]:
    """The map, with the conditions of `like` for the codes and categories that both have, and for codes that an edit
    gives another category."""
    conditions: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for code, hcc, *condition in like:
        conditions[code, hcc].append(tuple(condition))
    rows: list[tuple[str, ...]] = []
    codes: set[str] = set()
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) not in (2, 3) or parts[2:] not in ([], ["D"]) or not re.fullmatch(r"\d+(\.0)?", parts[1]):
            problems.append(f"{path.name} row {number} not understood")
            continue
        pair = (parts[0].upper(), parts[1].removesuffix(".0"))
        codes.add(pair[0])
        rows += [(*pair, *condition) for condition in conditions.get(pair, [("", "", "", "")])]
    rows += [
        (code, hcc, *condition)
        for (code, hcc), found in conditions.items()
        if code in codes
        for condition in found
        if condition[-1]
    ]
    return sorted_mapping(rows)


def hierarchy(path: Path, problems: list[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (parent, child.strip())
        for parent, children in SET0.findall(text_of(path))
        for child in children.split(",")
        if child.strip()
    ]
    if not rows:
        problems.append(f"{path.name}: no %SET0 was found in it")
    return rows


def factors(path: Path, problems: list[str]) -> list[tuple[str, ...]]:
    text = text_of(path)
    lines = [line for line in text.splitlines() if line.strip()]
    rows = list(csv.reader(lines, delimiter="\t" if "\t" in lines[0] else ","))
    if len(rows) == 2 and len(rows[0]) > 3:
        pairs = list(zip(rows[0], rows[1], strict=False))
    else:
        if rows[0][0].strip().lower() in ("name", "variable"):
            place = next((index for index, head in enumerate(rows[0]) if head.strip().lower().startswith("coef")), 1)
            rows = rows[1:]
        else:
            place = len(rows[0]) - 1
        pairs = [(row[0], row[place] if place < len(row) else "") for row in rows]
    result: list[tuple[str, ...]] = []
    for name, value in pairs:
        segment, _, variable = name.strip().partition("_")
        if segment.upper() not in SEGMENTS or not variable:
            problems.append(f"{path.name}: {name.strip()!r} is in no known segment")
            continue
        result.append((segment.upper(), variable, value.strip()))
    return result
