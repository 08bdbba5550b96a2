"""One training in its run: however it ends, the run, the outcome and the state on disk say so."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from aemodel.data import Dataset, load_dataset
from aemodel.settings import parse_setting
from aemodel.training import Progress, Trainer
from jobs.spec import TrainingSpec
from jobs.tracking import Store, StoreUnavailable, outage
from jobs.tracking.lease import RENEWED, Lease, is_renewed
from jobs.training import worker
from jobs.training.checkpoint import Checkpoint
from jobs.training.description import describe
from jobs.training.worker import run_training
from tests.support.begun import Begun, a_spec, begun
from tests.support.datasets import write_idx
from tests.support.stores import NewStore, work_in

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def job() -> TrainingSpec:
    return a_spec()


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, new_store: NewStore, small_dataset: Dataset
) -> Iterator[Store]:
    """A fresh store, in a folder that has the data in `mnist` and is the working directory."""
    folder = tmp_path_factory.mktemp("worker")
    write_idx(folder / "mnist", small_dataset)
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        yield Store.open()


@pytest.fixture
def task(store: Store, job: TrainingSpec, tmp_path: Path) -> Iterator[Begun]:
    with begun(store, job, tmp_path) as made:
        yield made


def state_path(task: Begun) -> Path:
    return task.states.path / "state.npz"


def test_a_training_that_finishes(store: Store, task: Begun) -> None:
    outcome = task.run()
    info = store.run(task.run_id).info()
    assert (outcome.name, outcome.status, outcome.reason) == (
        "setting-16-8-2 assignment seed-1",
        "FINISHED",
        "",
    )
    assert info.status == "FINISHED"
    assert outcome.metrics.items() <= info.metrics.items()
    history = store.run(task.run_id).history("test_mse")
    assert [step for step, _ in history] == [0, 50, 100, 150, 200]
    assert f"{outcome.metrics['final_test_mse']:.5f}" in info.tags["mlflow.note.content"]
    assert task.progress.stage == "finished"
    assert not state_path(task).exists()


def test_a_training_of_a_study_keeps_its_curve_alone(store: Store, task: Begun) -> None:
    outcome = replace(task, task=replace(task.task, curve_only=True)).run()
    assert (outcome.status, outcome.model_id) == ("FINISHED", "")
    assert outcome.metrics.keys() == {
        *("final_test_mse", "best_test_mse", "best_iteration", "pca_test_mse", "train_seconds")
    }
    artifacts = [item.path for item in store.client.list_artifacts(task.run_id)]
    assert artifacts == ["curve"]
    assert "the network is not kept" in store.run(task.run_id).info().tags["mlflow.note.content"]


def test_a_process_reads_the_data_once_for_all_its_trainings(
    task: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def load(folder: Path) -> Dataset:
        read.append(folder)
        return load_dataset(folder)

    worker._loaded.cache_clear()
    monkeypatch.setattr(worker, "load_dataset", load)
    for _ in range(2):
        task.stop_early()
    assert read == [Path("mnist")]


def test_a_store_that_keeps_the_state_is_waited_for(
    task: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training on a cluster used to end at once, as one that could not be uploaded."""
    load, tries = Checkpoint.load, []

    def load_later(states: Checkpoint) -> dict[str, Any]:
        tries.append(states)
        if len(tries) < 3:
            raise StoreUnavailable("it is away")
        return load(states)

    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(Checkpoint, "load", load_later)
    assert task.run().status == "FINISHED"
    assert len(tries) == 3


def test_who_loses_its_lease_leaves_the_run_as_it_is(store: Store, task: Begun) -> None:
    run, lost = store.run(task.run_id), Lease()
    lost.take(run)
    Lease().take(run)
    outcome = run_training(task.task, task.board.channel(task.run_id), task.states, lost)
    assert (outcome.status, outcome.reason) == (
        "KILLED",
        f"another process trains in run {task.run_id} now",
    )
    assert run.status() == "RUNNING"
    assert "reason" not in run.info().tags
    assert run.history("test_mse") == []


def test_a_lease_is_renewed_with_the_points(store: Store, task: Begun) -> None:
    run, lease = store.run(task.run_id), Lease()
    lease.take(run)
    run.set_tags({RENEWED: "1"})
    outcome = run_training(task.task, task.board.channel(task.run_id), task.states, lease)
    assert outcome.status == "FINISHED"
    assert is_renewed(run.info().tags)
    assert [step for step, _ in run.history("test_mse")] == [0, 50, 100, 150, 200]


def test_pictures_before_and_during_the_training(store: Store, task: Begun) -> None:
    task.run()
    images = [item.path for item in store.client.list_artifacts(task.run_id, "images")]
    steps = [int(path.split("+")[2]) for path in images if path.endswith(".png")]
    assert (min(steps), max(steps)) == (0, 250)
    assert len(steps) == len(set(steps)) == 6  # and a picture a chunk, of at most 50 updates


def test_a_picture_shows_ten_digits_above_their_reconstructions(
    store: Store, task: Begun, small_dataset: Dataset
) -> None:
    task.run()
    folder = store.client.download_artifacts(task.run_id, "images")
    (first,) = Path(folder).glob("*+step+0+*.png")
    digits = np.asarray(Image.open(first)).reshape(2, 2, 28, 5, 28)[:, 0].swapaxes(1, 2)
    for digit, image in enumerate(digits.reshape(10, 784)):
        same = (small_dataset.x_test == 255 - image).all(axis=1)  # black ink on white
        assert small_dataset.y_test[same].tolist() == [digit]


def test_a_training_asked_to_stop_keeps_its_state(store: Store, task: Begun) -> None:
    task.stop_early()
    info = store.run(task.run_id).info()
    assert info.status == "KILLED"
    assert info.tags["reason"] == "interrupted; the same command continues it"
    assert [step for step, _ in store.run(task.run_id).history("test_mse")] == [0]
    assert state_path(task).exists()


def test_points_that_were_sent_before_are_not_sent_again(store: Store, task: Begun) -> None:
    task.stop_early()
    state = state_path(task).read_bytes()
    assert task.run().status == "FINISHED"
    run = store.run(task.run_id)
    before = run.history("test_mse")
    state_path(task).write_bytes(state)  # as if killed later, with an old state on disk
    again = task.run()
    assert again.status == "FINISHED"
    assert run.history("test_mse") == before
    assert [step for step, _ in before] == [0, 50, 100, 150, 200]
    assert "reason" not in run.info().tags


def test_a_training_that_diverges_fails_and_keeps_its_curve(store: Store, task: Begun) -> None:
    task.stop_early()
    with np.load(state_path(task)) as arrays:
        state = dict(arrays)
    state["weight_10"] *= np.float32(1e38)
    task.states.save(state)
    outcome = task.run()
    run = store.run(task.run_id)
    assert (outcome.status, outcome.metrics) == ("FAILED", {})
    assert "at iteration 1: training diverged" in outcome.reason
    assert run.info().status == "FAILED"
    assert run.info().tags["reason"] == outcome.reason
    assert [step for step, _ in run.history("test_mse")] == [0]


def test_a_damaged_state_fails_the_training(
    task: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    state_path(task).write_bytes(b"PK\x03\x04 and no more")
    outcome = task.run()
    assert outcome.status == "FAILED"
    assert f"{state_path(task)} is damaged" in outcome.reason
    assert task.progress.stage == "failed"


def test_a_state_of_another_network_fails_the_training(
    store: Store, task: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    task.stop_early()
    spec = replace(task.task.spec, setting=parse_setting("16-8-3"))
    outcome = replace(task, task=replace(task.task, spec=spec)).run()
    assert outcome.status == "FAILED"
    assert "does not fit this network" in outcome.reason


def test_data_that_went_away_fails_the_training(
    task: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = replace(task, task=replace(task.task, data=str(tmp_path / "gone"))).run()
    assert outcome.status == "FAILED"
    assert "gone" in outcome.reason


def test_data_that_changed_meanwhile_fails_the_training(
    task: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = replace(task.task.spec, data_digest="of other images")
    outcome = replace(task, task=replace(task.task, spec=spec)).run()
    assert outcome.status == "FAILED"
    assert "mnist has changed since the command began" in outcome.reason


def test_what_is_cut_off_amid_an_update_is_not_saved(
    store: Store, task: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer.run

    def interrupted(training: Trainer) -> Iterator[Progress]:
        yield next(run(training))
        raise KeyboardInterrupt  # the second Ctrl-C

    monkeypatch.setattr(Trainer, "run", interrupted)
    assert task.run().status == store.run(task.run_id).status() == "KILLED"
    assert not state_path(task).exists()


def test_a_training_whose_command_is_gone_stops(
    task: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Mock(is_alive=lambda: False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: gone)
    assert task.run().status == "KILLED"


def test_the_description(job: TrainingSpec) -> None:
    assert ", on a GPU.\n" in describe(replace(job, device="gpu"))
    text = describe(job)
    assert "setting 16-8-2: 784 → 16 → 8 → 2 → 8 → 16 → 784, 26,210 parameters" in text
    assert "`assignment`, 250 iterations at batch 100, seed 1, float32" in text
    metrics = {
        "final_test_mse": 0.05,
        "best_test_mse": 0.04,
        "best_iteration": 12_300.0,
        "pca_test_mse": 0.06,
    }
    text = describe(job, metrics)
    assert "| final | **0.05000** |" in text
    assert "| best, at iteration 12,300 | 0.04000 |" in text
    assert "| PCA with 2 components | 0.06000 |" in text
