# Two commands matter: `make demo` and `make test`. Each makes .venv itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs demo-suite s3-server constraints clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## score the toy suite and write reports/demo/index.html
	@$(BIN)/ckpt-analyzer demo

test: $(VENV)/.installed-dev ## run the tests
	@$(BIN)/python -m pytest -q -n auto --dist loadfile

lint: $(VENV)/.installed-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-dev ## write the generated pages of docs/ again
	$(BIN)/python -m docs.generate

demo-suite: $(VENV)/.installed ## train the toy suite again (under 30 minutes on one core)
	$(BIN)/python -m ckpt_analyzer.demo.train --out ckpt_analyzer/demo

s3-server: $(VENV)-s3/.installed ## an S3 server for the tests of stores in a bucket

constraints: $(VENV)/.installed-dev ## pin what is installed now
	$(BIN)/python -m pip list --format=freeze | grep -viE '^(ckpt|setuptools)' | sed 's/+cpu//' | sort -f > constraints.txt

clean: ## remove .venv and caches; stores and reports stay
	rm -rf $(VENV) $(VENV)-s3 .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

# Of its own: the server wants an older python-dateutil than we do.
$(VENV)-s3/.installed: tests/s3_server.txt
	@$(PYTHON) -m venv $(VENV)-s3
	@PIP_CONSTRAINT= $(VENV)-s3/bin/python -m pip install -q -r tests/s3_server.txt
	@touch $@

$(VENV)/.python: constraints.txt
	@echo "making $(VENV) (once; a few minutes)" >&2
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --upgrade pip
	@touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml
	@$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install -q --group dev
	@touch $@
