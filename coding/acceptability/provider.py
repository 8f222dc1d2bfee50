"""V06, the provider's specialty, and V08, the credential."""

import re
from functools import lru_cache

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import Case
from coding.acceptability.rulebook import Credential, Specialty, View

# What follows a name is only looked at: in "Jo Chen, MD" the word Chen is tried as a credential and then as a name.
# A state with its ZIP code is no credential.
AFTER_NAME = re.compile(
    r"\b(?P<name>[A-Z][A-Za-z'’\-]+)(?P<comma>,?)(?:[ ]+|[ ]*\n[ ]*)"
    r"(?=(?P<words>[A-Z][A-Za-z.\-]*(?:[ ][A-Z][A-Za-z.\-]*)?)(?![A-Za-z]|[ ]+\d{5}))"
)


def specialty(case: Case) -> Check:
    """V06. The code is CMS's two-character specialty code; '8' is read as '08'."""
    code = case.encounter.provider_specialty.strip().upper()
    if not code:
        return case.answer("V06", UNKNOWN, "The provider's specialty is not given.", Evidence("provider.specialty"))
    code = code.zfill(2)
    for row in case.view.all(Specialty):
        if code in row.codes:
            words = "is" if row.acceptable else "is not"
            return case.answer(
                "V06", MET if row.acceptable else NOT_MET, f"Specialty {code} {words} on the list of acceptable types.",
                Evidence("provider.specialty"), also=row.rule_id,
            )  # fmt: skip
    return case.answer("V06", UNKNOWN, "The specialty code is in none of the tables.", Evidence("provider.specialty"))


def credential(case: Case) -> Check:
    """V08. The fields are asked first, then the words beside the provider's name in the notes."""
    encounter, table = case.encounter, credentials(case.view)
    refused: tuple[Credential, Evidence] | None = None
    stranger: Evidence | None = None
    for field, value in (
        ("signature.credential", encounter.signature_credential),
        ("provider.credential", encounter.provider_credential),
    ):
        rows = [table.get(name) for name in _names(value)]
        for row in rows:
            if row and row.acceptable:
                return case.answer("V08", MET, "The provider's credential is given.", Evidence(field), also=row.rule_id)
            if row:
                refused = row, Evidence(field)
        if rows and not any(rows):
            stranger = Evidence(field)
    if refused:
        return case.answer(
            "V08", NOT_MET, "The credential is not one of an acceptable provider.", refused[1], also=refused[0].rule_id
        )
    if stranger:
        return case.answer("V08", UNKNOWN, "The credential is in none of the tables.", stranger)
    if not any(note.text.strip() for note in encounter.notes):
        return case.answer("V08", UNKNOWN, "No credential is given, and there is no text to read one in.")
    known = {
        token
        for name in (encounter.signature_name, encounter.provider_name)
        for token in re.findall(r"[\w'’\-]{2,}", name.casefold())
    }
    beside_another: Evidence | None = None
    for note in encounter.notes:
        for found in AFTER_NAME.finditer(note.text):
            row = credential_of(found["words"], table)
            if row is None:
                continue
            evidence = Evidence("note.text", note.note_id, found.start("name"), found.end("words"))
            if found["name"].casefold() in known if known else found["comma"]:
                answer, words = (
                    (MET, "The credential stands")
                    if row.acceptable
                    else (NOT_MET, "A credential of no acceptable provider stands")
                )
                return case.answer("V08", answer, f"{words} beside the name on the record.", evidence, also=row.rule_id)
            beside_another = beside_another or evidence
    if beside_another:
        why = "A credential stands on the record, but beside another name than the provider's."
        return case.answer("V08", UNKNOWN, why, beside_another)
    said = (
        encounter.provider_name, encounter.provider_npi, encounter.provider_specialty, encounter.signature_status,
        encounter.signature_name, encounter.signature_date,
    )  # fmt: skip
    if not any(said) and not any(
        case.mentions(note, ("signed", "signature", "authenticated")) for note in encounter.notes
    ):
        why = "Nothing is known of the provider and the signature, and no credential stands in the text."
        return case.answer("V08", UNKNOWN, why, Evidence("provider.credential"))
    return case.answer(
        "V08", NOT_MET, "No credential stands in the fields or on the record.", Evidence("provider.credential")
    )


def credentials(view: View) -> dict[str, Credential]:
    made = view.memo.get("credentials")
    if made is None:
        made = view.memo["credentials"] = {
            name.replace(" ", ""): row for row in view.all(Credential) for name in row.names
        }
    return made


def credential_of(words: str, table: dict[str, Credential]) -> Credential | None:
    """The credential that the words begin with: 'Nurse Practitioner', 'M.D. Cardiology'."""
    return table.get(_bare(words)) or table.get(_bare(words.partition(" ")[0]))


@lru_cache(maxsize=10_000)
def _bare(word: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", word.upper())


def _names(value: str) -> list[str]:
    """'MD, FACP' gives both; the whole is tried as well, for 'Nurse Practitioner' and 'M.D.'"""
    if not value.strip():
        return []
    return [_bare(value), *(_bare(part) for part in re.split(r"[,/;\s]+", value) if _bare(part))]
