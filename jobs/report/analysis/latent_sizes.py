"""Error against latent size in a controlled study: what the spread over the seeds lets one say.

Within a latent size the final errors of different seeds are taken for independent draws from a
normal distribution. PCA's errors do not depend on a seed and have no noise.

References:
    B. L. Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34, 28-35, 1947.
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65-70, 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from jobs.report.analysis.estimate import Estimate
from jobs.report.records import SizeErrors

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
"""Corrected p-values up to this count as a difference."""


def mean_error(errors: Sequence[float]) -> Estimate:
    """Return the mean over the seeds with Student's interval; without it for a single seed."""
    from scipy import stats

    mean = float(np.mean(errors))
    if len(errors) < 2:
        return Estimate(mean)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(errors) - 1)) * _standard_error(errors)
    return Estimate(mean, (mean - half, mean + half))


def gain(size: SizeErrors) -> Estimate:
    """Return the share by which the mean error is below PCA's; negative if it is above."""
    mean = mean_error(size.errors)
    if mean.interval is None:
        return Estimate(1 - mean.value / size.pca)
    low, high = mean.interval
    return Estimate(1 - mean.value / size.pca, (1 - high / size.pca, 1 - low / size.pca))


@dataclass(frozen=True)
class Step:
    """Two neighbouring latent sizes, each trained from two seeds or more."""

    small: int
    large: int
    fall: float
    """Mean error at the smaller size minus that at the larger one."""
    p_value: float
    """Of Welch's test, two-sided, with Holm's correction for all steps of the study."""

    @property
    def falls(self) -> bool:
        """Whether the error falls by more than the seeds explain."""
        return self.p_value <= SIGNIFICANCE and self.fall > 0

    @property
    def rises(self) -> bool:
        """Whether the error rises by more than the seeds explain."""
        return self.p_value <= SIGNIFICANCE and self.fall < 0


def steps(sizes: Sequence[SizeErrors]) -> tuple[Step, ...]:
    """Return the steps between neighbouring sizes that have two seeds or more.

    Args:
        sizes: by latent size.
    """
    pairs = [pair for pair in pairwise(sizes) if min(len(size.errors) for size in pair) > 1]
    corrected = holm([_welch(small.errors, large.errors) for small, large in pairs])
    return tuple(
        Step(
            small.latent_size,
            large.latent_size,
            float(np.mean(small.errors) - np.mean(large.errors)),
            p_value,
        )
        for (small, large), p_value in zip(pairs, corrected, strict=True)
    )


def _welch(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the two-sided p-value of Welch's test; 1 if no seed makes any difference.

    Without spread the test is not defined, and nothing is known of the noise.
    """
    from scipy import stats

    if np.ptp(a) == np.ptp(b) == 0:
        return 1.0
    return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values with Holm's correction, in the same order."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values)):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        corrected[index] = min(1.0, largest)
    return corrected


@dataclass(frozen=True)
class Slope:
    """How steeply the error falls between two neighbouring latent sizes, as powers d^-a of them."""

    small: int
    large: int
    network: Estimate
    """a of the networks' mean error."""
    pca: float
    """a of PCA's."""

    @property
    def steeper(self) -> Estimate:
        """The first less the second."""
        low, high = self.network.interval or (self.network.value, self.network.value)
        return Estimate(self.network.value - self.pca, (low - self.pca, high - self.pca))


def slopes(sizes: Sequence[SizeErrors]) -> tuple[Slope, ...]:
    """Return the slopes between neighbouring sizes that have two seeds or more.

    Args:
        sizes: by latent size.
    """
    pairs = [pair for pair in pairwise(sizes) if min(len(size.errors) for size in pair) > 1]
    return tuple(
        Slope(
            small=pair[0].latent_size,
            large=pair[1].latent_size,
            network=_exponent(pair),
            pca=exponent([s.latent_size for s in pair], [Estimate(s.pca) for s in pair]).value,
        )
        for pair in pairs
    )


def _exponent(sizes: Sequence[SizeErrors]) -> Estimate:
    return exponent([s.latent_size for s in sizes], [mean_error(s.errors) for s in sizes])


def common_exponent(sizes: Sequence[SizeErrors]) -> Estimate | None:
    """Return a of the power d^-a that the mean errors are, if they are one within their noise.

    It takes two steps between sizes of two seeds or more.
    """
    taken = slopes(sizes)
    if len(taken) < 2 or len(taken) < len(sizes) - 1 or not agree([s.network for s in taken]):
        return None
    return _exponent(sizes)


def agree(estimates: Sequence[Estimate]) -> bool:
    """Return whether one number lies in all the intervals."""
    intervals = [e.interval or (e.value, e.value) for e in estimates]
    return max(low for low, _ in intervals) <= min(high for _, high in intervals)


def exponent(sizes: Sequence[int], errors: Sequence[Estimate]) -> Estimate:
    """Return a of the power d^-a fitted to errors at latent sizes d by least squares of logarithms.

    The interval comes from those of the errors, which are taken for independent.
    """
    x = np.log(np.array(sizes, dtype=np.float64))
    weights = (x - x.mean()) / np.sum(np.square(x - x.mean()))
    value = -float(weights @ np.log([error.value for error in errors]))
    halves = [0.0 if e.interval is None else (e.interval[1] / e.value) - 1 for e in errors]
    half = float(np.linalg.norm(weights * halves))
    return Estimate(value, (value - half, value + half))


def _standard_error(errors: Sequence[float]) -> float:
    return float(np.std(errors, ddof=1) / np.sqrt(len(errors)))
