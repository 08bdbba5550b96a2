"""States among the artifacts of a run, where other machines find them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.tracking import Run, Store
from jobs.tracking.lease import Lease, LeaseLost
from jobs.training import checkpoint
from jobs.training.checkpoint import RunStates, saved_iteration
from tests.support.stores import NewStore, work_in


def state(done: int) -> dict[str, Any]:
    return {"weight_0": np.full((2, 3), done, np.float32), "done": np.array(done)}


@pytest.fixture
def run(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    return Store.open().create_run("a training")


@pytest.fixture
def states(run: Run) -> RunStates:
    lease = Lease()
    lease.take(run)
    return RunStates(run, lease)


def files(run: Run) -> list[str]:
    return [item.path for item in run.client.list_artifacts(run.run_id, "state")]


def test_nothing_is_saved_at_first(states: RunStates) -> None:
    assert states.load() == {}
    states.discard()


def test_a_short_training_uploads_no_state(states: RunStates, run: Run) -> None:
    states.save(state(10))
    assert (states.load(), files(run)) == ({}, [])


def test_the_last_state_is_kept_and_found_by_another_process(states: RunStates, run: Run) -> None:
    states.save(state(10), is_last=True)
    states.save(state(20), is_last=True)
    later = Lease()
    later.take(run)
    loaded = RunStates(run, later).load()
    np.testing.assert_array_equal(loaded["weight_0"], state(20)["weight_0"])
    assert saved_iteration(run.info()) == 20
    assert len(files(run)) == 1


def test_states_are_uploaded_from_time_to_time(
    states: RunStates, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "UPLOAD_SECONDS", 0.0)
    states.save(state(10))
    assert saved_iteration(run.info()) == 10


def test_who_lost_the_lease_saves_nothing(states: RunStates, run: Run) -> None:
    Lease().take(run)
    with pytest.raises(LeaseLost):
        states.save(state(10), is_last=True)
    assert saved_iteration(run.info()) == 0


def test_a_state_that_the_server_does_not_take_is_an_error_of_the_place(
    states: RunStates, run: Run
) -> None:
    run.client.delete_run(run.run_id)
    with pytest.raises(OSError, match="deleted"):
        states.save(state(10), is_last=True)


def test_a_state_that_cannot_be_read_is_none(states: RunStates, run: Run, tmp_path: Path) -> None:
    states.save(state(10), is_last=True)
    (path,) = tmp_path.rglob("10-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert states.load() == {}
    path.unlink()
    assert states.load() == {}


def test_a_finished_training_keeps_none(states: RunStates, run: Run) -> None:
    states.save(state(10), is_last=True)
    states.discard()
    assert (files(run), saved_iteration(run.info()), states.load()) == ([], 0, {})
