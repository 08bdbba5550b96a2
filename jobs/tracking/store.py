"""The tracking store: an experiment of it, opened, and the runs in it."""

import getpass
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from jobs.filesystem import is_writable
from jobs.tracking import ui_view
from jobs.tracking.outage import (
    StoreError,
    http_status,
    innermost,
    is_damage,
    is_temporary,
    patience,
    reaching,
)
from jobs.tracking.run import Run, RunInfo
from jobs.tracking.sqlite import first_use, spelled_out

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

EXPERIMENT = "mnist-autoencoders"
"""Experiment used where `mlflow run` did not choose one."""

LOCAL_UI = "http://127.0.0.1:5000"
"""Where `make ui` opens the MLflow UI of a store on disk."""

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "mlflow", "joblib")
"""Libraries whose versions a run records."""

GENERATED_NAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
"""What MLflow calls a run that nobody named, such as `bold-fox-123`."""


@dataclass(frozen=True)
class Store:
    """An experiment of a tracking store."""

    tracking_uri: str
    experiment_id: str
    experiment: str
    """The experiment's name."""
    client: "MlflowClient"

    @classmethod
    def open(cls, experiment: str = "") -> "Store":
        """Open the store of the environment, making it and the experiment where they are missing.

        Args:
            experiment: name; empty for the experiment `mlflow run` chose, else `EXPERIMENT`.

        Raises:
            StoreError: the address is of no store, the file is of no whole one, the experiment is
                deleted, or its artifacts cannot be written from here.
            StoreAway: the store does not answer, or cannot be written.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        patience()  # refused now, not in an hour
        tracking_uri = spelled_out(mlflow.get_tracking_uri())
        with reaching(tracking_uri), first_use(tracking_uri):
            client = _client(tracking_uri)
            given = "" if experiment else os.environ.get("MLFLOW_EXPERIMENT_ID", "")
            name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            try:
                found = _experiment(client, given, name)
            except MlflowException as error:
                if http_status(error) >= 500:
                    raise
                raise StoreError(f"experiment {given or name!r} cannot be used: {error}") from error
            _offer_view(client, found)
        if found.lifecycle_stage != "active":
            raise StoreError(
                f"experiment {found.name!r} is deleted: restore it with `mlflow experiments "
                f"restore --experiment-id {found.experiment_id}`, or name another experiment"
            )
        _require_writable(found.artifact_location, found.name, tracking_uri)
        return cls(tracking_uri, found.experiment_id, found.name, client)

    def create_run(
        self, name: str, parent: Run | None = None, tags: Mapping[str, str] | None = None
    ) -> Run:
        """Make a run, a child of the run `parent` if that is given."""
        tags = {**(tags or {}), "mlflow.source.name": "jobs", "mlflow.user": _user()}
        tags |= {"mlflow.parentRunId": parent.run_id} if parent else {}
        tags |= {"mlflow.source.git.commit": commit} if (commit := git_commit()) else {}
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        return Run(self.client, run.info.run_id)

    @property
    def run_of_its_own(self) -> str:
        """Id of the run that `mlflow run` made for this process; empty where there is none."""
        return os.environ.get("MLFLOW_RUN_ID", "")

    def adopt_run(self, name: str, tags: Mapping[str, str] | None = None) -> Run:
        """Return the run that `mlflow run` made for this process, or make one with `tags`.

        It gets `name` unless the user chose one.
        """
        run_id = self.run_of_its_own
        if not run_id:
            return self.create_run(name, tags=tags)
        run = self.client.get_run(run_id)
        if GENERATED_NAME.fullmatch(run.info.run_name or ""):
            self.client.update_run(run_id, name=name)
        return Run(self.client, run_id)

    def runs(self, kind: str) -> Iterator[RunInfo]:
        """Yield the runs of one kind (`training`, `sweep`, `report`), newest first."""
        return self.tagged("kind", kind)

    def tagged(self, tag: str, text: str) -> Iterator[RunInfo]:
        """Yield the runs of which a tag is `text`, newest first."""
        search, ids = self.client.search_runs, [self.experiment_id]
        query, order = f"tags.{tag} = '{text}'", ["attributes.start_time DESC"]
        page = search(ids, query, order_by=order)
        while True:
            yield from map(RunInfo.of, page)
            if not page.token:
                return
            page = search(ids, query, order_by=order, page_token=page.token)

    def run(self, run_id: str) -> Run:
        """Return the run `run_id`.

        Raises:
            StoreError: the store has no such run.
        """
        run = Run(self.client, run_id)
        if not run.status():
            raise StoreError(f"there is no run {run_id} at {self.tracking_uri}")
        return run

    def link(self, run_id: str = "") -> str:
        """Return the address of a run in the UI, or of the experiment under the saved view.

        It is the server's where the store is one, else where `make ui` opens the store.
        """
        server = self.tracking_uri if self.tracking_uri.startswith("http") else LOCAL_UI
        page = f"{server}/#/experiments/{self.experiment_id}/runs"
        chosen = f"/{run_id}?" if run_id else f"?viewStateShareKey={ui_view.KEY}&"
        return f"{page}{chosen}workflowType=machine_learning"


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
    """Return the commit of the project's checkout, or nothing where it is none."""
    import subprocess

    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _offer_view(client: "MlflowClient", experiment: "Experiment") -> None:
    """Put our view of the experiment among those the UI offers; refused, the job does without."""
    from mlflow.exceptions import MlflowException

    view = ui_view.saved_view(experiment.creation_time or 0)
    if experiment.tags.get(ui_view.TAG) != view:
        with suppress(MlflowException):
            client.set_experiment_tag(experiment.experiment_id, ui_view.TAG, view)


def _client(tracking_uri: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient

    try:
        return MlflowClient(tracking_uri)
    except Exception as error:
        if is_temporary(error) or is_damage(innermost(error)):
            raise
        raise StoreError(
            f"the tracking store {tracking_uri!r} cannot be opened ({error}): MLFLOW_TRACKING_URI "
            "is for example sqlite:///mlflow.db, or http://127.0.0.1:5000 of a server"
        ) from error


def _experiment(client: "MlflowClient", given: str, name: str) -> "Experiment":
    """Return the experiment of the id `given`, else the one called `name`, made if it is missing.

    Of several processes that make it at the same time on a server, all but one are refused: they
    find it then.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment(given) if given else client.get_experiment_by_name(name)
    if found is None:
        try:
            found = client.get_experiment(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return found


def _require_writable(location: str, experiment: str, tracking_uri: str) -> None:
    scheme, remote = urlparse(location).scheme, not tracking_uri.startswith(("sqlite:", "file:"))
    if scheme == "mlflow-artifacts" and not remote:
        raise StoreError(
            f"experiment {experiment!r} keeps its artifacts at {location}, which only a running "
            "MLflow server can write: use another experiment (--experiment-name), or set "
            "MLFLOW_TRACKING_URI to the server's address"
        )
    if scheme not in ("", "file"):
        return
    if not scheme and unquote(location) != location:
        raise StoreError(
            f"experiment {experiment!r} keeps its artifacts in {location}, where MLflow reads the "
            "% and what follows as one character, and would write elsewhere: rename the folder"
        )
    folder = Path(unquote(urlparse(location).path))
    if not is_writable(folder):
        raise StoreError(
            f"experiment {experiment!r} keeps its artifacts in {folder}, which cannot be written: "
            "give write access, or use another experiment"
        )
