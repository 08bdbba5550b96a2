"""A number of a claim, and how far it is to be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its noise."""

    value: float
    interval: tuple[float, float] | None = None
    """Its 95% interval; None if the number has no noise, or it is not known."""

    @property
    def is_positive(self) -> bool:
        """Whether it is above zero beyond its noise."""
        return (self.value if self.interval is None else self.interval[0]) > 0

    @property
    def is_negative(self) -> bool:
        """Whether it is below zero beyond its noise."""
        return (self.value if self.interval is None else self.interval[1]) < 0

    def scaled(self, factor: float) -> "Estimate":
        """Return it in another unit; the factor is positive."""
        if self.interval is None:
            return Estimate(self.value * factor)
        low, high = self.interval
        return Estimate(self.value * factor, (low * factor, high * factor))


def values_over_seeds(values: Sequence[float]) -> Estimate:
    """Return the mean of numbers that several seeds give, one at least, with their range."""
    return over_seeds([Estimate(value) for value in values])


def over_seeds(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of what several seeds give, one at least.

    Its interval spans theirs: it is above zero, or below, if it is so for every seed.
    """
    if len(estimates) == 1:
        return estimates[0]
    ends = [estimate.interval or (estimate.value, estimate.value) for estimate in estimates]
    mean = sum(estimate.value for estimate in estimates) / len(estimates)
    return Estimate(mean, (min(low for low, _ in ends), max(high for _, high in ends)))
