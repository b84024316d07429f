# What a person or CI does with this checkout. Every target does the set-up it needs; repeats are quick.
#   PYTHON=python3.12 make test     with another interpreter
#   HOOKFLASH_REQUIRE=all make test what cannot be had is an error, not a reason to skip

.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin

# Exit code 3 of an install script: this machine cannot have it, and its tests will be skipped with the reason.
optional = @$(BIN)/python scripts/install_$(1).py || { [ $$? -eq 3 ] && [ "$$HOOKFLASH_REQUIRE" != all ]; }

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: setup ## run scripted transfers and watch them (KEEP=1 leaves everything running; ARGS=... for the demo)
	@$(BIN)/python -m workers.demo $(if $(filter-out 0,$(KEEP)),--keep) $(ARGS)

.PHONY: test
test: setup-tests check ## everything CI runs: format, lint, types, all tests (ARGS=... for pytest)
	@$(BIN)/python -m pytest --numprocesses=2 $(ARGS)

.PHONY: test-unit
test-unit: setup ## the tests that need neither Asterisk nor a browser
	@$(BIN)/python -m pytest -m "not asterisk and not browser and not checkers and not mermaid and not twilio_api" $(ARGS)

.PHONY: test-integration
test-integration: setup-tests ## the tests with a real Asterisk or a real browser
	@$(BIN)/python -m pytest -m "asterisk or browser" $(ARGS)

.PHONY: benchmarks
benchmarks: setup-tests ## measure side by side and write docs/performance.md (half an hour; ARGS=... for python -m benchmarks)
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: check
check: setup ## format, lint and types, changing nothing
	@$(BIN)/ruff format --check --quiet || { echo "run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/pyright

.PHONY: audit
audit: setup ## ask OSV for known vulnerabilities of the locked dependencies (ARGS="--service-url ..." or "--database ..." for a copy of it, "--pypi" for PyPI)
	@$(BIN)/python scripts/audit.py $(ARGS)

.PHONY: format
format: setup ## format the code and repair what the linter can
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: setup
setup: ## only the set-up: virtual environment with the locked dependencies
	@$(PYTHON) scripts/bootstrap.py

.PHONY: setup-tests
setup-tests: setup ## the set-up and what tests need beside it: Asterisk, Chromium, PostgreSQL, checkers of deployment files, diagrams and requests to Twilio
	$(call optional,asterisk)
	$(call optional,chromium)
	$(call optional,checkers)
	$(call optional,postgresql)
	$(call optional,mermaid)
	$(call optional,twilio_api)

.PHONY: clean
clean: ## remove everything that make made
	@rm -rf .venv .tools .artifacts .pytest_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
