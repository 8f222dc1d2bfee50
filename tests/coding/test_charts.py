import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import nlp
from coding.actions import charts as chart_actions
from coding.actions import trail
from coding.actions.charts import ImportRefused, OtherProject, import_chart, import_charts
from coding.models import (
    Chart,
    Claim,
    Encounter,
    Enrollment,
    EvidenceSpan,
    FirstPassCode,
    Member,
    NlpRun,
    Note,
    Project,
    Role,
    Suggestion,
    TrailEvent,
)
from coding.permissions import NotAllowed
from coding.workflow import ChartStatus, RunStatus, Verdict
from tests import make

pytestmark = pytest.mark.django_db

SENTINEL = "Quarringtonian"
TABLES = (Project, Member, Enrollment, Chart, Encounter, Claim, Note, FirstPassCode, NlpRun, Suggestion, TrailEvent)


def everything() -> list[list[dict[str, Any]]]:
    """All rows of all tables that an import may write."""
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


def run(command: str, *args: Any, **options: Any) -> str:
    output = io.StringIO()
    call_command(command, *args, stdout=output, stderr=output, **options)
    return output.getvalue()


def refused(command: str, *args: Any, **options: Any) -> str:
    """What a command that fails says, on standard error and as its last word."""
    output = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(command, *args, stdout=output, stderr=output, **options)
    return f"{output.getvalue()}{caught.value}"


def written(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


# --- What an import stores -------------------------------------------------------------------------------------------


def test_a_chart_is_stored_with_everything_that_it_says() -> None:
    project = make.project()
    line = make.chart_line(
        make.encounter(
            "CKD stage 3b.",
            codes=[make.code("E11.9", submitted=True, coder="vendor-7"), "I10"],
            claim={"icn": "77", "type": "P", "lines": [{"procedure": "99214", "modifiers": ["25"]}], "accepted": True},
            provider={"npi": "1234567893", "specialty": "11"},
            signature={"status": "signed", "date": "2026-03-02"},
        ),
        member=make.member(name={"family": "Doe", "given": "Ann"}),
        enrollments=[make.enrollment(contract="H1234", c_snp=True)],
    )
    chart = import_chart(make.values_of(line), project=project, by=None)
    assert (chart.status, chart.service_year, chart.member.project) == (ChartStatus.IMPORTED, 2026, project)
    assert (chart.member.family_name, chart.member.given_name) == ("Doe", "Ann")
    enrollment = chart.member.enrollments.get()
    assert (enrollment.payment_year, enrollment.contract, enrollment.facts) == (2027, "H1234", {"c_snp": True})
    encounter = chart.encounters.get()
    assert (encounter.provider_npi, encounter.signature_status) == ("1234567893", "signed")
    assert (encounter.claim.icn, encounter.claim.lines) == ("77", [{"procedure": "99214", "modifiers": ["25"]}])
    assert encounter.notes.get().text == "CKD stage 3b."
    codes = list(encounter.first_pass_codes.values_list("icd10", "submitted", "coder"))
    assert codes == [("E11.9", True, "vendor-7"), ("I10", None, "")]


def test_a_note_text_is_stored_exactly_as_given() -> None:
    text = "\ufeff A/P:\r\n1.\u00a0CKD 3b \U0001fac0\r\n\r2.\u2028DM\tII\x0c \u200b e\u0301\n\n "
    chart = make.chart(make.project(), make.encounter(text))
    assert Note.objects.get(encounter__chart=chart).text == text


def test_every_first_pass_code_is_a_question_from_the_start() -> None:
    twice = [make.code("E11.9", source="claim"), make.code("E11.9", source="raps"), "I10"]
    chart = make.chart(make.project(), make.encounter(codes=twice), make.encounter(day="2026-05-01", codes=["E11.9"]))
    asked = chart.suggestions.order_by("encounter", "icd10").values_list("encounter__date_from__month", "kind", "icd10")
    assert list(asked) == [(3, "check", "E11.9"), (3, "check", "I10"), (5, "check", "E11.9")]
    assert {(s.status, s.verdict) for s in chart.suggestions.all()} == {("open", Verdict.PENDING)}


def test_every_note_has_a_queued_run_and_no_message_before_the_commit(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda self, name, args, **_: sent.extend(args))
    with django_capture_on_commit_callbacks(execute=True):
        chart = make.chart(make.project(), make.encounter(), make.encounter(day="2026-05-01"))
        assert sent == []
    notes = list(Note.objects.filter(encounter__chart=chart).values_list("pk", flat=True))
    assert sorted(sent) == sorted(notes)
    assert len(notes) == 2
    runs = NlpRun.objects.filter(note__in=notes).values_list("status", "ruleset")
    assert set(runs) == {(RunStatus.QUEUED, str(nlp.RULESET))}


def test_a_chart_with_nothing_to_read_is_ready_at_once() -> None:
    chart = make.chart(make.project(), make.encounter(notes=[], codes=["E11.9"]))
    assert (chart.status, chart.suggestions.count()) == (ChartStatus.READY, 1)


def test_an_import_leaves_one_event_a_chart_with_counts_only() -> None:
    project = make.project()
    lead = make.person(Role.QA_LEAD, project)
    make.chart(project, make.encounter(SENTINEL, codes=["I10"]), member=make.member(member_id=SENTINEL), by=lead)
    event = TrailEvent.objects.get(action="chart.imported")
    assert (event.actor, event.project, event.subject_id) == (lead, project, Chart.objects.get().pk)
    assert event.details == {"encounters": 1, "notes": 1, "first_pass_codes": 1, "filled": 0, "updated": 0}
    assert list(trail.verify(event.chain)) == []


def test_a_failing_event_rolls_the_whole_file_back(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make.project()
    before = everything()
    events: list[str] = []

    def fails_at_the_second(action: str, **_: Any) -> None:
        events.append(action)
        if len(events) == 2:
            raise RuntimeError

    monkeypatch.setattr(chart_actions.trail, "record", fails_at_the_second)
    with pytest.raises(RuntimeError):
        import_charts([make.chart_values(), make.chart_values()], project=project, by=None)
    assert everything() == before


@pytest.mark.parametrize("role", [Role.CODER, Role.COMPLIANCE, Role.ADMINISTRATOR, None])
def test_who_may_not_import_charts_stores_none(role: Role | None) -> None:
    project = make.project()
    somebody = make.person(role, project)
    with pytest.raises(NotAllowed, match="may not import charts"):
        make.chart(project, by=somebody)
    assert not Chart.objects.exists()


def test_a_lead_of_another_project_may_not_import_charts() -> None:
    lead = make.person(Role.QA_LEAD, make.project())
    with pytest.raises(NotAllowed, match="not a member"):
        make.chart(make.project(), by=lead)


def test_a_chart_that_names_another_project_is_refused() -> None:
    project = make.project("one")
    with pytest.raises(OtherProject):
        import_chart(make.chart_values(project="two"), project=project, by=None)
    assert not Chart.objects.exists()
    import_chart(make.chart_values(project="one"), project=project, by=None)


# --- The same again, and more ----------------------------------------------------------------------------------------


def test_the_same_file_twice_changes_nothing() -> None:
    project = make.project()
    values = [make.chart_values(), make.chart_values(), make.chart_values()]
    first = import_charts(values, project=project, by=None)
    before = everything()
    again = import_charts(values, project=project, by=None)
    assert everything() == before
    assert (first.created, first.notes) == (3, 3)
    assert (again.created, again.changed, again.unchanged, again.notes) == (0, 0, 3, 0)
    assert again.charts == first.charts


def test_a_file_that_says_the_same_in_another_order_or_less_changes_nothing() -> None:
    project = make.project()
    march, may = make.encounter(codes=["I10", "E11.9"]), make.encounter(day="2026-05-01")
    member = make.member(mbi="1EG4TE5MK73")
    make.chart(project, march, may, member=member)
    before = everything()
    del member["mbi"]
    march["first_pass_codes"].reverse()
    make.chart(project, may, march, member=member)
    assert everything() == before


def more(line: dict[str, Any]) -> dict[str, Any]:
    """The same chart with an encounter, a note, a code and a claim more, and a changed enrollment."""
    line = json.loads(json.dumps(line))
    line["encounters"].append(make.encounter("Seen for COPD.", day="2026-05-01", codes=["J44.9"]))
    first = line["encounters"][0]
    first["notes"].append(make.note("Addendum: on oxygen.", note_id="N2"))
    first["first_pass_codes"].append(make.code("I10"))
    first["claim"] = {"icn": "77"}
    first["provider"] = {"npi": "1234567893"}
    line["enrollments"] = [make.enrollment(dual="full"), make.enrollment(payment_year=2028)]
    return line


def test_a_changed_chart_says_what_it_would_change_and_is_refused() -> None:
    project = make.project()
    line = make.chart_line()
    chart = import_chart(make.values_of(line), project=project, by=None)
    before = everything()
    with pytest.raises(ImportRefused) as caught:
        import_chart(make.values_of(more(line)), project=project, by=None)
    assert everything() == before
    assert caught.value.can_be_applied
    (difference,) = caught.value.differences
    assert (difference.line, difference.chart_id) == (1, chart.pk)
    assert difference.added == (
        "enrollments[1]",
        "encounters[0].claim",
        "encounters[0].notes[1]",
        "encounters[0].first_pass_codes[1]",
        "encounters[1]",
    )
    assert difference.filled == ("encounters[0].provider_npi",)
    assert difference.updated == ("enrollments[0].dual",)
    assert str(difference).startswith(f"line 1: chart {chart.pk} is here already; the file adds enrollments[1], ")


def test_a_changed_chart_that_is_applied_has_more_and_nothing_else() -> None:
    project = make.project()
    line = make.chart_line()
    chart = import_chart(make.values_of(line), project=project, by=None)
    old = list(Note.objects.values())
    more_values = make.values_of(more(line))
    summary = import_charts([more_values], project=project, by=None, apply=True)
    assert (summary.created, summary.changed, summary.notes, summary.charts) == (0, 1, 2, (chart.pk,))
    assert list(Note.objects.filter(pk__in=[note["id"] for note in old]).values()) == old
    assert sorted(chart.suggestions.values_list("icd10", flat=True)) == ["E11.9", "I10", "J44.9"]
    assert NlpRun.objects.filter(status=RunStatus.QUEUED).count() == Note.objects.count() == 3
    first = chart.encounters.get(date_from="2026-03-02")
    assert (first.claim.icn, first.provider_npi) == ("77", "1234567893")
    enrollments = chart.member.enrollments.order_by("payment_year").values_list("payment_year", "dual")
    assert list(enrollments) == [(2027, "full"), (2028, "none")]
    event = TrailEvent.objects.get(action="chart.extended")
    assert event.details == {"encounters": 1, "notes": 2, "first_pass_codes": 2, "filled": 1, "updated": 1}

    before = everything()
    assert import_charts([more_values], project=project, by=None).unchanged == 1
    assert everything() == before


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda line: line["encounters"][0]["notes"][0].update(text="Rewritten."), "encounters[0].notes[0].text"),
        (lambda line: line["encounters"][0].update(through="2026-03-03"), "encounters[0].date_through"),
        (lambda line: line["encounters"][0]["claim"].update(icn="78"), "encounters[0].claim.icn"),
        (lambda line: line["member"].update(birth_date="1953-04-02"), "member.birth_date"),
        (
            lambda line: line["encounters"][0]["first_pass_codes"][0].update(coder="other"),
            "encounters[0].first_pass_codes[0].coder",
        ),
    ],
)
def test_what_is_stored_is_never_overwritten_even_when_applied(change: Any, path: str) -> None:
    project = make.project()
    line = make.chart_line(make.encounter(codes=[make.code(coder="vendor-7")], claim={"icn": "77"}))
    import_chart(make.values_of(line), project=project, by=None)
    before = everything()
    change(line)
    with pytest.raises(ImportRefused) as caught:
        import_chart(make.values_of(line), project=project, by=None, apply=True)
    assert not caught.value.can_be_applied
    assert caught.value.differences[0].edited == (path,)
    assert everything() == before


def test_what_the_file_no_longer_has_is_said_and_stays() -> None:
    project = make.project()
    line = make.chart_line(make.encounter(codes=["I10", "E11.9"]), make.encounter(day="2026-05-01"))
    import_chart(make.values_of(line), project=project, by=None)
    del line["encounters"][1], line["encounters"][0]["first_pass_codes"][0]
    with pytest.raises(ImportRefused) as caught:
        import_chart(make.values_of(line), project=project, by=None)
    assert caught.value.differences[0].missing == ("1 first-pass code", "1 encounter")
    import_chart(make.values_of(line), project=project, by=None, apply=True)
    assert (Encounter.objects.count(), FirstPassCode.objects.count(), Suggestion.objects.count()) == (2, 2, 2)


@pytest.mark.parametrize("status", [ChartStatus.CODED, ChartStatus.IN_QA, ChartStatus.CLOSED])
def test_nothing_to_read_is_added_to_a_chart_that_is_coded(status: ChartStatus) -> None:
    project = make.project()
    line = make.chart_line()
    chart = import_chart(make.values_of(line), project=project, by=None)
    Chart.objects.filter(pk=chart.pk).update(status=status)
    with pytest.raises(ImportRefused) as caught:
        import_chart(make.values_of(more(line)), project=project, by=None, apply=True)
    assert caught.value.differences[0].finished == status.label.lower()
    line["enrollments"] = [make.enrollment(dual="full")]
    import_chart(make.values_of(line), project=project, by=None, apply=True)
    assert Enrollment.objects.get().dual == "full"


def test_a_new_first_pass_code_has_its_encounter_read_again() -> None:
    project = make.project()
    line = make.chart_line()
    chart = import_chart(make.values_of(line), project=project, by=None)
    NlpRun.objects.update(status=RunStatus.DONE, result={})
    line["encounters"][0]["first_pass_codes"].append(make.code("I10"))
    import_chart(make.values_of(line), project=project, by=None, apply=True)
    assert NlpRun.objects.get(note__encounter__chart=chart).status == RunStatus.QUEUED


def test_a_known_members_next_year_needs_no_apply() -> None:
    project = make.project()
    member = make.member()
    make.chart(project, make.encounter(day="2025-03-02"), member=member, service_year=2025, enrollments=[])
    make.chart(project, member=member)
    assert (Member.objects.count(), Chart.objects.count(), Enrollment.objects.count()) == (1, 2, 1)


def test_a_file_may_hold_two_years_of_a_new_member() -> None:
    member = make.member()
    last_year = make.chart_values(make.encounter(day="2025-03-02"), member=member, service_year=2025, enrollments=[])
    this_year = make.chart_values(member={**member, "mbi": "1EG4TE5MK73"})
    summary = import_charts([last_year, this_year], project=make.project(), by=None)
    assert (summary.created, Member.objects.get().mbi) == (2, "1EG4TE5MK73")


def test_two_projects_do_not_share_members() -> None:
    member = make.member()
    for name in ("one", "two"):
        make.chart(make.project(name), member=member)
    assert Member.objects.filter(member_id=member["member_id"]).count() == 2


def test_the_queries_of_an_import_do_not_grow_with_notes_and_stay_few_for_a_chart() -> None:
    project = make.project()

    def queries(charts: int, notes: int) -> int:
        visit = make.encounter(notes=[make.note(f"Note {n}.") for n in range(notes)], codes=["E11.9", "I10"])
        values = [make.chart_values(visit) for _ in range(charts)]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_charts(values, project=project, by=None)
        return len(captured)

    queries(1, 1)  # the first import under these rules writes them down, once
    few, many = queries(5, 1), queries(25, 1)
    assert (many - few) / 20 <= 12
    assert queries(5, 12) == few


def test_an_unchanged_file_costs_the_same_queries_however_long_it_is() -> None:
    project = make.project()
    values = [make.chart_values() for _ in range(30)]
    import_charts(values, project=project, by=None)

    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            import_charts(values[:count], project=project, by=None)
        return len(captured)

    assert queries(30) == queries(3)


# --- import_charts ---------------------------------------------------------------------------------------------------


def test_the_command_imports_a_file_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "charts.jsonl", make.chart_line(project="new"), make.chart_line(project="new"))
    first = run("import_charts", file)
    assert "Project new: created" in first
    assert "2 charts created, 0 added to, 0 unchanged; 2 notes queued" in first
    before = everything()
    assert "0 charts created, 0 added to, 2 unchanged; 0 notes queued" in run("import_charts", file)
    assert everything() == before


def test_a_bad_file_lists_every_problem_with_line_and_field_and_stores_nothing(tmp_path: Path) -> None:
    bad = make.chart_line(make.encounter(" "), project="new", membr={})
    file = written(tmp_path / "charts.jsonl", make.chart_line(project="new"), bad, "{", make.chart_line())
    before = everything()
    said = refused("import_charts", file).splitlines()
    assert said[0] == "line 2: encounters[0].notes[0].text: Empty; expected the note's text."
    assert said[1] == "line 2: membr: Unknown field. Did you mean member?"
    assert said[2].startswith("line 3: Not JSON")
    assert said[-1] == "3 problems; nothing was stored."
    assert everything() == before


def test_a_chart_without_a_project_needs_the_option(tmp_path: Path) -> None:
    file = written(tmp_path / "charts.jsonl", make.chart_line(project="named"), make.chart_line())
    assert refused("import_charts", file).startswith("line 2: project: Missing")
    run("import_charts", file, "--project", "given")
    assert list(Chart.objects.values_list("member__project__name", flat=True)) == ["given", "given"]


def test_a_file_for_two_projects_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    known = make.chart_line(project="two")
    run("import_charts", written(tmp_path / "known.jsonl", known))
    known["encounters"][0]["notes"][0]["text"] = f"{SENTINEL} rewritten."
    file = written(tmp_path / "charts.jsonl", make.chart_line(project="one"), known)
    before = everything()
    said = refused("import_charts", file)
    assert "line 2: chart" in said
    assert "encounters[0].notes[0].text" in said
    assert SENTINEL not in said
    assert everything() == before


def test_additions_are_stored_when_they_are_asked_for(tmp_path: Path) -> None:
    line = make.chart_line(project="demo")
    run("import_charts", written(tmp_path / "charts.jsonl", line))
    file = written(tmp_path / "more.jsonl", more(line))
    assert "Give --apply" in refused("import_charts", file)
    assert "1 added to" in run("import_charts", file, "--apply")
    assert Note.objects.count() == 3


def test_the_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(make.chart_line(project="demo")).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "1 charts created" in run("import_charts", "-")


def test_a_file_that_is_not_there_is_a_plain_message() -> None:
    assert (
        refused("import_charts", "no-such-file.jsonl") == "Cannot read no-such-file.jsonl: No such file or directory."
    )


def test_the_command_is_silent_when_it_is_told_to_be(tmp_path: Path) -> None:
    assert run("import_charts", written(tmp_path / "charts.jsonl", make.chart_line(project="demo")), verbosity=0) == ""


# --- import_corpus ---------------------------------------------------------------------------------------------------


def corpus(folder: Path) -> Path:
    folder.mkdir()
    for note_id in ("n1", "n2"):
        (folder / f"{note_id}.txt").write_bytes(b"Assessment: CKD stage 3b.\r\n")
    (folder / "n1.json").write_text(json.dumps({"note_type": "inpatient discharge summary"}))
    (folder / "README.md").write_text("Not a note.")
    return folder


def test_a_folder_of_notes_becomes_a_project_with_one_chart_a_note(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "dev")
    assert "2 charts created" in run("import_corpus", folder)
    charts = Chart.objects.filter(member__project__name="dev", service_year=2026)
    assert [chart.member.member_id for chart in charts] == ["n1", "n2"]
    assert list(Note.objects.values_list("note_id", "text", "encounter__setting")) == [
        ("n1", "Assessment: CKD stage 3b.\r\n", "inpatient"),
        ("n2", "Assessment: CKD stage 3b.\r\n", "outpatient"),
    ]
    assert not FirstPassCode.objects.exists()
    before = everything()
    run("import_corpus", folder)
    assert everything() == before


def test_a_folder_has_first_pass_codes_where_a_file_gives_them(tmp_path: Path) -> None:
    file = written(tmp_path / "first.jsonl", {"note_id": "n1", "first_pass": [{"icd10": "E11.9"}]})
    run("import_corpus", corpus(tmp_path / "dev"), "--first-pass", str(file), "--project", "other")
    assert FirstPassCode.objects.get().encounter.chart.member.project.name == "other"
    assert Suggestion.objects.get().icd10 == "E11.9"


def test_a_folder_with_a_bad_note_stores_nothing(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "dev")
    (folder / "n3.txt").write_bytes(b"\xff")
    assert refused("import_corpus", folder).startswith("n3.txt: Not UTF-8")
    assert not Project.objects.exists()


# --- analyse_charts --------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda self, name, args, **_: ids.extend(args))
    return ids


def test_what_is_missing_failed_or_queued_is_sent_and_what_is_done_is_not(
    sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    project = make.project()
    make.chart(project, make.encounter(notes=[make.note(f"Note {n}.") for n in range(5)]))
    done, failed, missing, running, queued = Note.objects.all()
    NlpRun.objects.filter(note=done).update(status=RunStatus.DONE, result={})
    NlpRun.objects.filter(note=failed).update(status=RunStatus.FAILED, attempts=3)
    NlpRun.objects.filter(note=missing).update(ruleset="an older one")
    NlpRun.objects.filter(note=running).update(status=RunStatus.RUNNING)
    with django_capture_on_commit_callbacks(execute=True):
        said = run("analyse_charts")
    assert said == "3 notes are queued for reading.\n"
    assert sorted(sent) == [failed.pk, missing.pk, queued.pk]
    assert NlpRun.objects.get(note=failed).attempts == 0


def test_only_the_named_projects_notes_are_sent(sent: list[int], django_capture_on_commit_callbacks: Any) -> None:
    wanted = make.chart(make.project("one"))
    make.chart(make.project("two"))
    with django_capture_on_commit_callbacks(execute=True):
        run("analyse_charts", "--project", "one")
    assert sent == [Note.objects.get(encounter__chart=wanted).pk]
    assert refused("analyse_charts", "--project", "three") == "There is no project three."


def test_reading_now_makes_the_chart_ready_with_evidence_that_quotes_its_text_and_prints_none_of_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = f"{SENTINEL} was seen.\r\n\r\nAssessment/Plan:\r\nCKD stage 3b, stable. Recheck {SENTINEL} eGFR in May."
    chart = make.chart(make.project(meat_elements_required=0), make.encounter(text, codes=["E11.9"]))
    said = run("analyse_charts", "--now", verbosity=3)
    assert "1 notes read, 0 failed" in said
    chart.refresh_from_db()
    assert chart.status == ChartStatus.READY
    assert chart.suggestions.filter(kind="add", icd10="N18.32").exists()
    assert EvidenceSpan.objects.exists()
    for span in EvidenceSpan.objects.select_related("note"):
        assert span.note.text[span.start : span.end] == span.quote
    out, err = capfd.readouterr()
    assert SENTINEL not in said + out + err


def test_a_note_that_cannot_be_read_is_named_by_its_number_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chart = make.chart(make.project(), make.encounter(notes=[make.note(SENTINEL), make.note("Fine.")]))
    bad, good = Note.objects.all()

    def analyse(note_id: int) -> bool:
        status = RunStatus.FAILED if note_id == bad.pk else RunStatus.DONE
        NlpRun.objects.filter(note=note_id).update(status=status, result={}, error="failed with ValueError")
        return status == RunStatus.DONE

    monkeypatch.setattr("coding.tasks.analyse", analyse)
    said = refused("analyse_charts", "--now")
    assert f"note {bad.pk}: failed with ValueError\n1 notes read, 1 failed, 0 skipped.\n" in said
    assert NlpRun.objects.get(note=good).status == RunStatus.DONE
    assert chart.pk
