"""Running tasks in parallel: the one module that knows joblib, and what becomes of lost processes.

It knows nothing of trainings: a task is what `work` takes and can be sent to another process.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from jobs.environment import prepare_environment
from jobs.terminal import mend_streams
from jobs.training.signals import blocked

T = TypeVar("T")
R = TypeVar("R")

_at_work = threading.Lock()
"""Held by this process while it runs a task."""

TRIES = 2
"""How often a task is begun whose process the system kills."""


def start_server(preloaded: str) -> None:
    """Start the process that those of `execute` are forked from, and let it import a module.

    That goes on beside the caller, who calls it as early as it can. What it has imported its forks
    have at once, and share. It ends with this process.

    Args:
        preloaded: the module; empty for none. It must start no threads that its forks would lack.
            Elsewhere than on Linux, where the system's own libraries start some, it is left out.
    """
    preloads = preloaded and sys.platform == "linux"
    multiprocessing.set_forkserver_preload([preloaded] if preloads else [])
    _ensure_server()


def _ensure_server() -> None:
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # started amid blocked signals, it would lift the block
    with blocked():
        forkserver.ensure_running()


def execute(
    work: Callable[[T], R], tasks: Sequence[T], workers: int, kind: Callable[[T], Hashable]
) -> dict[int, R]:
    """Run tasks in at most `workers` processes, in their order.

    When the system kills a process, joblib gives up the others as well: what did not finish is
    begun once more.

    Args:
        work: called with each task; it raises nothing.
        tasks: what to run.
        workers: processes at a time.
        kind: tasks of different kinds never share a process, since TensorFlow fixes its threads
            when it starts. With fewer processes than tasks, one kind is run after the other.

    Returns:
        Index of the task -> what `work` returned; without those whose process was killed each time.
    """
    results: dict[int, R] = {}
    for _ in range(TRIES):
        left = [index for index in range(len(tasks)) if index not in results]
        for group in _groups(left, workers, lambda index: kind(tasks[index])):
            for index, result in _in_processes(work, {i: tasks[i] for i in group}, workers):
                results[index] = result
    return results


def _groups(
    indices: Sequence[int], workers: int, kind: Callable[[int], Hashable]
) -> list[list[int]]:
    """Return the tasks that may run at the same time, one group after the other."""
    if workers >= len(indices):  # a process for each
        return [list(indices)] if indices else []
    first = {kind(index): number for number, index in reversed(list(enumerate(indices)))}
    ordered = sorted(indices, key=lambda index: first[kind(index)])
    return [list(group) for _, group in groupby(ordered, kind)]


def _in_processes(
    work: Callable[[T], R], tasks: dict[int, T], workers: int
) -> Iterator[tuple[int, R]]:
    """Yield index and result of every task that ends."""
    from concurrent.futures import as_completed

    # Not joblib.Parallel: it would run the tasks of one worker here, in the command's own process.
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    _ensure_server()
    context = multiprocessing.get_context("forkserver")
    executor = get_reusable_executor(
        max_workers=workers, context=context, initializer=_end_with_the_command
    )
    cut_off, killed = True, False
    try:
        with blocked():
            futures = [executor.submit(_run, work, index, task) for index, task in tasks.items()]
        for future in as_completed(futures):
            try:
                yield future.result()
            except TerminatedWorkerError:
                killed = True
        cut_off = False
    finally:
        # A new group has new processes: their memory and their threads are not shared.
        executor.shutdown(wait=True, kill_workers=cut_off)
    if killed:
        print("A training process was killed by the system.", file=sys.stderr, flush=True)


def _end_with_the_command() -> None:
    """Let this process end if the command is killed, when its task is done.

    It would wait for the next one for minutes, or for the rest of one that came in part.
    """

    def wait_and_end() -> None:
        command = multiprocessing.parent_process()
        assert command
        command.join()
        with _at_work:
            os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()


def _run(work: Callable[[T], R], index: int, task: T) -> tuple[int, R]:
    mend_streams()
    prepare_environment()
    with _at_work:
        return index, work(task)
