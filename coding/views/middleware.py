"""What every page needs: patients' pages are never stored, a refusal has its reason, a lapsed session loses nothing."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from coding import nav
from coding.permissions import NotAllowed
from coding.views import errors


@receiver(user_logged_in)
def note_start(request: HttpRequest, **more: Any) -> None:
    """Somebody logged in: their session ends SESSION_ABSOLUTE_SECONDS from now, however busy it is."""
    request.session[nav.STARTED] = int(time.time())


def page_before(request: HttpRequest) -> str:
    """The path of the page that a form stood on, or the first page."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}):
        return "/"
    parts = urlsplit(referer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"


Respond = Callable[[HttpRequest], HttpResponseBase]


def private_pages(get_response: Respond) -> Respond:
    """No browser or proxy keeps a page that a person had to log in for.

    `NotAllowed` becomes the 403 page with its reason. When htmx asks after the session has lapsed, a log-in page must
    not be swapped into the middle of a chart: the answer is 401, and the page keeps what was typed. Without htmx the
    log-in leads back to the page with the form, since the form's address shows nothing. A session past its absolute
    end counts as lapsed.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        if nav.session_left(request) < 0:
            logout(request)
        response = get_response(request)
        user = getattr(request, "user", None)
        if user is None:
            return response
        if user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        elif f"{REDIRECT_FIELD_NAME}=" in response.headers.get("Location", ""):
            if getattr(request, "htmx", False):
                return HttpResponse("You were logged out.", status=401, content_type="text/plain")
            if request.method == "POST":
                return redirect_to_login(page_before(request))
        return response

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return errors.forbidden(request, exception) if isinstance(exception, NotAllowed) else None

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond
