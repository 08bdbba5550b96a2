"""Paths as users give them, locks, and what is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from jobs.filesystem import (
    checkpoints_folder,
    is_locked,
    output_folder,
    promise,
    resolve_path,
)
from tests.support.project import ROOT

ASK = """
import sys
from pathlib import Path
from jobs.filesystem import output_folder, resolve_path
print(resolve_path(sys.argv[1]))
print(output_folder(Path(sys.argv[1])))
"""


def as_mlflow_does(caller: Path, project: Path, text: str) -> tuple[Path, Path]:
    """Return what a path means to a command that `mlflow run` starts, called in `caller`: that of a
    file, and that of the document's folder."""
    start = "import subprocess, sys; subprocess.run(sys.argv[2:], cwd=sys.argv[1], check=True)"
    done = subprocess.run(
        [sys.executable, "-c", start, project, sys.executable, "-c", ASK, text],
        cwd=caller,
        env=os.environ | {"MLFLOW_RUN_ID": "0" * 32, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    file, output = done.stdout.splitlines()
    return Path(file), Path(output)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    caller, project = tmp_path / "caller", tmp_path / "project"
    for path in (caller / "mine", caller / "both", project / "both", project / "shipped"):
        path.mkdir(parents=True)
    return caller, project


def test_under_mlflow_run_the_caller_s_folder_comes_first(folders: tuple[Path, Path]) -> None:
    caller, project = folders
    for name, place in {"mine": caller, "both": caller, "shipped": project, "no": caller}.items():
        assert as_mlflow_does(caller, project, name) == (place / name, caller / name)
    assert as_mlflow_does(caller, project, str(project / "both")) == (project / "both",) * 2


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
    assert output_folder(Path("~nobody-of-this-name")) == tmp_path / "~nobody-of-this-name"


# --- What is kept, and for how long ----------------------------------------------------------


def test_a_lock_is_seen_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with FileLock(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_the_folder_of_unfinished_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHECKPOINTS", raising=False)
    assert checkpoints_folder() == tmp_path / "checkpoints"
    monkeypatch.setenv("CHECKPOINTS", "elsewhere")
    assert checkpoints_folder() == tmp_path / "elsewhere"


def test_nothing_is_promised_in_a_temporary_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow clones a git address anew for each run: the same command continues nothing."""
    kept = "the same command continues it"
    clone = tmp_path / "tmpab12_z9x" / "below"
    clone.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("CHECKPOINTS", raising=False)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(clone)
    assert promise("continues it") == kept
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    assert "so nothing continues it: name a lasting folder" in promise("continues it")
    monkeypatch.chdir(tmp_path)
    assert promise("continues it") == kept
    monkeypatch.chdir(clone)
    monkeypatch.setenv("CHECKPOINTS", "/lasting")
    assert promise("continues it") == kept
