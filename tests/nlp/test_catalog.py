"""A rule file that is wrong says so, with everything that is wrong at once."""

import shutil
from pathlib import Path

import pytest

from nlp import catalog, check, contradictions
from nlp.catalog import HERE, load, read
from nlp.rulefiles import CatalogError, RuleFiles
from nlp.surfaces import Surfaces, variants
from nlp.words import Text, pattern, union


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in HERE.glob("*.toml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "conditions").mkdir()
    shutil.copy(HERE / "conditions" / "ckd.toml", tmp_path / "conditions")
    return tmp_path


def problems(folder: Path, text: str, name: str = "gout") -> str:
    (folder / "conditions" / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        read(RuleFiles(folder))
    return "\n".join(caught.value.problems)


def test_every_problem_of_every_file_is_reported_at_once(folder: Path) -> None:
    (folder / "conditions" / "broken.toml").write_text("family = ", encoding="utf-8")
    found = problems(
        folder,
        """
        family = "goutt"
        label = "Gout"
        kind = "cronic"
        prefixes = ["M10"]
        terms = ["Gout"]
        colour = "red"
        codes = [{when = {side = "left"}, code = "M10.{site}"}, {why = "nothing"}]
        [attributes.stage]
        scope = "page"
        [attributes.stage.values]
        "1" = ["(unclosed"]
        [meat]
        drugs = ["@nonsense"]
        smell = ["x"]
        [[examples]]
        text = "x"
        section = "kitchen"
        reject = "boring"
        """,
    )
    for said in (
        "broken.toml", "goutt", "cronic", "'Gout' must be lower case", "unknown field colour",
        "when.side is no attribute", "{site} is no attribute", "neither code nor suppress", "'page'", "(unclosed",
        "@nonsense", "meat: unknown field smell", "kitchen", "boring",
    ):  # fmt: skip
        assert said in found


def test_every_rule_file_of_the_project_is_sound() -> None:
    files = RuleFiles(HERE)
    read(files, without_bad=True)
    assert files.problems == []


def test_a_value_that_never_occurs_is_a_problem(folder: Path) -> None:
    found = problems(
        folder,
        """
        family = "gout"
        label = "Gout"
        kind = "chronic"
        prefixes = ["M10"]
        terms = ["gout"]
        codes = [{when = {a = "2"}, code = "M10.9"}]
        [attributes.a.values]
        "1" = ["x"]
        """,
    )
    assert "a never is '2'" in found


GOUT = """\
family = "gout"
label = "Gout"
kind = "chronic"
prefixes = ["M10", "M1A"]
terms = ["gout", "podagra"]
not_when = ["pseudogout"]
codes = [
  {when = {type = "chronic"}, code = "M1A.9XX0"},
  {code = "M10.9"},
]

[attributes.type]
before = 10
[attributes.type.values]
chronic = ["chronic", "tophi"]

[meat]
drugs = ["allopurinol"]

[[examples]]
text = "Gout on allopurinol."
expect = ["M10.9"]

[[examples]]
section = "family"
text = "Father with gout."
expect = []
"""


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ('"gout", "podagra"', '"gout" "podagra"', "gout.toml:5: Unclosed array"),
        ('["pseudogout"]', '"pseudogout"', "gout.toml:6: not_when must be a list of texts"),
        ('kind = "chronic"', "kind = 3", "gout.toml:3: kind must be text"),
        ('{code = "M10.9"}', '"M10.9"', "gout.toml:7: codes must be a list of tables"),
        ('code = "M1A.9XX0"', 'code = "M10"', "gout.toml:8: codes 1: 'M10' is no whole code"),
        ('{code = "M10.9"}', '{code = "M10.99"}', "gout.toml:9: codes 2: 'M10.99' is no code of ICD-10-CM"),
        ("before = 10", 'before = "ten"', "gout.toml:13: attributes.type: before must be a whole number"),
        ('"tophi"]', '"(tophi"]', "gout.toml:15: attributes.type.chronic: '(tophi' is no pattern"),
        ("drugs =", "drugz =", "gout.toml:18: meat: unknown field drugz"),
        ('expect = ["M10.9"]', 'expect = "M10.9"', "gout.toml:22: examples 1: expect must be a list of texts"),
        ('expect = ["M10.9"]', 'expect = ["M10.99"]', "gout.toml:22: examples 1: 'M10.99' is no code of ICD-10-CM"),
        ('section = "family"', 'section = "famly"', "gout.toml:25: examples 2: section 'famly' is unknown"),
        ('section = "family"', "colour = 1", "gout.toml:25: examples 2: unknown field colour"),
        ('label = "Gout"\n', "", "gout.toml: label is missing"),
    ],
)
def test_a_fault_names_its_line(folder: Path, written: str, instead: str, said: str) -> None:
    assert written in GOUT
    found = problems(folder, GOUT.replace(written, instead, 1))
    assert found.startswith(said)


def test_no_example_comes_out_where_a_file_is_not_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "HERE", folder)
    monkeypatch.setattr(catalog, "load", catalog.load)  # the command puts another in its place
    (folder / "conditions" / "gout.toml").write_text(GOUT.replace('"gout",', '"gout"'), encoding="utf-8")
    assert check.main(["--examples", "gout", "gouty"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["gout.toml:5: Unclosed array", "gouty: there is no conditions/gouty.toml"]
    assert "every example comes out as it says" not in said


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("margin = 5\n", "margin = \n", "Invalid value"),
        ("margin = 5\n", "", "contradictions.toml: 'margin' is missing in a rule or a list"),
        ("margin = 5\n", "margin = 5\n[denied]\n", "contradictions.toml:"),
    ],
)
def test_contradictions_that_cannot_be_read_are_a_fault(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    instead: str,
    said: str,
) -> None:
    file = folder / "contradictions.toml"
    monkeypatch.setattr(catalog, "HERE", folder)
    monkeypatch.setattr(catalog, "load", catalog.load)
    monkeypatch.setattr(contradictions, "FILE", file)
    contradictions.rules.cache_clear()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(written, instead, 1), encoding="utf-8")
    try:
        assert check.main(["--examples", "ckd"]) == 1
        assert said in capsys.readouterr().out.splitlines()[0]
    finally:
        contradictions.rules.cache_clear()


def test_the_rule_set_changes_with_any_rule(folder: Path) -> None:
    before = load(folder).ruleset
    path = folder / "conditions" / "ckd.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    load.cache_clear()
    assert load(folder).ruleset != before


@pytest.mark.parametrize(
    ("surface", "spelling"),
    [
        ("type 2 diabetes", "type II diabetes"),
        ("end stage renal disease", "end-stage  renal\ndisease"),
        ("parkinson's disease", "parkinson disease"),
        ("parkinson's disease", "parkinsons disease"),
        ("leukemia", "leukaemia"),
        ("foot ulcer", "foot ulcers"),
        ("neuropathy", "neuropathies"),
        ("t2dm", "T2 DM"),
        ("dm2", "DM 2"),
        ("a fib", "afib"),
        ("dm w/ ckd", "dm with ckd"),
        ("ischemic colitis", "ischaemic colitis"),
    ],
)
def test_a_surface_is_found_in_the_spellings_that_people_write(surface: str, spelling: str) -> None:
    matcher = Surfaces(variants(surface))
    text = f"has {spelling.lower()}, today"
    assert [text[a:b] for a, b in matcher.find(Text(text))] == [spelling.lower()]


@pytest.mark.parametrize("text", ["mdm", "admit", "dmitri"])
def test_a_surface_is_not_found_inside_a_word(text: str) -> None:
    assert list(Surfaces(variants("dm")).find(Text(text))) == []


def test_a_blank_in_a_pattern_takes_a_hyphen_or_a_line_break() -> None:
    compiled = union(["stage ?3", "(?<!non )viral load"])
    assert compiled is not None
    assert all(compiled.search(x) for x in ("stage 3", "stage-3", "stage\n3", "stage3", "viral load"))
    assert not compiled.search("non-viral load")
    assert not compiled.search("stage 32")
    assert pattern("[a b]c") == "[a b]c"
