"""Which encounters count: V01 to V13, the filter, links and the calendar. Pure: no database."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coding.acceptability import (
    CHECKS,
    Candidate,
    RulesBroken,
    assess,
    best_records,
    book,
    case_of,
    code_edits,
    conflicts,
    deadlines,
    is_lifelong,
    load,
    open_on,
    packet_limit,
    payment_years,
    rules,
    situations,
    submittable,
    text_support,
)
from coding.acceptability.__main__ import main, run
from coding.acceptability.rulebook import ROOT
from coding.intake.chart_file import read_line
from coding.intake.values import ChartValues

TODAY = date(2026, 11, 22)
DEMO = Path(__file__).parents[2] / "data" / "demo" / "charts.jsonl"

TEXT = """RIVERBEND CLINIC
Patient: Ada Winterbourne   DOB: 04/01/1953
Date of service: 03/02/2026

BP 132/78. Chronic kidney disease stage 3b, eGFR 38, continue losartan.

Electronically signed by Otto Brand, MD 03/02/2026
"""

Change = Callable[[dict[str, Any]], object]


def a_chart() -> dict[str, Any]:
    """One good encounter of one member, in the chart file's words."""
    return {
        "service_year": 2026,
        "member": {
            "member_id": "T1",
            "mbi": "1EG4TE5MK73",
            "birth_date": "1953-04-01",
            "sex": "F",
            "name": {"family": "Winterbourne", "given": "Ada"},
        },
        "enrollments": [{"payment_year": 2027, "program": "cms-hcc", "switched_ma_organization": False}],
        "encounters": [an_encounter()],
    }


def an_encounter(**changes: Any) -> dict[str, Any]:
    return {
        "encounter_id": "E1",
        "from": "2026-03-02",
        "through": "2026-03-02",
        "setting": "outpatient",
        "claim": {
            "icn": "2026061000001",
            "type": "P",
            "place_of_service": "11",
            "accepted": True,
            "lines": [{"procedure": "99214", "modifiers": []}],
        },
        "provider": {"npi": "1234567893", "specialty": "50", "name": "Otto Brand", "credential": "MD"},
        "signature": {"status": "signed", "name": "Otto Brand", "credential": "MD", "date": "2026-03-02"},
        "notes": [{"note_id": "N1", "type": "progress", "text": TEXT}],
        "first_pass_codes": [{"icd10": "N18.30", "source": "claim"}],
        **changes,
    }


def chart_of(value: dict[str, Any]) -> ChartValues:
    return read_line(json.dumps(value))


def assessed(*changes: Change, **options: Any) -> Any:
    value = a_chart()
    for change in changes:
        change(value)
    (found,) = assess(chart_of(value), **{"today": TODAY, **options})
    return found


def encounter(value: dict[str, Any]) -> dict[str, Any]:
    return value["encounters"][0]


def note(value: dict[str, Any]) -> dict[str, Any]:
    return encounter(value)["notes"][0]


def line(value: dict[str, Any]) -> dict[str, Any]:
    return encounter(value)["claim"]["lines"][0]


def retype(old: str, new: str) -> Change:
    def change(value: dict[str, Any]) -> None:
        assert old in note(value)["text"]
        note(value)["text"] = note(value)["text"].replace(old, new)

    return change


def enrolled(**facts: Any) -> Change:
    return lambda value: value["enrollments"][0].update(facts)


def without_credential(value: dict[str, Any]) -> None:
    del encounter(value)["provider"]["credential"]
    del encounter(value)["signature"]["credential"]
    retype(", MD", "")(value)


def inpatient(value: dict[str, Any]) -> None:
    encounter(value).update(setting="inpatient", through="2026-03-05")
    encounter(value)["claim"].update(type="I", type_of_bill="111", place_of_service=None, lines=[])
    encounter(value)["signature"]["date"] = "2026-03-05"


def attested(value: dict[str, Any]) -> None:
    encounter(value)["notes"].append(
        {
            "note_id": "N2",
            "type": "attestation",
            "text": "CMS-generated attestation\nPatient: Ada Winterbourne   DOB: 04/01/1953\nI treated the enrollee.",
        }
    )


# Each change breaks one rule of a good encounter, and no other.
BROKEN: dict[str, list[tuple[Change, ...]]] = {
    "V01": [
        (lambda v: encounter(v)["claim"].update(type="D"),),
        (lambda v: encounter(v)["claim"].update(type="I", type_of_bill="0211", place_of_service=None),),
        (lambda v: encounter(v)["claim"].update(place_of_service="81"),),
    ],
    "V02": [
        (lambda v: note(v).update(type="superbill"),),
        (lambda v: note(v).update(type="Lab Report"),),
        (lambda v: note(v).update(type="problem_list"),),
        (retype("RIVERBEND CLINIC", "RADIOLOGY REPORT"),),
    ],
    "V03": [
        (retype("Ada Winterbourne", "Petra Lindqvist"),),
        (retype("04/01/1953", "11/30/1961"),),
        (
            lambda v: encounter(v)["notes"].append(
                {"note_id": "N2", "type": "progress", "text": TEXT.replace("Ada Winterbourne", "Petra Lindqvist")}
            ),
        ),
    ],
    "V04": [
        (enrolled(payment_year=2028),),
        (retype("03/02/2026", "06/09/2026"),),
    ],
    "V05": [
        (lambda v: line(v).update(modifiers=["93"]),),
        (lambda v: line(v).update(modifiers=["FQ"]),),
        (retype("RIVERBEND CLINIC", "TELEPHONE VISIT"),),
        (retype("BP 132/78", "This was an audio-only visit"),),
        (lambda v: note(v).update(type="telephone"),),
        (lambda v: line(v).update(modifiers=["GQ"]),),
    ],
    "V06": [
        (lambda v: encounter(v)["provider"].update(specialty="47"),),
        (lambda v: encounter(v)["provider"].update(specialty="32"),),
        (lambda v: encounter(v)["provider"].update(specialty="30"),),
    ],
    "V07": [
        (lambda v: encounter(v)["signature"].update(status="unsigned"), retype("Electronically signed by ", "")),
        (lambda v: encounter(v)["signature"].update(status="stamped"), retype("Electronically signed by ", "")),
        (retype("Electronically signed by", "Signature stamp of"),),
        (retype("Electronically signed by", "Dictated but not read by"),),
        (retype("Electronically signed by", "Signature on file for"),),
        (lambda v: encounter(v)["signature"].update(name="Wilma Sorrel"),),
        (lambda v: encounter(v)["signature"].update(status="unsigned"),),
    ],
    "V08": [
        (without_credential,),
        (
            lambda v: encounter(v)["provider"].update(credential="MA"),
            lambda v: encounter(v)["signature"].update(credential="MA"),
        ),
        (
            lambda v: encounter(v)["provider"].update(credential="R.N."),
            lambda v: encounter(v)["signature"].update(credential="RN"),
        ),
    ],
    "V09": [(inpatient, attested), (inpatient, lambda v: encounter(v)["signature"].update(status="attested"))],
    "V10": [
        (retype("Chronic kidney disease stage 3b, eGFR 38, continue losartan", "[illegible] " * 30),),
        (retype("Chronic kidney disease stage 3b", "\ufffd " * 60),),
        (retype("Chronic kidney disease stage 3b", "The handwriting is illegible"),),
    ],
    "V11": [
        (retype("Electronically", "Addendum 06/20/2026: diabetes as well.\nElectronically"),),
        (lambda v: encounter(v)["signature"].update(date="2026-05-20"),),
        (lambda v: note(v).update(text=f"{TEXT}\nLATE ENTRY 03/04/2026: diabetes as well.\nOtto Brand"),),
    ],
    "V12": [
        (lambda v: encounter(v).update(through="2026-03-20"),),
        (lambda v: note(v).update(text=f"{TEXT}\n{TEXT.replace('03/02/2026', '05/04/2026')}"),),
        (retype("Chronic", "See last note for assessment. Chronic"),),
    ],
}


def test_the_good_encounter_counts_and_is_paid():
    found = assessed()
    assert {name: check.answer for name, check in found.checks.items()} == dict.fromkeys(CHECKS, "met")
    assert (found.radv, found.payment, found.link) == ("yes", "yes", "linked")


@pytest.mark.parametrize(
    ("rule", "changes"),
    [pytest.param(rule, changes, id=f"{rule}-{n}") for rule, all_ in BROKEN.items() for n, changes in enumerate(all_)],
)
def test_a_broken_encounter_is_stopped_by_exactly_its_rule(rule: str, changes: tuple[Change, ...]):
    found = assessed(*changes)
    assert [name for name, check in found.checks.items() if check.answer == "not met"] == [rule]
    assert found.radv != "yes"
    assert found.payment == "no" or not found.checks[rule].verified
    assert any(reason.startswith(f"{rule} not met") for reason in found.why)


def test_more_records_for_an_hcc_than_an_audit_takes_are_refused():
    value = chart_of(a_chart())
    case = case_of(value.member, value.encounters[0], value.enrollments[0])
    assert packet_limit(case, ["E1", "E2"]).answer == "met"
    refused = packet_limit(case, ["E1", "E2", "E3"])
    assert (refused.check, refused.answer, refused.verified) == ("V13", "not met", True)


def test_a_third_visit_is_no_worse_than_the_second():
    value = a_chart()
    value["encounters"] = [
        an_encounter(encounter_id=f"E{day}", **{"from": f"2026-03-0{day}", "through": f"2026-03-0{day}"})
        for day in (2, 3, 4)
    ]
    for item in value["encounters"]:
        item["notes"][0] = {
            **item["notes"][0],
            "text": TEXT.replace("03/02/2026", f"{item['from'][5:7]}/{item['from'][8:]}/2026"),
        }
    found = list(assess(chart_of(value), TODAY))
    assert [item.checks["V13"].answer for item in found] == ["met"] * 3
    assert "best 2" in found[0].checks["V13"].why
    assert [item.radv for item in found] == ["yes"] * 3


@pytest.mark.parametrize("rule", [*BROKEN, "V13"])
def test_no_rule_is_silent_about_its_verification(rule: str):
    found = assessed()
    row = next(item for item in rules() if item.rule_id == found.checks[rule].rule_id)
    assert found.checks[rule].verified == (row.verified_on is not None)


def test_an_unverified_rule_leaves_the_question_open_and_says_so():
    found = assessed(lambda v: encounter(v)["provider"].update(specialty="30"))
    assert (found.checks["V06"].answer, found.checks["V06"].verified) == ("not met", False)
    assert (found.radv, found.payment) == ("unknown", "yes")
    assert any("unverified" in reason for reason in found.why)


def test_a_verified_rule_blocks():
    found = assessed(lambda v: encounter(v)["provider"].update(specialty="47"))
    assert (found.radv, found.payment, found.link) == ("no", "no", "invalid-encounter")


def test_the_encounter_filter_does_not_look_at_the_specialty():
    found = assessed(lambda v: encounter(v)["provider"].update(specialty="47"))
    assert found.passes_filter == "yes"
    assert found.payment == "no"


# --- What is absent is unknown -------------------------------------------------------------------------------------


def test_a_chart_that_says_nothing_is_unknown_and_never_met():
    bare = {
        "service_year": 2026,
        "member": {"member_id": "T2", "birth_date": "1953-04-01", "sex": "F"},
        "enrollments": [{"payment_year": 2027, "program": "cms-hcc"}],
        "encounters": [
            {"from": "2026-03-02", "through": "2026-03-02", "notes": [{"text": "CKD 3b, continue losartan today."}]}
        ],
    }
    (found,) = assess(chart_of(bare), TODAY)
    assert {name for name, check in found.checks.items() if check.answer == "unknown"} == {
        "V01",
        "V02",
        "V03",
        "V05",
        "V06",
        "V07",
        "V08",
    }
    assert found.radv == "unknown"
    assert found.payment != "yes"


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("V02", lambda v: note(v).update(type="")),
        ("V03", lambda v: v["member"].update(name={})),
        ("V03", retype("   DOB: 04/01/1953", "")),
        ("V06", lambda v: encounter(v)["provider"].update(specialty="")),
        ("V06", lambda v: encounter(v)["provider"].update(specialty="ZZ")),
        ("V10", retype("eGFR 38", "eGFR [illegible]")),
    ],
)
def test_what_is_absent_is_unknown(rule: str, change: Change):
    found = assessed(change)
    assert found.checks[rule].answer == "unknown"
    assert (found.radv, found.payment) == ("unknown", "yes")


# --- Signatures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "answer", "verified"),
    [
        ("Electronically signed by Otto Brand, MD", "met", True),
        ("Authenticated by Otto Brand, MD", "met", True),
        ("Approved by: Otto Brand MD", "met", True),
        ("Validated by Otto Brand, M.D.", "met", True),
        ("Digitally signed 03/02/2026 Otto Brand, MD", "met", False),
        ("Otto Brand, MD - electronically\nsigned 03/02/2026", "met", False),
        ("Finalized by Otto Brand, MD", "met", False),
        ("Reviewed by cardiology last week", "unknown", True),
        ("Otto Brand, MD", "unknown", True),
        ("Dictated but not signed. Otto Brand, MD", "not met", True),
        ("Electronically signed but not authenticated: Otto Brand, MD", "not met", False),
        ("Administratively signed by Otto Brand, MD", "not met", False),
        ("Awaiting signature", "not met", True),
        ("Electronically signed by Otto Brand\nMD", "met", True),
        ("Electronically signed by Otto Brand, Nurse Practitioner", "met", True),
        ("Electronically signed by Pia Strange, MD", "not met", False),
        ("Reviewed by Pia Strange, RN\nElectronically signed by Otto Brand, MD", "met", True),
    ],
)
def test_signatures_are_read_from_the_note(words: str, answer: str, verified: bool):
    def signed_so(value: dict[str, Any]) -> None:
        encounter(value)["signature"] = {}
        retype("Electronically signed by Otto Brand, MD 03/02/2026", words)(value)

    check = assessed(signed_so).checks["V07"]
    assert (check.answer, check.verified) == (answer, verified)


def test_the_evidence_of_a_signature_is_the_phrase_in_the_note():
    check = assessed(lambda v: encounter(v)["signature"].clear()).checks["V07"]
    (evidence,) = check.evidence
    assert TEXT[evidence.start : evidence.end] == "Electronically signed by"
    assert evidence.note_id == "N1"


@pytest.mark.parametrize(
    ("provider", "words", "answer", "verified"),
    [
        ("Jo Chen", "Electronically signed by Jo Chen, MD 03/02/2026", "met", True),
        ("Jo Chen", "Jo Chen, M.D., FACP", "met", True),
        ("Jo Chen", "CHEN, JO MD", "met", True),
        ("Jo Chen", "Jo Chen\nNurse Practitioner", "met", False),
        ("Jo Chen", "Jo Chen, Medical Assistant", "not met", True),
        ("Jo Chen", "Jo Chen, RN", "not met", False),
        ("Jo Chen", "Pia Strange, MD", "unknown", True),
        ("Jo Chen", "Jo Chen", "not met", True),
        ("", "Riverbend, MD 21201", "not met", True),
    ],
)
def test_a_credential_is_read_beside_the_name(provider: str, words: str, answer: str, verified: bool):
    def only_in_the_note(value: dict[str, Any]) -> None:
        encounter(value)["signature"] = {}
        encounter(value)["provider"].pop("credential")
        encounter(value)["provider"]["name"] = provider or None
        retype("Electronically signed by Otto Brand, MD 03/02/2026", words)(value)

    check = assessed(only_in_the_note).checks["V08"]
    assert (check.answer, check.verified) == (answer, verified)


def test_a_credential_is_missing_only_where_something_of_the_signer_is_known():
    def bare(words: str) -> Change:
        def change(value: dict[str, Any]) -> None:
            encounter(value)["signature"], encounter(value)["provider"] = {}, {}
            retype("Electronically signed by Otto Brand, MD 03/02/2026", words)(value)

        return change

    assert assessed(bare("")).checks["V08"].answer == "unknown"
    assert assessed(bare("Electronically signed by Otto Brand")).checks["V08"].answer == "not met"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("V12", "Next visit date: 06/02/2026."),
        ("V12", "Last DOS: 01/05/2026."),
        ("V03", "Mother, born 05/06/1920, is well."),
        ("V03", "Emergency contact: Pia Winterbourne, DOB: 02/02/1980."),
        ("V03", "Name: Otto Brand, MD"),
    ],
)
def test_dates_and_names_of_others_break_no_record(rule: str, words: str):
    assert assessed(retype("Chronic", f"\n{words}\nChronic")).checks[rule].answer == "met"


def test_a_name_is_found_with_and_without_its_accents():
    def pena(written: str, typed: str) -> Change:
        def change(value: dict[str, Any]) -> None:
            value["member"]["name"]["family"] = written
            retype("Winterbourne", typed)(value)

        return change

    for change in (pena("Peña", "Pena"), pena("Pena", "Peña")):
        assert assessed(change).checks["V03"].answer == "met"


def test_a_consent_that_was_not_signed_says_nothing_of_the_record():
    middle = "Ordinary words of the visit. " * 40
    found = assessed(retype("Chronic", f"{middle} The consent form was not signed. {middle} Chronic"))
    assert found.checks["V07"].answer == "met"


def test_an_attestation_belongs_to_outpatient_records_only():
    assert assessed(attested).checks["V09"].answer == "met"
    assert assessed(inpatient, attested).checks["V09"].answer == "not met"


def test_an_addendum_in_time_and_signed_is_fine():
    found = assessed(retype("Electronically", "Addendum 03/05/2026: labs seen.\nElectronically"))
    assert found.checks["V11"].answer == "met"


def test_an_addendum_of_somebody_else_is_looked_at():
    signed = "Addendum 03/05/2026: heart failure. Electronically signed by Pia Strange, MD 03/05/2026"
    check = assessed(retype("Electronically", f"{signed}\nElectronically")).checks["V11"]
    assert (check.answer, check.verified) == ("not met", False)


# --- Face to face, and telehealth ------------------------------------------------------------------------------------


def by_video(value: dict[str, Any]) -> None:
    encounter(value)["claim"].update(place_of_service="10")
    line(value).update(modifiers=["95"])
    retype("BP 132/78", "Seen with real-time audio and video")(value)


def test_a_video_visit_counts():
    found = assessed(by_video)
    assert (found.checks["V05"].answer, found.payment) == ("met", "yes")


@pytest.mark.parametrize("modifier", ["93", "FQ"])
def test_an_audio_only_visit_pays_nothing_in_2027(modifier: str):
    found = assessed(lambda v: line(v).update(modifiers=[modifier]))
    assert (found.link, found.payment, found.radv) == ("audio-only", "no", "no")


def test_another_qualifying_line_keeps_an_audio_only_claim():
    found = assessed(
        lambda v: encounter(v)["claim"]["lines"].append({"procedure": "11721", "modifiers": []}),
        lambda v: line(v).update(modifiers=["93"]),
    )
    assert (found.link, found.payment) == ("linked", "yes")


def test_a_line_that_would_not_count_does_not_keep_an_audio_only_claim():
    found = assessed(
        lambda v: encounter(v)["claim"]["lines"].append({"procedure": "36415", "modifiers": []}),
        lambda v: line(v).update(modifiers=["93"]),
    )
    assert (found.link, found.payment) == ("audio-only", "no")


def test_hhs_takes_some_audio_only_services_so_the_answer_is_open():
    found = assessed(lambda v: line(v).update(modifiers=["93"]), enrolled(program="hhs-hcc", payment_year=2026))
    assert found.checks["V05"].answer == "unknown"
    assert found.link == "linked"
    assert found.payment == "unknown"


def test_telehealth_from_home_that_names_no_mode_is_unknown():
    found = assessed(lambda v: encounter(v)["claim"].update(place_of_service="10"), retype("BP 132/78. ", ""))
    assert found.checks["V05"].answer == "unknown"


# --- Payment and links ---------------------------------------------------------------------------------------------


def no_claim(value: dict[str, Any]) -> None:
    del encounter(value)["claim"]


def test_the_example_of_payment_year_2027():
    assert (assessed().link, assessed().payment) == ("linked", "yes")
    unlinked = assessed(no_claim)
    assert (unlinked.link, unlinked.payment, unlinked.radv) == ("unlinked", "no", "yes")
    switcher = assessed(no_claim, enrolled(switched_ma_organization=True))
    assert (switcher.link, switcher.payment) == ("switcher", "yes")
    audio = assessed(lambda v: line(v).update(modifiers=["93"]))
    assert (audio.link, audio.payment) == ("audio-only", "no")


def test_a_rejected_claim_is_unlinked():
    found = assessed(lambda v: encounter(v)["claim"].update(accepted=False))
    assert (found.link, found.payment) == ("unlinked", "no")


def test_a_claim_of_unknown_fate_is_not_called_linked():
    found = assessed(lambda v: encounter(v)["claim"].update(accepted=None))
    assert (found.link, found.payment) == ("unlinked", "unknown")


def test_an_exception_that_nobody_stated_does_not_hold():
    found = assessed(no_claim, lambda v: v["enrollments"][0].pop("switched_ma_organization"))
    assert (found.link, found.payment) == ("unlinked", "no")
    assert any("has to be stated" in reason for reason in found.why)


def test_unlinked_records_still_counted_for_payment_year_2026():
    def a_year_earlier(value: dict[str, Any]) -> None:
        text = json.dumps(value).replace("2026-", "2025-").replace("/2026", "/2025")
        value.clear()
        value.update(json.loads(text), service_year=2025)

    found = assessed(no_claim, a_year_earlier, enrolled(payment_year=2026))
    assert (found.link, found.payment) == ("unlinked", "yes")


def test_pace_is_exempt_from_the_unlinked_rule_in_2027():
    found = assessed(no_claim, enrolled(program="pace"))
    assert (found.link, found.payment) == ("unlinked", "yes")


def test_whether_the_part_d_model_drops_unlinked_records_is_not_verified():
    found = assessed(no_claim, enrolled(program="rxhcc"))
    assert (found.link, found.payment) == ("unlinked", "unknown")


def test_a_closed_year_takes_no_additions():
    found = assessed(today=date(2028, 2, 1))
    assert (found.link, found.payment, found.radv) == ("closed-year", "no", "yes")
    assert found.counts == "yes"
    assert any("deletions stay open" in reason for reason in found.why)


@pytest.mark.parametrize(
    ("procedure", "payment"),
    [
        ("99213", "yes"),
        ("G0438", "yes"),
        ("99495", "yes"),
        ("93000", "no"),
        ("71046", "no"),
        ("80053", "no"),
        ("36415", "no"),
    ],
)
def test_a_professional_claim_needs_a_listed_procedure(procedure: str, payment: str):
    found = assessed(lambda v: line(v).update(procedure=procedure))
    assert found.passes_filter == payment
    assert found.link == "linked"
    assert found.payment == payment


@pytest.mark.parametrize(
    ("bill", "lines", "passes"),
    [
        ("111", [], "yes"),
        ("0417", [], "yes"),
        ("131", [{"procedure": "99284"}], "yes"),
        ("131", [{"procedure": "36415"}], "no"),
        ("131", [], "unknown"),
        ("871", [{"procedure": "99213"}], "yes"),
        ("211", [{"procedure": "99309"}], "no"),
        ("721", [{"procedure": "90999"}], "no"),
    ],
)
def test_institutional_claims_go_by_type_of_bill(bill: str, lines: list[Any], passes: str):
    found = assessed(
        lambda v: encounter(v)["claim"].update(type="I", type_of_bill=bill, place_of_service=None, lines=lines)
    )
    assert found.passes_filter == passes


def test_last_years_procedure_list_is_never_used_for_the_next_year():
    def a_year_later(value: dict[str, Any]) -> None:
        text = json.dumps(value).replace("2026-", "2027-").replace("/2026", "/2027")
        value.clear()
        value.update(json.loads(text), service_year=2027)

    found = assessed(a_year_later, enrolled(payment_year=2028))
    assert (found.passes_filter, found.payment) == ("unknown", "unknown")


def test_the_procedure_lists_hold_what_their_source_says():
    counts = {2023: 6645, 2024: 6696, 2025: 6724, 2026: 6792}
    assert {year: len(codes) for year, codes in book().procedures.items()} == counts
    for codes in book().procedures.values():
        assert not codes & {"99441", "99442", "98966", "G2025", "98008", "98016"}
        assert codes >= {"99213", "G0438", "G0463", "99495"}


# --- Calendar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment_year", "run_name", "deadline"),
    [
        (2021, "final", date(2022, 1, 31)),
        (2022, "mid-year", date(2022, 3, 4)),
        (2022, "final", date(2023, 1, 31)),
        (2023, "mid-year", date(2023, 3, 3)),
        (2023, "final", date(2024, 1, 31)),
        (2025, "final", date(2026, 2, 2)),
        (2026, "initial", date(2025, 9, 5)),
        (2026, "mid-year", date(2026, 3, 6)),
        (2027, "initial", date(2026, 9, 4)),
        (2027, "mid-year", date(2027, 3, 5)),
        (2027, "final", date(2028, 1, 31)),
    ],
)
def test_published_sweeps(payment_year: int, run_name: str, deadline: date):
    found = {item.run: item for item in deadlines(book(), "cms-hcc", payment_year)}[run_name]
    assert (found.deadline, found.verified) == (deadline, True)


def test_projected_sweeps_are_marked_as_unverified():
    projected = [item for year in (2026, 2028) for item in deadlines(book(), "cms-hcc", year) if not item.verified]
    assert {item.deadline for item in projected} == {
        date(2027, 2, 1),
        date(2027, 9, 3),
        date(2028, 3, 3),
        date(2029, 1, 31),
    }


def test_what_is_open_on_the_day_of_the_reference():
    assert [(item.payment_year, item.run) for item in open_on(book(), TODAY)][:2] == [
        (2026, "final"),
        (2027, "mid-year"),
    ]
    assert submittable(book(), "cms-hcc", 2025, TODAY).additions == "no"
    assert submittable(book(), "cms-hcc", 2026, TODAY).additions == "yes"
    assert submittable(book(), "cms-hcc", 2027, TODAY).next.deadline == date(2027, 3, 5)
    assert submittable(book(), "cms-hcc", 2019, TODAY).additions == "no"
    assert submittable(book(), "cms-hcc", 2040, TODAY).additions == "unknown"


def test_deletions_are_always_open():
    assert all(submittable(book(), "cms-hcc", year, TODAY).deletions == "yes" for year in range(2019, 2041))


def test_a_projected_deadline_is_beyond_doubt_once_a_later_year_has_closed():
    assert submittable(book(), "cms-hcc", 2024, date(2026, 11, 22)).verified
    assert not submittable(book(), "cms-hcc", 2024, date(2025, 6, 1)).verified


def test_a_deadline_holds_through_its_day():
    assert submittable(book(), "cms-hcc", 2027, date(2028, 1, 31)).additions == "yes"
    assert submittable(book(), "cms-hcc", 2027, date(2028, 2, 1)).additions == "no"


def test_a_service_year_pays_for_the_next_year_or_the_same():
    assert payment_years(book(), 2026) == {
        "cms-hcc": 2027,
        "rxhcc": 2027,
        "esrd": 2027,
        "pace": 2027,
        "hhs-hcc": 2026,
        "cdps": 2026,
    }


# --- Rule tables ---------------------------------------------------------------------------------------------------

RULE = """
review_by = 2030-01-01
[[rule]]
rule_id = "X"
check = "payment"
severity = "block"
text = "A rule."
source = "A source."
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("review_by = ", "x.toml: not TOML"),
        ("", "x.toml: review_by is missing"),
        (RULE + 'colour = "red"', "x.toml: rule 1: no such field: colour"),
        (RULE.replace('source = "A source."', 'source = ""'), "x.toml: rule 1: source is missing"),
        (RULE.replace('"block"', '"stop"'), "x.toml: rule 1: severity is none of"),
        (RULE + 'program = ["medicare"]', "x.toml: rule 1: program names medicare"),
        (RULE + "payment_year_from = 2027\npayment_year_to = 2026", "x.toml: rule 1: payment_year_to is before"),
        (RULE + 'payment_year_from = "2027"', "x.toml: rule 1: payment_year_from: expected a value of type int"),
        (RULE + "verified_on = 2026-01-01", "x.toml: rule 1: verified_on and verified_by go together"),
        (RULE + RULE.replace("review_by = 2030-01-01", ""), "x.toml: rule 2: rule_id is that of x.toml: rule 1"),
        (
            RULE + '[[specialty]]\nrule_id = "Y"\nacceptable = true\ncodes = ["08"]',
            "x.toml: specialty 1: rule_id names no rule",
        ),
        (
            RULE + '[[specialty]]\nrule_id = "X"\nacceptable = 1\ncodes = ["08"]',
            "x.toml: specialty 1: acceptable: expected",
        ),
        (
            RULE + '[[specialty]]\nrule_id = "X"\nacceptable = true\ncodes = "08"',
            "x.toml: specialty 1: codes: expected a list",
        ),
        (
            RULE + '[[procedure_list]]\nrule_id = "X"\nservice_year = 2027\nfile = "none.txt"',
            "x.toml: procedure_list 1: file none.txt",
        ),
        (
            RULE + '[[procedure_list]]\nrule_id = "X"\nservice_year = 2027\nfile = "bad.txt"',
            "file bad.txt, row 2: expected a CPT",
        ),
        (RULE + '[[phase]]\nrule_id = "X"', "x.toml: no such table: phase"),
    ],
)
def test_a_bad_row_is_refused_with_its_file_and_row(tmp_path: Path, content: str, message: str):
    (tmp_path / "bad.txt").write_text("99213\nnine\n")
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(RulesBroken) as refused:
        load(tmp_path)
    assert message in str(refused.value)


def test_every_rule_has_a_source_and_says_whether_it_is_verified():
    listed = rules()
    assert len({rule.rule_id for rule in listed}) == len(listed)
    assert {f"V{number:02}" for number in range(1, 14)} <= {rule.check for rule in listed}
    for rule in listed:
        assert rule.source
        assert rule.file
        assert (rule.status == "verified") == (rule.verified_on is not None) == bool(rule.verified_by)
    assert {rule.rule_id for rule in listed if not rule.verified} >= {
        "V09",
        "V10",
        "V11",
        "V06.known",
        "V07.rejected",
        "C.projected",
    }


def test_a_rule_file_past_its_date_warns():
    assert book().stale(TODAY) == ()
    assert any("calendar.toml" in sentence for sentence in book().stale(date(2028, 1, 1)))


def test_an_invented_year_is_one_more_file(tmp_path: Path):
    folder = tmp_path / "tables"
    shutil.copytree(ROOT, folder)
    (folder / "procedures" / "2027.txt").write_text("99214\n")
    (folder / "2028.toml").write_text(
        """
review_by = 2029-01-01
[[rule]]
rule_id = "P.procedures.2027"
check = "payment"
severity = "block"
text = "Invented list."
source = "A test."
program = ["cms-hcc"]
verified_on = 2027-12-01
verified_by = "a test"
[[procedure_list]]
rule_id = "P.procedures.2027"
service_year = 2027
file = "procedures/2027.txt"
[[rule]]
rule_id = "L.unlinked.2028"
check = "link"
severity = "block"
text = "An invented state of affairs."
source = "A test."
payment_year_from = 2028
verified_on = 2027-12-01
verified_by = "a test"
[[link]]
rule_id = "L.unlinked.2028"
link = "audio-only"
pays = "no"
"""
    )
    value = json.loads(json.dumps(a_chart()).replace("2026-", "2027-").replace("/2026", "/2027"))
    value["service_year"] = 2027
    value["enrollments"][0]["payment_year"] = 2028
    (found,) = assess(chart_of(value), TODAY, load(folder))
    assert (found.link, found.payment, found.passes_filter) == ("linked", "yes", "yes")


# --- Codes and records ---------------------------------------------------------------------------------------------


def test_codes_of_the_other_sex_or_another_age_are_named():
    member = chart_of(a_chart()).member
    day = date(2026, 3, 2)
    (prostate,) = code_edits(member, "C61", day, "cms-hcc", 2027)
    assert (prostate.edit, prostate.verified) == ("sex", False)
    (neonate,) = code_edits(member, "P27.1", day, "cms-hcc", 2027)
    assert (neonate.edit, neonate.verified) == ("age", True)
    assert code_edits(member, "N18.32", day, "cms-hcc", 2027) == ()
    child = replace(member, birth_date=date(2020, 1, 1))
    assert [item.edit for item in code_edits(child, "J44.9", day, "cms-hcc", 2027)] == ["age"]
    assert code_edits(member, "J44.9", day, "cms-hcc", 2027) == ()


def test_an_uncertain_diagnosis_counts_at_the_discharge_of_an_inpatient_only():
    def answer(situation: str, setting: str, code: str = "J44.9") -> str:
        return text_support(situation, setting, code, "cms-hcc", 2027, date(2026, 3, 2)).answer

    assert (answer("uncertain", "outpatient"), answer("uncertain", "inpatient")) == ("reject", "accept")
    assert answer("uncertain", "inpatient", "B20") == "reject"
    assert answer("problem list", "outpatient") == "gap"
    assert answer("conflict in the record", "outpatient") == "hold"
    assert answer("no such situation", "outpatient") == "unknown"
    assert {answer(name, "outpatient") for name in ("negated", "family history", "hypothetical")} == {"reject"}
    assert len(situations()) == len(set(situations())) > 12


def test_lifelong_conditions_are_listed():
    assert is_lifelong("Z89.511")
    assert is_lifelong("G35.A")
    assert not is_lifelong("I63.9")


def test_the_best_two_records_are_valid_and_well_supported():
    office = Candidate("E1", date(2026, 3, 2), "yes", letters=2)
    better = Candidate("E2", date(2026, 2, 1), "yes", letters=4)
    later = Candidate("E3", date(2026, 9, 1), "yes", letters=2)
    invalid = Candidate("E4", date(2026, 9, 2), "no", letters=4)
    unsure = Candidate("E5", date(2026, 9, 3), "unknown", letters=4)
    everything = [invalid, unsure, office, later, better]
    assert [item.encounter_id for item in best_records(everything)] == ["E2", "E3"]
    assert best_records(reversed(everything)) == best_records(everything)
    assert [item.encounter_id for item in best_records([invalid, unsure])] == ["E5"]


# --- The demo charts -----------------------------------------------------------------------------------------------

PLANTED = {
    "M003-E3": ("V05", "no", "no", "audio-only"),
    "M006-E3": ("V03", "no", "no", "invalid-encounter"),
    "M012-E3": ("V08", "no", "no", "invalid-encounter"),
    "M014-E2": ("V02", "no", "no", "invalid-encounter"),
    "M016-E3": (None, "yes", "no", "unlinked"),
    "M019-E3": (None, "yes", "yes", "switcher"),
    "M021-E4": (None, "yes", "no", "unlinked"),
    "M023-E19": ("V07", "no", "no", "invalid-encounter"),
    "M024-E2": ("V07", "no", "no", "invalid-encounter"),
    "M025-E3": ("V02", "no", "no", "invalid-encounter"),
    "M030-E2": ("V07", "no", "no", "invalid-encounter"),
}


def test_every_bad_encounter_of_the_demo_is_found_and_no_other():
    found = {
        item.encounter_id: item for row in DEMO.read_bytes().splitlines() for item in assess(read_line(row), TODAY)
    }
    bad = {
        name: item for name, item in found.items() if (item.radv, item.payment, item.link) != ("yes", "yes", "linked")
    }
    assert set(bad) == set(PLANTED)
    for name, (rule, radv, payment, link) in PLANTED.items():
        assert (bad[name].radv, bad[name].payment, bad[name].link) == (radv, payment, link)
        if rule:
            assert bad[name].checks[rule].answer == "not met"


# --- The command line ----------------------------------------------------------------------------------------------


def answers(*charts: dict[str, Any] | str) -> tuple[list[dict[str, Any]], str, int]:
    out, errors = io.StringIO(), io.StringIO()
    lines = [chart if isinstance(chart, str) else json.dumps(chart) for chart in charts]
    bad = run([text.encode() for text in lines], TODAY, out, errors)
    return [json.loads(text) for text in out.getvalue().splitlines()], errors.getvalue(), bad


def test_a_line_of_output_has_the_fields_of_the_contract():
    (found,), errors, bad = answers(a_chart())
    assert (errors, bad) == ("", 0)
    assert list(found) == [
        "member_id",
        "encounter_id",
        "program",
        "payment_year",
        "checks",
        "radv",
        "payment",
        "link",
        "why",
    ]
    assert list(found["checks"]) == [f"V{number:02}" for number in range(1, 14)]
    assert all(list(check) == ["answer", "why", "verified"] for check in found["checks"].values())
    assert all(isinstance(check["verified"], bool) for check in found["checks"].values())


def test_each_encounter_and_enrollment_has_a_line_in_input_order():
    value = a_chart()
    value["encounters"].append(an_encounter(encounter_id="E0"))
    value["enrollments"].append({"payment_year": 2027, "program": "rxhcc"})
    found, _, _ = answers(value)
    assert [(item["encounter_id"], item["program"]) for item in found] == [
        ("E1", "cms-hcc"), ("E1", "rxhcc"), ("E0", "cms-hcc"), ("E0", "rxhcc"),
    ]  # fmt: skip


def test_a_bad_line_is_reported_with_its_number_and_the_others_answered():
    found, errors, bad = answers(a_chart(), "not json", a_chart())
    assert (len(found), bad) == (2, 1)
    assert errors.startswith("line 2: Not JSON")


def test_an_encounter_of_another_year_is_an_answer_and_no_bad_line():
    value = a_chart()
    value["encounters"].append(
        an_encounter(encounter_id="E0", **{"from": "2025-03-02", "through": "2025-03-02"}, notes=[
            {"note_id": "N9", "type": "progress", "text": TEXT.replace("2026", "2025")}
        ], signature={"status": "signed", "name": "Otto Brand", "credential": "MD", "date": "2025-03-02"})
    )  # fmt: skip
    found, errors, bad = answers(value)
    assert (errors, bad) == ("", 0)
    assert [(item["encounter_id"], item["checks"]["V04"]["answer"]) for item in found] == [
        ("E1", "met"),
        ("E0", "not met"),
    ]
    assert [name for name, check in found[1]["checks"].items() if check["answer"] == "not met"] == ["V04"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"sex": "F"', '"sex": "F", "sex": "F"'),
        ('"through": "2026-03-02"', '"through": "2025-03-02"'),
        ('"through": "2026-03-02"', '"through": "someday"'),
        ('"encounters": [', '"encounters": [7, '),
    ],
)
def test_a_line_that_the_reader_refuses_stays_refused(old: str, new: str):
    text = json.dumps(a_chart())
    assert old in text
    found, errors, bad = answers(text.replace(old, new))
    assert (found, bad) == ([], 1)
    assert errors.startswith("line 1")


def test_nothing_of_the_patient_reaches_the_output_or_the_errors():
    value = a_chart()
    broken = json.loads(json.dumps(a_chart()).replace('"sex": "F"', '"sex": "Winterbourne"'))
    note(value)["text"] = TEXT.replace("Ada Winterbourne", "Petra Sentinelle")
    found, errors, _ = answers(value, broken)
    said = json.dumps(found) + errors
    for word in ("Winterbourne", "Sentinelle", "Brand", "1953", "1EG4TE5MK73", "losartan"):
        assert word not in said


def test_the_module_needs_no_settings_and_no_django():
    program = (
        "import sys, coding.acceptability.__main__;"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'celery')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": ""},
        cwd=DEMO.parents[2],
    )
    assert done.stdout.strip() == "[]"


def test_the_command_reads_and_writes_files(tmp_path: Path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(a_chart()) + "\n", encoding="utf-8")
    assert main([str(source), "-o", str(target), "--today", "2026-11-22"]) == 0
    assert json.loads(target.read_text(encoding="utf-8"))["link"] == "linked"
    source.write_text("{}\n", encoding="utf-8")
    assert main([str(source), "-o", str(target), "--today", "2026-11-22"]) == 1
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "absent.jsonl")])
    assert stopped.value.code == 2


# --- Properties ----------------------------------------------------------------------------------------------------

CHARTS = [json.loads(row) for row in DEMO.read_text(encoding="utf-8").splitlines()]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([chart for chart in CHARTS if len(chart["encounters"]) < 6]), st.randoms(use_true_random=False))
def test_the_order_of_encounters_changes_nothing(chart: dict[str, Any], random: Any):
    shuffled = {**chart, "encounters": random.sample(chart["encounters"], len(chart["encounters"]))}
    one = {(item.encounter_id, item.program): item for item in assess(chart_of(chart), TODAY)}
    other = {(item.encounter_id, item.program): item for item in assess(chart_of(shuffled), TODAY)}
    assert one == other


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["", "progress", "superbill", "telephone"]))
def test_any_text_is_read_and_every_span_lies_inside_it(text: str, kind: str):
    value = chart_of(a_chart())
    item = value.encounters[0]
    strange = replace(item, notes=(replace(item.notes[0], text=text, note_type=kind),))
    (found,) = assess(replace(value, encounters=(strange,)), TODAY)
    for check in found.checks.values():
        assert check.answer in ("met", "not met", "unknown")
        for evidence in check.evidence:
            assert 0 <= evidence.start <= evidence.end <= len(text)


@settings(max_examples=50, deadline=None)
@given(
    st.dates(date(2020, 1, 1), date(2032, 1, 1)),
    st.sampled_from(["cms-hcc", "rxhcc", "esrd", "pace", "hhs-hcc", "cdps"]),
    st.integers(2018, 2032),
)
def test_no_day_program_or_year_is_without_an_answer(today: date, program: str, payment_year: int):
    found = assessed(enrolled(program=program, payment_year=payment_year), today=today)
    assert found.payment in ("yes", "no", "unknown")
    assert found.radv in ("yes", "no", "unknown")
    if found.payment == "yes":
        assert found.radv != "no"


# --- Codes beside each other -----------------------------------------------------------------------------------------


def found_conflicts(*visits: tuple[str, list[str]], setting: str = "outpatient") -> set[tuple[str, str, str]]:
    """(code, kind, other) of visits on the days, with their codes."""
    value = a_chart()
    value["service_year"] = int(visits[0][0][:4])
    value["encounters"] = []
    for number, (day, _) in enumerate(visits):
        one = an_encounter(encounter_id=f"E{number}", setting=setting)
        one.update({"from": day, "through": day})
        value["encounters"].append(one)
    chart = chart_of(value)
    carried = {f"E{number}": codes for number, (_, codes) in enumerate(visits)}
    return {(one.icd10, one.kind, one.other) for one in conflicts(chart.encounters, carried, "cms-hcc", 2027)}


def test_codes_beside_each_other_are_warned_about():
    day = "2026-03-02"
    assert found_conflicts((day, ["E11.22", "N18.32", "I12.9"])) == set()
    assert ("E10.9", "excludes1", "E11.9") in found_conflicts((day, ["E11.9", "E10.9"]))
    assert ("I10", "with", "I50.9") in found_conflicts((day, ["I10", "I50.9"]))
    assert ("E11.9", "with", "N18.32") in found_conflicts((day, ["E11.9", "N18.32"]))
    assert ("D63.1", "code first", "") in found_conflicts((day, ["D63.1"]))
    assert ("D63.1", "code first", "") not in found_conflicts((day, ["D63.1", "N18.32"]))
    assert ("F02.80", "code first", "") in found_conflicts((day, ["F02.80", "I10"]))
    assert ("F02.80", "code first", "") not in found_conflicts((day, ["F02.80", "G30.9"]))
    assert ("I73.89", "excludes1", "E11.51") in found_conflicts((day, ["E11.51", "I73.89"]))
    assert ("I73.89", "excludes1", "E11.9") not in found_conflicts((day, ["E11.9", "I73.89"]))
    assert ("I21.4", "acute", "") in found_conflicts((day, ["I21.4"]))
    assert ("E66.813", "not valid", "") in found_conflicts(("2024-03-04", ["E66.813"]))
    assert ("E66.813", "not valid", "") not in found_conflicts((day, ["E66.813"]))


def test_codes_of_two_dates_that_cannot_both_be_right_are_named():
    found = found_conflicts(("2026-03-02", ["E11.9"]), ("2026-04-02", ["E10.9"]))
    assert {("E11.9", "between dates", "E10.9"), ("E10.9", "between dates", "E11.9")} <= found


def test_an_unverified_warning_says_so():
    value = a_chart()
    (found,) = conflicts(chart_of(value).encounters, {"E1": ["I21.4"]}, "cms-hcc", 2027)
    assert (found.rule_id, found.verified) == ("E.acute", False)


def test_the_command_never_writes_over_its_input(tmp_path: Path, capsys):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(a_chart()) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main([str(source), "-o", str(source)])
    assert stopped.value.code == 2
    assert "the same file" in capsys.readouterr().err
    assert source.read_text(encoding="utf-8") == json.dumps(a_chart()) + "\n"


@pytest.mark.parametrize(("reader", "status"), [("cat >/dev/null", 0), ("head -c 9 >/dev/null", 1)])
def test_a_terminal_without_utf8_and_a_reader_that_leaves_are_no_faults(tmp_path: Path, reader: str, status: int):
    source = tmp_path / "in.jsonl"
    chart = a_chart()
    chart["member"]["member_id"] = "Zoë"
    source.write_text((json.dumps(chart, ensure_ascii=False) + "\n") * 300, encoding="utf-8")
    command = (
        f"{sys.executable} -m coding.acceptability {source} --today 2026-11-22 | {reader}; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
        cwd=DEMO.parents[2],
    )
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize(
    ("signer", "provider", "same"),
    [
        ("O B", "O B", True),
        ("Brand, Otto", "Otto Brand, MD", True),
        ("Dr. Brand", "Otto K. Brand", True),
        ("Mary Jones-Smith NP", "Mary Smith", True),
        ("O. Brand MD", "Brand", True),
        ("Dr. Ana Weiss", "Dr. Otto Brand", False),
        ("Ana Weiss, MD", "Otto Brand, MD", False),
        ("Otto Weiss", "Otto Brand", False),
    ],
)
def test_the_signer_is_the_provider_by_the_family_name(signer: str, provider: str, same: bool):
    value = a_chart()
    value["encounters"][0]["provider"]["name"] = provider
    value["encounters"][0]["signature"]["name"] = signer
    note(value)["text"] = TEXT.replace("Electronically signed by Otto Brand, MD", "")
    (found,), _, _ = answers(value)
    assert found["checks"]["V07"]["answer"] == ("met" if same else "not met")
