"""What tests of several modules share."""

from pathlib import Path

import pytest
from hypothesis import settings

from aemodel.data import Dataset, load_dataset
from jobs.environment import prepare_environment

DATA = Path(__file__).parents[1] / "data" / "mnist"

prepare_environment()

settings.register_profile("untimed", deadline=None)  # a busy machine fails no property
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """The real MNIST, in the order of the files."""
    return load_dataset(DATA)


@pytest.fixture(scope="session")
def small_dataset(dataset: Dataset) -> Dataset:
    """The first 2,000 training and 500 test images of MNIST."""
    return Dataset(
        dataset.x_train[:2000], dataset.y_train[:2000], dataset.x_test[:500], dataset.y_test[:500]
    )


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow on one thread in this process; it can be told only once."""
    from aemodel.device import use_threads

    use_threads(1)
