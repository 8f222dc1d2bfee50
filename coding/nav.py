"""The menu. A page that belongs in it is one line of MENU; it shows for people who hold the permission somewhere."""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from coding.models import Role
from coding.permissions import ROLE_PERMISSIONS, Permission, can_calculate

THEMES = ("light", "dark", "contrast")
STARTED = "started"  # the session's key for the time of its log-in, in seconds since the epoch


@dataclass(frozen=True)
class Item:
    label: str
    url_name: str
    permission: Permission | None  # None for the calculator, which is no role's
    room: str  # the item is current while the path begins with this


MENU = (
    Item("My queue", "queue", Permission.CODE, "/queue/"),
    Item("My work", "my_work", Permission.CODE, "/my-work/"),
    Item("QA", "qa", Permission.AUDIT, "/qa/"),
    Item("Reports", "reports", Permission.SEE_REPORTS, "/reports/"),
    Item("Queries", "provider_queries", Permission.SEE_QUERIES, "/queries/"),
    Item("Compliance", "rules", Permission.SEE_RULES, "/compliance/"),
    Item("Conditions", "conditions", Permission.SEE_RULES, "/conditions/"),
    Item("Trail", "trail", Permission.SEE_TRAIL, "/trail/"),
    Item("Upload charts", "upload", Permission.IMPORT_CHARTS, "/charts/upload/"),
    Item("Calculator", "calculator", None, "/calculator/"),
)


@dataclass(frozen=True)
class Entry:
    label: str
    url: str
    current: bool


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: `menu`, `theme` (of THEMES, or "" for the system's), and the seconds that a session may
    be idle (`session_seconds`) and that are left of it in any case (`session_left`)."""
    theme = request.COOKIES.get("theme", "")
    return {
        "menu": menu(request),
        "theme": theme if theme in THEMES else "",
        "session_seconds": settings.SESSION_COOKIE_AGE,
        "session_left": session_left(request),
    }


def session_left(request: HttpRequest) -> int:
    """Seconds until the session ends, however busy it is. Without a log-in, all of them."""
    limit = int(getattr(settings, "SESSION_ABSOLUTE_SECONDS", 12 * 3600))
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return limit
    # A session of before there was a limit begins now.
    started = request.session.setdefault(STARTED, int(time.time()))
    return int(started + limit - time.time())


def menu(request: HttpRequest) -> list[Entry]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    roles = {Role(role) for role in user.memberships.values_list("role", flat=True)}
    permissions = {permission for role in roles for permission in ROLE_PERMISSIONS[role]}
    entries = []
    for item in MENU:
        if not (item.permission in permissions if item.permission else can_calculate(user)):
            continue
        entries.append(Entry(item.label, reverse(item.url_name), request.path.startswith(item.room)))
    if user.is_staff:
        entries.append(Entry("Admin", reverse("admin:index"), False))
    return entries
