"""A person, a program and a year, ready to score any number of code sets.

A worksheet holds one compiled run per model of the blend. Its questions: what is the score; what would each change do;
what do N candidates do alone, together, and last; which part of the whole is whose.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import factorial
from typing import Any

from scoring.beneficiary import Beneficiary, code_of, codes_of, dotted, listed
from scoring.calculate import Line, ModelScore, Part, Points, Run, Step, chain, drug_mask, mean_of, months_of, part_of
from scoring.demographics import FAMILIES
from scoring.errors import InvalidInput, MissingFactor
from scoring.hhs import METALS, hhs_run
from scoring.rounding import apportion, decimal, half_up, thousandths
from scoring.tables import Factor, ModelUse, Release, Year, load_release, load_year, ones

EXACT_EFFECTS = 12
SAMPLES = 400
SEED = 20261123
SUPPLIED = "supplied by the user"
BEFORE_FRAILTY = "payment is one model's, before frailty"
Masks = tuple[int, ...]
# masks before, masks after; as they are written: the baseline's codes, the codes added, the codes removed
Change = tuple[Masks, Masks, Collection[str], Collection[str], Collection[str]]


@dataclass(eq=False)
class Score:
    """A person's score in a program and year: the blend of its models' scores. Read-only, as `ModelScore` is.

    points: raw, normalized and payment in thousandths. raw and normalized of a blend are weighted means for
    orientation; CMS blends payment scores only. notes: what a reader has to know of the payment score.
    """

    program: str
    payment_year: int
    models: tuple[ModelScore, ...]
    points: Points
    notes: tuple[str, ...] = ()

    @property
    def raw(self) -> Decimal:
        return decimal(self.points[0])

    @property
    def normalized(self) -> Decimal:
        return decimal(self.points[1])

    @property
    def payment(self) -> Decimal:
        return decimal(self.points[2])

    @property
    def model(self) -> str:
        """ "V28", or "V24 67% + V28 33%"."""
        if len(self.models) == 1:
            return self.models[0].model
        return " + ".join(f"{score.model} {score.weight}%" for score in self.models)

    @property
    def segment(self) -> str:
        return self.models[0].segment

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the only model; a blend's models have their own."""
        return self.models[0].lines if len(self.models) == 1 else ()

    @property
    def closing(self) -> tuple[Step, ...]:
        """What follows the models: the blend of each month, the mean of the months, the contract's frailty."""
        steps, months = [], []
        for place, part in enumerate(self.models[0].parts):
            payments = [(model.weight, model.parts[place].payment) for model in self.models]
            blended = half_up(sum(weight * thousandths(payment) for weight, payment in payments), 100)
            months.append((part.months, decimal(blended)))
            if len(self.models) > 1:
                how = " + ".join(f"{weight}% x {payment}" for weight, payment in payments)
                name = "blend" if len(self.models[0].parts) == 1 else f"blend of {part.months} months"
                steps.append(Step(name, how, decimal(blended)))
        mean = half_up(sum(count * thousandths(own) for count, own in months), sum(count for count, _ in months))
        if len(self.models) > 1 and len(months) > 1:
            terms = " + ".join(f"{count} x {own}" for count, own in months)
            steps.append(Step("mean of the months", f"({terms}) / {sum(c for c, _ in months)}", decimal(mean)))
        if frailty := self.points[2] - mean:
            sign = "+" if frailty > 0 else "-"
            steps.append(Step("with frailty", f"{decimal(mean)} {sign} {decimal(abs(frailty))}", self.payment))
        return tuple(steps)

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Codes that no model of the blend maps."""
        return tuple(sorted(set.intersection(*(set(score.unmapped) for score in self.models))))


class Delta:
    """What a change does to the raw score (delta_raw) and to the payment score (delta). Read-only.

    reasons: one for each term that changed, or why nothing did; worked out when asked for. A plain class: a frozen
    dataclass takes as long to make as the difference takes to compute.
    """

    __slots__ = ("_change", "_payment", "_raw", "_reasons", "_sheet")

    def __init__(self, sheet: "Worksheet", raw: int, payment: int, change: "Change") -> None:
        self._sheet = sheet
        self._raw = raw
        self._payment = payment
        self._change = change
        self._reasons: tuple[str, ...] | None = None

    @property
    def delta_raw(self) -> Decimal:
        return decimal(self._raw)

    @property
    def delta(self) -> Decimal:
        return decimal(self._payment)

    @property
    def reasons(self) -> tuple[str, ...]:
        if self._reasons is None:
            self._reasons = self._sheet.reasons(*self._change)
        return self._reasons


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate against the baseline: alone, as the last of all, and after those before it in the list."""

    code: str
    delta_raw: Decimal
    delta: Decimal
    last_in_raw: Decimal
    in_order_raw: Decimal
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The whole difference shared out fairly (Shapley value over distinct effects). Parts sum to the whole exactly.

    raw: code -> part of the raw difference; payment: the payment difference in the same proportions. exact: False
    where more than twelve distinct effects were sampled; then seed and samples say how.
    """

    raw: dict[str, Decimal]
    payment: dict[str, Decimal]
    exact: bool
    seed: int | None
    samples: int | None


@dataclass(frozen=True, slots=True)
class Deltas:
    """N candidates against a baseline. raw, payment: with all of them."""

    baseline: Score
    candidates: tuple[Candidate, ...]
    raw: Decimal
    payment: Decimal
    delta_raw: Decimal
    delta: Decimal
    attribution: Attribution


class Worksheet:
    """Compiled once for a person (some microseconds), then asked any number of times."""

    __slots__ = ("_unblended", "frailty", "runs", "year")

    def __init__(self, year: Year, runs: Sequence[Run], frailty: int | None = None) -> None:
        self.year = year
        self.runs = tuple(runs)
        self.frailty = frailty
        self._unblended = (
            len(self.runs) == 1 and not frailty
        )  # nothing is blended or added: the run's points are the score

    def masks(self, texts: Collection[str]) -> Masks:
        """Categories before the hierarchy, one mask for each model, of codes as they are written."""
        return tuple([run.mask_of(texts) for run in self.runs])

    def adding(self, masks: Masks, texts: Collection[str]) -> Masks:
        """The masks with those of more codes."""
        if len(masks) == 1:
            return (masks[0] | self.runs[0].mask_of(texts),)
        return tuple([mask | run.mask_of(texts) for mask, run in zip(masks, self.runs, strict=True)])

    def points(self, masks: Masks) -> Points:
        """(raw, normalized, payment) of the blend, in thousandths."""
        if self._unblended:
            return self.runs[0].evaluate(masks[0])
        months = zip(*(run.monthly(mask) for run, mask in zip(self.runs, masks, strict=True)), strict=True)
        blended = [(part.months, self.blended(month)) for part, month in zip(self.runs[0].parts, months, strict=True)]
        raw, normalized, payment = blended[0][1] if len(blended) == 1 else mean_of(blended)
        return raw, normalized, payment + (self.frailty or 0)

    def blended(self, month: Sequence[Points]) -> Points:
        """One month's scores of each model -> the month's blend."""
        raw, normalized, payment = (
            half_up(sum(run.weight * points[step] for run, points in zip(self.runs, month, strict=True)), 100)
            for step in range(3)
        )
        return raw, normalized, payment

    def score(self, diagnoses: Iterable[str]) -> Score:
        """The score of a set of codes, with or without dots; order and repetition change nothing."""
        given = listed(diagnoses)
        models = tuple([run.score(given) for run in self.runs])
        points = models[0].points if self._unblended else self.points(tuple([model.mask for model in models]))
        notes = (BEFORE_FRAILTY,) if self.year.frailty and self.frailty is None else ()
        return Score(self.year.program, self.year.payment_year, models, points, notes)

    def what_if(
        self, diagnoses: Iterable[str], changes: Sequence[tuple[Iterable[str], Iterable[str]]]
    ) -> tuple[Delta, ...]:
        """What each change would do to the baseline, on its own.

        diagnoses: the baseline, one entry for each source that carries the code, so that a code on two claims is there
        twice. changes: (codes added, codes removed); a removal takes away one entry, and a code that another entry
        still carries stays. Returns one Delta per change, in order.
        """
        given = listed(diagnoses)
        before = self.masks(given)
        base = self.points(before)
        result = []
        for added, removed in changes:
            new, struck = listed(added, "added"), listed(removed, "removed") if removed else ()
            after = self.adding(self.masks(without(given, struck)) if struck else before, new)
            points = self.points(after) if after != before else base
            result.append(Delta(self, points[0] - base[0], points[2] - base[2], (before, after, given, new, struck)))
        return tuple(result)

    def reasons(
        self,
        before: Masks,
        after: Masks,
        given: Collection[str],
        added: Collection[str],
        removed: Collection[str],
    ) -> tuple[str, ...]:
        """Every term of the raw score that changed, or why none did."""
        result: list[str] = []
        for run, old, new in zip(self.runs, before, after, strict=True):
            prefix = f"{run.release.model}: " if len(self.runs) > 1 else ""
            changes = run.changes(old, new) or self._why_not(run, old, new, given, added, removed)
            result += [prefix + change for change in changes]
        return tuple(result)

    @staticmethod
    def _why_not(
        run: Run, old: int, new: int, given: Collection[str], added: Collection[str], removed: Collection[str]
    ) -> list[str]:
        release = run.release
        if not run.paid:
            return [run.no_diagnoses]
        carried = Counter(codes_of(given))
        gone = carried.keys() - codes_of(without(given, removed))
        added, removed = codes_of(added), codes_of(removed)
        result: list[str] = []
        dropped = release.dropped_by(new)
        for code in added:
            mask = run.mask(code)
            if not run.maps(code):
                result.append(f"{dotted(code)}: no payment HCC in {release.model}")
            elif not mask:
                result.append(f"{dotted(code)}: {run.edit(code)}")
            for bit in ones(mask):
                hcc = release.names[bit]
                if hcc in dropped:
                    result.append(f"{run.name(bit)} {run.trumped(dropped[hcc])}")
                else:
                    others = [
                        other for other in carried if other != code and other not in gone and run.mask(other) & bit
                    ]
                    already = ", ".join(map(dotted, others)) or dotted(code)
                    result.append(f"{run.name(bit)} is already carried by {already}")
        for code in removed:
            mask = run.mask(code)
            if not carried.get(code):
                result.append(f"{dotted(code)}: not among the codes")
            elif code not in gone:
                result.append(f"{dotted(code)}: still carried by another source")
            elif not mask:
                result.append(
                    f"{dotted(code)}: " + (run.edit(code) if run.maps(code) else f"no payment HCC in {release.model}")
                )
            for bit in ones(mask if code in gone else 0):
                hcc = release.names[bit]
                if new & bit and hcc not in dropped:
                    others = [other for other in carried if other not in gone and run.mask(other) & bit]
                    result.append(f"{run.name(bit)} is still carried by {', '.join(map(dotted, others or added))}")
                elif not new & bit:
                    by = release.dropped_by(old).get(hcc, "")
                    result.append(f"{run.name(bit)} " + (run.trumped(by) if by else "had no effect"))
        return list(dict.fromkeys(result))

    def deltas(self, diagnoses: Iterable[str], candidates: Sequence[str]) -> Deltas:
        """Candidates to add: each alone, all together, each as the last one, each in the order given, and each one's
        fair share of the whole. Candidates are named as they were given; each may be named once."""
        if len(set(candidates)) != len(candidates):
            raise InvalidInput("candidates: a code is there twice")
        codes = [code_of(candidate) for candidate in candidates]
        given = listed(diagnoses)
        before = self.masks(given)
        own = [self.masks((code,)) for code in codes]
        base = self.points(before)
        everything = joined([before, *own])
        total = self.points(everything)
        result = []
        running = before
        for index, (name, code) in enumerate(zip(candidates, codes, strict=True)):
            after = joined([before, own[index]])
            alone = self.points(after)
            last = self.points(joined([before, *own[:index], *own[index + 1 :]]))
            following = joined([running, own[index]])
            in_order = self.points(following)[0] - self.points(running)[0]
            running = following
            result.append(
                Candidate(
                    name,
                    decimal(alone[0] - base[0]),
                    decimal(alone[2] - base[2]),
                    decimal(total[0] - last[0]),
                    decimal(in_order),
                    self.reasons(before, after, given, (code,), ()),
                )
            )
        return Deltas(
            baseline=self.score(given),
            candidates=tuple(result),
            raw=decimal(total[0]),
            payment=decimal(total[2]),
            delta_raw=decimal(total[0] - base[0]),
            delta=decimal(total[2] - base[2]),
            attribution=self._attribute(before, list(candidates), own, base, total),
        )

    def attribute(self, diagnoses: Iterable[str], candidates: Sequence[str]) -> Attribution:
        """The fair share of each candidate in the whole difference."""
        before = self.masks(listed(diagnoses))
        own = [self.masks((candidate,)) for candidate in candidates]
        return self._attribute(before, list(candidates), own, self.points(before), self.points(joined([before, *own])))

    def _attribute(self, before: Masks, names: list[str], own: list[Masks], base: Points, total: Points) -> Attribution:
        groups: dict[Masks, list[int]] = {}
        for index, masks in enumerate(own):
            new = tuple(mask & ~had for mask, had in zip(masks, before, strict=True))
            if any(new):
                groups.setdefault(new, []).append(index)
        exact = len(groups) <= EXACT_EFFECTS
        effects = list(groups)
        values = self._shapley(before, effects) if exact else self._sampled(before, effects)
        parts = [Fraction(0)] * len(names)
        for effect, value in zip(effects, values, strict=True):
            for index in groups[effect]:
                parts[index] = value / len(groups[effect])
        raw_total, pay_total = total[0] - base[0], total[2] - base[2]
        if raw_total:
            pay_parts = [part * pay_total / raw_total for part in parts]
        else:
            pay_parts = [Fraction(pay_total, len(parts) or 1)] * len(parts)
        raw, pay = apportion(parts, raw_total), apportion(pay_parts, pay_total)
        return Attribution(
            {name: decimal(points) for name, points in zip(names, raw, strict=True)},
            {name: decimal(points) for name, points in zip(names, pay, strict=True)},
            exact,
            None if exact else SEED,
            None if exact else SAMPLES,
        )

    def _shapley(self, before: Masks, effects: list[Masks]) -> list[Fraction]:
        """Exact Shapley values in raw thousandths: the mean marginal value over all orders."""
        size = len(effects)
        values = [0] * (1 << size)
        held: list[Masks] = [before] * (1 << size)
        values[0] = self.points(before)[0]
        for subset in range(1, 1 << size):
            low = subset & -subset
            held[subset] = joined([held[subset ^ low], effects[low.bit_length() - 1]])
            values[subset] = self.points(held[subset])[0]
        weights = [factorial(k) * factorial(size - k - 1) for k in range(size)]
        sums = [0] * size
        for subset in range(1 << size):
            weight = weights[subset.bit_count()] if subset.bit_count() < size else 0
            for index in range(size):
                if not subset >> index & 1:
                    sums[index] += weight * (values[subset | 1 << index] - values[subset])
        return [Fraction(value, factorial(size)) for value in sums]

    def _sampled(self, before: Masks, effects: list[Masks]) -> list[Fraction]:
        """Shapley values estimated over seeded random orders; each order's parts sum to the whole, so theirs do too."""
        draw = random.Random(SEED)  # noqa: S311 - a reproducible sample, not a secret
        sums = [0] * len(effects)
        order = list(range(len(effects)))
        for _ in range(SAMPLES):
            draw.shuffle(order)
            held, value = before, self.points(before)[0]
            for index in order:
                held = joined([held, effects[index]])
                after = self.points(held)[0]
                sums[index] += after - value
                value = after
        return [Fraction(value, SAMPLES) for value in sums]


def without(given: Collection[str], struck: Collection[str]) -> list[str]:
    """The codes that are left, without dots, after one entry is taken away for each that is struck."""
    return list((Counter(codes_of(given)) - Counter(codes_of(struck, "removed"))).elements())


def joined(many: Sequence[Masks]) -> Masks:
    """The union, model by model."""
    if len(many[0]) == 1:
        mask = 0
        for (own,) in many:
            mask |= own
        return (mask,)
    result = list(many[0])
    for masks in many[1:]:
        for index, mask in enumerate(masks):
            result[index] |= mask
    return tuple(result)


def worksheet(
    program: str,
    payment_year: int,
    beneficiary: Beneficiary | Mapping[str, Any],
    *,
    model: str | None = None,
    segment: str | None = None,
    factors: Mapping[str, Mapping[str, str]] | None = None,
    frailty: str | Decimal | None = None,
) -> Worksheet:
    """Compile a person for a program and year.

    model: one model alone instead of the blend, or of the one that the person's plan has. segment: instead of the one
    that the facts give. factors: model -> {"normalization": …, "coding_adjustment": …}, for the user's own figures
    where none is on file or to override them. frailty: the contract's factor, added to the payment score (PACE). The
    blend is not scored without it, since no default is right; one model alone is, before frailty.
    Raises UnknownProgram, InvalidInput, MissingTables, MissingFactor, ProposedRelease, TablesBroken.
    """
    year = load_year(program, payment_year)
    added = frailty_of(year, model, frailty)
    person = Beneficiary.of(beneficiary, program)
    return Worksheet(year, runs_of(year, year.blend(model, person.plan), person, segment, factors), added)


def runs_of(
    year: Year,
    blend: Sequence[tuple[int, ModelUse]],
    person: Beneficiary,
    segment: str | None = None,
    factors: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Run]:
    """Each model of the blend, compiled for a person: with the same months in the same order, so that they blend."""
    releases = [load_release(use) for _, use in blend]
    if releases[0].family == "hhs-hcc":
        return [hhs_run(year, releases[0], person, segment)]
    age = person.age_in(year.payment_year)
    months = months_of(releases, person, age, segment)
    runs = []
    for place, (weight, use) in enumerate(blend):
        release, factor_of = releases[place], factors_of(use, factors)
        parts = [part_of(release, bases[place], count, factor_of(bases[place].population)) for bases, count in months]
        runs.append(Run(release, weight, parts, age, person.sex, drug_mask(release, person) if release.drugs else 0))
    return runs


def frailty_of(year: Year, model: str | None, frailty: str | Decimal | None) -> int | None:
    """The contract's frailty factor in thousandths, None for one model alone without it.

    Raises MissingFactor where a blend needs it, InvalidInput where the program does not use it.
    """
    if frailty is not None:
        if not year.frailty:
            raise InvalidInput(f"frailty: {year.program} does not use it")
        return thousandths(frailty, "frailty")
    if year.frailty and model is None:
        raise MissingFactor(
            f"{year.name}: the payment score needs the contract's frailty factor; supply it as `frailty` "
            f'("0" for a contract that CMS has given none)'
        )
    return None


def factors_of(use: ModelUse, own: Mapping[str, Mapping[str, str]] | None) -> Callable[[str], Factor]:
    """population -> the factors on file, with the user's own figures (model -> name -> figure) in place of them.

    Raises InvalidInput for figures that cannot be factors.
    """
    figures = own.get(use.name) if own else None
    if not figures:
        return use.factor
    unknown = figures.keys() - {"normalization", "coding_adjustment"}
    if unknown:
        raise InvalidInput(f"factors: {', '.join(sorted(unknown))} is not a factor")
    given: dict[str, Any] = {name: thousandths(value, f"factors: {name}") for name, value in figures.items()}
    if given.get("normalization", 1) <= 0 or not 0 <= given.get("coding_adjustment", 0) < 1000:
        raise InvalidInput("factors: normalization is above zero, coding_adjustment from 0 to below 1")
    if len(given) == 2:
        return lambda population: Factor(population, **given, source=SUPPLIED, verified_on="")
    filed = tuple(replace(factor, **given, source=SUPPLIED, verified_on="") for factor in use.factors)
    return replace(use, factors=filed).factor


def payment_chain(
    program: str,
    payment_year: int,
    raw: int,
    *,
    model: str | None = None,
    population: str = "all",
    factors: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[str, Points]:
    """The payment chain alone: raw in thousandths -> (model, (raw, normalized, payment)). Needs no tables.

    A blend has one raw score per model, so there a model has to be named; InvalidInput says so.
    """
    year = load_year(program, payment_year)
    if model is None and len(year.models) != 1:
        names = ", ".join(use.name for use in (*year.models, *year.other_models))
        raise InvalidInput(f"{program} {payment_year} has several models ({names}): name the one of this raw score")
    ((_, use),) = year.blend(model, population)
    factor = factors_of(use, factors)(population)
    return use.name, chain(raw, factor.normalization or 1000, 1000 - (factor.coding_adjustment or 0))


def raw_by_segment(
    program: str,
    payment_year: int,
    beneficiary: Beneficiary | Mapping[str, Any],
    diagnoses: Iterable[str],
    *,
    model: str | None = None,
) -> dict[str, dict[str, Decimal]]:
    """model -> segment -> raw score, for every segment as CMS's software prints them, whichever is the person's.

    Graft segments only for somebody with months since a transplant, which decide their score.
    """
    year = load_year(program, payment_year)
    person = Beneficiary.of(beneficiary, program)
    codes = codes_of(diagnoses)
    result: dict[str, dict[str, Decimal]] = {}
    for _, use in year.blend(model, person.plan):
        release = load_release(use)
        if release.family == "hhs-hcc":
            runs: dict[str, Run] = {
                metal: hhs_run(year, release, replace(person, metal=letter)) for letter, metal in METALS.items()
            }
        else:
            age, drugs = person.age_in(payment_year), drug_mask(release, person) if release.drugs else 0
            runs = {
                segment: Run(release, 100, unpaid(release, person, age, segment), age, person.sex, drugs)
                for segment in FAMILIES[release.family].segments or release.factors
                if "GRAFT" not in segment or (person.esrd and person.esrd.graft_months)  # by months since transplant
            }
        result[use.name] = {name: decimal(run.evaluate(run.mask_of(codes))[0]) for name, run in runs.items()}
    return result


def unpaid(release: Release, person: Beneficiary, age: int, segment: str) -> list[Part]:
    """A person's year in a segment, for raw scores alone."""
    return [part_of(release, base, count, None) for (base,), count in months_of([release], person, age, segment)]
