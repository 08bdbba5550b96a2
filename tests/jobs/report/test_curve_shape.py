"""The shape of curves in which a feature holds, just fails to hold, or cannot be judged."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aemodel.settings import RECIPES
from jobs.report.analysis import curve_shape as shape
from jobs.report.records import Curve
from tests.jobs.report.synthetic import REFERENCE, curve

JUDGES: tuple[Callable[[Curve], object], ...] = (
    shape.overfit,
    shape.plateau,
    shape.still_falling,
)
FLAT = {1: 0.02, 100_000: 0.02}


def rising(share: float) -> Curve:
    """Return a curve that is lowest at 40,000 iterations and ends `share` above that."""
    return curve(
        {1: 0.1, 40_000: 0.02, 90_000: 0.02 * (1 + share), 100_001: 0.02 * (1 + share)}, noise=0
    )


def with_peak(ratio: float) -> Curve:
    """Return a flat curve with one recorded error `ratio` times the others."""
    flat = curve(FLAT, noise=0)
    flat.test_mse[500] *= ratio
    return flat


def test_a_spike_is_found_with_its_height_and_recovery() -> None:
    (spike,) = shape.spikes(curve(FLAT, noise=0, spikes={14_500: (0.08, 3_000)}))
    assert (spike.start, spike.peak_iteration) == (14_500, 14_500)
    assert (spike.level, spike.peak) == pytest.approx((0.02, 0.08))
    assert spike.end is not None
    assert 16_500 < spike.end <= 17_500


def test_a_spike_that_outlasts_the_training_has_no_end() -> None:
    (spike,) = shape.spikes(curve(FLAT, noise=0, spikes={98_000: (0.08, 30_000)}))
    assert spike.end is None
    assert 0.07 < spike.last < 0.08


def test_a_jump_that_lasts_is_one_spike_and_later_ones_are_found_above_it() -> None:
    held = curve(FLAT, noise=0)
    held.test_mse[held.iterations >= 12_000] = 0.04
    held.test_mse[held.iterations == 12_200] = 0.065
    held.test_mse[held.iterations == 98_200] = 0.338
    first, second = shape.spikes(held)
    assert (first.start, first.peak_iteration, first.end) == (12_000, 12_200, None)
    assert (first.level, first.peak, first.last) == pytest.approx((0.02, 0.065, 0.04))
    assert (second.peak_iteration, second.end) == (98_200, 98_300)
    assert second.level == pytest.approx(0.04)


def test_a_spike_of_a_falling_error_is_measured_from_the_error_before_it() -> None:
    held = curve({1: 0.1, 100_000: 0.01}, noise=0)
    before = held.test_mse[9]
    held.test_mse[10] = 1.51 * before
    assert np.median(held.test_mse[:10]) > 1.01 * before
    (spike,) = shape.spikes(held)
    assert spike.start == 1_000
    assert spike.level == pytest.approx(before)
    assert spike.ratio == pytest.approx(1.51)


def test_a_short_curve_can_spike() -> None:
    errors = np.array([0.1, 0.02, 0.012, 0.011, 0.0105, 0.01, 0.03, 0.01])
    short = Curve(np.arange(8) * 100, errors, np.zeros(8))
    (spike,) = shape.spikes(short)
    assert (spike.start, spike.level, spike.end) == (600, 0.01, 700)


@pytest.mark.parametrize(("ratio", "number"), [(1.49, 0), (1.51, 1)])
def test_the_threshold_of_a_spike(ratio: float, number: int) -> None:
    assert len(shape.spikes(with_peak(ratio))) == number


def test_the_reference_run_of_setting_1_rises_after_its_best() -> None:
    rise = shape.overfit(curve(REFERENCE["1"]))
    assert rise is not None
    assert 20_000 < rise.since < 40_000
    assert rise.last / rise.lowest == pytest.approx(1.02, abs=0.008)


@pytest.mark.parametrize(("share", "rises"), [(0.008, False), (0.013, True)])
def test_the_threshold_of_a_rise(share: float, rises: bool) -> None:
    assert (shape.overfit(rising(share)) is not None) is rises


def test_training_error_is_measured_where_the_test_error_is_lowest() -> None:
    held = rising(0.05)
    rise = shape.overfit(replace(held, train_mse=np.linspace(0.03, 0.01, held.iterations.size)))
    assert rise is not None
    assert rise.train_lowest is not None
    assert rise.train_last is not None
    assert rise.train_last < 0.011 < rise.train_lowest < 0.025


def test_a_training_that_ends_in_a_spike_is_not_called_rising() -> None:
    held = curve(REFERENCE["1"], spikes={95_000: (0.3, 50_000)})
    assert shape.overfit(held) is None
    assert shape.still_falling(held) is None


def test_the_reference_run_of_setting_3_rests_on_a_plateau() -> None:
    rest = shape.plateau(curve(REFERENCE["3"]))
    assert rest is not None
    assert 200 < rest.start < 700
    assert 2_000 < rest.end < 3_200
    assert rest.level == pytest.approx(0.0094, abs=0.0003)


@pytest.mark.parametrize("setting", ["1", "2"])
def test_a_steady_fall_and_a_flat_end_are_no_plateau(setting: str) -> None:
    assert shape.plateau(curve(REFERENCE[setting])) is None


def test_a_plateau_is_found_on_the_few_points_of_a_short_recipe() -> None:
    recipe = replace(RECIPES["assignment"], iterations=3_000, eval_every=20)
    rest = shape.plateau(curve({1: 0.1, 300: 0.0095, 1_200: 0.0093, 3_000: 0.006}, recipe))
    assert rest is not None
    assert 200 <= rest.start <= 400
    assert 1_000 < rest.end < 1_700


def test_an_error_that_still_falls() -> None:
    steep = {1: 0.1, 80_000: 0.02, 100_000: 0.0188}
    assert shape.still_falling(curve(steep, noise=0)) == pytest.approx(0.014, abs=0.002)
    assert shape.still_falling(curve({**steep, 100_000: 0.0194}, noise=0)) is None
    assert shape.still_falling(curve(FLAT)) is None


def test_the_two_levels_of_a_short_curve_have_no_error_in_common() -> None:
    recipe = replace(RECIPES["assignment"], iterations=3_000)
    held = curve(FLAT, recipe, noise=0)
    held.test_mse[-5:] *= 0.98
    assert shape.still_falling(held) == pytest.approx(0.02)


def test_a_curve_that_is_not_finite_is_not_judged() -> None:
    held = curve(REFERENCE["1"], spikes={14_500: (0.5, 3_000)})
    held.test_mse[300:] = np.nan
    assert shape.first_not_finite(held) == 30_000
    assert shape.spikes(held) == []
    assert [judge(held) for judge in JUDGES] == [None] * 3


def test_a_curve_of_few_points_is_not_judged() -> None:
    short = Curve(np.arange(3) * 100, np.array([0.1, 0.02, 0.2]), np.zeros(3))
    assert shape.spikes(short) == []
    assert [judge(short) for judge in JUDGES] == [None] * 3
