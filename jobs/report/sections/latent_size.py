"""Part 1: what the error does as the latent size grows."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from jobs.report import charts
from jobs.report.analysis.groups import Group
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation
from jobs.report.wording import (
    capitalized,
    format_mse,
    format_percent,
    format_ratio,
    format_significant,
    listing,
)

CLEARLY_APART = 2.0
"""Two means differ clearly when they lie more than this many standard deviations apart, the
deviations of both taken together (root of the sum of their squares)."""
SAME_ERROR = 0.005
"""Errors closer than this share are called equal."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the figure of error against latent size, if there are two sizes or more."""
    if sum(bool(group.values("final_test_mse")) for group in study.groups) > 1:
        yield Figure(
            key="figure-latent-size",
            picture=charts.latent_sizes(study.groups),
            alt=_alt(study.groups),
            caption="Final and best test error against the latent size, beside PCA with as many "
            "components. Both axes are logarithmic.",
            floats=True,
        )


def _alt(groups: Sequence[Group]) -> str:
    points = listing(
        f"{group.setting.latent_size} dimensions: autoencoder "
        f"{format_mse(group.mean('final_test_mse'))}, PCA {format_mse(group.mean('pca_test_mse'))}"
        for group in groups
    )
    return f"Error against latent size. {points}."


def seed_gaps(study: Study) -> Iterator[Observation]:
    """With several seeds: say of neighbouring latent sizes whether their errors differ clearly."""
    known = [group for group in study.comparable if len(group.values("final_test_mse")) > 1]
    for small, large in pairwise(known):
        a, b = small.values("final_test_mse"), large.values("final_test_mse")
        gap = abs(float(np.mean(a) - np.mean(b)))
        deviation = float(np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)))
        clear = gap > CLEARLY_APART * deviation
        yield Observation(
            kind="seed gaps",
            text=(
                f"The final errors of {small.label} and {large.label} differ by "
                f"{format_mse(gap)}, {'more' if clear else 'not more'} than {CLEARLY_APART:.0f} "
                f"standard deviations over the seeds (one is {deviation:.5f}): "
                f"{'a clear' if clear else 'not a clear'} difference."
            ),
            see=("table-summary",),
        )


def against_pca(study: Study) -> Iterator[Observation]:
    """Compare each setting with PCA at the same latent size."""
    gains = []
    for group in study.groups:
        final, pca = group.mean("final_test_mse"), group.mean("pca_test_mse")
        if final is not None and pca:
            gains.append((group, final, pca, 1 - final / pca))
    if not gains:
        return
    parts = [
        f"{group.label} {_compared(gain)} ({format_mse(final)} against {format_mse(pca)})"
        for group, final, pca, gain in gains
    ]
    yield Observation(
        kind="against pca",
        text=f"Against PCA with as many components, the final error of {listing(parts)}.",
        see=("figure-latent-size", "table-summary"),
        intuition=_pca_intuition([gain for *_, gain in gains]),
    )


def _compared(gain: float) -> str:
    if abs(gain) < SAME_ERROR:
        return "is the same"
    return f"is {format_percent(abs(gain))} {'lower' if gain > 0 else 'higher'}"


def _pca_intuition(gains: Sequence[float]) -> str:
    if min(gains) < SAME_ERROR:
        return (
            "A linear autoencoder can reach PCA's error, so a network that does not get below it "
            "has not yet made use of its tanh layers: the training falls short, not the model."
        )
    return (
        "PCA can only lay a flat plane through the images. The images of a digit form curved "
        "families (slant, width, thickness), and the tanh layers can bend the surface along them: "
        "at the same number of coordinates less is lost."
    )


def diminishing_returns(study: Study) -> Iterator[Observation]:
    """Say what each added latent dimension gains, and that the layer widths change too."""
    known = [group for group in study.comparable if group.values("final_test_mse")]
    steps = [
        step
        for step in pairwise(known)
        if step[0].setting.latent_size < step[1].setting.latent_size
    ]
    if not steps:
        return
    gains = [_gain(small, large) for small, large in steps]
    text = listing(
        f"from {small.setting.latent_size} to {large.setting.latent_size} latent dimensions the "
        f"final error {_change(gain)}"
        for (small, large), gain in zip(steps, gains, strict=True)
    )
    per_dimension = [
        gain[1] / (large.setting.latent_size - small.setting.latent_size)
        for (small, large), gain in zip(steps, gains, strict=True)
    ]
    yield Observation(
        kind="diminishing returns",
        text=(
            f"{capitalized(text)}. The settings also change the widths of the other layers, so "
            "this is not the effect of the latent size alone."
        ),
        see=("figure-latent-size",),
        intuition=_diminishing(per_dimension),
    )


def _gain(small: Group, large: Group) -> tuple[float, float, int]:
    before, after = small.mean("final_test_mse") or 0.0, large.mean("final_test_mse") or 0.0
    return before, before - after, large.setting.latent_size - small.setting.latent_size


def _change(gain: tuple[float, float, int]) -> str:
    before, fall, added = gain
    verb = "falls" if fall > 0 else "rises"
    return (
        f"{verb} by {format_mse(abs(fall))} ({format_percent(abs(fall) / before)}), "
        f"{format_significant(abs(fall) / added)} for each added dimension"
    )


def _diminishing(per_dimension: Sequence[float]) -> str:
    shrinking = all(later < earlier for earlier, later in pairwise(per_dimension))
    if len(per_dimension) < 2 or per_dimension[-1] <= 0 or not shrinking:
        return ""
    return (
        "Returns diminish: the first coordinates describe what most images share (which shape, how "
        f"slanted, how bold), later ones ever rarer details. Here a dimension of the last step is "
        f"worth {format_ratio(per_dimension[0] / per_dimension[-1])} less than one of the first."
    )
