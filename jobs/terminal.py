"""Standard output and error that can always be written to."""

import io
import os
import sys
from typing import Any, TextIO


class _Forgiving(io.FileIO):
    """A file whose reader may be gone: a closed terminal, `| head`, a full disk."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def mend_streams() -> None:
    """Make sure that a failed write to stdout or stderr never ends a training.

    Streams that were closed are opened, to nowhere; what cannot be written is dropped, and a
    character that the terminal does not have becomes a question mark.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    sys.stdout, sys.stderr = _mended(1, sys.stdout), _mended(2, sys.stderr)


def _mended(number: int, stream: TextIO | None) -> io.TextIOWrapper:
    file = io.BufferedWriter(_Forgiving(number, "w", closefd=False))
    encoding = getattr(stream, "encoding", None)
    return io.TextIOWrapper(file, encoding, errors="replace", line_buffering=True)
