"""One run of the store: what is read from it and written to it.

Every write is idempotent: it can be repeated after a failed request that may have succeeded
nevertheless. Every method raises `StoreError`, or `StoreUnavailable` for what may be over later.
"""

import json
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aemodel.data import Dataset
from aemodel.settings import PIXELS
from aemodel.training import Point
from jobs.tracking.client import artifact_repository, connect
from jobs.tracking.outage import StoreError

if TYPE_CHECKING:
    import keras
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

BATCH = 1000
"""Maximum number of metrics that MLflow's REST interface takes in one call."""

MODEL_FOLDER = "model"
"""Artifact that holds the model if the server has no logged models."""

DESCRIPTION = "mlflow.note.content"
"""Tag of a run: the description that the UI shows on its page, Markdown."""

COLOUR = "mlflow.runColor"
"""Tag of a run: its colour in the UI's charts, which chooses one by the run's id if it has none."""

RESOLVED = "resolved."
"""Before the name of a parameter that a user may have typed: the value that was used."""

MODEL_LIBRARIES = ("tensorflow", "keras", "numpy")
"""Libraries that a logged model needs."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What the store says of a run, as plain values."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    """RUNNING, FINISHED, FAILED, KILLED or SCHEDULED."""
    start_ms: int | None
    end_ms: int | None
    """Milliseconds since 1970."""
    params: dict[str, str]
    """As they were used: `resolved.<name>` under `<name>` as well."""
    tags: dict[str, str]
    metrics: dict[str, float]
    """Last value of each."""

    @classmethod
    def of(cls, run: "MlflowRun") -> "RunInfo":
        """Return what MLflow knows of a run."""
        params = dict(run.data.params)
        used = {n.removeprefix(RESOLVED): v for n, v in params.items() if n.startswith(RESOLVED)}
        return cls(
            run_id=run.info.run_id,
            experiment_id=run.info.experiment_id,
            name=run.info.run_name or run.info.run_id,
            status=run.info.status,
            start_ms=run.info.start_time,
            end_ms=run.info.end_time,
            params=params | used,
            tags=dict(run.data.tags),
            metrics=dict(run.data.metrics),
        )


@dataclass(frozen=True)
class Run:
    """One run of the store, by its id."""

    client: "MlflowClient"
    run_id: str

    @classmethod
    def open(cls, tracking_uri: str, run_id: str) -> "Run":
        """Return the run `run_id` of the store at `tracking_uri`."""
        import mlflow

        mlflow.set_tracking_uri(tracking_uri)
        return cls(connect(tracking_uri), run_id)

    @cached_property
    def _artifacts(self) -> Any:
        """Where its artifacts are, looked up once; MLflow's client does so at every call."""
        location = self.client.get_run(self.run_id).info.artifact_uri
        return artifact_repository(location, self.client.tracking_uri)

    def log_params(self, params: Mapping[str, str], typed: Collection[str] = ()) -> None:
        """Log parameters.

        `mlflow run` logs what the user typed under the parameter's name, and MLflow never changes a
        parameter. So the values used of those that a user can type are always logged as
        `resolved.<name>`, and as `<name>` unless another text is there.

        Args:
            params: name -> value used.
            typed: names of the parameters that a user can type.
        """
        from mlflow.entities import Param

        known = self.client.get_run(self.run_id).data.params
        values = {name: v for name, v in params.items() if known.get(name, v) == v}
        values |= {f"{RESOLVED}{name}": params[name] for name in typed}
        self.client.log_batch(self.run_id, params=[Param(n, v) for n, v in values.items()])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, replacing those of the same name."""
        from mlflow.entities import RunTag

        self.client.log_batch(self.run_id, tags=[RunTag(name, text) for name, text in tags.items()])

    def set_parent(self, parent: "Run") -> None:
        """Show this run below `parent`."""
        self.set_tags({"mlflow.parentRunId": parent.run_id})

    def describe(self, markdown: str) -> None:
        """Set the description that the UI shows on the run's page."""
        self.set_tags({DESCRIPTION: markdown})

    def log_points(
        self,
        points: Sequence[Point],
        before: Point | None,
        start_ms: int,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log points of the error curve.

        Points that the run has already are not added again, if `start_ms` is the same.

        Args:
            points: consecutive points of the curve.
            before: the point that preceded the first.
            start_ms: when the curve's seconds began, in milliseconds since 1970.
            tags: set in the same requests.
        """
        from mlflow.entities import Metric, RunTag

        metrics = []
        for previous, point in pairwise([before, *points]):
            assert point is not None
            values = {
                "test_mse": point.test_mse,
                "train_mse": point.train_mse,
                "learning_rate": point.learning_rate,
                "iterations_per_second": _rate(previous, point),
                "seconds": point.seconds,
            }
            time_ms = start_ms + int(1000 * point.seconds)
            metrics += [Metric(n, value, time_ms, point.iteration) for n, value in values.items()]
        entities = [RunTag(name, text) for name, text in (tags or {}).items()]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(
                self.run_id,
                metrics=metrics[start : start + BATCH],
                tags=entities,
                synchronous=True,
            )

    def status(self) -> str:
        """Return MLflow's status of the run, or nothing if it is deleted or unknown."""
        try:
            info = self.client.get_run(self.run_id).info
        except StoreError as error:
            if error.status != 404:
                raise
            return ""
        return str(info.status) if info.lifecycle_stage == "active" else ""

    def info(self) -> RunInfo:
        """Return what the store says of the run."""
        return RunInfo.of(self.client.get_run(self.run_id))

    def history(self, metric: str) -> list[tuple[int, float]]:
        """Return (step, value) of every point of a metric, by step."""
        points = self.client.get_metric_history(self.run_id, metric)
        return sorted((point.step, point.value) for point in points)

    def download(self, path: str, folder: Path) -> Path | None:
        """Return a local copy of an artifact, made in `folder`, or None if there is none."""
        try:
            return Path(self._artifacts.download_artifacts(path, str(folder)))
        except (StoreError, OSError):
            if self.has(path):
                raise
            return None

    def delete_files(self, path: str) -> None:
        """Delete an artifact, or a folder of them, if the server lets it."""
        artifacts = self._artifacts
        with suppress(Exception):  # what stays takes space, nothing else
            artifacts.delete_artifacts(path)

    def has(self, path: str) -> bool:
        """Return whether there is an artifact at this path."""
        beside = self._artifacts.list_artifacts(str(PurePosixPath(path).parent))
        return path in [item.path for item in beside]

    def reopen(self) -> None:
        """Set an interrupted run RUNNING again."""
        self.client.update_run(self.run_id, status="RUNNING")
        if "reason" in self.client.get_run(self.run_id).data.tags:
            self.client.delete_tag(self.run_id, "reason")

    def last_step(self, metric: str) -> int:
        """Return the last step at which the metric was logged, or -1."""
        return max((step for step, _ in self.history(metric)), default=-1)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log one value of each metric, unless the run has them already."""
        from mlflow.entities import Metric

        if self.last_step(next(iter(metrics))) == step:
            return
        now = int(time.time() * 1000)
        entities = [Metric(name, value, now, step) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=entities, synchronous=True)

    def log_series(self, series: Mapping[int, Mapping[str, float]]) -> None:
        """Log the same metrics at several steps, unless the run has them already.

        Args:
            series: step -> the metrics' values by name.
        """
        from mlflow.entities import Metric

        names = {name for values in series.values() for name in values}
        known = {(name, step) for name in names for step, _ in self.history(name)}
        now = int(time.time() * 1000)
        entities = [
            Metric(name, value, now, step)
            for step, values in series.items()
            for name, value in values.items()
            if (name, step) not in known
        ]
        self.client.log_batch(self.run_id, metrics=entities, synchronous=True)

    def link_metrics(self, names: Collection[str], model_id: str) -> None:
        """Show the last values of some metrics of the run at its logged model as well."""
        from mlflow.entities import Metric

        if self.client.get_logged_model(model_id).metrics:
            return
        values = self.client.get_run(self.run_id).data.metrics
        last = self.client.get_metric_history(self.run_id, next(iter(names)))[-1]
        entities = [
            Metric(name, values[name], last.timestamp, last.step, model_id=model_id)
            for name in names
        ]
        self.client.log_batch(self.run_id, metrics=entities, synchronous=True)

    def log_image(self, key: str, step: int, pixels: "NDArray[np.uint8]") -> None:
        """Log one picture (height, width) of a series that the UI shows with a step slider.

        Its files are named as `MlflowClient.log_image` names them, which the UI relies on, but for
        the time and a random part: a picture that is logged again replaces itself.
        """
        from PIL import Image

        name, picture = f"{key}+step+{step}+timestamp+{step}+{self.run_id}", Image.fromarray(pixels)
        with tempfile.TemporaryDirectory() as folder:
            picture.save(Path(folder, f"{name}.png"))
            picture.save(Path(folder, f"{name}+compressed.webp"))
            self.log_files(Path(folder), "images")
        self.set_tags({"mlflow.loggedImages": "True"})

    def log_dataset(self, dataset: Dataset, source: Path) -> None:
        """Log which data the run was trained and tested on, and the names of its classes."""
        from mlflow.entities import Dataset as LoggedDataset
        from mlflow.entities import DatasetInput, InputTag

        self.set_tags({"data_name": dataset.name, "data_classes": "\n".join(dataset.classes)})
        sizes = {"training": len(dataset.x_train), "testing": len(dataset.x_test)}
        inputs = []
        for context, size in sizes.items():
            logged = LoggedDataset(
                name=f"{dataset.name} {context} set",
                digest=dataset.digest,
                source_type="local",
                source=json.dumps({"uri": str(source.absolute())}),
                profile=json.dumps({"images": size, "pixels": PIXELS}),
            )
            inputs.append(DatasetInput(logged, [InputTag("mlflow.data.context", context)]))
        try:
            self.client.log_inputs(self.run_id, datasets=inputs)
        except StoreError:
            # Of runs that log the same data at the same moment for the first time in an experiment,
            # the store takes one and refuses the others; by now it knows the data.
            self.client.log_inputs(self.run_id, datasets=inputs)

    def log_files(self, folder: Path, artifact_path: str = "") -> None:
        """Log every file in `folder` as an artifact, under its path in the folder."""
        self.client.log_artifacts(self.run_id, str(folder), artifact_path or None)

    def log_model(self, model: "keras.Model", name: str, step: int, example: "NDArray[Any]") -> str:
        """Log the autoencoder, servable; its layers `encoder` and `decoder` are models as well.

        What `mlflow.tensorflow.log_model` does, one step at a time: an attempt that was cut off is
        completed instead of leaving a second model behind.

        Returns:
            The id of the logged model.
        """
        logged = self._logged_model(name, step)
        with _saved_model(model, example, logged.artifact_location, self.run_id, logged) as path:
            self.client.log_model_artifacts(logged.model_id, path)
        self.client.finalize_logged_model(logged.model_id, "READY")
        return str(logged.model_id)

    def log_model_files(self, model: "keras.Model", example: "NDArray[Any]") -> None:
        """Log the autoencoder as the artifact `model/`, for a server without logged models."""
        with _saved_model(model, example, MODEL_FOLDER, self.run_id) as path:
            self.client.log_artifacts(self.run_id, path, MODEL_FOLDER)

    def model_id(self) -> str:
        """Return the id of the run's logged model, or nothing if it has none."""
        outputs = self.client.get_run(self.run_id).outputs
        return str(outputs.model_outputs[0].model_id) if outputs and outputs.model_outputs else ""

    def _logged_model(self, name: str, step: int) -> "LoggedModel":
        """Return the entry of this run's model, made if it is missing."""
        from mlflow.entities import LoggedModelOutput

        run = self.client.get_run(self.run_id)
        experiment, query = run.info.experiment_id, f"source_run_id = '{self.run_id}'"
        known = self.client.search_logged_models([experiment], filter_string=query)
        logged = (
            known[0]
            if known
            else self.client.create_logged_model(
                experiment, name, self.run_id, params=dict(run.data.params)
            )
        )
        outputs = run.outputs.model_outputs if run.outputs else []
        if logged.model_id not in [output.model_id for output in outputs]:
            self.client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step)])
        return logged

    def end(self, status: str, reason: str = "") -> None:
        """End the run as FINISHED, FAILED or KILLED, with the reason if it did not finish."""
        if reason:
            self.set_tags({"reason": reason[:5000]})
        self.client.set_terminated(self.run_id, status)


@contextmanager
def _saved_model(
    model: "keras.Model",
    example: "NDArray[Any]",
    location: str,
    run_id: str,
    logged: "LoggedModel | None" = None,
) -> Iterator[str]:
    """Save a model in MLflow's form; yield the folder, which is deleted at the end."""
    import mlflow.tensorflow
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    images = Schema([TensorSpec(np.dtype(np.float32), (-1, PIXELS))])
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model"))
        mlflow.tensorflow.save_model(
            model,
            path,
            mlflow_model=Model(location, run_id, model_id=logged.model_id if logged else None),
            signature=ModelSignature(images, images),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in MODEL_LIBRARIES],
        )
        yield path


def _rate(previous: Point | None, point: Point) -> float:
    """Return updates a second since the previous point."""
    done = point.iteration - (previous.iteration if previous else -1)
    return done / max(point.seconds - (previous.seconds if previous else 0.0), 1e-9)
