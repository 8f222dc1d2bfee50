"""The arithmetic as people work it by hand, and the reasons that go with it."""

from decimal import Decimal

import pytest

from scoring import (
    InvalidInput,
    MalformedCode,
    MissingFactor,
    MissingTables,
    UnknownProgram,
    deltas,
    payment_chain,
    programs,
    raw_by_segment,
    score,
    what_if,
    worksheet,
)
from scoring.batch import score_population
from scoring.rounding import apportion, half_up, signed, thousandths

WOMAN = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
BASE = ["E11.22", "I50.32"]


def numbers(result):
    return str(result.raw), str(result.normalized), str(result.payment)


def reasons(diagnoses, added=(), removed=(), person=WOMAN, year=2026, **options):
    return what_if("cms-hcc", year, person, diagnoses, [(added, removed)], **options)[0]


def test_diabetes_with_heart_failure_by_hand():
    assert numbers(score("cms-hcc", 2026, WOMAN, BASE)) == ("1.033", "0.968", "0.911")


def test_ckd_stage_3b_is_worth_more_than_its_own_coefficient():
    result = deltas("cms-hcc", 2026, WOMAN, BASE, ["N18.32"])
    (candidate,) = result.candidates
    assert (str(result.raw), str(result.payment)) == ("1.336", "1.178")
    assert (str(candidate.delta_raw), str(candidate.delta)) == ("0.303", "0.267")
    assert candidate.reasons == ("HCC 328 +0.127", "HF_KIDNEY_V28 +0.176")


@pytest.mark.parametrize(
    ("year", "raw", "expected"),
    [
        (2026, "2.266", (2266, 2124, 1999)),
        (2026, "0.533", (533, 500, 471)),  # 0.4705 is a tie, and floats would lose it
        (2026, "1.033", (1033, 968, 911)),
    ],
)
def test_the_payment_chain_rounds_at_each_step(year, raw, expected):
    assert payment_chain("cms-hcc", year, thousandths(raw))[1] == expected


def test_the_2024_blend_rounds_each_model_before_it_weighs_them():
    person = {"age": 76, "sex": "F", "dual": "partial", "orec": "1"}
    result = score("cms-hcc", 2024, person, ["E08.3293", "E13.9"])
    v24, v28 = result.models
    assert (v24.model, v24.weight, numbers(v24)) == ("V24", 67, ("0.938", "0.818", "0.770"))
    assert (v28.model, v28.weight, numbers(v28)) == ("V28", 33, ("0.754", "0.743", "0.699"))
    assert str(result.payment) == "0.747"  # 0.67 x 0.770 + 0.33 x 0.699 = 0.74657


def test_the_2025_blend_is_a_third_and_two_thirds():
    v24, v28 = score("cms-hcc", 2025, WOMAN, BASE).models
    assert (v24.weight, v28.weight) == (33, 67)
    assert numbers(v28) == ("1.033", "0.989", "0.931")  # the factors of 2024 and 2026, over 1.045
    assert score("cms-hcc", 2025, WOMAN, BASE).points[2] == half_up(33 * v24.points[2] + 67 * v28.points[2], 100)
    assert payment_chain("cms-hcc", 2025, 1000, model="V28")[1] == (1000, 957, 901)


@pytest.mark.parametrize("code", ["C81.0A", "E66.813", "F50.014", "G35.A"])
def test_a_code_that_nobody_can_say_is_in_the_2025_map_is_refused_by_name(code):
    with pytest.raises(MissingTables, match=rf"2025/V28.*{code}.*import"):
        score("cms-hcc", 2025, WOMAN, [*BASE, code])
    with pytest.raises(MissingTables, match=code):
        score_population("cms-hcc", 2025, {"age": [72], "sex": ["F"]}, [0], [code])
    assert score("cms-hcc", 2025, WOMAN, [*BASE, code], model="V24").models[0].model == "V24"


def test_a_valid_addition_can_lower_the_score():
    person = {"age": 75, "sex": "F"}
    result = deltas("cms-hcc", 2026, person, ["I50.84"], ["T86.20"])
    assert (str(result.baseline.raw), str(result.raw)) == ("2.970", "1.518")
    assert "HCC 222 -2.505 (HCC 221 takes its place)" in result.candidates[0].reasons


def test_a_birthday_on_the_first_of_february_counts():
    on, after = ({"birth_date": f"1961-02-{day}", "sex": "F", "orec": "1"} for day in ("01", "02"))
    assert score("cms-hcc", 2026, on, []).segment == "CNA"
    assert score("cms-hcc", 2026, after, []).segment == "CND"


@pytest.mark.parametrize(
    ("facts", "segment", "variables"),
    [
        ({"age": 72, "dual": "full"}, "CFA", ["F70_74"]),
        ({"age": 50, "dual": "partial", "orec": "1"}, "CPD", ["F45_54"]),
        ({"age": 66, "orec": "1"}, "CNA", ["F65_69", "OriginallyDisabled_Female"]),
        ({"age": 66, "orec": "3"}, "CNA", ["F65_69"]),
        ({"age": 80, "institutional": True, "dual": "full"}, "INS", ["F80_84", "LTIMCAID"]),
        ({"age": 80, "institutional": True, "lti_medicaid": False, "dual": "full"}, "INS", ["F80_84"]),
        ({"age": 64, "new_enrollee": True}, "NE", ["NMCAID_NORIGDIS_NEF65"]),
        ({"age": 64, "new_enrollee": True, "orec": "1"}, "NE", ["NMCAID_NORIGDIS_NEF60_64"]),
        ({"age": 67, "new_enrollee": True, "orec": "1", "medicaid": True}, "NE", ["MCAID_ORIGDIS_NEF67"]),
        (
            {"age": 70, "new_enrollee": True, "c_snp": True, "institutional": True},
            "SNPNE",
            ["NMCAID_NORIGDIS_NEF70_74"],
        ),
    ],
)
def test_the_segment_follows_from_the_facts(facts, segment, variables):
    result = score("cms-hcc", 2026, {"sex": "F", **facts}, [])
    assert result.segment == segment
    assert [line.factor for line in result.lines] == variables


def test_the_sum_of_the_lines_is_the_raw_score():
    codes = ["E11.22", "I50.32", "N18.32", "J44.1", "F33.2", "C78.00", "I48.91", "G20.A1", "L89.154"]
    result = score("cms-hcc", 2027, WOMAN, codes)
    assert sum(line.value for line in result.lines) == result.raw
    assert [line.factor for line in result.lines][-1] == "D9"
    assert all("cms-hcc/2027/V28 initial, factors.csv row" in line.why for line in result.lines)


def test_months_average_and_each_segment_has_its_own_lines():
    months = [{"dual": "none"}] * 6 + [{"dual": "full"}] * 6
    result = score("cms-hcc", 2026, {"age": 72, "sex": "F", "months": months}, BASE)
    (model,) = result.models
    assert (model.segment, [part.segment for part in model.parts]) == ("mixed", ["CNA", "CFA"])
    assert [str(part.payment) for part in model.parts] == [
        "0.911",
        "1.130",
    ]  # CFA: 1.281 / 1.067 = 1.201, x 0.941 = 1.130
    assert str(result.payment) == "1.021"
    assert all(sum(line.value for line in part.lines) == part.raw for part in model.parts)


def test_months_without_enrollment_do_not_count():
    months = [None] * 6 + [{"dual": "none"}] * 6
    assert numbers(score("cms-hcc", 2026, {"age": 72, "sex": "F", "months": months}, BASE))[2] == "0.911"


def test_a_given_segment_overrides_the_derived_one():
    assert score("cms-hcc", 2026, WOMAN, BASE, segment="CFA").segment == "CFA"
    with pytest.raises(UnknownProgram, match="no segment"):
        score("cms-hcc", 2026, WOMAN, BASE, segment="DIAL")


def test_a_cell_that_a_segment_does_not_have_is_said_and_not_silent():
    (line,) = score("cms-hcc", 2026, {"age": 64, "sex": "F"}, [], segment="CNA").lines
    assert str(line.value) == "0.000"
    assert "no factor in segment CNA" in line.why


# Why a code adds nothing


def test_a_code_outside_the_map_is_unmapped():
    assert score("cms-hcc", 2026, WOMAN, ["I10", "E11.22"]).unmapped == ("I10",)
    assert reasons(BASE, ["I10"]).reasons == ("I10: no payment HCC in V28",)


def test_a_trumped_category_says_by_which():
    model = score("cms-hcc", 2024, WOMAN, ["E11.9", "E11.22"], model="V28").models[0]
    assert model.dropped == {"38": "37"}
    assert model.no_effect == {"E119": "HCC 38 is trumped by HCC 37"}
    assert reasons(["E11.22"], ["E11.9"]).reasons == ("HCC 38 is trumped by HCC 37",)


def test_another_code_may_carry_the_category_already():
    assert reasons(["E11.22"], ["E11.40"]).reasons == ("HCC 37 is already carried by E11.22",)


def test_categories_with_one_coefficient_change_places_for_nothing():
    delta = reasons(["E11.9"], ["E11.22"])
    assert str(delta.delta_raw) == "0.000"
    assert delta.reasons == ("HCC 37 takes the place of HCC 38 at the same coefficient, 0.166",)


def test_an_age_edit_is_said_without_the_age():
    young = {"age": 40, "sex": "F", "orec": "1"}
    assert score("cms-hcc", 2026, young, ["C50.911"]).models[0].hccs == ("22",)
    assert score("cms-hcc", 2026, WOMAN, ["C50.911"]).models[0].hccs == ("23",)
    assert reasons([], ["P04.0"]).reasons == ("P04.0: counts only for ages 0 to 1 (age edit)",)


def test_a_sex_edit_changes_the_category():
    assert score("cms-hcc", 2026, WOMAN, ["D66"]).models[0].hccs == ("112",)
    assert score("cms-hcc", 2026, {**WOMAN, "sex": "M"}, ["D66"]).models[0].hccs == ("111",)


def test_an_assist_device_does_not_stand_without_heart_failure():
    alone = score("cms-hcc", 2026, WOMAN, ["Z95.811", "I42.0"]).models[0]
    assert alone.hccs == ("227",)
    assert alone.dropped["223"].startswith("needs one of 221")
    assert score("cms-hcc", 2026, WOMAN, ["Z95.811", "I42.0", "I50.32"]).models[0].hccs == ("223",)


def test_a_new_enrollee_has_no_disease_score():
    delta = reasons([], ["E11.22"], person={"age": 66, "sex": "F", "new_enrollee": True})
    assert (str(delta.delta), delta.reasons) == (
        "0.000",
        ("new enrollee: the score is age, sex and entitlement alone",),
    )


# Deletions and exchanges


def test_deleting_a_code_is_the_mirror_of_adding_it():
    delta = reasons([*BASE, "N18.32"], removed=["N18.32"])
    assert (str(delta.delta_raw), str(delta.delta)) == ("-0.303", "-0.267")
    assert delta.reasons == ("HCC 328 -0.127", "HF_KIDNEY_V28 -0.176")


def test_deleting_what_another_source_carries_changes_nothing():
    assert reasons(["E11.22", "E11.22"], removed=["E11.22"]).reasons == ("E11.22: still carried by another source",)
    delta = reasons(["E11.22", "E11.40"], removed=["E11.22"])
    assert (str(delta.delta), delta.reasons) == ("0.000", ("HCC 37 is still carried by E11.40",))


def test_deleting_a_parent_lets_the_child_stand():
    delta = reasons(["E11.22", "E11.9"], removed=["E11.22"])
    assert delta.reasons == ("HCC 38 takes the place of HCC 37 at the same coefficient, 0.166",)


def test_an_exchange_is_one_change():
    delta = reasons(["N18.31"], added=["N18.4"], removed=["N18.31"])
    assert delta.reasons == ("HCC 327 +0.514", "HCC 329 -0.127")


def test_deleting_what_is_not_there_says_so():
    assert reasons(BASE, removed=["I48.91"]).reasons == ("I48.91: not among the codes",)


# Several candidates


def test_candidates_alone_last_and_in_order():
    result = deltas("cms-hcc", 2026, WOMAN, ["E11.22"], ["I50.32", "N18.32"])
    alone = [str(candidate.delta_raw) for candidate in result.candidates]
    last = [str(candidate.last_in_raw) for candidate in result.candidates]
    in_order = [candidate.in_order_raw for candidate in result.candidates]
    assert (alone, last) == (["0.472", "0.127"], ["0.648", "0.303"])
    assert sum(in_order) == result.delta_raw == Decimal("0.775")


def test_an_interaction_is_shared_by_its_partners():
    result = deltas("cms-hcc", 2026, WOMAN, [], ["I50.32", "N18.32"])
    assert {code: str(part) for code, part in result.attribution.raw.items()} == {"I50.32": "0.448", "N18.32": "0.215"}


def test_codes_of_one_category_share_its_value():
    parts = deltas("cms-hcc", 2026, WOMAN, [], ["E11.22", "E11.40", "I10"]).attribution.raw
    assert [str(part) for part in parts.values()] == ["0.083", "0.083", "0.000"]


def test_more_than_twelve_effects_are_sampled_with_a_seed_and_still_sum():
    many = ["E11.22", "I50.32", "N18.32", "J44.9", "F33.1", "C78.00", "I48.91", "G35", "L89.154", "K74.60", "B20",
            "M05.79", "D57.1", "G20.A1"]  # fmt: skip
    result = deltas("cms-hcc", 2026, WOMAN, [], many)
    again = deltas("cms-hcc", 2026, WOMAN, [], many)
    assert not result.attribution.exact
    assert result.attribution == again.attribution
    assert sum(result.attribution.raw.values()) == result.delta_raw
    assert sum(result.attribution.payment.values()) == result.delta


def test_a_candidate_twice_is_refused():
    with pytest.raises(InvalidInput, match="twice"):
        deltas("cms-hcc", 2026, WOMAN, [], ["E11.9", "E11.9"])


# Refusals


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"sex": "F"}, "birth_date or age"),
        ({"age": 70}, "sex is missing"),
        ({"age": 70, "birth_date": "1953-04-01", "sex": "F"}, "one of the two"),
        ({"age": "70", "sex": "F"}, "whole number"),
        ({"age": 70, "sex": "X"}, "F, M"),
        ({"age": 70, "sex": "F", "dual": "02"}, "none, partial, full"),
        ({"age": 70, "sex": "F", "metal": "S"}, "does not use metal"),
        ({"age": 70, "sex": "F", "low_income": True}, "does not use low_income"),
        ({"age": 70, "sex": "F", "medicaid": True}, "needs dual"),
        ({"age": 70, "sex": "F", "institutional": 1}, "true or false"),
        ({"age": 70, "sex": "F", "months": [{}] * 11}, "twelve"),
        ({"age": 70, "sex": "F", "months": [None] * 12}, "no month"),
        ({"age": 70, "sex": "F", "months": [{"sex": "M"}] * 12}, "month 1 may hold"),
    ],
)
def test_a_fact_that_cannot_be_used_is_refused_by_name(facts, message):
    with pytest.raises(InvalidInput, match=message):
        score("cms-hcc", 2026, facts, [])


def test_a_refusal_never_repeats_a_birth_date():
    with pytest.raises(InvalidInput) as caught:
        score("cms-hcc", 2026, {"birth_date": "1953-13-77", "sex": "F"}, [])
    assert "1953-13" not in str(caught.value)
    assert "1953" not in repr(worksheet("cms-hcc", 2026, WOMAN))


@pytest.mark.parametrize("code", ["", "E11..22", "11.22", "E1", "E11.22222", "hello", 5, None])
def test_a_malformed_code_is_refused(code):
    with pytest.raises(MalformedCode):
        score("cms-hcc", 2026, WOMAN, [code])


def test_unknown_programs_years_and_models_say_what_there_is():
    with pytest.raises(UnknownProgram, match="there are cms-hcc"):
        score("medicare", 2026, WOMAN, [])
    with pytest.raises(UnknownProgram, match="2022, 2023"):
        score("cms-hcc", 2019, WOMAN, [])
    with pytest.raises(UnknownProgram, match="it has V28"):
        score("cms-hcc", 2026, WOMAN, [], model="V24")


def test_the_users_own_factors_replace_the_filed_ones():
    own = {"V28": {"normalization": "1.000", "coding_adjustment": "0.000"}}
    result = score("cms-hcc", 2026, WOMAN, BASE, factors=own)
    assert numbers(result) == ("1.033", "1.033", "1.033")
    assert result.models[0].factor_source == "supplied by the user"


def test_every_program_on_file_is_listed():
    found = {(item.program, item.payment_year): item for item in programs()}
    assert found["cms-hcc", 2026].models == (("V28", 100), ("V22", 0))
    assert found["pace", 2026].models == (("V22", 90), ("V28", 10))
    missing = {name for name, year in found.items() if year.missing}
    assert missing == {(program, year) for program in ("esrd", "pace", "rxhcc") for year in range(2022, 2026)}


# Numbers


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (5, 3, 2), (0, 7, 0), (1, 2, 1), (-1, 2, -1), (470_500, 1000, 471)],
)
def test_halves_go_away_from_zero(numerator, denominator, expected):
    assert half_up(numerator, denominator) == expected


def test_numbers_keep_three_decimals_and_their_sign():
    assert (signed(0), signed(127), signed(-1005)) == ("+0.000", "+0.127", "-1.005")
    with pytest.raises(InvalidInput):
        thousandths("1.0005")
    with pytest.raises(InvalidInput):
        thousandths("one")


def test_parts_are_rounded_so_that_they_sum():
    from fractions import Fraction

    assert apportion([Fraction(1, 3)] * 3, 1) == [1, 0, 0]
    assert apportion([Fraction(-7, 2), Fraction(7, 2)], 0) == [-3, 3]


# Part D, ESRD, PACE


def test_part_d_pays_by_plan_and_has_no_coding_adjustment():
    person = {"age": 72, "sex": "F", "orec": "1", "low_income": True}
    codes = ["E11.22", "I50.32", "C78.00", "C50.911"]
    result = score("rxhcc", 2026, person, codes)
    (model,) = result.models
    assert (model.model, model.segment, model.dropped) == ("X", "CE_LowAged", {"22": "18"})
    # 0.108 + 0.376 (F65OD) + 4.530 + 0.983 + 0.197; / 1.194
    assert numbers(result) == ("6.194", "5.188", "5.188")
    pdp = score("rxhcc", 2026, {**person, "plan": "pdp"}, codes)
    assert numbers(pdp) == ("6.194", "6.983", "6.983")  # / 0.887


def test_part_d_of_2027_is_one_model_for_each_kind_of_plan():
    raw = {
        name: str(score("rxhcc", 2027, {"age": 72, "sex": "F"}, ["E11.22"], model=name).raw) for name in ("Y1", "Y2")
    }
    assert score("rxhcc", 2027, {"age": 72, "sex": "F"}, []).models[0].model == "Y1"
    assert raw["Y1"] != raw["Y2"]
    pdp = score("rxhcc", 2027, {"age": 72, "sex": "F", "plan": "pdp"}, ["E11.22"])
    assert (pdp.models[0].model, str(pdp.raw)) == ("Y2", raw["Y2"])
    assert list(raw_by_segment("rxhcc", 2027, {"age": 72, "sex": "F", "plan": "pdp"}, [])) == ["Y2"]
    assert payment_chain("rxhcc", 2027, 1000, population="pdp") == ("Y2", (1000, 995, 995))
    assert payment_chain("rxhcc", 2027, 1000, population="ma-pd")[0] == "Y1"


def test_a_nonaged_long_term_resident_has_add_ons():
    lines = score("rxhcc", 2026, {"age": 50, "sex": "M", "orec": "1", "institutional": True}, ["F20.9"]).lines
    assert [line.factor for line in lines] == ["M45_54", "RXHCC130", "NONAGED_RXHCC130"]


def test_a_new_enrollee_graft_is_divided_by_the_actuarial_adjustment():
    person = {"age": 66, "sex": "F", "new_enrollee": True, "esrd": {"status": "graft", "graft_months": 5}}
    result = score("esrd", 2026, person, ["E11.22"])
    (part,) = result.models[0].parts
    total = sum(line.value for line in part.lines)
    assert str(part.divisor) == "0.905"
    assert result.raw == (total / Decimal("0.905")).quantize(Decimal("0.001"))
    assert part.steps[0].how == "sum of the lines / 0.905"


def test_a_transplant_month_is_a_constant():
    person = {"age": 66, "sex": "F", "esrd": {"status": "transplant", "transplant_month": 1}}
    result = score("esrd", 2026, person, ["E11.22"])
    assert numbers(result) == ("5.985", "5.636", "5.303")
    assert result.models[0].no_effect == {"E1122": "a transplant month is paid a constant"}


def test_dialysis_and_graft_months_are_normalized_apart():
    months = [{"esrd": {"status": "dialysis"}}] * 4
    months += [{"esrd": {"status": "transplant", "transplant_month": month}} for month in (1, 2, 3)]
    months += [{"esrd": {"status": "graft", "graft_months": 4 + month}} for month in range(5)]
    result = score("esrd", 2026, {"age": 60, "sex": "M", "orec": "2", "dual": "none", "months": months}, ["E11.22"])
    parts = {part.segment: part for part in result.models[0].parts}
    assert {name: str(part.normalization) for name, part in parts.items()} == {
        "DIAL": "1.062", "TRANSPLANT_1M": "1.062", "TRANSPLANT_2M": "1.062", "TRANSPLANT_3M": "1.062",
        "GRAFT_COMM": "1.104",
    }  # fmt: skip
    mean = sum(part.months * part.payment for part in parts.values()) / 12
    assert abs(result.payment - mean) <= Decimal("0.0005")


def test_esrd_needs_its_status():
    with pytest.raises(InvalidInput, match="esrd"):
        score("esrd", 2026, {"age": 60, "sex": "M"}, [])
    with pytest.raises(InvalidInput, match="graft_months"):
        score("esrd", 2026, {"age": 60, "sex": "M", "esrd": {"status": "graft"}}, [])
    with pytest.raises(InvalidInput, match="transplant_month"):
        score("esrd", 2026, {"age": 60, "sex": "M", "esrd": {"status": "transplant"}}, [])
    with pytest.raises(InvalidInput, match="from 4"):
        score("esrd", 2026, {"age": 60, "sex": "M", "esrd": {"status": "graft", "graft_months": 2}}, [])


def test_part_d_asks_for_the_esrd_status_alone():
    person = {"age": 66, "sex": "F", "new_enrollee": True, "esrd": {"status": "graft"}}
    (line,) = score("rxhcc", 2026, person, []).lines
    assert line.factor == "ESRD_NORIGDIS_X_F66"


def test_in_the_older_esrd_model_medicaid_of_a_new_enrollee_is_a_flag_of_its_own():
    person = {
        "age": 70,
        "sex": "F",
        "lti_medicaid": True,
        "new_enrollee_medicaid": False,
        "esrd": {"status": "dialysis"},
    }
    assert "MCAID_Female_Aged" in {line.factor for line in score("esrd", 2026, person, [], model="V21").lines}
    (line,) = score("esrd", 2026, {**person, "new_enrollee": True}, [], model="V21").lines
    assert line.factor.startswith("NMCAID_")


def test_pace_blends_two_models_and_adds_the_contracts_frailty():
    person = {"age": 80, "sex": "M", "dual": "full"}
    without = score("pace", 2026, person, ["E11.22", "I50.32"], frailty="0")
    assert [(model.model, model.weight) for model in without.models] == [("V22", 90), ("V28", 10)]
    added = score("pace", 2026, person, ["E11.22", "I50.32"], frailty="0.125")
    assert added.payment - without.payment == Decimal("0.125")
    assert added.notes == ()


def test_pace_is_not_paid_without_its_frailty_factor():
    person = {"age": 80, "sex": "M", "dual": "full"}
    with pytest.raises(MissingFactor, match="pace 2026: the payment score needs the contract's frailty factor"):
        score("pace", 2026, person, ["E11.22"])
    alone = score("pace", 2026, person, ["E11.22"], model="V22")
    assert alone.notes == ("payment is one model's, before frailty",)
    with pytest.raises(InvalidInput, match="frailty"):
        score("cms-hcc", 2026, person, [], frailty="0.125")


def test_each_month_is_blended_before_the_mean_of_the_months():
    months = [{"dual": "full"}] * 5 + [{"dual": "none"}] * 7
    person = {"age": 75, "sex": "M", "orec": "0"}
    codes = ["E11.22", "I50.32", "J44.9"]
    result = score("cms-hcc", 2024, {**person, "months": months}, codes)
    full, none = (score("cms-hcc", 2024, {**person, "dual": dual}, codes).points[2] for dual in ("full", "none"))
    assert result.points[2] == half_up(5 * full + 7 * none, 12)
    assert [step.name for step in result.closing] == ["blend of 5 months", "blend of 7 months", "mean of the months"]
    assert [thousandths(step.value) for step in result.closing] == [full, none, result.points[2]]
