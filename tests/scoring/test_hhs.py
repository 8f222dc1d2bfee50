"""HHS-HCC: the categories that the DIY software's documentation describes, and scores worked from its factors."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import InvalidInput, UnknownProgram, deltas, raw_by_segment, score, worksheet
from scoring.contract import answer
from scoring.tables import load_release, load_year


def variables(codes, age, sex="M", year=2025, **facts):
    person = {"age_last": age, "sex": sex, "metal": "S", **facts}
    return [line.factor for line in score("hhs-hcc", year, person, codes).lines]


@pytest.mark.parametrize(
    ("codes", "age", "sex", "there", "not_there"),
    [
        (["A06.4"], 35, "M", "HHS_HCC035_1", ""),
        (["E11.69"], 35, "M", "G01", "HHS_HCC020"),
        (["E77.1"], 12, "M", "G02D", "HHS_HCC028"),
        (["E80.29"], 35, "M", "HHS_HCC029", "G02D"),
        (["Z94.0"], 57, "M", "G24", "HHS_HCC183"),
        (["D57.00"], 57, "M", "HHS_HCC070", "G07A"),
        (["C91.00"], 17, "M", "HHS_HCC009", "HHS_HCC008"),
        (["C91.00"], 18, "M", "HHS_HCC008", "HHS_HCC009"),
        (["J41.0"], 17, "M", "HHS_HCC161_1", "HHS_HCC160"),
        (["C50.011"], 45, "F", "HHS_HCC011", "HHS_HCC012"),
        (["C50.011"], 50, "F", "HHS_HCC012", "HHS_HCC011"),
        (["K55.011"], 1, "M", "Age1_x_Severity5", ""),
        (["J43.0"], 1, "F", "Age1_x_Severity1", "Age1_x_Severity2"),
        (["P05.00"], 1, "F", "Age1_x_Severity1", ""),
        (["Q89.4"], 1, "F", "Age1_x_Severity2", ""),
        (["P27.0"], 2, "F", "HHS_HCC162", "HHS_HCC127"),
        (["D66"], 25, "F", "HHS_HCC075", "HHS_HCC066"),
        (["E10.22"], 20, "F", "G01", "HHS_HCC022"),
        (["E10.22"], 21, "F", "HHS_HCC022", ""),
        (["Z38.00"], 0, "M", "Term_x_Severity1", "Age1_Male"),
        (["Z38.00", "D56.2"], 0, "M", "Term_x_Severity2", ""),
        (["A01.01"], 0, "M", "Age1_Male", "Age0_Male"),
    ],
)
def test_a_code_leads_to_its_variable_at_this_age_and_sex(codes, age, sex, there, not_there):
    found = variables(codes, age, sex)
    assert there in found
    assert not_there not in found


@pytest.mark.parametrize(
    ("codes", "age"), [(["H35.3210"], 20), (["K55.1"], 2), (["F34.81"], 5), (["F34.81"], 19), (["E70.0"], 21)]
)
def test_an_edit_can_leave_nothing_but_age_and_sex(codes, age):
    result = score("hhs-hcc", 2025, {"age_last": age, "sex": "F", "metal": "S"}, codes)
    assert len(result.lines) == 1
    (reason,) = result.models[0].no_effect.values()
    assert "edit" in reason


def test_two_categories_of_a_bundle_count_once():
    found = variables(["B37.81", "D84.821", "Z94.83", "T86.10"], 57)
    assert {"HHS_HCC006", "G08", "G24", "SEVERE_HCC_COUNT3"} <= set(found)
    assert not {"HHS_HCC018", "HHS_HCC183", "HHS_HCC074"} & set(found)


def test_a_code_of_the_letters_that_came_in_2026_is_read():
    assert "QA00142" in load_release(load_year("hhs-hcc", 2026).model("V08")).codes
    with_dot, without = (
        score("hhs-hcc", 2026, {"age": 30, "sex": "F", "metal": "S"}, [code]) for code in ("QA0.0142", "qa00142")
    )
    assert with_dot.raw == without.raw
    assert with_dot.models[0].hccs


@pytest.mark.parametrize("ndc", ["00002147180", "2147180", "0002-1471-80", "00002-1471-80"])
def test_a_drug_code_is_read_however_it_is_written(ndc):
    assert "RXC_07" in variables(["E11.9"], 54, ndc=[ndc])


def test_a_birth_date_may_stand_beside_the_last_age_where_they_go_together():
    facts = {"birth_date": "1980-06-15", "sex": "F", "metal": "S"}
    assert score("hhs-hcc", 2026, {**facts, "age_last": 45}, []).lines[0].factor == "FAGE_LAST_45_49"
    with pytest.raises(InvalidInput, match="do not go together in 2026"):
        score("hhs-hcc", 2026, {**facts, "age_last": 60}, [])


@pytest.mark.parametrize(
    ("codes", "ndc", "interaction"),
    [
        (["K50.011"], "70710154302", "RXC_05_x_HCC048_041"),
        (["E11.9"], "00002147180", "RXC_07_x_HCC018_019_020_021"),
        (["K50.011", "M05.019"], "72606003003", "RXC_09_x_HCC056_057_and_048_041"),
        (["I12.0"], "00004040109", "RXC_04_x_HCC184_183_187_188"),
        (["B18.2"], "00074262528", "RXC_02_x_HCC037_1_036_035_2_035_1_034"),
    ],
)
def test_a_drug_with_its_condition_is_an_interaction_for_adults(codes, ndc, interaction):
    assert interaction in variables(codes, 54, ndc=[ndc])
    assert interaction not in variables(codes, 54)
    assert not [name for name in variables(codes, 20, ndc=[ndc]) if name.startswith("RXC")]


def test_a_service_code_can_be_a_drug_category():
    assert "RXC_06" in variables([], 35, hcpcs=["J1817"])


def test_short_enrollment_pays_with_a_category_only():
    assert "HCC_ED5" in variables(["A06.4"], 35, enrollment_months=5)
    assert not [name for name in variables([], 35, enrollment_months=5) if name.startswith("HCC_ED")]
    assert not [name for name in variables(["A06.4"], 35, enrollment_months=7) if name.startswith("HCC_ED")]
    assert not [name for name in variables(["A06.4"], 15, enrollment_months=5) if name.startswith("HCC_ED")]


def test_prep_gives_way_to_hiv_drugs():
    prep, hiv = "49702023803", "00003196401"
    assert "ACF_PrEP" in variables([], 30, year=2026, ndc=[prep])
    assert "ACF_PrEP" not in variables([], 30, year=2026, ndc=[prep, hiv])
    assert "ACF_PrEP_Child" in variables([], 16, year=2026, ndc=[prep])
    assert "ACF_PrEP_Child" not in variables([], 11, year=2026, ndc=[prep])


def test_an_adult_worked_by_hand():
    """Woman of 45, silver with cost-sharing reduction 4, four months: 0.287 + 0.054 (HIV) + 4.309 (its drugs) + 2.810
    (both) + 8.518 (sepsis) + 0.163 (type 1) + 0.142 (G01) + 1.647 (heart failure) - 4.028 (severe, four HCCs besides
    type 1) + 1.538 (four months) = 15.440; x 1.51."""
    person = {"age_last": 45, "sex": "F", "metal": "S", "csr": "4", "enrollment_months": 4, "ndc": ["00003-1964-01"]}
    result = score("hhs-hcc", 2026, person, ["E10.22", "I50.32", "B20", "A41.9"])
    assert (str(result.raw), str(result.payment)) == ("15.440", "23.314")
    assert result.models[0].hccs[:5] == ("001", "002", "020", "022", "130")


@pytest.mark.parametrize(
    ("age", "raw", "last"),
    [
        (57, "31.107", "TRANSPLANT_HCC_COUNT4"),  # 0.249 + 8.518 + 0.142 + 7.914 + 15.018 - 4.028 + 3.294
        (12, "51.009", "TRANSPLANT_HCC_COUNT4PLUS"),  # 0.113 + 14.893 + 1.784 + 15.257 + 14.793 - 9.085 + 13.254
    ],
)
def test_a_transplant_with_severe_illness_worked_by_hand(age, raw, last):
    """Sepsis, diabetes (G01), respiratory failure (G13), heart transplant (G14): four, of which G14 is a transplant and
    three are severe; the bundles hide the categories that say so. One category less, and no transplant term."""
    person = {"age_last": age, "sex": "M", "metal": "S"}
    codes = ["Z94.1", "A41.9", "J96.01", "E11.9"]
    result = score("hhs-hcc", 2026, person, codes)
    assert [line.factor for line in result.lines][1:] == ["HHS_HCC002", "G01", "G13", "G14", "SEVERE_HCC_COUNT4", last]
    assert str(result.raw) == raw
    three = [line.factor for line in score("hhs-hcc", 2026, person, codes[:3]).lines]
    assert "SEVERE_HCC_COUNT3" in three
    assert not [name for name in three if name.startswith("TRANSPLANT")]


def test_an_infant_worked_by_hand():
    born = score("hhs-hcc", 2026, {"age_last": 0, "sex": "F", "metal": "S"}, ["P07.02", "Q20.3"])
    assert (str(born.raw), [line.factor for line in born.lines]) == ("133.672", ["Extremely_Immature_x_Severity4"])
    unknown = score("hhs-hcc", 2026, {"age_last": 0, "sex": "M", "metal": "S"}, [])
    assert str(unknown.raw) == "0.475"  # no birth category: 0.044 + 0.431, as of age 1


def test_every_metal_level_can_be_asked_for():
    request = {
        "id": "h",
        "program": "hhs-hcc",
        "payment_year": 2026,
        "beneficiary": {"age_last": 0, "sex": "M", "metal": "S"},
        "diagnoses": [],
        "segments": "all",
    }
    result = answer(request)
    assert result["scores_by_metal"] == {
        "Platinum": "0.650", "Gold": "0.545", "Silver": "0.475", "Bronze": "0.421", "Catastrophic": "0.410",
    }  # fmt: skip
    assert (result["raw"], result["csr_adjusted"]) == ("0.475", "0.475")
    assert "payment" not in result


def test_a_category_inside_a_bundle_that_pays_already_says_so():
    result = deltas("hhs-hcc", 2026, {"age_last": 57, "sex": "M", "metal": "S"}, ["T86.10"], ["Z94.83"])
    assert result.candidates[0].reasons == ("paid already by its bundle or by a higher severity",)


def test_what_a_year_or_the_program_does_not_have_is_refused():
    person = {"age_last": 40, "sex": "F", "metal": "S"}
    with pytest.raises(InvalidInput, match="metal"):
        score("hhs-hcc", 2026, {"age_last": 40, "sex": "F"}, [])
    with pytest.raises(InvalidInput, match="csr 9 is not an indicator of 2024"):
        score("hhs-hcc", 2024, {**person, "csr": "9"}, [])
    with pytest.raises(InvalidInput, match="does not use dual"):
        score("hhs-hcc", 2026, {**person, "dual": "none"}, [])
    with pytest.raises(UnknownProgram, match="metal instead"):
        score("hhs-hcc", 2026, person, [], segment="CNA")


CODES = [
    "E1022", "E119", "I5032", "B20", "A419", "J9601", "Z940", "T8610", "K50011", "M05019", "C9100", "P0702", "Z3800",
    "Q203", "D571", "N186", "F209", "G35", "K7290", "O0900", "E840", "B182", "D66", "I10",
]  # fmt: skip


@given(
    st.integers(0, 70), st.sampled_from("FM"), st.sampled_from("PGSBC"), st.lists(st.sampled_from(CODES), max_size=9)
)
@settings(max_examples=150, deadline=None)
def test_lines_sum_and_parts_sum_for_everybody(age, sex, metal, codes):
    person = {"age_last": age, "sex": sex, "metal": metal, "enrollment_months": 1 + age % 12, "ndc": ["00003196401"]}
    sheet = worksheet("hhs-hcc", 2026, person)
    result = sheet.score(codes)
    assert sum(line.value for line in result.lines) == result.raw
    changes = sheet.deltas(codes, ["J96.01", "E10.22", "K50.011"])
    assert sum(changes.attribution.raw.values()) == changes.delta_raw == changes.raw - result.raw
    by_metal = raw_by_segment("hhs-hcc", 2026, person, codes)["V08"]
    names = {"P": "Platinum", "G": "Gold", "S": "Silver", "B": "Bronze", "C": "Catastrophic"}
    assert by_metal[names[metal]] == result.raw


def test_every_bundle_and_count_has_a_factor_in_its_model():
    for year in (2023, 2024, 2025, 2026):
        release = load_release(load_year("hhs-hcc", year).models[0])
        for segment, bundles in release.bundles.items():
            table = release.factors[f"{segment}_Silver"]
            assert set(bundles) <= set(table)
        assert release.factors["Infant_Silver"]["Term_x_Severity1"] > 0
        assert Decimal(release.factors["Adult_Silver"]["SEVERE_HCC_COUNT1"]) < 0
