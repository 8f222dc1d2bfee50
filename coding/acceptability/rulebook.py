"""The rules as data: every TOML file of a folder, checked row by row, selected by program, year and date.

Each `[[rule]]` is one statement with its source, its dates and who verified it. Every other table (phrases,
specialties, sweeps...) names the rule that its row stands on, and is in force where that rule is. A year's change is
therefore one more file in the folder. A program that a rule does not name, a year or date outside its bounds: not in
force. Where no rule is in force the answer is *unknown*, never last year's.

Source of the columns and of the three severities: docs/acceptability.md.
"""

import hashlib
import re
import tomllib
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from coding.acceptability.answers import BLOCK, HOLD, WARN

ROOT = Path(__file__).parent / "tables"
PROGRAMS = ("cms-hcc", "rxhcc", "esrd", "pace", "hhs-hcc", "cdps")
PROCEDURE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]")


class RulesBroken(Exception):
    """A rule table does not load. The message names the file, the table, the row and what was expected."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One dated statement. Bounds are inclusive; None is open. `verified_on` None: not checked at its source."""

    rule_id: str
    check: str
    severity: str
    text: str
    source: str
    program: tuple[str, ...] = PROGRAMS
    carried_over_to: tuple[str, ...] = ()  # programs that the rule is applied to by analogy: unverified there
    verified_too: tuple[str, ...] = ()  # those of them for which somebody verified it; never in a file
    effective_dos_from: date | None = None
    effective_dos_to: date | None = None
    payment_year_from: int | None = None
    payment_year_to: int | None = None
    source_date: str = ""
    verified_on: date | None = None
    verified_by: str = ""
    file: str = ""
    row: int = 0

    @property
    def verified(self) -> bool:
        return self.verified_on is not None

    def verified_for(self, program: str) -> bool:
        return program in self.verified_too or (self.verified and program in self.program)

    @property
    def status(self) -> str:
        return "verified" if self.verified else "unverified"

    @property
    def effect(self) -> str:
        """What the rule does today: an unverified rule never blocks by itself."""
        return (
            self.severity if self.verified or self.severity == WARN else f"{WARN} (would {self.severity} once verified)"
        )

    def in_force(self, program: str, payment_year: int, service_date: date) -> bool:
        return (
            (program in self.program or program in self.carried_over_to)
            and (self.payment_year_from is None or self.payment_year_from <= payment_year)
            and (self.payment_year_to is None or payment_year <= self.payment_year_to)
            and (self.effective_dos_from is None or self.effective_dos_from <= service_date)
            and (self.effective_dos_to is None or service_date <= self.effective_dos_to)
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    rule_id: str


@dataclass(frozen=True, kw_only=True)
class ProgramRow(Row):
    """How a program counts years. timing: prospective (service year + 1) or concurrent (the same year)."""

    program: str
    timing: str


@dataclass(frozen=True, kw_only=True)
class RecordSource(Row):
    """V01: claim types and types of bill (leading digits) by whether they are one of the three sources."""

    acceptable: bool
    name: str
    claim_types: tuple[str, ...] = ()
    types_of_bill: tuple[str, ...] = ()
    places_of_service: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DocumentKind(Row):
    """V02: note types, and titles as they stand in the first lines, by whether they can stand alone."""

    acceptable: bool
    name: str
    note_types: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()  # regular expressions for the first lines of a note
    anchors: tuple[str, ...] = ()  # lower-case words, one of which stands wherever a title does
    unless_billed: bool = False  # a billed visit makes it a visit after all


@dataclass(frozen=True, kw_only=True)
class VisitMode(Row):
    """V05: what shows how the visit was held. mode: in person, video, audio only, asynchronous."""

    mode: str
    modifiers: tuple[str, ...] = ()
    places_of_service: tuple[str, ...] = ()
    types_of_bill: tuple[str, ...] = ()  # leading digits
    procedures: tuple[str, ...] = ()  # codes and ranges, such as 99202-99215
    note_types: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()  # regular expressions for the first lines of a note
    phrases: tuple[str, ...] = ()  # regular expressions for all of it
    anchors: tuple[str, ...] = ()  # lower-case words, one of which stands wherever a title or phrase does


@dataclass(frozen=True, kw_only=True)
class ModeAnswer(Row):
    """V05: what a mode of visit answers in the program and year of the rule."""

    mode: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Specialty(Row):
    """V06: CMS specialty codes."""

    acceptable: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Credential(Row):
    """V08: credentials without points."""

    acceptable: bool
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SignaturePhrase(Row):
    """V07: phrases in the note's text. accepts: signs the record, or shows that it is not signed.

    named: the phrase counts only where a name and a credential follow it. absent: the phrase says that there is no
    signature at all, so that the plain rule decides where nothing else signs.
    """

    accepts: bool
    phrases: tuple[str, ...]
    named: bool = False
    absent: bool = False


@dataclass(frozen=True, kw_only=True)
class SignatureStatus(Row):
    """V07: values of the field signature.status."""

    accepts: bool
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Threshold(Row):
    name: str
    value: int
    unit: str


@dataclass(frozen=True, kw_only=True)
class BillType(Row):
    """The encounter filter for institutional claims: leading digits of the type of bill."""

    prefixes: tuple[str, ...]
    kind: str  # inpatient or outpatient
    needs_procedure: bool


@dataclass(frozen=True, kw_only=True)
class ProcedureList(Row):
    """The CPT/HCPCS codes that make a record eligible, for the service dates of one calendar year."""

    service_year: int
    file: str


@dataclass(frozen=True, kw_only=True)
class LinkRule(Row):
    """What a state of the link pays: yes or no."""

    link: str
    pays: str


@dataclass(frozen=True, kw_only=True)
class Sweep(Row):
    """A submission deadline. time is as published, with its zone; the rule says for which programs."""

    payment_year: int
    run: str  # initial, mid-year or final
    dos_from: date
    dos_to: date
    deadline: date
    time: str = ""


@dataclass(frozen=True, kw_only=True)
class CodeEdit(Row):
    """Codes that only some people can have. Ages are whole years on the date of service, inclusive."""

    edit: str
    codes: tuple[str, ...]
    age_min: int | None = None
    age_max: int | None = None
    sex: str = ""


@dataclass(frozen=True, kw_only=True)
class WithConvention(Row):
    """One of `codes` beside one of `beside` (beginnings of codes) is better said by another code."""

    codes: tuple[str, ...]
    beside: tuple[str, ...]
    instead: str


@dataclass(frozen=True, kw_only=True)
class AcuteCode(Row):
    """Acute events (beginnings of codes) that an office record rarely shows."""

    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CodeSince(Row):
    """Codes (beginnings) that are valid from a date of service on."""

    codes: tuple[str, ...]
    since: date


@dataclass(frozen=True, kw_only=True)
class TextSupport(Row):
    """What a text situation does for a diagnosis. accept; reject; hold: a person has to decide; gap: no suggestion, but
    worth a question to the provider. not_codes: codes that the answer for inpatients does not hold for."""

    situation: str
    outpatient: str
    inpatient: str
    instead: str = ""
    not_codes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lifelong(Row):
    """Conditions that do not end: any mention in a valid record may support them, where nothing contradicts."""

    name: str
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Corroboration:
    """What would support a code of a high-risk group. kind decides which of the other fields are read.

    hospital: an inpatient or outpatient hospital record with a code of `codes`, in the same service year or within
    `within_days` of the flagged date. procedure: a claim line in `procedures` (codes and ranges) within `within_days`.
    medicine: a word of `words` in any note of the chart. code: a code of `codes` on the same encounter. bmi: a body
    mass index of at least `at_least` in the notes of the same encounter, or a code of `codes` there.
    phrase: a regular expression of `words` in the notes of the same encounter.
    """

    kind: str
    name: str
    settings: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    within_days: int | None = None
    at_least: int | None = None


@dataclass(frozen=True, kw_only=True)
class HighRiskGroup(Row):
    """Codes that were found unsupported so often that each needs a second reviewer unless it is corroborated."""

    group: str
    title: str
    codes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()  # flagged only on records of these settings; empty: any
    age_min: int | None = None
    at_most_encounters: int | None = None  # flagged only where no more encounters of the chart carry the group
    keystroke: bool = False  # flags a single code one keystroke away from a frequent one instead of `codes`
    frequent: int = 3
    contradicted_by: tuple[str, ...] = ()  # words of the notes; flagged only where one is there
    corroboration: tuple[Corroboration, ...] = ()


TABLES: dict[str, type[Row]] = {
    "program": ProgramRow,
    "record_source": RecordSource,
    "document_kind": DocumentKind,
    "visit_mode": VisitMode,
    "mode_answer": ModeAnswer,
    "specialty": Specialty,
    "credential": Credential,
    "signature_phrase": SignaturePhrase,
    "signature_status": SignatureStatus,
    "threshold": Threshold,
    "bill_type": BillType,
    "procedure_list": ProcedureList,
    "link": LinkRule,
    "sweep": Sweep,
    "code_edit": CodeEdit,
    "with_convention": WithConvention,
    "acute_code": AcuteCode,
    "code_since": CodeSince,
    "high_risk": HighRiskGroup,
    "text_support": TextSupport,
    "lifelong": Lifelong,
}
ALLOWED: dict[str, tuple[str, ...]] = {
    "severity": (BLOCK, HOLD, WARN),
    "timing": ("prospective", "concurrent"),
    "mode": ("in person", "video", "audio only", "asynchronous"),
    "answer": ("met", "not met", "unknown"),
    "kind": ("inpatient", "outpatient", "hospital", "procedure", "medicine", "code", "bmi", "phrase"),
    "link": ("linked", "unlinked", "switcher", "audio-only"),
    "pays": ("yes", "no"),
    "run": ("initial", "mid-year", "final"),
    "sex": ("", "F", "M"),
    "outpatient": ("accept", "reject", "hold", "gap"),
    "inpatient": ("accept", "reject", "hold", "gap"),
}

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, eq=False)
class Book:
    """Everything that was loaded. `in_force` is the view of one program, payment year and date of service."""

    rules: tuple[Rule, ...]
    rows: dict[type[Row], tuple[Row, ...]]
    procedures: dict[int, frozenset[str]]
    review_by: dict[str, date]  # by file: the day from which its content counts as stale
    memo: dict[Hashable, Any] = field(default_factory=dict)
    _views: dict[Hashable, "View"] = field(default_factory=dict)
    _ids: dict[Hashable, frozenset[str]] = field(default_factory=dict)
    _fingerprints: dict[str, str] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        return {rule.rule_id: rule for rule in self.rules}

    def all(self, kind: type[R]) -> tuple[R, ...]:
        return self.rows.get(kind, ())  # type: ignore[return-value]

    def in_force(self, program: str, payment_year: int, service_date: date) -> "View":
        when = (program, payment_year, service_date)
        ids = self._ids.get(when)
        if ids is None:
            ids = frozenset(rule.rule_id for rule in self.rules if rule.in_force(*when))
            self._ids[when] = ids
        view = self._views.get(ids)
        if view is None:
            view = self._views[ids] = View(self, ids)
        return view

    def fingerprint(self, rule_id: str) -> str:
        """SHA-256 of all that the rule and its rows say, but for who verified it and when."""
        if rule_id not in self._fingerprints:
            rule = replace(self.by_id[rule_id], verified_on=None, verified_by="", verified_too=(), row=0)
            rows = [repr(row) for kind in self.rows.values() for row in kind if row.rule_id == rule_id]
            lists = [
                sorted(self.procedures[row.service_year]) for row in self.all(ProcedureList) if row.rule_id == rule_id
            ]
            said = "\n".join([repr(rule), *rows, repr(lists)])
            self._fingerprints[rule_id] = hashlib.sha256(said.encode()).hexdigest()
        return self._fingerprints[rule_id]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in the book, verifications too: what was answered under another digest has to be asked
        again."""
        said = hashlib.sha256()
        for part in (
            self.rules,
            *self.rows.values(),
            [(year, sorted(self.procedures[year])) for year in self.procedures],
        ):
            said.update(repr(part).encode())
        return said.hexdigest()

    def checked(
        self, answers: Mapping[str, tuple[date | None, str]], carried: Mapping[str, Collection[str]] | None = None
    ) -> "Book":
        """The book with the rules as somebody found them at their source: by rule_id the day of verification and the
        verifier, or no day where the rule was found wrong, which makes it unverified. carried: by rule_id, the programs
        that it is carried over to and was verified for."""
        carried = carried or {}
        rules = []
        for rule in self.rules:
            if rule.rule_id in answers:
                day, by = answers[rule.rule_id]
                rule = replace(rule, verified_on=day, verified_by=by)
            too = tuple(program for program in rule.carried_over_to if program in carried.get(rule.rule_id, ()))
            rules.append(replace(rule, verified_too=too))
        return Book(tuple(rules), self.rows, self.procedures, self.review_by)

    def stale(self, today: date) -> tuple[str, ...]:
        """A sentence for each file whose `review_by` has passed."""
        return tuple(
            f"{name} was to be reviewed by {day}: its rules may be out of date."
            for name, day in sorted(self.review_by.items())
            if day < today
        )


@dataclass(frozen=True, eq=False)
class View:
    """The rules in force together, and their rows. One view serves every date that the same rules are in force for."""

    book: Book
    ids: frozenset[str]
    memo: dict[Hashable, Any] = field(default_factory=dict)  # what the concerns compile from their rows

    def all(self, kind: type[R]) -> tuple[R, ...]:
        rows = self.memo.get(kind.__name__)
        if rows is None:
            rows = self.memo[kind.__name__] = tuple(row for row in self.book.all(kind) if row.rule_id in self.ids)
        return rows

    def rule(self, rule_id: str) -> Rule | None:
        return self.book.by_id.get(rule_id) if rule_id in self.ids else None

    def threshold(self, name: str) -> tuple[int, Rule] | None:
        for row in self.all(Threshold):
            if row.name == name:
                return row.value, self.book.by_id[row.rule_id]
        return None


def in_ranges(code: str, ranges: Iterable[str]) -> bool:
    """Whether a procedure is one of codes and ranges such as ('G0402', '99202-99215')."""
    for item in ranges:
        low, _, high = item.partition("-")
        if low <= code <= (high or low):
            return True
    return False


# --- Loading -------------------------------------------------------------------------------------------------------


@cache
def book() -> Book:
    """The rule book that ships. Read once per process."""
    return load(ROOT)


def load(folder: Path) -> Book:
    """Every *.toml below the folder, in the order of their names.

    Raises RulesBroken at the first row that is not as it should be, naming file, table and row.
    """
    rules: list[Rule] = []
    rows: dict[type[Row], list[Row]] = {kind: [] for kind in TABLES.values()}
    procedures: dict[int, frozenset[str]] = {}
    review_by: dict[str, date] = {}
    places: dict[str, str] = {}
    referring: list[tuple[str, Row]] = []
    for path in sorted(folder.rglob("*.toml")):
        name = path.relative_to(folder).as_posix()
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RulesBroken(f"{name}: not TOML ({error}).") from error
        day = content.pop("review_by", None)
        if type(day) is not date:
            raise RulesBroken(f"{name}: review_by is missing; expected the date by which the file is to be reviewed.")
        review_by[name] = day
        for number, values in enumerate(_tables(content, "rule", name), start=1):
            where = f"{name}: rule {number}"
            rule = _make(Rule, {**values, "file": name, "row": number}, where)
            _check_rule(rule, where)
            if rule.rule_id in places:
                raise RulesBroken(f"{where}: rule_id is that of {places[rule.rule_id]}; expected one rule an id.")
            places[rule.rule_id] = where
            rules.append(rule)
        for table, kind in TABLES.items():
            for number, values in enumerate(_tables(content, table, name), start=1):
                where = f"{name}: {table} {number}"
                row = _make(kind, values, where)
                referring.append((where, row))
                rows[kind].append(row)
                if isinstance(row, ProcedureList):
                    if row.service_year in procedures:
                        raise RulesBroken(f"{where}: service_year {row.service_year} has a list already.")
                    procedures[row.service_year] = _procedures(path.parent / row.file, where)
                if isinstance(row, Sweep) and row.dos_to < row.dos_from:
                    raise RulesBroken(f"{where}: dos_to is before dos_from.")
        if content:
            raise RulesBroken(f"{name}: no such table: {', '.join(sorted(content))}.")
    for where, row in referring:
        if row.rule_id not in places:
            raise RulesBroken(f"{where}: rule_id names no rule; expected the id of a [[rule]].")
    return Book(tuple(rules), {kind: tuple(found) for kind, found in rows.items()}, procedures, review_by)


def _tables(content: dict[str, Any], table: str, name: str) -> list[dict[str, Any]]:
    rows = content.pop(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RulesBroken(f"{name}: {table} is no list of rows.")
    return rows


T = TypeVar("T")


def _make(kind: type[T], values: dict[str, Any], where: str) -> T:
    """A row of the given kind. Refuses unknown, missing and wrongly typed fields, and words outside their list."""
    hints = get_type_hints(kind)
    made: dict[str, Any] = {}
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise RulesBroken(f"{where}: no such field: {', '.join(unknown)}.")
    for item in fields(kind):  # type: ignore[arg-type]
        if item.name not in values or values[item.name] == "":
            if item.default is MISSING and item.default_factory is MISSING:
                raise RulesBroken(f"{where}: {item.name} is missing.")
            continue
        made[item.name] = _value(hints[item.name], values[item.name], f"{where}: {item.name}")
        allowed = ALLOWED.get(item.name)
        if allowed and made[item.name] not in allowed:
            raise RulesBroken(f"{where}: {item.name} is none of {', '.join(word for word in allowed if word)}.")
    return kind(**made)


def _value(hint: Any, value: Any, where: str) -> Any:
    if hint == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise RulesBroken(f"{where}: expected a list of texts.")
        return tuple(value)
    if hint == tuple[Corroboration, ...]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise RulesBroken(f"{where}: expected a list of tables.")
        return tuple(_make(Corroboration, item, f"{where} {number}") for number, item in enumerate(value, start=1))
    expected = {str: str, int: int, bool: bool, int | None: int, date | None: date, date: date}[hint]
    if type(value) is not expected:
        raise RulesBroken(
            f"{where}: expected {'a date' if expected is date else f'a value of type {expected.__name__}'}."
        )
    return value


def _check_rule(rule: Rule, where: str) -> None:
    strangers = sorted({*rule.program, *rule.carried_over_to} - set(PROGRAMS))
    if strangers or not rule.program:
        raise RulesBroken(
            f"{where}: program names {', '.join(strangers) or 'none'}; expected some of {', '.join(PROGRAMS)}."
        )
    if rule.effective_dos_from and rule.effective_dos_to and rule.effective_dos_to < rule.effective_dos_from:
        raise RulesBroken(f"{where}: effective_dos_to is before effective_dos_from.")
    if rule.payment_year_from and rule.payment_year_to and rule.payment_year_to < rule.payment_year_from:
        raise RulesBroken(f"{where}: payment_year_to is before payment_year_from.")
    if bool(rule.verified_by) != rule.verified:
        raise RulesBroken(f"{where}: verified_on and verified_by go together; expected both or neither.")


def _procedures(path: Path, where: str) -> frozenset[str]:
    try:
        codes = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise RulesBroken(f"{where}: file {path.name} cannot be read as ASCII text.") from error
    for number, code in enumerate(codes, start=1):
        if not PROCEDURE.fullmatch(code):
            raise RulesBroken(f"{where}: file {path.name}, row {number}: expected a CPT or HCPCS code.")
    if not codes or len(set(codes)) != len(codes):
        raise RulesBroken(f"{where}: file {path.name} is empty or repeats a code.")
    return frozenset(codes)
