"""Runs that are claimed, in a real store: none stays RUNNING without a process at work on it."""

from pathlib import Path

import pytest

from jobs.checkpoint import FOLDER
from jobs.claims import at_work_on, claim, mark_interrupted, place_of
from jobs.tracking import Run, Store
from tests.stores import work_in


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, f"sqlite:///{folder}/mlflow.db", patch)
        return Store.open("")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def left() -> list[str]:
    return [path.name for path in FOLDER.iterdir()]


def reason(run: Run) -> str:
    return run.info().tags.get("reason", "")


def test_work_that_is_done_finishes_its_run(store: Store) -> None:
    run = store.create_run("report")
    with at_work_on(run, store):
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
    run = store.create_run("report")
    with pytest.raises(type(error)), at_work_on(run, store):
        raise error
    assert run.status() == status
    assert reason(run).startswith(type(error).__name__)


def test_a_run_that_nobody_holds_was_killed(store: Store) -> None:
    run, other = store.create_run("report"), store.create_run("report")
    held = claim(other, place_of(store))
    claim(run, place_of(store)).release()
    mark_interrupted(store)
    assert (run.status(), other.status()) == ("KILLED", "RUNNING")
    assert "without a word" in reason(run)
    assert left() == [other.run_id]
    held.release()
