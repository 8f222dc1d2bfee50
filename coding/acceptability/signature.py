"""V07, the signature; V09, the attestation; V11, late entries. From the fields, and from the words of the note."""

import re
from collections.abc import Iterator

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import DATE, TITLE, Case, plain, read_date, span
from coding.acceptability.provider import credential_of, credentials
from coding.acceptability.rulebook import Credential, SignaturePhrase, SignatureStatus, View
from coding.intake.values import NoteValues

STEMS = ("sign", " by", "authentic", "dictated")
REACH = 60  # code points before and after a stem; longer phrases are searched for everywhere

ADDENDUM = re.compile(r"^[ \t*\[(]*(?:late entry|addend(?:um|ed)|amended|amendment)\b", re.I | re.M)
A_DATE = re.compile(DATE, re.I)
ATTESTATION = re.compile(
    r"\b(?:CMS[- ]generated|RADV|signature) attestation\b|\battestation (?:for|of) (?:a |the )?missing\b", re.I
)


def signed(case: Case) -> Check:
    """V07. The field says whether the record is signed; a phrase in the text can sign it, and can unsign it."""
    encounter = case.encounter
    if (
        encounter.signature_name
        and encounter.provider_name
        and not _same_person(encounter.signature_name, encounter.provider_name, credentials(case.view))
    ):
        return case.answer(
            "V07",
            NOT_MET,
            "Signed by another person than the rendering provider.",
            Evidence("signature.name"),
            Evidence("provider.name"),
        )
    if "attest" in encounter.signature_status.lower():
        return case.answer(
            "V07", UNKNOWN, "Signed by attestation, which cures inside a RADV audit only.", Evidence("signature.status")
        )
    status = _status(case)
    accepted, rejected = phrases(case)
    signs_for_another = accepted and accepted[2] and not _is_provider(case, accepted[2])
    if rejected:
        row, evidence = rejected
        # Where nothing signs the plain rule fails it; where something does, only the reading of the phrase.
        rule = "" if row.absent and not accepted and not (status and status.accepts) else row.rule_id
        return case.answer(
            "V07", NOT_MET, "A phrase in the note says that it is not signed in an acceptable way.", evidence, also=rule
        )
    if status and not status.accepts:
        if accepted:
            why = "The field says that it is not signed, although the note bears a signature."
            return case.answer("V07", NOT_MET, why, Evidence("signature.status"), accepted[1], also="V07.rejected")
        return case.answer(
            "V07", NOT_MET, "The record is not signed in an acceptable way.", Evidence("signature.status")
        )
    if accepted and signs_for_another and not status:
        why = "The note is signed with another name than the rendering provider's."
        return case.answer("V07", NOT_MET, why, accepted[1], also="V07.rejected")
    if status:
        evidence_too = (accepted[1],) if accepted else ()
        return case.answer("V07", MET, "The record is signed.", Evidence("signature.status"), *evidence_too)
    if accepted:
        return case.answer("V07", MET, "The note bears an electronic signature.", accepted[1], also=accepted[0].rule_id)
    if encounter.signature_date and encounter.signature_name:
        return case.answer(
            "V07",
            MET,
            "A signature with name and date is recorded.",
            Evidence("signature.name"),
            Evidence("signature.date"),
        )
    return case.answer(
        "V07", UNKNOWN, "Neither field nor note says whether the record is signed.", Evidence("signature.status")
    )


TITLES = {"dr", "doctor", "mr", "mrs", "ms", "miss", "prof", "professor", "jr", "sr", "ii", "iii", "iv"}


def _same_person(one: str, other: str, table: dict[str, Credential]) -> bool:
    """Whether two names can be one person's: the family name of one stands in the other. A middle name or a second
    family name may be left out; a given name, a title or a credential that they share says nothing."""
    first, second = _name(one, table), _name(other, table)
    return first == second or bool(first and second and (first[-1] in second or second[-1] in first))


def _name(name: str, table: dict[str, Credential]) -> list[str]:
    """The words of a name, the family name last ("Brand, Otto" is turned), without titles, credentials and initials."""

    def words(part: str) -> list[str]:
        found = re.findall(r"[^\W_]+", part.casefold().replace(".", ""))
        return [word for word in found if word not in TITLES and word.upper() not in table]

    family, _, given = name.partition(",")
    named = [*words(given), *words(family)] or re.findall(r"\w+", name.casefold())
    return [word for word in named if len(word) > 1] or named


def _status(case: Case) -> SignatureStatus | None:
    value = " ".join(case.encounter.signature_status.lower().split())
    if not value:
        return None
    return next((row for row in case.view.all(SignatureStatus) if value in row.values), None)


def _is_provider(case: Case, signer: str) -> bool:
    """Whether the name can be the rendering provider's; a record that names no provider leaves it open."""
    names = [name for name in (case.encounter.provider_name, case.encounter.signature_name) if name]
    return not names or any(_same_person(signer, name, credentials(case.view)) for name in names)


def phrases(
    case: Case,
) -> tuple[tuple[SignaturePhrase, Evidence, str] | None, tuple[SignaturePhrase, Evidence] | None]:
    """The phrase of the notes that signs, with the name after it, and the first that unsigns. Of several signatures the
    rendering provider's, else the first. A phrase that needs a name and a credential after it is no signature without
    them: 'reviewed by cardiology' signs nothing."""
    accepted: tuple[SignaturePhrase, Evidence, str] | None = None
    rejected: tuple[SignaturePhrase, Evidence] | None = None
    table = credentials(case.view)
    for note in case.encounter.notes:
        for row, start, end in _phrases(case, note):
            evidence = Evidence("note.text", note.note_id, start, end)
            if not row.accepts:
                # In the middle of a note it is the patient who has not signed something.
                if start < TITLE or end > len(note.text) - TITLE:
                    rejected = rejected or (row, evidence)
                continue
            signer = _signer(note, end, table)
            if (signer or not row.named) and (
                accepted is None or (accepted[2] and not _is_provider(case, accepted[2]) and _is_provider(case, signer))
            ):
                accepted = row, evidence, signer
    return accepted, rejected


def _signer(note: NoteValues, place: int, table: dict[str, Credential]) -> str:
    """The name between the phrase and the credential that follows it, on the same line or the next; "" without one."""
    lines = note.text[place : place + 120].lstrip(" :\t\n").split("\n")[:2]
    words = [word for word in re.split(r"[\s,:]+", " ".join(lines)) if word][:8]
    for index, word in enumerate(words):
        if index and credential_of(" ".join(words[index : index + 2]), table):
            return " ".join(words[:index])
        if index == 0 and credential_of(word, table):
            return word
    return ""


Phrase = tuple[SignaturePhrase, int, int]


def _phrases(case: Case, note: NoteValues) -> list[Phrase]:
    """The phrases of the note with their places, in order."""
    return case.once(("signature phrases", note.note_id), lambda: _find_phrases(case, note))


def _find_phrases(case: Case, note: NoteValues) -> list[Phrase]:
    """Longer phrases take their place first: 'dictated but not signed' is not 'signed'. A phrase may be broken over two
    lines. Only the surroundings of a few stems are read: a note is long, and each search over all of it costs."""
    text = case.lower(note).replace("\n", " ")
    if len(text) != len(note.text):  # a few letters grow in lower case, and move all places
        text = "".join(char.lower() if len(char.lower()) == 1 else char for char in note.text).replace("\n", " ")
    with_stem, others = _by_stem(case.view)
    found: list[Phrase] = []
    for low, high in _around_stems(text):
        found += _in_part(text, low, high, with_stem, found)
    found += _in_part(text, 0, len(text), others, found)
    return sorted(found, key=lambda item: item[1])


def _in_part(
    text: str, low: int, high: int, phrases: list[tuple[str, SignaturePhrase]], taken: list[Phrase]
) -> list[Phrase]:
    found: list[Phrase] = []
    for phrase, row in phrases:
        start = text.find(phrase, low, high)
        while start >= 0:
            end = start + len(phrase)
            whole = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
            if whole and not any(start < other[2] and other[1] < end for other in (*taken, *found)):
                found.append((row, start, end))
            start = text.find(phrase, start + 1, high)
    return found


def _around_stems(text: str) -> list[tuple[int, int]]:
    """Parts of the text that hold every phrase with a stem, in order and without overlap."""
    parts: list[tuple[int, int]] = []
    for place in sorted(place for stem in STEMS for place in _places(text, stem)):
        if parts and place - REACH <= parts[-1][1]:
            parts[-1] = parts[-1][0], place + REACH
        else:
            parts.append((max(0, place - REACH), place + REACH))
    return parts


def _places(text: str, stem: str) -> Iterator[int]:
    place = text.find(stem)
    while place >= 0:
        yield place
        place = text.find(stem, place + 1)


def _by_stem(view: View) -> tuple[list[tuple[str, SignaturePhrase]], list[tuple[str, SignaturePhrase]]]:
    """The phrases that hold a stem and fit into its surroundings, and the others; longer ones first."""
    made = view.memo.get("signature phrases")
    if made is None:
        rows = [(phrase, row) for row in view.all(SignaturePhrase) for phrase in row.phrases]
        rows.sort(key=lambda item: -len(item[0]))
        near = [item for item in rows if len(item[0]) <= REACH and any(stem in item[0] for stem in STEMS)]
        made = view.memo["signature phrases"] = near, [item for item in rows if item not in near]
    return made


def attestation(case: Case) -> Check:
    """V09: an attestation can cure an outpatient record, inside a RADV audit; never an inpatient one."""
    for evidence in _attestations(case):
        bill = case.encounter.claim.type_of_bill.lstrip("0")[:2] if case.encounter.claim else ""
        if case.encounter.setting == "inpatient" or bill in ("11", "41"):
            return case.answer("V09", NOT_MET, "An attestation does not cure an inpatient record.", evidence)
        why = "An attestation is there; it cures a missing signature or credential inside a RADV audit only."
        return case.answer("V09", MET, why, evidence)
    return case.answer("V09", MET, "No attestation is used.")


def _attestations(case: Case) -> Iterator[Evidence]:
    if "attest" in case.encounter.signature_status.lower():
        yield Evidence("signature.status")
    for note in case.encounter.notes:
        if "attestation" in plain(note.note_type):
            yield Evidence("note.type", note.note_id)
        elif case.mentions(note, ("attestation",)):
            found = ATTESTATION.search(note.text)
            if found:
                yield span(note, found)


def amended(case: Case) -> Check:
    """V11: signatures and addenda come within the set number of days, and an addendum is dated and signed."""
    limit = case.view.threshold("days to amend or sign")
    if limit is None:
        return case.answer("V11", UNKNOWN, "No limit is in force.")
    days, through = limit[0], case.encounter.date_through
    if case.encounter.signature_date and (case.encounter.signature_date - through).days > days:
        late = (case.encounter.signature_date - through).days
        return case.answer(
            "V11",
            NOT_MET,
            f"Signed {late} days after the date of service; the limit set is {days}.",
            Evidence("signature.date"),
        )
    for note in case.encounter.notes:
        for found in ADDENDUM.finditer(note.text) if case.mentions(note, ("late entry", "addend", "amend")) else ():
            evidence = span(note, found)
            rest = note.text[found.start() :]
            written = A_DATE.search(rest, 0, 160) or A_DATE.search(rest)
            day = read_date(written.group()) if written else None
            if day is None:
                return case.answer("V11", NOT_MET, "An addendum has no date.", evidence)
            if (day - through).days > days:
                return case.answer(
                    "V11",
                    NOT_MET,
                    f"An addendum is dated {(day - through).days} days after the date of service; the limit is {days}.",
                    evidence,
                )
            signers = [
                _signer(note, end, credentials(case.view))
                for row, start, end in _phrases(case, note)
                if row.accepts and start > found.start()
            ]
            if not signers:
                return case.answer("V11", NOT_MET, "An addendum is not signed.", evidence)
            if not any(not signer or _is_provider(case, signer) for signer in signers[:1]):
                why = "An addendum is signed with another name than the rendering provider's."
                return case.answer("V11", NOT_MET, why, evidence)
    return case.answer("V11", MET, "No late entry, or dated, signed and in time.")
