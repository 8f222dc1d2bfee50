"""What a project makes of the rules' condition families, and which rules were used here since when."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from coding.models.projects import Project


class RuleSet(models.Model):
    """A rule set that has read notes in this installation.

    A release comes without its history, so that this row is what is known of when a condition file changed: `files` has
    the hash of each (`nlp.cards.file_hashes`).
    """

    name = models.CharField(max_length=80, unique=True, help_text="Version and hash, as runs and suggestions name it.")
    first_used_at = models.DateTimeField(auto_now_add=True)
    files = models.JSONField(default=dict)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class MuteQuerySet(models.QuerySet["Mute"]):
    def active(self) -> "MuteQuerySet":
        return self.filter(lifted_at=None)


class Mute(models.Model):
    """A condition family whose suggested additions are not put to the coders of a project, until it is lifted.

    They are stored all the same, with the status `muted`. Checks of first-pass codes and answers are not touched.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="mutes")
    family = models.CharField(max_length=60)
    reason = models.TextField()
    taken = models.PositiveIntegerField(help_text="Accepted or changed when it was muted,")
    judged = models.PositiveIntegerField(help_text="of so many that were answered yes or no.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Nobody where the project's policy did it.",
    )
    at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(blank=True)

    objects = MuteQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "family"],
                condition=Q(lifted_at=None),
                name="one_active_mute_per_project_and_family",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="a_mute_has_a_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None) | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="a_person_lifts_a_mute",
            ),
        ]

    def __str__(self) -> str:
        return f"Mute {self.pk}"
