"""Part 1: what the error curves show.

If several seeds of a setting show the same thing, the sentence is about the one that shows it most,
and says how many do.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from jobs.report import charts
from jobs.report.analysis import curve_shape
from jobs.report.analysis.comparison import Comparison
from jobs.report.analysis.curve_shape import Overfit, Plateau, Spike
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.seeds import has_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation, cite
from jobs.report.records import Curve, TrainingRecord
from jobs.report.wording import (
    capitalized,
    format_count,
    format_mse,
    format_percent,
    format_ratio,
    listing,
    listing_of_names,
    moments,
)

Shape = TypeVar("Shape")

SEE = ("figure-curves",)
BELOW = 0.01
"""Share by which an error is below PCA's before that is told."""
LINEAR = (
    "Near zero tanh is a straight line. A network whose hidden units all stay there is a linear "
    f"autoencoder, and the best of these is PCA {cite('baldi-hornik')}: to get below it the hidden "
    "units must use the curved part."
)
SPIKES_OF_ADAM = (
    "Adam divides each step by the recent size of the gradients, and can enter a state in which "
    f"its steps are large and hardly related to the direction of descent {cite('molybog')}. The "
    "records do not say whether that happened here."
)
OVERFITTING = (
    "A test error that rises while the training error falls is over-fitting: what is learnt then "
    "holds for the training images alone."
)
NOT_OVERFITTING = "Training and test error rise together, so this is not over-fitting."


def blocks(study: Study) -> Iterator[Block]:
    """Yield the figure of the error curves."""
    if any(training.curve is not None for g in study.groups for training in g.trainings):
        yield Figure(
            key="figure-curves",
            picture=charts.curves(study.groups, study.comparisons),
            alt=_alt(study.groups),
            caption=_caption(study),
        )


def _caption(study: Study) -> str:
    text = (
        "Test error during training, over linear (left) and logarithmic (right) iterations; "
        "iteration 0 has no place on a logarithmic axis. Dashed: PCA with as many components as "
        "the latent layer has units."
    )
    if any(len(group.trainings) > 1 for group in study.groups):
        text += " Of several seeds the first is drawn thick."
    return text + _comparisons(study.comparisons)


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    """Say what the figure shows of the assignment's recipe."""
    if not comparisons:
        return ""
    recorded = any(comparison.reference.recording for comparison in comparisons)
    whose = ", recorded by the project and not part of this experiment" if recorded else ""
    text = f" Pale, on the right: the assignment's recipe{whose}."
    if any(comparison.reached for comparison in comparisons):
        spiked = [c.label for c in comparisons if c.reference_spike]
        has = "has" if len(spiked) == 1 else "have"
        but = (
            f"; {listing_of_names(spiked)} {has} none, because the assignment's recipe did not "
            "recover from a spike there"
        )
        text += (
            " A dot marks the iteration from which a training stays at or below the final error of "
            f"the assignment's recipe{but * bool(spiked)}."
        )
    return text


def _alt(groups: Sequence[Group]) -> str:
    finals = listing(
        f"{group.label} ends at {format_mse(group.mean('final_test_mse'))}"
        + " on average" * (len(group.trainings) > 1)
        for group in groups
        if group.values("final_test_mse")
    )
    return f"Curves of test error against iteration, error axis logarithmic: {finals}."


def not_finite(study: Study) -> Iterator[Observation]:
    """Name trainings that diverged: from when on their error is not a number."""
    for group in study.groups:
        for training, since in _showing(group, curve_shape.first_not_finite):
            yield Observation(
                kind="divergence",
                numbers={"iteration": Estimate(since)},
                text=f"The error of {group.name(training)} is not a finite number at iteration "
                f"{format_count(since)}: the training diverged.",
                see=SEE,
            )


def milestones(study: Study) -> Iterator[Observation]:
    """Say from when on each training is clearly below PCA, and when its error has settled."""
    below: dict[str, int] = {}
    settled: dict[str, int] = {}
    for group in study.groups:
        since = [_below_pca(training) for training in group.trainings]
        rest = [_settled(training) for training in group.trainings]
        for latest, found in ((below, since), (settled, rest)):
            known = [at for at in found if at is not None]
            if known and len(known) == len(found):
                latest[group.label] = max(known)
    every = "in every seed " * has_seeds(study.groups)
    sentences = []
    if below:
        margin = format_percent(BELOW, decimals=0)
        sentences.append(
            f"{every}the recorded test error is more than {margin} below PCA's {moments(below)}."
        )
    if settled:
        within = format_percent(curve_shape.SETTLED, decimals=0)
        error = "it" if below else f"{every}the test error"
        sentences.append(f"{error} is within {within} of its final value {moments(settled)}.")
    if sentences:
        yield Observation(
            kind="milestones",
            numbers={f"below PCA, {name}": Estimate(since) for name, since in below.items()}
            | {f"settled, {name}": Estimate(since) for name, since in settled.items()},
            text=" ".join(map(capitalized, sentences)),
            see=SEE,
        )


def _below_pca(training: TrainingRecord) -> int | None:
    """Return from when on the error is clearly below PCA's; None if it never is."""
    curve = curve_shape.with_end(training)
    if curve is None or training.pca_test_mse is None:
        return None
    return curve_shape.stays_below(curve, (1 - BELOW) * training.pca_test_mse)


def _settled(training: TrainingRecord) -> int | None:
    """Return since when the error is near its last; None if that is where it was cut off."""
    curve = curve_shape.with_end(training)
    if curve is None or (_is_constant(training) and curve_shape.still_falling(curve) is not None):
        return None
    return curve_shape.settled(curve)


def _is_constant(training: TrainingRecord) -> bool:
    return training.spec.recipe.schedule == "constant"


def plateaus(study: Study) -> Iterator[Observation]:
    """Say where a curve rests before it falls on, and whether that is PCA's level."""
    for group in study.groups:
        showing = _showing(group, curve_shape.plateau)
        if not showing:
            continue
        training, rest = max(showing, key=lambda pair: pair[1].span)
        at_pca = _at_pca(training, rest)
        yield Observation(
            kind="plateau",
            numbers={
                "level": Estimate(rest.level),
                "start": Estimate(rest.start),
                "end": Estimate(rest.end),
            },
            text=f"The error of {group.name(training)} rests near {format_mse(rest.level)} from "
            f"iteration {format_count(rest.start)} to {format_count(rest.end)} before it falls "
            f"further{at_pca}.{_of_seeds(group, len(showing))}",
            see=SEE,
            intuition=LINEAR if at_pca else "",
        )


def _at_pca(training: TrainingRecord, rest: Plateau) -> str:
    pca = training.pca_test_mse
    if not pca or abs(rest.level / pca - 1) > curve_shape.AT_PCA:
        return ""
    return f", within {format_percent(curve_shape.AT_PCA, decimals=0)} of PCA's {format_mse(pca)}"


def spikes(study: Study) -> Iterator[Observation]:
    """Say where a curve spikes, how high, and how long it takes to recover."""
    for group in study.groups:
        showing = _showing(group, curve_shape.spikes)
        if not showing:
            continue
        training, all_spikes = max(showing, key=lambda pair: max(spike.ratio for spike in pair[1]))
        spike = _named(all_spikes)
        adam = training.spec.recipe.optimizer == "adam"
        yield Observation(
            kind="spike",
            numbers={
                "level": Estimate(spike.level),
                "peak": Estimate(spike.peak),
                "iteration": Estimate(spike.peak_iteration),
                "number": Estimate(len(all_spikes)),
            },
            text=_spike(group.name(training), spike, training, all_spikes)
            + _of_seeds(group, len(showing)),
            see=SEE,
            intuition=SPIKES_OF_ADAM if adam else "",
        )


def _named(spikes: Sequence[Spike]) -> Spike:
    """Return the spike that is described: one without recovery, else the highest."""
    lasting = [spike for spike in spikes if spike.end is None]
    return max(lasting or spikes, key=lambda spike: spike.ratio)


def _spike(name: str, spike: Spike, training: TrainingRecord, spikes: Sequence[Spike]) -> str:
    jump = (
        f"jumps from {format_mse(spike.level)} to {format_mse(spike.peak)} "
        f"({format_ratio(spike.ratio)} as much) at iteration {format_count(spike.peak_iteration)}"
    )
    if spike.end is not None:
        near = format_percent(curve_shape.RECOVERED_RATIO - 1, decimals=0)
        back = f"is back within {near} after {format_count(spike.end - spike.start)} iterations"
        if len(spikes) == 1:
            return f"The error of {name} spikes once: it {jump} and {back}."
        number = format_count(len(spikes))
        return (
            f"The error of {name} spikes {number} times; in the highest spike it {jump} and {back}."
        )
    final = curve_shape.with_end(training)
    end = spike.last if final is None else float(final.test_mse[-1])
    return (
        f"The error of {name} {jump} and does not come back: it ends at {format_mse(end)}, "
        f"{format_ratio(end / spike.level)} the level before. Its final error does not show what "
        "the network can represent."
    )


def over_fitting(study: Study) -> Iterator[Observation]:
    """Say by how much an error rises after its best, and since when."""
    for group in study.groups:
        showing = _showing(group, curve_shape.overfit)
        if not showing:
            continue
        training, rise = max(showing, key=lambda pair: pair[1].last / pair[1].lowest)
        yield Observation(
            kind="rise after the best",
            numbers={
                "since": Estimate(rise.since),
                "lowest": Estimate(rise.lowest),
                "last": Estimate(rise.last),
            },
            text=_rise(group.name(training), rise) + _of_seeds(group, len(showing)),
            see=SEE,
            intuition=_overfit_intuition(rise),
        )


def _rise(name: str, rise: Overfit) -> str:
    text = (
        f"The level of the error of {name} is lowest near iteration {format_count(rise.since)} "
        f"({format_mse(rise.lowest)}) and ends {format_percent(rise.last / rise.lowest - 1)} "
        f"higher ({format_mse(rise.last)})"
    )
    if rise.train_lowest is None or rise.train_last is None:
        return f"{text}."
    verb = "falls" if rise.train_last < rise.train_lowest else "rises"
    return (
        f"{text}; the error on its training batches {verb} from {format_mse(rise.train_lowest)} to "
        f"{format_mse(rise.train_last)} meanwhile."
    )


def _overfit_intuition(rise: Overfit) -> str:
    if rise.train_lowest is None or rise.train_last is None:
        return ""
    return OVERFITTING if rise.train_last < rise.train_lowest else NOT_OVERFITTING


def falling(study: Study) -> Iterator[Observation]:
    """Name the trainings whose error still falls at the end.

    Those whose learning rate goes to zero are left out: their end tells nothing of a longer one.
    """
    falls = {
        group.name(training): fall
        for group in study.groups
        if _is_constant(group.first)
        for training, fall in _showing(group, curve_shape.still_falling)[:1]
    }
    if not falls:
        return
    parts = listing(f"{format_percent(fall)} in {name}" for name, fall in falls.items())
    yield Observation(
        kind="still falling",
        numbers={name: Estimate(fall) for name, fall in falls.items()},
        text=f"The error still falls at the end: its level is lower than that of as many recorded "
        f"errors before by {parts}.",
        see=SEE,
    )


def _showing(
    group: Group, find: Callable[[Curve], Shape | None]
) -> list[tuple[TrainingRecord, Shape]]:
    """Return the trainings of a group in whose curve `find` finds something, with what it found."""
    showing = []
    for training in group.trainings:
        shape = None if training.curve is None else find(training.curve)
        if shape is not None and shape != []:
            showing.append((training, shape))
    return showing


def _of_seeds(group: Group, number: int) -> str:
    if len(group.trainings) == 1:
        return ""
    return f" Of {len(group.trainings)} seeds {number} show this; the one named shows it most."
