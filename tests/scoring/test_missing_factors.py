"""Figures that nobody found are asked for, by name and never guessed; figures that nobody checked are said to be so."""

import io
import json

import pytest

from scoring.__main__ import run
from scoring.contract import answer, explained
from scoring.errors import MissingTables
from scoring.tables import load_year, years

# Every cell of the published factors that was not found, or only remembered: program, year, model, population.
EMPTY = [
    ("pace", 2022, "V22", "all"),
    ("pace", 2023, "V22", "all"),
    ("pace", 2025, "V22", "all"),
    ("esrd", 2025, "V24", "dialysis"),
    ("esrd", 2025, "V24", "graft"),
    ("esrd", 2023, "V21", "dialysis"),
    ("esrd", 2023, "V21", "graft"),
    ("esrd", 2025, "V21", "dialysis"),
    ("esrd", 2025, "V21", "graft"),
    *[("rxhcc", year, "V08", plan) for year in (2022, 2023, 2025) for plan in ("ma-pd", "pdp")],
    *[("rxhcc", year, "V08-PACE", "all") for year in (2022, 2023, 2025)],
]
PERSON = {
    "dialysis": {"esrd": {"status": "dialysis"}},
    "graft": {"esrd": {"status": "graft", "graft_months": 6}},
    "ma-pd": {"plan": "ma-pd"},
    "pdp": {"plan": "pdp"},
    "all": {},
}


def test_the_list_is_complete():
    """Every empty figure of every year is in EMPTY, and nothing else is."""
    found = [
        (program, year, use.name, factor.population)
        for program, year in years()
        for use in (*load_year(program, year).models, *load_year(program, year).other_models)
        for factor in use.factors
        if factor.normalization is None or factor.coding_adjustment is None
    ]
    assert sorted(found) == sorted(EMPTY)


@pytest.mark.parametrize(("program", "year", "model", "population"), EMPTY)
def test_a_figure_that_is_not_known_is_asked_for_and_then_used(program, year, model, population):
    request = {"id": 1, "program": program, "payment_year": year, "model": model, "raw": "1.000"}
    request["beneficiary"] = PERSON[population]
    out, errors = io.StringIO(), io.StringIO()
    assert run([json.dumps(request)], out, errors) == 1
    message = errors.getvalue()
    for part in (
        f"{program} {year} {model}",
        "no published normalization",
        f'factors: {{"{model}": {{"norm',
    ):
        assert part in message
    request["factors"] = {model: {"normalization": "1.250"}}
    assert run([json.dumps(request)], out, errors) == 0
    kept = "0.941" if program == "esrd" else "1"
    assert json.loads(out.getvalue())["normalized"] == "0.800"
    assert json.loads(out.getvalue())["payment"] == {"0.941": "0.753", "1": "0.800"}[kept]


@pytest.mark.parametrize(("program", "year"), [("pace", 2025), ("esrd", 2024), ("rxhcc", 2024)])
def test_a_year_whose_tables_are_not_here_says_what_to_import(program, year):
    person = {"age": 70, "sex": "F", **({"esrd": {"status": "dialysis"}} if program == "esrd" else {})}
    request = {"program": program, "payment_year": year, "beneficiary": person, "diagnoses": ["E11.9"]}
    with pytest.raises(MissingTables, match=rf"{program} {year} .*import that year's package"):
        answer(request | ({"frailty": "0"} if program == "pace" else {}))


def test_a_figure_of_the_users_own_scores_with_diagnoses_too():
    request = {
        "program": "pace",
        "payment_year": 2026,
        "beneficiary": {"age": 72, "sex": "F"},
        "diagnoses": ["E11.9"],
        "frailty": "0.100",
        "factors": {"V22": {"normalization": "1.000"}, "V28": {"normalization": "1.000"}},
    }
    result = answer(request)
    v22, v28 = (model["raw"] for model in result["models"])
    assert float(result["payment"]) == pytest.approx(0.9 * float(v22) + 0.1 * float(v28) + 0.1, abs=0.0006)
    assert "unverified" not in result


@pytest.mark.parametrize(
    ("program", "year", "person", "expected"),
    [
        (
            "esrd",
            2026,
            {"esrd": {"status": "dialysis"}},
            "V24 (dialysis): normalization 1.062, coding adjustment 0.059",
        ),
        ("rxhcc", 2026, {"plan": "pdp"}, "X (pdp): normalization 0.887, coding adjustment 0.000"),
        ("hhs-hcc", 2025, {"metal": "S", "csr": "4"}, "V08: cost-sharing reduction 1.510"),
    ],
)
def test_what_nobody_checked_is_said_in_the_answer_and_in_words(program, year, person, expected):
    request = {
        "program": program, "payment_year": year, "beneficiary": {"age": 45, "sex": "F", **person}, "diagnoses": [],
    }  # fmt: skip
    (unchecked,) = answer(request)["unverified"]
    assert unchecked.startswith(expected)
    assert "unverified" in explained(request)


def test_what_was_checked_is_not_called_unverified():
    request = {
        "program": "cms-hcc", "payment_year": 2026, "beneficiary": {"age": 72, "sex": "F"}, "diagnoses": [],
    }  # fmt: skip
    assert "unverified" not in answer(request)
    assert "checked 2026-11-22" in explained(request)
    own = request | {"factors": {"V28": {"normalization": "1.1"}}}
    assert "unverified" not in answer(own)
    assert "supplied by the user (yours to check)" in explained(own)


def test_both_factors_of_a_year_of_dialysis_and_graft_are_named():
    months = [{"esrd": {"status": "dialysis"}}] * 5 + [{"esrd": {"status": "graft", "graft_months": 5}}] * 7
    person = {"age": 50, "sex": "M", "orec": "2", "esrd": {"status": "dialysis"}, "months": months}
    request = {"program": "esrd", "payment_year": 2026, "beneficiary": person, "diagnoses": []}
    assert [text.split(":")[0] for text in answer(request)["unverified"]] == ["V24 (dialysis)", "V24 (graft)"]
