"""Every room's pages. A new page is a path at the foot of its room's file; a new room is one name here."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

ROOMS = ("health", "home", "queues", "charts", "suggestions", "qa", "reports", "trail")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"coding.views.{room}")) for room in ROOMS if find_spec(f"coding.views.{room}")
]
if find_spec("coding.api"):
    urlpatterns.append(path("api/", include("coding.api")))
