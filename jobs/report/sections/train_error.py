"""Part 1: the error on training images beside that on test images."""

from collections.abc import Iterator

from aemodel.evaluation import COMPARED
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import between_images
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.sections.data import MNIST_SIZES
from jobs.report.wording import format_count, format_mse, format_percent, listing


def gap(study: Study) -> Iterator[Observation]:
    """Say where the final test error, as printed, is higher or lower beyond the noise."""
    gaps = {group.label: (group, found) for group in study.sound if (found := _gap(group))}
    if not gaps:
        return
    beyond = {
        label: f"{format_percent(abs(found.value))} {'higher' if found.value > 0 else 'lower'} in "
        f"{label} ({format_mse(group.mean('final_train_mse'))} on training images)"
        for label, (group, found) in gaps.items()
        if found.is_positive or found.is_negative
    }
    if not beyond:
        return
    within = listing(label for label in gaps if label not in beyond)
    rest = f"; in {within} the two differ by no more than other images of the same kind would"
    yield Observation(
        kind="test beside training error",
        numbers={label: found for label, (_, found) in gaps.items()},
        text=f"Compared with the error on {_measured(study)}, the final test error is "
        f"{listing(beyond.values())}{rest * bool(within)}.",
    )


def _measured(study: Study) -> str:
    """Say on which training images the error was measured."""
    number = _training_images(study.comparable[0])
    if number <= COMPARED:
        return "the training images"
    return f"{format_count(COMPARED)} of the {format_count(number)} training images"


def _training_images(group: Group) -> int:
    counts = group.first.class_counts
    return MNIST_SIZES[0] if counts is None else int(counts[0].sum())


def _gap(group: Group) -> Estimate | None:
    """Return by which share the test error is above the training error of the same networks.

    Its noise is that of the images alone, which are the same for all seeds.
    """
    test, train = group.mean("final_test_mse"), group.mean("final_train_mse")
    if test is None or not train:
        return None
    ratio = test / train
    half = between_images(group.images, min(COMPARED, _training_images(group)))
    return Estimate(ratio - 1, ((1 - half) * ratio - 1, (1 + half) * ratio - 1))
