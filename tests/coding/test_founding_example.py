"""The example that the product starts from.

A first-pass coder overlooked CKD stage 3b, documented in the assessment. The second pass shows it with its MEAT
evidence; accepting it moves the score by what the model says: more than the coefficient, for the interaction with heart
failure.
"""

import json
from decimal import Decimal

import pytest

from coding import scores, tasks
from coding.actions import charts, qa, queues, suggestions
from coding.intake import chart_file
from coding.models import Chart, Note, QAReview, Role
from coding.reports import Period, capture
from coding.workflow import ChartStatus, Outcome, SuggestionKind
from tests import make

NOTE = """\
HPI: 72 year old woman seen for diabetes and heart failure follow-up. Weight stable, no edema.

Medications: metformin 500 mg daily, carvedilol 12.5 mg twice daily, furosemide 40 mg daily, losartan 50 mg daily.

Labs: A1c 7.2, creatinine 1.5, eGFR 37 (37 six months ago).

ASSESSMENT AND PLAN:
1. Type 2 diabetes with diabetic chronic kidney disease. A1c at goal, continue metformin.
2. Chronic diastolic heart failure, compensated. Continue furosemide and carvedilol.
3. CKD stage 3b. eGFR stable at 37. Continue losartan, avoid NSAIDs, recheck BMP in 3 months, refer to nephrology.
"""


@pytest.mark.django_db
def test_an_overlooked_ckd_stage_3b_is_shown_accepted_audited_and_reported() -> None:
    project = make.project()
    coder, lead = make.person(Role.CODER, project), make.person(Role.QA_LEAD, project)
    line = make.chart_line(
        make.encounter(NOTE, "2025-03-02", ["E11.22", "I50.32"]),
        service_year=2025,
        enrollments=[make.enrollment(payment_year=2026)],
    )

    # From file to suggestion
    charts.import_charts(chart_file.read(json.dumps(line)), project=project, by=lead)
    assert tasks.analyse(Note.objects.get().pk)
    chart = queues.claim_next(by=coder)
    assert chart is not None
    missed = chart.suggestions.get(kind=SuggestionKind.ADD)
    assert missed.icd10 == "N18.32"
    quotes = dict(missed.evidence.values_list("label", "quote"))
    assert {"monitor", "evaluate", "assess", "treat"} <= quotes.keys()
    assert all(span.note.text[span.start : span.end] == span.quote for span in missed.evidence.all())
    assert dict(chart.suggestions.filter(kind=SuggestionKind.CHECK).values_list("icd10", "verdict")) == {
        "E11.22": "supported",
        "I50.32": "supported",
    }

    # The delta is the model's, not the coefficient's
    [panel] = scores.chart_scores(chart)
    assert (panel.baseline.raw, panel.baseline.payment) == (Decimal("1.033"), Decimal("0.911"))
    delta = panel.deltas[missed.pk]
    assert (delta.raw, delta.payment) == (Decimal("0.303"), Decimal("0.267"))
    assert delta.reasons == ("HCC 328 +0.127", "HF_KIDNEY_V28 +0.176")

    # To decision: the existing codes as well, or the chart does not finish
    suggestions.decide(suggestion=missed, outcome=Outcome.ACCEPT, by=coder)
    with pytest.raises(queues.StillOpen):
        queues.finish(chart=chart, by=coder)
    for check in chart.suggestions.open():
        suggestions.decide(suggestion=check, outcome=Outcome.KEEP, by=coder)
    [panel] = scores.chart_scores(chart)
    assert (panel.now.raw, panel.now.payment) == (Decimal("1.336"), Decimal("1.178"))
    chart = Chart.objects.get()
    queues.finish(chart=chart, by=coder)

    # To audit
    sample = qa.draw_sample(project=project, percentage=100, seed=1, by=lead)
    for review in sample.reviews.all():
        kind = review.decision.suggestion.kind
        own = Outcome.ACCEPT if kind == SuggestionKind.ADD else Outcome.KEEP
        qa.answer_blind(review=review, outcome=own, by=lead)
        qa.settle(review=review, verdict=QAReview.Verdict.AGREE, by=lead)
    assert qa.conclude(chart=chart, by=lead) == ChartStatus.CLOSED

    # To report
    today = missed.decisions.get().decided_at.date()
    report = capture(project, Period(today, today))
    assert (report.totals.charts, report.totals.additions, report.totals.keeps, report.totals.deletions) == (1, 1, 2, 0)
    [row] = report.scores
    assert (row.before, row.after, row.change) == (Decimal("0.911"), Decimal("1.178"), Decimal("0.267"))
    [coder_row] = report.coders
    assert (coder_row.agreed, coder_row.audited) == (3, 3)
