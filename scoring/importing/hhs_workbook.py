"""The "Do It Yourself" tables of the HHS-HCC models: CMS's workbook of a benefit year, or its sheets as CSV files.

    Table 3          ICD10, validity by fiscal year, MCE conditions, CC Age Split, CC Sex Split, CC, Second CC, Third CC
    Table 4, 11      a category, and those that it sets to 0
    Tables 6, 7, 8   variables of adults, children and infants, each defined in the words of a SAS program
    Table 9          a factor for each model, variable and metal level
    Tables 10a, 10b  drugs (NDC) and services (HCPCS) to drug categories; 10c and 10d (2026 on) to cost factors
    Table 13         cost-sharing reductions (2025 on)

Sheets are told by their number and columns by their heads, since both their places and their number change between
years. Tables 1, 2, 5 and 12 say what `scoring.hhs` does. From the definitions the members of groups are taken; a
variable that it has no rule for is a problem. Labels, and the one interaction of three terms, come from the newest
release of the same model here. The age of every edit is that on the last day of enrollment, as CMS's software has it; a
code that is valid in either half of the benefit year counts.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from scoring.beneficiary import CODE
from scoring.errors import TablesBroken
from scoring.hhs import MATURITIES
from scoring.importing.conditions import bounds, merged
from scoring.importing.draft import Draft, sha256, sorted_mapping
from scoring.importing.hhs_layout import METALS, category
from scoring.importing.hhs_package import COST_FACTORS, IN_CODE, SEGMENTS, completed, counted, drug
from scoring.tables import Rows

SHEET = re.compile(r"table[ _]*(\d+[a-d]?)\b", re.I)
MODEL = re.compile(r"\bV(0[78])\s+HCC\b", re.I)
HCC = re.compile(r"HHS_HCC\d{3}(?:_\d)?")
SEX = re.compile(r"(?:sex\s*=+\s*)?(?:(1|m|male)|(2|f|female))s?(?: only)?", re.I)
NEEDED = ("3", "4", "6", "7", "8", "9", "10a", "10b", "11")
Sheets = dict[str, list[list[str]]]


def sheets_in(path: Path) -> Sheets:
    """The sheets of a workbook, or of a folder of CSV files named for them, by number: "3", "10a". Cells as text."""
    if path.is_dir():
        found = {file: match[1].lower() for file in sorted(path.glob("*.csv")) if (match := SHEET.search(file.stem))}
        return {number: read_csv(file) for file, number in found.items()}
    from openpyxl import load_workbook  # only here, so that scoring does not wait for it

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError):
        raise TablesBroken(f"{path.name} is not a workbook") from None
    try:
        return {
            match[1].lower(): [[text_of(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
            for sheet in book.worksheets
            if (match := SHEET.match(sheet.title.strip()))
        }
    finally:
        book.close()


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [[" ".join(cell.split()) for cell in row] for row in csv.reader(file)]


def text_of(cell: object) -> str:
    """A cell as it is shown: "35", "161.2". A workbook stores every number as a float."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else " ".join(str(cell).split())


def model_of(sheets: Sheets) -> str:
    """ "V08", which the head of Table 4 says."""
    for row in sheets.get("4", ())[:10]:
        for cell in row:
            if found := MODEL.search(cell):
                return f"V{found[1]}"
    raise TablesBroken("the DIY tables do not say which model they are of (V07 or V08 HCC, in the head of Table 4)")


def read_hhs_workbook(path: Path, sheets: Sheets, meta: dict[str, Any], like: Rows) -> tuple[Draft, dict[str, str]]:
    """The draft of one benefit year, and its cost-sharing reductions, none where there is no Table 13.

    like: the rows of a release of the same model. What cannot be read is in the draft's problems.
    """
    draft = Draft(meta)
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    draft.sources = {file.name: sha256(file) for file in files}
    missing = [number for number in NEEDED if number not in sheets]
    if missing:
        raise TablesBroken(f"{path.name}: there is no Table {', '.join(missing)}")

    def the(number: str, *heads: str) -> list[dict[str, str]]:
        return table(sheets[number], number, *heads)

    year = int(meta["payment_year"])
    draft.rows["mapping.csv"] = mapping(the("3", "ICD10", "CC"), year, draft.problems)
    draft.rows["hierarchy.csv"] = [
        (hhs(row[head(row, r"^V\d\d HCC")]), hhs(other))
        for row in the("4", r"V\d\d HCC", "Set to 0")
        for other in listed(row[head(row, r"Set to 0")])
    ]
    draft.rows["hierarchy.csv"] += [
        (drug(row["RXC"]), drug(other))
        for row in the("11", "RXC", "Set to 0")
        for other in listed(row[head(row, r"Set to 0")])
    ]
    said = {segment: definitions(sheets[number]) for segment, number in zip(SEGMENTS, "678", strict=True)}
    draft.rows["bundles.csv"] = [
        (segment, name, hcc)
        for segment in ("Adult", "Child")
        for name, text in said[segment].items()
        if re.fullmatch(r"G\d\d[A-Z]?", name)
        for hcc in dict.fromkeys(HCC.findall(text))
    ]
    draft.rows["groups.csv"] = groups(said, draft)
    draft.rows["interactions.csv"] = interactions(said["Adult"], draft, like)
    draft.rows["drugs.csv"] = drugs(sheets)
    factors = factor_rows(the("9", "Model", "Variable", "Platinum"), draft.problems)
    completed(draft, factors, like)
    return draft, csr(sheets, draft.problems)


def table(rows: list[list[str]], number: str, *heads: str) -> list[dict[str, str]]:
    """The rows below the first one that has all these heads; each head where it is, blank rows left out."""
    for index, row in enumerate(rows):
        if all(any(re.search(rf"^{one}", cell, re.I) for cell in row) for one in heads):
            body = (dict(zip(row, (*values, *[""] * len(row)), strict=False)) for values in rows[index + 1 :])
            return [{name: value for name, value in one.items() if name} for one in body if any(one.values())]
    raise TablesBroken(f"Table {number} has no row with the heads {', '.join(heads)}")


def head(row: Mapping[str, str], pattern: str) -> str:
    """The name of the column, whatever else its head says. Raises TablesBroken where there is none."""
    for name in row:
        if re.search(pattern, name, re.I):
            return name
    raise TablesBroken(f"a column like {pattern.lstrip('^')} is missing; there are {', '.join(row)}")


def listed(text: str) -> list[str]:
    return [part for part in re.split(r"[,;\s]+", text) if re.match(r"\d", part)]


def hhs(text: str) -> str:
    """ "35_1", "35.1" and "HHS_HCC035_1" are "HHS_HCC035_1"; "35" and "35.0" are "HHS_HCC035"."""
    return category(text.removeprefix("HHS_HCC").replace("_", ".").removesuffix(".0"))


def mapping(rows: list[dict[str, str]], year: int, problems: list[str]) -> list[tuple[str, ...]]:
    names = list(rows[0])
    valid = [name for name in names if re.search(rf"Code Valid in FY\s*({year}|{year + 1})", name, re.I)]
    if not valid:
        problems.append(f"Table 3 does not say which codes are valid in fiscal year {year} or {year + 1}")
    of_age, of_sex = ((mce_column(names, kind, year), head(rows[0], f"^CC {kind} Split")) for kind in ("Age", "Sex"))
    found: dict[tuple[str, str], list[tuple[tuple[int, int], tuple[int, int], str]]] = defaultdict(list)
    for row in rows:
        code = row["ICD10"].upper().replace(".", "")
        ccs = [row.get(name, "") for name in ("CC", "Second CC", "Third CC")]
        if not any(ccs) or (valid and not any(row[name].upper() == "Y" for name in valid)):
            continue  # a note below the table, a code without a category, or one that is not valid any more
        try:
            if not CODE.fullmatch(code):
                raise ValueError("is not a code")
            ages = [row.get(name, "") for name in of_age]
            sexes = {sex_of(row.get(name, "")) for name in of_sex} - {""}
            if len(sexes) > 1:
                continue  # for nobody
            condition = (*(bounds(text.replace("≤", "<=").replace("≥", ">=")) for text in ages), "".join(sexes))
            for cc in filter(None, ccs):
                found[code, hhs(cc)].append(condition)  # type: ignore[arg-type]
        except ValueError as error:
            problems.append(f"Table 3: {code}: {error}")
    return sorted_mapping(
        (code, hcc, *condition) for (code, hcc), conditions in found.items() for condition in merged(conditions)
    )


def mce_column(names: list[str], kind: str, year: int) -> str:
    """That of the whole benefit year, or of the fiscal year of the same number; "" where there is none."""
    for start in (rf"CY\s*{year}\b", rf"FY\s*{year}\b", ""):
        hits = [name for name in names if re.search(rf"^{start}.*MCE {kind} Condition", name, re.I)]
        if hits:
            return hits[0]
    return ""


def sex_of(text: str) -> str:
    if not text:
        return ""
    if found := SEX.fullmatch(text):
        return "M" if found[1] else "F"
    raise ValueError(f"sex {text!r} not understood")


def definitions(rows: list[list[str]]) -> dict[str, str]:
    """Variable -> its definition, of as many rows as it takes."""
    found: dict[str, str] = {}
    name, place = "", None
    for row in rows:
        if place is None:
            if any(cell.lower() == "variable" for cell in row):
                place = [cell.lower() for cell in row].index("variable")
                last = next(index for index, cell in enumerate(row) if cell.lower().startswith("definition"))
            continue
        if last >= len(row):
            continue  # a blank row of a CSV file
        name = row[place] or name
        if name and row[last]:
            found[name] = f"{found.get(name, '')} {row[last]}".strip()
    if not found:
        raise TablesBroken("Tables 6 to 8 need the heads Variable and Definition")
    return found


def groups(said: Mapping[str, Mapping[str, str]], draft: Draft) -> list[tuple[str, ...]]:
    infants = said["Infant"]
    result: list[tuple[str, ...]] = []
    for name in (*MATURITIES, *(f"Severity{level}" for level in (5, 4, 3, 2))):
        members = dict.fromkeys(HCC.findall(infants.get(f"IHCC_{name}".upper(), "")))
        if not members:
            draft.problems.append(f"Table 8: no categories of IHCC_{name.upper()}")
        result += [(name, hcc) for hcc in members]
    for kind in ("severe", "transplant"):
        names = {
            segment: {*HCC.findall(text), *re.findall(r"\bG\d\d[A-Z]?\b", text)}
            for segment in ("Adult", "Child")
            for text in (said[segment].get(kind.upper(), ""),)
        }
        rows = [
            {f"{kind}_list": name} | {segment.lower(): "y" if name in own else "" for segment, own in names.items()}
            for name in sorted(set.union(*names.values()))
        ]
        if not rows:
            draft.problems.append(f"Tables 6 and 7: no definition of {kind.upper()}")
        result += counted(kind, rows, draft.rows["bundles.csv"])
    return result


def interactions(adult: Mapping[str, str], draft: Draft, like: Rows) -> list[tuple[str, ...]]:
    """Of a drug category and the categories of which one is needed. The one of three terms is as in `like`."""
    cases = {row[0].upper(): row for row in like["interactions.csv"]}
    result: list[tuple[str, ...]] = []
    for name, text in adult.items():
        if not (found := re.match(r"(RXC_\d\d)_X_", name, re.I)):
            continue
        own = cases.get(name.upper(), (name,))[0]
        hccs = list(dict.fromkeys(HCC.findall(text)))
        if own == IN_CODE:
            result += [row for row in like["interactions.csv"] if row[0] == own]
            draft.rows["groups.csv"] += [row for row in like["groups.csv"] if row[0] in result[-1][1:]]
            numbers = {f"HHS_HCC{number}" for number in re.findall(r"\d{3}", own)}
            if set(hccs) != numbers:
                draft.problems.append(f"Table 6: {name} is defined with other categories than its name")
        elif not hccs:
            draft.problems.append(f"Table 6: no categories of {name}")
        elif len(hccs) == 1:
            result.append((own, found[1].upper(), hccs[0]))
        else:
            draft.rows["groups.csv"] += [(f"{own}:any", hcc) for hcc in hccs]
            result.append((own, found[1].upper(), f"{own}:any"))
    order = {name: index for index, (name, *_) in enumerate(like["interactions.csv"])}
    return sorted(result, key=lambda row: order.get(row[0], len(order)))  # an operand comes before what uses it


def drugs(sheets: Sheets) -> list[tuple[str, ...]]:
    rows: set[tuple[str, ...]] = set()
    for number, kind in (("10a", "NDC"), ("10b", "HCPCS"), ("10c", "NDC"), ("10d", "HCPCS")):
        if number not in sheets:
            continue
        column = "RXC" if number in ("10a", "10b") else "ACF"
        last = ""
        for row in table(sheets[number], number, f"{column}$", f"{kind}$"):
            last = row[column] or last  # written once for all its codes
            code = row.get(kind, "")
            if not code or not last[:1].isdigit():
                continue
            names = [drug(last)] if column == "RXC" else list(COST_FACTORS)
            rows |= {(kind.lower(), code.replace("-", "").zfill(11) if kind == "NDC" else code, name) for name in names}
    return sorted(rows)


def factor_rows(rows: list[dict[str, str]], problems: list[str]) -> list[tuple[str, str, str, str]]:
    """(segment, variable, metal level, factor) of Table 9, where the cost factor of both models is called ACF_01."""
    result: list[tuple[str, str, str, str]] = []
    model = ""
    for row in rows:
        model = row["Model"] or model
        variable = row["Variable"]
        values = {metal: row[head(row, f"^{metal}")] for metal in METALS}
        if not variable or not any(values.values()):
            continue  # a note, or a variable that is a step on the way
        if model not in SEGMENTS:
            problems.append(f"Table 9: {variable} is of no model: {model!r}")
            continue
        if variable.upper() == "ACF_01":
            variable = {"Adult": "ACF_PrEP", "Child": "ACF_PrEP_Child"}.get(model, variable)
        result += [(model, variable, metal, value) for metal, value in values.items()]
    return result


def csr(sheets: Sheets, problems: list[str]) -> dict[str, str]:
    if "13" not in sheets:
        return {}
    found: dict[str, str] = {}
    for row in table(sheets["13"], "13", ".*CSR Indicator", ".*Factor"):
        indicator, factor = row[head(row, "CSR Indicator")], row[head(row, "Factor")]
        if indicator.isdigit() and factor and found.setdefault(indicator, factor) != factor:
            problems.append(f"Table 13: indicator {indicator} twice with different factors")
    return dict(sorted(found.items(), key=lambda item: int(item[0])))
