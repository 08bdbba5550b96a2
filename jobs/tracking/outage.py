"""When the tracking store cannot be used: told from other errors, and waited for."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PATIENCE_VARIABLE = "TRACKING_PATIENCE"
"""Environment variable: the most seconds to wait, at the end, for a store that is away."""

PATIENCE = 600.0
"""The same where the variable is not set."""

RETRY_SECONDS = 5.0
"""Seconds between two tries."""

BRIEF_SECONDS = "10"


class StoreError(Exception):
    """The tracking store cannot be used; the message says why and what to do."""


class StoreAway(StoreError):
    """The store does not answer, or cannot be written, for now: trying again later may help."""


@contextmanager
def reaching(tracking_uri: str) -> Iterator[None]:
    """Raise `StoreAway` for what the store at `tracking_uri` fails to do for now.

    Connections that are refused or time out, HTTP statuses of 500 and above, a locked database, a
    full disk: all else that is raised passes as it is.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if not is_temporary(error):
            raise
        raise StoreAway(
            f"the tracking store {tracking_uri} cannot be reached or written ({innermost(error)})"
        ) from error


@contextmanager
def briefly() -> Iterator[None]:
    """Give every request to a server one try of at most `BRIEF_SECONDS`."""
    brief = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": BRIEF_SECONDS}
    before = {name: os.environ.get(name) for name in brief}
    os.environ.update(brief)  # which MLflow reads again for every request
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def patiently(
    action: Callable[[], T],
    tracking_uri: str,
    notice: Callable[[str], None],
    give_up: Callable[[], bool],
) -> T:
    """Return what `action` returns, trying again while the store it talks to is away.

    Args:
        action: may be tried any number of times, and cut off anywhere.
        tracking_uri: where the store is.
        notice: told what is being waited for.
        give_up: asked whether to wait no longer.

    Raises:
        StoreAway: it still is after `patience()` seconds, or `give_up` says so.
    """
    deadline = time.monotonic() + patience()
    told = ""
    while True:
        try:
            with reaching(tracking_uri):
                return action()
        except StoreAway as error:
            left = deadline - time.monotonic()
            if left <= 0 or give_up():
                raise
            text = f"{error}; waiting for it, {max(left / 60, 1):.0f} min at most"
            if text != told:
                notice(text)
            told = text
        time.sleep(min(RETRY_SECONDS, left))


def patience() -> float:
    """Return how long to wait for a store that is away, in seconds.

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


def http_status(error: Exception) -> int:
    """Return the HTTP status that stands for an error of MLflow; 0 for an error of another kind."""
    from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException

    if not isinstance(error, MlflowException):
        return 0
    return int(ERROR_CODE_TO_HTTP_STATUS.get(error.error_code, 500))


def is_temporary(error: Exception) -> bool:
    """Return whether an error of the store, or of the way to it, may be over later."""
    if status := http_status(error):
        return status >= 500 or status in (408, 429)
    cause = innermost(error)
    return isinstance(cause, OSError | sqlite3.OperationalError) and not is_damage(cause)


def is_damage(cause: BaseException) -> bool:
    """Return whether SQLite met tables it did not expect, or no database at all."""
    damage = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    code: int = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in damage  # the lowest byte is the kind of error, the rest its detail


def innermost(error: BaseException) -> BaseException:
    """Return what the error began with, below those that were raised for it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
