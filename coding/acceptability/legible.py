"""V10: the record can be read."""

import re
from itertools import islice

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import Case

WORD = re.compile(r"[^\W\d_]{2,}")
WHOLE = re.compile(
    r"\b(?:note|record|document|page|handwriting|scan|entry)s?\b[^.\n]{0,40}\b(?:illegible|unreadable|not legible)\b"
    r"|\b(?:illegible|unreadable)\s+(?:\w+\s+){0,2}(?:note|record|document|page|handwriting|scan|entry)",
    re.I,
)
SHORT = 60  # words; a longer text that calls something unreadable has itself been read
GAPS = ("illegible", "unreadable", "unintelligible", "not legible", "\ufffd")
UNREADABLE = re.compile(
    r"[\[(<*]\s*(?:illegible|unreadable|unintelligible|not legible)[^\])>*\n]{0,30}[\])>*]|\ufffd+|\billegible\b", re.I
)


def check(case: Case) -> Check:
    """V10, from the text layer alone: too few words, or too many places that the transcriber could not read."""
    fewest, share = case.view.threshold("readable words"), case.view.threshold("unreadable share")
    if fewest is None or share is None:
        return case.answer("V10", UNKNOWN, "No limit is in force.")
    gaps, words, where, whole = 0, 0, "", False
    for note in case.encounter.notes:
        here = sum(1 for _ in UNREADABLE.finditer(note.text)) if case.mentions(note, GAPS) else 0
        gaps += here
        whole = whole or (here > 0 and WHOLE.search(note.text) is not None)
        where = where or (note.note_id if here else "")
        text = UNREADABLE.sub(" ", note.text) if here else note.text
        enough = None if here else fewest[0]  # without gaps it is only asked whether there are words at all
        words += sum(1 for _ in islice(WORD.finditer(text), enough))
    unread = sum(len(note.unread_pages) for note in case.encounter.notes)
    if words < fewest[0] and unread:
        return case.answer(
            "V10", UNKNOWN, f"{unread} pages hold no text, as scans do; a person has to look.", Evidence("note.text")
        )
    if words < fewest[0]:
        return case.answer("V10", NOT_MET, "There is no text that can be read.", Evidence("note.text"))
    if whole and words < SHORT:
        return case.answer(
            "V10", NOT_MET, "The record says of itself that it cannot be read.", Evidence("note.text", where)
        )
    if gaps * 100 > share[0] * (words + gaps):
        return case.answer(
            "V10", NOT_MET, f"{gaps} places cannot be read, among {words} words.", Evidence("note.text", where)
        )
    if gaps:
        return case.answer(
            "V10", UNKNOWN, f"{gaps} places cannot be read; a person has to look.", Evidence("note.text", where)
        )
    return case.answer("V10", MET, "The text can be read.")
