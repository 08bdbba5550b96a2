"""What the machine can do at most: its rate of matrix multiplication, as TensorFlow reaches it."""

import multiprocessing
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SIZE = 4000
"""Rows and columns: large enough that nothing but the products counts, and no power of two, whose
products can take twice as long."""

REPETITIONS = 6


def in_new_process(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function` in a fresh process: threads can be chosen there, and memory is given back."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *args, **kwargs).result()


def matrix_rates(threads: int, precisions: Sequence[str]) -> dict[str, float]:
    """Return, for each precision, the GFLOP/s of the fastest of a few products of square matrices.

    The fastest, since whatever else the machine does can only slow a product down.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)

    def seconds(precision: str) -> float:
        a, b = (tf.cast(tf.random.normal((SIZE, SIZE)), precision) for _ in range(2))
        times = []
        for _ in range(REPETITIONS):
            started = time.perf_counter()
            tf.matmul(a, b).numpy()
            times.append(time.perf_counter() - started)
        return min(times)

    return {precision: 2e-9 * SIZE**3 / seconds(precision) for precision in precisions}


def processor() -> str:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            names = (line.split(":", 1)[1].strip() for line in cpuinfo if "model name" in line)
            return next(names, platform.machine())
    except OSError:
        return platform.processor() or platform.machine()
