"""The one writer of the trail, and its verification."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from coding.actions.locks import locked
from coding.models import Project, TrailEvent, TrailHead, User
from coding.models.trail import GENESIS

SITE_CHAIN = "site"


def chain_of(project: Project | None) -> str:
    return f"project-{project.pk}" if project else SITE_CHAIN


@transaction.atomic
def record(
    action: str,
    *,
    by: User | None,
    project: Project | None,
    subject: models.Model | None = None,
    **details: Any,
) -> TrailEvent:
    """Add one event to the project's chain (the site's, without a project), in the caller's transaction.

    by: None for the system itself. details: ids, codes and counts; never a note's text, a name or a member number.
    """
    chain = chain_of(project)
    TrailHead.objects.get_or_create(chain=chain)
    head = locked(TrailHead.objects.all()).get(chain=chain)
    event = TrailEvent(
        chain=chain,
        number=head.number + 1,
        project=project,
        at=timezone.now(),
        actor=by,
        action=action,
        subject_type=subject._meta.model_name or "" if subject else "",
        subject_id=subject.pk if subject else None,
        details=details,
        previous_hash=head.hash,
    )
    event.hash = event.expected_hash()
    event.save(force_insert=True)
    head.number, head.hash = event.number, event.hash
    head.save(update_fields=["number", "hash"])
    return event


@dataclass(frozen=True)
class Break:
    """Where a chain stops being what was written: its number, and what is wrong there."""

    chain: str
    number: int
    what: str


def verify(chain: str) -> Iterator[Break]:
    """Every place where the chain's events were changed, removed or added behind our back; nothing for a whole one."""
    expected_number, previous = 1, GENESIS
    for event in TrailEvent.objects.filter(chain=chain).order_by("number").iterator():
        if event.number != expected_number:
            yield Break(chain, expected_number, f"events {expected_number} to {event.number - 1} are missing")
        if event.previous_hash != previous:
            yield Break(chain, event.number, "does not follow from the event before it")
        if event.hash != event.expected_hash():
            yield Break(chain, event.number, "was changed after it was written")
        expected_number, previous = event.number + 1, event.hash
    head = TrailHead.objects.filter(chain=chain).first()
    if head and (head.number, head.hash) != (expected_number - 1, previous):
        yield Break(chain, expected_number, "the newest events are missing")
