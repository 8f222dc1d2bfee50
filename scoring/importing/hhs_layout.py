"""The commercial tables of the public layout (`commercial/<version>/<year>`): HHS-HCC, adult, child and infant.

That copy keeps the age and sex edits in its code; here they are rows of the map. EDITS says them once, as the DIY
software's tables do: codes by prefix, the ages that an edit is for, and the category that replaces the map's ("" for
none). Codes have to be in the map; `only` leaves out those of other categories with the same prefix.
"""

import csv
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.importing.draft import Draft, sha256, sorted_mapping

METALS = ("Platinum", "Gold", "Silver", "Bronze", "Catastrophic")
OLDEST = 999


@dataclass(frozen=True)
class Edit:
    """For ages low to high, and the sex where one is named, the codes mean `instead` and not what the map says.

    both: the map's other categories stay.
    """

    codes: str
    low: int
    high: int
    instead: str
    sex: str = ""
    only: str = ""


EDITS = (
    Edit("C9100 C9101 C9102 C9500 C9501 C9502 C7400 C7401 C7402 C7410 C7411 C7412 C7490 C7491 C7492", 0, 17, "009"),
    Edit("J410 J411 J418 J42 J440 J441 J448", 0, 17, "161_1"),
    Edit("K5501 K5502 K5503 K5504 K5505 K5506 K553", 0, 1, "042"),
    Edit("C50", 0, 49, "011"),
    Edit(
        "J43 J449 J982 J983 F20 F21 F22 F23 F24 F25 F28 F29 F30 F310 F311 F312 F313 F314 F315 F316 F317 F318 F319 F322 "
        "F323 F332 F333 F44 F481 F50 F60 G474 R4588 T1491XA T36 T37 T38 T39 T4 T50 T51 T52 T53 T54 T55 T56 T57 T58 T59 "
        "T6 T71 X7 X80 X81 X82 X83",
        0, 1, "", only="087_1 087_2 088 090 094 123 160",
    ),
    Edit("H3532", 0, 20, ""),
    Edit("P05 P07 P08 Z38", 1, OLDEST, ""),
    Edit("Q894", 1, OLDEST, "097"),
    Edit("K551 K558 K559 P04 P93 P961 P962 Q390 Q391 Q392 Q393 Q394 Q641 Q790 Q791 Q792 Q793 Q794 Q795", 2, OLDEST, ""),
    Edit("P27", 2, OLDEST, "162"),
    Edit("F3481", 0, 5, ""),
    Edit("F3481", 19, OLDEST, ""),
    Edit("E70 E71 E72 E742 E744 E748 E749 E771 E884 H4981", 21, OLDEST, "", only="028"),
    Edit("D66 D67", 0, OLDEST, "075", sex="F"),
)  # fmt: skip
# Type 1 diabetes pays HCC 022 besides its complication from age 21 only.
TYPE_1 = Edit("E10", 0, 20, "", only="022")

SEVERE = "002 003 004 006 018 023 034 041 042 096 121 122 125 126 127 128 129 135 145 156 158 163 183 218 223 251"
TRANSPLANT = "018 034 041 128 129 158 183 251"
INFANT = {
    "Extremely_Immature": "242 243 244",
    "Immature": "245 246",
    "Premature_Multiples": "247 248",
    "Term": "249",
    "Severity5": "008 018 034 041 042 125 128 129 130 137 158 183 184 251",
    "Severity4": "002 009 026 030 035_1 035_2 064 067 068 073 106 107 111 112 115 122 126 127 131 135 138 145 146 154 "
    "156 163 187 253",
    "Severity3": "001 003 006 010 011 012 027 045 054 055 061 063 066 074 075 081 082 083 084 096 108 109 110 113 114 "
    "117 119 121 132 139 142 149 150 159 218 223 226 228",
    "Severity2": "004 013 019 020 021 023 028 029 036 046 047 048 056 057 062 069 097 120 151 153 160 161_1 162 188 "
    "217 219",
}
MOVED = {"V07": {"Severity2": " 070"}, "V08": {"Severity3": " 070", "Severity2": " 071"}}
DRUG_GROUPS = {
    "liver": "034 035_1 035_2 036 037_1", "kidney": "183 184 187 188", "intestine": "041 048",
    "diabetes": "018 019 020 021", "autoimmune": "056 057", "lung": "158 159",
}  # fmt: skip
DRUG_INTERACTIONS = {
    "RXC_01_x_HCC001": "RXC_01 HHS_HCC001",
    "RXC_02_x_HCC037_1_036_035_2_035_1_034": "RXC_02 liver",
    "RXC_03_x_HCC142": "RXC_03 HHS_HCC142",
    "RXC_04_x_HCC184_183_187_188": "RXC_04 kidney",
    "RXC_05_x_HCC048_041": "RXC_05 intestine",
    "RXC_06_x_HCC018_019_020_021": "RXC_06 diabetes",
    "RXC_07_x_HCC018_019_020_021": "RXC_07 diabetes",
    "RXC_08_x_HCC118": "RXC_08 HHS_HCC118",
    "RXC_09_x_HCC048_041": "RXC_09 intestine",
    "RXC_09_x_HCC056_057_and_048_041": "RXC_09_x_HCC048_041 autoimmune",
    "RXC_09_x_HCC056": "RXC_09 HHS_HCC056",
    "RXC_09_x_HCC057": "RXC_09 HHS_HCC057",
    "RXC_10_x_HCC159_158": "RXC_10 lung",
}
COUNT = re.compile(r"(?:SEVERE|TRANSPLANT)_HCC_COUNT(\d+)(?:_(\d+))?(PLUS)?$")


def read_hhs_layout(folder: Path, meta: dict[str, Any]) -> Draft:
    """One benefit year of that layout; meta: the header of model.toml."""
    draft = Draft(meta)
    for path in sorted(folder.iterdir()):
        draft.sources[f"{folder.parent.name}/{folder.name}/{path.name}"] = sha256(path)

    definitions = json.loads((folder / "category_definition.json").read_text(encoding="utf-8"))
    kinds = {"disease": "hcc", "rx": "hcc", "acf": "hcc", "demographic": "demographic"}
    draft.rows["variables.csv"] = [
        (name, kinds.get(entry["type"], "interaction"), " ".join(entry["descr"].split(" ;")[0].split()))
        for name, entry in definitions.items()
    ]
    draft.rows["mapping.csv"] = mapping(folder / "diag_to_category_map.txt", draft.problems)
    hierarchy = json.loads((folder / "hierarchy_definition.json").read_text(encoding="utf-8"))
    draft.rows["hierarchy.csv"] = [(one, two) for one, entry in hierarchy.items() for two in entry["remove_code"]]

    known = {name for name, kind, _ in draft.rows["variables.csv"] if kind == "hcc"}
    groups = {**INFANT, **DRUG_GROUPS, "severe": SEVERE, "transplant": TRANSPLANT}
    for name, more in MOVED[meta["model"]].items():
        groups[name] += more
    draft.rows["groups.csv"] = [
        (name, f"HHS_HCC{hcc}") for name, hccs in groups.items() for hcc in hccs.split() if f"HHS_HCC{hcc}" in known
    ]
    draft.rows["interactions.csv"] = [(name, *pair.split()) for name, pair in DRUG_INTERACTIONS.items()]
    bundles = json.loads((folder / "group_definition.json").read_text(encoding="utf-8"))
    draft.rows["bundles.csv"] = [
        (segment, bundle, hcc) for segment, members in bundles.items() for hcc, bundle in members.items()
    ]
    draft.rows["counts.csv"] = [
        (name, found[1], "" if found[3] else found[2] or found[1])
        for name, _, _ in draft.rows["variables.csv"]
        if (found := COUNT.match(name))
    ]
    draft.rows["drugs.csv"] = drugs(folder, draft.problems)
    with (folder / "weights.csv").open(encoding="utf-8", newline="") as file:
        draft.rows["factors.csv"] = [
            (f"{row['model']}_{metal}", row["category"], row[metal])
            for row in csv.DictReader(file)
            for metal in METALS
            if row[metal]
        ]
    return draft


def category(text: str) -> str:
    """ "87.1" -> "HHS_HCC087_1"."""
    whole, _, part = text.partition(".")
    return f"HHS_HCC{int(whole):03d}" + (f"_{part}" if part else "")


def mapping(path: Path, problems: list[str]) -> list[tuple[str, ...]]:
    """The map with its edits as rows: outside an edit's ages and sex the map's category, inside the edit's."""
    found: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        parts = line.split()
        if not 2 <= len(parts) <= 3 or not re.fullmatch(r"\d+(\.\d+)?", parts[1]):
            problems.append(f"{path.name} row {number} not understood")
            continue
        found[parts[0]].append(category(parts[1]))
    rows: list[tuple[str, ...]] = []
    for code, categories in found.items():
        for hcc in categories:
            edits = [edit for edit in (*EDITS, TYPE_1) if applies(edit, code, hcc)]
            rows += [(code, hcc, *condition) for condition in outside(edits)]
        for edit in EDITS:
            if edit.instead and any(applies(edit, code, hcc) for hcc in categories):
                bounds = (str(edit.low or ""), str(edit.high) if edit.high != OLDEST else "")
                named = "+".join(filter(None, ("age" if any(bounds) else "", "sex" if edit.sex else "")))
                rows.append((code, f"HHS_HCC{edit.instead}", *bounds, edit.sex, named))
    return sorted_mapping(rows)


def applies(edit: Edit, code: str, hcc: str) -> bool:
    wanted = {f"HHS_HCC{name}" for name in edit.only.split()}
    return code.startswith(tuple(edit.codes.split())) and (not wanted or hcc in wanted)


def outside(edits: list[Edit]) -> list[tuple[str, ...]]:
    """Where the map's own category holds: the ages between the edits', the other sex."""
    if any(edit.sex for edit in edits):
        return [("", "", "M" if edits[0].sex == "F" else "F", "sex")]
    if not edits:
        return [("", "", "", "")]
    spans, start = [], 0
    for edit in sorted(edits, key=lambda edit: edit.low):
        if edit.low > start:
            spans.append((start, edit.low - 1))
        start = edit.high + 1
    if start <= OLDEST:
        spans.append((start, OLDEST))
    return [(str(low or ""), str(high) if high != OLDEST else "", "", "age") for low, high in spans]


def drugs(folder: Path, problems: list[str]) -> list[tuple[str, ...]]:
    rows: set[tuple[str, ...]] = set()
    for name, kind in (("ndc", "ndc"), ("proc", "hcpcs"), ("acf", "")):
        path = folder / f"{name}_to_category_map.txt"
        if not path.exists():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            parts = line.split()
            if len(parts) != 2:
                problems.append(f"{path.name} row {number} not understood")
                continue
            own = kind or ("ndc" if re.fullmatch(r"\d{11}", parts[0]) else "hcpcs")
            rows.add((own, parts[0], f"RXC_{int(parts[1]):02d}" if parts[1].isdigit() else parts[1]))
    return sorted(rows)
