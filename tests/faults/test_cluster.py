"""Trainings on a real cluster: processes in folders of their own, and a server with PostgreSQL."""

import shutil
import signal
from collections.abc import Iterator

import pytest
from mlflow.entities import Run

from aemodel.data import Dataset
from tests.support.cluster import (
    Command,
    DaskCluster,
    dask_cluster,
    plain_environment,
    start_command,
)
from tests.support.cluster_results import assert_same, trainings
from tests.support.databases import served
from tests.support.datasets import write_idx
from tests.support.workspace import jobs_here, wait_for

ITERATIONS = 6_000
TRAIN = (
    *("train", "--setting", "16-8-2,16-8-3", "--recipe", "assignment", "--batch-size", "100"),
    *("--iterations", str(ITERATIONS), "--eval-every", "500", "--pairs", "1-7"),
    *("--data", "mnist", "--threads", "1"),
)


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset
) -> Iterator[DaskCluster]:
    """A cluster with two workers; the command's environment has the server's address."""
    folder = tmp_path_factory.mktemp("cluster")
    write_idx(folder / "mnist", small_dataset)
    with (
        served(folder, "postgresql") as server,
        dask_cluster(folder, plain_environment(server), workers=2) as made,
    ):
        yield made


def start(cluster: DaskCluster, name: str, *options: str) -> Command:
    """Start the command in the copy `name` of the project."""
    place = cluster.folder / name
    if not place.exists():
        cluster.copy(place)
    environment = cluster.environment | {"DASK_SCHEDULER_ADDRESS": cluster.address}
    return start_command(place, environment, *TRAIN, *options)


@pytest.fixture(scope="module")
def trained(cluster: DaskCluster) -> list[Run]:
    """Two trainings, of which one lost its worker, and whose command was stopped and repeated."""
    command = start(cluster, "command", "--backend", "dask")
    wait_for(lambda: command.has_ended or len(cluster.training()) == 2)
    cluster.kill_trainer("worker-0")
    wait_for(lambda: command.has_ended or (cluster.begun() == 3 and bool(cluster.training())))
    command.process.send_signal(signal.SIGINT)
    assert command.wait() == 130, command.output
    stopped = trainings(cluster, "mnist-autoencoders")
    killed = [run for run in stopped if run.info.status == "KILLED"]
    assert killed, command.output
    again = start(cluster, "elsewhere", "--backend", "dask")
    assert again.wait() == 0, again.output
    assert again.output.count(": continues run") == len(killed)
    assert any(run.data.tags["state"] for run in killed)
    ended = trainings(cluster, "mnist-autoencoders")
    assert [run.info.run_id for run in ended] == [run.info.run_id for run in stopped]
    return ended


@pytest.mark.usefixtures("one_thread")
def test_the_result_is_that_of_this_machine(cluster: DaskCluster, trained: list[Run]) -> None:
    uri = cluster.environment["MLFLOW_TRACKING_URI"]
    local = jobs_here(cluster.folder / "command", uri, *TRAIN, "--resume", "false")
    assert local.returncode == 0, local.stderr
    known = {run.info.run_id for run in trained}
    runs = trainings(cluster, "mnist-autoencoders")
    others = [run for run in runs if run.info.run_id not in known]
    for run, other in zip(trained, others, strict=True):
        assert_same(cluster, run, other)


def test_a_run_says_where_it_was_trained(trained: list[Run]) -> None:
    for run in trained:
        assert run.data.tags["host"]
        assert run.data.tags["processor"]
        assert run.data.params["threads"] == "1"


def test_nothing_is_left_to_continue(trained: list[Run]) -> None:
    assert {run.data.tags["unfinished"] for run in trained} == {"false"}
    assert {run.data.tags.get("state", "") for run in trained} == {""}


def test_an_unfit_worker_is_named_before_a_run_is_made(cluster: DaskCluster, few: Dataset) -> None:
    place = cluster.folder / "worker-2"
    cluster.copy(place)
    with (place / "jobs" / "spec.py").open("a") as file:
        file.write("# another version\n")
    shutil.rmtree(place / "mnist")
    write_idx(place / "mnist", few)
    cluster.start_worker("worker-2", "--resources", "training=2")
    cluster.wait_for_workers(3)
    before = len(trainings(cluster, "mnist-autoencoders"))
    refused = start(cluster, "command", "--backend", "dask", "--seeds", "7")
    assert refused.wait() == 1
    unfit = cluster.address_of("worker-2")
    said = refused.output.splitlines()
    for text in ("other code than this one", "its data has the digest", "several trainings at a"):
        assert [line for line in said if unfit in line and text in line], refused.output
    assert not [line for line in said if cluster.address_of("worker-1") in line]
    assert len(trainings(cluster, "mnist-autoencoders")) == before
