"""What a record is good for: the best records of each HCC for an audit, and why an HCC is lost, one reason each.

An HCC here is a payment HCC of the project's first program, in the payment year of the chart's service year.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Prefetch

from coding import scores
from coding.acceptability import INVALID, NO, Candidate, best_records
from coding.models import Chart, Decision, Encounter, Project, Suggestion
from coding.release import DELETE, actions_of, standing_codes
from coding.validity import Validity, chart_validity, rules_of, with_record
from coding.workflow import FINISHED, Outcome, SpanLabel, SuggestionKind, SuggestionStatus

MEAT = {SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT}
AT_ONCE = 100

# Why an HCC is lost, in the order in which they are asked: the first that holds is the one reason.
REJECTED = "rejected"
INVALID_ENCOUNTER = "invalid encounter"
NOT_LINKED = "not linked"
NOT_CODED = "documented, not coded"
NOT_SPECIFIC = "coded, not specific"
DELETED = "deleted"
NOT_SUPPORTED = "not supported"
NOT_DOCUMENTED = "not documented"
REASONS = (
    REJECTED, INVALID_ENCOUNTER, NOT_LINKED, NOT_CODED, NOT_SPECIFIC, DELETED, NOT_SUPPORTED, NOT_DOCUMENTED,
)  # fmt: skip
# A declined addition's reason says what the record lacks. What was captured already is not lost.
OF_REJECTION = {
    "not-documented": NOT_DOCUMENTED,
    "negated": NOT_DOCUMENTED,
    "historical": NOT_DOCUMENTED,
    "family": NOT_DOCUMENTED,
    "other-date": NOT_DOCUMENTED,
    "invalid-source": INVALID_ENCOUNTER,
    "less-specific": NOT_SPECIFIC,
    "already-captured": "",
}
# Another code was put because the first was not precise, and not because it was wrong.
MORE_PRECISE = ("specificity", "laterality", "combination")


@dataclass(frozen=True)
class BestRecord:
    """A record that an audit would be sent for an HCC. letters: how many of M, E, A, T are shown on that date."""

    hcc: str
    rank: int
    codes: tuple[str, ...]
    encounter: Encounter
    radv: str
    letters: int
    open_checks: int


@dataclass(frozen=True)
class Loss:
    """An HCC that was not on a valid claim. recovered: the second pass put it there, on a date that counts."""

    chart: int
    hcc: str
    code: str
    reason: str
    recovered: bool
    provider: str
    npi: str
    coder: str
    encounter_id: str
    day: date


# --- Best records --------------------------------------------------------------------------------------------------


def best_of_chart(chart: Chart, encounters: Sequence[Encounter], found: Mapping[int, Validity]) -> list[BestRecord]:
    """The best records of each HCC that stands on the chart now, best first, as many as an audit takes."""
    decisions = _decisions([chart.pk]).get(chart.pk, [])
    return _best(chart, encounters, found, decisions)


def project_best(project: Project, today: date) -> Iterator[tuple[Chart, list[BestRecord]]]:
    """Every finished chart with its best records, in a number of queries that does not grow with the dates."""
    for chart, encounters, found, decisions, _ in _charts(project, today):
        yield chart, _best(chart, encounters, found, decisions)


def _best(
    chart: Chart, encounters: Sequence[Encounter], found: Mapping[int, Validity], decisions: Sequence[Decision]
) -> list[BestRecord]:
    if not (programs := scores.programs(chart)):
        return []
    program, year = programs[0], scores.payment_year(chart, programs[0])
    letters: dict[tuple[int, str], int] = {}
    for decision in decisions:
        shown = {span.label for span in decision.suggestion.evidence.all()} & MEAT
        for action, code in actions_of(decision):
            if action != DELETE:
                letters[decision.suggestion.encounter_id, code] = len(shown)
    of_hcc: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for pk, codes in standing_codes(encounters, decisions).items():
        for code in sorted(codes):
            for hcc in scores.payment_hccs(program, year, code):
                of_hcc[hcc][pk].append(code)
    rows = {encounter.pk: encounter for encounter in encounters}
    by_id = {encounter.encounter_id: encounter for encounter in encounters}
    best: list[BestRecord] = []
    for hcc in sorted(of_hcc, key=lambda name: (len(name), name)):
        candidates = []
        for pk, carried in of_hcc[hcc].items():
            encounter, assessment = rows[pk], found[pk].standings[0].assessment
            open_checks = sum(check.open for check in assessment.checks.values())
            shown_letters = max(letters.get((pk, code), 0) for code in carried)
            candidates.append(
                Candidate(
                    encounter.encounter_id, encounter.date_through, assessment.radv, shown_letters,
                    encounter.setting == "inpatient", open_checks,
                )
            )  # fmt: skip
        for rank, one in enumerate(best_records(candidates), start=1):
            encounter = by_id[one.encounter_id]
            carried = of_hcc[hcc][encounter.pk]
            best.append(BestRecord(hcc, rank, tuple(carried), encounter, one.radv, one.letters, one.open_checks))
    return best


# --- Documentation gaps --------------------------------------------------------------------------------------------


def project_losses(project: Project, today: date, service_year: int | None = None) -> Iterator[Loss]:
    """Every lost HCC of the finished charts, with exactly one reason."""
    for chart, encounters, found, decisions, suggestions in _charts(project, today, service_year):
        yield from losses(chart, encounters, found, decisions, suggestions)


def losses(
    chart: Chart,
    encounters: Sequence[Encounter],
    found: Mapping[int, Validity],
    decisions: Sequence[Decision],
    suggestions: Sequence[Suggestion],
) -> list[Loss]:
    """The HCCs of a chart that no valid claim carried. The first reason of REASONS that holds is the one."""
    if not (programs := scores.programs(chart)):
        return []
    program, year = programs[0], scores.payment_year(chart, programs[0])
    rows = {encounter.pk: encounter for encounter in encounters}
    standing = {decision.suggestion_id: decision for decision in decisions}
    claimed: dict[str, list[Suggestion]] = defaultdict(list)  # on a claim, and it stays there
    put: dict[str, list[tuple[str, Suggestion]]] = defaultdict(list)  # by the second pass
    gone: dict[str, list[tuple[str, Suggestion]]] = defaultdict(list)  # not there after all, and why
    code_of: dict[tuple[str, int], str] = {}

    def note(where: dict[str, list[tuple[str, Suggestion]]], code: str, why: str, suggestion: Suggestion) -> None:
        for hcc in scores.payment_hccs(program, year, code):
            where[hcc].append((why, suggestion))
            code_of[hcc, suggestion.pk] = code

    for suggestion in suggestions:
        decision, status = standing.get(suggestion.pk), suggestion.status
        is_check = suggestion.kind == SuggestionKind.CHECK
        if is_check and status in (SuggestionStatus.KEPT, SuggestionStatus.OPEN, SuggestionStatus.QUERIED):
            for hcc in scores.payment_hccs(program, year, suggestion.icd10):
                claimed[hcc].append(suggestion)
                code_of[hcc, suggestion.pk] = suggestion.icd10
        elif status == SuggestionStatus.DELETED:
            note(gone, suggestion.icd10, DELETED, suggestion)
        elif status == SuggestionStatus.CHANGED and decision:
            precise = decision.reason in MORE_PRECISE
            if is_check:
                note(gone, suggestion.icd10, NOT_SPECIFIC if precise else DELETED, suggestion)
            note(put, decision.icd10, NOT_SPECIFIC if is_check and precise else NOT_CODED, suggestion)
        elif status == SuggestionStatus.ACCEPTED:
            note(put, suggestion.icd10, NOT_CODED, suggestion)
        elif status == SuggestionStatus.OPEN:
            note(gone, suggestion.icd10, NOT_CODED, suggestion)
        elif status == SuggestionStatus.QUERIED:
            note(gone, suggestion.icd10, NOT_SUPPORTED, suggestion)
        elif (
            status == SuggestionStatus.REJECTED
            and decision
            and (why := OF_REJECTION.get(decision.reason, NOT_SUPPORTED))
        ):
            note(gone, suggestion.icd10, why, suggestion)

    def barred(suggestion: Suggestion) -> str:
        return _bar(rows[suggestion.encounter_id], found[suggestion.encounter_id])

    # What is on a valid claim anyway: an HCC that it outranks is no loss, for it would pay nothing.
    on_valid_claims = {one.icd10 for found_on in claimed.values() for one in found_on if not barred(one)}
    lost: list[Loss] = []
    for hcc in sorted({*claimed, *put, *gone}, key=lambda name: (len(name), name)):
        on_claims = [(barred(one), one) for one in claimed[hcc]]
        added = [(barred(one), why, one) for why, one in put[hcc]]
        if any(not bar for bar, _ in on_claims):
            continue
        recovered = any(not bar for bar, _, _ in added)
        if on_claims:
            why, about = _first(on_claims)
        elif recovered:
            why, about = _first([(why, one) for bar, why, one in added if not bar])
        elif added:
            why, about = _first([(bar, one) for bar, _, one in added])
        else:
            why, about = _first(gone[hcc])
        code = code_of[hcc, about.pk]
        if hcc in scores.trumped_hccs(program, year, frozenset({*on_valid_claims, code})):
            continue
        encounter, answered = rows[about.encounter_id], standing.get(about.pk)
        lost.append(
            Loss(
                chart.pk,
                hcc,
                code,
                why,
                recovered,
                encounter.provider_name or encounter.provider_npi or "not named",
                encounter.provider_npi,
                answered.decided_by.display_name if answered else "not answered",
                encounter.encounter_id,
                encounter.date_from,
            )
        )
    return lost


def _first(found: Iterable[tuple[str, Suggestion]]) -> tuple[str, Suggestion]:
    return min(found, key=lambda item: (REASONS.index(item[0]), item[1].pk))


def _bar(encounter: Encounter, validity: Validity) -> str:
    """Why a code on this date counts in no program, or ""."""
    assessments = [one.assessment for one in validity.standings]
    if not assessments or any(one.counts != NO for one in assessments):
        return ""
    claim = getattr(encounter, "claim", None)
    if all(one.link in (INVALID, "audio-only") for one in assessments):
        return INVALID_ENCOUNTER
    return REJECTED if claim and (claim.accepted is False or claim.icn) else NOT_LINKED


# --- Reading -------------------------------------------------------------------------------------------------------

Read = tuple[Chart, list[Encounter], dict[int, Validity], list[Decision], list[Suggestion]]


def _charts(project: Project, today: date, service_year: int | None = None) -> Iterator[Read]:
    """The finished charts of a project with what is asked of them, a hundred at a time."""
    rules = rules_of(project)
    charts = Chart.objects.filter(member__project=project, status__in=FINISHED)
    if service_year:
        charts = charts.filter(service_year=service_year)
    ids = list(charts.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        decisions = _decisions(some)
        suggestions: dict[int, list[Suggestion]] = defaultdict(list)
        for suggestion in Suggestion.objects.live().filter(chart__in=some).order_by("pk"):
            suggestions[suggestion.chart_id].append(suggestion)
        loaded = (
            Chart.objects.filter(pk__in=some)
            .select_related("member__project")
            .prefetch_related("member__enrollments", Prefetch("encounters", with_record(Encounter.objects.all())))
            .order_by("pk")
        )
        for chart in loaded:
            encounters = list(chart.encounters.all())
            found = chart_validity(chart, encounters, today, rules)
            yield chart, encounters, found, decisions.get(chart.pk, []), suggestions[chart.pk]


def _decisions(charts: Sequence[int]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = defaultdict(list)
    standing = (
        Decision.objects.standing()
        .filter(suggestion__chart__in=charts)
        .exclude(outcome=Outcome.REOPEN)
        .select_related("suggestion", "decided_by")
        .prefetch_related("suggestion__evidence")
        .order_by("pk")
    )
    for decision in standing:
        found[decision.suggestion.chart_id].append(decision)
    return found
