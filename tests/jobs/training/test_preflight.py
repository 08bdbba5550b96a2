"""What is checked of a cluster, each fault by itself; the whole is in tests/faults/test_cluster."""

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from aemodel.data import Dataset
from jobs.tracking import Store
from jobs.training import preflight
from jobs.training.preflight import (
    ClusterError,
    Code,
    Request,
    inspect,
    locate,
    problems,
    require_shared,
    summarized,
)
from tests.support.datasets import write_idx
from tests.support.project import ROOT
from tests.support.stores import NewStore, work_in

CODE = Code(commit="a" * 40, sources="abc", versions={"python": "3.11.7", "tensorflow": "2.21.0"})
FIT: dict[str, Any] = {
    "code": asdict(CODE),
    "threads": 1,
    "resource": 1,
    "digest": "d1",
    "error": "",
    "clock": 1000.0,
}


def test_a_worker_that_is_fit() -> None:
    assert problems(CODE, "d1", FIT, now=1010.0) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": asdict(replace(CODE, commit="b" * 40))}, "commit bbbbbbbbbb, this one at aaaa"),
        ({"code": asdict(replace(CODE, commit=""))}, "at commit none, this one at aaaaaaaaaa"),
        ({"code": asdict(replace(CODE, sources="x"))}, "other code than this one"),
        (
            {"code": asdict(replace(CODE, versions={"python": "3.12.1", "tensorflow": "2.21.0"}))},
            "it has python 3.12.1, this machine 3.11.7",
        ),
        (
            {"code": asdict(replace(CODE, versions={"python": "3.11.7"}))},
            "it has tensorflow missing, this machine 2.21.0",
        ),
        ({"threads": 4}, "--nthreads 1 --resources training=1"),
        ({"resource": 2}, "--nthreads 1 --resources training=1"),
        ({"digest": "d2"}, "the digest d2, this machine's d1"),
        ({"error": "no server"}, "no server"),
        ({"clock": 1020.0}, r"\+20 s off"),
    ],
)
def test_a_worker_that_is_not(change: dict[str, Any], said: str) -> None:
    (found,) = problems(CODE, "d1", FIT | change, now=1000.0)
    assert re.search(said, found)


def test_workers_with_the_same_problem_are_named_together() -> None:
    text = summarized({"one": ["no data"], "two": ["no data", "no server"], "three": []})
    assert text == "worker one, two: no data\nworker two: no server"


def test_data_is_looked_for_in_the_copy_of_the_project_first(tmp_path: Path) -> None:
    assert locate("/elsewhere/mnist", "data/mnist") == str(ROOT / "data" / "mnist")
    assert locate("/elsewhere/mnist", "data/missing") == "/elsewhere/mnist"
    assert locate("/elsewhere/mnist", "") == "/elsewhere/mnist"


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    return Store.open()


def test_a_machine_says_how_things_are(
    store: Store, tmp_path: Path, few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path / "mnist", few)
    request = Request.of(store, tmp_path / "mnist", None, "cpu")
    facts = inspect(request) | {"threads": 1, "resource": 1}
    assert problems(Code.here(), facts["digest"], facts, facts["clock"]) == []
    assert facts["processor"]
    assert list(tmp_path.rglob("probe-*")) == []
    elsewhere = replace(request, states="/states", probe=str(tmp_path / "of another machine"))
    assert "/states is not the same there" in inspect(elsewhere)["error"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert "there is no GPU to use" in inspect(replace(request, device="gpu"))["error"]
    missing = inspect(replace(request, data=str(tmp_path / "missing")))
    assert "missing" in missing["error"]


def test_a_store_on_disk_is_of_one_machine(store: Store) -> None:
    with pytest.raises(ClusterError, match=r"a file of this machine.*--serve-artifacts"):
        require_shared(store)


def test_a_folder_of_artifacts_is_of_one_machine(store: Store) -> None:
    """As a server has it that was started with --default-artifact-root ./mlruns."""
    remote = replace(store, tracking_uri="http://host:5000")
    with pytest.raises(ClusterError, match=r"a folder of one machine.*--experiment-name"):
        require_shared(remote)


def test_the_code_that_is_compared_is_that_of_the_project() -> None:
    assert Code.here() == Code.here()
    assert {"python", "tensorflow", "distributed"} <= Code.here().versions.keys()
    assert preflight.PROJECT == ROOT
