"""Published packages come in whole, or not at all."""

import csv
import zipfile

import pytest

from scoring import InvalidInput, MissingFactor, MissingTables, prospective, raw_by_segment, score, tables
from scoring.batch import score_population
from scoring.errors import TablesBroken
from scoring.importing import find, store
from scoring.tables import ROOT, load_year, read

COLUMNS = {
    "CNA": "COMMUNITY_NA", "CPA": "COMMUNITY_PBA", "CFA": "COMMUNITY_FBA", "CND": "COMMUNITY_ND",
    "CPD": "COMMUNITY_PBD", "CFD": "COMMUNITY_FBD", "INS": "INSTITUTIONAL",
}  # fmt: skip
WOMAN = {"age": 72, "sex": "F", "dual": "none", "orec": "0"}


@pytest.fixture(autouse=True)
def _own_tables(monkeypatch):
    monkeypatch.setattr(tables, "_folders", tables._folders)
    yield
    tables.forget()


def write_csv(path, header, rows, mark=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(mark)
        csv.writer(file).writerows([header, *rows])


def package(folder, year="2031", change=None):
    """CMS's layout, with its traps: byte order marks, blanks, float categories, rows split by age."""
    rows = read(ROOT / "cms-hcc/2026/V28")[1]
    place = folder / f"CMS_HCC_v28_{year}_T_package_v1/software/CMS_HCC_v28/data/input/internal"
    mapping = []
    for code, hcc, low, high, sex, edit in rows["mapping.csv"]:
        age = (
            f"{low} <= age <= {high}" if low and high else f"age >= {low}" if low else f"age <= {high}" if high else ""
        )
        split = ["age < 21", "age >= 21"] if not age and code.startswith("E10") else [age]
        mapping += [
            [code, f"{hcc}.0", *((part, "") if edit == "mce" else ("", part)), {"F": "2.0", "M": "1.0", "": ""}[sex]]
            for part in split
        ]
    labels = {variable: label for variable, _, label in rows["variables.csv"]}
    factors = {(segment, variable): value for segment, variable, value in rows["factors.csv"]}
    continuing = dict.fromkeys(variable for segment, variable, _ in rows["factors.csv"] if segment in COLUMNS)
    new = dict.fromkeys(variable for segment, variable, _ in rows["factors.csv"] if segment == "NE")
    data = {
        f"ICD10_CC_mappings_CMS_HCC_{year}_v28_initial.csv": (
            ["ICD10", "CC", "MCE_AGE_CONDITION", "AGE_EDIT_CONDITION", "SEX_EDIT_CONDITION"], mapping,
        ),
        "V28_HCC_Hierarchies.csv": (
            ["HCC", "SecondaryHCC_1"], [[f"HCC{one}", f"HCC{two} "] for one, two in rows["hierarchy.csv"]],
        ),
        "V28_Diagnosis_Categories.csv": (
            ["diag_category", "hcc_1"], [[group, f"HCC{hcc}"] for group, hcc in rows["groups.csv"]],
        ),
        "V28_Interactions.csv": (
            ["interaction", "var_1", "var_2"], [[name, one, two + " "] for name, one, two in rows["interactions.csv"]],
        ),
        "V28_CE_Relative_Factors.csv": (
            ["Variable", "Label", *COLUMNS.values()],
            [[name, labels[name], *(factors.get((column, name), "") for column in COLUMNS)] for name in continuing],
        ),
        "V28_NE_Relative_Factors.csv": (
            ["Variable", "New Enrollees", "NEW_ENROLLEE", "SNP_NEW_ENROLLEE"],
            [[name, labels[name], factors["NE", name], factors["SNPNE", name]] for name in new],
        ),
    }  # fmt: skip
    if change:
        change(data)
    for name, (header, body) in data.items():
        write_csv(place / name, header, body, mark="\ufeff" if name.startswith("V28") else "")
    return folder


def test_a_package_gives_the_tables_that_it_was_made_from(tmp_path):
    (found,) = find(package(tmp_path / "in"))
    assert found.problems == []
    assert found.draft.meta["status"] == "initial"
    shipped = read(ROOT / "cms-hcc/2026/V28")[1]
    for name in ("mapping.csv", "hierarchy.csv", "groups.csv", "interactions.csv", "factors.csv", "counts.csv"):
        assert set(found.draft.rows[name]) == {tuple(value.strip() for value in row) for row in shipped[name]}, name


def test_an_imported_year_asks_for_its_factors_and_then_scores(tmp_path):
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for path in package(tmp_path / "in").rglob("*.csv"):
            archive.write(path, path.relative_to(tmp_path / "in"))
    own = tmp_path / "own"
    (written,) = store(find(tmp_path / "package.zip"), own, "From a package that a test wrote.")
    assert written.parent == own / "cms-hcc/2031"
    tables.use_tables(own)
    with pytest.raises(MissingFactor, match="supply it"):
        score("cms-hcc", 2031, WOMAN, ["E11.22", "I50.32"])
    factors = {"V28": {"normalization": "1.067", "coding_adjustment": "0.059"}}
    result = score("cms-hcc", 2031, WOMAN, ["E11.22", "I50.32"], factors=factors)
    assert (str(result.raw), str(result.payment)) == ("1.033", "0.911")
    assert result.models[0].release == f"cms-hcc/2031/V28 initial {written.name.removeprefix('V28-')}"


def test_a_missing_map_completes_a_blend(tmp_path):
    own = tmp_path / "own"
    store(find(package(tmp_path / "in", year="2025")), own, "")
    tables.use_tables(own)
    result = score("cms-hcc", 2025, WOMAN, ["E11.22", "I50.32"])
    assert [(model.model, model.weight) for model in result.models] == [("V24", 33), ("V28", 67)]
    assert str(result.models[1].normalized) == "0.989"  # 1.033 / 1.045


def test_the_first_release_of_a_year_is_compared_with_the_year_before(tmp_path):
    def change(data):
        data["V28_HCC_Hierarchies.csv"][1].append(["HCC48", "HCC49"])

    (found,) = find(package(tmp_path / "in", year="2031", change=change))
    assert found.difference()[0] == "against cms-hcc/2027/V28 initial"
    assert "  + 48,49" in found.difference()


def test_a_newer_release_shows_what_changes(tmp_path):
    def change(data):
        data["V28_HCC_Hierarchies.csv"][1].append(["HCC48", "HCC49"])

    (found,) = find(package(tmp_path / "in", year="2026", change=change))
    assert "  + 48,49" in found.difference()
    assert "mapping.csv: 8358 rows, 0 new, 0 gone" in found.difference()


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("V28_HCC_Hierarchies.csv", ["HCC37", "HCCX"], "unknown category 'X'"),
        ("V28_CE_Relative_Factors.csv", ["HCC37", "again", "9.999", "", "", "", "", "", ""], "twice with different"),
        ("ICD10_CC_mappings_CMS_HCC_2031_v28_initial.csv", ["Z99", "37.0", "", "age maybe", ""], "not understood"),
        ("ICD10_CC_mappings_CMS_HCC_2031_v28_initial.csv", ["Z99", "37.5", "", "", ""], "category '37.5'"),
        ("V28_Interactions.csv", ["X_Y", "NOBODY", "HF_V28"], "uses 'NOBODY'"),
    ],
)
def test_nothing_is_stored_when_anything_is_wrong(tmp_path, name, row, message):
    found = find(package(tmp_path / "in", change=lambda data: data[name][1].append(row)))
    assert any(message in problem for problem in found[0].problems)
    with pytest.raises(TablesBroken, match="nothing was stored"):
        store(found, tmp_path / "own", "")
    assert not (tmp_path / "own").exists()


def test_what_is_no_package_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(TablesBroken, match="neither a folder nor a zip"):
        find(tmp_path / "notes.txt")
    with pytest.raises(TablesBroken, match="no published model package"):
        find(tmp_path)


def test_a_zip_file_writes_nothing_outside_its_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../escaped.csv", "a,b\n")
    with pytest.raises(TablesBroken):
        find(tmp_path / "bad.zip")
    assert not list(tmp_path.rglob("escaped.csv"))


def sas(folder, change=None):
    """The text tables of a SAS package, from the shipped release of 2024."""
    rows = read(ROOT / "cms-hcc/2024/V28")[1]
    plain = [row for row in rows["mapping.csv"] if row[5] != "age" or row[3] != "49"]
    children = {}
    for parent, child in rows["hierarchy.csv"]:
        children.setdefault(parent, []).append(child)
    files = {
        "F2825T1N_FY24FY25.TXT": [f"{code}\t{hcc}\t" for code, hcc, *_ in plain],
        "V28115H1.TXT": [f" %SET0(CC={one}, HIER=%STR({', '.join(two)}));" for one, two in children.items()],
        "C2825T1N.csv": ["Name,Coeff,Label"]
        + [f"{segment}_{variable},{value},x" for segment, variable, value in rows["factors.csv"]],
        "V28115L1.TXT": ['  HCC1 ="HIV/AIDS, as a label file says it "'],
    }
    if change:
        change(files)
    folder.mkdir()
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_sas_tables_complete_the_2025_blend(tmp_path):
    found = find(sas(tmp_path / "in"), payment_year=2025)
    assert [(item.draft.name, item.problems) for item in found] == [("cms-hcc/2025/V28", [])]
    store(found, tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    result = score("cms-hcc", 2025, WOMAN, ["E11.22", "I50.32", "D66"])
    assert [str(model.raw) for model in result.models] == [
        str(score("cms-hcc", 2025, WOMAN, ["E11.22", "I50.32", "D66"], model="V24").raw),
        str(score("cms-hcc", 2024, WOMAN, ["E11.22", "I50.32", "D66"], model="V28").raw),
    ]
    young = {"age": 45, "sex": "F", "dual": "none", "orec": "1"}
    assert score("cms-hcc", 2025, young, ["C50.911"], model="V28").models[0].hccs == ("22",)  # an edit taken over
    release = tables.load_release(load_year("cms-hcc", 2025).model("V28"))
    assert release.in_sequence
    assert release.labels["HCC1"] == "HIV/AIDS, as a label file says it"


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("F2825T1N_FY24FY25.TXT", "E1122 thirty-seven", "not understood"),
        ("V28115H1.TXT", "%SET0(CC=37, HIER=%STR(999));", "unknown category '999'"),
        ("C2825T1N.csv", "ABC_HCC17,1.0,x", "in no known segment"),
        ("C2825T1N.csv", "-HF_KIDNEY_V28", "no factor for HF_KIDNEY_V28"),
    ],
)
def test_sas_tables_are_checked_too(tmp_path, name, line, message):
    def change(files):
        """A line more, or without the lines that hold what is after a minus."""
        if line.startswith("-"):
            files[name] = [kept for kept in files[name] if line[1:] not in kept]
        else:
            files[name].append(line)

    (found,) = find(sas(tmp_path / "in", change), payment_year=2025)
    assert any(message in problem for problem in found.problems)


@pytest.mark.parametrize("layout", ["wide", "text"])
def test_the_other_layouts_of_sas_factors_are_read_too(tmp_path, layout):
    """One wide row, and rows without heads of name, label and value in a .TXT."""

    def change(files):
        _, *lines = files.pop("C2825T1N.csv")
        rows = [line.split(",") for line in lines]
        if layout == "wide":
            files["V28hcccoefn.csv"] = [",".join(name for name, *_ in rows), ",".join(row[1] for row in rows)]
        else:
            files["C2825T1N.TXT"] = [f"{name}\tA label, with a comma\t{value}" for name, value, _ in rows]

    (found,) = find(sas(tmp_path / "in", change), payment_year=2025)
    assert found.problems == []
    assert set(found.draft.rows["factors.csv"]) == set(read(ROOT / "cms-hcc/2024/V28")[1]["factors.csv"])


def test_a_file_with_much_less_in_it_than_before_is_not_taken_by_itself(tmp_path):
    def change(data):
        name = "ICD10_CC_mappings_CMS_HCC_2031_v28_initial.csv"
        data[name] = (data[name][0], data[name][1][:6000])

    folder = package(tmp_path / "in", change=change)
    (found,) = find(folder)
    assert any("rows, 8358 before: is it all of it?" in problem for problem in found.problems)
    with pytest.raises(TablesBroken, match="nothing was stored"):
        store([found], tmp_path / "own", "")
    (found,) = find(folder, fewer=True)
    assert [problem for problem in found.problems if "is it all of it" in problem] == []


def test_sas_tables_need_their_payment_year(tmp_path):
    with pytest.raises(TablesBroken, match="payment year"):
        find(sas(tmp_path / "in"))


# Licensed Medicaid tables. The ranks of the three codes are a published training example; the weights are invented.


def cdps(folder, model="CDPS", timing="prospective", **change):
    files = {
        "categories.csv": [
            ["category", "major_group", "rank", "label"],
            ["CARVH", "CARDIO", "1", "very high"], ["CARM", "CARDIO", "4", "medium"],
            ["CAREL", "CARDIO", "7", "extra low"], ["DIA2L", "DIABETES", "5", "type 2, low"],
            ["MRX2", "RX", "1", "a drug category"],
        ],
        "diagnoses.csv": [
            ["icd10", "category"], ["I10", "CAREL"], ["I11.0", "CARM"], ["I27.0", "CARM"], ["E11.9", "DIA2L"],
        ],
        "drugs.csv": [["ndc", "category"], ["00002-1471-80", "MRX2"]],
        "age_sex.csv": [
            ["variable", "sex", "age_min", "age_max", "label"],
            ["F25_44", "F", "25", "44", "women 25 to 44"], ["M25_44", "M", "25", "44", "men 25 to 44"],
            ["A45", "", "45", "", "45 and over"],
        ],
        "weights.csv": [
            ["aid_group", "variable", "weight"],
            ["DA", "F25_44", "0.100"], ["DA", "M25_44", "0.090"], ["DA", "A45", "0.200"], ["DA", "CAREL", "0.050"],
            ["DA", "CARM", "0.400"], ["DA", "DIA2L", "0.300"], ["DA", "MRX2", "0.025"], ["AA", "F25_44", "0.080"],
            ["AA", "CAREL", "0.040"],
        ],
    }  # fmt: skip
    files |= change
    for name, (header, *rows) in files.items():
        write_csv(folder / name, header, rows)
    (folder / "header.toml").write_text(
        f'model = "{model}"\npayment_year = 2026\ntiming = "{timing}"\nnormalization = "1.000"\n'
        'coding_adjustment = "0"\nsource = "invented"\n'
    )
    return folder


def test_medicaid_needs_licensed_tables():
    with pytest.raises(MissingTables, match="licence"):
        score("cdps", 2026, {"age": 40, "sex": "F", "aid_group": "DA"}, ["I10"])


def test_one_level_counts_in_each_major_group(tmp_path):
    own = tmp_path / "own"
    store(find(cdps(tmp_path / "in")), own, "")
    tables.use_tables(own)
    person = {"age": 40, "sex": "F", "aid_group": "DA", "ndc": ["00002147180"]}
    result = score("cdps", 2026, person, ["I10", "I11.0", "I27.0", "E11.9"])
    assert [line.factor for line in result.lines] == ["F25_44", "CARM", "DIA2L", "MRX2"]
    assert str(result.raw) == "0.825"
    assert result.models[0].dropped == {"CAREL": "CARM"}
    assert str(score("cdps", 2026, {**person, "aid_group": "AA", "ndc": ["1"]}, ["I10"]).raw) == "0.120"
    assert str(score("cdps", 2026, {"age": 60, "sex": "M", "aid_group": "DA"}, []).raw) == "0.200"
    with pytest.raises(InvalidInput, match="no aid_group 'XX'"):
        score("cdps", 2026, {**person, "aid_group": "XX"}, [])
    assert load_year("cdps", 2026).models[0].factors[0].source == "invented"


def test_a_year_may_have_several_models_and_drugs_may_stand_alone(tmp_path):
    """CDPS by diagnoses, CDPS+Rx by both, MRX by drugs alone: each with weights of its own."""
    both = {
        "weights.csv": [
            ["aid_group", "variable", "weight"], ["DA", "F25_44", "0.100"], ["DA", "CARM", "0.350"],
            ["DA", "MRX2", "0.060"],
        ]
    }  # fmt: skip
    drugs = {
        "categories.csv": [["category", "major_group", "rank", "label"], ["MRX2", "RX", "1", "a drug category"],
                           ["MRX3", "RX", "2", "a milder one"]],
        "diagnoses.csv": [["icd10", "category"]],
        "drugs.csv": [["ndc", "category"], ["00002-1471-80", "MRX2"], ["00002-1471-81", "MRX3"]],
        "weights.csv": [["aid_group", "variable", "weight"], ["DA", "F25_44", "0.200"], ["DA", "MRX2", "0.500"],
                        ["DA", "MRX3", "0.100"]],
    }  # fmt: skip
    cdps(tmp_path / "in/1")
    cdps(tmp_path / "in/2", model="CDPS+Rx", timing="concurrent", **both)
    cdps(tmp_path / "in/3", model="MRX", **drugs)
    store(find(tmp_path / "in"), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    person = {"age": 40, "sex": "F", "aid_group": "DA", "ndc": ["2147180", "00002147181"]}
    found = {
        model: score("cdps", 2026, person, ["I10", "I27.0"], model=model) for model in (None, "CDPS", "CDPS+Rx", "MRX")
    }
    assert {model: str(result.raw) for model, result in found.items()} == {
        None: "0.525", "CDPS": "0.525", "CDPS+Rx": "0.510", "MRX": "0.700",
    }  # fmt: skip
    assert found["MRX"].unmapped == ("I10", "I270")
    assert str(raw_by_segment("cdps", 2026, person, [], model="MRX")["MRX"]["DA"]) == "0.700"
    assert found["MRX"].models[0].dropped == {"MRX3": "MRX2"}
    timings = [tables.load_release(use).options["timing"] for use in load_year("cdps", 2026).models]
    assert timings == ["prospective"]
    assert tables.load_release(load_year("cdps", 2026).model("CDPS+Rx")).options["timing"] == "concurrent"


def test_the_timing_of_the_weights_says_which_year_a_chart_pays_for(tmp_path):
    assert not prospective("cdps", 2026)  # nothing is on file
    store(find(cdps(tmp_path / "in")), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    assert prospective("cdps", 2026)
    assert prospective("cdps", 2027)  # as the newest year on file
    store(find(cdps(tmp_path / "again", timing="concurrent")), tmp_path / "own", "")
    assert not prospective("cdps", 2026)
    assert prospective("rxhcc", 2026)
    assert not prospective("hhs-hcc", 2026)


def test_the_timing_of_the_weights_has_to_be_said(tmp_path):
    (found,) = find(cdps(tmp_path / "in", timing="yearly"))
    assert "timing 'yearly' is neither of prospective and concurrent" in found.problems[0]


def test_licensed_tables_score_a_population_too(tmp_path):
    store(find(cdps(tmp_path / "in")), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    facts = {"age": [40, 60], "sex": ["F", "M"], "aid_group": ["DA", "DA"], "ndc": [("00002147180",), ()]}
    found = score_population("cdps", 2026, facts, [0, 0, 1, 0], ["I10", "I11.0", "E11.9", "E11.9"])
    assert found.raw.tolist() == [825, 500]


def test_the_aid_group_is_monthly(tmp_path):
    store(find(cdps(tmp_path / "in")), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    months = [{"aid_group": "DA"}] * 3 + [{"aid_group": "AA"}] * 6 + [None] * 3
    result = score("cdps", 2026, {"age": 40, "sex": "F", "months": months}, ["I10"])
    assert [(part.segment, part.months, str(part.raw)) for part in result.models[0].parts] == [
        ("DA", 3, "0.150"), ("AA", 6, "0.120"),
    ]  # fmt: skip
    assert str(result.raw) == "0.130"  # (3 x 0.150 + 6 x 0.120) / 9
    with pytest.raises(InvalidInput, match="aid_group is missing"):
        score("cdps", 2026, {"age": 40, "sex": "F", "months": [{}] * 12}, ["I10"])


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("diagnoses.csv", [["icd10", "category"], ["I10", "NONE"]], "unknown category 'NONE'"),
        ("diagnoses.csv", [["icd10", "category"], ["?", "CARM"]], "shape of an ICD-10-CM code"),
        ("categories.csv", [["category", "major_group", "rank"], ["CARM", "CARDIO", "4"]], "no label"),
        (
            "categories.csv",
            [["category", "major_group", "rank", "label"], ["CARM", "C", "4", ""], ["CAREL", "C", "4", ""]],
            "have rank 4",
        ),
        ("weights.csv", [["aid_group", "variable", "weight"], ["DA", "CARM", "0.4"], ["DA", "CARM", "0.5"]], "twice"),
    ],
)
def test_licensed_tables_are_checked_too(tmp_path, name, rows, message):
    (found,) = find(cdps(tmp_path / "in", **{name: rows}))
    assert any(message in problem for problem in found.problems)
