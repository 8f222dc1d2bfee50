"""What each table of a rule file may hold, field by field, and the words for what it holds instead.

`terms = "gout"` is a text, and so a list of letters to whoever forgets to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """words: what a value must be, to follow "must be"."""

    words: str
    fits: Callable[[Any], bool]


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


TEXT = Shape('text in quotes, "…"', lambda v: isinstance(v, str))
TEXTS = Shape('a list of texts, ["…", "…"]', _texts)
ONE_OR_MORE = Shape('text in quotes, "…", or a list of texts', lambda v: isinstance(v, str) or _texts(v))
NUMBER = Shape("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool))
TRUTH = Shape("true or false", lambda v: isinstance(v, bool))
VALUES = Shape(
    "a table of texts, {… = …}",
    lambda v: isinstance(v, dict) and all(isinstance(one, str | int) for one in v.values()),
)
PATTERNS = Shape("a table of lists of texts", lambda v: isinstance(v, dict) and all(map(_texts, v.values())))
WANTED = Shape(
    "a table of texts or lists of texts, {… = …}",
    lambda v: isinstance(v, dict) and all(map(ONE_OR_MORE.fits, v.values())),
)
TABLE = Shape("a table", lambda v: isinstance(v, dict))
NAMED = Shape(
    "a table of tables, [attributes.NAME]",
    lambda v: isinstance(v, dict) and all(isinstance(one, dict) for one in v.values()),
)
TABLES = Shape("a list of tables", lambda v: isinstance(v, list) and all(isinstance(one, dict) for one in v))

Fields = Mapping[str, Shape]


def fields(*groups: tuple[str, Shape]) -> Fields:
    return {name: shape for names, shape in groups for name in names.split()}


FAMILY = fields(
    ("family label kind policy source", TEXT),
    ("lapses", TRUTH),
    ("prefixes vague terms not_when not_with related yields_to lends_to distinct", TEXTS),
    ("attributes", NAMED),
    ("meat", TABLE),
    ("term codes also history links examples", TABLES),
)
TERM = fields(
    ("text", ONE_OR_MORE),
    ("set", VALUES),
    ("weak case inner alone", TRUTH),
    ("kind", TEXT),
    ("organ part_of", TEXTS),
)
ATTRIBUTE = fields(
    ("scope default", TEXT),
    ("before after", NUMBER),
    ("many stated", TRUTH),
    ("overrides", TEXTS),
    ("beats values", PATTERNS),
)
CODE_LINE = fields(("when", WANTED), ("code suppress why", TEXT), ("codes", TEXTS), ("offer", TRUTH))
LINK = fields(("family", ONE_OR_MORE), ("when", WANTED), ("set", VALUES), ("unless", TEXTS), ("why", TEXT))
EVIDENCE = fields(("drugs shared_drugs labs signs monitor evaluate assess treat", TEXTS))
EXAMPLE = fields(("text reject section setting reported verdict", TEXT), ("expect meat", TEXTS))
COMMON = fields(("label kind", TEXT), ("prefixes terms drugs", TEXTS))
RARE = fields(("label code kind", TEXT), ("yields_to terms", TEXTS), ("sides", VALUES))
