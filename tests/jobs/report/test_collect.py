"""From a real store to records: what is taken, what is left out and why, what is missing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aemodel.data import MNIST_DIGEST
from aemodel.settings import RECIPES, SETTINGS, Recipe
from aemodel.training import Point
from jobs.artifacts.files import write_csv
from jobs.parameters import parse_specs
from jobs.report.analysis.comparison import matching_key
from jobs.report.collect import collect_records
from jobs.report.recorded import recorded_trainings
from jobs.report.records import Omission, Recording, Records, ReportRequest, TrainingRecord
from jobs.spec import TrainingSpec
from jobs.tracking import Run, Store, StoreError
from tests.jobs.report.synthetic import make_training
from tests.support.stores import NewStore, work_in
from tools import record_curves

RECIPE = replace(RECIPES["assignment"], iterations=300)


@pytest.fixture(scope="module", autouse=True)
def fresh_store(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("collect")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, new_store(folder), patch)
        yield


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """An experiment for each test."""
    return Store.open(re.sub(r"\W", "_", request.node.name))


def records_of(store: Store, *run_ids: str) -> Records:
    return collect_records(store, ReportRequest(run_ids=run_ids))


def collect(store: Store, *run_ids: str) -> tuple[tuple[TrainingRecord, ...], tuple[Omission, ...]]:
    records = records_of(store, *run_ids)
    return records.trainings, records.omissions


def add(
    store: Store,
    setting: str,
    start: int,
    status: str = "FINISHED",
    seed: str = "0",
    *,
    recipe: Recipe = RECIPE,
    precision: str = "float32",
    digest: str = "abc",
) -> Run:
    """Add a training as a job leaves it, started at `start` milliseconds, without files."""
    (job,) = parse_specs(setting, recipe, seed, "3-8", precision)
    made = store.client.create_run(store.experiment_id, run_name=job.name, start_time=start)
    run = Run(store.client, made.info.run_id)
    run.log_params(job.to_params() | {"data_digest": digest, "threads": "2"})
    run.set_tags({"kind": "training", "version.numpy": "2.4.6"})
    if status != "RUNNING":
        run.end(status, "" if status == "FINISHED" else "a reason")
    return run


def add_assigned(store: Store, start: int, points: int = 1_000, **changes: Any) -> Run:
    """Add a training of setting 2 by the assignment's recipe with the first points of its curve."""
    assigned = RECIPES["assignment"]
    run = add(store, "2", start, recipe=assigned, **changes)
    held = [Point(i, 0.1, 0.1, 0.001, 0.01 * (i + 1)) for i in assigned.evaluations[:points]]
    run.log_points(held, None, start_ms=start)
    run.log_metrics({"final_test_mse": 0.1, "train_seconds": 1000.0}, 99_999)
    return run


def add_results(run: Run, folder: Path) -> dict[str, NDArray[Any]]:
    """Add the files and metrics of a training; return the files' contents."""
    rng = np.random.default_rng(0)
    fractions = np.arange(11) / 10
    tables: dict[str, NDArray[Any]] = {
        "embedding/low_dimension_embedding.csv": rng.normal(size=(20, 2)).astype(np.float32),
        "embedding/mnist_test_labels.csv": np.arange(20) % 10,
        "reconstructions.csv": rng.random((20, 784)).astype(np.float32),
        "interpolation/3-to-8/nearest.csv": np.column_stack(
            [fractions, np.arange(11) % 10, rng.random(11), rng.random(11)]
        ),
    }
    for f in fractions:
        row = rng.random((1, 784)).astype(np.float32)
        tables[f"interpolation/3-to-8/recreation_{f:.1f}.csv"] = row
    for path, values in tables.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_csv(folder / path, values)
    run.log_files(folder)
    rates = [(0, 0.4, 0.5), (100, 0.2, 0.3), (200, 0.1, 0.2)]
    points = [Point(i, test, train, 0.001, 0.01 * (i + 1)) for i, test, train in rates]
    run.log_points(points, None, start_ms=0)
    digits = {f"mse_digit_{digit}": digit / 100 for digit in range(10)}
    run.log_metrics({"final_test_mse": 0.1, "best_iteration": 299.0, **digits}, 299)
    return tables


# --- Which runs ------------------------------------------------------------------------------


def test_the_newest_finished_training_of_each_setting(store: Store) -> None:
    add(store, "1", 1000)
    wanted = [add(store, name, 2000).run_id for name in ("1", "2", "3")]
    add(store, "64-32-4", 3000)
    found, omissions = collect(store)
    assert [training.run_id for training in found] == wanted
    assert omissions == ()


def test_settings_without_a_run_are_said_so(store: Store) -> None:
    add(store, "2", 1000)
    found, omissions = collect(store)
    assert [training.spec.setting.name for training in found] == ["2"]
    assert [(o.what, o.why) for o in omissions] == [
        ("setting 1", "no run"),
        ("setting 3", "no run"),
    ]


def test_newer_runs_that_did_not_finish_are_said_so(store: Store) -> None:
    old = add(store, "1", 1000)
    failed = add(store, "1", 2000, "FAILED")
    running = add(store, "2", 2000, "RUNNING")
    add(store, "3", 1000, "KILLED")
    add(store, "3", 2000)
    found, omissions = collect(store)
    assert [training.spec.setting.name for training in found] == ["1", "3"]
    assert found[0].run_id == old.run_id
    assert [(o.what, o.why) for o in omissions] == [
        (f"setting-1 assignment seed-0 (run {failed.run_id[:8]})", "FAILED: a reason"),
        (f"setting-2 assignment seed-0 (run {running.run_id[:8]})", "still running"),
    ]


def test_trainings_with_other_seeds_are_said_to_be_there(store: Store) -> None:
    for at, seed in enumerate(("0", "1", "2")):
        add(store, "1", 1000 + at, seed=seed)
        add(store, "2", 1000 + at, seed="0", recipe=RECIPES["quick" if at else "fast"])
        add(store, "3", 1000 + at, seed=str(at // 2))
    found, omissions = collect(store)
    assert [training.spec.seed for training in found] == [2, 0, 1]
    assert [omission.what for omission in omissions] == ["4 trainings with other seeds"]


def test_runs_that_were_asked_for_by_setting_and_seed(store: Store) -> None:
    names = [("64-32-4", "0"), ("3", "1"), ("3", "0"), ("1", "2")]
    asked = [add(store, name, 1000, seed=seed).run_id for name, seed in names]
    found, omissions = collect(store, *asked)
    order = [("1", 2), ("3", 0), ("3", 1), ("64-32-4", 0)]
    assert [(t.spec.setting.name, t.spec.seed) for t in found] == order
    assert omissions == ()


def test_asked_for_runs_that_cannot_be_used_are_said_so(store: Store) -> None:
    killed = add(store, "1", 1000, "KILLED")
    other = store.create_run("something else")
    broken = add(store, "2", 1000)
    broken.client.set_tag(broken.run_id, "kind", "training")
    broken.client.log_param(broken.run_id, "resolved.seed", "?")
    good = add(store, "3", 1000)
    asked = [run.run_id for run in (killed, other, broken, good)]
    found, omissions = collect(store, *asked)
    assert [training.run_id for training in found] == [good.run_id]
    assert [o.why for o in omissions[:2]] == ["KILLED: a reason", "not a training"]
    assert omissions[2].why.startswith("its parameters cannot be read: ")


def test_the_id_of_a_sweep_means_its_trainings(store: Store) -> None:
    sweep = store.create_run("sweep")
    sweep.set_tags({"kind": "sweep"})
    below = [add(store, name, 1000) for name in ("1", "2")]
    failed = add(store, "3", 1000, "FAILED")
    for run in (*below, failed):
        run.set_parent(sweep)
    add(store, "3", 2000)
    found, omissions = collect(store, sweep.run_id, below[0].run_id)
    assert [training.run_id for training in found] == [run.run_id for run in below]
    assert [o.why for o in omissions] == ["FAILED: a reason"]


def test_a_preset_goes_before_a_shortened_recipe_and_that_is_said(store: Store) -> None:
    full = add(store, "1", 1000, recipe=RECIPES["quick"])
    trial = add(store, "1", 2000)
    only = add(store, "2", 2000)
    found, omissions = collect(store)
    assert [training.run_id for training in found] == [full.run_id, only.run_id]
    passed_over = omissions[0]
    assert trial.run_id[:8] in passed_over.what
    assert "its recipe is a changed assignment" in passed_over.why


def test_nothing_to_report_on_names_what_there_is(store: Store) -> None:
    add(Store.open("elsewhere"), "1", 1000)
    with pytest.raises(StoreError, match="there is no finished training") as nothing:
        collect(store)
    assert "'elsewhere'" in str(nothing.value)
    failed = add(store, "1", 1000, "FAILED")
    with pytest.raises(StoreError, match="FAILED: a reason"):
        collect(store, failed.run_id)


def test_trainings_of_other_widths_are_said_to_be_there(store: Store) -> None:
    runs = [add(store, f"256-64-{size}", 1000 * size) for size in (2, 4)]
    with pytest.raises(StoreError, match="can be named: runs=") as nothing:
        collect(store)
    assert str(nothing.value).endswith(f"runs={runs[1].run_id},{runs[0].run_id}")
    add(store, "256-64-8", 1000, "FAILED")
    trainings, _ = collect(store, *(run.run_id for run in runs))
    assert len(trainings) == 2


def test_a_run_that_does_not_exist_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        collect(store, "0" * 32)


# --- What they are compared with -------------------------------------------------------------


def test_the_newest_whole_training_of_the_assignments_recipe_is_the_reference(store: Store) -> None:
    add_assigned(store, 1000)
    wanted = add_assigned(store, 2000, seed="7")
    add_assigned(store, 3000, points=500)
    add_assigned(store, 4000, points=0)
    add_assigned(store, 5000, status="KILLED")
    other = add_assigned(store, 6000, precision="bfloat16")
    asked = add(store, "2", 7000).run_id, add(store, "1", 7000).run_id
    of_other_precision, reference = records_of(store, *asked).references
    assert of_other_precision.run_id == other.run_id
    assert (reference.run_id, reference.spec.seed) == (wanted.run_id, 7)
    assert reference.curve is not None
    assert reference.curve.seconds[-1] == pytest.approx(999.01)
    assert (reference.final_test_mse, reference.train_seconds) == (0.1, 1000.0)


def test_the_assignments_own_trainings_need_no_reference(store: Store) -> None:
    add_assigned(store, 1000)
    named = [add_assigned(store, 2000, seed="1").run_id, add(store, "2", 3000).run_id]
    assert records_of(store, *named[:1]).references == ()
    assert records_of(store, *named).references == ()
    assert len(records_of(store, *named[1:]).references) == 1


def test_what_the_project_recorded_is_the_reference_if_the_experiment_has_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = [
        make_training(name, run_id="", data_digest="abc", recording=Recording("A processor", None))
        for name in ("1", "2", "3")
    ]
    monkeypatch.setattr("jobs.report.collect.recorded_trainings", lambda: recorded)
    asked = add(store, "2", 2000).run_id
    (reference,) = records_of(store, asked).references
    assert reference is recorded[1]
    own = add_assigned(store, 1000)
    (reference,) = records_of(store, asked).references
    assert reference.run_id == own.run_id


def test_the_tool_writes_the_newest_assigned_training_of_each_setting_and_seed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start, seed in ((1000, "0"), (2000, "0"), (3000, "1")):
        newest = add_assigned(store, start, seed=seed, digest=MNIST_DIGEST)
    add_assigned(store, 4000, points=500, seed="2", digest=MNIST_DIGEST)
    monkeypatch.setattr(record_curves, "FILE", tmp_path / "curves.json")
    record_curves.write(store, "A processor", {"2": 1234.0})
    first, second = recorded_trainings(tmp_path / "curves.json")
    assert (first.spec.seed, second.spec.seed) == (0, 1)
    assert second.git_commit == newest.info().tags.get("mlflow.source.git.commit", "")
    assert second.recording == Recording("A processor", 1234.0)
    assert second.final_test_mse == 0.1
    assert matching_key(second) == (SETTINGS["2"], MNIST_DIGEST)


def test_a_run_older_than_a_field_of_the_recipe_is_read(store: Store) -> None:
    run = store.create_run("old")
    (job,) = parse_specs("2", RECIPES["assignment"], "0", "3-8", "float32")
    params = job.to_params()
    del params["optimizer"]
    run.log_params(params)
    run.set_tags({"kind": "training"})
    run.end("FINISHED")
    (record,), _ = collect(store, run.run_id)
    assert record.spec.recipe == RECIPES["assignment"]


# --- What is in a record ---------------------------------------------------------------------


def test_everything_a_run_holds(store: Store, tmp_path: Path) -> None:
    run = add(store, "1", 1000)
    tables = add_results(run, tmp_path / "files")
    (record,), _ = collect(store, run.run_id)
    assert record.spec == TrainingSpec.from_params(run.info().params)
    assert record.spec.recipe == RECIPE
    assert (record.spec.data_digest, record.spec.threads) == ("abc", 2)
    assert record.versions == {"numpy": "2.4.6"}
    assert (record.final_test_mse, record.best_iteration) == (0.1, 299)
    assert record.mse_by_digit == tuple(digit / 100 for digit in range(10))
    assert record.curve is not None
    np.testing.assert_array_equal(record.curve.iterations, [0, 100, 200])
    np.testing.assert_array_equal(record.curve.test_mse, [0.4, 0.2, 0.1])
    np.testing.assert_array_equal(record.curve.train_mse, [0.5, 0.3, 0.2])
    np.testing.assert_allclose(record.curve.seconds, [0.01, 1.01, 2.01])
    np.testing.assert_array_equal(record.codes, tables["embedding/low_dimension_embedding.csv"])
    np.testing.assert_array_equal(record.labels, np.arange(20) % 10)
    pictures = tables["reconstructions.csv"].reshape(2, 10, 784)
    np.testing.assert_array_equal(record.reconstructions, pictures)
    (path,) = record.interpolations
    assert (path.digit_a, path.digit_b) == (3, 8)
    np.testing.assert_array_equal(path.fractions, np.arange(11) / 10)
    for f, pixels in zip(path.fractions, path.pixels, strict=True):
        wanted = tables[f"interpolation/3-to-8/recreation_{f:.1f}.csv"][0]
        np.testing.assert_array_equal(pixels, wanted)
    nearest = tables["interpolation/3-to-8/nearest.csv"]
    np.testing.assert_array_equal(path.nearest_digit, nearest[:, 1])
    np.testing.assert_array_equal(path.nearest_mse, nearest[:, 2])
    np.testing.assert_array_equal(path.blend_nearest_mse, nearest[:, 3])


def seconds_of(store: Store, run: Run) -> NDArray[np.float64]:
    (record,), _ = collect(store, run.run_id)
    assert record.curve is not None
    return record.curve.seconds


def log(run: Run, metric: str, values: dict[int, float]) -> None:
    for step, value in values.items():
        run.client.log_metric(run.run_id, metric, value, step=step)


def test_recorded_seconds_are_taken_as_they_are(store: Store) -> None:
    run = add(store, "1", 1000)
    log(run, "test_mse", {0: 0.4, 100: 0.2, 200: 0.1})
    log(run, "seconds", {0: 0.5, 200: 2.5})
    log(run, "iterations_per_second", {0: 9.0, 100: 9.0, 200: 9.0})
    np.testing.assert_array_equal(seconds_of(store, run), [0.5, np.nan, 2.5])


def test_a_missing_rate_of_an_older_run_costs_one_point_alone(store: Store) -> None:
    run = add(store, "1", 1000)
    log(run, "test_mse", {0: 0.4, 100: 0.2, 200: 0.1, 300: 0.1})
    log(run, "iterations_per_second", {0: 100.0, 200: 100.0, 300: 200.0})
    np.testing.assert_allclose(seconds_of(store, run), [0.01, np.nan, 2.01, 2.51])


def test_times_that_were_not_recorded_are_not_known(store: Store) -> None:
    run = add(store, "1", 1000)
    log(run, "test_mse", {0: 0.4, 100: 0.2})
    np.testing.assert_array_equal(seconds_of(store, run), [np.nan, np.nan])


def test_what_a_run_does_not_hold_is_none(store: Store) -> None:
    run = add(store, "1", 1000)
    (record,), _ = collect(store, run.run_id)
    nothing = ("curve", "codes", "labels", "reconstructions", "final_test_mse")
    assert [name for name in nothing if getattr(record, name) is not None] == []
    assert (record.interpolations, record.mse_by_digit) == ((), ())
    assert (record.best_iteration, record.knn_accuracy, record.git_commit) == (None, None, "")


@pytest.mark.parametrize("path", ["embedding/low_dimension_embedding.csv", "reconstructions.csv"])
def test_a_file_that_is_damaged_is_none(store: Store, tmp_path: Path, path: str) -> None:
    run = add(store, "1", 1000)
    add_results(run, tmp_path / "files")
    damaged = tmp_path / "damaged"
    (damaged / path).parent.mkdir(parents=True)
    (damaged / path).write_text("1,2\n3\n")
    run.log_files(damaged)
    (record,), _ = collect(store, run.run_id)
    name = "codes" if "embedding" in path else "reconstructions"
    assert getattr(record, name) is None
    assert record.labels is not None


def test_an_interpolation_that_lacks_a_picture_is_left_out(store: Store, tmp_path: Path) -> None:
    run = add(store, "1", 1000)
    files = tmp_path / "files"
    add_results(run, files)
    folder = Path(run.client.get_run(run.run_id).info.artifact_uri.removeprefix("file://"))
    (folder / "interpolation" / "3-to-8" / "recreation_0.4.csv").unlink()
    (record,), _ = collect(store, run.run_id)
    assert record.interpolations == ()
