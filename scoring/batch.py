"""A population at once: the same scores as one by one, in columns (numpy).

    score_population("cms-hcc", 2026, {"age": ages, "sex": sexes, "dual": duals}, member, code)

People who bring the same facts share everything before their diagnoses, so those facts are worked out once for each
distinct combination, by the same functions as for one person. What is left is a table of people by categories, worked
through in blocks so that memory stays small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.beneficiary import Beneficiary, codes_of
from scoring.calculate import Part, compile_parts
from scoring.errors import InvalidInput
from scoring.tables import Release, load_release, load_year, ones
from scoring.worksheet import FactorLookup, frailty_of

BLOCK = 65536
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Population:
    """Scores in thousandths, one for each person in the order given; of a blend the payment scores are blended."""

    raw: Numbers
    normalized: Numbers
    payment: Numbers


def score_population(
    program: str,
    payment_year: int,
    people: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    member: Sequence[int] | npt.NDArray[np.integer[Any]],
    code: Sequence[str] | npt.NDArray[np.str_],
    *,
    model: str | None = None,
    factors: Mapping[str, Mapping[str, str]] | None = None,
    frailty: str | None = None,
) -> Population:
    """Score everybody. model, factors, frailty: as for `worksheet`, the same for all.

    people: columns of facts with the names of `Beneficiary`, of equal length, without `months`; age in years, not birth
    dates. member, code: one entry for each diagnosis, member an index into the columns; repetition changes nothing.
    Raises what `worksheet` raises; InvalidInput for columns that do not fit together, and for the HHS models, whose
    scores depend on more than a table of categories.
    """
    year = load_year(program, payment_year)
    added = frailty_of(year, model, frailty) or 0
    columns = {name: np.asarray(values) for name, values in people.items()}
    sizes = {len(values) for values in columns.values()}
    if len(sizes) != 1 or "age" not in columns or "sex" not in columns or "months" in columns:
        raise InvalidInput("people: columns of one length, among them age and sex, and no months, are needed")
    (size,) = sizes
    members = np.asarray(member, dtype=np.int64)
    if len(members) != len(code) or (len(members) and not 0 <= members.min() <= members.max() < size):
        raise InvalidInput("member and code: one entry for each diagnosis, member an index of a person")
    distinct, code_index = distinct_codes(np.asarray(code, dtype=str))
    block = (members // BLOCK).astype(np.uint16)  # of two bytes, so that the sort is a radix sort
    order = np.argsort(block, kind="stable")
    members, code_index, block = members[order], code_index[order], block[order]
    names = codes_of(distinct.tolist(), "code")
    persons, kind_of_person = kinds(columns, size, program)

    results = []
    for weight, use in year.blend(model):
        release = load_release(use)
        if release.family in ("hhs-hcc", "cdps"):
            raise InvalidInput(f"{program} is scored one person at a time")
        lookup = FactorLookup(year, use, factors)
        parts = [compile_parts(release, person, person.age_in(payment_year), lookup, None)[0] for person in persons]
        results.append((weight, run(release, parts, kind_of_person, columns, members, block, names, code_index)))
    raw, normalized, payment = (
        half_up(sum(weight * scores[step] for weight, scores in results), 100) for step in range(3)
    )
    return Population(raw, normalized, payment + added)


def distinct_codes(code: npt.NDArray[np.str_]) -> tuple[npt.NDArray[np.str_], Numbers]:
    """The codes that occur, and which of them each entry is.

    Codes of up to eight letters are compared as numbers, which is several times faster than as text.
    """
    width = code.dtype.itemsize // 4
    if len(code) and width <= 8:
        letters = np.ascontiguousarray(code).view(np.uint32).reshape(len(code), width)
        if letters.max() < 128:
            packed = np.zeros(len(code), dtype=np.uint64)
            for place in range(width):
                packed |= letters[:, place].astype(np.uint64) << np.uint64(8 * place)
            numbers, index = np.unique(packed, return_inverse=True)
            return numbers.astype("<u8").view("S8").astype(str), index
    distinct, index = np.unique(code, return_inverse=True)
    return distinct, index


def kinds(columns: Mapping[str, npt.NDArray[Any]], size: int, program: str) -> tuple[list[Beneficiary], Numbers]:
    """The distinct combinations of facts, and which of them each person has."""
    key = np.zeros(size, dtype=np.int64)
    for values in columns.values():
        known, index = np.unique(values, return_inverse=True)
        key = np.unique(key * len(known) + index, return_inverse=True)[1]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    people = [
        Beneficiary.of({name: values[number].item() for name, values in columns.items()}, program) for number in first
    ]
    return people, which


def run(
    release: Release,
    parts: list[Part],
    kind_of_person: Numbers,
    columns: Mapping[str, npt.NDArray[Any]],
    members: Numbers,
    block: npt.NDArray[np.uint16],
    names: list[str],
    code_index: Numbers,
) -> tuple[Numbers, Numbers, Numbers]:
    """(raw, normalized, payment) of one model. The diagnoses are sorted by the block of their person."""
    rules = Rules(release, names)
    size = len(kind_of_person)
    age, woman = columns["age"], columns["sex"] == "F"
    raw = np.empty(size, dtype=np.int64)
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        number = np.uint16(start // BLOCK)
        low, high = np.searchsorted(block, number), np.searchsorted(block, number, side="right")
        table = rules.table(members[low:high], code_index[low:high], age, woman, start, stop - start)
        hierarchy(release, table)
        raw[start:stop] = points(release, parts, kind_of_person[start:stop], table)
    normalization = np.array([part.normalization for part in parts], dtype=np.int64)[kind_of_person]
    adjustment = np.array([part.adjustment for part in parts], dtype=np.int64)[kind_of_person]
    normalized = half_up(raw * 1000, normalization)
    return raw, normalized, half_up(normalized * adjustment, 1000)


class Rules:
    """The rows of the map for the codes that occur, as columns: category and conditions."""

    def __init__(self, release: Release, names: list[str]) -> None:
        rows: list[tuple[int, int, int, int]] = []
        starts = []
        for name in names:
            starts.append(len(rows))
            rows += [(bit.bit_length() - 1, 0, 999, 0) for bit in ones(release.codes.get(name, 0))]
            rows += [
                (rule.bit.bit_length() - 1, rule.age_min, rule.age_max, {"": 0, "F": 1, "M": 2}[rule.sex])
                for rule in release.edited.get(name, ())
            ]
        self.categories = len(release.hccs)
        self.starts = np.array(starts, dtype=np.int64)
        self.counts = np.diff(np.array([*starts, len(rows)], dtype=np.int64))
        self.rows = np.array(rows, dtype=np.int64).reshape(-1, 4)

    def table(
        self,
        members: Numbers,
        code_index: Numbers,
        age: npt.NDArray[Any],
        woman: npt.NDArray[np.bool_],
        start: int,
        size: int,
    ) -> npt.NDArray[np.bool_]:
        """People of a block by categories, before the hierarchy."""
        counts = self.counts[code_index]
        who = np.repeat(members, counts)
        offsets = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        hcc, low, high, sex = self.rows[np.repeat(self.starts[code_index], counts) + offsets].T
        holds = (low <= age[who]) & (age[who] <= high) & ((sex == 0) | ((sex == 1) == woman[who]))
        table = np.zeros((size, self.categories), dtype=bool)
        table[who[holds] - start, hcc[holds]] = True
        return table


def places(mask: int) -> list[int]:
    return [bit.bit_length() - 1 for bit in ones(mask)]


def hierarchy(release: Release, table: npt.NDArray[np.bool_]) -> None:
    """Required companions, then the hierarchy, in place."""
    for bit, companions in release.requires:
        (column,) = places(bit)
        table[:, column] &= table[:, places(companions)].any(axis=1)
    before = table if release.in_sequence else table.copy()
    for parent in sorted(release.kills):
        (column,) = places(parent)
        rows = np.flatnonzero(before[:, column])
        if len(rows):
            table[np.ix_(rows, np.array(places(release.kills[parent])))] = False


def points(release: Release, parts: list[Part], kind_of_person: Numbers, table: npt.NDArray[np.bool_]) -> Numbers:
    """Raw scores of a block: people with the same coefficients together."""
    result = np.array([part.demographic for part in parts], dtype=np.int64)[kind_of_person]
    shared: dict[int, int] = {}  # people with the same coefficients are worked out together
    group_of_kind = np.array([shared.setdefault(id(part.coefficients), len(shared)) for part in parts], dtype=np.int64)
    group = group_of_kind[kind_of_person]
    for number in range(len(shared)):
        values = parts[int(np.flatnonzero(group_of_kind == number)[0])].coefficients
        rows = np.flatnonzero(group == number)
        if values is None or not len(rows):
            continue
        mine = table[rows]
        by_place = np.array([values.by_bit[1 << place] for place in range(len(release.hccs))], dtype=np.float32)
        score = np.rint(mine.astype(np.float32) @ by_place).astype(np.int64)  # exact: sums stay far below 2 ** 24
        for left, right, value, _ in values.pairs:
            score += value * (mine[:, places(left)].any(axis=1) & mine[:, places(right)].any(axis=1))
        score += np.array([value for value, _ in values.counts], dtype=np.int64)[mine.sum(axis=1)]
        result[rows] += score
    divisor = np.array([part.base.divisor for part in parts], dtype=np.int64)[kind_of_person]
    return np.where(divisor == 1000, result, half_up(result * 1000, divisor))


def half_up(numerator: Any, denominator: Any) -> Numbers:
    """Halves away from zero, in whole numbers, column by column. denominator > 0."""
    size = (2 * np.abs(numerator) + denominator) // (2 * denominator)
    return np.where(numerator < 0, -size, size)


__all__ = ["Population", "score_population"]
