"""Front door: log in, log out, and on to the page of one's role."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from coding import nav
from coding.actions import trail


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the person's menu: a coder's queue, a lead's QA, a manager's report."""
    entries = nav.menu(request)
    return redirect(entries[0].url) if entries else render(request, "no_role.html")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice in this browser. No secret: the page's script may set it too."""
    back = request.POST.get("next", "")
    response = redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "home")
    theme = request.POST.get("theme", "")
    if theme in nav.THEMES:
        response.set_cookie("theme", theme, max_age=400 * 24 * 3600, samesite="Strict", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response


@require_POST
@login_required
def stay(request: HttpRequest) -> HttpResponse:
    """Any request keeps the session alive; this one does nothing else."""
    return HttpResponse(status=204)


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
    path("", home, name="home"),
    path("log-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("log-out/", LogoutView.as_view(), name="logout"),
    path("settings/password/", ChangePassword.as_view(), name="change_password"),
    path("settings/theme/", set_theme, name="theme"),
    path("settings/stay/", stay, name="stay"),
]
