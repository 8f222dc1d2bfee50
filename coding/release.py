"""What may leave: the answers of charts past the gate, each with its link, its flags, and what still holds it.

The gate: no answer of a chart leaves while an existing code on it is undecided. Past it, an addition or a deletion is

    ready             it can be submitted
    held              a person has to do something first: close the chart, review a high-risk code, answer for a record
    not submittable   nothing that a person does here makes it count: unlinked, audio only, a closed year

Reads only. `actions.compliance` has the writes that lift a hold.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from coding import scores
from coding.acceptability import HOLD, INVALID, NO, NOT_MET, Book, Flag
from coding.assessments import assessed, keys_of, remembered
from coding.models import (
    Chart,
    Decision,
    Encounter,
    FinishedReview,
    FirstPassCode,
    Project,
    QAReview,
    Reopening,
    SecondReview,
    Suggestion,
    TrailEvent,
)
from coding.refusals import Refused
from coding.validity import Standing, Validity, charts_with_record, rules_of
from coding.workflow import FINISHED, ChartStatus, Outcome, SuggestionKind, SuggestionStatus

READY = "ready"
HELD = "held"
NOT_SUBMITTABLE = "not submittable"

ADD = "add"
DELETE = "delete"
KEEP = "keep"

STATES = "release states"
PAYMENTS = "payments"
AT_ONCE = 500  # charts in memory together, without their notes


class GateClosed(Refused):
    """Nothing of the chart may leave. The message says why."""


@dataclass(frozen=True)
class Line:
    """One thing to do with one code on one date of service. A changed code is two: one goes, one comes.

    holds: what a person has to do first. bars: why it cannot be submitted at all. correction: an export from before the
    chart was opened again said otherwise. sent: one said the same.
    """

    decision: Decision
    action: str
    code: str
    validity: Validity
    flags: tuple[Flag, ...]
    second: str
    holds: tuple[str, ...]
    bars: tuple[str, ...]
    correction: bool = False
    sent: bool = False

    @property
    def encounter(self) -> Encounter:
        return self.decision.suggestion.encounter

    @property
    def state(self) -> str:
        return NOT_SUBMITTABLE if self.bars else HELD if self.holds else READY

    @property
    def is_sent(self) -> bool:
        """Whether it is in a submission, or asks for a second reviewer: a code that is kept is neither by itself."""
        return self.action != KEEP or bool(self.flags)

    @property
    def earlier_export(self) -> str:
        """What the line is to an export from before the chart was opened again; "" where there was none."""
        return "corrects it" if self.correction else "said the same" if self.sent else ""

    @property
    def needs_second(self) -> bool:
        return bool(self.flags) and not self.second

    @property
    def links(self) -> list[Standing]:
        return list(self.validity.standings)

    @property
    def icn(self) -> str:
        claim = getattr(self.encounter, "claim", None)
        return claim.icn if claim and claim.accepted else ""


def check_gate(chart: Chart) -> None:
    """Raises GateClosed while the chart is not finished, or an existing code on it is undecided."""
    undecided = chart.suggestions.open().filter(kind=SuggestionKind.CHECK).count()
    if undecided:
        noun = "existing code is" if undecided == 1 else "existing codes are"
        raise GateClosed(f"Nothing of chart {chart.pk} may leave: {undecided} {noun} undecided.")
    if chart.status not in FINISHED:
        raise GateClosed(f"Nothing of chart {chart.pk} may leave: it is {chart.get_status_display().lower()}.")


def chart_lines(chart: Chart, today: date) -> list[Line]:
    """The chart's lines, in the order of their dates. Raises GateClosed."""
    check_gate(chart)
    [(_, lines)] = _lines([chart.pk], today, rules_of(chart.project))
    return lines


def project_lines(project: Project, today: date) -> Iterator[tuple[Chart, list[Line]]]:
    """Every chart past the gate with its lines. The charts that are not past it are left out, whole."""
    return lines_of(past_the_gate(Chart.objects.filter(member__project=project)), today, rules_of(project))


def lines_of(charts: Sequence[int], today: date, rules: Book) -> Iterator[tuple[Chart, list[Line]]]:
    """The charts, of one project and past the gate, with their lines."""
    for start in range(0, len(charts), AT_ONCE):
        yield from _lines(list(charts[start : start + AT_ONCE]), today, rules)


def states_of(charts: Collection[int], today: date, rules: Book) -> dict[int, list[str]]:
    """By chart, of those past the gate, the states of what it would send, and of what a second reviewer is asked
    about. Kept with each chart: only what has changed is worked out."""

    def ask(some: list[int]) -> dict[int, list[str]]:
        found = lines_of(some, today, rules)
        return {chart.pk: [line.state for line in lines if line.is_sent] for chart, lines in found}

    return remembered(STATES, keys_of(charts, today, rules), ask)


def past_the_gate(charts: QuerySet[Chart]) -> list[int]:
    """Those that are finished and on which no existing code is undecided."""
    undecided = Suggestion.objects.open().filter(kind=SuggestionKind.CHECK, chart=OuterRef("pk"))
    finished = charts.filter(~Exists(undecided), status__in=FINISHED)
    return list(finished.order_by("pk").values_list("pk", flat=True))


def _lines(ids: list[int], today: date, rules: Book) -> Iterator[tuple[Chart, list[Line]]]:
    decisions: dict[int, list[Decision]] = defaultdict(list)
    for decision in (
        Decision.objects.past_the_gate()
        .filter(suggestion__chart__in=ids)
        .select_related("suggestion", "decided_by", "second_review__reviewer")
        .prefetch_related(Prefetch("qa_reviews", QAReview.objects.select_related("auditor")))
        .order_by("suggestion__encounter__date_from", "suggestion__icd10", "pk")
    ):
        decisions[decision.suggestion.chart_id].append(decision)
    charts = list(charts_with_record(Chart.objects.filter(pk__in=ids), texts=False).order_by("pk"))
    codes = {chart.pk: standing_codes(chart.encounters.all(), decisions[chart.pk]) for chart in charts}
    known = assessed(charts, codes, today, rules)
    sent = gone_out(ids)
    for chart in charts:
        validity, flags = known[chart.pk].validity, known[chart.pk].flags
        rows = {encounter.pk: encounter for encounter in chart.encounters.all()}
        found: list[Line] = []
        for decision in decisions[chart.pk]:
            decision.suggestion.encounter = rows[decision.suggestion.encounter_id]
            pk = decision.suggestion.encounter_id
            before = sent.get(decision.suggestion_id, {})
            corrections = corrections_of(decision, codes[chart.pk][pk], before)
            for action, code in (*actions_of(decision), *corrections):
                risky = tuple(flags.get((pk, code), ())) if action != DELETE else ()
                line = _line(chart, decision, action, code, validity[pk], risky)
                is_correction = (action, code) in corrections
                found.append(replace(line, correction=is_correction, sent=before.get(code) == action))
        yield chart, found


# --- What it would be paid -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Payment:
    """A chart's payment scores in a program as they would be paid: with the first-pass codes, and with the answers that
    stand. known: false where it is not known whether a record counts; scored: false where nothing can be scored."""

    program: str
    payment_year: int
    scored: bool
    known: bool
    before: Decimal
    after: Decimal


def payments_of(charts: Collection[int], today: date, rules: Book) -> dict[int, list[Payment]]:
    """By chart, of one project and past the gate, its programs in their order. Kept with each chart."""

    def ask(some: list[int]) -> dict[int, list[list[object]]]:
        decisions: dict[int, list[Decision]] = defaultdict(list)
        standing = Decision.objects.past_the_gate().filter(suggestion__chart__in=some).select_related("suggestion")
        for decision in standing.order_by("pk"):
            decisions[decision.suggestion.chart_id].append(decision)
        loaded = list(charts_with_record(Chart.objects.filter(pk__in=some), texts=False).order_by("pk"))
        codes = {chart.pk: standing_codes(chart.encounters.all(), decisions[chart.pk]) for chart in loaded}
        found = {pk: one.validity for pk, one in assessed(loaded, codes, today, rules).items()}
        return {pk: [_as_json(panel) for panel in panels] for pk, panels in scores.paid_of(loaded, found).items()}

    kept = remembered(PAYMENTS, keys_of(charts, today, rules), ask)
    return {pk: [_payment(*facts) for facts in of_chart] for pk, of_chart in kept.items()}


def _payment(program: str, year: int, scored: bool, known: bool, before: str, after: str) -> Payment:
    return Payment(program, year, scored, known, Decimal(before), Decimal(after))


def _as_json(panel: scores.Panel) -> list[object]:
    """As the fields of Payment."""
    if panel.paid is None:
        return [panel.program, panel.payment_year, False, False, "0.000", "0.000"]
    before, after = panel.paid.baseline.payment, panel.paid.now.payment
    known = before.amount is not None and after.amount is not None
    return [panel.program, panel.payment_year, True, known, str(before.sure), str(after.sure)]


# --- What went out before a chart was opened again -----------------------------------------------------------------


def gone_out(charts: Collection[int]) -> dict[int, dict[str, str]]:
    """By suggestion and code, what the last export said (add, delete) before its chart was opened again."""
    said: dict[int, dict[str, str]] = defaultdict(dict)
    for sent in Reopening.objects.filter(chart__in=charts).order_by("pk").values_list("sent", flat=True):
        for suggestion, action, code in sent:
            said[suggestion][code] = action
    return said


def corrections_of(decision: Decision, standing: Collection[str], sent: Mapping[str, str]) -> list[tuple[str, str]]:
    """What takes back an earlier export: an addition that went out and does not stand is deleted, and a deletion that
    went out of a code that stands is added again; unless the answer does so itself."""
    does = actions_of(decision)
    undone = [(DELETE if action == ADD else ADD, code) for code, action in sent.items()]
    return [one for one in undone if one not in does and (one[1] in standing) == (one[0] == ADD)]


def sent_of(chart: Chart) -> tuple[list[list[Any]], list[int]]:
    """([[suggestion, action, code], ...], the events' numbers in the trail): what exports of the submission held of a
    closed chart since it was closed. A script that read its release through the API may have sent it too."""
    since = TrailEvent.objects.filter(project=chart.project, at__gte=chart.status_since).order_by("number")
    made = [one for one in since.filter(action="export.made") if one.details.get("export") == "submission"]
    seen = list(since.filter(action="chart.release_seen", subject_type="chart", subject_id=chart.pk))
    if not made and not seen:
        return [], []
    sent = []
    for line in chart_lines(chart, timezone.localdate()):
        day = timezone.localdate(line.decision.decided_at).isoformat()
        held = bool(seen) or any(one.details["first"] <= day <= one.details["last"] for one in made)
        if held and line.state == READY and line.action != KEEP:
            sent.append([line.decision.suggestion_id, line.action, line.code])
    return sent, sorted(one.number for one in (*made, *seen)) if sent else []


# --- Codes and answers ---------------------------------------------------------------------------------------------


def actions_of(decision: Decision) -> list[tuple[str, str]]:
    """What the answer does: (add, delete or keep; the code). A query and a rejection do nothing."""
    suggestion = decision.suggestion
    match decision.outcome:
        case Outcome.ACCEPT:
            return [(ADD, decision.icd10)]
        case Outcome.DELETE:
            return [(DELETE, suggestion.icd10)]
        case Outcome.KEEP:
            return [(KEEP, suggestion.icd10)]
        case Outcome.CHANGE:
            gone = [(DELETE, suggestion.icd10)] if suggestion.kind == SuggestionKind.CHECK else []
            return [*gone, (ADD, decision.icd10)]
    return []


def standing_codes(encounters: Iterable[Encounter], decisions: Iterable[Decision]) -> dict[int, set[str]]:
    """The codes that stand on each encounter after the answers."""
    codes = {encounter.pk: {code.icd10 for code in encounter.first_pass_codes.all()} for encounter in encounters}
    for decision in decisions:
        of_encounter = codes[decision.suggestion.encounter_id]
        for action, code in actions_of(decision):
            if action == DELETE:
                of_encounter.discard(code)
            else:
                of_encounter.add(code)
    return codes


def _line(
    chart: Chart, decision: Decision, action: str, code: str, validity: Validity, flags: tuple[Flag, ...]
) -> Line:
    second = second_reviewer(decision)
    holds: list[str] = []
    bars: list[str] = []
    if chart.status != ChartStatus.CLOSED:
        holds.append("QA has not closed the chart.")
    if action != DELETE:
        holds += [] if second else [_asks(flag) for flag in flags]
        refused = getattr(decision, "second_review", None)
        if flags and refused and not refused.agrees:
            holds.append(f"The second reviewer does not agree: {refused.comment}")
    if action == ADD:
        more, never = _record(validity)
        holds += more
        bars += never
    claim = getattr(decision.suggestion.encounter, "claim", None)
    if action == DELETE and not (claim and claim.accepted and claim.icn):
        bars.append("There is no ICN of an accepted claim: a deletion has to name the record that it corrects.")
    return Line(decision, action, code, validity, flags, second, tuple(holds), tuple(bars))


def _asks(flag: Flag) -> str:
    missing = " and ".join(flag.missing) or "corroboration"
    return f"High-risk group “{flag.group}”: {missing} is missing. A second credentialed reviewer is needed."


def _record(validity: Validity) -> tuple[list[str], list[str]]:
    """(what a person has to answer for, why an addition counts nowhere)."""
    assessments = [one.assessment for one in validity.standings]
    if not assessments:
        return ["The project scores no program, so nothing says whether the record counts."], []
    checks = {check.check: check for one in assessments for check in one.checks.values()}
    holds = [
        f"{check.check}: {check.why} An override by compliance is needed."
        for check in checks.values()
        if check.fails or (check.answer == NOT_MET and check.severity == HOLD and check.verified and check.open)
    ]
    if any(one.payment != NO for one in assessments) or all(one.link == INVALID for one in assessments):
        return holds, []
    return holds, list(dict.fromkeys(reason for one in validity.standings for reason in one.reasons))


def second_reviewer(decision: Decision) -> str:
    """Who else looked at the code and agrees: a second review, or an audit by somebody with a credential."""
    review: SecondReview | None = getattr(decision, "second_review", None)
    if review:
        return review.reviewer.display_name if review.agrees else ""
    for audit in decision.qa_reviews.all():
        if audit.verdict == QAReview.Verdict.AGREE and audit.auditor and audit.auditor.credential:
            return audit.auditor.display_name
    return ""


@dataclass(frozen=True)
class OneWay:
    """The newest finished charts of a coder (or of the project, blank) added codes and deleted none."""

    coder: str
    charts: int
    additions: int


def one_way(project: Project) -> list[OneWay]:
    """Alerts: as many charts as the policy names, with additions and without a single deletion. The project first."""
    number = project.deletion_alert_after
    reviews = FinishedReview.objects.filter(chart__member__project=project)
    newest = list(reviews.order_by("-pk").values_list("additions", "deletions")[:number])
    found = [("", newest)]
    of_coder: dict[str, list[tuple[int, int]]] = defaultdict(list)
    ranked = reviews.annotate(place=Window(RowNumber(), partition_by=F("coder"), order_by=F("pk").desc()))
    for review in ranked.filter(place__lte=number).select_related("coder").order_by("coder", "-pk"):
        of_coder[review.coder.display_name].append((review.additions, review.deletions))
    found += sorted(of_coder.items())
    return [
        OneWay(coder, number, sum(added for added, _ in counts))
        for coder, counts in found
        if len(counts) == number and any(added for added, _ in counts) and not any(gone for _, gone in counts)
    ]


def held_back(project: Project) -> int:
    """How many finished charts of the project are not past the gate, because an existing code is undecided."""
    return (
        Chart.objects.filter(
            member__project=project,
            status__in=FINISHED,
            suggestions__kind=SuggestionKind.CHECK,
            suggestions__status=SuggestionStatus.OPEN,
        )
        .distinct()
        .count()
    )


def was_submitted(encounter: Encounter, code: str) -> bool:
    """Whether the code may have been paid for: not said to be unsubmitted by every source."""
    reported: list[FirstPassCode] = [one for one in encounter.first_pass_codes.all() if one.icd10 == code]
    return any(one.submitted is not False for one in reported)
