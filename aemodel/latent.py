"""The geometry of latent codes: means, straight lines, the best plane, and neighbours.

A code z is a point of R^d, d the latent size; a set of n codes is an array (n, d) and comes with
the digits of its images, labels (n,). Distances are Euclidean. Images are compared by MSE per pixel
on the 0..1 scale, which is their squared Euclidean distance divided by 784.

Every function is deterministic, and refuses codes that are not finite with a ValueError where a
result would be meaningless (scikit-learn's own check).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aemodel.data import DIGITS, MAX_PIXEL
from aemodel.neighbours import Neighbours

FRACTIONS = tuple(step / 10 for step in range(11))
"""The eleven fractions f = 0.0, 0.1 ... 1.0 of the way from one code to another."""

NEIGHBOURS = 10
"""Nearest neighbours that are looked at, unless another number is asked for."""

PRINCIPAL_AXES = 10
"""Principal axes of the codes that are computed: two span the plane."""

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]


def class_means(codes: Floats, labels: Labels) -> Floats:
    """Return the mean code of each digit 0 to 9; shape (10, d).

    Raises:
        ValueError: a digit has no code.
    """
    _require_all_digits(labels)
    return np.stack([codes[labels == digit].mean(axis=0) for digit in range(DIGITS)])


def _require_all_digits(labels: Labels) -> None:
    absent = sorted(set(range(DIGITS)) - set(labels.tolist()))
    if absent:
        raise ValueError(f"labels have no digit {absent}: give codes of all ten digits")


def interpolate(start: Floats, end: Floats) -> Floats:
    """Return the points (1 - f) * start + f * end for f in `FRACTIONS`.

    `start` and `end` are codes (d,), or images (784,) for a pixel blend; the result is (11, d). Its
    first and last rows are `start` and `end` exactly.
    """
    f = np.asarray(FRACTIONS, dtype=np.result_type(start, end))[:, np.newaxis]
    return (1 - f) * start + f * end


@dataclass(frozen=True, eq=False, kw_only=True)
class Axis:
    """A principal axis of the codes."""

    direction: Floats
    """Unit vector; shape (d,)."""
    deviation: float
    """Standard deviation of the codes along it."""
    share: float
    """Its share of the variance of the codes, 0..1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plane:
    """Codes seen in a plane; `xy @ components + mean` takes a point of the plane back to a code."""

    xy: Floats
    """Coordinates of the codes; shape (n, 2)."""
    axis_names: tuple[str, str]
    """What the two coordinates are, for the axes of a figure."""
    mean: Floats
    """The code at the plane's origin; shape (d,)."""
    components: Floats
    """The codes one unit along each axis, from the origin; shape (2, d)."""
    further: tuple[Axis, ...] = ()
    """The principal axes after the two of the plane, by falling variance; at most eight."""


def project(codes: Floats) -> Plane:
    """Return the plane in which codes (n, d) are looked at, n at least 2.

    Latent size 2 is the plane itself and 1 its horizontal axis; larger codes are projected on their
    first two principal components, the plane of greatest variance.

    Raises:
        ValueError: a code is not finite, and d is above 2.
    """
    size = codes.shape[1]
    if size > 2:
        return _principal_plane(codes)
    components = np.eye(2, size, dtype=codes.dtype)
    names = ("latent dimension 1", "latent dimension 2" if size == 2 else "no second dimension")
    return Plane(
        xy=codes @ components.T,
        axis_names=names,
        mean=np.zeros(size, codes.dtype),
        components=components,
    )


def _principal_plane(codes: Floats) -> Plane:
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # codes that are all equal: 0 / 0
        pca = PCA(n_components=min(PRINCIPAL_AXES, *codes.shape), random_state=0).fit(codes)
    axes = [
        Axis(direction=direction, deviation=float(np.sqrt(variance)), share=float(share))
        for direction, variance, share in zip(
            pca.components_,
            pca.explained_variance_,
            np.nan_to_num(pca.explained_variance_ratio_),
            strict=True,
        )
    ]
    first, second = (
        f"principal component {number} ({axis.share:.0%} of variance)"
        for number, axis in enumerate(axes[:2], start=1)
    )
    return Plane(
        xy=pca.transform(codes)[:, :2],
        axis_names=(first, second),
        mean=pca.mean_,
        components=pca.components_[:2],
        further=tuple(axes[2:]),
    )


def knn_accuracy(
    train_codes: Floats,
    train_labels: Labels,
    test_codes: Floats,
    test_labels: Labels,
    k: int = NEIGHBOURS,
) -> float:
    """Return the share of test codes whose digit the `k` nearest train codes vote for, 0..1.

    The majority wins, and the smallest digit of those that tie.

    Raises:
        ValueError: there are fewer than `k` train codes, or a code is not finite.
    """
    neighbours = train_labels[_neighbours(test_codes, train_codes, k)]
    votes = np.stack([(neighbours == digit).sum(axis=1) for digit in range(DIGITS)], axis=1)
    return float(np.mean(votes.argmax(axis=1) == test_labels))


def _neighbours(points: Floats, reference: Floats, k: int) -> NDArray[np.intp]:
    """Return the indices of the `k` nearest reference codes of each point; shape (m, k)."""
    if points.shape[1] > 2:  # a tree pays in a plane, not beyond
        return Neighbours(reference).nearest(points, k)
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(reference)
    return np.asarray(search.kneighbors(points, return_distance=False))


def neighbour_shares(xy: Floats, labels: Labels, k: int = NEIGHBOURS) -> NDArray[np.float64]:
    """Return how the digits mix: whose points lie next to the points of each digit.

    Entry (d, e) is the share of digit e among the `k` nearest other points of the points of digit
    d; rows sum to 1 and shape is (10, 10). Digits that stand apart have a diagonal near 1.

    Raises:
        ValueError: a digit has no point, there are `k` points or fewer, or one is not finite.
    """
    from sklearn.neighbors import NearestNeighbors

    _require_all_digits(labels)
    search = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(xy)
    neighbours = labels[search.kneighbors(return_distance=False)]  # without the point itself
    rows = [np.bincount(neighbours[labels == d].ravel(), minlength=DIGITS) for d in range(DIGITS)]
    shares = np.stack(rows) / np.sum(rows, axis=1, keepdims=True)
    return np.asarray(shares, dtype=np.float64)


class ReferenceImages:
    """Images that others are compared with: which of them is the nearest, and how near it is.

    Attributes:
        images: on the 0..1 scale; shape (n, 784).
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """Take `pixels` 0..255 (n, 784)."""
        self.images = pixels / MAX_PIXEL
        self._neighbours = Neighbours(self.images)

    def nearest(
        self, images: Floats, without: NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return which reference image is the nearest to each image, and the MSE to it.

        Args:
            images: on the 0..1 scale, clipped or not; shape (m, 784).
            without: indices of reference images that do not count for each image; shape (m, w), w
                below n. None leaves none out.

        Returns:
            The indices (m,) of the reference images, and the MSE per pixel to these (m,).

        Raises:
            ValueError: an image is not finite.
        """
        images = np.asarray(images, np.float32)
        if without is None:
            indices = self._neighbours.nearest(images, 1)[:, 0]
        else:
            found = self._neighbours.nearest(images, 1 + without.shape[1])
            counts = ~(found[:, :, np.newaxis] == without[:, np.newaxis]).any(axis=2)
            indices = found[np.arange(len(found)), counts.argmax(axis=1)]
        return indices, _mse(images, self.images[indices])

    def median_nearest_mse(self) -> float:
        """Return the median over the images of the MSE per pixel to the nearest other one.

        It says how near real images are to one another, and so how near a decoded image has to come
        to one of them to be as real. There are at least two images.
        """
        itself = np.arange(len(self.images))[:, np.newaxis]
        return float(np.median(self.nearest(self.images, itself)[1]))


def _mse(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Return the exact distance: searches round when they compare."""
    return np.asarray(np.square(a - b).mean(axis=1, dtype=np.float64))


def trustworthiness(
    images: NDArray[np.uint8], planes: Sequence[Floats], k: int = NEIGHBOURS
) -> list[tuple[float, float]]:
    """Return how well planes keep the neighbourhoods of images: trustworthiness and continuity.

    The first falls with images that are among the `k` nearest in the plane but not in pixels, the
    second with those among the nearest in pixels but not in the plane (Venna & Kaski 2006); 1 is
    best. With r(i, j) the place of image j among those nearest to i, from 1, in pixels,

        trustworthiness = 1 - 2 / (n k (2 n - 3 k - 1)) sum_i sum_j max(0, r(i, j) - k)

    over the k images j nearest to i in the plane; continuity has pixels and plane exchanged.
    Quadratic in the number of images.

    Args:
        images: pixels 0..255; shape (n, 784), n above 2 k.
        planes: the points of these images in each plane; shapes (n, 2).

    Raises:
        ValueError: there are 2 k images or fewer, or a point is not finite.

    References:
        J. Venna, S. Kaski, "Local multidimensional scaling", Neural Networks 19 (2006), 889-899.
    """
    if len(images) <= 2 * k:
        raise ValueError(f"{len(images)} images for {k} neighbours: give more than {2 * k}")
    in_pixels = _distances(images)
    in_planes = map(_distances, planes)
    return [(_kept(in_pixels, d, k), _kept(d, in_pixels, k)) for d in in_planes]


def _distances(points: NDArray[np.number]) -> NDArray[np.float64]:
    """Return the squared distances of all points (n, d) to each other, infinite to themselves."""
    from sklearn.metrics import euclidean_distances

    distances = euclidean_distances(points.astype(np.float64), squared=True)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances)


def _kept(judged: NDArray[np.float64], chosen: NDArray[np.float64], k: int) -> float:
    """Return how near the `k` nearest by `chosen` distances (n, n) are by `judged` ones; 1 is best.

    The place of a point is counted, not found by sorting: only k of a row are asked for.
    """
    n = len(chosen)
    nearest = np.argpartition(chosen, k, axis=1)[:, :k]
    distances = np.take_along_axis(judged, nearest, axis=1)
    nearer = np.stack([(judged < d[:, np.newaxis]).sum(axis=1) for d in distances.T])
    beyond = np.maximum(nearer + 1 - k, 0).sum()
    return float(1 - 2 / (n * k * (2 * n - 3 * k - 1)) * beyond)


def affine_share(codes: Floats, decoded: Floats) -> float:
    """Return the share of the variance of decoded images that an affine map of the codes gives.

    1 if the decoder is affine over these codes; codes (n, d), decoded (n, 784), n above d.
    """
    centred = codes - codes.mean(axis=0, dtype=np.float64)
    directions, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    rounding = np.sqrt(len(codes)) * np.finfo(codes.dtype).eps * lengths[0]
    directions = directions[:, lengths > rounding]
    outputs = decoded - decoded.mean(axis=0)
    given = np.square(directions.T.astype(np.float32) @ outputs).sum(dtype=np.float64)
    return float(given / np.square(outputs).sum(dtype=np.float64))
