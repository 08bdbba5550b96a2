"""Paths as users give them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.filesystem import resolve_path
from tests.support.project import ROOT

ASK = """
import sys
from jobs.filesystem import resolve_path
print(resolve_path(sys.argv[1]))
"""


def as_mlflow_does(caller: Path, project: Path, text: str) -> Path:
    """Return what a path means to a command that `mlflow run` starts, called in `caller`."""
    start = "import subprocess, sys; subprocess.run(sys.argv[2:], cwd=sys.argv[1], check=True)"
    done = subprocess.run(
        [sys.executable, "-c", start, project, sys.executable, "-c", ASK, text],
        cwd=caller,
        env=os.environ | {"MLFLOW_RUN_ID": "0" * 32, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.rstrip("\n"))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    caller, project = tmp_path / "caller", tmp_path / "project"
    for path in (caller / "mine", caller / "both", project / "both", project / "shipped"):
        path.mkdir(parents=True)
    return caller, project


def test_under_mlflow_run_the_caller_s_folder_comes_first(folders: tuple[Path, Path]) -> None:
    caller, project = folders
    assert as_mlflow_does(caller, project, "mine") == caller / "mine"
    assert as_mlflow_does(caller, project, "both") == caller / "both"
    assert as_mlflow_does(caller, project, "shipped") == project / "shipped"
    assert as_mlflow_does(caller, project, "nowhere") == caller / "nowhere"
    assert as_mlflow_does(caller, project, str(project / "both")) == project / "both"


def test_otherwise_the_working_directory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    assert resolve_path("a/b") == tmp_path / "a/b"
    assert resolve_path("") == tmp_path


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve_path("~/data") == tmp_path / "data"
    assert resolve_path("~nobody-of-this-name/x") == tmp_path / "~nobody-of-this-name/x"
