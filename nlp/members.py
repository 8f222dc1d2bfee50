"""The notes of one person after each other: what one has word for word from an earlier one, and what contradicts one.

Each note is read by itself (`nlp.read`); this compares what came of it. Pure; nothing is kept but what is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nlp.contradictions import between
from nlp.copied import same, sentences
from nlp.findings import Statement

NoteId = str | int


@dataclass
class Member:
    """The notes of a person so far, in the order in which they came: that of their dates."""

    notes: list[tuple[NoteId, str, Sequence[Statement]]] = field(default_factory=list)
    sentences: dict[str, NoteId] = field(default_factory=dict)
    """The newest note that has a sentence."""

    def add(self, note_id: NoteId, text: str, day: str, said: Sequence[Statement]) -> dict[str, Any]:
        """`copied`: [start, end, note] of each sentence of an earlier note. `between`: contradictions with those."""
        spans = [(start, end, same(text[start:end])) for start, end in sentences(text)]
        copied = [[start, end, self.sentences[key]] for start, end, key in spans if key in self.sentences]
        self.sentences |= {key: note_id for _, _, key in spans}
        self.notes.append((note_id, day, said))
        return {"copied": copied, "between": self.contradictions()}

    def contradictions(self) -> list[dict[str, Any]]:
        """Those between the newest note and an earlier one; each side with its note."""
        newest = len(self.notes) - 1
        pairs = between([(number, day, said) for number, (_, day, said) in enumerate(self.notes)])
        return [
            {
                "kind": pair.kind,
                "family": pair.one.statement.subject,
                "icd10": pair.icd10,
                "rule": pair.rule,
                "sides": [
                    [self.notes[side.note][0], side.statement.start, side.statement.end]
                    for side in (pair.one, pair.other)
                ],
                "why": pair.why,
            }
            for pair in pairs
            if pair.one.note != pair.other.note and newest in (pair.one.note, pair.other.note)
        ]
