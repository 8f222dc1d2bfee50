"""What holds for every person and every set of codes."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import worksheet
from scoring.contract import score_out
from scoring.tables import load_release, load_year, ones

YEARS = [(2022, "V24"), (2024, None), (2025, "V24"), (2026, None), (2027, None)]
COMMON = [
    "E1122", "E119", "E1010", "I5032", "I5084", "T8620", "N1832", "N184", "N186", "J449", "J9601", "F332", "F209",
    "F1020", "C7800", "C50911", "I4891", "G35", "L89154", "K7460", "B20", "Z95811", "I420", "D66", "P040", "F3481",
    "J439", "I10", "E08311", "A419", "Z4901", "G20A1", "D571",
]  # fmt: skip


@cache
def vocabulary(year, model):
    use = load_year("cms-hcc", year).model(model) if model else load_year("cms-hcc", year).models[-1]
    release = load_release(use)
    return sorted({*release.codes, *release.edited})


@st.composite
def charts(draw):
    year, model = draw(st.sampled_from(YEARS))
    person = {
        "age": draw(st.integers(0, 105)),
        "sex": draw(st.sampled_from("FM")),
        "orec": draw(st.sampled_from("0123")),
        "dual": draw(st.sampled_from(["none", "partial", "full"])),
        "institutional": draw(st.booleans()),
        "new_enrollee": draw(st.integers(0, 9)) == 0,
    }
    codes = draw(st.lists(st.sampled_from(COMMON) | st.sampled_from(vocabulary(year, model)), max_size=14))
    return worksheet("cms-hcc", year, person, model=model), codes


def explained(score):
    """Everything that a score says."""
    return score_out(score, {code: code for model in score.models for code in model.codes})


@given(charts(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_change_nothing(chart, random):
    sheet, codes = chart
    shuffled = codes * 2
    random.shuffle(shuffled)
    assert explained(sheet.score(shuffled)) == explained(sheet.score(codes))


@given(charts())
@settings(max_examples=150, deadline=None)
def test_a_trumped_category_never_counts(chart):
    sheet, codes = chart
    for run, model in zip(sheet.runs, sheet.score(codes).models, strict=True):
        kept = set(model.hccs)
        assert not kept & set(model.dropped)
        for hcc in kept:
            bit = run.release.bits[hcc]
            assert not {run.release.names[low] for low in ones(run.release.kills.get(bit, 0))} & kept
        for part in model.parts:
            assert not {f"HCC{hcc}" for hcc in model.dropped} & {line.factor for line in part.lines}


@given(charts())
@settings(max_examples=150, deadline=None)
def test_the_lines_sum_to_the_raw_score(chart):
    sheet, codes = chart
    for model in sheet.score(codes).models:
        assert all(sum(line.value for line in part.lines) == part.raw for part in model.parts)


@given(charts(), st.lists(st.sampled_from(COMMON), max_size=3), st.lists(st.sampled_from(COMMON), max_size=3))
@settings(max_examples=150, deadline=None)
def test_a_delta_is_the_score_after_minus_the_score_before(chart, added, removed):
    sheet, codes = chart
    (delta,) = sheet.what_if(codes, [(added, removed)])
    after = list(codes)
    for code in removed:
        if code in after:
            after.remove(code)
    before, changed = sheet.score(codes), sheet.score([*after, *added])
    assert delta.delta_raw == changed.raw - before.raw
    assert delta.delta == changed.payment - before.payment
    assert delta.reasons or not (added or removed)


@given(charts(), st.lists(st.sampled_from(COMMON), unique=True, max_size=7))
@settings(max_examples=100, deadline=None)
def test_the_parts_sum_to_the_whole(chart, candidates):
    sheet, codes = chart
    result = sheet.deltas(codes, candidates)
    assert explained(result.baseline) == explained(sheet.score(codes))
    assert result.raw == sheet.score([*codes, *candidates]).raw
    assert sum(result.attribution.raw.values()) == result.delta_raw
    assert sum(result.attribution.payment.values()) == result.delta
    assert sum(candidate.in_order_raw for candidate in result.candidates) == result.delta_raw


@given(charts())
@settings(max_examples=100, deadline=None)
def test_deleting_what_another_source_carries_changes_nothing(chart):
    sheet, codes = chart
    for delta in sheet.what_if(codes * 2, [((), (code,)) for code in codes]):
        assert delta.delta_raw == delta.delta == 0
