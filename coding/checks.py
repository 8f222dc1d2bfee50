"""Django's system checks: settings that do not go together are said at start, with what to do."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

LOCAL = {"localhost", "127.0.0.1", "[::1]", "testserver"}


@register
def many_workers_need_a_server_database(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    embedded = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if settings.REDIS_URL and embedded:
        return [
            Warning(
                "Workers on Redis write to an embedded SQLite database: they wait for each other at every write.",
                hint="Set DATABASE_URL to a PostgreSQL database, or unset REDIS_URL.",
                id="coding.W001",
            )
        ]
    return []


@register
def other_machines_need_https(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    others = sorted(set(settings.ALLOWED_HOSTS) - LOCAL)
    if others and not settings.SECURE:
        return [
            Warning(
                f"ALLOWED_HOSTS names {', '.join(others)}, and SECURE is off: patients' data would travel unencrypted.",
                hint="Put a proxy with TLS in front and set SECURE=true.",
                id="coding.W002",
            )
        ]
    return []
