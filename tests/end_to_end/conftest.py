"""Working directories for commands; and two commands that several modules look at, run once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aemodel.data import Dataset
from tests.support.datasets import write_idx
from tests.support.once import made_once
from tests.support.stores import NewStore
from tests.support.workspace import Done, Ended, NewWorkspace, Workspace

RunOnce = Callable[[str, Callable[[Workspace], Done]], Ended]

LAUNCHED = {
    "setting": "1",
    "iterations": "200",
    "pairs": "3-8,0-1",
    "threads": "1",
    "author": "Ada $(touch x); 'Example'",
}
"""Parameters of one training by the default recipe."""


@pytest.fixture(scope="session")
def new_workspace(
    tmp_path_factory: pytest.TempPathFactory, small_dataset: Dataset, new_store: NewStore
) -> NewWorkspace:
    """Return a function that makes working directories, each with a slice of MNIST.

    There is an empty store in each, unless `store` is false.
    """

    def make(*, store: bool = True) -> Workspace:
        place = Workspace(tmp_path_factory.mktemp("work"))
        write_idx(place.folder / "mnist", small_dataset)
        if store:
            new_store(place.folder)
        return place

    return make


@pytest.fixture(scope="session")
def run_once(session_folder: Path, small_dataset: Dataset, new_store: NewStore) -> RunOnce:
    """Return a function that runs a command in a directory that all processes share.

    The modules may look at what it left, at the same time. It must succeed.
    """

    def run(name: str, command: Callable[[Workspace], Done]) -> Ended:
        def make(folder: Path) -> None:
            place = Workspace(folder / "work")
            write_idx(folder / "work" / "mnist", small_dataset)
            new_store(place.folder)
            done = command(place)
            assert done.returncode == 0, done.stderr
            (folder / "output").write_text(done.stdout)
            (folder / "errors").write_text(done.stderr)

        folder = made_once(session_folder / name, make)
        texts = ((folder / stream).read_text() for stream in ("output", "errors"))
        return Ended(Workspace(folder / "work"), *texts)

    return run


@pytest.fixture(scope="session")
def assignment(run_once: RunOnce) -> Ended:
    """All three settings by a short form of the assignment's recipe, and the report."""

    def train(place: Workspace) -> Done:
        (place.folder / "words.md").write_text("The *third* setting surprised me.\n")
        return place.jobs(
            "train", "--recipe", "assignment", "--iterations", "100", "--batch-size", "100",
            "--eval-every", "20", "--data", "mnist", "--workers", "1", "--threads", "1",
            "--author", "Ada Example", "--notes", "words.md",
        )  # fmt: skip

    return run_once("assignment", train)


@pytest.fixture(scope="session")
def launched(run_once: RunOnce) -> Ended:
    """One training, `LAUNCHED`, as `mlflow run` starts it."""

    def train(place: Workspace) -> Done:
        parameters = LAUNCHED | {"data": str(place.folder / "mnist")}
        return place.mlflow_run(*(w for n, v in parameters.items() for w in ("-P", f"{n}={v}")))

    return run_once("launched", train)
