"""What the page of a chart shows: its questions, beside its record as `coding.views.record` cuts it. Reads only.

`read_chart` fetches everything in a fixed number of queries, however many notes, suggestions and spans there are.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Prefetch
from django.utils import timezone

from coding import scores, validity
from coding.acceptability import Book, Flag
from coding.actions.queues import fell_silent
from coding.contradictions import Contradiction, concerning
from coding.contradictions import of_chart as contradictions_of
from coding.models import (
    Chart,
    Decision,
    Encounter,
    EvidenceSpan,
    Note,
    ProviderQuery,
    QAReview,
    Suggestion,
    User,
)
from coding.permissions import Permission, can, can_code_chart, can_see_scores
from coding.templatetags.secondpass import SPAN_LETTERS
from coding.views.record import (
    EncounterPage,
    NotePage,
    encounters_of,
    facts,
    muted_mentions,
    note_page,
    places_of,
    unread_pages_of,
)
from coding.workflow import (
    ANSWERS,
    ChartStatus,
    Outcome,
    RunStatus,
    SpanLabel,
    SuggestionKind,
    SuggestionStatus,
    Verdict,
)

READING_ORDER = (
    SpanLabel.MENTION,
    SpanLabel.AGAINST,
    SpanLabel.MONITOR,
    SpanLabel.EVALUATE,
    SpanLabel.ASSESS,
    SpanLabel.TREAT,
)
VERDICT_TONES = {
    Verdict.SUPPORTED: "good",
    Verdict.MORE_SPECIFIC: "info",
    Verdict.CONFLICT: "warn",
    Verdict.UNSUPPORTED: "bad",
    Verdict.NOT_FOUND: "warn",
    Verdict.PENDING: "quiet",
}
MEAT = {SpanLabel.MONITOR, SpanLabel.EVALUATE, SpanLabel.ASSESS, SpanLabel.TREAT}
GROUP_ORDER = ("checks", "specificity", "conflicts", "adds")
# The command (coding.keys) that gives each answer.
COMMANDS = {
    Outcome.ACCEPT: "accept",
    Outcome.KEEP: "keep",
    Outcome.REJECT: "refuse",
    Outcome.DELETE: "refuse",
    Outcome.CHANGE: "change",
    Outcome.QUERY: "query",
}


@dataclass(frozen=True)
class Group:
    """The evidence under one letter on one date of service."""

    label: SpanLabel
    spans: list[EvidenceSpan]

    @property
    def letter(self) -> str:
        return SPAN_LETTERS.get(self.label, "")


@dataclass(frozen=True)
class Question:
    """One code on one date of service: the unit that is decided."""

    suggestion: Suggestion
    groups: list[Group]
    decision: Decision | None
    review: QAReview | None
    newest: int = 0  # id of the newest decision, taken back or not
    hidden: bool = False

    @property
    def encounter(self) -> Encounter:
        return self.suggestion.encounter

    @property
    def is_open(self) -> bool:
        return not self.hidden and self.suggestion.status == SuggestionStatus.OPEN

    @cached_property
    def is_copied(self) -> bool:
        """Whether every MEAT element stands word for word in an earlier record."""
        meat = [span for group in self.groups if group.label in MEAT for span in group.spans]
        return bool(meat) and all(span.copied_from for span in meat)

    @property
    def verdict_tone(self) -> str:
        return VERDICT_TONES[Verdict(self.suggestion.verdict)] if self.suggestion.verdict else ""


@dataclass(frozen=True)
class Answer:
    """A button of a card: what it answers, the command of its key, whether it needs a panel first (reason, code)."""

    outcome: Outcome
    command: str
    panel: bool


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def answers_to(kind: SuggestionKind) -> list[Answer]:
    return [
        Answer(one, command, one not in (Outcome.ACCEPT, Outcome.KEEP))
        for one, command in COMMANDS.items()
        if one in ANSWERS[kind]
    ]


@dataclass
class Standing:
    """The same answer on one or more dates. delta: the sum of what the answers changed, each at its moment; paid: the
    same as it would be paid, None where one is not known; why: where it differs, each reason once. queries: what is
    asked of the providers, for each date by itself."""

    suggestion: Suggestion
    decision: Decision
    dates: list[date]
    delta: Decimal | None
    paid: Decimal | None
    why: list[str]
    queries: list[ProviderQuery]


@dataclass
class Card:
    """One code and kind over its dates of service: answered once for all of them, or date by date."""

    kind: SuggestionKind
    icd10: str
    questions: list[Question] = field(default_factory=list)
    deltas: list[tuple[scores.Panel, scores.Delta]] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)  # by encounter: why the code does not count on that date
    flags: list[tuple[list[date], Flag]] = field(default_factory=list)  # high-risk groups, with what is missing
    warnings: list[tuple[list[date], validity.Warned]] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    elsewhere: list[date] = field(default_factory=list)  # dates of service on which nobody asks about the code
    prior: list[scores.Prior] = field(default_factory=list)  # codes of the same HCC in earlier years, newest first

    @cached_property
    def copied(self) -> list[date]:
        return [one.encounter.date_from for one in self.questions if one.is_copied]

    @cached_property
    def counts_nowhere(self) -> bool:
        return all(q.suggestion.encounter_id in self.refusals for q in self.questions)

    @cached_property
    def first(self) -> Suggestion:
        """What the card says about itself comes from its best-supported date."""
        strength = ("strong", "moderate", "weak", "")
        return min(
            (q.suggestion for q in self.questions),
            key=lambda s: strength.index(s.confidence) if s.confidence in strength else len(strength),
        )

    @cached_property
    def family(self) -> str:
        """The condition file of the rule behind the card; "" for a code that a person added."""
        return self.first.family if "/" in self.first.rule else ""

    @cached_property
    def key(self) -> int:
        return min(q.suggestion.pk for q in self.questions)

    @cached_property
    def open_questions(self) -> list[Question]:
        return [q for q in self.questions if q.is_open]

    @cached_property
    def answered_questions(self) -> list[Question]:
        return [q for q in self.questions if not q.is_open and not q.hidden]

    @cached_property
    def standing(self) -> list[Standing]:
        found: dict[tuple[object, ...], Standing] = {}
        for question in self.answered_questions:
            decision, day = question.decision, question.encounter.date_from
            if decision is None:
                continue
            queries = [query] if (query := getattr(decision, "provider_query", None)) else []
            key = (decision.outcome, decision.icd10, decision.reason, decision.comment, decision.decided_by_id)
            if key not in found:
                found[key] = Standing(
                    question.suggestion,
                    decision,
                    [day],
                    decision.delta,
                    decision.delta_paid,
                    [decision.paid_why],
                    queries,
                )
                continue
            same = found[key]
            same.dates.append(day)
            same.delta = _sum(same.delta, decision.delta)
            same.paid = _sum(same.paid, decision.delta_paid)
            same.queries += queries
            same.why += [decision.paid_why] * (decision.paid_why not in same.why)
        return list(found.values())

    @cached_property
    def is_open(self) -> bool:
        return bool(self.open_questions)

    @cached_property
    def is_hidden(self) -> bool:
        return any(q.hidden for q in self.questions)

    @cached_property
    def owners(self) -> str:
        return " ".join(str(q.suggestion.pk) for q in self.questions)

    @cached_property
    def is_returned(self) -> bool:
        """QA overturned an answer that still stands, and the coder has not responded."""
        return any(
            q.review and q.decision and q.review.decision_id == q.decision.pk and not q.review.coder_response
            for q in self.questions
        )

    @cached_property
    def proposed(self) -> list[str]:
        return list(dict.fromkeys(code for q in self.questions for code in q.suggestion.proposed))

    @cached_property
    def answers(self) -> list[Answer]:
        return answers_to(self.kind)

    @cached_property
    def answered_last(self) -> int:
        return max((q.decision.pk for q in self.answered_questions if q.decision), default=0)

    @cached_property
    def group(self) -> str:
        """The name of the group in which the open card stands."""
        if self.kind == SuggestionKind.ADD:
            return "adds"
        verdicts = {q.suggestion.verdict for q in self.questions if q.is_open or q.hidden}
        if Verdict.CONFLICT in verdicts:
            return "conflicts"
        return "specificity" if Verdict.MORE_SPECIFIC in verdicts else "checks"

    @cached_property
    def same_verdict(self) -> bool:
        return len({q.suggestion.verdict for q in self.questions}) == 1

    @cached_property
    def place(self) -> tuple[Any, ...]:
        """Cards stand in the order of the record, never by what they are worth."""
        spans = [
            (q.encounter.date_from, span.note_id, span.start)
            for q in self.questions
            for group in q.groups
            for span in group.spans
        ]
        days = [(q.encounter.date_from, math.inf, 0) for q in self.questions]
        return (GROUP_ORDER.index(self.group), min(spans or days), self.icd10)

    @cached_property
    def unread_pages(self) -> list[tuple[Note, int]]:
        """Pages of its dates of service on which nobody but a person could have found something."""
        by_encounter = {q.suggestion.encounter_id: q.encounter for q in self.questions}
        return [one for encounter in by_encounter.values() for one in unread_pages_of(encounter)]

    @cached_property
    def has_evidence(self) -> bool:
        return any(q.groups for q in self.questions)


@dataclass(frozen=True)
class CardGroup:
    """Cards that are decided in one go. A page keeps the empty ones, out of sight: cards move between them."""

    name: str
    title: str
    hint: str
    cards: list[Card]


@dataclass
class Reading:
    """Everything that the page of a chart shows to one person."""

    chart: Chart
    encounters: list[EncounterPage]
    cards: list[Card]
    panels: list[scores.Panel]
    may_answer: bool
    blind: bool
    given_back: bool = False  # back in the queue while this person was silent, and not taken since
    pages_unread: int = 0  # hold no text for the rules
    contradictions: list[Contradiction] = field(default_factory=list)

    @cached_property
    def groups(self) -> list[CardGroup]:
        """In the order in which they are decided; what is already on a claim comes before what could be added."""
        titles = {
            "returned": ("Returned by QA", ""),
            "checks": ("Existing codes", "decide these first"),
            "specificity": ("Specificity", "the record says more than the code"),
            "conflicts": ("Conflicts", "the record speaks against itself"),
            "adds": ("Suggested additions", ""),
            "done": ("Decided", "newest first"),
        }
        cards: dict[str, list[Card]] = {name: [] for name in titles}
        for card in self.cards:
            if self.is_done(card):
                cards["returned" if card.is_returned else "done"].append(card)
            else:
                cards[card.group].append(card)
        cards["done"].sort(key=lambda card: -card.answered_last)
        return [CardGroup(name, *words, cards[name]) for name, words in titles.items()]

    @cached_property
    def done(self) -> list[Card]:
        return [card for card in self.cards if self.is_done(card)]

    @cached_property
    def seen(self) -> int:
        """The newest answer that this page knows of: an answer sent from an older page gets the whole work again."""
        return max((one.newest for card in self.cards for one in card.questions), default=0)

    def is_done(self, card: Card) -> bool:
        return not card.is_open and not card.is_hidden

    @cached_property
    def open_count(self) -> int:
        return sum(len(card.open_questions) for card in self.cards)

    @cached_property
    def waiting(self) -> dict[int, int]:
        """Open questions by encounter, also where none is left."""
        counts: dict[int, int] = {}
        for card in self.cards:
            for question in card.questions:
                pk = question.suggestion.encounter_id
                counts[pk] = counts.get(pk, 0) + question.is_open
        return counts

    @cached_property
    def open_cards(self) -> int:
        return sum(card.is_open for card in self.cards)

    def runs(self, *states: RunStatus) -> list[NotePage]:
        return [note for e in self.encounters for note in e.notes if note.state in states]

    @cached_property
    def unread(self) -> list[NotePage]:
        return self.runs(RunStatus.QUEUED, RunStatus.RUNNING)

    @cached_property
    def failed(self) -> list[NotePage]:
        return self.runs(RunStatus.FAILED)

    @cached_property
    def ruleset(self) -> str:
        return next((n.run.ruleset for e in self.encounters for n in e.notes if n.run and n.run.result), "")

    @cached_property
    def suppressed_count(self) -> int:
        return sum(bool(p.reason) for e in self.encounters for n in e.notes for p in n.pieces)

    def after(self, key: int) -> Card | None:
        """The next open card after the one with this key, from the top again after the last."""
        keys = [card.key for card in self.cards]
        at = keys.index(key) if key in keys else -1
        return next((card for card in [*self.cards[at + 1 :], *self.cards[: at + 1]] if card.is_open), None)


def questions_of(chart: Chart, *, blind: bool) -> list[Question]:
    suggestions = (
        chart.suggestions.live()
        .select_related("encounter", "added_by")
        .prefetch_related(
            Prefetch("evidence", EvidenceSpan.with_removed.all()),
            Prefetch("encounter__notes", Note.objects.defer("text")),
            Prefetch("decisions", Decision.objects.select_related("decided_by", "provider_query")),
            Prefetch("decisions__qa_reviews", QAReview.objects.select_related("auditor").order_by("pk")),
        )
        .order_by("encounter__date_from", "pk")
    )
    return [question(suggestion, blind=blind) for suggestion in suggestions]


def question(suggestion: Suggestion, *, blind: bool) -> Question:
    decisions = list(suggestion.decisions.all())
    reviews = [review for decision in decisions for review in decision.qa_reviews.all()]
    overturned = [review for review in reviews if review.verdict == QAReview.Verdict.OVERTURN]
    hidden = blind and bool(decisions) and not any(review.own_outcome for review in reviews)
    by_label: dict[str, list[EvidenceSpan]] = {}
    for span in suggestion.evidence.all():
        # What a coder marked, or took away, tells how they answered. A code that the coder found has no other evidence.
        rules_alone = hidden and not suggestion.added_by_id
        if span.tagged_by_id is None if rules_alone else span.removed_by_id is None:
            by_label.setdefault(span.label, []).append(span)
    groups = [Group(label, by_label[label]) for label in READING_ORDER if label in by_label]
    if hidden:
        return Question(suggestion, groups, None, None, hidden=True)
    newest = decisions[-1].pk if decisions else 0
    standing = decisions[-1] if decisions and suggestion.status != SuggestionStatus.OPEN else None
    return Question(suggestion, groups, standing, overturned[-1] if overturned else None, newest)


def cards_of(chart: Chart, questions: Iterable[Question], panels: list[scores.Panel]) -> list[Card]:
    cards: dict[tuple[str, str], Card] = {}
    for one in questions:
        key = (one.suggestion.kind, one.suggestion.icd10)
        card = cards.setdefault(key, Card(SuggestionKind(key[0]), key[1]))
        card.questions.append(one)
    for card in cards.values():
        card.deltas = [(panel, panel.cards[key]) for panel in panels if (key := (card.kind, card.icd10)) in panel.cards]
    return sorted(cards.values(), key=lambda card: card.place)


def is_blind(user: User, chart: Chart) -> bool:
    """An auditor does not see a coder's answers before giving their own, on no page."""
    return can(user, Permission.AUDIT, chart.project) and chart.status in (ChartStatus.CODED, ChartStatus.IN_QA)


def read_chart(
    chart: Chart,
    user: User,
    *,
    with_record: bool = True,
    found: Mapping[int, validity.Validity] | None = None,
) -> Reading:
    """The chart as this person sees it. with_record: also encounters and notes (an answer changes only the cards).
    found: what the rules say of its dates of service, where the caller has asked them already."""
    blind = is_blind(user, chart)
    questions = questions_of(chart, blind=blind)
    rules = validity.rules_of(chart.project)
    record: list[EncounterPage] = []
    if with_record:
        encounters = encounters_of(chart)
        differing = contradictions_of(chart, encounters)
        record = record_of(chart, questions, rules, encounters, differing)
        found = {page.encounter.pk: page.validity for page in record}
    else:
        encounters = list(validity.encounters_of(chart))
        differing = contradictions_of(chart, encounters)
        if found is None:
            found = validity.chart_validity(chart, encounters, timezone.localdate(), rules)
    panels = (
        scores.chart_scores(chart, found, by_date=False) if can_see_scores(user, chart.project) and not blind else []
    )
    cards = cards_of(chart, questions, panels)
    for card in cards:
        card.refusals = validity.refusals(found, [q.suggestion.encounter_id for q in card.questions], card.kind)
        asked = {q.suggestion.encounter_id for q in card.questions}
        card.elsewhere = [encounter.date_from for encounter in encounters if encounter.pk not in asked]
    warn(chart, encounters, cards, rules)
    contradict(cards, differing)
    if prior := scores.prior_years(chart):
        program = scores.programs(chart)[0]
        for card in cards:
            hccs = scores.payment_hccs(program, scores.payment_year(chart, program), card.icd10)
            card.prior = sorted({one for hcc in hccs for one in prior.get(hcc, ())}, reverse=True)
    given_back = fell_silent(chart, user) and can(user, Permission.CODE, chart.project)
    pages_unread = sum(len(unread_pages_of(encounter)) for encounter in encounters)
    return Reading(
        chart, record, cards, panels, can_code_chart(user, chart), blind, given_back, pages_unread, differing
    )


def contradict(cards: Iterable[Card], differing: Iterable[Contradiction]) -> None:
    """Put on each card what the record says of its code that cannot both hold."""
    cards = list(cards)
    beside = concerning(differing, [card.icd10 for card in cards])
    for card in cards:
        card.contradictions = beside.get(card.icd10, [])


def warn(chart: Chart, encounters: list[Encounter], cards: list[Card], rules: Book) -> None:
    """Put on each card the high-risk groups of its code, and what speaks against the code where it stands.

    Asked of every code that is on the chart or may be put there; what an answer took off is gone.
    """
    codes: dict[int, set[str]] = {}
    for card in cards:
        for q in card.questions:
            declined = not q.is_open and not q.hidden and q.suggestion.status in (
                SuggestionStatus.REJECTED, SuggestionStatus.DELETED,
            )  # fmt: skip
            if not declined:
                put = q.decision.icd10 if q.decision and q.decision.outcome == Outcome.CHANGE else card.icd10
                codes.setdefault(q.suggestion.encounter_id, set()).add(put)
    flags = validity.chart_flags(chart, encounters, codes, rules)
    warnings = validity.chart_warnings(chart, encounters, codes, scores.payment_hccs, rules)
    for card in cards:
        places = [((q.suggestion.encounter_id, card.icd10), q.encounter.date_from) for q in card.questions]
        card.flags = same_on((flag, day) for place, day in places for flag in flags.get(place, []))
        said = same_on((warned, day) for place, day in places for warned in warnings.get(place, []))
        # A group says more than that the event is acute.
        card.warnings = [(days, warned) for days, warned in said if not card.flags or warned.rule_id != "E.acute"]


T = TypeVar("T")


def same_on(found: Iterable[tuple[T, date]]) -> list[tuple[list[date], T]]:
    """What is said of several dates, once, with the dates."""
    grouped: dict[tuple[str, ...], tuple[list[date], T]] = {}
    for one, day in found:
        said = (one.rule_id, *one.missing) if isinstance(one, Flag) else (str(one),)
        grouped.setdefault(said, ([], one))[0].append(day)
    return list(grouped.values())


def record_of(
    chart: Chart,
    questions: Iterable[Question],
    rules: Book | None = None,
    encounters: Iterable[Encounter] | None = None,
    differing: Iterable[Contradiction] = (),
) -> list[EncounterPage]:
    """encounters: as `encounters_of` fetches them, where they are at hand. differing: both places can be gone to."""
    spans: dict[int, list[EvidenceSpan]] = {}
    waiting: dict[int, int] = {}
    for one in questions:
        waiting[one.suggestion.encounter_id] = waiting.get(one.suggestion.encounter_id, 0) + one.is_open
        for group in one.groups:
            for span in group.spans:
                spans.setdefault(span.note_id, []).append(span)
    muted = muted_mentions(chart)
    places = places_of(differing)
    encounters = encounters_of(chart) if encounters is None else encounters
    found = validity.chart_validity(chart, encounters, timezone.localdate(), rules)
    return [
        EncounterPage(
            encounter,
            facts(encounter),
            [
                note_page(note, spans.get(note.pk, []), muted.get(note.pk, ()), places.get(note.pk, ()))
                for note in encounter.notes.all()
            ],
            found[encounter.pk],
            waiting.get(encounter.pk, 0),
        )
        for encounter in encounters
    ]


def marked_note(note: Note, reading: Reading) -> NotePage:
    """A note again, after its evidence has changed."""
    groups = [group for card in reading.cards for one in card.questions for group in one.groups]
    spans = [span for group in groups for span in group.spans if span.note_id == note.pk]
    places = places_of(reading.contradictions).get(note.pk, ())
    return note_page(note, spans, muted_mentions(reading.chart).get(note.pk, ()), places)
