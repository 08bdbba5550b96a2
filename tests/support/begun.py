"""A training as the command hands it to a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aemodel.data import load_dataset
from aemodel.settings import RECIPES
from jobs.filesystem import checkpoints_folder
from jobs.parameters import parse_specs
from jobs.spec import TrainingSpec
from jobs.tracking import Store
from jobs.tracking.ownership import owning
from jobs.training.channel import Board, TrainingProgress
from jobs.training.checkpoint import Checkpoint
from jobs.training.outcome import Outcome
from jobs.training.worker import Task, run_training


def a_spec(iterations: int = 250) -> TrainingSpec:
    """Return a small training with a point every 50 iterations."""
    recipe = replace(RECIPES["assignment"], iterations=iterations, eval_every=50, batch_size=100)
    (spec,) = parse_specs("16-8-2", recipe, "1", "3-8", "float32")
    return spec


@dataclass(frozen=True)
class Begun:
    """A task with its state and its command, which run it as this machine's backend does."""

    task: Task
    board: Board
    states: Checkpoint

    @property
    def run_id(self) -> str:
        return self.task.run_id

    @property
    def progress(self) -> TrainingProgress:
        return self.board.read(self.run_id)

    def run(self) -> Outcome:
        with self.states.locked():
            return run_training(self.task, self.board.channel(self.run_id), self.states)

    def stop_early(self) -> None:
        """Run it with a request to stop: it saves its state after the first updates."""
        self.board.request_stop()
        assert self.run().status == "KILLED"
        (self.board.folder / "stop").unlink()


@contextmanager
def begun(store: Store, spec: TrainingSpec, folder: Path) -> Iterator[Begun]:
    """Make the run of a training on the data in `mnist`; its progress goes to `folder`."""
    digest = load_dataset(Path("mnist")).digest
    with owning(store) as owned:
        run = owned.create_run(spec.name)
        states = Checkpoint(run.run_id, checkpoints_folder())
        states.create()
        task = Task(
            spec=replace(spec, threads=1, data_digest=digest),
            run_id=run.run_id,
            tracking_uri=store.tracking_uri,
            data="mnist",
        )
        yield Begun(task, Board(folder), states)
