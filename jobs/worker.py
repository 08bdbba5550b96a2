"""One training, start to finish, in a process of its own.

The run exists before: the job made it and hands over its id. Whatever happens here ends in a status
of that run and in an `Outcome`; no exception leaves `run_training`.
"""

import os
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aemodel import mnist
from aemodel.figures import tile
from aemodel.training import Diverged, Point, Training, use_threads
from jobs import results
from jobs.checkpoint import Checkpoint
from jobs.plan import TrainingJob
from jobs.progress import Board, Status
from jobs.tracking import Run

SEND_SECONDS = 5.0
"""Seconds between sending points to the tracker."""

SAVE_SECONDS = 30.0
"""Seconds between checkpoints."""

SNAPSHOTS = 10
"""Pictures of the reconstructions taken in the course of a training."""


@dataclass(frozen=True)
class Task:
    """Everything a worker needs to know; plain values, so that it can be sent anywhere."""

    job: TrainingJob
    index: int
    """Its place on the progress board."""
    run_id: str
    tracking_uri: str
    data: Path
    board: Path
    threads: int
    owner: int
    """Process id of the job, which is this process where there is only one training."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    name: str
    run_id: str
    status: str
    """FINISHED, FAILED or KILLED."""
    reason: str
    """Why it did not finish; empty when it did."""
    metrics: dict[str, float]
    """Final metrics; empty unless it finished."""


class Stopped(Exception):
    """The job asked the trainings to stop, or is gone."""


def run_training(task: Task) -> Outcome:
    """Train, evaluate and log one job; whatever goes wrong is in the outcome and in its run."""
    if os.getpid() != task.owner:
        # Ctrl-C reaches every process of a terminal; the job decides, and tells its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = Run.open(task.tracking_uri, task.run_id)
    status, reason, metrics = "FAILED", "", {}
    checkpoint = Checkpoint(task.run_id)
    try:
        checkpoint.wait_for_training()
        metrics = _train_and_log(task, run, checkpoint)
        status = "FINISHED"
    except (Stopped, KeyboardInterrupt):
        status, reason = "KILLED", "interrupted; the same command continues it"
    except Diverged as error:
        reason = str(error)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    run.end(status, reason)
    checkpoint.release()
    Board(task.board).write(task.index, Status(stage=status.lower()))
    return Outcome(task.job.name, task.run_id, status, reason, metrics)


def _train_and_log(task: Task, run: Run, checkpoint: Checkpoint) -> dict[str, float]:
    board = Board(task.board)
    board.write(task.index, Status("starting TensorFlow"))
    run.reopen()
    use_threads(task.threads)
    job, data = task.job, mnist.load(task.data)
    training = Training(job.setting, job.recipe, job.seed, data, job.precision)
    if state := checkpoint.load():
        training.restore(state)
    _train(training, task, run, checkpoint)
    board.write(task.index, Status("evaluating"))
    found = results.evaluate(training, job)
    board.write(task.index, Status("writing results"))
    with tempfile.TemporaryDirectory() as folder:
        results.write_files(found, training, job, Path(folder))
        run.log_files(Path(folder))
    example = training.data.x_test[:2] / mnist.MAX_PIXEL
    run.log_model(training.network.autoencoder, job.recipe.iterations, example)
    run.log_metrics(found.metrics, job.recipe.iterations - 1)
    run.describe(describe(job, found.metrics))
    checkpoint.discard_state()
    return found.metrics


def _train(training: Training, task: Task, run: Run, checkpoint: Checkpoint) -> None:
    """Train to the end, sending points, saving states and watching for a request to stop."""
    board = Board(task.board)
    sender = _Sender(run, training.curve)
    snapshots = _Snapshots(training, run)
    saved = time.monotonic()
    try:
        snapshots.take_when_due()
        for chunk, progress in enumerate(training.run()):
            rate = progress.rate if chunk else 0.0  # the first one was compiled on the way
            error = training.curve[-1].test_mse
            board.write(
                task.index,
                Status("training", progress.done, task.job.recipe.iterations, rate, error),
            )
            sender.send_when_due()
            snapshots.take_when_due()
            if time.monotonic() - saved > SAVE_SECONDS:
                checkpoint.save(training.state())
                saved = time.monotonic()
            if board.stop_requested or task.owner not in (os.getpid(), os.getppid()):
                raise Stopped
    except (Stopped, KeyboardInterrupt):
        checkpoint.save(training.state())
        raise
    finally:
        sender.send()


class _Sender:
    """Sends the points of a growing curve to the tracker, in batches, each once.

    A resumed training goes over points again that it sent before it was killed: they are skipped.
    """

    def __init__(self, run: Run, curve: list[Point]) -> None:
        self.run, self.curve = run, curve
        self.last_step = run.last_step("test_mse")
        self.time = time.monotonic()

    def send_when_due(self) -> None:
        if time.monotonic() - self.time > SEND_SECONDS:
            self.send()

    def send(self) -> None:
        first = next((i for i, p in enumerate(self.curve) if p.iteration > self.last_step), None)
        if first is not None:
            before = self.curve[first - 1] if first else None
            self.run.log_points(self.curve[first:], before)
            self.last_step = self.curve[-1].iteration
        self.time = time.monotonic()


class _Snapshots:
    """Pictures of the same ten test images, reconstructed before and during the training.

    Two rows of five, each above their reconstructions: nearly square, as the UI's tiles are.
    """

    def __init__(self, training: Training, run: Run) -> None:
        self.training, self.run = training, run
        iterations = training.recipe.iterations
        due = [iterations * tenth // SNAPSHOTS for tenth in range(SNAPSHOTS + 1)]
        self.due = [done for done in due if done > training.done or not training.done]
        data = training.data
        examples = [int(np.argmax(data.y_test == digit)) for digit in range(mnist.DIGITS)]
        self.images = data.x_test[examples] / mnist.MAX_PIXEL

    def take_when_due(self) -> None:
        done = self.training.done
        if self.due and done >= self.due[0]:
            self.due = [later for later in self.due if later > done]
            decoded = np.asarray(self.training.network.autoencoder(self.images))
            rows = (
                row[half] for half in (slice(5), slice(5, 10)) for row in (self.images, decoded)
            )
            picture = np.vstack([np.hstack([tile(pixels) for pixels in row]) for row in rows])
            self.run.log_image("reconstructions", done, picture)


def describe(job: TrainingJob, metrics: dict[str, float] | None = None) -> str:
    """Return the run's description, Markdown: what it is and, at the end, what came out."""
    setting, recipe = job.setting, job.recipe
    widths = " → ".join(map(str, setting.widths))
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
        f"| PCA with {setting.d3} components | {metrics['pca_test_mse']:.5f} |\n\n"
        "See `curve/`, `embedding/`, `interpolation/`, `reconstructions.png` and `explorer.html` "
        "among the artifacts.\n"
    )
