"""Against public libraries, exactly where they are known to be right. Skipped where they are not installed.

- risk-compose 1.0.2, over CMS's own packages of 2026: every segment. Not V28's rule for HCC 223, which it leaves out,
  nor the Medicaid of people under 65 who are entitled by age in ESRD V21, where it departs from CMS.
- hccpy 0.1.9: V22, V24 and V28 for codes that both map alike. Not entitlement by disability and ESRD, which it takes
  for originally disabled, nor new enrollees of 64 who become 65 in the year; not V28's HCC 223, which it takes out
  after the hierarchy, nor 191 and 192, whose hierarchy it lacks; not V24's institutional segment, where it lacks two
  interactions.
- hccinfhir 0.4.0: community segments of adults, V28 (its MCE edits leak for children with two-category codes) and V24,
  with codes that both map alike; it was built from other releases of the maps.
"""

import random

import pytest

from scoring import score
from scoring.contract import answer
from scoring.tables import load_release, load_year

for library in ("risk_compose", "hccpy", "hccinfhir"):
    pytest.importorskip(library, reason=f"{library} (a public peer) is not installed")

from tests.scoring import peers  # noqa: E402  (it imports what may not be there)

COMMUNITY = ("CNA", "CND", "CPA", "CPD", "CFA", "CFD")
NOT_IN = {"risk_compose": {"V28": {"223"}}, "hccpy": {"V28": {"191", "192", "223"}}}


def release_of(program, year, model):
    return load_release(load_year(program, year).model(model))


def unedited(release):
    """(code without dots, its categories) for the codes that mean the same for everybody."""
    return [
        (code, {*release.categories(mask)})
        for code, mask in sorted(release.codes.items())
        if code not in release.edited
    ]


def drawn(draw, codes, edited, most=14):
    own = draw.sample(codes, draw.randint(0, most)) + draw.sample(edited, min(len(edited), draw.randint(0, 2)))
    return [*own, *draw.choice([[], ["I10", "Z0000"], own[:1]])]  # codes outside the map, and a repetition


@pytest.mark.parametrize(
    ("version", "program", "model"),
    [
        ("cms_hcc_v22_2026", "pace", "V22"),
        ("cms_hcc_v28_2026", "cms-hcc", "V28"),
        ("esrd_v21_2026", "esrd", "V21"),
        ("esrd_v24_2026", "esrd", "V24"),
        ("rxhcc_v8_t_2026", "rxhcc", "T"),
        ("rxhcc_v8_x_2026", "rxhcc", "X"),
    ],
)
def test_every_segment_equals_risk_compose(version, program, model):
    release = release_of(program, 2026, model)
    left_out = NOT_IN["risk_compose"].get(model, set())
    codes = [code for code, mask in sorted(release.codes.items()) if not left_out & {*release.categories(mask)}]
    draw = random.Random(f"{peers.SEED} {version}")
    people = {
        str(number): (peers.facts(draw, program, 2026, model), drawn(draw, codes, sorted(release.edited)))
        for number in range(150)
    }
    theirs = peers.risk_compose_scores(version, people)
    compared, different = 0, []
    for name, (person, own) in people.items():
        age = peers.age_on_1_february(peers.date.fromisoformat(person["birth_date"]), 2026)
        entitled_by_age_at_once = age < 65 and person["orec"] == "0" and person.get("lti_medicaid")
        dotted = [f"{code[:3]}.{code[3:]}".rstrip(".") for code in own]
        request = {"program": program, "payment_year": 2026, "model": model, "segments": "all"}
        found = answer({**request, "beneficiary": person, "diagnoses": dotted})["scores_by_segment"]
        assert set(found) == set(theirs[name])
        for segment, value in found.items():
            if model == "V21" and entitled_by_age_at_once and segment in ("DIAL", "GRAFT_COMM", "GRAFT_INST"):
                continue
            compared += 1
            if value != str(theirs[name][segment]):
                different.append((segment, age, person, own, value, theirs[name][segment]))
    assert compared > 1000
    assert different == []


@pytest.mark.parametrize(
    ("program", "year", "model", "segments"),
    [
        ("pace", 2026, "V22", (*COMMUNITY, "INS", "NE", "SNPNE")),
        ("cms-hcc", 2022, "V24", (*COMMUNITY, "NE", "SNPNE")),
        ("cms-hcc", 2025, "V24", (*COMMUNITY, "NE", "SNPNE")),
        ("cms-hcc", 2026, "V28", (*COMMUNITY, "INS", "NE", "SNPNE")),
    ],
)
def test_segments_equal_hccpy(program, year, model, segments):
    release = release_of(program, year, model)
    left_out = NOT_IN["hccpy"].get(model, set())
    known = unedited(release)
    codes = [code for code, own in known if peers.hccpy_categories(model, code) == own - left_out]
    assert len(codes) > 0.9 * len(known)
    draw = random.Random(f"{peers.SEED} hccpy {model}")
    different = []
    for _ in range(120):
        person = peers.facts(draw, program, year, model) | {"orec": draw.choice("012")}
        age = peers.age_on_1_february(peers.date.fromisoformat(person["birth_date"]), year)
        own = drawn(draw, codes, [])
        for segment in segments:
            if segment in COMMUNITY and (segment[-1] == "A") != (age >= 65):
                continue  # a cell that the segment does not have
            if "NE" in segment and age == 64 and person["orec"] == "0":
                continue
            mine = score(program, year, person, own, model=model, segment=segment).models[0].raw
            theirs = peers.hccpy_raw(model, segment, person, age, own)
            if mine != theirs:
                different.append((segment, age, person, own, mine, theirs))
    assert different == []


@pytest.mark.parametrize(("model", "year", "count"), [("V28", 2026, 1200), ("V24", 2025, 1200)])
def test_community_scores_equal_hccinfhir(model, year, count):
    release = release_of("cms-hcc", year, model)
    codes = [code for code, own in unedited(release) if peers.hccinfhir_categories(model, code) == own]
    draw = random.Random(f"{peers.SEED} hccinfhir {model}")
    different = []
    for _ in range(count):
        age = draw.choice([draw.randint(21, 64), draw.randint(65, 99), draw.choice([64, 65])])
        person = {"age": age, "sex": draw.choice("FM"), "dual": draw.choice(["none", "partial", "full"])}
        person["orec"] = draw.choice("0123" if age >= 65 else "13")
        own = draw.sample(codes, draw.randint(0, 14))
        mine, theirs = score("cms-hcc", year, person, own, model=model), peers.hccinfhir_raw(model, own, age, person)
        if mine.raw != theirs:
            different.append((mine.segment, own, person, mine.raw, theirs))
    assert different == []
