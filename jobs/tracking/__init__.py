"""The only package that talks to MLflow: the store, its runs, and what is written to them.

Nothing here depends on a global active run: a `Store` is opened once by the job, a `Run` is known
by its id, and other processes reach it through `Run.open(tracking_uri, run_id)`. A store that does
not answer raises whatever MLflow and the libraries below it raise; `jobs.tracking.outage` tells
that from other errors.
"""

import logging
import os

from jobs.tracking.outage import StoreAway, StoreError, briefly, patiently, reaching
from jobs.tracking.run import Run, RunInfo
from jobs.tracking.store import EXPERIMENT, Store, git_commit, versions

__all__ = [
    "EXPERIMENT",
    "Run",
    "RunInfo",
    "Store",
    "StoreAway",
    "StoreError",
    "briefly",
    "git_commit",
    "patiently",
    "reaching",
    "versions",
]

# Set before mlflow is imported anywhere, and inherited by the workers: nothing leaves the machine,
# and its log does not interrupt ours.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# It logs a traceback for every database error that it also raises.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
# It warns of every model logged in an environment without pip, such as uv makes.
logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
# By itself it would try a request for minutes, silently; who waits for a store says so.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
