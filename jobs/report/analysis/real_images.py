"""Paths between single test images: how near they are to other images, against the pixel blend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aemodel.real_images import RealInterpolations
from jobs.report.analysis.estimate import Estimate

KINDS = ("same", "different")
"""Pairs of one class, and of two."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Halfway:
    """What lies halfway between the images of pairs of one kind: mean MSE to the nearest other."""

    linear: float
    spherical: float
    blend: float
    gain: Estimate
    """Share by which the linear path is nearer than the blend."""


def halfway(found: RealInterpolations) -> dict[str, Halfway]:
    """Return the distances for each of `KINDS`, with intervals over the pairs."""
    return {
        kind: _halfway(rows) for kind, rows in zip(KINDS, np.split(found.distances, 2), strict=True)
    }


def _halfway(rows: Floats) -> Halfway:
    linear, spherical, blend = rows.T
    return Halfway(
        linear=float(linear.mean()),
        spherical=float(spherical.mean()),
        blend=float(blend.mean()),
        gain=_share_nearer(linear, blend),
    )


def _share_nearer(near: Floats, far: Floats) -> Estimate:
    """Return by which share the mean of `near` (n,) is below that of `far`, with its interval.

    The interval is that of a ratio of two means over the same pairs, to first order.
    """
    share = float(1 - near.mean() / far.mean())
    residuals = (far - near - share * far) / far.mean()
    half = 1.96 * float(residuals.std(ddof=1)) / np.sqrt(len(residuals))
    return Estimate(share, (share - half, share + half))


def mean_radius(codes: Floats, labels: NDArray[np.int64], classes: list[int]) -> float | None:
    """Return how far mean codes lie from the centre, as a share of how far codes do.

    The centre is the mean of all codes (n, d); of each class the distance of its mean is divided by
    the median distance of its codes, and averaged over the classes. None if none of them has codes.
    """
    centre, shares = codes.mean(axis=0), []
    for c in classes:
        own = codes[labels == c] - centre
        if len(own):
            typical = float(np.median(np.linalg.norm(own, axis=1)))
            shares.append(float(np.linalg.norm(own.mean(axis=0))) / typical if typical else 0.0)
    return float(np.mean(shares)) if shares else None
