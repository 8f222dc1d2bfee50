"""Stage 5: from mentions and evidence to conditions: which mentions count, which belong together, which give way.

`story.py` reads the words around a mention, `codes.py` makes codes of the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nlp import story
from nlp.assertion import AT_ADMISSION, Asserted, Sentences, overridden
from nlp.catalog import Catalog
from nlp.codes import Condition, Support, code, link, suppress
from nlp.dates import code_on
from nlp.families import Family
from nlp.findings import Confidence, Contradiction, Finding, Meat, Statement, Suppressed
from nlp.meat import Witness
from nlp.outline import Outline
from nlp.sections import SECTION_NAMES, Page
from nlp.titles import TITLE

SUPPORTING = story.NARRATIVE | {"pmh", "surgical", "medications", "ros"}
"""Sections where a condition counts with a treatment of its own."""
STATUS_SECTIONS_NOT = frozenset({"family", "allergies", "instructions", "procedure"})
DOUBTED = frozenset({"negated", "ruled-out", "uncertain"})
OPEN = frozenset({"uncertain", "hypothetical"})
SUDDEN = frozenset({"event", "cancer"})
"""Kinds of conditions of which somebody may be suspected for a day."""

Refused = list[tuple[Asserted, str]]
"""Mentions that make no condition, with their reasons."""


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
    held = ("", "uncertain", "historical")
    named = [catalog.families[n] for n, g in sorted(groups.items()) if any(a.reason in held for a in g)]
    conditions: list[Condition] = []
    refused: Refused = []
    for name in sorted(groups):
        witness = Witness(page, sentences, catalog, catalog.families[name], outline, named)
        made, without = conditions_of(witness, groups[name])
        conditions += made
        refused += without
    supported = {c.family.name for c in conditions if not c.past}
    for c in list(conditions):
        ahead = next((f for f in c.family.yields_to if f in supported), None)
        if ahead:
            conditions.remove(c)
            refused += [(s.asserted, f"other: part of {catalog.families[ahead].label.lower()}") for s in c.supporting]
    current = [c for c in conditions if not c.past]
    for c in conditions:
        link(c, current)
    findings: dict[str, Finding] = {}
    unoffered: list[Finding] = []
    suppressed: list[Suppressed] = [suppress(a, reason, catalog) for a, reason in refused]
    for c in conditions:
        coded = code(c, suppressed, setting)
        if not coded and not c.past and c.family.history:
            # The past condition remains where the present one is refused: an old stroke, named again in the plan.
            coded = code(past_condition(c.witness, refused), suppressed, setting)
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


def says_less(f: Finding, c: Condition) -> bool:
    """Whether a finding only leaves open what a title of the same family says: C50.912 beside C50.412."""
    if f.family != c.family.name or f.icd10 == c.title:
        return False
    return all(a == b or a in "09" for a, b in zip(f.icd10, c.title, strict=False))


def rank(f: Finding) -> tuple[int, int]:
    return (list(Confidence).index(f.confidence), f.start)


# ----------------------------------------------------------------------------------------------------- does it count?


def conditions_of(witness: Witness, group: Sequence[Asserted]) -> tuple[list[Condition], Refused]:
    """The conditions that a family's mentions make, and the mentions that make none with their reasons."""
    family = witness.family
    reasons = [(a, reason_against(witness, a)) for a in group]
    refused = [(a, reason) for a, reason in reasons if reason]
    end = max((a.mention.start for a, r in refused if r == "historical" and story.ends_status(witness, a)), default=-1)
    ended = {id(a) for a in group if a.mention.term.kind == "status" and a.mention.start < end}
    refused += [(a, "historical") for a, reason in reasons if not reason and id(a) in ended]
    standing = [a for a, reason in reasons if not reason and id(a) not in ended]
    if all(a.mention.term.weak for a in standing):
        standing = [a for a in standing if has_signal(witness, a)]
    alone = [a for a in standing if a.mention.term.alone]
    witness.seen = witness.has_sign or any(
        a.mention.section in ("exam", "results") and not a.mention.term.weak for a in alone
    )
    # A surface that cannot stand alone may still carry the evidence: "stage 3 CKD" in the
    # history, "Kidney disease" in the plan.
    supporting = [s for a in standing if (s := weigh(witness, a))] if alone else []
    doubts = doubted_at(refused)
    doubted = {id(s) for s in supporting if story.is_named_after_doubt(witness, s.asserted, doubts)}
    refused += [(s.asserted, "uncertain") for s in supporting if id(s) in doubted]
    supporting = [s for s in supporting if id(s) not in doubted]
    if supporting and (reason := reason_against_all(witness, supporting, refused)):
        refused += [(s.asserted, reason) for s in supporting]
        supporting, alone = [], []
    if supporting:
        return [condition(witness, members, standing, refused) for members in split(family, supporting)], refused
    refused += [(a, "mention-only-no-MEAT") for a in alone]
    if not refused:
        refused += [(a, "other: no diagnosis") for a in standing]
    past = past_condition(witness, refused) if family.history else None
    if not past or not past.mentions:
        return [], refused
    return [past], [(a, reason) for a, reason in refused if reason != "historical" or a.mention.term.alone]


def condition(
    witness: Witness, members: Sequence[Support], standing: Sequence[Asserted], refused: Refused
) -> Condition:
    """The condition that some mentions support, with those that belong to it, its evidence and its values."""
    family = witness.family
    mates = [s.asserted for s in members]
    here = {id(a) for a in mates}
    others = belongs(family, mates, [a for a in standing if id(a) not in here])
    told = [a for a, r in refused if r == "historical" and a.mention.term.kind == "cancer" and not family.distinct]
    return Condition(
        witness,
        [*mates, *others],
        list(members),
        list(witness.evidence(mates, others)),
        merged(family, mates, others, told),
        title="".join(mates[0].values.get(TITLE, ())),
    )


def past_condition(witness: Witness, refused: Refused) -> Condition:
    """The past condition that a family's mentions make which are told as past."""
    family = witness.family
    past = [a for a, r in refused if r == "historical" and a.mention.family == family.name and a.mention.term.alone]
    support = [Support(2, a, "stated as past") for a in past]
    return Condition(witness, past, support, [], merged(family, past, []), past=True)


def reason_against(witness: Witness, a: Asserted) -> str:
    """The reason for which a mention makes no condition, after what the story and its kind make of it; "" for none."""
    kind, reason = a.mention.term.kind, a.reason
    if kind == "cancer":
        if reason == "historical" and story.is_treated_cancer(witness, a):
            return ""
        if not reason and story.is_past_cancer(witness, a):
            return "" if "historical" in overridden(witness.family, a.values) else "historical"
    if kind == "status" and reason == "historical" and not story.ends_status(witness, a):
        return ""
    if kind == "event" and not reason and story.is_dated(witness, a):
        return "historical"
    return reason


def reason_against_all(witness: Witness, supporting: Sequence[Support], refused: Refused) -> str:
    """The reason for which even what supports a condition does not make it, as other mentions say; "" for none."""
    judged = [(a, r) for a, r in refused if a.mention.section in witness.sentences.assessment]
    opens = all(story.is_opening(s.asserted) and s.asserted.mention.term.kind in SUDDEN for s in supporting)
    if opens and any(r in DOUBTED for _, r in judged):
        return "uncertain"  # what somebody was called for is not what was found
    told = all(s.strength > 0 for s in supporting)
    if told and any(r == "uncertain" and story.is_to_rule_out(witness, a) for a, r in judged):
        return "uncertain"  # the assessment would rule out what the history alone tells
    return "historical" if is_over(witness, supporting, refused) else ""


def doubted_at(refused: Refused) -> dict[str, list[int]]:
    """By surface where it stands as uncertain, in text order."""
    found: dict[str, list[int]] = {}
    for a in sorted((a for a, reason in refused if reason in OPEN), key=lambda a: a.mention.start):
        found.setdefault(a.mention.term.key, []).append(a.mention.start)
    return found


def is_over(w: Witness, supporting: Sequence[Support], refused: Refused) -> bool:
    """Whether what supports a condition only tells of it, while another place calls it past.

    An event that one place calls past and the diagnosis list of an office only names, with nothing done about it; a
    cancer that the assessment calls history and nothing treats.
    """
    mentions = [s.asserted for s in supporting]
    kinds = {a.mention.term.kind for a in mentions}
    past = [a for a, reason in refused if reason == "historical" and a.cue]
    judged = any(a.mention.section in w.sentences.assessment for a in past)
    if not past:
        return False
    if kinds == {"event"}:
        if w.page.is_stay and any(AT_ADMISSION.search(story.heading_of(w.page, a)) for a in mentions):
            return False  # "status post respiratory arrest" at discharge, after the arrest that it was admitted for
        if any(w.is_near(a) or story.leads_up(w, "present", a, 40) for a in mentions):
            return False
        if not w.sentences.is_acute_care or any(w.catalog.story["old"].compiled.match(a.by_cue) for a in past):
            return True
        return judged or all(story.leads_up(w, "recent", a, 60) for a in mentions)
    if kinds != {"cancer"} or w.own_drugs:
        return False
    if all(a.reason == "historical" for a in mentions):
        # "Followed for history of renal cell, breast and ovarian cancer": the treatment is that of one of them.
        beside = {f for a in mentions for f in w.outline.families.get(a.mention.sentence, ())}
        if sum(w.catalog.families[f].kind == "cancer" for f in beside) > 1:
            return True
    return judged and all(s.strength > 0 for s in supporting)


def split(family: Family, supporting: Sequence[Support]) -> list[list[Support]]:
    """The supporting mentions by the family's distinct attributes; mentions without a value join the first. Those of a
    title stay by themselves."""
    titles: dict[tuple[str, ...], list[Support]] = {}
    for s in supporting:
        titles.setdefault(s.asserted.values.get(TITLE, ()), []).append(s)
    plain = titles.pop((), [])
    return [*split_plain(family, plain), *titles.values()]


def split_plain(family: Family, supporting: list[Support]) -> list[list[Support]]:
    if not supporting or not family.distinct:
        return [supporting] if supporting else []
    parts: dict[tuple[tuple[str, ...], ...], list[Support]] = {}
    for s in supporting:
        parts.setdefault(tuple(s.asserted.values.get(n, ()) for n in family.distinct), []).append(s)
    keys = sorted(parts, key=lambda k: (-sum(bool(v) for v in k), min(s.asserted.mention.start for s in parts[k])))
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


def has_signal(witness: Witness, a: Asserted) -> bool:
    """A second signal for an ambiguous surface."""
    own = dict(a.mention.term.sets)
    if any(a.values.get(x.name) and x.name not in own for x in witness.family.attributes if x.scope != "note"):
        return True
    return bool(witness.own_drugs) or witness.is_near(a) or story.is_listed_for(witness, a)


def weigh(w: Witness, a: Asserted) -> Support | None:
    """How a mention supports the condition, by its section and what stands around it; None if it does not."""
    section, kind, policy = a.mention.section, a.mention.term.kind, w.family.policy
    place = SECTION_NAMES.get(section, section)
    if section in w.sentences.assessment:
        return Support(0, a, f"named in {place}")
    if kind == "status" or policy == "stated" or any(x.stated and a.values.get(x.name) for x in w.family.attributes):
        if section in STATUS_SECTIONS_NOT and not (section == "procedure" and story.lives_with(w, a)):
            return None
        return Support(1, a, f"stated in {place}")
    if kind == "event":
        if story.is_reason_for_stay(w, a):
            return Support(1, a, "the reason for the stay")
        return Support(1, a, "under treatment at the bedside") if story.is_at_bedside(w, a) else None
    if policy == "assessed":
        return None
    if section == "chief_complaint" and story.is_reason(w, a):
        return Support(1, a, "the reason for the visit")
    if section in story.NARRATIVE | {"pmh"}:
        near = w.in_sentence(a.mention.sentence)
        if any(
            e.letter in (Meat.TREAT, Meat.ASSESS) and w.is_own(e) and (section != "pmh" or story.is_same_item(w, a, e))
            for e in near
        ):
            return Support(1, a, f"named in {place} with its treatment or state")
        if section != "pmh" and any(map(w.is_result, near)):
            return Support(1, a, f"named in {place} with its result")
    low, (start, end) = w.page.low, w.page.sentences[a.mention.sentence]
    general = w.catalog.general
    if section in story.NARRATIVE:
        if general["reason"].search(low, max(start, a.mention.start - 90), a.mention.start):
            return Support(1, a, "what the visit is for")
        if kind == "chronic" and story.is_newly_found(w, a):
            return Support(1, a, "newly found by a test")
        if story.is_admitted_for(w, a):
            return Support(1, a, "what the stay is for")
        if story.leads_up(w, "managed", a):
            return Support(1, a, "among the conditions that somebody is asked to manage")
        if kind == "cancer" and (story.is_plainly_active(w, a) or story.is_borne(w, a) or story.is_on_treatment(w, a)):
            return Support(1, a, f"called active in {place}")
    if section == "exam" and kind == "chronic" and w.has_sign:
        return Support(2, a, "named in the examination, and seen elsewhere")
    if section in story.NARRATIVE | {"pmh"} and kind == "chronic" and w.seen:
        return Support(2, a, f"named in {place} and seen in the examination or a test")
    is_found = section == "results" and story.is_pathology(w, a) and w.sentences.treats_cancer
    if is_found and (kind == "cancer" or w.family.plain_code.startswith("C")):
        return Support(1, a, "the pathologist's finding, in a note that treats it")
    if section in SUPPORTING:
        if general["treated"].search(low, a.mention.end, min(end, a.mention.end + 50)):
            return Support(1, a, f"named in {place} as treated")
        if story.leads_up(w, "taken_for", a):
            return Support(1, a, f"named in {place} with what is taken for it")
        if story.is_listed_for(w, a):
            return Support(1, a, "named in the medication list as what a drug is for")
        if general["all_assess"].search(low, end, end + 120):
            return Support(1, a, f"named in {place} among conditions called controlled")
        if w.own_drugs:
            return Support(2, a, f"named in {place} while the note shows its own treatment")
        if w.telling_drugs:
            return Support(2, a, f"named in {place} beside a drug that only it explains")
    return None
