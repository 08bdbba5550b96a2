"""Part 1: error against latent size in a controlled study, where nothing else but the seed differs.

Every statement on a difference is a test over the seeds or an interval; what they do not decide is
said to be undecided.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aemodel.intrinsic_dimension import POINTS
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.latent_sizes import (
    PowerLaws,
    Step,
    gain,
    mean_error,
    power_laws,
    steps,
)
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, cite
from jobs.report.dataset import DatasetRecord
from jobs.report.published import PUBLISHED, Published
from jobs.report.records import ControlledStudy, SizeErrors
from jobs.report.wording import (
    OPTIMIZERS,
    UNKNOWN,
    capitalized,
    format_count,
    format_mse,
    format_percent,
    format_spread,
    listing,
)

FIGURE, TABLE = "figure-controlled-study", "table-controlled-study"
SEE = (FIGURE, TABLE)
FEWEST_SIZES = 4
"""Latent sizes from which on a power law is fitted: fewer leave next to nothing to judge it by."""
CAPTION = (
    "Error against latent size, on logarithmic axes: means of the controlled study with their 95% "
    "confidence intervals over the seeds, and PCA with as many components."
)
COLUMNS = (
    *(("Latent size", "right"), ("Final test MSE", "right"), ("95% interval", "right")),
    *(("PCA", "right"), ("Below PCA", "right"), ("p of the step", "right")),
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield what was trained, the figure and the table; nothing without a study of two sizes."""
    controlled = shown(study)
    if controlled is None:
        return
    yield Heading("The latent size alone", 2)
    yield Paragraph(_introduction(controlled))
    yield _figure(study, controlled)
    yield _table(controlled)


def shown(study: Study) -> ControlledStudy | None:
    """Return the study that the document is to show, if it has two latent sizes or more."""
    controlled = study.records.controlled_study
    return controlled if controlled and len(controlled.sizes) > 1 else None


def _introduction(controlled: ControlledStudy) -> str:
    recipe, sizes = controlled.recipe, controlled.sizes
    hidden = "-".join(map(str, controlled.hidden_widths))
    trainings = sum(len(size.errors) for size in sizes)
    text = (
        f"The {trainings} networks of a controlled study differ in latent size and seed alone: "
        f"hidden layers {hidden}, recipe {recipe.name} ({format_count(recipe.iterations)} "
        f"iterations of {OPTIMIZERS[recipe.optimizer]} at batch {recipe.batch_size}), "
        f"{controlled.precision}."
    )
    if controlled.failed:
        text += f" Trainings that did not finish, and are left out: {controlled.failed}."
    return text


# --- Figure and table ------------------------------------------------------------------------


def _figure(study: Study, controlled: ControlledStudy) -> Figure:
    from jobs.artifacts.figures import svg
    from jobs.artifacts.latent_size_figure import Marks, error_by_latent_size

    means = [mean_error(size.errors) for size in controlled.sizes]
    groups, published = _settings(study, controlled), _published(controlled)
    settings = tuple((g.setting.latent_size, g.mean("final_test_mse") or 0.0) for g in groups)
    others = [Marks("the settings of this document", settings)] if settings else []
    others += [Marks(source.label, source.errors) for source in published]
    drawn = error_by_latent_size(
        [(size.latent_size, m.value) for size, m in zip(controlled.sizes, means, strict=True)],
        [mean.interval or (mean.value, mean.value) for mean in means],
        [(size.latent_size, size.pca) for size in controlled.sizes],
        others,
    )
    return Figure(
        key=FIGURE,
        picture=svg(drawn),
        alt=_alt(controlled.sizes),
        caption=CAPTION + _differences(groups, controlled) + _sources(published),
        width=0.85,
    )


def _settings(study: Study, controlled: ControlledStudy) -> list[Group]:
    """Return the document's settings on the same data."""
    digest = controlled.data_digest
    return [group for group in study.sound if group.first.spec.data_digest == digest]


def _published(controlled: ControlledStudy) -> tuple[Published, ...]:
    return PUBLISHED if DatasetRecord(controlled.data_digest).is_mnist else ()


def _differences(groups: Sequence[Group], controlled: ControlledStudy) -> str:
    """Say in what the document's settings differ from the networks of the study."""
    other_hidden = [g.label for g in groups if g.setting.hidden_widths != controlled.hidden_widths]
    other_recipes = dict.fromkeys(
        f"{g.recipe.name} ({format_count(g.recipe.iterations)} iterations)"
        for g in groups
        if g.recipe != controlled.recipe
    )
    text = ""
    if other_hidden:
        have = "has" if len(other_hidden) == 1 else "have"
        text += f" {capitalized(listing(other_hidden))} {have} other hidden layers."
    if other_recipes:
        text += f" The settings of this document have another recipe: {listing(other_recipes)}."
    return text


def _sources(published: Sequence[Published]) -> str:
    sources = (f"{source.what} {cite(source.key)}" for source in published)
    return f" Published: {'; '.join(sources)}." if published else ""


def _alt(sizes: Sequence[SizeErrors]) -> str:
    points = listing(
        f"{size.latent_size}: {format_mse(mean_error(size.errors).value)}, PCA "
        f"{format_mse(size.pca)}"
        for size in sizes
    )
    return f"Mean test error for each latent size. {points}."


def _table(controlled: ControlledStudy) -> Table:
    into = {step.large: step for step in steps(controlled.sizes)}
    return Table(
        key=TABLE,
        caption="The controlled study. Error: mean ± standard deviation over the seeds, n their "
        "number. Below PCA: the share by which the mean is lower, with its 95% interval. p of the "
        "step: of Welch’s test against the size above in the table, with Holm’s correction. "
        "Intervals and tests are over seeds, whose errors are taken for normally distributed; the "
        "test images are the same throughout.",
        columns=COLUMNS,
        rows=[_row(size, into.get(size.latent_size)) for size in controlled.sizes],
    )


def _row(size: SizeErrors, step: Step | None) -> list[str]:
    mean, share = mean_error(size.errors), gain(size)
    return [
        str(size.latent_size),
        format_spread(size.errors),
        UNKNOWN if mean.interval is None else " to ".join(map(format_mse, mean.interval)),
        format_mse(size.pca),
        _percent(share),
        UNKNOWN if step is None else _p_value(step.p_value),
    ]


def _percent(share: Estimate) -> str:
    """Return a share with its interval, such as `34% (31% to 37%)`."""
    text = format_percent(share.value)
    if share.interval is None:
        return text
    return f"{text} ({' to '.join(map(format_percent, share.interval))})"


def _p_value(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


# --- Observations ----------------------------------------------------------------------------


def observations(study: Study) -> Iterator[Observation]:
    """Yield what the seeds of the controlled study support."""
    controlled = shown(study)
    if controlled is None:
        return
    taken = steps(controlled.sizes)
    yield from _falls(taken)
    yield from _gains(controlled.sizes)
    yield from _exponents(controlled.sizes)
    yield from _beyond_intrinsic_dimension(controlled, taken)


def _falls(taken: Sequence[Step]) -> Iterator[Observation]:
    """Say at which steps the error falls, rises, or does what the seeds do not decide."""
    if not taken:
        return
    falling = [step for step in taken if step.falls]
    rising = [step for step in taken if step.rises]
    open_ = [step for step in taken if not (step.falls or step.rises)]
    parts = []
    if falling:
        parts.append(f"falls {_where(falling, taken)} by more than the seeds explain")
    if rising:
        parts.append(f"rises {_where(rising, taken)} by more than the seeds explain")
    text = f"In the controlled study the mean error {listing(parts)}" if parts else ""
    tests = (
        f"Welch’s t test {cite('welch')}, Holm’s correction {cite('holm')} for {len(taken)} "
        f"{'step' if len(taken) == 1 else 'steps'}"
    )
    if parts:
        largest = max(step.p_value for step in (*falling, *rising))
        text += f" ({tests}; p {'' if largest < 0.001 else 'at most '}{_p_value(largest)})."
    if open_ and parts:
        text += f" Whether it changes {_where(open_, taken)} the seeds leave open."
    elif open_:
        text = f"Whether the mean error of the controlled study changes {_where(open_, taken)}, "
        text += f"the seeds leave open ({tests})."
    yield Observation(
        kind="steps of the latent size",
        numbers={f"{step.small} to {step.large}": Estimate(step.fall) for step in taken},
        text=text,
        see=SEE,
    )


def _where(some: Sequence[Step], all_: Sequence[Step]) -> str:
    """Return `at every step from 1 to 64`, or the steps: `from 16 to 32 and from 32 to 64`."""
    is_chain = all(one.large == next_.small for one, next_ in pairwise(some))
    if len(some) > 1 and is_chain:
        every = "at every step" if len(some) == len(all_) else f"at the {len(some)} steps"
        return f"{every} from {some[0].small} to {some[-1].large}"
    return listing(f"from {step.small} to {step.large}" for step in some)


def _gains(sizes: Sequence[SizeErrors]) -> Iterator[Observation]:
    """Compare the means with PCA's error, for sizes that have several seeds."""
    gains = {size.latent_size: gain(size) for size in sizes if len(size.errors) > 1}
    if not gains:
        return
    below = [size for size, share in gains.items() if share.is_positive]
    above = [size for size, share in gains.items() if share.is_negative]
    open_ = [size for size in gains if size not in (*below, *above)]
    parts = []
    if below:
        least, most = (pick(below, key=lambda s: gains[s].value) for pick in (min, max))
        extremes = f"by {_percent(gains[least])} at {least}"
        if most != least:
            extremes = f"least {extremes} and most by {_percent(gains[most])} at {most}"
        parts.append(f"is lower at {_sizes(below)}, {extremes}")
    if above:
        parts.append(f"is higher at {_sizes(above)}")
    if open_:
        parts.append(f"does not differ beyond what the seeds explain at {_sizes(open_)}")
    yield Observation(
        kind="controlled gain over PCA",
        numbers={str(size): share for size, share in gains.items()},
        text="Compared with PCA with as many components, the mean error of the controlled study "
        f"{listing(parts)} (95% intervals over the seeds).",
        see=SEE,
    )


def _sizes(sizes: Sequence[int]) -> str:
    return f"latent size{'s' * (len(sizes) > 1)} {listing(map(str, sizes))}"


def _exponents(sizes: Sequence[SizeErrors]) -> Iterator[Observation]:
    """Compare the slopes of the logarithmic plot."""
    laws = power_laws(sizes) if len(sizes) >= FEWEST_SIZES else None
    if laws is None:
        return
    first, last = sizes[0].latent_size, sizes[-1].latent_size
    yield Observation(
        kind="exponents",
        numbers={"network": laws.network, "PCA": laws.pca, "network − PCA": laws.steeper},
        text=f"Fitted by a power d^−a of the latent size d from {first} to {last}, the mean error "
        f"has the exponent a = {_exponent(laws.network)} and PCA’s {_exponent(laws.pca)}. "
        f"{_steepness(laws)}{_bend(laws)}",
        see=(FIGURE,),
    )


def _exponent(estimate: Estimate) -> str:
    low, high = estimate.interval or (estimate.value, estimate.value)
    text = f"{estimate.value:.2f} (95% interval {low:.2f} to {high:.2f})"
    return text.replace("-", "−")


def _steepness(laws: PowerLaws) -> str:
    if laws.steeper.is_positive or laws.steeper.is_negative:
        faster = "faster" if laws.steeper.is_positive else "more slowly"
        difference = _exponent(laws.steeper)
        return f"The error of the networks falls {faster}: the difference is {difference}."
    return f"Which of the two falls faster these errors do not decide: {_exponent(laws.steeper)}."


def _bend(laws: PowerLaws) -> str:
    """Say that the errors are not on a line, if they are not: the exponent is then an average."""
    if laws.bend is None or not (laws.bend.is_positive or laws.bend.is_negative):
        return ""
    shape = "flattens" if laws.bend.is_positive else "steepens"
    return f" The line of the networks {shape} with the latent size, so its exponent is an average."


def _beyond_intrinsic_dimension(
    controlled: ControlledStudy, taken: Sequence[Step]
) -> Iterator[Observation]:
    """Set the steps beside the intrinsic dimension of the images."""
    dimension = controlled.intrinsic_dimension
    if dimension is None:
        return
    beyond = [step for step in taken if step.small >= dimension]
    yield Observation(
        kind="intrinsic dimension",
        numbers={"intrinsic dimension": Estimate(dimension)},
        text=f"TwoNN {cite('facco')} estimates the intrinsic dimension of training images (at most "
        f"{format_count(POINTS)} of them) as {dimension:.1f}: about as many numbers would "
        f"describe them locally if they lay on a smooth surface.{_beyond(beyond)}",
        see=SEE,
    )


def _beyond(steps_: Sequence[Step]) -> str:
    if falling := [step for step in steps_ if step.falls]:
        return (
            f" Beyond that size the error of these networks still falls {_where(falling, steps_)}."
        )
    if steps_:
        return " Beyond that size no step lowers the error by more than the seeds explain."
    return ""
