"""A data set in MNIST's form: 28 x 28 grey images of ten classes, with their labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aemodel.datafiles import (
    CSV_STEMS,
    IDX_STEMS,
    DataError,
    Files,
    find_files,
    read_lines,
    refusal,
    verify_checksums,
)
from aemodel.dataforms import Bytes, read_csv, read_idx
from aemodel.settings import PIXELS

if TYPE_CHECKING:
    from aemodel.pca import PCA

__all__ = [
    "CSV_STEMS",
    "DIGITS",
    "IDX_STEMS",
    "IMAGE_SHAPE",
    "MAX_PIXEL",
    "MNIST_DIGEST",
    "DataError",
    "Dataset",
    "load_dataset",
]

DIGITS = 10
"""Number of classes; MNIST's are the digits 0 to 9."""

IMAGE_SHAPE = (28, 28)
"""Rows and columns of an image; rows are stored one after the other."""

MAX_PIXEL = np.float32(255)
"""Value of full ink; pixels divided by it are on the 0..1 scale, in single precision."""

MNIST_DIGEST = "5a4d4600f9ae243d"
"""`Dataset.digest` of the whole MNIST, in the order of its files."""

CLASSES_FILE = "classes.txt"
LONGEST_CLASS = 40
"""Characters of a class's name, which legends and tables have room for."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels."""

    x_train: Bytes
    """Pixels 0 (paper) to 255 (ink); shape (n, 784)."""
    y_train: Bytes
    """Classes 0 to 9; shape (n,)."""
    x_test: Bytes
    """As `x_train`; shape (m, 784)."""
    y_test: Bytes
    """As `y_train`; shape (m,)."""
    digest: str = ""
    """Identity of the data: the first 16 hexadecimal digits of a SHA-256 over sizes, pixels and
    labels, in the order of the files. The same images have the same digest from IDX and from CSV;
    `shuffled` keeps it. Computed when not given."""
    name: str = "unnamed"
    """What texts call the data: MNIST if it is that, whatever is given."""
    classes: tuple[str, ...] = tuple(map(str, range(DIGITS)))
    """The names of the classes 0 to 9."""

    def __post_init__(self) -> None:
        if not self.digest:
            arrays = (self.x_train, self.y_train, self.x_test, self.y_test)
            object.__setattr__(self, "digest", _digest(arrays))
        if self.is_mnist:
            object.__setattr__(self, "name", "MNIST")

    @cached_property
    def principal_components(self) -> "PCA":
        """All principal components of the training images, computed when first asked for.

        Trainings of any seed share them, also in other processes: they are pickled with the data.
        """
        from aemodel import pca

        return pca.fit(self.x_train)

    @property
    def is_mnist(self) -> bool:
        """Whether these are MNIST's images, all of them: handwritten digits."""
        return self.digest == MNIST_DIGEST

    def shuffled(self, seed: int) -> "Dataset":
        """Return the same data with training and test set each permuted once."""
        train, test = self.permutations(seed)
        return replace(
            self,
            x_train=self.x_train[train],
            y_train=self.y_train[train],
            x_test=self.x_test[test],
            y_test=self.y_test[test],
        )

    def permutations(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where the images of both `shuffled` sets stand in the files, counted from 0.

        They are functions of `seed`, a whole number of at least 0, and the sets' sizes.
        """
        train, test = (
            np.random.default_rng(sequence).permutation(size)
            for sequence, size in zip(
                np.random.SeedSequence(seed).spawn(2),
                (len(self.x_train), len(self.x_test)),
                strict=True,
            )
        )
        return train, test


def load_dataset(folder: Path) -> Dataset:
    """Return the data set that is in `folder` or below it, in the order of the files.

    Complete IDX files are preferred to CSV files. Every file that `SHA256SUMS` lists is compared
    with it. `classes.txt`, ten names one per line, names the classes.

    Raises:
        DataError: a file is missing, cannot be read, differs from its checksum or is malformed;
            a label is above 9; a set is empty, larger than `dataforms.MAX_IMAGES` or lacks a class.
    """
    folder = folder.absolute()
    files = find_files(folder)
    verify_checksums(folder, files)
    half = len(files) // 2
    x_train, y_train = _read_set(files[:half])
    x_test, y_test = _read_set(files[half:])
    return Dataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        name=folder.resolve().name or "unnamed",
        classes=_read_classes((files[0].parent, folder)),
    )


def _digest(arrays: Sequence[Bytes]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()[:16]


def _read_set(files: Files) -> tuple[Bytes, Bytes]:
    """Return images (n, 784) and labels (n,) of one set, checked."""
    if len(files) == 1:
        images, labels = read_csv(files[0])
    else:
        images = read_idx(files[0], IMAGE_SHAPE).reshape(-1, PIXELS)
        labels = read_idx(files[1], ())
    _check_set(images, labels, files)
    return images, labels


def _check_set(images: Bytes, labels: Bytes, files: Files) -> None:
    source = " and ".join(map(str, files))
    if len(images) != len(labels):
        raise DataError(
            f"{source} do not belong together: {len(images)} images but {len(labels)} labels. "
            "Give both files of one set."
        )
    if labels.max() >= DIGITS:
        item = int(np.argmax(labels >= DIGITS))
        raise refusal(
            f"{files[-1]}: the label of image {item + 1} is {labels[item]}, not a class 0 to 9"
        )
    absent = sorted(set(range(DIGITS)) - set(labels.tolist()))
    if absent:
        raise DataError(
            f"{source}: no image of class {', '.join(map(str, absent))} among {len(labels)}. "
            "Every set needs all ten classes, for each has a mean latent code."
        )


def _read_classes(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the classes from the first folder that has a file of them."""
    path = next((f / CLASSES_FILE for f in folders if (f / CLASSES_FILE).exists()), None)
    if path is None:
        return Dataset.classes
    names = [" ".join(line.split()) for line in read_lines(path) if line.strip()]
    fitting = all(name.isprintable() and len(name) <= LONGEST_CLASS for name in names)
    if (
        len(set(names)) != DIGITS
        or len(names) != DIGITS
        or not fitting
        or "\ufffd" in "".join(names)
    ):
        raise DataError(
            f"{path} must have ten different names in UTF-8, one per line, each of at most "
            f"{LONGEST_CLASS} printable characters; {len(names)} lines are not empty. Mend or "
            "remove it."
        )
    return tuple(names)
