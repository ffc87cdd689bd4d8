# The front door. Everything runs in .venv, which is made from requirements.lock, hashes checked; PyTorch and Ray, which
# read shards in tests, have .venv-readers to themselves.
# Paths are relative throughout, so that the checkout may lie anywhere: spaces and 中文 in its path are fine.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READERS ?= .venv-readers/installed

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench-fetch bench-memory bench-extract bench-pages bench-text bench-filter bench-neardup bench-corpus bench-shard lock clean

help:  ## print this help
	@echo "wukong-build: build a Chinese image-text dataset. Targets:"
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

demo: $(VENV)/installed  ## set everything up and build a small dataset from a web site on this machine
	@$(RUN) -m wukong_build demo

test: $(VENV)/installed $(READERS)  ## set everything up and run the tests
	$(RUN) -m pytest --numprocesses auto --dist loadfile $(TESTS)

check: $(VENV)/installed  ## ruff, mypy strict, import-linter
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -c "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

format: $(VENV)/installed  ## let ruff format the code and fix what it can
	$(RUN) -m ruff format
	$(RUN) -m ruff check --fix

BENCH_OPTIONS = $(if $(ROWS),--rows $(ROWS)) $(if $(CORPUS),--corpus "$(CORPUS)")

bench-fetch: $(VENV)/installed  ## measure the crawl beside other programs; needs nginx (ROWS=10000 ROUNDS=3 CORPUS=folder)
	@$(RUN) scripts/bench_fetch.py $(BENCH_OPTIONS) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-memory: $(VENV)/installed  ## draw the memory of a long crawl; needs nginx (ROWS=100000 CORPUS=folder)
	@$(RUN) scripts/bench_memory.py $(BENCH_OPTIONS)

bench-extract: $(VENV)/installed  ## what extraction finds on real pages, how well it chooses, how fast it is (FOLDER=sites ROUNDS=9)
	@$(RUN) scripts/bench_extract.py $(if $(FOLDER),--folder "$(FOLDER)") $(if $(ROUNDS),--rounds $(ROUNDS))

bench-pages: $(VENV)/installed  ## measure the crawl of pages beside a plain Scrapy spider; needs nginx (FOLDER=sites COPIES=1 ROUNDS=3)
	@$(RUN) scripts/bench_pages.py $(if $(FOLDER),--folder "$(FOLDER)") $(if $(COPIES),--copies $(COPIES)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-text: $(VENV)/installed  ## how well and how fast the links read labelled captions (FOLDER=folder with language.tsv ROUNDS=3)
	@$(RUN) scripts/bench_text.py $(if $(FOLDER),--folder "$(FOLDER)") $(if $(ROUNDS),--rounds $(ROUNDS))

bench-filter: $(VENV)/installed  ## cost of the filter, and what it makes of planted defects; needs nginx (CORPUS=folder PEERS=folder ROUNDS=3)
	@$(RUN) scripts/bench_filter.py $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(PEERS),--peers "$(PEERS)") $(if $(ROUNDS),--rounds $(ROUNDS))

bench-shard: $(VENV)/installed  ## cost of making shards, beside webdataset's writer; needs nginx (CORPUS=folder ROUNDS=3)
	@$(RUN) scripts/bench_shard.py $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(ROUNDS),--rounds $(ROUNDS))

bench-neardup: $(VENV)/installed  ## how well hashes tell copies from other pictures (FOLDER=folder with sites/ and neardup/ CORPUS=folder ROUNDS=3)
	@$(RUN) scripts/bench_neardup.py $(if $(FOLDER),--folder "$(FOLDER)") $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(ROUNDS),--rounds $(ROUNDS))

bench-corpus: $(VENV)/installed  ## near-duplicates among millions of hashes (ROWS=1e7 REFERENCE=script PEERS=another venv's python)
	@$(RUN) scripts/bench_corpus.py $(if $(ROWS),--rows $(ROWS)) $(if $(REFERENCE),--reference "$(REFERENCE)") $(if $(PEERS),--peers "$(PEERS)")

lock: $(VENV)/installed  ## write requirements.lock anew, for every supported Python
	$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-emit-index-url --no-header --upgrade pyproject.toml --output-file requirements.lock

clean:  ## remove the environments and the caches; runs under data/ stay
	rm -rf $(VENV) .venv-readers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "wukong-build needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or two) …" >&2
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-readers/installed: tests/end_to_end/readers/requirements.txt | $(VENV)/installed
	@echo "Setting up .venv-readers with PyTorch and Ray (once, a minute or several) …" >&2
	@$(RUN) -m venv --clear .venv-readers
	@.venv-readers/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement $< || { \
	  echo "PyTorch and Ray, which the tests of docs/reading.md need, cannot be had for $$($(RUN) --version), for the reason above." \
	    "The other tests: make test READERS=" >&2; exit 1; }
	@touch $@
