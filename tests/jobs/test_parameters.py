"""What the user may type, what it becomes, and what is refused."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aemodel.settings import RECIPES
from jobs import parameters
from jobs.parameters import MAX_SEED, ParameterError

ASSIGNMENT, QUICK = RECIPES["assignment"], RECIPES["quick"]


def refused(parameter: str, message: str, parse: Callable[..., Any], *arguments: Any) -> None:
    """Check that a call is refused in the name of `parameter`, with `message` in the text."""
    with pytest.raises(ParameterError) as caught:
        parse(*arguments)
    assert caught.value.parameter == parameter
    assert message in str(caught.value)


# --- Where to train ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "scheduler", "variable", "address"),
    [
        ("local", "", "", ""),
        ("local", "", "tcp://host:8786", ""),
        ("dask", "tcp://host:8786", "", "tcp://host:8786"),
        ("dask", " tls://10.0.0.1:9 ", "tcp://host:8786", "tls://10.0.0.1:9"),
        ("dask", "", "tcp://host:8786", "tcp://host:8786"),
    ],
)
def test_the_cluster_to_train_on(
    backend: str, scheduler: str, variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parameters.SCHEDULER_VARIABLE, variable)
    assert parameters.parse_scheduler(backend, scheduler) == address


@pytest.mark.parametrize(
    ("backend", "scheduler", "message"),
    [
        ("local", "tcp://host:8786", "give backend dask"),
        ("dask", "", "start one with `dask scheduler`"),
        ("dask", "host:8786", "'host:8786' is not an address such as tcp://host:8786"),
        ("dask", "tcp://host", "not an address"),
    ],
)
def test_a_cluster_that_is_not_named(
    backend: str, scheduler: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(parameters.SCHEDULER_VARIABLE, raising=False)
    refused("scheduler", message, parameters.parse_scheduler, backend, scheduler)


# --- Lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["1", "2", "3"]),
        ("3", ["3"]),
        ("3,1", ["3", "1"]),
        (" 2 , 256-64-8 ", ["2", "256-64-8"]),
        ("1024-128-64", ["3"]),
        ("all,256-64-8", ["1", "2", "3", "256-64-8"]),
        ("2,all", ["2", "1", "3"]),
        ("3,3", ["3"]),
        ("1,128-64-2", ["1"]),
    ],
)
def test_settings(text: str, names: list[str]) -> None:
    assert [setting.name for setting in parameters.parse_settings(text)] == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "setting '' is not known"),
        ("0", "setting '0' is not known"),
        ("4", "setting '4' is not known: give 1, 2, 3 or the widths of two layers or more"),
        ("2-", "setting '2-' is not known"),
        ("-1-2-3", "setting '-1-2-3' is not known"),
        ("1e9-1-1", "setting '1e9-1-1' is not known"),
        ("1,", "setting '' is not known"),
        ("100000-1-1", "layer width 100000 is outside 1..16384"),
        ("All", "setting 'All' is not known"),
        ("; touch x", "setting '; touch x' is not known"),
        ("$(id)", "setting '$(id)' is not known"),
    ],
)
def test_settings_refused(text: str, message: str) -> None:
    refused("setting", message, parameters.parse_settings, text)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("2,0, 1", [2, 0, 1]),
        (str(MAX_SEED), [MAX_SEED]),
        ("0-4", [0, 1, 2, 3, 4]),
        ("7,0-2,1,00", [7, 0, 1, 2]),
        ("5-5", [5]),
    ],
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parameters.parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3-1", "seeds '3-1' are 0 numbers: give 1 to 1024"),
        ("0-1024", "seeds '0-1024' are 1025 numbers: give 1 to 1024"),
        (f"0-{MAX_SEED + 1}", "is not a whole number from 0 to 4294967295, or a range"),
    ],
)
def test_ranges_of_seeds_refused(text: str, message: str) -> None:
    refused("seeds", message, parameters.parse_seeds, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1-",
        "1-2-3",
        "1.5",
        "1e3",
        "x",
        "1,,2",
        "²",
        "٣",
        "+1",
        "1_0",
        str(MAX_SEED + 1),
        "9" * 5000,
        "00000000000" + "9" * 20,
    ],
)
def test_seeds_refused(text: str) -> None:
    refused("seeds", "is not a whole number from 0 to 4294967295", parameters.parse_seeds, text)


def test_pairs() -> None:
    assert parameters.parse_pairs("3-8, 4-9,8-3") == ((3, 8), (4, 9), (8, 3))
    assert parameters.parse_pairs("3-8,3-8") == ((3, 8),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a pair of digits such as 3-8"),
        ("3-10", "'3-10' is not a pair"),
        ("a-b", "'a-b' is not a pair"),
        ("3", "'3' is not a pair"),
        ("1-2-3", "'1-2-3' is not a pair"),
        ("-1-2", "'-1-2' is not a pair"),
        ("3-", "'3-' is not a pair"),
        ("²-3", "'²-3' is not a pair"),
        ("3-3", "'3-3' is the same digit twice: give two different digits"),
    ],
)
def test_pairs_refused(text: str, message: str) -> None:
    refused("pairs", message, parameters.parse_pairs, text)


def test_run_ids() -> None:
    one, two = "0123456789abcdef" * 2, "f" * 32
    assert parameters.parse_run_ids(f"{one}, {two}") == (one, two)
    assert parameters.parse_run_ids(" ") == ()


@pytest.mark.parametrize("text", ["abc", "F" * 32, "../" + "0" * 29, "0" * 33, "0" * 32 + ","])
def test_run_ids_refused(text: str) -> None:
    refused("runs", "is not a run id: give 32 digits 0-9a-f", parameters.parse_run_ids, text)


# --- Recipes ---------------------------------------------------------------------------------

NOTHING = {"iterations": None, "learning_rate": None, "batch_size": None, "eval_every": None}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_by_name(name: str) -> None:
    assert parameters.parse_recipe(name, NOTHING) == RECIPES[name]


def test_overrides() -> None:
    values = {"iterations": 200, "learning_rate": 1e-2, "batch_size": 64, "eval_every": 5}
    assert parameters.parse_recipe("assignment", values) == replace(
        ASSIGNMENT, iterations=200, learning_rate=0.01, batch_size=64, eval_every=5
    )


def test_the_warm_up_of_a_shortened_recipe_still_reaches_its_peak() -> None:
    assert parameters.parse_recipe("quick", {"iterations": 50}).warmup_iterations == 5
    longer = parameters.parse_recipe("quick", {"iterations": 100_000})
    assert longer.warmup_iterations == QUICK.warmup_iterations


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("iterations", 0, "iterations=0 is not valid: give a whole number from 1 to 10000000"),
        ("iterations", -5, "iterations=-5 is not valid"),
        ("iterations", 10_000_001, "iterations=10000001 is not valid"),
        ("batch_size", 0, "batch_size=0 is not valid: give a whole number from 1 to 60000"),
        ("batch_size", 60_001, "batch_size=60001 is not valid"),
        ("eval_every", 0, "eval_every=0 is not valid: give a whole number of at least 1"),
        ("learning_rate", math.nan, "learning_rate=nan is not valid: give a number above 0, up"),
        ("learning_rate", math.inf, "learning_rate=inf is not valid"),
        ("learning_rate", -1.0, "learning_rate=-1.0 is not valid"),
        ("learning_rate", 0.0, "learning_rate=0.0 is not valid"),
        ("learning_rate", 1e9, "learning_rate=1000000000.0 is not valid"),
    ],
)
def test_overrides_refused(field: str, value: float, message: str) -> None:
    refused(field, message, parameters.parse_recipe, "assignment", {field: value})


# --- The rest --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "has_it", "resolved"),
    [
        ("fast", True, "bfloat16"),
        ("quick", True, "bfloat16"),
        ("fast", False, "float32"),
        ("assignment", True, "float32"),
        ("assignment", False, "float32"),
    ],
)
def test_precision_auto(
    recipe: str, has_it: bool, resolved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "has_fast_bfloat16", lambda device: has_it)
    assert parameters.resolve_precision("auto", RECIPES[recipe]) == resolved
    for name in ("float32", "bfloat16"):  # what the user names is what is done
        assert parameters.resolve_precision(name, RECIPES[recipe]) == name


def test_what_is_automatic_depends_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "has_fast_bfloat16", lambda device: device == "gpu")
    fast = RECIPES["fast"]
    assert parameters.resolve_precision("auto", fast) == "float32"
    (spec,) = parameters.parse_specs("1", fast, "0", "3-8", "auto", "gpu")
    assert (spec.precision, spec.device) == ("bfloat16", "gpu")
    (spec,) = parameters.parse_study("64", "2", fast, "0", "auto", "gpu")
    assert (spec.precision, spec.device) == ("bfloat16", "gpu")


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "hardware", lambda device: "" if device == "gpu" else "a CPU")
    parameters.check_device("cpu", "")
    parameters.check_device("gpu", "tcp://host:8786")  # the cluster's workers are asked
    refused("device", "there is no GPU to use", parameters.check_device, "gpu", "")


def test_notes(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("words")
    parameters.check_notes(str(tmp_path / "notes.md"), tmp_path)
    parameters.check_notes("", tmp_path)
    (tmp_path / "notes.md").write_bytes(b"Gr\xfc\xdfe")
    refused("notes", "is not text in UTF-8", parameters.check_notes, "", tmp_path)


@pytest.mark.parametrize("name", ["missing.md", "folder", "fifo", "loop", "nul\0"])
def test_notes_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(
        "notes",
        "is not a file that can be read",
        parameters.check_notes,
        str(tmp_path / name),
        tmp_path,
    )


def test_one_training_for_each_setting_and_seed() -> None:
    jobs = parameters.parse_specs("3,16-8-2", QUICK, "0,7", "1-2", "float32")
    assert [job.name for job in jobs] == [
        "setting-3 quick seed-0",
        "setting-3 quick seed-7",
        "setting-16-8-2 quick seed-0",
        "setting-16-8-2 quick seed-7",
    ]
    assert {job.recipe for job in jobs} == {QUICK}
    assert {job.pairs for job in jobs} == {((1, 2),)}


# --- Studies ---------------------------------------------------------------------------------


def test_a_study_has_a_training_for_each_latent_size_and_seed() -> None:
    specs = parameters.parse_study("512-128", "16, 2,16", QUICK, "0-1", "float32")
    assert [(spec.setting.name, spec.setting.widths, spec.seed) for spec in specs] == [
        ("512-128-16", (512, 128, 16), 0),  # the widths of setting 2, under their own name
        ("512-128-16", (512, 128, 16), 1),
        ("512-128-2", (512, 128, 2), 0),
        ("512-128-2", (512, 128, 2), 1),
    ]
    assert all(spec.recipe == QUICK for spec in specs)


@pytest.mark.parametrize(
    ("hidden", "latent", "parameter", "message"),
    [
        ("", "2", "hidden", "hidden '' is not a list of layer widths such as 512-128"),
        ("512,128", "2", "hidden", "hidden '512,128' is not a list"),
        ("512-", "2", "hidden", "hidden '512-' is not a list"),
        ("20000", "2", "hidden", "layer width 20000 is outside 1..16384"),
        ("512", "", "latent", "latent size '' is not a whole number"),
        ("512", "2,x", "latent", "latent size 'x' is not a whole number"),
        ("512", "1-4", "latent", "latent size '1-4' is not a whole number"),
        ("512", "0", "latent", "layer width 0 is outside 1..16384"),
    ],
)
def test_studies_refused(hidden: str, latent: str, parameter: str, message: str) -> None:
    refused(parameter, message, parameters.parse_study, hidden, latent, QUICK, "0", "float32")
