"""What the notes of one encounter say, compared with its first-pass codes: the questions to put to a coder. Pure.

Input is the answer of `nlp` for each note (the form of `python -m nlp`); output is values. The order of the notes is
the only order that matters: the same answers give the same questions.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coding.workflow import SpanLabel, SuggestionKind, Verdict

MEAT_LABELS = (SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT)

# Over several notes of one encounter the record supports a code if one note does. "Not found" is the weakest word:
# it holds only if no note speaks of the condition.
VERDICT_ORDER = (
    Verdict.SUPPORTED,
    Verdict.MORE_SPECIFIC,
    Verdict.CONFLICT,
    Verdict.UNSUPPORTED,
    Verdict.NOT_FOUND,
    Verdict.PENDING,
)
CONFIDENCE_ORDER = ("strong", "moderate", "weak", "")

Span = tuple[int, str, int, int]  # note's primary key, label, start, end


@dataclass
class Question:
    """One suggestion to be: `spans` are (note, label, start, end), in Unicode code points, end exclusive."""

    kind: SuggestionKind
    icd10: str
    verdict: str = ""
    proposed: list[str] = field(default_factory=list)
    confidence: str = ""
    rule: str = ""
    section: str = ""
    why: str = ""
    spans: set[Span] = field(default_factory=set)


def questions(
    first_pass: Collection[str],
    answers: Mapping[int, Mapping[str, Any]],
    *,
    wanted: Collection[str] | None = None,
    unread: int = 0,
) -> list[Question]:
    """One *check* for each first-pass code, one *add* for each other code that a note supports.

    first_pass: dotted codes of the encounter. answers: nlp's answer by the note's primary key, in reading order.
    wanted: codes worth adding (those that risk-adjust), or None for all. unread: how many pages of the encounter hold
    no text: a code that the others do not show is then not read yet, never not found. The code that a check proposes to
    put instead is not asked again; where one first-pass code stands for several documented ones, the others are adds.
    """
    checks = {code: _check(code, answers, unread) for code in sorted(set(first_pass))}
    adds: dict[str, Question] = {}
    for note, answer in answers.items():
        for found in answer["suggestions"]:
            code = found["icd10"]
            if not _is_supported(found) or code in checks:
                continue
            proposing = [check for check in checks.values() if check.proposed[:1] == [code]]
            for check in proposing:
                check.spans |= _spans(note, found)
            if proposing or (wanted is not None and code not in wanted):
                continue
            question = adds.setdefault(code, Question(SuggestionKind.ADD, code))
            if not question.why or _rank(found.get("confidence", "")) < _rank(question.confidence):
                question.confidence = found.get("confidence", "")
                question.rule, question.section = found.get("rule", ""), found.get("section", "")
                question.why = found.get("why", "")
            question.spans |= _spans(note, found)
    return [*checks.values(), *(adds[code] for code in sorted(adds))]


def _check(code: str, answers: Mapping[int, Mapping[str, Any]], unread: int) -> Question:
    question = Question(SuggestionKind.CHECK, code, verdict=Verdict.PENDING)
    for note, answer in answers.items():
        supporting = [f for f in answer["suggestions"] if f["icd10"] == code and _is_supported(f)]
        for found in supporting:
            question.rule, question.section = found.get("rule", ""), found.get("section", "")
            question.confidence = found.get("confidence", "")
            question.spans |= _spans(note, found)
        for said in answer.get("first_pass", ()):
            if said["icd10"] != code:
                continue
            if VERDICT_ORDER.index(Verdict(said["verdict"])) < VERDICT_ORDER.index(Verdict(question.verdict)):
                question.verdict, question.why = said["verdict"], said.get("why", "")
                more_specific = said["verdict"] == Verdict.MORE_SPECIFIC
                question.proposed = list(said.get("suggested", ())) if more_specific else []
            question.spans |= {(note, SpanLabel.AGAINST.value, start, end) for start, end in said.get("against", ())}
            # What supports the code, or the one to put instead, is labelled letter by letter in its own finding.
            if not supporting and said["verdict"] != Verdict.MORE_SPECIFIC:
                question.spans |= {
                    (note, SpanLabel.MENTION.value, start, end) for start, end in said.get("evidence", ())
                }
    if unread and question.verdict == Verdict.NOT_FOUND:
        question.verdict = Verdict.PENDING
        pages = "1 page holds" if unread == 1 else f"{unread} pages hold"
        question.why = f"Not on the pages that could be read; {pages} no text for the rules. Read what they could not."
    return question


def _is_supported(found: Mapping[str, Any]) -> bool:
    return bool(found.get("status", "supported") == "supported")


def _spans(note: int, found: Mapping[str, Any]) -> set[Span]:
    mentions: Iterable[tuple[int, int]] = found.get("mentions") or [(found["start"], found["end"])]
    spans = {(note, SpanLabel.MENTION.value, start, end) for start, end in mentions}
    for label in MEAT_LABELS:
        spans |= {(note, label.value, start, end) for start, end in found.get("meat", {}).get(label.value, ())}
    return spans


def _rank(confidence: str) -> int:
    return CONFIDENCE_ORDER.index(confidence) if confidence in CONFIDENCE_ORDER else len(CONFIDENCE_ORDER)
