"""One training, start to finish, in a process of its own.

The run exists already: the command made it and hands over its id. Whatever happens here ends in a
status of that run and in an `Outcome`; no exception leaves `run_training`.
"""

import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aemodel.data import MAX_PIXEL, DataError, Dataset, load_dataset
from aemodel.device import AlreadyStarted, NoGpu, limit_libraries, start_tensorflow
from aemodel.evaluation import curve_metrics, evaluate, first_of_each_digit
from aemodel.training import Diverged, Trainer
from jobs.artifacts.pictures import snapshot
from jobs.environment import short_timeouts
from jobs.filesystem import checkpoints_folder, promise
from jobs.spec import TrainingSpec
from jobs.tracking import StoreError, StoreUnavailable, retry_until_available
from jobs.tracking.lease import Lease, LeaseLost
from jobs.tracking.uploader import Uploader
from jobs.training.baselines import baseline_of
from jobs.training.channel import ProgressChannel, TrainingProgress
from jobs.training.checkpoint import DamagedState, StateStore
from jobs.training.description import describe
from jobs.training.outcome import Outcome, RunStatus

T = TypeVar("T")

SAVE_SECONDS = 30.0
"""Seconds between two saved states."""

SNAPSHOTS = 10
"""Pictures of the reconstructions taken in the course of a training."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker needs to know: plain values that mean the same on another machine."""

    spec: TrainingSpec
    run_id: str
    tracking_uri: str
    data: str
    """Path of the folder with the data set whose digest the spec names."""
    logs_models: bool = True
    """Whether the server has logged models."""
    curve_only: bool = False
    """Whether the run keeps the error curve alone: no model, no pictures, nothing else measured."""


class Stopped(Exception):
    """The command asked the trainings to stop, or is gone."""


def run_training(
    task: Task,
    channel: ProgressChannel,
    states: StateStore,
    lease: Lease | None = None,
    data: Dataset | None = None,
) -> Outcome:
    """Train, evaluate and log one spec; whatever goes wrong is in the outcome and in its run.

    Args:
        task: what to train.
        channel: to the command.
        states: where its state is kept.
        lease: of the run, on a cluster. Who loses it stops, and leaves the run as it is.
        data: what it trains on; None if it is still to be read from the task's folder.
    """
    training = _Training(task, channel, states, lease, data)
    status, reason, model_id = RunStatus.FAILED, "", ""
    try:
        with short_timeouts():  # while it trains, a slow server costs it little
            training.train()
        model_id = training.evaluate_and_upload()
        status = RunStatus.FINISHED
    except (Stopped, KeyboardInterrupt):
        status, reason = RunStatus.KILLED, training.interrupted()
    except LeaseLost as error:
        return Outcome(
            name=task.spec.name, run_id=task.run_id, status=RunStatus.KILLED, reason=str(error)
        )
    except StoreUnavailable as error:
        status, reason = RunStatus.UNSENT, training.kept(error)
    except StoreError as error:
        reason = training.kept(error)
    except Exception as error:
        reason = _reason(error)
    if status in (RunStatus.FAILED, RunStatus.KILLED):
        with suppress(LeaseLost):
            training.end_early(status, reason)
    channel.report(TrainingProgress(stage=status.lower()))
    return Outcome(
        name=task.spec.name,
        run_id=task.run_id,
        status=status,
        reason=reason,
        metrics=training.metrics if status == RunStatus.FINISHED else {},
        model_id=model_id,
    )


def _reason(error: Exception) -> str:
    """Return what a user reads about a training that failed, and log what nobody expected."""
    if isinstance(error, Diverged | DamagedState | DataError | NoGpu | AlreadyStarted):
        return str(error)
    # TensorFlow has an error of its own, also for the memory of a GPU.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"there is not enough memory ({error}): use fewer workers, or a smaller network"
    if isinstance(error, OSError):
        return f"{error}: once that is mended, {promise('continues it')}"
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"


@lru_cache(maxsize=1)
def _loaded(folder: str, digest: str) -> Dataset:
    """Return the data that a training is of, read once by a process that takes several.

    Its principal components are computed at once, while TensorFlow starts: every training needs
    them.

    Raises:
        DataError: the folder does not have it any more.
    """
    data = load_dataset(Path(folder))
    if data.digest != digest:
        raise DataError(
            f"{folder} has changed since the command began: repeat it to train on what is there"
        )
    _ = data.principal_components
    return data


class _Training:
    """One training with its run, its state and its command.

    Attributes:
        metrics: the final metrics, once it is evaluated.
        trouble: why the state could not be saved last time; empty if it was.
    """

    def __init__(
        self,
        task: Task,
        channel: ProgressChannel,
        states: StateStore,
        lease: Lease | None,
        data: Dataset | None,
    ) -> None:
        self.task, self.channel, self.states = task, channel, states
        self.uploader = Uploader(task.tracking_uri, task.run_id, task.spec.device, lease)
        self.metrics: dict[str, float] = {}
        self.trouble = ""
        self._trainer: Trainer | None = None
        self._data = data

    def train(self) -> None:
        """Train to the end, sending points, saving states and watching for a request to stop.

        Raises:
            Stopped: the command asked for it; the state is saved.
            StoreError: the store refuses for good what a training writes; the state is saved.
        """
        trainer = self._trainer = self._begin()
        snapshots = _Snapshots(trainer, self.uploader, 0 if self.task.curve_only else SNAPSHOTS)
        snapshots.take_when_due()
        self.uploader.send_when_due()  # missing rights are known before anything is trained
        saved = time.monotonic()
        try:
            for chunk, progress in enumerate(trainer.run()):
                # The first chunk was compiled on the way.
                self._report_training(trainer, progress.iterations_per_second if chunk else 0.0)
                snapshots.take_when_due()
                self.uploader.send_when_due()
                if time.monotonic() - saved > SAVE_SECONDS:
                    self._save()
                    saved = time.monotonic()
                if self.channel.should_stop():
                    raise Stopped
        except (Stopped, StoreError):  # others may have come amid an update: the last save is whole
            self._save(is_last=True)
            raise
        self._save()

    def evaluate_and_upload(self) -> str:
        """Write all results and upload them, waiting for the store; return the model's id.

        Raises:
            StoreUnavailable: the store stayed away.
            StoreError: it refuses, and will do so again.
        """
        assert self._trainer is not None
        assert self._data is not None
        trainer = self._trainer
        with tempfile.TemporaryDirectory() as folder:
            self._write_results(trainer, self._data, Path(folder))
            try:
                model_id = self._insist(lambda: self._upload(trainer, Path(folder)))
            except StoreError:
                self._save(is_last=True)
                raise
        self.states.discard()
        return model_id

    def _write_results(self, trainer: Trainer, data: Dataset, folder: Path) -> None:
        """Measure what the run shall keep, and write it into `folder`."""
        from jobs.artifacts import files  # and matplotlib

        spec = self.task.spec
        self.report("evaluating")
        if self.task.curve_only:
            self.metrics = curve_metrics(trainer)
            files.write_curve(self.metrics, trainer, spec, folder)
            return
        baseline = baseline_of(data, checkpoints_folder(), spec.threads)
        results = evaluate(trainer, spec.pairs, baseline, spec.threads)
        self.metrics = results.metrics
        self.report("writing results")
        files.write_files(results, trainer, spec, folder)

    def _begin(self) -> Trainer:
        """Start TensorFlow and return the training, continued if a state of it was saved."""
        spec = self.task.spec
        self.report("starting TensorFlow")
        limit_libraries(spec.threads)
        with ThreadPoolExecutor(1) as pool:  # both take seconds
            loading = pool.submit(self._load)
            start_tensorflow(spec.threads, spec.device)
        data = self._data = loading.result()
        trainer = Trainer(spec.setting, spec.recipe, spec.seed, data, spec.precision)
        if state := self._loaded_state():
            try:
                trainer.restore(state)
            except ValueError as error:
                raise self.states.damaged(error) from error
            self.uploader.restore(state)
        self.uploader.begin(trainer.curve, trainer.seconds)
        return trainer

    def _load(self) -> Dataset:
        return self._data or _loaded(self.task.data, self.task.spec.data_digest)

    def _loaded_state(self) -> dict[str, NDArray[Any]]:
        """Return the saved state, waiting for a store that keeps it and is unavailable."""
        return retry_until_available(
            self.states.load,
            notice=lambda text: self.report("loading its state", text),
            give_up=self.channel.should_stop,
        )

    def _upload(self, trainer: Trainer, folder: Path) -> str:
        """Upload all results and end the run; may be repeated after an error."""
        spec = self.task.spec
        self.uploader.send()
        run = self.uploader.run
        run.log_metrics(self.metrics, spec.recipe.iterations - 1)
        run.log_files(folder)
        run.describe(describe(spec, self.metrics, curve_only=self.task.curve_only))
        model_id = "" if self.task.curve_only else self._upload_model(trainer)
        run.end(RunStatus.FINISHED)
        return model_id

    def _upload_model(self, trainer: Trainer) -> str:
        """Upload the network; return its id, or nothing if the server has no logged models."""
        run, spec = self.uploader.run, self.task.spec
        model, example = trainer.network.autoencoder, trainer.data.x_test[:2] / MAX_PIXEL
        if not self.task.logs_models:
            run.log_model_files(model, example)
            return ""
        model_id = run.log_model(model, spec.model_name, spec.recipe.iterations, example)
        run.link_metrics(self.metrics, model_id)
        return model_id

    def end_early(self, status: RunStatus, reason: str) -> None:
        """Send the curve so far and end the run, if the store lets it."""

        def end() -> None:
            try:
                self.uploader.send()
            except StoreUnavailable:
                raise
            except StoreError:  # what the store refuses shall not keep the run open
                pass
            self.uploader.run.end(status, reason)

        try:
            if status == RunStatus.FAILED:
                self._insist(end)
            else:
                with short_timeouts():
                    end()
        except (KeyboardInterrupt, StoreError) as error:
            self._say(f"its run could not be marked {status}: {error}")

    def interrupted(self) -> str:
        """Return the reason of a training that was asked to stop."""
        if self.trouble:
            return f"interrupted; {self.trouble}: what was trained since is lost"
        return f"interrupted; {promise('continues it')}"

    def kept(self, error: StoreError) -> str:
        """Return the reason of a training whose results the store does not take."""
        if self.trouble:
            return f"{error}; {self.trouble}, so the same command trains it again"
        if not self._trainer or not self._trainer.done:
            return f"{error}; nothing is trained yet"
        if self._trainer.done < self.task.spec.recipe.iterations:
            return f"{error}; its state is kept in {self.states}: {promise('continues it')}"
        return (
            f"{error}; it is trained, and kept in {self.states}: once the cause is mended, "
            f"{promise('uploads the results')}"
        )

    def report(self, stage: str, note: str = "") -> None:
        self.channel.report(TrainingProgress(stage=stage, note=note))

    def _report_training(self, trainer: Trainer, iterations_per_second: float) -> None:
        self.channel.report(
            TrainingProgress(
                stage="training",
                done=trainer.done,
                total=trainer.recipe.iterations,
                iterations_per_second=iterations_per_second,
                test_mse=trainer.curve[-1].test_mse,
                note="; ".join(filter(None, (self.uploader.trouble, self.trouble))),
            )
        )

    def _save(self, *, is_last: bool = False) -> None:
        """Save the state; if it cannot be saved, warn once and go on."""
        assert self._trainer is not None
        try:
            state = self._trainer.state() | self.uploader.state()
            self.states.save(state, is_last=is_last)
            self.trouble = ""
        except OSError as error:
            if not self.trouble:
                self._say(
                    f"Warning: its state cannot be saved in {self.states} ({error}). The training "
                    f"goes on, but could not be continued if it were interrupted now: "
                    f"{self.states.remedy}."
                )
            self.trouble = f"its state cannot be saved ({error})"

    def _insist(self, action: Callable[[], T]) -> T:
        """Run `action`, waiting for an unavailable store until the command asks to stop."""
        return retry_until_available(
            action,
            notice=lambda text: self.report("not uploaded yet", text),
            give_up=self.channel.should_stop,
        )

    def _say(self, text: str) -> None:
        print(f"{self.task.spec.name}: {text}", file=sys.stderr, flush=True)


class _Snapshots:
    """Pictures of the same ten test images, reconstructed before and during the training.

    Two rows of five, each above their reconstructions: nearly square, as the UI's tiles are.

    Args:
        trainer: as it is when the training begins or goes on.
        uploader: takes the pictures.
        count: pictures in the course of the whole training; 0 for none at all.
    """

    def __init__(self, trainer: Trainer, uploader: Uploader, count: int) -> None:
        self.trainer, self.uploader = trainer, uploader
        iterations = trainer.recipe.iterations
        due = [iterations * number // count for number in range(count + 1)] if count else []
        self.due = [done for done in due if done > trainer.done or not trainer.done]
        data = trainer.data
        self.images = data.x_test[first_of_each_digit(data.y_test)] / MAX_PIXEL

    def take_when_due(self) -> None:
        done = self.trainer.done
        if self.due and done >= self.due[0]:
            self.due = [later for later in self.due if later > done]
            decoded = np.asarray(self.trainer.network.autoencoder(self.images))
            self.uploader.pictures[done] = snapshot(self.images, decoded)
