"""Several commands started at the same moment on one store, and whether all of each is there."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.support.project import ROOT
from tests.support.workspace import TIMEOUT, Workspace

EXPERIMENT = "together"
SETTING = "16-8-2"
POINTS = 300
"""Points of each curve, one an iteration: enough for several thousand metrics at the same time."""

PARAMETERS = {
    "setting": SETTING,
    "recipe": "assignment",
    "iterations": str(POINTS),
    "eval_every": "1",
    "pairs": "1-7",
    "threads": "1",
    "data": "mnist",
}

Ended = list[tuple[int, str]]


def mlflow_run(place: Workspace, seed: int) -> list[str]:
    """Return the command of `mlflow run` for the training of one seed."""
    given = PARAMETERS | {"seeds": str(seed), "data": str(place.folder / "mnist")}
    options = [word for name, text in given.items() for word in ("-P", f"{name}={text}")]
    return [
        "mlflow", "run", str(ROOT), "--env-manager", "local", "--experiment-name", EXPERIMENT,
        *options,
    ]  # fmt: skip


def python_jobs(place: Workspace, seed: int) -> list[str]:
    """Return the command of `python -m jobs train` for the training of one seed."""
    given = PARAMETERS | {"seeds": str(seed)}
    options = [f"--{name.replace('_', '-')}={text}" for name, text in given.items()]
    return [sys.executable, "-m", "jobs", "train", *options]


def run_together(place: Workspace, uri: str, commands: Sequence[list[str]]) -> Ended:
    """Start the commands at once on the store `uri`; return the exit status and output of each."""
    environment = place.environment() | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
    }
    logs = [place.folder / f"command-{number}.log" for number in range(len(commands))]
    with ExitStack() as started:
        processes = []
        for command, log in zip(commands, logs, strict=True):
            output = started.enter_context(log.open("wb"))
            process = subprocess.Popen(
                command, cwd=place.folder, env=environment, stdout=output, stderr=output
            )
            started.callback(process.kill)
            processes.append(process)
        statuses = [process.wait(TIMEOUT) for process in processes]
    return [(status, log.read_text()) for status, log in zip(statuses, logs, strict=True)]


def open_together(place: Workspace, uri: str, count: int) -> None:
    """Make the store and the experiment, in several processes at once."""
    make = [sys.executable, "-m", "jobs", "store", EXPERIMENT]
    ended = run_together(place, uri, [make] * count)
    assert ended == [(0, "")] * count
    assert MlflowClient(uri).get_experiment_by_name(EXPERIMENT) is not None


def assert_all_is_there(uri: str, ended: Ended) -> None:
    """Check that every command succeeded, and every curve is whole, each point once."""
    for status, output in ended:
        assert status == 0, output
        assert "locked" not in output
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = list(client.search_runs([experiment.experiment_id]))
    wanted = [f"setting-{SETTING} assignment seed-{seed}" for seed in range(len(ended))]
    assert sorted(str(run.info.run_name) for run in runs) == sorted(wanted)
    assert {(run.data.tags["kind"], run.info.status) for run in runs} == {("training", "FINISHED")}
    for run in runs:
        assert_complete(client, run)


def assert_complete(client: MlflowClient, run: Run) -> None:
    for metric in ("test_mse", "train_mse", "learning_rate", "iterations_per_second"):
        points = client.get_metric_history(run.info.run_id, metric)
        assert sorted(point.step for point in points) == list(range(POINTS)), metric
    artifacts = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"curve", "embedding", "interpolation", "reconstructions.png"} <= artifacts
