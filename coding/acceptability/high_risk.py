"""Diagnosis groups that audits found unsupported far too often: each flagged code shows which corroboration is missing.

A flag is no verdict. It asks for a second reviewer before the code is released. A group is a file in tables/high_risk/.
Sources: OIG toolkit A-07-23-01213 (December 2023) and the audits named in the files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from coding.acceptability.answers import Evidence
from coding.acceptability.codes import age_on
from coding.acceptability.encounter_filter import bare_type_of_bill
from coding.acceptability.rulebook import Book, Corroboration, HighRiskGroup, book, in_ranges
from coding.intake.values import ChartValues, EncounterValues

BMI = re.compile(
    r"\b(?:BMI|body mass index)\b[^\d\n]{0,20}(?P<value>\d{2}(?:\.\d{1,2})?)(?!\d|\s*(?:kg\b(?!/)|lb|%))", re.I
)
NEGATED = re.compile(
    r"\b(?:no|not|never|without|denies|declin\w+|stopped|discontinued|off|allerg\w+(?: to)?)\s+(?:\w+\s+){0,2}$", re.I
)
# What was and is no more, in the words after a medicine or on the line of a body mass index.
ENDED = re.compile(
    r"[^.;]{0,80}?(?:\b(?:finished|completed|stopped|ended|discontinued)\b|\d{1,2}/\d{4} to \d{1,2}/\d{4})", re.I
)
EARLIER = re.compile(
    r"\b(?:highest|peak|max(?:imum)?|previous(?:ly)?|prior|last year|(?:in|of|since) (?:19|20)\d{2})\b"
    r"|(?<![\d/])\d{2}/\d{4}",
    re.I,
)
HOSPITAL_BILLS = {"inpatient": ("11", "41"), "outpatient": ("12", "13", "43", "71", "73", "76", "77", "85", "87")}


@dataclass(frozen=True, slots=True)
class Flag:
    """One code on one encounter that needs a second reviewer.

    missing: each corroboration that would clear the flag and was not found, in words. found: what speaks against the
    code (a contradicting medicine, a body mass index), where there is such a thing.
    """

    encounter_id: str
    icd10: str
    group: str
    title: str
    missing: tuple[str, ...]
    rule_id: str
    verified: bool
    source: str
    found: tuple[Evidence, ...] = ()


def high_risk(
    chart: ChartValues,
    program: str,
    payment_year: int,
    codes: Mapping[str, Iterable[str]] | None = None,
    rules: Book | None = None,
) -> tuple[Flag, ...]:
    """The flags of a chart, by encounter, code and group; the order of the encounters changes nothing.

    codes: by encounter_id, the codes to be released (upper case, with dots); the first-pass codes where absent.
    """
    rules = rules or book()
    carried = {
        encounter.encounter_id: frozenset(
            code.icd10 for code in encounter.first_pass_codes
        ) if codes is None else frozenset(codes.get(encounter.encounter_id, ()))
        for encounter in chart.encounters
    }  # fmt: skip
    flags: list[Flag] = []
    for group in rules.all(HighRiskGroup):
        rule = rules.by_id[group.rule_id]
        for encounter in chart.encounters:
            if not rule.in_force(program, payment_year, encounter.date_through):
                continue
            for code in sorted(_flagged(group, chart, encounter, carried)):
                cleared, missing, found = _corroborated(group, chart, encounter, carried)
                if not cleared:
                    flags.append(
                        Flag(
                            encounter.encounter_id, code, group.group, group.title, missing, rule.rule_id,
                            rule.verified_for(program), rule.source, found,
                        )
                    )  # fmt: skip
    return tuple(sorted(flags, key=lambda flag: (flag.encounter_id, flag.icd10, flag.group)))


def _flagged(
    group: HighRiskGroup, chart: ChartValues, encounter: EncounterValues, carried: Mapping[str, frozenset[str]]
) -> set[str]:
    """The encounter's codes that the group asks about."""
    if group.age_min is not None and age_on(chart.member.birth_date, encounter.date_through) < group.age_min:
        return set()
    if group.settings and kind_of_record(encounter) not in group.settings:
        return set()
    if group.keystroke:
        return _miskeyed(group, encounter, carried)
    hits = {code for code in carried[encounter.encounter_id] if code.startswith(group.codes)}
    # The notes are read last, and only for a code that is there: a long chart has many.
    if hits and group.contradicted_by and not any(_words(other, group.contradicted_by) for other in chart.encounters):
        return set()
    if hits and group.at_most_encounters is not None:
        times = sum(1 for held in carried.values() if any(code.startswith(group.codes) for code in held))
        if times > group.at_most_encounters:
            return set()
    return hits


def _miskeyed(group: HighRiskGroup, encounter: EncounterValues, carried: Mapping[str, frozenset[str]]) -> set[str]:
    """Codes reported once, one keystroke away from an unrelated code that the member has often: I11 and I13 are kin."""
    times = Counter(code for held in carried.values() for code in held)
    frequent = [code for code, count in times.items() if count >= group.frequent]
    return {
        code
        for code in carried[encounter.encounter_id]
        if times[code] == 1 and any(code[:2] != other[:2] and one_keystroke(code, other) for other in frequent)
    }


def one_keystroke(one: str, other: str) -> bool:
    """One character replaced, or two neighbours exchanged. Points do not count."""
    a, b = one.replace(".", ""), other.replace(".", "")
    if len(a) != len(b) or a == b:
        return False
    apart = [index for index in range(len(a)) if a[index] != b[index]]
    if len(apart) == 1:
        return True
    return len(apart) == 2 and apart[1] == apart[0] + 1 and a[apart[0]] == b[apart[1]] and a[apart[1]] == b[apart[0]]


def kind_of_record(encounter: EncounterValues) -> str:
    """inpatient or outpatient for a hospital's record, physician for any other."""
    claim = encounter.claim
    bill = bare_type_of_bill(claim)[:2] if claim else ""
    for kind, prefixes in HOSPITAL_BILLS.items():
        if bill in prefixes:
            return kind
    if encounter.setting == "inpatient" and not (claim and claim.claim_type == "P"):
        return "inpatient"
    if claim and claim.claim_type == "O":
        return "outpatient"
    return "physician"


def _corroborated(
    group: HighRiskGroup, chart: ChartValues, encounter: EncounterValues, carried: Mapping[str, frozenset[str]]
) -> tuple[bool, tuple[str, ...], tuple[Evidence, ...]]:
    """(any one found, the names of those missing, what speaks against the code)."""
    missing = []
    against: list[Evidence] = [hit for other in chart.encounters for hit in _words(other, group.contradicted_by)]
    for item in group.corroboration:
        found, contrary = _find(item, chart, encounter, carried, group.codes)
        if found:
            return True, (), ()
        missing.append(item.name)
        against += contrary
    return False, tuple(missing), tuple(against)


def _find(
    item: Corroboration,
    chart: ChartValues,
    encounter: EncounterValues,
    carried: Mapping[str, frozenset[str]],
    family: tuple[str, ...],
) -> tuple[bool, list[Evidence]]:
    near = [
        other
        for other in chart.encounters
        if item.within_days is None or _days_apart(other, encounter) <= timedelta(days=item.within_days)
    ]
    match item.kind:
        case "hospital":
            codes = item.codes or family
            return any(
                kind_of_record(other) in (item.settings or ("inpatient", "outpatient"))
                and any(code.startswith(codes) for code in carried[other.encounter_id])
                for other in near
            ), []
        case "procedure":
            return any(
                in_ranges(line.procedure, item.procedures)
                for other in near
                if other.claim
                for line in other.claim.lines
            ), []
        case "medicine":
            return any(_words(other, item.words) for other in near), []
        case "code":
            return any(code.startswith(item.codes) for code in carried[encounter.encounter_id]), []
        case "phrase":
            pattern = re.compile("|".join(item.words), re.I)
            return any(pattern.search(note.text) for note in encounter.notes), []
        case "bmi":
            return _bmi(item, encounter, carried)
    raise ValueError(item.kind)


def _days_apart(one: EncounterValues, other: EncounterValues) -> timedelta:
    """From the end of the earlier to the beginning of the later one; none where they overlap."""
    return max(one.date_from - other.date_through, other.date_from - one.date_through, timedelta())


def _bmi(
    item: Corroboration, encounter: EncounterValues, carried: Mapping[str, frozenset[str]]
) -> tuple[bool, list[Evidence]]:
    """A body mass index of the same day: in the notes it decides; a code alone does where the notes have none."""
    found = [(note, hit) for note in encounter.notes for hit in BMI.finditer(note.text) if not _earlier(note.text, hit)]
    if any(float(hit["value"]) >= (item.at_least or 0) for _, hit in found):
        return True, []
    against = [Evidence("note.text", note.note_id, hit.start("value"), hit.end("value")) for note, hit in found]
    if not found and any(code.startswith(item.codes) for code in carried[encounter.encounter_id]):
        return True, []
    return False, against


def _earlier(text: str, hit: re.Match[str]) -> bool:
    """The line says that the value is of another time: a highest weight, a row of a table by month."""
    return EARLIER.search(text, text.rfind("\n", 0, hit.start()) + 1, hit.start()) is not None


def _words(encounter: EncounterValues, words: tuple[str, ...]) -> list[Evidence]:
    """Words of the notes, whole. 'No warfarin' and 'apixaban for three months, stopped' are no anticoagulant."""
    if not words:
        return []
    pattern = _pattern(words)
    return [
        Evidence("note.text", note.note_id, hit.start(), hit.end())
        for note in encounter.notes
        if _any_of(words, note.text)
        for hit in pattern.finditer(note.text)
        if not NEGATED.search(note.text, max(0, hit.start() - 40), hit.start())
        and not ENDED.match(note.text, hit.end())
    ]


def _any_of(words: tuple[str, ...], text: str) -> bool:
    """Whether one of the words is in the text at all. Most texts have none, and this look takes a tenth of the time."""
    lowered = text.lower()
    return any(word.lower() in lowered for word in words)


_PATTERNS: dict[tuple[str, ...], re.Pattern[str]] = {}


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    if words not in _PATTERNS:
        _PATTERNS[words] = re.compile(r"\b(?:" + "|".join(re.escape(word) for word in words) + r")\b", re.I)
    return _PATTERNS[words]
