"""Stage 1: a note as a page: folded text of the same length, sections, problem blocks, sentences.

No stage changes the text. Folding maps one character to one character, so every offset holds for the text as given.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from nlp.catalog import Catalog
from nlp.findings import Section, Span
from nlp.words import Text, Words, words_of

SECTION_NAMES = {
    "assessment_plan": "the assessment", "hospital_course": "the hospital course",
    "hpi": "the history of present illness",
    "chief_complaint": "the chief complaint", "pmh": "the past medical history", "problem_list": "the problem list",
    "family": "the family history", "vitals": "the vital signs", "procedure": "the procedure",
    "instructions": "the instructions", "allergies": "the allergies", "medications": "the medication list",
    "social": "the social history", "surgical": "the surgical history", "exam": "the examination",
    "results": "the results", "ros": "the review of systems", "follow_up": "the follow-up", "": "the note",
}  # fmt: skip
"""Kinds of sections in the words of a page."""

MAX_SENTENCE = 800
"""Longest stretch read as one sentence: the work on modifiers grows with its square."""

PLAIN = str.maketrans(
    {
        "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "−": "-", "‐": "-",
        "\xa0": " ", "\u202f": " ", "\u2009": " ", "\u2003": " ", "\u2002": " ", "\u3000": " ",
        "\ufeff": " ", "\u200b": " ",
        "\t": " ", "\f": "\n", "\v": "\n", "\u2028": "\n", "\u2029": "\n", "\x85": "\n",
        "▪": "•", "◦": "•", "·": "•", "\x00": " ",
    }
)  # fmt: skip


def plain(text: str) -> str:
    """The text with one kind of quote, dash, blank and line end. Same length, same case."""
    return text.replace("\r\n", " \n").replace("\r", "\n").translate(PLAIN)


def lower(text: str) -> Text:
    """Lower case of the same length: "İ" and its like, whose lower case is longer, stay."""
    low = text.lower()
    return Text(low if len(low) == len(text) else "".join(x if len(x := c.lower()) == 1 else c for c in text))


@dataclass(frozen=True)
class Page:
    """A note cut up. Sentences and blocks are spans in text order; blocks cover assessment sections only."""

    text: str
    plain: str
    low: Text
    sections: tuple[Section, ...]
    sentences: tuple[Span, ...]
    sentence_starts: tuple[int, ...]
    blocks: tuple[Span, ...]
    block_starts: tuple[int, ...]
    section_starts: tuple[int, ...]

    @cached_property
    def is_discharge(self) -> bool:
        """Whether the note says anything that only the summary of a finished stay says."""
        return bool(DISCHARGE.search(self.low))

    @cached_property
    def is_stay(self) -> bool:
        """Whether the note says by its headings that it sums up a stay in a hospital."""
        if not self.is_discharge:
            return False
        diagnoses = STAY_DIAGNOSES.search(self.low)
        return bool(STAY.search(self.low) or (diagnoses and STAY_COURSE.search(self.low, diagnoses.end())))

    @cached_property
    def is_bedside(self) -> bool:
        """Whether the note is written while the person lies in a hospital, by its headings or what is done."""
        return bool(BEDSIDE.search(self.low))

    def places(self, words: Words | None, start: int = 0, end: int = sys.maxsize) -> Sequence[int]:
        """Where a pattern can begin between two offsets; quick, and more often than it stands there."""
        return words.places(self.low, start, end) if words else ()

    def spans(self, words: Words | None, start: int = 0, end: int = sys.maxsize) -> Sequence[Span]:
        """Where a pattern stands between two borders of sentences, in text order; no match runs over such a border."""
        if words is None:
            return ()
        found = self.found.get(words)
        if found is None:
            found = self.found[words] = list(self.look_for(words, 0, len(self.low)))
        if not found or (start == 0 and end >= len(self.low)):
            return found
        return found[bisect_left(found, (start,)) : bisect_left(found, (end,))]

    def spans_in(self, words: Words | None, number: int) -> Sequence[Span]:
        """Where a pattern stands in a sentence."""
        return list(self.look_for(words, *self.sentences[number])) if words else ()

    def look_for(self, words: Words, start: int, end: int) -> Iterator[Span]:
        places = words.places(self.low, start, end)
        if not places:
            return
        match, free = words.compiled.match, 0
        for at in places:
            if at >= free and (m := match(self.low, at)):
                last = self.sentences[self.sentence_at(at)][1]
                if m.end() <= last or (m := match(self.low, at, last)):
                    yield m.span()
                    free = m.end()

    @cached_property
    def found(self) -> dict[Words, Sequence[Span]]:
        """Where the patterns stand that were looked for in the whole note."""
        return {}

    @cached_property
    def pathology(self) -> tuple[Span, int]:
        """Where the note says what was sent to a pathologist, and where the heading of his diagnosis ends."""
        sent = SPECIMEN.search(self.low)
        heading = DIAGNOSED.search(self.low, sent.end()) if sent else None
        return (sent.span(), heading.end()) if sent and heading else ((0, 0), sys.maxsize)

    def section_at(self, position: int) -> Section:
        return self.sections[bisect_right(self.section_starts, position, 1) - 1]

    def bodies(self, kinds: Collection[str]) -> Iterator[Span]:
        """Where sections of some kinds stand, without their headings."""
        return ((s.body, s.end) for s in self.sections if s.kind in kinds)

    def sentence_at(self, position: int) -> int:
        return bisect_right(self.sentence_starts, position, 1) - 1

    def block_at(self, position: int) -> Span | None:
        i = bisect_right(self.block_starts, position) - 1
        return self.blocks[i] if i >= 0 and position < self.blocks[i][1] else None

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        return (0, *(m.end() for m in re.finditer("\n", self.plain)))

    def line_at(self, position: int) -> int:
        """Where the line of a position begins. A search backwards would be long in a note without line ends."""
        return self.line_starts[bisect_right(self.line_starts, position) - 1]

    def sentences_in(self, span: Span) -> range:
        first = self.sentence_at(span[0])
        if self.sentences and self.sentences[first][1] <= span[0]:
            first += 1
        last = bisect_right(self.sentence_starts, max(span[1] - 1, span[0]))
        return range(first, last)


BEDSIDE = words_of(
    (
        "(?:admitting|admission|preoperative|pre ?op|postoperative|post ?op) diagnos[a-z]*",
        "diagnos[ei]s (?:at|on|upon) admission", "(?<=\n)course(?=:)", "(?<=\n )course(?=:)", "hospital course",
        "reason for admission", "intubated", "ventilator", "icu", "intensive care",
        "(?:will be|is being|is|now|being) admitted", "admit (?:the|this|him|her|to)", "emergent craniotomy",
        "post ?op(?:erative)? day",
    )
)  # fmt: skip
DISCHARGE = words_of(
    (
        "discharge (?:summary|diagnos[ei]s)", "diagnos[ei]s (?:at|on|upon) discharge", "final diagnos[ei]s",
        "hospital course", "course in (?:the )?hospital", "date of discharge", "discharge date",
        "condition (?:at|on) discharge", "discharged?(?=:)",
    )
)  # fmt: skip
SPECIMEN = re.compile(r"(?m)^specimens?[a-z ]*:[^\n]*\n?[^\n]*")
DIAGNOSED = re.compile(r"(?m)^(?:final|pathologic(?:al)?|microscopic)(?: pathologic(?:al)?)? diagnos[ei]s:")
"""The headings of a pathologist's report: what was sent, and what it is."""
STAY = re.compile(
    r"(?m)^[ ]*(?:date of admission|admission date|admit(?:ted)?(?: date)?:|admitting diagnos|admission diagnos)"
    r"|\bdischarge summary\b"
)
"""What stands only in the summary of a stay, not in the papers of an emergency department."""


STAY_DIAGNOSES = re.compile(r"(?m)^[ ]*(?:primary |principal |final |secondary )*(?:discharge|final) diagnos[ei]s")
STAY_COURSE = re.compile(r"(?m)^[ ]*(?:brief )?(?:hospital course|course in (?:the )?hospital)")
"""The two together, in this order, stand only there too."""


def page(text: str, catalog: Catalog) -> Page:
    """Cut a note. text: any string, the empty one included. Raises nothing."""
    flat = plain(text)
    sections = find_sections(flat, catalog)
    starts = {s.body for s in sections} | {s.start for s in sections}
    sentences = split_sentences(flat, starts)
    assessment = catalog.roles["assessment"]
    blocks = tuple(b for s in sections if s.kind in assessment for b in problem_blocks(flat, s.body, s.end))
    return Page(
        text=text,
        plain=flat,
        low=lower(flat),
        sections=sections,
        sentences=tuple(sentences),
        sentence_starts=tuple(a for a, _ in sentences),
        blocks=blocks,
        block_starts=tuple(a for a, _ in blocks),
        section_starts=tuple(s.start for s in sections),
    )


# ------------------------------------------------------------------------------------------------------------ sections

LINE_HEADING = re.compile(
    r"(?m)^[ ]*(?:[#*>=\-]{0,4}[ ]{0,4})?(?:(?:\d{1,2}|[IVX]{1,4})[.)][ ]{1,4})?"
    r"(?P<name>[A-Za-z][A-Za-z0-9 /&,.()'\-]{0,58}?)[ ]{0,4}\**(?:(?P<colon>:)|(?P<dash> - )|(?P<end>[ ]*$))"
)
INLINE_HEADING = re.compile(
    r"(?<=[.,;:)] )[ ]{0,3}(?P<name>[A-Z][A-Z /&]{4,50}[A-Z]|(?:[A-Z][a-z]+ ){1,3}(?:History|Medications))(?P<colon>:)"
)
UNKNOWN_HEADING = re.compile(r"[A-Z][A-Z0-9 /&,()'\-]{6,50}$")
SOAP = re.compile(r"(?m)^[ ]*([SOAP])[ ]+-[ ]")
"""A progress note whose headings are the four letters with a dash."""
BULLET = re.compile(r"[ ]*[-*•][ ]")
ORDERED = re.compile(r"(?i)[^\n]*\b(?:ordered|future|to be done|to be drawn)\b")
"""A test that is only asked for is part of the plan, whatever its label looks like."""


def find_sections(flat: str, catalog: Catalog) -> tuple[Section, ...]:
    """The sections in text order; together they cover the note. The text before the first heading has kind ""."""
    found: list[tuple[int, int, str]] = []
    current = ""
    soap = len({m[1] for m in SOAP.finditer(flat)}) >= 3
    for m in sorted(
        [*LINE_HEADING.finditer(flat), *INLINE_HEADING.finditer(flat)], key=lambda m: (m.start(), -m.end())
    ):
        name = m["name"]
        key = " ".join(name.lower().split()).strip(" *.,-")
        inline = m.re is INLINE_HEADING
        kind = catalog.headings.get(key)
        if kind is None and not name.isupper():
            continue
        line = flat[m.start() : m.end()]
        if kind is None and (m["colon"] or (not inline and m["end"] is not None)) and key not in catalog.subheadings:
            kind = next((k for word, k in catalog.heading_words if word in key), None)
        if kind is None:
            closed = m["colon"] and UNKNOWN_HEADING.match(name) and not inline
            if (
                closed
                and key not in catalog.subheadings
                and current
                in ("family", "allergies", "ros", "social", "medications", "surgical", "pmh", "instructions")
            ):
                kind = "other"
            else:
                continue
        if not inline:
            # "plan" alone in wrapped prose; a bullet's label inside a problem; single letters without a colon
            if name.islower() and m["colon"] is None:
                continue
            if len(key) <= 2 and m["colon"] is None and key not in ("cc", "pe", "vs") and not (m["dash"] and soap):
                continue
            if BULLET.match(line) and not name.isupper():
                continue
            if (
                current in ("assessment_plan", "hospital_course")
                and m["colon"]
                and not name.isupper()
                and kind
                in (
                    "results",
                    "instructions",
                    "medications",
                    "exam",
                    "follow_up",
                    "procedure",
                    "chief_complaint",
                    "social",
                    "vitals",
                )
                and flat[m.end() : m.end() + 1] == " "
            ):
                # "Labs: BMP today" inside a plan stays in the plan
                continue
            if m["dash"] is not None and not name.isupper():
                continue
            if current == "assessment_plan" and kind == "results" and ORDERED.match(flat, m.end()):
                continue
        if found and m.start() < found[-1][1]:
            continue
        if m["colon"] is None and is_column(found[-1:], key, flat, m.start()):
            continue
        start = m.start("name") if inline else m.start()
        found.append((start, m.end(), kind))
        current = kind
    if not any(kind in catalog.roles["assessment"] for _, _, kind in found):
        found += [(at, at, "assessment_plan") for at in bare_problem_list(flat, found[0][0] if found else len(flat))]
        found.sort()
    spans = [(0, 0, ""), *found] if not found or found[0][0] > 0 else found
    out = []
    for i, (start, body, kind) in enumerate(spans):
        end = spans[i + 1][0] if i + 1 < len(spans) else len(flat)
        out.append(Section(kind, start, end, min(body, end)))
    return as_assessment(flat, out)


def is_column(last: list[tuple[int, int, str]], key: str, flat: str, at: int) -> bool:
    """Whether a heading only heads the column of the list before it: "Active Problem List", "Diagnosis", its items."""
    if key not in ("diagnosis", "diagnoses", "problem", "problems"):
        return False
    return any(kind in ("problem_list", "pmh") and not flat[body:at].strip() for _, body, kind in last)


PLAN = re.compile(r"(?i)[ ]*(?:the )?(?:plans?|recommendations?|treatment plan|plan of care)\b")
PRINCIPAL = re.compile(r"(?i)[ ]*principal (?:hospital )?problem\b")
BESIDE = re.compile(r"(?i)[ ]*(active|resolved) (?:hospital )?problems\b")
JUDGED = re.compile(r"(?i)assessment|impression|diagnos|a\W?[/&]\W?p\b")


def as_assessment(flat: str, sections: list[Section]) -> tuple[Section, ...]:
    """A problem list right before the plan is the assessment of a note that has no other, and the problems beside the
    principal one are those of the stay."""
    headings = [flat[s.start : s.body] for s in sections]
    if any(map(PRINCIPAL.match, headings)):
        for i, heading in enumerate(headings):
            if beside := BESIDE.match(heading):
                kind = "assessment_plan" if beside[1].lower() == "active" else "hospital_course"
                sections[i] = replace(sections[i], kind=kind)
    if any(s.kind == "assessment_plan" and JUDGED.search(h) for s, h in zip(sections, headings, strict=True)):
        return tuple(sections)
    for i, s in enumerate(sections[:-1]):
        if s.kind == "problem_list" and sections[i + 1].kind == "assessment_plan" and PLAN.match(headings[i + 1]):
            sections[i] = replace(s, kind="assessment_plan")
    return tuple(sections)


FIRST_ITEM = re.compile(r"(?m)^[ ]*1[.)][ ]+[A-Z]")
SECOND_ITEM = re.compile(r"(?m)^[ ]*2[.)][ ]+[A-Z]")


def bare_problem_list(flat: str, end: int) -> list[int]:
    """Where a numbered list of problems begins in a note that has no assessment and, before it, no heading."""
    first = FIRST_ITEM.search(flat, 0, end)
    return [first.start()] if first and SECOND_ITEM.search(flat, first.end(), end) else []


# ------------------------------------------------------------------------------------------------------------- blocks

NUMBERED = re.compile(r"[ ]*(?:#+[ ]*\S|\(?\d{1,2}[.)][ ]*\S)")
DOING = (
    r"(?:continue|resume|restart|start|begin|stop|hold|add|give|change|switch|titrate|increase|decrease|reduce|taper|refill"
    r"|discontinue|avoid|(?:re)?check|monitor|obtain|order|repeat|schedule|follow|return|recommend|refer|consult|advise"
    r"|encourage|discuss|counsel|review|await)(?:e?s|e?d|ing)?"
    r"|plan to|will|we|he|she|they|it|i|(?:the )?patient|pt|on|labs?"
)
TITLE = re.compile(rf"(?!(?i:{DOING})\b)[A-Z][^.]{{2,58}}[:.]?$")
"""A short line that names a problem. One that begins with what is done goes on with the problem above it."""


def problem_blocks(flat: str, start: int, end: int) -> list[Span]:
    """The problems of an assessment: a new one at a number, a `#`, after an empty line, or at a short title line."""
    starts: list[int] = []
    position, empty = start, True
    indent: int | None = None  # of the bullets that are problems themselves: those under no number, text or title
    for line in flat[start:end].splitlines(keepends=True):
        words = line.strip()
        if words:
            bullet = BULLET.match(line)
            title = not bullet and len(words) <= 60 and TITLE.match(words) and not line.startswith("  ")
            depth = len(line) - len(line.lstrip())
            if NUMBERED.match(line) or (empty and not bullet) or title:
                starts.append(position)
                indent = None
            elif bullet and (not starts or depth == indent):
                starts.append(position)
                indent = depth
            empty = False
        else:
            empty = True
        position += len(line)
    if not starts or starts[0] > start:
        starts.insert(0, start)
    spans = list(zip(starts, [*starts[1:], end], strict=True))
    return joined_titles(flat, [s for s in spans if s[0] < s[1]])


def joined_titles(flat: str, spans: list[Span]) -> list[Span]:
    """A block that is only a title takes the next paragraph in: "3. Diabetes.", an empty line, its text."""
    out: list[Span] = []
    for span in spans:
        words = flat[span[0] : span[1]].strip()
        if out:
            before = flat[out[-1][0] : out[-1][1]].strip()
            lone_title = "\n" not in before and len(before) <= 60 and not NUMBERED.match(flat[span[0] : span[0] + 8])
            if lone_title and len(words) > 60:
                out[-1] = (out[-1][0], span[1])
                continue
        out.append(span)
    return out


# ---------------------------------------------------------------------------------------------------------- sentences

ABBREVIATION = re.compile(
    r"\b(?:[A-Za-z]|Dr|Mr|Mrs|Ms|Prof|Sr|Jr|St|vs|approx|no|pt|Pt|hx|Hx|dx|Dx|Rx|tx|Tx|yr|yrs|mo|wk|wks|hr|hrs|min|mg|mcg|mL|ml|kg|cm|mm|lb|lbs|oz"
    r"|temp|resp|avg|dept|est|ext|fig|inc|max|e\.g|i\.e|a\.m|p\.m|q\.d|b\.i\.d|t\.i\.d|q\.i\.d|p\.r\.n|p\.o|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.$"
)
BREAK = re.compile(
    r"[\n.!?;](?:(?<=\n)(?:(?P<gap>[ ]*\n\s*)|(?P<line>))"
    r"|(?<=\S[.!?])(?P<stop>[\"')\]]*[ ]+(?=[A-Z0-9\"'(\[•#-]))"
    r"|(?<=[a-z]{3}[.])(?P<glued>(?=[A-Z][a-z]+ ))|(?<=;)(?P<item>[ ]+(?=\d{1,2}[.)][ ])))"
)
"""Where a sentence may end. Begins with the signs that end one, which the regular expression engine finds quickly."""
LIST_ITEM = re.compile(r"[ ]*(?:[-•*o>#][ ]+|\d{1,2}[.)][ ]?|\(\d{1,2}\)[ ]|[a-zA-Z][.)][ ]|\[[ xX]?\][ ])")
LABEL = re.compile(r"[ ]*[A-Z][A-Za-z0-9 /&,()'\-]{0,48}:(?:\s|$)")
GOES_ON = re.compile(r"[ ]*(?:and|or|with|of|the|to|in|on|for|due|which|that|who|is|was|secondary)[ ]")
REST_OF_WORD = re.compile(r"\w*")
LONE_NUMBER = re.compile(r"\s*(?:\d{1,2}|[A-Za-z])\.")


def split_sentences(flat: str, borders: set[int]) -> list[Span]:
    """Sentences as spans without surrounding blanks. A line end closes one unless the line is wrapped prose.

    No word stands in two of them, so that what stands in a sentence does not depend on its neighbours.

    borders: positions that always open a new sentence (headings and what follows them).
    """
    cuts: list[tuple[int, int]] = [(b, b) for b in (*borders, *inline_items(flat))]
    line = 0
    for m in BREAK.finditer(flat):
        kind = m.lastgroup
        start, end = (m.start() if kind in ("gap", "line") else m.start() + 1), m.end()
        if kind == "stop":
            if ABBREVIATION.search(flat, max(0, start - 9), start) and not flat[start:end].startswith("  "):
                continue
            if LONE_NUMBER.fullmatch(flat, line, start):
                continue
        elif kind in ("gap", "line"):
            before, line = flat[line:start].rstrip(), flat.rfind("\n", start, end) + 1
            if kind == "line" and is_wrapped(flat, before, end):
                continue
        cuts.append((start, end))
    spans: list[Span] = []
    position = 0
    for start, end in sorted(cuts):
        if start > position:
            add_trimmed(flat, position, start, spans)
        position = max(position, end)
    add_trimmed(flat, position, len(flat), spans)
    return spans


INLINE_ITEM = re.compile(r"(?<![^ :\n])\(?(?P<number>\d{1,2})\)[ ]*(?=[A-Z])|\n")


def inline_items(flat: str) -> list[int]:
    """Where the items of a list within a line begin, from the second: "1) COPD 2) CHF 3) s/p TAVR"."""
    starts: list[int] = []
    last = 0
    for m in INLINE_ITEM.finditer(flat):
        if m["number"] is None:
            last = 0
        elif int(m["number"]) == last + 1:
            last += 1
            starts += [m.start()] if last > 1 else []
    return starts


def is_wrapped(flat: str, line: str, end: int) -> bool:
    """Whether the end of a line only wraps prose: a long unfinished line and a next one, from `end`, that goes on."""
    stop = flat.find("\n", end)
    following = flat[end : stop if stop >= 0 else len(flat)]
    if not line or not following.strip() or LIST_ITEM.match(following) or LABEL.match(following):
        return False
    unfinished = (
        (len(line) >= 45 and line[-1] not in ".!?:;")
        or (line[-1] == "," and len(line) >= 20)
        or bool(GOES_ON.match(following))
    )
    first = following.lstrip()[:1]
    if unfinished and (first.islower() or first in "(,;" or line[-1] in ",-("):
        return True
    # A short line that begins with a capital and ends without a stop is an item, and no last line of prose.
    is_item = first.isupper() and len(following) < 60 and following.rstrip()[-1] not in ".!?:;,"
    return unfinished and len(line) >= 70 and not is_item


def add_trimmed(flat: str, start: int, end: int, spans: list[Span]) -> None:
    while start < end and flat[start].isspace():
        start += 1
    while end > start and flat[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE:
        window = flat[start : start + MAX_SENTENCE]
        cuts = (window.rfind(s) for s in ("; ", "\n", ", ", " "))
        cut = next((start + k + 1 for k in cuts if k >= MAX_SENTENCE // 2), None)
        if cut is None:
            cut = REST_OF_WORD.match(flat, start + MAX_SENTENCE, end).end()  # type: ignore[union-attr]
        spans.append((start, cut))
        start = cut
        while start < end and flat[start].isspace():
            start += 1
    if start < end:
        spans.append((start, end))
