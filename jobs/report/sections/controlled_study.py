"""Part 1: error against latent size in a controlled study, where nothing else but the seed differs.

Every statement on a difference is a test over the seeds or an interval; what they do not decide is
said to be undecided.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aemodel.data import MNIST_DIGEST
from aemodel.intrinsic_dimension import POINTS
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.latent_sizes import (
    Slope,
    Step,
    common_exponent,
    gain,
    mean_error,
    slopes,
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
    recipe_label,
)

FIGURE, TABLE = "figure-controlled-study", "table-controlled-study"
SEE = (FIGURE, TABLE)
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
        f"hidden layers {hidden}, recipe {recipe_label(recipe)} ({format_count(recipe.iterations)} "
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
        f"{recipe_label(g.recipe)} ({format_count(g.recipe.iterations)} iterations)"
        for g in groups
        if g.recipe != controlled.recipe
    )
    text = ""
    if other_hidden:
        have = "has" if len(other_hidden) == 1 else "have"
        text += f" {capitalized(listing(other_hidden))} {have} other hidden layers."
    if other_recipes:
        text += (
            f" The settings of this document have another recipe, {listing(other_recipes)}, so "
            "their errors and exponents are not those of the study."
        )
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
    """Return a share with its interval, such as `34% (31% to 37%)`.

    They get decimals until the ends of the interval differ, two at most.
    """
    if share.interval is None:
        return format_percent(share.value)
    for decimals in (None, 1, 2):
        value, low, high = (format_percent(s, decimals) for s in (share.value, *share.interval))
        if low != high:
            break
    return f"{value} ({low} to {high})"


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
    yield from _slopes(controlled.sizes)
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


def _where(some: Sequence[Step | Slope], all_: Sequence[Step | Slope]) -> str:
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


def _slopes(sizes: Sequence[SizeErrors]) -> Iterator[Observation]:
    """Compare how steeply the two errors fall between neighbouring sizes."""
    taken = slopes(sizes)
    if len(taken) < 2:
        return
    common = common_exponent(sizes)
    own = _range([slope.network.value for slope in taken]) if common is None else _power(common)
    yield Observation(
        kind="exponents",
        numbers={
            f"{slope.small} to {slope.large}, {name}": estimate
            for slope in taken
            for name, estimate in (("networks", slope.network), ("PCA", Estimate(slope.pca)))
        },
        text="Between neighbouring sizes the mean error of the controlled study falls as a power "
        f"d⁻ᵃ of the latent size d with {own}, PCA’s with {_range([s.pca for s in taken])}."
        f"{_steeper(taken)}",
        see=(FIGURE, TABLE),
    )


def _range(exponents: Sequence[float]) -> str:
    low, high = (f"{end:.2f}".replace("-", "−") for end in (min(exponents), max(exponents)))
    return f"a = {low}" if low == high else f"a from {low} to {high}"


def _power(exponent: Estimate) -> str:
    low, high = exponent.interval or (exponent.value, exponent.value)
    text = f"about the same a = {exponent.value:.2f} ({low:.2f} to {high:.2f}) everywhere"
    return text.replace("-", "−")


def _steeper(taken: Sequence[Slope]) -> str:
    """Say where the networks' error falls faster than PCA's and where more slowly."""
    faster = [slope for slope in taken if slope.steeper.is_positive]
    slower = [slope for slope in taken if slope.steeper.is_negative]
    open_ = [slope for slope in taken if slope not in (*faster, *slower)]
    parts = []
    if faster:
        parts.append(f"faster than PCA’s {_where(faster, taken)}")
    if slower:
        parts.append(f"more slowly {'' if faster else 'than PCA’s '}{_where(slower, taken)}")
    text = f" It falls {listing(parts)}." if parts else ""
    if open_:
        text += f" Which of the two falls faster {_where(open_, taken)} the seeds leave open."
    return text


def _beyond_intrinsic_dimension(
    controlled: ControlledStudy, taken: Sequence[Step]
) -> Iterator[Observation]:
    """Set the steps beside the intrinsic dimension of the images."""
    dimension = controlled.intrinsic_dimension
    if dimension is None:
        return
    beyond = [step for step in taken if step.small >= dimension]
    most = "" if controlled.data_digest == MNIST_DIGEST else "at most "
    yield Observation(
        kind="intrinsic dimension",
        numbers={"intrinsic dimension": Estimate(dimension)},
        text=f"TwoNN {cite('facco')} estimates the intrinsic dimension of training images as "
        f"about {dimension:.0f} (from {most}{format_count(POINTS)} of them; the estimate depends "
        "on their number and choice): as many numbers would describe them locally if they lay on a "
        f"smooth surface.{_beyond(beyond)}",
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
