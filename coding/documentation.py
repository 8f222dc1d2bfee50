"""What a record is good for: the best records of each HCC for an audit, and why an HCC is lost, one reason each.

An HCC here is a payment HCC of one of the project's programs, in the payment year of the chart's service year there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch, QuerySet

from coding import scores
from coding.acceptability import INVALID, NO, Book, Candidate, best_records
from coding.assessments import assessed, keys_of, remembered
from coding.models import Chart, Decision, Encounter, EvidenceSpan, Project, Suggestion, User
from coding.release import DELETE, actions_of, past_the_gate, payments_of, standing_codes, states_of
from coding.validity import Standing, Validity, charts_with_record, rules_of
from coding.workflow import FINISHED, Outcome, SpanLabel, SuggestionKind, SuggestionStatus

MEAT = {SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT}
AT_ONCE = 500  # charts in memory together, without their notes

LOSSES = "losses"
NOT_ANSWERED = "not answered"

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
    """A record that an audit would be sent for an HCC of a program. letters: how many of M, E, A, T are shown on that
    date. reviewed: whether a person's answer stands behind one of the codes; before it, the letters are the rules'."""

    program: str
    payment_year: int
    hcc: str
    rank: int
    codes: tuple[str, ...]
    encounter: Encounter
    radv: str
    letters: int
    open_checks: int
    reviewed: bool


@dataclass(frozen=True)
class Loss:
    """An HCC of a program that was not on a valid claim. recovered: the second pass put it there, on a date that
    counts. failed: for an invalid encounter, the checks that are not met. coder: who answered, with `coder_id`."""

    chart: int
    program: str
    payment_year: int
    hcc: str
    code: str
    reason: str
    recovered: bool
    provider: str
    npi: str
    coder: str
    coder_id: int | None
    encounter_id: str
    day: date
    failed: tuple[str, ...] = ()


# --- Best records --------------------------------------------------------------------------------------------------


def best_of_chart(chart: Chart, encounters: Sequence[Encounter], found: Mapping[int, Validity]) -> list[BestRecord]:
    """The best records of each HCC that stands on the chart now, or is offered, best first, as many as an audit takes,
    in each of the project's programs."""
    return _best(chart, encounters, found, _decisions([chart.pk]).get(chart.pk, []), list(_live([chart.pk])))


def evidence_of(chart: Chart, encounter: Encounter, codes: Collection[str]) -> list[EvidenceSpan]:
    """What a date of service shows of codes that stand on it, or are offered there."""
    standing = {one.suggestion_id: one for one in _decisions([chart.pk]).get(chart.pk, [])}
    shows = []
    for suggestion in chart.suggestions.live().filter(encounter=encounter):
        answer = standing.get(suggestion.pk)
        stands = {code for action, code in actions_of(answer) if action != DELETE} if answer else {suggestion.icd10}
        if stands & set(codes):
            shows.append(suggestion.pk)
    labels = (SpanLabel.MENTION, *MEAT)
    return list(EvidenceSpan.objects.filter(suggestion__in=shows, label__in=labels).order_by("note", "start", "end"))


def project_best(project: Project, today: date) -> Iterator[tuple[Chart, list[BestRecord]]]:
    """Every finished chart with its best records, in a number of queries that does not grow with the dates."""
    finished = Chart.objects.filter(member__project=project, status__in=FINISHED).order_by("pk")
    ids = list(finished.values_list("pk", flat=True))
    for chart, encounters, found, decisions, suggestions in _read(ids, today, rules_of(project)):
        yield chart, _best(chart, encounters, found, decisions, suggestions)


def _best(
    chart: Chart,
    encounters: Sequence[Encounter],
    found: Mapping[int, Validity],
    decisions: Sequence[Decision],
    suggestions: Sequence[Suggestion],
) -> list[BestRecord]:
    codes = standing_codes(encounters, decisions)
    shown = _letters(decisions, suggestions)
    for pk, code in shown:  # an addition that is offered, and not answered
        codes[pk].add(code)
    rows = {encounter.encounter_id: encounter for encounter in encounters}
    best: list[BestRecord] = []
    for place, program in enumerate(scores.programs(chart)):
        year = scores.payment_year(chart, program)
        of_hcc: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for pk, carried in codes.items():
            for code in sorted(carried):
                for hcc in scores.payment_hccs(program, year, code):
                    of_hcc[hcc][pk].append(code)
        for hcc in sorted(of_hcc, key=lambda name: (len(name), name)):
            candidates = []
            for encounter in (one for one in encounters if one.pk in of_hcc[hcc]):
                assessment = found[encounter.pk].standings[place].assessment
                candidates.append(
                    Candidate(
                        encounter.encounter_id,
                        encounter.date_through,
                        assessment.radv,
                        max(shown.get((encounter.pk, code), (0, False))[0] for code in of_hcc[hcc][encounter.pk]),
                        encounter.setting == "inpatient",
                        sum(check.open for check in assessment.checks.values()),
                    )
                )
            for rank, one in enumerate(best_records(candidates), start=1):
                encounter = rows[one.encounter_id]
                on_it = of_hcc[hcc][encounter.pk]
                reviewed = any(shown.get((encounter.pk, code), (0, False))[1] for code in on_it)
                best.append(
                    BestRecord(
                        program, year, hcc, rank, tuple(on_it), encounter, one.radv, one.letters, one.open_checks,
                        reviewed,
                    )
                )  # fmt: skip
    return best


def _letters(
    decisions: Iterable[Decision], suggestions: Iterable[Suggestion]
) -> dict[tuple[int, str], tuple[int, bool]]:
    """How many MEAT letters the date shows for a code, and whether a person answered: by encounter and code.

    Of a code that nobody has answered yet the evidence of the rules is counted. What was declined, deleted or changed
    away is not there.
    """
    standing = {decision.suggestion_id: decision for decision in decisions}
    found: dict[tuple[int, str], tuple[int, bool]] = {}
    for suggestion in suggestions:
        shown = len({span.label for span in suggestion.evidence.all()} & MEAT)
        is_check = suggestion.kind == SuggestionKind.CHECK
        if suggestion.status == SuggestionStatus.OPEN or (is_check and suggestion.status == SuggestionStatus.QUERIED):
            stands = [suggestion.icd10]
        else:
            stands = [code for action, code in actions_of(standing[suggestion.pk]) if action != DELETE]
        for code in stands:
            found[suggestion.encounter_id, code] = shown, suggestion.status != SuggestionStatus.OPEN
    return found


# --- Documentation gaps --------------------------------------------------------------------------------------------


def project_losses(
    project: Project,
    today: date,
    service_year: int | None = None,
    program: str = "",
    *,
    coder: User | None = None,
    npi: str = "",
) -> Iterator[Loss]:
    """Every lost HCC of the finished charts, with exactly one reason, in each of the project's programs or in one.

    coder: those that the person answered for. npi: those of a rendering provider.
    """
    charts = Chart.objects.filter(member__project=project, status__in=FINISHED)
    if service_year:
        charts = charts.filter(service_year=service_year)
    if coder:
        charts = charts.filter(pk__in=coder.assignments.values("chart"))
    if npi:
        charts = charts.filter(pk__in=Encounter.objects.filter(provider_npi=npi).values("chart"))
    kept = losses_of(list(charts.values_list("pk", flat=True)), today, rules_of(project))
    names = {person.pk: person.display_name for person in User.objects.filter(decisions__isnull=False).distinct()}
    for pk in sorted(kept):
        for one in kept[pk]:
            loss = _loss(one, names)
            if (
                (not program or loss.program == program)
                and (not coder or loss.coder_id == coder.pk)
                and (not npi or loss.npi == npi)
            ):
                yield loss


def losses_of(charts: Collection[int], today: date, rules: Book) -> dict[int, list[dict[str, Any]]]:
    """The losses of finished charts of one project, as they are kept with each: only what has changed is worked out."""

    def ask(some: list[int]) -> dict[int, list[dict[str, Any]]]:
        return {read[0].pk: [_kept(one) for one in losses(*read)] for read in _read(some, today, rules)}

    return remembered(LOSSES, keys_of(charts, today, rules), ask)


def keep(chart: Chart, today: date) -> None:
    """Work out now what the pages over many charts say of this one, so that none of them has to."""
    rules = rules_of(chart.project)
    past = past_the_gate(Chart.objects.filter(pk=chart.pk))
    states_of(past, today, rules)
    payments_of(past, today, rules)
    losses_of([chart.pk], today, rules)


def keep_next(after: int, today: date, limit: int = 50) -> int:
    """The same for the next finished charts by id, of whatever project. Returns the last one's id; 0 at the end."""
    some = list(
        Chart.objects.filter(pk__gt=after, status__in=FINISHED).select_related("member__project").order_by("pk")[:limit]
    )
    for project in {chart.project for chart in some}:
        ids = [chart.pk for chart in some if chart.project == project]
        rules, past = rules_of(project), past_the_gate(Chart.objects.filter(pk__in=ids))
        states_of(past, today, rules)
        payments_of(past, today, rules)
        losses_of(ids, today, rules)
    return some[-1].pk if some else 0


def _kept(loss: Loss) -> dict[str, Any]:
    return {**vars(loss), "coder": "", "day": loss.day.isoformat()}


def _loss(kept: Mapping[str, Any], names: Mapping[int, str]) -> Loss:
    who = kept["coder_id"]
    coder = names.get(who, "somebody who has left") if who else NOT_ANSWERED
    return Loss(**{**kept, "coder": coder, "day": date.fromisoformat(kept["day"]), "failed": tuple(kept["failed"])})


def losses(
    chart: Chart,
    encounters: Sequence[Encounter],
    found: Mapping[int, Validity],
    decisions: Sequence[Decision],
    suggestions: Sequence[Suggestion],
) -> list[Loss]:
    """The HCCs of a chart that no valid claim carried, program by program. The first reason of REASONS that holds is
    the one."""
    return [
        loss
        for place, program in enumerate(scores.programs(chart))
        for loss in _losses(chart, program, place, encounters, found, decisions, suggestions)
    ]


def _losses(
    chart: Chart,
    program: str,
    place: int,
    encounters: Sequence[Encounter],
    found: Mapping[int, Validity],
    decisions: Sequence[Decision],
    suggestions: Sequence[Suggestion],
) -> list[Loss]:
    year = scores.payment_year(chart, program)
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
        return _bar(rows[suggestion.encounter_id], found[suggestion.encounter_id].standings[place])

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
        checks = found[about.encounter_id].standings[place].assessment.checks.values()
        lost.append(
            Loss(
                chart.pk,
                program,
                year,
                hcc,
                code,
                why,
                recovered,
                encounter.provider_name or encounter.provider_npi or "not named",
                encounter.provider_npi,
                answered.decided_by.display_name if answered else NOT_ANSWERED,
                answered.decided_by_id if answered else None,
                encounter.encounter_id,
                encounter.date_from,
                tuple(check.check for check in checks if check.fails) if why == INVALID_ENCOUNTER else (),
            )
        )
    return lost


def _first(found: Iterable[tuple[str, Suggestion]]) -> tuple[str, Suggestion]:
    return min(found, key=lambda item: (REASONS.index(item[0]), item[1].pk))


def _bar(encounter: Encounter, standing: Standing) -> str:
    """Why a code on this date does not count in the program, or ""."""
    one = standing.assessment
    if one.counts != NO:
        return ""
    if one.link in (INVALID, "audio-only"):
        return INVALID_ENCOUNTER
    claim = getattr(encounter, "claim", None)
    return REJECTED if claim and (claim.accepted is False or claim.icn) else NOT_LINKED


# --- Recapture -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recapture:
    """An HCC that stood on a record of the year before, and is on none of this year yet. It supports nothing: each year
    needs its own record. chart, codes, day, provider: of the newest record of the year before that has it."""

    chart: int
    member_id: str
    program: str
    payment_year: int
    hcc: str
    codes: tuple[str, ...]
    day: date
    provider: str
    npi: str


def project_recapture(project: Project, service_year: int, today: date) -> Iterator[Recapture]:
    """What to look for in a service year: of the finished charts of the year before, each HCC that still pays in the
    year's payment year, and that no code of the year has or outranks. Nothing carries over by itself."""
    before = Chart.objects.filter(member__project=project, status__in=FINISHED, service_year=service_year - 1)
    this_year = list(Chart.objects.filter(member__project=project, service_year=service_year))
    found_now: dict[int, set[str]] = defaultdict(set)
    for start in range(0, len(this_year), AT_ONCE):
        some = this_year[start : start + AT_ONCE]
        codes_now = scores.codes_of(some)
        for chart in some:
            found_now[chart.member_id] |= {source.code for source in codes_now[chart.pk].now}
    ids = list(before.order_by("pk").values_list("pk", flat=True))
    for chart, encounters, found, decisions, _ in _read(ids, today, rules_of(project)):
        codes = standing_codes(encounters, decisions)
        known = frozenset(found_now[chart.member_id])
        for place, program in enumerate(scores.programs(chart)):
            year = scores.payment_year(chart, program) + 1
            had: dict[str, tuple[Encounter, list[str]]] = {}
            for encounter in sorted(encounters, key=lambda one: (one.date_through, one.pk)):
                if found[encounter.pk].standings[place].assessment.counts == NO:
                    continue
                for hcc in {hcc for code in codes[encounter.pk] for hcc in scores.payment_hccs(program, year, code)}:
                    of_hcc = [code for code in codes[encounter.pk] if hcc in scores.payment_hccs(program, year, code)]
                    had[hcc] = encounter, sorted(of_hcc)
            have = {hcc for code in known for hcc in scores.payment_hccs(program, year, code)}
            for hcc in sorted(had.keys() - have, key=lambda name: (len(name), name)):
                encounter, carried = had[hcc]
                if hcc in scores.trumped_hccs(program, year, frozenset({*known, *carried})):
                    continue
                yield Recapture(
                    chart.pk, chart.member.member_id, program, year, hcc, tuple(carried), encounter.date_through,
                    encounter.provider_name, encounter.provider_npi,
                )  # fmt: skip


# --- Reading -------------------------------------------------------------------------------------------------------

Read = tuple[Chart, list[Encounter], dict[int, Validity], list[Decision], list[Suggestion]]


def _read(charts: Sequence[int], today: date, rules: Book) -> Iterator[Read]:
    """Charts with what is asked of them and what the rules say, some hundred at a time, without their notes."""
    for start in range(0, len(charts), AT_ONCE):
        some = charts[start : start + AT_ONCE]
        decisions = _decisions(some)
        suggestions: dict[int, list[Suggestion]] = defaultdict(list)
        for suggestion in _live(some):
            suggestions[suggestion.chart_id].append(suggestion)
        loaded = list(charts_with_record(Chart.objects.filter(pk__in=some), texts=False).order_by("pk"))
        codes = {one.pk: standing_codes(one.encounters.all(), decisions.get(one.pk, [])) for one in loaded}
        known = assessed(loaded, codes, today, rules)
        for chart in loaded:
            found = known[chart.pk].validity
            yield chart, list(chart.encounters.all()), found, decisions.get(chart.pk, []), suggestions[chart.pk]


def _live(charts: Sequence[int]) -> QuerySet[Suggestion]:
    """What is asked about the charts, with the labels of its evidence."""
    labels = EvidenceSpan.objects.only("suggestion_id", "label").order_by()
    asked = Suggestion.objects.live().filter(chart__in=charts).order_by("pk")
    return asked.defer("why", "proposed").prefetch_related(Prefetch("evidence", labels))


def _decisions(charts: Sequence[int]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = defaultdict(list)
    standing = (
        Decision.objects.standing()
        .filter(suggestion__chart__in=charts)
        .exclude(outcome=Outcome.REOPEN)
        .select_related("suggestion", "decided_by")
        .defer("comment", "paid_why", "suggestion__why", "suggestion__proposed")
        .order_by("pk")
    )
    for decision in standing:
        found[decision.suggestion.chart_id].append(decision)
    return found
