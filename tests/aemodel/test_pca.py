"""The linear baseline: reference values on the real data, and what holds for every data set."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from aemodel import pca
from aemodel.data import Dataset


@pytest.fixture(scope="module")
def baseline(dataset: Dataset) -> pca.PCA:
    return pca.fit(dataset.x_train)


@pytest.mark.parametrize(
    ("size", "mse"), [(0, 0.06747), (2, 0.05567), (16, 0.02686), (64, 0.00905)]
)
def test_reference_values(dataset: Dataset, baseline: pca.PCA, size: int, mse: float) -> None:
    assert baseline.image_mse(dataset.x_test, size).mean() == pytest.approx(mse, abs=5e-6)


@pytest.mark.parametrize("size", [784, 785, 16_384])
def test_as_many_components_as_pixels_lose_nothing(
    dataset: Dataset, baseline: pca.PCA, size: int
) -> None:
    assert baseline.image_mse(dataset.x_test[:100], size).mean() < 1e-10


def test_components_are_orthonormal(baseline: pca.PCA) -> None:
    products = baseline.components @ baseline.components.T
    np.testing.assert_allclose(products, np.eye(784), atol=1e-5)


def test_agrees_with_a_singular_value_decomposition(dataset: Dataset) -> None:
    images, test = dataset.x_train[:2_000], dataset.x_test[:500]
    mean = images.mean(axis=0) / 255
    _, _, rows = np.linalg.svd(images / 255 - mean, full_matrices=False)
    centred = test / 255 - mean
    wanted = np.mean((centred - centred @ rows[:16].T @ rows[:16]) ** 2)
    assert pca.fit(images).image_mse(test, 16).mean() == pytest.approx(wanted, rel=1e-4)


@settings(max_examples=12)  # a decomposition of 784 x 784 each
@given(count=st.integers(2, 40), size=st.integers(0, 50), seed=st.integers(0, 99))
def test_error_falls_with_size_down_to_zero_on_its_own_images(
    count: int, size: int, seed: int
) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (count, 784), dtype=np.uint8)
    fitted = pca.fit(images)
    smaller, larger = (fitted.image_mse(images, d).mean() for d in (size, size + 1))
    assert 0 <= larger <= smaller + 1e-7
    assert fitted.image_mse(images, count).mean() < 1e-5


def test_the_threads_of_a_training_make_no_difference(dataset: Dataset) -> None:
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(pca.fit(dataset.x_train[:20_000]))
    np.testing.assert_array_equal(found[0].components, found[1].components)


def test_trainings_on_the_same_data_share_the_components(small_dataset: Dataset) -> None:
    found = small_dataset.principal_components
    assert small_dataset.principal_components is found
    assert replace(small_dataset).principal_components is not found
    elsewhere = pickle.loads(pickle.dumps(small_dataset))
    np.testing.assert_array_equal(elsewhere.__dict__["principal_components"].mean, found.mean)
