"""V05: face to face. What shows how the visit was held, and what that answers in the program and year."""

import re

from coding.acceptability.answers import NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import TITLE, Case, plain, span
from coding.acceptability.encounter_filter import AUDIO, bare_type_of_bill, counting_lines, has_modifier
from coding.acceptability.record_type import stands_alone
from coding.acceptability.rulebook import ModeAnswer, View, VisitMode, in_ranges

# What weakens the record comes first: one word of "audio only" outweighs a modifier for video.
ORDER = (AUDIO, "asynchronous", "video", "in person")
WORDS = {
    AUDIO: "by sound alone",
    "asynchronous": "without a conversation in real time",
    "video": "with sound and picture",
    "in person": "in person",
}


def check(case: Case) -> Check:
    mode = mode_of_visit(case)
    if mode is None:
        rule_id = "V05" if case.view.rule("V05") else "V05.hhs"
        if stands_alone(case).answer == NOT_MET:
            return case.answer(rule_id, UNKNOWN, "The documents record no visit.")
        return case.answer(rule_id, UNKNOWN, "Nothing says how the visit was held.")
    name, sign, evidence = mode
    for row in case.view.all(ModeAnswer):
        if row.mode == name:
            return case.answer(row.rule_id, row.answer, f"The visit was held {WORDS[name]}.", evidence, also=sign)
    return case.answer("V05", UNKNOWN, "No rule is in force for this kind of visit.", evidence)


def mode_of_visit(case: Case) -> tuple[str, str, Evidence] | None:
    return case.once("mode", lambda: _mode_of_visit(case))


def _mode_of_visit(case: Case) -> tuple[str, str, Evidence] | None:
    """(mode, the rule that reads it so, evidence), or None where nothing shows it.

    A claim counts as given by sound alone only when every line that counts says so.
    """
    if stands_alone(case).answer == NOT_MET and not _called(case):
        return None
    if case.encounter.setting == "inpatient":
        return "in person", "V05.signs", Evidence("setting")
    for rows in _rows(case.view):
        for row, _, _ in rows:
            if hit := _by_claim(case, row):
                return row.mode, row.rule_id, hit
        for row, title, phrase in rows:
            if hit := _by_note(case, row, title, phrase):
                return row.mode, row.rule_id, hit
    return None


def _called(case: Case) -> bool:
    """Calls and messages are no visits, and they are no meetings either."""
    rows = [row for row in case.view.all(VisitMode) if row.mode in ORDER[:2]]
    return any(plain(note.note_type) in row.note_types for note in case.encounter.notes for row in rows)


def _by_claim(case: Case, row: VisitMode) -> Evidence | None:
    claim = case.encounter.claim
    if claim is None:
        return None
    lines = counting_lines(case)
    some = all if row.mode in (AUDIO, "asynchronous") else any
    if lines and row.modifiers and some(has_modifier(line, row.modifiers) for line in lines):
        return Evidence("claim.lines.modifiers")
    if claim.place_of_service in row.places_of_service:
        return Evidence("claim.place_of_service")
    bill = bare_type_of_bill(claim)
    if bill and bill.startswith(row.types_of_bill):
        return Evidence("claim.type_of_bill")
    remote = claim.place_of_service in ("02", "10")  # an office visit code there says nothing of how it was held
    in_person_elsewhere = remote and row.mode == "in person"
    if lines and not in_person_elsewhere and some(in_ranges(line.procedure, row.procedures) for line in lines):
        return Evidence("claim.lines.procedure")
    return None


def _by_note(
    case: Case, row: VisitMode, title: re.Pattern[str] | None, phrase: re.Pattern[str] | None
) -> Evidence | None:
    notes = case.encounter.notes
    for note in notes:
        if note.note_type and plain(note.note_type) in row.note_types:
            return Evidence("note.type", note.note_id)
    for note in notes:
        if (title or phrase) and case.mentions(note, row.anchors):
            found = (title and title.search(note.text, 0, TITLE)) or (phrase and phrase.search(note.text))
            if found:
                return span(note, found)
    return None


Compiled = tuple[VisitMode, re.Pattern[str] | None, re.Pattern[str] | None]


def _rows(view: View) -> list[list[Compiled]]:
    """The rows with their titles and phrases compiled, by mode, in the order in which the modes decide."""
    made = view.memo.get("visit modes")
    if made is None:
        rows = view.all(VisitMode)
        made = view.memo["visit modes"] = [
            [(row, _joined(row.titles), _joined(row.phrases)) for row in rows if row.mode == mode] for mode in ORDER
        ]
    return made


def _joined(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns), re.I) if patterns else None
