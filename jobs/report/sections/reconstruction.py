"""Part 1, reconstruction error against latent size: what the final and best errors show."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.groups import Group, comparable
from jobs.report.sections import curves
from jobs.report.wording import (
    Finding,
    count,
    error,
    listing,
    percent,
    sentence,
    spread,
    times,
    two_digits,
)

CLEARLY_APART = 2.0
"""Two means differ clearly when they lie more than this many standard deviations apart, the
deviations of both taken together (root of the sum of their squares)."""
SAME_ERROR = 0.005
"""Errors closer than this share are called equal."""
STROKES = {
    1: "A 1 is a single stroke that varies in slant and length and little else: few numbers "
    "describe it, and little ink means few pixels to get wrong.",
    8: "An 8 has two loops that must close and cross in the right places, so small misplacements "
    "cost many pixels.",
    2: "A 2 is written in many ways, with and without a loop at its foot, so a small code has to "
    "average over styles.",
    0: "A 0 has much ink, and a small change of its width or slant moves all of it.",
}
"""Why a digit may be easy (1) or hard (the others) to reconstruct."""


def findings(groups: tuple[Group, ...]) -> Iterator[Finding]:
    """Yield what holds of the errors of these groups, the most telling first."""
    yield from curves.not_finite(groups)
    yield from order(comparable(groups))
    yield from seed_gaps(comparable(groups))
    yield from against_pca(groups)
    yield from diminishing_returns(comparable(groups))
    yield from curves.plateaus(groups)
    yield from curves.spikes(groups)
    yield from curves.over_fitting(groups)
    yield from curves.falling(groups)
    yield from digits(groups)


def order(groups: Sequence[Group]) -> Iterator[Finding]:
    """State final and best errors of the settings, best first."""
    known = [group for group in groups if group.values("final_test_mse")]
    if not known:
        return
    ranked = sorted(known, key=lambda group: group.mean("final_test_mse") or 0.0)
    text = "The final test error is " + listing(
        f"{spread(group.values('final_test_mse'))} for {group.label}" for group in ranked
    )
    if len(ranked) == 1:
        yield Finding(f"{text}.", ("figure-curves", "table-summary"))
    else:
        yield Finding(
            f"{text}, from best to worst.", ("figure-curves", "table-summary"), _why(ranked)
        )
    yield from _best(ranked)


def _best(ranked: Sequence[Group]) -> Iterator[Finding]:
    known = [group for group in ranked if group.values("best_test_mse")]
    if not known:
        return
    text = "The best error on the way is " + listing(
        f"{spread(group.values('best_test_mse'))} for {group.label}{_best_iteration(group)}"
        for group in known
    )
    lowest = sorted(known, key=lambda group: group.mean("best_test_mse") or 0.0)
    if len(known) > 1:
        same = [one.label for one in lowest] == [one.label for one in known]
        text += ", the same order" if same else f", which puts {lowest[0].label} first"
    yield Finding(f"{text}.", ("figure-curves", "table-summary"))


def _best_iteration(group: Group) -> str:
    if len(group.trainings) > 1 or group.first.best_iteration is None:
        return ""
    return f" (iteration {count(group.first.best_iteration)})"


def _why(ranked: Sequence[Group]) -> str:
    if [group.setting.latent_size for group in ranked] == sorted(
        (g.setting.latent_size for g in ranked), reverse=True
    ):
        return (
            "The latent layer is the bottleneck: the decoder knows of an image only what the code "
            "says. The error falls in the order of the latent sizes, as one expects when every "
            "added coordinate lets more of the image through."
        )
    return (
        "A larger code can carry everything a smaller one can, so the error ought to fall with the "
        "latent size. That it does not here is a matter of how the networks were trained, not of "
        "what they could represent."
    )


def seed_gaps(groups: Sequence[Group]) -> Iterator[Finding]:
    """With several seeds: say of neighbouring latent sizes whether their errors differ clearly."""
    known = [group for group in groups if len(group.values("final_test_mse")) > 1]
    for small, large in pairwise(known):
        a, b = small.values("final_test_mse"), large.values("final_test_mse")
        gap = abs(float(np.mean(a) - np.mean(b)))
        deviation = float(np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)))
        clear = gap > CLEARLY_APART * deviation
        yield Finding(
            f"The final errors of {small.label} and {large.label} differ by {error(gap)}, "
            f"{'more' if clear else 'not more'} than {CLEARLY_APART:.0f} standard deviations over "
            f"the seeds (one is {deviation:.5f}): {'a clear' if clear else 'not a clear'} "
            "difference.",
            ("table-summary",),
        )


def against_pca(groups: Sequence[Group]) -> Iterator[Finding]:
    """Compare each setting with PCA at the same latent size."""
    gains = []
    for group in groups:
        final, pca = group.mean("final_test_mse"), group.mean("pca_test_mse")
        if final is not None and pca:
            gains.append((group, final, pca, 1 - final / pca))
    if not gains:
        return
    parts = [
        f"{group.label} {_compared(gain)} ({error(final)} against {error(pca)})"
        for group, final, pca, gain in gains
    ]
    yield Finding(
        f"Against PCA with as many components, the final error of {listing(parts)}.",
        ("figure-latent-size", "table-summary"),
        _pca_intuition([gain for *_, gain in gains]),
    )


def _compared(gain: float) -> str:
    if abs(gain) < SAME_ERROR:
        return "is the same"
    return f"is {percent(abs(gain))} {'lower' if gain > 0 else 'higher'}"


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


def diminishing_returns(groups: Sequence[Group]) -> Iterator[Finding]:
    """Say what each added latent dimension gains, and that the layer widths change too."""
    known = [group for group in groups if group.values("final_test_mse")]
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
    yield Finding(
        f"{sentence(text)}. The settings also change the widths of the other layers, so this is "
        "not the effect of the latent size alone.",
        ("figure-latent-size",),
        _diminishing(per_dimension),
    )


def _gain(small: Group, large: Group) -> tuple[float, float, int]:
    before, after = small.mean("final_test_mse") or 0.0, large.mean("final_test_mse") or 0.0
    return before, before - after, large.setting.latent_size - small.setting.latent_size


def _change(gain: tuple[float, float, int]) -> str:
    before, fall, added = gain
    verb = "falls" if fall > 0 else "rises"
    return (
        f"{verb} by {error(abs(fall))} ({percent(abs(fall) / before)}), "
        f"{two_digits(abs(fall) / added)} for each added dimension"
    )


def _diminishing(per_dimension: Sequence[float]) -> str:
    shrinking = all(later < earlier for earlier, later in pairwise(per_dimension))
    if len(per_dimension) < 2 or per_dimension[-1] <= 0 or not shrinking:
        return ""
    return (
        "Returns diminish: the first coordinates describe what most images share (which shape, how "
        f"slanted, how bold), later ones ever rarer details. Here a dimension of the last step is "
        f"worth {times(per_dimension[0] / per_dimension[-1])} less than one of the first."
    )


def digits(groups: Sequence[Group]) -> Iterator[Finding]:
    """Name the hardest and the easiest digit of each setting."""
    extremes: dict[tuple[int, int], list[str]] = {}
    for group in groups:
        means = digit_means(group)
        if means is not None:
            hardest, easiest = int(np.argmax(means)), int(np.argmin(means))
            ratio = times(float(means[hardest] / means[easiest]))
            extremes.setdefault((hardest, easiest), []).append(f"{group.label} ({ratio} the error)")
    for (hardest, easiest), labels in extremes.items():
        reasons = [STROKES[1]] if easiest == 1 else []
        reasons += [STROKES[hardest]] if hardest in STROKES and hardest != 1 else []
        yield Finding(
            f"The digit {hardest} is the hardest to reconstruct and {easiest} the easiest in "
            f"{listing(labels)}.",
            ("table-digits", "figure-reconstructions"),
            " ".join(reasons),
        )


def digit_means(group: Group) -> NDArray[np.float64] | None:
    """Return the mean error of each digit over the seeds, shape (10,); None when not recorded."""
    known = [
        training.mse_by_digit for training in group.trainings if len(training.mse_by_digit) == 10
    ]
    means = np.mean(known, axis=0) if known else np.array([np.nan])
    return means if np.isfinite(means).all() else None
