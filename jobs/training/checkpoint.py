"""States of unfinished trainings, so that an interrupted one continues where it was.

A training knows a `StateStore` alone. On this machine it is a `Checkpoint`: one folder per run,
`checkpoints/<run id>/`, with `state.npz`, the arrays of `Trainer.state`. The folder is there until
the command that made the run has done all its work: it says that the same command shall continue
that run, finished or not.
"""

import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from jobs.filesystem import is_locked, replacing

RUN_ID = re.compile("[0-9a-f]{32}")

Arrays = Mapping[str, NDArray[Any]]


class DamagedState(Exception):
    """A saved state cannot be used; the message names the file and the remedy."""


class StateStore(Protocol):
    """Where a training keeps its state."""

    def save(self, state: Arrays) -> None:
        """Replace the saved state, or raise OSError and leave the old one."""

    def load(self) -> dict[str, NDArray[Any]]:
        """Return the saved state; nothing if none was saved yet."""

    def damaged(self, error: Exception) -> DamagedState:
        """Return what to raise if the saved state cannot be used."""

    def discard(self) -> None:
        """Delete the state of a training that has finished."""


class Checkpoint:
    """The state of one run in a folder of this machine.

    Attributes:
        path: the run's folder.
    """

    def __init__(self, run_id: str, folder: Path) -> None:
        self.path = folder / run_id

    def __str__(self) -> str:
        return str(self.path)

    def create(self) -> None:
        """Make the folder: the run is to be continued if it is interrupted."""
        self.path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for a training that outlives its command for a moment, then keep others away."""
        with FileLock(self.path / "training.lock"):
            yield

    def save(self, state: Arrays) -> None:
        """Replace the saved state: a kill leaves the old one or the new one.

        Raises:
            OSError: it cannot be written; the old state stays.
        """
        with replacing(self._state) as file:
            np.savez(file, allow_pickle=False, **state)

    def load(self) -> dict[str, NDArray[Any]]:
        """Return the saved state; nothing if none was saved yet.

        Raises:
            DamagedState: the file is incomplete or changed.
        """
        try:
            with self._state.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return {}
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError, RuntimeError) as error:
            raise self.damaged(error) from error

    def iteration(self) -> int:
        """Return how many updates the saved state has behind it; 0 without one that can be read."""
        try:
            with np.load(self._state, allow_pickle=False) as arrays:
                return int(arrays["done"])
        except Exception:  # `load` says what is wrong with it
            return 0

    def damaged(self, error: Exception) -> DamagedState:
        """Return what to raise if the saved state cannot be used."""
        return DamagedState(
            f"{self._state} is damaged ({error}): delete {self.path} to start that training anew"
        )

    def discard(self) -> None:
        """Delete the state; the folder stays, and says that the run is done."""
        self._state.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder: nothing is left to continue."""
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def _state(self) -> Path:
        return self.path / "state.npz"


class AtWork(Exception):
    """States cannot be deleted, since a command is at work on them."""


def remove_unfinished(folder: Path, older_than_days: float = 0) -> int:
    """Delete the states of trainings that nobody continued; return how many there were.

    Args:
        folder: of the states.
        older_than_days: only those that are as old; 0 for all.

    Raises:
        AtWork: all are to be deleted, while a command is at work in this folder.
    """
    if not older_than_days and any(map(is_locked, folder.glob("*.lock"))):
        raise AtWork(f"a command is at work in {folder}: stop it, or wait for its end")
    oldest = time.time() - 86_400 * older_than_days
    old = [run_id for run_id in unfinished(folder) if _last_change(folder / run_id) <= oldest]
    for run_id in old:
        Checkpoint(run_id, folder).remove()
    for lock in folder.glob("*.lock"):
        if _last_change(lock) <= oldest and not is_locked(lock):
            lock.unlink(missing_ok=True)
    return len(old)


def unfinished(folder: Path) -> list[str]:
    """Return the ids of the runs that are to be continued, the newest first."""
    folders = [path for path in folder.glob("*/") if RUN_ID.fullmatch(path.name)]
    return [path.name for path in sorted(folders, key=_last_change, reverse=True)]


def _last_change(folder: Path) -> float:
    return folder.stat().st_mtime
