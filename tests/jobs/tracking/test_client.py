"""Errors of MLflow and of the way to it, translated; errors of ours, left as they are."""

import errno
import sqlite3
import time
from collections.abc import Callable
from unittest.mock import Mock

import pytest
import requests
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import OperationalError

from jobs.tracking import StoreError, StoreUnavailable, outage, retry_until_available
from jobs.tracking.client import connect, translated_errors, without_password

ADDRESS = "http://ada:secret@tracker.example:5000"


def answer(status: int, text: str = "<!doctype html><h1>No</h1>") -> requests.HTTPError:
    """Return what MLflow raises for an artifact that a server refuses."""
    response = requests.Response()
    response.status_code = status
    request = requests.Request(
        "PUT",
        "http://ada:secret@tracker.example:5000/api/2.0/mlflow-artifacts/artifacts/1/abc/"
        "artifacts/explorer.html",
        data=bytes(2_500_000),
    ).prepare()
    return requests.HTTPError(
        f"{status} Error for url: {request.url}. Response text: {text}",
        request=request,
        response=response,
    )


def page(status: int) -> MlflowException:
    """Return what MLflow raises for an answer of its REST interface that is a web page."""
    return MlflowException(
        f"API request to endpoint /x failed with error code {status} != 200. "
        "Response body: '<!doctype html><h1>No</h1>'"
    )


def refusal(code: str, message: str) -> MlflowException:
    """Return what MLflow raises for an error that its REST interface answers with."""
    kind: Callable[..., MlflowException] = RestException
    return kind({"error_code": code, "message": message})


def database(code: int) -> OperationalError:
    cause = sqlite3.OperationalError("it failed")
    cause.sqlite_errorcode = code
    error = OperationalError("SELECT 1", None, cause)
    error.__cause__ = cause
    return error


TEMPORARY = [
    ConnectionRefusedError("refused"),
    TimeoutError("no answer"),
    requests.ConnectionError("reset"),
    OSError(errno.ENOSPC, "No space left on device"),
    sqlite3.OperationalError("database is locked"),
    database(sqlite3.SQLITE_FULL),
    MlflowException("API request failed with exception"),
    answer(500),
    answer(503),
    page(502),
    refusal("TEMPORARILY_UNAVAILABLE", "later"),
    refusal("REQUEST_LIMIT_EXCEEDED", "slower"),
]

PERMANENT = [
    (answer(403), r"refuses the file explorer\.html \(2\.5 MB\): 403, no right to do it\. Set"),
    (answer(401), "401, not signed in. Set MLFLOW_TRACKING_USERNAME"),
    (answer(413), r"the file explorer\.html \(2\.5 MB\) is larger than .* lets through \(413\)"),
    (page(413), r"the request is larger than .* \(413\): raise its limit"),
    (page(404), r"refused: API request .* 404 != 200 \(404\)"),
    (answer(404), r"\(404\)"),
    (refusal("PERMISSION_DENIED", "no"), "no right to do it"),
    (
        MlflowException(
            "API request to endpoint was successful but the response body was not in a valid JSON "
            "format. Response body: '<!doctype html><title>Sign in</title>'"
        ),
        "answers with a web page instead of MLflow's API",
    ),
    (
        refusal(
            "INVALID_PARAMETER_VALUE",
            f"The run {'ab' * 16} must be in the 'active' state. Current state is deleted.",
        ),
        f"run {'ab' * 16} was deleted: restore it with `mlflow runs restore --run-id {'ab' * 16}`",
    ),
    (PermissionError(errno.EACCES, "Permission denied"), "cannot be written"),
    (database(sqlite3.SQLITE_CORRUPT), "is damaged"),
]

OURS = [
    KeyError("setting"),
    FileNotFoundError(errno.ENOENT, "No such file", "font.ttf"),
    ValueError("no font"),
    RuntimeError("a bug"),
]


@pytest.mark.parametrize("error", TEMPORARY, ids=repr)
def test_what_may_be_over_later(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached or written") as raised:
        raise_in_a_call(error)
    assert_fit_to_be_shown(raised.value)


@pytest.mark.parametrize(("error", "message"), PERMANENT, ids=lambda value: str(value)[:40])
def test_what_is_refused_each_time(error: Exception, message: str) -> None:
    with pytest.raises(StoreError, match=message) as raised:
        raise_in_a_call(error)
    assert not isinstance(raised.value, StoreUnavailable)
    assert_fit_to_be_shown(raised.value)


@pytest.mark.parametrize("error", OURS, ids=repr)
def test_errors_of_ours_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        raise_in_a_call(error)
    assert raised.value is error


def raise_in_a_call(error: Exception) -> None:
    with translated_errors(ADDRESS):
        raise error


def assert_fit_to_be_shown(error: Exception) -> None:
    text = str(error)
    assert len(text.splitlines()) == 1
    assert "<" not in text
    assert "secret" not in text


def test_an_error_of_ours_amid_an_outage_is_ours() -> None:
    """An exception that was raised while another was handled used to count as that one."""

    try:
        raise ConnectionError("away")
    except ConnectionError:
        with pytest.raises(KeyError):
            raise_in_a_call(KeyError("setting"))


@pytest.mark.parametrize("error", [OSError(5, "a disk of ours"), KeyError("setting"), *OURS])
def test_nothing_is_waited_for_but_the_store(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing font used to be retried for ten minutes, with a FAILED run for each try."""
    monkeypatch.setattr(time, "sleep", Mock(side_effect=AssertionError("it waits")))
    action = Mock(side_effect=error)
    with pytest.raises(type(error)):
        retry_until_available(action, print, lambda: False)
    assert action.call_count == 1


def test_every_call_of_the_client_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect("http://127.0.0.1:9")
    assert client.tracking_uri == "http://127.0.0.1:9"
    monkeypatch.setattr(MlflowClient, "get_run", Mock(side_effect=answer(403)))
    with pytest.raises(StoreError, match="no right to do it"):
        client.get_run("abc")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ada:secret@tracker.example", "http://***@tracker.example"),
        ("https://secret-token@tracker.example/x", "https://***@tracker.example/x"),
        ("postgresql://ada:secret@h/d", "postgresql://***@h/d"),
        ("postgresql://h/d?user=ada&password=secret&x=1", "postgresql://h/d?user=ada&password=***&x=1"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
    ],
)  # fmt: skip
def test_addresses_are_shown_without_password(address: str, shown: str) -> None:
    assert without_password(address) == shown


# --- Waiting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_patience_is_a_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(outage.PATIENCE_VARIABLE, text)
    with pytest.raises(StoreError, match=f"TRACKING_PATIENCE='{text}' is not a number of seconds"):
        retry_until_available(lambda: None, print, lambda: False)


def unavailable(tries: list[int]) -> Callable[[], None]:
    def fail() -> None:
        tries.append(1)
        raise StoreUnavailable("it is away")

    return fail


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(outage.PATIENCE_VARIABLE, "0.3")
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.1)
    tries: list[int] = []
    said: list[str] = []
    with pytest.raises(StoreUnavailable, match="it is away"):
        retry_until_available(unavailable(tries), said.append, lambda: False)
    assert 2 <= len(tries) <= 5
    assert said == ["it is away; waiting for it, 1 min at most"]


def test_waiting_is_given_up() -> None:
    tries: list[int] = []
    with pytest.raises(StoreUnavailable):
        retry_until_available(unavailable(tries), print, lambda: True)
    assert len(tries) == 1
