"""Note text in, findings out: a pure function without database, clock, log or knowledge of payment.

    find(text) -> tuple[Finding, ...]          what the note supports
    read(text, ...) -> Result                  also what was suppressed and why, and the verdict on each first-pass code
    ruleset() -> str                           version and hash of the rules: equal text and rules give equal results

The stages, in their order: sections, candidates, assertion, meat, resolve.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterable
from functools import cache

from nlp.findings import Confidence, Evidence, Finding, FirstPass, Meat, Result, Section, Suppressed, Verdict

__all__ = [
    "Confidence", "Evidence", "Finding", "FirstPass", "Meat", "Result", "Section", "Suppressed", "Verdict",
    "find", "normal_code", "read", "ruleset", "warm",
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
    from nlp.assertion import assert_mentions
    from nlp.candidates import find_mentions
    from nlp.catalog import Catalog, load
    from nlp.resolve import Outcome, judge, on_date, resolve
    from nlp.sections import page

    if setting is not None and setting not in SETTINGS:
        raise ValueError(f"setting must be one of {', '.join(SETTINGS)}")
    catalog = load()
    sheet = page(text, catalog)
    where = setting or ("inpatient" if sheet.is_stay else "outpatient")

    def outcome_of(rules: Catalog) -> Outcome:
        mentions = find_mentions(sheet, rules) if sheet.sentences else ()
        return on_date(resolve(sheet, assert_mentions(sheet, mentions, rules, where), rules, where), date_of_service)

    outcome = outcome_of(catalog)
    codes = [normal_code(c) for c in first_pass]
    common = outcome_of(catalog.common) if catalog.common and any(map(catalog.is_common, codes)) else None
    verdicts = judge(codes, outcome, catalog, sheet, common, date_of_service)
    findings = tuple(
        dataclasses.replace(
            f,
            replaces=tuple(v.icd10 for v in verdicts if v.verdict is Verdict.MORE_SPECIFIC and f.icd10 in v.suggested),
        )
        for f in outcome.findings
    )
    return Result(catalog.ruleset, findings, outcome.suppressed, verdicts, sheet.sections)


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
    from nlp import pipeline
    from nlp.catalog import load

    was_on = gc.isenabled()
    gc.disable()
    try:
        catalog = load()
        pipeline.engine()
        for words in (*catalog.general.values(), *(w for f in catalog.families.values() for w in f.patterns())):
            words.prepare()
    finally:
        if was_on:
            gc.enable()
    gc.freeze()


def __getattr__(name: str) -> str:
    if name == "RULESET":
        return ruleset()
    raise AttributeError(name)
