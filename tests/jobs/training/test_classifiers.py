"""The classifier of a data set: made once, kept, and never in the way."""

from pathlib import Path

import pytest

from aemodel import classifier
from aemodel.classifier import Classifier
from aemodel.data import Dataset
from jobs.training.classifiers import FOLDER, classifier_of


def refuse(data: Dataset) -> Classifier:
    raise AssertionError("it was trained again")


def same(a: Classifier, b: Classifier) -> bool:
    pairs = zip(a.weights, b.weights, strict=True)
    return all(x.tobytes() == y.tobytes() for x, y in pairs) and (
        (a.accuracy, a.pixels_accuracy) == (b.accuracy, b.pixels_accuracy)
    )


def test_it_is_trained_once(
    small_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = classifier_of(small_dataset, tmp_path)
    monkeypatch.setattr(classifier, "train", refuse)
    assert same(classifier_of(small_dataset, tmp_path), first)


def test_another_data_set_has_its_own(small_dataset: Dataset, tmp_path: Path) -> None:
    data = small_dataset
    mirrored = Dataset(data.x_train[:, ::-1], data.y_train, data.x_test[:, ::-1], data.y_test)
    assert not same(classifier_of(data, tmp_path), classifier_of(mirrored, tmp_path))
    assert len(list((tmp_path / FOLDER).glob("*.npz"))) == 2


@pytest.mark.parametrize("content", [b"", b"not a file of arrays", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_replaced(
    small_dataset: Dataset, small_classifier: Classifier, tmp_path: Path, content: bytes
) -> None:
    classifier_of(small_dataset, tmp_path)
    (path,) = (tmp_path / FOLDER).glob("*.npz")
    path.write_bytes(content)
    assert same(classifier_of(small_dataset, tmp_path), small_classifier)
    assert path.read_bytes() != content


def test_a_folder_that_cannot_be_made_is_done_without(
    small_dataset: Dataset, small_classifier: Classifier, tmp_path: Path
) -> None:
    (tmp_path / FOLDER).write_text("a file")
    assert same(classifier_of(small_dataset, tmp_path), small_classifier)
