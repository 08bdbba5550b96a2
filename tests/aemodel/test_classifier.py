"""The classifier that generated images are measured with: real digits, and the same bits again."""

import numpy as np
import pytest

from aemodel import classifier
from aemodel.classifier import Classifier
from aemodel.data import MAX_PIXEL, Dataset
from tests.support.datasets import first_images


@pytest.fixture(scope="module")
def trained(dataset: Dataset) -> Classifier:
    return classifier.train(first_images(dataset, 10_000, 10_000))


def test_it_knows_the_digits(trained: Classifier, dataset: Dataset) -> None:
    images = dataset.x_test / MAX_PIXEL
    named = trained.probabilities(images).argmax(axis=1)
    assert trained.accuracy == np.mean(named == dataset.y_test)
    assert trained.accuracy > 0.93  # 10,000 of the 60,000 images; with all of them 0.977


def test_probabilities_and_features(trained: Classifier, dataset: Dataset) -> None:
    images = dataset.x_test[:50] / MAX_PIXEL
    assert trained.probabilities(images).shape == (50, 10)
    assert np.allclose(trained.probabilities(images).sum(axis=1), 1)
    assert trained.features(images).shape == (50, classifier.FEATURES)
    assert trained.features(images).min() == 0


def test_the_same_data_give_the_same_classifier(small_dataset: Dataset) -> None:
    first, second = classifier.train(small_dataset), classifier.train(small_dataset)
    for a, b in zip(first.weights, second.weights, strict=True):
        assert a.tobytes() == b.tobytes()


def test_the_gradients_are_those_of_the_cross_entropy() -> None:
    generator = np.random.default_rng(0)
    weights = (
        generator.normal(size=(6, 5)), generator.normal(size=5),
        generator.normal(size=(5, 3)), generator.normal(size=3),
    )  # fmt: skip
    images, targets = generator.normal(size=(7, 6)), np.eye(3)[generator.integers(0, 3, 7)]

    def loss() -> float:
        hidden = np.maximum(images @ weights[0] + weights[1], 0)
        scores = hidden @ weights[2] + weights[3]
        scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return float(-(targets * scores).sum() / len(images))

    gradients = classifier._gradients(weights, images, targets)
    for weight, gradient in zip(weights, gradients, strict=True):
        for index in np.ndindex(weight.shape):
            before, step = weight[index], 1e-6
            weight[index] = before + step
            above = loss()
            weight[index] = before - step
            slope = (above - loss()) / (2 * step)
            weight[index] = before
            assert slope == pytest.approx(gradient[index], abs=1e-5)
