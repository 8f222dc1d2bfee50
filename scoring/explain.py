"""A worked score as on paper: every term, every step, and every code that adds nothing with its reason."""

from collections.abc import Iterable

from scoring.beneficiary import dotted
from scoring.calculate import ModelScore
from scoring.rounding import decimal
from scoring.tables import Year, load_year
from scoring.worksheet import SUPPLIED, Deltas, Score

WIDTH = 34


def explain(score: Score, deltas: Deltas | None = None) -> str:
    """The score of one person as a table in plain text. It repeats no fact of the person but the segment and cell."""
    lines = [f"{score.program}, payment year {score.payment_year}: {score.model}", ""]
    year = load_year(score.program, score.payment_year)
    for model in score.models:
        lines += [*_model(model, year), ""]
    if score.closing:
        lines += [*(_row(step.name, step.value, step.how) for step in score.closing), ""]
    lines += [f"note: {note}" for note in score.notes]
    if deltas is not None:
        lines += _deltas(deltas)
    return "\n".join(lines).rstrip() + "\n"


def unverified(score: Score) -> list[str]:
    """The factors that a payment score rests on and nobody has checked against their publication, each with where it is
    from. What the user supplied is the user's to check, and not among them."""
    year = load_year(score.program, score.payment_year)
    found = []
    for model in score.models:
        for factor in dict.fromkeys(part.factor for part in model.run.parts if part.factor):
            if not factor.verified_on and factor.source != SUPPLIED:
                adjustment = decimal(factor.coding_adjustment or 0)
                figures = f"normalization {decimal(factor.normalization or 0)}, coding adjustment {adjustment}"
                found.append(f"{model.model} ({factor.population}): {figures}; {factor.source}")
        csr = model.parts[0].csr
        if csr not in (None, 1) and not year.csr_verified_on:
            found.append(f"{model.model}: cost-sharing reduction {csr}; {year.csr_source}")
    return found


def _model(model: ModelScore, year: Year) -> Iterable[str]:
    weight = f", {model.weight}% of the blend" if model.weight != 100 else ""
    yield f"{model.model} ({model.release}){weight}"
    for part in model.parts:
        yield f"  segment {part.segment}" + (f", {part.months} months" if len(model.parts) > 1 else "")
        yield from (_row(line.factor, line.value, line.why, 4) for line in part.lines)
        yield "    " + "-" * (WIDTH + 8)
        yield from (_row(step.name, step.value, step.how, 4) for step in part.steps)
    if len(model.parts) > 1:
        yield _row("payment (mean of the months)", model.payment, "", 4)
    for factor in dict.fromkeys(part.factor for part in model.run.parts if part.factor):
        yield f"  factors: {factor.source} ({_checked(factor.source, factor.verified_on)})"
    if model.parts[0].csr is not None and year.csr_source:
        yield f"  cost-sharing reduction: {year.csr_source} ({_checked(year.csr_source, year.csr_verified_on)})"
    if model.dropped:
        yield "  dropped: " + "; ".join(
            f"{hcc} by {by}" if not by.startswith("needs") else f"{hcc} {by}" for hcc, by in model.dropped.items()
        )
    for code, reason in model.no_effect.items():
        yield f"  {dotted(code)} adds nothing: {reason}"
    if model.unmapped:
        yield f"  not in the model's map: {', '.join(map(dotted, model.unmapped))}"


def _checked(source: str, day: str) -> str:
    if source == SUPPLIED:
        return "yours to check"
    return f"checked {day}" if day else "not checked against the publication: unverified"


def _deltas(deltas: Deltas) -> Iterable[str]:
    yield "candidates, each on its own" + " " * 11 + "raw  payment"
    for candidate in deltas.candidates:
        reasons = "; ".join(candidate.reasons)
        yield f"  {candidate.code:<{WIDTH - 4}}{candidate.delta_raw:>+9}{candidate.delta:>+9}  {reasons}"
    yield f"  {'all of them':<{WIDTH - 4}}{deltas.delta_raw:>+9}{deltas.delta:>+9}  payment {deltas.payment}"
    of_each = {
        "the last of all (what striking it would cost)": [candidate.last_in_raw for candidate in deltas.candidates],
        "in this order": [candidate.in_order_raw for candidate in deltas.candidates],
        "fair shares": list(deltas.attribution.raw.values()),
    }
    for name, parts in of_each.items():
        listed = ", ".join(f"{one.code} {part:+}" for one, part in zip(deltas.candidates, parts, strict=True))
        yield f"  raw, {name}: {listed}"


def _row(name: str, value: object, why: str, indent: int = 2) -> str:
    return f"{' ' * indent}{name:<{WIDTH}}{value!s:>8}  {why}".rstrip()
