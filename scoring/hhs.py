"""HHS-HCC V07 and V08, the models of the individual and small group markets.

Concurrent: the benefit year is the year of the diagnoses. One of three models by age on the last day of enrollment
(infant under 2, child under 21, adult), one set of factors for each metal level. What differs from the Medicare models:

- categories of a bundle pay once, and count as one;
- severe illness and transplants pay by the number of categories (HCC 022 is not counted);
- adults: drug categories from NDC and HCPCS codes, with interactions; enrollment of up to six months with a category;
- infants: the highest severity times the maturity at birth, nothing else but sex. Somebody of age 0 without a birth
  category is scored as of age 1.

Source: the Benefit Year DIY software instructions; the figures as each release's SOURCE.md says.
"""

from decimal import Decimal

from scoring.beneficiary import Beneficiary
from scoring.calculate import Line, Part, Points, Run, SegmentScore, drug_mask, line_of
from scoring.demographics import Base
from scoring.errors import InvalidInput, UnknownProgram
from scoring.rounding import decimal, half_up, signed
from scoring.tables import Release, Year

METALS = {"P": "Platinum", "G": "Gold", "S": "Silver", "B": "Bronze", "C": "Catastrophic"}
CHILD = ((2, 4), (5, 9), (10, 14), (15, 20))
ADULT = ((21, 24), (25, 29), (30, 34), (35, 39), (40, 44), (45, 49), (50, 54), (55, 59))
MATURITIES = ("Extremely_Immature", "Immature", "Premature_Multiples", "Term")
SEVERITIES = ("Severity5", "Severity4", "Severity3", "Severity2")
NOT_COUNTED = "HHS_HCC022"


class HhsPart(Part):
    """The one part of a benefit year: an age group's model at a metal level."""

    __slots__ = (
        "_age", "_bundled", "_bundles", "_counted", "_csr", "_group", "_infant", "_months", "_release", "_sex", "table",
    )  # fmt: skip

    def __init__(self, release: Release, age: int, sex: str, metal: str, months: int, csr: int) -> None:
        self._release = release
        self._age, self._sex, self._months, self._csr = age, sex, months, csr
        self._infant = age < 2
        self._group = "Infant" if self._infant else "Child" if age < 21 else "Adult"
        self.table = f"{self._group}_{METALS[metal]}"
        super().__init__(release, Base(f"{self._group} {METALS[metal]}", "", ()), 12, None)
        self._bundles = release.bundles.get(self._group, {})
        self._bundled = 0
        for mask in self._bundles.values():
            self._bundled |= mask
        self._counted = sum(
            bit for hcc, bit in release.bits.items() if hcc.startswith("HHS_HCC") and hcc != NOT_COUNTED
        )

    def raw(self, left: int) -> int:
        factors = self._release.factors[self.table]
        return sum(factors.get(variable, 0) for variable in self.variables(left))

    def chain(self, raw: int) -> Points:
        """raw, raw again (nothing is normalized), and raw x cost-sharing reduction."""
        return raw, raw, half_up(raw * self._csr, 1000)

    def variables(self, left: int) -> list[str]:
        """Every variable that holds for categories that are left after the hierarchy."""
        return self._of_infant(left) if self._infant else self._of_others(left)

    def _of_infant(self, left: int) -> list[str]:
        groups = self._release.groups
        born = next((name for name in MATURITIES if left & groups[name]), "") if self._age == 0 else ""
        severity = next((name for name in SEVERITIES if left & groups[name]), "Severity1")
        boy = [f"Age{0 if born else 1}_Male"] if self._sex == "M" else []
        return [*boy, f"{born or 'Age1'}_x_{severity}"]

    def _of_others(self, left: int) -> list[str]:
        release, adult = self._release, self._group == "Adult"
        bands = ADULT if adult else CHILD
        cell = next((f"{low}_{high}" for low, high in bands if low <= self._age <= high), "60_GT")
        result = [f"{self._sex}AGE_LAST_{cell}"]
        alone = left & ~self._bundled
        result += [
            name for name in release.categories(alone) if name.startswith("HHS_HCC") or self._drug_counts(name, left)
        ]
        together = [bundle for bundle, mask in self._bundles.items() if left & mask]
        result += together
        count = (alone & self._counted).bit_count() + len(together)
        for start, group in (("SEVERE", "severe"), ("TRANSPLANT", "transplant")):
            if left & release.groups.get(f"{group}:{self._group}", release.groups[group]):  # the children's may differ
                result += [
                    name
                    for name, low, high in release.counts
                    if name.startswith(start) and low <= count <= high and name in release.factors[self.table]
                ]
        if adult:
            if count and self._months <= 6:
                result.append(f"HCC_ED{self._months}")
            result += [rule.name for rule in release.interactions if all(left & mask for mask in rule.masks)]
        return result

    def _drug_counts(self, name: str, left: int) -> bool:
        """Drug categories are the adults'; the PrEP cost factor gives way to HIV drugs (adults) or HIV (children)."""
        bits = self._release.bits
        if name == "ACF_PrEP":
            return self._group == "Adult" and not left & bits["RXC_01"]
        if name == "ACF_PrEP_Child":
            return self._group == "Child" and self._age >= 12 and not left & bits["HHS_HCC001"]
        return self._group == "Adult"

    def score(self, release: Release, left: int) -> SegmentScore:
        raw, _, adjusted = self.chain(self.raw(left))
        names = self.variables(left)
        known = {rule.name for rule in release.interactions} | {name for name, _, _ in release.counts}
        return SegmentScore(
            segment=self.base.segment,
            months=12,
            interactions=tuple(name for name in names if name in known or name.startswith("HCC_ED")),
            lines=tuple(self.line(name) for name in names),
            raw=decimal(raw),
            normalized=decimal(raw),
            payment=decimal(adjusted),
            divisor=Decimal(1),
            normalization=None,
            coding_adjustment=None,
            csr=decimal(self._csr),
        )

    def line(self, name: str) -> Line:
        return line_of(self._release, self.table, name)


class HhsRun(Run):
    """A benefit year of one person."""

    parts: tuple[HhsPart, ...]

    def __init__(self, release: Release, part: HhsPart, age: int, sex: str, drugs: int) -> None:
        super().__init__(release, 100, (part,), age, sex, drugs)

    @property
    def paid(self) -> int:
        """Every category: which ones pay depends on all the others."""
        return (1 << len(self.release.hccs)) - 1

    def changes(self, old: int, new: int) -> list[str]:
        """Terms that differ. A bundle or an infant's severity can hide a category that changed: then there are none."""
        (part,) = self.parts
        factors = self.release.factors[part.table]
        before, after = part.variables(self.left(old)), part.variables(self.left(new))
        result = [f"{shown(name)} {signed(factors.get(name, 0))}" for name in after if name not in before]
        result += [f"{shown(name)} {signed(-factors.get(name, 0))}" for name in before if name not in after]
        if not result and self.left(old) != self.left(new):
            return ["paid already by its bundle or by a higher severity"]
        return result

    def shown(self, category: str) -> str:
        return category.removeprefix("HHS_HCC")

    def name(self, bits: int) -> str:
        return ", ".join(shown(category) for category in self.release.categories(bits))

    def trumped(self, by: str) -> str:
        return f"is trumped by {shown(by)}"


def shown(category: str) -> str:
    """ "HHS_HCC020" -> "HCC 020"; other variables as they are."""
    return category.replace("HHS_HCC", "HCC ")


def hhs_run(year: Year, release: Release, person: Beneficiary, segment: str | None = None) -> HhsRun:
    """Compile a person. Raises InvalidInput without a metal level or with an unknown cost-sharing reduction."""
    if segment is not None:
        raise UnknownProgram(f"{release.model} has no segment to choose; give metal instead")
    if person.metal is None:
        raise InvalidInput("beneficiary: metal (P, G, S, B or C) is missing")
    csr = year.csr.get(person.csr or "1")
    if csr is None:
        known = ", ".join(year.csr)
        raise InvalidInput(f"beneficiary: csr {person.csr} is not an indicator of {year.payment_year}; it has {known}")
    age = person.age_last_in(year.payment_year)
    part = HhsPart(release, age, person.sex, person.metal, person.enrollment_months or 12, csr)
    return HhsRun(release, part, age, person.sex, drug_mask(release, person))
