"""A cluster that cannot be trained on is refused, with what to do, before a run is made."""

import socket
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from jobs.training import cluster
from jobs.training.cluster import Cluster, connected
from jobs.training.preflight import ClusterError, Request

REQUEST = Request(
    data="mnist", project_data="", tracking_uri="http://host:5000", experiment_id="1", states=""
)


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster with a scheduler and no workers."""
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "require_shared", Mock())
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as local,
        connected(local.scheduler_address) as found,
    ):
        yield found


def test_nothing_answers_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address}"):
        connected(address).__enter__()


def test_there_is_no_worker(empty: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"no worker with the resource 'training'.*dask worker"):
        empty.check(Mock(), REQUEST, "digest")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "did not answer within"),
        (ModuleNotFoundError("No module named 'jobs'"), "start it in a copy of the project"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_a_worker_that_cannot_say_how_things_are_is_named(
    answer: Exception | None, said: str, empty: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "workers", lambda self: ["tcp://there:1"])
    monkeypatch.setattr(Cluster, "_ask", lambda *_: {"tcp://there:1": (answer, 0.0)})
    with pytest.raises(ClusterError, match=f"worker tcp://there:1: .*{said}"):
        empty.check(Mock(), REQUEST, "digest")
