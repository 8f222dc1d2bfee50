"""The search for a code: what is typed, and what has to come first."""

from datetime import date

import pytest

from coding import icd10


def found(typed: str) -> list[str]:
    return [one.code for one in icd10.search(typed)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("N18.32", "N18.32"),
        ("n1832", "N18.32"),
        ("ckd 3b", "N18.32"),  # an abbreviation and a part of a title
        ("chf", "I50.9"),
        ("stroke", "I63.9"),
        ("copd exac", "J44.1"),
        ("t2dm ckd", "E11.22"),
        ("morbid obesity", "E66.01"),
        ("alzheimers", "G30.9"),
        ("hepatitis c", "B18.2"),
        ("stage 3b kidney", "N18.32"),  # in any order
        ("GOUT", "M10.9"),
    ],
)
def test_what_was_meant_comes_first(typed, first) -> None:
    assert found(typed)[0] == first


def test_a_fragment_shows_the_category_and_what_is_under_it() -> None:
    category, *under = icd10.search("e112")
    assert (category.code, category.more) == ("E11.2", 3)
    assert [one.code for one in under] == ["E11.21", "E11.22", "E11.29"]
    assert all(one.more == 0 for one in under)


def test_an_inclusion_term_finds_the_code_and_says_so() -> None:
    [one] = [one for one in icd10.search("heart failure reduced ejection") if one.code == "I50.22"]
    assert "Heart failure with reduced ejection fraction" in one.because


def test_a_part_inside_a_word_is_found() -> None:
    assert "N13.6" in found("nephros")  # Pyonephrosis


@pytest.mark.parametrize("typed", ["", " ", "?!", "zzqx", "kidney zzqx"])
def test_what_is_nowhere_finds_nothing(typed) -> None:
    assert found(typed) == []


def test_every_abbreviation_leads_to_a_code() -> None:
    assert [short for short in icd10.abbreviations() if not found(short)] == []


@pytest.mark.parametrize(
    ("code", "day", "answer"),
    [
        ("N18.32", date(2026, 3, 2), True),
        ("N18.3", date(2026, 3, 2), False),
        ("N18.32", date(2026, 11, 2), None),
        ("N18.32", date(2025, 3, 2), None),
    ],
)
def test_whether_a_code_is_billable_is_known_for_the_years_of_the_release_alone(code, day, answer) -> None:
    assert icd10.billable_on(code, day) is answer


def test_notes_come_from_the_code_and_from_what_is_above_it() -> None:
    said = [(words, at) for words, at, _ in icd10.notes("E11.22")]
    assert said[0] == ("Use additional code", "E11.22")
    assert ("Excludes1: not coded together", "E11") in said


@pytest.mark.parametrize(
    ("code", "other", "excluded"),
    [
        ("I73.89", "E11.51", True),  # "E08-E13 with .51-.52"
        ("I73.89", "E11.9", False),
        ("R47.01", "I69.320", True),  # aphasia: "I69. with final characters -20"
        ("R47.01", "I69.321", False),
        ("A41.9", "A40.3", True),
        ("E10.65", "E11.9", True),  # the note stands at the category
        ("E11.9", "P70.2", True),  # and this one at the chapter
        ("Z34.90", "O09.90", True),  # a range up to O9A
        ("R47.02", "I69.921", True),
        ("R47.02", "I69.920", False),
        ("R41.844", "I69.914", True),  # "I69.81- I69.91-", which is written without its hyphen
        ("F04", "R41.3", True),
        ("H91.90", "H90.3", True),  # the code stands without brackets
        ("T88.7XXA", "I10", False),  # "A00-R94" is not a neighbour, but everything
    ],
)
def test_a_code_is_excluded_as_the_note_says(code: str, other: str, excluded: bool) -> None:
    assert icd10.fits(other, icd10.excluded_by(code)) is excluded


def test_nearly_every_code_that_a_note_names_is_read() -> None:
    import simple_icd_10_cm as tabular

    notes = {note for code in tabular.get_all_codes() for note in tabular.get_excludes1(code)}
    named = {note for note in notes if icd10.IN_BRACKETS.search(note)}
    assert {note for note in named if not icd10._named(note)} == {
        "open fracture of elbow and forearm (S52.- with open fracture 7th character)",
    }


@pytest.mark.parametrize(
    ("code", "beside", "complete", "there"),
    [
        ("D63.0", "C50.911", True, True),  # "neoplasm (C00-D49)"
        ("D63.0", "N18.32", True, False),
        ("D63.1", "N18.32", True, True),
        ("I25.84", "I25.10", True, True),
        ("J12.82", "U07.1", True, True),
        ("F02.80", "G30.9", False, True),  # "such as": examples
        ("F02.80", "I10", False, False),
        ("G63", "E10.42", False, False),  # "endocrine disease, except diabetes"
        ("M90.60", "C41.0", True, True),
    ],
)
def test_what_comes_first_is_named_as_the_note_says(code: str, beside: str, complete: bool, there: bool) -> None:
    asked = icd10.underlying(code)
    assert asked is not None
    assert (asked.complete, icd10.fits(beside, asked.named)) == (complete, there)


@pytest.mark.parametrize(
    "code", ["I50.9", "J13", "A41.9", "L97.512", "I5A", "K31.84", "E66.01", "H72.00", "E11.9", "X"]
)
def test_what_comes_first_only_where_it_exists_is_not_asked_for(code: str) -> None:
    assert icd10.underlying(code) is None
