"""What the second reading asks, what supports it, and what people answered."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery

from coding.models.charts import Chart, Encounter, Note
from coding.workflow import (
    FINISHED,
    Outcome,
    RunStatus,
    SpanLabel,
    SuggestionKind,
    SuggestionStatus,
    Verdict,
    family_of,
)


class NlpRun(models.Model):
    """One rule set over one note. The row is the truth about the work; a message in a queue is only a hint.

    `result` is the answer of `nlp` in the form of `python -m nlp`: codes and offsets, no text.
    """

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="runs")
    ruleset = models.CharField(max_length=80)
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["note", "ruleset"], name="one_run_per_note_and_ruleset"),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.DONE) | Q(result__isnull=False), name="a_done_run_has_a_result"
            ),
        ]
        indexes = [models.Index(fields=["status", "started_at"], name="run_by_status")]

    def __str__(self) -> str:
        return f"NLP run {self.pk}"


class SuggestionQuerySet(models.QuerySet["Suggestion"]):
    def live(self) -> "SuggestionQuerySet":
        return self.exclude(status__in=[SuggestionStatus.SUPERSEDED, SuggestionStatus.MUTED])

    def open(self) -> "SuggestionQuerySet":
        return self.filter(status=SuggestionStatus.OPEN)


class Suggestion(models.Model):
    """A question put to the coder about one code on one encounter: add it, or check it against the record."""

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="suggestions")
    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="suggestions")
    kind = models.CharField(max_length=5, choices=SuggestionKind.choices)
    icd10 = models.CharField(max_length=8)
    status = models.CharField(max_length=10, choices=SuggestionStatus.choices, default=SuggestionStatus.OPEN)
    verdict = models.CharField(max_length=13, choices=Verdict.choices, blank=True)
    proposed = models.JSONField(default=list, blank=True, help_text="For a check: codes to put instead.")
    confidence = models.CharField(max_length=10, blank=True)
    rule = models.CharField(max_length=120, blank=True)
    section = models.CharField(max_length=60, blank=True)
    why = models.TextField(blank=True)
    ruleset = models.CharField(max_length=80, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="manual_suggestions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SuggestionQuerySet.as_manager()

    class Meta:
        ordering = ["-kind", "icd10", "encounter", "pk"]  # check before add
        constraints = [
            models.UniqueConstraint(
                fields=["encounter", "kind", "icd10"],
                condition=~Q(status__in=["superseded", "muted"]),
                name="one_live_suggestion_per_encounter_kind_and_code",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="add",
                    status__in=["open", "accepted", "changed", "rejected", "queried", "superseded", "muted"],
                )
                | Q(kind="check", status__in=["open", "kept", "changed", "deleted", "queried", "superseded"]),
                name="suggestion_status_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="add", verdict="") | Q(kind="check", verdict__in=Verdict.values),
                name="only_a_check_has_a_verdict",
            ),
        ]
        indexes = [models.Index(fields=["chart", "status"], name="suggestion_by_chart_and_status")]

    def __str__(self) -> str:
        return f"Suggestion {self.pk}"

    @property
    def family(self) -> str:
        """The condition family whose rule asks: "ckd" of "ckd/renal insufficiency", "manual" where a person asked."""
        return family_of(self.rule)


class StandingEvidence(models.Manager["EvidenceSpan"]):
    """The evidence that nobody has taken away: what pages, exports and the count of MEAT elements see."""

    def get_queryset(self) -> models.QuerySet["EvidenceSpan"]:
        return super().get_queryset().filter(removed_by=None)


class EvidenceSpan(models.Model):
    """`note.text[start:end] == quote`, in Unicode code points, end exclusive.

    A span that a person took away stays as a row, so that the rules do not bring it back when they read again.
    """

    suggestion = models.ForeignKey(Suggestion, on_delete=models.CASCADE, related_name="evidence")
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="evidence")
    label = models.CharField(max_length=10, choices=SpanLabel.choices)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    quote = models.TextField()
    tagged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tagged_evidence",
        help_text="Who marked the text; nobody where the rules found it.",
    )
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="removed_evidence"
    )
    copied_from = models.DateField(
        null=True, blank=True, help_text="The earlier date of service whose record has the same sentence."
    )

    objects = StandingEvidence()
    with_removed = models.Manager["EvidenceSpan"]()

    class Meta:
        ordering = ["note", "start", "end", "label"]
        constraints = [
            models.UniqueConstraint(
                fields=["suggestion", "note", "label", "start", "end"], name="one_evidence_span_per_place_and_label"
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="evidence_span_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"Evidence span {self.pk}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    def standing(self) -> "DecisionQuerySet":
        """The newest decision of every suggestion that is answered now."""
        newest = Decision.objects.filter(suggestion=OuterRef("suggestion")).order_by("-pk").values("pk")[:1]
        return self.exclude(suggestion__status__in=[SuggestionStatus.OPEN, SuggestionStatus.SUPERSEDED]).filter(
            pk=Subquery(newest)
        )

    def past_the_gate(self) -> "DecisionQuerySet":
        """The standing decisions of finished charts on which no existing code is undecided: what may leave.

        The import adds no code to a finished chart; should a check stand open all the same, nothing leaves.
        """
        undecided = Suggestion.objects.open().filter(kind=SuggestionKind.CHECK, chart=OuterRef("suggestion__chart"))
        return self.standing().filter(~Exists(undecided), suggestion__chart__status__in=FINISHED)


class Decision(models.Model):
    """A named person's answer. Append-only: taking one back is another row (`reopen`).

    `icd10` is the code that stands after the answer, blank where none does. The deltas are those of the moment:
    against what was decided then, with the model named, or null where the chart could not be scored. `delta` is as
    documented and `delta_paid` as it would be paid, which may be unknown.
    """

    suggestion = models.ForeignKey(Suggestion, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    icd10 = models.CharField(max_length=8, blank=True)
    reason = models.CharField(max_length=30, blank=True)
    comment = models.TextField(blank=True)
    read = models.JSONField(
        default=list, blank=True, help_text="For a deletion: the ids of the notes that were read. Notes never change."
    )
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    decided_at = models.DateTimeField(auto_now_add=True)
    delta_raw = models.DecimalField(max_digits=7, decimal_places=3, null=True)
    delta = models.DecimalField(max_digits=7, decimal_places=3, null=True)
    delta_paid = models.DecimalField(
        max_digits=7, decimal_places=3, null=True, help_text="The delta as it would be paid; null where not known."
    )
    paid_why = models.TextField(blank=True, help_text="Why the payment is not what is documented, or is not known.")
    score_model = models.CharField(max_length=60, blank=True, help_text="Program, payment year and model of the delta.")
    ruleset = models.CharField(max_length=80, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["decided_by", "decided_at"], name="decision_by_person_and_time"),
            models.Index(fields=["decided_at"], name="decision_by_time"),
        ]

    def __str__(self) -> str:
        return f"Decision {self.pk}"
