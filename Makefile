PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo picture test test-aws test-trino lint docs bench lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: .venv/.installed ## create .venv with everything in it

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("otel-analytics needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## the whole job on demonstration data: OTLP logs in, seven tables out
	@$(BIN)/python -m demo

picture: demo ## draw the README's picture from the demonstration data
	$(BIN)/python -m demo.picture docs/charts.png

test: setup ## run the tests
	$(BIN)/python -m pytest

build/emulator/.installed: requirements-emulator.lock
	$(PYTHON) -m venv build/emulator
	build/emulator/bin/python -m pip install --quiet --require-hashes -r requirements-emulator.lock
	@touch $@

test-aws: setup build/emulator/.installed ## deploy the stack into an emulator of AWS, and test it there
	$(BIN)/python -m pytest tests/aws/emulator

test-trino: setup ## run the tests on a real Trino, fetched by Maven once (453 MB)
	$(BIN)/python scripts/trino.py run -- $(BIN)/python -m pytest tests/trino

lint: setup ## check style, types and the layers of the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup ## write what the docs take from the code
	$(BIN)/python docs/generate.py

build/peers/.installed: requirements-bench.lock
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

bench: setup build/peers/.installed ## measure, beside peers in the same run (about an hour)
	$(BIN)/python -m bench

lock: ## resolve the dependencies anew into requirements.lock (needs uv)
	uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-emit-index-url --upgrade -o requirements.lock
	uv pip compile --group emulator --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-emit-index-url --upgrade -o requirements-emulator.lock

clean: ## remove what make made
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
