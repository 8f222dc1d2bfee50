"""The worked score: every point, step and silence of a score is there to read, and nothing else."""

from decimal import Decimal

import pytest
from django.template import Context, Template

import scoring
from coding.worked import by_code, worked

WOMAN = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
PEOPLE = {
    "one model": ("cms-hcc", 2026, WOMAN, {}),
    "blend": ("cms-hcc", 2024, {"age": 76, "sex": "F", "dual": "partial", "orec": "1"}, {}),
    "frailty": ("pace", 2026, {"age": 76, "sex": "F", "dual": "full", "orec": "0"}, {"frailty": "0.134"}),
    "months": ("rxhcc", 2026, {"age": 75, "sex": "F", "months": [{"low_income": True}] * 5 + [{}] * 6 + [None]}, {}),
    "blend of months": ("cms-hcc", 2024, {"age": 75, "sex": "M", "months": [{"dual": "full"}] * 3 + [{}] * 9}, {}),
    "graft": ("esrd", 2026, {"age": 75, "sex": "F", "esrd": {"status": "graft", "graft_months": 5}}, {}),
    "hhs": ("hhs-hcc", 2026, {"age": 45, "sex": "F", "metal": "S", "csr": "4", "enrollment_months": 4}, {}),
}
OWN = {"normalization": "1.000", "coding_adjustment": "0"}
CODES = ["E11.22", "E10.22", "E11.9", "I50.32", "N18.32", "B20", "Z00.00"]


def shown(score: scoring.Score) -> str:
    return Template("{% load secondpass %}{% worked score %}").render(Context({"score": score}))


def scored(name: str) -> scoring.Score:
    program, year, person, options = PEOPLE[name]
    return scoring.score(program, year, person, CODES, **options)


@pytest.mark.parametrize("name", PEOPLE)
def test_the_terms_of_every_part_sum_to_its_raw_score(name: str) -> None:
    score = scored(name)
    for model, of in zip(worked(score).models, score.models, strict=True):
        for part, segment in zip(model.parts, of.parts, strict=True):
            terms = [term for _, group in part.groups for term in group]
            assert sum(term.value for term in terms) == segment.raw * segment.divisor
            assert {line.factor for line in segment.lines} <= {term.variable for term in terms}
            assert part.steps[-1].value == segment.payment


@pytest.mark.parametrize("name", PEOPLE)
def test_the_last_number_on_the_page_is_the_payment_score(name: str) -> None:
    score = scored(name)
    paper = worked(score)
    last = (paper.closing or paper.models[-1].mean or paper.models[-1].parts[-1].steps)[-1]
    assert last.value == score.payment
    assert f'<td class="num">{score.payment}</td>' in shown(score)


def test_a_condition_names_the_codes_that_carry_it_and_a_trumped_one_says_by_which() -> None:
    (model,) = worked(scored("one model")).models
    (part,) = model.parts
    groups = {name: {term.variable: term for term in terms} for name, terms in part.groups}
    assert groups["Conditions"]["HCC37"].codes == ("E10.22", "E11.22")
    assert groups["Conditions"]["HCC37"].row == 190
    assert set(groups["Interactions"]) == {"DIABETES_HF_V28", "HF_KIDNEY_V28"}
    assert groups["Counts"]["D4"].value == Decimal("0.000")
    assert [(item.codes, item.why) for item in model.silent] == [(("E11.9",), "HCC 38 is trumped by HCC 37")]
    assert model.unmapped == ("Z00.00",)


def test_every_code_says_what_it_does_in_each_model() -> None:
    effects = by_code(scored("blend"))
    assert set(effects) == set(CODES)
    assert effects["E11.22"] == ("HCC 18, which E10.22 carries too", "HCC 37, which E10.22 carries too")
    assert effects["E11.9"] == ("HCC 19 is trumped by HCC 18", "HCC 38 is trumped by HCC 37")
    assert effects["Z00.00"] == ("no payment HCC",) * 2
    assert by_code(scored("hhs"))["E10.22"][0].startswith("HCC 020, HCC 022")


def test_a_bundle_of_the_marketplace_names_its_codes() -> None:
    (model,) = worked(scored("hhs")).models
    conditions = {term.variable: term for term in dict(model.parts[0].groups)["Conditions"]}
    assert conditions["G01"].codes == ("E10.22", "E11.22")  # E11.9 is trumped by them


def test_blend_frailty_and_mean_are_steps_that_can_be_followed() -> None:
    assert [(step.name, str(step.value)) for step in worked(scored("frailty")).closing][1][0] == "With frailty"
    (blend,) = worked(scored("blend")).closing
    first, second = scored("blend").models
    assert blend.how == f"67 % × {first.payment} + 33 % × {second.payment}"
    (model,) = worked(scored("months")).models
    assert [part.months for part in model.parts] == [5, 6]
    assert model.mean[-1].how.endswith("÷ 11")


def test_figures_that_nobody_checked_are_marked() -> None:
    assert "Factors not verified" in shown(scored("months"))
    assert "Factors checked on" in shown(scored("one model"))
    assert "not verified" not in shown(scored("one model"))
    assert "Cost-sharing reduction checked on" in shown(scored("hhs"))
    own = scoring.score("cms-hcc", 2026, WOMAN, CODES, model="V22", factors={"V22": OWN})
    assert "Factors: supplied by the user" in shown(own)
    assert "not verified" not in shown(own)


def test_every_population_of_a_mixed_year_names_its_factors() -> None:
    months = [{"esrd": {"status": "dialysis"}}] * 3 + [{"esrd": {"status": "graft", "graft_months": 4}}] * 9
    (model,) = worked(scoring.score("esrd", 2026, {"age": 60, "sex": "F", "months": months}, CODES)).models
    assert len(model.figures) == 2
