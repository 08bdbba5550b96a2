"""The statistics of a controlled study: what holds, what just does not, and what cannot be told."""

import numpy as np
import pytest
from scipy import stats

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.latent_sizes import (
    agree,
    common_exponent,
    exponent,
    gain,
    holm,
    mean_error,
    slopes,
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
    assert slopes([size(2, 0.04), size(4, 0.02, 0.021)]) == ()
    two = [size(2, 0.04, 0.041), size(4, 0.02, 0.021)]
    assert common_exponent(two) is None  # one step agrees with itself
    assert common_exponent([*two, size(8, 0.01)]) is None


NOISE = (0.998, 1.0, 1.002)


def power(latent_size: int, a: float, pca: float = 0.4) -> SizeErrors:
    """Return errors on d^-a, of three seeds."""
    mean = 0.06 * latent_size**-a
    return size(latent_size, *(mean * e for e in NOISE), pca=0.07 * latent_size**-pca)


def test_a_power_law_is_found_where_the_steps_agree() -> None:
    sizes = [power(d, 0.6) for d in (1, 2, 4, 8)]
    taken = slopes(sizes)
    assert [(slope.small, slope.large) for slope in taken] == [(1, 2), (2, 4), (4, 8)]
    for slope in taken:
        assert slope.network.value == pytest.approx(0.6)
        assert slope.pca == pytest.approx(0.4)
        assert slope.steeper.value == pytest.approx(0.2)
        assert slope.steeper.is_positive
    common = common_exponent(sizes)
    assert common is not None
    assert common.value == pytest.approx(0.6)
    assert common.interval is not None
    assert common.interval[0] < 0.6 < common.interval[1]


@pytest.mark.parametrize(("last", "is_one"), [(0.0172, True), (0.0166, False)])
def test_steps_that_disagree_beyond_their_noise_have_no_common_exponent(
    last: float, is_one: bool
) -> None:
    bent = size(8, *(last * e for e in NOISE))  # 0.06 x 8^-0.6 is 0.01723
    assert (common_exponent([power(2, 0.6), power(4, 0.6), bent]) is not None) is is_one


def test_intervals_agree_if_they_have_a_number_in_common() -> None:
    one, touching = Estimate(0.6, (0.5, 0.7)), Estimate(0.8, (0.7, 0.9))
    assert agree([one, touching])
    assert not agree([one, Estimate(0.71)])


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
