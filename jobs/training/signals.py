"""What a command makes of the signals that ask it to stop."""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What Ctrl-C, service managers and closed terminals send."""


class StopSignals:
    """While the context lasts, the first `STOPPING` signal calls `request_stop`.

    The second Ctrl-C raises KeyboardInterrupt, and inside `at_once` the first signal does.

    Attributes:
        requested: whether one came.
    """

    def __init__(self, request_stop: Callable[[], None]) -> None:
        self.requested = False
        self._request_stop = request_stop
        self._at_once = False
        self._is_dropping = False
        self._before: dict[signal.Signals, Any] = {}
        self._hook: Callable[[sys.UnraisableHookArgs], Any] = sys.__unraisablehook__

    def __enter__(self) -> "StopSignals":
        self._before = {number: signal.signal(number, self._handle) for number in STOPPING}
        self._hook, sys.unraisablehook = sys.unraisablehook, self._raise_again
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._hook
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the first signal raise KeyboardInterrupt: there is no state to be saved."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def _handle(self, number: int, frame: Any) -> None:
        is_second = self.requested and number == signal.SIGINT
        self.requested = True
        if self._at_once or is_second:
            if not self._is_dropping:
                raise KeyboardInterrupt
            self._interrupt_later()
            return
        self._request_stop()
        with suppress(OSError):  # print() may be interrupted amid its own work
            os.write(2, b"\nStopping: saving the state of every training ...\n")

    def _raise_again(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Interrupt the main program a moment later by what Python would drop.

        It does so if the signal comes amid a destructor, or a callback of the garbage collector; or
        in here, where a busy machine may spend more than that moment.
        """
        if not isinstance(ignored.exc_value, KeyboardInterrupt):
            self._hook(ignored)
            return
        self._is_dropping = True
        try:
            self._interrupt_later()
        finally:
            self._is_dropping = False

    def _interrupt_later(self) -> None:
        threading.Timer(0.01, _thread.interrupt_main).start()


@contextmanager
def blocked() -> Iterator[None]:
    """Start processes that take no notice of `STOPPING` signals, from their first moment on.

    A terminal, or a service manager, sends them to every process. The command alone decides, and
    tells its workers; here they come a little later.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
