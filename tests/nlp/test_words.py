"""A rule pattern is tried only where it can begin, and finds what the regular expression alone would."""

from pathlib import Path

import pytest

from nlp.catalog import load
from nlp.sections import lower, page, plain
from nlp.words import openings, union

GOLD = Path(__file__).resolve().parents[2] / "data" / "gold"


def test_every_pattern_finds_what_its_regular_expression_finds() -> None:
    catalog = load()
    low = lower(plain("\n\n".join(p.read_text(encoding="utf-8") for p in sorted(GOLD.glob("*.txt")))))
    words = {*catalog.general.values(), *(w for f in catalog.families.values() for w in f.patterns())}
    found = 0
    for w in words:
        plainly = [m.span() for m in w.compiled.finditer(str(low))]
        assert [m.span() for m in w.finditer(low)] == plainly, w.sources
        found += len(plainly)
    assert len(words) > 1000
    assert found > 1000


def test_a_pattern_sees_only_its_window() -> None:
    low = lower("Chronic kidney disease, stage 3. Stage 4?")
    stage = next(w for f in load().families.values() for a in f.attributes for v, w in a.values if w.search("stage 3"))
    assert [m.start() for m in stage.finditer(low)] == [24]
    assert not list(stage.finditer(low, 0, 29))
    assert list(stage.places(low, 20, 30)) == [24]
    assert not stage.places(low, 0, 24)


def test_no_match_runs_over_the_end_of_a_sentence() -> None:
    sheet = page("EXAM:\nCT chest today\nNodule of 8 mm. No nodes.", load())
    words = union(["ct chest(?: today nodule)?", "nodule", "mm no nodes"])
    assert [sheet.low[a:b] for a, b in sheet.spans(words)] == ["ct chest", "nodule"]
    number = sheet.sentence_at(sheet.low.index("nodule"))
    assert [sheet.low[a:b] for a, b in sheet.spans_in(words, number)] == ["nodule"]


def test_no_word_stands_in_two_sentences() -> None:
    text = "a " * 100 + "b" * 2000 + " c" * 1000 + " " + "d" * 1000
    words = [text[a:b] for a, b in page(text, load()).sentences]
    assert [w for w in " ".join(words).split() if len(w) > 1] == ["b" * 2000, "d" * 1000]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(?:lymph )?node", {"lym", "nod"}),
        ("a1c", {"a"}),
        ("i\\.?v\\.?", {"i", "iv"}),
        ("(?<!un)stable|no(?:n|t)? x", {"sta", "no", "non", "not"}),
        ("e[ck]g", {"ecg", "ekg"}),
        ("stage ?3", {"sta"}),
        ("in \\d{4}", {"in"}),
        ("ca(?! 125)", None),
        ("[a-z]+itis", None),
        ("\\d cm", set("0123456789")),
        ("20[12]\\d[.)]", {"201", "202"}),
        ("[0-9]+ cm", None),
        ("x{0,2}yz", None),
        ("/ ?x", None),
        ("", None),
    ],
)
def test_where_a_pattern_can_begin(source: str, expected: set[str] | None) -> None:
    assert openings(source) == expected
