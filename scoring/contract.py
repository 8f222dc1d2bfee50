"""The JSON contract of `python -m scoring`: one request in, one answer out, both plain dictionaries."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from scoring.beneficiary import ESRD_STATUSES, code_of, codes_of
from scoring.calculate import Line, ModelScore
from scoring.errors import InvalidInput
from scoring.explain import explain, unverified
from scoring.payable import Entry, NotPayable, both, documented, not_paid, payable
from scoring.rounding import decimal, thousandths
from scoring.tables import load_year
from scoring.worksheet import Deltas, Score, Worksheet, frailty_of, payment_chain, raw_by_segment, worksheet

KEYS = {
    "id", "program", "payment_year", "model", "beneficiary", "diagnoses", "candidates", "segment", "segments", "raw",
    "factors", "frailty", "not_payable",
}  # fmt: skip

NOT_DUAL = "medicaid alone does not say partial or full: the segment shown is that of somebody who is not dual"


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one request. Raises ScoringError for anything that cannot be answered exactly."""
    checked(request)
    if "raw" in request:
        return chain_alone(request, request["program"], request["payment_year"])
    sheet, score, deltas = asked(request)
    given = [*request["diagnoses"], *(request.get("candidates") or ())]
    as_given = {code.strip().upper().replace(".", ""): code for code in given}
    result: dict[str, Any] = {"id": request.get("id"), **score_out(score, as_given)}
    notes = [*score.notes, *([NOT_DUAL] if person_of(request) is not request["beneficiary"] else [])]
    if notes:
        result["notes"] = notes
    if unchecked := unverified(score):
        result["unverified"] = unchecked
    if "segments" in request:
        by_model = raw_by_segment(
            request["program"],
            request["payment_year"],
            request["beneficiary"],
            request["diagnoses"],
            model=request.get("model"),
        )
        texts = {name: {key: str(value) for key, value in scores.items()} for name, scores in by_model.items()}
        name = "scores_by_metal" if request["program"] == "hhs-hcc" else "scores_by_segment"
        result[name] = next(iter(texts.values())) if len(texts) == 1 else texts
    if deltas:
        result |= deltas_out(deltas)
        if len(deltas.candidates) > 1:  # of one, it is what it does alone
            result["in_order_raw"] = {one.code: str(one.in_order_raw) for one in deltas.candidates}
    return result | as_paid_out(sheet, request) if "not_payable" in request else result


def explained(request: Mapping[str, Any]) -> str:
    """The same question answered as a worked score in plain text."""
    checked(request)
    if "raw" in request:
        answers = chain_alone(request, request["program"], request["payment_year"])
        return "".join(f"{name:<12}{answers[name]}\n" for name in ("model", "raw", "normalized", "payment"))
    _, score, deltas = asked(request)
    return explain(score, deltas)


def checked(request: Mapping[str, Any]) -> None:
    """Refuses a request whose fields are unknown, missing or of the wrong kind."""
    if not isinstance(request, Mapping):
        raise InvalidInput("a request is an object")
    unknown = sorted(set(request) - KEYS)
    if unknown:
        raise InvalidInput(f"unknown field {', '.join(unknown)}")
    if not isinstance(request.get("program"), str):
        raise InvalidInput("program is missing")
    year = request.get("payment_year")
    if not isinstance(year, int) or isinstance(year, bool):
        raise InvalidInput("payment_year is missing or not a whole number")
    checked_options(request)
    if "raw" in request:
        return
    if "diagnoses" not in request:
        raise InvalidInput("diagnoses (a list of codes) or raw is needed")
    if request.get("segments", "all") != "all":
        raise InvalidInput('segments may only be "all"')
    marks = request.get("not_payable", {})
    if not isinstance(marks, Mapping) or not all(isinstance(why, str) for why in marks.values()):
        raise InvalidInput("not_payable is an object of codes, each with why it would not be paid")
    if request.get("beneficiary") is None:
        raise InvalidInput("beneficiary is missing")


def checked_options(request: Mapping[str, Any]) -> None:
    """Refuses what would not be a name, a number or an object of factors."""
    for name in ("model", "segment"):
        if not isinstance(request.get(name), str | None):
            raise InvalidInput(f"{name} is a name")
    for name in ("raw", "frailty"):
        if not isinstance(request.get(name), str | int | float | Decimal | None):
            raise InvalidInput(f"{name} is a number")
    factors = request.get("factors") or {}
    if not isinstance(factors, Mapping) or not all(isinstance(own, Mapping) for own in factors.values()):
        raise InvalidInput("factors is an object of models, each with its normalization and coding_adjustment")
    if any(not isinstance(one, str | int | float | Decimal) for own in factors.values() for one in own.values()):
        raise InvalidInput("factors: normalization and coding_adjustment are numbers")


def asked(request: Mapping[str, Any]) -> tuple[Worksheet, Score, Deltas | None]:
    """The worksheet and score of a checked request, and its candidates' differences where it has candidates."""
    diagnoses, candidates = request["diagnoses"], request.get("candidates")
    codes_of(diagnoses)
    options = {name: request.get(name) for name in ("model", "segment", "factors", "frailty")}
    sheet = worksheet(request["program"], request["payment_year"], person_of(request), **options)
    if candidates is None:
        return sheet, sheet.score(diagnoses), None
    codes_of(candidates, "candidates")
    deltas = sheet.deltas(diagnoses, list(dict.fromkeys(candidates)))
    return sheet, deltas.baseline, deltas


def person_of(request: Mapping[str, Any]) -> Any:
    """The beneficiary. Where every segment is asked for, Medicaid alone is enough: it fills the institutional and the
    new enrollee's, no community segment asks for it, and the one of the answer is that of somebody who is not dual."""
    person = request["beneficiary"]
    if "segments" in request and isinstance(person, Mapping) and person.get("medicaid") and "months" not in person:
        return (
            person if "dual" in person or request["program"] not in ("cms-hcc", "pace") else {**person, "dual": "none"}
        )
    return person


def as_paid_out(sheet: Worksheet, request: Mapping[str, Any]) -> dict[str, Any]:
    """The same question of what would be paid: without the codes of `not_payable` (code -> why)."""
    why = {code_of(code): reason for code, reason in request["not_payable"].items()}

    def marked(codes: Iterable[str]) -> list[Entry]:
        return [NotPayable(code, why[code_of(code)]) if code_of(code) in why else code for code in codes]

    diagnoses, candidates = marked(request["diagnoses"]), marked(dict.fromkeys(request.get("candidates") or ()))
    answers = both(sheet, diagnoses, [([candidate], []) for candidate in candidates] + [(candidates, [])])
    paid = sheet.score(payable([*diagnoses, *candidates]))
    return {
        "as_paid": {
            "raw": str(paid.raw),
            adjusted(paid): str(paid.payment),
            "delta_raw": str(answers[-1].paid.delta_raw),
            "delta": str(answers[-1].paid.delta),
            "not_paid": list(not_paid([*diagnoses, *candidates])),
            "candidates": {
                code: {
                    "delta_raw": str(answer.paid.delta_raw),
                    "delta": str(answer.paid.delta),
                    "reasons": list(answer.reasons),
                }
                for code, answer in zip(documented(candidates), answers, strict=False)
            },
        }
    }


def chain_alone(request: Mapping[str, Any], program: str, year: int) -> dict[str, Any]:
    if "diagnoses" in request or "candidates" in request:
        raise InvalidInput("raw runs the payment chain alone; diagnoses and candidates do not go with it")
    model, (raw, normalized, payment) = payment_chain(
        program,
        year,
        thousandths(request["raw"], "raw"),
        model=request.get("model"),
        population=population_of(request.get("beneficiary"), program),
        factors=request.get("factors"),
    )
    payment += frailty_of(load_year(program, year), model, request.get("frailty")) or 0
    return {
        "id": request.get("id"),
        "model": model,
        "raw": str(decimal(raw)),
        "normalized": str(decimal(normalized)),
        "payment": str(decimal(payment)),
    }


def population_of(person: object, program: str) -> str:
    """Whose normalization a raw score needs, where a model has several."""
    facts = person if isinstance(person, Mapping) else {}
    if program == "esrd":
        esrd = facts.get("esrd")
        if not isinstance(esrd, Mapping) or esrd.get("status") not in ESRD_STATUSES:
            raise InvalidInput("beneficiary: esrd (status dialysis, transplant or graft) decides the normalization")
        return "graft" if esrd["status"] == "graft" else "dialysis"
    return str(facts.get("plan", "ma-pd")) if program == "rxhcc" else "all"


def score_out(score: Score, as_given: Mapping[str, str]) -> dict[str, Any]:
    if len(score.models) == 1:
        return model_out(score.models[0], as_given)
    return {
        "model": score.model,
        "models": [
            {"weight": str(Decimal(model.weight).scaleb(-2)), **model_out(model, as_given)} for model in score.models
        ],
        "unmapped": [as_given[code] for code in score.unmapped],
        "raw": str(score.raw),
        "normalized": str(score.normalized),
        "payment": str(score.payment),
    }


def model_out(model: ModelScore, as_given: Mapping[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "model": model.model,
        "segment": model.segment,
        "hccs": list(model.hccs),
        "dropped": dict(model.dropped),
        "interactions": list(model.interactions),
        "lines": [line_out(line) for line in model.lines],
        "unmapped": [as_given[code] for code in model.unmapped],
    }
    if model.no_effect:
        result["no_effect"] = {as_given[code]: reason for code, reason in model.no_effect.items()}
    if len(model.parts) > 1:
        result["months"] = [
            {
                "segment": part.segment,
                "months": part.months,
                "interactions": list(part.interactions),
                "lines": [line_out(line) for line in part.lines],
                "raw": str(part.raw),
                "normalized": str(part.normalized),
                "payment": str(part.payment),
            }
            for part in model.parts
        ]
    if model.parts[0].csr is not None:
        return result | {"raw": str(model.raw), "csr_adjusted": str(model.payment)}
    return result | {"raw": str(model.raw), "normalized": str(model.normalized), "payment": str(model.payment)}


def line_out(line: Line) -> dict[str, str]:
    return {"factor": line.factor, "value": str(line.value), "why": line.why}


def deltas_out(deltas: Deltas) -> dict[str, Any]:
    return {
        "candidates": {
            candidate.code: {
                "delta_raw": str(candidate.delta_raw),
                "delta": str(candidate.delta),
                "last_in_raw": str(candidate.last_in_raw),
                "reasons": list(candidate.reasons),
            }
            for candidate in deltas.candidates
        },
        "all": {
            "raw": str(deltas.raw),
            adjusted(deltas.baseline): str(deltas.payment),
            "delta_raw": str(deltas.delta_raw),
            "delta": str(deltas.delta),
            "attribution_raw": {code: str(part) for code, part in deltas.attribution.raw.items()},
        },
    }


def adjusted(score: Score) -> str:
    """What the last step of the chain is called."""
    return "csr_adjusted" if score.program == "hhs-hcc" else "payment"
