"""`mlflow run .`: the run that MLflow makes is the training, and the report is built from it."""

import subprocess

import pytest
from mlflow.entities import Run

from tests.support.project import ROOT
from tests.support.workspace import NewWorkspace, Workspace

Done = subprocess.CompletedProcess[str]


def mlflow_run(place: Workspace, *arguments: str) -> Done:
    """Run the project as a user does, who has its environment active."""
    return place.run(
        "mlflow", "run", str(ROOT), "--env-manager", "local",
        "--experiment-name", "of the tests", *arguments,
    )  # fmt: skip


@pytest.fixture(scope="module")
def workspace(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


@pytest.fixture(scope="module")
def run(workspace: Workspace) -> Run:
    parameters = {
        "setting": "1",
        "iterations": "200",
        "pairs": "3-8,0-1",
        "data": str(workspace.folder / "mnist"),
        "author": "Ada $(touch x); 'Example'",
    }
    options = [f for n, v in parameters.items() for f in ("-P", f"{n}={v}")]
    done = mlflow_run(workspace, *options)
    assert done.returncode == 0, done.stderr
    (found,) = workspace.runs()
    return found


@pytest.fixture(scope="module")
def report(workspace: Workspace, run: Run) -> Run:
    output = workspace.folder / "handed in"
    done = mlflow_run(workspace, "-e", "report", "-P", f"output={output}", "-P", "author=Ada")
    assert done.returncode == 0, done.stderr
    (found,) = workspace.runs(kind="report")
    return found


def test_the_run_of_mlflow_is_the_training(workspace: Workspace, run: Run) -> None:
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "setting-1 seed-0"
    assert workspace.client.get_experiment(run.info.experiment_id).name == "of the tests"
    assert run.data.tags["kind"] == "training"
    assert run.data.tags["mlflow.project.entryPoint"] == "main"
    assert [step for step, _ in workspace.curve(run)] == [0, 100]


def test_params_that_were_typed_and_those_that_were_used(run: Run) -> None:
    params = run.data.params
    assert params["iterations"] == "200"
    assert params["resolved.learning_rate"] == "0.006"
    assert params["resolved.batch_size"] == "500"
    assert (params["d1"], params["d2"], params["d3"]) == ("128", "64", "2")
    assert "resolved.setting" not in params


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
