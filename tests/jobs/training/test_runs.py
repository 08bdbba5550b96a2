"""Which run a training gets: a new one, or that of an interrupted command."""

from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from aemodel.data import Dataset
from aemodel.settings import RECIPES
from jobs.filesystem import checkpoints_folder
from jobs.parameters import parse_specs
from jobs.spec import TrainingSpec
from jobs.tracking import Run, Store
from jobs.tracking.ownership import owning
from jobs.training.checkpoint import Checkpoint
from jobs.training.runs import Sweep, TrainOptions, open_sweep
from jobs.training.worker import Task
from tests.support.stores import NewStore, work_in

SETTING = "16-8-2"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Store:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        return Store.open()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def specs(settings: str = SETTING) -> list[TrainingSpec]:
    return parse_specs(settings, RECIPES["assignment"], "0", "3-8", "float32")


def prepared(
    store: Store,
    data: Dataset,
    threads: int = 0,
    settings: str = SETTING,
    resume: bool = True,
    kind: str = "sweep",
) -> Sweep:
    """Open a sweep with a command that ends right after it."""
    options = TrainOptions(data=Path("mnist"), workers=1, threads=threads, resume=resume, kind=kind)
    with owning(store) as owned:
        return open_sweep(specs(settings), options, owned, data)


def only(sweep: Sweep) -> Task:
    (task,) = sweep.tasks
    return task


def test_an_interrupted_training_is_continued_in_its_run(
    store: Store, small_dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    first = only(prepared(store, small_dataset))
    assert store.run(first.run_id).status() == "KILLED"
    Checkpoint(first.run_id, checkpoints_folder()).save({"done": np.array(1200)})
    assert only(prepared(store, small_dataset)) == first
    said = capsys.readouterr().err
    assert f"continues run {first.run_id}, from iteration 1,200 of 100,000" in said
    assert TrainingSpec.from_params(store.run(first.run_id).info().params) == first.spec


def test_a_run_that_was_interrupted_before_it_was_introduced_is_left(
    store: Store, small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Run, "log_params", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepared(store, small_dataset)
    left = next(store.search("attributes.status = 'KILLED'"))
    assert "kind" not in left.tags
    assert only(prepared(store, small_dataset)).run_id != left.run_id


def test_threads_that_are_given_are_kept_and_recorded(store: Store, small_dataset: Dataset) -> None:
    first = only(prepared(store, small_dataset, threads=3))
    assert first.spec.threads == 3
    assert store.run(first.run_id).info().params["threads"] == "3"
    again = only(prepared(store, small_dataset))  # any number will do: that of the interrupted one
    assert (again.run_id, again.spec.threads) == (first.run_id, 3)
    assert only(prepared(store, small_dataset, threads=3)).run_id == first.run_id


def test_a_training_on_other_threads_is_another_one(store: Store, small_dataset: Dataset) -> None:
    first = only(prepared(store, small_dataset, threads=3))
    other = only(prepared(store, small_dataset, threads=2))
    assert other.run_id != first.run_id
    assert other.spec.threads == 2


def test_other_data_other_experiments_and_runs_without_a_state_are_not_continued(
    store: Store, small_dataset: Dataset
) -> None:
    first = only(prepared(store, small_dataset))
    data = Dataset(
        small_dataset.x_train,
        small_dataset.y_train,
        255 - small_dataset.x_test,
        small_dataset.y_test,
    )
    assert only(prepared(store, data)).run_id != first.run_id
    assert only(prepared(Store.open("other"), small_dataset)).run_id != first.run_id
    Checkpoint(first.run_id, checkpoints_folder()).remove()
    assert only(prepared(store, small_dataset)).run_id != first.run_id


def test_a_training_that_keeps_less_is_not_continued_as_one_that_keeps_all(
    store: Store, small_dataset: Dataset
) -> None:
    of_study = only(prepared(store, small_dataset, kind="study", threads=1))
    assert of_study.curve_only
    other = only(prepared(store, small_dataset, threads=1))
    assert other.run_id != of_study.run_id
    assert not other.curve_only
    again = prepared(store, small_dataset, kind="study", threads=1)
    assert only(again).run_id == of_study.run_id
    assert again.parent  # also above a single training
    assert again.parent.info().tags["kind"] == "study"


def test_without_resume_the_state_goes(store: Store, small_dataset: Dataset) -> None:
    first = only(prepared(store, small_dataset))
    new = only(prepared(store, small_dataset, resume=False))
    assert new.run_id != first.run_id
    assert [path.name for path in checkpoints_folder().iterdir() if path.is_dir()] == [new.run_id]


def test_two_commands_never_have_the_same_run(store: Store, small_dataset: Dataset) -> None:
    options = TrainOptions(data=Path("mnist"))
    left = only(prepared(store, small_dataset))
    with ExitStack() as commands:
        sweeps = [
            open_sweep(specs(), options, commands.enter_context(owning(store)), small_dataset)
            for _ in range(3)
        ]
        runs = [only(sweep).run_id for sweep in sweeps]
        assert runs[0] == left.run_id
        assert len(set(runs)) == 3
        assert {store.run(run).status() for run in runs[1:]} == {"RUNNING"}


def test_what_was_finished_before_is_not_trained_again(
    store: Store, small_dataset: Dataset
) -> None:
    settings = f"{SETTING},16-8-3"
    first = prepared(store, small_dataset, settings=settings)
    done, other = (task.run_id for task in first.tasks)
    run = store.run(done)
    run.log_metrics({"final_test_mse": 0.04}, 9)
    run.end("FINISHED")
    again = prepared(store, small_dataset, settings=settings)
    assert [task.run_id for task in again.tasks] == [done, other]
    assert again.finished[done].metrics["final_test_mse"] == 0.04
    assert again.finished.keys() == {done}
    assert run.status() == "FINISHED"
    assert again.parent
    assert run.info().tags["mlflow.parentRunId"] == again.parent.run_id


def test_the_run_of_mlflow_run_is_the_training_unless_it_is_taken(
    store: Store, small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = store.create_run("by mlflow run")
    monkeypatch.setenv("MLFLOW_RUN_ID", given.run_id)
    first = only(prepared(store, small_dataset, settings="16-8-2"))
    assert first.run_id == given.run_id
    second = only(prepared(store, small_dataset, settings="16-8-3"))
    assert second.run_id != given.run_id
    info = store.run(second.run_id).info()
    assert info.tags["mlflow.parentRunId"] == given.run_id
    assert given.info().params["widths"] == "16-8-2"


def test_params_have_one_name_under_any_launcher(
    store: Store, small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = store.run(only(prepared(store, small_dataset)).run_id).info()
    given = store.create_run("by mlflow run")
    for name, text in {"iterations": "''", "threads": "0", "precision": "auto"}.items():
        store.client.log_param(given.run_id, name, text)
    monkeypatch.setenv("MLFLOW_RUN_ID", given.run_id)
    launched = store.run(only(prepared(store, small_dataset, settings="16-8-3")).run_id).info()
    for info in (plain, launched):
        logged = store.client.get_run(info.run_id).data.params
        assert logged["resolved.iterations"] == "100000"
        assert logged["resolved.precision"] == "float32"
        assert int(logged["resolved.threads"]) >= 1
