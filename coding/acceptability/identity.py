"""V03: the record is the enrollee's. The name must stand on it, and a second identifier must agree."""

import re
import unicodedata

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import DATE, Case, read_date, span, ways_to_write
from coding.intake.values import NoteValues

ACCENTED = {
    ord(letter): plain
    for letter in map(chr, range(0xE0, 0x250))
    if len(plain := unicodedata.normalize("NFD", letter)[0]) == 1 and plain.isascii() and plain != letter
}
HEADER = 1500  # code points in which a record says whose it is

_WORD = r"[A-Z][A-Za-z'’\-]*\.?"
LABELLED_NAME = re.compile(
    r"^[ \t]*(?i:patient(?:[ ]name)?|pt|resident|member(?:[ ]name)?|enrollee|name)[ ]*[:#][ \t]*"
    rf"(?P<name>{_WORD}(?:,?[ ]{_WORD}){{1,3}})"
    r"(?=[ \t]*$|[ ]{2,}|\t|[ ]*[|(,;]|[ ]+(?i:DOB|MRN|DOS|D\.O\.B|date|born|age)\b)",
    re.M,
)
BIRTH_LABELS = ("dob", "d.o.b", "date of birth", "birth", "born")
LABELLED_BIRTH = re.compile(
    rf"\b(?:DOB|D\.O\.B\.|date of birth|birth ?date|born)\b[ ]*[:#-]?[ ]*(?:on[ ]+)?(?P<date>{DATE})", re.I
)
# Words before a birth date that make it somebody else's.
RELATIVE = re.compile(
    r"\b(?:mother|father|parent|son|daughter|child(?:ren)?|baby|infant|twins?|sister|brother|sibling|wife|husband|spouse"
    r"|partner|caregiver|guarantor|subscriber|contact|guardian)\b[^.\n]{0,40}$",
    re.I,
)


def check(case: Case) -> Check:
    """V03. One document of another person fails the whole encounter: it has to be taken out first."""
    member, notes = case.member, case.encounter.notes
    read = [note for note in notes if note.text.strip()]
    if not read:
        return case.answer("V03", UNKNOWN, "There is no text to read a name in.")
    for note in read:
        stranger = _another_person(case, note)
        if stranger:
            what, evidence = stranger
            return case.answer("V03", NOT_MET, f"A document bears another {what} than the member's.", evidence)
    if not member.family_name:
        return case.answer("V03", UNKNOWN, "The chart does not give the member's name.", Evidence("member.name"))
    found: list[Evidence] = []
    for note in read:
        name = _find_name(case, note)
        if name is None:
            return case.answer(
                "V03", UNKNOWN, "A document does not bear the member's name.", Evidence("note.text", note.note_id)
            )
        second = _find_second(case, note)
        if second is None:
            return case.answer(
                "V03", UNKNOWN, "The name agrees, but a document has no second identifier (birth date, MBI).", name
            )
        found += [name, second]
    return case.answer("V03", MET, "Name and a second identifier agree.", *found)


def _another_person(case: Case, note: NoteValues) -> tuple[str, Evidence] | None:
    member = case.member
    known = _tokens(f"{member.family_name} {member.given_name}")
    signers = _tokens(f"{case.encounter.provider_name} {case.encounter.signature_name}")
    for label in LABELLED_NAME.finditer(note.text, 0, HEADER):
        if member.family_name and not (known | signers) & _tokens(label["name"]):
            return "name", span(note, label, "name")
    for label in case.labelled(note, BIRTH_LABELS, LABELLED_BIRTH):
        if label.start() > HEADER:
            break
        if RELATIVE.search(note.text, max(0, label.start() - 60), label.start()):
            continue
        born = read_date(label["date"])
        if born and (born.month, born.day, born.year % 100) != (
            member.birth_date.month,
            member.birth_date.day,
            member.birth_date.year % 100,
        ):
            return "birth date", span(note, label, "date")
    return None


def _tokens(name: str) -> set[str]:
    return {token for token in re.split(r"[^\w]+", plain_letters(name.lower())) if len(token) > 1}


def plain_letters(lower: str) -> str:
    """Lower-case text without accents, letter by letter: Peña is often typed Pena."""
    return lower if lower.isascii() else lower.translate(ACCENTED)


def _find_name(case: Case, note: NoteValues) -> Evidence | None:
    """The family name, with the given name or its initial beside it somewhere in the note."""
    member, text = case.member, plain_letters(case.lower(note))
    family = plain_letters(member.family_name.lower())
    given = (plain_letters(member.given_name.lower()).split() or [""])[0]
    place = text.find(family)
    while place >= 0:
        beside = text[max(0, place - 40) : place + len(family) + 40]
        if not given or given in beside or re.search(rf"\b{re.escape(given[0])}\b", beside):
            return _evidence(note, text, place, len(family))
        place = text.find(family, place + 1)
    return None


def _find_second(case: Case, note: NoteValues) -> Evidence | None:
    text = case.lower(note)
    for written in (*ways_to_write(case.member.birth_date), case.member.mbi.lower()):
        place = text.find(written) if written else -1
        if place >= 0:
            return _evidence(note, text, place, len(written))
    return None


def _evidence(note: NoteValues, lower: str, place: int, length: int) -> Evidence:
    """A few letters grow in lower case, and move all places: then only the field is named."""
    if len(lower) != len(note.text):
        return Evidence("note.text", note.note_id)
    return Evidence("note.text", note.note_id, place, place + length)
