"""Speed of the reading of notes against stock medspaCy, in one run: python benchmarks/nlp.py [NOTES.jsonl[.gz]]

Without a file the demo charts and the gold notes are read. Times are CPU times of one core; the systems are interleaved
note by note, so that a busy machine slows both alike. Both have a sectionizer, ConText and the same rules: the stock
engine gets this project's surfaces as literals, its cues and its headings; PyRuSH does not log. What is printed:

    unseen          each note read with everything forgotten that was read before
    copied forward  new notes made of parts of notes read before: what ConText says of their sentences is known
    seen            the same notes once more: each is known as a whole
    worst inputs    microseconds per character of n characters and of 2n: equal where time is linear
    rules           the same notes with all rules, and with those families alone that the notes name
    worker          start-up of a process, and the memory of two forked from it
    --jobs          python -m nlp with one and two processes, and whether they write the same bytes
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
import multiprocessing
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nlp
from nlp.catalog import load, with_families

ROOT = Path(__file__).resolve().parent.parent

GOALS = {"unseen": 25, "copied forward": 25, "seen": 100}
"""Times as many notes per second as stock medspaCy. A note with new neighbours of old sentences is a new text."""


def shipped_notes() -> list[str]:
    lines = (ROOT / "data/demo/charts.jsonl").read_text(encoding="utf-8").splitlines()
    notes = [n["text"] for line in lines for e in json.loads(line)["encounters"] for n in e["notes"] if n.get("text")]
    return notes + [p.read_text(encoding="utf-8") for p in sorted((ROOT / "data/gold").glob("*.txt"))]


def notes_from(path: Path, count: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as handle:
        return [json.loads(line)["text"] for line in itertools.islice(handle, count)]


def copied_forward(notes: list[str]) -> list[str]:
    """New notes of old paragraphs: the first half of each note and the second half of the next one."""
    cut = [re.split(r"(?<=\n)(?=[ ]*\n)", note) for note in notes]
    return [
        "".join(a[: len(a) // 2 + 1]) + "".join(b[len(b) // 2 :]) for a, b in zip(cut, [*cut[1:], cut[0]], strict=True)
    ]


def stock() -> Callable[[str], object]:
    """medspaCy as it comes, with this project's surfaces, cues and headings as its rules."""
    import medspacy
    from medspacy.context import ConTextRule
    from medspacy.ner import TargetRule
    from medspacy.section_detection import SectionRule

    from nlp.pipeline import context_rule

    logging.getLogger("PyRuSH").setLevel(logging.ERROR)
    catalog = load()
    pipe = medspacy.load(medspacy_enable=["medspacy_tokenizer", "medspacy_pyrush", "medspacy_target_matcher"])
    surfaces = sorted({t.text for f in catalog.families.values() for t in f.terms})
    pipe.get_pipe("medspacy_target_matcher").add([TargetRule(s, "CONDITION") for s in surfaces])
    context = pipe.add_pipe("medspacy_context", config={"rules": None})
    context.add([context_rule(ConTextRule, c) for c in catalog.cues])
    sections = pipe.add_pipe("medspacy_sectionizer", config={"rules": None})
    sections.add([SectionRule(f"{heading}:", kind or "other") for heading, kind in sorted(catalog.headings.items())])
    return pipe


def timed(function: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    function(text)
    return time.process_time() - start


def compare(notes: list[str], pipe: Callable[[str], object] | None, every: int) -> None:
    size = statistics.mean(map(len, notes))
    print(f"{len(notes)} notes of {size:.0f} characters on average, {load().ruleset}")
    new = copied_forward(notes)
    times: dict[str, list[float]] = {"unseen": [], "copied forward": [], "seen": []}
    theirs: list[float] = []
    for number, text in enumerate(notes):
        nlp.forget()
        times["unseen"].append(timed(nlp.find, text))
        if pipe is not None and number % every == 0:
            theirs.append(timed(pipe, text))
    for text in notes:
        nlp.find(text)
    for number, text in enumerate(new):
        times["copied forward"].append(timed(nlp.find, text))
        if pipe is not None and number % every == 0:
            theirs.append(timed(pipe, text))
    for text in notes:
        nlp.find(text)
    times["seen"] = [timed(nlp.find, text) for text in notes]
    rate = len(theirs) / sum(theirs) if theirs else 0
    for name, spent in times.items():
        line = f"{name:15s} {len(spent) / sum(spent):9.1f} notes/s, slowest {max(spent) * 1000:.1f} ms"
        if rate:
            ratio = len(spent) / sum(spent) / rate
            line += f", {ratio:.1f} times stock ({'reaches' if ratio >= GOALS[name] else 'MISSES'} {GOALS[name]})"
        print(line)
    if rate:
        print(f"{'stock':15s} {rate:9.1f} notes/s over {len(theirs)} of them")


def filled(part: str, size: int) -> str:
    return (part * (size // len(part) + 1))[:size]


def worst_inputs(notes: list[str]) -> dict[str, Callable[[int], str]]:
    """Texts by number of parts."""
    prose = "\n\n".join(notes)
    flat = " ".join(prose.split()) + " "
    plan = "ASSESSMENT AND PLAN:\n"
    drugs = ("metformin 500 mg\n", "lisinopril 10 mg\n", "furosemide 40 mg\n", "insulin glargine\n")
    return {
        "1 MB of notes": lambda n: filled(prose, 500_000 * n),
        "capitals": lambda n: filled(prose.upper(), 100_000 * n),
        "one line": lambda n: filled(flat, 100_000 * n),
        "one line, all problems": lambda n: plan.strip() + " " + filled("Diabetes is stable. ", 50_000 * n),
        "bullets": lambda n: plan + "- Type 2 diabetes mellitus, A1c 7. Continue metformin.\n" * (5000 * n),
        "mentions in a list": lambda n: plan + "diabetes, " * (2500 * n),
        "mentions in sentences": lambda n: plan + "Diabetes is stable. " * (2500 * n),
        "two sides": lambda n: plan + "Ulcer of right foot. Ulcer of left foot. " * (1250 * n),
        "doubted cancers": lambda n: plan + filled("Suspected lung cancer. We spoke of the lung cancer. ", 60_000 * n),
        "drugs": lambda n: "MEDICATIONS:\n" + "".join(drugs[i % 4] for i in range(2500 * n)) + plan + "Diabetes.",
        "negations": lambda n: "ROS: " + "no diabetes, denies heart failure, " * (5000 * n),
        "cues without end": lambda n: "no evidence of possible " * (5000 * n) + "diabetes",
        "headings": lambda n: "ASSESSMENT:\nPLAN:\nPAST MEDICAL HISTORY:\nDiabetes\n" * (1500 * n),
        "nested headings": lambda n: "".join(" " * (i % 60) + f"{i}. PROBLEM {i}:\n" for i in range(3000 * n)),
        "headings of a stay": lambda n: "Discharge Diagnosis\n" * (2500 * n),
        "no blanks": lambda n: "diabetes" * (12_500 * n),
        "blanks": lambda n: " " * (100_000 * n),
        "line ends": lambda n: "\n" * (100_000 * n),
        "stops": lambda n: ". " * (50_000 * n),
        "new words": lambda n: "".join(f"w{i:x} " for i in range(15_000 * n)),
    }  # fmt: skip


def worst(notes: list[str]) -> None:
    print("worst inputs: characters, microseconds per character of n and of 2n")
    for name, make in worst_inputs(notes).items():
        nlp.forget()
        once, twice = make(1), make(2)
        per = [timed(nlp.find, text) / len(text) * 1e6 for text in (once, twice)]
        print(f"  {name:24s} {len(twice):9,d} {per[0]:7.2f} {per[1]:7.2f}")


def rules(notes: list[str]) -> None:
    """The reading with all families beside that with the families that the notes name."""
    everything = load()
    named = {x.family for note in notes for r in [nlp.read(note)] for x in (*r.findings, *r.suppressed)}
    few = with_families(everything, {n: f for n, f in everything.families.items() if n in named})
    spent = {True: 0.0, False: 0.0}
    for text, is_all in itertools.product(notes, (True, False)):
        catalog = everything if is_all else few
        nlp.forget()
        spent[is_all] += timed(lambda t, c=catalog: nlp.understood(t, None, c, False), text)
    for is_all, catalog in ((True, everything), (False, few)):
        families, surfaces = len(catalog.families), len(catalog.surfaces)
        print(f"rules: {families} families, {surfaces:,d} surfaces: {spent[is_all] / len(notes) * 1000:.2f} ms/note")


def proportional(_: int) -> tuple[float, float]:
    """Resident and proportional memory of this process after some notes, in MB."""
    for text in shipped_notes()[:20]:
        nlp.find(text)
    time.sleep(1)  # until the other one runs too
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return tuple(int(re.search(rf"{name}:\s+(\d+)", rollup)[1]) / 1024 for name in ("Rss", "Pss"))  # type: ignore


def worker() -> None:
    code = "import time, nlp; nlp.warm(); nlp.find('Diabetes.'); print(time.process_time(), time.perf_counter())"
    start = time.perf_counter()
    spent = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - start
    print(f"worker: starts in {float(spent.stdout.split()[0]):.2f} s of CPU, {wall:.2f} s by the clock", end="")
    if Path("/proc/self/smaps_rollup").exists():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for rss, pss in pool.map(proportional, range(2), chunksize=1):
                print(f"; {rss:.0f} MB resident, {pss:.0f} MB its share", end="")
    print()


def jobs(notes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        rows = [
            {"note_id": str(i), "text": f"Visit {i}.\n{text}"}
            for i, text in enumerate(notes * (1000 // len(notes) + 1))
        ]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        out = {}
        for n in (1, 2):
            start = time.perf_counter()
            command = [sys.executable, "-m", "nlp", str(source), "--jobs", str(n)]
            out[n] = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
            print(f"--jobs {n}: {len(rows)} notes in {time.perf_counter() - start:.1f} s by the clock, start included")
        print("both write the same bytes" if out[1] == out[2] else "THEY DIFFER")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("notes", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=200, help="notes read at most")
    parser.add_argument("--stock", type=int, default=20, help="of these, notes read by stock medspaCy too; 0: none")
    options = parser.parse_args()
    notes = notes_from(options.notes, options.count) if options.notes else shipped_notes()[: options.count]
    nlp.warm()
    worker()
    compare(notes, stock() if options.stock else None, max(2 * len(notes) // options.stock, 1) if options.stock else 1)
    worst(notes)
    rules(notes)
    jobs(notes)


if __name__ == "__main__":
    main()
