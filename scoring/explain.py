"""A worked score as on paper: every term, every step, and every code that adds nothing with its reason."""

from collections.abc import Iterable

from scoring.beneficiary import dotted
from scoring.calculate import ModelScore
from scoring.worksheet import Deltas, Score

WIDTH = 34


def explain(score: Score, deltas: Deltas | None = None) -> str:
    """The score of one person as a table in plain text. It repeats no fact of the person but the segment and cell."""
    lines = [f"{score.program}, payment year {score.payment_year}: {score.model}", ""]
    for model in score.models:
        lines += [*_model(model), ""]
    if len(score.models) > 1:
        terms = " + ".join(f"{model.weight}% x {model.payment}" for model in score.models)
        lines += [_row("payment (blend)", score.payment, terms), ""]
    lines += [f"note: {note}" for note in score.notes]
    if deltas is not None:
        lines += _deltas(deltas)
    return "\n".join(lines).rstrip() + "\n"


def _model(model: ModelScore) -> Iterable[str]:
    weight = f", {model.weight}% of the blend" if model.weight != 100 else ""
    yield f"{model.model} ({model.release}){weight}"
    for part in model.parts:
        yield f"  segment {part.segment}" + (f", {part.months} months" if len(model.parts) > 1 else "")
        yield from (_row(line.factor, line.value, line.why, 4) for line in part.lines)
        yield "    " + "-" * (WIDTH + 8)
        yield from (_row(step.name, step.value, step.how, 4) for step in part.steps)
    if len(model.parts) > 1:
        yield _row("payment (mean of the months)", model.payment, "", 4)
    if model.factor_source:
        checked = (
            f"checked {model.factor_verified}" if model.factor_verified else "not checked against the announcement"
        )
        yield f"  factors: {model.factor_source} ({checked})"
    if model.dropped:
        yield "  dropped: " + "; ".join(
            f"{hcc} by {by}" if not by.startswith("needs") else f"{hcc} {by}" for hcc, by in model.dropped.items()
        )
    for code, reason in model.no_effect.items():
        yield f"  {dotted(code)} adds nothing: {reason}"
    if model.unmapped:
        yield f"  not in the model's map: {', '.join(map(dotted, model.unmapped))}"


def _deltas(deltas: Deltas) -> Iterable[str]:
    yield "candidates, each on its own" + " " * 11 + "raw  payment"
    for candidate in deltas.candidates:
        reasons = "; ".join(candidate.reasons)
        yield f"  {candidate.code:<{WIDTH - 4}}{candidate.delta_raw:>+9}{candidate.delta:>+9}  {reasons}"
    yield f"  {'all of them':<{WIDTH - 4}}{deltas.delta_raw:>+9}{deltas.delta:>+9}  payment {deltas.payment}"
    shares = ", ".join(f"{code} {part:+}" for code, part in deltas.attribution.raw.items())
    yield f"  shares of the raw difference: {shares}"


def _row(name: str, value: object, why: str, indent: int = 2) -> str:
    return f"{' ' * indent}{name:<{WIDTH}}{value!s:>8}  {why}".rstrip()
