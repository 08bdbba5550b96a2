"""Leases, in a real store: who trains in a run, and whether an owner is still there."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.tracking import Run, Store, lease
from jobs.tracking.lease import (
    COMMAND,
    HOLDER,
    LEASE_SECONDS,
    RENEWED,
    Lease,
    LeaseLost,
    is_leased,
)
from jobs.tracking.ownership import LOST, mark_expired
from tests.support.stores import NewStore, work_in
from tests.support.workspace import wait_for

OWNER = "elsewhere:" + "ab" * 16


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store, as a command on another machine has it."""
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    return replace(Store.open(), owner=OWNER)


@pytest.fixture
def run(store: Store) -> Run:
    return store.create_run("a training")


def test_who_takes_a_run_over_has_it(run: Run) -> None:
    first, second = Lease(), Lease()
    first.take(run)
    first.check(run)
    assert not first.has_company
    second.take(run)
    second.check(run)
    assert second.has_company
    with pytest.raises(LeaseLost, match=run.run_id):
        first.check(run)


def test_company_is_gone_when_a_lease_has_passed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Lease().take(run)
    second = Lease()
    second.take(run)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + LEASE_SECONDS)
    assert not second.has_company


def expire(run: Run) -> None:
    run.set_tags({RENEWED: "1"})


@pytest.mark.parametrize("written", ["", "soon", "-5"])
def test_what_is_no_time_renews_nothing(written: str) -> None:
    assert not lease.is_renewed({RENEWED: written})


def test_an_owner_is_there_while_one_of_its_runs_is_renewed(store: Store, run: Run) -> None:
    other = store.create_run("another of the command")
    assert not is_leased(store, OWNER)
    Lease().take(other)
    assert is_leased(store, OWNER)
    expire(other)
    assert not is_leased(store, OWNER)
    assert not is_leased(store, "")


def test_a_command_renews_until_it_ends(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    with lease.renewing(store):
        wait_for(lambda: RENEWED in run.info().tags)
    assert is_leased(store, OWNER)
    assert HOLDER not in run.info().tags


def test_a_command_renews_in_the_run_above_its_trainings(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Continued trainings are older than it, and end before it."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    parent = store.create_run("the sweep that continues it")
    run.set_tags({"kind": "training"})
    parent.set_tags({"kind": "sweep"})
    with lease.renewing(store):
        wait_for(lambda: COMMAND in parent.info().tags)
    assert COMMAND not in run.info().tags


def test_a_command_that_was_just_killed_is_waited_for(
    store: Store,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its training is at work still, and says so: the command that is given again takes it over."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.3)
    training, ended = store.create_run("a training at work"), threading.Event()
    Lease().take(training)
    run.set_tags({COMMAND: str(int(time.time()))})

    def train() -> None:
        while not ended.wait(0.2):
            training.set_tags(lease.renewal())

    thread = threading.Thread(target=train)
    thread.start()
    began = time.monotonic()
    assert not lease.outlasts(store, OWNER)
    ended.set()
    thread.join()
    assert time.monotonic() - began > 0.5
    assert lease.is_leased(store, OWNER)
    assert capsys.readouterr().err.count("waiting for up to 2 s") == 1
    assert not lease.outlasts(store, "")


def test_a_command_at_work_is_waited_for_until_it_says_so(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.3)
    with lease.renewing(store):
        wait_for(lambda: COMMAND in run.info().tags)
        assert lease.outlasts(store, OWNER)


def test_runs_whose_owner_is_gone_are_marked_from_anywhere(store: Store, run: Run) -> None:
    trained, alive = store.create_run("trained"), replace(store, owner="here:" + "cd" * 16)
    others = alive.create_run("of another command")
    Lease().take(trained)
    Lease().take(others)
    mark_expired(replace(store, owner=""))
    assert {run.status(), trained.status(), others.status()} == {"RUNNING"}
    expire(trained)
    mark_expired(replace(store, owner=""))
    assert (run.status(), trained.status(), others.status()) == ("KILLED", "KILLED", "RUNNING")
    assert run.info().tags["reason"].startswith(LOST)
