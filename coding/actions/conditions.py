"""Which rules are in use since when, and which condition families a project mutes."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

import nlp
from coding import acceptance
from coding.acceptance import Acceptance
from coding.actions import trail
from coding.actions.locks import locked
from coding.models import Chart, Mute, Project, RuleSet, Suggestion, User
from coding.models.suggestions import SuggestionQuerySet
from coding.permissions import Permission, check_can
from coding.refusals import Refused
from coding.workflow import FINISHED, SUGGESTION_MOVES, SuggestionKind, SuggestionStatus
from nlp.cards import file_hashes


class NotMutable(Refused):
    """The family cannot be muted or unmuted as asked. The message says why."""


def remember_rules() -> None:
    """Store when this installation first used the rules that it runs now, with the hash of each file."""
    name = str(nlp.RULESET)
    if not RuleSet.objects.filter(name=name).exists():
        RuleSet.objects.get_or_create(name=name, defaults={"files": file_hashes()})


@transaction.atomic
def mute(*, project: Project, family: str, reason: str, by: User) -> Mute:
    """From now on coders of the project are not asked about what the family suggests; nor about what is open now."""
    check_can(by, Permission.MUTE_CONDITIONS, project)
    if not reason.strip():
        raise NotMutable("Say why the condition is muted.")
    locked(Project.objects.all()).get(pk=project.pk)
    if Mute.objects.active().filter(project=project, family=family).exists():
        raise NotMutable("This condition is muted already.")
    counted = acceptance.by_family(project).get(family, Acceptance(family)).counted
    return _mute(project, counted, reason.strip(), by)


def _mute(project: Project, counted: Acceptance, reason: str, by: User | None) -> Mute:
    family = counted.family
    made = Mute.objects.create(
        project=project, family=family, reason=reason, taken=counted.taken, judged=counted.judged, by=by
    )
    hidden = suggested(project, family).filter(status=SuggestionStatus.OPEN, chart__in=unfinished(project))
    charts = hidden.values("chart").distinct().count()
    count = _move(hidden, SuggestionStatus.OPEN, SuggestionStatus.MUTED)
    trail.record(
        "condition.muted",
        by=by,
        project=project,
        subject=made,
        family=family,
        taken=counted.taken,
        judged=counted.judged,
        suggestions=count,
        charts=charts,
        **({} if by else {"below": project.mute_below, "after": project.mute_after}),
    )
    return made


@transaction.atomic
def unmute(*, project: Project, family: str, reason: str, by: User) -> Mute:
    """Ask again. Charts that are finished stay as they are; the policy counts the family's answers from here on."""
    check_can(by, Permission.MUTE_CONDITIONS, project)
    if not reason.strip():
        raise NotMutable("Say why the condition is unmuted.")
    locked(Project.objects.all()).get(pk=project.pk)
    standing = Mute.objects.active().filter(project=project, family=family).first()
    if standing is None:
        raise NotMutable("This condition is not muted.")
    standing.lifted_by, standing.lifted_at, standing.lift_reason = by, timezone.now(), reason.strip()
    standing.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    waiting = suggested(project, family).filter(status=SuggestionStatus.MUTED, chart__in=unfinished(project))
    # Somebody found the code by hand meanwhile: one question about a code is enough.
    live = Suggestion.objects.live().filter(
        encounter=OuterRef("encounter"), kind=SuggestionKind.ADD, icd10=OuterRef("icd10")
    )
    charts = waiting.values("chart").distinct().count()
    _move(waiting.filter(Exists(live)), SuggestionStatus.MUTED, SuggestionStatus.SUPERSEDED)
    count = _move(waiting, SuggestionStatus.MUTED, SuggestionStatus.OPEN)
    trail.record(
        "condition.unmuted",
        by=by,
        project=project,
        subject=standing,
        family=family,
        suggestions=count,
        charts=charts,
    )
    return standing


def apply_policy(project: Project) -> list[Mute]:
    """Mute what falls below the project's threshold, where its policy says so. Run again it changes nothing."""
    if not project.mute_automatically or not project.mute_below:
        return []
    with transaction.atomic():
        project = locked(Project.objects.all()).get(pk=project.pk)
        muted = set(Mute.objects.active().filter(project=project).values_list("family", flat=True))
        return [
            _mute(project, one.counted, f"Policy: fewer than {project.mute_below} % accepted.", None)
            for family, one in sorted(acceptance.by_family(project).items())
            if family not in muted and one.falls_below(project)
        ]


def suggested(project: Project, family: str) -> SuggestionQuerySet:
    """What the rules of a family ask to add in the project. Checks and codes added by hand are never muted."""
    return Suggestion.objects.filter(
        chart__member__project=project,
        kind=SuggestionKind.ADD,
        added_by=None,
        rule__startswith=f"{family}/",
    )


def unfinished(project: Project) -> QuerySet[Chart]:
    return Chart.objects.filter(member__project=project).exclude(status__in=FINISHED)


def _move(suggestions: SuggestionQuerySet, before: SuggestionStatus, to: SuggestionStatus) -> int:
    assert to in SUGGESTION_MOVES[SuggestionKind.ADD][before]
    return suggestions.update(status=to)
