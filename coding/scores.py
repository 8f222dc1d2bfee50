"""The bridge to `scoring`: a chart's codes and its member's facts -> scores, and a delta for each suggestion."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import scoring
from coding.models import Chart, Decision, Enrollment, FirstPassCode, Suggestion
from coding.workflow import Outcome, SuggestionKind, SuggestionStatus, Verdict

Change = tuple[Sequence[str], Sequence[str]]  # codes added, codes removed

# Programs that pay in the year after the service year; HHS and Medicaid (CDPS) risk adjustment is concurrent.
PROSPECTIVE = ("cms-hcc", "rxhcc", "esrd", "pace")

# What the enrollment has to say before a Medicare model can choose its segment.
ENTITLEMENT = {"cms-hcc": ("dual", "orec"), "pace": ("dual", "orec"), "esrd": ("dual", "orec"), "rxhcc": ("orec",)}

# Whether a code maps to a payment HCC does not depend on the person; any will do.
ANYBODY = {"age": 70, "sex": "F"}


@dataclass(frozen=True)
class Delta:
    """What an answer does to the score: the model's difference, never the coefficient alone.

    raw, payment: three decimals, unitless, negative for a loss. reasons: one line for each thing that changed, or why
    nothing did. outcome: the answer that does it. model: program, payment year and model, for the record.
    """

    raw: Decimal
    payment: Decimal
    reasons: tuple[str, ...]
    outcome: Outcome
    model: str


@dataclass(frozen=True)
class Panel:
    """A chart's scores in one program and payment year.

    baseline: with the first-pass codes. now: with what is decided. projected: with every open suggestion followed
    (additions accepted, more specific codes put, unsupported codes deleted; a code that the notes do not mention
    stays, for silence is no deletion). deltas: by open suggestion, against now. cards: by kind and code, for one answer
    on all of the code's open dates of service, since a code is only gone when no date carries it any more. assumed:
    facts that the enrollment leaves open and that the score takes for granted. problem: why it could not be scored;
    then there are no scores.
    """

    program: str
    payment_year: int
    model: str = ""
    baseline: scoring.Score | None = None
    now: scoring.Score | None = None
    projected: scoring.Score | None = None
    deltas: dict[int, Delta] = field(default_factory=dict)
    cards: dict[tuple[str, str], Delta] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    problem: str = ""


def chart_scores(chart: Chart) -> list[Panel]:
    """One panel for each program of the project, in its order."""
    codes = _codes_of([chart])[chart.pk]
    return [_panel(chart, program, codes) for program in programs(chart)]


def scores_of(charts: Iterable[Chart]) -> dict[int, list[Panel]]:
    """Baseline and present score of many charts, in a fixed number of queries: panels without deltas, by chart."""
    loaded = list(charts)
    codes = _codes_of(loaded)
    return {
        chart.pk: [_panel(chart, program, codes[chart.pk], deltas=False) for program in programs(chart)]
        for chart in loaded
    }


def delta_of_answer(chart: Chart, suggestion: Suggestion, outcome: Outcome, code: str) -> Delta | None:
    """What the answer changes, for the record: against what is decided before it, in the project's first program.

    None where the chart cannot be scored.
    """
    codes = _codes_of([chart])[chart.pk]
    if not (names := programs(chart)):
        return None
    program = names[0]
    year = payment_year(chart, program)
    try:
        sheet, _ = _worksheet(chart, program, year)
        [delta] = sheet.what_if(codes.now, [_change(suggestion, outcome, code)])
        model = _model(program, year, sheet.score(()).model)
    except (scoring.ScoringError, _Unscorable):
        return None
    return Delta(delta.delta_raw, delta.delta, delta.reasons, outcome, model)


def risk_adjusting(chart: Chart, codes: Collection[str]) -> set[str]:
    """Those of the codes that carry a payment HCC in one of the project's programs.

    Where a program's tables are missing nothing is left out: the question is then the coder's.
    """
    paying: set[str] = set()
    for program in programs(chart):
        try:
            year = payment_year(chart, program)
            unmapped = scoring.score(
                program, year, ANYBODY, codes, **({"frailty": "0"} if program == "pace" else {})
            ).unmapped
        except scoring.ScoringError:
            return set(codes)
        bare = {code.replace(".", "") for code in unmapped}
        paying |= {code for code in codes if code.replace(".", "") not in bare}
    return paying if programs(chart) else set(codes)


def programs(chart: Chart) -> list[str]:
    return list(chart.project.programs)


def payment_year(chart: Chart, program: str) -> int:
    """The year for which the chart's service year pays."""
    return chart.service_year + (program in PROSPECTIVE)


# --- Codes ---------------------------------------------------------------------------------------------------------


@dataclass
class _Codes:
    """baseline and now: one entry for each encounter that carries the code. open: the undecided suggestions."""

    baseline: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    open: list[Suggestion] = field(default_factory=list)


def _codes_of(charts: Sequence[Chart]) -> dict[int, _Codes]:
    codes = {chart.pk: _Codes() for chart in charts}
    first_pass = FirstPassCode.objects.filter(encounter__chart__in=codes).values_list(
        "encounter__chart", "encounter", "icd10"
    )
    for chart, _, code in sorted(set(first_pass)):
        codes[chart].baseline.append(code)
        codes[chart].now.append(code)
    put = dict(Decision.objects.standing().filter(suggestion__chart__in=codes).values_list("suggestion", "icd10"))
    for suggestion in Suggestion.objects.live().filter(chart__in=codes).order_by("pk"):
        of_chart = codes[suggestion.chart_id]
        status = suggestion.status
        if status == SuggestionStatus.OPEN:
            of_chart.open.append(suggestion)
        elif status in (SuggestionStatus.DELETED, SuggestionStatus.CHANGED) and suggestion.kind == SuggestionKind.CHECK:
            of_chart.now.remove(suggestion.icd10)
        if status in (SuggestionStatus.ACCEPTED, SuggestionStatus.CHANGED):
            of_chart.now.append(put[suggestion.pk])
    return codes


def _change(suggestion: Suggestion, outcome: Outcome, code: str) -> Change:
    if outcome == Outcome.ACCEPT:
        return [code], []
    if outcome == Outcome.DELETE:
        return [], [suggestion.icd10]
    if outcome == Outcome.CHANGE:
        return [code], [suggestion.icd10] if suggestion.kind == SuggestionKind.CHECK else []
    return [], []


def _offered(suggestion: Suggestion) -> tuple[Outcome, Change]:
    """The answer whose effect a card shows: the addition accepted, the better code put, or the code struck."""
    if suggestion.kind == SuggestionKind.ADD:
        outcome, code = Outcome.ACCEPT, suggestion.icd10
    elif suggestion.verdict == Verdict.MORE_SPECIFIC and suggestion.proposed:
        outcome, code = Outcome.CHANGE, suggestion.proposed[0]
    else:
        outcome, code = Outcome.DELETE, ""
    return outcome, _change(suggestion, outcome, code)


def _cards(suggestions: Sequence[Suggestion]) -> dict[tuple[str, str], tuple[Outcome, Change]]:
    """One answer for each kind and code: a better code put wherever it is proposed, else accepted or struck at once."""
    grouped: dict[tuple[str, str], list[Suggestion]] = {}
    for suggestion in suggestions:
        grouped.setdefault((suggestion.kind, suggestion.icd10), []).append(suggestion)
    cards: dict[tuple[str, str], tuple[Outcome, Change]] = {}
    for card, members in grouped.items():
        answers = [_offered(suggestion) for suggestion in members]
        outcome = Outcome.CHANGE if any(o == Outcome.CHANGE for o, _ in answers) else answers[0][0]
        same = [change for o, change in answers if o == outcome]
        cards[card] = (outcome, ([c for added, _ in same for c in added], [c for _, gone in same for c in gone]))
    return cards


def _is_followed(suggestion: Suggestion, outcome: Outcome) -> bool:
    return outcome != Outcome.DELETE or suggestion.verdict == Verdict.UNSUPPORTED


# --- Panels --------------------------------------------------------------------------------------------------------


class _Unscorable(Exception):
    """The chart lacks a fact without which no score is right; the message says which."""


def _panel(chart: Chart, program: str, codes: _Codes, *, deltas: bool = True) -> Panel:
    year = payment_year(chart, program)
    try:
        sheet, assumed = _worksheet(chart, program, year)
        baseline, now = sheet.score(codes.baseline), sheet.score(codes.now)
        model = _model(program, year, now.model)
        if not deltas:
            return Panel(program, year, model, baseline, now, assumed=assumed)
        offered = [(suggestion, *_offered(suggestion)) for suggestion in codes.open]
        cards = _cards(codes.open)
        asked = [change for _, _, change in offered] + [change for _, change in cards.values()]
        found = iter(sheet.what_if(codes.now, asked))

        def delta(outcome: Outcome) -> Delta:
            one = next(found)
            return Delta(one.delta_raw, one.delta, one.reasons, outcome, model)

        projected = list(codes.now)
        for suggestion, outcome, (added, removed) in offered:
            if _is_followed(suggestion, outcome):
                for code in removed:
                    projected.remove(code)
                projected += added
        return Panel(
            program,
            year,
            model,
            baseline,
            now,
            sheet.score(projected),
            {suggestion.pk: delta(outcome) for suggestion, outcome, _ in offered},
            {card: delta(outcome) for card, (outcome, _) in cards.items()},
            assumed,
        )
    except (scoring.ScoringError, _Unscorable) as error:
        return Panel(program, year, problem=str(error))


def _worksheet(chart: Chart, program: str, year: int) -> tuple[scoring.Worksheet, tuple[str, ...]]:
    member = chart.member
    enrollment = next((e for e in member.enrollments.all() if (e.payment_year, e.program) == (year, program)), None)
    if enrollment is None:
        raise _Unscorable(f"No enrollment for {program} in payment year {year}: import it to see scores.")
    facts, assumed = _facts(enrollment)
    frailty = facts.pop("frailty", None)
    facts["sex"] = member.sex
    if program != "cdps":  # there the state's rule makes the age, which comes with the enrollment
        facts["birth_date"] = member.birth_date.isoformat()
    return scoring.worksheet(program, year, facts, frailty=frailty), assumed


def _facts(enrollment: Enrollment) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The enrollment as `scoring` names it, and what is taken for granted.

    Dual status and entitlement choose the segment of the Medicare models: unknown is not scored.
    """
    facts: dict[str, Any] = dict(enrollment.facts)
    for name in ENTITLEMENT.get(enrollment.program, ()):
        if not (value := getattr(enrollment, name)):
            words = {"dual": "dual status", "orec": "original entitlement"}[name]
            raise _Unscorable(f"The enrollment for payment year {enrollment.payment_year} lacks the {words}.")
        facts[name] = value
    if enrollment.program not in ENTITLEMENT:
        return facts, ()
    assumed = []
    for name, value, words in (
        ("institutional", enrollment.institutional, "not institutional"),
        ("new_enrollee", enrollment.new_enrollee, "not a new enrollee"),
    ):
        if value is None:
            assumed.append(words)
        elif value:
            facts[name] = True
    return facts, tuple(assumed)


def _model(program: str, year: int, model: str) -> str:
    return f"{program} {year} {model}"
