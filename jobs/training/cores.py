"""How trainings share the cores."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

NICE_STEP = 1.25
"""Ratio of the shares of two threads whose niceness differs by one."""


@dataclass(frozen=True)
class Allocation:
    """Processes, the threads of each training, and the order in which they start."""

    workers: int
    threads: tuple[int, ...]
    """Threads of each training, in the order the trainings were given."""
    order: tuple[int, ...]
    """Indices of the trainings, first to start first."""
    niceness: tuple[int, ...] = ()
    """How far the process of each training gives way to the others (`os.nice`)."""


def available_cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def allocate_cores(
    costs: Sequence[float], workers: int, cores: int = 0, threads: int = 0
) -> Allocation:
    """Share `cores` (0: those available) among trainings of the given costs, the longest first.

    Left to choose, few trainings (up to two a core) all start at once, each with as many threads as
    its share of the work is worth in cores, rounded up: one that is longer than all others together
    uses what they leave, and is not left alone on one core. The shorter give way to the longer: a
    long one that is left for the end has cores that its threads do not fill. Many trainings have
    one thread each, on as many processes as there are cores: a small network gains more from a
    neighbour than from a second thread. TensorFlow fixes the threads of a process when it starts,
    so processes that take several trainings in turn have the same number for all. Each takes up to
    1 GB, of which they share a third where they are forked from one that has imported everything.

    Simulated from measured costs on 2 to 16 cores, for three and nine trainings, no other plan is
    more than 6% faster (`python -m benchmarks sharing`).

    Args:
        costs: estimated work of each training, in any unit; none if all were finished before.
        workers: processes to use, which then have equal threads; 0 chooses.
        cores: cores to share.
        threads: threads of every training; 0 chooses. With both left to choose, as above; with only
            the threads given, there are as many processes as have them on cores of their own.
    """
    cores = cores or available_cores()
    count = len(costs)
    order = tuple(sorted(range(count), key=lambda i: -costs[i]))
    if count == 0:
        return Allocation(0, (), ())
    if workers == threads == 0 and count <= 2 * cores:
        worth = [cores * cost / sum(costs) for cost in costs]
        each = tuple(min(cores, math.ceil(w)) for w in worth)
        return Allocation(count, each, order, _niceness(costs, each))
    workers = min(workers or max(1, cores // (threads or 1)), count)
    each = (threads or max(1, cores // workers),) * count
    # A process that takes several trainings cannot take back that it gave way.
    niceness = _niceness(costs, each) if workers == count else (0,) * count
    return Allocation(workers, each, order, niceness)


def _niceness(costs: Sequence[float], threads: Sequence[int]) -> tuple[int, ...]:
    """Return by how much each training gives way: to get time in proportion to its cost.

    A step of niceness takes a fifth of the share of each of its threads (Linux, `sched(7)`).
    """
    works = [cost / count for cost, count in zip(costs, threads, strict=True)]
    most = max(works)
    return tuple(min(19, round(math.log(most / work, NICE_STEP))) for work in works)
