"""The command line itself: help, version, the store, and an interrupted report."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.__main__ import app
from jobs.report import command
from jobs.tracking import EXPERIMENT, Store
from jobs.tracking.ownership import owned_run
from jobs.version import version
from tests.support.project import ROOT
from tests.support.stores import NewStore, work_in

RUN = "ab" * 16


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store, in the working directory."""
    uri = new_store(tmp_path)
    work_in(tmp_path, uri, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return Store.open()


def test_the_version_names_the_program_and_its_commit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == f"{version()}\n"
    assert done.stdout.startswith("mnist-autoencoders ")


def test_the_store_says_where_the_experiment_is(store: Store) -> None:
    done = CliRunner().invoke(app, ["store", "--port", "5001"])
    assert done.output == f"The experiment is at {store.link(port=5001)}\n"
    assert CliRunner().invoke(app, ["store", "another"]).output == ""
    assert store.client.get_experiment_by_name("another")


def test_states_are_deleted_on_request(store: Store, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / RUN).mkdir(parents=True)
    done = CliRunner().invoke(app, ["store", "--clean"])
    assert done.output == "States of unfinished trainings that were deleted: 1\n"
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_report_makes_neither_store_nor_experiment(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["report", "--experiment", "misspelt"])
    assert done.exit_code == 1
    assert f"no experiment 'misspelt' here; there are {EXPERIMENT!r}" in done.output
    assert store.client.get_experiment_by_name("misspelt") is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_says_so_in_its_run(
    store: Store, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(store: Store, *_: object) -> None:
        with owned_run(store, "report"):
            os.kill(os.getpid(), number)
            time.sleep(1)

    monkeypatch.setattr(command, "collect_records", lambda *_: None)
    monkeypatch.setattr(command, "build", lambda _: None)
    monkeypatch.setattr(command, "log_submission", log)
    done = CliRunner().invoke(app, ["report"])
    assert done.exit_code == 130
    assert [info.status for info in store.search("")] == ["KILLED"]
