"""Between a training and its command: progress out, the request to stop in.

A training knows a `ProgressChannel` alone; what carries it is up to the backend that runs the
training. On this machine it is a folder: each training writes where it is to a small file, which
needs no server and no pickle, and what a killed process wrote last is still there. The command
shows all of them, as live lines on a terminal and as plain lines every `PLAIN_SECONDS` elsewhere.
"""

import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jobs.training.outcome import RunStatus

PLAIN_SECONDS = 15.0
REFRESH_SECONDS = 0.5

WAITING = "waiting"
"""Stage of a training that no process has begun yet."""

ENDED = {status.lower() for status in RunStatus}
"""Stages of trainings that are over."""


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
    def has_ended(self) -> bool:
        """Whether it is over, however it ended."""
        return self.stage in ENDED

    @property
    def is_at_work(self) -> bool:
        """Whether a process is at it."""
        return self.stage != WAITING and not self.has_ended

    @property
    def remaining(self) -> str:
        """Time until the last update, as m:ss or h:mm:ss."""
        rate = self.iterations_per_second
        return clock((self.total - self.done) / rate if rate else 0)


def clock(seconds: float) -> str:
    """Return a time as m:ss or h:mm:ss."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


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

    def report(self, progress: TrainingProgress) -> None:
        draft = self.path.with_suffix(".new")
        with suppress(OSError):  # a full disk: what is shown is not worth a training
            draft.write_text(json.dumps(progress.__dict__))
            os.replace(draft, self.path)

    def should_stop(self) -> bool:
        command = multiprocessing.parent_process()  # None in the command's own process
        return self.stop.exists() or (command is not None and not command.is_alive())


@dataclass(frozen=True)
class Board:
    """The progress of all trainings of a command, in a folder of this machine."""

    folder: Path

    def channel(self, run_id: str) -> FolderChannel:
        """Return the channel of the training in the run `run_id`."""
        return FolderChannel(self._file(run_id), self._stop)

    def read(self, run_id: str) -> TrainingProgress:
        """Return the last progress of a training."""
        try:
            written = json.loads(self._file(run_id).read_text())
        except FileNotFoundError:
            return TrainingProgress(stage=WAITING)
        return TrainingProgress(**written)

    def is_waiting(self, run_id: str) -> bool:
        """Return whether no process has begun a training yet."""
        return self.read(run_id).stage == WAITING

    @property
    def is_stopping(self) -> bool:
        """Whether the trainings are asked to stop."""
        return self._stop.exists()

    def request_stop(self) -> None:
        """Ask every training to save its state and stop."""
        with suppress(OSError):
            self._stop.touch()

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    @property
    def _stop(self) -> Path:
        return self.folder / "stop"


Summary = Callable[[Sequence[TrainingProgress], float], str]
"""Returns one line on all trainings, from the progress of each and the seconds so far."""


@contextmanager
def shown(board: Board, names: Mapping[str, str], summary: Summary | None = None) -> Iterator[None]:
    """Show the progress of trainings while the context lasts.

    Args:
        board: where their progress is.
        names: run id -> name of the training.
        summary: for trainings that take turns: only those at work are shown, with this line.
    """
    finished = threading.Event()
    show = _show_live if sys.stderr.isatty() else _show_plain
    thread = threading.Thread(target=show, args=(board, names, summary, finished), daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _show_live(
    board: Board, names: Mapping[str, str], summary: Summary | None, finished: threading.Event
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[text]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {
            run_id: progress.add_task(name, total=None, text="waiting", visible=summary is None)
            for run_id, name in names.items()
        }
        whole = progress.add_task("all", visible=summary is not None, text="")
        started, ended = time.monotonic(), False
        while not ended:
            ended = finished.wait(REFRESH_SECONDS)
            everything = {bar: board.read(run_id) for run_id, bar in bars.items()}
            for bar, now in everything.items():
                text = now.line("").removeprefix(": ")
                progress.update(
                    bar,
                    completed=now.done,
                    total=now.total or None,
                    text=text,
                    visible=summary is None or now.is_at_work,
                )
            if summary:
                text = summary(list(everything.values()), time.monotonic() - started)
                done = sum(now.has_ended for now in everything.values())
                progress.update(whole, completed=done, total=len(bars), text=text)


def _show_plain(
    board: Board, names: Mapping[str, str], summary: Summary | None, finished: threading.Event
) -> None:
    shown_lines: dict[str, str] = {}
    started, next_time = time.monotonic(), 0.0
    while True:
        if time.monotonic() >= next_time:
            next_time = time.monotonic() + PLAIN_SECONDS
            everything = {name: board.read(run_id) for run_id, name in names.items()}
            lines = {
                name: now.line(name)
                for name, now in everything.items()
                if summary is None or now.is_at_work
            }
            if summary:
                lines[""] = summary(list(everything.values()), time.monotonic() - started)
            for name, line in lines.items():
                if shown_lines.get(name) != line:
                    shown_lines[name] = line
                    print(line, file=sys.stderr, flush=True)
        if finished.wait(REFRESH_SECONDS):
            return
