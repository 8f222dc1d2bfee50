"""The calculator: codes and a person in, a score step by step out. Nothing of it is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_http_methods

import scoring
from coding import icd10
from coding.forms import CalculatorForm, sentence
from coding.models import User
from coding.permissions import check_can_calculate
from coding.worked import by_code
from scoring import contract

NOT_KEPT = ("csrfmiddlewaretoken", "program", "add", "show")
TITLES = {
    "cms-hcc": "Medicare Advantage, CMS-HCC",
    "pace": "PACE",
    "esrd": "ESRD",
    "rxhcc": "Part D, RxHCC",
    "hhs-hcc": "ACA markets, HHS-HCC",
    "cdps": "Medicaid, CDPS",
}


@dataclass(frozen=True)
class InYear:
    """The same person and codes as another payment year pays them. added: with all candidates. problem: why not."""

    year: int
    score: scoring.Score | None = None
    added: scoring.Score | None = None
    problem: str = ""


@dataclass(frozen=True)
class Answer:
    """candidates: (candidate, share of the raw difference, share of the payment difference, what it would add to the
    payment as paid). paid: the score with all candidates as it would be paid, where a code would not be. codes: (code,
    title, effect in each model). years: every payment year of the program on file. request: as `python -m scoring` and
    the API take it."""

    score: scoring.Score
    deltas: scoring.Deltas | None
    candidates: list[tuple[scoring.Candidate, Decimal, Decimal, str]]
    paid: str
    codes: list[tuple[str, str, tuple[str, ...]]]
    years: list[InYear]
    request: str


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def calculator(request: HttpRequest) -> HttpResponse:
    """A form that is sent by POST alone, so that no code and no age stands in an address."""
    user: User = request.user  # type: ignore[assignment]
    check_can_calculate(user)
    years = scoring.programs()
    year = next((one for one in years if key(one) == request.POST.get("program")), newest(years))
    asked = request.method == "POST" and not {"show", "add"} & set(request.POST)
    form = CalculatorForm(year, with_found(request) if request.method == "POST" else None)
    answer = worked_out(form) if asked else None
    if not asked:
        form.show_no_errors()
    context = {
        "form": form,
        "programs": [
            (TITLES.get(program, program), [(key(one), one) for one in group])
            for program, group in groupby(years, key=lambda one: one.program)
        ],
        "chosen": key(year),
        "asked": asked,
        "answer": answer,
        "kept": [(name, value) for name, value in request.POST.items() if is_kept(name, form)],
    }
    template = "scoring/calculator.html" + ("#spoken" if request.headers.get("HX-Request") else "")
    return render(request, template, context, status=200 if answer or not asked else 422)


def key(year: scoring.ProgramYear) -> str:
    return f"{year.program} {year.payment_year}"


def newest(years: tuple[scoring.ProgramYear, ...]) -> scoring.ProgramYear:
    """Where somebody begins who has chosen nothing."""
    return max(years, key=lambda one: (one.program == "cms-hcc", one.payment_year))


def with_found(request: HttpRequest) -> dict[str, Any]:
    """What was typed, with the code that was found put to the list that its button names."""
    typed = request.POST.dict()
    found = typed.get("find", "").strip()
    # Enter in the field of the search means its code too, where there is one.
    target = typed.get("add", "diagnoses" if icd10.is_code_shaped(icd10.normalise(found)) else "")
    if target in ("diagnoses", "candidates") and found:
        typed |= {target: f"{typed.get(target, '').rstrip()} {icd10.normalise(found)}".lstrip(), "find": ""}
    return typed


def is_kept(name: str, form: CalculatorForm) -> bool:
    """What another program's fields held travels along, for whoever goes back to it."""
    return name not in form.fields and name not in NOT_KEPT


def worked_out(form: CalculatorForm) -> Answer | None:
    """The answer, or None with every refusal at its field."""
    if not form.is_valid():
        return None
    request = form.request()
    try:
        contract.checked(request)
        sheet, score, deltas = contract.asked(request)
        paid = contract.as_paid_out(sheet, request)["as_paid"] if "not_payable" in request else {}
    except scoring.ScoringError as error:
        form.tell(error)
        return None
    shares = deltas.attribution if deltas else None
    candidates = [
        (
            one,
            shares.raw[one.code],
            shares.payment[one.code],
            paid["candidates"][one.code]["delta"] if paid else "",
        )
        for one in (deltas.candidates if deltas else ())
        if shares
    ]
    codes = [(code, icd10.title(code), effects) for code, effects in by_code(score).items()]
    total = paid.get("payment") or paid.get("csr_adjusted") or ""
    return Answer(score, deltas, candidates, total, codes, by_year(request), json.dumps(request, ensure_ascii=False))


def by_year(request: Mapping[str, Any]) -> list[InYear]:
    """As each year pays: its own blend and factors, whatever model and factors were asked for."""
    asked = {name: request[name] for name in request if name not in ("model", "factors", "candidates", "not_payable")}
    codes, candidates = request["diagnoses"], request.get("candidates", [])
    found = []
    for one in scoring.programs():
        if one.program != request["program"]:
            continue
        try:
            sheet, score, _ = contract.asked(asked | {"payment_year": one.payment_year})
            found.append(InYear(one.payment_year, score, sheet.score([*codes, *candidates])))
        except scoring.ScoringError as error:
            found.append(InYear(one.payment_year, problem=sentence(error)))
    return found


urlpatterns = [path("calculator/", calculator, name="calculator")]
