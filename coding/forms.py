"""Forms. What they check is in one place: a form reads, an action decides."""

from typing import Any

from django import forms

from coding.intake import ChartValues, IntakeErrors, Problem, chart_file, formats
from coding.models import Project, User
from coding.permissions import Permission, projects_with


class UploadForm(forms.Form):
    """A file of charts for one project of the person's. `charts` has its values once the form is valid; `problems`
    has every problem of the file, with line and field."""

    project = forms.ModelChoiceField(Project.objects.none(), to_field_name="name", empty_label=None)
    file = forms.FileField(label="Chart file", widget=forms.FileInput(attrs={"accept": ".jsonl,.json,.ndjson"}))
    chart_format = forms.ChoiceField(label="Format", initial=chart_file.NAME, required=False)
    apply = forms.BooleanField(
        required=False,
        label="Add to charts that are here already",
        help_text="Without this a file that says more about a chart than is stored is refused, and says what it adds.",
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.charts: tuple[ChartValues, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        allowed = [project.pk for project in projects_with(by, Permission.IMPORT_CHARTS)]
        self.fields["project"].queryset = Project.objects.filter(pk__in=allowed)  # type: ignore[attr-defined]
        choices = [(name, chart_format.TITLE) for name, chart_format in formats().items()]
        self.fields["chart_format"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["chart_format"].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        upload, name = cleaned.get("file"), cleaned.get("chart_format") or chart_file.NAME
        if upload and name in formats():
            try:
                self.charts = formats()[name].read(upload)
            except IntakeErrors as errors:
                self.problems = errors.problems
                self.add_error("file", str(errors))
        return cleaned
