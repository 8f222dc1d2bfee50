"""A chart as plain values, whatever format it came in, and what is said when it did not come in whole.

Field names are those of the tables, so that the import compares and stores them by name. "" , None and an empty
collection are *unknown*. The classes have no repr of their own: a value here is a patient's, and must not reach a log.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

UNKNOWN: tuple[Any, ...] = ("", None, (), [], {})


@dataclass(frozen=True, repr=False)
class MemberValues:
    member_id: str
    birth_date: date
    sex: str  # F or M
    mbi: str = ""
    family_name: str = ""
    given_name: str = ""


@dataclass(frozen=True, repr=False)
class EnrollmentValues:
    payment_year: int
    program: str
    contract: str = ""
    county: str = ""
    dual: str = ""
    orec: str = ""
    institutional: bool | None = None
    new_enrollee: bool | None = None
    switched_ma_organization: bool | None = None
    facts: Mapping[str, Any] = field(
        default_factory=dict
    )  # what only some programs use, as `python -m scoring` names it


@dataclass(frozen=True, repr=False)
class ClaimLineValues:
    procedure: str
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class ClaimValues:
    icn: str = ""
    claim_type: str = ""
    type_of_bill: str = ""
    place_of_service: str = ""
    accepted: bool | None = None
    lines: tuple[ClaimLineValues, ...] = ()


@dataclass(frozen=True, repr=False)
class PageValues:
    """A page of a PDF as it is shown. words: [[start, end, left, top, right, bottom], ...], in code points of the
    page's text and in ten thousandths of its width and height from the top left. unread: "" or why it was not read."""

    width: int  # points
    height: int
    words: Sequence[Sequence[int]]
    unread: str = ""


@dataclass(frozen=True, repr=False)
class DocumentValues:
    """The file of which a note's text was taken."""

    data: bytes
    sha256: str
    pages: tuple[PageValues, ...]


@dataclass(frozen=True, repr=False)
class NoteValues:
    note_id: str
    text: str  # exactly as received, or as it was taken from the document
    note_type: str = ""
    page_offsets: tuple[int, ...] = ()
    unread_pages: tuple[int, ...] = ()  # from 1: those that the text lacks
    document: DocumentValues | None = None


@dataclass(frozen=True, repr=False)
class FirstPassCodeValues:
    icd10: str  # upper case, with its dot
    source: str = "claim"
    submitted: bool | None = None
    coder: str = ""


@dataclass(frozen=True, repr=False)
class EncounterValues:
    encounter_id: str
    date_from: date
    date_through: date
    setting: str = ""
    provider_npi: str = ""
    provider_specialty: str = ""
    provider_name: str = ""
    provider_credential: str = ""
    signature_status: str = ""
    signature_name: str = ""
    signature_credential: str = ""
    signature_date: date | None = None
    claim: ClaimValues | None = None
    notes: tuple[NoteValues, ...] = ()
    first_pass_codes: tuple[FirstPassCodeValues, ...] = ()


@dataclass(frozen=True, repr=False)
class ChartValues:
    """One member × one service year. `project` is blank where the source names none; `line` is where it stood."""

    service_year: int
    member: MemberValues
    encounters: tuple[EncounterValues, ...]
    enrollments: tuple[EnrollmentValues, ...] = ()
    project: str = ""
    line: int = field(default=0, compare=False)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of what the chart says, in hex: the same for the same values, in whichever file they stood.

        A document speaks for its note: another version of the reader may take another text from the same file.
        """
        encounters = tuple(replace(one, notes=tuple(map(_without_document, one.notes))) for one in self.encounters)
        said = asdict(replace(self, encounters=encounters))
        del said["line"], said["project"]
        for encounter, values in zip(said["encounters"], self.encounters, strict=True):
            for note, full in zip(encounter["notes"], values.notes, strict=True):
                del note["document"], note["unread_pages"]
                if full.document:
                    note["document"] = full.document.sha256
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def _without_document(note: NoteValues) -> NoteValues:
    return replace(note, text="", page_offsets=(), unread_pages=(), document=None) if note.document else note


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong. The message never repeats a value of the file: it may be a patient's."""

    line: int  # 0 where the source has no lines
    field: str  # such as encounters[1].notes[0].text; blank for the line as a whole
    message: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        return ": ".join([*where, *([self.field] if self.field else []), self.message])


class IntakeErrors(Exception):
    """The source has problems, all of which are in `problems`; nothing of it should be stored."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"{len(self.problems)} {noun}; nothing was stored.")
