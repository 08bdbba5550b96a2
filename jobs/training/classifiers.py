"""The classifier that generated images are measured with: trained once for a data set, and kept."""

import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from aemodel import classifier
from aemodel.classifier import Classifier
from aemodel.data import Dataset
from jobs.filesystem import replacing

FOLDER = "classifiers"
"""Folder of the files, in that of unfinished work: deleted, they are made again in seconds."""


def classifier_of(data: Dataset, folder: Path) -> Classifier:
    """Return the classifier of `data`, in the order of its files, from `folder`/classifiers.

    Of several processes that need it at once, one trains it and the others wait. A file that cannot
    be read is replaced; one that cannot be written is done without.
    """
    path = folder / FOLDER / f"{data.digest}.npz"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            return _loaded(path) or _trained(data, path)
    except OSError:
        return classifier.train(data)


def _loaded(path: Path) -> Classifier | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            weights = tuple(arrays[f"weight_{number}"] for number in range(4))
            return Classifier(weights, float(arrays["accuracy"]), float(arrays["pixels_accuracy"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _trained(data: Dataset, path: Path) -> Classifier:
    trained = classifier.train(data)
    arrays = {f"weight_{number}": weight for number, weight in enumerate(trained.weights)}
    shares = {
        "accuracy": np.array(trained.accuracy),
        "pixels_accuracy": np.array(trained.pixels_accuracy),
    }
    with suppress(OSError), replacing(path) as file:
        np.savez(file, allow_pickle=False, **shares, **arrays)
    return trained
