"""Principal coordinates: what they keep of the images, and layers that compute the same there."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from aemodel import pca
from aemodel.coordinates import PrincipalCoordinates
from aemodel.data import Dataset

pytestmark = pytest.mark.usefixtures("one_thread")


def normal(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def coordinates(dataset: Dataset, one_thread: None) -> PrincipalCoordinates:
    weights = [
        (tf.Variable(normal(i, *shape)), tf.Variable(normal(i, shape[1])))
        for i, shape in enumerate([(784, 3), (3, 784)])
    ]
    return PrincipalCoordinates(pca.fit(dataset.x_train), weights, (False, False))


def test_the_axes_keep_nearly_all_of_the_images(
    dataset: Dataset, coordinates: PrincipalCoordinates
) -> None:
    axes, mean = coordinates.axes, coordinates.mean
    assert 400 < len(axes) < 784
    np.testing.assert_allclose(axes @ axes.T, np.eye(len(axes)), atol=1e-5)
    x = dataset.x_train / np.float32(255)
    back = coordinates.images(dataset.x_train) @ axes + mean
    assert np.mean((back - x) ** 2) == pytest.approx(coordinates.residual_variance, rel=1e-3)
    assert 0 < coordinates.residual_variance < 1.001e-4 * x.var(axis=0).mean()


def test_a_layer_at_the_pixels_computes_the_same(
    dataset: Dataset, coordinates: PrincipalCoordinates
) -> None:
    axes, mean = coordinates.axes, coordinates.mean
    pixels = dataset.x_train[:20]
    x = ((pixels / np.float32(255) - mean) @ axes.T) @ axes + mean
    kernel, bias = normal(0, 784, 9) / 28, normal(1, 9)
    rotated = coordinates.first_from_pixels(kernel, bias)
    np.testing.assert_allclose(
        coordinates.images(pixels) @ rotated[0] + rotated[1], x @ kernel + bias, atol=1e-4
    )
    back = coordinates.first_to_pixels(*rotated)
    np.testing.assert_allclose(x @ back[0] + back[1], x @ kernel + bias, atol=1e-4)
    h, kernel, bias = normal(2, 20, 9), normal(3, 9, 784) / 3, mean.copy()
    rotated = coordinates.last_from_pixels(kernel, bias)
    kernel_back, bias_back = coordinates.last_to_pixels(*rotated)
    on_axes = (h @ kernel) @ axes.T @ axes
    np.testing.assert_allclose(h @ kernel_back + bias_back, on_axes + mean, atol=1e-4)
