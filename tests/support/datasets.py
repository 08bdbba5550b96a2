"""Parts of MNIST, and files of them in the two forms that the assignment knows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aemodel.data import CSV_STEMS, IDX_STEMS, Dataset


def first_images(data: Dataset, train: int, test: int) -> Dataset:
    """Return the first `train` training and the first `test` test images."""
    return Dataset(
        x_train=data.x_train[:train],
        y_train=data.y_train[:train],
        x_test=data.x_test[:test],
        y_test=data.y_test[:test],
    )


def write_idx(folder: Path, data: Dataset) -> Path:
    """Write a data set as the four IDX files, in a folder made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = (data.x_train, data.y_train, data.x_test, data.y_test)
    for stem, array in zip(IDX_STEMS, arrays, strict=True):
        (folder / stem).write_bytes(idx(array))
    return folder


def idx(array: NDArray[np.uint8]) -> bytes:
    """Return the IDX file of images (n, 784) or labels (n,)."""
    sizes = (len(array), 28, 28) if array.ndim == 2 else array.shape
    header = np.array([0x0800 + len(sizes), *sizes], ">u4")
    return header.tobytes() + array.tobytes()


def write_csv(folder: Path, data: Dataset) -> Path:
    """Write a data set as the assignment's two CSV files, in a folder made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    sets = ((data.x_train, data.y_train), (data.x_test, data.y_test))
    for name, (images, labels) in zip(CSV_STEMS, sets, strict=True):
        (folder / name).write_text(csv(images, labels))
    return folder


def csv(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> str:
    """Return the CSV file of images (n, 784) and their labels (n,)."""
    cells, ends = (np.array([f"{value}{end}" for value in range(256)], "S4") for end in ",\n")
    rows = np.column_stack([cells[labels], cells[images[:, :-1]], ends[images[:, -1]]])
    return rows.tobytes().replace(b"\0", b"").decode()
