"""The trail: who did and saw what, in an append-only chain of hashes for each project."""

import hashlib
import json

from django.conf import settings
from django.db import models

GENESIS = "0" * 64


class TrailHead(models.Model):
    """The newest link of one chain. Its row is locked while an event is added, so that a chain never forks."""

    chain = models.CharField(max_length=80, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"Trail head {self.chain}"


class TrailEvent(models.Model):
    """One link. `details` holds ids, codes and counts, never a note's text, a name or a member number."""

    chain = models.CharField(max_length=80)
    number = models.PositiveBigIntegerField()
    project = models.ForeignKey(
        "coding.Project", null=True, blank=True, on_delete=models.PROTECT, related_name="trail_events"
    )
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="trail_events"
    )
    action = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=40, blank=True)
    subject_id = models.PositiveBigIntegerField(null=True, blank=True)
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["chain", "number"]
        indexes = [
            models.Index(fields=["project", "-at"], name="trail_by_project_and_time"),
            models.Index(fields=["subject_type", "subject_id"], name="trail_by_subject"),
        ]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="one_event_per_number_of_a_chain")]

    def __str__(self) -> str:
        return f"Trail event {self.chain}/{self.number}"

    def expected_hash(self) -> str:
        """SHA-256 over everything that the event says and the hash before it."""
        said = [
            self.previous_hash,
            self.chain,
            self.number,
            self.at.isoformat(),
            self.actor_id,
            self.action,
            self.subject_type,
            self.subject_id,
            self.details,
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
