"""The progress board, its lines, and what a terminal or a log file sees."""

import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.training import channel
from jobs.training.channel import Board, TrainingProgress, shown
from tests.support.project import ROOT


@pytest.fixture
def board(tmp_path: Path) -> Board:
    folder = tmp_path / "board"
    folder.mkdir()
    return Board(folder)


def test_progress_is_read_as_reported(board: Board) -> None:
    progress = TrainingProgress(
        stage="training", done=10, total=200, iterations_per_second=12.5, test_mse=0.05
    )
    channel = board.channel("abc")
    channel.report(TrainingProgress())
    channel.report(progress)
    assert board.read("abc") == progress
    assert [path.name for path in board.folder.iterdir()] == ["abc.json"]


def test_a_training_that_reported_nothing_waits(board: Board) -> None:
    assert board.read("abc") == TrainingProgress(stage="waiting")


def test_the_request_to_stop(board: Board) -> None:
    channel = board.channel("abc")
    assert not channel.should_stop()
    board.request_stop()
    assert channel.should_stop()


def test_a_command_that_is_gone_asks_to_stop(tmp_path: Path) -> None:
    command = subprocess.Popen([sys.executable, "-m", "tests.support.orphan", tmp_path], cwd=ROOT)
    wait_for((tmp_path / "begun").exists, seconds=60)
    command.kill()
    command.wait()
    wait_for((tmp_path / "stopped").exists)
    assert (tmp_path / "begun").read_text() == "False"


def test_a_folder_that_is_missing_means_nothing(board: Board) -> None:
    """A channel on another machine would else stop every training after its first updates."""
    board.folder.rmdir()
    channel = board.channel("abc")
    channel.report(TrainingProgress())
    assert not channel.should_stop()


def training(
    done: int, total: int, rate: float = 0.0, mse: float | None = None
) -> TrainingProgress:
    return TrainingProgress(
        stage="training", done=done, total=total, iterations_per_second=rate, test_mse=mse
    )


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (TrainingProgress(stage="evaluating"), "a: evaluating"),
        (training(0, 100), "a: training"),
        (
            training(25_000, 100_000, 100.0, 0.038514),
            "a: 25,000 of 100,000 (25%)  100.0 it/s  12:30 left  test MSE 0.03851",
        ),
        (training(1, 7201, 0.5), "a: 1 of 7,201 (0%)  0.5 it/s  4:00:00 left"),
        (training(100, 100, 9.0), "a: 100 of 100 (100%)  9.0 it/s  0:00 left"),
    ],
)
def test_lines(progress: TrainingProgress, line: str) -> None:
    assert progress.line("a") == line


def test_a_log_file_gets_each_line_once(
    board: Board, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr(channel, "REFRESH_SECONDS", 0.01)
    with shown(board, {"1": "one", "2": "two"}):
        wait_for(lambda: "two: waiting" in capsys.readouterr().err)
        board.channel("2").report(TrainingProgress(stage="evaluating"))
        time.sleep(0.2)
    assert capsys.readouterr().err == "two: evaluating\n"


def test_of_trainings_that_take_turns_those_at_work_are_shown(
    board: Board, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "REFRESH_SECONDS", 0.01)
    board.channel("1").report(TrainingProgress(stage="finished"))
    board.channel("2").report(TrainingProgress(stage="evaluating"))
    names = {"1": "one", "2": "two", "3": "three"}
    with shown(board, names, lambda trainings, seconds: f"{len(trainings)} trainings"):
        time.sleep(0.2)
    assert capsys.readouterr().err == "two: evaluating\n3 trainings\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_trainings_live(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    board.channel("1").report(training(25, 100, 5.0, 0.04))
    with shown(board, {"1": "one", "2": "two"}):
        wait_for(lambda: "waiting" in terminal.getvalue())
        board.channel("2").report(TrainingProgress(stage="failed"))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).splitlines()
    assert any(re.match(r"one .* 25 of 100 \(25%\)  5\.0 it/s  0:15 left", line) for line in lines)
    assert "failed" in lines[-1]  # the last state is shown, however short


def wait_for(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_terminal_shows_one_line_on_all_that_take_turns(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    board.channel("1").report(TrainingProgress(stage="evaluating"))
    with shown(board, {"1": "one", "2": "two"}, lambda trainings, seconds: "0 of 2 done"):
        wait_for(lambda: "0 of 2 done" in terminal.getvalue())
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).splitlines()
    assert any(re.match(r"one .* evaluating", line) for line in lines)
    assert not any(line.startswith("two") for line in lines)
