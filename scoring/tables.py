"""A model release as data: a folder with model.toml and tidy CSVs, checked when it is loaded, compiled to bitmasks.

    tables/<program>/<year>/year.toml        which models, in which blend, with which factors
    tables/<program>/<year>/<model>/         one release: model.toml, CSVs, SOURCE.md

The CSVs (UTF-8, one header row, no blanks around values):

    variables.csv     variable,kind,label             kind: hcc, demographic, interaction, count
    mapping.csv       icd10,hcc,age_min,age_max,sex,edit
    hierarchy.csv     hcc,drops                       on the categories before the hierarchy
    groups.csv        group,hcc                       HHS: "severe:Child" where the children's list is another
    interactions.csv  interaction,left,right          operands: a group, a category variable, a flag of the person; or
                                                      a flag and an interaction of an earlier row
    counts.csv        variable,at_least,at_most       number of categories left after the hierarchy
    factors.csv       segment,variable,value          absent = not in that segment
    bundles.csv       segment,bundle,hcc              HHS: categories that pay and count as one
    drugs.csv         kind,code,hcc                   HHS, CDPS: ndc or hcpcs codes to drug categories
    cells.csv         variable,sex,age_min,age_max    CDPS: the demographic cells; sex "" for both
    undecided.csv     icd10                           codes of which nobody can say whether they are in the map

A category is a bit; a code is a mask; the hierarchy is one mask per parent. model.toml holds the number of rows and the
SHA-256 of every file, and releases.csv (or the folder's name, of what was imported) that of model.toml: a release that
was edited does not load.
"""

import csv
import hashlib
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from scoring.beneficiary import dotted
from scoring.errors import MissingFactor, MissingTables, ProposedRelease, TablesBroken, UnknownProgram
from scoring.rounding import thousandths

ROOT = Path(__file__).resolve().parent / "tables"
SHIPPED = "shipped:"

COLUMNS: dict[str, tuple[str, ...]] = {
    "variables.csv": ("variable", "kind", "label"),
    "mapping.csv": ("icd10", "hcc", "age_min", "age_max", "sex", "edit"),
    "hierarchy.csv": ("hcc", "drops"),
    "groups.csv": ("group", "hcc"),
    "interactions.csv": ("interaction", "left", "right"),
    "counts.csv": ("variable", "at_least", "at_most"),
    "factors.csv": ("segment", "variable", "value"),
    "bundles.csv": ("segment", "bundle", "hcc"),
    "drugs.csv": ("kind", "code", "hcc"),
    "cells.csv": ("variable", "sex", "age_min", "age_max"),
    "undecided.csv": ("icd10",),
    "releases.csv": ("release", "sha256"),
}
CATEGORY_COLUMNS = (
    ("mapping.csv", 1), ("hierarchy.csv", 0), ("hierarchy.csv", 1), ("groups.csv", 1), ("bundles.csv", 2),
    ("drugs.csv", 2),
)  # fmt: skip
KINDS = {"hcc", "demographic", "interaction", "count"}
STATUSES = {"initial", "midyear", "final", "proposed", "user"}
Rows = dict[str, list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the mapping that holds for some people only. Bounds are inclusive; sex is "" for both."""

    bit: int
    age_min: int
    age_max: int
    sex: str
    edit: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """Pays when something of either mask is there, and the person has the flag where one is named."""

    name: str
    left: int
    right: int
    flag: str
    masks: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Release:
    """One compiled model release. Immutable; the id is what a stored score refers to."""

    id: str
    program: str
    model: str
    payment_year: int
    family: str
    status: str
    prefix: str
    options: dict[str, Any]
    hccs: tuple[str, ...]
    labels: dict[str, str]
    bits: dict[str, int]
    codes: dict[str, int]
    edited: dict[str, tuple[Rule, ...]]
    kills: dict[int, int]
    parents: int
    requires: tuple[tuple[int, int], ...]
    in_sequence: bool
    interactions: tuple[Interaction, ...]
    counts: tuple[tuple[str, int, int], ...]
    factors: dict[str, dict[str, int]]
    rows: dict[tuple[str, str], int]
    groups: dict[str, int]
    bundles: dict[str, dict[str, int]]
    drugs: dict[tuple[str, str], int]
    cells: tuple[tuple[str, str, int, int], ...]
    undecided: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> dict[int, str]:
        """bit -> category, in the order of hccs."""
        return {bit: hcc for hcc, bit in self.bits.items()}

    @cached_property
    def plain(self) -> dict[str, int]:
        """The codes that mean the same for everybody, most of them, as they are written: with and without the dot."""
        return {
            text: mask for code, mask in self.codes.items() if code not in self.edited for text in (code, dotted(code))
        }

    def decided(self, code: str) -> str:
        """The code (no dot) itself. Raises MissingTables for one of which nobody can say whether it is in the map."""
        if code in self.undecided:
            raise MissingTables(
                f"{self.id}: whether {dotted(code)} is in CMS's map is not known here; import the published package"
            )
        return code

    def categories(self, mask: int) -> tuple[str, ...]:
        """The categories of a mask, lowest number first."""
        return tuple(self.names[bit] for bit in ones(mask))

    def resolve(self, mask: int) -> int:
        """Apply the required companions, then the hierarchy.

        A dropped category still drops others ("at once", CMS's Python software, payment year 2026 on). The SAS software
        before it ran the parents one after the other, so a dropped parent no longer drops ("in sequence").
        """
        for bit, companions in self.requires:
            if mask & bit and not mask & companions:
                mask &= ~bit
        killed, rest, kills, in_sequence = 0, mask & self.parents, self.kills, self.in_sequence
        while rest:
            parent = rest & -rest
            if not (in_sequence and parent & killed):
                killed |= kills[parent]
            rest ^= parent
        return mask & ~killed

    def dropped_by(self, mask: int) -> dict[str, str]:
        """Category -> the category that drops it, or "needs …" where none of its required companions is there."""
        result: dict[str, str] = {}
        for bit, companions in self.requires:
            if mask & bit and not mask & companions:
                mask &= ~bit
                result[self.names[bit]] = "needs one of " + ", ".join(self.categories(companions))
        left = self.resolve(mask)
        for bit in ones(mask & ~left):
            parents = [parent for parent in ones(mask & self.parents) if self.kills[parent] & bit]
            standing = [parent for parent in parents if parent & left]
            result[self.names[bit]] = self.names[(standing or parents)[0]]
        return result


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """One row of the payment chain: how a raw score of this population becomes a payment score."""

    population: str
    normalization: int | None
    coding_adjustment: int | None
    source: str
    verified_on: str


@dataclass(frozen=True, eq=False)
class ModelUse:
    """One model in a program's year: its share in the blend, where its tables lie, its factors.

    year: "cms-hcc 2026", for messages. plan: of those whose score it is instead of the blend's (Part D's PDP).
    """

    year: str
    name: str
    weight: int
    folder: Path | None
    missing: str
    factors: tuple[Factor, ...]
    plan: str = ""

    @cached_property
    def release(self) -> Release:
        if self.folder is None:
            raise MissingTables(self.missing)
        release = _load_release(self.folder)
        if release.status == "proposed":
            raise ProposedRelease(f"{release.id} was proposed and never adopted; it does not score anybody")
        return release

    def factor(self, population: str) -> Factor:
        """The factors for a population; MissingFactor with what to supply where a cell is empty."""
        for factor in self.factors:
            if factor.population in (population, "all"):
                if factor.normalization is not None and factor.coding_adjustment is not None:
                    return factor
                figures = {"normalization": factor.normalization, "coding_adjustment": factor.coding_adjustment}
                empty = [name for name, value in figures.items() if value is None]
                example = ", ".join(f'"{name}": "…"' for name in empty)
                raise MissingFactor(
                    f"{self.year} {self.name} ({population}): no published {' and '.join(empty).replace('_', ' ')} "
                    f'is on file; supply it from the Rate Announcement as factors: {{"{self.name}": {{{example}}}}}'
                )
        raise MissingFactor(f"{self.year} {self.name}: no factors are on file for the population {population!r}")


@dataclass(frozen=True, eq=False)
class Year:
    """One program in one payment year (benefit year for concurrent models).

    models: the blend. other_models: those that are scored only when they are asked for by name. frailty: whether the
    contract's frailty factor is added to the payment score. csr: HHS cost-sharing reduction indicator -> factor, from
    csr_source, checked on csr_verified_on ("" for never).
    """

    program: str
    payment_year: int
    models: tuple[ModelUse, ...]
    other_models: tuple[ModelUse, ...]
    frailty: bool = False
    csr: dict[str, int] = field(default_factory=dict)
    csr_source: str = ""
    csr_verified_on: str = ""

    @cached_property
    def name(self) -> str:
        return f"{self.program} {self.payment_year}"

    @cached_property
    def shares(self) -> tuple[tuple[int, ModelUse], ...]:
        """(share in per cent, model) of each in the blend."""
        return tuple((use.weight, use) for use in self.models)

    def blend(self, model: str | None = None, plan: str | None = None) -> tuple[tuple[int, ModelUse], ...]:
        """(share in per cent, model) of each that counts: one alone by name, that of the plan, or those of the blend.

        Raises UnknownProgram for a name that is not there, MissingFactor where nobody has said what the blend is.
        """
        if model is not None:
            return ((100, self.model(model)),)
        for use in self.other_models if plan else ():
            if use.plan == plan:
                return ((100, use),)
        if not self.models:
            names = ", ".join(use.name for use in self.other_models)
            raise MissingFactor(f"{self.name}: the blend is not on file; name a model ({names}) or write its weights")
        return self.shares

    def model(self, name: str) -> ModelUse:
        for use in (*self.models, *self.other_models):
            if use.name == name:
                return use
        known = ", ".join(use.name for use in (*self.models, *self.other_models))
        raise UnknownProgram(f"{self.program} {self.payment_year} has no model {name!r}; it has {known}")


def ones(mask: int) -> Iterator[int]:
    """The single bits of a mask, lowest first."""
    while mask:
        low = mask & -mask
        yield low
        mask ^= low


_folders: tuple[Path, ...] = (ROOT,)


def use_tables(folder: Path | str) -> None:
    """Look for releases in this folder too, before the shipped ones: the user's own imports and licensed tables.

    Same layout as scoring/tables. A program and year that is in both is taken from here, whole.
    """
    global _folders
    added = Path(folder).resolve()
    if added not in _folders:
        _folders = (added, *_folders)
    forget()


def folders() -> tuple[Path, ...]:
    """Where releases are looked for, the user's own before the shipped ones."""
    return _folders


def forget() -> None:
    """Read everything again when it is next asked for: something was imported."""
    for cached in (_find_year, _load_year, _load_release, _signed):
        cached.cache_clear()


def years() -> tuple[tuple[str, int], ...]:
    """Every (program, payment year) on file, sorted."""
    found = {
        (path.parent.parent.name, int(path.parent.name)) for folder in _folders for path in folder.glob("*/*/year.toml")
    }
    return tuple(sorted(found))


def load_year(program: str, payment_year: int) -> Year:
    """The program's models and factors for a year. Raises UnknownProgram with what there is instead."""
    return _find_year(program, payment_year, _folders)


def year_file(program: str, payment_year: int) -> Path | None:
    """The year.toml in use, or None."""
    paths = (folder / program / str(payment_year) / "year.toml" for folder in _folders)
    return next((path for path in paths if path.is_file()), None)


def tables_folder(beside: Path, tables: str) -> Path:
    """What `tables` of a year.toml names: a folder beside it, or with "shipped:" one of those that come with this
    package, wherever it is installed."""
    if tables.startswith(SHIPPED):
        return ROOT / tables.removeprefix(SHIPPED)
    return (beside / tables).resolve()


@cache
def _find_year(program: str, payment_year: int, places: tuple[Path, ...]) -> Year:
    path = year_file(program, payment_year)
    if path is not None:
        return _load_year(path)
    on_file = years()
    known = [year for name, year in on_file if name == program]
    if known:
        raise UnknownProgram(f"{program} has no payment year {payment_year}; it has {', '.join(map(str, known))}")
    if program == "cdps":
        raise MissingTables("cdps: its tables come with a state's or plan's licence; import them first")
    programs = sorted({name for name, _ in on_file})
    raise UnknownProgram(f"no program {program!r}; there are {', '.join(programs)}")


def load_release(use: ModelUse) -> Release:
    """The compiled release of a model. Cached by folder; raises MissingTables, ProposedRelease or TablesBroken."""
    return use.release


@cache
def _load_year(path: Path) -> Year:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    uses: list[ModelUse] = []
    others: list[ModelUse] = []
    year = f"{data['program']} {data['payment_year']}"
    for entry in data["model"]:
        factors = tuple(
            Factor(
                row["population"],
                thousandths(row["normalization"], "normalization") if row.get("normalization") else None,
                thousandths(row["coding_adjustment"], "coding adjustment") if row.get("coding_adjustment") else None,
                row.get("source", ""),
                row.get("verified_on", ""),
            )
            for row in entry.get("factor", ())
        )
        for factor in factors:
            if factor.normalization is not None and factor.normalization <= 0:
                raise TablesBroken(f"{path.parent.name}/{entry['name']}: a normalization factor is above zero")
        folder = tables_folder(path.parent, entry["tables"]) if entry.get("tables") else None
        weight, missing, plan = entry.get("weight", 0), entry.get("missing", ""), entry.get("plan", "")
        use = ModelUse(year, entry["name"], weight, folder, missing, factors, plan)
        (uses if use.weight else others).append(use)
    csr = {key: thousandths(value, "cost-sharing reduction") for key, value in data.get("csr", {}).items()}
    facts = {name: data[name] for name in ("frailty", "csr_source", "csr_verified_on") if name in data}
    if uses and sum(use.weight for use in uses) != 100:
        raise TablesBroken(f"{data['program']} {data['payment_year']}: the weights of the blend are not 100 per cent")
    return Year(data["program"], data["payment_year"], tuple(uses), tuple(others), csr=csr, **facts)


@cache
def _load_release(folder: Path) -> Release:
    meta, rows = read(folder)
    problems = check(meta, rows)
    if problems:
        raise TablesBroken(f"{meta['program']} {meta['payment_year']} {meta['model']}: " + "; ".join(problems))
    return build(meta, rows, stamp_of(folder, meta["model"]))


def stamp_of(folder: Path, model: str) -> str:
    """Of what was imported: the start of the SHA-256 of its model.toml. "" for a shipped release."""
    return folder.name.removeprefix(model).removeprefix("-")


def verify_header(folder: Path, header: bytes, meta: dict[str, Any]) -> None:
    """Raises TablesBroken for a model.toml that was changed since the release was made.

    A shipped one is named in tables/releases.csv with its SHA-256, an imported one in the name of its folder.
    """
    digest = hashlib.sha256(header).hexdigest()
    where = f"{meta['program']} {meta['payment_year']} {meta['model']}"
    signed = _signed().get(folder.relative_to(ROOT).as_posix()) if folder.is_relative_to(ROOT) else None
    stamp = stamp_of(folder, meta["model"])
    if (folder.is_relative_to(ROOT) and signed != digest) or not digest.startswith(stamp):
        raise TablesBroken(f"{where}: model.toml is not the one that the release was made with")


@cache
def _signed() -> dict[str, str]:
    """Shipped release -> SHA-256 of its model.toml."""
    rows = parse("releases.csv", (ROOT / "releases.csv").read_text(encoding="utf-8"), "tables")
    return dict(rows)  # type: ignore[arg-type]


def read(folder: Path) -> tuple[dict[str, Any], Rows]:
    """model.toml and the CSVs of a folder. Raises TablesBroken for a file that is missing, changed or misshapen."""
    try:
        header = (folder / "model.toml").read_bytes()
    except FileNotFoundError:
        raise TablesBroken(f"{folder.name}: there is no model.toml") from None
    meta = tomllib.loads(header.decode("utf-8"))
    verify_header(folder, header, meta)
    where = f"{meta['program']} {meta['payment_year']} {meta['model']}"
    rows: Rows = {}
    for name, promised in meta["files"].items():
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError:
            raise TablesBroken(f"{where}: {name} is missing") from None
        if hashlib.sha256(content).hexdigest() != promised["sha256"]:
            raise TablesBroken(f"{where}: {name} is not the file that its SHA-256 was taken of")
        rows[name] = parse(name, content.decode("utf-8"), where)
        if len(rows[name]) != promised["rows"]:
            raise TablesBroken(f"{where}: {name} has {len(rows[name])} rows instead of {promised['rows']}")
    return meta, rows


def parse(name: str, text: str, where: str) -> list[tuple[str, ...]]:
    """CSV text to rows, the header checked against COLUMNS."""
    reader = csv.reader(io.StringIO(text))
    header = tuple(next(reader, ()))
    if name in COLUMNS and header != COLUMNS[name]:
        raise TablesBroken(f"{where}: {name} has the columns {','.join(header)}")
    rows = [tuple(row) for row in reader]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TablesBroken(f"{where}: {name} row {number} has {len(row)} values instead of {len(header)}")
    return rows


def check(meta: dict[str, Any], rows: Rows) -> list[str]:
    """Everything that contradicts itself in a release; empty when it is sound."""
    problems: list[str] = []
    prefix = meta["prefix"]
    if meta["status"] not in STATUSES:
        problems.append(f"status {meta['status']!r} is none of {', '.join(sorted(STATUSES))}")
    names = [variable for variable, _, _ in rows["variables.csv"]]
    problems += [f"variables.csv: {name} twice" for name, times in sorted(Counter(names).items()) if times > 1]
    problems += [f"variables.csv: kind {kind!r}" for kind in sorted({row[1] for row in rows["variables.csv"]} - KINDS)]
    hccs = {variable.removeprefix(prefix) for variable, kind, _ in rows["variables.csv"] if kind == "hcc"}
    groups = {group for group, _ in rows["groups.csv"]}
    for name, column in CATEGORY_COLUMNS:
        unknown = {row[column] for row in rows.get(name, ())} - hccs
        problems += [f"{name}: unknown category {hcc!r}" for hcc in sorted(unknown)]
    problems += [f"hierarchy.csv: {hcc} drops itself" for hcc, drops in rows["hierarchy.csv"] if hcc == drops]
    flags, categories = set(meta["flags"]), groups | {prefix + hcc for hcc in hccs}
    known_interactions: set[str] = set()
    for interaction, *pair in rows["interactions.csv"]:
        with_flag = any(name in flags for name in pair)
        operands = categories | flags | (known_interactions if with_flag or meta["family"] == "hhs-hcc" else set())
        problems += [f"interactions.csv: {interaction} uses {name!r}" for name in pair if name not in operands]
        known_interactions.add(interaction)
    values: dict[tuple[str, str], int] = {}
    for number, (segment, variable, value) in enumerate(rows["factors.csv"], start=2):
        try:
            points = thousandths(value)
        except ValueError:
            problems.append(f"factors.csv row {number}: {value!r} is not a factor")
            continue
        if values.setdefault((segment, variable), points) != points:
            problems.append(f"factors.csv row {number}: {segment} {variable} twice with different values")
    known = set(names)
    problems += [
        f"factors.csv: {variable} is not in variables.csv" for variable in sorted({v for _, v in values} - known)
    ]
    for number, (code, _, low, high, sex, edit) in enumerate(rows["mapping.csv"], start=2):
        if not (low == "" or low.isdigit()) or not (high == "" or high.isdigit()) or sex not in ("", "F", "M"):
            problems.append(f"mapping.csv row {number}: condition of {code} not understood")
        elif bool(low or high or sex) != bool(edit):
            problems.append(f"mapping.csv row {number}: condition and edit of {code} do not go together")
    decided = {row[0] for row in rows["mapping.csv"]}
    problems += [f"undecided.csv: {code} is in the map" for (code,) in rows.get("undecided.csv", ()) if code in decided]
    for need in meta.get("requires", ()):
        unknown = {need["hcc"], *need["any_of"]} - hccs
        problems += [f"requires: unknown category {hcc!r}" for hcc in sorted(unknown)]
    return problems


def build(meta: dict[str, Any], rows: Rows, stamp: str = "") -> Release:
    """Compile checked tables. stamp: tells imports of one program, year, model and status apart in the release's id."""
    prefix = meta["prefix"]
    labels = {variable: label for variable, _, label in rows["variables.csv"]}
    hccs = tuple(
        sorted((v.removeprefix(prefix) for v, kind, _ in rows["variables.csv"] if kind == "hcc"), key=category_order)
    )
    bits = {hcc: 1 << index for index, hcc in enumerate(hccs)}

    codes: dict[str, int] = {}
    edited: dict[str, list[Rule]] = {}
    for code, hcc, low, high, sex, edit in rows["mapping.csv"]:
        if edit:
            rule = Rule(bits[hcc], int(low or 0), int(high or 999), sex, edit)
            edited.setdefault(code, []).append(rule)
        else:
            codes[code] = codes.get(code, 0) | bits[hcc]

    kills: dict[int, int] = {}
    for hcc, drops in rows["hierarchy.csv"]:
        kills[bits[hcc]] = kills.get(bits[hcc], 0) | bits[drops]
    groups: dict[str, int] = {prefix + hcc: bit for hcc, bit in bits.items()}
    for group, hcc in rows["groups.csv"]:
        groups[group] = groups.get(group, 0) | bits[hcc]
    interactions: dict[str, Interaction] = {}
    for name, *pair in rows["interactions.csv"]:
        flag = next((operand for operand in pair if operand in meta["flags"]), "")
        masks = [groups[operand] for operand in pair if operand in groups]
        for operand in pair:
            if operand in interactions:  # a flag with an interaction
                masks = [*interactions[operand].masks, *masks]
        interactions[name] = Interaction(name, masks[0], masks[-1], flag, tuple(masks))

    bundles: dict[str, dict[str, int]] = {}
    for segment, bundle, hcc in rows.get("bundles.csv", ()):
        own = bundles.setdefault(segment, {})
        own[bundle] = own.get(bundle, 0) | bits[hcc]
    drugs: dict[tuple[str, str], int] = {}
    for kind, code, hcc in rows.get("drugs.csv", ()):
        drugs[kind, code] = drugs.get((kind, code), 0) | bits[hcc]

    factors: dict[str, dict[str, int]] = {}
    numbers: dict[tuple[str, str], int] = {}
    for number, (segment, variable, value) in enumerate(rows["factors.csv"], start=2):
        factors.setdefault(segment, {})[variable] = thousandths(value)
        numbers[segment, variable] = number

    release_id = f"{meta['program']}/{meta['payment_year']}/{meta['model']} {meta['status']} {stamp}".rstrip()
    return Release(
        id=release_id,
        program=meta["program"],
        model=meta["model"],
        payment_year=meta["payment_year"],
        family=meta["family"],
        status=meta["status"],
        prefix=prefix,
        options=meta.get("options", {}),
        hccs=hccs,
        labels=labels,
        bits=bits,
        codes=codes,
        edited={code: tuple(rules) for code, rules in edited.items()},
        kills=kills,
        parents=sum(kills),
        requires=tuple(
            (bits[need["hcc"]], sum(bits[hcc] for hcc in need["any_of"])) for need in meta.get("requires", ())
        ),
        in_sequence=meta["hierarchy"] == "in sequence",
        interactions=tuple(interactions.values()),
        counts=tuple((name, int(low), int(high or 999)) for name, low, high in rows["counts.csv"]),
        factors=factors,
        rows=numbers,
        groups=groups,
        bundles=bundles,
        drugs=drugs,
        cells=tuple((name, sex, int(low or 0), int(high or 999)) for name, sex, low, high in rows.get("cells.csv", ())),
        undecided=frozenset(code for (code,) in rows.get("undecided.csv", ())),
    )


def category_order(name: str) -> tuple[str, int, str]:
    """By number where a category has one, so that 9 comes before 10; HHS categories before drug categories."""
    found = re.search(r"\d+", name)
    return (name[: found.start()], int(found[0]), name) if found else (name, 0, name)
