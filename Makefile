# make demo | results | archive | check | test | faults | lint | docs-site | release | publish: each makes .venv first. See README.md.
PYTHON ?= python3
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# where the CPU build of torch lies; for a GPU name another, e.g. https://download.pytorch.org/whl/cu130
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.complete
LOCK := envs/requirements.lock
# the lines of the lock that hold uv and its hashes
UV_PIN := sed -n '/^uv==/,/[^\\]$$/p' $(LOCK)

.PHONY: demo results archive pretrained docs docs-site test check faults lint release publish lock lowest clean

demo: $(READY)
	$(BIN)/snakemake --cores $(CORES) --configfile resources/demo/config.yaml

results: $(READY)
	$(BIN)/snakemake --cores $(CORES)

# All results, their records and the code in one zip file, ready for a deposit.
archive: $(READY)
	$(BIN)/stelnet archive stelnet-results.zip

# Take the models of the finished results, their card and what made them to resources/pretrained/, for installations.
pretrained: $(READY)
	$(BIN)/python -m stelnet.cards.packing results resources/pretrained

# Put tables and figures of the finished results into README.md and docs/.
docs: $(READY)
	$(BIN)/python docs/refresh.py

# The pages of docs/ as a site, with the notebook run anew; a warning is an error.
docs-site: $(READY)
	PYTHONPATH="$(CURDIR)/workflow" $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env \
		--doctree-dir build/site.doctrees docs build/site
	@echo "The site is at build/site/index.html."

# Two files of tests at a time; all share one run of the demo. The longest, on SLURM, come first.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report term:skip-covered

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/codespell

# What to run at every change: a few minutes.
check: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/unit

# Whole rounds of faults (kills, flipped bits, forged records, hostile files), counted in docs/reliability.md.
faults: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --whole tests/faults

# The mark is written last: an environment without it (a failed or killed install) is removed, never used.
# uv, itself pinned, installs in a tenth of pip's time; pip installs torch, whose build the index decides.
$(READY): $(LOCK) envs/torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	rm -rf $(VENV)
	@set -e; trap 'test -e $(READY) || rm -rf $(VENV)' EXIT; \
	$(PYTHON) -m venv $(VENV); \
	$(UV_PIN) | $(BIN)/python -m pip install --require-hashes --no-deps -r /dev/stdin; \
	$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r $(LOCK); \
	$(BIN)/python -m pip install --retries 0 --extra-index-url "$(TORCH_INDEX)" -r envs/torch.lock; \
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .; \
	touch $(READY)

# sdist and wheel of this version, checked, in dist/, and what CHANGELOG.md says of it in build/release-notes.md.
release: $(READY)
	rm -rf dist build/lib build/bdist.*
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	mkdir -p build
	awk '/^## /{n++} n == 1' CHANGELOG.md > build/release-notes.md

# All that it takes to publish: a date in CHANGELOG.md, a commit with a tag, and an account on PyPI.
publish: release
	@! grep --quiet '^## .*(unreleased)' CHANGELOG.md || { echo "CHANGELOG.md: give the version a date."; exit 2; }
	@test -z "$$(git status --porcelain)" || { echo "There are changes that no commit has."; exit 2; }
	@git tag --points-at HEAD | grep --quiet '^v' || { echo "This commit has no tag, such as v0.1.0."; exit 2; }
	$(BIN)/twine upload dist/*

# After a change of dependencies in pyproject.toml: exact versions of everything, and the conda files, which follow.
# Versions stay as they are where they still may; `make lock UPGRADE=1` takes the newest.
lock:
	set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(PYTHON) -m venv "$$folder"; \
	$(UV_PIN) | "$$folder/bin/python" -m pip install --require-hashes --no-deps -r /dev/stdin; \
	"$$folder/bin/uv" pip compile pyproject.toml --all-extras --group dev --group docs --constraint envs/torch.lock \
		--no-emit-package torch --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --quiet --output-file $(LOCK); \
	"$$folder/bin/python" envs/conda_files.py

# The lower bounds, tried: tests of prediction with the oldest core dependencies that pyproject.toml allows.
LOWEST := $(VENV).lowest
lowest: $(READY)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/uv pip compile --quiet --no-header --resolution lowest-direct --output-file $(LOWEST)/lowest.txt pyproject.toml
	$(BIN)/uv pip install --python $(LOWEST)/bin/python -r $(LOWEST)/lowest.txt hypothesis pytest PyYAML
	PYTHONPATH=workflow $(LOWEST)/bin/python -m pytest tests/unit/test_inference_*.py tests/unit/test_predict_command.py \
		tests/unit/test_starlists*.py

clean:
	rm -rf $(VENV) build dist results/demo
