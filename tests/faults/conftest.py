"""Faults are tried in the working directories of the end-to-end tests, and at servers."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.conftest import new_workspace
from tests.support.mlflow_ui import serve
from tests.support.stores import NewStore

__all__ = ["new_workspace"]


@pytest.fixture(scope="module")
def server(new_store: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server on an empty SQLite store."""
    folder = tmp_path_factory.mktemp("server")
    with serve(new_store(folder), folder) as address:
        yield address
