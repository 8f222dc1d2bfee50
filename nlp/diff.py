"""What a change of rules adds and takes away: two rule sets read the same notes, each in a process of its own.

`assemble` lays rules over a copy of this package, and `readings` asks that copy in its own process, so that the engine
knows nothing of it and an old release is read by its own code. The notes travel through pipes and touch no file.
"""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from nlp.catalog import HERE, load

RULE_FILES = ("*.toml", "*.tsv", "*.txt")
BATCH = 5000
"""Notes that one pair of processes reads: bounds the memory, and the start-up is spread over many."""
SENTENCE_LENGTH = 240
"""Characters of a quoted sentence at most."""


class RulesError(ValueError):
    """What was named is no rule set, or one that cannot be read. The message says why, every problem on its line."""


@dataclass(frozen=True)
class Note:
    """A note to read. annotated: code -> whether a coder who annotated the note supports it; empty if nobody did.

    chart: the notes that share one are compared with each other; "" for a note by itself.
    """

    name: str
    text: str
    setting: str | None = None
    date_of_service: str | None = None
    first_pass: tuple[str, ...] = ()
    annotated: Mapping[str, bool] = field(default_factory=dict)
    chart: str = ""

    def as_line(self, number: int) -> str:
        """number: the note's id among those that are read together; a name need not be the only one of its kind."""
        said = {"note_id": number, "text": self.text, "setting": self.setting, "first_pass": self.first_pass}
        return json.dumps(said | {"date_of_service": self.date_of_service, "member_id": self.chart})


@dataclass(frozen=True)
class Change:
    """One thing that is read otherwise. kind: one of SIGNS.

    start, end: the mention, or None where there is no one place. before, after: what each rule set says, in words.
    agrees: whether the annotation of the note is for the change; None where it says nothing.
    against: the other place of a contradiction, with its note.
    """

    note: Note
    kind: str
    icd10: str
    family: str
    start: int | None = None
    end: int | None = None
    before: str = ""
    after: str = ""
    agrees: bool | None = None
    against: tuple[Note, int, int] | None = None


# ---------------------------------------------------------------------------------------------------------- rule sets


def assemble(rules: Path, into: Path) -> Path:
    """A package `into/nlp` that reads by the rules; returns its folder.

    rules: one condition file or shared file; a folder of condition files; a rule folder (with `conditions`), with its
    own code if it has some; or a checkout that holds one as `nlp`. What a file or a folder of condition files does not
    have is as in this installation. Raises RulesError for anything else.
    """
    package = into / "nlp"
    folder = rules / "nlp" if (rules / "nlp" / "conditions").is_dir() else rules
    without = shutil.ignore_patterns("__pycache__")
    if (folder / "conditions").is_dir() and (folder / "__main__.py").is_file():
        shutil.copytree(folder, package, ignore=without)
        return package
    shutil.copytree(HERE, package, ignore=without)
    if (folder / "conditions").is_dir():
        for old in (*(p for shape in RULE_FILES for p in package.glob(shape)), *package.glob("conditions/*.toml")):
            old.unlink()
        for path in (p for shape in RULE_FILES for p in folder.glob(shape)):
            shutil.copy(path, package)
        for path in folder.glob("conditions/*.toml"):
            shutil.copy(path, package / "conditions")
        return package
    files = [folder] if folder.suffix == ".toml" else sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not files:
        raise RulesError(f"{rules} is neither a rule file nor a folder with conditions/ or condition files in it.")
    for path in files:
        shutil.copy(path, package if (HERE / path.name).is_file() else package / "conditions")
    return package


def changed_files(old: Path, new: Path) -> list[str]:
    """The files of two packages that differ, each with how: "conditions/gout.toml changed"."""

    def files(package: Path) -> set[str]:
        return {
            p.relative_to(package).as_posix()
            for shape in (*RULE_FILES, "*.py", "conditions/*.toml")
            for p in package.glob(shape)
        }

    out = []
    for name in sorted(files(old) | files(new)):
        if not (old / name).is_file():
            out.append(f"{name} is new")
        elif not (new / name).is_file():
            out.append(f"{name} is gone")
        elif not filecmp.cmp(old / name, new / name, shallow=False):
            out.append(f"{name} changed")
    return out


def readings(package: Path, notes: Sequence[Note]) -> list[dict[str, Any]]:
    """What `python -m nlp` of a package says of each note, in their order. Raises RulesError, without a note's text."""
    lines = "".join(note.as_line(number) + "\n" for number, note in enumerate(notes))
    command = [sys.executable, "-m", "nlp", "-"]
    piped: dict[str, Any] = {"cwd": package.parent, "capture_output": True, "encoding": "utf-8", "check": False}
    done = subprocess.run(command, input=lines, **piped)  # noqa: S603
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) == len(notes):
        return answers
    command = [sys.executable, "-m", "nlp.catalog"]
    checked = subprocess.run(command, **piped)  # noqa: S603
    if checked.returncode:
        raise RulesError(checked.stdout.strip() or "the rule files cannot be read")
    last = (done.stderr.strip().splitlines() or [""])[-1].partition(":")[0]
    raise RulesError(f"the reading stopped after {len(answers)} of {len(notes)} notes ({last or 'no reason given'})")


# -------------------------------------------------------------------------------------------------------- differences


def differences(old: Path, new: Path, notes: Iterable[Note]) -> Iterator[tuple[Note, list[Change]]]:
    """Each note with its changes from one package to the other, in the order of the notes."""
    waiting = iter(notes)
    with ThreadPoolExecutor(2) as both:
        while batch := list(islice(waiting, BATCH)):
            before, after = both.map(readings, (old, new), (batch, batch))
            for note, a, b in zip(batch, before, after, strict=True):
                yield note, changes(note, a, b, batch)


def changes(note: Note, old: dict[str, Any], new: dict[str, Any], batch: Sequence[Note] = ()) -> list[Change]:
    """What differs between two readings of a note: what comes and goes by place, then verdicts and contradictions.

    batch: the notes that were read with it, which a contradiction between notes names by their places in it.
    """
    was = {s["icd10"]: s for s in old["suggestions"]}
    now = {s["icd10"]: s for s in new["suggestions"]}
    out = []
    for code in now.keys() - was.keys():
        s = now[code]
        out.append(change(note, "added", s, before=instead(s, old), after=s["why"]))
    for code in was.keys() - now.keys():
        s = was[code]
        out.append(change(note, "removed", s, before=s["why"], after=instead(s, new)))
    for code in was.keys() & now.keys():
        a, b = letters(was[code]), letters(now[code])
        if a != b:
            out.append(change(note, "evidence", now[code], before=a, after=b))
    gone = {(s["icd10"], s["start"], s["end"]) for s in old["suppressed"]}
    kept = {(s["icd10"], s["start"], s["end"]) for s in new["suppressed"]}
    come_and_gone = [(s, "", s["reason"]) for s in new["suppressed"] if (s["icd10"], s["start"], s["end"]) not in gone]
    come_and_gone += [(s, s["reason"], "") for s in old["suppressed"] if (s["icd10"], s["start"], s["end"]) not in kept]
    for s, before, after in come_and_gone:
        explained = any(c.family == family_of(s) and c.start is not None and meets(s, c.start, c.end) for c in out)
        if not explained:
            out.append(change(note, "passed over", s, before=before, after=after))
    out.sort(key=lambda c: (c.start or 0, c.kind != "removed", c.icd10))
    said = [*new["suppressed"], *new["suggestions"], *old["suppressed"], *old["suggestions"]]
    for a, b in zip(old["first_pass"], new["first_pass"], strict=True):
        if a["verdict"] != b["verdict"]:
            out.append(verdict_change(note, a, b, said))
    was, now = contradictions(old), contradictions(new)
    out += [contradiction_change(note, now[at], batch, after=at[0]) for at in now.keys() - was.keys()]
    out += [contradiction_change(note, was[at], batch, before=at[0]) for at in was.keys() - now.keys()]
    return out


def contradictions(reading: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By rule and places what cannot both hold in the note, or beside an earlier one. A release of before has none."""
    found = (*reading.get("contradictions", ()), *reading.get("between", ()))
    return {(one["rule"], str(one["sides"])): one for one in found}


def contradiction_change(
    note: Note, said: dict[str, Any], batch: Sequence[Note], *, before: str = "", after: str = ""
) -> Change:
    """before, after: the rule, which unlike its sentence has no word of the note."""
    sides = [(batch[side[0]] if len(side) > 2 else note, *side[-2:]) for side in said["sides"]]
    (_, start, end), against = sides if sides[0][0] is note else sides[::-1]
    concerned = (said["icd10"], said["family"], start, end)
    return Change(note, "contradicts", *concerned, before=before, after=after, against=against)


def verdict_change(note: Note, old: dict[str, Any], new: dict[str, Any], said: Sequence[dict[str, Any]]) -> Change:
    """Another verdict on a first-pass code, with the first place in the note that either reading takes for it."""
    owner = load().family_of(new["icd10"])
    family = owner.name if owner else ""
    own = [[s["start"], s["end"]] for s in said if family_of(s) == family]
    # What speaks for a code is told by the evidence, what speaks against it by the mentions that were passed over.
    evidence = [*new["evidence"], *old["evidence"]]
    places = [*own, *evidence] if new["verdict"] == "unsupported" else [*evidence, *own]
    start, end = places[0] if places else (None, None)
    after = f"{new['verdict']}: {new['why']}"
    return Change(note, "verdict", new["icd10"], family, start, end, before=old["verdict"], after=after)


def change(note: Note, kind: str, said: dict[str, Any], *, before: str, after: str) -> Change:
    supports = note.annotated.get(said["icd10"])
    agrees = None if supports is None or kind not in ("added", "removed") else supports == (kind == "added")
    place = (said["start"], said["end"])
    return Change(note, kind, said["icd10"], family_of(said), *place, before=before, after=after, agrees=agrees)


def family_of(said: dict[str, Any]) -> str:
    """The condition family of a suggestion or a suppressed mention: its rule is "ckd/renal insufficiency"."""
    return str(said["rule"]).partition("/")[0]


def meets(said: dict[str, Any], start: int, end: int | None) -> bool:
    return bool(said["start"] < (end or 0) and start < said["end"])


def instead(said: dict[str, Any], other: dict[str, Any]) -> str:
    """What the other reading makes of the mentions behind a suggestion: "negated", "N18.9", or "" for nothing."""
    spans = said["mentions"] or [[said["start"], said["end"]]]

    def same(one: dict[str, Any]) -> bool:
        return family_of(one) == family_of(said) and any(meets(one, *span) for span in spans)

    codes = [s["icd10"] for s in other["suggestions"] if same(s)]
    reasons = [f"passed over as {s['reason'].removeprefix('other: ')}" for s in other["suppressed"] if same(s)]
    return ", ".join(dict.fromkeys(codes or reasons))


def letters(said: dict[str, Any]) -> str:
    """The evidence of a suggestion in short, such as "monitor 1, treat 2"."""
    return ", ".join(f"{letter} {len(spans)}" for letter, spans in said["meat"].items() if spans) or "none"


# -------------------------------------------------------------------------------------------------------------- words

SIGNS = {"added": "+", "removed": "-", "verdict": "~", "contradicts": "!", "evidence": "=", "passed over": "."}
EDGE = re.compile(r"(?<=[^\d\s][.!?;])\s|\n\s*\n|\n(?=\s*(?:[-*\u2022#]|\d+[.)]))")


def sentence(text: str, start: int, end: int) -> str:
    """The sentence or list item around a mention on one line, the mention in brackets, shortened where it is long."""
    edges = [m.end() for m in EDGE.finditer(text, 0, start)]
    first = max(edges[-1] if edges else 0, start - SENTENCE_LENGTH // 2)
    after = EDGE.search(text, end)
    last = min(after.start() if after else len(text), end + SENTENCE_LENGTH // 2)
    words = f"{text[first:start]}[{text[start:end]}]{text[end:last]}"
    return " ".join(words.split())


def lines_of(found: Sequence[Change], *, quote: bool = True) -> Iterator[str]:
    """The changes of one note as lines. quote: with the sentence around each; without it no word of the note."""
    for c in found:
        agrees = {None: "", True: "  (as annotated)", False: "  (against the annotation)"}[c.agrees]
        yield f"  {SIGNS[c.kind]} {c.icd10:<8} {c.family}{agrees}"
        if quote and c.start is not None and c.end is not None:
            yield f'      "{sentence(c.note.text, c.start, c.end)}"'
        if quote and c.against:
            other, start, end = c.against
            yield f'      "{sentence(other.text, start, end)}"' + (f" in {other.name}" if other is not c.note else "")
        if c.kind == "added":
            yield f"      was: {c.before or 'not seen'}; now: {c.after}"
        elif c.kind == "removed":
            yield f"      now: {c.after or 'not seen'}"
        elif c.kind == "contradicts":
            yield f"      {'contradicts' if c.after else 'no longer contradicts'} by rule {c.after or c.before}"
        else:
            yield f"      {c.kind}: {c.before or 'nothing'} -> {c.after or 'nothing'}"


@dataclass
class Summary:
    """Counts over all notes, by family and kind of change."""

    notes: int = 0
    differing: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    agreeing: Counter[bool] = field(default_factory=Counter)

    def add(self, found: Sequence[Change]) -> None:
        self.notes += 1
        self.differing += bool(found)
        for c in found:
            self.counts[c.family or "no family"][c.kind] += 1
            if c.agrees is not None:
                self.agreeing[c.agrees] += 1

    def lines(self) -> Iterator[str]:
        if self.counts:
            yield f"{'condition':<28}" + "".join(f"{kind:>12}" for kind in SIGNS)
        for family, count in sorted(self.counts.items()):
            yield f"{family:<28}" + "".join(f"{count[kind] or '':>12}" for kind in SIGNS)
        if self.agreeing:
            yes, no = self.agreeing[True], self.agreeing[False]
            yield f"Where a coder annotated: {yes} of these changes agree with the annotation, {no} do not."
        yield f"{self.notes} notes read, {self.differing} read otherwise."
