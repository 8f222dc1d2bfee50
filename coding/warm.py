"""What a web process loads before its first request, so that none waits for it and no collection walks it."""

import gc

from django.utils import timezone

import nlp
from coding import icd10
from coding.acceptability import book
from nlp.cards import cards
from scoring import ScoringError
from scoring.tables import load_release, load_year, years


def warm() -> None:
    """Load the tabular list, the rules of reading and acceptability, and the model tables of this year and later ones.

    All of it is hundreds of thousands of objects that stay: a full collection would walk them in the middle of a
    request, which makes every twentieth page take twice as long. The young are collected seldom, too: a page makes so
    many that it would be interrupted once or twice each time.
    """
    icd10.load()
    nlp.warm()  # a query's text is read before it is sent
    cards()
    book()
    for program, payment_year in years():
        if payment_year >= timezone.now().year:
            for use in (year := load_year(program, payment_year)).models + year.other_models:
                try:
                    load_release(use)
                except ScoringError:
                    continue  # tables that are not here, or not sound: the page that asks for them says so
    gc.freeze()
    gc.set_threshold(500_000, 20, 50)
