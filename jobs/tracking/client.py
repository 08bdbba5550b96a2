"""MLflow's client, with its errors translated: the one place where MLflow is called.

Every call of the client raises `StoreUnavailable` for what may be over later, and `StoreError` for
an answer that will be the same next time. Whatever else is raised is an error of ours and passes
as it is: nothing outside these calls is ever taken for an outage.
"""

import functools
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from jobs.tracking.outage import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

WEB_PAGE = "not in a valid JSON format"
"""What MLflow says of an answer with status 200 that is not its API's."""

BODY = re.compile(r"[.;]?\s*Response (?:body|text): .*", re.DOTALL)
"""What MLflow quotes of an answer: often a whole web page."""

DELETED = re.compile(r"run ([0-9a-f]{32}) must be in the 'active' state")

PASSWORD = re.compile(r"(?<=://)[^/\s@]*@|(?<=password=)[^&\s'\"]+", re.IGNORECASE)


def connect(tracking_uri: str) -> "MlflowClient":
    """Return a client of the store at `tracking_uri` whose calls raise `StoreError`.

    Raises:
        StoreError: there is no store of this kind.
        StoreUnavailable: it does not answer.
    """
    from mlflow.tracking import MlflowClient

    try:
        with translated_errors(tracking_uri):
            client = MlflowClient(tracking_uri)
    except StoreUnavailable:
        raise
    except Exception as error:
        if is_damage(innermost(error)):
            raise
        raise StoreError(
            f"the tracking store {without_password(tracking_uri)} cannot be opened "
            f"({brief(error)}): MLFLOW_TRACKING_URI is for example sqlite:///mlflow.db, or "
            "http://127.0.0.1:5000 of a server"
        ) from error
    return cast("MlflowClient", _Translating(client, tracking_uri))


def artifact_repository(location: str, tracking_uri: str) -> Any:
    """Return what reads and writes the artifacts at `location`; its calls raise `StoreError`.

    Raises:
        StoreError: MLflow knows no such kind of place.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with translated_errors(tracking_uri):
        repository = get_artifact_repository(location, tracking_uri)
    return _Translating(repository, tracking_uri)


class _Translating:
    """Something of MLflow's whose calls raise `StoreError`."""

    def __init__(self, wrapped: Any, tracking_uri: str) -> None:
        self._wrapped, self._tracking_uri = wrapped, tracking_uri

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        if not callable(attribute):
            return attribute

        @functools.wraps(attribute)
        def call(*arguments: Any, **options: Any) -> Any:
            with translated_errors(self._tracking_uri):
                return attribute(*arguments, **options)

        return call


@contextmanager
def translated_errors(tracking_uri: str) -> Iterator[None]:
    """Raise errors of MLflow, and of the way to the store, as `StoreError`.

    Raises:
        StoreUnavailable: connections that are refused or time out, HTTP statuses of 500 and above,
            a locked database, a full disk.
        StoreError: everything else the store refuses.
    """
    try:
        yield
    except Exception as error:
        translation = _translation(error, without_password(tracking_uri))
        if translation is None:
            raise
        raise translation from error


def _translation(error: Exception, address: str) -> StoreError | None:
    """Return the error to raise instead, or None for an error that is not the store's."""
    status, cause = http_status(error), innermost(error)
    if isinstance(error, StoreError):
        return None
    if is_damage(cause):
        return StoreError(f"the tracking store {address} is damaged ({brief(cause)})")
    if WEB_PAGE in str(error):
        return StoreError(
            f"{address} answers with a web page instead of MLflow's API: it may be a login page, "
            "or the address of something else. Set MLFLOW_TRACKING_URI to the address of the API, "
            "and MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD, if it asks "
            "for them"
        )
    if status:
        if (status >= 500 and status != 501) or status in (408, 429):
            return _unavailable(address, cause)
        return StoreError(_refusal(error, status, address), status)
    if isinstance(error, PermissionError):
        return StoreError(f"the tracking store {address} cannot be written ({error}): give rights")
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return None  # a file of ours
    if isinstance(error, OSError) or _is_operational(error):
        return _unavailable(address, cause)
    return None


def _is_operational(error: Exception) -> bool:
    """Return whether a database, of whichever driver, failed for a reason outside the program."""
    return "OperationalError" in [kind.__name__ for kind in type(error).__mro__]  # as PEP 249 says


def _unavailable(address: str, cause: BaseException) -> StoreUnavailable:
    return StoreUnavailable(
        f"the tracking store {address} cannot be reached or written ({brief(cause)})"
    )


def _refusal(error: Exception, status: int, address: str) -> str:
    """Return what a refused request says to the user, with what to do."""
    if status in (401, 403):
        return (
            f"the tracking store {address} refuses {_request(error)}: {status}, "
            f"{'not signed in' if status == 401 else 'no right to do it'}. Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of a "
            "user with the right, or ask whoever runs the server"
        )
    if status == 413:
        return (
            f"{_request(error)} is larger than the tracking server {address}, or a proxy before "
            "it, lets through (413): raise its limit (nginx: client_max_body_size)"
        )
    if deleted := DELETED.search(str(error)):
        return (
            f"run {deleted[1]} was deleted: restore it with `mlflow runs restore --run-id "
            f"{deleted[1]}`"
        )
    return f"the tracking store {address} refused: {brief(error)} ({status})"


def _request(error: Exception) -> str:
    """Return what was asked for: the file of an artifact with its size, if it was one."""
    request = getattr(error, "request", None)
    if request is None:
        return "the request"
    path = unquote(urlsplit(request.url).path).rpartition("/artifacts/")[2]
    size = int(request.headers.get("Content-Length") or 0)
    return f"the file {path} ({size / 1e6:.1f} MB)" if size else f"the request for {path}"


def http_status(error: Exception) -> int:
    """Return the HTTP status that stands for an error of the store; 0 for other errors."""
    from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException

    response = getattr(error, "response", None)
    if response is not None:  # of the requests library, which is how artifacts are sent
        return int(response.status_code)
    if not isinstance(error, MlflowException):
        return 0
    if answered := re.search(r"failed with error code (\d{3})", str(error)):
        return int(answered[1])
    return int(ERROR_CODE_TO_HTTP_STATUS.get(error.error_code, 500))


def is_damage(cause: BaseException) -> bool:
    """Return whether SQLite met tables it did not expect, or no database at all."""
    damage = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    code: int = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in damage  # the lowest byte is the kind of error, the rest its detail


def innermost(error: BaseException) -> BaseException:
    """Return what the error began with, below those that were raised because of it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def brief(error: BaseException) -> str:
    """Return the message of an error in one line, without quoted web pages and passwords."""
    return without_password(" ".join(BODY.sub("", str(error)).split()))


def without_password(text: str) -> str:
    """Return a text whose addresses name no user and no password."""
    return PASSWORD.sub(lambda secret: "***@" if secret[0].endswith("@") else "***", text)
