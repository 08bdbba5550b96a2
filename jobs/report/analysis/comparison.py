"""A training beside one of the assignment's recipe: how low it gets, and how long that takes.

Two trainings are compared when they share setting, precision and data set, one is by the
assignment's recipe and the other is not. Times are seconds of training, from its start.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aemodel.settings import RECIPES
from jobs.report.analysis.groups import group
from jobs.report.records import Curve, Records, TrainingRecord
from jobs.report.tables import Table
from jobs.report.wording import (
    UNKNOWN,
    Finding,
    count,
    error,
    in_seconds,
    listing,
    one_line,
    percent,
    sentence,
)

ASSIGNED = RECIPES["assignment"]
FEW_STEPS = 0.5
"""A step of SOAP is called worth several of Adam's when it takes at most this share of them."""
SOAP_STEPS = (
    "Adam sets the step of each weight by itself, which helps as far as the loss is steep along "
    "some weights and flat along others. Here it is so along mixtures of weights, since pixels and "
    "hidden units are correlated. SOAP runs Adam along the axes of these correlations, layer by "
    "layer, so that one step goes as far in the flat directions as several of Adam's."
)
CAPTION = (
    "Test error of these trainings (solid) and of the assignment's recipe (dashed), over "
    "iterations (left) and seconds of training (right); all axes are logarithmic. A dot marks from "
    "where on a training stays as low as the assignment's recipe ends; the dotted line leads to "
    "that end."
)

Subject = tuple[object, ...]


@dataclass(frozen=True)
class Arrival:
    """Where a training gets to an error for good."""

    iteration: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """A training of another recipe, and the one of the assignment's it is set beside."""

    label: str
    """What to call the first: `setting 2`, with its seed where several were trained."""
    training: TrainingRecord
    reference: TrainingRecord
    curve: Curve
    """`whole` of the training."""
    reference_curve: Curve
    """`whole` of the reference."""

    @property
    def level(self) -> float:
        """Final error of the reference."""
        return float(self.reference_curve.test_mse[-1])

    @property
    def lowest(self) -> float:
        """Lowest error of the reference."""
        return float(self.reference_curve.test_mse.min())

    @property
    def reached(self) -> Arrival | None:
        """From where on the training is as good as the reference in the end; None if never."""
        return for_good(self.curve, self.level)

    def share(self, seconds: float) -> str:
        """Return `seconds` as a share of the reference's training time, in percent."""
        return percent(seconds / float(self.reference_curve.seconds[-1]))


def subject(training: TrainingRecord) -> Subject:
    """Return what a training must share with another to be compared with it."""
    return training.setting, training.precision, training.data_digest


def whole(training: TrainingRecord) -> Curve | None:
    """Return the error curve with the final error as its last point.

    None where a point is missing, or an error or time is not a positive number.
    """
    held, final, seconds = training.curve, training.final_test_mse, training.train_seconds
    if held is None or final is None or seconds is None:
        return None
    made = Curve(
        np.append(held.iterations, training.recipe.iterations - 1),
        np.append(held.test_mse, final),
        np.append(held.seconds, seconds),
    )
    numbers = np.concatenate([made.test_mse, made.seconds])
    complete = held.iterations.tolist() == list(training.recipe.evaluations)
    return made if complete and np.isfinite(numbers).all() and (numbers > 0).all() else None


def unmatched(trainings: Iterable[TrainingRecord]) -> set[Subject]:
    """Return the subjects of trainings by another recipe that have none of the assignment's."""
    trainings = tuple(trainings)
    own = {subject(one) for one in trainings if one.recipe == ASSIGNED and whole(one)}
    return {subject(one) for one in trainings if one.recipe != ASSIGNED} - own


def comparisons(records: Records) -> tuple[Comparison, ...]:
    """Return what can be compared: of every group by another recipe its first whole training."""
    references = {
        subject(one): (one, curve)
        for one in reversed((*records.trainings, *records.references))
        if one.recipe == ASSIGNED and (curve := whole(one))
    }
    made = []
    for one in group(records):
        held = ((training, curve) for training in one.trainings if (curve := whole(training)))
        training, curve = next(held, (one.first, None))
        if training.recipe != ASSIGNED and subject(training) in references and curve:
            reference, beside = references[subject(training)]
            made.append(Comparison(one.name(training), training, reference, curve, beside))
    return tuple(made)


def for_good(curve: Curve, level: float) -> Arrival | None:
    """Return from where on the errors of a curve are at most `level`; None if it ends above."""
    above = np.flatnonzero(curve.test_mse > level)
    since = int(above[-1]) + 1 if above.size else 0
    return _arrival(curve, since) if since < curve.test_mse.size else None


def first(curve: Curve, level: float) -> Arrival:
    """Return where the error of a curve is at most `level`, which it reaches, the first time."""
    return _arrival(curve, int(np.argmax(curve.test_mse <= level)))


def _arrival(curve: Curve, point: int) -> Arrival:
    return Arrival(int(curve.iterations[point]), float(curve.seconds[point]))


def findings(compared: Sequence[Comparison]) -> Iterator[Finding]:
    """Say of each training whether and when it is as good as the assignment's."""
    for one in compared:
        reached = one.reached
        text = _reached(one, reached) if reached else _missed(one)
        yield Finding(text, ("figure-recipes", "table-recipes"), _intuition(one))


def _missed(one: Comparison) -> str:
    final, seconds = float(one.curve.test_mse[-1]), float(one.curve.seconds[-1])
    return (
        f"{sentence(one.label)} does not end as low as by the assignment's recipe: at "
        f"{error(final)} in place of {error(one.level)}, {percent(final / one.level - 1)} higher, "
        f"after {in_seconds(seconds)}, {one.share(seconds)} of the {_length(one)} that one took."
    )


def _reached(one: Comparison, reached: Arrival) -> str:
    return (
        f"{sentence(one.label)} stays at or below the final error of the assignment's recipe "
        f"({error(one.level)}) {_from(reached)}: {one.share(reached.seconds)} of the "
        f"{_length(one)} that one took. The assignment's training was first as low at "
        f"{_moment(first(one.reference_curve, one.level))}; {_best(one)}."
    )


def _best(one: Comparison) -> str:
    """Say whether the best error of the reference is reached as well."""
    held = f"{error(one.lowest)} at {_moment(first(one.reference_curve, one.lowest))}"
    found = for_good(one.curve, one.lowest)
    if found is None:
        end = error(float(one.curve.test_mse[-1]))
        return f"its best error, {held}, is lower than the {end} at which this one ends"
    return f"at or below its best error, {held}, this one stays {_from(found)}"


def _length(one: Comparison) -> str:
    return in_seconds(float(one.reference_curve.seconds[-1]))


def _from(arrival: Arrival) -> str:
    return f"from iteration {count(arrival.iteration)} on, after {in_seconds(arrival.seconds)}"


def _moment(arrival: Arrival) -> str:
    return f"iteration {count(arrival.iteration)} (after {in_seconds(arrival.seconds)})"


def _intuition(one: Comparison) -> str:
    """Say why SOAP needs fewer steps, where it did; what a step costs is in the times."""
    reached, soap = one.reached, one.training.recipe.optimizer == "soap"
    early = first(one.reference_curve, one.level).iteration
    return SOAP_STEPS if soap and reached and reached.iteration <= FEW_STEPS * early else ""


def summary(compared: Sequence[Comparison]) -> Iterator[str]:
    """Yield after which share of the assignment's time it was as good, for each latent size."""
    if not compared:
        return
    sizes = listing(str(one.training.setting.latent_size) for one in compared)
    final = [one.reached for one in compared]
    lowest = [for_good(one.curve, one.lowest) for one in compared]
    text = f"With latent size {sizes} the final error of the assignment's recipe is"
    if any(final):
        best = _shares(compared, lowest)
        yield f"{text} reached {_shares(compared, final)}, its lowest error {best}."
    else:
        yield f"{text} not reached."


def _shares(compared: Sequence[Comparison], arrivals: Sequence[Arrival | None]) -> str:
    """Return `after 3.0% and 4.0% of its time (never by setting 2)`, or just `never`."""
    if not any(arrivals):
        return "never"
    pairs = list(zip(compared, arrivals, strict=True))
    shares = listing(one.share(at.seconds) for one, at in pairs if at)
    missed = listing(one.label for one, at in pairs if not at)
    return f"after {shares} of its time" + (f" (never by {missed})" if missed else "")


def alt(compared: Sequence[Comparison]) -> str:
    """Return the figure of the curves in words."""
    ends = listing(
        f"{one.label} ends at {error(float(one.curve.test_mse[-1]))} after "
        f"{in_seconds(float(one.curve.seconds[-1]))}, by the assignment's recipe at "
        f"{error(one.level)} after {_length(one)}"
        for one in compared
    )
    return f"Curves of test error of both recipes over iterations and over seconds: {ends}."


def table(compared: Sequence[Comparison]) -> Table:
    """Return final errors and times of both recipes, one row a comparison."""
    columns = (
        ("Training", "left"), ("Recipe", "left"), ("Final MSE", "right"), ("Time", "right"),
        ("Assigned: final", "right"), ("best", "right"), ("Time", "right"),
        ("As low after", "right"), ("Share", "right"),
    )  # fmt: skip
    caption = (
        "Trainings beside those of the assignment's recipe (assigned): errors (MSE per pixel on "
        "the test set) and times of training. As low after: from when on the error stays at or "
        "below the final one of the assignment's recipe, also as a share of its time. Times are "
        "those the runs took, and compare only where the machine did nothing else meanwhile."
    )
    return Table(caption + _threads(compared), columns, [_row(one) for one in compared])


def _row(one: Comparison) -> list[str]:
    found, ours, theirs = one.reached, one.training, one.reference
    return [
        one.label,
        one_line(ours.recipe.name, 40),
        error(ours.final_test_mse),
        in_seconds(float(one.curve.seconds[-1])),
        error(theirs.final_test_mse),
        error(one.lowest),
        _length(one),
        in_seconds(found.seconds) if found else "never",
        one.share(found.seconds) if found else UNKNOWN,
    ]


def _threads(compared: Sequence[Comparison]) -> str:
    """Return a remark where a training had other threads than its reference: times differ then."""
    both = ((one.label, one.training.threads, one.reference.threads) for one in compared)
    differing = listing(
        f"{ours} for {label} ({theirs} by the assignment's recipe)"
        for label, ours, theirs in both
        if ours and theirs and ours != theirs
    )
    return f" The threads were not the same: {differing}." if differing else ""
