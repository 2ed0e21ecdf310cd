# Every verb of the project. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Processes that run tests: three for two cores, as a quarter of their time they wait.
WORKERS ?= $(shell expr \( 3 \* $$(getconf _NPROCESSORS_ONLN) + 1 \) / 2)
# TypeScript, for the page's JavaScript. It asks nobody for anything.
DENO := DENO_DIR=$(VENV)/deno DENO_NO_UPDATE_CHECK=1 $(BIN)/deno
export UV_LINK_MODE ?= copy

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check fix lock browser crash properties bench picture clean suite

help:  ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/.laptop  ## create the environment that runs autodj on this machine

demo: $(VENV)/.laptop  ## run the whole path, then serve it (AUDIO=folder, ONCE=1 to stop after the checks)
	@$(BIN)/autodj demo $(if $(AUDIO),--audio "$(AUDIO)") $(if $(ONCE),--once)

up: $(VENV)/.laptop  ## run autodj on this machine; S3=1 adds the S3 server and the edge
	@$(BIN)/autodj up $(if $(S3),--s3)

test: $(VENV)/.dev browser  ## install what the tests need and run everything
	@$(MAKE) --no-print-directory -j2 check suite

suite: $(VENV)/.dev
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m tests.rewritten || true
	@$(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder -p tests.reached -p no:cacheprovider
	@$(BIN)/slipcover --merge .coverage.*.json --out .coverage.json

check: $(VENV)/.dev  ## lint, types, layers
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(DENO) lint -q --config tests/web/deno.json autodj/web
	@$(DENO) check -q --no-remote --config tests/web/deno.json autodj/web/*.js

fix: $(VENV)/.dev  ## format and mend what a machine can mend
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

browser:  ## have Chromium for the page's tests
	@tests/install-browser

crash: $(VENV)/.dev  ## 500 kills of web and worker, and the mutants that must turn red
	@$(BIN)/python -m bench.crash --kills 500 --mutants

properties: $(VENV)/.dev  ## twenty times the examples of every property, other ones each time
	@$(BIN)/python -m pytest -q -m hypothesis --hypothesis-profile=many -o timeout=1200

bench: $(VENV)/.dev  ## the figures of docs/performance.md
	@$(BIN)/python -m bench.path
	@$(BIN)/python -m bench.http
	@$(BIN)/python -m bench.signing
	@$(BIN)/python -m bench.ranges
	@$(BIN)/python -m bench.player
	@$(BIN)/python -m bench.renditions

picture: $(VENV)/.dev  ## make docs/page.png anew
	@$(BIN)/python -m bench.picture docs/page.png

lock: $(VENV)/.dev  ## resolve the requirements anew
	@tools/lock $(BIN)/uv

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

$(VENV)/.uv: requirements-tools.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "autodj needs Python 3.11 or newer; set PYTHON=...")'
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@touch $@

$(VENV)/.laptop: $(VENV)/.uv requirements.lock pyproject.toml
	@tools/install $(BIN) requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements-dev.lock pyproject.toml
	@tools/install $(BIN) requirements-dev.lock
	@touch $@ $(VENV)/.laptop
