"""Curve points and pictures of a running training, buffered until the tracker has them.

A store that does not answer costs a training nothing: what could not be sent waits for the next
try, and what is still unsent when the training is saved is saved with it.
"""

import socket
import time
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.device import hardware
from aemodel.training import Point
from jobs.tracking.lease import Lease, renewal
from jobs.tracking.outage import StoreUnavailable
from jobs.tracking.run import Run

SEND_SECONDS = 5.0
"""Seconds between two tries."""

SHARED_SEND_SECONDS = 15.0
"""The same on a cluster, whose trainings share one server."""

WAITING_SHARE = 0.1
"""Largest share of the time to spend on a slow or unreachable store."""

PICTURE = "picture_"
"""With the iteration, the name of a picture in a saved state."""


class Uploader:
    """Points of the curve and pictures of one training, each sent once.

    A resumed training goes over points again that it sent before it was killed: they are skipped.

    On a cluster, a process that lost its lease sends nothing any more: every call raises LeaseLost.

    Attributes:
        curve: the points so far, oldest first; whoever trains sets it to the growing list.
        pictures: iteration -> picture (height, width) that is not sent yet.
        trouble: why the last try failed; empty after one that succeeded.
    """

    def __init__(
        self, tracking_uri: str, run_id: str, device: str = "cpu", lease: Lease | None = None
    ) -> None:
        self.tracking_uri, self.run_id, self.lease = tracking_uri, run_id, lease
        self._device = device
        self.curve: list[Point] = []
        self.pictures: dict[int, NDArray[np.uint8]] = {}
        self.trouble = ""
        self._start_ms = 0
        self._last_step: int | None = None
        self._next_try = 0.0

    @cached_property
    def run(self) -> Run:
        """The run; opening it needs the store."""
        return Run.open(self.tracking_uri, self.run_id)

    def begin(self, curve: list[Point], seconds: float) -> None:
        """Take over the curve of a training that begins, or goes on after `seconds`, now."""
        self.curve = curve
        self._start_ms = int(1000 * (time.time() - seconds))

    def send_when_due(self) -> None:
        """Send what there is from time to time; if the store is unavailable, note it and go on.

        Raises:
            StoreError: it refuses, and will do so again.
        """
        started = time.monotonic()
        if started < self._next_try:
            return
        try:
            _ = self.run  # opened before the clock starts: importing MLflow takes seconds, once
            started = time.monotonic()
            self.send()
            self.trouble = ""
        except StoreUnavailable as error:
            self.trouble = f"{error}; what it has not received yet is kept"
        now = time.monotonic()
        every = SHARED_SEND_SECONDS if self.lease else SEND_SECONDS
        self._next_try = now + max(every, (now - started) / WAITING_SHARE)

    def send(self) -> None:
        """Send all that is not sent yet; after an error it can be called again."""
        if self.lease:
            self.lease.check(self.run)
        last_step = self._open()
        first = next((i for i, p in enumerate(self.curve) if p.iteration > last_step), None)
        if first is not None:
            before = self.curve[first - 1] if first else None
            self.run.log_points(
                self.curve[first:], before, self._start_ms, renewal() if self.lease else None
            )
            self._last_step = self.curve[-1].iteration
        for iteration in list(self.pictures):
            self.run.log_image("reconstructions", iteration, self.pictures[iteration])
            del self.pictures[iteration]
        if self.lease and first is None:  # no points to renew the lease with
            self.run.set_tags(renewal())

    def _open(self) -> int:
        """Set the run RUNNING, the first time; return the last step that it has."""
        if self._last_step is None:
            self.run.reopen()
            machine = {"host": socket.gethostname(), "processor": hardware()}
            if self._device == "gpu":
                machine["gpu"] = hardware("gpu")
            self.run.set_tags(machine)
        if self._last_step is None or (self.lease and self.lease.has_company):
            self._last_step = self.run.last_step("test_mse")
        return self._last_step

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the pictures that are not sent yet, to be saved with the training's state."""
        return {f"{PICTURE}{iteration}": pixels for iteration, pixels in self.pictures.items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back the pictures of a saved state."""
        for name in sorted(state, key=len):
            if name.startswith(PICTURE):
                self.pictures[int(name.removeprefix(PICTURE))] = state[name]
