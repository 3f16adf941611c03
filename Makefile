# Actinium. `make help` lists what can be done.
.DEFAULT_GOAL := help
.PHONY: help demo up compose test test-slow test-containers coverage lint lint-js types openapi catalog lock licences hooks bench clean
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Sizes of the demonstration; see `make help`.
EPOCHS ?= 3
TRAIN_SIZE ?= 12000
SEEDS ?= 1

# Compiled modules are kept, whatever the environment says: compiling them takes half a second of
# every start, and the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  The first run of any of them makes $(VENV) and installs what it needs."
	@echo "  PYTHON=python3.12 make ... chooses the interpreter (3.11 or newer)."

# What is installed, by how much is needed. Each stamp is newer than what it was made from.
# Packages come from lock files with hashes; `make lock` writes those anew.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
OWN := --no-deps --no-build-isolation -e . -e ./client
$(VENV)/.run: pyproject.toml client/pyproject.toml deploy/requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Actinium needs Python 3.11 or newer; set PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Actinium into $(VENV) (some minutes the first time) ..."
	@$(PIP) --require-hashes -r deploy/requirements/run.txt
	@# Its build is this machine's choice, so it has no hash (docs/decisions/0014-lock-files.md).
	@$(PIP) torch==2.13.0
	@$(PIP) $(OWN)
	@touch $@

$(VENV)/.dev: $(VENV)/.run deploy/requirements/dev.txt
	@echo "Installing the tools of development ..."
	@$(PIP) --require-hashes -r deploy/requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## Train six activations on MNIST and rank them (EPOCHS=3 TRAIN_SIZE=12000 SEEDS=1)
	@$(BIN)/python -m deploy.demo --epochs $(EPOCHS) --train-size $(TRAIN_SIZE) --seeds $(SEEDS)

up: $(VENV)/.run ## Run the whole service here: Postgres, Redis, API, scheduler, workers
	@$(BIN)/python -m deploy.up

compose: ## Run the service in containers: writes .env, checks the machine, builds, starts
	@$(PYTHON) -m deploy.compose

test: $(VENV)/.dev ## Run the tests on real servers and real MNIST
	@# In the order of the folders: the long ones come first, so that no core is idle at the end.
	@$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(VENV)/.dev ## Run the tests and measure which lines they reach (subprocesses included)
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term --cov-report=html $(ARGS)"

test-slow: $(VENV)/.dev ## Run the long proofs (CI runs those that are not the longest)
	@$(BIN)/python -m pytest -m slow $(ARGS)

test-containers: $(VENV)/.dev ## Build the images and try the stack on this machine's container engine
	@ACTINIUM_TEST_CONTAINERS=1 $(BIN)/python -m pytest -m containers tests/containers $(ARGS)

lint: $(VENV)/.dev ## Check style, formatting and the walls between packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory --silent lint-js

node_modules/.installed: package-lock.json
	@npm ci --silent --no-audit --no-fund && touch $@

lint-js: ## Check the page's JavaScript, CSS and JSON (skipped where npm is missing)
	@if command -v npm > /dev/null; then \
	  $(MAKE) --no-print-directory --silent node_modules/.installed && npm run --silent lint; \
	else echo "The page's JavaScript is not checked: npm is not installed."; fi

types: $(VENV)/.dev ## Check types strictly
	@$(BIN)/mypy

openapi: $(VENV)/.run ## Write openapi.yaml from the app, and what it serves of it
	@$(BIN)/actinium-admin openapi --output openapi.yaml --output service/api/openapi/openapi.json

catalog: $(VENV)/.run ## Write the documentation's generated pages and the activations' samples from the code
	@$(BIN)/python -m docs.generate.catalog_pages
	@$(BIN)/python -m docs.generate.spec_page
	@$(BIN)/python -m docs.generate.settings_page
	@$(BIN)/python -m docs.generate.webhook_events

lock: $(VENV)/.dev ## Resolve all dependencies anew into deploy/requirements (ARGS=--upgrade)
	@$(BIN)/python -m deploy.lock $(ARGS)

licences: $(VENV)/.run ## List the licences of all packages (ARGS=--vulnerabilities: what pip-audit knows)
	@$(BIN)/python -m deploy.licences $(ARGS)

hooks: $(VENV)/.dev ## Have git run the checks of `make lint` before each commit
	@$(BIN)/pre-commit install

bench: $(VENV)/.run ## Measure all that has a target, against Keras and MLflow (ARGS=--quick)
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove what was built, and the data of the embedded stack
	rm -rf $(VENV) .actinium build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis node_modules
