"""The loader on the real data, on every form it accepts, and on bad files of every kind."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel import dataforms
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


def test_files_in_folders_of_their_names(few: Dataset, tmp_path: Path) -> None:
    write_idx(tmp_path, few)
    for stem in IDX_STEMS:
        content = (tmp_path / stem).read_bytes()
        (tmp_path / stem).unlink()
        (tmp_path / stem).mkdir()
        (tmp_path / stem / stem.replace("-idx", ".idx")).write_bytes(content)
    assert_equal(load_dataset(tmp_path), few)


@pytest.mark.parametrize("place", ["MNIST", "MNIST/raw", "a/b/c"])
@pytest.mark.parametrize("write", [write_idx, write_csv])
def test_files_further_down(
    few: Dataset, tmp_path: Path, place: str, write: Callable[[Path, Dataset], Path]
) -> None:
    (tmp_path / place).mkdir(parents=True)
    write(tmp_path / place, few)
    loaded = load_dataset(tmp_path)
    assert_equal(loaded, few)
    assert loaded.name == tmp_path.name


def test_several_data_sets_further_down_are_named(few: Dataset, tmp_path: Path) -> None:
    for name in ("FashionMNIST", "KMNIST"):
        (tmp_path / name / "raw").mkdir(parents=True)
        write_idx(tmp_path / name / "raw", few)
    assert_refused(tmp_path, "several", f"{tmp_path}/FashionMNIST/raw, {tmp_path}/KMNIST/raw")


def test_data_too_far_down_hidden_or_behind_a_link_are_not_searched(
    few: Dataset, tmp_path: Path
) -> None:
    for name in ("a/b/c/d", ".hidden"):
        (tmp_path / "given" / name).mkdir(parents=True)
        write_idx(tmp_path / "given" / name, few)
    (tmp_path / "given" / "up").symlink_to(tmp_path)
    assert_refused(tmp_path / "given", "holds no MNIST files, only .hidden, a, up")


# --- Dataset ---------------------------------------------------------------------------------


def test_the_project_s_data_is_mnist(dataset: Dataset) -> None:
    assert dataset.is_mnist
    assert dataset.name == "MNIST"
    assert dataset.classes == tuple("0123456789")
    assert Dataset(dataset.x_test, dataset.y_test, dataset.x_test, dataset.y_test).name != "MNIST"


def test_other_data_has_the_name_of_its_folder(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", few)
    monkeypatch.chdir(tmp_path / "mnist")
    for folder in (Path(), Path("../mnist"), tmp_path / "mnist"):
        loaded = load_dataset(folder)
        assert loaded.name == "mnist"
        assert not loaded.is_mnist
        assert loaded.shuffled(1).name == "mnist"


NAMES = ("T-shirt/top", "Trouser", "Pullover", "Kleid", "Mantel", "い", "Ø", "a b", "8", "9")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_classes_have_names(few: Dataset, tmp_path: Path, encoding: str) -> None:
    path = write_idx(tmp_path, few) / "classes.txt"
    path.write_text("\r\n".join(NAMES).replace("a b", " a  b ") + "\n\n", encoding)
    loaded = load_dataset(tmp_path)
    assert loaded.classes == NAMES
    assert loaded.shuffled(1).classes == NAMES


@pytest.mark.parametrize(
    "content",
    [
        b"",
        "\n".join(NAMES[:9]).encode(),
        "\n".join([*NAMES, "10"]).encode(),
        "\n".join([*NAMES[:9], NAMES[0]]).encode(),
        "\n".join([*NAMES[:9], "x" * 41]).encode(),
        "\n".join([*NAMES[:9], "\x1b[31m"]).encode(),
        "\n".join(NAMES[:6]).encode() + "\nKäse\n7\n8\n9".encode("latin-1"),
    ],
    ids=["empty", "nine", "eleven", "twice", "long", "control", "latin-1"],
)
def test_names_of_classes_that_cannot_be_used(few: Dataset, tmp_path: Path, content: bytes) -> None:
    (write_idx(tmp_path, few) / "classes.txt").write_bytes(content)
    assert_refused(tmp_path, str(tmp_path / "classes.txt"), "ten different names in UTF-8")


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
    assert_refused(tmp_path / "none", str(tmp_path / "none"), "No such file", "Give a folder with")


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


def test_other_things_of_a_file_s_name_are_passed_over(few: Dataset, tmp_path: Path) -> None:
    write_idx(tmp_path, few)
    for stem in IDX_STEMS:
        (tmp_path / stem).rename(tmp_path / stem.replace("-idx", ".idx"))
        (tmp_path / stem).mkdir()
    os.mkfifo(tmp_path / f"{IMAGES}.gz")
    assert_equal(load_dataset(tmp_path), few)


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


@pytest.mark.parametrize(
    "line",
    [
        "{sum}  ./{name}",
        "{sum} *{name}",
        "{sum}\t{name}",
        "{sum}  data/mnist/{name}",
        "{sum}  .\\{name}",
        "{SUM}  {name}",
        "SHA256 ({name}) = {sum}",
        "# made by hand\r\n\r\n{sum}  {name}\r",
        "\ufeff{sum}  {name}",
    ],
)
def test_checksums_are_compared_however_they_are_written(
    few: Dataset, tmp_path: Path, line: str
) -> None:
    content = (write_idx(tmp_path, few) / LABELS).read_bytes()
    good = hashlib.sha256(content).hexdigest()
    for digest in (good, "0" * 64):
        text = line.format(sum=digest, SUM=digest.upper(), name=LABELS)
        (tmp_path / "SHA256SUMS").write_text(text + "\n", encoding="utf-8")
        if digest == good:
            assert_equal(load_dataset(tmp_path), few)
        else:
            assert_refused(tmp_path, str(tmp_path / LABELS), "differs from its checksum", good)


def test_checksums_beside_files_further_down(few: Dataset, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (write_idx(tmp_path / "raw", few) / "SHA256SUMS").write_text(f"{'0' * 64}  ./{LABELS}\n")
    assert_refused(tmp_path, str(tmp_path / "raw" / LABELS), "differs from its checksum")


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


# --- Files that are something else -----------------------------------------------------------

OTHERS = {
    "a web page": (b"\n <!DOCTYPE html><title>404</title>", "is a web page"),
    "an answer of a storage service": (b"<?xml version='1.0'?><Error/>", "is an XML document"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    "a zip archive": (b"PK\x03\x04" + bytes(600), "is a zip archive"),
    "a tar archive": (bytes(257) + b"ustar\x0000" + bytes(300), "is a tar archive"),
    "xz": (b"\xfd7zXZ\0" + bytes(50), "is packed with xz"),
    "a NumPy array": (b"\x93NUMPY\x01\0" + bytes(200), "is a NumPy array"),
    "UTF-16": ("5,0".encode("utf-16"), "is text in UTF-16"),
    "nothing": (b"", "is empty"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", [f"{IMAGES}.gz", LABELS, "mnist_test.csv"])
def test_what_is_not_data_is_called_what_it_is(
    few: Dataset, tmp_path: Path, name: str, kind: str, packed: bool
) -> None:
    (write_csv if name.endswith("csv") else write_idx)(tmp_path, few)
    content, words = OTHERS[kind]
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    assert_refused(tmp_path, str(tmp_path / name), words)


@pytest.mark.parametrize("name", [IMAGES, "mnist_train.csv"])
def test_packed_twice(few: Dataset, tmp_path: Path, name: str) -> None:
    path = (write_csv if name.endswith("csv") else write_idx)(tmp_path, few) / name
    path.write_bytes(gzip.compress(gzip.compress(path.read_bytes())))
    assert_refused(tmp_path, str(path), "is packed twice")


def test_text_for_images(few: Dataset, tmp_path: Path) -> None:
    path = write_idx(tmp_path, few) / IMAGES
    path.write_text("404: Not Found")
    assert_refused(tmp_path, str(path), "is text that begins '404: Not Found'")


def test_messages_name_the_absolute_path(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (write_idx(tmp_path / "data", few) / LABELS).unlink()
    monkeypatch.chdir(tmp_path)
    assert_refused(Path("data"), f"{tmp_path}/data lacks {LABELS}")
    assert_refused(Path("nowhere"), f"{tmp_path}/nowhere is not a readable folder")


REFUSE = """
import os, sys
from pathlib import Path
from aemodel.data import DataError, load_dataset
before = os.listdir("/proc/self/task")
try:
    load_dataset(Path(sys.argv[1]))
except DataError:
    sys.exit(1 if os.listdir("/proc/self/task") == before else "a thread is left")
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are listed by Linux")
@pytest.mark.parametrize("packed", [False, True])
def test_a_refusal_leaves_no_thread_that_aborts_the_process(
    dataset: Dataset, tmp_path: Path, packed: bool
) -> None:
    """A thread that still reads a file for the loader when the process ends aborts it: 134."""
    path = write_csv(tmp_path, first_images(dataset, 4_000, 1_000)) / "mnist_train.csv"
    text = "x" + path.read_text()
    path.write_bytes(gzip.compress(text.encode(), 1) if packed else text.encode())
    command = [sys.executable, "-c", REFUSE, str(tmp_path)]
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, "")


# --- Bad IDX ---------------------------------------------------------------------------------


def header(*values: int) -> bytes:
    return np.array(values, ">u4").tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda good: b"", ["is empty"]),
        (lambda good: good[:10], ["ends at byte 10", "header"]),
        (
            lambda good: header(2049) + good[4:],
            ["magic number at byte 0 is 2049, not 2051: it holds labels"],
        ),
        (lambda good: b"\xff" + good, ["magic number"]),
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
    monkeypatch.setattr(dataforms, "_CHUNK", chunk)
    path = write_idx(tmp_path, few) / IMAGES
    path.write_bytes(change(path.read_bytes()))
    assert_refused(tmp_path, str(path), *words)


@pytest.mark.parametrize("content", [b"", header(2051, 60, 28, 28), b"\x1f\x8b" + bytes(50)])
def test_messages_say_what_to_give_instead(few: Dataset, tmp_path: Path, content: bytes) -> None:
    (write_idx(tmp_path, few) / IMAGES).write_bytes(content)
    assert_refused(tmp_path, "Give a folder with the four MNIST files", IMAGES)


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
def test_a_class_is_absent(few: Dataset, tmp_path: Path, stem: str) -> None:
    path = write_idx(tmp_path, few) / stem
    path.write_bytes(path.read_bytes()[:8] + path.read_bytes()[8:].replace(b"\x03", b"\x08"))
    assert_refused(tmp_path, stem, "no image of class 3", "all ten classes")


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
    assert_refused(
        tmp_path, str(path), f"row 17, column 5 is '{value}'", "whole number from 0 to 255"
    )


HEADERS = {
    "label and pixels by rows and columns": [
        "label",
        *(f"{i // 28 + 1}x{i % 28 + 1}" for i in range(784)),
    ],
    "quoted": ['"label"', *(f'"pixel{i}"' for i in range(784))],
    "upper case and numbers": ["Label", *map(str, range(784))],
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_begins_with_label_is_skipped(
    few: Dataset, tmp_path: Path, kind: str
) -> None:
    for path in write_csv(tmp_path, few).iterdir():
        path.write_text("\ufeff" + ",".join(HEADERS[kind]) + "\r\n" + path.read_text())
    assert_equal(load_dataset(tmp_path), few)


@pytest.mark.parametrize("first", ["1x0", "class", "", "Unnamed: 0", "0"])
def test_another_header_is_refused_as_one(few: Dataset, tmp_path: Path, first: str) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    others = "{}" if first == "0" else "pixel{}"
    header = [first, *(others.format(number) for number in range(1, 785))]
    path.write_text(",".join(header) + "\n" + path.read_text())
    assert_refused(tmp_path, str(path), f"first column of the header is not 'label', but {first!r}")


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
        (lambda text: text + "label" + ",x" * 784, ["row 61, column 1 is 'label'"]),
        (lambda text: text.replace("\n", ",0\n", 1), ["row 1 has 786 values", "785"]),
        (lambda text: "\n".join(line[2:] for line in text.splitlines()), ["row 1 has 784 values"]),
        (lambda text: text + "5,1,2\n", ["row 61 has 3 values"]),
        (lambda text: text.replace(",", ";"), ["row 1 has 1 values"]),
        (lambda text: replace_value(9, 1, "10")(text), ["label of image 9 is 10"]),
        (lambda text: "", ["is empty"]),
        (lambda text: "\n\n\n", ["no rows"]),
        (lambda text: "1" * 3_000_000, ["has more than 16384 bytes", "785 values"]),
        (lambda text: "1," * 4_000, ["row 1 has 4001 values", "785"]),
        (lambda text: text + "1," * 3_000_000, ["has more than 16384 bytes", "785 values"]),
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
    few: Dataset, tmp_path: Path, character: bytes
) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_bytes(gzip.compress(character * (1 << 24), 1) * 500)  # unpacks to 8 GB
    start = time.process_time()  # of this process, however busy the machine is
    assert_refused(tmp_path, str(path), "more than 1")
    assert time.process_time() - start < 5


def test_truncated_gzip_csv(few: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path, few) / "mnist_train.csv"
    path.write_bytes(gzip.compress(path.read_bytes())[:-30])
    assert_refused(tmp_path, str(path), "truncated")


def test_csv_with_too_many_rows(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataforms, "MAX_IMAGES", 58)
    write_csv(tmp_path, few)
    assert_refused(tmp_path, "mnist_train.csv", "more than 58 rows")
