# Every target makes the virtual environment $(VENV) and fills it with what it needs, the first time and
# whenever pyproject.toml changed. Nothing is installed anywhere else.
#
#   make test PYTHON=python3.13 VENV=.venv-3.13      another Python, beside the first
#   make test PYTEST_ARGS="-k deadline -x"           a part of the tests
#   make test-sim PYTEST_ARGS="-k aiohttp"           likewise

VENV ?= .venv
PY := $(VENV)/bin/python
PYTHON ?=
PYTHON39 ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_ARGS ?= -max_total_time=60

DEMO := $(PY) examples/mosaik_demo/run.py
FUZZ := $(VENV)-fuzz
SIM := $(VENV)-sim
AIOMAS := $(VENV)-aiomas

# An environment holds the absolute path of the clone. In a copy of the clone, or after it was moved, it would
# run the code of the old place; so what was installed counts for one place only.
place := $(shell pwd | cksum | cut -d' ' -f1)
filled := .filled-$(place)
install := -m pip install --quiet --editable

export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONHOME PYTHONPATH

.PHONY: help demo test test-sim test-aiomas check format docs table libraries bench fuzz clean
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PRECIOUS: %/.made

help: ## print this list (the default)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/$(filled)-demo ## run a co-simulation, instruments and a vehicle over junto, and plot them
	$(DEMO)

test: $(VENV)/$(filled)-test ## run all tests
	$(PY) -m pytest $(PYTEST_ARGS)

# In an environment of its own: some of the libraries bring plugins of pytest, or replace what others need.
test-sim: $(SIM)/$(filled)-test-sim ## run the simulated world with other libraries and many seeds
	$(SIM)/bin/python -m pytest tests/sim -m "slow or not slow" $(PYTEST_ARGS)

# The real aiomas needs Python 3.9: its last release uses what Python 3.10 took away.
test-aiomas: $(VENV)/$(filled)-test ## run the tests with agents of the real aiomas (needs a Python 3.9)
	@for python in $(PYTHON39) python3.9 $(wildcard $(HOME)/.pyenv/versions/3.9.*/bin/python); do \
	  if "$$python" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 9))' 2>/dev/null; then \
	    if [ ! -e $(AIOMAS)/.made ]; then \
	      echo "Making $(AIOMAS) with $$python ..."; \
	      "$$python" -m venv $(AIOMAS) && \
	      $(AIOMAS)/bin/python -m pip install --quiet 'aiomas==2.0.1' 'arrow<0.14' 'msgpack<1' && \
	      touch $(AIOMAS)/.made || exit 1; \
	    fi; \
	    exec env JUNTO_AIOMAS_PYTHON=$(AIOMAS)/bin/python $(PY) -m pytest tests/interop/aiomas $(PYTEST_ARGS); \
	  fi; \
	done; \
	echo "There is no Python 3.9 here, and the real aiomas runs on no newer one: nothing was tested."; \
	echo "Name one with 'make test-aiomas PYTHON39=/path/to/python3.9'."

check: $(VENV)/$(filled)-check ## check format, lint, types and architecture
	$(PY) -m ruff format --check --quiet
	$(PY) -m ruff check --quiet
	$(PY) -m mypy --strict src tests/typing
	$(PY) -m pyright --pythonpath $(PY)
	$(PY) -m pytest --quiet tests/test_architecture.py

format: $(VENV)/$(filled)-check ## bring the code into its format
	$(PY) -m ruff check --fix-only
	$(PY) -m ruff format

# From nothing each time: Sphinx warns about a page only when it reads it.
docs: $(VENV)/$(filled)-docs ## build the site, docs/_build/html/index.html
	rm -rf docs/reference/api docs/_build
	$(PY) -m sphinx --fail-on-warning --nitpicky --keep-going --quiet -b html docs docs/_build/html

table: $(VENV)/$(filled)-test ## write the documentation's table of layers by runtimes anew
	$(PY) -m pytest --quiet tests/conformance --table docs/reference/layers-by-runtimes.inc

libraries: $(SIM)/$(filled)-test-sim ## write the documentation's table of libraries in simulated worlds anew
	$(SIM)/bin/python -m pytest --quiet tests/sim/libraries --libraries docs/reference/simulated-libraries.inc

bench: $(VENV)/$(filled)-bench ## measure, beside other libraries
	$(PY) benchmarks/run.py $(BENCH_ARGS)

fuzz: $(FUZZ)/$(filled)-fuzz ## feed any bytes for a minute (FUZZ_ARGS=-max_total_time=60)
	$(FUZZ)/bin/python tests/fuzz/fuzz_messages.py $(FUZZ_ARGS)

clean: ## remove all that the other targets made
	rm -rf .venv .venv-* build dist demo-output docs/_build docs/reference/api
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/$(filled)-%: $(VENV)/.made pyproject.toml
	@echo "Filling $(@D) for make $* ..."
	@$(PY) $(install) '.[fast,blosc,certs,cli,serial,simpy,trio]' --group $*
	@touch $@

$(FUZZ)/$(filled)-fuzz: $(FUZZ)/.made pyproject.toml
	@echo "Filling $(@D) for make fuzz ..."
	@$(FUZZ)/bin/python $(install) . --group fuzz
	@touch $@

$(SIM)/$(filled)-test-sim: $(SIM)/.made pyproject.toml
	@echo "Filling $(@D) for make test-sim ..."
	@$(SIM)/bin/python $(install) '.[fast,cli,simpy,trio]' --group test-sim
	@touch $@

# Debian's python3 can lack what makes an environment, so that is asked for as well. pip 25.1 is the first that
# knows dependency groups.
%/.made:
	@for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(@D) with $$python ..."; \
	    "$$python" -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1' && touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "junto needs Python 3.11 or newer with its venv module, and found none as '$(or $(PYTHON),python3)'." >&2; \
	echo "Name one with 'make PYTHON=/path/to/python3'; on Debian and Ubuntu, 'apt install python3-venv'." >&2; \
	exit 1
