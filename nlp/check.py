"""What `python -m nlp.catalog` does: it says what is wrong with the rule files, and which example does not come out.

python -m nlp.catalog                       every fault of every file
python -m nlp.catalog --examples [FAMILY …] reads the examples as notes; those of the families that are whole
python -m nlp.catalog --links | --shared    links to no family; surfaces that several families claim
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nlp
from nlp import catalog, contradictions
from nlp.catalog import Catalog
from nlp.families import Example, Family
from nlp.places import with_line
from nlp.rulefiles import RuleFiles

HEADINGS = {
    "assessment_plan": "ASSESSMENT AND PLAN",
    "exam": "PHYSICAL EXAM",
    "family": "FAMILY HISTORY",
    "hpi": "HISTORY OF PRESENT ILLNESS",
    "pmh": "PAST MEDICAL HISTORY",
    "ros": "REVIEW OF SYSTEMS",
    "social": "SOCIAL HISTORY",
    "surgical": "PAST SURGICAL HISTORY",
}
"""The heading of an example by its kind of section, where that is not the name of the kind."""


def example_text(example: Example) -> str:
    """The note that an example stands for."""
    heading = HEADINGS.get(example.section, example.section.upper().replace("_", " "))
    return f"{heading}:\n{example.text}" if heading else example.text


def check_example(rules: Catalog, family: Family, example: Example) -> str:
    """What differs between an example and the reading of its text; "" if nothing does."""
    reported = [example.reported] if example.reported else []
    result = nlp.read(example_text(example), setting=example.setting, first_pass=reported)
    for answer in result.first_pass:
        if answer.verdict != example.verdict:
            return f"expected {example.reported} to be {example.verdict}, got {answer.verdict}: {answer.why}"
    found = {f.icd10 for f in result.findings}
    own = {c for c in found if (owner := rules.family_of(c)) and owner.name == family.name}
    wanted = set(example.expect)
    if not (wanted <= found and own <= wanted):
        return f"expected {sorted(wanted)}, got {sorted(own | (found & wanted))}"
    reasons = sorted({s.reason for s in result.suppressed if s.family == family.name})
    if example.reject and example.reject not in reasons:
        return f"expected a mention suppressed as {example.reject}, got {reasons}"
    letters = {str(e.letter) for f in result.findings if f.family == family.name for e in f.meat}
    missing = [letter for letter in example.meat if letter not in letters]
    return f"expected MEAT {missing}, got {sorted(letters)}" if missing else ""


def examples(rules: Catalog, names: Sequence[str] = ()) -> Iterator[str]:
    """One line for each example that does not come out as it says: of some families, or of all and contradictions."""
    for f in rules.families.values():
        for example in f.examples if f.name in names or not names else ():
            if problem := check_example(rules, f, example):
                yield f"{f.name}.toml: example {example.number}: {problem}"
    for number, one in enumerate(() if names else contradiction_examples(), 1):
        if problem := check_contradictions(one):
            yield f"contradictions.toml: example {number}: {problem}"


def can_contradict(files: RuleFiles) -> bool:
    """Whether contradictions.toml can be read, without which no note can; says what is wrong with it."""
    name = contradictions.FILE.name
    if not files.toml(files.folder / name):
        return False
    try:
        contradictions.rules()
    except KeyError as error:
        files.problems.append(f"{name}: {error} is missing in a rule or a list")
    except (TypeError, ValueError, AttributeError, re.error) as error:
        files.problems.append(f"{name}: {error}")
    else:
        return True
    return False


def contradiction_examples() -> list[dict[str, Any]]:
    """Those of contradictions.toml: a `text` or dated `notes`, and the kinds and rules to `expect`."""
    found: list[dict[str, Any]] = tomllib.loads(contradictions.FILE.read_text(encoding="utf-8"))["examples"]
    return found


def check_contradictions(example: Mapping[str, Any]) -> str:
    """What differs between such an example and what is found in it; "" if nothing does."""
    if "text" in example:
        found = [f"{c.kind} {c.rule}" for c in nlp.read(example["text"]).contradictions]
    else:
        codes = [one for code in example.get("reported", ()) if (one := contradictions.reported(code))]
        notes = [
            (n, day, [*nlp.read(text, date_of_service=day).statements, *codes])
            for n, (day, text) in enumerate(example["notes"])
        ]
        found = [f"{pair.kind} {pair.rule}" for pair in contradictions.between(notes)]
    return "" if found == example["expect"] else f"expected {example['expect']}, got {found}"


def shared_surfaces(rules: Catalog) -> Iterator[str]:
    """Surfaces that several families claim, one line each."""
    for key, terms in sorted(rules.surfaces.items()):
        if len({t.family for t in terms}) > 1:
            yield f"{key}: {', '.join(t.rule for t in terms)}"


def lost_links(rules: Catalog) -> Iterator[str]:
    """Names of families in condition files that no family has, one line each."""
    for f in rules.families.values():
        for name in (*f.yields_to, *f.lends_to, *(n for link in f.links for n in link.families)):
            if name not in rules.families:
                yield f"{f.name}.toml: there is no family {name}"


def main(arguments: Sequence[str]) -> int:
    def out(*lines: str) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))

    names = [a for a in arguments if not a.startswith("-")]
    files = RuleFiles(catalog.HERE)
    rules = catalog.read(files, without_bad=True)
    can_read = can_contradict(files)
    known = {path.stem for path in (files.folder / "conditions").glob("*.toml")}
    problems = files.problems + [f"{name}: there is no conditions/{name}.toml" for name in names if name not in known]
    if "--examples" in arguments and can_read:
        # What is read must be read by the families that are whole, whatever state the other files are in.
        catalog.load = lambda folder=catalog.HERE: rules  # type: ignore[assignment]
        problems += examples(rules, names)
    out(*(with_line(problem, files.folder) for problem in problems))
    out(f"{rules.ruleset}: {len(rules.families)} families, {len(rules.surfaces)} surfaces")
    if "--links" in arguments:
        out(*lost_links(rules))
    if "--shared" in arguments:
        out(*shared_surfaces(rules))
    if "--examples" in arguments and not problems:
        out("every example comes out as it says")
    return 1 if problems else 0
