"""A person's keys: read, refused where two commands want one, stored, shown on the buttons and in the list."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from coding import keys
from coding.models import Role
from tests import make, pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def coder(project):
    return make.person(Role.CODER, project, "coder")


def test_no_two_commands_of_a_page_share_a_key_as_they_come() -> None:
    assert keys.read({}) == {}
    for page in ("chart", "queue"):
        usual = [key for one in keys.COMMANDS if one.page == page for key in one.keys.split()]
        assert len(usual) == len(set(usual)) == len(keys.bindings({}, page))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ({"accept": "a"}, {}),
        ({"accept": "Y"}, {"accept": "y"}),
        ({"accept": " y  F13 "}, {"accept": "y F13"}),
        ({"accept": "f2"}, {"accept": "F2"}),
        ({"remove_evidence": "⌫ Del"}, {}),
        ({"accept": ""}, {"accept": ""}),
        ({"accept": "v", "keep": "a"}, {"accept": "v", "keep": "a"}),
        ({"next_chart": "j"}, {"next_chart": "j"}),  # another page
        ({"refuse": "x"}, {"refuse": "x"}),
        ({"accept": "ü"}, {"accept": "ü"}),
    ],
)
def test_what_is_typed_is_read_as_differences_from_the_table(typed, stored) -> None:
    assert keys.read(typed) == stored


@pytest.mark.parametrize(
    ("typed", "refused", "words"),
    [
        ({"accept": "v"}, {"keep"}, "V is taken twice: for “accept an addition; in an audit, agree” and for “keep"),
        ({"accept": "y y"}, {"accept"}, "Y is taken twice"),
        ({"accept": "d"}, {"refuse"}, "D is taken twice"),
        ({"accept": "Enter"}, {"accept"}, "one letter, digit or sign"),
        ({"accept": "Tab"}, {"accept"}, "one letter"),
        ({"accept": "F5"}, {"accept"}, "one letter"),
        ({"accept": "ctrl+a", "keep": "m"}, {"accept", "change"}, "taken twice"),
        ({"accept": "w e r t"}, {"accept"}, "more than 3 keys"),
    ],
)
def test_what_cannot_be_is_refused_all_at_once(typed, refused, words) -> None:
    with pytest.raises(keys.KeysRefused, match=re.escape(words)) as raised:
        keys.read(typed)
    assert set(raised.value.problems) == refused


def test_the_page_follows_the_keys_of_the_person(desk, coder, project) -> None:
    chart = pages.held_chart(project, coder)
    usual = desk.get(reverse("chart", args=[chart.pk])).content.decode()
    assert re.search(r'data-command="accept">Accept <kbd class="hint" aria-hidden="true">A</kbd>', usual)

    response = desk.post(reverse("set_keys"), {"accept": "y", "undo": "", "next_chart": "g"})
    assert response.status_code == 302
    coder.refresh_from_db()
    assert coder.keys == {"accept": "y", "undo": "", "next_chart": "g"}

    page = desk.get(reverse("chart", args=[chart.pk]))
    text = page.content.decode()
    assert re.search(r'data-command="accept">Accept <kbd class="hint" aria-hidden="true">Y</kbd>', text)
    assert '<kbd class="hint" aria-hidden="true">U</kbd>' not in text
    bound = json.loads(re.search(r'data-keys="([^"]*)"', text).group(1).replace("&quot;", '"').replace("&#x27;", "'"))
    assert bound["chart"]["y"] == "accept"
    assert not {"a", "u"} & set(bound["chart"])
    assert "<dt><kbd>Y</kbd> </dt><dd>accept an addition" in text
    assert '<kbd class="hint" aria-hidden="true">G</kbd>' in desk.get(reverse("queue")).content.decode()


def test_a_conflict_changes_nothing_and_keeps_what_was_typed(desk, coder) -> None:
    response = desk.post(reverse("set_keys"), {"accept": "v", "undo": "z"})
    text = response.content.decode()
    assert response.status_code == 422
    assert "V is taken twice" in text
    assert re.search(r'id="key-undo" name="undo" value="z"', text)
    assert re.search(r'id="key-keep"[^>]*aria-invalid="true"', text)
    coder.refresh_from_db()
    assert coder.keys == {}


def test_the_usual_keys_come_back(desk, coder) -> None:
    desk.post(reverse("set_keys"), {"accept": "y"})
    desk.post(reverse("set_keys"), {"accept": "y", "restore": "yes"})
    coder.refresh_from_db()
    assert coder.keys == {}


def test_keys_are_each_persons_own(desk, project) -> None:
    desk.post(reverse("set_keys"), {"accept": "y"})
    other = Client()
    other.force_login(make.person(Role.CODER, project, "other"))
    assert re.search(r'id="key-accept" name="accept" value="A"', other.get(reverse("settings")).content.decode())
