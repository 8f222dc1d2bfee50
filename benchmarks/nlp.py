"""Speed of the reading of notes against stock medspaCy, in one run: python benchmarks/nlp.py [NOTES.jsonl[.gz]]

Prints notes per second per core (CPU time), the ratio, memory, and the time of the worst inputs. The same notes go
through both, interleaved, so that a busy machine slows both alike. Without a file a built-in synthetic note is varied.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nlp
from nlp.catalog import load

SYNTHETIC = """CHIEF COMPLAINT: Follow-up of chronic conditions.

HISTORY OF PRESENT ILLNESS: This {age}-year-old is seen for diabetes and blood pressure. No chest pain, no dyspnea.
The patient checks sugars at home, which run between 110 and {sugar}. Takes metformin as prescribed.

PAST MEDICAL HISTORY: Diabetes, hypertension, chronic kidney disease, gout. History of stroke in 2011.

FAMILY HISTORY: Father had heart failure. Mother with breast cancer.

PHYSICAL EXAM: Lungs clear. Trace edema. No focal weakness.

ASSESSMENT AND PLAN:
1. Type 2 diabetes mellitus with A1c of 7.{digit}. Continue metformin. Recheck A1c in three months.
2. Chronic kidney disease stage 3b. eGFR 3{digit}. Avoid NSAIDs. Nephrology follow-up.
3. Hypertension, at goal on lisinopril.
4. Possible heart failure was considered; echocardiogram ordered.
"""


def notes_from(path: Path | None, count: int) -> list[str]:
    if path is None:
        return [SYNTHETIC.format(age=60 + i % 30, sugar=150 + i, digit=i % 10) for i in range(count)]
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line)["text"] for line, _ in zip(handle, range(count), strict=False)]


def stock():
    """medspaCy as it comes, with the same surfaces as literals: sentence splitter, matcher, context, sections."""
    import medspacy
    from medspacy.ner import TargetRule

    logging.getLogger("PyRuSH").setLevel(logging.ERROR)
    pipe = medspacy.load()
    pipe.add_pipe("medspacy_sectionizer")
    terms = sorted({t.text for f in load().families.values() for t in f.terms})
    pipe.get_pipe("medspacy_target_matcher").add([TargetRule(t, "CONDITION") for t in terms])
    return pipe


def timed(function, text: str) -> float:
    start = time.process_time()
    function(text)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("notes", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=200, help="notes read by the product")
    parser.add_argument("--stock", type=int, default=20, help="of these, notes read by stock medspaCy too; 0: none")
    options = parser.parse_args()
    texts = notes_from(options.notes, options.count)
    start = time.process_time()
    nlp.warm()
    print(f"load {time.process_time() - start:.2f} s, {len(load().families)} families, {len(load().surfaces)} surfaces")
    pipe = stock() if options.stock else None
    ours: list[float] = []
    theirs: list[float] = []
    both: list[float] = []
    every = max(len(texts) // options.stock, 1) if options.stock else 1  # stock notes spread over the whole run
    for number, text in enumerate(texts):
        ours.append(timed(nlp.read, text))
        if pipe is not None and number % every == every - 1:
            both.append(ours[-1])
            theirs.append(timed(pipe, text))
    again = [timed(nlp.read, text) for text in texts]
    size = statistics.mean(map(len, texts))
    print(f"{len(texts)} notes of {size:.0f} characters on average")
    print(f"cold   {len(ours) / sum(ours):8.1f} notes/s per core, worst note {max(ours) * 1000:.1f} ms")
    print(f"again  {len(again) / sum(again):8.1f} notes/s per core (copied-forward text)")
    if theirs:
        print(f"stock  {len(theirs) / sum(theirs):8.1f} notes/s per core; ratio {sum(theirs) / sum(both):.1f}")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
