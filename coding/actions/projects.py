"""Projects and who belongs to them."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from coding.actions import conditions, trail
from coding.actions.locks import locked
from coding.models import BaseRate, Membership, Project, Role, User
from coding.permissions import NotAllowed, Permission, check_can
from coding.workflow import QueueKey


def check_can_administer(by: User | None) -> None:
    """None is the command line, which whoever may read the database file may use anyway."""
    if by is not None and not (by.is_active and by.is_superuser):
        raise NotAllowed("Only an administrator of the site may create projects and give roles.")


@transaction.atomic
def create_project(*, name: str, title: str = "", programs: Sequence[str] = ("cms-hcc",), by: User | None) -> Project:
    """A project without people. name: letters, digits, hyphens and underscores; it is unique and stands in URLs."""
    check_can_administer(by)
    title = title or name.replace("-", " ").replace("_", " ").capitalize()
    project = Project.objects.create(name=name, title=title, programs=list(programs))
    trail.record("project.created", by=by, project=project, subject=project, programs=list(programs))
    return project


@transaction.atomic
def give_role(*, project: Project, to: User, role: Role, by: User | None) -> Membership:
    """Make the person a member with this role, or change the role: a person has one in a project."""
    check_can_administer(by)
    membership, _ = Membership.objects.update_or_create(project=project, user=to, defaults={"role": role})
    trail.record("membership.granted", by=by, project=project, subject=membership, to=to.pk, role=role.value)
    return membership


class Policy(TypedDict, total=False):
    """What a project asks of its coders and shows to them: fields of `Project`."""

    meat_elements_required: int
    coders_see_scores: bool
    evidence_override_role: str
    deletion_alert_after: int
    queue_order: Sequence[str]
    mute_below: int
    mute_after: int
    mute_automatically: bool


POLICY_LIMITS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "meat_elements_required": (lambda n: 0 <= n <= 4, "MEAT has four elements: require 0 to 4."),
    "evidence_override_role": (
        lambda role: role in ("", Role.COMPLIANCE, Role.QA_LEAD),
        "The evidence standard is overridden by compliance, by QA leads, or by nobody.",
    ),
    "deletion_alert_after": (lambda n: 1 <= n <= 1000, "An alert comes after 1 to 1000 charts."),
    "queue_order": (
        lambda keys: {*keys} <= {*QueueKey.values},
        "The queue is ordered by: " + ", ".join(QueueKey.values) + ".",
    ),
    "mute_below": (lambda n: 0 <= n <= 100, "A threshold of acceptance is 0 to 100 percent."),
    "mute_after": (lambda n: 1 <= n <= 10_000, "An acceptance rate needs 1 to 10000 answers."),
}


@transaction.atomic
def change_policy(*, project: Project, by: User, **policy: Unpack[Policy]) -> Project:
    """Change what is given, and leave the rest. The trail keeps the old values and the new ones.

    Answers that were given under the old policy stand. A policy that mutes automatically does so at once. Raises
    NotAllowed, and ValueError for a value beyond its limits.
    """
    check_can(by, Permission.CHANGE_POLICY, project)
    for name, (is_within, words) in POLICY_LIMITS.items():
        if name in policy and not is_within(policy[name]):  # type: ignore[literal-required]
            raise ValueError(words)
    if "queue_order" in policy:
        policy["queue_order"] = list(dict.fromkeys(policy["queue_order"]))
    project = locked(Project.objects.all()).get(pk=project.pk)
    changed = {
        name: [getattr(project, name), value] for name, value in policy.items() if getattr(project, name) != value
    }
    if changed:
        for name, (_, value) in changed.items():
            setattr(project, name, value)
        project.save(update_fields=list(changed))
        trail.record("project.policy_changed", by=by, project=project, subject=project, **changed)
        conditions.apply_policy(project)
    return project


@transaction.atomic
def set_base_rate(
    *,
    project: Project,
    program: str,
    payment_year: int,
    amount: Decimal,
    source: str,
    by: User,
    contract: str = "",
    county: str = "",
) -> BaseRate:
    """What a payer pays for a member and month at a score of 1.000: of a contract, a county, or both.

    Set again it replaces the old amount, which the trail keeps.
    """
    check_can(by, Permission.SEE_MONEY, project)
    if not (contract or county):
        raise ValueError("A base rate is of a contract or a county.")
    if amount <= 0:
        raise ValueError("A base rate is above zero.")
    whose: dict[str, Any] = {"program": program, "payment_year": payment_year, "contract": contract, "county": county}
    before = BaseRate.objects.filter(project=project, **whose).first()
    if before and (before.amount, before.source) == (amount, source):
        return before
    rate, _ = BaseRate.objects.update_or_create(
        project=project,
        **whose,
        defaults={"amount": amount, "source": source, "set_by": by, "set_at": timezone.now()},
    )
    amounts = [str(before.amount) if before else "", str(amount)]
    trail.record("project.rate_set", by=by, project=project, subject=rate, amount=amounts, **whose)
    return rate


@transaction.atomic
def set_hour_cost(*, project: Project, amount: Decimal | None, by: User) -> Project:
    """What an hour of coding costs the project; None for not known, and then nothing is made of it."""
    check_can(by, Permission.SEE_MONEY, project)
    if amount is not None and amount <= 0:
        raise ValueError("The cost of an hour is above zero.")
    project = locked(Project.objects.all()).get(pk=project.pk)
    if project.hour_cost != amount:
        amounts = ["" if one is None else str(one) for one in (project.hour_cost, amount)]
        project.hour_cost = amount
        project.save(update_fields=["hour_cost"])
        trail.record("project.hour_cost_set", by=by, project=project, subject=project, amount=amounts)
    return project


@transaction.atomic
def remove_base_rate(*, rate: BaseRate, by: User) -> None:
    """From now on nothing is estimated with it. The trail keeps what it was."""
    check_can(by, Permission.SEE_MONEY, rate.project)
    whose = {name: getattr(rate, name) for name in ("program", "payment_year", "contract", "county")}
    trail.record("project.rate_removed", by=by, project=rate.project, subject=rate, amount=str(rate.amount), **whose)
    rate.delete()
