"""The files of a data set: which they are, whether they are whole, and what else they may be.

People's folders hold what downloads leave behind: files in a folder of their own name, web pages
named like data, archives packed twice. What can be meant in one way only is read; everything else
is refused by what it is.
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
from itertools import islice
from pathlib import Path, PureWindowsPath

IDX_STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CSV_STEMS = ("mnist_train.csv", "mnist_test.csv")
CHECKSUMS = "SHA256SUMS"

REMEDY = (
    "Give a folder with the four MNIST files in IDX form, gzipped or plain "
    f"({', '.join(IDX_STEMS)}), or with {' and '.join(CSV_STEMS)}."
)

DEEPEST = 3
"""Folders below the one that is given are searched for data down to this level."""
MOST_FOLDERS = 1_000
"""The search ends after so many folders."""
MOST_TEXT = 1 << 20
"""Bytes that are read of a file of names or checksums."""
GZIP = b"\x1f\x8b"

_TEXT_STARTS = (
    (b"<!doctype html", "is a web page, not a data file"),
    (b"<html", "is a web page, not a data file"),
    (b"<", "is an XML document or a web page, not a data file"),
    (
        b"version https://git-lfs",
        "is a pointer of Git LFS, not the file: `git lfs pull` fetches it",
    ),
)
_STARTS = (
    (GZIP, "is packed twice: unpack it once with gunzip"),
    (b"PK\x03\x04", "is a zip archive: unpack it first"),
    (b"BZh", "is packed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "is packed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it first"),
    (b"7z\xbc\xaf", "is a 7-Zip archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"%PDF-", "is a PDF document, not a data file"),
    (b"\x89PNG", "is a PNG image, not a data file"),
    (b"\xff\xd8\xff", "is a JPEG image, not a data file"),
    (b"\x93NUMPY", "is a NumPy array, not a data file of MNIST's forms"),
    (b"\x89HDF", "is an HDF5 file, not a data file of MNIST's forms"),
    (b"PAR1", "is a Parquet file, not a data file of MNIST's forms"),
    (b"SQLite format 3", "is an SQLite database, not a data file"),
    (b"\xff\xfe", "is text in UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "is text in UTF-16: save it as UTF-8"),
)
"""How files begin that are named like data and are something else."""


class DataError(Exception):
    """The data cannot be used; the message names the file, what was found and the remedy."""


def refusal(problem: str) -> DataError:
    """Return the error of a folder or file that is not data; it says what would be."""
    return DataError(f"{problem}. {REMEDY}")


Files = tuple[Path, ...]


def find_files(folder: Path) -> Files:
    """Return the four IDX files, or else the two CSV files, of a folder.

    They may lie in the folder, each in a folder of its own name, or together further down if there
    is only one such place.

    Raises:
        DataError: the folder cannot be read, or does not hold all files of one form.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise refusal(f"{folder} is not a readable folder: {error.strerror}") from error
    files = _complete(folder)
    if files:
        return files
    below = [files for place in _folders_below(folder) if (files := _complete(place))]
    if len(below) > 1:
        places = ", ".join(str(files[0].parent) for files in below)
        raise DataError(f"{folder} holds several data sets: give one of {places}.")
    if not below:
        raise refusal(f"{folder} {_lacking(folder, names)}")
    return below[0]


def _complete(folder: Path) -> Files:
    for stems in (IDX_STEMS, CSV_STEMS):
        files = [path for stem in stems if (path := _file(folder, stem))]
        if len(files) == len(stems):
            return tuple(files)
    return ()


def _file(folder: Path, stem: str) -> Path | None:
    """Return the file of this name, in the preferred spelling; it may lie in a folder of its name.

    A broken link counts as a file, so that reading it says what is wrong.
    """
    spellings = _spellings(stem)
    places = [folder / name for name in spellings]
    inside = [place / name for place in places for name in spellings]
    return next((path for path in (*places, *inside) if _may_be_read(path)), None)


def _spellings(stem: str) -> tuple[str, ...]:
    dotted = stem.replace("-idx", ".idx")
    return (f"{stem}.gz", stem, dotted, f"{dotted}.gz")


def _may_be_read(path: Path) -> bool:
    return path.is_file() or (path.is_symlink() and not path.exists())


def _folders_below(folder: Path) -> Iterator[Path]:
    """Yield the folders below this one, outer ones first; links are not followed."""
    for path, folders, _ in islice(os.walk(folder), MOST_FOLDERS):
        depth = len(Path(path).relative_to(folder).parts)
        deeper = [name for name in folders if depth < DEEPEST and not name.startswith(".")]
        folders[:] = sorted(deeper)
        if depth:
            yield Path(path)


def _lacking(folder: Path, names: Sequence[str]) -> str:
    """Say what a folder without a whole data set lacks, and what is there."""
    lacking: list[str] = []
    for stems in (IDX_STEMS, CSV_STEMS):
        absent = [stem for stem in stems if _file(folder, stem) is None]
        lacking += absent if len(absent) < len(stems) else []
    others = [
        name
        for stem in (*IDX_STEMS, *CSV_STEMS)
        for name in _spellings(stem)
        if name in names and not _may_be_read(folder / name)
    ]
    if others:
        return f"lacks {', '.join(lacking) or 'data'}: {folder / others[0]} is not a regular file"
    if lacking:
        return f"lacks {', '.join(lacking)}"
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"holds no MNIST files{f', only {shown}' if names else ''}"


@contextmanager
def opened(path: Path, unpack: bool = False) -> Iterator[io.BufferedIOBase]:
    """Open a regular file; with `unpack` as data: gunzipped if it is gzip, and checked for kind.

    Raises:
        DataError: it cannot be opened or read on, or it is data of no form that is known; whatever
            goes wrong while it is read in the body becomes one as well.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusal(f"{path} is not a regular file")
        with open(path, "rb") as raw:
            packed = unpack and raw.read(2) == GZIP
            raw.seek(0)
            with gzip.open(raw) if packed else raw as stream:
                if unpack:
                    _check_kind(path, stream)
                yield stream
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None)
        raise refusal(
            f"{path} cannot be read: {reason}"
            if reason
            else f"{path} is truncated or corrupt: {error}. Fetch it again"
        ) from error


def _check_kind(path: Path, stream: io.BufferedIOBase) -> None:
    head = stream.read(512)
    stream.seek(0)
    if not head:
        raise refusal(f"{path} is empty")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kinds = [kind for start, kind in _TEXT_STARTS if text.startswith(start)]
    kinds += [kind for start, kind in _STARTS if head.startswith(start)]
    if head[257:262] == b"ustar":
        kinds.append("is a tar archive: unpack it first")
    if kinds:
        raise refusal(f"{path} {kinds[0]}")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a small UTF-8 text file, without their ends.

    Raises:
        DataError: it cannot be read.
    """
    with opened(path) as stream:
        return stream.read(MOST_TEXT).decode("utf-8-sig", errors="replace").splitlines()


# --- Checksums -------------------------------------------------------------------------------


def verify_checksums(folder: Path, files: Files) -> None:
    """Compare files with the `SHA256SUMS` of the folder and of the folders they lie in.

    A file that no list names is not compared.

    Raises:
        DataError: a file differs from its checksum, or a list cannot be read.
    """
    places = dict.fromkeys((folder, *(path.parent for path in files)))
    lists = [sums for place in places if os.path.lexists(sums := place / CHECKSUMS)]
    for sums in lists:
        listed = _read_checksums(sums)
        for path in files:
            _compare(path, listed.get(path.name, []), sums)


def _compare(path: Path, wanted: Sequence[str], sums: Path) -> None:
    if not wanted:
        return
    with opened(path) as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual not in wanted:
        raise DataError(
            f"{path} differs from its checksum: {sums} lists {' or '.join(wanted)}, but the file "
            f"has SHA-256 {actual}. It is damaged, or another file. Restore it, or remove its line "
            f"from {CHECKSUMS}."
        )


_GNU = re.compile(r"\\?([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_BSD = re.compile(r"SHA-?256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})")


def _read_checksums(sums: Path) -> dict[str, list[str]]:
    """Return file name -> SHA-256 from lines as `sha256sum`, with or without `--tag`, writes them.

    Folders before a name are left out: lists are made in many places. So a name may have several.
    """
    listed: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(sums), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if match := _GNU.fullmatch(line):
            digest, name = match.groups()
        elif match := _BSD.fullmatch(line):
            name, digest = match.groups()
        else:
            raise DataError(
                f"{sums}: line {number} is {line[:100]!r}, not a SHA-256, two spaces and a file "
                "name. Restore the file, or remove it to load without the check."
            )
        listed.setdefault(PureWindowsPath(name.strip()).name, []).append(digest.lower())
    return listed
