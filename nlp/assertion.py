"""Stage 3: what the words around a mention make of it, and which attribute values stand near it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from nlp import pipeline
from nlp.candidates import Mention
from nlp.catalog import Catalog
from nlp.families import Attribute, Family
from nlp.findings import Span
from nlp.sections import Page
from nlp.words import Text, words_of

PRIORITY = ("family", "negated", "ruled-out", "hypothetical", "uncertain", "historical", "past", "over")
AS_HISTORICAL = ("past", "over")
OPENING = ("family", "negated")
"""Categories of cues whose last words may be the first of a surface."""
DENYING = ("family", "negated", "ruled-out", "hypothetical", "uncertain")
SILENT = frozenset({"family", "allergies", "instructions"})
"""Sections whose words never give a value or a treatment to a condition."""

ADJECTIVES = frozenset(
    {
        "possible", "possibly", "probable", "probably", "likely", "suspected", "questionable", "presumed",
        "presumptive", "borderline", "unlikely", "less likely",
    }
)  # fmt: skip
"""Cues that speak of one noun phrase: what follows the comma is another item of the list, unless an "or" joins them."""
OWNED = re.compile(
    r"\b(?:his|her|their|your|the (?:patient|pt)'s|patient's) (?:(?:known|underlying|chronic|baseline|longstanding"
    r"|severe|mild|moderate|advanced|worsening|end stage) )*$"
)
"""A possessive before a condition presupposes it: "I suspect his COPD will require oxygen"."""
ASKED = re.compile(r"[^\s([,;:.]\?(?![a-z0-9(])|.\?\s*(?:[,;.)]|\n|$)")
"""A question mark that asks of what stands before it ("AKI? baseline"), not of what follows ("? CHF", "1)?CHF")."""
ITEM_END = re.compile(r"[,;.\n]|$")
JOINED = re.compile(r"\b(?:or|vs|versus)\b|/")
KEPT = re.compile(
    r" (?:on (?!(?:echo|ct|mri|x|imaging|exam|chest|labs?|ekg|ultrasound|biopsy|the|today|admission)\b)"
    r"|treated |stable |controlled |followed |managed |status post |s/p )"
)
"""What is said of a condition that is being cared for."""
GIVEN = re.compile(
    r"[ ]*(?:$|[^a-z ]|(?:given|based|because|due|from|per|on|by|in|with|at|but|and|as|after|for|than|the|if)\b)"
)
"""What may follow an adjective that looks back: "COPD, suspected given the spirometry"."""
ENDED_THING = re.compile(
    r" (?!(?:given|after|with|without|on|by|in|at|but|and|as|s|status|now|last|before|since|over|during|today|yesterday"
    r"|prior|until|when|while|then|within|following|per|for|from|this|that|several|again|clinically|months?|years?|weeks?|days?"
    r"|quickly|nicely|well|entirely|fully|overnight)\b|[a-z]+ly\b)[a-z]{3,}"
)
"""A thing behind "resolved", which then is what has ended."""
APART = re.compile(r",|\b(?:with|and|on|plus|in|due|from|secondary)\b")
"""What parts a condition from an adjective that speaks of the words behind it: "COPD with possible pneumonia"."""
RELATIVE_DOES = re.compile(
    r" (?:been (?!diagnosed|treated|on |having)|noticed|noted|reported|brought|told|said|stated|helped|given|seen"
    r"|observed|taken|concerns?|questions?|to )"
)
"""After "his wife has": what she has done, no disease of hers."""
OTHER_ENDED = re.compile(
    r", (?:and )?(?:his|her|the|all|their|these|those) [a-z]"
    r"|\b(?:symptoms?|pains?|swelling|rash|diarrhea|nausea|vomiting|palpitations|cough|dyspnea|shortness of breath"
    r"|wheezing|fevers?|edema|headaches?|bleeding|fatigue|lymphadenopathy|hypotension|tachycardia|jaundice|hypoxia"
    r"|leukocytosis|redness|erythema|drainage|numbness|dizziness|itching|tenderness|effusions?|congestion|confusion|stiffness"
    r"|lesions?)(?: (?:has|have|had|is|are|was|were|now|since|completely|fully|all|also|both|largely|mostly))*"
    r" (?:resolved|healed|cured)"
)
"""Between a condition and its end: a new subject ("lupus, the rash has resolved"), or a symptom that has ended."""
MISHAP = re.compile(r"(?:rejection|infection|failure|malfunction|loss|dysfunction) (?:of|in) (?:an? |the |his |her )*$")
"""What is ruled out of a lasting state: "rejection of the liver transplant was ruled out"."""
IN_PERSON = re.compile(r"[a-z] in (?:an? |this |the |known )?$")
"""Between what ended and the person who goes on having a condition: "hypoglycemia in a type 2 diabetic, resolved"."""
TOLD = r"(?:discuss|explain|review|counsel|inform|warn|educat|describ|teach|talk)[a-z]*"
HARMS = r"(?:risks?|side effects?|toxicit(?:y|ies)|adverse (?:effects?|reactions?|events?)|complications?)"
LISTING = r"(?:incl(?:ud(?:e|es|ed|ing))?|such as|like|but not limited to)"
POSSIBLE = re.compile(
    rf"\b(?:{TOLD}[a-z ,/()-]{{0,80}}\b{HARMS}\b[a-z ,/()-]{{0,60}}\b{LISTING}"
    rf"|{HARMS}\b[a-z ,/()-]{{0,80}}\b{TOLD}[a-z ,/()-]{{0,60}}\b{LISTING}"
    r"|(?:side effects?|toxicities|adverse (?:effects?|reactions?|events?)|(?:potential|possible) complications?)"
    r"\b[a-z ,/()-]{0,60}\b(?:include|can be|may be)"
    r"|(?:screen|test|check)(?:ed|ing|s)? (?:him|her|them|(?:the )?(?:patient|pt))"
    r"(?: (?:today|now|again|also|annually))* for"
    r")\b(?![^;]*\b(?:but|however)\b)[^;]*$"
)
"""The words before a condition that make it one of a list of possible harms, or of things to test for."""
HARM_LIST = re.compile(rf"\b{HARMS}\b[a-z ,/()-]{{0,40}}\b{LISTING}\b[^;]*$")
SIGNS = re.compile(r"\b(?:signs?|symptoms?)(?:(?: and |/| or )(?:signs?|symptoms?))? of(?: [a-z,/]+){0,4}$")
SIGNS_TOLD = re.compile(rf"(?: [a-z,/]+){{0,4}} (?:(?:was|were|are) )?{TOLD}")
"""Signs of a condition that somebody was told to look for: "signs of DKA reviewed"."""
TOLD_AFTER = re.compile(rf"[^.;]*\b(?:was|were|been|are) {TOLD}")
ON_CONDITION = re.compile(
    r"(?:\b(?:if|unless|in case|in the event(?: that)?)|(?:^|[,;:] )should)"
    r"(?: (?:there|he|she|they|the|this|it|patient|pt|is|was|are|were|of|that|has|have|had|does|do|develops?|developed"
    r"|becomes?|turns? out to be|a|an|any|new|acute|true|truly|evidence|in|found|to|diagnosed|with|symptoms|signs"
    r"|severe))+$"
)
"""A condition of a plan, right before the diagnosis: "if she has brain edema, we will"."""
OPEN_CAUSE = re.compile(r"\b(?:etiolog|aetiolog|cause|source|origin|type|extent|stage)")
"""What is left open about a condition that is not: "hemorrhage, etiology to be determined"."""
BEGINNING = re.compile(r"\b(?:diagnos|discovered|found|began|begun|onset|started|developed|first)")
"""Between a lasting condition and "years ago": that is when it began."""
RECENT = re.compile(
    r" (?:(?:the|few|several|couple of|\d+|one|two|three|four|five|six|seven|eight|ten|twelve) )*"
    r"(?:(?:to|or|-) ?\d+ )?(?:hours?|days?|weeks?|months?)\b"
)
"""After "in the past": a stretch of time that still is the present illness."""
IF = re.compile(r"\b(?:if|should|unless)(?: (?:the|an?|any|new|acute))*$")
COMES_TRUE = re.compile(
    r"(?: [a-z]+)? (?:develops?|occurs?|arises?"
    r"|(?:is|are) (?:found|confirmed|present|diagnosed|suspected|detected|seen|proven))\b"
)


WARNING = words_of(
    (TOLD, HARMS, "signs?", "symptoms?", "(?:potential|possible) complications?", "(?:screen|test|check)[a-z]*")
)
"""The words with which possible harms and tests begin."""
CONDITIONAL = words_of(("if", "should", "unless", "in case", "in the event"))


def is_possible(low: Text, start: int, first: int, last: int) -> bool:
    """Whether the words around [first, last), from the sentence's `start`, make it a possible harm, a test, an if."""
    is_warning, is_conditional = WARNING.places(low, start, first), CONDITIONAL.places(low, start, first)
    if not is_warning and not is_conditional:
        return False
    head = low[start:first].rstrip()
    if is_warning and (
        POSSIBLE.search(head)
        or (HARM_LIST.search(head) and TOLD_AFTER.match(low, last))
        or (SIGNS.search(head) and SIGNS_TOLD.match(low, last))
    ):
        return True
    if not is_conditional:
        return False
    return bool(ON_CONDITION.search(head) or (IF.search(head) and COMES_TRUE.match(low, last)))


CANCER_TREATMENT = re.compile(
    r"\b(?:began|begin|begins|started|start|starting|continues?|undergoing|receiving|on) [a-z ,-]{0,40}"
    r"\b(?:chemotherapy|radiation|radiotherapy|immunotherapy|brachytherapy)\b"
    r"|\b(?:opted for|elected|chose) [a-z ,-]{0,50}\b(?:brachytherapy|implants?|radiation|prostatectomy|surveillance)\b"
    r"|\bpost ?-?op(?:erative)? (?:recovery|course|day|check|psa)\b"
)
AT_ADMISSION = re.compile(r"admi(?:tting|ssion)|pre ?-?op")
OF_STAY = re.compile(r"(?:discharge|final) diagnos|diagnos[ei]s (?:at|on|upon) discharge")
AT_DISCHARGE = re.compile(r"discharge|final|principal|diagnos[ei]s")
ADMITTED = re.compile(r"admitted (?:with|to the|for|after|following|because)|emergen(?:cy|t) (?:room|department)")
NO_DOUBT = re.compile(
    r"(?:to )?(?:evaluat|screen|test|check|rule|look|assess for|determine|exclude\b)"
    r"|work ?-?up|work - up|prevent|prophyla|vaccin|risk|unlikely|less likely|not likely"
    r"|(?:was|were) (?:initially )?suspected|suspected (?:on|at|initially)|(?:felt|thought)\b.*unlikely"
    r"|considered (?:but|unlikely|less)"
    r"|whether|r/o|ro$|vs|versus|if |worr|fear|afraid|differential|ddx"
)
"""Uncertain cues that are not the doubt of II.H ("probable", "suspected"): tests, risks, and a bare "rule out" or
"versus", which leave open what was thought at discharge."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """A mention with what speaks against it: `reason` is "" for a mention that stands as current."""

    mention: Mention
    reason: str
    cue: Span | None = None
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_cue: str = ""


class Sentences:
    """The cues of a note's sentences, looked up when somebody asks."""

    def __init__(self, page: Page, setting: str, assessment: frozenset[str]) -> None:
        self.page, self.setting, self.assessment = page, setting, assessment
        self.values: dict[tuple[int, int], Sequence[tuple[str, int, int]]] = {}
        self.over: dict[tuple[int, int, int], Sequence[str]] = {}
        self.denials: dict[Span, bool] = {}

    def cues(self, number: int) -> tuple[pipeline.Cue, ...]:
        start, end = self.page.sentences[number]
        return pipeline.cues(self.page.low[start:end])

    def counts_doubt(self, position: int, cue: str = "") -> bool:
        """ICD-10-CM Guidelines II.H: at inpatient discharge an uncertain diagnosis is coded as if it existed.

        Only the diagnoses at discharge count, and the hospital course of a summary that lists none; what was weighed at
        admission, tested for or feared does not.
        """
        if self.setting != "inpatient" or not self.page.is_discharge or NO_DOUBT.match(cue):
            return False
        section = self.page.section_at(position)
        if section.kind == "hospital_course":
            return not self.lists_diagnoses
        heading = self.page.low[section.start : section.body]
        return section.kind in self.assessment and not AT_ADMISSION.search(heading)

    def is_of_stay(self, position: int) -> bool:
        """Whether the section sums up a stay: what resolved during the stay was treated in it."""
        section = self.page.section_at(position)
        if self.setting == "inpatient" and self.page.is_discharge:
            return section.kind in self.assessment
        return bool(OF_STAY.search(self.page.low, section.start, section.body))

    @cached_property
    def is_acute_care(self) -> bool:
        """Whether the note is written at a bedside: what its assessment names is what the person lies there with."""
        low = self.page.low
        return (self.page.is_bedside or bool(ADMITTED.search(low))) and not re.search(r"\baxis i{1,3}\b", low)

    @cached_property
    def treats_cancer(self) -> bool:
        """Whether the note goes on with a treatment that only cancers get, or tells how an operation healed."""
        return bool(CANCER_TREATMENT.search(self.page.low))

    @cached_property
    def lists_diagnoses(self) -> bool:
        """Whether a section of the note is headed as the diagnoses at discharge."""
        headings = (self.page.low[s.start : s.body] for s in self.page.sections if s.kind in self.assessment)
        return any(AT_DISCHARGE.search(h) and not AT_ADMISSION.search(h) for h in headings)

    def values_at(self, attribute: Attribute, number: int) -> Sequence[tuple[str, int, int]]:
        """What stands in a sentence for the values of an attribute, in the order of these: value, start, end."""
        key = id(attribute), number
        if key not in self.values:
            is_named = self.page.spans(attribute.any_value, *self.page.sentences[number])
            values = attribute.values if is_named else ()
            self.values[key] = [(v, *span) for v, words in values for span in self.page.spans_in(words, number)]
        return self.values[key]

    def denied(self, number: int, start: int, end: int) -> bool:
        """Whether a span of a sentence is negated, uncertain, hypothetical or somebody else's."""
        if (start, end) not in self.denials:
            self.denials[start, end] = self.is_denied(number, start, end)
        return self.denials[start, end]

    def is_denied(self, number: int, start: int, end: int) -> bool:
        offset = self.page.sentences[number][0]
        if is_possible(self.page.low, offset, start, end):
            return True
        if LACKING.search(self.page.low, max(offset, start - 30), start):
            return True
        doubt = IN_DOUBT.search(self.page.low, max(offset, start - 20), start)
        if doubt and not self.counts_doubt(start, doubt.group().strip()):
            return True
        for cue in self.cues(number):
            if cue.category == "uncertain" and self.counts_doubt(start, cue.text):
                continue
            if cue.category in DENYING and cue.max_targets is None and not cue.kinds:
                inside = cue.scope_start <= start - offset and end - offset <= cue.scope_end
                if cue.text in ADJECTIVES and "," in self.page.low[end : max(end, offset + cue.start)]:
                    continue  # "apixaban, possible sleep apnea"
                if inside and not (start - offset < cue.end and cue.start < end - offset):
                    return True
        return False


LACKING = re.compile(r"\b(?:without|w/o|no|healed)(?: (?:any|acute|\(acute\)|current|recent|further|new|diabetic))* $")
"""Right before a value of an attribute. ConText passes over "without exacerbation", which denies no condition."""
IN_DOUBT = re.compile(r"\b(?:likely|probably|possibly|presumably|perhaps) $")
"""Right before a value: "likely due to chemotherapy" leaves the condition certain, and its cause not."""


def assert_mentions(page: Page, mentions: Sequence[Mention], catalog: Catalog, setting: str) -> tuple[Asserted, ...]:
    """Each mention with its reason and its own attribute values, in text order."""
    sentences = Sentences(page, setting, catalog.roles["assessment"])
    out: list[Asserted] = []
    by_sentence: dict[int, list[Mention]] = {}
    for m in mentions:
        by_sentence.setdefault(m.sentence, []).append(m)
    for number, group in by_sentence.items():
        flags = flag(page, sentences.cues(number), group, page.sentences[number][0])
        for m in group:
            values = read_values(page, sentences, catalog.families[m.family], m, group)
            out.append(decide(page, sentences, catalog, m, flags.get(id(m), {}), values))
    return tuple(out)


def flag(
    page: Page, cues: Sequence[pipeline.Cue], group: Sequence[Mention], offset: int
) -> dict[int, dict[str, pipeline.Cue]]:
    """For each mention (by identity) the categories that reach it, each with the nearest cue."""
    flags: dict[int, dict[str, tuple[int, pipeline.Cue]]] = {}
    low = page.low
    for cue in cues:
        reached = []
        for m in group:
            start, end = m.start - offset, m.end - offset
            if cue.kinds and m.term.kind not in cue.kinds and not (m.term.lapses and "event" in cue.kinds):
                continue
            if reaches(cue, start, end) and applies(low, cue, m, group, offset):
                reached.append((start - cue.end if start >= cue.end else cue.start - end, m))
        reached.sort(key=lambda x: (x[0], x[1].start))
        if cue.max_targets is not None:
            # Two families on one surface are one target.
            nearest = list(dict.fromkeys((m.start, m.end) for _, m in reached))[: cue.max_targets]
            reached = [(d, m) for d, m in reached if (m.start, m.end) in nearest]
        for distance, m in reached:
            best = flags.setdefault(id(m), {})
            if cue.category not in best or distance < best[cue.category][0]:
                best[cue.category] = (distance, cue)
    return {k: {c: x[1] for c, x in v.items()} for k, v in flags.items()}


def reaches(cue: pipeline.Cue, start: int, end: int) -> bool:
    """Whether a span of a sentence lies in the scope of a cue, or begins with its last words: "no [history of MI]",
    "brother [on dialysis]"."""
    if start < cue.end and cue.start < end:
        return cue.category in OPENING and cue.direction == "forward" and cue.start < start and cue.end < end
    return cue.scope_start <= start and end <= cue.scope_end


FLARE = re.compile(
    r"exacerbat|flares?\b|relapse|decompensat|\b(?:attack|crisis)\b|acute on chronic|acute worsening|acute episode"
)
"""What comes and goes of a condition that stays."""


def ends_flare(low: str, cue: pipeline.Cue, m: Mention, offset: int) -> bool:
    """Whether what has ended is an episode of a chronic condition: "COPD exacerbation, resolved"."""
    if m.term.kind != "chronic" or "resolved" not in cue.text:
        return False
    return bool(FLARE.search(low, max(offset, min(offset + cue.end, m.start - 30)), max(offset + cue.start, m.end)))


def applies(low: str, cue: pipeline.Cue, m: Mention, group: Sequence[Mention], offset: int) -> bool:
    """Whether a cue speaks of a mention in its scope, or of another item of a list, or of another subject."""
    first, last = offset + cue.start, offset + cue.end
    lasting = m.term.kind in ("chronic", "status")
    if ends_flare(low, cue, m, offset):
        return False
    if cue.text == "?" and (cue.direction == "backward") != bool(ASKED.match(low, first - 1)):
        return False
    if cue.direction == "forward":
        between = low[last : m.start]
        if cue.category == "family":
            return not (cue.text.endswith((" has", " had")) and RELATIVE_DOES.match(between))
        owned = OWNED.search(between)
        if cue.category == "negated":
            # "no progression of her multiple sclerosis"
            return not (owned and m.term.kind == "chronic" and between[: owned.start()].strip())
        if cue.category != "uncertain":
            return True
        if owned:
            return m.term.kind == "event"
        if "," not in between:
            return True
        stop = ITEM_END.search(low, m.end)
        cared_for = bool(KEPT.search(low[m.end : stop.start() if stop else m.end] + " "))
        if cue.text not in ADJECTIVES:
            return not (lasting and cared_for)
        return bool(JOINED.search(low, last, offset + cue.scope_end)) or not (lasting or cared_for)
    between = low[m.end : first]
    tail = between.rpartition(",")[2].strip() if "," in between else ""
    if re.search(r"\b(?:which|both|all|that|each|these)\b", tail):
        tail = ""
    alone = not any(m.end <= other.start and other.end <= first for other in group)
    if cue.text == "in the past" and RECENT.match(low, last):
        return False
    if cue.text == "to be determined" and OPEN_CAUSE.search(between):
        return False
    if cue.category == "uncertain":
        return cue.text not in ADJECTIVES or bool(GIVEN.match(low, last)) or not APART.search(between)
    if cue.category == "ruled-out" and m.term.kind == "status" and MISHAP.search(low, offset, m.start):
        return False
    if cue.category == "over" and m.term.kind == "chronic" and IN_PERSON.search(low, offset, m.start):
        return False
    if cue.category == "over" and cue.text in ("resolved", "healed") and "," in between:
        # "heart failure, resolved pleural effusion"
        return not ENDED_THING.match(low, last)
    if lasting and cue.text in ("years ago", "year ago") and BEGINNING.search(between):
        return False
    if cue.category == "negated":
        return not (tail and alone and cue.text.split()[-1] in ("negative", "neg"))
    return True


def overridden(family: Family, values: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The reasons that a mention's attribute values set aside: "in remission" is a state of a leukemia, not its end."""
    return {r for a in family.attributes if values.get(a.name) for r in a.overrides}


def decide(
    page: Page,
    sentences: Sentences,
    catalog: Catalog,
    m: Mention,
    flags: Mapping[str, pipeline.Cue],
    values: Mapping[str, tuple[str, ...]],
) -> Asserted:
    """The one reason that counts: another person, then negation, then a plan or risk, then doubt, then the past."""
    offset = page.sentences[m.sentence][0]
    family = catalog.families[m.family]
    spared = overridden(family, values)
    if m.section == "family":
        return Asserted(m, "family", None, values)
    if m.section == "allergies":
        return Asserted(m, "other: allergy", None, values)
    if m.aside or is_possible(page.low, offset, m.start, m.end):
        return Asserted(m, "hypothetical", None, values)
    for category in PRIORITY:
        cue = flags.get(category)
        reason = "historical" if category in AS_HISTORICAL else category
        if cue is None or reason in spared:
            continue
        if category == "uncertain" and sentences.counts_doubt(m.start, cue.text):
            continue
        if category == "over" and (
            sentences.is_of_stay(m.start) or OTHER_ENDED.search(page.low, m.end, offset + cue.end)
        ):
            continue
        return Asserted(m, reason, (offset + cue.start, offset + cue.end), values, cue.text)
    if m.section in catalog.roles["advice"]:
        return Asserted(m, "hypothetical", None, values)
    if m.term.kind == "event" and m.section in ("pmh", "surgical", "problem_list") and "historical" not in spared:
        return Asserted(m, "historical", None, values)
    return Asserted(m, "", None, values)


# ---------------------------------------------------------------------------------------------------------- attributes


def read_values(
    page: Page, sentences: Sentences, family: Family, m: Mention, group: Sequence[Mention]
) -> dict[str, tuple[str, ...]]:
    """The attribute values of one mention: those that its surface states, then those found around it, nearest first."""
    stated = dict(m.term.sets)
    out: dict[str, tuple[str, ...]] = {}
    for attribute in family.attributes:
        values = [stated[attribute.name]] if attribute.name in stated else []
        if (attribute.many or not values) and page.spans(attribute.any_value):
            for more in around(page, sentences, attribute, m, group):
                values += more
                if values and not attribute.many:
                    break
        if values:
            out[attribute.name] = tuple(dict.fromkeys(values)) if attribute.many else (values[0],)
    for name, value in stated.items():
        out.setdefault(name, (value,))
    return out


def around(
    page: Page, sentences: Sentences, attribute: Attribute, m: Mention, group: Sequence[Mention]
) -> Iterator[Sequence[str]]:
    """The values in each place where they may stand: window, sentence, block, note."""
    first, last = page.sentences[m.sentence]
    last = max(last, m.end)
    low, high = max(first, m.start - attribute.before), min(last, m.end + attribute.after)
    if not attribute.many:
        # The words beyond another condition belong to that one.
        for other in group:
            if other.family != m.family:
                if m.end <= other.start and not CAUSE.fullmatch(page.low, m.end, other.start):
                    high = min(high, other.end)
                elif other.end <= m.start:
                    low = max(low, other.start)
    yield values_in(sentences, attribute, m.sentence, low, high)
    if attribute.scope == "near":
        return
    yield values_over(page, sentences, attribute, (first, last))
    if attribute.scope == "sentence":
        return
    block = page.block_at(m.start)
    if block:
        yield values_over(page, sentences, attribute, block)
    if attribute.scope == "note":
        yield values_over(page, sentences, attribute, (0, len(page.low)))


CAUSE = re.compile(r",? (?:due to|secondary to|caused by|because of) (?:(?:her|his|the|chronic|underlying) )*")
"""Between a condition and its cause, behind which it goes on about the condition: "depression due to MS, severe"."""


def values_over(page: Page, sentences: Sentences, attribute: Attribute, span: Span) -> Sequence[str]:
    """The values in all sentences of a block or note, read once however many mentions ask."""
    key = id(attribute), *span
    if key not in sentences.over:
        values: list[str] = []
        asked = page.sentences_in(span)
        first, last = page.sentences[asked[0]][0], page.sentences[asked[-1]][1]
        named = (page.sentence_at(start) for start, _ in page.spans(attribute.any_value, first, last))
        for number in dict.fromkeys(named):
            start, end = page.sentences[number]
            if page.section_at(start).kind not in SILENT:
                values += values_in(sentences, attribute, number, start, end)
                if values and not attribute.many:
                    break
        sentences.over[key] = tuple(dict.fromkeys(values))
    return sentences.over[key]


def values_in(sentences: Sentences, attribute: Attribute, number: int, low: int, high: int) -> Sequence[str]:
    """Values that stand between two offsets of a sentence and are not denied; one unless the attribute is many."""
    values = (
        value
        for value, start, end in sentences.values_at(attribute, number)
        if low <= start and end <= high and not sentences.denied(number, start, end)
    )
    return list(values if attribute.many else islice(values, 1))
