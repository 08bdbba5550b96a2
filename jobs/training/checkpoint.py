"""States of unfinished trainings on disk, so that an interrupted one continues where it was.

One folder per run, `checkpoints/<run id>/`: `state.npz` with the arrays of `Training.state`, and
`identity.json` that says which training they belong to. The job holds the lock of the folder while
the run is under way, and the system releases it when the process ends, however it ends: a folder
that nobody holds is of a run that was interrupted. Its training holds a second lock, so that one
that outlives its job for a moment and its successor do not write at the same time.
"""

import fcntl
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path("checkpoints")
"""Where states are kept, relative to the project's folder."""


class DamagedCheckpoint(Exception):
    """A saved state cannot be read; the message names the file and the remedy."""


class NoRoom(Exception):
    """A folder that will be needed cannot be written; the message names it and the remedy."""


def check_room(folder: Path = FOLDER) -> None:
    """Make the folder of states and try to write to it.

    Raises:
        NoRoom: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 16))
    except OSError as error:
        raise NoRoom(
            f"the folder {folder.absolute()}, where unfinished work is noted, cannot be "
            f"written ({error}): free some space, or give write access"
        ) from error


class Checkpoint:
    """The saved state of one run.

    Attributes:
        path: its folder.
        trouble: why `save_if_possible` did not save last time; empty where it did.
    """

    def __init__(self, run_id: str, folder: Path = FOLDER) -> None:
        self.run_id = run_id
        self.path = folder.absolute() / run_id
        self.trouble = ""
        self._held: list[IO[str]] = []

    def claim(self, identity: Mapping[str, str] | None = None) -> bool:
        """Take the run for this job, until it ends; return False where another job has it.

        Args:
            identity: what to write down of the training, by which `abandoned` finds it again;
                None leaves what is written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        handle = (self.path / "job.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._held.append(handle)
        if identity is not None:
            self._replace("identity.json", lambda file: file.write(json.dumps(identity).encode()))
        return True

    def rename(self, run_id: str) -> None:
        """Go on as the checkpoint of `run_id`."""
        path = self.path.with_name(run_id)
        if path != self.path:
            self.path = self.path.rename(path)
            self.run_id = run_id

    def wait_for_training(self) -> None:
        """Take the run for the training in this process, once an earlier one has let go of it."""
        handle = (self.path / "training.lock").open("w")
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._held.append(handle)

    def release(self) -> None:
        """Let others take the run."""
        for handle in self._held:
            handle.close()
        self._held.clear()

    def save(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Replace the saved state."""
        self._replace("state.npz", lambda file: np.savez(file, allow_pickle=False, **state))

    def _replace(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file atomically: a kill leaves the old one or the new one."""
        draft = self.path / f"{name}.new"
        try:
            with draft.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.path / name)
        except OSError:
            with suppress(OSError):  # a full disk is not left full
                draft.unlink()
            raise

    def save_if_possible(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Save a state; where the disk cannot take it, warn once and note why in `trouble`."""
        try:
            self.save(state)
            self.trouble = ""
        except OSError as error:
            if not self.trouble:
                print(
                    f"Warning: the state of run {self.run_id} cannot be saved in {self.path} "
                    f"({error}). The training goes on, but could not be continued if it were "
                    "interrupted now: free some space.",
                    file=sys.stderr,
                    flush=True,
                )
            self.trouble = f"its state cannot be saved ({error})"

    def load(self) -> dict[str, NDArray[Any]] | None:
        """Return the saved state, or None where none was saved yet.

        Raises:
            DamagedCheckpoint: the file is incomplete or changed.
        """
        try:
            with self._state.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError, RuntimeError) as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> DamagedCheckpoint:
        """Return what to raise where the saved state cannot be used."""
        return DamagedCheckpoint(
            f"{self._state} is damaged ({error}): delete {self.path} to start that training anew"
        )

    @property
    def _state(self) -> Path:
        return self.path / "state.npz"

    def identity(self) -> dict[str, str]:
        """Return which training this is the state of, or nothing where that cannot be read."""
        try:
            found = json.loads((self.path / "identity.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def discard_state(self) -> None:
        """Delete the state of a training that has finished; it is still known as done."""
        self._state.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the checkpoint: nothing is left to continue."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def abandoned(identity: Mapping[str, str], folder: Path = FOLDER) -> list[Checkpoint]:
    """Claim and return the checkpoints that no job holds and whose identity has these items.

    Their processes are gone: they were interrupted, or killed without a word. Checkpoints that
    belong to another user are left to that one.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        checkpoint = Checkpoint(path.name, folder)
        with suppress(PermissionError):
            if identity.items() <= checkpoint.identity().items() and checkpoint.claim():
                found.append(checkpoint)
    return found
