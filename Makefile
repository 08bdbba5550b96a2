# Ordinary commands, wrapped and printed. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
EXPERIMENT := mnist-autoencoders
PORT := 5000

# Where training computes: DEVICE=gpu on a machine with an NVIDIA GPU. Something else in the environment is
# not meant for us.
ASKED := $(value DEVICE)
ifeq ($(origin DEVICE),command line)
$(if $(filter-out cpu gpu,$(ASKED)),$(error DEVICE=$(ASKED): give cpu or gpu))
endif
override DEVICE := $(if $(filter gpu,$(ASKED)),gpu,cpu)
GPU = $(if $(filter gpu,$(DEVICE)),-P device=gpu)

# Name and notes for the report: AUTHOR="Ada Student" NOTES=my-words.md. The shell reads them from the
# environment, so that no character of a name means anything to it; `value` keeps make off its dollars.
override AUTHOR := $(value AUTHOR)
override NOTES := $(value NOTES)
export AUTHOR NOTES
WORDS = $(if $(AUTHOR),-P author="$$AUTHOR") $(if $(NOTES),-P notes="$$NOTES")

# Nothing leaves the machine, and commands find the project's own python first.
export MLFLOW_DISABLE_TELEMETRY := true
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run study store test soak report ui clean-checkpoints lint types bench lock upgrade clean

help:
	@echo "make run     set up what is missing, train all three settings, write the report"
	@echo "             (AUTHOR=\"Ada Student\" NOTES=my-words.md: your name and words in it; also report)"
	@echo "             (DEVICE=gpu: on an NVIDIA GPU, with its libraries set up first; also study, test)"
	@echo "make study   train networks that differ in latent size alone, 21 of them: the error against it"
	@echo "make test    set up what is missing, then lint, types and tests"
	@echo "make soak    the faults at length: kills, bad files, busy servers (hours; SOAK=--short: minutes)"
	@echo "make report  write the report again, from the newest runs"
	@echo "make store   make the tracking store, if it is missing; safe at any time, several times at once"
	@echo "make ui      open the MLflow UI, by default on port 5000 (PORT=5001: on another)"
	@echo "make clean-checkpoints  delete the states of unfinished trainings"
	@echo "make bench   compare the training engine with its peers (installs them, takes a while)"
	@echo "make lock    resolve the dependencies, keeping the versions that are locked already"
	@echo "make upgrade resolve them anew, to the newest versions that pyproject.toml admits"

# Said in this way, the address works in a folder with blanks in its name.
run study report store clean-checkpoints: export MLFLOW_TRACKING_URI ?= sqlite:///mlflow.db
ui: export MLFLOW_TRACKING_URI := sqlite:///mlflow.db

# What a GPU needs comes on top, where one is asked for.
run study test: $(if $(GPU),.venv/gpu-installed)

run: store
	mlflow run . --env-manager local --experiment-name $(EXPERIMENT) $(GPU) $(WORDS)

study: store
	mlflow run . -e study --env-manager local --experiment-name $(EXPERIMENT) $(GPU)

# MLflow makes a new store too, but spoils it when it is cut off, or made twice at once.
store: .venv/installed
	@python -m jobs store $(EXPERIMENT)

report: store
	mlflow run . -e report --env-manager local --experiment-name $(EXPERIMENT) $(WORDS)

# Three processes for two cores, since tests also wait; each takes whole modules, in the order that
# tests/conftest.py gives them. One thread of BLAS for each: threads that wait for a core that another
# process has take its time as well.
test: export OMP_NUM_THREADS := 1
test: export TEST_DEVICE := $(DEVICE)
test: lint types
	python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

soak: .venv/installed
	python -m tests.faults.soak $(SOAK)

lint: .venv/installed
	ruff check .
	ruff format --check .

types: .venv/installed
	mypy --num-workers 2

ui: store
	@python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || \
		{ echo "port $(PORT) is taken: give another, such as make ui PORT=$$(($(PORT) + 1))"; exit 1; }
	@python -m jobs store $(EXPERIMENT) --port $(PORT)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port $(PORT) \
		--workers 1 --backend-store-uri $$MLFLOW_TRACKING_URI --default-artifact-root ./mlruns

clean-checkpoints: .venv/installed
	python -m jobs store --clean

bench: .venv/installed .venv-bench/installed
	python -m benchmarks

lock: .venv/installed
	python tools/lock.py

upgrade: .venv/installed
	python tools/lock.py --upgrade

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.13: name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $$(grep -o '^uv==[0-9.]*' requirements.lock)
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --requirement requirements.lock
	touch .venv/installed

.venv/gpu-installed: requirements-gpu.lock .venv/installed
	@nvidia-smi -L > /dev/null || { echo "nvidia-smi, of NVIDIA's driver, finds no GPU here: install it first"; exit 1; }
	$(BIN)/uv pip install --python $(BIN)/python --requirement requirements-gpu.lock
	touch .venv/gpu-installed

# The peers have an environment of their own: what they need and what we need need not agree.
.venv-bench/installed: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --disable-pip-version-check --requirement benchmarks/requirements.txt
	touch .venv-bench/installed
