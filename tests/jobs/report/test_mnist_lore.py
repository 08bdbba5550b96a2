"""What the document says of MNIST's images, computed again from the images."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from aemodel.coordinates import KEPT_VARIANCE
from aemodel.data import MNIST_DIGEST
from jobs.report.sections import mnist_lore
from tests.jobs.report.synthetic import components, data


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.asarray(data().x_test / np.float32(255))


def test_mnist_is_what_has_its_digest() -> None:
    assert data().digest == MNIST_DIGEST


def test_the_variance_of_each_digit(images: NDArray[np.float32]) -> None:
    for digit, variance in enumerate(mnist_lore.PIXEL_VARIANCE):
        own = images[data().y_test == digit]
        assert np.square(own - own.mean(axis=0)).mean() == pytest.approx(variance, abs=6e-6)


def test_neighbours_in_pixels(images: NDArray[np.float32]) -> None:
    labels = data().y_test.astype(int)
    search = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(images)
    nearest = labels[search.kneighbors(return_distance=False)]
    shares = [
        100
        * np.bincount(nearest[labels == digit].ravel(), minlength=10)
        / nearest[labels == digit].size
        for digit in range(10)
    ]
    np.testing.assert_allclose(mnist_lore.PIXEL_NEIGHBOURS, shares, atol=0.006)
    assert mnist_lore.most_alike(4, 9)
    assert not mnist_lore.most_alike(3, 5)


def test_no_two_measures_of_a_digit_tie() -> None:
    assert len(set(mnist_lore.NEAREST_RATIO)) == len(set(mnist_lore.PIXEL_VARIANCE)) == 10


def test_how_much_nearer_the_own_digit_is(images: NDArray[np.float32]) -> None:
    labels = data().y_test
    for digit, ratio in enumerate(mnist_lore.NEAREST_RATIO):
        own, others = images[labels == digit], images[labels != digit]
        (same, other) = (
            NearestNeighbors(n_neighbors=1, algorithm="brute").fit(search)
            for search in (own, others)
        )
        within = np.median(np.square(same.kneighbors()[0]))
        without = np.median(np.square(other.kneighbors(own)[0]))
        assert without / within == pytest.approx(ratio, abs=6e-4)


def test_the_axes_that_are_trained() -> None:
    variances = components().variances
    kept = np.searchsorted(np.cumsum(variances) / variances.sum(), KEPT_VARIANCE) + 1
    assert kept == mnist_lore.PIXEL_AXES
