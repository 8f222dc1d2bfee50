"""What can go wrong, each named for the fact.

Messages say what happened and what to do next. They may name codes, programs, years and fields; never a person's birth
date, age or any other fact that identifies somebody.
"""


class ScoringError(ValueError):
    """Every refusal of this package."""


class InvalidInput(ScoringError):
    """A field is missing, malformed, contradictory, or not used by the program."""


class MalformedCode(InvalidInput):
    """A diagnosis that does not have the shape of an ICD-10-CM code."""


class UnknownProgram(ScoringError):
    """No such program, payment year, model or segment here."""


class MissingTables(ScoringError):
    """The program and year are known, but a model's tables have to be supplied by the user."""


class MissingFactor(ScoringError):
    """A normalization factor, coding adjustment, frailty factor or blend that has to be supplied by the user."""


class TablesBroken(ScoringError):
    """A release's files do not say what its model.toml promises, or contradict each other."""


class ProposedRelease(ScoringError):
    """The release was only proposed; it never scores a person."""
