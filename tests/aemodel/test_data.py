"""The loader on the real data, on every form it accepts, and on bad files of every kind."""

import gzip
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel import data
from aemodel.data import IDX_STEMS, DataError, Dataset, load_dataset
from tests.support.datasets import first_images, idx, write_csv, write_idx
from tests.support.project import DATA

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


def assert_equal(a: Dataset, b: Dataset) -> None:
    for name in ("x_train", "y_train", "x_test", "y_test"):
        found, wanted = getattr(a, name), getattr(b, name)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, wanted)
    assert a.digest == b.digest


def assert_refused(folder: Path, *words: str) -> None:
    """Loading fails with a message that has all the words."""
    with pytest.raises(DataError) as caught:
        load_dataset(folder)
    for word in words:
        assert word in str(caught.value)


# --- Good data -------------------------------------------------------------------------------


def test_real_mnist_has_the_published_counts(dataset: Dataset) -> None:
    assert dataset.x_train.shape == (60_000, 784)
    assert dataset.x_test.shape == (10_000, 784)
    assert dataset.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(dataset.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert dataset.x_train.mean() == pytest.approx(33.318, abs=0.001)


def test_readme_of_the_data_states_the_counts(dataset: Dataset) -> None:
    readme = (DATA / "README.md").read_text()
    for name, labels in (("training", dataset.y_train), ("test", dataset.y_test)):
        counts = " | ".join(f"{count:,}" for count in np.bincount(labels))
        assert f"| {name} | {counts} |" in readme


def test_whole_csv_equals_idx_and_loads_in_seconds(dataset: Dataset, tmp_path: Path) -> None:
    write_csv(tmp_path, dataset)
    start = time.process_time()
    loaded = load_dataset(tmp_path)
    assert time.process_time() - start < 15  # about 2
    assert_equal(loaded, dataset)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_idx_may_be_packed_and_dotted(
    few: Dataset, tmp_path: Path, packed: bool, dotted: bool
) -> None:
    write_idx(tmp_path, few)
    for path in list(tmp_path.iterdir()):
        content = path.read_bytes()
        name = path.name.replace("-idx", ".idx") if dotted else path.name
        path.unlink()
        path = tmp_path / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    assert_equal(load_dataset(tmp_path), few)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode() + b"\n\n",
        lambda text: text.rstrip().encode(),
        lambda text: gzip.compress(text.encode()),
    ],
    ids=["crlf", "byte order mark", "blank lines at the end", "no last newline", "gzip"],
)
def test_csv_variants(few: Dataset, tmp_path: Path, change: Callable[[str], bytes]) -> None:
    for path in list(write_csv(tmp_path, few).iterdir()):
        path.write_bytes(change(path.read_text()))
    assert_equal(load_dataset(tmp_path), few)


def test_complete_csv_is_read_beside_incomplete_idx(few: Dataset, tmp_path: Path) -> None:
    write_csv(tmp_path, few)
    (tmp_path / IMAGES).write_bytes(b"")
    assert_equal(load_dataset(tmp_path), few)


# --- Dataset ---------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**64))
def test_shuffling_keeps_pairs_and_digest(few: Dataset, seed: int) -> None:
    shuffled = few.shuffled(seed)
    assert_equal(shuffled, few.shuffled(seed))
    assert shuffled.digest == few.digest
    for before, after in (
        ((few.x_train, few.y_train), (shuffled.x_train, shuffled.y_train)),
        ((few.x_test, few.y_test), (shuffled.x_test, shuffled.y_test)),
    ):
        pairs = [sorted(map(bytes, np.column_stack(arrays))) for arrays in (before, after)]
        assert pairs[0] == pairs[1]


def test_seeds_give_different_orders(few: Dataset) -> None:
    orders = {few.shuffled(seed).x_train.tobytes() for seed in range(5)}
    assert len(orders) == 5
    assert few.x_train.tobytes() not in orders


def test_training_and_test_set_are_shuffled_independently(few: Dataset) -> None:
    same = Dataset(few.x_train, few.y_train, few.x_train, few.y_train).shuffled(0)
    assert same.x_train.tobytes() != same.x_test.tobytes()


def test_digest_sees_where_a_set_ends() -> None:
    one, two = ((np.zeros((n, 784), np.uint8), np.zeros(n, np.uint8)) for n in (1, 2))
    assert Dataset(*one, *two).digest != Dataset(*two, *one).digest


def test_digest_sees_every_array(few: Dataset) -> None:
    arrays = {name: getattr(few, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    digests = {few.digest}
    for name, array in arrays.items():
        changed = array.copy()
        changed.flat[7] ^= 1
        digests.add(Dataset(**{**arrays, name: changed}).digest)
    assert len(digests) == 5
    assert re.fullmatch("[0-9a-f]{16}", few.digest)


# --- Folders and files that cannot be read ---------------------------------------------------


def test_missing_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none", str(tmp_path / "none"), "No such file", "data/mnist")


def test_folder_that_is_a_file_or_fifo(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "fifo"):
        assert_refused(tmp_path / name, str(tmp_path / name), "not a readable folder")


def test_empty_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path, str(tmp_path), "no MNIST files", IMAGES, "mnist_train.csv")


@pytest.mark.parametrize("stem", IDX_STEMS)
def test_one_idx_file_missing(few: Dataset, tmp_path: Path, stem: str) -> None:
    (write_idx(tmp_path, few) / stem).unlink()
    assert_refused(tmp_path, f"lacks {stem}. ")


def test_one_csv_file_missing(few: Dataset, tmp_path: Path) -> None:
    (write_csv(tmp_path, few) / "mnist_test.csv").unlink()
    assert_refused(tmp_path, "lacks mnist_test.csv. ")


@pytest.mark.parametrize("kind", ["folder", "fifo", "loop", "dangling"])
@pytest.mark.parametrize("name", [IMAGES, "mnist_train.csv", "SHA256SUMS"])
def test_a_file_that_is_something_else(few: Dataset, tmp_path: Path, name: str, kind: str) -> None:
    path = (write_csv if name.endswith("csv") else write_idx)(tmp_path, few) / name
    path.unlink(missing_ok=True)
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "dangling":
            path.symlink_to("nowhere")
    assert_refused(tmp_path, str(path), "regular" if kind in ("folder", "fifo") else "read")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_unreadable_file(few: Dataset, tmp_path: Path) -> None:
    (write_idx(tmp_path, few) / IMAGES).chmod(0)
    assert_refused(tmp_path, IMAGES, "Permission denied")


# --- Checksums -------------------------------------------------------------------------------


def test_checksums_are_compared(few: Dataset, tmp_path: Path) -> None:
    content = (write_idx(tmp_path, few) / LABELS).read_bytes()
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(content).hexdigest()}  {LABELS}\n")
    assert_equal(load_dataset(tmp_path), few)
    (tmp_path / LABELS).write_bytes(content[:-1] + bytes([(content[-1] + 1) % 10]))
    assert_refused(tmp_path, LABELS, "SHA-256", "SHA256SUMS", "Restore")


def test_malformed_checksums(few: Dataset, tmp_path: Path) -> None:
    (write_idx(tmp_path, few) / "SHA256SUMS").write_text(f"{'0' * 64}  other\nabc {IMAGES}\n")
    assert_refused(tmp_path, "SHA256SUMS", "line 2", "abc")


def test_shipped_data_is_all_listed() -> None:
    listed = {line.split()[1] for line in (DATA / "SHA256SUMS").read_text().splitlines()}
    assert listed == {f"{stem}.gz" for stem in IDX_STEMS}


def test_damaged_copy_of_the_shipped_data(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"{IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[5_000_000] ^= 1
    path.write_bytes(content)
    assert_refused(tmp_path, path.name, "SHA-256")
    (tmp_path / "SHA256SUMS").unlink()
    assert_refused(tmp_path, path.name, "corrupt")


# --- Bad IDX ---------------------------------------------------------------------------------


def header(*values: int) -> bytes:
    return np.array(values, ">u4").tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda good: b"", ["ends at byte 0", "header"]),
        (lambda good: good[:10], ["ends at byte 10", "header"]),
        (lambda good: header(2049) + good[4:], ["magic number at byte 0 is 2049, not 2051"]),
        (lambda good: b"<html>" + good, ["magic number"]),
        (lambda good: header(2051, 60, 28, 27) + good[16:], ["(28, 27)", "(28, 28)"]),
        (lambda good: header(2051, 60, 784, 1) + good[16:], ["(784, 1)"]),
        (lambda good: header(2051, 0, 28, 28), ["0 items", "from 1"]),
        (
            lambda good: header(2051, 2**32 - 1, 28, 28) + good[16:],
            ["4294967295 items", "to 100000"],
        ),
        (
            lambda good: header(2051, 100_000, 28, 28) + good[16:],
            ["ends at byte 47056", "78400016"],
        ),
        (lambda good: good[:-1], ["ends at byte 47055", "truncated"]),
        (lambda good: good + b"\0", ["goes on after byte 47056"]),
        (lambda good: header(2051, 59, 28, 28) + good[16:-784], ["59 images but 60 labels"]),
        (lambda good: gzip.compress(good)[:-20], ["truncated"]),
        (lambda good: gzip.compress(good)[:-1], ["truncated"]),
        (lambda good: gzip.compress(good)[:-8] + b"\0" * 8, ["CRC"]),
        (lambda good: gzip.compress(good) + b"rest", ["gzip"]),
        (lambda good: gzip.compress(good)[:10] + b"\xff" * 50, ["corrupt", "invalid block type"]),
        (lambda good: b"\x1f\x8b\xff" + b"\0" * 50, ["corrupt", "compression method"]),
    ],
)
@pytest.mark.parametrize("chunk", [784, 1 << 20])  # a whole part of the content, and more than it
def test_bad_images(
    few: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
    words: list[str],
    chunk: int,
) -> None:
    monkeypatch.setattr(data, "_CHUNK", chunk)
    path = write_idx(tmp_path, few) / IMAGES
    path.write_bytes(change(path.read_bytes()))
    assert_refused(tmp_path, str(path), *words)


@pytest.mark.parametrize("content", [b"", header(2051, 60, 28, 28), b"\x1f\x8b" + bytes(50)])
def test_messages_say_what_to_give_instead(few: Dataset, tmp_path: Path, content: bytes) -> None:
    (write_idx(tmp_path, few) / IMAGES).write_bytes(content)
    assert_refused(tmp_path, "Give a folder with the four MNIST files", "data/mnist")


def test_gzip_bomb_is_read_no_further_than_declared(few: Dataset, tmp_path: Path) -> None:
    path = write_idx(tmp_path, few) / IMAGES
    zeros = gzip.compress(bytes(1 << 24), 1)
    path.write_bytes(gzip.compress(path.read_bytes()) + zeros * 500)  # unpacks to 8 GB
    start = time.process_time()
    assert_refused(tmp_path, str(path), "goes on after byte 47056")
    assert time.process_time() - start < 2


def test_label_above_nine(few: Dataset, tmp_path: Path) -> None:
    labels = few.y_train.copy()
    labels[[6, 8]] = 10, 255
    (write_idx(tmp_path, few) / LABELS).write_bytes(idx(labels))
    assert_refused(tmp_path, LABELS, "label of image 7 is 10", "0 to 9")


@pytest.mark.parametrize("stem", [LABELS, "t10k-labels-idx1-ubyte"])
def test_a_digit_is_absent(few: Dataset, tmp_path: Path, stem: str) -> None:
    path = write_idx(tmp_path, few) / stem
    path.write_bytes(path.read_bytes()[:8] + path.read_bytes()[8:].replace(b"\x03", b"\x08"))
    assert_refused(tmp_path, stem, "no image of digit 3", "all ten digits")


# --- Bad CSV ---------------------------------------------------------------------------------


def replace_value(row: int, column: int, value: str) -> Callable[[str], str]:
    """Return a change of the CSV text at a row and column counted from 1."""

    def change(text: str) -> str:
        rows = [line.split(",") for line in text.splitlines()]
        rows[row - 1][column - 1] = value
        return "\n".join(map(",".join, rows))

    return change


GOOD_VALUES = {"007": 7, " 7": 7, "255": 255, "0": 0}


@pytest.mark.parametrize("value", GOOD_VALUES)
def test_odd_but_plain_csv_value(few: Dataset, tmp_path: Path, value: str) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_text(replace_value(17, 5, value)(path.read_text()))
    assert load_dataset(tmp_path).x_train[16, 3] == GOOD_VALUES[value]


@pytest.mark.parametrize("value", ["0x1F", "0Xa"])
def test_hexadecimal_csv_value(few: Dataset, tmp_path: Path, value: str) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_text(replace_value(17, 5, value)(path.read_text()))
    assert_refused(tmp_path, str(path), f"one value is '{value}", "whole number from 0 to 255")


def test_header_with_columns_by_rows_is_called_a_header(few: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    names = [f"{row}x{column}" for row in range(28) for column in range(28)]
    path.write_text(",".join(["label", *names]) + "\n" + path.read_text())
    assert_refused(tmp_path, str(path), "row 1, column 1 is 'label'", "no header row")


BAD_VALUES = ("256", "-1", "1.0", "1e2", "abc", "", '"7"', "NaN", "1;2", "٣", "4" * 300)


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("column", [1, 2, 785])
def test_bad_csv_value(few: Dataset, tmp_path: Path, value: str, column: int) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_text(replace_value(17, column, value)(path.read_text()))
    assert_refused(tmp_path, str(path), f"row 17, column {column} is", "whole number from 0 to 255")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "label," + ",".join(map(str, range(784))) + "\n" + text, ["row 1", "header"]),
        (lambda text: text.replace("\n", ",0\n", 1), ["row 1 has 786 values", "785"]),
        (lambda text: "\n".join(line[2:] for line in text.splitlines()), ["row 1 has 784 values"]),
        (lambda text: text + "5,1,2\n", ["row 61 has 3 values"]),
        (lambda text: text.replace(",", ";"), ["row 1 has 1 values"]),
        (lambda text: replace_value(9, 1, "10")(text), ["label of image 9 is 10"]),
        (lambda text: "", ["Empty CSV"]),
        (lambda text: "\n\n\n", ["no rows"]),
        (lambda text: "1" * 3_000_000, ["a row of more than 1048576 bytes", "785 values"]),
        (lambda text: "1," * 400_000, ["row 1 has 400001 values", "785"]),
        (lambda text: text + "1," * 3_000_000, ["a row of more than 1048576 bytes", "785 values"]),
        (lambda text: "\0" * 5_000, ["row 1 has 1 values"]),
    ],
)
def test_bad_csv(
    few: Dataset, tmp_path: Path, change: Callable[[str], str], words: list[str]
) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_text(change(path.read_text()))
    assert_refused(tmp_path, str(path), *words)


def test_bad_value_far_down_is_named_by_its_row(dataset: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path, first_images(dataset, 3_000, 80)) / "mnist_train.csv"
    path.write_text(replace_value(2_999, 400, "x")(path.read_text()))
    assert_refused(tmp_path, str(path), "row 2999, column 400 is 'x'")


@pytest.mark.parametrize("character", [b"\n", b"\0", b"1"])
def test_csv_bomb_is_not_unpacked_to_its_end(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, character: bytes
) -> None:
    monkeypatch.setattr(data, "MAX_CSV_BYTES", 10_000_000)
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_bytes(gzip.compress(character * (1 << 24), 1) * 500)  # unpacks to 8 GB
    start = time.process_time()
    assert_refused(tmp_path, str(path), "more than 10")
    assert time.process_time() - start < 5


def test_truncated_gzip_csv(few: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_bytes(gzip.compress(path.read_bytes())[:-30])
    assert_refused(tmp_path, str(path), "truncated")


def test_csv_with_too_many_rows(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MAX_IMAGES", 59)
    write_csv(tmp_path, few)
    assert_refused(tmp_path, "mnist_train.csv", "more than 59 rows")
