"""A population at once: the same scores as one by one, in columns (numpy).

    score_population("cms-hcc", 2026, {"age": ages, "sex": sexes, "dual": duals}, member, code)

People who bring the same facts share everything before their diagnoses, so those facts are worked out once for each
distinct combination, by the same functions as for one person. What is left is a table of people by categories, worked
through in blocks so that memory stays small.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.beneficiary import Beneficiary, codes_of
from scoring.calculate import Part, Run
from scoring.errors import InvalidInput
from scoring.tables import Release, load_release, load_year, ones
from scoring.worksheet import frailty_of, runs_of

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

    blends = {year.blend(model, plan) for plan in {person.plan for person in persons} or {None}}
    if len(blends) != 1:
        raise InvalidInput("people: their plans are scored by different models: score each plan apart, or name a model")
    blend = blends.pop()
    runs = [runs_of(year, blend, person, factors=factors) for person in persons]
    models = [
        Model(weight, load_release(use), [own[place] for own in runs], diagnoses)
        for place, (weight, use) in enumerate(blend)
    ]
    result = np.zeros((3, size), dtype=np.int64)
    for number, start in enumerate(range(0, size, BLOCK)):
        block = slice(start, start + BLOCK)
        result[:, block] = scores(models, Months(runs, kind[block]), diagnoses.of(number), start)
    raw, normalized, payment = result
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

    def of(self, number: int) -> tuple[Numbers, Numbers]:
        """The members and codes of a block's people."""
        wanted = np.uint16(number)
        entries = slice(*(int(np.searchsorted(self.block, wanted, side)) for side in ("left", "right")))
        return self.members[entries], self.code[entries]


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


class Months:
    """The different months of a block's people, person by person, which are the same in every model of the blend.

    who: the person of each. part: which of its kind's parts it is, counted over the parts of all kinds. count: how many
    such months there are.
    """

    def __init__(self, runs: list[list[Run]], kind: Numbers) -> None:
        parts = [[part.months for part in first.parts] for first, *_ in runs]
        self.kind = kind
        own = np.array([len(months) for months in parts], dtype=np.int64)
        first = np.cumsum(own) - own
        self.starts = np.cumsum(own[kind]) - own[kind]
        self.who = np.repeat(np.arange(len(kind)), own[kind])
        self.part = np.repeat(first[kind] - self.starts, own[kind]) + np.arange(len(self.who))
        self.count = np.array([count for months in parts for count in months], dtype=np.int64)[self.part]

    def mean(self, scores: Numbers) -> Numbers:
        """Scores of months -> of people."""
        if len(self.who) == len(self.kind):
            return scores
        sums = np.add.reduceat(scores * self.count, self.starts, axis=1)
        return half_up(sums, np.add.reduceat(self.count, self.starts))


class Model:
    """One model of the blend, with a run for each kind of person."""

    def __init__(self, weight: int, release: Release, runs: list[Run], diagnoses: Diagnoses) -> None:
        self.weight = weight
        self.rules = Rules(release, diagnoses.names)
        self.age = np.array([run.age for run in runs], dtype=np.int16)
        self.woman = np.array([run.sex == "F" for run in runs], dtype=bool)
        plain = all(type(part) is Part for run in runs for part in run.parts) and not any(run.drugs for run in runs)
        self.evaluate = in_columns(release, runs) if plain else one_by_one(runs)


def scores(models: list[Model], months: Months, entries: tuple[Numbers, Numbers], start: int) -> Numbers:
    """(raw, normalized, payment) of a block's people. entries: members and codes. start: the block's first person."""
    members, code = entries
    total = np.zeros((3, len(months.who)), dtype=np.int64)
    for model in models:
        age, woman = model.age[months.kind], model.woman[months.kind]
        total += model.weight * model.evaluate(months, model.rules.table(members - start, code, age, woman))
    return months.mean(half_up(total, 100))


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


def one_by_one(runs: list[Run]) -> Callable[[Months, Table], Numbers]:
    """(months, table before the hierarchy) -> scores of the months, each by the run of its kind."""

    def evaluate(months: Months, table: Table) -> Numbers:
        packed = np.packbits(table, axis=1, bitorder="little")
        masks = [int.from_bytes(row.tobytes(), "little") for row in packed]
        found = [
            points
            for kind, mask in zip(months.kind.tolist(), masks, strict=True)
            for points in runs[kind].monthly(mask | runs[kind].drugs)
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 3).T

    return evaluate


def in_columns(release: Release, runs: list[Run]) -> Callable[[Months, Table], Numbers]:
    """(months, table before the hierarchy) -> scores of the months, everybody at once."""
    parts = [part for run in runs for part in run.parts]
    normalization = np.array([part.normalization for part in parts], dtype=np.int64)
    adjustment = np.array([part.adjustment for part in parts], dtype=np.int64)
    points = Coefficients(parts)

    def evaluate(months: Months, table: Table) -> Numbers:
        hierarchy(release, table)
        raw = points.raw(months.part, months.who, table)
        normalized = half_up(raw * 1000, normalization[months.part])
        return np.array([raw, normalized, half_up(normalized * adjustment[months.part], 1000)])

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
