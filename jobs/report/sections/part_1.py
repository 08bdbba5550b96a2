"""Part 1, reconstruction error against latent size: its topics, and what they show together."""

from collections.abc import Callable, Iterator
from itertools import chain

from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Equation, Heading, Observation, Paragraph, observed
from jobs.report.sections import curves, latent_size, recipes, reconstruction

EQUATION = "MSE = 1 / (784 N) · sum over images n and pixels p of (x[n, p] − x̂[n, p])²"
"""The loss in words; the template sets the formula of the same name."""
MEASURE = (
    "Each network maps an image to a latent code and back. Its loss, and the error reported "
    "throughout, is the squared difference between an image and its reconstruction, averaged over "
    "the 784 pixels, on the scale where black is 0 and white is 1, and over all N images:"
)
BASELINE = (
    "The test error is taken over the whole test set, which plays no part in training. PCA, the "
    "linear method, is fitted to the training images and keeps as many components as the latent "
    "layer has units."
)
TOPICS: tuple[Callable[[Study], Iterator[Block]], ...] = (
    curves.blocks,
    recipes.blocks,
    latent_size.blocks,
    reconstruction.blocks,
)
CLAIMS: tuple[Callable[[Study], Iterator[Observation]], ...] = (
    curves.not_finite,
    reconstruction.order,
    latent_size.seed_gaps,
    latent_size.against_pca,
    latent_size.diminishing_returns,
    curves.plateaus,
    curves.spikes,
    curves.over_fitting,
    curves.falling,
    reconstruction.digits,
    recipes.times_to_target,
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 1; nothing if there is no training."""
    if not study.groups:
        return
    yield Heading("Part 1: Reconstruction error against latent size")
    yield Paragraph(MEASURE)
    yield Equation("mse", EQUATION)
    yield Paragraph(BASELINE)
    for topic in TOPICS:
        yield from topic(study)
    yield from observed(observations(study))


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the errors, the most telling first."""
    return chain.from_iterable(claim(study) for claim in CLAIMS)
