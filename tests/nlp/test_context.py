"""What the words around a mention make of it."""

import re
import tomllib
from pathlib import Path

import pytest

from nlp.assertion import assert_mentions
from nlp.candidates import find_mentions
from nlp.catalog import load
from nlp.sections import page

PROBES = tomllib.loads((Path(__file__).parent / "probes.toml").read_text(encoding="utf-8"))["probe"]
SAME = {"": "current", "ruled-out": "negated"}

# A label that coders dispute, or that a more exact family reads in another way.
DISPUTED = {
    "Prior stroke with residual left hemiparesis": {"current"},  # the sequela is current: I69, not I63
    "Hx of MI": {"current"},  # an old infarct (I25.2) is a status that holds
    "Diabetes? No": {"uncertain"},
    "Discussed the risk of diabetes with steroids.": {"uncertain"},
    "Education given on diabetes prevention": {"uncertain"},
}


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p["text"][:50])
def test_a_mention_is_read_as_its_words_say(probe: dict) -> None:
    catalog = load()
    sheet = page(probe["text"], catalog)
    asserted = assert_mentions(sheet, find_mentions(sheet, catalog), catalog, "outpatient")
    words = r"\s+".join(map(re.escape, probe["mention"].split()))
    start = [m.start() for m in re.finditer(words, probe["text"], re.IGNORECASE)][-1]
    here = {SAME.get(a.reason, a.reason) for a in asserted if a.mention.start <= start < a.mention.end}
    allowed = set(probe["read_as"]) | DISPUTED.get(probe["text"], set())
    hidden = not here and allowed & {"negated"}  # "nondiabetic", "prediabetes" are no mention at all
    assert hidden or (here and here <= allowed)
