"""The rule files: read once, checked as a whole, compiled to what the stages need.

Everything wrong in any file is reported together, with file and field. `python -m nlp.catalog` does that from a shell.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from nlp.titles import Title, Titles
from nlp.titles import load as load_titles
from nlp.words import TOKEN, Text, Words, pattern, union

HERE = Path(__file__).parent
VERSION = "2026.11"
KINDS = ("chronic", "event", "cancer", "status")
SCOPES = ("near", "sentence", "block", "note")
REASONS = (
    "negated", "family", "historical", "ruled-out", "uncertain", "hypothetical", "mention-only-no-MEAT",
    "medication-list-only",
)  # fmt: skip
NAMED = ("drugs", "shared_drugs", "labs")
"""Fields of evidence that hold names of drugs.toml and labs.toml."""
LETTERS = ("monitor", "evaluate", "assess", "treat")
SECTION_KINDS = (
    "assessment_plan", "hpi", "chief_complaint", "pmh", "problem_list", "family", "social", "surgical", "ros",
    "allergies", "medications", "exam", "vitals", "results", "instructions", "hospital_course", "procedure",
    "follow_up", "signature", "other", "",
)  # fmt: skip


class CatalogError(ValueError):
    """The rule files are wrong. `problems` has one line for each fault: file, field, what is the matter."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


# ------------------------------------------------------------------------------------------------------------- values


FOUND_IN = (
    "(?:{0})(?:,? (?:and|of|the|left|right|upper|middle|lower|lobes?|lung|gland|apex|base|fine|needle|core|wedge|open"
    "|punch|excision(?:al)?|endoscopic|transbronchial|endobronchial|transrectal|aspirat(?:e|ion)|resection"
    "|biops(?:y|ies)|[a-z]+ectomy|specimens?|mass|nodule|tumor|chips|cores?))*"
    "(?: show(?:s|ed|ing)| reveal(?:s|ed|ing)| demonstrat(?:es|ed|ing)|:)"
    "(?:(?!metasta|negative|no |not |without|intramucosal|biops|show|reveal|demonstrat|node)[a-z0-9 ,:/()-]){{0,60}}"
    "(?=$)"
)
"""A pathologist's line up to the tumor: the organ and what was done to it, then what it shows."""
PART_OF = (
    "(?:malignant )?[a-z]+(?:,| (?:of|in|involving|from|arising (?:in|from)))"
    "(?: (?:left|right|both|bilateral|upper|lower|middle|mid|outer|inner|medial|lateral|anterior|posterior|superior"
    "|inferior|distal|proximal|central|overlapping|main|male|female|retroareolar|unspecified|quadrants?|lobes?|poles?|thirds?"
    "|portions?|parts?|aspects?|regions?|sides?|segments?|sites?|tail|head|neck|body|fundus|cardia|antrum|pylorus|dome"
    "|trigone|walls?|base|apex|hilum|cortex|medulla|curvature|flexure|isthmus|border|surface|nipple|areola|bronchus|of"
    "|the|his|her|this|and|or|other),?){{0,9}} (?:{0})"
)
"""A tumor and what follows it up to its organ: "carcinoma of the upper outer quadrant of the left breast"."""
SPECIMEN_OF = "specimens?(?: submitted)?:(?: (?:a|1)[.)])? (?:left |right )?(?:{0})"
"""The heading that names what was sent to the pathologist."""


@dataclass(frozen=True, slots=True)
class Term:
    """One surface of a family with its options. `key`: the surface without blanks and hyphens."""

    family: str
    text: str
    key: str
    kind: str
    sets: tuple[tuple[str, str], ...] = ()
    weak: bool = False
    case: bool = False
    inner: bool = False
    alone: bool = True
    lapses: bool = False
    organ: Words | None = None
    """Where a pathologist must have found it for the surface to name the family's condition."""
    part_of: Words | None = None
    """What must follow it for that."""

    @property
    def rule(self) -> str:
        return f"{self.family}/{self.text}"


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    scope: str
    before: int
    after: int
    default: str
    many: bool
    overrides: tuple[str, ...]
    stated: bool
    beats: Mapping[str, tuple[str, ...]]
    values: tuple[tuple[str, Words], ...]
    any_value: Words | None


@dataclass(frozen=True, slots=True)
class CodeLine:
    when: tuple[tuple[str, tuple[str, ...]], ...]
    codes: tuple[str, ...]
    suppress: str
    why: str
    offer: bool = True
    """False: the code is not suggested, but a reported one is judged by it."""

    def fits(self, values: Mapping[str, Sequence[str]]) -> bool:
        """Whether every condition holds: "" asks for nothing known, "*" for anything known."""
        for name, wanted in self.when:
            have = values.get(name, ())
            if any(have):
                if "*" not in wanted and not any(map(have.__contains__, wanted)):
                    return False
            elif "" not in wanted:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Link:
    families: tuple[str, ...]
    when: tuple[tuple[str, tuple[str, ...]], ...]
    sets: tuple[tuple[str, str], ...]
    unless: Words | None
    why: str


@dataclass(frozen=True, slots=True)
class Example:
    number: int
    text: str
    expect: tuple[str, ...]
    reject: str
    meat: tuple[str, ...]
    section: str
    setting: str


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    label: str
    kind: str
    policy: str
    prefixes: tuple[str, ...]
    terms: tuple[Term, ...]
    decoys: tuple[str, ...]
    not_with: Words | None
    yields_to: tuple[str, ...]
    lends_to: tuple[str, ...]
    distinct: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    codes: tuple[CodeLine, ...]
    also: tuple[CodeLine, ...]
    history: tuple[CodeLine, ...]
    links: tuple[Link, ...]
    drugs: Words | None
    shared_drugs: Words | None
    labs: Words | None
    signs: Words | None
    """What an examination or a result shows only where the condition is."""
    cues: tuple[tuple[str, Words], ...]
    examples: tuple[Example, ...]
    many: Attribute | None = None
    vague: tuple[str, ...] = ()
    """Codes beside the plain one that say no more than that there is one of the family's conditions."""
    tail: bool = False
    """Whether it comes from the long tail (rare.toml, longtail.tsv) and not from a file of its own."""

    def patterns(self) -> Iterator[Words]:
        """Every pattern that may be looked for in a note."""
        yield from filter(None, (self.not_with, self.drugs, self.shared_drugs, self.labs, self.signs))
        yield from (words for _, words in self.cues)
        yield from (words for a in self.attributes for _, words in a.values)
        yield from (link.unless for link in self.links if link.unless)
        yield from {words for term in self.terms for words in (term.organ, term.part_of) if words}

    @property
    def plain_code(self) -> str:
        """The code of the family when nothing more is known; its first prefix where the list always asks for more."""
        defaults = {a.name: a.default for a in self.attributes}
        values = {k: (v,) for k, v in defaults.items()}
        fitting = [line.codes[0] for line in self.codes if line.codes and line.fits(values)]
        plain = [line.codes[0] for line in self.codes if line.codes and "{" not in line.codes[0]]
        found = expand(fitting[0], defaults) if fitting else ""
        return found or (plain[-1] if plain else self.prefixes[0])


@dataclass(frozen=True, slots=True)
class CueRule:
    """One row of context.toml: literals with the category, direction and limits of their scope."""

    category: str
    direction: str
    text: str
    max_targets: int | None = None
    max_scope: int | None = None
    kinds: tuple[str, ...] = ()
    ends: bool = False


@dataclass(frozen=True, eq=False)
class Catalog:
    families: Mapping[str, Family]
    surfaces: Mapping[str, tuple[Term, ...]]
    decoys: Mapping[str, frozenset[str]]
    matcher: Surfaces
    headings: Mapping[str, str]
    subheadings: frozenset[str]
    heading_words: tuple[tuple[str, str], ...]
    roles: Mapping[str, frozenset[str]]
    cues: tuple[CueRule, ...]
    general: Mapping[str, Words]
    ruleset: str
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """The name of the family that owns the codes which begin so."""
    titles: Titles = field(default_factory=Titles)
    """What an item of a list means that is a title of the tabular list (titles.py)."""
    common: Catalog | None = None
    """The same rules with the families of common.toml, which are read only where one of their codes is reported."""

    def family_of(self, code: str) -> Family | None:
        """The family that owns a code: the longest prefix wins. None where no file knows the code."""
        prefix = self.prefix_of(code)
        return self.families[self.prefixes[prefix]] if prefix else None

    def prefix_of(self, code: str) -> str:
        """The longest prefix of a code that a family owns; "" where none does."""
        return next((code[:n] for n in range(len(code), 0, -1) if code[:n] in self.prefixes), "")

    def family_of_title(self, title: Title) -> str:
        """The name of the family that a title's code belongs to."""
        return tail_name(title.code[:3], title.kind) if title.kind else self.prefixes[self.prefix_of(title.code)]

    def is_common(self, code: str) -> bool:
        """Whether common.toml knows a code better than conditions/ does."""
        return self.common is not None and len(self.common.prefix_of(code)) > len(self.prefix_of(code))


# ------------------------------------------------------------------------------------------------------- small helpers


PREPOSITIONS = frozenset({"of", "in"})
ARTICLES = frozenset({"the", "his", "her", "their", "this"})
"""Words that may stand behind a preposition inside a surface, and change nothing: "cancer of (the) breast"."""
ARTICLE = re.compile(rf"\b({'|'.join(sorted(PREPOSITIONS))})[\s\-]+(?:{'|'.join(sorted(ARTICLES))})(?=[\s\-])")
GAP = re.compile(r"[\s\-]+")


def key_of(text: str) -> str:
    """A surface or a match without articles, blanks and hyphens, so that all its spellings meet."""
    return GAP.sub("", ARTICLE.sub(r"\1", text))


def expand(code: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], ""), code)


ROMAN = {"1": "i", "2": "ii", "3": "iii", "4": "iv", "5": "v"}
ARABIC = {v: k for k, v in ROMAN.items()}
BRITISH = (
    (re.compile(r"emia\b"), "aemia"),
    (re.compile(r"emic\b"), "aemic"),
    (re.compile(r"\bhem(?=[ao])"), "haem"),
    (re.compile(r"tumor"), "tumour"),
    (re.compile(r"edema"), "oedema"),
    (re.compile(r"\besoph"), "oesoph"),
)


TUMOR_OF = re.compile(
    r"(adenocarcinoma|(?:squamous cell |(?:non )?small cell |transitional cell )?carcinoma|ca)"
    r" of the (?:(left|right) )?(.+)"
)
SEEDED = re.compile(r"liver|lungs?$|brain|bone|pleura|peritoneum|skin")
"""Sites that a name of a tumor right before them may call the seat of a metastasis."""


def sited(form: str) -> Iterator[str]:
    """A tumor with its side, and its site as a list writes it: "carcinoma, left breast", "ca sigmoid colon"."""
    m = TUMOR_OF.fullmatch(form)
    if m:
        tumor, side, site = m.groups()
        for which in (f"{side} ",) if side else ("", "left ", "right "):
            yield f"{tumor} of {which}{site}"
            yield f"{tumor}, {which}{site}"
            if which or not SEEDED.match(site):
                yield f"{tumor} {which}{site}"


@cache
def variants(surface: str) -> tuple[str, ...]:
    """The spellings of a surface that people write, hyphens and blanks apart. See conditions/README.md."""
    forms = {surface}
    for form in list(forms):
        m = re.search(r"\b(type|stage|grade|class|group) (\d|[iv]{1,3})\b", form)
        if m:
            other = ROMAN.get(m[2]) or ARABIC.get(m[2])
            if other:
                forms.add(form[: m.start(2)] + other + form[m.end(2) :])
    for form in sorted(forms):
        forms.update(sited(form))
    forms = {ARTICLE.sub(r"\1", form) for form in forms}
    for form in sorted(forms):
        if "end stage" in form:
            forms.add(form.replace("end stage", "endstage"))
    for form in sorted(forms):
        if form.endswith(" disorder"):
            forms.add(form[:-8] + "d/o")
    for form in sorted(forms):
        if "'s" in form:
            forms |= {form.replace("'s", "s"), form.replace("'s", "")}
    for form in sorted(forms):
        if any(x in form for x in ("em", "edema", "tumor", "esoph")):
            british = form
            for american, spelling in BRITISH:
                british = american.sub(spelling, british)
            forms.add(british)
    for form in sorted(forms):
        if re.search(r"\bw/ ?", form):
            forms.add(re.sub(r"\bw/ ?", "with ", form))
        if " with " in form:
            forms.add(form.replace(" with ", " w/ "))
        if " and " in form:
            forms.add(form.replace(" and ", " & "))
        if " & " in form:
            forms.add(form.replace(" & ", " and "))
    for form in sorted(forms):
        last = form.rsplit(" ", 1)[-1]
        if len(last) >= 3 and last[-1].isalpha() and last[-1] != "s":
            forms.add(form[:-1] + "ies" if last[-1] == "y" and last[-2] not in "aeiou" else form + "s")
    return tuple(sorted(forms))


NEEDED, LOOSE = " ", "~"
"""Borders inside a surface: a run of blanks or hyphens that must be there, and one that may."""


def marked(form: str) -> str:
    """A spelling with its inner borders marked: NEEDED between words, LOOSE where people leave the blank out."""
    words = re.split(r"[\s\-]+", form.strip())
    out = words[0]
    for left, right in itertools.pairwise(words):
        loose = len(left) == 1 or left[-1].isdigit() or right[0].isdigit() or not right[0].isalnum() or left[-1] == "/"
        out += (LOOSE if loose else NEEDED) + right
    return re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", LOOSE, out)


class Surfaces:
    """All surfaces as a trie of words: one walk over a note finds them, in a time that does not grow with their number.

    A step is a word, with a blank before it where the text has blanks or hyphens there. Articles behind a
    preposition are passed over, since no surface has one (`variants`).
    """

    MAX_GAP = 12
    END = ""

    def __init__(self, forms: Iterable[str]) -> None:
        self.root: dict[str, Any] = {}
        for form in forms:
            for spelling in self.joined(marked(form)):
                nodes = [self.root]
                for border, word in self.steps(spelling):
                    keys = {NEEDED: [" " + word], LOOSE: [word, " " + word], "": [word]}[border]
                    nodes = [node.setdefault(key, {}) for node in nodes for key in keys]
                for node in nodes:
                    node[self.END] = {}

    @staticmethod
    def joined(form: str) -> Iterator[str]:
        """A spelling and those in which a loose border between letters is closed: "a~fib" and "afib"."""
        yield form
        for m in re.finditer(rf"(?<=[a-z]){LOOSE}(?=[a-z])|(?<=[0-9]){LOOSE}(?=[0-9])", form):
            yield form[: m.start()] + form[m.end() :]

    @classmethod
    def steps(cls, form: str) -> Iterator[tuple[str, str]]:
        border = ""
        for part in re.split(f"([{NEEDED}{LOOSE}])", form):
            if part in (NEEDED, LOOSE):
                border = part
                continue
            for m in TOKEN.finditer(part):
                yield border, m.group()
                border = ""

    def find(self, text: Text) -> Iterator[tuple[int, int]]:
        """Where surfaces stand, from left to right without overlaps, the longest at each place."""
        words, starts = text.words, text.starts
        free = 0
        openings = self.root.keys() & set(words)
        for number in [n for n, word in enumerate(words) if word in openings]:
            if number < free:
                continue
            node = self.root.get(words[number])
            found, ahead = 0, number
            while node is not None:
                if self.END in node:
                    found = ahead + 1
                last = starts[ahead] + len(words[ahead])
                ahead += 1
                if ahead == len(words):
                    break
                if words[ahead] in ARTICLES and words[ahead - 1] in PREPOSITIONS and ahead + 1 < len(words):
                    last = starts[ahead] + len(words[ahead])
                    ahead += 1
                gap, word = starts[ahead] - last, words[ahead]
                node = node.get(word) if gap == 0 else node.get(" " + word) if gap <= self.MAX_GAP else None
            if found:
                free = found
                yield starts[number], starts[found - 1] + len(words[found - 1])


# -------------------------------------------------------------------------------------------------------------- reading


class Reader:
    """Reads one folder of rules and collects everything that is wrong with it."""

    def __init__(self, folder: Path, thorough: bool = True) -> None:
        """thorough: compile every pattern to find the faulty ones; a test does that for the files of this project."""
        self.folder, self.thorough = folder, thorough
        self.problems: list[str] = []
        self.names: dict[str, list[str]] = {}

    def toml(self, path: Path) -> dict[str, Any]:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.problems.append(f"{path.name}: {error}")
            return {}

    def vocabulary(self) -> None:
        """Drugs, classes, labs and examinations as lists of patterns by name."""
        for cls, drugs in self.toml(self.folder / "drugs.toml").get("classes", {}).items():
            everything: list[str] = []
            for generic, brands in drugs.items():
                words = [re.escape(w).replace(r"\ ", " ").replace(r"\-", "-") for w in (generic, *brands)]
                self.names.setdefault(generic, [])
                self.names[generic] += words
                everything += words
            self.names[cls] = everything
        measures = self.toml(self.folder / "labs.toml")
        for group in ("labs", "exams", "symptoms"):
            self.names |= measures.get(group, {})

    def resolve(self, where: str, sources: Sequence[str], plain_names: bool = False) -> list[str]:
        """Patterns with `@names` (and, in lists of drugs and labs, plain names) replaced by what they stand for."""
        out: list[str] = []
        for source in sources:
            if source.startswith("@"):
                if source[1:] not in self.names:
                    self.problems.append(f"{where}: {source} is in neither drugs.toml nor labs.toml")
                out += self.names.get(source[1:], [])
            elif plain_names and source in self.names:
                out += self.names[source]
            else:
                out.append(source)
        return sorted(dict.fromkeys(out), key=lambda s: (-len(s), s))

    def compiled(self, where: str, sources: Sequence[str], plain_names: bool = False) -> Words | None:
        for source in sources:
            if not isinstance(source, str):
                self.problems.append(f"{where}: {source!r} must be text")
                return None
        words = union(self.resolve(where, sources, plain_names))
        if words is None or not self.thorough:
            return words
        try:
            assert words.compiled
            return words
        except re.error as error:
            for source in sources:
                try:
                    re.compile(pattern(source))
                except re.error as single:
                    self.problems.append(f"{where}: {source!r} is no pattern: {single}")
            if not self.problems:
                self.problems.append(f"{where}: {error}")
            return None

    def family(self, path: Path) -> Family | None:
        data = self.toml(path)
        if not data:
            return None
        at = path.name
        name = data.get("family", "")
        if name != path.stem:
            self.problems.append(f"{at}: family is {name!r}, the file says {path.stem!r}")
        known = {
            "family", "label", "kind", "policy", "lapses", "prefixes", "vague", "terms", "term", "not_when", "not_with",
            "yields_to", "lends_to", "distinct", "source", "attributes", "codes", "also", "history", "links", "meat",
            "examples",
        }  # fmt: skip
        for extra in sorted(data.keys() - known):
            self.problems.append(f"{at}: unknown field {extra}")
        kind = data.get("kind", "")
        if kind not in KINDS:
            self.problems.append(f"{at}: kind {kind!r} is none of {', '.join(KINDS)}")
        for needed in ("label", "prefixes", "codes"):
            if not data.get(needed):
                self.problems.append(f"{at}: {needed} is missing")
        policy = data.get("policy", "")
        if policy not in ("", "stated", "assessed"):
            self.problems.append(f"{at}: policy {policy!r} is neither stated nor assessed")
        attributes = tuple(self.attribute(at, n, a) for n, a in data.get("attributes", {}).items())
        defined = {a.name: {v for v, _ in a.values} | {a.default} for a in attributes}
        terms = tuple(self.terms(at, name, kind, data, defined))
        if not terms:
            self.problems.append(f"{at}: terms is missing")
        links = tuple(self.link(at, i, x, defined) for i, x in enumerate(data.get("links", []), 1))
        for link in links:
            for attr, value in link.sets:
                defined.setdefault(attr, set()).add(value)
        for term in terms:
            for attr, value in term.sets:
                defined.setdefault(attr, set()).add(value)
        many = [a for a in attributes if a.many]
        if len(many) > 1:
            self.problems.append(f"{at}: only one attribute may be many, these are: {', '.join(a.name for a in many)}")
        return Family(
            name=path.stem,
            label=data.get("label", ""),
            kind=kind,
            policy=policy,
            prefixes=tuple(data.get("prefixes", [])),
            terms=terms,
            decoys=tuple(data.get("not_when", [])),
            not_with=self.compiled(f"{at}: not_with", data.get("not_with", [])),
            yields_to=tuple(data.get("yields_to", [])),
            lends_to=tuple(data.get("lends_to", [])),
            distinct=tuple(data.get("distinct", [])),
            attributes=attributes,
            codes=self.code_lines(at, "codes", data.get("codes", []), defined),
            also=self.code_lines(at, "also", data.get("also", []), defined),
            history=self.code_lines(at, "history", data.get("history", []), defined),
            links=links,
            **self.evidence(f"{at}: meat", data.get("meat", {})),
            examples=tuple(self.example(at, i, x) for i, x in enumerate(data.get("examples", []), 1)),
            many=many[0] if many else None,
            vague=tuple(data.get("vague", [])),
        )

    def evidence(self, at: str, meat: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a family that tell its evidence."""
        for extra in sorted(meat.keys() - {*NAMED, "signs", *LETTERS}):
            self.problems.append(f"{at}.{extra} is unknown")
        cues = ((letter, self.compiled(f"{at}.{letter}", meat.get(letter, []))) for letter in LETTERS)
        return {
            **{field: self.compiled(f"{at}.{field}", meat.get(field, []), plain_names=True) for field in NAMED},
            "signs": self.compiled(f"{at}.signs", meat.get("signs", [])),
            "cues": tuple((letter, words) for letter, words in cues if words),
        }

    def common(self) -> Iterator[Family]:
        """The small families of common.toml, named after their first prefix: judged where reported, never suggested."""
        for number, entry in enumerate(self.toml(self.folder / "common.toml").get("common", []), 1):
            at = f"common.toml: common {number}"
            for extra in sorted(entry.keys() - {"label", "prefixes", "kind", "terms", "drugs"}):
                self.problems.append(f"{at}: unknown field {extra}")
            for needed in ("label", "prefixes", "terms"):
                if not entry.get(needed):
                    self.problems.append(f"{at}: {needed} is missing")
            prefixes = tuple(entry.get("prefixes", ())) or ("",)
            kind = entry.get("kind", "chronic")
            if kind not in KINDS:
                self.problems.append(f"{at}: kind {kind!r} is none of {', '.join(KINDS)}")
            name = f"common_{prefixes[0].lower().replace('.', '_')}"
            drugs = self.compiled(f"{at}: drugs", entry.get("drugs", []), plain_names=True)
            yield Family(
                name=name, label=entry.get("label", ""), kind=kind, policy="", prefixes=prefixes,
                terms=tuple(self.terms(at, name, kind, {"terms": entry.get("terms", [])}, {})),
                decoys=(), not_with=None, yields_to=(), lends_to=(), distinct=(), attributes=(),
                codes=(CodeLine((), (prefixes[0],), "", "", offer=False),), also=(), history=(), links=(),
                drugs=drugs, shared_drugs=None, labs=None, signs=None, cues=(), examples=(),
            )  # fmt: skip

    def tail(
        self, families: Mapping[str, Family], titles: Iterable[Title], judged: Collection[str]
    ) -> Iterator[Family]:
        """The long tail as families, one for each category of ICD-10-CM and kind: `tail_c74`, `tail_c74_event`.

        A surface means one code, or one for each side. Condition files go before rare.toml, and that before
        longtail.tsv. Categories that a condition file owns stay with it: a reported code is judged there, beside what
        the long tail found. A category of which only titles are known is a family without surfaces; its reported codes
        are judged by common.toml where that knows them (`judged`).
        """
        lines: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        labels: dict[str, str] = {}
        ahead: dict[tuple[str, str], tuple[str, ...]] = {}
        known = {key_of(form) for f in families.values() for t in f.terms for form in variants(t.text)}
        for number, entry in enumerate(self.toml(self.folder / "rare.toml").get("rare", []), 1):
            at = f"rare.toml: rare {number}"
            for extra in sorted(entry.keys() - {"label", "code", "kind", "sides", "yields_to", "terms"}):
                self.problems.append(f"{at}: unknown field {extra}")
            for needed in ("label", "code", "terms"):
                if not entry.get(needed):
                    self.problems.append(f"{at}: {needed} is missing")
            code, kind = entry.get("code", ""), entry.get("kind", "chronic")
            if kind not in KINDS:
                self.problems.append(f"{at}: kind {kind!r} is none of {', '.join(KINDS)}")
            labels.setdefault(code[:3], entry.get("label", ""))
            ahead[code[:3], kind] = (*ahead.get((code[:3], kind), ()), *entry.get("yields_to", ()))
            for text in entry.get("terms", []):
                if text != text.lower():
                    self.problems.append(f"{at}: {text!r} must be lower case")
                if key_of(text) not in known:
                    lines.setdefault((code[:3], kind), {})[text] = {"": code, **entry.get("sides", {})}
            known.update(map(key_of, entry.get("terms", [])))
        path = self.folder / "longtail.tsv"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            code, kind, side, text, label = line.split("\t")
            labels.setdefault(code[:3], label)
            if key_of(text) not in known:
                lines.setdefault((code[:3], kind), {}).setdefault(text, {})[side] = code
        for title in titles:
            if title.kind:
                labels.setdefault(title.code[:3], title.category)
                lines.setdefault((title.code[:3], title.kind), {})
        which = self.attribute("long tail", "side", SIDE)
        chapters = dict(self.chapters())
        owned = {p for f in families.values() for p in f.prefixes}
        for (category, kind), found in sorted(lines.items()):
            name = tail_name(category, kind)
            numbers: dict[tuple[tuple[str, str], ...], str] = {}
            terms = []
            for text, codes in found.items():
                meaning = numbers.setdefault(tuple(sorted(codes.items())), f"{len(numbers)}")
                terms.append(Term(name, text, key_of(text), kind, (("code", meaning),)))
            mine = () if category in owned or (not found and category in judged) else (category,)
            owned.add(category)
            lines_of_code = [line for codes, n in numbers.items() for line in side_lines(n, dict(codes))]
            yield Family(
                name=name, label=labels[category], kind=kind, policy="", prefixes=mine, terms=tuple(terms),
                decoys=(), not_with=None, yields_to=ahead.get((category, kind), ()), lends_to=(), distinct=("code",),
                attributes=(which,), codes=tuple(lines_of_code or [CodeLine((), (category,), "", "", offer=False)]),
                also=(), history=(), links=(), examples=(), tail=True,
                **next((e for begins, e in chapters.items() if category.startswith(begins)), self.evidence("", {})),
            )  # fmt: skip

    def chapters(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The evidence of rare conditions by the beginning of their codes."""
        for number, chapter in enumerate(self.toml(self.folder / "rare.toml").get("chapter", []), 1):
            evidence = self.evidence(f"rare.toml: chapter {number}", {k: v for k, v in chapter.items() if k != "codes"})
            yield from ((begins, evidence) for begins in chapter.get("codes", []))

    def terms(
        self, at: str, name: str, kind: str, data: Mapping[str, Any], defined: Mapping[str, set[str]]
    ) -> Iterator[Term]:
        blocks = [{"text": data.get("terms", [])}, *data.get("term", [])]
        for number, block in enumerate(blocks):
            where = f"{at}: terms" if number == 0 else f"{at}: term {number}"
            for extra in sorted(
                block.keys() - {"text", "set", "weak", "case", "inner", "kind", "alone", "organ", "part_of"}
            ):
                self.problems.append(f"{where}: unknown field {extra}")
            texts = block.get("text", [])
            texts = [texts] if isinstance(texts, str) else texts
            sets = tuple(sorted((k, str(v)) for k, v in block.get("set", {}).items()))
            if block.get("kind", KINDS[0]) not in KINDS:
                self.problems.append(f"{where}: kind {block['kind']!r} is unknown")
            organs = block.get("organ", [])
            shapes = [shape.format(o) for shape in (FOUND_IN, SPECIMEN_OF) for o in organs]
            organ = self.compiled(f"{where}: organ", shapes)
            part_of = self.compiled(f"{where}: part_of", [PART_OF.format(o) for o in block.get("part_of", [])])
            for text in texts:
                case = bool(block.get("case"))
                if not isinstance(text, str) or not text.strip():
                    self.problems.append(f"{where}: {text!r} is no surface")
                    continue
                if not case and text != text.lower():
                    self.problems.append(f"{where}: {text!r} must be lower case, or have case = true")
                yield Term(
                    family=name,
                    text=text,
                    key=key_of(text.lower()),
                    kind=block.get("kind", kind),
                    sets=sets,
                    weak=bool(block.get("weak")),
                    case=case,
                    inner=bool(block.get("inner")),
                    alone=bool(block.get("alone", True)),
                    lapses=bool(data.get("lapses")),
                    organ=organ,
                    part_of=part_of,
                )

    def attribute(self, at: str, name: str, data: Mapping[str, Any]) -> Attribute:
        where = f"{at}: attributes.{name}"
        for extra in sorted(
            data.keys() - {"scope", "before", "after", "default", "many", "overrides", "stated", "beats", "values"}
        ):
            self.problems.append(f"{where}: unknown field {extra}")
        scope = data.get("scope", "near")
        if scope not in SCOPES:
            self.problems.append(f"{where}.scope: {scope!r} is none of {', '.join(SCOPES)}")
        values = []
        everything: list[str] = []
        for value, sources in data.get("values", {}).items():
            compiled = self.compiled(f"{where}.{value}", sources)
            if compiled:
                values.append((value, compiled))
                everything += self.resolve(f"{where}.{value}", sources)
        return Attribute(
            name=name,
            scope=scope,
            before=int(data.get("before", 30)),
            after=int(data.get("after", 50)),
            default=str(data.get("default", "")),
            many=bool(data.get("many")),
            overrides=tuple(data.get("overrides", [])),
            stated=bool(data.get("stated")),
            beats={k: tuple(v) for k, v in data.get("beats", {}).items()},
            values=tuple(values),
            any_value=values[0][1] if len(values) == 1 else union(everything),
        )

    def when(
        self, where: str, data: Mapping[str, Any], defined: Mapping[str, set[str]] | None
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        out = []
        for name, wanted in data.items():
            values = (wanted,) if isinstance(wanted, str) else tuple(wanted)
            if not all(isinstance(v, str) for v in values):
                self.problems.append(f"{where}: when.{name} must be text")
                continue
            if defined is not None and name != "setting":
                if name not in defined:
                    self.problems.append(f"{where}: when.{name} is no attribute")
                else:
                    for v in values:
                        if v not in ("", "*") and v not in defined[name]:
                            self.problems.append(f"{where}: {name} never is {v!r}")
            out.append((name, values))
        return tuple(out)

    def code_lines(
        self, at: str, list_name: str, lines: Sequence[Mapping[str, Any]], defined: Mapping[str, set[str]]
    ) -> tuple[CodeLine, ...]:
        out = []
        for number, line in enumerate(lines, 1):
            where = f"{at}: {list_name} {number}"
            for extra in sorted(line.keys() - {"when", "code", "codes", "suppress", "why", "offer"}):
                self.problems.append(f"{where}: unknown field {extra}")
            codes = tuple(line.get("codes", [])) or ((line["code"],) if line.get("code") else ())
            for code in codes:
                for name in re.findall(r"\{(\w+)\}", code):
                    if name not in defined:
                        self.problems.append(f"{where}: {{{name}}} is no attribute")
                if not re.fullmatch(r"[A-Z{][A-Z0-9.{}a-z_]+", code):
                    self.problems.append(f"{where}: {code!r} is no code")
            suppress = line.get("suppress", "")
            if suppress and suppress not in REASONS and not suppress.startswith("other:"):
                self.problems.append(f"{where}: suppress {suppress!r} is no reason")
            if not codes and not suppress:
                self.problems.append(f"{where}: neither code nor suppress")
            when = self.when(where, line.get("when", {}), defined)
            out.append(CodeLine(when, codes, suppress, line.get("why", ""), bool(line.get("offer", True))))
        return tuple(out)

    def link(self, at: str, number: int, data: Mapping[str, Any], defined: Mapping[str, set[str]]) -> Link:
        where = f"{at}: links {number}"
        for extra in sorted(data.keys() - {"family", "when", "set", "unless", "why"}):
            self.problems.append(f"{where}: unknown field {extra}")
        sets = tuple(sorted((k, str(v)) for k, v in data.get("set", {}).items()))
        for name, _ in sets:
            if name not in defined:
                self.problems.append(f"{where}: set.{name} is no attribute")
        return Link(
            families=(data.get("family", ""),) if isinstance(data.get("family", ""), str) else tuple(data["family"]),
            when=self.when(where, data.get("when", {}), None),
            sets=sets,
            unless=self.compiled(f"{where}.unless", data.get("unless", [])),
            why=data.get("why", ""),
        )

    def example(self, at: str, number: int, data: Mapping[str, Any]) -> Example:
        where = f"{at}: examples {number}"
        for extra in sorted(data.keys() - {"text", "expect", "reject", "meat", "section", "setting"}):
            self.problems.append(f"{where}: unknown field {extra}")
        section = data.get("section", "assessment_plan")
        if section not in SECTION_KINDS:
            self.problems.append(f"{where}: section {section!r} is unknown")
        for letter in data.get("meat", []):
            if letter not in LETTERS:
                self.problems.append(f"{where}: meat {letter!r} is no letter")
        reject = data.get("reject", "")
        if reject and reject not in REASONS and not reject.startswith("other:"):
            self.problems.append(f"{where}: reject {reject!r} is no reason")
        return Example(
            number=number,
            text=data.get("text", ""),
            expect=tuple(data.get("expect", [])),
            reject=reject,
            meat=tuple(data.get("meat", [])),
            section=section,
            setting=data.get("setting", "outpatient"),
        )

    def read(self, without_bad: bool = False, tail: bool = True) -> Catalog:
        """The catalog. without_bad: leave out families with problems (for writing one while others are half done).

        tail: with the long tail, which is left out while its own file is written.
        """
        self.vocabulary()
        families: dict[str, Family] = {}
        for path in sorted((self.folder / "conditions").glob("*.toml")):
            before = len(self.problems)
            f = self.family(path)
            if without_bad and len(self.problems) > before:
                continue
            if f:
                families[f.name] = f
        common = {f.name: f for f in self.common()}
        titles = load_titles(self.folder / "titles.tsv") if tail else Titles()
        if tail:
            judged = {p for f in common.values() for p in f.prefixes}
            families |= {f.name: f for f in self.tail(families, titles.values(), judged)}
        for f in families.values():
            for link in f.links:
                for other in (families[n] for n in link.families if n in families):
                    known = {a.name for a in other.attributes} | {k for t in other.terms for k, _ in t.sets}
                    for attr in (a for a, _ in link.when if a not in known):
                        self.problems.append(f"{f.name}.toml: links to {other.name}: it has no attribute {attr}")
        sections = self.toml(self.folder / "sections.toml")
        context = self.toml(self.folder / "context.toml")
        headings: dict[str, str] = {}
        for kind, names in sections.get("headings", {}).items():
            for heading in names:
                headings.setdefault(heading, kind)
        general = {}
        for letter, sources in context.get("general", {}).items():
            compiled = self.compiled(f"context.toml: general.{letter}", sources)
            if compiled:
                general[letter] = compiled
        if self.problems and not without_bad:
            raise CatalogError(self.problems)
        rules = Catalog(
            families={},
            surfaces={},
            decoys={},
            matcher=Surfaces(()),
            headings=headings,
            subheadings=frozenset(sections.get("subheadings", {}).get("names", [])),
            heading_words=tuple((w["word"], w["kind"]) for w in sections.get("words", [])),
            roles={k: frozenset(v) for k, v in sections.get("roles", {}).items()},
            cues=tuple(cue_rules(context)),
            general=general,
            ruleset=f"{VERSION}+{digest(self.folder)}",
        )
        return replace(with_families(rules, families), titles=titles, common=with_families(rules, common))


SIDE = {
    "before": 45,
    "values": {
        "bilateral": ["bilateral(?:ly)?", "both"],
        "right": ["right(?: sided?)?", "rt", "od"],
        "left": ["left(?: sided?)?", "lt", "os"],
    },
}
"""The attribute that tells sides apart in the long tail."""


def tail_name(category: str, kind: str) -> str:
    """The name of the family for a category of ICD-10-CM that no condition file has."""
    return f"tail_{category.lower()}" + ("" if kind == KINDS[0] else f"_{kind}")


def side_lines(number: str, codes: Mapping[str, str]) -> Iterator[CodeLine]:
    """The code of each side that a surface of the long tail may mean; the one without a side where it has one."""
    for side, code in codes.items():
        if side:
            yield CodeLine((("code", (number,)), ("side", (side,))), (code,), "", "")
    if "" in codes:
        yield CodeLine((("code", (number,)),), (codes[""],), "", "")


def with_families(rules: Catalog, families: Mapping[str, Family]) -> Catalog:
    """The shared rules with some families and what finds them."""
    surfaces: dict[str, list[Term]] = {}
    forms: set[str] = set()
    for f in families.values():
        for term in f.terms:
            for form in variants(term.text.lower()):
                forms.add(form)
                terms = surfaces.setdefault(key_of(form), [])
                if all(t.family != term.family for t in terms):
                    terms.append(term)
                elif term.key == key_of(form):
                    # The surface as written beats a generated variant of another surface of the family.
                    terms[:] = [term if t.family == term.family and t.key != term.key else t for t in terms]
    decoys: dict[str, frozenset[str]] = {}
    for f in families.values():
        for form in (form for d in f.decoys for form in variants(d.lower())):
            forms.add(form)
            if key_of(form) not in surfaces:
                decoys[key_of(form)] = decoys.get(key_of(form), frozenset()) | {f.name}
    return replace(
        rules,
        families=families,
        surfaces={k: tuple(sorted(v, key=lambda t: t.family)) for k, v in surfaces.items()},
        decoys=decoys,
        matcher=Surfaces(forms),
        prefixes={p: f.name for f in families.values() for p in f.prefixes},
    )


def cue_rules(context: Mapping[str, Any]) -> Iterator[CueRule]:
    for row in context.get("cue", []):
        for text in dict.fromkeys(row["text"]):
            yield CueRule(
                category=row["category"],
                direction=row["direction"],
                text=text,
                max_targets=row.get("max_targets"),
                max_scope=row.get("max_scope"),
                kinds=tuple(row.get("kinds", ())),
                ends=bool(row.get("ends")),
            )


def digest(folder: Path) -> str:
    """Twelve hexadecimal digits over every rule file (name and bytes) and the code that reads them."""
    h = hashlib.sha256()
    for path in sorted(
        [*folder.glob("*.toml"), *folder.glob("*.tsv"), *folder.glob("conditions/*.toml"), *folder.glob("*.py")]
    ):
        h.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()[:12]


@cache
def load(folder: Path = HERE) -> Catalog:
    """The catalog of a folder, read once per process. Raises CatalogError with every problem at once."""
    return Reader(folder, thorough=False).read()


def check_examples(catalog: Catalog, names: Sequence[str] = ()) -> Iterator[str]:
    """One line for each example that does not come out as it says."""
    from nlp import read

    for f in catalog.families.values():
        if names and f.name not in names:
            continue
        for example in f.examples:
            problem = check_example(catalog, f, example, read)
            if problem:
                yield f"{f.name}.toml: example {example.number}: {problem}"


def example_text(example: Example) -> str:
    heading = example.section.upper().replace("_PLAN", " AND PLAN").replace("_", " ")
    headings = {"PMH": "PAST MEDICAL HISTORY", "FAMILY": "FAMILY HISTORY", "SURGICAL": "PAST SURGICAL HISTORY",
                "ROS": "REVIEW OF SYSTEMS",
                "SOCIAL": "SOCIAL HISTORY", "EXAM": "PHYSICAL EXAM", "HPI": "HISTORY OF PRESENT ILLNESS"}  # fmt: skip
    return f"{headings.get(heading, heading)}:\n{example.text}" if example.section else example.text


def check_example(catalog: Catalog, family: Family, example: Example, read: Any) -> str:
    """What differs between an example and the reading of its text; "" if nothing does."""
    result = read(example_text(example), setting=example.setting)
    found = {f.icd10 for f in result.findings}
    own = {c for c in found if (owner := catalog.family_of(c)) and owner.name == family.name}
    wanted = set(example.expect)
    if not (wanted <= found and own <= wanted):
        return f"expected {sorted(wanted)}, got {sorted(own | (found & wanted))}"
    if example.reject:
        reasons = sorted({s.reason for s in result.suppressed if s.family == family.name})
        if example.reject not in reasons:
            return f"expected a mention suppressed as {example.reject}, got {reasons}"
    letters = {str(e.letter) for f in result.findings if f.family == family.name for e in f.meat}
    missing = [letter for letter in example.meat if letter not in letters]
    return f"expected MEAT {missing}, got {sorted(letters)}" if missing else ""


def contradiction_examples() -> Iterator[str]:
    """The same for the examples of contradictions.toml."""
    from nlp.contradictions import check_example, examples

    for number, example in enumerate(examples(), 1):
        if problem := check_example(example):
            yield f"contradictions.toml: example {number}: {problem}"


def shared_surfaces(catalog: Catalog) -> Iterator[str]:
    """Surfaces that several families claim, one line each."""
    for key, terms in sorted(catalog.surfaces.items()):
        if len({t.family for t in terms}) > 1:
            yield f"{key}: {', '.join(t.rule for t in terms)}"


def main(arguments: Sequence[str]) -> int:
    import nlp.catalog as shared

    out = sys.stdout.write
    reader = shared.Reader(HERE)
    catalog = reader.read(without_bad=True)
    out("".join(f"{p}\n" for p in reader.problems))
    if "--examples" not in arguments and reader.problems:
        return 1
    # The reading below must use the families that are whole, whatever state the other files are in.
    shared.load = lambda folder=HERE: catalog  # type: ignore[assignment]
    out(f"{catalog.ruleset}: {len(catalog.families)} families, {len(catalog.surfaces)} surfaces\n")
    if "--links" in arguments:
        for f in catalog.families.values():
            for name in (*f.yields_to, *f.lends_to, *(n for link in f.links for n in link.families)):
                if name not in catalog.families:
                    out(f"{f.name}.toml: there is no family {name}\n")
    if "--shared" in arguments:
        out("".join(f"{line}\n" for line in shared_surfaces(catalog)))
    if "--examples" in arguments:
        names = [a for a in arguments if not a.startswith("-")]
        problems = [*check_examples(catalog, names), *(contradiction_examples() if not names else ())]
        out("".join(f"{p}\n" for p in problems) or "every example comes out as it says\n")
        return 1 if problems else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
