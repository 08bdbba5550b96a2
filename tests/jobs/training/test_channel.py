"""The progress board, its lines, and what a terminal or a log file sees."""

import io
import re
import time
from pathlib import Path

import pytest

from jobs.training import channel
from jobs.training.channel import Board, Status, shown
from tests.support.workspace import wait_for


@pytest.fixture
def board(tmp_path: Path) -> Board:
    folder = tmp_path / "board"
    folder.mkdir()
    return Board(folder)


def test_a_status_is_read_as_written(board: Board) -> None:
    status = Status("training", 10, 200, 12.5, 0.05)
    board.write(3, Status())
    board.write(3, status)
    assert board.read(3) == status
    assert [path.name for path in board.folder.iterdir()] == ["3.json"]


def test_a_training_that_wrote_nothing_waits(board: Board) -> None:
    assert board.read(0) == Status("waiting")


def test_the_request_to_stop(board: Board) -> None:
    assert not board.stop_requested
    board.request_stop()
    assert board.stop_requested


def test_a_job_that_is_gone_asks_to_stop(board: Board) -> None:
    board.folder.rmdir()
    assert board.stop_requested


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (Status("evaluating"), "a: evaluating"),
        (Status("training", 0, 100), "a: training"),
        (
            Status("training", 25_000, 100_000, 100.0, 0.038514),
            "a: 25,000 of 100,000 (25%)  100.0 it/s  12:30 left  test MSE 0.03851",
        ),
        (Status("training", 1, 7201, 0.5), "a: 1 of 7,201 (0%)  0.5 it/s  4:00:00 left"),
        (Status("training", 100, 100, 9.0), "a: 100 of 100 (100%)  9.0 it/s  0:00 left"),
    ],
)
def test_lines(status: Status, line: str) -> None:
    assert status.line("a") == line


def test_a_log_file_gets_each_line_once(
    board: Board, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr(channel, "REFRESH_SECONDS", 0.01)
    with shown(board, ["one", "two"]):
        wait_for(lambda: "two: waiting" in capsys.readouterr().err)
        board.write(1, Status("evaluating"))
        time.sleep(0.2)
    assert capsys.readouterr().err == "two: evaluating\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_trainings_live(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    board.write(0, Status("training", 25, 100, 5.0, 0.04))
    with shown(board, ["one", "two"]):
        wait_for(lambda: "waiting" in terminal.getvalue())
        board.write(1, Status("failed"))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).splitlines()
    assert any(re.match(r"one .* 25 of 100 \(25%\)  5\.0 it/s  0:15 left", line) for line in lines)
    assert "failed" in lines[-1]  # the last state is shown, however short
