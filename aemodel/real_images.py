"""Interpolation between the codes of single test images, instead of mean codes.

Halfway between two codes a and b, linear interpolation decodes (a + b) / 2. Spherical interpolation
(Shoemake 1985) keeps to the sphere: with angle t between a and b, seen from the mean of all codes,

    slerp(a, b, f) = (sin((1 - f) t) a + sin(f t) b) / sin t

The decoded image is compared with the pixel blend of the two decoded ends. Each is as real as it is
near to a test image other than the two ends, in MSE per pixel. Pairs of images are drawn at random.

References:
    K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, 245-254.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aemodel import latent

PAIRS = 200
"""Pairs of each kind: of the same class, and of two classes."""
DRAWS = 10_000
"""Random pairs of which these are the first."""
WAYS = ("linear", "spherical", "blend")
"""What lies halfway, in the order of `RealInterpolations.distances`."""
NEARLY_PARALLEL = 1e-6
"""Sine of the angle below which spherical interpolation is linear."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False, kw_only=True)
class RealInterpolations:
    """Ways between test images: the first half between images of the same class."""

    pairs: NDArray[np.int64]
    """Indices of the test images, from and to; shape (2 `PAIRS`, 2)."""
    distances: NDArray[np.float64]
    """MSE from what lies halfway to the nearest test image but the ends, for `WAYS`; shape
    (2 `PAIRS`, 3)."""
    strips: NDArray[np.float32]
    """Images on the way for the first pair of each kind and `WAYS`; shape (2, 3, 11, 784)."""


def interpolate(
    decode: Callable[[Floats], Floats],
    codes: Floats,
    test_images: latent.ReferenceImages,
    labels: latent.Labels,
    seed: int,
) -> RealInterpolations | None:
    """Measure the ways between random pairs of test images; None if the test set is too small.

    Args:
        decode: takes codes (n, d) to images (n, 784), not clipped.
        codes: of all test images (n, d).
        test_images: the images.
        labels: their classes (n,).
        seed: of the draw of the pairs.
    """
    pairs = draw_pairs(labels, np.random.default_rng([seed, PAIRS]))
    if pairs is None:
        return None
    centre = codes.mean(axis=0)
    start, end = codes[pairs[:, 0]], codes[pairs[:, 1]]
    decoded = decode(np.concatenate([start, end]))
    firsts = pairs[0], pairs[PAIRS]
    halves = [
        decode(0.5 * start + 0.5 * end),
        decode(slerp(start, end, 0.5, centre)),
        0.5 * decoded[: len(pairs)] + 0.5 * decoded[len(pairs) :],
    ]
    return RealInterpolations(
        pairs=pairs,
        distances=np.column_stack([test_images.nearest(half, pairs)[1] for half in halves]),
        strips=np.stack([_strips(decode, codes[a], codes[b], centre) for a, b in firsts]),
    )


def draw_pairs(labels: latent.Labels, generator: np.random.Generator) -> NDArray[np.int64] | None:
    """Return pairs of different images: `PAIRS` of one class each, then `PAIRS` of two classes.

    None if too few of `DRAWS` random pairs are of one kind, as in a very small test set.
    """
    drawn = generator.integers(len(labels), size=(DRAWS, 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    is_same = labels[drawn[:, 0]] == labels[drawn[:, 1]]
    same, different = drawn[is_same][:PAIRS], drawn[~is_same][:PAIRS]
    return np.concatenate([same, different]) if len(same) == len(different) == PAIRS else None


def slerp(start: Floats, end: Floats, fraction: float, centre: Floats) -> Floats:
    """Return the codes (n, d) at `fraction` of the way from `start` to `end`, both (n, d)."""
    a, b = start - centre, end - centre
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = np.clip(np.sum(a * b, axis=1) / np.maximum(norms, np.finfo(a.dtype).tiny), -1, 1)
    angle = np.arccos(cosine)[:, np.newaxis]
    sine = np.sin(angle)
    parallel = sine < NEARLY_PARALLEL
    sine = np.where(parallel, 1, sine)
    from_start = np.where(parallel, 1 - fraction, np.sin((1 - fraction) * angle) / sine)
    from_end = np.where(parallel, fraction, np.sin(fraction * angle) / sine)
    return np.asarray(centre + from_start * a + from_end * b, start.dtype)


def _strips(
    decode: Callable[[Floats], Floats], start: Floats, end: Floats, centre: Floats
) -> Floats:
    """Return the images on the three ways between two codes (d,); shape (3, 11, 784)."""
    linear = decode(latent.interpolate(start, end))
    around = [slerp(start[np.newaxis], end[np.newaxis], f, centre) for f in latent.FRACTIONS]
    return np.stack(
        [linear, decode(np.concatenate(around)), latent.interpolate(linear[0], linear[-1])]
    )
