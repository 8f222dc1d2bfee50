"""Draw `docs/states.md` from the tables of `coding/workflow.py`:

python manage.py draw_states > docs/states.md
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.core.management import BaseCommand
from django.db.models import TextChoices

from coding.provider_queries import practice
from coding.workflow import (
    ANSWERS,
    CHANGE_REASONS,
    CHART_MOVES,
    QUERY_MOVES,
    REASONS,
    REASONS_FOR,
    RUN_MOVES,
    STATUS_OWNERS,
    SUGGESTION_MOVES,
    ChartStatus,
    Outcome,
    QueryStatus,
    RunStatus,
    SuggestionKind,
    SuggestionStatus,
    Verdict,
)

Moves = Mapping[Any, Collection[Any]]

HEAD = """\
# States

Drawn from the tables of `coding/workflow.py`, which the actions obey. Do not edit: change the tables, then run
`python manage.py draw_states > docs/states.md`. A test fails while the two differ.
"""


class Command(BaseCommand):
    help = "Print docs/states.md, drawn from coding/workflow.py."
    requires_system_checks: list[str] = []  # a drawing needs no sound rule files

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(draw(), ending="")


def draw() -> str:
    """The whole page: Markdown, with the diagrams in Mermaid."""
    return "\n".join([HEAD, *chart_part(), *suggestion_part(), *query_part(), *run_part()])


def chart_part() -> Iterator[str]:
    yield "## Chart\n"
    yield diagram(CHART_MOVES, start=ChartStatus.IMPORTED)
    yield table(
        ("Status", "Shown as", "Whose work it is", "May become"),
        (
            (f"`{status}`", status.label, STATUS_OWNERS[status].label, codes(ChartStatus, CHART_MOVES[status]))
            for status in ChartStatus
        ),
    )


def suggestion_part() -> Iterator[str]:
    yield "## Suggestion\n"
    yield (
        "An *add* asks about a code that the first pass does not have, a *check* about one that it has. An answer\n"
        "can be taken back (`reopen`) while its coder has the chart in review. A newer rule set supersedes only\n"
        "additions that nobody has answered; a check stays as long as its first-pass code.\n"
    )
    for kind in SuggestionKind:
        yield f"### {kind.label}\n"
        yield diagram(SUGGESTION_MOVES[kind], start=SuggestionStatus.OPEN)
        yield table(
            ("Answer", "Status that it gives", "Needs a reason"),
            (
                (f"`{outcome}`", f"`{status}`", "yes" if outcome in REASONS_FOR else "no")
                for outcome, status in ANSWERS[kind].items()
            ),
        )
    yield "### Reasons\n"
    for reasons in (REASONS, CHANGE_REASONS):
        outcomes = [f"`{outcome}`" for outcome in Outcome if REASONS_FOR.get(outcome) is reasons]
        yield f"For {' and '.join(outcomes)}:\n"
        yield table(("Reason", "Shown as"), ((f"`{reason}`", label) for reason, label in reasons.items()))
    yield "### Verdicts\n"
    yield "What the record says about the code of a check. It is advice: every verdict is answered by a person.\n"
    yield table(("Verdict", "Shown as"), ((f"`{verdict}`", verdict.label) for verdict in Verdict))


def query_part() -> Iterator[str]:
    yield "## Query to a provider\n"
    yield (
        "Written from the evidence of an answer `query`; withdrawn when that is taken back. A sent query past its day\n"
        "is *overdue*, and may still be answered. The provider's answer moves nothing else: a person decides again.\n"
    )
    yield diagram(QUERY_MOVES, start=QueryStatus.DRAFT)
    yield table(
        ("Status", "Shown as", "May become"),
        ((f"`{status}`", status.label, codes(QueryStatus, QUERY_MOVES[status])) for status in QueryStatus),
    )
    yield "What is unclear, for `query`:\n"
    subjects = practice().subjects.items()
    yield table(("Subject", "Shown as"), ((f"`{key}`", subject.label) for key, subject in subjects))


def run_part() -> Iterator[str]:
    yield "## NLP run\n"
    yield diagram(RUN_MOVES, start=RunStatus.QUEUED)
    yield table(
        ("Status", "Shown as", "May become"),
        ((f"`{status}`", status.label, codes(RunStatus, RUN_MOVES[status])) for status in RunStatus),
    )


def diagram(moves: Moves, *, start: TextChoices) -> str:
    """A Mermaid state diagram; statuses in the order of their class, because sets have none."""
    order = list(type(start))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start.value}"]
    for old in order:
        targets = moves.get(old)
        if targets is None:
            continue
        lines += [f"    {old.value} --> {new.value}" for new in order if new in targets]
        if not targets:
            lines.append(f"    {old.value} --> [*]")
    return "\n".join([*lines, "```", ""])


def codes(statuses: type[TextChoices], chosen: Collection[Any]) -> str:
    return ", ".join(f"`{status.value}`" for status in statuses if status in chosen) or "nothing"


def table(head: Collection[str], rows: Iterable[Collection[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), ""])
