"""Fair shares of changes that add, remove and replace: they sum, they agree with the attribution, order is nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import attribute, shares, worksheet

WOMAN = {"birth_date": "1953-04-01", "sex": "F", "dual": "none", "orec": "0"}
SHEET = worksheet("cms-hcc", 2026, WOMAN)
BLEND = worksheet("cms-hcc", 2024, WOMAN)
CODES = ("E11.22", "E11.9", "I50.32", "N18.32", "C78.00", "I48.20", "J44.9", "F33.1", "L97.411", "Z99.9", "I50.84")


def test_two_that_only_count_together_share_what_they_bring_together():
    """N18.32 and I50.32 alone: HCC 328 0.127, HCC 226 0.360, and HF_KIDNEY_V28 0.176 between them."""
    found = shares(SHEET, [], [(["N18.32"], []), (["I50.32"], [])])
    assert found.raw == (Decimal("0.215"), Decimal("0.448"))
    assert found.exact


def test_additions_are_shared_as_the_attribution_shares_them():
    added = ["N18.32", "I48.20", "E11.9"]
    found = shares(SHEET, ["E11.22", "I50.32"], [([code], []) for code in added])
    assert (
        dict(zip(added, found.raw, strict=True)) == attribute("cms-hcc", 2026, WOMAN, ["E11.22", "I50.32"], added).raw
    )


def test_a_replacement_inside_a_category_has_no_share():
    found = shares(SHEET, ["E11.9", "I50.32"], [(["E11.22"], ["E11.9"]), ([], ["I50.32"])])
    assert found.payment[0] == Decimal("0.000")
    assert found.payment[1] < 0


def test_a_code_that_another_source_carries_is_shared_between_the_removals_of_both():
    found = shares(SHEET, ["I50.32", "I50.32"], [([], ["I50.32"]), ([], ["I50.32"])])
    assert found.raw == (Decimal("-0.180"), Decimal("-0.180"))
    assert shares(SHEET, ["I50.32", "I50.32"], [([], ["I50.32"])]).raw == (Decimal("0.000"),)


def test_many_changes_are_sampled_and_still_sum():
    changes = [([code], []) for code in (*CODES, "G20.A1")] + [([], ["I69.351"])]
    found = shares(SHEET, ["I69.351"], changes)
    assert not found.exact
    assert sum(found.payment) == total(SHEET, ["I69.351"], changes)
    assert found == shares(SHEET, ["I69.351"], changes)


def total(sheet, before, changes):
    (all_of_them,) = sheet.what_if(before, [([c for a, _ in changes for c in a], [c for _, r in changes for c in r])])
    return all_of_them.delta


CHANGES = st.lists(
    st.tuples(st.lists(st.sampled_from(CODES), max_size=2), st.lists(st.sampled_from(CODES), max_size=2)), max_size=4
)


@pytest.mark.parametrize("sheet", [SHEET, BLEND], ids=["V28", "blend"])
@given(before=st.lists(st.sampled_from(CODES), max_size=5), changes=CHANGES)
def test_shares_sum_to_what_all_changes_do(sheet, before, changes):
    found = shares(sheet, before, changes)
    assert sum(found.payment, Decimal(0)) == total(sheet, before, changes)
    turned = shares(sheet, before, changes[::-1])
    assert all(abs(a - b) <= Decimal("0.001") for a, b in zip(found.raw, turned.raw[::-1], strict=True))
