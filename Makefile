# The commands of the project. `make help` lists them.

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# pip applies -c to what it installs, and only this variable also to what it builds with.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, as in many containers, every process that is started would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup sweep report test quick soak bench lint format

help:  ## list these commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP)  ## a virtual environment in .venv with the tested set of packages; quick when done

# pip would compile every module of every package, which took half of the time: only those that a sweep imports are.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	$(RUN) -c 'import seqbench.sweep.cell, seqbench.config, seqbench.report.files'
	@touch $@

sweep: setup  ## the sweep over long dependencies, with its report; the same command again resumes it
	$(RUN) -m seqbench +sweep=long_seq

report: setup  ## the report again, from the records there are
	$(RUN) -m seqbench report

test: setup  ## all tests, the examples in docstrings, and each benchmark once
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal

quick: setup  ## the tests that take no more than a few seconds each
	$(RUN) -m pytest -n $(WORKERS) -m 'not slow' tests seqbench

soak: setup  ## many more trials of what must never lose a run: kills, signals, full disks; its counts at the end
	$(RUN) -m pytest -n $(WORKERS) --timeout 3600 --soak tests

bench: setup  ## time training steps and batches (one process, nothing else should run)
	OMP_NUM_THREADS=1 $(RUN) -m pytest bench --benchmark-only

lint: setup  ## style, format, types, and the floors of the import map
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports --no-cache

format: setup  ## let ruff format the code and mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
