"""What the entry points of a process set: MLflow's environment variables and logs, and the pace of
the garbage collector.

The command calls `prepare_environment` before it imports MLflow, and so does every worker process.
Importing a module sets nothing.
"""

import atexit
import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

FIXED = {
    # Nothing leaves the machine.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # It prints the server's address with the password in it.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # By itself MLflow would try a request for minutes, silently; whoever waits for a store says so.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}

COLLECTOR = (100_000, 20, 100)
"""Thresholds of `gc`: Python's own make it go through all of TensorFlow and MLflow time and again
while they are imported, although nothing of them is garbage."""

SHORT_SECONDS = "10"


def prepare_environment() -> None:
    """Keep MLflow quiet, at home, and quick to give up, in this process and its children.

    This process starts and ends quickly as well.
    """
    _ease_collection()
    os.environ.update(FIXED)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # It logs a traceback for every database error that it also raises.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    # It warns of every model logged in an environment without pip, such as uv makes.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)


def _ease_collection() -> None:
    """Let the garbage collector run rarely, and not once more when the process ends.

    With TensorFlow that last time takes a second, with MLflow most of one.
    """
    gc.set_threshold(*COLLECTOR)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Give every request to a server one try of `SHORT_SECONDS`, in this phase of a process.

    MLflow reads these variables again for every request.
    """
    short = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": SHORT_SECONDS}
    before = {name: os.environ.get(name) for name in short}
    os.environ.update(short)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
