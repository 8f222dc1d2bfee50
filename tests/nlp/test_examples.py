"""Every family's own examples: they stand in its file and are run here."""

import pytest

from nlp.catalog import load
from nlp.check import check_example, shared_surfaces
from nlp.families import Example, Family

CATALOG = load()
CURATED = [f for f in CATALOG.families.values() if not f.tail]
EXAMPLES = [
    pytest.param(family, example, id=f"{family.name}-{example.number}")
    for family in CATALOG.families.values()
    for example in family.examples
]


@pytest.mark.parametrize(("family", "example"), EXAMPLES)
def test_an_example_comes_out_as_its_file_says(family: Family, example: Example) -> None:
    assert check_example(CATALOG, family, example) == ""


@pytest.mark.parametrize("family", CURATED, ids=lambda f: f.name)
def test_a_family_shows_what_counts_and_what_does_not(family: Family) -> None:
    past = ("Z85", "Z86", "Z87")
    twins = [e for e in family.examples if e.reject or all(c.startswith(past) for c in e.expect)]
    assert len([e for e in family.examples if e.expect]) >= 3
    assert len(twins) >= 3


@pytest.mark.parametrize("family", CURATED, ids=lambda f: f.name)
def test_every_surface_of_a_family_is_found_in_its_own_spelling(family: Family) -> None:
    from nlp.candidates import find_mentions
    from nlp.sections import page

    lost = []
    for term in (t for t in family.terms if not (t.organ or t.part_of)):
        sheet = page(f"Assessment: {term.text}.", CATALOG)
        if not any(m.family == family.name and m.start == 12 for m in find_mentions(sheet, CATALOG)):
            lost.append(term.text)
    assert lost == []


def test_no_two_families_claim_one_prefix() -> None:
    owners: dict[str, list[str]] = {}
    for family in CATALOG.families.values():
        for prefix in family.prefixes:
            owners.setdefault(prefix, []).append(family.name)
    assert {p: names for p, names in owners.items() if len(names) > 1} == {}


def test_every_code_that_a_family_can_give_without_attributes_is_a_code() -> None:
    import simple_icd_10_cm as icd

    plain = {f.name: f.plain_code for f in CATALOG.families.values()}
    wrong = {name: code for name, code in plain.items() if not icd.is_valid_item(code)}
    assert wrong == {}


def test_shared_surfaces_are_listed_one_a_line() -> None:
    assert all(": " in line for line in shared_surfaces(CATALOG))
