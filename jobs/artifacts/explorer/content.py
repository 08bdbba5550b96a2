"""What the explorer's page knows of a training, as one JSON object, kept short.

Weights and codes are rounded (`encoding`), which moves a decoded pixel by less than 1e-2 on the
scale 0..1, and a code by less than 1e-2 of the codes' standard deviation; the page says by how
much.

Notation: d the latent size, n the number of test images. A place of the map is (x, y) on the plane;
its code is mean + x a_1 + y a_2 + sum_k s_k a_k: a_1 and a_2 span the plane, and the further a_k
are the principal axes of the codes after these two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE, MAX_PIXEL
from aemodel.generation import Density
from aemodel.latent import Plane, class_means
from jobs.artifacts.explorer.encoding import FixedPoint, pack, to_fixed_point

Floats = NDArray[np.floating]
Layers = Sequence[tuple[Floats, Floats]]
"""Kernel (inputs, outputs) and bias (outputs,) of dense layers; tanh follows all but the last."""

GREY_LEVELS = 8
"""Levels in which test images are stored, black to white: a fifth shorter than with 16."""

MIN_SHARE = 5e-3
"""Variance that a further axis must have: with less it hardly moves the picture."""

SAMPLE = 1_000
"""Test images, evenly spread, whose errors the page knows; rounding is measured with them."""

PRECISE_BITS = 16
"""Bits of a number on the map and in the mixture: these are few."""


@dataclass(frozen=True)
class Content:
    """The page's data block, and how near its pictures come to the model's."""

    block: dict[str, Any]
    """JSON values; read by `readModel` in `data.mjs`."""
    pixel_difference: float
    """Largest difference of a decoded pixel from the model's, in a sample of the test images."""
    code_difference: float
    """Largest difference of a number of a code, in the same sample, in standard deviations of the
    codes (the root mean square over their numbers)."""


def describe(
    *,
    encoder: Layers,
    decoder: Layers,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    codes: Floats,
    plane: Plane,
    pairs: Iterable[tuple[int, int]],
    mixture: Density,
    real_distance: float,
) -> Content:
    """Return the content of a page; the arguments are those of `explorer.build`."""
    from jobs.artifacts.figures import DIGIT_COLOURS

    rounded_encoder, rounded_decoder = _rounded(encoder), _rounded(decoder)
    rounded_codes = to_fixed_point(codes)
    every = slice(None, None, max(1, len(codes) // SAMPLE))
    sample = images[every] / MAX_PIXEL
    pictures = _forward(_stacked(decoder), codes[every])
    rounded_pictures = _forward(_values(rounded_decoder), rounded_codes.values[every])
    sample_codes, rounded_sample_codes = (
        _forward(layers, sample) for layers in (_stacked(encoder), _values(rounded_encoder))
    )
    deviation = float(np.sqrt(codes.var(axis=0).mean())) or 1.0
    block = {
        "encoder": _encode_layers(rounded_encoder, encoder),
        "decoder": _encode_layers(rounded_decoder, decoder),
        "codes": rounded_codes.encode(),
        "places": to_fixed_point(_places(plane, labels), PRECISE_BITS).encode(),
        "labels": pack(labels.astype(np.uint8).tobytes()),
        "images": _encode_images(images),
        "errors": _errors(pictures, sample),
        "realDistance": real_distance,
        "mixture": _encode_mixture(mixture),
        "colours": list(DIGIT_COLOURS),
        "pairs": [[int(digit) for digit in pair] for pair in pairs],
        "mean": plane.mean.tolist(),
        "axes": plane.components.tolist(),
        "further": further_axes(plane),
        "means": class_means(codes, labels).tolist(),
    }
    return Content(
        block,
        pixel_difference=float(np.abs(rounded_pictures - pictures).max()),
        code_difference=float(np.abs(rounded_sample_codes - sample_codes).max()) / deviation,
    )


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


def _encode_layers(rounded: Sequence[FixedPoint], layers: Layers) -> dict[str, Any]:
    """Return half a network as the entry that `readLayers` in `data.mjs` reads."""
    widths = [len(layers[0][0]), *(len(bias) for _, bias in layers)]
    return {"widths": widths, "layers": [layer.encode() for layer in rounded]}


def _encode_mixture(mixture: Density) -> dict[str, Any]:
    """Return a mixture as the entry that `readMixture` in `data.mjs` reads.

    Of each factor the lower triangle is kept, row after row.
    """
    triangles = mixture.factors[:, *np.tril_indices(mixture.means.shape[1])]
    return {
        "weights": mixture.weights.tolist(),
        "means": to_fixed_point(mixture.means, PRECISE_BITS).encode(),
        "triangles": to_fixed_point(triangles, PRECISE_BITS).encode(),
    }


def _errors(pictures: Floats, images: Floats) -> list[float]:
    """Return the MSE per pixel of each picture, smallest first."""
    errors = np.square(pictures - images).mean(axis=1, dtype=np.float64)
    return [float(f"{error:.4g}") for error in np.sort(errors)]


def _stacked(layers: Layers) -> list[Floats]:
    """Return each kernel with its bias as a last row."""
    return [np.vstack(layer) for layer in layers]


def _rounded(layers: Layers) -> list[FixedPoint]:
    return [to_fixed_point(layer) for layer in _stacked(layers)]


def _values(layers: Iterable[FixedPoint]) -> list[Floats]:
    return [layer.values for layer in layers]


def _forward(layers: Iterable[Floats], values: Floats) -> Floats:
    """Return the outputs of half a network in single precision; a layer's last row is its bias."""
    values = values.astype(np.float32)
    for position, layer in enumerate(layers):
        kernel, bias = layer[:-1].astype(np.float32), layer[-1].astype(np.float32)
        values = (np.tanh(values) if position else values) @ kernel + bias
    return values
