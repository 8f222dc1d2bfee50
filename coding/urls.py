"""Every room's pages. A new page is a path at the foot of its room's file; a new room is one name here."""

from django.urls import URLPattern, URLResolver, include, path

ROOMS = (
    "health",
    "home",
    "settings",
    "queues",
    "mine",
    "charts",
    "documents",
    "suggestions",
    "provider_queries",
    "scores",
    "calculator",
    "releases",
    "qa",
    "documentation",
    "reports",
    "rates",
    "compliance",
    "conditions",
    "trail",
)

urlpatterns: list[URLPattern | URLResolver] = [
    *(path("", include(f"coding.views.{room}")) for room in ROOMS),
    path("api/", include("coding.api")),
]
