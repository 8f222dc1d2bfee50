"""Pages: fetch with permission, call one action or report, render. One file per room, ending with its urlpatterns."""

from coding.models import Project, User
from coding.permissions import NotAllowed, Permission, projects_with


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
