"""One encounter in the light of one enrollment: what every check is asked about, and how it answers."""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from coding.acceptability.answers import UNKNOWN, WARN, Check, Evidence
from coding.acceptability.rulebook import View
from coding.intake.values import EncounterValues, MemberValues, NoteValues

TITLE = 400  # code points from the start of a note that are read as its title and header

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = "(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in MONTHS) + r")\.?"
DATE = (
    r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})(?!\d)"
    rf"|{_MONTH}\s+\d{{1,2}},?\s+\d{{4}}|\d{{1,2}}[ -]{_MONTH}[ -,]*\d{{4}})"
)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """same_code: for each first-pass code of the encounter, the number of the chart's encounters that report it."""

    member: MemberValues
    encounter: EncounterValues
    program: str
    payment_year: int
    view: View
    same_code: tuple[tuple[str, int], ...] = ()
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False)  # what several checks ask for

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.memo:
            self.memo[key] = make()
        return self.memo[key]

    def mentions(self, note: NoteValues, words: Iterable[str]) -> bool:
        """Whether one of the words stands in the note, in lower case. Plain search is a hundred times faster than an
        expression: every expression over a whole note is asked for only where one of its words is there."""
        text = self.lower(note)
        return any(word in text for word in words)

    def lower(self, note: NoteValues) -> str:
        return self.once(("lower", note.note_id), note.text.lower)

    def labelled(self, note: NoteValues, labels: Iterable[str], pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Where the expression stands, in order. It begins with one of the labels, which are in lower case."""
        text = self.lower(note)
        if len(text) != len(note.text):  # a few letters grow in lower case, and move all places
            return list(pattern.finditer(note.text))
        found: dict[int, re.Match[str]] = {}
        for label in labels:
            place = text.find(label)
            while place >= 0:
                hit = pattern.match(note.text, place)
                if hit:
                    found[place] = hit
                place = text.find(label, place + 1)
        return [found[place] for place in sorted(found)]

    def answer(self, rule_id: str, answer: str, why: str, *evidence: Evidence, also: str = "") -> Check:
        """A check decided by a rule. `also`: a second rule that the answer rests on; verified only if both are."""
        rule = self.view.rule(rule_id)
        check = rule_id.partition(".")[0]
        if rule is None:
            return Check(check, UNKNOWN, "No rule is in force for this program, year and date.", "", WARN, False)
        other = self.view.rule(also) if also else rule
        verified = rule.verified_for(self.program) and other is not None and other.verified_for(self.program)
        return Check(check, answer, why, also or rule_id, rule.severity, verified, evidence)


def span(note: NoteValues, found: re.Match[str], group: int | str = 0) -> Evidence:
    return Evidence("note.text", note.note_id, found.start(group), found.end(group))


@lru_cache(maxsize=1024)
def plain(word: str) -> str:
    """'History and Physical' and 'history-and-physical' are the note type history_and_physical."""
    return re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")


def read_date(text: str) -> date | None:
    """A date as notes write it; None for what is no date of the calendar. 02.03.26 reads as 3 February 2026."""
    numbers = re.findall(r"\d+", text)
    name = re.search(r"[A-Za-z]{3}", text)
    try:
        if name:
            month = [item[:3] for item in MONTHS].index(name.group().lower()) + 1
            day, year = int(numbers[0]), int(numbers[1])
        elif len(numbers[0]) == 4:
            year, month, day = (int(number) for number in numbers)
        else:
            month, day, year = (int(number) for number in numbers)
        return date(year + 2000 if year < 100 else year, month, day)
    except (ValueError, IndexError):
        return None


@lru_cache(maxsize=4096)
def ways_to_write(day: date) -> tuple[str, ...]:
    """The date as it may stand in a note, for a plain search in lower-case text."""
    month = MONTHS[day.month - 1]
    return (
        f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day.year}", f"{day:%Y-%m-%d}", f"{day:%m-%d-%Y}", f"{day:%m.%d.%Y}",
        f"{day:%m/%d/%y}", f"{day.month}/{day.day}/{day:%y}",
        f"{month} {day.day}, {day.year}", f"{month} {day.day} {day.year}", f"{month[:3]} {day.day}, {day.year}",
        f"{day.day} {month} {day.year}", f"{day:%d} {month[:3]} {day.year}",
    )  # fmt: skip
