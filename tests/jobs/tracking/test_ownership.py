"""Who is at work on a run, in a real store: none stays RUNNING without a live command."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from jobs.filesystem import checkpoints_folder
from jobs.tracking import Run, Store, StoreUnavailable, ownership
from jobs.tracking.ownership import is_at_work, mark_orphans, owned_run, owning
from tests.support.project import ROOT
from tests.support.stores import NewStore, work_in

MAKE_AND_HANG = """
import sys
from jobs.tracking import Store
from jobs.tracking.ownership import owning
with owning(Store.open()) as store:
    print(store.create_run("of a command that is killed").run_id, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Store:
    folder = tmp_path_factory.mktemp("owners")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        return Store.open("")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def locks() -> list[Path]:
    return list(checkpoints_folder().glob("*.lock"))


def reason(run: Run) -> str:
    return run.info().tags.get("reason", "")


def test_a_command_at_work_keeps_its_runs(store: Store) -> None:
    with owning(store) as owned:
        run = owned.create_run("a run")
        assert run.info().tags["owner"] == owned.owner
        assert is_at_work(owned.owner)
        mark_orphans(store)
        assert run.status() == "RUNNING"
        assert len(locks()) == 1
    assert not is_at_work(owned.owner)
    assert run.status() == "KILLED"
    assert reason(run) == f"{ownership.STOPPED}; the same command continues it"
    assert locks() == []


def test_a_killed_command_is_found_by_its_lock(store: Store, tmp_path: Path) -> None:
    pipe: Any = subprocess.PIPE
    command = [sys.executable, "-c", MAKE_AND_HANG]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        run = store.run(process.stdout.readline().strip())
        mark_orphans(store)
        assert run.status() == "RUNNING"
        process.kill()
        process.wait()
        assert run.status() == "RUNNING"
        mark_orphans(store)
    assert run.status() == "KILLED"
    assert reason(run) == f"{ownership.LOST}; the same command continues it"
    assert locks() == []


def test_runs_of_other_folders_hosts_and_users_are_left_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owning(store) as owned:
        run = owned.create_run("a run")
        elsewhere = owned.create_run("of another host")
        elsewhere.set_tags({"owner": f"elsewhere:{owned.owner.split(':')[1]}"})
        here = checkpoints_folder()
        with monkeypatch.context() as patch:
            patch.setenv("CHECKPOINTS", str(tmp_path / "another folder"))
            mark_orphans(store)
        locked = {run.status(), elsewhere.status()}
        assert locked == {"RUNNING"}
        assert checkpoints_folder() == here
    elsewhere.end("KILLED")


@pytest.mark.parametrize("name", ["", "me", "host:../../etc/passwd", "host:" + "g" * 32])
def test_what_names_no_owner(name: str) -> None:
    assert not is_at_work(name)


def test_a_store_that_is_away_at_the_end_is_asked_by_the_next_command(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        with owning(store) as owned:
            run = owned.create_run("a run")

            def fail(*_: object, **__: object) -> None:
                raise MlflowException("away")

            patch.setattr(MlflowClient, "search_runs", fail)
        assert run.status() == "RUNNING"
    assert len(locks()) == 1
    mark_orphans(store)
    assert run.status() == "KILLED"
    assert locks() == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_was_made_although_the_store_failed_is_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """MLflow repeats a request that seemed to fail, and the store did it each time."""
    create = MlflowClient.create_run
    made: list[Any] = []

    def fail(*arguments: Any, **options: Any) -> Any:
        made.extend(create(*arguments, **options) for _ in range(times))
        raise MlflowException("it seemed to fail")

    with owning(store) as owned:
        monkeypatch.setattr(MlflowClient, "create_run", fail)
        with pytest.raises(StoreUnavailable):
            owned.create_run("a run")
        monkeypatch.undo()
        run = owned.create_run("a run")  # tried again
        assert run.run_id in [one.info.run_id for one in made]
        run.end("FINISHED")
    ended = [store.run(one.info.run_id).status() for one in made]
    assert sorted(ended) == ["FINISHED", "KILLED"][:times]


def test_work_that_is_done_finishes_its_run(store: Store) -> None:
    with owned_run(store, "report") as run:
        mark_orphans(store)
        assert run.status() == "RUNNING"
    assert (run.status(), reason(run), locks()) == ("FINISHED", "", [])


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no font"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_work_that_fails_says_so_in_its_run(
    store: Store, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), owned_run(store, "report") as run:
        raise error
    assert run.status() == status
    assert reason(run).startswith(type(error).__name__)


def test_work_that_is_tried_again_goes_on_in_its_run(store: Store) -> None:
    with owning(store) as owned:
        parent = owned.create_run("above")
        runs = []
        for number in range(3):
            with suppress(StoreUnavailable), owned_run(owned, "report", parent) as run:
                runs.append(run)
                if number < 2:
                    raise StoreUnavailable("away")
        assert len({run.run_id for run in runs}) == 1
        assert runs[0].status() == "FINISHED"
