"""Statuses, the moves between them and who owns each. Tables only: `actions` make the moves."""

from django.db.models import TextChoices


class ChartStatus(TextChoices):
    IMPORTED = "imported", "Imported"
    READY = "ready", "Ready"
    IN_REVIEW = "in_review", "In review"
    ON_HOLD = "on_hold", "On hold"
    CODED = "coded", "Coded"
    IN_QA = "in_qa", "In QA"
    RETURNED = "returned", "Returned"
    CLOSED = "closed", "Closed"


class QueueKey(TextChoices):
    """By what a project may order its queue. A lead's priority stands before all of them."""

    DEADLINE = "deadline", "Nearest submission deadline"
    OLDEST = "oldest", "Longest here"
    SHORTEST = "shortest", "Shortest chart"
    LONGEST = "longest", "Longest chart"
    FLAGS = "flags", "Most risk flags"
    STAKE = "stake", "Expected value (score change)"


class SuggestionKind(TextChoices):
    ADD = "add", "Add"
    CHECK = "check", "Check"


class SuggestionStatus(TextChoices):
    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    KEPT = "kept", "Kept"
    DELETED = "deleted", "Deleted"
    CHANGED = "changed", "Changed"
    QUERIED = "queried", "Queried"
    SUPERSEDED = "superseded", "Superseded"
    MUTED = "muted", "Muted"


class RunStatus(TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class QueryStatus(TextChoices):
    """Of a query to a provider. One that is sent and past its day is overdue: a date says so, no status."""

    DRAFT = "draft", "Draft"
    SENT = "sent", "Sent"
    ANSWERED = "answered", "Answered"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Outcome(TextChoices):
    """What a coder answers. `reopen` takes an answer back; it is a decision of its own, never a deletion."""

    ACCEPT = "accept", "Accept"
    REJECT = "reject", "Reject"
    KEEP = "keep", "Keep"
    DELETE = "delete", "Delete"
    CHANGE = "change", "Change"
    QUERY = "query", "Query"
    REOPEN = "reopen", "Reopen"


class Verdict(TextChoices):
    """What the record says about a first-pass code."""

    PENDING = "pending", "Not read yet"
    SUPPORTED = "supported", "Supported"
    MORE_SPECIFIC = "more-specific", "More specific documented"
    CONFLICT = "conflict", "Conflict"
    UNSUPPORTED = "unsupported", "Not supported"
    NOT_FOUND = "not-found", "Not found"


class SpanLabel(TextChoices):
    """What an evidence span shows: the mention itself, a MEAT element, or what speaks against the code."""

    MENTION = "mention", "Mention"
    MONITOR = "monitor", "Monitor"
    EVALUATE = "evaluate", "Evaluate"
    ASSESS = "assess", "Assess/Address"
    TREAT = "treat", "Treat"
    AGAINST = "against", "Against"


class Owner(TextChoices):
    """Whose work a chart is while it stands in a status."""

    SYSTEM = "system", "The worker"
    QUEUE = "queue", "Nobody yet"
    CODER = "coder", "The coder"
    QA = "qa", "QA"
    NOBODY = "nobody", "Nobody any more"


STATUS_OWNERS = {
    ChartStatus.IMPORTED: Owner.SYSTEM,
    ChartStatus.READY: Owner.QUEUE,
    ChartStatus.IN_REVIEW: Owner.CODER,
    ChartStatus.ON_HOLD: Owner.CODER,
    ChartStatus.CODED: Owner.QA,
    ChartStatus.IN_QA: Owner.QA,
    ChartStatus.RETURNED: Owner.CODER,
    ChartStatus.CLOSED: Owner.NOBODY,
}

# The coder is done, and nobody has given the chart back.
FINISHED = (ChartStatus.CODED, ChartStatus.IN_QA, ChartStatus.CLOSED)

CHART_MOVES = {
    ChartStatus.IMPORTED: {ChartStatus.READY},
    ChartStatus.READY: {ChartStatus.IN_REVIEW},
    ChartStatus.IN_REVIEW: {ChartStatus.CODED, ChartStatus.ON_HOLD, ChartStatus.READY},
    ChartStatus.ON_HOLD: {ChartStatus.IN_REVIEW, ChartStatus.READY},
    ChartStatus.CODED: {ChartStatus.IN_QA, ChartStatus.CLOSED},
    ChartStatus.IN_QA: {ChartStatus.RETURNED, ChartStatus.CLOSED},
    ChartStatus.RETURNED: {ChartStatus.IN_REVIEW},
    ChartStatus.CLOSED: {ChartStatus.RETURNED},  # opened again, by somebody who answers for it
}

RUN_MOVES = {
    RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.FAILED},
    RunStatus.RUNNING: {RunStatus.DONE, RunStatus.FAILED, RunStatus.QUEUED},
    RunStatus.DONE: set(),
    RunStatus.FAILED: {RunStatus.QUEUED},
}

QUERY_MOVES = {
    QueryStatus.DRAFT: {QueryStatus.SENT, QueryStatus.WITHDRAWN},
    QueryStatus.SENT: {QueryStatus.ANSWERED, QueryStatus.WITHDRAWN},
    QueryStatus.ANSWERED: set(),
    QueryStatus.WITHDRAWN: set(),
}

# The status that an answer gives, by the kind of question; what is absent is not an answer to it.
ANSWERS = {
    SuggestionKind.ADD: {
        Outcome.ACCEPT: SuggestionStatus.ACCEPTED,
        Outcome.CHANGE: SuggestionStatus.CHANGED,
        Outcome.REJECT: SuggestionStatus.REJECTED,
        Outcome.QUERY: SuggestionStatus.QUERIED,
    },
    SuggestionKind.CHECK: {
        Outcome.KEEP: SuggestionStatus.KEPT,
        Outcome.CHANGE: SuggestionStatus.CHANGED,
        Outcome.DELETE: SuggestionStatus.DELETED,
        Outcome.QUERY: SuggestionStatus.QUERIED,
    },
}

SUGGESTION_MOVES = {
    kind: {
        SuggestionStatus.OPEN: {*answers.values(), SuggestionStatus.SUPERSEDED},
        **{status: {SuggestionStatus.OPEN} for status in answers.values()},
        SuggestionStatus.SUPERSEDED: set(),
    }
    for kind, answers in ANSWERS.items()
}
# A project may mute what a condition family suggests; a check of a first-pass code is never muted.
SUGGESTION_MOVES[SuggestionKind.ADD][SuggestionStatus.OPEN].add(SuggestionStatus.MUTED)
SUGGESTION_MOVES[SuggestionKind.ADD][SuggestionStatus.MUTED] = {SuggestionStatus.OPEN, SuggestionStatus.SUPERSEDED}

# Reasons are coded so that reports can count them; the list is the field's own (docs/glossary.md).
REASONS = {
    "not-documented": "Not documented",
    "mention-only": "Mention only, no MEAT",
    "negated": "Negated",
    "historical": "Historical or resolved",
    "family": "Family history",
    "uncertain": "Rule-out, possible or probable",
    "other-date": "Documented on another date of service only",
    "invalid-source": "Record does not count (type, signature, credential, face to face)",
    "already-captured": "Already captured",
    "inferred": "Inferred from a drug or a lab",
    "less-specific": "Less specific code supported",
    "conflicting": "Conflicting documentation",
    "copied-forward": "Copied forward",
    "other": "Other (say what)",
}
CHANGE_REASONS = {
    "specificity": "More or less specific",
    "laterality": "Laterality",
    "combination": "Combination code",
    "wrong-code": "Wrong code",
    "other": "Other (say what)",
}
# An answer that takes a code off, or declines one, names its reason. An answer that supports a code names its evidence.
REASONS_FOR = {
    Outcome.REJECT: REASONS,
    Outcome.DELETE: REASONS,
    Outcome.CHANGE: CHANGE_REASONS,
}


def family_of(rule: str) -> str:
    """The condition family of a rule, by the name that it is stored under: "ckd" of "ckd/renal insufficiency"."""
    return rule.partition("/")[0]
