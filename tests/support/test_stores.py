"""The store that the tests copy is made once, and a copy is like a new one."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.support.once import made_once
from tests.support.stores import NewStore


def test_a_folder_is_filled_once(tmp_path: Path) -> None:
    made: list[Path] = []
    for _ in range(2):
        assert made_once(tmp_path / "it", made.append) == tmp_path / "it"
    assert made == [tmp_path / "it"]


def test_what_could_not_be_made_is_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("of the test")

    with pytest.raises(ValueError, match="of the test"):
        made_once(tmp_path / "it", fail)
    folder = made_once(tmp_path / "it", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_a_copied_store_is_like_a_new_one(
    new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = MlflowClient(new_store(tmp_path))
    (default,) = client.search_experiments()
    assert default.artifact_location == str(tmp_path / "mlruns" / "0")
    made = client.get_experiment(client.create_experiment("mine"))
    assert made.artifact_location == str(tmp_path / "mlruns" / "1")
