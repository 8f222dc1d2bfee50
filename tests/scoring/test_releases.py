"""Every release on file, as it is listed: its status, source and SHA-256, and loudly what is not as it was."""

import csv
import hashlib
import shutil

import pytest

from scoring import tables
from scoring.errors import TablesBroken
from scoring.importing import find, store
from scoring.releases import releases
from scoring.tables import ROOT, ModelUse, load_release
from tests.scoring.test_importing import package


@pytest.fixture(autouse=True)
def _own_tables(monkeypatch):
    monkeypatch.setattr(tables, "_folders", (ROOT,))
    tables.forget()
    yield
    tables.forget()


def of(program, year, model):
    return [one for one in releases() if (one.program, one.payment_year, one.model) == (program, year, model)]


def test_every_shipped_release_is_signed_and_sound():
    with (ROOT / "releases.csv").open(encoding="utf-8", newline="") as file:
        signed = {row["release"]: row["sha256"] for row in csv.DictReader(file)}
    assert signed == {
        path.parent.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in ROOT.glob("*/*/*/model.toml")
    }
    found = releases(thoroughly=True)
    assert [one.id for one in found if one.problem and one.status != "missing"] == []
    assert all(one.package and one.source and one.rows for one in found if one.status != "missing")


def test_what_is_listed_is_what_scores():
    (v28,) = of("cms-hcc", 2026, "V28")
    assert (v28.id, v28.status, v28.weight, v28.in_use) == ("cms-hcc/2026/V28 final", "final", 100, True)
    assert v28.id == load_release(tables.load_year("cms-hcc", 2026).model("V28")).id
    assert v28.rows["hierarchy.csv"] == 149
    assert v28.unverified == ()
    (v24,) = of("cms-hcc", 2025, "V24")
    assert "edits of the Medicare code editor are those of CMS's 2026 ESRD V24 package" in v24.unverified[0]
    assert v24.unverified[1].startswith("normalization 1.153")


def test_what_is_not_here_says_what_to_import_and_to_supply():
    (missing,) = of("pace", 2025, "V22")
    assert (missing.status, missing.in_use, missing.sha256) == ("missing", False, "")
    assert "import that year's package" in missing.problem
    assert all(factor.normalization is None for one in of("esrd", 2025, "V24") for factor in one.factors)


@pytest.mark.parametrize("name", ["model.toml", "factors.csv", "mapping.csv"])
def test_a_changed_file_of_an_import_is_loud(tmp_path, name):
    (folder,) = store(find(package(tmp_path / "in", year="2026")), tmp_path / "own", "From a test.")
    tables.use_tables(tmp_path / "own")
    new, shipped = of("cms-hcc", 2026, "V28")
    assert (new.imported, new.in_use, new.problem) == (True, True, "")
    assert new.source.endswith("From a test.")
    assert (shipped.imported, shipped.in_use) == (False, False)
    path = folder / name
    path.write_text(path.read_text().replace("initial", "final") if name == "model.toml" else path.read_text() + "\n")
    tables.forget()
    assert name in of("cms-hcc", 2026, "V28")[0].problem
    with pytest.raises(TablesBroken, match=name):
        load_release(tables.load_year("cms-hcc", 2026).model("V28"))


def test_a_shipped_release_that_was_signed_by_somebody_else_does_not_load(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "cms-hcc", tmp_path / "cms-hcc")
    shutil.copy(ROOT / "releases.csv", tmp_path)
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    folder = tmp_path / "cms-hcc/2026/V28"
    tables.forget()
    assert load_release(ModelUse("cms-hcc 2026", "V28", 100, folder, "", ())).status == "final"
    path = folder / "model.toml"
    path.write_text(path.read_text().replace('"final"', '"midyear"'))
    tables.forget()
    with pytest.raises(TablesBroken, match=r"model.toml is not the one"):
        load_release(ModelUse("cms-hcc 2026", "V28", 100, folder, "", ()))
