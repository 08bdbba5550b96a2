"""Runs that are claimed, in a real store: none stays RUNNING without a process at work on it."""

from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from jobs.tracking import Run, Store
from jobs.tracking.ownership import CLAIM, at_work, mark_interrupted, new_run, place_of
from jobs.training.checkpoint import FOLDER, Checkpoint
from tests.support.stores import NewStore, work_in


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Store:
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        return Store.open("")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def left() -> list[str]:
    return [path.name for path in FOLDER.iterdir()]


def reason(run: Run) -> str:
    return run.info().tags.get("reason", "")


def test_work_that_is_done_finishes_its_run(store: Store) -> None:
    with at_work(store, "report") as run:
        assert left() == [run.run_id]
        mark_interrupted(store)
        assert run.status() == "RUNNING"
    assert (run.status(), reason(run), left()) == ("FINISHED", "", [])


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no font"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_work_that_fails_says_so_in_its_run(
    store: Store, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), at_work(store, "report") as run:
        raise error
    assert run.status() == status
    assert reason(run).startswith(type(error).__name__)


def test_a_run_that_nobody_holds_was_killed(store: Store) -> None:
    run, abandoned = new_run(store, "report", place_of(store))
    other, held = new_run(store, "report", place_of(store))
    abandoned.release()
    mark_interrupted(store)
    assert (run.status(), other.status()) == ("KILLED", "RUNNING")
    assert "without a word" in reason(run)
    assert left() == [other.run_id]
    held.release()


def test_a_kill_between_claim_and_run_leaves_nothing_running(store: Store) -> None:
    early, late = Checkpoint("early"), Checkpoint("late")
    for checkpoint in (early, late):
        checkpoint.claim(place_of(store))
    run = store.create_run("report", tags={CLAIM: "late"})
    for checkpoint in (early, late):
        checkpoint.release()
    mark_interrupted(store)
    assert run.status() == "KILLED"
    assert left() == []


def test_a_run_that_was_made_twice_is_there_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MlflowClient.create_run
    made: list[Any] = []

    def twice(*arguments: Any, **options: Any) -> Any:
        made.extend(create(*arguments, **options) for _ in range(2))
        return made[1]

    monkeypatch.setattr(MlflowClient, "create_run", twice)
    run, held = new_run(store, "report", place_of(store))
    first, second = (Run(store.client, one.info.run_id) for one in made)
    assert (first.status(), second.status()) == ("KILLED", "RUNNING")
    assert run.run_id == second.run_id
    held.remove()


def test_a_run_that_was_made_although_the_store_failed_is_marked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MlflowClient.create_run
    made: list[Any] = []

    def fail(*arguments: Any, **options: Any) -> Any:
        made.append(create(*arguments, **options))
        raise ConnectionError

    monkeypatch.setattr(MlflowClient, "create_run", fail)
    with pytest.raises(ConnectionError):
        new_run(store, "report", place_of(store))
    mark_interrupted(store)
    assert store.run(made[0].info.run_id).status() == "KILLED"
    assert left() == []


def test_the_run_of_mlflow_run_is_claimed_under_its_own_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.create_run("by mlflow run")
    monkeypatch.setenv("MLFLOW_RUN_ID", made.run_id)
    run, held = new_run(store, "report", place_of(store))
    below, other = new_run(store, "report", place_of(store), parent=run)
    assert run.run_id == made.run_id != below.run_id
    assert sorted(left()) == sorted([run.run_id, below.run_id])
    assert below.info().tags["mlflow.parentRunId"] == run.run_id
    held.remove()
    other.remove()
    assert left() == []
