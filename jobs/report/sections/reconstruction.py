"""Part 1: reconstructed images, and which digits are hard."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.report import charts
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import rank_correlations
from jobs.report.analysis.seeds import has_seeds, shown
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation, Table
from jobs.report.records import TrainingRecord
from jobs.report.sections.mnist_lore import PIXEL_VARIANCE
from jobs.report.wording import MAX_LISTED, capitalized, format_ratio, listing

CLASS_VARIATION = 0.6
"""Standard deviation of the error over the images of a class, as a share of its mean, where it was
not recorded: 0.34 to 0.57 for the digits of MNIST but the 1 in three trained networks, 0.6 to 0.9
for the 1."""
IMAGES = 1_000
"""Test images of a class if the labels are not recorded."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield reconstructed images, and the error of each class."""
    drawn = [group for group in study.groups if group.first.reconstructions is not None]
    if drawn:
        labels, noun = [group.label for group in drawn], drawn[0].first.dataset.noun
        by = f" by {shown(drawn)}" if has_seeds(drawn) else ""
        yield Figure(
            key="figure-reconstructions",
            picture=charts.reconstructions([group.first for group in drawn], labels),
            alt=f"A test image of each {noun} above its reconstructions by {listing(labels)}.",
            caption=f"One test image of each {noun} (top row) and its reconstructions{by}."
            + _beside_pca(drawn),
            width=0.78,
        )
    known = [(g, means) for g in study.groups if (means := class_errors(g)) is not None]
    if known:
        dataset = known[0][0].first.dataset
        names = [dataset.name_of(c) for c in range(10)]
        yield Table(
            key="table-digits",
            caption=f"Final test error of each {dataset.noun}, in thousandths"
            f"{', means over the seeds' * has_seeds(study.groups)}.",
            columns=(("Test MSE × 1000", "left"), *((name, "right") for name in names)),
            rows=[[g.label, *(f"{1000 * mean:.2f}" for mean in means)] for g, means in known],
        )


def _beside_pca(drawn: Sequence[Group]) -> str:
    if all(group.first.pca_reconstructions is None for group in drawn):
        return ""
    return " PCA: with as many components as the code above has numbers."


def extremes(study: Study) -> Iterator[Observation]:
    """Name the classes whose images are hardest and easiest to reconstruct."""
    named: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[str, float]]] = {}
    for group in study.sound:
        means = class_errors(group)
        if means is not None:
            hardest, easiest = _top(means, group), _top(-means, group)
            ratio = float(means[hardest[0]] / means[easiest[0]])
            named.setdefault((hardest, easiest), []).append((group.label, ratio))
    for (hardest, easiest), groups in named.items():
        if len(hardest) + len(easiest) <= 4:
            some = len(groups) < len(study.groups)
            where = f"in {listing(label for label, _ in groups)}, " * some
            yield _extremes(study, hardest, easiest, groups, where)


def _extremes(
    study: Study,
    hardest: tuple[int, ...],
    easiest: tuple[int, ...],
    groups: list[tuple[str, float]],
    where: str,
) -> Observation:
    dataset = study.dataset
    hard, easy = (
        listing(dataset.many_of(c) for c in sorted(classes)) for classes in (hardest, easiest)
    )
    return Observation(
        kind="hardest and easiest",
        numbers={label: Estimate(ratio) for label, ratio in groups},
        text=capitalized(f"{where}{hard} are the hardest to reconstruct and {easy} the easiest; ")
        + f"the mean error of {dataset.many_of(hardest[0])} is "
        f"{_ratios(groups, dataset.many_of(easiest[0]))}.",
        see=("table-digits",),
        intuition=_variance(study, hardest[0], easiest[0]) if dataset.is_mnist else "",
    )


def _ratios(groups: list[tuple[str, float]], easiest: str) -> str:
    """Return `5.4 (setting 1) and 4.3 (setting 2) times that of 1s`."""
    ratios = [ratio for _, ratio in groups]
    if len(groups) == 1:
        return f"{format_ratio(ratios[0])} that of {easiest}"
    if len(groups) > MAX_LISTED:
        lowest = f"{min(ratios):.1f} to {format_ratio(max(ratios))}"
        return f"{lowest} that of {easiest} in {len(groups)} settings"
    return f"{listing(f'{ratio:.1f} ({label})' for label, ratio in groups)} times that of {easiest}"


def _variance(study: Study, hardest: int, easiest: int) -> str:
    """Say that the errors follow how much the images of a digit differ, if they do."""
    if (int(np.argmax(PIXEL_VARIANCE)), int(np.argmin(PIXEL_VARIANCE))) != (hardest, easiest):
        return ""
    trainings = (training for group in study.sound for training in group.trainings)
    errors = [np.array(t.mse_by_digit) for t in trainings if len(t.mse_by_digit) == 10]
    correlations = rank_correlations(errors, PIXEL_VARIANCE)
    if not correlations:
        return ""
    lowest = math.floor(100 * min(correlations) + 1e-9) / 100
    return (
        "Digits whose images differ less are easier: over the test set the pixels of the "
        f"{easiest}s vary least about their mean image (variance {PIXEL_VARIANCE[easiest]:.3f}), "
        f"those of the {hardest}s most ({PIXEL_VARIANCE[hardest]:.3f}). Over the ten digits this "
        "variance and the error have a rank correlation of "
        f"{'at least ' * (len(correlations) > 1)}{lowest:.2f}."
    )


def _top(means: NDArray[np.float64], group: Group) -> tuple[int, ...]:
    """Return the class of the highest mean, and those that the noise does not tell from it."""
    order = np.argsort(-means, kind="stable")
    variances = _variances(np.abs(means), group)
    top = int(order[0])
    noise = 1.96 * np.sqrt(variances[top] + variances)  # half of the 95% interval of a difference
    return tuple(int(c) for c in order if c == top or means[top] - means[c] <= noise[c])


def _variances(means: NDArray[np.float64], group: Group) -> NDArray[np.float64]:
    """Return the variance of each class's mean error over its test images; shape (10,)."""
    recorded = [found for t in group.trainings if (found := _recorded_variances(t)) is not None]
    if recorded:
        return np.asarray(np.mean(recorded, axis=0))
    labels = group.first.labels
    counts = np.full(10, IMAGES) if labels is None else np.bincount(labels, minlength=10)
    return np.asarray((CLASS_VARIATION * means) ** 2 / np.maximum(counts, 1))


def _recorded_variances(training: TrainingRecord) -> NDArray[np.float64] | None:
    """Return these variances of one training; None without the error of each image."""
    labels, errors = training.labels, training.image_mse
    if labels is None or errors is None or labels.shape != errors.shape:
        return None
    classes = [errors[labels == c] for c in range(10)]
    if min(map(len, classes)) < 2:
        return None
    return np.array([np.var(own, ddof=1) / len(own) for own in classes])


def has_spread(study: Study) -> bool:
    """Return whether the noise of the classes' errors was measured for all that are compared."""
    return all(
        any(_recorded_variances(training) is not None for training in group.trainings)
        for group in study.sound
    )


def class_errors(group: Group) -> NDArray[np.float64] | None:
    """Return the mean error of each class over the seeds, shape (10,); None if not recorded."""
    known = [
        training.mse_by_digit for training in group.trainings if len(training.mse_by_digit) == 10
    ]
    means = np.mean(known, axis=0) if known else np.array([np.nan])
    return means if np.isfinite(means).all() else None
