"""Base rates: what a manager supplies, so that differences of scores can be read in dollars."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST

from coding.actions import projects as project_actions
from coding.models import BaseRate, Project, User
from coding.money import WITH_RATES
from coding.permissions import Permission
from coding.views import chosen_project
from coding.views.reports import tabs


class RateForm(forms.ModelForm):
    program = forms.ChoiceField(choices=[(name, name.upper()) for name in WITH_RATES])

    class Meta:
        model = BaseRate
        fields = ["program", "payment_year", "contract", "county", "amount", "source"]
        labels = {
            "payment_year": "Payment year",
            "amount": "Dollars a month",
            "source": "Where it is from",
        }

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not said.get("contract") and not said.get("county"):
            raise forms.ValidationError("Name a contract, a county or both: there is no rate for everybody.")
        return said


class HourForm(forms.ModelForm):
    class Meta:
        model = Project
        fields = ["hour_cost"]
        labels = {"hour_cost": "Dollars an hour"}
        help_texts = {"hour_cost": "Of a coder, with whatever you count in."}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def rates(request: HttpRequest) -> HttpResponse:
    """Every rate of the project, and a form for one. The same contract, county, program and year again changes it."""
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_MONEY, request.GET.get("project", ""))
    form = RateForm(request.POST or None, initial=first_program(project))
    if request.method == "POST" and form.is_valid():
        project_actions.set_base_rate(project=project, by=user, **form.cleaned_data)
        messages.success(request, "The rate is stored. Reports use it from now on.")
        return redirect(f"{reverse('rates')}?project={project.name}")
    return shown(request, project, projects, form, HourForm(instance=project))


def shown(
    request: HttpRequest, project: Project, projects: list[Project], form: RateForm, hour: HourForm
) -> HttpResponse:
    context = {
        "project": project,
        "projects": projects,
        "tabs": tabs(request.user, project, "rates"),  # type: ignore[arg-type]
        "form": form,
        "hour": hour,
        "rates": project.base_rates.select_related("set_by"),
    }
    refused = form.is_bound or hour.is_bound
    return render(request, "reports/rates.html", context, status=422 if refused else 200)


def first_program(project: Project) -> dict[str, str]:
    return {"program": (project.programs or [""])[0]}


@require_POST
@login_required
def hour_cost(request: HttpRequest) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, projects = chosen_project(user, Permission.SEE_MONEY, request.GET.get("project", ""))
    hour = HourForm(request.POST)
    if hour.is_valid():
        project_actions.set_hour_cost(project=project, amount=hour.cleaned_data["hour_cost"], by=user)
        messages.success(request, "The cost of an hour is stored.")
        return redirect(f"{reverse('rates')}?project={project.name}")
    return shown(request, project, projects, RateForm(initial=first_program(project)), hour)


@require_POST
@login_required
def remove_rate(request: HttpRequest, pk: int) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    project, _ = chosen_project(user, Permission.SEE_MONEY, request.GET.get("project", ""))
    rate = get_object_or_404(project.base_rates, pk=pk)
    project_actions.remove_base_rate(rate=rate, by=user)
    messages.success(request, "The rate is removed.")
    return redirect(f"{reverse('rates')}?project={project.name}")


urlpatterns = [
    path("reports/rates/", rates, name="rates"),
    path("reports/rates/hour/", hour_cost, name="hour_cost"),
    path("reports/rates/<int:pk>/remove/", remove_rate, name="remove_rate"),
]
