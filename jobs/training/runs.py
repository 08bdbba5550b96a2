"""The run of each training, found, continued or made, and the run above them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aemodel.data import Dataset
from jobs.colours import OF_SETTING
from jobs.filesystem import checkpoints_folder, is_checkpoints_folder_named
from jobs.spec import TYPED, TrainingSpec
from jobs.tracking import Run, RunInfo, Store, versions
from jobs.tracking.ownership import mark_expired, mark_orphans, registering
from jobs.tracking.run import COLOUR, DESCRIPTION, MODEL_FOLDER
from jobs.tracking.store import OWNER
from jobs.tracking.ui_view import STUDIES, TRAININGS
from jobs.training.cores import allocate_cores
from jobs.training.description import describe, describe_sweep
from jobs.training.outcome import Outcome, RunStatus
from jobs.training.register import FolderRegister, Register, StoreRegister
from jobs.training.worker import Task


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What the user asked for, apart from the trainings themselves."""

    data: Path
    workers: int = 0
    """Processes; 0 chooses."""
    threads: int = 0
    """Threads of each training; 0 chooses."""
    scheduler: str = ""
    """Address of the Dask scheduler of a cluster; empty for this machine."""
    resume: bool = True
    kind: str = "sweep"
    """Of the run above the trainings: `sweep`, or `study`."""
    author: str = ""
    notes: str = ""
    """Path of a Markdown file; empty for none."""
    observations: bool = True
    """Whether the report states the program's observations."""

    @property
    def shared_states(self) -> Path | None:
        """On a cluster: the folder of states that the user named for all machines, if any."""
        return checkpoints_folder() if self.scheduler and is_checkpoints_folder_named() else None

    @property
    def is_study(self) -> bool:
        """Whether the trainings are of a study: their runs keep the curves alone."""
        return self.kind == "study"

    @property
    def artifacts(self) -> str:
        """Tag of the trainings' runs that says what they keep: `all`, or the `curve`."""
        return "curve" if self.is_study else "all"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The trainings of a command with their runs, and the run above them if there is one."""

    store: Store
    data: Dataset
    """What is trained on."""
    parent: Run | None
    tasks: tuple[Task, ...]
    finished: dict[str, Outcome]
    """By run id: outcomes of the trainings that an earlier, interrupted command had finished."""
    register: Register
    """Holds the trainings until the command has done all its work."""
    view: str = TRAININGS
    """Key of the view of the experiment in the UI that shows them."""

    @property
    def specs(self) -> list[TrainingSpec]:
        return [task.spec for task in self.tasks]


def open_sweep(
    specs: Sequence[TrainingSpec], options: TrainOptions, store: Store, data: Dataset
) -> Sweep:
    """Find or make the run of each training, and the run above them.

    Args:
        specs: the trainings, without threads and data.
        options: how they are trained.
        store: with an owner.
        data: what they are trained on.

    Raises:
        StoreError: the store refuses or, as StoreUnavailable, does not answer.
    """
    allocation = allocate_cores([spec.cost for spec in specs], options.workers, 0, options.threads)
    wanted = [replace(s, data_digest=data.digest, threads=options.threads) for s in specs]
    register = _register(store, options)
    with registering():
        mark_orphans(store)
        earlier = _earlier(wanted, store, options, register)
        if options.scheduler:
            mark_expired(store)
        parent = None
        if len(specs) > 1 or options.is_study or (earlier and store.given_run):
            parent = _open_parent(specs, options, store, data)
        tasks, finished = [], {}
        for index, spec in enumerate(wanted):
            if info := earlier.get(index):
                task = _continued(spec, info, store, options, parent, register)
                if info.status == RunStatus.FINISHED:
                    finished[task.run_id] = _finished(task, info, store)
            else:
                spec = replace(spec, threads=allocation.threads[index])
                task = _new(spec, store, options, parent, register)
            if task.run_id not in finished:
                _introduce(Run(store.client, task.run_id), task, data, options.artifacts)
            tasks.append(task)
    logs_models = store.has_logged_models()
    if not logs_models:
        print(
            f"The server has no logged models: the model of a run is its artifact {MODEL_FOLDER}/.",
            file=sys.stderr,
        )
    tasks = [replace(task, logs_models=logs_models) for task in tasks]
    return Sweep(
        store=store,
        data=data,
        parent=parent,
        tasks=tuple(tasks),
        finished=finished,
        register=register,
        view=STUDIES if options.is_study else TRAININGS,
    )


def _register(store: Store, options: TrainOptions) -> Register:
    if options.scheduler and not options.shared_states:
        return StoreRegister(store)
    return FolderRegister(store, checkpoints_folder())


def _earlier(
    wanted: Sequence[TrainingSpec], store: Store, options: TrainOptions, register: Register
) -> dict[int, RunInfo]:
    """Return, by index, the runs of these trainings that an interrupted command left.

    They are runs whose params are the spec's, which keep the same artifacts, are in the register,
    and that no command is at work on. A training is continued on its own threads; if others are
    asked for, it is another.
    """
    interrupted: dict[int, RunInfo] = {}

    def index_of(info: RunInfo) -> int | None:
        is_alike = info.tags.get("artifacts", "all") == options.artifacts
        is_here = info.experiment_id == store.experiment_id
        return _index_of(info, wanted) if is_alike and is_here else None

    for info in register.abandoned(lambda info: index_of(info) is not None):
        index = index_of(info)
        assert index is not None
        if options.resume:
            interrupted.setdefault(index, info)
        else:
            register.remove(info.run_id)
    return interrupted


def _index_of(info: RunInfo, wanted: Sequence[TrainingSpec]) -> int | None:
    """Return which of the trainings a run is of, or None if it is of none of them."""
    try:
        spec = TrainingSpec.from_params(info.params)
    except (KeyError, ValueError):  # it was interrupted before its params were logged
        return None
    is_same = (this == (spec if this.threads else replace(spec, threads=0)) for this in wanted)
    return next((index for index, same in enumerate(is_same) if same), None)


def _open_parent(
    specs: Sequence[TrainingSpec], options: TrainOptions, store: Store, data: Dataset
) -> Run:
    several = f"{len(specs)} trainings, {specs[0].recipe.name}"
    what = specs[0].name if len(specs) == 1 else several
    params = {"data_digest": data.digest}
    if options.is_study:
        params |= _study_params(specs)
        what = f"study of {params['hidden']}, {several}"
    parent = store.adopt_run(what)
    parent.set_tags({"kind": options.kind} | versions())
    parent.log_params(params)
    parent.describe(describe_sweep(specs))
    return parent


def _study_params(specs: Sequence[TrainingSpec]) -> dict[str, str]:
    """Return what a study was asked for, by the names of its parameters."""
    sizes = dict.fromkeys(str(spec.setting.latent_size) for spec in specs)
    return {
        "hidden": "-".join(map(str, specs[0].setting.hidden_widths)),
        "latent": ",".join(sizes),
        "seeds": ",".join(dict.fromkeys(str(spec.seed) for spec in specs)),
        "recipe": specs[0].recipe.name,
        "iterations": str(specs[0].recipe.iterations),
        "precision": specs[0].precision,
        "device": specs[0].device,
    }


def _continued(
    spec: TrainingSpec,
    info: RunInfo,
    store: Store,
    options: TrainOptions,
    parent: Run | None,
    register: Register,
) -> Task:
    """Take over the run of an interrupted training."""
    run = Run(store.client, info.run_id)
    run.set_tags({OWNER: store.owner})
    if parent:
        run.set_parent(parent)
    threads = TrainingSpec.from_params(info.params).threads
    if info.status != RunStatus.FINISHED:
        done = register.iteration(info)
        print(
            f"{spec.name}: continues run {info.run_id}, from iteration {done:,} of "
            f"{spec.recipe.iterations:,}",
            file=sys.stderr,
        )
    return _task(replace(spec, threads=threads), run, store, options)


def _new(
    spec: TrainingSpec, store: Store, options: TrainOptions, parent: Run | None, register: Register
) -> Task:
    run = store.create_run(spec.name, parent) if parent else store.adopt_run(spec.name)
    register.add(run.run_id)
    return _task(spec, run, store, options)


def _task(spec: TrainingSpec, run: Run, store: Store, options: TrainOptions) -> Task:
    return Task(
        spec=spec,
        run_id=run.run_id,
        tracking_uri=store.tracking_uri,
        data=str(options.data),
        curve_only=options.is_study,
    )


def _finished(task: Task, info: RunInfo, store: Store) -> Outcome:
    return Outcome(
        name=task.spec.name,
        run_id=task.run_id,
        status=RunStatus.FINISHED,
        metrics=info.metrics,
        model_id=Run(store.client, task.run_id).model_id(),
    )


def _introduce(run: Run, task: Task, data: Dataset, artifacts: str) -> None:
    """Log what the run is: its params, kind, data and description."""
    run.log_params(task.spec.to_params(), TYPED)
    about = {"kind": "training", "artifacts": artifacts, DESCRIPTION: describe(task.spec)}
    name = task.spec.setting.name
    colour = {COLOUR: OF_SETTING[name]} if name in OF_SETTING else {}
    run.set_tags(about | colour | versions())
    run.log_dataset(data, Path(task.data))
