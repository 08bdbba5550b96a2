"""From a real store to the record of a controlled study: which one, and what it has."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aemodel.settings import RECIPES
from jobs.parameters import parse_study
from jobs.report.collect import collect_records
from jobs.report.records import ReportRequest, SizeErrors
from jobs.report.studies import collect_study
from jobs.spec import TrainingSpec
from jobs.tracking import Run, Store, StoreError
from tests.support.stores import NewStore, work_in


@pytest.fixture(scope="module", autouse=True)
def fresh_store(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        yield


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """An experiment for each test."""
    return Store.open(re.sub(r"\W", "_", request.node.name))


def specs(latent: str = "4,2", digest: str = "abc") -> list[TrainingSpec]:
    found = parse_study("16-8", latent, RECIPES["quick"], "0-1", "float32")
    return [replace(spec, data_digest=digest, threads=1) for spec in found]


def add_training(store: Store, parent: Run, spec: TrainingSpec, status: str = "FINISHED") -> Run:
    run = store.create_run(spec.name, parent)
    run.log_params(spec.to_params())
    run.set_tags({"kind": "training", "artifacts": "curve"})
    if status == "FINISHED":
        error = (100 / spec.setting.latent_size + spec.seed) / 1000
        run.log_metrics({"final_test_mse": error, "pca_test_mse": 0.06}, 999)
    run.end(status)
    return run


def add_study(store: Store, trainings: list[TrainingSpec], status: str = "FINISHED") -> Run:
    run = store.create_run("study")
    run.set_tags({"kind": "study"})
    run.log_metrics({"intrinsic_dimension": 12.5}, 0)
    for spec in trainings:
        add_training(store, run, spec)
    run.end(status)
    return run


def test_the_errors_of_a_study_by_latent_size_and_seed(store: Store) -> None:
    run = add_study(store, specs())
    add_training(store, run, specs("8")[0], "FAILED")
    found = collect_study(store, (), ())
    assert found
    assert (found.run_id, found.hidden_widths, found.recipe) == (
        *(run.run_id, (16, 8)),
        RECIPES["quick"],
    )
    assert found.sizes == (
        SizeErrors(2, (0.05, 0.051), 0.06),
        SizeErrors(4, (0.025, 0.026), 0.06),
    )
    assert (found.failed, found.intrinsic_dimension) == (1, 12.5)
    assert (found.seeds, found.threads) == ((0, 1), 1)


def test_the_newest_finished_study_on_the_same_data(store: Store) -> None:
    older = add_study(store, specs())
    add_study(store, specs(digest="other"))
    add_study(store, specs(), "KILLED")
    add_study(store, [])
    found = collect_study(store, (), {"abc"})
    assert found
    assert found.run_id == older.run_id
    assert collect_study(store, (), {"neither"}) is None


def test_the_study_that_was_asked_for(store: Store) -> None:
    asked = add_study(store, specs(), "FAILED")
    add_study(store, specs())
    found = collect_study(store, (asked.run_id,), {"other data"})
    assert found
    assert found.run_id == asked.run_id


def test_a_run_of_another_kind_below_is_left_out(store: Store) -> None:
    run = add_study(store, specs())
    (other,) = parse_study("32", "2", RECIPES["quick"], "0", "float32")
    add_training(store, run, other)
    found = collect_study(store, (), ())
    assert found
    assert found.sizes == (
        SizeErrors(2, (0.05, 0.051), 0.06),
        SizeErrors(4, (0.025, 0.026), 0.06),
    )
    assert found.failed == 1


def test_no_study(store: Store) -> None:
    assert collect_study(store, (), ()) is None


def test_a_study_alone_is_no_document(store: Store) -> None:
    run = add_study(store, specs())
    with pytest.raises(StoreError, match="no finished training to report on"):
        collect_records(store, ReportRequest(run_ids=(run.run_id,)))
