"""What a query to a provider starts from, and what keeps one from being sent. Pure: no database, no clock.

The texts and words are data (`provider_queries.toml`, with their source). A query is about one record: it quotes
clinical indicators of one date of service, offers options of which none is favoured, and names neither codes nor
payment nor a diagnosis that the record does not name.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nlp
from coding import icd10

PLACE = Path(__file__).with_suffix(".toml")
OTHER = "clarify-other"  # the subject whose words are the coder's own
CONFLICT = "clarify-conflict"  # the subject that quotes what does not go together
FINDING = "the finding below"
LEAST_OPTIONS = 2  # beside those that every query has
YES_NO = {"yes", "no"}
# As codes are written in a sentence. "B12" and "T4" are no codes: what the tabular list does not have is left alone.
CODE = re.compile(r"\b(?:[A-Z][0-9]|Q[A-Z])[0-9A-Z](?:\.[0-9A-Z]{1,4})?\b")


@dataclass(frozen=True)
class Subject:
    """What is unclear. question: with {date} and {condition}, blank where the coder writes it."""

    label: str
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    id: str
    why: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Practice:
    """The data file. specificity: options of `clarify-specificity` by condition file."""

    source: str
    verified_on: str
    days_to_answer: int
    always: tuple[str, ...]
    closing: str
    subjects: dict[str, Subject]
    specificity: dict[str, tuple[str, ...]]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Draft:
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """Why a query cannot be sent. words: those that are the fault, blank where something is missing."""

    rule: str
    why: str
    words: str = ""

    def __str__(self) -> str:
        return f"“{self.words}”: {self.why}." if self.words else f"{self.why}."


@cache
def practice() -> Practice:
    """The data file, checked. Raises KeyError, TypeError or ValueError where it is not sound."""
    data = tomllib.loads(PLACE.read_text(encoding="utf-8"))
    subjects = {
        key: Subject(one["label"], one["question"], tuple(one["options"])) for key, one in data["subjects"].items()
    }
    for key, subject in subjects.items():
        subject.question.format(date="", condition="")
        if not subject.question and key != OTHER:
            raise ValueError(f"{PLACE.name}: subject {key} asks nothing")
    return Practice(
        data["source"],
        data["verified_on"],
        data["days_to_answer"],
        tuple(data["always"]),
        data["closing"].strip(),
        subjects,
        {family: tuple(options) for family, options in data["specificity"].items()},
        tuple(Rule(one["id"], one["why"], pattern_of(one["words"])) for one in data["rules"]),
    )


def pattern_of(words: Iterable[str]) -> re.Pattern[str]:
    """Whole words, capitals and the kind of space ignored; a star at the end stands for any ending."""
    forms = []
    for word in sorted(words, key=len, reverse=True):
        stem = r"\s+".join(re.escape(part) for part in word.removesuffix("*").split())
        ending = r"\w*" if word.endswith("*") else ""
        forms.append(f"{stem}{ending}" if word == "$" else rf"(?<![\w-]){stem}{ending}(?![\w-])")  # AUDIT-C is a screen
    return re.compile("|".join(forms).replace("'", "['’]"), re.IGNORECASE)


def draft(subject: str, *, day: str, mention: str = "", family: str = "", words: str = "") -> Draft:
    """The query that a coder starts from. mention: what the provider wrote; words: the coder's own question."""
    found = practice().subjects[subject]
    condition = f"“{' '.join(mention.split())}”" if mention.strip() else FINDING
    options = found.options
    if subject == "clarify-specificity":
        options = practice().specificity.get(family, ())
    return Draft(words.strip() or found.question.format(date=day, condition=condition), options)


def faults(question: str, options: Sequence[str], *, indicators: int, named: Collection[str] | None) -> list[Fault]:
    """All that keeps a query from being sent, in the order of the form.

    options: without those of `always`. indicators: how many places of the record it quotes. named: the condition
    families that the record of the date names, in whatever way; None where it has not been read, so that nothing can
    be said.
    """
    found: list[Fault] = []
    if not question.strip():
        found.append(Fault("question", "The question is empty"))
    text = "\n".join([question, *options])
    for match in CODE.finditer(text):
        if icd10.is_code(match[0]):
            found.append(Fault("code", "A query names no code", match[0]))
    for rule in practice().rules:
        found += [Fault(rule.id, rule.why, match[0]) for match in rule.pattern.finditer(text)]
    if named is not None:
        said = {fault.words for fault in found}  # to the reading "HCC" is also a carcinoma
        found += [
            Fault("not-in-record", "The record of this date does not name it: a query brings in no diagnosis", words)
            for family, words in conditions(question)
            if family not in named and words not in said
        ]
    kept = [option.strip().casefold() for option in options if option.strip()]
    if len(kept) < LEAST_OPTIONS:
        found.append(
            Fault(
                "options", f"Give at least {LEAST_OPTIONS} answers to choose from, beside those that are always there"
            )
        )
    elif set(kept) <= YES_NO:
        found.append(Fault("options", "Yes and no lead to one diagnosis: give the answers that the findings allow"))
    if len(set(kept)) < len(kept):
        found.append(Fault("options", "An answer is there twice"))
    if not indicators:
        found.append(Fault("indicators", "Quote at least one place of the record: the provider answers from it"))
    return list(dict.fromkeys(found))


def conditions(text: str) -> list[tuple[str, str]]:
    """(family, words) of every condition that a text names, whether affirmed or not."""
    result = nlp.read(text)
    places = [(one.start, one.end, one.family) for one in result.findings]
    places += [(one.start, one.end, one.family) for one in result.suppressed]
    return [(family, text[start:end]) for start, end, family in sorted(places)]
