"""Note text in, findings out: a pure function without database, clock, log or knowledge of payment.

    find(text) -> tuple[Finding, ...]          what the note supports
    read(text, ...) -> Result                  also what was suppressed and why, and the verdict on each first-pass code
    ruleset() -> str                           version and hash of the rules: equal text and rules give equal results

The stages, in their order: sections, candidates, assertion, meat, resolve; verdicts for the codes reported.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from nlp.findings import (
    Confidence,
    Contradiction,
    Evidence,
    Finding,
    FirstPass,
    Meat,
    Result,
    Section,
    Statement,
    Suppressed,
    Verdict,
)

if TYPE_CHECKING:
    from nlp.assertion import Asserted
    from nlp.catalog import Catalog
    from nlp.resolve import Outcome
    from nlp.sections import Page

__all__ = [
    "Confidence", "Contradiction", "Evidence", "Finding", "FirstPass", "Meat", "Result", "Section", "Statement",
    "Suppressed", "Verdict",
    "find", "forget", "normal_code", "read", "ruleset", "warm",
]  # fmt: skip

SETTINGS = ("outpatient", "inpatient")


def find(text: str, *, setting: str | None = None, date_of_service: str | None = None) -> tuple[Finding, ...]:
    """The diagnoses that a note supports, in text order.

    text: the note exactly as stored; offsets of the findings are code points into it, end exclusive.
    setting: "outpatient" or "inpatient" (ICD-10-CM Guidelines II.H codes uncertain diagnoses at inpatient discharge);
    None: inpatient if the note is plainly the summary of a stay, outpatient otherwise.
    date_of_service: ISO date; findings get the code that was valid on it.
    Raises ValueError for another setting, CatalogError for wrong rule files.
    """
    return read(text, setting=setting, date_of_service=date_of_service).findings


def read(
    text: str, *, setting: str | None = None, date_of_service: str | None = None, first_pass: Iterable[str] = ()
) -> Result:
    """Findings, suppressed mentions, first-pass verdicts and sections of a note; arguments as for `find`.

    first_pass: ICD-10-CM codes already reported, with or without the dot; answered in the order given.
    """
    from nlp.catalog import load
    from nlp.resolve import on_date
    from nlp.verdicts import judge

    if setting is not None and setting not in SETTINGS:
        raise ValueError(f"setting must be one of {', '.join(SETTINGS)}")
    catalog = load()
    reading = understood if len(text) <= LONG else understood.__wrapped__
    outcome, sections = reading(text, setting, catalog, False)
    outcome = on_date(outcome, date_of_service)
    said = (outcome.contradictions, outcome.statements)
    codes = [normal_code(c) for c in first_pass]
    if not codes:
        return Result(catalog.ruleset, outcome.findings, outcome.suppressed, (), sections, *said)
    common = (
        on_date(reading(text, setting, catalog, True)[0], date_of_service)
        if any(map(catalog.is_common, codes))
        else None
    )
    sheet = sheet_of(text, catalog)

    def mentions(is_common: bool) -> Sequence[Asserted]:
        return heard(text, setting, catalog, is_common)

    verdicts = judge(codes, outcome, catalog, sheet, setting or implied(sheet), common, date_of_service, mentions)
    findings = tuple(
        dataclasses.replace(
            f,
            replaces=tuple(v.icd10 for v in verdicts if v.verdict is Verdict.MORE_SPECIFIC and f.icd10 in v.suggested),
        )
        for f in outcome.findings
    )
    return Result(catalog.ruleset, findings, outcome.suppressed, verdicts, sections, *said)


REMEMBERED = 2000
"""Notes whose readings a process remembers, for those that come again: sent twice, or read again for other codes."""
LONG = 50_000
"""Characters beyond which a note is not remembered."""


@lru_cache(maxsize=REMEMBERED)
def understood(
    text: str, setting: str | None, catalog: Catalog, is_common: bool
) -> tuple[Outcome, tuple[Section, ...]]:
    """What a note supports by the rules, or by those of common.toml, whatever its date and its first pass."""
    from nlp.contradictions import within
    from nlp.resolve import resolve
    from nlp.statements import statements

    sheet = sheet_of(text, catalog)
    rules = catalog.side(is_common)
    asserted = heard(text, setting, catalog, is_common)
    outcome = resolve(sheet, asserted, rules, setting or implied(sheet))
    if not is_common:
        said = statements(sheet, asserted, outcome, rules)
        outcome = dataclasses.replace(outcome, statements=said, contradictions=within(said))
    return outcome, sheet.sections


@lru_cache(maxsize=2)
def heard(text: str, setting: str | None, catalog: Catalog, is_common: bool) -> tuple[Asserted, ...]:
    """The mentions of the note at hand with what is said of them, by the rules or those of common.toml."""
    from nlp.assertion import assert_mentions
    from nlp.candidates import find_mentions

    sheet = sheet_of(text, catalog)
    rules = catalog.side(is_common)
    mentions = find_mentions(sheet, rules) if sheet.sentences else ()
    return tuple(assert_mentions(sheet, mentions, rules, setting or implied(sheet)))


def implied(sheet: Page) -> str:
    """The setting that a note has by its headings."""
    return SETTINGS[sheet.is_stay]


@lru_cache(maxsize=1)
def sheet_of(text: str, catalog: Catalog) -> Page:
    """The note at hand, cut once for all that is asked of it."""
    from nlp.sections import page

    return page(text, catalog)


def forget() -> None:
    """Drop everything that this process remembers of notes."""
    from nlp import pipeline, wording

    understood.cache_clear()
    heard.cache_clear()
    sheet_of.cache_clear()
    pipeline.cues.cache_clear()
    wording.meaning.cache_clear()


def normal_code(code: str) -> str:
    """An ICD-10-CM code in capitals with its dot: "e1122" is "E11.22"."""
    bare = code.strip().upper().replace(".", "")
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


@cache
def ruleset() -> str:
    """Version and hash of the rules, such as "2026.11+3f9c…"; cheap, since nothing is compiled for it."""
    from nlp.catalog import HERE, VERSION, digest

    return f"{VERSION}+{digest(HERE)}"


def warm() -> None:
    """Load rules and engine, and compile every pattern, now: for a worker before it forks.

    The garbage collector rests meanwhile and forgets afterwards what has come to stay: it would look through half a
    million objects again and again, and its marks would unshare their memory in the forked processes.
    """
    from nlp import contradictions, pipeline, wording
    from nlp.catalog import load

    was_on = gc.isenabled()
    gc.disable()
    try:
        catalog = load()
        pipeline.engine()
        contradictions.prepare()
        wording.listed()
        general = (*catalog.general.values(), *catalog.story.values())
        for words in (*general, *(w for f in catalog.families.values() for w in f.patterns())):
            words.prepare()
        read("ASSESSMENT: Diabetes.", first_pass=["E11.9"])  # imports the stages, and makes what they make once
        forget()
    finally:
        if was_on:
            gc.enable()
    gc.freeze()


def __getattr__(name: str) -> str:
    if name == "RULESET":
        return ruleset()
    raise AttributeError(name)
