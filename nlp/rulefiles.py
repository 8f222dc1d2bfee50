"""The rule files of a folder: read, checked as a whole, and turned into families.

Everything wrong in any file is reported together, with file, line and field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp import shapes
from nlp.families import KINDS, Attribute, CodeLine, Example, Family, Link, Term, When, tail_name
from nlp.findings import Verdict
from nlp.places import with_line
from nlp.shapes import Fields
from nlp.surfaces import key_of, variants
from nlp.titles import Title
from nlp.words import Words, pattern, union

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


class CatalogError(ValueError):
    """The rule files are wrong. `problems` has one line for each fault: file, line, field, what is the matter."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class RuleFiles:
    """The rule files of one folder, and everything that was found wrong with them."""

    def __init__(self, folder: Path, thorough: bool = True) -> None:
        """thorough: compile every pattern, and look up every code, to find the faulty ones; a test does that for the
        files of this project."""
        self.folder, self.thorough = folder, thorough
        self.problems: list[str] = []
        self.names: dict[str, list[str]] = {}

    def faults(self) -> list[str]:
        """The problems, each with its line."""
        return [with_line(problem, self.folder) for problem in self.problems]

    def toml(self, path: Path) -> dict[str, Any]:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.problems.append(f"{path.name}: {error}")
            return {}

    def vocabulary(self) -> None:
        """Drugs, classes, labs, examinations and sides as lists of patterns by name."""
        for cls, drugs in self.toml(self.folder / "drugs.toml").get("classes", {}).items():
            everything: list[str] = []
            for generic, brands in drugs.items():
                words = [re.escape(w).replace(r"\ ", " ").replace(r"\-", "-") for w in (generic, *brands)]
                self.names.setdefault(generic, [])
                self.names[generic] += words
                everything += words
            self.names[cls] = everything
        measures = self.toml(self.folder / "labs.toml")
        for group in ("labs", "exams", "symptoms", "sides"):
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

    def fields(self, at: str, data: Mapping[str, Any], known: Fields, needed: Collection[str] = ()) -> dict[str, Any]:
        """The fields of a table that are known and of their shape. Says which are not, and which are missing."""
        self.problems += [f"{at}: unknown field {extra}" for extra in sorted(data.keys() - known.keys())]
        wrong = [name for name in data if name in known and not known[name].fits(data[name])]
        self.problems += [f"{at}: {name} must be {known[name].words}" for name in wrong]
        self.problems += [f"{at}: {name} is missing" for name in needed if not data.get(name)]
        return {name: value for name, value in data.items() if name in known and name not in wrong}

    def kind(self, at: str, kind: str) -> str:
        if kind not in KINDS:
            self.problems.append(f"{at}: kind {kind!r} is none of {', '.join(KINDS)}")
        return kind

    def families(self, without_bad: bool = False) -> Iterator[Family]:
        """Those of the condition files. without_bad: only the ones with which nothing is wrong."""
        self.vocabulary()
        for path in sorted((self.folder / "conditions").glob("*.toml")):
            before = len(self.problems)
            family = self.family(path)
            if family and not (without_bad and len(self.problems) > before):
                yield family

    def check_links(self, families: Mapping[str, Family]) -> None:
        """Says which links ask a family for an attribute that it has not."""
        for f in families.values():
            for link in f.links:
                for other in (families[n] for n in link.families if n in families):
                    known = {a.name for a in other.attributes} | {k for t in other.terms for k, _ in t.sets}
                    for attr in (a for a, _ in link.when if a not in known):
                        self.problems.append(f"{f.name}.toml: links to {other.name}: it has no attribute {attr}")

    def family(self, path: Path) -> Family | None:
        data = self.toml(path)
        if not data:
            return None
        at = path.name
        name = data.get("family", "")
        if name != path.stem:
            self.problems.append(f"{at}: family is {name!r}, the file says {path.stem!r}")
        data = self.fields(at, data, shapes.FAMILY, needed=("label", "prefixes", "codes"))
        kind = self.kind(at, data.get("kind", ""))
        policy = data.get("policy", "")
        if policy not in ("", "stated", "assessed"):
            self.problems.append(f"{at}: policy {policy!r} is neither stated nor assessed")
        attributes = tuple(self.attribute(at, n, a) for n, a in data.get("attributes", {}).items())
        defined = {a.name: {v for v, _ in a.values} | {a.default} for a in attributes}
        terms = tuple(self.terms(at, name, kind, data))
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
            related=self.compiled(f"{at}: related", data.get("related", [])),
        )

    def evidence(self, at: str, meat: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a family that tell its evidence."""
        meat = self.fields(at, meat, shapes.EVIDENCE)
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
            entry = self.fields(at, entry, shapes.COMMON, needed=("label", "prefixes", "terms"))
            prefixes = tuple(entry.get("prefixes", ())) or ("",)
            kind = self.kind(at, entry.get("kind", "chronic"))
            name = f"common_{prefixes[0].lower().replace('.', '_')}"
            yield Family(
                name=name,
                label=entry.get("label", ""),
                kind=kind,
                prefixes=prefixes,
                terms=tuple(self.terms(at, name, kind, {"terms": entry.get("terms", [])})),
                codes=(CodeLine(codes=prefixes[:1], offer=False),),
                drugs=self.compiled(f"{at}: drugs", entry.get("drugs", []), plain_names=True),
            )

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
            entry = self.fields(at, entry, shapes.RARE, needed=("label", "code", "terms"))
            code, kind = entry.get("code", ""), self.kind(at, entry.get("kind", "chronic"))
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
                name=name,
                label=labels[category],
                kind=kind,
                prefixes=mine,
                terms=tuple(terms),
                yields_to=ahead.get((category, kind), ()),
                distinct=("code",),
                attributes=(which,),
                codes=tuple(lines_of_code or [CodeLine(codes=(category,), offer=False)]),
                tail=True,
                **next((e for begins, e in chapters.items() if category.startswith(begins)), {}),
            )

    def chapters(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The evidence of rare conditions by the beginning of their codes."""
        for number, chapter in enumerate(self.toml(self.folder / "rare.toml").get("chapter", []), 1):
            evidence = self.evidence(f"rare.toml: chapter {number}", {k: v for k, v in chapter.items() if k != "codes"})
            yield from ((begins, evidence) for begins in chapter.get("codes", []))

    def terms(self, at: str, name: str, kind: str, data: Mapping[str, Any]) -> Iterator[Term]:
        blocks = [{"text": data.get("terms", [])}, *data.get("term", [])]
        for number, block in enumerate(blocks):
            where = f"{at}: terms" if number == 0 else f"{at}: term {number}"
            block = self.fields(where, block, shapes.TERM)
            texts = block.get("text", [])
            texts = [texts] if isinstance(texts, str) else texts
            sets = tuple(sorted((k, str(v)) for k, v in block.get("set", {}).items()))
            if block.get("kind", KINDS[0]) not in KINDS:
                self.problems.append(f"{where}: kind {block['kind']!r} is unknown")
            organs = block.get("organ", [])
            lines = [line.format(o) for line in (FOUND_IN, SPECIMEN_OF) for o in organs]
            organ = self.compiled(f"{where}: organ", lines)
            part_of = self.compiled(f"{where}: part_of", [PART_OF.format(o) for o in block.get("part_of", [])])
            for text in texts:
                case = bool(block.get("case"))
                if not text.strip():
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
        data = self.fields(where, data, shapes.ATTRIBUTE)
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

    def billable(self, where: str, code: str) -> None:
        """Says of a code that is written out that ICD-10-CM does not have it, or divides it further."""
        if not self.thorough:
            return
        import simple_icd_10_cm as icd

        if not icd.is_valid_item(code):
            self.problems.append(f"{where}: {code!r} is no code of ICD-10-CM")
        elif not icd.is_leaf(code):
            self.problems.append(f"{where}: {code!r} is no whole code: ICD-10-CM divides it further")

    def when(self, where: str, data: Mapping[str, Any], defined: Mapping[str, set[str]] | None) -> When:
        out = []
        for name, wanted in data.items():
            values = (wanted,) if isinstance(wanted, str) else tuple(wanted)
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
            line = self.fields(where, line, shapes.CODE_LINE)
            codes = tuple(line.get("codes", [])) or ((line["code"],) if line.get("code") else ())
            for code in codes:
                for name in re.findall(r"\{(\w+)\}", code):
                    if name not in defined:
                        self.problems.append(f"{where}: {{{name}}} is no attribute")
                if not re.fullmatch(r"[A-Z{][A-Z0-9.{}a-z_]+", code):
                    self.problems.append(f"{where}: {code!r} is no code")
                elif "{" not in code and line.get("offer", True) and not line.get("suppress"):
                    self.billable(where, code)
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
        data = self.fields(where, data, shapes.LINK)
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
        data = self.fields(where, data, shapes.EXAMPLE)
        section = data.get("section", "assessment_plan")
        if section not in SECTION_KINDS:
            self.problems.append(f"{where}: section {section!r} is unknown")
        for letter in data.get("meat", []):
            if letter not in LETTERS:
                self.problems.append(f"{where}: meat {letter!r} is no letter")
        for code in data.get("expect", []):
            self.billable(where, code)
        reject = data.get("reject", "")
        if reject and reject not in REASONS and not reject.startswith("other:"):
            self.problems.append(f"{where}: reject {reject!r} is no reason")
        reported, verdict = data.get("reported", ""), data.get("verdict", "")
        if bool(reported) != bool(verdict):
            self.problems.append(f"{where}: reported and verdict go together")
        if verdict and verdict not in list(Verdict):
            self.problems.append(f"{where}: verdict {verdict!r} is none of {', '.join(Verdict)}")
        return Example(
            number=number,
            text=data.get("text", ""),
            expect=tuple(data.get("expect", [])),
            reject=reject,
            meat=tuple(data.get("meat", [])),
            section=section,
            setting=data.get("setting", "outpatient"),
            reported=reported,
            verdict=verdict,
        )


SIDE = {
    "before": 45,
    "values": {
        "bilateral": ["bilateral(?:ly)?", "both"],
        "right": ["right(?: sided?)?", "rt", "od"],
        "left": ["left(?: sided?)?", "lt", "os"],
    },
}
"""The attribute that tells sides apart in the long tail."""


def side_lines(number: str, codes: Mapping[str, str]) -> Iterator[CodeLine]:
    """The code of each side that a surface of the long tail may mean; the one without a side where it has one."""
    for side, code in codes.items():
        if side:
            yield CodeLine((("code", (number,)), ("side", (side,))), (code,))
    if "" in codes:
        yield CodeLine((("code", (number,)),), (codes[""],))
