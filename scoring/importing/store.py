"""Finding what was published in a folder or a zip file, and storing it where `use_tables` finds it."""

import os
import re
import shutil
import tomllib
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from scoring.errors import MissingTables, ScoringError, TablesBroken, UnknownProgram
from scoring.importing.cdps_layout import read_cdps_layout
from scoring.importing.cms_package import read_cms_package
from scoring.importing.draft import Draft, difference, toml, write
from scoring.importing.hhs_package import read_hhs_package
from scoring.importing.hhs_workbook import model_of, read_hhs_workbook, sheets_in
from scoring.importing.sas_package import FORMAT, read_sas_package
from scoring.tables import ROOT, SHIPPED, Rows, forget, load_year, read, tables_folder, year_file, years

MAPPING = re.compile(r"ICD10_CC_mappings_(CMS_HCC|ESRD|RxHCC)_(\d{4})(?:_(v\d\d))?(?:_(initial|midyear|final))?", re.I)
REQUIRES = {"V28": [{"hcc": "223", "any_of": ["221", "222", "224", "225", "226"]}]}
LAST_SAS_YEAR = 2025
HHS_VERSION = re.compile(r"V(0[78])(\d\d)\.")
BENEFIT_YEAR = re.compile(r"(?:CY|BY)\W?(20\d\d)", re.I)  # in the name of the DIY tables
FEWER = 0.8  # of the rows of the release before: less looks like a part of a file
ONE_MODEL = ("cms-hcc", "hhs-hcc", "cdps")  # whose new year counts its only model whole
GRAFT_DIVISOR = {"new_enrollee_graft_divisor": {"DUR4_9": "0.905", "DUR10PL": "0.698"}}


class Found:
    """One release found in what was given, and the one that it would follow.

    header: what the tables say of their factors. csr: HHS cost-sharing reductions, where they say them. home: where it
    is stored, below the user's folder. replaces: the folder of the release in use. users: the programs and years that
    will score with it. fewer: much less than the release before is right.
    """

    def __init__(self, draft: Draft, header: dict[str, Any] | None = None, csr: dict[str, str] | None = None) -> None:
        self.draft = draft
        self.csr = csr or {}
        facts = header or {}
        keys = ("normalization", "coding_adjustment", "source")
        self.factor = {"population": "all", **{key: str(facts.get(key, "")) for key in keys}, "verified_on": ""}
        self.replaces = in_use(draft)
        self.users = users_of(draft, self.replaces)
        self.previous = self.replaces or newest(draft.meta["program"], draft.meta["model"])
        self.fewer = False

    @property
    def home(self) -> Path:
        meta = self.draft.meta
        return Path(meta["program"], str(meta["payment_year"]), f"{meta['model']}-{self.draft.fingerprint()}")

    @cached_property
    def problems(self) -> list[str]:
        """Everything that is wrong; only sound tables are stored."""
        problems = self.draft.wrong() + ([] if self.fewer else self.shrunk())
        if self.replaces is not None and self.draft.meta["status"] == "proposed":
            problems.append("it was only proposed, and does not replace a release that is in use")
        return problems

    def shrunk(self) -> list[str]:
        """Tables with much fewer rows than in the release before."""
        if self.previous is None:
            return []
        _, before = read(self.previous)
        return [
            f"{name} has {len(rows)} rows, {len(before[name])} before: is it all of it? (--fewer takes it as it is)"
            for name, rows in self.draft.rows.items()
            if len(rows) < FEWER * len(before.get(name, ()))
        ]

    def difference(self, limit: int = 12) -> list[str]:
        """What changes against the release in use, or that of the newest other year; for a person to read."""
        if self.previous is None:
            return ["the first release of its model", *difference(None, self.draft.rows, limit)]
        meta, rows = read(self.previous)
        against = f"against {meta['program']}/{meta['payment_year']}/{meta['model']} {meta['status']}"
        return [against, *difference(rows, self.draft.rows, limit)]


def find(
    path: Path, status: str = "", payment_year: int | None = None, program: str = "", fewer: bool = False
) -> list[Found]:
    """Every release in a folder, zip file or workbook: CMS's Python and SAS packages, its HHS-HCC package and DIY
    tables, and this project's layout for CDPS.

    status: initial, midyear, final or proposed, where a file name does not say it. payment_year, program: of SAS
    tables, whose names do not say them. fewer: tables much shorter than those before are right. Raises TablesBroken
    when nothing is found, or when a file is not in the layout that its name promises.
    """
    if path.is_file():
        with TemporaryDirectory() as folder:
            if path.suffix.lower() == ".xlsx":
                shutil.copy(path, folder)
            else:
                unpack(path, Path(folder))
            found = found_in(Path(folder), path.name, status, payment_year, program)
    else:
        found = found_in(path, path.name, status, payment_year, program)
    for item in found:
        item.fewer = fewer
    return found


def found_in(folder: Path, name: str, status: str, payment_year: int | None, program: str) -> list[Found]:
    found: list[Found] = []
    try:
        for mapping in sorted(folder.rglob("ICD10_CC_mappings_*.csv")):
            found += [Found(draft) for draft in packaged(mapping, status)]
        for mapping in sorted(folder.rglob("ICD10_HHS_CC_mappings_*.csv")):
            found.append(Found(*hhs_package(mapping.parent, name, status, payment_year)))
        for place in diy_tables(folder):
            found.append(Found(*hhs_tables(place, name, status, payment_year)))
        for version in sorted({match[1] for file in folder.rglob("*") if (match := FORMAT.match(file.name))}):
            found.append(Found(sas_tables(folder, name, version, status, payment_year, program)))
        for header in sorted(folder.rglob("header.toml")):
            found.append(Found(*read_cdps_layout(header.parent)))
    except ScoringError:
        raise
    except (LookupError, ValueError) as error:  # a column, a number or a character that should not be there
        raise TablesBroken(f"{name}: not in the layout that it looks like ({type(error).__name__}: {error})") from error
    if not found:
        raise TablesBroken(f"{name}: no published model package and no CDPS tables were found in it")
    return found


def unpack(path: Path, folder: Path) -> None:
    """A zip file's text tables, also of zip files inside it; nothing is written outside the folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name).parts
                if name.endswith("/") or ".." in parts or PurePosixPath(name).is_absolute():
                    continue
                if not name.lower().endswith((".csv", ".txt", ".toml", ".xlsx", ".zip")):
                    continue
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    except zipfile.BadZipFile:
        raise TablesBroken(f"{path.name} is neither a folder nor a zip file") from None
    for inner in list(folder.rglob("*.zip")):
        unpack(inner, inner.with_suffix(""))
        inner.unlink()


def packaged(mapping: Path, status: str) -> list[Draft]:
    """The drafts of one CMS package; RxHCC has one for each folder of relative factors."""
    found = MAPPING.match(mapping.name)
    folder = mapping.parent
    if found is None:
        raise TablesBroken(f"{mapping.name}: the model and year are not in its name")
    kind, year, version = found[1].lower(), int(found[2]), (found[3] or "").upper()
    meta: dict[str, Any] = {
        "payment_year": year,
        "status": (found[4] or status or "final").lower(),
        "package": next((part for part in reversed(mapping.parts) if "package" in part), mapping.name),
        "prefix": "HCC",
        "hierarchy": "at once",
        "flags": ["DISABL"],
    }
    if kind == "rxhcc":
        meta |= {"program": "rxhcc", "family": "rxhcc", "prefix": "RXHCC", "flags": ["NONAGED"]}
        places = sorted(place for place in folder.iterdir() if place.is_dir() and any(place.glob("*_CE_*.csv")))
        return [read_cms_package(folder, meta | {"model": place.name}, place) for place in places]
    if kind == "esrd":
        meta |= {"program": "esrd", "model": version, "family": f"esrd-{version.lower()}"}
        if version == "V24":
            meta |= {"flags": ["NonAged"], "options": GRAFT_DIVISOR}
    else:
        program = "pace" if version == "V22" else "cms-hcc"
        meta |= {"program": program, "model": version, "family": "cms-hcc"}
        if version in REQUIRES:
            meta["requires"] = REQUIRES[version]
    return [read_cms_package(folder, meta)]


def hhs_package(
    folder: Path, package: str, status: str, benefit_year: int | None
) -> tuple[Draft, None, dict[str, str]]:
    """The draft of CMS's HHS-HCC package, whose version ("V0826.141.E1") says model and benefit year."""
    found = next((match for part in (*reversed(folder.parts), package) if (match := HHS_VERSION.search(part))), None)
    if found is None:
        raise TablesBroken(f"{package}: no folder names the model and benefit year of the HHS-HCC package (V0826…)")
    model, year = f"V{found[1]}", benefit_year or 2000 + int(found[2])
    _, like = rest_of("hhs-hcc", model)
    draft, csr = read_hhs_package(folder, hhs_header(model, year, status, f"HHS-HCC {found.string}"), like)
    return draft, None, csr


def hhs_header(model: str, year: int, status: str, package: str) -> dict[str, Any]:
    return {
        "program": "hhs-hcc",
        "model": model,
        "payment_year": year,
        "family": "hhs-hcc",
        "status": status or "final",
        "package": package,
        "prefix": "",
        "hierarchy": "at once",
        "flags": [],
    }


def diy_tables(folder: Path) -> list[Path]:
    """The workbooks in a folder, and the folders of sheets that were saved as CSV files."""
    sheets = {path.parent for path in folder.rglob("*.csv") if re.search(r"table[ _]*3\b", path.stem, re.I)}
    return [*sorted(folder.rglob("*.xlsx")), *sorted(sheets)]


def hhs_tables(
    place: Path, package: str, status: str, benefit_year: int | None
) -> tuple[Draft, None, dict[str, str] | None]:
    """The draft of the DIY tables of a benefit year, which their name says or the caller does."""
    sheets = sheets_in(place)
    named = BENEFIT_YEAR.search(place.name) or BENEFIT_YEAR.search(package)
    year = benefit_year or (int(named[1]) if named else None)
    if year is None:
        raise TablesBroken(f"{place.name}: its name does not say the benefit year (CY2025…); say which it is")
    model = model_of(sheets)
    _, like = rest_of("hhs-hcc", model)
    package = f"HHS-HCC DIY tables, {place.name if place.suffix else package}"
    draft, csr = read_hhs_workbook(place, sheets, hhs_header(model, year, status, package), like)
    if not csr and ("hhs-hcc", year) not in years():
        draft.problems.append(f"there is no Table 13, and no cost-sharing reductions of {year} are on file")
    return draft, None, csr or None


def newest(program: str, model: str) -> Path | None:
    """The folder of the newest release of a model that is here."""
    for name, year in reversed(years()):
        uses = (*load_year(name, year).models, *load_year(name, year).other_models)
        folder = next((use.folder for use in uses if name == program and use.name == model and use.folder), None)
        if folder is not None:
            return folder
    return None


def rest_of(program: str, model: str) -> tuple[dict[str, Any], Rows]:
    """The header and rows of that release, to take over what a package does not hold."""
    folder = newest(program, model)
    if folder is None:
        raise TablesBroken(f"there is no release of {model} of {program} here to take the rest from")
    return read(folder)


def sas_tables(
    path: Path, package: str, version: str, status: str, payment_year: int | None, program: str = ""
) -> Draft:
    """The draft of SAS tables, on the pattern of the newest release of the same model that is here."""
    if payment_year is None:
        raise TablesBroken(f"the SAS tables of V{version}: say which payment year they are for")
    program = program or ("pace" if version == "22" else "cms-hcc")
    meta, rows = rest_of(program, f"V{version}")
    meta = {key: value for key, value in meta.items() if key != "files"}
    meta |= {
        "payment_year": payment_year,
        "status": status or "final",
        "package": package,
        "hierarchy": "in sequence" if payment_year <= LAST_SAS_YEAR else "at once",
    }
    return read_sas_package(path, version, meta, rows)


def in_use(draft: Draft) -> Path | None:
    """The folder of the release that is in use for the same program, year and model, if there is one."""
    try:
        return load_year(draft.meta["program"], draft.meta["payment_year"]).model(draft.meta["model"]).folder
    except (UnknownProgram, MissingTables):
        return None


def store(found: list[Found], folder: Path, source: str) -> list[Path]:
    """Put every release into a folder of the user's own (see `scoring.tables.use_tables`); all of them or none.

    Returns the folders of those that were not there already. A release gets a folder named for its content and never
    changes again; after all of them are written, each year.toml that pointed to the release before points to the new
    one. A program and year that is new has its factors left empty (scoring then asks for them by name), but for those
    that the tables themselves give. Raises TablesBroken with every problem.
    """
    problems = [f"{item.draft.name}: {problem}" for item in found for problem in item.problems]
    names = [item.draft.name for item in found]
    problems += [f"{name} is there twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if problems:
        raise TablesBroken("nothing was stored: " + "; ".join(problems))
    written = []
    for item in found:
        target = folder / item.home
        if not target.is_dir():
            beside = target.with_name(f".{target.name}")
            shutil.rmtree(beside, ignore_errors=True)  # what an interrupted import left
            meta = item.draft.meta
            write(item.draft, beside, f"# {item.draft.name} ({meta['status']})\n\nPackage: {meta['package']}. {source}")
            beside.rename(target)
            written.append(target)
    for item in found:
        for program, year in item.users:
            point_to(folder, program, year, item)
    forget()
    return written


def users_of(draft: Draft, release: Path | None) -> list[tuple[str, int]]:
    """The programs and years that score with a release: its own, and PACE where it blends the same tables."""
    own = (draft.meta["program"], draft.meta["payment_year"])
    others = [
        place
        for place in (years() if release else ())
        for use in (*load_year(*place).models, *load_year(*place).other_models)
        if use.folder == release and place != own
    ]
    return [own, *others]


def point_to(folder: Path, program: str, payment_year: int, item: "Found") -> None:
    """Write the year's file with this release in it and every other model where it was."""
    path = folder / program / str(payment_year) / "year.toml"
    known = path if path.is_file() else year_file(program, payment_year)
    year = tomllib.loads(known.read_text(encoding="utf-8")) if known else new_year(item)
    for model in year["model"]:
        if known and model.get("tables"):
            model["tables"] = portable(tables_folder(known.parent, model["tables"]), path.parent)
    own = next((model for model in year["model"] if model["name"] == item.draft.meta["model"]), None)
    if own is None:
        own = {"name": item.draft.meta["model"], "factor": [item.factor]}
        year["model"].append(own)
    own.pop("missing", None)
    own["tables"] = portable(folder / item.home, path.parent)
    if item.csr:
        year |= {"csr": item.csr, "csr_source": item.draft.meta["package"], "csr_verified_on": ""}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("year.toml.new")
    fresh.write_text(year_text(year), encoding="utf-8")
    fresh.replace(path)


def portable(release: Path, beside: Path) -> str:
    """How a year.toml names a release, so that moving either folder breaks nothing."""
    if release.is_relative_to(ROOT):
        return SHIPPED + release.relative_to(ROOT).as_posix()
    return Path(os.path.relpath(release.resolve(), beside.resolve())).as_posix()


def new_year(item: "Found") -> dict[str, Any]:
    """A program and year that nothing is known of. Its blend is not guessed: the only model of a program that is not
    blended counts whole, any other has to be asked for by name until somebody writes its weight."""
    meta = item.draft.meta
    year: dict[str, Any] = {"program": meta["program"], "payment_year": meta["payment_year"]}
    if meta["program"] == "pace":
        year["frailty"] = True
    weight = {"weight": 100} if meta["program"] in ONE_MODEL else {}
    return year | {"model": [{"name": meta["model"], **weight, "factor": [item.factor]}]}


def year_text(year: dict[str, Any]) -> str:
    lines = [f"{key} = {toml(value)}" for key, value in year.items() if not isinstance(value, list | dict)]
    for model in year["model"]:
        lines += ["", "[[model]]", *(f"{key} = {toml(value)}" for key, value in model.items() if key != "factor")]
        for factor in model.get("factor", ()):
            lines += ["", "[[model.factor]]", *(f"{key} = {toml(value)}" for key, value in factor.items())]
    for name, table in year.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"
