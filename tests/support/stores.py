"""Stores for tests, each a copy of one empty store: MLflow takes seconds to make its tables."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

NewStore = Callable[[Path], str]
"""Puts an empty store into a folder, as `mlflow.db`, and returns its address."""


def make_store(folder: Path) -> None:
    """Make an empty SQLite store in `folder`, with all its tables."""
    from mlflow.tracking import MlflowClient

    MlflowClient(address(folder)).search_experiments(max_results=1)


def copy_store(template: Path, folder: Path) -> str:
    """Copy the store in the folder `template` to `folder`; return the address of the copy."""
    shutil.copy(template / "mlflow.db", folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        (changed,) = database.execute(
            "UPDATE experiments SET artifact_location = ? RETURNING experiment_id",
            [str(folder / "mlruns" / "0")],
        )
    assert changed == (0,), "there is more than MLflow's default experiment in the template"
    return address(folder)


def address(folder: Path) -> str:
    """Return the address of the SQLite store in `folder`."""
    return f"sqlite:///{folder}/mlflow.db"


def work_in(folder: Path, tracking_uri: str, patch: pytest.MonkeyPatch) -> None:
    """Work in `folder` with the store at `tracking_uri`, as under no command of MLflow."""
    import mlflow

    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        patch.delenv(name, raising=False)
    patch.chdir(folder)
    mlflow.set_tracking_uri(tracking_uri)
