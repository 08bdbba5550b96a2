"""A fresh working directory for each module's commands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aemodel.data import Dataset
from tests.support.workspace import Workspace, write_idx


@pytest.fixture(scope="session")
def new_workspace(
    tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset
) -> Callable[[], Workspace]:
    """Return a function that makes working directories, each with a slice of MNIST."""

    def make() -> Workspace:
        folder: Path = tmp_path_factory.mktemp("work")
        write_idx(small_dataset, folder / "mnist")
        return Workspace(folder)

    return make
