"""What the reading of a note gives: plain frozen values with offsets into the text exactly as it was given."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum

Span = tuple[int, int]
"""Start and end in Unicode code points of the text as given, end exclusive."""


class Meat(StrEnum):
    """The four letters of MEAT, an industry mnemonic (no regulation) for what supports a diagnosis."""

    MONITOR = "monitor"
    EVALUATE = "evaluate"
    ASSESS = "assess"
    TREAT = "treat"


class Confidence(StrEnum):
    """How well the note documents a finding. It never knows what a code pays."""

    STRONG = "strong"
    MODERATE = "moderate"
    WEAK = "weak"


class Verdict(StrEnum):
    """What the note says about a code that a first coder reported."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    MORE_SPECIFIC = "more-specific"
    CONFLICT = "conflict"
    NOT_FOUND = "not-found"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One span of the note that speaks for a finding, and the rule that read it so."""

    letter: Meat
    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis that the note supports.

    icd10: a code with its dot. start, end: the mention that decides. mentions: every mention behind it, in text order.
    replaces: first-pass codes of the same condition that this one makes superfluous.
    """

    icd10: str
    start: int
    end: int
    family: str
    rule: str
    section: str
    confidence: Confidence
    mentions: tuple[Span, ...]
    meat: tuple[Evidence, ...]
    why: str
    replaces: tuple[str, ...] = ()
    status: str = "supported"

    def spans(self, letter: Meat) -> tuple[Span, ...]:
        return tuple((e.start, e.end) for e in self.meat if e.letter is letter)

    def as_dict(self) -> dict[str, object]:
        return {
            "icd10": self.icd10,
            "start": self.start,
            "end": self.end,
            "status": self.status,
            "confidence": str(self.confidence),
            "rule": self.rule,
            "section": self.section,
            "mentions": [list(s) for s in self.mentions],
            "meat": {str(letter): [list(s) for s in self.spans(letter)] for letter in Meat},
            "why": self.why,
            "replaces": list(self.replaces),
        }


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A mention that a keyword search would have coded, and why this reading does not.

    cue: the words that decide (the negation, the family member), if words and not the section do.
    """

    icd10: str
    start: int
    end: int
    family: str
    reason: str
    rule: str
    section: str
    cue: Span | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "icd10": self.icd10,
            "start": self.start,
            "end": self.end,
            "status": "unsupported",
            "reason": self.reason,
            "rule": self.rule,
            "section": self.section,
            "cue": list(self.cue) if self.cue else None,
        }


@dataclass(frozen=True, slots=True)
class FirstPass:
    """One first-pass code against the note. evidence: what speaks for it; against: what speaks against it."""

    icd10: str
    verdict: Verdict
    why: str
    evidence: tuple[Span, ...] = ()
    against: tuple[Span, ...] = ()
    suggested: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "icd10": self.icd10,
            "verdict": str(self.verdict),
            "evidence": [list(s) for s in self.evidence],
            "against": [list(s) for s in self.against],
            "suggested": list(self.suggested),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that one place of a note says, kept so that it can be compared with what other places and notes say.

    says: "present", "stated" (a stage, class or type), "denied", "past", "treated" or "measured". subject: a family, or
    what a number measures. value: "stage=4" where stated, "62", ">60" or "30-35" where measured, a drug where treated.
    icd10: the code behind it.
    """

    says: str
    subject: str
    value: str
    icd10: str
    start: int
    end: int
    section: str

    def as_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements of a note that cannot both hold: for a person to look at, never a code or a verdict.

    kind: "number" (against words), "differs" (words against words), "denied" (and documented), "past" (and present),
    "treated" (though past).
    icd10: the code that is concerned, "" where no mention gave one.
    """

    kind: str
    family: str
    icd10: str
    rule: str
    one: Statement
    other: Statement
    why: str

    def as_dict(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "family": self.family,
            "icd10": self.icd10,
            "rule": self.rule,
            "sides": [[self.one.start, self.one.end], [self.other.start, self.other.end]],
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the note under one heading: its kind, its extent, where the text after the heading starts."""

    kind: str
    start: int
    end: int
    body: int


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one reading of a note gives. Equal text, setting, codes and rule set give equal results."""

    ruleset: str
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    first_pass: tuple[FirstPass, ...]
    sections: tuple[Section, ...] = field(default=())
    contradictions: tuple[Contradiction, ...] = ()
    statements: tuple[Statement, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "ruleset": self.ruleset,
            "suggestions": [f.as_dict() for f in self.findings],
            "suppressed": [s.as_dict() for s in self.suppressed],
            "first_pass": [f.as_dict() for f in self.first_pass],
            "contradictions": [c.as_dict() for c in self.contradictions],
            "statements": [s.as_dict() for s in self.statements],
        }
