"""The search of nearest neighbours, beside every distance written out in double precision."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aemodel import neighbours
from aemodel.data import Dataset
from aemodel.neighbours import Neighbours

Floats = NDArray[np.floating]


def distances(points: Floats, reference: Floats) -> NDArray[np.float64]:
    a, b = points.astype(np.float64), reference.astype(np.float64)
    return np.stack([np.square(b - point).sum(axis=1) for point in a])


def assert_nearest(points: Floats, reference: Floats, k: int) -> None:
    """Check how far the neighbours are: which of those equally far they are does not matter."""
    exact = distances(points, reference)
    found = np.take_along_axis(exact, Neighbours(reference).nearest(points, k), axis=1)
    np.testing.assert_allclose(
        found, np.sort(exact, axis=1)[:, :k], rtol=1e-5, atol=1e-6 * exact.max()
    )


@pytest.mark.parametrize("k", [1, 10])
def test_of_images(dataset: Dataset, k: int) -> None:
    test, train = (images[:600] / np.float32(255) for images in (dataset.x_test, dataset.x_train))
    assert_nearest(test, train, k)
    assert_nearest(255 * test[:40], 255 * train, k)


def test_of_images_that_are_there(dataset: Dataset) -> None:
    images = dataset.x_test[:500] / np.float32(255)
    found = Neighbours(np.concatenate([images, images])).nearest(images, 2)
    np.testing.assert_array_equal(found, np.arange(500)[:, np.newaxis] + [0, 500])


@pytest.mark.parametrize(("count", "k"), [(3_000, 10), (50, 50), (1, 1)])
def test_of_noise_that_no_axes_shorten(count: int, k: int) -> None:
    generator = np.random.default_rng(0)
    points, reference = (generator.normal(size=(n, 784)).astype(np.float32) for n in (20, count))
    assert_nearest(points, reference, k)


@pytest.mark.parametrize("size", [3, 30, 2 * neighbours.AXES, 2_000])
def test_of_points_of_any_size(size: int) -> None:
    generator = np.random.default_rng(size)
    plane = generator.normal(size=(2, size))
    points = generator.normal(size=(900, 2)) @ plane + 0.01 * generator.normal(size=(900, size))
    points = (1e3 + points).astype(np.float32)  # far from the origin
    assert_nearest(points[:300], points[300:], 3)


@pytest.mark.parametrize(("kind", "whole"), [("images", 0), ("noise", 1)])
def test_all_are_compared_whole_only_where_the_bound_says_little(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, kind: str, whole: int
) -> None:
    products: list[int] = []
    real = neighbours._Products.of

    def count(self: neighbours._Products, block: Floats) -> Floats:
        products.append(block.shape[1])
        return real(self, block)

    monkeypatch.setattr(neighbours._Products, "of", count)
    noise = np.random.default_rng(0).random((5_100, 784)).astype(np.float32)
    points = noise if kind == "noise" else dataset.x_train[:5_100] / np.float32(255)
    Neighbours(points[100:]).nearest(points[:100], 1)
    assert products.count(neighbours.AXES + 1) == 1
    assert products.count(784) == whole


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(ValueError, match="3 neighbours of 2 points"):
        Neighbours(np.zeros((2, 5))).nearest(np.zeros((1, 5)), 3)
    with pytest.raises(ValueError, match="not finite"):
        Neighbours(np.zeros((2, 5))).nearest(np.full((1, 5), np.nan), 1)
    with pytest.raises(ValueError, match="not finite"):
        Neighbours(np.full((2, 5), np.nan))
