# Deep Optimization: everything that one does in this repository. `make` lists it.
# Works with GNU make 3.81 or newer (macOS ships that one) and a POSIX shell.

PYTHON ?= python3
PYTEST_FLAGS ?= # such as -k adam
# Where the packages go; the container has a place of its own for them.
VENV ?= .venv

BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
STAMPS := _build/stamps

# nbgrader starts programs of the environment (alembic) by their bare names.
export PATH := $(abspath $(BIN)):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# All assignments write to one gradebook, so the steps run one after the other.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.SUFFIXES:

CHAPTERS := $(wildcard chapters/[0-9][0-9]_*.md)
ASSIGNMENTS := $(patsubst chapters/%.md,%,$(CHAPTERS))
GRADED := $(ASSIGNMENTS:%=$(STAMPS)/graded-%)

# What each step is made from: files that git knows or would know, and no build products.
files = $(shell find $(1) -type f ! -name '*.pyc' ! -path '*/.ipynb_checkpoints/*' \
	! -path 'descentlab/published/*' 2>/dev/null)
LEARNER := $(call files,descentlab)
JUDGE := $(call files,autograder)
SOLUTIONS := $(call files,solutions)
PAGES := $(call files,chapters _static _config.yml _toc.yml)

.PHONY: help course preflight test test-fast lint publish book wheel release sample grade \
	attacks mutants bench-judge bench-scale check-gpu check-clients experiments lock clean

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1	\2/p' Makefile | expand -t 16
	@echo "Another Python than python3 (3.11 or newer): make course PYTHON=python3.12"

## -- The course ---------------------------------------------------------------

course: preflight book wheel release sample ## everything, from packages to a graded sample class
	@if reason=`$(PY) -m autograder sandbox 2>&1`; then \
	$(MAKE) --no-print-directory grade || exit; \
	report="A student's report:  feedback/STUDENT/ASSIGNMENT/ASSIGNMENT.html"; \
	else report="Left out:            grades and reports of the sample class: run \`make grade\` where \
	a sandbox can be had, such as in the course's container (README, \"In a container\"). $${reason#*: }"; fi; \
	echo; \
	echo "The book:            _build/html/index.html  (open it in a browser)"; \
	echo "A student's folder:  release/ASSIGNMENT/, and the package in _build/wheels/"; \
	echo "What to do next:     README.md, \"Three ways to use it\"; the tests: make test"; \
	echo "$$report"

# Said before anything is installed: the end of the build is too late to hear of it.
preflight:
	@! command -v "$(PYTHON)" >/dev/null || \
	reason=`"$(PYTHON)" autograder/judge/bubblewrap.py 2>/dev/null` || \
	echo "==> everything will be built, but nothing graded: $$reason"

# A stamp is as old as the beginning of its step: what is edited meanwhile is newer.
publish: $(STAMPS)/publish ## the cases that check() runs, in descentlab/published
book: $(STAMPS)/book ## the pages, in _build/html
wheel: $(STAMPS)/wheel ## the learner's package, in _build/wheels
release: $(STAMPS)/release ## source/ and release/ of every assignment
sample: $(STAMPS)/sample ## submitted/: a sample class with right and wrong answers

grade: $(GRADED) ## grade submitted/, write feedback pages, print the table
	@$(PY) -m autograder grades

$(STAMPS)/publish: $(LEARNER) $(JUDGE) $(VENV)/requirements.txt $(VENV)/pyproject.toml
	@echo "==> writing the published cases that check() runs"
	@mkdir -p $(@D) && touch $@.new
	@$(PY) -m autograder publish
	@mv $@.new $@

$(STAMPS)/book: $(PAGES) $(SOLUTIONS) $(STAMPS)/publish
	@echo "==> building the book (chapters that changed are run first)"
	@touch $@.new
	@$(PY) -m autograder book
	@mv $@.new $@

# setuptools never empties build/: what was deleted here would live on in the wheel.
$(STAMPS)/wheel: $(STAMPS)/publish LICENSE
	@echo "==> building the wheel of descentlab"
	@rm -rf build
	@$(PY) -m pip wheel -q --no-deps --no-build-isolation --no-index -w _build/wheels .
	@rm -rf build
	@touch $@

# After the book, which knows the values that the notebooks' text quotes.
$(STAMPS)/release: $(STAMPS)/book nbgrader_config.py
	@echo "==> making source/ and release/ of every assignment"
	@touch $@.new
	@$(PY) -m autograder release
	@mv $@.new $@

# Not among students of one's own: `python -m autograder term` leaves submitted/ empty.
$(STAMPS)/sample: $(STAMPS)/release
	@if test -d submitted && ! test -d submitted/all-right; then \
	echo "==> submitted/ is for your own class: no sample class is made"; else \
	echo "==> making the sample class in submitted/" && \
	$(PY) -m autograder sample; fi
	@touch $@

# What the marks depend on, as checksums: an assignment is graded again when some of it is
# new. --force, because what is new may be the judge, and then old submissions get new marks.
# Exit status 1: some files could not be graded, and `class` has listed them.
$(GRADED): $(STAMPS)/graded-%: sample
	@find autograder descentlab source/$* submitted/*/$* -type f ! -name '*.pyc' \
		-exec cksum {} + 2>/dev/null | sort >$@.new
	@cmp -s $@.new $@ || ! ls -d submitted/*/$* >/dev/null 2>&1 || { \
	echo "==> $*: grading each submission in its sandbox" && \
	{ $(PY) -m autograder class $* --force || test $$? -eq 1; }; }
	@mv $@.new $@

## -- Tests and checks ---------------------------------------------------------

# As many tests at a time as there are processors; tests/conftest.py says which stay together.
SIDE_BY_SIDE := -n auto --dist loadgroup

test: lint book wheel release ## all checks and tests
	@echo "==> running every test"
	@$(PY) -m pytest $(SIDE_BY_SIDE) $(PYTEST_FLAGS)

test-fast: $(VENV)/requirements-dev.txt publish ## the tests that take under two minutes
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "not slow and not browser" $(PYTEST_FLAGS)

lint: $(VENV)/requirements-dev.txt ## ruff and mypy
	@echo "==> checking style and types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

attacks: $(VENV)/requirements-dev.txt publish ## every attack on the judge, and every wall taken away
	@$(PY) -m benchmarks.attacks

mutants: $(VENV)/requirements-dev.txt ## what the checks of each exercise catch, name and accept
	@$(PY) -m benchmarks.mutants

bench-judge: $(VENV)/requirements.txt $(VENV)/pyproject.toml ## the judge against stock nbgrader (QUICK=1: a reduced run)
	@$(PY) -m benchmarks.judge $(if $(QUICK),--quick)

bench-scale: $(VENV)/requirements.txt $(VENV)/pyproject.toml ## a student's step in PyTorch against PyTorch's own (QUICK=1: a try)
	@$(PY) -m benchmarks.scale $(if $(QUICK),--quick)

check-gpu: $(VENV)/requirements-dev.txt ## tests and times of the steps on a GPU
	@$(PY) -m pytest -m gpu tests/descentlab/scale $(PYTEST_FLAGS)
	@$(PY) -m benchmarks.scale

# Its packages stand on those of the environment, and change none of them.
CLIENTS := accelerate==1.15.0 lightning==2.6.6 transformers==5.24.0

check-clients: $(VENV)/requirements-dev.txt ## the steps below Lightning, Accelerate and Transformers
	@test -d _build/clients || { $(PY) -m venv _build/clients && \
	$(PY) -c 'import site; print(site.getsitepackages()[0])' \
		>"$$(_build/clients/bin/python -c 'import site; print(site.getsitepackages()[0])')/base.pth"; }
	@_build/clients/bin/pip install -q $(CLIENTS)
	@_build/clients/bin/python -m pytest tests/descentlab/scale/test_clients.py $(PYTEST_FLAGS)

experiments: $(STAMPS)/publish ## the runs behind the claims (QUICK=1: a reduced form)
	@$(PY) -m experiments $(if $(QUICK),--quick)

## -- Packages -----------------------------------------------------------------

# The stamps are copies of the files, so a new date alone (a git checkout) installs nothing.
$(VENV)/requirements.txt $(VENV)/requirements-dev.txt: $(VENV)/%: % | $(BIN)/pip
	@cmp -s $< $@ || { echo "==> installing the packages of $<" && \
		$(PY) -m pip install -r $< && cp $< $@; }

$(VENV)/requirements-dev.txt: $(VENV)/requirements.txt

$(VENV)/pyproject.toml: pyproject.toml | $(VENV)/requirements.txt
	@cmp -s $< $@ || { echo "==> installing descentlab from this folder" && \
		$(PY) -m pip install -q --no-deps --no-build-isolation --no-index -e . && \
		cp $< $@; }

$(BIN)/pip:
	@command -v "$(PYTHON)" >/dev/null || { echo "make: there is no $(PYTHON): install" \
		"Python 3.11 or newer, or name it: make course PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"make: $(PYTHON) is `"$(PYTHON)" -V 2>&1`, the course needs 3.11 or newer:" \
		"make course PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON)" \
		"lacks venv: sudo apt install python3-venv" >&2; exit 1; }
	@echo "==> making the virtual environment $(VENV)"
	@"$(PYTHON)" -m venv $(VENV)

lock: ## pin anew what requirements*.in name (LOCK_FLAGS=--upgrade: the newest)
	@"$(PYTHON)" -m venv _build/lock
	@_build/lock/bin/pip install -q uv
	@_build/lock/bin/uv pip compile -q $(LOCK_FLAGS) requirements.in -o requirements.txt
	@_build/lock/bin/uv pip compile -q $(LOCK_FLAGS) requirements-dev.in \
		-o requirements-dev.txt

clean: ## delete what was built; keeps .venv, submissions and grades
	@rm -rf _build source release build descentlab.egg-info descentlab/published \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	@echo "kept: .venv, submitted/, autograded/, feedback/, gradebook.db, terms/, .judge-key"
