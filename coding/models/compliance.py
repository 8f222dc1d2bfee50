"""What compliance answers for: audit facts, overrides, second reviews, checked rules, overpayment cases."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coding.models.charts import Chart, Encounter
from coding.models.projects import Project, Role
from coding.models.suggestions import Decision, Suggestion

EVIDENCE = "MEAT"  # the name of the evidence standard beside V01 to V13


class FinishedReview(models.Model):
    """The audit fact of one finish: what the coder's answers were, and that none was missing. Append-only."""

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="finished_reviews")
    coder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="finished_reviews")
    finished_at = models.DateTimeField(auto_now_add=True)
    additions = models.PositiveIntegerField()
    rejections = models.PositiveIntegerField()
    kept = models.PositiveIntegerField()
    deletions = models.PositiveIntegerField()
    changes = models.PositiveIntegerField(help_text="Existing codes for which another was put.")
    queries = models.PositiveIntegerField()
    undecided = models.PositiveIntegerField(default=0)
    pages_unread = models.PositiveIntegerField(default=0, help_text="Pages without a text that rules could read.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(undecided=0), name="a_finished_review_leaves_nothing_undecided")
        ]
        indexes = [models.Index(fields=["coder", "-finished_at"], name="finished_review_by_coder")]

    def __str__(self) -> str:
        return (
            f"additions {self.additions}, deletions {self.deletions}, changed {self.changes}, kept {self.kept}, "
            f"undecided {self.undecided}" + (f", pages not read {self.pages_unread}" if self.pages_unread else "")
        )


class OverrideQuerySet(models.QuerySet["Override"]):
    def active(self) -> "OverrideQuerySet":
        return self.filter(withdrawn_at=None)


class Override(models.Model):
    """A person's answer against a rule's: a check of a date of service counts as met, or a code may be accepted with
    less evidence than the project asks for. It stays visible, also when it is withdrawn."""

    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="overrides")
    check_name = models.CharField(max_length=4, help_text="V01 to V13, or MEAT for the evidence standard.")
    suggestion = models.ForeignKey(
        Suggestion, null=True, blank=True, on_delete=models.CASCADE, related_name="overrides"
    )
    reason = models.TextField()
    role = models.CharField(max_length=20, choices=Role.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="overrides")
    at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="withdrawn_overrides"
    )

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["encounter", "check_name"],
                condition=Q(withdrawn_at=None, suggestion=None),
                name="one_active_override_per_encounter_and_check",
            ),
            models.UniqueConstraint(
                fields=["suggestion"],
                condition=Q(withdrawn_at=None, suggestion__isnull=False),
                name="one_active_override_per_suggestion",
            ),
            models.CheckConstraint(
                condition=Q(check_name=EVIDENCE, suggestion__isnull=False)
                | (~Q(check_name=EVIDENCE) & Q(suggestion=None)),
                name="an_evidence_override_names_its_suggestion",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="an_override_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"Override {self.pk}"


class SecondReview(models.Model):
    """A second credentialed person's word on a code of a high-risk group. Append-only; never the coder's own."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="second_review")
    coder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="second_reviews")
    agrees = models.BooleanField()
    comment = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reviewer=F("coder")), name="a_second_reviewer_is_not_the_coder"),
            models.CheckConstraint(condition=~Q(comment=""), name="a_second_review_says_what_was_read"),
        ]

    def __str__(self) -> str:
        return f"Second review {self.pk}"


class Reopening(models.Model):
    """A closed chart that was opened again, and why. What had gone out by then stays known: once the chart is closed
    again, what no longer stands goes out as a correction.

    sent: [[suggestion, action, code], ...] of what an export of the submission held. exports: the numbers of their
    events in the project's trail.
    """

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="reopenings")
    reason = models.TextField()
    sent = models.JSONField(default=list, blank=True)
    exports = models.JSONField(default=list, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reopenings")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="a_reopening_has_a_reason")]

    def __str__(self) -> str:
        return f"Reopening {self.pk}"


class StoredAssessment(models.Model):
    """What was worked out about a finished chart, so that pages over many charts read no note. No fact of its own:
    `key` is a hash of all that it rests on, and under another key it is asked again (`coding.assessments`)."""

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="assessments")
    part = models.CharField(max_length=20)
    key = models.CharField(max_length=64)
    answers = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chart", "part"], name="one_stored_assessment_per_chart_and_part")
        ]

    def __str__(self) -> str:
        return f"Stored assessment {self.pk}"


class RuleVerification(models.Model):
    """What a compliance officer found at a rule's source. Append-only: the newest one of a rule and program counts,
    while the rule still says what it said (`fingerprint`)."""

    class Answer(models.TextChoices):
        VERIFIED = "verified", "As the source says"
        WRONG = "wrong", "Not as the source says"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="rule_verifications")
    rule_id = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)
    answer = models.CharField(max_length=10, choices=Answer.choices)
    programs = models.JSONField(
        default=list,
        blank=True,
        help_text="Programs that the rule is carried over to and was read for; none: for those that it is written for.",
    )
    source = models.TextField(help_text="What was read: the document and the page.")
    source_date = models.DateField(null=True, blank=True, help_text="Of the document.")
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rule_verifications")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["project", "rule_id"], name="verification_by_rule")]
        constraints = [models.CheckConstraint(condition=~Q(source=""), name="a_verification_names_its_source")]

    def __str__(self) -> str:
        return f"Rule verification {self.pk}"


class OverpaymentCase(models.Model):
    """A confirmed deletion that lowers a year which is paid or closed: to be reported and returned by `due_on`.

    delta: what the deletion took off the payment score when it was decided; null where that is not known.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SENT = "sent", "Sent"
        NONE = "none", "No overpayment"

    chart = models.ForeignKey(Chart, on_delete=models.PROTECT, related_name="overpayment_cases")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="overpayment_cases")
    program = models.CharField(max_length=20)
    payment_year = models.PositiveSmallIntegerField()
    why = models.CharField(max_length=200, help_text="Why the year counts as paid or closed.")
    delta = models.DecimalField(max_digits=7, decimal_places=3, null=True)
    opened_on = models.DateField()
    due_on = models.DateField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="overpayment_cases"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    settled_on = models.DateField(null=True, help_text="The day on which it was sent, or found to be none.")
    evidence = models.TextField(blank=True, help_text="What shows that it was sent: the reference of the submission.")

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "program", "payment_year"], name="one_overpayment_case_per_decision_and_year"
            ),
            models.CheckConstraint(condition=Q(due_on__gt=F("opened_on")), name="an_overpayment_is_due_after_it_opens"),
            models.CheckConstraint(
                condition=Q(state="open", settled_on=None)
                | (~Q(state="open") & Q(settled_on__isnull=False) & ~Q(evidence="")),
                name="a_settled_overpayment_shows_its_evidence",
            ),
        ]

    def __str__(self) -> str:
        return f"Overpayment case {self.pk}"
