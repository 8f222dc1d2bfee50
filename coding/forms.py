"""The calculator's form: what a person types, as one request of `scoring.contract`."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BoundField
from django.forms.utils import ErrorDict

from scoring import InvalidInput, MissingFactor, MissingTables, ProgramYear, ScoringError
from scoring.beneficiary import CHECKS, MONTHLY, OLDEST, USED, code_of
from scoring.demographics import FAMILIES
from scoring.tables import ModelUse, load_release, load_year

ENTITLEMENT = {"0": "Age", "1": "Disability", "2": "ESRD", "3": "Disability and ESRD"}
DUAL = {"none": "Not dual", "partial": "Partial dual", "full": "Full dual"}
METAL = {"P": "Platinum", "G": "Gold", "S": "Silver", "B": "Bronze", "C": "Catastrophic"}
ESRD = {
    "dialysis": "Dialysis",
    "transplant-1": "Transplant, month 1",
    "transplant-2": "Transplant, month 2",
    "transplant-3": "Transplant, month 3",
    "graft": "Functioning graft",
}
YES_NO = {"yes": "Yes", "no": "No"}
FLAGS = ("institutional", "new_enrollee", "c_snp", "low_income")
MEDICAID = {
    "medicaid": "Medicaid",
    "lti_medicaid": "Medicaid, for the institutional segment",
    "new_enrollee_medicaid": "Medicaid, for the new-enrollee segments",
}
BY_MONTH = tuple(name for name in MONTHLY if name not in MEDICAID)
LABELS = {
    "institutional": "Institutional",
    "new_enrollee": "New enrollee",
    "c_snp": "C-SNP",
    "low_income": "Low income",
    "dual": "Dual status",
    "esrd": "ESRD status",
    "aid_group": "Aid group",
}
GROUPS = (
    ("Person", ("age", "birth_date", "sex", "orec", "aid_group")),
    (
        "Coverage",
        ("dual", "metal", "csr", "enrollment_months", "esrd", "esrd_graft_months", "plan", "frailty"),
    ),
    ("Status", FLAGS),
    ("Codes", ("diagnoses", "find", "candidates", "not_payable", "ndc", "hcpcs")),
    ("One model, segment, Medicaid", ("model", "segment", *MEDICAID)),
)
GRAFT_FROM = 4

# So many in one question, on the page and in the API: the differences of N candidates take N x N sums.
AT_ONCE = {"diagnoses": 2000, "candidates": 200}

Ask = Callable[[ProgramYear], forms.Field]


def choices(values: Mapping[str, str], empty: str | None = None) -> list[tuple[str, str]]:
    return [*([] if empty is None else [("", empty)]), *values.items()]


def chosen(values: Mapping[str, str], label: str, empty: str | None = None, **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices(values, empty), required=False, **options)


def codes_field(label: str, help_text: str = "", rows: int = 2) -> forms.CharField:
    widget = forms.Textarea(
        {"rows": rows, "spellcheck": "false", "autocapitalize": "characters", "autocomplete": "off"}
    )
    return forms.CharField(label=label, required=False, help_text=help_text, widget=widget)


def number_field(label: str, low: int, high: int | None = None, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, required=False, help_text=help_text)


def age_label(year: ProgramYear) -> str:
    return {
        "hhs-hcc": f"Age on the last day of enrollment in {year.payment_year}",
        "cdps": "Age, as the state's rule counts it",
    }.get(year.program, f"Age on 1 February {year.payment_year}")


def yes_no(label: str) -> Ask:
    return lambda year: chosen(YES_NO, label, "As the dual status says")


def flag(label: str) -> Ask:
    return lambda year: forms.BooleanField(label=label, required=False)


def csr_field(year: ProgramYear) -> forms.Field:
    factors = load_year(year.program, year.payment_year).csr
    words = {key: f"{key} (× {Decimal(value).scaleb(-3):.2f})" for key, value in factors.items()}
    return chosen(words, "Cost-sharing reduction")


# How each fact of scoring.beneficiary.USED is asked for. `age` and `age_last` are one fact in the HHS models; months
# are a table of their own.
FACTS: dict[str, Ask] = {
    "age": lambda year: number_field(age_label(year), 0, OLDEST),
    "birth_date": lambda year: forms.DateField(
        label="or birth date", required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    ),
    "sex": lambda year: forms.ChoiceField(
        label="Sex",
        choices=[("F", "Female"), ("M", "Male")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one."},
    ),
    "orec": lambda year: chosen(ENTITLEMENT, "Original entitlement"),
    "dual": lambda year: chosen(DUAL, "Dual status"),
    **{name: yes_no(label) for name, label in MEDICAID.items()},
    **{name: flag(LABELS[name]) for name in FLAGS},
    "esrd": lambda year: chosen(ESRD, "ESRD status", "None"),
    "plan": lambda year: chosen({"ma-pd": "MA-PD", "pdp": "PDP"}, "Plan"),
    "metal": lambda year: chosen(METAL, "Metal level", "Choose"),
    "csr": csr_field,
    "enrollment_months": lambda year: number_field("Months enrolled", 1, 12, "Twelve where nothing is said."),
    "ndc": lambda year: codes_field("Drugs (NDC)"),
    "hcpcs": lambda year: codes_field("Services (HCPCS)"),
    "aid_group": lambda year: forms.CharField(
        label="Aid group", required=False, help_text="As the licensed tables name it."
    ),
}  # fmt: skip


class CalculatorForm(forms.Form):
    """Fields of one program and year. `request` is what was typed; `tell` puts a refusal of `scoring` at its field."""

    def __init__(self, year: ProgramYear, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="c-%s")
        self.year = year
        self.tables = load_year(year.program, year.payment_year)
        self.own = [use for use in (*self.tables.models, *self.tables.other_models) if needs_own(use)]
        self.fields |= {name: FACTS[name](year) for name in USED[year.program] if name in FACTS}
        if "esrd" in self.fields:
            self.fields["esrd_graft_months"] = number_field("Months since the transplant", GRAFT_FROM)
        if year.frailty:
            self.fields["frailty"] = forms.DecimalField(
                label="Frailty factor of the contract",
                decimal_places=3,
                required=False,
                help_text="0 for a contract without one.",
            )
        self.fields["diagnoses"] = codes_field("Diagnosis codes", "ICD-10-CM, apart by spaces, commas or lines.", 3)
        self.fields["find"] = forms.CharField(required=False)
        self.fields["candidates"] = codes_field("Codes that may come in addition", "To see what each would add.")
        self.fields["not_payable"] = codes_field(
            "Those that would not be paid",
            "Documented, such as on an unlinked chart review record or by audio alone.",
            1,
        )
        self.fields["model"] = chosen({name: f"{name} alone" for name, _ in year.models}, "Model", self.as_paid())
        if segments := segments_of(self.tables.models):
            self.fields["segment"] = chosen(
                {name: name for name in segments},
                "Segment",
                "As the facts give it",
                help_text="The payer's own report overrides.",
            )
        for use in self.own:
            self.fields[f"normalization_{use.name}"] = forms.DecimalField(
                label=f"Normalization, {use.name}", decimal_places=3, min_value=Decimal("0.001"), required=False
            )
            self.fields[f"coding_adjustment_{use.name}"] = forms.DecimalField(
                label=f"Coding adjustment, {use.name}",
                decimal_places=3,
                min_value=0,
                max_value=Decimal("0.999"),
                required=False,
            )
        self.monthly = [name for name in BY_MONTH if name in self.fields]
        if "months" in USED[year.program]:
            for month in range(1, 13):
                self.fields |= self.fields_of(month)

    def fields_of(self, month: int) -> dict[str, forms.Field]:
        """One month's cells; empty ones are as the year."""
        enrolled = chosen({"no": "Not enrolled"}, f"Month {month}: enrolled", "Enrolled")
        fields: dict[str, forms.Field] = {f"month_{month}_enrolled": enrolled}
        for name in self.monthly:
            label = f"Month {month}: {LABELS[name].lower()}"
            if name == "aid_group":
                fields[f"month_{month}_{name}"] = forms.CharField(label=label, required=False)
                continue
            values = {"dual": DUAL, "esrd": ESRD}.get(name, YES_NO)
            fields[f"month_{month}_{name}"] = chosen(values, label, "as above")
            if name == "esrd":
                fields[f"month_{month}_esrd_graft_months"] = number_field(
                    f"Month {month}: months since the transplant", GRAFT_FROM
                )
        return fields

    def as_paid(self) -> str:
        """The blend in words."""
        blend = [(name, weight) for name, weight in self.year.models if weight]
        if len(blend) == 1:
            return f"As paid: {blend[0][0]}"
        return "As paid: " + (" + ".join(f"{name} {weight} %" for name, weight in blend) or "not on file")

    # --- For the page ---

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        for title, names in GROUPS:
            if bound := [self[name] for name in names if name in self.fields]:
                yield title, bound

    def months(self) -> list[tuple[int, list[BoundField]]]:
        return [
            (month, [self[name] for name in self.fields if name.startswith(f"month_{month}_")])
            for month in range(1, 13)
            if f"month_{month}_enrolled" in self.fields
        ]

    def month_titles(self) -> list[str]:
        titles = ["Enrolled"]
        for name in self.monthly:
            titles += [LABELS[name], *(["Months since"] if name == "esrd" else [])]
        return titles

    def factors(self) -> list[tuple[ModelUse, BoundField, BoundField]]:
        return [(use, self[f"normalization_{use.name}"], self[f"coding_adjustment_{use.name}"]) for use in self.own]

    def is_used(self, prefixes: tuple[str, ...]) -> bool:
        """Whether something was typed, or is wrong, in a part that is folded up."""
        return any(
            name.startswith(prefixes) and (self[name].value() not in (None, "", False) or name in self.errors)
            for name in self.fields
        )

    @property
    def uses_more(self) -> bool:
        return self.is_used(("model", "segment", *MEDICAID))

    @property
    def uses_months(self) -> bool:
        return self.is_used(("month_",))

    @property
    def uses_factors(self) -> bool:
        return self.is_used(("normalization_", "coding_adjustment_"))

    # --- What was typed ---

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if "birth_date" in self.fields and "age" in self.fields:
            both = [name for name in ("age", "birth_date") if said.get(name) is not None]
            if len(both) != 1 and not {"age", "birth_date"} & set(self.errors):
                self.add_error("age", "Give the age or the birth date, one of the two.")
        elif said.get("age") is None and "age" not in self.errors:
            self.add_error("age", "Give the age.")
        for name, most in AT_ONCE.items():
            codes = list(dict.fromkeys(words(said.get(name))))
            if len(codes) > most:
                self.add_error(name, f"At most {most} codes at once.")
                continue
            for code in codes:
                try:
                    code_of(code)
                except InvalidInput as error:
                    self.add_error(name, sentence(error))
        given = {bare(code) for name in AT_ONCE for code in words(said.get(name))}
        for code in dict.fromkeys(words(said.get("not_payable"))):
            if bare(code) not in given:
                self.add_error("not_payable", f"{code[:12]} is not among the codes above.")
        self.facts = self.facts_of(said)
        for name, value in self.facts.items():
            try:
                CHECKS[name](name, value)
            except InvalidInput as error:
                self.tell(error, name)
        return said

    def facts_of(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The person, as `scoring` takes it; what was left empty is left out."""
        facts: dict[str, Any] = {}
        for name in USED[self.year.program]:
            value = said.get(name)
            if name in ("ndc", "hcpcs"):
                value = words(value)
            elif name == "birth_date" and value:
                value = value.isoformat()
            elif name == "esrd" and value:
                value = esrd_of(value, said.get("esrd_graft_months"))
            elif name in MEDICAID and value:
                value = value == "yes"
            if value not in (None, "", []) and not (name in FLAGS and not value):
                facts[name] = value
        if any(value for name, value in said.items() if name.startswith("month_")):
            facts["months"] = [self.month_of(month, said) for month in range(1, 13)]
        return facts

    def month_of(self, month: int, said: Mapping[str, Any]) -> dict[str, Any] | None:
        if said.get(f"month_{month}_enrolled") == "no":
            return None
        facts: dict[str, Any] = {}
        for name in self.monthly:
            if value := said.get(f"month_{month}_{name}"):
                if name in FLAGS:
                    value = value == "yes"
                elif name == "esrd":
                    value = esrd_of(value, said.get(f"month_{month}_esrd_graft_months"))
                facts[name] = value
        return facts

    def request(self) -> dict[str, Any]:
        """The request that answers the form: the same for the page, the API and `python -m scoring`."""
        said = self.cleaned_data
        request: dict[str, Any] = {
            "program": self.year.program,
            "payment_year": self.year.payment_year,
            "beneficiary": self.facts,
            "diagnoses": list(dict.fromkeys(words(said["diagnoses"]))),
        }
        if candidates := list(dict.fromkeys(words(said["candidates"]))):
            request["candidates"] = candidates
        if unpaid := dict.fromkeys(words(said["not_payable"]), "as you say"):
            request["not_payable"] = unpaid
        for name in ("model", "segment"):
            if said.get(name):
                request[name] = said[name]
        if said.get("frailty") is not None:
            request["frailty"] = str(said["frailty"])
        factors = {}
        for use in self.own:
            given = {name: said[f"{name}_{use.name}"] for name in ("normalization", "coding_adjustment")}
            if own := {name: str(value) for name, value in given.items() if value is not None}:
                factors[use.name] = own
        return request | ({"factors": factors} if factors else {})

    def show_no_errors(self) -> None:
        """For a form whose fields are only being changed: what is not typed yet is no mistake."""
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}

    def tell(self, error: ScoringError, name: str | None = None) -> None:
        """Put a refusal where it can be mended: at the field that it names, else above the form."""
        self.add_error(name if name in self.fields else self.field_of(error), sentence(error))

    def field_of(self, error: ScoringError) -> str | None:
        message = str(error)
        if isinstance(error, MissingTables):
            return "model"
        if isinstance(error, MissingFactor) and "frailty" not in message:
            return next((f"normalization_{use.name}" for use in self.own if f" {use.name}" in message), "model")
        if "age_last" in message:
            return "age"
        named = re.search(r"\b(" + "|".join(self.fields) + r")\b", message)
        return named.group(1) if named else None


def needs_own(use: ModelUse) -> bool:
    """Whether a factor of the model is missing, or was never checked against the announcement."""
    return use.folder is not None and any(
        factor.normalization is None or factor.coding_adjustment is None or not factor.verified_on
        for factor in use.factors
    )


def segments_of(models: tuple[ModelUse, ...]) -> tuple[str, ...]:
    """The segments that can be named, of the first model whose tables are here; none in the HHS models."""
    for use in models:
        if use.folder is not None:
            release = load_release(use)
            family = FAMILIES.get(release.family)
            return (family.segments or tuple(release.factors)) if family else ()
    return ()


def esrd_of(value: str, graft_months: int | None) -> dict[str, Any]:
    status, _, month = value.partition("-")
    if month:
        return {"status": status, "transplant_month": int(month)}
    return {"status": status} | ({"graft_months": graft_months} if status == "graft" else {})


def words(text: str | None) -> list[str]:
    """Codes as people type them: apart by spaces, commas, semicolons or lines."""
    return [word for word in re.split(r"[\s,;]+", text or "") if word]


def bare(code: str) -> str:
    """A code for comparing: "e11.22" and "E1122" are one."""
    return code.upper().replace(".", "")


def sentence(error: ScoringError) -> str:
    text = str(error).removeprefix("beneficiary: ")
    first = text.partition(" ")[0]
    return f"{text if first in USED else text[:1].upper() + text[1:]}."  # a program keeps its own spelling
