"""How trainings share the cores."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shares:
    """Processes, the threads of each training, and the order in which they start."""

    workers: int
    threads: tuple[int, ...]
    """Threads of each training, in the order the trainings were given."""
    order: tuple[int, ...]
    """Indices of the trainings, first to start first."""


def available_cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(costs: Sequence[float], workers: int, cores: int = 0) -> Shares:
    """Share `cores` (0: those available) among trainings of the given costs.

    The longest starts first. A training has as many threads as its share of the whole work is worth
    in cores, rounded up: one that is longer than all others together can then use the cores that
    they leave, and is not left alone on one of them. The rest have one thread each, since a small
    network gains more from a neighbour than from a second thread.

    Args:
        costs: estimated work of each training, in any unit.
        workers: processes to use; 0 chooses.
    """
    cores = cores or available_cores()
    workers = min(workers or cores, len(costs))
    total = sum(costs)
    threads = tuple(min(cores, math.ceil(cores * cost / total)) for cost in costs)
    order = sorted(range(len(costs)), key=lambda i: -costs[i])
    return Shares(workers, threads, tuple(order))
