"""The same record twice: as it is documented, and as it would be paid.

Some entries of a record are sound diagnoses that the payer leaves out: from payment year 2027 on those of chart review
records without a link to an encounter, and of audio-only visits. Whether an entry is one of them is for the caller to
say, by marking it; here the model is run with and without the marked entries.

    unlinked = NotPayable("N18.32", "unlinked chart review record")
    both(sheet, ["E11.22", "I50.32"], [([unlinked], [])])    # documented +0.267, paid +0.000
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scoring.beneficiary import code_of, dotted
from scoring.worksheet import Delta, Worksheet


@dataclass(frozen=True, slots=True)
class NotPayable:
    """An entry that the record documents and that would not be paid. why: in a phrase, as a reader is told."""

    code: str
    why: str


Entry = str | NotPayable


@dataclass(frozen=True, slots=True)
class Both:
    """What a change does to the score as documented, and to the score as it would be paid.

    not_paid: one sentence for each code of the change that is not paid.
    """

    documented: Delta
    paid: Delta
    not_paid: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the payment changes as it does."""
        return (*self.paid.reasons, *self.not_paid)


def documented(entries: Iterable[Entry]) -> list[str]:
    """The codes of every entry."""
    return [entry.code if isinstance(entry, NotPayable) else entry for entry in entries]


def payable(entries: Iterable[Entry]) -> list[str]:
    """The codes of the entries that would be paid."""
    return [entry for entry in entries if not isinstance(entry, NotPayable)]


def both(
    sheet: Worksheet, diagnoses: Sequence[Entry], changes: Sequence[tuple[Sequence[Entry], Sequence[Entry]]]
) -> tuple[Both, ...]:
    """`Worksheet.what_if` for each change (entries added, entries removed), as documented and as paid.

    diagnoses: the baseline, one entry for each source. An entry that is removed is marked as it is in the baseline, so
    that striking what was not paid costs nothing.
    """
    whole = sheet.what_if(documented(diagnoses), [(documented(new), documented(gone)) for new, gone in changes])
    paid = sheet.what_if(payable(diagnoses), [(payable(new), payable(gone)) for new, gone in changes])
    return tuple(
        Both(one, two, not_paid((*new, *gone))) for one, two, (new, gone) in zip(whole, paid, changes, strict=True)
    )


def not_paid(entries: Iterable[Entry]) -> tuple[str, ...]:
    """ "N18.32: not paid (unlinked chart review record)" for each marked entry."""
    told = [
        f"{dotted(code_of(entry.code))}: not paid ({entry.why})" for entry in entries if isinstance(entry, NotPayable)
    ]
    return tuple(dict.fromkeys(told))
