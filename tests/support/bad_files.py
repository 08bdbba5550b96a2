"""Bad data files without end, each made of a good one by a few changes that a seed decides."""

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path

from aemodel.data import CSV_STEMS, IDX_STEMS, DataError, Dataset, load_dataset
from tests.support.datasets import write_csv, write_idx

Change = Callable[[bytes, random.Random], bytes]

VALUES = (
    *(b"256", b"-1", b"1.0", b"1e2", b"nan", b"x", b"0x1F", b"007", b"+1", b"1_0"),
    *(b"", b" ", b" 7", b"''", b'"7"', b"\0", b"\xef\xbb\xbf", b"\xff"),
)
"""What may stand in a CSV file for a value; few of these are one."""


def truncate(good: bytes, chance: random.Random) -> bytes:
    return good[: chance.randrange(len(good))]


def flip_bits(good: bytes, chance: random.Random) -> bytes:
    bad = bytearray(good)
    for _ in range(chance.choice([1, 1, 2, 10, 1000])):
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
    return bytes(bad)


def repeat_a_part(good: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(good)) for _ in range(2))
    return good[:second] + good[first:second] * chance.choice([1, 2, 50]) + good[second:]


def leave_out_a_part(good: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(good)) for _ in range(2))
    return good[:first] + good[second:]


def insert_noise(good: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(good))
    return good[:place] + chance.randbytes(chance.choice([1, 4, 784, 100_000])) + good[place:]


def change_header(good: bytes, chance: random.Random) -> bytes:
    """Put a size or magic number that somebody could believe at one of the first four words."""
    values = [0, 1, 27, 28, 59, 61, 2049, 2050, 2051, 100_000, 100_001, 2**31 - 1, 2**31, 2**32 - 1]
    place = 4 * chance.randrange(4)
    return good[:place] + struct.pack(">I", chance.choice(values)) + good[place + 4 :]


def change_a_value(good: bytes, chance: random.Random) -> bytes:
    """Put something else for one value of a CSV file."""
    cells = good.split(b",")
    cells[chance.randrange(len(cells))] = chance.choice(VALUES)
    return b",".join(cells)


def change_separators(good: bytes, chance: random.Random) -> bytes:
    for old, new in ((b",", b";"), (b"\n", b"\r\n"), (b"\n", b"\n\n"), (b"\n", b",\n")):
        if chance.random() < 0.5:
            good = good.replace(old, new)
    return good


def pack(good: bytes, chance: random.Random) -> bytes:
    return gzip.compress(good, chance.randrange(10), mtime=0)


def put_something_else(good: bytes, chance: random.Random) -> bytes:
    """Put what people have under the name of a data file, or with it."""
    starts = (
        b"<!DOCTYPE html>",
        b"version https://git-lfs",
        b"PK\x03\x04",
        b"\xef\xbb\xbf",
        b"label,",
    )
    return chance.choice([*(start + good for start in starts), gzip.compress(pack(good, chance))])


def bomb(good: bytes, chance: random.Random) -> bytes:
    """Let a gigabyte follow, packed to a megabyte or so."""
    filling = chance.choice([b"\0", b"\n", b"1", b"0,", b"\xff"])
    return pack(good, chance) + gzip.compress(filling * (1 << 24), 1) * (64 // len(filling))


ANY: list[Change] = [
    truncate,
    flip_bits,
    repeat_a_part,
    leave_out_a_part,
    insert_noise,
    pack,
    put_something_else,
]
CHANGES: dict[str, list[Change]] = {
    "idx": [*ANY, change_header, change_header],
    "csv": [*ANY, change_a_value, change_a_value, change_separators],
}


def spoil(good: bytes, form: str, chance: random.Random) -> bytes:
    """Return what one to three changes make of a good file."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        good = chance.choice(CHANGES[form])(good, chance) if good else good
    return bomb(good, chance) if chance.random() < 0.02 else good


class Samples:
    """A folder of each form with good files, of which one at a time is spoilt."""

    def __init__(self, data: Dataset, folder: Path) -> None:
        self.folders = {"idx": folder / "idx", "csv": folder / "csv"}
        write_idx(self.folders["idx"], data)
        write_csv(self.folders["csv"], data)

    def try_one(self, seed: int) -> str:
        """Load a data set with one spoilt file; return `loaded`, or `refused`.

        Raises:
            AssertionError: it was refused in a message that does not name the file.
            Exception: whatever else comes out of the loader but a `DataError`.
        """
        chance = random.Random(seed)
        form = chance.choice(list(self.folders))
        path = self.folders[form] / chance.choice(IDX_STEMS if form == "idx" else CSV_STEMS)
        good = path.read_bytes()
        path.write_bytes(spoil(good, form, chance))
        try:
            load_dataset(path.parent)
        except DataError as error:
            refusal = str(error)
        else:
            return "loaded"
        finally:
            path.write_bytes(good)
        assert str(path) in refusal, f"file {seed}: {refusal}"
        assert len(refusal) < 2000, f"file {seed}"
        return "refused"
