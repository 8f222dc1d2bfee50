"""High-risk groups: which code is flagged, what is missing, and what clears it."""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from coding.acceptability import book, high_risk
from coding.acceptability.high_risk import one_keystroke
from coding.acceptability.rulebook import HighRiskGroup
from coding.intake.values import (
    ChartValues,
    ClaimLineValues,
    ClaimValues,
    EncounterValues,
    FirstPassCodeValues,
    MemberValues,
    NoteValues,
)

DAY = date(2026, 5, 4)


def visit(
    name: str, *codes: str, day: date = DAY, text: str = "Seen today.", procedure: str = "99214", bill: str = ""
) -> EncounterValues:
    claim = ClaimValues(
        icn=name, claim_type="I" if bill else "P", type_of_bill=bill, accepted=True, lines=(ClaimLineValues(procedure),)
    )
    return EncounterValues(
        encounter_id=name, date_from=day, date_through=day, claim=claim,
        setting="inpatient" if bill == "111" else "outpatient",
        notes=(NoteValues(f"{name}-N", text),), first_pass_codes=tuple(FirstPassCodeValues(code) for code in codes),
    )  # fmt: skip


def stay(name: str, *codes: str, day: date = DAY) -> EncounterValues:
    return visit(name, *codes, day=day, bill="111")


def chart(*encounters: EncounterValues, born: date = date(1950, 1, 1)) -> ChartValues:
    return ChartValues(2026, MemberValues("T1", born, "M"), encounters)


def groups(*encounters: EncounterValues, **options: Any) -> set[str]:
    return {flag.group for flag in high_risk(chart(*encounters, **options), "cms-hcc", 2027)}


# (group, encounters that are flagged, what clears them)
CASES: list[tuple[str, list[EncounterValues], list[list[EncounterValues]]]] = [
    (
        "acute stroke",
        [visit("E1", "I63.9")],
        [
            [visit("E1", "I63.9"), stay("E2", "I63.512", day=DAY - timedelta(days=90))],
            [visit("E1", "I63.9"), visit("E2", "I63.9", bill="131")],
            [visit("E1", "Z86.73")],
        ],
    ),
    (
        "acute myocardial infarction",
        [visit("E1", "I21.4"), stay("E2", "I21.4", day=DAY - timedelta(days=61))],
        [
            [visit("E1", "I21.4"), stay("E2", "I21.4", day=DAY - timedelta(days=60))],
            [visit("E1", "I25.2")],
        ],
    ),
    (
        "embolism",
        [visit("E1", "I26.99", text="Took apixaban for three months, stopped in September. No warfarin.")],
        [
            [visit("E1", "I26.99", text="Continue apixaban 5 mg BID.")],
            [visit("E1", "I26.99"), visit("E2", "I26.99"), visit("E3", "I26.99")],
        ],
    ),
    (
        "lung cancer",
        [visit("E1", "C34.11")],
        [
            [visit("E1", "C34.11"), visit("E2", procedure="96413")],
            [visit("E1", "C34.11", text="On osimertinib since January.")],
        ],
    ),
    (
        "breast cancer",
        [visit("E1", "C50.911", text="Anastrozole 12/2015 to 12/2020, no therapy now.")],
        [
            [visit("E1", "C50.911", text="Adjuvant letrozole.")],
            [visit("E1", "C50.911"), visit("E2", procedure="19301", day=DAY - timedelta(days=300))],
        ],
    ),
    ("colon cancer", [visit("E1", "C18.2")], [[visit("E1", "C18.2"), visit("E2", procedure="44204")]]),
    ("prostate cancer", [visit("E1", "C61")], [[visit("E1", "C61", text="Leuprolide given today.")]]),
    ("sepsis", [visit("E1", "A41.9")], [[visit("E1", "A41.9"), stay("E2", "A41.51")], [stay("E2", "A41.51")]]),
    (
        "pressure ulcer",
        [visit("E1", "L89.153", text="Sacral ulcer, dressing changed.")],
        [
            [visit("E1", "L89.153", text="Sacral ulcer 3 x 2.5 cm, clean.")],
            [visit("E1", "L89.153", procedure="97597")],
        ],
    ),
    (
        "major depression",
        [visit("E1", "F33.1", text="Low mood.")],
        [
            [visit("E1", "F33.1", text="Continue sertraline 50 mg.")],
            [visit("E1", "F33.1", procedure="90834")],
        ],
    ),
    (
        "vascular claudication",
        [visit("E1", "I73.9", text="Continue gabapentin 300 mg.")],
        [
            [visit("E1", "I73.9", text="Leg pain.")],
            [visit("E1", "I73.9", text="Gabapentin. ABI 0.66 on the left.")],
        ],
    ),
    (
        "morbid obesity",
        [visit("E1", "E66.01", "Z68.33", text="BMI 33.1. Highest weight 262 lb in 2019 (BMI 37.6).")],
        [
            [visit("E1", "E66.01", text="BMI 41.2")],
            [visit("E1", "E66.01", "Z68.41")],
            [visit("E1", "E66.01", text="Body mass index: 35.0 kg/m2")],
        ],
    ),
    (
        "mis-keyed",
        [visit("E1", "E11.9"), visit("E2", "E11.9"), visit("E3", "E11.9"), visit("E4", "I11.9")],
        [
            [visit("E1", "E11.9"), visit("E2", "E11.9"), visit("E4", "I11.9")],
            [visit("E1", "I10"), visit("E2", "I10"), visit("E3", "I10"), visit("E4", "I12.9")],
        ],
    ),
]


@pytest.mark.parametrize(("group", "flagged", "_"), CASES, ids=[group for group, _, _ in CASES])
def test_a_group_is_flagged_alone(group: str, flagged: list[EncounterValues], _: object):
    assert groups(*flagged) == {group}


@pytest.mark.parametrize(
    ("group", "encounters"),
    [
        pytest.param(group, encounters, id=f"{group} {n}")
        for group, _, cleared in CASES
        for n, encounters in enumerate(cleared)
    ],
)
def test_corroboration_clears_the_flag(group: str, encounters: list[EncounterValues]):
    assert group not in groups(*encounters)


def test_every_group_of_the_rule_files_has_its_case():
    assert {row.group for row in book().all(HighRiskGroup)} == {group for group, _, _ in CASES}


def test_a_flag_names_what_is_missing_and_where_it_comes_from():
    (flag,) = high_risk(chart(visit("E1", "I63.9")), "cms-hcc", 2027)
    assert (flag.encounter_id, flag.icd10, flag.rule_id, flag.verified) == ("E1", "I63.9", "H.stroke", True)
    assert flag.missing == ("an inpatient or outpatient hospital record of the year with an acute stroke",)
    assert "OIG" in flag.source


def test_a_threshold_that_nobody_checked_is_marked():
    (flag,) = high_risk(chart(visit("E1", "I26.99")), "cms-hcc", 2027)
    assert flag.verified is False


def test_a_contradicting_index_is_shown_in_the_note():
    text = "Vitals: BMI 33.1."
    (flag,) = high_risk(chart(visit("E1", "E66.01", text=text)), "cms-hcc", 2027)
    assert [text[hit.start : hit.end] for hit in flag.found] == ["33.1"]


def test_a_bmi_code_does_not_stand_against_the_note():
    assert groups(visit("E1", "E66.01", "Z68.41", text="BMI 33.1")) == {"morbid obesity"}


def test_prostate_cancer_is_asked_about_from_74_years_on():
    assert groups(visit("E1", "C61"), born=date(1952, 5, 5)) == set()
    assert groups(visit("E1", "C61"), born=date(1952, 5, 4)) == {"prostate cancer"}


def test_the_codes_to_be_released_may_differ_from_the_first_pass():
    value = chart(visit("E1", "I63.9"))
    assert high_risk(value, "cms-hcc", 2027, codes={"E1": ["Z86.73"]}) == ()
    assert [flag.icd10 for flag in high_risk(value, "cms-hcc", 2027, codes={"E1": ["I21.4"]})] == ["I21.4"]


def test_the_order_of_encounters_changes_no_flag():
    encounters = [item for _, flagged, _ in CASES for item in flagged]
    encounters = [replace(item, encounter_id=f"X{n}") for n, item in enumerate(encounters)]
    expected = high_risk(chart(*encounters), "cms-hcc", 2027)
    for seed in range(5):
        shuffled = random.Random(seed).sample(encounters, len(encounters))
        assert high_risk(chart(*shuffled), "cms-hcc", 2027) == expected


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("E11.9", "I11.9", True),
        ("E11.9", "E11.9", False),
        ("I48.2", "I84.2", True),
        ("E11.9", "E11.91", False),
        ("E11.22", "F11.23", False),
    ],
)
def test_one_keystroke(one: str, other: str, answer: bool):
    assert one_keystroke(one, other) is answer
    assert one_keystroke(other, one) is answer
