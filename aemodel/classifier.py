"""A small classifier of the images: the ruler that generated images are measured with.

    h = relu(x W1 + b1)      features (n, 128)
    p = softmax(h W2 + b2)   probabilities of the classes (n, 10)

trained with Adam (Kingma & Ba 2015) on the cross-entropy of the training images. It is computed on
one thread, whatever a training of an autoencoder uses: the same data give the same classifier, bit
for bit on one type of processor, so that the measures of all trainings are on one scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aemodel.data import DIGITS, MAX_PIXEL, Dataset
from aemodel.settings import PIXELS

FEATURES = 128
"""Hidden units: the size of a feature vector."""

EPOCHS = 8
BATCH_SIZE = 250
LEARNING_RATE = 2e-3
"""Peak; it falls to zero along half a cosine."""

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
SEED = 0

Floats = NDArray[np.floating]
Arrays = tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier."""

    weights: Arrays
    """W1 (784, 128), b1 (128,), W2 (128, 10) and b2 (10,)."""
    accuracy: float
    """Share of the test images whose class it names, 0..1."""

    def features(self, images: Floats) -> Floats:
        """Return the hidden units (n, 128) of images (n, 784) on the 0..1 scale."""
        return _hidden(self.weights, images)

    def probabilities(self, images: Floats) -> Floats:
        """Return the probabilities of the classes (n, 10) of images (n, 784) on the 0..1 scale."""
        return self.probabilities_of(self.features(images))

    def probabilities_of(self, features: Floats) -> Floats:
        """Return the probabilities of the classes (n, 10) of images with `features` (n, 128)."""
        return _softmax(features @ self.weights[2] + self.weights[3])


def train(data: Dataset) -> Classifier:
    """Return a classifier trained on the training images, in the order given; takes seconds.

    The test images only give its accuracy.
    """
    from threadpoolctl import threadpool_limits

    generator = np.random.default_rng(SEED)
    weights = (
        _glorot(generator, PIXELS, FEATURES), np.zeros(FEATURES, np.float32),
        _glorot(generator, FEATURES, DIGITS), np.zeros(DIGITS, np.float32),
    )  # fmt: skip
    images, targets = data.x_train / MAX_PIXEL, np.eye(DIGITS, dtype=np.float32)[data.y_train]
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    per_epoch = -(-len(images) // BATCH_SIZE)
    total = EPOCHS * per_epoch
    with threadpool_limits(1):
        for update in range(total):
            if update % per_epoch == 0:
                order = generator.permutation(len(images))
            rows = order[update % per_epoch * BATCH_SIZE :][:BATCH_SIZE]
            rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * update / total))
            gradients = _gradients(weights, images[rows], targets[rows])
            for weight, (first, second), gradient in zip(weights, moments, gradients, strict=True):
                _adam(weight, first, second, gradient, update + 1, rate)
    test_images = data.x_test / MAX_PIXEL
    with threadpool_limits(1):
        named = _softmax(_hidden(weights, test_images) @ weights[2] + weights[3]).argmax(axis=1)
    return Classifier(weights, float(np.mean(named == data.y_test)))


def _glorot(generator: np.random.Generator, inputs: int, outputs: int) -> Floats:
    limit = np.sqrt(6 / (inputs + outputs))
    return generator.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)


def _hidden(weights: Arrays, images: Floats) -> Floats:
    return np.maximum(images @ weights[0] + weights[1], 0)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _gradients(weights: Arrays, images: Floats, targets: Floats) -> Arrays:
    hidden = _hidden(weights, images)
    error = (_softmax(hidden @ weights[2] + weights[3]) - targets) / np.float32(len(images))
    back = (error @ weights[2].T) * (hidden > 0)
    return images.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)


def _adam(
    weight: Floats, first: Floats, second: Floats, gradient: Floats, update: int, rate: float
) -> None:
    """Make update number `update`, counted from 1, in place."""
    first += np.float32(1 - BETA_1) * (gradient - first)
    second += np.float32(1 - BETA_2) * (np.square(gradient) - second)
    step = rate * np.sqrt(1 - BETA_2**update) / (1 - BETA_1**update)
    weight -= np.float32(step) * first / (np.sqrt(second) + np.float32(EPSILON))
