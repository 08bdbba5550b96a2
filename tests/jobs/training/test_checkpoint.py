"""States on disk: whole or not there, one owner at a time, and found again."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.training.checkpoint import Checkpoint, DamagedCheckpoint, abandoned
from tests.support.project import ROOT

STATE = {"weight_0": np.arange(6, dtype=np.float32).reshape(2, 3), "done": np.array(7)}

HOLD = """
import sys
from pathlib import Path
from jobs.training.checkpoint import Checkpoint
held = Checkpoint(sys.argv[1], Path(sys.argv[2]))
print(held.claim(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    """A checkpoint that this process holds."""
    held = Checkpoint("run", tmp_path)
    assert held.claim()
    yield held
    held.release()


@contextmanager
def held_by_another_process(run_id: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", HOLD, run_id, str(folder)]
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process


def same(a: dict[str, NDArray[Any]] | None, b: dict[str, NDArray[Any]]) -> bool:
    return (
        a is not None
        and a.keys() == b.keys()
        and all(a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in b)
    )


def test_a_state_is_loaded_as_saved(checkpoint: Checkpoint) -> None:
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    assert same(checkpoint.load(), STATE)


def test_saving_replaces_the_state_at_once_or_not_at_all(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(STATE)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(STATE | {"done": np.array(8)})
    assert same(checkpoint.load(), STATE)
    monkeypatch.undo()
    checkpoint.save(STATE | {"done": np.array(9)})
    assert same(checkpoint.load(), STATE | {"done": np.array(9)})
    assert {path.name for path in checkpoint.path.iterdir()} == {"job.lock", "state.npz"}


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_truncated_state_is_reported(checkpoint: Checkpoint, keep: int) -> None:
    checkpoint.save(STATE)
    path = checkpoint.path / "state.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        DamagedCheckpoint, match=r"state\.npz is damaged .* delete .* to start that"
    ):
        checkpoint.load()


def test_a_changed_bit_is_reported(checkpoint: Checkpoint) -> None:
    checkpoint.save(STATE)
    path = checkpoint.path / "state.npz"
    data = bytearray(path.read_bytes())
    data[data.index(STATE["weight_0"].tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedCheckpoint):
        checkpoint.load()


def test_nothing_is_unpickled(checkpoint: Checkpoint) -> None:
    np.savez(checkpoint.path / "state.npz", weight_0=np.array([object()], dtype=object))
    with pytest.raises(DamagedCheckpoint, match="allow_pickle=False"):
        checkpoint.load()


def test_one_process_holds_a_checkpoint(tmp_path: Path) -> None:
    mine = Checkpoint("run", tmp_path)
    with held_by_another_process("run", tmp_path) as process:
        assert not mine.claim()
        process.kill()
        process.wait()
        assert mine.claim()  # the system released it
    mine.release()


def test_a_released_checkpoint_can_be_taken(tmp_path: Path, checkpoint: Checkpoint) -> None:
    other = Checkpoint("run", tmp_path)
    assert not other.claim()
    checkpoint.release()
    assert other.claim()
    other.release()


def test_the_identity_is_read_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint("run", tmp_path)
    assert checkpoint.identity() == {}
    for identity in ({"seed": "1", "d1": "8"}, None):  # None leaves what is written
        assert checkpoint.claim(identity)
        assert checkpoint.identity() == {"seed": "1", "d1": "8"}
        checkpoint.release()


def test_a_training_waits_for_the_one_before(tmp_path: Path, checkpoint: Checkpoint) -> None:
    """The job's lock and the training's are two: the training is another process than the job."""
    before, after = Checkpoint("run", tmp_path), Checkpoint("run", tmp_path)
    before.wait_for_training()
    thread = threading.Thread(target=after.wait_for_training)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    before.release()
    thread.join(10)
    assert not thread.is_alive()
    after.release()


@pytest.mark.parametrize("text", ["", "{", "[1]", "3"])
def test_an_identity_that_cannot_be_read_is_none(checkpoint: Checkpoint, text: str) -> None:
    (checkpoint.path / "identity.json").write_text(text)
    assert checkpoint.identity() == {}


def test_abandoned_are_those_of_this_identity_that_no_process_holds(tmp_path: Path) -> None:
    for name, seed in [("left", "1"), ("other", "2"), ("busy", "1")]:
        gone = Checkpoint(name, tmp_path)
        gone.claim({"seed": seed, "d1": "8"})
        gone.release()
    (tmp_path / "a file").touch()
    with held_by_another_process("busy", tmp_path):
        found = abandoned({"seed": "1"}, tmp_path)
        assert [c.run_id for c in found] == ["left"]
        assert not Checkpoint("left", tmp_path).claim()  # it is claimed now
    found[0].release()


def test_nothing_is_abandoned_where_there_is_no_folder(tmp_path: Path) -> None:
    assert abandoned({}, tmp_path / "missing") == []


def test_discarded_state_and_removed_checkpoint(tmp_path: Path, checkpoint: Checkpoint) -> None:
    checkpoint.discard_state()  # there is none yet
    checkpoint.save(STATE)
    (checkpoint.path / "identity.json").write_text('{"seed": "1"}')
    checkpoint.discard_state()
    assert checkpoint.load() is None
    assert checkpoint.identity() == {"seed": "1"}
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
