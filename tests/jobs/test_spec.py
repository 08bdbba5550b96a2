"""What the user may type, what it becomes, and what is refused."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel.settings import MAX_LAYERS, MAX_WIDTH, RECIPES, SCHEDULES, Recipe, Setting
from jobs import parameters
from jobs.parameters import MAX_COUNT, MAX_SEED, ParameterError
from jobs.spec import TrainingSpec

ASSIGNMENT, QUICK = RECIPES["assignment"], RECIPES["quick"]


def refused(parameter: str, message: str, parse: Callable[..., Any], *arguments: Any) -> None:
    """Check that a call is refused in the name of `parameter`, with `message` in the text."""
    with pytest.raises(ParameterError) as caught:
        parse(*arguments)
    assert caught.value.parameter == parameter
    assert message in str(caught.value)


# --- Lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["1", "2", "3"]),
        ("3", ["3"]),
        ("3,1", ["3", "1"]),
        (" 2 , 256-64-8 ", ["2", "256-64-8"]),
        ("1024-128-64", ["3"]),
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
        ("all,256-64-8", "setting 'all' is not known"),
        ("100000-1-1", "layer width 100000 is outside 1..16384"),
        ("3,3", "'3' is listed twice in '3,3'"),
        ("1,128-64-2", "'128-64-2' is listed twice"),
        ("; touch x", "setting '; touch x' is not known"),
        ("$(id)", "setting '$(id)' is not known"),
    ],
)
def test_settings_refused(text: str, message: str) -> None:
    refused("setting", message, parameters.parse_settings, text)


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", [0]), ("2,0, 1", [2, 0, 1]), (str(MAX_SEED), [MAX_SEED])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parameters.parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
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


def test_a_seed_listed_twice_is_refused() -> None:
    refused("seeds", "'00' is listed twice in '0,00'", parameters.parse_seeds, "0,00")


def test_pairs() -> None:
    assert parameters.parse_pairs("3-8, 4-9,8-3") == ((3, 8), (4, 9), (8, 3))


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
        ("3-8,3-8", "'3-8' is listed twice"),
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

NOTHING = {"iterations": "", "learning_rate": "", "batch_size": "", "eval_every": ""}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_by_name(name: str) -> None:
    assert parameters.parse_recipe(name, NOTHING) == RECIPES[name]


def test_overrides() -> None:
    texts = {"iterations": "200", "learning_rate": "1e-2", "batch_size": " 64 ", "eval_every": "5"}
    assert parameters.parse_recipe("assignment", texts) == replace(
        ASSIGNMENT, iterations=200, learning_rate=0.01, batch_size=64, eval_every=5
    )


def test_the_warm_up_of_a_shortened_recipe_still_reaches_its_peak() -> None:
    assert parameters.parse_recipe("quick", {"iterations": "50"}).warmup_iterations == 5
    longer = parameters.parse_recipe("quick", {"iterations": "100000"})
    assert longer.warmup_iterations == QUICK.warmup_iterations


def test_an_unknown_recipe_is_refused() -> None:
    message = "recipe 'best' is not known: give fast, quick or assignment"
    refused("recipe", message, parameters.parse_recipe, "best", NOTHING)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("iterations", "0", "iterations=0 is not valid: give a whole number from 1 to 10000000"),
        ("iterations", "-5", "iterations=-5 is not valid"),
        ("iterations", "10000001", "iterations=10000001 is not valid"),
        ("iterations", "1e3", "iterations='1e3' is not a whole number"),
        ("iterations", "9" * 5000, "is not a whole number"),
        ("batch_size", "0", "batch_size=0 is not valid: give a whole number from 1 to 60000"),
        ("batch_size", "60001", "batch_size=60001 is not valid"),
        ("batch_size", "1.5", "batch_size='1.5' is not a whole number"),
        ("eval_every", "0", "eval_every=0 is not valid: give a whole number of at least 1"),
        ("eval_every", "often", "eval_every='often' is not a whole number"),
        ("learning_rate", "nan", "learning_rate=nan is not valid: give a number above 0, up to 1"),
        ("learning_rate", "inf", "learning_rate=inf is not valid"),
        ("learning_rate", "-1", "learning_rate=-1.0 is not valid"),
        ("learning_rate", "0", "learning_rate=0.0 is not valid"),
        ("learning_rate", "1e9", "learning_rate=1000000000.0 is not valid"),
        ("learning_rate", "0,001", "learning_rate='0,001' is not a number"),
    ],
)
def test_overrides_refused(field: str, text: str, message: str) -> None:
    refused(field, message, parameters.parse_recipe, "assignment", {field: text})


# --- The rest --------------------------------------------------------------------------------


def test_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parameters.resolve_precision("bfloat16") == "bfloat16"
    for has_it, wanted in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(parameters, "has_fast_bfloat16", lambda has_it=has_it: has_it)
        assert parameters.resolve_precision("auto") == wanted
    message = "precision 'float64' is not known: give float32, bfloat16 or auto"
    refused("precision", message, parameters.resolve_precision, "float64")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("FALSE", False), ("false", False)]
)
def test_booleans(text: str, value: bool) -> None:
    assert parameters.parse_bool("resume", text) is value


@pytest.mark.parametrize("text", ["", "1", "yes"])
def test_booleans_refused(text: str) -> None:
    message = f"resume={text!r} is neither true nor false"
    refused("resume", message, parameters.parse_bool, "resume", text)


def test_notes(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("words")
    parameters.check_notes(str(tmp_path / "notes.md"))
    parameters.check_notes("")
    parameters.check_notes("", tmp_path)
    (tmp_path / "notes.md").write_bytes(b"Gr\xfc\xdfe")
    refused("notes", "is not text in UTF-8", parameters.check_notes, "", tmp_path)


@pytest.mark.parametrize("name", ["missing.md", "folder", "fifo", "loop", "nul\0"])
def test_notes_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused("notes", "is not a file that can be read", parameters.check_notes, str(tmp_path / name))


def test_one_training_for_each_setting_and_seed() -> None:
    jobs = parameters.parse_specs("3,16-8-2", QUICK, "0,7", "1-2", "float32")
    assert [job.name for job in jobs] == [
        "setting-3 seed-0",
        "setting-3 seed-7",
        "setting-16-8-2 seed-0",
        "setting-16-8-2 seed-7",
    ]
    assert {job.recipe for job in jobs} == {QUICK}
    assert {job.pairs for job in jobs} == {((1, 2),)}


# --- There and back --------------------------------------------------------------------------

widths = st.integers(1, MAX_WIDTH)
positive = st.floats(0, 1, exclude_min=True)
below_one = st.floats(0, 1, exclude_max=True)
recipes = st.builds(
    Recipe,
    name=st.sampled_from(sorted(RECIPES)),
    iterations=st.integers(1, 10_000_000),
    batch_size=st.integers(1, 60_000),
    eval_every=st.integers(1),
    learning_rate=positive,
    schedule=st.sampled_from(SCHEDULES),
    warmup_iterations=st.integers(0),
    beta_1=below_one,
    beta_2=below_one,
    epsilon=st.floats(0, 1, exclude_min=True, exclude_max=True),
)
digits = st.integers(0, 9)
pairs = st.tuples(digits, digits).filter(lambda pair: pair[0] != pair[1])
trainings = st.builds(
    TrainingSpec,
    setting=st.lists(widths, min_size=1, max_size=MAX_LAYERS).map(
        lambda chosen: Setting("-".join(map(str, chosen)), tuple(chosen))
    ),
    recipe=recipes,
    seed=st.integers(0, MAX_SEED),
    precision=st.sampled_from(["float32", "bfloat16"]),
    pairs=st.lists(pairs, min_size=1, max_size=9, unique=True).map(tuple),
    threads=st.integers(0, MAX_COUNT),
    data_digest=st.text("0123456789abcdef"),
)


@given(trainings)
def test_params_read_back_equal(job: TrainingSpec) -> None:
    params = job.to_params()
    assert all(type(value) is str for value in params.values())
    assert TrainingSpec.from_params(params) == job


def test_params_by_name() -> None:
    (job,) = parameters.parse_specs("2", ASSIGNMENT, "5", "3-8,4-9", "float32")
    assert job.to_params() == {
        "setting": "2",
        "widths": "512-128-16",
        "latent_size": "16",
        "d1": "512",
        "d2": "128",
        "d3": "16",
        "recipe": "assignment",
        "iterations": "100000",
        "batch_size": "500",
        "eval_every": "100",
        "learning_rate": "0.001",
        "schedule": "constant",
        "warmup_iterations": "0",
        "beta_1": "0.9",
        "beta_2": "0.999",
        "epsilon": "1e-08",
        "optimizer": "adam",
        "seed": "5",
        "precision": "float32",
        "threads": "0",
        "data_digest": "",
        "pairs": "3-8,4-9",
    }


HAVE_DEFAULTS = {
    "schedule",
    "warmup_iterations",
    "beta_1",
    "beta_2",
    "epsilon",
    "optimizer",
    "threads",
    "data_digest",
}
DERIVED = {"latent_size", "d1", "d2", "d3"}
"""What is logged for people and older scripts, and not read back."""


def test_a_run_from_before_widths_were_a_list_is_read() -> None:
    (job,) = parameters.parse_specs("16-8-2", ASSIGNMENT, "5", "3-8", "float32")
    older = {n: v for n, v in job.to_params().items() if n not in ("widths", "latent_size")}
    assert TrainingSpec.from_params(older) == job


def test_a_run_from_before_a_field_was_added_has_its_default() -> None:
    (job,) = parameters.parse_specs("2", ASSIGNMENT, "5", "3-8", "float32")
    params = {name: text for name, text in job.to_params().items() if name != "optimizer"}
    assert TrainingSpec.from_params(params) == job


@given(trainings, st.data())
def test_incomplete_params_are_refused(job: TrainingSpec, data: st.DataObject) -> None:
    params = job.to_params()
    for name in DERIVED & params.keys():
        del params[name]
    del params[data.draw(st.sampled_from(sorted(params.keys() - HAVE_DEFAULTS - DERIVED)))]
    with pytest.raises(KeyError):
        TrainingSpec.from_params(params)


@pytest.mark.parametrize(
    ("name", "text"), [("widths", "8-wide"), ("seed", ""), ("beta_1", str(math.e))]
)
def test_wrong_params_are_refused(name: str, text: str) -> None:
    (job,) = parameters.parse_specs("2", ASSIGNMENT, "5", "3-8", "float32")
    with pytest.raises(ValueError, match=r"invalid literal|beta_1=2\.718"):
        TrainingSpec.from_params(job.to_params() | {name: text})
