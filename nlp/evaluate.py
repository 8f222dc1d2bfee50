"""How well a folder of annotated notes is read: python -m nlp.evaluate GOLD_DIR [--errors] [--letters].

GOLD_DIR holds `<note>.txt` and `<note>.json` with `conditions`: `icd10`, `acceptable` (other codes that a coder could
defend), `status` ("supported" or "unsupported"), `optional`, `meat` (letter -> spans `{"start", "end"}`); and, if
wanted, `setting`, `date_of_service` and `first_pass` (reported code -> the verdict that a reviewer gives), which may
also come from a file of lines `{"note_id", "first_pass": [{"icd10", "verdict"}]}`. Only conditions of families that
the catalog knows count, so that the figures speak of rules that exist; the number of the others is given.

A quote is right where it overlaps a gold span of its letter, a gold span is found where a quote does; "any" asks for
no letter. Gold spans are the decisive evidence and not all of it, so that the precision of quotes is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nlp
from nlp.cards import file_of
from nlp.catalog import load
from nlp.findings import Finding, Meat, Span


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
class Quotes:
    """Counts of one letter: gold spans and those found, quoted spans and those that are right."""

    gold: int = 0
    found: int = 0
    quoted: int = 0
    right: int = 0

    def add(self, gold: Sequence[Span], quoted: Sequence[Span]) -> None:
        self.gold += len(gold)
        self.found += sum(any(overlap(g, q) for q in quoted) for g in gold)
        self.quoted += len(quoted)
        self.right += sum(any(overlap(g, q) for g in gold) for q in quoted)

    @property
    def precision(self) -> float | None:
        return self.right / self.quoted if self.quoted else None

    @property
    def recall(self) -> float | None:
        return self.found / self.gold if self.gold else None


ANY = "any"
LETTERS = (*map(str, Meat), ANY)


@dataclass
class Evaluation:
    """tallies: by family. errors: one line each. unknown: gold conditions that no family owns. verdicts: right, all.

    quotes: by family and letter. confusions: (wanted code, code given instead) -> notes.
    """

    tallies: dict[str, Tally]
    errors: list[str]
    unknown: int
    verdicts: dict[str, tuple[int, int]]
    quotes: dict[tuple[str, str], Quotes] = field(default_factory=lambda: defaultdict(Quotes))
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> Tally:
        total = Tally()
        for t in self.tallies.values():
            for key in ("found", "false", "missed", "traps", "hit"):
                setattr(total, key, getattr(total, key) + getattr(t, key))
        return total


def overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def evaluate(folder: Path, first_pass: Mapping[str, Mapping[str, str]] | None = None) -> Evaluation:
    """How the notes of a folder are read, against what their annotation says.

    first_pass: by note, reported codes with their verdicts, where the annotation has none.
    """
    quotes: dict[tuple[str, str], Quotes] = defaultdict(Quotes)
    confusions: Counter[tuple[str, str]] = Counter()
    verdicts: dict[str, tuple[int, int]] = {}
    tallies: dict[str, Tally] = defaultdict(Tally)
    errors: list[str] = []
    unknown = 0
    for path in sorted(folder.glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        gold, reported = note["conditions"], note.get("first_pass") or (first_pass or {}).get(path.stem, {})
        with path.with_suffix(".txt").open(encoding="utf-8", newline="") as handle:
            text = handle.read()
        setting = note.get("setting") or "outpatient"
        result = nlp.read(
            text, setting=setting, date_of_service=note.get("date_of_service"), first_pass=tuple(reported)
        )
        unknown += sum(family_name(c["icd10"]) == "" for c in gold)
        errors += [f"{path.stem}\t{error}" for error in note_errors(gold, {f.icd10 for f in result.findings}, tallies)]
        count_quotes(gold, result.findings, quotes)
        confusions.update(confused(gold, {f.icd10 for f in result.findings}))
        for (code, wanted), answer in zip(reported.items(), result.first_pass, strict=True):
            right, count = verdicts.get(wanted, (0, 0))
            verdicts[wanted] = right + (answer.verdict == wanted), count + 1
            if answer.verdict != wanted:
                errors.append(f"{path.stem}\tverdict\t{code}\t{wanted}, got {answer.verdict}")
    return Evaluation(dict(tallies), errors, unknown, verdicts, quotes, confusions)


def required(gold: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[str], str]]:
    """The supported conditions that must be found, with the codes that satisfy each and its family."""
    for c in gold:
        name = family_name(c["icd10"])
        if name and c["status"] == "supported" and not c.get("optional"):
            yield c, [c["icd10"], *(c.get("acceptable") or [])], name


def count_quotes(
    gold: Iterable[dict[str, Any]], findings: Iterable[Finding], quotes: dict[tuple[str, str], Quotes]
) -> None:
    """Count the quotes of one note for the conditions that were found and whose annotation has evidence."""
    by_code = {f.icd10: f for f in findings}
    for c, allowed, name in required(gold):
        f = next((by_code[code] for code in allowed if code in by_code), None)
        if f is None or not c.get("meat"):
            continue
        wanted = {x: [(s["start"], s["end"]) for s in c["meat"].get(x, [])] for x in map(str, Meat)}
        given = {str(x): list(f.spans(x)) for x in Meat}
        wanted[ANY] = [s for spans in wanted.values() for s in spans]
        given[ANY] = sorted({s for spans in given.values() for s in spans})
        for letter in LETTERS:
            quotes[name, letter].add(wanted[letter], given[letter])


def confused(gold: Sequence[dict[str, Any]], found: set[str]) -> Iterator[tuple[str, str]]:
    """Codes of the same family that were given instead of the wanted one; "" where there is none."""
    fine = {code for c in gold if c["status"] == "supported" for code in (c["icd10"], *(c.get("acceptable") or []))}
    for c, allowed, name in required(gold):
        if not found & set(allowed):
            instead = sorted(code for code in found - fine if family_name(code) == name)
            yield from ((c["icd10"], code) for code in instead or [""])


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


def report(result: Evaluation, *, letters: bool = False, errors: bool = False) -> Iterator[str]:
    """The figures as lines. letters: evidence by family too; errors: every miss, false code and trap."""
    yield "family                       precision recall  found false missed  traps hit"
    yield from (row(name, t) for name, t in sorted(result.tallies.items()))
    yield row("all", result.total)
    yield f"{result.unknown} annotated conditions belong to no family"
    if result.quotes:
        yield "evidence                     letter    precision recall   gold quoted"
        if letters:
            yield from (quote_row(*key, q) for key, q in sorted(result.quotes.items()) if q.gold or q.quoted)
        for letter in LETTERS:
            total = Quotes()
            for (_, x), q in result.quotes.items():
                if x == letter:
                    for key in ("gold", "found", "quoted", "right"):
                        setattr(total, key, getattr(total, key) + getattr(q, key))
            yield quote_row("all", letter, total)
    for (wanted, given), count in sorted(result.confusions.items(), key=lambda x: (-x[1], x[0])):
        yield f"confused: {wanted} wanted, {given or 'nothing'} given, in {count}"
    for verdict, (right, count) in sorted(result.verdicts.items()):
        yield f"first-pass codes that are {verdict}: {right} of {count} said so"
    if errors:
        yield from result.errors


def as_figures(result: Evaluation) -> dict[str, dict[str, Any]]:
    """The counts by family as plain values, with the digest of the file that was measured: what rule cards show."""
    return {
        name: {
            "file": file_of(name),
            **asdict(tally),
            "letters": {x: asdict(q) for (family, x), q in result.quotes.items() if family == name and q.gold},
        }
        for name, tally in sorted(result.tallies.items())
        if name
    }


def quote_row(name: str, letter: str, q: Quotes) -> str:
    return f"{name:<28} {letter:<9} {ratio(q.precision):>9} {ratio(q.recall):>6} {q.gold:>6} {q.quoted:>6}"


def first_pass_of(path: Path) -> dict[str, dict[str, str]]:
    """By note the reported codes with their verdicts, from a JSON Lines file."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {x["note_id"]: {c["icd10"]: c["verdict"] for c in x["first_pass"]} for x in lines}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of <note>.txt and <note>.json")
    parser.add_argument("--first-pass", type=Path, metavar="FILE", help="JSON Lines with reported codes and verdicts")
    parser.add_argument("--letters", action="store_true", help="evidence by family and letter, not only by letter")
    parser.add_argument("--errors", action="store_true", help="list every miss, false code and trap by note and code")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlp.evaluate", description=(__doc__ or "").split("\n")[0])
    add_arguments(parser)
    options = parser.parse_args(arguments)
    result = evaluate(options.folder, first_pass_of(options.first_pass) if options.first_pass else None)
    for line in report(result, letters=options.letters, errors=options.errors):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
