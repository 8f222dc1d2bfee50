"""The one order in which rows are locked, so that two writes wait for each other and never both for one another.

1. the project: whoever changes its policy, or writes to many of its charts;
2. the chart: whoever writes to it or to what hangs on it: assignment, suggestion, evidence, decision, query, run;
3. the row itself, where neither of those is written: a QA review, a case, an override;
4. the head of the trail, by `trail.record` alone, as the last thing of a write.

Each step may be left out, none is taken after a later one, and what is read before the lock is asked again after it.
Foreign keys to a locked row are not held up: the trail's own point to the project that an import holds for minutes.
SQLite has no such locks and needs none: a write transaction has the whole file.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet

from coding.models import Chart

M = TypeVar("M", bound=Model)


def locked(rows: QuerySet[M], *, skip_taken: bool = False) -> QuerySet[M]:
    """The rows, locked to the end of the transaction; not those that are joined to them. skip_taken: leave out those
    that somebody else has locked, instead of waiting."""
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=skip_taken)


def lock_chart(chart: Chart) -> Chart:
    """The same object, its changing facts as they are now; nobody else changes it before the transaction ends."""
    chart.refresh_from_db(
        fields=["status", "status_since", "priority", "hold_reason"], from_queryset=locked(Chart.objects.all())
    )
    return chart
