"""Part 1: how well the networks reconstruct, and which digits are hard."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.report import charts
from jobs.report.analysis.groups import Group
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation, Table
from jobs.report.wording import format_count, format_ratio, format_spread, listing

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


def blocks(study: Study) -> Iterator[Block]:
    """Yield reconstructed images, and the error of each digit."""
    shown = [group for group in study.groups if group.first.reconstructions is not None]
    if shown:
        labels = [group.label for group in shown]
        yield Figure(
            key="figure-reconstructions",
            picture=charts.reconstructions([group.first for group in shown], labels),
            alt=f"Test images of the digits 0 to 9 above reconstructions by {listing(labels)}.",
            caption="Ten images of the test set (top row) and their reconstructions.",
            floats=True,
        )
    known = [(g.label, means) for g in study.groups if (means := digit_means(g)) is not None]
    if known:
        yield Table(
            key="table-digits",
            caption="Final test error of each digit, in thousandths.",
            columns=(("Test MSE × 1000", "left"), *((str(digit), "right") for digit in range(10))),
            rows=[[label, *(f"{1000 * mean:.2f}" for mean in means)] for label, means in known],
        )


def order(study: Study) -> Iterator[Observation]:
    """State final and best errors of the settings, best first."""
    known = [group for group in study.comparable if group.values("final_test_mse")]
    if not known:
        return
    ranked = sorted(known, key=lambda group: group.mean("final_test_mse") or 0.0)
    text = "The final test error is " + listing(
        f"{format_spread(group.values('final_test_mse'))} for {group.label}" for group in ranked
    )
    if len(ranked) == 1:
        yield Observation(
            kind="order",
            text=f"{text}.",
            see=("figure-curves", "table-summary"),
        )
    else:
        yield Observation(
            kind="order",
            text=f"{text}, from best to worst.",
            see=("figure-curves", "table-summary"),
            intuition=_why(ranked),
        )
    yield from _best(ranked)


def _best(ranked: Sequence[Group]) -> Iterator[Observation]:
    known = [group for group in ranked if group.values("best_test_mse")]
    if not known:
        return
    text = "The best error on the way is " + listing(
        f"{format_spread(group.values('best_test_mse'))} for {group.label}{_best_iteration(group)}"
        for group in known
    )
    lowest = sorted(known, key=lambda group: group.mean("best_test_mse") or 0.0)
    if len(known) > 1:
        same = [group.label for group in lowest] == [group.label for group in known]
        text += ", the same order" if same else f", which puts {lowest[0].label} first"
    yield Observation(
        kind="best",
        text=f"{text}.",
        see=("figure-curves", "table-summary"),
    )


def _best_iteration(group: Group) -> str:
    if len(group.trainings) > 1 or group.first.best_iteration is None:
        return ""
    return f" (iteration {format_count(group.first.best_iteration)})"


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


def digits(study: Study) -> Iterator[Observation]:
    """Name the hardest and the easiest digit of each setting."""
    extremes: dict[tuple[int, int], list[str]] = {}
    for group in study.groups:
        means = digit_means(group)
        if means is not None:
            hardest, easiest = int(np.argmax(means)), int(np.argmin(means))
            ratio = format_ratio(float(means[hardest] / means[easiest]))
            extremes.setdefault((hardest, easiest), []).append(f"{group.label} ({ratio} the error)")
    for (hardest, easiest), labels in extremes.items():
        reasons = [STROKES[1]] if easiest == 1 else []
        reasons += [STROKES[hardest]] if hardest in STROKES and hardest != 1 else []
        yield Observation(
            kind="digits",
            text=(
                f"The digit {hardest} is the hardest to reconstruct and {easiest} the easiest in "
                f"{listing(labels)}."
            ),
            see=("table-digits", "figure-reconstructions"),
            intuition=" ".join(reasons),
        )


def digit_means(group: Group) -> NDArray[np.float64] | None:
    """Return the mean error of each digit over the seeds, shape (10,); None when not recorded."""
    known = [
        training.mse_by_digit for training in group.trainings if len(training.mse_by_digit) == 10
    ]
    means = np.mean(known, axis=0) if known else np.array([np.nan])
    return means if np.isfinite(means).all() else None
