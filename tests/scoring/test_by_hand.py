"""docs/scoring.md works five examples by hand: each is worked again from its own figures, and asked of the program."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from scoring.contract import answer

PAGE = (Path(__file__).parents[2] / "docs/scoring.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### ([^\n]+ by hand)\n[^#]*?```json\n(.*?)```\n+((?:\|[^\n]*\n)+)", PAGE, re.M | re.S)
RESULTS = {"raw", "normalized", "payment", "csr_adjusted", "blend"}


def rounded(value):
    return value.quantize(Decimal("0.001"), ROUND_HALF_UP)


def number(cell):
    text = cell.strip().strip("*").replace("−", "-")
    return None if text in ("", "–") else Decimal(text)


def worked(table):
    """For each column: (its terms, its steps, what it says comes out). Steps are (÷ or ×, number), in order."""
    _, _, *lines = table.splitlines()
    columns = []
    for line in lines:
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for index, cell in enumerate(cells):
            if index == len(columns):
                columns.append(([], [], {}))
            terms, steps, results = columns[index]
            value = number(cell)
            if value is None:
                continue
            if name.strip("*") in RESULTS:
                results[name.strip("*")] = value
            elif name[0] in "÷×":
                steps.append((name[0], value))
            else:
                terms.append(value)
    return columns


def answers(request):
    """The program's own columns: of the first pass and of everything, or of each model of a blend, or the only one."""
    result = answer(request)
    if request.get("candidates"):
        everything = {**request, "diagnoses": [*request["diagnoses"], *request["candidates"]], "candidates": []}
        return [result, answer(everything)]
    return result.get("models", [result])


def test_there_is_one_of_each_kind():
    assert [title for title, _, _ in EXAMPLES] == [
        "V28 by hand", "A blend by hand", "Part D by hand", "ESRD by hand", "HHS by hand",
    ]  # fmt: skip


@pytest.mark.parametrize(("title", "request_text", "table"), EXAMPLES, ids=[title for title, _, _ in EXAMPLES])
def test_an_example_is_what_its_own_figures_give_and_what_the_program_says(title, request_text, table):
    request = json.loads(request_text)
    columns, found = worked(table), answers(request)
    assert len(columns) == len(found)
    shares = []
    for (terms, steps, results), own in zip(columns, found, strict=True):
        assert sorted(terms) == sorted(value for line in own["lines"] if (value := Decimal(line["value"])))
        values = [sum(terms)]
        for sign, figure in steps:
            if sign == "×" and "blend" in columns[0][2] and len(values) == 3:
                shares.append(values[-1] * figure)
                break
            values.append(rounded(values[-1] / figure if sign == "÷" else values[-1] * figure))
        names = [name for name in ("raw", "normalized", "payment", "csr_adjusted") if name in results]
        assert values == [results[name] for name in names]
        assert [str(value) for value in values] == [own[name] for name in names]
    if shares:
        assert rounded(sum(shares)) == columns[0][2]["blend"] == Decimal(answer(request)["payment"])


def test_what_the_suggestion_is_worth_is_the_difference_of_its_table():
    _, request_text, table = EXAMPLES[0]
    before, after = (results["payment"] for _, _, results in worked(table))
    said = re.search(r"worth ([\d.]+) − ([\d.]+) = ([\d.]+)", PAGE)
    assert (after, before, after - before) == tuple(map(Decimal, said.groups()))
    assert answer(json.loads(request_text))["candidates"]["N18.32"]["delta"] == said[3]


def test_the_constant_of_the_first_transplant_month_is_the_tables():
    said = re.search(r"first month after the transplant is ([\d.]+) whoever", PAGE)[1]
    person = {"age": 30, "sex": "M", "esrd": {"status": "transplant", "transplant_month": 1}}
    request = {"program": "esrd", "payment_year": 2026, "beneficiary": person, "diagnoses": []}
    assert answer(request)["raw"] == said
