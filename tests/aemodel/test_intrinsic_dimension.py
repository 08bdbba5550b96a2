"""TwoNN on sets whose dimension is known, and on MNIST beside the published method's value."""

import numpy as np
import pytest

from aemodel.data import MAX_PIXEL, Dataset
from aemodel.intrinsic_dimension import two_nn


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_a_flat_set_in_a_space_of_more_dimensions(dimension: int) -> None:
    generator = np.random.default_rng(dimension)
    axes = np.linalg.qr(generator.normal(size=(20, dimension)))[0]
    points = generator.uniform(size=(4_000, dimension)) @ axes.T
    assert two_nn(points) == pytest.approx(dimension, rel=0.06)


def test_a_curved_set() -> None:
    directions = np.random.default_rng(0).normal(size=(4_000, 3))
    sphere = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert two_nn(sphere) == pytest.approx(2, rel=0.06)


def test_points_that_occur_twice_count_once() -> None:
    points = np.random.default_rng(0).uniform(size=(2_000, 2))
    assert two_nn(np.concatenate([points, points[:50]])) == two_nn(points)


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match="1 distinct points are too few"):
        two_nn(np.ones((30, 2)))


def test_digits_have_far_fewer_dimensions_than_pixels(dataset: Dataset) -> None:
    assert 10 < two_nn(dataset.x_train[:3_000] / MAX_PIXEL) < 16  # 13.9 for 10,000 images
