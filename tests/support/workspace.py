"""The real commands in a folder of their own: a slice of MNIST, a store, checkpoints, output."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray
from typer.testing import CliRunner

from jobs.__main__ import app
from jobs.training import command
from jobs.training.outcome import Outcome
from jobs.training.worker import Task
from tests.support.project import ROOT
from tests.support.stores import address, work_in

TIMEOUT = 300
"""Seconds a command may take; many times what it takes on an idle machine."""


EXPERIMENT = "of the tests"
"""What `Workspace.mlflow_run` names to `mlflow run`."""

Done = subprocess.CompletedProcess[str]


class NewWorkspace(Protocol):
    """Makes working directories, each with a slice of MNIST and, if wanted, an empty store."""

    def __call__(self, *, store: bool = True) -> "Workspace": ...


@dataclass(frozen=True)
class Workspace:
    """A working directory for commands, with the data in `mnist`."""

    folder: Path

    @property
    def uri(self) -> str:
        return address(self.folder)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.uri)

    def environment(self) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("MLFLOW_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ours = {"PATH": path, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": self.uri}
        return kept | ours | {"MLFLOW_DISABLE_TELEMETRY": "true"}

    def run(self, *command: str) -> Done:
        """Run a command to its end; if that does not come in time, kill it and fail.

        Its processes are a group of their own, so that none of them outlives the failure.
        """
        with self._started(command) as process:
            try:
                output, errors = process.communicate(timeout=TIMEOUT)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                output, errors = process.communicate()
                if isinstance(error, subprocess.TimeoutExpired):
                    said = f"it said:\n{output}\n{errors}"
                    pytest.fail(f"{command} had not ended after {TIMEOUT} s; {said}")
                raise
        return Done(command, process.returncode, output, errors)

    def _started(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        """Start a command in a process group of its own."""
        pipe: Any = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdout=pipe, stderr=pipe, text=True,
            start_new_session=True,
        )  # fmt: skip

    def jobs(self, *arguments: str) -> Done:
        """Run `python -m jobs`."""
        return self.run(sys.executable, "-m", "jobs", *arguments)

    def jobs_here(self, *arguments: str) -> Done:
        """Run `python -m jobs` in this process, its trainings in turn, for less than its start."""
        return jobs_here(self.folder, self.uri, *arguments)

    def mlflow_run(self, *arguments: str, project: Path = ROOT) -> Done:
        """Run the project as a user does who has its environment active."""
        return self.run(
            "mlflow", "run", str(project), "--env-manager", "local",
            "--experiment-name", EXPERIMENT, *arguments,
        )  # fmt: skip

    def interrupt(
        self, condition: Callable[[], bool], number: signal.Signals, *arguments: str
    ) -> tuple[int, str]:
        """Start `python -m jobs`, send it a signal when `condition` holds; return how it ended.

        As from a terminal, the signal reaches every process of the command; SIGKILL only the first.
        """
        with self._started([sys.executable, "-m", "jobs", *arguments]) as process:
            try:
                wait_for(lambda: process.poll() is not None or condition())
                (os.kill if number == signal.SIGKILL else os.killpg)(process.pid, number)
                _, errors = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        return process.returncode, errors

    def processes(self) -> list[int]:
        """Return the processes that work in this folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone meanwhile
                if (process / "cwd").readlink() == self.folder:
                    found.append(int(process.name))
        return found

    def runs(self, **tags: str) -> list[Run]:
        """Return the runs of all experiments that have these tags, by name."""
        if not (self.folder / "mlflow.db").exists():
            return []
        experiments = [e.experiment_id for e in self.client.search_experiments()]
        found = self.client.search_runs(experiments)
        with_tags = [run for run in found if tags.items() <= run.data.tags.items()]
        return sorted(with_tags, key=lambda run: str(run.info.run_name))

    def curve(self, run: Run, metric: str = "test_mse") -> list[tuple[int, float]]:
        """Return the points of a metric as stored: (step, value), each as often as it is there."""
        points = self.client.get_metric_history(run.info.run_id, metric)
        return sorted((point.step, point.value) for point in points)

    def model_uri(self, run: Run) -> str:
        """Return the address of the one model that the run logged."""
        assert run.outputs is not None
        (output,) = run.outputs.model_outputs
        return f"models:/{output.model_id}"

    def unfinished(self) -> list[str]:
        """Return what commands keep of trainings that are to be continued, and of themselves."""
        return [p.name for p in (self.folder / "checkpoints").iterdir() if p.name != "baselines"]

    def artifacts(self, run: Run) -> Path:
        """Return the folder of the run's artifacts."""
        return Path(run.info.artifact_uri.removeprefix("file://"))

    def table(self, run: Run, path: str) -> NDArray[np.float64]:
        """Read a CSV artifact as the assignment's scripts do."""
        return np.loadtxt(self.artifacts(run) / path, delimiter=",")

    def has_begun(self) -> bool:
        """Whether a training sent its first picture, of which it makes sure before it trains."""
        return any(self.folder.glob("mlruns/*/*/artifacts/images/*+step+0+*.png"))


@dataclass(frozen=True)
class Ended:
    """A command that succeeded: where it worked, and what it said."""

    place: Workspace
    output: str
    errors: str


def jobs_here(folder: Path, uri: str, *arguments: str) -> Done:
    """Run `python -m jobs` in this process, its trainings in turn.

    For stories in which no other process has a part: to start one takes most of a short command.

    Args:
        folder: its working directory.
        uri: its tracking store.
        arguments: of the command; the trainings have one thread, as the tests of this process.
    """
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, uri, patch)
        patch.setattr(command, "start_server", lambda _: None)
        patch.setattr(command, "execute", in_turn)
        patch.setattr(os, "nice", lambda _: 0)  # it cannot be taken back
        done = CliRunner().invoke(app, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(arguments, done.exit_code, done.stdout, done.stderr)


def in_turn(
    work: Callable[[Task], Outcome], tasks: Sequence[Task], workers: int, kind: object
) -> dict[int, Outcome]:
    """Run tasks one after the other: stands in for `jobs.training.executor.execute`."""
    return {number: work(task) for number, task in enumerate(tasks)}


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; fail when it does not within `TIMEOUT` seconds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
