"""What a note says that another place, or another note, may contradict: the statements that the rules ask for.

A statement is one thing that one place of a note says, as far as a rule of contradictions.toml asks for it. It is kept
with the reading, so that notes can be compared without reading them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp.assertion import SILENT, Asserted
from nlp.catalog import Catalog
from nlp.codes import suppress
from nlp.contradictions import DENIED, MEASURED, PAST, PRESENT, STATED, TREATED, Measure, rules
from nlp.findings import Meat, Statement
from nlp.resolve import Outcome
from nlp.sections import Page

NEAR = 60
"""Characters before a measure in which words may say that its number is of another time, or none of this person."""


def statements(page: Page, asserted: Sequence[Asserted], outcome: Outcome, catalog: Catalog) -> tuple[Statement, ...]:
    """What a note says that a rule may compare, in text order; of what it repeats, the first place."""
    said = [*present(outcome, asserted), *measured(page)]
    for a in asserted:
        if not a.reason:
            said += stated(page, a, catalog)
        elif a.reason == "negated" and is_denial(page, a, catalog):
            said.append(of_mention(DENIED, a, catalog))
        elif a.reason == "historical" and is_told_as_past(page, a):
            said.append(of_mention(PAST, a, catalog))
    has = {s.subject: s for s in reversed(said) if s.says == PRESENT}
    doubtful = {(s.says, s.subject) for s in said if s.says in (DENIED, PAST) and s.subject in has}
    explained = {x for x in doubtful if is_explained(page, x[0], has[x[1]], outcome)}
    assessment = catalog.roles["assessment"]
    found: dict[tuple[str, str, str], Statement] = {}
    for one in sorted(said, key=lambda s: (s.section not in assessment, s.start, s.end)):
        doubt = (one.says, one.subject)
        if doubt in doubtful and (doubt in explained or in_one_sentence(page, one, has[one.subject])):
            continue
        key = (one.says, one.subject, one.icd10 if one.says == PRESENT else one.value)
        found.setdefault(key, one)
    for family in rules().treated & {subject for says, subject, _ in found if says == PAST}:
        if (PRESENT, family) not in {(says, subject) for says, subject, _ in found}:
            found |= {(s.says, s.subject, s.value): s for s in still_taken(page, family, asserted, catalog)}
    return tuple(sorted(found.values(), key=lambda s: (s.start, s.end, s.says, s.subject, s.value)))


def in_one_sentence(page: Page, one: Statement, other: Statement) -> bool:
    return page.sentence_at(one.start) == page.sentence_at(other.start)


def is_explained(page: Page, says: str, has: Statement, outcome: Outcome) -> bool:
    """Whether a note that has a condition says beside it why it denies it elsewhere, or calls it past.

    "No history of it" begins the story of a new diagnosis; a history of it goes with a new event, or with the treatment
    that makes it current (Guidelines I.C.2).
    """
    words = rules().words
    sentence = page.sentences[page.sentence_at(has.start)]
    around = page.block_at(has.start) or sentence
    if says == DENIED:
        return bool(words["new"].search(page.low, *around)) or not words["established"].search(page.low, *around)
    section = page.section_at(has.start)
    if words["goes_on"].search(page.low, section.start, section.body) or words["goes_on"].search(page.low, *sentence):
        return True
    evidence = (e for f in outcome.findings if f.family == has.subject and f.icd10 < "D" for e in f.meat)
    return any(
        e.letter is Meat.TREAT
        and e.rule.startswith(f"{has.subject}/")
        and not words["done"].search(page.low, *page.sentences[page.sentence_at(e.start)])
        for e in evidence
    )


OVER = "Z8"
"""How the codes begin for what is over."""


def of_mention(says: str, a: Asserted, catalog: Catalog) -> Statement:
    """The mention with the words that deny it or put it into the past, and the code that it would have without them."""
    start, end = a.mention.start, a.mention.end
    if a.cue:
        start, end = min(start, a.cue[0]), max(end, a.cue[1])
    return Statement(says, a.mention.family, "", code_of(a, catalog), start, end, a.mention.section)


def present(outcome: Outcome, asserted: Sequence[Asserted]) -> Iterator[Statement]:
    """What the note supports, where it says so itself: not by a mention that calls it past, nor by a code for that."""
    past = {(a.mention.start, a.mention.end) for a in asserted if a.reason == "historical"}
    for f in outcome.findings:
        places = [s for s in ((f.start, f.end), *f.mentions) if s not in past]
        if places and not f.icd10.startswith(OVER):
            yield Statement(PRESENT, f.family, "", f.icd10, *places[0], f.section)


def stated(page: Page, a: Asserted, catalog: Catalog) -> Iterator[Statement]:
    """The stage, class or type that the mention's own sentence gives it, with the code that its words make."""
    m = a.mention
    if m.family not in rules().attributes or not m.term.alone or m.section in rules().silent:
        return
    surface = dict(m.term.sets)
    patterns = {x.name: dict(x.values) for x in catalog.families[m.family].attributes}
    for attribute in rules().attributes[m.family]:
        value = (a.values.get(attribute) or ("",))[0]
        if not value:
            continue
        span = (m.start, m.end)
        if surface.get(attribute) != value:
            words = patterns.get(attribute, {}).get(value)
            places = [x.span() for x in words.finditer(page.low, *page.sentences[m.sentence])] if words else []
            if not places:
                continue
            nearest = min(places, key=lambda x: max(x[0] - m.end, m.start - x[1]))
            span = (min(m.start, nearest[0]), max(m.end, nearest[1]))
            if max(nearest[0] - m.end, m.start - nearest[1]) > CLOSE:
                continue
        sentence = page.sentences[m.sentence]
        if OR_OTHER.match(page.low, span[1]) or rules().words["unsettled"].search(page.low, *sentence):
            continue
        yield Statement(STATED, m.family, f"{attribute}={value}", code_of(a, catalog), *span, m.section)


CLOSE = 15
"""Characters between a mention and the words of its stage, type or class."""
OR_OTHER = re.compile(r"[ ]?(?:-|/|to|or|versus|vs)[ ]?(?:stage )?(?:[1-5]|i{1,3}\b|iv\b)")
"""After a stage: it is one end of a range ("stage 3-4")."""


def code_of(a: Asserted, catalog: Catalog) -> str:
    """The code that a mention's own words would have, whatever speaks against it."""
    return suppress(a, a.reason, catalog).icd10


def is_denial(page: Page, a: Asserted, catalog: Catalog) -> bool:
    """Whether a mention denies the condition itself, and not a bout, a sign, a kind or a treatment of it."""
    m, words = a.mention, rules().words
    if not a.cue or a.cue[1] > m.start or m.section in rules().silent:
        return False
    if m.term.weak or not m.term.alone or m.term.kind not in rules().denied_kinds:
        return False
    cue = page.low[slice(*a.cue)]
    for_good = words["cues"].search(page.low, a.cue[0], m.start)
    plain = m.section in rules().plain_in and words["plain"].fullmatch(cue)
    if not (for_good or plain):
        return False
    if words["before"].search(page.low, a.cue[1], m.start):
        return False
    if page.low.startswith("-", m.end) or words["after"].match(page.low, after(page.low, m.end)):
        return False
    family = catalog.families[m.family]
    return not family.tail and family.name not in rules().denied_not and code_of(a, catalog) == family.plain_code


GAP = re.compile(r"[ ,(-]*")


def after(low: str, position: int) -> int:
    """Where the next word begins, over blanks, a comma or a bracket."""
    gap = GAP.match(low, position)
    return gap.end() if gap else position


def is_told_as_past(page: Page, a: Asserted) -> bool:
    """Whether a mention calls a condition past of which past and present are coded apart, and not one that goes on."""
    m = a.mention
    if not a.cue or m.family not in rules().past or not m.term.alone:
        return False
    return not rules().words["still"].search(page.low, *page.sentences[m.sentence])


def still_taken(page: Page, family: str, asserted: Sequence[Asserted], catalog: Catalog) -> Iterator[Statement]:
    """The first drug that is taken now, in a note in which only this condition takes it."""
    drugs, words = catalog.families[family].shared_drugs, rules().words
    if not drugs or page.is_stay or page.is_bedside or words["not_treated"].search(page.low):
        return
    if any(a.mention.family in rules().treated_else for a in asserted):
        return
    for m in drugs.finditer(page.low):
        section = page.section_at(m.start()).kind
        sentence = page.sentences[page.sentence_at(m.start())]
        if section not in SILENT and not words["not_now"].search(page.low, *sentence):
            yield Statement(TREATED, family, m.group(), "", *m.span(), section)
            return


def measured(page: Page) -> Iterator[Statement]:
    """The numbers of this visit, of measures whose numbers tell something in this note."""
    found: dict[str, list[Statement]] = {}
    for m in rules().any_measure.finditer(page.low):
        one = next(x for x in rules().measures if x.names.compiled.fullmatch(m.group()))
        if number := value_of(page, one, m):
            found.setdefault(one.name, []).append(number)
    for one in rules().measures:
        if one.name in found and not one.unless.search(page.low):
            yield from found[one.name]


LINKS = (
    "is", "was", "of", "at", "now", "today", "about", "approximately", "approx", "around", "estimated", "calculated",
    "currently", "current", "stable", "remains", "non", "african", "american", "black", "level", "value", "result",
    "to", "be", "in", "the", "range", "nearing", "normal", "preserved", "reduced", "decreased", "depressed", "improved",
    "up", "down",
    "between", "count", "measured", "best", "most", "recent", "visually", "mildly", "moderately", "severely", "low",
)  # fmt: skip
AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
VALUE = re.compile(
    rf"(?:[ ]?\([^()\n]{{0,40}}\))?(?:[ ]?(?:[:=,~-]|\b(?:{'|'.join(LINKS)})\b)){{0,8}}[ ]?"
    r"(?P<sign>>=?|<=?|≥|≤|greater than|more than|over|above|at least|less than|under|below)?(?:[ ]or equal to)?[ ]?"
    rf"(?P<one>{AMOUNT})(?:[ ]?k\b)?(?:%|[ ]?percent)?"
    rf"(?:[ ]?(?:-|to|and|->|→)[ ]?(?P<other>{AMOUNT})(?:%|[ ]?percent)?)?(?![\d])"
)
"""A measure's number, behind its name: "eGFR (CKD-EPI): 38", "ejection fraction is 55 to 60%", "GFR > 60"."""
MORE, LESS = (">", "≥", "greater", "more", "over", "above", "at least"), ("<", "≤", "less", "under", "below")


def value_of(page: Page, one: Measure, name: re.Match[str]) -> Statement | None:
    """The number behind a measure's name; none where it is of another time, a limit, or something else."""
    low = page.low
    section = page.section_at(name.start()).kind
    number = VALUE.match(low, name.end(), name.end() + 120)
    if number is None or section in ("family", "instructions", "allergies"):
        return None
    start = page.sentences[page.sentence_at(name.start())][0]
    words = rules().words
    if words["other_before"].search(low, max(start, name.start() - NEAR), number.start("one")):
        return None
    if words["other_after"].match(low, after(low, number.end())):
        return None
    amounts = [float(x.replace(",", "")) for x in (number["one"], number["other"]) if x]
    if one.thousands:
        amounts = [x * 1000 if x < 1000 else x for x in amounts]
    if not all(one.least <= x <= one.most for x in amounts):
        return None
    sign = number["sign"] or ""
    text = "-".join(f"{x:g}" if x < 1e5 else f"{x:.0f}" for x in sorted(amounts))
    sign = ">" if sign.startswith(MORE) else "<" if sign.startswith(LESS) else ""
    if sign + text in one.limits:
        return None
    stop = number.end("other") if number["other"] else number.end("one")
    stop += low.startswith("%", stop)
    return Statement(MEASURED, one.name, sign + text, "", name.start(), stop, section)
