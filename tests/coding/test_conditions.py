"""Rule cards, what coders make of a condition, muting and its policy, and the page of everything that the rules see."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import nlp
from coding import acceptance, tasks
from coding.acceptance import Acceptance
from coding.actions import conditions, suggestions, trail
from coding.actions.conditions import NotMutable
from coding.actions.projects import change_policy
from coding.models import Chart, Mute, Project, Role, RuleSet, Suggestion, TrailEvent, User
from coding.permissions import NotAllowed
from coding.workflow import Outcome, SuggestionStatus
from nlp import cards
from tests import make, pages

pytestmark = pytest.mark.django_db

NOTE = "Assessment: CKD stage 3b, stable on losartan. No gout. Father had a stroke."


@pytest.fixture
def project() -> Project:
    return make.project("alpha", mute_after=2)


def suggested(chart: Chart, rule: str = "ckd/ckd") -> Suggestion:
    """The chart's added N18.32, from a rule of the family."""
    Suggestion.objects.filter(chart=chart, icd10="N18.32").update(rule=rule)
    return Suggestion.objects.get(chart=chart, icd10="N18.32")


def answered(project: Project, coder: User, *outcomes: Outcome) -> list[Suggestion]:
    found = []
    for outcome in outcomes:
        one = suggested(pages.held_chart(project, coder))
        reason = "historical" if outcome == Outcome.REJECT else ""
        suggestions.decide(suggestion=one, outcome=outcome, reason=reason, by=coder)
        found.append(one)
    return found


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- What coders make of it ----------------------------------------------------------------------------------------


def test_acceptance_counts_answers_and_neither_queries_nor_codes_added_by_hand(project: Project, coder: User) -> None:
    answered(project, coder, Outcome.ACCEPT, Outcome.REJECT, Outcome.REJECT, Outcome.QUERY)
    suggested(pages.read_chart(project, pages.missed_ckd()))
    by_hand = pages.held_chart(project, coder)
    suggestions.add_manually(encounter=by_hand.encounters.get(), code="E66.01", spans=[], by=coder)
    suggested(by_hand)
    found = acceptance.by_family(project)
    assert set(found) == {"ckd"}
    ckd = found["ckd"]
    assert (ckd.accepted, ckd.changed, ckd.rejected, ckd.queried, ckd.open) == (1, 0, 2, 1, 2)
    assert (ckd.taken, ckd.judged, str(ckd.rate)) == (1, 3, "0.333")
    assert acceptance.rejection_reasons([project], "ckd") == [("historical", 2)]
    assert acceptance.by_family(make.project("beta")) == {}


@pytest.mark.parametrize(
    ("taken", "rejected", "below", "after", "flagged"),
    [
        (9, 11, 50, 20, True),
        (10, 10, 50, 20, False),
        (9, 10, 50, 20, False),
        (0, 20, 0, 20, False),
        (99, 1, 100, 20, True),
        (0, 0, 50, 1, False),
    ],
)
def test_a_condition_is_flagged_below_the_threshold_once_enough_have_answered(
    project: Project, taken: int, rejected: int, below: int, after: int, flagged: bool
) -> None:
    project.mute_below, project.mute_after = below, after
    assert Acceptance("ckd", accepted=taken, rejected=rejected).falls_below(project) is flagged


# --- Muting --------------------------------------------------------------------------------------------------------


def test_muting_holds_back_open_additions_and_touches_no_check_and_no_answer(
    project: Project, coder: User, lead: User
) -> None:
    (accepted,) = answered(project, coder, Outcome.ACCEPT)
    waiting = suggested(pages.read_chart(project, pages.missed_ckd()))
    made = conditions.mute(project=project, family="ckd", reason="Seldom right.", by=lead)
    waiting.refresh_from_db()
    accepted.refresh_from_db()
    assert waiting.status == SuggestionStatus.MUTED
    assert accepted.status == SuggestionStatus.ACCEPTED
    assert waiting.evidence.exists()
    assert Suggestion.objects.filter(chart=waiting.chart, kind="check", status="open").exists()
    assert not waiting.chart.suggestions.live().filter(icd10="N18.32").exists()
    assert (made.taken, made.judged, made.by) == (1, 1, lead)
    event = TrailEvent.objects.get(action="condition.muted")
    assert (event.actor, event.subject_id) == (lead, made.pk)
    assert event.details == {"family": "ckd", "taken": 1, "judged": 1, "suggestions": 1, "charts": 1}


def test_what_is_found_under_a_mute_is_stored_as_muted(project: Project, lead: User) -> None:
    conditions.mute(project=project, family="test", reason="Seldom right.", by=lead)
    chart = pages.read_chart(project, pages.missed_ckd())
    assert chart.suggestions.get(icd10="N18.32").status == SuggestionStatus.MUTED
    assert chart.suggestions.get(kind="check").status == SuggestionStatus.OPEN
    elsewhere = pages.read_chart(make.project("beta"), pages.missed_ckd())
    assert elsewhere.suggestions.get(icd10="N18.32").status == SuggestionStatus.OPEN


def test_the_trail_leads_from_a_mute_to_its_rule_card(project: Project, lead: User) -> None:
    conditions.mute(project=project, family="ckd", reason="Stages of old notes.", by=lead)
    page = client_of(lead).get("/trail/").content.decode()
    assert '<a href="/conditions/ckd/?project=alpha#mute">Chronic kidney disease</a>' in page


def test_unmuting_asks_again_on_charts_that_are_not_finished(project: Project, lead: User, manager: User) -> None:
    one = suggested(pages.read_chart(project, pages.missed_ckd()))
    finished = suggested(pages.read_chart(project, pages.missed_ckd()))
    conditions.mute(project=project, family="ckd", reason="Seldom right.", by=lead)
    Chart.objects.filter(pk=finished.chart_id).update(status="closed")
    conditions.unmute(project=project, family="ckd", reason="The rule is mended.", by=manager)
    one.refresh_from_db()
    finished.refresh_from_db()
    assert (one.status, finished.status) == (SuggestionStatus.OPEN, SuggestionStatus.MUTED)
    mute = Mute.objects.get()
    assert (mute.lifted_by, mute.lift_reason) == (manager, "The rule is mended.")
    assert TrailEvent.objects.get(action="condition.unmuted").details == {
        "family": "ckd", "suggestions": 1, "charts": 1,
    }  # fmt: skip


def test_a_code_found_by_hand_under_a_mute_is_asked_about_once(project: Project, coder: User, lead: User) -> None:
    chart = pages.held_chart(project, coder)
    muted = suggested(chart)
    conditions.mute(project=project, family="ckd", reason="Seldom right.", by=lead)
    by_hand = suggestions.add_manually(encounter=chart.encounters.get(), code="N18.32", spans=[], by=coder)
    conditions.unmute(project=project, family="ckd", reason="Mended.", by=lead)
    muted.refresh_from_db()
    by_hand.refresh_from_db()
    assert (muted.status, by_hand.status) == (SuggestionStatus.SUPERSEDED, SuggestionStatus.OPEN)


def test_reading_again_follows_the_mute(project: Project, lead: User) -> None:
    chart = pages.read_chart(project, pages.missed_ckd())
    one = chart.suggestions.get(icd10="N18.32")

    def ask_again() -> str:
        suggestions.ask(chart.encounters.get(), chart=chart, ruleset="later")
        one.refresh_from_db()
        return one.status

    conditions.mute(project=project, family="test", reason="Seldom right.", by=lead)
    assert ask_again() == SuggestionStatus.MUTED
    Mute.objects.update(lifted_at=timezone.now(), lifted_by=lead)
    assert ask_again() == SuggestionStatus.OPEN


@pytest.mark.parametrize("role", [Role.CODER, Role.COMPLIANCE, Role.ADMINISTRATOR])
def test_others_may_neither_mute_nor_unmute(project: Project, role: Role) -> None:
    person = make.person(role, project)
    for action in (conditions.mute, conditions.unmute):
        with pytest.raises(NotAllowed):
            action(project=project, family="ckd", reason="I like it so.", by=person)


def test_muting_twice_or_without_a_reason_is_refused(project: Project, lead: User) -> None:
    with pytest.raises(NotMutable, match="why"):
        conditions.mute(project=project, family="ckd", reason=" ", by=lead)
    with pytest.raises(NotMutable, match="not muted"):
        conditions.unmute(project=project, family="ckd", reason="So.", by=lead)
    conditions.mute(project=project, family="ckd", reason="So.", by=lead)
    with pytest.raises(NotMutable, match="already"):
        conditions.mute(project=project, family="ckd", reason="So.", by=lead)
    with pytest.raises(IntegrityError), transaction.atomic():
        Mute.objects.create(project=project, family="ckd", reason="So.", taken=0, judged=0, by=lead)


def test_a_mute_that_leaves_no_event_is_not_made(project: Project, lead: User, monkeypatch: pytest.MonkeyPatch) -> None:
    one = suggested(pages.read_chart(project, pages.missed_ckd()))

    def broken(*args: Any, **details: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(trail, "record", broken)
    with pytest.raises(RuntimeError):
        conditions.mute(project=project, family="ckd", reason="So.", by=lead)
    one.refresh_from_db()
    assert one.status == SuggestionStatus.OPEN
    assert not Mute.objects.exists()


# --- The policy ----------------------------------------------------------------------------------------------------


def test_the_policy_mutes_only_where_it_is_switched_on_and_says_so(
    project: Project, coder: User, manager: User
) -> None:
    answered(project, coder, Outcome.REJECT, Outcome.REJECT)
    tasks.mute_by_policy()
    assert not Mute.objects.exists()
    change_policy(
        project=project, meat_elements_required=1, coders_see_scores=True, mute_automatically=True, by=manager
    )
    made = Mute.objects.get()
    assert (made.family, made.by, made.taken, made.judged) == ("ckd", None, 0, 2)
    assert "fewer than 50 %" in made.reason
    event = TrailEvent.objects.get(action="condition.muted")
    assert event.actor is None
    assert (event.details["below"], event.details["after"]) == (50, 2)
    tasks.mute_by_policy()
    assert Mute.objects.count() == 1


def test_after_unmuting_the_policy_counts_new_answers_only(project: Project, coder: User, manager: User) -> None:
    answered(project, coder, Outcome.REJECT, Outcome.REJECT)
    Project.objects.filter(pk=project.pk).update(mute_automatically=True)
    project.refresh_from_db()
    tasks.mute_by_policy()
    conditions.unmute(project=project, family="ckd", reason="Mended.", by=manager)
    tasks.mute_by_policy()
    assert not Mute.objects.active().exists()
    answered(project, coder, Outcome.REJECT, Outcome.ACCEPT, Outcome.REJECT)
    found = acceptance.by_family(project)["ckd"]
    assert (found.judged, found.counted.judged, found.counted.taken) == (5, 3, 1)
    tasks.mute_by_policy()
    assert Mute.objects.active().get().judged == 3


def test_a_policy_form_without_the_fields_leaves_muting_as_it_is(project: Project, manager: User) -> None:
    Project.objects.filter(pk=project.pk).update(mute_automatically=True, mute_below=30)
    client_of(manager).post("/reports/policy/?project=alpha", {"meat_elements_required": "1"})
    project.refresh_from_db()
    assert (project.mute_automatically, project.mute_below, project.mute_after) == (True, 30, 2)
    form = {"meat_elements_required": "1", "mute_below": "40", "mute_after": "10"}
    client_of(manager).post("/reports/policy/?project=alpha", form)
    project.refresh_from_db()
    assert (project.mute_automatically, project.mute_below, project.mute_after) == (False, 40, 10)


# --- The pages -----------------------------------------------------------------------------------------------------


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.status_code
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_list_finds_by_name_code_and_surface(lead: User) -> None:
    client = client_of(lead)
    for words in ("kidney disease", "N18.32", "eskd"):
        assert "Chronic kidney disease" in text_of(client, f"/conditions/?q={words}")
    assert "No condition fits" in text_of(client, "/conditions/?q=quuxitis")
    assert "Plague" not in text_of(client, "/conditions/")
    assert "Plague" in text_of(client, "/conditions/?show=rare")


def test_what_is_muted_or_flagged_stands_on_list_card_queue_and_policy(
    project: Project, coder: User, lead: User, manager: User
) -> None:
    answered(project, coder, Outcome.REJECT, Outcome.REJECT)
    assert "Below the threshold" in text_of(client_of(coder), "/conditions/")
    suggested(pages.read_chart(project, pages.missed_ckd()))
    response = client_of(lead).post("/conditions/ckd/mute/?project=alpha", {"reason": "Staging is wrong."})
    assert response.status_code == 302
    assert "Staging is wrong." in text_of(client_of(coder), "/conditions/")
    card = text_of(client_of(lead), "/conditions/ckd/")
    assert "at 0 accepted of 2" in card
    assert "Held back on 1 chart" in card
    assert "Historical or resolved 2" in card
    assert "not asked about: Chronic kidney disease" in text_of(client_of(coder), "/queue/")
    assert "Muted now: Chronic kidney disease" in text_of(client_of(manager), "/reports/policy/")


def test_the_review_page_shows_a_muted_mention_as_passed_over(project: Project, coder: User, lead: User) -> None:
    chart = pages.held_chart(project, coder)
    suggested(chart)
    conditions.mute(project=project, family="ckd", reason="Seldom right.", by=lead)
    page = client_of(coder).get(f"/charts/{chart.pk}/").content.decode()
    assert 'data-reason="muted N18.32"' in page


@pytest.mark.parametrize("address", ["/conditions/", "/conditions/ckd/"])
def test_the_pages_cost_the_same_for_three_answers_and_for_many(
    project: Project, coder: User, lead: User, address: str
) -> None:
    client = client_of(lead)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get(address)
        return len(caught)

    answered(project, coder, *[Outcome.REJECT] * 3)
    conditions.mute(project=project, family="ckd", reason="Seldom right.", by=lead)
    queries()
    few = queries()
    answered(project, coder, *[Outcome.REJECT] * 6)
    for name in ("gout", "copd", "obesity"):
        conditions.mute(project=project, family=name, reason="Seldom right.", by=lead)
    assert queries() == few


def test_every_card_can_be_shown(lead: User) -> None:
    client = client_of(lead)
    every = cards.cards()
    some = [*list(every)[::20], "diabetes", "transplant"]
    for name in some:
        assert client.get(f"/conditions/{name}/").status_code == 200, name
    assert client.get("/conditions/quuxitis/").status_code == 404


def test_a_condition_that_the_rules_have_no_more_can_be_unmuted(project: Project, lead: User) -> None:
    pages.read_chart(project, pages.missed_ckd())  # by the rule "test/rule", which no file has
    conditions.mute(project=project, family="test", reason="Seldom right.", by=lead)
    client = client_of(lead)
    assert "Seldom right." in text_of(client, "/conditions/?show=flagged")
    assert "In the rules no more" in text_of(client, "/conditions/test/")
    client.post("/conditions/test/unmute/?project=alpha", {"reason": "Gone anyway."})
    assert not Mute.objects.active().exists()


def test_a_card_says_not_measured_and_marks_what_has_changed_since(lead: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(lead)
    counts = {"found": 9, "false": 1, "missed": 3, "traps": 2, "hit": 0}

    def measured(ruleset: str, file: str) -> None:
        stored = {
            "Test notes": {
                "measured_on": "2026-11-01", "ruleset": ruleset, "notes": 5,
                "families": {"ckd": {"file": file, **counts}},
            }
        }  # fmt: skip
        monkeypatch.setattr("coding.views.conditions.stored_figures", lambda: stored)

    measured(str(nlp.RULESET), cards.file_of("ckd"))
    card = text_of(client, "/conditions/ckd/")
    assert "90 % precision 75 % recall" in card
    assert "Measured with the rules that are in use" in card
    assert "Not measured." in text_of(client, "/conditions/gout/")
    measured("older", cards.file_of("ckd"))
    assert "this file is the same, other rules have changed since" in text_of(client, "/conditions/ckd/")
    measured("older", "0" * 12)
    assert "this file has changed since" in text_of(client, "/conditions/ckd/")


def test_the_card_tells_since_when_a_version_is_used_here(project: Project, lead: User) -> None:
    RuleSet.objects.create(name="2026.10+old", files={"ckd": "0123456789ab", "gout": cards.file_of("gout")})
    pages.read_chart(project, pages.missed_ckd())
    assert RuleSet.objects.get(name=str(nlp.RULESET)).files["ckd"] == cards.file_of("ckd")
    card = text_of(client_of(lead), "/conditions/ckd/")
    assert "0123456789ab" in card
    assert text_of(client_of(lead), "/conditions/gout/").count("first used here") == 1


def test_evaluate_stores_counts_for_the_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = tmp_path / "figures.json"
    monkeypatch.setattr("coding.management.commands.evaluate_nlp.FIGURES", figures)
    (tmp_path / "one.txt").write_text(NOTE)
    (tmp_path / "one.json").write_text('{"conditions": [{"icd10": "N18.32", "status": "supported"}]}')
    call_command("evaluate_nlp", str(tmp_path), "--store", "One note")
    text = figures.read_text()
    assert "losartan" not in text
    (figure,) = cards.figures("ckd", cards.stored_figures(figures), str(nlp.RULESET))
    assert (figure.corpus, figure.notes, figure.found, figure.unchanged) == ("One note", 1, 1, "all")
    assert cards.figures("gout", cards.stored_figures(figures), str(nlp.RULESET)) == []


# --- What the rules see --------------------------------------------------------------------------------------------


def test_a_note_is_shown_with_what_counts_and_what_is_passed_over_and_leaves_an_event(
    project: Project, coder: User
) -> None:
    chart = pages.held_chart(project, coder, pages.day(text=NOTE, checks={"E11.9": ("not-found", "")}))
    note = chart.encounters.get().notes.get()
    page = text_of(client_of(coder), f"/charts/{chart.pk}/notes/{note.pk}/")
    assert "N18.32 Chronic kidney disease, stage 3b" in page
    assert "stage 32 from “stage 3b”" in page
    assert "Negated by No else M10.9" in page
    assert "Family: somebody else&#x27;s by Father else" in page or "Family: somebody else" in page
    assert "E11.9 Not found." in page
    event = TrailEvent.objects.get(action="note.explained")
    assert (event.subject_id, event.details) == (chart.pk, {"note": note.pk})
    other = pages.held_chart(project, coder)
    assert client_of(coder).get(f"/charts/{other.pk}/notes/{note.pk}/").status_code == 404


def test_the_shown_text_is_the_note_character_by_character(project: Project, coder: User) -> None:
    text = "HPI: <b>Ärztin & CKD</b> stage 3b.\r\n\r\nPLAN:\r\n1. Gout, on allopurinol."
    chart = pages.held_chart(project, coder, pages.day(text=text))
    note = chart.encounters.get().notes.get()
    page = client_of(coder).get(f"/charts/{chart.pk}/notes/{note.pk}/").context["page"]
    assert "".join(piece.text for piece in page.pieces) == note.text


def test_tried_text_is_read_and_neither_stored_nor_logged(
    coder: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    form = {"text": f"{NOTE} Zanzibarine.", "setting": "", "date_of_service": "2026-03-02", "first_pass": "e119, N18.9"}
    before = TrailEvent.objects.count()
    response = client_of(coder).post("/conditions/try/", form)
    page = response.content.decode()
    assert "Zanzibarine" in page
    assert "More specific documented" in page
    assert response.headers["Cache-Control"] == "no-store"
    assert TrailEvent.objects.count() == before
    assert "Zanzibarine" not in caplog.text + "".join(capfd.readouterr())


def test_a_first_pass_code_that_cannot_be_billed_is_named(coder: User) -> None:
    form = {"text": NOTE, "date_of_service": "2026-03-02", "first_pass": "e119, N18, Z99.X"}
    response = client_of(coder).post("/conditions/try/", form)
    assert response.context["not_billable"] == ["N18", "Z99.X"]
    assert "Not billable on 2026-03-02, or no code at all" in response.content.decode()
    assert (
        client_of(coder).post("/conditions/try/", {"text": NOTE, "first_pass": "E11.9"}).context["not_billable"] == []
    )


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"text": "  "}, "Write or paste"),
        ({"text": "x" * 50_001}, "50000 can be tried"),
        ({"text": "CKD", "setting": "moon"}, "A setting is"),
        ({"text": "CKD", "date_of_service": "2026-13-01"}, "is no date"),
        ({"text": "CKD", "first_pass": "everything,always"}, "ICD-10-CM codes"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_the_reason(coder: User, form: dict[str, str], words: str) -> None:
    response = client_of(coder).post("/conditions/try/", form)
    assert response.status_code == 422
    assert words in response.content.decode()


def test_a_chart_read_by_older_rules_says_so(project: Project, coder: User) -> None:
    chart = pages.held_chart(project, coder)
    note = chart.encounters.get().notes.get()
    note.runs.update(ruleset="2026.01+older")
    assert "2026.01+older" in text_of(client_of(coder), f"/charts/{chart.pk}/notes/{note.pk}/")
