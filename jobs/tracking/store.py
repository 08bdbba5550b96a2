"""The tracking store: an experiment of it, opened, and the runs in it."""

import getpass
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.tracking import ui_view
from jobs.tracking.client import connect, without_password
from jobs.tracking.experiment import (
    REMEDY,
    find_experiment,
    offer_views,
    require_writable,
)
from jobs.tracking.outage import StoreError, patience
from jobs.tracking.run import Run, RunInfo
from jobs.tracking.sqlite import canonical_uri, check_launched, created_once, existing

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PARENT = "mlflow.parentRunId"
"""MLflow's tag of the run above."""

UI_PORT = 5000
"""Where the UI of a store on disk is served, unless another port is named."""

OWN_STORE = "mlflow.db"
"""File of the store that the Makefile opens, in the project's folder."""

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "mlflow", "joblib")
"""Libraries whose versions a run records."""

GENERATED_NAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
"""What MLflow calls a run that nobody named, such as `bold-fox-123`."""

OWNER = "owner"
"""Tag of a run: the command that is at work on it, as `jobs.tracking.ownership` has it."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """An experiment of a tracking store."""

    tracking_uri: str
    """May hold a password: it is never shown."""
    experiment_id: str
    experiment: str
    """The experiment's name."""
    client: "MlflowClient"
    owner: str = ""
    """Which command makes runs with it; empty while it only reads."""

    @classmethod
    def open(cls, experiment: str = "", create: bool = True) -> "Store":
        """Open the store of the environment.

        Args:
            experiment: name; empty for the experiment `mlflow run` chose, else `EXPERIMENT`.
            create: make the experiment if it is missing, and offer our view of it; reading does
                neither.

        Raises:
            StoreError: there is no store at the address, the file is not a complete one, the
                experiment is deleted, missing, or another than that of `mlflow run`, or its
                artifacts cannot be written from here.
            StoreUnavailable: the store does not answer, or cannot be written.
        """
        import mlflow

        patience()  # refused now, not in an hour
        given = mlflow.get_tracking_uri()
        check_launched(given)
        tracking_uri = canonical_uri(given)
        with created_once(tracking_uri) if create else existing(tracking_uri):
            client = connect(tracking_uri)
            chosen = find_experiment(client, experiment, create)
            if create:
                offer_views(client, chosen)
        if chosen.lifecycle_stage != "active":
            raise StoreError(
                f"experiment {chosen.name!r} is deleted: restore it with `mlflow experiments "
                f"restore --experiment-id {chosen.experiment_id}`, or name another experiment"
            )
        require_writable(chosen.artifact_location, chosen.name, tracking_uri)
        return cls(
            tracking_uri=tracking_uri,
            experiment_id=chosen.experiment_id,
            experiment=chosen.name,
            client=client,
        )

    @property
    def address(self) -> str:
        """The tracking address as it may be shown and recorded: without user and password."""
        return without_password(self.tracking_uri)

    def has_logged_models(self) -> bool:
        """Return whether the server keeps logged models, as MLflow 3 does."""
        try:
            self.client.search_logged_models([self.experiment_id], max_results=1)
        except StoreError as error:
            if error.status not in (404, 501):
                raise
            return False
        return True

    def create_run(self, name: str, parent: Run | None = None) -> Run:
        """Make a run, below `parent` if that is given.

        Repeated after a request that failed, although it was carried out, it returns that run.
        """
        above = {PARENT: parent.run_id} if parent else {}
        for info in self._running_named(name) if self.owner else ():
            if info.tags.get(PARENT) == above.get(PARENT):
                return Run(self.client, info.run_id)
        tags = above | {"mlflow.source.name": "jobs", "mlflow.user": _user()}
        tags |= {OWNER: self.owner} if self.owner else {}
        tags |= {"mlflow.source.git.commit": commit} if (commit := git_commit()) else {}
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        return Run(self.client, run.info.run_id)

    @property
    def given_run(self) -> str:
        """Id of the run that `mlflow run` made for this process; empty if there is none."""
        return os.environ.get("MLFLOW_RUN_ID", "")

    def adopt_run(self, name: str) -> Run:
        """Return the run that `mlflow run` made for this process; without one, make one.

        It gets `name` unless the user chose one. A run that holds something of ours already, as
        when two commands were started in one `mlflow run`, gets a new one below it.

        Raises:
            StoreError: the store has no such run.
        """
        if not self.given_run:
            return self.create_run(name)
        given = Run(self.client, self.given_run)
        if not given.status():
            raise StoreError(
                f"MLFLOW_RUN_ID names run {given.run_id}, which {self.address} does not have: "
                f"{REMEDY}"
            )
        info = given.info()
        is_ours = info.tags.get(OWNER) == self.owner
        if not is_ours and info.tags.keys() & {OWNER, "kind"}:
            return self.create_run(name, given)
        given.set_tags({OWNER: self.owner})
        if GENERATED_NAME.fullmatch(info.name):
            self.client.update_run(given.run_id, name=name)
        return given

    def runs(self, kind: str) -> Iterator[RunInfo]:
        """Yield the runs of one kind (`training`, `sweep`, `report`), newest first."""
        return self.search(f"tags.kind = '{kind}'")

    def search(self, query: str) -> Iterator[RunInfo]:
        """Yield the runs of the experiment that match a filter of MLflow's, newest first."""
        search, ids = self.client.search_runs, [self.experiment_id]
        order = ["attributes.start_time DESC"]
        page = search(ids, query, order_by=order)
        while True:
            yield from map(RunInfo.of, page)
            if not page.token:
                return
            page = search(ids, query, order_by=order, page_token=page.token)

    def running(self, owner: str) -> Iterator[RunInfo]:
        """Yield the runs that are RUNNING and of an owner; `%` in it stands for any text."""
        return self.search(f"attributes.status = 'RUNNING' and tags.{OWNER} LIKE '{owner}'")

    def _running_named(self, name: str) -> Iterator[RunInfo]:
        """Yield the owner's runs of this name alone: it may have a thousand others."""
        query = f"attributes.status = 'RUNNING' and tags.{OWNER} = '{self.owner}'"
        return self.search(f"{query} and attributes.run_name = '{name}'")

    def below(self, run_id: str) -> Iterator[RunInfo]:
        """Yield the runs below a run, newest first."""
        return self.search(f"tags.`{PARENT}` = '{run_id}'")

    def experiments_with(self, kind: str) -> list[str]:
        """Return the names of the experiments that hold runs of one kind."""
        query = f"tags.kind = '{kind}'"
        return [
            found.name
            for found in self.client.search_experiments()
            if self.client.search_runs([found.experiment_id], query, max_results=1)
        ]

    def run(self, run_id: str) -> Run:
        """Return the run `run_id`.

        Raises:
            StoreError: the store has no such run.
        """
        run = Run(self.client, run_id)
        if not run.status():
            raise StoreError(f"there is no run {run_id} at {self.address}", status=404)
        return run

    def link(self, run_id: str = "", port: int = UI_PORT, view: str = ui_view.TRAININGS) -> str:
        """Return the address of a run in the UI, or of the experiment under a saved view.

        Args:
            run_id: of the run; empty for the experiment.
            port: of this machine, at which the store is served if it is not a server itself.
            view: key of the saved view.
        """
        is_server = self.tracking_uri.startswith("http")
        server = self.address.replace("***@", "") if is_server else f"http://127.0.0.1:{port}"
        page = f"{server}/#/experiments/{self.experiment_id}/runs"
        chosen = f"/{run_id}?" if run_id else f"?viewStateShareKey={view}&"
        return f"{page}{chosen}workflowType=machine_learning"

    def ui_command(self) -> str:
        """Return the command after which `link` works; empty if the store is a server itself."""
        if self.tracking_uri.startswith("http"):
            return ""
        own = canonical_uri(f"sqlite:///{Path(OWN_STORE).absolute()}")
        if self.tracking_uri == own and Path("Makefile").exists():
            return "make ui"
        is_file = self.tracking_uri.startswith("sqlite:")
        shown = shlex.quote(self.tracking_uri) if is_file else '"$MLFLOW_TRACKING_URI"'
        return f"mlflow server --backend-store-uri {shown} --port {UI_PORT}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return str(os.getuid())


def versions() -> dict[str, str]:
    """Return the tags that name the versions of python and the libraries."""
    import platform

    return {
        "version.python": platform.python_version(),
        **{f"version.{name}": version(name) for name in LIBRARIES},
    }


def git_commit() -> str:
    """Return the commit of the project, or nothing if it is not a git checkout."""
    import subprocess

    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
