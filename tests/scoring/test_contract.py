"""`python -m scoring`: the public contract, line by line."""

import io
import json
import subprocess
import sys
from decimal import Decimal

import pytest

from scoring.__main__ import main, run
from scoring.contract import answer
from scoring.errors import ScoringError

REQUEST = {
    "id": "b1",
    "program": "cms-hcc",
    "payment_year": 2026,
    "beneficiary": {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"},
    "diagnoses": ["E11.22", "I50.32"],
    "candidates": ["N18.32"],
}


def test_the_published_example_comes_out():
    result = json.loads(json.dumps(answer(REQUEST)))
    whys = [line.pop("why") for line in result["lines"]]
    assert all(whys)
    assert json.dumps(result) == json.dumps(
        {
            "id": "b1",
            "model": "V28",
            "segment": "CNA",
            "hccs": ["37", "226"],
            "dropped": {},
            "interactions": ["DIABETES_HF_V28"],
            "lines": [
                {"factor": "F70_74", "value": "0.395"},
                {"factor": "HCC37", "value": "0.166"},
                {"factor": "HCC226", "value": "0.360"},
                {"factor": "DIABETES_HF_V28", "value": "0.112"},
            ],
            "unmapped": [],
            "raw": "1.033",
            "normalized": "0.968",
            "payment": "0.911",
            "candidates": {
                "N18.32": {
                    "delta_raw": "0.303",
                    "delta": "0.267",
                    "last_in_raw": "0.303",
                    "reasons": ["HCC 328 +0.127", "HF_KIDNEY_V28 +0.176"],
                }
            },
            "all": {
                "raw": "1.336",
                "payment": "1.178",
                "delta_raw": "0.303",
                "delta": "0.267",
                "attribution_raw": {"N18.32": "0.303"},
            },
        }
    )


def test_codes_come_back_as_they_were_given():
    result = answer({**REQUEST, "diagnoses": ["e1122", "I10", "E11.9"], "candidates": []})
    assert result["unmapped"] == ["I10"]
    assert result["no_effect"] == {"E11.9": "HCC 38 is trumped by HCC 37"}
    assert result["dropped"] == {"38": "37"}


def test_every_segment_can_be_asked_for():
    result = answer({**REQUEST, "segments": "all", "candidates": []})
    assert list(result["scores_by_segment"]) == ["CNA", "CND", "CPA", "CPD", "CFA", "CFD", "INS", "NE", "SNPNE"]
    assert result["scores_by_segment"]["CNA"] == result["raw"] == "1.033"
    assert result["scores_by_segment"]["NE"] == "0.694"


def test_medicaid_alone_is_enough_where_every_segment_is_asked_for():
    person = {"birth_date": "1953-04-01", "sex": "F", "orec": "0", "medicaid": True}
    with pytest.raises(ScoringError, match="needs dual"):
        answer({**REQUEST, "beneficiary": person})
    result = answer({**REQUEST, "beneficiary": person, "segments": "all"})
    apart = {**REQUEST["beneficiary"], "lti_medicaid": True, "new_enrollee_medicaid": True}
    assert (
        result["scores_by_segment"] == answer({**REQUEST, "beneficiary": apart, "segments": "all"})["scores_by_segment"]
    )
    assert result["segment"] == "CNA"
    assert "not dual" in result["notes"][0]


def test_a_blend_lists_its_models_with_their_weights():
    result = answer({**REQUEST, "payment_year": 2024})
    assert [(model["model"], model["weight"]) for model in result["models"]] == [("V24", "0.67"), ("V28", "0.33")]
    v24, v28 = (float(model["payment"]) for model in result["models"])
    assert float(result["payment"]) == pytest.approx(0.67 * v24 + 0.33 * v28, abs=0.0005)
    assert result["candidates"]["N18.32"]["reasons"][0].startswith("V24: ")


def test_raw_runs_the_payment_chain_alone():
    request = {"id": "r", "program": "cms-hcc", "payment_year": 2026, "raw": "2.266"}
    assert answer(request) == {"id": "r", "model": "V28", "raw": "2.266", "normalized": "2.124", "payment": "1.999"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"program": None}, "program is missing"),
        ({"program": "other"}, "no program"),
        ({"payment_year": "2026"}, "payment_year"),
        ({"payment_year": 1999}, "no payment year"),
        ({"beneficiary": None}, "beneficiary is missing"),
        ({"diagnoses": "E11.22"}, "list of codes"),
        ({"diagnoses": ["E1"]}, "shape"),
        ({"candidates": ["?"]}, "shape"),
        ({"segment": "XYZ"}, "no segment"),
        ({"segments": "some"}, "segments"),
        ({"surprise": 1}, "unknown field surprise"),
        ({"raw": "1.0"}, "do not go with it"),
        ({"factors": {"V28": {"normalization": "0"}}}, "above zero"),
        ({"factors": {"V28": "1.067"}}, "factors is an object"),
        ({"factors": {"V28": {"normalization": ["1.067"]}}}, "are numbers"),
        ({"factors": "V28"}, "factors is an object"),
        ({"model": ["V28"]}, "model is a name"),
        ({"frailty": ["0.1"]}, "frailty is a number"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(change, message):
    with pytest.raises(ScoringError, match=message):
        answer({**REQUEST, **change})


def test_a_blend_needs_to_know_whose_raw_score_it_is():
    with pytest.raises(ScoringError, match="name the one"):
        answer({"program": "cms-hcc", "payment_year": 2024, "raw": "1.0"})


def test_bad_lines_are_reported_with_their_number_and_the_rest_is_answered():
    lines = [json.dumps(REQUEST), "{not json", "", json.dumps({**REQUEST, "id": "b4", "diagnoses": ["X"]}), "[]"]
    out, errors = io.StringIO(), io.StringIO()
    assert run(lines, out, errors) == 3
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == ["b1"]
    assert [line.split(":")[0] for line in errors.getvalue().splitlines()] == ["line 2", "line 4", "line 5"]
    assert "1953" not in errors.getvalue()


def test_the_command_reads_and_writes_files(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(REQUEST) + "\n" + "nonsense\n", encoding="utf-8")
    assert main([str(source), "-o", str(target)]) == 1
    assert json.loads(target.read_text(encoding="utf-8"))["payment"] == "0.911"
    source.write_text(json.dumps(REQUEST) + "\n", encoding="utf-8")
    assert main([str(source), "-o", str(target)]) == 0


def test_a_worked_score_can_be_read(capsys, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({**REQUEST, "diagnoses": [*REQUEST["diagnoses"], "E11.9", "I10"]}), encoding="utf-8")
    assert main([str(source), "--explain"]) == 0
    text = capsys.readouterr().out
    for part in ("F70_74", "1.033 / 1.067", "0.968 x (1 - 0.059)", "E11.9 adds nothing: HCC 38 is trumped by HCC 37"):
        assert part in text
    assert "not in the model's map: I10" in text
    assert "+0.303   +0.267  HCC 328 +0.127; HF_KIDNEY_V28 +0.176" in text
    assert "1953" not in text


def test_the_command_needs_no_django_and_no_settings():
    program = (
        "import sys, scoring.__main__ as m; print(any(n.split('.')[0] in ('django', 'numpy') for n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == "False"


def test_candidates_in_order_sum_to_the_whole():
    result = answer(REQUEST | {"candidates": ["N18.32", "N18.4", "J44.9"]})
    assert result["in_order_raw"] == {"N18.32": "0.303", "N18.4": "0.387", "J44.9": "0.397"}
    assert sum(Decimal(part) for part in result["in_order_raw"].values()) == Decimal(result["all"]["delta_raw"])
