"""The two forms of a data set's files: IDX, in which MNIST is published, and CSV.

*IDX*: a header of big-endian 32-bit integers (a magic number, then the sizes of the dimensions),
then unsigned bytes. *CSV*: each row a label, then 784 pixels; a header that begins with `label` may
stand above them. Either may be gzipped. Nothing in a file is believed before it is checked: sizes
in headers are compared with the bytes that are there, and at most `MAX_IMAGES` images are read. No
thread but the caller's reads: a thread in the background that still reads when the process ends
aborts it.

References:
    Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*: the files,
    and the IDX format.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aemodel.datafiles import DataError, opened, refusal
from aemodel.settings import PIXELS

MAX_IMAGES = 100_000
"""Most images read from one file: it bounds memory, whatever a file claims or unpacks to."""
MAX_ROW_BYTES = 1 << 14
"""Longest row of a CSV file: twice the longest header in use."""

IDX_KINDS = {0x0801: "labels", 0x0803: "images"}
"""Magic number of the files of a data set, and what they hold."""

_CHUNK = 1 << 20
_VALUES = {str(value).encode(): value for value in range(256)}

Bytes = NDArray[np.uint8]


def read_idx(path: Path, item_shape: tuple[int, ...]) -> Bytes:
    """Return the items of an IDX file of unsigned bytes; shape (n, *item_shape).

    Raises:
        DataError: it cannot be read, or its header does not fit `item_shape` and its size.
    """
    header_size = 4 * (2 + len(item_shape))
    item_size = int(np.prod(item_shape))
    with opened(path, unpack=True) as stream:
        count = _item_count(path, stream.read(header_size), item_shape)
        body = _read_at_most(stream, count * item_size)
    expected = header_size + count * item_size
    size = header_size + len(body)
    if size != expected:
        what = f"ends at byte {size}" if size < expected else f"goes on after byte {expected}"
        raise refusal(
            f"{path} {what}, but its header declares {count} items, {expected} bytes in all: it "
            "is truncated or has been changed. Fetch it again"
        )
    return np.frombuffer(body, np.uint8).reshape(count, *item_shape)


def _item_count(path: Path, header: bytes, item_shape: tuple[int, ...]) -> int:
    """Return the number of items that an IDX header declares, after checking the rest of it."""
    if header.isascii() and header.decode().isprintable():
        raise refusal(f"{path} is text that begins {header.decode()!r}, not an IDX file")
    if len(header) < 4 * (2 + len(item_shape)):
        raise refusal(f"{path} ends at byte {len(header)}, inside its header")
    magic, count, *dims = np.frombuffer(header, ">u4").tolist()
    wanted = 0x0800 + 1 + len(item_shape)  # 08: unsigned bytes; then the number of dimensions
    if magic != wanted:
        kind = f": it holds {IDX_KINDS[magic]}" if magic in IDX_KINDS else ""
        raise refusal(f"{path}: magic number at byte 0 is {magic}, not {wanted}{kind}")
    if tuple(dims) != item_shape:
        raise refusal(f"{path}: items at byte 8 are {tuple(dims)}, not {item_shape}")
    if not 1 <= count <= MAX_IMAGES:
        raise refusal(
            f"{path} declares {count} items at byte 4; from 1 to {MAX_IMAGES} can be read"
        )
    return int(count)


def _read_at_most(stream: io.BufferedIOBase, size: int) -> bytearray:
    """Read to the end, but stop soon after `size` bytes; memory grows with what is there."""
    body = bytearray()
    while len(body) <= size and (chunk := stream.read(_CHUNK)):
        body += chunk
    return body


def read_csv(path: Path) -> tuple[Bytes, Bytes]:
    """Return images (n, 784) and labels (n,) of a CSV file; blank lines are skipped.

    Raises:
        DataError: it cannot be read, or a row is not a label and 784 pixels; rows are counted as an
            editor counts lines.
    """
    rows = bytearray()
    for number, line in _lines(path):
        cells = line.split(b",")
        if rows or not _is_header(path, cells):
            rows += _row(path, number, cells)
    if not rows:
        raise refusal(f"{path} holds no rows")
    table = np.frombuffer(rows, np.uint8).reshape(-1, 1 + PIXELS)
    return np.ascontiguousarray(table[:, 1:]), table[:, 0].copy()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and text of each line that is not blank, with limits on length and number."""
    with opened(path, unpack=True) as stream:
        number = 0
        while line := stream.readline(MAX_ROW_BYTES + 1):
            number += 1
            if len(line) > MAX_ROW_BYTES:
                raise refusal(f"{path}: row {number} has more than {MAX_ROW_BYTES} bytes. {_ROWS}")
            if number > MAX_IMAGES + 1:
                raise refusal(f"{path} has more than {MAX_IMAGES} rows, the most that can be read")
            text = line.rstrip(b"\r\n")
            if number == 1:
                text = text.removeprefix(b"\xef\xbb\xbf")
            if text:
                yield number, text


def _is_header(path: Path, cells: Sequence[bytes]) -> bool:
    """Return whether a row is a header: mostly words, or the numbers from 0 on.

    Raises:
        DataError: it is a header, but not of a table with the labels first.
    """
    names = [cell.strip(b" \"'") for cell in cells]
    if names[0].lower() == b"label":
        return True
    words = sum(not name.lstrip(b"-").replace(b".", b"", 1).isdigit() for name in names)
    are_words = 2 * words > len(names) and any(names)
    are_numbers = names == [b"%d" % number for number in range(len(names))]
    if len(names) > 2 and (are_words or are_numbers):
        first = names[0][:40].decode(errors="replace")
        raise refusal(
            f"{path}: the first column of the header is not 'label', but {first!r}. {_ROWS}"
        )
    return False


def _row(path: Path, number: int, cells: Sequence[bytes]) -> bytes:
    if len(cells) != 1 + PIXELS:
        raise refusal(f"{path}: row {number} has {len(cells)} values. {_ROWS}")
    try:
        return bytes(map(_VALUES.__getitem__, cells))
    except KeyError:  # spaces, or zeros in front
        return bytes(_value(path, number, column, cell) for column, cell in enumerate(cells, 1))


def _value(path: Path, row: int, column: int, cell: bytes) -> int:
    digits = cell.strip(b" ")
    if not (digits.isdigit() and len(digits) < 20 and int(digits) <= 255):
        shown = cell[:40].decode(errors="replace")
        raise DataError(
            f"{path}: row {row}, column {column} is {shown!r}. Every value must be a whole number "
            "from 0 to 255, decimal and without quotes."
        )
    return int(digits)


_ROWS = (
    f"Every row must have {1 + PIXELS} values: the label, then {PIXELS} pixels, separated by commas"
)
