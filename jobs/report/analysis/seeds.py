"""What is shown of one seed of a setting, and said of all.

Figures show one training of a setting. What is observed of it is stated if it holds for every seed;
numbers are means over the seeds, with the lowest and the highest.
"""

from collections.abc import Callable, Sequence

import numpy as np

from jobs.report.analysis.curve_shape import is_sound
from jobs.report.analysis.groups import Group
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_percent, listing_of_names


def with_seeds(groups: Sequence[Group], training: TrainingRecord) -> Group:
    """Return the group of a training: it first, and no other that ended in a spike."""
    (group,) = (group for group in groups if training in group.trainings)
    others = (t for t in group.trainings if t is not training and is_sound(t))
    return Group(group.label, (training, *others))


def has_seeds(groups: Sequence[Group]) -> bool:
    """Return whether any setting has several seeds."""
    return any(len(group.trainings) > 1 for group in groups)


def shown(groups: Sequence[Group]) -> str:
    """Name the first training of each, with its seed where there are several."""
    return listing_of_names([group.name(group.first) for group in groups])


def of_all(groups: Sequence[Group]) -> str:
    """Return what to read the document by, if there are several seeds."""
    if not has_seeds(groups):
        return ""
    return (
        " Numbers are means over the seeds; brackets not marked 95% give their range. "
        "In Part 1 statements compare these means; elsewhere they hold for every seed unless they "
        "name one."
    )


def ranged(
    values: Sequence[float],
    form: Callable[[float], str] = format_percent,
    of: str = "",
    inside: bool = False,
) -> str:
    """Return one number as it is, of several the mean and the range: `19% (18% to 20%)`.

    With what it is `of`: `19% (setting 2; 18% to 20%)`. Inside other brackets: `19%, 18% to 20%`.
    """
    mean, low, high = form(float(np.mean(values))), form(min(values)), form(max(values))
    details = "; ".join(filter(None, [of, f"{low} to {high}" * (low != high)]))
    if inside and details:
        return f"{mean}, {details}"
    return f"{mean} ({details})" if details else mean
