# SPDX-License-Identifier: MIT-0
# The verbs of this project; `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3.11
VENV := .venv
UV := $(VENV)/uv/bin/uv
APP := $(VENV)/app/bin/python
JOBS := $(VENV)/jobs/bin/python
JOBS_TEST := $(VENV)/jobs-test/bin/python
UV_VERSION := 0.13.9
LOCK := $(UV) pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
SYNC := $(UV) pip sync --quiet --require-hashes
export UV_PYTHON_DOWNLOADS := never

.PHONY: help
help:  ## Print these verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV):
	@echo "Setting up: uv $(UV_VERSION)"
	@$(PYTHON) -m venv $(VENV)/uv
	@$(VENV)/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Each environment holds a copy of its lock files, so that a changed lock sets it up again.
$(VENV)/app/.done: requirements.txt | $(UV)
	@echo "Setting up: the application's environment (about 700 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/app
	@$(SYNC) --python $(APP) requirements.txt
	@touch $@

$(VENV)/app/.dev: requirements-dev.txt $(VENV)/app/.done
	@echo "Setting up: the linters and test tools"
	@$(SYNC) --python $(APP) requirements.txt requirements-dev.txt
	@touch $@

$(VENV)/jobs/.done: containers/preprocessing/requirements.txt | $(UV)
	@echo "Setting up: the jobs' environment (about 600 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/jobs
	@$(SYNC) --python $(JOBS) containers/preprocessing/requirements.txt
	@$(JOBS) local/native.py
	@touch $@

# pytest for the jobs' tests lies in an environment of its own that sees the jobs' packages,
# so that the jobs' environment stays exactly what the image installs.
$(VENV)/jobs-test/.done: tests/requirements-jobs.txt $(VENV)/jobs/.done
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/jobs-test
	@$(SYNC) --python $(JOBS_TEST) tests/requirements-jobs.txt
	@$(JOBS) -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$(echo $(VENV)/jobs-test/lib/python3.*/site-packages)/jobs.pth
	@touch $@

.PHONY: setup
setup: $(VENV)/app/.done $(VENV)/jobs/.done  ## Set up both environments (the other verbs do it themselves)

.PHONY: demo
demo: setup  ## Synthetic archive -> trained, gated, registered model and a report
	@$(APP) -m local demo $(ARGS)

.PHONY: run
run: setup  ## Run the pipeline on ARCHIVE=/path/dataverse_files.zip
	@$(APP) -m local run --archive $(or $(ARCHIVE),$(error Name the archive: make run ARCHIVE=/path/dataverse_files.zip)) $(ARGS)

.PHONY: serve
serve: setup  ## Serve the approved model of run ID (default: latest) on the loopback
	@$(APP) -m local serve $(or $(ID),latest) $(ARGS)

.PHONY: test
test: $(VENV)/app/.dev $(VENV)/jobs-test/.done  ## Pass the tests (without the container build)
	@$(JOBS_TEST) -m pytest tests/jobs $(PYTEST_ARGS)
	@$(APP) -m pytest tests --ignore=tests/jobs --ignore=tests/image $(PYTEST_ARGS)

.PHONY: test-image
test-image: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Build the preprocessing image and compare it with the process runner
	@$(APP) -m pytest tests/image $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/app/.dev $(VENV)/jobs-test/.done  ## Lint, types, import contracts
	@$(VENV)/app/bin/ruff check .
	@$(VENV)/app/bin/ruff format --check .
	@$(VENV)/app/bin/lint-imports
	@$(VENV)/app/bin/mypy
	@$(VENV)/app/bin/mypy --python-executable $(JOBS_TEST) pipeline_src/lesions pipeline_src/jobs $(wildcard local/algorithm/*.py) benchmarks
	@$(VENV)/app/bin/hadolint containers/*/Dockerfile

.PHONY: bench
bench: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Measure preprocessing against its limit; draws the curves
	@$(JOBS) -m benchmarks $(ARGS)

.PHONY: lock
lock: $(UV)  ## Lock the requirements anew
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt
	@cd containers/preprocessing && ../../$(LOCK) requirements.in -o requirements.txt
	@cd tests && ../$(LOCK) requirements-jobs.in -o requirements-jobs.txt

.PHONY: clean
clean:  ## Remove the environments and caches (not .local, which holds your runs)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
