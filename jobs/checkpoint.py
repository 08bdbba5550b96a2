"""States of unfinished trainings on disk, so that an interrupted one continues where it was.

One folder per run, `checkpoints/<run id>/`: `state.npz` with the arrays of `Training.state`, and
`identity.json` that says which training they belong to. A process holds the lock of the folder
while its run is under way, and the system releases it when the process ends, however it ends: a
folder that nobody holds is of a run that was interrupted.
"""

import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path("checkpoints")
"""Where states are kept, relative to the project's folder."""


class DamagedCheckpoint(Exception):
    """A saved state cannot be read; the message names the file and the remedy."""


class Checkpoint:
    """The saved state of one run; usable while `lock` holds it."""

    def __init__(self, run_id: str, folder: Path = FOLDER) -> None:
        self.run_id = run_id
        self.path = folder.absolute() / run_id
        self._lock: IO[str] | None = None

    def lock(self) -> bool:
        """Take the checkpoint for this process; return False where another process has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        handle = (self.path / "lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._lock = handle
        return True

    def release(self) -> None:
        """Let other processes take the checkpoint."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def save(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Replace the saved state, atomically: a kill leaves the old one or the new one."""
        draft = self.path / "state.new"
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.path / "state.npz")

    def load(self) -> dict[str, NDArray[Any]] | None:
        """Return the saved state, or None where none was saved yet.

        Raises:
            DamagedCheckpoint: the file is incomplete or changed.
        """
        path = self.path / "state.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError) as error:
            raise DamagedCheckpoint(
                f"{path} is damaged ({error}): delete {self.path} to start that training anew"
            ) from error

    def describe(self, identity: Mapping[str, str]) -> None:
        """Write down which training this is the state of."""
        (self.path / "identity.json").write_text(json.dumps(dict(identity)))

    def identity(self) -> dict[str, str]:
        """Return what `describe` wrote, or nothing where that cannot be read."""
        try:
            found = json.loads((self.path / "identity.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def has_state(self) -> bool:
        """Whether a state was saved, and not discarded since."""
        return (self.path / "state.npz").exists()

    def discard_state(self) -> None:
        """Delete the state of a training that has finished; it is still known as done."""
        (self.path / "state.npz").unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the checkpoint: nothing is left to continue."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def abandoned(identity: Mapping[str, str], folder: Path = FOLDER) -> list[Checkpoint]:
    """Return the checkpoints, locked now, that no process holds and whose identity has these items.

    Their processes are gone: they were interrupted, or killed without a word.
    """
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    found = (Checkpoint(path.name, folder) for path in paths)
    return [c for c in found if identity.items() <= c.identity().items() and c.lock()]
