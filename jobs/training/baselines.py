"""The baseline of a data set: measured once, and kept."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from aemodel import baseline
from aemodel.baseline import Baseline
from aemodel.classifier import Classifier
from aemodel.data import Dataset
from aemodel.generation import Quality
from jobs.filesystem import replacing
from jobs.training.checkpoint import UNREADABLE, read_arrays

FOLDER = "baselines"
"""Folder of the files, in that of unfinished work: deleted, they are made again in seconds."""


def baseline_of(data: Dataset, folder: Path, threads: int = 1) -> Baseline:
    """Return the baseline of `data`, in the order of its files, from `folder`/baselines.

    Of several processes that need it at once, one measures it and the others wait. A file that
    cannot be read is replaced; one that cannot be written is done without.
    """
    path = folder / FOLDER / f"{data.digest}.npz"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            return _loaded(path) or _measured(data, path, threads)
    except OSError:
        return baseline.measure(data, threads)


def _loaded(path: Path) -> Baseline | None:
    try:
        arrays = read_arrays(path)
        weights = tuple(arrays[f"weight_{number}"] for number in range(4))
        return Baseline(
            classifier=Classifier(weights, float(arrays["accuracy"])),
            pixels_accuracy=float(arrays["pixels_accuracy"]),
            real_nearest_mse=float(arrays["real_nearest_mse"]),
            real=Quality(*map(float, arrays["real"])),
        )
    except (*UNREADABLE, TypeError):  # TypeError: another number of measures
        return None


def _measured(data: Dataset, path: Path, threads: int) -> Baseline:
    measured = baseline.measure(data, threads)
    weights = {f"weight_{i}": weight for i, weight in enumerate(measured.classifier.weights)}
    numbers = {
        "accuracy": measured.classifier.accuracy,
        "pixels_accuracy": measured.pixels_accuracy,
        "real_nearest_mse": measured.real_nearest_mse,
        "real": list(vars(measured.real).values()),
    }
    with suppress(OSError), replacing(path) as file:
        np.savez(
            file, allow_pickle=False, **weights, **{k: np.array(v) for k, v in numbers.items()}
        )
    return measured
