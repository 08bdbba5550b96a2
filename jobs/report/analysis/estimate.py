"""A number of a claim, and how far it is to be trusted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its noise."""

    value: float
    interval: tuple[float, float] | None = None
    """Its 95% confidence interval; None where the number has no noise, or it is not known."""
