"""Titles of the tabular list as items of a list: they mean their code, and are asserted as everything else."""

import csv
from pathlib import Path

import pytest
import simple_icd_10_cm as icd

import nlp
from nlp import titles
from nlp.catalog import load
from nlp.findings import Verdict

TABLES = Path(__file__).parent.parent.parent / "scoring/tables"
MODELS = ("cms-hcc/2024/V24", "cms-hcc/2027/V28", "rxhcc/2027/Y1", "hhs-hcc/2026/V08")


def codes(text: str, setting: str | None = None) -> set[str]:
    return {f.icd10 for f in nlp.find(text, setting=setting)}


@pytest.mark.parametrize(
    ("item", "expect"),
    [
        ("1. Secondary malignant neoplasm of left kidney and renal pelvis", {"C79.02"}),
        ("Secondary malignant neoplasm of left kidney and renal pelvis (HCC): continue sunitinib.", {"C79.02"}),
        ("- C79.02 Secondary malignant neoplasm of left kidney and renal pelvis - on sunitinib", {"C79.02"}),
        ("# MALIGNANT NEOPLASM OF UPPER-OUTER QUADRANT OF LEFT FEMALE BREAST [C50.412]", {"C50.412"}),
        ("2) Narcolepsy with cataplexy; modafinil.", {"G47.411"}),
        ("Chronic embolism and thrombosis of left femoral vein.", {"I82.512"}),
        ("Type 2 diabetes mellitus with hypoglycemia with coma. Glucagon kit.", {"E11.641"}),
    ],
)
def test_an_item_that_is_a_title_means_its_code(item: str, expect: set[str]) -> None:
    assert codes(f"ASSESSMENT:\n{item}\n") == expect


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FAMILY HISTORY:\nMalignant neoplasm of upper-outer quadrant of left female breast", "family"),
        ("PAST MEDICAL HISTORY:\nAcute embolism and thrombosis of left femoral vein", "historical"),
        ("PAST MEDICAL HISTORY:\nNarcolepsy without cataplexy", "mention-only-no-MEAT"),
        ("ASSESSMENT:\nCerebral infarction due to embolism of left middle cerebral artery", "historical"),
    ],
)
def test_a_title_counts_only_where_its_condition_would(text: str, reason: str) -> None:
    result = nlp.read(text, setting="outpatient")
    assert {s.reason for s in result.suppressed} == {reason}
    assert all(f.icd10.startswith("Z86") for f in result.findings)


def test_a_title_within_a_sentence_is_read_by_its_words() -> None:
    text = "ASSESSMENT:\nNo sign of secondary malignant neoplasm of left kidney and renal pelvis on CT."
    assert codes(text) == set()


def test_what_leaves_open_what_a_title_says_is_not_asked_beside_it() -> None:
    text = (
        "ASSESSMENT:\n1. Malignant neoplasm of upper-outer quadrant of left female breast (HCC)\n"
        "Left breast cancer, on anastrozole, seen by oncology.\n"
    )
    assert codes(text) == {"C50.412"}


def test_another_complication_stays_beside_a_title() -> None:
    text = (
        "ASSESSMENT:\n1. Type 2 diabetes mellitus with hypoglycemia with coma\n"
        "2. Type 2 diabetes with diabetic CKD stage 3b, on metformin.\n"
    )
    assert codes(text) == {"E11.641", "E11.22", "N18.32"}


def test_the_mark_of_a_diagnosis_that_risk_adjusts_is_no_liver_cancer() -> None:
    text = "ASSESSMENT:\n1. COPD (HCC) - tiotropium.\n2. Cirrhosis of liver [HCC]: lactulose.\n3. HCC codes reviewed."
    assert codes(text) == {"J44.9", "K74.60"}


def test_a_reported_code_whose_title_stands_in_the_record_is_supported() -> None:
    text = "ASSESSMENT:\n1. Chronic embolism and thrombosis of left femoral vein (HCC), on apixaban."
    (answer,) = nlp.read(text, first_pass=["I82.512"]).first_pass
    assert answer.verdict is Verdict.SUPPORTED


@pytest.mark.parametrize("model", MODELS)
def test_every_payment_category_is_read_from_the_titles_of_its_codes(model: str) -> None:
    """One code of each payment HCC at least, by its title alone, on the list of a discharge."""
    with (TABLES / model / "mapping.csv").open(encoding="utf-8", newline="") as table:
        rows = [(row["hcc"], nlp.normal_code(row["icd10"])) for row in csv.DictReader(table)]
    hccs = {hcc: [c for h, c in rows if h == hcc and icd.is_valid_item(c)] for hcc, _ in rows}
    unread = []
    for hcc, members in hccs.items():
        found = (codes(f"DISCHARGE DIAGNOSES:\n1. {icd.get_description(c)}.", "inpatient") for c in members)
        if not any(c in one for c, one in zip(members, found, strict=True)):
            unread.append(hcc)
    assert unread == []


def test_every_title_is_of_a_code_that_can_be_billed_and_of_a_family() -> None:
    catalog = load()
    assert len(catalog.titles) > 10_000
    for key, title in catalog.titles.items():
        assert icd.is_leaf(title.code), title.code
        assert titles.key_of(" ".join(icd.get_description(title.code).lower().split())) == key
        assert catalog.family_of_title(title) in catalog.families
        assert len(key) >= titles.SHORTEST
