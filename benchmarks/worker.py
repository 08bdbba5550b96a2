"""The process in which an engine trains: `python -m benchmarks.worker`, started by `timing`.

It speaks one JSON object a line on standard output. For each setting in turn it warms up, says
`{"ready": true}`, waits for a line on standard input, trains on, and says how long that took. It
ends when standard input does. What libraries print goes to standard error.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from benchmarks.work import load_work

WARM_UP_POINTS = 3
"""Points of the curve before the clock starts: after 1, 101 and 201 updates."""

EVERY = 100
"""Updates from one point to the next, as the assignment's recipe has it."""


class Recorder:
    """Takes the points of one curve; keeps the clock."""

    def __init__(self, talk: TextIO) -> None:
        self.talk = talk
        self.points: list[float] = []
        self.started = self.last = 0.0

    def __call__(self, test_mse: float) -> None:
        self.last = time.perf_counter()
        self.points.append(test_mse)
        if len(self.points) == WARM_UP_POINTS:
            say(self.talk, ready=True)
            sys.stdin.readline()
            self.started = time.perf_counter()


def say(talk: TextIO, **message: Any) -> None:
    """Send one message to the process that waits."""
    print(json.dumps(message), file=talk, flush=True)


def limit_threads(library: str, threads: int) -> None:
    """Let `library` use `threads` threads, by the means it has.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
    elif library == "jax":
        # XLA makes one pool of threads, when it starts, and has no other way to be told its size.
        os.environ["NPROC"] = str(threads)
        os.environ["JAX_PLATFORMS"] = "cpu"
        importlib.import_module("jax")
    elif library == "keras":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    else:
        from aemodel.device import use_threads

        use_threads(threads)


def main() -> None:
    """Train the settings named on the command line, one after the other."""
    parser = argparse.ArgumentParser()
    for name in ("module", "precision", "library", "settings", "folder"):
        parser.add_argument(name)
    parser.add_argument("threads", type=int)
    parser.add_argument("iterations", type=int)
    asked = parser.parse_args()
    talk = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        limit_threads(asked.library, asked.threads)
    except ImportError as error:
        say(talk, missing=str(error))
        return
    say(talk, version=importlib.metadata.version(asked.library))
    train = importlib.import_module(f"benchmarks.peers.{asked.module}").train
    total = EVERY * (WARM_UP_POINTS - 1) + 1 + asked.iterations
    for name in asked.settings.split(","):
        recorder = Recorder(talk)
        train(load_work(name, total, Path(asked.folder)), asked.precision, recorder)
        seconds = recorder.last - recorder.started
        say(talk, setting=name, seconds=seconds, points=recorder.points)
    # TensorFlow takes most of a second to leave: not while others are being timed.
    sys.stdin.read()


if __name__ == "__main__":
    main()
