"""The file of a SQLite store: killed while it is made, and files that are no store."""

import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import mlflow
import pytest

from jobs.tracking import Store, StoreError
from jobs.tracking.sqlite import canonical_uri, check_launched
from tests.support.stores import work_in
from tests.support.workspace import Workspace

KILLED_AMID_THE_TABLES = """
import os, signal
from mlflow.store.db import utils
utils._upgrade_db = lambda engine: os.kill(os.getpid(), signal.SIGKILL)
from jobs.tracking import Store
Store.open()
"""

LEFTOVER = "CREATE TABLE _alembic_tmp_trace_tags (key);"
"""What a process leaves that is killed while MLflow renames a table."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store is to be made, that of the environment."""
    folder = tmp_path / "with blanks, é & 100%"
    folder.mkdir()
    uri = f"sqlite:///{quote(str(folder / 'mlflow.db'))}"
    work_in(folder, uri, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return folder / "mlflow.db"


def test_a_kill_while_the_store_is_made_spoils_nothing(file: Path) -> None:
    killed = Workspace(file.parent).run(sys.executable, "-c", KILLED_AMID_THE_TABLES)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not file.exists()
    (unfinished,) = file.parent.glob("*.unfinished")
    assert unfinished.stat().st_size > 0
    assert list(Store.open().runs("training")) == []
    assert sorted(path.name for path in file.parent.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (LEFTOVER, "_alembic_tmp_trace_tags already exists.*no runs.*remove it"),
        (f"CREATE TABLE runs (name); {LEFTOVER}", "no runs.*remove it"),
        (f"CREATE TABLE runs (name); INSERT INTO runs VALUES (1); {LEFTOVER}", "copy of it back"),
    ],
)
def test_half_a_store(file: Path, script: str, said: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript(script)
    with pytest.raises(StoreError, match=f"mlflow.db is not a complete MLflow store.*{said}"):
        Store.open()


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("sqlite:///a.db", "sqlite:///{here}/a.db"),
        ("sqlite:////tmp/../tmp/a.db", "sqlite:////tmp/a.db"),
        ("sqlite:////no%20such/a.db", "sqlite:////no such/a.db"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_addresses_of_one_store_are_one(
    address: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert canonical_uri(address) == meant.format(here=tmp_path.resolve())
    assert canonical_uri(canonical_uri(address)) == canonical_uri(address)


def test_a_relative_address_is_absolute_under_mlflow_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mlflow run DIR` works in DIR, where the store it was given relatively is another one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(StoreError, match=f"is {tmp_path}/mlflow.db here, where there is no store"):
        check_launched("sqlite:///mlflow.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mlflow.db").touch()
    check_launched("sqlite:///mlflow.db")


def test_nothing_is_made_by_reading(file: Path) -> None:
    with pytest.raises(StoreError, match=r"no tracking store .*mlflow\.db: train something first"):
        Store.open(create=False)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["sqlite:///", "sqlite:////tmp/", "sqlite:///:memory:", "foo://x", "mysql://u@h/d"]
)
def test_what_is_no_store(address: str, file: Path) -> None:
    mlflow.set_tracking_uri(address)
    with pytest.raises(StoreError, match="for example sqlite:///"):
        Store.open()


def test_a_file_that_is_no_database(file: Path) -> None:
    file.write_text("setting,seed\n" * 100)
    with pytest.raises(StoreError, match=r"not a database\): put a copy of it back"):
        Store.open()
    assert file.read_text().startswith("setting")
