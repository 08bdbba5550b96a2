"""A real command whose tracking server goes away in mid-training, for as long as one likes."""

import subprocess
import sys
import time
from dataclasses import dataclass

from mlflow.tracking import MlflowClient

from tests.support.proxy import Proxy
from tests.support.workspace import TIMEOUT, Workspace, wait_for

SETTINGS = ("16-8-2", "16-8-3")
PATIENCE = 600.0
"""Seconds that the command waits for the server at its end."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    output: str
    away: float
    """Seconds after which the server was back."""


def train_through(
    place: Workspace,
    proxy: Proxy,
    fault: str,
    seconds: float,
    iterations: int,
) -> Ended:
    """Train `SETTINGS` at once on a tracking server that fails once the first points are there.

    Args:
        place: where the command runs.
        proxy: the way to the server.
        fault: one of `proxy.FAULTS`.
        seconds: how long it lasts.
        iterations: of each training, one recorded point every 100.
    """
    environment = place.environment() | {
        "MLFLOW_TRACKING_URI": proxy.address,
        "TRACKING_PATIENCE": str(PATIENCE),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    log = place.folder / "command.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(iterations), cwd=place.folder, env=environment, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for(lambda: process.poll() is not None or points_arrived(proxy.server))
        proxy.choose(fault)
        began = time.monotonic()
        time.sleep(seconds)
        proxy.choose("")
        away = time.monotonic() - began
        status = process.wait(TIMEOUT + PATIENCE)
    finally:
        process.kill()
        process.wait()
    return Ended(status, log.read_text(), away)


def command(iterations: int) -> list[str]:
    return [
        sys.executable, "-m", "jobs", "train", "--setting", ",".join(SETTINGS),
        "--recipe", "assignment", "--iterations", str(iterations), "--data", "mnist",
        "--pairs", "1-7", "--threads", "1", "--workers", "2",
    ]  # fmt: skip


def points_arrived(server: str) -> bool:
    """Whether every training under way has sent a point."""
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("mnist-autoencoders")
    if experiment is None:
        return False
    query = "tags.kind = 'training' and attributes.status = 'RUNNING'"
    runs = client.search_runs([experiment.experiment_id], query)
    return len(runs) == len(SETTINGS) and all("test_mse" in run.data.metrics for run in runs)
