# The commands of the template; `make help` explains each.
.DEFAULT_GOAL := help
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
# Rendered projects must find compiled modules, whatever the caller's environment says.
unexport PYTHONDONTWRITEBYTECODE

help:
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' Makefile

new: .venv/new ## dest=../loja [defaults=1] ["data=key=value ..."] Start a project: render, set up, first commit
	$(if $(dest),,$(error Say where the project goes: make new dest=../loja))
	.venv/bin/copier copy --vcs-ref HEAD --quiet $(if $(defaults),--defaults) \
	  $(foreach answer,$(data),--data $(answer)) '$(CURDIR)' '$(dest)' 2>.venv/said || { \
	  sed -n "\$$ { s/^ValueError: //; s/^Validation error for question '\(.*\)': /\1: /; p }" .venv/said >&2; exit 1; }
	.venv/bin/python hooks/after_copy.py '$(dest)'

test: .venv/test ## Run the tests: one cell of every matrix
	.venv/bin/python -m pytest $(args)

test-all: .venv/test ## Run every matrix, fault and race in full
	.venv/bin/python -m pytest --full $(args)

lint: .venv/test ## Check style and types: of the library, of what is rendered, of the rest
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest tests/project/test_lint.py $(args)

bench: .venv/test ## Measure against the peers, side by side
	.venv/bin/python -m benchmarks

mutants: .venv/test ## Plant faults in a copy of the template: the tests must see each
	PYTHONPATH=tests .venv/bin/python -m support.mutants

release: .venv/test ## version=x.y.z Release what is committed: changelogs, contract, commit, tag
	.venv/bin/python hooks/release.py $(version)

seal: .venv/test ## Write the digests of the library that a project is rendered with
	.venv/bin/python hooks/seal.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'

.venv/new: pyproject.toml | .venv/bin/python
	$(PIP) install --group new
	@touch $@

.venv/test: pyproject.toml | .venv/bin/python
	$(PIP) install --editable . --group test
	@touch $@ .venv/new

.PHONY: help new test test-all lint bench mutants release seal
