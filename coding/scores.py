"""The bridge to `scoring`: a chart's codes and its member's facts -> scores, and a delta for each suggestion.

Everything is answered twice: as it is documented, and as it would be paid, which `validity` knows of each date of
service. Where it is not known whether a date counts, the payment is computed with and without it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils import timezone

import scoring
from coding import validity
from coding.acceptability import NO, UNKNOWN, YES
from coding.models import Chart, Decision, Enrollment, FirstPassCode, Suggestion
from coding.validity import Validity
from coding.workflow import Outcome, SuggestionKind, SuggestionStatus, Verdict
from scoring.payable import not_paid
from scoring.tables import load_release, load_year

# What the enrollment has to say before a Medicare model can choose its segment.
ENTITLEMENT = {"cms-hcc": ("dual", "orec"), "pace": ("dual", "orec"), "esrd": ("dual", "orec"), "rxhcc": ("orec",)}


@dataclass(frozen=True, order=True)
class Source:
    """A code on a date of service. added: by the second pass, and so paid only while additions are."""

    code: str
    encounter: int
    day: date
    added: bool = False


Change = tuple[Sequence[Source], Sequence[Source]]  # added, removed


@dataclass(frozen=True)
class Paid:
    """A payment score or a difference as it would be paid: without the dates of which it is not known whether they
    count (sure), and with all of them (most). The amount is known where they are the same."""

    sure: Decimal
    most: Decimal

    @property
    def amount(self) -> Decimal | None:
        return self.sure if self.sure == self.most else None


@dataclass(frozen=True)
class Delta:
    """What an answer does to the score: the model's difference, never the coefficient alone.

    raw, payment: as documented; three decimals, unitless, negative for a loss. reasons: one line for each thing that
    changed, or why nothing did. outcome: the answer that does it. code: what stands after it, "" for nothing. model:
    program, payment year and model, for the record. paid: the same difference as it would be paid, and paid_reasons:
    why it is another one or is not known, empty where it is the same.
    """

    raw: Decimal
    payment: Decimal
    reasons: tuple[str, ...]
    outcome: Outcome
    code: str
    model: str
    paid: Paid
    paid_reasons: tuple[str, ...] = ()

    @property
    def paid_differs(self) -> bool:
        return self.paid.amount != self.payment


@dataclass(frozen=True)
class PaidScore:
    """A score as it would be paid, worked twice as `Paid` says."""

    sure: scoring.Score
    most: scoring.Score

    @property
    def payment(self) -> Paid:
        return Paid(self.sure.payment, self.most.payment)


@dataclass(frozen=True)
class PaidScores:
    baseline: PaidScore
    now: PaidScore
    projected: PaidScore

    def differ(self, panel: "Panel") -> bool:
        """Whether one of the three is not what the chart documents."""
        return any(
            documented and getattr(self, name).payment.amount != documented.payment
            for name in ("baseline", "now", "projected")
            if (documented := getattr(panel, name))
        )


@dataclass(frozen=True)
class Panel:
    """A chart's scores in one program and payment year.

    baseline: with the first-pass codes. now: with what is decided. projected: with every open suggestion followed
    (additions accepted, more specific codes put, unsupported codes deleted; a code that the notes do not mention
    stays, for silence is no deletion). paid: the same three as they would be paid, while baseline, now and projected
    are as documented; None where nobody asked. deltas: by open suggestion, against now. cards: by kind and code, for
    one answer on all of the code's open dates of service, since a code is only gone when no date carries it any more.
    assumed: facts that the enrollment leaves open and that the score takes for granted. problem: why it could not be
    scored; then there are no scores.
    """

    program: str
    payment_year: int
    model: str = ""
    baseline: scoring.Score | None = None
    now: scoring.Score | None = None
    projected: scoring.Score | None = None
    deltas: dict[int, Delta] = field(default_factory=dict)
    cards: dict[tuple[str, str], Delta] = field(default_factory=dict)
    paid: PaidScores | None = None
    assumed: tuple[str, ...] = ()
    problem: str = ""

    @property
    def paid_differs(self) -> bool:
        return self.paid is not None and self.paid.differ(self)


@dataclass(frozen=True)
class Effect:
    """What one deletion does in one program and payment year; None where it is not known."""

    encounter: int
    code: str
    program: str
    payment_year: int
    payment: Decimal | None


def chart_scores(chart: Chart, found: Mapping[int, Validity] | None = None, *, by_date: bool = True) -> list[Panel]:
    """One panel for each program of the project, in its order.

    found: what the rules say of the chart's dates of service, where the caller knows it already. by_date: a delta for
    each open suggestion too, and not for the cards alone.
    """
    codes = codes_of([chart])[chart.pk]
    found = validity_of(chart) if found is None else found
    return [_panel(chart, program, codes, found, by_date=by_date) for program in programs(chart)]


def scores_of(charts: Iterable[Chart]) -> dict[int, list[Panel]]:
    """Baseline and present score of many charts as documented, in a fixed number of queries: panels without deltas and
    payment, by chart. What would be paid needs every note to be read, which is too much for a report."""
    loaded = list(charts)
    codes = codes_of(loaded)
    return {chart.pk: [_panel(chart, program, codes[chart.pk]) for program in programs(chart)] for chart in loaded}


def paid_of(charts: Iterable[Chart], found: Mapping[int, Mapping[int, Validity]]) -> dict[int, list[Panel]]:
    """The same as documented and as they would be paid. found: by chart, what the rules say of its dates of service."""
    loaded = list(charts)
    codes = codes_of(loaded)
    return {
        chart.pk: [_panel(chart, program, codes[chart.pk], found[chart.pk]) for program in programs(chart)]
        for chart in loaded
    }


def delta_of_answer(
    chart: Chart, suggestion: Suggestion, outcome: Outcome, code: str, found: Mapping[int, Validity] | None = None
) -> Delta | None:
    """What the answer changes, for the record: against what is decided before it, in the project's first program.

    found: as for `chart_scores`. None where the chart cannot be scored.
    """
    codes = codes_of([chart])[chart.pk]
    if not (scored := programs(chart)):
        return None
    program = scored[0]
    year = payment_year(chart, program)
    try:
        sheet, _ = worksheet_of(chart, program, year, enrollment_of(chart, program, year))
        change = change_of(suggestion, outcome, code)
        # An answer that changes no code is paid as it is documented: nothing has to be read for it.
        eligibility = None
        if any(change):
            eligibility = eligibility_of(validity_of(chart) if found is None else found, program, year)
        [delta] = Asked(sheet, codes.now, eligibility).deltas([(outcome, change)])
    except (scoring.ScoringError, Unscorable):
        return None
    return delta


def at_stake(chart: Chart) -> Decimal | None:
    """How far the open questions could move the payment score, up or down: what each answer that the record suggests
    would change by itself, as documented, added up without its sign. In the project's first program; None where the
    chart cannot be scored."""
    if not (scored := programs(chart)):
        return None
    codes = codes_of([chart])[chart.pk]
    year = payment_year(chart, scored[0])
    suggested = [one for one in codes.open if is_followed(one, offered_answer(one)[0])]
    changes = [(names(new), names(gone)) for _, (new, gone) in card_changes(suggested).values()]
    try:
        sheet, _ = worksheet_of(chart, scored[0], year, enrollment_of(chart, scored[0], year))
        return sum((abs(one.delta) for one in sheet.what_if(names(codes.now), changes)), Decimal(0))
    except (scoring.ScoringError, Unscorable):
        return None


def deletion_effects(chart: Chart, deleted: Sequence[tuple[int, str]], *, with_additions: bool) -> list[Effect]:
    """What each deletion takes off the payment score, one after the other, in each of the project's programs.

    deleted: (encounter, code), in the order of the decisions. with_additions: beside what the second pass added, as
    long as additions can be submitted. The amount is None where the chart cannot be scored.
    """
    codes = codes_of([chart])[chart.pk]
    days = {source.encounter: source.day for source in (*codes.baseline, *codes.now)}
    gone = [Source(code, encounter, days[encounter]) for encounter, code in deleted if encounter in days]
    held = [*(codes.now if with_additions else codes.baseline)]
    held += [source for source in gone if source not in held]
    effects: list[Effect] = []
    for program in programs(chart):
        year = payment_year(chart, program)
        try:
            sheet, _ = worksheet_of(chart, program, year, enrollment_of(chart, program, year))
        except (scoring.ScoringError, Unscorable):
            effects += [Effect(source.encounter, source.code, program, year, None) for source in gone]
            continue
        left = list(held)
        before = sheet.score(names(left)).payment
        for source in gone:
            left.remove(source)
            after = sheet.score(names(left)).payment
            effects.append(Effect(source.encounter, source.code, program, year, after - before))
            before = after
    return effects


def for_anybody(program: str, year: int, codes: Collection[str]) -> scoring.Score:
    """A score for the sake of its HCCs: which a code maps to, and drops, does not depend on the person."""
    options = {"frailty": "0"} if program == "pace" else {}
    return scoring.score(program, year, {"age": 70, "sex": "F"}, codes, **options)


def main_model(score: scoring.Score) -> scoring.ModelScore:
    """That of a blend that weighs most."""
    return max(score.models, key=lambda model: model.weight)


def risk_adjusting(chart: Chart, codes: Collection[str]) -> set[str]:
    """Those of the codes that carry a payment HCC in one of the project's programs.

    Where a program's tables are missing nothing is left out: the question is then the coder's.
    """
    paying: set[str] = set()
    for program in programs(chart):
        try:
            unmapped = for_anybody(program, payment_year(chart, program), codes).unmapped
        except scoring.ScoringError:
            return set(codes)
        bare = {code.replace(".", "") for code in unmapped}
        paying |= {code for code in codes if code.replace(".", "") not in bare}
    return paying if programs(chart) else set(codes)


@lru_cache(maxsize=20000)
def trumped_hccs(program: str, year: int, codes: frozenset[str]) -> frozenset[str]:
    """The payment HCCs of the codes that a higher one among them drops, for anybody."""
    try:
        return frozenset(main_model(for_anybody(program, year, sorted(codes))).dropped)
    except scoring.ScoringError:
        return frozenset()


@lru_cache(maxsize=20000)
def payment_hccs(program: str, year: int, code: str) -> frozenset[str]:
    """The payment HCCs that the code maps to, for anybody; empty for none, and where a program's tables are missing."""
    try:
        return frozenset(main_model(for_anybody(program, year, [code])).hccs)
    except scoring.ScoringError:
        return frozenset()


def categories(chart: Chart, codes: Collection[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each code and model ("CMS-HCC 2027 V28") of the chart's programs the HCCs that the code maps to by itself.

    A program whose tables are missing is left out: unknown, not none.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {code: {} for code in codes}
    for program in programs(chart):
        year = payment_year(chart, program)
        try:
            models = [(use.name, load_release(use)) for _, use in load_year(program, year).blend()]
        except scoring.ScoringError:
            continue
        for name, release in models:
            for code in codes:
                mask = release.codes.get(code.replace(".", ""), 0)
                found[code][f"{program.upper()} {year} {name}"] = release.categories(mask)
    return found


@dataclass(frozen=True, order=True)
class Prior:
    """A code that was reported in an earlier service year."""

    year: int
    code: str


def prior_years(chart: Chart) -> dict[str, tuple[Prior, ...]]:
    """What earlier years reported of the member, by the payment HCC that it has in the chart's first program and year.

    It says what was known, and supports nothing: each year needs its own record.
    """
    before = FirstPassCode.objects.filter(
        encounter__chart__member=chart.member_id, encounter__chart__service_year__lt=chart.service_year
    )
    reported = set(before.values_list("encounter__chart__service_year", "icd10"))
    found: dict[str, set[Prior]] = {}
    for program in programs(chart)[:1]:
        for year, code in reported:
            for hcc in payment_hccs(program, payment_year(chart, program), code):
                found.setdefault(hcc, set()).add(Prior(year, code))
    return {hcc: tuple(sorted(codes, reverse=True)) for hcc, codes in found.items()}


def programs(chart: Chart) -> list[str]:
    return list(chart.project.programs)


def payment_year(chart: Chart, program: str) -> int:
    """The year for which the chart's service year pays."""
    return chart.service_year + scoring.prospective(program, chart.service_year + 1)


# --- Codes ---------------------------------------------------------------------------------------------------------


@dataclass
class Codes:
    """baseline and now: one source for each encounter that carries the code. decided: the answers that lead from the
    one to the other. open: the undecided suggestions. unchanged: those whose answer changes no
    code: kept, rejected, asked."""

    baseline: list[Source] = field(default_factory=list)
    now: list[Source] = field(default_factory=list)
    decided: list[tuple[Suggestion, Change]] = field(default_factory=list)
    open: list[Suggestion] = field(default_factory=list)
    unchanged: list[Suggestion] = field(default_factory=list)

    def after(self, changes: Iterable[Change]) -> list[Source]:
        """What is on the chart now, and the changes made."""
        sources = list(self.now)
        for added, removed in changes:
            for source in removed:
                sources.remove(source)
            sources += added
        return sources


def codes_of(charts: Sequence[Chart]) -> dict[int, Codes]:
    codes = {chart.pk: Codes() for chart in charts}
    first_pass = FirstPassCode.objects.filter(encounter__chart__in=codes).values_list(
        "encounter__chart", "icd10", "encounter_id", "encounter__date_from"
    )
    for chart, code, encounter, day in sorted(set(first_pass)):
        codes[chart].baseline.append(Source(code, encounter, day))
        codes[chart].now.append(Source(code, encounter, day))
    put = dict(Decision.objects.standing().filter(suggestion__chart__in=codes).values_list("suggestion", "icd10"))
    suggestions = Suggestion.objects.live().filter(chart__in=codes).select_related("encounter").order_by("pk")
    for suggestion in suggestions:
        of_chart = codes[suggestion.chart_id]
        if suggestion.status == SuggestionStatus.OPEN:
            of_chart.open.append(suggestion)
        elif outcome := CHANGING.get(SuggestionStatus(suggestion.status)):
            change = change_of(suggestion, outcome, put[suggestion.pk])
            of_chart.decided.append((suggestion, change))
            of_chart.now = of_chart.after([change])
        else:
            of_chart.unchanged.append(suggestion)
    return codes


CHANGING = {
    SuggestionStatus.ACCEPTED: Outcome.ACCEPT,
    SuggestionStatus.CHANGED: Outcome.CHANGE,
    SuggestionStatus.DELETED: Outcome.DELETE,
}


def _reported(suggestion: Suggestion) -> Source:
    """The first-pass code that a check asks about."""
    return Source(suggestion.icd10, suggestion.encounter_id, suggestion.encounter.date_from)


def _put(suggestion: Suggestion, code: str) -> Source:
    """A code of the second pass on the suggestion's date."""
    return Source(code, suggestion.encounter_id, suggestion.encounter.date_from, added=True)


def change_of(suggestion: Suggestion, outcome: Outcome, code: str) -> Change:
    if outcome == Outcome.ACCEPT:
        return [_put(suggestion, code)], []
    if outcome == Outcome.DELETE:
        return [], [_reported(suggestion)]
    if outcome == Outcome.CHANGE:
        return [_put(suggestion, code)], [_reported(suggestion)] if suggestion.kind == SuggestionKind.CHECK else []
    return [], []


def offered_answer(suggestion: Suggestion) -> tuple[Outcome, Change]:
    """The answer whose effect a card shows: the addition accepted, the better code put, or the code struck."""
    if suggestion.kind == SuggestionKind.ADD:
        outcome, code = Outcome.ACCEPT, suggestion.icd10
    elif suggestion.verdict == Verdict.MORE_SPECIFIC and suggestion.proposed:
        outcome, code = Outcome.CHANGE, suggestion.proposed[0]
    else:
        outcome, code = Outcome.DELETE, ""
    return outcome, change_of(suggestion, outcome, code)


def card_changes(suggestions: Sequence[Suggestion]) -> dict[tuple[str, str], tuple[Outcome, Change]]:
    """One answer for each kind and code: a better code put wherever it is proposed, else accepted or struck at once."""
    grouped: dict[tuple[str, str], list[Suggestion]] = {}
    for suggestion in suggestions:
        grouped.setdefault((suggestion.kind, suggestion.icd10), []).append(suggestion)
    cards: dict[tuple[str, str], tuple[Outcome, Change]] = {}
    for card, members in grouped.items():
        answers = [offered_answer(suggestion) for suggestion in members]
        outcome = Outcome.CHANGE if any(o == Outcome.CHANGE for o, _ in answers) else answers[0][0]
        same = [change for o, change in answers if o == outcome]
        cards[card] = (outcome, ([c for added, _ in same for c in added], [c for _, gone in same for c in gone]))
    return cards


def is_followed(suggestion: Suggestion, outcome: Outcome) -> bool:
    return outcome != Outcome.DELETE or suggestion.verdict == Verdict.UNSUPPORTED


# --- Panels --------------------------------------------------------------------------------------------------------


class Unscorable(Exception):
    """The chart lacks a fact without which no score is right; the message says which."""


def _panel(
    chart: Chart,
    program: str,
    codes: Codes,
    found: Mapping[int, Validity] | None = None,
    *,
    by_date: bool = False,
) -> Panel:
    """Without validity: baseline and now as documented, no deltas."""
    year = payment_year(chart, program)
    try:
        sheet, assumed = worksheet_of(chart, program, year, enrollment_of(chart, program, year))
        baseline, now = sheet.score(names(codes.baseline)), sheet.score(names(codes.now))
        model = model_name(program, year, now.model)
        if found is None:
            return Panel(program, year, model, baseline, now, assumed=assumed)
        offered = [(suggestion, *offered_answer(suggestion)) for suggestion in codes.open]
        cards = card_changes(codes.open)
        asked = Asked(sheet, codes.now, eligibility_of(found, program, year))
        each = [(suggestion.pk, (outcome, change)) for suggestion, outcome, change in offered if by_date]
        deltas = iter(asked.deltas([answer for _, answer in each] + list(cards.values())))
        projected = codes.after(change for suggestion, outcome, change in offered if is_followed(suggestion, outcome))
        return Panel(
            program,
            year,
            model,
            baseline,
            now,
            sheet.score(names(projected)),
            {pk: next(deltas) for pk, _ in each},
            {card: next(deltas) for card in cards},
            PaidScores(*(asked.paid_score(sources) for sources in (codes.baseline, codes.now, projected))),
            assumed,
        )
    except (scoring.ScoringError, Unscorable) as error:
        return Panel(program, year, problem=str(error))


# (encounter, added by the second pass) -> YES, NO or UNKNOWN, and why in a phrase
Eligibility = Mapping[tuple[int, bool], tuple[str, str]]
NO_RULE = (UNKNOWN, "no rule on file says whether it counts")


def validity_of(chart: Chart) -> dict[int, Validity]:
    return validity.chart_validity(chart, validity.encounters_of(chart), timezone.localdate())


def eligibility_of(found: Mapping[int, Validity], program: str, year: int) -> Eligibility:
    return {
        (encounter, added): standing.pays(added=added)
        for encounter, of_date in found.items()
        for standing in of_date.standings
        if (standing.assessment.program, standing.assessment.payment_year) == (program, year)
        for added in (False, True)
    }


def names(sources: Iterable[Source]) -> list[str]:
    return [source.code for source in sources]


@dataclass(frozen=True)
class Asked:
    """A worksheet and what is on the chart now, asked about changes, as documented and as paid.

    eligibility: None for a year that the dates of service do not pay for, where nothing is asked of the rules and what
    is documented counts.
    """

    sheet: scoring.Worksheet
    now: Sequence[Source]
    eligibility: Eligibility | None

    def paid_score(self, sources: Sequence[Source]) -> PaidScore:
        sure, most = (scoring.payable(self.marked(sources, *unpaid)) for unpaid in ((NO, UNKNOWN), (NO,)))
        return PaidScore(self.sheet.score(sure), self.sheet.score(most))

    def deltas(self, changes: Sequence[tuple[Outcome, Change]]) -> list[Delta]:
        whole = self.sheet.what_if(names(self.now), [(names(new), names(gone)) for _, (new, gone) in changes])
        sources = {*self.now, *(source for _, change in changes for part in change for source in part)}
        answers = {self.pays(source)[0] for source in sources}
        most = self.paid(changes, NO) if NO in answers else whole
        sure = self.paid(changes, NO, UNKNOWN) if UNKNOWN in answers else most
        year = self.sheet.year
        model = model_name(year.program, year.payment_year, self.sheet.score(()).model)
        return [
            Delta(
                one.delta_raw,
                one.delta,
                one.reasons,
                outcome,
                change[0][0].code if change[0] else "",
                model,
                Paid(least.delta, greatest.delta),
                self.paid_reasons(change, one, least, greatest),
            )
            for (outcome, change), one, least, greatest in zip(changes, whole, sure, most, strict=True)
        ]

    def paid(self, changes: Sequence[tuple[Outcome, Change]], *unpaid: str) -> tuple[scoring.Delta, ...]:
        """The changes again, without what has one of these answers."""

        def left(sources: Iterable[Source]) -> list[str]:
            return [source.code for source in sources if self.pays(source)[0] not in unpaid]

        return self.sheet.what_if(left(self.now), [(left(new), left(gone)) for _, (new, gone) in changes])

    def paid_reasons(
        self, change: Change, whole: scoring.Delta, sure: scoring.Delta, most: scoring.Delta
    ) -> tuple[str, ...]:
        """Why the payment is another one than what is documented, or why it is not known."""
        if sure.delta == most.delta == whole.delta:
            return ()
        unpaid = not_paid(self.marked([*change[0], *change[1]], NO))
        if sure.delta != most.delta:
            return (*unpaid, *self.not_known(change))
        changed = sure.reasons
        if changed == whole.reasons:
            changed += ("the same terms, rounded from another score",)
        return (*changed, *unpaid)

    def not_known(self, change: Change) -> tuple[str, ...]:
        """Which codes leave the payment of a change open, in a phrase each: its own, or those that it meets."""
        new, gone = change
        own = self.unknown([*new, *gone])
        if own:
            return tuple(f"{code}: not known whether it is paid ({why})" for code, why in own.items())
        return (f"depends on {', '.join(self.unknown(self.now))}, of which it is not known whether they are paid",)

    def unknown(self, sources: Iterable[Source]) -> dict[str, str]:
        found = [(source.code, *self.says(source)) for source in sources]
        return {code: why for code, answer, why in found if answer == UNKNOWN}

    def says(self, source: Source) -> tuple[str, str]:
        answer, why = self.pays(source)
        return answer, f"{source.day}: {why}"

    def pays(self, source: Source) -> tuple[str, str]:
        if self.eligibility is None:
            return YES, ""
        return self.eligibility.get((source.encounter, source.added), NO_RULE)

    def marked(self, sources: Iterable[Source], *unpaid: str) -> list[scoring.NotPayable | str]:
        found = [(source.code, *self.says(source)) for source in sources]
        return [scoring.NotPayable(code, why) if answer in unpaid else code for code, answer, why in found]


def enrollment_of(chart: Chart, program: str, year: int) -> Enrollment:
    """Raises Unscorable where there is none."""
    for enrollment in chart.member.enrollments.all():
        if (enrollment.payment_year, enrollment.program) == (year, program):
            return enrollment
    raise Unscorable(f"No enrollment for {program} in payment year {year}: import it to see scores.")


def worksheet_of(
    chart: Chart, program: str, year: int, enrollment: Enrollment
) -> tuple[scoring.Worksheet, tuple[str, ...]]:
    """The chart's member in a program and year, with the facts of the enrollment; and what is taken for granted.

    Raises Unscorable where a fact is unknown, ScoringError where the year cannot be scored.
    """
    facts, options, assumed = person_of(chart, enrollment)
    return scoring.worksheet(program, year, facts, **options), assumed


def person_of(chart: Chart, enrollment: Enrollment) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """The member as `scoring` takes it: facts, options of a worksheet (frailty, segment) as far as the enrollment has
    them, and what is taken for granted. Raises Unscorable where a fact is unknown."""
    facts, assumed = _facts(enrollment)
    options: dict[str, Any] = {name: facts.pop(name) for name in ("frailty", "segment") if name in facts}
    facts["sex"] = chart.member.sex
    # An age comes with the enrollment where the state's rule makes it (cdps), or enrollment ended early (hhs-hcc).
    if enrollment.program != "cdps" and not {"age", "age_last"} & facts.keys():
        facts["birth_date"] = chart.member.birth_date.isoformat()
    return facts, options, assumed


def _facts(enrollment: Enrollment) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The enrollment as `scoring` names it, and what is taken for granted.

    Dual status and entitlement choose the segment of the Medicare models: unknown is not scored.
    """
    facts: dict[str, Any] = dict(enrollment.facts)
    for name in ENTITLEMENT.get(enrollment.program, ()):
        if not (value := getattr(enrollment, name)):
            words = {"dual": "dual status", "orec": "original entitlement"}[name]
            raise Unscorable(f"The enrollment for payment year {enrollment.payment_year} lacks the {words}.")
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


def model_name(program: str, year: int, model: str) -> str:
    return f"{program} {year} {model}"
