"""Writes longtail.tsv: phrases of the ICD-10-CM tabular list for payment codes that no condition file names.

    python -m nlp.longtail MAPPING.csv ... > nlp/longtail.tsv

MAPPING.csv: any table with a column `icd10`; its codes (without dots) say which conditions are wanted. A phrase is a
title or an inclusion term as a note would say it: without "unspecified", brackets and encounter, "neoplasm" turned to
"cancer", the words around a comma set right. It is left out where a condition file already reads it, where two codes
claim it, and where it is a single common word. One line: code, kind, side, phrase, title of the category.
`longtail_not.txt` lists the phrases that fired wrongly on real notes.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIDES = ("right", "left", "bilateral")
ACUTE = re.compile(
    r"\b(?:acute|abscess|hemorrhage|rupture|ruptured|injury|fracture|burn|corrosion|poisoning|toxic effect|infarction"
    r"|perforation|embolism|thrombosis|occlusion|infection|laceration|dislocation|contusion|asphyxiation|coma)\b"
)
DROPPED = re.compile(
    r",? (?:initial encounter(?: for (?:closed|open|closed or open)? ?fracture(?: type .*)?)?"
    r"|not elsewhere classified|not otherwise specified|nos|nec|unspecified|so stated"
    r"|not specified as (?:recurrent|intractable)"
    r"|without (?:mention of )?complications?|without (?:acute )?exacerbation|uncomplicated)(?=,|$)"
    r"|\bunspecified (?:part|site|side|type|stage|degree) of |\bunspecified (?=\w)|\(.*?\)"
)
REFUSED = re.compile(
    r"\bother\b|unspecified|classified|specified|encounter|sequela|subsequent|newborn affected|\bany\b|conditions? "
    r"|diseases? classified|type i{1,3}[abc]|undetermined|adverse effect|underdosing|assault|self-harm|\bof unknown\b"
    r"|\bage[ds]?\b|\d{2,}|percent|%|^without|^with |^due to|^associated|^part of|\btrimester\b|\bvarious\b"
    r"|\bdisorders? of\b"
    r"|\blevel of\b|following|\bmild\b.*\bremission|intentional|accidental"
    r"|\b(?:disorders|syndromes|episodes|diseases|conditions|complications|vasculopathies)$"
)
STUBS = frozenset(
    {
        "abscess", "anorexia", "bruise", "burn", "coma", "confusion", "contusion", "crisis", "depression", "effusion",
        "failure", "fracture", "hemorrhage", "infection", "infarction", "injury", "neoplasm", "overdose", "poisoning",
        "remission", "rupture", "shock", "stenosis", "syndrome", "trauma", "tumor", "ulcer", "withdrawal",
        "obsession", "hypochondria", "neurosis", "neurasthenia", "dependence", "intoxication", "addiction",
        "delirium", "mania", "psychosis", "amnesia",
    }
)  # fmt: skip
"""Single words that say too little."""


def phrases(title: str) -> Iterator[tuple[str, str]]:
    """The ways to say a title or inclusion term, each with the side that it names ("" for none)."""
    text = title.lower().replace("’", "'")
    for synonym in re.findall(r"\[(.*?)\]", text):
        yield from plain_phrase(synonym)
    text = re.sub(r"\[.*?\]", "", text)
    yield from plain_phrase(text)
    first, comma, rest = text.partition(", ")
    if comma and "," not in rest and len(rest.split()) <= 3 and not DROPPED.search(", " + rest):
        yield from plain_phrase(f"{rest} {first}")


def plainly(text: str) -> str:
    """A title without what leaves something open: "unspecified", "initial encounter", what stands in brackets."""
    before = None
    while before != text:
        before, text = text, re.sub(r"\s+", " ", DROPPED.sub(" ", f" {text} ".strip())).strip(" ,;")
    return text


def plain_phrase(text: str) -> Iterator[tuple[str, str]]:
    text = plainly(text)
    text = re.sub(r"^malignant neoplasm of (?:the )?", "cancer of ", text)
    if REFUSED.search(text) or text.startswith(("and ", "or ", "of ")):
        return
    sides = [s for s in (*SIDES, "both") if re.search(rf"\b{s}\b", text)]
    if len(sides) > 1:
        return
    side = {"both": "bilateral"}.get(sides[0], sides[0]) if sides else ""
    forms = {text}
    if text.startswith("cancer of "):
        forms |= {f"malignant neoplasm of {text[10:]}", f"carcinoma of {text[10:]}"}
        if len(text.split()) <= 4 and " and " not in text and " or " not in text:
            forms.add(f"{text[10:]} cancer")
    for form in sorted(forms):
        yield form, side
        if side:
            bare = re.sub(rf",? ?\b{sides[0]}\b(?: (?:side|eye|ear)\b)?", "", form).replace("  ", " ").strip(" ,")
            yield re.sub(r" (?:of|in|on)$", "", bare), side


def is_phrase(text: str) -> bool:
    """Whether a phrase is special enough to stand for a code."""
    words = text.split()
    if len(text) < 8 or len(words) > 6 or re.search(r"[^a-z0-9 ,'/\-]", text) or text in STUBS:
        return False
    return len(words) > 1 or len(text) >= 9


def kind_of(code: str, phrase: str) -> str:
    if code[0] == "C":
        return "cancer"
    if (
        code[0] in "STXA"
        or code[:2] in ("B0", "B3", "B4", "O0")
        or code[:3] in ("I21", "I23", "I26", "I60", "I61", "I63")
    ):
        return "event"
    if code[0] == "Z":
        return "status"
    if code[0] in "DEFGQL":
        return "chronic"
    return "event" if ACUTE.search(phrase) else "chronic"


def rows(codes: list[str], catalog: Any) -> Iterator[tuple[str, str, str, str]]:
    """(code, kind, side, phrase) for every phrase that means one code."""
    import simple_icd_10_cm as icd

    from nlp.candidates import find_mentions
    from nlp.sections import page

    meant: dict[str, dict[str, list[str]]] = {}
    for code in codes:
        if not icd.is_valid_item(code) or not icd.is_leaf(code) or code.startswith("Z3"):
            continue
        if len(code) == 8 and code[-1] != "A":
            continue
        for title in dict.fromkeys([icd.get_description(code), *icd.get_inclusion_term(code)]):
            for phrase, side in phrases(title):
                if is_phrase(phrase) and code not in meant.setdefault(phrase, {}).setdefault(side, []):
                    meant[phrase][side].append(code)
    for phrase, sides in sorted(meant.items()):
        sheet = page(phrase + ".", catalog)
        if find_mentions(sheet, catalog) or find_mentions(sheet, catalog.common):
            continue
        for side, claimed in sides.items():
            if len(claimed) > 1:
                # Of a code and its more special brothers, the one that leaves most open means the bare phrase.
                open_ones = [c for c in claimed if "unspecified" in icd.get_description(c).lower()]
                claimed = open_ones if len(open_ones) == 1 else []
            if claimed:
                yield claimed[0], kind_of(claimed[0], phrase), side, phrase


def label(code: str) -> str:
    """The title of a code's category, as the label of what is found there."""
    import simple_icd_10_cm as icd

    return str(icd.get_description(code[:3])).replace("\t", " ")


def codes_in(tables: list[str]) -> list[str]:
    """The codes of tables with a column `icd10`, each once, with dots."""
    wanted: set[str] = set()
    for name in tables:
        with Path(name).open(encoding="utf-8", newline="") as table:
            wanted |= {row["icd10"].replace(".", "") for row in csv.DictReader(table)}
    return sorted(c if len(c) <= 3 else f"{c[:3]}.{c[3:]}" for c in wanted)


def main(arguments: list[str]) -> int:
    from nlp import catalog
    from nlp.rulefiles import RuleFiles

    refused = set((catalog.HERE / "longtail_not.txt").read_text(encoding="utf-8").splitlines())
    for row in rows(codes_in(arguments), catalog.read(RuleFiles(catalog.HERE, thorough=False), tail=False)):
        if row[3] not in refused:
            sys.stdout.write("\t".join((*row, label(row[0]))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
