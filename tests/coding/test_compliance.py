"""The gate, release, overrides, second reviews, verified rules and overpayment cases: outcome, event, refusals."""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coding import documentation, exports, release, tasks, validity
from coding.acceptability import assess_encounter, book, rules
from coding.actions import compliance, qa, queues, suggestions
from coding.models import (
    Chart,
    Claim,
    Decision,
    Encounter,
    Enrollment,
    FinishedReview,
    FirstPassCode,
    Member,
    Note,
    OverpaymentCase,
    Override,
    Project,
    Reopening,
    RuleVerification,
    SecondReview,
    TrailEvent,
    User,
)
from coding.permissions import NotAllowed
from coding.refusals import NotAnAnswer
from coding.reports import Period, capture
from coding.workflow import ChartStatus, Outcome
from tests import audits, make, pages
from tests.coding.test_acceptability import BROKEN, a_chart

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 28)
PERSON = {"name": {"family": "Lovelace", "given": "Ada"}, "birth_date": "1953-04-01"}
NOT_DOCUMENTED = {"outcome": Outcome.DELETE, "reason": "not-documented"}


def text(day: str, more: str = "") -> str:
    return (
        f"Patient: Ada Lovelace  DOB: 04/01/1953\nDate of service: {day}\nOffice visit, exam: well.\n"
        f"Assessment: CKD stage 3b, stable on losartan. {more}\n"
    )


def visit(day: str = "2026-03-02", more: str = "", **facts: Any) -> pages.Day:
    """An office visit for which nothing is missing, with CKD to add; `fields` go to the encounter."""
    fields = {
        "claim": {
            "icn": f"ICN{day}",
            "type": "P",
            "place_of_service": "11",
            "accepted": True,
            "lines": [{"procedure": "99214", "modifiers": []}],
        },
        "provider": {"npi": "1234567893", "specialty": "11", "name": "Otto Brand", "credential": "MD"},
        "signature": {"status": "signed", "name": "Otto Brand", "credential": "MD", "date": day},
        **facts.pop("fields", {}),
    }
    facts.setdefault("adds", {"N18.32": pages.CKD})
    return pages.day(day, text(day, more), fields=fields, **facts)


def make_line(procedure: str, *modifiers: str) -> dict[str, Any]:
    return {"procedure": procedure, "modifiers": list(modifiers)}


def closed(project: Project, coder: User, lead: User, *days: pages.Day, **fields: Any) -> Chart:
    fields.setdefault("member", make.member(**PERSON))
    chart = audits.coded_chart(project, coder, *days, **fields)
    qa.close(chart=chart, by=lead)
    chart.refresh_from_db()
    return chart


@pytest.fixture
def coder(project) -> User:
    return make.person("coder", project, "casey", credential="CRC")


@pytest.fixture
def lead(project) -> User:
    return make.person("qa_lead", project, "lea", credential="CCS")


@pytest.fixture
def officer(project) -> User:
    return make.person("compliance", project, "olga", credential="CPC")


def events(action: str) -> list[TrailEvent]:
    return list(TrailEvent.objects.filter(action=action))


def lines(chart: Chart) -> dict[tuple[str, str], release.Line]:
    return {(line.action, line.code): line for line in release.chart_lines(chart, TODAY)}


# --- The gate ------------------------------------------------------------------------------------------------------


def test_a_finished_chart_carries_its_audit_fact(project, coder) -> None:
    day = visit(checks={"E11.22": ("supported", ""), "I50.9": ("unsupported", "")})
    chart = audits.coded_chart(project, coder, day, answers={"I50.9": NOT_DOCUMENTED})
    fact = chart.finished_reviews.get()
    assert str(fact) == "additions 1, deletions 1, changed 0, kept 1, undecided 0"
    assert fact.coder == coder


def test_the_database_knows_no_finished_review_with_something_undecided(project, coder) -> None:
    chart = audits.coded_chart(project, coder, visit())
    counts = dict.fromkeys(("additions", "rejections", "kept", "deletions", "changes", "queries"), 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        FinishedReview.objects.create(chart=chart, coder=coder, undecided=1, **counts)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        FinishedReview.objects.update(deletions=9)


def test_nothing_leaves_while_an_existing_code_is_undecided(project, coder, lead) -> None:
    chart = closed(project, coder, lead, visit(checks={"E11.22": ("supported", "")}))
    assert len(lines(chart)) == 2
    suggestions.open_checks([new_code(chart)])
    with pytest.raises(release.GateClosed, match="1 existing code is undecided"):
        release.chart_lines(chart, TODAY)
    assert not list(release.project_lines(project, TODAY))
    assert not Decision.objects.past_the_gate().exists()
    assert release.held_back(project) == 1


def new_code(chart: Chart) -> Encounter:
    """Behind the back of the import, which adds no code to a finished chart."""
    encounter = chart.encounters.get()
    encounter.first_pass_codes.create(icd10="I10", source="claim")
    return encounter


def test_nothing_of_a_chart_in_review_leaves(project, coder) -> None:
    chart = pages.held_chart(project, coder, visit())
    with pytest.raises(release.GateClosed, match="in review"):
        release.chart_lines(chart, TODAY)


def test_a_deletion_names_what_was_read(project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(adds={}, checks={"I50.9": ("not-found", "")}))
    suggestion = chart.suggestions.get()
    note = chart.encounters.get().notes.first()
    with pytest.raises(NotAnAnswer, match="names what was read"):
        suggestions.decide(suggestion=suggestion, by=coder, read=[], **NOT_DOCUMENTED)
    decision = suggestions.decide(suggestion=suggestion, by=coder, read=[note.pk], **NOT_DOCUMENTED)
    assert decision.read == [note.pk]
    assert events("suggestion.decided")[0].details["read"] == [note.pk]


def test_without_a_note_a_deletion_says_what_was_read_instead(project, coder) -> None:
    day = make.encounter(codes=["I50.9"], notes=[])
    chart = make.chart(project, day)
    queues.claim(chart=chart, by=coder)
    suggestion = chart.suggestions.get()
    with pytest.raises(NotAnAnswer, match="say in the comment what was read"):
        suggestions.decide(suggestion=suggestion, by=coder, **NOT_DOCUMENTED)
    said = "Record requested twice, the practice has none."
    assert suggestions.decide(suggestion=suggestion, by=coder, comment=said, **NOT_DOCUMENTED).read == []


# --- Release -------------------------------------------------------------------------------------------------------


def test_an_addition_waits_for_qa_and_is_linked_to_its_claim(project, coder, lead) -> None:
    chart = audits.coded_chart(project, coder, visit(), member=make.member(**PERSON))
    (line,) = lines(chart).values()
    assert (line.state, line.holds) == (release.HELD, ("QA has not closed the chart.",))
    qa.close(chart=chart, by=lead)
    chart.refresh_from_db()
    (line,) = lines(chart).values()
    assert (line.state, line.icn, line.links[0].assessment.link) == (release.READY, "ICN2026-03-02", "linked")


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({"claim": None}, "unlinked"),
        (
            {"claim": {"icn": "I", "type": "P", "accepted": True, "lines": [make_line("99213", "93")]}},
            "audio-only",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_paid_is_marked_and_not_submitted(project, coder, lead, fields, link) -> None:
    chart = closed(project, coder, lead, visit(fields=fields))
    (line,) = lines(chart).values()
    assert line.state == release.NOT_SUBMITTABLE
    assert line.links[0].assessment.link == link
    assert "does not count in payment year 2027" in " ".join(line.bars)


def test_a_changed_code_is_a_deletion_and_an_addition(project, coder, lead) -> None:
    day = visit(adds={}, checks={"N18.30": ("more-specific", "CKD stage 3b")}, proposed={"N18.30": "N18.32"})
    chart = pages.held_chart(project, coder, day, member=make.member(**PERSON))
    answer = {"outcome": Outcome.CHANGE, "icd10_code": "N18.32", "reason": "specificity"}
    suggestions.decide(suggestion=chart.suggestions.get(icd10="N18.30"), by=coder, **answer)
    queues.finish(chart=chart, by=coder)
    chart.refresh_from_db()
    qa.close(chart=chart, by=lead)
    chart.refresh_from_db()
    assert {key: line.state for key, line in lines(chart).items()} == {
        ("delete", "N18.30"): "ready",
        ("add", "N18.32"): "ready",
    }


def test_three_charts_and_thirty_cost_the_same_queries(project, coder, lead) -> None:
    costs = []
    for more in (2, 10):
        for _ in range(more):
            closed(project, coder, lead, visit())
        with CaptureQueriesContext(connection) as counted:
            assert list(release.project_lines(project, TODAY))
        costs.append(len(counted))
    assert costs[0] == costs[1]


# --- Overrides -----------------------------------------------------------------------------------------------------

UNSIGNED = {"signature": {"status": "unsigned"}}


def test_a_record_that_fails_is_held_until_compliance_answers_for_it(project, coder, lead, officer) -> None:
    chart = closed(project, coder, lead, visit(fields=UNSIGNED))
    (line,) = lines(chart).values()
    assert line.state == release.HELD
    assert "V07" in line.holds[0]
    encounter = chart.encounters.get()
    made = compliance.override(encounter=encounter, check="V07", reason="Wet signature on page 3.", by=officer)
    assert (made.role, made.by) == ("compliance", officer)
    assert events("override.made")[0].details == {"override": made.pk, "check": "V07"}
    (line,) = lines(chart).values()
    assert line.state == release.READY
    assert line.links[0].assessment.checks["V07"].answer == "not met"  # it stays what it is, and visible
    assert "V07 not met, overridden" in " ".join(line.links[0].assessment.why)
    compliance.withdraw(override=made, by=officer)
    assert lines(chart)["add", "N18.32"].state == release.HELD
    assert events("override.withdrawn")
    assert compliance.withdraw(override=made, by=officer).withdrawn_by == officer
    assert len(events("override.withdrawn")) == 1


def test_an_override_needs_the_role_a_reason_and_a_check(project, coder, lead, officer) -> None:
    encounter = pages.held_chart(project, coder, visit()).encounters.get()
    for person in (coder, lead, make.person("manager", project)):
        with pytest.raises(NotAllowed):
            compliance.override(encounter=encounter, check="V07", reason="So.", by=person)
    with pytest.raises(NotAnAnswer, match="needs a reason"):
        compliance.override(encounter=encounter, check="V07", reason="  ", by=officer)
    with pytest.raises(NotAnAnswer, match="V01 to V13"):
        compliance.override(encounter=encounter, check="V99", reason="So.", by=officer)
    compliance.override(encounter=encounter, check="V07", reason="So.", by=officer)
    with pytest.raises(NotAnAnswer, match="overridden already"):
        compliance.override(encounter=encounter, check="V07", reason="Again.", by=officer)
    assert Override.objects.count() == len(events("override.made")) == 1


def test_a_failing_trail_leaves_no_override(project, coder, officer, monkeypatch) -> None:
    encounter = pages.held_chart(project, coder, visit()).encounters.get()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("coding.actions.trail.record", broken)
    with pytest.raises(RuntimeError):
        compliance.override(encounter=encounter, check="V07", reason="So.", by=officer)
    assert not Override.objects.exists()


def test_the_evidence_standard_gives_way_to_the_role_that_the_policy_names(coder, lead, officer, project) -> None:
    Project.objects.update(meat_elements_required=3)
    chart = pages.held_chart(project, coder, visit())
    suggestion = chart.suggestions.get()
    with pytest.raises(NotAnAnswer, match="asks for 3 MEAT elements; the evidence shows 2"):
        suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder)
    with pytest.raises(NotAllowed, match="Compliance"):
        compliance.override_evidence(suggestion=suggestion, reason="Dialysis record.", by=lead)
    compliance.override_evidence(suggestion=suggestion, reason="Dialysis record.", by=officer)
    assert suggestions.decide(suggestion=suggestion, outcome=Outcome.ACCEPT, by=coder).icd10 == "N18.32"


def test_evidence_of_another_date_is_refused_with_both_dates(project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(), visit("2026-04-07"))
    first, second = chart.suggestions.order_by("encounter__date_from")
    other = second.encounter.notes.get()
    with pytest.raises(NotAnAnswer, match=r"2026-04-07.*2026-03-02"):
        suggestions.tag_evidence(suggestion=first, note=other, label="treat", start=0, end=5, by=coder)


# --- High-risk groups ----------------------------------------------------------------------------------------------

STROKE = {"I63.9": {"mention": "Acute stroke", "assess": "Acute stroke"}}


def a_stroke(project: Project, coder: User, lead: User) -> Chart:
    return closed(project, coder, lead, visit(more="Acute stroke.", adds=STROKE))


def test_a_flagged_code_waits_for_a_second_credentialed_reviewer(project, coder, lead, officer) -> None:
    chart = a_stroke(project, coder, lead)
    line = lines(chart)["add", "I63.9"]
    assert line.state == release.HELD
    assert "an inpatient or outpatient hospital record of the year with an acute stroke is missing" in line.holds[0]
    review = compliance.review_second(decision=line.decision, agrees=True, comment="ED record seen.", by=officer)
    assert lines(chart)["add", "I63.9"].state == release.READY
    assert events("code.reviewed_second")[0].details == {"decision": line.decision.pk, "agrees": True}
    with pytest.raises(NotAnAnswer, match="already"):
        compliance.review_second(decision=line.decision, agrees=False, comment="No.", by=lead)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        SecondReview.objects.filter(pk=review.pk).update(agrees=False)


def test_a_second_reviewer_who_disagrees_holds_the_code(project, coder, lead, officer) -> None:
    chart = a_stroke(project, coder, lead)
    decision = lines(chart)["add", "I63.9"].decision
    compliance.review_second(decision=decision, agrees=False, comment="History of stroke only.", by=officer)
    line = lines(chart)["add", "I63.9"]
    assert line.state == release.HELD
    assert "History of stroke only." in " ".join(line.holds)


def test_who_may_review_a_second_time(project, coder, lead, officer) -> None:
    chart = a_stroke(project, coder, lead)
    decision = lines(chart)["add", "I63.9"].decision
    with pytest.raises(NotAllowed):
        compliance.review_second(decision=decision, agrees=True, comment="Seen.", by=coder)
    with pytest.raises(NotAllowed, match="credential"):
        compliance.review_second(decision=decision, agrees=True, comment="Seen.", by=make.person("compliance", project))
    with pytest.raises(NotAnAnswer, match="what you read"):
        compliance.review_second(decision=decision, agrees=True, comment=" ", by=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        SecondReview.objects.create(decision=decision, coder=coder, reviewer=coder, agrees=True, comment="Own.")
    assert not SecondReview.objects.exists()


def test_a_code_of_no_group_has_no_second_review(project, coder, lead, officer) -> None:
    decision = lines(closed(project, coder, lead, visit()))["add", "N18.32"].decision
    with pytest.raises(NotAnAnswer, match="no high-risk group"):
        compliance.review_second(decision=decision, agrees=True, comment="Seen.", by=officer)


def test_an_audit_by_somebody_credentialed_is_a_second_review(project, coder, lead) -> None:
    chart = audits.audited_chart(
        project, coder, lead, visit(more="Acute stroke.", adds=STROKE), member=make.member(**PERSON)
    )
    assert chart.status == ChartStatus.CLOSED
    assert lines(chart)["add", "I63.9"].state == release.READY


# --- Rules ---------------------------------------------------------------------------------------------------------


def test_a_rule_that_compliance_verified_blocks_and_one_found_wrong_does_not(project, coder, officer) -> None:
    day = visit(fields={"provider": {"specialty": "30", "name": "Otto Brand", "credential": "MD"}})
    chart = pages.held_chart(project, coder, day, member=make.member(**PERSON))

    def radv() -> str:
        found = validity.chart_validity(chart, validity.encounters_of(chart), TODAY)
        return found[chart.encounters.get().pk].standings[0].assessment.radv

    assert radv() == "unknown"  # the list of other specialties ships unverified
    verify = {"project": project, "rule_id": "V06.known", "source": "CMS list PY2027, page 2", "by": officer}
    compliance.verify_rule(answer=RuleVerification.Answer.VERIFIED, **verify)
    assert radv() == "no"
    assert events("rule.verified")[0].details == {"rule": "V06.known", "answer": "verified"}
    compliance.verify_rule(answer=RuleVerification.Answer.WRONG, **verify)
    assert radv() == "unknown"
    other = make.project("beta")
    assert validity.rules_of(other) is book()


def test_a_verification_of_an_older_text_counts_no_more(project, officer) -> None:
    verified = RuleVerification.Answer.VERIFIED
    RuleVerification.objects.create(
        project=project, rule_id="V06.known", fingerprint="0" * 64, answer=verified, source="An old list.", by=officer
    )
    assert not validity.rules_of(project).by_id["V06.known"].verified


def test_only_compliance_verifies_and_names_the_source(project, coder, lead, officer) -> None:
    said = {"project": project, "rule_id": "V06.known", "answer": RuleVerification.Answer.VERIFIED}
    for person in (coder, lead):
        with pytest.raises(NotAllowed):
            compliance.verify_rule(source="A list.", by=person, **said)
    with pytest.raises(NotAnAnswer, match="what you read"):
        compliance.verify_rule(source="", by=officer, **said)
    with pytest.raises(NotAnAnswer, match="no such rule"):
        compliance.verify_rule(source="A list.", by=officer, **said | {"rule_id": "V99"})
    assert not RuleVerification.objects.exists()


def test_a_rule_that_is_carried_over_is_verified_for_that_program_by_itself(client, project, coder, officer) -> None:
    Project.objects.update(programs=["cms-hcc", "rxhcc"])
    project.refresh_from_db()
    both = [make.enrollment(), make.enrollment(program="rxhcc")]
    day = visit(fields={"signature": {"status": "unsigned"}})
    chart = pages.held_chart(project, coder, day, member=make.member(**PERSON), enrollments=both)

    def radv() -> list[str]:
        found = validity.chart_validity(chart, validity.encounters_of(chart), TODAY)
        return [one.assessment.radv for one in found[chart.encounters.get().pk].standings]

    assert radv() == ["no", "unknown"]  # written for Medicare Advantage, carried over to Part D
    client.force_login(officer)
    page = pages.Page(client.get("/compliance/rules/", {"status": "by analogy", "check": "V07"}))
    assert "RXHCC Unverified" in page.words
    said = {"rule": "V07", "answer": "verified", "program": "rxhcc", "source": "Part D manual, ch. 5",
            "source_date": "2026-01-15", "note": "Same wording."}  # fmt: skip
    client.post(f"/compliance/rules/verify/?project={project.name}", said)
    assert radv() == ["no", "no"]
    stored = RuleVerification.objects.get()
    assert (stored.programs, stored.source_date, stored.note) == (["rxhcc"], date(2026, 1, 15), "Same wording.")
    assert events("rule.verified")[0].details["programs"] == ["rxhcc"]
    words = pages.Page(client.get("/compliance/rules/", {"check": "V07"})).words
    assert "as the source says for RXHCC, Part D manual, ch. 5 of 2026-01-15: “Same wording.”" in words
    client.post(f"/compliance/rules/verify/?project={project.name}", said | {"answer": "wrong"})
    assert radv() == ["no", "unknown"]  # the rule's own programs are answered for by themselves
    for wrong in ({"program": "hhs-hcc2"}, {"source_date": "soon"}, {"source_date": "2100-01-01"}):
        client.post(f"/compliance/rules/verify/?project={project.name}", said | wrong)
    assert RuleVerification.objects.count() == 2


def test_every_rule_of_the_page_can_be_verified_there(client, project, officer) -> None:
    client.force_login(officer)
    for rule in rules():
        said = {"rule": rule.rule_id, "answer": "verified", "source": "Read."}
        client.post(f"/compliance/rules/verify/?project={project.name}", said)
    assert all(rule.verified for rule in validity.rules_of(project).rules)
    assert "No rule fits" in pages.Page(client.get("/compliance/rules/", {"status": "unverified"})).words
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RuleVerification.objects.update(note="Changed.")


# --- Overpayments --------------------------------------------------------------------------------------------------


def deleted(project: Project, coder: User, lead: User, year: int, **fields: Any) -> Chart:
    """A supported chart but for heart failure, which nothing shows; of a service year, and closed by QA."""
    day = visit(f"{year}-03-02", adds={}, checks={"I50.9": ("unsupported", "")}, **fields)
    return closed(
        project,
        coder,
        lead,
        day,
        answers={"I50.9": NOT_DOCUMENTED},
        service_year=year,
        enrollments=[make.enrollment(payment_year=year + 1)],
    )


def test_a_confirmed_deletion_in_a_closed_year_opens_a_case_of_sixty_days(project, coder, lead) -> None:
    chart = deleted(project, coder, lead, 2024)
    case = OverpaymentCase.objects.get()
    today = timezone.localdate()
    assert (case.opened_on, case.due_on, case.state) == (today, today + timedelta(days=60), "open")
    assert (case.program, case.payment_year) == ("cms-hcc", 2025)
    assert case.delta is None or case.delta < 0
    assert "closed" in case.why
    assert events("overpayment.opened")[0].details["due"] == case.due_on.isoformat()
    assert compliance.open_cases(chart, by=lead) == []  # running twice opens nothing twice


def test_a_year_that_nobody_has_paid_yet_opens_no_case(project, coder, lead) -> None:
    deleted(project, coder, lead, timezone.localdate().year)
    assert not OverpaymentCase.objects.exists()


def test_a_year_that_is_being_paid_opens_a_case(project, coder, lead) -> None:
    chart = deleted(project, coder, lead, 2025)
    OverpaymentCase.objects.all().delete()
    (case,) = compliance.open_cases(chart, by=lead, today=date(2026, 5, 1))
    assert case.why == "Payment year 2026 is being paid since January 2026."
    assert case.delta < 0


def test_a_deletion_that_lowers_nothing_opens_no_case(project, coder, lead) -> None:
    day = visit("2025-03-02", adds={}, checks={"I50.9": ("unsupported", ""), "I50.22": ("supported", "")})
    closed(
        project, coder, lead, day, answers={"I50.9": NOT_DOCUMENTED}, service_year=2025,
        enrollments=[make.enrollment(payment_year=2026)],
    )  # fmt: skip
    assert not OverpaymentCase.objects.exists()


def test_a_case_has_an_owner_and_is_settled_with_its_evidence(project, coder, lead, officer) -> None:
    deleted(project, coder, lead, 2024)
    case = OverpaymentCase.objects.get()
    with pytest.raises(NotAllowed):
        compliance.own_case(case=case, owner=officer, by=lead)
    with pytest.raises(NotAnAnswer, match="compliance officer"):
        compliance.own_case(case=case, owner=coder, by=officer)
    assert compliance.own_case(case=case, owner=officer, by=officer).owner == officer
    sent = OverpaymentCase.State.SENT
    today = timezone.localdate()
    for on, evidence, words in ((None, "277CA 1", "the day"), (today, " ", "what shows it"),
                                (today + timedelta(days=1), "277CA 1", "today or earlier")):  # fmt: skip
        with pytest.raises(NotAnAnswer, match=words):
            compliance.settle_case(case=case, state=sent, on=on, evidence=evidence, by=officer)
    settled = compliance.settle_case(case=case, state=sent, on=today, evidence="277CA of the delete, ICN 7", by=officer)
    assert (settled.state, settled.settled_on) == ("sent", today)
    assert [event.action for event in TrailEvent.objects.filter(subject_type="overpaymentcase").order_by("number")] == [
        "overpayment.opened", "overpayment.owned", "overpayment.settled",
    ]  # fmt: skip
    with pytest.raises(NotAnAnswer, match="settled already"):
        compliance.settle_case(case=case, state=sent, on=today, evidence="again", by=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        OverpaymentCase.objects.filter(pk=case.pk).update(evidence="")


# --- The page, the API and the command refuse alike ------------------------------------------------------------------


def test_page_api_and_command_refuse_what_the_gate_refuses(client, project, coder, lead, officer, tmp_path) -> None:
    chart = closed(project, coder, lead, visit(checks={"E11.22": ("supported", "")}))
    target = tmp_path / "out.csv"
    manager = make.person("manager", project)

    def leaves() -> tuple[int, list[str], list[str]]:
        client.force_login(manager)
        api = client.get(f"/api/charts/{chart.pk}/release/").status_code
        page = client.get("/reports/submission.csv", {"from": "2000-01-01"}).getvalue().decode()
        target.unlink(missing_ok=True)
        call_command("export_results", "submission", project.name, "-o", str(target), stderr=io.StringIO())
        written = target.read_text(encoding="utf-8")
        return api, page.split("\r\n")[1:-1], written.split("\n")[1:-1]

    api, page, command = leaves()
    assert (api, len(page), len(command)) == (200, 1, 1)
    assert "N18.32,ICN2026-03-02" in page[0]
    assert "cms-hcc 2027 linked" in page[0]
    suggestions.open_checks([new_code(chart)])
    assert leaves() == (409, [], [])
    with pytest.raises(CommandError, match="1 existing code is undecided"):
        call_command("export_results", "submission", project.name, chart=[chart.pk])
    client.force_login(officer)
    assert "The gate is closed for 1 finished chart" in pages.Page(client.get("/compliance/release/")).words


def test_a_chart_in_review_cannot_finish_by_page_or_api(client, project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(checks={"E11.22": ("supported", "")}))
    client.force_login(coder)
    assert client.post(f"/api/charts/{chart.pk}/finish/").status_code == 409
    client.post(f"/charts/{chart.pk}/finish/")
    chart.refresh_from_db()
    assert chart.status == ChartStatus.IN_REVIEW
    assert not chart.finished_reviews.exists()


def test_the_api_takes_what_was_read(client, project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(adds={}, checks={"I50.9": ("not-found", "")}))
    client.force_login(coder)
    said = {"suggestion": chart.suggestions.get().pk, "outcome": "delete", "reason": "not-documented"}
    for nothing in ({}, {"read": []}, {"read": None}, {"read": [0]}):
        none = client.post("/api/decisions/", said | nothing, content_type="application/json")
        assert none.status_code == 409
        assert "names what was read" in none.json()["detail"]
    note = chart.encounters.get().notes.get()
    made = client.post("/api/decisions/", said | {"read": [note.pk]}, content_type="application/json")
    assert made.status_code == 201
    assert Decision.objects.get().read == [note.pk]


def test_what_does_not_go_out_is_listed_with_its_reason(project, coder, lead) -> None:
    closed(project, coder, lead, visit(fields={"claim": None}))
    ever = Period(date(2000, 1, 1), date(2100, 12, 31))
    assert not list(exports.exports()["submission"].rows(project, ever))
    export = exports.exports()["not_submitted"]
    (row,) = (dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, ever))
    assert (row["state"], row["links"]) == ("not submittable", "cms-hcc 2027 unlinked")
    assert "does not count in payment year 2027" in row["why"]


def test_the_coded_results_say_what_is_held_and_why(project, coder, lead) -> None:
    a_stroke(project, coder, lead)
    closed(project, coder, lead, visit(checks={"I50.9": ("unsupported", "")}), answers={"I50.9": NOT_DOCUMENTED})
    export = exports.exports()["coded_results"]
    ever = Period(date(2000, 1, 1), date(2100, 12, 31))
    found = {
        row["code"]: row for row in (dict(zip(export.COLUMNS, r, strict=True)) for r in export.rows(project, ever))
    }
    assert {code: row["release"] for code, row in found.items()} == {
        "I63.9": "held", "N18.32": "ready", "I50.9": "ready",
    }  # fmt: skip
    assert "A second credentialed reviewer is needed." in found["I63.9"]["why_held"]
    assert found["N18.32"]["links"] == "cms-hcc 2027 linked"
    assert (found["N18.32"]["read"], found["I50.9"]["read"]) == ("", "note 1")


# --- Alerts, the queue and the calendar -----------------------------------------------------------------------------


def test_a_review_that_only_adds_is_an_alert_for_the_coder_and_the_project(client, project, coder, lead) -> None:
    Project.objects.update(deletion_alert_after=3)
    project.refresh_from_db()
    for _ in range(2):
        audits.coded_chart(project, coder, visit())
    assert release.one_way(project) == []
    audits.coded_chart(project, coder, visit())
    assert [(one.coder, one.charts, one.additions) for one in release.one_way(project)] == [("", 3, 3), ("casey", 3, 3)]
    client.force_login(make.person("manager", project))
    assert "casey: no deletion in the last 3 finished charts" in pages.Page(client.get("/reports/")).words
    day = visit(checks={"I50.9": ("unsupported", "")})
    audits.coded_chart(project, coder, day, answers={"I50.9": NOT_DOCUMENTED})
    assert release.one_way(project) == []


def test_the_queue_follows_the_next_deadline(project, coder) -> None:
    def ready(year: int) -> Chart:
        return pages.read_chart(project, visit(f"{year}-03-02"), service_year=year)

    old, this, last = ready(2023), ready(2026), ready(2025)
    charts = Chart.objects.filter(member__project=project)
    in_november = charts.in_queue_order(project, date(2026, 11, 28))
    assert list(in_november) == [last, this, old]  # final of 2026, mid-year 2027, closed
    assert list(charts.in_queue_order(project, date(2027, 2, 10))) == [this, old, last]  # 2025 has closed meanwhile
    Chart.objects.filter(pk=old.pk).update(priority=1)
    assert next(iter(charts.in_queue_order(project, date(2026, 11, 28)))) == old


def test_the_calendar_says_what_is_open_and_counts_down(client, project, coder) -> None:
    pages.read_chart(project, visit("2026-03-02"))
    client.force_login(coder)
    words = pages.Page(client.get("/compliance/calendar/")).words
    assert "CMS-HCC 2027" in words
    assert "C.projected" in words
    assert "Service year 2026" in pages.Page(client.get("/queue/")).words


# --- Pages -----------------------------------------------------------------------------------------------------------


def test_every_rule_stands_on_the_page_with_its_source_and_who_verified_it(client, project, officer, coder) -> None:
    client.force_login(officer)
    page = pages.Page(client.get("/compliance/rules/"))
    assert {f"rule-{rule.rule_id}" for rule in rules()} <= set(page.ids)
    said = {"rule": "V06.known", "answer": "verified", "source": "CMS list PY2027, page 2"}
    client.post(f"/compliance/rules/verify/?project={project.name}", said)
    words = pages.Page(client.get("/compliance/rules/", {"check": "V06"})).words
    assert "olga: as the source says, CMS list PY2027, page 2" in words
    client.force_login(coder)
    assert b"Record what the source says" not in client.get("/compliance/rules/").content


def test_a_rule_file_past_its_date_warns_on_the_page(client, project, officer, monkeypatch) -> None:
    monkeypatch.setattr("coding.views.compliance.timezone.localdate", lambda: date(2035, 1, 1))
    client.force_login(officer)
    assert "validity.toml was to be reviewed by" in pages.Page(client.get("/compliance/rules/")).words


def test_the_checklist_of_a_chart_shows_evidence_and_overrides(client, project, coder, officer) -> None:
    chart = pages.held_chart(project, coder, visit(fields=UNSIGNED), member=make.member(**PERSON))
    encounter = chart.encounters.get()
    client.force_login(officer)
    said = {"encounter": encounter.pk, "check": "V07", "reason": "Wet signature on page 3."}
    assert client.post(f"/charts/{chart.pk}/override/", said).status_code == 302
    client.force_login(coder)
    words = pages.Page(client.get(f"/charts/{chart.pk}/validity/")).words
    assert "Wet signature on page 3." in words
    assert "Not met Overridden" in words
    assert "note.text “Lovelace”" in words
    assert TrailEvent.objects.filter(action="chart.opened", actor=coder, details__through="validity").exists()
    client.force_login(officer)
    client.post(f"/overrides/{Override.objects.get().pk}/withdraw/")
    assert "withdrawn" in pages.Page(client.get(f"/charts/{chart.pk}/validity/")).words


def test_the_release_page_asks_for_the_second_review(client, project, coder, lead, officer) -> None:
    chart = a_stroke(project, coder, lead)
    decision = lines(chart)["add", "I63.9"].decision
    client.force_login(officer)
    words = pages.Page(client.get("/compliance/release/")).words
    assert "an acute stroke is missing. A second credentialed reviewer is needed." in words
    client.post(f"/compliance/release/{decision.pk}/second-review/", {"agrees": "yes", "comment": "ED record seen."})
    assert SecondReview.objects.get().reviewer == officer
    ready = pages.Page(client.get("/compliance/release/", {"state": "ready"})).words
    assert "Second review: olga agrees." in ready


def test_an_overpayment_is_owned_and_settled_on_its_page(client, project, coder, lead, officer) -> None:
    deleted(project, coder, lead, 2024)
    case = OverpaymentCase.objects.get()
    client.force_login(officer)
    assert "Due in 60 days" in pages.Page(client.get("/compliance/overpayments/")).words
    client.post(f"/compliance/overpayments/{case.pk}/", {"owner": officer.pk})
    said = {"state": "sent", "on": timezone.localdate().isoformat(), "evidence": "277CA 7"}
    client.post(f"/compliance/overpayments/{case.pk}/", said | {"on": "soon"})
    assert OverpaymentCase.objects.get().state == "open"
    client.post(f"/compliance/overpayments/{case.pk}/", said)
    words = pages.Page(client.get("/compliance/overpayments/")).words
    assert "277CA 7" in words
    assert "Sent" in words


# --- Cards -----------------------------------------------------------------------------------------------------------


def test_a_card_says_which_corroboration_a_high_risk_code_lacks(client, project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(more="Acute stroke.", adds=STROKE), member=make.member(**PERSON))
    client.force_login(coder)
    words = pages.Page(client.get(f"/charts/{chart.pk}/")).words
    assert "High risk: acute stroke without a hospital record." in words
    assert "an inpatient or outpatient hospital record of the year with an acute stroke" in words
    assert "An acute event on an office record" not in words  # the group says more


def test_a_card_says_what_its_code_does_not_go_with(client, project, coder) -> None:
    day = visit(adds={}, checks={"E11.9": ("supported", ""), "E10.9": ("unsupported", "")})
    chart = pages.held_chart(project, coder, day, member=make.member(**PERSON))
    client.force_login(coder)
    words = pages.Page(client.get(f"/charts/{chart.pk}/")).words
    assert "E10.9 and E11.9 exclude each other (Excludes1)." in words
    wrong = chart.suggestions.get(icd10="E10.9")
    suggestions.decide(suggestion=wrong, by=coder, **NOT_DOCUMENTED)
    assert "exclude each other" not in pages.Page(client.get(f"/charts/{chart.pk}/")).words


def test_the_page_asks_what_was_read_before_a_deletion(client, project, coder) -> None:
    chart = pages.held_chart(project, coder, visit(adds={}, checks={"I50.9": ("not-found", "")}))
    client.force_login(coder)
    suggestion = chart.suggestions.get()
    asked = client.post(f"/charts/{chart.pk}/answer/", {"s": suggestion.pk, "outcome": "delete"})
    assert "I read, and it does not support the code" in pages.Page(asked).words
    said = {"s": suggestion.pk, "outcome": "delete", "panel": "1", "reason": "not-documented"}
    unsaid = client.post(f"/charts/{chart.pk}/answer/", said)  # a form that does not ask answers nothing
    assert unsaid.status_code == 422
    assert not Decision.objects.exists()
    said["reads"] = "1"
    refused = client.post(f"/charts/{chart.pk}/answer/", said)
    assert refused.status_code == 422
    assert "names what was read" in pages.Page(refused).words
    note = chart.encounters.get().notes.first()
    client.post(f"/charts/{chart.pk}/answer/", said | {"read": note.pk})
    assert Decision.objects.get().read == [note.pk]


# --- Gaps and best records -------------------------------------------------------------------------------------------


def lost(project: Project) -> dict[str, tuple[str, bool]]:
    found = list(documentation.project_losses(project, TODAY))
    assert len({(loss.chart, loss.hcc) for loss in found}) == len(found)  # one reason each
    return {loss.code: (loss.reason, loss.recovered) for loss in found}


@pytest.mark.parametrize(
    ("checks", "adds", "fields", "answers", "expected"),
    [
        ({}, {"N18.32": pages.CKD}, {}, {}, {"N18.32": ("documented, not coded", True)}),
        ({"N18.32": ("supported", "")}, {}, {}, {}, {}),
        ({"I50.9": ("unsupported", "")}, {}, {}, {"I50.9": NOT_DOCUMENTED}, {"I50.9": ("deleted", False)}),
        ({"N18.32": ("supported", "")}, {}, {"signature": {"status": "unsigned"}}, {},
         {"N18.32": ("invalid encounter", False)}),
        ({"N18.32": ("supported", "")}, {}, {"claim": None}, {}, {"N18.32": ("not linked", False)}),
        ({"N18.32": ("supported", "")}, {}, {"claim": {"icn": "I", "type": "P", "accepted": False}}, {},
         {"N18.32": ("rejected", False)}),
        ({"N18.31": ("more-specific", "CKD stage 3b")}, {}, {},
         {"N18.31": {"outcome": Outcome.CHANGE, "icd10_code": "N18.32", "reason": "specificity"}},
         {"N18.31": ("coded, not specific", False), "N18.32": ("coded, not specific", True)}),
        ({}, {"N18.32": pages.CKD}, {}, {"N18.32": {"outcome": Outcome.REJECT, "reason": "mention-only"}},
         {"N18.32": ("not supported", False)}),
        ({}, {"N18.32": pages.CKD}, {}, {"N18.32": {"outcome": Outcome.REJECT, "reason": "negated"}},
         {"N18.32": ("not documented", False)}),
        ({}, {"N18.32": pages.CKD}, {}, {"N18.32": {"outcome": Outcome.REJECT, "reason": "already-captured"}}, {}),
    ],
)  # fmt: skip
def test_each_lost_hcc_has_exactly_one_reason(project, coder, checks, adds, fields, answers, expected) -> None:
    day = visit(checks=checks, adds=adds, fields=fields)
    audits.coded_chart(project, coder, day, answers=answers, member=make.member(**PERSON))
    assert lost(project) == expected


def test_an_hcc_that_a_claimed_one_outranks_is_no_loss(project, coder) -> None:
    day = visit(checks={"N18.4": ("supported", "")})
    audits.coded_chart(project, coder, day, member=make.member(**PERSON))
    assert lost(project) == {}  # stage 3b beside stage 4


def test_the_gaps_are_counted_by_provider_and_by_coder(client, project, coder) -> None:
    audits.coded_chart(project, coder, visit(), member=make.member(**PERSON))
    client.force_login(make.person("manager", project))
    words = pages.Page(client.get("/reports/gaps/")).words
    assert "Otto Brand" in words
    assert "casey" in words
    assert "documented, not coded" in words.lower()


def test_what_stood_last_year_and_is_not_there_yet_is_on_the_recapture_list(project, coder) -> None:
    person = make.member(**PERSON)
    both = [make.enrollment(payment_year=2026), make.enrollment()]
    kept = {"N18.32": ("supported", ""), "I50.9": ("supported", ""), "E11.22": ("unsupported", "")}
    last = visit("2025-11-02", adds={}, checks=kept)
    unsigned = visit("2025-12-02", adds={}, checks={"J44.9": ("supported", "")}, fields=UNSIGNED)
    chart = audits.coded_chart(project, coder, last, unsigned, member=person, service_year=2025, enrollments=both,
                               answers={"E11.22": NOT_DOCUMENTED})  # fmt: skip

    def listed(year: int = 2026) -> list[tuple[str, tuple[str, ...], date]]:
        found = list(documentation.project_recapture(project, year, TODAY))
        assert {(one.chart, one.payment_year) for one in found} <= {(chart.pk, year + 1)}
        return [(one.hcc, one.codes, one.day) for one in found]

    day = date(2025, 11, 2)
    assert listed() == [("226", ("I50.9",), day), ("328", ("N18.32",), day)]  # not what was deleted, or does not count
    assert listed(2025) == listed(2027) == []
    pages.read_chart(project, visit("2026-01-09", adds={}, checks={"N18.4": ("supported", "")}),
                     member=person, enrollments=both)  # fmt: skip
    assert listed() == [("226", ("I50.9",), day)]  # stage 4 outranks stage 3b
    export = exports.exports()["recapture"]
    (row,) = export.rows(project, Period(date(2026, 1, 1), date(2026, 1, 31)))
    assert dict(zip(export.COLUMNS, row, strict=True))["codes_before"] == "I50.9"


def test_a_coder_sees_the_gaps_of_their_own_answers_and_of_nobody_elses(client, project, coder) -> None:
    other = make.person("coder", project, "cosmo")
    mine = audits.coded_chart(project, coder, visit(), member=make.member(**PERSON))
    theirs = audits.coded_chart(project, other, visit(), member=make.member(**PERSON))
    client.force_login(coder)
    page = pages.Page(client.get("/compliance/my-gaps/"))
    assert f"Chart {mine.pk}" in page.words
    assert f"Chart {theirs.pk}" not in page.words
    assert "Documented, not coded" in page.words
    (event,) = events("gaps.opened")
    assert event.details == {"charts": [mine.pk], "through": "own"}


def test_a_provider_is_told_what_was_seen_and_nothing_of_payment(client, project, coder, lead, officer) -> None:
    closed(project, coder, lead, visit(checks={"I50.9": ("unsupported", "")}), answers={"I50.9": NOT_DOCUMENTED})
    closed(project, coder, lead, visit(fields={"signature": {"status": "unsigned"}}))
    address = f"/reports/gaps/provider/?project={project.name}&npi=1234567893"
    client.force_login(officer)
    assert address.partition("?")[2].partition("&")[2] in client.get("/reports/gaps/").content.decode()
    words = pages.Page(client.get(address)).words
    assert "The note describes the condition, and the claim does not list it." in words
    assert "Here: signature." in words
    assert "Heart failure, unspecified" in words
    main = words.partition("Documentation summary")[2]
    for word in ("HCC", "payment", "score", "lost", "Lovelace", "revenue"):
        assert word not in main
    assert events("gaps.opened")[-1].details["through"] == "provider"
    client.force_login(make.person("manager", project))  # who reads no chart
    words = pages.Page(client.get(address)).words
    assert "The note describes the condition" in words
    assert "Heart failure" not in words
    assert len(events("gaps.opened")) == 1
    assert "Nothing to say" in pages.Page(client.get("/reports/gaps/provider/?npi=9999999999")).words
    for strange in ("npi=Brand", ""):
        assert client.get(f"/reports/gaps/provider/?{strange}").status_code == 404


def test_every_reason_has_words_for_a_provider() -> None:
    from coding.views.documentation import FOR_PROVIDERS

    assert tuple(FOR_PROVIDERS) == documentation.REASONS


def test_the_best_two_of_three_records_come_first(project, coder) -> None:
    kept = {"N18.32": ("supported", "CKD stage 3b")}
    days = [visit(day, adds={}, checks=kept) for day in ("2026-02-02", "2026-03-02")]
    unsigned = visit("2026-04-02", adds={}, checks=kept, fields={"signature": {"status": "unsigned"}})
    audits.coded_chart(project, coder, *days, unsigned, member=make.member(**PERSON))
    ((_, best),) = documentation.project_best(project, TODAY)
    assert [(one.rank, one.encounter.date_from.isoformat()) for one in best] == [(1, "2026-03-02"), (2, "2026-02-02")]
    assert {one.reviewed for one in best} == {True}
    ever = Period(date(2000, 1, 1), date(2100, 12, 31))
    assert len(list(exports.exports()["best_records"].rows(project, ever))) == 2


def test_best_records_and_gaps_are_of_every_program(project, coder) -> None:
    Project.objects.update(programs=["cms-hcc", "rxhcc"])
    project.refresh_from_db()
    both = [make.enrollment(), make.enrollment(program="rxhcc")]
    day = visit(adds={"I50.9": pages.CKD})
    chart = audits.coded_chart(project, coder, day, member=make.member(**PERSON), enrollments=both)
    found = list(documentation.project_losses(project, TODAY))
    assert {(loss.program, loss.payment_year) for loss in found} == {("cms-hcc", 2027), ("rxhcc", 2027)}
    only = documentation.project_losses(project, TODAY, program="rxhcc")
    assert {loss.program for loss in only} == {"rxhcc"}
    ((of_chart, best),) = documentation.project_best(project, TODAY)
    assert of_chart == chart
    assert {one.program for one in best} == {"cms-hcc", "rxhcc"}


def test_before_an_answer_the_rules_evidence_counts_and_is_marked_as_not_reviewed(client, project, coder) -> None:
    chart = pages.held_chart(
        project, coder, visit(checks={"E11.22": ("supported", "CKD")}), member=make.member(**PERSON)
    )
    encounters = list(validity.encounters_of(chart))
    found = validity.chart_validity(chart, encounters, TODAY)
    best = {code: one for one in documentation.best_of_chart(chart, encounters, found) for code in one.codes}
    assert {code: (one.letters, one.reviewed) for code, one in best.items()} == {
        "N18.32": (2, False), "E11.22": (0, False),
    }  # fmt: skip
    suggestions.decide(suggestion=chart.suggestions.get(icd10="N18.32"), outcome=Outcome.ACCEPT, by=coder)
    best = {code: one for one in documentation.best_of_chart(chart, encounters, found) for code in one.codes}
    assert {code: one.reviewed for code, one in best.items()} == {"N18.32": True, "E11.22": False}
    client.force_login(coder)
    assert "not reviewed" in pages.Page(client.get(f"/charts/{chart.pk}/validity/")).words


# --- What it would be paid ------------------------------------------------------------------------------------------


def test_the_report_adds_up_what_closed_charts_would_be_paid(client, project, coder, lead, asked) -> None:
    member = {"birth_date": "1953-04-01", "name": PERSON["name"]}
    closed(project, coder, lead, visit(), member=make.member(**member))  # paid as documented
    closed(project, coder, lead, visit(fields={"claim": None}), member=make.member(**member))  # documented, not paid
    closed(
        project,
        coder,
        lead,
        visit(fields={"claim": {"icn": "I", "type": "P", "lines": [make_line("99214")]}}),
        member=make.member(**member),
    )  # whether it was accepted is not known
    audits.coded_chart(project, coder, visit(), member=make.member(**member))  # QA has not closed it
    asked.clear()
    report = capture(project, Period.read("", ""))
    (documented,), (paid,) = report.scores, report.paid
    assert (documented.charts, paid.charts, paid.not_known) == (4, 2, 1)
    assert documented.change == 4 * paid.change > 0
    assert asked == []  # it was worked out when QA closed them
    client.force_login(make.person("manager", project))
    words = pages.Page(client.get("/reports/")).words
    assert "As it would be paid closed charts" in words
    assert ("as paid", "cms-hcc 2027", "change", paid.change) in list(
        exports.exports()["capture"].rows(project, Period.read("", ""))
    )


# --- A closed chart is opened again ----------------------------------------------------------------------------------


def exported(project: Project) -> list[dict[str, Any]]:
    export = exports.exports()["submission"]
    ever = Period(date(2000, 1, 1), date(2100, 12, 31))
    return [dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, ever)]


def send(client: Any, project: Project) -> None:
    client.force_login(make.person("manager", project))
    b"".join(client.get("/reports/submission.csv", {"from": "2000-01-01"}).streaming_content)


def answered_again(chart: Chart, coder: User, answers: dict[str, dict[str, Any]], lead: User) -> None:
    queues.resume(chart=chart, by=coder)
    for code, answer in answers.items():
        suggestion = chart.suggestions.get(icd10=code)
        suggestions.undo(suggestion=suggestion, by=coder)
        suggestions.decide(suggestion=suggestion, by=coder, **answer)
    queues.finish(chart=chart, by=coder)
    qa.close(chart=chart, by=lead)
    chart.refresh_from_db()


def test_a_closed_chart_goes_back_to_its_coder_with_a_reason_and_nothing_leaves_meanwhile(
    client, project, coder, lead, officer
) -> None:
    chart = closed(project, coder, lead, visit())
    for person in (coder, make.person("manager", project)):
        with pytest.raises(NotAllowed):
            qa.reopen(chart=chart, reason="Wrong member.", by=person)
    with pytest.raises(NotAnAnswer, match="Say why"):
        qa.reopen(chart=chart, reason=" ", by=officer)
    client.force_login(officer)
    client.post(f"/charts/{chart.pk}/reopen/", {"reason": "Page 2 is of another member."})
    chart.refresh_from_db()
    assert chart.status == ChartStatus.RETURNED
    assert chart.assignments.get(released_at=None).coder == coder
    client.force_login(coder)
    for address in ("/queue/", f"/charts/{chart.pk}/"):
        page = client.get(address).content.decode()
        assert "was opened again" in page
        assert "Page 2 is of another member." in page
        assert "QA returned" not in page
    assert events("chart.reopened")[0].details == {"reopening": chart.reopenings.get().pk, "sent": 0, "exports": []}
    with pytest.raises(queues.WrongStatus):
        qa.reopen(chart=chart, reason="Again.", by=officer)
    assert exported(project) == []
    with pytest.raises(release.GateClosed):
        release.chart_lines(chart, TODAY)
    client.force_login(coder)
    for address in ("/queue/", f"/charts/{chart.pk}/", f"/charts/{chart.pk}/validity/"):
        assert "Page 2 is of another member." in pages.Page(client.get(address)).words
    answered_again(chart, coder, {}, lead)
    assert [(row["action"], row["earlier_export"]) for row in exported(project)] == [("add", "")]


def test_what_went_out_and_does_not_stand_any_more_goes_out_as_a_correction(
    client, project, coder, lead, officer
) -> None:
    day = visit(checks={"I50.9": ("unsupported", ""), "E11.22": ("supported", "")})
    chart = closed(project, coder, lead, day, answers={"I50.9": NOT_DOCUMENTED})
    send(client, project)
    client.force_login(officer)
    assert "2 of its codes have gone out in 1 export" in pages.Page(client.get(f"/charts/{chart.pk}/validity/")).words
    row = qa.reopen(chart=chart, reason="The dialysis record came.", by=officer)
    assert sorted((action, code) for _, action, code in row.sent) == [("add", "N18.32"), ("delete", "I50.9")]
    declined = {"outcome": Outcome.REJECT, "reason": "negated"}
    answered_again(chart, coder, {"N18.32": declined, "I50.9": {"outcome": Outcome.KEEP}}, lead)
    found = {(one["action"], one["code"]): one["earlier_export"] for one in exported(project)}
    assert found == {("delete", "N18.32"): "corrects it", ("add", "I50.9"): "corrects it"}
    client.force_login(officer)
    words = pages.Page(client.get("/compliance/release/", {"state": "ready"})).words
    assert "Corrects an earlier export" in words
    send(client, project)
    qa.reopen(chart=chart, reason="The dialysis record was another member's.", by=lead)
    answered_again(chart, coder, {"N18.32": {"outcome": Outcome.ACCEPT}, "I50.9": NOT_DOCUMENTED}, lead)
    found = {(one["action"], one["code"]): one["earlier_export"] for one in exported(project)}
    assert found == {("add", "N18.32"): "", ("delete", "I50.9"): ""}


def test_what_went_out_and_still_stands_is_said_to_have_gone_out(client, project, coder, lead) -> None:
    chart = closed(project, coder, lead, visit())
    send(client, project)
    qa.reopen(chart=chart, reason="Look again.", by=lead)
    answered_again(chart, coder, {}, lead)
    assert [(one["code"], one["earlier_export"]) for one in exported(project)] == [("N18.32", "said the same")]
    assert release.states_of([chart.pk], TODAY, validity.rules_of(project)) == {chart.pk: ["ready"]}


def test_what_a_script_read_through_the_api_may_have_gone_out(client, project, coder, lead, officer) -> None:
    chart = closed(project, coder, lead, visit())
    client.force_login(officer)
    (line,) = client.get(f"/api/charts/{chart.pk}/release/").json()
    assert (line["state"], line["earlier_export"]) == ("ready", "")
    assert len(qa.reopen(chart=chart, reason="Look again.", by=officer).sent) == 1
    answered_again(chart, coder, {"N18.32": {"outcome": Outcome.REJECT, "reason": "negated"}}, lead)
    (line,) = client.get(f"/api/charts/{chart.pk}/release/").json()
    assert (line["action"], line["code"], line["earlier_export"]) == ("delete", "N18.32", "corrects it")


def test_a_reopening_needs_its_reason_in_the_database_too(project, coder, lead) -> None:
    chart = closed(project, coder, lead, visit())
    with pytest.raises(IntegrityError), transaction.atomic():
        Reopening.objects.create(chart=chart, reason="", by=lead)


def test_a_packet_has_its_cover_the_two_best_records_and_their_evidence_marked(
    client, project, coder, lead, officer
) -> None:
    days = [visit(day, more="Nothing else.") for day in ("2026-02-02", "2026-03-02", "2026-04-02")]
    chart = closed(project, coder, lead, *days)
    client.force_login(officer)
    page = client.get(f"/charts/{chart.pk}/validity/").content.decode()
    address = f"/charts/{chart.pk}/packet/?program=cms-hcc&amp;hcc=328"
    assert address in page
    response = client.get(address.replace("&amp;", "&"))
    words = pages.Page(response).words
    assert "Lovelace, Ada" in words
    assert "2 of at most 2 records are chosen." in words
    assert "Record 1: 2026-04-02" in words
    assert "Record 2: 2026-03-02" in words
    assert "2026-02-02" not in words
    body = response.content.decode()
    assert "<mark>CKD stage 3b</mark>" in body
    assert "<mark>losartan</mark><sup>T</sup>" in body
    (event,) = events("packet.opened")
    assert (event.details["hcc"], len(event.details["records"])) == ("328", 2)
    for strange in ("", "?program=cms-hcc&hcc=1", "?program=rxhcc&hcc=328"):
        assert client.get(f"/charts/{chart.pk}/packet/{strange}").status_code == 404
    for person, status in ((coder, 403), (lead, 403), (make.person("manager", project), 404)):
        client.force_login(person)
        assert client.get(address.replace("&amp;", "&")).status_code == status
    assert len(events("packet.opened")) == 1


# --- What is kept with a finished chart -----------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The encounters that the rules are asked about, one by one."""
    found: list[str] = []

    def counted(member: Any, encounter: Any, *rest: Any) -> Any:
        found.append(encounter.encounter_id)
        return assess_encounter(member, encounter, *rest)

    monkeypatch.setattr(validity, "assess_encounter", counted)
    return found


def test_a_closed_chart_is_not_assessed_again(client, project, coder, lead, officer, asked) -> None:
    closed(project, coder, lead, visit(), visit("2026-04-02"))
    asked.clear()
    client.force_login(officer)
    for _ in range(2):
        assert "Ready 2" in pages.Page(client.get("/compliance/release/", {"state": "ready"})).words
        assert "Otto Brand" in pages.Page(client.get("/reports/gaps/")).words
    assert asked == []


@pytest.mark.parametrize(
    ("change", "states", "reasons"),
    [
        (lambda world: None, ["ready"], {"documented, not coded"}),
        (lambda world: Claim.objects.update(accepted=False), ["not submittable"], {"rejected"}),
        (lambda world: Encounter.objects.update(signature_status="unsigned"), ["held"], {"invalid encounter"}),
        (lambda world: Enrollment.objects.update(switched_ma_organization=True), ["ready"], {"documented, not coded"}),
        (lambda world: Project.objects.update(programs=[]), ["held"], set()),
        (lambda world: compliance.verify_rule(
            project=world["project"], rule_id="V07", answer=RuleVerification.Answer.WRONG, source="The list.",
            by=world["officer"]), ["ready"], {"documented, not coded"}),
    ],
)  # fmt: skip
def test_what_is_kept_is_asked_again_when_a_fact_has_changed(
    project, coder, lead, officer, asked, change, states, reasons
) -> None:
    chart = closed(project, coder, lead, visit())
    asked.clear()
    change({"project": project, "officer": officer})
    project.refresh_from_db()
    rules = validity.rules_of(project)
    assert release.states_of([chart.pk], timezone.localdate(), rules) == {chart.pk: states}
    assert {loss.reason for loss in documentation.project_losses(project, timezone.localdate())} == reasons
    unchanged = states == ["ready"] and not Enrollment.objects.filter(switched_ma_organization=True).exists()
    assert bool(asked) == (not unchanged or RuleVerification.objects.exists()) or not project.programs


@pytest.mark.parametrize(
    "change",
    [
        lambda chart: Member.objects.update(family_name="Byron"),
        lambda chart: Enrollment.objects.update(switched_ma_organization=False),
        lambda chart: Encounter.objects.update(provider_specialty="30"),
        lambda chart: Claim.objects.update(lines=[make_line("99213")]),
        lambda chart: Note.objects.update(note_type="telephone"),
        lambda chart: FirstPassCode.objects.update(submitted=False),
        lambda chart: chart.encounters.get().overrides.create(
            check_name="V07", reason="Page 3.", role="compliance", by=User.objects.get(username="olga")
        ),
        lambda chart: User.objects.filter(username="lea").update(credential="CRC"),
        lambda chart: Chart.objects.update(status=ChartStatus.IN_QA),
        lambda chart: Project.objects.update(programs=["cms-hcc", "rxhcc"]),
    ],
)
def test_no_kind_of_fact_goes_unnoticed(project, coder, lead, officer, asked, change) -> None:
    chart = closed(project, coder, lead, visit(checks={"E11.22": ("supported", "")}))
    rules = validity.rules_of(project)
    asked.clear()
    release.states_of([chart.pk], timezone.localdate(), rules)
    assert asked == []
    change(chart)
    release.states_of([chart.pk], timezone.localdate(), rules)
    assert asked != []


def test_the_worker_works_out_what_is_out_of_date_before_anybody_asks(
    client, project, coder, lead, officer, asked, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    for _ in range(3):
        closed(project, coder, lead, visit())
    other = make.project("beta")
    closed(other, make.person("coder", other), make.person("qa_lead", other), visit())
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda *task: sent.append(task))
    monkeypatch.setattr(tasks.keep_assessments, "delay", lambda after: sent.append(("next", after)))
    monkeypatch.setattr(documentation.keep_next, "__defaults__", (2,))
    verify = {"project": project, "rule_id": "V06.known", "source": "CMS list PY2027, page 2", "by": officer}
    with django_capture_on_commit_callbacks(execute=True):
        compliance.verify_rule(answer=RuleVerification.Answer.VERIFIED, **verify)
    assert sent == [("coding.tasks.keep_assessments",)]
    asked.clear()
    after = 0
    for _ in range(3):
        tasks.keep_assessments(after)
        after = sent[-1][1] if sent[-1][0] == "next" else 0
    assert len(asked) == 3  # those of the rule's project, each once
    assert [name for name, *_ in sent[1:]] == ["next", "next"]
    asked.clear()
    client.force_login(officer)
    client.get("/compliance/release/")
    client.get("/reports/gaps/")
    assert asked == []


def test_an_override_and_a_second_review_reach_what_is_kept(project, coder, lead, officer) -> None:
    chart = closed(project, coder, lead, visit(fields=UNSIGNED, more="Acute stroke.", adds=STROKE))

    def states() -> list[str]:
        return release.states_of([chart.pk], timezone.localdate(), validity.rules_of(project))[chart.pk]

    assert states() == ["held"]
    made = compliance.override(encounter=chart.encounters.get(), check="V07", reason="Page 3.", by=officer)
    assert states() == ["held"]
    compliance.review_second(decision=Decision.objects.get(), agrees=True, comment="Seen.", by=officer)
    assert states() == ["ready"]
    compliance.withdraw(override=made, by=officer)
    assert states() == ["held"]


def test_a_year_that_closes_overnight_is_noticed(project, coder, lead, asked) -> None:
    chart = closed(project, coder, lead, visit("2024-03-02"), service_year=2024,
                   enrollments=[make.enrollment(payment_year=2025)])  # fmt: skip
    rules = validity.rules_of(project)
    for day, state in (
        (date(2025, 12, 1), "ready"),
        (date(2026, 2, 3), "not submittable"),
        (date(2025, 12, 2), "ready"),
    ):
        assert release.states_of([chart.pk], day, rules) == {chart.pk: [state]}


def test_gaps_and_release_cost_the_same_queries_for_three_charts_and_for_thirteen(
    client, project, coder, lead, officer
):
    client.force_login(officer)
    costs = []
    for more in (3, 10):
        for _ in range(more):
            closed(project, coder, lead, visit(), visit("2026-04-02"))
        counted = []
        for address in ("/compliance/release/?state=ready", "/reports/gaps/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counted.append(len(queries))
        costs.append(counted)
    assert costs[0] == costs[1]


# --- Broken records, in the application -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [rule for rule in BROKEN if rule != "V04"])
def test_a_broken_record_is_held_by_its_verified_rule_and_never_by_an_unverified_one(
    coder, lead, project, rule
) -> None:
    Project.objects.update(meat_elements_required=0)
    said = a_chart()
    for change in BROKEN[rule][0]:
        change(said)
    chart = make.chart_actions.import_chart(make.values_of(said), project=project, by=None)
    Chart.objects.filter(pk=chart.pk).update(status=ChartStatus.READY)
    chart.refresh_from_db()
    queues.claim(chart=chart, by=coder)
    note = chart.encounters.get().notes.first()
    added = suggestions.add_manually(
        encounter=chart.encounters.get(), code="N18.32", spans=[(note, "mention", 0, 5)], by=coder
    )
    suggestions.decide(suggestion=added, outcome=Outcome.ACCEPT, by=coder)
    audits.answer_all(chart, coder)
    queues.finish(chart=chart, by=coder)
    chart.refresh_from_db()
    qa.close(chart=chart, by=lead)
    chart.refresh_from_db()
    line = lines(chart)["add", "N18.32"]
    (assessment,) = (one.assessment for one in line.links)
    broken = assessment.checks[rule]
    assert broken.answer == "not met"
    held_by = [hold.partition(":")[0] for hold in line.holds]
    assert held_by == ([rule] if broken.fails else [])
