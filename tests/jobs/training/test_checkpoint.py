"""States on disk: whole or not there, and held by one training at a time."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray

from jobs.training.checkpoint import (
    AtWork,
    Checkpoint,
    DamagedState,
    remove_unfinished,
    unfinished,
)
from tests.support.project import ROOT

RUN = "ab" * 16
STATE = {"weight_0": np.arange(6, dtype=np.float32).reshape(2, 3), "done": np.array(7)}

HOLD = """
import sys
from pathlib import Path
from jobs.training.checkpoint import Checkpoint
with Checkpoint(sys.argv[1], Path(sys.argv[2])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    made = Checkpoint(RUN, tmp_path)
    made.create()
    return made


def same(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in b
    )


def test_a_state_is_loaded_as_saved(checkpoint: Checkpoint) -> None:
    assert checkpoint.load() == {}
    assert checkpoint.iteration() == 0
    checkpoint.save(STATE)
    assert same(checkpoint.load(), STATE)
    assert checkpoint.iteration() == 7


def test_a_state_that_cannot_be_read_is_not_left_open(checkpoint: Checkpoint) -> None:
    checkpoint.save(STATE)
    path = checkpoint.path / "state.npz"
    path.write_bytes(path.read_bytes()[:200])
    assert checkpoint.iteration() == 0
    gc.collect()  # Python warns of a file that nobody closed, and a warning is an error here


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
    assert {path.name for path in checkpoint.path.iterdir()} == {"state.npz"}


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_truncated_state_is_reported(checkpoint: Checkpoint, keep: int) -> None:
    checkpoint.save(STATE)
    path = checkpoint.path / "state.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedState, match=r"state\.npz is damaged .* delete .* to start that"):
        checkpoint.load()


def test_a_changed_bit_is_reported(checkpoint: Checkpoint) -> None:
    checkpoint.save(STATE)
    path = checkpoint.path / "state.npz"
    data = bytearray(path.read_bytes())
    data[data.index(STATE["weight_0"].tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedState):
        checkpoint.load()


def test_a_training_waits_for_one_that_outlives_its_command(checkpoint: Checkpoint) -> None:
    command = [sys.executable, "-c", HOLD, RUN, str(checkpoint.path.parent)]
    pipe: Any = subprocess.PIPE
    begun = threading.Event()

    def train() -> None:
        with checkpoint.locked():
            begun.set()

    thread = threading.Thread(target=train)
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        thread.start()
        assert not begun.wait(0.3)
        process.kill()  # the system lets go of it
    assert begun.wait(10)
    thread.join()


def test_runs_to_be_continued_are_those_with_a_folder(tmp_path: Path) -> None:
    assert unfinished(tmp_path / "missing") == []
    older, newer = "a" * 32, "0" * 32
    for number, name in enumerate((older, newer)):
        Checkpoint(name, tmp_path).create()
        os.utime(tmp_path / name, (number, number))
    (tmp_path / "classifiers").mkdir()
    (tmp_path / "a.lock").touch()
    assert unfinished(tmp_path) == [newer, older]


def test_states_that_nobody_continued_are_deleted(tmp_path: Path) -> None:
    old, new = "a" * 32, "b" * 32
    for name in (old, new):
        Checkpoint(name, tmp_path).create()
    (tmp_path / "old.lock").touch()
    (tmp_path / "classifiers").mkdir()
    for name in (old, "old.lock", "classifiers"):
        os.utime(tmp_path / name, (0, 0))
    assert remove_unfinished(tmp_path, older_than_days=30) == 1
    assert {path.name for path in tmp_path.iterdir()} == {new, "classifiers"}
    with FileLock(tmp_path / "command.lock"), pytest.raises(AtWork, match="a command is at work"):
        remove_unfinished(tmp_path)
    assert remove_unfinished(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"classifiers"}


def test_discarded_state_and_removed_checkpoint(tmp_path: Path, checkpoint: Checkpoint) -> None:
    checkpoint.discard()  # there is none yet
    checkpoint.save(STATE)
    checkpoint.discard()
    assert checkpoint.load() == {}
    assert unfinished(tmp_path) == [RUN]
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
