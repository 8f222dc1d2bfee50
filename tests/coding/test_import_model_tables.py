"""`manage.py import_model_tables`: published packages come in whole or not at all, and are then scored with."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from scoring import ProposedRelease, score, tables
from scoring.tables import load_year
from tests.scoring.test_importing import WOMAN, cdps, package, sas


@pytest.fixture(autouse=True)
def _own_tables(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setattr(tables, "_folders", (tables.ROOT,))
    tables.forget()
    yield
    tables.forget()


def run(*arguments: object, **options: object) -> str:
    out = StringIO()
    call_command("import_model_tables", *map(str, arguments), stdout=out, stderr=out, **options)
    return out.getvalue()


def refused(*arguments: object) -> list[str]:
    out = StringIO()
    with pytest.raises(CommandError, match="nothing was stored"):
        call_command("import_model_tables", *map(str, arguments), stdout=StringIO(), stderr=out)
    return out.getvalue().splitlines()


def stored(settings: Settings) -> dict[str, bytes]:
    folder = settings.VAR_DIR / "tables"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one_edge_more(data):
    data["V28_HCC_Hierarchies.csv"][1].append(["HCC48", "HCC49"])


def test_a_new_process_scores_with_what_was_imported(tmp_path: Path, settings: Settings) -> None:
    said = run(package(tmp_path / "in", "2025"))
    assert "cms-hcc/2025/V28 (initial)" in said
    assert "Restart web and workers" in said
    apps.get_app_config("coding").ready()
    result = score("cms-hcc", 2025, WOMAN, ["E11.22", "I50.32"])
    assert [(model.model, model.weight, str(model.raw)) for model in result.models] == [
        ("V24", 33, str(score("cms-hcc", 2025, WOMAN, ["E11.22", "I50.32"], model="V24").raw)),
        ("V28", 67, "1.033"),
    ]


def test_the_same_file_again_changes_nothing(tmp_path: Path, settings: Settings) -> None:
    run(package(tmp_path / "in"))
    before = stored(settings)
    apps.get_app_config("coding").ready()
    said = run(tmp_path / "in")
    assert "Nothing new" in said
    assert "factors.csv: 1" in said
    assert "0 new, 0 gone" in said
    assert stored(settings) == before


def test_a_later_release_says_what_changed_and_keeps_the_earlier_one(tmp_path: Path, settings: Settings) -> None:
    run(package(tmp_path / "one", "2026"))
    before = stored(settings)
    apps.get_app_config("coding").ready()
    first = score("cms-hcc", 2026, WOMAN, ["E11.22"]).models[0].release
    assert "  + 48,49" in run(package(tmp_path / "two", "2026", change=one_edge_more))
    assert {name for name in before if stored(settings).get(name) != before[name]} == {
        "cms-hcc/2026/year.toml", "pace/2026/year.toml",
    }  # fmt: skip
    second = score("cms-hcc", 2026, WOMAN, ["E11.22"]).models[0]
    assert second.release != first
    assert second.run.release.kills[second.run.release.bits["48"]]


def test_the_blends_that_use_the_same_tables_use_the_new_ones(tmp_path: Path, settings: Settings) -> None:
    run(package(tmp_path / "in", "2026"))
    apps.get_app_config("coding").ready()
    blended = {use.name: use.folder for use in load_year("pace", 2026).models}
    assert blended["V28"] == load_year("cms-hcc", 2026).models[0].folder
    assert blended["V28"].is_relative_to(settings.VAR_DIR)
    assert blended["V22"].is_relative_to(tables.ROOT)
    factor = load_year("cms-hcc", 2026).models[0].factors[0]
    assert (factor.normalization, factor.coding_adjustment) == (1067, 59)  # the year's factors are kept


def test_the_folder_of_the_tables_can_be_moved(tmp_path: Path, settings: Settings) -> None:
    run(package(tmp_path / "in", "2025"))
    shutil.move(settings.VAR_DIR, tmp_path / "elsewhere")
    settings.VAR_DIR = tmp_path / "elsewhere"
    apps.get_app_config("coding").ready()
    assert len(score("cms-hcc", 2025, WOMAN, ["E11.22"]).models) == 2


def test_a_dry_run_stores_nothing(tmp_path: Path, settings: Settings) -> None:
    said = run(package(tmp_path / "in", "2026", change=one_edge_more), "--dry-run")
    assert "  + 48,49" in said
    assert "nothing stored" in said
    assert not stored(settings)


def test_every_problem_of_every_file_is_listed_and_nothing_is_stored(tmp_path: Path, settings: Settings) -> None:
    def broken(data):
        data["V28_HCC_Hierarchies.csv"][1].append(["HCC37", "HCCX"])
        data["V28_Interactions.csv"][1].append(["X_Y", "NOBODY", "HF_V28"])

    (tmp_path / "notes.txt").write_text("hello")
    lines = refused(
        package(tmp_path / "sound"), package(tmp_path / "broken", "2030", change=broken),
        tmp_path / "notes.txt", tmp_path / "absent.zip",
    )  # fmt: skip
    assert [
        any(part in line for line in lines) for part in ("'X'", "'NOBODY'", "neither a folder", "no such file")
    ] == [True] * 4
    assert not stored(settings)


def test_a_file_that_is_not_in_its_layout_is_said(tmp_path: Path, settings: Settings) -> None:
    def renamed(data):
        data["V28_Interactions.csv"] = (["name", "one", "two"], data["V28_Interactions.csv"][1])

    (line,) = refused(package(tmp_path / "in", change=renamed))
    assert "not in the layout" in line
    assert "'interaction'" in line
    assert not stored(settings)


def test_sas_tables_are_told_their_year_and_licensed_tables_tell_it(tmp_path: Path, settings: Settings) -> None:
    assert "say which payment year" in refused(sas(tmp_path / "sas"))[0]
    run(tmp_path / "sas", cdps(tmp_path / "cdps"), "--payment-year", "2025", "--program", "cms-hcc", "--source", "CMS.")
    apps.get_app_config("coding").ready()
    assert len(score("cms-hcc", 2025, WOMAN, ["E11.22"]).models) == 2
    assert str(score("cdps", 2026, {"age": 40, "sex": "F", "aid_group": "DA"}, ["I10"]).raw) == "0.150"
    assert "CMS." in (next((settings.VAR_DIR / "tables/cms-hcc/2025").glob("V28-*")) / "SOURCE.md").read_text()


def test_proposed_tables_score_nobody_and_replace_nothing(tmp_path: Path, settings: Settings) -> None:
    def proposed(folder: Path, year: str) -> Path:
        (path,) = package(folder, year).rglob("*_initial.csv")
        path.rename(path.with_name(path.name.replace("_initial", "")))
        return folder

    lines = refused(proposed(tmp_path / "in", "2026"), "--status", "proposed")
    assert "only proposed" in lines[0]
    run(proposed(tmp_path / "later", "2031"), "--status", "proposed")
    apps.get_app_config("coding").ready()
    with pytest.raises(ProposedRelease):
        score("cms-hcc", 2031, WOMAN, ["E11.22"])
