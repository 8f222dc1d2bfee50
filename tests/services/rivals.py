"""Writes that meet on the same chart, each in a session of its own: run in a process that has the database to itself.

Every write is slowed where it has some of its locks and not yet the others, so that two that lock in different orders
wait for one another every time, and not once in a thousand.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

from django.db import connection, transaction
from django.utils import timezone

from coding.actions import charts, provider_queries, qa, queues, suggestions, trail
from coding.models import Assignment, Chart, Project, ProviderQuery, Suggestion, User
from coding.permissions import NotAllowed
from coding.refusals import Refused
from coding.workflow import ChartStatus, Outcome
from tests import make, pages

HELD = 0.3  # seconds for which a write keeps what it has locked before it goes on


def slowly(write: Callable[..., object]) -> Callable[..., object]:
    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(HELD)
        answer = write(*args, **kwargs)
        time.sleep(HELD)
        return answer

    return slow


def at_once(*writes: Callable[[], object]) -> list[str]:
    """What became of each write: done, refused, or the name of the error."""
    barrier, said = threading.Barrier(len(writes)), [""] * len(writes)

    def run(number: int, write: Callable[[], object]) -> None:
        try:
            barrier.wait()
            write()
            said[number] = "done"
        except (NotAllowed, Refused):
            said[number] = "refused"
        except Exception as error:
            said[number] = f"{type(error).__name__}: {error}".split("\n")[0]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(writes)]
    with (
        patch.object(trail, "record", slowly(trail.record)),
        patch.object(queues, "move", slowly(queues.move)),
        patch.object(queues, "end_assignment", slowly(queues.end_assignment)),
    ):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return said


def answered_chart(project: Project, coder: User) -> Chart:
    chart = pages.held_chart(project, coder, *(pages.missed_ckd(day) for day in ("2026-03-02", "2026-04-02")))
    for suggestion in chart.suggestions.live():
        answer(suggestion, coder)
    return chart


def answer(suggestion: Suggestion, coder: User) -> None:
    outcome = Outcome.KEEP if suggestion.kind == "check" else Outcome.ACCEPT
    suggestions.decide(suggestion=suggestion, outcome=outcome, by=coder)


def sweep_and_finish(project: Project, coder: User) -> list[str]:
    chart = answered_chart(project, coder)
    Assignment.objects.filter(chart=chart).update(seen_at=timezone.now() - timedelta(days=1))
    mine = Chart.objects.get(pk=chart.pk)
    said = at_once(queues.release_silent, lambda: queues.finish(chart=mine, by=coder))
    chart.refresh_from_db()
    (turn,) = chart.assignments.all()
    assert (chart.status, turn.ended_by) in {(ChartStatus.CODED, "finished"), (ChartStatus.READY, "silence")}
    return said


def assign_and_finish(project: Project, coder: User) -> list[str]:
    chart = answered_chart(project, coder)
    lead, other = make.person("qa_lead", project), make.person("coder", project)
    said = at_once(
        lambda: queues.assign(chart=Chart.objects.get(pk=chart.pk), to=other, by=lead),
        lambda: queues.finish(chart=Chart.objects.get(pk=chart.pk), by=coder),
    )
    chart.refresh_from_db()
    holders = list(chart.assignments.filter(released_at=None).values_list("coder", flat=True))
    assert (chart.status, holders) in [(ChartStatus.CODED, []), (ChartStatus.IN_REVIEW, [other.pk])]
    return said


def answer_two_dates_and_undo_one(project: Project, coder: User) -> list[str]:
    chart = answered_chart(project, coder)
    first, second = chart.suggestions.live().filter(kind="add").order_by("pk")
    suggestions.undo(suggestion=first, by=coder)

    @transaction.atomic
    def answer_both() -> None:
        for one in (first, second):
            if Suggestion.objects.get(pk=one.pk).status == "open":
                answer(one, coder)
            else:
                suggestions.undo(suggestion=one, by=coder)

    return at_once(answer_both, lambda: suggestions.undo(suggestion=Suggestion.objects.get(pk=second.pk), by=coder))


def undo_two_queries_and_withdraw_one(project: Project, coder: User) -> list[str]:
    chart = answered_chart(project, coder)
    asked = list(chart.suggestions.live().filter(kind="add").order_by("pk"))
    for one in asked:
        suggestions.undo(suggestion=one, by=coder)
        suggestions.decide(suggestion=one, outcome=Outcome.QUERY, by=coder)
    second = ProviderQuery.objects.get(decision__suggestion=asked[1])

    @transaction.atomic
    def undo_both() -> None:
        for one in asked:
            suggestions.undo(suggestion=one, by=coder)

    def withdraw() -> None:
        time.sleep(HELD / 2)  # so that the other one has the trail first
        provider_queries.withdraw(query=second, by=coder)

    return at_once(undo_both, withdraw)


def import_and_answer(project: Project, coder: User) -> list[str]:
    line = make.chart_line(make.encounter(pages.TEXT, codes=["E11.22"]))
    chart = charts.import_chart(make.values_of(line), project=project, by=None)
    for note in chart.encounters.get().notes.all():
        run = suggestions.begin_run(note.pk)
        assert run is not None
        suggestions.record_findings(run=run, answer=pages.missed_ckd().answer())
    queues.claim(chart=Chart.objects.get(pk=chart.pk), by=coder)
    line["encounters"].append(make.encounter(pages.TEXT, "2026-05-02", codes=["E11.22"]))
    values = make.values_of(line)
    check = chart.suggestions.get(kind="check")
    return at_once(
        lambda: charts.import_chart(values, project=project, by=None, apply=True), lambda: answer(check, coder)
    )


def sample_and_import(project: Project, coder: User) -> list[str]:
    for _ in range(2):
        queues.finish(chart=answered_chart(project, coder), by=coder)
    lead = make.person("qa_lead", project)
    return at_once(
        lambda: qa.draw_sample(project=project, percentage=100, seed=1, by=lead),
        lambda: charts.import_chart(make.chart_values(), project=project, by=None),
    )


def main() -> None:
    for meeting in (
        sweep_and_finish,
        assign_and_finish,
        answer_two_dates_and_undo_one,
        undo_two_queries_and_withdraw_one,
        import_and_answer,
        sample_and_import,
    ):
        project = make.project()
        print("MET", meeting.__name__, meeting(project, make.person("coder", project)))
        print("BROKEN", [broken.what for broken in trail.verify(trail.chain_of(project))])
