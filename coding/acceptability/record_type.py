"""V01, the source of the record, and V02, documents that do not stand alone.

V01 asks the claim where the record comes from; V02 asks the documents what they are. A radiology report billed by a
physician passes V01 and fails V02.
"""

import re

from coding.acceptability.answers import MET, NOT_MET, UNKNOWN, Check, Evidence
from coding.acceptability.case import TITLE, Case, plain, span
from coding.acceptability.encounter_filter import bare_type_of_bill, visit_lines
from coding.acceptability.rulebook import DocumentKind, RecordSource, View
from coding.intake.values import NoteValues


def source(case: Case) -> Check:
    """V01. Source: the rules V01 and V01.place of the rule book."""
    encounter, claim = case.encounter, case.encounter.claim
    rows = case.view.all(RecordSource)
    if claim:
        for row in rows:
            if claim.place_of_service in row.places_of_service and not row.acceptable:
                return case.answer(
                    row.rule_id, NOT_MET, f"The place of service is {row.name}.", Evidence("claim.place_of_service")
                )
        bill = bare_type_of_bill(claim)
        if bill:
            for row in rows:
                if bill[:2] in row.types_of_bill:
                    return _source(case, row, "claim.type_of_bill")
            return case.answer(
                "V01", UNKNOWN, "The type of bill is in none of the tables.", Evidence("claim.type_of_bill")
            )
        for row in rows:
            if claim.claim_type and claim.claim_type in row.claim_types:
                return _source(case, row, "claim.type")
    if encounter.setting == "inpatient":
        return case.answer("V01", MET, "The setting is an inpatient stay.", Evidence("setting"))
    if encounter.provider_specialty or encounter.provider_credential:
        return case.answer("V01", MET, "A record of a physician or practitioner.", Evidence("provider"))
    return case.answer("V01", UNKNOWN, "Neither claim nor provider says where the record comes from.")


def _source(case: Case, row: RecordSource, field: str) -> Check:
    if row.acceptable:
        return case.answer(row.rule_id, MET, f"The claim is from: {row.name}.", Evidence(field))
    return case.answer(
        row.rule_id, NOT_MET, f"The claim is from {row.name}: none of the three acceptable sources.", Evidence(field)
    )


def stands_alone(case: Case) -> Check:
    return case.once("V02", lambda: _stands_alone(case))


def _stands_alone(case: Case) -> Check:
    """V02: at least one document is a record of a visit or a stay. A title in the note outweighs note.type."""
    kinds = [(note, *kind_of(note, case)) for note in case.encounter.notes]
    for _, row, evidence in kinds:
        if row and row.acceptable:
            return case.answer(row.rule_id, MET, f"At least one document is {row.name}.", evidence)
    refused = [(row, evidence) for _, row, evidence in kinds if row]
    if refused and len(refused) == len(kinds):
        names = sorted({row.name for row, _ in refused})
        verified_first = sorted(refused, key=lambda item: not _verified(case, item[0].rule_id))
        rule_id = verified_first[0][0].rule_id
        rule_id = rule_id if rule_id.startswith("V02") else "V02.other"
        return case.answer(rule_id, NOT_MET, f"The only documents are {' and '.join(names)}.", *(e for _, e in refused))
    return case.answer("V02.kinds", UNKNOWN, "The type of the documents is not known.", Evidence("note.type"))


def _verified(case: Case, rule_id: str) -> bool:
    rule = case.view.rule(rule_id)
    return rule is not None and rule.verified_for(case.program)


def kind_of(note: NoteValues, case: Case) -> tuple[DocumentKind | None, Evidence]:
    types, titles, any_title, anchors = _kinds(case.view)
    row = types.get(plain(note.note_type))
    evidence = Evidence("note.type", note.note_id)
    if row is None or row.acceptable:
        head = case.lower(note)[:TITLE]
        found = any_title.search(note.text, 0, TITLE) if any(word in head for word in anchors) else None
        if found:
            row, evidence = titles[str(found.lastgroup)], span(note, found)
    if row and row.unless_billed and visit_lines(case):
        return None, evidence
    return row, evidence


def _kinds(view: View) -> tuple[dict[str, DocumentKind], dict[str, DocumentKind], re.Pattern[str], frozenset[str]]:
    """The kinds by note type; the kinds by the name of a group of the expression of all titles; it; and its anchors."""
    made = view.memo.get("document kinds")
    if made is None:
        rows = view.all(DocumentKind)
        types = {name: row for row in rows for name in row.note_types}
        titles = {f"kind{place}": row for place, row in enumerate(rows) if row.titles}
        anchors = frozenset(word for row in rows for word in row.anchors)
        joined = "|".join(f"(?P<{name}>{'|'.join(row.titles)})" for name, row in titles.items())
        made = view.memo["document kinds"] = types, titles, re.compile(joined or "(?!)", re.I | re.M), anchors
    return made
