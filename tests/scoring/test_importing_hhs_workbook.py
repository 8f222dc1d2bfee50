"""The HHS-HCC DIY tables in the layout of CMS's workbook: generated from shipped releases, read back, scored with."""

import csv
import zipfile
from collections import Counter, defaultdict

import pytest
from openpyxl import Workbook

from scoring import score, tables
from scoring.errors import TablesBroken
from scoring.importing import find, store
from scoring.tables import ROOT, load_year, read
from tests.scoring.test_importing_hhs import METALS, PEOPLE

USED = "Variable Used in Risk Score Formula?"


@pytest.fixture(autouse=True)
def _own_tables(monkeypatch):
    monkeypatch.setattr(tables, "_folders", tables._folders)
    yield
    tables.forget()


NAMED = {code.replace(".", "") for person, codes in PEOPLE for code in (*codes, *person.get("ndc", ()))}


def few_of(times, name):
    times[name] += 1
    return times[name] <= 3


def number(hcc):
    """35.1 for "HHS_HCC035_1": a number, as the workbook stores it."""
    whole, _, part = hcc.removeprefix("HHS_HCC").partition("_")
    return float(f"{int(whole)}.{part or 0}")


def condition(low, high):
    return f"{low} <= age <= {high}" if low and high else f"age >= {low}" if low else f"age <= {high}" if high else None


def any_of(hccs):
    return " or ".join(f"{hcc} = 1" for hcc in hccs)


def sheets(year=2026, model="V08", benefit_year=2028, csr=True, few=True):
    """Title -> rows, with the workbook's traps: notes, heads over several lines, cells written once for many rows.

    few: some codes of each category and some drugs instead of all.
    """
    rows = read(ROOT / f"hhs-hcc/{year}/{model}")[1]
    if few:
        times = Counter()
        rows["mapping.csv"] = [row for row in rows["mapping.csv"] if row[0] in NAMED or few_of(times, row[1])]
        rows["drugs.csv"] = [row for row in rows["drugs.csv"] if row[1] in NAMED or few_of(times, row[2])]
    following = benefit_year + 1
    heads = [
        "Obs", "ICD10", "ICD10 Label", f"Code Valid in\nFY{benefit_year}?", f"Code Valid in FY{following}?",
        f"FY{benefit_year} MCE Age Condition", f"CY{benefit_year} (both fiscal years) MCE Age Condition",
        f"CY{benefit_year} MCE Sex Condition", "CC Age Split", "CC Sex Split", "CC", "Second CC", "Third CC", "Note",
    ]  # fmt: skip
    codes = defaultdict(list)
    for code, hcc, low, high, sex, _ in rows["mapping.csv"]:
        codes[code, condition(low, high), {"F": "female", "M": "male", "": None}[sex]].append(number(hcc))
    map_rows = [
        [index, code, "a label", "Y", "N", "age = 0", None, None, age, sex, *ccs, *[None] * (3 - len(ccs)), None]
        for index, ((code, age, sex), ccs) in enumerate(codes.items(), start=1)
    ]
    map_rows += [
        [9998, "Z9999", "not valid any more", "N", "N", None, None, None, None, None, 1.0, None, None, None],
        [9999, "Z9998", "no category", "Y", "Y", None, None, None, None, None, None, None, None, None],
        ["Notes: a code may be in several rows."],
    ]
    drops, bundles, members = defaultdict(list), defaultdict(list), defaultdict(list)
    for one, two in rows["hierarchy.csv"]:
        drops[one].append(two)
    for segment, bundle, hcc in rows["bundles.csv"]:
        bundles[segment, bundle].append(hcc)
    for group, hcc in rows["groups.csv"]:
        members[group].append(hcc)
    hccs = [name for name, kind, _ in rows["variables.csv"] if kind == "hcc" and name.startswith("HHS")]

    def defined(segment):
        found = [["MAGE", "a step on the way", "No", "if SEX = 1"]]
        for name, one, two in rows["interactions.csv"] if segment == "Adult" else ():
            if len(one) == 6:
                text = f"if {one} = 1 and ({any_of(members[two] or [two])}) then {name} = 1;"
            else:
                text = (
                    f"if RXC_09 = 1 and ({any_of(members[two])}) and ({any_of(members['intestine'])}) then {name} = 1;"
                )
            found.append([name.upper(), "a drug with its condition", "Yes", text])
        for (own, name), parts in bundles.items():
            if own == segment:
                found.append([name, "a group", "Yes", f"if {any_of(parts[:2])}"])
                found.append([None, None, None, f"{' or ' + any_of(parts[2:]) if parts[2:] else ''} then {name} = 1;"])
                found.append([None, None, None, "; ".join(f"{part} = 0" for part in parts)])
        for kind in ("severe", "transplant") if segment != "Infant" else ():
            grouped = {hcc: name for (own, name), parts in bundles.items() if own == segment for hcc in parts}
            names = dict.fromkeys(grouped.get(hcc, hcc) for hcc in members[kind])
            found.append([kind.upper(), "an indicator", "No", f"if {any_of(names)} then {kind.upper()} = 1;"])
        if segment == "Infant":
            found += [[f"IHCC_SEVERITY{n}", "", "No", any_of(members[f"Severity{n}"])] for n in (5, 4, 3, 2)]
            for name in ("Extremely_Immature", "Immature", "Premature_Multiples", "Term"):
                found.append([f"IHCC_{name.upper()}", "", "No", f"AGE_LAST = 0 and ({any_of(members[name])})"])
            found.append(["IHCC_AGE1", "", "No", "AGE_LAST = 1, or AGE_LAST = 0 and none of the above"])
        return [[f"{segment} variables"], [], ["Model", "Variable", "Description", USED, "Definition"],
                *([segment if not index else None, *row] for index, row in enumerate(found))]  # fmt: skip

    factors = defaultdict(dict)
    for segment, variable, value in rows["factors.csv"]:
        own, metal = segment.split("_")
        name = "ACF_01" if variable.startswith("ACF") else variable
        factors[own, name.upper() if "_x_" in name or name[:3] == "Age" else name][metal] = float(value)
    seen = set()

    def once(model):
        return None if model in seen else seen.add(model) or model

    drugs = [row for row in rows["drugs.csv"] if row[2].startswith("RXC")]
    costs = sorted({row[1] for row in rows["drugs.csv"] if row[2].startswith("ACF") and row[0] == "hcpcs"})
    cost_ndcs = sorted({row[1] for row in rows["drugs.csv"] if row[2].startswith("ACF") and row[0] == "ndc"})
    result = {
        "Table 1": [["Which model is for whom"]],
        "Table 3": [["Crosswalk"], [], [], heads, *map_rows],
        "Table 4 ": [["Hierarchies"], [], ["Obs", f"{model} HCC", "Set to 0 HCCs", "HCC Label"],
                     *([index, hcc[7:].lstrip("0"), ", ".join(two[7:].lstrip("0") for two in drops[hcc]), "a label"]
                       for index, hcc in enumerate(hccs, start=1))],
        "Table 6": defined("Adult"), "Table 7": defined("Child"), "Table 8": defined("Infant"),
        "Table 9": [["Factors"], [], ["Model", "Variable", USED, *(f"{metal}\nLevel" for metal in METALS)],
                    *([once(own), name, "Yes", *(values[metal] for metal in METALS)]
                      for (own, name), values in factors.items()),
                    [None, "SEVERE", "No", None, None, None, None, None]],
        "Table 10a": [["NDC"], [], [], ["RXC", "RXC_Label", "NDC"],
                      *([int(name[4:]), "a label", code] for kind, code, name in drugs if kind == "ndc")],
        "Table 10b": [["HCPCS"], [], [], ["RXC", "RXC_Label", "HCPCS"],
                      *([int(name[4:]), "a label", code] for kind, code, name in drugs if kind == "hcpcs")],
        "Table 11": [["Drug hierarchies"], [], ["RXC", "Set to 0 RXCs", "RXC Label"],
                     *([n, ", ".join(two[4:].lstrip("0") for two in drops[f"RXC_{n:02d}"]), ""] for n in range(1, 11))],
    }  # fmt: skip
    if costs:
        result["Table 10c"] = [["ACF"], [], [], ["ACF", "ACF_Label", "NDC"], *([1, "", code] for code in cost_ndcs)]
        result["Table 10d"] = [["ACF"], [], [], ["ACF", "ACF_Label", "HCPCS"], *([1, "", code] for code in costs)]
    if csr:
        result["Table 13"] = [["CSR"], [], ["HIOS Variant ID", "Person-Level CSR Indicator", "CSR RA Factor"],
                              ["01", 1, 1.0], ["04", 3, 1.12], ["05", 3, 1.12], ["06", 4, 1.51]]  # fmt: skip
    return result


def workbook(path, made):
    book = Workbook(write_only=True)
    for title, rows in made.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def plain(row):
    """0.0 is written 0 in a workbook."""
    return tuple(value.removesuffix(".0") for value in row)


def folder(path, made):
    """The sheets as CSV files, which are written and read sooner."""
    path.mkdir(parents=True)
    for title, rows in made.items():
        with (path / f"{title.strip()}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return path


@pytest.mark.parametrize(("year", "model"), [(2023, "V07"), (2024, "V07"), (2025, "V08"), (2026, "V08")])
def test_the_tables_are_those_that_they_were_made_from(tmp_path, year, model):
    """Of a benefit year that is here already: the same map, hierarchy, groups, drugs and factors."""
    (found,) = find(folder(tmp_path / f"cy{year}-diy-tables", sheets(year, model, year, few=False)))
    assert (found.draft.name, found.problems) == (f"hhs-hcc/{year}/{model}", [])
    shipped, own = read(ROOT / f"hhs-hcc/{year}/{model}")[1], found.draft.rows
    assert {row[:5] for row in own["mapping.csv"]} == {row[:5] for row in shipped["mapping.csv"]}
    for name in ("hierarchy.csv", "bundles.csv", "drugs.csv", "counts.csv"):
        assert set(own[name]) == set(shipped[name]), name
    assert {(*row[:2], float(row[2])) for row in own["factors.csv"]} == {
        (*row[:2], float(row[2])) for row in shipped["factors.csv"]
    }
    kept = {
        name for name, *_ in shipped["groups.csv"] if name.startswith(("Sev", "sev", "tra", "Ext", "Imm", "Pre", "Ter"))
    }
    assert {row for row in own["groups.csv"] if row[0] in kept} == {
        row for row in shipped["groups.csv"] if row[0] in kept
    }


def test_a_workbook_scores_as_the_release_that_it_was_made_from(tmp_path):
    store(find(workbook(tmp_path / "cy2028-diy-tables-04-01-2029.xlsx", sheets()), fewer=True), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    for person, codes in PEOPLE:
        new, old = (score("hhs-hcc", year, person, codes) for year in (2028, 2026))
        assert {line.factor: line.value for line in new.lines} == {line.factor: line.value for line in old.lines}
        assert (new.raw, new.payment) == (old.raw, old.payment)
    assert load_year("hhs-hcc", 2028).csr == {"1": 1000, "3": 1120, "4": 1510}
    assert load_year("hhs-hcc", 2028).csr_source == "HHS-HCC DIY tables, cy2028-diy-tables-04-01-2029.xlsx"


def test_a_workbook_and_its_sheets_in_a_zip_file_are_one(tmp_path):
    made = sheets()
    with zipfile.ZipFile(tmp_path / "cy2028.zip", "w") as archive:
        for path in folder(tmp_path / "in", made).iterdir():
            archive.write(path, f"tables/{path.name}")
    (from_text,) = find(tmp_path / "cy2028.zip")
    (from_book,) = find(workbook(tmp_path / "CY2028 DIY tables.xlsx", made))
    assert from_text.draft.problems == []
    for name, rows in from_book.draft.rows.items():
        assert {plain(row) for row in from_text.draft.rows[name]} == {plain(row) for row in rows}, name


def test_the_year_and_the_sheets_have_to_be_there(tmp_path):
    made = sheets()
    with pytest.raises(TablesBroken, match="does not say the benefit year"):
        find(folder(tmp_path / "tables", made))
    (found,) = find(tmp_path / "tables", payment_year=2028)
    assert found.draft.name == "hhs-hcc/2028/V08"
    made["Table 7"].append([])
    made["Table 3"][3] = [head.replace("CC Age Split", "Age Split") for head in made["Table 3"][3]]
    with pytest.raises(TablesBroken, match="a column like CC Age Split is missing"):
        find(folder(tmp_path / "cy2030", made))
    del made["Table 9"], made["Table 11"]
    with pytest.raises(TablesBroken, match="there is no Table 9, 11"):
        find(folder(tmp_path / "cy2028", made))
    (tmp_path / "cy2029.xlsx").write_text("no workbook")
    with pytest.raises(TablesBroken, match="is not a workbook"):
        find(tmp_path / "cy2029.xlsx")


def test_before_table_13_the_cost_sharing_reductions_on_file_stay(tmp_path):
    store(find(folder(tmp_path / "cy2024", sheets(2024, "V07", 2024, csr=False)), fewer=True), tmp_path / "own", "")
    tables.use_tables(tmp_path / "own")
    assert load_year("hhs-hcc", 2024).csr["4"] == 1150
    (found,) = find(folder(tmp_path / "cy2022", sheets(2024, "V07", 2022, csr=False)))
    assert any("no cost-sharing reductions of 2022" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("title", "row", "message"),
    [
        ("Table 3", [1, "A0101", "", "Y", "Y", "", "young", None, None, None, 3.0], "'young' not understood"),
        ("Table 3", [1, "A0101", "", "Y", "Y", "", None, "other", None, None, 3.0], "sex 'other' not understood"),
        ("Table 3", [1, "what", "", "Y", "Y", "", None, None, None, None, 3.0], "WHAT: is not a code"),
        ("Table 4 ", [1, "35_1", "999", ""], "unknown category 'HHS_HCC999'"),
        ("Table 6", [None, "G01", "", "Yes", "if HHS_HCC999 = 1"], "unknown category 'HHS_HCC999'"),
        (
            "Table 6",
            [None, "RXC_09_X_HCC056_057_AND_048_041", "", "Yes", "HHS_HCC001"],
            "other categories than its name",
        ),
        ("Table 9", ["Adult", "NEW_RULE", "Yes", 1, 1, 1, 1, 1], "'NEW_RULE', for which there is no rule"),
        ("Table 9", ["Adult", "HHS_HCC001", "Yes", 9, 9, 9, 9, 9], "twice with different values"),
        ("Table 9", ["Adult", "HHS_HCC001", "Yes", 0.12345, 1, 1, 1, 1], "is not a factor"),
        ("Table 3", None, "mapping.csv has"),
        ("Table 13", ["09", 4, 1.52], "indicator 4 twice with different factors"),
    ],
)
def test_what_contradicts_itself_or_has_no_rule_is_not_stored(tmp_path, title, row, message):
    made = sheets()
    if row:
        made[title].append(row)
    (found,) = find(folder(tmp_path / "cy2028", made), fewer=row is not None)
    assert any(message in problem for problem in found.problems), found.problems
    with pytest.raises(TablesBroken, match="nothing was stored"):
        store([found], tmp_path / "own", "")
    assert not (tmp_path / "own").exists()
