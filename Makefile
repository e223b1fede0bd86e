# `make help` says what there is. Nothing needs an activated virtual environment.

.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Half of the tests' time is waiting for processes to start.
WORKERS ?= 2

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup setup-test
setup: ## Install what is missing
	@scripts/setup

setup-test:
	@scripts/setup test

.PHONY: start
start: setup ## Install what is missing, start the platform with a demo project
	@exec $(BIN)/hopyard demo

.PHONY: check
check: ## Run the demo notebook against the platform that runs, without a browser
	@exec $(BIN)/hopyard check

.PHONY: test
test: lint ## Prove it: lint, unit, integration, and a real browser
	@$(PYTEST) -n $(WORKERS) --dist loadfile --reruns 1 -raR

.PHONY: unit
unit: setup-test ## Unit tests alone (seconds)
	@$(PYTEST) tests/unit

.PHONY: integration
integration: setup-test ## Tests with a real Hub, Spark, Livy and Postgres
	@$(PYTEST) tests/integration

.PHONY: e2e
e2e: setup-test ## Tests in a real browser
	@$(PYTEST) tests/e2e

.PHONY: soak
soak: setup-test ## The long tests: the Livy server killed 50 times, fuzzed; 2,000 odd values shown
	@HOPYARD_SOAK=1 $(PYTEST) tests/soak tests/unit/web/test_odd_parameters.py \
	  tests/unit/livy/test_odd_values.py -s -o timeout=7200 -o faulthandler_timeout=15000
	@HOPYARD_AWAY_SECONDS=75 $(PYTEST) tests/e2e/test_output_outlives_browser.py \
	  tests/e2e/test_spark_outlives_browser.py

.PHONY: lint
lint: setup-test ## ruff, mypy (strict), import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup-test ## Format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: bench
bench: setup-test ## Run the benchmarks (ten minutes), rewrite docs/reference/benchmarks.md
	@$(BIN)/python -m benchmarks

.PHONY: bench-livy
bench-livy: setup-test ## Run the Livy server's benchmarks, rewrite docs/reference/benchmarks-livy.md; URL=…: beside that server
	@$(BIN)/python -m benchmarks.livy $(if $(URL),--url $(URL))

.PHONY: screenshots
screenshots: e2e ## Take the pictures of README and docs anew
	@$(BIN)/python scripts/screenshots.py

.PHONY: docs
docs: ## Build the documentation as a site (in site/)
	@scripts/setup docs
	@$(BIN)/mkdocs build --strict --quiet

.PHONY: clean
clean: ## Delete what was installed and built (never data)
	rm -rf .venv .venv-clients frontend/node_modules src/hopyard/web/static/vendor site test-results
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
