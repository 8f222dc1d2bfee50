"""What coders make of each condition family's suggested additions, in one project."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count

from coding.models import Decision, Mute, Project, Suggestion
from coding.models.suggestions import DecisionQuerySet
from coding.proportions import share
from coding.workflow import Outcome, SuggestionKind, SuggestionStatus, family_of


@dataclass(frozen=True)
class Answers:
    """What coders answered to the suggested additions of one family."""

    family: str
    accepted: int = 0
    changed: int = 0
    rejected: int = 0
    queried: int = 0

    @property
    def taken(self) -> int:
        return self.accepted + self.changed

    @property
    def judged(self) -> int:
        """Answered yes or no: a query is neither."""
        return self.taken + self.rejected

    @property
    def rate(self) -> Decimal | None:
        """Accepted or changed, of those accepted, changed or rejected; 3 decimals, None without one."""
        return share(self.taken, self.judged)


@dataclass(frozen=True)
class Acceptance(Answers):
    """Suggested additions of one family by what has become of them. What a coder added by hand is not among them.

    since: for a family that was muted once, the answers since it was unmuted, which are those that the policy counts.
    """

    open: int = 0
    muted: int = 0
    since: "Acceptance | None" = None

    @property
    def counted(self) -> "Acceptance":
        return self.since or self

    def falls_below(self, project: Project) -> bool:
        """Whether the project's threshold flags the family: enough answers, and too few of them a yes."""
        counted = self.counted
        return counted.judged >= project.mute_after and counted.taken * 100 < project.mute_below * counted.judged


def by_family(project: Project) -> dict[str, Acceptance]:
    """Every family that has suggested something in the project. Two queries; one more where a mute was lifted."""
    return {family: counted for (_, family), counted in counted_in([project]).items()}


def counted_in(projects: Sequence[Project], family: str = "") -> dict[tuple[int, str], Acceptance]:
    """By project and family, or of the one family; as many queries for thirty projects as for one."""
    suggested = Suggestion.objects.filter(
        chart__member__project__in=projects, kind=SuggestionKind.ADD, added_by=None
    ).exclude(status=SuggestionStatus.SUPERSEDED)
    lifts = Mute.objects.filter(project__in=projects, lifted_at__isnull=False)
    if family:
        suggested, lifts = suggested.filter(rule__startswith=f"{family}/"), lifts.filter(family=family)
    rows = suggested.order_by().values_list("chart__member__project", "rule", "status").annotate(count=Count("pk"))
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for project, rule, status, count in rows:
        counts[project, family_of(rule)][status] += count
    rows_lifted = lifts.order_by("lifted_at").values_list("project", "family", "lifted_at")
    lifted = {(project, name): at for project, name, at in rows_lifted if at is not None}
    since = answers_since(lifted) if lifted else {}
    return {key: acceptance(key[1], count, since.get(key)) for key, count in counts.items()}


def acceptance(family: str, count: Counter[str], since: Acceptance | None) -> Acceptance:
    return Acceptance(
        family,
        accepted=count[SuggestionStatus.ACCEPTED],
        changed=count[SuggestionStatus.CHANGED],
        rejected=count[SuggestionStatus.REJECTED],
        queried=count[SuggestionStatus.QUERIED],
        open=count[SuggestionStatus.OPEN],
        muted=count[SuggestionStatus.MUTED],
        since=since,
    )


def answers_since(lifted: dict[tuple[int, str], datetime]) -> dict[tuple[int, str], Acceptance]:
    """The answers that stand and were given after a family was unmuted, for the families that were."""
    decided = suggested_and_answered(project for project, _ in lifted).filter(decided_at__gt=min(lifted.values()))
    counts: dict[tuple[int, str], Counter[str]] = {key: Counter() for key in lifted}
    rows = decided.values_list("suggestion__chart__member__project", "suggestion__rule", "outcome", "decided_at")
    for project, rule, outcome, at in rows:
        key = (project, family_of(rule))
        if key in lifted and at > lifted[key]:
            counts[key][outcome] += 1
    return {
        key: Acceptance(key[1], count[Outcome.ACCEPT], count[Outcome.CHANGE], count[Outcome.REJECT])
        for key, count in counts.items()
    }


def rejection_reasons(projects: Iterable[Project], family: str) -> list[tuple[str, int]]:
    """Why suggestions of a family were rejected, the most frequent reason first."""
    rejected = suggested_and_answered(project.pk for project in projects).filter(
        suggestion__rule__startswith=f"{family}/", outcome=Outcome.REJECT
    )
    counted = rejected.order_by().values_list("reason").annotate(count=Count("pk"))
    return sorted(counted, key=lambda row: (-row[1], row[0]))


def suggested_and_answered(projects: Iterable[int]) -> DecisionQuerySet:
    """The standing answers to what the rules suggested to add in the projects."""
    return Decision.objects.standing().filter(
        suggestion__chart__member__project__in=set(projects),
        suggestion__kind=SuggestionKind.ADD,
        suggestion__added_by=None,
    )
