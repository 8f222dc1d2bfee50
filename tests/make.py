"""Test data, made through the real actions. Every function has sensible defaults; name what the test is about.

lead = make.person("qa_lead", project)
chart = make.chart(project, make.encounter(text="CKD stage 3b, stable.", codes=["E11.9"]))
"""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any

from coding.actions import charts as chart_actions
from coding.actions.projects import create_project, give_role
from coding.intake import ChartValues, chart_file
from coding.models import Chart, Project, Role, User

PASSWORD = "correct horse battery staple"
_numbers = count(1)


def project(name: str = "", **policy: Any) -> Project:
    """policy: fields of the project, such as meat_elements_required=0."""
    made = create_project(name=name or f"project-{next(_numbers)}", by=None)
    if policy:
        Project.objects.filter(pk=made.pk).update(**policy)
        made.refresh_from_db()
    return made


def person(role: Role | str | None = None, project: Project | None = None, username: str = "", **facts: Any) -> User:
    """A person who can log in with PASSWORD, with a role where a project is given."""
    username = username or f"{role or 'person'}-{next(_numbers)}"
    user = User.objects.create_user(username, password=PASSWORD, **facts)
    if project and role:
        give_role(project=project, to=user, role=Role(role), by=None)
    return user


# --- The chart file's objects: dicts, so that a test can put anything in ---------------------------------------------


def note(text: str = "Assessment: type 2 diabetes, stable on metformin.", **fields: Any) -> dict[str, Any]:
    return {"text": text, **fields}


def code(icd10: str = "E11.9", **fields: Any) -> dict[str, Any]:
    return {"icd10": icd10, **fields}


def encounter(
    text: str = "", day: str = "2026-03-02", codes: Iterable[str | dict[str, Any]] = (), **fields: Any
) -> dict[str, Any]:
    """One date of service with one note, unless `notes` are given. codes: first-pass codes."""
    return {
        "encounter_id": f"E-{day}",
        "from": day,
        "through": day,
        "setting": "outpatient",
        "notes": [note(text) if text else note()],
        "first_pass_codes": [code(c) if isinstance(c, str) else c for c in codes],
        **fields,
    }


def enrollment(**fields: Any) -> dict[str, Any]:
    """Community, not dual, aged: payment year 2027."""
    return {
        "payment_year": 2027,
        "program": "cms-hcc",
        "dual": "none",
        "orec": "0",
        "institutional": False,
        "new_enrollee": False,
        **fields,
    }


def member(**fields: Any) -> dict[str, Any]:
    """A woman of 73 on 1 February 2027."""
    return {"member_id": f"M{next(_numbers):05}", "birth_date": "1953-04-01", "sex": "F", **fields}


def chart_line(*encounters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One chart as the chart file says it."""
    return {
        "service_year": 2026,
        "member": member(),
        "enrollments": [enrollment()],
        "encounters": list(encounters) or [encounter(codes=["E11.9"])],
        **fields,
    }


def chart_file_text(*lines: dict[str, Any]) -> str:
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def chart_values(*encounters: dict[str, Any], **fields: Any) -> ChartValues:
    return values_of(chart_line(*encounters, **fields))


def values_of(line: dict[str, Any]) -> ChartValues:
    (values,) = chart_file.read(json.dumps(line))
    return values


# --- Rows ------------------------------------------------------------------------------------------------------------


def chart(project: Project, *encounters: dict[str, Any], by: User | None = None, **fields: Any) -> Chart:
    """An imported chart: its notes are queued, not read."""
    return chart_actions.import_chart(chart_values(*encounters, **fields), project=project, by=by)
