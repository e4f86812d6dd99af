# `make` alone prints what there is.
VENV ?= .venv
BIN ?= $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.chainproof-installed
# Empty when the environment at BIN already holds everything (SETUP= BIN=...).
SETUP ?= $(INSTALLED)
# How many processes share the tests, a file at a time: what its tests share is made once.
PROCESSES ?= auto
SHARED := -n $(PROCESSES) --dist loadfile
# What `make fuzz FUZZ=long` runs beside: whatever else is random, and damaged input.
LAWS := tests/fuzz tests/properties tests/compilers tests/corpus/test_mutations.py tests/corpus/test_representatives.py tests/corpus/test_kernel.py
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup example check lint test coverage-of-meaning bench examples fuzz golden
# What a test run exercised, clause by clause, and the tests that exercise some.
MEANING ?= .meaning.json
EXERCISING := tests/test_literate.py tests/properties tests/fuzz tests/kernel/test_pages.py tests/kernel/test_answers.py \
	tests/compilers/test_bugs.py tests/compilers/test_clauses.py tests/corpus/test_representatives.py tests/corpus/test_evidence.py \
	tests/corpus/test_kernel.py tests/corpus/test_replays.py tests/unit/evidence

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done

setup: $(SETUP) ## make .venv with chainproof and everything that development needs

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,evidence]'
	$(BIN)/python -m compileall -q verifier
	touch $@

example: $(SETUP) ## prove the bundled first example
	chainproof verify examples/first-proof

check: lint test ## all that continuous integration runs: lint, then test; then no clause is without evidence
	python -m tests.meaning $(MEANING) --format totals

lint: $(SETUP) ## format, style, types, layers, sizes and specification pages
	python -m ruff format --check .
	python -m ruff check .
	python -m mypy
	lint-imports
	python -m pytest tests/house

test: $(SETUP) ## every test that lint has not run (bounded fuzzing included)
	CHAINPROOF_MEANING=$(MEANING) python -m pytest $(SHARED) --ignore=tests/house $(TESTS)

coverage-of-meaning: $(SETUP) ## every clause of specs/ with what exercises it (FORMAT=json: as JSON)
	@CHAINPROOF_MEANING=$(MEANING) python -m pytest $(SHARED) $(EXERCISING) >&2
	@python -m tests.meaning $(MEANING) --format $(or $(FORMAT),text)

bench: $(SETUP) ## time and memory of whole processes, in ratios to the kernel loading the same dump
	python -m benchmarks.run $(BENCH)

examples: $(SETUP) ## run every command of the tutorials and of the README
	python -m pytest tests/test_literate.py -k "examples or README"

fuzz: $(SETUP) ## random rulesets and packets, encoder = reference = kernel (FUZZ=long: a million; SEED=... elsewhere)
	CHAINPROOF_FUZZ=$(FUZZ) CHAINPROOF_SEED=$(SEED) python -m tests.fuzz.run
	$(if $(filter long,$(FUZZ)),CHAINPROOF_FUZZ=long python -m pytest $(SHARED) $(LAWS))

golden: $(SETUP) ## rewrite every expected output in place and show what changed
	CHAINPROOF_GOLDEN=write python -m pytest --ignore=tests/house -k 'golden or console'
	git --no-pager diff --stat
