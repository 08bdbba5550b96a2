"""Part 1: the error on training images beside that on test images."""

from collections.abc import Iterator

from aemodel.evaluation import COMPARED
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import single_training
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.sections.data import MNIST_SIZES
from jobs.report.wording import format_count, format_mse, format_percent, listing


def gap(study: Study) -> Iterator[Observation]:
    """Say how much higher or lower the final test error is, if one setting's is beyond the noise.

    All settings are told then: that one differs beyond the noise does not set it apart from others.
    """
    gaps = {group.label: (group, found) for group in study.sound if (found := _gap(group))}
    if not any(found.is_positive or found.is_negative for _, found in gaps.values()):
        return
    listed = listing(
        f"{format_percent(abs(found.value))} {'higher' if found.value > 0 else 'lower'} in {label} "
        f"({format_mse(group.mean('final_train_mse'))} on training images)"
        for label, (group, found) in gaps.items()
    )
    noise = format_percent(single_training(study.comparable[0].images), decimals=0)
    yield Observation(
        kind="test beside training error",
        numbers={label: found for label, (_, found) in gaps.items()},
        text=f"Compared with the error on {_measured(study)}, the final test error is {listed}; "
        f"differences of up to {noise} are not counted.",
    )


def _measured(study: Study) -> str:
    """Say on which training images the error was measured."""
    counts = study.comparable[0].first.class_counts
    number = MNIST_SIZES[0] if counts is None else int(counts[0].sum())
    if number <= COMPARED:
        return "the training images"
    return f"{format_count(COMPARED)} of the {format_count(number)} training images"


def _gap(group: Group) -> Estimate | None:
    """Return by which share the test error is above the training error.

    It is known as well as a single training's error: other seeds have the same images.
    """
    test, train = group.mean("final_test_mse"), group.mean("final_train_mse")
    if test is None or not train:
        return None
    ratio, half = test / train, single_training(group.images)
    return Estimate(ratio - 1, ((1 - half) * ratio - 1, (1 + half) * ratio - 1))
