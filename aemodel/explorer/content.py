"""What the explorer's page knows of a training, as one JSON object, kept short.

Weights and codes are stored as coarsely as the decoded pictures allow: precision rises until the
pixels of a sample of test codes move by at most `PIXEL_TOLERANCE`, on the 0..1 scale.

Notation: d the latent size, n the number of test images. A place of the map is (x, y) on the plane;
its code is mean + x a_1 + y a_2 + sum_k s_k a_k, where a_1 and a_2 span the plane and the further
a_k are the principal axes of what the plane leaves of the codes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aemodel.explorer.encoding import (
    FixedPoint,
    encode_halves,
    pack,
    to_fixed_point,
    to_halves,
)
from aemodel.latent import Plane, class_means
from aemodel.mnist import IMAGE_SHAPE

Floats = NDArray[np.floating]
Layers = Sequence[tuple[Floats, Floats]]
Stored = TypeVar("Stored")

PIXEL_TOLERANCE = 5e-3
"""Weights may move a decoded pixel by this, and codes as much again: about a grey level of 256."""

FURTHER_AXES = 8
"""Most sliders shown."""

GREY_LEVELS = 8
"""Levels in which test images are stored, black to white: a fifth shorter than with 16."""

_SAMPLE = 2_000
"""Test codes with which precision is measured."""


@dataclass(frozen=True)
class Content:
    """The page's data block, and how near its pictures come to the model's."""

    block: dict[str, Any]
    """JSON values; read by `readModel` in `data.mjs`."""
    pixel_difference: float
    """Largest difference of a decoded pixel from the model's, in a sample of the test images."""


def describe(
    decoder: Layers,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    codes: Floats,
    plane: Plane,
    pairs: Iterable[tuple[int, int]],
) -> Content:
    """Return the content of a page for `decoder`, three layers; the rest as `build` has it."""
    from aemodel.figures import DIGIT_COLOURS

    pictures = decode(decoder, _sample(codes))
    layers = _coarsest_layers(decoder, _sample(codes), pictures)
    fixed = _coarsest_codes(decoder, codes, pictures)
    block = {
        "widths": [len(decoder[0][0]), *(len(bias) for _, bias in decoder)],
        "weights": encode_halves(
            np.concatenate([array.ravel() for pair in layers for array in pair])
        ),
        "codes": fixed.encode(),
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
    shown = decode(layers, _sample(fixed.values))
    return Content(block, _largest_difference(shown, pictures))


def decode(layers: Layers, codes: Floats) -> Floats:
    """Return the pictures (n, 784) decoded from codes (n, d), unclipped, in single precision."""
    values = codes.astype(np.float32)
    for position, (kernel, bias) in enumerate(layers):
        inputs = np.tanh(values) if position else values
        values = inputs @ kernel.astype(np.float32) + bias.astype(np.float32)
    return values


def further_axes(codes: Floats, plane: Plane) -> list[dict[str, Any]]:
    """Return the principal axes of the codes (n, d) at right angles to the plane, largest first.

    Each has its `name`, the unit vector `axis` (d numbers) and the standard `deviation` of the
    codes along it; there are at most `FURTHER_AXES`, and none in which the codes do not vary.
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
        if variances[-1 - k] > 1e-12 * total
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


def _sample(rows: Floats) -> Floats:
    return rows[:: max(1, len(rows) // _SAMPLE)]


def _coarsest_layers(decoder: Layers, sample: Floats, pictures: Floats) -> Layers:
    def rounded(binary_places: int) -> Layers:
        return [
            (to_halves(kernel, binary_places), to_halves(bias, binary_places))
            for kernel, bias in decoder
        ]

    return _first_within_tolerance(
        map(rounded, range(11, 25)),
        lambda layers: _largest_difference(decode(layers, sample), pictures),
    )


def _coarsest_codes(decoder: Layers, codes: Floats, pictures: Floats) -> FixedPoint:
    return _first_within_tolerance(
        (to_fixed_point(codes, bits) for bits in range(9, 17)),
        lambda fixed: _largest_difference(decode(decoder, _sample(fixed.values)), pictures),
    )


def _first_within_tolerance(
    candidates: Iterable[Stored], difference: Callable[[Stored], float]
) -> Stored:
    """Return the first candidate, of rising precision, that is good enough; or else the last."""
    for candidate in candidates:
        if difference(candidate) <= PIXEL_TOLERANCE:
            break
    return candidate


def _largest_difference(pictures: Floats, others: Floats) -> float:
    return float(np.abs(pictures - others).max())
