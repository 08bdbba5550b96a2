"""A fresh working directory for each module's commands."""

import pytest

from aemodel.data import Dataset
from tests.support.datasets import write_idx
from tests.support.stores import NewStore
from tests.support.workspace import NewWorkspace, Workspace


@pytest.fixture(scope="session")
def new_workspace(
    tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset, new_store: NewStore
) -> NewWorkspace:
    """Return a function that makes working directories, each with a slice of MNIST.

    There is an empty store in each, unless `store` is false.
    """

    def make(*, store: bool = True) -> Workspace:
        place = Workspace(tmp_path_factory.mktemp("work"))
        write_idx(place.folder / "mnist", small_dataset)
        if store:
            new_store(place.folder)
        return place

    return make
