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
