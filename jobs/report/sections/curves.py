"""Part 1: what the shapes of the error curves show.

If several seeds of a setting show the same thing, the sentence is about the one that shows it
most, and says how many do.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from jobs.report import charts
from jobs.report.analysis import curve_shape
from jobs.report.analysis.curve_shape import Overfit, Plateau, Spike
from jobs.report.analysis.groups import Group
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation
from jobs.report.records import Curve, TrainingRecord
from jobs.report.wording import (
    OPTIMIZERS,
    format_count,
    format_mse,
    format_percent,
    format_ratio,
    listing,
)

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


CAPTION = (
    "Test error over the training, on linear (above) and logarithmic (below) iterations. Dashed "
    "lines: PCA with as many components as the latent layer. Where a setting was trained with "
    "several seeds, the marks belong to the first, and the others are drawn thinner."
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield the figure of the error curves."""
    if any(training.curve is not None for g in study.groups for training in g.trainings):
        yield Figure(
            key="figure-curves",
            picture=charts.curves(study.groups),
            alt=_alt(study.groups),
            caption=CAPTION,
            floats=True,
        )


def _alt(groups: Sequence[Group]) -> str:
    finals = listing(
        f"{group.label} ends at {format_mse(group.mean('final_test_mse'))}"
        for group in groups
        if group.values("final_test_mse")
    )
    return f"Curves of test error against iteration, error axis logarithmic: {finals}."


def not_finite(study: Study) -> Iterator[Observation]:
    """Name trainings that diverged: from where on their error is no number."""
    for group in study.groups:
        for training, since in _showing(group, curve_shape.first_not_finite):
            yield Observation(
                kind="not finite",
                text=(
                    f"The error of {group.name(training)} is not a finite number at iteration "
                    f"{format_count(since)}: the training diverged, and the shape of its curve is "
                    "not judged."
                ),
                see=("figure-curves",),
                intuition=(
                    "Once a weight is not finite, every later update of it is not finite either: a "
                    "training cannot come back from there, whatever its length."
                ),
            )


def plateaus(study: Study) -> Iterator[Observation]:
    """Say where a curve rests before it falls on, and whether that is PCA's level."""
    for group in study.groups:
        showing = _showing(group, curve_shape.plateau)
        if not showing:
            continue
        training, rest = max(showing, key=lambda pair: pair[1].span)
        at_pca = _at_pca(training, rest)
        text = (
            f"The error of {group.name(training)} rests near {format_mse(rest.level)} from "
            f"iteration {format_count(rest.start)} to {format_count(rest.end)} before it falls "
            f"on{at_pca}."
        )
        see = ("figure-curves",)
        yield Observation(
            kind="plateaus",
            text=text + _of_seeds(group, len(showing)),
            see=see,
            intuition=EARLY_LINEAR if at_pca else "",
        )


def _at_pca(training: TrainingRecord, rest: Plateau) -> str:
    pca = training.pca_test_mse
    if not pca or abs(rest.level / pca - 1) > curve_shape.AT_PCA:
        return ""
    size = training.spec.setting.latent_size
    return f": a plateau at the level of PCA with {size} components ({format_mse(pca)})"


def spikes(study: Study) -> Iterator[Observation]:
    """Say where a curve spikes, how high, and how long it takes to recover."""
    for group in study.groups:
        showing = _showing(group, curve_shape.spikes)
        if not showing:
            continue
        training, all_spikes = max(showing, key=lambda pair: max(spike.ratio for spike in pair[1]))
        text = _spikes(group.name(training), training, all_spikes) + _of_seeds(group, len(showing))
        yield Observation(
            kind="spikes",
            text=text,
            see=("figure-curves",),
            intuition=_spike_intuition(training, all_spikes),
        )


def _spikes(name: str, training: TrainingRecord, spikes: Sequence[Spike]) -> str:
    lasting = [s for s in spikes if s.end is None]
    spike = max(lasting or spikes, key=lambda s: s.ratio)
    which = "the one it does not recover from" if lasting else "the highest"
    number = "one spike: it" if len(spikes) == 1 else f"{len(spikes)} spikes; in {which} it"
    text = (
        f"The error of {name} has {number} jumps from {format_mse(spike.level)} to "
        f"{format_mse(spike.peak)} at iteration {format_count(spike.peak_iteration)}, "
        f"{format_ratio(spike.ratio)} the level before"
    )
    if training.pca_test_mse and spike.peak > training.pca_test_mse > spike.level:
        text += f" and above PCA's {format_mse(training.pca_test_mse)}"
    if spike.end is None:
        text += f", and by the end of the training has come back only to {format_mse(spike.last)}."
    else:
        text += f", and is back after {format_count(spike.end - spike.start)} iterations."
    return text + _highest(spike, spikes)


def _highest(spike: Spike, spikes: Sequence[Spike]) -> str:
    highest = max(spikes, key=lambda s: s.peak)
    if highest is spike:
        return ""
    at = format_count(highest.peak_iteration)
    return f" The highest error of all spikes is {format_mse(highest.peak)}, at iteration {at}."


def _spike_intuition(training: TrainingRecord, spikes: Sequence[Spike]) -> str:
    constant = training.spec.recipe.schedule == "constant"
    text = LARGE_STEP.format(optimizer=OPTIMIZERS[training.spec.recipe.optimizer])
    text += ", the more so as the learning rate is never lowered" if constant else ""
    if any(spike.end is None for spike in spikes):
        return (
            f"{text}. A step that large can leave tanh units saturated, where gradients are almost "
            "zero, which would explain a recovery as slow as this one."
        )
    return f"{text}. The way back is short when most of what was learnt is still in the weights."


def over_fitting(study: Study) -> Iterator[Observation]:
    """Say by how much an error rises after its best, and since when."""
    for group in study.groups:
        showing = _showing(group, curve_shape.overfit)
        if not showing:
            continue
        training, rise = max(showing, key=lambda pair: pair[1].last / pair[1].lowest)
        text = _overfit(group.name(training), rise) + _of_seeds(group, len(showing))
        yield Observation(
            kind="over fitting",
            text=text,
            see=("figure-curves", "table-summary"),
            intuition=_overfit_intuition(rise),
        )


def _overfit(name: str, rise: Overfit) -> str:
    text = (
        f"The error of {name} rises after its best: its level is lowest around iteration "
        f"{format_count(rise.since)} ({format_mse(rise.lowest)}) and ends at "
        f"{format_mse(rise.last)}, {format_percent(rise.last / rise.lowest - 1)} higher"
    )
    if rise.train_lowest is None or rise.train_last is None:
        return f"{text}."
    verb = "falls" if rise.train_last < rise.train_lowest else "rises"
    return (
        f"{text}; meanwhile its training error {verb} from {format_mse(rise.train_lowest)} to "
        f"{format_mse(rise.train_last)}."
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


def falling(study: Study) -> Iterator[Observation]:
    """Name the trainings whose error still falls at the end."""
    found = [
        (group.name(training), training.spec.recipe.schedule, fall)
        for group in study.groups
        for training, fall in _showing(group, curve_shape.still_falling)[:1]
    ]
    if found:
        parts = listing(f"{name} (by {format_percent(fall)})" for name, _, fall in found)
        yield Observation(
            kind="falling",
            text=f"Over the last tenth of the training the error still falls in {parts}.",
            see=("figure-curves",),
            intuition=_falling_intuition({schedule for _, schedule, _ in found}),
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
