import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding.evidence import Span, headings, segments


@st.composite
def a_text_with_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(min_size=1, max_size=60))
    bounds = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(bounds, bounds, st.sampled_from("mea"), st.integers(1, 3)), max_size=8))
    return text, [Span(min(a, b), max(a, b), label, owner) for a, b, label, owner in pairs if a != b]


@given(a_text_with_spans())
def test_segments_rejoin_to_the_text_and_carry_exactly_their_spans(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    found = segments(text, spans)
    assert "".join(segment.text for segment in found) == text
    for segment in found:
        end = segment.start + len(segment.text)
        covering = {span for span in spans if span.start <= segment.start and end <= span.end}
        assert set(segment.spans) == covering
    for span in set(spans):
        pieces = [segment for segment in found if span in segment.spans]
        assert "".join(piece.text for piece in pieces) == text[span.start : span.end]
        assert sum(span in segment.begins for segment in found) == 1


def test_spans_that_overlap_and_nest_are_cut_at_every_border() -> None:
    found = segments("abcdef", [Span(1, 4, "mention", 7), Span(3, 6, "treat", 8), Span(2, 3, "mention", 9)])
    assert [(s.text, s.owners) for s in found] == [("a", []), ("b", [7]), ("c", [7, 9]), ("d", [7, 8]), ("ef", [8])]


def test_offsets_count_code_points_not_utf16_units() -> None:
    found = segments("😀 CKD", [Span(2, 5, "mention", 1)])
    assert [s.text for s in found] == ["😀 ", "CKD"]


def test_a_span_outside_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        segments("abc", [Span(2, 4, "mention", 1)])


def test_an_empty_note_has_no_segments() -> None:
    assert segments("", []) == []


def test_headings_are_found_where_they_stand() -> None:
    text = "VISIT\r\nHISTORY OF PRESENT ILLNESS: a man.\nPast Medical History:\n  A&P:\nBP\nStable on MTX:\nA1C: 7\n"
    found = headings(text)
    said = ["VISIT", "HISTORY OF PRESENT ILLNESS", "Past Medical History", "Stable on MTX"]
    assert [words for _, _, words in found] == said
    assert all(text[start:end] == words for start, end, words in found)
