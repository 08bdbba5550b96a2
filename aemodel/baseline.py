"""What is measured of a data set once, for every network trained on it to be compared with."""

from dataclasses import dataclass

from aemodel import classifier, generation, latent
from aemodel.classifier import Classifier
from aemodel.data import MAX_PIXEL, Dataset
from aemodel.generation import Quality


@dataclass(frozen=True, eq=False, kw_only=True)
class Baseline:
    """Measures of a data set that need no autoencoder."""

    classifier: Classifier
    """Trained on its training images: generated images are measured with it."""
    pixels_accuracy: float
    """Share of the test images whose class the 10 nearest training images in pixels vote for, 0..1.
    """
    real_nearest_mse: float
    """Median MSE per pixel from a test image to the nearest other one."""
    real: Quality
    """Of training images, measured as generated ones are."""


def measure(data: Dataset) -> Baseline:
    """Return the baseline of `data`, in the order of its files; takes 10 to 20 seconds."""
    from threadpoolctl import threadpool_limits

    judge = classifier.train(data)
    images, test_images = data.x_train / MAX_PIXEL, latent.ReferenceImages(data.x_test)
    with threadpool_limits(1):  # like the classifier: its last digits depend on the threads
        real = generation.measure(images[: generation.SAMPLES], test_images, judge)
    return Baseline(
        classifier=judge,
        pixels_accuracy=latent.knn_accuracy(images, data.y_train, test_images.images, data.y_test),
        real_nearest_mse=test_images.median_nearest_mse(),
        real=real,
    )
