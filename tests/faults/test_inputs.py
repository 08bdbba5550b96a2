"""Bad input of every parameter and file: refused in one message, and nothing is left behind."""

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from aemodel.data import CSV_STEMS, IDX_STEMS, DataError, Dataset, load_dataset
from aemodel.settings import MAX_WIDTH, Setting
from jobs import parameters
from jobs.__main__ import Number, WholeNumber, app
from jobs.parameters import MAX_SEED, ParameterError
from tests.support.bad_files import Samples
from tests.support.datasets import write_csv, write_idx
from tests.support.workspace import NewWorkspace

# --- Any text for a parameter ----------------------------------------------------------------

likely = st.text("0123456789,- ._+eE\nx٣²all", max_size=30)
texts = st.text(max_size=30) | likely


def value_or_error(parameter: str, parse: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a parser makes of a text, or None where it refuses it in its name."""
    try:
        return parse(*arguments)
    except ParameterError as error:
        refusal = error
    assert refusal.parameter == parameter
    assert len(str(refusal).splitlines()) == 1
    return None


@given(texts)
@example("all")
@example("1,256-64-8")
def test_any_text_as_settings(text: str) -> None:
    for setting in value_or_error("setting", parameters.parse_settings, text) or ():
        assert isinstance(setting, Setting)
        assert all(1 <= width <= MAX_WIDTH for width in setting.widths)


@given(texts)
def test_any_text_as_seeds(text: str) -> None:
    seeds = value_or_error("seeds", parameters.parse_seeds, text)
    if seeds is not None:
        assert 0 < len(set(seeds)) == len(seeds)
        assert "-" in text or len(seeds) <= text.count(",") + 1
        assert all(0 <= seed <= MAX_SEED for seed in seeds)


@given(texts)
def test_any_text_as_pairs(text: str) -> None:
    pairs = value_or_error("pairs", parameters.parse_pairs, text)
    if pairs is not None:
        typed = [item.strip() for item in text.split(",")]
        assert [f"{a}-{b}" for a, b in pairs] == list(dict.fromkeys(typed))
        assert all(a != b for a, b in pairs)


@pytest.mark.parametrize("parse", [WholeNumber, Number])
@given(text=texts | st.floats().map(str) | st.integers().map(str))
@example("1_000")
@example("٣")
def test_any_text_as_a_number(parse: Callable[[str], float | None], text: str) -> None:
    try:
        value = parse(text)
    except typer.BadParameter:
        return
    if value is None:
        assert not text.strip()
    else:
        assert value == pytest.approx(float(text), abs=0, nan_ok=True)
        assert text.isascii()
        assert "_" not in text


@given(st.integers() | st.floats())
@pytest.mark.parametrize("field", ["iterations", "batch_size", "eval_every", "learning_rate"])
def test_any_number_in_a_recipe(field: str, value: float) -> None:
    recipe = value_or_error(field, parameters.parse_recipe, "assignment", {field: value})
    assert recipe is None or getattr(recipe, field) > 0


@given(texts)
def test_any_text_as_run_ids(text: str) -> None:
    value_or_error("runs", parameters.parse_run_ids, text)


# --- Any bytes in a file ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(few, tmp_path_factory.mktemp("samples"))


@settings(max_examples=50)
@given(start=st.integers(0, 20), content=st.binary(max_size=100))
@pytest.mark.parametrize("name", [*IDX_STEMS, *CSV_STEMS])
def test_any_bytes_in_a_file(samples: Samples, name: str, start: int, content: bytes) -> None:
    """A file begins well and goes on anyhow."""
    path = samples.folders["csv" if name in CSV_STEMS else "idx"] / name
    good = path.read_bytes()
    path.write_bytes(good[:start] + content)
    try:
        with pytest.raises(DataError, match=name):
            load_dataset(path.parent)
    finally:
        path.write_bytes(good)


def test_spoilt_files(samples: Samples) -> None:
    """Of files spoilt in as many ways, every one is loaded or refused, and memory stays bounded."""
    before = peak_megabytes()
    ends = [samples.try_one(seed) for seed in range(150)]
    assert ends.count("refused") > 75
    assert peak_megabytes() - before < 500


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- Through the command ---------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, few: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a command: good data, and much that is none."""
    write_idx(tmp_path / "good", few)
    write_csv(tmp_path / "csv", few)
    (tmp_path / "empty").mkdir()
    (tmp_path / "archive.tar.gz").write_bytes(b"\x1f\x8b\x08" + bytes(100))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("COLUMNS", "500")
    return tmp_path


def refused(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command that is going to be refused; return its exit status and the message."""
    before = set(folder.rglob("*"))
    done = CliRunner().invoke(app, list(arguments))
    assert isinstance(done.exception, SystemExit), "an exception came out of the command"
    assert set(folder.rglob("*")) == before, "something was left behind: a store, a run"
    (message,) = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    return done.exit_code, message


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        *(("setting", t, f"setting {t!r} is not known: give 1, 2, 3") for t in
          ("", "0", "4", "2-", "-1-2-3", "1e9-1-1", "; touch x", "$(touch x)")),
        ("setting", "0-1-1", "setting '0-1-1': layer width 0 is outside 1..16384"),
        ("setting", "99999-1-1", "setting '99999-1-1': layer width 99999 is outside 1..16384"),
        *(("seeds", t, f"seed {t!r} is not a whole number from 0 to 4294967295") for t in
          ("", "x", "-1", "1.5", "1e3", "4294967296")),
        ("seeds", "4-0", "seeds '4-0' are 0 numbers: give 1 to 1024"),
        *(("pairs", t, f"{t!r} is not a pair of digits such as 3-8") for t in
          ("", "3", "3-10", "a-b", "-3-8")),
        ("pairs", "3-3", "'3-3' is the same digit twice: give two different digits"),
        ("recipe", "best", "Value error, 'best' is not one of 'fast', 'quick', 'assignment'"),
        *(("learning-rate", t, f"learning_rate={float(t)!r} is not valid: give a number above 0")
          for t in ("nan", "-1", "0", "1e9", "inf")),
        ("learning-rate", "fast", "'fast' is not a number"),
        ("iterations", "0", "iterations=0 is not valid: give a whole number from 1 to 10000000"),
        ("iterations", "1_000", "'1_000' is not a whole number"),
        ("batch-size", "60001", "batch_size=60001 is not valid: give a whole number from 1 to"),
        ("batch-size", "many", "'many' is not a whole number"),
        ("batch-size", "61", "batch_size=61 is more than the 60 training images: give a smaller"),
        ("eval-every", "-1", "eval_every=-1 is not valid: give a whole number of at least 1"),
        ("precision", "float16", "Value error, 'float16' is not one of 'auto', 'float32'"),
        *(("workers", t, "Input should be") for t in ("", "x", "-1", "1.5", "1025")),
        *((n, "maybe", "Value error, 'maybe' is not one of") for n in ("resume", "observations")),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_a_usage_error(
    folder: Path, option: str, text: str, message: str
) -> None:
    status, said = refused(folder, "train", "--data", "good", f"--{option}", text)
    assert status == 2
    assert said.startswith(f"Error: Invalid value for '--{option}': {message}")


@pytest.mark.parametrize("name", ["missing.md", "empty", "fifo", "loop", "n" * 300])
def test_notes_that_are_not_a_file(folder: Path, name: str) -> None:
    status, said = refused(folder, "train", "--data", "good", "--notes", name)
    assert status == 2
    assert f"Invalid value for '--notes': {folder}/{name} is not a file that can be read" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Gr\u00fc\u00dfe".encode("latin-1"), "is not text in UTF-8"),
        (b"PK\x03\x04 and so on", "is a Word or OpenDocument file"),
    ],
)
def test_notes_that_are_not_text_are_refused_before_training(
    folder: Path, content: bytes, words: str
) -> None:
    (folder / "notes.md").write_bytes(content)
    status, said = refused(folder, "train", "--data", "good", "--notes", "notes.md")
    assert status == 2
    assert f"{folder}/notes.md {words}" in said


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("missing", "missing is not a readable folder: No such file or directory"),
        ("fifo", "fifo is not a readable folder: Not a directory"),
        ("archive.tar.gz", "archive.tar.gz is not a readable folder: Not a directory"),
        ("loop", "loop is not a readable folder: Too many levels of symbolic links"),
        ("empty", "empty holds no MNIST files"),
    ],
)
def test_a_path_without_data(folder: Path, data: str, message: str) -> None:
    status, said = refused(folder, "train", "--data", data)
    assert status == 1
    assert said.startswith(f"Error: {folder}/{message}. Give a folder with the four MNIST files")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("good/train-images-idx3-ubyte", "ends at byte 1000, but its header declares 60 items"),
        ("csv/mnist_train.csv", "row 1 has"),
    ],
)
def test_a_damaged_file(folder: Path, path: str, message: str) -> None:
    """Two of very many: tests/aemodel/test_data.py has one of every kind."""
    (folder / path).write_bytes((folder / path).read_bytes()[:1000])
    status, said = refused(folder, "train", "--data", path.split("/")[0])
    assert status == 1
    assert said.startswith(f"Error: {folder / path}")
    assert message in said


@pytest.mark.parametrize("text", ["abc", "../../etc/passwd", "0" * 33])
def test_bad_run_ids(folder: Path, text: str) -> None:
    status, said = refused(folder, "report", "--runs", text)
    assert status == 2
    assert said.startswith(f"Error: Invalid value for '--runs': {text!r} is not a run id: give 32")


@pytest.mark.parametrize(
    "text", ["archive.tar.gz", "fifo", "loop", "archive.tar.gz/below", "o" * 300]
)
def test_output_that_is_no_folder(folder: Path, text: str) -> None:
    status, said = refused(folder, "report", "--output", text)
    assert status == 2
    path = str(folder / text)
    assert (
        said == f"Error: Invalid value for '--output': output={path!r} is not a folder to write to"
    )


def test_no_place_for_the_document(folder: Path) -> None:
    (folder / "submission").symlink_to("archive.tar.gz")
    status, said = refused(folder, "train", "--data", "good", "--batch-size", "10")
    assert status == 1
    assert f"{folder / 'submission'}, where the submission document goes, cannot be writ" in said


def test_the_process_ends_in_the_same_way(new_workspace: NewWorkspace) -> None:
    place = new_workspace(store=False)
    for data, option in (("mnist", "$(touch x); touch x"), ("missing", "1")):
        done = place.jobs("train", "--setting", option, "--data", data)
        assert done.returncode == (2 if data == "mnist" else 1)
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr
    assert os.listdir(place.folder) == ["mnist"]
