"""A folder of notes as charts: `<note_id>.txt` or `<note_id>.pdf`, one chart each, with an invented member and date.

For corpora of notes that come without a member. Everything that is invented follows from the SHA-256 of the note's id
(UTF-8), so that the same folder always gives the same charts:

- sex: byte 0; even F, odd M
- birth date: 1936-01-01 plus bytes 1 to 4 modulo 9132 days, so aged 66 to 91 on 1 February 2027
- from date: 2026-01-01 plus bytes 5 to 8 modulo 270 days
- through date: the from date; for an inpatient stay plus 1 day, plus byte 9 modulo 5 days
- enrollment: payment year 2027, cms-hcc, not dual, original entitlement by age, in the community, continuing

Numbers of several bytes are big-endian. The note's type, and with it the setting, comes from `<note_id>.json` beside
it (`note_type`), where there is one; nothing else of that file is read.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from coding import icd10
from coding.intake import pdf
from coding.intake.values import (
    ChartValues,
    EncounterValues,
    EnrollmentValues,
    FirstPassCodeValues,
    IntakeErrors,
    MemberValues,
    NoteValues,
    Problem,
)

SERVICE_YEAR = 2026


def read_folder(folder: Path, first_pass: Mapping[str, Iterable[str]] | None = None) -> tuple[ChartValues, ...]:
    """The charts of a folder in the order of their file names.

    first_pass: dotted codes by note id. Raises IntakeErrors with every problem, by file name.
    """
    charts: list[ChartValues] = []
    problems: list[Problem] = []
    codes_of = dict(first_pass or {})
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".txt", ".pdf"))
    for path in paths:
        codes = tuple(codes_of.pop(path.stem, ()))
        try:
            data = path.read_bytes()
            # Text is decoded without translating line ends: offsets count what is in the file.
            is_pdf = path.suffix == ".pdf"
            note = pdf.read(data, path.stem) if is_pdf else NoteValues(path.stem, data.decode("utf-8"))
            note = replace(note, note_type=_note_type(path.with_suffix(".json")))
        except pdf.UnreadablePdf as error:
            problems.append(Problem(0, path.name, str(error)))
        except UnicodeDecodeError as error:
            problems.append(Problem(0, path.name, f"Not UTF-8 text (byte {error.start + 1}); expected UTF-8."))
        except ValueError:
            problems.append(
                Problem(0, f"{path.stem}.json", "Not a JSON object with a text note_type of 60 characters.")
            )
        else:
            if path.suffix == ".pdf" and path.with_suffix(".txt") in paths:
                problems.append(Problem(0, path.name, f"Beside {path.stem}.txt; expected one of them."))
            elif note.document is None and (not note.text.strip() or "\0" in note.text):
                problems.append(Problem(0, path.name, "Empty, or holds a NUL character; expected the note's text."))
            elif len(path.stem) > 80:
                problems.append(Problem(0, path.name, "The name is longer than 80 characters."))
            else:
                charts.append(_chart(note, codes))
    problems += [Problem(0, "first_pass", f"No note {note_id} in the folder.") for note_id in codes_of]
    if not charts and not problems:
        problems.append(Problem(0, "", "The folder holds no *.txt or *.pdf file."))
    if problems:
        raise IntakeErrors(problems)
    return tuple(charts)


def read_first_pass(lines: Iterable[str | bytes]) -> dict[str, tuple[str, ...]]:
    """Codes by note id from JSON Lines: `{"note_id": …, "first_pass": ["E11.9", …]}`.

    A code may also be an object with `icd10`, of which nothing else is read. Raises IntakeErrors.
    """
    codes_of: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            note_id, said = value["note_id"], value["first_pass"]
            written = [code["icd10"] if isinstance(code, dict) else code for code in said]
            codes = tuple(dict.fromkeys(icd10.normalise(code) for code in written))
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(Problem(number, "", 'Expected {"note_id": "…", "first_pass": ["E11.9", …]}.'))
            continue
        if not all(icd10.is_code_shaped(code) for code in codes):
            problems.append(Problem(number, "first_pass", "Not the shape of an ICD-10-CM code."))
        if type(note_id) is not str or note_id in codes_of:
            problems.append(Problem(number, "note_id", "Expected each note's id once, as text."))
        else:
            codes_of[note_id] = codes
    if problems:
        raise IntakeErrors(problems)
    return codes_of


def _note_type(path: Path) -> str:
    if not path.exists():
        return ""
    said: Any = json.loads(path.read_bytes())
    note_type = said.get("note_type", "") if isinstance(said, dict) else None
    if type(note_type) is not str or len(note_type) > 60:
        raise ValueError
    return note_type


def _chart(note: NoteValues, codes: Iterable[str]) -> ChartValues:
    digest = hashlib.sha256(note.note_id.encode()).digest()
    inpatient = note.note_type.startswith("inpatient")
    date_from = date(SERVICE_YEAR, 1, 1) + timedelta(days=int.from_bytes(digest[5:9], "big") % 270)
    return ChartValues(
        service_year=SERVICE_YEAR,
        member=MemberValues(
            member_id=note.note_id,
            birth_date=date(1936, 1, 1) + timedelta(days=int.from_bytes(digest[1:5], "big") % 9132),
            sex="FM"[digest[0] % 2],
        ),
        enrollments=(
            EnrollmentValues(
                payment_year=SERVICE_YEAR + 1,
                program="cms-hcc",
                dual="none",
                orec="0",
                institutional=False,
                new_enrollee=False,
            ),
        ),
        encounters=(
            EncounterValues(
                encounter_id="E1",
                date_from=date_from,
                date_through=date_from + timedelta(days=1 + digest[9] % 5 if inpatient else 0),
                setting="inpatient" if inpatient else "outpatient",
                notes=(note,),
                first_pass_codes=tuple(FirstPassCodeValues(code) for code in codes),
            ),
        ),
    )
