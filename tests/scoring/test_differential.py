"""Against public libraries, exactly where they are known to be right. Skipped where they are not installed.

hccinfhir 0.4.0: community segments of adults, V28 (its MCE edits leak for children with two-category codes) and V24,
with codes that both map alike; it was built from other releases of the maps.
"""

import random
from decimal import Decimal
from functools import cache

import pytest

from scoring import worksheet
from scoring.tables import load_release, load_year

hccinfhir = pytest.importorskip("hccinfhir", reason="hccinfhir (the public peer) is not installed")

DUALS = {"none": "NA", "partial": "01", "full": "02"}
CASES = [("V28", 2026, 1200), ("V24", 2025, 1200)]


@cache
def peer(model):
    return hccinfhir.HCCInFHIR(model_name=f"CMS-HCC Model {model}")


def peer_raw(model, codes, age, sex, dual, orec):
    result = peer(model).calculate_from_diagnosis(
        codes, hccinfhir.Demographics(age=age, sex=sex, dual_elgbl_cd=DUALS[dual], orec=orec, new_enrollee=False)
    )
    return Decimal(str(round(result.risk_score, 6))).quantize(Decimal("0.001"))


def people(model, year, count):
    """Random adults with codes that both sides map to the same categories."""
    from hccinfhir.defaults import dx_to_cc_default as theirs

    release = load_release(load_year("cms-hcc", year).model(model))
    codes = [
        code
        for code, mask in sorted(release.codes.items())
        if code not in release.edited and theirs.get((code, f"CMS-HCC Model {model}")) == set(release.categories(mask))
    ]
    draw = random.Random(20261123)
    for _ in range(count):
        age = draw.choice([draw.randint(21, 64), draw.randint(65, 99), draw.choice([64, 65])])
        orec = draw.choice("0123" if age >= 65 else "13")
        yield draw.sample(codes, draw.randint(0, 14)), age, draw.choice("FM"), draw.choice(list(DUALS)), orec


@pytest.mark.parametrize(("model", "year", "count"), CASES)
def test_community_scores_equal_the_public_peer(model, year, count):
    different = []
    for codes, age, sex, dual, orec in people(model, year, count):
        person = {"age": age, "sex": sex, "dual": dual, "orec": orec}
        ours = worksheet("cms-hcc", year, person, model=model).score(codes)
        theirs = peer_raw(model, codes, age, sex, dual, orec)
        if ours.raw != theirs:
            different.append((ours.segment, codes, age, orec, ours.raw, theirs))
    assert different == []
