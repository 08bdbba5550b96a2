"""How numbers and names are put into words."""

from dataclasses import replace

import pytest

from aemodel.settings import RECIPES
from jobs.report.wording import (
    format_duration,
    format_percent,
    is_shortened,
    listing_of_names,
    moments,
    recipe_label,
    recipe_name,
)

ASSIGNMENT, QUICK = RECIPES["assignment"], RECIPES["quick"]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0.0%"),
        (1.0, "100%"),
        (0.9949, "99%"),
        (0.9951, "99.5%"),
        (0.99996, "99.996%"),
        (0.0004, "0.04%"),
        (-0.0004, "-0.04%"),
        (1e-12, "0.0%"),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(share: float, words: str) -> None:
    assert format_percent(share) == words


def test_minutes_begin_at_ten() -> None:
    assert [format_duration(s) for s in (98, 599, 600, 4_980)] == [
        "98 s", "599 s", "10 min", "83 min"
    ]  # fmt: skip


def test_a_recipe_is_named_by_what_was_changed() -> None:
    stopped = replace(ASSIGNMENT, iterations=1_500, eval_every=50)
    shortened = replace(QUICK, iterations=400, warmup_iterations=40)
    longer, other = replace(QUICK, iterations=800), replace(stopped, batch_size=100)
    assert recipe_name(ASSIGNMENT) == "the assignment's recipe"
    assert recipe_name(QUICK) == "the recipe quick"
    assert recipe_name(stopped) == (
        "the assignment's recipe, stopped after 1,500 of its 100,000 iterations"
    )
    assert recipe_name(shortened) == "the recipe quick, shortened to 400 of its 700 iterations"
    assert recipe_name(longer) == "a variant of the recipe quick"
    assert recipe_name(other) == "a variant of the assignment's recipe"
    assert recipe_name(replace(QUICK, name="own")) == "a variant of the recipe own"
    assert [recipe_label(r) for r in (QUICK, stopped, shortened, other)] == [
        "quick", "assignment, stopped", "quick, shortened", "assignment, changed"
    ]  # fmt: skip
    assert [is_shortened(r) for r in (QUICK, stopped, longer, other)] == [False, True, False, False]


def test_a_seed_that_all_names_share_is_given_once() -> None:
    names = ["setting 1 (seed 0)", "setting 2 (seed 0)"]
    assert listing_of_names(names) == "setting 1 and setting 2 (seed 0 of each)"
    assert moments(dict.fromkeys(names, 100)).endswith("setting 1 and setting 2 (seed 0 of each)")
    assert listing_of_names(names[:1]) == names[0]
    other = [names[0], "setting 2 (seed 1)"]
    assert listing_of_names(other) == "setting 1 (seed 0) and setting 2 (seed 1)"
    assert listing_of_names(["setting 1", names[1]]) == "setting 1 and setting 2 (seed 0)"
