"""The line of a rule file that a fault is about: `gout.toml: examples 8: …` becomes `gout.toml:57: examples 8: …`.

A TOML reader keeps no lines, so the place that a fault names is looked for in the text: a key ("terms"), a key of a
table ("attributes.stage.scope"), or an entry of a list by its number ("examples 8", "codes 2").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

OF_READER = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
TABLE = re.compile(r"(\[\[?)\s*([\w.-]+)\s*\]")
KEY = re.compile(r"""["']?([\w.-]+)["']?\s*=\s*(\[?\s*\{)?""")
FIELD = re.compile(r"(?:(.*): )?(?:unknown field (\S+)|(\S+) must be )")
QUOTED = re.compile(r"'([^']+)'")


def with_line(fault: str, folder: Path) -> str:
    """A fault of a file of the folder, with the line behind the file's name where there is one to be found."""
    name, _, said = fault.partition(": ")
    path = next((p for p in (folder / "conditions" / name, folder / name) if p.is_file()), None)
    if path is None:
        return fault
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if by_reader := OF_READER.search(said):
        return f"{name}:{by_reader[1] or len(lines)}: {said[: by_reader.start()]}"
    line = line_of(said, lines)
    return f"{name}:{line}: {said}" if line else fault


def line_of(said: str, lines: Sequence[str]) -> int:
    """The line, from 1, of what a fault is about; 0 where nothing of it stands in the file."""
    marks = list(places(lines))
    first = {name: line for line, name in reversed(marks)}
    place = re.sub(r"^example (?=\d)", "examples ", said.partition(": ")[0])
    if field := FIELD.match(said):
        place = ".".join(filter(None, (field[1], field[2] or field[3])))
    if place not in first:
        place = re.sub(r"^(attributes\.\w+)\.", r"\1.values.", place)
    while place and place not in first:
        place = re.sub(r"[ .]?[^ .]*$", "", place)
    line = first.get(place, 0)
    if not line or not (quoted := QUOTED.search(said)):
        return line
    within = (f"{place}.", f"{place} ")
    until = next((n for n, name in marks if n > line and not name.startswith(within)), len(lines) + 1)
    written = (f'"{quoted[1]}"', f"'{quoted[1]}'")
    return next((n for n in range(line, until) if any(one in lines[n - 1] for one in written)), line)


def places(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each line that begins a table, a key or an entry, and what it is called in a fault."""
    table, key, entries = "", "", dict[str, int]()

    def entry(name: str) -> str:
        entries[name] = entries.get(name, 0) + 1
        return f"{name} {entries[name]}"

    for number, line in enumerate(map(str.strip, lines), 1):
        if found := TABLE.match(line):
            table = entry(found[2]) if found[1] == "[[" else found[2]
            yield number, table
        elif found := KEY.match(line):
            key = f"{table}.{found[1]}" if table else found[1]
            yield number, key
            if found[2]:
                yield number, entry(key)
        elif line.startswith("{"):
            yield number, entry(key)
