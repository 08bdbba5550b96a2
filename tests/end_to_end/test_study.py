"""`python -m jobs study`, as a user runs it: killed, interrupted, and continued to its end.

Each command runs once; the tests look at what they left.
"""

import csv
import signal

import numpy as np
import pytest
from mlflow.entities import Run

from tests.support.workspace import Done, NewWorkspace, Workspace, wait_for

STUDY = (
    "study", "--hidden", "16-8", "--latent", "3,2", "--seeds", "0-1", "--iterations", "20",
    "--workers", "1", "--precision", "float32", "--data", "mnist",
)  # fmt: skip


@pytest.fixture(scope="module")
def workspace(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


def finished(workspace: Workspace) -> set[str]:
    """Return the ids of the trainings that finished."""
    trainings = workspace.runs(kind="training")
    return {run.info.run_id for run in trainings if run.info.status == "FINISHED"}


@pytest.fixture(scope="module")
def killed(workspace: Workspace) -> int:
    """A study whose command is killed without a word when its runs are there: its status.

    No process of it goes on for long.
    """
    status, _ = workspace.interrupt(
        lambda: len(workspace.runs(kind="training")) == 4, signal.SIGKILL, *STUDY
    )
    wait_for(lambda: not workspace.processes())
    return status


@pytest.fixture(scope="module")
def interrupted(workspace: Workspace, killed: int) -> tuple[int, str, set[str]]:
    """The same command, interrupted when a training has finished: status, errors, what finished."""
    ended = workspace.interrupt(lambda: bool(finished(workspace)), signal.SIGINT, *STUDY)
    return *ended, finished(workspace)


@pytest.fixture(scope="module")
def continued(
    workspace: Workspace, interrupted: tuple[int, str, set[str]], one_thread: None
) -> Done:
    """The same command again."""
    return workspace.jobs_here(*STUDY)


@pytest.fixture(scope="module")
def study(workspace: Workspace, continued: Done) -> Run:
    """The run above the trainings."""
    assert continued.returncode == 0, continued.stderr
    (run,) = (run for run in workspace.runs(kind="study") if run.info.status == "FINISHED")
    return run


def test_the_next_command_ends_the_runs_of_one_that_was_killed(
    workspace: Workspace, killed: int, interrupted: tuple[int, str, set[str]]
) -> None:
    assert killed == -signal.SIGKILL
    assert [run.info.run_name for run in workspace.runs() if run.info.status == "RUNNING"] == []


def test_an_interrupted_study_says_that_it_can_be_continued(
    workspace: Workspace, interrupted: tuple[int, str, set[str]], continued: Done
) -> None:
    status, errors, done = interrupted
    assert status == 130
    assert "continues from here" in errors
    assert "Traceback" not in errors
    assert 1 <= len(done) < 4
    assert done < finished(workspace)  # what had finished is kept as it was


def test_the_study_is_a_run_above_its_trainings(
    workspace: Workspace, study: Run, continued: Done
) -> None:
    trainings = workspace.runs(**{"mlflow.parentRunId": study.info.run_id})
    assert [run.info.run_name for run in trainings] == [
        *("setting-16-8-2 quick seed-0", "setting-16-8-2 quick seed-1"),
        *("setting-16-8-3 quick seed-0", "setting-16-8-3 quick seed-1"),
    ]
    assert {run.info.status for run in trainings} == {"FINISHED"}
    assert {run.data.params["threads"] for run in trainings} == {"1"}
    assert workspace.unfinished() == []


def test_the_study_says_what_was_asked_for(study: Run) -> None:
    assert study.info.run_name == "study of 16-8, 4 trainings, quick"
    wanted = {"hidden": "16-8", "latent": "3,2", "seeds": "0,1", "recipe": "quick"}
    assert wanted.items() <= study.data.params.items()


def test_its_trainings_keep_their_curves_alone(workspace: Workspace, study: Run) -> None:
    for run in workspace.runs(**{"mlflow.parentRunId": study.info.run_id}):
        assert run.data.tags["artifacts"] == "curve"
        assert [path.name for path in workspace.artifacts(run).iterdir()] == ["curve"]
        assert run.outputs is None or not run.outputs.model_outputs
        assert [step for step, _ in workspace.curve(run)] == [0]


def test_the_table_is_that_of_the_errors_of_the_trainings(workspace: Workspace, study: Run) -> None:
    with (workspace.artifacts(study) / "latent_size.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["latent_size"] for row in rows] == ["2", "3"]
    for row in rows:
        alike = workspace.runs(**{"mlflow.parentRunId": study.info.run_id})
        metrics = [
            run.data.metrics
            for run in alike
            if run.data.params["latent_size"] == row["latent_size"]
        ]
        errors = [found["final_test_mse"] for found in metrics]
        assert (row["n"], len(errors)) == ("2", 2)
        assert float(row["mean_test_mse"]) == pytest.approx(np.mean(errors))
        assert float(row["standard_deviation"]) == pytest.approx(np.std(errors, ddof=1))
        half = 12.7062047 * np.std(errors, ddof=1) / np.sqrt(2)  # Student's t, one degree
        assert float(row["interval_low"]) == pytest.approx(np.mean(errors) - half)
        assert float(row["interval_high"]) == pytest.approx(np.mean(errors) + half)
        assert float(row["pca_test_mse"]) == metrics[0]["pca_test_mse"]


def test_figure_metrics_and_description(workspace: Workspace, study: Run) -> None:
    assert (workspace.artifacts(study) / "latent_size.png").read_bytes().startswith(b"\x89PNG")
    assert [step for step, _ in workspace.curve(study, "mean_test_mse")] == [2, 3]
    assert 2 < study.data.metrics["intrinsic_dimension"] < 30
    assert "4 of 4 trainings finished" in study.data.tags["mlflow.note.content"]


def test_progress_says_how_many_are_done(continued: Done, interrupted: object) -> None:
    assert "of 4 trainings done" in continued.stderr
    assert "Traceback" not in continued.stderr
    assert "Warning" not in continued.stderr
