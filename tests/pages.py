"""Charts as pages show them: read by rules that say what a test wants, and held by a coder.

chart = pages.held_chart(project, coder, pages.day("2026-03-02", "CKD stage 3b, on losartan.", adds={"N18.32": ...}))
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse

from coding.actions import queues, suggestions
from coding.models import Chart, Note, Project, User
from tests import make


@dataclass(frozen=True)
class Day:
    """One date of service with one note. adds: code -> {letter: quote}; checks: code -> (verdict, quote or "").
    suppressed: quote -> reason. fails: the rules cannot read the note; unread: they have not yet."""

    day: str
    text: str
    adds: dict[str, dict[str, str]] = field(default_factory=dict)
    checks: dict[str, tuple[str, str]] = field(default_factory=dict)
    proposed: dict[str, str] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)
    fails: bool = False
    unread: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        def place(quote: str) -> list[int]:
            at = self.text.index(quote)
            return [at, at + len(quote)]

        found = []
        for code, quotes in self.adds.items():
            start, end = place(quotes["mention"])
            meat = {label: [place(quote)] for label, quote in quotes.items() if label != "mention"}
            found.append(
                {
                    "icd10": code, "start": start, "end": end, "status": "supported", "confidence": "strong",
                    "rule": "test/rule", "section": "assessment_plan", "mentions": [[start, end]], "meat": meat,
                    "why": f"{code} is assessed.", "replaces": [],
                }
            )  # fmt: skip
        verdicts = [
            {
                "icd10": code, "verdict": verdict, "why": f"{code}: {verdict}.",
                "evidence": [place(quote)] if quote else [],
                "suggested": [self.proposed[code]] if code in self.proposed else [],
            }
            for code, (verdict, quote) in self.checks.items()
        ]  # fmt: skip
        passed = [
            {
                "icd10": "I63.9",
                "start": place(q)[0],
                "end": place(q)[1],
                "status": "unsupported",
                "reason": why,
                "rule": "r",
            }
            for q, why in self.suppressed.items()
        ]
        return {"suggestions": found, "first_pass": verdicts, "suppressed": passed}


CKD = {"mention": "CKD stage 3b", "assess": "stable", "treat": "losartan"}
TEXT = "Assessment: CKD stage 3b, stable on losartan. Family history of stroke."


def day(date: str = "2026-03-02", text: str = TEXT, **facts: Any) -> Day:
    return Day(date, text, **facts)


def missed_ckd(date: str = "2026-03-02", text: str = TEXT) -> Day:
    """Diabetes on the claim, CKD stage 3b documented and not coded."""
    return day(date, text, adds={"N18.32": CKD}, checks={"E11.22": ("supported", "")})


def read_chart(project: Project, *days: Day, **fields: Any) -> Chart:
    """An imported chart whose notes the rules have answered as the days say."""
    chart = make.chart(
        project, *(make.encounter(one.text, one.day, codes=one.checks, **one.fields) for one in days), **fields
    )
    by_day = {one.day: one for one in days}
    for note in Note.objects.filter(encounter__chart=chart).select_related("encounter"):
        one = by_day[note.encounter.date_from.isoformat()]
        if one.unread:
            continue
        run = suggestions.begin_run(note.pk)
        assert run is not None
        if one.fails:
            suggestions.fail_run(run, "took longer than the time limit")
        else:
            suggestions.record_findings(run=run, answer=one.answer())
    chart.refresh_from_db()
    return chart


def held_chart(project: Project, coder: User, *days: Day, **fields: Any) -> Chart:
    chart = read_chart(project, *(days or (missed_ckd(),)), **fields)
    queues.claim(chart=chart, by=coder)
    chart.refresh_from_db()
    return chart


class Page(HTMLParser):
    """What a browser would make of a page, as far as a test asks: the text of each note, ids, links, form fields."""

    def __init__(self, response: HttpResponse):
        super().__init__(convert_charrefs=True)
        self.notes: dict[int, str] = {}
        self.ids: list[str] = []
        self.text = ""
        self._depth = 0
        self._note: int | None = None
        # The parser of a browser makes one line feed of a carriage return and a line feed.
        self.feed(response.content.decode().replace("\r\n", "\n").replace("\r", "\n"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.text += " " if tag in ("td", "th", "p", "li", "div", "dd") else ""
        if named.get("id"):
            self.ids.append(str(named["id"]))
        if self._note is not None and tag not in ("br", "input", "img"):
            self._depth += 1
        if "note-text" in (named.get("class") or "").split():
            self._note, self._depth = int(str(named["data-note"])), 0
            self.notes[self._note] = ""

    def handle_endtag(self, tag: str) -> None:
        if self._note is None:
            return
        if self._depth == 0:
            self._note = None
        else:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._note is not None:
            self.notes[self._note] += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


VISIT = """RIVERBEND CLINIC
Patient: Ada Winterbourne   DOB: 04/01/1953
Date of service: {day}

{text}

Electronically signed by Otto Brand, MD {day}
"""
ADA = {"name": {"family": "Winterbourne", "given": "Ada"}}


def visit(date: str = "2026-03-02", text: str = "CKD stage 3b, stable on losartan.", **facts: Any) -> Day:
    """A date of service of ADA that an audit accepts and that pays: seen in an office, signed, on an accepted claim.

    fields: replace those of the encounter, such as {"claim": None} for a record without a link.
    """
    fields = {
        "claim": {
            "icn": f"ICN-{date}", "type": "P", "place_of_service": "11", "accepted": True,
            "lines": [{"procedure": "99214", "modifiers": []}],
        },
        "provider": {"npi": "1234567893", "specialty": "50", "name": "Otto Brand", "credential": "MD"},
        "signature": {"status": "signed", "name": "Otto Brand", "credential": "MD", "date": date},
        **facts.pop("fields", {}),
    }  # fmt: skip
    return Day(date, VISIT.format(day=f"{date[5:7]}/{date[8:]}/{date[:4]}", text=text), fields=fields, **facts)
