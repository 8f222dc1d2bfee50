"""Releases as data: what is shipped is sound, and what is not sound does not load."""

import hashlib
import shutil
import time
import tomllib
from pathlib import Path

import pytest

from scoring import tables
from scoring.errors import MissingFactor, ProposedRelease, TablesBroken
from scoring.importing import Draft, difference, write
from scoring.importing.conditions import bounds, merged
from scoring.tables import ROOT, ModelUse, check, load_release, load_year, parse, read, years

RELEASES = sorted(ROOT.glob("*/*/*/model.toml"))


def use_of(folder):
    return ModelUse("cms-hcc 2026", "V28", 100, folder, "", ())


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "cms-hcc" / "2026" / "V28"
    shutil.copytree(ROOT / "cms-hcc/2026/V28", folder)
    return folder


def change(folder, name, edit):
    """Change a file and sign it again, as somebody would who means it."""
    path = folder / name
    old = path.read_bytes()
    new = edit(old.decode()).encode()
    path.write_bytes(new)
    meta = (folder / "model.toml").read_text()
    rows = tomllib.loads(meta)["files"][name]["rows"]
    before = f'rows = {rows}, sha256 = "{hashlib.sha256(old).hexdigest()}"'
    after = f'rows = {new.decode().count(chr(10)) - 1}, sha256 = "{hashlib.sha256(new).hexdigest()}"'
    assert before in meta
    (folder / "model.toml").write_text(meta.replace(before, after))


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_a_shipped_release_is_sound_and_says_where_it_is_from(path):
    meta, rows = read(path.parent)
    assert check(meta, rows) == []
    source = (path.parent / "SOURCE.md").read_text(encoding="utf-8")
    assert all(entry["sha256"] in source for entry in meta["files"].values())
    assert "Files that they were taken from" in source


@pytest.mark.parametrize(("program", "year"), years())
def test_a_shipped_year_has_its_models_and_factors_with_a_source(program, year):
    for use in (*load_year(program, year).models, *load_year(program, year).other_models):
        assert use.folder or use.missing
        assert all(factor.source for factor in use.factors)


@pytest.mark.parametrize(
    ("year", "model", "codes", "categories", "edges"),
    [
        (2026, "V28", 8019, 115, 149),
        (2027, "V28", 8019, 115, 149),
        (2024, "V28", 7770, 115, 149),
        (2025, "V24", 9927, 86, 72),
    ],
)
def test_the_counts_are_those_of_the_published_tables(year, model, codes, categories, edges):
    folder = load_year("cms-hcc", year).model(model).folder
    rows = read(folder)[1]
    assert len({row[0] for row in rows["mapping.csv"]}) == codes
    assert sum(row[1] == "hcc" for row in rows["variables.csv"]) == categories
    assert len(rows["hierarchy.csv"]) == edges


def test_a_release_loads_in_a_tenth_of_a_second(release):
    start = time.perf_counter()
    load_release(use_of(release))
    assert time.perf_counter() - start < 0.5  # a tenth on a quiet machine; five on a busy one


def test_an_edited_file_does_not_load(release):
    path = release / "factors.csv"
    path.write_text(path.read_text().replace("0.395", "0.396"))
    with pytest.raises(TablesBroken, match=r"factors.csv is not the file"):
        load_release(use_of(release))


def test_a_wrong_row_count_does_not_load(release):
    meta = release / "model.toml"
    meta.write_text(meta.read_text().replace("rows = 149", "rows = 150"))
    with pytest.raises(TablesBroken, match="149 rows instead of 150"):
        load_release(use_of(release))


def test_a_missing_file_does_not_load(release):
    (release / "counts.csv").unlink()
    with pytest.raises(TablesBroken, match=r"counts.csv is missing"):
        load_release(use_of(release))


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("factors.csv", lambda text: text + "CNA,HCC37,0.999\n", "CNA HCC37 twice with different values"),
        ("factors.csv", lambda text: text + "CNA,HCC9999,0.1\n", "HCC9999 is not in variables.csv"),
        ("factors.csv", lambda text: text + "CNA,HCC37,much\n", "'much' is not a factor"),
        ("hierarchy.csv", lambda text: text + "37,9999\n", "unknown category '9999'"),
        ("hierarchy.csv", lambda text: text + "37,37\n", "drops itself"),
        ("mapping.csv", lambda text: text + "Z999,9999,,,,\n", "unknown category '9999'"),
        ("mapping.csv", lambda text: text + "Z999,37,old,,,age\n", "condition of Z999 not understood"),
        ("mapping.csv", lambda text: text + "Z999,37,15,,,\n", "do not go together"),
        ("interactions.csv", lambda text: text + "A_B,NOBODY,HCC37\n", "uses 'NOBODY'"),
        ("variables.csv", lambda text: text + "HCC37,hcc,again\n", "HCC37 twice"),
        ("groups.csv", lambda text: text.replace("group,hcc", "group,category"), "has the columns"),
    ],
)
def test_tables_that_contradict_themselves_do_not_load(release, name, edit, message):
    change(release, name, edit)
    with pytest.raises(TablesBroken, match=message):
        load_release(use_of(release))


def test_a_duplicate_key_with_the_same_value_is_harmless(release):
    change(release, "factors.csv", lambda text: text + "CNA,HCC37,0.166\n")
    assert load_release(use_of(release)).factors["CNA"]["HCC37"] == 166


def test_a_proposed_release_scores_nobody(release):
    meta = release / "model.toml"
    meta.write_text(meta.read_text().replace('"final"', '"proposed"'))
    with pytest.raises(ProposedRelease):
        load_release(use_of(release))


def test_a_missing_factor_asks_for_it():
    from scoring.tables import Factor

    use = ModelUse("cms-hcc 2031", "V99", 100, None, "", (Factor("all", None, 59, "", ""),))
    with pytest.raises(MissingFactor, match="no published normalization is on file; supply it"):
        use.factor("all")


def test_the_two_ways_to_run_a_hierarchy_differ_where_cms_says(release):
    """Liver transplant 62 drops 63; 63 drops coma 202. At once drops both; in sequence 63 is gone before its turn."""
    at_once = load_release(load_year("cms-hcc", 2026).model("V28"))
    in_sequence = load_release(load_year("cms-hcc", 2024).model("V28"))
    for model, expected in ((at_once, ("62",)), (in_sequence, ("62", "202"))):
        mask = sum(model.bits[hcc] for hcc in ("62", "63", "202"))
        assert model.categories(model.resolve(mask)) == expected


# Bringing releases in


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", (0, 999)), ("age >= 15", (15, 999)), ("0 <= age <= 17", (0, 17)), ("age = 0", (0, 0)), ("age < 50", (0, 49))],
)
def test_published_conditions_become_bounds(text, expected):
    assert bounds(text) == expected


def test_a_condition_that_is_not_understood_is_refused():
    with pytest.raises(ValueError, match="not understood"):
        bounds("age is right")


def test_rows_that_cover_every_age_are_one_row_without_a_condition():
    everybody = (0, 999)
    assert merged([(everybody, (0, 20), ""), (everybody, (21, 999), "")]) == [("", "", "", "")]
    assert merged([((15, 999), (0, 20), ""), ((15, 999), (21, 999), "")]) == [("15", "", "", "mce")]
    assert merged([(everybody, everybody, "F")]) == [("", "", "F", "sex")]


def test_a_difference_reads_like_one():
    old = parse("hierarchy.csv", "hcc,drops\n1,2\n", "x")
    new = parse("hierarchy.csv", "hcc,drops\n1,3\n", "x")
    lines = difference({"hierarchy.csv": old}, {"hierarchy.csv": new})
    assert lines == ["hierarchy.csv: 1 rows, 1 new, 1 gone", "  + 1,3", "  - 1,2"]


def test_a_draft_with_problems_is_not_written(tmp_path):
    meta, rows = read(ROOT / "cms-hcc/2026/V28")
    draft = Draft(meta, rows, ["row 7 of the mapping not understood"])
    with pytest.raises(TablesBroken, match="row 7"):
        write(draft, tmp_path / "new", "# Source")
    assert not (tmp_path / "new").exists()


def test_a_written_draft_loads_again(tmp_path):
    meta, rows = read(ROOT / "cms-hcc/2026/V28")
    meta.pop("files")
    write(Draft(meta, rows), tmp_path / "V28", "# Source")
    assert read(tmp_path / "V28")[1] == rows
    assert (tmp_path / "V28" / "model.toml").read_text() == (ROOT / "cms-hcc/2026/V28/model.toml").read_text()


def test_tables_of_the_users_own_are_found_too(tmp_path, monkeypatch):
    target = tmp_path / "cms-hcc" / "2099"
    target.mkdir(parents=True)
    year = Path(ROOT / "cms-hcc/2026/year.toml").read_text().replace("2026", "2099", 1)
    target.joinpath("year.toml").write_text(year)
    shutil.copytree(ROOT / "cms-hcc/2026/V28", target / "V28")
    monkeypatch.setattr(tables, "_folders", tables._folders)
    tables.use_tables(tmp_path)
    assert ("cms-hcc", 2099) in years()
    assert load_release(load_year("cms-hcc", 2099).models[0]).model == "V28"
