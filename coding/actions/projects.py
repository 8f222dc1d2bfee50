"""Projects and who belongs to them."""

from collections.abc import Sequence

from django.db import transaction

from coding.actions import trail
from coding.models import Membership, Project, Role, User
from coding.permissions import NotAllowed, Permission, check_can


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


@transaction.atomic
def change_policy(*, project: Project, meat_elements_required: int, coders_see_scores: bool, by: User) -> Project:
    """What the project asks of its coders and shows to them. The trail keeps the old values and the new ones.

    Answers that were given under the old policy stand.
    """
    check_can(by, Permission.CHANGE_POLICY, project)
    if not 0 <= meat_elements_required <= 4:
        raise ValueError("MEAT has four elements: require 0 to 4.")
    project = Project.objects.select_for_update().get(pk=project.pk)
    policy = {"meat_elements_required": meat_elements_required, "coders_see_scores": coders_see_scores}
    changed = {
        name: [getattr(project, name), value] for name, value in policy.items() if getattr(project, name) != value
    }
    if changed:
        for name, value in policy.items():
            setattr(project, name, value)
        project.save(update_fields=list(policy))
        trail.record("project.policy_changed", by=by, project=project, subject=project, **changed)
    return project
