"""The experiment of a command: found or made, and checked to be writable from here."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse
from uuid import uuid4

from jobs.filesystem import is_writable
from jobs.tracking import ui_view
from jobs.tracking.client import artifact_repository, connect, without_password
from jobs.tracking.outage import StoreError

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

EXPERIMENT = "mnist-autoencoders"
"""Experiment used if `mlflow run` did not choose one."""

REMEDY = (
    "unset it, or set MLFLOW_TRACKING_URI to the store that has it, in which a path is absolute"
)
"""Of an id in the environment that is of another store, or is left over."""


def find_experiment(client: "MlflowClient", name: str, create: bool) -> "Experiment":
    """Return the experiment called `name`; without a name, that of the environment.

    Under `mlflow run` a name may only repeat the experiment of the run that it made, or go beside
    the experiment `Default`, which is MLflow's when nobody chose one.
    """
    chosen = _given_experiment(client)
    if name and chosen and os.environ.get("MLFLOW_RUN_ID") and chosen.name not in (name, "Default"):
        raise StoreError(
            f"two experiments are named: {chosen.name!r} by mlflow run and {name!r} by the "
            "parameter experiment: give one of them"
        )
    if chosen and not name:
        return chosen
    return _experiment_named(
        client, name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT, create
    )


def _given_experiment(client: "MlflowClient") -> "Experiment | None":
    """Return the experiment whose id is in the environment, where `mlflow run` puts it."""
    given = os.environ.get("MLFLOW_EXPERIMENT_ID", "")
    try:
        return client.get_experiment(given) if given else None
    except StoreError as error:
        if error.status != 404:
            raise
        raise StoreError(
            f"MLFLOW_EXPERIMENT_ID names experiment {given}, which "
            f"{without_password(client.tracking_uri)} does not have: {REMEDY}"
        ) from error


def _experiment_named(client: "MlflowClient", name: str, create: bool) -> "Experiment":
    """Return an experiment, made if it is missing and `create` says so.

    Of several processes that make it at the same time on a server, all but one are refused: they
    find it then.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is None and not create:
        others = ", ".join(repr(other.name) for other in client.search_experiments())
        raise StoreError(f"there is no experiment {name!r} here; there are {others or 'none'}")
    if experiment is None:
        try:
            experiment = client.get_experiment(client.create_experiment(name))
        except StoreError:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return experiment


def require_writable(location: str, experiment: str, tracking_uri: str) -> None:
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


def try_to_write(tracking_uri: str, experiment_id: str) -> None:
    """Write an artifact of the experiment from this machine, and delete it again.

    Raises:
        StoreError: the store cannot be reached, has no such experiment, or refuses artifacts.
    """
    location = connect(tracking_uri).get_experiment(experiment_id).artifact_location
    place = artifact_repository(location, tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, f"probe-{uuid4().hex}")
        probe.write_text("Written to find out whether artifacts can be; to be deleted.\n")
        place.log_artifact(str(probe))
        with suppress(Exception):  # who may write may not delete: so be it
            place.delete_artifacts(probe.name)


def offer_views(client: "MlflowClient", experiment: "Experiment") -> None:
    """Put our views of the experiment among those the UI offers; if refused, go on without them."""
    for tag, view in ui_view.saved_views(experiment.creation_time or 0).items():
        if experiment.tags.get(tag) != view:
            with suppress(StoreError):
                client.set_experiment_tag(experiment.experiment_id, tag, view)
