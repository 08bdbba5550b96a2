"""Several commands at once: on a fresh store, and on servers with SQLite and with PostgreSQL."""

import pytest

from tests.faults.together import (
    assert_all_is_there,
    mlflow_run,
    open_together,
    python_jobs,
    run_together,
)
from tests.support.databases import DATABASES, served
from tests.support.workspace import NewWorkspace


def test_mlflow_runs_on_one_sqlite_store(new_workspace: NewWorkspace) -> None:
    place = new_workspace(store=False)
    # `mlflow run` itself makes the tables without a lock, before any code of the project runs.
    open_together(place, place.uri, 2)
    ended = run_together(place, place.uri, [mlflow_run(place, seed) for seed in range(2)])
    assert_all_is_there(place.uri, ended)


@pytest.mark.soak  # trainings at once at a server with PostgreSQL: test_cluster has them every day
@pytest.mark.parametrize("database", DATABASES)
def test_commands_on_one_server(new_workspace: NewWorkspace, database: str) -> None:
    place = new_workspace(store=False)
    with served(place.folder, database) as address:
        open_together(place, address, 2)
        ended = run_together(place, address, [python_jobs(place, seed) for seed in range(2)])
        assert_all_is_there(address, ended)
