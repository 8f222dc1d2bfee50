"""Front door: log in, log out, and on to the page of one's role."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from coding import nav


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the person's menu: a coder's queue, a lead's QA, a manager's report."""
    entries = nav.menu(request)
    return redirect(entries[0].url) if entries else render(request, "no_role.html")


@require_POST
@login_required
def stay(request: HttpRequest) -> HttpResponse:
    """Any request keeps the session alive; this one does nothing else."""
    return HttpResponse(status=204)


urlpatterns = [
    path("", home, name="home"),
    path("log-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("log-out/", LogoutView.as_view(), name="logout"),
    path("settings/stay/", stay, name="stay"),
]
