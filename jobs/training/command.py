"""The train command: runs for the trainings, processes for the runs, and how it all ended.

One training asked is trained in this process, in the run that `mlflow run` made. Several are
children of that run, each in a loky process.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aemodel.data import Dataset, load_dataset
from aemodel.device import has_fast_bfloat16
from aemodel.training import check_batch
from jobs import assignment
from jobs.filesystem import is_writable
from jobs.parameters import OUTPUT, ParameterError
from jobs.spec import TrainingSpec
from jobs.terminal import mend_streams
from jobs.tracking import Run, Store, StoreAway, briefly, reaching
from jobs.training.channel import Board, shown
from jobs.training.checkpoint import NoRoom, check_room
from jobs.training.conclude import FAILED, INTERRUPTED, conclude
from jobs.training.runs import Options, Plan, prepare, share
from jobs.training.worker import Outcome, Task, run_training

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What Ctrl-C, service managers and closed terminals send."""


def train(jobs: Sequence[TrainingSpec], options: Options) -> int:
    """Train every job, report when all three settings are among them; return the exit status.

    Raises:
        DataError: the data cannot be used; no run was made.
        ParameterError: a batch is larger than the training set; no run was made.
        NoRoom: states of trainings, or the document, cannot be written; no run was made.
        StoreError: the tracking store cannot be used; nothing was trained.
    """
    data = load_dataset(options.data)
    _check_batches(jobs, data)
    warn_of_slow_products(jobs)
    if assignment.covers(job.setting for job in jobs) and not is_writable(OUTPUT):
        raise NoRoom(
            f"the folder {OUTPUT.absolute()}, where the submission document goes, cannot be "
            "written: give write access, or move away what is in its place"
        )
    store = Store.open(options.experiment)
    check_room()
    with tempfile.TemporaryDirectory(prefix="trainings-") as folder:
        board = Board(Path(folder))
        with _stop_on_signals(board):
            with reaching(store.tracking_uri):
                plan = prepare(jobs, options, store, data, board)
            try:
                with shown(board, [task.job.name for task in plan.tasks]):
                    outcomes = _run_all(plan, options)
            except KeyboardInterrupt:  # the second: do not wait for the trainings
                return _drop(plan)
            return conclude(plan, outcomes, options, board)


def _check_batches(jobs: Sequence[TrainingSpec], data: Dataset) -> None:
    try:
        for job in jobs:
            check_batch(job.recipe, data)
    except ValueError as error:
        raise ParameterError("batch_size", str(error)) from None


def warn_of_slow_products(jobs: Sequence[TrainingSpec]) -> None:
    """Say so where bfloat16 is asked for by name, and this processor is slow at it."""
    if any(job.precision == "bfloat16" for job in jobs) and not has_fast_bfloat16():
        print(
            "Warning: precision bfloat16 on a processor that has no instructions for it: it works, "
            "but is slower than float32. Give precision auto to have it only where it is fast.",
            file=sys.stderr,
        )


@contextmanager
def _stop_on_signals(board: Board) -> Iterator[None]:
    """Let `STOPPING` signals ask the trainings to save their state and stop."""
    asked = False

    def stop(number: int, frame: Any) -> None:
        nonlocal asked
        if number == signal.SIGINT and asked:
            raise KeyboardInterrupt
        asked = True
        board.request_stop()
        with suppress(OSError):  # print() may be interrupted amid its own work
            os.write(2, b"\nStopping: saving the state of every training ...\n")

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_all(plan: Plan, options: Options) -> list[Outcome]:
    """Run the tasks in parallel, the longest first; return their outcomes in the order of tasks.

    When the system kills a worker, joblib gives up the others as well: what did not finish is tried
    once more, from its last checkpoint.
    """
    tasks = [task for task in plan.tasks if task.index not in plan.finished]
    outcomes = dict(plan.finished)
    shares = share([task.job for task in tasks], options)
    # A process keeps the number of threads of its first training, and a continued training its own.
    mixed = len({task.threads for task in tasks}) > 1
    processes = len(tasks) if mixed else shares.workers
    for _ in range(2):
        left = [tasks[i] for i in shares.order if tasks[i].index not in outcomes]
        if len(left) == 1 == len(plan.tasks):
            outcomes[left[0].index] = run_training(left[0])
        elif left:
            _run_in_processes(left, processes, outcomes)
    for task in tasks:
        if task.index not in outcomes:
            outcomes[task.index] = _lost(task)
    return [outcomes[task.index] for task in plan.tasks]


def _run_in_processes(tasks: Sequence[Task], workers: int, outcomes: dict[int, Outcome]) -> None:
    """Add the outcome of every task that ends to `outcomes`."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    pool = Parallel(workers, backend="loky", batch_size=1, return_as="generator_unordered")
    try:
        with _blocked_signals():
            results = pool(delayed(_indexed)(task) for task in tasks)
        for index, outcome in results:
            outcomes[index] = outcome
    except TerminatedWorkerError:
        print("A training process was killed by the system.", file=sys.stderr, flush=True)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Start processes that take no notice of `STOPPING` signals, from their first moment on.

    A terminal, or a service manager, sends them to every process. The job alone decides, and tells
    its workers; here they come a little later.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started later, it would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _indexed(task: Task) -> tuple[int, Outcome]:
    mend_streams()
    outcome = run_training(task)
    if task.is_orphaned:
        os._exit(FAILED)  # the job was killed; joblib would keep the process for minutes
    return task.index, outcome


def _lost(task: Task) -> Outcome:
    reason = (
        "its process was killed by the system twice, most likely for want of memory: use fewer "
        "workers; the same command continues it"
    )
    with suppress(StoreAway), reaching(task.tracking_uri):  # the next command marks it, then
        Run.open(task.tracking_uri, task.run_id).end("FAILED", reason)
    return Outcome(task.job.name, task.run_id, "FAILED", reason, {})


def _drop(plan: Plan) -> int:
    """Mark what is under way as KILLED, on the way out."""
    print("Stopped at once: the same command continues from the last states.", file=sys.stderr)
    runs = [Run(plan.store.client, task.run_id) for task in plan.tasks]
    with suppress(StoreAway), reaching(plan.store.tracking_uri), briefly():
        for run in [*runs, *([plan.parent] if plan.parent else [])]:
            if run.status() == "RUNNING":
                run.end("KILLED", "stopped at once; the same command continues it")
    return INTERRUPTED
