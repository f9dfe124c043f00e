# Two commands do everything on a machine that has python3, venv, pip and make:
#   make demo   install, then the whole chain on synthetic scenes
#   make test   install, then tests, lint, types and import walls
PYTHON ?= python3
BIN := .venv/bin
LOWEST := build/lowest
# Without byte code every process compiles torch and timm from source, 7 seconds of a processor: install writes theirs,
# and whatever runs here may write that of the suite and its tests.
unexport PYTHONDONTWRITEBYTECODE
# click, rich, filelock, joblib; numba, scipy, zstd, pandas, optuna; torch, timm, smp, ttach, the hub, safetensors; onnx;
# pillow, rasterio, shapely; matplotlib; jinja2; distributed (core); tensorboard.
LOWEST_TESTS := tests/core tests/cli/test_app.py tests/ensemble/test_surface.py tests/zoo/data/test_features.py \
	tests/zoo/data/test_folds.py tests/zoo/predictions/test_format.py tests/submissions/test_library.py \
	tests/zoo/training/test_tuning.py tests/zoo/models/test_decoders.py tests/zoo/models/test_weights.py \
	tests/zoo/test_tta.py tests/zoo/workflows/test_export.py tests/submissions/formats tests/cli/test_augmented.py \
	tests/webpage/test_page.py tests/zoo/logs
# All extras but mlflow, whose 26 packages nothing else needs.
EXTRAS := zoo tables tune export remote dask geo tensorboard
INSTALLED := .venv/.installed

.PHONY: install demo test docs bill unit test-zoo soak fuzz lowest costs lint lock clean

install: $(INSTALLED)

$(INSTALLED): requirements/lock.txt requirements/uv.txt pyproject.toml
	@echo "installing requirements/lock.txt into .venv: a few minutes, up to 7 GB"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync -q --compile-bytecode --python $(BIN)/python --require-hashes requirements/lock.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
	@echo "installed; next: source .venv/bin/activate, then cli doctor, then docs/tutorial.md"

demo: install
	$(BIN)/cli demo

test: install lint unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each process takes half of the tests in order, so that what a module or a package sets up is made once.
unit: install
	$(BIN)/pytest -n 2 --dist worksteal

# Every member with its real encoder: minutes and gigabytes. Prints member, millions of weights, processor seconds of a
# step of two records and of a record predicted, megabytes. Then every path through a network in every format of export.
test-zoo: install
	$(BIN)/pytest tests -m long

# 2,000 series of kills of every command that writes, then every fault at every point: hours. The same call goes on
# after what build/soak.jsonl holds.
soak: install
	$(BIN)/python -m tests.faults.soak --log build/soak.jsonl

# Coverage-guided fuzzing of every reader, for SECONDS in all, by atheris in an environment that sees the suite's.
SECONDS ?= 3600
fuzz: install
	$(BIN)/uv venv -q --allow-existing --python $(BIN)/python build/fuzz/venv
	$(BIN)/uv pip install -q --python build/fuzz/venv/bin/python atheris==3.0.0
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> build/fuzz/venv/lib/python3.$$($(BIN)/python -c "import sys; print(sys.version_info.minor)")/site-packages/suite.pth
	nice build/fuzz/venv/bin/python -m tests.faults.fuzz $(SECONDS)

# A selection of tests with the lowest releases that pyproject.toml allows: every dependency takes part in one of them.
lowest: install
	$(BIN)/uv venv -q --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip compile -q --resolution lowest-direct --only-binary :all: --python $(LOWEST)/bin/python $(EXTRAS:%=--extra %) \
		--group test --no-header --no-annotate pyproject.toml -o $(LOWEST)/requirements.txt
	$(BIN)/uv pip sync -q --python $(LOWEST)/bin/python $(LOWEST)/requirements.txt
	$(BIN)/uv pip install -q --python $(LOWEST)/bin/python --no-deps --no-build-isolation -e .
	$(LOWEST)/bin/pytest -n 2 $(LOWEST_TESTS)

# The docs as a site, in build/site: every link and every name of the reference must exist.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site
	@echo "built; open build/site/index.html"

# Packages, versions, licences and hashes, as CycloneDX.
bill: install
	mkdir -p build
	$(BIN)/python requirements/bill.py --json > build/bill.json

# Weights, multiply-adds and activations of every member's networks, for cli zoo list and show.
costs: install
	$(BIN)/python -m zoo.models.costs

# The releases that pins.txt names, everything else the newest that fits.
lock:
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $(EXTRAS:%=--extra %) \
		--group dev -c requirements/pins.txt pyproject.toml -o requirements/lock.txt --upgrade
	echo 'uv>=0.13' | $(BIN)/uv pip compile -q --universal --generate-hashes --no-header - -o requirements/uv.txt

clean:
	rm -rf .venv build demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis
