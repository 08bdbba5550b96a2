"""What the operating system has no single call for: a safe write, and whether one can work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


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
