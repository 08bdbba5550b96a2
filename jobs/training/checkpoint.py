"""States of unfinished trainings, so that an interrupted one continues where it was.

A training knows a `StateStore` alone. On this machine it is a `Checkpoint`: one folder per run,
`checkpoints/<run id>/`, with `state.npz`, the arrays of `Trainer.state`. The folder is there until
the command that made the run has done all its work: it says that the same command shall continue
that run, finished or not.

On a cluster they are `RunStates`: the same file is an artifact of the run.
"""

import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from jobs.filesystem import is_locked, replacing
from jobs.tracking import Run, RunInfo, StoreError
from jobs.tracking.lease import Lease

RUN_ID = re.compile("[0-9a-f]{32}")

Arrays = Mapping[str, NDArray[Any]]

UNREADABLE = (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError, RuntimeError)
"""What reading an incomplete or changed file of arrays raises."""


class DamagedState(Exception):
    """A saved state cannot be used; the message names the file and the remedy."""


class StateStore(Protocol):
    """Where a training keeps its state."""

    remedy: str
    """What to do about a state that cannot be saved."""

    def save(self, state: Arrays, *, is_last: bool = False) -> None:
        """Replace the saved state, or raise OSError and leave the old one.

        Args:
            state: what to save.
            is_last: whether the training stops now. Only then must a place that takes long save.
        """

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

    remedy = "free some space"

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

    def save(self, state: Arrays, *, is_last: bool = False) -> None:
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
            return read_arrays(self._state)
        except FileNotFoundError:
            return {}
        except UNREADABLE as error:
            raise self.damaged(error) from error

    def iteration(self) -> int:
        """Return how many updates the saved state has behind it; 0 without one that can be read."""
        try:
            with _opened(self._state) as arrays:
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


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file; one that is spoilt raises one of `UNREADABLE`."""
    with _opened(path) as arrays:
        return dict(arrays)


@contextmanager
def _opened(path: Path) -> Iterator[Arrays]:
    """Give the arrays of a file, each read when it is asked for."""
    # NumPy leaves a file open that it opened itself and cannot read.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        yield arrays


UPLOAD_SECONDS = 120.0
"""Seconds between two uploads of a state: a training that takes less just begins again."""

STATE = "state"
"""Folder of states among the artifacts of a run, and the tag that names the newest of them."""


class RunStates:
    """The state of one run among its artifacts, where other machines find it.

    A file that is complete is named in a tag of the run: a kill, of this process or of the server,
    leaves the old state or the new one.

    Args:
        run: of the training.
        lease: this process's; it loses the right to save with it.
    """

    remedy = "see whether the tracking server takes artifacts"

    def __init__(self, run: Run, lease: Lease) -> None:
        self._run, self._lease = run, lease
        self._saved = time.monotonic()

    def __str__(self) -> str:
        return f"the artifacts of run {self._run.run_id}"

    def save(self, state: Arrays, *, is_last: bool = False) -> None:
        """Upload a state, unless the last upload is too recent for it to be worth the time.

        Raises:
            OSError: the server does not take it; the old state stays.
            LeaseLost: another process has taken the training over.
        """
        if not is_last and time.monotonic() - self._saved < UPLOAD_SECONDS:
            return
        name = f"{int(state['done'])}-{self._lease.holder[:8]}.npz"
        try:
            self._lease.check(self._run)
            with tempfile.TemporaryDirectory() as folder:
                np.savez(Path(folder, name), allow_pickle=False, **state)
                self._run.log_files(Path(folder), STATE)
            before = self._named()
            self._run.set_tags({STATE: name})
            if before and before != name:
                self._run.delete_files(f"{STATE}/{before}")
        except StoreError as error:
            raise OSError(str(error)) from error
        self._saved = time.monotonic()

    def load(self) -> dict[str, NDArray[Any]]:
        """Return the saved state; nothing if none was saved yet, or it cannot be read any more.

        A training that begins anew comes to the same result, and logs no point twice.
        """
        name = self._named()
        if not name:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            path = self._run.download(f"{STATE}/{name}", Path(folder))
            with suppress(*UNREADABLE):
                if path:
                    return read_arrays(path)
        return {}

    def damaged(self, error: Exception) -> DamagedState:
        """Return what to raise if the saved state cannot be used."""
        return DamagedState(
            f"artifact {STATE}/{self._named()} of run {self._run.run_id} is damaged ({error}): "
            f"delete the run's tag {STATE!r} to start that training anew"
        )

    def discard(self) -> None:
        """Delete the state of a training that has finished; a server may keep the files."""
        with suppress(StoreError):
            if self._named():
                self._run.set_tags({STATE: ""})
                self._run.delete_files(STATE)

    def _named(self) -> str:
        return self._run.info().tags.get(STATE, "")


def saved_iteration(info: RunInfo) -> int:
    """Return how many updates the state among a run's artifacts has behind it; 0 without one."""
    named = re.match("[0-9]+(?=-)", info.tags.get(STATE, ""))
    return int(named[0]) if named else 0


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
