"""The only package that talks to MLflow: the store, its runs, and what is written to them.

Nothing here depends on a global active run: a `Store` is opened once by the command, a `Run` is
known by its id, and other processes reach it through `Run.open(tracking_uri, run_id)`. What the
store fails to do is raised as `StoreError`; `jobs.tracking.client` translates, nobody else.
"""

from jobs.tracking.experiment import EXPERIMENT
from jobs.tracking.outage import StoreError, StoreUnavailable, retry_until_available
from jobs.tracking.run import Run, RunInfo
from jobs.tracking.store import Store, git_commit, versions

__all__ = [
    "EXPERIMENT",
    "Run",
    "RunInfo",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "git_commit",
    "retry_until_available",
    "versions",
]
