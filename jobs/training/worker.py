"""One training, start to finish, in a process of its own.

The run exists before: the job made it and hands over its id. Whatever happens here ends in a status
of that run and in an `Outcome`; no exception leaves `run_training`.
"""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aemodel.data import MAX_PIXEL, DataError, load_dataset
from aemodel.device import use_threads
from aemodel.evaluation import evaluate, first_of_each_digit
from aemodel.training import Diverged, Trainer
from jobs.artifacts import files
from jobs.artifacts.pictures import snapshot
from jobs.spec import TrainingSpec
from jobs.tracking import StoreAway, briefly, patiently
from jobs.tracking.uploader import Outbox
from jobs.training.channel import Board, Status
from jobs.training.checkpoint import FOLDER, Checkpoint, DamagedCheckpoint
from jobs.training.classifiers import classifier_of

SAVE_SECONDS = 30.0
"""Seconds between checkpoints."""

SNAPSHOTS = 10
"""Pictures of the reconstructions taken in the course of a training."""


@dataclass(frozen=True)
class Task:
    """Everything a worker needs to know; plain values, so that it can be sent anywhere."""

    job: TrainingSpec
    index: int
    """Its place on the progress board."""
    run_id: str
    tracking_uri: str
    data: Path
    data_digest: str
    """Of the data that the run says it is trained on."""
    board: Path
    threads: int
    owner: int
    """Process id of the job, which is this process where there is only one training."""

    @property
    def is_orphaned(self) -> bool:
        """Whether the job is gone."""
        return self.owner not in (os.getpid(), os.getppid())


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    name: str
    run_id: str
    status: str
    """FINISHED, FAILED or KILLED, as the run's; UNSENT where it is trained, but the store stayed
    away: then the run is left as it was."""
    reason: str
    """Why it did not finish; empty when it did."""
    metrics: dict[str, float]
    """Final metrics; empty unless it finished."""


class Stopped(Exception):
    """The job asked the trainings to stop, or is gone."""


def run_training(task: Task) -> Outcome:
    """Train, evaluate and log one job; whatever goes wrong is in the outcome and in its run."""
    outbox = Outbox(task.tracking_uri, task.run_id)
    checkpoint = Checkpoint(task.run_id)
    status, reason, metrics = "FAILED", "", {}
    try:
        checkpoint.wait_for_training()
        metrics = _train_and_log(task, outbox, checkpoint)
        status = "FINISHED"
    except (Stopped, KeyboardInterrupt):
        status, reason = "KILLED", "interrupted; the same command continues it"
        if checkpoint.trouble:
            reason = f"interrupted; {checkpoint.trouble}: what was trained since is lost"
    except StoreAway as error:
        status, reason = "UNSENT", _unsent(error, checkpoint)
    except Exception as error:
        reason = _reason(error)
    if status in ("FAILED", "KILLED"):
        _end_early(task, outbox, status, reason)
    checkpoint.release()
    Board(task.board).write(task.index, Status(stage=status.lower()))
    return Outcome(task.job.name, task.run_id, status, reason, metrics)


def _train_and_log(task: Task, outbox: Outbox, checkpoint: Checkpoint) -> dict[str, float]:
    board = Board(task.board)
    board.write(task.index, Status("starting TensorFlow"))
    use_threads(task.threads)
    job, data = task.job, load_dataset(task.data)
    if data.digest != task.data_digest:
        raise DataError(
            f"{task.data} has changed since the command began: repeat it to train on what is there"
        )
    training = Trainer(job.setting, job.recipe, job.seed, data, job.precision)
    if state := checkpoint.load():
        try:
            training.restore(state)
        except ValueError as error:
            raise checkpoint.damaged(error) from error
        outbox.restore(state)
    outbox.begin(training.curve, training.seconds)
    _train(training, task, outbox, checkpoint)
    board.write(task.index, Status("evaluating"))
    found = evaluate(training, job.pairs, classifier_of(data, FOLDER))
    board.write(task.index, Status("writing results"))
    with tempfile.TemporaryDirectory() as folder:
        files.write_files(found, training, job, Path(folder))

        def upload() -> None:
            outbox.send()
            run = outbox.run
            run.log_files(Path(folder))
            example = training.data.x_test[:2] / MAX_PIXEL
            run.log_model(training.network.autoencoder, job.recipe.iterations, example)
            run.log_metrics(found.metrics, job.recipe.iterations - 1)
            run.describe(describe(job, found.metrics))
            run.end("FINISHED")

        _insist(upload, task)
    checkpoint.discard_state()
    return found.metrics


def _train(training: Trainer, task: Task, outbox: Outbox, checkpoint: Checkpoint) -> None:
    """Train to the end, sending points, saving states and watching for a request to stop."""
    board = Board(task.board)
    snapshots = _Snapshots(training, outbox)

    def save() -> None:
        checkpoint.save_if_possible(training.state() | outbox.state())

    saved = time.monotonic()
    try:
        snapshots.take_when_due()
        for chunk, progress in enumerate(training.run()):
            rate = (
                progress.iterations_per_second if chunk else 0.0
            )  # the first one was compiled on the way
            error = training.curve[-1].test_mse
            note = "; ".join(filter(None, (outbox.trouble, checkpoint.trouble)))
            board.write(
                task.index,
                Status("training", progress.done, task.job.recipe.iterations, rate, error, note),
            )
            snapshots.take_when_due()
            outbox.send_when_due()
            if time.monotonic() - saved > SAVE_SECONDS:
                save()
                saved = time.monotonic()
            if board.stop_requested or task.is_orphaned:
                raise Stopped
    except Stopped:  # anything else may have come amid an update: the last save is whole
        save()
        raise
    save()


def _insist(action: Callable[[], None], task: Task, wait: bool = True) -> None:
    """Do what needs the store, waiting for it unless the job asks to stop."""
    board = Board(task.board)
    patiently(
        action,
        task.tracking_uri,
        notice=lambda text: board.write(task.index, Status("not uploaded yet", note=text)),
        give_up=lambda: board.stop_requested or not wait,
    )


def _end_early(task: Task, outbox: Outbox, status: str, reason: str) -> None:
    """Send the curve so far and end the run, if the store lets it."""

    def end() -> None:
        outbox.send()
        outbox.run.end(status, reason)

    try:
        if status == "FAILED":
            _insist(end, task)
        else:
            with briefly():
                _insist(end, task, wait=False)
    except (KeyboardInterrupt, StoreAway) as error:
        print(f"{task.job.name}: its run could not be marked {status}: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()


def _reason(error: Exception) -> str:
    """Return what a user reads about a training that failed, and log what nobody expected."""
    if isinstance(error, Diverged | DamagedCheckpoint | DataError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({error}): use fewer workers, or a smaller network"
    if isinstance(error, OSError):
        return f"{error}: once that is mended, the same command continues it"
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"


def _unsent(error: StoreAway, checkpoint: Checkpoint) -> str:
    if checkpoint.trouble:
        return f"{error}; {checkpoint.trouble}, so the same command trains it again"
    return (
        f"{error}; it is trained, and kept in {checkpoint.path}: once the store is back, the same "
        "command uploads the results"
    )


class _Snapshots:
    """Pictures of the same ten test images, reconstructed before and during the training.

    Two rows of five, each above their reconstructions: nearly square, as the UI's tiles are.
    """

    def __init__(self, training: Trainer, outbox: Outbox) -> None:
        self.training, self.outbox = training, outbox
        iterations = training.recipe.iterations
        due = [iterations * tenth // SNAPSHOTS for tenth in range(SNAPSHOTS + 1)]
        self.due = [done for done in due if done > training.done or not training.done]
        data = training.data
        self.images = data.x_test[first_of_each_digit(data.y_test)] / MAX_PIXEL

    def take_when_due(self) -> None:
        done = self.training.done
        if self.due and done >= self.due[0]:
            self.due = [later for later in self.due if later > done]
            decoded = np.asarray(self.training.network.autoencoder(self.images))
            self.outbox.pictures[done] = snapshot(self.images, decoded)


def describe(job: TrainingSpec, metrics: dict[str, float] | None = None) -> str:
    """Return the run's description, Markdown: what it is and, at the end, what came out."""
    setting, recipe = job.setting, job.recipe
    widths = " → ".join(map(str, setting.layer_widths))
    text = (
        f"MNIST autoencoder, setting {setting.name}: {widths}, "
        f"{setting.parameter_count:,} parameters. Recipe `{recipe.name}`, "
        f"{recipe.iterations:,} iterations at batch {recipe.batch_size}, seed {job.seed}, "
        f"{job.precision}.\n"
    )
    if metrics is None:
        return text
    return text + (
        f"\n| | test MSE per pixel |\n| --- | --- |\n"
        f"| final | **{metrics['final_test_mse']:.5f}** |\n"
        f"| best, at iteration {metrics['best_iteration']:,.0f} "
        f"| {metrics['best_test_mse']:.5f} |\n"
        f"| PCA with {setting.latent_size} components | {metrics['pca_test_mse']:.5f} |\n\n"
        "See `curve/`, `embedding/`, `interpolation/`, `reconstructions.png` and `explorer.html` "
        "among the artifacts.\n"
    )
