"""The intrinsic dimension of a set of points: how many numbers it takes to say where on it one is.

TwoNN (Facco et al. 2017) looks at the ratio mu = r_2 / r_1 of the distances from a point to its two
nearest neighbours. If the points have the density of a d-dimensional set that is nearly constant
over that distance, 1 - F(mu) = mu^(-d) for the distribution F of mu, whatever the density is: d is
the slope of -log(1 - F) against log mu, a line through the origin.

References:
    E. Facco, M. d'Errico, A. Rodriguez, A. Laio, "Estimating the intrinsic dimension of datasets by
    a minimal neighborhood information", Scientific Reports 7, 12140, 2017.
"""

import numpy as np
from numpy.typing import NDArray

POINTS = 10_000
"""Points that are enough on MNIST; the estimate depends on the density, so it is stated with it."""

LEFT_OUT = 0.1
"""Share of the largest ratios left out of the fit, as in the paper: they are the noisiest."""


def two_nn(points: NDArray[np.floating]) -> float:
    """Return the intrinsic dimension of `points` (n, p), at least 20 of them distinct.

    What occurs several times counts once: the distance to itself says nothing of the set.

    Raises:
        ValueError: there are fewer than 20 distinct points.
    """
    from sklearn.neighbors import NearestNeighbors

    points = np.unique(points, axis=0)
    if len(points) < 20:
        raise ValueError(f"{len(points)} distinct points are too few for an intrinsic dimension")
    search = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(points)
    first, second = search.kneighbors()[0].T  # without the point itself
    apart = first > 0  # two that are very near have a distance of 0 after rounding
    ratios = np.sort(second[apart] / first[apart])
    kept = int(len(ratios) * (1 - LEFT_OUT))
    x = np.log(ratios[:kept].astype(np.float64))
    y = -np.log1p(-np.arange(1, kept + 1) / len(ratios))
    return float(x @ y / (x @ x))
