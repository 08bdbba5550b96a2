"""The baseline of a data set: measured once, kept, and never in the way."""

from pathlib import Path

import pytest

from aemodel import baseline
from aemodel.baseline import Baseline
from aemodel.data import Dataset
from jobs.training.baselines import FOLDER, baseline_of


def refuse(data: Dataset, threads: int) -> Baseline:
    raise AssertionError("it was measured again")


def same(a: Baseline, b: Baseline) -> bool:
    pairs = zip(a.classifier.weights, b.classifier.weights, strict=True)
    others = [
        (one.classifier.accuracy, one.pixels_accuracy, one.real_nearest_mse, one.real)
        for one in (a, b)
    ]
    return all(x.tobytes() == y.tobytes() for x, y in pairs) and others[0] == others[1]


def test_it_is_measured_once(
    small_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = baseline_of(small_dataset, tmp_path)
    monkeypatch.setattr(baseline, "measure", refuse)
    assert same(baseline_of(small_dataset, tmp_path), first)


def test_it_is_the_same_on_two_threads(
    small_dataset: Dataset, small_baseline: Baseline, tmp_path: Path
) -> None:
    assert same(baseline_of(small_dataset, tmp_path, threads=2), small_baseline)


def test_another_data_set_has_its_own(small_dataset: Dataset, tmp_path: Path) -> None:
    data = small_dataset
    mirrored = Dataset(data.x_train[:, ::-1], data.y_train, data.x_test[:, ::-1], data.y_test)
    assert not same(baseline_of(data, tmp_path), baseline_of(mirrored, tmp_path))
    assert len(list((tmp_path / FOLDER).glob("*.npz"))) == 2


@pytest.mark.parametrize("content", [b"", b"not a file of arrays", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_replaced(
    small_dataset: Dataset, small_baseline: Baseline, tmp_path: Path, content: bytes
) -> None:
    baseline_of(small_dataset, tmp_path)
    (path,) = (tmp_path / FOLDER).glob("*.npz")
    path.write_bytes(content)
    assert same(baseline_of(small_dataset, tmp_path), small_baseline)
    assert path.read_bytes() != content


def test_a_folder_that_cannot_be_made_is_done_without(
    small_dataset: Dataset, small_baseline: Baseline, tmp_path: Path
) -> None:
    (tmp_path / FOLDER).write_text("a file")
    assert same(baseline_of(small_dataset, tmp_path), small_baseline)
