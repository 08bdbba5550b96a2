"""Environment variables: set by entry points, not by imports, and short timeouts in a phase."""

import os

import pytest

from jobs.environment import DEFAULTS, FIXED, prepare_environment, short_timeouts
from tests.support.interpreter import ran

NAMES = (*FIXED, *DEFAULTS)

IMPORT = """
import os
before = dict(os.environ)
import jobs.__main__, jobs.tracking.ownership, jobs.training.command, jobs.report.command
print(os.environ == before)
"""


def test_importing_sets_nothing() -> None:
    assert ran(IMPORT) == ["True"]


ENDING = """
import atexit, gc
from jobs.environment import prepare_environment
atexit.register(lambda: print(gc.get_freeze_count() > 0))
prepare_environment()
prepare_environment()
print(gc.get_freeze_count())
"""


def test_the_collector_has_nothing_to_go_through_when_a_process_ends() -> None:
    assert ran(ENDING) == ["0", "True"]


def test_telemetry_is_off_whatever_was_set_and_timeouts_are_the_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    prepare_environment()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"


def test_short_timeouts_leave_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    before = dict(os.environ)
    with short_timeouts():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"
    assert dict(os.environ) == before
