"""Whose points lie next to whose: the nearest neighbours of each test image in the plane."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.noise import difference_over_images, mean_over_images
from jobs.report.records import TrainingRecord

K = 10
"""Neighbours of a point that are looked at."""
CLASSES = 10


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The classes of the `K` nearest other points of each point."""

    labels: NDArray[np.int64]
    """Class of each point; shape (n,)."""
    nearest: NDArray[np.int64]
    """Classes of its nearest other points; shape (n, K)."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Row c: shares of the classes among the neighbours of the points of class c; (10, 10)."""
        rows = [
            np.bincount(self.nearest[self.labels == c].ravel(), minlength=CLASSES)
            for c in range(CLASSES)
        ]
        return np.asarray(np.stack(rows) / np.sum(rows, axis=1, keepdims=True))

    @property
    def same(self) -> float:
        """Share of neighbours of the same class, over all points."""
        return float(np.mean(self.nearest == self.labels[:, np.newaxis]))

    @property
    def vote(self) -> float:
        """Share of points whose class most of their neighbours have; of a tie the first class."""
        counts = np.stack([np.sum(self.nearest == c, axis=1) for c in range(CLASSES)], axis=1)
        return float(np.mean(counts.argmax(axis=1) == self.labels))

    def lead_over(self, other: "Neighbours") -> Estimate:
        """Return by how much the share of neighbours of the same class is above that of another."""
        own, others = (np.mean(n.nearest == n.labels[:, np.newaxis], axis=1) for n in (self, other))
        return difference_over_images(own, others)

    def own(self, c: int) -> Estimate:
        """Return the share of neighbours of the same class for the points of class c."""
        return mean_over_images(self._own(c))

    def lead(self, a: int, b: int) -> Estimate:
        """Return by how much the own share of class a is above that of class b."""
        return difference_over_images(self._own(a), self._own(b))

    def mutual(self, a: int, b: int) -> float:
        """Return the share of the other class among the neighbours, averaged over both classes."""
        shares = self.shares
        return float(shares[a, b] + shares[b, a]) / 2

    def most_mixed(self, pair: tuple[int, int]) -> bool:
        """Return whether no two classes are as mixed as this pair, beyond the noise."""
        others = [other for other in combinations(range(CLASSES), 2) if other != pair]
        second = max(others, key=lambda other: self.mutual(*other))
        return self.mutual_lead(pair, second).is_positive

    def mutual_lead(self, pair: tuple[int, int], other: tuple[int, int]) -> Estimate:
        """Return by how much the first pair of classes is more mixed than the second."""
        sides = [
            mean_over_images(self._share_of(c, d))
            for a, b in (pair, other)
            for c, d in ((a, b), (b, a))
        ]
        value = self.mutual(*pair) - self.mutual(*other)
        half = np.linalg.norm([_half_width(side) / 2 for side in sides])
        return Estimate(value, (value - float(half), value + float(half)))

    def _own(self, c: int) -> NDArray[np.float64]:
        return self._share_of(c, c)

    def _share_of(self, c: int, other: int) -> NDArray[np.float64]:
        """Return for each point of class c the share of the other class among its neighbours."""
        return np.asarray(np.mean(self.nearest[self.labels == c] == other, axis=1))


def _half_width(estimate: Estimate) -> float:
    return 0.0 if estimate.interval is None else (estimate.interval[1] - estimate.interval[0]) / 2


def neighbours_in_plane(training: TrainingRecord) -> Neighbours | None:
    """Return the neighbours in the plane in which the embedding figure shows the codes.

    None if codes or labels are missing or not finite, or a class has no image.
    """
    from aemodel import latent

    codes, labels = training.codes, training.labels
    if codes is None or labels is None or not np.isfinite(codes).all():
        return None
    return _neighbours(latent.project(codes).xy, labels)


def neighbours_in_pca_plane(training: TrainingRecord) -> Neighbours | None:
    """Return the neighbours in PCA's plane; None if it was not recorded or a class is empty."""
    if training.pca_xy is None or training.labels is None:
        return None
    return _neighbours(training.pca_xy, training.labels)


def _neighbours(xy: NDArray[np.floating], labels: NDArray[np.int64]) -> Neighbours | None:
    from sklearn.neighbors import NearestNeighbors

    if len(xy) != len(labels) or len(xy) <= K or set(labels.tolist()) != set(range(CLASSES)):
        return None
    search = NearestNeighbors(n_neighbors=K, algorithm="kd_tree").fit(xy)
    return Neighbours(labels, labels[search.kneighbors(return_distance=False)])
