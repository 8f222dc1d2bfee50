"""The releases on file, as a command and as a page."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from scoring import releases
from tests import make


def listed(**options: object) -> str:
    out = StringIO()
    call_command("list_model_releases", stdout=out, **options)
    return out.getvalue()


def test_the_command_says_status_source_and_what_nobody_checked() -> None:
    said = listed(program="cms-hcc", payment_year=2025)
    v24, v28 = (line for line in said.splitlines() if line.startswith("cms-hcc 2025"))
    assert v24.split()[:6] == ["cms-hcc", "2025", "V24", "final", "33", "%"]
    assert v28.split()[:6] == ["cms-hcc", "2025", "V28", "final", "67", "%"]
    assert "unverified: the edits of the Medicare code editor" in said
    assert "unverified: the map. CMS's own map of payment year 2025 was not found" in said
    said = listed(program="pace", payment_year=2025)
    assert "missing: pace 2025 V22: CMS's ICD-10 map" in said


def test_the_command_fails_where_a_release_is_not_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: object, header: object, meta: object) -> None:
        raise releases.TablesBroken("factors.csv is not the file")

    monkeypatch.setattr(releases, "verify", broken)
    with pytest.raises(CommandError, match="not as they were made: cms-hcc/2026/V28 final"):
        listed(program="cms-hcc", payment_year=2026)
    with pytest.raises(CommandError, match="no release of that program"):
        listed(program="other")


@pytest.mark.django_db
def test_the_page_lists_them_for_members_of_a_project(client: Client) -> None:
    client.force_login(make.person())
    assert client.get(reverse("model_releases")).status_code == 403
    client.force_login(make.person("coder", make.project()))
    page = client.get(reverse("model_releases")).content.decode()
    for part in (
        "Medicare Advantage, CMS-HCC",
        "to be imported",
        "checked 2026-11-22",
        "not checked",
        "to be supplied",
    ):
        assert part in page
