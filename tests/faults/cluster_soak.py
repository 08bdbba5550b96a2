"""The long form of the cluster's faults: what dies, hangs or goes away while trainings go on."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aemodel.data import load_dataset
from tests.support.cluster import (
    Command,
    DaskCluster,
    dask_cluster,
    plain_environment,
    start_command,
)
from tests.support.cluster_results import assert_same, client_of, trainings
from tests.support.databases import served
from tests.support.datasets import first_images, write_idx
from tests.support.project import DATA

WORKERS = 3
TTL = 30
"""Seconds of silence after which the scheduler gives up a worker; Dask's default is 300."""

SCHEDULER = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "50",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL}s",
}


@dataclass
class Disturbed:
    """A command on a cluster whose processes are disturbed, one fault after the other."""

    cluster: DaskCluster
    arguments: tuple[str, ...]
    chance: random.Random
    faults: dict[str, int] = field(default_factory=dict)
    lost: list[float] = field(default_factory=list)
    """Seconds of training that were done again, each time a training went back."""
    copies: int = 0
    command: Command | None = None
    _noted: float = 0.0
    _history: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """Of each run: when it was at which iteration."""

    def start(self) -> None:
        """Start the command in another copy of the project than the last time."""
        place = self.cluster.folder / f"command-{self.copies}"
        self.copies += 1
        self.cluster.copy(place)
        environment = self.cluster.environment | {"DASK_SCHEDULER_ADDRESS": self.cluster.address}
        self.command = start_command(place, environment, *self.arguments)

    @property
    def has_ended(self) -> bool:
        assert self.command
        return self.command.has_ended

    def wait(self, seconds: float) -> None:
        """Let the trainings go on, reviving workers as systemd would."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.has_ended:
            self.revive()
            self.note()
            time.sleep(1)

    def revive(self) -> None:
        for name, process in self.cluster.workers.items():
            if process.poll() is not None:
                self.cluster.start_worker(name)

    def note(self) -> None:
        """Note which trainings went back, and to where they had been how long before."""
        for when, said in self.cluster.events(self._noted):
            self._noted = when
            done, past = said["progress"]["done"], self._history.setdefault(said["run_id"], [])
            if said["progress"]["stage"] == "training" and done:
                if past and done < past[-1][1]:
                    kept = [point for point in past if point[1] <= done]
                    self.lost.append(past[-1][0] - (kept or past[:1])[-1][0])
                    past[:] = kept
                past.append((when, done))

    def count(self, fault: str) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1

    # --- Faults ------------------------------------------------------------------------------

    def kill_a_worker(self) -> None:
        """Kill the process that trains, or its nanny and it."""
        pids = self.cluster.pids()
        if not pids:
            return
        name = self.chance.choice(sorted(pids))
        if self.chance.random() < 0.5:
            with suppress(ProcessLookupError):
                os.kill(pids[name], signal.SIGKILL)
        else:
            self.cluster.kill(self.cluster.workers[name])
        self.count("workers killed")

    def restart_the_scheduler(self) -> None:
        self.cluster.kill(self.cluster.scheduler)
        time.sleep(5)
        self.cluster.start_scheduler()
        self.count("schedulers killed and started again")

    def hang_a_worker(self) -> None:
        """Stop a process that trains until the scheduler has given it up, and let it go on."""
        pids = self.cluster.pids()
        if not pids:
            return
        pid = pids[self.chance.choice(sorted(pids))]
        os.kill(pid, signal.SIGSTOP)
        self.wait(2 * TTL)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        self.count("workers that hung and went on")

    def stall_the_server(self, server: int, seconds: float) -> None:
        """Stop the tracking server: nothing is refused, nothing is answered."""
        os.killpg(server, signal.SIGSTOP)
        self.wait(seconds)
        os.killpg(server, signal.SIGCONT)
        self.count(f"stalls of the tracking server, {seconds:.0f} s")

    def kill_the_command(self) -> None:
        """Kill the command, and repeat it from another copy: it waits for the lease to pass."""
        assert self.command
        self.command.process.kill()
        self.command.wait()
        self.revive()
        self.start()
        self.count("commands killed and repeated elsewhere")

    def interrupt_the_command(self) -> None:
        assert self.command
        self.command.process.send_signal(signal.SIGINT)
        assert self.command.wait() == 130, self.command.output
        self.start()
        self.count("commands interrupted and repeated elsewhere")


def cluster(folder: Path, short: bool, seed: int) -> dict[str, object]:
    """Disturb trainings on a cluster, and compare them with those of this machine."""
    kills, iterations = (4, 100_000) if short else (20, 600_000)
    write_idx(folder / "mnist", first_images(load_dataset(DATA), 2000, 500))
    train = (
        *("train", "--setting", "32-16-2,32-16-3", "--seeds", "0-2", "--recipe", "assignment"),
        *("--iterations", str(iterations), "--batch-size", "100", "--eval-every", "500"),
        *("--pairs", "1-7", "--data", "mnist", "--threads", "1"),
    )
    with served(folder, "postgresql") as server:
        environment = plain_environment(server) | SCHEDULER
        with dask_cluster(folder, environment, WORKERS) as made:
            disturbed = Disturbed(made, (*train, "--backend", "dask"), random.Random(seed))
            disturbed.start()
            disturbed.wait(40)
            others: list[Callable[[], None]] = [
                disturbed.restart_the_scheduler,
                disturbed.hang_a_worker,
                lambda: disturbed.stall_the_server(server_group(server), 20 if short else 60),
                disturbed.interrupt_the_command,
                disturbed.kill_the_command,
            ]
            faults: list[Callable[[], None]] = [disturbed.kill_a_worker] * kills
            for number, fault in enumerate(others):
                faults.insert((number + 1) * (len(faults) + 1) // (len(others) + 1), fault)
            for fault in faults:
                assert not disturbed.has_ended, "the trainings are too short for all the faults"
                fault()
                disturbed.wait(disturbed.chance.uniform(5, 30))
            while not disturbed.has_ended:
                disturbed.wait(10)
            assert disturbed.command
            assert disturbed.command.wait() == 0, disturbed.command.output
            made.environment["MLFLOW_EXPERIMENT_NAME"] = "local"
            local = start_command(made.folder / "command-0", made.environment, *train)
            assert local.wait(3600) == 0, local.output
            found, wanted = trainings(made, "mnist-autoencoders"), trainings(made, "local")
            for run, other in zip(found, wanted, strict=True):
                assert_same(made, run, other)
            assert not client_of(made).search_runs(
                [run.info.experiment_id for run in found[:1]], "attributes.status = 'RUNNING'"
            )
    return {
        **disturbed.faults,
        "trainings, each once, as on this machine": len(found),
        "trainings that went back": len(disturbed.lost),
        "longest time trained again": f"{max(disturbed.lost, default=0):.0f} s",
    }


def server_group(address: str) -> int:
    """Return the process group of the server that listens at an address of this machine."""
    port = address.rpartition(":")[2]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # a process that has just ended
            words = path.read_text().split("\0")
            if {"mlflow", "server", port} <= set(words):
                return os.getpgid(int(path.parent.name))
    raise AssertionError(f"nothing serves {address}")
