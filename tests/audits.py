"""Charts as QA meets them: coded, drawn, audited. Everything goes through the real actions.

chart = audits.coded_chart(project, coder, answers={"N18.32": {"outcome": Outcome.REJECT, "reason": "negated"}})
audits.drawn(chart, by=lead)
"""

from typing import Any

from coding.actions import qa, queues, suggestions
from coding.models import Chart, QAReview, QASample, User
from coding.workflow import Outcome, SuggestionKind
from tests import pages

PLAIN = {SuggestionKind.ADD: Outcome.ACCEPT, SuggestionKind.CHECK: Outcome.KEEP}


def answer_all(chart: Chart, coder: User, answers: dict[str, dict[str, Any]] | None = None) -> None:
    """Accept every addition and keep every code, but for what `answers` says: code -> arguments of `decide`."""
    for suggestion in chart.suggestions.open():
        said = {"outcome": PLAIN[suggestion.kind]} | (answers or {}).get(suggestion.icd10, {})
        suggestions.decide(suggestion=suggestion, by=coder, **said)


def coded_chart(
    project: Any, coder: User, *days: pages.Day, answers: dict[str, dict[str, Any]] | None = None, **fields: Any
) -> Chart:
    """A chart that the coder finished."""
    chart = pages.held_chart(project, coder, *days, **fields)
    answer_all(chart, coder, answers)
    queues.finish(chart=chart, by=coder)
    chart.refresh_from_db()
    return chart


def drawn(chart: Chart, *, by: User, seed: int = 7) -> QASample:
    """A sample of all that is coded in the chart's project."""
    sample = qa.draw_sample(project=chart.project, percentage=100, seed=seed, by=by)
    chart.refresh_from_db()
    return sample


def review_of(chart: Chart, code: str) -> QAReview:
    return qa.reviews_of(chart).get(decision__suggestion__icd10=code)


def same_answer(review: QAReview, *, by: User) -> QAReview:
    """The auditor's own answer, equal to the coder's."""
    decision = review.decision
    return qa.answer_blind(
        review=review,
        outcome=Outcome(decision.outcome),
        by=by,
        icd10_code=decision.icd10 if decision.outcome == Outcome.CHANGE else "",
        reason=decision.reason,
    )


def settled(chart: Chart, *, by: User, overturn: tuple[str, ...] = (), words: str = "See the plan.") -> None:
    """Every decision answered and settled: agreed, but for the codes to overturn."""
    for review in qa.reviews_of(chart):
        same_answer(review, by=by)
        wrong = review.decision.suggestion.icd10 in overturn
        verdict = QAReview.Verdict.OVERTURN if wrong else QAReview.Verdict.AGREE
        qa.settle(review=review, verdict=verdict, by=by, comment=words if wrong else "")


def audited_chart(
    project: Any, coder: User, lead: User, *days: pages.Day, overturn: tuple[str, ...] = (), **fields: Any
) -> Chart:
    """A chart whose audit is concluded: closed, or returned with the codes overturned."""
    chart = coded_chart(project, coder, *days, **fields)
    drawn(chart, by=lead)
    settled(chart, by=lead, overturn=overturn)
    qa.conclude(chart=chart, by=lead)
    chart.refresh_from_db()
    return chart
