"""Trainings on the workers of a Dask cluster: the one module that knows Dask.

joblib has a backend for Dask, but one task that fails, or a scheduler that goes away, ends its
whole call, and what the other tasks returned is lost. So every training is submitted by itself
here. The scheduler begins a task again whose worker dies; what it gives up, or forgets because it
was started anew, is seen and dealt with here.

A task is plain values: what to train, and where data, states and the tracking server are. Progress
comes back as events of the scheduler, and goes to the same board as on one machine. The request to
stop is sent to every worker. A training whose command is gone finds its task cancelled, and stops.
"""

import pickle
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from jobs.environment import prepare_environment
from jobs.filesystem import promise
from jobs.tracking import Run, Store, StoreError, retry_until_available
from jobs.tracking.lease import Lease
from jobs.training.channel import Board, TrainingProgress
from jobs.training.checkpoint import Checkpoint, RunStates, StateStore
from jobs.training.outcome import Outcome, RunStatus
from jobs.training.preflight import (
    RESOURCE,
    START_WORKER,
    ClusterError,
    Code,
    Request,
    inspect_worker,
    locate,
    problems,
    require_shared,
    summarized,
)
from jobs.training.worker import Task, run_training

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 120.0
"""How long a worker may take to look at its data, and for the tracking server."""

PATIENCE = 600.0
"""Seconds to wait for a scheduler, or for any worker, that was there before."""

POLL_SECONDS = 0.2
WORKERS_SECONDS = 2.0
"""Seconds between two looks at which workers there are."""

REPORT_SECONDS = 1.0
"""Seconds between two reports of a training that do not differ in their stage."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all trainings of a command on a cluster have in common: plain values."""

    owner: str
    """Of their runs."""
    code: Code
    project_data: str
    """Path of the data in the project's folder; empty if it is elsewhere."""
    states: str
    """Folder of states that all machines share; empty for artifacts of the runs."""

    @classmethod
    def of(cls, request: Request, owner: str) -> "Plan":
        """Return the plan of a command whose request was checked."""
        return cls(
            owner=owner,
            code=Code.here(),
            project_data=request.project_data,
            states=request.states,
        )


# --- On the workers ----------------------------------------------------------------------------

_stopping: set[str] = set()
"""Owners whose trainings in this process are asked to stop."""


def stop_trainings(owner: str) -> None:
    """Ask the trainings of an owner in this process to stop; called on the worker by Dask."""
    _stopping.add(owner)


class WorkerChannel:
    """The channel of a training on a worker.

    Args:
        run_id: of the training.
        owner: of its run.
    """

    def __init__(self, run_id: str, owner: str) -> None:
        from distributed import get_worker

        self.run_id, self.owner = run_id, owner
        self._worker = get_worker()
        self._task = self._worker.get_current_task()
        self._stage, self._next = "", 0.0

    @property
    def address(self) -> str:
        """Of the worker."""
        return str(self._worker.address)

    def report(self, progress: TrainingProgress) -> None:
        now = time.monotonic()
        if progress.stage != self._stage or now >= self._next:
            self._stage, self._next = progress.stage, now + REPORT_SECONDS
            self._worker.log_event(
                _topic(self.owner), {"run_id": self.run_id, "progress": asdict(progress)}
            )

    def should_stop(self) -> bool:
        task = self._worker.state.tasks.get(self._task)
        is_wanted = task is not None and task.state in ("executing", "long-running")
        is_open = self._worker.status.name == "running"
        return self.owner in _stopping or not (is_wanted and is_open)


def train_on_worker(task: Task, plan: Plan) -> Outcome:
    """Train one spec on a worker; called there by Dask. Whatever goes wrong is in the outcome."""
    prepare_environment()
    channel = WorkerChannel(task.run_id, plan.owner)
    try:
        return _train(task, plan, channel)
    except Exception as error:
        reason = f"worker {channel.address}: {error}"
        channel.report(TrainingProgress(stage=RunStatus.FAILED.lower()))
        return _ended(task, RunStatus.FAILED, reason)


def _train(task: Task, plan: Plan, channel: WorkerChannel) -> Outcome:
    if found := plan.code.differences(asdict(Code.here())):  # a worker that came after the checks
        raise ClusterError("; ".join(found))
    run, lease = Run.open(task.tracking_uri, task.run_id), Lease()

    def insist(action: Callable[[], Any]) -> Any:
        return retry_until_available(
            action,
            notice=lambda text: channel.report(TrainingProgress(stage="starting", note=text)),
            give_up=channel.should_stop,
        )

    info = insist(run.info)
    if info.status == RunStatus.FINISHED:  # by a worker whose answer was lost
        return _outcome(task, RunStatus.FINISHED, metrics=info.metrics, model_id=run.model_id())
    insist(lambda: lease.take(run))
    here = replace(task, data=locate(task.data, plan.project_data))
    states: StateStore = (
        Checkpoint(task.run_id, Path(plan.states)) if plan.states else RunStates(run, lease)
    )
    return run_training(here, channel, states, lease)


def _outcome(task: Task, status: RunStatus, reason: str = "", **results: Any) -> Outcome:
    return Outcome(name=task.spec.name, run_id=task.run_id, status=status, reason=reason, **results)


def _ended(task: Task, status: RunStatus, reason: str) -> Outcome:
    """End the run of a training that no worker ends; return its outcome."""
    with suppress(StoreError):  # the owner's end does it, or the next command
        Run.open(task.tracking_uri, task.run_id).end(status, reason)
    return _outcome(task, status, reason)


def _topic(owner: str) -> str:
    return f"trainings of {owner}"


def _unpacking() -> Callable[[bytes], object]:
    """Return what calls a pickled function, with its arguments, on a worker.

    The scheduler unpickles what is submitted, but has no copy of the project. A function within a
    function is pickled with its code, so this one needs none, and bytes stay bytes on the way.
    """

    def unpack(packed: bytes) -> object:  # nothing of the project, in the annotations either
        import pickle

        function, *arguments = pickle.loads(packed)
        return function(*arguments)

    return unpack


# --- In the command ----------------------------------------------------------------------------


@dataclass
class Cluster:
    """The cluster of a scheduler, as a command sees it.

    Attributes:
        address: of the scheduler.
        client: connected to it; another one after the scheduler was lost.
        slots: trainings that it takes at a time, when it was checked.
    """

    address: str
    client: Any
    slots: int = 0

    def workers(self) -> list[str]:
        """Return the addresses of the workers that take trainings."""
        known = self.client.scheduler_info()["workers"]
        return [name for name, worker in known.items() if worker["resources"].get(RESOURCE)]

    def check(self, store: Store, request: Request, digest: str) -> None:
        """Look at every worker before anything is trained.

        Raises:
            ClusterError: there is none, or what is wrong with which of them.
        """
        require_shared(store)
        workers = self.workers()
        if not workers:
            raise ClusterError(
                f"the cluster of {self.address} has no worker with the resource {RESOURCE!r}: "
                f"start them in a copy of the project, `{START_WORKER}`"
            )
        code, found = Code.here(), {}
        with _probed(request) as probed:
            answers = self._ask(workers, probed)
        for worker, (answer, now) in answers.items():
            if isinstance(answer, Mapping):
                found[worker] = problems(code, digest, answer, now)
            else:
                found[worker] = [_unanswered(answer)]
        if text := summarized(found):
            raise ClusterError(text)
        self.slots = len(workers)

    def _ask(self, workers: Sequence[str], request: Request) -> dict[str, tuple[Any, float]]:
        """Return what each worker answers, and when, in seconds since 1970.

        The answer is that of `inspect_worker`, an exception, or None if there is none.
        """
        answers: dict[str, tuple[Any, float]] = dict.fromkeys(workers, (None, 0.0))

        def ask(worker: str) -> None:
            try:
                found = self.client.run(
                    inspect_worker, request, workers=[worker], on_error="return"
                )
            except Exception as error:
                found = {worker: error}
            answers[worker] = found.get(worker), time.time()

        threads = [threading.Thread(target=ask, args=(w,), daemon=True) for w in workers]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + CHECK_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return dict(answers)

    def execute(
        self, tasks: Sequence[Task], plan: Plan, workers: int, board: Board
    ) -> dict[int, Outcome]:
        """Train tasks on the workers, in their order.

        Args:
            tasks: what to train.
            plan: what they have in common.
            workers: trainings at a time; 0 for as many as the cluster takes.
            board: takes their progress, and knows of requests to stop.

        Returns:
            Index of the task -> how it ended.
        """
        return _Round(self, tasks, plan, workers, board).run()

    def connect_again(self, is_stopping: Callable[[], bool]) -> None:
        """Connect to the scheduler, which went away, as soon as it is back.

        Raises:
            ClusterError: it stayed away.
        """
        print(
            f"The scheduler {self.address} went away; waiting for it, {PATIENCE / 60:.0f} min at "
            "most.",
            file=sys.stderr,
            flush=True,
        )
        with suppress(Exception):
            self.client.close(timeout=1)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.client = _connected(self.address)
                return
            except ClusterError:
                if is_stopping() or time.monotonic() > deadline:
                    raise
                time.sleep(1.0)


class _Round:
    """Tasks on their way through a cluster."""

    def __init__(
        self, cluster: Cluster, tasks: Sequence[Task], plan: Plan, workers: int, board: Board
    ) -> None:
        self.cluster, self.tasks, self.plan = cluster, tasks, plan
        self.limit, self.board = workers, board
        self.left = deque(range(len(tasks)))
        self.running: dict[int, Any] = {}
        self.results: dict[int, Outcome] = {}
        self._slots, self._look = 0, 0.0
        self._seen_workers = time.monotonic()
        self._has_told = False

    def run(self) -> dict[int, Outcome]:
        self._subscribe()
        while self.left or self.running:
            try:
                self._go_on()
            except ClusterError as error:
                self._give_up(str(error))
            time.sleep(POLL_SECONDS)
        return self.results

    def _go_on(self) -> None:
        try:
            if self.board.is_stopping and not self._has_told:
                self._stop()
            self._count_workers()
            self._submit()
            self._collect()
        except _SchedulerLost:
            self._begin_again()

    def _subscribe(self) -> None:
        def note(event: tuple[float, dict[str, Any]]) -> None:
            _, said = event
            self.board.channel(said["run_id"]).report(TrainingProgress(**said["progress"]))

        self.cluster.client.subscribe_topic(_topic(self.plan.owner), note)

    def _count_workers(self) -> None:
        """See how many trainings the cluster takes; give up if it takes none for too long."""
        now = time.monotonic()
        if now < self._look:
            return
        self._look = now + WORKERS_SECONDS
        try:
            self._slots = len(self.cluster.workers())
        except Exception as error:  # of the connection, in many forms
            raise _SchedulerLost from error
        if self._slots:
            self._seen_workers = now
        elif now - self._seen_workers > PATIENCE:
            raise ClusterError(f"the cluster of {self.cluster.address} has no worker any more")

    def _submit(self) -> None:
        limit = min(self._slots, self.limit) if self.limit else self._slots
        while self.left and len(self.running) < limit:
            index = self.left.popleft()
            task = self.tasks[index]
            self.running[index] = self.cluster.client.submit(
                _unpacking(),
                pickle.dumps((train_on_worker, task, self.plan)),
                key=f"{task.spec.model_name}-{uuid4().hex}",
                pure=False,
                resources={RESOURCE: 1},
                priority=-index,
            )

    def _collect(self) -> None:
        for index, future in list(self.running.items()):
            if future.status == "finished":
                self.results[index] = future.result()
            elif future.status == "error":
                self.results[index] = self._failed(self.tasks[index], future.exception())
            elif future.status in ("cancelled", "lost"):
                raise _SchedulerLost
            else:
                continue
            del self.running[index]

    def _failed(self, task: Task, error: BaseException) -> Outcome:
        from distributed.scheduler import KilledWorker

        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, KilledWorker):
            worker = error.last_worker.address
            reason = (
                f"{error.allowed_failures + 1} workers died at it, the last one {worker}, most "
                f"likely for want of memory; {promise('continues it')}"
            )
        return _ended(task, RunStatus.FAILED, reason)

    def _begin_again(self) -> None:
        """Submit once more what a scheduler that went away has forgotten."""
        self.left.extendleft(sorted(self.running, reverse=True))
        self.running.clear()
        self.cluster.connect_again(lambda: self.board.is_stopping)
        self._subscribe()
        self._has_told, self._look = False, 0.0
        self._seen_workers = time.monotonic()

    def _stop(self) -> None:
        """Ask the trainings that have begun to stop, and begin no others."""
        self._has_told = True
        waiting = [i for i in self.running if self.board.is_waiting(self.tasks[i].run_id)]
        for index in (*self.left, *waiting):
            if future := self.running.pop(index, None):
                future.cancel()
            self.results[index] = _ended(
                self.tasks[index],
                RunStatus.KILLED,
                f"interrupted before it began; {promise('trains it')}",
            )
        self.left.clear()
        client, owner = self.cluster.client, self.plan.owner
        # In a thread: a worker that hangs does not answer.
        threading.Thread(
            target=lambda: client.run(stop_trainings, owner, on_error="ignore"), daemon=True
        ).start()

    def _give_up(self, reason: str) -> None:
        for index in (*self.left, *self.running):
            self.results[index] = _ended(
                self.tasks[index], RunStatus.FAILED, f"{reason}; {promise('continues it')}"
            )
        self.left.clear()
        self.running.clear()


class _SchedulerLost(Exception):
    """The scheduler went away, and has forgotten the tasks."""


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Yield the cluster of the scheduler at `address`.

    Raises:
        ClusterError: nothing answers there, or Dask is not installed.
    """
    cluster = Cluster(address, _connected(address))
    try:
        yield cluster
    finally:
        with suppress(Exception):
            cluster.client.close(timeout=CONNECT_SECONDS)


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            f"Dask is not installed here ({error}): see README, 'More than one machine'"
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({error}): start one there with `dask "
            "scheduler`, or give the address that it printed"
        ) from error


@contextmanager
def _probed(request: Request) -> Iterator[Request]:
    """Yield the request with a file for the workers to look for, if they shall share a folder."""
    if not request.states:
        yield request
        return
    with tempfile.NamedTemporaryFile(dir=request.states) as probe:
        yield replace(request, probe=probe.name)


def _unanswered(answer: Exception | None) -> str:
    """Return what is wrong with a worker that could not say how things are."""
    if answer is None:
        return f"it did not answer within {CHECK_SECONDS:.0f} s: it may hang; restart it"
    if isinstance(answer, ImportError | AttributeError):
        return (
            f"it cannot import this project ({answer}): start it in a copy of the project, of this "
            f"version, with `{START_WORKER}`"
        )
    return f"it could not be looked at ({type(answer).__name__}: {answer})"
