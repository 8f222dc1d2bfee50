"""One file per export: a name, a permission, and an iterator of rows.

An export is a module here with `NAME`, `PERMISSION`, `COLUMNS` and `rows(project, period)`. It is found by being here.
"""

import csv
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType

from coding.reports import Period


@cache
def exports() -> dict[str, ModuleType]:
    """Every export by its name in the URL."""
    return {info.name: importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}


class _Echo:
    def write(self, line: str) -> str:
        return line


def as_csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """CSV lines, one at a time. A cell that a spreadsheet would run as a formula is quoted as text."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_safe(cell) for cell in row])


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


__all__ = ["Period", "as_csv", "exports"]
