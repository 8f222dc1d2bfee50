"""Give a person a role in a project, from the command line: the admin does the same with a form."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from coding.actions.projects import give_role
from coding.models import Project, Role, User


class Command(BaseCommand):
    help = "Make a person a member of a project with this role, or change the role that the person has there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="its name, as in URLs")
        parser.add_argument("user", help="the person's user name")
        parser.add_argument("role", choices=Role.values)

    def handle(self, *args: Any, project: str, user: str, role: str, **options: Any) -> None:
        found = Project.objects.filter(name=project).first()
        if found is None:
            raise CommandError(f"No project has the name {project}. There are: {', '.join(names()) or 'none'}.")
        person = User.objects.filter(username=user).first()
        if person is None:
            raise CommandError(f"Nobody has the user name {user}. Make one in the admin, or with createsuperuser.")
        give_role(project=found, to=person, role=Role(role), by=None)
        self.stdout.write(f"{user} is now {Role(role).label} in {found.name}.")


def names() -> list[str]:
    return list(Project.objects.values_list("name", flat=True))
