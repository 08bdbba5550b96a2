"""Between a training and its command: progress out, the request to stop in.

A training knows a `ProgressChannel` alone; what carries it is up to the backend that runs the
training. On this machine it is a folder: each training writes where it is to a small file, which
needs no server and no pickle, and what a killed process wrote last is still there. The command
shows all of them, as live lines on a terminal and as plain lines every `PLAIN_SECONDS` elsewhere.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

PLAIN_SECONDS = 15.0
REFRESH_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """Where one training is."""

    stage: str = "starting"
    """What it is doing, such as `training` or `drawing figures`."""
    done: int = 0
    total: int = 0
    """Updates made, and updates in all."""
    iterations_per_second: float = 0.0
    test_mse: float | None = None
    note: str = ""
    """A problem that does not stop the training."""

    def line(self, name: str) -> str:
        """Return one line of text: the stage, and while it trains how far, how fast, until when."""
        note = f"  ({self.note})" if self.note else ""
        if self.stage != "training" or not self.iterations_per_second:
            return f"{name}: {self.stage}{note}"
        share = 100 * self.done / self.total
        error = "" if self.test_mse is None else f"  test MSE {self.test_mse:.5f}"
        return (
            f"{name}: {self.done:,} of {self.total:,} ({share:.0f}%)  "
            f"{self.iterations_per_second:.1f} it/s  {self.remaining} left{error}{note}"
        )

    @property
    def remaining(self) -> str:
        """Time until the last update, as m:ss or h:mm:ss."""
        rate = self.iterations_per_second
        seconds = round((self.total - self.done) / rate) if rate else 0
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class ProgressChannel(Protocol):
    """What a training knows of its command."""

    def report(self, progress: TrainingProgress) -> None:
        """Say where the training is; nothing that fails here ends it."""

    def should_stop(self) -> bool:
        """Return whether the command asked to stop, or is gone."""


@dataclass(frozen=True)
class FolderChannel:
    """The channel of a training that runs on the machine of its command."""

    path: Path
    """Of the file with its progress."""
    stop: Path
    """File that asks to stop."""
    command: int
    """Process id of the command: of this process, or of the one that started it."""

    def report(self, progress: TrainingProgress) -> None:
        draft = self.path.with_suffix(".new")
        with suppress(OSError):  # a full disk: what is shown is not worth a training
            draft.write_text(json.dumps(progress.__dict__))
            os.replace(draft, self.path)

    def should_stop(self) -> bool:
        return self.stop.exists() or self.command not in (os.getpid(), os.getppid())


@dataclass(frozen=True)
class Board:
    """The progress of all trainings of a command, in a folder of this machine."""

    folder: Path
    command: int = field(default_factory=os.getpid)
    """Process id of the command."""

    def channel(self, run_id: str) -> FolderChannel:
        """Return the channel of the training in the run `run_id`."""
        return FolderChannel(self._file(run_id), self._stop, self.command)

    def read(self, run_id: str) -> TrainingProgress:
        """Return the last progress of a training."""
        try:
            written = json.loads(self._file(run_id).read_text())
        except FileNotFoundError:
            return TrainingProgress(stage="waiting")
        return TrainingProgress(**written)

    def request_stop(self) -> None:
        """Ask every training to save its state and stop."""
        with suppress(OSError):
            self._stop.touch()

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    @property
    def _stop(self) -> Path:
        return self.folder / "stop"


@contextmanager
def shown(board: Board, names: Mapping[str, str]) -> Iterator[None]:
    """Show the progress of trainings while the context lasts.

    Args:
        board: where their progress is.
        names: run id -> name of the training.
    """
    finished = threading.Event()
    show = _show_live if sys.stderr.isatty() else _show_plain
    thread = threading.Thread(target=show, args=(board, names, finished), daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _show_live(board: Board, names: Mapping[str, str], finished: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[text]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {
            run_id: progress.add_task(name, total=None, text="waiting")
            for run_id, name in names.items()
        }
        ended = False
        while not ended:
            ended = finished.wait(REFRESH_SECONDS)
            for run_id, bar in bars.items():
                now = board.read(run_id)
                text = now.line("").removeprefix(": ")
                progress.update(bar, completed=now.done, total=now.total or None, text=text)


def _show_plain(board: Board, names: Mapping[str, str], finished: threading.Event) -> None:
    shown_lines: dict[str, str] = {}
    next_time = 0.0
    while True:
        if time.monotonic() >= next_time:
            next_time = time.monotonic() + PLAIN_SECONDS
            for run_id, name in names.items():
                line = board.read(run_id).line(name)
                if shown_lines.get(name) != line:
                    shown_lines[name] = line
                    print(line, file=sys.stderr, flush=True)
        if finished.wait(REFRESH_SECONDS):
            return
