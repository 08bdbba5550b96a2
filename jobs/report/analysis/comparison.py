"""A training beside one with the assignment's recipe: how low it gets, and how long that takes.

Two trainings are compared if they share setting and data set, one has the assignment's recipe and
the other has not. Times are seconds of training, from its start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from jobs import assignment
from jobs.report.analysis.curve_shape import Spike, ending_spike
from jobs.report.analysis.groups import Group
from jobs.report.records import Curve, TrainingRecord
from jobs.report.wording import is_shortened

Key = tuple[object, ...]


@dataclass(frozen=True)
class TimeToTarget:
    """When a training reaches an error."""

    iteration: int
    seconds: float
    """NaN if they were not recorded."""


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
    def reference_spike(self) -> Spike | None:
        """The spike in which the reference ended: its end is no yardstick then."""
        return ending_spike(self.reference_curve)

    @property
    def reached(self) -> TimeToTarget | None:
        """From when on the training is as good as the reference in the end.

        None if never, or if the reference ended in a spike.
        """
        if self.reference_spike:
            return None
        return sustained_time_to(self.curve, self.target_mse)

    @property
    def stopped_at(self) -> float | None:
        """The share of the reference's iterations that was trained if nothing else differs."""
        recipe = self.training.spec.recipe
        if recipe.name != assignment.RECIPE.name or not is_shortened(recipe):
            return None
        return recipe.iterations / assignment.RECIPE.iterations


def matching_key(training: TrainingRecord) -> Key:
    """Return what a training must share with another to be compared with it."""
    return training.spec.setting, training.spec.data_digest


def complete_curve(training: TrainingRecord) -> Curve | None:
    """Return the error curve with the final error as its last point.

    None if a point is missing, or an error is not a positive number.
    """
    recorded, final, seconds = training.curve, training.final_test_mse, training.train_seconds
    if recorded is None or final is None:
        return None
    errors = np.append(recorded.test_mse, final)
    curve = Curve(
        np.append(recorded.iterations, training.spec.recipe.iterations - 1),
        errors,
        np.append(recorded.seconds, np.nan if seconds is None else seconds),
    )
    whole = recorded.iterations.tolist() == list(training.spec.recipe.evaluations)
    return curve if whole and np.isfinite(errors).all() and (errors > 0).all() else None


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

    Of the candidates with the assignment's recipe the first that matches is the reference; one of
    the same precision goes before others.
    """
    references = [
        (candidate, curve)
        for candidate in candidates
        if candidate.spec.recipe == assignment.RECIPE
        and (curve := complete_curve(candidate)) is not None
    ]
    compared = (_comparison(group, references) for group in groups)
    return tuple(comparison for comparison in compared if comparison)


def _comparison(
    group: Group, references: Sequence[tuple[TrainingRecord, Curve]]
) -> Comparison | None:
    matching = [each for each in references if matching_key(each[0]) == matching_key(group.first)]
    if group.recipe == assignment.RECIPE or not matching:
        return None
    precision = group.first.spec.precision
    alike = [each for each in matching if each[0].spec.precision == precision]
    reference, reference_curve = (alike or matching)[0]
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
