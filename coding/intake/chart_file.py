"""The chart file: UTF-8 JSON Lines, one chart a line. `docs/chart-format.md` is its description for people.

Strict, because a misspelt field would otherwise be a fact silently lost: an unknown field is a problem. Lenient about
what carries no meaning: a byte order mark, CRLF line ends, blank lines, spaces around ids, the case and dot of a code.
"""

import base64
import difflib
import json
import math
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Protocol, TypeVar

from coding import icd10
from coding.intake import pdf
from coding.intake.values import (
    UNKNOWN,
    ChartValues,
    ClaimLineValues,
    ClaimValues,
    EncounterValues,
    EnrollmentValues,
    FirstPassCodeValues,
    IntakeErrors,
    MemberValues,
    NoteValues,
    Problem,
)

NAME = "chart-file"
TITLE = "Chart file (JSON Lines)"

SEXES = ("F", "M")
SETTINGS = ("outpatient", "inpatient")
PROGRAMS = ("cms-hcc", "rxhcc", "esrd", "pace", "hhs-hcc", "cdps")
DUALS = ("none", "partial", "full")
ORECS = ("0", "1", "2", "3")
CLAIM_TYPES = ("P", "I", "O", "D", "N")  # professional, inpatient, outpatient, DME, not known to the payer

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")

T = TypeVar("T")

OLDEST = 130  # years; beyond it a birth date is a slip of the century


def read(lines: Iterable[str | bytes] | str) -> tuple[ChartValues, ...]:
    """Every chart of a file.

    lines: an open file (bytes or text), a list of lines, or the whole text.
    Raises IntakeErrors with every problem of every line.
    """
    if isinstance(lines, str):
        lines = lines.split("\n")  # not splitlines: a JSON string may hold U+2028
    charts: list[ChartValues] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            charts.append(read_line(line, number))
        except IntakeErrors as errors:
            problems.extend(errors.problems)
    problems.extend(_between_lines(charts))
    if not charts and not problems:
        problems.append(Problem(0, "", "The file holds no chart; expected one JSON object a line."))
    if problems:
        raise IntakeErrors(sorted(problems, key=lambda problem: problem.line))
    return tuple(charts)


def read_line(line: str | bytes, number: int = 1) -> ChartValues:
    """The chart of one line, whose number is for its problems. Raises IntakeErrors with every problem of the line."""
    problems: list[Problem] = []

    def report(field: str, message: str) -> None:
        problems.append(Problem(number, field, message))

    chart = None
    value = _parse(line, report)
    if value is not None:
        chart = _chart(_Fields(value, "", report), number)
    if problems or chart is None:
        raise IntakeErrors(problems)
    return chart


def _parse(line: str | bytes, report: "_Report") -> dict[str, Any] | None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            report("", "An object names the same field twice; expected each field once.")
        return dict(pairs)

    def refuse(_: str) -> None:
        raise ValueError

    def finite(number: str) -> float:
        if math.isinf(float(number)):
            raise ValueError
        return float(number)

    try:
        text = line.decode("utf-8") if isinstance(line, bytes) else line
        value = json.loads(
            text.removeprefix("\ufeff"), object_pairs_hook=unique, parse_constant=refuse, parse_float=finite
        )
    except UnicodeDecodeError as error:
        report("", f"Not UTF-8 text (byte {error.start + 1}); expected UTF-8.")
    except json.JSONDecodeError as error:
        report("", f"Not JSON ({error.msg}, column {error.colno}); expected one JSON object on one line.")
    except (ValueError, RecursionError):
        report("", "Not JSON (a number out of range, or nested too deeply); expected one JSON object on one line.")
    else:
        if isinstance(value, dict):
            return value
        report("", f"This is {_kind(value)}; expected one JSON object on one line.")
    return None


# --- The parts of a chart ------------------------------------------------------------------------------------------


def _chart(fields: "_Fields", line: int) -> ChartValues | None:
    project = fields.text("project", 60, shape=r"[A-Za-z0-9_-]+", expected="letters, digits, hyphens and underscores")
    service_year = fields.number("service_year", 1990, 2100, required=True)
    member = fields.part("member", _member, required=True)
    enrollments = fields.parts("enrollments", _enrollment)
    encounters = fields.parts("encounters", _encounter, required=True)
    fields.no_others()
    fields.unique("enrollments", enrollments, lambda e: (e.payment_year, e.program), "payment year and program")
    if fields.value.get("encounters") == []:
        fields.problem("encounters", "The chart has no encounter; expected at least one.")
    encounters = _with_encounter_ids(encounters)
    fields.unique("encounters", encounters, lambda e: e.encounter_id, "encounter_id", "encounter_id")
    for index, encounter in enumerate(encounters):
        if encounter is None:
            continue
        if service_year and encounter.date_through.year != service_year:
            fields.problem(
                f"encounters[{index}].through", "Not in the chart's service_year; expected a date in that year."
            )
        if member and encounter.date_from < member.birth_date:
            fields.problem(f"encounters[{index}].from", "Before the member's birth date.")
    if member and service_year and not 0 <= service_year - member.birth_date.year <= OLDEST:
        fields.problem("member.birth_date", f"Not within the {OLDEST} years before the service year.")
    if service_year is None or member is None:
        return None
    return ChartValues(
        project=project,
        service_year=service_year,
        member=member,
        enrollments=tuple(e for e in enrollments if e),
        encounters=tuple(e for e in encounters if e),
        line=line,
    )


def _member(fields: "_Fields") -> MemberValues | None:
    member_id = fields.text("member_id", 80, required=True)
    birth_date = fields.date("birth_date", required=True)
    sex = fields.choice("sex", SEXES, required=True)
    mbi = fields.text("mbi", 13, shape=r"[0-9A-Za-z-]*", expected="11 letters and digits").replace("-", "").upper()
    if mbi and len(mbi) != 11:
        fields.problem("mbi", "Expected 11 letters and digits.")
    name = fields.part("name", _name) or ("", "")
    fields.no_others()
    if birth_date is None:
        return None
    family_name, given_name = name
    return MemberValues(member_id, birth_date, sex, mbi, family_name, given_name)


def _name(fields: "_Fields") -> tuple[str, str]:
    name = fields.text("family", 80), fields.text("given", 80)
    fields.no_others()
    return name


# Facts of an enrollment that only some programs use, as `python -m scoring` names them, and the JSON type of each.
FACTS: dict[str, tuple[type, ...]] = {
    "plan": (str,),
    "segment": (str,),
    "frailty": (str,),
    "age": (int,),
    "age_last": (int,),
    "medicaid": (bool,),
    "lti_medicaid": (bool,),
    "new_enrollee_medicaid": (bool,),
    "c_snp": (bool,),
    "low_income": (bool,),
    "esrd": (dict,),
    "metal": (str,),
    "csr": (str, int),
    "enrollment_months": (int,),
    "ndc": (list,),
    "hcpcs": (list,),
    "aid_group": (str,),
    "months": (list,),
}


def _enrollment(fields: "_Fields") -> EnrollmentValues | None:
    payment_year = fields.number("payment_year", 1990, 2100, required=True)
    values = EnrollmentValues(
        payment_year=payment_year or 0,
        program=fields.choice("program", PROGRAMS, required=True),
        contract=fields.text("contract", 20),
        county=fields.text("county", 20),
        dual=fields.choice("dual", DUALS),
        orec=fields.choice("orec", ORECS),
        institutional=fields.flag("institutional"),
        new_enrollee=fields.flag("new_enrollee"),
        switched_ma_organization=fields.flag("switched_ma_organization"),
        facts={name: value for name in FACTS if (value := fields.fact(name, FACTS[name])) is not None},
    )
    fields.no_others()
    return values if payment_year and values.program else None


def _encounter(fields: "_Fields") -> EncounterValues | None:
    date_from = fields.date("from", required=True)
    date_through = fields.date("through", required=True)
    if date_from and date_through and date_through < date_from:
        fields.problem("through", "Before the from date; expected the same day or later.")
    encounter_id = fields.text("encounter_id", 80)
    setting = fields.choice("setting", SETTINGS)
    claim = fields.part("claim", _claim)
    provider_and_signature: dict[str, Any] = {
        **(fields.part("provider", _provider) or {}),
        **(fields.part("signature", _signature) or {}),
    }
    notes = _with_note_ids(fields.parts("notes", _note, required=True))
    codes = fields.parts("first_pass_codes", _first_pass_code)
    fields.no_others()
    fields.unique("notes", notes, lambda note: note.note_id, "note_id", "note_id")
    fields.unique("first_pass_codes", codes, lambda code: (code.icd10, code.source), "code and source", "icd10")
    if date_from is None or date_through is None:
        return None
    return EncounterValues(
        encounter_id=encounter_id,
        date_from=date_from,
        date_through=date_through,
        setting=setting,
        claim=claim,
        notes=tuple(note for note in notes if note),
        first_pass_codes=tuple(code for code in codes if code),
        **provider_and_signature,
    )


def _claim(fields: "_Fields") -> ClaimValues:
    values = ClaimValues(
        icn=fields.text("icn", 40),
        claim_type=fields.choice("type", CLAIM_TYPES),
        type_of_bill=fields.text(
            "type_of_bill", 4, shape=r"0?\d\d[0-9A-Z]", expected="a type of bill of 3 or 4 characters"
        ),
        place_of_service=fields.text("place_of_service", 2, shape=r"\d\d", expected="a two-digit place of service"),
        accepted=fields.flag("accepted"),
        lines=tuple(line for line in fields.parts("lines", _claim_line) if line),
    )
    fields.no_others()
    return values


def _claim_line(fields: "_Fields") -> ClaimLineValues | None:
    procedure = fields.text(
        "procedure", 5, shape=r"[0-9A-Z]\d{3}[0-9A-Z]", expected="a CPT or HCPCS code of 5 characters", required=True
    )
    modifiers = fields.texts("modifiers", shape=r"[0-9A-Z]{2}", expected="a modifier of 2 letters or digits")
    fields.no_others()
    return ClaimLineValues(procedure, modifiers)


def _provider(fields: "_Fields") -> dict[str, str]:
    values = {
        "provider_npi": fields.text("npi", 10, shape=r"\d{10}", expected="an NPI of 10 digits"),
        "provider_specialty": fields.text("specialty", 10),
        "provider_name": fields.text("name", 120),
        "provider_credential": fields.text("credential", 40),
    }
    fields.no_others()
    return values


def _signature(fields: "_Fields") -> dict[str, Any]:
    values = {
        "signature_status": fields.text("status", 40),
        "signature_name": fields.text("name", 120),
        "signature_credential": fields.text("credential", 40),
        "signature_date": fields.date("date"),
    }
    fields.no_others()
    return values


def _note(fields: "_Fields") -> NoteValues:
    if fields.value.get("pdf") is not None:
        return _pdf_note(fields)
    fields.taken.add("pdf")
    text = fields.document("text")
    offsets = fields.fact("page_offsets", (list,)) or []
    if any(type(offset) is not int for offset in offsets) or offsets != sorted(set(offsets)):
        fields.problem("page_offsets", "Expected whole numbers in rising order.")
    elif offsets and not 0 <= offsets[0] <= offsets[-1] <= len(text):
        fields.problem("page_offsets", "Beyond the note's text; expected offsets into it.")
    values = NoteValues(
        note_id=fields.text("note_id", 80), text=text, note_type=fields.text("type", 60), page_offsets=tuple(offsets)
    )
    fields.no_others()
    return values


def _pdf_note(fields: "_Fields") -> NoteValues:
    """A note that is a PDF: its text and where its pages begin are taken from the file."""
    for name in ("text", "page_offsets"):
        if fields.take(name, (str, list), "nothing beside pdf") is not None:
            fields.problem(name, "Beside pdf; expected nothing, because it is taken from the PDF.")
    note_id, note_type = fields.text("note_id", 80), fields.text("type", 60)
    note = fields.pdf("pdf") or NoteValues("", "")
    fields.no_others()
    return replace(note, note_id=note_id, note_type=note_type)


def _first_pass_code(fields: "_Fields") -> FirstPassCodeValues:
    values = FirstPassCodeValues(
        icd10=fields.code("icd10"),
        source=fields.text("source", 40) or "claim",
        submitted=fields.flag("submitted"),
        coder=fields.text("coder", 150),
    )
    fields.no_others()
    return values


# --- Ids that the file does not give -------------------------------------------------------------------------------


def _with_encounter_ids(encounters: list[EncounterValues | None]) -> list[EncounterValues | None]:
    """An encounter without an id is named by its date, and by a counter where there are several on one day."""
    seen: dict[date, int] = {}
    named: list[EncounterValues | None] = []
    for encounter in encounters:
        if encounter and not encounter.encounter_id:
            seen[encounter.date_from] = count = seen.get(encounter.date_from, 0) + 1
            name = f"{encounter.date_from}" if count == 1 else f"{encounter.date_from}/{count}"
            encounter = replace(encounter, encounter_id=name)
        named.append(encounter)
    return named


def _with_note_ids(notes: list[NoteValues | None]) -> list[NoteValues | None]:
    """A note without an id is named by its place in the encounter."""
    return [
        replace(note, note_id=f"note {place}") if note and not note.note_id else note
        for place, note in enumerate(notes, start=1)
    ]


def _between_lines(charts: Iterable[ChartValues]) -> Iterator[Problem]:
    """Two lines that speak of one chart, or that say two things of one member or enrollment."""
    first_lines: dict[Hashable, int] = {}
    said: dict[Hashable, tuple[int, object]] = {}
    for chart in charts:
        who = (chart.project, chart.member.member_id)
        first = first_lines.setdefault((*who, chart.service_year), chart.line)
        if first != chart.line:
            yield Problem(
                chart.line, "", f"The member and service year of line {first} again; expected one line a chart."
            )
        parts: list[tuple[str, Hashable, object]] = [("member", who, chart.member)]
        parts += [
            (f"enrollments[{index}]", (*who, enrollment.payment_year, enrollment.program), enrollment)
            for index, enrollment in enumerate(chart.enrollments)
        ]
        for path, key, values in parts:
            for name, value in vars(values).items():
                line, other = said.setdefault((key, name), (chart.line, value)) if value not in UNKNOWN else (0, value)
                if value != other:
                    yield Problem(chart.line, f"{path}.{name}", f"Another than on line {line}; expected one of them.")


# --- Reading fields ------------------------------------------------------------------------------------------------


class _Report(Protocol):
    def __call__(self, field: str, message: str) -> None: ...


def _kind(value: object) -> str:
    """What a JSON value is, for a message that must not say which."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return kinds[type(value)]


def _texts(value: object) -> Iterator[str]:
    """Every text inside a JSON value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)


class _Fields:
    """The fields of one JSON object. Each method takes one field, reports what is wrong with it, and gives the value or
    "unknown"; `no_others` then reports the fields that nobody took. null counts as absent."""

    def __init__(self, value: dict[str, Any], path: str, report: _Report):
        self.value, self.path, self.report = value, path, report
        self.taken: set[str] = set()

    def problem(self, name: str, message: str) -> None:
        self.report(f"{self.path}.{name}" if self.path else name, message)

    def take(self, name: str, types: tuple[type, ...], expected: str, required: bool = False) -> Any:
        self.taken.add(name)
        value = self.value.get(name)
        if value is None:
            if required:
                self.problem(name, f"Missing; expected {expected}.")
        elif type(value) not in types:
            self.problem(name, f"This is {_kind(value)}; expected {expected}.")
        else:
            return value
        return None

    def sound(self, name: str, value: str) -> bool:
        """Whether a database can hold the text: PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
        if "\0" in value:
            self.problem(name, f"Holds a NUL character (position {value.index(chr(0))}); expected none.")
            return False
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            self.problem(name, f"Holds half of a surrogate pair (position {error.start}); expected whole characters.")
            return False
        return True

    def text(self, name: str, limit: int, *, shape: str = "", expected: str = "text", required: bool = False) -> str:
        """A short text without spaces around it; "" when unknown."""
        value = self.take(name, (str,), expected, required)
        if value is None or not self.sound(name, value):
            return ""
        value = value.strip()
        if not value and required:
            self.problem(name, f"Empty; expected {expected}.")
        elif len(value) > limit:
            self.problem(name, f"Longer than {limit} characters; expected {expected}.")
        elif value and shape and not re.fullmatch(shape, value, re.ASCII):
            self.problem(name, f"Expected {expected}.")
        return value

    def texts(self, name: str, *, shape: str, expected: str) -> tuple[str, ...]:
        values = self.take(name, (list,), "a list") or []
        for index, value in enumerate(values):
            if type(value) is not str or not re.fullmatch(shape, value, re.ASCII):
                self.problem(f"{name}[{index}]", f"Expected {expected}.")
        return tuple(values)

    def document(self, name: str) -> str:
        """A note's text, unchanged."""
        value = self.take(name, (str,), "the note's text", required=True)
        if value is None or not self.sound(name, value):
            return ""
        if not value.strip():
            self.problem(name, "Empty; expected the note's text.")
        return value

    def pdf(self, name: str) -> NoteValues | None:
        value = self.take(name, (str,), "a PDF file in base64")
        if value is None:
            return None
        try:
            return pdf.read(base64.b64decode(value, validate=True))
        except pdf.UnreadablePdf as error:
            self.problem(name, str(error))
        except ValueError:
            self.problem(name, "Not base64; expected a PDF file in base64.")
        return None

    def choice(self, name: str, choices: tuple[str, ...], required: bool = False) -> str:
        expected = f"one of {', '.join(choices)}"
        value = self.take(name, (str,), expected, required)
        if value is None:
            return ""
        if value not in choices:
            self.problem(name, f"Expected {expected}.")
        return value

    def date(self, name: str, required: bool = False) -> date | None:
        expected = "a date as YYYY-MM-DD"
        value = self.take(name, (str,), expected, required)
        if value is None:
            return None
        try:
            if not ISO_DATE.fullmatch(value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            self.problem(name, f"Not a date of the calendar; expected {expected}.")
            return None

    def number(self, name: str, low: int, high: int, required: bool = False) -> int | None:
        expected = f"a whole number from {low} to {high}"
        value = self.take(name, (int,), expected, required)
        if value is not None and not low <= value <= high:
            self.problem(name, f"Out of range; expected {expected}.")
            return None
        return value

    def flag(self, name: str) -> bool | None:
        return self.take(name, (bool,), "true, false or nothing")

    def fact(self, name: str, types: tuple[type, ...]) -> Any:
        """A value that is kept as JSON."""
        value = self.take(name, types, " or ".join(_kind(kind()) for kind in types))
        return value if all(self.sound(name, text) for text in _texts(value)) else None

    def code(self, name: str) -> str:
        expected = "an ICD-10-CM code such as E11.22"
        value = self.take(name, (str,), expected, required=True)
        if value is None:
            return ""
        code = icd10.normalise(value)
        if not icd10.is_code_shaped(code):
            self.problem(name, f"Does not have the shape of a code; expected {expected}.")
        return code

    def part(self, name: str, read: "Callable[[_Fields], T]", required: bool = False) -> T | None:
        value = self.take(name, (dict,), "an object", required)
        return None if value is None else read(self.inside(name, value))

    def parts(self, name: str, read: "Callable[[_Fields], T | None]", required: bool = False) -> list[T | None]:
        """One value for each item of a list, None for an item that is too broken to be one; [] when unknown."""
        values: list[T | None] = []
        for index, item in enumerate(self.take(name, (list,), "a list", required) or []):
            if type(item) is dict:
                values.append(read(self.inside(f"{name}[{index}]", item)))
            else:
                self.problem(f"{name}[{index}]", f"This is {_kind(item)}; expected an object.")
                values.append(None)
        return values

    def inside(self, name: str, value: dict[str, Any]) -> "_Fields":
        return _Fields(value, f"{self.path}.{name}" if self.path else name, self.report)

    def unique(
        self, name: str, values: Sequence[T | None], key: Callable[[T], Hashable], what: str, field: str = ""
    ) -> None:
        """Report each item of the list `name` whose key an earlier one has."""
        first: dict[Hashable, int] = {}
        for index, value in enumerate(values):
            if value is not None and first.setdefault(key(value), index) != index:
                path = f"{name}[{index}]"
                self.problem(
                    f"{path}.{field}" if field else path,
                    f"The same {what} as {name}[{first[key(value)]}]; expected one.",
                )

    def no_others(self) -> None:
        for name in self.value:
            if name in self.taken:
                continue
            # A field's name is repeated only where it looks like one: a misplaced value may be a patient's name.
            shown = name if PLAIN_NAME.fullmatch(name) else "(a field)"
            near = difflib.get_close_matches(name, self.taken, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(self.taken))}."
            self.problem(shown, f"Unknown field. {hint}")
