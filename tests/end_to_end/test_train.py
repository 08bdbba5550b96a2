"""`python -m jobs train`, as a user runs it, on a slice of MNIST and into a fresh store.

Each command runs once; the tests look at what it left.
"""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.entities import Run

from aemodel.data import Dataset
from aemodel.settings import Recipe
from jobs.parameters import parse_specs
from jobs.spec import TrainingSpec
from jobs.tracking.ownership import is_at_work
from tests.support.workspace import Done, NewWorkspace, Workspace

Interrupted = tuple[Workspace, int, str, Run, int]

ONE = (
    "train", "--setting", "1", "--recipe", "assignment", "--iterations", "1000", "--seeds", "3",
    "--batch-size", "200", "--eval-every", "50", "--pairs", "3-8,8-2", "--data", "mnist",
    "--threads", "1",
)  # fmt: skip
"""One training, long enough to be interrupted."""


@pytest.fixture(scope="module")
def workspace(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


@pytest.fixture(scope="module")
def one(workspace: Workspace, one_thread: None) -> Done:
    return workspace.jobs_here(*ONE)


@pytest.fixture(scope="module")
def run(workspace: Workspace, one: Done) -> Run:
    assert one.returncode == 0, one.stderr
    (found,) = workspace.runs()
    return found


# --- One training ----------------------------------------------------------------------------


def test_one_training_is_one_run(workspace: Workspace, run: Run) -> None:
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "setting-1 assignment seed-3"
    assert workspace.client.get_experiment(run.info.experiment_id).name == "mnist-autoencoders"
    assert "mlflow.parentRunId" not in run.data.tags


def test_what_the_command_says(one: Done, run: Run) -> None:
    final = run.data.metrics["final_test_mse"]
    assert f"setting-1 assignment seed-3: FINISHED, test MSE {final:.5f}" in one.stdout
    assert f"#/experiments/{run.info.experiment_id}/runs" in one.stdout
    lines = one.stderr.splitlines()
    assert [line for line in lines if not line.startswith("setting-1 assignment seed-3: ")] == []
    assert lines


def test_params_read_back_as_the_training(run: Run, small_dataset: Dataset) -> None:
    recipe = Recipe("assignment", 1000, 200, 50, 1e-3)
    (wanted,) = parse_specs("1", recipe, "3", "3-8,8-2", "float32")
    found = TrainingSpec.from_params(run.data.params)
    assert found == replace(wanted, threads=1, data_digest=small_dataset.digest)


def test_tags_and_description(run: Run) -> None:
    tags = run.data.tags
    assert tags["kind"] == "training"
    assert tags["version.numpy"] == np.__version__
    assert "218,514 parameters" in tags["mlflow.note.content"]
    assert f"{run.data.metrics['final_test_mse']:.5f}" in tags["mlflow.note.content"]


def test_datasets(run: Run, small_dataset: Dataset) -> None:
    assert run.inputs is not None
    contexts = {i.tags[0].value: i.dataset.digest for i in run.inputs.dataset_inputs}
    assert contexts == dict.fromkeys(("training", "testing"), small_dataset.digest)


CURVES = ("test_mse", "train_mse", "learning_rate", "iterations_per_second", "seconds")


@pytest.mark.parametrize("metric", CURVES)
def test_every_point_of_a_curve_is_there_once(workspace: Workspace, run: Run, metric: str) -> None:
    points = workspace.curve(run, metric)
    assert [step for step, _ in points] == list(range(0, 1000, 50))
    assert all(0 < value < np.inf for _, value in points)


def test_metrics_by_name(run: Run) -> None:
    digits = {f"mse_digit_{digit}" for digit in range(10)}
    final = {"final_test_mse", "best_test_mse", "best_iteration", "pca_test_mse", "train_seconds"}
    other = {"knn_accuracy", "real_nearest_mse"}
    assert run.data.metrics.keys() >= {*CURVES, *final, *other, *digits}
    assert run.data.metrics["final_test_mse"] < run.data.metrics["pca_test_mse"]


def test_artifacts(workspace: Workspace, run: Run) -> None:
    fractions = [f"{tenth / 10}" for tenth in range(11)]
    wanted = {
        "curve/recreation_err.csv",
        "curve/reconstruction_error.png",
        "embedding/low_dimension_embedding.csv",
        "embedding/mnist_test_labels.csv",
        "embedding/embedding_2d.png",
        "reconstructions.png",
        "samples.png",
        *(f"interpolation/{pair}/strip.png" for pair in ("3-to-8", "8-to-2")),
        *(
            f"interpolation/{pair}/recreation_{f}.csv"
            for pair in ("3-to-8", "8-to-2")
            for f in fractions
        ),
        *(f"interpolation/{pair}/img_{f}.png" for pair in ("3-to-8", "8-to-2") for f in fractions),
    }
    folder = workspace.artifacts(run)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert wanted <= found
    assert all((folder / path).stat().st_size for path in wanted)


def test_the_assignments_scripts_can_read_the_files(
    workspace: Workspace, run: Run, small_dataset: Dataset
) -> None:
    errors = workspace.table(run, "curve/recreation_err.csv")
    np.testing.assert_array_equal(errors, [value for _, value in workspace.curve(run)])
    assert workspace.table(run, "embedding/low_dimension_embedding.csv").shape == (500, 2)
    labels = workspace.table(run, "embedding/mnist_test_labels.csv")
    np.testing.assert_array_equal(labels, small_dataset.shuffled(3).y_test)
    assert workspace.table(run, "interpolation/8-to-2/recreation_0.3.csv").shape == (784,)


@pytest.mark.usefixtures("one_thread")
def test_the_logged_model_reproduces_the_logged_error(
    workspace: Workspace, run: Run, small_dataset: Dataset
) -> None:
    mlflow.set_tracking_uri(workspace.uri)
    model = mlflow.tensorflow.load_model(workspace.model_uri(run))
    data = small_dataset.shuffled(3)
    x = data.x_test / np.float32(255)
    mse = np.mean(np.square(np.asarray(model(x), np.float64) - x))
    assert mse == pytest.approx(run.data.metrics["final_test_mse"], rel=1e-6)
    codes = workspace.table(run, "embedding/low_dimension_embedding.csv")
    np.testing.assert_allclose(model.get_layer("encoder")(x), codes, atol=1e-4)


@pytest.mark.usefixtures("one_thread")
def test_the_logged_model_is_served(workspace: Workspace, run: Run, small_dataset: Dataset) -> None:
    images = small_dataset.x_test[:3] / np.float32(255)
    (workspace.folder / "in.json").write_text(json.dumps({"inputs": images.tolist()}))
    mlflow.set_tracking_uri(workspace.uri)
    predict: Any = mlflow.models.predict
    predict(
        workspace.model_uri(run), input_path=str(workspace.folder / "in.json"),
        output_path=str(workspace.folder / "out.json"), env_manager="local",
    )  # fmt: skip
    predicted = np.array(json.loads((workspace.folder / "out.json").read_text())["predictions"])
    model = mlflow.tensorflow.load_model(workspace.model_uri(run))
    np.testing.assert_allclose(predicted, model(images), atol=1e-6)


def test_nothing_is_left_to_continue(workspace: Workspace, run: Run) -> None:
    assert workspace.unfinished() == []


def test_nothing_else_is_written(workspace: Workspace, run: Run) -> None:
    names = {path.name.split(".db")[0] for path in workspace.folder.iterdir()}
    assert names - {"in.json", "out.json"} == {"mnist", "mlflow", "mlruns", "checkpoints"}


# --- Interrupted, and continued --------------------------------------------------------------


@pytest.fixture(scope="module")
def interrupted(new_workspace: NewWorkspace) -> Interrupted:
    """The same training in a folder of its own, stopped by Ctrl-C on its way."""
    place = new_workspace()
    status, errors = place.interrupt(place.has_begun, signal.SIGINT, *ONE)
    (left,) = place.runs()
    states = len(list(place.folder.glob(f"checkpoints/{left.info.run_id}/state.npz")))
    return place, status, errors, left, states


@pytest.fixture(scope="module")
def continued(interrupted: Interrupted, one_thread: None) -> Run:
    """The run after the same command once more."""
    place = interrupted[0]
    done = place.jobs_here(*ONE)
    assert done.returncode == 0, done.stderr
    (found,) = place.runs()
    return found


def test_ctrl_c_leaves_a_killed_run_and_its_state(
    interrupted: Interrupted,
) -> None:
    place, status, errors, left, states = interrupted
    assert status == 130
    assert "the same command continues" in errors
    assert "Traceback" not in errors
    assert left.info.status == "KILLED"
    assert "interrupted" in left.data.tags["reason"]
    assert states == 1
    assert "final_test_mse" not in left.data.metrics
    steps = [step for step, _ in place.curve(left)]
    assert steps == list(range(0, steps[-1] + 1, 50))
    assert steps[-1] < 950


def test_the_same_command_continues_the_same_run(interrupted: Interrupted, continued: Run) -> None:
    place, *_, left, _ = interrupted
    assert continued.info.run_id == left.info.run_id
    assert continued.info.status == "FINISHED"
    assert "reason" not in continued.data.tags
    assert place.unfinished() == []


@pytest.mark.parametrize("metric", ["test_mse", "train_mse", "learning_rate"])
def test_the_curve_is_that_of_a_training_never_interrupted(
    workspace: Workspace,
    run: Run,
    interrupted: Interrupted,
    continued: Run,
    metric: str,
) -> None:
    assert interrupted[0].curve(continued, metric) == workspace.curve(run, metric)


def test_results_are_those_of_a_training_never_interrupted(
    workspace: Workspace,
    run: Run,
    interrupted: Interrupted,
    continued: Run,
) -> None:
    one, other = workspace.artifacts(run), interrupted[0].artifacts(continued)
    paths = [path.relative_to(one) for path in one.rglob("*.csv")]
    assert len(paths) > 20
    for path in [*paths, Path("samples.png"), Path("curve/reconstruction_error.png")]:
        assert (other / path).read_bytes() == (one / path).read_bytes(), path
    timed = {"train_seconds", "iterations_per_second", "seconds"}
    for name in run.data.metrics.keys() - timed:
        assert continued.data.metrics[name] == run.data.metrics[name], name


# --- Several, one of which fails -------------------------------------------------------------

SEVERAL = (
    "train", "--setting", "64-32-2", "--seeds", "0-2", "--recipe", "assignment",
    "--iterations", "3000", "--batch-size", "100", "--workers", "2", "--threads", "1",
    "--data", "mnist", "--pairs", "1-7",
)  # fmt: skip
"""Two at a time, and long enough to be interrupted."""
NAMES = [f"setting-64-32-2 assignment seed-{seed}" for seed in range(3)]


@pytest.fixture(scope="module")
def several(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


@pytest.fixture(scope="module")
def unheld(several: Workspace) -> list[str]:
    """Three trainings, stopped by SIGTERM; return runs under way that no process held."""
    found: list[str] = []

    def far_enough() -> bool:
        if not several.has_begun():
            return False
        under_way = [run for run in several.runs() if run.info.status == "RUNNING"]
        assert under_way
        found.extend(r.info.run_id for r in under_way if not is_at_work(r.data.tags["owner"]))
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHECKPOINTS", str(several.folder / "checkpoints"))
        status, errors = several.interrupt(far_enough, signal.SIGTERM, *SEVERAL)
    assert status == 130, errors
    assert "killed by the system" not in errors
    return found


@pytest.fixture(scope="module")
def stopped(several: Workspace, unheld: list[str]) -> list[Run]:
    """The trainings after that; the state of one of those that have one is then damaged."""
    runs = several.runs(kind="training")
    states = sorted(several.folder.glob("checkpoints/*/state.npz"))
    states[0].write_bytes(states[0].read_bytes()[:5000])
    return runs


@pytest.fixture(scope="module")
def again(several: Workspace, stopped: list[Run], one_thread: None) -> Done:
    return several.jobs_here(*SEVERAL)


def test_a_run_under_way_is_held(unheld: list[str]) -> None:
    assert unheld == []


def test_every_training_is_a_child(several: Workspace, stopped: list[Run]) -> None:
    (sweep,) = several.runs(kind="sweep")
    assert sweep.info.status == "KILLED"
    assert [run.info.run_name for run in stopped] == NAMES
    assert {run.data.tags["mlflow.parentRunId"] for run in stopped} == {sweep.info.run_id}
    assert {run.info.status for run in stopped} == {"KILLED"}


def test_one_failure_is_loud(several: Workspace, stopped: list[Run], again: Done) -> None:
    assert again.returncode == 1
    runs = several.runs(kind="training")
    assert [run.info.run_id for run in runs] == [run.info.run_id for run in stopped]
    (failed,) = [run for run in runs if run.info.status != "FINISHED"]
    assert failed.info.status == "FAILED"
    assert "state.npz is damaged" in failed.data.tags["reason"]
    name = failed.info.run_name
    assert f"{name}: FAILED" in again.stdout
    assert f"FAILED {name}, run {failed.info.run_id}: " in again.stderr
    assert again.stdout.count(": FINISHED, test MSE") == 2


def test_the_others_finish_whole(several: Workspace, again: Done) -> None:
    finished = [run for run in several.runs(kind="training") if run.info.status == "FINISHED"]
    assert len(finished) == 2
    for run in finished:
        assert [step for step, _ in several.curve(run)] == list(range(0, 3000, 100))
        assert (several.artifacts(run) / "embedding" / "embedding_2d.png").exists()
        assert several.model_uri(run)
    assert len({run.data.metrics["final_test_mse"] for run in finished}) == 2


def test_continued_trainings_are_under_the_run_that_continued_them(
    several: Workspace, again: Done
) -> None:
    sweeps = {run.info.run_id: run for run in several.runs(kind="sweep")}
    parents = {run.data.tags["mlflow.parentRunId"] for run in several.runs(kind="training")}
    assert len(parents) == 1
    newest = sweeps[parents.pop()]
    assert newest.info.status == "FAILED"
    assert "state.npz is damaged" in newest.data.tags["reason"]
    assert all(name in newest.data.tags["mlflow.note.content"] for name in NAMES)


def test_no_run_is_left_running(several: Workspace, again: Done) -> None:
    assert [run for run in several.runs() if run.info.status == "RUNNING"] == []
