"""Everything that the rules see in a text, for a person who wonders why: the same stages as `nlp.read`, kept apart.

`read` gives what follows from a note; here stand the mentions too from which nothing follows, the words that decide,
and the values that made a code as specific as it is. Nothing is stored and nothing is logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import nlp
from nlp.assertion import SILENT, Asserted, assert_mentions
from nlp.candidates import find_mentions
from nlp.catalog import Catalog, load
from nlp.families import Attribute
from nlp.findings import Finding, Result, Span, Suppressed
from nlp.pipeline import cues
from nlp.sections import Page, page


@dataclass(frozen=True)
class Value:
    """An attribute value that was read for a mention. words: where, or None where it is a default or a link's."""

    name: str
    value: str
    words: Span | None


@dataclass(frozen=True)
class Seen:
    """One mention. codes: the findings that rest on it. reasons: why it counts for nothing, each with the deciding
    words and the code that a search for words would give.

    Without either it was heard and added nothing: a weak word without a second sign, or one that only adds a detail.
    """

    start: int
    end: int
    family: str
    label: str
    rule: str
    section: str
    values: tuple[Value, ...]
    codes: tuple[str, ...]
    reasons: tuple[tuple[str, Span | None, str], ...]


@dataclass(frozen=True)
class Cue:
    """Words of context beside a mention: what they say of it, and how far they reach."""

    start: int
    end: int
    category: str
    reach: Span


@dataclass(frozen=True)
class Explanation:
    """setting: the one that was read by, given or told from the note."""

    result: Result
    setting: str
    seen: tuple[Seen, ...]
    cues: tuple[Cue, ...]
    sentences: int


def explain(
    text: str, *, setting: str | None = None, date_of_service: str | None = None, first_pass: Iterable[str] = ()
) -> Explanation:
    """A reading with all that led to it; arguments and errors as for `nlp.read`."""
    result = nlp.read(text, setting=setting, date_of_service=date_of_service, first_pass=first_pass)
    catalog = load()
    sheet = page(text, catalog)
    where = setting or ("inpatient" if sheet.is_stay else "outpatient")
    mentions = find_mentions(sheet, catalog) if sheet.sentences else ()
    asserted = assert_mentions(sheet, mentions, catalog, where)
    said = sorted((seen(sheet, catalog, a, result) for a in asserted), key=lambda s: (s.start, -s.end, s.family))
    return Explanation(result, where, tuple(said), tuple(context(sheet, asserted)), len(sheet.sentences))


def seen(sheet: Page, catalog: Catalog, a: Asserted, result: Result) -> Seen:
    m = a.mention
    family = catalog.families[m.family]
    by_name = {attribute.name: attribute for attribute in family.attributes}
    values = [
        Value(name, value, words_of(sheet, by_name.get(name), value, m.start, m.end, dict(m.term.sets)))
        for name, found in a.values.items()
        for value in found
    ]
    behind: list[Finding] = [f for f in result.findings if f.family == m.family and (m.start, m.end) in f.mentions]
    against: list[Suppressed] = [
        s for s in result.suppressed if (s.start, s.end, s.family) == (m.start, m.end, m.family)
    ]
    return Seen(
        start=m.start,
        end=m.end,
        family=m.family,
        label=family.label,
        rule=m.term.rule,
        section=m.section,
        values=tuple(values) if not family.tail else (),
        codes=tuple(f.icd10 for f in behind),
        reasons=tuple(dict.fromkeys((s.reason, s.cue, s.icd10) for s in against)),
    )


def words_of(
    sheet: Page, attribute: Attribute | None, value: str, start: int, end: int, stated: dict[str, str]
) -> Span | None:
    """The words from which a value was read: the mention's own, or those nearest to it in sentence, block or note."""
    if attribute is None or stated.get(attribute.name) == value:
        return (start, end)
    pattern = next((words for name, words in attribute.values if name == value), None)
    if pattern is None:
        return None
    number = sheet.sentence_at(start)
    places = [sheet.sentences[number], sheet.block_at(start)]
    if attribute.scope == "note":
        places.append((0, len(sheet.low)))
    for place in places:
        if place is None:
            continue
        found = [
            m.span() for m in pattern.finditer(sheet.low, *place) if sheet.section_at(m.start()).kind not in SILENT
        ]
        if found:
            return min(found, key=lambda span: max(span[0] - end, start - span[1]))
    return None


def context(sheet: Page, asserted: Sequence[Asserted]) -> Iterable[Cue]:
    """The cues of every sentence that mentions a condition, in text order."""
    for number in sorted({a.mention.sentence for a in asserted}):
        start, end = sheet.sentences[number]
        for cue in cues(sheet.low[start:end]):
            reach = (start + cue.scope_start, start + cue.scope_end)
            yield Cue(start + cue.start, start + cue.end, cue.category, reach)
