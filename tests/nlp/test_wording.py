"""Reported codes judged by the words of their own descriptions: codes without a rule, and what a code says beyond."""

import pytest

import nlp
from nlp.catalog import load
from nlp.sections import page
from nlp.wording import HERE, Reader, lines, meaning, wordings


def verdict(text: str, code: str) -> str:
    (answer,) = nlp.read(text, first_pass=[code]).first_pass
    return str(answer.verdict)


@pytest.mark.parametrize(
    ("code", "text", "expect"),
    [
        ("L02.31", "ASSESSMENT:\n1. Buttock abscess, drained. Continue dressing changes.", "supported"),
        ("N52.9", "ASSESSMENT:\n1. Erectile dysfunction, start sildenafil.", "supported"),
        ("N87.9", "PLAN:\n1. Cervical dysplasia. Pap smear repeated today.", "supported"),
        ("M65.321", "ASSESSMENT:\nTrigger finger of the right index finger, injected today.", "supported"),
        ("L02.31", "ASSESSMENT:\n1. No abscess of the buttock.", "unsupported"),
        ("N52.9", "The risks of surgery include erectile dysfunction and bleeding.", "unsupported"),
        ("N87.9", "FAMILY HISTORY: Mother with cervical dysplasia.", "unsupported"),
        ("L02.31", "ASSESSMENT:\n1. The buttock was clean, without abscess.", "unsupported"),
        ("L02.31", "ASSESSMENT:\n1. Abscess of the axilla. Pain in the buttock.", "not-found"),
        ("N52.9", "ASSESSMENT:\n1. Diastolic dysfunction on the echocardiogram.", "not-found"),
        ("M65.321", "ASSESSMENT:\n1. Laceration of the index finger.", "not-found"),
    ],
)
def test_a_code_without_a_rule_is_judged_by_its_description(code: str, text: str, expect: str) -> None:
    assert verdict(text, code) == expect


@pytest.mark.parametrize(
    ("code", "text", "expect"),
    [
        (
            "J96.22",
            "ASSESSMENT:\n1. Acute on chronic respiratory failure, on BiPAP.\n2. Hypercapnia, improving.",
            "supported",
        ),
        (
            "J96.22",
            "ASSESSMENT:\n1. Acute on chronic respiratory failure, on BiPAP.\n2. No hypercapnia.",
            "unsupported",
        ),
        ("I50.22", "ASSESSMENT:\n1. CHF, continue furosemide.\nEXAM: Heart with a systolic murmur.", "conflict"),
        ("C34.32", "ASSESSMENT:\n1. Lung cancer, on chemotherapy.\nHPI: A nodule of the right lung.", "conflict"),
        (
            "G91.2",
            "ASSESSMENT:\n1. Hydrocephalus, possible normal pressure hydrocephalus.\nEXAM: Pressure normal.",
            "unsupported",
        ),
        ("F10.230", "ASSESSMENT:\n1. Alcohol dependence with withdrawal, on lorazepam.", "supported"),
        ("F02.B0", "ASSESSMENT:\n1. Moderate to severe dementia, Alzheimer's type, on donepezil.", "supported"),
        ("C34.92", "ASSESSMENT:\n1. Cancer of the left upper lobe of the lung, on chemotherapy.", "more-specific"),
        ("J44.1", "ASSESSMENT:\n1. COPD, on tiotropium.\nHPI: Two exacerbations last winter.", "conflict"),
        ("C81.90", "ASSESSMENT:\n1. Non-Hodgkin lymphoma, on R-CHOP.", "conflict"),
        ("K86.0", "ASSESSMENT:\n1. Chronic pancreatitis, on Creon.", "conflict"),
        ("E10.9", "ASSESSMENT:\n1. Type 2 diabetes, continue metformin. Type 1 in his father.", "conflict"),
    ],
)
def test_what_a_code_says_beyond_the_one_found_must_stand_in_the_note(code: str, text: str, expect: str) -> None:
    assert verdict(text, code) == expect


@pytest.mark.parametrize(
    ("code", "text", "expect"),
    [
        ("L57.0", "HPI: Actinic keratoses of the scalp were frozen.\nASSESSMENT: Hypertension.", "supported"),
        ("R50.9", "HPI: Fever for three days.\nASSESSMENT: Influenza.", "supported"),
        ("K59.00", "Geriatrics: Fall without injury. Constipation. Return in a month.", "supported"),
        ("M79.7", "PMH: fibromyalgia, hernia.\nASSESSMENT: Hypertension.", "unsupported"),
        ("K59.00", "HPI: History of constipation as a child.\nASSESSMENT: Hypertension.", "unsupported"),
        ("R50.9", "HPI: No fever.\nASSESSMENT: Sprain.", "unsupported"),
        ("R50.9", "If you have fever, call us.\nASSESSMENT: Sprain.", "unsupported"),
    ],
)
def test_a_code_without_payment_category_is_supported_where_its_condition_is_told_as_present(
    code: str, text: str, expect: str
) -> None:
    assert verdict(text, code) == expect


@pytest.mark.parametrize(
    ("code", "text", "expect"),
    [
        ("I25.5", "HPI: Ischemic cardiomyopathy.\nASSESSMENT: Ankle sprain.", "unsupported"),
        ("I25.5", "Clinic: Ischemic cardiomyopathy. Pacemaker checked.", "supported"),
        ("I25.5", "Clinic: Ischemic cardiomyopathy. Pacemaker checked.\nPLAN: Return in June.", "supported"),
        ("I48.91", "HPI: Incidentally found to have atrial fibrillation.\nASSESSMENT: Ankle sprain.", "supported"),
        ("I48.91", "HPI: Last year found to have atrial fibrillation.\nASSESSMENT: Ankle sprain.", "unsupported"),
        ("I25.5", "Cardiomyopathy. Call us if your ankles swell. Ischemic cardiomyopathy.", "unsupported"),
        ("I25.5", "Clinic: History of ischemic cardiomyopathy. Pacemaker checked.", "unsupported"),
    ],
)
def test_a_note_without_an_assessment_states_its_diagnoses_in_its_text(code: str, text: str, expect: str) -> None:
    assert verdict(text, code) == expect


@pytest.mark.parametrize(
    ("code", "text", "expect"),
    [
        ("G90.511", "ASSESSMENT:\n1. CRPS of the right arm, start gabapentin.", "supported"),
        ("S83.511A", "ASSESSMENT:\n1. Sprain of the right ACL of the knee, brace.", "supported"),
        ("A37.90", "ASSESSMENT:\n1. Pertussis, azithromycin.", "supported"),
        ("A37.90", "HPI: A pertussis culture was sent.\nASSESSMENT:\n1. Cough.", "unsupported"),
        ("N39.0", "ASSESSMENT:\n1. UTI, nitrofurantoin.", "supported"),
        ("B95.62", "ASSESSMENT:\n1. Abscess, MRSA on culture.", "supported"),
        ("Z95.5", "ASSESSMENT:\n1. CAD, stent to the LAD in 2021.", "supported"),
        ("S22.41XA", "ASSESSMENT:\n1. Multiple rib fractures, right.", "supported"),
        ("S39.012A", "ASSESSMENT:\n1. Lumbar strain, heat and rest.", "supported"),
        ("H65.93", "ASSESSMENT:\n1. Otitis media with effusion, both ears.", "supported"),
        ("T40.1X1A", "ASSESSMENT:\n1. Accidental heroin overdose.", "supported"),
        ("Z95.1", "ASSESSMENT:\n1. CAD, stent to the LAD in 2021.", "not-found"),
    ],
)
def test_titles_are_also_read_in_the_words_of_notes(code: str, text: str, expect: str) -> None:
    assert verdict(text, code) == expect


@pytest.mark.parametrize(
    ("code", "expect"),
    [
        ("M25.561", "supported"),
        ("M25.562", "not-found"),
        ("M25.521", "not-found"),
        ("M25.151", "not-found"),
        ("K21.9", "supported"),
    ],
)
def test_a_family_of_frequent_codes_answers_only_for_the_code_that_the_note_names(code: str, expect: str) -> None:
    assert verdict("ASSESSMENT:\n1. Right knee pain, start naproxen.\n2. GERD, continue omeprazole.", code) == expect


def test_words_that_the_family_refused_do_not_come_back_by_the_description() -> None:
    assert verdict("ASSESSMENT:\n1. Subcutaneous emphysema after the chest tube.", "J43.9") == "unsupported"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("esophagus", "esophageal"),
        ("kidney", "renal"),
        ("glottis", "glottic"),
        ("abscess", "abscesses"),
        ("carcinoma", "cancer"),
        ("tumor", "neoplasm"),
    ],
)
def test_words_with_one_meaning_are_one(one: str, other: str) -> None:
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("hypercapnia", "hypercalcemia"), ("cancer", "tumor"), ("hepatitis", "hepatic"), ("sepsis", "septum")],
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)


def test_a_code_for_what_is_left_over_has_no_words() -> None:
    assert wordings("D61.818") == ()
    assert wordings("Z99.99") == ()
    assert wordings("S72.002A") == wordings("S72.002D") != ()


def test_a_place_of_the_body_alone_is_no_diagnosis() -> None:
    catalog = load()
    reader = Reader(page("The kidney and the left breast are normal.", catalog), catalog, "outpatient")
    assert not [w for code in ("N28.9", "N64.9") for w in wordings(code) for _ in reader.places(w.needed)]


def test_the_file_is_what_the_program_writes() -> None:
    assert (HERE / "wording.tsv").read_text(encoding="utf-8").splitlines() == list(lines())


def test_a_tumor_is_no_cancer_unless_it_is_called_so() -> None:
    (answer,) = nlp.read("ASSESSMENT:\n1. Brain tumor, biopsy next week.", first_pass=["C71.9"]).first_pass
    assert str(answer.verdict) == "unsupported"
    assert "malignant" in answer.why
