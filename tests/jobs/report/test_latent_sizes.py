"""The statistics of a controlled study: what holds, what just does not, and what cannot be told."""

import numpy as np
import pytest
from scipy import stats

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.latent_sizes import (
    exponent,
    gain,
    holm,
    mean_error,
    power_laws,
    steps,
)
from jobs.report.records import SizeErrors


def size(latent_size: int, *errors: float, pca: float = 0.05) -> SizeErrors:
    return SizeErrors(latent_size, errors, pca)


def test_the_mean_has_students_interval() -> None:
    mean = mean_error([0.010, 0.011, 0.012])
    assert mean.value == pytest.approx(0.011)
    assert mean.interval is not None
    half = 4.302653 * 0.001 / np.sqrt(3)  # Student's t with 2 degrees of freedom, from a table
    assert mean.interval == pytest.approx((0.011 - half, 0.011 + half))


def test_one_seed_has_no_interval() -> None:
    assert mean_error([0.01]).interval is None
    assert gain(size(2, 0.04)).interval is None


def test_the_gain_over_pca_turns_the_interval_round() -> None:
    share = gain(size(2, 0.039, 0.040, 0.041, pca=0.05))
    mean = mean_error([0.039, 0.040, 0.041])
    assert share.value == pytest.approx(0.2)
    assert share.interval is not None
    assert mean.interval is not None
    assert share.interval == pytest.approx(
        (1 - mean.interval[1] / 0.05, 1 - mean.interval[0] / 0.05)
    )
    assert share.is_positive


def test_a_gain_within_the_noise_is_neither() -> None:
    share = gain(size(2, 0.045, 0.049, 0.053, pca=0.05))
    assert not share.is_positive
    assert not share.is_negative
    assert gain(size(2, 0.059, 0.060, 0.061, pca=0.05)).is_negative


def test_holms_correction() -> None:
    # By hand: 3 x 0.01, 2 x 0.03, 1 x 0.04 and never below the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_clear_fall_and_a_clear_rise() -> None:
    (fall,) = steps([size(2, 0.0400, 0.0401, 0.0402), size(4, 0.0200, 0.0201, 0.0202)])
    assert (fall.small, fall.large, fall.falls, fall.rises) == (2, 4, True, False)
    assert fall.fall == pytest.approx(0.02)
    (rise,) = steps([size(2, 0.0200, 0.0201, 0.0202), size(4, 0.0400, 0.0401, 0.0402)])
    assert (rise.falls, rise.rises) == (False, True)


def test_a_fall_within_the_noise_is_not_told() -> None:
    (step,) = steps([size(2, 0.0400, 0.0410, 0.0420), size(4, 0.0395, 0.0405, 0.0415)])
    assert step.fall > 0
    assert (step.falls, step.rises) == (False, False)


def test_a_fall_that_holds_alone_may_not_hold_among_many() -> None:
    just = (size(2, 0.0400, 0.0410, 0.0420), size(4, 0.0372, 0.0382, 0.0392))
    alone = stats.ttest_ind(just[0].errors, just[1].errors, equal_var=False).pvalue
    assert 0.025 < alone <= 0.05
    assert steps(just)[0].falls
    among = steps([*just, size(8, 0.0372, 0.0382, 0.0392), size(16, 0.0372, 0.0382, 0.0392)])
    assert not among[0].falls
    assert among[0].p_value == pytest.approx(3 * alone)


def test_what_cannot_be_told() -> None:
    assert steps([size(2, 0.04), size(4, 0.02, 0.021)]) == ()  # one seed
    (step,) = steps([size(2, 0.04, 0.04), size(4, 0.02, 0.02)])  # no spread to test against
    assert (step.falls, step.rises) == (False, False)
    assert power_laws([size(2, 0.04), size(4, 0.02)]) is None
    laws = power_laws([size(2, 0.04), size(4, 0.02), size(8, 0.011)])
    assert laws is not None
    assert laws.bend is None


SIZES = (1, 2, 4, 8, 16, 32, 64)


def test_a_power_law_is_found() -> None:
    noise = np.exp(np.random.default_rng(0).normal(0, 0.01, len(SIZES)))
    laws = power_laws(
        [size(d, 0.06 * d**-0.6 * e, pca=0.07 * d**-0.4) for d, e in zip(SIZES, noise, strict=True)]
    )
    assert laws is not None
    assert laws.network.value == pytest.approx(0.6, abs=0.01)
    assert laws.pca.value == pytest.approx(0.4)
    assert laws.steeper.value == pytest.approx(0.2, abs=0.01)
    assert laws.steeper.is_positive
    assert laws.bend is not None
    assert not laws.bend.is_positive
    assert not laws.bend.is_negative


def test_the_interval_of_an_exponent_is_that_of_a_regression() -> None:
    errors = [0.061, 0.036, 0.026, 0.016, 0.010, 0.0060, 0.0045]
    laws = power_laws([size(d, e) for d, e in zip(SIZES, errors, strict=True)])
    line = stats.linregress(np.log(SIZES), np.log(errors))
    half = stats.t.ppf(0.975, len(SIZES) - 2) * line.stderr
    assert laws is not None
    assert laws.network.interval == pytest.approx((-line.slope - half, -line.slope + half))


def test_a_curve_that_flattens_bends_upwards() -> None:
    errors = [0.003 + 0.06 * d**-0.8 for d in SIZES]
    laws = power_laws([size(d, e) for d, e in zip(SIZES, errors, strict=True)])
    assert laws is not None
    assert laws.bend is not None
    assert laws.bend.is_positive


def test_the_exponent_of_a_power_is_found_with_the_noise_of_the_errors() -> None:
    sizes = [2, 16, 64]
    errors = [0.06 * size**-0.67 for size in sizes]
    exact = exponent(sizes, [Estimate(error) for error in errors])
    assert exact.value == pytest.approx(0.67)
    assert exact.interval == (exact.value, exact.value)
    noisy = exponent(sizes, [Estimate(e, (0.98 * e, 1.02 * e)) for e in errors])
    x = np.log(sizes)
    half = 0.02 / np.sqrt(np.sum((x - x.mean()) ** 2))
    assert noisy.interval == pytest.approx((0.67 - half, 0.67 + half))
