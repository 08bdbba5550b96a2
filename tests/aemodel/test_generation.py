"""Densities of codes, and the measures of generated images, against values known by hand."""

import numpy as np
import pytest

from aemodel import generation
from aemodel.baseline import Baseline
from aemodel.data import Dataset
from aemodel.generation import Floats
from aemodel.latent import ReferenceImages


@pytest.fixture(scope="module")
def clusters() -> Floats:
    """Codes in ten clusters far apart, as many in each."""
    generator = np.random.default_rng(1)
    centres = generator.normal(0, 10, (10, 3))
    codes = centres[np.arange(12_000) % 10] + generator.normal(0, 0.1, (12_000, 3))
    return codes.astype(np.float32)


def test_a_gaussian_has_the_mean_and_covariance_of_the_codes(
    clusters: Floats,
) -> None:
    gaussian, _ = generation.fit(clusters, seed=0)
    assert gaussian.weights.tolist() == [1.0]
    drawn = gaussian.sample(50_000, np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert np.allclose(drawn.mean(axis=0), clusters.mean(axis=0), atol=0.3)
    assert np.allclose(np.cov(drawn.T), np.cov(clusters.T), rtol=0.1, atol=2)


def test_the_mixture_stays_near_the_clusters_and_the_gaussian_does_not(
    clusters: Floats,
) -> None:
    gaussian, mixture = generation.fit(clusters, seed=0)
    assert mixture.held_out > gaussian.held_out + 1
    assert len(mixture.weights) in generation.COMPONENTS
    assert mixture.weights.sum() == pytest.approx(1)
    centres = np.stack([clusters[i::10].mean(axis=0) for i in range(10)])

    def distance(codes: Floats) -> float:
        return float(np.linalg.norm(codes[:, None] - centres, axis=2).min(axis=1).mean())

    near = mixture.sample(2_000, np.random.default_rng(0))
    far = gaussian.sample(2_000, np.random.default_rng(0))
    assert distance(near) < 1 < distance(far)


def test_the_same_seed_gives_the_same_codes(
    clusters: Floats,
) -> None:
    drawn = [
        generation.fit(clusters, seed=7)[1].sample(100, np.random.default_rng(3)).tobytes()
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]


def test_few_codes_of_many_numbers_get_a_single_gaussian() -> None:
    codes = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    gaussian, mixture = generation.fit(codes, seed=0)
    assert mixture is gaussian


def test_codes_that_are_all_equal() -> None:
    codes = np.ones((100, 2), np.float32)
    _, mixture = generation.fit(codes, seed=0)
    assert np.allclose(mixture.sample(10, np.random.default_rng(0)), 1, atol=1e-4)


@pytest.mark.parametrize(("size", "spread", "offset"), [(2, 0.01, 10), (64, 1, 0), (64, 100, 1)])
def test_codes_on_a_line(size: int, spread: float, offset: float) -> None:
    generator = np.random.default_rng(0)
    direction = generator.normal(size=size)
    along = generator.normal(0, spread, (10_000, 1))
    codes = (offset + along * direction).astype(np.float32)
    for density in generation.fit(codes, seed=0):
        drawn = density.sample(1000, generator) - offset
        across = drawn - np.outer(drawn @ direction, direction) / (direction @ direction)
        assert np.abs(across).max() < 0.02 * np.abs(drawn).max()
        assert drawn.std() == pytest.approx((codes - offset).std(), rel=0.1)


def test_the_frechet_distance_by_hand() -> None:
    generator = np.random.default_rng(0)
    a = generator.normal(size=(200_000, 2)).astype(np.float32)
    b = (a * [3, 1] + [4, 0]).astype(np.float32)  # S = I, S' = diag(9, 1): 16 + 1 + 9 - 2 * 3
    assert generation.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert generation.frechet_distance(a, b) == pytest.approx(20, rel=0.01)
    assert generation.frechet_distance(b, a) == pytest.approx(20, rel=0.01)


def test_real_images_are_nearly_perfect_and_noise_is_not(
    small_dataset: Dataset, small_baseline: Baseline
) -> None:
    data, judge = small_dataset, small_baseline.classifier
    test_images = ReferenceImages(data.x_test)
    real = generation.measure(test_images.images, test_images, judge)
    assert real.nearest_mse == 0
    assert real.frechet == pytest.approx(0, abs=1e-3)
    assert real.evenness > 0.97
    noise = np.random.default_rng(0).uniform(size=(500, 784)).astype(np.float32)
    bad = generation.measure(noise, test_images, judge)
    assert bad.nearest_mse > 0.1
    assert bad.frechet > 10
    assert bad.evenness < real.evenness
