"""Which trainings are to be continued, as any machine finds them in the store."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.tracking import RunInfo, Store
from jobs.tracking.lease import RENEWED, Lease
from jobs.training.register import FolderRegister, Register, StoreRegister
from tests.support.stores import NewStore, work_in

OWNER = "elsewhere:" + "ab" * 16


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    return replace(Store.open(), owner=OWNER)


@pytest.fixture(params=["store", "folder"])
def register(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Register:
    return StoreRegister(store) if request.param == "store" else FolderRegister(store, tmp_path)


def every(info: RunInfo) -> bool:
    return True


def ids(register: Register) -> list[str]:
    return [info.run_id for info in register.abandoned(every)]


def test_a_training_is_noted_until_it_is_removed(store: Store, register: Register) -> None:
    run = store.create_run("a training")
    assert ids(register) == []
    register.add(run.run_id)
    assert ids(register) == [run.run_id]
    assert list(register.abandoned(lambda info: info.name == "another")) == []
    assert register.iteration(run.info()) == 0
    run.end("FINISHED")
    assert ids(register) == [run.run_id]
    register.remove(run.run_id)
    assert ids(register) == []


def test_a_training_at_work_elsewhere_is_left_to_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, run = StoreRegister(store), store.create_run("a training")
    monkeypatch.setattr("jobs.training.register.outlasts", lambda store, owner: True)
    register.add(run.run_id)
    assert ids(register) == []


def test_a_training_whose_lease_has_passed_is_not(store: Store) -> None:
    register, run = StoreRegister(store), store.create_run("a training")
    Lease().take(run)
    register.add(run.run_id)
    run.set_tags({RENEWED: "1"})
    assert ids(register) == [run.run_id]
