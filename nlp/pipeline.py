"""The one file that touches spaCy and medspaCy: the scopes of ConText modifiers in one sentence.

medspaCy's ConText decides how far a cue reaches. Its tokenizer, its sentence splitter (PyRuSH, which is slow and logs
through the root logger), its target matcher and its sectionizer are not used: a sentence becomes a micro-document from
this file's own tokens, and only sentences with something to assert come here. Imports happen at the first call, so that
importing `nlp` stays cheap for a web process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from nlp import catalog
from nlp.catalog import CueRule

TOKEN = re.compile(r"[^\W\d_]++(?!(?<=n)'t\b)|n't\b|\d+(?:[.,/]\d+)*|[^\W\d_]+(?=n't\b)|[^\W\d_]+|[^\w\s]|_+")
"""A word (first the usual one, which is no "didn't"), the "n't" of one, a number, a sign."""
STOP_SUFFIX = "_STOP"


@dataclass(frozen=True, slots=True)
class Cue:
    """A modifier in a sentence, in characters of the sentence: its words, its scope, its limits."""

    category: str
    direction: str
    text: str
    start: int
    end: int
    scope_start: int
    scope_end: int
    max_targets: int | None
    kinds: tuple[str, ...]


Match = tuple[int, int, int]
"""Number of the rule, first token, token after the last."""


class TokenTrie:
    """Token sequences to rule numbers; all matches at all places in one walk."""

    def __init__(self, rules: tuple[CueRule, ...]) -> None:
        self.root: dict[str | None, Any] = {}
        for number, rule in enumerate(rules):
            node = self.root
            for token in TOKEN.findall(rule.text):
                node = node.setdefault(token, {})
            node.setdefault(None, []).append(number)

    def matches(self, words: list[str]) -> Iterator[Match]:
        for start in [n for n, word in enumerate(words) if word in self.root]:
            node = self.root.get(words[start])
            end = start + 1
            while node is not None:
                for number in node.get(None, ()):
                    yield number, start, end
                if end >= len(words):
                    break
                node = node.get(words[end])
                end += 1


def leftmost_longest(matches: list[Match]) -> list[Match]:
    """Without overlaps: the longest wins, the first of equals; all rules on a winning span stay."""
    if len(matches) < 2:
        return matches
    taken: list[tuple[int, int]] = []
    for _, start, end in sorted(matches, key=lambda m: (m[1] - m[2], m[1])):
        if (start, end) in taken:
            continue
        if all(end <= a or start >= b for a, b in taken):
            taken.append((start, end))
    winners = set(taken)
    return sorted((m for m in matches if (m[1], m[2]) in winners), key=lambda m: (m[1], m[2], m[0]))


@cache
def engine() -> Callable[[str], tuple[Cue, ...]]:
    """Built once per process: a function from a folded sentence to its cues with their scopes."""
    from medspacy.context import ConText
    from medspacy.context.context_modifier import ConTextModifier
    from medspacy.context.context_rule import ConTextRule
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

    vocab = Vocab()
    ConText.register_graph_attributes()
    rules = catalog.load().cues
    trie = TokenTrie(rules)
    context_rules = [context_rule(ConTextRule, rule) for rule in rules]

    @lru_cache
    def blank(size: int) -> Doc:
        """A document of one sentence: scopes depend on the number of words alone, so spaCy never sees a note's."""
        return Doc(vocab, words=["x"] * size, sent_starts=[n == 0 for n in range(size)])

    @lru_cache(maxsize=10_000)
    def scope(number: int, first: int, last: int, size: int) -> tuple[int, int]:
        """How far ConText lets a cue reach that stands between two words of a sentence of so many."""
        low, high = ConTextModifier(context_rules[number], first, last, blank(size)).scope_span
        return low, high

    def cues(sentence: str) -> tuple[Cue, ...]:
        words = TOKEN.findall(sentence)
        last = len(words)
        found = [
            m
            for m in trie.matches(words)
            if not rules[m[0]].ends or m[2] >= last or words[m[2]] in {",", ";", ".", "|", ")", ":"}
        ]
        if not any(rules[n].direction in SCOPED for n, _, _ in found):
            return ()
        tokens = [m.span() for m in TOKEN.finditer(sentence)]
        found = [m for m in leftmost_longest(found) if rules[m[0]].direction != "pseudo"]
        out = []
        for i, (n, a, b) in enumerate(found):
            rule = rules[n]
            if rule.direction not in SCOPED:
                continue
            low, high = limited(scope(n, a, b, last), i, found, rules, words)
            if low < high:
                out.append(
                    Cue(
                        rule.category,
                        rule.direction,
                        rule.text,
                        tokens[a][0],
                        tokens[b - 1][1],
                        tokens[low][0],
                        tokens[high - 1][1],
                        rule.max_targets,
                        rule.kinds,
                    )
                )
        return tuple(out)

    return cues


OPENERS = frozenset(
    {
        "history of", "history of known", "h/o", "hx of", "known", "known to have", "has", "due to", "secondary to",
        "2/2", "related to", "diagnosed with", "reports", "patient has", "pt has", "he has", "she has",
    }
)  # fmt: skip
"""Stops that name what follows as the patient's, unless the cue itself governs them: "does not have a history of"."""
BETWEEN = frozenset({"a", "an", "any", "the", "prior", "previous", "past", "personal", "significant", "known", "had"})
"""Words that may stand between a cue and the opener that it governs."""


SCOPED = ("forward", "backward")
"""Directions of the cues that reach something; the others only end what these reach, or mean nothing."""


def limited(
    scope: tuple[int, int], i: int, found: Sequence[Match], rules: Sequence[CueRule], words: list[str]
) -> tuple[int, int]:
    """What ConTextGraph.update_scopes makes of one modifier's scope, without the pairs that cannot limit each other.

    A forward scope ends at the next later cue, a backward one at the last earlier one, that is of its own category or a
    stop of it. ConText's own test for "ends" fails for every scope that a `max_scope` has cut, since the stop's scope,
    the whole sentence, then contains it: the test here is whether the cue stands in the scope.
    """
    n, _, last = found[i]
    rule = rules[n]
    low, high = scope
    if rule.direction == "forward":
        for number, start, _ in islice(found, i + 1, None):
            if start >= high:
                break
            if low <= start and ends(rules[number], rule) and not governs(rule, rules[number], words[last:start]):
                return low, start
    else:
        for number, _, end in reversed(found[:i]):
            if end <= low:
                break
            if end <= high and ends(rules[number], rule):
                return end, high
    return scope


def governs(cue: CueRule, stop: CueRule, between: list[str]) -> bool:
    """Whether a forward cue stands right before an opener, so that the opener is part of what it denies or doubts."""
    if stop.direction != "stop" or cue.category not in ("negated", "uncertain") or stop.text not in OPENERS:
        return False
    if between and between[-1] in ("or", "nor"):
        return True  # "denies fever, chills or history of"
    return len(between) <= 3 and all(word in BETWEEN for word in between)


def ends(other: CueRule, rule: CueRule) -> bool:
    """Whether a cue may end the scope of a rule: a stop by its category, any other cue by being of the same."""
    if other.direction == "stop":
        return other.category == rule.category or (rule.category, other.category) == ("ruled-out", "negated")
    return other.category == rule.category


def context_rule(make: Any, rule: CueRule) -> Any:
    """A row of context.toml for medspaCy.

    A TERMINATE rule of ConText ends modifiers of every category. A stop of one category therefore becomes a PSEUDO
    rule with a category of its own, which that category's modifiers name in `terminated_by`.
    """
    if rule.direction == "stop":
        return make(rule.text, rule.category + STOP_SUFFIX, direction="PSEUDO")
    stopped_by = {rule.category + STOP_SUFFIX} | ({"negated" + STOP_SUFFIX} if rule.category == "ruled-out" else set())
    return make(
        rule.text,
        rule.category,
        direction={"forward": "FORWARD", "backward": "BACKWARD", "pseudo": "PSEUDO"}[rule.direction],
        terminated_by=stopped_by,
        max_scope=rule.max_scope,
    )


@lru_cache(maxsize=50_000)
def cues(sentence: str) -> tuple[Cue, ...]:
    """The cues of one folded sentence with their scopes. Deterministic; cached per process, in memory only."""
    return engine()(sentence)
