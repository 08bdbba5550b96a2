"""Before the trainings: the run of each, found or made, and the run above them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aemodel.data import Dataset
from jobs.spec import TrainingSpec
from jobs.tracking import Run, Store, versions
from jobs.tracking.ownership import mark_interrupted, new_run, place_of
from jobs.training.channel import Board, Status
from jobs.training.checkpoint import Checkpoint, abandoned
from jobs.training.cores import Shares, share_cores
from jobs.training.worker import Outcome, Task, describe


@dataclass(frozen=True)
class Options:
    """What the user asked for, apart from the trainings themselves."""

    data: Path
    workers: int
    """Processes; 0 chooses."""
    threads: int
    """Threads of each training; 0 chooses."""
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


def prepare(
    jobs: Sequence[TrainingSpec], options: Options, store: Store, data: Dataset, board: Board
) -> Plan:
    """Find or make the run of each training, and the run above them."""
    place = place_of(store)
    mark_interrupted(store)
    threads = share(jobs, options).threads
    # A training is continued on its own threads: asked for others, another one is made.
    fixed = {"threads": str(options.threads)} if options.threads else {}
    known = [{n: v for n, v in job.to_params().items() if n != "threads"} for job in jobs]
    identities = [params | {"data_digest": data.digest} | place | fixed for params in known]
    earlier = [_earlier(identity, store, options.resume) for identity in identities]
    parent, checkpoints = None, []
    if len(jobs) > 1 or (earlier[0] and store.run_of_its_own):
        parent, held = _make_parent(jobs, store, data)
        checkpoints.append(held)
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
            identity = identities[index] | {"threads": str(threads[index])}
            run, checkpoint = new_run(store, job.name, identity, parent)
        checkpoints.append(checkpoint)
        task = Task(
            job=job,
            index=index,
            run_id=run.run_id,
            tracking_uri=store.tracking_uri,
            data=options.data,
            data_digest=data.digest,
            board=board.folder,
            threads=int(checkpoint.identity()["threads"]),
            owner=os.getpid(),
        )
        if index not in finished:  # also one that was interrupted: perhaps while it was introduced
            _introduce(run, task, data)
        tasks.append(task)
        board.write(index, Status("finished before" if index in finished else "waiting"))
    return Plan(tuple(tasks), finished, parent, tuple(checkpoints), store)


def _make_parent(
    jobs: Sequence[TrainingSpec], store: Store, data: Dataset
) -> tuple[Run, Checkpoint]:
    what = jobs[0].name if len(jobs) == 1 else f"{len(jobs)} trainings"
    parent, held = new_run(store, f"{what}, {jobs[0].recipe.name}", place_of(store))
    parent.set_tags({"kind": "sweep"} | versions())
    parent.log_params({"data_digest": data.digest})
    parent.describe(describe_sweep(jobs))
    return parent, held


def _introduce(run: Run, task: Task, data: Dataset) -> None:
    """Write into a run what it is going to be."""
    shared = {"data_digest": data.digest, "threads": str(task.threads)}
    run.log_params(task.job.to_params() | shared)
    run.set_tags({"kind": "training"} | versions())
    run.log_dataset(data, task.data)
    run.describe(describe(task.job))


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


def share(jobs: Sequence[TrainingSpec], options: Options) -> Shares:
    """Return how these trainings share the cores."""
    costs = [job.cost for job in jobs]
    return share_cores(costs, options.workers, threads=options.threads)


def describe_sweep(jobs: Sequence[TrainingSpec]) -> str:
    """Return the description of the run above the trainings, Markdown."""
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
