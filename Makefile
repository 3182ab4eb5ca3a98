# What there is to do here. Everything is set up as it is needed: an environment of its own in .venv, from lock files with
# hashes. Nothing asks anything, and nothing outside this folder is written.
#
#   make up         set up, then run the paper exchange and its book (ARGS=--once ends after the first full pass)
#   make test       set up, then run every test (ARGS='-k pager' runs some)
#   make check      the linters, the types and the house rules
#   make bench      the figures of speed          make simulate   1,000 seeds of the simulation
#   make campaigns  the long fault campaigns      make docs       the generated pages
#   make format     lay the code out              make lock       renew the lock files (needs uv)
#   make clean      remove what was made here

.DEFAULT_GOAL := help
.PHONY: help up test check bench simulate campaigns docs format lock clean runtime develop clients

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo "$$python" && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input install --progress-bar off --quiet
WORKERS ?= 2
ARGS ?=
SAY := @printf '\033[1mnostro:\033[0m %s\n'

help:
	@sed -n 's/^#   //p' Makefile

up: runtime
	$(SAY) "starting the paper exchange and its book in .home; Ctrl-C ends it, and nothing is lost"
	@$(BIN)/nostro up --home .home $(ARGS)

test: develop clients
	$(SAY) "running the tests in $(WORKERS) processes; what was skipped is printed last"
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: develop
	$(SAY) "ruff: findings and layout"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	$(SAY) "mypy: types of src"
	@$(BIN)/mypy --strict src
	$(SAY) "the house rules and the documents"
	@$(BIN)/python -m pytest -q tests/test_tidy.py tests/test_docs.py

format: develop
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

# ── figures: each program prints what it found and ends with a status other than 0 where a goal was missed ──────────

simulate: develop
	$(SAY) "1,000 seeds of the simulation, each run twice to the same hash"
	@$(BIN)/python campaigns/simulation.py --seeds 1000 $(ARGS)

CAMPAIGNS := "feeds.py" "differential.py --commands 100000" "pager.py --histories 20000" "kills.py --kills 200" \
	"kills.py --kills 50 --engine postgresql" "kills.py --early" "flips.py --flips 500" "flips.py --plain" \
	"two_collectors.py --pauses 100" "two_collectors.py --pauses 100 --engine postgresql" \
	"two_collectors.py --pauses 20 --without-fence" "power_loss.py --images 5000" "power_loss.py --images 500 --of migration" \
	"power_loss.py --images 500 --of copies" \
	"power_loss.py --images 500 --synchronous normal" "power_loss.py --images 500 --anchor-unsynced"

campaigns: develop
	@for campaign in $(CAMPAIGNS); do \
		printf '\033[1mnostro:\033[0m %s\n' "campaigns/$$campaign"; \
		$(BIN)/python campaigns/$$campaign || exit 1; done

bench: develop
	@for program in benchmarks/*.py; do \
		printf '\033[1mnostro:\033[0m %s\n' "$$program"; \
		$(BIN)/python "$$program" || exit 1; done

docs: develop
	$(SAY) "writing the pages of commands, exchanges and figures of margin, and the picture of a terminal"
	@$(BIN)/python -m nostro.cli.document docs
	@$(BIN)/python docs/figures_margin.py
	@$(BIN)/python docs/picture.py

# ── setting up ───────────────────────────────────────────────────────────────────────────────────────────────────

runtime: $(VENV)/.runtime
develop: $(VENV)/.develop

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "nostro: needs Python 3.11 or newer, with venv and ensurepip; none of python3.13," \
		"python3.12, python3.11, python3 and python is one. Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(SAY) "creating $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(SAY) "installing $$(grep -c == requirements.lock) packages from requirements.lock, each checked by its hash"
	@$(INSTALL) --require-hashes --only-binary=:all: -r requirements.lock
	$(SAY) "installing nostro itself"
	@$(INSTALL) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.develop: requirements-dev.lock $(VENV)/.runtime
	$(SAY) "installing $$(grep -c == requirements-dev.lock) packages from requirements-dev.lock, each checked by its hash"
	@$(INSTALL) --require-hashes --only-binary=:all: -r requirements-dev.lock
	@touch $@

clients: develop
	$(SAY) "setting up the exchanges' own clients, each in an environment of its own"
	@$(BIN)/python tests/clients/install.py

UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate pyproject.toml

# The development lock comes first: ccxt pins what it stands on exactly, and the runtime follows.
lock:
	@command -v $(UV) >/dev/null || { echo "nostro: make lock needs uv, or UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) --all-extras --group dev -o requirements-dev.lock
	$(COMPILE) --group build -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf $(VENV) .clients .home .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
