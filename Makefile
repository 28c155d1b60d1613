# viwo-imagegen: every target does its own set-up; see README.md.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test lint format protos bench model clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "* set up $(VENV) (a few minutes the first time: torch is large)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,dev]'
	$(BIN)/viwo-imagegen models fetch
	@touch $(STAMP)

demo: setup
	$(BIN)/viwo-imagegen demo --out demo

test: setup
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py --check

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py

bench: setup
	$(BIN)/python -m benchmarks all

# Train the embedded model again from its sources; hours on a CPU, resumable. See models/training/README.md.
model: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r models/training/requirements.txt
	$(BIN)/python -m models.training

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
