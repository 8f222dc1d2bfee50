"""Pages: fetch with permission, call one action or report, render. One file per room, ending with its urlpatterns."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from coding.models import Project, User
from coding.permissions import NotAllowed, Permission, projects_with
from coding.refusals import Refused


def chosen_project(user: User, permission: Permission, name: str = "") -> tuple[Project, list[Project]]:
    """The project that a page is about, and those to choose from (`?project=name`; the first one without it).

    Raises NotAllowed when the person holds the permission in none, or not in the named one.
    """
    projects = projects_with(user, permission)
    if not projects:
        raise NotAllowed(f"You may not {permission.value} in any project. Ask your administrator for a role.")
    if not name:
        return projects[0], projects
    for project in projects:
        if project.name == name:
            return project, projects
    raise NotAllowed(f"You may not {permission.value} in that project.")


def as_id(text: str) -> int:
    """The id that a form or an address gives, or 0, which nothing has: words, and numbers too long for a database."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


@contextmanager
def saying(request: HttpRequest, *also: type[Exception], otherwise: str = "") -> Iterator[None]:
    """What an action refuses is said on the page that follows.

    also: other refusals that are said there. otherwise: what is said where the form's choice is none of the choices
    (ValueError).
    """
    refusals: tuple[type[Exception], ...] = (Refused, *also)
    try:
        yield
    except refusals as error:
        messages.error(request, str(error))
    except ValueError:
        if not otherwise:
            raise
        messages.error(request, otherwise)
