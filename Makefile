# The commands people need. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
LOCKS := requirements.lock requirements-dev.lock
CLIENTS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/omniroute-clients

.DEFAULT_GOAL := help
.PHONY: help install run test test-services test-browser e2e-clients lint format bench bench-usage docs screenshots lock clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(DEV_STAMP) ## Make .venv with everything, for development

run: $(RUN_STAMP) ## Start OmniRoute on port 20128
	$(BIN)/python manage.py up

test: $(DEV_STAMP) ## Run the whole suite on the embedded database
	$(BIN)/python -m pytest $(ARGS)

test-services: $(DEV_STAMP) ## Run the suite on PostgreSQL and Redis (DATABASE_URL, REDIS_URL)
	@test -n "$$DATABASE_URL" && test -n "$$REDIS_URL" || { echo "Set DATABASE_URL and REDIS_URL to test services."; exit 2; }
	$(BIN)/python -m pytest tests/test_*.py tests/services $(ARGS)

test-browser: $(DEV_STAMP) ## Run the dashboard's tests in Chromium
	$(BIN)/python -m pytest tests/browser -n 0 $(ARGS)

e2e-clients: $(DEV_STAMP) $(CLIENTS)/.installed ## Run Claude Code, Codex and Gemini CLI through the gateway (needs node 20)
	$(BIN)/python -m pytest tests/clients -n 0 $(ARGS)

$(CLIENTS)/.installed: tests/clients/package.json
	@mkdir -p $(CLIENTS)
	@cp $< $(CLIENTS)
	npm install --prefix $(CLIENTS) --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

lint: $(DEV_STAMP) ## ruff, mypy, import contracts, migrations, system checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
	DATA_DIR=$$(mktemp -d) BASE_URL=https://llm.example.com AUTH_COOKIE_SECURE=true REQUIRE_API_KEY=true \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(DEV_STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) ## Measure the gateway beside its upstream (PEERS=1: and LiteLLM)
	bash tests/bench/run.sh

bench-usage: $(DEV_STAMP) ## Measure the pages of usage over ROWS requests (1000000; DATABASE_URL: on PostgreSQL)
	$(BIN)/python -m tests.bench.usage_pages --rows $(or $(ROWS),1000000) $(ARGS)

docs: $(DEV_STAMP) ## Check that the docs' links and lists are true
	$(BIN)/python -m pytest tests/test_docs.py

screenshots: $(DEV_STAMP) ## Take the pictures of docs/screenshots
	$(BIN)/python -m pytest tests/browser/screenshots.py

lock: ## Resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras -c requirements.lock -o requirements-dev.lock

clean: ## Remove what can be made again
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@if command -v uv >/dev/null; then uv venv -q $(VENV); else $(PYTHON) -m venv $(VENV); fi

$(RUN_STAMP): requirements.lock | $(VENV)/bin/python
	@test -f $(DEV_STAMP) && test $(DEV_STAMP) -nt requirements.lock || $(MAKE) --no-print-directory sync LOCK=requirements.lock
	@touch $@

$(DEV_STAMP): $(LOCKS) | $(VENV)/bin/python
	@$(MAKE) --no-print-directory sync LOCK=requirements-dev.lock
	@touch $@

.PHONY: sync
sync:
	@if command -v uv >/dev/null; then \
		VIRTUAL_ENV=$(VENV) uv pip install -q --require-hashes -r $(LOCK); \
	else \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(LOCK); \
	fi
