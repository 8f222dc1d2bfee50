"""Finding what was published in a folder or a zip file, and storing it where `use_tables` finds it."""

import re
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from scoring.errors import TablesBroken
from scoring.importing.cdps_layout import read_cdps_layout
from scoring.importing.cms_package import read_cms_package
from scoring.importing.draft import Draft, difference, toml, write
from scoring.importing.sas_package import FORMAT, read_sas_package
from scoring.tables import Rows, forget, load_year, read, years

MAPPING = re.compile(r"ICD10_CC_mappings_(CMS_HCC|ESRD|RxHCC)_(\d{4})(?:_(v\d\d))?(?:_(initial|midyear|final))?", re.I)
REQUIRES = {"V28": [{"hcc": "223", "any_of": ["221", "222", "224", "225", "226"]}]}
LAST_SAS_YEAR = 2025
GRAFT_DIVISOR = {"new_enrollee_graft_divisor": {"DUR4_9": "0.905", "DUR10PL": "0.698"}}


class Found:
    """One release found in what was given: its draft, the rows that it would replace, and its blend's factors."""

    def __init__(self, draft: Draft, old: Rows | None, header: dict[str, Any] | None = None) -> None:
        self.draft = draft
        self.old = old
        self.header = header or {}

    @property
    def problems(self) -> list[str]:
        return self.draft.wrong()

    def difference(self, limit: int = 12) -> list[str]:
        return difference(self.old, self.draft.rows, limit)


def find(path: Path, status: str = "", payment_year: int | None = None) -> list[Found]:
    """Every release in a folder or zip file: CMS's Python and SAS packages, and this project's layout for CDPS.

    status: initial, midyear or final, where a file name does not say it. payment_year: of SAS tables, whose names do
    not say it. Raises TablesBroken when nothing is found.
    """
    if path.is_file():
        with TemporaryDirectory() as folder:
            unpack(path, Path(folder))
            return find(Path(folder), status, payment_year)
    found = [
        Found(draft, current(draft))
        for mapping in sorted(path.rglob("ICD10_CC_mappings_*.csv"))
        for draft in packaged(mapping, status)
    ]
    for version in sorted({match[1] for file in path.rglob("*") if (match := FORMAT.match(file.name))}):
        draft = sas_tables(path, version, status, payment_year)
        found.append(Found(draft, current(draft)))
    for header in sorted(path.rglob("header.toml")):
        draft, facts = read_cdps_layout(header.parent)
        found.append(Found(draft, current(draft), facts))
    if not found:
        raise TablesBroken(f"{path.name}: no published model package and no CDPS tables were found in it")
    return found


def unpack(path: Path, folder: Path) -> None:
    """A zip file's text tables, also of zip files inside it; nothing is written outside the folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name).parts
                if name.endswith("/") or ".." in parts or PurePosixPath(name).is_absolute():
                    continue
                if not name.lower().endswith((".csv", ".txt", ".toml", ".zip")):
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


def sas_tables(path: Path, version: str, status: str, payment_year: int | None) -> Draft:
    """The draft of SAS tables, on the pattern of the newest release of the same model that is here."""
    if payment_year is None:
        raise TablesBroken(f"the SAS tables of V{version}: say which payment year they are for")
    program = "pace" if version == "22" else "cms-hcc"
    for name, year in reversed(years()):
        uses = (*load_year(name, year).models, *load_year(name, year).other_models)
        use = next((use for use in uses if name == program and use.name == f"V{version}" and use.folder), None)
        if use is not None and use.folder is not None:
            meta, rows = read(use.folder)
            break
    else:
        raise TablesBroken(f"there is no release of V{version} here to take interactions and edits from")
    meta = {key: value for key, value in meta.items() if key != "files"}
    meta |= {
        "payment_year": payment_year,
        "status": status or "final",
        "package": path.name,
        "hierarchy": "in sequence" if payment_year <= LAST_SAS_YEAR else "at once",
    }
    return read_sas_package(path, version, meta, rows)


def current(draft: Draft) -> Rows | None:
    """The rows of the release that is in use for the same program, year and model, if there is one."""
    try:
        use = load_year(draft.meta["program"], draft.meta["payment_year"]).model(draft.meta["model"])
    except (LookupError, ValueError):
        return None
    return read(use.folder)[1] if use.folder else None


def store(found: list[Found], folder: Path, source: str) -> list[Path]:
    """Write every release into a folder of the user's own (see `scoring.tables.use_tables`); all of them or none.

    year.toml is copied from the year in use where there is one, else written with the factors left empty (scoring then
    asks for them by name), or with those that a CDPS header gives. Raises TablesBroken with every problem.
    """
    problems = [f"{item.draft.name}: {problem}" for item in found for problem in item.problems]
    if problems:
        raise TablesBroken("nothing was stored: " + "; ".join(problems))
    written = []
    for item in found:
        meta = item.draft.meta
        year = folder / meta["program"] / str(meta["payment_year"])
        target = year / meta["model"]
        write(item.draft, target, f"# {item.draft.name} ({meta['status']})\n\nPackage: {meta['package']}. {source}")
        year_toml(year, item)
        written.append(target)
    forget()
    return written


def year_toml(year: Path, item: Found) -> None:
    """The year's file, with this model's tables beside it and every other model where it was."""
    meta, path = item.draft.meta, year / "year.toml"
    models: list[dict[str, Any]] = []
    extra: dict[str, Any] = {}
    if path.is_file():
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        models, extra = data["model"], {key: value for key, value in data.items() if key not in HEAD}
    else:
        try:
            known = load_year(meta["program"], meta["payment_year"])
        except ValueError:
            known = None
        for use in (*known.models, *known.other_models) if known else ():
            models.append(
                {
                    "name": use.name,
                    **({"weight": use.weight} if use.weight else {}),
                    **({"tables": str(use.folder)} if use.folder else {"missing": use.missing}),
                    "factor": [
                        {
                            "population": factor.population,
                            "normalization": text(factor.normalization),
                            "coding_adjustment": text(factor.coding_adjustment),
                            "source": factor.source,
                            "verified_on": factor.verified_on,
                        }
                        for factor in use.factors
                    ],
                }
            )
        extra = {"frailty": True} if known and known.frailty else {}
    own = next((model for model in models if model["name"] == meta["model"]), None)
    if own is None:
        own = {"name": meta["model"], **({} if models else {"weight": 100})}
        own["factor"] = [
            {
                "population": "all",
                "normalization": str(item.header.get("normalization", "")),
                "coding_adjustment": str(item.header.get("coding_adjustment", "")),
                "source": str(item.header.get("source", "")),
                "verified_on": "",
            }
        ]
        models.append(own)
    own.pop("missing", None)
    own["tables"] = meta["model"]
    lines = [f"program = {toml(meta['program'])}", f"payment_year = {meta['payment_year']}"]
    lines += [f"{key} = {toml(value)}" for key, value in extra.items() if not isinstance(value, dict)]
    for model in models:
        lines += ["", "[[model]]", *(f"{key} = {toml(value)}" for key, value in model.items() if key != "factor")]
        for factor in model.get("factor", ()):
            lines += ["", "[[model.factor]]", *(f"{key} = {toml(value)}" for key, value in factor.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


HEAD = {"program", "payment_year", "model"}


def text(points: int | None) -> str:
    return "" if points is None else f"{points // 1000}.{points % 1000:03d}"
