"""A member's charts in any program and payment year: categories by year with their sources, what any choice of open
answers would do, and the way from the first pass to what is payable."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import scoring
from coding import scores
from coding.acceptability import NO, UNKNOWN, YES
from coding.models import Chart, Enrollment, Suggestion
from coding.scores import Asked, Change, Codes, Delta, PaidScore, Source, names
from coding.workflow import Outcome, SuggestionKind, SuggestionStatus
from scoring.tables import ones

# The order in which a chart goes from its first pass to what is paid.
ADDED, REPLACED, STRUCK, TICKED, UNPAID, OPEN = (
    "Additions", "Better codes", "Deletions", "Ticked", "Not paid", "Payment not known",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A code on the dates of service where it stands alike. dates: with their encounters. origin: first pass, second
    pass or suggested. state: how it stands; tone: of its chip. pays: YES, NO or UNKNOWN and why, None where it is not
    asked."""

    code: str
    origin: str
    state: str
    tone: str
    pays: tuple[str, str] | None = None
    dates: tuple[tuple[date, int], ...] = ()

    @property
    def unpaid(self) -> str:
        """Why it is not paid, or what is not known; "" where it is paid, or nobody asked."""
        if self.pays is None or self.pays[0] == YES:
            return ""
        return ("not paid: " if self.pays[0] == NO else "payment not known: ") + self.pays[1]


@dataclass(frozen=True)
class Cell:
    chart: Chart
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Row:
    """A category of one model over the member's charts. stands: how it counts in the chosen chart now: "counts", what
    trumps it, or "". cells: what carries it, in the order of the charts."""

    model: str
    hcc: str
    label: str
    stands: str
    counts: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Offer:
    """An open card of the chart: what its answer would do alone. key: the smallest suggestion of the card.
    has_category: one of its codes has a category in the models."""

    key: int
    kind: str
    icd10: str
    days: tuple[date, ...]
    change: Change
    delta: Delta
    ticked: bool
    has_category: bool


@dataclass(frozen=True)
class Part:
    """A share of a step. why: for what is not paid."""

    label: str
    amount: Decimal
    why: str = ""


@dataclass(frozen=True)
class Bar:
    """A step of the waterfall, or a total (amount None). after: the score then; start, width: of the drawing, in per
    cent of the highest score."""

    label: str
    amount: Decimal | None
    after: Decimal
    parts: tuple[Part, ...] = ()
    exact: bool = True
    start: str = "0"
    width: str = "0"

    @property
    def silent(self) -> str:
        """The parts that change nothing, in a line."""
        return ", ".join(part.label for part in self.parts if not part.amount)

    @property
    def kind(self) -> str:
        return "total" if self.amount is None else "down" if self.amount < 0 else "up"


@dataclass(frozen=True)
class Together:
    """What the ticked answers do together, and the share of each in the payment score as documented."""

    delta: Delta
    parts: tuple[Part, ...]
    exact: bool


@dataclass
class MemberScores:
    """The page's values for one chart in a program and payment year.

    own_year: the chart's dates of service pay for this year; else only what is documented is scored. as_if: the
    payment year whose enrollment is taken, where there is none for this one. problem: why nothing is scored.
    """

    chart: Chart
    program: str
    year: int
    own_year: bool
    as_if: int | None = None
    model: str = ""
    problem: str = ""
    assumed: tuple[str, ...] = ()
    documented: dict[str, scoring.Score] = field(default_factory=dict)
    paid: dict[str, PaidScore] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    together: Together | None = None
    waterfall: list[Bar] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    unmapped: tuple[str, ...] = ()

    @property
    def without_category(self) -> int:
        return sum(not offer.has_category for offer in self.offers)


def member_scores(
    chart: Chart, charts: Sequence[Chart], program: str, year: int, ticked: Collection[int]
) -> MemberScores:
    """The chosen chart, and the categories of all charts of its member that the person may see.

    ticked: suggestions of open cards. Charts with member, enrollments and project fetched.
    """
    own_year = year == scores.payment_year(chart, program)
    try:
        return scored(MemberScores(chart, program, year, own_year), charts, ticked)
    except (scoring.ScoringError, scores.Unscorable) as error:
        return MemberScores(chart, program, year, own_year, problem=str(error))


def scored(found: MemberScores, charts: Sequence[Chart], ticked: Collection[int]) -> MemberScores:
    """The page's values, filled in. Raises ScoringError and Unscorable."""
    chart, program, year, own_year = found.chart, found.program, found.year, found.own_year
    codes = scores.codes_of(charts)
    enrollment, found.as_if = nearest_enrollment(chart, program, year)
    sheet, found.assumed = scores.worksheet_of(chart, program, year, enrollment)
    of_chart = codes[chart.pk]
    asked = Asked(sheet, of_chart.now, eligibility(chart, program, year) if own_year else None)
    found.offers = offers(asked, of_chart, ticked)
    chosen = [offer for offer in found.offers if offer.ticked]
    stages = {"baseline": of_chart.baseline, "now": of_chart.now}
    if chosen:
        stages["ticked"] = of_chart.after(offer.change for offer in chosen)
    found.documented = {name: sheet.score(names(sources)) for name, sources in stages.items()}
    if own_year:
        found.paid = {name: asked.paid_score(sources) for name, sources in stages.items()}
    found.model = found.documented["now"].model
    if chosen:
        found.together = together(asked, chosen)
    found.waterfall = drawn(waterfall(asked, of_chart, chosen, own_year=own_year))
    found.rows, found.unmapped = grid(sheet, charts, codes, chart, found.documented["now"], asked if own_year else None)
    return found


def nearest_enrollment(chart: Chart, program: str, year: int) -> tuple[Enrollment, int | None]:
    """The enrollment for the year; else the one of the program nearest to it (the later of two), and its year.

    Raises Unscorable where the member has none in the program.
    """
    known = [one for one in chart.member.enrollments.all() if one.program == program]
    if not known:
        raise scores.Unscorable(f"No enrollment for {program}: import one to see scores.")
    nearest = min(known, key=lambda one: (abs(one.payment_year - year), -one.payment_year))
    return nearest, None if nearest.payment_year == year else nearest.payment_year


def eligibility(chart: Chart, program: str, year: int) -> scores.Eligibility:
    return scores.eligibility_of(scores.validity_of(chart), program, year)


# --- Any choice of open answers ------------------------------------------------------------------------------------


def offers(asked: Asked, codes: Codes, ticked: Collection[int]) -> list[Offer]:
    """One for each open card, in the order of the review page's kinds."""
    cards = scores.card_changes(codes.open)
    deltas = asked.deltas(list(cards.values()))
    members: dict[tuple[str, str], list[Suggestion]] = {}
    for suggestion in codes.open:
        members.setdefault((suggestion.kind, suggestion.icd10), []).append(suggestion)
    found = []
    for ((kind, code), (_, change)), delta in zip(cards.items(), deltas, strict=True):
        of_card = members[kind, code]
        key = min(one.pk for one in of_card)
        days = tuple(sorted({one.encounter.date_from for one in of_card}))
        codes_of_card = {bare(source.code) for part in change for source in part}
        has_category = asked.sheet.masks(codes_of_card) != asked.sheet.masks(())
        is_ticked = any(one.pk in ticked for one in of_card)
        found.append(Offer(key, kind, code, days, change, delta, is_ticked, has_category))
    return sorted(found, key=lambda offer: (offer.kind != SuggestionKind.CHECK, offer.icd10))


def together(asked: Asked, chosen: Sequence[Offer]) -> Together:
    changes = [offer.change for offer in chosen]
    [delta] = asked.deltas([(Outcome.CHANGE, joined(changes))])
    parts, exact = shared(asked, asked.now, [(said(offer), offer.change, "") for offer in chosen])
    return Together(delta, parts, exact)


def said(offer: Offer) -> str:
    if offer.delta.outcome == Outcome.CHANGE:
        return f"{offer.icd10} changed to {offer.delta.code}"
    return f"{offer.icd10} {'deleted' if offer.delta.outcome == Outcome.DELETE else 'added'}"


def joined(changes: Iterable[Change]) -> Change:
    listed = list(changes)
    return [one for added, _ in listed for one in added], [one for _, gone in listed for one in gone]


def shared(
    asked: Asked, before: Sequence[Source], moves: Sequence[tuple[str, Change, str]]
) -> tuple[tuple[Part, ...], bool]:
    """The share of each move (label, change, why) in the payment score; the parts sum to what all of them do."""
    found = scoring.shares(asked.sheet, names(before), [(names(new), names(gone)) for _, (new, gone), _ in moves])
    parts = (Part(label, amount, why) for (label, _, why), amount in zip(moves, found.payment, strict=True))
    return tuple(parts), found.exact


# --- From the first pass to what is payable ------------------------------------------------------------------------


def waterfall(asked: Asked, codes: Codes, chosen: Sequence[Offer], *, own_year: bool) -> list[Bar]:
    """Each step is the model's difference and each of its parts a fair share of it, so that everything sums."""
    sheet = asked.sheet
    sources = list(codes.baseline)
    bars = [Bar("First pass", None, sheet.score(names(sources)).payment)]

    def step(label: str, moves: Sequence[tuple[str, Change, str]]) -> None:
        if not moves:
            return
        parts, exact = shared(asked, sources, moves)
        for _, (new, gone), _ in moves:
            for source in gone:
                sources.remove(source)
            sources.extend(new)
        after = sheet.score(names(sources)).payment
        bars.append(Bar(label, after - bars[-1].after, after, parts, exact))

    for label in (ADDED, REPLACED, STRUCK):
        step(label, list(by_code(codes.decided, label)))
    if chosen:
        bars.append(Bar("Now", None, bars[-1].after))
        step(TICKED, [(said(offer), offer.change, "") for offer in chosen])
    bars.append(Bar("As documented", None, bars[-1].after))
    if not own_year:
        return bars
    for answer, label in ((NO, UNPAID), (UNKNOWN, OPEN)):
        step(label, list(ineligible(asked, sources, answer)))
        if answer == NO and any(ineligible(asked, sources, UNKNOWN)):
            bars.append(Bar("Payable, if all counts that may", None, bars[-1].after))
    bars.append(Bar("Payable" if bars[-1].label != OPEN else "Payable for certain", None, bars[-1].after))
    return bars


def bare(code: str) -> str:
    return code.replace(".", "")


def by_code(decided: Iterable[tuple[Suggestion, Change]], label: str) -> Iterator[tuple[str, Change, str]]:
    """The decided changes of one kind, each code over all its dates of service."""
    grouped: dict[str, list[Change]] = {}
    for suggestion, (added, removed) in decided:
        kind = REPLACED if added and removed else ADDED if added else STRUCK
        if kind == label:
            code = suggestion.icd10 if not added else added[0].code
            words = f"{suggestion.icd10} changed to {code}" if code != suggestion.icd10 else code
            grouped.setdefault(words, []).append((added, removed))
    return ((words, joined(changes), "") for words, changes in sorted(grouped.items()))


def ineligible(asked: Asked, sources: Iterable[Source], answer: str) -> Iterator[tuple[str, Change, str]]:
    """What is not paid, or not known to be, each code over its dates of service with their reasons. Codes that no model
    maps are left out: they pay nothing anyway."""
    grouped: dict[str, list[Source]] = {}
    nothing = asked.sheet.masks(())
    for source in sources:
        if asked.says(source)[0] == answer and asked.sheet.masks([bare(source.code)]) != nothing:
            grouped.setdefault(source.code, []).append(source)
    for code, gone in sorted(grouped.items()):
        yield code, ([], gone), "; ".join(dict.fromkeys(asked.says(source)[1] for source in gone))


def drawn(bars: Sequence[Bar]) -> list[Bar]:
    """With the places of the drawing, in per cent of the highest score."""
    top = max([abs(bar.after) for bar in bars] + [Decimal("0.001")])

    def percent(value: Decimal) -> str:
        return f"{100 * value / top:.2f}"

    found = []
    for bar in bars:
        before = Decimal(0) if bar.amount is None else bar.after - bar.amount
        low, high = sorted((max(before, Decimal(0)), max(bar.after, Decimal(0))))
        places = {"start": percent(low), "width": percent(high - low)}
        found.append(Bar(bar.label, bar.amount, bar.after, bar.parts, bar.exact, **places))
    return found


# --- Categories by year --------------------------------------------------------------------------------------------

STATES = {
    SuggestionStatus.OPEN: ("open", "warn"),
    SuggestionStatus.KEPT: ("kept", "good"),
    SuggestionStatus.DELETED: ("deleted", "bad"),
    SuggestionStatus.CHANGED: ("changed", "info"),
    SuggestionStatus.QUERIED: ("query", "info"),
}


def grid(
    sheet: scoring.Worksheet,
    charts: Sequence[Chart],
    codes: Mapping[int, Codes],
    chosen: Chart,
    now: scoring.Score,
    asked: Asked | None,
) -> tuple[list[Row], tuple[str, ...]]:
    """A row for each category that a code of one of the charts carries in the models of the sheet, as the chosen year
    names them; and the codes without any."""
    carried: dict[tuple[int, int], dict[int, list[Entry]]] = {}
    silent = set()
    drugs = sheet.masks(())
    for chart in charts:
        for entry in entries(codes[chart.pk], asked if chart == chosen else None):
            own = sheet.masks([bare(entry.code)])
            if own == drugs:
                silent.add(entry.code)
            for number, mask in enumerate(own):
                for bit in ones(mask & ~drugs[number]):
                    carried.setdefault((number, bit), {}).setdefault(chart.pk, []).append(entry)
    rows = []
    for (number, bit), by_chart in sorted(carried.items()):
        model = now.models[number]
        cells = tuple(Cell(chart, tuple(by_chart.get(chart.pk, ()))) for chart in charts)
        rows.append(row_of(model, bit, cells))
    return rows, tuple(sorted(silent))


def row_of(model: scoring.ModelScore, bit: int, cells: tuple[Cell, ...]) -> Row:
    run, release = model.run, model.run.release
    hcc = release.names[bit]
    counts = bool(model.left & run.paid & bit)
    stands = "counts" if counts else "no factor in this segment" if model.left & bit else ""
    if model.mask & bit & ~model.left:
        stands = run.trumped(release.dropped_by(model.mask)[hcc])
    return Row(model.model, run.shown(hcc), release.labels.get(release.prefix + hcc, ""), stands, counts, cells)


def entries(codes: Codes, asked: Asked | None) -> list[Entry]:
    """Every code of a chart with its source and state: of the first pass, added, or suggested."""
    answered = {
        (one.encounter_id, one.icd10): one
        for one in [*codes.open, *codes.unchanged, *(one for one, _ in codes.decided)]
        if one.kind == SuggestionKind.CHECK
    }
    alike: dict[Entry, list[tuple[date, int]]] = {}

    def entry(source: Source, origin: str, state: str, tone: str) -> None:
        pays = asked.pays(source) if asked else None
        alike.setdefault(Entry(source.code, origin, state, tone, pays), []).append((source.day, source.encounter))

    for source in codes.baseline:
        suggestion = answered.get((source.encounter, source.code))
        state, tone = STATES[SuggestionStatus(suggestion.status)] if suggestion else ("reported", "quiet")
        entry(source, "first pass", state, tone)
    for _, (added, _) in codes.decided:
        for source in added:
            entry(source, "second pass", "added", "good")
    for suggestion in codes.open:
        if suggestion.kind == SuggestionKind.ADD:
            _, (added, _) = scores.offered_answer(suggestion)
            entry(added[0], "suggested", "open", "warn")
    found = [replace(one, dates=tuple(sorted(dates))) for one, dates in alike.items()]
    return sorted(found, key=lambda one: (one.code, one.dates))
