"""Chart formats: one file each, found here by being here. Pure: no Django, no database, no clock.

A format is a module of this package with
- `NAME`: what `import_charts --format` and the upload page call it,
- `TITLE`: the same for people,
- `read(lines) -> tuple[ChartValues, ...]`: raises `IntakeErrors` with every problem at once.
"""

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from coding.intake.values import (
    UNKNOWN,
    ChartValues,
    ClaimLineValues,
    ClaimValues,
    DocumentValues,
    EncounterValues,
    EnrollmentValues,
    FirstPassCodeValues,
    IntakeErrors,
    MemberValues,
    NoteValues,
    Problem,
)

__all__ = [
    "UNKNOWN",
    "ChartValues",
    "ClaimLineValues",
    "ClaimValues",
    "DocumentValues",
    "EncounterValues",
    "EnrollmentValues",
    "FirstPassCodeValues",
    "IntakeErrors",
    "MemberValues",
    "NoteValues",
    "Problem",
    "formats",
]


@cache
def formats() -> dict[str, ModuleType]:
    """Every chart format of this package by its name."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}
