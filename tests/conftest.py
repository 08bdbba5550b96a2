"""What tests of several modules share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from aemodel import baseline
from aemodel.baseline import Baseline
from aemodel.data import Dataset, load_dataset
from jobs.environment import prepare_environment
from tests.support.datasets import first_images
from tests.support.once import made_once
from tests.support.project import DATA, ROOT
from tests.support.stores import NewStore, copy_store, make_store

LONGEST = (
    "tests/aemodel/test_training.py",
    "tests/faults/test_outages.py",
    "tests/end_to_end/test_train.py",
    "tests/faults/test_cluster.py",
    "tests/end_to_end/test_report.py",
    "tests/faults/test_machine.py",
    "tests/faults/test_many.py",
    "tests/aemodel/test_device.py",
    "tests/faults/test_security.py",
    "tests/faults/test_refusals.py",
    "tests/end_to_end/test_mlflow_run.py",
    "tests/end_to_end/test_study.py",
    "tests/jobs/training/test_worker.py",
    "tests/jobs/report/test_collect.py",
)
"""Modules that take twenty seconds or more, in the order in which they are begun.

Each process takes a whole module, and the next one in this order when it is done.
"""

DEVICE = os.environ.get("TEST_DEVICE", "cpu")
"""Where the tests of the engine compute: `make test DEVICE=gpu` has them on a GPU."""

prepare_environment()

settings.register_profile("untimed", deadline=None)  # a busy machine fails no property
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules, so that none is left for the end."""
    rank = {ROOT / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(LONGEST)))


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """The real MNIST, in the order of the files."""
    return load_dataset(DATA)


@pytest.fixture(scope="session")
def small_dataset(dataset: Dataset) -> Dataset:
    """The first 2,000 training and 500 test images of MNIST."""
    return first_images(dataset, 2000, 500)


@pytest.fixture(scope="session")
def few(dataset: Dataset) -> Dataset:
    """The first 60 training and 80 test images; all ten digits are among each."""
    return first_images(dataset, 60, 80)


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow on one thread in this process, or on the GPU; it can be told only once."""
    from aemodel.device import use_threads

    use_threads(1, DEVICE)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of the session share."""
    folder: Path = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def new_store(session_folder: Path) -> NewStore:
    """Return a function that puts an empty store into a folder."""
    template = made_once(session_folder / "store", make_store)
    return lambda folder: copy_store(template, folder)


@pytest.fixture(scope="session")
def small_baseline(small_dataset: Dataset) -> Baseline:
    """The baseline of `small_dataset`."""
    return baseline.measure(small_dataset)
