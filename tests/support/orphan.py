"""A command with one process that waits until the command is gone, and notes what it saw.

Run it as `python -m tests.support.orphan FOLDER`: FOLDER/begun has what the process answers while
the command lives, and FOLDER/stopped appears once it is asked to stop.
"""

import multiprocessing
import sys
import time
from pathlib import Path

from jobs.training.channel import Board


def wait(folder: Path) -> None:
    channel = Board(folder).channel("abc")
    (folder / "begun").write_text(str(channel.should_stop()))
    while not channel.should_stop():
        time.sleep(0.05)
    (folder / "stopped").touch()


if __name__ == "__main__":
    process = multiprocessing.get_context("forkserver").Process(
        target=wait, args=(Path(sys.argv[1]),)
    )
    process.start()
    process.join()
