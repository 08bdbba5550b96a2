"""Part 1, reconstruction error against latent size: its topics, and what they show together."""

from collections.abc import Callable, Iterator
from itertools import chain

from jobs.report.analysis.seeds import of_all
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Equation, Heading, Observation, Paragraph
from jobs.report.sections import (
    controlled_study,
    curves,
    latent_size,
    named_again,
    recipes,
    reconstruction,
    train_error,
)
from jobs.report.sections.ending import part_ending

EQUATION = "MSE = 1 / (784 N) · sum over images n and pixels p of (x[n, p] − x̂[n, p])²"
"""The loss in words; the template sets the formula of the same name."""
QUESTION = (
    "How does the reconstruction error depend on the latent size, and what do the curves show on "
    "the way there? How does it compare with PCA, and why?"
)
TOPICS: tuple[Callable[[Study], Iterator[Block]], ...] = (
    curves.blocks,
    recipes.blocks,
    latent_size.blocks,
    controlled_study.blocks,
    reconstruction.blocks,
)
CLAIMS: tuple[Callable[[Study], Iterator[Observation]], ...] = (
    curves.not_finite,
    latent_size.against_pca,
    latent_size.falls,
    controlled_study.observations,
    curves.milestones,
    curves.plateaus,
    curves.spikes,
    curves.over_fitting,
    curves.falling,
    train_error.gap,
    recipes.times_to_target,
    reconstruction.extremes,
    named_again.changes,
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 1; nothing if there is no training."""
    if not study.groups:
        return
    yield Heading("Part 1: Reconstruction error against latent size")
    yield Paragraph(_measure(study), sticky=True)
    yield Equation("mse", EQUATION)
    yield Paragraph(
        "The test set plays no part in training. PCA, the linear method, is fitted to the training "
        "images and keeps as many components as the latent layer has units." + of_all(study.groups)
    )
    for topic in TOPICS:
        yield from topic(study)
    yield from part_ending(study, 1, observations(study), QUESTION)


def _measure(study: Study) -> str:
    scale = "0 is paper and 1 full ink" if study.dataset.is_mnist else "the largest value is 1"
    return (
        "Each network maps an image to a latent code and back. Its loss, and the error reported "
        "throughout, is the squared difference between an image and its reconstruction, averaged "
        f"over the 784 pixels, on a scale where {scale}, and over all N images:"
    )


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the errors, the most telling first."""
    return chain.from_iterable(claim(study) for claim in CLAIMS)
