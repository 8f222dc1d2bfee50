"""Every release on file: what it is, where it is from, whether its files are what they were, and what nobody checked.

Scoring checks the same when it loads a release (`scoring.tables`); here all are looked at, without loading any.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.errors import TablesBroken
from scoring.rounding import decimal
from scoring.tables import (
    ROOT,
    Factor,
    ModelUse,
    Year,
    check,
    folders,
    load_year,
    read,
    stamp_of,
    verify_header,
    years,
)


@dataclass(frozen=True, slots=True)
class ReleaseOnFile:
    """One model of one program and year, as one release has it.

    status: of STATUSES, or "missing" where the year knows the model and no tables are here. in_use: the one that
    scores; another was replaced by an import, or waits to be named. weight: its share of the blend, in per cent.
    sha256: of model.toml, which names that of every file. rows: file name -> number of rows. problem: why it does not
    load, "" for sound. source, unverified: from SOURCE.md. factors: of the payment chain, with their own sources.
    """

    id: str
    program: str
    payment_year: int
    model: str
    status: str
    in_use: bool
    weight: int
    package: str
    source: str
    sha256: str
    rows: dict[str, int]
    imported: bool
    problem: str
    unverified: tuple[str, ...]
    factors: tuple[Factor, ...]


def releases(*, thoroughly: bool = False) -> tuple[ReleaseOnFile, ...]:
    """All of them, by program, newest year first. The SHA-256 of every file is compared; thoroughly: contradictions
    inside the tables are looked for too, which takes half a second for all."""
    found: list[ReleaseOnFile] = []
    for program, payment_year in sorted(years(), key=lambda one: (one[0], -one[1])):
        year = load_year(program, payment_year)
        used = {use.folder: use for use in (*year.models, *year.other_models) if use.folder}
        found += [missing(year, use) for use in (*year.models, *year.other_models) if use.folder is None]
        home = [place / program / str(payment_year) for place in folders()]
        own = [path.parent for place in home for path in sorted(place.glob("*/model.toml"))]
        for folder in dict.fromkeys((*used, *own)):
            found.append(on_file(year, folder, used.get(folder), thoroughly))
    return tuple(found)


def missing(year: Year, use: ModelUse) -> ReleaseOnFile:
    return ReleaseOnFile(
        id=f"{year.program}/{year.payment_year}/{use.name}", program=year.program, payment_year=year.payment_year,
        model=use.name, status="missing", in_use=False, weight=use.weight, package="", source="", sha256="", rows={},
        imported=False, problem=use.missing, unverified=(), factors=use.factors,
    )  # fmt: skip


def on_file(year: Year, folder: Path, use: ModelUse | None, thoroughly: bool) -> ReleaseOnFile:
    header = (folder / "model.toml").read_bytes()
    meta = tomllib.loads(header.decode("utf-8"))
    said = folder / "SOURCE.md"
    text = said.read_text(encoding="utf-8") if said.is_file() else ""
    try:
        problem = ""
        verify(folder, header, meta)
        if thoroughly:
            problem = "; ".join(check(*read(folder)))
    except TablesBroken as error:
        problem = str(error)
    stamp = stamp_of(folder, meta["model"])
    return ReleaseOnFile(
        id=f"{meta['program']}/{meta['payment_year']}/{meta['model']} {meta['status']} {stamp}".rstrip(),
        program=year.program,
        payment_year=year.payment_year,
        model=use.name if use else meta["model"],
        status=meta["status"],
        in_use=use is not None,
        weight=use.weight if use else 0,
        package=meta["package"],
        source=paragraph(text, "Package:"),
        sha256=hashlib.sha256(header).hexdigest(),
        rows={name: promised["rows"] for name, promised in meta["files"].items()},
        imported=not folder.is_relative_to(ROOT),
        problem=problem,
        unverified=tuple(filter(None, (paragraph(text, "Unverified:"), *unverified_factors(use)))),
        factors=use.factors if use else (),
    )


def verify(folder: Path, header: bytes, meta: dict[str, Any]) -> None:
    """Raises TablesBroken for a file that is not the one that its SHA-256 was taken of."""
    verify_header(folder, header, meta)
    for name, promised in meta["files"].items():
        path = folder / name
        if not path.is_file():
            raise TablesBroken(f"{name} is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != promised["sha256"]:
            raise TablesBroken(f"{name} is not the file that its SHA-256 was taken of")


def unverified_factors(use: ModelUse | None) -> list[str]:
    """The figures of the payment chain that are empty, or that nobody checked against the announcement."""
    result = []
    for factor in use.factors if use else ():
        who = "" if factor.population == "all" else f" ({factor.population})"
        figures = {"normalization": factor.normalization, "coding adjustment": factor.coding_adjustment}
        known = ", ".join(f"{name}{who} {decimal(value)}" for name, value in figures.items() if value is not None)
        result += [
            f"{name}{who} is not known: it has to be supplied" for name, value in figures.items() if value is None
        ]
        if known and not factor.verified_on:
            result.append(f"{known}: {factor.source}")
    return result


def paragraph(text: str, start: str) -> str:
    """The paragraph of SOURCE.md that begins so, without its first word."""
    found = re.search(rf"^{re.escape(start)}\s*(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    return " ".join(found[1].split()) if found else ""
