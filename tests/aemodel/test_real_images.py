"""Ways between single test images, against a plain computation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aemodel import real_images
from aemodel.data import Dataset
from aemodel.latent import ReferenceImages
from aemodel.real_images import PAIRS, draw_pairs, interpolate, slerp

Floats = NDArray[np.floating]


def test_the_sphere_is_kept_and_the_ends_are_met() -> None:
    generator = np.random.default_rng(0)
    a, b, centre = generator.normal(size=(5, 3)), generator.normal(size=(5, 3)), np.ones(3)
    a, b = (centre + 2 * x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    np.testing.assert_allclose(slerp(a, b, 0.0, centre), a)
    np.testing.assert_allclose(slerp(a, b, 1.0, centre), b)
    half = slerp(a, b, 0.5, centre) - centre
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 2)
    # Halfway it lies in the direction of the middle.
    middle = (a + b) / 2 - centre
    np.testing.assert_allclose(half / 2, middle / np.linalg.norm(middle, axis=1, keepdims=True))


def test_codes_in_one_direction_are_interpolated_linearly() -> None:
    a = np.array([[1.0, 0.0], [0.0, 0.0]])
    b = np.array([[3.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(slerp(a, b, 0.5, np.zeros(2))[0], [2.0, 0.0])
    assert np.isfinite(slerp(a, b, 0.5, np.zeros(2))).all()


def test_pairs_are_of_one_class_and_then_of_two() -> None:
    labels = np.random.default_rng(1).integers(10, size=500)
    pairs = draw_pairs(labels, np.random.default_rng(2))
    assert pairs is not None
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    assert same[:PAIRS].all()
    assert not same[PAIRS:].any()
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_a_test_set_with_an_image_of_each_class_has_no_pairs() -> None:
    assert draw_pairs(np.arange(10), np.random.default_rng(0)) is None


def test_distances_leave_the_ends_out(
    small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_images, "PAIRS", 5)
    x = small_dataset.x_test / np.float32(255)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(784, 4)))[0].T.astype(np.float32)
    codes = x @ basis.T

    def decode(z: Floats) -> Floats:
        return np.tanh(z @ basis)

    test_images = ReferenceImages(small_dataset.x_test)
    found = interpolate(decode, codes, test_images, small_dataset.y_test, seed=0)
    assert found is not None
    assert found.strips.shape == (2, 3, 11, 784)
    for row, (a, b) in enumerate(found.pairs):
        halfway = decode((codes[a] + codes[b]) / 2)
        others = np.delete(np.square(halfway - x).mean(axis=1), [a, b])
        assert found.distances[row, 0] == pytest.approx(others.min(), rel=1e-4)
    a, b = found.pairs[0]
    np.testing.assert_allclose(found.strips[0, 0, 0], decode(codes[a]), atol=1e-6)
    np.testing.assert_allclose(found.strips[0, 1, 10], decode(codes[b]), atol=1e-5)
    np.testing.assert_allclose(found.strips[0, 2, 5], decode(codes[[a, b]]).mean(axis=0), atol=1e-6)
