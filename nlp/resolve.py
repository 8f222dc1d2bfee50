"""Stage 5: from mentions and evidence to conditions, from conditions to codes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nlp.assertion import AT_ADMISSION, Asserted, Sentences, overridden
from nlp.catalog import Catalog
from nlp.dates import code_on
from nlp.families import CodeLine, Family, expand, holds
from nlp.findings import Confidence, Contradiction, Evidence, Finding, Meat, Statement, Suppressed
from nlp.meat import Witness, chosen
from nlp.outline import Outline
from nlp.sections import SECTION_NAMES, Page
from nlp.titles import TITLE

NARRATIVE = frozenset({"hpi", "chief_complaint", "", "other", "follow_up", "problem_list", "procedure", "social"})
"""Sections where a condition counts with evidence in its own sentence, outside the assessment."""
SUPPORTING = NARRATIVE | {"pmh", "surgical", "medications", "ros"}
"""Sections where it counts with a treatment of its own."""
STATUS_SECTIONS_NOT = frozenset({"family", "allergies", "instructions", "procedure"})

DOUBTED = frozenset({"negated", "ruled-out", "uncertain"})
OPEN = frozenset({"uncertain", "hypothetical"})
REASON_LENGTH = 300
"""Characters that a reason for a visit has at most; what follows in its section is a narrative."""


@dataclass
class Condition:
    """The mentions of one family that make one condition, while it is being resolved."""

    family: Family
    mentions: list[Asserted]
    supporting: list[tuple[int, Asserted, str]]
    evidence: list[Evidence]
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    past: bool = False
    partners: dict[str, Condition] = field(default_factory=dict)
    """The conditions behind values that a link gave, by value."""
    title: str = ""
    """The code that its mentions state, which are a title of the tabular list; the attributes then decide nothing."""


@dataclass(frozen=True)
class Outcome:
    """unoffered: what the note supports too, but nobody is asked about (codes of drugs beside their condition)."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    unoffered: tuple[Finding, ...] = ()
    statements: tuple[Statement, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


def resolve(page: Page, asserted: Sequence[Asserted], catalog: Catalog, setting: str) -> Outcome:
    """All findings and suppressed mentions of a note, in text order."""
    sentences = Sentences(page, setting, catalog.roles["assessment"])
    groups: dict[str, list[Asserted]] = {}
    for a in asserted:
        groups.setdefault(a.mention.family, []).append(a)
    outline = Outline(page, asserted, catalog)
    conditions: list[Condition] = []
    rejected: list[tuple[Asserted, str]] = []
    held = ("", "uncertain", "historical")
    named = [catalog.families[n] for n, g in sorted(groups.items()) if any(a.reason in held for a in g)]
    for name in sorted(groups):
        witness = Witness(page, sentences, catalog, catalog.families[name], outline, named)
        made, refused = conditions_of(page, catalog, witness, groups[name], setting)
        conditions += made
        rejected += refused
    current = [c for c in conditions if not c.past]
    supported = {c.family.name for c in current}
    for c in list(conditions):
        ahead = next((f for f in c.family.yields_to if f in supported), None)
        if ahead:
            conditions.remove(c)
            rejected += [(a, f"other: part of {catalog.families[ahead].label.lower()}") for _, a, _ in c.supporting]
    current = [c for c in conditions if not c.past]
    for c in conditions:
        link(page, c, current)
    findings: dict[str, Finding] = {}
    unoffered: list[Finding] = []
    suppressed: list[Suppressed] = [suppress(a, reason, catalog) for a, reason in rejected]
    for c in conditions:
        coded = code(page, c, suppressed, setting)
        if not coded and not c.past and c.family.history:
            coded = code(page, past_of(c, rejected), suppressed, setting)
        for f, offer in coded:
            if not offer:
                unoffered.append(f)
                continue
            kept = findings.get(f.icd10)
            findings[f.icd10] = f if kept is None or rank(f) < rank(kept) else kept
    for c in conditions:
        for vaguer in [f for f in findings.values() if c.title in findings and says_less(f, c)]:
            del findings[vaguer.icd10]
    ordered = tuple(sorted(findings.values(), key=lambda f: (f.start, f.end, f.icd10)))
    hidden = tuple(sorted(suppressed, key=lambda s: (s.start, s.end, s.family, s.icd10, s.reason)))
    return Outcome(ordered, hidden, tuple(unoffered))


def says_less(f: Finding, c: Condition) -> bool:
    """Whether a finding only leaves open what a title of the same family says: C50.912 beside C50.412."""
    if f.family != c.family.name or f.icd10 == c.title:
        return False
    return all(a == b or a in "09" for a, b in zip(f.icd10, c.title, strict=False))


def past_of(c: Condition, rejected: Sequence[tuple[Asserted, str]]) -> Condition:
    """The past condition that remains where the present one is refused: an old stroke, named again in the plan."""
    past = [a for a, r in rejected if a.mention.family == c.family.name and r == "historical" and a.mention.term.alone]
    return Condition(
        c.family, past, [(2, a, "stated as past") for a in past], [], merged(c.family, past, []), past=True
    )


def rank(f: Finding) -> tuple[int, int]:
    return (list(Confidence).index(f.confidence), f.start)


# ----------------------------------------------------------------------------------------------------- does it count?


def conditions_of(
    page: Page, catalog: Catalog, witness: Witness, group: Sequence[Asserted], setting: str
) -> tuple[list[Condition], list[tuple[Asserted, str]]]:
    """The conditions that a family's mentions make, and the mentions that make none with their reasons."""
    family = witness.family
    rejected: list[tuple[Asserted, str]] = []
    standing: list[Asserted] = []
    for a in group:
        reason = a.reason
        if reason == "historical" and a.mention.term.kind == "cancer" and is_treated_cancer(page, catalog, witness, a):
            reason = ""
        elif not reason and a.mention.term.kind == "cancer" and is_past_cancer(page, catalog, witness, a):
            reason = "" if "historical" in overridden(family, a.values) else "historical"
        if reason == "historical" and a.mention.term.kind == "status" and not ends_status(a):
            reason = ""
        if not reason and a.mention.term.kind == "event" and is_dated(page, witness, a):
            reason = "historical"
        if reason:
            rejected.append((a, reason))
        else:
            standing.append(a)
    closed = max((a.mention.start for a, r in rejected if r == "historical" and ends_status(a)), default=-1)
    over = [a.mention.term.kind == "status" and a.mention.start < closed for a in standing]
    rejected += [(a, "historical") for a, is_closed in zip(standing, over, strict=True) if is_closed]
    standing = [a for a, is_closed in zip(standing, over, strict=True) if not is_closed]
    strong = [a for a in standing if not a.mention.term.weak]
    standing = [a for a in standing if not a.mention.term.weak or strong or has_signal(page, witness, a)]
    alone = [a for a in standing if a.mention.term.alone]
    witness.seen = witness.has_sign or any(
        a.mention.section in ("exam", "results") and not a.mention.term.weak for a in alone
    )
    # A surface that cannot stand alone may still carry the evidence: "stage 3 CKD" in the
    # history, "Kidney disease" in the plan.
    supporting = [(w[0], a, w[1]) for a in standing if (w := weigh(page, catalog, witness, a))] if alone else []
    doubts = doubted_at(rejected)
    after = [is_named_after_doubt(page, catalog, a, doubts) for _, a, _ in supporting]
    rejected += [(s[1], "uncertain") for s, is_doubted in zip(supporting, after, strict=True) if is_doubted]
    supporting = [s for s, is_doubted in zip(supporting, after, strict=True) if not is_doubted]
    if supporting and all(is_opening(a) for _, a, _ in supporting):
        # What somebody was called for is not what was found, where the assessment doubts or denies it.
        doubted = any(r in DOUBTED and a.mention.section in catalog.roles["assessment"] for a, r in rejected)
        if doubted and all(a.mention.term.kind in ("event", "cancer") for _, a, _ in supporting):
            rejected += [(a, "uncertain") for _, a, _ in supporting]
            supporting, alone = [], []
    if supporting and is_to_be_ruled_out(page, catalog, supporting, rejected):
        rejected += [(a, "uncertain") for _, a, _ in supporting]
        supporting, alone = [], []
    if supporting and is_over(witness, supporting, rejected):
        rejected += [(a, "historical") for _, a, _ in supporting]
        supporting, alone = [], []
    if not supporting:
        rejected += [(a, "mention-only-no-MEAT") for a in alone]
        if not rejected:
            rejected += [(a, "other: no diagnosis") for a in standing]
        past = [a for a, r in rejected if r == "historical" and a.mention.term.alone]
        if family.history and past:
            return [
                Condition(
                    family, past, [(2, a, "stated as past") for a in past], [], merged(family, past, []), past=True
                )
            ], [x for x in rejected if x[1] != "historical" or x[0].mention.term.alone]
        return [], rejected
    out = []
    for members in split(family, supporting):
        mates = [a for _, a, _ in members]
        here = {id(a) for a in mates}
        others = belongs(family, mates, [a for a in standing if id(a) not in here])
        evidence = list(witness.evidence(mates, others))
        told = [a for a, r in rejected if r == "historical" and a.mention.term.kind == "cancer" and not family.distinct]
        values = merged(family, mates, others, told)
        title = "".join(mates[0].values.get(TITLE, ()))
        out.append(Condition(family, [*mates, *others], members, evidence, values, title=title))
    return out, rejected


def doubted_at(rejected: Sequence[tuple[Asserted, str]]) -> dict[str, list[int]]:
    """By surface where it stands as uncertain, in text order."""
    found: dict[str, list[int]] = {}
    for x in sorted((x for x, reason in rejected if reason in OPEN), key=lambda x: x.mention.start):
        found.setdefault(x.mention.term.key, []).append(x.mention.start)
    return found


def is_named_after_doubt(page: Page, catalog: Catalog, a: Asserted, doubts: Mapping[str, list[int]]) -> bool:
    """A cancer or event only spoken of in the assessment, after the same section called it suspected.

    "Findings suspicious for cholangiocarcinoma. We discussed the difficulty of managing cholangiocarcinoma."
    """
    m = a.mention
    if m.term.kind not in ("cancer", "event") or m.section not in catalog.roles["assessment"]:
        return False
    section, line = page.section_at(m.start), page.line_at(m.start)
    if m.start - line < 40 or m.start - page.sentences[m.sentence][0] < 12:
        return False
    starts = doubts.get(m.term.key, [])
    first = bisect_left(starts, section.start)
    return first < len(starts) and starts[first] < m.start


RULE_OUT = re.compile(r"(?:to )?(?:rule|ruling) out|r/o")


def is_to_be_ruled_out(
    page: Page,
    catalog: Catalog,
    supporting: Sequence[tuple[int, Asserted, str]],
    rejected: Sequence[tuple[Asserted, str]],
) -> bool:
    """Whether the assessment would rule out what the history alone tells: "Rule out bipolar disorder" on axis I."""
    if any(strength == 0 for strength, _, _ in supporting):
        return False
    return any(
        reason == "uncertain"
        and a.mention.section in catalog.roles["assessment"]
        and a.cue
        and RULE_OUT.fullmatch(page.low[a.cue[0] : a.cue[1]])
        and page.low[a.cue[1] : a.mention.start].strip() in ("", "a", "an", "any")
        for a, reason in rejected
    )


def is_over(
    witness: Witness, supporting: Sequence[tuple[int, Asserted, str]], rejected: Sequence[tuple[Asserted, str]]
) -> bool:
    """Whether what supports a condition only tells of it, while another place calls it past.

    An event that one place calls past and the diagnosis list of an office only names, with nothing done about it; a
    cancer that the assessment calls history and nothing treats.
    """
    kinds = {a.mention.term.kind for _, a, _ in supporting}
    past = [a for a, reason in rejected if reason == "historical" and a.cue]
    if kinds == {"event"}:
        low = witness.page.low
        page = witness.page
        if page.is_stay and any(AT_ADMISSION.search(heading_of(page, a)) for _, a, _ in supporting):
            return False  # "status post respiratory arrest" at discharge, after the arrest that it was admitted for
        if not past or any(
            witness.is_near(a) or PRESENT.search(low[max(0, a.mention.start - 40) : a.mention.start])
            for _, a, _ in supporting
        ):
            return False
        if not witness.sentences.is_acute_care or any(OLD.match(a.by_cue) for a in past):
            return True
        judged = any(a.mention.section in witness.sentences.assessment for a in past)
        return judged or all(
            RECENT.search(low, max(0, a.mention.start - 60), a.mention.start) for _, a, _ in supporting
        )
    if kinds == {"cancer"} and past and all(a.reason == "historical" for _, a, _ in supporting):
        # "Followed for history of renal cell, breast and ovarian cancer": the treatment is that of one of them.
        beside = {f for _, a, _ in supporting for f in witness.outline.families.get(a.mention.sentence, ())}
        if sum(witness.catalog.families[f].kind == "cancer" for f in beside) > 1 and not witness.own_drugs:
            return True
    if kinds == {"cancer"}:
        assessed = any(strength == 0 for strength, _, _ in supporting)
        judged = any(a.mention.section in witness.sentences.assessment for a in past)
        return judged and not assessed and not witness.own_drugs
    return False


PRESENT = re.compile(r"\b(?:acute|resolving|improving|massive|ongoing|persistent|active|new)(?: [a-z]+){0,3}[ -]$")
OLD = re.compile(r"old|remote|distant|prior|previous|childhood|years? ago|in childhood")
RECENT = re.compile(r"\brecent(?: [a-z]+){0,2} $")


def heading_of(page: Page, a: Asserted) -> str:
    section = page.section_at(a.mention.start)
    return page.low[section.start : section.body]


def split(family: Family, supporting: Sequence[tuple[int, Asserted, str]]) -> list[list[tuple[int, Asserted, str]]]:
    """The supporting mentions by the family's distinct attributes; mentions without a value join the first. Those of a
    title stay by themselves."""
    titles: dict[tuple[str, ...], list[tuple[int, Asserted, str]]] = {}
    for s in supporting:
        titles.setdefault(s[1].values.get(TITLE, ()), []).append(s)
    plain = titles.pop((), [])
    return [*split_plain(family, plain), *titles.values()]


def split_plain(family: Family, supporting: list[tuple[int, Asserted, str]]) -> list[list[tuple[int, Asserted, str]]]:
    if not supporting or not family.distinct:
        return [supporting] if supporting else []
    parts: dict[tuple[tuple[str, ...], ...], list[tuple[int, Asserted, str]]] = {}
    for s in supporting:
        parts.setdefault(tuple(s[1].values.get(n, ()) for n in family.distinct), []).append(s)
    keys = sorted(parts, key=lambda k: (-sum(bool(v) for v in k), min(s[1].mention.start for s in parts[k])))
    kept: list[tuple[tuple[str, ...], ...]] = []
    for key in keys:
        into = next((k for k in kept if all(not b or a == b for a, b in zip(k, key, strict=True))), None)
        if into is None:
            kept.append(key)
        else:
            parts[into] += parts.pop(key)
    return [parts[k] for k in kept]


def belongs(family: Family, mates: Sequence[Asserted], others: Sequence[Asserted]) -> list[Asserted]:
    """The other mentions that have no distinct value of their own, or one of the mates'."""
    theirs = {n: {m.values.get(n, ()) for m in mates} for n in family.distinct}
    return [a for a in others if all(not a.values.get(n) or a.values[n] in theirs[n] for n in family.distinct)]


DATED_BEFORE = re.compile(
    r"\b(?:underwent|had|has had|required|s/p|status post)\b[^.;]{3,140}\b(?:in|on) "
    r"(?:[a-z]{3,9}(?: of)? |\d{1,2}/(?:\d{1,2}/)?)?(?:19|20)\d\d "
    r"(?:secondary to|due to|because of|for|from|after)(?: (?:a|an|the|his|her))?(?: [a-z]+)? $"
)
"""An operation with its date, and what it was for."""
DATED = re.compile(
    r"[ ,(:]{0,3}(?:of the |in the |of |in |on |from )?(?:(?:left|right|bilateral|lower|upper|leg|calf|lung) ?){0,3}"
    r"[ ,(:]{0,3}(?:in |on |of |from )?(?:[a-z]{3,9}\.? ?)?(?:\d{1,2}/){0,2}(?:19|20)\d\d(?!\d)"
)


def is_dated(page: Page, witness: Witness, a: Asserted) -> bool:
    """An event with a bare date behind it ("DVT 2019", "MI, 04/2018") that nothing treats is one of the past.

    Where the sentence calls it acute or new, or admits for it, the date is today's.
    """
    start, end = page.sentences[a.mention.sentence]
    if not DATED.match(page.low, a.mention.end, end):
        return bool(DATED_BEFORE.search(page.low[start : a.mention.start]))
    if re.search(r"\b(?:acute|new|admitted|admission|today)\b", page.low[start:end]):
        return False
    return NO_TREATMENT.search(page.low, a.mention.end, end) is not None or not witness.is_treated_in(
        a.mention.sentence
    )


NO_TREATMENT = re.compile(
    r"\b(?:not on|no|off|without|never on)(?: any| further)* (?:anticoag|blood thinner|treatment|therapy|medication)"
)


def has_signal(page: Page, witness: Witness, a: Asserted) -> bool:
    """A second signal for an ambiguous surface."""
    if any(a.values.get(x.name) for x in witness.family.attributes if x.scope != "note"):
        return True
    return bool(witness.own_drugs) or witness.is_near(a) or is_listed_for(page, a)


def weigh(page: Page, catalog: Catalog, witness: Witness, a: Asserted) -> tuple[int, str] | None:
    """How a mention supports the condition: (strength, why), 0 the strongest; None if it does not."""
    section, kind, policy = a.mention.section, a.mention.term.kind, witness.family.policy
    if section in catalog.roles["assessment"]:
        return 0, f"named in {SECTION_NAMES[section]}"
    if (
        kind == "status"
        or policy == "stated"
        or any(x.stated and a.values.get(x.name) for x in witness.family.attributes)
    ):
        if section in STATUS_SECTIONS_NOT and not (section == "procedure" and lives_with(page, a)):
            return None
        return 1, f"stated in {SECTION_NAMES.get(section, section)}"
    if kind == "event":
        if is_reason_for_stay(page, a):
            return 1, "the reason for the stay"
        return (1, "under treatment at the bedside") if is_at_bedside(page, witness, a) else None
    if policy == "assessed":
        return None
    if section == "chief_complaint" and is_reason(page, a):
        return 1, "the reason for the visit"
    if section in NARRATIVE | {"pmh"}:
        near = [e for e in witness.in_sentence(a.mention.sentence) if e.letter in (Meat.TREAT, Meat.ASSESS)]
        if section == "pmh":
            near = [e for e in near if is_same_item(page, a, e)]
        if any(e.rule.startswith(witness.family.name + "/") for e in near):
            return 1, f"named in {SECTION_NAMES.get(section, section)} with its treatment or state"
        if section != "pmh" and any(witness.is_result(e) for e in witness.in_sentence(a.mention.sentence)):
            return 1, f"named in {SECTION_NAMES.get(section, section)} with its result"
    if section in NARRATIVE:
        start = page.sentences[a.mention.sentence][0]
        if catalog.general["reason"].search(page.low, max(start, a.mention.start - 90), a.mention.start):
            return 1, "what the visit is for"
        if is_admitted_for(page, a):
            return 1, "what the stay is for"
        if MANAGED.search(page.low, start, a.mention.start):
            return 1, "among the conditions that somebody is asked to manage"
        if kind == "cancer" and (is_plainly_active(page, catalog, a) or is_borne(page, a)):
            return 1, f"called active in {SECTION_NAMES.get(section, section)}"
    if section == "exam" and kind == "chronic" and witness.has_sign:
        return 2, "named in the examination, and seen elsewhere"
    if section in NARRATIVE | {"pmh"} and kind == "chronic" and witness.seen:
        return 2, f"named in {SECTION_NAMES.get(section, section)} and seen in the examination or a test"
    is_found = section == "results" and is_pathology(page, a) and witness.sentences.treats_cancer
    if is_found and (kind == "cancer" or witness.family.plain_code.startswith("C")):
        return 1, "the pathologist's finding, in a note that treats it"
    if section in SUPPORTING:
        end = page.sentences[a.mention.sentence][1]
        if catalog.general["treated"].search(page.low, a.mention.end, min(end, a.mention.end + 50)):
            return 1, f"named in {SECTION_NAMES.get(section, section)} as treated"
        if TAKEN_FOR.search(page.low[page.sentences[a.mention.sentence][0] : a.mention.start]):
            return 1, f"named in {SECTION_NAMES.get(section, section)} with what is taken for it"
        if is_listed_for(page, a):
            return 1, "named in the medication list as what a drug is for"
        if catalog.general["all_assess"].search(page.low, end, end + 120):
            return 1, f"named in {SECTION_NAMES.get(section, section)} among conditions called controlled"
        if witness.own_drugs:
            return 2, f"named in {SECTION_NAMES.get(section, section)} while the note shows its own treatment"
        if witness.telling_drugs:
            return 2, f"named in {SECTION_NAMES.get(section, section)} beside a drug that only it explains"
    return None


def is_reason(page: Page, a: Asserted) -> bool:
    """Whether a mention near the beginning of a reason for a visit is the reason, and not the person's background."""
    start = page.section_at(a.mention.start).body
    sentence = page.sentences[a.mention.sentence][0]
    return a.mention.start - start < REASON_LENGTH and not BACKGROUND.search(page.low, sentence, a.mention.start)


BACKGROUND = re.compile(
    r"\b(?:medical history|history|pmh|hx) (?:that |which )?(?:is |was )?(?:significant|notable|remarkable|positive)\b"
    r"|\bpast medical history\b"
)
"""What a reason tells of the person before it says why: "medical history significant for COPD, here for"."""


DONE = re.compile(r"\b(?:s/p|status post|post|prior|previous) (?:[a-z]+ )?$")
"""Before a treatment: it is one of the past."""


def is_same_item(page: Page, a: Asserted, e: Evidence) -> bool:
    """Whether a word of a past history stands with the condition, and not as an item of its own further on in the list.

    What names the condition itself is no state of it.
    """
    if e.start < a.mention.end and a.mention.start < e.end:
        return False
    if e.rule.split("/")[1].startswith("meat.drug") or e.rule.startswith("general"):
        return True
    if DONE.search(page.low, max(0, e.start - 16), e.start):
        return False
    first, last = (a.mention.end, e.start) if e.start >= a.mention.end else (e.end, a.mention.start)
    return page.low.count(",", first, max(first, last)) <= 1


OPENING = frozenset({"chief_complaint", "hpi", ""})
"""Sections whose first sentence may say what somebody lies in a hospital for."""


def is_opening(a: Asserted) -> bool:
    """Whether a mention only says what somebody was called or admitted for."""
    return a.mention.section == "chief_complaint" or (a.mention.term.kind == "event" and a.mention.section in OPENING)


STAY_HEADING = re.compile(r"reason for (?:the )?(?:consult|admission|hospital)|indications?\b")
NEW = re.compile(r"\b(?:acute|new onset|new|emergent)[ -](?:[a-z]+[ -]){0,3}$")
LOOKING_BACK = re.compile(
    r"\b(?:had|initially|underwent|follow|after|post|history|h/o|evaluat[a-z]*(?= (?:for|of|whether|him|her|the))"
    r"|possible|rule|versus|vs|recent)"
)
BEING_ADMITTED = re.compile(
    r"\bis (?:now |being )*admitted(?: to (?:the|our|this) [a-z ]{3,30})? (?:with|for) "
    r"(?:(?!history |possible |rule |evaluation |observation |work|concern |suspected |treatment |management )[a-z]+ )"
    r"{0,2}$"
)
AROUND = 30
"""So many characters behind an event may still say that it is over, or only looked for: "stroke, for evaluation"."""


def is_reason_for_stay(page: Page, a: Asserted) -> bool:
    """Whether an event is what somebody was called or admitted for.

    It is named under such a heading, or as acute, or the story opens with the stay for it.
    """
    section = page.section_at(a.mention.start)
    start, end = page.sentences[a.mention.sentence]
    if a.mention.section in OPENING and BEING_ADMITTED.search(page.low, start, a.mention.start):
        return True
    if a.mention.section not in OPENING or a.mention.start - section.body >= REASON_LENGTH:
        return False
    if LOOKING_BACK.search(page.low, start, min(end, a.mention.end + AROUND)):
        return False
    if a.mention.section != "chief_complaint":
        return is_admitted_for(page, a)
    if a.mention.start - section.body >= REASON_LENGTH // 2:
        return False
    return bool(
        STAY_HEADING.search(page.low, section.start, section.body)
        or NEW.search(page.low[start : a.mention.start])
        or a.mention.term.text.startswith("acute ")
    )


NARRATED = re.compile(
    r"\b(?:was|were|had|has been|did|developed|underwent|went|became|required|history|h/o|hx|after|post|if|for|to"
    r"|following|since|ago|recent|status|s/p|risk|previously|initially|discharged|admitted)\b"
)
"""Words of a story: what they tell of may be over."""


HAS = re.compile(
    r"\b(?:has(?: got)?|is in|remains in"
    r"|(?:is|remains) (?:currently )?(?:intubated|ventilated) (?:for|due to|because of))"
    r" (?:an? )?(?:(?:acute|severe|worsening|ongoing|persistent|his|her) )*$"
)
"""Right before an event: the person has it."""


def is_at_bedside(page: Page, witness: Witness, a: Asserted) -> bool:
    """Whether an event is noted as it stands, with its own treatment: "in respiratory failure, on ventilator"."""
    if a.mention.section not in NARRATIVE or not page.is_bedside:
        return False
    start, end = page.sentences[a.mention.sentence]
    own = witness.family.name + "/"
    has = HAS.search(page.low[start : a.mention.start])
    if has and not NARRATED.search(page.low, start, start + has.start()):
        return bool(page.spans(witness.patterns.get(Meat.TREAT)))
    if NARRATED.search(page.low, start, end):
        return False
    return any(e.letter is Meat.TREAT and e.rule.startswith(own) for e in witness.in_sentence(a.mention.sentence))


MANAGED = re.compile(
    r"\b(?:issues|problems|conditions) (?:requiring|needing) (?:further |ongoing )?"
    r"(?:following|follow|attention|management)[a-z -]{0,20}(?:are|include|including)\b[^.;:]{0,250}$|"
    r"\bmanagement of (?:(?:his|her|the|multiple|other|chronic|medical) )*(?:problems|issues|conditions|comorbidities)"
    r"(?: which| that)? (?:including|include|such as)\b[^.;:]{0,120}$"
)
ADMITTED_WITH = re.compile(
    r"\b(?:re)?(?:admitted|hospitalized|transferred)(?: (?:today|yesterday|here|last night|acutely|[a-z]+ days? ago))?"
    r"(?: (?:to|from|in) (?:the|our|this|an?) [a-z ]{3,30})?(?: to hospital)?"
    r" (?:with|for|because of|due to|secondary to)"
    r"(?! (?:[a-z]+ ){0,3}history) (?:(?!had |has |was |and then )[a-z0-9,/-]+ ){0,4}$"
)
LONG_SINCE = re.compile(r"\b(?:(?:weeks?|months?|years?) ago|last|previously|(?:19|20)\d\d)\b")


LIVES_WITH = re.compile(
    r"\b(?:he|she|patient|pt|who|gentleman|lady|woman|man|male|female) (?:[a-z-]+ ){0,6}"
    r"(?:(?:is|are|has|have|remains|his|her)(?: also| currently| now| a| an| the)*"
    r"|(?:has|had) (?:had )?(?:an? )?(?:prior|previous)) $"
    r"|\b(?:he|she|patient|who) $"
)
DONE_TODAY = re.compile(r"\b(?:undergo|underwent|plac|perform|creat|insert|receiv|schedul|need|requir|candidate|elect)")


def lives_with(page: Page, a: Asserted) -> bool:
    """Whether the report of an operation says how the patient lives, and not what is done: "she is on dialysis"."""
    start = max(page.sentences[a.mention.sentence][0], a.mention.start - 90)
    if a.mention.term.weak or DONE_TODAY.search(page.low, start, a.mention.start):
        return False
    return bool(LIVES_WITH.search(page.low, start, a.mention.start))


def is_admitted_for(page: Page, a: Asserted) -> bool:
    """Whether the sentence says that the person lies in a hospital for what is mentioned, and no earlier stay."""
    start, end = page.sentences[a.mention.sentence]
    found = ADMITTED_WITH.search(page.low, start, a.mention.start)
    return bool(found) and not LONG_SINCE.search(page.low, start, end)


TAKEN_FOR = re.compile(
    r"(?<!not )(?<!never )(?<!stopped )(?<!denies )(?<!no longer )"
    r"\b(?:takes?|taking|uses?|using|maintained on|treated with|prescribed|receiv(?:es|ing)"
    r"|(?:is|remains|been|currently) (?:currently |now |started )?on|(?:was|were) started on)\b"
    r"(?! (?:hold|call|leave|the (?:list|waiting)))"
    r"[a-z0-9 ,/()-]{3,80} (?:for|to (?:treat|control|manage))"
    r" (?:(?:the|his|her|their|known|underlying|chronic|longstanding) )*$"
    r"|(?<!not )(?<!longer )(?<!was )(?<!were )\bon (?!exam|hold|call|leave|admission|discharge|file|follow|[a-z]+day\b"
    r"|january|february|march|april|august|september|october|november|december|several|multiple)[a-z]{5,}"
    r"[a-z0-9 ,/()-]{0,60} (?:for|to (?:treat|control|manage))"
    r" (?:(?:the|his|her|their) )(?:(?:known|underlying|chronic|longstanding) )*$"
    r"|\bneeds? (?:something|medications?|treatment) (?:to (?:treat|control|manage)|for) (?:his|her|their) $"
)
"""Whatever is taken "for her bipolar disorder" treats it, whether or not the family knows the drug."""
LISTED_FOR = re.compile(
    r"^(?!.*\b(?:not?|stopped|discontinued|allerg[a-z]+|held|never|refused|formerly|previously|if)\b)"
    r"(?:.*\b)?[a-z]{4,}[a-z0-9 .,/()-]{0,60}\bfor (?:the |his |her |chronic |known )*$"
)
"""A drug of a list with its purpose: "an oral drug for DM"."""


def is_listed_for(page: Page, a: Asserted) -> bool:
    if a.mention.section != "medications":
        return False
    start = page.sentences[a.mention.sentence][0]
    return bool(LISTED_FOR.search(page.low[max(start, a.mention.start - 120) : a.mention.start]))


def ends_status(a: Asserted) -> bool:
    return bool(re.search(r"resolved|revers|clos|remov|taken down|takedown|no longer|cured|decannulat", a.by_cue))


def is_treated_cancer(page: Page, catalog: Catalog, witness: Witness, a: Asserted) -> bool:
    """Guidelines I.C.2: a primary stays current while treatment is directed at it."""
    start, end = page.sentences[a.mention.sentence]
    if witness.own_drugs and not catalog.general["off_treatment"].search(page.low):
        return True
    dated = bool(
        re.search(r"\b(?:in|completed,?) (?:[a-z]+,? )?(?:19|20)\d\d\b|years? (?:ago|previously)", page.low[start:end])
    )
    words = catalog.general["plainly_active" if dated else "active_cancer"]
    found = (
        m for m in words.finditer(page.low, start, end) if not (a.cue and m.start() < a.cue[1] and a.cue[0] < m.end())
    )
    return any(
        GIVEN_NOW.search(before := page.low[max(start, m.start() - 45) : m.start()])
        or GIVEN_NEXT.match(page.low, m.end(), end)
        or not GIVEN_BEFORE.search(before)
        for m in found
    )


GIVEN_NOW = re.compile(
    r"(?:^|[,;] |\band |\bnow )(?:is )?(?:now |currently |still )?"
    r"(?:on|for|receiving|undergoing|to (?:begin|start)) (?:[a-z]+ )?$"
)
GIVEN_NEXT = re.compile(
    r" (?:therapy )?(?:to (?:start|begin|follow)|(?:is |are )?(?:planned|scheduled|ongoing)|will (?:start|begin))\b"
)
GIVEN_BEFORE = re.compile(
    r"complet|finish|after|following|s/p|status post|underwent|treated with|previous|prior|had |no |off "
)
"""Before a treatment of a cancer: behind the operation, on it now; or one of the past."""


def is_plainly_active(page: Page, catalog: Catalog, a: Asserted) -> bool:
    start, end = page.sentences[a.mention.sentence]
    return bool(
        catalog.general["plainly_active"].search(
            page.low, max(start, a.mention.start - 60), min(end, a.mention.end + 60)
        )
    )


BEARS = re.compile(
    r"\b(?:he|she|they|patient|pt|who|and|gentleman|lady|woman|man|girl|boy) (?:also |now )?(?:has|have)(?: got)? "
    r"(?:(?:an?|the|known|[a-z]+ial|stage [0-9iv]+[a-c]?|(?:low|high)[ -]grade|invasive|locally|advanced|incurable"
    r"|extensive) )*$"
)
SHOWN = re.compile(
    r"\b(?:confirm|pro[vw]|show|found|reveal|demonstrat|return|positive|diagnos)[a-z]*"
    r"(?: to be| to have| as| for| of| that there (?:was|is))? (?:an? |the )?(?:[a-z]+ ){0,2}$"
)
BY_BIOPSY = re.compile(r"\bbiops|\bpatholog|\bcytolog|\bhistolog|needle")


def is_borne(page: Page, a: Asserted) -> bool:
    """Whether a person is said to have a cancer now, or a biopsy to have shown it."""
    start, end = page.sentences[a.mention.sentence]
    if LONG_SINCE.search(page.low, start, end):
        return False
    if BEARS.search(page.low, start, a.mention.start):
        return True
    return bool(SHOWN.search(page.low, start, a.mention.start) and BY_BIOPSY.search(page.low, start, end))


OPERATED = re.compile(r"status post|s/p|underwent|resected|excised|removed")


def is_past_cancer(page: Page, catalog: Catalog, witness: Witness, a: Asserted) -> bool:
    """Treated and gone: past words in its sentence and nothing active.

    The operation that a diagnosis at discharge names is that of the stay.
    """
    start, end = page.sentences[a.mention.sentence]
    words = [m.group() for m in catalog.general["past_cancer"].finditer(page.low, start, end)]
    if not words:
        return False
    if all(map(OPERATED.fullmatch, words)) and witness.sentences.is_of_stay(a.mention.start):
        return False
    if OPERATED_FOR.search(heading_of(page, a)) and set(words) <= {"previous", "prior"}:
        return catalog.general["past_cancer"].search(page.low, start, a.mention.start) is not None
    return not is_treated_cancer(page, catalog, witness, a)


def merged(
    family: Family, mates: Sequence[Asserted], others: Sequence[Asserted], told: Sequence[Asserted] = ()
) -> dict[str, tuple[str, ...]]:
    """The condition's attribute values: the assessment's before the others', the more specific before the less.

    told: mentions that tell of it as past, which still say where it is: asked last, and never for what ends it.
    """
    out: dict[str, tuple[str, ...]] = {}
    by_name = {x.name: x for x in family.attributes}
    known = dict.fromkeys(name for a in (*mates, *others, *told) for name in a.values)
    for name in [*(n for n in by_name if n in known), *(n for n in known if n not in by_name)]:
        attribute = by_name.get(name)
        order = [v for v, _ in attribute.values] if attribute else []
        tiers = [
            [a for a in mates if a.mention.section == "assessment_plan"],
            [a for a in mates if a.mention.section != "assessment_plan"],
            list(others),
            [] if attribute and (attribute.overrides or attribute.many) else list(told),
        ]
        found: list[str] = []
        for tier in tiers:
            values = [v for a in tier for v in a.values.get(name, ())]
            if attribute and attribute.many:
                found += values
            elif values:
                found = [min(values, key=lambda v: order.index(v) if v in order else -1)]
                break
        if found:
            out[name] = tuple(dict.fromkeys(found))
    return out


# -------------------------------------------------------------------------------------------------------------- codes


def link(page: Page, c: Condition, current: Sequence[Condition]) -> None:
    """Values that other supported conditions give to this one (ICD-10-CM I.A.15 and code-first pairs)."""
    attributes = {a.name: a for a in c.family.attributes}
    given: set[str] = set()
    for rule in c.family.links:
        partners = (o for o in current if o.family.name in rule.families and o is not c)
        partner = next((o for o in partners if holds(rule.when, o.values | defaults(o.family, o.values))), None)
        if partner is None or is_over_by_now(partner):
            continue
        if rule.unless and rule.unless.search(page.low):
            continue
        for name, value in rule.sets:
            attribute = attributes.get(name)
            if attribute and attribute.many:
                c.values[name] = tuple(dict.fromkeys([*c.values.get(name, ()), value]))
            elif name not in c.values or name in given:
                if name in given:
                    continue
                c.values[name] = (value,)
                given.add(name)
            else:
                continue
            c.partners[value] = partner
            first = partner.supporting[0][1].mention
            c.notes.append(f"with {partner.family.label.lower()}" + (f" ({rule.why})" if rule.why else ""))
            c.mentions.append(Asserted(first, ""))


def is_over_by_now(c: Condition) -> bool:
    """Whether a condition's own codes call it historical: the end stage of a kidney that a graft has replaced."""
    values = c.values | defaults(c.family, c.values)
    line = next((x for x in c.family.codes if x.fits(values)), None)
    return line is not None and line.suppress == "historical"


def defaults(family: Family, values: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {a.name: (a.default,) for a in family.attributes if a.name not in values and a.default}


def code(page: Page, c: Condition, suppressed: list[Suppressed], setting: str) -> list[tuple[Finding, bool]]:
    """The findings of one condition, each with whether it is offered.

    A `many` attribute gives a run of the code list for each of its values.
    """
    if not c.supporting:
        return []
    family = c.family
    values = dict(c.values) | defaults(family, c.values)
    if any(name == "setting" for line in family.codes for name, _ in line.when):
        # A consultant's claim is professional, so its doubts do not count; the person lies in a hospital all the same.
        values["setting"] = ("inpatient" if page.is_stay or page.is_bedside else setting,)
    runs = [values]
    if family.many and values.get(family.many.name) and not c.title:
        found = values[family.many.name]
        beaten = {x for v in found for x in family.many.beats.get(v, ())}
        runs = [values | {family.many.name: (v,)} for v in found if v not in beaten]
    out: list[tuple[Finding, bool]] = []
    for run in runs:
        lines = family.history if c.past else family.codes
        fitting = (x for x in lines if x.fits(run))
        line = next((x for x in fitting if x.suppress != "historical" or not is_operated(page, c)), None)
        if c.title and not c.past and not (line and line.suppress and any(name == "setting" for name, _ in line.when)):
            line = CodeLine(codes=(c.title,))
        if line is None:
            continue
        if line.suppress:
            for _, a, _ in c.supporting:
                shown = expand(line.codes[0], flat(family, run)) if line.codes else family.plain_code
                suppressed.append(suppressed_at(a, line.suppress, shown))
            continue
        out += [(finding(page, c, expand(x, flat(family, run)), line, run), line.offer) for x in line.codes]
    if out and not c.past:
        for line in family.also:
            if line.fits(values):
                out += [(finding(page, c, expand(x, flat(family, values)), line, {}), line.offer) for x in line.codes]
    return out


def is_operated(page: Page, c: Condition) -> bool:
    """Whether the note does the operation that ends a condition, which is there until then."""
    cure = dict(c.family.cues).get(Meat.TREAT)
    return bool(page.spans(cure)) and any(is_operated_for(page, a) for _, a, _ in c.supporting)


PATHOLOGY = re.compile(r"patholog|biops|histolog")


def is_pathology(page: Page, a: Asserted) -> bool:
    """Whether a mention stands in a report of the pathologist: under such a heading or at such a line's beginning."""
    line = page.line_at(a.mention.start)
    return bool(PATHOLOGY.search(heading_of(page, a)) or PATHOLOGY.search(page.low[line : line + 30]))


OPERATED_FOR = re.compile(r"(?:pre|post) ?-?op(?:erative)?(?: [a-z]+)? diagnos")
LONG_AGO = re.compile(r"\b(?:old|remote|prior|previous|past|history|healed|status post|s/p|post)\b")


def is_operated_for(page: Page, a: Asserted) -> bool:
    """Whether a mention is the diagnosis that an operation is done for, which is there until then."""
    section, span = page.section_at(a.mention.start), page.sentences[a.mention.sentence]
    heading = OPERATED_FOR.search(page.low, section.start, section.body)
    return bool(heading and not LONG_AGO.search(page.low, max(span[0], section.body), span[1]))


def flat(family: Family, values: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {a.name: a.default for a in family.attributes} | {k: v[0] for k, v in values.items() if v}


FEW = 3
"""Words of a drug's code that are quoted."""


def evidence_for(page: Page, c: Condition, line: CodeLine, run: Mapping[str, tuple[str, ...]]) -> tuple[Evidence, ...]:
    """The evidence of one code: of a combination that of both its parts, of a drug's code only the drug.

    Of several complications each has its own evidence; the disease's is with the code for its control.
    """
    named = {n for n, _ in line.when}
    behind = [p for v, p in c.partners.items() if any(v in run.get(n, ()) for n in named)]
    if behind:
        theirs = [e for p in behind for e in p.evidence]
        if c.family.many and len(c.values.get(c.family.many.name, ())) > 1:
            return chosen(page, theirs)
        listed = any(e.rule.endswith("/listed") for e in c.evidence)
        return chosen(page, c.evidence, [e for e in theirs if not (listed and e.rule.endswith("/listed"))])
    if not run:
        patterns = [w for a in c.family.attributes if a.name in named for _, w in a.values]
        drugs = [e for e in c.evidence if any(w.search(page.low, e.start, e.end) for w in patterns)]
        return chosen(page, drugs[:FEW] or c.evidence)
    return chosen(page, c.evidence)


def finding(page: Page, c: Condition, icd10: str, line: CodeLine, run: Mapping[str, tuple[str, ...]]) -> Finding:
    strength, anchor, how = min(c.supporting, key=lambda s: (s[0], s[1].mention.start))
    m = anchor.mention
    evidence = evidence_for(page, c, line, run)
    letters = {e.letter for e in evidence}
    if strength == 0 and letters - {Meat.ASSESS}:
        confidence = Confidence.STRONG
    elif strength <= 1 and (letters or strength == 0):
        confidence = Confidence.MODERATE
    else:
        confidence = Confidence.WEAK
    shown = ", ".join(str(x) for x in Meat if x in letters)
    label = m.term.text.capitalize() if c.family.tail else c.family.label
    parts = [f"{label}: {how}"]
    if c.notes:
        parts.append("; ".join(dict.fromkeys(c.notes)))
    if line.why:
        parts.append(line.why)
    parts.append(f"MEAT: {shown}" if shown else "no MEAT element beyond the statement")
    mentions = tuple(sorted({(a.mention.start, a.mention.end) for a in c.mentions}))
    return Finding(
        icd10,
        m.start,
        m.end,
        c.family.name,
        m.term.rule,
        m.section,
        confidence,
        mentions,
        evidence,
        "; ".join(parts) + ".",
    )


def suppress(a: Asserted, reason: str, catalog: Catalog) -> Suppressed:
    family = catalog.families[a.mention.family]
    if TITLE in a.values:
        return suppressed_at(a, reason, a.values[TITLE][0])
    values = dict(a.values) | defaults(family, a.values)
    line = next((x for x in family.codes if x.fits(values) and x.codes), None)
    return suppressed_at(a, reason, expand(line.codes[0], flat(family, values)) if line else family.plain_code)


def suppressed_at(a: Asserted, reason: str, icd10: str) -> Suppressed:
    m = a.mention
    return Suppressed(icd10, m.start, m.end, m.family, reason, m.term.rule, m.section, a.cue)


def on_date(outcome: Outcome, day: str | None) -> Outcome:
    """The findings with the codes that were valid on a day; two that were one code then are one finding."""
    if not day:
        return outcome
    findings: dict[str, Finding] = {}
    for f in outcome.findings:
        then = code_on(f.icd10, day)
        why = f.why if then == f.icd10 else f"{f.why[:-1]}; {f.icd10} did not exist on {day}."
        findings.setdefault(then, replace(f, icd10=then, why=why))
    said = {s: replace(s, icd10=code_on(s.icd10, day)) for s in outcome.statements}
    against = tuple(
        replace(c, icd10=code_on(c.icd10, day), one=said[c.one], other=said[c.other]) for c in outcome.contradictions
    )
    return replace(outcome, findings=tuple(findings.values()), statements=tuple(said.values()), contradictions=against)
