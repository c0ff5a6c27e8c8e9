# Everything runs in .venv, which is made anew when requirements.lock changes.
PYTHON ?= python3
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
LOCKED := .venv/locked-$(shell git hash-object requirements.lock)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup reproduce benchmark test nightly verify lint lock

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(LOCKED)  ## Make .venv with the locked packages

$(LOCKED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	@test ! -L .venv || { echo ".venv is a link, and what it leads to would be emptied: the locked packages changed. Remove the link, or run make setup where it leads"; false; }
	@rmdir .venv 2> /dev/null || true  # an empty one is what a container leaves where its volume was mounted
	@test ! -d .venv && echo "Making .venv ..." || echo "The locked packages changed: making .venv anew ..."
	@$(PYTHON) -m venv --clear .venv
	@echo "Installing the packages of requirements.lock (2 GB on disk, a few minutes) ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo ".venv is ready."

reproduce: $(LOCKED)  ## Run what changed of the pipeline; JOBS=n cells at once
	@resnetbk reproduce --jobs $(JOBS)

benchmark: $(LOCKED)  ## Time the models and kernels on this machine, which should be idle
	@dvc repro -s -f benchmark/dvc.yaml:benchmark benchmark/dvc.yaml:benchmark_reproducibility \
	  benchmark/dvc.yaml:benchmark_cells benchmark/dvc.yaml:benchmark_tracking \
	  benchmark/dvc.yaml:benchmark_tracking_search benchmark/dvc.yaml:benchmark_page

test: $(LOCKED)  ## Run the tests
	@pytest -n $(JOBS)

nightly: $(LOCKED)  ## Run the tests that take hours or draw at random
	@pytest -m nightly -n $(JOBS)

verify: $(LOCKED)  ## Rebuild the last commit from nothing and compare every hash
	@resnetbk verify --jobs $(JOBS)

lint: $(LOCKED)  ## Check style
	@ruff check . && ruff format --check .

# torch brings its own CUDA packages, pinned in its metadata, where its build needs them; the lock leaves them out
# so that it installs beside a CPU build too.
lock:  ## Solve pyproject.toml's requirements anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-annotate --no-header pyproject.toml \
	  | grep -vE "^(nvidia-|cuda-)|sys_platform == '(win32|emscripten)'" > requirements.lock.new
	@mv requirements.lock.new requirements.lock
