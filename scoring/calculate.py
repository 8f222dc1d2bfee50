"""One model applied to one person: codes -> categories -> points -> payment score, with a line for every point.

`Run` is compiled once for a person; after that a set of codes is an integer, and a score is a few microseconds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from operator import getitem

from scoring.beneficiary import Beneficiary, code_of
from scoring.demographics import FAMILIES, Base
from scoring.errors import MalformedCode, UnknownProgram
from scoring.rounding import decimal, half_up, signed
from scoring.tables import Factor, Release, ones

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
    """The score of the months in one segment. months: how many. The scores are of one such month.

    divisor: what the sum of the lines is divided by, 1.000 but for new-enrollee grafts. normalization and
    coding_adjustment are None where only raw scores were asked for, and in the HHS models, whose payment is the score
    times the cost-sharing reduction (csr).
    """

    segment: str
    months: int
    interactions: tuple[str, ...]
    lines: tuple[Line, ...]
    raw: Decimal
    normalized: Decimal
    payment: Decimal
    divisor: Decimal
    normalization: Decimal | None
    coding_adjustment: Decimal | None
    csr: Decimal | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The payment chain, line by line."""
        divided = f" / {self.divisor}" if self.divisor != 1 else ""
        steps = [Step("raw", f"sum of the lines{divided}", self.raw)]
        if self.normalization is not None:
            steps.append(Step("normalized", f"{self.raw} / {self.normalization}", self.normalized))
            steps.append(Step("payment", f"{self.normalized} x (1 - {self.coding_adjustment})", self.payment))
        if self.csr is not None:
            steps.append(Step("csr_adjusted", f"{self.raw} x {self.csr}", self.payment))
        return tuple(steps)


@dataclass(eq=False)
class ModelScore:
    """One model's answer for a set of codes. Read-only (not frozen: that costs more than the score).

    The numbers are there at once, the reasons when they are asked for. given: the codes as they are written. mask:
    their categories before the hierarchy.
    """

    run: "Run"
    given: tuple[str, ...]
    mask: int
    points: Points

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The distinct codes without dots, sorted."""
        return tuple(sorted({code_of(text) for text in self.given}))

    @property
    def left(self) -> int:
        """The categories that are left after the hierarchy."""
        return self.run.left(self.mask)

    @property
    def model(self) -> str:
        return self.run.release.model

    @property
    def release(self) -> str:
        """The id of the release that every line refers to."""
        return self.run.release.id

    @property
    def weight(self) -> int:
        """The share in the blend, in per cent."""
        return self.run.weight

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
    def segment(self) -> str:
        """The segment of every month, or "mixed" (then `parts` has each)."""
        segments = {part.base.segment for part in self.run.parts}
        return segments.pop() if len(segments) == 1 else "mixed"

    @cached_property
    def hccs(self) -> tuple[str, ...]:
        """The categories that are left after the hierarchy, lowest number first."""
        return tuple(self.run.shown(category) for category in self.run.release.categories(self.left))

    @cached_property
    def dropped(self) -> dict[str, str]:
        """Category -> the category that drops it, or "needs one of …" for want of a companion."""
        return {self.run.shown(category): self.run.shown(by) for category, by in self._dropped.items()}

    @cached_property
    def _dropped(self) -> dict[str, str]:
        return self.run.release.dropped_by(self.mask) if self.mask != self.left else {}

    @cached_property
    def unmapped(self) -> tuple[str, ...]:
        """Codes that are not in the model's map."""
        return tuple(code for code in self.codes if not self.run.maps(code))

    @cached_property
    def no_effect(self) -> dict[str, str]:
        """Mapped code -> why it adds nothing."""
        return {
            code: self.run.no_effect(code, self.left, self._dropped)
            for code in self.codes
            if not self.run.mask(code) & self.left & self.run.paid and self.run.maps(code)
        }

    @cached_property
    def parts(self) -> tuple[SegmentScore, ...]:
        """Each segment of the year with its lines."""
        return tuple(part.score(self.run.release, self.left) for part in self.run.parts)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the only segment; empty for mixed months, whose parts have their own."""
        return self.parts[0].lines if len(self.parts) == 1 else ()

    @property
    def interactions(self) -> tuple[str, ...]:
        """The interactions of the only segment."""
        return self.parts[0].interactions if len(self.parts) == 1 else ()

    @property
    def factor_source(self) -> str:
        """Where normalization and coding adjustment come from."""
        factor = self.run.parts[0].factor
        return factor.source if factor else ""

    @property
    def factor_verified(self) -> str:
        """The day that somebody checked the factors against the announcement; "" for never."""
        factor = self.run.parts[0].factor
        return factor.verified_on if factor else ""


class Coefficients:
    """A segment's factors, compiled for a set of flags: by bit, by pair of masks, by number of categories.

    bytes: the sum of the factors of each possible byte at each place of a mask, so that a sum is a few look-ups.
    """

    __slots__ = ("by_bit", "bytes", "counts", "gains", "lefts", "losses", "paid", "pairs", "size")

    def __init__(self, release: Release, table: str, flags: frozenset[str]) -> None:
        factors = release.factors.get(table, {})
        self.by_bit = {bit: factors.get(release.prefix + hcc, 0) for hcc, bit in release.bits.items()}
        self.pairs = tuple(
            (rule.left, rule.right, factors[rule.name], rule.name)
            for rule in release.interactions
            if factors.get(rule.name) and (not rule.flag or rule.flag in flags)
        )
        self.counts = [(0, "")] * (len(release.hccs) + 1)
        for name, low, high in release.counts:
            for number in range(low, min(high, len(release.hccs)) + 1):
                self.counts[number] = (factors.get(name, 0), name)
        self.paid = sum(bit for bit, value in self.by_bit.items() if value)
        self.lefts = 0
        for left, right, _, _ in self.pairs:
            self.paid |= left | right
            self.lefts |= left
        self.size = (len(release.hccs) + 7) // 8
        self.bytes = tuple(
            tuple(sum(self.by_bit.get(bit << 8 * place, 0) for bit in ones(byte)) for byte in range(256))
            for place in range(self.size)
        )
        self.gains = {
            bit: f"{release.prefix} {release.names[bit]} {signed(value)}" for bit, value in self.by_bit.items()
        }
        self.losses = {
            bit: f"{release.prefix} {release.names[bit]} {signed(-value)}" for bit, value in self.by_bit.items()
        }

    def points(self, mask: int) -> int:
        """The disease points of categories that are left after the hierarchy."""
        total = sum(map(getitem, self.bytes, mask.to_bytes(self.size, "little")), self.counts[mask.bit_count()][0])
        if mask & self.lefts:
            for left, right, value, _ in self.pairs:
                if mask & left and mask & right:
                    total += value
        return total


@lru_cache(maxsize=512)
def coefficients(release: Release, table: str, flags: frozenset[str]) -> Coefficients:
    return Coefficients(release, table, flags)


def chain(raw: int, normalization: int, adjustment: int) -> Points:
    """raw / normalization, then x (1 - coding adjustment), each rounded to three decimals.

    All in thousandths; adjustment is 1 - coding adjustment, so 941 for 5.9 per cent. Spelled out for scores that are
    not negative (nearly all are not), because this is asked for every difference.
    """
    if raw < 0:
        normalized = half_up(raw * 1000, normalization)
        return raw, normalized, half_up(normalized * adjustment, 1000)
    normalized = (raw * 2000 + normalization) // (2 * normalization)
    return raw, normalized, (normalized * adjustment + 500) // 1000


class Part:
    """The months that a person spends in one segment. Shared by all who bring the same to it."""

    __slots__ = ("adjustment", "base", "coefficients", "demographic", "factor", "lines", "months", "normalization")

    def __init__(self, release: Release, base: Base, months: int, factor: Factor | None) -> None:
        self.base = base
        self.months = months
        self.factor = factor
        self.normalization = (factor.normalization if factor else None) or 1000
        self.adjustment = 1000 - ((factor.coding_adjustment if factor else None) or 0)
        self.demographic = sum(release.factors.get(table, {}).get(name, 0) for table, name in base.variables)
        self.coefficients = coefficients(release, base.table, base.flags) if base.table else None
        self.lines = [
            line_of(release, table, name)
            for number, (table, name) in enumerate(base.variables)
            if not number or (table, name) in release.rows
        ]

    def raw(self, left: int) -> int:
        points = self.demographic
        if self.coefficients is not None:
            points += self.coefficients.points(left)
        return points if self.base.divisor == 1000 else half_up(points * 1000, self.base.divisor)

    def chain(self, raw: int) -> Points:
        return chain(raw, self.normalization, self.adjustment)

    def score(self, release: Release, left: int) -> SegmentScore:
        """The part's answer for categories that are left after the hierarchy."""
        raw, normalized, payment = self.chain(self.raw(left))
        lines = list(self.lines)
        interactions: list[str] = []
        if self.coefficients is not None:
            table = self.base.table
            lines += [line_of(release, table, release.prefix + hcc) for hcc in release.categories(left)]
            for one, two, _, name in self.coefficients.pairs:
                if left & one and left & two:
                    interactions.append(name)
                    lines.append(line_of(release, table, name))
            value, name = self.coefficients.counts[left.bit_count()]
            if value:
                lines.append(line_of(release, table, name))
        return SegmentScore(
            segment=self.base.segment,
            months=self.months,
            interactions=tuple(interactions),
            lines=tuple(lines),
            raw=decimal(raw),
            normalized=decimal(normalized),
            payment=decimal(payment),
            divisor=decimal(self.base.divisor),
            normalization=decimal(self.normalization) if self.factor else None,
            coding_adjustment=decimal(1000 - self.adjustment) if self.factor else None,
        )


@lru_cache(maxsize=8192)
def part_of(release: Release, base: Base, months: int, factor: Factor | None) -> Part:
    return Part(release, base, months, factor)


@lru_cache(maxsize=16384)
def line_of(release: Release, table: str, variable: str) -> Line:
    """The line of a variable. One without a row in this segment adds nothing, and says so."""
    label = release.labels.get(variable, "")
    row = release.rows.get((table, variable))
    if row is None:
        why = f"{label}; no factor in segment {table} of {release.id}".removeprefix("; ")
        return Line(variable, decimal(0), why, "factors.csv", 0)
    why = f"{label}; {release.id}, factors.csv row {row}".removeprefix("; ")
    return Line(variable, decimal(release.factors[table][variable]), why, "factors.csv", row)


def drug_mask(release: Release, person: Beneficiary) -> int:
    """The categories of a person's NDC and HCPCS codes."""
    mask = 0
    for kind, codes in (("ndc", person.ndc), ("hcpcs", person.hcpcs)):
        for code in codes:
            mask |= release.drugs.get((kind, code), 0)
    return mask


class Run:
    """One model, compiled for one person. drugs: the categories of the person's drugs, in every mask from the start."""

    __slots__ = ("_only", "age", "drugs", "parts", "release", "sex", "weight")

    def __init__(
        self, release: Release, weight: int, parts: Sequence[Part], age: int, sex: str, drugs: int = 0
    ) -> None:
        self.release = release
        self.weight = weight
        self.parts = parts
        self.age = age
        self.sex = sex
        self.drugs = drugs
        self._only = parts[0] if len(parts) == 1 else None

    @property
    def paid(self) -> int:
        """The categories that add something in some month."""
        mask = 0
        for part in self.parts:
            mask |= part.coefficients.paid if part.coefficients else 0
        return mask

    @property
    def no_diagnoses(self) -> str:
        """Why no diagnosis counts, for somebody whose every month is in such a segment."""
        return TRANSPLANT if self.parts[0].base.segment.startswith("TRANSPLANT") else NEW_ENROLLEE

    def mask(self, code: str) -> int:
        """The categories that a code (no dot) has for this person; 0 for none. Raises MissingTables."""
        mask = self.release.codes.get(self.release.decided(code), 0)
        for rule in self.release.edited.get(code, ()):
            if rule.age_min <= self.age <= rule.age_max and rule.sex in ("", self.sex):
                mask |= rule.bit
        return mask

    def mask_of(self, texts: Collection[str]) -> int:
        """The categories of codes as they are written, with or without dots, and of the person's drugs.

        Raises MalformedCode. Most codes are found as they stand; only the others are normalized.
        """
        mask, plain = self.drugs, self.release.plain
        try:
            for text in texts:
                own = plain.get(text)
                mask |= self.mask(code_of(text)) if own is None else own
        except TypeError:
            raise MalformedCode("a code is text") from None
        return mask

    def maps(self, code: str) -> bool:
        """Whether the code is in the model's map for anybody."""
        return code in self.release.codes or code in self.release.edited

    def left(self, mask: int) -> int:
        """What is left of a mask after the hierarchy."""
        return self.release.resolve(mask)

    def evaluate(self, mask: int) -> Points:
        """Categories before the hierarchy -> the year's (raw, normalized, payment), the mean of the months."""
        left = self.release.resolve(mask)
        if self._only is not None:
            return self._only.chain(self._only.raw(left))
        return mean_of([(part.months, part.chain(part.raw(left))) for part in self.parts])

    def monthly(self, mask: int) -> list[Points]:
        """`evaluate` of a month of each part."""
        left = self.release.resolve(mask)
        return [part.chain(part.raw(left)) for part in self.parts]

    def score(self, given: tuple[str, ...]) -> ModelScore:
        """The whole answer to codes as they are written; its reasons are worked out when they are asked for."""
        mask = self.mask_of(given)
        return ModelScore(self, given, mask, self.evaluate(mask))

    def no_effect(self, code: str, left: int, dropped: dict[str, str]) -> str:
        """Why a mapped code adds nothing to a score with these categories."""
        mask = self.mask(code)
        if not mask:
            return self.edit(code)
        if not self.paid:
            return self.no_diagnoses
        if not mask & left:
            return "; ".join(f"{self.name(bit)} {self.trumped(dropped[self.release.names[bit]])}" for bit in ones(mask))
        return f"{self.name(mask & left)} has no factor in this segment"

    def shown(self, category: str) -> str:
        """A category as its program names it."""
        return category

    def name(self, bits: int) -> str:
        return f"{self.release.prefix} " + ", ".join(self.release.categories(bits))

    def trumped(self, by: str) -> str:
        """The end of the sentence that a dropped category begins: by another one, or for want of a companion."""
        return by if by.startswith("needs") else f"is trumped by {self.release.prefix} {by}"

    def edit(self, code: str) -> str:
        """Why the map's rows of a code do not hold for this person, without telling the person's age."""
        wanted = []
        for rule in self.release.edited.get(code, ()):
            if rule.age_max == 999:
                ages = f"ages {rule.age_min} and over" if rule.age_min else ""
            else:
                ages = f"ages {rule.age_min} to {rule.age_max}" if rule.age_max else "age 0"
            sexes = {"F": "women", "M": "men"}.get(rule.sex, "")
            wanted.append(" ".join(filter(None, (sexes, ages))) + f" ({rule.edit} edit)")
        return "counts only for " + ", ".join(dict.fromkeys(wanted))

    def changes(self, old: int, new: int) -> list[str]:
        """Every term of the raw score that differs between two masks before the hierarchy."""
        before, after = self.left(old), self.left(new)
        if before == after:
            return []
        if self._only is not None:
            return self._changes(self._only, before, after, new) or [self.no_diagnoses]
        result = [
            f"{part.base.segment} ({part.months} months): {change}"
            for part in self.parts
            for change in self._changes(part, before, after, new)
        ]
        return result or [self.no_diagnoses]

    def _changes(self, part: Part, before: int, after: int, new: int) -> list[str]:
        values = part.coefficients
        if values is None:
            return []
        gained, lost = after & ~before, before & ~after
        result = [values.gains[bit] for bit in ones(gained)]
        for bit in ones(lost):
            over = next((p for p in ones(after & self.release.parents) if self.release.kills[p] & bit & new), 0)
            result.append(values.losses[bit] + (f" ({self.name(over)} takes its place)" if over else ""))
        for one, two, value, name in values.pairs:
            now = after & one and after & two
            if bool(before & one and before & two) != bool(now):
                result.append(f"{name} {signed(value if now else -value)}")
        old_count, new_count = values.counts[before.bit_count()], values.counts[after.bit_count()]
        if old_count[0] != new_count[0]:
            name = new_count[1] if new_count[0] else old_count[1]
            result.append(f"{name} {signed(new_count[0] - old_count[0])}")
        if len(result) == 2 and gained in values.by_bit and values.by_bit[gained] == values.by_bit.get(lost):
            coefficient = f"the same coefficient, {decimal(values.by_bit[gained])}"
            return [f"{self.name(gained)} takes the place of {self.name(lost)} at {coefficient}"]
        return result


TRANSPLANT = "a transplant month is paid a constant"
NEW_ENROLLEE = "new enrollee: the score is age, sex and entitlement alone"


def base_of(release: Release, person: Beneficiary, age: int, segment: str | None) -> Base:
    """What a person of this age brings to a month. segment overrides the one that the facts give.

    Raises UnknownProgram for a segment that the model does not have.
    """
    family = FAMILIES[release.family]
    if segment is not None and segment not in (segments := family.segments or tuple(release.factors)):
        raise UnknownProgram(f"{release.model} has no segment {segment!r}; it has {', '.join(segments)}")
    return family.base(release, person, age, segment or family.segment_of(person, age))


def months_of(
    releases: Sequence[Release], person: Beneficiary, age: int, segment: str | None
) -> list[tuple[tuple[Base, ...], int]]:
    """A person's year: what a month brings to each model, and how many months bring the same to all of them."""
    if not person.months:
        return [(tuple([base_of(release, person, age, segment) for release in releases]), 12)]
    months: dict[tuple[Base, ...], int] = {}
    for count, span in person.spans():
        bases = tuple(base_of(release, span, age, segment) for release in releases)
        months[bases] = months.get(bases, 0) + count
    return list(months.items())


def mean_of(months: Sequence[tuple[int, Points]]) -> Points:
    """The mean of each number over the months, rounded half-up."""
    total = sum(count for count, _ in months)
    raw, normalized, payment = (half_up(sum(count * own[step] for count, own in months), total) for step in range(3))
    return raw, normalized, payment
