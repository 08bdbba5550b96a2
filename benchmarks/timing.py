"""Starts engines in processes of their own and takes their times.

Each engine is timed in two ways. *Alone*: one setting at a time, with all cores. *Side by side*:
one process a setting, started, ordered and given threads by `jobs.training.cores.allocate_cores` as
the train command does: at most `workers` train at a time, and the next starts when one ends.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from aemodel.settings import SETTINGS
from benchmarks.engines import Engine
from benchmarks.work import PROJECT
from jobs.training.cores import Allocation, allocate_cores, available_cores

NEIGHBOURLY = {"OMP_WAIT_POLICY": "passive"}
"""For PyTorch beside others: threads that spin while they wait would take the others' cores."""


class NotInstalled(Exception):
    """The engine's library cannot be imported."""


class EngineFailed(RuntimeError):
    """The engine's process ended early; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Timed:
    """One training that was timed."""

    setting: str
    milliseconds: float
    """An iteration, evaluation included."""
    points: list[float]
    """Test MSE per pixel after the updates 0, 100, 200 ..., warm-up included."""
    version: str
    """Of the engine's library."""


@dataclass(frozen=True)
class Bench:
    """What all measurements of a run share."""

    iterations: int
    """Updates timed, after the warm-up; a multiple of 100."""
    folder: Path
    """Where the initial weights are."""
    peers_python: Path
    """The Python that has PyTorch and JAX."""


class Process:
    """One worker process."""

    def __init__(
        self,
        bench: Bench,
        engine: Engine,
        settings: Sequence[str],
        threads: int,
        environment: dict[str, str] | None = None,
    ) -> None:
        python = str(bench.peers_python) if engine.is_foreign else sys.executable
        if not Path(python).exists():
            raise NotInstalled(f"there is no {python}")
        self.engine, self.iterations = engine, bench.iterations
        self.log = bench.folder / f"{engine.module}-{id(self)}.log"
        what = [engine.module, engine.precision, engine.library, ",".join(settings)]
        how = [str(bench.folder), str(threads), str(bench.iterations)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", *what, *how],
                cwd=PROJECT,
                env=os.environ | (environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()
        self.process.wait()

    def wait_imported(self) -> None:
        """Wait for the library to be imported.

        Raises:
            NotInstalled: it cannot be.
        """
        message = self._message()
        if "missing" in message:
            raise NotInstalled(message["missing"])
        self.version = str(message["version"])

    def wait_ready(self) -> None:
        """Wait until the next setting is warmed up."""
        message = self._message()
        assert message == {"ready": True}, message

    def train(self) -> Timed:
        """Let the setting that is ready train; return its time."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        message = self._message()
        per_iteration = 1e3 * message["seconds"] / self.iterations
        return Timed(message["setting"], per_iteration, message["points"], self.version)

    def _message(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise EngineFailed(f"{self.engine.name}: {self.log.read_text()[-2000:]}")
        message: dict[str, Any] = json.loads(line)
        return message


def time_alone(bench: Bench, engine: Engine, threads: int = 0) -> list[Timed]:
    """Train the settings one after the other, with all cores or `threads` threads.

    Raises:
        NotInstalled: the engine's library cannot be imported.
        EngineFailed: its process ended early.
    """
    timed = []
    with Process(bench, engine, list(SETTINGS), threads or available_cores()) as process:
        process.wait_imported()
        for _ in SETTINGS:
            process.wait_ready()
            timed.append(process.train())
    return timed


def time_side_by_side(bench: Bench, engine: Engine) -> float:
    """Return the milliseconds in which all settings are one iteration further."""
    names = list(SETTINGS)
    shares = shares_of_settings()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(Process(bench, engine, [name], threads, NEIGHBOURLY))
            for name, threads in zip(names, shares.threads, strict=True)
        ]
        for process in processes:
            process.wait_imported()
            process.wait_ready()
        started = time.perf_counter()
        with ThreadPoolExecutor(shares.workers) as pool:
            list(pool.map(lambda i: processes[i].train(), shares.order))
        return 1e3 * (time.perf_counter() - started) / bench.iterations


def shares_of_settings(cores: int = 0) -> Allocation:
    """Return how the train command shares the cores among the three settings."""
    return allocate_cores([setting.parameter_count for setting in SETTINGS.values()], 0, cores)
