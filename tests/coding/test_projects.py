"""Projects and roles from the command line."""

import pytest
from django.core.management import CommandError, call_command

from coding.models import Chart, Membership, Role, TrailEvent
from tests import make

pytestmark = pytest.mark.django_db


def test_a_role_given_on_the_command_line_opens_the_project_and_leaves_a_trail(capsys: pytest.CaptureFixture) -> None:
    project, person = make.project("notes"), make.person()
    chart = make.chart(project)
    assert not Chart.objects.visible_to(person).exists()
    call_command("give_role", "notes", person.username, "qa_lead")
    assert Chart.objects.visible_to(person).get() == chart
    assert f"{person.username} is now QA lead in notes." in capsys.readouterr().out
    assert TrailEvent.objects.latest("pk").action == "membership.granted"


def test_a_second_role_replaces_the_first() -> None:
    project = make.project("notes")
    person = make.person(Role.CODER, project)
    call_command("give_role", "notes", person.username, "manager")
    assert Membership.objects.get().role == Role.MANAGER


@pytest.mark.parametrize(
    ("project", "user", "words"), [("other", "somebody", "There are: notes"), ("notes", "nobody", "Nobody has")]
)
def test_what_is_not_there_is_said(project: str, user: str, words: str) -> None:
    make.project("notes")
    make.person(username="somebody")
    with pytest.raises(CommandError, match=words):
        call_command("give_role", project, user, "coder")
    assert not Membership.objects.exists()
