"""A web process is warm before its first request."""

import gc

from coding import acceptability, icd10, warm
from scoring.tables import load_release, load_year


def test_nothing_that_stays_is_loaded_in_a_request(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: frozen.append(numbers))
    warm.warm()
    assert frozen[-2:] == [True, (500_000, 20, 50)], "last of all: what is loaded before is frozen too"
    assert "E11.22" in icd10.titles()
    assert acceptability.book() is acceptability.book()
    use = load_year("cms-hcc", 2027).model("V28")
    assert "release" in vars(use), "loaded already"
    assert load_release(use) is load_release(use)


def test_tables_that_are_not_sound_do_not_keep_the_server_from_starting(monkeypatch):
    def broken(use):
        raise warm.ScoringError("not the file that its SHA-256 was taken of")

    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: None)
    monkeypatch.setattr(warm, "load_release", broken)
    warm.warm()
