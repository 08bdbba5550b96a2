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
