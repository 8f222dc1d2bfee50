"""Speed of scoring as ratios to a public peer, in one run on one machine.

    python benchmarks/scoring.py

Three questions: one score from codes; a review of ten candidates (each alone, and all together) for one person; loading
the tables. Without hccinfhir only our own times are printed, with the reason.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path).resolve() != Path(__file__).parent)]

from scoring import Beneficiary, worksheet  # noqa: E402
from scoring.tables import load_release, load_year  # noqa: E402

PEOPLE = 300
CANDIDATES = 10


def people() -> list[tuple[Beneficiary, list[str], list[str]]]:
    """Seeded persons: facts, first-pass codes, candidates."""
    release = load_release(load_year("cms-hcc", 2026).models[0])
    codes = sorted(release.codes)
    draw = random.Random(20261123)
    result = []
    for _ in range(PEOPLE):
        age = draw.randint(66, 95)
        facts = Beneficiary(age=age, sex=draw.choice("FM"), dual=draw.choice(["none", "full"]), orec="0")
        chosen = draw.sample(codes, 8 + CANDIDATES)
        result.append((facts, chosen[:8], chosen[8:]))
    return result


def per_person(work: Callable[[Any], object], items: list[Any], rounds: int = 5) -> float:
    """The best of the rounds: mean CPU seconds per item, so that a busy machine counts less."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for item in items:
            work(item)
        times.append((time.process_time() - start) / len(items))
    return min(times)


def our_score(item: Any) -> object:
    facts, codes, _ = item
    return worksheet("cms-hcc", 2026, facts).score(codes)


def our_lines(item: Any) -> object:
    facts, codes, _ = item
    (model,) = worksheet("cms-hcc", 2026, facts).score(codes).models
    return model.lines, model.no_effect, model.dropped, model.unmapped


def our_reasons(item: Any) -> object:
    return [delta.reasons for delta in our_review(item)]


def our_review(item: Any) -> Any:
    facts, codes, candidates = item
    sheet = worksheet("cms-hcc", 2026, facts)
    return sheet.what_if(codes, [*(([code], []) for code in candidates), (candidates, [])])


def our_shapley(item: Any) -> object:
    facts, codes, candidates = item
    return worksheet("cms-hcc", 2026, facts).deltas(codes, candidates)


def loading() -> float:
    """Seconds that a fresh process spends on the tables of one model, from nothing to the first score."""
    program = (
        "import time; start = time.perf_counter();"
        "from scoring.tables import load_release, load_year;"
        "load_release(load_year('cms-hcc', 2026).models[0]); print(time.perf_counter() - start)"
    )
    runs = [
        float(
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        )
        for _ in range(5)
    ]
    return statistics.median(runs)


def main() -> None:
    items = people()
    print(f"tables of one model, fresh process       {loading() * 1e3:8.1f} ms")
    score, lines, review, reasons, shapley = (
        per_person(work, items) for work in (our_score, our_lines, our_review, our_reasons, our_shapley)
    )
    print(f"one score                                {score * 1e6:8.0f} µs")
    print(f"  with every line and reason             {lines * 1e6:8.0f} µs")
    print(f"review: {CANDIDATES} candidates, and all of them    {review * 1e6:8.0f} µs")
    print(f"  with every reason                      {reasons * 1e6:8.0f} µs")
    print(f"  with exact Shapley shares              {shapley * 1e6:8.0f} µs")
    try:
        from hccinfhir import Demographics, HCCInFHIR
    except ImportError:
        print("hccinfhir is not installed here: no ratios (pip install hccinfhir==0.4.0 to compare)")
        return
    peer = HCCInFHIR(model_name="CMS-HCC Model V28")

    theirs = [
        (
            Demographics(
                age=facts.age, sex=facts.sex, dual_elgbl_cd={"none": "NA", "full": "02"}[facts.dual], orec=facts.orec
            ),
            codes,
            candidates,
        )
        for facts, codes, candidates in items
    ]
    raw = peer.calculate_from_diagnosis

    def their_review(item: Any) -> None:
        facts, codes, candidates = item
        raw(codes, facts)
        for code in candidates:
            raw([*codes, code], facts)
        raw([*codes, *candidates], facts)

    their_score = per_person(lambda item: raw(item[1], item[0]), theirs, 3)
    reviewing = per_person(their_review, theirs, 3)
    for name, peer_time, our_time in (("one score", their_score, score), ("the same review", reviewing, review)):
        print(f"hccinfhir: {name:29} {peer_time * 1e6:8.0f} µs   we are {peer_time / our_time:5.1f} x faster")


if __name__ == "__main__":
    main()
