"""Images as bytes."""

import numpy as np

from aemodel.data import Dataset
from jobs.artifacts.pictures import mosaic, snapshot, tile


def test_tile_clips_and_rounds() -> None:
    image = np.zeros(784)
    image[[0, 1, 28, 29, 30]] = -0.5, 1.5, 0.5, 100.4 / 255, np.nan
    picture = tile(image)
    assert picture.dtype == np.uint8
    assert picture.shape == (28, 28)
    assert picture[0, :2].tolist() == [0, 255]
    assert picture[1, :3].tolist() == [128, 100, 0]


def test_tile_gives_back_the_pixels_of_mnist(dataset: Dataset) -> None:
    for image in dataset.x_test[:20]:
        np.testing.assert_array_equal(tile(image / np.float32(255)).ravel(), image)


def test_a_mosaic_is_black_on_white() -> None:
    images = np.random.default_rng(0).uniform(size=(2, 3, 784))
    picture = mosaic(list(images))
    assert picture.shape == (56, 84)
    np.testing.assert_array_equal(picture[28:, 56:], 255 - tile(images[1, 2]))


def test_a_snapshot_has_four_rows() -> None:
    originals, decoded = np.random.default_rng(0).uniform(size=(2, 10, 784))
    picture = snapshot(originals, decoded)
    assert picture.shape == (4 * 28, 5 * 28)
    for row, images in enumerate((originals[:5], decoded[:5], originals[5:], decoded[5:])):
        np.testing.assert_array_equal(picture[28 * row : 28 * (row + 1)], mosaic([images]))
