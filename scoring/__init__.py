"""person + diagnoses -> risk score with its reasons. Pure: no Django, no database, no settings, no network.

    score("cms-hcc", 2026, {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}, ["E11.22", "I50.32"])

`worksheet` compiles a person once for many questions (score, what_if, deltas, attribute); the functions here are short
for a worksheet that is asked once. Scores are Decimals with three places. Every refusal is a ScoringError.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.beneficiary import Beneficiary, Esrd
from scoring.calculate import Line, ModelScore, SegmentScore, Step
from scoring.errors import (
    InvalidInput,
    MalformedCode,
    MissingFactor,
    MissingTables,
    ProposedRelease,
    ScoringError,
    TablesBroken,
    UnknownProgram,
)
from scoring.payable import Both, NotPayable, both, documented, payable
from scoring.sharing import Shares, shares
from scoring.tables import load_release, load_year, years
from scoring.worksheet import (
    Attribution,
    Candidate,
    Delta,
    Deltas,
    Score,
    Worksheet,
    payment_chain,
    raw_by_segment,
    worksheet,
)

__all__ = [
    "Attribution", "Beneficiary", "Both", "Candidate", "Delta", "Deltas", "Esrd", "InvalidInput", "Line",
    "MalformedCode", "MissingFactor", "MissingTables", "ModelScore", "NotPayable", "ProgramYear", "ProposedRelease",
    "Score", "ScoringError", "SegmentScore", "Shares", "Step", "TablesBroken", "UnknownProgram", "Worksheet",
    "attribute", "both", "deltas", "documented", "payable", "payment_chain", "programs", "prospective",
    "raw_by_segment", "score", "shares", "what_if", "worksheet",
]  # fmt: skip

Person = Beneficiary | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProgramYear:
    """What can be scored. models: name and share of the blend in per cent (0 for one that is only used by name).
    missing: model -> what has to be supplied before it can be scored. frailty: whether the blend needs the contract's
    frailty factor."""

    program: str
    payment_year: int
    models: tuple[tuple[str, int], ...]
    missing: dict[str, str]
    frailty: bool = False


def programs() -> tuple[ProgramYear, ...]:
    """Every program and payment year on file."""
    result = []
    for program, payment_year in years():
        year = load_year(program, payment_year)
        uses = (*year.models, *year.other_models)
        result.append(
            ProgramYear(
                program,
                payment_year,
                tuple((use.name, use.weight) for use in uses),
                {use.name: use.missing for use in uses if use.folder is None},
                year.frailty,
            )
        )
    return tuple(result)


def prospective(program: str, payment_year: int) -> bool:
    """Whether the codes of the year before are scored: in the Medicare programs always, in the HHS models never, in
    CDPS where the licensed tables say so (those of the newest year, where this one is not on file)."""
    if program != "cdps":
        return program in ("cms-hcc", "rxhcc", "esrd", "pace")
    on_file = [year for name, year in years() if name == program]
    if not on_file:
        return False
    year = load_year(program, payment_year if payment_year in on_file else max(on_file))
    return load_release(year.models[0]).options.get("timing") == "prospective"


def score(program: str, payment_year: int, person: Person, diagnoses: Iterable[str], **options: Any) -> Score:
    """One score. options: model, segment, factors, frailty (see `worksheet`)."""
    return worksheet(program, payment_year, person, **options).score(diagnoses)


def deltas(
    program: str, payment_year: int, person: Person, diagnoses: Iterable[str], candidates: Sequence[str], **options: Any
) -> Deltas:
    """Candidates to add, against a baseline: alone, together, last, in order, and their fair shares."""
    return worksheet(program, payment_year, person, **options).deltas(diagnoses, candidates)


def what_if(
    program: str,
    payment_year: int,
    person: Person,
    diagnoses: Iterable[str],
    changes: Sequence[tuple[Iterable[str], Iterable[str]]],
    **options: Any,
) -> tuple[Delta, ...]:
    """Each change (codes added, codes removed) against the baseline, on its own."""
    return worksheet(program, payment_year, person, **options).what_if(diagnoses, changes)


def attribute(
    program: str, payment_year: int, person: Person, diagnoses: Iterable[str], candidates: Sequence[str], **options: Any
) -> Attribution:
    """The fair share of each candidate in what all of them change."""
    return worksheet(program, payment_year, person, **options).attribute(diagnoses, candidates)
