"""V07, the signature; V09, the attestation; V11, late entries. From the fields, and from the words of the note."""

import re

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import DATE, TITLE, Case, plain, read_date, span
from coding.acceptability.provider import credentials
from coding.acceptability.rulebook import Credential, SignaturePhrase, SignatureStatus
from coding.intake.values import NoteValues

ADDENDUM = re.compile(r"^[ \t*\[(]*(?:late entry|addend(?:um|ed)|amended|amendment)\b", re.I | re.M)
A_DATE = re.compile(DATE, re.I)
ATTESTATION = re.compile(
    r"\b(?:CMS[- ]generated|RADV) attestation\b|\battestation (?:for|of) (?:a |the )?missing\b", re.I
)


def signed(case: Case) -> Check:
    """V07. The field says whether the record is signed; a phrase in the text can sign it, and can unsign it."""
    encounter = case.encounter
    if (
        encounter.signature_name
        and encounter.provider_name
        and not _same_person(encounter.signature_name, encounter.provider_name)
    ):
        return case.answer(
            "V07",
            NOT_MET,
            "Signed by another person than the rendering provider.",
            Evidence("signature.name"),
            Evidence("provider.name"),
        )
    status = _status(case)
    accepted, rejected = phrases(case)
    if rejected:
        row, evidence = rejected
        # Where nothing signs the plain rule fails it; where something does, only the reading of the phrase.
        rule = "" if row.absent and not accepted and not (status and status.accepts) else row.rule_id
        return case.answer(
            "V07", NOT_MET, "A phrase in the note says that it is not signed in an acceptable way.", evidence, also=rule
        )
    if status and not status.accepts:
        if accepted:
            return case.answer(
                "V07",
                UNKNOWN,
                "The field says unsigned, the note says signed.",
                Evidence("signature.status"),
                accepted[1],
            )
        return case.answer(
            "V07", NOT_MET, "The record is not signed in an acceptable way.", Evidence("signature.status")
        )
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


def _same_person(one: str, other: str) -> bool:
    names = [{token for token in re.findall(r"\w+", name.casefold()) if len(token) > 1} for name in (one, other)]
    return bool(names[0] & names[1])


def _status(case: Case) -> SignatureStatus | None:
    value = " ".join(case.encounter.signature_status.lower().split())
    if not value:
        return None
    return next((row for row in case.view.all(SignatureStatus) if value in row.values), None)


def phrases(case: Case) -> tuple[tuple[SignaturePhrase, Evidence] | None, tuple[SignaturePhrase, Evidence] | None]:
    """The first phrase of the notes that signs, and the first that unsigns. A phrase that needs a name and a credential
    after it is no signature without them: 'reviewed by cardiology' signs nothing."""
    accepted: tuple[SignaturePhrase, Evidence] | None = None
    rejected: tuple[SignaturePhrase, Evidence] | None = None
    table = credentials(case.view)
    for note in case.encounter.notes:
        for row, found in _phrases(case, note):
            if not row.accepts:
                # In the middle of a note it is the patient who has not signed something.
                if found.start() < TITLE or found.end() > len(note.text) - TITLE:
                    rejected = rejected or (row, span(note, found))
            elif accepted is None and (not row.named or _named(note, found.end(), table)):
                accepted = row, span(note, found)
    return accepted, rejected


def _named(note: NoteValues, place: int, table: dict[str, Credential]) -> bool:
    line = note.text[place : place + 120].lstrip().partition("\n")[0]
    return any(re.sub(r"[^A-Z]", "", word.upper()) in table for word in re.split(r"[\s,]+", line)[:8] if word)


def _phrases(case: Case, note: NoteValues) -> list[tuple[SignaturePhrase, re.Match[str]]]:
    """The phrases of the note, in order."""
    return case.once(("signature phrases", note.note_id), lambda: _find_phrases(case, note))


def _find_phrases(case: Case, note: NoteValues) -> list[tuple[SignaturePhrase, re.Match[str]]]:
    """Longer phrases are tried first: 'dictated but not signed' is not 'signed'. Only the phrases that are there at all
    are compiled, as one expression without flags over lower-case text, which is what the engine is quick at."""
    view, text = case.view, case.lower(note)
    rows = view.memo.get("signature phrases")
    if rows is None:
        every = {phrase: row for row in view.all(SignaturePhrase) for phrase in row.phrases}
        rows = view.memo["signature phrases"] = dict(sorted(every.items(), key=lambda item: -len(item[0])))
    flat = " ".join(text.split())
    there = tuple(phrase for phrase in rows if phrase in flat)
    if not there:
        return []
    same = len(text) == len(note.text)  # a few letters grow in lower case, and move all places
    pattern = view.memo.get((there, same))
    if pattern is None:
        joined = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in there)
        pattern = view.memo[there, same] = re.compile(rf"(?:{joined})\b", 0 if same else re.I)
    searched = text if same else note.text
    return [
        (rows[" ".join(found.group().lower().split())], found)
        for found in pattern.finditer(searched)
        if not searched[found.start() - 1 : found.start()].isalnum()
    ]


def attestation(case: Case) -> Check:
    """V09: an attestation can cure an outpatient record, inside a RADV audit; never an inpatient one."""
    for note in case.encounter.notes:
        evidence = Evidence("note.type", note.note_id) if "attestation" in plain(note.note_type) else None
        found = ATTESTATION.search(note.text) if case.mentions(note, ("attestation",)) else None
        if evidence is None and found is None:
            continue
        evidence = evidence or span(note, found)  # type: ignore[arg-type]
        if case.encounter.setting == "inpatient" or (
            case.encounter.claim and case.encounter.claim.type_of_bill.lstrip("0")[:2] in ("11", "41")
        ):
            return case.answer("V09", NOT_MET, "An attestation does not cure an inpatient record.", evidence)
        return case.answer(
            "V09",
            MET,
            "An attestation is there; it cures a missing signature or credential inside a RADV audit only.",
            evidence,
        )
    return case.answer("V09", MET, "No attestation is used.")


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
            if not any(row.accepts and hit.start() > found.start() for row, hit in _phrases(case, note)):
                return case.answer("V11", NOT_MET, "An addendum is not signed.", evidence)
    return case.answer("V11", MET, "No late entry, or dated, signed and in time.")
