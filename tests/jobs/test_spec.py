"""A training and the params of its run: written and read back equal."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel.settings import MAX_LAYERS, MAX_WIDTH, RECIPES, SCHEDULES, Recipe, Setting
from jobs import parameters
from jobs.parameters import MAX_SEED
from jobs.spec import TrainingSpec

ASSIGNMENT = RECIPES["assignment"]

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
    nesterov=st.booleans(),
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
    device=st.sampled_from(["cpu", "gpu"]),
    pairs=st.lists(pairs, min_size=1, max_size=9, unique=True).map(tuple),
    threads=st.integers(0, 1024),
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
        "nesterov": "False",
        "optimizer": "adam",
        "seed": "5",
        "precision": "float32",
        "device": "cpu",
        "threads": "0",
        "data_digest": "",
        "pairs": "3-8,4-9",
    }


HAVE_DEFAULTS = {
    "device",
    "schedule",
    "warmup_iterations",
    "beta_1",
    "beta_2",
    "epsilon",
    "nesterov",
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
