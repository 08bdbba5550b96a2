"""Part 1: the error on training images beside that on test images.

Test images may be easier or harder than training images, so that each error is divided by that of
PCA, with as many components, on the same images.
"""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aemodel.evaluation import COMPARED
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.sections.data import training_images
from jobs.report.wording import format_count, format_mse, listing, signed_percent


def gap(study: Study) -> Iterator[Observation]:
    """Say by how much the final test error is above the training error, beside PCA's."""
    recorded = [group for group in study.sound if _is_recorded(group)]
    if not recorded:
        return
    gaps = {group: _gap(group, len(recorded)) for group in recorded}
    together = len(gaps) > 1
    beyond = [
        f"by {' ('.join(_with_interval(found, together))}) in {group.label} ({_errors(group)})"
        for group, found in gaps.items()
        if found.is_positive or found.is_negative
    ]
    within = [
        f"{group.label} ({'; '.join(_with_interval(found, together))})"
        for group, found in gaps.items()
        if not (found.is_positive or found.is_negative)
    ]
    training = f"the error on {_measured(study)}"
    parts = [f"exceeds {training} {listing(beyond)}"] if beyond else []
    if within:
        other = "it" if beyond else training
        parts.append(f"does not differ from {other} beyond the noise in {listing(within)}")
    yield Observation(
        kind="test beside training error",
        numbers={group.label: found for group, found in gaps.items()},
        text="Relative to PCA's error on the same images, since the two sets may not be equally "
        f"hard, the final test error {listing(parts)}.",
    )


def _with_interval(gap: Estimate, together: bool) -> tuple[str, str]:
    """Return `9.4%` and `95%: 8.4% to 10%`, or `95% together: ...`."""
    low, high = gap.interval or (gap.value, gap.value)
    value, least, most = map(signed_percent, (gap.value, low, high))
    return value, f"95%{' together' * together}: {least} to {most}"


def _errors(group: Group) -> str:
    """Return the four errors that are compared."""
    test, train, pca_test, pca_train = (format_mse(group.mean(name)) for name in ERRORS)
    return f"{test} / {pca_test} against {train} / {pca_train}"


ERRORS = ("final_test_mse", "final_train_mse", "pca_test_mse", "pca_train_mse")


def _measured(study: Study) -> str:
    """Say on which training images the error was measured."""
    number = training_images(study.comparable[0].first)
    if number <= COMPARED:
        return "the training images"
    return f"{format_count(COMPARED)} of the {format_count(number)} training images"


def _is_recorded(group: Group) -> bool:
    """Return whether there are all four errors, and those of single images in some training."""
    return all(group.mean(name) for name in ERRORS) and bool(_relative_errors(group))


def _relative_errors(group: Group) -> list[NDArray[np.float64]]:
    """Return of each training the error of each test image less PCA's, both over their means."""
    return [
        t.image_mse / t.image_mse.mean() - t.pca_image_mse / t.pca_image_mse.mean()
        for t in group.trainings
        if t.image_mse is not None and t.pca_image_mse is not None
    ]


def _gap(group: Group, number: int) -> Estimate:
    """Return by which share the test error is above the training error, both as shares of PCA's.

    Its noise is that of the images, which are the same for all seeds: to first order that of
    differences of two relative errors of one image, whose spread over the training images is taken
    to be that over the test images.

    Args:
        group: the trainings of one setting, whose errors were recorded.
        number: of settings that are judged together: Bonferroni's correction of the interval.
    """
    test, train, pca_test, pca_train = (group.mean(name) or 0.0 for name in ERRORS)
    each = _relative_errors(group)
    ratio = (test / train) / (pca_test / pca_train)
    deviation = float(np.mean([np.std(differences, ddof=1) for differences in each]))
    counted = min(COMPARED, training_images(group.first))
    noise = NormalDist().inv_cdf(1 - 0.025 / number)
    half = noise * deviation * float(np.sqrt(1 / len(each[0]) + 1 / counted))
    return Estimate(ratio - 1, ((1 - half) * ratio - 1, (1 + half) * ratio - 1))
