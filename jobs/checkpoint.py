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
from collections.abc import Mapping
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
    """States cannot be written; the message names the folder and the remedy."""


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
            (self.path / "identity.json").write_text(json.dumps(dict(identity)))
        return True

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
        """Replace the saved state, atomically: a kill leaves the old one or the new one."""
        draft = self.path / "state.new"
        try:
            with draft.open("wb") as file:
                np.savez(file, allow_pickle=False, **state)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.path / "state.npz")
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
        path = self.path / "state.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError) as error:
            raise DamagedCheckpoint(
                f"{path} is damaged ({error}): delete {self.path} to start that training anew"
            ) from error

    def identity(self) -> dict[str, str]:
        """Return which training this is the state of, or nothing where that cannot be read."""
        try:
            found = json.loads((self.path / "identity.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def discard_state(self) -> None:
        """Delete the state of a training that has finished; it is still known as done."""
        (self.path / "state.npz").unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the checkpoint: nothing is left to continue."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def abandoned(identity: Mapping[str, str], folder: Path = FOLDER) -> list[Checkpoint]:
    """Claim and return the checkpoints that no job holds and whose identity has these items.

    Their processes are gone: they were interrupted, or killed without a word.
    """
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    found = (Checkpoint(path.name, folder) for path in paths)
    return [c for c in found if identity.items() <= c.identity().items() and c.claim()]
