"""Ownership of runs: a RUNNING run that no live command owns was interrupted.

A command that makes runs holds the lock of one file, `checkpoints/<id>.lock`, from before its first
run is made, and every run it makes or continues has the tag `owner=<host>:<id>`. The system
releases the lock when the process ends, however it ends. So a run of this folder that is RUNNING
although its owner's lock can be taken was interrupted, at whatever moment that was, also if the
store made it in a request that it called failed.

On a cluster, where no lock file reaches every process, leases say the same: `jobs.tracking.lease`.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from jobs.environment import short_timeouts
from jobs.filesystem import checkpoints_folder, is_locked, promise
from jobs.tracking.lease import RENEWED, is_leased
from jobs.tracking.outage import StoreError, StoreUnavailable
from jobs.tracking.run import Run, RunInfo
from jobs.tracking.store import OWNER, Store

STOPPED = "stopped at once"
LOST = "its process ended without a word"
"""Reasons of runs that their command did not end."""

REGISTER_LOCK = "register.lock"
"""Held by a command while it finds or makes the runs of its trainings."""


@contextmanager
def owning(store: Store) -> Iterator[Store]:
    """Yield the store with a new owner, that of all runs made with it; at the end, end them.

    What is RUNNING then is marked KILLED. If the store is unavailable, the next command does it.
    """
    folder, name = checkpoints_folder(), uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    owned = replace(store, owner=f"{socket.gethostname()}:{name}")
    with FileLock(path):
        try:
            yield owned
        finally:
            with suppress(StoreError), short_timeouts():
                for info in list(owned.running(owned.owner)):
                    Run(store.client, info.run_id).end(
                        "KILLED", f"{STOPPED}; {promise('continues it')}"
                    )
                path.unlink(missing_ok=True)


@contextmanager
def registering() -> Iterator[None]:
    """Let one command at a time find and take over runs of this folder."""
    folder = checkpoints_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REGISTER_LOCK
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink()


@contextmanager
def owned_run(store: Store, name: str, parent: Run | None = None) -> Iterator[Run]:
    """Make a run for other work than training, and end it with the outcome of the body.

    Without a parent it is the run that `mlflow run` made, if there is one. A body that is tried
    again since the store was unavailable goes on in the same run.
    """
    with nullcontext(store) if store.owner else owning(store) as owned:
        run = owned.create_run(name, parent) if parent else owned.adopt_run(name)
        try:
            yield run
            run.end("FINISHED")
        except StoreUnavailable:
            raise
        except BaseException as error:
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            with suppress(StoreError), short_timeouts():  # else the owner's end does it
                run.end(status, f"{type(error).__name__}: {error}")
            raise


def mark_orphans(store: Store) -> None:
    """Mark as KILLED the runs of this folder whose command is gone."""
    gone = set()
    for info in list(store.running(f"{socket.gethostname()}:%")):
        lock = _lock_of(info.tags[OWNER])
        if lock and lock.exists() and not is_locked(lock):
            _end(store, info, LOST)
            gone.add(lock)
    for lock in gone:
        lock.unlink(missing_ok=True)


def mark_expired(store: Store) -> None:
    """Mark as KILLED the runs of clusters' commands that are gone, wherever they were."""
    query = f"attributes.status = 'RUNNING' and tags.{RENEWED} != ''"
    for owner in {info.tags.get(OWNER, "") for info in store.search(query)} - {"", store.owner}:
        if not is_at_work(owner) and not is_leased(store, owner):
            for info in list(store.running(owner)):
                _end(store, info, LOST)


def _end(store: Store, info: RunInfo, reason: str) -> None:
    Run(store.client, info.run_id).end("KILLED", f"{reason}; {promise('continues it')}")


def is_at_work(owner: str) -> bool:
    """Return whether the command that a run's `owner` tag names is at work, in this folder."""
    lock = _lock_of(owner)
    return lock is not None and lock.exists() and is_locked(lock)


def _lock_of(owner: str) -> Path | None:
    """Return the lock file of an owner in this folder, or None for what is not an owner's name."""
    named = re.fullmatch(r".*:([0-9a-f]{32})", owner)
    return checkpoints_folder() / f"{named[1]}.lock" if named else None
