"""Part 1: what the error does as the latent size grows, beside PCA's."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobs import assignment
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.latent_sizes import agree, exponent
from jobs.report.analysis.noise import difference, mean_error
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Observation, cite
from jobs.report.published import PUBLISHED, Published
from jobs.report.wording import MAX_LISTED, capitalized, format_mse, format_percent, listing

SEE = ("figure-latent-size", "table-summary")
AT_PCA = 0.03
"""Share of PCA's error within which an error is near it."""
NEARLY_LINEAR = 0.99
"""Affine share of a decoder above which it has hardly a use for its hidden layers."""
CURVED = (
    "PCA lays a flat surface through the images. The tanh layers can bend theirs, and at the same "
    "number of coordinates a curved surface can pass nearer to the images if these do not lie flat."
)
BOTTLENECK = (
    "The decoder sees nothing of the image but its code, and a larger code can keep more of it. "
    "Unlike PCA's components, the coordinates of a code have no order: the loss is the same in any."
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield the figure of error against latent size, if there are two sizes or more."""
    groups = [group for group in study.comparable if group.values("final_test_mse")]
    if len({group.setting.latent_size for group in groups}) > 1:
        published = _published(study)
        yield Figure(
            key="figure-latent-size",
            picture=charts.latent_sizes(groups, published),
            alt=_alt(groups),
            caption="Final test error against the latent size, and PCA's with as many components; "
            "both axes are logarithmic." + _bars(groups) + _sources(published),
            width=0.95,
        )


def _published(study: Study) -> tuple[Published, ...]:
    """Return the errors to compare with, unless the figure of the study shows them."""
    return PUBLISHED if study.dataset.is_mnist and study.records.controlled_study is None else ()


def _sources(published: Sequence[Published]) -> str:
    sources = "; ".join(f"{source.what} {cite(source.key)}" for source in published)
    return f" Published errors: {sources}." if sources else ""


def _bars(groups: Sequence[Group]) -> str:
    several = any(len(group.values("final_test_mse")) > 1 for group in groups)
    return " Bars: one standard deviation over the seeds." if several else ""


def _alt(groups: Sequence[Group]) -> str:
    points = listing(
        f"{group.setting.latent_size} dimensions: autoencoder "
        f"{format_mse(group.mean('final_test_mse'))}, PCA {format_mse(group.mean('pca_test_mse'))}"
        for group in groups
    )
    return f"Error against latent size. {points}."


def against_pca(study: Study) -> Iterator[Observation]:
    """Compare each setting with PCA at the same latent size."""
    gains = {group.label: gain for group in study.sound if (gain := _gain(group)) is not None}
    if not gains:
        return
    yield Observation(
        kind="gain over PCA",
        numbers=gains,
        text=f"Compared with PCA with as many components, the final error is {_gains(gains)}."
        f"{_linear(study.sound)}",
        see=SEE,
        intuition=CURVED if all(gain.is_positive for gain in gains.values()) else "",
    )


def _linear(groups: Sequence[Group]) -> str:
    """Name settings that are no better than PCA and nearly linear themselves."""
    linear = listing(
        f"{group.label} is still practically linear: an affine map of its codes gives "
        f"{format_percent(share)} of the variance of its decoded images"
        for group in groups
        if (gain := _gain(group)) is not None
        and abs(gain.value) <= AT_PCA
        and (share := group.mean("decoder_affine_share") or 0.0) > NEARLY_LINEAR
    )
    return f" {capitalized(linear)}." if linear else ""


def _gain(group: Group) -> Estimate | None:
    """Return the share by which the final error is below PCA's."""
    finals, pca = group.values("final_test_mse"), group.mean("pca_test_mse")
    if not finals or not pca:
        return None
    mean = mean_error(finals, group.images)
    low, high = mean.interval or (mean.value, mean.value)
    return Estimate(1 - mean.value / pca, (1 - high / pca, 1 - low / pca))


def _gains(gains: Mapping[str, Estimate]) -> str:
    shares = [gain.value for gain in gains.values()]
    if len(gains) > MAX_LISTED and all(gain.is_positive for gain in gains.values()):
        low, high = format_percent(min(shares)), format_percent(max(shares))
        return f"{low} to {high} lower in {len(gains)} settings"
    return listing(f"{_compared(gain)} in {label}" for label, gain in gains.items())


def _compared(gain: Estimate) -> str:
    if gain.is_positive or gain.is_negative:
        return f"{format_percent(abs(gain.value))} {'lower' if gain.value > 0 else 'higher'}"
    return "not different beyond its noise"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Two neighbouring latent sizes."""

    small: Group
    large: Group
    fall: Estimate
    """By how much the final error falls."""

    @property
    def share(self) -> float:
        """The fall as a share of the error at the smaller size."""
        return self.fall.value / (self.small.mean("final_test_mse") or math.inf)

    @property
    def exponent(self) -> Estimate:
        """a of the power d^-a of the latent size d as which the error falls."""
        return _exponent([self.small, self.large])


def steps(study: Study) -> list[Step]:
    """Return the steps from each latent size to the next, of trainings that are sound."""
    known = [group for group in study.sound if group.values("final_test_mse")]
    return [
        Step(
            small=small,
            large=large,
            fall=difference(
                small.values("final_test_mse"), large.values("final_test_mse"), small.images
            ),
        )
        for small, large in pairwise(known)
        if small.setting.latent_size < large.setting.latent_size
    ]


def falls(study: Study) -> Iterator[Observation]:
    """Say what each step of the latent size does to the error, and what else changes."""
    taken = steps(study)
    if not taken:
        return
    text = f"The final error {listing(_steps(taken))} latent dimensions"
    falling = [step for step in taken if step.fall.is_positive]
    is_whole = len(falling) == len(taken) and not any(map(_is_cut_off, study.sound))
    powers = _powers(taken) if is_whole else ""
    yield Observation(
        kind="fall with latent size",
        numbers={_sizes(step): step.fall for step in taken},
        text=f"{text}.{powers}{_confounded(study)}",
        see=SEE,
        intuition=BOTTLENECK if len(falling) == len(taken) else "",
    )


def _sizes(step: Step) -> str:
    return f"{step.small.setting.latent_size} to {step.large.setting.latent_size}"


def _steps(taken: Sequence[Step]) -> Iterator[str]:
    """Yield `falls by 75% from 2 to 16`; the verb is not repeated."""
    before = ""
    for step in taken:
        verb = _verb(step)
        by = "" if verb == UNCHANGED else f" by {format_percent(abs(step.share))}"
        yield f"{verb if verb != before else ''}{by} from {_sizes(step)}".strip()
        before = verb


UNCHANGED = "does not change beyond its noise"


def _verb(step: Step) -> str:
    if step.fall.is_positive:
        return "falls"
    return "rises" if step.fall.is_negative else UNCHANGED


def _powers(taken: Sequence[Step]) -> str:
    """Return as what powers of the latent size the error falls: one if the steps agree in it.

    Only seeds tell how well each is known: single trainings share their test images, so that their
    errors differ by less than the noise of each.
    """
    if len(taken) < 2:
        return ""
    exponents = [step.exponent for step in taken]
    groups = [taken[0].small, *(step.large for step in taken)]
    if all(len(group.values("final_test_mse")) > 1 for group in groups) and agree(exponents):
        found = _exponent(groups)
        low, high = found.interval or (found.value, found.value)
        return (
            f" Within the noise {_all(len(taken))} follow one power d⁻ᵃ of the latent size d, a = "
            f"{found.value:.2f} (95%: {low:.2f} to {high:.2f}){_per_doubling(taken, found.value)}."
        )
    if len(taken) > MAX_LISTED:
        return ""
    listed = listing(
        f"{found.value:.2f} ({_sizes(step)})" for step, found in zip(taken, exponents, strict=True)
    )
    return f" As a power d⁻ᵃ of the latent size d it falls with a = {listed}."


def _all(steps: int) -> str:
    return "both steps" if steps == 2 else f"all {steps} steps"


def _per_doubling(taken: Sequence[Step], power: float) -> str:
    """Return by what share the error falls for each doubling, if the steps are not just these."""
    sizes = ((step.small.setting.latent_size, step.large.setting.latent_size) for step in taken)
    if all(large == 2 * small for small, large in sizes):
        return ""
    return f", by {format_percent(1 - 2**-power)} for each doubling"


def _exponent(groups: Sequence[Group]) -> Estimate:
    errors = [mean_error(group.values("final_test_mse"), group.images) for group in groups]
    return exponent([group.setting.latent_size for group in groups], errors)


def _confounded(study: Study) -> str:
    if study.controlled:
        return " Nothing but the latent size differs between these networks."
    stopped = any(map(_is_cut_off, study.sound))
    return (
        f" The widths of the hidden layers differ as well{', and trainings were cut off' * stopped}"
        ", so this is not the effect of the latent size alone."
    )


def _is_cut_off(group: Group) -> bool:
    """Return whether a training was stopped while its learning rate was still at its full height.

    How far the error has come by then depends on the speed of the training, which differs.
    """
    recipe = group.recipe
    return recipe.schedule == "constant" and recipe.iterations < assignment.RECIPE.iterations
