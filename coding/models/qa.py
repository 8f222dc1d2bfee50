"""Audit of decisions: a sample drawn with a stored seed, and the auditor's own answer before the coder's is shown."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from coding.models.charts import Chart
from coding.models.projects import Project
from coding.models.suggestions import Decision
from coding.workflow import Outcome


class QASample(models.Model):
    """Coded charts drawn for audit. The same candidates, percentage and seed draw the same charts again."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="qa_samples")
    percentage = models.PositiveSmallIntegerField()
    seed = models.PositiveIntegerField()
    candidates = models.PositiveIntegerField(help_text="How many coded charts it was drawn from.")
    drawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="qa_samples")
    drawn_at = models.DateTimeField(auto_now_add=True)
    charts = models.ManyToManyField(Chart, related_name="qa_samples")

    class Meta:
        ordering = ["-drawn_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percentage__gte=1, percentage__lte=100), name="qa_percentage_is_1_to_100"
            )
        ]

    def __str__(self) -> str:
        return f"QA sample {self.pk}"


class QAReview(models.Model):
    """The audit of one decision. The coder's decision is shown only after `own_outcome` is stored."""

    class Verdict(models.TextChoices):
        AGREE = "agree", "Agree"
        OVERTURN = "overturn", "Overturn"

    class CoderResponse(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REBUTTED = "rebutted", "Rebutted"

    sample = models.ForeignKey(QASample, on_delete=models.PROTECT, related_name="reviews")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="qa_reviews")
    auditor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="qa_reviews"
    )
    own_outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    own_icd10 = models.CharField(max_length=8, blank=True)
    own_reason = models.CharField(max_length=30, blank=True)
    answered_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    comment = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)
    coder_response = models.CharField(max_length=10, choices=CoderResponse.choices, blank=True)
    coder_comment = models.TextField(blank=True)
    responded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "decision"], name="one_qa_review_per_sample_and_decision"),
            models.CheckConstraint(
                condition=Q(verdict="") | ~Q(own_outcome=""), name="a_qa_verdict_comes_after_the_own_answer"
            ),
        ]

    def __str__(self) -> str:
        return f"QA review {self.pk}"
