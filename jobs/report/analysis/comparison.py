"""A training beside one with the assignment's recipe: how low it gets, and how long that takes.

Two trainings are compared if they share setting, precision and data set, one has the assignment's
recipe and the other has not. Times are seconds of training, from its start.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from jobs import assignment
from jobs.report.analysis.groups import Group
from jobs.report.records import Curve, TrainingRecord

Key = tuple[object, ...]


@dataclass(frozen=True)
class TimeToTarget:
    """When a training reaches an error."""

    iteration: int
    seconds: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """A training with another recipe, and the one with the assignment's it is set beside."""

    label: str
    """What to call the first: `setting 2`, with its seed if several were trained."""
    training: TrainingRecord
    reference: TrainingRecord
    curve: Curve
    """`complete_curve` of the training."""
    reference_curve: Curve
    """`complete_curve` of the reference."""

    @property
    def target_mse(self) -> float:
        """Final error of the reference."""
        return float(self.reference_curve.test_mse[-1])

    @property
    def lowest_mse(self) -> float:
        """Lowest error of the reference."""
        return float(self.reference_curve.test_mse.min())

    @property
    def reached(self) -> TimeToTarget | None:
        """From when on the training is as good as the reference in the end; None if never."""
        return sustained_time_to(self.curve, self.target_mse)

    def share(self, seconds: float) -> float:
        """Return `seconds` as a share of the reference's training time."""
        return seconds / float(self.reference_curve.seconds[-1])


def matching_key(training: TrainingRecord) -> Key:
    """Return what a training must share with another to be compared with it."""
    return training.spec.setting, training.spec.precision, training.spec.data_digest


def complete_curve(training: TrainingRecord) -> Curve | None:
    """Return the error curve with the final error as its last point.

    None if a point is missing, or an error or time is not a positive number.
    """
    recorded, final, seconds = training.curve, training.final_test_mse, training.train_seconds
    if recorded is None or final is None or seconds is None:
        return None
    curve = Curve(
        np.append(recorded.iterations, training.spec.recipe.iterations - 1),
        np.append(recorded.test_mse, final),
        np.append(recorded.seconds, seconds),
    )
    numbers = np.concatenate([curve.test_mse, curve.seconds])
    whole = recorded.iterations.tolist() == list(training.spec.recipe.evaluations)
    return curve if whole and np.isfinite(numbers).all() and (numbers > 0).all() else None


def needs_reference(trainings: Iterable[TrainingRecord]) -> set[Key]:
    """Return the keys of trainings with another recipe that have none with the assignment's."""
    trainings = tuple(trainings)
    own = {matching_key(t) for t in trainings if _is_reference(t)}
    return {matching_key(t) for t in trainings if t.spec.recipe != assignment.RECIPE} - own


def _is_reference(training: TrainingRecord) -> bool:
    return training.spec.recipe == assignment.RECIPE and complete_curve(training) is not None


def comparisons(
    groups: Iterable[Group], candidates: Iterable[TrainingRecord]
) -> tuple[Comparison, ...]:
    """Return what can be compared: of every group with another recipe its first whole training.

    Of the candidates with the assignment's recipe the first that matches is the reference.
    """
    references: dict[Key, tuple[TrainingRecord, Curve]] = {}
    for candidate in candidates:
        curve = complete_curve(candidate)
        if candidate.spec.recipe == assignment.RECIPE and curve is not None:
            references.setdefault(matching_key(candidate), (candidate, curve))
    compared = (_comparison(group, references) for group in groups)
    return tuple(comparison for comparison in compared if comparison)


def _comparison(
    group: Group, references: dict[Key, tuple[TrainingRecord, Curve]]
) -> Comparison | None:
    if group.recipe == assignment.RECIPE or matching_key(group.first) not in references:
        return None
    reference, reference_curve = references[matching_key(group.first)]
    for training in group.trainings:
        if (curve := complete_curve(training)) is not None:
            return Comparison(
                label=group.name(training),
                training=training,
                reference=reference,
                curve=curve,
                reference_curve=reference_curve,
            )
    return None


def sustained_time_to(curve: Curve, target_mse: float) -> TimeToTarget | None:
    """Return from when on the errors of a curve are at most the target; None if it ends above."""
    above = np.flatnonzero(curve.test_mse > target_mse)
    since = int(above[-1]) + 1 if above.size else 0
    return _at(curve, since) if since < curve.test_mse.size else None


def time_to(curve: Curve, target_mse: float) -> TimeToTarget:
    """Return when the error of a curve is at most the target, which it reaches, the first time."""
    return _at(curve, int(np.argmax(curve.test_mse <= target_mse)))


def _at(curve: Curve, point: int) -> TimeToTarget:
    return TimeToTarget(int(curve.iterations[point]), float(curve.seconds[point]))
