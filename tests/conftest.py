"""What tests of several modules share."""

from pathlib import Path

import pytest
from hypothesis import settings

from aemodel import mnist

DATA = Path(__file__).parents[1] / "data" / "mnist"

settings.register_profile("untimed", deadline=None)  # a busy machine fails no property
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def dataset() -> mnist.Dataset:
    """The real MNIST, in the order of the files."""
    return mnist.load(DATA)


@pytest.fixture(scope="session")
def small_dataset(dataset: mnist.Dataset) -> mnist.Dataset:
    """The first 2,000 training and 500 test images of MNIST."""
    return mnist.Dataset(
        dataset.x_train[:2000], dataset.y_train[:2000], dataset.x_test[:500], dataset.y_test[:500]
    )


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow on one thread in this process; it can be told only once."""
    from aemodel.processor import use_threads

    use_threads(1)
