"""The file of a SQLite store: made by one process, and whole or not at all.

MLflow makes the tables without a lock and in several transactions. Of several processes that find
none, all but one fail; and one that is killed leaves a file that no later process can open.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock

from jobs.tracking.client import connect, innermost, is_damage, translated_errors
from jobs.tracking.outage import StoreError

SCHEME = "sqlite:///"


def canonical_uri(tracking_uri: str) -> str:
    """Return the canonical form of a store's address.

    Raises:
        StoreError: it is the address of an SQLite store, but not of a file; or it is relative, and
            names a file that is not there although `mlflow run` has made a run in it.
    """
    if not tracking_uri.startswith(SCHEME):
        return tracking_uri.rstrip("/")
    path = _path(tracking_uri)
    if path.is_dir() or path.name in ("", ":memory:"):
        raise StoreError(
            f"the tracking store {tracking_uri} is not a file: give for example {SCHEME}mlflow.db"
        )
    if os.environ.get("MLFLOW_RUN_ID") and not path.is_absolute() and not path.exists():
        raise StoreError(
            f"the tracking store {tracking_uri} is {path.resolve()} here, where there is no store: "
            "`mlflow run` works in the project's folder, so give it an absolute address, such as "
            f"MLFLOW_TRACKING_URI={SCHEME}$PWD/{path.name}"
        )
    return _address(path.resolve())


@contextmanager
def created_once(tracking_uri: str) -> Iterator[None]:
    """Create the file of a SQLite store if it is missing; keep other processes out meanwhile.

    Raises:
        StoreError: the file exists, but it is not a store, or only half of one.
        StoreUnavailable: it cannot be written for now.
    """
    if not tracking_uri.startswith(SCHEME):
        yield
        return
    path = _path(tracking_uri)
    with _locked(path):
        if not path.exists():
            _create(path)
        try:
            with translated_errors(_address(path)), closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA schema_version")  # MLflow would try for minutes
            yield
        except Exception as error:
            if not is_damage(cause := innermost(error)):
                raise
            raise StoreError(
                f"{path} is not a complete MLflow store ({cause}): {_remedy(path)}"
            ) from error


@contextmanager
def existing(tracking_uri: str) -> Iterator[None]:
    """Like `created_once`, but refuse a file that is missing.

    Raises:
        StoreError: it is missing.
    """
    if tracking_uri.startswith(SCHEME) and not _path(tracking_uri).exists():
        raise StoreError(f"there is no tracking store {_path(tracking_uri)}: train something first")
    with created_once(tracking_uri):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes that open this store out."""
    lock = FileLock(_beside(path, ".lock"))
    with translated_errors(_address(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _path(tracking_uri: str) -> Path:
    return Path(unquote(tracking_uri.removeprefix(SCHEME).partition("?")[0]))


def _address(path: Path) -> str:
    """Return the address of a file, with nothing quoted that need not be.

    MLflow makes the folder that the quoted text names.
    """
    return SCHEME + str(path).replace("%", "%25").replace("?", "%3F")


def _create(path: Path) -> None:
    """Create the store under another name, and give it its own when it is complete."""
    unfinished = _beside(path, ".unfinished")
    for leftover in (unfinished, _beside(unfinished, "-journal")):
        leftover.unlink(missing_ok=True)
    connect(_address(unfinished)).search_experiments(max_results=1)
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
