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
from numpy.typing import NDArray

from jobs.report.analysis.estimate import Estimate
from jobs.report.records import SizeErrors

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
"""Corrected p-values up to this count as a difference."""

Floats = NDArray[np.float64]


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
class PowerLaws:
    """Errors as powers of the latent size d: error = c d^-exponent, fitted to the mean errors."""

    network: Estimate
    """Exponent of the network's error."""
    pca: Estimate
    """Exponent of PCA's."""
    steeper: Estimate
    """The first less the second: the exponent of their ratio."""
    bend: Estimate | None
    """Coefficient of (log d)^2 if the network's log error is fitted by a parabola; zero for a power
    law. None for fewer than four sizes."""


def power_laws(sizes: Sequence[SizeErrors]) -> PowerLaws | None:
    """Fit power laws by least squares of the logarithms; None for fewer than three sizes.

    The intervals rest on the distances of the mean errors from the fitted line, which the seeds'
    noise is a part of.
    """
    if len(sizes) < 3:
        return None
    x = np.log([float(size.latent_size) for size in sizes])
    network = np.log([float(np.mean(size.errors)) for size in sizes])
    pca = np.log([size.pca for size in sizes])
    return PowerLaws(
        network=_leading_coefficient(-x, network, 1),
        pca=_leading_coefficient(-x, pca, 1),
        steeper=_leading_coefficient(-x, network - pca, 1),
        bend=_leading_coefficient(x, network, 2) if len(sizes) > 3 else None,
    )


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


def _leading_coefficient(x: Floats, y: Floats, degree: int) -> Estimate:
    """Return the coefficient of x^degree in the polynomial of that degree fitted to y (n,)."""
    from scipy import stats

    powers = np.vander(x, degree + 1)
    coefficients = np.linalg.lstsq(powers, y)[0]
    freedom = x.size - degree - 1
    variance = float(np.sum(np.square(y - powers @ coefficients))) / freedom
    error = float(np.sqrt(variance * np.linalg.inv(powers.T @ powers)[0, 0]))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    value = float(coefficients[0])
    return Estimate(value, (value - half, value + half))


def _standard_error(errors: Sequence[float]) -> float:
    return float(np.std(errors, ddof=1) / np.sqrt(len(errors)))
