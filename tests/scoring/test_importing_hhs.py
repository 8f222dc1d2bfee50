"""CMS's HHS-HCC package, in its own layout: generated from the shipped release, read back, and scored with."""

from collections import defaultdict

import pytest

from scoring import score, tables
from scoring.errors import TablesBroken
from scoring.importing import find, store
from scoring.tables import ROOT, read
from tests.scoring.test_importing import write_csv

METALS = ("Platinum", "Gold", "Silver", "Bronze", "Catastrophic")
CONDITIONS = ["MCE_AGE_CONDITION", "AGE_EDIT_CONDITION", "SEX_EDIT_CONDITION"]


@pytest.fixture(autouse=True)
def _own_tables(monkeypatch):
    monkeypatch.setattr(tables, "_folders", tables._folders)
    yield
    tables.forget()


def hhs(folder, version="V0827.141.A1", change=None):
    """The package of a later benefit year, with its traps: float categories, capitals, codes no longer valid."""
    rows = read(ROOT / "hhs-hcc/2026/V08")[1]
    place = folder / f"HHS_HCC_software_package_{version}_v1/software/HHS_HCC/data/input/internal"

    def cc(hcc):
        whole, _, part = hcc.removeprefix("HHS_HCC").partition("_")
        return f"{int(whole)}.{part or 0}"

    def age(low, high):
        return (
            f"{low} <= age <= {high}" if low and high else f"age >= {low}" if low else f"age <= {high}" if high else ""
        )

    mapping = [
        [code, cc(hcc), "", age(low, high), {"F": "2.0", "M": "1.0", "": ""}[sex], "TRUE", "TRUE"]
        for code, hcc, low, high, sex, _ in rows["mapping.csv"]
    ]
    mapping += [["Z9999", "1.0", "", "", "", "FALSE", "FALSE"], ["Z9998", "", "", "", "", "TRUE", "TRUE"]]
    drops, groups, members = defaultdict(list), defaultdict(list), defaultdict(list)
    for one, two in rows["hierarchy.csv"]:
        drops[one].append(two)
    for segment, bundle, hcc in rows["bundles.csv"]:
        groups[segment, bundle].append(hcc)
    for group, hcc in rows["groups.csv"]:
        members[group].append(hcc)
    factors = defaultdict(dict)
    for segment, variable, value in rows["factors.csv"]:
        model, metal = segment.split("_")
        factors[model, variable][metal] = value
    drugs = [row for row in rows["drugs.csv"] if row[2].startswith("RXC")]
    costs = [row for row in rows["drugs.csv"] if row[2].startswith("ACF")]
    conditions = {"ACF_PrEP": ["Age > 20", "1", ""], "ACF_PrEP_Child": ["11 < Age < 21", "", "HHS_HCC001"]}
    data = {
        "ICD10_HHS_CC_mappings_2028.csv": (
            ["ICD10", "CC", *CONDITIONS, "valid_ICD10_2027", "valid_ICD10_2028"],
            mapping,
        ),
        "HCC_hierarchy.csv": (
            ["HHS_HCC", *(f"SecondaryHCC_{n}" for n in range(1, 20))],
            [[one, *two, *[""] * (19 - len(two))] for one, two in drops.items() if one.startswith("HHS")],
        ),
        "RXC_hierarchy.csv": (
            ["RXC", "Secondary_RXC"],
            [
                [str(int(one[4:])), str(int(two))]
                for one in drops
                if one[:3] == "RXC"
                for two in (x[4:] for x in drops[one])
            ],
        ),
        **{
            f"{model.lower()}_group_mappings.csv": (
                ["Group", "HCC_list_1", "HCC_list_2", "HCC_list_3"],
                [
                    [name, *hccs, *[""] * (3 - len(hccs))]
                    for (segment, name), hccs in groups.items()
                    if segment == model
                ],
            )
            for model in ("Adult", "Child")
        },
        **{
            f"{kind}_list.csv": ([f"{kind}_list", "adult", "child"], [[hcc, "y", "y"] for hcc in members[kind]])
            for kind in ("severe", "transplant")
        },
        "infant_maturity_mappings.csv": (
            ["maturity_category", "HCC_list"],
            [
                [f"IHCC_{name.upper()}", hcc]
                for name in ("Extremely_Immature", "Immature", "Premature_Multiples", "Term")
                for hcc in members[name]
            ],
        ),
        "infant_severity_mappings.csv": (
            ["severity_category", "HCC_list"],
            [[f"IHCC_SEVERITY{n}", hcc] for n in range(2, 6) for hcc in members[f"Severity{n}"]],
        ),
        "RXC_interactions.csv": (
            ["RXC_interaction", "RXC", *(f"HCC_list_{n}" for n in range(1, 6))],
            [
                [name.upper(), one, *hccs, *[""] * (5 - len(hccs))]
                for name, one, two in rows["interactions.csv"]
                if one.startswith("RXC") and len(one) == 6
                for hccs in (members[two] or [two],)
            ],
        ),
        "rxc_NDC_mappings.csv": (["NDC", "RXC"], [[c.lstrip("0"), x[4:]] for k, c, x in drugs if k == "ndc"]),
        "rxc_HCPCS_mappings.csv": (["HCPCS", "RXC"], [[c, x[4:]] for k, c, x in drugs if k == "hcpcs"]),
        **{
            f"acf_{kind}_mappings.csv": (
                [kind, "ACF", "ACF_Age", "ACF_RXC", "ACF_HCC"],
                [[c, x, *conditions[x]] for k, c, x in costs if k == kind.lower()],
            )
            for kind in ("NDC", "HCPCS")
        },
        **{
            f"{model.lower()}_model_factors.csv": (
                ["Variable", *(f"{metal} Level" for metal in METALS)],
                [
                    [variable.upper() if "_x_" in variable or variable[:3] == "Age" else variable, *values.values()]
                    for (segment, variable), values in factors.items()
                    if segment == model
                ],
            )
            for model in ("Adult", "Child", "Infant")
        },
        "CSR_table.csv": (["RA_CSR_Indicator", "RA_Factor"], [["1", "1.00"], ["4", "1.51"]]),
    }
    if change:
        change(data)
    for name, (header, body) in data.items():
        write_csv(place / name, header, body)
    return folder


PEOPLE = [
    (
        {"age_last": 45, "sex": "F", "metal": "S", "csr": "4", "enrollment_months": 4},
        ["E10.22", "I50.32", "B20", "A41.9"],
    ),
    ({"age_last": 12, "sex": "M", "metal": "G"}, ["C91.00", "A41.9", "Z94.0", "E84.0", "B20"]),
    ({"age_last": 0, "sex": "M", "metal": "B"}, ["P07.02", "Q20.3"]),
    ({"age_last": 0, "sex": "M", "metal": "S"}, ["A01.01"]),
    ({"age_last": 30, "sex": "F", "metal": "P", "ndc": ["00003196401"]}, ["B20", "K50.011", "M05.019"]),
]


@pytest.mark.parametrize(("person", "codes"), PEOPLE)
def test_a_package_scores_as_the_release_that_it_was_made_from(tmp_path, person, codes):
    found = find(hhs(tmp_path / "in"))
    assert [(item.draft.name, item.problems) for item in found] == [("hhs-hcc/2027/V08", [])]
    store(found, tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    new, old = (score("hhs-hcc", year, person, codes) for year in (2027, 2026))
    assert [(line.factor, line.value) for line in new.lines] == [(line.factor, line.value) for line in old.lines]
    assert (new.raw, new.payment) == (old.raw, old.payment)


def test_the_map_holds_the_codes_that_are_valid_and_their_edits(tmp_path):
    (found,) = find(hhs(tmp_path / "in"))
    shipped = read(ROOT / "hhs-hcc/2026/V08")[1]
    assert {row[:5] for row in found.draft.rows["mapping.csv"]} == {row[:5] for row in shipped["mapping.csv"]}
    assert set(found.draft.rows["drugs.csv"]) == set(shipped["drugs.csv"])
    assert set(found.draft.rows["hierarchy.csv"]) == set(shipped["hierarchy.csv"])


def test_the_age_edits_of_the_code_editor_are_kept(tmp_path):
    def change(data):
        data["ICD10_HHS_CC_mappings_2028.csv"][1].append(
            ["O0001", "208.0", "9 <= age <= 64", "", "2.0", "TRUE", "FALSE"]
        )

    (found,) = find(hhs(tmp_path / "in", change=change))
    assert ("O0001", "HHS_HCC208", "9", "64", "F", "mce+sex") in found.draft.rows["mapping.csv"]


def test_children_have_their_own_list_of_severe_illness(tmp_path):
    def change(data):
        for row in data["severe_list.csv"][1]:
            row[2] = "" if row[0] == "HHS_HCC002" else "y"

    store(find(hhs(tmp_path / "in", change=change)), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    child, adult = (
        [line.factor for line in score("hhs-hcc", 2027, {"age_last": age, "sex": "F", "metal": "S"}, ["A41.9"]).lines]
        for age in (12, 40)
    )
    assert "SEVERE_HCC_COUNT1" in adult
    assert "SEVERE_HCC_COUNT1" not in child


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("adult_model_factors.csv", ["NEW_RULE", "1", "1", "1", "1", "1"], "'NEW_RULE', for which there is no rule"),
        ("acf_NDC_mappings.csv", ["1", "ACF_PrEP", "Age > 30", "1", ""], "a condition for which there is no rule"),
        ("severe_list.csv", ["HHS_HCC999", "y", "y"], "unknown category 'HHS_HCC999'"),
        ("ICD10_HHS_CC_mappings_2028.csv", ["A0101", "3.0", "young", "", "", "TRUE", ""], "'young' not understood"),
    ],
)
def test_what_the_rules_do_not_cover_is_not_stored(tmp_path, name, row, message):
    found = find(hhs(tmp_path / "in", change=lambda data: data[name][1].append(row)))
    assert any(message in problem for problem in found[0].problems)
    with pytest.raises(TablesBroken, match="nothing was stored"):
        store(found, tmp_path / "own", "")


def test_a_package_that_does_not_say_its_year_is_refused(tmp_path):
    with pytest.raises(TablesBroken, match="benefit year"):
        find(hhs(tmp_path / "in", version="unknown"))
