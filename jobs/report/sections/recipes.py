"""Part 1: trainings beside those of the assignment's recipe."""

from collections.abc import Iterator, Sequence

from jobs.report import charts
from jobs.report.analysis.comparison import (
    Comparison,
    TimeToTarget,
    sustained_time_to,
    time_to,
)
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation, Table
from jobs.report.wording import (
    UNKNOWN,
    capitalized,
    format_count,
    format_mse,
    format_percent,
    format_seconds,
    listing,
    one_line,
)

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


def blocks(study: Study) -> Iterator[Block]:
    """Yield both recipes' curves and times; nothing if there is nothing to compare."""
    if study.comparisons:
        yield Figure(
            key="figure-recipes",
            picture=charts.recipes(study.comparisons),
            alt=_alt(study.comparisons),
            caption=CAPTION,
            floats=True,
        )
        yield table(study.comparisons)


def times_to_target(study: Study) -> Iterator[Observation]:
    """Say of each training whether and when it is as good as the assignment's."""
    for comparison in study.comparisons:
        reached = comparison.reached
        yield Observation(
            kind="time to target",
            text=_reached(comparison, reached) if reached else _missed(comparison),
            see=("figure-recipes", "table-recipes"),
            intuition=_intuition(comparison),
        )


def _missed(comparison: Comparison) -> str:
    final, seconds = float(comparison.curve.test_mse[-1]), float(comparison.curve.seconds[-1])
    target = comparison.target_mse
    return (
        f"{capitalized(comparison.label)} does not end as low as by the assignment's recipe: at "
        f"{format_mse(final)} in place of {format_mse(target)}, "
        f"{format_percent(final / target - 1)} higher, after {format_seconds(seconds)}, "
        f"{_share(comparison, seconds)} of the {_length(comparison)} that one took."
    )


def _reached(comparison: Comparison, reached: TimeToTarget) -> str:
    return (
        f"{capitalized(comparison.label)} stays at or below the final error of the assignment's "
        f"recipe ({format_mse(comparison.target_mse)}) {_from(reached)}: "
        f"{_share(comparison, reached.seconds)} of the {_length(comparison)} that one took. The "
        "assignment's training was first as low at "
        f"{_moment(time_to(comparison.reference_curve, comparison.target_mse))}; "
        f"{_best(comparison)}."
    )


def _best(comparison: Comparison) -> str:
    """Say whether the best error of the reference is reached as well."""
    lowest = comparison.lowest_mse
    best = f"{format_mse(lowest)} at {_moment(time_to(comparison.reference_curve, lowest))}"
    reached = sustained_time_to(comparison.curve, lowest)
    if reached is None:
        end = format_mse(float(comparison.curve.test_mse[-1]))
        return f"its best error, {best}, is lower than the {end} at which this one ends"
    return f"at or below its best error, {best}, this one stays {_from(reached)}"


def _share(comparison: Comparison, seconds: float) -> str:
    return format_percent(comparison.share(seconds))


def _length(comparison: Comparison) -> str:
    return format_seconds(float(comparison.reference_curve.seconds[-1]))


def _from(reached: TimeToTarget) -> str:
    iteration, seconds = format_count(reached.iteration), format_seconds(reached.seconds)
    return f"from iteration {iteration} on, after {seconds}"


def _moment(reached: TimeToTarget) -> str:
    iteration, seconds = format_count(reached.iteration), format_seconds(reached.seconds)
    return f"iteration {iteration} (after {seconds})"


def _intuition(comparison: Comparison) -> str:
    """Say why SOAP needs fewer steps, if it did; what a step costs is in the times."""
    reached, soap = comparison.reached, comparison.training.spec.recipe.optimizer == "soap"
    early = time_to(comparison.reference_curve, comparison.target_mse).iteration
    return SOAP_STEPS if soap and reached and reached.iteration <= FEW_STEPS * early else ""


def summary(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield after which share of the assignment's time it was as good, for each latent size."""
    if not comparisons:
        return
    sizes = listing(str(c.training.spec.setting.latent_size) for c in comparisons)
    final = [comparison.reached for comparison in comparisons]
    lowest = [sustained_time_to(c.curve, c.lowest_mse) for c in comparisons]
    text = f"With latent size {sizes} the final error of the assignment's recipe is"
    if any(final):
        best = _shares(comparisons, lowest)
        yield f"{text} reached {_shares(comparisons, final)}, its lowest error {best}."
    else:
        yield f"{text} not reached."


def _shares(comparisons: Sequence[Comparison], times: Sequence[TimeToTarget | None]) -> str:
    """Return `after 3.0% and 4.0% of its time (never by setting 2)`, or just `never`."""
    if not any(times):
        return "never"
    pairs = list(zip(comparisons, times, strict=True))
    shares = listing(_share(comparison, time.seconds) for comparison, time in pairs if time)
    missed = listing(comparison.label for comparison, time in pairs if not time)
    return f"after {shares} of its time" + (f" (never by {missed})" if missed else "")


def _alt(comparisons: Sequence[Comparison]) -> str:
    ends = listing(
        f"{c.label} ends at {format_mse(float(c.curve.test_mse[-1]))} after "
        f"{format_seconds(float(c.curve.seconds[-1]))}, by the assignment's recipe at "
        f"{format_mse(c.target_mse)} after {_length(c)}"
        for c in comparisons
    )
    return f"Curves of test error of both recipes over iterations and over seconds: {ends}."


def table(comparisons: Sequence[Comparison]) -> Table:
    """Return final errors and times of both recipes, one row per comparison."""
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
    return Table(
        key="table-recipes",
        caption=caption + _threads(comparisons),
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
        format_mse(comparison.reference.final_test_mse),
        format_mse(comparison.lowest_mse),
        _length(comparison),
        format_seconds(reached.seconds) if reached else "never",
        _share(comparison, reached.seconds) if reached else UNKNOWN,
    ]


def _threads(comparisons: Sequence[Comparison]) -> str:
    """Return a remark if a training had other threads than its reference: times differ then."""
    threads = ((c.label, c.training.spec.threads, c.reference.spec.threads) for c in comparisons)
    differing = listing(
        f"{own} for {label} ({reference} by the assignment's recipe)"
        for label, own, reference in threads
        if own and reference and own != reference
    )
    return f" The threads were not the same: {differing}." if differing else ""
