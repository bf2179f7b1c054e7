# Everything a person or a CI run does here. Each target does its own set-up.

PYTHON ?= python3
RUN := venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test check sandbox engine schema clean

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: venv/.installed engine ## Bring three domains to verified in a sandbox, with the real engine
	$(RUN) -m sandbox.demo

test: venv/.installed engine ## Run all tests, those on the real engine too
	$(RUN) -m pytest

check: venv/.installed ## Lint, format and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

sandbox: venv/.installed engine ## Keep AWS, DNS and mail running here for a second shell
	$(RUN) -m sandbox.shell

engine: venv/.installed ## Find the Pulumi CLI, or install or build it (once a machine)
	@$(RUN) -m sandbox.engine

schema: venv/.installed ## Write the JSON Schema of stack files for editors
	$(RUN) -m byodkim_provider.settings > stacks/schema.json

clean: ## Remove what the other targets made in this folder
	rm -rf venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv venv
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
