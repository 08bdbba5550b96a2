"""How the train command ends: report, interruption, failure. Training itself is left out."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from aemodel.data import Dataset
from aemodel.settings import RECIPES
from jobs.filesystem import NotWritable, checkpoints_folder
from jobs.parameters import ParameterError, parse_specs
from jobs.report import command as report
from jobs.tracking import Run, Store, StoreError, StoreUnavailable, outage
from jobs.tracking.ownership import owned_run
from jobs.training import command
from jobs.training.outcome import Outcome, RunStatus
from jobs.training.runs import Sweep, TrainOptions
from jobs.training.worker import Task
from tests.support.datasets import write_idx
from tests.support.stores import NewStore, work_in
from tests.support.workspace import in_turn

METRICS = {
    "final_test_mse": 0.04,
    "best_test_mse": 0.04,
    "pca_test_mse": 0.05,
    "train_seconds": 60.0,
}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset, new_store: NewStore
) -> Path:
    """A folder with data and a store."""
    made = tmp_path_factory.mktemp("command")
    write_idx(made / "mnist", small_dataset)
    new_store(made)
    return made


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An experiment of its own, in which every training succeeds at once."""
    work_in(folder, f"sqlite:///{folder}/mlflow.db", monkeypatch)
    name = f"experiment {time.monotonic_ns()}"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    monkeypatch.setenv("CHECKPOINTS", str(folder / name))
    monkeypatch.setattr(command, "run_tasks", finish)
    return Store.open()


def finish(sweep: Sweep, *_: object) -> list[Outcome]:
    return [ended(sweep, task.run_id, RunStatus.FINISHED) for task in sweep.tasks]


def ended(sweep: Sweep, run_id: str, status: RunStatus) -> Outcome:
    Run(sweep.store.client, run_id).end(status)
    metrics = METRICS if status == RunStatus.FINISHED else {}
    return Outcome(name="a training", run_id=run_id, status=status, metrics=metrics)


def train(setting: str = "all", **options: Any) -> int:
    specs = parse_specs(setting, RECIPES["quick"], "0", "3-8", "float32")
    return command.train(specs, TrainOptions(data=Path("mnist"), **options))


def statuses(store: Store) -> dict[str, list[str]]:
    """Return kind -> statuses of the runs."""
    found: dict[str, list[str]] = {}
    for info in store.search(""):
        found.setdefault(info.tags.get("kind", ""), []).append(info.status)
    return found


def replace_report(patch: pytest.MonkeyPatch, build: object, log: object) -> None:
    patch.setattr(report, "collect_records", Mock())
    patch.setattr(report, "build", build)
    patch.setattr(report, "log_submission", log)
    patch.setattr(report, "write_submission", Mock())


def log_as(store: Store, parent: Run | None, body: object = None) -> str:
    """Log a report as `log_submission` does."""
    assert parent
    with owned_run(store, "report", parent) as run:
        run.set_tags({"kind": "report"})
        if callable(body):
            body()
    return run.run_id


def logged(store: Store, submission: object, parent: Run | None) -> str:
    return log_as(store, parent)


def test_all_settings_are_reported_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_report(monkeypatch, Mock(), logged)
    assert train() == 0
    assert statuses(store) == {
        "training": ["FINISHED"] * 3,
        "sweep": ["FINISHED"],
        "report": ["FINISHED"],
    }
    (sweep,), (built,) = store.runs("sweep"), store.runs("report")
    assert built.run_id in sweep.tags["mlflow.note.content"]
    assert list(checkpoints_folder().iterdir()) == []


def test_two_settings_are_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_report(monkeypatch, Mock(side_effect=AssertionError), logged)
    assert train("1,2") == 0
    assert statuses(store) == {"training": ["FINISHED"] * 2, "sweep": ["FINISHED"]}


def interrupt(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
    raise AssertionError("it was not interrupted")


def test_ctrl_c_while_the_report_is_built_stops_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It used to be announced, and ignored: status 0."""
    replace_report(monkeypatch, interrupt, logged)
    assert train() == 130
    assert statuses(store) == {"training": ["FINISHED"] * 3, "sweep": ["KILLED"]}
    assert len([path for path in checkpoints_folder().iterdir() if path.is_dir()]) == 3
    said = capfd.readouterr()
    assert "the trainings are kept" in said.err
    assert "saving the state" not in said.err


def test_ctrl_c_while_the_report_is_logged_ends_its_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_report(monkeypatch, Mock(), lambda store, _, parent: log_as(store, parent, interrupt))
    assert train() == 130
    assert statuses(store) == {
        "training": ["FINISHED"] * 3,
        "sweep": ["KILLED"],
        "report": ["KILLED"],
    }


def test_the_same_command_only_reports_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        replace_report(patch, interrupt, logged)
        assert train() == 130
    replace_report(monkeypatch, Mock(), logged)
    before = {info.run_id for info in store.runs("training")}
    assert train() == 0
    assert {info.run_id for info in store.runs("training")} == before


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file", "font.ttf"), KeyError("x")])
def test_an_error_of_ours_in_the_report_is_not_waited_for(
    store: Store,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A missing font used to make a FAILED report run every five seconds, for ten minutes."""
    build = Mock(side_effect=error)
    replace_report(monkeypatch, build, logged)
    assert train() == 1
    assert build.call_count == 1
    assert statuses(store) == {"training": ["FINISHED"] * 3, "sweep": ["FAILED"]}
    said = capfd.readouterr().err
    assert "cannot be reached" not in said
    assert "`make report` builds it" in said


def test_a_store_that_is_away_is_waited_for_and_has_one_report(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away_twice() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("it is away")

    tries: list[int] = []
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.0)
    build = Mock()
    replace_report(monkeypatch, build, lambda store, _, parent: log_as(store, parent, away_twice))
    assert train() == 0
    assert build.call_count == 1
    assert statuses(store)["report"] == ["FINISHED"]


def test_results_that_are_unsent_are_not_reported_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def one_unsent(sweep: Sweep, *_: object) -> list[Outcome]:
        first, *others = sweep.tasks
        unsent = Outcome(
            name="a training", run_id=first.run_id, status=RunStatus.UNSENT, reason="it is kept"
        )
        return [unsent, *(ended(sweep, task.run_id, RunStatus.FINISHED) for task in others)]

    monkeypatch.setattr(command, "run_tasks", one_unsent)
    replace_report(monkeypatch, Mock(side_effect=AssertionError), logged)
    assert train() == 1
    assert statuses(store)["sweep"] == ["FAILED"]
    assert "it is kept" in capfd.readouterr().err


def test_the_second_ctrl_c_leaves_nothing_running(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object) -> list[Outcome]:
        os.kill(os.getpid(), signal.SIGINT)
        interrupt()
        return []

    monkeypatch.setattr(command, "run_tasks", hang)
    assert train("1,2") == 130
    assert statuses(store) == {"training": ["KILLED"] * 2, "sweep": ["KILLED"]}


def test_a_parent_that_cannot_be_ended_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("it refuses")

    monkeypatch.setattr(command, "_end_parent", refuse)
    assert train("1,2") == 1
    assert "run above the trainings could not be ended: it refuses" in capfd.readouterr().err


def test_continued_trainings_are_as_many_at_a_time_as_the_user_says(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of different threads, as the default three have on two cores, all used to start at once."""
    started: list[int] = []

    def record(work: object, tasks: Sequence[object], workers: int, kind: object) -> dict[int, Any]:
        started.append(workers)
        return {}

    monkeypatch.setattr(command, "execute", record)
    monkeypatch.setattr("jobs.training.cores.available_cores", lambda: 2)
    monkeypatch.setattr(command, "run_tasks", run_tasks)
    for workers in (0, 1, 2):
        assert train("all", workers=workers) == 1
    threads = {info.params["threads"] for info in store.runs("training")}
    assert threads == {"1", "2"}
    assert len(list(store.runs("training"))) == 3
    assert started == [3, 1, 2]


run_tasks = command.run_tasks


def test_a_shorter_training_gives_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, int] = {}

    def record(task: Task, *_: object, **__: object) -> Outcome:
        given[task.spec.setting.name] = nice.call_args[0][0]
        return Outcome(name=task.spec.name, run_id=task.run_id, status=RunStatus.FAILED)

    nice = Mock()
    monkeypatch.setattr(os, "nice", nice)
    monkeypatch.setattr(command, "run_training", record)
    monkeypatch.setattr(command, "execute", in_turn)
    monkeypatch.setattr(command, "run_tasks", run_tasks)
    assert train("1,3", workers=2) == 1
    assert given["3"] == 0 < given["1"]


def test_trainings_get_the_data_with_its_principal_components(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Dataset] = []

    def record(task: Task, *_: object, data: Dataset) -> Outcome:
        given.append(data)
        return Outcome(name=task.spec.name, run_id=task.run_id, status=RunStatus.FAILED)

    monkeypatch.setattr(command, "run_training", record)
    monkeypatch.setattr(command, "execute", in_turn)
    monkeypatch.setattr(command, "run_tasks", run_tasks)
    assert train("1") == train("1,2") == 1
    assert len(given) == 3
    for data in given:
        assert data.digest == next(store.runs("training")).params["data_digest"]
        assert "principal_components" in data.__dict__


def test_what_cannot_be_done_is_refused_before_a_run_is_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_writable", lambda _: False)
    with pytest.raises(NotWritable, match="where the submission document goes"):
        train()
    specs = parse_specs("1", RECIPES["quick"], "0", "3-8", "float32")
    monkeypatch.setattr(command, "check_batch", Mock(side_effect=ValueError("too large")))
    with pytest.raises(ParameterError, match="too large"):
        command.train(specs, TrainOptions(data=Path("mnist")))
    assert statuses(store) == {}
