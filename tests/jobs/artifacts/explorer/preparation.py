"""MNIST's preparation of a scanned digit, in numpy: what the page does to a drawing.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86 (11), 1998, section III A.
"""

import math

import numpy as np
from numpy.typing import NDArray

FIELD, BOX = 28, 20


def prepare(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image (28, 28) of a square of ink (n, n), 0 none to 255 full; not blank."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    spans = [(lines[0], lines[-1] + 1) for lines in (rows, columns)]
    cell = max(end - start for start, end in spans) / BOX
    down, across = (_averaging(span, cell, len(ink)) for span in spans)
    greys = down @ ink @ across.T
    row, column = (
        _start(greys.sum(axis=axis) / greys.sum(), length)
        for axis, length in ((1, len(down)), (0, len(across)))
    )
    image = np.zeros((FIELD, FIELD))
    image[row : row + len(down), column : column + len(across)] = greys
    return np.floor(image + 0.5).astype(np.uint8)


def _averaging(span: tuple[int, int], cell: float, size: int) -> NDArray[np.float64]:
    """Return what share of each cell over the span each of `size` points is; (cells, size)."""
    length = span[1] - span[0]
    count = math.ceil(length / cell - 1e-9)
    start = span[0] - (count * cell - length) / 2
    edges = start + cell * np.arange(count + 1)[:, np.newaxis]
    points = np.arange(size)
    covered = np.minimum(edges[1:], points + 1) - np.maximum(edges[:-1], points)
    return np.asarray(np.maximum(covered, 0) / cell)


def _start(masses: NDArray[np.float64], count: int) -> int:
    """Return where cells start for their centre of mass to lie in pixel 14, within the field."""
    centre = masses @ (np.arange(count) + 0.5)
    return min(max(FIELD // 2 - math.floor(centre), 0), FIELD - count)
