"""How a person likes the pages: colours, keys, the tour, the password. No work changes here, so the trail hears of the
password alone. All but the colours, which are a screen's, are kept on the server and follow the person."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from coding import keys, nav
from coding.actions import trail
from coding.models import User

WHERE = {"chart": "On a chart", "queue": "In the queue"}


@require_safe
@login_required
def settings(request: HttpRequest) -> HttpResponse:
    return page(request)


def page(
    request: HttpRequest, typed: dict[str, str] | None = None, problems: dict[str, str] | None = None
) -> HttpResponse:
    """typed: keys that were refused, to be corrected."""
    user: User = request.user  # type: ignore[assignment]
    tables = []
    for where, title in WHERE.items():
        rows = []
        for command in keys.COMMANDS:
            if command.page == where:
                value = " ".join(keys.shown(key) for key in keys.keys_of(user.keys, command.name))
                rows.append(
                    {
                        "command": command,
                        "value": (typed or {}).get(command.name, value),
                        "usual": " ".join(keys.shown(key) for key in command.keys.split()),
                        "changed": command.name in user.keys,
                        "problem": (problems or {}).get(command.name, ""),
                    }
                )
        tables.append((title, rows))
    context = {"tables": tables, "problems": problems}
    return render(request, "settings/settings.html", context, status=422 if problems else 200)


@require_POST
@login_required
def set_keys(request: HttpRequest) -> HttpResponse:
    """All keys at once, or the usual ones again. Where two commands of a page want one key, none is changed."""
    user: User = request.user  # type: ignore[assignment]
    typed = (
        {} if "restore" in request.POST else {name: request.POST[name] for name in keys.BY_NAME if name in request.POST}
    )
    try:
        user.keys = keys.read(typed)
    except keys.KeysRefused as refused:
        return page(request, typed, refused.problems)
    user.save(update_fields=["keys"])
    messages.success(request, "The usual keys are back." if "restore" in request.POST else "Your keys are stored.")
    return redirect("settings")


@require_POST
@login_required
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Switch the single-key shortcuts on or off for this person."""
    user: User = request.user  # type: ignore[assignment]
    user.shortcuts_enabled = request.POST.get("enabled") == "on"
    user.save(update_fields=["shortcuts_enabled"])
    return HttpResponse(status=204) if request.htmx else redirect("settings")  # type: ignore[attr-defined]


@require_POST
@login_required
def tour(request: HttpRequest) -> HttpResponse:
    """Remember that the tour of the review page was seen, or have it begin again on the demo's next chart."""
    user: User = request.user  # type: ignore[assignment]
    user.tour_seen = request.POST.get("seen") == "yes"
    user.save(update_fields=["tour_seen"])
    if user.tour_seen:
        return HttpResponse(status=204)
    messages.success(request, "The tour begins when you open a chart of the demo project that you hold.")
    return redirect("settings")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember the colours in this browser. No secret: the page's script may set the cookie too."""
    back = request.POST.get("next", "")
    response = redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "home")
    theme = request.POST.get("theme", "")
    if theme in nav.THEMES:
        response.set_cookie("theme", theme, max_age=400 * 24 * 3600, samesite="Strict", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response


class ChangePassword(PasswordChangeView):
    """One's own password. The person's other sessions end; this one goes on."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/change_password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        trail.record("user.password_changed", by=form.user, project=None, subject=form.user)
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)


urlpatterns = [
    path("settings/", settings, name="settings"),
    path("settings/keys/", set_keys, name="set_keys"),
    path("settings/shortcuts/", shortcuts, name="shortcuts"),
    path("settings/tour/", tour, name="tour"),
    path("settings/theme/", set_theme, name="theme"),
    path("settings/password/", ChangePassword.as_view(), name="change_password"),
]
