"""A tracking server that goes away in mid-training costs no training, and no point.

One server, and a line to it that fails on demand; the curve and the files of trainings that lived
through a fault are those of one that did not, each point once.
"""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from aemodel.data import Dataset
from jobs import environment
from jobs.tracking import Run, Store, StoreUnavailable, outage, uploader
from jobs.training.outcome import Outcome
from tests.support.begun import Begun, a_spec, begun
from tests.support.databases import reachable_from_elsewhere
from tests.support.datasets import write_idx
from tests.support.proxy import FAULTS, Proxy
from tests.support.stores import work_in
from tests.support.workspace import Done, NewWorkspace, Workspace, jobs_here, wait_for

ITERATIONS = 2000
CURVE = list(range(0, ITERATIONS, 50))
SPEC = a_spec(ITERATIONS)


@pytest.fixture(scope="module")
def proxy(server: str) -> Iterator[Proxy]:
    with Proxy(server) as line:
        yield line


# --- One training ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What the server has of a run."""

    status: str
    curve: list[tuple[int, float]]
    metrics: dict[str, float]
    files: dict[str, bytes]
    """Of the kinds that are the same in every run of a training."""
    pictures: list[str]
    models: int


@pytest.fixture(scope="module")
def store(
    proxy: Proxy, tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset
) -> Iterator[Store]:
    """The server's store, from a working directory that has the data in `mnist`."""
    folder = tmp_path_factory.mktemp("outages")
    write_idx(folder / "mnist", small_dataset)
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, proxy.address, patch)
        patch.setattr(uploader, "SEND_SECONDS", 0.1)
        patch.setattr(uploader, "WAITING_SHARE", 0.9)
        patch.setattr(outage, "RETRY_SECONDS", 0.2)
        patch.setattr(environment, "SHORT_SECONDS", "1")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield Store.open()


@pytest.fixture
def task(store: Store, proxy: Proxy, tmp_path: Path) -> Iterator[Begun]:
    proxy.choose("")
    with begun(store, SPEC, tmp_path) as made:
        yield made
    proxy.choose("")


def found(server: str, run_id: str, folder: Path) -> Found:
    client = MlflowClient(server)
    run = client.get_run(run_id)
    history = client.get_metric_history(run_id, "test_mse")
    folder.mkdir()
    copy = Path(client.download_artifacts(run_id, "", str(folder)))
    paths = [path for path in copy.rglob("*") if path.suffix in (".csv", ".png")]
    names = {path: str(path.relative_to(copy)) for path in paths}
    timed = {"train_seconds", "iterations_per_second", "seconds"}
    return Found(
        run.info.status,
        sorted((point.step, point.value) for point in history),
        {name: value for name, value in run.data.metrics.items() if name not in timed},
        {name: p.read_bytes() for p, name in names.items() if not name.startswith("images")},
        sorted(name.split("+timestamp")[0] for name in names.values() if name.startswith("images")),
        len(run.outputs.model_outputs) if run.outputs else 0,
    )


@pytest.fixture(scope="module")
def undisturbed(
    store: Store, server: str, one_thread: None, tmp_path_factory: pytest.TempPathFactory
) -> Found:
    folder = tmp_path_factory.mktemp("undisturbed")
    with begun(store, SPEC, folder) as task:
        assert task.run().status == "FINISHED"
        there = found(server, task.run_id, folder / "found")
    assert [step for step, _ in there.curve] == CURVE
    assert (there.status, there.models, len(there.pictures)) == ("FINISHED", 1, 11)
    return there


def run_while(task: Begun, proxy: Proxy, fault: str, first: float, last: float) -> Outcome:
    """Run a training, with a fault while the share of it that is done is from `first` to `last`."""

    def reached(share: float) -> bool:
        status = task.progress
        return status.stage == "finished" or status.done >= share * ITERATIONS

    def disturb() -> None:
        wait_for(lambda: reached(first))
        proxy.choose(fault)
        wait_for(lambda: reached(last))
        proxy.choose("")

    thread = threading.Thread(target=disturb)
    thread.start()
    outcome = task.run()
    thread.join()
    return outcome


@pytest.mark.parametrize(
    "fault",
    [f if f in ("refuse", "error") else pytest.param(f, marks=pytest.mark.soak) for f in FAULTS],
)
def test_a_fault_in_mid_training_costs_nothing(
    fault: str, task: Begun, proxy: Proxy, server: str, undisturbed: Found, tmp_path: Path
) -> None:
    outcome = run_while(task, proxy, fault, 0.1, 0.8)
    assert (outcome.status, outcome.reason) == ("FINISHED", "")
    assert found(server, task.run_id, tmp_path / "found") == undisturbed
    assert not (task.states.path / "state.npz").exists()


def test_a_server_that_is_back_after_the_training_is_waited_for(
    task: Begun, proxy: Proxy, server: str, undisturbed: Found, tmp_path: Path
) -> None:
    def come_back() -> None:
        wait_for(lambda: task.progress.stage == "not uploaded yet")
        said.append(task.progress.line("one"))
        proxy.choose("")

    said: list[str] = []
    proxy.choose("refuse")  # before the training begins
    thread = threading.Thread(target=come_back)
    thread.start()
    assert task.run().status == "FINISHED"
    thread.join()
    assert "Connection refused); waiting for it, 10 min at most" in said[0]
    assert found(server, task.run_id, tmp_path / "found") == undisturbed


@pytest.mark.parametrize("fault", ["refuse", pytest.param("deaf", marks=pytest.mark.soak)])
def test_results_are_kept_and_uploaded_later(
    fault: str,
    task: Begun,
    proxy: Proxy,
    server: str,
    undisturbed: Found,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(outage.PATIENCE_VARIABLE, "0")
    proxy.choose(fault)
    outcome = task.run()
    assert outcome.status == "UNSENT"
    assert f"kept in {task.states.path}: once the cause is mended, the same" in outcome.reason
    assert task.states.iteration() == ITERATIONS
    proxy.choose("")
    assert task.run().status == "FINISHED"
    assert found(server, task.run_id, tmp_path / "found") == undisturbed


def test_an_error_that_waiting_does_not_mend_is_not_waited_for(task: Begun, store: Store) -> None:
    store.client.delete_run(task.run_id)
    outcome = task.run()
    assert outcome.status == "FAILED"
    assert "deleted" in outcome.reason


# --- No server ---------------------------------------------------------------------------------


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    refused = pytest.raises(StoreUnavailable, match=f"{address} cannot be .* Connection refused")
    with environment.short_timeouts(), refused:
        Run.open(address, "0" * 32).status()


def test_a_server_of_the_tests_is_for_this_machine_alone(server: str) -> None:
    assert not reachable_from_elsewhere(server)


# --- The command -----------------------------------------------------------------------------


SETTINGS = ("16-8-2", "16-8-3")

COMMAND = (
    "train", "--setting", ",".join(SETTINGS), "--recipe", "assignment", "--batch-size", "100",
    "--iterations", str(ITERATIONS), "--eval-every", "50", "--data", "mnist", "--pairs", "1-7",
    "--threads", "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


@pytest.fixture(scope="module")
def left(place: Workspace, store: Store, proxy: Proxy, one_thread: None) -> Done:
    """Two trainings whose server goes away after a point of the first, and does not come back."""

    def go_away() -> None:
        wait_for(lambda: a_point_arrived(proxy.server))
        proxy.choose("refuse")

    proxy.choose("")
    thread = threading.Thread(target=go_away)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(outage.PATIENCE_VARIABLE, "0")
        ended = jobs_here(place.folder, proxy.address, *COMMAND)
    thread.join()
    return ended


def a_point_arrived(server: str) -> bool:
    client = MlflowClient(server)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "attributes.status = 'RUNNING'")
    return any("test_mse" in run.data.metrics for run in runs)


def test_the_command_says_what_it_kept(left: Done, place: Workspace) -> None:
    assert left.returncode == 1
    assert "Traceback" not in left.stdout + left.stderr
    for setting in SETTINGS:
        assert f"setting-{setting} assignment seed-0: UNSENT" in left.stdout
    assert left.stderr.count("the same command uploads the results") == len(SETTINGS)
    assert len(list(place.folder.glob("checkpoints/*/state.npz"))) == len(SETTINGS)


def test_the_same_command_uploads_them(left: Done, place: Workspace, proxy: Proxy) -> None:
    proxy.choose("")
    again = jobs_here(place.folder, proxy.address, *COMMAND)
    assert again.returncode == 0, again.stderr
    client = MlflowClient(proxy.server)
    experiment = client.get_experiment_by_name("mnist-autoencoders")
    assert experiment is not None
    trainings = client.search_runs([experiment.experiment_id], "tags.kind = 'training'")
    runs = [run for run in trainings if run.info.run_id in left.stdout]
    assert [run.info.status for run in runs] == ["FINISHED"] * len(SETTINGS)
    for run in runs:
        points = client.get_metric_history(run.info.run_id, "test_mse")
        assert sorted(point.step for point in points) == CURVE
        assert run.outputs is not None
        assert len(run.outputs.model_outputs) == 1
    assert place.unfinished() == []
    sweeps = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'")
    assert sorted(run.info.status for run in sweeps) == ["FINISHED", "KILLED"]
