"""Rare conditions: found by the words of the tabular list and of rare.toml, with the assertion of all the others."""

import pytest
import simple_icd_10_cm as icd

import nlp
from nlp.catalog import load
from nlp.longtail import phrases

CATALOG = load()
TAIL = [f for f in CATALOG.families.values() if f.tail]


def codes(text: str) -> set[str]:
    return {f.icd10 for f in nlp.find(text)}


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        ("ASSESSMENT:\n1. Neuroblastoma of the left adrenal gland, cycle 3 of chemotherapy.", {"C74.92"}),
        ("ASSESSMENT:\n1. Avascular necrosis of the right hip, refer to orthopedics.", {"M87.051"}),
        ("ASSESSMENT:\n1. Hip avascular necrosis, left. Refer to orthopedics.", {"M87.052"}),
        ("ASSESSMENT:\n1. Pemphigus vulgaris. Continue mycophenolate.", {"L10.0"}),
        ("ASSESSMENT:\n1. Central retinal vein occlusion, right eye.", {"H34.8112"}),
        ("ASSESSMENT:\n1. Empyema of the left chest, chest tube in place.", {"J86.9"}),
        ("ASSESSMENT:\n1. Dry gangrene of the toe.", {"I96"}),
        ("PAST SURGICAL HISTORY: LVAD placed last year.", {"Z95.811"}),
    ],
)
def test_a_rare_condition_is_found(text: str, expect: set[str]) -> None:
    assert codes(text) == expect


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ASSESSMENT:\n1. No avascular necrosis of the right hip on MRI.", "negated"),
        ("FAMILY HISTORY: Brother with neuroblastoma.", "family"),
        ("ASSESSMENT:\n1. Possible empyema, CT ordered.", "uncertain"),
        ("PAST MEDICAL HISTORY: Empyema in 1998.", "historical"),
        ("HPI: He once had pemphigus vulgaris.", "mention-only-no-MEAT"),
        ("PLAN: The risks of surgery include esophageal perforation and lung abscess.", "hypothetical"),
    ],
)
def test_its_near_twin_is_not(text: str, reason: str) -> None:
    result = nlp.read(text)
    assert result.findings == ()
    assert reason in {s.reason for s in result.suppressed}


def test_gangrene_beside_diabetes_is_part_of_it() -> None:
    found = codes("ASSESSMENT:\n1. Type 2 diabetes with gangrene of the toe, on metformin.")
    assert found == {"E11.52"}


def test_a_reported_rare_code_is_judged() -> None:
    text = "ASSESSMENT:\n1. No avascular necrosis of the right hip.\n2. Pemphigus vulgaris on prednisone."
    answers = nlp.read(text, first_pass=["L10.0", "M87.051", "L10.2", "E31.21"]).first_pass
    assert [str(a.verdict) for a in answers] == ["supported", "unsupported", "conflict", "not-found"]
    assert "few words" in answers[3].why


def test_two_conditions_of_one_category_are_two() -> None:
    found = codes("ASSESSMENT:\n1. Retinoblastoma, left eye, on chemotherapy.\n2. Brain tumor.\n3. Lung abscess.")
    assert found == {"C69.22", "D49.6", "J85.2"}


def test_every_code_of_the_tail_can_be_billed() -> None:
    given = {code for f in TAIL for line in f.codes if line.offer for code in line.codes}
    assert len(given) > 1500
    assert sorted(c for c in given if not (icd.is_valid_item(c) and icd.is_leaf(c))) == []


def test_no_surface_of_the_tail_is_one_of_a_condition_file() -> None:
    curated = {
        key for key, terms in CATALOG.surfaces.items() if any(not CATALOG.families[t.family].tail for t in terms)
    }
    assert sorted(t.text for f in TAIL for t in f.terms if t.key in curated) == []


@pytest.mark.parametrize(
    ("title", "expect"),
    [
        ("Malignant neoplasm of thymus", ["cancer of thymus", "carcinoma of thymus", "thymus cancer"]),
        ("Gangrene, not elsewhere classified", ["gangrene"]),
        ("Other pemphigus", []),
        ("Empyema (chest) (lung) (pleura)", ["empyema"]),
        ("Vitreous hemorrhage, right eye", ["vitreous hemorrhage, right eye", "vitreous hemorrhage"]),
    ],
)  # fmt: skip
def test_a_title_becomes_what_a_note_would_say(title: str, expect: list[str]) -> None:
    said = [p for p, _ in phrases(title)]
    assert [p for p in expect if p not in said] == []
    assert bool(said) == bool(expect)
