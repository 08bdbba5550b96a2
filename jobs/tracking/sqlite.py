"""The file of a SQLite store: made by one process, and whole or not at all.

MLflow makes the tables without a lock and in several transactions. Of several processes that find
none, all but one fail; and one that is killed leaves a file that no later process can open.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

from jobs.tracking.outage import StoreError, innermost, is_damage

SCHEME = "sqlite:///"


def spelled_out(tracking_uri: str) -> str:
    """Return the one address of a store that can be written in several ways.

    Raises:
        StoreError: it is that of an SQLite store, but of no file.
    """
    if not tracking_uri.startswith(SCHEME):
        return tracking_uri.rstrip("/")
    path = _path(tracking_uri)
    if path.is_dir() or path.name in ("", ":memory:"):
        raise StoreError(
            f"the tracking store {tracking_uri} is no file: give for example {SCHEME}mlflow.db"
        )
    return _address(path.resolve())


@contextmanager
def first_use(tracking_uri: str) -> Iterator[None]:
    """Make the file of a SQLite store where it is missing; keep other processes out meanwhile.

    Raises:
        StoreError: the file is there, but it is no store, or half of one.
    """
    if not tracking_uri.startswith(SCHEME):
        yield
        return
    path = _path(tracking_uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path, ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _make(path)
        try:
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA schema_version")  # MLflow would try for minutes
            yield
        except Exception as error:
            if not is_damage(cause := innermost(error)):
                raise
            found = f"{path} is no whole MLflow store ({cause})"
            raise StoreError(f"{found}: {_remedy(path)}") from error


def _path(tracking_uri: str) -> Path:
    return Path(unquote(tracking_uri.removeprefix(SCHEME).partition("?")[0]))


def _address(path: Path) -> str:
    """Return the address of a file, with nothing quoted that need not be.

    MLflow makes the folder that the quoted text names.
    """
    return SCHEME + str(path).replace("%", "%25").replace("?", "%3F")


def _make(path: Path) -> None:
    """Make the store under another name, and give it its own when it is complete."""
    from mlflow.tracking import MlflowClient

    unfinished = _beside(path, ".unfinished")
    for leftover in (unfinished, _beside(unfinished, "-journal")):
        leftover.unlink(missing_ok=True)
    MlflowClient(_address(unfinished)).search_experiments(max_results=1)
    if not path.exists():  # `mlflow run` knows of no lock
        unfinished.rename(path)


def _remedy(path: Path) -> str:
    if _is_without_runs(path):
        return "it holds no runs, as when a command is killed while making it; remove it and repeat"
    return "put a copy of it back that is whole, or move it away to begin with an empty one"


def _is_without_runs(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
            return ("runs",) not in tables or not database.execute("SELECT 1 FROM runs").fetchone()
    except sqlite3.Error:
        return False


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
