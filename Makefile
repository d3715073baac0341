# Each target sets up what it needs in .venv, on a fresh machine with Python 3.11 and make.
#   make demo TORCH=cpu    takes PyTorch's small CPU builds, where their index can be reached
PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH ?=
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt \
      $(if $(TORCH),--torch-backend $(TORCH))
# TORCH counts when .venv is new: remove .venv to change it
STAMP := .venv/ready$(if $(TORCH),-$(TORCH))
export MLFLOW_DISABLE_TELEMETRY = true

.PHONY: setup demo notebook picture recording test coverage test-all soak lint docs bench calibrate ui serve

setup: $(STAMP)-run

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv

$(STAMP)-run: pyproject.toml constraints.txt | .venv/bin/uv
	$(UV) --editable '.[torch,report]'
	touch $@

$(STAMP)-dev: pyproject.toml constraints.txt | .venv/bin/uv
	$(UV) --editable '.[all,yolo,dev]'
	touch $@ $(STAMP)-run $(STAMP)-serve

$(STAMP)-serve: pyproject.toml constraints.txt | .venv/bin/uv
	$(UV) --editable '.[torch,report,server]'
	touch $@ $(STAMP)-run

$(STAMP)-notebook: pyproject.toml constraints.txt | .venv/bin/uv
	$(UV) --editable '.[torch,report,notebook]'
	touch $@ $(STAMP)-run

demo: $(STAMP)-run    ## the main job on embedded data, and its report
	$(BIN)/arogya-bench run experiment=demo
	$(BIN)/arogya-bench compare demo --out reports
	@echo "The report: reports/report.html. The runs: make ui"

notebook: $(STAMP)-notebook  ## Jupyter on notebooks/, in this environment; ARGS="--no-browser" prints the address only
	$(BIN)/jupyter lab notebooks $(ARGS)

ui: $(STAMP)-run      ## MLflow's own page on the store in this folder; on another port ARGS="--port 5001"
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui $(ARGS)

serve: $(STAMP)-serve  ## MLflow's server on PostgreSQL, both in mlserver/; for others ARGS="--host 0.0.0.0 --auth"
	$(BIN)/python -m arogya_bench.tracking.server --folder mlserver --port 5000 $(ARGS)

picture: $(STAMP)-dev demo  ## the pictures of the README: the page of the demo, and its example in a notebook
	$(BIN)/python docs/make_picture.py

recording: $(STAMP)-dev  ## docs/first-hour.cast, what a terminal shows from a folder of images to a comparison
	$(BIN)/python docs/record_first_hour.py

test: $(STAMP)-dev    ## quick tests, about five minutes on two cores
	$(BIN)/python -m pytest -m "not slow" -n 2

coverage: $(STAMP)-dev  ## the quick tests, with the share of lines and branches that they run
	$(BIN)/python -m pytest -m "not slow" -n 2 --cov --cov-report=term

test-all: $(STAMP)-dev  ## slow tests: browsers, servers, launchers, wheels, notebooks; they mostly wait
	$(BIN)/python -m pytest -m slow -n 4 --dist loadgroup

soak: $(STAMP)-dev    ## fuzzing and property tests in their long form, about an hour
	$(BIN)/python -m pytest -m fuzz -n 2 --soak

lint: $(STAMP)-dev    ## ruff, mypy, the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)-dev    ## the API reference and these pages as HTML in site/; warnings are errors
	$(BIN)/python -m mkdocs build --strict --quiet

bench: $(STAMP)-dev   ## speed, as ratios within one run
	$(BIN)/python -m pytest -s benchmarks --benchmark-only --benchmark-columns=median,iqr,rounds

calibrate: $(STAMP)-dev  ## an hour, resumable: how often verdict, tests and intervals err, docs/calibration.md
	$(BIN)/python -m benchmarks.statistics.calibrate --out docs/calibration.md
