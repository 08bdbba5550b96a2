"""What trainings on a cluster left on the tracking server."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.support.cluster import DaskCluster
from tests.support.weights import saved_weights


def client_of(cluster: DaskCluster) -> MlflowClient:
    return MlflowClient(cluster.environment["MLFLOW_TRACKING_URI"])


def trainings(cluster: DaskCluster, experiment: str) -> list[Run]:
    """Return the runs of trainings of an experiment, by name."""
    client = client_of(cluster)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    runs = client.search_runs([found.experiment_id], "tags.kind = 'training'")
    return sorted(runs, key=lambda run: str(run.info.run_name))


def assert_same(cluster: DaskCluster, run: Run, other: Run) -> None:
    """Check that two runs of a training end alike: every point once, curve and weights equal."""
    client = client_of(cluster)
    assert run.info.run_name == other.info.run_name
    assert run.info.status == other.info.status == "FINISHED"
    for metric in ("test_mse", "train_mse", "learning_rate"):
        points, wanted = (
            sorted((p.step, p.value) for p in client.get_metric_history(r.info.run_id, metric))
            for r in (run, other)
        )
        assert points == wanted, metric
    assert_each_point_once(client, run)
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("one", "other")]
        weights, others = map(partial(_weights, client), (run, other), places)
    assert weights.keys() == others.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(array, others[name])


def assert_each_point_once(client: MlflowClient, run: Run) -> None:
    for metric in ("test_mse", "seconds", "iterations_per_second", "final_test_mse"):
        steps = [p.step for p in client.get_metric_history(run.info.run_id, metric)]
        assert len(steps) == len(set(steps)), (run.info.run_name, metric)


def _weights(client: MlflowClient, run: Run, folder: Path) -> dict[str, Any]:
    assert run.outputs is not None
    (output,) = run.outputs.model_outputs
    folder.mkdir()
    path = download_artifacts(
        artifact_uri=client.get_logged_model(output.model_id).artifact_location,
        dst_path=str(folder),
        tracking_uri=client.tracking_uri,
    )
    return saved_weights(Path(path) / "data" / "model.keras")
