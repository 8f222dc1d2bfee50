"""As documented and as it would be paid: the same record, scored with and without what is not eligible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import InvalidInput, NotPayable, both, documented, payable, worksheet
from scoring.contract import answer

WOMAN = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
SHEET = worksheet("cms-hcc", 2026, WOMAN)
UNLINKED = "unlinked chart review record"


def test_an_addition_is_worth_its_delta_when_linked_and_nothing_when_not():
    linked, unlinked = both(
        SHEET, ["E11.22", "I50.32"], [(["N18.32"], []), ([NotPayable("N18.32", UNLINKED)], [])]
    )  # fmt: skip
    assert [str(linked.documented.delta), str(linked.paid.delta)] == ["0.267", "0.267"]
    assert linked.reasons == ("HCC 328 +0.127", "HF_KIDNEY_V28 +0.176")
    assert [str(unlinked.documented.delta), str(unlinked.paid.delta)] == ["0.267", "0.000"]
    assert unlinked.reasons == ("N18.32: not paid (unlinked chart review record)",)


def test_what_is_not_paid_in_the_baseline_does_not_trump_or_interact_in_what_is_paid():
    baseline = ["E11.22", NotPayable("I50.32", "audio-only visit")]
    (answer,) = both(SHEET, baseline, [(["N18.32"], [])])
    assert str(answer.documented.delta_raw) == "0.303"  # with HF_KIDNEY_V28
    assert str(answer.paid.delta_raw) == "0.127"


def test_striking_what_was_not_paid_costs_nothing_and_striking_the_paid_source_does():
    marked = NotPayable("I50.32", UNLINKED)
    baseline = ["E11.22", "I50.32", marked]
    unpaid, paid = both(SHEET, baseline, [([], [marked]), ([], ["I50.32"])])
    assert [str(unpaid.documented.delta), str(unpaid.paid.delta)] == ["0.000", "0.000"]
    assert [str(paid.documented.delta), str(paid.paid.delta)] == ["0.000", "-0.416"]


def test_the_contract_answers_twice_where_codes_are_marked():
    request = {
        "program": "cms-hcc", "payment_year": 2026, "beneficiary": WOMAN, "diagnoses": ["E11.22", "I50.32"],
        "candidates": ["N18.32", "I48.20"], "not_payable": {"N18.32": UNLINKED},
    }  # fmt: skip
    result = answer(request)
    paid = result["as_paid"]
    assert result["candidates"]["N18.32"]["delta"] == "0.267"
    assert paid["candidates"]["N18.32"] == {
        "delta_raw": "0.000", "delta": "0.000", "reasons": ["N18.32: not paid (unlinked chart review record)"],
    }  # fmt: skip
    assert paid["candidates"]["I48.20"]["delta"] == paid["delta"] == result["candidates"]["I48.20"]["delta"]
    alone = answer({**request, "candidates": ["I48.20"], "not_payable": {}})
    assert (paid["raw"], paid["payment"]) == (alone["all"]["raw"], alone["all"]["payment"])
    with pytest.raises(InvalidInput, match="not_payable"):
        answer({**request, "not_payable": ["N18.32"]})


CODES = st.lists(st.sampled_from(["E11.22", "I50.32", "N18.32", "E11.9", "C78.00", "I48.20", "Z99.9"]), max_size=5)


@given(CODES, st.lists(st.booleans(), min_size=5, max_size=5), CODES, CODES)
def test_what_is_paid_is_the_score_of_what_is_payable(codes, marks, added, removed):
    entries = [NotPayable(code, "x") if mark else code for code, mark in zip(codes, marks, strict=False)]
    assert sorted([*payable(entries), *(e.code for e in entries if isinstance(e, NotPayable))]) == sorted(codes)
    assert documented(entries) == codes
    (answer,) = both(SHEET, entries, [(added, removed)])
    (expected,) = SHEET.what_if(payable(entries), [(added, removed)])
    assert answer.paid.delta == expected.delta
    assert answer.documented.delta == SHEET.what_if(codes, [(added, removed)])[0].delta
