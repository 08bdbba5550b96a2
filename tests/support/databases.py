"""MLflow's tracking server on 127.0.0.1, on SQLite or on a PostgreSQL of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from tests.support.mlflow_ui import serve
from tests.support.programs import program

DATABASES = ("sqlite", "postgresql")

UNPRIVILEGED = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to be run by root; Debian's package makes this account for it."""


@contextmanager
def served(folder: Path, database: str) -> Iterator[str]:
    """Run a tracking server on a fresh SQLite or PostgreSQL; yield its address."""
    if database == "sqlite":
        with serve(f"sqlite:///{folder}/served.db", folder) as address:
            yield address
    else:
        with postgresql() as store, serve(store, folder) as address:
            yield address


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL cluster that only its own socket reaches; yield the URI of its database.

    The socket is in a folder that no other account can enter, so it asks for no password.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # pytest's own folders are root's alone
    if UNPRIVILEGED:
        shutil.chown(folder, UNPRIVILEGED)
    data = str(folder / "data")
    options = f"-k {folder} -c listen_addresses="
    try:
        _run(folder, "initdb", "-D", data, "--username=mlflow", "--auth=trust", "--no-sync")
        _run(folder, "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg2://mlflow@/postgres?host={folder}"
        finally:
            _run(folder, "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, name: str, *arguments: str) -> None:
    command = [program(name, *glob("/usr/lib/postgresql/*/bin")), *arguments]
    # Not to a pipe: the server keeps what it inherits open.
    subprocess.run(command, cwd=folder, user=UNPRIVILEGED, check=True, stdout=subprocess.DEVNULL)


def reachable_from_elsewhere(address: str) -> bool:
    """Whether the server at `address` takes connections at another address of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.2", int(address.rsplit(":", 1)[1]))) == 0
