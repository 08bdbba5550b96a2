"""Beyond the assignment: new images, decoded from codes that were drawn from a density.

A measure of one kind of images is said to be better than that of another only if they differ by
more than two sets of real images do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import pairwise

import numpy as np

from aemodel.generation import (
    CODES_PER_NUMBER,
    COMPARED,
    COMPONENTS,
    FITTED,
    HELD_OUT,
    SAMPLES,
    SURE,
    Quality,
)
from jobs.report import charts
from jobs.report.analysis.curve_shape import is_sound
from jobs.report.analysis.estimate import Estimate, over_seeds, values_over_seeds
from jobs.report.analysis.groups import Group
from jobs.report.analysis.noise import share_difference
from jobs.report.analysis.seeds import has_seeds, ranged, shown
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
from jobs.report.sections.data import training_images
from jobs.report.wording import (
    capitalized,
    format_count,
    format_mse,
    format_percent,
    format_ratio,
    listing,
)

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

Found = tuple[Group, list[Generated]]
"""The trainings of a setting that generated images, and what they generated."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the generated images and their measures; nothing if no training recorded them."""
    found = _found(study.groups)
    if not found:
        return
    groups = [group for group, _ in found]
    labels = [group.label for group in groups]
    of_seed = f" Networks: {shown(groups)}." if has_seeds(groups) else ""
    yield Heading("Beyond the assignment: Generating images")
    yield Paragraph(_method(found))
    yield Figure(
        key="figure-generation",
        picture=charts.generated([(group.label, each[0]) for group, each in found]),
        alt=f"Images decoded from drawn codes of {listing(labels)}: on the left from one Gaussian, "
        "on the right from a mixture.",
        caption="Images decoded from codes that were drawn from one Gaussian (left) and from a "
        f"mixture of Gaussians (right): the first of each, not chosen.{of_seed}",
        width=0.8,
    )
    yield table(found)
    if study.records.request.observations:
        yield from observed(observations(study))


def _found(groups: Sequence[Group]) -> list[Found]:
    """Return the groups in which a training generated images, with these trainings alone."""
    found = []
    for group in groups:
        trainings = tuple(t for t in group.trainings if t.generated is not None)
        if trainings:
            each = [t.generated for t in trainings if t.generated is not None]
            found.append((Group(group.label, trainings), each))
    return found


def _method(found: Sequence[Found]) -> str:
    group, each = found[0]
    numbers = [listing(_components(images), "or") for _, images in found]
    counts = listing(f"{n} in {g.label}" for n, (g, _) in zip(numbers, found, strict=True))
    number = numbers[0] if len(set(numbers)) == 1 else counts
    noun, nouns = group.first.dataset.noun, group.first.dataset.nouns
    return (
        "An autoencoder generates images if codes are drawn at random and decoded. Two densities "
        f"are fitted to the codes of {_fitted(group)} training images: one Gaussian, and a "
        f"mixture of Gaussians with full covariances. The number of its components, {number}, is "
        "the one with the highest likelihood of codes held back from the fit, among "
        f"{listing(map(str, COMPONENTS))} where there are enough codes. {ref('table-generation')} "
        f"measures {SAMPLES:,} generated images of each kind. A classifier with one hidden layer, "
        f"trained on the training images and right for {_share(each[0].classifier_accuracy)} of "
        f"the test images, is the yardstick: how often it is sure of a {noun}, how evenly the "
        f"{nouns} come, and the (squared) Fréchet distance {cite('heusel')} between its hidden "
        "units for these images and for the test images."
    )


def _fitted(group: Group) -> str:
    """Return how many codes the densities were fitted to."""
    images = training_images(group.first)
    return format_count(min(FITTED, images - min(HELD_OUT, images // 5)))


def _components(each: Sequence[Generated]) -> list[str]:
    return [str(number) for number in sorted({images.components for images in each})]


def table(found: Sequence[Found]) -> Table:
    """Return the measures: training images first, then three kinds of images of each network."""
    groups = [group for group, _ in found]
    noun = groups[0].first.dataset.noun
    rows = [_row("training images", [found[0][1][0].real])]
    for group, each in found:
        components = listing(_components(each), "or")
        if known := _reconstructions(each):
            rows.append(_row(f"{group.label}, reconstructions", known))
        rows += [
            _row(f"{group.label}, Gaussian", [images.gaussian for images in each]),
            _row(f"{group.label}, mixture of {components}", [images.mixture for images in each]),
        ]
    measured = any(_reconstructions(each) for _, each in found)
    scale = f"training images{', and reconstructions of training images,' * measured}"
    return Table(
        key="table-generation",
        caption=f"How good images are; {scale} are the scale. "
        "Pixels are clipped to 0..1. "
        f"Nearest: MSE to the nearest test image, mean over the first {COMPARED:,} images; blurred "
        f"images score well. Sure: share of images for which the classifier gives some {noun} a "
        f"probability above {SURE:g}. Evenness: the exponential of the entropy of the {noun} it "
        "names, over ten; 1 if all come equally often. Fréchet: distance to the "
        "test images, 0 is best; values can be compared only within this table."
        + " Means over the seeds." * has_seeds(groups),
        columns=(
            ("Images", "left"), ("Nearest", "right"), ("Sure", "right"), ("Evenness", "right"),
            ("Fréchet", "right"),
        ),
        rows=rows,
    )  # fmt: skip


def _reconstructions(each: Sequence[Generated]) -> list[Quality]:
    """Return the measures of reconstructions, of the seeds that have them."""
    return [images.reconstructions for images in each if images.reconstructions]


def _row(name: str, each: Sequence[Quality]) -> list[str]:
    """Return the measures of one kind of images, as means over the seeds."""
    quality = Quality(*np.mean([astuple(quality) for quality in each], axis=0).tolist())
    return [
        name,
        format_mse(quality.nearest_mse),
        _share(quality.sure),
        f"{quality.evenness:.3f}",
        _distance(quality.frechet),
    ]


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the generated images."""
    found = _found([group for group in study.groups if all(map(is_sound, group.trainings))])
    yield from mixture_beside_gaussian(found)
    yield from sureness(found)
    yield from size(_found(study.sound))


def mixture_beside_gaussian(found: Sequence[Found]) -> Iterator[Observation]:
    """Say in which networks the mixture's images are better or worse than the Gaussian's."""
    better = [(group, each) for group, each in found if all(map(_is_better, each))]
    worse = [(group, each) for group, each in found if all(map(_is_worse, each))]
    even = [
        group.label
        for group, each in found
        if not any(_is_better(images) or _is_worse(images) for images in each)
    ]
    ratios = {
        group.label: [images.gaussian.frechet / images.mixture.frechet for images in each]
        for group, each in (*better, *worse)
    }
    if not ratios:
        return
    sentences = []
    if better:
        listed = listing(ranged(ratios[group.label], _times, of=group.label) for group, _ in better)
        sentences.append(
            f"The Fréchet distance of images from one Gaussian is {listed} times that of images "
            "from the mixture."
        )
    if worse:
        sentences.append(
            "The Fréchet distance of images from the mixture is larger than that of images from "
            f"one Gaussian in {listing(_beside(group, each) for group, each in worse)}."
        )
    already = {group.label: each for group, each in found if group.label in ratios}
    if floors := listing(filter(None, map(_floor, already, already.values()))):
        sentences.append(f"For reconstructions of training images it is {floors}.")
    if even:
        sentences.append(f"In {listing(even)} they differ by no more than two sets of real images.")
    largest = max(max(each) for each in ratios.values())
    yield Observation(
        kind="mixture beside Gaussian",
        numbers={label: values_over_seeds(each) for label, each in ratios.items()},
        text=" ".join(sentences),
        see=("figure-generation", *SEE),
        intuition=WHY_MIXTURE if largest >= MANY_TIMES else "",
    )


def _floor(label: str, each: Sequence[Generated]) -> str:
    """Return `15.05 (setting 1)`: the distance that no density takes away."""
    known = [quality.frechet for quality in _reconstructions(each)]
    return ranged(known, _distance, of=label) if known else ""


def _is_better(images: Generated) -> bool:
    return images.gaussian.frechet - images.mixture.frechet > images.real.frechet


def _is_worse(images: Generated) -> bool:
    return images.mixture.frechet - images.gaussian.frechet > images.real.frechet


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 1.95 else format_ratio(ratio).removesuffix(" times")


def _beside(group: Group, each: Sequence[Generated]) -> str:
    """Return `setting 2 (20.12 against 19.10)`."""
    mixture = np.mean([images.mixture.frechet for images in each])
    gaussian = np.mean([images.gaussian.frechet for images in each])
    return f"{group.label} ({_distance(float(mixture))} against {_distance(float(gaussian))})"


def _distance(frechet: float) -> str:
    return f"{frechet:.2f}"


def sureness(found: Sequence[Found]) -> Iterator[Observation]:
    """Say of how many images of each kind the classifier is sure, if the mixture changes that."""
    gains = {group.label: _gain(each) for group, each in found}
    told = [(group, each) for group, each in found if gains[group.label].is_positive]
    if not told:
        return
    listed = listing(
        f"{ranged([images.mixture.sure for images in each], _share)} instead of "
        f"{ranged([images.gaussian.sure for images in each], _share)} in {group.label}"
        for group, each in told
    )
    real = found[0][1][0].real.sure
    yield Observation(
        kind="sureness",
        numbers={group.label: gains[group.label] for group, _ in told},
        text="The classifier is sure of more images from the mixture than from the Gaussian: "
        f"{listed}. Of training images, on which it was trained, it is sure of {_share(real)}.",
        see=SEE,
    )


def _gain(each: Sequence[Generated]) -> Estimate:
    """Return of how many more images of the mixture the classifier is sure."""
    return over_seeds(
        [share_difference(images.mixture.sure, images.gaussian.sure, SAMPLES) for images in each]
    )


def _share(share: float) -> str:
    return format_percent(share, decimals=1)


def size(found: Sequence[Found]) -> Iterator[Observation]:
    """Say if a larger code reconstructs better and yet generates worse, in every seed."""
    for (small, before), (large, after) in pairwise(found):
        errors = small.values("final_test_mse"), large.values("final_test_mse")
        if not all(errors) or max(errors[1]) >= min(errors[0]):
            continue
        near, far = ([images.mixture.frechet for images in each] for each in (before, after))
        worse = min(far) - max(near) > before[0].real.frechet
        if worse and small.setting.latent_size < large.setting.latent_size:
            yield Observation(
                kind="reconstruction beside generation",
                numbers={"mixture, Fréchet": Estimate(float(np.mean(far) - np.mean(near)))},
                text=capitalized(
                    f"{large.label} reconstructs better than {small.label} and generates worse: "
                    f"the Fréchet distance of its mixture's images is {ranged(far, _distance)} "
                    f"instead of {ranged(near, _distance)}{_fewer(large, before, after)}."
                ),
                see=SEE,
            )


def _fewer(large: Group, before: Sequence[Generated], after: Sequence[Generated]) -> str:
    """Say that the mixture of the larger codes could not have as many components, if so."""
    least = min(images.components for images in before)
    numbers = large.setting.latent_size
    if FITTED // (CODES_PER_NUMBER * numbers) >= least:
        return ""
    return (
        f"; its mixture has {listing(_components(after), 'or')} components, not "
        f"{listing(_components(before), 'or')}, for which {FITTED:,} codes of {numbers} numbers "
        "are too few by the program's rule"
    )
