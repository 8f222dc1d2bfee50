"""Questions to the provider of a record, and what was answered."""

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q

from coding.models.charts import Chart, Encounter
from coding.models.projects import User
from coding.models.suggestions import Decision
from coding.workflow import ChartStatus, QueryStatus, SuggestionStatus


class ProviderQuerySet(models.QuerySet["ProviderQuery"]):
    def visible_to(self, user: User) -> "ProviderQuerySet":
        """The queries of the charts that the person may open."""
        return self.filter(decision__suggestion__chart__in=Chart.objects.visible_to(user))

    def with_record(self) -> "ProviderQuerySet":
        """With everything that a page about a query shows of its chart."""
        return self.select_related("decision__suggestion__encounter__chart__member__project", "decision__decided_by")

    def to_read(self, user: User) -> "ProviderQuerySet":
        """What providers answered to the person's queries, until the question is decided again or the chart is done."""
        asked = self.filter(status=QueryStatus.ANSWERED, decision__decided_by=user)
        return asked.filter(
            decision__suggestion__status=SuggestionStatus.QUERIED,
            decision__suggestion__chart__status__in=[ChartStatus.IN_REVIEW, ChartStatus.ON_HOLD, ChartStatus.RETURNED],
        )

    def overdue(self, today: date) -> "ProviderQuerySet":
        return self.filter(status=QueryStatus.SENT, due_on__lt=today)


class ProviderQuery(models.Model):
    """What a coder's answer `query` asks the provider: about one code and one record, as each date stands alone.

    It quotes the record by place, so that no text is kept twice. What is sent does not change any more. An answer is
    recorded, and changes nothing else: a date of service that is past is changed by the provider's own addendum, if
    at all, and a code by a person's new decision.
    """

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="provider_query")
    status = models.CharField(max_length=10, choices=QueryStatus.choices, default=QueryStatus.DRAFT)
    question = models.TextField(blank=True)
    options = models.JSONField(default=list, blank=True, help_text="Without those that every query has.")
    indicators = models.JSONField(default=list, blank=True, help_text="[note id, start, end] of each quoted place.")

    sent_on = models.DateField(null=True)
    sent_to = models.CharField(max_length=120, blank=True)
    due_on = models.DateField(null=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    answer = models.CharField(max_length=200, blank=True, help_text="The option that the provider chose.")
    answer_words = models.TextField(blank=True)
    answered_by = models.CharField(max_length=120, blank=True)
    answered_on = models.DateField(null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ProviderQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "provider queries"
        ordering = ["pk"]
        indexes = [models.Index(fields=["status", "due_on"], name="provider_query_by_status")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["sent", "answered"])
                | (Q(sent_on__isnull=False, due_on__isnull=False, sent_by__isnull=False) & ~Q(question="")),
                name="a_sent_query_says_what_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(status="answered", answered_on__isnull=False, recorded_by__isnull=False)
                & ~Q(answer="")
                & ~Q(answered_by="")
                | ~Q(status="answered") & Q(answered_on=None, answer="", answer_words="", answered_by=""),
                name="an_answered_query_says_what_when_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"Provider query {self.pk}"

    @property
    def encounter(self) -> Encounter:
        return self.decision.suggestion.encounter

    @property
    def chart(self) -> Chart:
        return self.encounter.chart

    def is_overdue(self, today: date) -> bool:
        return self.status == QueryStatus.SENT and self.due_on is not None and self.due_on < today
