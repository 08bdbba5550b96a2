"""`mlflow run .`: the run that MLflow makes is the training, and the report is built from it."""

import pytest
from mlflow.entities import Run

from tests.support.project import ROOT
from tests.support.workspace import EXPERIMENT, Ended, Workspace


@pytest.fixture(scope="module")
def workspace(launched: Ended) -> Workspace:
    """What that command left; the tests add a report to it."""
    return launched.place


@pytest.fixture(scope="module")
def run(workspace: Workspace) -> Run:
    (found,) = workspace.runs(kind="training")
    return found


@pytest.fixture(scope="module")
def report(workspace: Workspace, run: Run) -> Run:
    output = workspace.folder / "handed in"
    done = workspace.mlflow_run("-e", "report", "-P", f"output={output}", "-P", "author=Ada")
    assert done.returncode == 0, done.stderr
    (found,) = workspace.runs(kind="report")
    return found


def test_the_run_of_mlflow_is_the_training(workspace: Workspace, run: Run) -> None:
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "setting-1 fast seed-0"
    assert workspace.client.get_experiment(run.info.experiment_id).name == EXPERIMENT
    assert run.data.tags["kind"] == "training"
    assert run.data.tags["mlflow.project.entryPoint"] == "main"
    curve = workspace.curve(run)
    assert [step for step, _ in curve] == [0, 100]
    assert run.data.metrics["final_test_mse"] < curve[0][1]


def test_what_the_command_says(launched: Ended) -> None:
    lines = [line for line in launched.errors.splitlines() if "INFO mlflow.projects" not in line]
    said = [line for line in lines if not line.startswith("setting-1 fast seed-0: ")]
    assert said == []  # of TensorFlow and MLflow, nothing
    assert "setting-1 fast seed-0: FINISHED, test MSE " in launched.output


def test_params_that_were_typed_and_those_that_were_used(run: Run) -> None:
    params = run.data.params
    assert params["recipe"] == "fast"
    assert params["iterations"] == "200"
    assert params["resolved.learning_rate"] == "0.006"
    assert params["resolved.batch_size"] == "500"
    assert (params["d1"], params["d2"], params["d3"]) == ("128", "64", "2")
    assert params["resolved.setting"] == params["setting"] == "1"  # one name under any launcher


def test_parameters_do_not_reach_the_shell(workspace: Workspace, run: Run) -> None:
    assert not (workspace.folder / "x").exists()
    assert not (ROOT / "x").exists()


def test_the_project_is_left_as_it_was(run: Run) -> None:
    assert not (ROOT / "checkpoints" / run.info.run_id).exists()


def test_the_report_is_a_run_with_the_document(workspace: Workspace, report: Run) -> None:
    assert report.info.status == "FINISHED"
    assert report.data.tags["mlflow.project.entryPoint"] == "report"
    logged = workspace.artifacts(report) / "submission"
    written = workspace.folder / "handed in"
    for name in ("submission.pdf", "submission.html", "submission.md", "submission-source.zip"):
        assert (logged / name).read_bytes() == (written / name).read_bytes()
    assert (logged / "submission.pdf").read_bytes().startswith(b"%PDF-")


def test_the_report_is_about_the_run(workspace: Workspace, run: Run, report: Run) -> None:
    text = (workspace.artifacts(report) / "submission" / "submission.md").read_text()
    assert f"{run.data.metrics['final_test_mse']:.5f}" in text
    assert run.info.run_id[:8] in text
    assert "setting 2" in text.lower()
    assert "no run" in text
