"""What every page needs: patients' pages are never stored, a refusal has its reason, a lapsed session loses nothing."""

from collections.abc import Callable

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from coding.permissions import NotAllowed
from coding.views import errors

Respond = Callable[[HttpRequest], HttpResponseBase]


def private_pages(get_response: Respond) -> Respond:
    """No browser or proxy keeps a page that a person had to log in for.

    `NotAllowed` becomes the 403 page with its reason. When htmx asks after the session has lapsed, a log-in page must
    not be swapped into the middle of a chart: the answer is 401, and the page keeps what was typed.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        user = getattr(request, "user", None)
        if user is None:
            return response
        if user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        elif getattr(request, "htmx", False) and f"{REDIRECT_FIELD_NAME}=" in response.headers.get("Location", ""):
            return HttpResponse("You were logged out.", status=401, content_type="text/plain")
        return response

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return errors.forbidden(request, exception) if isinstance(exception, NotAllowed) else None

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond
