"""All three settings, and the submission document that ends them; then the report by itself."""

import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
from mlflow.entities import Run

from tests.support.workspace import Done, Ended, Workspace, wait_for

FILES = ("submission.pdf", "submission.html", "submission.md", "submission-source.zip")


@pytest.fixture(scope="module")
def workspace(assignment: Ended) -> Workspace:
    """What that command left; the tests add reports to it."""
    return assignment.place


@pytest.fixture(scope="module")
def sweep(workspace: Workspace) -> Run:
    (found,) = workspace.runs(kind="sweep")
    return found


HANGING = """
import time
from jobs.__main__ import app
from jobs.report import command
command.build = lambda records: None
command._describe = lambda _: time.sleep(600)  # when its run is made, before the files are sent
app(["report", "--output", "third"])
"""


def under_way(workspace: Workspace) -> list[Run]:
    return [run for run in workspace.runs(kind="report") if run.info.status == "RUNNING"]


@pytest.fixture(scope="module")
def killed(workspace: Workspace, sweep: Run) -> Run:
    """The run of a report that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], cwd=workspace.folder, env=workspace.environment()
    ) as process:
        try:
            wait_for(lambda: process.poll() is not None or bool(under_way(workspace)))
        finally:
            process.kill()
    (found,) = under_way(workspace)
    return found


@pytest.fixture(scope="module")
def one_only(workspace: Workspace, killed: Run) -> Done:
    """The next report: about one run that is named, into another folder."""
    run = workspace.runs(kind="training")[1]
    return workspace.jobs_here("report", "--runs", run.info.run_id, "--output", "second")


def pdf_text(path: Path) -> str:
    return " ".join("".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


def test_three_trainings_and_a_report_below_one_run(workspace: Workspace, sweep: Run) -> None:
    assert sweep.info.status == "FINISHED"
    below = [r for r in workspace.runs() if r.info.run_id != sweep.info.run_id]
    assert {r.data.tags["mlflow.parentRunId"] for r in below} == {sweep.info.run_id}
    assert {r.info.status for r in below} == {"FINISHED"}
    names = [f"setting-{name} assignment seed-0" for name in "123"]
    assert [r.info.run_name for r in workspace.runs(kind="training")] == names
    assert len(workspace.runs(kind="report")) == 1


def test_the_sweep_says_what_came_out(workspace: Workspace, sweep: Run) -> None:
    text = sweep.data.tags["mlflow.note.content"]
    for run in workspace.runs(kind="training"):
        assert f"{run.data.metrics['final_test_mse']:.5f}" in text
    assert workspace.runs(kind="report")[0].info.run_id in text


def test_the_document_is_written_and_logged(
    workspace: Workspace, sweep: Run, assignment: Ended
) -> None:
    (report,) = workspace.runs(kind="report")
    for name in FILES:
        logged = workspace.artifacts(report) / "submission" / name
        assert logged.read_bytes() == (workspace.folder / "submission" / name).read_bytes()
    assert str(workspace.folder / "submission" / "submission.pdf") in assignment.output


def test_the_document_says_who_what_and_the_numbers(workspace: Workspace, sweep: Run) -> None:
    text = pdf_text(workspace.folder / "submission" / "submission.pdf")
    assert "Ada Example" in text
    assert "The third setting surprised me." in text
    for run in workspace.runs(kind="training"):
        assert f"{run.data.metrics['final_test_mse']:.5f}" in text


def test_a_report_about_one_run(workspace: Workspace, one_only: Done) -> None:
    assert one_only.returncode == 0, one_only.stderr
    assert one_only.stdout.strip().endswith(str(workspace.folder / "second" / "submission.pdf"))
    one, two, three = workspace.runs(kind="training")
    text = (workspace.folder / "second" / "submission.md").read_text()
    assert f"{two.data.metrics['final_test_mse']:.5f}" in text
    for other in (one, three):
        assert f"{other.data.metrics['final_test_mse']:.5f}" not in text


def test_a_run_that_does_not_exist(workspace: Workspace, sweep: Run) -> None:
    done = workspace.jobs_here("report", "--runs", "0" * 32)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: there is no run {'0' * 32}")
    assert "Traceback" not in done.stderr


def test_a_report_that_is_killed_is_marked_by_the_next(
    workspace: Workspace, killed: Run, one_only: Done
) -> None:
    assert one_only.returncode == 0, one_only.stderr
    assert workspace.client.get_run(killed.info.run_id).info.status == "KILLED"
    assert not under_way(workspace)
    assert workspace.unfinished() == []
