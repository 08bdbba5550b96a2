"""Part 1, the course of the trainings: what the shapes of the error curves show.

Where several seeds of a setting show the same thing, the sentence is about the one that shows it
most, and says how many do.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from jobs.report.analysis import curve_shape as shape
from jobs.report.analysis.curve_shape import Overfit, Plateau, Spike
from jobs.report.analysis.groups import Group
from jobs.report.records import Curve, TrainingRecord
from jobs.report.wording import OPTIMIZERS, Finding, count, error, listing, percent, times

Shape = TypeVar("Shape")

EARLY_LINEAR = (
    "With small weights tanh is almost a straight line, so the network starts out as a nearly "
    "linear autoencoder, whose best solution is PCA's subspace (Baldi and Hornik, 1989). It seems "
    "to find that first, and to get below only once its hidden units use the curved part of tanh."
)
LARGE_STEP = (
    "{optimizer} divides each step by the recent size of the gradients. After a long calm that "
    "size is small, so one unusual mini-batch can cause a step far too large: a likely cause of a "
    "spike"
)


def not_finite(groups: Sequence[Group]) -> Iterator[Finding]:
    """Name trainings that diverged: from where on their error is no number."""
    for group in groups:
        for training, since in _showing(group, shape.first_not_finite):
            yield Finding(
                f"The error of {group.name(training)} is not a finite number at iteration "
                f"{count(since)}: the training diverged, and the shape of its curve is not judged.",
                ("figure-curves",),
                "Once a weight is not finite, every later update of it is not finite either: a "
                "training cannot come back from there, whatever its length.",
            )


def plateaus(groups: Sequence[Group]) -> Iterator[Finding]:
    """Say where a curve rests before it falls on, and whether that is PCA's level."""
    for group in groups:
        found = _showing(group, shape.plateau)
        if not found:
            continue
        training, rest = max(found, key=lambda one: one[1].span)
        at_pca = _at_pca(training, rest)
        text = (
            f"The error of {group.name(training)} rests near {error(rest.level)} from iteration "
            f"{count(rest.start)} to {count(rest.end)} before it falls on{at_pca}."
        )
        see = ("figure-curves",)
        yield Finding(text + _of_seeds(group, len(found)), see, EARLY_LINEAR if at_pca else "")


def _at_pca(training: TrainingRecord, rest: Plateau) -> str:
    pca = training.pca_test_mse
    if not pca or abs(rest.level / pca - 1) > shape.AT_PCA:
        return ""
    size = training.setting.latent_size
    return f": a plateau at the level of PCA with {size} components ({error(pca)})"


def spikes(groups: Sequence[Group]) -> Iterator[Finding]:
    """Say where a curve spikes, how high, and how long it takes to recover."""
    for group in groups:
        found = _showing(group, shape.spikes)
        if not found:
            continue
        training, all_spikes = max(found, key=lambda one: max(spike.ratio for spike in one[1]))
        text = _spikes(group.name(training), training, all_spikes) + _of_seeds(group, len(found))
        yield Finding(text, ("figure-curves",), _spike_intuition(training, all_spikes))


def _spikes(name: str, training: TrainingRecord, found: Sequence[Spike]) -> str:
    lasting = [spike for spike in found if spike.end is None]
    told = max(lasting or found, key=lambda spike: spike.ratio)
    which = "the one it does not recover from" if lasting else "the highest"
    number = "one spike: it" if len(found) == 1 else f"{len(found)} spikes; in {which} it"
    text = (
        f"The error of {name} has {number} jumps from {error(told.level)} to "
        f"{error(told.peak)} at iteration {count(told.peak_iteration)}, "
        f"{times(told.ratio)} the level before"
    )
    if training.pca_test_mse and told.peak > training.pca_test_mse > told.level:
        text += f" and above PCA's {error(training.pca_test_mse)}"
    if told.end is None:
        text += f", and by the end of the training has come back only to {error(told.last)}."
    else:
        text += f", and is back after {count(told.end - told.start)} iterations."
    return text + _highest(told, found)


def _highest(told: Spike, found: Sequence[Spike]) -> str:
    highest = max(found, key=lambda spike: spike.peak)
    if highest is told:
        return ""
    at = count(highest.peak_iteration)
    return f" The highest error of all spikes is {error(highest.peak)}, at iteration {at}."


def _spike_intuition(training: TrainingRecord, found: Sequence[Spike]) -> str:
    constant = training.recipe.schedule == "constant"
    text = LARGE_STEP.format(optimizer=OPTIMIZERS[training.recipe.optimizer])
    text += ", the more so as the learning rate is never lowered" if constant else ""
    if any(spike.end is None for spike in found):
        return (
            f"{text}. A step that large can leave tanh units saturated, where gradients are almost "
            "zero, which would explain a recovery as slow as this one."
        )
    return f"{text}. The way back is short when most of what was learnt is still in the weights."


def over_fitting(groups: Sequence[Group]) -> Iterator[Finding]:
    """Say by how much an error rises after its best, and since when."""
    for group in groups:
        found = _showing(group, shape.overfit)
        if not found:
            continue
        training, rise = max(found, key=lambda one: one[1].last / one[1].lowest)
        text = _overfit(group.name(training), rise) + _of_seeds(group, len(found))
        yield Finding(text, ("figure-curves", "table-summary"), _overfit_intuition(rise))


def _overfit(name: str, rise: Overfit) -> str:
    text = (
        f"The error of {name} rises after its best: its level is lowest around iteration "
        f"{count(rise.since)} ({error(rise.lowest)}) and ends at {error(rise.last)}, "
        f"{percent(rise.last / rise.lowest - 1)} higher"
    )
    if rise.train_lowest is None or rise.train_last is None:
        return f"{text}."
    verb = "falls" if rise.train_last < rise.train_lowest else "rises"
    return (
        f"{text}; meanwhile its training error {verb} from {error(rise.train_lowest)} to "
        f"{error(rise.train_last)}."
    )


def _overfit_intuition(rise: Overfit) -> str:
    if rise.train_lowest is None or rise.train_last is None:
        return (
            "A test error that rises while the training goes on is the usual sign of over-fitting: "
            "what is learnt late fits the training images alone."
        )
    if rise.train_last < rise.train_lowest:
        return (
            "Test error up while training error goes down is over-fitting: what the network learns "
            "late is true of the training images alone. Stopping at the best iteration would help."
        )
    return (
        "Training and test error rise together, so this is not over-fitting: the optimiser itself "
        "drifts away from the best weights it had."
    )


def falling(groups: Sequence[Group]) -> Iterator[Finding]:
    """Name the trainings whose error still falls at the end."""
    found = [
        (group.name(training), training.recipe.schedule, fall)
        for group in groups
        for training, fall in _showing(group, shape.still_falling)[:1]
    ]
    if found:
        parts = listing(f"{name} (by {percent(fall)})" for name, _, fall in found)
        yield Finding(
            f"Over the last tenth of the training the error still falls in {parts}.",
            ("figure-curves",),
            _falling_intuition({schedule for _, schedule, _ in found}),
        )


def _falling_intuition(schedules: set[str]) -> str:
    if schedules == {"constant"}:
        return "Where the error still falls, the limit of the network is not reached: train longer."
    if schedules == {"cosine"}:
        return (
            "This recipe takes the learning rate to zero, so its last steps mostly settle the "
            "weights; that the error still falls there says little about a longer training."
        )
    return ""


def _showing(
    group: Group, find: Callable[[Curve], Shape | None]
) -> list[tuple[TrainingRecord, Shape]]:
    """Return the trainings of a group in whose curve `find` finds something, with what it found."""
    showing = []
    for training in group.trainings:
        found = None if training.curve is None else find(training.curve)
        if found is not None and found != []:
            showing.append((training, found))
    return showing


def _of_seeds(group: Group, number: int) -> str:
    if len(group.trainings) == 1:
        return ""
    return f" Of {len(group.trainings)} seeds {number} show this; the one named shows it most."
