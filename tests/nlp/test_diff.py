"""Two rule sets over the same notes: what comes, what goes, why, and that no rule of the installation is touched."""

from pathlib import Path

import pytest

from nlp.catalog import HERE, digest
from nlp.diff import (
    Change,
    Note,
    RulesError,
    Summary,
    assemble,
    changed_files,
    changes,
    differences,
    lines_of,
    sentence,
)

GOUT = (HERE / "conditions" / "gout.toml").read_text(encoding="utf-8")


def test_an_edited_file_leaves_the_rules_of_the_installation_alone(tmp_path: Path) -> None:
    before = digest(HERE)
    edit = tmp_path / "gout.toml"
    edit.write_text(GOUT.replace('terms = ["', 'terms = ["quuxitis", "'), encoding="utf-8")
    old, new = assemble(HERE, tmp_path / "old"), assemble(edit, tmp_path / "new")
    assert changed_files(old, new) == ["conditions/gout.toml changed"]
    assert digest(old) == digest(HERE) == before != digest(new)


def test_a_family_that_finds_nothing_any_more_is_removed_and_its_verdict_changes(tmp_path: Path) -> None:
    edit = tmp_path / "gout.toml"
    edit.write_text(GOUT.replace('"podagra", ', ""))
    note = Note(
        "one", "ASSESSMENT AND PLAN:\n1. Podagra, on colchicine.\n", first_pass=("M10.9",), annotated={"M10.9": True}
    )
    old, new = assemble(HERE, tmp_path / "old"), assemble(edit, tmp_path / "new")
    [(_, found)] = differences(old, new, [note])
    removed, verdict = found
    assert (removed.kind, removed.icd10, removed.family, removed.agrees) == ("removed", "M10.9", "gout", False)
    assert (verdict.kind, verdict.before, verdict.after.partition(":")[0]) == ("verdict", "supported", "not-found")
    assert '      "1. [Podagra], on colchicine."' in list(lines_of([removed]))
    assert not any("colchicine" in line for line in lines_of(found, quote=False))
    summary = Summary()
    summary.add(found)
    assert summary.counts["gout"] == {"removed": 1, "verdict": 1}
    assert "0 of these changes agree with the annotation, 1 do not" in "\n".join(summary.lines())


def test_a_rule_of_contradictions_that_changes_shows_both_places_in_one_note_and_between_two(tmp_path: Path) -> None:
    edit = tmp_path / "contradictions.toml"
    rules = (HERE / "contradictions.toml").read_text(encoding="utf-8")
    edit.write_text(rules.replace("margin = 5\n", "margin = 50\n"), encoding="utf-8")
    old, new = assemble(HERE, tmp_path / "old"), assemble(edit, tmp_path / "new")
    notes = [
        Note("alone", "ASSESSMENT AND PLAN:\n1. CKD stage 4, eGFR 62.\n"),
        Note("march", "ASSESSMENT AND PLAN:\n1. CKD stage 4, stable.\n", date_of_service="2026-03-02", chart="one"),
        Note("april", "LABS: eGFR 62.\n", date_of_service="2026-04-02", chart="one"),
        Note("may", "LABS: eGFR 64.\n", date_of_service="2026-05-02", chart="one"),
        Note("other", "LABS: eGFR 64.\n", date_of_service="2026-05-02", chart="two"),
    ]
    found = {note.name: changed for note, changed in differences(old, new, notes)}
    gone = [("contradicts", "N18.4", "ckd-stage", "")]
    assert {name: [(c.kind, c.icd10, c.before, c.after) for c in changed] for name, changed in found.items()} == {
        "alone": gone, "march": [], "april": [], "may": gone, "other": [],
    }  # fmt: skip
    assert list(lines_of(found["alone"])) == [
        "  ! N18.4    ckd",
        '      "1. [CKD stage 4], eGFR 62."',
        '      "1. CKD stage 4, [eGFR 62]."',
        "      no longer contradicts by rule ckd-stage",
    ]
    assert list(lines_of(found["may"]))[1:3] == [
        '      "LABS: [eGFR 64]."',
        '      "1. [CKD stage 4], stable." in march',
    ]
    assert not any("64" in line or "stable" in line for line in lines_of(found["may"], quote=False))
    [(_, back), *_] = differences(new, old, notes[:1])
    assert list(lines_of(back))[-1] == "      contradicts by rule ckd-stage"


def test_rules_that_cannot_be_read_are_refused_with_every_problem(tmp_path: Path) -> None:
    edit = tmp_path / "gout.toml"
    edit.write_text(GOUT.replace("prefixes =", "prefixs =").replace("kind = ", 'flavor = "x"\nkind = '))
    old, new = assemble(HERE, tmp_path / "old"), assemble(edit, tmp_path / "new")
    with pytest.raises(RulesError) as error:
        list(differences(old, new, [Note("one", "Sentinelword.")]))
    assert "unknown field prefixs" in str(error.value)
    assert "unknown field flavor" in str(error.value)
    assert "Sentinelword" not in str(error.value)


def test_what_is_no_rule_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="neither a rule file nor a folder"):
        assemble(tmp_path, tmp_path / "out")


def test_a_folder_of_rules_takes_families_away_and_a_folder_of_files_does_not(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    (rules / "conditions").mkdir(parents=True)
    for shape in ("*.toml", "*.tsv"):
        for path in HERE.glob(shape):
            (rules / path.name).write_bytes(path.read_bytes())
    (rules / "conditions" / "gout.toml").write_text(GOUT)
    whole = assemble(rules, tmp_path / "a")
    assert [p.name for p in (whole / "conditions").glob("*.toml")] == ["gout.toml"]
    laid_over = assemble(rules / "conditions", tmp_path / "b")
    assert changed_files(HERE, laid_over) == []


@pytest.mark.parametrize(
    ("text", "mention", "quoted"),
    [
        ("Seen today. Has gout, stable. Returns.", "gout", "Has [gout], stable."),
        ("- COPD\n- gout,\n  on colchicine\n- CKD", "gout", "- [gout], on colchicine"),
        ("gout", "gout", "[gout]"),
        ("x " * 500 + "gout" + " y" * 500, "gout", None),
    ],
)
def test_the_sentence_around_a_mention(text: str, mention: str, quoted: str | None) -> None:
    start = text.index(mention)
    found = sentence(text, start, start + len(mention))
    assert found == quoted if quoted else len(found) < 300


def test_a_summary_counts_notes_that_are_read_otherwise() -> None:
    summary = Summary()
    summary.add([])
    summary.add([Change(Note("n", "text"), "added", "E11.9", "diabetes")])
    assert list(summary.lines())[-1] == "2 notes read, 1 read otherwise."


def test_a_verdict_against_a_code_quotes_what_was_passed_over() -> None:
    text = "No gout. Gout, on colchicine."
    passed = {"icd10": "M10.9", "start": 3, "end": 7, "reason": "negated", "rule": "gout/gout"}
    spoken = {"icd10": "M10.9", "verdict": "supported", "evidence": [[9, 13]], "why": "Named."}
    old = {"suggestions": [], "suppressed": [passed], "first_pass": [spoken]}
    new = {**old, "first_pass": [{**spoken, "verdict": "unsupported", "evidence": []}]}
    note = Note("n", text, first_pass=("M10.9",))
    (against,) = changes(note, old, new)
    (back,) = changes(note, new, old)
    assert (against.start, against.end) == (3, 7)
    assert (back.start, back.end) == (9, 13)
