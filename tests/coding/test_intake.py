import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding.intake import IntakeErrors, Problem, chart_file, formats, note_folder
from tests import make

SENTINEL = "Xanthippe Quarrington"


def problems_of(*lines: Any) -> tuple[Problem, ...]:
    written = [line if isinstance(line, str | bytes) else json.dumps(line) for line in lines]
    with pytest.raises(IntakeErrors) as caught:
        chart_file.read(written)
    return caught.value.problems


def problem_of(line: Any) -> Problem:
    (problem,) = problems_of(line)
    return problem


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good line with one thing changed; path such as encounters.0.notes.0.text."""
    line = make.chart_line(
        make.encounter(
            codes=["E11.9"],
            claim={"icn": "1", "lines": [{"procedure": "99214", "modifiers": ["25"]}]},
            provider={"npi": "1234567893"},
            signature={"status": "signed", "date": "2026-03-02"},
        )
    )
    target: Any = line
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        target = target[step]
    target[last] = value
    return line


def test_the_chart_format_is_found_because_its_file_is_there() -> None:
    assert formats()["chart-file"] is chart_file


def test_a_whole_chart_becomes_plain_values() -> None:
    line = {
        "project": "demo",
        "service_year": 2026,
        "member": {
            "member_id": "M001",
            "mbi": "1EG4-TE5-MK73",
            "birth_date": "1953-04-01",
            "sex": "F",
            "name": {"family": "Doe", "given": "Ann"},
        },
        "enrollments": [
            {
                "payment_year": 2027,
                "program": "cms-hcc",
                "contract": "H1234",
                "dual": "none",
                "orec": "0",
                "c_snp": True,
            }
        ],
        "encounters": [
            {
                "encounter_id": "E1",
                "from": "2026-03-02",
                "through": "2026-03-04",
                "setting": "inpatient",
                "claim": {
                    "icn": "77",
                    "type": "I",
                    "type_of_bill": "0111",
                    "place_of_service": "21",
                    "accepted": True,
                    "lines": [{"procedure": "G0402", "modifiers": ["FQ"]}],
                },
                "provider": {"npi": "1234567893", "specialty": "11", "name": "B", "credential": "MD"},
                "signature": {"status": "signed", "name": "B", "credential": "MD", "date": "2026-03-05"},
                "notes": [{"note_id": "N1", "type": "discharge", "text": "CKD 3b.", "page_offsets": [0, 4]}],
                "first_pass_codes": [{"icd10": "e119", "source": "raps", "submitted": False, "coder": "vendor-7"}],
            }
        ],
    }
    (chart,) = chart_file.read(json.dumps(line))
    assert (chart.project, chart.service_year, chart.line) == ("demo", 2026, 1)
    assert vars(chart.member) == {
        "member_id": "M001",
        "birth_date": date(1953, 4, 1),
        "sex": "F",
        "mbi": "1EG4TE5MK73",
        "family_name": "Doe",
        "given_name": "Ann",
    }
    (enrollment,) = chart.enrollments
    assert (enrollment.contract, enrollment.institutional, enrollment.facts) == ("H1234", None, {"c_snp": True})
    (encounter,) = chart.encounters
    assert (encounter.date_from, encounter.date_through) == (date(2026, 3, 2), date(2026, 3, 4))
    assert (encounter.provider_npi, encounter.provider_specialty, encounter.signature_date) == (
        "1234567893",
        "11",
        date(2026, 3, 5),
    )
    assert encounter.claim
    assert (encounter.claim.claim_type, encounter.claim.type_of_bill, encounter.claim.accepted) == ("I", "0111", True)
    assert [(line.procedure, line.modifiers) for line in encounter.claim.lines] == [("G0402", ("FQ",))]
    assert vars(encounter.notes[0]) == {
        "note_id": "N1",
        "text": "CKD 3b.",
        "note_type": "discharge",
        "page_offsets": (0, 4),
        "unread_pages": (),
        "document": None,
    }
    assert vars(encounter.first_pass_codes[0]) == {
        "icd10": "E11.9",
        "source": "raps",
        "submitted": False,
        "coder": "vendor-7",
    }


def test_what_is_absent_or_null_is_unknown() -> None:
    encounter = {"from": "2026-03-02", "through": "2026-03-02", "claim": None, "notes": [{"text": "CKD."}]}
    line = {
        "service_year": 2026,
        "member": {"member_id": "1", "birth_date": "1950-01-01", "sex": "M", "name": None},
        "encounters": [encounter],
    }
    (chart,) = chart_file.read(json.dumps(line))
    assert chart.project == ""
    assert chart.enrollments == ()
    stored = chart.encounters[0]
    assert stored.claim is None
    assert (stored.setting, stored.provider_npi, stored.signature_status, stored.signature_date) == ("", "", "", None)


def test_ids_that_are_not_given_follow_from_the_date_and_the_place() -> None:
    visit = {"from": "2026-03-02", "through": "2026-03-02", "notes": [{"text": "a"}, {"note_id": "N", "text": "b"}]}
    later = {**visit, "from": "2026-05-01", "through": "2026-05-01"}
    chart = make.chart_values(visit, later, visit)
    assert [encounter.encounter_id for encounter in chart.encounters] == ["2026-03-02", "2026-05-01", "2026-03-02/2"]
    assert [note.note_id for note in chart.encounters[0].notes] == ["note 1", "N"]


def test_a_byte_order_mark_crlf_line_ends_and_blank_lines_are_tolerated() -> None:
    lines = [make.chart_line(), make.chart_line()]
    text = "\ufeff" + "\r\n\r\n".join(json.dumps(line) for line in lines) + "\r\n"
    assert [chart.line for chart in chart_file.read(text)] == [1, 3]
    assert [chart.line for chart in chart_file.read(text.encode().splitlines(keepends=True))] == [1, 3]


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_note_text_passes_unchanged(text: str) -> None:
    text = f"x{text}"
    for ensure_ascii in (True, False):
        line = json.dumps(make.chart_line(make.encounter(text)), ensure_ascii=ensure_ascii)
        for lines in (line, [line.encode()]):
            (chart,) = chart_file.read(lines)
            assert chart.encounters[0].notes[0].text == text


def test_every_problem_of_every_line_is_reported_at_once() -> None:
    two_wrongs = changed("member.sex", "X")
    two_wrongs["encounters"][0]["notes"][0]["text"] = "   "
    problems = problems_of("{", make.chart_line(), two_wrongs, changed("encounters.0.from", "2026-02-30"))
    assert [(problem.line, problem.field) for problem in problems] == [
        (1, ""),
        (3, "member.sex"),
        (3, "encounters[0].notes[0].text"),
        (4, "encounters[0].from"),
    ]
    assert str(problems[1]) == "line 3: member.sex: Expected one of F, M."


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ("membr", {}, "membr", "Did you mean member?"),
        ("encounters.0.notes.0.txt", "a", "encounters[0].notes[0].txt", "Did you mean text?"),
        ("encounters.0.claim.lines.0.charge", 1, "encounters[0].claim.lines[0].charge", "Unknown field"),
        ("member.birth_date", None, "member.birth_date", "Missing"),
        ("member.birth_date", "01/04/1953", "member.birth_date", "YYYY-MM-DD"),
        ("member.birth_date", "19530401", "member.birth_date", "YYYY-MM-DD"),
        ("member.birth_date", "1853-04-01", "member.birth_date", "130 years"),
        ("member.birth_date", "2026-03-03", "encounters[0].from", "Before the member's birth date"),
        ("member.sex", "female", "member.sex", "one of F, M"),
        ("member.member_id", " ", "member.member_id", "Empty"),
        ("member.member_id", 7, "member.member_id", "This is a number; expected text"),
        ("member.member_id", "7" * 81, "member.member_id", "Longer than 80"),
        ("member.mbi", "1EG4", "member.mbi", "11 letters and digits"),
        ("service_year", "2026", "service_year", "This is text; expected a whole number"),
        ("service_year", True, "service_year", "This is true or false"),
        ("service_year", 2025, "encounters[0].through", "service_year"),
        ("encounters", [], "encounters", "at least one"),
        ("encounters", None, "encounters", "Missing"),
        ("encounters.0", "E1", "encounters[0]", "This is text; expected an object"),
        ("encounters.0.notes", None, "encounters[0].notes", "Missing"),
        ("encounters.0.notes.0.text", "a\0b", "encounters[0].notes[0].text", "NUL character (position 1)"),
        ("encounters.0.notes.0.text", "a\ud800", "encounters[0].notes[0].text", "surrogate"),
        ("encounters.0.notes.0.page_offsets", [9, 2], "encounters[0].notes[0].page_offsets", "rising"),
        ("encounters.0.notes.0.page_offsets", [0, 9999], "encounters[0].notes[0].page_offsets", "Beyond"),
        ("encounters.0.through", "2026-03-01", "encounters[0].through", "Before the from date"),
        ("encounters.0.setting", "inpatiant", "encounters[0].setting", "one of outpatient, inpatient"),
        ("encounters.0.provider.npi", "12345", "encounters[0].provider.npi", "10 digits"),
        ("encounters.0.provider.npi", "١٢٣٤٥٦٧٨٩٠", "encounters[0].provider.npi", "10 digits"),
        ("encounters.0.signature.date", "2026-13-01", "encounters[0].signature.date", "YYYY-MM-DD"),
        ("encounters.0.claim.accepted", "yes", "encounters[0].claim.accepted", "This is text; expected true, false"),
        ("encounters.0.claim.type", "X", "encounters[0].claim.type", "one of P"),
        ("encounters.0.claim.lines.0.procedure", "9921", "encounters[0].claim.lines[0].procedure", "CPT or HCPCS"),
        ("encounters.0.claim.lines.0.modifiers", ["255"], "encounters[0].claim.lines[0].modifiers[0]", "modifier"),
        ("encounters.0.first_pass_codes.0.icd10", "250.00", "encounters[0].first_pass_codes[0].icd10", "shape"),
        ("encounters.0.first_pass_codes.0.icd10", "E11.22345", "encounters[0].first_pass_codes[0].icd10", "shape"),
        ("enrollments.0.program", "cms", "enrollments[0].program", "one of cms-hcc"),
        ("enrollments.0.dual", "yes", "enrollments[0].dual", "none, partial, full"),
        ("enrollments.0.esrd", [], "enrollments[0].esrd", "expected an object"),
        ("enrollments.0.esrd", {"status": "\0"}, "enrollments[0].esrd", "NUL"),
        ("project", "a client", "project", "hyphens"),
    ],
)
def test_a_wrong_value_is_one_problem_with_its_field(path: str, value: Any, field: str, says: str) -> None:
    problem = problem_of(changed(path, value))
    assert problem.field == field
    assert says in problem.message


@pytest.mark.parametrize("line", ["{", "[]", "3", "NaN", '{"a": 1e999}', "[" * 100_000, b"\xff{}"])
def test_a_line_that_is_no_object_is_one_problem_of_the_line(line: str | bytes) -> None:
    problem = problem_of(line)
    assert (problem.line, problem.field) == (1, "")


def test_a_field_given_twice_is_a_problem() -> None:
    text = json.dumps(make.chart_line())
    assert (
        "twice"
        in problem_of(text.replace('"service_year": 2026', '"service_year": 2025, "service_year": 2026')).message
    )


def test_an_empty_file_is_a_problem() -> None:
    assert "no chart" in problems_of("", "  ")[0].message


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("encounters", "encounters[1].encounter_id"),
        ("encounters.0.notes", "encounters[0].notes[1].note_id"),
        ("encounters.0.first_pass_codes", "encounters[0].first_pass_codes[1].icd10"),
        ("enrollments", "enrollments[1]"),
    ],
)
def test_a_repeated_id_is_a_problem(path: str, field: str) -> None:
    line = changed("encounters.0.notes.0.note_id", "N1")
    target: Any = line
    for step in path.split("."):
        target = target[int(step) if step.isdigit() else step]
    target.append(target[0])
    assert problem_of(line).field == field


def test_the_same_chart_on_two_lines_is_a_problem_of_the_second() -> None:
    line = make.chart_line()
    problem = problems_of(line, make.chart_line(), line)[0]
    assert (problem.line, "line 1" in problem.message) == (3, True)


def test_a_member_may_have_charts_of_two_years_but_not_two_birth_dates() -> None:
    member = make.member()
    this_year = make.chart_line(member=member)
    last_year = make.chart_line(make.encounter(day="2025-03-02"), member=member, service_year=2025)
    assert len(chart_file.read(json.dumps(this_year) + "\n" + json.dumps(last_year))) == 2
    last_year["member"] = {**member, "birth_date": "1953-04-02"}
    assert [str(problem)[:26] for problem in problems_of(this_year, last_year)] == ["line 2: member.birth_date:"]


def test_two_lines_may_not_say_two_things_of_one_enrollment() -> None:
    member = make.member()
    this_year = make.chart_line(member=member)
    last_year = make.chart_line(
        make.encounter(day="2025-03-02"), member=member, service_year=2025, enrollments=[make.enrollment(dual="full")]
    )
    assert [(problem.line, problem.field) for problem in problems_of(this_year, last_year)] == [
        (2, "enrollments[0].dual")
    ]


def test_an_inpatient_stay_may_begin_in_the_year_before() -> None:
    stay = make.encounter(day="2025-12-30", through="2026-01-02", setting="inpatient")
    assert make.chart_values(stay).encounters[0].date_from == date(2025, 12, 30)


def test_no_patient_data_in_any_problem_message() -> None:
    def spoilt(value: Any) -> list[Any]:
        """The same JSON with the sentinel, and other kinds of values that hold it, in every place."""
        wrong: list[Any] = [SENTINEL, [SENTINEL], {SENTINEL: SENTINEL}, SENTINEL + "\0", SENTINEL * 20]
        if isinstance(value, dict):
            wrong += [{**value, name: worse} for name in value for worse in spoilt(value[name])]
            wrong.append({**value, SENTINEL: 1, SENTINEL.split()[0]: 2})
        elif isinstance(value, list):
            wrong += [[worse] for item in value[:1] for worse in spoilt(item)]
        return wrong

    whole = changed("member.name", {"family": SENTINEL, "given": SENTINEL})
    lines = [json.dumps(line) for line in spoilt(whole)]
    lines += [f"{{'{SENTINEL}'", f'{{"a": {SENTINEL}}}', json.dumps(whole)[:-1], f'{{"member": "{SENTINEL}}}']
    with pytest.raises(IntakeErrors) as caught:
        chart_file.read(lines)
    said = [str(problem) for problem in caught.value.problems]
    assert len({problem.line for problem in caught.value.problems}) > len(lines) / 2
    for word in SENTINEL.split():
        assert not [message for message in said if word.lower() in message.lower()]
        assert word not in f"{caught.value} {caught.value!r}"


def test_values_do_not_print_what_they_hold() -> None:
    chart = make.chart_values(make.encounter(SENTINEL), member=make.member(name={"family": SENTINEL}))
    assert SENTINEL not in f"{chart!r}{chart.member!r}{chart.encounters!r}{chart.encounters[0].notes!r}"


def test_the_content_hash_is_of_what_the_chart_says_and_not_of_where_it_stood() -> None:
    line = make.chart_line()
    one, same = chart_file.read(json.dumps(line))[0], chart_file.read("\n" + json.dumps(line, indent=None))[0]
    named = chart_file.read(json.dumps({**line, "project": "demo"}))[0]
    assert one.content_hash == same.content_hash == named.content_hash
    line["encounters"][0]["notes"][0]["text"] += " "
    assert chart_file.read(json.dumps(line))[0].content_hash != one.content_hash


# --- A folder of notes ---------------------------------------------------------------------------------------------


def test_a_folder_gives_the_same_charts_every_time(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text("CKD stage 3b.")
    charts = note_folder.read_folder(tmp_path)
    assert [chart.member.member_id for chart in charts] == ["a", "b"]
    assert charts == note_folder.read_folder(tmp_path)
    a = charts[0]
    # By hand from SHA-256("a") = ca 978112ca 1bbdcafa c2 31b39a…: 0xca is even; 0x978112ca % 9132; 0x1bbdcafa % 270.
    assert a.member.sex == "F"
    assert a.member.birth_date == date(1936, 1, 1) + timedelta(days=0x978112CA % 9132)
    assert a.encounters[0].date_from == date(2026, 1, 1) + timedelta(days=0x1BBDCAFA % 270)
    assert a.encounters[0].date_through == a.encounters[0].date_from


def test_a_note_of_a_folder_is_read_without_newline_translation(tmp_path: Path) -> None:
    text = "\ufeffone\r\ntwo\rthree\u2028four\u00a0five 🫀\n"
    (tmp_path / "n.txt").write_bytes(text.encode())
    assert note_folder.read_folder(tmp_path)[0].encounters[0].notes[0].text == text


def test_the_type_beside_a_note_gives_its_setting_and_nothing_else_is_read(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("CKD.")
    said = {"note_type": "inpatient discharge summary", "conditions": [{"icd10": "N18.32"}]}
    (tmp_path / "n.json").write_text(json.dumps(said))
    (encounter,) = note_folder.read_folder(tmp_path)[0].encounters
    assert (encounter.setting, encounter.notes[0].note_type) == ("inpatient", "inpatient discharge summary")
    assert encounter.date_through > encounter.date_from
    assert encounter.first_pass_codes == ()


def test_first_pass_codes_come_as_codes_or_objects(tmp_path: Path) -> None:
    lines = [
        '{"note_id": "n", "first_pass": [{"icd10": "E119", "verdict": "x"}, "i10", "E11.9"]}',
        "",
        '{"note_id": "m", "first_pass": []}',
    ]
    assert note_folder.read_first_pass(lines) == {"n": ("E11.9", "I10"), "m": ()}
    (tmp_path / "n.txt").write_text("CKD.")
    with pytest.raises(IntakeErrors) as caught:
        note_folder.read_folder(tmp_path, {"n": ("E11.9",), "other": ()})
    assert [problem.field for problem in caught.value.problems] == ["first_pass"]
    codes = note_folder.read_folder(tmp_path, {"n": ("E11.9",)})[0].encounters[0].first_pass_codes
    assert [(code.icd10, code.source) for code in codes] == [("E11.9", "claim")]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"note_id": "n"}',
        '{"note_id": "n", "first_pass": 3}',
        '{"note_id": "n", "first_pass": ["??"]}',
        '{"note_id": "n", "first_pass": [3]}',
        '{"note_id": 3, "first_pass": []}',
    ],
)
def test_a_bad_line_of_first_pass_codes_is_a_problem_with_its_number(line: str) -> None:
    with pytest.raises(IntakeErrors) as caught:
        note_folder.read_first_pass(["", line])
    assert [problem.line for problem in caught.value.problems] == [2]


def test_every_unreadable_note_of_a_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "good.txt").write_text("CKD.")
    (tmp_path / "typed.txt").write_text("CKD.")
    (tmp_path / "typed.json").write_text("[]")
    with pytest.raises(IntakeErrors) as caught:
        note_folder.read_folder(tmp_path)
    assert [problem.field for problem in caught.value.problems] == ["empty.txt", "latin.txt", "typed.json"]
