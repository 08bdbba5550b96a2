"""What the explorer's page knows of a training, as one JSON object, kept short.

The three layers and the codes are stored as coarsely as the decoded pictures allow: the precision
of each rises until the pixels of a sample of test codes move little enough.

Notation: d the latent size, n the number of test images. A place of the map is (x, y) on the plane;
its code is mean + x a_1 + y a_2 + sum_k s_k a_k, where a_1 and a_2 span the plane and the further
a_k are the principal axes of what the plane leaves of the codes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE
from aemodel.latent import Plane, class_means
from jobs.artifacts.explorer.encoding import MOST_BITS, FixedPoint, pack, to_fixed_point

Floats = NDArray[np.floating]

PIXEL_TOLERANCE = 7e-3
"""Most that rounding may move a pixel decoded from the sample, on the scale 0..1. Other codes and
the screen, which shows 256 greys, add to it: in all less than 1e-2."""

FURTHER_AXES = 8
"""Most sliders shown."""

GREY_LEVELS = 8
"""Levels in which test images are stored, black to white: a fifth shorter than with 16."""

LEAST_SHARE = 5e-3
"""A further axis has at least this share of the variance: less moves the picture hardly at all."""

_SAMPLE = 1_000
"""Test codes with which precision is measured."""


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
    """Return the content of a page for `decoder`, three layers; the rest as `build` has it."""
    from jobs.artifacts.figures import DIGIT_COLOURS

    rounded, pixel_difference = _round([*map(np.vstack, decoder), codes])
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
        "further": further_axes(codes, plane),
        "means": class_means(codes, labels).tolist(),
    }
    return Content(block, pixel_difference)


def further_axes(codes: Floats, plane: Plane) -> list[dict[str, Any]]:
    """Return the principal axes of the codes (n, d) at right angles to the plane, largest first.

    Each has its `name`, the unit vector `axis` (d numbers) and the standard `deviation` of the
    codes along it; there are at most `FURTHER_AXES`, each with more than `LEAST_SHARE` of the
    variance.
    """
    centred = codes.astype(np.float64) - plane.mean
    rest = centred - centred @ plane.components.T @ plane.components
    variances, axes = np.linalg.eigh(rest.T @ rest / len(rest))
    total = float(np.square(centred).mean(axis=0).sum())
    count = min(FURTHER_AXES, codes.shape[1] - len(plane.components))
    return [
        {
            "name": f"{position} ({variances[-1 - k] / total:.0%} of variance)",
            "axis": axes[:, -1 - k].tolist(),
            "deviation": float(np.sqrt(variances[-1 - k])),
        }
        for k, position in enumerate(range(3, 3 + count))
        if variances[-1 - k] > LEAST_SHARE * total
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


def _round(arrays: Sequence[Floats]) -> tuple[list[FixedPoint], float]:
    """Return the arrays rounded, and the largest difference this makes to a decoded pixel.

    `arrays` are the decoder's layers, each a kernel with the bias as its last row, and then the
    codes. Each may move a pixel as far as the others may; how far that is falls until all of them
    together stay within `PIXEL_TOLERANCE`.
    """
    pictures = _decode(arrays)

    def difference(others: Sequence[Floats]) -> float:
        return float(np.abs(_decode(others) - pictures).max())

    @cache
    def difference_alone(position: int, bits: float) -> float:
        rounded = to_fixed_point(arrays[position], bits).values
        return difference([*arrays[:position], rounded, *arrays[position + 1 :]])

    def coarsest(position: int, allowed: float) -> FixedPoint:
        tried = np.arange(9, MOST_BITS, 0.5)
        enough = (bits for bits in tried if difference_alone(position, bits) <= allowed)
        return to_fixed_point(arrays[position], next(enough, MOST_BITS))

    for allowed in PIXEL_TOLERANCE * 0.8 ** np.arange(12):
        rounded = [coarsest(position, allowed) for position in range(len(arrays))]
        total = difference([array.values for array in rounded])
        if total <= PIXEL_TOLERANCE:
            break
    return rounded, total


def _decode(arrays: Sequence[Floats]) -> Floats:
    """Return what the layers make of a sample of the codes, unclipped, in single precision."""
    *layers, codes = arrays
    values = codes[:: max(1, len(codes) // _SAMPLE)].astype(np.float32)
    for position, layer in enumerate(layers):
        kernel, bias = layer[:-1].astype(np.float32), layer[-1].astype(np.float32)
        values = (np.tanh(values) if position else values) @ kernel + bias
    return values
