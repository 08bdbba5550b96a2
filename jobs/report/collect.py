"""From the tracker to records: the one place of the report that reads runs.

A training is taken as it is recorded: what a run lacks is None in its record, and a run that cannot
be in the document is an `Omission` that says why.
"""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.settings import RECIPES, SETTINGS
from jobs.report.analysis.comparison import subject, unmatched, whole
from jobs.report.records import Curve, Interpolation, Omission, TrainingRecord
from jobs.spec import Pair, TrainingSpec
from jobs.tracking import Run, RunInfo, Store


def collect(
    store: Store, run_ids: Sequence[str]
) -> tuple[tuple[TrainingRecord, ...], tuple[Omission, ...]]:
    """Return the finished trainings among the runs, and why others are not among them.

    Args:
        store: where the runs are.
        run_ids: trainings the document is about; none for the newest finished one of each of the
            settings 1, 2 and 3.

    Raises:
        StoreError: a run does not exist.
    """
    if run_ids:
        found = [store.run(run_id).info() for run_id in run_ids]
        omissions = [omission for info in found if (omission := _omission(info))]
    else:
        found, omissions = _newest(list(store.runs("training")))
    used = [info for info in found if not _omission(info)]
    trainings = [_training(store, info) for info in used]
    return tuple(sorted(trainings, key=_place)), tuple(omissions)


def references(store: Store, trainings: Iterable[TrainingRecord]) -> tuple[TrainingRecord, ...]:
    """Return trainings by the assignment's recipe, for those of another recipe to be set beside.

    For each setting, precision and data set it is the newest finished one, of any seed, whose
    recipe is the assignment's unmodified and whose curve is whole; none where there is none, or
    where one is among `trainings`. The files of these runs are not read.
    """
    missing, found = unmatched(trainings), []
    for info in store.runs("training") if missing else ():
        if _omission(info):
            continue
        known = _logged(info)
        if known.recipe == RECIPES["assignment"] and subject(known) in missing:
            known = replace(known, curve=_curve(store.run(info.run_id)))
            if whole(known):
                found.append(known)
                missing.remove(subject(known))
    return tuple(sorted(found, key=_place))


def _place(training: TrainingRecord) -> tuple[bool, str, int]:
    name = training.setting.name
    return name not in SETTINGS, name, training.seed


def _newest(runs: Sequence[RunInfo]) -> tuple[list[RunInfo], list[Omission]]:
    """Pick the newest finished training of each setting; name settings and newer runs left out."""
    found, omissions = [], []
    for name in SETTINGS:
        of_setting = [info for info in runs if info.params.get("setting") == name]
        finished = next((info for info in of_setting if not _omission(info)), None)
        newer = of_setting[: of_setting.index(finished)] if finished else of_setting
        omissions += [_omission(info) for info in newer[:1]]
        if finished:
            found.append(finished)
        elif not newer:
            omissions.append(Omission(f"setting {name}", "no run"))
    return found, [omission for omission in omissions if omission]


def _omission(info: RunInfo) -> Omission | None:
    """Return why a run cannot be in the document, or None when it can."""
    what = f"{info.name} (run {info.run_id[:8]})"
    if info.tags.get("kind") != "training":
        return Omission(what, "not a training")
    if info.status != "FINISHED":
        why = "still running" if info.status == "RUNNING" else info.status
        reason = info.tags.get("reason", "")
        return Omission(what, f"{why}: {reason}" if reason else why)
    try:
        TrainingSpec.from_params(info.params)
    except (KeyError, ValueError) as error:
        return Omission(what, f"its parameters cannot be read: {error}")
    return None


def _training(store: Store, info: RunInfo) -> TrainingRecord:
    job, run = TrainingSpec.from_params(info.params), store.run(info.run_id)
    with tempfile.TemporaryDirectory() as folder:
        files = _Files(run, Path(folder))
        pictures = files.table("reconstructions.csv")
        codes = files.table("embedding/low_dimension_embedding.csv")
        labels = files.table("embedding/mnist_test_labels.csv")
        return replace(
            _logged(info),
            curve=_curve(run),
            codes=None if codes is None else codes.astype(np.float32),
            labels=None if labels is None else labels.ravel().astype(np.int64),
            neighbours=files.table("embedding/neighbour_shares.csv"),
            interpolations=tuple(_interpolations(files, job.pairs)),
            reconstructions=None if pictures is None else _pictures(pictures).reshape(2, 10, -1),
            manifold=files.picture("manifold.png"),
        )


def _logged(info: RunInfo) -> TrainingRecord:
    """Return what parameters, tags and final metrics tell of a training."""
    job, metrics = TrainingSpec.from_params(info.params), info.metrics
    best, threads = metrics.get("best_iteration"), info.params.get("threads", "")
    by_digit = [metrics[name] for d in range(10) if (name := f"mse_digit_{d}") in metrics]
    return TrainingRecord(
        run_id=info.run_id,
        run_name=info.name,
        status=info.status,
        reason=info.tags.get("reason", ""),
        start_time_ms=info.start_ms,
        end_time_ms=info.end_ms,
        setting=job.setting,
        recipe=job.recipe,
        seed=job.seed,
        precision=job.precision,
        data_digest=info.params.get("data_digest", ""),
        git_commit=info.tags.get("mlflow.source.git.commit", ""),
        versions={
            name.removeprefix("version."): text
            for name, text in sorted(info.tags.items())
            if name.startswith("version.")
        },
        threads=int(threads) if threads.isdigit() else None,
        curve=None,
        final_test_mse=metrics.get("final_test_mse"),
        best_test_mse=metrics.get("best_test_mse"),
        best_iteration=None if best is None else int(best),
        pca_test_mse=metrics.get("pca_test_mse"),
        train_seconds=metrics.get("train_seconds"),
        knn_accuracy=metrics.get("knn_accuracy"),
        real_nearest_mse=metrics.get("real_nearest_mse"),
        mse_by_digit=tuple(by_digit) if len(by_digit) == 10 else (),
    )


def _curve(run: Run) -> Curve | None:
    test = run.history("test_mse")
    if not test:
        return None
    iterations = np.array([step for step, _ in test])
    rates = dict(run.history("iterations_per_second"))
    seconds = [
        done / rates.get(int(step), np.nan)
        for step, done in zip(iterations, np.diff(iterations, prepend=-1), strict=True)
    ]
    train = dict(run.history("train_mse"))
    return Curve(
        iterations,
        np.array([value for _, value in test]),
        np.cumsum(seconds),
        np.array([train.get(int(step), np.nan) for step in iterations]),
    )


class _Files:
    """The artifacts of a run."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.folder = run, folder

    def table(self, path: str) -> NDArray[Any] | None:
        """Return a CSV artifact as a matrix, or None where the run has none that can be read."""
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
        """Return a PNG artifact, or None where the run has none that can be read."""
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
