"""How far auditors and coders agree."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from coding.models import QAReview, QASample
from coding.proportions import cohens_kappa, share, wilson
from coding.workflow import Outcome

# What an answer says about the code, so that additions and checks are judged by one scale.
SAYS = {
    Outcome.ACCEPT: "stands",
    Outcome.KEEP: "stands",
    Outcome.REJECT: "goes",
    Outcome.DELETE: "goes",
    Outcome.CHANGE: "another code",
    Outcome.QUERY: "ask",
}


@dataclass(frozen=True)
class Agreement:
    """How far auditor and coder agree on the decisions of one sample.

    reviews: decisions drawn. answered: those with the auditor's own, blind answer. same: blind answers that equal the
    coder's, the code included. kappa: Cohen's, of the blind answers. settled, agreed: after both answers were seen.
    low, high: 95 % Wilson interval of agreed among settled.
    """

    reviews: int = 0
    answered: int = 0
    same: int = 0
    kappa: Decimal | None = None
    settled: int = 0
    agreed: int = 0
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def share(self) -> Decimal | None:
        return share(self.agreed, self.settled)


class Audited(NamedTuple):
    """Two answers to one question, and the verdict, as far as there are any."""

    own: str
    own_code: str
    theirs: str
    their_code: str
    verdict: str

    @property
    def is_same(self) -> bool:
        """The same answer; a change only if it puts the same code."""
        return self.own == self.theirs and (self.own != Outcome.CHANGE or self.own_code == self.their_code)


def agreements(samples: Iterable[QASample]) -> dict[int, Agreement]:
    """The agreement in each sample, in one query."""
    found = QAReview.objects.filter(sample__in=list(samples)).values_list(
        "sample", "own_outcome", "own_icd10", "decision__outcome", "decision__icd10", "verdict"
    )
    of_sample: dict[int, list[Audited]] = defaultdict(list)
    for sample, *row in found:
        of_sample[sample].append(Audited(*row))
    return {sample: agreement(audited) for sample, audited in of_sample.items()}


def agreement(audited: Iterable[Audited]) -> Agreement:
    drawn = list(audited)
    answered = [one for one in drawn if one.own]
    settled = [one for one in drawn if one.verdict]
    agreed = sum(one.verdict == QAReview.Verdict.AGREE for one in settled)
    low, high = wilson(agreed, len(settled)) or (None, None)
    return Agreement(
        reviews=len(drawn),
        answered=len(answered),
        same=sum(one.is_same for one in answered),
        kappa=cohens_kappa([(SAYS[Outcome(one.own)], SAYS[Outcome(one.theirs)]) for one in answered]),
        settled=len(settled),
        agreed=agreed,
        low=low,
        high=high,
    )
