"""How a study ends: what its run holds when all, some or none of its trainings finished."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aemodel.data import Dataset
from aemodel.settings import RECIPES
from jobs.parameters import parse_study
from jobs.tracking import Run, Store, StoreError
from jobs.training.description import describe_sweep
from jobs.training.outcome import Outcome, RunStatus
from jobs.training.register import FolderRegister
from jobs.training.runs import Sweep, TrainOptions
from jobs.training.signals import StopSignals
from jobs.training.study import close_study, size_errors
from jobs.training.worker import Task
from tests.support.stores import NewStore, work_in

SPECS = parse_study("16-8", "4,2", RECIPES["quick"], "0-1", "float32")
ERRORS = (0.021, 0.023, 0.041, 0.043)


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    return Store.open()


def outcome(number: int, status: RunStatus) -> Outcome:
    metrics = {"final_test_mse": ERRORS[number], "best_test_mse": ERRORS[number]}
    return Outcome(
        name=SPECS[number].name,
        run_id=f"{number}",
        status=status,
        reason="" if status == RunStatus.FINISHED else "it diverged",
        metrics=metrics | {"pca_test_mse": 0.06, "train_seconds": 60.0}
        if status == RunStatus.FINISHED
        else {},
    )


@dataclass(frozen=True)
class Ended:
    """A study that is over."""

    status: int
    parent: Run

    def rows(self) -> list[dict[str, str]]:
        (table,) = Path().glob(f"mlruns/*/{self.parent.run_id}/artifacts/latent_size.csv")
        with table.open() as file:
            return list(csv.DictReader(file))


def closed(
    store: Store, data: Dataset, *statuses: RunStatus, signals: StopSignals | None = None
) -> Ended:
    """Close a study whose trainings ended like this."""
    parent = store.create_run("study")
    tasks = tuple(
        Task(spec=spec, run_id=f"{n}", tracking_uri=store.tracking_uri, data="mnist")
        for n, spec in enumerate(SPECS)
    )
    register = FolderRegister(store, Path("checkpoints"))
    sweep = Sweep(
        store=store, data=data, parent=parent, tasks=tasks, finished={}, register=register
    )
    outcomes = [outcome(n, status) for n, status in enumerate(statuses)]
    options = TrainOptions(data=Path("mnist"), kind="study")
    signals = signals or StopSignals(lambda: None)
    return Ended(close_study(sweep, outcomes, options, signals), parent)


FINISHED, FAILED = RunStatus.FINISHED, RunStatus.FAILED


def test_all_finished(store: Store, small_dataset: Dataset) -> None:
    ended = closed(store, small_dataset, *[FINISHED] * 4)
    info = ended.parent.info()
    assert (ended.status, info.status) == (0, "FINISHED")
    assert [(row["latent_size"], row["n"]) for row in ended.rows()] == [("2", "2"), ("4", "2")]
    assert dict(ended.parent.history("mean_test_mse")) == pytest.approx({2: 0.042, 4: 0.022})
    assert "4 of 4 trainings finished" in info.tags["mlflow.note.content"]
    assert "| 2 | 0.04200 | 2 | 0.06000 |" in info.tags["mlflow.note.content"]


def test_one_that_failed_takes_nothing_from_the_others(
    store: Store, small_dataset: Dataset
) -> None:
    ended = closed(store, small_dataset, FINISHED, FAILED, FINISHED, FINISHED)
    info = ended.parent.info()
    assert (ended.status, info.status) == (1, "FAILED")
    assert "it diverged" in info.tags["reason"]
    two, four = ended.rows()
    assert two["n"] == "2"
    assert (four["n"], four["mean_test_mse"]) == ("1", "0.021")
    assert four["standard_deviation"] == four["interval_low"] == four["interval_high"] == ""


def test_none_finished(store: Store, small_dataset: Dataset) -> None:
    ended = closed(store, small_dataset, *[FAILED] * 4)
    assert ended.status == 1
    assert store.client.list_artifacts(ended.parent.run_id) == []


def test_an_interrupted_study_has_no_table_yet(store: Store, small_dataset: Dataset) -> None:
    signals = StopSignals(lambda: None)
    signals.requested = True
    ended = closed(store, small_dataset, *[FINISHED] * 4, signals=signals)
    assert (ended.status, ended.parent.status()) == (130, "KILLED")
    assert store.client.list_artifacts(ended.parent.run_id) == []


def test_results_that_the_store_refuses(
    store: Store,
    small_dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("no space")

    monkeypatch.setattr(Run, "log_files", refuse)
    assert closed(store, small_dataset, *[FINISHED] * 4).status == 1
    assert "The results of the study could not be logged: no space" in capsys.readouterr().err


def test_images_without_an_intrinsic_dimension(
    store: Store, few: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    alike = replace(few, x_train=few.x_train[:1].repeat(60, axis=0))
    ended = closed(store, alike, *[FINISHED] * 4)
    assert ended.status == 0
    assert "intrinsic_dimension" not in ended.parent.info().metrics
    assert "The intrinsic dimension is not estimated: 1 distinct" in capsys.readouterr().err


def test_what_is_logged_again_is_there_once(store: Store) -> None:
    run = store.create_run("study")
    run.log_series({2: {"a": 0.1, "b": 0.2}})
    run.log_series({2: {"a": 0.1, "b": 0.2}, 4: {"a": 0.3, "b": 0.4}})
    assert run.history("a") == [(2, 0.1), (4, 0.3)]


def test_errors_are_by_latent_size_whatever_was_asked_first() -> None:
    sizes = size_errors(SPECS, [outcome(n, FINISHED) for n in range(4)])
    assert [(size.latent_size, size.errors) for size in sizes] == [
        (2, (0.041, 0.043)),
        (4, (0.021, 0.023)),
    ]


def test_several_seeds_of_a_setting_have_a_mean_in_the_description() -> None:
    text = describe_sweep(SPECS, [outcome(n, FINISHED) for n in range(4)])
    assert "- setting 16-8-4: 0.02200 ± 0.00141 over 2 seeds" in text
    assert "over" not in describe_sweep(SPECS[:1], [outcome(0, FINISHED)])
