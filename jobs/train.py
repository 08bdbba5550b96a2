"""The train command: runs for the trainings, processes for the runs, and how it all ended.

One training asked is trained in this process, in the run that `mlflow run` made. Several are
children of that run, each in a loky process.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aemodel import mnist
from aemodel.settings import SETTINGS
from aemodel.training import check_batch
from jobs.checkpoint import Checkpoint, abandoned
from jobs.plan import ParameterError, TrainingJob
from jobs.progress import Board, Status, shown
from jobs.sharing import share_cores
from jobs.tracking import Run, Store, versions
from jobs.worker import Outcome, Task, describe, run_training

FAILED, INTERRUPTED = 1, 130
"""Exit statuses; 130 after Ctrl-C is what shells use."""


@dataclass(frozen=True)
class Options:
    """What the user asked for, apart from the trainings themselves."""

    data: Path
    workers: int
    """Processes; 0 chooses."""
    resume: bool
    author: str
    notes: str
    experiment: str
    """Name; empty for the one `mlflow run` chose, or the default."""


@dataclass(frozen=True)
class Plan:
    """The trainings with their runs, and the run above them if there is one."""

    tasks: tuple[Task, ...]
    finished: dict[int, Outcome]
    """Outcomes of the tasks that an earlier, interrupted command had finished."""
    parent: Run | None
    checkpoints: tuple[Checkpoint, ...]
    """Held while this job runs: of every task, and of the parent."""
    store: Store


def train(jobs: Sequence[TrainingJob], options: Options) -> int:
    """Train every job, report when all three settings are among them; return the exit status.

    Raises:
        mnist.DataError: the data cannot be used; no run was made.
        ParameterError: a batch is larger than the training set; no run was made.
        StoreError: the tracking store cannot be used; no run was made.
    """
    data = mnist.load(options.data)
    _check_batches(jobs, data)
    store = Store.open(options.experiment)
    with tempfile.TemporaryDirectory(prefix="trainings-") as folder:
        board = Board(Path(folder))
        with _stop_on_signals(board):
            plan = _prepare(jobs, options, store, data, board)
            with shown(board, [task.job.name for task in plan.tasks]):
                outcomes = _run_all(plan, options.workers)
            return _conclude(plan, outcomes, options, board.stop_requested)


def _check_batches(jobs: Sequence[TrainingJob], data: mnist.Dataset) -> None:
    try:
        for job in jobs:
            check_batch(job.recipe, data)
    except ValueError as error:
        raise ParameterError("batch_size", str(error)) from None


def _prepare(
    jobs: Sequence[TrainingJob], options: Options, store: Store, data: mnist.Dataset, board: Board
) -> Plan:
    """Find or make the run of each training, and the run above them."""
    place = {"tracking_uri": store.tracking_uri, "experiment_id": store.experiment_id}
    _mark_interrupted(place, store)
    identities = [job.to_params() | {"data_digest": data.digest} | place for job in jobs]
    earlier = [_earlier(identity, store, options.resume) for identity in identities]
    threads = share_cores([job.cost for job in jobs], options.workers).threads
    parent, checkpoints = None, []
    if len(jobs) > 1 or (earlier[0] and store.has_run_of_its_own):
        parent = _make_parent(jobs, store, data)
        checkpoints.append(_claim(parent, place))
    tasks, finished = [], {}
    for index, job in enumerate(jobs):
        if checkpoint := earlier[index]:
            run = Run(store.client, checkpoint.run_id)
            info = run.info()
            if parent:
                run.set_parent(parent)
            if info.status == "FINISHED":
                finished[index] = Outcome(job.name, run.run_id, "FINISHED", "", info.metrics)
        else:
            run = store.create_run(job.name, parent.run_id) if parent else store.adopt_run(job.name)
            checkpoint = _claim(run, identities[index])
            _introduce(run, job, threads[index], data, options.data)
        checkpoints.append(checkpoint)
        tasks.append(_task(index, job, run, options, board))
        board.write(index, Status("finished before" if index in finished else "waiting"))
    return Plan(tuple(tasks), finished, parent, tuple(checkpoints), store)


def _task(index: int, job: TrainingJob, run: Run, options: Options, board: Board) -> Task:
    return Task(
        job=job,
        index=index,
        run_id=run.run_id,
        tracking_uri=run.client.tracking_uri,
        data=options.data,
        board=board.folder,
        threads=int(run.info().params["threads"]),
        owner=os.getpid(),
    )


def _claim(run: Run, identity: dict[str, str]) -> Checkpoint:
    checkpoint = Checkpoint(run.run_id)
    checkpoint.claim(identity)
    return checkpoint


def _make_parent(jobs: Sequence[TrainingJob], store: Store, data: mnist.Dataset) -> Run:
    what = jobs[0].name if len(jobs) == 1 else f"{len(jobs)} trainings"
    parent = store.adopt_run(f"{what}, {jobs[0].recipe.name}")
    parent.set_tags({"kind": "sweep"} | versions())
    parent.log_params({"data_digest": data.digest})
    parent.describe(_describe_sweep(jobs))
    return parent


def _introduce(run: Run, job: TrainingJob, threads: int, data: mnist.Dataset, folder: Path) -> None:
    """Write into a new run what it is going to be."""
    shared = {"data_digest": data.digest, "threads": str(threads)}
    run.log_params(job.to_params() | shared)
    run.set_tags({"kind": "training"} | versions())
    run.log_dataset(data, folder)
    run.describe(describe(job))


def _mark_interrupted(place: dict[str, str], store: Store) -> None:
    """Mark the runs KILLED whose process ended without a word."""
    for found in abandoned(place):
        run = Run(store.client, found.run_id)
        if run.status() == "RUNNING":
            run.end("KILLED", "its process ended without a word; the same command continues it")
        if found.identity() == place:  # of a parent, which has nothing to continue
            found.remove()
        found.release()


def _earlier(identity: dict[str, str], store: Store, resume: bool) -> Checkpoint | None:
    """Return the checkpoint of this training that an interrupted command left, to be continued."""
    chosen = None
    for found in abandoned(identity):
        if not (resume and Run(store.client, found.run_id).status()):
            found.remove()
        elif chosen is None:
            chosen = found
        else:
            found.release()
    return chosen


@contextmanager
def _stop_on_signals(board: Board) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP ask the trainings to save their state and stop."""

    def stop(number: int, frame: Any) -> None:
        if number == signal.SIGINT and board.stop_requested:
            raise KeyboardInterrupt
        print("\nStopping: saving the state of every training ...", file=sys.stderr, flush=True)
        board.request_stop()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_all(plan: Plan, workers: int) -> list[Outcome]:
    """Run the tasks in parallel, the longest first; return their outcomes in the order of tasks.

    When the system kills a worker, joblib gives up the others as well: what did not finish is tried
    once more, from its last checkpoint.
    """
    tasks = [task for task in plan.tasks if task.index not in plan.finished]
    outcomes = dict(plan.finished)
    shares = share_cores([task.job.cost for task in tasks], workers)
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
        for index, outcome in pool(delayed(_indexed)(task) for task in tasks):
            outcomes[index] = outcome
    except TerminatedWorkerError:
        print("A training process was killed by the system.", file=sys.stderr, flush=True)


def _indexed(task: Task) -> tuple[int, Outcome]:
    return task.index, run_training(task)


def _lost(task: Task) -> Outcome:
    reason = (
        "its process was killed by the system twice, most likely for want of memory: use fewer "
        "workers; the same command continues it"
    )
    Run.open(task.tracking_uri, task.run_id).end("FAILED", reason)
    return Outcome(task.job.name, task.run_id, "FAILED", reason, {})


def _conclude(plan: Plan, outcomes: Sequence[Outcome], options: Options, stopped: bool) -> int:
    """Report, describe the run above, say what happened; return the exit status."""
    failed = [outcome for outcome in outcomes if outcome.status == "FAILED"]
    status = INTERRUPTED if stopped else FAILED if failed else 0
    print(_summary(outcomes))
    report_run = ""
    if not stopped and {task.job.setting.name for task in plan.tasks} >= set(SETTINGS):
        report_run = _report(plan, outcomes, options)
        status = status if report_run else FAILED
    if plan.parent:
        _end_parent(plan.parent, plan, outcomes, status, report_run)
    if status == 0:
        for checkpoint in plan.checkpoints:
            checkpoint.remove()
    print(f"In the MLflow UI, after make ui: {plan.store.link()}")
    for outcome in failed:
        print(f"FAILED {outcome.name}, run {outcome.run_id}: {outcome.reason}", file=sys.stderr)
    if stopped:
        print("Interrupted: the same command continues from here.", file=sys.stderr)
    return status


def _end_parent(
    parent: Run, plan: Plan, outcomes: Sequence[Outcome], status: int, report_run: str
) -> None:
    text = _describe_sweep([task.job for task in plan.tasks]) + "\n" + _table(outcomes)
    if report_run:
        text += f"\nThe submission document: [report run]({plan.store.link(report_run)})\n"
    parent.describe(text)
    reasons = [f"{o.name}: {o.reason}" for o in outcomes if o.status != "FINISHED"]
    ended = {0: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED"}[status]
    parent.end(ended, "; ".join(reasons))


def _report(plan: Plan, outcomes: Sequence[Outcome], options: Options) -> str:
    """Build the submission document; return the id of its run, or nothing where that failed."""
    from jobs.report.job import OUTPUT, Wanted, report

    run_ids = tuple(outcome.run_id for outcome in outcomes)
    wanted = Wanted(run_ids, options.author, options.notes, OUTPUT)
    try:
        return report(plan.store, wanted, plan.parent.run_id if plan.parent else "")
    except Exception:
        traceback.print_exc()
        print(
            "The trainings are kept, but the submission document could not be built; once the "
            "cause above is mended, `make report` builds it.",
            file=sys.stderr,
        )
        return ""


def _describe_sweep(jobs: Sequence[TrainingJob]) -> str:
    recipe = jobs[0].recipe
    what = (
        f"{len(jobs)} MNIST autoencoders trained side by side"
        if len(jobs) > 1
        else "An interrupted training, continued"
    )
    return (
        f"{what}: recipe `{recipe.name}`, {recipe.iterations:,} iterations at batch "
        f"{recipe.batch_size}. Curves, models and pictures are in the runs below this one.\n"
    )


def _table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [
        "| training | final test MSE | best | PCA | minutes |",
        "| --- | --: | --: | --: | --: |",
    ]
    for outcome in outcomes:
        if m := outcome.metrics:
            numbers = [f"{m[f'{kind}_test_mse']:.5f}" for kind in ("final", "best", "pca")]
            cells = [outcome.name, *numbers, f"{m['train_seconds'] / 60:.1f}"]
        else:
            cells = [outcome.name, outcome.status, "", "", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _summary(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as lines for a terminal."""
    return "\n".join(
        f"{o.name}: {o.status}"
        + (
            f", test MSE {o.metrics['final_test_mse']:.5f} (best {o.metrics['best_test_mse']:.5f}, "
            f"PCA {o.metrics['pca_test_mse']:.5f})"
            if o.metrics
            else ""
        )
        for o in outcomes
    )
