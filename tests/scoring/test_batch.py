"""A population scored at once is everybody scored one by one."""

import random

import numpy as np
import pytest

from scoring import InvalidInput, MissingFactor, worksheet
from scoring.batch import score_population
from scoring.tables import load_release, load_year

ESRD = [
    {"status": "dialysis"},
    {"status": "transplant", "transplant_month": 2},
    {"status": "graft", "graft_months": 6},
    {"status": "graft", "graft_months": 30},
]
YEAR = [{"dual": "full"}] * 5 + [{"institutional": True}] * 3 + [None] * 4
SPLIT = [{"dual": "none"}] * 7 + [{"new_enrollee": True, "dual": "partial"}] * 5
PROGRAMS = [
    ("cms-hcc", 2024, None, ("dual", "orec", "institutional", "new_enrollee")),
    ("cms-hcc", 2025, "V24", ("dual", "orec", "institutional", "new_enrollee")),
    ("cms-hcc", 2026, None, ("dual", "orec", "institutional", "new_enrollee", "lti_medicaid")),
    ("pace", 2027, None, ("dual", "orec")),
    ("cms-hcc", 2026, None, ("dual", "orec", "months")),
    ("cms-hcc", 2024, None, ("dual", "orec", "months")),
    ("pace", 2026, None, ("dual", "orec", "months")),
    ("rxhcc", 2026, None, ("orec", "low_income", "institutional", "new_enrollee")),
    ("esrd", 2027, "V24", ("dual", "orec", "institutional", "new_enrollee", "esrd")),
    ("esrd", 2026, "V21", ("dual", "orec", "esrd", "medicaid")),
    ("hhs-hcc", 2026, None, ("metal", "csr", "enrollment_months", "ndc")),
    ("hhs-hcc", 2023, None, ("metal", "enrollment_months")),
]
CHOICES = {
    "dual": ["none", "partial", "full"],
    "orec": ["0", "1", "2", "3"],
    "months": [(), YEAR, SPLIT],
    "esrd": ESRD,
    "metal": list("PGSBC"),
    "csr": ["1", "2", "4"],
    "enrollment_months": [2, 6, 11, 12],
    "ndc": [(), ("00002021301",), ("00002739359",)],
}


@pytest.mark.parametrize(("program", "year", "model", "facts"), PROGRAMS)
def test_batch_equals_single(program, year, model, facts):
    draw = random.Random(year)
    use = load_year(program, year).model(model) if model else load_year(program, year).models[-1]
    release = load_release(use)
    codes = sorted({*release.codes, *release.edited, "I10"})
    special = ["K7290", "K7210", "Z944", "R402430", "Z95811", "I420", "C50911", "D66", "P040"]
    size = 400
    people = {"age": [draw.randint(0, 99) for _ in range(size)], "sex": [draw.choice("FM") for _ in range(size)]}
    people |= {name: [draw.choice(CHOICES.get(name, [True, False])) for _ in range(size)] for name in facts}
    frailty = "0.125" if program == "pace" else None
    diagnoses = [
        draw.sample(codes, draw.randint(0, 12)) + draw.sample(special, draw.randint(0, 4)) for _ in range(size)
    ]
    pairs = [(number, code) for number, own in enumerate(diagnoses) for code in own]
    draw.shuffle(pairs)
    result = score_population(
        program, year, people, [number for number, _ in pairs], [code for _, code in pairs], model=model,
        frailty=frailty,
    )  # fmt: skip
    for number in range(size):
        person = {name: values[number] for name, values in people.items() if values[number] != ()}
        sheet = worksheet(program, year, person, model=model, frailty=frailty)
        expected = sheet.points(sheet.masks([code.replace(".", "") for code in diagnoses[number]]))
        assert (result.raw[number], result.normalized[number], result.payment[number]) == expected


def test_a_population_without_diagnoses_is_scored():
    result = score_population("cms-hcc", 2026, {"age": [72, 80], "sex": ["F", "M"]}, [], [])
    assert result.raw.tolist() == [395, 571]


def test_a_population_of_several_plans_is_not_scored_by_one_model():
    people = {"age": [72, 72], "sex": ["F", "F"], "plan": ["pdp", "pdp"]}
    alone = worksheet("rxhcc", 2027, {"age": 72, "sex": "F", "plan": "pdp"}).score(["E11.22"])
    assert score_population("rxhcc", 2027, people, [0], ["E11.22"]).raw[0] == alone.points[0]
    with pytest.raises(InvalidInput, match="score each plan apart"):
        score_population("rxhcc", 2027, people | {"plan": ["pdp", "ma-pd"]}, [], [])


def test_pace_needs_its_frailty_factor_here_too():
    with pytest.raises(MissingFactor, match="frailty"):
        score_population("pace", 2026, {"age": [72], "sex": ["F"]}, [], [])


@pytest.mark.parametrize(
    ("people", "member", "code"),
    [
        ({"age": [70], "sex": ["F", "M"]}, [], []),
        ({"age": [70]}, [], []),
        ({"age": [70], "sex": ["F"]}, [1], ["E11.9"]),
        ({"age": [70], "sex": ["F"]}, [0], []),
        ({"age": [70], "sex": ["F"]}, [0], ["?"]),
        ({"age": [70], "sex": ["F"], "metal": ["S"]}, [], []),
    ],
)
def test_columns_that_do_not_fit_are_refused(people, member, code):
    with pytest.raises(InvalidInput):
        score_population("cms-hcc", 2026, people, member, np.array(code, dtype=str))
