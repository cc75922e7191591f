# Every target builds .venv first if it is missing. Needs only make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
COMPILE := uv pip compile --universal --generate-hashes --no-header --quiet --python-version 3.11

.PHONY: help install quickstart check docs compiled test test-slow test-browser test-families test-processors test-container format requirements licences sbom clean

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

install: $(INSTALLED)  ## Make .venv with exactly what requirements/dev.txt says.

# TORCH=cpu takes PyTorch's CPU wheels (1 GB instead of 5) where their index is reachable. These
# are other files than the hashed ones, so they are pinned by version only. All is compiled to
# bytecode at once, as the tests start many processes, which else compile it each where
# PYTHONDONTWRITEBYTECODE is set.
$(INSTALLED): requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Pathprint needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
ifeq ($(TORCH),cpu)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --torch-backend cpu --no-verify-hashes \
		--constraint requirements/dev.txt --group dev --editable '.[art,attacks,bench,hub,mlflow,ood,otel,parquet,ray,remote,sign,synapses,timm,transformers]'
else
	$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
endif
	touch $@

quickstart: $(INSTALLED)  ## Build, evaluate and serve a detector for handwritten digits.
	$(BIN)/pathprint quickstart $(ARGS)

check: $(INSTALLED)  ## Formatting, lint, types and import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(INSTALLED)  ## The documentation as a site in build/docs; a broken link is an error.
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs 2 -c docs/site . build/docs $(ARGS)

compiled: $(INSTALLED)  ## The compiled loops, ahead of the tests, which would compile them in each process.
	$(BIN)/python -m pathprint.profiling.paths.kernels.cpu.warm_up

test: $(INSTALLED)  ## The tests, without the slow ones, on two processes.
	$(BIN)/pytest -n 2 --dist loadfile -m 'not slow and not families and not container and not browser' $(ARGS)

test-slow: $(INSTALLED)  ## The slow tests: the quickstart, and real files where they are at hand.
	$(BIN)/pytest -n 2 --dist loadfile -m slow $(ARGS)

# All in one process: one Chromium, one service.
test-browser: $(INSTALLED)  ## The console in Chromium, Debian's or another on the path; skipped without one.
	$(BIN)/pytest -m browser tests/browser $(ARGS)

test-families: $(INSTALLED)  ## Every family of torchvision and timm against the oracle; about five minutes.
	$(BIN)/pytest -n 2 --dist loadgroup -m families $(ARGS)

# NUMBA_CPU_FEATURES= leaves the instructions to the name; numba would add this processor's own.
OLD := ATEN_CPU_CAPABILITY=default NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= PATHPRINT_TEST_THREADS=2
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=
CHOOSING := tests/profiling/paths/test_agreement.py tests/profiling/paths/test_kernels.py tests/profiling/compiled
ON_OLD := $(BIN)/pytest -n 2 --dist loadfile -m 'not slow and not families and not container' $(CHOOSING)

test-processors: $(INSTALLED)  ## Paths and features with the instructions of older processors.
	$(OLD) $(ON_OLD) tests/profiling/features tests/profiling/signatures $(ARGS)
	$(AVX2) $(ON_OLD) tests/models/test_capture.py $(ARGS)
	$(AVX2) $(BIN)/pytest -m families tests/profiling/paths/test_families.py -k 'dla34 or cspresnet50' $(ARGS)

test-container: $(INSTALLED)  ## The container, built and used; PATHPRINT_TEST_BASE names its base image.
	$(BIN)/pytest -m container --timeout 3600 tests/container $(ARGS)

format: $(INSTALLED)  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

requirements: $(INSTALLED)  ## Compile the hashed requirements files anew.
	$(BIN)/$(COMPILE) --extra art --extra attacks --extra bench --extra hub --extra mlflow --extra ood --extra otel --extra parquet --extra ray --extra remote --extra sign --extra synapses --extra timm --extra transformers --group dev pyproject.toml -o requirements/dev.txt
	$(BIN)/$(COMPILE) --extra sign pyproject.toml -o requirements/service.txt
	echo 'ray[default]' | $(BIN)/$(COMPILE) --extra attacks --extra otel --extra parquet --extra ray --extra remote --extra sign --extra synapses pyproject.toml - -o requirements/batch.txt
	echo uv==0.13.8 | $(BIN)/$(COMPILE) - -o requirements/bootstrap.txt
	printf '%s\n' uv==0.13.8 'hatchling>=1.27' 'dumb-init>=1.2.5' | $(BIN)/$(COMPILE) - -o requirements/image.txt
	@echo 'now: make clean install licences'

licences: $(INSTALLED)  ## List the licences of what the images install, in docs/licences.md.
	$(BIN)/python docs/list_licences.py

# Without times and random numbers, so that equal requirements give equal bytes.
sbom: $(INSTALLED)  ## List what the service is made of as CycloneDX, in build/sbom.json.
	mkdir -p build
	$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements --spec-version 1.6 --output-reproducible \
		--pyproject pyproject.toml --output-file build/sbom.json requirements/service.txt

clean:  ## Remove .venv and what tools left.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
