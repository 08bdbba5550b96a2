"""How far numbers are to be trusted: intervals of 95% over seeds and over test images."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.estimate import Estimate

CONFIDENCE = 0.95
SINGLE_TRAINING = 0.02
"""Half width of the interval of a final error, as a share of it, if there is one training.

Of networks of all three settings the error of an image has a standard deviation of 0.50 to 0.57 of
its mean, so that 10,000 test images give the mean to 1.1%; a little is added for the seed, whose
effect one training does not show."""
IMAGES = 10_000
"""Test images of MNIST, for which this holds; with fewer the error is known less well."""
RESAMPLES = 2_000
"""Bootstrap resamples of the test images."""
CORRELATED = 0.6
"""Rank correlation from which on one measure is said to follow another ..."""
SIGNIFICANT = 0.01
"""... if chance gives it with at most this probability."""

Floats = NDArray[np.float64]


def single_training(images: int) -> float:
    """Return `SINGLE_TRAINING` for an error over this many test images."""
    return SINGLE_TRAINING * max(1.0, float(np.sqrt(IMAGES / max(1, images))))


def mean_error(values: Sequence[float], images: int = IMAGES) -> Estimate:
    """Return the mean final error over seeds, one value or more, on this many test images.

    Its interval is Student's for several seeds, that of `single_training` for one.
    """
    from scipy import stats

    mean = float(np.mean(values))
    if len(values) == 1:
        share = single_training(images)
        return Estimate(mean, ((1 - share) * mean, (1 + share) * mean))
    if np.ptp(values) == 0:
        return Estimate(mean, (mean, mean))
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, mean, stats.sem(values))
    return Estimate(mean, (float(low), float(high)))


def difference(before: Sequence[float], after: Sequence[float], images: int = IMAGES) -> Estimate:
    """Return mean(before) - mean(after) of final errors, with Welch's interval over the seeds.

    If either has one seed alone, its uncertainty is that of a single training.
    """
    from scipy import stats

    value = float(np.mean(before) - np.mean(after))
    if min(len(before), len(after)) == 1:
        half = float(np.hypot(_half_width(before, images), _half_width(after, images)))
        return Estimate(value, (value - half, value + half))
    if np.ptp(before) == np.ptp(after) == 0:
        return Estimate(value, (value, value))
    interval = stats.ttest_ind(before, after, equal_var=False).confidence_interval(CONFIDENCE)
    return Estimate(value, (float(interval.low), float(interval.high)))


def _half_width(values: Sequence[float], images: int) -> float:
    estimate = mean_error(values, images)
    return 0.0 if estimate.interval is None else estimate.interval[1] - estimate.value


def share_difference(a: float, b: float, images: int) -> Estimate:
    """Return a - b of two shares of the same number of test images, with its interval.

    The shares are taken for independent, which makes the interval too wide rather than too narrow
    if the same images count in both.
    """
    if images == 0:
        return Estimate(a - b, (-1.0, 1.0))
    half = 1.96 * float(np.sqrt((a * (1 - a) + b * (1 - b)) / images))
    return Estimate(a - b, (a - b - half, a - b + half))


def mean_over_images(values: Floats) -> Estimate:
    """Return the mean of one value per test image, with its bootstrap interval."""
    return _bootstrap((values,))


def difference_over_images(a: Floats, b: Floats) -> Estimate:
    """Return mean(a) - mean(b) over two sets of test images, with its bootstrap interval."""
    return _bootstrap((a, b))


def _bootstrap(samples: tuple[Floats, ...]) -> Estimate:
    """Return the first mean, less the second if there is one.

    The bootstrap draws images with replacement. Means of one value per image are drawn from the
    counts of the different values, of which there are few, by a multinomial.
    """
    rng = np.random.default_rng(0)
    drawn, value = np.zeros(RESAMPLES), 0.0
    for sign, sample in zip((1, -1), samples, strict=False):
        levels, counts = np.unique(sample, return_counts=True)
        means = rng.multinomial(sample.size, counts / sample.size, RESAMPLES) @ levels / sample.size
        drawn, value = drawn + sign * means, value + sign * float(sample.mean())
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value, (float(low), float(high)))


def rank_correlations(series: Iterable[Floats], numbers: Sequence[float]) -> list[float]:
    """Return Spearman's correlation of each series (n,) with n numbers; none if one is too low."""
    from scipy import stats

    found = [stats.spearmanr(values, numbers) for values in series]
    clear = all(r.statistic >= CORRELATED and r.pvalue <= SIGNIFICANT for r in found)
    return [float(result.statistic) for result in found] if clear else []
