"""Leases: which process trains in a run, where no lock file reaches.

On one machine a command's lock file says that it is at work (`jobs.tracking.ownership`). Processes
on several machines share the tracking server alone, so there the runs themselves say it, in three
tags that change hands and expire:

- `lease_holder`: the process that trains in the run. Who takes a training over writes its own name
  here, and at most `LEASE_SECONDS` later whoever held it before finds that out and stops: nothing
  is trained by two for longer.
- `lease_renewed`: the time, in seconds since 1970, at which a process last said that it is at
  work, in this run or in another of the same owner. An owner none of whose runs was renewed for
  `LEASE_SECONDS` is gone. The clocks of the machines agree to `CLOCK_SECONDS`: the checks before a
  training see to it.
- `command_renewed`: the time at which the owner's command itself said so, in one of its runs. The
  trainings of a command that was killed go on for a while: they do not keep its runs from the
  command that is given again, which takes their leases over.
"""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

from jobs.tracking.outage import StoreError
from jobs.tracking.run import Run
from jobs.tracking.store import Store

LEASE_SECONDS = 60.0
RENEW_SECONDS = LEASE_SECONDS / 4
CLOCK_SECONDS = LEASE_SECONDS / 4

HOLDER, RENEWED, COMMAND = "lease_holder", "lease_renewed", "command_renewed"


class LeaseLost(Exception):
    """Another process has taken the training over: this one leaves the run alone."""


@dataclass
class Lease:
    """The right of one process to write to a run.

    Attributes:
        holder: name of the process, another one each time a training is begun or continued.
        is_inherited: whether another process held the lease before.
    """

    holder: str = field(default_factory=lambda: uuid4().hex)
    is_inherited: bool = False
    _taken: float = 0.0

    def take(self, run: Run) -> None:
        """Take the run over from whoever holds it."""
        self.is_inherited = HOLDER in run.info().tags
        run.set_tags({HOLDER: self.holder} | renewal())
        self._taken = time.monotonic()

    def check(self, run: Run) -> None:
        """Raise LeaseLost if another process has taken the run over."""
        holder = run.info().tags.get(HOLDER)
        if holder != self.holder:
            raise LeaseLost(f"another process trains in run {run.run_id} now")

    @property
    def has_company(self) -> bool:
        """Whether a process that held the lease before may not know yet that it is lost."""
        return self.is_inherited and time.monotonic() - self._taken < LEASE_SECONDS


def renewal() -> dict[str, str]:
    """Return the tag that says that a process is at work now."""
    return {RENEWED: str(int(time.time()))}


def is_renewed(tags: Mapping[str, str]) -> bool:
    """Return whether a run's tags say that a process of its owner is at work."""
    return _is_valid(tags.get(RENEWED, ""))


def _is_valid(written: str) -> bool:
    """Return whether a lease that was renewed at the time `written` has not passed."""
    return written.isdecimal() and time.time() - int(written) < LEASE_SECONDS


def is_leased(store: Store, owner: str) -> bool:
    """Return whether a command or a training of this owner said lately that it is at work."""
    return bool(owner) and any(is_renewed(info.tags) for info in store.running(owner))


def outlasts(store: Store, owner: str) -> bool:
    """Return whether a command is at work, waiting until it says so again or its lease has passed.

    Right after a command was killed its lease is valid still.
    """
    first = last = _last_renewal(store, owner)
    if _is_valid(first):
        print(
            "A command with the same trainings was at work a moment ago: waiting for up to "
            f"{LEASE_SECONDS:.0f} s to see whether it still is.",
            file=sys.stderr,
            flush=True,
        )
    while _is_valid(last):
        if last != first:
            return True
        time.sleep(RENEW_SECONDS / 3)
        last = _last_renewal(store, owner)
    return False


def _last_renewal(store: Store, owner: str) -> str:
    """Return when the command of an owner said last that it is at work."""
    renewals = [info.tags.get(COMMAND, "") for info in store.running(owner)] if owner else []
    return max(renewals, default="", key=lambda text: int(text) if text.isdecimal() else 0)


@contextmanager
def renewing(store: Store) -> Iterator[None]:
    """Say in one of the owner's runs, as long as the context lasts, that its command is at work."""
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(store, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(RENEW_SECONDS)


def _renew(store: Store, ended: threading.Event) -> None:
    wait = 1.0
    while not ended.wait(wait):
        with suppress(StoreError):  # the next time
            if infos := list(store.running(store.owner)):
                # The run above the trainings, which is the last to end, if there is one.
                info = min(infos, key=lambda info: info.tags.get("kind") == "training")
                now = renewal()
                Run(store.client, info.run_id).set_tags(now | {COMMAND: now[RENEWED]})
                wait = RENEW_SECONDS
