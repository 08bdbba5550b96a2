"""Live progress of trainings that run in other processes.

Each training writes where it is to a small file; the job shows all of them, as live lines on a
terminal and as plain lines every `PLAIN_SECONDS` elsewhere. A file needs no server and no pickle,
and what a killed process wrote last is still there. The folder also carries the request to stop,
back from the job to its trainings.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAIN_SECONDS = 15.0
REFRESH_SECONDS = 0.5


@dataclass(frozen=True)
class Status:
    """Where one training is."""

    stage: str = "starting"
    """What it is doing, such as `training` or `drawing figures`."""
    done: int = 0
    total: int = 0
    """Updates made, and updates in all."""
    rate: float = 0.0
    """Updates a second."""
    test_mse: float | None = None
    note: str = ""
    """What is amiss, although the training goes on."""

    def line(self, name: str) -> str:
        """Return one line of text: the stage, and while it trains how far, how fast, until when."""
        note = f"  ({self.note})" if self.note else ""
        if self.stage != "training" or not self.rate:
            return f"{name}: {self.stage}{note}"
        share = 100 * self.done / self.total
        error = "" if self.test_mse is None else f"  test MSE {self.test_mse:.5f}"
        return (
            f"{name}: {self.done:,} of {self.total:,} ({share:.0f}%)  {self.rate:.1f} it/s  "
            f"{self.remaining} left{error}{note}"
        )

    @property
    def remaining(self) -> str:
        """Time until the last update, as m:ss or h:mm:ss."""
        seconds = round((self.total - self.done) / self.rate) if self.rate else 0
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Board:
    """The folder through which trainings and their job talk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, index: int, status: Status) -> None:
        """Replace the status of training `index`, atomically; on a full disk the old one stays."""
        path = self.folder / f"{index}.json"
        draft = path.with_suffix(".new")
        with suppress(OSError):  # what is shown is not worth a training
            draft.write_text(json.dumps(status.__dict__))
            os.replace(draft, path)

    def read(self, index: int) -> Status:
        """Return the last status of training `index`."""
        try:
            return Status(**json.loads((self.folder / f"{index}.json").read_text()))
        except FileNotFoundError:
            return Status(stage="waiting")

    def request_stop(self) -> None:
        """Ask every training to save its state and stop."""
        with suppress(OSError):  # the folder is gone, which says the same
            (self.folder / "stop").touch()

    @property
    def stop_requested(self) -> bool:
        """Whether the job asked to stop, or is gone: its folder goes with it."""
        return (self.folder / "stop").exists() or not self.folder.exists()


@contextmanager
def shown(board: Board, names: Sequence[str]) -> Iterator[None]:
    """Show the progress of the named trainings while the context lasts."""
    finished = threading.Event()
    show = _show_live if sys.stderr.isatty() else _show_plain
    thread = threading.Thread(target=show, args=(board, names, finished), daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _show_live(board: Board, names: Sequence[str], finished: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[text]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = [progress.add_task(name, total=None, text="waiting") for name in names]
        ended = False
        while not ended:
            ended = finished.wait(REFRESH_SECONDS)
            for index, task in enumerate(tasks):
                status = board.read(index)
                text = status.line("").removeprefix(": ")
                progress.update(task, completed=status.done, total=status.total or None, text=text)


def _show_plain(board: Board, names: Sequence[str], finished: threading.Event) -> None:
    shown_lines: dict[str, str] = {}
    next_time = 0.0
    while True:
        if time.monotonic() >= next_time:
            next_time = time.monotonic() + PLAIN_SECONDS
            for index, name in enumerate(names):
                line = board.read(index).line(name)
                if shown_lines.get(name) != line:
                    shown_lines[name] = line
                    print(line, file=sys.stderr, flush=True)
        if finished.wait(REFRESH_SECONDS):
            return
