"""Part 1: the error on training images beside that on test images."""

from collections.abc import Iterator

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import mean_error
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.wording import format_mse, format_percent, listing


def gap(study: Study) -> Iterator[Observation]:
    """Say how much higher the final test error is, where that is more than the noise."""
    gaps = {group.label: (group, found) for group in study.sound if (found := _gap(group))}
    above = {label: pair for label, pair in gaps.items() if pair[1].is_positive}
    if not above:
        return
    listed = listing(
        f"{format_percent(found.value)} in {label} ({format_mse(group.mean('final_train_mse'))} "
        "on training images)"
        for label, (group, found) in above.items()
    )
    others = listing(label for label in gaps if label not in above)
    rest = f"; in {others} the two do not differ beyond their noise" if others else ""
    yield Observation(
        kind="test beside training error",
        numbers={label: found for label, (_, found) in gaps.items()},
        text=f"The final test error is above that on training images by {listed}{rest}.",
        see=("table-summary",),
    )


def _gap(group: Group) -> Estimate | None:
    """Return by which share the test error is above the training error."""
    tests, train = group.values("final_test_mse"), group.mean("final_train_mse")
    if not tests or not train:
        return None
    mean = mean_error(tests, group.images)
    low, high = mean.interval or (mean.value, mean.value)
    return Estimate(mean.value / train - 1, (low / train - 1, high / train - 1))
