"""How well a folder of annotated notes is read: python -m nlp.evaluate GOLD_DIR [--errors].

GOLD_DIR holds `<note>.txt` and `<note>.json` with `conditions`: `icd10`, `acceptable` (other codes that a coder could
defend), `status` ("supported" or "unsupported"), `optional`; and, if wanted, `setting`, `date_of_service` and
`first_pass` (reported code -> the verdict that a reviewer gives). Only conditions of families that the catalog knows
count, so that the figures speak of rules that exist; the number of the others is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nlp
from nlp.catalog import load


@dataclass
class Tally:
    """Counts of one family over notes: found, wrongly found, missed; traps and those walked into."""

    found: int = 0
    false: int = 0
    missed: int = 0
    traps: int = 0
    hit: int = 0

    @property
    def precision(self) -> float | None:
        return self.found / (self.found + self.false) if self.found + self.false else None

    @property
    def recall(self) -> float | None:
        return self.found / (self.found + self.missed) if self.found + self.missed else None


@dataclass
class Evaluation:
    """tallies: by family. errors: one line each. unknown: gold conditions that no family owns. verdicts: right, all."""

    tallies: dict[str, Tally]
    errors: list[str]
    unknown: int
    verdicts: dict[str, tuple[int, int]]

    @property
    def total(self) -> Tally:
        total = Tally()
        for t in self.tallies.values():
            for key in ("found", "false", "missed", "traps", "hit"):
                setattr(total, key, getattr(total, key) + getattr(t, key))
        return total


def evaluate(folder: Path) -> Evaluation:
    """How the notes of a folder are read, against what their annotation says."""
    verdicts: dict[str, tuple[int, int]] = {}
    tallies: dict[str, Tally] = defaultdict(Tally)
    errors: list[str] = []
    unknown = 0
    for path in sorted(folder.glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        gold, reported = note["conditions"], note.get("first_pass") or {}
        with path.with_suffix(".txt").open(encoding="utf-8", newline="") as handle:
            text = handle.read()
        setting = note.get("setting") or "outpatient"
        result = nlp.read(
            text, setting=setting, date_of_service=note.get("date_of_service"), first_pass=tuple(reported)
        )
        unknown += sum(family_name(c["icd10"]) == "" for c in gold)
        errors += [f"{path.stem}\t{error}" for error in note_errors(gold, {f.icd10 for f in result.findings}, tallies)]
        for (code, wanted), answer in zip(reported.items(), result.first_pass, strict=True):
            right, count = verdicts.get(wanted, (0, 0))
            verdicts[wanted] = right + (answer.verdict == wanted), count + 1
            if answer.verdict != wanted:
                errors.append(f"{path.stem}\tverdict\t{code}\t{wanted}, got {answer.verdict}")
    return Evaluation(dict(tallies), errors, unknown, verdicts)


def note_errors(gold: list[dict[str, Any]], found: set[str], tallies: dict[str, Tally]) -> Iterator[str]:
    """Count one note into the tallies, giving its errors. One found code satisfies one condition."""
    free = set(found)
    allowed: set[str] = set()
    supported = [c for c in gold if c["status"] == "supported"]
    for c in sorted(supported, key=lambda c: c["icd10"] not in found):
        codes = [c["icd10"], *(c.get("acceptable") or [])]
        allowed |= set(codes)
        match = next((x for x in codes if x in free), None)
        if match:
            free.discard(match)
        name = family_name(c["icd10"])
        if not name or c.get("optional"):
            continue
        if match:
            tallies[name].found += 1
        else:
            tallies[name].missed += 1
            yield f"missed\t{c['icd10']}"
    stems = {code[:3] for code in allowed}
    for c in gold:
        name = family_name(c["icd10"])
        if c["status"] == "supported" or not name:
            continue
        tallies[name].traps += 1
        trapped = {c["icd10"], *(c.get("acceptable") or [])} - allowed
        walked = sorted(found & trapped)
        if walked and c["icd10"][:3] not in stems:
            tallies[name].hit += 1
            yield f"trap\t{c['icd10']}\t{', '.join(walked)}"
    judged = {c["icd10"][:3] for c in gold}
    for code in sorted(found - allowed):
        # Conditions without a payment category are annotated in part: a code is false where its category is judged.
        if code[:3] in judged:
            tallies[family_name(code)].false += 1
            yield f"false\t{code}"


def family_name(code: str) -> str:
    family = load().family_of(code)
    return family.name if family else ""


def ratio(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"


def row(name: str, t: Tally) -> str:
    shares = f"{ratio(t.precision):>9} {ratio(t.recall):>6}"
    return f"{name:<28} {shares} {t.found:>6} {t.false:>5} {t.missed:>6} {t.traps:>6} {t.hit:>3}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlp.evaluate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true", help="list every miss, false code and trap by note and code")
    options = parser.parse_args(arguments)
    result = evaluate(options.folder)
    print(f"{'family':<28} precision recall  found false missed  traps hit")
    for name, t in sorted(result.tallies.items()):
        print(row(name, t))
    print(row("all", result.total))
    print(f"{result.unknown} annotated conditions belong to no family")
    for verdict, (right, count) in sorted(result.verdicts.items()):
        print(f"first-pass codes that are {verdict}: {right} of {count} said so")
    if options.errors:
        print("\n".join(result.errors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
