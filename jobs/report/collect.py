"""From the tracker to records: the one place of the report that reads runs.

A training is taken as it is recorded: what a run lacks is None in its record, and a run that cannot
be in the document is an `Omission` that says why.
"""

import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.settings import SETTINGS
from jobs import assignment
from jobs.report.analysis.comparison import complete_curve, matching_key, needs_reference
from jobs.report.dataset import DIGITS
from jobs.report.records import (
    Curve,
    Interpolation,
    Omission,
    Program,
    Records,
    ReportRequest,
    TrainingRecord,
)
from jobs.report.studies import collect_study, is_study
from jobs.spec import Pair, TrainingSpec
from jobs.tracking import Run, RunInfo, Store, git_commit

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

Usable = tuple[RunInfo, TrainingSpec]


def collect_records(store: Store, request: ReportRequest) -> Records:
    """Return all that the report needs of the store; only reads.

    Raises:
        StoreError: a run that was asked for does not exist.
    """
    usable, omissions = _chosen(store, request.run_ids)
    trainings = tuple(sorted((_training(store, *run) for run in usable), key=_rank))
    return Records(
        request=request,
        program=Program(_version(), git_commit()),
        experiment=store.experiment,
        tracking_uri=store.tracking_uri,
        trainings=trainings,
        omissions=tuple(omissions),
        references=_references(store, trainings),
        controlled_study=collect_study(
            store, request.run_ids, {training.spec.data_digest for training in trainings}
        ),
    )


def _chosen(store: Store, run_ids: Sequence[str]) -> tuple[list[Usable], list[Omission]]:
    """Return the trainings that were asked for, and why other runs are not among them.

    A study that was asked for is not one of them: `collect_study` finds it.
    """
    asked = [store.run(run_id).info() for run_id in run_ids]
    judged = [_judged(info) for info in asked if not is_study(info)]
    if not judged:
        return _newest([_judged(info) for info in store.runs("training")])
    usable = [(info, spec) for info, spec in judged if isinstance(spec, TrainingSpec)]
    return usable, [spec for _, spec in judged if isinstance(spec, Omission)]


def _newest(
    judged: Sequence[tuple[RunInfo, TrainingSpec | Omission]],
) -> tuple[list[Usable], list[Omission]]:
    """Return the newest finished training of each setting; name settings and newer runs left out.

    Args:
        judged: all trainings, the newest first.
    """
    chosen: list[Usable] = []
    omissions: list[Omission] = []
    for name in SETTINGS:
        newest: TrainingSpec | Omission = Omission(f"setting {name}", "no run")
        for number, (info, spec) in enumerate(j for j in judged if _is_of(j[0], name)):
            newest = spec if number == 0 else newest
            if isinstance(spec, TrainingSpec):
                chosen.append((info, spec))
                break
        if isinstance(newest, Omission):
            omissions.append(newest)
    return chosen, omissions


def _is_of(info: RunInfo, setting: str) -> bool:
    return info.params.get("setting") == setting


def _judged(info: RunInfo) -> tuple[RunInfo, TrainingSpec | Omission]:
    """Return a run with what it trained, or with why it cannot be in the document."""
    what = f"{info.name} (run {info.run_id[:8]})"
    if info.tags.get("kind") != "training":
        return info, Omission(what, "not a training")
    if info.status != "FINISHED":
        why = "still running" if info.status == "RUNNING" else info.status
        reason = info.tags.get("reason", "")
        return info, Omission(what, f"{why}: {reason}" if reason else why)
    try:
        return info, TrainingSpec.from_params(info.params)
    except (KeyError, ValueError) as error:
        return info, Omission(what, f"its parameters cannot be read: {error}")


def _version() -> str:
    with PROJECT.open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _rank(training: TrainingRecord) -> tuple[bool, str, int]:
    name = training.spec.setting.name
    return name not in SETTINGS, name, training.spec.seed


def _references(store: Store, trainings: Iterable[TrainingRecord]) -> tuple[TrainingRecord, ...]:
    """Return trainings with the assignment's recipe, for those of another recipe to be set beside.

    For each setting, precision and data set it is the newest finished one, of any seed, whose
    recipe is the assignment's unmodified and whose curve is complete; none if there is none, or
    if one is among `trainings`. The files of these runs are not read.
    """
    missing, references = needs_reference(trainings), []
    for info, spec in map(_judged, store.runs("training") if missing else ()):
        if isinstance(spec, Omission) or spec.recipe != assignment.RECIPE:
            continue
        logged = _logged(info, spec)
        if matching_key(logged) in missing:
            reference = replace(logged, curve=_curve(store.run(info.run_id)))
            if complete_curve(reference):
                references.append(reference)
                missing.remove(matching_key(reference))
    return tuple(sorted(references, key=_rank))


def _training(store: Store, info: RunInfo, spec: TrainingSpec) -> TrainingRecord:
    run = store.run(info.run_id)
    with tempfile.TemporaryDirectory() as folder:
        files = _Files(run, Path(folder))
        pictures = files.table("reconstructions.csv")
        codes = files.table("embedding/low_dimension_embedding.csv")
        labels = files.table("embedding/mnist_test_labels.csv")
        return replace(
            _logged(info, spec),
            curve=_curve(run),
            codes=None if codes is None else codes.astype(np.float32),
            labels=None if labels is None else labels.ravel().astype(np.int64),
            interpolations=tuple(_interpolations(files, spec.pairs)),
            reconstructions=None if pictures is None else _pictures(pictures).reshape(2, 10, -1),
            manifold=files.picture("manifold.png"),
        )


def _logged(info: RunInfo, spec: TrainingSpec) -> TrainingRecord:
    """Return what parameters, tags and final metrics tell of a training."""
    metrics = info.metrics
    best, axes = metrics.get("best_iteration"), metrics.get("pixel_axes")
    classes = tuple(info.tags.get("data_classes", "").splitlines())
    by_digit = [metrics[name] for d in range(10) if (name := f"mse_digit_{d}") in metrics]
    return TrainingRecord(
        run_id=info.run_id,
        run_name=info.name,
        spec=spec,
        end_time_ms=info.end_ms,
        git_commit=info.tags.get("mlflow.source.git.commit", ""),
        data_name=info.tags.get("data_name", ""),
        classes=classes if len(classes) == len(DIGITS) else DIGITS,
        pixel_axes=None if axes is None else int(axes),
        versions={
            name.removeprefix("version."): text
            for name, text in sorted(info.tags.items())
            if name.startswith("version.")
        },
        curve=None,
        final_test_mse=metrics.get("final_test_mse"),
        best_test_mse=metrics.get("best_test_mse"),
        best_iteration=None if best is None else int(best),
        pca_test_mse=metrics.get("pca_test_mse"),
        train_seconds=metrics.get("train_seconds"),
        knn_accuracy=metrics.get("knn_accuracy"),
        mse_by_digit=tuple(by_digit) if len(by_digit) == 10 else (),
    )


def _curve(run: Run) -> Curve | None:
    test = run.history("test_mse")
    if not test:
        return None
    iterations = np.array([step for step, _ in test])
    train = dict(run.history("train_mse"))
    return Curve(
        iterations,
        np.array([value for _, value in test]),
        _seconds(run, iterations),
        np.array([train.get(int(step), np.nan) for step in iterations]),
    )


def _seconds(run: Run, iterations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the seconds of training until each iteration; NaN where they are not known.

    Older runs recorded rates instead: updates a second since the previous point. If one is
    missing, its point has no time, and those after it count its updates at its neighbours' rate.
    """
    if recorded := dict(run.history("seconds")):
        return np.array([recorded.get(int(step), np.nan) for step in iterations])
    rates = dict(run.history("iterations_per_second"))
    missing = np.array([int(step) not in rates for step in iterations])
    if missing.all():
        return np.full(iterations.size, np.nan)
    known = np.interp(
        iterations, iterations[~missing], [rates[int(i)] for i in iterations[~missing]]
    )
    seconds = np.cumsum(np.diff(iterations, prepend=-1) / known)
    return np.where(missing, np.nan, seconds)


class _Files:
    """The artifacts of a run."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.folder = run, folder

    def table(self, path: str) -> NDArray[Any] | None:
        """Return a CSV artifact as a matrix, or None if the run has none that can be read."""
        import pyarrow as pa
        from pyarrow import csv

        local = self.run.download(path, self.folder)
        if local is None:
            return None
        try:
            table = csv.read_csv(local, csv.ReadOptions(autogenerate_column_names=True))
            return np.column_stack([column.to_numpy() for column in table.columns])
        except pa.ArrowInvalid:
            return None

    def picture(self, path: str) -> bytes | None:
        """Return a PNG artifact, or None if the run has none that can be read."""
        from PIL import Image

        local = self.run.download(path, self.folder)
        if local is None:
            return None
        try:
            with Image.open(local, formats=["PNG"]) as image:
                image.verify()
        except (OSError, SyntaxError):  # what Pillow raises for a damaged file
            return None
        return local.read_bytes()


def _interpolations(files: _Files, pairs: Iterable[Pair]) -> Iterable[Interpolation]:
    for a, b in pairs:
        folder = f"interpolation/{a}-to-{b}"
        nearest = files.table(f"{folder}/nearest.csv")
        if nearest is None:
            continue
        rows = [files.table(f"{folder}/recreation_{f:.1f}.csv") for f in nearest[:, 0]]
        if any(row is None for row in rows):
            continue
        pixels = np.concatenate([row for row in rows if row is not None])
        yield Interpolation(
            a, b, nearest[:, 0], _pictures(pixels), nearest[:, 1].astype(int), *nearest[:, 2:].T
        )


def _pictures(values: NDArray[Any]) -> NDArray[np.float32]:
    return values.astype(np.float32)
