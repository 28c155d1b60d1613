# viwo-imagegen: every target does its own set-up; see README.md.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

BUN_PATH := $(CURDIR)/.bun/1.4.5

.PHONY: setup plugin demo test lint format protos bench model clean

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

test: setup plugin
	$(BIN)/python -m pytest --cov
	$(BIN)/coverage report --include='capabilities/*,entity_store/*' --fail-under=95
	cd viwo_plugin && PATH="$(BUN_PATH):$$PATH" bun test && IMAGEGEN_REMOTE=1 PATH="$(BUN_PATH):$$PATH" bun test
	cd clients/typescript && PATH="$(BUN_PATH):$$PATH" bun test

# The packages of the plugin and of the TypeScript client, in the Bun that is pinned for them.
plugin: viwo_plugin/node_modules/.installed clients/typescript/node_modules/.installed

%/node_modules/.installed: %/package.json %/bun.lock | setup
	$(BIN)/python .ci/get_bun.py
	cd $* && PATH="$(BUN_PATH):$$PATH" bun install --frozen-lockfile --no-progress
	@touch $@

lint: setup plugin
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file models/mypy.ini models
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py --check
	$(BIN)/python clients/make_methods.py --check
	cd viwo_plugin && PATH="$(BUN_PATH):$$PATH" bun --bun run check
	cd clients/typescript && PATH="$(BUN_PATH):$$PATH" bun --bun run check

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup plugin
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py
	$(BIN)/python clients/make_methods.py
	cd viwo_plugin && PATH="$(BUN_PATH):$$PATH" bun --bun run types
	cd clients/typescript && PATH="$(BUN_PATH):$$PATH" bun --bun run types

bench: setup
	$(BIN)/python -m benchmarks all

# Train the embedded model again from its sources; hours on a CPU, resumable. See models/training/README.md.
model: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r models/training/requirements.txt
	$(BIN)/python -m models.training

clean:
	rm -rf $(VENV) .bun viwo_plugin/node_modules clients/typescript/node_modules clients/typescript/dist demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
