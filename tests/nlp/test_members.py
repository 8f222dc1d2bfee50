"""A member's notes after each other: copied sentences and contradictions between them, through the command too."""

import json
import subprocess
import sys
from typing import Any

import pytest

import nlp
from nlp.copied import sentences
from nlp.members import Member

COPIED = "Heart failure is compensated on torsemide, daily weights go on."
NIECE = "Her niece keeps the list of what she takes."
FIRST = f"ASSESSMENT:\n1. {COPIED}\n2. Gout."
SECOND = f"PAST MEDICAL HISTORY: No history of gout.\r\nASSESSMENT:\r\n1. {COPIED.upper()}\r\nNew today: knee pain."
THIRD = "PAST MEDICAL HISTORY: No history of CHF.\nASSESSMENT: Knee pain."


def read(*texts: str) -> list[dict[str, Any]]:
    member = Member()
    return [
        member.add(f"n{number}", text, f"2026-0{number}-10", nlp.read(text).statements)
        for number, text in enumerate(texts, 1)
    ]


def test_a_sentence_of_an_earlier_note_is_marked_with_the_newest_that_has_it() -> None:
    first, second, third = read(FIRST, SECOND, FIRST)
    assert first["copied"] == []
    ((start, end, note),) = second["copied"]
    assert (SECOND[start:end], note) == (f"1. {COPIED.upper()}".removeprefix("1. "), "n1")
    assert [note for _, _, note in third["copied"]] == ["n2"]


def test_short_sentences_are_written_again_without_copying() -> None:
    assert [one["copied"] for one in read("Continue metformin.", "Continue metformin.")] == [[], []]


@pytest.mark.parametrize(
    "text", ["", "One.", COPIED, f"  {COPIED}  ", f"{COPIED} {COPIED}\n\n{COPIED}", "word " * 5000]
)
def test_sentences_stand_in_the_text_and_in_order(text: str) -> None:
    spans = list(sentences(text))
    assert spans == sorted(spans)
    assert all(text[a:b] == text[a:b].strip() and len(text[a:b].split()) >= 6 for a, b in spans)


def test_a_contradiction_is_said_with_the_later_of_its_notes() -> None:
    first, second, third = read(FIRST, "ASSESSMENT: Hypertension, at goal.", THIRD)
    assert first["between"] == second["between"] == []
    (one,) = third["between"]
    assert (one["kind"], one["family"], one["icd10"]) == ("denied", "heart_failure", "I50.9")
    assert [(note, {"n1": FIRST, "n3": THIRD}[note][a:b]) for note, a, b in one["sides"]] == [
        ("n1", "Heart failure"),
        ("n3", "No history of CHF"),
    ]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_compares_the_notes_of_a_member_and_no_others(jobs: str) -> None:
    lines = [
        {"note_id": "a1", "member_id": "A", "text": f"{FIRST}\n{NIECE}", "date_of_service": "2026-01-10"},
        {"note_id": "b1", "member_id": "B", "text": THIRD},
        {"note_id": "x", "text": FIRST},
        {"note_id": "bad", "member_id": [], "text": FIRST},
        {"note_id": "a2", "member_id": "A", "text": f"{THIRD} {NIECE}", "date_of_service": "2026-02-10"},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "nlp", "-", "--jobs", jobs],
        input="\n".join(map(json.dumps, lines)),
        capture_output=True,
        text=True,
        check=False,
    )
    first, other, alone, second = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (1, "line 4: member_id is neither text nor a number\n")
    assert (first["copied"], first["between"], other["copied"], other["between"]) == ([], [], [], [])
    assert "copied" not in alone
    assert [note for _, _, note in second["copied"]] == ["a1"]
    assert [one["sides"][0][0] for one in second["between"]] == ["a1"]
