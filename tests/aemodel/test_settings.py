"""Settings and recipes: the assignment's numbers, what is refused, and the learning rates."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel.settings import (
    MAX_LAYERS,
    MAX_WIDTH,
    RECIPES,
    SETTINGS,
    Recipe,
    Setting,
    parse_setting,
)

ASSIGNMENT = RECIPES["assignment"]
widths = st.integers(1, MAX_WIDTH)


# --- Settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted", "parameters"),
    [
        ("1", (784, 128, 64, 2, 64, 128, 784), 218_514),
        ("2", (784, 512, 128, 16, 128, 512, 784), 940_064),
        ("3", (784, 1024, 128, 64, 128, 1024, 784), 1_887_312),
        ("96-40-5", (784, 96, 40, 5, 40, 96, 784), 159_669),
    ],
)
def test_widths_and_parameters(name: str, wanted: tuple[int, ...], parameters: int) -> None:
    setting = parse_setting(name)
    assert setting.name == name
    assert setting.layer_widths == wanted
    assert setting.parameter_count == parameters


@given(st.lists(widths, min_size=2, max_size=MAX_LAYERS))
def test_custom_settings_are_named_by_their_widths(chosen: list[int]) -> None:
    setting = parse_setting(f" {'-'.join(map(str, chosen))} ")
    assert setting.widths == tuple(chosen)
    assert (*setting.hidden_widths, setting.latent_size) == setting.widths
    assert parse_setting(setting.name) == setting


@pytest.mark.parametrize("name", SETTINGS)
def test_widths_of_a_preset_are_the_preset(name: str) -> None:
    preset = SETTINGS[name]
    assert parse_setting("-".join(map(str, preset.widths))) is preset


@pytest.mark.parametrize(
    "text",
    ["", "0", "4", "2-", "-1-2-3", "1e9-1-1", "1--2", "1-2-3-", "a-b-c", "1.5-2-3", "٣-٣-٣", "all"],
)
def test_unknown_settings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"setting {text!r} is not known: give 1, 2, 3 or"):
        parse_setting(text)


@pytest.mark.parametrize(
    ("text", "width"), [("0-2-3", 0), ("1-16385-3", 16385), ("1-2-999999", 999999)]
)
def test_widths_out_of_range_are_refused(text: str, width: int) -> None:
    with pytest.raises(ValueError, match=rf"'{text}': layer width {width} is outside 1\.\.16384"):
        parse_setting(text)


def test_a_setting_is_checked_however_it_is_made() -> None:
    with pytest.raises(ValueError, match="layer width -1"):
        Setting("mine", (8, -1, 2))


# --- Recipes ---------------------------------------------------------------------------------


def test_the_assignment_recipe_is_the_assignments() -> None:
    assert (
        Recipe(
            name="assignment",
            iterations=100_000,
            batch_size=500,
            eval_every=100,
            learning_rate=0.001,
            schedule="constant",
            warmup_iterations=0,
            beta_1=0.9,
            beta_2=0.999,
            epsilon=1e-8,
        )
        == ASSIGNMENT
    )
    assert len(ASSIGNMENT.evaluations) == 1000
    assert ASSIGNMENT.evaluations[-1] == 99_900


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_know_their_name(name: str) -> None:
    assert RECIPES[name].name == name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iterations", 0),
        ("iterations", 10_000_001),
        ("batch_size", 0),
        ("batch_size", 60_001),
        ("eval_every", 0),
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", 1e9),
        ("learning_rate", math.nan),
        ("schedule", "linear"),
        ("warmup_iterations", -1),
        ("beta_1", 1.0),
        ("beta_2", math.nan),
        ("epsilon", 0.0),
    ],
)
def test_values_out_of_range_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}={value!r} is not valid: give "):
        replace(ASSIGNMENT, **{field: value})


def test_the_constant_learning_rate() -> None:
    assert {ASSIGNMENT.learning_rate_at(i) for i in (0, 1, 99_999)} == {0.001}


def test_warm_up_rises_to_the_peak_and_the_cosine_falls_to_zero() -> None:
    recipe = replace(
        ASSIGNMENT, iterations=110, learning_rate=0.4, schedule="cosine", warmup_iterations=10
    )
    rates = [recipe.learning_rate_at(i) for i in range(110)]
    assert rates[:10] == pytest.approx([0.04 * n for n in range(1, 11)])
    assert max(rates) == rates[9] == rates[10] == 0.4
    assert rates[60] == pytest.approx(0.2)
    assert rates[35] == pytest.approx(0.4 * (1 + math.sqrt(0.5)) / 2)
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.4e-3


@given(st.integers(1, 500), st.integers(0, 600), st.sampled_from(["constant", "cosine"]))
def test_learning_rates_are_positive_and_at_most_the_peak(
    iterations: int, warmup: int, schedule: str
) -> None:
    recipe = replace(ASSIGNMENT, iterations=iterations, schedule=schedule, warmup_iterations=warmup)
    assert all(0 < recipe.learning_rate_at(i) <= 0.001 for i in range(iterations))


@pytest.mark.parametrize("iteration", [-1, 100_000])
def test_there_is_no_learning_rate_outside_the_training(iteration: int) -> None:
    with pytest.raises(ValueError, match=f"iteration {iteration} is outside 0..99999"):
        ASSIGNMENT.learning_rate_at(iteration)
