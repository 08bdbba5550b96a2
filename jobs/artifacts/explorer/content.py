"""What the explorer's page knows of a training, as one JSON object, kept short.

Weights and codes are rounded (`encoding`), which moves a decoded pixel by less than 1e-2 on the
scale 0..1; the page says by how much.

Notation: d the latent size, n the number of test images. A place of the map is (x, y) on the plane;
its code is mean + x a_1 + y a_2 + sum_k s_k a_k: a_1 and a_2 span the plane, and the further a_k
are the principal axes of the codes after these two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE
from aemodel.latent import Plane, class_means
from jobs.artifacts.explorer.encoding import pack, to_fixed_point

Floats = NDArray[np.floating]

GREY_LEVELS = 8
"""Levels in which test images are stored, black to white: a fifth shorter than with 16."""

MIN_SHARE = 5e-3
"""Variance that a further axis must have: with less it hardly moves the picture."""

_SAMPLE = 1_000
"""Test codes with which the effect of rounding is measured."""


@dataclass(frozen=True)
class Content:
    """The page's data block, and how near its pictures come to the model's."""

    block: dict[str, Any]
    """JSON values; read by `readModel` in `data.mjs`."""
    pixel_difference: float
    """Largest difference of a decoded pixel from the model's, in a sample of the test images."""


def describe(
    decoder: Sequence[tuple[Floats, Floats]],
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    codes: Floats,
    plane: Plane,
    pairs: Iterable[tuple[int, int]],
) -> Content:
    """Return the content of a page.

    Args:
        decoder: kernel (inputs, outputs) and bias (outputs,) of its dense layers; tanh follows all
            but the last.
        images: test images (n, 784), pixels 0..255.
        labels: their digits (n,).
        codes: their latent codes (n, d).
        plane: the plane that the map shows.
        pairs: digits (a, b) between which the page offers to walk.
    """
    from jobs.artifacts.figures import DIGIT_COLOURS

    arrays = [*map(np.vstack, decoder), codes]
    rounded = [to_fixed_point(array) for array in arrays]
    pixel_difference = np.abs(_decode([array.values for array in rounded]) - _decode(arrays)).max()
    block = {
        "widths": [len(decoder[0][0]), *(len(bias) for _, bias in decoder)],
        "layers": [layer.encode() for layer in rounded[:-1]],
        "codes": rounded[-1].encode(),
        "places": to_fixed_point(_places(plane, labels), bits=16).encode(),
        "labels": pack(labels.astype(np.uint8).tobytes()),
        "images": _encode_images(images),
        "colours": list(DIGIT_COLOURS),
        "pairs": [[int(digit) for digit in pair] for pair in pairs],
        "mean": plane.mean.tolist(),
        "axes": plane.components.tolist(),
        "further": further_axes(plane),
        "means": class_means(codes, labels).tolist(),
    }
    return Content(block, float(pixel_difference))


def further_axes(plane: Plane) -> list[dict[str, Any]]:
    """Return the axes that get a slider: those with more than `MIN_SHARE` of the variance.

    Each has its `name`, the unit vector `axis` (d numbers) and the standard `deviation` of the
    codes along it.
    """
    return [
        {
            "name": f"{number} ({axis.share:.0%} of variance)",
            "axis": axis.direction.tolist(),
            "deviation": axis.deviation,
        }
        for number, axis in enumerate(plane.further, start=3)
        if axis.share > MIN_SHARE
    ]


def _places(plane: Plane, labels: NDArray[np.integer]) -> Floats:
    """Return where the points lie on the map; shape (n, 2).

    One latent dimension leaves the second axis free: the digits then lie in ten lanes, one above
    the other, evenly scattered across their lane so that points do not hide each other.
    """
    if plane.components[1].any():
        return plane.xy
    golden_ratio = (1 + np.sqrt(5)) / 2
    scatter = np.arange(len(labels)) * golden_ratio % 1
    lanes = (labels + 0.1 + 0.8 * scatter) / 10 - 0.5
    along = plane.xy[:, 0]
    return np.stack([along, lanes * np.ptp(along) * 0.7], axis=1)


def _encode_images(images: NDArray[np.uint8]) -> dict[str, Any]:
    """Return images (n, 784) as the entry that `unpackImage` in `data.mjs` reads.

    A byte holds the levels of two pixels, one below the other, which repeat more than neighbours in
    a row do: the text is an eighth shorter than with one pixel a byte.
    """
    levels = np.rint(images * ((GREY_LEVELS - 1) / 255)).astype(np.uint8)
    upper_rows, lower_rows = np.moveaxis(levels.reshape(len(images), -1, 2, IMAGE_SHAPE[1]), 2, 0)
    return {"data": pack((upper_rows * GREY_LEVELS + lower_rows).tobytes()), "levels": GREY_LEVELS}


def _decode(arrays: Sequence[Floats]) -> Floats:
    """Return what a sample of the codes is decoded to, unclipped, in single precision.

    `arrays` are the layers, each a kernel with the bias as its last row, and then the codes.
    """
    *layers, codes = arrays
    values = codes[:: max(1, len(codes) // _SAMPLE)].astype(np.float32)
    for position, layer in enumerate(layers):
        kernel, bias = layer[:-1].astype(np.float32), layer[-1].astype(np.float32)
        values = (np.tanh(values) if position else values) @ kernel + bias
    return values
