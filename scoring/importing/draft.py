"""A release on its way in: the header and rows of every table, not yet on disk."""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.errors import TablesBroken
from scoring.tables import COLUMNS, Rows, build, category_order, check


@dataclass
class Draft:
    """meta: what model.toml says except the files. rows: file name -> rows. problems: what a reader could not read."""

    meta: dict[str, Any]
    rows: Rows = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.meta['program']}/{self.meta['payment_year']}/{self.meta['model']}"

    def wrong(self) -> list[str]:
        """Every problem of reading and every contradiction; a sound draft has none, and compiles."""
        problems = [*self.problems, *check(self.meta, self.rows)]
        if not problems:
            try:
                build(self.meta, self.rows)
            except (LookupError, ValueError) as error:
                problems.append(f"the tables do not compile: {error}")
        return problems

    def files(self) -> dict[str, bytes]:
        """The content of every table, by file name."""
        return {name: text_of(COLUMNS[name], rows).encode() for name, rows in self.rows.items()}

    def fingerprint(self) -> str:
        """Eight hexadecimal digits of header and tables: equal releases have equal ones."""
        return hashlib.sha256(header_of(self.meta, checksums(self)).encode()).hexdigest()[:8]


def difference(old: Rows | None, new: Rows, limit: int = 12) -> list[str]:
    """What changed between two releases, for a person to read: counts by file, and the first rows of each kind."""
    lines: list[str] = []
    for name in new:
        before, after = set((old or {}).get(name, ())), set(new[name])
        gone, added = sorted(before - after), sorted(after - before)
        lines.append(f"{name}: {len(after)} rows, {len(added)} new, {len(gone)} gone")
        if old is not None:
            lines += [f"  + {','.join(row)}" for row in added[:limit]]
            lines += [f"  - {','.join(row)}" for row in gone[:limit]]
            if max(len(added), len(gone)) > limit:
                lines.append("  …")
    return lines


def write(draft: Draft, folder: Path, source: str) -> None:
    """Store a sound draft as a release folder. `source` is the text of SOURCE.md above the checksums.

    Raises TablesBroken with every problem, and writes nothing, when the draft is not sound.
    """
    problems = draft.wrong()
    if problems:
        raise TablesBroken(f"{draft.name}: " + "; ".join(problems))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in draft.files().items():
        (folder / name).write_bytes(content)
    files = checksums(draft)
    (folder / "model.toml").write_text(header_of(draft.meta, files), encoding="utf-8")
    lines = [source.strip(), "", "## Checksums", "", "Files of this folder (SHA-256):", ""]
    lines += [f"- `{name}` {digest}" for name, (_, digest) in files.items()]
    if draft.sources:
        lines += ["", "Files that they were taken from (SHA-256):", ""]
        lines += [f"- `{name}` {digest}" for name, digest in sorted(draft.sources.items())]
    (folder / "SOURCE.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def checksums(draft: Draft) -> dict[str, tuple[int, str]]:
    """File name -> (number of rows, SHA-256)."""
    return {
        name: (len(draft.rows[name]), hashlib.sha256(content).hexdigest()) for name, content in draft.files().items()
    }


def text_of(header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def header_of(meta: dict[str, Any], files: dict[str, tuple[int, str]]) -> str:
    """model.toml. The standard library reads TOML and does not write it; these few shapes are all there are."""
    lines = [
        f"{key} = {toml(meta[key])}"
        for key in ("program", "model", "payment_year", "family", "status", "package", "prefix", "hierarchy", "flags")
    ]
    for need in meta.get("requires", ()):
        lines += ["", "[[requires]]", *(f"{key} = {toml(value)}" for key, value in need.items())]
    if meta.get("options"):
        lines += ["", "[options]", *(f"{key} = {toml(value)}" for key, value in meta["options"].items())]
    lines += ["", "[files]"]
    lines += [f'"{name}" = {{ rows = {count}, sha256 = "{digest}" }}' for name, (count, digest) in files.items()]
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    raise TypeError(f"no TOML for {type(value).__name__}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sorted_mapping(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """By code, then category number, then bounds: the order is part of the checksum."""
    return sorted(set(rows), key=lambda row: (row[0], *category_order(row[1]), *row[2:]))
