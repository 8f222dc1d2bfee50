"""From a coder's answer `query` to what is sent to the provider, and to what came back."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import transaction

from coding import contradictions, provider_queries
from coding.actions import trail
from coding.actions.locks import lock_chart
from coding.models import Decision, EvidenceSpan, NlpRun, Note, ProviderQuery, Suggestion, User
from coding.permissions import check_can_work_on_query
from coding.provider_queries import CONFLICT, Fault, practice
from coding.refusals import Refused
from coding.workflow import QUERY_MOVES, QueryStatus, RunStatus, SpanLabel, family_of

Place = tuple[int, int, int]  # note's primary key, start, end


class NotSendable(Refused):
    """The query is not yet one that may be sent. `faults`: everything that is to be changed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(map(str, faults)))
        self.faults = list(faults)


class NotAQuery(Refused):
    """What was given does not fit the query, or its status. The message says what to give."""


def draft(decision: Decision) -> ProviderQuery:
    """The query of a coder's answer, written for them from the evidence: in the decision's own transaction."""
    suggestion = decision.suggestion
    spans = list(suggestion.evidence.select_related("note"))
    places = [(span.note_id, span.start, span.end) for span in spans]
    if decision.reason == CONFLICT:
        places += contradicting(suggestion)
    mention = max((span.quote for span in spans if span.label == SpanLabel.MENTION), key=len, default="")
    text = provider_queries.draft(
        decision.reason,
        day=suggestion.encounter.date_from.isoformat(),
        mention=mention,
        family=suggestion.family,
        words=decision.comment,
    )
    return ProviderQuery.objects.create(
        decision=decision,
        question=text.question,
        options=list(text.options),
        indicators=[list(place) for place in outermost(places)],
    )


def contradicting(suggestion: Suggestion) -> list[Place]:
    """What the record of the date says that does not go together about the code: each date stands alone."""
    encounters = suggestion.chart.encounters.prefetch_related("notes", "first_pass_codes")
    found = contradictions.concerning(contradictions.of_chart(suggestion.chart, encounters), [suggestion.icd10])
    return [
        (place.note, place.start, place.end)
        for one in found.get(suggestion.icd10, ())
        for place in one.places
        if place.encounter == suggestion.encounter_id
    ]


def outermost(places: Iterable[Place]) -> list[Place]:
    """The places that stand inside no other, in the record's order: nothing is quoted twice."""
    kept: list[Place] = []
    for note, start, end in sorted(set(places), key=lambda place: (place[0], place[1], -place[2])):
        if not kept or kept[-1][0] != note or end > kept[-1][2]:
            kept.append((note, start, end))
    return kept


@transaction.atomic
def change(
    *, query: ProviderQuery, question: str, options: Iterable[str], indicators: Iterable[Place], by: User
) -> ProviderQuery:
    """Another text of a draft. Raises NotAllowed, and NotAQuery for one that is sent or a place that is not there."""
    query = to_write(query, by)
    if query.status != QueryStatus.DRAFT:
        raise NotAQuery("What is sent does not change any more. Withdraw it, and ask again.")
    places = list(dict.fromkeys(indicators))
    lengths = {note.pk: len(note.text) for note in Note.objects.filter(encounter=query.encounter)}
    if any(not 0 <= start < end <= lengths.get(note, -1) for note, start, end in places):
        raise NotAQuery("A quoted place is not in the notes of this date of service; each date stands alone.")
    query.question = question.strip()
    query.options = [option.strip() for option in options if option.strip()]
    query.indicators = [list(place) for place in places]
    query.save(update_fields=["question", "options", "indicators"])
    return query


def faults_of(query: ProviderQuery) -> list[Fault]:
    """What keeps the query from being sent."""
    runs = NlpRun.objects.filter(note__encounter=query.encounter)
    read = [run.result for run in runs if run.status == RunStatus.DONE and run.result]
    named = {family_of(one["rule"]) for answer in read for one in (*answer["suggestions"], *answer["suppressed"])}
    # The coder's own evidence names the condition of a code that they added by hand.
    mentions = EvidenceSpan.objects.filter(suggestion=query.decision.suggestion, label=SpanLabel.MENTION)
    for quote in mentions.values_list("quote", flat=True):
        named |= {family for family, _ in provider_queries.conditions(quote)}
    return provider_queries.faults(
        query.question, query.options, indicators=len(query.indicators), named=named if read else None
    )


@transaction.atomic
def send(*, query: ProviderQuery, to: str, on: date, due_on: date, by: User) -> ProviderQuery:
    """Record that the query went out, by whatever way the organization uses.

    Raises NotAllowed; NotSendable with everything that a query must not be; NotAQuery for dates that cannot be.
    """
    query = to_write(query, by)
    check_may_become(query, QueryStatus.SENT)
    if not to.strip():
        raise NotAQuery("Say to whom the query goes.")
    if due_on <= on:
        raise NotAQuery("The answer is due after the day on which the query is sent.")
    if faults := faults_of(query):
        raise NotSendable(faults)
    query.status, query.sent_to, query.sent_on, query.due_on, query.sent_by = (
        QueryStatus.SENT, to.strip(), on, due_on, by,
    )  # fmt: skip
    query.save()
    record("query.sent", query, by, due_on=due_on.isoformat(), indicators=len(query.indicators))
    return query


@transaction.atomic
def record_answer(
    *, query: ProviderQuery, answer: str, words: str, provider: str, on: date, today: date, by: User
) -> ProviderQuery:
    """What the provider answered, as it came. It changes no code and no date of service.

    answer: one of the query's options. words: what the provider wrote beside it; needed with "Other".
    """
    query = to_write(query, by)
    check_may_become(query, QueryStatus.ANSWERED)
    if answer not in (*query.options, *practice().always):
        raise NotAQuery("Choose the answer that the provider gave.")
    if answer == practice().always[0] and not words.strip():
        raise NotAQuery("Give the words of the provider's other answer.")
    if not provider.strip():
        raise NotAQuery("Say who answered.")
    if query.sent_on is None or not query.sent_on <= on <= today:
        raise NotAQuery(f"The answer came between {query.sent_on} and today.")
    query.status, query.answer, query.answer_words = QueryStatus.ANSWERED, answer, words.strip()
    query.answered_by, query.answered_on, query.recorded_by = provider.strip(), on, by
    query.save()
    record("query.answered", query, by, on=on.isoformat())
    return query


@transaction.atomic
def withdraw(*, query: ProviderQuery, by: User) -> None:
    """Give the query up. The coder's decision stands until they take it back."""
    query = to_write(query, by)
    check_may_become(query, QueryStatus.WITHDRAWN)
    end(query, by)


def withdraw_of(decision: Decision, by: User) -> None:
    """The query of a decision that is taken back, in that transaction; one that is answered stays as it is."""
    query = ProviderQuery.objects.with_record().filter(decision=decision).first()
    if query and QueryStatus.WITHDRAWN in QUERY_MOVES[QueryStatus(query.status)]:
        end(query, by)


def end(query: ProviderQuery, by: User) -> None:
    query.status = QueryStatus.WITHDRAWN
    query.save(update_fields=["status"])
    record("query.withdrawn", query, by)


def to_write(query: ProviderQuery, by: User) -> ProviderQuery:
    lock_chart(query.chart)
    query = ProviderQuery.objects.with_record().get(pk=query.pk)
    check_can_work_on_query(by, query)
    return query


def check_may_become(query: ProviderQuery, to: QueryStatus) -> None:
    if to not in QUERY_MOVES[QueryStatus(query.status)]:
        raise NotAQuery(f"A query that is {query.get_status_display().lower()} cannot become {to.label.lower()}.")


def record(action: str, query: ProviderQuery, by: User, **details: object) -> None:
    trail.record(
        action,
        by=by,
        project=query.chart.project,
        subject=query,
        chart=query.chart.pk,
        icd10=query.decision.suggestion.icd10,
        **details,
    )
