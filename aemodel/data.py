"""MNIST from files to arrays: 28 x 28 grey images of handwritten digits, with their labels.

Two forms are read. *IDX* is the form MNIST is published in: four files, each a header of
big-endian 32-bit integers (a magic number, then the sizes of the dimensions) followed by unsigned
bytes. *CSV* is the form the assignment hands out: two files without header, each row a label and
then 784 pixels. Either may be gzipped. Nothing in a file is believed before it is checked: sizes in
headers are compared with the bytes that are there, and no more than `MAX_IMAGES` images are read.

References:
    Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*: the files,
    and the IDX format.
"""

import gzip
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aemodel.settings import PIXELS

DIGITS = 10
"""Number of classes: the digits 0 to 9."""

IMAGE_SHAPE = (28, 28)
"""Rows and columns of an image; rows are stored one after the other."""

MAX_PIXEL = np.float32(255)
"""Value of full ink; pixels divided by it are on the 0..1 scale, in single precision."""

MAX_IMAGES = 100_000
"""Most images read from one file: it bounds memory, whatever a file claims or unpacks to."""

MAX_CSV_BYTES = MAX_IMAGES * 4 * (1 + PIXELS)
"""Most text read from one CSV file: three digits and a separator for every value."""

IDX_STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CSV_STEMS = ("mnist_train.csv", "mnist_test.csv")

REMEDY = (
    "Give a folder with the four MNIST files in IDX form, gzipped or plain "
    f"({', '.join(IDX_STEMS)}), or with {' and '.join(CSV_STEMS)}; the project's own copy is "
    "data/mnist."
)

_VALUES = (
    "Every value must be a whole number from 0 to 255, decimal and without quotes; there is no "
    "header row."
)
_ROWS = (
    f"Every row must have {1 + PIXELS} values: the label, then {PIXELS} pixels, separated by "
    "commas."
)

_CHUNK = 1 << 20

Bytes = NDArray[np.uint8]


class DataError(Exception):
    """The data cannot be used; the message names the file, what was found and the remedy."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels."""

    x_train: Bytes
    """Pixels 0 (paper) to 255 (ink); shape (n, 784)."""
    y_train: Bytes
    """Digits 0 to 9; shape (n,)."""
    x_test: Bytes
    """As `x_train`; shape (m, 784)."""
    y_test: Bytes
    """As `y_train`; shape (m,)."""
    digest: str = ""
    """Identity of the data: the first 16 hexadecimal digits of a SHA-256 over sizes, pixels and
    labels, in the order of the files. The same images have the same digest from IDX and from CSV;
    `shuffled` keeps it. Computed when not given."""

    def __post_init__(self) -> None:
        if not self.digest:
            arrays = (self.x_train, self.y_train, self.x_test, self.y_test)
            object.__setattr__(self, "digest", _digest(arrays))

    def shuffled(self, seed: int) -> "Dataset":
        """Return the same data with training and test set each permuted once.

        The order is a function of `seed`, a whole number of at least 0, and the sets' sizes.
        """
        train_seed, test_seed = np.random.SeedSequence(seed).spawn(2)
        train = np.random.default_rng(train_seed).permutation(len(self.x_train))
        test = np.random.default_rng(test_seed).permutation(len(self.x_test))
        return Dataset(
            x_train=self.x_train[train],
            y_train=self.y_train[train],
            x_test=self.x_test[test],
            y_test=self.y_test[test],
            digest=self.digest,
        )


def load_dataset(folder: Path) -> Dataset:
    """Return the MNIST that is in `folder`, in the order of the files.

    Complete IDX files are preferred to CSV files. Every file that `SHA256SUMS` in the same folder
    lists is compared with it.

    Raises:
        DataError: a file is missing, cannot be read, differs from its checksum or is malformed;
            a label is above 9; a set is empty, larger than `MAX_IMAGES` or lacks a digit.
    """
    train, test = _find(folder)
    _verify_checksums(folder, (*train, *test))
    return Dataset(*_read_set(train), *_read_set(test))


def _digest(arrays: Sequence[Bytes]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()[:16]


# --- Which files -----------------------------------------------------------------------------


def _find(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the training set's files and the test set's: (images, labels) or (csv,) each."""
    try:
        names = set(os.listdir(folder))
    except OSError as error:
        raise DataError(f"{folder} is not a readable folder: {error.strerror}. {REMEDY}") from error
    lacking = []
    for stems in (IDX_STEMS, CSV_STEMS):
        found = {stem: name for stem in stems for name in _spellings(stem) if name in names}
        if len(found) == len(stems):
            paths = tuple(folder / found[stem] for stem in stems)
            return paths[: len(paths) // 2], paths[len(paths) // 2 :]
        if found:
            lacking += [stem for stem in stems if stem not in found]
    missing = f"lacks {', '.join(lacking)}" if lacking else "holds no MNIST files"
    raise DataError(f"{folder} {missing}. {REMEDY}")


def _spellings(stem: str) -> tuple[str, ...]:
    """Return the names a file may have, the preferred one last."""
    dotted = stem.replace("-idx", ".idx")
    return (f"{dotted}.gz", dotted, stem, f"{stem}.gz")


def _verify_checksums(folder: Path, files: Sequence[Path]) -> None:
    sums = folder / "SHA256SUMS"
    if not os.path.lexists(sums):
        return
    listed = _read_checksums(sums)
    for path in files:
        with _opened(path) as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != listed.get(path.name, found):
            raise DataError(
                f"{path} has SHA-256 {found} where SHA256SUMS lists {listed[path.name]}: the file "
                "is damaged or another one. Restore it, or remove its line from SHA256SUMS."
            )


def _read_checksums(sums: Path) -> dict[str, str]:
    """Return file name -> SHA-256 from lines as `sha256sum` writes them."""
    with _opened(sums) as stream:
        lines = stream.read(_CHUNK).decode(errors="replace").splitlines()
    listed = {}
    for number, line in enumerate(lines, start=1):
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match is None:
            raise DataError(
                f"{sums}: line {number} is {line[:100]!r}, not a SHA-256, two spaces and a file "
                "name. Restore the file, or remove it to load without the check."
            )
        listed[match[2]] = match[1]
    return listed


@contextmanager
def _opened(path: Path, unpack: bool = False) -> Iterator[io.BufferedIOBase]:
    """Open a regular file, gunzipped when `unpack` and its content is gzip.

    Whatever goes wrong on the way or while it is read becomes a `DataError` that names it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file. {REMEDY}")
        with open(path, "rb") as raw:
            packed = unpack and raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if packed else raw as stream:
                yield stream
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} cannot be read, it may be truncated or corrupt: {reason}. Fetch it again. "
            f"{REMEDY}"
        ) from error


# --- Reading one set -------------------------------------------------------------------------


def _read_set(files: tuple[Path, ...]) -> tuple[Bytes, Bytes]:
    """Return images (n, 784) and labels (n,) of one set, checked."""
    if len(files) == 1:
        images, labels = _read_csv(files[0])
    else:
        images = _read_idx(files[0], IMAGE_SHAPE).reshape(-1, PIXELS)
        labels = _read_idx(files[1], ())
    _check_set(images, labels, files)
    return images, labels


def _check_set(images: Bytes, labels: Bytes, files: tuple[Path, ...]) -> None:
    source = " and ".join(map(str, files))
    if len(images) != len(labels):
        raise DataError(
            f"{source} do not belong together: {len(images)} images but {len(labels)} labels. "
            "Give both files of one set."
        )
    if labels.max() >= DIGITS:
        item = int(np.argmax(labels >= DIGITS))
        raise DataError(
            f"{files[-1]}: the label of image {item + 1} is {labels[item]}, not a digit 0 to 9. "
            f"{REMEDY}"
        )
    absent = sorted(set(range(DIGITS)) - set(labels.tolist()))
    if absent:
        raise DataError(
            f"{source}: no image of digit {', '.join(map(str, absent))} among {len(labels)}. "
            "Every set needs all ten digits, for each has a mean latent code."
        )


def _read_idx(path: Path, item_shape: tuple[int, ...]) -> Bytes:
    """Return the items of an IDX file of unsigned bytes; shape (n, *item_shape)."""
    header_size = 4 * (2 + len(item_shape))
    item_size = int(np.prod(item_shape))
    with _opened(path, unpack=True) as stream:
        header = stream.read(header_size)
        count = _item_count(path, header, header_size, item_shape)
        body = _read_at_most(stream, count * item_size)
    expected = header_size + count * item_size
    found = header_size + len(body)
    if found != expected:
        what = f"ends at byte {found}" if found < expected else f"goes on after byte {expected}"
        raise DataError(
            f"{path} {what}, but its header declares {count} items, {expected} bytes in all: it "
            f"is truncated or has been changed. Fetch it again. {REMEDY}"
        )
    return np.frombuffer(body, np.uint8).reshape(count, *item_shape)


def _item_count(path: Path, header: bytes, size: int, item_shape: tuple[int, ...]) -> int:
    """Return the number of items that an IDX header declares, after checking the rest of it."""
    if len(header) < size:
        raise DataError(f"{path} ends at byte {len(header)}, inside its header. {REMEDY}")
    magic, count, *dims = np.frombuffer(header, ">u4").tolist()
    wanted = 0x0800 + 1 + len(item_shape)  # 08: unsigned bytes; then the number of dimensions
    if magic != wanted:
        raise DataError(f"{path}: magic number at byte 0 is {magic}, not {wanted}. {REMEDY}")
    if tuple(dims) != item_shape:
        raise DataError(f"{path}: items at byte 8 are {tuple(dims)}, not {item_shape}. {REMEDY}")
    if not 1 <= count <= MAX_IMAGES:
        raise DataError(
            f"{path} declares {count} items at byte 4; from 1 to {MAX_IMAGES} can be read. {REMEDY}"
        )
    return int(count)


def _read_at_most(stream: io.BufferedIOBase, size: int) -> bytearray:
    """Read to the end, but stop soon after `size` bytes; memory grows with what is there."""
    body = bytearray()
    while len(body) <= size and (chunk := stream.read(_CHUNK)):
        body += chunk
    return body


def _read_csv(path: Path) -> tuple[Bytes, Bytes]:
    """Return images and labels of a CSV file, read block by block."""
    import pyarrow as pa
    from pyarrow import csv

    columns = [str(number) for number in range(1 + PIXELS)]
    read = csv.ReadOptions(use_threads=False, block_size=_CHUNK, column_names=columns)
    parse = csv.ParseOptions(quote_char=False)
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.uint8()), null_values=[], check_utf8=False
    )
    blocks: list[Bytes] = []
    try:
        with _opened(path, unpack=True) as stream:
            text = _Text(path, stream)
            for block in csv.open_csv(text, read, parse, convert):
                blocks.append(block.to_tensor().to_numpy())
                _check_row_count(path, sum(map(len, blocks)))
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}{_csv_complaint(str(error))}") from error
    if text.hexadecimal:
        raise DataError(f"{path}: one value is {text.hexadecimal!r}. {_VALUES}")
    if not blocks:
        raise DataError(f"{path} holds no rows. {REMEDY}")
    table = np.concatenate(blocks)
    return np.ascontiguousarray(table[:, 1:]), table[:, 0].copy()


class _Text(io.RawIOBase):
    """The text of a CSV file on its way to the parser, watched for what the parser lets pass.

    It would read blank lines without end, and hexadecimal numbers.
    """

    def __init__(self, path: Path, stream: io.BufferedIOBase) -> None:
        self.path, self.stream = path, stream
        self.size = 0
        self.hexadecimal = ""
        """The first such number, if there was one."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self.stream.read(size)
        self.size += len(chunk)
        if self.size > MAX_CSV_BYTES:
            raise DataError(
                f"{self.path} has more than {MAX_CSV_BYTES} bytes of text, the most that can be "
                f"read: {MAX_IMAGES} rows. {REMEDY}"
            )
        if not self.hexadecimal and (start := chunk.lower().find(b"0x")) >= 0:
            self.hexadecimal = chunk[start : start + 4].decode(errors="replace")
        return chunk


def _check_row_count(path: Path, count: int) -> None:
    if count > MAX_IMAGES:
        raise DataError(f"{path} has more than {MAX_IMAGES} rows, the most that can be read.")


def _csv_complaint(message: str) -> str:
    """Say what the CSV reader found; rows (blank lines aside) and columns count from 1."""
    value = re.search(r"column #(\d+): Row #(\d+): .*invalid value '(.*)'", message, re.DOTALL)
    if value:
        return f": row {value[2]}, column {int(value[1]) + 1} is {value[3][:40]!r}. {_VALUES}"
    width = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if width:
        return f": row {width[1]} has {width[3]} values. {_ROWS}"
    if "straddl" in message:
        return f" has a row of more than {_CHUNK} bytes. {_ROWS}"
    return f" cannot be read as CSV: {message[:200]}. {REMEDY}"
