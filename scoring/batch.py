"""A population at once: the same scores as one by one, in columns (numpy).

    score_population("cms-hcc", 2026, {"age": ages, "sex": sexes, "dual": duals}, member, code)

People who bring the same facts share everything before their diagnoses, so those facts are worked out once for each
distinct combination, by the same functions as for one person. What is left is a table of people by categories, worked
through in blocks so that memory stays small.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.beneficiary import Beneficiary, codes_of
from scoring.calculate import Part, Run
from scoring.errors import InvalidInput
from scoring.tables import Release, load_release, load_year, ones
from scoring.worksheet import factors_of, frailty_of, run_of

BLOCK = 65536
NESTED = ("months", "ndc", "hcpcs", "esrd")  # facts whose values are lists or objects
SLOT_BITS = 18
BITS = np.array([byte.bit_count() for byte in range(256)])
Numbers = npt.NDArray[np.int64]
Table = npt.NDArray[np.bool_]


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

    people: columns of facts with the names of `Beneficiary`, of equal length; an age in years (age, or age_last for the
    HHS models) rather than birth dates, and () in `months` for a person whose months are all alike. member, code: one
    entry for each diagnosis, member an index into the columns; repetition changes nothing. The HHS models and those
    with drugs are worked out person by person, since their scores depend on more than a table of categories.
    Raises what `worksheet` raises, and InvalidInput for columns that do not fit together.
    """
    year = load_year(program, payment_year)
    added = frailty_of(year, model, frailty) or 0
    sizes = {len(values) for values in people.values()}
    if len(sizes) != 1 or "sex" not in people or not {"age", "age_last"} & people.keys():
        raise InvalidInput("people: columns of one length, among them age and sex, are needed")
    (size,) = sizes
    members = np.asarray(member, dtype=np.int64)
    if len(members) != len(code) or (len(members) and not 0 <= members.min() <= members.max() < size):
        raise InvalidInput("member and code: one entry for each diagnosis, member an index of a person")
    persons, kind = kinds(people, size, program)
    diagnoses = Diagnoses(members, np.asarray(code, dtype=str))

    total = np.zeros((3, size), dtype=np.int64)
    blends = {year.blend(model, plan) for plan in {person.plan for person in persons} or {None}}
    if len(blends) != 1:
        raise InvalidInput("people: their plans are scored by different models: score each plan apart, or name a model")
    for weight, use in blends.pop():
        factor_of = factors_of(use, factors)
        runs = [run_of(year, weight, use, person, None, factor_of) for person in persons]
        total += weight * scores(load_release(use), runs, kind, diagnoses)
    raw, normalized, payment = half_up(total, 100)
    return Population(raw, normalized, payment + added)


class Diagnoses:
    """One entry for each diagnosis, sorted by the block of its person.

    names: the distinct codes, normalized. code: which of them each entry is. Raises MalformedCode.
    """

    def __init__(self, members: Numbers, codes: npt.NDArray[np.str_]) -> None:
        first, code = distinct(codes)
        self.names = codes_of(codes[first].tolist(), "code")
        block = (members // BLOCK).astype(np.uint16)  # of two bytes, so that the sort is a radix sort
        order = np.argsort(block, kind="stable")
        self.members, self.code, self.block = members[order], code[order], block[order]

    def of(self, number: int) -> slice:
        """The entries of a block's people."""
        wanted = np.uint16(number)
        return slice(*(int(np.searchsorted(self.block, wanted, side)) for side in ("left", "right")))


def distinct(values: npt.NDArray[Any]) -> tuple[Numbers, Numbers]:
    """(where each distinct value is found, which of them each value is), in no particular order."""
    keys = numbers_of(values)
    if keys is not None:
        return hashed(keys)
    _, first, index = np.unique(values, return_index=True, return_inverse=True)
    return first, index


def hashed(keys: npt.NDArray[np.uint64], multiplier: int = 0x9E3779B97F4A7C15) -> tuple[Numbers, Numbers]:
    """`distinct` of numbers, in a fraction of the time that sorting takes.

    Each goes to a slot of a table; those that found another number in theirs go again, to other slots.
    """
    slot = ((keys * np.uint64(multiplier)) >> np.uint64(64 - SLOT_BITS)).astype(np.int64)
    holder = np.full(1 << SLOT_BITS, -1)
    holder[slot] = np.arange(len(keys))
    taken = np.flatnonzero(holder >= 0)
    first = holder[taken]
    held, number = np.empty(len(holder), dtype=np.uint64), np.empty_like(holder)
    held[taken], number[taken] = keys[first], np.arange(len(first))
    index = number[slot]
    rest = np.flatnonzero(held[slot] != keys)
    if len(rest):
        others, own = hashed(keys[rest], (multiplier * 0xD1342543DE82EF95 + 2) % (1 << 64) | 1)
        index[rest] = own + len(first)
        first = np.concatenate([first, rest[others]])
    return first, index


def numbers_of(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64] | None:
    """Whole numbers, truth values and text of up to eight letters, as numbers; None for anything else."""
    if values.dtype.kind in "iub":
        return values.astype(np.uint64)
    width = values.dtype.itemsize // 4
    if values.dtype.kind != "U" or not 0 < width <= 8:
        return None
    letters = np.ascontiguousarray(values).view(np.uint32).reshape(len(values), width)
    if len(letters) and letters.max() > 255:
        return None
    packed = np.zeros(len(values), dtype=np.uint64)
    for place in range(width):
        packed |= letters[:, place].astype(np.uint64) << np.uint64(8 * place)
    return packed


def kinds(
    people: Mapping[str, Sequence[Any] | npt.NDArray[Any]], size: int, program: str
) -> tuple[list[Beneficiary], Numbers]:
    """The distinct combinations of facts, and which of them each person has."""
    key = np.zeros(size, dtype=np.int64)
    columns: dict[str, Any] = {}
    for name, values in people.items():
        if name in NESTED:
            known: dict[str, int] = {}
            columns[name] = values
            index = np.array([known.setdefault(repr(value), len(known)) for value in values], dtype=np.int64)
        else:
            columns[name] = np.asarray(values)
            _, index = distinct(columns[name])
        key = distinct(key * (index.max(initial=0) + 1) + index)[1]
    first, kind = distinct(key)
    rows = [
        {name: values[number] if name in NESTED else values[number].item() for name, values in columns.items()}
        for number in first
    ]
    return [Beneficiary.of(row, program) for row in rows], kind


def scores(release: Release, runs: list[Run], kind: Numbers, diagnoses: Diagnoses) -> Numbers:
    """(raw, normalized, payment) of one model by person: a run for each kind, and everybody's kind."""
    plain = all(type(part) is Part for run in runs for part in run.parts) and not any(run.drugs for run in runs)
    evaluate = in_columns(release, runs) if plain else one_by_one(runs)
    rules = Rules(release, diagnoses.names)
    age = np.array([run.age for run in runs], dtype=np.int16)[kind]
    woman = np.array([run.sex == "F" for run in runs], dtype=bool)[kind]
    result = np.empty((3, len(kind)), dtype=np.int64)
    for number, start in enumerate(range(0, len(kind), BLOCK)):
        people = slice(start, start + BLOCK)
        entries = diagnoses.of(number)
        members, code = diagnoses.members[entries] - start, diagnoses.code[entries]
        table = rules.table(members, code, age[people], woman[people])
        result[:, people] = evaluate(kind[people], table)
    return result


class Rules:
    """The rows of the map for the codes that occur, as columns: category and conditions."""

    def __init__(self, release: Release, names: list[str]) -> None:
        rows: list[tuple[int, int, int, int]] = []
        starts = []
        for name in names:
            starts.append(len(rows))
            rows += [(bit.bit_length() - 1, 0, 999, 0) for bit in ones(release.codes.get(release.decided(name), 0))]
            rows += [
                (rule.bit.bit_length() - 1, rule.age_min, rule.age_max, {"": 0, "F": 1, "M": 2}[rule.sex])
                for rule in release.edited.get(name, ())
            ]
        self.categories = len(release.hccs)
        self.starts = np.array(starts, dtype=np.int64)
        self.counts = np.diff(np.array([*starts, len(rows)], dtype=np.int64))
        self.rows = np.array(rows, dtype=np.int64).reshape(-1, 4)

    def table(self, members: Numbers, code: Numbers, age: npt.NDArray[np.int16], woman: Table) -> Table:
        """People of a block by categories, before the hierarchy. members: indexes of age and woman."""
        counts = self.counts[code]
        who = np.repeat(members, counts)
        offsets = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        hcc, low, high, sex = self.rows[np.repeat(self.starts[code], counts) + offsets].T
        holds = (low <= age[who]) & (age[who] <= high) & ((sex == 0) | ((sex == 1) == woman[who]))
        table = np.zeros((len(age), self.categories), dtype=bool)
        table[who[holds], hcc[holds]] = True
        return table


def one_by_one(runs: list[Run]) -> Callable[[Numbers, Table], Numbers]:
    """(kinds, table before the hierarchy) -> scores, each by the run of its kind."""

    def evaluate(kind: Numbers, table: Table) -> Numbers:
        packed = np.packbits(table, axis=1, bitorder="little")
        masks = [int.from_bytes(row.tobytes(), "little") for row in packed]
        found = [runs[own].evaluate(mask | runs[own].drugs) for own, mask in zip(kind.tolist(), masks, strict=True)]
        return np.array(found, dtype=np.int64).reshape(-1, 3).T

    return evaluate


def in_columns(release: Release, runs: list[Run]) -> Callable[[Numbers, Table], Numbers]:
    """(kinds, table before the hierarchy) -> scores, everybody at once."""
    parts = [part for run in runs for part in run.parts]
    spans = np.array([len(run.parts) for run in runs], dtype=np.int64)
    first = np.array([0, *accumulate(len(run.parts) for run in runs)][:-1], dtype=np.int64)
    months = np.array([part.months for part in parts], dtype=np.int64)
    normalization = np.array([part.normalization for part in parts], dtype=np.int64)
    adjustment = np.array([part.adjustment for part in parts], dtype=np.int64)
    points = Coefficients(parts)

    def evaluate(kind: Numbers, table: Table) -> Numbers:
        hierarchy(release, table)
        own = spans[kind]
        starts = np.cumsum(own) - own
        who = np.repeat(np.arange(len(kind)), own)
        part = np.repeat(first[kind] - starts, own) + np.arange(len(who))
        raw = points.raw(part, who, table)
        normalized = half_up(raw * 1000, normalization[part])
        result = np.array([raw, normalized, half_up(normalized * adjustment[part], 1000)])
        if len(who) == len(kind):
            return result
        return half_up(np.add.reduceat(result * months[part], starts, axis=1), np.add.reduceat(months[part], starts))

    return evaluate


def places(mask: int) -> list[int]:
    return [bit.bit_length() - 1 for bit in ones(mask)]


def hierarchy(release: Release, table: Table) -> None:
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


class Coefficients:
    """The factors of several parts, those with the same ones together."""

    def __init__(self, parts: list[Part]) -> None:
        shared: dict[int, int] = {}
        self.group = np.array([shared.setdefault(id(part.coefficients), len(shared)) for part in parts], dtype=np.int64)
        values = [parts[int(np.flatnonzero(self.group == number)[0])].coefficients for number in shared.values()]
        self.values = [
            (np.array(own.bytes), np.array([value for value, _ in own.counts]), own.pairs) if own else None
            for own in values
        ]
        self.demographic = np.array([part.demographic for part in parts], dtype=np.int64)
        self.divisor = np.array([part.base.divisor for part in parts], dtype=np.int64)

    def raw(self, part: Numbers, who: Numbers, table: Table) -> Numbers:
        """Raw scores of months alike: their part, and the row of the table (after the hierarchy) of their person."""
        packed = np.packbits(table, axis=1, bitorder="little")
        count = BITS[packed].sum(axis=1)
        result = self.demographic[part]
        group = self.group[part]
        for number, values in enumerate(self.values):
            months = np.flatnonzero(group == number)
            if values is None or not len(months):
                continue
            tables, by_count, pairs = values
            rows = who[months]
            mine = table[rows]
            score = by_count[count[rows]]
            for table_of_byte, byte in zip(tables, packed[rows].T, strict=True):
                score += table_of_byte[byte]
            for left, right, value, _ in pairs:
                score += value * (mine[:, places(left)].any(axis=1) & mine[:, places(right)].any(axis=1))
            result[months] += score
        divisor = self.divisor[part]
        return np.where(divisor == 1000, result, half_up(result * 1000, divisor))


def half_up(numerator: Any, denominator: Any) -> Numbers:
    """Halves away from zero, in whole numbers, column by column. denominator > 0."""
    size = (2 * np.abs(numerator) + denominator) // (2 * denominator)
    return np.where(numerator < 0, -size, size)


__all__ = ["Population", "score_population"]
