# Everything a person or a CI run does here. Each target does its own set-up.

PYTHON ?= python3
RUN := venv/bin/python
SIZES ?= 1,10,100

# Hundreds of processes of a test run import the same modules: each is compiled once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo test languages newest faults acceptance fuzz bench check sandbox engine schema site reference lock clean

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: venv/.installed engine ## Bring three domains to verified in a sandbox, with the real engine
	$(RUN) -m sandbox.demo

test: venv/.installed engine ## Run the tests, those on the real engine too
	$(RUN) -m pytest -n 6 --dist loadfile --no-loadscope-reorder

languages: venv/.installed engine ## Run programs in other languages, with the real engine; needs Node.js, npm and Go
	$(RUN) -m pytest tests/languages

newest: venv/.installed ## Run the contract with Pulumi, with the newest SDK that the bounds allow
	$(RUN) -m pip install --quiet --disable-pip-version-check --upgrade --target .cache/newest "$$(grep '^pulumi>' requirements.txt)"
	PYTHONPATH=$(CURDIR)/.cache/newest $(RUN) -c 'import importlib.metadata; print("pulumi", importlib.metadata.version("pulumi"))'
	PYTHONPATH=$(CURDIR)/.cache/newest $(RUN) -m pytest -n 2 tests/contract tests/resources/test_sdk.py

faults: venv/.installed ## Let every call fail in every way, and see what comes of it
	$(RUN) -m tests.faults

check: venv/.installed ## Lint, format, types and known vulnerabilities
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	MYPYPATH=tests/examples $(RUN) -m mypy examples/namecheap/namecheap.py examples/namecheap/__main__.py
	$(RUN) .ci/audit.py

sandbox: venv/.installed engine ## Keep AWS, DNS and mail running here for a second shell
	$(RUN) -m sandbox.shell

engine: venv/.installed ## Find the Pulumi CLI, or install or build it (once a machine)
	@$(RUN) -m sandbox.pulumi.engine

schema: venv/.installed ## Write the JSON Schema of stack files for editors
	$(RUN) -m byodkim_provider.config.json_schema > stacks/schema.json.new
	mv stacks/schema.json.new stacks/schema.json

reference: venv/.installed ## Write what follows from the source: commands, resources, the arguments of a domain
	$(RUN) -m tests.docs.reference

site: venv/.installed ## Build the documentation as a site with search, into site/
	$(RUN) -m zensical build --strict

lock: venv/.installed ## Write requirements-dev.lock, with the newest versions that the bounds allow
	$(RUN) -m pip install --quiet --disable-pip-version-check uv
	$(RUN) -m uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --extra dev \
		--custom-compile-command 'make lock' --output-file requirements-dev.lock pyproject.toml

acceptance: venv/.installed engine ## First contact with SES, the emulated one; docs/reference/real-ses.md has the real one
	$(RUN) -m pytest tests/acceptance

fuzz: venv/.installed ## Put 100,000 bad inputs to every door, and print the count of each
	$(RUN) -m tests.fuzz --cases 100000

bench: venv/.installed engine ## Measure runs of SIZES domains (1,10,100) against the engine's price
	$(RUN) -m tests.bench --sizes $(SIZES)

clean: ## Remove what the other targets made in this folder
	rm -rf venv build dist site .cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything from the lock, by its hashes; the project itself is built with the lock's setuptools.
venv/.installed: requirements-dev.lock requirements.txt pyproject.toml
	@echo 'Installing the requirements into venv/, once: about 3 minutes.'
	$(PYTHON) -m venv venv
	$(RUN) -m pip install --progress-bar off --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	PYTHONWARNINGS='ignore:Editable installation' \
		$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
