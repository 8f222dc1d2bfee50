"""A score as it is worked on paper: what `components/worked.html` shows of a `scoring.Score`. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from scoring import Line, ModelScore, Score, SegmentScore, Step
from scoring.beneficiary import dotted
from scoring.calculate import Part
from scoring.explain import SUPPLIED
from scoring.rounding import decimal
from scoring.tables import Release, Year, load_year, ones

SHOWN = 4  # codes named beside one that carries the same category
GROUPS = ("Person", "Conditions", "Interactions", "Counts")


@dataclass(frozen=True)
class Term:
    """One line of a raw score. codes: those of the person's that carry it. row: of the release's factors.csv, 0 where
    the segment has none."""

    variable: str
    label: str
    codes: tuple[str, ...]
    row: int
    value: Decimal


@dataclass(frozen=True)
class WorkedPart:
    """The months in one segment. groups: (one of GROUPS, its terms), none of them empty."""

    segment: str
    months: int
    groups: tuple[tuple[str, tuple[Term, ...]], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Silent:
    """Codes that add nothing by themselves, and why; label: the category that is meant, in words. A category that no
    code of the person's brings (a drug's) is named in their place."""

    codes: tuple[str, ...]
    why: str
    label: str


@dataclass(frozen=True)
class Figures:
    """Where normalization and coding adjustment, or a cost-sharing reduction, are from. verified: the day on which
    somebody checked them against the publication, "" for never. own: supplied by the user, who answers for them."""

    what: str
    source: str
    verified: str
    own: bool


@dataclass(frozen=True)
class WorkedModel:
    """One model of the blend. mean: the months together, empty where they are alike. unmapped: codes outside the
    model's map. figures: one for each population among the months. Codes have dots."""

    name: str
    weight: int
    release: str
    status: str
    parts: tuple[WorkedPart, ...]
    mean: tuple[Step, ...]
    silent: tuple[Silent, ...]
    unmapped: tuple[str, ...]
    figures: tuple[Figures, ...]


@dataclass(frozen=True)
class Worked:
    """closing: what follows the models: the blend and the contract's frailty, where there are such."""

    models: tuple[WorkedModel, ...]
    closing: tuple[Step, ...]
    notes: tuple[str, ...]


def worked(score: Score) -> Worked:
    """The score with every term, step, and thing that adds nothing. Raises nothing."""
    year = load_year(score.program, score.payment_year)
    return Worked(
        tuple(_model(model, year) for model in score.models), tuple(map(_in_signs, score.closing)), score.notes
    )


def by_code(score: Score) -> dict[str, tuple[str, ...]]:
    """code (with dots) -> what it does in each model of the blend: its categories and who else carries them, or why
    it adds nothing."""
    codes = dict.fromkeys(code for model in score.models for code in model.codes)
    effects = [_effects(model) for model in score.models]
    return {dotted(code): tuple(of_model[code] for of_model in effects) for code in codes}


def _effects(model: ModelScore) -> dict[str, str]:
    run, left = model.run, model.left
    carriers: dict[int, list[str]] = defaultdict(list)
    for code in model.codes:
        for bit in ones(run.mask(code) & left):
            carriers[bit].append(code)
    effects = {}
    for code in model.codes:
        if not run.maps(code):
            effects[code] = "no payment HCC"
        elif code in model.no_effect:
            effects[code] = model.no_effect[code]
        else:
            own = run.mask(code) & left
            others = [o for o in dict.fromkeys(o for bit in ones(own) for o in carriers[bit][:SHOWN]) if o != code]
            carry = f", which {', '.join(map(dotted, others))} {'carry' if others[1:] else 'carries'} too"
            effects[code] = run.name(own) + (carry if others else "")
    return effects


def _model(model: ModelScore, year: Year) -> WorkedModel:
    release = model.run.release
    return WorkedModel(
        name=model.model,
        weight=model.weight,
        release=release.id.removesuffix(f" {release.status}"),
        status=release.status,
        parts=tuple(_part(model, part, compiled) for part, compiled in zip(model.parts, model.run.parts, strict=True)),
        mean=_mean(model),
        silent=tuple(_silent(model)),
        unmapped=tuple(map(dotted, model.unmapped)),
        figures=tuple(_figures(model, year)),
    )


def _figures(model: ModelScore, year: Year) -> Iterable[Figures]:
    for factor in dict.fromkeys(part.factor for part in model.run.parts if part.factor):
        yield Figures("Factors", factor.source, factor.verified_on, factor.source == SUPPLIED)
    if model.parts[0].csr is not None and year.csr_source:
        yield Figures("Cost-sharing reduction", year.csr_source, year.csr_verified_on, own=False)


def _silent(model: ModelScore) -> Iterable[Silent]:
    """Each category that another one drops, with its codes; then the codes that add nothing for any other reason."""
    run, release = model.run, model.run.release
    dropped = 0
    for hcc, by in release.dropped_by(model.mask).items():
        bit = release.bits[hcc]
        dropped |= bit
        codes = tuple(dotted(code) for code in model.codes if run.mask(code) & bit)
        label = release.labels.get(release.prefix + hcc, "")
        yield Silent(codes or (run.name(bit),), f"{run.name(bit)} {run.trumped(by)}", label)
    for code, why in model.no_effect.items():
        if not run.mask(code) & dropped:
            yield Silent((dotted(code),), why, "")


def _mean(model: ModelScore) -> tuple[Step, ...]:
    """The mean of each number over the months, where these are in several segments."""
    if len(model.parts) == 1:
        return ()
    months = sum(part.months for part in model.parts)

    def mean(name: str, values: Iterable[Decimal], value: Decimal) -> Step:
        terms = " + ".join(f"{part.months} × {one}" for part, one in zip(model.parts, values, strict=True))
        return Step(f"Mean {name}", f"({terms}) ÷ {months}", value)

    parts = model.parts
    return (
        mean("raw", (part.raw for part in parts), model.raw),
        mean("payment", (part.payment for part in parts), model.payment),
    )


def _part(model: ModelScore, part: SegmentScore, compiled: Part) -> WorkedPart:
    release = model.run.release
    grouped: dict[str, list[Term]] = {name: [] for name in GROUPS}
    for line in part.lines:
        group, codes = _place(model, part, line)
        grouped[group].append(_term(release, line, codes))
    if compiled.coefficients and not grouped["Counts"]:
        value, name = compiled.coefficients.counts[model.left.bit_count()]
        if name:  # a count without a factor: the reader of the method looks for it
            row = release.rows.get((compiled.base.table, name), 0)
            grouped["Counts"].append(Term(name, release.labels.get(name, ""), (), row, decimal(value)))
    groups = tuple((name, tuple(terms)) for name, terms in grouped.items() if terms)
    return WorkedPart(part.segment, part.months, groups, tuple(map(_in_signs, part.steps)))


def _place(model: ModelScore, part: SegmentScore, line: Line) -> tuple[str, tuple[str, ...]]:
    """The group of a line, and the codes that carry it."""
    release, name = model.run.release, line.factor
    mask = release.bits.get(name.removeprefix(release.prefix), 0)
    for bundles in release.bundles.values():
        mask |= bundles.get(name, 0)
    if mask:
        return "Conditions", tuple(dotted(code) for code in model.codes if model.run.mask(code) & model.left & mask)
    if any(name == count for count, _, _ in release.counts):
        return "Counts", ()
    return ("Interactions" if name in part.interactions else "Person"), ()


def _term(release: Release, line: Line, codes: Sequence[str]) -> Term:
    label = release.labels.get(line.factor, "")
    return Term(line.factor, "" if label == line.factor else label, tuple(codes), line.row, line.value)


def _in_signs(step: Step) -> Step:
    """The step with the signs of print: 0.968 × (1 − 0.059)."""
    how = step.how.replace(" / ", " ÷ ").replace(" x ", " × ").replace(" - ", " − ").replace("%", " %")
    return Step(step.name.replace("_", " ").capitalize().replace("Csr", "CSR"), how, step.value)
