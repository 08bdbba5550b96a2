"""Beyond the assignment: new images, decoded from codes that were drawn from a density.

A measure of one kind of images is said to be better than that of another only if they differ by
more than two sets of real images do.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aemodel.generation import COMPARED, COMPONENTS, FITTED, SAMPLES, SURE, Quality
from jobs.report import charts
from jobs.report.analysis.curve_shape import is_sound
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import share_difference
from jobs.report.analysis.study import Study
from jobs.report.blocks import (
    Block,
    Figure,
    Heading,
    Observation,
    Paragraph,
    Table,
    cite,
    observed,
    ref,
)
from jobs.report.records import Generated
from jobs.report.wording import capitalized, format_mse, format_percent, format_ratio, listing

SEE = ("table-generation",)
MANY_TIMES = 2.0
"""Ratio of Fréchet distances from which on a mixture is said to show what the literature has."""
WHY_MIXTURE = (
    "Nothing in the loss asks the codes to follow any density, and one Gaussian also covers places "
    "between the codes, from which the decoder was never trained to make an image. Ghosh et al. "
    f"{cite('ghosh')} report the same of a convolutional autoencoder with 16 latent dimensions: a "
    "Fréchet distance of 58.73 with a Gaussian and of 10.66 with a mixture of ten, in the features "
    "of another network."
)

Shown = tuple[Group, Generated]


def blocks(study: Study) -> Iterator[Block]:
    """Yield the generated images and their measures; nothing if no training recorded them."""
    shown = _shown(study.groups)
    if not shown:
        return
    yield Heading("Beyond the assignment: Generating images")
    yield Paragraph(_method(shown))
    labels = [group.label for group, _ in shown]
    yield Figure(
        key="figure-generation",
        picture=charts.generated([(group.label, found) for group, found in shown]),
        alt=f"Images decoded from drawn codes of {listing(labels)}: on the left from one Gaussian, "
        "on the right from a mixture.",
        caption="Images decoded from codes that were drawn from one Gaussian (left) and from a "
        "mixture of Gaussians (right): the first of each, not chosen.",
        width=0.8,
    )
    yield table(shown)
    if study.records.request.observations:
        yield from observed(observations(study))


def _shown(groups: Sequence[Group]) -> list[Shown]:
    """Return of each group the first training with generated images, as a group of its own."""
    firsts = ((g, next((t for t in g.trainings if t.generated), None)) for g in groups)
    return [
        (Group(group.name(training), (training,)), training.generated)
        for group, training in firsts
        if training is not None and training.generated is not None
    ]


def _method(shown: Sequence[Shown]) -> str:
    group, found = shown[0]
    components = {found.components for _, found in shown}
    number = str(components.pop()) if len(components) == 1 else ""
    counts = number or listing(f"{found.components} in {group.label}" for group, found in shown)
    noun, nouns = group.first.dataset.noun, group.first.dataset.nouns
    return (
        "An autoencoder generates images if codes are drawn at random and decoded. Two densities "
        f"are fitted to the codes of training images, at most {FITTED:,}: one Gaussian, and a "
        f"mixture of Gaussians with full covariances. The number of its components, {counts}, is "
        "the one with the highest likelihood of codes held back from the fit, among "
        f"{listing(map(str, COMPONENTS))} where there are codes enough. {ref('table-generation')} "
        f"measures {SAMPLES:,} generated images of each kind. A classifier with one hidden layer, "
        f"right for {format_percent(found.classifier_accuracy, 1)} of the test images, is the "
        f"ruler: how often it is sure of a {noun}, how evenly the {nouns} come, and the Fréchet "
        f"distance {cite('heusel')} between its hidden units for these images and for the test "
        "images."
    )


def table(shown: Sequence[Shown]) -> Table:
    """Return the measures: training images first, then three kinds of images of each network."""
    noun = shown[0][0].first.dataset.noun
    rows = [_row("training images", shown[0][1].real)]
    for group, found in shown:
        rows += [
            _row(f"{group.label}, reconstructions", found.reconstructions),
            _row(f"{group.label}, Gaussian", found.gaussian),
            _row(f"{group.label}, mixture of {found.components}", found.mixture),
        ]
    return Table(
        key="table-generation",
        caption="How good images are; training images and reconstructions are the scale. Nearest: "
        f"mean MSE to the nearest test image over the first {COMPARED:,} of them at most, which "
        "favours blurred images. Sure: share of images to one "
        f"{noun} of which the classifier gives a probability above {SURE:g}. Evenness: "
        f"the exponential of the entropy of the {noun} it names, over ten; 1 if all come equally "
        "often. Fréchet: distance to the test images, 0 is best; values compare only within this "
        "table.",
        columns=(
            ("Images", "left"), ("Nearest", "right"), ("Sure", "right"), ("Evenness", "right"),
            ("Fréchet", "right"),
        ),
        rows=rows,
    )  # fmt: skip


def _row(name: str, quality: Quality) -> list[str]:
    return [
        name,
        format_mse(quality.nearest_mse),
        format_percent(quality.sure, 1),
        f"{quality.evenness:.3f}",
        f"{quality.frechet:.2f}",
    ]


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the generated images."""
    shown = _shown([group for group in study.groups if all(map(is_sound, group.trainings))])
    yield from mixture_beside_gaussian(shown)
    yield from sureness(shown)
    yield from size(_shown(study.sound))


def mixture_beside_gaussian(shown: Sequence[Shown]) -> Iterator[Observation]:
    """Say in which networks the mixture's images are better than the Gaussian's, and how much."""
    ratios = {
        group.label: found.gaussian.frechet / found.mixture.frechet
        for group, found in shown
        if found.gaussian.frechet - found.mixture.frechet > found.real.frechet
    }
    if not ratios:
        return
    listed = listing(f"{format_ratio(ratio)} ({label})" for label, ratio in ratios.items())
    others = listing(group.label for group, _ in shown if group.label not in ratios)
    rest = f"; in {others} it is not better by more than real images differ" if others else ""
    yield Observation(
        kind="mixture beside Gaussian",
        numbers={label: Estimate(ratio) for label, ratio in ratios.items()},
        text=f"Images from one Gaussian are {listed} as far from the test images, in Fréchet "
        f"distance, as images from the mixture{rest}.",
        see=("figure-generation", *SEE),
        intuition=WHY_MIXTURE if max(ratios.values()) >= MANY_TIMES else "",
    )


def sureness(shown: Sequence[Shown]) -> Iterator[Observation]:
    """Say of how many images of each kind the classifier is sure, if the mixture changes that."""
    gains = {
        group.label: (found, gain)
        for group, found in shown
        if (gain := share_difference(found.mixture.sure, found.gaussian.sure, SAMPLES)).is_positive
    }
    if not gains:
        return
    listed = listing(
        f"{_whole(found.mixture.sure)} instead of {_whole(found.gaussian.sure)} in {label}"
        for label, (found, _) in gains.items()
    )
    real = _whole(shown[0][1].real.sure)
    yield Observation(
        kind="sureness",
        numbers={label: gain for label, (_, gain) in gains.items()},
        text="The classifier is sure of more images from the mixture than from the Gaussian: "
        f"{listed}. Of training images it is sure of {real}.",
        see=SEE,
    )


def _whole(share: float) -> str:
    return format_percent(share, decimals=0)


def size(shown: Sequence[Shown]) -> Iterator[Observation]:
    """Say if a larger code reconstructs better and yet generates worse."""
    for (small, before), (large, after) in pairwise(shown):
        errors = small.mean("final_test_mse"), large.mean("final_test_mse")
        if errors[0] is None or errors[1] is None or errors[1] >= errors[0]:
            continue
        worse = after.mixture.frechet - before.mixture.frechet
        if worse > before.real.frechet and small.setting.latent_size < large.setting.latent_size:
            yield Observation(
                kind="reconstruction beside generation",
                numbers={"mixture, Fréchet": Estimate(worse)},
                text=capitalized(
                    f"{large.label} reconstructs better than {small.label} and generates worse: "
                    f"the Fréchet distance of its mixture's images is {after.mixture.frechet:.1f} "
                    f"instead of {before.mixture.frechet:.1f}."
                ),
                see=SEE,
            )
