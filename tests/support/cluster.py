"""A Dask cluster as a user makes it: every process in a folder of its own, a copy of the project.

The copies have one commit: that of the working tree as it is, so that what is tested is what is
there.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.project import ROOT
from tests.support.workspace import TIMEOUT, wait_for

Process = subprocess.Popen[bytes]

TEMPLATE = "template"
"""Folder with the repository that the copies are clones of."""

GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.org")


def _make_template(folder: Path) -> None:
    """Make a repository of the project in `folder`, with the working tree committed."""
    shutil.rmtree(folder, ignore_errors=True)
    _git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(folder))
    listed = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        else:
            copy.unlink(missing_ok=True)
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", "As it is")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@dataclass
class DaskCluster:
    """A scheduler and its workers, processes that can be killed, stopped and started again.

    Attributes:
        folder: of the logs, the data (`mnist`), and a folder for each worker.
        environment: of all processes.
    """

    folder: Path
    environment: dict[str, str]
    port: int = 0
    scheduler: Process | None = None
    workers: dict[str, Process] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def copy(self, place: Path) -> None:
        """Clone the project into the folder `place`, with a copy of the data."""
        template = self.folder / TEMPLATE
        _git(template, "clone", "--quiet", "--shared", str(template), str(place))
        shutil.copytree(self.folder / "mnist", place / "mnist")

    def start_scheduler(self) -> None:
        self.port = self.port or _free_port()
        self.scheduler = self._start(
            "scheduler", self.folder, "scheduler", "--host", "127.0.0.1", "--port", str(self.port),
            "--no-dashboard",
        )  # fmt: skip

    def start_worker(self, name: str, *options: str) -> None:
        """Start a worker in a copy of the project of its own, made the first time."""
        place = self.folder / name
        if not place.exists():
            self.copy(place)
        self.workers[name] = self._start(
            name, place, "worker", self.address, "--nthreads", "1", "--name", name,
            "--no-dashboard", *(options or ("--resources", "training=1")),
        )  # fmt: skip

    def wait_for_workers(self, count: int) -> None:
        wait_for(lambda: len(self.pids()) == count)

    def pids(self) -> dict[str, int]:
        """Return name -> id of the process that trains, of every worker that answers."""
        from distributed import Client

        with suppress(OSError, TimeoutError), Client(self.address, timeout=5) as client:
            found = client.run(os.getpid, on_error="ignore")
            known = client.scheduler_info()["workers"]
            return {str(known[a]["name"]): pid for a, pid in found.items() if a in known}
        return {}

    def address_of(self, name: str) -> str:
        """Return the address of a worker."""
        from distributed import Client

        with Client(self.address, timeout=5) as client:
            known = client.scheduler_info()["workers"]
            (found,) = [address for address, worker in known.items() if worker["name"] == name]
        return str(found)

    def events(self, since: float = 0.0) -> list[tuple[float, dict[str, Any]]]:
        """Return when and what trainings said of their progress after `since`, oldest first."""
        from distributed import Client

        with suppress(OSError, TimeoutError), Client(self.address, timeout=5) as client:
            topics: dict[str, Any] = client.get_events()
            said = [e for name, found in topics.items() if "trainings of" in name for e in found]
            return sorted((e for e in said if e[0] > since), key=lambda event: event[0])
        return []

    def training(self) -> list[str]:
        """Return the ids of the runs that are being trained, of those that were begun."""
        stages = {said["run_id"]: said["progress"]["stage"] for _, said in self.events()}
        return [run_id for run_id, stage in stages.items() if stage == "training"]

    def begun(self) -> int:
        """Return how often a training was begun."""
        stages = [said["progress"]["stage"] for _, said in self.events()]
        return stages.count("starting TensorFlow")

    def kill_trainer(self, name: str) -> None:
        """Kill the process of a worker that trains; its nanny starts another one."""
        os.kill(self.pids()[name], signal.SIGKILL)

    def kill(self, process: Process | None) -> None:
        """Kill a process and all that it started."""
        if process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _start(self, name: str, place: Path, *arguments: str) -> Process:
        with (self.folder / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=place,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


@contextmanager
def dask_cluster(folder: Path, environment: dict[str, str], workers: int) -> Iterator[DaskCluster]:
    """Run a scheduler and workers `worker-0`, `worker-1` ... until the context ends.

    Args:
        folder: has the data in `mnist`; everything else is made in it.
        environment: of all processes.
        workers: their number.
    """
    _make_template(folder / TEMPLATE)
    made = DaskCluster(folder, environment)
    try:
        made.start_scheduler()
        for number in range(workers):
            made.start_worker(f"worker-{number}")
        made.wait_for_workers(workers)
        yield made
    finally:
        for process in (*made.workers.values(), made.scheduler):
            made.kill(process)


@dataclass(frozen=True)
class Command:
    """A command of the project that runs in a folder of its own."""

    process: subprocess.Popen[bytes]
    path: Path
    """Of its output."""

    @property
    def output(self) -> str:
        return self.path.read_text()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self, seconds: float = TIMEOUT) -> int:
        return self.process.wait(seconds)


def start_command(place: Path, environment: dict[str, str], *arguments: str) -> Command:
    """Start `python -m jobs` in a copy of the project."""
    path = place.parent / f"{place.name}-{time.monotonic_ns()}.log"
    with path.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs", *arguments],
            cwd=place,
            env=environment,
            stdout=output,
            stderr=output,
        )
    return Command(process, path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def plain_environment(tracking_uri: str) -> dict[str, str]:
    """Return the environment of this process, without what MLflow and Dask have there."""
    dropped = ("MLFLOW_", "DASK_", "CHECKPOINTS")
    kept: dict[str, Any] = {n: v for n, v in os.environ.items() if not n.startswith(dropped)}
    kept.pop("PYTHONPATH", None)
    return kept | {"MLFLOW_TRACKING_URI": tracking_uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
