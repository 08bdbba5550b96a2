"""The only module that talks to MLflow: the store, its runs, and what is written to them.

Nothing here depends on a global active run: a `Store` is opened once by the job, a `Run` is known
by its id, and other processes reach it through `Run.open(tracking_uri, run_id)`.
"""

import getpass
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import numpy as np

from aemodel.mnist import Dataset
from aemodel.settings import PIXELS
from aemodel.training import Point
from jobs import views

if TYPE_CHECKING:
    import keras
    from mlflow.entities import Experiment
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

EXPERIMENT = "mnist-autoencoders"
"""Experiment used where `mlflow run` did not choose one."""

LOCAL_UI = "http://127.0.0.1:5000"
"""Where `make ui` opens the MLflow UI of a store on disk."""

BATCH = 1000
"""Most metrics that MLflow's REST interface takes in one call."""

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "mlflow", "joblib")
"""Libraries whose versions a run records."""

GENERATED_NAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
"""What MLflow calls a run that nobody named, such as `bold-fox-123`."""

# Set before mlflow is imported anywhere, and inherited by the workers: nothing leaves the machine,
# and its log does not interrupt ours.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


class StoreError(Exception):
    """The tracking store cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class RunInfo:
    """What the store says of a run, as plain values."""

    run_id: str
    name: str
    status: str
    """RUNNING, FINISHED, FAILED, KILLED or SCHEDULED."""
    start_ms: int | None
    end_ms: int | None
    """Milliseconds since 1970."""
    params: dict[str, str]
    """As they were really used: `resolved.<name>` under `<name>`."""
    tags: dict[str, str]
    metrics: dict[str, float]
    """Last value of each."""


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
            StoreError: the experiment is deleted, or its artifacts cannot be written from here.
        """
        import mlflow
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        tracking_uri = mlflow.get_tracking_uri()
        with _first_use(tracking_uri):
            client = MlflowClient(tracking_uri)
            given = "" if experiment else os.environ.get("MLFLOW_EXPERIMENT_ID", "")
            name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            try:
                found = _experiment(client, given, name)
            except MlflowException as error:
                raise StoreError(f"experiment {given or name!r} cannot be used: {error}") from error
            _offer_view(client, found)
        if found.lifecycle_stage != "active":
            raise StoreError(
                f"experiment {found.name!r} is deleted: restore it with `mlflow experiments "
                f"restore --experiment-id {found.experiment_id}`, or name another experiment"
            )
        _require_writable(found.artifact_location, found.name, tracking_uri)
        return cls(tracking_uri, found.experiment_id, found.name, client)

    def create_run(self, name: str, parent: str = "") -> "Run":
        """Make a run, a child of the run `parent` if that is given."""
        tags = {"mlflow.parentRunId": parent} if parent else {}
        tags |= {"mlflow.source.name": "jobs", "mlflow.user": getpass.getuser()}
        tags |= {"mlflow.source.git.commit": commit} if (commit := git_commit()) else {}
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        return Run(self.client, run.info.run_id)

    @property
    def has_run_of_its_own(self) -> bool:
        """Whether `mlflow run` made a run for this process."""
        return "MLFLOW_RUN_ID" in os.environ

    def adopt_run(self, name: str) -> "Run":
        """Return the run that `mlflow run` made for this process, or make one.

        It gets `name` unless the user chose one.
        """
        run_id = os.environ.get("MLFLOW_RUN_ID", "")
        if not run_id:
            return self.create_run(name)
        run = self.client.get_run(run_id)
        if GENERATED_NAME.fullmatch(run.info.run_name or ""):
            self.client.update_run(run_id, name=name)
        return Run(self.client, run_id)

    def runs(self, kind: str) -> Iterator[RunInfo]:
        """Yield the runs of one kind (`training`, `sweep`, `report`), newest first."""
        search, ids = self.client.search_runs, [self.experiment_id]
        query, order = f"tags.kind = '{kind}'", ["attributes.start_time DESC"]
        page = search(ids, query, order_by=order)
        while True:
            yield from map(_info, page)
            if not page.token:
                return
            page = search(ids, query, order_by=order, page_token=page.token)

    def run(self, run_id: str) -> "Run":
        """Return the run `run_id`.

        Raises:
            StoreError: the store has no such run.
        """
        run = Run(self.client, run_id)
        if not run.status():
            raise StoreError(f"there is no run {run_id} at {self.tracking_uri}")
        return run

    def link(self, run_id: str = "") -> str:
        """Return the address of the experiment, seen as `jobs.views` has it, or of a run in the UI.

        It is the server's where the store is one, else where `make ui` opens the store.
        """
        server = self.tracking_uri if self.tracking_uri.startswith("http") else LOCAL_UI
        page = f"{server}/#/experiments/{self.experiment_id}/runs"
        chosen = f"/{run_id}?" if run_id else f"?viewStateShareKey={views.KEY}&"
        return f"{page}{chosen}workflowType=machine_learning"


@dataclass(frozen=True)
class Run:
    """One run of the store, by its id."""

    client: "MlflowClient"
    run_id: str

    @classmethod
    def open(cls, tracking_uri: str, run_id: str) -> "Run":
        """Return the run `run_id` of the store at `tracking_uri`."""
        import mlflow
        from mlflow.tracking import MlflowClient

        mlflow.set_tracking_uri(tracking_uri)
        return cls(MlflowClient(tracking_uri), run_id)

    def log_params(self, params: Mapping[str, str]) -> None:
        """Log parameters.

        `mlflow run` logs what the user typed under the parameter's name, and MLflow never changes a
        parameter: where that text differs, what was really used is logged as `resolved.<name>`.
        """
        from mlflow.entities import Param

        typed = self.client.get_run(self.run_id).data.params
        names = {n: n if typed.get(n, v) == v else f"resolved.{n}" for n, v in params.items()}
        self.client.log_batch(self.run_id, params=[Param(names[n], v) for n, v in params.items()])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, replacing those of the same name."""
        from mlflow.entities import RunTag

        self.client.log_batch(self.run_id, tags=[RunTag(name, text) for name, text in tags.items()])

    def set_parent(self, parent: "Run") -> None:
        """Show this run below `parent`."""
        self.set_tags({"mlflow.parentRunId": parent.run_id})

    def describe(self, markdown: str) -> None:
        """Set the description that the UI shows on the run's page."""
        self.set_tags({"mlflow.note.content": markdown})

    def log_points(self, points: Sequence[Point], before: Point | None) -> None:
        """Log points of the error curve; `before` is the point that preceded the first."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = []
        for previous, point in pairwise([before, *points]):
            assert point is not None
            values = {
                "test_mse": point.test_mse,
                "train_mse": point.train_mse,
                "learning_rate": point.learning_rate,
                "iterations_per_second": _rate(previous, point),
            }
            metrics += [Metric(name, value, now, point.iteration) for name, value in values.items()]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(
                self.run_id, metrics=metrics[start : start + BATCH], synchronous=True
            )

    def status(self) -> str:
        """Return MLflow's status of the run, or nothing where it is deleted or unknown."""
        from mlflow.exceptions import MlflowException

        try:
            info = self.client.get_run(self.run_id).info
        except MlflowException:
            return ""
        return str(info.status) if info.lifecycle_stage == "active" else ""

    def info(self) -> RunInfo:
        """Return what the store says of the run."""
        return _info(self.client.get_run(self.run_id))

    def history(self, metric: str) -> list[tuple[int, float]]:
        """Return (step, value) of every point of a metric, by step."""
        points = self.client.get_metric_history(self.run_id, metric)
        return sorted((point.step, point.value) for point in points)

    def download(self, path: str, folder: Path) -> Path | None:
        """Return a local copy of an artifact, made in `folder`, or None where there is none."""
        from mlflow.exceptions import MlflowException

        try:
            return Path(self.client.download_artifacts(self.run_id, path, str(folder)))
        except (MlflowException, OSError):
            return None

    def reopen(self) -> None:
        """Set an interrupted run RUNNING again."""
        self.client.update_run(self.run_id, status="RUNNING")
        if "reason" in self.client.get_run(self.run_id).data.tags:
            self.client.delete_tag(self.run_id, "reason")

    def last_step(self, metric: str) -> int:
        """Return the last step at which the metric was logged, or -1."""
        return max((step for step, _ in self.history(metric)), default=-1)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log one value of each metric."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entities = [Metric(name, value, now, step) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=entities, synchronous=True)

    def log_image(self, key: str, step: int, pixels: "np.ndarray[Any, Any]") -> None:
        """Log one picture of a series that the UI shows with a step slider."""
        self.client.log_image(self.run_id, pixels, key=key, step=step, synchronous=True)

    def log_dataset(self, dataset: Dataset, source: Path) -> None:
        """Log which data the run was trained and tested on."""
        from mlflow.entities import Dataset as LoggedDataset
        from mlflow.entities import DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        sizes = {"training": len(dataset.x_train), "testing": len(dataset.x_test)}
        inputs = []
        for context, size in sizes.items():
            logged = LoggedDataset(
                name=f"MNIST {context} set",
                digest=dataset.digest,
                source_type="local",
                source=json.dumps({"uri": str(source.absolute())}),
                profile=json.dumps({"images": size, "pixels": PIXELS}),
            )
            inputs.append(DatasetInput(logged, [InputTag("mlflow.data.context", context)]))
        try:
            self.client.log_inputs(self.run_id, datasets=inputs)
        except MlflowException:
            # Of runs that log the same data at the same moment for the first time in an experiment,
            # the store takes one and refuses the others; by now it knows the data.
            self.client.log_inputs(self.run_id, datasets=inputs)

    def log_files(self, folder: Path, artifact_path: str = "") -> None:
        """Log every file in `folder` as an artifact, under its path in the folder."""
        self.client.log_artifacts(self.run_id, str(folder), artifact_path or None)

    def log_model(self, model: "keras.Model", step: int, example: "np.ndarray[Any, Any]") -> None:
        """Log the autoencoder, servable; its layers `encoder` and `decoder` are models as well."""
        import mlflow.tensorflow
        from mlflow.models import ModelSignature
        from mlflow.types.schema import Schema, TensorSpec

        images = Schema([TensorSpec(np.dtype(np.float32), (-1, PIXELS))])
        mlflow.tensorflow.log_model(
            model,
            name="model",
            run_id=self.run_id,
            step=step,
            signature=ModelSignature(images, images),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in LIBRARIES[:3]],
        )

    def end(self, status: str, reason: str = "") -> None:
        """End the run as FINISHED, FAILED or KILLED, with the reason where it did not finish."""
        if reason:
            self.set_tags({"reason": reason[:5000]})
        self.client.set_terminated(self.run_id, status)


def _info(run: "MlflowRun") -> RunInfo:
    params = dict(run.data.params)
    resolved = {n.removeprefix("resolved."): v for n, v in params.items() if "resolved." in n}
    return RunInfo(
        run.info.run_id,
        run.info.run_name or run.info.run_id,
        run.info.status,
        run.info.start_time,
        run.info.end_time,
        params | resolved,
        dict(run.data.tags),
        dict(run.data.metrics),
    )


def _rate(previous: Point | None, point: Point) -> float:
    """Return updates a second since the previous point."""
    done = point.iteration - (previous.iteration if previous else -1)
    return done / max(point.seconds - (previous.seconds if previous else 0.0), 1e-9)


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

    view = views.saved_view(experiment.creation_time or 0)
    if experiment.tags.get(views.TAG) != view:
        with suppress(MlflowException):
            client.set_experiment_tag(experiment.experiment_id, views.TAG, view)


@contextmanager
def _first_use(tracking_uri: str) -> Iterator[None]:
    """Keep other processes of this project out while a SQLite store may be made.

    MLflow creates the tables of a fresh database without a lock: of several processes all but one
    would fail.
    """
    import fcntl

    if not tracking_uri.startswith("sqlite:///"):
        yield
        return
    path = Path(tracking_uri.removeprefix("sqlite:///") + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
    folder = Path(unquote(urlparse(location).path))
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        raise StoreError(
            f"experiment {experiment!r} keeps its artifacts in {folder}, which cannot be written: "
            "give write access, or use another experiment"
        )
