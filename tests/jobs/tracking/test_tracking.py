"""The tracker, on a real store in a temporary folder."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import mlflow
import numpy as np
import pytest
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.store.entities import PagedList
from mlflow.tracking import MlflowClient

from aemodel.data import Dataset
from aemodel.network import build_autoencoder
from aemodel.settings import RECIPES, parse_setting
from aemodel.training import Point
from jobs.parameters import parse_specs
from jobs.spec import TYPED
from jobs.tracking import EXPERIMENT, Run, Store, StoreError, git_commit, ui_view, versions
from tests.support.stores import NewStore, work_in

START = 1_700_000_000_000
"""When the trainings of these tests began, in milliseconds since 1970."""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[str]:
    """A fresh SQLite store, the current one while the tests of this module run."""
    folder = tmp_path_factory.mktemp("store")
    uri = new_store(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        work_in(folder, uri, patch)
        yield uri


@pytest.fixture(scope="module")
def store(uri: str) -> Store:
    return Store.open()


@pytest.fixture
def run(store: Store) -> Run:
    return store.create_run("a run")


def points(*iterations: int) -> list[Point]:
    return [Point(i, 1 / (i + 1), 2 / (i + 1), 0.001, 0.5 * (i + 1)) for i in iterations]


# --- Opening a store -------------------------------------------------------------------------


def test_the_store_and_the_experiment_are_made(store: Store, uri: str) -> None:
    assert store.tracking_uri == uri
    assert store.experiment == EXPERIMENT
    found = MlflowClient(uri).get_experiment_by_name(EXPERIMENT)
    assert found is not None
    assert found.experiment_id == store.experiment_id
    assert Store.open().experiment_id == store.experiment_id


def test_the_experiment_by_name(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Store.open("mine")
    assert named.experiment == "mine"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    assert Store.open().experiment_id == named.experiment_id


def test_the_experiment_that_mlflow_run_chose(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    assert Store.open().experiment == "Default"
    assert Store.open("mine").experiment == "mine"


def test_the_experiment_offers_our_view_and_keeps_those_of_others(uri: str) -> None:
    client, key = MlflowClient(uri), ui_view.TAG
    experiment = client.create_experiment(
        "older", tags={f"{key}mine": "a", f"{key}trainings": "outdated"}
    )
    Store.open("older")
    found = client.get_experiment(experiment)
    assert found.creation_time is not None
    assert found.tags == {f"{key}mine": "a"} | ui_view.saved_views(found.creation_time)


def test_a_store_that_refuses_the_view_is_used_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("no", PERMISSION_DENIED)

    monkeypatch.setattr(ui_view, "TAG", "mlflow.sharedViewState.another.")
    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refuse)
    assert Store.open().experiment_id == store.experiment_id


def test_a_deleted_experiment_is_refused(store: Store) -> None:
    deleted = store.client.create_experiment("deleted")
    store.client.delete_experiment(deleted)
    with pytest.raises(StoreError, match=f"'deleted' is deleted: .* --experiment-id {deleted}"):
        Store.open("deleted")


def test_an_experiment_that_does_not_exist_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "987654")
    with pytest.raises(
        StoreError, match=r"names experiment 987654, which sqlite.* not have: unset"
    ):
        Store.open()


def test_artifacts_that_only_a_server_can_write_are_refused(store: Store) -> None:
    store.client.create_experiment("served", artifact_location="mlflow-artifacts:/1")
    with pytest.raises(StoreError, match=r"'served' .* mlflow-artifacts:/1, which only a running"):
        Store.open("served")


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """An account that may not write everywhere; `os.access` asks for the real user."""
    user = os.getuid()
    os.setreuid(65534 if user == 0 else user, -1)
    yield
    os.setreuid(user, -1)


@pytest.mark.usefixtures("ordinary_user")
def test_artifacts_that_cannot_be_written_are_refused(store: Store) -> None:
    store.client.create_experiment("locked", artifact_location="/proc/nowhere")
    with pytest.raises(StoreError, match="'locked' keeps its artifacts in /proc/nowhere, which"):
        Store.open("locked")


def test_a_folder_that_mlflow_takes_for_another_is_refused(store: Store) -> None:
    store.client.create_experiment("quoted", artifact_location="/tmp/a%20b/mlruns")
    with pytest.raises(StoreError, match="/tmp/a%20b/mlruns, where MLflow reads the %"):
        Store.open("quoted")


# --- Runs ------------------------------------------------------------------------------------


def test_a_run_of_its_own(store: Store) -> None:
    parent = store.create_run("above")
    info = store.create_run("below", parent).info()
    assert (info.name, info.status) == ("below", "RUNNING")
    assert info.tags["mlflow.parentRunId"] == parent.run_id
    assert info.tags.get("mlflow.source.git.commit", "") == git_commit()
    assert "mlflow.parentRunId" not in parent.info().tags


def test_a_user_without_a_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=KeyError("uid not found")))
    assert store.create_run("anybody's").info().tags["mlflow.user"] == str(os.getuid())


@pytest.mark.parametrize(("name", "wanted"), [(None, "ours"), ("chosen by me", "chosen by me")])
def test_the_run_that_mlflow_run_made_is_used(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str | None, wanted: str
) -> None:
    made = store.client.create_run(store.experiment_id, run_name=name).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    adopted = replace(store, owner="me").adopt_run("ours")
    assert adopted.run_id == made
    assert adopted.info().name == wanted
    assert replace(store, owner="me").adopt_run("ours").run_id == made  # repeated
    other = replace(store, owner="another").adopt_run("theirs")
    assert other.run_id != made
    assert other.info().tags["mlflow.parentRunId"] == made


def test_a_run_that_holds_results_is_not_adopted(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.set_tags({"kind": "training"})
    monkeypatch.setenv("MLFLOW_RUN_ID", run.run_id)
    below = replace(store, owner="me").adopt_run("ours").info()
    assert below.tags["mlflow.parentRunId"] == run.run_id


def test_a_stale_run_id_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(StoreError, match=r"MLFLOW_RUN_ID names .* not have: unset it, or"):
        store.adopt_run("ours")


def test_a_run_that_was_made_although_the_request_failed_is_not_made_twice(store: Store) -> None:
    owned = replace(store, owner="host:repeated")
    parent = owned.create_run("above")
    run = owned.create_run("below", parent)
    assert owned.create_run("below", parent) == run
    assert owned.create_run("below") != run


def test_two_experiments_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", store.experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(StoreError, match=f"{EXPERIMENT!r} by mlflow run and 'mine' by the param"):
        Store.open("mine")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")  # which MLflow chose, not the user
    assert Store.open("mine").experiment == "mine"


def test_no_experiment_is_made_by_reading(store: Store) -> None:
    with pytest.raises(
        StoreError, match=f"no experiment 'misspelt' here; there are .*{EXPERIMENT}"
    ):
        Store.open("misspelt", create=False)
    assert store.client.get_experiment_by_name("misspelt") is None


def test_without_one_a_run_is_made(store: Store) -> None:
    assert not store.given_run
    assert store.adopt_run("ours").info().name == "ours"


def test_runs_of_a_kind_newest_first_over_several_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str | None] = []

    def small_pages(
        ids: list[str], query: str, order_by: list[str], page_token: str | None = None
    ) -> PagedList[MlflowRun]:
        pages.append(page_token)
        return search(ids, query, max_results=2, order_by=order_by, page_token=page_token)

    paged = Store.open("paged")
    monkeypatch.setattr(paged.client, "search_runs", small_pages)
    search = MlflowClient(store.tracking_uri).search_runs
    ids = []
    for number in range(5):
        made = paged.client.create_run(
            paged.experiment_id, start_time=1000 * (number + 1), tags={"kind": "training"}
        )
        ids.append(made.info.run_id)
    paged.create_run("a report").set_tags({"kind": "report"})
    assert [info.run_id for info in paged.runs("training")] == ids[::-1]
    assert len(pages) == 3
    assert [info.name for info in paged.runs("report")] == ["a report"]


def test_a_run_that_does_not_exist(store: Store) -> None:
    with pytest.raises(StoreError, match=f"no run {'0' * 32} at sqlite"):
        store.run("0" * 32)


def test_a_deleted_run_does_not_exist(store: Store, run: Run) -> None:
    assert store.run(run.run_id).status() == "RUNNING"
    store.client.delete_run(run.run_id)
    assert run.status() == ""
    with pytest.raises(StoreError):
        store.run(run.run_id)


def test_the_end_of_a_run_and_its_reason(run: Run) -> None:
    run.end("FAILED", "x" * 9000)
    info = run.info()
    assert info.status == "FAILED"
    assert info.end_ms is not None
    assert info.tags["reason"] == "x" * 5000
    run.reopen()
    assert run.status() == "RUNNING"
    assert "reason" not in run.info().tags
    run.end("FINISHED")
    run.reopen()  # there is no reason to delete
    assert run.status() == "RUNNING"


def test_links(store: Store) -> None:
    page = f"http://127.0.0.1:5000/#/experiments/{store.experiment_id}/runs"
    kind = "workflowType=machine_learning"
    assert store.link("abc") == f"{page}/abc?{kind}"
    assert store.link() == f"{page}?viewStateShareKey=trainings&{kind}"
    served = replace(store, tracking_uri="https://tracker.example")
    assert served.link().startswith("https://tracker.example/#/experiments/")


def test_the_command_that_opens_the_store(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # as under `mlflow run`
    uri = store.tracking_uri
    assert store.ui_command() == f"mlflow server --backend-store-uri {uri} --port 5000"
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # under `mlflow run`, in a folder without a store
    assert store.ui_command() == f"mlflow server --backend-store-uri {uri} --port 5000"
    own = replace(store, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "Makefile").touch()
    assert own.ui_command() == "make ui"
    assert own.link(port=5001).startswith("http://127.0.0.1:5001/#/experiments/")
    assert replace(store, tracking_uri="https://tracker.example").ui_command() == ""
    secret = replace(store, tracking_uri="postgresql://ada:secret@h/d")
    assert secret.ui_command() == (
        'mlflow server --backend-store-uri "$MLFLOW_TRACKING_URI" --port 5000'
    )
    assert "secret" not in replace(store, tracking_uri="http://ada:secret@h").link()


# --- What is logged --------------------------------------------------------------------------


def test_params_as_they_were_used_beside_those_that_were_typed(run: Run) -> None:
    typed = {"setting": "1", "iterations": "''", "learning_rate": "0.0010"}
    for name, value in typed.items():
        run.client.log_param(run.run_id, name, value)
    (spec,) = parse_specs("1", RECIPES["assignment"], "0", "3-8", "float32")
    for _ in range(2):
        run.log_params(spec.to_params(), TYPED)
    logged = run.client.get_run(run.run_id).data.params
    assert typed.items() <= logged.items()
    assert {name: logged[f"resolved.{name}"] for name in TYPED}.items() <= spec.to_params().items()
    assert spec.to_params().items() <= run.info().params.items()
    assert type(spec).from_params(run.info().params) == spec


def test_tags_and_description(run: Run) -> None:
    run.set_tags({"kind": "training"} | versions())
    run.set_tags({"kind": "sweep"})
    run.describe("**what** it is")
    tags = run.info().tags
    assert tags["kind"] == "sweep"
    assert tags["mlflow.note.content"] == "**what** it is"
    assert tags["version.numpy"] == np.__version__
    assert {"version.python", "version.tensorflow", "version.mlflow"} <= tags.keys()


def test_a_curve_longer_than_a_batch(run: Run) -> None:
    curve = points(*range(0, 60_000, 100))  # 600 points of five metrics each
    run.log_points(curve, None, START)
    assert run.history("test_mse") == [(p.iteration, p.test_mse) for p in curve]
    assert run.history("train_mse") == [(p.iteration, p.train_mse) for p in curve]
    assert run.history("learning_rate") == [(p.iteration, 0.001) for p in curve]
    assert run.last_step("test_mse") == 59_900


def test_the_rate_is_of_the_updates_since_the_point_before(run: Run) -> None:
    first, second, third = points(0, 100, 150)
    run.log_points([first], None, START)
    run.log_points([second, third], first, START)
    rates = dict(run.history("iterations_per_second"))
    assert rates == {0: pytest.approx(2), 100: pytest.approx(2), 150: pytest.approx(2)}


def test_seconds_are_logged_as_they_are(run: Run) -> None:
    """From rates they could not be had back: one that is missing spoilt all that follow."""
    curve = points(0, 100, 150)
    run.log_points(curve, None, START)
    assert run.history("seconds") == [(p.iteration, p.seconds) for p in curve]


def test_points_sent_by_steps_out_of_order_come_back_in_order(run: Run) -> None:
    assert run.last_step("test_mse") == -1
    run.log_points(points(200, 300), None, START)
    run.log_points(points(0, 100), None, START)
    assert [step for step, _ in run.history("test_mse")] == [0, 100, 200, 300]


def test_metrics(run: Run) -> None:
    run.log_metrics({"final_test_mse": 0.04, "best_iteration": 12.0}, 99)
    assert run.info().metrics == {"final_test_mse": 0.04, "best_iteration": 12.0}
    assert run.history("final_test_mse") == [(99, 0.04)]


def test_datasets(run: Run, small_dataset: Dataset, tmp_path: Path) -> None:
    run.log_dataset(small_dataset, tmp_path)
    inputs = run.client.get_run(run.run_id).inputs
    assert inputs is not None
    found = {i.tags[0].value: i.dataset for i in inputs.dataset_inputs}
    assert found.keys() == {"training", "testing"}
    assert {d.digest for d in found.values()} == {small_dataset.digest}
    assert '"images": 2000' in str(found["training"].profile)
    assert '"images": 500' in str(found["testing"].profile)
    assert str(tmp_path) in found["testing"].source
    assert found["testing"].name == f"{small_dataset.name} testing set"
    tags = run.info().tags
    assert tags["data_name"] == small_dataset.name
    assert tags["data_classes"].splitlines() == list(small_dataset.classes)


def test_files_there_and_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.csv").write_text("1,2\n")
    run.log_files(tmp_path / "in")
    run.log_files(tmp_path / "in", "under")
    (tmp_path / "out").mkdir()
    for path in ("deep/a.csv", "under/deep/a.csv"):
        copy = run.download(path, tmp_path / "out")
        assert copy is not None
        assert copy.read_text() == "1,2\n"
    assert run.download("deep/b.csv", tmp_path / "out") is None


def test_what_is_logged_again_is_there_once(run: Run) -> None:
    curve = points(0, 100, 200)
    run.log_points(curve[:2], None, START)
    run.log_points(curve, None, START)  # an answer was lost
    assert run.history("test_mse") == [(p.iteration, p.test_mse) for p in curve]
    for _ in range(2):
        run.log_metrics({"final_test_mse": 0.04}, 200)
        run.log_image("reconstructions", 100, np.zeros((28, 28), np.uint8))
    assert run.history("final_test_mse") == [(200, 0.04)]
    assert len(run.client.list_artifacts(run.run_id, "images")) == 2  # the picture, and as WebP


@pytest.mark.usefixtures("one_thread")
def test_the_model_loads_and_reproduces(run: Run, small_dataset: Dataset) -> None:
    network = build_autoencoder(parse_setting("16-8-2"), 3)
    images = small_dataset.x_test[:5] / np.float32(255)
    left = run.client.create_logged_model(  # by an attempt that was cut off
        run.client.get_run(run.run_id).info.experiment_id, "model", run.run_id
    )
    for _ in range(2):
        assert run.log_model(network.autoencoder, "a-name", 200, images[:2]) == left.model_id
    run.log_metrics({"final_test_mse": 0.04}, 199)
    for _ in range(2):
        run.link_metrics(["final_test_mse"], left.model_id)
    assert run.model_id() == left.model_id
    assert run.history("final_test_mse") == [(199, 0.04)]
    linked = run.client.get_logged_model(left.model_id).metrics
    assert linked is not None
    assert [(m.key, m.value, m.step) for m in linked] == [("final_test_mse", 0.04, 199)]
    outputs = run.client.get_run(run.run_id).outputs
    assert outputs is not None
    (output,) = outputs.model_outputs
    assert (output.model_id, output.step) == (left.model_id, 200)
    assert str(run.client.get_logged_model(left.model_id).status) == "READY"
    uri = f"models:/{output.model_id}"
    loaded = mlflow.tensorflow.load_model(uri)
    np.testing.assert_array_equal(loaded(images), network.autoencoder(images))
    np.testing.assert_array_equal(loaded.get_layer("encoder")(images), network.encoder(images))
    info = mlflow.models.get_model_info(uri)
    assert str(info.signature.inputs) == "[Tensor('float32', (-1, 784))]"
    served = mlflow.pyfunc.load_model(uri)
    example = served.input_example
    np.testing.assert_allclose(served.predict(example), network.autoencoder(example), atol=1e-6)
    files = [path.name for path in Path(mlflow.artifacts.download_artifacts(uri)).rglob("*")]
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]


@pytest.mark.usefixtures("one_thread")
def test_a_model_without_the_registry_of_models_loads(run: Run, small_dataset: Dataset) -> None:
    network = build_autoencoder(parse_setting("16-8-2"), 3)
    images = small_dataset.x_test[:5] / np.float32(255)
    run.log_model_files(network.autoencoder, images[:2])
    assert run.model_id() == ""
    loaded = mlflow.tensorflow.load_model(f"runs:/{run.run_id}/model")
    np.testing.assert_array_equal(loaded(images), network.autoencoder(images))


def test_an_image_series_is_named_as_mlflow_names_it(run: Run, store: Store) -> None:
    picture = np.full((28, 56), 10, np.uint8)
    run.log_image("reconstructions", 10, picture)
    other = store.create_run("by MLflow")
    store.client.log_image(other.run_id, picture, key="reconstructions", step=10)
    names = []
    for one in (run, other):
        paths = [item.path for item in store.client.list_artifacts(one.run_id, "images")]
        names.append([re.sub(r"[+]timestamp[+][0-9]+[+][0-9a-f-]+", "", path) for path in paths])
        assert one.info().tags["mlflow.loggedImages"] == "True"
    assert sorted(names[0]) == sorted(names[1])
    assert names[0]


def test_another_process_reaches_a_run_by_its_id(run: Run) -> None:
    reached = Run.open(run.client.tracking_uri, run.run_id)
    reached.set_tags({"kind": "training"})
    assert run.info().tags["kind"] == "training"
