"""How trainings scale beyond one machine: what one costs a cluster and its server.

Measured are, in turns and in the same run, the same trainings in processes of this machine (loky)
and on Dask workers of it; the requests and bytes that pass between all of them and the tracking
server, counted on the way; and the requests a second that this server carries out at most. The
workers share this machine's cores, so the ratios say what a cluster costs, not what it gains.

From that follows, for trainings of a given length, what any number of workers ask of the server.
"""

import os
import pickle
import re
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aemodel.data import load_dataset
from aemodel.settings import RECIPES
from jobs.parameters import parse_study
from jobs.training.cluster import REPORT_SECONDS, Plan, train_on_worker
from jobs.training.outcome import Outcome, RunStatus
from jobs.training.preflight import Code
from jobs.training.worker import Task
from tests.support.cluster import (
    DaskCluster,
    dask_cluster,
    plain_environment,
    start_command,
)
from tests.support.databases import served
from tests.support.datasets import first_images, write_idx
from tests.support.project import DATA

WORKERS = (1, 2)
PROJECTED = (10, 100, 1000)
METHOD = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|HEAD) (\S+) HTTP/1")


@dataclass
class Counts:
    """What passed between a tracking server and its clients."""

    requests: Counter[str] = field(default_factory=Counter)
    """By endpoint."""
    to_server: int = 0
    from_server: int = 0
    """Bytes."""


class CountingLine:
    """A way to a server that counts what passes."""

    def __init__(self, server: str) -> None:
        self.counts = Counts()
        self._upstream = int(server.rpartition(":")[2])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def taken(self) -> Counts:
        """Return what was counted since the last time."""
        counts, self.counts = self.counts, Counts()
        return counts

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            for ends in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with suppress(OSError), target:
            while data := source.recv(1 << 16):
                if is_request:
                    self.counts.to_server += len(data)
                    if begun := METHOD.match(data):  # a client waits for each answer
                        self.counts.requests[endpoint(begun[2].decode())] += 1
                else:
                    self.counts.from_server += len(data)
                target.sendall(data)
            for end in (target, source):  # wakes the thread that carries the other direction
                end.shutdown(socket.SHUT_RDWR)


def endpoint(path: str) -> str:
    """Return what a request asks for: the end of the API's path, or that it is of an artifact."""
    path = path.partition("?")[0]
    if "mlflow-artifacts" in path:
        return "artifacts"
    return "/".join(path.rstrip("/").split("/")[-2:])


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One command."""

    backend: str
    workers: int
    seconds: float
    trainings: int
    counts: Counts

    @property
    def per_hour(self) -> float:
        return 3600 * self.trainings / self.seconds

    @property
    def seconds_of_a_worker(self) -> float:
        """Seconds a training takes from a worker, all that is around it included."""
        return self.seconds * self.workers / self.trainings


def show(rounds: int, seeds: int, iterations: int) -> None:
    """Measure, and print ratios, loads and the projection."""
    with tempfile.TemporaryDirectory() as name, _place(Path(name)) as (cluster, line):
        measured: list[Measured] = []
        for number in range(rounds):
            for workers in WORKERS:
                for backend in ("local", "dask"):
                    one = _measure(cluster, line, backend, workers, seeds, iterations)
                    measured.append(one)
                    print(
                        f"round {number + 1}: {workers} x {backend}: {one.per_hour:.0f} trainings "
                        f"an hour ({one.trainings} in {one.seconds:.0f} s)",
                        flush=True,
                    )
        capacity = _capacity(cluster.environment["MLFLOW_TRACKING_URI"])
        _print_ratios(measured)
        _print_sizes()
        _print_load([one for one in measured if one.backend == "dask"], capacity)


@contextmanager
def _place(folder: Path) -> Iterator[tuple[DaskCluster, CountingLine]]:
    """A server with PostgreSQL, a line to it that counts, and a cluster on this machine."""
    write_idx(folder / "mnist", first_images(load_dataset(DATA), 2000, 500))
    with served(folder, "postgresql") as server:
        line = CountingLine(server)
        environment = plain_environment(line.address)
        with dask_cluster(folder, environment, max(WORKERS)) as cluster:
            cluster.copy(folder / "command")
            yield cluster, line


def _measure(
    cluster: DaskCluster,
    line: CountingLine,
    backend: str,
    workers: int,
    seeds: int,
    iterations: int,
) -> Measured:
    """Run a study of equal trainings."""
    line.taken()
    started = time.monotonic()
    options = ("--scheduler", cluster.address) if backend == "dask" else ()
    command = start_command(
        cluster.folder / "command", cluster.environment, "study", "--hidden", "32-16",
        "--latent", "2", "--seeds", f"0-{seeds - 1}", "--iterations", str(iterations),
        "--threads", "1", "--workers", str(workers), "--data", "mnist", "--backend", backend,
        "--precision", "float32", *options,
    )  # fmt: skip
    assert command.wait(3600) == 0, command.output
    return Measured(
        backend=backend,
        workers=workers,
        seconds=time.monotonic() - started,
        trainings=seeds,
        counts=line.taken(),
    )


def _capacity(address: str, seconds: float = 5.0, clients: int = 8) -> float:
    """Return how many batches of points a second the server takes from several clients."""
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    done: Counter[int] = Counter()
    client = MlflowClient(address)
    experiment = client.create_experiment(f"capacity {time.time()}")
    deadline = time.monotonic() + seconds

    def send(number: int) -> None:
        run_id = client.create_run(experiment).info.run_id
        step = 0
        while time.monotonic() < deadline:
            step += 1
            points = [Metric(f"metric_{i}", 0.1, step, step) for i in range(50)]
            client.log_batch(run_id, metrics=points, synchronous=True)
            done[number] += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done.values()) / seconds


def _print_ratios(measured: Sequence[Measured]) -> None:
    print("\nworkers  loky/h  dask/h  dask:loky  more seconds a training")
    for workers in WORKERS:
        local, dask = (
            median(
                m.seconds_of_a_worker for m in measured if (m.backend, m.workers) == (b, workers)
            )
            for b in ("local", "dask")
        )
        print(
            f"{workers:7}  {3600 * workers / local:6.0f}  {3600 * workers / dask:6.0f}  "
            f"{local / dask:9.2f}  {dask - local:+.1f}"
        )


def _print_sizes() -> None:
    spec = parse_study("512-128", "16", RECIPES["quick"], "0", "float32")[0]
    task = Task(spec=spec, run_id="a" * 32, tracking_uri="http://server:5000", data="/data/mnist")
    plan = Plan(owner="host:" + "b" * 32, code=Code.here(), project_data="data/mnist", states="")
    metrics = {f"mse_digit_{digit}": 0.01 for digit in range(25)}
    outcome = Outcome(
        name=spec.name, run_id="a" * 32, status=RunStatus.FINISHED, metrics=metrics,
        model_id="m-" + "c" * 32,
    )  # fmt: skip
    packed = len(pickle.dumps((train_on_worker, task, plan)))
    print(f"\nA task is {packed:,} bytes, its result {len(pickle.dumps(outcome)):,}.")


def _print_load(measured: Sequence[Measured], capacity: float) -> None:
    """Print what a training asks of the server, and what many workers would."""
    trainings = sum(m.trainings for m in measured)
    requests: Counter[str] = Counter()
    for one in measured:
        requests.update(one.counts.requests)
    total = sum(requests.values()) / trainings
    to_server = sum(m.counts.to_server for m in measured) / trainings
    from_server = sum(m.counts.from_server for m in measured) / trainings
    print(
        f"A training of a study makes {total:.0f} requests, its share of the command's included; "
        f"{to_server / 1e3:.0f} kB to the server, {from_server / 1e3:.0f} kB back:"
    )
    for name, count in requests.most_common(12):
        print(f"  {count / trainings:6.1f}  {name}")
    print(
        f"The server takes {capacity:.0f} batches of 50 points a second, on {os.cpu_count()} cores."
    )
    print("\nworkers  training takes  requests/s  of capacity  events/s at the scheduler (at most)")
    for workers in PROJECTED:
        for seconds in (30, 300):
            # While it trains: two requests every 15 s, beside those at its begin and end.
            asked = workers * (total + 2 * seconds / 15) / seconds
            print(
                f"{workers:7}  {seconds:12} s  {asked:10.1f}  {asked / capacity:10.0%}  "
                f"{workers / REPORT_SECONDS:.0f}"
            )
