"""One model applied to one person: codes -> categories -> points -> payment score, with a line for every point.

`Run` is compiled once for a person; after that a set of codes is an integer, and a score is a few microseconds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from scoring.beneficiary import Beneficiary
from scoring.demographics import FAMILIES, Base
from scoring.errors import UnknownProgram
from scoring.rounding import decimal, half_up
from scoring.tables import Factor, Release, Rule, ones

Points = tuple[int, int, int]  # raw, normalized, payment in thousandths


@dataclass(frozen=True, slots=True)
class Line:
    """One term of a raw score: the variable, its value, why it is there, and the row that it comes from."""

    factor: str
    value: Decimal
    why: str
    table: str
    row: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the payment chain, as on paper: "raw / 1.067" and what comes out."""

    name: str
    how: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class SegmentScore:
    """The score of the months in one segment. months: how many. The scores are of one such month."""

    segment: str
    months: int
    hccs: tuple[str, ...]
    interactions: tuple[str, ...]
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    raw: Decimal
    normalized: Decimal
    payment: Decimal


@dataclass(frozen=True, slots=True)
class ModelScore:
    """One model's answer.

    segment: the segment of every month, or "mixed" (then `parts` has each). hccs: left after the hierarchy, numeric
    order. dropped: category -> the category that drops it. unmapped: codes that are not in the model's map.
    no_effect: code -> why it adds nothing. factor_source, factor_verified: where normalization and coding adjustment
    come from, and the day that somebody checked them against the announcement ("" for never).
    """

    model: str
    release: str
    weight: int
    segment: str
    hccs: tuple[str, ...]
    dropped: dict[str, str]
    unmapped: tuple[str, ...]
    no_effect: dict[str, str]
    parts: tuple[SegmentScore, ...]
    raw: Decimal
    normalized: Decimal
    payment: Decimal
    factor_source: str
    factor_verified: str

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the only segment; empty for mixed months, whose parts have their own."""
        return self.parts[0].lines if len(self.parts) == 1 else ()

    @property
    def interactions(self) -> tuple[str, ...]:
        return self.parts[0].interactions if len(self.parts) == 1 else ()


class Coefficients:
    """A segment's factors, compiled for a set of flags: by bit, by pair of masks, by number of categories."""

    __slots__ = ("by_bit", "counts", "pairs")

    def __init__(self, release: Release, table: str, flags: frozenset[str]) -> None:
        factors = release.factors.get(table, {})
        self.by_bit = {bit: factors.get(release.prefix + hcc, 0) for hcc, bit in release.bits.items()}
        self.pairs = tuple(
            (rule.left, rule.right, factors[rule.name], rule.name)
            for rule in release.interactions
            if rule.name in factors and (not rule.flag or rule.flag in flags)
        )
        self.counts = [(0, "")] * (len(release.hccs) + 1)
        for name, low, high in release.counts:
            for number in range(low, min(high, len(release.hccs)) + 1):
                self.counts[number] = (factors.get(name, 0), name)

    def points(self, mask: int) -> int:
        """The disease points of categories that are left after the hierarchy."""
        total = self.counts[mask.bit_count()][0]
        by_bit = self.by_bit
        rest = mask
        while rest:
            low = rest & -rest
            total += by_bit[low]
            rest ^= low
        for left, right, value, _ in self.pairs:
            if mask & left and mask & right:
                total += value
        return total


@lru_cache(maxsize=256)
def coefficients(release: Release, table: str, flags: frozenset[str]) -> Coefficients:
    return Coefficients(release, table, flags)


def chain(raw: int, normalization: int, adjustment: int) -> Points:
    """raw / normalization, then x (1 - coding adjustment), each rounded to three decimals.

    All in thousandths; adjustment is 1 - coding adjustment, so 941 for 5.9 per cent.
    """
    normalized = half_up(raw * 1000, normalization)
    return raw, normalized, half_up(normalized * adjustment, 1000)


class Part:
    """The months that a person spends in one segment."""

    __slots__ = ("adjustment", "base", "coefficients", "demographic", "divisor", "factor", "months", "normalization")

    def __init__(self, release: Release, base: Base, months: int, factor: Factor | None) -> None:
        self.base = base
        self.months = months
        self.factor = factor
        self.normalization = (factor.normalization if factor else None) or 1000
        self.adjustment = 1000 - ((factor.coding_adjustment if factor else None) or 0)
        self.divisor = base.divisor
        self.demographic = sum(release.factors.get(table, {}).get(name, 0) for table, name in base.variables)
        self.coefficients = coefficients(release, base.table, base.flags) if base.table else None

    def raw(self, mask: int) -> int:
        points = self.demographic
        if self.coefficients is not None:
            points += self.coefficients.points(mask)
        return points if self.divisor == 1000 else half_up(points * 1000, self.divisor)

    def chain(self, raw: int) -> Points:
        return chain(raw, self.normalization, self.adjustment)


class Run:
    """One model, compiled for one person. Codes are normalized ICD-10-CM codes (no dot)."""

    def __init__(
        self, release: Release, weight: int, parts: Iterable[Part], age: int, sex: str, frailty: int = 0
    ) -> None:
        self.release = release
        self.weight = weight
        self.parts = tuple(parts)
        self.age = age
        self.sex = sex
        self.frailty = frailty
        self._months = sum(part.months for part in self.parts)
        self._memo: dict[int, Points] = {}
        self._masks: dict[str, int] = {}

    def mask(self, code: str) -> int:
        """The categories that a code has for this person; 0 for none."""
        found = self._masks.get(code)
        if found is None:
            found = self.release.codes.get(code, 0)
            for rule in self.release.edited.get(code, ()):
                if self._applies(rule):
                    found |= rule.bit
            self._masks[code] = found
        return found

    def _applies(self, rule: Rule) -> bool:
        return rule.age_min <= self.age <= rule.age_max and rule.sex in ("", self.sex)

    def maps(self, code: str) -> bool:
        """Whether the code is in the model's map for anybody."""
        return code in self.release.codes or code in self.release.edited

    def evaluate(self, mask: int) -> Points:
        """Categories before the hierarchy -> the year's (raw, normalized, payment), the mean of the months."""
        known = self._memo.get(mask)
        if known is not None:
            return known
        left = self.release.resolve(mask)
        if len(self.parts) == 1:
            raw, normalized, payment = self.parts[0].chain(self.parts[0].raw(left))
        else:
            scores = [(part.months, part.chain(part.raw(left))) for part in self.parts]
            raw, normalized, payment = (
                half_up(sum(months * points[step] for months, points in scores), self._months) for step in range(3)
            )
        points = self._memo[mask] = (raw, normalized, payment + self.frailty)
        return points

    def score(self, codes: Iterable[str]) -> ModelScore:
        """The whole answer, with its reasons."""
        release = self.release
        distinct = sorted(set(codes))
        mask = 0
        for code in distinct:
            mask |= self.mask(code)
        left = release.resolve(mask)
        raw, normalized, payment = self.evaluate(mask)
        segments = {part.base.segment for part in self.parts}
        factor = self.parts[0].factor
        dropped = release.dropped_by(mask)
        return ModelScore(
            model=release.model,
            release=release.id,
            weight=self.weight,
            segment=segments.pop() if len(segments) == 1 else "mixed",
            hccs=release.categories(left),
            dropped=dropped,
            unmapped=tuple(code for code in distinct if not self.maps(code)),
            no_effect={
                code: reason for code in distinct if self.maps(code) and (reason := self.no_effect(code, left, dropped))
            },
            parts=tuple(self.segment_score(part, left) for part in self.parts),
            raw=decimal(raw),
            normalized=decimal(normalized),
            payment=decimal(payment),
            factor_source=factor.source if factor else "",
            factor_verified=factor.verified_on if factor else "",
        )

    def no_effect(self, code: str, left: int, dropped: dict[str, str]) -> str:
        """Why a mapped code adds nothing to a score with these categories; "" where it adds something."""
        release = self.release
        mask = self.mask(code)
        if not mask:
            return self.edit(code)
        if all(part.coefficients is None for part in self.parts):
            return NEW_ENROLLEE
        if not mask & left:
            return "; ".join(f"{self.name(bit)} " + (self.trumped(dropped[release.names[bit]])) for bit in ones(mask))
        paid = any(
            part.coefficients and (part.coefficients.by_bit[bit] or self._in_pair(part, bit, left))
            for part in self.parts
            for bit in ones(mask & left)
        )
        return "" if paid else f"{self.name(mask & -mask)} has no factor in this segment"

    @staticmethod
    def _in_pair(part: Part, bit: int, left: int) -> bool:
        pairs = part.coefficients.pairs if part.coefficients else ()
        return any((bit & one and left & two) or (bit & two and left & one) for one, two, _, _ in pairs)

    def trumped(self, by: str) -> str:
        return by if by.startswith("needs") else f"is trumped by HCC {by}"

    def name(self, bit: int) -> str:
        return f"HCC {self.release.names[bit]}"

    def edit(self, code: str) -> str:
        """Why the map's rows of a code do not hold for this person, without telling the person's age."""
        wanted = []
        for rule in self.release.edited.get(code, ()):
            ages = ""
            if rule.age_max == 999:
                ages = f"ages {rule.age_min} and over" if rule.age_min else ""
            else:
                ages = f"ages {rule.age_min} to {rule.age_max}" if rule.age_max else "age 0"
            sexes = {"F": "women", "M": "men"}.get(rule.sex, "")
            wanted.append(" ".join(filter(None, (sexes, ages))) + f" ({rule.edit} edit)")
        return "counts only for " + ", ".join(dict.fromkeys(wanted))

    def segment_score(self, part: Part, left: int) -> SegmentScore:
        release = self.release
        raw, normalized, payment = part.chain(part.raw(left))
        cell = part.base.variables[:1]
        lines = [self.line(table, name, (table, name) in cell) for table, name in part.base.variables]
        interactions: list[str] = []
        if part.coefficients is not None:
            lines += [self.line(part.base.table, release.prefix + hcc) for hcc in release.categories(left)]
            for one, two, value, name in part.coefficients.pairs:
                if left & one and left & two and value:
                    interactions.append(name)
                    lines.append(self.line(part.base.table, name))
            value, name = part.coefficients.counts[left.bit_count()]
            if value:
                lines.append(self.line(part.base.table, name))
        return SegmentScore(
            segment=part.base.segment,
            months=part.months,
            hccs=release.categories(left),
            interactions=tuple(interactions),
            lines=tuple(line for line in lines if line is not None),
            steps=self.steps(part, raw, normalized, payment),
            raw=decimal(raw),
            normalized=decimal(normalized),
            payment=decimal(payment),
        )

    def line(self, table: str, variable: str, always: bool = True) -> Line | None:
        """The line of a variable. One without a row in this segment adds nothing: said so, or left out."""
        release = self.release
        label = release.labels.get(variable, "")
        row = release.rows.get((table, variable))
        if row is None:
            why = f"{label}; no factor in segment {table} of {release.id}".removeprefix("; ")
            return Line(variable, decimal(0), why, "factors.csv", 0) if always else None
        where = f"{release.id}, factors.csv row {row}"
        return Line(variable, decimal(release.factors[table][variable]), f"{label}; {where}", "factors.csv", row)

    def steps(self, part: Part, raw: int, normalized: int, payment: int) -> tuple[Step, ...]:
        steps = [Step("raw", "sum of the lines", decimal(raw))]
        if part.divisor != 1000:
            steps = [Step("raw", f"sum of the lines / {decimal(part.divisor)}", decimal(raw))]
        if part.factor is not None:
            steps.append(Step("normalized", f"{decimal(raw)} / {decimal(part.normalization)}", decimal(normalized)))
            how = f"{decimal(normalized)} x (1 - {decimal(1000 - part.adjustment)})"
            steps.append(Step("payment", how, decimal(payment)))
        if self.frailty:
            how = f"{decimal(payment)} + {decimal(self.frailty)} frailty"
            steps.append(Step("payment", how, decimal(payment + self.frailty)))
        return tuple(steps)


NEW_ENROLLEE = "new enrollee: the score is age, sex and entitlement alone"


def compile_parts(
    release: Release,
    person: Beneficiary,
    payment_year: int,
    factor_of: Callable[[str], Factor | None],
    segment: str | None,
) -> list[Part]:
    """The parts of a person's year: equal segments and facts together, each with its factors.

    segment overrides the one that the facts give. Raises UnknownProgram for a segment that the model does not have.
    """
    family = FAMILIES[release.family]
    if segment is not None and segment not in family.segments:
        raise UnknownProgram(f"{release.model} has no segment {segment!r}; it has {', '.join(family.segments)}")
    age = person.age_in(payment_year)
    months: dict[Base, int] = {}
    for count, span in person.spans():
        base = family.base(release, span, age, segment or family.segment_of(span, age))
        months[base] = months.get(base, 0) + count
    return [Part(release, base, count, factor_of(base.population)) for base, count in months.items()]
