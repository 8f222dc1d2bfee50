"""Who holds which chart."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from coding.models.charts import Chart


class Assignment(models.Model):
    """A chart held by one coder, from claim to release. A database constraint settles who was first."""

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="assignments")
    coder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    claimed_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, help_text="When the coder last did something on the chart. null: not yet")
    released_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=20, blank=True, help_text="finished, released, reassigned or silence")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chart"], condition=Q(released_at__isnull=True), name="one_active_assignment_per_chart"
            )
        ]
        indexes = [models.Index(fields=["coder", "released_at"], name="assignment_by_coder")]

    def __str__(self) -> str:
        return f"Assignment {self.pk}"


class Escalation(models.Model):
    """A coder's question to the lead about a chart, which is on hold until it is answered or taken back.

    ended_at without an answer: the coder took the chart up again, or gave it back.
    """

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="escalations")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    question = models.TextField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    answer = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["chart"], condition=Q(ended_at__isnull=True), name="one_open_escalation_per_chart"
            ),
            models.CheckConstraint(
                condition=Q(answer="") | Q(ended_at__isnull=False, answered_by__isnull=False),
                name="an_answered_escalation_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"Escalation {self.pk}"
