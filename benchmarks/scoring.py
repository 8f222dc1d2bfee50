"""Speed of scoring as ratios to two public peers, in one run on one machine.

    python benchmarks/scoring.py

Three questions: one score from codes; a review of ten candidates (each alone, and all together) for one person; loading
the tables. Without hccinfhir and hccpy only our own times are printed, with the reason.
"""

import gc
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
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


def interleaved(works: dict[str, tuple[Callable[[Any], object], list[Any]]], rounds: int = 7) -> dict[str, float]:
    """CPU seconds per item of each, the best of the rounds.

    Each round runs them all, so that a busy machine slows all alike; each for a tenth of a second at least, without
    garbage collection in between (as timeit does), so that none pays for the one before it.
    """
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, (work, items) in works.items():
            gc.collect()
            gc.disable()
            passes, start = 0, time.process_time()
            while (spent := time.process_time() - start) < 0.1:
                for item in items:
                    work(item)
                passes += 1
            gc.enable()
            best[name] = min(best[name], spent / (passes * len(items)))
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
    """The same score and review with each peer; empty where the peers are not installed."""
    try:
        from hccinfhir import Demographics, HCCInFHIR

        from tests.scoring.peers import hccpy
    except ImportError:
        return {}
    duals = {"none": ("NA", "CNA"), "full": ("02", "CFA")}
    hccinfhir = HCCInFHIR(model_name="CMS-HCC Model V28").calculate_from_diagnosis
    engine = hccpy.hcc.HCCEngine("28")
    asked = {
        "hccinfhir": [
            (partial(hccinfhir, demographics=Demographics(**facts_of(who), dual_elgbl_cd=duals[who.dual][0])), *codes)
            for who, *codes in items
        ],
        "hccpy": [(partial(engine.profile, **facts_of(who), elig=duals[who.dual][1]), *codes) for who, *codes in items],
    }
    return {
        f"{peer}: {what}": (work, works)
        for peer, works in asked.items()
        for what, work in (("one score", their_score), ("the same review", their_review))
    }


def facts_of(who: Beneficiary) -> dict[str, Any]:
    return {"age": who.age, "sex": who.sex, "orec": who.orec}


def their_score(item: Any) -> object:
    ask, codes, _ = item
    return ask(codes)


def their_review(item: Any) -> None:
    ask, codes, candidates = item
    ask(codes)
    for code in candidates:
        ask([*codes, code])
    ask([*codes, *candidates])


def main() -> None:
    items = people()
    print(f"tables of one model, fresh process             {loading() * 1e3:8.1f} ms")
    ours = {
        "one score": our_score,
        "  with every line and reason": our_lines,
        "review: 10 candidates, and all of them": our_review,
        "  with every reason": our_reasons,
        "  with exact Shapley shares": our_shapley,
    }
    peers = peer_works(items)
    took = interleaved({**{name: (work, items) for name, work in ours.items()}, **peers})
    for name in ours:
        print(f"{name:<46} {took[name] * 1e6:8.0f} µs")
    million = our_million()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"a million members, 5 million diagnoses         {million:8.1f} s    {memory:.0f} MB at most, inputs included"
    )
    if not peers:
        print("the peers are not installed here: no ratios (make benchmark installs them)")
        return
    own = {"one score": took["one score"], "the same review": took["review: 10 candidates, and all of them"]}
    for name in peers:
        ratio = took[name] / own[name.partition(": ")[2]]
        print(f"{name:<46} {took[name] * 1e6:8.0f} µs   we are {ratio:5.1f} x faster")
    for peer in dict.fromkeys(name.partition(": ")[0] for name in peers):
        theirs = took[f"{peer}: one score"] * 1e6
        print(
            f"{peer + ': a million members, one by one':<46} {theirs:8.0f} s    we are {theirs / million:5.1f} x faster"
        )


if __name__ == "__main__":
    main()
