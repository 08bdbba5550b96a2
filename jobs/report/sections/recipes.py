"""Part 1: trainings beside those with the assignment's recipe."""

from collections.abc import Iterator, Sequence

from jobs.report.analysis.comparison import Comparison, TimeToTarget, sustained_time_to, time_to
from jobs.report.analysis.curve_shape import ending_spike
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Observation, Table, cite
from jobs.report.records import TrainingRecord
from jobs.report.wording import (
    UNKNOWN,
    capitalized,
    format_count,
    format_mse,
    format_percent,
    format_ratio,
    format_seconds,
    listing,
    moments,
    one_line,
)

SEE = ("figure-curves", "table-recipes")
FEW_STEPS = 0.5
"""Share of the reference's iterations from which on fewer are worth an explanation."""
SOAP_STEPS = (
    "Adam scales the step of each weight by itself. SOAP runs Adam in the eigenbases of each "
    f"layer's inputs and output gradients, where the curvature is nearly diagonal {cite('vyas')}. "
    "The recipes differ in learning rate, schedule and warm-up too, so this comparison does not "
    "say which of these saves the iterations."
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield errors and times with both recipes; nothing if there is nothing to compare."""
    if study.comparisons:
        yield table(study.comparisons)


def times_to_target(study: Study) -> Iterator[Observation]:
    """Say of each training whether and when it is as good as the assignment's."""
    reached: list[tuple[Comparison, TimeToTarget]] = []
    for comparison in study.comparisons:
        if ending_spike(comparison.reference_curve):
            yield _spoilt_reference(comparison)
        elif ending_spike(comparison.curve):
            continue
        elif found := comparison.reached:
            reached.append((comparison, found))
        else:
            yield _missed(comparison)
    if reached:
        yield _reached(reached)


def _spoilt_reference(comparison: Comparison) -> Observation:
    """Say that the reference ended in a spike, which makes its final error no yardstick."""
    reference = comparison.reference_curve
    spike = ending_spike(reference)
    at = 0 if spike is None else spike.peak_iteration
    lowest = time_to(reference, comparison.lowest_mse)
    return Observation(
        kind="reference ended in a spike",
        numbers={
            "reference, final": Estimate(comparison.target_mse),
            "reference, lowest": Estimate(comparison.lowest_mse),
        },
        text=f"With the assignment's recipe {_setting(comparison)} spiked at iteration "
        f"{format_count(at)} and ended at {format_mse(comparison.target_mse)}, "
        f"{format_ratio(comparison.target_mse / comparison.lowest_mse)} its lowest error "
        f"({format_mse(comparison.lowest_mse)} at iteration {format_count(lowest.iteration)}). "
        f"Its final error is not a measure of the recipe; {_lowest(comparison)}.",
        see=SEE,
    )


def _lowest(comparison: Comparison) -> str:
    """Say how the training compares with the lowest error of the reference."""
    reached = sustained_time_to(comparison.curve, comparison.lowest_mse)
    name = comparison.label
    if reached is None:
        end = format_mse(float(comparison.curve.test_mse[-1]))
        return f"{name} with its own recipe ends above that lowest error, at {end}"
    since = format_count(reached.iteration)
    return f"{name} with its own recipe stays at or below that lowest error from {since} on"


def _missed(comparison: Comparison) -> Observation:
    final, target = float(comparison.curve.test_mse[-1]), comparison.target_mse
    return Observation(
        kind="target missed",
        numbers={"final": Estimate(final), "target": Estimate(target)},
        text=f"{capitalized(comparison.label)} ends at {format_mse(final)}, "
        f"{format_percent(final / target - 1)} above the {format_mse(target)} of the assignment's "
        "recipe.",
        see=SEE,
    )


def _reached(compared: Sequence[tuple[Comparison, TimeToTarget]]) -> Observation:
    """Say when trainings are as good as the assignment's in the end, and at its lowest."""
    firsts: list[str] = []
    numbers: dict[str, Estimate] = {}
    few = False
    for comparison, since in compared:
        label = comparison.label
        early = time_to(comparison.reference_curve, comparison.target_mse)
        firsts.append(f"{format_count(early.iteration)} ({label})")
        numbers |= {
            f"{label}, target": Estimate(comparison.target_mse),
            f"{label}, iteration": Estimate(since.iteration),
            f"{label}, iteration of the assignment's recipe": Estimate(early.iteration),
        }
        soap = comparison.training.spec.recipe.optimizer == "soap"
        few |= soap and since.iteration <= FEW_STEPS * early.iteration
    return Observation(
        kind="target reached",
        numbers=numbers,
        text="The error stays at or below the final one of the assignment's recipe "
        f"{moments({c.label: since.iteration for c, since in compared})}; that recipe first "
        f"reached it at iteration {listing(firsts)}.{_lowest_too(compared)}",
        see=SEE,
        intuition=SOAP_STEPS if few else "",
    )


def _lowest_too(compared: Sequence[tuple[Comparison, TimeToTarget]]) -> str:
    """Say who gets as low as the lowest error of the assignment's run, if it is another."""
    reached: list[str] = []
    missed: list[str] = []
    for c, _ in compared:
        if format_mse(c.lowest_mse) != format_mse(c.target_mse):
            stays = sustained_time_to(c.curve, c.lowest_mse)
            (reached if stays else missed).append(c.label)
    lowest = " The lowest error of the assignment's recipe is"
    if reached:
        rest = f", not in {listing(missed)}" if missed else ""
        return f"{lowest} reached as well in {listing(reached)}{rest}."
    return f"{lowest} not reached in {listing(missed)}." if missed else ""


def _setting(comparison: Comparison) -> str:
    return f"setting {comparison.training.spec.setting.name}"


def table(comparisons: Sequence[Comparison]) -> Table:
    """Return final errors and times with both recipes, one row per comparison."""
    columns = (
        ("Training", "left"), ("Recipe", "left"), ("Final MSE", "right"), ("Time", "right"),
        ("Assigned: final", "right"), ("lowest", "right"), ("Time", "right"),
        ("As low from", "right"), ("after", "right"),
    )  # fmt: skip
    caption = (
        "Trainings beside those with the assignment's recipe (assigned). As low from: the "
        "iteration from which on the error stays at or below the final one of the assignment's "
        "recipe. Times compare only between equal machines that did nothing else."
    )
    return Table(
        key="table-recipes",
        caption=caption + _differing(comparisons) + _recorded(comparisons),
        columns=columns,
        rows=[_row(comparison) for comparison in comparisons],
    )


def _row(comparison: Comparison) -> list[str]:
    reached, training = comparison.reached, comparison.training
    return [
        comparison.label,
        one_line(training.spec.recipe.name, 40),
        format_mse(training.final_test_mse),
        format_seconds(float(comparison.curve.seconds[-1])),
        format_mse(comparison.reference.final_test_mse) + _mark(comparison),
        format_mse(comparison.lowest_mse),
        _time(comparison),
        format_count(reached.iteration) if reached else "never",
        format_seconds(reached.seconds) if reached else UNKNOWN,
    ]


def _time(comparison: Comparison) -> str:
    """Return the seconds of the reference."""
    recording = comparison.reference.recording
    if recording is None:
        return format_seconds(float(comparison.reference_curve.seconds[-1]))
    return format_seconds(recording.seconds)


def _mark(comparison: Comparison) -> str:
    return " (spike)" if ending_spike(comparison.reference_curve) else ""


def _differing(comparisons: Sequence[Comparison]) -> str:
    """Return remarks if trainings had another precision, or other threads, than their reference."""
    text = ""
    for what, unit in (("precision", ""), ("threads", "threads: ")):
        labels: dict[str, list[str]] = {}
        for c in comparisons:
            own, other = getattr(c.training.spec, what), getattr(c.reference.spec, what)
            if c.reference.recording is None and own and other and own != other:
                labels.setdefault(f"{unit}{own} instead of {other}", []).append(c.label)
        text += "".join(f" {capitalized(way)} for {listing(who)}." for way, who in labels.items())
    return text


def _recorded(comparisons: Sequence[Comparison]) -> str:
    """Say whose the curves of the assignment's recipe are, if they are not of the experiment."""
    ways: dict[str, list[str]] = {}
    for comparison in comparisons:
        if comparison.reference.recording is not None:
            ways.setdefault(_way(comparison.reference), []).append(comparison.label)
    return "".join(
        f" The assigned {'trainings' if len(labels) > 1 else 'training'} of {listing(labels)} "
        f"{'are' if len(labels) > 1 else 'is'} not of this experiment, but recorded by the "
        f"project: {way}."
        for way, labels in ways.items()
    )


def _way(reference: TrainingRecord) -> str:
    """Return `commit 55ae722ddb02, seed 0, float32, <conditions>`."""
    spec, recording = reference.spec, reference.recording
    conditions = one_line(recording.conditions) if recording else ""
    commit = reference.git_commit[:12]
    return f"commit {commit}, seed {spec.seed}, {spec.precision}, {conditions}"
