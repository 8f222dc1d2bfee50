"""Money: what differences of payment scores come to at the base rates that a project's manager supplied.

An estimate, never more: base rate × difference, exact, for a member and month. Nobody's months are assumed, and there
is no rate for whom none was supplied. Only managers see it (`Permission.SEE_MONEY`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from coding.models import BaseRate, Enrollment, Project

MONTHS = 12

# Programs whose payment is a base rate times a person's score. The transfers of the ACA markets are worked out from
# everybody's score in the market.
WITH_RATES = ("cms-hcc", "pace", "esrd", "rxhcc", "cdps")


@dataclass(frozen=True)
class Estimate:
    """monthly: dollars for all members and one month each, exact. members: with a rate; without_rate: those left out,
    because no rate was supplied for their contract or county."""

    monthly: Decimal
    members: int
    without_rate: int

    @property
    def yearly(self) -> Decimal:
        """Twelve months of all of them: an upper bound, since nobody's enrollment is looked at."""
        return self.monthly * MONTHS


@dataclass(frozen=True)
class Cost:
    """What the finished charts of a report cost: active time, as the report counts it, at the project's cost of an
    hour. total and per_chart: dollars, not rounded."""

    active: timedelta
    charts: int
    hour: Decimal

    @property
    def hours(self) -> Decimal:
        """With one decimal, for reading; the sums use the seconds."""
        return (Decimal(self.active.total_seconds()) / 3600).quantize(Decimal("0.1"), ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        return Decimal(self.active.total_seconds()) * self.hour / 3600

    @property
    def per_chart(self) -> Decimal:
        return self.total / self.charts


class Rates:
    """The base rates of a project and its cost of an hour, read once."""

    def __init__(self, project: Project) -> None:
        self.hour = project.hour_cost
        self._rates = {
            (rate.program, rate.payment_year, rate.contract, rate.county): rate.amount
            for rate in BaseRate.objects.filter(project=project)
        }

    def of(self, enrollment: Enrollment | None) -> Decimal | None:
        """Dollars for a member and month at a score of 1.000: of contract and county, else of the contract, else of the
        county; None where none was supplied."""
        if enrollment is None:
            return None
        for contract, county in (
            (enrollment.contract, enrollment.county),
            (enrollment.contract, ""),
            ("", enrollment.county),
        ):
            found = self._rates.get((enrollment.program, enrollment.payment_year, contract, county))
            if (contract or county) and found is not None:
                return found
        return None

    def cost(self, active: timedelta, charts: int) -> Cost | None:
        """None where no cost of an hour was given, or there is nothing to share it out over."""
        return Cost(active, charts, self.hour) if self.hour is not None and charts else None

    def estimate(self, differences: Iterable[tuple[Enrollment | None, Decimal]]) -> Estimate:
        """(enrollment, difference of payment scores) of each member -> what they come to together."""
        monthly, members, without = Decimal(0), 0, 0
        for enrollment, difference in differences:
            rate = self.of(enrollment)
            if rate is None:
                without += 1
            else:
                monthly += rate * difference
                members += 1
        return Estimate(monthly, members, without)
