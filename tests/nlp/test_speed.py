"""What keeps the reading fast and repeatable, without a clock: steps are counted, bytes are compared."""

import gc
import itertools
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nlp
from nlp import pipeline
from nlp.catalog import Catalog, load, with_families
from nlp.words import Text

GOLD = [p.read_text(encoding="utf-8") for p in sorted((Path(__file__).parents[2] / "data" / "gold").glob("*.txt"))]
PLAN = "ASSESSMENT AND PLAN:\n"
PARTS = [re.split(r"(?<=\n)(?=[ ]*\n)", text) for text in GOLD]
COPIED = ["".join([*a[: len(a) // 2 + 1], *b[len(b) // 2 :]]) for a, b in itertools.pairwise([*PARTS, PARTS[0]])]
"""New notes made of paragraphs of the others: what is copied forward."""

WORST: dict[str, Callable[[int], str]] = {
    "notes": lambda n: ("\n\n".join(GOLD) * n)[: 6_000 * n],
    "one line": lambda n: ((" ".join(" ".join(GOLD).split()) + " ") * n)[: 6_000 * n],
    "capitals": lambda n: ("\n\n".join(GOLD).upper() * n)[: 6_000 * n],
    "bullets": lambda n: PLAN + "- Type 2 diabetes, A1c 7. Continue metformin.\n" * (50 * n),
    "list": lambda n: PLAN + "diabetes, " * (125 * n),
    "mentions": lambda n: PLAN + "Diabetes is stable. " * (75 * n),
    "events": lambda n: "HPI: History of stroke in 2019. " * (25 * n) + PLAN + "Recent stroke. " * (50 * n),
    "two sides": lambda n: PLAN + "Ulcer of right foot. Ulcer of left foot. " * (37 * n),
    "doubted": lambda n: PLAN + "Suspected lung cancer. We then spoke of the lung cancer with family. " * (25 * n),
    "drugs": lambda n: "MEDICATIONS:\n" + "metformin 500 mg\nfurosemide 40 mg\n" * (75 * n) + PLAN + "Diabetes.",
    "negations": lambda n: "ROS: " + "no diabetes, denies heart failure, " * (50 * n),
    "cues": lambda n: PLAN + "no evidence of possible " * (50 * n) + "diabetes",
    "headings": lambda n: "ASSESSMENT:\nPLAN:\nPAST MEDICAL HISTORY:\nDiabetes\n" * (25 * n),
    "stay": lambda n: "Discharge Diagnosis\n" * (75 * n),
    "family": lambda n: "FAMILY HISTORY: " + "mother had diabetes and father had stroke, " * (37 * n),
    "blanks": lambda n: " " * (5000 * n),
    "no blanks": lambda n: "diabetes" * (125 * n),
}


def calls(work: Callable[[], object]) -> int:
    """Function calls of some work with nothing remembered, of C functions too: what no busy machine changes."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    nlp.forget()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("make", WORST.values(), ids=WORST.keys())
def test_the_work_grows_with_the_length_of_a_note_and_not_with_its_square(make: Callable[[int], str]) -> None:
    nlp.warm()
    once, fourfold = make(1), make(4)
    nlp.find(fourfold)  # what is made once in a process
    assert calls(lambda: nlp.find(fourfold)) < 4 * calls(lambda: nlp.find(once)) * 1.3


def test_the_work_does_not_grow_with_the_number_of_rules() -> None:
    """Of the families that a note does not name, none is looked at."""
    everything = load()
    texts = GOLD[:5]
    named = {x.family for text in texts for r in [nlp.read(text)] for x in (*r.findings, *r.suppressed)}
    few = with_families(everything, {n: f for n, f in everything.families.items() if n in named})
    assert len(few.families) < len(everything.families) / 10

    def reading(rules: Catalog) -> int:
        return sum(calls(lambda t=t: nlp.understood(t, None, rules, False)) for t in texts)  # type: ignore[misc]

    reading(everything)  # what is made once in a process
    assert reading(everything) < reading(few) * 1.2


def test_sentences_that_come_again_are_analysed_once() -> None:
    nlp.forget()
    note = "ASSESSMENT:\nDiabetes without nephropathy.\nNo evidence of heart failure."
    nlp.find(note)
    asked = pipeline.cues.cache_info().misses
    assert asked > 0
    nlp.find("PLAN OF ANOTHER DAY\n" + note)
    assert pipeline.cues.cache_info().misses == asked


def test_what_is_copied_forward_is_hardly_analysed_again() -> None:
    nlp.forget()
    for text in GOLD:
        nlp.find(text)
    known = pipeline.cues.cache_info()
    for text in COPIED:
        nlp.find(text)
    now = pipeline.cues.cache_info()
    assert now.hits - known.hits > 500
    # beside another half, a sentence may be asked for the first time: one that names a drug of its conditions
    assert now.misses - known.misses < (now.hits - known.hits) / 20


def test_a_note_that_comes_again_is_not_read_again() -> None:
    nlp.forget()
    first = nlp.read(GOLD[0], first_pass=["I10"])
    cuts = nlp.sheet_of.cache_info().misses
    assert nlp.read(GOLD[0]).findings
    assert nlp.read(GOLD[0], first_pass=["I10"]) == first
    assert nlp.sheet_of.cache_info().misses == cuts
    nlp.forget()
    assert nlp.read(GOLD[0], first_pass=["I10"]) == first
    assert nlp.sheet_of.cache_info().misses == 1


def test_spacy_never_sees_the_words_of_a_note() -> None:
    """Its vocabulary would keep them, and grow as long as a worker lives."""
    from spacy.strings import StringStore

    nlp.warm()
    gc.unfreeze()  # what is frozen is not listed
    stores: list[StringStore] = [x for x in gc.get_objects() if type(x) is StringStore]  # a dead proxy has no class
    gc.freeze()
    assert stores
    assert pipeline.cues("no evidence of qwertyuiopathy or zxcvbnmitis, history of asdfghjkoma.")
    assert not any("qwertyuiopathy" in store for store in stores)


def readings(texts: list[str]) -> list[str]:
    return [json.dumps(nlp.read(t, first_pass=["E11.9", "I10"]).as_dict(), ensure_ascii=False) for t in texts]


def test_a_reading_is_the_same_whatever_was_read_before() -> None:
    texts = [*GOLD, *COPIED]
    expected = []
    for text in texts:
        nlp.forget()
        expected += readings([text])
    order = list(range(len(texts)))
    random.Random(4).shuffle(order)
    for numbers in (order, order[::-1]):
        nlp.forget()
        assert readings([texts[i] for i in numbers]) == [expected[i] for i in numbers]
        assert readings([texts[i] for i in numbers]) == [expected[i] for i in numbers]


@pytest.mark.parametrize("options", [("--jobs", "1"), ("--jobs", "2")], ids=" ".join)
def test_a_reading_is_the_same_in_every_process(options: tuple[str, ...]) -> None:
    rows = [{"note_id": str(i), "text": text, "first_pass": ["E11.9", "I10"]} for i, text in enumerate(GOLD)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    expected = [json.dumps({"note_id": str(i)} | json.loads(r)) for i, r in enumerate(readings(GOLD))]
    for seed in ("0", "1"):
        out = subprocess.run(
            [sys.executable, "-m", "nlp", "-", *options],
            input=lines,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        assert [json.dumps(json.loads(line)) for line in out.splitlines()] == expected
        assert all(json.loads(line)["ruleset"] == nlp.ruleset() for line in out.splitlines())


def test_a_text_knows_its_words() -> None:
    low = Text("a1c of 7.2, copd")
    assert low.words == ["a", "1", "c", "of", "7", ".", "2", ",", "copd"]
    assert [low[s : s + len(w)] for s, w in zip(low.starts, low.words, strict=True)] == low.words
    assert low.beginnings["cop"] == [12]
