"""Images as small pictures of bytes: what figures and MLflow's image log are made of.

Needs numpy alone, so that a training can take pictures without matplotlib.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE, MAX_PIXEL

Floats = NDArray[np.floating]
Bytes = NDArray[np.uint8]


def tile(pixels: Floats) -> Bytes:
    """Return one image (784,), 0..1 scale, as MNIST stores it: (28, 28), 255 is ink; clipped."""
    ink = np.clip(np.nan_to_num(pixels), 0, 1) * MAX_PIXEL
    return np.asarray(np.rint(ink), dtype=np.uint8).reshape(IMAGE_SHAPE)


def mosaic(rows: Sequence[Floats]) -> Bytes:
    """Return rows of images, each (columns, 784), without gaps, black ink on white paper."""
    return 255 - np.block([[tile(pixels) for pixels in row] for row in rows])


def snapshot(originals: Floats, decoded: Floats) -> Bytes:
    """Return images (n, 784) above their reconstructions in two halves, one below the other.

    Ten images make four rows of five: nearly square, as the tiles of MLflow's pages are. n is even.
    """
    halves = np.array_split(np.arange(len(originals)), 2)
    return mosaic([images[half] for half in halves for images in (originals, decoded)])
