"""A store of its own for the tests of a module."""

from pathlib import Path

import pytest


def work_in(folder: Path, tracking_uri: str, patch: pytest.MonkeyPatch) -> None:
    """Work in `folder` with the store at `tracking_uri`, as under no command of MLflow."""
    import mlflow

    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        patch.delenv(name, raising=False)
    patch.chdir(folder)
    mlflow.set_tracking_uri(tracking_uri)
