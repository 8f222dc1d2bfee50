"""The refusal page. 400, 404 and 500 are plain templates that Django finds by their names."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 with the reason that `check_can_x` gave; htmx gets the sentence alone, to show beside the work."""
    reason = str(exception)
    if getattr(request, "htmx", False):
        return HttpResponse(reason, status=403, content_type="text/plain; charset=utf-8")
    return render(request, "403.html", {"reason": reason}, status=403)
