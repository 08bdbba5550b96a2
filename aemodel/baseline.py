"""What is measured of a data set once, for every network trained on it to be compared with."""

from dataclasses import dataclass

from aemodel import classifier, generation, latent
from aemodel.classifier import Classifier
from aemodel.data import MAX_PIXEL, Dataset
from aemodel.device import side_by_side
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


def measure(data: Dataset, threads: int = 1) -> Baseline:
    """Return the baseline of `data`, in the order of its files; takes 5 to 20 seconds.

    Args:
        data: images and labels.
        threads: measures taken side by side; each on one, which its last digits depend on.
    """
    images, test_images = data.x_train / MAX_PIXEL, latent.ReferenceImages(data.x_test)
    with side_by_side(threads) as begin:
        judge = begin(classifier.train, data)
        votes = begin(latent.knn_accuracy, images, data.y_train, test_images.images, data.y_test)
        nearest = begin(test_images.median_nearest_mse)
        samples = images[: generation.SAMPLES]
        real = begin(lambda: generation.measure(samples, test_images, judge.result()))
    return Baseline(
        classifier=judge.result(),
        pixels_accuracy=votes.result(),
        real_nearest_mse=nearest.result(),
        real=real.result(),
    )
