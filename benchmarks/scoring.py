"""Speed of scoring as ratios to a public peer, in one run on one machine.

    python benchmarks/scoring.py

Three questions: one score from codes; a review of ten candidates (each alone, and all together) for one person; loading
the tables. Without hccinfhir only our own times are printed, with the reason.
"""

import random
import resource
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


def interleaved(works: dict[str, tuple[Callable[[Any], object], list[Any]]], rounds: int = 15) -> dict[str, float]:
    """CPU seconds per item of each, the best of the rounds. Each round runs them all, so that a busy machine slows all
    alike."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, (work, items) in works.items():
            start = time.process_time()
            for item in items:
                work(item)
            best[name] = min(best[name], (time.process_time() - start) / len(items))
    return best


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
    """CPU seconds that a fresh process spends on the tables of one model, from nothing to ready, this package's modules
    included."""
    program = (
        "import time; start = time.process_time();"
        "from scoring.tables import load_release, load_year;"
        "load_release(load_year('cms-hcc', 2026).models[0]); print(time.process_time() - start)"
    )
    runs = [
        float(
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        )
        for _ in range(5)
    ]
    return statistics.median(runs)


def our_million(members: int = 1_000_000, diagnoses: int = 5_000_000) -> float:
    """CPU seconds for a population of a million with five million diagnoses."""
    import numpy as np

    from scoring.batch import score_population

    codes = np.array(sorted(load_release(load_year("cms-hcc", 2026).models[0]).codes))
    draw = np.random.default_rng(20261123)
    facts = {
        "age": draw.integers(20, 100, members),
        "sex": draw.choice(np.array(["F", "M"]), members),
        "dual": draw.choice(np.array(["none", "partial", "full"]), members),
        "orec": draw.choice(np.array(["0", "1"]), members),
        "institutional": draw.random(members) < 0.05,
        "new_enrollee": draw.random(members) < 0.1,
    }
    member, code = draw.integers(0, members, diagnoses), codes[draw.integers(0, len(codes), diagnoses)]
    start = time.process_time()
    score_population("cms-hcc", 2026, facts, member, code)
    return time.process_time() - start


def peer_works(items: list[Any]) -> dict[str, tuple[Callable[[Any], object], list[Any]]]:
    """The same score and review with hccinfhir; empty where it is not installed."""
    try:
        from hccinfhir import Demographics, HCCInFHIR
    except ImportError:
        return {}
    raw = HCCInFHIR(model_name="CMS-HCC Model V28").calculate_from_diagnosis
    duals = {"none": "NA", "full": "02"}
    theirs = [
        (Demographics(age=who.age, sex=who.sex, dual_elgbl_cd=duals[who.dual], orec=who.orec), codes, candidates)
        for who, codes, candidates in items
    ]

    def review(item: Any) -> None:
        who, codes, candidates = item
        raw(codes, who)
        for code in candidates:
            raw([*codes, code], who)
        raw([*codes, *candidates], who)

    return {"their score": (lambda item: raw(item[1], item[0]), theirs), "their review": (review, theirs)}


def main() -> None:
    items = people()
    print(f"tables of one model, fresh process         {loading() * 1e3:8.1f} ms")
    ours = {
        "score": our_score,
        "lines": our_lines,
        "review": our_review,
        "reasons": our_reasons,
        "shapley": our_shapley,
    }
    peers = peer_works(items)
    took = interleaved({**{name: (work, items) for name, work in ours.items()}, **peers})
    print(f"one score                                  {took['score'] * 1e6:8.0f} µs")
    print(f"  with every line and reason               {took['lines'] * 1e6:8.0f} µs")
    print(f"review: {CANDIDATES} candidates, and all of them      {took['review'] * 1e6:8.0f} µs")
    print(f"  with every reason                        {took['reasons'] * 1e6:8.0f} µs")
    print(f"  with exact Shapley shares                {took['shapley'] * 1e6:8.0f} µs")
    million = our_million()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"a million members, 5 million diagnoses     {million:8.1f} s    {memory:.0f} MB at most")
    if not peers:
        print("hccinfhir is not installed here: no ratios (pip install hccinfhir==0.4.0 to compare)")
        return
    for what, peer, own in (
        ("one score", took["their score"], took["score"]),
        ("the same review", took["their review"], took["review"]),
        ("a million members, one by one", took["their score"] * 1e6, million),
    ):
        unit, scale = ("s ", 1) if peer > 1 else ("µs", 1e6)
        print(f"hccinfhir: {what:<31} {peer * scale:8.0f} {unit}   we are {peer / own:5.1f} x faster")


if __name__ == "__main__":
    main()
