"""People and projects. Charts are not here on purpose: they are seen on pages that keep a trail."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from coding.actions import trail
from coding.models import Membership, Project, User

admin.site.site_header = admin.site.site_title = "Secondpass administration"
admin.site.index_title = "People and projects"


def person(request: HttpRequest) -> User:
    """Nobody reaches the admin without a log-in."""
    return cast(User, request.user)


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 1
    autocomplete_fields = ["user", "project"]


def leave_trail(request: HttpRequest, instance: Model, changed: list[str], new: bool) -> None:
    project = instance if isinstance(instance, Project) else None
    what = "created" if new else "changed"
    trail.record(
        f"{instance._meta.model_name}.{what}", by=person(request), project=project, subject=instance, fields=changed
    )


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ["username", "first_name", "last_name", "credential", "is_active", "is_superuser"]
    fieldsets = (*UserAdmin.fieldsets, ("Coding", {"fields": ["credential", "shortcuts_enabled"]}))  # type: ignore[misc]
    inlines = [MembershipInline]

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        leave_trail(request, obj, [f for f in form.changed_data if "password" not in f], not change)


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):
    list_display = ["name", "title", "meat_elements_required", "coders_see_scores"]
    search_fields = ["name", "title"]
    inlines = [MembershipInline]

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        leave_trail(request, obj, form.changed_data, not change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for membership in [*formset.new_objects, *(obj for obj, _ in formset.changed_objects)]:
            if isinstance(membership, Membership):
                trail.record(
                    "membership.granted",
                    by=person(request),
                    project=membership.project,
                    subject=membership,
                    user=membership.user_id,
                    role=membership.role,
                )
        for membership in formset.deleted_objects:
            trail.record(
                "membership.removed",
                by=person(request),
                project=membership.project,
                user=membership.user_id,
                role=membership.role,
            )
