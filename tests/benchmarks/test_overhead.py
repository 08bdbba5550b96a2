"""Stacks of py-spy, booked on stages."""

from benchmarks.overhead import RATE, seconds_of

COMMAND = 'process 10:"python -m jobs train"'
WORKER = f'{COMMAND};process 12:"python -m loky"'
STACKS = [
    f"{COMMAND};thread (10): MainThread;<module> (__main__.py:9);"
    "_in_processes (jobs/training/executor.py:90) 300",
    f"{COMMAND};thread (11): Thread-1 (watch);watch (jobs/training/channel.py:5) 900",
    f"{WORKER};thread (12): MainThread;Trainer.run (aemodel/training.py:7);"
    "_find_and_load (<frozen importlib._bootstrap>:1176) 50",
    f"{WORKER};thread (12): MainThread;Trainer.run (aemodel/training.py:7) 200",
    f"{WORKER};thread (12);main (loky.py:3) 25",
]


def test_looks_at_main_threads_are_seconds_of_stages() -> None:
    command, worker = seconds_of(STACKS).values()
    assert command == {"waiting for workers": 300 / RATE}
    assert worker == {"imports": 50 / RATE, "training": 200 / RATE, "other": 25 / RATE}


def test_lines_that_are_no_stacks_are_passed_over() -> None:
    assert seconds_of(["", "def child():", COMMAND]) == {}


def test_the_first_stage_in_the_list_counts() -> None:
    frames = "write_files (jobs/artifacts/files.py:1);_write_explorer (jobs/artifacts/files.py:9)"
    (seconds,) = seconds_of([f"{COMMAND};thread (10);{frames} 7"]).values()
    assert set(seconds) == {"explorer page"}
