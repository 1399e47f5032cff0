# `make demo` and `make test` each work alone from a fresh clone: they make the environment on first use.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
EXTRAS := jpeg,tests,notebooks
# A process for each core; the tests of a file share what they set up.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: setup demo test test-all lint types notebooks oracles bench-tables bench-memory clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "synthdiff needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	@touch $(READY)

demo: setup
	@$(BIN)/synthdiff run recipes/heart-failure.yaml || test $$? -eq 3

test: setup
	$(PYTEST)

test-all: setup
	$(PYTEST) -m "slow or not slow"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

notebooks: setup
	@rm -rf build/notebooks && mkdir -p build/notebooks
	@for source in notebooks/*.py; do \
	    $(BIN)/jupytext --quiet --to ipynb --output "build/notebooks/$$(basename "$$source" .py).ipynb" "$$source" || exit 1; \
	done
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 -p no:cacheprovider build/notebooks/*.ipynb

oracles: setup
	$(BIN)/python -m pytest oracles -m "slow or not slow"

bench-tables: setup
	$(BIN)/python -m benchmarks.tables --readme benchmarks/README.md

bench-memory: setup
	$(BIN)/python -m benchmarks.memory

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
