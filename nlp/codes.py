"""The end of stage 5: from conditions to codes, by what goes with them and the line of the code list that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nlp.assertion import Asserted
from nlp.catalog import Catalog
from nlp.families import CodeLine, Family, expand, holds
from nlp.findings import Confidence, Evidence, Finding, Meat, Suppressed
from nlp.meat import Witness, chosen
from nlp.story import is_operated_for
from nlp.titles import TITLE

FEW = 3
"""Words of a drug's code that are quoted."""


class Support(NamedTuple):
    """A mention that makes its condition count: how strongly (0 the strongest), and why in words."""

    strength: int
    asserted: Asserted
    how: str


@dataclass
class Condition:
    """The mentions of one family that make one condition, while it is being resolved."""

    witness: Witness
    mentions: list[Asserted]
    supporting: list[Support]
    evidence: list[Evidence]
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    past: bool = False
    partners: dict[str, Condition] = field(default_factory=dict)
    """The conditions behind values that a link gave, by value."""
    title: str = ""
    """The code that its mentions state, which are a title of the tabular list; the attributes then decide nothing."""

    @property
    def family(self) -> Family:
        return self.witness.family


def link(c: Condition, current: Sequence[Condition]) -> None:
    """Values that other supported conditions give to this one (ICD-10-CM I.A.15 and code-first pairs)."""
    attributes = {a.name: a for a in c.family.attributes}
    given: set[str] = set()
    for rule in c.family.links:
        partners = (o for o in current if o.family.name in rule.families and o is not c)
        partner = next((o for o in partners if holds(rule.when, o.values | defaults(o.family, o.values))), None)
        if partner is None or is_over_by_now(partner):
            continue
        if rule.unless and rule.unless.search(c.witness.page.low):
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
            first = partner.supporting[0].asserted.mention
            c.notes.append(f"with {partner.family.label.lower()}" + (f" ({rule.why})" if rule.why else ""))
            c.mentions.append(Asserted(first, ""))


def is_over_by_now(c: Condition) -> bool:
    """Whether a condition's own codes call it historical: the end stage of a kidney that a graft has replaced."""
    values = c.values | defaults(c.family, c.values)
    line = next((x for x in c.family.codes if x.fits(values)), None)
    return line is not None and line.suppress == "historical"


def defaults(family: Family, values: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {a.name: (a.default,) for a in family.attributes if a.name not in values and a.default}


def code(c: Condition, suppressed: list[Suppressed], setting: str) -> list[tuple[Finding, bool]]:
    """The findings of one condition, each with whether it is offered.

    A `many` attribute gives a run of the code list for each of its values.
    """
    if not c.supporting:
        return []
    family, page = c.family, c.witness.page
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
        line = next((x for x in fitting if x.suppress != "historical" or not is_operated(c)), None)
        if c.title and not c.past and not (line and line.suppress and any(name == "setting" for name, _ in line.when)):
            line = CodeLine(codes=(c.title,))
        if line is None:
            continue
        if line.suppress:
            shown = expand(line.codes[0], flat(family, run)) if line.codes else family.plain_code
            suppressed += [suppressed_at(s.asserted, line.suppress, shown) for s in c.supporting]
            continue
        out += [(finding(c, expand(x, flat(family, run)), line, run), line.offer) for x in line.codes]
    if out and not c.past:
        for line in family.also:
            if line.fits(values):
                out += [(finding(c, expand(x, flat(family, values)), line, {}), line.offer) for x in line.codes]
    return out


def is_operated(c: Condition) -> bool:
    """Whether the note does the operation that ends a condition, which is there until then."""
    cure = dict(c.family.cues).get(Meat.TREAT)
    return bool(c.witness.page.spans(cure)) and any(is_operated_for(c.witness, s.asserted) for s in c.supporting)


def flat(family: Family, values: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {a.name: a.default for a in family.attributes} | {k: v[0] for k, v in values.items() if v}


def evidence_for(c: Condition, line: CodeLine, run: Mapping[str, tuple[str, ...]]) -> tuple[Evidence, ...]:
    """The evidence of one code: of a combination that of both its parts, of a drug's code only the drug.

    Of several complications each has its own evidence; the disease's is with the code for its control.
    """
    page, named = c.witness.page, {n for n, _ in line.when}
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


def finding(c: Condition, icd10: str, line: CodeLine, run: Mapping[str, tuple[str, ...]]) -> Finding:
    strength, anchor, how = min(c.supporting, key=lambda s: (s.strength, s.asserted.mention.start))
    m = anchor.mention
    evidence = evidence_for(c, line, run)
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
