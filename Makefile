# The commands of the template; `make help` explains each.
.DEFAULT_GOAL := help
PYTHON ?= python3
# What is said after a command's name is text: make expands nothing in it, the shell runs nothing.
SAID := dest defaults data args seed rounds version yes PYTHON DATABASE_URL
$(foreach name,$(SAID),$(if $(filter undefined,$(origin $(name))),,$(eval override $(name) := $$(value $(name)))))
# A name that no command here has is a slip; capitals are settings of tools.
LETTERS := a% b% c% d% e% f% g% h% i% j% k% l% m% n% o% p% q% r% s% t% u% v% w% x% y% z%
IS_TYPED = $(if $(filter 0,$(MAKELEVEL)),$(filter command,$(firstword $(origin $(1)))))
SLIP = $(if $(IS_TYPED),$(filter-out $(SAID),$(filter $(LETTERS),$(1))))
$(foreach name,$(.VARIABLES),$(if $(call SLIP,$(name)),$(error No command has $(name)=. There are: $(SAID))))
$(if $(value DATABASE_URL),$(eval export DATABASE_URL))
# In single quotes: a whole value; each word of a value, after something.
define newline


endef
text = '$(subst ','\'',$(subst $(newline), ,$(value $(1))))'
each = $(foreach one,$(value $(1)),$(2)'$(subst ','\'',$(one))')
# Said before anything is installed.
$(if $(filter new,$(MAKECMDGOALS)),$(if $(dest),,$(error Say where the project goes: make new dest=../loja)))
PIP := .venv/bin/python -m pip --disable-pip-version-check
# Rendered projects must find compiled modules, whatever the caller's environment says.
unexport PYTHONDONTWRITEBYTECODE

help:
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' Makefile

new: .venv/new ## dest=../loja [defaults=1] ["data=key=value ..."] [version=HEAD] [yes=1] Start a project: render, set up, first commit; onto one that is there: name what stays, ask, render
	@.venv/bin/python hooks/given_data.py $(call each,data)
	@version=$$(.venv/bin/python hooks/which_version.py $(if $(version),$(call text,version))) && \
	if test -n "$$(ls -A $(call text,dest) 2>/dev/null | grep -vx .git)"; then \
	  exec .venv/bin/python hooks/onto.py $(if $(defaults),--defaults) $(if $(yes),--yes) \
	    $(call each,data,--data ) $(call text,dest) "$$version"; fi; \
	.venv/bin/copier copy --vcs-ref "$$version" --quiet $(if $(defaults),--defaults) \
	  $(call each,data,--data ) $(call text,CURDIR) $(call text,dest) 2>.venv/said || { \
	  sed -n "\$$ { s/^ValueError: //; s/^Validation error for question '\(.*\)': /\1: /; p }" .venv/said >&2; exit 1; } && \
	.venv/bin/python hooks/after_copy.py $(call text,dest) $(if $(version),$(call text,version))

test: .venv/test ## Run the tests: one cell of every matrix
	.venv/bin/python -m pytest $(call each,args)

test-all: .venv/test ## Run every matrix, fault and race in full
	.venv/bin/python -m pytest --full $(call each,args)

soak: .venv/test ## [seed=1] [rounds=100] Before a release: generated revisions interrupted everywhere, and ten races a round
	PYTHONPATH=tests .venv/bin/python -m support.interruption --jobs 2 \
	  --seed $(if $(seed),$(call text,seed),1) --rounds $(if $(rounds),$(call text,rounds),100)
	PYTHONPATH=tests .venv/bin/python -m support.races \
	  --seed $(if $(seed),$(call text,seed),1) --rounds $(if $(rounds),$(call text,rounds),100)0

lint: .venv/test ## Check style and types: of the library, of what is rendered, of the rest
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest tests/project/test_lint.py $(call each,args)

bench: .venv/test ## Measure against the peers, side by side
	.venv/bin/python -m benchmarks

mutants: .venv/test ## Plant faults in a copy of the template: the tests must see each
	PYTHONPATH=tests .venv/bin/python -m support.mutants

pictures: .venv/test ## Draw anew what the READMEs open with, from real runs
	PYTHONPATH=tests .venv/bin/python -m support.pictures

release: .venv/test ## version=x.y.z Release what is committed: changelogs, contract, commit, tag
	.venv/bin/python hooks/release.py $(if $(version),$(call text,version))

seal: .venv/test ## Write the digests of the library that a project is rendered with
	.venv/bin/python hooks/seal.py

.venv/bin/python:
	@echo 'Preparing .venv, once.'
	@$(call each,PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(call each,PYTHON) -m venv .venv
	@$(PIP) install --quiet --upgrade 'pip>=25.1'

.venv/new: pyproject.toml | .venv/bin/python
	@$(PIP) install --quiet --group new
	@touch $@

.venv/test: pyproject.toml | .venv/bin/python
	$(PIP) install --editable . --group test
	@touch $@ .venv/new

.PHONY: help new test test-all soak lint bench mutants pictures release seal
