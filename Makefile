# make demo        everything set up, and the demo running on http://HOST:PORT
# make demo-reset  the same from the beginning: what was decided in the demo is gone
# make test        every test; what needs Chromium, PostgreSQL or Redis is skipped where these are absent
# make check       style, types, who imports whom, missing migrations, Django's own checks
# make benchmark   our speed and memory as ratios to the peers, measured in one run

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test check benchmark lock clean

help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/run-ready
	@$(PY) manage.py demo --host $(HOST) --port $(PORT)

demo-reset: $(VENV)/run-ready
	@$(PY) manage.py demo --host $(HOST) --port $(PORT) --reset

test: $(VENV)/dev-ready
	@$(PY) -m pytest $(ARGS)

check: $(VENV)/dev-ready
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check --fail-level WARNING
	@$(PY) -m nlp.catalog

benchmark: $(VENV)/dev-ready
	@for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(PY) $$benchmark || exit 1; done

# The lock files name versions and hashes; the index is the one that pip is set up for.
lock:
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev -c requirements.lock --generate-hashes --universal --python-version 3.11 --no-annotate --no-header -q -o requirements-dev.lock

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3 is missing: install Python 3.11 or later, or say make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V). Say make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run-ready: requirements.lock | $(VENV)/bin/python
	@echo "Installing what Secondpass needs (a minute or two)"
	@$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev-ready: requirements-dev.lock | $(VENV)/bin/python
	@echo "Installing what Secondpass and its tests need (a minute or two)"
	@$(PY) -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/run-ready

clean:
	rm -rf $(VENV) var
