"""The bridge to `nlp`: fetch by id, read, record. The run's row is the truth; a message is only a hint."""

import gc
import logging
import time
from typing import Any

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_init, worker_ready
from django.conf import settings
from django.db import connection
from django.utils import timezone

import nlp
from coding import documentation
from coding.actions import conditions, queues, suggestions
from coding.models import Note, Project

log = logging.getLogger(__name__)


@worker_init.connect
def warm_up(**_: Any) -> None:
    """Load rules and engine before the worker forks, and keep their pages shared: its children start at once."""
    nlp.warm()
    gc.collect()
    gc.freeze()


@worker_ready.connect
def take_up_what_was_left(**_: Any) -> None:
    """On the embedded broker this is the only worker, so whatever is still running was left by one that died."""
    suggestions.sweep(everything=not settings.REDIS_URL)
    connection.close()


@shared_task(bind=True)
def analyse_note(self: Task, note_id: int) -> None:
    analyse(note_id, take_over=bool((self.request.delivery_info or {}).get("redelivered")))


@shared_task
def sweep() -> None:
    """On a timer: send again what a lost message or a killed worker left behind."""
    queues.release_silent()
    queues.weigh_new()
    if sent := suggestions.sweep():
        log.info("swept runs=%d", sent)


@shared_task
def mute_by_policy() -> None:
    """On a timer: mute what falls below the threshold of a project whose policy says so."""
    for project in Project.objects.filter(mute_automatically=True):
        for mute in conditions.apply_policy(project):
            log.info("muted family=%s project=%d", mute.family, project.pk)


@shared_task
def keep_assessments(after: int = 0) -> None:
    """Each night, and when a rule was verified: what pages over many charts show of each finished chart is worked out
    anew where it is out of date, so that nobody waits for it. A few charts, and a message for the next ones."""
    if last := documentation.keep_next(after, timezone.localdate()):
        keep_assessments.delay(last)


def analyse(note_id: int, *, take_over: bool = False) -> bool:
    """Read one note, if its run is queued. Returns whether it was read. Running twice gives the same rows."""
    run = suggestions.begin_run(note_id, take_over=take_over)
    if run is None:
        return False
    started = time.perf_counter()
    note = Note.objects.select_related("encounter").prefetch_related("encounter__first_pass_codes").get(pk=note_id)
    encounter = note.encounter
    try:
        reading = nlp.read(
            note.text,
            setting=encounter.setting or None,
            date_of_service=encounter.date_from.isoformat(),
            first_pass=sorted({code.icd10 for code in encounter.first_pass_codes.all()}),
        )
        suggestions.record_findings(run=run, answer=reading.as_dict())
    except SoftTimeLimitExceeded:
        suggestions.fail_run(run, "took longer than the time limit")
        log.warning("timed out note=%d", note_id)
        return False
    except Exception as error:
        # The class alone: a message may quote the note.
        suggestions.fail_run(run, f"failed with {type(error).__name__}")
        log.error("failed note=%d error=%s", note_id, type(error).__name__)
        return False
    milliseconds = round((time.perf_counter() - started) * 1000)
    log.info("analysed note=%d findings=%d ms=%d", note_id, len(reading.findings), milliseconds)
    return True
