"""Part 1: trainings beside those with the assignment's recipe."""

from collections.abc import Iterator, Sequence

import numpy as np

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
    format_duration,
    format_mse,
    format_percent,
    format_ratio,
    format_seconds,
    listing,
    listing_of_names,
    moments,
    one_line,
    recipe_label,
    recipe_name,
    split_seed,
)

SEE = ("figure-curves", "table-recipes")
MAX_CONDITIONS = 400
"""Characters that say how what the project recorded was trained."""
READ_OFF = 0.01
"""Share to which the errors of recorded curves are known."""
FEW_STEPS = 0.5
"""Share of the reference's iterations from which on fewer are worth an explanation."""
SOAP_STEPS = (
    "Adam scales the step of each weight separately. SOAP runs Adam in the eigenbases of the "
    f"factors that Shampoo takes from a layer's gradients {cite('vyas')}, this variant in those of "
    f"K-FAC's factors {cite('martens-grosse')}. In such a basis the curvature is nearer to "
    f"diagonal than in the weights themselves {cite('george')}. The recipes differ in more than "
    "that (see Limits), so this comparison does not say what saves the iterations."
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield errors and times with both recipes; nothing if there is nothing to compare."""
    if study.comparisons:
        yield table(study.comparisons)


def times_to_target(study: Study) -> Iterator[Observation]:
    """Say of each training whether and when it is as good as the assignment's."""
    reached: list[tuple[Comparison, TimeToTarget]] = []
    stopped = [c for c in study.comparisons if c.stopped_at is not None]
    for comparison in study.comparisons:
        if comparison in stopped:
            continue
        if comparison.reference_spike:
            yield _spoilt_reference(comparison)
        elif ending_spike(comparison.curve):
            continue
        elif found := comparison.reached:
            reached.append((comparison, found))
        else:
            yield _missed(comparison)
    if reached:
        yield _reached(reached)
    if stopped:
        yield _stopped(stopped)


def _spoilt_reference(comparison: Comparison) -> Observation:
    """Say that the reference ended in a spike, which makes its final error no yardstick."""
    reference = comparison.reference_curve
    spike = comparison.reference_spike
    start = 0 if spike is None else spike.start
    lowest = time_to(reference, comparison.lowest_mse)
    at = _at(comparison)
    return Observation(
        kind="reference ended in a spike",
        numbers={
            "reference, final": Estimate(comparison.target_mse),
            "reference, lowest": Estimate(comparison.lowest_mse),
        },
        text=f"With the assignment's recipe the error of {_setting(comparison)} jumped {at} "
        f"iteration {format_count(start)} and did not come back: it ended at "
        f"{format_mse(comparison.target_mse)}, "
        f"{format_ratio(comparison.target_mse / comparison.lowest_mse)} its lowest error "
        f"({format_mse(comparison.lowest_mse)} {at} iteration {format_count(lowest.iteration)}). "
        f"The lower of the two is the fairer yardstick: {_lowest(comparison)}.",
        see=SEE,
    )


def _at(*comparisons: Comparison) -> str:
    """Return how the assignment's recipe did something at an iteration: `near` if it was read off.

    The curves that the project recorded are not exact.
    """
    return "near" if any(c.reference.recording for c in comparisons) else "at"


def _stopped(stopped: Sequence[Comparison]) -> Observation:
    """Say how far those that are the assignment's recipe, stopped early, got."""
    shares = {c.label: Estimate(c.stopped_at or 0.0) for c in stopped}
    errors = listing(
        f"{format_mse(float(c.curve.test_mse[-1]))} in {c.label} ({_in_the_end(c)})"
        for c in stopped
    )
    after = " or ".join(dict.fromkeys(format_percent(s.value) for s in shares.values()))
    return Observation(
        kind="stopped early",
        numbers=shares,
        text=f"After {after} of the iterations of the assignment's recipe, where the training was "
        f"stopped, the error is {errors}.",
        see=SEE,
    )


def _in_the_end(comparison: Comparison) -> str:
    """Return how the assignment's recipe, trained to its end, ended."""
    end = f"{format_mse(comparison.target_mse)} in the end"
    spike = comparison.reference_spike
    if spike is None:
        return end
    return (
        f"{end}: it jumped from {format_mse(spike.level)} {_at(comparison)} iteration "
        f"{format_count(spike.start)} and did not come back"
    )


def _lowest(comparison: Comparison) -> str:
    """Say how the training compares with the lowest error of the reference."""
    reached = sustained_time_to(comparison.curve, comparison.lowest_mse)
    name = f"{comparison.label}, trained with {recipe_name(comparison.training.spec.recipe)},"
    if reached is None:
        end = format_mse(float(comparison.curve.test_mse[-1]))
        return f"{name} ends above it, at {end}"
    return f"{name} stays at or below it from iteration {format_count(reached.iteration)} on"


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
    firsts: dict[str, str] = {}
    numbers: dict[str, Estimate] = {}
    few = False
    for comparison, since in compared:
        label = comparison.label
        early = time_to(comparison.reference_curve, comparison.target_mse)
        firsts[label] = _first(comparison, early)
        numbers |= {
            f"{label}, target": Estimate(comparison.target_mse),
            f"{label}, iteration": Estimate(since.iteration),
            f"{label}, iteration of the assignment's recipe": Estimate(early.iteration),
        }
        soap = comparison.training.spec.recipe.optimizer == "soap"
        few |= soap and since.iteration <= FEW_STEPS * early.iteration
    bare, _ = split_seed(list(firsts))
    listed = listing(f"{at} ({name})" for name, at in zip(bare, firsts.values(), strict=True))
    return Observation(
        kind="target reached",
        numbers=numbers,
        text="The error stays at or below the final one of the assignment's recipe "
        f"{moments({c.label: since.iteration for c, since in compared})}; that recipe first "
        f"reached it {listed}."
        f"{_lowest_too(compared)}",
        see=SEE,
        intuition=SOAP_STEPS if few else "",
    )


def _first(comparison: Comparison, early: TimeToTarget) -> str:
    """Return an iteration of the reference, or between which two its recorded curve has it."""
    if comparison.reference.recording is None:
        return f"at iteration {format_count(early.iteration)}"
    curve, target = comparison.reference_curve, comparison.target_mse
    early = time_to(curve, (1 + READ_OFF) * target)
    below = np.flatnonzero(curve.test_mse <= (1 - READ_OFF) * target)
    late = int(curve.iterations[below[0] if below.size else -1])
    first, last = (format_count(int(float(f"{end:.2g}"))) for end in (early.iteration, late))
    return f"between iterations {first} and {last}"


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
        rest = f", not in {listing_of_names(missed)}" if missed else ""
        return f"{lowest} reached as well in {listing_of_names(reached)}{rest}."
    return f"{lowest} not reached in {listing_of_names(missed)}." if missed else ""


def _setting(comparison: Comparison) -> str:
    return f"setting {comparison.training.spec.setting.name}"


def table(comparisons: Sequence[Comparison]) -> Table:
    """Return final errors and times with both recipes, one row per comparison."""
    columns = (
        ("Training", "left"), ("Recipe", "left"), ("Final MSE", "right"), ("Time", "right"),
        ("Assignment: final MSE", "right"), ("lowest MSE", "right"), ("time", "right"),
        ("reached from iteration", "right"), ("after", "right"),
    )  # fmt: skip
    spikes = any(comparison.reference_spike for comparison in comparisons)
    unless = ", unless that training ended in a spike" * spikes
    caption = (
        "Trainings beside complete ones with the assignment's recipe. Reached: the error stays at "
        f"or below the final one of the assignment's recipe{unless}. "
        "The assignment's times are of all its iterations, also where it had its final error "
        "earlier. Times can be compared only between equal machines that did nothing else."
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
        recipe_label(training.spec.recipe),
        format_mse(training.final_test_mse),
        format_seconds(float(comparison.curve.seconds[-1])),
        format_mse(comparison.reference.final_test_mse) + _mark(comparison, " (after a spike)"),
        format_mse(comparison.lowest_mse),
        _time(comparison),
        format_count(reached.iteration) if reached else _mark(comparison, UNKNOWN) or "not reached",
        format_seconds(reached.seconds) if reached else UNKNOWN,
    ]


def _time(comparison: Comparison) -> str:
    """Return what the reference took: of one that the project recorded in minutes."""
    recording = comparison.reference.recording
    if recording is None:
        return format_seconds(float(comparison.reference_curve.seconds[-1]))
    return format_duration(recording.seconds)


def _mark(comparison: Comparison, mark: str) -> str:
    """Return a mark of a reference that ended in a spike; nothing for others."""
    return mark if comparison.reference_spike else ""


def _differing(comparisons: Sequence[Comparison]) -> str:
    """Return remarks if trainings were computed in another way than their reference."""
    text = ""
    for what, unit in (("precision", ""), ("device", "device: "), ("threads", "threads: ")):
        labels: dict[str, list[str]] = {}
        for c in comparisons:
            own, other = getattr(c.training.spec, what), getattr(c.reference.spec, what)
            if own and other and own != other:
                labels.setdefault(f"{unit}{own} instead of {other}", []).append(c.label)
        text += "".join(
            f" {capitalized(way)} for {listing_of_names(who)}." for way, who in labels.items()
        )
    return text


def _recorded(comparisons: Sequence[Comparison]) -> str:
    """Say whose the curves of the assignment's recipe are, if they are not of the experiment."""
    ways: dict[str, list[str]] = {}
    for comparison in comparisons:
        if comparison.reference.recording is not None:
            ways.setdefault(_way(comparison.reference), []).append(comparison.label)
    return "".join(
        f" {_what_of_the_assignment(labels)} not of this experiment, but recorded by the project: "
        f"{way}."
        for way, labels in ways.items()
    )


def _what_of_the_assignment(labels: Sequence[str]) -> str:
    many = len(labels) > 1
    trainings = f"training{'s' * many} with the assignment's recipe"
    return f"The {trainings} beside {listing_of_names(labels)} {'are' if many else 'is'}"


def _way(reference: TrainingRecord) -> str:
    """Return `commit 55ae722ddb02, seed 0, float32, <conditions>`."""
    spec, recording = reference.spec, reference.recording
    conditions = one_line(recording.conditions, MAX_CONDITIONS) if recording else ""
    commit = f"commit {reference.git_commit[:12]}, " if reference.git_commit else ""
    return f"{commit}seed {spec.seed}, {spec.precision}, {conditions}"
