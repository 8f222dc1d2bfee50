"""A coder's own work: pace beside accuracy, and which answers stood. Nobody else is told, and nobody is ranked."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import OuterRef, Q, Subquery

from coding.models import Assignment, Decision, Project, QAReview, Suggestion, User
from coding.proportions import share, wilson
from coding.reports import CoderRow, Period, active_time, finished_in
from coding.workflow import ChartStatus, Outcome, SuggestionKind, family_of


@dataclass(frozen=True)
class Stood:
    """A person's answers on one condition, or on the codes that were there (family ""), and which of them stood.

    yes: accepted or kept; no: rejected or deleted. A change or a query is neither. An answer stood if the final one
    says the same: the newest that was given, or the auditor's where QA overturned that one and it was not rebutted.
    """

    family: str
    yes: int
    yes_stood: int
    no: int
    no_stood: int

    @property
    def acceptance(self) -> Decimal | None:
        return share(self.yes, self.yes + self.no)

    @property
    def final_acceptance(self) -> Decimal | None:
        """What the acceptance came to in the end: a yes that fell counts as no, a no that fell as yes."""
        return share(self.yes_stood + self.no - self.no_stood, self.yes + self.no)


@dataclass(frozen=True)
class Own:
    """A coder's own period: pace beside accuracy, in all and by week (its Monday); answers that stood; what QA
    overturned, newest first, each with the key of its card on the review page (`card`). Nobody is ranked."""

    period: Period
    row: CoderRow
    weeks: tuple[tuple[date, CoderRow], ...]
    stood: tuple[Stood, ...]
    returned: tuple[QAReview, ...]


class Given(NamedTuple):
    """A decision as one's own work is counted from it."""

    pk: int
    suggestion: int
    chart: int
    kind: str
    rule: str
    outcome: str
    by: int
    at: datetime


def own(person: User, project: Project, period: Period) -> Own:
    """The person's own work in one project, from the charts that they finished in the period and the audits that were
    settled in it. Three queries, however much there is."""
    start, end = period.bounds
    finished = finished_in(project, period).filter(coder=person)
    turns = list(finished)
    decisions = Decision.objects.filter(suggestion__chart__in=finished.values("chart")).order_by("pk")
    of_suggestion = ("suggestion", "suggestion__chart", "suggestion__kind", "suggestion__rule")
    given = [Given(*row) for row in decisions.values_list("pk", *of_suggestion, "outcome", "decided_by", "decided_at")]
    # What an audit says is the coder's to know once it is concluded.
    settled = QAReview.objects.filter(sample__project=project, decision__decided_by=person).exclude(
        Q(verdict="") | Q(decision__suggestion__chart__status=ChartStatus.IN_QA)
    )
    of_card = Suggestion.objects.live().filter(
        chart=OuterRef("decision__suggestion__chart"),
        kind=OuterRef("decision__suggestion__kind"),
        icd10=OuterRef("decision__suggestion__icd10"),
    )
    in_period = Q(settled_at__gte=start, settled_at__lt=end)
    reviews = list(
        settled.filter(in_period | Q(decision__suggestion__chart__in=finished.values("chart")))
        .select_related("decision__suggestion__encounter")
        .annotate(card=Subquery(of_card.order_by("pk").values("pk")[:1]))
        .order_by("-settled_at", "-pk")
    )
    audited = [one for one in reviews if one.settled_at and start <= one.settled_at < end]
    mine = [one for one in given if one.by == person.pk]
    turns_of: dict[date, list[Assignment]] = defaultdict(list)
    audits_of: dict[date, list[QAReview]] = defaultdict(list)
    for turn in turns:
        if turn.released_at:
            turns_of[_monday(turn.released_at)].append(turn)
    for one in audited:
        if one.settled_at:
            audits_of[_monday(one.settled_at)].append(one)
    weeks = sorted({*turns_of, *audits_of})
    return Own(
        period,
        own_row(person, turns, mine, audited),
        tuple((week, own_row(person, turns_of[week], mine, audits_of[week])) for week in weeks),
        tuple(stood(person, given, reviews)),
        tuple(one for one in audited if one.verdict == QAReview.Verdict.OVERTURN),
    )


def _monday(moment: datetime) -> date:
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def own_row(person: User, turns: list[Assignment], mine: list[Given], audited: Sequence[QAReview]) -> CoderRow:
    """The person's pace on these turns beside their accuracy in these audits."""
    charts = {turn.chart_id for turn in turns}
    events: dict[int, list[datetime]] = defaultdict(list)
    for turn in turns:
        events[turn.chart_id] += [turn.claimed_at, *([turn.released_at] if turn.released_at else [])]
    last: dict[int, Given] = {}
    for one in mine:
        if one.chart in charts:
            events[one.chart].append(one.at)
            last[one.suggestion] = one
    answers = Counter((one.kind, one.outcome) for one in last.values() if one.outcome != Outcome.REOPEN)
    agreed = sum(one.verdict == QAReview.Verdict.AGREE for one in audited)
    low, high = wilson(agreed, len(audited)) or (None, None)
    add, check = SuggestionKind.ADD, SuggestionKind.CHECK
    return CoderRow(
        coder=person.display_name,
        charts=len(charts),
        decisions=answers.total(),
        additions=answers[add, Outcome.ACCEPT] + answers[add, Outcome.CHANGE],
        deletions=answers[check, Outcome.DELETE],
        active=sum((active_time(moments) for moments in events.values()), timedelta()),
        agreed=agreed,
        audited=len(audited),
        low=low,
        high=high,
    )


YES, NO = (Outcome.ACCEPT, Outcome.KEEP), (Outcome.REJECT, Outcome.DELETE)


def stood(person: User, given: list[Given], reviews: Sequence[QAReview]) -> list[Stood]:
    """What the person first answered, against what is final; most answers first."""
    verdicts = {review.decision.suggestion_id: review for review in reversed(reviews)}  # the newest of each
    first: dict[int, Given] = {}
    final: dict[int, Given] = {}
    for one in given:
        if one.outcome == Outcome.REOPEN:
            # Taken back before QA saw it, it was no answer; afterwards the first one is what is asked about.
            review = verdicts.get(one.suggestion)
            if not (review and review.settled_at and review.settled_at <= one.at):
                first.pop(one.suggestion, None)
            continue
        if one.by == person.pk:
            first.setdefault(one.suggestion, one)
        final[one.suggestion] = one
    counts: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for suggestion, answer in first.items():
        said = _says_yes(answer.outcome)
        newest, review = final[suggestion], verdicts.get(suggestion)
        if review and review.decision_id == newest.pk and review.verdict == QAReview.Verdict.OVERTURN:
            rebutted = review.coder_response == QAReview.CoderResponse.REBUTTED
            end = _says_yes(newest.outcome if rebutted else review.own_outcome)
        else:
            end = _says_yes(newest.outcome)
        if said is not None:
            family = "" if answer.kind == SuggestionKind.CHECK else family_of(answer.rule or "other")
            counts[family][said, said == end] += 1
    rows = [
        Stood(family, c[True, True] + c[True, False], c[True, True], c[False, True] + c[False, False], c[False, True])
        for family, c in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row.yes - row.no, row.family))


def _says_yes(outcome: str) -> bool | None:
    return True if outcome in YES else False if outcome in NO else None
