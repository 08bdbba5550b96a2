"""A tracking server that refuses: said at once, with what to do, and the training is kept."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from aemodel.data import Dataset
from jobs import environment
from jobs.tracking import Run, Store, StoreError
from tests.support.begun import Begun, a_spec, begun
from tests.support.datasets import write_idx
from tests.support.refusing_proxy import (
    RefusingProxy,
    Rule,
    deny,
    larger_than,
    let_pass,
    refusing_proxy,
    require,
)
from tests.support.stores import work_in
from tests.support.workspace import wait_for

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def proxy(server: str) -> Iterator[RefusingProxy]:
    with refusing_proxy(server) as made:
        yield made


@pytest.fixture(scope="module")
def store(
    proxy: RefusingProxy, tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("refusals")
    write_idx(folder / "mnist", small_dataset)
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, proxy.address, patch)
        patch.setattr(environment, "SHORT_SECONDS", "30")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield Store.open()


@pytest.fixture
def task(store: Store, proxy: RefusingProxy, tmp_path: Path) -> Iterator[Begun]:
    proxy.rule = let_pass
    with begun(store, a_spec(), tmp_path) as made:
        yield made
        proxy.rule = let_pass


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (deny("PUT", "explorer.html"), r"refuses the file explorer\.html .*403, no right to do it"),
        (larger_than(300_000), r"the file [\w./]+ \(\d+\.\d MB\) is larger than .*\(413\): raise"),
    ],
)
def test_a_refused_artifact_fails_the_run_and_keeps_the_training(
    refuse: Rule, said: str, task: Begun, store: Store, proxy: RefusingProxy
) -> None:
    """It used to be waited for, ten minutes, each time; the run stayed RUNNING."""
    proxy.rule = refuse
    outcome = task.run()
    info = store.run(task.run_id).info()
    assert (outcome.status, info.status) == ("FAILED", "FAILED")
    assert_matches(said, outcome.reason)
    assert f"kept in {task.states.path}" in outcome.reason
    assert info.tags["reason"] == outcome.reason
    assert info.metrics["final_test_mse"] > 0  # the numbers came before the files
    assert task.states.iteration() == task.task.spec.recipe.iterations
    proxy.rule = let_pass
    assert task.run().status == "FINISHED"  # the same command uploads it
    assert store.run(task.run_id).model_id()


def assert_matches(pattern: str, text: str) -> None:
    with pytest.raises(StoreError, match=pattern):
        raise StoreError(text)


def test_missing_rights_are_known_before_anything_is_trained(
    task: Begun, store: Store, proxy: RefusingProxy
) -> None:
    proxy.rule = deny("PUT", "/artifacts/")
    outcome = task.run()
    assert outcome.status == "FAILED"
    assert "no right to do it" in outcome.reason
    assert outcome.reason.endswith("nothing is trained yet")
    assert store.run(task.run_id).history("test_mse") == []


def test_a_run_that_is_deleted_while_it_trains(
    store: Store, tmp_path: Path, proxy: RefusingProxy
) -> None:
    with begun(store, a_spec(100_000), tmp_path) as task:

        def delete() -> None:
            wait_for(lambda: task.progress.done > 0)
            store.client.delete_run(task.run_id)

        thread = threading.Thread(target=delete)
        thread.start()
        outcome = task.run()
        thread.join()
    assert outcome.status == "FAILED"
    assert_matches(
        rf"run {task.run_id} was deleted: restore it with .*; its state is kept", outcome.reason
    )
    assert 0 < task.states.iteration() < 100_000


def test_a_server_without_logged_models_gets_the_model_as_files(
    task: Begun, store: Store, proxy: RefusingProxy
) -> None:
    """As MLflow 2 and some hosted services are; the final metrics used to be lost."""
    assert store.has_logged_models()
    proxy.rule = lambda request: 404 if "/logged-models" in request.path else 0
    assert not store.has_logged_models()
    outcome = replace(task, task=replace(task.task, logs_models=False)).run()
    assert (outcome.status, outcome.model_id) == ("FINISHED", "")
    proxy.rule = let_pass
    model = mlflow.tensorflow.load_model(f"runs:/{task.run_id}/model")
    assert model.output_shape == (None, 784)


def test_a_login_page_is_not_a_server(
    store: Store, proxy: RefusingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.rule = require("ada", "secret", otherwise=200)
    with pytest.raises(StoreError, match="answers with a web page instead of MLflow's") as raised:
        Store.open()
    assert "<" not in str(raised.value)
    proxy.rule = require("ada", "secret", otherwise=401)
    with pytest.raises(StoreError, match="401, not signed in"):
        Store.open()


def test_the_password_is_used_and_never_shown(
    store: Store,
    proxy: RefusingProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    proxy.rule = require("ada", "secret", otherwise=401)
    mlflow.set_tracking_uri(proxy.address.replace("//", "//ada:secret@"))
    signed_in = Store.open()
    with begun(signed_in, a_spec(), tmp_path) as task:
        proxy.rule = lambda request: (
            deny("PUT", "explorer.html")(request)
            or require("ada", "secret", otherwise=401)(request)
        )
        outcome = task.run()
    said = capfd.readouterr()
    mlflow.set_tracking_uri(proxy.address)
    proxy.rule = let_pass
    info = Run(store.client, task.run_id).info()
    shown = [said.out, said.err, outcome.reason, signed_in.address, signed_in.link(), str(info)]
    assert outcome.status == "FAILED"
    assert [text for text in shown if "secret" in text] == []
