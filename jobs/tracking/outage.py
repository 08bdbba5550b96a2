"""What the tracking store cannot do: for now, which is worth waiting for, or at all."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_VARIABLE = "TRACKING_PATIENCE"
"""Environment variable: the maximum number of seconds to wait, at the end, for an unavailable
store."""

PATIENCE = 600.0
"""The same if the variable is not set."""

RETRY_SECONDS = 5.0
"""Seconds between two tries."""


class StoreError(Exception):
    """The tracking store cannot be used; the message says why and what to do.

    Attributes:
        status: the HTTP status that stands for the error; 0 if there is none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class StoreUnavailable(StoreError):
    """The store does not answer, or cannot be written, for now: trying again later may help."""


def retry_until_available(
    action: Callable[[], T], notice: Callable[[str], None], give_up: Callable[[], bool]
) -> T:
    """Return what `action` returns, trying again while the store it talks to is unavailable.

    Args:
        action: may be tried any number of times, and interrupted anywhere.
        notice: called with what is being waited for.
        give_up: asked whether to stop waiting.

    Raises:
        StoreUnavailable: it still is after `patience()` seconds, or `give_up` says so.
        StoreError: the action raised it, for waiting does not help.
    """
    deadline = time.monotonic() + patience()
    last_notice = ""
    while True:
        try:
            return action()
        except StoreUnavailable as error:
            left = deadline - time.monotonic()
            if left <= 0 or give_up():
                raise
            text = f"{error}; waiting for it, {max(left / 60, 1):.0f} min at most"
            if text != last_notice:
                notice(text)
            last_notice = text
        time.sleep(min(RETRY_SECONDS, left))


def patience() -> float:
    """Return how long to wait for an unavailable store, in seconds.

    Raises:
        StoreError: the environment variable is not a number of seconds.
    """
    text = os.environ.get(PATIENCE_VARIABLE, str(PATIENCE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise StoreError(f"{PATIENCE_VARIABLE}={text!r} is not a number of seconds, 0 or more")
    return seconds
