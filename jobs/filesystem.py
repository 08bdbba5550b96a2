"""Folders and files: a user's paths, where unfinished work is kept, and safe writes."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

CHECKPOINTS_VARIABLE = "CHECKPOINTS"
"""Environment variable: the folder of unfinished work."""


class NotWritable(Exception):
    """A folder that will be needed cannot be written; the message names it and the remedy."""


def checkpoints_folder() -> Path:
    """Return the absolute path of the folder that holds the states of unfinished trainings, and
    the locks of the commands at work: `checkpoints`, unless `CHECKPOINTS` names another."""
    return Path(os.environ.get(CHECKPOINTS_VARIABLE) or "checkpoints").expanduser().absolute()


def is_checkpoints_folder_named() -> bool:
    """Return whether the user named the folder of unfinished work."""
    return bool(os.environ.get(CHECKPOINTS_VARIABLE))


def check_checkpoints_folder(folder: Path) -> None:
    """Make the folder of unfinished work and try to write to it.

    Raises:
        NotWritable: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 16))
    except OSError as error:
        raise NotWritable(
            f"the folder {folder}, where unfinished work is kept, cannot be written ({error}): "
            f"free some space, give write access, or name another with {CHECKPOINTS_VARIABLE}"
        ) from error


def resolve_path(text: str) -> Path:
    """Return the absolute path that a user means, with `~` expanded.

    `mlflow run` works in the project's folder, wherever it was called. So a relative path is looked
    for in the caller's folder first, and in the working directory if there is nothing.
    """
    path = _expanded(Path(text))
    wanted = _caller_folder() / path
    return path.absolute() if os.path.exists(path) and not os.path.lexists(wanted) else wanted


def output_folder(folder: Path = Path("submission")) -> Path:
    """Return the absolute path of the folder of the submission document.

    Like that of any command, a relative one is in the caller's folder: the project of an `mlflow
    run` may be a copy that is deleted afterwards.
    """
    return _caller_folder() / _expanded(folder)


def _expanded(path: Path) -> Path:
    """Return a path with `~` and `~name` expanded, if there is somebody of that name."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _caller_folder() -> Path:
    """Return the folder in which the command was called.

    MLflow does not pass it on, but replaces its shell by this process: its parent is `mlflow run`.
    """
    if "MLFLOW_RUN_ID" in os.environ:
        with suppress(OSError):  # a system without /proc, or the parent of another user
            return Path(os.readlink(f"/proc/{os.getppid()}/cwd"))
    return Path.cwd()


def is_locked(path: Path) -> bool:
    """Return whether another process, or another user, holds the lock file `path`."""
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def promise(what: str) -> str:
    """Return what the same command will do with what is kept here, such as `continues it`.

    MLflow clones a project that is given by a git address into a temporary folder, a new one each
    time: nothing is promised there, unless `CHECKPOINTS` names a folder that lasts.
    """
    if is_checkpoints_folder_named() or not _is_temporary_clone(Path.cwd()):
        return f"the same command {what}"
    return (
        "this is a temporary copy of the project, so nothing continues it: name a lasting folder, "
        f"absolute, with {CHECKPOINTS_VARIABLE}"
    )


def _is_temporary_clone(folder: Path) -> bool:
    """Return whether `mlflow run` made the folder for this run alone."""
    temporary = Path(tempfile.gettempdir()).resolve()
    if "MLFLOW_RUN_ID" not in os.environ or not folder.is_relative_to(temporary):
        return False
    below = folder.relative_to(temporary).as_posix().partition("/")[0]
    return re.fullmatch("tmp[a-z0-9_]{8}", below) is not None


def is_writable(folder: Path) -> bool:
    """Return whether a folder can be written to, or made."""
    try:
        existing = next(
            p for p in (folder, *folder.absolute().parents) if p.is_symlink() or p.exists()
        )
        return existing.is_dir() and os.access(existing, os.W_OK)
    except OSError:  # a name too long, or that no path can have
        return False


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be written that takes the place of `path` when the body ends.

    A kill leaves the old file or the new one, never half of one.

    Raises:
        OSError: it cannot be written; the old file stays, and the space is free again.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
