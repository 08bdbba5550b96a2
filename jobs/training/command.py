"""The train command: open the sweep, train, report, close.

One training asked is trained in this process, in the run that `mlflow run` made. Several are
children of that run, in processes of their own.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from aemodel.data import Dataset, load_dataset
from aemodel.device import hardware, has_fast_bfloat16
from aemodel.pca import PCA
from aemodel.training import check_batch
from jobs import assignment
from jobs.filesystem import (
    NotWritable,
    check_checkpoints_folder,
    checkpoints_folder,
    is_writable,
    output_folder,
    promise,
)
from jobs.parameters import ParameterError
from jobs.spec import TrainingSpec
from jobs.tracking import Run, Store, StoreError, retry_until_available
from jobs.tracking.lease import renewing
from jobs.tracking.ownership import owning
from jobs.training.channel import Board, shown
from jobs.training.checkpoint import Checkpoint, remove_unfinished
from jobs.training.cluster import Cluster, Plan, connected
from jobs.training.cores import allocate_cores
from jobs.training.description import describe_sweep, summary
from jobs.training.executor import execute, start_server
from jobs.training.outcome import (
    INTERRUPTED,
    Outcome,
    RunStatus,
    exit_status,
    sweep_status,
)
from jobs.training.overview import Overview
from jobs.training.preflight import Request
from jobs.training.runs import Sweep, TrainOptions, open_sweep
from jobs.training.signals import StopSignals
from jobs.training.worker import Task, run_training

T = TypeVar("T")

KEPT_DAYS = 30
"""Days after which the state of a training that nobody continued is deleted."""

PRELOADED = "jobs.training.preloaded"
"""Module of what every process that trains imports."""

LOST = (
    "its process was killed by the system twice, most likely for want of memory: use fewer workers"
)


def train(specs: Sequence[TrainingSpec], options: TrainOptions) -> int:
    """Train every spec, report if all three settings are among them; return the exit status.

    Raises:
        DataError: the data cannot be used; no run was made.
        ParameterError: a batch is larger than the training set; no run was made.
        NotWritable: states of trainings, or the document, cannot be written; no run was made.
        StoreError: the tracking store cannot be used; nothing was trained.
    """
    return run_sweep(specs, options, close_sweep)


class Close(Protocol):
    """Ends the run above trainings that ended, says how; returns the exit status."""

    def __call__(
        self,
        sweep: Sweep,
        outcomes: Sequence[Outcome],
        options: TrainOptions,
        signals: StopSignals,
        /,
    ) -> int: ...


def run_sweep(specs: Sequence[TrainingSpec], options: TrainOptions, close: Close) -> int:
    """Train every spec, in runs found or made, and close; return the exit status.

    Raises:
        DataError: the data cannot be used; no run was made.
        ParameterError: a batch is larger than the training set; no run was made.
        NotWritable: states of trainings, or the document, cannot be written; no run was made.
        StoreError: the tracking store cannot be used; nothing was trained.
        ClusterError: the cluster cannot be used; no run was made.
    """
    _start_processes(specs, options)
    data = load_dataset(options.data)
    check_request(specs, data)
    components = None if options.scheduler else _computing(data)  # while the store is opened
    store = Store.open()
    check_checkpoints_folder(checkpoints_folder())
    remove_unfinished(checkpoints_folder(), KEPT_DAYS)
    with (
        tempfile.TemporaryDirectory(prefix="trainings-") as folder,
        _cluster(specs, options, store, data) as cluster,
    ):
        board = Board(Path(folder))
        try:
            with (
                StopSignals(board.request_stop) as signals,
                owning(store) as store,
                renewing(store) if cluster else nullcontext(),
            ):
                sweep = open_sweep(specs, options, store, data)
                if components:
                    components.result()
                outcomes = run_tasks(sweep, options, board, cluster)
                print(summary(outcomes))
                return close(sweep, outcomes, options, signals)
        except KeyboardInterrupt:  # the second: do not wait for the trainings
            kept = promise("continues from the last states")
            print(f"Stopped at once: {kept}.", file=sys.stderr)
            return INTERRUPTED


def _start_processes(specs: Sequence[TrainingSpec], options: TrainOptions) -> None:
    """Let processes that train be ready when the store is: what they import takes seconds."""
    if len(specs) > 1 and not options.scheduler:
        # For a GPU TensorFlow wants libraries that are loaded before it.
        start_server("" if specs[0].device == "gpu" else PRELOADED)


def _computing(data: Dataset) -> Future[PCA]:
    """Begin to compute the principal components, which every training here needs."""
    pool = ThreadPoolExecutor(1)
    components = pool.submit(lambda: data.principal_components)
    pool.shutdown(wait=False)
    return components


@contextmanager
def _cluster(
    specs: Sequence[TrainingSpec], options: TrainOptions, store: Store, data: Dataset
) -> Iterator[Cluster | None]:
    """Yield the cluster to train on, checked, or None for this machine.

    Raises:
        ClusterError: it cannot be reached, or is not fit for these trainings.
    """
    if not options.scheduler:
        yield None
        return
    with connected(options.scheduler) as cluster:
        cluster.check(store, _request(specs, options, store), data.digest)
        yield cluster


def _request(specs: Sequence[TrainingSpec], options: TrainOptions, store: Store) -> Request:
    return Request.of(store, options.data, options.shared_states, specs[0].device)


def check_request(specs: Sequence[TrainingSpec], data: Dataset) -> None:
    """Refuse what could not be done, before anything is made; warn of what is slow."""
    try:
        for spec in specs:
            check_batch(spec.recipe, data)
    except ValueError as error:
        raise ParameterError("batch_size", str(error)) from None
    warn_of_slow_products(specs)
    output = output_folder()
    if assignment.covers(spec.setting for spec in specs) and not is_writable(output):
        raise NotWritable(
            f"the folder {output}, where the submission document goes, cannot be "
            "written: give write access, or move away what is in its place"
        )


def warn_of_slow_products(specs: Sequence[TrainingSpec]) -> None:
    """Warn if bfloat16 is asked for by name, and this device is slow at it."""
    devices = {spec.device for spec in specs if spec.precision == "bfloat16"}
    known = filter(hardware, devices)  # not of a cluster's GPUs, where this machine has none
    if not all(map(has_fast_bfloat16, known)):
        print(
            "Warning: precision bfloat16 on a device that has no instructions for it: it works, "
            "but is slower than float32. Give precision auto to use it only if it is fast.",
            file=sys.stderr,
        )


def run_tasks(
    sweep: Sweep, options: TrainOptions, board: Board, cluster: Cluster | None = None
) -> list[Outcome]:
    """Train what is not finished, the longest first; return the outcomes in the order of tasks."""
    left = [task for task in sweep.tasks if task.run_id not in sweep.finished]
    costs = [task.spec.cost for task in left]
    cores = cluster.slots * options.threads if cluster else 0
    allocation = allocate_cores(costs, options.workers, cores, options.threads)
    ordered = [left[index] for index in allocation.order]
    niceness = {task.run_id: n for task, n in zip(left, allocation.niceness, strict=True)}
    work = _TrainHere(board, checkpoints_folder(), niceness, sweep.data)
    take_turns = allocation.workers < len(left)
    summary_line = Overview(len(sweep.finished)).line if take_turns else None
    with shown(board, {task.run_id: task.spec.name for task in left}, summary_line):
        if cluster:
            plan = Plan.of(_request(sweep.specs, options, sweep.store), sweep.store.owner)
            results = cluster.execute(ordered, plan, options.workers, board)
        elif len(sweep.tasks) == len(ordered) == 1:
            # Another process would have to import as much, and MLflow once more.
            results = {0: work(ordered[0])}
        else:
            results = execute(work, ordered, allocation.workers, kind=_threads)
    outcomes = dict(sweep.finished)
    for index, task in enumerate(ordered):
        outcomes[task.run_id] = results[index] if index in results else _lost(task, sweep.store)
    return [outcomes[task.run_id] for task in sweep.tasks]


class Insist(Protocol):
    """Calls an action that needs the store, again and again while that is unavailable."""

    def __call__(self, action: Callable[[], T], /) -> T: ...


@dataclass(frozen=True)
class _TrainHere:
    """Runs a task on this machine: its state and its progress are in folders."""

    board: Board
    checkpoints: Path
    niceness: dict[str, int]
    """How far the process of a run's training gives way to the others."""
    data: Dataset

    def __call__(self, task: Task) -> Outcome:
        os.nice(self.niceness[task.run_id])  # before threads start, which inherit it
        states = Checkpoint(task.run_id, self.checkpoints)
        with states.locked():
            return run_training(task, self.board.channel(task.run_id), states, data=self.data)


def _threads(task: Task) -> int:
    return task.spec.threads


def _lost(task: Task, store: Store) -> Outcome:
    reason = f"{LOST}; {promise('continues it')}"
    try:
        Run(store.client, task.run_id).end(RunStatus.FAILED, reason)
    except StoreError as error:  # the owner's end marks it, or the next command
        print(f"{task.spec.name}: its run could not be ended: {error}", file=sys.stderr)
    return Outcome(name=task.spec.name, run_id=task.run_id, status=RunStatus.FAILED, reason=reason)


def close_sweep(
    sweep: Sweep, outcomes: Sequence[Outcome], options: TrainOptions, signals: StopSignals
) -> int:
    """Report, end the run above, say what happened; return the exit status."""
    insist = insisting(outcomes, signals)
    is_unsent = any(outcome.status == RunStatus.UNSENT for outcome in outcomes)
    wants_report = assignment.covers(spec.setting for spec in sweep.specs)
    report_run = ""
    if wants_report and not (signals.requested or is_unsent):
        report_run = _report(sweep, outcomes, options, signals, insist)
    status = exit_status(outcomes, signals.requested, bool(report_run) or not wants_report)
    link = sweep.store.link(report_run) if report_run else ""
    description = describe_sweep(sweep.specs, outcomes, link)
    return end_sweep(sweep, outcomes, signals, status, description)


def insisting(outcomes: Sequence[Outcome], signals: StopSignals) -> Insist:
    """Return what waits for the store until a signal comes, or not at all if it stayed away."""
    is_unsent = any(outcome.status == RunStatus.UNSENT for outcome in outcomes)

    def insist(action: Callable[[], T], /) -> T:
        return retry_until_available(
            action,
            notice=lambda text: print(text, file=sys.stderr, flush=True),
            give_up=lambda: is_unsent or signals.requested,
        )

    return insist


def end_sweep(
    sweep: Sweep,
    outcomes: Sequence[Outcome],
    signals: StopSignals,
    status: int,
    description: str,
) -> int:
    """End the run above the trainings with its description, and say what happened.

    Args:
        sweep: the trainings.
        outcomes: how they ended.
        signals: those that asked to stop.
        status: exit status so far.
        description: of the run above, Markdown.

    Returns:
        The exit status: `status`, unless that run cannot be ended.
    """
    if sweep.parent:
        try:
            insisting(outcomes, signals)(lambda: _end_parent(sweep, outcomes, status, description))
        except StoreError as error:
            status = status or exit_status(outcomes, False, is_complete=False)
            print(f"The run above the trainings could not be ended: {error}", file=sys.stderr)
    if status == 0:
        for task in sweep.tasks:
            with suppress(StoreError):  # then the next command has nothing to do for it
                sweep.register.remove(task.run_id)
    _say_how_it_ended(sweep, outcomes, signals)
    return status


def _end_parent(sweep: Sweep, outcomes: Sequence[Outcome], status: int, description: str) -> None:
    assert sweep.parent
    sweep.parent.describe(description)
    reasons = [f"{o.name}: {o.reason}" for o in outcomes if o.reason]
    sweep.parent.end(sweep_status(status), "; ".join(reasons))


def _report(
    sweep: Sweep,
    outcomes: Sequence[Outcome],
    options: TrainOptions,
    signals: StopSignals,
    insist: Insist,
) -> str:
    """Build the submission document; return the id of its run, or nothing if that failed.

    Nothing is lost if it is interrupted, so the first signal does so at once.
    """
    from jobs.report import command as report

    run_ids = tuple(outcome.run_id for outcome in outcomes)
    try:
        with signals.at_once():
            request = replace(
                report.report_request(run_ids, options.author, options.notes, output_folder()),
                observations=options.observations,
            )
            records = insist(lambda: report.collect_records(sweep.store, request))
            submission = report.build(records)
            run_id = insist(lambda: report.log_submission(sweep.store, submission, sweep.parent))
            report.write_submission(submission, output_folder())
            return run_id
    except KeyboardInterrupt:
        print(
            "Interrupted: the trainings are kept; `make report` reports on them.", file=sys.stderr
        )
        return ""
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
    except Exception:
        traceback.print_exc()
    print(
        "The trainings are kept, but the submission document could not be built; once the "
        "cause above is mended, `make report` builds it.",
        file=sys.stderr,
    )
    return ""


def _say_how_it_ended(sweep: Sweep, outcomes: Sequence[Outcome], signals: StopSignals) -> None:
    command = sweep.store.ui_command()
    link = sweep.store.link(view=sweep.view)
    print(f"In the MLflow UI{f', after `{command}`' if command else ''}: {link}")
    for outcome in outcomes:
        if outcome.status in (RunStatus.FAILED, RunStatus.UNSENT):
            print(
                f"{outcome.status} {outcome.name}, run {outcome.run_id}: {outcome.reason}",
                file=sys.stderr,
            )
    if signals.requested:
        print(f"Interrupted: {promise('continues from here')}.", file=sys.stderr)
